//! A table that grows but never moves: what it holds is read by reference while more is added.
//!
//! The address space for the most entries is taken at once and touched only as it fills, so an
//! entry's address follows from its index with one multiplication.

use std::alloc::{GlobalAlloc as _, Layout, System, handle_alloc_error};
use std::cell::Cell;
use std::ptr::NonNull;

/// An append-only array at a fixed address.
pub struct Table<T> {
    start: NonNull<T>,
    len: Cell<usize>,
    capacity: usize,
}

impl<T> Table<T> {
    /// Returns an empty table for at most `capacity` entries (fewer if that much address space
    /// cannot be had).
    pub fn new(capacity: usize) -> Table<T> {
        const { assert!(size_of::<T>() > 0 && !std::mem::needs_drop::<T>()) };
        let mut capacity = capacity.max(1);
        loop {
            let layout = Layout::array::<T>(capacity).expect("capacities are far below the limit");
            // SAFETY: `T` is not zero-sized and `capacity` is not 0, so neither is the layout.
            if let Some(start) = NonNull::new(unsafe { System.alloc(layout) }) {
                return Table { start: start.cast(), len: Cell::new(0), capacity };
            }
            if capacity == 1 {
                handle_alloc_error(layout)
            }
            capacity /= 2;
        }
    }

    /// Returns how many entries there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many entries can still be added.
    pub fn room(&self) -> usize {
        self.capacity - self.len()
    }

    /// Adds an entry and returns its index.
    ///
    /// # Panics
    ///
    /// If there is no room; whoever adds much asks [`Table::room`] first.
    pub fn push(&self, entry: T) -> u32 {
        let index = self.len.get();
        assert!(index < self.capacity, "a table of code is full");
        // SAFETY: `index < capacity`, and no reference to this entry exists before `len` grows.
        unsafe { self.start.add(index).write(entry) };
        self.len.set(index + 1);
        index as u32
    }

    /// Adds entries one after the other and returns the index of the first.
    pub fn extend(&self, entries: &[T]) -> u32
    where
        T: Copy,
    {
        let first = self.len();
        for &entry in entries {
            self.push(entry);
        }
        first as u32
    }

    /// Returns the entry at `index`.
    ///
    /// # Panics
    ///
    /// If there is none; indices come only from [`Table::push`].
    #[inline(always)]
    pub fn get(&self, index: u32) -> &T {
        assert!((index as usize) < self.len.get(), "an index that push returned");
        // SAFETY: entries below `len` are written and are never written again (what is in a `Cell`
        // changes through shared references only).
        unsafe { &*self.start.as_ptr().add(index as usize) }
    }

    /// Returns `count` entries from `first`.
    ///
    /// # Panics
    ///
    /// If there are not as many.
    #[inline(always)]
    pub fn slice(&self, first: u32, count: u32) -> &[T] {
        let end = first as usize + count as usize;
        assert!(end <= self.len.get(), "a range that extend returned");
        // SAFETY: as in `get`.
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr().add(first as usize), count as usize)
        }
    }
}

impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        let layout = Layout::array::<T>(self.capacity).expect("it was computed in `new`");
        // SAFETY: `start` came from `alloc` with this layout; nothing in the entries
        // needs a drop, which `new` asserts.
        unsafe { System.dealloc(self.start.as_ptr().cast(), layout) };
    }
}
