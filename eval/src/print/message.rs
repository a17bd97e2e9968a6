//! A value in a message: never forced, and cut where it is long.
//!
//! Source: CppNix 2.34, `Printer` with `errorPrintOptions`.

use rustc_hash::FxHashSet;

use super::{builtin_name, push_escaped, push_name, push_scalar, resolve, show_position};
use crate::heap::attrs::Attr;
use crate::heap::{Attrs, Kind, Slot, SlotState, Value};
use crate::interpret::Eval;

/// The deepest nesting shown; deeper sets and lists are `{ ... }` and `[ ... ]`.
const DEPTH_MAX: usize = 10;
/// How many attributes are shown in one message.
const ATTRS_MAX: usize = 10;
/// How many list elements are shown in one message.
const ITEMS_MAX: usize = 10;
/// How many bytes of a string are shown.
const STRING_BYTES_MAX: usize = 1024;

/// How much of a value is shown.
#[derive(Clone, Copy)]
struct Limits {
    depth: usize,
    attrs: usize,
    items: usize,
    string_bytes: usize,
}

/// The limits of error messages.
const CUT: Limits =
    Limits { depth: DEPTH_MAX, attrs: ATTRS_MAX, items: ITEMS_MAX, string_bytes: STRING_BYTES_MAX };

/// No limits.
const WHOLE: Limits =
    Limits { depth: usize::MAX, attrs: usize::MAX, items: usize::MAX, string_bytes: usize::MAX };

/// Prints a value for a message, without its type: `1`, `"x"`, `{ a = «thunk»; }`.
pub fn show<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> String {
    String::from_utf8_lossy(&print(eval, value, CUT)).into_owned()
}

/// Prints a value as [`show`] does, but all that is forced of it, as `trace` does.
pub fn show_whole<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Vec<u8> {
    print(eval, value, WHOLE)
}

fn print<'h>(eval: &Eval<'h>, value: Value<'h>, limits: Limits) -> Vec<u8> {
    let mut printer = Printer {
        out: Vec::new(),
        limits,
        seen: FxHashSet::default(),
        has_seen_empty_set: false,
        attr_count: 0,
        item_count: 0,
    };
    printer.value(eval, value, 0);
    printer.out
}

struct Printer {
    out: Vec<u8>,
    limits: Limits,
    seen: FxHashSet<usize>,
    /// All empty sets are one object to the oracle.
    has_seen_empty_set: bool,
    attr_count: usize,
    item_count: usize,
}

impl Printer {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn elided(&mut self, count: usize, one: &str, many: &str) {
        let noun = if count == 1 { one } else { many };
        self.text(&format!("«{count} {noun} elided»"));
    }

    fn value<'h>(&mut self, eval: &Eval<'h>, value: Value<'h>, depth: usize) {
        match value.kind() {
            Kind::Attrs(attrs) => self.attrs(eval, attrs, depth),
            Kind::List(list) => self.list(eval, list, depth),
            Kind::String(string) => self.string(string.bytes()),
            Kind::Lambda(_) | Kind::Builtin(_) | Kind::Partial(_) => {
                let text = show_function(eval, value);
                self.text(&text);
            }
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Path(_) => {
                push_scalar(eval, &mut self.out, value);
            }
        }
    }

    fn string(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        let shown = bytes.get(..self.limits.string_bytes).unwrap_or(bytes);
        push_escaped(&mut self.out, shown);
        self.out.push(b'"');
        let elided = bytes.len() - shown.len();
        if elided > 0 {
            self.text(" ");
            self.elided(elided, "byte", "bytes");
        }
    }

    fn attrs<'h>(&mut self, eval: &Eval<'h>, attrs: Attrs<'h>, depth: usize) {
        let heap = eval.heap();
        let is_new = if attrs.is_empty() {
            !std::mem::replace(&mut self.has_seen_empty_set, true)
        } else {
            // Odd, because the first slot may hold a list, which is at that address, too.
            self.seen.insert(attrs.slots(heap).as_ptr() as usize + 1)
        };
        if !is_new {
            return self.text("«repeated»");
        }
        if depth >= self.limits.depth {
            return self.text("{ ... }");
        }
        let mut sorted: Vec<Attr<'h>> = attrs.iter_by_name(heap).collect();
        sorted.sort_by_key(|attr| !matches!(attr.name.as_bytes(), b"type" | b"_type"));
        self.text("{");
        for (attr, printed) in sorted.iter().zip(0..) {
            self.text(" ");
            if self.attr_count >= self.limits.attrs {
                self.elided(sorted.len() - printed, "attribute", "attributes");
                break;
            }
            push_name(&mut self.out, attr.name.as_bytes());
            self.text(" = ");
            self.slot(eval, attr.slot, depth + 1);
            self.text(";");
            self.attr_count += 1;
        }
        self.text(" }");
    }

    fn list<'h>(&mut self, eval: &Eval<'h>, list: &'h [Slot<'h>], depth: usize) {
        if depth >= self.limits.depth {
            return self.text("[ ... ]");
        }
        self.text("[");
        for (slot, printed) in list.iter().zip(0..) {
            self.text(" ");
            if self.item_count >= self.limits.items {
                self.elided(list.len() - printed, "item", "items");
                break;
            }
            self.slot(eval, slot, depth + 1);
            self.item_count += 1;
        }
        self.text(" ]");
    }

    fn slot<'h>(&mut self, eval: &Eval<'h>, slot: &'h Slot<'h>, depth: usize) {
        let slot = resolve(slot);
        match slot.state() {
            SlotState::Forced(value) => {
                let is_list = value.as_list().is_some_and(|list| !list.is_empty());
                if is_list && !self.seen.insert(std::ptr::from_ref(slot) as usize) {
                    return self.text("«repeated»");
                }
                self.value(eval, value, depth);
            }
            SlotState::Blackhole => self.text("«potential infinite recursion»"),
            SlotState::Suspended(..)
            | SlotState::Observed(..)
            | SlotState::Apply(_)
            | SlotState::Mapped(_)
            | SlotState::Reference(_)
            | SlotState::Failed(_) => self.text("«thunk»"),
        }
    }
}

pub(super) fn show_function<'h>(eval: &Eval<'h>, value: Value<'h>) -> String {
    match value.kind() {
        Kind::Builtin(index) => format!("«primop {}»", builtin_name(index)),
        Kind::Partial(partial) => match partial.function.kind() {
            Kind::Builtin(index) => {
                format!("«partially applied primop {}»", builtin_name(index))
            }
            _ => show_lambda(eval, value),
        },
        Kind::Lambda(_) => show_lambda(eval, value),
        _ => String::new(),
    }
}

/// Shows a lambda; of a curried one that was given arguments, that of the next argument.
fn show_lambda<'h>(eval: &Eval<'h>, value: Value<'h>) -> String {
    let Some(info) = eval.function_info(value) else { return String::new() };
    let name = info.name.map(|name| format!(" {}", name.to_text())).unwrap_or_default();
    format!("«lambda{name} @ {}»", show_position(eval, info.position))
}
