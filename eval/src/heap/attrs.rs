//! Attribute sets: a shared sorted array of names and a parallel array of slots.
//!
//! The array of names is a [`Shape`] and is shared by all sets made by one literal, by `mapAttrs`
//! and the like. `//` with a large left and a small right operand layers instead of copying: the
//! result holds the right operand's attributes and a link to the left one. Reading through layers
//! costs a search per layer, each [`LAYER_RATIO`] times larger than the one above; iteration
//! flattens once and remembers.

#![allow(clippy::cast_ptr_alignment, reason = "the arena aligns to 16, more than anything here")]

use std::cell::Cell;

use super::merged::MergedNames;
use super::slot::Slot;
use super::symbol::Symbol;
use super::value::Lazy;
use super::{Heap, Value};
use crate::source::Position;

/// How many times larger the set beneath a layer is, at least.
const LAYER_RATIO: usize = 4;
/// The smallest left operand of `//` that is layered over rather than copied.
const LAYERED_LEN_MIN: usize = 24;

/// An attribute set.
#[derive(Clone, Copy)]
pub struct Attrs<'h>(pub(super) &'h AttrsData<'h>);

/// What a set is in memory: 32 bytes and its slots.
pub(super) struct AttrsData<'h> {
    shape: &'h Shape<'h>,
    /// As many slots as the shape has names.
    slots: *const Slot<'h>,
    /// As many positions as the shape has names, or null.
    positions: *const Position,
    layer: Option<&'h Layer<'h>>,
}

/// The part of a layered set that an ordinary one does without.
struct Layer<'h> {
    /// The set beneath; names of the upper set hide its own.
    base: Attrs<'h>,
    /// How many attributes both have together.
    len: usize,
    /// The same set without layers, once somebody needed it.
    flat: Cell<Option<Attrs<'h>>>,
}

/// The names of a set, in order of symbol; they follow in memory, where a search finds them soon.
#[repr(C)]
pub struct Shape<'h> {
    /// Indices into the names in byte order of the names, once somebody needed them.
    by_name: Cell<Option<&'h [u32]>>,
    len: u32,
}

/// The most names that are looked at one by one.
const LINEAR_MAX: usize = 8;
/// Two to the power of this many indices are remembered.
const HINTS_BITS: u32 = 13;

thread_local! {
    /// Where names were found, or would be, by the address of the shape and the name.
    static HINTS: [Cell<u16>; 1 << HINTS_BITS] =
        const { [const { Cell::new(0) }; 1 << HINTS_BITS] };
}

/// Bytes between the start of a shape and its first name.
const NAMES_OFFSET: usize = 24;
const _: () = assert!(size_of::<Shape<'_>>() == NAMES_OFFSET);

/// One attribute: its name, its slot and where it was written.
#[derive(Clone, Copy)]
pub struct Attr<'h> {
    /// The name.
    pub name: Symbol,
    /// The slot with the value.
    pub slot: &'h Slot<'h>,
    /// Where the attribute was defined; [`Position::NONE`] for computed sets.
    pub position: Position,
}

impl<'h> Shape<'h> {
    /// Returns the shape of these names, which are sorted by symbol and distinct.
    pub fn new(heap: &'h Heap, names: &[Symbol]) -> &'h Shape<'h> {
        debug_assert!(names.is_sorted_by(|a, b| a < b), "names are sorted and distinct");
        Shape::of_names(heap, names.len(), |index| names[index])
    }

    /// Returns the shape of `len` names, sorted by symbol and distinct, that `name` returns in
    /// order; it must not allocate.
    #[inline(always)]
    pub(crate) fn of_names(
        heap: &'h Heap,
        len: usize,
        name: impl Fn(usize) -> Symbol,
    ) -> &'h Shape<'h> {
        let start = heap.arena().reserve(NAMES_OFFSET + len * size_of::<Symbol>());
        let count = u32::try_from(len).expect("sets have less than 2^32 attributes");
        // SAFETY: `reserve` gave so many fresh bytes aligned to 16; header and names are written
        // in full before the reference is made.
        unsafe {
            start.cast::<Shape<'h>>().write(Shape { by_name: Cell::new(None), len: count });
            let names = start.add(NAMES_OFFSET).cast::<Symbol>();
            for index in 0..len {
                names.add(index).write(name(index));
            }
            &*start.cast::<Shape<'h>>()
        }
    }

