//! Names as numbers: every attribute name and variable is interned once per process.
//!
//! Symbols are shared by all heaps, trees and queries of the process, so they can be compared
//! and stored anywhere. Their order is the order of first appearance: it decides nothing that a
//! user can see (sets are stored by it, shown by name).

use std::sync::{PoisonError, RwLock};

use super::NameTable;

/// An interned byte string, compared by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

static NAMES: RwLock<NameTable<'static>> = RwLock::new(NameTable::new());

impl Symbol {
    /// Some symbol, to fill a place with until there is another one.
    pub(super) const FIRST: Symbol = Symbol(0);

    /// Returns the symbol of `name`, making it when it is new.
    pub fn intern(name: &[u8]) -> Symbol {
        if let Some(symbol) = Symbol::lookup(name) {
            return symbol;
        }
        let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = names.find(name) {
            return Symbol(number);
        }
        Symbol(names.find_or_add(Box::leak(name.to_vec().into_boxed_slice())).0)
    }

    /// Returns all names, in the order in which they came up.
    pub fn all() -> Vec<&'static [u8]> {
        NAMES.read().unwrap_or_else(PoisonError::into_inner).texts().collect()
    }

    /// Returns the symbol of `name` if some set or variable ever had that name.
    pub fn lookup(name: &[u8]) -> Option<Symbol> {
        NAMES.read().unwrap_or_else(PoisonError::into_inner).find(name).map(Symbol)
    }

    /// Returns the bytes of the name.
    pub fn as_bytes(self) -> &'static [u8] {
        NAMES.read().unwrap_or_else(PoisonError::into_inner).text(self.0).unwrap_or_default()
    }

    /// Returns the name as text, with U+FFFD for bytes that are not UTF-8.
    pub fn to_text(self) -> std::borrow::Cow<'static, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// Returns the number itself, for packing into a word.
    pub fn index(self) -> u32 {
        self.0
    }

    /// Returns the symbol whose [`Symbol::index`] was `index`.
    pub(crate) fn from_index(index: u32) -> Symbol {
        Symbol(index)
    }
}

impl std::fmt::Debug for Symbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.to_text())
    }
}
