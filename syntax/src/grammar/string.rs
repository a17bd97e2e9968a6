//! Strings, indented strings and paths with their interpolations.

use super::expression::expression;
use crate::error::{ErrorKind, SyntaxError};
use crate::kind::SyntaxKind as K;
use crate::parser::{Completed, Parser, TokenSet};

pub(super) fn string(p: &mut Parser<'_>) -> Completed {
    let marker = p.start();
    let open = p.current_range();
    p.bump();
    parts(p, TokenSet::of(&[K::StringContent]));
    if !p.eat(K::StringEnd) {
        let error = SyntaxError::new(ErrorKind::Unclosed, open, "this string is not closed");
        p.error(error);
    }
    p.complete(marker, K::String)
}

pub(super) fn indented_string(p: &mut Parser<'_>) -> Completed {
    let marker = p.start();
    let open = p.current_range();
    p.bump();
    parts(p, TokenSet::of(&[K::IndentedContent, K::IndentedEscape]));
    if !p.eat(K::IndentedEnd) {
        let message = "this indented string is not closed";
        let error = SyntaxError::new(ErrorKind::Unclosed, open, message);
        p.error(error);
    }
    p.complete(marker, K::IndentedString)
}

pub(super) fn path(p: &mut Parser<'_>) -> Completed {
    let marker = p.start();
    p.bump();
    // `a//b` is read as two pieces, which only an interpolation can join.
    let mut pieces = 0;
    while p.eat(K::PathContent) {
        pieces += 1;
    }
    if pieces > 1 || (pieces == 1 && !p.at(K::InterpolationStart)) {
        let range = p.range_since(marker);
        let message = "a path has an empty segment";
        p.error(SyntaxError::new(ErrorKind::InvalidPath, range, message));
    }
    parts(p, TokenSet::of(&[K::PathContent]));
    p.complete(marker, K::Path)
}

/// Parses texts and interpolations, as many as follow.
#[inline]
fn parts(p: &mut Parser<'_>, texts: TokenSet) {
    loop {
        match p.current() {
            K::InterpolationStart => interpolation(p),
            kind if texts.contains(kind) => p.bump(),
            _ => return,
        }
    }
}

pub(super) fn interpolation(p: &mut Parser<'_>) {
    let marker = p.start();
    let open = p.current_range();
    p.bump();
    expression(p);
    if !p.eat(K::BraceClose) {
        super::unclosed(p, K::BraceClose, open);
        // The lexer is in the string again only after this brace.
        while !matches!(p.current(), K::BraceClose | K::EndOfFile | K::StringEnd | K::IndentedEnd) {
            let before = p.progress();
            p.skip_until(TokenSet::of(&[]));
            if p.progress() == before {
                p.bump_error();
            }
        }
        p.eat(K::BraceClose);
    }
    p.complete(marker, K::Interpolation);
}
