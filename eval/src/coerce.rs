//! Coercion: which values become strings and paths, and what that does to the store.
//!
//! `"${x}"`, `x + y`, `toString x` and the variables of a derivation all coerce, each with a
//! [`Mode`]. A path that becomes part of a string is copied to the store where the mode says so,
//! and the string depends on the copy.
//! Source: CppNix, `EvalState::coerceToString` and `coerceToPath`.

use crate::builtins::table::wrong_type;
use crate::context;
use crate::copy::copy_path;
use crate::error::{self, EvalError, FrameKind, Result};
use crate::heap::{Context, ContextElement, Heap, Kind, Slot, Str, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::number;
use crate::print;
use crate::source::{EMBEDDED, HOST, Position, SourcePath, canonical};

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

    /// Returns an empty text that grows in `buffer`, what it holds removed.
    pub fn with_buffer(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Text { bytes: buffer, first: None, more: Vec::new() }
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

    /// Copies the bytes into the heap and returns the string, and the buffer for the next one.
    pub fn finish_keeping_buffer(self, heap: &'h Heap) -> (Str<'h>, Vec<u8>) {
        let string = Str::with_context(heap.arena().alloc_bytes(&self.bytes), self.context(heap));
        (string, self.bytes)
    }

    /// Copies the bytes into the heap and returns the string.
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
    coerce(eval, value, mode, None)
}

/// Returns `value` as a string, as [`to_string`]; a refusal (but not an error met on the way to
/// it) says what for.
///
/// # Errors
///
/// As [`to_string`].
pub fn to_string_for<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    mode: Mode,
    purpose: Purpose<'_>,
) -> Result<Str<'h>> {
    coerce(eval, value, mode, Some(purpose))
}

/// Adds `value` as a string to `text`: [`to_string_for`] without the string in between.
///
/// # Errors
///
/// As [`to_string`].
pub fn append<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    mode: Mode,
    purpose: Purpose<'_>,
    text: &mut Text<'h>,
) -> Result<()> {
    append_to(eval, value, mode, Some(purpose), text)
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
    match value.kind() {
        Kind::Path(path) => return Ok((SourcePath::new(path.root, path.bytes), None)),
        Kind::Attrs(attrs) => {
            if let Some(slot) = attrs.get(names().to_string) {
                let result = call_to_string(eval, slot, value, purpose.position)?;
                return eval.deeper(|eval| to_path(eval, result, purpose));
            }
        }
        _ => {}
    }
    let string = coerce(eval, value, Mode::Plain, Some(purpose))?;
    if string.bytes().first() != Some(&b'/') {
        let text = string.to_text();
        // What `toString` makes of an embedded path, such as `modulesPath`, leads back to it.
        let embedded = SourcePath::parse_display(&text).filter(|path| path.root == EMBEDDED);
        if let Some(path) = embedded {
            return Ok((path, string.context()));
        }
        let error = error::other(format!("string '{text}' doesn't represent an absolute path"));
        return Err(refused(error, Some(purpose)));
    }
    Ok((SourcePath::new(HOST, &canonical(string.bytes())), string.context()))
}

/// Returns the string that a set with `__toString` coerces to at `position`, `None` for one
/// without.
///
/// # Errors
///
/// Whatever `__toString` meets, or a result that is no string.
pub fn attrs_to_string<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    mode: Mode,
    position: Position,
) -> Result<Option<Str<'h>>> {
    let slot = value.as_attrs().and_then(|attrs| attrs.get(names().to_string));
    let Some(slot) = slot else { return Ok(None) };
    let result = call_to_string(eval, slot, value, position)?;
    let text = "while evaluating the result of the `__toString` attribute";
    coerce(eval, result, mode, Some(Purpose { position, text })).map(Some)
}

/// Returns `value` as a string that depends on nothing.
///
/// # Errors
///
/// A value that is no string, or a string with a context.
pub fn plain_string<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<Str<'h>> {
    match value.as_string() {
        Some(string) => without_context(eval, string),
        None => Err(wrong_type(eval, "a string", value)),
    }
}

/// Returns `string` if it depends on nothing.
///
/// # Errors
///
/// A string with a context.
pub fn without_context<'h>(eval: &Eval<'h>, string: Str<'h>) -> Result<Str<'h>> {
    match context::decode_all(string.context())?.first() {
        None => Ok(string),
        Some(element) => {
            let text = string.to_text();
            let path = element.display(eval.store().directory());
            Err(error::other(format!(
                "the string '{text}' is not allowed to refer to a store path (such as '{path}')"
            )))
        }
    }
}

/// The step through an element of a list.
const LIST_ELEMENT: Purpose<'static> =
    Purpose { position: Position::NONE, text: "while evaluating one element of the list" };

impl Mode {
    /// Whether numbers, booleans, null and lists are accepted.
    fn accepts_more(self) -> bool {
        matches!(self, Mode::ToString | Mode::Environment)
    }

    /// Whether paths are copied to the store.
    fn copies_paths(self) -> bool {
        matches!(self, Mode::Interpolate | Mode::Environment)
    }
}

