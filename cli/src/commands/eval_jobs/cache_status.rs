//! `--check-cache-status`: whether a job's outputs are there, could be fetched, or must be built.

use super::job::{Members, list};
use crate::building::{self, Progress};
use crate::commands::nix_env::json::string;
use crate::context::Context;
use crate::evaluation::Stop;
use crate::report::of_store;
use std::collections::BTreeSet;
use store::realise::OutputNames;
use store::{Derivation, DerivedPath, Store, StorePath};

/// Adds what would have to be done for the outputs at `paths` of a derivation.
///
/// # Errors
///
/// When the store or a cache cannot be asked.
pub(super) fn add(
    cx: &Context,
    store: &dyn Store,
    paths: &[StorePath],
    derivation: &Derivation,
    members: &mut Members,
) -> Result<(), Stop> {
    let inputs = derivation.input_derivations.iter().map(|(path, outputs)| DerivedPath::Built {
        derivation: path.clone(),
        outputs: OutputNames::Names(outputs.clone()),
    });
    let targets: Vec<DerivedPath> =
        paths.iter().cloned().map(DerivedPath::Opaque).chain(inputs).collect();
    let (options, progress) = (building::options(&cx.settings), Progress::new(cx));
    let plan = store::build::missing(store, &targets, &options, &progress).map_err(of_store)?;
    let fetched: BTreeSet<(&str, &StorePath)> =
        plan.fetches.paths.iter().map(|path| (path.name(), path)).collect();
    // An output that is nowhere stands among what is to be built, too.
    let is_there = plan.builds.is_empty();
    let status = match (is_there, fetched.is_empty()) {
        (true, true) => "local",
        (true, false) => "cached",
        (false, _) => "notBuilt",
    };
    let shown = |path: &StorePath| store.directory().display(path);
    let builds: Vec<String> =
        plan.builds.iter().filter(|path| !paths.contains(path)).map(shown).collect();
    let substitutes: Vec<String> = fetched.iter().map(|(_, path)| shown(path)).collect();
    members.insert("isCached", if is_there { b"true".to_vec() } else { b"false".to_vec() });
    members.insert("cacheStatus", string(status)?);
    members.insert("neededBuilds", list(&builds)?);
    members.insert("neededSubstitutes", list(&substitutes)?);
    Ok(())
}
