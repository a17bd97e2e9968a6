//! Text that is written from the code, committed, and never stale.

use crate::sources::{self, Source};

const START: &str = "<!-- code map -->\n";
const END: &str = "<!-- end of the code map -->";

/// Returns the code map: each crate's modules with the first sentence of each.
///
/// A module's own modules are named after its sentence.
fn code_map(files: &[Source]) -> String {
    let mut map = String::from("\n```text\n");
    for top in ["syntax", "eval", "store", "lsp", "cli", "tests"] {
        let root = format!("{top}/src/");
        let modules = files.iter().filter(|file| {
            let below = file.path.strip_prefix(&root).and_then(|name| name.strip_suffix(".rs"));
            below.is_some_and(|name| !name.contains('/') && name != "tests")
        });
        for module in modules {
            let sentence = module.text.lines().next().unwrap_or_default();
            let sentence = sentence.trim_start_matches("//! ");
            let parts = parts(files, module.path.trim_end_matches(".rs"));
            let line = format!("{:<28} {sentence}{parts}", module.path);
            map.push_str(line.trim_end());
            map.push('\n');
        }
        map.push('\n');
    }
    map.truncate(map.trim_end().len());
    map.push_str("\n```\n\n");
    map
}

/// Names the modules inside the module at `path`, in brackets.
fn parts(files: &[Source], path: &str) -> String {
    let inside = files.iter().filter_map(|file| {
        let name = file.path.strip_prefix(path)?.strip_prefix('/')?.strip_suffix(".rs")?;
        (!name.contains('/') && name != "tests").then_some(name)
    });
    let names: Vec<&str> = inside.collect();
    if names.is_empty() { String::new() } else { format!(" [{}]", names.join(" ")) }
}

/// Replaces what stands between the two marks.
fn replaced(text: &str, map: &str) -> String {
    let (before, rest) = text.split_once(START).expect("ARCHITECTURE.md has the first mark");
    let (_, after) = rest.split_once(END).expect("ARCHITECTURE.md has the second mark");
    format!("{before}{START}{map}{END}{after}")
}

#[test]
fn the_code_map_is_fresh() {
    let path = sources::top().join("ARCHITECTURE.md");
    let text = std::fs::read_to_string(&path).expect("ARCHITECTURE.md is there");
    let fresh = replaced(&text, &code_map(&sources::all()));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, fresh).expect("ARCHITECTURE.md can be written");
    } else {
        assert!(text == fresh, "the code map is stale: run this test with UPDATE_EXPECT=1");
    }
}

#[test]
fn a_missing_module_makes_the_map_stale() {
    let source = |path: &str, first: &str| Source { path: path.to_owned(), text: first.to_owned() };
    let one = vec![source("eval/src/lib.rs", "//! Whole.\n")];
    let two = vec![
        source("eval/src/heap.rs", "//! Values.\n"),
        source("eval/src/heap/arena.rs", "//! Bumps.\n"),
        source("eval/src/lib.rs", "//! Whole.\n"),
    ];
    assert_ne!(code_map(&one), code_map(&two));
    assert!(code_map(&two).contains("Values. [arena]"));
}
