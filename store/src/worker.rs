//! Workers: copies of this process that go on from where it is, and answer in bytes.
//!
//! A worker has a copy of all memory as it was when it was made, shared until one of the two
//! writes. It is given ranges of numbers and answers each number with bytes, in order. Nothing it
//! does is seen by the process it came from but those bytes; when it ends, all its memory is given
//! back.
#![allow(unsafe_code, reason = "copying a process has no safe interface")]

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;
use std::os::fd::{AsFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe2};

/// A process that answers.
#[derive(Debug)]
pub struct Worker {
    pid: Pid,
    orders: File,
    answers: File,
    /// What was read of answers that are not whole yet.
    buffer: Vec<u8>,
    /// The numbers that it has not answered yet.
    pending: Range<usize>,
    is_ended: bool,
}

/// Says whether a worker may take another range.
pub type Goes = bool;

impl Worker {
    /// Makes a copy of this process in which `answer` is called with each number it is given.
    ///
    /// After each range `goes_on` is asked; a worker that does not go on ends. Of this process's
    /// threads only the calling one exists in the copy, so no other may hold a lock that `answer`
    /// needs.
    ///
    /// # Errors
    ///
    /// When there can be no further process.
    pub fn start(
        answer: &mut dyn FnMut(usize) -> Vec<u8>,
        goes_on: &mut dyn FnMut() -> Goes,
    ) -> io::Result<Worker> {
        let flags = nix::fcntl::OFlag::O_CLOEXEC;
        let (order_source, order_sink) = pipe2(flags)?;
        let (answer_source, answer_sink) = pipe2(flags)?;
        // SAFETY: the copy has one thread, which is in no lock's scope here, and it leaves through
        // `_exit`: nothing of what this process owns is cleaned up twice.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Worker {
                pid: child,
                orders: order_sink.into(),
                answers: answer_source.into(),
                buffer: Vec::new(),
                pending: 0..0,
                is_ended: false,
            }),
            ForkResult::Child => {
                drop((order_sink, answer_source));
                let run = AssertUnwindSafe(|| serve(order_source, answer_sink, answer, goes_on));
                let code = match catch_unwind(run) {
                    Ok(Ok(())) => 0,
                    Ok(Err(_)) => 1,
                    Err(_) => PANICKED,
                };
                // SAFETY: exiting without clean-up is what a copy must do.
                unsafe { nix::libc::_exit(code) }
            }
        }
    }

    /// Whether it has answered all that it was given, and may be given more.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && !self.is_ended
    }

    /// Whether it has ended.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Gives it numbers to answer; it must be idle.
    ///
    /// Whoever has just ended takes none: [`Worker::read`] will say so, and `numbers` are
    /// [`Worker::pending`].
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub fn give(&mut self, numbers: Range<usize>) -> io::Result<()> {
        let mut bytes = [0; 16];
        let (start, end) = bytes.split_at_mut(8);
        start.copy_from_slice(&numbers.start.to_ne_bytes());
        end.copy_from_slice(&numbers.end.to_ne_bytes());
        self.pending = numbers;
        match self.orders.write_all(&bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Returns the numbers that it was given and has not answered.
    pub fn pending(&self) -> Range<usize> {
        self.pending.clone()
    }

    /// Reads what is there, waiting for it if there is nothing, and returns whole answers.
    ///
    /// # Errors
    ///
    /// When it ended before it had answered all that it was given, unless by its own choice.
    pub fn read(&mut self) -> io::Result<Vec<(usize, Vec<u8>)>> {
        let mut part = vec![0; READ_SIZE];
        let len = self.answers.read(&mut part)?;
        self.buffer.extend_from_slice(part.get(..len).unwrap_or_default());
        let mut answers = Vec::new();
        let mut rest = self.buffer.as_slice();
        while let Some((head, tail)) = rest.split_first_chunk::<8>() {
            let Some(answer) = tail.get(..usize::from_ne_bytes(*head)) else { break };
            answers.push((self.pending.start, answer.to_vec()));
            self.pending.start += 1;
            rest = tail.get(answer.len()..).unwrap_or_default();
        }
        self.buffer = rest.to_vec();
        if len == 0 {
            self.is_ended = true;
            let status = waitpid(self.pid, None)?;
            if status != WaitStatus::Exited(self.pid, 0) {
                return Err(io::Error::other(end_of(status)));
            }
        }
        Ok(answers)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_ended {
            // It may have ended by itself meanwhile.
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = waitpid(self.pid, None);
        }
    }
}

/// How many bytes of answers are read at once.
const READ_SIZE: usize = 64 << 10;
/// The exit code of a worker that panicked.
const PANICKED: i32 = 101;

/// Returns the workers that have something to read, waiting at most so long.
///
/// # Errors
///
/// When the kernel refuses to wait.
pub fn wait(workers: &[Worker], time: Duration) -> io::Result<Vec<usize>> {
    let mut polled: Vec<PollFd<'_>> = workers
        .iter()
        .map(|worker| PollFd::new(worker.answers.as_fd(), PollFlags::POLLIN))
        .collect();
    let millis = u16::try_from(time.as_millis()).unwrap_or(u16::MAX);
    match poll(&mut polled, PollTimeout::from(millis)) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let is_ready = |fd: &PollFd<'_>| fd.any().unwrap_or_default();
    Ok((0..).zip(&polled).filter(|(_, fd)| is_ready(fd)).map(|(index, _)| index).collect())
}

/// Answers until there are no more orders.
fn serve(
    orders: OwnedFd,
    answers: OwnedFd,
    answer: &mut dyn FnMut(usize) -> Vec<u8>,
    goes_on: &mut dyn FnMut() -> Goes,
) -> io::Result<()> {
    // Ctrl-C is for the process that we came from; whoever waits for it there is not here.
    // SAFETY: the default action involves no code of ours.
    unsafe { signal(Signal::SIGINT, SigHandler::SigDfl) }?;
    let (mut orders, mut answers) = (File::from(orders), File::from(answers));
    let mut order = [0; 16];
    loop {
        match orders.read_exact(&mut order) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let [start, end] = [0, 8].map(|at| {
            let bytes = order.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, usize::from_ne_bytes)
        });
        for number in start..end {
            let bytes = answer(number);
            answers.write_all(&bytes.len().to_ne_bytes())?;
            answers.write_all(&bytes)?;
        }
        if !goes_on() {
            return Ok(());
        }
    }
}

