//! A value in two words.
//!
//! Word 0 holds the tag (low 32 bits) and a payload (high 32 bits: a length, an expression, a
//! builtin, a boolean); word 1 a pointer, an integer or a float. Tags below [`LAZY`] are in weak
//! head normal form; the others are what a slot holds before (or instead of) a value. Safe code
//! sees a [`Value`] (always weak head normal form) as a [`Kind`], and a [`Lazy`] (anything) only
//! to store it in a slot or to have it forced.

use std::marker::PhantomData;

use super::attrs::AttrsData;
use super::env::Env;
use super::mapping::Mapping;
use super::slot::Slot;
use super::string::StrData;
use super::{Attrs, Heap, Str};
use crate::error::EvalError;

pub(super) const NULL: u32 = 0;
pub(super) const BOOL: u32 = 1;
pub(super) const INT: u32 = 2;
pub(super) const FLOAT: u32 = 3;
pub(super) const STRING: u32 = 4;
pub(super) const STRING_WITH_CONTEXT: u32 = 5;
pub(super) const PATH: u32 = 6;
pub(super) const ATTRS: u32 = 7;
pub(super) const BUILTIN: u32 = 8;
/// The first tag of values that are what they are through the slot that they were made in, so
/// that other slots refer to that one rather than copy it: lists, which print once for each such
/// slot, and functions, which are equal only to themselves.
pub(super) const IDENTITY: u32 = 9;
pub(super) const LIST: u32 = 9;
/// The first tag of functions that are equal only to themselves.
pub(super) const LAMBDA: u32 = 10;
pub(super) const PARTIAL: u32 = 11;
/// The first tag that is not in weak head normal form.
pub(super) const LAZY: u32 = 16;
pub(super) const THUNK: u32 = 16;
pub(super) const REFERENCE: u32 = 17;
pub(super) const APPLY: u32 = 18;
pub(super) const BLACKHOLE: u32 = 19;
pub(super) const FAILED: u32 = 20;
/// As [`BLACKHOLE`], of an application; each is its thunk's tag and [`CLAIM`].
pub(super) const BLACKHOLE_APPLY: u32 = 21;
/// An application that a [`Mapping`] describes; the payload is the element's index.
pub(super) const MAPPED: u32 = 22;
/// As [`THUNK`], of an evaluation that takes note of where values come from.
pub(super) const OBSERVED: u32 = 23;
/// A value of such an evaluation, kept elsewhere; the payload is the number of its origin.
pub(super) const HELD: u32 = 24;
/// As [`BLACKHOLE`], of an element of a mapping.
pub(super) const BLACKHOLE_MAPPED: u32 = 25;
/// As [`BLACKHOLE`], of an [`OBSERVED`] thunk.
pub(super) const BLACKHOLE_OBSERVED: u32 = 26;
/// The tags whose second word is an address in the heap, as bits.
pub(super) const POINTERS: u32 = 1 << STRING
    | 1 << STRING_WITH_CONTEXT
    | 1 << PATH
    | 1 << ATTRS
    | 1 << LIST
    | 1 << LAMBDA
    | 1 << PARTIAL
    | 1 << THUNK
    | 1 << REFERENCE
    | 1 << APPLY
    | 1 << MAPPED
    | 1 << OBSERVED
    | 1 << HELD;
/// What claiming adds to the tag of a thunk.
pub(super) const CLAIM: u32 = 3;
const _: () = assert!(THUNK + CLAIM == BLACKHOLE && APPLY + CLAIM == BLACKHOLE_APPLY);
const _: () = assert!(MAPPED + CLAIM == BLACKHOLE_MAPPED);
const _: () = assert!(OBSERVED + CLAIM == BLACKHOLE_OBSERVED);

/// Two words: what slots hold and what evaluation passes in registers.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Words<'h>(pub(super) u64, pub(super) u64, pub(super) PhantomData<&'h Heap>);

