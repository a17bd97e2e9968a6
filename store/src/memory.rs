//! A whole store in memory, for tests, pure evaluation and the editor.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::closure::closure;
use crate::error::{AddError, BuildError, FetchError, GcError, StoreError};
use crate::event::{Event, Events, Field, Level, ResultKind};
use crate::fetch::{FetchOptions, FetchRequest};
use crate::hash::HashAlgorithm;
use crate::nar::Tree;
use crate::nar::memory::MemoryTree;
use crate::nar::writer::{everything, write_nar};
use crate::path::{StoreDirectory, StorePath};
use crate::path_info::PathInfo;
use crate::realise::{DerivedPath, RealiseOptions, Realised};
use crate::source::{Source, SourceRequest};
use crate::store::{GcAction, GcOptions, GcResult, NewTree, Roots, Store, text_info};
use crate::substitute::ClosureRequest;
use crate::tree_hash::TreeHash;

/// A store whose objects live as long as it does; it cannot build.
#[derive(Debug)]
pub struct MemoryStore {
    directory: StoreDirectory,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<StorePath, Object>,
    temporary_roots: BTreeSet<StorePath>,
    links: BTreeMap<PathBuf, StorePath>,
}

#[derive(Debug)]
struct Object {
    info: PathInfo,
    tree: Arc<MemoryTree>,
}

