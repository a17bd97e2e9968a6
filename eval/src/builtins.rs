//! The builtins: the tables of all families, joined, and lookup by name.

pub mod argument;
pub mod arithmetic;
pub mod attrs;
pub mod closure;
pub mod constants;
pub mod context;
pub mod control;
pub mod debug;
pub mod derivation;
pub mod environment;
pub mod expect;
pub mod fetch;
pub mod fetch_closure;
pub mod file;
pub mod flake;
pub mod format;
pub mod hash;
pub mod import;
pub mod list;
pub mod path;
pub mod regex;
pub mod string;
pub mod table;
pub mod tree;
pub mod types;
pub mod version;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

pub use table::{Builtin, Parameter};

/// The tables of the families, in the order of the manual.
const FAMILIES: &[&[Builtin]] = &[
    arithmetic::TABLE,
    attrs::TABLE,
    closure::TABLE,
    context::TABLE,
    control::TABLE,
    debug::TABLE,
    derivation::TABLE,
    environment::TABLE,
    fetch::TABLE,
    fetch_closure::TABLE,
    file::TABLE,
    flake::TABLE,
    format::TABLE,
    hash::TABLE,
    import::TABLE,
    list::TABLE,
    path::TABLE,
    regex::TABLE,
    string::TABLE,
    tree::TABLE,
    types::TABLE,
    version::TABLE,
];

/// All builtins; a `Value::builtin(index)` is an index into this list.
static ALL: LazyLock<Vec<&'static Builtin>> =
    LazyLock::new(|| FAMILIES.iter().flat_map(|family| family.iter()).collect());

static INDEX: LazyLock<FxHashMap<&'static str, u32>> =
    LazyLock::new(|| ALL.iter().zip(0..).map(|(builtin, index)| (builtin.name, index)).collect());

/// Returns all builtins, by index.
pub fn all() -> &'static [&'static Builtin] {
    &ALL
}

/// Returns the builtin with this index.
///
/// # Panics
///
/// If `index` is none that [`index`] returned.
#[inline]
pub fn at(index: u32) -> &'static Builtin {
    ALL[index as usize]
}

/// Returns the index of the builtin called `name` (without `builtins.` or `__`).
pub fn index(name: &str) -> Option<u32> {
    INDEX.get(name).copied()
}

/// Returns the builtin called `name` (without `builtins.` or `__`).
pub fn get(name: &str) -> Option<&'static Builtin> {
    ALL.get(index(name)? as usize).copied()
}

/// Whether `name` is a variable everywhere: a global builtin or constant, or `__` before the name
/// of one that is not.
pub fn is_global(name: &str) -> bool {
    let is_bare = |name: &str| {
        get(name)
            .map(|builtin| builtin.is_global)
            .or_else(|| constants::get(name).map(|constant| constant.is_global))
    };
    match name.strip_prefix("__") {
        Some("curPos") => true,
        Some(rest) => is_bare(rest) == Some(false),
        None => is_bare(name) == Some(true),
    }
}

/// Returns the names that are variables everywhere, without those that begin with `__`.
pub fn global_names() -> impl Iterator<Item = &'static str> {
    let functions = ALL.iter().filter(|builtin| builtin.is_global).map(|builtin| builtin.name);
    let constants = constants::CONSTANTS.iter().filter(|constant| constant.is_global);
    functions.chain(constants.map(|constant| constant.name))
}

#[cfg(test)]
mod examples;
