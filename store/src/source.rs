//! Sources: directories of the host, trees of repositories and what servers have, into the store.
//!
//! What comes back beside the store path is what flakes and `fetchGit` tell of a tree: when it
//! changed last, and which commit it is. Source: CppNix, the input schemes of `libfetchers`.

mod git;
mod mercurial;
mod program;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::content_address::{ContentAddress, FileMethod};
use crate::error::{FetchError, StoreError};
use crate::event::{Event, Events, Level};
use crate::fetch::cache::{Cache, Entry};
use crate::fetch::{self, FetchKind, FetchOptions, FetchRequest};
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
    /// A Mercurial repository.
    Mercurial(MercurialSource),
    /// A file, by its address.
    File(Remote),
    /// The tree in an archive, by its address.
    Tarball(Remote),
}

/// Something that a server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where it is: a `file`, `http` or `https` address.
    pub url: String,
    /// More headers for the server, such as one that says who asks.
    pub headers: Vec<(String, String)>,
}

/// Where a Git repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitPlace {
    /// A directory of the host with a working tree.
    Directory(PathBuf),
    /// Any address that `git` takes; the repository is copied into the cache.
    Url(String),
}

/// A tree of a Git repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitSource {
    /// Where the repository is.
    pub place: GitPlace,
    /// What messages call the tree.
    pub shown: String,
    /// The branch or tag; names that do not begin with `refs/` are branches.
    pub reference: Option<String>,
    /// The commit, in hexadecimal; without it and without a branch it is the working tree, where
    /// there is one.
    pub revision: Option<String>,
    /// Whether only the commit is fetched, and the history is not counted.
    pub is_shallow: bool,
    /// Whether the trees of submodules are in it.
    pub with_submodules: bool,
    /// Whether what the attribute `export-ignore` names is left out.
    pub export_ignore: bool,
    /// Whether all branches and tags are fetched.
    pub all_references: bool,
    /// Whether files that are kept elsewhere (Git LFS) are wanted; such files are refused.
    pub with_large_files: bool,
    /// Who must have signed the commit, if it must be signed.
    pub signers: Option<Vec<PublicKey>>,
    /// What is known of when the commit was made, in seconds since 1970.
    pub modified: Option<u64>,
    /// What is known of how many commits lead to it.
    pub count: Option<u64>,
}

impl GitSource {
    /// Returns the newest tree of a repository, as it is.
    pub fn new(place: GitPlace) -> Self {
        let shown = match &place {
            GitPlace::Directory(path) => path.display().to_string(),
            GitPlace::Url(url) => url.clone(),
        };
        Self {
            place,
            shown,
            reference: None,
            revision: None,
            is_shallow: false,
            with_submodules: false,
            export_ignore: false,
            all_references: false,
            with_large_files: false,
            signers: None,
            modified: None,
            count: None,
        }
    }
}

/// A key that signatures are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its kind, such as `ssh-ed25519`.
    pub kind: String,
    /// The key in base-64.
    pub key: String,
}

/// A tree of a Mercurial repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MercurialSource {
    /// A directory of the host, or an address that `hg` takes.
    pub url: String,
    /// Whether `url` is a directory of the host.
    pub is_directory: bool,
    /// The branch or tag.
    pub reference: Option<String>,
    /// The changeset, in hexadecimal; without it and without a branch it is the working tree, where
    /// there is one that was changed.
    pub revision: Option<String>,
}

/// A source that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The store object.
    pub path: StorePath,
    /// The SHA-256 of its archive.
    pub nar_hash: Hash,
    /// When it changed last, in seconds since 1970, where that is known.
    pub modified: Option<u64>,
    /// What Git or Mercurial knows of it.
    pub commit: Option<Commit>,
    /// The address at which the same will be for all times, if the server tells one.
    pub immutable_url: Option<String>,
}

/// What Git or Mercurial knows of a tree.
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

/// What adding a source needs beside the source.
#[derive(Clone, Copy)]
struct Setting<'s> {
    store: &'s dyn Store,
    name: &'s str,
    options: &'s FetchOptions,
    events: &'s dyn Events,
}

impl Setting<'_> {
    fn warn(&self, text: &str) {
        self.events.emit(Event::Message { level: Level::Warn, text });
    }

    fn cache(&self, key: &str) -> Cache {
        Cache::new(self.options.cache_directory.as_deref(), key)
    }

    /// Returns the object of this name that a key stands for, for all times.
    fn remembered(&self, key: &str) -> Result<Option<(StorePath, Hash)>, FetchError> {
        let Some(entry) = self.cache(key).read_valid(self.store)? else { return Ok(None) };
        let info = self.store.path_info(&entry.path)?;
        Ok(info.map(|info| (entry.path, info.nar_hash)))
    }

    fn remember(&self, key: &str, path: &StorePath) {
        self.cache(key).write(self.store.directory(), &Entry::new(path.clone()));
    }
}

/// Adds a source to `store`.
///
/// # Errors
///
/// A source that cannot be read, or a store that does not take it.
pub fn add(
    store: &dyn Store,
    request: &SourceRequest,
    options: &FetchOptions,
    events: &dyn Events,
) -> Result<Source, FetchError> {
    let setting = Setting { store, name: &request.name, options, events };
    match &request.place {
        SourcePlace::Path(path) => add_path(store, &request.name, path),
        SourcePlace::Git(source) => git::add(setting, source),
        SourcePlace::Mercurial(source) => mercurial::add(setting, source),
        SourcePlace::File(remote) => add_remote(setting, remote, FetchKind::File),
        SourcePlace::Tarball(remote) => add_remote(setting, remote, FetchKind::Tarball),
    }
}

fn add_path(store: &dyn Store, name: &str, path: &Path) -> Result<Source, FetchError> {
    if let Some(source) = stored(store, name, path)? {
        return Ok(source);
    }
    let tree = TimedTree::default();
    let (path, nar_hash) = add_tree(store, name, &tree, path, &mut everything)?;
    let modified = Some(tree.modified());
    Ok(Source { path, nar_hash, modified, commit: None, immutable_url: None })
}

fn add_remote(
    setting: Setting<'_>,
    remote: &Remote,
    kind: FetchKind,
) -> Result<Source, FetchError> {
    let request = FetchRequest {
        url: remote.url.clone(),
        kind,
        name: setting.name.to_owned(),
        expected: None,
        headers: remote.headers.clone(),
    };
    let mut fetched = fetch::fetch_all(setting.store, &request, setting.options, setting.events)?;
    if kind == FetchKind::File {
        // As a tree it has another path than as a file.
        let (tree, place) = setting.store.tree(&fetched.path)?;
        let added = add_tree(setting.store, setting.name, &*tree, &place, &mut everything)?;
        fetched.path = added.0;
    }
    let Some(info) = setting.store.path_info(&fetched.path)? else {
        let path = setting.store.directory().display(&fetched.path);
        return Err(StoreError::NotValid { path }.into());
    };
    Ok(Source {
        path: fetched.path,
        nar_hash: info.nar_hash,
        modified: fetched.modified,
        commit: None,
        immutable_url: fetched.immutable_url,
    })
}

/// Returns the source that lies in the store already.
fn stored(store: &dyn Store, name: &str, path: &Path) -> Result<Option<Source>, FetchError> {
    let Ok(object) = store.directory().parse(&path.to_string_lossy()) else { return Ok(None) };
    if object.name() != name {
        return Ok(None);
    }
    let info = store.path_info(&object)?;
    Ok(info.map(|info| Source {
        path: object,
        nar_hash: info.nar_hash,
        modified: Some(0),
        commit: None,
        immutable_url: None,
    }))
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