impl MemoryStore {
    /// Returns an empty store whose paths lie in `directory`.
    pub fn new(directory: StoreDirectory) -> MemoryStore {
        MemoryStore { directory, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is a single insertion or removal, so a panic leaves no half of one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn not_valid(&self, path: &StorePath) -> StoreError {
        StoreError::NotValid { path: self.directory.display(path) }
    }

    fn insert(&self, info: PathInfo, tree: MemoryTree) -> Result<StorePath, AddError> {
        let mut state = self.state();
        state.check_references(&self.directory, &info, &BTreeSet::new())?;
        let path = info.path.clone();
        state.temporary_roots.insert(path.clone());
        state.objects.entry(path.clone()).or_insert_with(|| Object { info, tree: Arc::new(tree) });
        Ok(path)
    }
}

impl State {
    fn check_references(
        &self,
        directory: &StoreDirectory,
        info: &PathInfo,
        together: &BTreeSet<&StorePath>,
    ) -> Result<(), AddError> {
        for reference in &info.references {
            let is_known = *reference == info.path
                || self.objects.contains_key(reference)
                || together.contains(reference);
            if !is_known {
                return Err(AddError::InvalidReference {
                    path: directory.display(&info.path),
                    reference: directory.display(reference),
                });
            }
        }
        Ok(())
    }

    fn live(&self) -> BTreeSet<StorePath> {
        let roots = self.temporary_roots.iter().chain(self.links.values()).cloned();
        let references = |path: &StorePath| {
            let object = self.objects.get(path);
            let references = object.into_iter().flat_map(|object| &object.info.references);
            Ok::<_, std::convert::Infallible>(references.cloned().collect())
        };
        match closure(roots, references) {
            Ok(mut live) => {
                live.retain(|path| self.objects.contains_key(path));
                live
            }
            Err(never) => match never {},
        }
    }

    fn delete(&mut self, paths: &BTreeSet<StorePath>, max_freed: Option<u64>) -> GcResult {
        let mut result = GcResult::default();
        for path in paths {
            if max_freed.is_some_and(|most| result.bytes_freed >= most) {
                break;
            }
            if let Some(object) = self.objects.remove(path) {
                result.bytes_freed += object.info.nar_size;
                result.paths.insert(path.to_base_name());
            }
        }
        result
    }
}

impl Store for MemoryStore {
    fn directory(&self) -> &StoreDirectory {
        &self.directory
    }

    fn path_info(&self, path: &StorePath) -> Result<Option<PathInfo>, StoreError> {
        Ok(self.state().objects.get(path).map(|object| object.info.clone()))
    }

    fn all_valid_paths(&self) -> Result<BTreeSet<StorePath>, StoreError> {
        Ok(self.state().objects.keys().cloned().collect())
    }

    fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError> {
        let state = self.state();
        Ok(state.objects.keys().find(|path| path.hash_part() == hash_part).cloned())
    }

    fn referrers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
        let state = self.state();
        let referrers =
            state.objects.values().filter(|object| object.info.references.contains(path));
        Ok(referrers.map(|object| object.info.path.clone()).collect())
    }

    fn valid_derivers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError> {
        let derivations: Vec<StorePath> =
            self.state().objects.keys().filter(|path| path.is_derivation()).cloned().collect();
        let mut derivers = BTreeSet::new();
        for derivation in derivations {
            let outputs = self.derivation_outputs(&derivation)?;
            if outputs.values().flatten().any(|output| output == path) {
                derivers.insert(derivation);
            }
        }
        Ok(derivers)
    }

    fn tree(&self, path: &StorePath) -> Result<(Box<dyn Tree + '_>, PathBuf), StoreError> {
        let tree = self.state().objects.get(path).map(|object| object.tree.clone());
        let tree = tree.ok_or_else(|| self.not_valid(path))?;
        Ok((Box::new(tree), PathBuf::new()))
    }

    fn add_text(
        &self,
        name: &str,
        contents: &[u8],
        references: &BTreeSet<StorePath>,
    ) -> Result<StorePath, AddError> {
        let info = text_info(&self.directory, name, contents, references)?;
        self.insert(info, MemoryTree::file(contents))
    }

    fn add_tree(&self, new: NewTree<'_>) -> Result<StorePath, AddError> {
        let mut archive = Vec::new();
        let hash =
            TreeHash::of(new.tree, new.path, new.filter, new.method, new.algorithm, &mut archive)?;
        let tree = MemoryTree::from_nar(&mut archive.as_slice())
            .map_err(|source| AddError::Nar { path: new.path.display().to_string(), source })?;
        let info = hash.path_info(&self.directory, new.name, &new.references)?;
        self.insert(info, tree)
    }

    fn add_nar(&self, info: &PathInfo, nar: &mut dyn Read) -> Result<(), AddError> {
        let path = self.directory.display(&info.path);
        let mut checked = crate::tree_hash::CheckedNar::new(nar);
        let tree = MemoryTree::from_nar(&mut checked)
            .map_err(|source| AddError::Nar { path: path.clone(), source })?;
        checked.finish(&path, info)?;
        self.insert(info.clone(), tree)?;
        Ok(())
    }

    fn register(&self, infos: &[PathInfo]) -> Result<(), AddError> {
        let mut state = self.state();
        let together = infos.iter().map(|info| &info.path).collect();
        for info in infos {
            // Only objects that are there have files in place.
            if !state.objects.contains_key(&info.path) {
                return Err(self.not_valid(&info.path).into());
            }
            state.check_references(&self.directory, info, &together)?;
        }
        for info in infos {
            if let Some(object) = state.objects.get_mut(&info.path) {
                object.info.clone_from(info);
            }
        }
        Ok(())
    }

    fn add_temporary_root(&self, path: &StorePath) -> Result<(), StoreError> {
        self.state().temporary_roots.insert(path.clone());
        Ok(())
    }

    /// Does nothing: the links known here are those made here.
    fn add_indirect_root(&self, _: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    fn add_permanent_root(&self, path: &StorePath, link: &Path) -> Result<(), StoreError> {
        self.state().links.insert(link.to_path_buf(), path.clone());
        Ok(())
    }

    fn roots(&self) -> Result<Roots, StoreError> {
        let state = self.state();
        let mut roots = Roots::new();
        for (link, path) in &state.links {
            roots.entry(path.clone()).or_default().insert(link.display().to_string());
        }
        for path in &state.temporary_roots {
            let root = format!("{{temp:{}}}", std::process::id());
            roots.entry(path.clone()).or_default().insert(root);
        }
        roots.retain(|path, _| state.objects.contains_key(path));
        Ok(roots)
    }

    fn collect_garbage(&self, options: &GcOptions, _: &dyn Events) -> Result<GcResult, GcError> {
        let mut state = self.state();
        let live = state.live();
        let names =
            |paths: &BTreeSet<StorePath>| paths.iter().map(StorePath::to_base_name).collect();
        match &options.action {
            GcAction::ReturnLive => Ok(GcResult { paths: names(&live), bytes_freed: 0 }),
            GcAction::ReturnDead => {
                let dead =
                    state.objects.values().filter(|object| !live.contains(&object.info.path));
                let mut result = GcResult::default();
                for object in dead {
                    result.paths.insert(object.info.path.to_base_name());
                    result.bytes_freed += object.info.nar_size;
                }
                Ok(result)
            }
            GcAction::DeleteDead => {
                let all = state.objects.keys().cloned().collect::<BTreeSet<_>>();
                Ok(state.delete(&(&all - &live), options.max_freed))
            }
            GcAction::DeleteSpecific(paths) => {
                let alive = |path: &&StorePath| live.contains(path) && !options.ignore_liveness;
                if let Some(path) = paths.iter().find(alive) {
                    return Err(GcError::Alive { path: self.directory.display(path) });
                }
                let referrer = state.objects.values().find(|object| {
                    !paths.contains(&object.info.path) && !object.info.references.is_disjoint(paths)
                });
                if let Some(referrer) = referrer {
                    let path = referrer.info.references.intersection(paths).next();
                    let path = path.unwrap_or(&referrer.info.path);
                    return Err(GcError::Alive { path: self.directory.display(path) });
                }
                Ok(state.delete(paths, options.max_freed))
            }
        }
    }

    fn verify(
        &self,
        check_contents: bool,
        _repair: bool,
        events: &dyn Events,
    ) -> Result<bool, StoreError> {
        let mut sound = true;
        for object in self.state().objects.values().filter(|_| check_contents) {
            let mut hasher = crate::hash::Hasher::new(HashAlgorithm::Sha256);
            // Neither a tree in memory nor a hasher ever fails.
            let _ = write_nar(&*object.tree, Path::new(""), &mut everything, &mut hasher);
            if hasher.finish() != object.info.nar_hash {
                sound = false;
                let path = self.directory.display(&object.info.path);
                let text = format!("path '{path}' was modified");
                events.emit(Event::Message { level: Level::Error, text: &text });
                let fields = [Field::Text(&path)];
                let id = crate::event::ActivityId::NONE;
                events.emit(Event::Result { id, kind: ResultKind::CorruptedPath, fields: &fields });
            }
        }
        Ok(sound)
    }

    fn fetch(
        &self,
        request: &FetchRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        crate::fetch::fetch(self, request, options, events)
    }

    fn fetch_closure(
        &self,
        request: &ClosureRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        crate::substitute::fetch_closure(self, request, options, events)
    }

    fn add_source(
        &self,
        request: &SourceRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<Source, FetchError> {
        crate::source::add(self, request, options, events)
    }

    /// Succeeds only if every target is valid already.
    fn realise(
        &self,
        targets: &[DerivedPath],
        _: &RealiseOptions,
        _: &dyn Events,
    ) -> Result<Vec<Realised>, BuildError> {
        let unsupported =
            || StoreError::Unsupported { operation: "build", store: "memory".to_owned() };
        let mut realised = Vec::new();
        for target in targets {
            match target {
                DerivedPath::Opaque(path) => {
                    realised.push(Realised { origin: None, path: path.clone() });
                }
                DerivedPath::Built { derivation, outputs } => {
                    let paths = self.derivation_outputs(derivation)?;
                    for (name, path) in paths.into_iter().filter(|(name, _)| outputs.contains(name))
                    {
                        let path = path.ok_or_else(unsupported)?;
                        realised.push(Realised { origin: Some((derivation.clone(), name)), path });
                    }
                }
            }
        }
        for Realised { path, .. } in &realised {
            if !self.is_valid(path)? {
                return Err(unsupported().into());
            }
        }
        Ok(realised)
    }
}
