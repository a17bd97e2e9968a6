//! `<`: the order of numbers, strings, paths and lists.
//!
//! Source: CppNix, `CompareValues`.

use crate::equal::equal_slots;
use crate::error::{self, EvalError, FrameKind, Result};
use crate::heap::{Kind, Slot, Value};
use crate::interpret::Eval;
use crate::print::{show, show_type};
use crate::source::Position;

/// Whether `lhs < rhs`.
///
/// Integers and floats compare with each other, strings and paths by bytes, lists by their first
/// elements that differ.
///
/// # Errors
///
/// When the values have no order, or forcing an element fails.
pub fn less_than<'h>(eval: &mut Eval<'h>, lhs: Value<'h>, rhs: Value<'h>) -> Result<bool> {
    match (lhs.kind(), rhs.kind()) {
        (Kind::Int(a), Kind::Int(b)) => Ok(a < b),
        (Kind::Int(a), Kind::Float(b)) => Ok((a as f64) < b),
        (Kind::Float(a), Kind::Int(b)) => Ok(a < b as f64),
        (Kind::Float(a), Kind::Float(b)) => Ok(a < b),
        (Kind::String(a), Kind::String(b)) => Ok(a.bytes() < b.bytes()),
        (Kind::Path(a), Kind::Path(b)) => Ok(a.bytes < b.bytes),
        (Kind::List(a), Kind::List(b)) => less_than_lists(eval, a, b),
        _ => Err(incomparable(eval, lhs, rhs)),
    }
}

fn less_than_lists<'h>(
    eval: &mut Eval<'h>,
    lhs: &'h [Slot<'h>],
    rhs: &'h [Slot<'h>],
) -> Result<bool> {
    for (a, b) in lhs.iter().zip(rhs) {
        if equal_slots(eval, a, b)? {
            continue;
        }
        let (a, b) = (eval.force(a)?, eval.force(b)?);
        return less_than(eval, a, b).map_err(|error| {
            let text = "while comparing two list elements";
            error.frame(Position::NONE, FrameKind::Evaluator, text)
        });
    }
    Ok(lhs.len() < rhs.len())
}

#[cold]
fn incomparable<'h>(eval: &mut Eval<'h>, lhs: Value<'h>, rhs: Value<'h>) -> Box<EvalError> {
    let types = format!("cannot compare {} with {}", show_type(lhs), show_type(rhs));
    let (a, b) = (show(eval, lhs), show(eval, rhs));
    // Functions of all sorts, and partial applications of them, are one type here.
    let is_same_type = crate::print::type_name(lhs) == crate::print::type_name(rhs);
    error::incomparable(if is_same_type {
        format!("{types}; values of that type are incomparable (values are {a} and {b})")
    } else {
        format!("{types}; values are {a} and {b}")
    })
}
