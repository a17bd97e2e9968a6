//! Expressions: everything from `let` down to names and literals.

use super::binding::{self, Scope};
use super::{STOP, at_binding, close, lambda, operator, string};
use crate::error::{ErrorKind, SyntaxError};
use crate::kind::SyntaxKind as K;
use crate::parser::{Completed, Parser, TokenSet};

/// Tokens with which an operand begins.
pub(super) const OPERAND_START: TokenSet = TokenSet::of(&[
    K::Identifier,
    K::Integer,
    K::Float,
    K::Uri,
    K::LookupPath,
    K::PathStart,
    K::StringStart,
    K::IndentedStart,
    K::ParenOpen,
    K::BracketOpen,
    K::BraceOpen,
    K::Rec,
    K::Let,
]);

/// Keywords that begin an expression which is no operand.
const STATEMENT_START: TokenSet = TokenSet::of(&[K::If, K::With, K::Assert]);

/// Tokens with which an expression begins.
pub(super) const START: TokenSet =
    OPERAND_START.union(STATEMENT_START).union(TokenSet::of(&[K::Bang, K::Minus]));

/// Parses an expression, as wide as it goes.
pub(super) fn expression(p: &mut Parser<'_>) -> Option<Completed> {
    if !p.descend() {
        return None;
    }
    let done = match p.current() {
        K::Identifier if p.nth(1) == K::Semicolon => Some(p.leaf(variable_kind(p))),
        K::Identifier if matches!(p.nth(1), K::Colon | K::At) => Some(lambda::lambda(p)),
        K::BraceOpen if lambda::at_formals(p) => Some(lambda::lambda(p)),
        K::Let if p.nth(1) != K::BraceOpen => Some(let_in(p)),
        K::With => Some(with(p)),
        K::Assert => Some(assert(p)),
        K::If => Some(if_else(p)),
        _ => operator::pipes(p),
    };
    p.ascend();
    done
}

fn let_in(p: &mut Parser<'_>) -> Completed {
    let marker = p.start();
    let open = p.current_range();
    p.bump();
    binding::bindings(p, Scope::Let);
    if p.eat(K::In) {
        expression(p);
    } else {
        unfinished(p, "`in` and an expression", open);
    }
    p.complete(marker, K::LetIn)
}

fn with(p: &mut Parser<'_>) -> Completed {
    let marker = p.start();
    p.bump();
    expression(p);
    semicolon_and_body(p, "`;` after the attribute set of `with`");
    p.complete(marker, K::WithExpr)
}

fn assert(p: &mut Parser<'_>) -> Completed {
    let marker = p.start();
    p.bump();
    expression(p);
    semicolon_and_body(p, "`;` after the condition of `assert`");
    p.complete(marker, K::AssertExpr)
}

fn semicolon_and_body(p: &mut Parser<'_>, what: &str) {
    if p.eat(K::Semicolon) {
        expression(p);
        return;
    }
    p.missing(what, None);
    if p.at_any(START) && !at_binding(p) {
        expression(p);
    }
}

fn if_else(p: &mut Parser<'_>) -> Completed {
    let marker = p.start();
    let open = p.current_range();
    p.bump();
    expression(p);
    for (keyword, what) in [(K::Then, "`then`"), (K::Else, "`else`")] {
        if p.eat(keyword) {
            expression(p);
        } else {
            unfinished(p, what, open);
        }
    }
    p.complete(marker, K::IfElse)
}

/// Reports that `what` is missing for the keyword at `open`.
#[cold]
fn unfinished(p: &mut Parser<'_>, what: &str, open: crate::TextRange) {
    let message = format!("expected {what}, found {}", p.found());
    let mut error = SyntaxError::new(ErrorKind::Missing, p.current_range(), message);
    error.related = Some(open);
    p.error(error);
}

/// Parses an operand with its arguments: `f a b.c`.
pub(super) fn application(p: &mut Parser<'_>) -> Option<Completed> {
    let function = operand(p)?;
    if !at_argument(p) {
        return Some(function);
    }
    let marker = p.precede(function);
    while at_argument(p) {
        operand(p);
    }
    Some(p.complete(marker, K::Apply))
}

/// Returns whether an argument follows; a binding that begins here is none.
#[inline]
fn at_argument(p: &Parser<'_>) -> bool {
    match p.current() {
        K::Identifier | K::StringStart => {
            !matches!(p.nth(1), K::Equals | K::Dot | K::StringContent | K::StringEnd)
                || !at_binding(p)
        }
        // These need parentheses, which `operand` says.
        kind => OPERAND_START.union(STATEMENT_START).contains(kind),
    }
}

