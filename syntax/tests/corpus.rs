//! Laws of the parser on real files: the folders that `NIVIS_CORPUS` names, separated by colons.
#![expect(clippy::disallowed_methods, clippy::print_stderr, reason = "the corpus lies outside")]

use std::path::{Path, PathBuf};

use syntax::{
    Edit, FlatElement, FlatNode, Options, SyntaxElement, SyntaxNode, TextRange, parse, parse_flat,
};

/// Returns the files of the corpus; says so if there is none.
fn corpus() -> Vec<PathBuf> {
    let Some(folders) = std::env::var_os("NIVIS_CORPUS") else {
        eprintln!("not run: NIVIS_CORPUS names no folders");
        return Vec::new();
    };
    let mut files = Vec::new();
    for folder in std::env::split_paths(&folders) {
        collect(&folder, &mut files);
    }
    assert!(!files.is_empty(), "the folders in NIVIS_CORPUS hold no .nix files");
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder of the corpus can be read");
    for entry in entries.flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("the corpus can be read");
        if kind.is_dir() {
            collect(&path, files);
        } else if kind.is_file() && path.extension().is_some_and(|it| it == "nix") {
            files.push(path);
        }
    }
}

/// Both trees, as kinds and ranges in preorder, without trivia.
fn flat_shape(node: FlatNode<'_>, shape: &mut Vec<String>) {
    shape.push(format!("{:?} {:?}", node.kind(), trimmed(node)));
    for element in node.elements() {
        match element {
            FlatElement::Node(child) => flat_shape(child, shape),
            FlatElement::Token(token) => {
                shape.push(format!("{:?} {:?}", token.kind(), token.range()));
            }
        }
    }
}

/// The root spans the trivia around it, too; an empty node has no place that both trees know.
fn trimmed(node: FlatNode<'_>) -> Option<TextRange> {
    (node.kind() != syntax::SyntaxKind::SourceFile && !node.range().is_empty())
        .then(|| node.range())
}

fn lossless_shape(node: &SyntaxNode, shape: &mut Vec<String>) {
    let is_root = node.parent().is_none();
    let range = (!is_root && !node.text_range().is_empty()).then(|| node.text_range());
    shape.push(format!("{:?} {range:?}", node.kind()));
    for element in node.children_with_tokens() {
        match element {
            SyntaxElement::Node(child) => lossless_shape(&child, shape),
            SyntaxElement::Token(token) if token.kind().is_trivia() => {}
            SyntaxElement::Token(token) => {
                shape.push(format!("{:?} {:?}", token.kind(), token.text_range()));
            }
        }
    }
}

#[test]
fn every_file_round_trips_and_both_trees_agree() {
    for path in corpus() {
        let source = std::fs::read(&path).expect("a file of the corpus can be read");
        let found = parse(&source, Options::DEFAULT);
        let text = found.syntax().text().to_string();
        assert_eq!(text, String::from_utf8_lossy(&source), "{}", path.display());
        let (flat, errors) = parse_flat(text.as_bytes(), Options::DEFAULT);
        assert_eq!(found.errors(), errors, "{}", path.display());
        let (mut in_flat, mut in_lossless) = (Vec::new(), Vec::new());
        flat_shape(flat.root(), &mut in_flat);
        lossless_shape(&found.syntax(), &mut in_lossless);
        assert_eq!(in_flat, in_lossless, "{}", path.display());
        // No node but the root begins or ends with trivia.
        for node in found.syntax().descendants().skip(1) {
            let ends = [node.first_token(), node.last_token()];
            let is_trivia = |token: &syntax::SyntaxToken| token.kind().is_trivia();
            assert!(!ends.iter().flatten().any(is_trivia), "{}: {node:?}", path.display());
        }
    }
}

/// A small generator, so that every run makes the same edits.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

const INSERTED: [&str; 16] =
    ["", "", "x", " ", "\n", "{", "}", "\"", "''", "${", "# c\n", "a = 1;", "/*", ".", ";", "(b)"];

#[test]
fn an_edited_file_is_what_a_new_parse_makes_of_it() {
    let mut dice = Dice(1);
    for path in corpus() {
        let source = std::fs::read(&path).expect("a file of the corpus can be read");
        let Ok(text) = String::from_utf8(source) else { continue };
        // The law is about places, not sizes, and every edit is parsed as a whole, too.
        if text.len() > 100_000 {
            continue;
        }
        let before = parse(text.as_bytes(), Options::DEFAULT);
        for _ in 0..2 {
            let mut ends = [dice.below(text.len() + 1); 2];
            ends[1] = (ends[0] + dice.below(4)).min(text.len());
            let [start, end] = ends.map(|end| text.floor_char_boundary(end) as u32);
            let inserted = INSERTED[dice.below(INSERTED.len())];
            let edit =
                Edit { range: TextRange::new(start.into(), end.into()), text: inserted.to_owned() };
            let after = parse(edit.apply(&text).as_bytes(), Options::DEFAULT);
            assert!(before.reparse(&edit) == after, "{}: {edit:?}", path.display());
        }
    }
}
