//! Ctrl-C: the first one asks evaluations and builds to stop, the second one ends the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// The exit code of a program that Ctrl-C ended at once, as shells have it.
const ENDED: i32 = 130;

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
                std::process::exit(ENDED);
            }
            store::build::interrupt();
        });
        debug_assert!(listens.is_ok(), "this is the only handler");
        flag
    };
    IS_CANCELLED.get_or_init(begin).clone()
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
