//! Derivations of which something is known only after a build: their inputs' paths, or their own.
//!
//! Once the inputs are built, their paths take the place of what stands for them. The derivation
//! that this gives has no input derivations any more; it is built, and what comes out counts as the
//! outputs of both. Source: CppNix, `Derivation::tryResolve`.

use std::collections::BTreeMap;

use super::environment::Rewrites;
use super::goal::Goal;
use super::job::{self, JobError};
use super::{Realisation, floating};
use crate::derivation::modulo::fill_output_paths;
use crate::derivation::placeholder::{Downstream, downstream_placeholder};
use crate::derivation::{Derivation, DerivationError, DerivationKind, DynamicInput};
use crate::error::{BuildError, BuildFailureKind, StoreError};
use crate::path::StorePath;
use crate::realise::{DerivedPath, OutputNames};

/// A derivation whose inputs are all there.
pub(super) struct Resolved {
    pub(super) path: StorePath,
    pub(super) derivation: Derivation,
}

/// Whether something has to be put into `derivation` before it can be built.
pub(super) fn is_needed(
    realisation: &Realisation<'_>,
    derivation: &Derivation,
    kind: DerivationKind,
) -> Result<bool, JobError> {
    match kind {
        DerivationKind::Floating | DerivationKind::Deferred | DerivationKind::Impure => Ok(true),
        DerivationKind::InputAddressed => Ok(false),
        DerivationKind::Fixed => {
            let store = realisation.site.store;
            for input in derivation.input_derivations.keys() {
                let paths = store.read_derivation(input)?.output_paths(store.directory());
                if paths.map_err(StoreError::from)?.values().any(Option::is_none) {
                    return Ok(true);
                }
            }
            Ok(!derivation.dynamic_inputs.is_empty())
        }
    }
}

/// Builds a derivation into which something has to be put first.
pub(super) fn build(
    realisation: &Realisation<'_>,
    path: &StorePath,
    derivation: &Derivation,
    goal: &Goal,
    kind: DerivationKind,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<(), JobError> {
    let resolved = resolve(realisation, path, derivation, kind)?;
    let outputs = match kind {
        DerivationKind::Floating | DerivationKind::Impure => {
            floating::build(realisation, &resolved, goal, kind, is_cancelled)?
        }
        DerivationKind::Deferred | DerivationKind::Fixed | DerivationKind::InputAddressed => {
            let Resolved { path, derivation } = &resolved;
            job::build_known(realisation, path, derivation, goal, is_cancelled)?;
            let store = realisation.site.store;
            let paths = derivation.output_paths(store.directory()).map_err(StoreError::from)?;
            paths.into_iter().filter_map(|(name, path)| Some((name, path?))).collect()
        }
    };
    for derivation in [path, &resolved.path] {
        realisation.remember(derivation, &outputs);
        // What is built anew each time is nobody else's.
        if kind != DerivationKind::Impure && kind != DerivationKind::Fixed {
            realisation.site.store.register_outputs(derivation, &outputs)?;
        }
    }
    Ok(())
}

/// Puts the paths of built inputs into a derivation, and adds it to the store.
fn resolve(
    realisation: &Realisation<'_>,
    path: &StorePath,
    derivation: &Derivation,
    kind: DerivationKind,
) -> Result<Resolved, JobError> {
    let store = realisation.site.store;
    let directory = store.directory();
    let mut resolved = derivation.clone();
    resolved.input_derivations.clear();
    resolved.dynamic_inputs.clear();
    let mut rewrites = BTreeMap::new();
    let mut put = |placeholder: String, output: &StorePath| {
        rewrites.insert(placeholder.into_bytes(), directory.display(output).into_bytes());
        resolved.input_sources.insert(output.clone());
    };
    for (input, names) in &derivation.input_derivations {
        refuse_impure(realisation, path, kind, input)?;
        let outputs = realisation.outputs(input)?;
        for name in names {
            let output = known(&outputs, input, name)?;
            put(downstream_placeholder(input, name), output);
        }
    }
    for (input, made) in &derivation.dynamic_inputs {
        refuse_impure(realisation, path, kind, input)?;
        for (name, wanted) in made {
            let maker = Downstream::Known(input);
            for (placeholder, output) in dynamic(realisation, input, name, wanted, &maker)? {
                put(placeholder, &output);
            }
        }
    }
    let rewrites = Rewrites(rewrites);
    resolved.builder = rewrites.apply(&resolved.builder);
    for argument in &mut resolved.arguments {
        *argument = rewrites.apply(argument);
    }
    let environment = std::mem::take(&mut resolved.environment);
    let environment = environment.into_iter();
    resolved.environment =
        environment.map(|(name, value)| (rewrites.apply(&name), rewrites.apply(&value))).collect();
    fill_output_paths(directory, &mut resolved, &mut |input| {
        let problem = "it has been built".to_owned();
        Err(DerivationError::Input { name: derivation.name.clone(), input: input.clone(), problem })
    })
    .map_err(StoreError::from)?;
    if resolved == *derivation {
        return Ok(Resolved { path: path.clone(), derivation: resolved });
    }
    let path = store.add_derivation(&resolved)?;
    Ok(Resolved { path, derivation: resolved })
}

fn known<'o>(
    outputs: &'o BTreeMap<String, Option<StorePath>>,
    input: &StorePath,
    name: &str,
) -> Result<&'o StorePath, JobError> {
    outputs.get(name).and_then(Option::as_ref).ok_or_else(|| {
        let message = format!("derivation '{input}' does not have the output '{name}'");
        JobError::failed(BuildFailureKind::InputRejected, message)
    })
}

