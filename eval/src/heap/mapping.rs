//! Many applications of one function: what `map` and its kind put into the slots of their results.
//!
//! The function and where the arguments come from are said once; an element is its index.

use super::value::Lazy;
use super::{Heap, Shape, Slot, Str, Value};

/// A function, and what it is applied to for each element of a result.
pub struct Mapping<'h> {
    function: Slot<'h>,
    source: MappingSource<'h>,
}

/// Where the arguments of a [`Mapping`] come from.
#[derive(Clone, Copy)]
pub enum MappingSource<'h> {
    /// The elements of a list.
    Elements(&'h [Slot<'h>]),
    /// The names and the values of a set.
    Attributes(&'h Shape<'h>, &'h [Slot<'h>]),
    /// The indices themselves.
    Indices,
}

/// One application of a [`Mapping`].
#[derive(Clone, Copy)]
pub struct Mapped<'h> {
    pub(super) mapping: &'h Mapping<'h>,
    pub(super) index: u32,
}

impl<'h> Mapping<'h> {
    /// Returns the applications of `function`, which need not be forced yet.
    pub fn new(heap: &'h Heap, function: Lazy<'h>, source: MappingSource<'h>) -> &'h Mapping<'h> {
        heap.arena().alloc(Mapping { function: Slot::new(function), source })
    }

    /// Returns the slots of `len` elements, all of them suspended.
    pub fn slots(&'h self, heap: &'h Heap, len: usize) -> &'h [Slot<'h>] {
        heap.arena().alloc_slice_with(len, |index| Slot::new(Lazy::mapped(self, index as u32)))
    }
}

impl<'h> Mapped<'h> {
    /// Returns the slot of the function.
    #[inline(always)]
    pub fn function(self) -> &'h Slot<'h> {
        &self.mapping.function
    }

    /// Returns the arguments, of which there is one, or two where the flag says so.
    #[inline(always)]
    pub fn arguments(self, heap: &'h Heap) -> ([Lazy<'h>; 2], bool) {
        let index = self.index as usize;
        let slot = |slots: &'h [Slot<'h>]| match slots.get(index) {
            Some(slot) => Lazy::from_slot(slot),
            None => Value::NULL.into(),
        };
        match self.mapping.source {
            MappingSource::Elements(slots) => ([slot(slots), Value::NULL.into()], false),
            MappingSource::Attributes(shape, slots) => {
                let name = shape.names().get(index).map_or(&[][..], |name| name.as_bytes());
                ([Value::string(heap, Str::new(name)).into(), slot(slots)], true)
            }
            MappingSource::Indices => {
                ([Value::int(i64::from(self.index)).into(), Value::NULL.into()], false)
            }
        }
    }
}
