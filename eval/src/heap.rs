//! Where values live: a bump arena, two-word values, slots that hold thunks, attribute sets.
//!
//! A [`Heap`] belongs to one evaluation and is dropped at once. Everything in it has the lifetime
//! `'h` of a shared borrow of the heap, is `Copy` or lives in place, and is never freed before
//! the heap itself, or the [`region`] that it was made in: there is no collector and there are no
//! reference counts. Callers outside this
//! module see only safe, typed views; the packing of values into words, the arena and the stack
//! are `unsafe` and stay here (ARCHITECTURE, invariants).
#![allow(unsafe_code, reason = "values, arena, slots and stack are packed memory; see DESIGN §5")]

pub mod answer;
pub mod arena;
pub mod attrs;
pub mod env;
mod growth;
pub mod mapping;
mod merged;
mod name_table;
mod poison;
pub(crate) mod region;
pub mod slot;
pub mod string;
pub mod symbol;
pub mod table;
pub mod value;

use std::cell::{Cell, RefCell};

pub use answer::Answer;
pub use arena::Arena;
pub use attrs::{Attrs, AttrsBuilder, InOrder, Shape};
pub use env::Env;
pub use mapping::{Mapped, Mapping, MappingSource};
pub(crate) use name_table::{Hashed, NameTable};
pub use slot::{Slot, SlotState};
pub use string::{Context, ContextElement, Str};
pub use symbol::Symbol;
pub use table::Table;
pub use value::{Apply, Kind, Lambda, Lazy, Partial, PathValue, Value};

/// The memory of one evaluation.
///
/// Values borrow it (`&'h Heap`), so it outlives all of them and frees them together.
pub struct Heap {
    arena: Arena,
    /// What values point to and needs a drop: remembered errors, code.
    kept: RefCell<Vec<Kept>>,
    /// Room for the order of attributes while sets are merged.
    order: Cell<Vec<u32>>,
    /// What merged sets have in common.
    merged: merged::Merged,
}

/// Something outside the arena that lives as long as the heap.
struct Kept {
    pointer: *mut (),
    drop: unsafe fn(*mut ()),
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: `pointer` came from a box of the type that `drop` was made for, in `keep`.
        unsafe { (self.drop)(self.pointer) };
    }
}

impl Heap {
    /// Returns an empty heap.
    pub fn new() -> Heap {
        Heap {
            arena: Arena::new(),
            kept: RefCell::default(),
            order: Cell::default(),
            merged: merged::Merged::default(),
        }
    }

    /// Returns the arena that holds this heap's values.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// Returns how many bytes the values of this heap take.
    pub fn size_bytes(&self) -> usize {
        self.arena.size_bytes()
    }

    /// Returns a number of bytes that [`Heap::size_bytes`] has never been above; it is cheaper.
    #[inline(always)]
    pub(crate) fn ready_bytes(&self) -> usize {
        self.arena.ready_bytes()
    }

    /// Keeps `value` as long as the heap lives and returns the kept one.
    ///
    /// Its destructor runs when the heap is dropped and must not look at values of the heap.
    pub(crate) fn keep<T>(&self, value: T) -> &T {
        unsafe fn drop_box<T>(pointer: *mut ()) {
            // SAFETY: `keep` made `pointer` from a `Box<T>`, and each is dropped once.
            drop(unsafe { Box::from_raw(pointer.cast::<T>()) });
        }
        let pointer = Box::into_raw(Box::new(value));
        self.kept.borrow_mut().push(Kept { pointer: pointer.cast(), drop: drop_box::<T> });
        // SAFETY: the box is freed only when the heap is dropped, and `&self` borrows the heap.
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
