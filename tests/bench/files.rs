//! The files that an evaluation reads, and what parsing and lowering all of them takes.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use eval::heap::Heap;
use eval::interpret::{Eval, on_large_stack};
use eval::settings::Settings;
use eval::source::{HOST, Origin, SourcePath};
use eval::system::{FileType, System};
use store::memory::MemoryStore;

use super::Outcome;

/// The host, with a list of what was read of it.
#[derive(Default)]
struct Host {
    read: Mutex<Vec<Vec<u8>>>,
}

fn host_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn file_type(metadata: &std::fs::Metadata) -> FileType {
    let kind = metadata.file_type();
    if kind.is_file() {
        FileType::Regular { executable: metadata.permissions().mode() & 0o100 != 0 }
    } else if kind.is_dir() {
        FileType::Directory
    } else if kind.is_symlink() {
        FileType::Symlink
    } else {
        FileType::Unknown
    }
}

impl System for Host {
    fn read_file(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_vec());
        std::fs::read(host_path(path))
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileType)>> {
        let entry = |entry: io::Result<std::fs::DirEntry>| {
            let entry = entry?;
            Ok((entry.file_name().into_vec(), file_type(&entry.metadata()?)))
        };
        std::fs::read_dir(host_path(path))?.map(entry).collect()
    }

    fn file_type(&self, path: &[u8]) -> io::Result<FileType> {
        Ok(file_type(&std::fs::symlink_metadata(host_path(path))?))
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        Ok(std::fs::read_link(host_path(path))?.into_os_string().into_vec())
    }

    fn env(&self, _name: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn current_time(&self) -> i64 {
        0
    }

    fn message(&self, _text: &[u8]) {}
}

fn evaluation<T: Send>(host: &Host, work: impl for<'h> FnOnce(&mut Eval<'h>) -> T + Send) -> T {
    let settings = Settings {
        system: "x86_64-linux".to_owned(),
        read_only: true,
        call_depth_max: 10_000,
        ..Settings::default()
    };
    let store = MemoryStore::new(store::StoreDirectory::default());
    on_large_stack(|| {
        let heap = Heap::new();
        work(&mut Eval::new(&heap, host, &store, &settings))
    })
}

/// Returns the Nix files that evaluating the system of `nixos.nix` reads, each once.
pub(super) fn of_system(tree: &OsStr) -> Outcome<Vec<OsString>> {
    let program = super::source_directory().canonicalize()?.join("nixos.nix");
    let text =
        format!("import {} {{ nixpkgs = {}; }}", program.display(), Path::new(tree).display());
    let host = Host::default();
    let failure = evaluation(&host, |eval| {
        let origin = Origin::String(SourcePath::new(HOST, b"/"));
        eval.evaluate(origin, text.as_bytes()).err().map(|error| error.message)
    });
    if let Some(message) = failure {
        return Err(message.into());
    }
    let mut read = host.read.into_inner().unwrap_or_else(PoisonError::into_inner);
    read.retain(|path| path.ends_with(b".nix"));
    read.sort();
    read.dedup();
    Ok(read.into_iter().map(OsString::from_vec).collect())
}

/// Reads, parses and lowers the files that `list` names, one a line.
pub(super) fn lower(list: &OsStr) -> Outcome<()> {
    let list = std::fs::read(list)?;
    let failure = evaluation(&Host::default(), |eval| {
        let paths = list.split(|byte| *byte == b'\n').filter(|path| !path.is_empty());
        let mut outcomes = paths.map(|path| eval.suspend_file(&SourcePath::new(HOST, path)));
        outcomes.find_map(|outcome| outcome.err().map(|error| error.message))
    });
    failure.map_or(Ok(()), |message| Err(message.into()))
}
