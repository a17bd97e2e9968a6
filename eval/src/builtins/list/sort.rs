//! Peeksort: a stable merge sort that uses the runs it finds, with a comparison that may fail.
//!
//! It looks at the middle first: the run that holds the middle is kept whole, and what lies to its
//! sides is sorted and merged. A list already sorted takes one pass. Which elements are compared,
//! in which order, is part of the result where the comparison is no order at all (`a: b: a <= b`),
//! so it follows the oracle's: runs as long as they go, and insertion below a threshold.
//! Source: Munro and Wild, “Nearly-optimal mergesorts” (2018), as CppNix 2.34 uses it.

use std::ops::Range;

/// The longest stretch that is sorted by insertion.
const INSERTION_LEN_MAX: usize = 16;

/// Sorts `items`; `less` tells whether its first argument belongs before its second.
///
/// # Errors
///
/// The first of `less`; the order of `items` is unspecified then.
pub(super) fn sort<T: Copy, E>(
    items: &mut [T],
    less: impl FnMut(T, T) -> Result<bool, E>,
) -> Result<(), E> {
    let len = items.len();
    let mut sorter = Sorter { items, spare: Vec::new(), less };
    match len {
        0 | 1 => Ok(()),
        2 => {
            if sorter.is_less(1, 0)? {
                sorter.items.swap(0, 1);
            }
            Ok(())
        }
        _ => {
            sorter.spare.reserve(len);
            sorter.stretch(0..len, 0, len)
        }
    }
}

struct Sorter<'i, T, F> {
    items: &'i mut [T],
    /// Room for one merge.
    spare: Vec<T>,
    less: F,
}

impl<T: Copy, E, F: FnMut(T, T) -> Result<bool, E>> Sorter<'_, T, F> {
    fn is_less(&mut self, lhs: usize, rhs: usize) -> Result<bool, E> {
        (self.less)(self.items[lhs], self.items[rhs])
    }

    /// Sorts `range`, of which all before `left_end` and all from `right_start` on is a run each.
    fn stretch(
        &mut self,
        range: Range<usize>,
        left_end: usize,
        right_start: usize,
    ) -> Result<(), E> {
        let Range { start, end } = range;
        if left_end == end || right_start == start {
            return Ok(());
        }
        if end - start <= INSERTION_LEN_MAX {
            return self.insert_each(start..end);
        }
        let middle = start.midpoint(end);
        if middle <= left_end {
            self.stretch(left_end..end, left_end + 1, right_start)?;
            return self.merge(start, left_end, end);
        }
        if middle >= right_start {
            self.stretch(start..right_start, left_end, right_start - 1)?;
            return self.merge(start, right_start, end);
        }
        let run = self.run_around(middle, left_end, right_start)?;
        if run == (start..end) {
            return Ok(());
        }
        // The run goes to the side of the middle that holds less of it.
        if middle - run.start < run.end - middle {
            self.stretch(start..run.start, left_end, run.start.saturating_sub(1))?;
            self.stretch(run.start..end, run.end, right_start)?;
            self.merge(start, run.start, end)
        } else {
            self.stretch(start..run.end, left_end, run.start)?;
            self.stretch(run.end..end, run.end + 1, right_start)?;
            self.merge(start, run.end, end)
        }
    }

    /// Returns the run that holds the element before `middle`, within `from..to`; one that goes
    /// strictly down is turned round.
    fn run_around(&mut self, middle: usize, from: usize, to: usize) -> Result<Range<usize>, E> {
        let is_down = self.is_less(middle, middle - 1)?;
        let mut start = middle - 1;
        while start > from && self.is_less(start, start - 1)? == is_down {
            start -= 1;
        }
        let mut end = middle;
        while end < to && self.is_less(end, end - 1)? == is_down {
            end += 1;
        }
        if is_down {
            self.items[start..end].reverse();
        }
        Ok(start..end)
    }

    fn insert_each(&mut self, range: Range<usize>) -> Result<(), E> {
        for next in range.start + 1..range.end {
            let mut at = next;
            while at > range.start && self.is_less(at, at - 1)? {
                self.items.swap(at, at - 1);
                at -= 1;
            }
        }
        Ok(())
    }

    /// Merges the sorted `start..middle` and `middle..end`; of equals the left one comes first.
    fn merge(&mut self, start: usize, middle: usize, end: usize) -> Result<(), E> {
        self.spare.clear();
        self.spare.extend_from_slice(&self.items[start..end]);
        let (mut left, mut right) = (0, middle - start);
        let (left_end, right_end) = (right, end - start);
        let mut out = start;
        while left < left_end && right < right_end {
            let from = if (self.less)(self.spare[right], self.spare[left])? {
                &mut right
            } else {
                &mut left
            };
            self.items[out] = self.spare[*from];
            *from += 1;
            out += 1;
        }
        let rest = if left < left_end { left..left_end } else { right..right_end };
        self.items[out..end].copy_from_slice(&self.spare[rest]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::sort;

    /// A list of `len` numbers below `limit`, the same one each time.
    fn numbers(len: usize, limit: u32, seed: u32) -> Vec<(u32, usize)> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % limit
        };
        (0..len).map(|index| (next(), index)).collect()
    }

    #[test]
    fn it_sorts_as_any_stable_sort_does() {
        for (len, seed) in (0..200).zip(1..) {
            for limit in [2, 10, 1000] {
                let mut items = numbers(len, limit, seed);
                if seed % 3 == 0 {
                    // Runs, some of them down.
                    items.sort_by_key(|item| item.1 % 7);
                    items[..len / 2].reverse();
                }
                let mut expected = items.clone();
                expected.sort_by_key(|item| item.0);
                let sorted: Result<(), Infallible> = sort(&mut items, |a, b| Ok(a.0 < b.0));
                assert_eq!(sorted, Ok(()));
                assert_eq!(items, expected);
            }
        }
    }

    #[test]
    fn a_sorted_list_takes_one_pass() {
        let mut items: Vec<u32> = (0..1000).collect();
        let mut count = 0;
        let sorted: Result<(), Infallible> = sort(&mut items, |a, b| {
            count += 1;
            Ok(a < b)
        });
        assert_eq!((sorted, count), (Ok(()), 1000));
    }

    #[test]
    fn the_first_error_ends_it() {
        let mut count = 0;
        let failed = sort(&mut [3, 2, 1], |_, _| {
            count += 1;
            if count == 2 { Err("second") } else { Ok(false) }
        });
        assert_eq!((failed, count), (Err("second"), 2));
    }
}