    /// Returns the names, sorted by symbol.
    #[inline(always)]
    pub fn names(&'h self) -> &'h [Symbol] {
        // SAFETY: shapes are only made by `of_names`, which writes `len` names behind the header
        // in the same allocation; it lives for `'h`.
        unsafe {
            let start = std::ptr::from_ref(self).cast::<u8>().add(NAMES_OFFSET);
            std::slice::from_raw_parts(start.cast::<Symbol>(), self.len as usize)
        }
    }

    /// Returns the index of `name`.
    #[inline(always)]
    pub fn index(&'h self, name: Symbol) -> Option<usize> {
        let names = self.names();
        if names.len() <= LINEAR_MAX {
            names.iter().position(|&it| it == name)
        } else {
            self.search(name)
        }
    }

    /// Returns the index of `name` among many: where it was last time, or by a search.
    #[inline]
    fn search(&'h self, name: Symbol) -> Option<usize> {
        let names = self.names();
        let place = std::ptr::from_ref(self) as usize >> 4;
        let mixed = (place as u32 ^ name.index().rotate_left(16)).wrapping_mul(0x9e37_79b9);
        HINTS.with(|hints| {
            // Shapes come and go, so what is remembered of one may be of another: it is looked at.
            let hint = hints.get((mixed >> (32 - HINTS_BITS)) as usize)?;
            let index = usize::from(hint.get());
            match names.get(index) {
                Some(&other) if other == name => return Some(index),
                other if other.is_none_or(|other| *other > name) => {
                    let before = index.checked_sub(1).map(|before| names.get(before));
                    if before.is_none_or(|before| before.is_some_and(|it| *it < name)) {
                        return None;
                    }
                }
                _ => {}
            }
            let found = names.binary_search(&name);
            if let Ok(index) = u16::try_from(found.unwrap_or_else(|index| index)) {
                hint.set(index);
            }
            found.ok()
        })
    }

    /// Returns the indices of the names in byte order of the names.
    pub fn by_name(&'h self, heap: &'h Heap) -> &'h [u32] {
        if let Some(order) = self.by_name.get() {
            return order;
        }
        let mut named: Vec<(&[u8], u32)> =
            self.names().iter().zip(0..).map(|(name, index)| (name.as_bytes(), index)).collect();
        named.sort_unstable();
        let place = std::ptr::from_ref(self) as usize;
        let guard = heap.as_permanent_as(place);
        let order = heap.arena().alloc_slice_with(named.len(), |at| named[at].1);
        drop(guard);
        heap.note_write(place, order.as_ptr() as usize);
        self.by_name.set(Some(order));
        order
    }
}

