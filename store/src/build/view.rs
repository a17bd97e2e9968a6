//! The file system as a confined builder would see it, for builders that run in this process.
//!
//! They read their inputs through it: whatever a symbolic link says, nothing but the input closure
//! exists, and logical paths lead to where the files really are.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::path::StorePath;
use crate::store::Store;

/// How many symbolic links may lead to one file, as in the kernel.
const LINKS_MAX: usize = 40;

/// The input closure of one build.
pub(super) struct View<'v> {
    pub(super) store: &'v dyn Store,
    pub(super) closure: &'v BTreeSet<StorePath>,
}

/// A file with all symbolic links on the way to it followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Its path, as a confined builder sees it.
    pub(super) logical: PathBuf,
    /// Where it really is.
    pub(super) real: PathBuf,
}

impl View<'_> {
    /// Finds the file at the logical `path`.
    ///
    /// # Errors
    ///
    /// `NotFound` for what is outside of the closure, `NotADirectory` on the way, and whatever
    /// the system says.
    pub(super) fn resolve(&self, path: &Path) -> io::Result<Resolved> {
        let mut pending: VecDeque<OsString> = components(path);
        let mut logical = PathBuf::from("/");
        let mut links = 0;
        while let Some(component) = pending.pop_front() {
            if component == ".." {
                logical.pop();
                continue;
            }
            logical.push(&component);
            let Some(real) = self.real(&logical)? else { continue };
            let metadata = fs::symlink_metadata(&real)?;
            if metadata.is_symlink() {
                links += 1;
                if links > LINKS_MAX {
                    return Err(io::Error::from_raw_os_error(nix::libc::ELOOP));
                }
                let target = fs::read_link(&real)?;
                logical.pop();
                if target.is_absolute() {
                    logical = PathBuf::from("/");
                }
                for component in components(&target).into_iter().rev() {
                    pending.push_front(component);
                }
            } else if !metadata.is_dir() && !pending.is_empty() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
        }
        match self.real(&logical)? {
            Some(real) => Ok(Resolved { logical, real }),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Returns where `logical` really is, without following its last component.
    ///
    /// The directories above the store objects are nowhere, which is `None`.
    fn real(&self, logical: &Path) -> io::Result<Option<PathBuf>> {
        let directory = Path::new(self.store.directory().as_str());
        if directory.starts_with(logical) {
            return Ok(None);
        }
        let not_found = || io::Error::from(io::ErrorKind::NotFound);
        let inner = logical.strip_prefix(directory).map_err(|_| not_found())?;
        let mut parts = inner.components();
        let base_name =
            parts.next().and_then(|it| it.as_os_str().to_str()).ok_or_else(not_found)?;
        let object = StorePath::from_base_name(base_name).map_err(|_| not_found())?;
        if !self.closure.contains(&object) {
            return Err(not_found());
        }
        let mut real = self.store.real_path(&object);
        let rest = parts.as_path();
        if rest != Path::new("") {
            real.push(rest);
        }
        Ok(Some(real))
    }
}

/// Returns the names and `..`s of a path, in order.
fn components(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|it| matches!(it, Component::Normal(_) | Component::ParentDir))
        .map(|it| it.as_os_str().to_owned())
        .collect()
}
