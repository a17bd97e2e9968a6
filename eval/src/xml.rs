//! Values as XML: `toXML` and `--xml`.
//!
//! The text is the oracle's to the byte. A derivation is written out where it comes first and is
//! `<repeated />` after that.
//! Source: CppNix, `printValueAsXML` and `XMLWriter`.

use rustc_hash::FxHashSet;

use crate::coerce::Text;
use crate::equal::is_derivation;
use crate::error::Result;
use crate::escape;
use crate::heap::{Attrs, Kind, Slot, SlotState, Symbol, Value};
use crate::interpret::{Eval, LambdaInfo};
use crate::names::names;
use crate::number;
use crate::source::{Origin, Position, SourcePath};

/// How values become XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether elements are forced; otherwise one that is not yet forced is `<unevaluated />`.
    pub force: bool,
    /// Whether attributes and functions say where they are written.
    pub locations: bool,
}

impl Options {
    /// What `builtins.toXML` does.
    pub const BUILTIN: Options = Options { force: true, locations: false };
}

/// Adds `value` as an XML document to `text`, with the contexts of all strings in it.
///
/// # Errors
///
/// Whatever forcing the elements meets.
pub fn write<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    options: Options,
    text: &mut Text<'h>,
) -> Result<()> {
    text.bytes.extend_from_slice(b"<?xml version='1.0' encoding='utf-8'?>\n");
    let mut writer = Writer { text, options, depth: 0, seen: FxHashSet::default() };
    writer.open("expr", &[]);
    eval.deeper(|eval| writer.value(eval, value))?;
    writer.close("expr");
    Ok(())
}

/// The attributes of an element, in the order written.
type Pairs<'a> = &'a [(&'a str, &'a [u8])];

/// Elements that are written one by one, for documents that hold no values.
#[derive(Debug, Default)]
pub struct Document {
    bytes: Vec<u8>,
    /// How many elements around these are open elsewhere.
    outside: usize,
    open: Vec<String>,
}

impl Document {
    /// Returns a document, or the part of one that lies `outside` elements deep.
    pub fn below(outside: usize) -> Document {
        Document { bytes: Vec::new(), outside, open: Vec::new() }
    }

    /// Opens an element; `pairs` are its attributes, in the order written.
    pub fn open(&mut self, name: &str, pairs: &[(&str, &[u8])]) {
        push_tag(&mut self.bytes, self.outside + self.open.len(), (name, pairs), b">\n");
        self.open.push(name.to_owned());
    }

    /// Closes the element that was opened last.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            push_close(&mut self.bytes, self.outside + self.open.len(), &name);
        }
    }

    /// Adds an element without contents.
    pub fn empty(&mut self, name: &str, pairs: &[(&str, &[u8])]) {
        push_tag(&mut self.bytes, self.outside + self.open.len(), (name, pairs), b" />\n");
    }

    /// Closes what is open and returns the text.
    pub fn finish(mut self) -> Vec<u8> {
        while !self.open.is_empty() {
            self.close();
        }
        self.bytes
    }
}

/// Writes one document.
struct Writer<'t, 'h> {
    text: &'t mut Text<'h>,
    options: Options,
    /// How many elements are open.
    depth: usize,
    /// The files of the derivations written so far.
    seen: FxHashSet<&'h [u8]>,
}

