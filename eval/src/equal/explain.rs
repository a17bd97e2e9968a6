//! Why two values are not equal, in the words of a failed `assert a == b`.
//!
//! The walk is that of [`super::equal`], so that it finds the difference that one found.
//! Source: CppNix, `EvalState::assertEqValues`.

use super::{equal, force_both, is_derivation};
use crate::error::{self, EvalError, FrameKind, Result};
use crate::heap::{Attrs, Kind, Slot, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::print::{show, show_type, shown_name, type_name};
use crate::source::Position;

/// Refuses values that are not equal, and says where they differ.
///
/// # Errors
///
/// The difference, as a failed assertion; or whatever forcing elements meets.
pub fn assert_equal<'h>(eval: &mut Eval<'h>, lhs: Value<'h>, rhs: Value<'h>) -> Result<()> {
    eval.deeper(|eval| compare(eval, lhs, rhs))
}

fn compare<'h>(eval: &mut Eval<'h>, lhs: Value<'h>, rhs: Value<'h>) -> Result<()> {
    let is_number = |value: Value<'_>| matches!(value.kind(), Kind::Int(_) | Kind::Float(_));
    if is_number(lhs) && is_number(rhs) {
        if equal(eval, lhs, rhs)? {
            return Ok(());
        }
        let (a, b) = (show(eval, lhs), show(eval, rhs));
        let (a_type, b_type) = (show_type(lhs), show_type(rhs));
        let text = format!("{a_type} with value '{a}' is not equal to {b_type} with value '{b}'");
        return Err(error::assertion_failed(text));
    }
    if type_name(lhs) != type_name(rhs) {
        let (a, b) = (show(eval, lhs), show(eval, rhs));
        let (a_type, b_type) = (show_type(lhs), show_type(rhs));
        let text = format!("{a_type} of value '{a}' is not equal to {b_type} of value '{b}'");
        return Err(error::assertion_failed(text));
    }
    match (lhs.kind(), rhs.kind()) {
        (Kind::List(a), Kind::List(b)) => compare_lists(eval, (lhs, a), (rhs, b)),
        (Kind::Attrs(a), Kind::Attrs(b)) => compare_attrs(eval, (lhs, a), (rhs, b)),
        (Kind::Bool(_), _) => compare_plain(eval, "boolean", lhs, rhs),
        (Kind::String(_), _) => compare_plain(eval, "string", lhs, rhs),
        (Kind::Path(_), _) => compare_plain(eval, "path", lhs, rhs),
        (Kind::Null, _) => Ok(()),
        _ => Err(error::assertion_failed(
            "distinct functions and immediate comparisons of identical functions compare as \
             unequal",
        )),
    }
}

fn compare_slots<'h>(eval: &mut Eval<'h>, lhs: &'h Slot<'h>, rhs: &'h Slot<'h>) -> Result<()> {
    let (a, b) = force_both(eval, lhs, rhs)?;
    if a.is_identical(b) || lhs.is_same_origin(rhs) { Ok(()) } else { assert_equal(eval, a, b) }
}

fn compare_plain<'h>(
    eval: &mut Eval<'h>,
    kind: &str,
    lhs: Value<'h>,
    rhs: Value<'h>,
) -> Result<()> {
    if equal(eval, lhs, rhs)? {
        return Ok(());
    }
    let (a, b) = (show(eval, lhs), show(eval, rhs));
    Err(error::assertion_failed(format!("{kind} '{a}' is not equal to {kind} '{b}'")))
}

fn compare_lists<'h>(
    eval: &mut Eval<'h>,
    (lhs, a): (Value<'h>, &'h [Slot<'h>]),
    (rhs, b): (Value<'h>, &'h [Slot<'h>]),
) -> Result<()> {
    if a.len() != b.len() {
        let (shown_a, shown_b) = (show(eval, lhs), show(eval, rhs));
        return Err(error::assertion_failed(format!(
            "list of size '{}' is not equal to list of size '{}', left hand side is \
             '{shown_a}', right hand side is '{shown_b}'",
            a.len(),
            b.len()
        )));
    }
    for ((a, b), index) in a.iter().zip(b).zip(0..) {
        compare_slots(eval, a, b)
            .map_err(|error| step(error, format!("while comparing list element {index}")))?;
    }
    Ok(())
}

fn compare_attrs<'h>(
    eval: &mut Eval<'h>,
    (lhs, a): (Value<'h>, Attrs<'h>),
    (rhs, b): (Value<'h>, Attrs<'h>),
) -> Result<()> {
    if is_derivation(eval, a)? && is_derivation(eval, b)? {
        let out_path = names().out_path;
        if let (Some(a), Some(b)) = (a.get(out_path), b.get(out_path)) {
            return compare_slots(eval, a, b).map_err(|error| {
                step(error, "while comparing a derivation by its 'outPath' attribute".to_owned())
            });
        }
    }
    let heap = eval.heap();
    let shown = |eval: &mut Eval<'h>| (show(eval, lhs), show(eval, rhs));
    if a.len() != b.len() {
        let (a, b) = shown(eval);
        return Err(error::assertion_failed(format!(
            "attribute names of attribute set '{a}' differs from attribute set '{b}'"
        )));
    }
    for (left, right) in a.iter(heap).zip(b.iter(heap)) {
        if left.name != right.name {
            let (shown_a, shown_b) = shown(eval);
            let text = if b.get(left.name).is_none() {
                let name = shown_name(left.name.as_bytes());
                format!(
                    "attribute name '{name}' is contained in '{shown_a}', but not in '{shown_b}'"
                )
            } else {
                let name = shown_name(right.name.as_bytes());
                format!(
                    "attribute name '{name}' is missing in '{shown_a}', but is contained in \
                     '{shown_b}'"
                )
            };
            return Err(error::assertion_failed(text));
        }
        compare_slots(eval, left.slot, right.slot).map_err(|mut error| {
            for (position, text) in [
                (right.position, "where right hand side is"),
                (left.position, "where left hand side is"),
            ] {
                if position.is_some() {
                    error = error.frame(position, FrameKind::Evaluator, text);
                }
            }
            let name = shown_name(left.name.as_bytes());
            step(error, format!("while comparing attribute '{name}'"))
        })?;
    }
    Ok(())
}

fn step(error: Box<EvalError>, text: String) -> Box<EvalError> {
    error.frame(Position::NONE, FrameKind::Evaluator, text)
}
