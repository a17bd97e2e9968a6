//! How fast files parse, in MB per second of one core: `cargo run --release -p syntax --example
//! parse_speed FILE...`, or the names of the files on standard input.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measuring tool")]

use std::io::BufRead as _;
use std::time::Instant;

use syntax::{Options, parse, parse_flat};

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
