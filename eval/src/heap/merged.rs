//! What merged sets have in common: names and positions of `//` whose operands' are the same.
//!
//! Set literals bring the same names and positions each time that they are evaluated; so does
//! what `//` makes of them. Where those of both operands stay as long as the heap, those of the
//! result are made once and stay, too.

use std::cell::{Cell, RefCell};

use super::region::Permanently;
use super::{Heap, Shape};
use crate::source::Position;

/// So many pairs of operands are remembered, a power of two.
const PAIRS: usize = 2048;
/// The most names of a result that is remembered.
const NAMES_MAX: usize = 64;
/// So many results are made to stay at most.
const RESULTS_MAX: usize = 1 << 16;

/// The results that are remembered.
#[derive(Default)]
pub(super) struct Merged {
    pairs: RefCell<Vec<Pair>>,
    results: Cell<usize>,
}

/// The addresses of the shapes and positions of two operands, and of what their result has.
#[derive(Clone, Copy, Default)]
struct Pair {
    operands: [usize; 4],
    shape: usize,
    positions: usize,
    order: usize,
    len: usize,
}

/// A shape, and as many positions as it has names or null.
pub(super) type Described<'h> = (&'h Shape<'h>, *const Position);

/// What merged sets have in common whose operands have the same names and positions.
pub(super) struct MergedNames<'h> {
    pub(super) shape: &'h Shape<'h>,
    /// As many as the shape has names, or null.
    pub(super) positions: *const Position,
    /// Which attribute of which operand each is.
    pub(super) order: &'h [u32],
}

fn addresses([lhs, rhs]: [Described<'_>; 2]) -> [usize; 4] {
    [
        std::ptr::from_ref(lhs.0) as usize,
        std::ptr::from_ref(rhs.0) as usize,
        lhs.1 as usize,
        rhs.1 as usize,
    ]
}

fn place([a, b, c, d]: [usize; 4]) -> usize {
    const FACTOR: usize = 0x9e37_79b9_7f4a_7c15;
    let mixed = (a ^ c.rotate_left(21)).wrapping_mul(FACTOR) ^ b ^ d.rotate_left(17);
    (mixed.wrapping_mul(FACTOR) >> 48) & (PAIRS - 1)
}

impl Heap {
    /// Returns what the result of `//` has of names and positions, if it is known.
    pub(super) fn merged<'h>(&'h self, operands: [Described<'h>; 2]) -> Option<MergedNames<'h>> {
        let operands = addresses(operands);
        if !self.all_stay(operands) {
            return None;
        }
        let pairs = self.merged.pairs.borrow();
        let pair = pairs.get(place(operands)).filter(|pair| pair.operands == operands)?;
        // SAFETY: all were remembered by `remember_merged` and stay as long as the heap, as do the
        // operands that they were made for: their addresses mean the same as then.
        unsafe {
            Some(MergedNames {
                shape: &*(pair.shape as *const Shape<'h>),
                positions: pair.positions as *const Position,
                order: std::slice::from_raw_parts(pair.order as *const u32, pair.len),
            })
        }
    }

    /// Whether the result of these operands, of `len` names, is to be remembered: then what is
    /// allocated stays until this is dropped.
    pub(super) fn keeps_merged<'h>(
        &'h self,
        operands: [Described<'h>; 2],
        len: usize,
    ) -> Option<Permanently<'h>> {
        let is_kept = len <= NAMES_MAX
            && self.merged.results.get() < RESULTS_MAX
            && self.all_stay(addresses(operands));
        is_kept.then(|| self.permanently())
    }

    /// Whether these addresses mean the same as long as the heap.
    fn all_stay(&self, operands: [usize; 4]) -> bool {
        let stays = |address: usize| address == 0 || self.arena().is_permanent(address);
        operands.into_iter().all(stays)
    }

    /// Remembers what the result of these operands has in common, all of which stays.
    pub(super) fn remember_merged<'h>(
        &'h self,
        operands: [Described<'h>; 2],
        names: MergedNames<'h>,
    ) {
        let operands = addresses(operands);
        self.merged.results.set(self.merged.results.get() + 1);
        let mut pairs = self.merged.pairs.borrow_mut();
        if pairs.is_empty() {
            pairs.resize(PAIRS, Pair::default());
        }
        if let Some(pair) = pairs.get_mut(place(operands)) {
            *pair = Pair {
                operands,
                shape: std::ptr::from_ref(names.shape) as usize,
                positions: names.positions as usize,
                order: names.order.as_ptr() as usize,
                len: names.order.len(),
            };
        }
    }
}
