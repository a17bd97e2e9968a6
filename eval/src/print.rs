//! Values as text: what `nix-instantiate --eval` prints, and how messages describe a value.

use crate::error::Result;
use crate::heap::Value;
use crate::interpret::Eval;

/// Describes a value for a message: `an integer: 1`, `a string: "x"`.
///
/// Never forces anything; long strings, lists and sets are cut.
/// Source: CppNix 2.34, `showType` and `ValuePrinter` with `errorPrintOptions`.
pub fn describe<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> String {
    let _ = (eval, value);
    todo!()
}

/// Prints a value for a message, without its type: `1`, `"x"`, `{ a = «thunk»; }`.
pub fn show<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> String {
    let _ = (eval, value);
    todo!()
}

/// Names the type of a value with its article: `an integer`, `a function`,
/// `the built-in function 'map'`.
pub fn show_type(value: Value<'_>) -> String {
    let _ = value;
    todo!()
}

/// Names the type of a value as `builtins.typeOf` does: `int`, `lambda`.
pub fn type_name(value: Value<'_>) -> &'static str {
    let _ = value;
    todo!()
}

/// Forces `value` with all its elements and attributes, those of derivations included.
///
/// # Errors
///
/// The first that forcing meets; a frame names each attribute on the way.
pub fn force_deep<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<()> {
    let _ = (eval, value);
    todo!()
}

/// Returns a value as `nix-instantiate --eval` prints it, without a newline.
///
/// Forces nothing: what is not forced prints as `<CODE>`. Call [`force_deep`] first for
/// `--strict`. Bytes, because strings may hold any.
pub fn print_value<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<Vec<u8>> {
    let _ = (eval, value);
    todo!()
}
