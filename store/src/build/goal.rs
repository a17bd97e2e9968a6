//! The graph of goals: which derivations have to be built for what was asked for, in what order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::derivation::{Derivation, DerivationKind};
use crate::error::{BuildFailureKind, StoreError};
use crate::path::StorePath;
use crate::realise::{BuildMode, DerivedPath, OutputNames};
use crate::store::Store;

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
            graph.add(store, request, &mut pending, &mut valid)?;
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
    ) -> Result<(), StoreError> {
        let Request { path, outputs, mode, dependent } = request;
        let need = |graph: &mut Self, path: &StorePath| {
            if let Some(goal) = dependent.as_ref().and_then(|it| graph.goals.get_mut(it)) {
                goal.needs.insert(path.clone());
            }
        };
        if let Some(goal) = self.goals.get_mut(&path) {
            match (&outputs, &goal.derivation) {
                // The derivation's file is wanted, which is there already.
                (None, Ok(_)) => return Ok(()),
                (Some(outputs), Ok(derivation)) => {
                    let names = derivation.outputs.keys().filter(|name| outputs.contains(name));
                    goal.wanted.extend(names.cloned());
                }
                (_, Err(_)) => {}
            }
            need(self, &path);
            return Ok(());
        }
        if !valid.contains(&path) {
            if !store.is_valid(&path)? {
                need(self, &path);
                self.insert_unbuildable(path.clone(), missing(store, &path));
                return Ok(());
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
        if mode == BuildMode::Normal && has_outputs(store, &derivation, &outputs, valid)? {
            return Ok(());
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
    let sources = derivation.input_sources.iter().map(|source| request(source, None));
    inputs.chain(sources).collect()
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
    match derivation.kind() {
        Err(error) => return reject(error.to_string()),
        Ok(DerivationKind::InputAddressed | DerivationKind::Fixed) => {}
        Ok(DerivationKind::Floating | DerivationKind::Deferred) => {
            return reject(format!(
                "cannot build '{printed}': floating content-addressed outputs are not supported"
            ));
        }
        Ok(DerivationKind::Impure) => {
            return reject(format!(
                "cannot build '{printed}': impure derivations are not supported"
            ));
        }
    }
    let OutputNames::Names(names) = outputs else { return None };
    let unknown = names.iter().find(|name| !derivation.outputs.contains_key(*name))?;
    reject(format!("derivation '{printed}' does not have wanted outputs '{unknown}'"))
}

/// Returns whether the chosen outputs of `derivation` are all valid.
fn has_outputs(
    store: &dyn Store,
    derivation: &Derivation,
    outputs: &OutputNames,
    valid: &mut BTreeSet<StorePath>,
) -> Result<bool, StoreError> {
    for (name, path) in derivation.output_paths(store.directory())? {
        let Some(path) = path.filter(|_| outputs.contains(&name)) else { continue };
        if !valid.contains(&path) {
            if !store.is_valid(&path)? {
                return Ok(false);
            }
            valid.insert(path);
        }
    }
    Ok(true)
}
