//! The working tree of a repository: the files that `git` tracks, as they lie there now.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::repository::Repository;
use super::{commit, signature};
use crate::error::FetchError;
use crate::nar::disk::DiskTree;
use crate::source::{Commit, GitSource, Setting, Source, add_tree};

/// The mode of a submodule.
const SUBMODULE: &[u8] = b"160000 ";
/// How deep submodules may lie in each other.
const DEPTH_MAX: usize = 32;

/// Adds the working tree of a repository to the store.
pub(super) fn add(
    setting: Setting<'_>,
    source: &GitSource,
    repository: &Repository,
) -> Result<Source, FetchError> {
    let directory = &repository.directory;
    let revision = repository.revision("HEAD")?;
    let mut tracked = Tracked::default();
    tracked.read(source, repository, directory, 0)?;
    let is_dirty = tracked.is_dirty;
    if is_dirty {
        let shown = &repository.shown;
        let message = format!("Git tree '{shown}' is dirty");
        if !setting.options.allows_dirty {
            return Err(FetchError::Source(message));
        }
        if setting.options.warns_of_dirty {
            setting.warn(&message);
        }
    }
    if let Some(signers) = &source.signers {
        match &revision {
            Some(revision) if !is_dirty => signature::verify(repository, revision, signers)?,
            _ => {
                return Err(FetchError::Source(format!(
                    "commit verification is required for Git repository '{}', but it's dirty",
                    source.shown
                )));
            }
        }
    }
    let (path, nar_hash) =
        add_tree(setting.store, setting.name, &DiskTree, directory, &mut |path, _| {
            Ok(tracked.paths.contains(path))
        })?;
    let modified = match &revision {
        Some(revision) => repository.time(revision)?,
        None => 0,
    };
    let mut commit = Commit { revision, is_dirty, reference: None, count: None };
    if !is_dirty {
        commit.reference = repository.branch()?;
        commit.count = match &commit.revision {
            _ if source.is_shallow => None,
            Some(revision) => repository.count(revision)?,
            None => Some(0),
        };
    }
    let modified = Some(modified);
    Ok(Source { path, nar_hash, modified, commit: Some(commit), immutable_url: None })
}

/// The files that a working tree consists of, and the directories that lead to them.
#[derive(Default)]
struct Tracked {
    paths: BTreeSet<PathBuf>,
    is_dirty: bool,
}

impl Tracked {
    /// Adds the files of `repository`, which lies in that at `top`.
    fn read(
        &mut self,
        source: &GitSource,
        repository: &Repository,
        top: &Path,
        depth: usize,
    ) -> Result<(), FetchError> {
        let status = [
            "status",
            "--porcelain",
            "-z",
            "--untracked-files=no",
            "--no-renames",
            "--ignore-submodules=all",
        ];
        self.is_dirty |= !repository.run(&status)?.is_empty();
        let listed = repository.run(&["ls-files", "-z", "--cached", "--stage"])?;
        let mut files: BTreeSet<&[u8]> = BTreeSet::new();
        let mut modules = Vec::new();
        for entry in listed.split(|byte| *byte == 0) {
            let Some(tab) = entry.iter().position(|byte| *byte == b'\t') else { continue };
            let name = entry.get(tab + 1..).unwrap_or_default();
            if entry.starts_with(SUBMODULE) {
                modules.push(name);
            } else {
                files.insert(name);
            }
        }
        if source.export_ignore {
            leave_out_ignored(repository, &mut files)?;
        }
        for name in files {
            self.add(top, &repository.directory.join(OsStr::from_bytes(name)));
        }
        if !source.with_submodules || depth == DEPTH_MAX {
            return Ok(());
        }
        for name in modules {
            let directory = repository.directory.join(OsStr::from_bytes(name));
            self.add(top, &directory);
            let inner = super::at(&directory)?;
            self.read(source, &inner, top, depth + 1)?;
        }
        Ok(())
    }

    fn add(&mut self, top: &Path, path: &Path) {
        // A file that was deleted leaves no empty directory behind.
        if path.symlink_metadata().is_err() {
            return;
        }
        let above = path.ancestors().skip(1).take_while(|above| *above != top);
        self.paths.extend(above.map(Path::to_owned));
        self.paths.insert(path.to_owned());
    }
}

/// Takes what the attribute `export-ignore` names out of `files`.
fn leave_out_ignored(
    repository: &Repository,
    files: &mut BTreeSet<&[u8]>,
) -> Result<(), FetchError> {
    let paths: BTreeSet<&[u8]> = files.iter().flat_map(|it| commit::prefixes(it)).collect();
    let is_set = |value: &[u8]| value == b"set";
    let ignored = commit::with_attribute(repository, None, &paths, "export-ignore", is_set)?;
    files.retain(|path| !commit::prefixes(path).any(|prefix| ignored.contains(prefix)));
    Ok(())
}
