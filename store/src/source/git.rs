//! Trees of Git repositories, read with the host's `git`.
//!
//! The working tree is what `git` tracks of it, as it lies there now; a commit is read object by
//! object, so that no filter of the repository changes what comes out. A repository that has no
//! working tree on this machine is copied into the cache first.

mod commit;
mod copy;
mod repository;
mod signature;
mod submodule;
mod working_tree;

use std::path::Path;

use self::copy::Copy;
use self::repository::Repository;
use super::{Commit, GitPlace, GitSource, Setting, Source, add_tree};
use crate::error::FetchError;
use crate::hash::Hash;
use crate::nar::memory::MemoryTree;
use crate::nar::writer::everything;
use crate::path::StorePath;

/// The branch of a repository that does not tell.
const FALLBACK_BRANCH: &str = "master";

/// A tree that is wanted.
struct Request<'r> {
    setting: Setting<'r>,
    source: &'r GitSource,
    /// The branch or tag, found out where nobody says.
    reference: Option<String>,
    /// Where the repository came from, which submodules may lie beside.
    remote: Option<String>,
    /// In how many repositories it lies.
    depth: usize,
}

/// Adds a tree of a repository to the store.
pub(super) fn add(setting: Setting<'_>, source: &GitSource) -> Result<Source, FetchError> {
    if source.export_ignore && source.with_submodules {
        let message = "exportIgnore and submodules are not supported together yet";
        return Err(FetchError::Source(message.to_owned()));
    }
    match &source.place {
        GitPlace::Directory(path) if source.reference.is_none() && source.revision.is_none() => {
            working_tree::add(setting, source, &at(path)?)
        }
        GitPlace::Directory(_) | GitPlace::Url(_) => add_commit(setting, source),
    }
}

/// Returns the repository in a directory.
fn at(path: &Path) -> Result<Repository, FetchError> {
    let shown = path.display();
    if !path.exists() {
        let message = format!("Git repository \"{shown}\" does not exist.");
        return Err(FetchError::Source(message));
    }
    let repository = Repository::new(path, shown.to_string());
    // This also refuses a repository that belongs to somebody else.
    repository.run(&["rev-parse", "--git-dir"])?;
    Ok(repository)
}

/// A commit that was found.
struct Found {
    repository: Repository,
    reference: String,
    revision: String,
    /// Where the repository came from.
    remote: Option<String>,
    /// The copy that the commit lies in.
    _copy: Option<Copy>,
}

fn find(setting: Setting<'_>, source: &GitSource) -> Result<Found, FetchError> {
    let path = match &source.place {
        GitPlace::Url(url) => return copy::find(setting, source, url),
        GitPlace::Directory(path) => path,
    };
    let repository = at(path)?;
    let reference = match (&source.reference, repository.branch()?) {
        (Some(reference), _) => reference.clone(),
        (None, Some(branch)) => branch,
        (None, None) => {
            warn_of_no_head(setting, &repository.shown);
            FALLBACK_BRANCH.to_owned()
        }
    };
    let revision = match &source.revision {
        Some(wanted) => repository.revision(wanted)?.ok_or_else(|| {
            FetchError::Source(format!(
                "getting Git object '{wanted}': object not found - no match for id ({wanted})"
            ))
        })?,
        None => repository.revision(&reference)?.ok_or_else(|| {
            FetchError::Source(format!(
                "resolving Git reference '{reference}': revspec '{reference}' not found"
            ))
        })?,
    };
    let remote = repository.ask(&["config", "--get", "remote.origin.url"])?;
    let remote = remote.map(|it| String::from_utf8_lossy(&it).trim_end().to_owned());
    let remote = remote.or_else(|| Some(repository.shown.clone()));
    Ok(Found { repository, reference, revision, remote, _copy: None })
}

fn warn_of_no_head(setting: Setting<'_>, shown: &str) {
    setting.warn(&format!(
        "could not read HEAD ref from repo at '{shown}', using '{FALLBACK_BRANCH}'"
    ));
}

fn add_commit(setting: Setting<'_>, source: &GitSource) -> Result<Source, FetchError> {
    let found = find(setting, source)?;
    let Found { repository, revision, .. } = &found;
    let modified = match source.modified {
        Some(modified) => modified,
        None => repository.time(revision)?,
    };
    let count = match source.count {
        _ if source.is_shallow => source.count,
        Some(count) => Some(count),
        None => repository.count(revision)?,
    };
    if let Some(signers) = &source.signers {
        signature::verify(repository, revision, signers)?;
    }
    let (path, nar_hash) = add_found(setting, source, &found)?;
    let commit = Commit {
        revision: Some(found.revision),
        is_dirty: false,
        reference: Some(found.reference),
        count,
    };
    let modified = Some(modified);
    Ok(Source { path, nar_hash, modified, commit: Some(commit), immutable_url: None })
}

/// Adds the tree of a commit, unless it is known to be there.
fn add_found(
    setting: Setting<'_>,
    source: &GitSource,
    found: &Found,
) -> Result<(StorePath, Hash), FetchError> {
    let flags = [source.with_submodules, source.export_ignore, source.with_large_files];
    let key = format!("git\0{}\0{}\0{flags:?}", setting.name, found.revision);
    if let Some(known) = setting.remembered(&key)? {
        return Ok(known);
    }
    let tree = tree_of(setting, source, found, 0)?;
    let added = add_tree(setting.store, setting.name, &tree, Path::new(""), &mut everything)?;
    setting.remember(&key, &added.0);
    Ok(added)
}

fn tree_of(
    setting: Setting<'_>,
    source: &GitSource,
    found: &Found,
    depth: usize,
) -> Result<MemoryTree, FetchError> {
    let reference = Some(found.reference.clone());
    let request = Request { setting, source, reference, remote: found.remote.clone(), depth };
    commit::tree(&request, &found.repository, &found.revision)
}

/// Returns the tree of a commit that lies in `depth` other repositories.
fn commit_tree(
    setting: Setting<'_>,
    source: &GitSource,
    depth: usize,
) -> Result<MemoryTree, FetchError> {
    let found = find(setting, source)?;
    tree_of(setting, source, &found, depth)
}
