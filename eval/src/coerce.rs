//! Coercion: which values become strings and paths, and what that does to the store.
//!
//! `"${x}"`, `x + y`, `toString x` and the variables of a derivation all coerce, each with a
//! [`Mode`]. A path that becomes part of a string is copied to the store where the mode says so,
//! and the string depends on the copy.
//! Source: CppNix, `EvalState::coerceToString` and `coerceToPath`.

use crate::error::Result;
use crate::heap::{Context, ContextElement, Heap, Str, Value};
use crate::interpret::Eval;
use crate::source::{Position, SourcePath};

/// What a coercion to a string accepts, and whether paths are copied to the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// `"${x}"`, `"a" + x`, `concatStringsSep`: strings and paths, which are copied.
    Interpolate,
    /// `builtins.toString`: numbers, booleans, null and lists as well; paths stay as they are.
    ToString,
    /// A variable of a derivation: as [`Mode::ToString`], but paths are copied.
    Environment,
    /// `stringLength`, `baseNameOf` and their kind: strings and paths, which stay as they are.
    Plain,
}

/// Why a value is coerced: the step that a refusal names as the way it came.
#[derive(Clone, Copy, Debug)]
pub struct Purpose<'a> {
    /// Where, or [`Position::NONE`].
    pub position: Position,
    /// `while evaluating a path segment`, and the like.
    pub text: &'a str,
}

/// A string under construction: bytes and the union of the contexts of its parts.
#[derive(Default)]
pub struct Text<'h> {
    /// The bytes so far.
    pub bytes: Vec<u8>,
    first: Option<Context<'h>>,
    more: Vec<ContextElement>,
}

impl<'h> Text<'h> {
    /// Returns an empty text with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Text { bytes: Vec::with_capacity(capacity), first: None, more: Vec::new() }
    }

    /// Adds a string and its context.
    pub fn push(&mut self, string: Str<'h>) {
        self.bytes.extend_from_slice(string.bytes());
        self.depend(string.context());
    }

    /// Adds the elements of a context.
    pub fn depend(&mut self, context: Option<Context<'h>>) {
        let Some(context) = context else { return };
        match self.first {
            None => self.first = Some(context),
            Some(first) if std::ptr::eq(first.elements(), context.elements()) => {}
            Some(_) => self.more.extend_from_slice(context.elements()),
        }
    }

    /// Adds one element of a context.
    pub fn depend_on(&mut self, element: ContextElement) {
        self.more.push(element);
    }

    /// Returns the union of all contexts added.
    pub fn context(&self, heap: &'h Heap) -> Option<Context<'h>> {
        Context::union(heap, self.first, Context::new(heap, &self.more))
    }

    /// Moves the bytes into the heap and returns the string.
    pub fn finish(self, heap: &'h Heap) -> Str<'h> {
        Str::with_context(heap.arena().alloc_bytes(&self.bytes), self.context(heap))
    }
}

/// Returns `value` as a string with its context.
///
/// # Errors
///
/// When the mode does not accept the value, a path cannot be copied, or `__toString` fails.
pub fn to_string<'h>(eval: &mut Eval<'h>, value: Value<'h>, mode: Mode) -> Result<Str<'h>> {
    let _ = (eval, value, mode);
    todo!()
}

/// Returns `value` as a string, as [`to_string`]; a refusal (but not an error met on the way to
/// it) says what for.
pub fn to_string_for<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    mode: Mode,
    purpose: Purpose<'_>,
) -> Result<Str<'h>> {
    let _ = (eval, value, mode, purpose);
    todo!()
}

/// Adds `value` as a string to `text`: [`to_string_for`] without the string in between.
pub fn append<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    mode: Mode,
    purpose: Purpose<'_>,
    text: &mut Text<'h>,
) -> Result<()> {
    let _ = (eval, value, mode, purpose, text);
    todo!()
}

/// Returns `value` as a path: a path as it is, a string by its absolute text.
///
/// With it comes the context of the string, `None` for a path.
///
/// # Errors
///
/// When the value is neither, or the text is not absolute.
pub fn to_path<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    purpose: Purpose<'_>,
) -> Result<(SourcePath, Option<Context<'h>>)> {
    let _ = (eval, value, purpose);
    todo!()
}
