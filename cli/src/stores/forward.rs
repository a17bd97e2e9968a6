//! Stores that pass on to another one what they do not do themselves.

/// Writes the methods of `impl Store` that pass on to what `self.get()` returns.
macro_rules! forward_to_store {
    () => {
        fn path_info(&self, path: &StorePath) -> Result<Option<PathInfo>, StoreError> {
            self.get()?.path_info(path)
        }

        fn is_valid(&self, path: &StorePath) -> Result<bool, StoreError> {
            self.get()?.is_valid(path)
        }

        fn all_valid_paths(&self) -> Result<BTreeSet<StorePath>, StoreError> {
            self.get()?.all_valid_paths()
        }

        fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError> {
            self.get()?.path_from_hash_part(hash_part)
        }

        fn referrers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
            self.get()?.referrers(path)
        }

        fn valid_derivers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
            self.get()?.valid_derivers(path)
        }

        fn derivation_outputs(
            &self,
            path: &StorePath,
        ) -> Result<BTreeMap<String, Option<StorePath>>, StoreError> {
            self.get()?.derivation_outputs(path)
        }

        fn register_outputs(
            &self,
            derivation: &StorePath,
            outputs: &BTreeMap<String, StorePath>,
        ) -> Result<(), StoreError> {
            self.get()?.register_outputs(derivation, outputs)
        }

        fn tree(&self, path: &StorePath) -> Result<(Box<dyn Tree + '_>, PathBuf), StoreError> {
            self.get()?.tree(path)
        }

        fn read_text(&self, path: &StorePath) -> Result<Vec<u8>, StoreError> {
            self.get()?.read_text(path)
        }

        fn read_derivation(&self, path: &StorePath) -> Result<Derivation, StoreError> {
            self.get()?.read_derivation(path)
        }

        fn add_nar(&self, info: &PathInfo, nar: &mut dyn Read) -> Result<(), AddError> {
            self.get()?.add_nar(info, nar)
        }

        fn register(&self, infos: &[PathInfo]) -> Result<(), AddError> {
            self.get()?.register(infos)
        }

        fn add_temporary_root(&self, path: &StorePath) -> Result<(), StoreError> {
            self.get()?.add_temporary_root(path)
        }

        fn add_indirect_root(&self, link: &Path) -> Result<(), StoreError> {
            self.get()?.add_indirect_root(link)
        }

        fn add_permanent_root(&self, path: &StorePath, link: &Path) -> Result<(), StoreError> {
            self.get()?.add_permanent_root(path, link)
        }

        fn roots(&self) -> Result<Roots, StoreError> {
            self.get()?.roots()
        }

        fn collect_garbage(
            &self,
            options: &GcOptions,
            events: &dyn Events,
        ) -> Result<GcResult, GcError> {
            self.get()?.collect_garbage(options, events)
        }

        fn verify(
            &self,
            check_contents: bool,
            repair: bool,
            events: &dyn Events,
        ) -> Result<bool, StoreError> {
            self.get()?.verify(check_contents, repair, events)
        }
    };
}

pub(crate) use forward_to_store;
