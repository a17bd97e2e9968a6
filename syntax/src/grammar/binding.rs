//! Bindings, `inherit` and attribute paths.

use super::expression::expression;
use super::{STOP, at_binding, close, string};
use crate::error::{ErrorKind, SyntaxError};
use crate::kind::SyntaxKind as K;
use crate::parser::{Parser, TokenSet};

/// What bindings stand in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// `let … in`
    Let,
    /// `{ … }`
    Braces,
}

/// Tokens with which an attribute begins.
const ATTR_START: TokenSet = TokenSet::of(&[K::Identifier, K::Or, K::StringStart, K::DollarBrace]);

/// Tokens at which bindings end, whatever they stand in.
const END: TokenSet = TokenSet::of(&[
    K::BraceClose,
    K::EndOfFile,
    K::In,
    K::Then,
    K::Else,
    K::ParenClose,
    K::BracketClose,
    K::StringEnd,
    K::IndentedEnd,
]);

/// Parses bindings up to `in` or `}`.
pub(super) fn bindings(p: &mut Parser<'_>, scope: Scope) {
    loop {
        match p.current() {
            K::Inherit => inherit(p),
            kind if ATTR_START.contains(kind) => binding(p),
            kind if END.contains(kind) && !is_unmatched(p) => return,
            _ => stray(p, scope),
        }
    }
}

/// Whether a bracket closes nothing: it must not end the bindings that it strayed among.
fn is_unmatched(p: &Parser<'_>) -> bool {
    match p.current() {
        K::ParenClose => p.open.parens == 0,
        K::BracketClose => p.open.brackets == 0,
        _ => false,
    }
}

/// Reports and skips what begins no binding.
#[cold]
fn stray(p: &mut Parser<'_>, scope: Scope) {
    let end = match scope {
        Scope::Let => "`in`",
        Scope::Braces => "`}`",
    };
    p.expected(&format!("a binding or {end}"));
    let before = p.progress();
    p.skip_until(STOP);
    if p.at(K::Semicolon) || p.progress() == before {
        p.bump_error();
    }
}

pub(super) fn binding(p: &mut Parser<'_>) {
    let marker = p.start();
    attrpath(p);
    if p.eat(K::Equals) {
        expression(p);
        semicolon(p, "`;` after this value");
    } else {
        p.expected("`=` or `.`");
        semicolon(p, "`;`");
    }
    p.complete(marker, K::Binding);
}

/// Reads the `;` that ends a binding, or recovers up to the next one.
fn semicolon(p: &mut Parser<'_>, what: &str) {
    if p.eat(K::Semicolon) {
        return;
    }
    let hint = p.at(K::Comma).then_some("bindings end with `;`, not with `,`");
    p.missing(what, hint);
    if p.at(K::Comma) {
        p.bump_error();
        return;
    }
    while is_unmatched(p) {
        p.bump_error();
    }
    if p.eat(K::Semicolon) || at_binding(p) || p.at_any(END) {
        return;
    }
    p.skip_until(STOP);
    p.eat(K::Semicolon);
}

pub(super) fn inherit(p: &mut Parser<'_>) {
    let marker = p.start();
    p.bump();
    if p.at(K::ParenOpen) {
        let from = p.start();
        let open = p.current_range();
        p.bump();
        p.open.parens += 1;
        expression(p);
        p.open.parens -= 1;
        close(p, K::ParenClose, open);
        p.complete(from, K::InheritFrom);
    }
    loop {
        match p.current() {
            kind if ATTR_START.contains(kind) && !at_binding(p) => attr(p),
            K::Dot => {
                let message = "`inherit` takes names, not attribute paths";
                let error = SyntaxError::new(ErrorKind::Unexpected, p.current_range(), message);
                p.error(error.with_hint("write `inherit (a) b;` for `a.b`"));
                p.bump_error();
            }
            _ => break,
        }
    }
    semicolon(p, "`;` after `inherit`");
    p.complete(marker, K::InheritClause);
}

/// Parses `a.b.${c}`.
pub(super) fn attrpath(p: &mut Parser<'_>) {
    if !p.at_any(ATTR_START) {
        p.expected("an attribute name");
        return;
    }
    let marker = p.start();
    attr(p);
    while p.eat(K::Dot) {
        if p.at_any(ATTR_START) {
            attr(p);
        } else {
            p.expected("an attribute name");
        }
    }
    p.complete(marker, K::Attrpath);
}

#[inline]
fn attr(p: &mut Parser<'_>) {
    match p.current() {
        K::StringStart => {
            string::string(p);
        }
        K::DollarBrace => {
            let marker = p.start();
            let open = p.current_range();
            p.bump();
            expression(p);
            close(p, K::BraceClose, open);
            p.complete(marker, K::Dynamic);
        }
        _ => {
            p.leaf(K::Name);
        }
    }
}
