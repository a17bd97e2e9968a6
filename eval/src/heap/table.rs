//! A table that grows but never moves: what it holds is read by reference while more is added.
//!
//! The address space for the most entries is taken at once and touched only as it fills, so an
//! entry's address follows from its index with one multiplication.

use std::alloc::{Layout, handle_alloc_error};
use std::cell::Cell;
use std::ptr::NonNull;

use memmap2::{MmapMut, MmapOptions};

/// An append-only array at a fixed address.
pub struct Table<T> {
    start: NonNull<T>,
    memory: MmapMut,
    len: Cell<usize>,
    /// For how many entries there is memory already; see [`Table::make_ready`].
    ready: Cell<usize>,
    capacity: usize,
}

/// The unit in which the kernel gives memory.
const PAGE_SIZE: usize = 1 << 12;
/// The most memory that is asked for at once.
const WINDOW_SIZE: usize = 64 * PAGE_SIZE;

impl<T> Table<T> {
    /// Returns an empty table for at most `capacity` entries (fewer if that much address space
    /// cannot be had).
    pub fn new(capacity: usize) -> Table<T> {
        const {
            assert!(size_of::<T>() > 0 && !std::mem::needs_drop::<T>());
            assert!(align_of::<T>() <= PAGE_SIZE);
        }
        let mut capacity = capacity.max(1);
        loop {
            let size = capacity * size_of::<T>();
            match MmapOptions::new().len(size).no_reserve_swap().map_anon() {
                Ok(mut memory) => {
                    let start = NonNull::from(&mut *memory).cast();
                    let (len, ready) = (Cell::new(0), Cell::new(0));
                    return Table { start, memory, len, ready, capacity };
                }
                Err(_) if capacity > 1 => capacity /= 2,
                Err(_) => handle_alloc_error(Layout::new::<T>()),
            }
        }
    }

    /// Asks for the memory of the entries that follow, a quarter of what there is, before they are
    /// touched one by one.
    #[cold]
    #[inline(never)]
    fn make_ready(&self) {
        let ready = self.ready.get();
        assert!(ready < self.capacity, "a table of code is full");
        let filled = (ready * size_of::<T>()).next_multiple_of(PAGE_SIZE);
        let window = (filled / 4).clamp(PAGE_SIZE, WINDOW_SIZE).next_multiple_of(PAGE_SIZE);
        let end = (filled + window).min(self.memory.len());
        #[cfg(target_os = "linux")]
        {
            // Where the kernel does not know this, pages come one by one as they are touched.
            let advice = memmap2::Advice::PopulateWrite;
            let _ = self.memory.advise_range(advice, filled, end - filled);
        }
        self.ready.set((end / size_of::<T>()).min(self.capacity));
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
        if index >= self.ready.get() {
            self.make_ready();
        }
        // SAFETY: `index` is below `ready` and so below `capacity`, which the memory has room for;
        // no reference to this entry exists before `len` grows.
        unsafe { self.start.as_ptr().add(index).write(entry) };
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
