//! Numbers: integer and float arithmetic, bit operations, rounding.

use crate::builtins;
use crate::error::Result;
use crate::heap::Value;
use crate::interpret::Eval;

builtins! {
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