impl<'h> Attrs<'h> {
    /// Returns the empty set.
    pub fn empty(heap: &'h Heap) -> Attrs<'h> {
        Attrs::new(heap, Shape::new(heap, &[]), &[], &[])
    }

    /// Returns a set of `shape` with these slots, and these positions or none at all.
    ///
    /// # Panics
    ///
    /// If the numbers of names, slots and (some) positions differ.
    #[inline(always)]
    pub fn new(
        heap: &'h Heap,
        shape: &'h Shape<'h>,
        slots: &'h [Slot<'h>],
        positions: &'h [Position],
    ) -> Attrs<'h> {
        assert!(slots.len() == shape.names().len());
        assert!(positions.is_empty() || positions.len() == slots.len());
        let positions = if positions.is_empty() { std::ptr::null() } else { positions.as_ptr() };
        Attrs(heap.arena().alloc(AttrsData {
            shape,
            slots: slots.as_ptr(),
            positions,
            layer: None,
        }))
    }

    /// Returns how many attributes the set has.
    #[inline(always)]
    pub fn len(self) -> usize {
        self.0.layer.map_or(self.0.shape.names().len(), |layer| layer.len)
    }

    /// Returns how many attributes the set itself holds, without those of sets beneath it.
    pub fn own_len(self) -> usize {
        self.0.shape.names().len()
    }

    /// Whether the set has no attributes.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns the slot of the attribute `name`.
    #[inline(always)]
    pub fn get(self, name: Symbol) -> Option<&'h Slot<'h>> {
        let mut set = self;
        loop {
            if let Some(index) = set.0.shape.index(name) {
                return set.own_slots().get(index);
            }
            set = set.0.layer?.base;
        }
    }

    /// Returns a search for several names, each greater than the one before.
    #[inline(always)]
    pub fn in_order(self) -> InOrder<'h> {
        InOrder { set: self, from: 0 }
    }

    /// Returns the attribute `name` with its position.
    pub fn attr(self, name: Symbol) -> Option<Attr<'h>> {
        let mut set = self;
        loop {
            if let Some(index) = set.0.shape.index(name) {
                return set.own_attr(index);
            }
            set = set.0.layer?.base;
        }
    }

    /// Returns the attribute called `name`.
    pub fn named(self, name: &[u8]) -> Option<&'h Slot<'h>> {
        self.get(Symbol::lookup(name)?)
    }

    /// Returns the attributes in order of symbol: fast, but not an order to show to a user or to
    /// force values in.
    pub fn iter(self, heap: &'h Heap) -> impl ExactSizeIterator<Item = Attr<'h>> {
        let flat = self.flatten(heap);
        (0..flat.own_slots().len())
            .map(move |index| flat.own_attr(index).expect("the index is below the number of slots"))
    }

    /// Returns the attributes in byte order of their names.
    pub fn iter_by_name(self, heap: &'h Heap) -> impl ExactSizeIterator<Item = Attr<'h>> {
        let flat = self.flatten(heap);
        flat.0.shape.by_name(heap).iter().map(move |&index| {
            flat.own_attr(index as usize).expect("by_name holds indices of the shape")
        })
    }

    /// Returns the shape of the set without its layers.
    pub fn shape(self, heap: &'h Heap) -> &'h Shape<'h> {
        self.flatten(heap).0.shape
    }

    /// Returns the slots in order of symbol, parallel to the names of [`Attrs::shape`].
    pub fn slots(self, heap: &'h Heap) -> &'h [Slot<'h>] {
        self.flatten(heap).own_slots()
    }

    /// Returns `self // rhs`: all attributes of both, those of `rhs` where both have one.
    pub fn update(self, heap: &'h Heap, rhs: Attrs<'h>) -> Attrs<'h> {
        if rhs.is_empty() {
            return self;
        }
        if self.is_empty() {
            return rhs;
        }
        let mut upper = rhs.flatten(heap);
        let mut base = self.0.layer.and_then(|layer| layer.flat.get()).unwrap_or(self);
        // Each layer is some times smaller than the one beneath: few layers to search through, and
        // a set that grows one by one is copied a logarithm of its size instead of each time.
        while let Some(layer) = base.0.layer {
            let top = base.0.shape.names().len();
            if top > upper.len() * LAYER_RATIO {
                break;
            }
            upper = merge(heap, base.own(heap), upper);
            base = layer.base;
        }
        if base.len() < LAYERED_LEN_MIN || upper.len() * LAYER_RATIO > base.len() {
            return merge(heap, base.flatten(heap), upper);
        }
        let hidden = upper.0.shape.names().iter().filter(|&&name| base.get(name).is_some()).count();
        let len = base.len() + upper.len() - hidden;
        let layer = Layer { base, len, flat: Cell::new(None) };
        Attrs(heap.arena().alloc(AttrsData {
            shape: upper.0.shape,
            slots: upper.0.slots,
            positions: upper.0.positions,
            layer: Some(heap.arena().alloc(layer)),
        }))
    }

    /// Returns a set of its own with the same attributes, in the same slots.
    pub fn another(self, heap: &'h Heap) -> Attrs<'h> {
        Attrs(heap.arena().alloc(AttrsData { ..*self.0 }))
    }

    /// Returns the set of the uppermost layer alone.
    fn own(self, heap: &'h Heap) -> Attrs<'h> {
        Attrs(heap.arena().alloc(AttrsData {
            shape: self.0.shape,
            slots: self.0.slots,
            positions: self.0.positions,
            layer: None,
        }))
    }

    /// Whether both are the same object in memory.
    pub fn is_same(self, other: Attrs<'h>) -> bool {
        std::ptr::eq(self.0, other.0)
    }

    fn flatten(self, heap: &'h Heap) -> Attrs<'h> {
        let Some(layer) = self.0.layer else { return self };
        if let Some(flat) = layer.flat.get() {
            return flat;
        }
        let flat = merge(heap, layer.base.flatten(heap), self.own(heap));
        heap.note_write(std::ptr::from_ref(layer) as usize, std::ptr::from_ref(flat.0) as usize);
        layer.flat.set(Some(flat));
        flat
    }

    #[inline(always)]
    fn own_slots(self) -> &'h [Slot<'h>] {
        // SAFETY: `slots` comes from a slice of exactly as many slots as the shape has names,
        // which lives as long as the heap (checked in `new`, kept by `update` and `flatten`).
        unsafe { std::slice::from_raw_parts(self.0.slots, self.0.shape.names().len()) }
    }

    #[inline(always)]
    fn own_attr(self, index: usize) -> Option<Attr<'h>> {
        let name = *self.0.shape.names().get(index)?;
        let slot = self.own_slots().get(index)?;
        let position = if self.0.positions.is_null() {
            Position::NONE
        } else {
            // SAFETY: positions that are not null are as many as the names; `index` is below.
            unsafe { *self.0.positions.add(index) }
        };
        Some(Attr { name, slot, position })
    }
}

/// A search for attributes in order of symbol.
pub struct InOrder<'h> {
    set: Attrs<'h>,
    /// The index in the shape below which all names are less than the one asked for last.
    from: usize,
}

/// How many names a search in order looks at one by one.
const STEPS_MAX: usize = 8;

impl<'h> InOrder<'h> {
    /// Returns the slot of the attribute `name`, which is greater than any asked for before.
    #[inline(always)]
    pub fn next(&mut self, name: Symbol) -> Option<&'h Slot<'h>> {
        if self.set.0.layer.is_some() {
            return self.set.get(name);
        }
        let names = self.set.0.shape.names();
        let near = (self.from + STEPS_MAX).min(names.len());
        while let Some(&other) = names.get(self.from)
            && other < name
        {
            self.from += 1;
            if self.from == near {
                self.from += names.get(near..)?.partition_point(|other| *other < name);
                break;
            }
        }
        if names.get(self.from) != Some(&name) {
            return None;
        }
        self.set.own_slots().get(self.from)
    }
}

/// In the order of a merged set, what is said of an attribute of the right operand.
const RIGHT: u32 = 1 << 31;

/// Copies two sets without layers into one; `rhs` wins.
fn merge<'h>(heap: &'h Heap, lhs: Attrs<'h>, rhs: Attrs<'h>) -> Attrs<'h> {
    let (lower, upper) = (lhs.own_slots(), rhs.own_slots());
    let attrs = |order: &[u32], shape: &'h Shape<'h>, positions: *const Position| {
        let slots = heap.arena().alloc_slice_with(order.len(), |at| {
            let entry = order[at];
            let slots = if entry & RIGHT == 0 { lower } else { upper };
            Slot::new(Lazy::from_slot(&slots[(entry & !RIGHT) as usize]))
        });
        Attrs(heap.arena().alloc(AttrsData {
            shape,
            slots: slots.as_ptr(),
            positions,
            layer: None,
        }))
    };
    let operands = [(lhs.0.shape, lhs.0.positions), (rhs.0.shape, rhs.0.positions)];
    if let Some(known) = heap.merged(operands) {
        return attrs(known.order, known.shape, known.positions);
    }
    let mut order = heap.order.take();
    order_of(&mut order, lhs.0.shape.names(), rhs.0.shape.names());
    let source = |at: usize| {
        let entry = order[at];
        let (set, index) = if entry & RIGHT == 0 { (lhs, entry) } else { (rhs, entry & !RIGHT) };
        set.own_attr(index as usize).expect("merge only makes indices of its operands")
    };
    let stays = heap.keeps_merged(operands, order.len());
    // A set that only replaces values keeps the shape of its left operand.
    let shape = if order.len() == lower.len() {
        lhs.0.shape
    } else {
        Shape::of_names(heap, order.len(), |at| source(at).name)
    };
    let positions = if lhs.0.positions.is_null() && rhs.0.positions.is_null() {
        std::ptr::null()
    } else {
        heap.arena().alloc_slice_with(order.len(), |at| source(at).position).as_ptr()
    };
    if stays.is_some() {
        let order = heap.arena().alloc_slice(&order);
        heap.remember_merged(operands, MergedNames { shape, positions, order });
    }
    drop(stays);
    let result = attrs(&order, shape, positions);
    heap.order.replace(order);
    result
}

