//! Which variables are defined where an expression is printed.
//!
//! Follows the merged sets, as the language does: a `rec` that merging drops defines nothing.

use rustc_hash::FxHashMap;

use crate::builtins;
use crate::heap::Symbol;

/// The names around the current place.
#[derive(Default)]
pub(super) struct Names {
    /// How many definitions of each name there are around here.
    visible: FxHashMap<Symbol, u32>,
    /// How many `with`s there are around here: inside one no name is undefined.
    pub(super) with_count: u32,
    /// The first undefined variable of the file, so far.
    pub(super) undefined: Option<(u32, Symbol)>,
}

impl Names {
    pub(super) fn enter(&mut self, names: &[Symbol]) {
        for name in names {
            *self.visible.entry(*name).or_default() += 1;
        }
    }

    pub(super) fn leave(&mut self, names: &[Symbol]) {
        for name in names {
            if let Some(count) = self.visible.get_mut(name) {
                *count -= 1;
            }
        }
    }

    /// Looks at a variable that is used at `offset`.
    pub(super) fn see(&mut self, name: &[u8], offset: u32) {
        if self.with_count > 0 {
            return;
        }
        let symbol = Symbol::intern(name);
        let is_visible = self.visible.get(&symbol).is_some_and(|count| *count > 0)
            || std::str::from_utf8(name).is_ok_and(builtins::is_global);
        if !is_visible && self.undefined.is_none_or(|(first, _)| offset < first) {
            self.undefined = Some((offset, symbol));
        }
    }
}
