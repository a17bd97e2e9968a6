//! A bump arena: memory that is handed out in order, so that what is newer lies higher.
//!
//! One range of addresses is reserved at once and touched only as it fills. Its first part is for
//! what stays as long as the heap (code, imported files); the rest is for values, and of that the
//! newest part can be given back, see [`super::region`]. Pages are asked for some dozens at a time
//! before they are touched, which is cheaper than a fault for each. Large pages were worse: they
//! come from memory that the machine has not used lately, and clearing that is slow.

use std::alloc::{Layout, handle_alloc_error};
use std::cell::Cell;

use memmap2::{MmapMut, MmapOptions};

use super::growth::Growth;
use super::poison;

/// How many bytes of addresses to ask for first; half as many each time that is refused.
const RESERVED_SIZE: usize = 64 << 30;
/// The fewest bytes of addresses to be content with.
const RESERVED_SIZE_MIN: usize = 64 << 20;
/// The part of them that is for what stays: one in so many.
const PERMANENT_SHARE: usize = 8;
/// How many bytes are made ready at once.
const WINDOW_SIZE: usize = 256 << 10;
/// The size of a page, or a multiple of it, in bytes.
const PAGE_SIZE: usize = 16 << 10;
/// Every allocation starts on this boundary.
const ALIGN: usize = 16;
/// No address: nothing older was written to.
const NOT_WRITTEN: usize = usize::MAX;

/// A bump allocator for `Copy`-like data that needs no drop.
///
/// References that it returns live as long as the borrow of the arena.
pub struct Arena {
    /// The next free byte of the part that is being filled.
    top: Cell<*mut u8>,
    /// One past the last byte of that part which is ready to be filled.
    end: Cell<*mut u8>,
    /// Both of the other part.
    other: Cell<(*mut u8, *mut u8)>,
    is_permanent: Cell<bool>,
    /// Where both parts begin, what stays and values, and where the second ends.
    bounds: [usize; 3],
    /// One past the bytes that [`Arena::append`] returned last; 0: none.
    last_end: Cell<usize>,
    /// The lowest place that was made to point to something newer than itself since the innermost
    /// region began.
    written: Cell<usize>,
    /// What `written` is where a region begins: [`NOT_WRITTEN`], or a place below everything, so
    /// that nothing is ever given back.
    unwritten: Cell<usize>,
    /// How many bytes of both parts were made ready.
    ready: Cell<usize>,
    memory: MmapMut,
    growth: Growth,
}

/// How far an arena was filled.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    /// The address of the first byte that was free.
    pub(super) top: usize,
    written: usize,
}

impl Arena {
    /// Returns an arena that has not touched any memory yet.
    ///
    /// # Panics
    ///
    /// If there is no room for it among the addresses.
    pub fn new() -> Arena {
        let (mut memory, size) = reserve_addresses();
        let start = memory.as_mut_ptr();
        let permanent = size / PERMANENT_SHARE;
        // SAFETY: the offset is within the `size` bytes from `start`.
        let values = unsafe { start.add(permanent) };
        Arena {
            top: Cell::new(values),
            end: Cell::new(values),
            other: Cell::new((start, start)),
            is_permanent: Cell::new(false),
            bounds: [start as usize, values as usize, start as usize + size],
            last_end: Cell::new(0),
            written: Cell::new(NOT_WRITTEN),
            unwritten: Cell::new(NOT_WRITTEN),
            ready: Cell::new(0),
            memory,
            growth: Growth::default(),
        }
    }

    /// Returns how many bytes the values in the arena take.
    #[inline(always)]
    pub fn size_bytes(&self) -> usize {
        let (top, other) = (self.top.get() as usize, self.other.get().0 as usize);
        (top + other).wrapping_sub(self.bounds[0] + self.bounds[1])
    }

    /// Returns a number of bytes that [`Arena::size_bytes`] has never been above; it is cheaper.
    #[inline(always)]
    pub(super) fn ready_bytes(&self) -> usize {
        self.ready.get()
    }

    /// Returns what is known of lists that grow.
    pub(super) fn growth(&self) -> &Growth {
        &self.growth
    }

    /// Goes over to the other part of the arena, if it is not `permanent` yet or any more; returns
    /// what it was.
    pub(super) fn set_permanent(&self, permanent: bool) -> bool {
        let before = self.is_permanent.replace(permanent);
        if before != permanent {
            let (top, end) = self.other.replace((self.top.get(), self.end.get()));
            self.top.set(top);
            self.end.set(end);
            self.last_end.set(0);
        }
        before
    }

    /// Whether `address` is of what stays as long as the arena.
    pub(super) fn is_permanent(&self, address: usize) -> bool {
        (self.bounds[0]..self.bounds[1]).contains(&address)
    }

    /// Has all that was and will be allocated stay as long as the arena.
    pub(super) fn keep_all(&self) {
        self.written.set(0);
        self.unwritten.set(0);
    }

    /// Returns how far the arena is filled, and begins to watch writes to what is below.
    #[inline(always)]
    pub(super) fn mark(&self) -> Mark {
        let written = self.written.replace(self.unwritten.get());
        Mark { top: self.top.get() as usize, written }
    }

    /// Whether nothing below `mark` was made to point above it since.
    #[inline(always)]
    pub(super) fn is_unreached(&self, mark: Mark) -> bool {
        self.written.get() >= mark.top
    }

