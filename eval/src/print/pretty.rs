//! Values for people at a prompt: evaluated while they are printed, indented, and in color.
//!
//! An error inside is shown where the value would stand; derivations show as their paths.
//! Source: CppNix 2.34, `Printer` with the options of `NixRepl::printValue`.

use rustc_hash::FxHashSet;

use super::message::show_function;
use super::{push_name, push_scalar, push_string, resolve};
use crate::equal::is_derivation;
use crate::error::{ErrorKind, Result};
use crate::heap::attrs::Attr;
use crate::heap::{Attrs, Kind, Slot, Value};
use crate::interpret::Eval;
use crate::names::names;

/// How many columns deeper what is inside stands.
const INDENT: usize = 2;

const RED: &str = "\x1b[31;1m";
const GREEN: &str = "\x1b[32;1m";
const BLUE: &str = "\x1b[34;1m";
const MAGENTA: &str = "\x1b[35;1m";
const CYAN: &str = "\x1b[36;1m";
const NORMAL: &str = "\x1b[0m";

/// How to print.
#[derive(Clone, Copy, Debug)]
pub struct Pretty {
    /// How many sets and lists may be open at once; those further in are `{ ... }` and `[ ... ]`.
    pub depth_max: usize,
    /// Whether escape sequences color the values.
    pub colors: bool,
    /// Whether all of it stands on one line.
    pub is_one_line: bool,
}

/// Adds `value` to `out` as the prompt prints it, without a newline at the end, and evaluates what
/// is printed of it. Bytes, because strings may hold any.
///
/// # Errors
///
/// What evaluating `value` itself meets, a limit that is reached, and being cancelled; what was
/// printed before is in `out`.
pub fn pretty<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    options: Pretty,
    out: &mut Vec<u8>,
) -> Result<()> {
    let seen = FxHashSet::default();
    let mut printer = Printer { out, options, seen, has_seen_empty_set: false, indent: 0 };
    printer.value(eval, value, 0)
}

struct Printer<'o> {
    out: &'o mut Vec<u8>,
    options: Pretty,
    /// Addresses of the slots of sets, and of the slots that hold lists.
    seen: FxHashSet<usize>,
    /// All empty sets are one object to the oracle.
    has_seen_empty_set: bool,
    indent: usize,
}

impl Printer<'_> {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn colored(&mut self, color: &str, print: impl FnOnce(&mut Vec<u8>)) {
        if self.options.colors {
            self.text(color);
        }
        print(self.out);
        if self.options.colors {
            self.text(NORMAL);
        }
    }

    fn marked(&mut self, color: &str, text: &str) {
        self.colored(color, |out| out.extend_from_slice(text.as_bytes()));
    }

    fn value<'h>(&mut self, eval: &mut Eval<'h>, value: Value<'h>, depth: usize) -> Result<()> {
        match value.kind() {
            Kind::Attrs(attrs) => return eval.deeper(|eval| self.attrs(eval, attrs, depth)),
            Kind::List(list) => return eval.deeper(|eval| self.list(eval, list, depth)),
            Kind::String(string) => self.colored(MAGENTA, |out| push_string(out, string.bytes())),
            Kind::Path(_) => self.colored(GREEN, |out| push_scalar(eval, out, value)),
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
                self.colored(CYAN, |out| push_scalar(eval, out, value));
            }
            Kind::Lambda(_) | Kind::Builtin(_) | Kind::Partial(_) => {
                let text = show_function(eval, value);
                self.marked(BLUE, &text);
            }
        }
        Ok(())
    }

    fn slot<'h>(&mut self, eval: &mut Eval<'h>, slot: &'h Slot<'h>, depth: usize) -> Result<()> {
        match self.try_slot(eval, slot, depth) {
            Err(error) if !matches!(error.kind, ErrorKind::Limit | ErrorKind::Cancelled) => {
                self.marked(RED, &format!("«error: {}»", error.message));
                Ok(())
            }
            result => result,
        }
    }

    fn try_slot<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        slot: &'h Slot<'h>,
        depth: usize,
    ) -> Result<()> {
        let value = eval.force(slot)?;
        // A list is repeated where its slot is, not where its elements are.
        let is_list = value.as_list().is_some_and(|list| !list.is_empty());
        if is_list && !self.seen.insert(std::ptr::from_ref(resolve(slot)) as usize) {
            self.marked(MAGENTA, "«repeated»");
            return Ok(());
        }
        self.value(eval, value, depth)
    }

    fn attrs<'h>(&mut self, eval: &mut Eval<'h>, attrs: Attrs<'h>, depth: usize) -> Result<()> {
        let heap = eval.heap();
        let is_new = if attrs.is_empty() {
            !std::mem::replace(&mut self.has_seen_empty_set, true)
        } else {
            // Odd, because the first slot may hold a list, which is at that address, too.
            self.seen.insert(attrs.slots(heap).as_ptr() as usize + 1)
        };
        if !is_new {
            self.marked(MAGENTA, "«repeated»");
            return Ok(());
        }
        if is_derivation(eval, attrs)? {
            return self.derivation(eval, attrs);
        }
        if depth >= self.options.depth_max {
            self.text("{ ... }");
            return Ok(());
        }
        self.indent += INDENT;
        self.text("{");
        let sorted: Vec<Attr<'h>> = attrs.iter_by_name(heap).collect();
        let is_long = match sorted.as_slice() {
            [] => false,
            _ if self.options.is_one_line => false,
            [only] => is_nested(eval, only.slot)?,
            _ => true,
        };
        for attr in sorted {
            self.space(is_long);
            push_name(self.out, attr.name.as_bytes());
            self.text(" = ");
            self.slot(eval, attr.slot, depth + 1)?;
            self.text(";");
        }
        self.indent -= INDENT;
        self.space(is_long);
        self.text("}");
        Ok(())
    }

    fn list<'h>(&mut self, eval: &mut Eval<'h>, list: &'h [Slot<'h>], depth: usize) -> Result<()> {
        if depth >= self.options.depth_max {
            self.text("[ ... ]");
            return Ok(());
        }
        self.indent += INDENT;
        self.text("[");
        let is_long = match list {
            [] => false,
            _ if self.options.is_one_line => false,
            [only] => is_nested(eval, only)?,
            _ => true,
        };
        for slot in list {
            self.space(is_long);
            self.slot(eval, slot, depth + 1)?;
        }
        self.indent -= INDENT;
        self.space(is_long);
        self.text("]");
        Ok(())
    }

    /// Parts two things: by a new line if what they are in is long.
    fn space(&mut self, is_long: bool) {
        if is_long {
            self.out.push(b'\n');
            self.out.extend(std::iter::repeat_n(b' ', self.indent));
        } else {
            self.out.push(b' ');
        }
    }

    fn derivation<'h>(&mut self, eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<()> {
        let mut text = "«derivation".to_owned();
        if let Some(attr) = attrs.attr(names().drv_path) {
            let path = eval.force(attr.slot).map_err(|error| error.at(attr.position))?;
            if let Some(path) = path.as_string() {
                text.push(' ');
                text.push_str(&path.to_text());
            }
        }
        text.push('»');
        self.marked(GREEN, &text);
        Ok(())
    }
}

