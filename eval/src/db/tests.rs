//! Edited = from scratch, and what an edit does not touch is not asked again.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::{Database, File, diagnostics, line_index, scopes, set_text};
use crate::source::{HOST, SourcePath};

/// Pieces that edits are made of: they open, close and break things.
const PIECES: [&str; 12] = [
    "let x = 1; in ",
    "{ a, b ? 2, ... }: ",
    "with x; ",
    "rec { y = z; z = 1; }",
    "\"${",
    "}\"",
    "''\n  text\n''",
    " + ",
    "(",
    "]",
    "# comment\n",
    "inherit (x) y;",
];

/// One edit: which file, where (as a share of its text), how much goes away, what comes.
#[derive(Clone, Debug)]
struct Edit {
    file: usize,
    at: f64,
    removed: usize,
    piece: usize,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = (0..2_usize, 0.0..1.0, 0..8_usize, 0..PIECES.len())
        .prop_map(|(file, at, removed, piece)| Edit { file, at, removed, piece });
    prop::collection::vec(edit, 1..24)
}

fn apply(text: &mut Vec<u8>, edit: &Edit) {
    let start = (text.len() as f64 * edit.at) as usize;
    let end = (start + edit.removed).min(text.len());
    text.splice(start..end, PIECES[edit.piece].bytes());
}

fn file(db: &Database, name: &str, text: &[u8]) -> File {
    File::new(db, SourcePath::new(HOST, name.as_bytes()), text.into())
}

proptest! {
    /// What every query answers after edits is what a new database answers.
    #[test]
    fn edited_is_from_scratch(edits in edits(), asked in prop::collection::vec(any::<bool>(), 24)) {
        let mut texts = [b"{ a = 1; }".to_vec(), b"x: x".to_vec()];
        let mut db = Database::default();
        let files = [file(&db, "/a.nix", &texts[0]), file(&db, "/b.nix", &texts[1])];
        for (edit, asked) in edits.iter().zip(asked) {
            apply(&mut texts[edit.file], edit);
            set_text(&mut db, files[edit.file], texts[edit.file].as_slice().into());
            if asked {
                // Answers in between must not linger.
                diagnostics(&db, files[edit.file]);
            }
        }
        let fresh = Database::default();
        for (&edited, text) in files.iter().zip(&texts) {
            let new = file(&fresh, "/new.nix", text);
            prop_assert_eq!(line_index(&db, edited), line_index(&fresh, new));
            prop_assert_eq!(scopes(&db, edited), scopes(&fresh, new));
            prop_assert_eq!(diagnostics(&db, edited), diagnostics(&fresh, new));
        }
    }
}

#[test]
fn an_edit_of_one_file_asks_nothing_of_another() {
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&log);
    let mut db = Database::with_log(move |query| sink.lock().unwrap().push(query));
    let files = [file(&db, "/a.nix", b"{ a = 1; }"), file(&db, "/b.nix", b"x: y")];
    let ask = |db: &Database| {
        for file in files {
            diagnostics(db, file);
        }
        std::mem::take(&mut *log.lock().unwrap())
    };
    assert_eq!(ask(&db).len(), 6, "each file's tree, scopes and diagnostics");
    assert!(ask(&db).is_empty());
    set_text(&mut db, files[1], Arc::from(&b"x: x"[..]));
    let again = ask(&db);
    assert_eq!(again.len(), 3, "only those of the edited file: {again:?}");
}
