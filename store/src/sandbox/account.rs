//! The host accounts that builders run as when we are root: one per build, owning nothing.
//!
//! Where the build users group exists, one of its members is taken, under the same locks as a
//! Nix daemon uses on the same machine; elsewhere a uid from a range that nobody is given.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// A user and a group of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// An account that is ours for one build; dropping it gives it back.
#[derive(Debug)]
pub struct BuildAccount {
    /// The account.
    pub account: Account,
    /// Held for as long as the account is in use.
    _lock: Flock<File>,
}

/// Why no account could be had.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The configured group does not exist.
    #[error("the build users group `{group}` does not exist (setting `build-users-group`)")]
    UnknownGroup {
        /// The group's name.
        group: String,
    },
    /// The configured group is empty.
    #[error("the build users group `{group}` has no members")]
    EmptyGroup {
        /// The group's name.
        group: String,
    },
    /// Root or the caller itself is a member.
    #[error("the user `{user}` must not be in the build users group")]
    Forbidden {
        /// The member's name.
        user: String,
    },
    /// A lock could not be taken.
    #[error("cannot lock `{}`: {source}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// All accounts are busy.
    #[error("all build users are currently in use; consider creating additional ones in `{group}`")]
    AllBusy {
        /// The group's name, or what stands for it.
        group: String,
    },
}

/// A range of uids that nobody is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRange {
    /// Whether builders get theirs from it also where there is a group.
    pub is_preferred: bool,
    /// The first one.
    pub start: u32,
    /// How many there are.
    pub count: u32,
}

impl Default for AccountRange {
    fn default() -> Self {
        Self { is_preferred: false, start: 872_415_232, count: 128 * RANGE_STEP }
    }
}

/// How many uids lie between two that are handed out, as other implementations space them.
const RANGE_STEP: u32 = 65_536;

/// Returns whether this process is root, over all accounts of the machine.
///
/// Root of a user namespace is an ordinary user with a name: it has no accounts to hand out.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
        && fs::read_to_string("/proc/self/uid_map")
            .is_ok_and(|map| map.split_ascii_whitespace().eq(["0", "0", "4294967295"]))
}

/// Returns whether the machine has a group of this name.
pub fn group_exists(name: &str) -> bool {
    nix::unistd::Group::from_name(name).is_ok_and(|group| group.is_some())
}

/// Takes an account that no other build on this machine is using.
///
/// `group` is the setting `build-users-group`: empty, or a group that may be missing only if it
/// is the default one (`is_required` is false). Without one, the account is one of the range.
///
/// # Errors
///
/// If the group is unusable or all its members are busy.
pub fn acquire(
    state_directory: &Path,
    group: &str,
    is_required: bool,
    range: AccountRange,
) -> Result<BuildAccount, AccountError> {
    if range.is_preferred {
        return slot(state_directory, range);
    }
    let found =
        if group.is_empty() { None } else { nix::unistd::Group::from_name(group).ok().flatten() };
    match found {
        Some(found) => member(state_directory, &found),
        None if is_required && !group.is_empty() => {
            Err(AccountError::UnknownGroup { group: group.to_owned() })
        }
        None => slot(state_directory, range),
    }
}

/// Takes a free member of `group`.
fn member(
    state_directory: &Path,
    group: &nix::unistd::Group,
) -> Result<BuildAccount, AccountError> {
    if group.mem.is_empty() {
        return Err(AccountError::EmptyGroup { group: group.name.clone() });
    }
    for name in &group.mem {
        let Some(user) = nix::unistd::User::from_name(name).ok().flatten() else { continue };
        if user.uid.is_root() || user.uid == nix::unistd::geteuid() {
            return Err(AccountError::Forbidden { user: name.clone() });
        }
        let path = state_directory.join("userpool").join(user.uid.to_string());
        if let Some(lock) = try_lock(&path)? {
            let account = Account { uid: user.uid.as_raw(), gid: group.gid.as_raw() };
            return Ok(BuildAccount { account, _lock: lock });
        }
    }
    Err(AccountError::AllBusy { group: group.name.clone() })
}

/// Takes a free uid of the range.
fn slot(state_directory: &Path, range: AccountRange) -> Result<BuildAccount, AccountError> {
    for slot in 0..range.count / RANGE_STEP {
        let path = state_directory.join("userpool2").join(format!("slot-{slot}"));
        if let Some(lock) = try_lock(&path)? {
            let Some(uid) = range.start.checked_add(slot * RANGE_STEP) else { break };
            return Ok(BuildAccount { account: Account { uid, gid: uid }, _lock: lock });
        }
    }
    Err(AccountError::AllBusy { group: "the uid range".to_owned() })
}

/// Takes the lock at `path` if nobody has it.
fn try_lock(path: &Path) -> Result<Option<Flock<File>>, AccountError> {
    let error = |source| AccountError::Lock { path: path.to_path_buf(), source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(error)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(error)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(error(errno.into())),
    }
}
