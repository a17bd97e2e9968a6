//! The list of steps for one invocation, and everything `execve` needs, made before the child is.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::libc;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;

use super::step::{Mount, Step};
use super::{Access, Bind, GID_INSIDE, Invocation, Isolation, Network, SandboxError, UID_INSIDE};
use super::{account, filter};

/// Everything the child needs, with nothing left to compute.
pub(super) struct Plan {
    /// The namespaces the child starts in.
    pub(super) namespaces: CloneFlags,
    /// What it does there, in order.
    pub(super) steps: Vec<Step>,
    /// What it becomes.
    pub(super) program: CString,
    /// The arguments and variables of the program; the terminating nulls are the caller's.
    pub(super) arguments: Vec<CString>,
    pub(super) environment: Vec<CString>,
}

impl Plan {
    /// Plans `invocation`.
    ///
    /// # Errors
    ///
    /// If a part holds a NUL byte, or a path that is not optional cannot be looked at.
    pub(super) fn new(invocation: &Invocation) -> Result<Self, SandboxError> {
        let mut steps = vec![Step::Session];
        let mut namespaces = CloneFlags::empty();
        let is_root = account::is_root();
        if let Some(isolation) = &invocation.isolation {
            namespaces = CloneFlags::CLONE_NEWNS
                | CloneFlags::CLONE_NEWPID
                | CloneFlags::CLONE_NEWIPC
                | CloneFlags::CLONE_NEWUTS;
            if Path::new("/proc/self/ns/cgroup").exists() {
                namespaces |= CloneFlags::CLONE_NEWCGROUP;
            }
            if isolation.network == Network::Private {
                namespaces |= CloneFlags::CLONE_NEWNET;
            }
            if !is_root {
                namespaces |= CloneFlags::CLONE_NEWUSER;
                let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
                identity_steps(&mut steps, uid.as_raw(), gid.as_raw());
            }
            isolation_steps(&mut steps, isolation)?;
        }
        if let Some(account) = invocation.account {
            steps.push(Step::Become { uid: account.uid, gid: account.gid });
            if invocation.isolation.is_some() {
                steps.extend([Step::OwnProcessFiles, Step::UserNamespace]);
                identity_steps(&mut steps, account.uid, account.gid);
            }
        }
        final_steps(&mut steps, invocation)?;
        Ok(Self {
            namespaces,
            steps,
            program: path(&invocation.program)?,
            arguments: invocation
                .arguments
                .iter()
                .map(|argument| nul_free(argument, "an argument of the builder"))
                .collect::<Result<_, _>>()?,
            environment: environment(invocation)?,
        })
    }
}

/// Maps the account `uid`, `gid` of the outside to the builder's fixed one.
///
/// Mapping one's own account is all that a process may do unaided. Groups cannot be changed any
/// more afterwards, which the kernel asks for in return.
fn identity_steps(steps: &mut Vec<Step>, uid: u32, gid: u32) {
    let tell = |path: &std::ffi::CStr, text: String| Step::Tell {
        path: path.to_owned(),
        text: CString::new(text).unwrap_or_default(),
    };
    steps.push(tell(c"/proc/self/setgroups", "deny".to_owned()));
    steps.push(tell(c"/proc/self/uid_map", format!("{UID_INSIDE} {uid} 1")));
    steps.push(tell(c"/proc/self/gid_map", format!("{GID_INSIDE} {gid} 1")));
}

/// The last steps before `execve`: these hold for every builder, confined or not.
fn final_steps(steps: &mut Vec<Step>, invocation: &Invocation) -> Result<(), SandboxError> {
    steps.push(Step::FileMask);
    steps.push(Step::Enter(path(&invocation.directory)?));
    let Invocation { is_32_bit, has_old_kernel, .. } = *invocation;
    steps.push(Step::Personality { is_32_bit, has_old_kernel });
    steps.push(Step::NoCoreDumps);
    steps.push(Step::DropCapabilities);
    let shares_network =
        invocation.isolation.as_ref().is_some_and(|isolation| isolation.network == Network::Host);
    if shares_network {
        steps.push(Step::Scope);
    }
    // Without rules it still keeps the builder from gaining rights.
    let rules = if invocation.is_filtered { filter::program() } else { filter::allow_all() };
    steps.push(Step::Filter(rules));
    Ok(())
}

/// From the new namespaces to the builder's own root directory.
///
/// The root is a small memory file system, read-only in the end; what the builder writes goes to
/// directories of the host that are mounted into it.
fn isolation_steps(steps: &mut Vec<Step>, isolation: &Isolation) -> Result<(), SandboxError> {
    if isolation.network == Network::Private {
        steps.push(Step::Loopback);
    }
    steps.push(Step::HostName);
    let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
    steps.push(Step::Mount(Mount {
        source: None,
        target: c"/".to_owned(),
        kind: None,
        flags: private,
        options: None,
    }));
    steps.push(Step::Mount(Mount {
        source: Some(c"none".to_owned()),
        target: path(&isolation.root)?,
        kind: Some(c"tmpfs"),
        flags: MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        options: Some(c"mode=0755".to_owned()),
    }));
    steps.push(Step::Enter(path(&isolation.root)?));
    let mut made = Vec::new();
    let mut binds: Vec<&Bind> = isolation.binds.iter().collect();
    // In the order of paths what lies below a bind follows it directly.
    binds.sort_by(|lhs, rhs| lhs.target.cmp(&rhs.target));
    let mut above: Vec<&Bind> = Vec::new();
    for bind in binds {
        while above.pop_if(|above| !bind.target.starts_with(&above.target)).is_some() {}
        // Anywhere else a new mount point would be a new file of the host.
        let may_create = above.last().is_none_or(|above| above.access == Access::Private);
        bind_steps(steps, &mut made, bind, may_create)?;
        above.push(bind);
    }
    for (link, target) in &isolation.links {
        make_parents(steps, &mut made, &inside(link))?;
        steps.push(Step::Link { path: path(&inside(link))?, target: path(target)? });
    }
    for (file, contents) in &isolation.files {
        make_parents(steps, &mut made, &inside(file))?;
        steps.push(Step::File { path: path(&inside(file))?, contents: contents.clone() });
    }
    device_steps(steps, &mut made, isolation)?;
    steps.push(Step::Restrict {
        path: c".".to_owned(),
        attributes: libc::MOUNT_ATTR_RDONLY,
        is_recursive: false,
    });
    steps.push(Step::PivotRoot);
    Ok(())
}

