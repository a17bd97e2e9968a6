//! The builtins: the tables of all families, joined, and lookup by name.

pub mod arithmetic;
pub mod table;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

pub use table::{Builtin, Parameter};

/// The tables of the families, in the order of the manual.
const FAMILIES: &[&[Builtin]] = &[arithmetic::TABLE];

/// All builtins; a `Value::builtin(index)` is an index into this list.
static ALL: LazyLock<Vec<&'static Builtin>> =
    LazyLock::new(|| FAMILIES.iter().flat_map(|family| family.iter()).collect());

static INDEX: LazyLock<FxHashMap<&'static str, u32>> =
    LazyLock::new(|| ALL.iter().zip(0..).map(|(builtin, index)| (builtin.name, index)).collect());

/// Returns all builtins, by index.
pub fn all() -> &'static [&'static Builtin] {
    &ALL
}

/// Returns the index of the builtin called `name` (without `builtins.` or `__`).
pub fn index(name: &str) -> Option<u32> {
    INDEX.get(name).copied()
}