/// Says how a worker ended that should not have.
fn end_of(status: WaitStatus) -> String {
    match status {
        WaitStatus::Signaled(_, Signal::SIGKILL, _) => {
            "a worker was killed; is memory short?".to_owned()
        }
        WaitStatus::Signaled(_, signal, _) => format!("a worker was ended by {signal}"),
        other => format!("a worker ended unexpectedly: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Worker, wait};
    use std::time::Duration;

    fn answers(worker: &mut Worker, count: usize) -> Vec<(usize, Vec<u8>)> {
        let mut all = Vec::new();
        while all.len() < count {
            all.extend(worker.read().expect("it answers"));
        }
        all
    }

    #[test]
    fn a_worker_goes_on_from_where_we_are_and_changes_nothing_here() {
        let mut sum = 40_usize;
        let mut answer = |number: usize| {
            sum += number;
            format!("{sum}").into_bytes()
        };
        let mut worker = Worker::start(&mut answer, &mut || true).expect("a process");
        worker.give(1..3).expect("it is given work");
        assert_eq!(answers(&mut worker, 2), [(1, b"41".to_vec()), (2, b"43".to_vec())]);
        assert!(worker.is_idle());
        worker.give(7..8).expect("it is given more");
        assert_eq!(wait(&[], Duration::from_millis(1)).expect("nothing to wait for"), [0; 0]);
        assert_eq!(answers(&mut worker, 1), [(7, b"50".to_vec())]);
        drop(worker);
        assert_eq!(sum, 40);
    }

    #[test]
    fn a_worker_that_has_had_enough_ends_and_one_that_dies_is_told() {
        let mut worker =
            Worker::start(&mut |_| vec![b'a'; 200_000], &mut || false).expect("a process");
        worker.give(0..1).expect("it is given work");
        assert_eq!(answers(&mut worker, 1).first().map(|(_, bytes)| bytes.len()), Some(200_000));
        while !worker.is_ended() {
            worker.read().expect("it ends well");
        }
        let mut dies = Worker::start(&mut |_| std::process::abort(), &mut || true).expect("one");
        dies.give(0..1).expect("it is given work");
        let error = dies.read().expect_err("it died");
        assert!(error.to_string().contains("SIGABRT"), "{error}");
        assert_eq!(dies.pending(), 0..1);
    }
}
