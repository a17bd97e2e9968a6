//! `SyntaxError`: where, what was expected, and how to say it.
//!
//! Every message is built by a named function here, ours and, for what the reference
//! implementation notices outside its grammar, its own wording too. The wording of its grammar
//! errors is found by `oracle`.

use std::fmt;

use crate::TextRange;

/// The code of a syntax error, for settings and documentation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorKind {
    /// Something else was expected here.
    Unexpected,
    /// Something is missing here.
    Missing,
    /// A string, comment or bracket is not closed.
    Unclosed,
    /// Brackets or operators are nested too deep.
    NestingTooDeep,
    /// A number does not fit.
    InvalidNumber,
    /// A path ends with a slash or has an empty segment.
    InvalidPath,
    /// A string has a byte that the language forbids.
    InvalidString,
    /// A parameter is named twice.
    DuplicateFormal,
    /// An attribute is defined twice.
    DuplicateAttr,
    /// A dynamic attribute where only static ones may stand.
    DynamicAttr,
    /// A feature that is switched off.
    DisabledFeature,
    /// The source is larger than offsets can count.
    TooLarge,
}

/// One thing that is wrong with the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// The bytes to underline; empty where something is missing.
    pub range: TextRange,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// The kind of error.
    pub kind: ErrorKind,
    /// What to do about it.
    pub hint: Option<String>,
    /// The other place that matters: the first of two definitions, the bracket left open.
    pub related: Option<TextRange>,
    /// What the reference implementation says and where, if this is no error of its grammar.
    pub(crate) oracle: Option<OracleWording>,
}

/// The reference implementation's words for an error that is not of its grammar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OracleWording {
    pub(crate) message: String,
    /// The place whose name completes the message.
    pub(crate) previous: Option<u32>,
    /// The place it prints.
    pub(crate) offset: u32,
    /// How far it has read when it notices: of several errors the one noticed first is printed.
    pub(crate) noticed_at: u32,
}

impl SyntaxError {
    /// Builds an error of which the reference implementation's grammar finds its own version.
    pub(crate) fn new(kind: ErrorKind, range: TextRange, message: impl Into<String>) -> Self {
        SyntaxError {
            range,
            message: message.into(),
            kind,
            hint: None,
            related: None,
            oracle: None,
        }
    }

    /// Adds a hint.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the reference implementation's words, printed at `offset`.
    #[must_use]
    fn with_oracle(mut self, offset: u32, noticed_at: u32, message: impl Into<String>) -> Self {
        let message = message.into();
        self.oracle = Some(OracleWording { message, previous: None, offset, noticed_at });
        self
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SyntaxError {}

/// An attribute is defined a second time and the two definitions cannot be merged.
///
/// `path` is the attribute path as it is shown, `second` and `first` are where the two definitions
/// stand (the path of a binding, the name in an `inherit`), `noticed_at` is the offset after the
/// second definition's binding. Called by lowering, which merges.
pub fn duplicate_attr(
    path: &str,
    second: TextRange,
    first: TextRange,
    noticed_at: u32,
) -> SyntaxError {
    let message = format!("attribute `{path}` is already defined");
    let mut error = SyntaxError::new(ErrorKind::DuplicateAttr, second, message)
        .with_hint("remove one of the definitions, or make both attribute sets to merge them")
        .with_oracle(
            second.start().into(),
            noticed_at,
            format!("attribute '{path}' already defined at "),
        );
    if let Some(oracle) = &mut error.oracle {
        oracle.previous = Some(first.start().into());
    }
    error.related = Some(first);
    error
}
