//! The graph of goals: which derivations have to be built for what was asked for, in what order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attributes::Attributes;
use crate::derivation::{Derivation, DerivationKind};
use crate::error::{BuildFailureKind, StoreError};
use crate::event::{Event, Events, Level};
use crate::path::StorePath;
use crate::realise::{BuildMode, DerivedPath, OutputNames, RealiseOptions};
use crate::store::Store;
use crate::substitute::{Provided, Substituter};

/// A derivation that has to be built, or cannot be.
pub(super) struct Goal {
    /// What to build; without it, the goal has failed already.
    pub(super) derivation: Result<Arc<Derivation>, Unbuildable>,
    /// What to do about outputs that are valid.
    pub(super) mode: BuildMode,
    /// The goals that have to be reached first.
    pub(super) needs: BTreeSet<StorePath>,
    /// The outputs somebody wants.
    pub(super) wanted: BTreeSet<String>,
}

impl Goal {
    /// Wants outputs as well, or the derivation's file; `false` if there is nothing to wait for.
    fn adds(&mut self, outputs: Option<&OutputNames>) -> bool {
        match (outputs, &self.derivation) {
            // The derivation's file is wanted, which is there already.
            (None, Ok(_)) => return false,
            (Some(outputs), Ok(derivation)) => {
                let names = derivation.outputs.keys().filter(|name| outputs.contains(name));
                self.wanted.extend(names.cloned());
            }
            (_, Err(_)) => {}
        }
        true
    }
}

/// Why a goal cannot be reached, known before anything is built.
#[derive(Debug, Clone)]
pub(super) struct Unbuildable {
    pub(super) kind: BuildFailureKind,
    pub(super) message: String,
}

/// The goals, and the order in which they were met: wanted before needed.
#[derive(Default)]
pub(super) struct Graph {
    pub(super) goals: BTreeMap<StorePath, Goal>,
    pub(super) order: Vec<StorePath>,
}

/// What is being asked for: outputs of a derivation, or a path as such.
struct Request {
    path: StorePath,
    outputs: Option<OutputNames>,
    mode: BuildMode,
    /// The goal that needs it.
    dependent: Option<StorePath>,
}

impl Graph {
    /// Returns the goals to reach for `targets`.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(super) fn new(
        store: &dyn Store,
        targets: &[DerivedPath],
        mode: BuildMode,
        provider: &mut Provider<'_>,
    ) -> Result<Self, StoreError> {
        let mut graph = Self::default();
        let mut valid = BTreeSet::new();
        let mut pending: Vec<Request> = targets
            .iter()
            .rev()
            .map(|target| match target {
                DerivedPath::Opaque(path) => {
                    Request { path: path.clone(), outputs: None, mode, dependent: None }
                }
                DerivedPath::Built { derivation, outputs } => Request {
                    path: derivation.clone(),
                    outputs: Some(outputs.clone()),
                    mode,
                    dependent: None,
                },
            })
            .collect();
        while let Some(request) = pending.pop() {
            graph.add(store, request, &mut pending, &mut valid, provider)?;
        }
        Ok(graph)
    }

    /// Adds one goal, unless it is reached already, and asks for what it needs.
    fn add(
        &mut self,
        store: &dyn Store,
        request: Request,
        pending: &mut Vec<Request>,
        valid: &mut BTreeSet<StorePath>,
        provider: &mut Provider<'_>,
    ) -> Result<(), StoreError> {
        let Request { path, outputs, mode, dependent } = request;
        let need = |graph: &mut Self, path: &StorePath| {
            if let Some(goal) = dependent.as_ref().and_then(|it| graph.goals.get_mut(it)) {
                goal.needs.insert(path.clone());
            }
        };
        if let Some(goal) = self.goals.get_mut(&path) {
            if goal.adds(outputs.as_ref()) {
                need(self, &path);
            }
            return Ok(());
        }
        if !valid.contains(&path) {
            if !store.is_valid(&path)? {
                let kind = BuildFailureKind::Transient;
                let problem = match provider.provide(&path)? {
                    Provided::Here => None,
                    Provided::Nowhere => Some(missing(store, &path)),
                    Provided::Failed(message) => Some(Unbuildable { kind, message }),
                };
                if let Some(problem) = problem {
                    need(self, &path);
                    self.insert_unbuildable(path, problem);
                    return Ok(());
                }
            }
            valid.insert(path.clone());
        }
        let Some(outputs) = outputs else { return Ok(()) };
        let derivation = store.read_derivation(&path)?;
        if let Some(problem) = unbuildable(store, &path, &derivation, &outputs) {
            need(self, &path);
            self.insert_unbuildable(path, problem);
            return Ok(());
        }
        if mode == BuildMode::Normal {
            let has = has_outputs(store, &path, &derivation, &outputs, valid, provider)?;
            if let Err(problem) = has {
                need(self, &path);
                self.insert_unbuildable(path, problem);
                return Ok(());
            }
            if has.is_ok_and(|has| has) {
                return Ok(());
            }
        }
        need(self, &path);
        let mut inputs = input_requests(&path, &derivation, mode);
        // The last one in is the next one out.
        inputs.reverse();
        pending.append(&mut inputs);
        let wanted =
            derivation.outputs.keys().filter(|name| outputs.contains(name)).cloned().collect();
        let goal =
            Goal { derivation: Ok(Arc::new(derivation)), mode, needs: BTreeSet::new(), wanted };
        self.order.push(path.clone());
        self.goals.insert(path, goal);
        Ok(())
    }

    fn insert_unbuildable(&mut self, path: StorePath, problem: Unbuildable) {
        let goal = Goal {
            derivation: Err(problem),
            mode: BuildMode::Normal,
            needs: BTreeSet::new(),
            wanted: BTreeSet::new(),
        };
        self.order.push(path.clone());
        self.goals.insert(path, goal);
    }
}

