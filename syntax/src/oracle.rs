//! The reference implementation's words for what is wrong: where it stops, and what it says.
//!
//! Tools and tests match on these words, so the `nix-*` names print them. Grammar errors name the
//! tokens that an LALR(1) parser of the reference's grammar would have taken; they follow from its
//! tables, which [`table`] builds when the first broken file asks. Of all errors the one counts
//! that the reference notices first, since it stops there.

mod grammar;
mod table;

use std::sync::OnceLock;

use crate::error::{self, ErrorKind, SyntaxError};
use crate::flat::Token;
use crate::kind::SyntaxKind as K;
use crate::lexer::{self, LexErrorKind, Lexed};
use grammar::Terminal as T;
use table::{Action, Table};

/// What the reference implementation says about a broken text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OracleError {
    /// The message; incomplete if there is a `previous`.
    pub message: String,
    /// The offset whose place (`FILE:LINE:COLUMN`) completes the message.
    pub previous: Option<u32>,
    /// The offset it points at.
    pub offset: u32,
}

/// Returns what the reference implementation says about `source`, in which `errors` were found.
///
/// `None` if it finds nothing wrong, or `errors` are only those that it does not know.
pub fn oracle_error(source: &[u8], errors: &[SyntaxError]) -> Option<OracleError> {
    let worded = errors.iter().filter_map(|error| Some((noticed_at(source, error)?, error)));
    let first = worded.min_by_key(|(noticed_at, _)| *noticed_at);
    let grammar = if u32::try_from(source.len()).is_ok() { grammar_error(source) } else { None };
    match (first, grammar) {
        (Some((noticed_at, error)), grammar)
            if grammar.as_ref().is_none_or(|failure| noticed_at <= failure.noticed_at) =>
        {
            error.oracle.as_ref().map(|wording| OracleError {
                message: wording.message.clone(),
                previous: wording.previous,
                offset: wording.offset,
            })
        }
        (_, Some(Failure { message, offset, .. })) => {
            Some(OracleError { message, previous: None, offset })
        }
        (_, None) => None,
    }
}

/// Returns how far the reference has read when it notices `error`, if it has own words for it.
fn noticed_at(source: &[u8], error: &SyntaxError) -> Option<u32> {
    let noticed_at = error.oracle.as_ref()?.noticed_at;
    // A binding that lacks its semicolon is not read to its end.
    let is_whole = error.kind != ErrorKind::DuplicateAttr
        || noticed_at.checked_sub(1).and_then(|last| source.get(last as usize)) == Some(&b';');
    Some(if is_whole { noticed_at } else { error::NEVER })
}

/// Where the grammar ceases to accept.
struct Failure {
    message: String,
    offset: u32,
    noticed_at: u32,
}

fn grammar_error(source: &[u8]) -> Option<Failure> {
    static TABLE: OnceLock<Table> = OnceLock::new();
    let table = TABLE.get_or_init(|| Table::new(&grammar::RULES, &grammar::LEVELS));
    let input = terminals(source);
    let mut states = vec![0];
    let mut next = 0;
    loop {
        let state = states.last().copied()?;
        let read = input.get(next).or(input.last())?;
        match table.action(state, read.terminal) {
            Action::Shift(target) => {
                states.push(target);
                next += 1;
            }
            Action::Accept => return None,
            Action::Reduce(rule) => table.reduce(&mut states, rule),
            Action::Error => return Some(failure(read, &table.expected(state))),
        }
    }
}

/// More than these are not listed.
const EXPECTED_MAX: usize = 4;

fn failure(read: &Input, expected: &[T]) -> Failure {
    let mut message = format!("syntax error, unexpected {}", read.terminal.name());
    if expected.len() <= EXPECTED_MAX {
        for (index, terminal) in expected.iter().enumerate() {
            message.push_str(if index == 0 { ", expecting " } else { " or " });
            message.push_str(&terminal.name());
        }
    }
    Failure { message, offset: read.offset, noticed_at: read.noticed_at }
}