impl Words<'_> {
    #[inline(always)]
    pub(super) fn new(tag: u32, payload: u32, word: u64) -> Self {
        Words(u64::from(tag) | (u64::from(payload) << 32), word, PhantomData)
    }

    #[inline(always)]
    pub(super) fn tag(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    pub(super) fn payload(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// A value in weak head normal form.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Value<'h>(pub(super) Words<'h>);

/// Anything a slot may hold: a value, a thunk, a reference to another slot, a failure.
///
/// It can be stored, and forced through the evaluator; it tells nothing else.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Lazy<'h>(pub(super) Words<'h>);

/// A lambda: its expression and the environment it closes over.
#[derive(Clone, Copy)]
pub struct Lambda<'h> {
    /// The index of the lambda's expression in the evaluation's code.
    pub expression: u32,
    /// The environment in which the lambda was written.
    pub env: &'h Env<'h>,
}

/// A function applied to fewer arguments than it takes.
pub struct Partial<'h> {
    /// The builtin or lambda.
    pub function: Value<'h>,
    /// The arguments given so far, at least one.
    pub arguments: &'h [Slot<'h>],
}

/// A suspended application: what `map` and its kind put into the slots of their results.
#[derive(Clone, Copy)]
pub struct Apply<'h> {
    /// The function, which need not be forced yet.
    pub function: &'h Slot<'h>,
    /// The arguments, at least one.
    pub arguments: &'h [Slot<'h>],
}

/// A path: a root (0 is the host, see `source`) and an absolute canonical path in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PathValue<'h> {
    /// The root that the path lies in.
    pub root: u32,
    /// Absolute, canonical bytes: `/`, or `/a/b` without a trailing slash.
    pub bytes: &'h [u8],
}

