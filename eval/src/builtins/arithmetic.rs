//! Numbers: integer and float arithmetic, order, bit operations, rounding.

use super::expect::because;
use super::table::{Argument, wrong_type};
use crate::builtins;
use crate::error::{self, EvalError, Result};
use crate::heap::{Kind, Lazy, Value};
use crate::interpret::Eval;
use crate::number;
use crate::order;

builtins! {
    /// Returns the sum of two numbers: an integer if both are, else a float.
    ///
    /// ```nix
    /// builtins.add 1 2    # => 3
    /// builtins.add 1 0.5  # => 1.5
    /// builtins.add 9223372036854775807 1
    /// # error: integer overflow in adding 9223372036854775807 + 1
    /// builtins.add 1 ""   # error: expected an integer but found a string: ""
    /// ```
    "add"(lhs: Value<'h>, rhs: Value<'h>) => add;

    /// Returns the difference of two numbers: an integer if both are, else a float.
    ///
    /// ```nix
    /// builtins.sub 1 2    # => -1
    /// builtins.sub 1.5 1  # => 0.5
    /// builtins.sub (-9223372036854775807) 2
    /// # error: integer overflow in subtracting -9223372036854775807 - 2
    /// ```
    "sub"(lhs: Value<'h>, rhs: Value<'h>) => sub;

    /// Returns the product of two numbers: an integer if both are, else a float.
    ///
    /// ```nix
    /// builtins.mul 2 3    # => 6
    /// builtins.mul 2 0.5  # => 1
    /// builtins.mul 9223372036854775807 2
    /// # error: integer overflow in multiplying 9223372036854775807 * 2
    /// ```
    "mul"(lhs: Value<'h>, rhs: Value<'h>) => mul;

    /// Returns the quotient of two numbers: an integer, rounded towards zero, if both are, else a
    /// float.
    ///
    /// ```nix
    /// builtins.div 7 2     # => 3
    /// builtins.div (-7) 2  # => -3
    /// builtins.div 7.0 2   # => 3.5
    /// builtins.div 1 0     # error: division by zero
    /// builtins.div 1 0.0   # error: division by zero
    /// ```
    "div"(lhs: Value<'h>, rhs: Value<'h>) => div;

    /// Returns whether `lhs` is less than `rhs`.
    ///
    /// Numbers compare with each other, strings and paths by bytes, lists by their first elements
    /// that differ.
    ///
    /// ```nix
    /// builtins.lessThan 1 1.5            # => true
    /// builtins.lessThan "b" "a"          # => false
    /// builtins.lessThan [ 1 2 ] [ 1 3 ]  # => true
    /// builtins.lessThan 1 "a"
    /// # error: cannot compare an integer with a string; values are 1 and "a"
    /// ```
    "lessThan"(lhs: Value<'h>, rhs: Value<'h>) => less_than;

    /// Returns the bitwise *and* of two integers.
    ///
    /// ```nix
    /// builtins.bitAnd 12 10  # => 8
    /// ```
    "bitAnd"(lhs: i64, rhs: i64) => bit_and;

    /// Returns the bitwise *or* of two integers.
    ///
    /// ```nix
    /// builtins.bitOr 12 10  # => 14
    /// ```
    "bitOr"(lhs: i64, rhs: i64) => bit_or;

    /// Returns the bitwise *exclusive or* of two integers.
    ///
    /// ```nix
    /// builtins.bitXor 12 10  # => 6
    /// ```
    "bitXor"(lhs: i64, rhs: i64) => bit_xor;

    /// Returns the smallest integer that is not less than `number`.
    ///
    /// ```nix
    /// builtins.ceil 1.2     # => 2
    /// builtins.ceil (-1.2)  # => -1
    /// builtins.ceil 3       # => 3
    /// builtins.ceil 1.0e30  # error: NixFloat argument 1e+30 is not in the range of NixInt
    /// builtins.ceil "1"     # error: expected a float but found a string: "1"
    /// ```
    "ceil"(number: Number) => ceil;

    /// Returns the largest integer that is not greater than `number`.
    ///
    /// ```nix
    /// builtins.floor 1.8     # => 1
    /// builtins.floor (-1.2)  # => -2
    /// builtins.floor 3       # => 3
    /// ```
    "floor"(number: Number) => floor;
}

