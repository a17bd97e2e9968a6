//! Names as numbers: every attribute name and variable is interned once per process.
//!
//! Symbols are shared by all heaps, trees and queries of the process, so they can be compared
//! and stored anywhere. Their order is the order of first appearance: it decides nothing that a
//! user can see (sets are stored by it, shown by name).

use std::sync::RwLock;

use rustc_hash::FxHashMap;

/// An interned byte string, compared by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

struct Interner {
    ids: FxHashMap<&'static [u8], u32>,
    names: Vec<&'static [u8]>,
}

static INTERNER: RwLock<Option<Interner>> = RwLock::new(None);

impl Symbol {
    /// Some symbol, to fill a place with until there is another one.
    pub(super) const FIRST: Symbol = Symbol(0);

    /// Returns the symbol of `name`, making it when it is new.
    pub fn intern(name: &[u8]) -> Symbol {
        if let Some(symbol) = Symbol::lookup(name) {
            return symbol;
        }
        let mut guard = INTERNER.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let interner =
            guard.get_or_insert_with(|| Interner { ids: FxHashMap::default(), names: Vec::new() });
        if let Some(&id) = interner.ids.get(name) {
            return Symbol(id);
        }
        let name: &'static [u8] = Box::leak(name.to_vec().into_boxed_slice());
        let id = u32::try_from(interner.names.len()).expect("fewer than 2^32 names");
        interner.names.push(name);
        interner.ids.insert(name, id);
        Symbol(id)
    }

    /// Returns all names, in the order in which they came up.
    pub fn all() -> Vec<&'static [u8]> {
        let guard = INTERNER.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        guard.as_ref().map(|interner| interner.names.clone()).unwrap_or_default()
    }

    /// Returns the symbol of `name` if some set or variable ever had that name.
    pub fn lookup(name: &[u8]) -> Option<Symbol> {
        let guard = INTERNER.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        guard.as_ref()?.ids.get(name).map(|&id| Symbol(id))
    }

    /// Returns the bytes of the name.
    pub fn as_bytes(self) -> &'static [u8] {
        let guard = INTERNER.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        guard
            .as_ref()
            .and_then(|interner| interner.names.get(self.0 as usize).copied())
            .unwrap_or_default()
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
