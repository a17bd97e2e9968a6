//! The pseudo-terminal that a builder prints to.
//!
//! Builders have always found a terminal on their standard error; some say more, or say it
//! sooner, because of it.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

use super::account::Account;
use super::{SandboxError, parent_error};

/// Both ends of a terminal in raw mode, closed on execution.
pub(super) struct Terminal {
    /// Where the output can be read.
    pub(super) ours: OwnedFd,
    /// What becomes the builder's standard output and error.
    pub(super) builders: OwnedFd,
    /// What becomes the builder's standard input: nothing.
    pub(super) null: File,
}

/// Opens a terminal that belongs to `account`, or to the caller.
pub(super) fn open(account: Option<Account>) -> Result<Terminal, SandboxError> {
    let null = File::open("/dev/null")
        .map_err(|source| SandboxError::Parent { action: "open `/dev/null`", source })?;
    let failed = |errno| parent_error("open a terminal for the builder", errno);
    let pair = nix::pty::openpty(None, None).map_err(failed)?;
    for end in [&pair.master, &pair.slave] {
        fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map_err(failed)?;
    }
    // Raw, or every line feed would turn into two characters.
    let mut mode = tcgetattr(&pair.slave).map_err(failed)?;
    cfmakeraw(&mut mode);
    tcsetattr(&pair.slave, SetArg::TCSANOW, &mode).map_err(failed)?;
    if let Some(account) = account {
        let (uid, gid) = (account.uid.into(), account.gid.into());
        nix::unistd::fchown(pair.slave.as_fd(), Some(uid), Some(gid)).map_err(failed)?;
        let owner_only = nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR;
        nix::sys::stat::fchmod(pair.slave.as_fd(), owner_only).map_err(failed)?;
    }
    Ok(Terminal { ours: pair.master, builders: pair.slave, null })
}
