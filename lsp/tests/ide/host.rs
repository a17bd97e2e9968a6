//! The host that a session works on: the files of a case in memory, a module library below them.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eval::settings::Settings;
use eval::system::{FileType, MemorySystem, System};
use lsp::server::Host;
use store::{MemoryStore, StoreDirectory};

/// Where the embedded library's files are shown.
pub(crate) const EMBEDDED: &str = "/embedded";

/// Where home-manager lies, in the cases that have one.
const HOME_MANAGER: &[u8] = b"/home-manager";

/// The library whose options and packages the cases see.
pub(crate) enum Library {
    /// The embedded one.
    Embedded,
    /// A nixpkgs tree.
    Nixpkgs(PathBuf),
}

/// Files in memory, which change while the server runs.
pub(crate) type Memory = Arc<Mutex<MemorySystem>>;

/// Files in memory, and the disk where there is nothing in memory.
struct Layered {
    memory: Memory,
    disk: Option<PathBuf>,
}

impl Layered {
    fn memory(&self) -> MutexGuard<'_, MemorySystem> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the place on the disk, for what lies in the tree that may be read.
    fn on_disk(&self, path: &[u8]) -> io::Result<PathBuf> {
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let is_below = self.disk.as_ref().is_some_and(|disk| path.starts_with(disk));
        if is_below { Ok(path.to_owned()) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

fn kind(metadata: &std::fs::Metadata) -> FileType {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        FileType::Symlink
    } else if kind.is_dir() {
        FileType::Directory
    } else {
        FileType::Regular { executable: metadata.permissions().mode() & 0o100 != 0 }
    }
}

impl System for Layered {
    fn read_file(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.memory().read_file(path).or_else(|_| std::fs::read(self.on_disk(path)?))
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileType)>> {
        let found = self.memory().read_dir(path);
        if let Ok(found) = found {
            return Ok(found);
        }
        let entries = std::fs::read_dir(self.on_disk(path)?)?;
        let found = entries.map(|entry| {
            let entry = entry?;
            Ok((entry.file_name().as_bytes().to_vec(), kind(&entry.metadata()?)))
        });
        found.collect()
    }

    fn file_type(&self, path: &[u8]) -> io::Result<FileType> {
        let found = self.memory().file_type(path);
        // The directories above the tree are there, with nothing else in them.
        let above = Path::new(std::ffi::OsStr::from_bytes(path));
        if self.disk.as_ref().is_some_and(|disk| disk != above && disk.starts_with(above)) {
            return Ok(FileType::Directory);
        }
        found.or_else(|_| Ok(kind(&std::fs::symlink_metadata(self.on_disk(path)?)?)))
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let target = std::fs::read_link(self.on_disk(path)?)?;
        Ok(target.as_os_str().as_bytes().to_vec())
    }

    fn env(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.memory().env(name)
    }

    fn current_time(&self) -> i64 {
        self.memory().current_time()
    }

    fn message(&self, text: &[u8]) {
        self.memory().message(text);
    }
}

/// Returns a host with these files.
pub(crate) fn host(library: &Library, memory: Memory) -> Host {
    let home_manager = (b"home-manager".to_vec(), HOME_MANAGER.to_vec());
    let (disk, search_path) = match library {
        Library::Embedded => (None, vec![home_manager]),
        Library::Nixpkgs(tree) => {
            let place = tree.as_os_str().as_bytes().to_vec();
            (Some(tree.clone()), vec![(b"nixpkgs".to_vec(), place), home_manager])
        }
    };
    let settings = Settings { search_path, embedded_fallback: true, ..Settings::default() };
    Host {
        system: Arc::new(Layered { memory, disk }),
        open_store: Box::new(|| Ok(Box::new(MemoryStore::new(StoreDirectory::default())))),
        settings,
        cache: None,
        show_embedded: Box::new(|path| {
            Some(format!("{EMBEDDED}{}", String::from_utf8_lossy(path)).into())
        }),
    }
}
