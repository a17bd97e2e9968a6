//! What merged sets have in common: names and positions of `//` whose operands' are the same.
//!
//! Set literals bring the same names and positions each time that they are evaluated; so does
//! what `//` makes of them. Where those of both operands stay as long as the heap, those of the
//! result are made once and stay, too.

use std::cell::{Cell, RefCell};

use super::{Heap, Shape};
use crate::source::Position;

/// So many pairs of operands are remembered, a power of two.
const PAIRS: usize = 4096;
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

/// The addresses of the shapes and positions of two operands, and of their result.
#[derive(Clone, Copy, Default)]
struct Pair {
    operands: [usize; 4],
    shape: usize,
    positions: usize,
}

/// A shape, and as many positions as it has names or null.
pub(super) type Described<'h> = (&'h Shape<'h>, *const Position);

fn place([a, b, c, d]: [usize; 4]) -> usize {
    const FACTOR: usize = 0x9e37_79b9_7f4a_7c15;
    let mixed = (a ^ c.rotate_left(21)).wrapping_mul(FACTOR) ^ b ^ d.rotate_left(17);
    (mixed.wrapping_mul(FACTOR) >> 48) & (PAIRS - 1)
}

impl Heap {
    /// Returns what the result of `//` has for names and positions: what `make` returns, or what
    /// it returned before for the same operands.
    pub(super) fn merged<'h>(
        &'h self,
        lhs: Described<'h>,
        rhs: Described<'h>,
        len: usize,
        make: impl FnOnce() -> Described<'h>,
    ) -> Described<'h> {
        let operands = [
            std::ptr::from_ref(lhs.0) as usize,
            std::ptr::from_ref(rhs.0) as usize,
            lhs.1 as usize,
            rhs.1 as usize,
        ];
        let stays = |&address: &usize| address == 0 || self.arena().is_permanent(address);
        if len > NAMES_MAX || !operands.iter().all(stays) {
            return make();
        }
        let index = place(operands);
        let mut pairs = self.merged.pairs.borrow_mut();
        if pairs.is_empty() {
            pairs.resize(PAIRS, Pair::default());
        }
        let Some(pair) = pairs.get_mut(index) else { return make() };
        if pair.operands == operands {
            // SAFETY: both addresses were made below of what stays as long as the heap, for
            // operands that do so, too: their addresses mean the same as then.
            return unsafe { (&*(pair.shape as *const Shape<'h>), pair.positions as *const _) };
        }
        if self.merged.results.get() == RESULTS_MAX {
            return make();
        }
        self.merged.results.set(self.merged.results.get() + 1);
        let stays = self.permanently();
        let result = make();
        drop(stays);
        *pair = Pair {
            operands,
            shape: std::ptr::from_ref(result.0) as usize,
            positions: result.1 as usize,
        };
        result
    }
}