fn coerce<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    mode: Mode,
    purpose: Option<Purpose<'_>>,
) -> Result<Str<'h>> {
    let position = purpose.map_or(Position::NONE, |purpose| purpose.position);
    match value.kind() {
        Kind::String(string) => eval.check_depth(position).map(|()| string),
        Kind::Attrs(_) | Kind::List(_) => {
            eval.deeper_at(position, |eval| coerce_inside(eval, value, mode, purpose))
        }
        _ => {
            eval.check_depth(position)?;
            coerce_inside(eval, value, mode, purpose)
        }
    }
}

/// As [`coerce`], on the level that was entered for it.
fn coerce_inside<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    mode: Mode,
    purpose: Option<Purpose<'_>>,
) -> Result<Str<'h>> {
    let heap = eval.heap();
    match value.kind() {
        Kind::String(string) => Ok(string),
        Kind::Path(path) if mode.copies_paths() => copy_path(eval, path),
        Kind::Path(path) if path.root == HOST => Ok(Str::new(path.bytes)),
        Kind::Path(path) => {
            let text = SourcePath::new(path.root, path.bytes).display();
            Ok(Str::new(heap.arena().alloc_bytes(text.as_bytes())))
        }
        Kind::Attrs(attrs) => {
            let position = purpose.map_or(Position::NONE, |purpose| purpose.position);
            if let Some(string) = attrs_to_string(eval, value, mode, position)? {
                return Ok(string);
            }
            let Some(slot) = attrs.get(names().out_path) else {
                return Err(not_a_string(eval, value, purpose));
            };
            eval.deeper_at(position, |eval| {
                let inner = eval.force_from(slot, position)?;
                coerce_inside(eval, inner, mode, purpose)
            })
        }
        Kind::List(list) if mode.accepts_more() => {
            let mut text = Text::default();
            append_elements(eval, list, mode, purpose, &mut text)?;
            Ok(text.finish(heap))
        }
        Kind::Bool(true) if mode.accepts_more() => Ok(Str::new(b"1")),
        Kind::Bool(false) | Kind::Null if mode.accepts_more() => Ok(Str::new(b"")),
        Kind::Int(number) if mode.accepts_more() => {
            Ok(Str::new(heap.arena().alloc_bytes(number.to_string().as_bytes())))
        }
        Kind::Float(number) if mode.accepts_more() => {
            Ok(Str::new(heap.arena().alloc_bytes(number::fixed(number).as_bytes())))
        }
        Kind::Null
        | Kind::Bool(_)
        | Kind::Int(_)
        | Kind::Float(_)
        | Kind::List(_)
        | Kind::Lambda(_)
        | Kind::Builtin(_)
        | Kind::Partial(_) => Err(not_a_string(eval, value, purpose)),
    }
}

fn append_to<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    mode: Mode,
    purpose: Option<Purpose<'_>>,
    text: &mut Text<'h>,
) -> Result<()> {
    let Some(list) = value.as_list().filter(|_| mode.accepts_more()) else {
        text.push(coerce(eval, value, mode, purpose)?);
        return Ok(());
    };
    eval.deeper(|eval| append_elements(eval, list, mode, purpose, text))
}

fn append_elements<'h>(
    eval: &mut Eval<'h>,
    list: &'h [Slot<'h>],
    mode: Mode,
    purpose: Option<Purpose<'_>>,
    text: &mut Text<'h>,
) -> Result<()> {
    for (slot, index) in list.iter().zip(1..) {
        let append = |eval: &mut Eval<'h>| {
            let element = eval.force(slot)?;
            match element.as_list() {
                Some(list) => append_elements(eval, list, mode, Some(LIST_ELEMENT), text)?,
                None => text.push(coerce_inside(eval, element, mode, Some(LIST_ELEMENT))?),
            }
            Ok(element)
        };
        let element = eval.deeper(append).map_err(|error| refused(error, purpose))?;
        // The oracle's rule, quirk included: a list without elements swallows the space
        // after it, but not the one before.
        let is_empty_list = element.as_list().is_some_and(<[_]>::is_empty);
        if index < list.len() && !is_empty_list {
            text.bytes.push(b' ');
        }
    }
    Ok(())
}

fn call_to_string<'h>(
    eval: &mut Eval<'h>,
    slot: &'h Slot<'h>,
    this: Value<'h>,
    position: Position,
) -> Result<Value<'h>> {
    let function = eval.force_from(slot, position)?;
    eval.call_from(function, &[this.into()], position)
}

#[cold]
fn not_a_string<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    purpose: Option<Purpose<'_>>,
) -> Box<EvalError> {
    let error = error::not_a_string(&print::show_type(value), &print::show(eval, value));
    refused(error, purpose)
}

/// Adds to a refusal what the string was for.
#[cold]
fn refused(error: Box<EvalError>, purpose: Option<Purpose<'_>>) -> Box<EvalError> {
    match purpose {
        None => error,
        Some(purpose) => error.frame(purpose.position, FrameKind::Evaluator, purpose.text),
    }
}
