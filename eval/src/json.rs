//! Values as JSON, and JSON as values: `toJSON`, `fromJSON`, `--json` and structured attributes.
//!
//! The text is the oracle's to the byte: names sorted by bytes, no spaces, floats by
//! [`number::shortest`], control characters escaped and everything else as it is.
//! Source: CppNix, `printValueAsJSON`, and nlohmann's JSON library.

pub mod read;

use crate::coerce::{self, Mode, Text};
use crate::copy::copy_path;
use crate::error::{self, EvalError, FrameKind, Result};
use crate::escape;
use crate::heap::{Attrs, Kind, Slot, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::number;
use crate::print;
use crate::source::{Position, SourcePath};

/// How values become JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether elements are forced; otherwise one that is not yet forced is an error.
    pub force: bool,
    /// Whether paths are copied to the store.
    pub copy_paths: bool,
}

impl Options {
    /// What `builtins.toJSON` does.
    pub const BUILTIN: Options = Options { force: true, copy_paths: true };
}

/// Adds `value` as JSON to `text`, with the contexts of all strings in it.
///
/// # Errors
///
/// A function, a string that is not UTF-8, or whatever forcing the elements meets.
pub fn write<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    options: Options,
    text: &mut Text<'h>,
) -> Result<()> {
    eval.deeper(|eval| write_at(eval, value, options, text, Position::NONE))
}

/// Adds `value`, which is in the attribute at `at` or in a list there.
fn write_at<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    options: Options,
    text: &mut Text<'h>,
    at: Position,
) -> Result<()> {
    match value.kind() {
        Kind::Null => text.bytes.extend_from_slice(b"null"),
        Kind::Bool(value) => {
            text.bytes.extend_from_slice(if value { b"true" } else { b"false" });
        }
        Kind::Int(value) => text.bytes.extend_from_slice(value.to_string().as_bytes()),
        Kind::Float(value) => text.bytes.extend_from_slice(number::shortest(value).as_bytes()),
        Kind::String(string) => {
            text.depend(string.context());
            write_string(string.bytes(), &mut text.bytes)?;
        }
        Kind::Path(path) if options.copy_paths => {
            let string = copy_path(eval, path)?;
            text.depend(string.context());
            write_string(string.bytes(), &mut text.bytes)?;
        }
        Kind::Path(path) => {
            let shown = SourcePath::new(path.root, path.bytes).display();
            write_string(shown.as_bytes(), &mut text.bytes)?;
        }
        Kind::Attrs(attrs) => {
            return write_attrs(eval, (value, attrs), options, text, at);
        }
        Kind::List(list) => return write_list(eval, list, options, text, at),
        Kind::Lambda(_) | Kind::Builtin(_) | Kind::Partial(_) => {
            let place = eval.function_info(value).map_or(at, |function| function.position);
            return Err(not_json(&print::show_type(value)).at(place));
        }
    }
    Ok(())
}

fn write_attrs<'h>(
    eval: &mut Eval<'h>,
    (value, attrs): (Value<'h>, Attrs<'h>),
    options: Options,
    text: &mut Text<'h>,
    at: Position,
) -> Result<()> {
    if let Some(string) = coerce::attrs_to_string(eval, value, Mode::Plain, at)? {
        text.depend(string.context());
        return write_string(string.bytes(), &mut text.bytes);
    }
    if let Some(attr) = attrs.attr(names().out_path) {
        return write_slot(eval, attr.slot, options, text, attr.position);
    }
    text.bytes.push(b'{');
    for (attr, index) in attrs.iter_by_name(eval.heap()).zip(0_usize..) {
        if index > 0 {
            text.bytes.push(b',');
        }
        write_string(attr.name.as_bytes(), &mut text.bytes)?;
        text.bytes.push(b':');
        write_slot(eval, attr.slot, options, text, attr.position).map_err(|error| {
            let name = print::shown_name(attr.name.as_bytes());
            let step = format!("while evaluating attribute '{name}'");
            error.frame(attr.position, FrameKind::Evaluator, step)
        })?;
    }
    text.bytes.push(b'}');
    Ok(())
}

fn write_list<'h>(
    eval: &mut Eval<'h>,
    list: &'h [Slot<'h>],
    options: Options,
    text: &mut Text<'h>,
    at: Position,
) -> Result<()> {
    text.bytes.push(b'[');
    for (slot, index) in list.iter().zip(0_usize..) {
        if index > 0 {
            text.bytes.push(b',');
        }
        write_slot(eval, slot, options, text, at).map_err(|error| {
            let step = format!("while evaluating list element at index {index}");
            error.frame(at, FrameKind::Evaluator, step)
        })?;
    }
    text.bytes.push(b']');
    Ok(())
}

fn write_slot<'h>(
    eval: &mut Eval<'h>,
    slot: &'h Slot<'h>,
    options: Options,
    text: &mut Text<'h>,
    at: Position,
) -> Result<()> {
    eval.deeper_at(at, |eval| {
        let value = if options.force {
            eval.force_from(slot, at)?
        } else {
            slot.value_through().ok_or_else(|| not_json("a thunk").at(at))?
        };
        write_at(eval, value, options, text, at)
    })
}

/// Adds a string as a JSON literal.
///
/// # Errors
///
/// Bytes that are not UTF-8.
pub fn write_string(bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(not_utf8(bytes, error));
    }
    out.push(b'"');
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    escape::push_escaped(out, bytes, is_plain, |out, byte| match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
    });
    out.push(b'"');
    Ok(())
}

#[cold]
fn not_utf8(bytes: &[u8], error: std::str::Utf8Error) -> Box<EvalError> {
    let start = error.valid_up_to();
    // An unfinished sequence is told by its last byte, a wrong byte by itself.
    let problem = match error.error_len() {
        None => {
            let last = bytes.last().copied().unwrap_or_default();
            format!("316] incomplete UTF-8 string; last byte: 0x{last:02X}")
        }
        Some(len) => {
            let at = if len > 1 || is_lead(bytes.get(start)) { start + len } else { start };
            let byte = bytes.get(at).copied().unwrap_or_default();
            format!("316] invalid UTF-8 byte at index {at}: 0x{byte:02X}")
        }
    };
    error::other(format!("JSON serialization error: [json.exception.type_error.{problem}"))
}

/// Whether a byte begins a sequence of several.
fn is_lead(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| (0xc2..=0xf4).contains(byte))
}

#[cold]
fn not_json(type_name: &str) -> Box<EvalError> {
    error::not_convertible(type_name, "JSON")
}
