//! Packages: the derivations that a value holds, by attribute path, and what is told of each.
//!
//! A search forces no more than it must to find out what is a derivation and what its name is;
//! everything else is evaluated when somebody asks for it.
//! Source: CppNix, `getDerivations` and `PackageInfo`.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;
use store::StorePath;

use crate::builtins::expect::because;
use crate::builtins::table::wrong_type;
use crate::coerce::{self, Mode, Purpose};
use crate::equal::is_derivation;
use crate::error::{self, ErrorKind, EvalError, FrameKind, Result};
use crate::heap::{Attrs, Kind, Slot, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::select::auto_call;
use crate::source::Position;

/// A derivation that was found.
#[derive(Clone)]
pub struct Package<'h> {
    /// Where: names and indices, parted by dots.
    pub path: String,
    /// Its name, with the version.
    pub name: String,
    /// The set.
    pub attrs: Attrs<'h>,
}

/// How to search.
#[derive(Clone, Copy)]
pub struct Search<'p, 'h> {
    /// What attribute paths begin with.
    pub prefix: &'p str,
    /// The arguments for functions on the way.
    pub arguments: Attrs<'h>,
    /// Whether what fails an assertion, or throws, is left out; otherwise it ends the search.
    pub skips_failures: bool,
}

/// The paths of a package's outputs by name, where they were asked for.
pub type Outputs = BTreeMap<String, Option<StorePath>>;

impl<'h> Search<'_, 'h> {
    /// Returns the derivations that `value` is or holds, in order, each once.
    ///
    /// A set is searched by name, and deeper only where it says `recurseForDerivations = true`.
    ///
    /// # Errors
    ///
    /// When `value` is nothing that could hold derivations, and whatever evaluation meets.
    pub fn run(self, eval: &mut Eval<'h>, value: Value<'h>) -> Result<Vec<Package<'h>>> {
        let mut progress = Progress { search: self, seen: FxHashSet::default(), found: Vec::new() };
        progress.value(eval, value, self.prefix)?;
        Ok(progress.found)
    }
}

/// A search under way.
struct Progress<'p, 'h> {
    search: Search<'p, 'h>,
    /// Addresses of the slots of the derivations found.
    seen: FxHashSet<usize>,
    found: Vec<Package<'h>>,
}

impl<'h> Progress<'_, 'h> {
    fn value(&mut self, eval: &mut Eval<'h>, value: Value<'h>, path: &str) -> Result<()> {
        let value = auto_call(eval, value, self.search.arguments)?;
        if !self.derivation(eval, Ok(value), path)?.is_other() {
            return Ok(());
        }
        match value.kind() {
            Kind::Attrs(attrs) => {
                let combines = attrs.named(b"_combineChannels").is_some();
                for attr in attrs.iter_by_name(eval.heap()) {
                    let name = attr.name.as_bytes();
                    if !is_plain_name(name) {
                        continue;
                    }
                    let path = joined(path, &attr.name.to_text());
                    self.attribute(eval, attr.slot, &path, combines).map_err(|error| {
                        let name = attr.name.to_text();
                        let step = format!("while evaluating the attribute '{name}'");
                        error.frame(attr.position, FrameKind::Evaluator, step)
                    })?;
                }
                Ok(())
            }
            Kind::List(list) => {
                for (slot, index) in list.iter().zip(0_usize..) {
                    let path = joined(path, &index.to_string());
                    let inner = eval.force(slot);
                    if let Taken::Other(inner) = self.derivation(eval, inner, &path)? {
                        eval.deeper(|eval| self.value(eval, inner, &path))?;
                    }
                }
                Ok(())
            }
            _ => Err(EvalError::new(
                ErrorKind::Type,
                "expression does not evaluate to a derivation (or a set or list of those)",
            )),
        }
    }

    fn attribute(
        &mut self,
        eval: &mut Eval<'h>,
        slot: &'h Slot<'h>,
        path: &str,
        combines: bool,
    ) -> Result<()> {
        if combines {
            let inner = eval.force(slot)?;
            return eval.deeper(|eval| self.value(eval, inner, path));
        }
        let inner = eval.force(slot);
        match self.derivation(eval, inner, path)? {
            Taken::Other(inner) if recurses(eval, inner)? => {
                eval.deeper(|eval| self.value(eval, inner, path))
            }
            _ => Ok(()),
        }
    }

    /// Takes a value if it is a derivation.
    fn derivation(
        &mut self,
        eval: &mut Eval<'h>,
        value: Result<Value<'h>>,
        path: &str,
    ) -> Result<Taken<'h>> {
        match self.try_derivation(eval, value, path) {
            Err(error) if self.search.skips_failures && error.is_catchable() => Ok(Taken::Done),
            other => other,
        }
    }

    fn try_derivation(
        &mut self,
        eval: &mut Eval<'h>,
        value: Result<Value<'h>>,
        path: &str,
    ) -> Result<Taken<'h>> {
        let value = value?;
        let Some(attrs) = value.as_attrs() else { return Ok(Taken::Other(value)) };
        if !is_derivation(eval, attrs)? {
            return Ok(Taken::Other(value));
        }
        if self.seen.insert(attrs.slots(eval.heap()).as_ptr() as usize) {
            let Some(slot) = attrs.get(names().name) else {
                return Err(EvalError::new(ErrorKind::Type, "derivation name missing"));
            };
            let step = "while evaluating the 'name' attribute of a derivation";
            let name = string(eval, slot, Position::NONE, step)?;
            self.found.push(Package { path: path.to_owned(), name, attrs });
        }
        Ok(Taken::Done)
    }
}

