//! A store that reaches for nothing outside: what an untrusted workspace is evaluated with.
//!
//! Opening a folder must not make the editor load from addresses that stand in it. What is asked
//! for is refused, unless a setting allows it; all else is the store's own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use store::nar::Tree;
use store::source::{Source, SourcePlace, SourceRequest};
use store::store::Roots;
use store::{
    AddError, BuildError, ClosureRequest, Derivation, DerivedPath, Events, FetchError,
    FetchOptions, FetchRequest, GcError, GcOptions, GcResult, NewText, NewTree, PathInfo,
    RealiseOptions, Realised, Store, StoreDirectory, StoreError, StorePath,
};

/// A store that does not fetch.
pub(super) struct Untrusting {
    store: Box<dyn Store>,
}

/// Returns the store that evaluations are given: `store`, which fetches only if that is allowed.
pub(super) fn store(store: Box<dyn Store>, may_fetch: bool) -> Box<dyn Store> {
    if may_fetch { store } else { Box::new(Untrusting { store }) }
}

fn refused(what: &str) -> FetchError {
    FetchError::Source(format!(
        "{what} is not fetched: the workspace is not trusted (`nivis.evaluation.fetch`)"
    ))
}

impl Store for Untrusting {
    fn directory(&self) -> &StoreDirectory {
        self.store.directory()
    }

    fn real_path(&self, path: &StorePath) -> PathBuf {
        self.store.real_path(path)
    }

    fn path_info(&self, path: &StorePath) -> Result<Option<PathInfo>, StoreError> {
        self.store.path_info(path)
    }

    fn all_valid_paths(&self) -> Result<BTreeSet<StorePath>, StoreError> {
        self.store.all_valid_paths()
    }

    fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError> {
        self.store.path_from_hash_part(hash_part)
    }

    fn referrers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
        self.store.referrers(path)
    }

    fn valid_derivers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
        self.store.valid_derivers(path)
    }

    fn derivation_outputs(
        &self,
        path: &StorePath,
    ) -> Result<BTreeMap<String, Option<StorePath>>, StoreError> {
        self.store.derivation_outputs(path)
    }

    fn tree(&self, path: &StorePath) -> Result<(Box<dyn Tree + '_>, PathBuf), StoreError> {
        self.store.tree(path)
    }

    fn add_text(
        &self,
        name: &str,
        contents: &[u8],
        references: &BTreeSet<StorePath>,
    ) -> Result<StorePath, AddError> {
        self.store.add_text(name, contents, references)
    }

    fn add_tree(&self, tree: NewTree<'_>) -> Result<StorePath, AddError> {
        self.store.add_tree(tree)
    }

    fn add_nar(&self, info: &PathInfo, nar: &mut dyn Read) -> Result<(), AddError> {
        self.store.add_nar(info, nar)
    }

    fn add_derivation(&self, derivation: &Derivation) -> Result<StorePath, AddError> {
        self.store.add_derivation(derivation)
    }

    fn add_texts(&self, texts: &[NewText]) -> Result<(), AddError> {
        self.store.add_texts(texts)
    }

    fn register(&self, infos: &[PathInfo]) -> Result<(), AddError> {
        self.store.register(infos)
    }

    fn add_temporary_root(&self, path: &StorePath) -> Result<(), StoreError> {
        self.store.add_temporary_root(path)
    }

    fn add_indirect_root(&self, link: &Path) -> Result<(), StoreError> {
        self.store.add_indirect_root(link)
    }

    fn add_permanent_root(&self, path: &StorePath, link: &Path) -> Result<(), StoreError> {
        self.store.add_permanent_root(path, link)
    }

    fn roots(&self) -> Result<Roots, StoreError> {
        self.store.roots()
    }

    fn collect_garbage(
        &self,
        options: &GcOptions,
        events: &dyn Events,
    ) -> Result<GcResult, GcError> {
        self.store.collect_garbage(options, events)
    }

    fn verify(
        &self,
        check_contents: bool,
        repair: bool,
        events: &dyn Events,
    ) -> Result<bool, StoreError> {
        self.store.verify(check_contents, repair, events)
    }

    fn fetch(
        &self,
        request: &FetchRequest,
        _: &FetchOptions,
        _: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        Err(refused(&format!("'{}'", request.url)))
    }

    fn fetch_closure(
        &self,
        request: &ClosureRequest,
        _: &FetchOptions,
        _: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        Err(refused(&format!("'{}'", request.cache)))
    }

    fn add_source(
        &self,
        request: &SourceRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<Source, FetchError> {
        match &request.place {
            SourcePlace::Path(_) => self.store.add_source(request, options, events),
            _ => Err(refused(&format!("'{}'", request.name))),
        }
    }

    fn realise(
        &self,
        targets: &[DerivedPath],
        options: &RealiseOptions,
        events: &dyn Events,
    ) -> Result<Vec<Realised>, BuildError> {
        self.store.realise(targets, options, events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eval::interpret::on_large_stack;
    use eval::option_tree::{Configuration, of_system};
    use eval::settings::Settings;
    use eval::source::{HOST, SourcePath};
    use eval::system::MemorySystem;
    use store::MemoryStore;

    #[test]
    fn an_untrusted_workspace_loads_nothing() {
        let mut system = MemorySystem::default();
        let text = br#"{ imports = [ (builtins.fetchurl "http://127.0.0.1:9/tea.nix") ]; }"#;
        system.files.insert(b"/c.nix".to_vec(), text.to_vec());
        let memory = Box::new(MemoryStore::new(StoreDirectory::default()));
        let store = super::store(memory, false);
        let settings = Settings { embedded_fallback: true, ..Settings::default() };
        let root = Configuration::File(SourcePath::new(HOST, b"/c.nix"));
        let found = on_large_stack(|| of_system(&system, &*store, &settings, &root));
        let error = found.expect_err("nothing is fetched");
        assert!(error.contains("the workspace is not trusted"), "{error}");
    }
}
