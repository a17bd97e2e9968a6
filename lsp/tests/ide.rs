//! The cases in `tests/ide`: what the server answers to an editor; `tests/ide/README.md` tells how.
//!
//! Each case is a session of its own with a server in this process, on a host in memory. The
//! module library is the embedded one; with `NIVIS_NIXPKGS` in the environment the cases that
//! do not say otherwise run on that tree, too. `NIVIS_CASES` picks files and headings.

#![allow(clippy::print_stderr, reason = "tests say what they could not run")]

#[path = "ide/answer.rs"]
mod answer;
#[path = "ide/draw.rs"]
mod draw;
#[path = "ide/features.rs"]
mod features;
#[path = "ide/host.rs"]
mod host;
#[path = "ide/session.rs"]
mod session;
#[path = "ide/structure.rs"]
mod structure;
#[path = "ide/subjects.rs"]
mod subjects;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tests::literate::{self, Block, Case};

use host::Library;
use session::{Encoding, Session};

/// How many documents run at a time.
const THREADS: usize = 2;

/// Returns the files of a block's case that lie on the disk before the first question.
fn first_files(case: &Case) -> Vec<(String, String)> {
    let blocks = case.blocks.iter().take_while(|block| !answer::is_answer(block));
    blocks.filter_map(|block| Some((file_name(block)?, block.text.clone()))).collect()
}

/// Returns the absolute path of the file that a block holds, if it holds one.
fn file_name(block: &Block) -> Option<String> {
    let name = match (&block.file, block.language.as_str()) {
        (Some(name), _) => name.as_str(),
        (None, "nix") => "main.nix",
        (None, _) => return None,
    };
    Some(if name.starts_with('/') { name.to_owned() } else { format!("/w/{name}") })
}

/// Runs a case and returns the answers by the line of their block.
fn answers(case: &Case, library: &Library, encoding: Encoding) -> BTreeMap<usize, String> {
    let settings = case.block("settings").map(|it| it.text.as_str());
    let mut session = Session::start(library, &first_files(case), settings, encoding);
    let mut answers = BTreeMap::new();
    let mut has_begun = false;
    for block in &case.blocks {
        if answer::is_answer(block) {
            has_begun = true;
            if answer::is_about(block, library) {
                answers.insert(block.line, answer::answer(&mut session, block));
            }
        } else if let Some(path) = file_name(block).filter(|_| has_begun) {
            match block.arguments.as_str() {
                "saved" => session.save(&path, &block.text),
                _ => session.write(&path, &block.text),
            }
        }
    }
    session.finish();
    answers
}

fn run_case(case: &Case, library: &Library) -> BTreeMap<usize, String> {
    let found = answers(case, library, Encoding::Utf16);
    if case.blocks.iter().all(|block| block.text.is_ascii()) {
        return found;
    }
    let again = answers(case, library, Encoding::Utf8);
    assert_eq!(found, again, "{}: the encodings must not differ", case.heading);
    found
}

fn run_document(path: &Path, library: &Library, wanted: Option<&str>) {
    let mut current: Option<(usize, BTreeMap<usize, String>)> = None;
    let is_whole = wanted.is_none_or(|it| path.to_string_lossy().contains(it));
    literate::run_blocks(path, |case, block| {
        if !answer::is_answer(block) || !answer::is_about(block, library) {
            return None;
        }
        if !is_whole && wanted.is_some_and(|it| !case.heading.contains(it)) {
            return Some(block.text.clone());
        }
        if current.as_ref().is_none_or(|(line, _)| *line != case.line) {
            current = Some((case.line, run_case(case, library)));
        }
        current.as_mut()?.1.remove(&block.line)
    });
}

/// Returns the documents that hold cases.
fn documents() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ide");
    let entries = std::fs::read_dir(directory).expect("the directory of the cases");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let is_document = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        path.extension().is_some_and(|it| it == "md")
            && !["README.md", "FEATURES.md"].contains(&name)
    };
    paths.retain(is_document);
    paths.sort();
    paths
}

fn run(library: &Library) {
    let wanted = std::env::var("NIVIS_CASES").ok();
    let queue = Mutex::new(documents());
    let wrong = Mutex::new(Vec::new());
    let next = || queue.lock().ok().and_then(|mut queue| queue.pop());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(path) = next() {
                    let work = AssertUnwindSafe(|| run_document(&path, library, wanted.as_deref()));
                    if let Err(panic) = catch_unwind(work) {
                        let text = panic.downcast_ref::<String>().cloned();
                        wrong.lock().expect("no panic while it is held").push(text);
                    }
                }
            });
        }
    });
    let wrong: Vec<String> =
        wrong.into_inner().expect("all threads have ended").into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_cases_hold_on_the_embedded_library() {
    run(&Library::Embedded);
}

#[test]
fn the_cases_hold_on_nixpkgs() {
    match std::env::var_os("NIVIS_NIXPKGS") {
        Some(tree) => run(&Library::Nixpkgs(tree.into())),
        None => eprintln!("not run: the editor's cases on nixpkgs: NIVIS_NIXPKGS names no tree"),
    }
}