/// What became of a value.
#[derive(Clone, Copy)]
enum Taken<'h> {
    /// It is a derivation, or fails.
    Done,
    /// It is something else.
    Other(Value<'h>),
}

impl Taken<'_> {
    fn is_other(self) -> bool {
        matches!(self, Taken::Other(_))
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Whether a search looks at an attribute of this name.
fn is_plain_name(name: &[u8]) -> bool {
    let starts = name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+');
    starts && name.iter().all(inside)
}

fn recurses<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<bool> {
    let Some(attrs) = value.as_attrs() else { return Ok(false) };
    let Some(slot) = attrs.named(b"recurseForDerivations") else { return Ok(false) };
    let position = attrs.iter(eval.heap()).find(|it| std::ptr::eq(it.slot, slot));
    let position = position.map_or(Position::NONE, |attr| attr.position);
    boolean(eval, slot, position, "while evaluating the attribute `recurseForDerivations`")
}

/// Returns the boolean in an attribute.
///
/// # Errors
///
/// When it is none, or evaluating it fails: with why it was looked at.
pub fn boolean<'h>(
    eval: &mut Eval<'h>,
    slot: &'h Slot<'h>,
    position: Position,
    step: &str,
) -> Result<bool> {
    let value = eval.force(slot).map_err(|error| error.needed_at(position)).and_then(|value| {
        let wrong = |eval: &mut Eval<'h>| wrong_type(eval, "a Boolean", value).at(position);
        value.as_bool().ok_or_else(|| wrong(eval))
    });
    value.map_err(|error| error.frame(position, FrameKind::Evaluator, step))
}

/// Returns the string in an attribute, which depends on nothing.
fn string<'h>(
    eval: &mut Eval<'h>,
    slot: &'h Slot<'h>,
    position: Position,
    step: &str,
) -> Result<String> {
    let value = eval.force(slot).map_err(|error| error.needed_at(position));
    let value = value.and_then(|value| match value.as_string() {
        Some(string) => coerce::without_context(eval, string),
        None => Err(wrong_type(eval, "a string", value)),
    });
    match value {
        Ok(string) => Ok(string.to_text().into_owned()),
        Err(error) => Err(error.at(position).frame(position, FrameKind::Evaluator, step)),
    }
}

/// Returns the store path that an attribute is.
fn store_path<'h>(
    eval: &mut Eval<'h>,
    slot: &'h Slot<'h>,
    position: Position,
    step: &str,
) -> Result<StorePath> {
    let value = eval.force(slot).map_err(|error| error.needed_at(position))?;
    let purpose = Purpose { position, text: step };
    let text = coerce::to_string_for(eval, value, Mode::Plain, purpose)?.to_text().into_owned();
    eval.store().directory().parse(&text).map_err(|_| {
        let message = format!("path '{text}' is not in the Nix store");
        error::other(message).at(position).frame(position, FrameKind::Evaluator, step)
    })
}

impl<'h> Package<'h> {
    /// Returns the system that it is built on; `unknown` if it does not say.
    ///
    /// # Errors
    ///
    /// When evaluating it fails.
    pub fn system(&self, eval: &mut Eval<'h>) -> Result<String> {
        match self.attr(b"system") {
            Some((slot, position)) => {
                let step = "while evaluating the 'system' attribute of a derivation";
                string(eval, slot, position, step)
            }
            None => Ok("unknown".to_owned()),
        }
    }

    /// Returns the path of the derivation's file, if it has one.
    ///
    /// # Errors
    ///
    /// When evaluating it fails, or the path is that of something else.
    pub fn derivation_path(&self, eval: &mut Eval<'h>) -> Result<Option<StorePath>> {
        let Some((slot, position)) = self.attr(b"drvPath") else { return Ok(None) };
        let step = "while evaluating the 'drvPath' attribute of a derivation";
        let path = store_path(eval, slot, position, step)?;
        if path.is_derivation() {
            return Ok(Some(path));
        }
        let name = path.base_name();
        let message = format!("store path '{name}' is not a valid derivation path");
        Err(error::other(message).frame(position, FrameKind::Evaluator, step))
    }

    /// Returns the path of the output that was selected.
    ///
    /// # Errors
    ///
    /// When there is none, or evaluating it fails.
    pub fn out_path(&self, eval: &mut Eval<'h>) -> Result<StorePath> {
        let Some((slot, position)) = self.attr(b"outPath") else {
            return Err(error::other("derivation does not have attribute 'outPath'"));
        };
        store_path(eval, slot, position, "while evaluating the output path of a derivation")
    }

