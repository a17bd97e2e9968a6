//! Measures nivis beside the installed versions of Nix, and writes what came out to `RESULTS.md`.
//!
//! `cargo bench -p nivis` runs it. It compares with the `nix-instantiate` in `PATH`, and with
//! those that `NIVIS_PEERS` names, separated by colons; their other programs lie beside them. With
//! `NIVIS_NIXPKGS` it also evaluates packages and systems of that nixpkgs tree. Every value is
//! compared between all of them; times are told, never asserted.
//!
//! The compiled files of nivis are off, but in the rows that say so: there a cache directory was
//! warmed by another attribute. The files that the system's evaluation reads are also parsed and
//! lowered alone.
//!
//! Each evaluation is a process of its own, and the evaluators take turns. The figures are CPU
//! time (user and system) and peak memory, as the kernel accounts them; of several runs, the
//! median.

#![allow(clippy::print_stderr, reason = "a benchmark says what it does and did not")]

mod files;
mod tasks;

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};
use tasks::{Task, tasks};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How often each evaluation is measured.
const RUNS: usize = 5;

/// The first word of our own command line when we are to measure one command.
const MEASURE: &str = "measure";
/// The first word of our own command line when we are to parse and lower the files of a list.
const LOWER: &str = "lower";

/// Something that evaluates.
struct Evaluator {
    name: String,
    /// Where its programs are.
    directory: PathBuf,
}

/// What one evaluation took.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Usage {
    /// CPU time in seconds.
    seconds: f64,
    /// Peak memory in KiB.
    memory: i64,
}

fn main() -> Outcome<()> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.split_first() {
        Some((first, [report, command @ ..])) if first == MEASURE => measure(report, command),
        Some((first, [list])) if first == LOWER => files::lower(list),
        _ => compare(),
    }
}

/// Runs a command and writes to `report` what it took: ours are the only children it waits for.
fn measure(report: &OsStr, command: &[OsString]) -> Outcome<()> {
    let (program, arguments) = command.split_first().ok_or("no command to measure")?;
    let status = Command::new(program).args(arguments).status()?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let (user, system) = (usage.user_time(), usage.system_time());
    let micros = (user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec();
    std::fs::write(report, format!("{micros} {}", usage.max_rss()))?;
    std::process::exit(status.code().unwrap_or(1))
}

fn compare() -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let evaluators = evaluators(directory.path())?;
    let tasks = tasks()?;
    let mut rows = Vec::new();
    for task in &tasks {
        eprintln!("{}", task.name);
        rows.push(measure_task(directory.path(), &evaluators, task)?);
    }
    let mut text = report(&evaluators, &tasks, &rows);
    if let Some(tree) = std::env::var_os("NIVIS_NIXPKGS") {
        text.push_str(&measure_files(directory.path(), &tree)?);
    }
    let path = source_directory().join("RESULTS.md");
    std::fs::write(&path, text)?;
    eprintln!("written: {}", path.display());
    Ok(())
}

fn source_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/bench")
}

/// Returns ours and those to compare with.
fn evaluators(directory: &Path) -> Outcome<Vec<Evaluator>> {
    let ours = directory.join("bin");
    std::fs::create_dir(&ours)?;
    for name in ["nix-instantiate", "nix-env", "nix"] {
        symlink(env!("CARGO_BIN_EXE_nivis"), ours.join(name))?;
    }
    let mut found = vec![Evaluator { name: "nivis".to_owned(), directory: ours }];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join("nix-instantiate"));
    let mut peers: Vec<PathBuf> = in_path.filter(|program| program.is_file()).take(1).collect();
    peers.extend(std::env::split_paths(&std::env::var_os("NIVIS_PEERS").unwrap_or_default()));
    for program in peers.into_iter().filter(|program| !program.as_os_str().is_empty()) {
        let output = Command::new(&program).arg("--version").output()?;
        let version = String::from_utf8_lossy(&output.stdout);
        let version = version.split_whitespace().last().unwrap_or("of no version").to_owned();
        let directory = program.parent().unwrap_or(Path::new("/")).to_owned();
        found.push(Evaluator { name: format!("CppNix {version}"), directory });
    }
    if found.len() == 1 {
        eprintln!("no Nix in PATH and none in NIVIS_PEERS: nivis alone is measured");
    }
    Ok(found)
}

/// Measures one task with all evaluators in turn; a median for each.
fn measure_task(directory: &Path, evaluators: &[Evaluator], task: &Task) -> Outcome<Vec<Usage>> {
    let mut usages = vec![Vec::new(); evaluators.len()];
    let mut value: Option<Vec<u8>> = None;
    let report = directory.join("usage");
    let cache = match &task.warmed_by {
        Some(other) => warmed(directory, evaluators, other)?,
        None => PathBuf::new(),
    };
    for _ in 0..RUNS {
        for (evaluator, usages) in evaluators.iter().zip(&mut usages) {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg(MEASURE).arg(&report).arg(evaluator.directory.join(task.program));
            command.args(&task.arguments).env("NIX_REMOTE", "dummy://").env("NIX_PATH", "");
            command.env("HOME", directory).env("NIVIS_CACHE_DIR", &cache).env("NIVIS_MEMO", "0");
            let output = command.output()?;
            let (name, evaluator) = (&task.name, &evaluator.name);
            if !output.status.success() {
                let text = String::from_utf8_lossy(&output.stderr);
                return Err(format!("{name}: {evaluator} failed\n{text}").into());
            }
            let expected = value.get_or_insert_with(|| output.stdout.clone());
            if task.is_compared && *expected != output.stdout {
                return Err(format!("{name}: {evaluator} has another value").into());
            }
            usages.push(read_usage(&std::fs::read_to_string(&report)?)?);
        }
    }
    Ok(usages.iter_mut().map(|usages| median(usages)).collect())
}

