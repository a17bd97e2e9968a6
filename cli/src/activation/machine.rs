//! The machine that a switch is about: the running one, or one staged below a directory.

use super::inside;
use super::journal;
use super::record::{Record, RecordError};
use crate::context::Context;
use crate::report::{Failure, Outcome, chain};
use crate::stores;
use serde::Serialize;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use store::local::PathLocks;
use store::profile::{Generation, Profile};
use store::{Store, StorePath};

/// The profile of the system, below its root.
const PROFILE: &str = "nix/var/nix/profiles/system";

/// A machine: its files, its store and its generations.
pub(crate) struct Machine {
    /// The directory that is `/` to it.
    pub(crate) root: PathBuf,
    /// Whether it is the one that runs.
    pub(crate) is_host: bool,
    /// Whether whoever activates may give files away.
    pub(crate) sets_owners: bool,
    /// Its store.
    pub(crate) store: Box<dyn Store>,
    /// Its generations.
    pub(crate) profile: Profile,
}

/// A built system.
#[derive(Clone, Debug)]
pub(crate) struct System {
    /// Its store path.
    pub(crate) path: StorePath,
    /// As it names itself: `/nix/store/HASH-nixos-system-NAME`.
    pub(crate) name: PathBuf,
    /// Where its files are.
    pub(crate) real: PathBuf,
}

impl Machine {
    /// Opens the machine below `root`, or the running one, for changes.
    ///
    /// # Errors
    ///
    /// When its store cannot be opened or made, or the running machine is not ours to change.
    pub(crate) fn open(cx: &Context, root: Option<&Path>) -> Outcome<Self> {
        let sets_owners = is_root()?;
        if let Some(root) = root {
            let making = || Failure::during(format!("making `{}`", root.display()));
            std::fs::create_dir_all(root).map_err(making())?;
            let root = std::fs::canonicalize(root).map_err(making())?;
            let store = Box::new(stores::open_below(&cx.settings, &root)?);
            let profile = profile(Some(&root))?;
            return Ok(Self { root, is_host: false, sets_owners, store, profile });
        }
        if !sets_owners {
            return Err(Failure::new("only root can switch the running system")
                .hint("`--root DIR` stages a system below a directory, which anybody can"));
        }
        let store = cx.open_store()?;
        let root = PathBuf::from("/");
        Ok(Self { root, is_host: true, sets_owners, store, profile: profile(None)? })
    }

    /// Opens the machine for changes if there is one with generations.
    ///
    /// # Errors
    ///
    /// As [`open`](Machine::open), and when no system was ever switched to.
    pub(crate) fn open_existing(cx: &Context, root: Option<&Path>) -> Outcome<Self> {
        generations(&profile(root)?, root)?;
        Self::open(cx, root)
    }

    /// Keeps other switches out until the returned value is dropped, and first finishes or takes
    /// back one that was cut short.
    ///
    /// # Errors
    ///
    /// When the profile cannot be locked, or the cut-short switch cannot be taken back.
    pub(crate) fn lock(&self, cx: &Context) -> Outcome<PathLocks> {
        let locks = self.profile.lock().map_err(|error| Failure::new(chain(&error)))?;
        self.recover(cx)?;
        Ok(locks)
    }

    /// Finishes or takes back a switch that was cut short or failed; the profile is locked.
    ///
    /// # Errors
    ///
    /// When a place cannot be changed; the next one to lock the profile tries again.
    pub(crate) fn recover(&self, cx: &Context) -> Outcome {
        let doing = Failure::during("taking back a switch that was cut short");
        let Some(recovered) = journal::recover(&self.root, &self.profile).map_err(doing)? else {
            return Ok(());
        };
        let what = if recovered.is_finished { "finished" } else { "taken back" };
        let number = recovered.generation;
        cx.ui.warn(format!("the switch to generation {number} was not completed, and is {what}"));
        for place in recovered.left {
            let place = place.display();
            cx.ui.warn(format!("`{place}` was changed since and is left as it is"));
        }
        Ok(())
    }

    /// Returns the system whose store path is `path`.
    pub(crate) fn system(&self, path: &StorePath) -> System {
        let name = PathBuf::from(self.store.directory().display(path));
        System { path: path.clone(), name, real: self.store.real_path(path) }
    }

