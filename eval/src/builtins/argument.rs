//! Arguments with a rule of their own: strings that depend on nothing, and arguments taken late.

use std::marker::PhantomData;

use super::expect::because;
use super::table::{Argument, in_argument};
use crate::coerce::plain_string;
use crate::error::{EvalError, Result};
use crate::heap::{Lazy, Str, Value};
use crate::interpret::Eval;
use crate::realise;

/// The bytes of a string that depends on nothing.
#[derive(Clone, Copy)]
pub struct Plain<'h>(pub &'h [u8]);

impl<'h> Argument<'h> for Plain<'h> {
    const TYPE_NAME: &'static str = "a string";
    fn take(eval: &mut Eval<'h>, argument: Lazy<'h>) -> Result<Self> {
        let value = eval.force_lazy(argument)?;
        plain_string(eval, value).map(|string| Plain(string.bytes()))
    }
}

/// A value that is forced one level deeper than the call, by native code that recurses.
#[derive(Clone, Copy)]
pub struct Inner<'h>(pub Value<'h>);

impl<'h> Argument<'h> for Inner<'h> {
    const TYPE_NAME: &'static str = "";
    #[inline]
    fn take(eval: &mut Eval<'h>, argument: Lazy<'h>) -> Result<Self> {
        eval.force_inner(argument).map(Inner)
    }
    fn explain(error: Box<EvalError>, _: usize, _: &str) -> Box<EvalError> {
        error
    }
}

/// A value that is to be taken as a path.
#[derive(Clone, Copy)]
pub struct PathLike<'h>(pub Value<'h>);

impl<'h> Argument<'h> for PathLike<'h> {
    const TYPE_NAME: &'static str = "a path";
    fn take(eval: &mut Eval<'h>, argument: Lazy<'h>) -> Result<Self> {
        eval.force_lazy(argument).map(PathLike)
    }
    fn explain(error: Box<EvalError>, index: usize, builtin: &str) -> Box<EvalError> {
        match builtin {
            "toPath" => in_argument(error, index, builtin),
            "storePath" => because(error, STORE_PATH_STEP),
            "pathExists" => error,
            "filterSource" => because(error, FILTERED_PATH_STEP),
            _ => because(error, realise::PATH_STEP),
        }
    }
}

/// The step to the path that `filterSource` filters.
pub const FILTERED_PATH_STEP: &str = "while evaluating the second argument (the path to filter) \
                                      passed to 'builtins.filterSource'";

/// The step to the path that `storePath` checks.
pub const STORE_PATH_STEP: &str =
    "while evaluating the first argument passed to 'builtins.storePath'";

/// An argument of a known type that the function forces itself, once it has checked others.
pub struct Later<'h, T>(Lazy<'h>, PhantomData<T>);

impl<'h, T: Argument<'h>> Later<'h, T> {
    /// Forces the argument, which is the one with this index (from 0) of `builtin`.
    ///
    /// # Errors
    ///
    /// If forcing fails, or the value has another type.
    pub fn take_now(self, eval: &mut Eval<'h>, index: usize, builtin: &str) -> Result<T> {
        T::take(eval, self.0).map_err(|error| T::explain(error, index, builtin))
    }
}

impl<'h> Later<'h, Str<'h>> {
    /// Returns the argument as it was handed over.
    pub fn lazy(&self) -> Lazy<'h> {
        self.0
    }
}

impl<'h, T: Argument<'h>> Argument<'h> for Later<'h, T> {
    const TYPE_NAME: &'static str = T::TYPE_NAME;
    const IS_STRICT: bool = false;
    fn take(_: &mut Eval<'h>, argument: Lazy<'h>) -> Result<Self> {
        Ok(Later(argument, PhantomData))
    }
}
