//! Values as text: what `nix-instantiate --eval` prints, and how messages describe a value.

mod message;
mod pretty;

use rustc_hash::FxHashSet;

use crate::builtins;
use crate::error::{self, FrameKind, Result};
use crate::heap::{Attrs, Kind, Slot, SlotState, Value};
use crate::interpret::Eval;
use crate::number;
use crate::source::Position;

pub use message::{show, show_whole};
pub use pretty::{Pretty, pretty};

/// Words that cannot be attribute names without quotes.
const KEYWORDS: [&[u8]; 9] =
    [b"if", b"then", b"else", b"assert", b"with", b"let", b"in", b"rec", b"inherit"];

/// Describes a value for a message: `an integer: 1`, `a string: "x"`.
///
/// Never forces anything; long strings, lists and sets are cut.
/// Source: CppNix 2.34, `showType` and `ValuePrinter` with `errorPrintOptions`.
pub fn describe<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> String {
    format!("{}: {}", show_type(value), show(eval, value))
}

/// Names the type of a value with its article: `an integer`, `a function`,
/// `the built-in function 'map'`.
pub fn show_type(value: Value<'_>) -> String {
    let text = match value.kind() {
        Kind::Null => "null",
        Kind::Bool(_) => "a Boolean",
        Kind::Int(_) => "an integer",
        Kind::Float(_) => "a float",
        Kind::String(string) if string.context().is_some() => "a string with context",
        Kind::String(_) => "a string",
        Kind::Path(_) => "a path",
        Kind::Attrs(_) => "a set",
        Kind::List(_) => "a list",
        Kind::Lambda(_) => "a function",
        Kind::Builtin(index) => {
            return format!("the built-in function '{}'", builtin_name(index));
        }
        Kind::Partial(partial) => match partial.function.kind() {
            Kind::Builtin(index) => {
                let name = builtin_name(index);
                return format!("the partially applied built-in function '{name}'");
            }
            _ => "a function",
        },
    };
    text.to_owned()
}

/// Names the type of a value as `builtins.typeOf` does: `int`, `lambda`.
pub fn type_name(value: Value<'_>) -> &'static str {
    match value.kind() {
        Kind::Null => "null",
        Kind::Bool(_) => "bool",
        Kind::Int(_) => "int",
        Kind::Float(_) => "float",
        Kind::String(_) => "string",
        Kind::Path(_) => "path",
        Kind::Attrs(_) => "set",
        Kind::List(_) => "list",
        Kind::Lambda(_) | Kind::Builtin(_) | Kind::Partial(_) => "lambda",
    }
}

/// Returns where a position is, as messages write it: `/a/b.nix:3:8`, `«string»:1:1`.
pub fn show_position(eval: &Eval<'_>, position: Position) -> String {
    use crate::source::Origin;
    match eval.locate(position) {
        None => "«none»".to_owned(),
        Some((Origin::File(path), line, column)) => {
            format!("{}:{line}:{column}", eval.shown_path(&path))
        }
        Some((Origin::String(_), line, column)) => format!("«string»:{line}:{column}"),
        Some((Origin::Stdin(_), line, column)) => format!("«stdin»:{line}:{column}"),
    }
}

/// Forces `value` with all its elements and attributes, those of derivations included.
///
/// # Errors
///
/// The first that forcing meets; a frame names each attribute on the way.
pub fn force_deep<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<()> {
    eval.deeper(|eval| force_deep_into(eval, value, &mut FxHashSet::default()))
}

fn force_deep_into<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    seen: &mut FxHashSet<usize>,
) -> Result<()> {
    match value.kind() {
        Kind::Attrs(attrs) => {
            let heap = eval.heap();
            if !seen.insert(attrs.slots(heap).as_ptr() as usize) {
                return Ok(());
            }
            // The reference implementation's order, which decides what fails first.
            for attr in attrs.iter(heap) {
                force_slot_deep(eval, attr.slot, seen).map_err(|error| {
                    let name = shown_name(attr.name.as_bytes());
                    let text = format!("while evaluating the attribute '{name}'");
                    error.frame(attr.position, FrameKind::Evaluator, text)
                })?;
            }
            Ok(())
        }
        Kind::List(list) => {
            if list.is_empty() || !seen.insert(list.as_ptr() as usize) {
                return Ok(());
            }
            for (slot, index) in list.iter().zip(0_usize..) {
                force_slot_deep(eval, slot, seen).map_err(|error| {
                    let text = format!("while evaluating list element at index {index}");
                    error.frame(Position::NONE, FrameKind::Evaluator, text)
                })?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn force_slot_deep<'h>(
    eval: &mut Eval<'h>,
    slot: &'h Slot<'h>,
    seen: &mut FxHashSet<usize>,
) -> Result<()> {
    let place = eval.slot_place(slot);
    eval.deeper_at(place, |eval| {
        let value = eval.force_from(slot, place)?;
        force_deep_into(eval, value, seen)
    })
}

/// Returns a value as `nix-instantiate --eval` prints it, without a newline.
///
/// Forces nothing: what is not forced prints as `<CODE>`. Call [`force_deep`] first for
/// `--strict`. Bytes, because strings may hold any.
///
/// # Errors
///
/// When the value is nested too deeply to print.
pub fn print_value<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<Vec<u8>> {
    let mut printer = Printer { out: Vec::new(), seen: FxHashSet::default(), depth: 0 };
    printer.value(eval, value)?;
    Ok(printer.out)
}

/// Prints one value; sets and lists that were printed before are `«repeated»`.
struct Printer {
    out: Vec<u8>,
    /// Addresses of the slots of sets, and of the slots that hold lists.
    seen: FxHashSet<usize>,
    depth: u32,
}

impl Printer {
    fn value<'h>(&mut self, eval: &mut Eval<'h>, value: Value<'h>) -> Result<()> {
        match value.kind() {
            Kind::Attrs(attrs) => self.attrs(eval, attrs),
            Kind::List(list) => self.list(eval, list),
            Kind::Lambda(_) => self.text("<LAMBDA>"),
            Kind::Builtin(_) => self.text("<PRIMOP>"),
            Kind::Partial(partial) => match partial.function.kind() {
                Kind::Builtin(_) => self.text("<PRIMOP-APP>"),
                _ => self.text("<LAMBDA>"),
            },
            Kind::String(string) => {
                push_string(&mut self.out, string.bytes());
                Ok(())
            }
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Path(_) => {
                push_scalar(eval, &mut self.out, value);
                Ok(())
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn attrs<'h>(&mut self, eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<()> {
        let heap = eval.heap();
        // Odd, because the first slot may hold a list, which is at that address, too.
        let identity = attrs.slots(heap).as_ptr() as usize + 1;
        if !attrs.is_empty() && !self.seen.insert(identity) {
            return self.text("«repeated»");
        }
        self.text("{ ")?;
        self.enter(eval)?;
        for attr in attrs.iter_by_name(heap) {
            push_name(&mut self.out, attr.name.as_bytes());
            self.text(" = ")?;
            self.slot(eval, attr.slot)?;
            self.text("; ")?;
        }
        self.depth -= 1;
        self.text("}")
    }

    fn list<'h>(&mut self, eval: &mut Eval<'h>, list: &'h [Slot<'h>]) -> Result<()> {
        self.text("[ ")?;
        self.enter(eval)?;
        for slot in list {
            self.slot(eval, slot)?;
            self.text(" ")?;
        }
        self.depth -= 1;
        self.text("]")
    }

    fn slot<'h>(&mut self, eval: &mut Eval<'h>, slot: &'h Slot<'h>) -> Result<()> {
        let slot = resolve(slot);
        match slot.state() {
            SlotState::Forced(value) => {
                // A list is repeated where its slot is, not where its elements are: a copy of
                // it (the result of a function) prints again.
                let is_list = value.as_list().is_some_and(|list| !list.is_empty());
                if is_list && !self.seen.insert(std::ptr::from_ref(slot) as usize) {
                    return self.text("«repeated»");
                }
                self.value(eval, value)
            }
            SlotState::Blackhole => self.text("«potential infinite recursion»"),
            SlotState::Suspended(..)
            | SlotState::Observed(..)
            | SlotState::Apply(_)
            | SlotState::Mapped(_)
            | SlotState::Reference(_)
            | SlotState::Failed(_) => self.text("<CODE>"),
        }
    }

    fn enter(&mut self, eval: &Eval<'_>) -> Result<()> {
        self.depth += 1;
        if self.depth > eval.settings().call_depth_max {
            return Err(error::limit("stack overflow; max-call-depth exceeded"));
        }
        Ok(())
    }
}

/// Follows references to the slot that holds the content.
fn resolve<'h>(slot: &'h Slot<'h>) -> &'h Slot<'h> {
    let mut slot = slot;
    while let SlotState::Reference(target) = slot.state() {
        slot = target;
    }
    slot
}

