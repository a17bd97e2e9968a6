//! The cases of `tests/language` and `tests/builtins`, run.

use std::path::Path;

use store::{MemoryStore, StoreDirectory};
use tests::literate;

use crate::error::Result;
use crate::heap::Heap;
use crate::interpret::{Eval, on_large_stack};
use crate::print::{force_deep, print_value};
use crate::settings::Settings;
use crate::source::{HOST, Origin, SourcePath};
use crate::system::MemorySystem;

/// Evaluates and prints an expression in an evaluation of its own, on a host with one file.
fn evaluate(expression: &str, features: &str) -> std::result::Result<String, String> {
    let mut system = MemorySystem::default();
    system.files.insert(b"/file".to_vec(), Vec::new());
    let store = MemoryStore::new(StoreDirectory::default());
    let features = features.split(' ').filter(|feature| !feature.is_empty());
    let settings = Settings {
        experimental_features: features.map(str::to_owned).collect(),
        ..Settings::default()
    };
    let heap = Heap::new();
    let mut eval = Eval::new(&heap, &system, &store, &settings);
    let mut print = || -> Result<Vec<u8>> {
        let origin = Origin::String(SourcePath::new(HOST, b"/"));
        let value = eval.evaluate(origin, expression.as_bytes())?;
        force_deep(&mut eval, value)?;
        print_value(&mut eval, value)
    };
    print()
        .map(|printed| String::from_utf8_lossy(&printed).into_owned())
        .map_err(|error| error.message)
}

fn run(directory: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(directory);
    on_large_stack(|| {
        literate::run_lines(&directory, evaluate);
    });
}

#[test]
fn the_language_is_as_its_cases_say() {
    run("language");
}

#[test]
fn the_builtins_are_as_their_cases_say() {
    run("builtins");
}
