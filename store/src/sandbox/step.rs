//! The single preparations that turn a fresh child into a confined builder.
//!
//! A step owns everything it needs, so that performing it is nothing but system calls: no
//! allocation, no lock, no environment. That is what makes it safe in the copy of a threaded
//! process.

use std::ffi::{CStr, CString};
use std::fmt;
use std::mem;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd;

/// One preparation. Paths are the child's at that point of the list.
#[derive(Debug)]
pub(super) enum Step {
    /// Becomes the leader of a session, away from the caller's terminal.
    Session,
    /// Writes a short text into an existing file, for the kernel's own files.
    Tell { path: CString, text: CString },
    /// Brings up the loopback interface.
    Loopback,
    /// Sets host and domain name to what every builder sees.
    HostName,
    /// Mounts a file system, binds a path or changes how mounts propagate.
    Mount(Mount),
    /// Sets attributes (`MOUNT_ATTR_*`) of a mount.
    Restrict { path: CString, attributes: u64, is_recursive: bool },
    /// Makes a directory; one that exists will do.
    Directory { path: CString, mode: u32 },
    /// Makes a file with contents; never through a link.
    File { path: CString, contents: Vec<u8> },
    /// Makes a symbolic link; one that exists will do.
    Link { path: CString, target: CString },
    /// Changes the working directory.
    Enter(CString),
    /// Makes the working directory the root and lets go of the old one.
    PivotRoot,
    /// Becomes this user and group for good.
    Become { uid: u32, gid: u32 },
    /// Lets the kernel's files about this process belong to the process again.
    OwnProcessFiles,
    /// Enters a user namespace of its own.
    UserNamespace,
    /// Lets go of every capability, for this process and its children.
    DropCapabilities,
    /// Takes the file creation mask that every builder has.
    FileMask,
    /// Makes memory layout predictable, and the machine a 32-bit one if asked.
    Personality { is_32_bit: bool, has_old_kernel: bool },
    /// Allows no core dumps.
    NoCoreDumps,
    /// Asks to be killed with the parent.
    DieWithParent { life: i32 },
    /// Hides abstract sockets and foreign processes from those who share the host's network.
    Scope,
    /// Rules out gaining privileges and installs the system call filter.
    Filter(Vec<libc::sock_filter>),
}

/// The arguments of `mount`.
#[derive(Debug)]
pub(super) struct Mount {
    pub(super) source: Option<CString>,
    pub(super) target: CString,
    pub(super) kind: Option<&'static CStr>,
    pub(super) flags: MsFlags,
    pub(super) options: Option<CString>,
}

