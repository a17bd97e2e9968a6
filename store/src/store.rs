//! The seam: what every store can do, whether in memory, on disk or behind a daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::content_address::FileMethod;
use crate::derivation::{Derivation, EXTENSION, aterm};
use crate::error::{AddError, BuildError, FetchError, GcError, StoreError};
use crate::event::Events;
use crate::fetch::{FetchOptions, FetchRequest};
use crate::hash::{Hash, HashAlgorithm};
use crate::nar::Tree;
use crate::nar::writer::Filter;
use crate::path::{StoreDirectory, StorePath};
use crate::path_info::PathInfo;
use crate::realise::{DerivedPath, RealiseOptions, Realised};
use crate::source::{Source, SourceRequest};
use crate::substitute::ClosureRequest;

/// What to add as a store object: a tree, which part of it, and what its path follows from.
pub struct NewTree<'t> {
    /// The name that the object gets.
    pub name: &'t str,
    /// Where to read.
    pub tree: &'t dyn Tree,
    /// What to read.
    pub path: &'t Path,
    /// Which entries to leave out; not asked about `path` itself.
    pub filter: &'t mut Filter<'t>,
    /// How the object becomes the bytes that are hashed.
    pub method: FileMethod,
    /// The algorithm that hashes them.
    pub algorithm: HashAlgorithm,
    /// The objects that it refers to; only trees hashed by SHA-256 recursively may have any.
    pub references: BTreeSet<StorePath>,
}

/// A text to add as a store object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewText {
    /// What is known of it; its path follows from the rest.
    pub info: PathInfo,
    /// The text.
    pub contents: Vec<u8>,
    /// Whether it is a derivation whose paths whoever adds it has computed.
    pub is_computed: bool,
}

impl NewText {
    /// Returns the text of a derivation.
    ///
    /// # Errors
    ///
    /// A bad name.
    pub fn derivation(
        directory: &StoreDirectory,
        derivation: &Derivation,
    ) -> Result<NewText, StoreError> {
        let contents = aterm::write(directory, derivation)?;
        let name = format!("{}{EXTENSION}", derivation.name);
        let info = text_info(directory, &name, &contents, &derivation.references())?;
        Ok(NewText { info, contents, is_computed: true })
    }
}

/// Which roots a collection honours and what it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcOptions {
    /// What to do.
    pub action: GcAction,
    /// Delete what is still alive, too; for [`GcAction::DeleteSpecific`] only.
    pub ignore_liveness: bool,
    /// Stop once that many bytes are free.
    pub max_freed: Option<u64>,
}

/// What a collection does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GcAction {
    /// Returns what is reachable from the roots.
    ReturnLive,
    /// Returns what could be deleted, with its size, and deletes nothing.
    ReturnDead,
    /// Deletes everything that is not reachable.
    #[default]
    DeleteDead,
    /// Deletes these, and fails if one of them is reachable.
    DeleteSpecific(BTreeSet<StorePath>),
}

/// What a collection found or did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcResult {
    /// The paths asked for, or those deleted, by file name in the store directory.
    pub paths: BTreeSet<String>,
    /// How many bytes were, or would be, freed.
    pub bytes_freed: u64,
}

/// The links and processes that keep an object alive, by object.
///
/// A root is told by the absolute path of its link, or in braces if it is none: `{temp:PID}`.
pub type Roots = BTreeMap<StorePath, BTreeSet<String>>;

/// A store: objects by path, what is known of them, and ways to get new ones.
///
/// Methods take `&self` and may be called from several threads; several processes may use one
/// store. A path is *valid* when it is registered: its files are complete, never change again, and
/// everything it refers to is valid too. What a store adds it keeps from being collected, as by
/// [`add_temporary_root`](Store::add_temporary_root).
pub trait Store: Send + Sync {
    /// Returns the logical directory that paths are printed with and computed from.
    fn directory(&self) -> &StoreDirectory;

    /// Returns where the files of `path` really are, whether it is valid or not.
    ///
    /// A store without files returns the logical path.
    fn real_path(&self, path: &StorePath) -> PathBuf {
        self.directory().join(path)
    }

    /// Returns what is known of `path`, or `None` if it is not valid.
    fn path_info(&self, path: &StorePath) -> Result<Option<PathInfo>, StoreError>;

    /// Returns whether `path` is valid.
    fn is_valid(&self, path: &StorePath) -> Result<bool, StoreError> {
        Ok(self.path_info(path)?.is_some())
    }

    /// Returns every valid path.
    fn all_valid_paths(&self) -> Result<BTreeSet<StorePath>, StoreError>;

    /// Returns the valid path with this hash part, of 32 base-32 digits.
    fn path_from_hash_part(&self, hash_part: &str) -> Result<Option<StorePath>, StoreError>;

    /// Returns the valid paths that refer to `path`, itself among them if it does.
    fn referrers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError>;

