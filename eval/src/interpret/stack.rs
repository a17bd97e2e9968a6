//! Limits: the machine's stack, the nesting of calls, memory, and cancelling.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Eval;
use crate::error::{self, ErrorKind, EvalError, Result};
use crate::settings::Settings;
use crate::source::Position;

/// The stack that an evaluation gets, in bytes; only what is used of it takes memory.
const STACK_SIZE: usize = 1 << 30;
/// The smallest stack to try, in bytes.
const STACK_SIZE_MIN: usize = 8 << 20;
/// What stays free for native code that does not check: a parser's depth of expressions and more.
const RESERVE: usize = 2 << 20;
/// What an evaluation on an ordinary thread may use of the stack, in bytes.
const ORDINARY: usize = 1 << 20;

thread_local! {
    /// The address that the stack of this thread must not grow below; 0: not known.
    static LOWEST: Cell<usize> = const { Cell::new(0) };
}

/// Runs `work` on a thread whose stack holds the deepest nesting that the limits allow.
///
/// Every evaluation runs inside such a call.
///
/// # Panics
///
/// If `work` does.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let mut work = Some(work);
    let mut size = STACK_SIZE;
    loop {
        let slot = &mut work;
        let result = std::thread::scope(|scope| {
            let body = move || {
                LOWEST.set(here().saturating_sub(size - RESERVE.min(size / 2)));
                slot.take().map(|work| work())
            };
            let thread = std::thread::Builder::new().name("evaluation".into()).stack_size(size);
            thread.spawn_scoped(scope, body).map(std::thread::ScopedJoinHandle::join)
        });
        match result {
            Ok(Ok(Some(value))) => return value,
            Ok(Ok(None)) => unreachable!("the work runs once"),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) if size > STACK_SIZE_MIN => size /= 2,
            // Where there can be no thread, this one's stack must do.
            Err(_) => match work.take() {
                Some(work) => return work(),
                None => unreachable!("a thread that was not started did not run the work"),
            },
        }
    }
}

/// Returns about where the stack ends now.
#[inline(always)]
fn here() -> usize {
    let mark = 0_u8;
    std::hint::black_box(&raw const mark) as usize
}

/// How far an evaluation may go.
pub(super) struct Limits {
    lowest: usize,
    depth: u32,
    depth_max: u32,
    /// What calls compare with: zero where calls are watched, so that they look at the rest.
    heap_size_checked: usize,
    heap_size_max: usize,
    cancel: Arc<AtomicBool>,
    expired: Arc<AtomicBool>,
    time_seconds_max: u64,
}

impl Limits {
    pub(super) fn new(settings: &Settings) -> Limits {
        let lowest = match LOWEST.get() {
            0 => here().saturating_sub(ORDINARY),
            lowest => lowest,
        };
        let heap_size_max = match settings.heap_size_bytes_max {
            0 => usize::MAX,
            size => size,
        };
        Limits {
            lowest,
            depth: 0,
            depth_max: settings.call_depth_max,
            heap_size_checked: if settings.watch.is_any() { 0 } else { heap_size_max },
            heap_size_max,
            cancel: Arc::clone(&settings.cancel),
            expired: Arc::clone(&settings.expired),
            time_seconds_max: settings.time_seconds_max,
        }
    }

    /// Refuses to go on when the stack is nearly used up.
    #[inline(always)]
    pub(super) fn check_stack(&self) -> Result<()> {
        if here() < self.lowest { Err(stack_overflow()) } else { Ok(()) }
    }
}

#[cold]
#[inline(never)]
fn stack_overflow() -> Box<EvalError> {
    error::limit("stack overflow (possible infinite recursion)")
}

impl Eval<'_> {
    /// Goes one call deeper; [`Eval::leave`] comes back.
    #[inline(always)]
    pub(super) fn enter(&mut self) -> Result<()> {
        if !self.may_enter() {
            self.check_limits()?;
        }
        self.descend();
        Ok(())
    }

    /// Whether a call may go on and nobody watches it; [`Eval::check_limits`] says which.
    #[inline(always)]
    pub(super) fn may_enter(&self) -> bool {
        let limits = &self.limits;
        limits.depth <= limits.depth_max
            && !limits.cancel.load(Ordering::Relaxed)
            && self.heap.ready_bytes() <= limits.heap_size_checked
            && here() >= limits.lowest
    }

    /// Whether calls may be nested one level deeper; [`Eval::check_depth`] is the error.
    #[inline(always)]
    pub(super) fn may_nest(&self) -> bool {
        self.limits.depth <= self.limits.depth_max
    }

    /// Has every call looked at from now on.
    pub(super) fn watch_calls(&mut self) {
        self.limits.heap_size_checked = 0;
    }

    /// Whether somebody watches calls.
    #[inline(always)]
    pub(super) fn is_watched(&self) -> bool {
        self.limits.heap_size_checked == 0
    }

    /// Counts a call that was allowed.
    #[inline(always)]
    pub(super) fn descend(&mut self) {
        self.limits.depth += 1;
    }

    /// Comes back from a call.
    #[inline(always)]
    pub(super) fn leave(&mut self) {
        self.limits.depth -= 1;
    }

    /// Refuses a call beyond the limits.
    ///
    /// # Errors
    ///
    /// Which limit it is.
    #[cold]
    #[inline(never)]
    pub(super) fn check_limits(&self) -> Result<()> {
        let limits = &self.limits;
        let error = if limits.expired.load(Ordering::Relaxed) {
            let limit = limits.time_seconds_max;
            error::limit(format!("the evaluation takes more than {limit} seconds"))
        } else if limits.cancel.load(Ordering::Relaxed) {
            EvalError::new(ErrorKind::Cancelled, "interrupted by the user")
        } else if limits.depth > limits.depth_max {
            error::limit("stack overflow; max-call-depth exceeded")
        } else if here() < limits.lowest {
            stack_overflow()
        } else if self.heap.size_bytes() > limits.heap_size_max {
            let limit = limits.heap_size_max;
            error::limit(format!("the evaluation needs more than {limit} bytes of memory"))
        } else {
            return Ok(());
        };
        Err(error)
    }

    /// Refuses values that would take so many bytes more than the limit allows.
    ///
    /// # Errors
    ///
    /// When there is no room for them.
    pub(crate) fn check_room(&self, bytes: usize) -> Result<()> {
        let limit = self.limits.heap_size_max;
        if self.heap.size_bytes().saturating_add(bytes) > limit {
            return Err(error::limit(format!(
                "the evaluation needs more than {limit} bytes of memory"
            )));
        }
        Ok(())
    }

    /// Refuses a value at `place` that lies deeper than calls may be nested.
    ///
    /// # Errors
    ///
    /// When it does.
    #[inline(always)]
    pub(crate) fn check_depth(&self, place: Position) -> Result<()> {
        if self.may_nest() {
            return Ok(());
        }
        self.check_limits().map_err(|error| error.at(place))
    }

    /// Runs `work` one level deeper; native code that recurses over values calls this.
    ///
    /// # Errors
    ///
    /// When calls are nested too deeply, or the evaluation is cancelled.
    pub fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.deeper_at(Position::NONE, work)
    }

    /// As [`Eval::deeper`], with the place of the value that is one level deeper.
    ///
    /// # Errors
    ///
    /// As [`Eval::deeper`].
    pub(crate) fn deeper_at<T>(
        &mut self,
        place: Position,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.enter().map_err(|error| error.at(place))?;
        let result = work(self);
        self.leave();
        result
    }
}
