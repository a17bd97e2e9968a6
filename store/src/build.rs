//! Realising derivations: running builders, and registering what they make.
//!
//! A store on a disk gives its [`Site`] to [`realise`], which makes everything valid that was
//! asked for, or says what failed:
//!
//! ```text
//! let site = Site { store: &store, real_directory, state_directory, log_directory, ... };
//! let done: Vec<Realised> = build::realise(&site, &targets, &options, &events)?;
//! ```
//!
//! [`missing`] tells beforehand what would be built; [`interrupt`] calls everything off.
//! A failure is a [`BuildError`], whose `exit_code()` is that of `nix-build`; each of its
//! `failures` has the message, the last lines of the log and the path to give to `nix log`.
//!
//! The way of one derivation: locks on its outputs, a second look whether they are valid, a room
//! ([`room`]), an environment ([`environment`]), a builder in the [sandbox](crate::sandbox) or, for
//! `builtin:` ones, in this process ([`builtin`]), then its outputs made canonical, hashed and
//! scanned ([`output`]), checked ([`check`]), moved to their places and registered, all at once.

mod attributes;
mod builtin;
mod check;
mod confine;
mod environment;
mod fixed_output;
mod floating;
mod goal;
mod graph;
mod hook;
pub mod host_shell;
mod job;
mod lock;
pub mod log;
mod output;
mod register;
mod remove;
mod requirement;
mod resolve;
pub mod room;
mod scheduler;
mod shell;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::error::{BuildError, StoreError};
use crate::event::{Activity, ActivityId, ActivityKind, Event, Events, Level};
use crate::path::StorePath;
use crate::realise::{DerivedPath, RealiseOptions, Realised};
use crate::store::{GcOptions, Store};
use crate::substitute::{Fetching, Substituter};

pub(crate) use output::describe;

/// A store on a disk, and where builds may put things.
pub struct Site<'s> {
    /// The store.
    pub store: &'s dyn Store,
    /// Where the files of its store directory really are.
    pub real_directory: PathBuf,
    /// Where build directories and locks on build users go.
    pub state_directory: PathBuf,
    /// Where logs go.
    pub log_directory: PathBuf,
}

/// One realisation in progress.
struct Realisation<'r> {
    site: &'r Site<'r>,
    options: &'r RealiseOptions,
    events: &'r dyn Events,
    /// All builds together.
    activity: Activity<'r>,
    /// The outputs of derivations whose paths only their builds have told.
    made: Mutex<BTreeMap<StorePath, BTreeMap<String, StorePath>>>,
    /// When the free disk was last looked at.
    looked: Mutex<Option<Instant>>,
    /// The references of valid paths, which never change.
    references: Mutex<BTreeMap<StorePath, Arc<[StorePath]>>>,
    is_cancelled: &'r (dyn Fn() -> bool + Sync),
}

static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Stops every build of this process as soon as possible; safe to call from a signal handler.
pub fn interrupt() {
    IS_INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Lets the builds of this process run again after [`interrupt`].
pub fn resume() {
    IS_INTERRUPTED.store(false, Ordering::Relaxed);
}

/// Whether [`interrupt`] was called.
pub(crate) fn is_interrupted() -> bool {
    IS_INTERRUPTED.load(Ordering::Relaxed)
}

/// Makes `targets` valid and returns what came of each.
///
/// # Errors
///
/// What failed; with [`RealiseOptions::keep_going`], everything that failed.
///
/// # Atomicity
///
/// The outputs of a derivation become valid together, after its builder has ended well. Whatever
/// is cut short leaves no process, and no file that the next build or collection does not remove.
pub fn realise(
    site: &Site<'_>,
    targets: &[DerivedPath],
    options: &RealiseOptions,
    events: &dyn Events,
) -> Result<Vec<Realised>, BuildError> {
    for target in targets {
        let (DerivedPath::Opaque(path) | DerivedPath::Built { derivation: path, .. }) = target;
        site.store.add_temporary_root(path)?;
    }
    let mut provider = goal::Provider::new(site.store, options, events, false);
    let graph = goal::Graph::new(site.store, targets, options.mode, &mut provider)?;
    // No collection takes a derivation, or the room of its build, away meanwhile.
    for path in graph.goals.keys() {
        site.store.add_temporary_root(path)?;
    }
    let mut made = BTreeMap::new();
    if !graph.goals.is_empty() {
        room::remove_stale(&builds_directory(site, options));
        let realisation = Realisation {
            site,
            options,
            events,
            activity: Activity::start(
                events,
                ActivityId::NONE,
                ActivityKind::Builds,
                Level::Debug,
                "",
                &[],
            ),
            made: Mutex::default(),
            looked: Mutex::default(),
            references: Mutex::default(),
            is_cancelled: &|| IS_INTERRUPTED.load(Ordering::Relaxed),
        };
        scheduler::run(&realisation, &graph)?;
        made = realisation.made.into_inner().unwrap_or_else(PoisonError::into_inner);
    }
    let mut realised = Vec::new();
    for target in targets {
        results(site.store, &made, target, &mut realised)?;
    }
    Ok(realised)
}

/// What would be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The derivations that would be built, each after those it needs.
    pub builds: Vec<StorePath>,
    /// What would come from caches.
    pub fetches: Fetching,
}