impl Step {
    /// Performs the step, with system calls only.
    pub(super) fn perform(&self) -> Result<(), Errno> {
        match self {
            Self::Session => unistd::setsid().map(drop),
            Self::Tell { path, text } => write_file(path, OFlag::O_WRONLY, text.as_bytes()),
            Self::Loopback => loopback(),
            Self::HostName => host_name(),
            Self::Mount(it) => mount(
                it.source.as_deref(),
                it.target.as_c_str(),
                it.kind,
                it.flags,
                it.options.as_deref(),
            ),
            Self::Restrict { path, attributes, is_recursive } => {
                restrict(path, *attributes, *is_recursive)
            }
            Self::Directory { path, mode } => {
                existing_is_fine(unistd::mkdir(path.as_c_str(), Mode::from_bits_truncate(*mode)))
            }
            Self::File { path, contents } => {
                let how = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
                write_file(path, how, contents)
            }
            Self::Link { path, target } => existing_is_fine(unistd::symlinkat(
                target.as_c_str(),
                nix::fcntl::AT_FDCWD,
                path.as_c_str(),
            )),
            Self::Enter(path) => unistd::chdir(path.as_c_str()),
            Self::PivotRoot => pivot_root(),
            Self::Become { uid, gid } => become_account(*uid, *gid),
            Self::OwnProcessFiles => prctl(libc::PR_SET_DUMPABLE, 1),
            Self::UserNamespace => unshare(CloneFlags::CLONE_NEWUSER),
            Self::DropCapabilities => drop_capabilities(),
            Self::FileMask => {
                nix::sys::stat::umask(Mode::from_bits_truncate(0o022));
                Ok(())
            }
            Self::Personality { is_32_bit, has_old_kernel } => {
                personality(*is_32_bit, *has_old_kernel)
            }
            Self::NoCoreDumps => nix::sys::resource::setrlimit(
                nix::sys::resource::Resource::RLIMIT_CORE,
                0,
                libc::RLIM_INFINITY,
            ),
            Self::DieWithParent { life } => die_with_parent(*life),
            Self::Scope => scope(),
            Self::Filter(program) => install(program),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session => write!(f, "starting a session"),
            Self::Tell { path, .. } => write!(f, "writing {}", path.to_string_lossy()),
            Self::Loopback => write!(f, "bringing up the loopback interface"),
            Self::HostName => write!(f, "setting the host name"),
            Self::Mount(Mount { source: Some(source), target, kind: None, .. }) => {
                write!(f, "binding {} to {}", source.to_string_lossy(), target.to_string_lossy())
            }
            Self::Mount(Mount { target, .. }) => {
                write!(f, "mounting {}", target.to_string_lossy())
            }
            Self::Restrict { path, .. } => {
                write!(f, "restricting the mount {} (needs Linux 5.12)", path.to_string_lossy())
            }
            Self::Directory { path, .. } => {
                write!(f, "making the directory {}", path.to_string_lossy())
            }
            Self::File { path, .. } => write!(f, "making the file {}", path.to_string_lossy()),
            Self::Link { path, .. } => write!(f, "making the link {}", path.to_string_lossy()),
            Self::Enter(path) => write!(f, "entering {}", path.to_string_lossy()),
            Self::PivotRoot => write!(f, "changing the root directory"),
            Self::Become { uid, gid } => write!(f, "becoming user {uid}, group {gid}"),
            Self::OwnProcessFiles => write!(f, "taking over the files of the process"),
            Self::UserNamespace => write!(f, "entering a user namespace"),
            Self::DropCapabilities => write!(f, "dropping capabilities"),
            Self::FileMask => write!(f, "setting the file creation mask"),
            Self::Personality { .. } => write!(f, "setting the personality"),
            Self::NoCoreDumps => write!(f, "disabling core dumps"),
            Self::DieWithParent { .. } => write!(f, "binding the builder's life to its parent's"),
            Self::Scope => write!(f, "hiding the host's abstract sockets"),
            Self::Filter(_) => write!(f, "installing the system call filter"),
        }
    }
}

fn existing_is_fine(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::EEXIST) => Ok(()),
        other => other,
    }
}

/// Writes all of `bytes` in one go; the kernel's own files accept no pieces.
fn write_file(path: &CStr, how: OFlag, bytes: &[u8]) -> Result<(), Errno> {
    let how = how | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = open(path, how, Mode::from_bits_truncate(0o644))?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = unistd::write(&file, rest)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(())
}

fn loopback() -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    let socket = nix::sys::socket::socket(
        nix::sys::socket::AddressFamily::Inet,
        nix::sys::socket::SockType::Datagram,
        nix::sys::socket::SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // SAFETY: `ifreq` is plain data for which all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags =
        (libc::IFF_UP | libc::IFF_LOOPBACK | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the socket is open, and the request is a live `ifreq` as SIOCSIFFLAGS wants.
    let result =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    Errno::result(result).map(drop)
}

fn host_name() -> Result<(), Errno> {
    unistd::sethostname("localhost")?;
    let domain = b"(none)";
    // SAFETY: the pointer and the length describe one live buffer.
    let result = unsafe { libc::setdomainname(domain.as_ptr().cast(), domain.len()) };
    Errno::result(result).map(drop)
}

fn restrict(path: &CStr, attributes: u64, is_recursive: bool) -> Result<(), Errno> {
    let attributes =
        libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = if is_recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is NUL-terminated, and the size passed is that of the live structure.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const attributes,
            mem::size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(result).map(drop)
}

/// Swaps the root in place: the old root ends up mounted over the new one and is detached.
fn pivot_root() -> Result<(), Errno> {
    unistd::pivot_root(c".", c".")?;
    umount2(c".", MntFlags::MNT_DETACH)?;
    unistd::chdir(c"/")
}

fn become_account(uid: u32, gid: u32) -> Result<(), Errno> {
    let (uid, gid) = (unistd::Uid::from_raw(uid), unistd::Gid::from_raw(gid));
    // Raw calls act on this thread alone, the only one there is; the C library's would first
    // try to bring along threads that were not copied.
    // SAFETY: a group list of length zero is never read.
    Errno::result(unsafe { libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<u32>()) })?;
    let (gid, uid) = (gid.as_raw(), uid.as_raw());
    // SAFETY: the arguments are plain numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) })?;
    // SAFETY: the arguments are plain numbers.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) })?;
    Ok(())
}

