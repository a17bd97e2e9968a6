//! Locks between processes: on files, and on paths that are being made.
//!
//! They are `flock` locks, as CppNix takes them; who deletes a lock file writes a byte into it
//! first, so that whoever waited for it knows to look again.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::error::StoreError;

/// Opens, or makes, a lock file that only its owner may read.
pub(crate) fn open_lock_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|source| StoreError::File { action: "open lock file", path: path.into(), source })
}

/// Takes a lock of the given kind, waiting if that is what `kind` says.
///
/// Returns `Err(file)` if it would have to wait but may not.
pub(crate) fn lock(
    file: File,
    kind: FlockArg,
    path: &Path,
) -> Result<Result<Flock<File>, File>, StoreError> {
    let mut file = file;
    loop {
        match Flock::lock(file, kind) {
            Ok(locked) => return Ok(Ok(locked)),
            Err((back, Errno::EINTR)) => file = back,
            Err((back, Errno::EWOULDBLOCK)) => return Ok(Err(back)),
            Err((_, error)) => {
                let source = io::Error::from(error);
                return Err(StoreError::File { action: "lock", path: path.into(), source });
            }
        }
    }
}

/// Locks on paths, each a file `PATH.lock`, held until dropped.
#[derive(Debug, Default)]
pub struct PathLocks {
    held: Vec<(Flock<File>, PathBuf)>,
    /// Whether the lock files go away with the locks.
    delete: bool,
}

impl PathLocks {
    /// Locks `paths`, in their order so that no two processes wait for each other.
    ///
    /// # Errors
    ///
    /// A lock file that cannot be made.
    pub fn wait(paths: &BTreeSet<PathBuf>) -> Result<PathLocks, StoreError> {
        let mut locks = PathLocks::default();
        for path in paths {
            locks.acquire(path, FlockArg::LockExclusive)?;
        }
        Ok(locks)
    }

    /// Locks `paths` if nobody holds one of them; `None` if somebody does.
    ///
    /// # Errors
    ///
    /// A lock file that cannot be made.
    pub fn try_now(paths: &BTreeSet<PathBuf>) -> Result<Option<PathLocks>, StoreError> {
        let mut locks = PathLocks::default();
        for path in paths {
            if !locks.acquire(path, FlockArg::LockExclusiveNonblock)? {
                return Ok(None);
            }
        }
        Ok(Some(locks))
    }

    /// Has the lock files deleted with the locks, for paths that are valid or gone.
    pub fn delete_files(&mut self) {
        self.delete = true;
    }

    fn acquire(&mut self, path: &Path, kind: FlockArg) -> Result<bool, StoreError> {
        let mut lock_path = OsString::from(path);
        lock_path.push(".lock");
        let lock_path = PathBuf::from(lock_path);
        loop {
            let file = open_lock_file(&lock_path)?;
            let Ok(locked) = lock(file, kind, &lock_path)? else { return Ok(false) };
            let metadata = locked.metadata().map_err(|source| StoreError::File {
                action: "read",
                path: lock_path.clone(),
                source,
            })?;
            // A byte in it, or no name for it: the last holder deleted it before we had it.
            if metadata.size() == 0 && metadata.nlink() > 0 {
                self.held.push((locked, lock_path));
                return Ok(true);
            }
        }
    }
}

impl Drop for PathLocks {
    fn drop(&mut self) {
        for (locked, path) in &mut self.held {
            if self.delete {
                // What fails here leaves an empty file, which the next holder uses.
                let _ = fs::remove_file(path);
                let _ = locked.write_all(b"d");
            }
        }
    }
}
