//! `SyntaxError`: where, what was expected, and how to say it.
//!
//! Every message is built by a named function here, ours and, for what the reference
//! implementation notices outside its grammar, its own wording too. The wording of its grammar
//! errors is found by `oracle`.

use std::fmt;

use crate::TextRange;
use crate::kind::SyntaxKind;

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
    /// [`NEVER`] if something else stops it before.
    pub(crate) noticed_at: u32,
}

/// Where an error is noticed of a construct that is itself broken.
pub(crate) const NEVER: u32 = u32::MAX;

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

impl SyntaxError {
    /// Returns the error with every offset replaced by what `map` makes of it, or `None` if `map`
    /// has no place for one.
    pub(crate) fn try_map_offsets(
        mut self,
        map: &impl Fn(u32) -> Option<u32>,
    ) -> Option<SyntaxError> {
        let map_range = |range: TextRange| {
            let (start, end) = (map(range.start().into())?, map(range.end().into())?);
            Some(TextRange::new(start.into(), end.into()))
        };
        self.range = map_range(self.range)?;
        if let Some(related) = &mut self.related {
            *related = map_range(*related)?;
        }
        if let Some(oracle) = &mut self.oracle {
            if let Some(previous) = &mut oracle.previous {
                *previous = map(*previous)?;
            }
            oracle.offset = map(oracle.offset)?;
            if oracle.noticed_at != NEVER {
                oracle.noticed_at = map(oracle.noticed_at)?;
            }
        }
        Some(self)
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

/// `a == b == c`, `a < b < c`.
pub(crate) fn chained_comparison(operator: SyntaxKind, range: TextRange) -> SyntaxError {
    let message = format!("{operator} cannot follow another comparison without parentheses");
    SyntaxError::new(ErrorKind::Unexpected, range, message)
}

/// `a |> b <| c`.
pub(crate) fn mixed_pipes(range: TextRange) -> SyntaxError {
    let message = "`|>` and `<|` cannot be mixed without parentheses";
    SyntaxError::new(ErrorKind::Unexpected, range, message)
}

/// A pipe where pipes are switched off.
pub(crate) fn pipes_disabled(range: TextRange) -> SyntaxError {
    let start = range.start().into();
    SyntaxError::new(ErrorKind::DisabledFeature, range, "pipe operators are switched off")
        .with_hint("add `pipe-operators` to the setting `experimental-features`")
        .with_oracle(
            start,
            start,
            "experimental Nix feature 'pipe-operators' is disabled; \
             add '--extra-experimental-features pipe-operators' to enable it",
        )
}

/// Nesting beyond `Options::depth_max`.
pub(crate) fn nesting_too_deep(range: TextRange, depth_max: u32) -> SyntaxError {
    let start = range.start().into();
    let message = format!("nesting is deeper than {depth_max} levels");
    SyntaxError::new(ErrorKind::NestingTooDeep, range, message)
        .with_hint("name inner parts with `let`, or read the data from a file")
        .with_oracle(start, start, "memory exhausted")
}

/// A source larger than 32-bit offsets.
pub(crate) fn too_large() -> SyntaxError {
    let message = "a source file cannot have 4 GiB, a token of 16 MiB or 16 million nodes";
    SyntaxError::new(ErrorKind::TooLarge, TextRange::default(), message).with_oracle(
        0,
        0,
        "memory exhausted",
    )
}

/// `/* …` without an end.
pub(crate) fn unclosed_comment(range: TextRange) -> SyntaxError {
    SyntaxError::new(ErrorKind::Unclosed, range, "this comment is not closed")
        .with_hint("end it with `*/`")
}

/// `./a/`; `printed_at` is where the reference implementation points.
pub(crate) fn trailing_slash(range: TextRange, printed_at: u32) -> SyntaxError {
    SyntaxError::new(ErrorKind::InvalidPath, range, "a path cannot end with a slash")
        .with_hint("remove the last `/`")
        .with_oracle(printed_at, range.end().into(), "path has a trailing slash")
}

/// A NUL byte in a string, whose value up to the next interpolation is `value`.
pub(crate) fn nul_in_string(range: TextRange, value: &[u8]) -> SyntaxError {
    let start = range.start().into();
    let shown = String::from_utf8_lossy(value).replace('\0', "␀");
    SyntaxError::new(ErrorKind::InvalidString, range, "a string cannot contain a NUL byte")
        .with_oracle(
            start,
            start,
            format!(
                "input string '{shown}' cannot be represented as Nix string \
                 because it contains null bytes"
            ),
        )
}

/// An integer that does not fit.
pub(crate) fn invalid_integer(range: TextRange, text: &str) -> SyntaxError {
    let start = range.start().into();
    let message = format!("`{text}` does not fit a 64-bit integer");
    SyntaxError::new(ErrorKind::InvalidNumber, range, message)
        .with_hint(format!("the largest integer is {}; write a float or a string", i64::MAX))
        .with_oracle(start, start, format!("invalid integer '{text}'"))
}

/// A float that does not fit.
pub(crate) fn invalid_float(range: TextRange, text: &str) -> SyntaxError {
    let start = range.start().into();
    let message = format!("`{text}` is too large or too close to zero for a float");
    SyntaxError::new(ErrorKind::InvalidNumber, range, message).with_oracle(
        start,
        start,
        format!("invalid float '{text}'"),
    )
}

/// A formal named twice, or like the name bound by `@`; the function ends at `noticed_at`, or
/// [`NEVER`].
///
/// `printed_at` is where the reference implementation points.
pub(crate) fn duplicate_formal(
    name: &str,
    range: TextRange,
    first: TextRange,
    printed_at: u32,
    noticed_at: u32,
) -> SyntaxError {
    let message = format!("formal `{name}` is already defined");
    let mut error = SyntaxError::new(ErrorKind::DuplicateFormal, range, message).with_oracle(
        printed_at,
        noticed_at,
        format!("duplicate formal function argument '{name}'"),
    );
    error.related = Some(first);
    error
}

/// A dynamic attribute in `let`, which begins at `start` and ends at `noticed_at`, or [`NEVER`].
pub(crate) fn dynamic_in_let(range: TextRange, start: u32, noticed_at: u32) -> SyntaxError {
    let message = "a name in `let` cannot be computed";
    SyntaxError::new(ErrorKind::DynamicAttr, range, message)
        .with_hint("bind an attribute set with the computed name, and select from it")
        .with_oracle(start, noticed_at, "dynamic attributes not allowed in let")
}

/// A dynamic attribute in `inherit`.
pub(crate) fn dynamic_in_inherit(range: TextRange) -> SyntaxError {
    let message = "a name in `inherit` cannot be computed";
    SyntaxError::new(ErrorKind::DynamicAttr, range, message)
        .with_hint("write `${name} = set.${name};` instead")
        .with_oracle(
            range.start().into(),
            range.end().into(),
            "dynamic attributes not allowed in inherit",
        )
}
