//! Environments: linked frames of slots, one per call, `let`, `rec` or `with`.

#![allow(clippy::cast_ptr_alignment, reason = "the arena aligns to 16, more than anything here")]

use std::marker::PhantomData;

use super::slot::Slot;
use super::value::Lazy;
use super::{Heap, Value};

/// One frame: a link to the enclosing frame and the slots of its variables.
///
/// The slots follow the header in memory.
#[repr(C)]
pub struct Env<'h> {
    up: Option<&'h Env<'h>>,
    len: u32,
    marker: PhantomData<Slot<'h>>,
}

/// Bytes between the start of a frame and its first slot.
const HEADER_SIZE: usize = 16;
const _: () = assert!(size_of::<Env<'_>>() <= HEADER_SIZE);

impl<'h> Env<'h> {
    /// Returns a frame of `len` slots, all holding null until they are filled.
    #[inline(always)]
    pub fn new(heap: &'h Heap, up: Option<&'h Env<'h>>, len: u32) -> &'h Env<'h> {
        Env::with(heap, up, len, |_| Value::NULL.into())
    }

    /// Returns a frame of `len` slots, filled by `content` in order.
    #[inline(always)]
    pub fn with(
        heap: &'h Heap,
        up: Option<&'h Env<'h>>,
        len: u32,
        mut content: impl FnMut(u32) -> Lazy<'h>,
    ) -> &'h Env<'h> {
        let size = HEADER_SIZE + len as usize * size_of::<Slot<'h>>();
        let start = heap.arena().reserve(size);
        // SAFETY: `reserve` gave `size` fresh bytes aligned to 16; header and slots are written
        // in full before the reference is made.
        unsafe {
            start.cast::<Env<'h>>().write(Env { up, len, marker: PhantomData });
            let slots = start.add(HEADER_SIZE).cast::<Slot<'h>>();
            for index in 0..len {
                slots.add(index as usize).write(Slot::new(content(index)));
            }
            &*start.cast::<Env<'h>>()
        }
    }

    /// Returns a frame of `len` slots for a call: what `content` makes of each of `arguments`,
    /// then null.
    ///
    /// # Panics
    ///
    /// If there are more arguments than slots.
    #[inline(always)]
    pub fn call<T>(
        heap: &'h Heap,
        up: &'h Env<'h>,
        len: u32,
        arguments: impl IntoIterator<Item = T>,
        mut content: impl FnMut(T) -> Lazy<'h>,
    ) -> &'h Env<'h> {
        let size = HEADER_SIZE + len as usize * size_of::<Slot<'h>>();
        let start = heap.arena().reserve(size);
        // SAFETY: `reserve` gave `size` fresh bytes aligned to 16; header and slots are written
        // in full before the reference is made, and `next` never passes `end`.
        unsafe {
            start.cast::<Env<'h>>().write(Env { up: Some(up), len, marker: PhantomData });
            let mut next = start.add(HEADER_SIZE).cast::<Slot<'h>>();
            let end = next.add(len as usize);
            for argument in arguments {
                assert!(next < end, "a frame has room for the arguments");
                next.write(Slot::new(content(argument)));
                next = next.add(1);
            }
            while next < end {
                next.write(Slot::new(Value::NULL.into()));
                next = next.add(1);
            }
            &*start.cast::<Env<'h>>()
        }
    }

    /// Returns the enclosing frame.
    #[inline(always)]
    pub fn up(&'h self) -> Option<&'h Env<'h>> {
        self.up
    }

    /// Returns the slots of this frame.
    #[inline(always)]
    pub fn slots(&'h self) -> &'h [Slot<'h>] {
        // SAFETY: frames are only made by `with`, which writes `len` slots behind the header in
        // the same allocation; it lives for `'h`.
        unsafe {
            let start = std::ptr::from_ref(self).cast::<u8>().add(HEADER_SIZE);
            std::slice::from_raw_parts(start.cast::<Slot<'h>>(), self.len as usize)
        }
    }
}
