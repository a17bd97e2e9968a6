//! Removing trees that others may have built to resist it.
//!
//! Everything happens relative to the descriptors of directories that were opened without
//! following links, so whoever moves things meanwhile redirects nothing. Depth takes neither call
//! stack nor, past a limit, descriptors.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// How many directories are open at once; deeper ones are moved up first.
const MAX_OPEN: usize = 128;

/// Removes the tree at `path`, if there is one, and returns how many bytes of disk that freed.
///
/// Directories that forbid it are made writable first. A file that other links keep frees nothing.
///
/// # Errors
///
/// Whatever the operating system refuses; what was removed until then is gone.
pub fn remove_tree(path: &Path) -> io::Result<u64> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let parent = match nix::fcntl::open(parent, flags, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(0),
        other => other?,
    };
    let mut remover = Remover { open: Vec::new(), freed: 0, moved: 0 };
    remover.remove(&parent, name)?;
    Ok(remover.freed)
}

struct Remover {
    /// The directories being emptied, outermost first.
    open: Vec<Open>,
    freed: u64,
    /// How many directories were moved up, to name the next.
    moved: u64,
}

struct Open {
    directory: OwnedFd,
    name: OsString,
    entries: Vec<OsString>,
}

impl Remover {
    fn remove(&mut self, parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
        self.visit(Some(parent), name)?;
        while let Some(innermost) = self.open.last_mut() {
            if let Some(entry) = innermost.entries.pop() {
                self.visit(None, &entry)?;
                continue;
            }
            let Some(done) = self.open.pop() else { break };
            drop(done.directory);
            let directory = self.open.last().map_or(parent, |open| &open.directory);
            ignore_missing(unlinkat(directory, &*done.name, UnlinkatFlags::RemoveDir))?;
        }
        Ok(())
    }

    /// Removes the entry `name` of `parent`, or of the innermost directory, or opens it to be
    /// emptied.
    fn visit(&mut self, parent: Option<&OwnedFd>, name: &OsStr) -> io::Result<()> {
        let Some(directory) = parent.or(self.open.last().map(|open| &open.directory)) else {
            return Ok(());
        };
        let stat = match fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => return Ok(()),
            other => other?,
        };
        if !is_directory(&stat) {
            if stat.st_nlink == 1 {
                self.freed += stat.st_blocks.max(0) as u64 * 512;
            }
            return ignore_missing(unlinkat(directory, name, UnlinkatFlags::NoRemoveDir));
        }
        if self.open.len() >= MAX_OPEN {
            return self.move_up(name);
        }
        self.freed += stat.st_blocks.max(0) as u64 * 512;
        let opened = open_directory(directory, name)?;
        if stat.st_mode & 0o700 != 0o700 {
            fchmod(&opened, Mode::from_bits_truncate(0o700))?;
        }
        let entries = entries(&opened)?;
        self.open.push(Open { directory: opened, name: name.to_owned(), entries });
        Ok(())
    }

    /// Moves a directory that lies too deep to the top of the tree, to be emptied from there.
    fn move_up(&mut self, name: &OsStr) -> io::Result<()> {
        self.moved += 1;
        let new_name = OsString::from(format!("nivis-deep-{}", self.moved));
        if let [top, .., innermost] = self.open.as_mut_slice() {
            // A directory can be moved only by who may write into it.
            let opened = open_directory(&innermost.directory, name)?;
            fchmod(&opened, Mode::from_bits_truncate(0o700))?;
            ignore_missing(renameat(&innermost.directory, name, &top.directory, &*new_name))?;
            top.entries.push(new_name);
        }
        Ok(())
    }
}

fn is_directory(stat: &FileStat) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR
}

fn open_directory(parent: impl AsFd, name: &OsStr) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    match openat(parent.as_fd(), name, flags, Mode::empty()) {
        // Its owner may still change the mode of a directory that it cannot open.
        Err(Errno::EACCES) => {
            let mode = Mode::from_bits_truncate(0o700);
            let follow = nix::sys::stat::FchmodatFlags::NoFollowSymlink;
            nix::sys::stat::fchmodat(parent.as_fd(), name, mode, follow)?;
            openat(parent.as_fd(), name, flags, Mode::empty())
        }
        other => other,
    }
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

fn ignore_missing(result: nix::Result<()>) -> io::Result<()> {
    match result {
        Err(Errno::ENOENT) => Ok(()),
        other => Ok(other?),
    }
}
