//! Sources: directories of the host and trees of Git repositories, into the store.
//!
//! What comes back beside the store path is what flakes and `fetchGit` tell of a tree: when it
//! changed last, and which commit it is. Source: CppNix, `PathInputScheme` and `GitInputScheme`.

mod git;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::content_address::{ContentAddress, FileMethod};
use crate::error::{FetchError, StoreError};
use crate::hash::{Hash, HashAlgorithm};
use crate::nar::disk::{DiskTree, kind_of};
use crate::nar::writer::{Filter, everything};
use crate::nar::{NodeKind, Tree};
use crate::path::StorePath;
use crate::store::{NewTree, Store};

/// A source to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRequest {
    /// The name of the store object.
    pub name: String,
    /// Where it is.
    pub place: SourcePlace,
}

/// Where a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourcePlace {
    /// A directory or file of the host, as it is.
    Path(PathBuf),
    /// A Git repository.
    Git(GitSource),
}

/// A tree of a Git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitSource {
    /// The directory of the repository.
    pub directory: PathBuf,
    /// The branch or tag.
    pub reference: Option<String>,
    /// The commit, in hexadecimal; without it and without a branch it is the working tree.
    pub revision: Option<String>,
    /// Whether the history is not counted.
    pub is_shallow: bool,
}

/// A source that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The store object.
    pub path: StorePath,
    /// The SHA-256 of its archive.
    pub nar_hash: Hash,
    /// When it changed last, in seconds since 1970.
    pub modified: u64,
    /// What Git knows of it.
    pub commit: Option<Commit>,
}

/// What Git knows of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The commit, in hexadecimal; `None` before the first one.
    pub revision: Option<String>,
    /// Whether the working tree differs from it.
    pub is_dirty: bool,
    /// The branch or tag, where there is one.
    pub reference: Option<String>,
    /// How many commits lead to it, itself included, where that was counted.
    pub count: Option<u64>,
}

/// Adds a source to `store`.
///
/// # Errors
///
/// A source that cannot be read, or a store that does not take it.
pub fn add(store: &dyn Store, request: &SourceRequest) -> Result<Source, FetchError> {
    match &request.place {
        SourcePlace::Path(path) => add_path(store, &request.name, path),
        SourcePlace::Git(source) => git::add(store, &request.name, source),
    }
}

fn add_path(store: &dyn Store, name: &str, path: &Path) -> Result<Source, FetchError> {
    if let Some(source) = stored(store, name, path)? {
        return Ok(source);
    }
    let tree = TimedTree::default();
    let (path, nar_hash) = add_tree(store, name, &tree, path, &mut everything)?;
    Ok(Source { path, nar_hash, modified: tree.modified(), commit: None })
}

/// Returns the source that lies in the store already.
fn stored(store: &dyn Store, name: &str, path: &Path) -> Result<Option<Source>, FetchError> {
    let Ok(object) = store.directory().parse(&path.to_string_lossy()) else { return Ok(None) };
    if object.name() != name {
        return Ok(None);
    }
    let info = store.path_info(&object)?;
    Ok(info.map(|info| Source { path: object, nar_hash: info.nar_hash, modified: 0, commit: None }))
}

fn add_tree<'t>(
    store: &dyn Store,
    name: &'t str,
    tree: &'t dyn Tree,
    path: &'t Path,
    filter: &'t mut Filter<'t>,
) -> Result<(StorePath, Hash), FetchError> {
    let object = store.add_tree(NewTree {
        name,
        tree,
        path,
        filter,
        method: FileMethod::Recursive,
        algorithm: HashAlgorithm::Sha256,
        references: BTreeSet::new(),
    })?;
    let info = store.path_info(&object)?;
    let Some(ContentAddress::Fixed { digest, .. }) = info.and_then(|info| info.content_address)
    else {
        let path = store.directory().display(&object);
        return Err(StoreError::NotValid { path }.into());
    };
    Ok((object, digest))
}

/// The file system, with a look at when what was read of it changed last.
#[derive(Default)]
struct TimedTree {
    latest: Cell<i64>,
}

impl TimedTree {
    fn modified(&self) -> u64 {
        u64::try_from(self.latest.get()).unwrap_or(0)
    }
}

impl Tree for TimedTree {
    fn kind(&self, path: &Path) -> io::Result<NodeKind> {
        let metadata = fs::symlink_metadata(path)?;
        self.latest.set(self.latest.get().max(metadata.mtime()));
        Ok(kind_of(&metadata))
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        DiskTree.read_link(path)
    }

    fn read_directory(&self, path: &Path) -> io::Result<Vec<Vec<u8>>> {
        DiskTree.read_directory(path)
    }

    fn read_file(&self, path: &Path, sink: &mut dyn Write) -> io::Result<()> {
        DiskTree.read_file(path, sink)
    }
}

#[cfg(test)]
mod tests;
