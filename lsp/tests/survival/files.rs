//! Every offset of real files: no panic, and no answer slower than a second.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eval::db::{self, Database, File};
use eval::interpret::on_large_stack;
use eval::option_tree::{Configuration, OptionTree, of_system};
use eval::settings::Settings;
use eval::source::{HOST, SourcePath};
use lsp::ide::file_index::FileIndex;
use lsp::ide::{Knowledge, completion, goto_definition, hover, role};
use store::{MemoryStore, StoreDirectory};
use syntax::TextSize;

use super::disk::Disk;
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

/// What is the same for all files of a tree.
struct World {
    settings: Settings,
    options: OptionTree,
    index: FileIndex,
}

impl World {
    fn new(tree: &Path) -> World {
        let place = tree.as_os_str().as_bytes().to_vec();
        let search_path = vec![(b"nixpkgs".to_vec(), place)];
        let settings = Settings { search_path, ..Settings::default() };
        let store = MemoryStore::new(StoreDirectory::default());
        let evaluate = || of_system(&Disk, &store, &settings, &Configuration::Library);
        let options = on_large_stack(evaluate).expect("the options evaluate");
        World { settings, options, index: FileIndex::default() }
    }

    fn ask_everywhere(&self, path: &Path, text: &[u8], step: usize) {
        let place = path.as_os_str().as_bytes();
        let folders =
            [path.parent().map(|it| it.as_os_str().as_bytes().to_vec()).unwrap_or_default()];
        let roles = role::roles(&Disk, &self.settings, &folders, &self.index, place, text);
        let knowledge = Knowledge {
            options: roles.first().map(|_| &self.options),
            role: roles.first(),
            system: Some(&Disk),
            folders: &folders,
            index: Some(&self.index),
            ..Knowledge::default()
        };
        let db = Database::default();
        let file = File::new(&db, SourcePath::new(HOST, place), text.into());
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
    let world = World::new(&tree);
    for path in files {
        let text = std::fs::read(&path).expect("the file can be read");
        if text.len() > FILE_BYTES_MAX {
            continue;
        }
        world.ask_everywhere(&path, &text, step);
        world.ask_everywhere(&path, &text[..random.below(text.len() + 1)], step);
    }
}
