//! The child between `clone` and `execve`.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::ptr;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::unistd::{Pid, pipe2};

use super::plan::Plan;
use super::step::Step;
use super::terminal::Terminal;
use super::{Invocation, SandboxError, parent_error};

/// A builder that has begun.
pub(super) struct Running {
    /// Its process, not yet waited for, so that the number stays its own.
    pub(super) pid: Pid,
    /// A descriptor that becomes readable when it ends.
    pub(super) ended: OwnedFd,
    /// Its output.
    pub(super) output: OwnedFd,
    /// Closed with us: the child dies if it finds this gone.
    _life: OwnedFd,
}

/// Starts the builder; on return its program is running.
pub(super) fn start(
    plan: Plan,
    invocation: &Invocation,
    terminal: Terminal,
) -> Result<Running, SandboxError> {
    let failed = |errno| parent_error("create a pipe", errno);
    let (report, childs_report) = pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
    let (childs_life, life) = pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
    let mut steps = plan.steps;
    // The parent's death must be asked for last: changing accounts takes the request back.
    steps.push(Step::DieWithParent { life: childs_life.as_raw_fd() });
    let arguments = pointers(&plan.arguments);
    let environment = pointers(&plan.environment);
    let child = Child {
        steps: &steps,
        program: &plan.program,
        arguments: &arguments,
        environment: &environment,
        streams: [
            terminal.null.as_raw_fd(),
            terminal.builders.as_raw_fd(),
            terminal.builders.as_raw_fd(),
        ],
        report: childs_report.as_raw_fd(),
        others: [terminal.ours.as_raw_fd(), life.as_raw_fd()],
    };
    let (pid, ended) = clone(plan.namespaces, &child)?;
    drop(childs_report);
    let running = Running { pid, ended, output: terminal.ours, _life: life };
    let mut words = Vec::new();
    let read = File::from(report).read_to_end(&mut words);
    // Nothing said means that `execve` closed the pipe.
    if let (Ok(8), Some((step, errno))) = (read, words.split_at_checked(4)) {
        let number = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).map_or(0, i32::from_ne_bytes);
        super::watch::reap(running.pid);
        let source = std::io::Error::from_raw_os_error(number(errno));
        return Err(match steps.get(number(step) as usize) {
            Some(step) => SandboxError::Setup { step: step.to_string(), source },
            None => execute_error(invocation.program.clone(), source),
        });
    }
    Ok(running)
}

fn execute_error(program: PathBuf, source: std::io::Error) -> SandboxError {
    SandboxError::Execute { program, source }
}

fn pointers(strings: &[std::ffi::CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|it| it.as_ptr()).chain([ptr::null()]).collect()
}

/// What the child needs, borrowed from its copy of the parent's memory.
struct Child<'a> {
    steps: &'a [Step],
    program: &'a std::ffi::CStr,
    arguments: &'a [*const libc::c_char],
    environment: &'a [*const libc::c_char],
    /// Standard input, output and error.
    streams: [i32; 3],
    /// Where to say what failed: the step's number and the errno, four bytes each.
    report: i32,
    /// The parent's ends, which the child must not keep.
    others: [i32; 2],
}

/// Makes the child in `namespaces` and returns its number and its descriptor.
///
/// The raw system call leaves out what the C library would do after a fork, which is for children
/// that go on living; this one only performs steps.
fn clone(
    namespaces: nix::sched::CloneFlags,
    child: &Child<'_>,
) -> Result<(Pid, OwnedFd), SandboxError> {
    // A handler of the parent's must not run in the child.
    let mut mask_before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut mask_before))
        .map_err(|errno| parent_error("block signals", errno))?;
    let flags = namespaces.bits() | libc::SIGCHLD | libc::CLONE_PIDFD;
    let mut descriptor: libc::c_int = -1;
    let no_stack = ptr::null::<libc::c_void>();
    let nothing = ptr::null::<libc::c_void>();
    // SAFETY: without CLONE_VM this is a fork: the child has a copy of all memory and goes on on
    // its own stack. It calls `Child::become_builder`, which makes system calls only and never
    // returns. The one pointer that the kernel writes to is to a live `c_int`.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone,
            flags as libc::c_ulong,
            no_stack,
            &raw mut descriptor,
            nothing,
            nothing,
        )
    };
    if pid == 0 {
        child.become_builder();
    }
    let result = Errno::result(pid);
    // Restoring a mask that was in force cannot fail.
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask_before), None);
    let pid = result.map_err(|errno| SandboxError::Namespaces { source: errno.into() })?;
    // SAFETY: the kernel has just opened the descriptor for us.
    let ended = unsafe { OwnedFd::from_raw_fd(descriptor) };
    Ok((Pid::from_raw(pid as i32), ended))
}

impl Child<'_> {
    /// Performs the steps and executes the program, or reports and exits.
    ///
    /// Allocates nothing and takes no lock.
    fn become_builder(&self) -> ! {
        let (step, errno) = self.prepare_and_execute();
        let [s0, s1, s2, s3] = step.to_ne_bytes();
        let [e0, e1, e2, e3] = (errno as i32).to_ne_bytes();
        let words = [s0, s1, s2, s3, e0, e1, e2, e3];
        // SAFETY: the buffer is live, and exiting without clean-up is what a child must do.
        unsafe {
            libc::write(self.report, words.as_ptr().cast(), words.len());
            libc::_exit(1)
        }
    }

    /// Returns only if something failed: which step, and why.
    fn prepare_and_execute(&self) -> (i32, Errno) {
        for signal in 1..=64 {
            // SAFETY: restoring the default handler of a signal; some numbers do not allow it.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        for (stream, descriptor) in (0..).zip(self.streams) {
            // SAFETY: both are plain numbers; the copy is not closed on execution.
            if unsafe { libc::dup2(descriptor, stream) } < 0 {
                return (0, Errno::last());
            }
        }
        for descriptor in self.others {
            // SAFETY: the child's copies of these belong to nobody else in this process.
            unsafe { libc::close(descriptor) };
        }
        for (number, step) in (0..).zip(self.steps) {
            if let Err(errno) = step.perform() {
                return (number, errno);
            }
        }
        // Whatever else is open without the flag, perhaps by a library, ends at `execve`.
        // SAFETY: the arguments are plain numbers. Older kernels lack the call; then the flags
        // that descriptors were opened with have to do.
        unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        if let Err(errno) = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None) {
            return (0, errno);
        }
        // SAFETY: the strings live in the copied memory, both lists end in a null pointer.
        unsafe {
            libc::execve(self.program.as_ptr(), self.arguments.as_ptr(), self.environment.as_ptr());
        }
        (i32::MAX, Errno::last())
    }
}
