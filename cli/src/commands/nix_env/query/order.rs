//! The order in which packages of the same name come: the one that the oracle's library leaves.
//!
//! CppNix sorts packages with `std::sort`, which keeps no order among equals but always leaves the
//! same one: quicksort by the median of three down to short pieces, heap sort where that goes too
//! deep, and one insertion sort over all at the end.

use std::cmp::Ordering;

/// The pieces that are left to the insertion sort.
const SHORT: usize = 16;

/// Sorts `items` so that none `is_before` an earlier one.
pub(super) fn sort<T>(items: &mut [T], is_before: impl Fn(&T, &T) -> bool) {
    let mut sorting = Sorting { items, is_before };
    let len = sorting.items.len();
    if len > 1 {
        sorting.part(0, len, 2 * len.ilog2());
        sorting.insert_all(len);
    }
}

struct Sorting<'a, T, F> {
    items: &'a mut [T],
    is_before: F,
}

impl<T, F: Fn(&T, &T) -> bool> Sorting<'_, T, F> {
    fn less(&self, a: usize, b: usize) -> bool {
        match (self.items.get(a), self.items.get(b)) {
            (Some(a), Some(b)) => (self.is_before)(a, b),
            _ => false,
        }
    }

    /// Parts `start..end` into short pieces, each wholly before the next.
    fn part(&mut self, start: usize, mut end: usize, mut depth: u32) {
        while end - start > SHORT {
            if depth == 0 {
                self.heap_sort(start, end);
                return;
            }
            depth -= 1;
            let middle = start + (end - start) / 2;
            self.median_to(start, [start + 1, middle, end - 1]);
            let cut = self.split(start + 1, end, start);
            self.part(cut, end, depth);
            end = cut;
        }
    }

    /// Swaps the median of three to `place`.
    fn median_to(&mut self, place: usize, [a, b, c]: [usize; 3]) {
        let median = if self.less(a, b) {
            if self.less(b, c) {
                b
            } else if self.less(a, c) {
                c
            } else {
                a
            }
        } else if self.less(a, c) {
            a
        } else if self.less(b, c) {
            c
        } else {
            b
        };
        self.items.swap(place, median);
    }

    /// Splits by the item at `pivot`; returns where the second half begins.
    fn split(&mut self, mut low: usize, mut high: usize, pivot: usize) -> usize {
        loop {
            while self.less(low, pivot) {
                low += 1;
            }
            high -= 1;
            while self.less(pivot, high) {
                high -= 1;
            }
            if low >= high {
                return low;
            }
            self.items.swap(low, high);
            low += 1;
        }
    }

    /// Inserts each item among those before it.
    fn insert_all(&mut self, len: usize) {
        for index in 1..len {
            // Among the first ones an item may be the least of all.
            let at = if index < SHORT && self.less(index, 0) {
                0
            } else {
                let mut at = index;
                while at > 0 && self.less(index, at - 1) {
                    at -= 1;
                }
                at
            };
            if let Some(run) = self.items.get_mut(at..=index) {
                run.rotate_right(1);
            }
        }
    }

    fn heap_sort(&mut self, start: usize, end: usize) {
        let len = end - start;
        for root in (0..len / 2).rev() {
            self.sift(start, root, len);
        }
        for last in (1..len).rev() {
            self.items.swap(start, start + last);
            self.sift(start, 0, last);
        }
    }

    /// Lets the item at `root` of a heap of `len` find its place: down to a leaf along the greater
    /// children, and up again as far as it belongs.
    fn sift(&mut self, start: usize, root: usize, len: usize) {
        let mut hole = root;
        loop {
            let right = 2 * hole + 2;
            let child = match right.cmp(&len) {
                Ordering::Less if self.less(start + right, start + right - 1) => right - 1,
                Ordering::Less => right,
                Ordering::Equal => right - 1,
                Ordering::Greater => break,
            };
            self.items.swap(start + hole, start + child);
            hole = child;
        }
        while hole > root {
            let parent = (hole - 1) / 2;
            if !self.less(start + parent, start + hole) {
                break;
            }
            self.items.swap(start + parent, start + hole);
            hole = parent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Sorting, sort};

    /// Numbers without a pattern, most of them several times.
    fn numbers(count: usize) -> Vec<(u32, usize)> {
        let mut state = 12_345_u32;
        let mut next = || {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            (state >> 16) % 50
        };
        (0..count).map(|index| (next(), index)).collect()
    }

    #[test]
    fn items_are_in_order_and_all_there() {
        for count in [0, 1, 2, 15, 16, 17, 40, 1000] {
            let mut items = numbers(count);
            sort(&mut items, |a, b| a.0 < b.0);
            assert!(items.is_sorted_by_key(|item| item.0), "{count}");
            let mut places: Vec<usize> = items.iter().map(|item| item.1).collect();
            places.sort_unstable();
            assert_eq!(places, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn heap_sort_sorts() {
        let mut items = numbers(300);
        Sorting { items: &mut items, is_before: |a: &(u32, usize), b: &(u32, usize)| a.0 < b.0 }
            .heap_sort(0, 300);
        assert!(items.is_sorted_by_key(|item| item.0));
    }

    #[test]
    fn some_equals_come_in_the_order_of_the_library() {
        // From `std::sort` of libstdc++ 12 over the same 40 numbers.
        let mut items = numbers(40);
        sort(&mut items, |a, b| a.0 < b.0);
        let places: Vec<usize> = items.iter().map(|item| item.1).collect();
        let expected = [
            35, 31, 37, 33, 16, 10, 1, 12, 20, 6, 8, 18, 29, 19, 25, 21, 38, 15, 22, 14, 11, 39, 9,
            28, 26, 17, 34, 2, 0, 13, 7, 36, 30, 27, 32, 5, 4, 23, 3, 24,
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn equals_come_in_the_order_of_the_library() {
        // From `std::sort` of libstdc++ 12 over 20 equal items.
        let mut items: Vec<(u32, usize)> = (0..20).map(|index| (0, index)).collect();
        sort(&mut items, |a, b| a.0 < b.0);
        let places: Vec<usize> = items.iter().map(|item| item.1).collect();
        assert_eq!(places, [10, 19, 18, 17, 16, 15, 14, 13, 12, 11, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    }
}