/// Writes into `order` where the attributes of `a` and `b` together come from: each an index into
/// `a`, or one into `b` and [`RIGHT`].
fn order_of(order: &mut Vec<u32>, a: &[Symbol], b: &[Symbol]) {
    order.clear();
    order.reserve(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x < y {
            order.push(i as u32);
            i += 1;
        } else {
            order.push(j as u32 | RIGHT);
            i += usize::from(x == y);
            j += 1;
        }
    }
    order.extend((i..a.len()).map(|at| at as u32));
    order.extend((j..b.len()).map(|at| at as u32 | RIGHT));
}

/// Collects attributes in any order and makes a set of them.
#[derive(Default)]
pub struct AttrsBuilder<'h> {
    attrs: Vec<(Symbol, Lazy<'h>, Position)>,
}

impl<'h> AttrsBuilder<'h> {
    /// Returns a builder with room for `capacity` attributes.
    pub fn with_capacity(capacity: usize) -> Self {
        AttrsBuilder { attrs: Vec::with_capacity(capacity) }
    }

    /// Adds an attribute without a position.
    pub fn push(&mut self, name: Symbol, content: impl Into<Lazy<'h>>) {
        self.attrs.push((name, content.into(), Position::NONE));
    }

    /// Adds an attribute named by text, without a position.
    pub fn push_named(&mut self, name: &str, content: impl Into<Lazy<'h>>) {
        self.push(Symbol::intern(name.as_bytes()), content);
    }

    /// Adds an attribute that was written at `position`.
    pub fn push_at(&mut self, name: Symbol, content: impl Into<Lazy<'h>>, position: Position) {
        self.attrs.push((name, content.into(), position));
    }

    /// Returns the set; of attributes with one name the first counts.
    pub fn finish(mut self, heap: &'h Heap) -> Attrs<'h> {
        self.attrs.sort_by_key(|attr| attr.0);
        self.attrs.dedup_by_key(|attr| attr.0);
        let attrs = &self.attrs;
        let arena = heap.arena();
        let shape = Shape::of_names(heap, attrs.len(), |at| attrs[at].0);
        let slots = arena.alloc_slice_with(attrs.len(), |at| Slot::new(attrs[at].1));
        let positions = if attrs.iter().any(|attr| attr.2 != Position::NONE) {
            arena.alloc_slice_with(attrs.len(), |at| attrs[at].2)
        } else {
            &[]
        };
        Attrs::new(heap, shape, slots, positions)
    }

    /// Returns the set as a value; of attributes with one name the first counts.
    pub fn finish_value(self, heap: &'h Heap) -> Value<'h> {
        Value::attrs(self.finish(heap))
    }
}
