//! What there is to say about a piece of code: code, severity, range, message.
//!
//! The same data is shown by the editor, by `nivis check` and in tests.

use syntax::TextRange;

/// Something to say about a place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The lint's or error's code, such as `unused-binding`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The bytes it is about.
    pub range: TextRange,
    /// One sentence, lower case, without a full stop.
    pub message: String,
    /// A suggestion that may help.
    pub hint: Option<String>,
    /// Whether the code in `range` could be deleted: editors show it faded.
    pub is_unnecessary: bool,
    /// Other places that matter, each with a note.
    pub related: Vec<(TextRange, String)>,
}

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file does not work.
    Error,
    /// The file probably does not do what was meant.
    Warning,
    /// The file could be simpler.
    Hint,
}