/// A value taken apart.
#[derive(Clone, Copy)]
pub enum Kind<'h> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A double.
    Float(f64),
    /// A string with its context.
    String(Str<'h>),
    /// A path.
    Path(PathValue<'h>),
    /// An attribute set.
    Attrs(Attrs<'h>),
    /// A list.
    List(&'h [Slot<'h>]),
    /// A lambda.
    Lambda(Lambda<'h>),
    /// A builtin, by its index in the table.
    Builtin(u32),
    /// A function that waits for more arguments.
    Partial(&'h Partial<'h>),
}

impl<'h> Value<'h> {
    /// `null`.
    pub const NULL: Value<'static> = Value(Words(NULL as u64, 0, PhantomData));

    /// Returns a boolean.
    #[inline(always)]
    pub fn bool(value: bool) -> Self {
        Value(Words::new(BOOL, u32::from(value), 0))
    }

    /// Returns an integer.
    #[inline(always)]
    pub fn int(value: i64) -> Self {
        Value(Words::new(INT, 0, value.cast_unsigned()))
    }

    /// Returns a float.
    #[inline(always)]
    pub fn float(value: f64) -> Self {
        Value(Words::new(FLOAT, 0, value.to_bits()))
    }

    /// Returns a string; its bytes must be in the heap, or static.
    ///
    /// # Panics
    ///
    /// If the string has 4 GiB or more; whoever builds strings checks the limit first.
    #[inline]
    pub fn string(heap: &'h Heap, string: Str<'h>) -> Self {
        let len = u32::try_from(string.bytes().len()).expect("strings are below 4 GiB");
        match string.context() {
            None => Value(Words::new(STRING, len, string.bytes().as_ptr() as u64)),
            Some(_) => {
                let data: &'h StrData<'h> = heap.arena().alloc(StrData(string));
                Value(Words::new(STRING_WITH_CONTEXT, 0, std::ptr::from_ref(data) as u64))
            }
        }
    }

    /// Copies `bytes` into the heap and returns them as a string without context.
    pub fn string_from(heap: &'h Heap, bytes: &[u8]) -> Self {
        Value::string(heap, Str::new(heap.arena().alloc_bytes(bytes)))
    }

    /// Returns a path.
    pub fn path(heap: &'h Heap, root: u32, bytes: &[u8]) -> Self {
        Value::path_of(heap, root, heap.arena().alloc_bytes(bytes))
    }

    /// Returns a path whose bytes are in the heap.
    pub(super) fn path_of(heap: &'h Heap, root: u32, bytes: &'h [u8]) -> Self {
        let data: &'h PathValue<'h> = heap.arena().alloc(PathValue { root, bytes });
        Value(Words::new(PATH, 0, std::ptr::from_ref(data) as u64))
    }

    /// Returns an attribute set.
    #[inline(always)]
    pub fn attrs(attrs: Attrs<'h>) -> Self {
        Value(Words::new(ATTRS, 0, std::ptr::from_ref(attrs.0) as u64))
    }

    /// Returns a list.
    ///
    /// # Panics
    ///
    /// If the list has 2^32 elements or more; memory ends before.
    #[inline(always)]
    pub fn list(elements: &'h [Slot<'h>]) -> Self {
        let len = u32::try_from(elements.len()).expect("lists are below 2^32 elements");
        Value(Words::new(LIST, len, elements.as_ptr() as u64))
    }

    /// Returns a lambda.
    #[inline(always)]
    pub fn lambda(lambda: Lambda<'h>) -> Self {
        Value(Words::new(LAMBDA, lambda.expression, std::ptr::from_ref(lambda.env) as u64))
    }

    /// Returns the builtin with this index in the table.
    #[inline(always)]
    pub fn builtin(index: u32) -> Self {
        Value(Words::new(BUILTIN, index, 0))
    }

    /// Returns a function applied to fewer arguments than it takes.
    pub fn partial(heap: &'h Heap, partial: Partial<'h>) -> Self {
        let data: &'h Partial<'h> = heap.arena().alloc(partial);
        Value(Words::new(PARTIAL, 0, std::ptr::from_ref(data) as u64))
    }

    /// Takes the value apart.
    #[inline(always)]
    pub fn kind(self) -> Kind<'h> {
        let (payload, word) = (self.0.payload(), self.0.1);
        // SAFETY (all pointers below): a word 1 with one of these tags was made by the
        // constructor of that tag above from a reference that lives for `'h` (or is static), and
        // lists and strings carry in the payload the length that belongs to the pointer.
        unsafe {
            match self.0.tag() {
                NULL => Kind::Null,
                BOOL => Kind::Bool(payload != 0),
                INT => Kind::Int(word.cast_signed()),
                FLOAT => Kind::Float(f64::from_bits(word)),
                STRING => Kind::String(Str::new(std::slice::from_raw_parts(
                    word as *const u8,
                    payload as usize,
                ))),
                STRING_WITH_CONTEXT => Kind::String((*(word as *const StrData<'h>)).0),
                PATH => Kind::Path(*(word as *const PathValue<'h>)),
                ATTRS => Kind::Attrs(Attrs(&*(word as *const AttrsData<'h>))),
                LIST => Kind::List(std::slice::from_raw_parts(
                    word as *const Slot<'h>,
                    payload as usize,
                )),
                LAMBDA => {
                    Kind::Lambda(Lambda { expression: payload, env: &*(word as *const Env<'h>) })
                }
                BUILTIN => Kind::Builtin(payload),
                PARTIAL => Kind::Partial(&*(word as *const Partial<'h>)),
                _ => unreachable!("a value in weak head normal form has a tag below LAZY"),
            }
        }
    }

    /// Returns the integer if the value is one.
    #[inline(always)]
    pub fn as_int(self) -> Option<i64> {
        (self.0.tag() == INT).then_some(self.0.1.cast_signed())
    }

    /// Returns the boolean if the value is one.
    #[inline(always)]
    pub fn as_bool(self) -> Option<bool> {
        (self.0.tag() == BOOL).then_some(self.0.payload() != 0)
    }

    /// Returns the attribute set if the value is one.
    #[inline(always)]
    pub fn as_attrs(self) -> Option<Attrs<'h>> {
        match self.kind() {
            Kind::Attrs(attrs) => Some(attrs),
            _ => None,
        }
    }

    /// Returns the list if the value is one.
    #[inline(always)]
    pub fn as_list(self) -> Option<&'h [Slot<'h>]> {
        match self.kind() {
            Kind::List(list) => Some(list),
            _ => None,
        }
    }

    /// Returns the string if the value is one.
    #[inline(always)]
    pub fn as_string(self) -> Option<Str<'h>> {
        match self.kind() {
            Kind::String(string) => Some(string),
            _ => None,
        }
    }

    /// Whether both are the same scalar, or the same object in memory.
    ///
    /// This is the pointer shortcut of the language's equality: elements of lists and sets that
    /// are the same object are equal without a look inside. Two slots may hold copies of one
    /// lambda, which are not the same: [`Slot::is_same_origin`] tells.
    #[inline]
    pub fn is_identical(self, other: Value<'h>) -> bool {
        self.0.0 == other.0.0 && self.0.1 == other.0.1 && self.0.tag() < LAMBDA
    }

    /// Whether both have the same words: equal scalars, or the same object in memory.
    pub(crate) fn has_words_of(self, other: Value<'h>) -> bool {
        self.0.0 == other.0.0 && self.0.1 == other.0.1
    }

    /// Whether two values are equal, as the language has it, if their words tell: scalars, and
    /// null or a boolean beside anything else.
    #[inline(always)]
    pub fn is_plainly_equal(self, other: Value<'h>) -> Option<bool> {
        let (a, b) = (self.0.tag(), other.0.tag());
        if a.min(b) > INT {
            return None;
        }
        if a == b {
            return Some(self.0.0 == other.0.0 && self.0.1 == other.0.1);
        }
        (a.min(b) < INT).then_some(false)
    }

    /// Whether the value is told from others by its slot.
    #[inline(always)]
    pub fn has_identity(self) -> bool {
        self.0.tag() >= IDENTITY
    }
}

impl<'h> From<Value<'h>> for Lazy<'h> {
    #[inline(always)]
    fn from(value: Value<'h>) -> Self {
        Lazy(value.0)
    }
}

impl<'h> Lazy<'h> {
    /// Returns an expression suspended in an environment.
    #[inline(always)]
    pub fn thunk(expression: u32, env: &'h Env<'h>) -> Self {
        Lazy(Words::new(THUNK, expression, std::ptr::from_ref(env) as u64))
    }

    /// As [`Lazy::thunk`], for an evaluation that takes note of where values come from.
    pub(crate) fn observed(expression: u32, env: &'h Env<'h>) -> Self {
        Lazy(Words::new(OBSERVED, expression, std::ptr::from_ref(env) as u64))
    }

    /// Returns what stands for a value whose origin has a number: it is never copied, so that
    /// whatever the value is handed to leads to the slot that holds this.
    pub(super) fn held(heap: &'h Heap, value: Value<'h>, origin: u32) -> Self {
        let slot: &'h Slot<'h> = heap.arena().alloc(Slot::of(value));
        Lazy(Words::new(HELD, origin, std::ptr::from_ref(slot) as u64))
    }

    /// Returns what `slot` holds: its value when it is forced, else a reference to it.
    ///
    /// So handing a slot on hands on its identity, and forcing either forces both. Functions and
    /// lists are referred to even when forced: they have no identity but their slot's.
    #[inline(always)]
    pub fn from_slot(slot: &'h Slot<'h>) -> Self {
        let words = slot.words();
        match words.tag() {
            REFERENCE => Lazy(words),
            tag if tag < IDENTITY => Lazy(words),
            _ => Lazy(Words::new(REFERENCE, 0, std::ptr::from_ref(slot) as u64)),
        }
    }

    /// Returns a reference to `slot`, whatever it holds.
    #[inline(always)]
    pub fn reference(slot: &'h Slot<'h>) -> Self {
        Lazy(Words::new(REFERENCE, 0, std::ptr::from_ref(slot) as u64))
    }

    /// Whether this is an expression or application that nobody remembers the value of.
    #[inline(always)]
    pub fn is_unshared(self) -> bool {
        matches!(self.0.tag(), THUNK | APPLY | MAPPED | OBSERVED)
    }

    /// Returns a suspended application of `function` to `arguments` (at least one).
    pub fn apply(heap: &'h Heap, function: Lazy<'h>, arguments: &[Lazy<'h>]) -> Self {
        let slots = heap.arena().alloc_slice_with(arguments.len() + 1, |index| {
            Slot::new(match index.checked_sub(1) {
                None => function,
                Some(index) => arguments[index],
            })
        });
        Lazy(Words::new(APPLY, slots.len() as u32, slots.as_ptr() as u64))
    }

    /// Returns the suspended application that the element `index` of `mapping` is.
    #[inline(always)]
    pub fn mapped(mapping: &'h Mapping<'h>, index: u32) -> Self {
        Lazy(Words::new(MAPPED, index, std::ptr::from_ref(mapping) as u64))
    }

    /// Returns a remembered failure.
    pub(crate) fn failed(error: &'h EvalError) -> Self {
        Lazy(Words::new(FAILED, 0, std::ptr::from_ref(error) as u64))
    }

    /// Returns the value if this is one already.
    #[inline(always)]
    pub fn value(self) -> Option<Value<'h>> {
        (self.0.tag() < LAZY).then_some(Value(self.0))
    }

    /// Takes the two words apart, as a slot's content is.
    #[inline(always)]
    pub fn state(self) -> super::SlotState<'h> {
        super::slot::state(self.0)
    }
}
