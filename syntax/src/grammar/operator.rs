//! Operators, by precedence climbing.

use super::binding;
use super::expression::application;
use crate::error;
use crate::kind::SyntaxKind as K;
use crate::parser::{Chain, Completed, Parser, TokenSet};

// The levels of the manual, “Operators”, loosest first; pipes are looser still.
const IMPLICATION: u8 = 1;
const OR: u8 = 2;
const AND: u8 = 3;
const EQUALITY: u8 = 4;
const COMPARISON: u8 = 5;
const UPDATE: u8 = 6;
const NOT: u8 = 7;
const SUM: u8 = 8;
const PRODUCT: u8 = 9;
const CONCATENATION: u8 = 10;
const HAS_ATTR: u8 = 11;
const NEGATION: u8 = 12;

const RIGHT: TokenSet = TokenSet::of(&[K::Arrow, K::SlashSlash, K::PlusPlus]);
const PIPES: TokenSet = TokenSet::of(&[K::PipeInto, K::PipeFrom]);

/// Returns the level of a binary operator, 0 for any other token.
#[inline]
const fn level(kind: K) -> u8 {
    match kind {
        K::Arrow => IMPLICATION,
        K::OrOr => OR,
        K::AndAnd => AND,
        K::EqualsEquals | K::BangEquals => EQUALITY,
        K::Less | K::LessEquals | K::Greater | K::GreaterEquals => COMPARISON,
        K::SlashSlash => UPDATE,
        K::Plus | K::Minus => SUM,
        K::Star | K::Slash => PRODUCT,
        K::PlusPlus => CONCATENATION,
        K::Question => HAS_ATTR,
        _ => 0,
    }
}

const LEVELS: [u8; 64] = {
    let mut table = [0; 64];
    let operators = [
        K::Arrow,
        K::OrOr,
        K::AndAnd,
        K::EqualsEquals,
        K::BangEquals,
        K::Less,
        K::LessEquals,
        K::Greater,
        K::GreaterEquals,
        K::SlashSlash,
        K::Plus,
        K::Minus,
        K::Star,
        K::Slash,
        K::PlusPlus,
        K::Question,
    ];
    let mut index = 0;
    while index < operators.len() {
        table[operators[index] as usize] = level(operators[index]);
        index += 1;
    }
    table
};

/// Parses operators of all levels, pipes included.
#[inline]
pub(super) fn pipes(p: &mut Parser<'_>) -> Option<Completed> {
    let mut lhs = binary(p, IMPLICATION)?;
    if !p.at_any(PIPES) {
        return Some(lhs);
    }
    let mut first = true;
    let mut chain = Chain::default();
    while p.at_any(PIPES) {
        if !first {
            // `a |> b <| c`: the two directions have no common reading.
            let error = error::mixed_pipes(p.current_range());
            p.error(error);
        }
        first = false;
        lhs = pipe(p, lhs, &mut chain);
    }
    Some(p.end_chain(lhs, &chain))
}

/// Parses as many pipes of one direction as follow.
fn pipe(p: &mut Parser<'_>, mut lhs: Completed, chain: &mut Chain) -> Completed {
    if p.at(K::PipeFrom) {
        let marker = p.precede_in_chain(lhs, chain);
        pipe_operator(p);
        if p.descend() {
            if let Some(rhs) = binary(p, IMPLICATION)
                && p.at(K::PipeFrom)
            {
                let mut inner = Chain::default();
                let done = pipe(p, rhs, &mut inner);
                p.end_chain(done, &inner);
            }
            p.ascend();
        }
        return p.complete(marker, K::BinaryOp);
    }
    while p.at(K::PipeInto) {
        let marker = p.precede_in_chain(lhs, chain);
        pipe_operator(p);
        binary(p, IMPLICATION);
        lhs = p.complete(marker, K::BinaryOp);
    }
    lhs
}

fn pipe_operator(p: &mut Parser<'_>) {
    if !p.options().pipe_operators {
        let error = error::pipes_disabled(p.current_range());
        p.error(error);
    }
    p.bump();
}

/// Parses operators of level `least` and tighter.
fn binary(p: &mut Parser<'_>, least: u8) -> Option<Completed> {
    let mut lhs = prefix(p)?;
    // Comparing what was just compared has no meaning: `a == b == c`.
    let mut last = 0;
    let mut chain = Chain::default();
    loop {
        let operator = p.current();
        let level = LEVELS.get(operator as usize).copied().unwrap_or(0);
        if level < least || level == 0 {
            return Some(p.end_chain(lhs, &chain));
        }
        let marker = p.precede_in_chain(lhs, &mut chain);
        if level == HAS_ATTR {
            p.bump();
            binding::attrpath(p);
            lhs = p.complete(marker, K::HasAttr);
            continue;
        }
        if level == last && matches!(level, EQUALITY | COMPARISON) {
            let error = error::chained_comparison(operator, p.current_range());
            p.error(error);
        }
        last = level;
        p.bump();
        let tighter = if RIGHT.contains(operator) { level } else { level + 1 };
        nested(p, tighter);
        lhs = p.complete(marker, K::BinaryOp);
    }
}

/// Parses the operand of an operator.
fn nested(p: &mut Parser<'_>, least: u8) {
    if p.descend() {
        binary(p, least);
        p.ascend();
    }
}

#[inline]
fn prefix(p: &mut Parser<'_>) -> Option<Completed> {
    let least = match p.current() {
        K::Bang => NOT + 1,
        K::Minus => NEGATION + 1,
        _ => return application(p),
    };
    let marker = p.start();
    p.bump();
    nested(p, least);
    Some(p.complete(marker, K::UnaryOp))
}