/// A token as the reference implementation reads it.
struct Input {
    terminal: T,
    /// Where an error at it is shown.
    offset: u32,
    noticed_at: u32,
}

/// What a `}` closes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brace {
    Path,
    Other,
}

/// Returns the reference's tokens; the last is the end of the file.
fn terminals(source: &[u8]) -> Vec<Input> {
    let Lexed { mut tokens, errors, .. } = lexer::lex(source);
    let unclosed = errors.iter().find(|error| error.kind == LexErrorKind::UnclosedComment);
    if let Some(comment) = unclosed {
        // To the reference this is a division and a multiplication.
        let at = comment.start;
        tokens.push(Token::new(at, at + 1, K::Slash));
        tokens.push(Token::new(at + 1, at + 2, K::Star));
    }
    let mut input = Vec::with_capacity(tokens.len() + 1);
    let mut braces = Vec::new();
    let end = source.len() as u32;
    let mut shown_end = end;
    for (index, token) in tokens.iter().enumerate() {
        let text = source.get(token.start as usize..token.end() as usize).unwrap_or_default();
        let offset = token.start;
        if text == b"\0" {
            // A NUL byte outside strings is read as the end.
            input.push(Input { terminal: T::EndOfFile, offset: token.end(), noticed_at: offset });
            return input;
        }
        input.push(Input { terminal: terminal(token.kind, text), offset, noticed_at: offset });
        let mut in_path = matches!(token.kind, K::PathStart | K::PathContent);
        match token.kind {
            K::InterpolationStart => {
                let before = index.checked_sub(1).and_then(|index| tokens.get(index));
                let is_path = before.is_some_and(|before| {
                    before.end() == token.start
                        && matches!(before.kind, K::PathStart | K::PathContent)
                });
                // `}${` goes on with what the `}` has gone back to.
                let goes_on = input
                    .len()
                    .checked_sub(2)
                    .and_then(|index| input.get(index))
                    .is_some_and(|before| before.terminal == T::PathGoesOn);
                braces.push(if is_path || goes_on { Brace::Path } else { Brace::Other });
            }
            K::DollarBrace | K::BraceOpen => braces.push(Brace::Other),
            K::BraceClose => in_path = braces.pop() == Some(Brace::Path),
            _ => {}
        }
        if in_path {
            let goes_on = tokens.get(index + 1).is_some_and(|after| {
                after.start == token.end()
                    && matches!(after.kind, K::PathContent | K::InterpolationStart)
            });
            if !goes_on && token.end() == end {
                // Where the text ends, the reference loses the place of the last token.
                let before = index.checked_sub(1).and_then(|index| tokens.get(index));
                let offset = before.map_or(0, |before| before.start);
                input.push(Input { terminal: T::PathEnd, offset, noticed_at: end });
                shown_end = token.start;
                continue;
            }
            let terminal = if goes_on { T::PathGoesOn } else { T::PathEnd };
            input.push(Input { terminal, offset, noticed_at: token.end() });
        }
    }
    input.push(Input { terminal: T::EndOfFile, offset: shown_end, noticed_at: end });
    input.retain(|read| read.terminal != T::PathGoesOn);
    input
}

fn terminal(kind: K, text: &[u8]) -> T {
    match kind {
        K::Identifier => T::Identifier,
        K::StringContent | K::PathContent => T::String,
        K::IndentedContent | K::IndentedEscape => T::IndentedString,
        K::Integer => T::Integer,
        K::Float => T::Float,
        K::PathStart if text.starts_with(b"~") => T::HomePath,
        K::PathStart => T::Path,
        K::LookupPath => T::LookupPath,
        K::Uri => T::Uri,
        K::StringStart | K::StringEnd => T::Quote,
        K::IndentedStart => T::IndentedOpen,
        K::IndentedEnd => T::IndentedClose,
        K::InterpolationStart | K::DollarBrace => T::DollarBrace,
        K::EndOfFile => T::EndOfFile,
        kind => kind.fixed_text().and_then(T::of_text).unwrap_or(T::Invalid),
    }
}

#[cfg(test)]
mod tests;
