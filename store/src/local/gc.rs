//! Collecting garbage: deleting what no root reaches.
//!
//! A collection holds `gc.lock`, listens for temporary roots that other processes add meanwhile
//! ([`listener`]), and deletes in batches: a batch becomes invalid in one transaction, then its
//! files go. Whoever wants a path of the batch waits for that batch and then finds it gone.

mod listener;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::FlockArg;

use self::listener::{Listener, Paused};
use crate::error::{GcError, StoreError};
use crate::event::{Event, Events, Level};
use crate::local::lock::{lock, open_lock_file};
use crate::local::temporary_root::{self, GC_LOCK};
use crate::local::{LocalStore, file_error, remove_tree, root};
use crate::path::{HASH_PART_LENGTH, StorePath};
use crate::store::{GcAction, GcOptions, GcResult, Store};

/// How many objects become invalid together.
const BATCH: usize = 256;

/// The directory of links to equal files.
const LINKS: &str = ".links";

/// Collects garbage; see [`Store::collect_garbage`].
pub(super) fn collect(
    store: &LocalStore,
    options: &GcOptions,
    events: &dyn Events,
) -> Result<GcResult, GcError> {
    let deletes = matches!(options.action, GcAction::DeleteDead | GcAction::DeleteSpecific(_));
    if deletes {
        store.check_writable("collect garbage")?;
    }
    let state = &store.settings().state_directory;
    if deletes {
        // A full disk: the space set aside is what deleting itself may need.
        let _ = fs::remove_file(state.join("db/reserved"));
    }
    let gc_lock_path = state.join(GC_LOCK);
    let file = open_lock_file(&gc_lock_path)?;
    let held = match lock(file, FlockArg::LockExclusiveNonblock, &gc_lock_path)? {
        Ok(held) => held,
        Err(file) => {
            say(events, Level::Info, "waiting for the big garbage collector lock...");
            match lock(file, FlockArg::LockExclusive, &gc_lock_path)? {
                Ok(held) => held,
                Err(_) => {
                    let error = std::io::ErrorKind::WouldBlock.into();
                    return Err(file_error("lock", &gc_lock_path)(error).into());
                }
            }
        }
    };
    let listener = Listener::start(state, store.settings().directory.clone())?;
    let mut collection = Collection::new(store, options, events, &listener)?;
    let result = collection.run();
    drop(held);
    result
}

fn say(events: &dyn Events, level: Level, text: &str) {
    events.emit(Event::Message { level, text });
}

struct Collection<'c> {
    store: &'c LocalStore,
    options: &'c GcOptions,
    events: &'c dyn Events,
    listener: &'c Listener,
    /// What each valid path refers to.
    references: BTreeMap<StorePath, BTreeSet<StorePath>>,
    /// The hash parts of temporary roots: also what is being built there must stay.
    temporary: BTreeSet<String>,
    live: BTreeSet<StorePath>,
    result: GcResult,
}

