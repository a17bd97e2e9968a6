//! A builtin is one row: name, typed parameters, documentation, function.
//!
//! The row feeds the evaluator, the type error that names the parameter, hover, completion and
//! the manual; the examples in its documentation run as tests. Write rows with [`builtins!`]:
//!
//! ```text
//! builtins! {
//!     /// Returns the attribute called `name` of `set`.
//!     ///
//!     /// ```nix
//!     /// builtins.getAttr "x" { x = 1; }  # => 1
//!     /// builtins.getAttr "z" { x = 1; }  # error: attribute 'z' missing
//!     /// ```
//!     "getAttr"(name: Str<'h>, set: Attrs<'h>) => get_attr;
//!     /// ...
//!     global "toString"(value: Value<'h>) => to_string;
//! }
//! ```
//!
//! Parameters of type [`Lazy`] are handed over as they are; all others are forced from left to
//! right and checked by [`Argument`]. The function has the signature
//! `fn get_attr<'h>(eval: &mut Eval<'h>, name: Str<'h>, set: Attrs<'h>) -> Result<Value<'h>>`.

use crate::error::{self, ErrorKind, EvalError, FrameKind, Result};
use crate::heap::{Attrs, Kind, Lazy, Slot, Str, Value};
use crate::interpret::Eval;
use crate::source::Position;

/// The shape of every builtin's function: as many arguments as it has parameters.
pub type Function = for<'h> fn(&mut Eval<'h>, &[Lazy<'h>]) -> Result<Value<'h>>;

/// One builtin.
pub struct Builtin {
    /// Its name in `builtins`.
    pub name: &'static str,
    /// Its parameters, at least one.
    pub parameters: &'static [Parameter],
    /// What it does, in Markdown; the examples in it are tests.
    pub doc: &'static str,
    /// Whether it is a variable without `builtins.`, too. (All are as `__name`.)
    pub is_global: bool,
    /// The experimental feature without which it is absent.
    pub feature: Option<&'static str>,
    /// The function.
    pub function: Function,
}

/// One parameter of a builtin.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name, for documentation and messages.
    pub name: &'static str,
    /// Its type as the language calls it: `an integer`, `a set`; empty: anything.
    pub type_name: &'static str,
    /// Whether the argument is forced before the function runs.
    pub is_strict: bool,
}

/// A Rust type that an argument of a builtin can be taken as.
pub trait Argument<'h>: Sized {
    /// How the language names the type, with its article; empty: anything.
    const TYPE_NAME: &'static str;
    /// Whether taking it forces the argument.
    const IS_STRICT: bool = true;
    /// Takes the argument, forcing it as the type needs.
    ///
    /// # Errors
    ///
    /// If forcing fails, or the value has another type.
    fn take(eval: &mut Eval<'h>, argument: Lazy<'h>) -> Result<Self>;
    /// Adds to an error of [`Argument::take`] which argument it was, where the oracle says so.
    fn explain(error: Box<EvalError>, index: usize, builtin: &str) -> Box<EvalError> {
        in_argument(error, index, builtin)
    }
}

impl<'h> Argument<'h> for Lazy<'h> {
    const TYPE_NAME: &'static str = "";
    const IS_STRICT: bool = false;
    fn take(_: &mut Eval<'h>, argument: Lazy<'h>) -> Result<Self> {
        Ok(argument)
    }
}

impl<'h> Argument<'h> for Value<'h> {
    const TYPE_NAME: &'static str = "";
    fn take(eval: &mut Eval<'h>, argument: Lazy<'h>) -> Result<Self> {
        eval.force_lazy(argument)
    }
    fn explain(error: Box<EvalError>, _: usize, _: &str) -> Box<EvalError> {
        error
    }
}

/// Implements [`Argument`] for a type that is one arm of [`Kind`].
macro_rules! argument {
    ($rust:ty, $name:literal, $kind:pat => $result:expr $(, $explain:path)?) => {
        impl<'h> Argument<'h> for $rust {
            const TYPE_NAME: &'static str = $name;
            fn take(eval: &mut Eval<'h>, argument: Lazy<'h>) -> Result<Self> {
                let value = eval.force_lazy(argument)?;
                match value.kind() {
                    $kind => Ok($result),
                    _ => Err(wrong_type(eval, $name, value)),
                }
            }
            $(
                fn explain(error: Box<EvalError>, index: usize, builtin: &str) -> Box<EvalError> {
                    $explain(error, index, builtin)
                }
            )?
        }
    };
}

argument!(i64, "an integer", Kind::Int(value) => value);
argument!(bool, "a Boolean", Kind::Bool(value) => value);
argument!(Str<'h>, "a string", Kind::String(value) => value);
argument!(Attrs<'h>, "a set", Kind::Attrs(value) => value, mismatch_in_argument);
argument!(&'h [Slot<'h>], "a list", Kind::List(value) => value, mismatch_in_argument);

/// Returns the error of a value that is not `expected` (with its article).
#[cold]
pub fn wrong_type<'h>(eval: &mut Eval<'h>, expected: &str, value: Value<'h>) -> Box<EvalError> {
    error::wrong_type(expected, &crate::print::describe(eval, value))
}

