//! The directories of one build, and what of the host is shown in them.
//!
//! ```text
//! STORE/DRV.chroot/        only for us to enter
//!     root/                the builder's root is mounted here
//!     store/               the builder's store directory: outputs appear here
//! STATE/builds/nix-PID-N/  only for us to enter, locked while the build runs
//!     build/               the builder's working directory
//!     tmp/                 the builder's /tmp
//! ```

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::fcntl::{Flock, FlockArg};

use super::remove::remove_tree;
use crate::sandbox::account::Account;
use crate::sandbox::{Access, Bind, GID_INSIDE, UID_INSIDE};

/// A failed operation on a file, with what was being done to which.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} '{}': {source}", path.display())]
pub struct FileError {
    /// What was being done, as a verb.
    pub action: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Returns a function that says what was being done to `path` when it failed.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_path_buf();
    move |source| FileError { action, path, source }
}

/// The directories of one build; removed when dropped.
pub(super) struct Room {
    /// `DRV.chroot`.
    chroot: PathBuf,
    /// `builds/nix-PID-N`; builders that run in this process have none.
    outer: Option<Outer>,
    owner: Option<Account>,
}

/// The directory around the build directory.
struct Outer {
    path: PathBuf,
    /// Tells others that it is in use.
    _lock: Option<Flock<File>>,
}

/// Who is going to use a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occupant {
    /// This process.
    Ourselves,
    /// A builder with a root directory of its own.
    Confined,
    /// A builder that sees the host's file system, and has to get to its build directory.
    Free,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Room {
    /// Makes the directories of a build: `chroot` anew, and one below `builds`.
    pub(super) fn new(
        chroot: PathBuf,
        builds: &Path,
        occupant: Occupant,
        owner: Option<Account>,
    ) -> Result<Self, FileError> {
        remove_tree(&chroot).map_err(failed("remove", &chroot))?;
        let mut room = Self { chroot, outer: None, owner };
        Self::make(&room.chroot, 0o700, None)?;
        // Root's, so that the builder cannot remove what it is shown; the group's, so that it can
        // add to it.
        Self::make(&room.scratch(), 0o1775, owner.map(|it| (None, it.gid)))?;
        if occupant == Occupant::Ourselves {
            return Ok(room);
        }
        let outer = Outer::new(builds)?;
        let builders = owner.map(|it| (Some(it.uid), it.gid));
        if let (Occupant::Free, Some((uid, gid))) = (occupant, builders) {
            chown(&outer.path, uid, Some(gid))
                .map_err(failed("change the owner of", &outer.path))?;
        }
        room.outer = Some(outer);
        Self::make(&room.build_directory(), 0o700, builders)?;
        if occupant == Occupant::Confined {
            Self::make(&room.root(), 0o755, None)?;
            Self::make(&room.temporary(), 0o1777, None)?;
        }
        Ok(room)
    }

    /// Makes one directory, for the user and group given.
    fn make(path: &Path, mode: u32, owner: Option<(Option<u32>, u32)>) -> Result<(), FileError> {
        DirBuilder::new().mode(mode).create(path).map_err(failed("create", path))?;
        if mode & 0o077 != 0 {
            // The caller's mask may have taken something away.
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
                .map_err(failed("change the permissions of", path))?;
        }
        match owner {
            None => Ok(()),
            Some((uid, gid)) => {
                chown(path, uid, Some(gid)).map_err(failed("change the owner of", path))
            }
        }
    }

    /// Where the builder's root is to be mounted.
    pub(super) fn root(&self) -> PathBuf {
        self.chroot.join("root")
    }

    /// What becomes the builder's store directory.
    pub(super) fn scratch(&self) -> PathBuf {
        self.chroot.join("store")
    }

    /// Where copies of outputs are made.
    pub(super) fn copies(&self) -> Result<PathBuf, FileError> {
        let copies = self.chroot.join("copies");
        match DirBuilder::new().mode(0o700).create(&copies) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(failed("create", &copies)(error))
            }
            _ => Ok(copies),
        }
    }

    /// What becomes the builder's working directory.
    pub(super) fn build_directory(&self) -> PathBuf {
        self.outer.as_ref().map_or(&self.chroot, |outer| &outer.path).join("build")
    }

    fn temporary(&self) -> PathBuf {
        self.build_directory().with_file_name("tmp")
    }

    /// Writes a file into the build directory.
    pub(super) fn write(&self, name: &str, contents: &[u8]) -> Result<(), FileError> {
        let path = self.build_directory().join(name);
        fs::write(&path, contents).map_err(failed("write", &path))?;
        match self.owner {
            None => Ok(()),
            Some(owner) => chown(&path, Some(owner.uid), Some(owner.gid))
                .map_err(failed("change the owner of", &path)),
        }
    }

    /// Returns the directories as binds: the store directory, the build directory and `/tmp`.
    pub(super) fn binds(&self, store_directory: &str, build_directory: &str) -> Vec<Bind> {
        let bind = |source, target: &str| Bind {
            source,
            target: target.into(),
            access: Access::Private,
            optional: false,
        };
        vec![
            bind(self.scratch(), store_directory),
            bind(self.build_directory(), build_directory),
            bind(self.temporary(), "/tmp"),
        ]
    }

    /// Moves the build directory out, for the user to look at, and returns where it is now.
    pub(super) fn keep_build_directory(&self, name: &str) -> Result<PathBuf, FileError> {
        let temporary = std::env::temp_dir();
        let mut number = 0;
        let kept = loop {
            let kept = temporary.join(format!("nix-build-{name}-{number}"));
            match fs::create_dir(&kept) {
                Ok(()) => break kept,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(failed("create", &kept)(error)),
            }
        };
        let build = self.build_directory();
        let moved = fs::rename(&build, &kept).or_else(|error| match error.kind() {
            io::ErrorKind::CrossesDevices => super::output::copy_tree(&build, &kept),
            _ => Err(error),
        });
        moved.map_err(failed("move", &build))?;
        let _ = fs::set_permissions(&kept, fs::Permissions::from_mode(0o755));
        Ok(kept)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What stays, the next build or collection removes.
        let _ = remove_tree(&self.chroot);
        if let Some(outer) = &self.outer {
            let _ = remove_tree(&outer.path);
        }
    }
}

