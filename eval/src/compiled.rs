//! Compiled files: the IR of one file as bytes that any later evaluation can take over.
//!
//! What [`write()`] makes of a lowered file, [`load`] turns back into nodes, in another process and
//! among other files. The bytes name nothing outside themselves: names are indices into a table
//! of the file's own, which is interned in the order in which lowering meets them, so that symbols
//! get the same order as without compiled files; relative paths are as they are written; nodes
//! stand in one another, so that there is no index to a node at all. What a set or a `let` holds
//! is read when it is first needed, so most of a large file never becomes nodes.
//!
//! Frames whose slots lie in the order of symbols (formals, recursive sets) may have them in
//! another order here than where the file was compiled; the reader carries the difference down to
//! the variables.
//!
//! The bytes are found by a [`Key`] of the text and of all that decides what lowering makes of it,
//! the program's own source included. They begin with a checksum. Reading trusts nothing: bytes
//! that are damaged, or that no writer of ours made, are as good as none.

mod bytes;
mod read;
mod write;

pub(crate) use read::{Deferred, ReadLater, Unit, load, read_deferred};
pub(crate) use write::write;

use store::hash::{HashAlgorithm, Hasher};

use crate::settings::Settings;

/// Under what a compiled file is kept.
pub type Key = [u8; 32];

/// Changes with every change to the sources of `eval` and `syntax`.
pub const VERSION: &str = env!("NIVIS_SOURCES_HASH");

/// Returns the key of a file with this text, under these settings.
pub(crate) fn key(text: &[u8], settings: &Settings) -> Key {
    let mut hasher = Hasher::new(HashAlgorithm::Blake3);
    hasher.update(VERSION.as_bytes());
    hasher.update(&[u8::from(settings.pure)]);
    for feature in &settings.experimental_features {
        hasher.update(&(feature.len() as u64).to_le_bytes());
        hasher.update(feature.as_bytes());
    }
    hasher.update(&u64::MAX.to_le_bytes());
    hasher.update(text);
    hasher.finish().bytes().try_into().unwrap_or_default()
}

/// What stands at the beginning of each piece of the bytes. A new kind of node gets a new number.
mod tag {
    pub(super) const INT: u8 = 1;
    pub(super) const FLOAT: u8 = 2;
    pub(super) const STRING: u8 = 3;
    pub(super) const RELATIVE_PATH: u8 = 4;
    pub(super) const ABSOLUTE_PATH: u8 = 5;
    pub(super) const BUILTIN: u8 = 6;
    pub(super) const TRUE: u8 = 7;
    pub(super) const FALSE: u8 = 8;
    pub(super) const NULL: u8 = 9;
    pub(super) const LOCAL: u8 = 10;
    pub(super) const WITH_VARIABLE: u8 = 11;
    pub(super) const BUILTINS: u8 = 12;
    pub(super) const DERIVATION: u8 = 13;
    pub(super) const LAMBDA: u8 = 14;
    pub(super) const APPLY: u8 = 15;
    pub(super) const SELECT: u8 = 16;
    pub(super) const SELECT_OR: u8 = 17;
    pub(super) const SELECT_PATH: u8 = 18;
    pub(super) const HAS_ATTR: u8 = 19;
    pub(super) const SET: u8 = 20;
    pub(super) const RECURSIVE_SET: u8 = 21;
    pub(super) const LET: u8 = 22;
    pub(super) const LET_HERE: u8 = 23;
    pub(super) const LIST: u8 = 24;
    pub(super) const WITH: u8 = 25;
    pub(super) const ASSERT: u8 = 26;
    pub(super) const IF: u8 = 27;
    pub(super) const NOT: u8 = 28;
    pub(super) const AND: u8 = 29;
    pub(super) const OR: u8 = 30;
    pub(super) const IMPLIES: u8 = 31;
    pub(super) const EQUAL: u8 = 32;
    pub(super) const NOT_EQUAL: u8 = 33;
    pub(super) const LESS: u8 = 34;
    pub(super) const NOT_LESS: u8 = 35;
    pub(super) const ADD: u8 = 36;
    pub(super) const SUBTRACT: u8 = 37;
    pub(super) const MULTIPLY: u8 = 38;
    pub(super) const DIVIDE: u8 = 39;
    pub(super) const UPDATE: u8 = 40;
    pub(super) const CONCAT: u8 = 41;
    pub(super) const INTERPOLATE: u8 = 42;
    pub(super) const INTERPOLATE_PATH: u8 = 43;
    pub(super) const CURRENT_POSITION: u8 = 44;
    pub(super) const DEFERRED: u8 = 45;
    pub(super) const EMPTY_LIST: u8 = 46;

    /// Of a value: in the set's own surroundings, outside them, in the frame of the sources.
    pub(super) const OWN: u8 = 0;
    pub(super) const OUTER: u8 = 1;
    pub(super) const INHERITED: u8 = 2;
}

#[cfg(test)]
mod tests;
