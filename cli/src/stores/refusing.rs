//! `dummy://`: a store that stays empty, so that evaluation needs no place to write to.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use store::nar::Tree;
use store::source::{Source, SourceRequest};
use store::store::Roots;
use store::{
    AddError, BuildError, ClosureRequest, Derivation, DerivedPath, Events, FetchError,
    FetchOptions, FetchRequest, GcError, GcOptions, GcResult, MemoryStore, NewText, NewTree,
    PathInfo, RealiseOptions, Realised, Store, StoreDirectory, StoreError, StorePath,
};

/// A store without objects, that takes none.
pub(super) struct RefusingStore {
    empty: MemoryStore,
}

impl RefusingStore {
    /// Returns the store whose paths lie in `directory`.
    pub(super) fn new(directory: StoreDirectory) -> Self {
        Self { empty: MemoryStore::new(directory) }
    }
}

/// Returns the error of an operation, by its name in CppNix.
fn refused(operation: &'static str) -> StoreError {
    StoreError::Unsupported { operation, store: "dummy://".to_owned() }
}

impl Store for RefusingStore {
    fn directory(&self) -> &StoreDirectory {
        self.empty.directory()
    }

    fn path_info(&self, _: &StorePath) -> Result<Option<PathInfo>, StoreError> {
        Ok(None)
    }

    fn all_valid_paths(&self) -> Result<BTreeSet<StorePath>, StoreError> {
        Ok(BTreeSet::new())
    }

    fn path_from_hash_part(&self, _: &str) -> Result<Option<StorePath>, StoreError> {
        Ok(None)
    }

    fn referrers(&self, _: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
        Ok(BTreeSet::new())
    }

    fn valid_derivers(&self, _: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
        Ok(BTreeSet::new())
    }

    fn tree(&self, path: &StorePath) -> Result<(Box<dyn Tree + '_>, PathBuf), StoreError> {
        self.empty.tree(path)
    }

    fn add_text(&self, _: &str, _: &[u8], _: &BTreeSet<StorePath>) -> Result<StorePath, AddError> {
        Err(refused("addToStoreFromDump").into())
    }

    fn add_texts(&self, texts: &[NewText]) -> Result<(), AddError> {
        match texts.first() {
            Some(text) if text.is_computed => Err(refused("writeDerivation").into()),
            Some(_) => Err(refused("addToStoreFromDump").into()),
            None => Ok(()),
        }
    }

    fn add_derivation(&self, _: &Derivation) -> Result<StorePath, AddError> {
        Err(refused("writeDerivation").into())
    }

    fn add_tree(&self, _: NewTree<'_>) -> Result<StorePath, AddError> {
        Err(refused("addToStoreFromDump").into())
    }

    fn add_nar(&self, _: &PathInfo, _: &mut dyn Read) -> Result<(), AddError> {
        Err(refused("addToStore").into())
    }

    fn register(&self, _: &[PathInfo]) -> Result<(), AddError> {
        Err(refused("registerValidPaths").into())
    }

    fn add_temporary_root(&self, _: &StorePath) -> Result<(), StoreError> {
        Ok(())
    }

    fn add_indirect_root(&self, _: &Path) -> Result<(), StoreError> {
        Err(refused("addIndirectRoot"))
    }

    fn add_permanent_root(&self, _: &StorePath, _: &Path) -> Result<(), StoreError> {
        Err(refused("addPermRoot"))
    }

    fn roots(&self) -> Result<Roots, StoreError> {
        Ok(Roots::new())
    }

    fn collect_garbage(&self, _: &GcOptions, _: &dyn Events) -> Result<GcResult, GcError> {
        Ok(GcResult::default())
    }

    fn verify(&self, _: bool, _: bool, _: &dyn Events) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn fetch(
        &self,
        _: &FetchRequest,
        _: &FetchOptions,
        _: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        Err(refused("addToStore").into())
    }

    fn fetch_closure(
        &self,
        _: &ClosureRequest,
        _: &FetchOptions,
        _: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        Err(refused("addToStore").into())
    }

    fn add_source(
        &self,
        _: &SourceRequest,
        _: &FetchOptions,
        _: &dyn Events,
    ) -> Result<Source, FetchError> {
        Err(refused("addToStore").into())
    }

    fn realise(
        &self,
        targets: &[DerivedPath],
        options: &RealiseOptions,
        events: &dyn Events,
    ) -> Result<Vec<Realised>, BuildError> {
        self.empty.realise(targets, options, events)
    }
}

#[cfg(test)]
mod tests {
    use super::RefusingStore;
    use store::{Store as _, StoreDirectory};

    #[test]
    fn nothing_gets_in() {
        let store = RefusingStore::new(StoreDirectory::default());
        let error = store.add_text("a", b"b", &[].into()).expect_err("it takes nothing");
        let words = "operation 'addToStoreFromDump' is not supported by store 'dummy://'";
        assert_eq!(error.to_string(), words);
        assert!(store.all_valid_paths().expect("it can be asked").is_empty());
    }
}