/// Returns a new cache directory in which ours has evaluated something.
fn warmed(directory: &Path, evaluators: &[Evaluator], other: &[OsString]) -> Outcome<PathBuf> {
    let cache = directory.join("cache");
    if cache.exists() {
        std::fs::remove_dir_all(&cache)?;
    }
    let ours = evaluators.first().ok_or("no evaluator")?;
    let mut command = Command::new(ours.directory.join("nix-instantiate"));
    command.arg("--eval").args(other).env("NIX_REMOTE", "dummy://").env("NIX_PATH", "");
    command.env("HOME", directory).env("NIVIS_CACHE_DIR", &cache).env("NIVIS_MEMO", "0");
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(cache)
}

/// Says what reading, parsing and lowering takes of all files that the system's evaluation reads.
fn measure_files(directory: &Path, tree: &OsStr) -> Outcome<String> {
    let files = files::of_system(tree)?;
    let list = directory.join("files");
    std::fs::write(&list, files.join(OsStr::new("\n")).as_encoded_bytes())?;
    let report = directory.join("usage");
    let mut usages = Vec::new();
    for _ in 0..RUNS {
        let this = std::env::current_exe()?;
        let mut command = Command::new(&this);
        command.arg(MEASURE).arg(&report).arg(&this).arg(LOWER).arg(&list);
        if !command.status()?.success() {
            return Err("the files of the system cannot be lowered".into());
        }
        usages.push(read_usage(&std::fs::read_to_string(&report)?)?);
    }
    let usage = median(&mut usages);
    let size: u64 = files.iter().filter_map(|path| Some(std::fs::metadata(path).ok()?.len())).sum();
    Ok(format!(
        "\nReading, parsing and lowering the {} files ({:.1} MB) of the NixOS system alone takes \
         {:.2} s, and {} MiB.\n",
        files.len(),
        size as f64 / 1e6,
        usage.seconds,
        usage.memory / 1024
    ))
}

fn read_usage(text: &str) -> Outcome<Usage> {
    let (micros, memory) = text.split_once(' ').ok_or("a report is two numbers")?;
    let micros: i64 = micros.parse()?;
    Ok(Usage { seconds: micros as f64 / 1e6, memory: memory.parse()? })
}

/// Returns the median time and the median memory of an odd number of runs.
fn median(usages: &mut [Usage]) -> Usage {
    let middle = usages.len() / 2;
    usages.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let seconds = usages[middle].seconds;
    usages.sort_by_key(|usage| usage.memory);
    Usage { seconds, memory: usages[middle].memory }
}

fn report(evaluators: &[Evaluator], tasks: &[Task], rows: &[Vec<Usage>]) -> String {
    let mut text = String::from(
        "# Measured\n\n\
         Written by `cargo bench -p nivis`; `main.rs` says how. CPU seconds, peak memory in MiB,\n\
         and how much of the other's time nivis needs. Every value is the same in all of them.\n\n",
    );
    let mut rule = String::from("|---|");
    text.push_str("| |");
    for (idx, evaluator) in evaluators.iter().enumerate() {
        let ratio = if idx > 0 { " ratio |" } else { "" };
        let _ = write!(text, " {}: s | MiB |{ratio}", evaluator.name);
        rule.push_str(if idx > 0 { "--:|--:|--:|" } else { "--:|--:|" });
    }
    let _ = writeln!(text, "\n{rule}");
    for (task, row) in tasks.iter().zip(rows) {
        let _ = write!(text, "| {} |", task.name);
        for (idx, usage) in row.iter().enumerate() {
            let memory = usage.memory / 1024;
            let _ = write!(text, " {:.2} | {memory} |", usage.seconds);
            if idx > 0 {
                let _ = write!(text, " {:.2} |", row[0].seconds / usage.seconds);
            }
        }
        text.push('\n');
    }
    let _ = write!(text, "| the pure programs, geometric mean |");
    for idx in 0..evaluators.len() {
        text.push_str(" | |");
        if idx > 0 {
            let pure = tasks.iter().zip(rows).filter(|(task, _)| task.is_pure);
            let ratios: Vec<f64> = pure.map(|(_, row)| row[0].seconds / row[idx].seconds).collect();
            let _ = write!(text, " {:.2} |", geometric_mean(&ratios));
        }
    }
    text.push('\n');
    text
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}
