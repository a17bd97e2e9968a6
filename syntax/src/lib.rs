//! What you wrote: lossless trees from any text.

mod error;
pub mod flat;
mod kind;
pub mod literal;

pub use error::{ErrorKind, SyntaxError, duplicate_attr};
pub use flat::{FlatElement, FlatNode, FlatToken, FlatTree};
pub use kind::SyntaxKind;
pub use rowan::{TextRange, TextSize};

/// How to parse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whether `|>` and `<|` are allowed; if not they parse and are an error.
    pub pipe_operators: bool,
    /// How many nodes deep a tree may be before `NestingTooDeep` is reported.
    pub depth_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options { pipe_operators: false, depth_max: 1_000 }
    }
}