/// Refuses a derivation that is built once for all times and needs one that never is.
fn refuse_impure(
    realisation: &Realisation<'_>,
    path: &StorePath,
    kind: DerivationKind,
    input: &StorePath,
) -> Result<(), JobError> {
    if matches!(kind, DerivationKind::Impure | DerivationKind::Fixed) {
        return Ok(());
    }
    let store = realisation.site.store;
    if store.read_derivation(input)?.kind() != Ok(DerivationKind::Impure) {
        return Ok(());
    }
    let (path, input) = (store.directory().display(path), store.directory().display(input));
    let message = format!("pure derivation '{path}' depends on impure derivation '{input}'");
    Err(JobError::failed(BuildFailureKind::InputRejected, message))
}

/// Builds what is wanted of a derivation that is the output `name` of the derivation `made_by`;
/// returns the outputs with what stands for them.
fn dynamic(
    realisation: &Realisation<'_>,
    made_by: &StorePath,
    name: &str,
    wanted: &DynamicInput,
    maker: &Downstream<'_>,
) -> Result<Vec<(String, StorePath)>, JobError> {
    let outputs = realisation.outputs(made_by)?;
    let derivation = known(&outputs, made_by, name)?.clone();
    if !derivation.is_derivation() {
        let shown = realisation.site.store.directory().display(&derivation);
        let message = format!("output '{name}' of '{made_by}' is no derivation: '{shown}'");
        return Err(JobError::failed(BuildFailureKind::InputRejected, message));
    }
    let names = wanted.outputs.iter().chain(wanted.made.keys()).cloned().collect();
    let target =
        DerivedPath::Built { derivation: derivation.clone(), outputs: OutputNames::Names(names) };
    super::realise(realisation.site, &[target], realisation.options, realisation.events)
        .map_err(nested)?;
    let made = realisation.outputs(&derivation)?;
    let here = Downstream::Output(maker, name);
    let mut found = Vec::new();
    for output in &wanted.outputs {
        found.push((here.placeholder(output), known(&made, &derivation, output)?.clone()));
    }
    for (output, wanted) in &wanted.made {
        found.extend(dynamic(realisation, &derivation, output, wanted, &here)?);
    }
    Ok(found)
}

/// Returns the failure of a build that another one asked for.
fn nested(error: BuildError) -> JobError {
    match error {
        BuildError::Store(error) => JobError::Store(error),
        BuildError::Interrupted => JobError::Cancelled,
        BuildError::Failed { mut failures } if failures.len() == 1 => match failures.pop() {
            Some(it) => {
                JobError::Failed { kind: it.kind, message: it.message, log_tail: it.log_tail }
            }
            None => JobError::Cancelled,
        },
        other => JobError::failed(BuildFailureKind::Other, other.to_string()),
    }
}
