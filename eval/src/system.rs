//! The host, as the evaluator is allowed to see it: `trait System`, and one in memory for tests.
//!
//! `eval` performs no IO. Everything that an evaluation learns of the outside comes through this
//! trait (and [`store::Store`]), so it can be recorded, overlaid with unsaved files, or faked.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

use crate::compiled::Key;

/// What a directory entry is. Source: CppNix, `readDir` and `readFileType`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FileType {
    /// A regular file; `true` if its owner may execute it.
    Regular {
        /// Whether the owner's execute bit is set.
        executable: bool,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, socket or pipe.
    Unknown,
}

/// The host's files, environment, clock and terminal.
///
/// Paths are absolute bytes. No method follows symbolic links in the last component; those before
/// it are followed by the host as usual.
pub trait System: Send + Sync {
    /// Returns the contents of a regular file.
    fn read_file(&self, path: &[u8]) -> io::Result<Vec<u8>>;
    /// Returns the names and types in a directory, in any order.
    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileType)>>;
    /// Returns what lies at `path`, without following a link there.
    fn file_type(&self, path: &[u8]) -> io::Result<FileType>;
    /// Returns the target of a symbolic link.
    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>>;
    /// Returns the value of an environment variable.
    fn env(&self, name: &[u8]) -> Option<Vec<u8>>;
    /// Returns the current time in seconds since 1970.
    fn current_time(&self) -> i64;
    /// Returns the nanoseconds since 1970.
    fn clock_ns(&self) -> u64 {
        u64::try_from(self.current_time()).unwrap_or_default().saturating_mul(1_000_000_000)
    }
    /// Tells the person something outside the result (`trace`, warnings): one message, without
    /// the newline at its end.
    fn message(&self, text: &[u8]);
    /// Returns a number that is another one whenever what lies at `path` is not as it was; `None`
    /// where only reading it would tell.
    fn version(&self, _path: &[u8]) -> Option<u64> {
        None
    }
    /// Whether compiled files are kept between evaluations.
    fn keeps_compiled(&self) -> bool {
        false
    }
    /// Returns what some evaluation has kept under `key`, as far as this can be known: bytes may
    /// be damaged, and the evaluator checks them.
    fn compiled(&self, _key: &Key) -> Option<Vec<u8>> {
        None
    }
    /// Keeps a compiled file for later evaluations, or does not.
    fn keep_compiled(&self, _key: &Key, _bytes: Vec<u8>) {}
}

/// A host in memory: files, variables and a fixed clock.
#[derive(Default)]
pub struct MemorySystem {
    /// Regular files by absolute path; directories follow from them.
    pub files: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Symbolic links by absolute path.
    pub links: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Environment variables.
    pub variables: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The time that [`System::current_time`] tells.
    pub time: i64,
    /// What was told through [`System::message`].
    pub messages: Mutex<Vec<Vec<u8>>>,
}

impl System for MemorySystem {
    fn read_file(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileType)>> {
        let mut prefix = path.to_vec();
        if prefix.last() != Some(&b'/') {
            prefix.push(b'/');
        }
        let mut entries: BTreeMap<Vec<u8>, FileType> = BTreeMap::new();
        for key in self.files.keys().chain(self.links.keys()) {
            let Some(rest) = key.strip_prefix(prefix.as_slice()) else { continue };
            let name = rest.split(|&byte| byte == b'/').next().unwrap_or_default();
            let kind = if name.len() < rest.len() {
                FileType::Directory
            } else if self.links.contains_key(key) {
                FileType::Symlink
            } else {
                FileType::Regular { executable: false }
            };
            entries.insert(name.to_vec(), kind);
        }
        if entries.is_empty() {
            Err(io::ErrorKind::NotFound.into())
        } else {
            Ok(entries.into_iter().collect())
        }
    }

    fn file_type(&self, path: &[u8]) -> io::Result<FileType> {
        if self.files.contains_key(path) {
            Ok(FileType::Regular { executable: false })
        } else if self.links.contains_key(path) {
            Ok(FileType::Symlink)
        } else {
            self.read_dir(path).map(|_| FileType::Directory)
        }
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.links.get(path).cloned().ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    fn env(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.variables.get(name).cloned()
    }

    fn current_time(&self) -> i64 {
        self.time
    }

    fn message(&self, text: &[u8]) {
        let mut messages = self.messages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        messages.push(text.to_vec());
    }
}