/// Parses an operand: a selection, or an expression that lacks its parentheses.
#[inline]
fn operand(p: &mut Parser<'_>) -> Option<Completed> {
    match p.current() {
        K::Identifier if !matches!(p.nth(1), K::Colon | K::At) => select(p),
        K::BraceOpen if !lambda::at_formals(p) => select(p),
        K::Let if p.nth(1) == K::BraceOpen => select(p),
        K::Identifier | K::BraceOpen => without_parens(p, "a function"),
        K::Let => without_parens(p, "`let`"),
        K::If => without_parens(p, "`if`"),
        K::With => without_parens(p, "`with`"),
        K::Assert => without_parens(p, "`assert`"),
        _ => select(p),
    }
}

/// Reports an expression that needs parentheses, and parses it all the same.
#[cold]
fn without_parens(p: &mut Parser<'_>, what: &str) -> Option<Completed> {
    let message = format!("{what} needs parentheses here");
    p.error(SyntaxError::new(ErrorKind::Unexpected, p.current_range(), message));
    expression(p)
}

/// Parses an operand without arguments: `a.b.c or d`.
pub(super) fn select(p: &mut Parser<'_>) -> Option<Completed> {
    let Some(base) = primary(p) else {
        p.expected("an expression");
        return None;
    };
    match p.current() {
        K::Dot => {
            let marker = p.precede(base);
            p.bump();
            if at_binding(p) {
                p.expected("an attribute name");
            } else {
                binding::attrpath(p);
            }
            if p.eat(K::Or) && p.descend() {
                select(p);
                p.ascend();
            }
            Some(p.complete(marker, K::Select))
        }
        K::Or => {
            let marker = p.precede(base);
            p.bump();
            Some(p.complete(marker, K::ApplyOr))
        }
        _ => Some(base),
    }
}

/// Returns what an identifier is as an expression.
#[inline(always)]
fn variable_kind(p: &Parser<'_>) -> K {
    if p.current_text() == b"__curPos" { K::CurPos } else { K::Variable }
}

#[inline]
fn primary(p: &mut Parser<'_>) -> Option<Completed> {
    let kind = match p.current() {
        K::Identifier => variable_kind(p),
        K::Integer | K::Float | K::Uri => K::Literal,
        K::LookupPath => K::LookupPathExpr,
        K::PathStart => return Some(string::path(p)),
        K::StringStart => return Some(string::string(p)),
        K::IndentedStart => return Some(string::indented_string(p)),
        K::ParenOpen => return Some(paren(p)),
        K::BracketOpen => return Some(list(p)),
        K::BraceOpen | K::Rec => return Some(attr_set(p)),
        K::Let if p.nth(1) == K::BraceOpen => return Some(attr_set(p)),
        _ => return None,
    };
    Some(p.leaf(kind))
}

pub(super) fn paren(p: &mut Parser<'_>) -> Completed {
    let marker = p.start();
    let open = p.current_range();
    p.bump();
    p.open.parens += 1;
    expression(p);
    p.open.parens -= 1;
    close(p, K::ParenClose, open);
    p.complete(marker, K::Paren)
}

pub(super) fn list(p: &mut Parser<'_>) -> Completed {
    let marker = p.start();
    let open = p.current_range();
    p.bump();
    p.open.brackets += 1;
    if p.descend() {
        elements(p, open);
        p.ascend();
    }
    p.open.brackets -= 1;
    p.complete(marker, K::List)
}

fn elements(p: &mut Parser<'_>, open: crate::TextRange) {
    loop {
        match p.current() {
            K::BracketClose => {
                p.bump();
                break;
            }
            kind if OPERAND_START.union(STATEMENT_START).contains(kind) && !at_binding(p) => {
                operand(p);
            }
            K::EndOfFile | K::BraceClose | K::ParenClose | K::StringEnd | K::IndentedEnd => {
                unclosed_list(p, open);
                break;
            }
            kind if STOP.contains(kind) || at_binding(p) => {
                unclosed_list(p, open);
                break;
            }
            _ => stray_in_list(p),
        }
    }
}

#[cold]
fn unclosed_list(p: &mut Parser<'_>, open: crate::TextRange) {
    super::unclosed(p, K::BracketClose, open);
}

#[cold]
fn stray_in_list(p: &mut Parser<'_>) {
    let message = format!("expected a list element or `]`, found {}", p.found());
    let hint = match p.current() {
        K::Comma => "list elements are separated by spaces",
        _ => "put an element that has operators in parentheses",
    };
    let error = SyntaxError::new(ErrorKind::Unexpected, p.current_range(), message);
    p.error(error.with_hint(hint));
    p.bump_error();
}

/// Parses `{ … }`, `rec { … }` and `let { … }`.
pub(super) fn attr_set(p: &mut Parser<'_>) -> Completed {
    let marker = p.start();
    let kind = if p.at(K::Let) { K::LegacyLet } else { K::AttrSet };
    if !p.at(K::BraceOpen) {
        p.bump();
    }
    let open = p.current_range();
    if p.eat(K::BraceOpen) {
        binding::bindings(p, Scope::Braces);
        if !p.eat(K::BraceClose) {
            super::unclosed(p, K::BraceClose, open);
        }
    } else {
        p.expected("`{` after `rec`");
    }
    p.complete(marker, kind)
}