/// Returns what the derivation `path` needs.
fn input_requests(path: &StorePath, derivation: &Derivation, mode: BuildMode) -> Vec<Request> {
    let mode = if mode == BuildMode::Repair { BuildMode::Repair } else { BuildMode::Normal };
    let request = |needed: &StorePath, outputs| {
        let dependent = Some(path.clone());
        Request { path: needed.clone(), outputs, mode, dependent }
    };
    let inputs = derivation.input_derivations.iter();
    let inputs =
        inputs.map(|(input, names)| request(input, Some(OutputNames::Names(names.clone()))));
    let makers = derivation.dynamic_inputs.iter().map(|(input, made)| {
        request(input, Some(OutputNames::Names(made.keys().cloned().collect())))
    });
    let sources = derivation.input_sources.iter().map(|source| request(source, None));
    inputs.chain(makers).chain(sources).collect()
}

fn missing(store: &dyn Store, path: &StorePath) -> Unbuildable {
    let path = store.directory().display(path);
    Unbuildable {
        kind: BuildFailureKind::NoSource,
        message: format!("path '{path}' is required, but it is not valid and nothing can build it"),
    }
}

/// Returns why `derivation` cannot be built by anybody, if so.
fn unbuildable(
    store: &dyn Store,
    path: &StorePath,
    derivation: &Derivation,
    outputs: &OutputNames,
) -> Option<Unbuildable> {
    let printed = store.directory().display(path);
    let reject = |message| Some(Unbuildable { kind: BuildFailureKind::InputRejected, message });
    if let Err(error) = derivation.kind() {
        return reject(error.to_string());
    }
    let OutputNames::Names(names) = outputs else { return None };
    let unknown = names.iter().find(|name| !derivation.outputs.contains_key(*name))?;
    reject(format!("derivation '{printed}' does not have wanted outputs '{unknown}'"))
}

/// Returns whether the chosen outputs of `derivation` are all valid, or why they cannot be.
fn has_outputs(
    store: &dyn Store,
    path: &StorePath,
    derivation: &Derivation,
    outputs: &OutputNames,
    valid: &mut BTreeSet<StorePath>,
    provider: &mut Provider<'_>,
) -> Result<Result<bool, Unbuildable>, StoreError> {
    let known = match derivation.kind()? {
        DerivationKind::Impure => return Ok(Ok(false)),
        DerivationKind::InputAddressed | DerivationKind::Fixed => {
            derivation.output_paths(store.directory())?
        }
        DerivationKind::Floating | DerivationKind::Deferred => store.derivation_outputs(path)?,
    };
    for (name, path) in known {
        if !outputs.contains(&name) {
            continue;
        }
        let Some(path) = path else { return Ok(Ok(false)) };
        if valid.contains(&path) {
            continue;
        }
        if !store.is_valid(&path)? {
            if !provider.may_provide_for(derivation) {
                return Ok(Ok(false));
            }
            match provider.provide(&path)? {
                Provided::Here => {}
                Provided::Nowhere => return Ok(Ok(false)),
                Provided::Failed(problem) if provider.falls_back => {
                    provider.warn(&problem);
                    return Ok(Ok(false));
                }
                Provided::Failed(problem) => {
                    let message = format!(
                        "some substitutes for the outputs of derivation '{}' failed (usually \
                         happens due to networking issues); try '--fallback' to build derivation \
                         from source: {problem}",
                        derivation.name
                    );
                    return Ok(Err(Unbuildable { kind: BuildFailureKind::Transient, message }));
                }
            }
        }
        valid.insert(path);
    }
    Ok(Ok(true))
}

/// Where objects come from that need not be built.
pub(super) struct Provider<'p> {
    /// None: from nowhere.
    pub(super) substituter: Option<Substituter<'p>>,
    /// Whether what a cache fails to give is built.
    pub(super) falls_back: bool,
    /// Whether derivations have no say in it.
    pub(super) is_always_allowed: bool,
    pub(super) events: &'p dyn Events,
}

impl<'p> Provider<'p> {
    /// Returns the caches of `options`, to fetch from or only to plan with.
    pub(super) fn new(
        store: &'p dyn Store,
        options: &'p RealiseOptions,
        events: &'p dyn Events,
        only_plans: bool,
    ) -> Self {
        let RealiseOptions { caches, network, .. } = options;
        let is_on = options.substitute && !caches.urls.is_empty();
        let substituter =
            is_on.then(|| Substituter::new(store, caches, network, events, only_plans));
        Self {
            substituter,
            falls_back: options.fallback,
            is_always_allowed: options.always_substitute,
            events,
        }
    }

    fn provide(&mut self, path: &StorePath) -> Result<Provided, StoreError> {
        match &mut self.substituter {
            Some(substituter) => substituter.provide(path),
            None => Ok(Provided::Nowhere),
        }
    }

    /// Whether outputs of a derivation may come from elsewhere.
    fn may_provide_for(&self, derivation: &Derivation) -> bool {
        let attributes = Attributes::new(derivation);
        let allows = || attributes.and_then(|it| it.flag("allowSubstitutes", true));
        self.is_always_allowed || allows().unwrap_or(true)
    }

    fn warn(&self, text: &str) {
        self.events.emit(Event::Message { level: Level::Warn, text });
    }
}