    /// Returns the valid derivations that have `path` as an output.
    fn valid_derivers(&self, path: &StorePath) -> Result<BTreeSet<StorePath>, StoreError>;

    /// Returns the outputs of the valid derivation `path`, with their paths where these are known.
    ///
    /// # Errors
    ///
    /// A path that is not valid or no derivation.
    fn derivation_outputs(
        &self,
        path: &StorePath,
    ) -> Result<BTreeMap<String, Option<StorePath>>, StoreError> {
        Ok(self.read_derivation(path)?.output_paths(self.directory())?)
    }

    /// Remembers where the outputs of a valid derivation are that only a build can tell.
    ///
    /// # Errors
    ///
    /// A path that is not valid, or a store that cannot remember.
    ///
    /// # Atomicity
    ///
    /// All are remembered, or none.
    fn register_outputs(
        &self,
        derivation: &StorePath,
        outputs: &BTreeMap<String, StorePath>,
    ) -> Result<(), StoreError> {
        let _ = (derivation, outputs);
        let store = self.directory().to_string();
        Err(StoreError::Unsupported { operation: "registerDrvOutput", store })
    }

    /// Returns the tree of valid objects and where `path` is in it.
    fn tree(&self, path: &StorePath) -> Result<(Box<dyn Tree + '_>, PathBuf), StoreError>;

    /// Returns the contents of the valid object `path`, which is a regular file.
    ///
    /// # Errors
    ///
    /// A path that is not valid or no regular file.
    fn read_text(&self, path: &StorePath) -> Result<Vec<u8>, StoreError> {
        if !self.is_valid(path)? {
            return Err(StoreError::NotValid { path: self.directory().display(path) });
        }
        let (tree, place) = self.tree(path)?;
        let mut contents = Vec::new();
        tree.read_file(&place, &mut contents).map_err(|source| StoreError::File {
            action: "read",
            path: place,
            source,
        })?;
        Ok(contents)
    }

    /// Returns the derivation whose file is `path`.
    ///
    /// # Errors
    ///
    /// A path that is not valid, is not called `.drv`, or holds something else.
    fn read_derivation(&self, path: &StorePath) -> Result<Derivation, StoreError> {
        let Some(name) = path.name().strip_suffix(EXTENSION) else {
            let path = self.directory().display(path);
            return Err(StoreError::Corrupt {
                path: path.into(),
                problem: "it is not a derivation".to_owned(),
            });
        };
        let text = self.read_text(path)?;
        Ok(aterm::read(self.directory(), name, &text)?)
    }

    /// Adds a text that refers to `references` and returns its path.
    ///
    /// # Errors
    ///
    /// A bad name, a reference that is not valid, or a store that cannot be written.
    ///
    /// # Atomicity
    ///
    /// The path is valid with the whole text, or not valid; a text already there is left alone.
    fn add_text(
        &self,
        name: &str,
        contents: &[u8],
        references: &BTreeSet<StorePath>,
    ) -> Result<StorePath, AddError>;

    /// Adds a tree and returns its path.
    ///
    /// # Errors
    ///
    /// A bad name, a tree that cannot be read or archived, a flat one that is no plain file, a
    /// reference that is not valid, or a store that cannot be written.
    ///
    /// # Atomicity
    ///
    /// As [`add_text`](Store::add_text). A tree that is there already is read but not written.
    fn add_tree(&self, tree: NewTree<'_>) -> Result<StorePath, AddError>;

    /// Adds the object that `info` describes, whose archive is read from `nar`.
    ///
    /// # Errors
    ///
    /// An archive that is malformed or has another hash or size, a reference that is not valid, or
    /// a store that cannot be written. Signatures are the caller's to check.
    ///
    /// # Atomicity
    ///
    /// As [`add_text`](Store::add_text).
    fn add_nar(&self, info: &PathInfo, nar: &mut dyn Read) -> Result<(), AddError>;

    /// Adds the file of a derivation and returns its path.
    ///
    /// # Errors
    ///
    /// As [`add_text`](Store::add_text).
    ///
    /// # Atomicity
    ///
    /// As [`add_text`](Store::add_text).
    fn add_derivation(&self, derivation: &Derivation) -> Result<StorePath, AddError> {
        let text = aterm::write(self.directory(), derivation).map_err(StoreError::from)?;
        let name = format!("{}{EXTENSION}", derivation.name);
        self.add_text(&name, &text, &derivation.references())
    }

    /// Adds texts, which may refer to each other; many together cost little more than one.
    ///
    /// # Errors
    ///
    /// As [`add_text`](Store::add_text).
    ///
    /// # Atomicity
    ///
    /// Each as by [`add_text`](Store::add_text); after a failure some may be valid.
    fn add_texts(&self, texts: &[NewText]) -> Result<(), AddError> {
        for NewText { info, contents, .. } in texts {
            self.add_text(info.path.name(), contents, &info.references)?;
        }
        Ok(())
    }

    /// Registers objects whose files are in place already, all of them or none.
    ///
    /// # Errors
    ///
    /// References in a circle, or to paths neither valid nor among `infos`.
    ///
    /// # Atomicity
    ///
    /// All become valid at once; the files' contents are on the disk before they do.
    fn register(&self, infos: &[PathInfo]) -> Result<(), AddError>;

    /// Keeps `path` from being collected for as long as this process lives.
    ///
    /// # Atomicity
    ///
    /// Once it returns, no collection deletes `path`; a collection that is running knows of it.
    fn add_temporary_root(&self, path: &StorePath) -> Result<(), StoreError>;

    /// Keeps what the link `link` points to from being collected for as long as the link does.
    fn add_indirect_root(&self, link: &Path) -> Result<(), StoreError>;

    /// Makes `link` point to `path` and keeps that from being collected.
    ///
    /// # Errors
    ///
    /// A `link` in the way that is not a link to a store object, or one that cannot be made.
    ///
    /// # Atomicity
    ///
    /// At every moment the link points to what it did before or to `path`.
    fn add_permanent_root(&self, path: &StorePath, link: &Path) -> Result<(), StoreError>;

    /// Returns everything that keeps objects alive.
    fn roots(&self) -> Result<Roots, StoreError>;

    /// Deletes, or lists, what nothing keeps alive.
    ///
    /// # Atomicity
    ///
    /// A path becomes invalid before its files go; whatever is cut short, the next collection
    /// removes.
    fn collect_garbage(
        &self,
        options: &GcOptions,
        events: &dyn Events,
    ) -> Result<GcResult, GcError>;

    /// Compares the store with what is registered and returns whether all is well.
    ///
    /// With `check_contents`, every archive's hash, too; with `repair`, what is damaged is made
    /// anew where a derivation or a cache can.
    ///
    /// # Errors
    ///
    /// A store that cannot be read; damage found is an event and a `false`.
    fn verify(
        &self,
        check_contents: bool,
        repair: bool,
        events: &dyn Events,
    ) -> Result<bool, StoreError>;

    /// Adds what an address holds and returns its path.
    ///
    /// # Errors
    ///
    /// An address that does not give what was asked for, or as [`add_tree`](Store::add_tree).
    ///
    /// # Atomicity
    ///
    /// As [`add_text`](Store::add_text).
    fn fetch(
        &self,
        request: &FetchRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<StorePath, FetchError>;

    /// Adds an object of a binary cache with all that it refers to, and returns its path.
    ///
    /// # Errors
    ///
    /// A cache that does not have it, or an object that nobody trusted has signed.
    ///
    /// # Atomicity
    ///
    /// Each object becomes valid after those that it refers to.
    fn fetch_closure(
        &self,
        request: &ClosureRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<StorePath, FetchError>;

    /// Adds a directory or a tree of a repository of the host, and tells what is known of it.
    ///
    /// # Errors
    ///
    /// A source that cannot be read, or as [`add_tree`](Store::add_tree).
    ///
    /// # Atomicity
    ///
    /// As [`add_text`](Store::add_text).
    fn add_source(
        &self,
        request: &SourceRequest,
        options: &FetchOptions,
        events: &dyn Events,
    ) -> Result<Source, FetchError>;

    /// Makes `targets` valid, building what has to be built, and returns what came of each.
    ///
    /// # Errors
    ///
    /// Whatever failed; with [`RealiseOptions::keep_going`], everything that failed.
    ///
    /// # Atomicity
    ///
    /// The outputs of a build become valid together, after it has ended well.
    fn realise(
        &self,
        targets: &[DerivedPath],
        options: &RealiseOptions,
        events: &dyn Events,
    ) -> Result<Vec<Realised>, BuildError>;
}

/// Returns the record of the text `contents` called `name`.
///
/// # Errors
///
/// A bad name.
pub fn text_info(
    directory: &StoreDirectory,
    name: &str,
    contents: &[u8],
    references: &BTreeSet<StorePath>,
) -> Result<PathInfo, StoreError> {
    use crate::content_address::ContentAddress;
    use crate::nar::memory::MemoryTree;
    use crate::nar::writer::{everything, write_nar};

    let digest = Hash::sha256(contents);
    let path = directory.text_path(name, &digest, references)?;
    let mut hasher = crate::hash::Hasher::new(HashAlgorithm::Sha256);
    // Neither a tree in memory nor a hasher ever fails.
    let _ = write_nar(&MemoryTree::file(contents), Path::new(""), &mut everything, &mut hasher);
    let nar_size = hasher.length();
    let mut info = PathInfo::new(path, hasher.finish(), nar_size);
    info.references.clone_from(references);
    info.content_address = Some(ContentAddress::Text(digest));
    Ok(info)
}

#[cfg(test)]
mod tests;
