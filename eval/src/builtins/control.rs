//! Control: throwing and catching errors, and forcing values on purpose.

use super::argument::Inner;
use crate::builtins;
use crate::coerce::{self, Mode, Purpose};
use crate::error::{self, Result};
use crate::heap::{AttrsBuilder, Lazy, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::print;
use crate::source::Position;

builtins! {
    /// Fails with `message`; `tryEval` can catch that.
    ///
    /// ```nix
    /// throw "no tea"    # error: no tea
    /// throw 1           # error: cannot coerce an integer to a string: 1
    /// ```
    global "throw"(message: Inner<'h>) => throw;

    /// Ends the evaluation with `message`; nothing catches that.
    ///
    /// ```nix
    /// abort "no tea"
    /// # error: evaluation aborted with the following error message: 'no tea'
    /// builtins.tryEval (abort "no tea")
    /// # error: evaluation aborted with the following error message: 'no tea'
    /// ```
    global "abort"(message: Inner<'h>) => abort;

    /// Forces `value` and returns whether that went well: a set of `success` and `value`.
    ///
    /// It catches `throw`, `assert` and a lookup path that is not found, and `value` is `false`
    /// then; all other errors pass. Attributes and elements of the value stay suspended.
    ///
    /// ```nix
    /// builtins.tryEval 1                    # => { success = true; value = 1; }
    /// builtins.tryEval (throw "x")          # => { success = false; value = false; }
    /// builtins.tryEval (assert false; 1)    # => { success = false; value = false; }
    /// (builtins.tryEval { x = throw "not forced"; }).success  # => true
    /// builtins.tryEval ({ }.x)              # error: attribute 'x' missing
    /// ```
    "tryEval"(value: Lazy<'h>) => try_eval;

    /// Forces `first` and returns `second`.
    ///
    /// Attributes and elements of `first` stay suspended.
    ///
    /// ```nix
    /// builtins.seq { x = throw "not forced"; } 1  # => 1
    /// builtins.seq (throw "x") 1                  # error: x
    /// ```
    "seq"(first: Value<'h>, second: Value<'h>) => seq;

    /// Forces `first` with everything in it and returns `second`.
    ///
    /// ```nix
    /// builtins.deepSeq [ { x = 1; } ] 1          # => 1
    /// builtins.deepSeq [ { x = throw "y"; } ] 1  # error: y
    /// let x = { y = x; }; in builtins.deepSeq x 1  # => 1
    /// ```
    "deepSeq"(first: Inner<'h>, second: Lazy<'h>) => deep_seq;
}

fn throw<'h>(eval: &mut Eval<'h>, Inner(message): Inner<'h>) -> Result<Value<'h>> {
    // The oracle's sentence says `builtin` here.
    let step = "while evaluating the error message passed to builtin.throw";
    let message = text(eval, message, step)?;
    Err(error::thrown(message))
}

fn abort<'h>(eval: &mut Eval<'h>, Inner(message): Inner<'h>) -> Result<Value<'h>> {
    let step = "while evaluating the error message passed to builtins.abort";
    let message = text(eval, message, step)?;
    Err(error::aborted(&message))
}

fn text<'h>(eval: &mut Eval<'h>, message: Value<'h>, step: &str) -> Result<String> {
    let purpose = Purpose { position: Position::NONE, text: step };
    let string = coerce::to_string_for(eval, message, Mode::Interpolate, purpose)?;
    Ok(string.to_text().into_owned())
}

fn try_eval<'h>(eval: &mut Eval<'h>, value: Lazy<'h>) -> Result<Value<'h>> {
    let (is_success, value) = match eval.force_lazy(value) {
        Ok(value) => (true, value),
        Err(error) if error.is_catchable() => (false, Value::bool(false)),
        Err(error) => return Err(error),
    };
    let mut attrs = AttrsBuilder::with_capacity(2);
    attrs.push(names().success, Value::bool(is_success));
    attrs.push(names().value, value);
    Ok(attrs.finish_value(eval.heap()))
}

fn seq<'h>(_: &mut Eval<'h>, _: Value<'h>, second: Value<'h>) -> Result<Value<'h>> {
    Ok(second)
}

fn deep_seq<'h>(
    eval: &mut Eval<'h>,
    Inner(first): Inner<'h>,
    second: Lazy<'h>,
) -> Result<Value<'h>> {
    print::force_deep(eval, first)?;
    eval.force_lazy(second)
}
