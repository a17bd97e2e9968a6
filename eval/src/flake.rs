//! Flakes: references to them, what `flake.nix` and `flake.lock` say, and their values.
//!
//! In reading order: references; what a flake says of itself; which trees its inputs are, as a
//! lock file; finding that out; the value.

pub mod reference;
pub mod registry;
pub mod settings;
mod tree;

pub mod lock_file;
pub mod manifest;

mod fetch;
pub mod lock;
mod shown;

mod call;
pub mod date;
mod fingerprint;
mod url;

pub use call::{call, outputs, select, select_at};
pub use fetch::Tree;
pub(crate) use fetch::{Telling, fetch_unseen, tree_value};
pub use fetch::{expected_path, fetch_final, fetch_tree};
pub use fingerprint::fingerprint;
pub(crate) use shown::ShownTree;
pub use tree::{Installable, parse_typed};
