//! A store that is opened when something is asked of it that needs its database.
//!
//! Most evaluations only compute paths; they cost no look at the disk and need no store at all.

use super::forward::forward_to_store;
use super::{Access, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use store::nar::Tree;
use store::source::{Source, SourceRequest};
use store::store::Roots;
use store::{
    AddError, BuildError, ClosureRequest, Derivation, DerivedPath, Events, FetchError,
    FetchOptions, FetchRequest, GcError, GcOptions, GcResult, NewText, NewTree, PathInfo,
    RealiseOptions, Realised, Store, StoreDirectory, StoreError, StorePath,
};

/// A store that is not opened before it has to be.
pub(crate) struct LazyStore {
    place: Place,
    access: Access,
    opened: OnceLock<Box<dyn Store>>,
    /// The store once more, where what is only read has to take something after all.
    writable: OnceLock<Box<dyn Store>>,
    /// Held while opening, so that it happens once.
    opening: Mutex<()>,
    /// What is used instead in a copy of the process that made this one: connections to a
    /// database are not for two.
    copy: OnceLock<Box<LazyStore>>,
}

impl LazyStore {
    /// Returns the store at `place`.
    pub(crate) fn new(place: Place, access: Access) -> Self {
        let (opened, writable) = (OnceLock::new(), OnceLock::new());
        Self { place, access, opened, writable, opening: Mutex::default(), copy: OnceLock::new() }
    }

    /// Says that this process is a copy of the one in which the store may have been opened.
    pub(crate) fn in_copy(&self) {
        self.copy.get_or_init(|| Box::new(LazyStore::new(self.place.clone(), self.access)));
    }

    /// Returns the store itself.
    fn get(&self) -> Result<&dyn Store, StoreError> {
        if let Some(copy) = self.copy.get() {
            return copy.get();
        }
        match self.writable.get() {
            Some(store) => Ok(store.as_ref()),
            None => self.opened(&self.opened, self.access),
        }
    }

    /// Returns the store in a state to take something, whatever it is opened for.
    fn writable_store(&self) -> Result<&dyn Store, StoreError> {
        if let Some(copy) = self.copy.get() {
            return copy.writable_store();
        }
        match self.access {
            Access::Read => self.opened(&self.writable, Access::Write),
            Access::Write => self.get(),
        }
    }

    /// Returns the store in `slot`, which it is opened for if nobody has done so.
    fn opened<'s>(
        &self,
        slot: &'s OnceLock<Box<dyn Store>>,
        access: Access,
    ) -> Result<&'s dyn Store, StoreError> {
        if let Some(store) = slot.get() {
            return Ok(store.as_ref());
        }
        let _held = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = slot.get() {
            return Ok(store.as_ref());
        }
        let store = self.place.open(access)?;
        Ok(slot.get_or_init(|| store).as_ref())
    }
}

impl Store for LazyStore {
    fn directory(&self) -> &StoreDirectory {
        self.place.directory()
    }

    fn real_path(&self, path: &StorePath) -> PathBuf {
        self.place.real_directory().join(path.base_name())
    }

    forward_to_store!();

    fn add_text(
        &self,
        name: &str,
        contents: &[u8],
        references: &BTreeSet<StorePath>,
    ) -> Result<StorePath, AddError> {
        self.get()?.add_text(name, contents, references)
    }

    fn add_tree(&self, tree: NewTree<'_>) -> Result<StorePath, AddError> {
        self.get()?.add_tree(tree)
    }

    fn add_derivation(&self, derivation: &Derivation) -> Result<StorePath, AddError> {
        self.get()?.add_derivation(derivation)
    }

    fn add_texts(&self, texts: &[NewText]) -> Result<(), AddError> {
        self.get()?.add_texts(texts)
    }

    /// Fetches also where nothing else is written, as CppNix does.
    fn fetch(
        &self,
        request: &FetchRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        self.writable_store()?.fetch(request, options, events)
    }

    fn fetch_closure(
        &self,
        request: &ClosureRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        self.writable_store()?.fetch_closure(request, options, events)
    }

    fn add_source(
        &self,
        request: &SourceRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<Source, FetchError> {
        self.writable_store()?.add_source(request, options, events)
    }

    fn realise(
        &self,
        targets: &[DerivedPath],
        options: &RealiseOptions,
        events: &dyn Events,
    ) -> Result<Vec<Realised>, BuildError> {
        self.get()?.realise(targets, options, events)
    }
}

#[cfg(test)]
mod tests {
    use super::LazyStore;
    use crate::stores::{Access, Place};
    use store::{LocalSettings, Store as _, StorePath};

    #[test]
    fn a_store_that_is_not_there_is_empty_and_stays_away() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let place = Place::Disk(LocalSettings::below(directory.path()));
        let path = StorePath::new(&[0; 20], "a").expect("a good name");
        let lazy = LazyStore::new(place.clone(), Access::Read);
        assert!(!lazy.is_valid(&path).expect("it can be asked"));
        assert!(!directory.path().join("nix").exists());
        let lazy = LazyStore::new(place, Access::Write);
        assert_eq!(
            lazy.real_path(&path),
            directory.path().join("nix/store").join(path.base_name())
        );
        assert!(!directory.path().join("nix").exists());
        lazy.add_text("a", b"b", &[].into()).expect("it is made");
        assert!(directory.path().join("nix/var/nix/db/db.sqlite").exists());
    }
}
