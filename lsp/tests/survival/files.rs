//! Every offset of real files: no panic, and no answer slower than a second.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eval::db::{self, Database, File};
use eval::source::{HOST, SourcePath};
use lsp::ide::{Knowledge, completion, goto_definition, hover};
use syntax::TextSize;

use super::{Random, size};

/// The longest time that an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// The largest file that is taken. Unit: bytes.
const FILE_BYTES_MAX: usize = 100_000;

/// Returns real files, spread over the tree.
fn real_files(tree: &Path, count: usize) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![tree.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => directories.push(path),
                _ if path.extension().is_some_and(|it| it == "nix") => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    let step = (files.len() / count).max(1);
    files.into_iter().step_by(step).take(count).collect()
}

/// Runs a question and returns its answer; it has to be quick.
fn timed<T>(what: &str, path: &Path, offset: usize, question: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let answer = question();
    let took = began.elapsed();
    assert!(took < ANSWER_MAX, "{what} at {offset} of {} took {took:?}", path.display());
    answer
}

fn ask_everywhere(path: &Path, text: &[u8], step: usize) {
    let knowledge = Knowledge::default();
    let db = Database::default();
    let place = SourcePath::new(HOST, path.to_string_lossy().as_bytes());
    let file = File::new(&db, place, text.into());
    timed("diagnostics", path, 0, || db::diagnostics(&db, file).len());
    for offset in (0..=text.len()).step_by(step) {
        let at = TextSize::from(offset as u32);
        timed("completion", path, offset, || completion::completion(&db, knowledge, file, at));
        timed("hover", path, offset, || hover::hover(&db, knowledge, file, at));
        timed("definition", path, offset, || {
            goto_definition::goto_definition(&db, knowledge, file, at)
        });
    }
}

#[test]
fn every_offset_of_real_files_is_answered_quickly() {
    let Some(tree) = std::env::var_os("NIVIS_NIXPKGS").map(PathBuf::from) else {
        eprintln!("not run: every offset of real files (set NIVIS_NIXPKGS)");
        return;
    };
    let mut random = Random(0xd129_0d3a_4b2a_f0f7);
    let (count, step) = (size(10, 300), size(13, 1));
    let files = real_files(&tree, count);
    assert!(!files.is_empty(), "there are files in {}", tree.display());
    for path in files {
        let text = std::fs::read(&path).expect("the file can be read");
        if text.len() > FILE_BYTES_MAX {
            continue;
        }
        ask_everywhere(&path, &text, step);
        ask_everywhere(&path, &text[..random.below(text.len() + 1)], step);
    }
}