    /// Returns the system of a generation.
    ///
    /// # Errors
    ///
    /// When it is no store path, or is not in the store any more.
    pub(crate) fn system_of(&self, generation: &Generation) -> Outcome<System> {
        let (number, target) = (generation.number, generation.target.to_string_lossy());
        let path = self.store.directory().parse(&target).map_err(|error| {
            Failure::new(format!("generation {number} leads to `{target}`: {error}"))
        })?;
        if !self.store.is_valid(&path).map_err(crate::report::of_store)? {
            let message = format!("the system of generation {number}, `{target}`, is not valid");
            return Err(Failure::new(message));
        }
        Ok(self.system(&path))
    }

    /// Returns the system of the active generation, if there is one.
    ///
    /// # Errors
    ///
    /// When the profile cannot be read, or its system is not in the store any more.
    pub(crate) fn active(&self) -> Outcome<Option<(u64, System)>> {
        let failed = |error| Failure::new(chain(&error));
        let Some(number) = self.profile.current().map_err(failed)? else { return Ok(None) };
        let generation = self.profile.generation(number).map_err(failed)?;
        Ok(Some((number, self.system_of(&generation)?)))
    }

    /// Returns where a path of the machine really is, with all links followed.
    pub(crate) fn resolve(&self, path: &Path) -> std::io::Result<PathBuf> {
        inside::resolve(&self.root, path)
    }

    /// Returns who owns what the system itself writes; none: whoever activates.
    pub(crate) fn owner(&self, owner: (u32, u32)) -> Option<(u32, u32)> {
        self.sets_owners.then_some(owner)
    }
}

impl System {
    /// Reads what the system says about how it becomes active.
    ///
    /// # Errors
    ///
    /// When it says nothing that is understood.
    pub(crate) fn record(&self) -> Result<Record, RecordError> {
        Record::read(&self.real)
    }

    /// Returns the program by which a system of nixpkgs makes itself the active one, if it has it.
    pub(crate) fn own_program(&self) -> Option<PathBuf> {
        let has = |path: &str| std::fs::symlink_metadata(self.real.join(path)).is_ok();
        let program = "bin/switch-to-configuration";
        (!has("activation.json") && has(program)).then(|| self.name.join(program))
    }
}

/// Returns the profile of the machine below `root`, or of the running one.
///
/// # Errors
///
/// When `root` makes no absolute path.
pub(crate) fn profile(root: Option<&Path>) -> Outcome<Profile> {
    let root = std::path::absolute(root.unwrap_or(Path::new("/")))?;
    Profile::new(root.join(PROFILE)).map_err(|error| Failure::new(chain(&error)))
}

/// Returns the generations of a profile, oldest first.
///
/// # Errors
///
/// When there is none.
pub(crate) fn generations(profile: &Profile, root: Option<&Path>) -> Outcome<Vec<Generation>> {
    let generations = profile.generations().map_err(|error| Failure::new(chain(&error)))?;
    if generations.is_empty() {
        let place = root.unwrap_or(Path::new("/")).display();
        return Err(Failure::new(format!("there is no system in `{place}`"))
            .hint("`nivis switch` makes the first generation"));
    }
    Ok(generations)
}

/// Tells whether we have root's rights over files.
fn is_root() -> Outcome<bool> {
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}

/// What a generation is called.
#[derive(Clone, Default, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GenerationLabel {
    /// The name of the machine, if the system says it.
    pub(crate) host_name: Option<String>,
    /// What lists show of the system, if it says it.
    pub(crate) label: Option<String>,
}

impl GenerationLabel {
    /// Reads what the system `target` says; nothing if it says nothing.
    pub(crate) fn read(root: &Path, target: &Path) -> Self {
        let Ok(real) = inside::resolve(root, target) else { return Self::default() };
        match Record::read(&real) {
            Ok(record) => Self { host_name: Some(record.host_name), label: Some(record.label) },
            Err(_) => {
                let version = std::fs::read_to_string(real.join("nixos-version"));
                Self { host_name: None, label: version.ok() }
            }
        }
    }
}
