//! Strings: bytes with a context, the store paths that the text depends on.

use std::cmp::Ordering;

use super::Heap;
use super::symbol::Symbol;

/// A string: bytes (any but NUL) in the heap, and its context.
#[derive(Clone, Copy)]
pub struct Str<'h> {
    bytes: &'h [u8],
    context: Option<Context<'h>>,
}

/// What a value points to when its string has a context.
#[derive(Clone, Copy)]
pub(super) struct StrData<'h>(pub(super) Str<'h>);

/// A non-empty set of context elements, sorted by symbol, without duplicates.
#[derive(Clone, Copy)]
pub struct Context<'h>(&'h [ContextElement]);

/// One dependency of a string, as an interned text in CppNix's own encoding:
/// `PATH` (opaque), `=PATH` (a derivation with its closure), `!OUTPUT!PATH` (an output).
///
/// Paths are written as base names, without the store directory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ContextElement(pub Symbol);

impl<'h> Str<'h> {
    /// Returns a string without context.
    #[inline(always)]
    pub fn new(bytes: &'h [u8]) -> Self {
        Str { bytes, context: None }
    }

    /// Returns a string with this context.
    #[inline(always)]
    pub fn with_context(bytes: &'h [u8], context: Option<Context<'h>>) -> Self {
        Str { bytes, context }
    }

    /// Returns the bytes.
    #[inline(always)]
    pub fn bytes(self) -> &'h [u8] {
        self.bytes
    }

    /// Returns the context, `None` when it is empty.
    #[inline(always)]
    pub fn context(self) -> Option<Context<'h>> {
        self.context
    }

    /// Returns the string as text, with U+FFFD for bytes that are not UTF-8.
    pub fn to_text(self) -> std::borrow::Cow<'h, str> {
        String::from_utf8_lossy(self.bytes)
    }
}

impl<'h> Context<'h> {
    /// Returns the context of these elements in any order, `None` when there are none.
    pub fn new(heap: &'h Heap, elements: &[ContextElement]) -> Option<Context<'h>> {
        if elements.is_empty() {
            return None;
        }
        let mut sorted = elements.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        Some(Context(heap.arena().alloc_slice(&sorted)))
    }

    /// Returns the context of these elements, which are sorted and distinct.
    pub(super) fn of_sorted(heap: &'h Heap, elements: &[ContextElement]) -> Option<Context<'h>> {
        (!elements.is_empty()).then(|| Context(heap.arena().alloc_slice(elements)))
    }

    /// Returns the elements, sorted by symbol. Show them in the order of their text.
    pub fn elements(self) -> &'h [ContextElement] {
        self.0
    }

    /// Returns the union of two contexts, sharing either where it is the union already.
    pub fn union(
        heap: &'h Heap,
        lhs: Option<Context<'h>>,
        rhs: Option<Context<'h>>,
    ) -> Option<Context<'h>> {
        let (a, b) = match (lhs, rhs) {
            (None, other) | (other, None) => return other,
            (Some(a), Some(b)) => (a, b),
        };
        if std::ptr::eq(a.0, b.0) || is_subset(b.0, a.0) {
            return Some(a);
        }
        if is_subset(a.0, b.0) {
            return Some(b);
        }
        let mut merged = Vec::with_capacity(a.0.len() + b.0.len());
        merged.extend_from_slice(a.0);
        merged.extend_from_slice(b.0);
        Context::new(heap, &merged)
    }
}

fn is_subset(small: &[ContextElement], large: &[ContextElement]) -> bool {
    if small.len() > large.len() {
        return false;
    }
    let mut rest = large.iter();
    small.iter().all(|wanted| {
        rest.by_ref().map(|found| found.cmp(wanted)).find(|&o| o != Ordering::Less)
            == Some(Ordering::Equal)
    })
}