/// Adds a value without elements: null, a boolean, a number, a path.
fn push_scalar(eval: &Eval<'_>, out: &mut Vec<u8>, value: Value<'_>) {
    match value.kind() {
        Kind::Null => out.extend_from_slice(b"null"),
        Kind::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Kind::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Kind::Float(value) => out.extend_from_slice(number::general(value).as_bytes()),
        Kind::Path(path) => push_path(eval, out, path.root, path.bytes),
        Kind::String(string) => push_string(out, string.bytes()),
        Kind::Attrs(_) | Kind::List(_) | Kind::Lambda(_) | Kind::Builtin(_) | Kind::Partial(_) => {}
    }
}

/// Adds a path as a person reads it, its bytes as they are.
fn push_path(eval: &Eval<'_>, out: &mut Vec<u8>, root: u32, bytes: &[u8]) {
    use crate::source::{HOST, SourcePath};
    let is_shown_as_it_is = root == HOST && eval.known.trees.is_empty();
    if is_shown_as_it_is {
        out.extend_from_slice(bytes);
    } else {
        out.extend_from_slice(eval.shown_path(&SourcePath::new(root, bytes)).as_bytes());
    }
}

/// Adds a string as a literal, escaped so that it reads back the same.
pub fn push_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    push_escaped(out, bytes);
    out.push(b'"');
}

fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'$' if after.first() == Some(&b'{') => out.extend_from_slice(b"\\$"),
            _ => out.push(*byte),
        }
        rest = after;
    }
}

/// Returns the name of an attribute as messages show it: quoted where it has to be.
pub fn shown_name(name: &[u8]) -> String {
    let mut shown = Vec::with_capacity(name.len());
    push_name(&mut shown, name);
    String::from_utf8_lossy(&shown).into_owned()
}

/// Adds the name of an attribute, quoted where it has to be.
pub fn push_name(out: &mut Vec<u8>, name: &[u8]) {
    let is_plain = match name {
        [first, rest @ ..] => {
            (first.is_ascii_alphabetic() || *first == b'_')
                && rest
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\'' | b'-'))
                && !KEYWORDS.contains(&name)
        }
        [] => false,
    };
    if is_plain {
        out.extend_from_slice(name);
    } else {
        push_string(out, name);
    }
}

fn builtin_name(index: u32) -> &'static str {
    builtins::all().get(index as usize).map_or("?", |builtin| builtin.name)
}
