//! What it means: lowering, resolution, values, evaluation.
//!
//! text → tree (`syntax`) → [`ir`] → values ([`heap`], [`interpret`]). The host is
//! [`system::System`], the store [`store::Store`]; everything between is pure.

#[macro_use]
mod access;
pub mod blame;
pub mod builtins;
pub mod coerce;
pub mod compiled;
pub mod context;
mod copy;
pub mod db;
pub mod diagnostic;
pub mod embedded;
pub mod equal;
pub mod error;
mod escape;
pub mod flake;
pub mod heap;
pub mod inspect;
pub mod installable;
pub mod interpret;
pub mod ir;
pub mod json;
mod known;
pub mod lint;
pub mod lookup;
pub mod lower;
pub mod module_bindings;
pub mod module_check;
pub mod module_error;
pub mod names;
pub mod notice;
pub mod number;
pub mod option_tree;
pub mod order;
pub mod packages;
pub mod print;
mod realise;
pub mod regex;
pub mod report;
pub mod scope;
pub mod select;
pub mod settings;
pub mod show;
pub mod source;
pub mod suggestion;
pub mod syntax_error;
pub mod system;
pub mod toml;
pub mod watch;
pub mod xml;

#[cfg(test)]
mod tests;
