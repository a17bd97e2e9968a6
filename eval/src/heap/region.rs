//! Regions: what a computation left behind, given back when its result cannot lead there.
//!
//! The arena hands out memory in order, so whatever a computation allocates lies above the mark
//! that was made when it began. When it ends with one value, nothing above the mark is needed any
//! more if
//!
//! - the value is a scalar, or lies below the mark, and
//! - no slot below the mark was made to point above it: each write of an address into something
//!   older than what lies there is noted ([`Heap::note_write`]), and
//! - no native code keeps anything of it: a region encloses a computation whose only outcome is
//!   its value. What an evaluation remembers elsewhere (imported files, code, paths that were
//!   copied) is allocated with [`Heap::permanently`].
//!
//! A string leads nowhere, so it is moved down to the mark and the rest is given back. Builds with
//! debug assertions overwrite what is given back.

use super::arena::Mark;
use super::string::{Context, ContextElement, StrData};
use super::symbol::Symbol;
use super::value::{FAILED, PATH, STRING, STRING_WITH_CONTEXT, Value, Words};
use super::{Answer, Heap, PathValue, Str};

/// A region that has begun; [`Heap::end_region`] ends it.
#[must_use]
pub(crate) struct Region(Mark);

/// Allocations go to the part of the heap that stays, until this is dropped.
pub(crate) struct Permanently<'h> {
    heap: &'h Heap,
    before: bool,
}

impl Drop for Permanently<'_> {
    fn drop(&mut self) {
        self.heap.arena.set_permanent(self.before);
    }
}

/// The longest context of a string that is moved.
const CONTEXT_LEN_MAX: usize = 16;

impl Heap {
    /// Begins a region around a computation.
    #[inline(always)]
    pub(crate) fn begin_region(&self) -> Region {
        Region(self.arena.mark())
    }

    /// Ends a region whose computation came to `answer`, its only outcome: gives back what it does
    /// not lead to, if that can be told.
    #[inline(always)]
    pub(crate) fn end_region<'h>(&'h self, region: Region, answer: Answer<'h>) -> Answer<'h> {
        let Region(mark) = region;
        let words = answer.words();
        let (tag, top) = (words.tag(), self.arena.top());
        if top > mark.top && self.arena.is_unreached(mark) {
            let word = words.1 as usize;
            let is_outside = word < mark.top || word >= top;
            if tag < STRING || (tag > PATH && tag != FAILED && is_outside) {
                // SAFETY: nothing below the mark leads above it, and the answer does not either.
                unsafe { self.arena.give_back(mark, mark.top) };
                return answer;
            }
            if tag <= PATH {
                return self.end_with_string(mark, top, answer);
            }
        }
        self.arena.keep_since(mark);
        answer
    }

    /// Ends a region that nothing but the string or path `answer` leads into.
    #[inline(never)]
    fn end_with_string<'h>(&'h self, mark: Mark, top: usize, answer: Answer<'h>) -> Answer<'h> {
        let Words(word0, word1, _) = answer.words();
        let is_inside = |start: usize, len: usize| start < top && start + len > mark.top;
        match answer.words().tag() {
            STRING => {
                let (start, len) = (word1 as usize, (word0 >> 32) as usize);
                if !is_inside(start, len) {
                    // SAFETY: as in `end_region`.
                    unsafe { self.arena.give_back(mark, mark.top) };
                    return answer;
                }
                if start < mark.top || !is_worth_moving(mark, top, len) {
                    self.arena.keep_since(mark);
                    return answer;
                }
                // SAFETY: only the answer leads to the bytes, which lie above the mark.
                let bytes = unsafe {
                    let bytes = std::slice::from_raw_parts(start as *const u8, len);
                    self.arena.move_down(mark, bytes)
                };
                Value::string(self, Str::new(bytes)).into()
            }
            STRING_WITH_CONTEXT if is_inside(word1 as usize, 1) => {
                // SAFETY: a value with this tag points to a `StrData`.
                let StrData(string) = unsafe { *(word1 as *const StrData<'h>) };
                let elements = string.context().map_or(&[][..], Context::elements);
                if elements.len() > CONTEXT_LEN_MAX
                    || !is_worth_moving(mark, top, string.bytes().len())
                {
                    self.arena.keep_since(mark);
                    return answer;
                }
                let mut copy = [ContextElement(Symbol::FIRST); CONTEXT_LEN_MAX];
                let copy = &mut copy[..elements.len()];
                copy.copy_from_slice(elements);
                let is_old = !is_inside(elements.as_ptr() as usize, size_of_val(elements));
                let bytes = self.move_bytes(mark, top, string.bytes());
                let context =
                    if is_old { string.context() } else { Context::of_sorted(self, copy) };
                Value::string(self, Str::with_context(bytes, context)).into()
            }
            PATH if is_inside(word1 as usize, 1) => {
                // SAFETY: a value with this tag points to a `PathValue`.
                let PathValue { root, bytes } = unsafe { *(word1 as *const PathValue<'h>) };
                if !is_worth_moving(mark, top, bytes.len()) {
                    self.arena.keep_since(mark);
                    return answer;
                }
                let bytes = self.move_bytes(mark, top, bytes);
                Value::path_of(self, root, bytes).into()
            }
            _ => {
                // SAFETY: as in `end_region`: the object lies below the mark or elsewhere, and so
                // does all that it leads to.
                unsafe { self.arena.give_back(mark, mark.top) };
                answer
            }
        }
    }

    /// Gives back the region and returns `bytes`, moved down if they lie in it.
    fn move_bytes<'h>(&'h self, mark: Mark, top: usize, bytes: &'h [u8]) -> &'h [u8] {
        let start = bytes.as_ptr() as usize;
        // SAFETY: only the string or path that the caller makes anew leads into the region; what
        // it had besides these bytes was copied before.
        unsafe {
            if start >= mark.top && start < top {
                return self.arena.move_down(mark, bytes);
            }
            if start + bytes.len() <= mark.top || start >= top {
                self.arena.give_back(mark, mark.top);
                return bytes;
            }
            // Bytes that were there before and grew in place.
            self.arena.give_back(mark, (start + bytes.len() + 15) & !15);
        }
        bytes
    }

    /// Says that the object at `place` leads to `target` from now on; every write of an address
    /// into something that exists must be told.
    #[inline(always)]
    pub(super) fn note_write(&self, place: usize, target: usize) {
        self.arena.note_write(place, target);
    }

    /// Has all of the heap stay as long as itself: no region gives anything back.
    pub(crate) fn keep_all(&self) {
        self.arena.keep_all();
    }

    /// Has what is allocated from now on stay as long as the heap.
    pub(crate) fn permanently(&self) -> Permanently<'_> {
        Permanently { heap: self, before: self.arena.set_permanent(true) }
    }

    /// As [`Heap::permanently`], if the object at `address` itself stays.
    pub(super) fn as_permanent_as(&self, address: usize) -> Permanently<'_> {
        let before = self.arena.set_permanent(self.arena.is_permanent(address));
        Permanently { heap: self, before }
    }
}

/// Whether moving so many bytes gives back enough.
fn is_worth_moving(mark: Mark, top: usize, len: usize) -> bool {
    let surplus = (top - mark.top).saturating_sub(len);
    len < 4096 || surplus > len / 4
}
