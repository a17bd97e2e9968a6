//! POSIX extended regular expressions over bytes, for `builtins.match` and `builtins.split`.
//!
//! CppNix hands patterns to libstdc++'s `std::regex` with `regex::extended`, and nixpkgs depends
//! on what that does, including where it strays from POSIX:
//!
//! - Of the branches of `|` the one that leads to the longest match wins, but a repetition takes
//!   as much as it can and, once that leads to any match, is not reconsidered.
//! - Sub-matches are those of the first path, left to right, that reached the longest match, and
//!   a group keeps what it held when a later round of a repetition does not enter it.
//! - A repetition whose body matches nothing may run twice, not more, at one place of the text.
//!
//! [`parse`] makes a tree, [`program`] a list of instructions, [`run`] walks them depth first
//! with its own stack. Results of choice points are remembered once a search grows long, so time
//! is bounded by pattern times text in all but contrived patterns. No Rust regex engine has these
//! rules, which is why this is our own.

mod parse;
mod program;
mod run;
mod set;

use std::sync::atomic::AtomicBool;

use program::Program;
pub use run::Scratch;

/// A compiled pattern.
pub struct Regex {
    program: Program,
}

/// Why a pattern does not compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegexError {
    /// It is not a POSIX extended regular expression.
    Invalid,
    /// It needs more states than libstdc++ allows.
    TooLarge,
}

/// Why a search ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was cancelled from outside.
    Cancelled,
    /// It needs too much memory.
    TooLarge,
}

/// Where something matched, in bytes from the start of the text: start and end.
pub type Span = (usize, usize);

/// A match: the whole, and each group in order of its opening parenthesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The whole match.
    pub whole: Span,
    /// The groups; `None` for one that took no part.
    pub groups: Vec<Option<Span>>,
}

impl Regex {
    /// Compiles `pattern`.
    ///
    /// # Errors
    ///
    /// If it is not a valid extended regular expression, or too large.
    pub fn new(pattern: &[u8]) -> Result<Regex, RegexError> {
        let tree = parse::parse(pattern)?;
        Ok(Regex { program: Program::new(&tree) })
    }

    /// Matches the pattern against the whole of `text`.
    ///
    /// # Errors
    ///
    /// If `cancel` is set meanwhile, or memory runs out.
    pub fn match_whole(
        &self,
        text: &[u8],
        scratch: &mut Scratch,
        cancel: &AtomicBool,
    ) -> Result<Option<Match>, Stopped> {
        run::Search::new(&self.program, text, scratch, cancel).whole()
    }

    /// Returns all matches in `text` from left to right, without overlap.
    ///
    /// After an empty match a non-empty one may follow at the same place; otherwise the search
    /// goes on one byte further.
    ///
    /// # Errors
    ///
    /// If `cancel` is set meanwhile, or memory runs out.
    pub fn find_all(
        &self,
        text: &[u8],
        scratch: &mut Scratch,
        cancel: &AtomicBool,
    ) -> Result<Vec<Match>, Stopped> {
        run::Search::new(&self.program, text, scratch, cancel).all()
    }
}

#[cfg(test)]
mod tests;
