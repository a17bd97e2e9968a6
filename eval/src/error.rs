//! What went wrong in an evaluation, where, and by which path we came.
//!
//! An [`EvalError`] is plain data and cheap to move (one box). It is made only by the named
//! functions of this module, so that wording, hints and tests live in one place, and rendered
//! only by [`crate::report`]: in the oracle's form for the `nix-*` names, in ours for `nivis`.
//! Messages use the oracle's wording (CppNix 2.34.8), because nixpkgs and tools match on it.

use std::fmt;

use crate::source::Position;

/// The result of anything that evaluates.
pub type Result<T> = std::result::Result<T, Box<EvalError>>;

/// A failed evaluation.
#[derive(Clone, Debug)]
pub struct EvalError {
    /// What kind of failure it is: decides whether `tryEval` sees it, and the exit code.
    pub kind: ErrorKind,
    /// The message: the oracle's words, without `error:`, possibly several lines.
    pub message: String,
    /// Where it happened; [`Position::NONE`] until a caller that knows adds it.
    pub position: Position,
    /// The way by which evaluation came, innermost first.
    pub frames: Vec<Frame>,
    /// How many frames were dropped because there were too many.
    pub frames_omitted: usize,
    /// Near misses: names that may have been meant, best first.
    pub suggestions: Vec<String>,
}

/// One step of the way to an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// `while evaluating the attribute 'x'`, and the like.
    pub text: String,
    /// Where, or [`Position::NONE`].
    pub position: Position,
    /// What sort of step this is: decides which ones are shown without `--show-trace`.
    pub kind: FrameKind,
}

/// The sorts of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// Added by the evaluator.
    Evaluator,
    /// Added by `builtins.addErrorContext`: always shown.
    Custom,
}

/// The kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `throw`, or a lookup path that is not found: `tryEval` catches it.
    Thrown,
    /// `assert`: `tryEval` catches it.
    Assertion,
    /// `abort`.
    Abort,
    /// A value of the wrong type.
    Type,
    /// An attribute that is not there.
    MissingAttribute,
    /// A variable that is not defined.
    UndefinedVariable,
    /// A value that needs itself.
    InfiniteRecursion,
    /// A limit was reached: call depth, memory, time, sizes.
    Limit,
    /// The evaluation was cancelled from outside.
    Cancelled,
    /// A file that does not parse.
    Syntax,
    /// The host or the store failed, or refused.
    Io,
    /// Anything else that a builtin refuses.
    Other,
}

/// The most frames that an error keeps; further ones are counted only.
const FRAMES_MAX: usize = 4096;

impl EvalError {
    /// Returns an error with this kind and message, without a position.
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Box<EvalError> {
        Box::new(EvalError {
            kind,
            message: message.into(),
            position: Position::NONE,
            frames: Vec::new(),
            frames_omitted: 0,
            suggestions: Vec::new(),
        })
    }

    /// Whether `builtins.tryEval` turns this error into a value.
    pub fn is_catchable(&self) -> bool {
        matches!(self.kind, ErrorKind::Thrown | ErrorKind::Assertion)
    }

    /// Says where the error happened, unless that is known already.
    #[must_use]
    pub fn at(mut self: Box<Self>, position: Position) -> Box<EvalError> {
        if !self.position.is_some() {
            self.position = position;
        }
        self
    }

    /// Adds a step to the way by which evaluation came.
    #[must_use]
    pub fn frame(
        mut self: Box<Self>,
        position: Position,
        kind: FrameKind,
        text: impl Into<String>,
    ) -> Box<EvalError> {
        if self.frames.len() < FRAMES_MAX {
            self.frames.push(Frame { text: text.into(), position, kind });
        } else {
            self.frames_omitted += 1;
        }
        self
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvalError {}

/// Returns the error of a value of the wrong type.
///
/// `expected` carries its article (`an integer`), `found` is the description of the value.
#[cold]
pub fn wrong_type(expected: &str, found: &str) -> Box<EvalError> {
    EvalError::new(ErrorKind::Type, format!("expected {expected} but found {found}"))
}

/// Returns the error of two values without an order (`message` is the oracle's whole sentence).
#[cold]
pub fn incomparable(message: impl Into<String>) -> Box<EvalError> {
    EvalError::new(ErrorKind::Type, message)
}

/// Returns the error of a value that is no string and cannot become one.
///
/// `type_name` carries its article, `shown` is the value as messages show it.
#[cold]
pub fn not_a_string(type_name: &str, shown: &str) -> Box<EvalError> {
    EvalError::new(ErrorKind::Type, format!("cannot coerce {type_name} to a string: {shown}"))
}

/// Returns the error of a value that has no place in a format (`JSON`).
///
/// `type_name` carries its article.
#[cold]
pub fn not_convertible(type_name: &str, format: &str) -> Box<EvalError> {
    EvalError::new(ErrorKind::Type, format!("cannot convert {type_name} to {format}"))
}

/// Returns the error of a language feature that is not switched on.
#[cold]
pub fn feature_disabled(feature: &str) -> Box<EvalError> {
    EvalError::new(
        ErrorKind::Other,
        format!(
            "experimental Nix feature '{feature}' is disabled; add \
             '--extra-experimental-features {feature}' to enable it"
        ),
    )
}

/// Returns the error of a refused argument, in whatever words the rule has.
#[cold]
pub fn other(message: impl Into<String>) -> Box<EvalError> {
    EvalError::new(ErrorKind::Other, message)
}

/// Returns the error of `throw`.
#[cold]
pub fn thrown(message: impl Into<String>) -> Box<EvalError> {
    EvalError::new(ErrorKind::Thrown, message)
}

/// Returns the error of `abort`.
#[cold]
pub fn aborted(message: &str) -> Box<EvalError> {
    EvalError::new(
        ErrorKind::Abort,
        format!("evaluation aborted with the following error message: '{message}'"),
    )
}

/// Returns the error of a failed `assert` (`message` is the oracle's whole sentence).
#[cold]
pub fn assertion_failed(message: impl Into<String>) -> Box<EvalError> {
    EvalError::new(ErrorKind::Assertion, message)
}

/// Returns the error of an attribute that is not in a set.
#[cold]
pub fn missing_attribute(name: &str, suggestions: Vec<String>) -> Box<EvalError> {
    let mut error =
        EvalError::new(ErrorKind::MissingAttribute, format!("attribute '{name}' missing"));
    error.suggestions = suggestions;
    error
}

/// Returns the error of a value that needs itself.
#[cold]
pub fn infinite_recursion() -> Box<EvalError> {
    EvalError::new(ErrorKind::InfiniteRecursion, "infinite recursion encountered")
}

/// Returns the error of a limit that was reached, in whatever words the limit has.
#[cold]
pub fn limit(message: impl Into<String>) -> Box<EvalError> {
    EvalError::new(ErrorKind::Limit, message)
}

/// Returns the error of an operation of the host or the store.
#[cold]
pub fn io(message: impl Into<String>) -> Box<EvalError> {
    EvalError::new(ErrorKind::Io, message)
}

/// Returns the error of the store, with all its causes in one line.
#[cold]
pub fn store(error: &dyn std::error::Error) -> Box<EvalError> {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    EvalError::new(ErrorKind::Io, message)
}
