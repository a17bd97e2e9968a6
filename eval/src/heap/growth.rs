//! Lists that grow by `++`: room beside them, so that growing one by one copies little.
//!
//! What `++` returned last is remembered, a few lists at a time. When one of them is an operand of
//! `++` for the third time, the copy gets as much room again on the side where it grows, and from
//! then on the other operand's elements are written there. The slots of the list that grew are
//! those of the result as well, which is what it would refer to anyway.

#![allow(clippy::cast_ptr_alignment, reason = "the arena aligns to 16, more than anything here")]

use std::cell::Cell;

use super::value::Lazy;
use super::{Heap, Slot, Value};

/// So many lists are remembered.
const LISTS: usize = 4;
/// After so many copies a list gets room.
const COPIES: u8 = 2;

/// Lists that may grow.
#[derive(Default)]
pub(super) struct Growth {
    lists: [Cell<Growing>; LISTS],
    /// Which of them is forgotten next.
    next: Cell<usize>,
    /// The greatest end of their room.
    end_max: Cell<usize>,
}

/// A list and the room beside it, as addresses.
#[derive(Clone, Copy, Default)]
struct Growing {
    room_start: usize,
    start: usize,
    end: usize,
    room_end: usize,
    copies: u8,
}

/// The side on which a list grows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Front,
    Back,
}

impl Growth {
    /// Forgets what lies at `top` and above.
    #[inline(always)]
    pub(super) fn forget_from(&self, top: usize) {
        if self.end_max.get() > top {
            self.forget(top);
        }
    }

    #[cold]
    fn forget(&self, top: usize) {
        let mut end_max = 0;
        for list in &self.lists {
            if list.get().room_end > top {
                list.set(Growing::default());
            }
            end_max = end_max.max(list.get().room_end);
        }
        self.end_max.set(end_max);
    }
}

impl Heap {
    /// Returns the elements of both lists, neither of which is empty, as one.
    pub fn concat<'h>(&'h self, first: &'h [Slot<'h>], second: &'h [Slot<'h>]) -> &'h [Slot<'h>] {
        let (start, end) = (second.as_ptr() as usize, first.as_ptr_range().end as usize);
        let growth = self.arena().growth();
        for cell in &growth.lists {
            let list = cell.get();
            if list.end == end && list.room_end != 0 {
                return self.grow(cell, Side::Back, first, second);
            }
            if list.start == start && list.room_end != 0 {
                return self.grow(cell, Side::Front, second, first);
            }
        }
        let next = growth.next.get() % LISTS;
        growth.next.set(next + 1);
        match growth.lists.get(next) {
            Some(cell) => self.copy_beside(cell, Side::Back, first, second, 0),
            None => unreachable!("the index is below the number of lists"),
        }
    }

    /// Returns `list` with `added` on that side.
    fn grow<'h>(
        &'h self,
        cell: &Cell<Growing>,
        side: Side,
        list: &'h [Slot<'h>],
        added: &'h [Slot<'h>],
    ) -> &'h [Slot<'h>] {
        let mut known = cell.get();
        let size = size_of_val(added);
        let room = match side {
            Side::Back => known.room_end - known.end,
            Side::Front => known.start - known.room_start,
        };
        if room < size {
            let copies = known.copies.saturating_add(1);
            return match side {
                Side::Back => self.copy_beside(cell, side, list, added, copies),
                Side::Front => self.copy_beside(cell, side, added, list, copies),
            };
        }
        let len = list.len() + added.len();
        // SAFETY: the room was reserved beside the list in one allocation, has been given to
        // nobody else since (`known` moves with each use), and has not been given back: then it
        // would have been forgotten. The slots written here and those of `list` are adjacent.
        let (place, start) = unsafe {
            match side {
                Side::Back => (list.as_ptr().add(list.len()).cast_mut(), list.as_ptr()),
                Side::Front => {
                    let place = list.as_ptr().sub(added.len());
                    (place.cast_mut(), place)
                }
            }
        };
        for (slot, index) in added.iter().zip(0..) {
            let content = Lazy::from_slot(slot);
            // SAFETY: as above; `place` has room for as many slots as are added.
            unsafe {
                place.add(index).write(Slot::new(Value::NULL.into()));
                (*place.add(index)).fill(self, content);
            }
        }
        match side {
            Side::Back => known.end += size,
            Side::Front => known.start -= size,
        }
        cell.set(known);
        // SAFETY: `len` slots from `start` on are written, in one allocation that lives for `'h`.
        unsafe { std::slice::from_raw_parts(start, len) }
    }

    /// Copies both lists into one, which was copied so often before, with room on a side.
    fn copy_beside<'h>(
        &'h self,
        cell: &Cell<Growing>,
        side: Side,
        first: &'h [Slot<'h>],
        second: &'h [Slot<'h>],
        copies: u8,
    ) -> &'h [Slot<'h>] {
        let len = first.len() + second.len();
        let room = if copies < COPIES { 0 } else { len };
        let size = size_of::<Slot<'h>>();
        let block = self.arena().reserve((len + room) * size).cast::<Slot<'h>>();
        // SAFETY: the block has `len + room` slots.
        let start = unsafe { block.add(if side == Side::Front { room } else { 0 }) };
        for (slot, index) in first.iter().chain(second).zip(0..) {
            // SAFETY: `len` slots from `start` on lie in the block.
            unsafe { start.add(index).write(Slot::new(Lazy::from_slot(slot))) };
        }
        let growth = self.arena().growth();
        let room_end = block as usize + (len + room) * size;
        growth.end_max.set(growth.end_max.get().max(room_end));
        cell.set(Growing {
            room_start: block as usize,
            start: start as usize,
            end: start as usize + len * size,
            room_end,
            copies,
        });
        // SAFETY: `len` slots from `start` on were just written and live for `'h`.
        unsafe { std::slice::from_raw_parts(start, len) }
    }
}
