//! The builtins: the tables of all families, joined, and lookup by name.

pub mod arithmetic;
pub mod context;
pub mod derivation;
pub mod file;
pub mod hash;
pub mod import;
pub mod path;
pub mod table;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

pub use table::{Builtin, Parameter};

/// The tables of the families, in the order of the manual.
const FAMILIES: &[&[Builtin]] = &[
    arithmetic::TABLE,
    context::TABLE,
    derivation::TABLE,
    file::TABLE,
    hash::TABLE,
    import::TABLE,
    path::TABLE,
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

/// Returns the index of the builtin called `name` (without `builtins.` or `__`).
pub fn index(name: &str) -> Option<u32> {
    INDEX.get(name).copied()
}

/// Returns the builtin called `name` (without `builtins.` or `__`).
pub fn get(name: &str) -> Option<&'static Builtin> {
    ALL.get(index(name)? as usize).copied()
}

/// Variables that are constants or sets rather than rows of a table.
const GLOBAL_CONSTANTS: &[&str] = &["builtins", "derivation", "false", "null", "true"];

/// Whether `name` is a variable everywhere: a global builtin or constant, or `__` before the name
/// of any builtin.
pub fn is_global(name: &str) -> bool {
    if GLOBAL_CONSTANTS.contains(&name) {
        return true;
    }
    match name.strip_prefix("__") {
        Some("currentSystem" | "currentTime" | "langVersion" | "nixPath" | "nixVersion") => true,
        Some("curPos" | "storeDir") => true,
        Some(rest) => index(rest).is_some(),
        None => index(name).and_then(|it| ALL.get(it as usize)).is_some_and(|it| it.is_global),
    }
}

/// Returns the names that are variables everywhere, without those that begin with `__`.
pub fn global_names() -> impl Iterator<Item = &'static str> {
    let functions = ALL.iter().filter(|builtin| builtin.is_global).map(|builtin| builtin.name);
    functions.chain(GLOBAL_CONSTANTS.iter().copied())
}
