//! A bump arena: memory that is handed out and given back only all together.
//!
//! Chunks come from the system, not from the process's allocator: they are large, few and freed
//! at the end, and an allocator that asks for huge pages would clear memory that nobody touches.

use std::alloc::{GlobalAlloc as _, Layout, System, handle_alloc_error};
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

/// The size of the first chunk in bytes; later ones double up to [`CHUNK_SIZE_MAX`].
const CHUNK_SIZE_MIN: usize = 64 << 10;
/// The size of the largest ordinary chunk in bytes.
const CHUNK_SIZE_MAX: usize = 4 << 20;
/// Every chunk starts on this boundary; no allocation asks for more.
const ALIGN: usize = 16;

/// A bump allocator for `Copy`-like data that needs no drop.
///
/// References that it returns live as long as the borrow of the arena.
pub struct Arena {
    /// The next free byte of the current chunk.
    top: Cell<*mut u8>,
    /// One past the last byte of the current chunk.
    end: Cell<*mut u8>,
    chunks: RefCell<Vec<(NonNull<u8>, Layout)>>,
    size_bytes: Cell<usize>,
    /// One past the bytes that [`Arena::append`] returned last; 0: none.
    last_end: Cell<usize>,
}

impl Arena {
    /// Returns an arena that has not asked for memory yet.
    pub fn new() -> Arena {
        Arena {
            top: Cell::new(std::ptr::null_mut()),
            end: Cell::new(std::ptr::null_mut()),
            chunks: RefCell::default(),
            size_bytes: Cell::new(0),
            last_end: Cell::new(0),
        }
    }

