//! Entering a system that lies below a directory: this process then sees that directory as `/`.
//!
//! Root needs a mount namespace for it, everybody else a user namespace as well, in which they are
//! root. Programs that the system takes from its host are found where the host has them: its
//! directories of programs and libraries appear read-only where the system has none of its own.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{chdir, getegid, geteuid, pivot_root};

/// What the system shares with its host.
const SHARED: [&str; 3] = ["proc", "sys", "dev"];

/// Directories of the host that appear read-only where the system has nothing.
const PROGRAMS: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

const NO_TEXT: Option<&str> = None;

/// A step that failed on the way in.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct EnterError {
    /// What was being done.
    pub action: &'static str,
    /// To which file or directory.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

fn failed<E: Into<io::Error>>(action: &'static str, path: &Path) -> impl FnOnce(E) -> EnterError {
    let path = path.to_path_buf();
    move |error| EnterError { action, path, source: error.into() }
}

/// Makes `root` the root directory of this process, which must have one thread only.
///
/// Without root's rights the process is root inside, and its files there are its own outside. The
/// working directory becomes `/`. On failure the process may be in a namespace already: all that is
/// left to do then is to end.
///
/// # Errors
///
/// A directory that is missing and cannot be made, or a kernel that gives no namespaces.
pub fn enter(root: &Path) -> Result<(), EnterError> {
    let root = fs::canonicalize(root).map_err(failed("find", root))?;
    for name in SHARED.iter().chain(&["tmp", "run"]) {
        let place = root.join(name);
        if !place.is_dir() {
            fs::create_dir(&place).map_err(failed("create directory", &place))?;
        }
    }
    let tmp = root.join("tmp");
    // Somebody else's directory keeps its permissions; it then has them for a reason.
    let _ = fs::set_permissions(&tmp, fs::Permissions::from_mode(0o1777));
    leave_namespaces(&root)?;

    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(NO_TEXT, "/", NO_TEXT, private, NO_TEXT).map_err(failed("separate", Path::new("/")))?;
    bind(&root, &root)?;
    for name in SHARED {
        bind(&Path::new("/").join(name), &root.join(name))?;
    }
    for name in PROGRAMS {
        share_programs(&Path::new("/").join(name), &root.join(name))?;
    }
    chdir(&root).map_err(failed("enter", &root))?;
    pivot_root(".", ".").map_err(failed("make the root", &root))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(failed("leave the root above", &root))?;
    chdir("/").map_err(failed("enter", &root))
}

/// Leaves the host's mounts, and without root's rights the host's accounts.
fn leave_namespaces(root: &Path) -> Result<(), EnterError> {
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() {
        match unshare(CloneFlags::CLONE_NEWNS) {
            // In a container root may lack the right, and gets it in a namespace of its own.
            Err(Errno::EPERM) => {}
            other => return other.map_err(failed("make a mount namespace for", root)),
        }
    }
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
        .map_err(failed("make a user namespace for", root))?;
    let write = |file: &str, text: String| {
        let file = Path::new(file);
        fs::write(file, text).map_err(failed("write", file))
    };
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    write("/proc/self/gid_map", format!("0 {gid} 1"))
}

fn bind(source: &Path, target: &Path) -> Result<(), EnterError> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(source), target, NO_TEXT, flags, NO_TEXT).map_err(failed("mount", target))
}

/// Shows a directory of the host, read-only, unless the system has something there.
fn share_programs(source: &Path, target: &Path) -> Result<(), EnterError> {
    if !source.is_dir() {
        return Ok(());
    }
    match fs::read_dir(target).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match fs::create_dir(target) {
                // A system on a read-only disk goes without.
                Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => return Ok(()),
                other => other.map_err(failed("create directory", target))?,
            }
        }
        _ => return Ok(()),
    }
    bind(source, target)?;
    // What the host's mount forbids, a user namespace cannot allow again.
    let kept = statvfs(target).map_err(failed("inspect", target))?.flags();
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    for (kept_flag, flag) in [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ] {
        if kept.contains(kept_flag) {
            flags |= flag;
        }
    }
    mount(NO_TEXT, target, NO_TEXT, flags, NO_TEXT).map_err(failed("protect", target))
}
