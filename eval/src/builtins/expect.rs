//! What a builtin expects of values that it meets on the way: elements, results of functions.
//!
//! The oracle says for each of them why it was looked at, and is not of one mind about when: for
//! sets and lists only if the type is wrong, for all others also if forcing them fails.
//! Source: CppNix, `EvalState::forceAttrs` and its kind.

use super::table::{Argument, wrong_type};
use crate::coerce::plain_string;
use crate::error::{self, EvalError, FrameKind, Result};
use crate::heap::attrs::Attr;
use crate::heap::{Attrs, Kind, Lazy, Slot, Str, Symbol, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::source::Position;

/// A value that can be called: a function, or a set with `__functor`.
#[derive(Clone, Copy)]
pub struct Callable<'h>(pub Value<'h>);

impl<'h> Argument<'h> for Callable<'h> {
    const TYPE_NAME: &'static str = "a function";
    fn take(eval: &mut Eval<'h>, argument: Lazy<'h>) -> Result<Self> {
        let value = eval.force_lazy(argument)?;
        let is_callable = match value.kind() {
            Kind::Lambda(_) | Kind::Builtin(_) | Kind::Partial(_) => true,
            Kind::Attrs(attrs) => attrs.get(names().functor).is_some(),
            _ => false,
        };
        if is_callable {
            Ok(Callable(value))
        } else {
            Err(wrong_type(eval, Self::TYPE_NAME, value))
        }
    }
}

/// Adds to `error` why the value was looked at.
#[cold]
pub fn because(error: Box<EvalError>, step: &str) -> Box<EvalError> {
    error.frame(Position::NONE, FrameKind::Evaluator, step)
}

/// Returns `value` if it is a boolean.
#[inline]
pub fn boolean<'h>(eval: &mut Eval<'h>, value: Value<'h>, step: &str) -> Result<bool> {
    match value.as_bool() {
        Some(value) => Ok(value),
        None => Err(because(wrong_type(eval, "a Boolean", value), step)),
    }
}

/// Returns `value` if it is a list.
#[inline]
pub fn list<'h>(eval: &mut Eval<'h>, value: Value<'h>, step: &str) -> Result<&'h [Slot<'h>]> {
    match value.as_list() {
        Some(list) => Ok(list),
        None => Err(because(wrong_type(eval, "a list", value), step)),
    }
}

/// Returns `value` if it is a set.
#[inline]
pub fn attrs<'h>(eval: &mut Eval<'h>, value: Value<'h>, step: &str) -> Result<Attrs<'h>> {
    match value.as_attrs() {
        Some(attrs) => Ok(attrs),
        None => Err(because(wrong_type(eval, "a set", value), step)),
    }
}

/// Returns `value` if it is a string that depends on nothing.
pub fn string<'h>(eval: &mut Eval<'h>, value: Value<'h>, step: &str) -> Result<Str<'h>> {
    plain_string(eval, value).map_err(|error| because(error, step))
}

/// Returns the slot of the attribute `name` of `attrs`.
pub fn attribute<'h>(attrs: Attrs<'h>, name: Symbol, step: &str) -> Result<&'h Slot<'h>> {
    attrs.get(name).ok_or_else(|| missing(name, step))
}

/// Returns what the value of an attribute is taken as; an error says where it is, and what for.
pub fn value_of<'h, T: Argument<'h>>(
    eval: &mut Eval<'h>,
    attr: &Attr<'h>,
    step: &str,
) -> Result<T> {
    let place = attr.position;
    let explain = |error: Box<EvalError>| error.frame(place, FrameKind::Evaluator, step);
    eval.force_from(attr.slot, place).map_err(explain)?;
    T::take(eval, Lazy::from_slot(attr.slot)).map_err(|error| explain(error.at(place)))
}

/// Returns the error of an attribute that is not there.
#[cold]
pub fn missing(name: Symbol, step: &str) -> Box<EvalError> {
    because(error::missing_attribute(&name.to_text(), Vec::new()), step)
}
