//! Unpacking archives onto a disk.
//!
//! Everything is made relative to the descriptor of its parent directory, which this process made
//! itself, and nothing is ever opened that exists already: whatever the archive says and whoever
//! changes the path meanwhile, nothing outside the destination is touched.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, UtimensatFlags, fchmod, futimens, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::symlinkat;

use crate::nar::NarError;
use crate::nar::reader::{Contents, Visitor, read_nar};

/// The permissions and times that unpacked files get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metadata {
    /// Those that the user's umask gives, now.
    Ordinary,
    /// Those of store objects: read-only, modified one second after the epoch.
    Canonical,
}

/// The time of modification of every file in a store, in seconds since the epoch.
pub const CANONICAL_TIME: i64 = 1;

/// Unpacks the archive in `stream` to `destination`, which must not exist.
///
/// # Errors
///
/// A malformed archive, a destination that exists (be it a dangling link), or a failing disk; what
/// was unpacked until then stays, for the caller to remove.
pub fn restore(
    stream: &mut dyn Read,
    destination: &Path,
    metadata: Metadata,
) -> Result<(), NarError> {
    let unpack = |source| NarError::Unpack { path: destination.to_path_buf(), source };
    let (Some(parent), Some(name)) = (destination.parent(), destination.file_name()) else {
        return Err(unpack(io::ErrorKind::InvalidInput.into()));
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let parent_fd = nix::fcntl::open(parent, flags, Mode::empty()).map_err(|e| unpack(e.into()))?;
    let mut restorer = Restorer {
        open: vec![parent_fd],
        path: parent.to_path_buf(),
        root: name.as_bytes().to_vec(),
        metadata,
        buffer: vec![0; 64 * 1024],
    };
    read_nar(stream, &mut restorer)
}

struct Restorer {
    /// The directories from the destination's parent down to the one being filled.
    open: Vec<OwnedFd>,
    /// The path of the innermost of them, for messages.
    path: PathBuf,
    /// The name of the destination in its parent.
    root: Vec<u8>,
    metadata: Metadata,
    buffer: Vec<u8>,
}

impl Restorer {
    fn name(&self, name: &[u8]) -> Vec<u8> {
        if name.is_empty() { self.root.clone() } else { name.to_vec() }
    }

    fn error(&self, name: &[u8], source: impl Into<io::Error>) -> NarError {
        NarError::Unpack { path: self.path.join(OsStr::from_bytes(name)), source: source.into() }
    }

    fn parent(&self) -> Result<&OwnedFd, NarError> {
        self.open.last().ok_or_else(|| self.error(b"", io::ErrorKind::InvalidInput))
    }

    fn mode(&self, executable: bool) -> Mode {
        Mode::from_bits_truncate(match (self.metadata, executable) {
            (Metadata::Ordinary, false) => 0o666,
            (Metadata::Ordinary, true) => 0o777,
            (Metadata::Canonical, false) => 0o444,
            (Metadata::Canonical, true) => 0o555,
        })
    }

    fn write_file(
        &mut self,
        name: &[u8],
        file: OwnedFd,
        contents: &mut Contents<'_>,
    ) -> Result<(), NarError> {
        let mut file = std::fs::File::from(file);
        loop {
            let count = contents.read(&mut self.buffer).map_err(NarError::Read)?;
            if count == 0 {
                return self.finish_file(name, &file);
            }
            let read = self.buffer.get(..count).unwrap_or_default();
            io::Write::write_all(&mut file, read).map_err(|source| self.error(name, source))?;
        }
    }

    fn finish_file(&self, name: &[u8], file: impl AsFd) -> Result<(), NarError> {
        match self.metadata {
            Metadata::Ordinary => Ok(()),
            Metadata::Canonical => canonical_times(file).map_err(|e| self.error(name, e)),
        }
    }
}

/// Sets the times of an open file to those of store objects.
fn canonical_times(file: impl AsFd) -> nix::Result<()> {
    let time = TimeSpec::new(CANONICAL_TIME, 0);
    futimens(file, &time, &time)
}

impl Visitor for Restorer {
    fn enter_directory(&mut self, name: &[u8]) -> Result<(), NarError> {
        let name = self.name(name);
        let component = OsStr::from_bytes(&name);
        let parent = self.parent()?;
        let mode = Mode::from_bits_truncate(match self.metadata {
            Metadata::Ordinary => 0o777,
            Metadata::Canonical => 0o755,
        });
        mkdirat(parent, component, mode).map_err(|e| self.error(&name, e))?;
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let directory =
            openat(parent, component, flags, Mode::empty()).map_err(|e| self.error(&name, e))?;
        self.open.push(directory);
        self.path.push(component);
        Ok(())
    }

    fn leave_directory(&mut self) -> Result<(), NarError> {
        let Some(directory) = self.open.pop() else { return Ok(()) };
        if self.metadata == Metadata::Canonical {
            fchmod(&directory, Mode::from_bits_truncate(0o555)).map_err(|e| self.error(b"", e))?;
            canonical_times(&directory).map_err(|e| self.error(b"", e))?;
        }
        self.path.pop();
        Ok(())
    }

    fn file(
        &mut self,
        name: &[u8],
        executable: bool,
        contents: &mut Contents<'_>,
    ) -> Result<(), NarError> {
        let name = self.name(name);
        let flags =
            OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let file = openat(self.parent()?, OsStr::from_bytes(&name), flags, self.mode(executable))
            .map_err(|e| self.error(&name, e))?;
        // The umask may have taken bits that every store object has.
        if self.metadata == Metadata::Canonical {
            fchmod(&file, self.mode(executable)).map_err(|e| self.error(&name, e))?;
        }
        self.write_file(&name, file, contents)
    }

    fn symlink(&mut self, name: &[u8], target: &[u8]) -> Result<(), NarError> {
        let name = self.name(name);
        let component = OsStr::from_bytes(&name);
        let parent = self.parent()?;
        symlinkat(OsStr::from_bytes(target), parent, component)
            .map_err(|e| self.error(&name, e))?;
        if self.metadata == Metadata::Canonical {
            let time = TimeSpec::new(CANONICAL_TIME, 0);
            utimensat(parent, component, &time, &time, UtimensatFlags::NoFollowSymlink)
                .map_err(|e| self.error(&name, e))?;
        }
        Ok(())
    }
}