/// One of the operations on two numbers: how it is done and how the oracle speaks of it.
struct Operation {
    /// As a step names it: `addition`.
    noun: &'static str,
    /// As an overflow names it: `adding`.
    verb: &'static str,
    sign: char,
    integers: fn(i64, i64) -> Option<i64>,
    floats: fn(f64, f64) -> f64,
}

const ADD: Operation = Operation {
    noun: "addition",
    verb: "adding",
    sign: '+',
    integers: i64::checked_add,
    floats: |a, b| a + b,
};

const SUB: Operation = Operation {
    noun: "subtraction",
    verb: "subtracting",
    sign: '-',
    integers: i64::checked_sub,
    floats: |a, b| a - b,
};

const MUL: Operation = Operation {
    noun: "multiplication",
    verb: "multiplying",
    sign: '*',
    integers: i64::checked_mul,
    floats: |a, b| a * b,
};

fn add<'h>(eval: &mut Eval<'h>, lhs: Value<'h>, rhs: Value<'h>) -> Result<Value<'h>> {
    apply(eval, &ADD, lhs, rhs)
}

pub(crate) fn sub<'h>(eval: &mut Eval<'h>, lhs: Value<'h>, rhs: Value<'h>) -> Result<Value<'h>> {
    apply(eval, &SUB, lhs, rhs)
}

pub(crate) fn mul<'h>(eval: &mut Eval<'h>, lhs: Value<'h>, rhs: Value<'h>) -> Result<Value<'h>> {
    apply(eval, &MUL, lhs, rhs)
}

#[inline(always)]
fn apply<'h>(
    eval: &mut Eval<'h>,
    operation: &Operation,
    lhs: Value<'h>,
    rhs: Value<'h>,
) -> Result<Value<'h>> {
    if let (Some(a), Some(b)) = (lhs.as_int(), rhs.as_int())
        && let Some(result) = (operation.integers)(a, b)
    {
        return Ok(Value::int(result));
    }
    apply_slow(eval, operation, lhs, rhs)
}

/// Does what is not two integers with an integer as the result.
fn apply_slow<'h>(
    eval: &mut Eval<'h>,
    operation: &Operation,
    lhs: Value<'h>,
    rhs: Value<'h>,
) -> Result<Value<'h>> {
    match (lhs.kind(), rhs.kind()) {
        (Kind::Float(a), Kind::Float(b)) => Ok(Value::float((operation.floats)(a, b))),
        (Kind::Float(a), Kind::Int(b)) => Ok(Value::float((operation.floats)(a, b as f64))),
        (Kind::Int(a), Kind::Float(b)) => Ok(Value::float((operation.floats)(a as f64, b))),
        _ => Err(refused(eval, operation, lhs, rhs)),
    }
}

/// Returns the error of an overflow, or of the operand that is no number.
#[cold]
fn refused<'h>(
    eval: &mut Eval<'h>,
    operation: &Operation,
    lhs: Value<'h>,
    rhs: Value<'h>,
) -> Box<EvalError> {
    let Operation { noun, verb, sign, .. } = *operation;
    if let (Some(a), Some(b)) = (lhs.as_int(), rhs.as_int()) {
        return error::other(format!("integer overflow in {verb} {a} {sign} {b}"));
    }
    let is_float = is_float(lhs) || is_float(rhs);
    let expected = if is_float { "a float" } else { "an integer" };
    let is_first = !matches!(lhs.kind(), Kind::Int(_) | Kind::Float(_));
    let step = match (is_first, is_float, sign) {
        // The oracle's sentence lacks a word here.
        (true, true, '*') => format!("while evaluating the first of the {noun}"),
        (true, ..) => format!("while evaluating the first argument of the {noun}"),
        (false, ..) => format!("while evaluating the second argument of the {noun}"),
    };
    let value = if is_first { lhs } else { rhs };
    because(wrong_type(eval, expected, value), &step)
}

