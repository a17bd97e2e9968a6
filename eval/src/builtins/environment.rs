//! The environment of the evaluation.

use super::argument::Plain;
use crate::builtins;
use crate::error::Result;
use crate::heap::Value;
use crate::interpret::Eval;

builtins! {
    /// Returns the value of the environment variable `name`, or `""` if it is not set.
    ///
    /// Pure and restricted evaluations see no variables.
    ///
    /// ```nix
    /// builtins.getEnv "NO_SUCH_VARIABLE"  # => ""
    /// ```
    "getEnv"(name: Plain<'h>) => get_env;
}

fn get_env<'h>(eval: &mut Eval<'h>, name: Plain<'h>) -> Result<Value<'h>> {
    let settings = eval.settings();
    let value = if settings.restrict || settings.pure { None } else { eval.system().env(name.0) };
    Ok(Value::string_from(eval.heap(), &value.unwrap_or_default()))
}
