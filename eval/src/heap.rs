//! Where values live: a bump arena, two-word values, slots that hold thunks, attribute sets.
//!
//! A [`Heap`] belongs to one evaluation and is dropped at once. Everything in it has the lifetime
//! `'h` of a shared borrow of the heap, is `Copy` or lives in place, and is never freed before
//! the heap itself: there is no collector and there are no reference counts. Callers outside this
//! module see only safe, typed views; the packing of values into words, the arena and the stack
//! are `unsafe` and stay here (ARCHITECTURE, invariants).
#![allow(unsafe_code, reason = "values, arena, slots and stack are packed memory; see DESIGN §5")]

pub mod arena;
pub mod attrs;
pub mod env;
pub mod slot;
pub mod string;
pub mod symbol;
pub mod value;

use std::cell::RefCell;

pub use arena::Arena;
pub use attrs::{Attrs, AttrsBuilder, Shape};
pub use env::Env;
pub use slot::{Slot, SlotState};
pub use string::{Context, ContextElement, Str};
pub use symbol::Symbol;
pub use value::{Apply, Kind, Lambda, Lazy, Partial, PathValue, Value};

use crate::error::EvalError;

/// The memory of one evaluation.
///
/// Values borrow it (`&'h Heap`), so it outlives all of them and frees them together.
pub struct Heap {
    arena: Arena,
    /// Errors remembered by failed slots; boxed, so that slots can point at them.
    failures: RefCell<Vec<Box<EvalError>>>,
}

impl Heap {
    /// Returns an empty heap.
    pub fn new() -> Heap {
        Heap { arena: Arena::new(), failures: RefCell::default() }
    }

    /// Returns the arena that holds this heap's values.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// Returns how many bytes the values of this heap take.
    pub fn size_bytes(&self) -> usize {
        self.arena.size_bytes()
    }

    /// Keeps `error` as long as the heap lives and returns the kept one.
    pub(crate) fn keep_failure(&self, error: Box<EvalError>) -> &EvalError {
        let pointer: *const EvalError = &raw const *error;
        self.failures.borrow_mut().push(error);
        // SAFETY: the box is never removed from `failures` nor replaced before the heap is
        // dropped, and moving the box does not move what it points to.
        unsafe { &*pointer }
    }
}

impl Default for Heap {
    fn default() -> Self {
        Heap::new()
    }
}

#[cfg(test)]
mod tests;
