//! Watching a builder: its output, its limits and its end.

use std::os::fd::AsFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::child::Running;
use super::{Ending, Invocation, Limits, SandboxError, parent_error};

/// How often a request to cancel is looked for, in milliseconds.
const TICK_MS: u16 = 100;

/// Hands over the builder's output until it ends or a limit is reached.
pub(super) fn watch(
    running: Running,
    invocation: &Invocation,
    output: &mut dyn FnMut(&[u8]),
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Ending, SandboxError> {
    let failed = |errno| parent_error("watch the builder", errno);
    fcntl(&running.output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(failed)?;
    let mut stream = Stream { running: &running, output, count_bytes: 0 };
    let stopped = until_end(&mut stream, &invocation.limits, is_cancelled);
    // Whoever is left of the builder's own session or process list goes now. The process itself
    // has not been waited for, so the numbers are still its own.
    let _ = kill(Pid::from_raw(-running.pid.as_raw()), Signal::SIGKILL);
    let _ = kill(running.pid, Signal::SIGKILL);
    let status = waitpid(running.pid, None);
    let stopped = stopped.map_err(failed)?;
    let is_within = stream.drain(&invocation.limits).map_err(failed)?;
    if let Some(ending) = stopped {
        return Ok(ending);
    }
    if !is_within {
        return Ok(Ending::TooMuchOutput);
    }
    match status.map_err(failed)? {
        WaitStatus::Exited(_, code) => Ok(Ending::Exited(code)),
        WaitStatus::Signaled(_, signal, _) => Ok(Ending::Signaled(signal as i32)),
        // Neither is asked for above.
        WaitStatus::Stopped(..)
        | WaitStatus::Continued(_)
        | WaitStatus::StillAlive
        | WaitStatus::PtraceEvent(..)
        | WaitStatus::PtraceSyscall(_) => Err(failed(Errno::ECHILD)),
    }
}

/// Waits for a child that ended by itself.
pub(super) fn reap(pid: Pid) {
    // There is nothing to do about a child that cannot be waited for.
    let _ = waitpid(pid, None);
}

/// The builder's output on its way to the caller.
struct Stream<'a> {
    running: &'a Running,
    output: &'a mut dyn FnMut(&[u8]),
    count_bytes: u64,
}

impl Stream<'_> {
    /// Hands over what there is; returns whether it was something, or `None` past the limit.
    fn read(&mut self, limits: &Limits) -> Result<Option<bool>, Errno> {
        let mut buffer = [0; 16 * 1024];
        let count = match nix::unistd::read(&self.running.output, &mut buffer) {
            Ok(count) => count,
            // A terminal whose other end is closed says this instead of returning nothing.
            Err(Errno::EIO | Errno::EAGAIN) => 0,
            Err(Errno::EINTR) => return Ok(Some(true)),
            Err(errno) => return Err(errno),
        };
        self.count_bytes += count as u64;
        if limits.output_bytes.is_some_and(|limit| self.count_bytes > limit) {
            return Ok(None);
        }
        if let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) {
            (self.output)(piece);
        }
        Ok(Some(count > 0))
    }

    /// Hands over what is left after the end; returns whether it was within the limit.
    fn drain(&mut self, limits: &Limits) -> Result<bool, Errno> {
        loop {
            match self.read(limits)? {
                Some(true) => {}
                Some(false) => return Ok(true),
                None => return Ok(false),
            }
        }
    }
}

/// Returns why the builder must be stopped, or `None` when it has ended by itself.
fn until_end(
    stream: &mut Stream<'_>,
    limits: &Limits,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Option<Ending>, Errno> {
    let start = Instant::now();
    let mut last_output = start;
    // The terminal reports a hang-up for ever once the builder closes it, though it goes on.
    let mut is_hung_up = false;
    loop {
        let now = Instant::now();
        if is_cancelled() {
            return Ok(Some(Ending::Cancelled));
        }
        if limits.time.is_some_and(|limit| now - start >= limit) {
            return Ok(Some(Ending::TimedOut));
        }
        if limits.silence.is_some_and(|limit| now - last_output >= limit) {
            return Ok(Some(Ending::Silent));
        }
        let (has_ended, has_output) = wait(stream.running, is_hung_up)?;
        if let Some(flags) = has_output {
            match stream.read(limits)? {
                None => return Ok(Some(Ending::TooMuchOutput)),
                Some(true) => last_output = Instant::now(),
                Some(false) => is_hung_up |= flags.contains(PollFlags::POLLHUP),
            }
        }
        if has_ended {
            return Ok(None);
        }
    }
}

/// Waits a tick at most; returns whether the builder has ended and what its output is up to.
fn wait(running: &Running, is_hung_up: bool) -> Result<(bool, Option<PollFlags>), Errno> {
    let ended = PollFd::new(running.ended.as_fd(), PollFlags::POLLIN);
    let output = PollFd::new(running.output.as_fd(), PollFlags::POLLIN);
    let mut both = [ended, output];
    let watched = if is_hung_up { both.get_mut(..1) } else { both.get_mut(..) };
    let watched = watched.unwrap_or_default();
    match poll(watched, PollTimeout::from(TICK_MS)) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno),
    }
    let has_ended = watched.first().is_some_and(|it| it.any() == Some(true));
    let flags = watched.get(1).and_then(PollFd::revents).filter(|flags| !flags.is_empty());
    Ok((has_ended, flags))
}
