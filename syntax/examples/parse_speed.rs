//! How fast files parse, in MB per second of one core, and how long an edit takes.
//!
//! `cargo run --release -p syntax --example parse_speed FILE...`, or the names of the files on
//! standard input.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measuring tool")]

use std::io::BufRead as _;
use std::time::Instant;

use syntax::{Edit, Options, TextRange, TextSize, parse, parse_flat};

/// How often everything is parsed; the best time counts.
const ROUNDS: usize = 5;

fn main() {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names.extend(std::io::stdin().lock().lines().map_while(Result::ok));
    }
    let files: Vec<Vec<u8>> = names.iter().filter_map(|name| std::fs::read(name).ok()).collect();
    let bytes: usize = files.iter().map(Vec::len).sum();
    println!("{} files, {:.1} MB", files.len(), bytes as f64 / 1e6);
    measure("parse_flat", bytes, || {
        for file in &files {
            std::hint::black_box(parse_flat(file, Options::DEFAULT));
        }
    });
    measure("parse", bytes, || {
        for file in &files {
            std::hint::black_box(parse(file, Options::DEFAULT));
        }
    });
    if let Some(largest) = files.iter().max_by_key(|file| file.len()) {
        measure_edits(largest);
    }
}

/// Types a letter at many places of a file and takes it back.
fn measure_edits(file: &[u8]) {
    const EDITS: u32 = 200;
    let mut parsed = parse(file, Options::DEFAULT);
    let len = u32::from(parsed.syntax().text().len());
    let text = parsed.syntax().text().to_string();
    let mut times: Vec<u128> = Vec::new();
    for step in 0..EDITS {
        let at = text.floor_char_boundary((len / EDITS * step) as usize) as u32;
        let at = TextSize::from(at);
        let typed = Edit { range: TextRange::empty(at), text: "x".to_owned() };
        let undone = Edit { range: TextRange::at(at, 1.into()), text: String::new() };
        for edit in [typed, undone] {
            let start = Instant::now();
            parsed = parsed.reparse(&edit);
            times.push(start.elapsed().as_micros());
        }
    }
    times.sort_unstable();
    let at = |part: usize| times.get((times.len() - 1) * part / 100).copied().unwrap_or_default();
    println!(
        "reparse of {} kB: median {} µs, 90 % {} µs, most {} µs",
        file.len() / 1000,
        at(50),
        at(90),
        at(100)
    );
}

fn measure(what: &str, bytes: usize, mut work: impl FnMut()) {
    let seconds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    let best = seconds.fold(f64::INFINITY, f64::min);
    println!("{what}: {:.0} MB/s", bytes as f64 / 1e6 / best);
}
