//! Fuzzing: libFuzzer drives the check that `NIVIS_FUZZ` names, guided by coverage.
//!
//! ```bash
//! RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 \
//!   -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
//!   -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
//!   cargo build --release -p fuzz --target-dir target/fuzz --target x86_64-unknown-linux-gnu
//! NIVIS_FUZZ=json target/fuzz/x86_64-unknown-linux-gnu/release/fuzz CORPUS \
//!   -max_total_time=600 -timeout=10 -rss_limit_mb=4096
//! ```
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod driven {
    use std::sync::OnceLock;

    static CHECK: OnceLock<fuzz::Check> = OnceLock::new();

    libfuzzer_sys::fuzz_target!(|data: &[u8]| {
        let check = CHECK.get_or_init(|| {
            let name = std::env::var("NIVIS_FUZZ").unwrap_or_default();
            let row = fuzz::CHECKS.iter().find(|(row, _)| *row == name);
            row.unwrap_or_else(|| panic!("NIVIS_FUZZ names no check: {name:?}")).1
        });
        check(data);
    });
}

#[cfg(not(fuzzing))]
fn main() {
    eprintln!("built without libFuzzer; the comment at the top of src/main.rs says how");
    std::process::exit(2);
}