    /// Returns the address of the first free byte.
    #[inline(always)]
    pub(super) fn top(&self) -> usize {
        self.top.get() as usize
    }

    /// Keeps what was allocated since `mark`.
    #[inline(always)]
    pub(super) fn keep_since(&self, mark: Mark) {
        self.written.set(self.written.get().min(mark.written));
    }

    /// Gives back what lies at `top` and above, all of which was allocated since `mark`.
    ///
    /// # Safety
    ///
    /// Nothing may lead there: no slot, value or native code.
    #[inline(always)]
    pub(super) unsafe fn give_back(&self, mark: Mark, top: usize) {
        let current = self.top.get();
        let surplus = current as usize - top;
        // SAFETY: `top` lies between `mark` and the current top, hence in the same part.
        let start = unsafe { current.sub(surplus) };
        if cfg!(debug_assertions) {
            // There are bytes among them that never had an owner.
            poison::allow(start, surplus);
            // SAFETY: these bytes are reserved and, as the caller promises, nobody's.
            unsafe { start.write_bytes(POISON, surplus) };
        }
        poison::forbid(start, surplus);
        self.top.set(start);
        self.last_end.set(0);
        self.growth.forget_from(top);
        self.written.set(mark.written);
    }

    /// Gives back what was allocated since `mark` but `bytes`, which are moved down to it.
    ///
    /// # Safety
    ///
    /// `bytes` lie above `mark`, and nothing but who is given the result leads there.
    pub(super) unsafe fn move_down(&self, mark: Mark, bytes: &[u8]) -> &[u8] {
        let (len, current) = (bytes.len(), self.top.get());
        let rounded = (len + (ALIGN - 1)) & !(ALIGN - 1);
        // SAFETY: the mark lies below the current top in the same part, and `rounded` bytes of
        // allocations, those of `bytes`, lie between the two; both ranges may overlap.
        let start = unsafe {
            let start = current.sub(current as usize - mark.top);
            poison::allow(start, len);
            std::ptr::copy(bytes.as_ptr(), start, len);
            self.give_back(mark, mark.top + rounded);
            start
        };
        self.last_end.set(mark.top + len);
        // SAFETY: `len` bytes were just written there, and the new top lies behind them.
        unsafe { std::slice::from_raw_parts(start, len) }
    }

    /// Says that `place` points to `target` from now on.
    #[inline(always)]
    pub(super) fn note_write(&self, place: usize, target: usize) {
        if target > place && place < self.written.get() {
            self.written.set(place);
        }
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
                poison::allow(start.add(first.len()), second.len());
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
        if rounded > (self.end.get() as usize) - (top as usize) {
            self.make_ready(rounded);
        }
        // SAFETY: `rounded` bytes are left in the part that `top` points into.
        self.top.set(unsafe { top.add(rounded) });
        poison::allow(top, size);
        top
    }

    /// Makes so many bytes more ready, and some behind them.
    #[cold]
    #[inline(never)]
    fn make_ready(&self, size: usize) {
        let (top, end) = (self.top.get() as usize, self.end.get() as usize);
        let part = usize::from(!self.is_permanent.get());
        let limit = self.bounds[part + 1];
        if size > limit - top {
            exhausted(size)
        }
        // The first windows are small, for evaluations that need next to nothing.
        let filled = end - self.bounds[part];
        let window = filled.clamp(PAGE_SIZE, WINDOW_SIZE) & !(PAGE_SIZE - 1);
        let wanted = (top + size).next_multiple_of(window);
        let new_end = wanted.max(end + window).min(limit);
        #[cfg(target_os = "linux")]
        {
            // Where the kernel does not know this, pages come one by one as they are touched.
            let advice = memmap2::Advice::PopulateWrite;
            let _ = self.memory.advise_range(advice, end - self.bounds[0], new_end - end);
        }
        poison::forbid(self.end.get(), new_end - end);
        self.ready.set(self.ready.get() + (new_end - end));
        // SAFETY: the new end is not beyond the part that `end` is in.
        self.end.set(unsafe { self.end.get().add(new_end - end) });
    }
}

#[cfg(nivis_asan)]
impl Drop for Arena {
    fn drop(&mut self) {
        // The addresses may soon be somebody else's.
        let [start, values, _] = self.bounds;
        for end in [self.end.get(), self.other.get().1] {
            let part = if (end as usize) < values { start } else { values };
            poison::allow(part as *const u8, end as usize - part);
        }
    }
}

impl Default for Arena {
    fn default() -> Self {
        Arena::new()
    }
}

/// What is written over memory that was given back, in builds that check themselves: no tag of a
/// value, and no address.
const POISON: u8 = 0xd5;

fn reserve_addresses() -> (MmapMut, usize) {
    let mut size = RESERVED_SIZE;
    loop {
        match MmapOptions::new().len(size).no_reserve_swap().map_anon() {
            Ok(memory) => return (memory, size),
            Err(_) if size > RESERVED_SIZE_MIN => size /= 2,
            Err(_) => exhausted(size),
        }
    }
}

#[cold]
#[inline(never)]
fn exhausted(size: usize) -> ! {
    match Layout::from_size_align(size, ALIGN) {
        Ok(layout) => handle_alloc_error(layout),
        Err(_) => capacity_overflow(),
    }
}

#[cold]
#[inline(never)]
fn capacity_overflow() -> ! {
    panic!("an allocation larger than the address space")
}
