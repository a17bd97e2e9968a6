//! The grammar: one function per production, in the order of `nix.ungram`.
//!
//! A production is called when its first token is there and completes exactly one node. Where an
//! expression is missing, the function that wanted it has reported so and returns `None`. Recovery
//! never leaves the construct it is in: it stops at `;`, `in`, `then`, `else`, at what begins a
//! binding, and at a bracket that closes something further out.

mod binding;
mod expression;
mod lambda;
mod operator;
mod string;

use crate::TextRange;
use crate::error::{ErrorKind, SyntaxError};
use crate::kind::SyntaxKind as K;
use crate::parser::{Parser, TokenSet};

/// Tokens at which recovery always stops.
const STOP: TokenSet = TokenSet::of(&[K::Semicolon, K::In, K::Then, K::Else]);

/// Parses a whole file.
pub(crate) fn source_file(p: &mut Parser<'_>) {
    let marker = p.start();
    expression::expression(p);
    rest(p);
    p.complete(marker, K::SourceFile);
}

/// Parses bindings without braces around them.
pub(crate) fn bindings(p: &mut Parser<'_>) {
    let marker = p.start();
    let set = p.start();
    binding::bindings(p, binding::Scope::Braces);
    p.complete(set, K::AttrSet);
    rest(p);
    p.complete(marker, K::SourceFile);
}

/// Reports and skips whatever comes after the whole.
fn rest(p: &mut Parser<'_>) {
    while !p.at(K::EndOfFile) {
        p.expected("the end of the file");
        let error = p.start();
        if p.at_any(expression::START) {
            expression::expression(p);
        } else {
            p.bump();
        }
        p.complete(error, K::Error);
    }
}

/// Parses a node of this kind that begins here; `false` if another would be parsed here instead.
///
/// Only the kinds that reparsing replaces are known: those with brackets of their own, entries.
pub(crate) fn block(p: &mut Parser<'_>, kind: K) -> bool {
    match kind {
        K::AttrSet if lambda::at_formals(p) => return false,
        K::AttrSet | K::LegacyLet => {
            expression::attr_set(p);
        }
        K::List => {
            expression::list(p);
        }
        K::Paren => {
            expression::paren(p);
        }
        K::Interpolation => string::interpolation(p),
        K::Binding => binding::binding(p),
        K::InheritClause => binding::inherit(p),
        _ => return false,
    }
    true
}

/// Reads the bracket that closes what `open` opened, or recovers inside it.
fn close(p: &mut Parser<'_>, bracket: K, open: TextRange) {
    if p.eat(bracket) {
        return;
    }
    unclosed(p, bracket, open);
    if !at_binding(p) {
        p.skip_until(STOP);
    }
    p.eat(bracket);
}

/// Reports that `bracket` is missing for what stands at `open`.
#[cold]
fn unclosed(p: &mut Parser<'_>, bracket: K, open: TextRange) {
    let message = format!("expected {bracket}, found {}", p.found());
    let kind = if p.at(K::EndOfFile) { ErrorKind::Unclosed } else { ErrorKind::Unexpected };
    let mut error = SyntaxError::new(kind, p.current_range(), message);
    error.related = Some(open);
    p.error(error);
}

/// Returns whether a binding begins here: `a =`, `a.b."c" =`, `inherit`.
///
/// Inside an expression this can only mean that the expression was left unfinished.
fn at_binding(p: &Parser<'_>) -> bool {
    let mut n = match p.current() {
        K::Inherit => return true,
        K::Identifier | K::Or => 1,
        K::StringStart => match simple_string_length(p, 0) {
            Some(length) => length,
            None => return false,
        },
        _ => return false,
    };
    while p.nth(n) == K::Dot {
        n += match p.nth(n + 1) {
            K::Identifier | K::Or => 2,
            K::StringStart => match simple_string_length(p, n + 1) {
                Some(length) => length + 1,
                None => return false,
            },
            _ => return false,
        };
    }
    p.nth(n) == K::Equals
}

/// Returns how many tokens the string at `n` has, if it has no interpolation.
fn simple_string_length(p: &Parser<'_>, n: usize) -> Option<usize> {
    match (p.nth(n + 1), p.nth(n + 2)) {
        (K::StringEnd, _) => Some(2),
        (K::StringContent, K::StringEnd) => Some(3),
        _ => None,
    }
}
