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
    /// `builds/nix-PID-N`.
    outer: PathBuf,
    /// Tells others that `outer` is in use.
    lock: Option<Flock<File>>,
    owner: Option<Account>,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Room {
    /// Makes the directories of a build: `chroot` anew, and one below `builds`.
    pub(super) fn new(
        chroot: PathBuf,
        builds: &Path,
        owner: Option<Account>,
    ) -> Result<Self, FileError> {
        fs::create_dir_all(builds).map_err(failed("create", builds))?;
        remove_tree(&chroot).map_err(failed("remove", &chroot))?;
        let outer = loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let outer = builds.join(format!("nix-{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&outer) {
                Ok(()) => break outer,
                // Left behind by a process that had our number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("create", &outer)(error)),
            }
        };
        let mut room = Self { chroot, outer, lock: None, owner };
        let directory = File::open(&room.outer).map_err(failed("open", &room.outer))?;
        // Somebody cleaning up may hold it for a moment; then it is removed under our feet, and
        // the next step says so.
        room.lock = Flock::lock(directory, FlockArg::LockExclusiveNonblock).ok();
        for (path, mode) in [
            (room.chroot.clone(), 0o700),
            (room.root(), 0o755),
            (room.scratch(), 0o1775),
            (room.build_directory(), 0o700),
            (room.temporary(), 0o1777),
        ] {
            room.make(&path, mode)?;
        }
        Ok(room)
    }

    /// Makes one directory; the builder's own belong to it.
    fn make(&self, path: &Path, mode: u32) -> Result<(), FileError> {
        let made = DirBuilder::new().mode(mode).create(path);
        made.map_err(failed("create", path))?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(failed("change the permissions of", path))?;
        let Some(owner) = self.owner else { return Ok(()) };
        let (uid, gid) = if path == self.build_directory() {
            (Some(owner.uid), Some(owner.gid))
        } else if path == self.scratch() {
            // Root's, so that the builder cannot remove what it is shown; the group's, so that it
            // can add to it.
            (None, Some(owner.gid))
        } else {
            return Ok(());
        };
        chown(path, uid, gid).map_err(failed("change the owner of", path))
    }

    /// Where the builder's root is to be mounted.
    pub(super) fn root(&self) -> PathBuf {
        self.chroot.join("root")
    }

    /// What becomes the builder's store directory.
    pub(super) fn scratch(&self) -> PathBuf {
        self.chroot.join("store")
    }

    /// What becomes the builder's working directory.
    pub(super) fn build_directory(&self) -> PathBuf {
        self.outer.join("build")
    }

    fn temporary(&self) -> PathBuf {
        self.outer.join("tmp")
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
        let _ = remove_tree(&self.outer);
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
    vec![
        ("/etc/passwd".into(), users.into_bytes()),
        ("/etc/group".into(), groups.into_bytes()),
    ]
}