/// Whether what a set or list has alone in it is a set or list itself; evaluates it.
fn is_nested<'h>(eval: &mut Eval<'h>, slot: &'h Slot<'h>) -> Result<bool> {
    let value = eval.force(slot)?;
    Ok(value.as_list().is_some() || value.as_attrs().is_some())
}

#[cfg(test)]
mod tests {
    use super::{Pretty, pretty};
    use crate::heap::Heap;
    use crate::interpret::Eval;
    use crate::settings::Settings;
    use crate::source::{HOST, Origin, SourcePath};
    use crate::system::MemorySystem;
    use store::{MemoryStore, StoreDirectory};

    fn printed(text: &str, depth_max: usize, colors: bool) -> String {
        let heap = Heap::new();
        let (system, settings) = (MemorySystem::default(), Settings::default());
        let store = MemoryStore::new(StoreDirectory::default());
        let mut eval = Eval::new(&heap, &system, &store, &settings);
        let origin = Origin::String(SourcePath::new(HOST, b"/"));
        let value = eval.evaluate(origin, text.as_bytes()).expect("a value");
        let mut out = Vec::new();
        let options = Pretty { depth_max, colors, is_one_line: false };
        pretty(&mut eval, value, options, &mut out).expect("text");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn what_is_alone_and_small_stands_on_one_line() {
        assert_eq!(printed("{ a = 1; }", 1, false), "{ a = 1; }");
        assert_eq!(printed("{ a = [ 1 ]; }", 9, false), "{\n  a = [ 1 ];\n}");
        assert_eq!(printed("[ 1 { } ]", 1, false), "[\n  1\n  { ... }\n]");
    }

    #[test]
    fn errors_inside_stand_in_their_place() {
        assert_eq!(
            printed("{ a = throw \"x\"; b = 1; }", 1, false),
            "{\n  a = «error: x»;\n  b = 1;\n}"
        );
    }

    #[test]
    fn values_are_colored_by_their_type() {
        assert_eq!(printed("1", 1, true), "\x1b[36;1m1\x1b[0m");
        assert_eq!(printed("\"a\"", 1, true), "\x1b[35;1m\"a\"\x1b[0m");
    }

    #[test]
    fn what_was_printed_before_is_repeated() {
        assert_eq!(
            printed("let x = { a = 1; }; in [ x x { } { } [ ] [ ] ]", 9, false),
            "[\n  { a = 1; }\n  «repeated»\n  { }\n  «repeated»\n  [ ]\n  [ ]\n]"
        );
    }
}
