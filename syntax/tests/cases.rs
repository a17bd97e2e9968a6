//! The cases in `tests/syntax`: trees, errors, and the reference implementation's words.

use std::fmt::Write as _;
use std::path::Path;

use syntax::{LineIndex, Options, Parse, SyntaxElement, SyntaxNode, TextSize, oracle_error, parse};
use tests::literate::{self, Block, Case};

/// Writes a node and all below it, one line each; white space is left out.
fn dump(node: &SyntaxNode, depth: usize, out: &mut String) {
    let _ = writeln!(out, "{:1$}{2:?}", "", depth * 2, node.kind());
    for element in node.children_with_tokens() {
        match element {
            SyntaxElement::Node(child) => dump(&child, depth + 1, out),
            SyntaxElement::Token(token) => {
                let (kind, text) = (token.kind(), token.text());
                let indent = depth * 2 + 2;
                let _ = match kind {
                    syntax::SyntaxKind::Whitespace => Ok(()),
                    _ if kind.fixed_text().is_some() => writeln!(out, "{:indent$}{text}", ""),
                    _ => writeln!(out, "{:indent$}{kind:?} {text:?}", ""),
                };
            }
        }
    }
}

/// Returns `LINE:COLUMN`, both from 1.
fn place(lines: &LineIndex, offset: TextSize) -> String {
    let line = lines.line(offset);
    let column = u32::from(offset - lines.line_range(line).start());
    format!("{}:{}", line + 1, column + 1)
}

fn errors(parse: &Parse, lines: &LineIndex) -> String {
    let mut out = String::new();
    for error in parse.errors() {
        let (start, end) = (place(lines, error.range.start()), place(lines, error.range.end()));
        let _ = writeln!(out, "{start}-{end} {}", error.message);
        if let Some(related) = error.related {
            let _ = writeln!(out, "  see {}", place(lines, related.start()));
        }
        if let Some(hint) = &error.hint {
            let _ = writeln!(out, "  hint: {hint}");
        }
    }
    out
}

fn oracle(text: &str, parse: &Parse, lines: &LineIndex) -> String {
    match oracle_error(text.as_bytes(), parse.errors()) {
        Some(error) => format!("{} {}", place(lines, error.offset.into()), error.message),
        None => "accepted".to_owned(),
    }
}

fn answer(case: &Case, block: &Block) -> Option<String> {
    let text = case.block("nix")?.text.strip_suffix('\n')?;
    let parse = parse(text.as_bytes(), Options::DEFAULT);
    let lines = LineIndex::new(text.as_bytes());
    match block.language.as_str() {
        "tree" => {
            let mut out = String::new();
            dump(&parse.syntax(), 0, &mut out);
            Some(out)
        }
        "error" => Some(errors(&parse, &lines)),
        "oracle" => Some(oracle(text, &parse, &lines)),
        _ => None,
    }
}

#[test]
fn the_cases_hold() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/syntax");
    literate::run_blocks(&directory, answer);
}