impl<'c> Collection<'c> {
    fn new(
        store: &'c LocalStore,
        options: &'c GcOptions,
        events: &'c dyn Events,
        listener: &'c Listener,
    ) -> Result<Collection<'c>, StoreError> {
        Ok(Collection {
            store,
            options,
            events,
            listener,
            references: BTreeMap::new(),
            temporary: BTreeSet::new(),
            live: BTreeSet::new(),
            result: GcResult::default(),
        })
    }

    fn run(&mut self) -> Result<GcResult, GcError> {
        let settings = self.store.settings();
        let mut roots = BTreeSet::new();
        if !self.options.ignore_liveness {
            say(self.events, Level::Info, "finding garbage collector roots...");
            roots.extend(root::find_permanent(self.store)?.into_keys());
            for (path, _) in
                temporary_root::read_all(&settings.state_directory, &settings.directory)?
            {
                self.temporary.insert(path.hash_part().to_owned());
                roots.insert(path);
            }
        }
        say(self.events, Level::Info, "determining live/dead paths...");
        self.references = self.store.database().all_references()?;
        self.mark(roots)?;
        match &self.options.action {
            GcAction::ReturnLive => {
                self.result.paths = self.live.iter().map(StorePath::to_base_name).collect();
            }
            GcAction::ReturnDead => self.list_dead()?,
            GcAction::DeleteDead => self.delete_dead()?,
            GcAction::DeleteSpecific(paths) => self.delete_specific(paths)?,
        }
        Ok(std::mem::take(&mut self.result))
    }

    /// Adds `roots`, and what they reach, to what is alive.
    fn mark(&mut self, roots: impl IntoIterator<Item = StorePath>) -> Result<(), StoreError> {
        let settings = self.store.settings();
        let mut pending: Vec<StorePath> = roots.into_iter().collect();
        while let Some(path) = pending.pop() {
            let Some(references) = self.references.get(&path) else { continue };
            if self.live.contains(&path) {
                continue;
            }
            pending.extend(references.iter().cloned());
            if settings.keep_outputs && path.is_derivation() {
                pending.extend(self.store.database().derivation_outputs(&path)?.into_values());
            }
            if settings.keep_derivations && !path.is_derivation() {
                let database = self.store.database();
                pending.extend(database.valid_derivers(&path)?);
                pending.extend(database.path_info(&path)?.and_then(|info| info.deriver));
            }
            self.live.insert(path);
        }
        Ok(())
    }

    /// Adds what other processes have asked for since to what is alive.
    fn mark_new(&mut self, paused: &mut Paused<'_>) -> Result<(), StoreError> {
        let new = paused.take_new();
        for path in &new {
            self.temporary.insert(path.hash_part().to_owned());
        }
        self.mark(new)
    }

    fn dead(&self) -> BTreeSet<StorePath> {
        self.references.keys().filter(|path| !self.live.contains(*path)).cloned().collect()
    }

    /// Returns the names in the store directory that are no valid paths and that nobody holds.
    fn leftovers(&self) -> Result<Vec<String>, StoreError> {
        let directory = &self.store.settings().real_directory;
        let mut leftovers = Vec::new();
        for entry in fs::read_dir(directory).map_err(file_error("read", directory))? {
            let entry = entry.map_err(file_error("read", directory))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_valid = StorePath::from_base_name(&name)
                .is_ok_and(|path| self.references.contains_key(&path));
            if name != LINKS && !is_valid && !self.is_held(&name) {
                leftovers.push(name);
            }
        }
        leftovers.sort_unstable();
        Ok(leftovers)
    }

    /// Returns whether `name` belongs to something that a process is making.
    fn is_held(&self, name: &str) -> bool {
        if name.get(..HASH_PART_LENGTH).is_some_and(|part| self.temporary.contains(part)) {
            return true;
        }
        // Directories that objects are put together in are locked by who does so.
        name.starts_with("tmp-") && is_locked(&self.store.real(name))
    }

    fn list_dead(&mut self) -> Result<(), StoreError> {
        for path in self.dead() {
            let info = self.store.path_info(&path)?;
            self.result.bytes_freed += info.map_or(0, |info| info.nar_size);
            self.result.paths.insert(path.to_base_name());
        }
        self.result.paths.extend(self.leftovers()?);
        Ok(())
    }

    fn delete_dead(&mut self) -> Result<(), GcError> {
        say(self.events, Level::Info, "deleting garbage...");
        let dead = self.dead();
        for name in self.leftovers()? {
            if self.is_enough() {
                return Ok(());
            }
            self.delete_leftover(&name)?;
        }
        self.delete_in_batches(&dead)?;
        if !self.is_enough() {
            self.delete_unused_links()?;
        }
        Ok(())
    }

    fn delete_specific(&mut self, paths: &BTreeSet<StorePath>) -> Result<(), GcError> {
        let wanted: BTreeSet<StorePath> =
            paths.iter().filter(|path| self.references.contains_key(*path)).cloned().collect();
        for path in &wanted {
            let is_referred_to = self
                .references
                .iter()
                .any(|(other, references)| !wanted.contains(other) && references.contains(path));
            if self.live.contains(path) || is_referred_to {
                let path = self.store.directory().display(path);
                return Err(GcError::Alive { path });
            }
        }
        self.delete_in_batches(&wanted)?;
        for path in paths.difference(&wanted) {
            self.delete_leftover(path.base_name())?;
        }
        Ok(())
    }

    fn is_enough(&self) -> bool {
        self.options.max_freed.is_some_and(|most| self.result.bytes_freed >= most)
    }

    /// Deletes valid paths, referrers first, those kept that somebody asks for meanwhile.
    fn delete_in_batches(&mut self, dead: &BTreeSet<StorePath>) -> Result<(), GcError> {
        let references = dead
            .iter()
            .filter_map(|path| Some((path.clone(), self.references.get(path)?.clone())))
            .collect();
        let mut order =
            crate::closure::sorted_by_reference(&references).map_err(StoreError::from)?;
        // Sorted, each follows what it refers to; taken from the end, it comes before.
        while !order.is_empty() && !self.is_enough() {
            let mut batch = Vec::new();
            // Nobody adds a root between our looking and our saying what the batch is.
            let mut paused = self.listener.pause();
            self.mark_new(&mut paused)?;
            while batch.len() < self.batch_size()
                && let Some(path) = order.pop()
            {
                if !self.live.contains(&path) {
                    batch.push(path);
                }
            }
            paused.begin(&batch);
            let deleted = self.delete_batch(&batch);
            self.listener.end_batch();
            deleted?;
        }
        Ok(())
    }

    /// Returns how many paths may go together: one by one if the bytes freed are counted.
    fn batch_size(&self) -> usize {
        if self.options.max_freed.is_some() { 1 } else { BATCH }
    }

    fn delete_batch(&mut self, batch: &[StorePath]) -> Result<(), GcError> {
        self.store.database().invalidate(batch)?;
        for path in batch {
            let text = self.store.directory().display(path);
            say(self.events, Level::Info, &format!("deleting '{text}'"));
            self.remove(path.base_name())?;
        }
        Ok(())
    }

    fn delete_leftover(&mut self, name: &str) -> Result<(), GcError> {
        let path = StorePath::from_base_name(name).ok();
        let mut paused = self.listener.pause();
        self.mark_new(&mut paused)?;
        if self.is_held(name) {
            return Ok(());
        }
        paused.begin(path.as_slice());
        let text = format!("{}/{name}", self.store.directory());
        say(self.events, Level::Info, &format!("deleting '{text}'"));
        let removed = self.remove(name);
        self.listener.end_batch();
        removed
    }

    fn remove(&mut self, name: &str) -> Result<(), GcError> {
        let real = self.store.real(name);
        let freed = remove_tree(&real).map_err(file_error("delete", &real))?;
        self.result.bytes_freed += freed;
        self.result.paths.insert(name.to_owned());
        Ok(())
    }

    /// Deletes what stands in `.links` for files that no object has any more.
    fn delete_unused_links(&mut self) -> Result<(), StoreError> {
        let directory = self.store.real(LINKS);
        let Ok(entries) = fs::read_dir(&directory) else { return Ok(()) };
        say(self.events, Level::Info, "deleting unused links...");
        for entry in entries {
            let path = entry.map_err(file_error("read", &directory))?.path();
            let metadata = fs::symlink_metadata(&path).map_err(file_error("read", &path))?;
            if metadata.nlink() > 1 {
                continue;
            }
            fs::remove_file(&path).map_err(file_error("delete", &path))?;
            self.result.bytes_freed += metadata.blocks() * 512;
        }
        Ok(())
    }
}

/// Returns whether another process holds the directory at `path` locked.
fn is_locked(path: &Path) -> bool {
    let Ok(directory) = fs::File::open(path) else { return false };
    !matches!(lock(directory, FlockArg::LockExclusiveNonblock, path), Ok(Ok(_)))
}
