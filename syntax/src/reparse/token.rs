//! Edits inside one token of which the parser does not read the text: trivia and string contents.

use rowan::{Direction, GreenToken};

use super::{Edit, Part, neighbor};
use crate::kind::SyntaxKind as K;
use crate::lexer;
use crate::parse::Parse;
use crate::tree::{self, SyntaxNode, SyntaxToken};

pub(super) fn reparse(parse: &Parse, root: &SyntaxNode, edit: &Edit) -> Option<Parse> {
    // An insertion between two tokens may belong to either.
    let tokens = root.token_at_offset(edit.range.start());
    tokens.filter(|token| token.text_range().contains_range(edit.range)).find_map(|token| {
        let text = edit.inside(token.text_range().start()).apply(token.text());
        if stays(&token, edit, &text) { replace(parse, &token, &text) } else { None }
    })
}

fn replace(parse: &Parse, token: &SyntaxToken, text: &str) -> Option<Parse> {
    let range = token.text_range();
    let start = u32::from(range.start());
    let part = Part { start, end: range.end().into(), new_end: start + text.len() as u32 };
    let green = token.replace_with(GreenToken::new(tree::raw(token.kind()), text));
    parse.with_errors(green, &part, |_| false, Vec::new())
}

/// Whether `token` with the new text is still one token of its kind, and its neighbors are theirs.
fn stays(token: &SyntaxToken, edit: &Edit, text: &str) -> bool {
    let start = edit.range.start() - token.text_range().start();
    match token.kind() {
        K::Whitespace => white_space_stays(token, text),
        K::LineComment => u32::from(start) > 0 && !text.contains(['\n', '\r']),
        K::BlockComment => {
            let is_closed = |text: &str| {
                text.get(2..)
                    .and_then(|body| body.find("*/"))
                    .is_some_and(|at| at + 4 == text.len())
            };
            u32::from(start) >= 2 && is_closed(token.text()) && is_closed(text)
        }
        K::StringContent => {
            let next = following(token);
            let whole = [text, &next].concat();
            !text.is_empty()
                && !has_nul(token, text)
                && lexer::string_content_end(whole.as_bytes(), 0) == text.len()
        }
        K::IndentedContent => indented_content_stays(token, text),
        _ => false,
    }
}

fn white_space_stays(token: &SyntaxToken, text: &str) -> bool {
    let is_blank = text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    let before = neighbor(token, Direction::Prev);
    // A comment goes on to the end of its line.
    let ends_comment = before.is_some_and(|token| token.kind() == K::LineComment);
    is_blank && !text.is_empty() && (!ends_comment || text.starts_with(['\n', '\r']))
}

fn indented_content_stays(token: &SyntaxToken, text: &str) -> bool {
    // `''  ` before a line feed would be part of the opening token; an escape before this token
    // may have been read as one because of what follows it.
    let is_alone = match neighbor(token, Direction::Prev) {
        Some(before) if before.kind() == K::IndentedStart => {
            before.text().ends_with('\n') || !text.trim_start_matches(' ').starts_with('\n')
        }
        Some(before) => before.kind() == K::BraceClose,
        None => false,
    };
    // Whether a name is computed may depend on which parts of it are empty.
    let string = token.parent();
    let is_name = string
        .and_then(|it| it.parent())
        .is_none_or(|it| matches!(it.kind(), K::Dynamic | K::Paren | K::Interpolation));
    let next = following(token);
    let whole = [text, &next].concat();
    is_alone
        && !is_name
        && !text.is_empty()
        && !has_nul(token, text)
        && lexer::indented_content_end(whole.as_bytes(), 0) == text.len()
}

/// A NUL byte is an error that shows the text.
fn has_nul(token: &SyntaxToken, text: &str) -> bool {
    token.text().contains('\0') || text.contains('\0')
}

/// Returns the text that follows a token, as far as it can decide where the token ends.
fn following(token: &SyntaxToken) -> String {
    let mut text = String::new();
    let mut next = neighbor(token, Direction::Next);
    while let Some(token) = next {
        text.push_str(token.text());
        if text.len() >= 4 {
            break;
        }
        next = neighbor(&token, Direction::Next);
    }
    text
}