impl<'h> Writer<'_, 'h> {
    fn value(&mut self, eval: &mut Eval<'h>, value: Value<'h>) -> Result<()> {
        match value.kind() {
            Kind::Null => self.empty("null", &[]),
            Kind::Bool(value) => {
                let text: &[u8] = if value { b"true" } else { b"false" };
                self.empty("bool", &[("value", text)]);
            }
            Kind::Int(value) => self.empty("int", &[("value", value.to_string().as_bytes())]),
            Kind::Float(value) => {
                self.empty("float", &[("value", number::general(value).as_bytes())]);
            }
            Kind::String(string) => {
                self.text.depend(string.context());
                self.empty("string", &[("value", string.bytes())]);
            }
            Kind::Path(path) => {
                let shown = eval.shown_path(&SourcePath::new(path.root, path.bytes));
                self.empty("path", &[("value", shown.as_bytes())]);
            }
            Kind::Attrs(attrs) => return self.attrs(eval, attrs),
            Kind::List(list) => {
                self.open("list", &[]);
                for slot in list {
                    self.slot(eval, slot)?;
                }
                self.close("list");
            }
            Kind::Lambda(_) | Kind::Builtin(_) | Kind::Partial(_) => {
                match eval.function_info(value) {
                    Some(info) => self.lambda(eval, &info),
                    None => self.empty("unevaluated", &[]),
                }
            }
        }
        Ok(())
    }

    fn slot(&mut self, eval: &mut Eval<'h>, slot: &'h Slot<'h>) -> Result<()> {
        eval.deeper(|eval| {
            match self.content(eval, slot)? {
                Some(value) => self.value(eval, value)?,
                None => self.empty("unevaluated", &[]),
            }
            Ok(())
        })
    }

    /// Returns the value in a slot, `None` if it is not to be forced and is not yet.
    fn content(&self, eval: &mut Eval<'h>, slot: &'h Slot<'h>) -> Result<Option<Value<'h>>> {
        if self.options.force {
            return eval.force(slot).map(Some);
        }
        let mut slot = slot;
        while let SlotState::Reference(target) = slot.state() {
            slot = target;
        }
        Ok(match slot.state() {
            SlotState::Forced(value) => Some(value),
            _ => None,
        })
    }

    fn attrs(&mut self, eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<()> {
        if !is_derivation(eval, attrs)? {
            self.open("attrs", &[]);
            self.each_attr(eval, attrs)?;
            self.close("attrs");
            return Ok(());
        }
        let drv_path = self.path(eval, attrs, names().drv_path)?;
        let out_path = self.path(eval, attrs, names().out_path)?;
        let pairs: Vec<(&str, &[u8])> = [("drvPath", drv_path), ("outPath", out_path)]
            .into_iter()
            .filter_map(|(name, path)| Some((name, path?)))
            .collect();
        self.open("derivation", &pairs);
        match drv_path {
            Some(path) if !path.is_empty() && self.seen.insert(path) => {
                self.each_attr(eval, attrs)?;
            }
            _ => self.empty("repeated", &[]),
        }
        self.close("derivation");
        Ok(())
    }

    /// Returns an attribute of a derivation if it is a string.
    fn path(
        &self,
        eval: &mut Eval<'h>,
        attrs: Attrs<'h>,
        name: Symbol,
    ) -> Result<Option<&'h [u8]>> {
        let Some(attr) = attrs.attr(name) else { return Ok(None) };
        let value =
            self.content(eval, attr.slot).map_err(|error| error.needed_at(attr.position))?;
        Ok(value.and_then(Value::as_string).map(|string| string.bytes()))
    }

    fn each_attr(&mut self, eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<()> {
        for attr in attrs.iter_by_name(eval.heap()) {
            let place = self.place(eval, attr.position);
            let mut pairs = place.before_name();
            pairs.push(("name", attr.name.as_bytes()));
            pairs.extend(place.after_name());
            self.open("attr", &pairs);
            self.slot(eval, attr.slot).map_err(|error| error.needed_at(attr.position))?;
            self.close("attr");
        }
        Ok(())
    }

    fn lambda(&mut self, eval: &Eval<'h>, info: &LambdaInfo) {
        let place = self.place(eval, info.position);
        let mut pairs = place.before_name();
        pairs.extend(place.after_name());
        self.open("function", &pairs);
        let parameter = info.parameter.map(Symbol::as_bytes);
        if let Some(formals) = &info.formals {
            let mut pairs: Vec<(&str, &[u8])> = Vec::new();
            if info.has_ellipsis {
                pairs.push(("ellipsis", b"1"));
            }
            pairs.extend(parameter.map(|name| ("name", name)));
            self.open("attrspat", &pairs);
            let mut formals: Vec<&[u8]> = formals.iter().map(|it| it.name.as_bytes()).collect();
            formals.sort_unstable();
            for name in formals {
                self.empty("attr", &[("name", name)]);
            }
            self.close("attrspat");
        } else {
            self.empty("varpat", &[("name", parameter.unwrap_or_default())]);
        }
        self.close("function");
    }

    fn place(&self, eval: &Eval<'h>, position: Position) -> Place {
        let located = if self.options.locations { eval.locate(position) } else { None };
        let Some((origin, line, column)) = located else { return Place::default() };
        let path = match origin {
            Origin::File(path) => Some(path.bytes.to_vec()),
            Origin::String(_) | Origin::Stdin(_) => None,
        };
        Place { path, numbers: Some((line.to_string(), column.to_string())) }
    }

    fn open(&mut self, name: &str, pairs: Pairs<'_>) {
        self.tag(name, pairs, b">\n");
        self.depth += 1;
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        push_close(&mut self.text.bytes, self.depth, name);
    }

    fn empty(&mut self, name: &str, pairs: Pairs<'_>) {
        self.tag(name, pairs, b" />\n");
    }

    fn tag(&mut self, name: &str, pairs: Pairs<'_>, end: &[u8]) {
        push_tag(&mut self.text.bytes, self.depth, (name, pairs), end);
    }
}

fn push_tag(out: &mut Vec<u8>, depth: usize, (name, pairs): (&str, Pairs<'_>), end: &[u8]) {
    out.resize(out.len() + 2 * depth, b' ');
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    for (name, value) in pairs {
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        push_escaped(out, value);
        out.push(b'"');
    }
    out.extend_from_slice(end);
}

fn push_close(out: &mut Vec<u8>, depth: usize, name: &str) {
    out.resize(out.len() + 2 * depth, b' ');
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b">\n");
}

/// Where something is written, as the attributes of an element have it: sorted by their names.
#[derive(Default)]
struct Place {
    path: Option<Vec<u8>>,
    /// The line and the column.
    numbers: Option<(String, String)>,
}

impl Place {
    fn before_name(&self) -> Vec<(&str, &[u8])> {
        match &self.numbers {
            Some((line, column)) => {
                vec![("column", column.as_bytes()), ("line", line.as_bytes())]
            }
            None => Vec::new(),
        }
    }

    fn after_name(&self) -> Option<(&str, &[u8])> {
        self.path.as_deref().map(|path| ("path", path))
    }
}

fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let is_plain = |byte: u8| !matches!(byte, b'"' | b'<' | b'>' | b'&' | b'\n');
    escape::push_escaped(out, text, is_plain, |out, byte| match byte {
        b'"' => out.extend_from_slice(b"&quot;"),
        b'<' => out.extend_from_slice(b"&lt;"),
        b'>' => out.extend_from_slice(b"&gt;"),
        b'&' => out.extend_from_slice(b"&amp;"),
        // Parsers make a space of a plain newline.
        _ => out.extend_from_slice(b"&#xA;"),
    });
}
