//! What went wrong in an evaluation, where, and by which path we came.
//!
//! An [`EvalError`] is plain data and cheap to move (one box). It is made only by the named
//! functions of this module, so that wording, hints and tests live in one place, and rendered
//! only by [`crate::report`]: in the oracle's form for the `nix-*` names, in ours for `nivis`.
//! Messages use the oracle's wording (CppNix 2.34.8), because nixpkgs and tools match on it.

pub mod code;

use std::fmt;
use std::sync::Arc;

use crate::print;
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
    /// The way by which evaluation came.
    pub frames: Frames,
    /// Near misses: names that may have been meant, best first.
    pub suggestions: Vec<String>,
    /// Of a value that needs itself: the expressions that need each other, the last one first.
    pub cycle: Vec<Position>,
    /// What the cycle comes back to, until that is met.
    knot: Option<usize>,
    /// Whether infinite recursion has its position for good, even if that is none.
    is_placed: bool,
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
    /// Added by the evaluator for a call: shown only with `--show-trace`.
    Call,
    /// Added by `builtins.addErrorContext`: always shown.
    Custom,
}

/// The way to an error: a list that grows at one end and shares the rest, because every thunk on
/// the way remembers the error as it was there.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    last: Option<Arc<FrameLink>>,
    omitted: usize,
}

#[derive(Debug)]
struct FrameLink {
    frame: Frame,
    before: Option<Arc<FrameLink>>,
    len: usize,
}

impl Frames {
    /// Returns how many frames are kept.
    pub fn len(&self) -> usize {
        self.last.as_ref().map_or(0, |link| link.len)
    }

    /// Whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Returns how many frames were dropped because there were too many.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Returns the frames, outermost first.
    pub fn outermost_first(&self) -> impl Iterator<Item = &Frame> {
        let mut next = self.last.as_deref();
        std::iter::from_fn(move || {
            let link = next?;
            next = link.before.as_deref();
            Some(&link.frame)
        })
    }

    fn push(&mut self, frame: Frame) {
        let len = self.len();
        if len >= FRAMES_MAX {
            self.omitted += 1;
            return;
        }
        self.last = Some(Arc::new(FrameLink { frame, before: self.last.take(), len: len + 1 }));
    }

    fn outermost(&self) -> Option<&Frame> {
        self.last.as_deref().map(|link| &link.frame)
    }

    /// Says where the outermost frame is.
    fn place_outermost(&mut self, position: Position) {
        let Some(link) = self.last.take() else { return };
        let frame = Frame { position, ..link.frame.clone() };
        let (before, len) = (link.before.clone(), link.len);
        self.last = Some(Arc::new(FrameLink { frame, before, len }));
    }
}

/// One link after the other, since a long list dropped link inside link would need a large stack.
impl Drop for Frames {
    fn drop(&mut self) {
        let mut last = self.last.take();
        while let Some(link) = last.and_then(Arc::into_inner) {
            last = link.before;
        }
    }
}

/// The kinds of errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// What a pure or restricted evaluation may not look at.
    Restricted,
    /// A word that is none of those known, where the command's help may have more to say.
    Usage,
    /// Anything else that a builtin refuses.
    #[default]
    Other,
}

/// The most frames that an error keeps; further ones are counted only. Enough for each call of the
/// deepest nesting that the settings allow unless told otherwise, which takes two or three.
const FRAMES_MAX: usize = 1 << 16;

/// The most expressions of a cycle that are kept.
const CYCLE_MAX: usize = 1 << 10;

/// The step from a call to where the call is written.
pub(crate) const CALL_SITE: &str = "from call site";