/// Returns what would be done for `targets`.
///
/// # Errors
///
/// If the store cannot be read. What cannot be built is listed too; building it says why.
pub fn missing(
    store: &dyn Store,
    targets: &[DerivedPath],
    options: &RealiseOptions,
    events: &dyn Events,
) -> Result<Plan, StoreError> {
    let mut provider = goal::Provider::new(store, options, events, true);
    let graph = goal::Graph::new(store, targets, options.mode, &mut provider)?;
    let needs = graph.goals.into_iter().map(|(path, goal)| (path, goal.needs)).collect();
    let builds = crate::closure::sorted_by_reference(&needs)?;
    let fetches = provider.substituter.map(Substituter::planned).unwrap_or_default();
    Ok(Plan { builds, fetches })
}

fn builds_directory(site: &Site<'_>, options: &RealiseOptions) -> PathBuf {
    let chosen = options.build_directory.clone();
    chosen.unwrap_or_else(|| site.state_directory.join("builds"))
}

/// Adds what has come of `target`, which is valid now.
fn results(
    store: &dyn Store,
    made: &BTreeMap<StorePath, BTreeMap<String, StorePath>>,
    target: &DerivedPath,
    realised: &mut Vec<Realised>,
) -> Result<(), StoreError> {
    match target {
        DerivedPath::Opaque(path) => {
            realised.push(Realised { origin: None, path: path.clone() });
        }
        DerivedPath::Built { derivation, outputs } => {
            for (name, path) in outputs_of(store, made, derivation)? {
                if let Some(path) = path.filter(|_| outputs.contains(&name)) {
                    realised.push(Realised { origin: Some((derivation.clone(), name)), path });
                }
            }
        }
    }
    Ok(())
}

/// Returns the outputs of a derivation, with the paths that are known by now.
fn outputs_of(
    store: &dyn Store,
    made: &BTreeMap<StorePath, BTreeMap<String, StorePath>>,
    derivation: &StorePath,
) -> Result<BTreeMap<String, Option<StorePath>>, StoreError> {
    match made.get(derivation) {
        Some(made) => {
            Ok(made.iter().map(|(name, path)| (name.clone(), Some(path.clone()))).collect())
        }
        None => store.derivation_outputs(derivation),
    }
}

impl Realisation<'_> {
    /// Returns the outputs of a derivation, with the paths that are known by now.
    fn outputs(
        &self,
        derivation: &StorePath,
    ) -> Result<BTreeMap<String, Option<StorePath>>, StoreError> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        outputs_of(self.site.store, &made, derivation)
    }

    /// Remembers what a build has made.
    fn remember(&self, derivation: &StorePath, outputs: &BTreeMap<String, StorePath>) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.entry(derivation.clone()).or_default().extend(outputs.clone());
    }

    /// Collects garbage where the disk is nearly full, as far as the options say.
    ///
    /// What goes wrong is told; the build shows whether there is room.
    fn make_space(&self) {
        let options = self.options;
        if options.min_free == 0 {
            return;
        }
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_some_and(|then| then.elapsed() < options.min_free_check_interval) {
            return;
        }
        *looked = Some(Instant::now());
        let Ok(disk) = nix::sys::statvfs::statvfs(&self.site.real_directory) else { return };
        let free = disk.blocks_available() * disk.fragment_size();
        if free >= options.min_free || free >= options.max_free {
            return;
        }
        let limit = options.max_free - free;
        let text = format!("running auto-GC to free {limit} bytes");
        self.events.emit(Event::Message { level: Level::Info, text: &text });
        let collection = GcOptions { max_freed: Some(limit), ..GcOptions::default() };
        if let Err(error) = self.site.store.collect_garbage(&collection, self.events) {
            self.events.emit(Event::Message { level: Level::Warn, text: &error.to_string() });
        }
    }

    /// Returns everything that `roots`, which are valid, reach.
    fn closure(
        &self,
        roots: impl IntoIterator<Item = StorePath>,
    ) -> Result<BTreeSet<StorePath>, StoreError> {
        let mut pending: Vec<StorePath> = roots.into_iter().collect();
        let mut reached = BTreeSet::new();
        while let Some(path) = pending.pop() {
            if reached.contains(&path) {
                continue;
            }
            pending.extend(self.references(&path)?.iter().cloned());
            reached.insert(path);
        }
        Ok(reached)
    }

    fn references(&self, path: &StorePath) -> Result<Arc<[StorePath]>, StoreError> {
        let lock = || self.references.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(path) {
            return Ok(known.clone());
        }
        let store = self.site.store;
        let info = store
            .path_info(path)?
            .ok_or_else(|| StoreError::NotValid { path: store.directory().display(path) })?;
        let references: Arc<[StorePath]> = info.references.into_iter().collect();
        lock().insert(path.clone(), references.clone());
        Ok(references)
    }
}

#[cfg(test)]
mod tests;
