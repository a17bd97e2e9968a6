//! `==`: when two values are equal, and how deep one has to look.
//!
//! Numbers compare across types, derivations by `outPath`, functions never equal each other. But
//! *elements* of lists and sets that are one object are equal without a look inside, functions
//! included: nixpkgs relies on it when it compares platforms.
//! Source: CppNix, `EvalState::eqValues`.

mod explain;

pub use explain::assert_equal;

use crate::error::Result;
use crate::heap::{Attrs, Kind, Slot, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::source::Position;

/// Whether two values are equal.
///
/// # Errors
///
/// Whatever forcing their elements meets.
pub fn equal<'h>(eval: &mut Eval<'h>, lhs: Value<'h>, rhs: Value<'h>) -> Result<bool> {
    match (lhs.kind(), rhs.kind()) {
        (Kind::Int(a), Kind::Int(b)) => Ok(a == b),
        (Kind::Int(a), Kind::Float(b)) => Ok(a as f64 == b),
        (Kind::Float(a), Kind::Int(b)) => Ok(a == b as f64),
        (Kind::Float(a), Kind::Float(b)) => Ok(a == b),
        (Kind::Bool(a), Kind::Bool(b)) => Ok(a == b),
        (Kind::String(a), Kind::String(b)) => Ok(a.bytes() == b.bytes()),
        (Kind::Path(a), Kind::Path(b)) => Ok(a == b),
        (Kind::Null, Kind::Null) => Ok(true),
        (Kind::List(a), Kind::List(b)) if a.len() == b.len() => eval.deeper(|eval| {
            for (lhs, rhs) in a.iter().zip(b) {
                if !equal_slots(eval, lhs, rhs)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }),
        (Kind::Attrs(a), Kind::Attrs(b)) => eval.deeper(|eval| equal_attrs(eval, a, b)),
        _ => Ok(false),
    }
}

/// Whether the values of two slots are equal; both are forced, and one object equals itself.
///
/// # Errors
///
/// Whatever forcing them meets.
pub fn equal_slots<'h>(eval: &mut Eval<'h>, lhs: &'h Slot<'h>, rhs: &'h Slot<'h>) -> Result<bool> {
    let (a, b) = force_both(eval, lhs, rhs)?;
    if a.is_identical(b) || lhs.is_same_origin(rhs) {
        return Ok(true);
    }
    equal(eval, a, b)
}

/// Returns the values of two slots, forced one level deeper than whatever holds them.
fn force_both<'h>(
    eval: &mut Eval<'h>,
    lhs: &'h Slot<'h>,
    rhs: &'h Slot<'h>,
) -> Result<(Value<'h>, Value<'h>)> {
    if let (Some(a), Some(b)) = (lhs.value_through(), rhs.value_through()) {
        eval.check_depth(Position::NONE)?;
        return Ok((a, b));
    }
    eval.deeper(|eval| Ok((eval.force(lhs)?, eval.force(rhs)?)))
}

/// Whether `attrs` is a derivation: its `type` is `"derivation"`.
///
/// # Errors
///
/// Whatever forcing `type` meets.
pub fn is_derivation<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<bool> {
    let Some(slot) = attrs.get(names().r#type) else { return Ok(false) };
    let value = eval.force(slot)?;
    Ok(value.as_string().is_some_and(|string| string.bytes() == b"derivation"))
}

fn equal_attrs<'h>(eval: &mut Eval<'h>, lhs: Attrs<'h>, rhs: Attrs<'h>) -> Result<bool> {
    if is_derivation(eval, lhs)? && is_derivation(eval, rhs)? {
        let out_path = names().out_path;
        if let (Some(a), Some(b)) = (lhs.get(out_path), rhs.get(out_path)) {
            return equal_slots(eval, a, b);
        }
    }
    if lhs.len() != rhs.len() {
        return Ok(false);
    }
    let heap = eval.heap();
    let names = lhs.shape(heap).names().iter().zip(rhs.shape(heap).names());
    let slots = lhs.slots(heap).iter().zip(rhs.slots(heap));
    for ((a_name, b_name), (a, b)) in names.zip(slots) {
        if a_name != b_name || !equal_slots(eval, a, b)? {
            return Ok(false);
        }
    }
    Ok(true)
}
