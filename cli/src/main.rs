//! How a person asks: the one binary `nivis`, under all its names.

mod activation;
mod args;
mod building;
mod commands;
mod compiled_files;
mod context;
mod definitions;
mod env_vars;
mod evaluation;
mod flags;
mod installable;
mod interrupt;
mod json_log;
mod repl;
mod report;
mod request;
mod roots;
mod settings;
mod statistics;
mod stores;
mod system;
mod ui;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use ui::Ui;

/// Short-lived processes that allocate much: a quarter less time in evaluations than the system's.
#[cfg(not(nivis_asan))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let ui = Ui;
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    let name = Path::new(&name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let words: Vec<OsString> = words.collect();
    report::finish(ui, commands::run(ui, &name, words))
}
