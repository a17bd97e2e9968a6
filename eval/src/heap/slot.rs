//! A slot: the place that holds a thunk and, once forced, its value.
//!
//! A thunk is the slot itself: suspended, then a blackhole while it is evaluated, then the value
//! or the failure, for ever. A heap belongs to one thread, so no write has to be guarded against
//! another; claiming a thunk by compare-and-swap would make it wait for all writes before.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Heap;
use super::env::Env;
use super::mapping::{Mapped, Mapping};
use super::value::{
    APPLY, Apply, BLACKHOLE, BLACKHOLE_APPLY, BLACKHOLE_MAPPED, BLACKHOLE_OBSERVED, CLAIM, FAILED,
    HELD, LAZY, Lazy, MAPPED, OBSERVED, POINTERS, REFERENCE, THUNK, Value, Words,
};
use crate::error::EvalError;

/// A place for a value or a thunk, 16 bytes; its address is its identity.
#[repr(C)]
pub struct Slot<'h> {
    word0: AtomicU64,
    word1: AtomicU64,
    /// Invariant in `'h`: a slot is written through shared references.
    marker: PhantomData<Cell<&'h Heap>>,
}

/// What a slot holds, taken apart.
#[derive(Clone, Copy)]
pub enum SlotState<'h> {
    /// A value in weak head normal form.
    Forced(Value<'h>),
    /// An expression (by its index in the code) waiting in an environment.
    Suspended(u32, &'h Env<'h>),
    /// As `Suspended`, where it is noted what the value came from.
    Observed(u32, &'h Env<'h>),
    /// An application that waits.
    Apply(Apply<'h>),
    /// An application that waits, one of many alike.
    Mapped(Mapped<'h>),
    /// Another slot, whose content this is.
    Reference(&'h Slot<'h>),
    /// Under evaluation: whoever forces it now has found infinite recursion.
    Blackhole,
    /// Forcing failed, and always fails like this.
    Failed(&'h EvalError),
}

#[inline(always)]
pub(super) fn state(words: Words<'_>) -> SlotState<'_> {
    let pointer = words.1;
    // SAFETY: each tag is written only by the constructors of `Lazy` and `Value`, with a pointer
    // to an object of the tag's type that lives as long as the heap; behind that of an application
    // are as many slots as the payload says, the first of which is the function.
    unsafe {
        match words.tag() {
            ..LAZY => SlotState::Forced(Value(words)),
            THUNK => SlotState::Suspended(words.payload(), &*(pointer as *const Env<'_>)),
            REFERENCE => SlotState::Reference(&*(pointer as *const Slot<'_>)),
            APPLY | BLACKHOLE_APPLY => {
                let start = pointer as *const Slot<'_>;
                let count = words.payload() as usize - 1;
                SlotState::Apply(Apply {
                    function: &*start,
                    arguments: std::slice::from_raw_parts(start.add(1), count),
                })
            }
            MAPPED | BLACKHOLE_MAPPED => SlotState::Mapped(Mapped {
                mapping: &*(pointer as *const Mapping<'_>),
                index: words.payload(),
            }),
            OBSERVED => SlotState::Observed(words.payload(), &*(pointer as *const Env<'_>)),
            HELD => SlotState::Forced(Value((*(pointer as *const Slot<'_>)).words())),
            BLACKHOLE | BLACKHOLE_OBSERVED => SlotState::Blackhole,
            FAILED => SlotState::Failed(&*(pointer as *const EvalError)),
            _ => unreachable!("no other tag is ever written"),
        }
    }
}

impl<'h> Slot<'h> {
    /// Returns a slot with this content.
    #[inline(always)]
    pub fn new(content: Lazy<'h>) -> Self {
        Slot {
            word0: AtomicU64::new(content.0.0),
            word1: AtomicU64::new(content.0.1),
            marker: PhantomData,
        }
    }

    /// Returns a slot that holds `value`.
    #[inline(always)]
    pub fn of(value: Value<'h>) -> Self {
        Slot::new(value.into())
    }

    /// Returns the value if the slot is forced.
    #[inline(always)]
    pub fn value(&self) -> Option<Value<'h>> {
        let words = self.words();
        (words.tag() < LAZY).then_some(Value(words))
    }

    /// Returns the value if the slot is forced, or refers to one that is.
    #[inline(always)]
    pub fn value_through(&self) -> Option<Value<'h>> {
        let words = self.words();
        if words.tag() == REFERENCE {
            // SAFETY: as in `state`.
            return unsafe { &*(words.1 as *const Slot<'h>) }.value();
        }
        (words.tag() < LAZY).then_some(Value(words))
    }

    /// As [`Slot::value_through`], and next time without the detour where the value may be copied.
    #[inline(always)]
    pub(crate) fn resolve(&self, heap: &'h Heap) -> Option<Value<'h>> {
        let words = self.words();
        if words.tag() == REFERENCE {
            // SAFETY: as in `state`.
            let value = unsafe { &*(words.1 as *const Slot<'h>) }.value()?;
            if !value.has_identity() {
                self.fill(heap, value.into());
            }
            return Some(value);
        }
        (words.tag() < LAZY).then_some(Value(words))
    }

    /// Whether both lead to one slot: what they hold is one object, functions included.
    pub fn is_same_origin(&self, other: &Slot<'h>) -> bool {
        fn origin<'s, 'h: 's>(mut slot: &'s Slot<'h>) -> &'s Slot<'h> {
            while let SlotState::Reference(target) = slot.state() {
                slot = target;
            }
            slot
        }
        origin(self).is_same(origin(other))
    }

    /// Returns what the slot holds.
    #[inline(always)]
    pub fn state(&self) -> SlotState<'h> {
        state(self.words())
    }

    /// Marks a suspended slot as being evaluated.
    #[inline(always)]
    pub fn claim(&self) {
        let current = self.word0.load(Ordering::Relaxed);
        if matches!(current as u32, THUNK | APPLY | MAPPED | OBSERVED) {
            self.word0.store(current + u64::from(CLAIM), Ordering::Relaxed);
        }
    }

    /// Makes a claimed slot suspended again: its evaluation was given up, and nothing came of it.
    pub(crate) fn release(&self) {
        let current = self.word0.load(Ordering::Relaxed);
        let claimed = [BLACKHOLE, BLACKHOLE_APPLY, BLACKHOLE_MAPPED, BLACKHOLE_OBSERVED];
        if claimed.contains(&(current as u32)) {
            self.word0.store(current - u64::from(CLAIM), Ordering::Release);
        }
    }

    /// Stores the result of a claimed slot, the content of a slot made empty on purpose (the
    /// frame of a recursive set), or the value behind a reference.
    #[inline(always)]
    pub fn fill(&self, heap: &'h Heap, content: Lazy<'h>) {
        if POINTERS & (1 << content.0.tag()) != 0 {
            heap.note_write(std::ptr::from_ref(self) as usize, content.0.1 as usize);
        }
        self.word1.store(content.0.1, Ordering::Relaxed);
        self.word0.store(content.0.0, Ordering::Release);
    }

    /// As [`Slot::fill`], with a value whose origin has a number.
    pub(crate) fn hold(&self, heap: &'h Heap, value: Value<'h>, origin: u32) {
        self.fill(heap, Lazy::held(heap, value, origin));
    }

    /// Returns the number of the origin of the value that the slot holds, if that was noted.
    pub(crate) fn origin(&self) -> Option<u32> {
        let words = self.words();
        (words.tag() == HELD).then_some(words.payload())
    }

    /// Whether `self` and `other` are one slot.
    #[inline(always)]
    pub fn is_same(&self, other: &Slot<'h>) -> bool {
        std::ptr::eq(self, other)
    }

    #[inline(always)]
    pub(super) fn words(&self) -> Words<'h> {
        let word0 = self.word0.load(Ordering::Acquire);
        Words(word0, self.word1.load(Ordering::Relaxed), PhantomData)
    }
}
