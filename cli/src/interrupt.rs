//! Ctrl-C: the first one asks evaluations and builds to stop, the second one ends the program.

use crate::report::INTERRUPTED;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

static IS_CANCELLED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Begins to listen, and returns what Ctrl-C sets.
///
/// Whatever does not look at it should not call this: until then Ctrl-C just ends the program.
pub(crate) fn watch() -> Arc<AtomicBool> {
    let begin = || {
        let flag = Arc::new(AtomicBool::new(false));
        let seen = flag.clone();
        let listens = ctrlc::set_handler(move || {
            if seen.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(INTERRUPTED));
            }
            store::build::interrupt();
        });
        debug_assert!(listens.is_ok(), "this is the only handler");
        flag
    };
    IS_CANCELLED.get_or_init(begin).clone()
}

/// Returns what is set when an evaluation has taken too long.
pub(crate) fn expired() -> Arc<AtomicBool> {
    static IS_EXPIRED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    IS_EXPIRED.get_or_init(Arc::default).clone()
}

/// A time after which the evaluation stops; dropping this lifts it.
#[derive(Debug)]
pub(crate) struct Deadline {
    is_lifted: Arc<AtomicBool>,
}

impl Deadline {
    /// Stops the evaluation after so many seconds; 0: never.
    pub(crate) fn after(seconds: u64) -> Option<Self> {
        if seconds == 0 {
            return None;
        }
        let is_lifted = Arc::new(AtomicBool::new(false));
        let seen = is_lifted.clone();
        let wait = move || {
            std::thread::sleep(Duration::from_secs(seconds));
            if !seen.load(Ordering::Relaxed) {
                expired().store(true, Ordering::Relaxed);
                watch().store(true, Ordering::Relaxed);
            }
        };
        std::thread::Builder::new().name("deadline".into()).spawn(wait).ok()?;
        Some(Self { is_lifted })
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.is_lifted.store(true, Ordering::Relaxed);
        if expired().swap(false, Ordering::Relaxed) {
            watch().store(false, Ordering::Relaxed);
        }
    }
}

/// Asks evaluations and builds to stop, as Ctrl-C does.
pub(crate) fn stop() {
    watch().store(true, Ordering::Relaxed);
    store::build::interrupt();
}

/// Takes back what Ctrl-C or [`stop`] asked for: what begins now has not been stopped.
pub(crate) fn forget() {
    watch().store(false, Ordering::Relaxed);
    store::build::resume();
}