impl EvalError {
    /// Returns an error with this kind and message, without a position.
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Box<EvalError> {
        Box::new(EvalError {
            kind,
            message: message.into(),
            position: Position::NONE,
            frames: Frames::default(),
            suggestions: Vec::new(),
            cycle: Vec::new(),
            knot: None,
            is_placed: false,
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

    /// Says where a function is called whose call was met last, unless that is known already.
    #[must_use]
    pub(crate) fn called_at(self: Box<Self>, position: Position) -> Box<EvalError> {
        let is_open = self
            .frames
            .outermost()
            .is_some_and(|it| it.kind == FrameKind::Call && it.text != CALL_SITE);
        if is_open && position.is_some() {
            return self.frame(position, FrameKind::Call, CALL_SITE);
        }
        self
    }

    /// Says where a value was needed when the error came up: infinite recursion is there, and so is
    /// a call whose place nobody knew, or that was one too many.
    #[must_use]
    pub(crate) fn needed_at(self: Box<Self>, position: Position) -> Box<EvalError> {
        match self.kind {
            ErrorKind::InfiniteRecursion if !self.is_placed => self.at(position),
            ErrorKind::Limit if self.frames.is_empty() => self.at(position),
            _ => self.called_at(position),
        }
    }

    /// Adds an expression to the cycle of values that need each other, unless it is closed: the
    /// one in the slot `knot` closes it.
    ///
    /// Whoever asked for the value that was being computed has said where that was, or never will.
    pub(crate) fn add_to_cycle(&mut self, knot: usize, position: Position) {
        self.is_placed = true;
        if self.knot.is_none() {
            return;
        }
        if self.cycle.len() < CYCLE_MAX && position.is_some() {
            self.cycle.push(position);
        }
        if self.knot == Some(knot) {
            self.knot = None;
        }
    }

    /// Replaces the position `pending`, of the error itself or of the step added last.
    #[must_use]
    pub(crate) fn placed(
        mut self: Box<Self>,
        pending: Position,
        place: impl FnOnce() -> Position,
    ) -> Box<EvalError> {
        let is_outermost = self.frames.outermost().is_some_and(|it| it.position == pending);
        if is_outermost || self.position == pending {
            let position = place();
            if is_outermost {
                self.frames.place_outermost(position);
            }
            if self.position == pending {
                self.position = position;
            }
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
        self.frames.push(Frame { text: text.into(), position, kind });
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

/// Returns the error of a language feature that is not switched on, with what needs it.
#[cold]
pub fn feature_disabled_for(feature: &str, reason: &str) -> Box<EvalError> {
    let mut error = feature_disabled(feature);
    error.message = error.message.replacen("is disabled;", &format!("is disabled ({reason});"), 1);
    error
}

/// Returns the error of a refused argument, in whatever words the rule has.
#[cold]
pub fn other(message: impl Into<String>) -> Box<EvalError> {
    EvalError::new(ErrorKind::Other, message)
}

/// Returns the error of a word that is none of those known, in whatever words the rule has.
#[cold]
pub fn usage(message: impl Into<String>) -> Box<EvalError> {
    EvalError::new(ErrorKind::Usage, message)
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
    let name = print::shown_name(name.as_bytes());
    let mut error =
        EvalError::new(ErrorKind::MissingAttribute, format!("attribute '{name}' missing"));
    error.suggestions = suggestions;
    error
}

/// Returns the error of a variable that nothing defines.
#[cold]
pub fn undefined_variable(name: &str) -> Box<EvalError> {
    EvalError::new(ErrorKind::UndefinedVariable, format!("undefined variable '{name}'"))
}

/// Returns the error of `~/…` where no home is known.
#[cold]
pub fn no_home(path: &[u8]) -> Box<EvalError> {
    let path = String::from_utf8_lossy(path);
    other(format!("the path '{path}' can not be resolved in pure mode"))
}

/// Returns the error of a value that needs itself; `knot` tells its slot from others.
#[cold]
pub fn infinite_recursion(knot: usize) -> Box<EvalError> {
    let mut error = EvalError::new(ErrorKind::InfiniteRecursion, "infinite recursion encountered");
    error.knot = Some(knot);
    error
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

#[cfg(test)]
mod tests {
    use super::{CALL_SITE, ErrorKind, EvalError, Frame, FrameKind, limit, other};
    use crate::source::{FileId, Position};

    fn at(offset: u32) -> Position {
        Position { file: FileId(1), offset }
    }

    fn frames(error: &EvalError) -> Vec<(&str, Position)> {
        let shown = |frame: &'_ Frame| frame.position;
        let frames = error.frames.outermost_first();
        frames.map(|frame| (frame.text.as_str(), shown(frame))).collect()
    }

    #[test]
    fn a_long_way_is_dropped_on_a_small_stack() {
        let build = || {
            let mut error = other("x");
            for offset in 0..60_000 {
                error = error.frame(at(offset), FrameKind::Evaluator, "step");
            }
            error.frames.len()
        };
        let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(build);
        assert_eq!(thread.expect("a thread").join().expect("it ends"), 60_000);
    }

    #[test]
    fn a_call_without_a_place_gets_the_first_one_offered() {
        let error = other("x").frame(at(1), FrameKind::Call, "while calling 'f'");
        let error = error.called_at(Position::NONE).called_at(at(2)).called_at(at(3));
        assert_eq!(frames(&error), [(CALL_SITE, at(2)), ("while calling 'f'", at(1))]);
        assert!(frames(&other("x").called_at(at(1))).is_empty());
    }

    #[test]
    fn recursion_is_where_the_value_was_needed() {
        let error = EvalError::new(ErrorKind::InfiniteRecursion, "x").needed_at(at(1));
        assert_eq!(error.needed_at(at(2)).position, at(1));
        assert_eq!(other("x").needed_at(at(1)).position, Position::NONE);
        // So is a call that was one too many, unless it was made on the way.
        assert_eq!(limit("x").needed_at(at(1)).position, at(1));
        let error = limit("x").frame(at(1), FrameKind::Evaluator, "step");
        assert_eq!(error.needed_at(at(2)).position, Position::NONE);
    }

    #[test]
    fn only_what_is_pending_is_placed() {
        let error = other("x")
            .frame(at(9), FrameKind::Evaluator, "inner")
            .frame(at(9), FrameKind::Evaluator, "outer")
            .placed(at(9), || at(1));
        assert_eq!(frames(&error), [("outer", at(1)), ("inner", at(9))]);
        let error = other("x").at(at(9)).placed(at(9), || at(2));
        assert_eq!(error.position, at(2));
    }
}
