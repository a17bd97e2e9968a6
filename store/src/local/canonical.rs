//! Canonical metadata: the permissions, times and owners that all store objects have.
//!
//! Files are 0444 or 0555, directories 0555, and everything was modified one second after the
//! epoch; so what a builder can see of an object is what its archive says.
//! Extended attributes are not looked at: no builder can set any.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{
    FileStat, Mode, SFlag, UtimensatFlags, fchmod, fstat, fstatat, futimens, utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchownat};

use crate::nar::restore::CANONICAL_TIME;

/// The files, by device and number, whose metadata is canonical already: other links to them are
/// links within the same outputs.
pub type SeenFiles = BTreeSet<(u64, u64)>;

/// Why a tree cannot become a store object.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// The operating system refused.
    #[error("cannot canonicalise '{path}'")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is no regular file, directory or symbolic link.
    #[error("file '{path}' has an unsupported type")]
    Unsupported {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else owns it: it is not the builder's to give.
    #[error("invalid ownership on file '{path}'")]
    Owner {
        /// The file.
        path: PathBuf,
    },
}

/// Gives the tree at `path` canonical metadata and this process's user as its owner.
///
/// `owner` is the user that the builder ran as, if not this process's: only its files are taken.
/// `seen` is shared between the outputs of one build.
///
/// # Errors
///
/// Files of other kinds or owners, or an operating system that refuses.
pub fn canonicalize(
    path: &Path,
    owner: Option<u32>,
    seen: &mut SeenFiles,
) -> Result<(), CanonicalError> {
    let error = |source: io::Error| CanonicalError::File { path: path.to_path_buf(), source };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(error(io::ErrorKind::InvalidInput.into()));
    };
    let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let parent_fd = nix::fcntl::open(parent, flags, Mode::empty()).map_err(|e| error(e.into()))?;
    let mut walk = Walk { open: Vec::new(), owner, seen };
    walk.visit(&parent_fd, parent, name)?;
    while let Some(mut innermost) = walk.open.pop() {
        match innermost.entries.pop() {
            Some(entry) => {
                let (directory, path) = (innermost.directory.clone(), innermost.path.clone());
                walk.open.push(innermost);
                walk.visit(&directory, &path, &entry)?;
            }
            None => finish_directory(&innermost.directory)
                .map_err(|e| CanonicalError::File { path: innermost.path, source: e.into() })?,
        }
    }
    Ok(())
}

/// Gives an open file that this process made canonical permissions and times.
pub(crate) fn finish_file(file: &File, executable: bool) -> io::Result<()> {
    let mode = if executable { 0o555 } else { 0o444 };
    fchmod(file, Mode::from_bits_truncate(mode))?;
    let time = TimeSpec::new(CANONICAL_TIME, 0);
    Ok(futimens(file, &time, &time)?)
}

fn finish_directory(directory: impl AsFd + Copy) -> nix::Result<()> {
    fchmod(directory, Mode::from_bits_truncate(0o555))?;
    let time = TimeSpec::new(CANONICAL_TIME, 0);
    futimens(directory, &time, &time)
}

struct Walk<'s> {
    open: Vec<Open>,
    owner: Option<u32>,
    seen: &'s mut SeenFiles,
}

struct Open {
    directory: Rc<OwnedFd>,
    path: PathBuf,
    entries: Vec<OsString>,
}

impl Walk<'_> {
    fn visit(
        &mut self,
        parent: &OwnedFd,
        parent_path: &Path,
        name: &OsStr,
    ) -> Result<(), CanonicalError> {
        let path = parent_path.join(name);
        let file_error =
            |e: nix::Error| CanonicalError::File { path: path.clone(), source: e.into() };
        let stat = fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(file_error)?;
        let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        if !matches!(kind, SFlag::S_IFREG | SFlag::S_IFDIR | SFlag::S_IFLNK) {
            return Err(CanonicalError::Unsupported { path });
        }
        if self.seen.contains(&(stat.st_dev, stat.st_ino)) {
            return Ok(());
        }
        self.check_owner(&stat, &path)?;
        if kind != SFlag::S_IFDIR {
            self.seen.insert((stat.st_dev, stat.st_ino));
        }
        if self.owner.is_some() {
            let user = Some(Uid::effective());
            let group = Some(Gid::effective());
            fchownat(parent, name, user, group, AtFlags::AT_SYMLINK_NOFOLLOW)
                .map_err(file_error)?;
        }
        if kind == SFlag::S_IFLNK {
            let time = TimeSpec::new(CANONICAL_TIME, 0);
            return utimensat(parent, name, &time, &time, UtimensatFlags::NoFollowSymlink)
                .map_err(file_error);
        }
        self.open(parent, name, &stat, path.clone())
            .map_err(|e| CanonicalError::File { path, source: e })
    }

    fn check_owner(&self, stat: &FileStat, path: &Path) -> Result<(), CanonicalError> {
        match self.owner {
            Some(owner) if stat.st_uid != owner => {
                Err(CanonicalError::Owner { path: path.to_path_buf() })
            }
            _ => Ok(()),
        }
    }

    /// Opens what is a file or a directory, finishes the one and has the other finished later.
    fn open(
        &mut self,
        parent: &OwnedFd,
        name: &OsStr,
        stat: &FileStat,
        path: PathBuf,
    ) -> io::Result<()> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let opened = match openat(parent, name, flags, Mode::empty()) {
            Err(Errno::EACCES) => {
                make_readable(parent, name)?;
                openat(parent, name, flags, Mode::empty())?
            }
            other => other?,
        };
        // What was opened is what was looked at, whoever moved things meanwhile.
        let now = fstat(&opened)?;
        if (now.st_dev, now.st_ino) != (stat.st_dev, stat.st_ino) {
            return Err(io::Error::other("the file was replaced"));
        }
        if SFlag::from_bits_truncate(now.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR {
            let entries = entries(&opened)?;
            self.open.push(Open { directory: Rc::new(opened), path, entries });
            return Ok(());
        }
        finish_file(&File::from(opened), now.st_mode & 0o100 != 0)
    }
}

/// Lets the owner of a file or directory open it, without following links.
fn make_readable(parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let handle = openat(parent, name, flags, Mode::empty())?;
    let mode = Mode::from_bits_truncate(fstat(&handle)?.st_mode | 0o500);
    // A handle has no operations of its own, but a name under which they can be had.
    let place = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&handle));
    std::fs::set_permissions(place, std::fs::Permissions::from_mode(mode.bits()))
}

fn entries(directory: &OwnedFd) -> io::Result<Vec<OsString>> {
    let mut entries = Vec::new();
    let mut stream = nix::dir::Dir::from_fd(directory.try_clone()?)?;
    for entry in stream.iter() {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            entries.push(OsStr::from_bytes(&name).to_owned());
        }
    }
    Ok(entries)
}

/// Runs `change` while its owner may write into the directory `path`, if one is given, and leaves
/// the directory canonical.
pub(crate) fn while_writable(
    path: Option<&Path>,
    change: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    let Some(path) = path else { return change() };
    let directory = File::open(path)?;
    fchmod(&directory, Mode::from_bits_truncate(0o755))?;
    let changed = change();
    finish_directory(&directory)?;
    changed
}