    /// Returns the name of the output that was selected; empty if it does not say.
    ///
    /// # Errors
    ///
    /// When evaluating it fails.
    pub fn output_name(&self, eval: &mut Eval<'h>) -> Result<String> {
        let Some(slot) = self.attrs.get(names().output_name) else { return Ok(String::new()) };
        let step = "while evaluating the output name of a derivation";
        string(eval, slot, Position::NONE, step)
    }

    /// Returns its outputs, with their paths if they are wanted.
    ///
    /// # Errors
    ///
    /// When evaluating them fails.
    pub fn outputs(&self, eval: &mut Eval<'h>, with_paths: bool) -> Result<Outputs> {
        let mut outputs = Outputs::new();
        let Some((slot, position)) = self.attr(b"outputs") else {
            let path = if with_paths { Some(self.out_path(eval)?) } else { None };
            outputs.insert("out".to_owned(), path);
            return Ok(outputs);
        };
        let value = eval.force(slot).map_err(|error| error.needed_at(position))?;
        let Some(list) = value.as_list() else {
            let step = "while evaluating the 'outputs' attribute of a derivation";
            let error = wrong_type(eval, "a list", value).at(position);
            return Err(error.frame(position, FrameKind::Evaluator, step));
        };
        for slot in list {
            let step = "while evaluating the name of an output of a derivation";
            let name = string(eval, slot, position, step)?;
            if !with_paths {
                outputs.insert(name, None);
            } else if let Some(path) = self.path_of_output(eval, &name, position)? {
                outputs.entry(name).or_insert(Some(path));
            }
        }
        Ok(outputs)
    }

    fn path_of_output(
        &self,
        eval: &mut Eval<'h>,
        name: &str,
        position: Position,
    ) -> Result<Option<StorePath>> {
        let Some(slot) = self.attrs.named(name.as_bytes()) else { return Ok(None) };
        let value = eval.force(slot).map_err(|error| error.needed_at(position))?;
        let Some(output) = value.as_attrs() else {
            let step = "while evaluating an output of a derivation";
            let error = wrong_type(eval, "a set", value).at(position);
            return Err(because(error, step));
        };
        let Some(attr) = output.attr(names().out_path) else { return Ok(None) };
        let step = "while evaluating an output path of a derivation";
        store_path(eval, attr.slot, attr.position, step).map(Some)
    }

    /// Returns the attributes of `meta`, sorted by name.
    ///
    /// # Errors
    ///
    /// When `meta` is no set, or evaluating it fails.
    pub fn meta(&self, eval: &mut Eval<'h>) -> Result<Vec<(String, &'h Slot<'h>)>> {
        let Some((slot, position)) = self.attr(b"meta") else { return Ok(Vec::new()) };
        let step = "while evaluating the 'meta' attribute of a derivation";
        let value = eval.force(slot).map_err(|error| error.needed_at(position))?;
        let Some(meta) = value.as_attrs() else {
            let error = wrong_type(eval, "a set", value).at(position);
            return Err(error.frame(position, FrameKind::Evaluator, step));
        };
        let entry =
            |attr: crate::heap::attrs::Attr<'h>| (attr.name.to_text().into_owned(), attr.slot);
        Ok(meta.iter_by_name(eval.heap()).map(entry).collect())
    }

    /// Returns the value in an attribute of `meta`; none if it holds what cannot be told: a
    /// derivation, a function, a path.
    ///
    /// # Errors
    ///
    /// When evaluating it fails.
    pub fn meta_value(eval: &mut Eval<'h>, slot: &'h Slot<'h>) -> Result<Option<Value<'h>>> {
        if is_plain(eval, slot)? { eval.force(slot).map(Some) } else { Ok(None) }
    }

    /// Returns `meta.description` if it is a string, else nothing.
    ///
    /// # Errors
    ///
    /// When evaluating it fails.
    pub fn description(&self, eval: &mut Eval<'h>) -> Result<Vec<u8>> {
        for (name, slot) in self.meta(eval)? {
            if name == "description" {
                let value = Self::meta_value(eval, slot)?.and_then(Value::as_string);
                return Ok(value.map(|text| text.bytes().to_vec()).unwrap_or_default());
            }
        }
        Ok(Vec::new())
    }

    fn attr(&self, name: &[u8]) -> Option<(&'h Slot<'h>, Position)> {
        let attr = self.attrs.attr(crate::heap::Symbol::lookup(name)?)?;
        Some((attr.slot, attr.position))
    }
}

/// Whether there is nothing in a slot but numbers, strings, booleans, and sets and lists of them.
fn is_plain<'h>(eval: &mut Eval<'h>, slot: &'h Slot<'h>) -> Result<bool> {
    eval.deeper(|eval| {
        let value = eval.force(slot)?;
        match value.kind() {
            Kind::List(list) => {
                for slot in list {
                    if !is_plain(eval, slot)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Kind::Attrs(attrs) => {
                if attrs.get(names().out_path).is_some() {
                    return Ok(false);
                }
                for attr in attrs.iter(eval.heap()) {
                    if !is_plain(eval, attr.slot)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Kind::Int(_) | Kind::Bool(_) | Kind::String(_) | Kind::Float(_) => Ok(true),
            _ => Ok(false),
        }
    })
}
