//! Functions and their formals.

use super::expression::{START, expression};
use super::{STOP, at_binding};
use crate::error::{ErrorKind, SyntaxError};
use crate::kind::SyntaxKind as K;
use crate::parser::{Completed, Parser, TokenSet};

/// Returns whether the `{` here opens formals and not an attribute set.
pub(super) fn at_formals(p: &Parser<'_>) -> bool {
    match (p.nth(1), p.nth(2)) {
        (K::Ellipsis, _) => true,
        (K::Identifier, K::Comma | K::Question | K::Ellipsis) => true,
        (K::Identifier, K::BraceClose) => matches!(p.nth(3), K::Colon | K::At),
        (K::BraceClose, K::Colon | K::At) => true,
        _ => false,
    }
}

/// Parses a function, from its parameter on.
pub(super) fn lambda(p: &mut Parser<'_>) -> Completed {
    let marker = p.start();
    if p.at(K::Identifier) && p.nth(1) == K::Colon {
        name(p);
    } else {
        formals(p);
    }
    if p.eat(K::Colon) {
        expression(p);
    } else {
        p.missing("`:` after the formals", None);
        if p.at_any(START) && !at_binding(p) {
            expression(p);
        }
    }
    p.complete(marker, K::Lambda)
}

fn name(p: &mut Parser<'_>) {
    p.leaf(K::Name);
}

/// Parses `{ a, b ? c, ... }` with `name @` before or `@ name` after it.
fn formals(p: &mut Parser<'_>) {
    let marker = p.start();
    let mut bound = false;
    if p.at(K::Identifier) {
        name(p);
        p.bump();
        bound = true;
    }
    let open = p.current_range();
    if p.eat(K::BraceOpen) {
        formal_list(p);
        if !p.eat(K::BraceClose) {
            super::unclosed(p, K::BraceClose, open);
        }
    } else {
        p.expected("`{` after `@`");
    }
    if !bound && p.eat(K::At) {
        if p.at(K::Identifier) {
            name(p);
        } else {
            p.expected("a name after `@`");
        }
    }
    p.complete(marker, K::Formals);
}

fn formal_list(p: &mut Parser<'_>) {
    loop {
        match p.current() {
            K::BraceClose | K::EndOfFile => return,
            K::Identifier => {
                let marker = p.start();
                name(p);
                if p.eat(K::Question) {
                    expression(p);
                }
                p.complete(marker, K::Formal);
            }
            K::Ellipsis => {
                p.bump();
                if p.at(K::BraceClose) {
                    return;
                }
                let message = "`...` must come last, without a comma after it";
                let error = SyntaxError::new(ErrorKind::Unexpected, p.current_range(), message);
                p.error(error);
            }
            _ => {
                p.expected("a formal, `...` or `}`");
            }
        }
        separator(p);
        if STOP.contains(p.current()) || closes_outer(p) {
            return;
        }
    }
}

/// Reads the `,` after a formal, or recovers up to the next one.
fn separator(p: &mut Parser<'_>) {
    if p.eat(K::Comma) || p.at(K::BraceClose) {
        return;
    }
    p.expected("`,` or `}`");
    if matches!(p.current(), K::Identifier | K::Ellipsis) {
        return;
    }
    p.skip_until(STOP.union(TokenSet::of(&[K::Comma])));
    p.eat(K::Comma);
}

fn closes_outer(p: &Parser<'_>) -> bool {
    matches!(p.current(), K::ParenClose | K::BracketClose | K::StringEnd | K::IndentedEnd)
}