fn prctl(option: i32, argument: libc::c_ulong) -> Result<(), Errno> {
    let zero: libc::c_ulong = 0;
    // SAFETY: the options used here take numbers only.
    let result = unsafe { libc::prctl(option, argument, zero, zero, zero) };
    Errno::result(result).map(drop)
}

fn drop_capabilities() -> Result<(), Errno> {
    // The bounding set goes first, as long as there is the capability to shrink it.
    for capability in 0..=63 {
        match prctl(libc::PR_CAPBSET_DROP, capability) {
            // A number beyond the kernel's last, or a set that is not ours to shrink, in which
            // case nothing is in the sets emptied below either.
            Err(Errno::EINVAL | Errno::EPERM) => break,
            other => other?,
        }
    }
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong)?;
    let header: [u32; 2] = [0x2008_0522, 0];
    let sets = [0u32; 6];
    // SAFETY: version 3 of the interface reads a header of two words and two triples of sets.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
    Errno::result(result).map(drop)
}

/// `PER_LINUX32`, from the kernel's headers.
const PERSONALITY_32_BIT: libc::c_ulong = 8;

/// `UNAME26`, from the kernel's headers.
const PERSONALITY_OLD_KERNEL: libc::c_ulong = 0x002_0000;

fn personality(is_32_bit: bool, has_old_kernel: bool) -> Result<(), Errno> {
    let mut persona = libc::ADDR_NO_RANDOMIZE as libc::c_ulong;
    if is_32_bit {
        persona |= PERSONALITY_32_BIT;
    }
    if has_old_kernel {
        persona |= PERSONALITY_OLD_KERNEL;
    }
    // SAFETY: the argument is a plain number.
    Errno::result(unsafe { libc::personality(persona) }).map(drop)
}

/// Asks for the kill, then makes sure that there is still somebody to die with.
fn die_with_parent(life: i32) -> Result<(), Errno> {
    prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
    let mut poll = libc::pollfd { fd: life, events: 0, revents: 0 };
    // SAFETY: the pointer is to one live `pollfd`.
    let ready = Errno::result(unsafe { libc::poll(&raw mut poll, 1, 0) })?;
    if ready > 0 && poll.revents & libc::POLLHUP != 0 { Err(Errno::ESRCH) } else { Ok(()) }
}

/// What `landlock_create_ruleset` takes; zero rights are restricted, only the scope is.
#[repr(C)]
struct Ruleset {
    handled_access_fs: u64,
    handled_access_net: u64,
    scoped: u64,
}

/// Restricts abstract sockets and signals to the builder's own processes.
///
/// Kernels before 6.12 cannot; the outputs of builds that share the network are copied byte by
/// byte for that reason as well.
fn scope() -> Result<(), Errno> {
    const ABSTRACT_SOCKETS_AND_SIGNALS: u64 = 0b11;
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    let ruleset = Ruleset {
        handled_access_fs: 0,
        handled_access_net: 0,
        scoped: ABSTRACT_SOCKETS_AND_SIGNALS,
    };
    let size = mem::size_of::<Ruleset>();
    // SAFETY: the size passed is that of the live structure.
    let created =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const ruleset, size, 0) };
    match Errno::result(created) {
        Ok(descriptor) => {
            // SAFETY: the descriptor is the rule set's; it is closed by `execve`.
            let result = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, descriptor, 0) };
            Errno::result(result).map(drop)
        }
        Err(Errno::ENOSYS | Errno::EOPNOTSUPP | Errno::E2BIG | Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn install(program: &[libc::sock_filter]) -> Result<(), Errno> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    if program.is_empty() {
        return Ok(());
    }
    let filter =
        libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel reads `len` instructions and writes none.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER as libc::c_ulong,
            0,
            &raw const filter,
        )
    };
    Errno::result(result).map(drop)
}
