//! Types: what a value is, and `toString`.

use super::argument::Inner;
use crate::builtins;
use crate::coerce::{self, Mode, Purpose};
use crate::error::Result;
use crate::heap::{Kind, Str, Value};
use crate::interpret::Eval;
use crate::print;
use crate::source::Position;

builtins! {
    /// Returns the type of `value`: `"int"`, `"float"`, `"bool"`, `"string"`, `"path"`, `"null"`,
    /// `"set"`, `"list"` or `"lambda"`.
    ///
    /// ```nix
    /// builtins.typeOf 1     # => "int"
    /// builtins.typeOf { }   # => "set"
    /// builtins.typeOf map   # => "lambda"
    /// builtins.typeOf null  # => "null"
    /// ```
    "typeOf"(value: Value<'h>) => type_of;

    /// Returns whether `value` is null.
    ///
    /// ```nix
    /// isNull null  # => true
    /// isNull 0     # => false
    /// ```
    global "isNull"(value: Value<'h>) => is_null;

    /// Returns whether `value` is an integer.
    ///
    /// ```nix
    /// builtins.isInt 1    # => true
    /// builtins.isInt 1.0  # => false
    /// ```
    "isInt"(value: Value<'h>) => is_int;

    /// Returns whether `value` is a float.
    ///
    /// ```nix
    /// builtins.isFloat 1.0  # => true
    /// builtins.isFloat 1    # => false
    /// ```
    "isFloat"(value: Value<'h>) => is_float;

    /// Returns whether `value` is a Boolean.
    ///
    /// ```nix
    /// builtins.isBool false  # => true
    /// builtins.isBool null   # => false
    /// ```
    "isBool"(value: Value<'h>) => is_bool;

    /// Returns whether `value` is a string.
    ///
    /// ```nix
    /// builtins.isString ""  # => true
    /// builtins.isString /a  # => false
    /// ```
    "isString"(value: Value<'h>) => is_string;

    /// Returns whether `value` is a path.
    ///
    /// ```nix
    /// builtins.isPath /a    # => true
    /// builtins.isPath "/a"  # => false
    /// ```
    "isPath"(value: Value<'h>) => is_path;

    /// Returns whether `value` is a set.
    ///
    /// Its attributes stay suspended.
    ///
    /// ```nix
    /// builtins.isAttrs { x = throw "not forced"; }  # => true
    /// builtins.isAttrs [ ]                          # => false
    /// ```
    "isAttrs"(value: Value<'h>) => is_attrs;

    /// Returns whether `value` is a function.
    ///
    /// A set with `__functor` can be called, too, but is none.
    ///
    /// ```nix
    /// builtins.isFunction (x: x)                          # => true
    /// builtins.isFunction builtins.add                    # => true
    /// builtins.isFunction (builtins.add 1)                # => true
    /// builtins.isFunction { __functor = self: x: x; }     # => false
    /// ```
    "isFunction"(value: Value<'h>) => is_function;

    /// Returns whether `value` is a list.
    ///
    /// Its elements stay suspended.
    ///
    /// ```nix
    /// builtins.isList [ (throw "not forced") ]  # => true
    /// builtins.isList { }                       # => false
    /// ```
    "isList"(value: Value<'h>) => is_list;

    /// Returns `value` as a string.
    ///
    /// Numbers become digits, `true` is `"1"`, `false` and `null` are `""`, a path is its text
    /// (nothing is copied to the store), the elements of a list are joined by spaces. A set needs
    /// `__toString`, a function of the set itself, or `outPath`.
    ///
    /// ```nix
    /// toString 1                                       # => "1"
    /// toString 0.5                                     # => "0.500000"
    /// toString true                                    # => "1"
    /// toString null                                    # => ""
    /// toString /a/b                                    # => "/a/b"
    /// toString [ 1 "b" [ 2 ] ]                         # => "1 b 2"
    /// toString { __toString = self: self.x; x = "y"; } # => "y"
    /// toString { outPath = "z"; }                      # => "z"
    /// toString { }  # error: cannot coerce a set to a string: { }
    /// ```
    global "toString"(value: Inner<'h>) => to_string;
}

fn type_of<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    Ok(Value::string(eval.heap(), Str::new(print::type_name(value).as_bytes())))
}

fn is_null<'h>(_: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    Ok(Value::bool(matches!(value.kind(), Kind::Null)))
}

fn is_int<'h>(_: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    Ok(Value::bool(value.as_int().is_some()))
}

fn is_float<'h>(_: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    Ok(Value::bool(matches!(value.kind(), Kind::Float(_))))
}

fn is_bool<'h>(_: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    Ok(Value::bool(value.as_bool().is_some()))
}

fn is_string<'h>(_: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    Ok(Value::bool(value.as_string().is_some()))
}

fn is_path<'h>(_: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    Ok(Value::bool(matches!(value.kind(), Kind::Path(_))))
}

fn is_attrs<'h>(_: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    Ok(Value::bool(value.as_attrs().is_some()))
}

fn is_function<'h>(_: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    Ok(Value::bool(matches!(value.kind(), Kind::Lambda(_) | Kind::Builtin(_) | Kind::Partial(_))))
}

fn is_list<'h>(_: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    Ok(Value::bool(value.as_list().is_some()))
}

fn to_string<'h>(eval: &mut Eval<'h>, Inner(value): Inner<'h>) -> Result<Value<'h>> {
    if value.as_string().is_some() {
        return Ok(value);
    }
    let purpose = Purpose {
        position: Position::NONE,
        text: "while evaluating the first argument passed to builtins.toString",
    };
    let string = coerce::to_string_for(eval, value, Mode::ToString, purpose)?;
    Ok(Value::string(eval.heap(), string))
}
