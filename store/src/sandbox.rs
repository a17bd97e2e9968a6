//! Runs one builder away from the rest of the machine and says how it ended.
//!
//! A builder sees its input closure and nothing else: its own root directory, process list,
//! network, host name, users, and a system call filter that keeps permissions inside what a store
//! object can hold. All of it is prepared by the parent as a list of steps; the child only carries
//! the list out, because between `clone` and `execve` a copy of a threaded process may not even
//! allocate memory.
//!
//! As root the steps run with root's rights, and the last of them give these up for an account
//! that owns nothing (see [`account`]). Without root the child starts in a user namespace of its
//! own. Either way the builder finds itself as uid 1000, gid 100, on `localhost`.
#![allow(unsafe_code, reason = "namespaces, seccomp and clone have no safe interface")]

pub mod account;
mod child;
pub mod enter;
pub mod file_identity;
mod filter;
mod plan;
mod step;
mod terminal;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use account::Account;

/// The uid a builder sees itself as.
pub const UID_INSIDE: u32 = 1000;

/// The gid a builder sees itself as.
pub const GID_INSIDE: u32 = 100;

/// One program to run, and everything it is allowed.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The program's absolute path, as the builder sees the file system.
    pub program: PathBuf,
    /// Its arguments, the zeroth included.
    pub arguments: Vec<Vec<u8>>,
    /// Its whole environment: nothing is inherited.
    pub environment: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Its working directory, as the builder sees the file system.
    pub directory: PathBuf,
    /// The root it is confined to; without one it runs as a plain process of the host.
    pub isolation: Option<Isolation>,
    /// The host account it runs as; without one, the caller's own.
    pub account: Option<Account>,
    /// When to stop it.
    pub limits: Limits,
    /// Whether it should take the machine for a 32-bit one.
    pub is_32_bit: bool,
    /// Whether it should take the kernel for a Linux of version 2.6.
    pub has_old_kernel: bool,
    /// Whether system calls are refused that no store object needs.
    pub is_filtered: bool,
}

/// What a confined builder can see.
#[derive(Debug, Clone)]
pub struct Isolation {
    /// An empty directory of the host, over which the builder's root is mounted.
    pub root: PathBuf,
    /// What appears in it, in any order.
    pub binds: Vec<Bind>,
    /// Symbolic links to make: the path inside, then its target.
    pub links: Vec<(PathBuf, PathBuf)>,
    /// Small files to write below the private root: the path inside, then the contents.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Whether the host's network is reachable.
    pub network: Network,
    /// The `size=` of the memory file system at `/dev/shm`, for example `50%`.
    pub shm_size: String,
}

/// A file or directory of the host that the builder can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The path on the host; symbolic links are followed.
    pub source: PathBuf,
    /// The absolute path inside.
    pub target: PathBuf,
    /// Whether the builder may write to it, as far as the file's own permissions let it.
    pub access: Access,
    /// Whether a missing source is passed over instead of being an error.
    pub optional: bool,
}

/// What a builder may do with a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The mount is read-only, set-user-id bits and device files in it are without effect.
    ReadOnly,
    /// The mount is writable, set-user-id bits and device files in it are without effect.
    Writable,
    /// As [`Access::Writable`], and made for this build alone, so that what else appears below it
    /// may leave its mount points there.
    Private,
    /// The mount is as it is on the host; for device files.
    Device,
}

/// Which network a builder can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// A loopback interface of its own.
    Private,
    /// The host's, without its abstract sockets where the kernel can hide them.
    Host,
}

/// When a builder is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// After this long; `None` for never.
    pub time: Option<Duration>,
    /// After this long without output; `None` for never.
    pub silence: Option<Duration>,
    /// After this many bytes of output; `None` for never.
    pub output_bytes: Option<u64>,
}

/// How a builder ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this status.
    Exited(i32),
    /// It was killed by this signal.
    Signaled(i32),
    /// It was stopped at [`Limits::time`].
    TimedOut,
    /// It was stopped at [`Limits::silence`].
    Silent,
    /// It was stopped at [`Limits::output_bytes`].
    TooMuchOutput,
    /// It was stopped because the caller asked.
    Cancelled,
}

/// Why a builder could not be started or watched.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A path, argument or variable holds a NUL byte and cannot be handed to the kernel.
    #[error("{what} contains a NUL byte")]
    Nul {
        /// Which part.
        what: String,
    },
    /// A declared path of the host does not exist or cannot be looked at.
    #[error("cannot make `{}` visible to the builder: {source}", path.display())]
    Bind {
        /// The path on the host.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The kernel refused to create the namespaces.
    #[error(
        "cannot create the namespaces that a sandboxed build needs: {source} (user namespaces may \
         be disabled, see `/proc/sys/user/max_user_namespaces`; the setting `sandbox = false` \
         builds without them)"
    )]
    Namespaces {
        /// What the system said.
        source: std::io::Error,
    },
    /// One of the preparations inside failed.
    #[error("cannot set up the sandbox: {step}: {source}")]
    Setup {
        /// What was being done.
        step: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The program could not be executed.
    #[error("cannot execute `{}`: {source}", program.display())]
    Execute {
        /// The program, as the builder sees the file system.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The parent's side failed.
    #[error("cannot {action}: {source}")]
    Parent {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Runs `invocation` to its end, handing over what it prints, and leaves no process behind.
///
/// `output` receives standard output and standard error, mixed as they come, in pieces of any
/// size. Once `is_cancelled` says so, the builder is stopped within a tenth of a second. If this
/// thread or process dies, the kernel kills the builder and all its children.
///
/// # Errors
///
/// Only for what is not the builder's own doing; a builder that fails is an [`Ending`].
pub fn run(
    invocation: &Invocation,
    output: &mut dyn FnMut(&[u8]),
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Ending, SandboxError> {
    let plan = plan::Plan::new(invocation)?;
    let terminal = terminal::open(invocation.account)?;
    let running = child::start(plan, invocation, terminal)?;
    watch::watch(running, invocation, output, is_cancelled)
}

/// Turns an errno of the parent's side into an error that says what was being done.
fn parent_error(action: &'static str, errno: nix::errno::Errno) -> SandboxError {
    SandboxError::Parent { action, source: errno.into() }
}

#[cfg(test)]
mod tests;