impl Outer {
    /// Makes a directory below `builds` that nobody else uses.
    fn new(builds: &Path) -> Result<Self, FileError> {
        fs::create_dir_all(builds).map_err(failed("create", builds))?;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = builds.join(format!("nix-{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {}
                // Left behind by a process that had our number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(failed("create", &path)(error)),
            }
            // Somebody cleaning up may have found it before it was locked, and then it is gone.
            let Ok(directory) = File::open(&path) else { continue };
            let lock = match Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
                Ok(lock) if path.exists() => Some(lock),
                Ok(_) | Err((_, nix::errno::Errno::EWOULDBLOCK)) => continue,
                // A file system without locks: nobody cleans up on it either.
                Err(_) => None,
            };
            return Ok(Self { path, _lock: lock });
        }
    }
}

/// Removes what builds of dead processes left below `builds`.
pub(super) fn remove_stale(builds: &Path) {
    let Ok(entries) = fs::read_dir(builds) else { return };
    for entry in entries.flatten() {
        let Ok(directory) = File::open(entry.path()) else { continue };
        if let Ok(_lock) = Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
            let _ = remove_tree(&entry.path());
        }
    }
}

/// Returns the device files that every builder sees.
pub(super) fn devices(has_kvm: bool) -> Vec<Bind> {
    let device = |name: &str, optional| {
        let path = PathBuf::from(format!("/dev/{name}"));
        Bind { source: path.clone(), target: path, access: Access::Device, optional }
    };
    let mut devices: Vec<Bind> =
        ["full", "null", "random", "tty", "urandom", "zero"].map(|name| device(name, false)).into();
    if has_kvm {
        devices.push(device("kvm", true));
    }
    devices
}

/// Returns the files of `/etc` that every builder sees.
pub(super) fn accounts(build_directory: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let users = format!(
        "root:x:0:0:Nix build user:{build_directory}:/noshell\n\
         nixbld:x:{UID_INSIDE}:{GID_INSIDE}:Nix build user:{build_directory}:/noshell\n\
         nobody:x:65534:65534:Nobody:/:/noshell\n"
    );
    let groups = format!("root:x:0:\nnixbld:!:{GID_INSIDE}:\nnogroup:x:65534:\n");
    vec![("/etc/passwd".into(), users.into_bytes()), ("/etc/group".into(), groups.into_bytes())]
}
