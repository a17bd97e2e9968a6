//! What the evaluator's own functions return: a value or an error, in two registers.
//!
//! A `Result<Value, Box<EvalError>>` is three words and goes through memory; this is two. It never
//! sits in a slot and no builtin ever sees one.

use super::value::{FAILED, Value, Words};
use crate::error::{EvalError, Result};

/// A value, or the error instead of one.
#[must_use]
#[repr(transparent)]
pub struct Answer<'h>(Words<'h>);

impl<'h> Answer<'h> {
    /// Returns the answer that is an error.
    #[cold]
    pub fn error(error: Box<EvalError>) -> Self {
        Answer(Words::new(FAILED, 0, Box::into_raw(error) as u64))
    }

    /// Returns the two words, of which the answer stays the owner.
    #[inline(always)]
    pub(super) fn words(&self) -> Words<'h> {
        self.0
    }

    /// Takes the answer apart.
    #[inline(always)]
    pub fn into_result(self) -> Result<Value<'h>> {
        if self.0.tag() == FAILED {
            // SAFETY: the only answers with this tag are made by `error` from a box that nobody
            // else owns, and `self` is consumed.
            return Err(unsafe { Box::from_raw(self.0.1 as *mut EvalError) });
        }
        Ok(Value(self.0))
    }
}

impl<'h> From<Value<'h>> for Answer<'h> {
    #[inline(always)]
    fn from(value: Value<'h>) -> Self {
        Answer(value.0)
    }
}

impl<'h> From<Result<Value<'h>>> for Answer<'h> {
    #[inline(always)]
    fn from(result: Result<Value<'h>>) -> Self {
        match result {
            Ok(value) => value.into(),
            Err(error) => Answer::error(error),
        }
    }
}
