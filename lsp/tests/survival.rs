//! The server survives: edits of every kind, configurations without an end, clients that vanish.
//!
//! Every test is sized for each run of the suite. `RUN_SLOW_TESTS=1` takes the full sizes, and
//! `NIVIS_NIXPKGS` names a real tree whose files are asked about at every offset.

#![allow(clippy::print_stderr, reason = "tests say what they could not run")]

#[path = "survival/client.rs"]
mod client;
#[path = "../../eval/tests/findings/disk.rs"]
mod disk;
#[path = "survival/edits.rs"]
mod edits;
#[path = "survival/evaluations.rs"]
mod evaluations;
#[path = "survival/files.rs"]
mod files;

/// Returns one of two sizes: for each run of the suite, or in full.
fn size(each: usize, full: usize) -> usize {
    if std::env::var_os("RUN_SLOW_TESTS").is_some() { full } else { each }
}

/// Numbers that look random and are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        // The generator of Marsaglia with the shifts 13, 7 and 17.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}