    /// Returns how many bytes of chunks the arena holds.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes.get()
    }

    /// Moves `value` into the arena. Its destructor never runs.
    #[inline(always)]
    pub fn alloc<T>(&self, value: T) -> &T {
        const { assert!(align_of::<T>() <= ALIGN && !std::mem::needs_drop::<T>()) };
        let pointer = self.reserve(size_of::<T>()).cast::<T>();
        // SAFETY: `reserve` returned that many fresh bytes, aligned to 16, which nothing else
        // refers to and which live as long as `self`.
        unsafe {
            pointer.write(value);
            &*pointer
        }
    }

    /// Copies `items` into the arena.
    pub fn alloc_slice<T: Copy>(&self, items: &[T]) -> &[T] {
        self.alloc_slice_with(items.len(), |index| items[index])
    }

    /// Fills a new slice of `len` items, calling `item` for each index in order.
    ///
    /// `item` may allocate from this arena.
    #[inline(always)]
    pub fn alloc_slice_with<T>(&self, len: usize, mut item: impl FnMut(usize) -> T) -> &[T] {
        const { assert!(align_of::<T>() <= ALIGN && !std::mem::needs_drop::<T>()) };
        if len == 0 {
            return &[];
        }
        let Some(size) = len.checked_mul(size_of::<T>()) else { capacity_overflow() };
        let pointer = self.reserve(size).cast::<T>();
        for index in 0..len {
            // SAFETY: `index < len`, so the write stays within the reserved bytes. If `item`
            // panics the bytes are merely wasted: `T` needs no drop.
            unsafe { pointer.add(index).write(item(index)) };
        }
        // SAFETY: all `len` items were written above, and nothing writes to them again.
        unsafe { std::slice::from_raw_parts(pointer, len) }
    }

    /// Copies `bytes` into the arena.
    pub fn alloc_bytes(&self, bytes: &[u8]) -> &[u8] {
        if bytes.is_empty() {
            return &[];
        }
        let pointer = self.reserve(bytes.len());
        // SAFETY: `reserve` returned `bytes.len()` fresh bytes, which cannot overlap `bytes`.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), pointer, bytes.len());
            std::slice::from_raw_parts(pointer, bytes.len())
        }
    }

    /// Returns `first` and `second` as one run of bytes.
    ///
    /// Where `first` is what was allocated last, `second` goes right behind it and `first` is not
    /// copied: a string that grows piece by piece costs no more than its length.
    pub fn append(&self, first: &[u8], second: &[u8]) -> &[u8] {
        let len = first.len() + second.len();
        let top = self.top.get() as usize;
        let start = first.as_ptr() as usize;
        let end = start + first.len();
        let is_last = !first.is_empty() && end <= top && (end + ALIGN - 1) & !(ALIGN - 1) == top;
        let room = (self.end.get() as usize).saturating_sub(end);
        if is_last && room >= second.len() && self.last_end.get() == end {
            let rounded = (end + second.len() + ALIGN - 1) & !(ALIGN - 1);
            if rounded > self.end.get() as usize {
                return self.append_copy(first, second, len);
            }
            // SAFETY: `last_end` says that `first` ends where the bytes last handed out by
            // `alloc_bytes` or `append` end, `top` that nothing was reserved since; so the bytes
            // behind it up to `end` are free, and `first` stays as it is.
            unsafe {
                let start = self.top.get().sub(top - start);
                std::ptr::copy_nonoverlapping(
                    second.as_ptr(),
                    start.add(first.len()),
                    second.len(),
                );
                self.top.set(self.top.get().add(rounded - top));
                self.last_end.set(start as usize + len);
                return std::slice::from_raw_parts(start, len);
            }
        }
        self.append_copy(first, second, len)
    }

    fn append_copy(&self, first: &[u8], second: &[u8], len: usize) -> &[u8] {
        if len == 0 {
            return &[];
        }
        let pointer = self.reserve(len);
        // SAFETY: `reserve` returned `len` fresh bytes, which overlap neither operand.
        unsafe {
            std::ptr::copy_nonoverlapping(first.as_ptr(), pointer, first.len());
            std::ptr::copy_nonoverlapping(second.as_ptr(), pointer.add(first.len()), second.len());
            self.last_end.set(pointer as usize + len);
            std::slice::from_raw_parts(pointer, len)
        }
    }

    /// Returns `size` fresh bytes, aligned to 16 at their start.
    #[inline(always)]
    pub(super) fn reserve(&self, size: usize) -> *mut u8 {
        let top = self.top.get();
        let rounded = (size + (ALIGN - 1)) & !(ALIGN - 1);
        // `top` never passes `end`, so the difference is the room that is left.
        if rounded <= (self.end.get() as usize) - (top as usize) {
            // SAFETY: `rounded` bytes are left in the chunk that `top` points into.
            self.top.set(unsafe { top.add(rounded) });
            return top;
        }
        self.reserve_slow(rounded)
    }

    #[cold]
    #[inline(never)]
    fn reserve_slow(&self, size: usize) -> *mut u8 {
        let chunk_count = self.chunks.borrow().len();
        let ordinary = (CHUNK_SIZE_MIN << chunk_count.min(16)).min(CHUNK_SIZE_MAX);
        let own_chunk = size > ordinary / 4;
        let chunk_size = if own_chunk { size } else { ordinary };
        let Ok(layout) = Layout::from_size_align(chunk_size, ALIGN) else { capacity_overflow() };
        // SAFETY: the layout's size is not zero: `size` is not for `own_chunk`, and `ordinary`
        // is at least `CHUNK_SIZE_MIN`.
        let Some(start) = NonNull::new(unsafe { System.alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        self.chunks.borrow_mut().push((start, layout));
        self.size_bytes.set(self.size_bytes.get() + chunk_size);
        if !own_chunk {
            // SAFETY: `size <= chunk_size`, so both pointers stay within the new chunk.
            unsafe {
                self.top.set(start.as_ptr().add(size));
                self.end.set(start.as_ptr().add(chunk_size));
            }
        }
        start.as_ptr()
    }
}

impl Default for Arena {
    fn default() -> Self {
        Arena::new()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        for &(start, layout) in self.chunks.get_mut().iter() {
            // SAFETY: `start` came from `alloc` with this layout, and no reference into it
            // outlives the arena.
            unsafe { System.dealloc(start.as_ptr(), layout) };
        }
    }
}

#[cold]
#[inline(never)]
fn capacity_overflow() -> ! {
    panic!("an allocation larger than the address space")
}
