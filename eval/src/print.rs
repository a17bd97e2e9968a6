//! Values as text: what `nix-instantiate --eval` prints, and how messages describe a value.

use crate::heap::Value;
use crate::interpret::Eval;

/// Describes a value for a message: `an integer: 1`, `the string "x"`.
///
/// Source: CppNix 2.34, `ErrorValuePrinter`.
pub fn describe<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> String {
    let _ = (eval, value);
    todo!()
}