pub(crate) fn div<'h>(eval: &mut Eval<'h>, lhs: Value<'h>, rhs: Value<'h>) -> Result<Value<'h>> {
    let first = "while evaluating the first operand of the division";
    let divisor = float(eval, rhs, "while evaluating the second operand of the division")?;
    if divisor == 0.0 {
        return Err(error::other("division by zero"));
    }
    let Some(b) = rhs.as_int().filter(|_| !is_float(lhs)) else {
        return Ok(Value::float(float(eval, lhs, first)? / divisor));
    };
    let a = integer(eval, lhs, first)?;
    match a.checked_div(b) {
        Some(quotient) => Ok(Value::int(quotient)),
        None => Err(error::other(format!("integer overflow in dividing {a} / {b}"))),
    }
}

fn is_float(value: Value<'_>) -> bool {
    matches!(value.kind(), Kind::Float(_))
}

/// Returns a number as a float.
fn float<'h>(eval: &mut Eval<'h>, value: Value<'h>, step: &str) -> Result<f64> {
    match value.kind() {
        Kind::Int(number) => Ok(number as f64),
        Kind::Float(number) => Ok(number),
        _ => Err(because(wrong_type(eval, "a float", value), step)),
    }
}

fn integer<'h>(eval: &mut Eval<'h>, value: Value<'h>, step: &str) -> Result<i64> {
    match value.as_int() {
        Some(number) => Ok(number),
        None => Err(because(wrong_type(eval, "an integer", value), step)),
    }
}

fn less_than<'h>(eval: &mut Eval<'h>, lhs: Value<'h>, rhs: Value<'h>) -> Result<Value<'h>> {
    order::less_than(eval, lhs, rhs).map(Value::bool)
}

fn bit_and<'h>(_: &mut Eval<'h>, lhs: i64, rhs: i64) -> Result<Value<'h>> {
    Ok(Value::int(lhs & rhs))
}

fn bit_or<'h>(_: &mut Eval<'h>, lhs: i64, rhs: i64) -> Result<Value<'h>> {
    Ok(Value::int(lhs | rhs))
}

fn bit_xor<'h>(_: &mut Eval<'h>, lhs: i64, rhs: i64) -> Result<Value<'h>> {
    Ok(Value::int(lhs ^ rhs))
}

/// A number of either type.
#[derive(Clone, Copy)]
enum Number {
    Integer(i64),
    Float(f64),
}

impl<'h> Argument<'h> for Number {
    const TYPE_NAME: &'static str = "a float";
    fn take(eval: &mut Eval<'h>, argument: Lazy<'h>) -> Result<Self> {
        let value = eval.force_lazy(argument)?;
        match value.kind() {
            Kind::Int(number) => Ok(Number::Integer(number)),
            Kind::Float(number) => Ok(Number::Float(number)),
            _ => Err(wrong_type(eval, <Self as Argument<'h>>::TYPE_NAME, value)),
        }
    }
}

fn ceil<'h>(_: &mut Eval<'h>, number: Number) -> Result<Value<'h>> {
    rounded(number, f64::ceil).map(Value::int)
}

fn floor<'h>(_: &mut Eval<'h>, number: Number) -> Result<Value<'h>> {
    rounded(number, f64::floor).map(Value::int)
}

/// Returns `number` as an integer.
///
/// Integers go through a float here, and those that do not come back are refused: the oracle's
/// rule and its words.
fn rounded(number: Number, round: fn(f64) -> f64) -> Result<i64> {
    const BUG: &str = "Due to a bug (see https://github.com/NixOS/nix/issues/12899)";
    const FUTURE: &str = "\n\tFuture Nix versions might implement the correct behavior.";
    let result = round(match number {
        Number::Integer(number) => number as f64,
        Number::Float(number) => number,
    });
    // -2^63 and 2^63, both exact.
    let is_in_range = result >= i64::MIN as f64 && result < -(i64::MIN as f64);
    match number {
        Number::Float(_) if is_in_range => Ok(result as i64),
        Number::Float(number) => {
            let shown = number::general(number);
            Err(error::other(format!("NixFloat argument {shown} is not in the range of NixInt")))
        }
        Number::Integer(number) if !is_in_range => Err(error::other(format!(
            "{BUG} the NixInt argument {number} caused undefined behavior in previous Nix \
             versions.{FUTURE}"
        ))),
        Number::Integer(number) if result as i64 != number => Err(error::other(format!(
            "{BUG} a loss of precision occurred in previous Nix versions because the NixInt \
             argument {number} was rounded to {}.{FUTURE}",
            result as i64
        ))),
        Number::Integer(number) => Ok(number),
    }
}
