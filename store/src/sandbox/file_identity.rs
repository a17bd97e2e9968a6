//! Looking at files with somebody else's rights, on one thread.

use nix::errno::Errno;
use nix::libc;

use super::account::Account;

/// Runs `action` with this thread's rights to files reduced to those of `account`.
///
/// # Errors
///
/// If this process is not allowed to change them; `action` has not run then.
pub fn with<T>(account: Account, action: impl FnOnce() -> T) -> std::io::Result<T> {
    let groups = groups()?;
    let restored = Restore { uid: filesystem_uid(u32::MAX), gid: filesystem_gid(u32::MAX), groups };
    set_groups(&[])?;
    filesystem_gid(account.gid);
    filesystem_uid(account.uid);
    // These calls do not fail visibly; asking for an impossible change tells where we are.
    if filesystem_uid(u32::MAX) != account.uid || filesystem_gid(u32::MAX) != account.gid {
        return Err(std::io::ErrorKind::PermissionDenied.into());
    }
    let result = action();
    drop(restored);
    Ok(result)
}

/// Gives the thread its own rights back, also when unwinding.
struct Restore {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Drop for Restore {
    fn drop(&mut self) {
        filesystem_uid(self.uid);
        filesystem_gid(self.gid);
        // A thread that was allowed to drop its groups is allowed to take them back.
        let _ = set_groups(&self.groups);
    }
}

/// Changes the uid that this thread's file accesses are checked with, and returns the one before.
///
/// The raw call acts on one thread; the kernel takes away root's exceptions along with the uid,
/// and gives them back with it.
fn filesystem_uid(uid: u32) -> u32 {
    // SAFETY: the argument is a plain number.
    unsafe { libc::syscall(libc::SYS_setfsuid, uid) as u32 }
}

fn filesystem_gid(gid: u32) -> u32 {
    // SAFETY: the argument is a plain number.
    unsafe { libc::syscall(libc::SYS_setfsgid, gid) as u32 }
}

fn groups() -> std::io::Result<Vec<u32>> {
    let groups = nix::unistd::getgroups()?;
    Ok(groups.into_iter().map(nix::unistd::Gid::as_raw).collect())
}

/// Sets this thread's supplementary groups; the C library's function would set every thread's.
fn set_groups(groups: &[u32]) -> std::io::Result<()> {
    // SAFETY: the pointer and the count describe one live list.
    let result = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
    Errno::result(result).map(drop).map_err(Into::into)
}
