//! One lock per output, so that several processes may be asked for the same build.
//!
//! The lock files are those of a Nix daemon on the same store: `OUTPUT.lock`, held with `flock`.
//! Whoever is done removes the file and marks it as removed by writing to it, since somebody may
//! have it open already and would otherwise lock a file that nobody else can see.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

use super::room::{FileError, failed};

/// How often a lock that somebody else holds is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// Locks on outputs, given back when dropped.
pub(super) struct OutputLocks {
    held: Vec<(PathBuf, Flock<File>)>,
}

impl OutputLocks {
    /// Locks `outputs`, waiting as long as it takes; `None` if it was called off.
    ///
    /// `waiting` is called once if there is a need to wait.
    pub(super) fn acquire(
        outputs: &[PathBuf],
        waiting: &mut dyn FnMut(),
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Self>, FileError> {
        let mut sorted: Vec<PathBuf> = outputs.iter().map(|output| lock_path(output)).collect();
        // Everybody takes them in the same order, or two could wait for each other.
        sorted.sort();
        let mut locks = Self { held: Vec::new() };
        let mut is_told = false;
        for path in sorted {
            loop {
                if let Some(lock) = try_lock(&path)? {
                    locks.held.push((path, lock));
                    break;
                }
                if !std::mem::replace(&mut is_told, true) {
                    waiting();
                }
                if is_cancelled() {
                    return Ok(None);
                }
                std::thread::sleep(RETRY);
            }
        }
        Ok(Some(locks))
    }
}

impl Drop for OutputLocks {
    fn drop(&mut self) {
        for (path, lock) in &mut self.held {
            // A file that stays is only in the way of nobody.
            let _ = fs::remove_file(path);
            let _ = lock.write_all(b"d");
        }
    }
}

fn lock_path(output: &Path) -> PathBuf {
    let mut path = output.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

/// Takes the lock at `path` unless somebody has it.
fn try_lock(path: &Path) -> Result<Option<Flock<File>>, FileError> {
    loop {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path).map_err(failed("open the lock file", path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => {
                let length = lock.metadata().map_err(failed("look at", path))?.len();
                // Removed between opening and locking: the next one is another file.
                if length == 0 {
                    return Ok(Some(lock));
                }
            }
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => return Ok(None),
            Err((_, errno)) => return Err(failed("lock", path)(errno.into())),
        }
    }
}
