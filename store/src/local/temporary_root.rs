//! Temporary roots: what running processes need, told to collectors of garbage.
//!
//! Each process keeps a file `temproots/PID`, locked for as long as it lives, with the paths it
//! needs, each ended by a zero byte. While a collection runs, paths are also told to it over a
//! socket, and adding waits for its answer.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

use crate::error::StoreError;
use crate::local::lock::{lock, open_lock_file};
use crate::path::{StoreDirectory, StorePath};

/// The file that a collection holds locked, in the state directory.
pub(crate) const GC_LOCK: &str = "gc.lock";

/// The socket on which a collection listens, in the state directory.
pub(crate) const GC_SOCKET: &str = "gc-socket/socket";

/// The directory of the processes' files, in the state directory.
pub(crate) const DIRECTORY: &str = "temproots";

/// The temporary roots of this process.
#[derive(Debug)]
pub(crate) struct TemporaryRoots {
    file: Flock<File>,
    file_path: PathBuf,
    gc_lock: PathBuf,
    gc_socket: PathBuf,
    known: BTreeSet<StorePath>,
}

fn error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    let path = path.to_path_buf();
    move |source| StoreError::File { action, path: path.clone(), source }
}

impl TemporaryRoots {
    /// Makes a file for this process in `state_directory`.
    pub(crate) fn create(state_directory: &Path) -> Result<TemporaryRoots, StoreError> {
        let directory = state_directory.join(DIRECTORY);
        let pid = std::process::id();
        let mut serial = 0;
        loop {
            // The first store that a process opens has the file `PID`, further ones `PID-N`.
            let name = if serial == 0 { pid.to_string() } else { format!("{pid}-{serial}") };
            let file_path = directory.join(name);
            let file = open_lock_file(&file_path)?;
            let Ok(file) = lock(file, FlockArg::LockExclusiveNonblock, &file_path)? else {
                serial += 1;
                continue;
            };
            let metadata = file.metadata().map_err(error("read", &file_path))?;
            if metadata.nlink() > 0 && metadata.size() == 0 {
                return Ok(TemporaryRoots {
                    file,
                    file_path,
                    gc_lock: state_directory.join(GC_LOCK),
                    gc_socket: state_directory.join(GC_SOCKET),
                    known: BTreeSet::new(),
                });
            }
            // It belonged to a dead process that had our number.
            if metadata.nlink() > 0 {
                fs::remove_file(&file_path).map_err(error("remove", &file_path))?;
            }
        }
    }

    /// Adds `path`; returns once every collection knows of it.
    pub(crate) fn add(
        &mut self,
        directory: &StoreDirectory,
        path: &StorePath,
    ) -> Result<(), StoreError> {
        if self.known.contains(path) {
            return Ok(());
        }
        let text = directory.display(path);
        let mut socket: Option<UnixStream> = None;
        loop {
            let gc_lock = open_lock_file(&self.gc_lock)?;
            match lock(gc_lock, FlockArg::LockSharedNonblock, &self.gc_lock)? {
                Ok(shared) => {
                    self.append(&text)?;
                    drop(shared);
                    break;
                }
                // A collection is running, or has just ended.
                Err(_) => {
                    if self.tell(&mut socket, &text)? {
                        self.append(&text)?;
                        break;
                    }
                }
            }
        }
        self.known.insert(path.clone());
        Ok(())
    }

    fn append(&mut self, text: &str) -> Result<(), StoreError> {
        let mut record = text.as_bytes().to_vec();
        record.push(0);
        self.file.write_all(&record).map_err(error("write", &self.file_path))
    }

    /// Tells a running collection of a path; returns whether it answered.
    fn tell(&self, socket: &mut Option<UnixStream>, text: &str) -> Result<bool, StoreError> {
        if socket.is_none() {
            match at_any_length(&self.gc_socket, |path| UnixStream::connect(path)) {
                Ok(connected) => *socket = Some(connected),
                // It has not begun to listen, has just ended, or is one that does not listen.
                Err(_) => {
                    thread::sleep(Duration::from_millis(10));
                    return Ok(false);
                }
            }
        }
        let Some(stream) = socket else { return Ok(false) };
        let mut answer = [0; 1];
        let told = stream
            .write_all(format!("{text}\n").as_bytes())
            .and_then(|()| stream.read_exact(&mut answer));
        match told {
            Ok(()) => Ok(answer == *b"1"),
            Err(_) => {
                *socket = None;
                Ok(false)
            }
        }
    }
}

impl Drop for TemporaryRoots {
    fn drop(&mut self) {
        // A process that dies otherwise leaves its file unlocked, and a collection removes it.
        let _ = fs::remove_file(&self.file_path);
    }
}

/// Runs `action` on a socket's path by a name short enough for the operating system, which takes
/// little more than a hundred bytes.
pub(crate) fn at_any_length<T>(
    socket: &Path,
    action: impl FnOnce(&Path) -> io::Result<T>,
) -> io::Result<T> {
    let (Some(parent), Some(name)) = (socket.parent(), socket.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let directory = File::open(parent)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    action(&short.join(name))
}

/// Returns the temporary roots of every running process, with its number; removes stale files.
pub(crate) fn read_all(
    state_directory: &Path,
    directory: &StoreDirectory,
) -> Result<Vec<(StorePath, String)>, StoreError> {
    let place = state_directory.join(DIRECTORY);
    let mut roots = Vec::new();
    let entries = match fs::read_dir(&place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(roots),
        other => other.map_err(error("read", &place))?,
    };
    for entry in entries {
        let entry = entry.map_err(error("read", &place))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        let file = match File::options().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(error("open", &path))?,
        };
        let mut file = match lock(file, FlockArg::LockExclusiveNonblock, &path)? {
            Ok(mut stale) => {
                let _ = fs::remove_file(&path);
                stale.write_all(b"d").map_err(error("write", &path))?;
                continue;
            }
            Err(file) => file,
        };
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).map_err(error("read", &path))?;
        // What follows the last zero byte is still being written.
        let mut texts: Vec<&[u8]> = contents.split(|byte| *byte == 0).collect();
        texts.pop();
        for text in texts {
            let text = String::from_utf8_lossy(text);
            if let Ok(path) = directory.parse(&text) {
                roots.push((path, name.clone()));
            }
        }
    }
    Ok(roots)
}