/// Links and file systems of the kernel's own: processes, terminals, shared memory.
fn device_steps(
    steps: &mut Vec<Step>,
    made: &mut Vec<PathBuf>,
    isolation: &Isolation,
) -> Result<(), SandboxError> {
    let binds_devices = isolation.binds.iter().any(|bind| bind.target == Path::new("/dev"));
    let mut kernel = |target: &str, kind, options: &str| -> Result<(), SandboxError> {
        make_parents(steps, made, &Path::new(target).join("x"))?;
        steps.push(Step::Mount(Mount {
            source: Some(c"none".to_owned()),
            target: nul_free(target.as_bytes(), "a mount")?,
            kind: Some(kind),
            flags: MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
            options: Some(nul_free(options.as_bytes(), "the setting `sandbox-dev-shm-size`")?),
        }));
        Ok(())
    };
    kernel("proc", c"proc", "")?;
    if binds_devices {
        return Ok(());
    }
    // Shared memory may hold code: language runtimes map it executable.
    kernel("dev/pts", c"devpts", "newinstance,mode=0620,ptmxmode=0666")?;
    kernel("dev/shm", c"tmpfs", &format!("mode=1777,size={}", isolation.shm_size))?;
    if let Some(Step::Mount(shared_memory)) = steps.last_mut() {
        shared_memory.flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    }
    let links = [
        ("dev/fd", "/proc/self/fd"),
        ("dev/stdin", "/proc/self/fd/0"),
        ("dev/stdout", "/proc/self/fd/1"),
        ("dev/stderr", "/proc/self/fd/2"),
        ("dev/ptmx", "/dev/pts/ptmx"),
    ];
    for (link, target) in links {
        let (link, target) = (path(Path::new(link))?, path(Path::new(target))?);
        steps.push(Step::Link { path: link, target });
    }
    Ok(())
}

/// Makes one path of the host appear.
///
/// Its mount point is made first if `may_create`, and must be there otherwise.
fn bind_steps(
    steps: &mut Vec<Step>,
    made: &mut Vec<PathBuf>,
    bind: &Bind,
    may_create: bool,
) -> Result<(), SandboxError> {
    let is_directory = match std::fs::metadata(&bind.source) {
        Ok(metadata) => metadata.is_dir(),
        Err(error) if bind.optional && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(());
        }
        Err(source) => return Err(SandboxError::Bind { path: bind.source.clone(), source }),
    };
    let target = inside(&bind.target);
    if may_create {
        make_parents(steps, made, &target)?;
        steps.push(if is_directory {
            Step::Directory { path: path(&target)?, mode: 0o755 }
        } else {
            Step::File { path: path(&target)?, contents: Vec::new() }
        });
    }
    steps.push(Step::Mount(Mount {
        source: Some(path(&bind.source)?),
        target: path(&target)?,
        kind: None,
        flags: MsFlags::MS_BIND | MsFlags::MS_REC,
        options: None,
    }));
    let harmless = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    let attributes = match bind.access {
        Access::ReadOnly => harmless | libc::MOUNT_ATTR_RDONLY,
        Access::Writable | Access::Private => harmless,
        Access::Device => return Ok(()),
    };
    steps.push(Step::Restrict { path: path(&target)?, attributes, is_recursive: true });
    Ok(())
}

/// Makes the directories above `target`, each once.
fn make_parents(
    steps: &mut Vec<Step>,
    made: &mut Vec<PathBuf>,
    target: &Path,
) -> Result<(), SandboxError> {
    let mut above: Vec<&Path> = target.ancestors().skip(1).collect();
    above.retain(|directory| !directory.as_os_str().is_empty());
    for directory in above.into_iter().rev() {
        if !made.iter().any(|it| it == directory) {
            steps.push(Step::Directory { path: path(directory)?, mode: 0o755 });
            made.push(directory.to_path_buf());
        }
    }
    Ok(())
}

/// Returns an absolute path of the inside relative to the root being made.
fn inside(target: &Path) -> PathBuf {
    target.components().filter(|it| matches!(it, std::path::Component::Normal(_))).collect()
}

fn environment(invocation: &Invocation) -> Result<Vec<CString>, SandboxError> {
    let entry = |(name, value): (&Vec<u8>, &Vec<u8>)| {
        let mut entry = name.clone();
        entry.push(b'=');
        entry.extend_from_slice(value);
        let name = String::from_utf8_lossy(name);
        nul_free(&entry, &format!("the environment variable `{name}`"))
    };
    invocation.environment.iter().map(entry).collect()
}

fn path(path: &Path) -> Result<CString, SandboxError> {
    let bytes: &OsStr = path.as_os_str();
    nul_free(bytes.as_bytes(), "a path")
}

fn nul_free(bytes: &[u8], what: &str) -> Result<CString, SandboxError> {
    CString::new(bytes).map_err(|_| SandboxError::Nul { what: what.to_owned() })
}
