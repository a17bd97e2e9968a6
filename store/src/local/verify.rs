//! Verifying: whether what is registered is there, and is what was registered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use nix::fcntl::FlockArg;

use crate::error::StoreError;
use crate::event::{Activity, ActivityId, ActivityKind, Event, Events, Field, Level, ResultKind};
use crate::hash::{Hash, HashAlgorithm, HashFormat, Hasher};
use crate::local::lock::{lock, open_lock_file};
use crate::local::temporary_root::GC_LOCK;
use crate::local::{LocalStore, file_error};
use crate::nar::disk::DiskTree;
use crate::nar::writer::{WriteError, everything, write_nar};
use crate::path::StorePath;
use crate::realise::{BuildMode, DerivedPath, RealiseOptions};
use crate::store::Store;

/// Verifies the store; see [`Store::verify`].
pub(super) fn verify(
    store: &LocalStore,
    check_contents: bool,
    repair: bool,
    events: &dyn Events,
) -> Result<bool, StoreError> {
    let mut verifier = Verifier { store, events, sound: true, repair };
    store.database().check()?;
    // No collection may take paths away while we look for them.
    let gc_lock_path = store.settings().state_directory.join(GC_LOCK);
    let gc_lock = if store.settings().read_only {
        None
    } else {
        lock(open_lock_file(&gc_lock_path)?, FlockArg::LockShared, &gc_lock_path)?.ok()
    };
    verifier.say(Level::Info, "reading the Nix store...");
    let valid = verifier.existence()?;
    drop(gc_lock);
    if check_contents {
        verifier.say(Level::Info, "checking link hashes...");
        verifier.links()?;
        verifier.say(Level::Info, "checking store hashes...");
        verifier.contents(&valid)?;
    }
    Ok(verifier.sound)
}

struct Verifier<'v> {
    store: &'v LocalStore,
    events: &'v dyn Events,
    sound: bool,
    repair: bool,
}

impl Verifier<'_> {
    fn say(&self, level: Level, text: &str) {
        self.events.emit(Event::Message { level, text });
    }

    fn damaged(&mut self, text: &str) {
        self.sound = false;
        self.say(Level::Error, text);
    }

    /// Checks that every valid path exists; one that does not, and that nothing valid refers to,
    /// stops being valid. Returns what exists.
    fn existence(&mut self) -> Result<BTreeSet<StorePath>, StoreError> {
        let directory = &self.store.settings().real_directory;
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(directory).map_err(file_error("read", directory))? {
            let entry = entry.map_err(file_error("read", directory))?;
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
        self.say(Level::Info, "checking path existence...");
        let valid = self.store.all_valid_paths()?;
        let (present, missing): (BTreeSet<_>, BTreeSet<_>) =
            valid.into_iter().partition(|path| names.contains(path.base_name()));
        // Those that only missing paths refer to can go, in the order that takes referrers first.
        let mut removable = BTreeSet::new();
        let mut referrers = BTreeMap::new();
        for path in &missing {
            let others = self.store.referrers(path)?;
            referrers.insert(path.clone(), others);
        }
        let mut order = Vec::new();
        loop {
            let free = |path: &&StorePath| {
                let others = referrers.get(*path);
                !removable.contains(*path)
                    && others
                        .into_iter()
                        .flatten()
                        .all(|other| other == *path || removable.contains(other))
            };
            let Some(path) = missing.iter().find(free).cloned() else { break };
            order.push(path.clone());
            removable.insert(path);
        }
        for path in &order {
            let text = self.store.directory().display(path);
            self.say(
                Level::Error,
                &format!("path '{text}' disappeared, removing from database..."),
            );
        }
        if !self.store.settings().read_only {
            self.store.database().invalidate(&order)?;
        }
        for path in missing.difference(&removable) {
            let text = self.store.directory().display(path);
            let text = format!("path '{text}' disappeared, but it still has valid referrers!");
            self.damaged(&text);
            self.repair(path);
        }
        Ok(present)
    }

    /// Checks the files in `.links`, which are named by what is in them.
    fn links(&mut self) -> Result<(), StoreError> {
        let directory = self.store.settings().real_directory.join(".links");
        let Ok(entries) = fs::read_dir(&directory) else { return Ok(()) };
        for entry in entries {
            let entry = entry.map_err(file_error("read", &directory))?;
            let path = entry.path();
            let expected = entry.file_name().to_string_lossy().into_owned();
            let (found, _) = archive_hash(&path)
                .map_err(|e| file_error("read", &path)(std::io::Error::other(e)))?;
            if found.to_base32() == expected {
                continue;
            }
            self.damaged(&format!(
                "link '{}' was modified! expected hash '{expected}', got '{}'",
                path.display(),
                found.to_base32()
            ));
            if self.repair {
                match fs::remove_file(&path) {
                    Ok(()) => self.say(Level::Info, &format!("removed link '{}'", path.display())),
                    Err(error) => return Err(file_error("remove", &path)(error)),
                }
            }
        }
        Ok(())
    }

    fn contents(&mut self, paths: &BTreeSet<StorePath>) -> Result<(), StoreError> {
        let total = paths.len() as u64;
        let (store, events) = (self.store, self.events);
        let kind = ActivityKind::VerifyPaths;
        let activity = Activity::start(events, ActivityId::NONE, kind, Level::Info, "", &[]);
        for (done, path) in paths.iter().enumerate() {
            activity.progress(done as u64, total, 1, 0);
            // It may have been collected meanwhile.
            let Some(info) = store.path_info(path)? else { continue };
            let text = store.directory().display(path);
            self.say(Level::Talkative, &format!("checking contents of '{text}'..."));
            let (found, size) = match archive_hash(&store.real_path(path)) {
                Ok(found) => found,
                Err(_) if !store.is_valid(path)? => continue,
                Err(error) => {
                    self.damaged(&format!("cannot read path '{text}': {error}"));
                    self.repair(path);
                    continue;
                }
            };
            if found != info.nar_hash || (info.nar_size != 0 && size != info.nar_size) {
                let expected = info.nar_hash.prefixed(HashFormat::Base32);
                let found = found.prefixed(HashFormat::Base32);
                self.damaged(&format!(
                    "path '{text}' was modified! expected hash '{expected}', got '{found}'"
                ));
                activity.result(ResultKind::CorruptedPath, &[Field::Text(&text)]);
                self.repair(path);
            }
        }
        activity.progress(total, total, 0, 0);
        Ok(())
    }

    /// Makes a damaged path anew, if that was asked for.
    fn repair(&mut self, path: &StorePath) {
        if !self.repair {
            return;
        }
        let options = RealiseOptions { mode: BuildMode::Repair, ..RealiseOptions::default() };
        let target = DerivedPath::Opaque(path.clone());
        if let Err(error) = self.store.realise(&[target], &options, self.events) {
            self.say(Level::Warn, &format!("cannot repair path '{path}': {error}"));
        }
    }
}

/// Returns the SHA-256 of the archive of what is at `path`, and the archive's length in bytes.
pub(super) fn archive_hash(path: &Path) -> Result<(Hash, u64), WriteError> {
    let mut hasher = Hasher::new(HashAlgorithm::Sha256);
    write_nar(&DiskTree, path, &mut everything, &mut hasher)?;
    let size = hasher.length();
    Ok((hasher.finish(), size))
}