/// Adds to `error` that it came from the argument with this index (from 0) of `builtin`.
#[cold]
pub fn in_argument(error: Box<EvalError>, index: usize, builtin: &str) -> Box<EvalError> {
    error.frame(Position::NONE, FrameKind::Evaluator, argument_step(index, builtin))
}

/// Adds which argument it was to a value of the wrong type, but not to an error met on the way to
/// the value: the oracle's rule for sets and lists.
#[cold]
fn mismatch_in_argument(error: Box<EvalError>, index: usize, builtin: &str) -> Box<EvalError> {
    let is_mismatch = error.kind == ErrorKind::Type && error.frames.is_empty();
    if is_mismatch && !error.position.is_some() {
        return in_argument(error, index, builtin);
    }
    error
}

/// Names an argument in the oracle's words, which differ here and there.
fn argument_step(index: usize, builtin: &str) -> String {
    const ORDINALS: [&str; 4] = ["first", "second", "third", "fourth"];
    let ordinal = ORDINALS.get(index).copied().unwrap_or("last");
    match builtin {
        "attrNames" | "attrValues" | "fromTOML" | "listToAttrs" | "derivationStrict"
        | "getContext" | "hasContext" | "parseFlakeRef" | "flakeRefToString" => {
            format!("while evaluating the argument passed to builtins.{builtin}")
        }
        "path" => "while evaluating the argument passed to 'builtins.path'".to_owned(),
        "elemAt" | "head" | "tail" => {
            format!("while evaluating the {ordinal} argument passed to 'builtins.{builtin}'")
        }
        "add" => format!("while evaluating the {ordinal} argument of the addition"),
        "sub" => format!("while evaluating the {ordinal} argument of the subtraction"),
        "mul" => format!("while evaluating the {ordinal} argument of the multiplication"),
        "div" => format!("while evaluating the {ordinal} operand of the division"),
        "foldl'" => {
            format!("while evaluating the {ordinal} argument passed to builtins.foldlStrict")
        }
        "concatStringsSep" | "substring" => {
            let what = match (builtin, index) {
                ("concatStringsSep", 0) => "the separator string",
                ("concatStringsSep", _) => "the list of strings to concat",
                (_, 0) => "the start offset",
                _ => "the substring length",
            };
            format!("while evaluating the {ordinal} argument ({what}) passed to builtins.{builtin}")
        }
        "warn" => {
            "while evaluating the first argument; the message passed to builtins.warn".to_owned()
        }
        _ => format!("while evaluating the {ordinal} argument passed to builtins.{builtin}"),
    }
}

/// Declares a family's `TABLE` of builtins; see the module's documentation.
#[macro_export]
macro_rules! builtins {
    ($($(#[doc = $doc:literal])* $($word:ident)? $name:literal
       $(feature $feature:literal)?
       ($($parameter:ident: $type:ty),+) => $function:path;)*) => {
        /// The rows of this family.
        pub const TABLE: &[$crate::builtins::table::Builtin] = &[$(
            $crate::builtins::table::Builtin {
                name: $name,
                parameters: &[$({
                    #[allow(clippy::extra_unused_lifetimes, reason = "not every type uses 'h")]
                    const fn parameter<'h>() -> $crate::builtins::table::Parameter {
                        $crate::builtins::table::Parameter {
                            name: stringify!($parameter),
                            type_name:
                                <$type as $crate::builtins::table::Argument<'h>>::TYPE_NAME,
                            is_strict:
                                <$type as $crate::builtins::table::Argument<'h>>::IS_STRICT,
                        }
                    }
                    parameter()
                }),+],
                doc: concat!($($doc, "\n"),*),
                is_global: $crate::builtins!(@global $($word)?),
                feature: $crate::builtins!(@feature $($feature)?),
                function: {
                    #[allow(unused_assignments, reason = "the last index is not read again")]
                    fn shim<'h>(
                        eval: &mut $crate::interpret::Eval<'h>,
                        arguments: &[$crate::heap::Lazy<'h>],
                    ) -> $crate::error::Result<$crate::heap::Value<'h>> {
                        let [$($parameter),+] = *arguments else {
                            unreachable!("the evaluator collects all arguments first")
                        };
                        let mut index = 0;
                        $(
                            let $parameter =
                                match <$type as $crate::builtins::table::Argument<'h>>::take(
                                    eval, $parameter,
                                ) {
                                    Ok(value) => value,
                                    Err(error) => return Err(
                                        <$type as $crate::builtins::table::Argument<'h>>::explain(
                                            error, index, $name,
                                        ),
                                    ),
                                };
                            index += 1;
                        )+
                        $function(eval, $($parameter),+)
                    }
                    shim
                },
            }
        ),*];
    };
    (@global global) => { true };
    (@global) => { false };
    (@feature $feature:literal) => { Some($feature) };
    (@feature) => { None };
}
