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
