//! What `flake.nix` says of itself: its description, its inputs and its settings.
//!
//! The file is a set, and what is read of it here is written out: nothing is computed, so that
//! the inputs of a flake can be known before anything of it is evaluated.
//! Source: CppNix, `readFlake` and `parseFlakeInputs`.

use std::collections::BTreeMap;

use super::lock_file::InputPath;
use super::reference::{Attr as Attribute, Attrs as Attributes, Form, Reference};
use super::tree;
use crate::copy;
use crate::error::{self, FrameKind, Result};
use crate::heap::attrs::Attr;
use crate::heap::{Attrs, Kind, Value};
use crate::interpret::Eval;
use crate::print;
use crate::source::{Position, SourcePath};

/// What a `flake.nix` says of itself.
#[derive(Clone, Default, Debug)]
pub struct Manifest {
    /// What the flake is, in a line.
    pub description: Option<String>,
    /// Its inputs.
    pub inputs: BTreeMap<String, Input>,
    /// What it wants of the tree that it lies in.
    pub self_attributes: Attributes,
    /// The settings that it would like to have, with their values as `nix.conf` has them.
    pub settings: BTreeMap<String, String>,
}

/// An input as it is written.
#[derive(Clone, PartialEq, Debug)]
pub struct Input {
    /// Which tree it is.
    pub reference: Option<Reference>,
    /// Whether it is a flake.
    pub is_flake: bool,
    /// The input that it is, too, by its path from the root.
    pub follows: Option<InputPath>,
    /// What becomes of the inputs of the input.
    pub overrides: BTreeMap<String, Input>,
}

impl Default for Input {
    fn default() -> Self {
        Self { reference: None, is_flake: true, follows: None, overrides: BTreeMap::new() }
    }
}

/// Reads the `flake.nix` at `path`; `shown` is what messages call the flake, and `prefix` the path
/// of the input that it is.
///
/// # Errors
///
/// A file that is no flake, or that leaves something to be computed.
pub(super) fn read(
    eval: &mut Eval<'_>,
    path: &SourcePath,
    shown: &str,
    prefix: &[String],
) -> Result<Manifest> {
    if !eval.is_set_literal(path)? {
        let message = format!("file '{}' must be an attribute set", path.display());
        let step = format!("while evaluating the file '{}':", path.display());
        return Err(error::other(message).frame(Position::NONE, FrameKind::Evaluator, step));
    }
    let value = eval.import(path)?;
    let Kind::Attrs(attrs) = value.kind() else {
        return Err(error::other(format!("file '{}' must be an attribute set", path.display())));
    };
    let mut reader = Reader { eval, path, prefix };
    let mut manifest = Manifest::default();
    if let Some(attr) = find(attrs, "description") {
        manifest.description = Some(reader.text(attr)?);
    }
    if let Some(attr) = find(attrs, "inputs") {
        let set = reader.set(attr)?;
        manifest.inputs = reader.inputs(set, Some(&mut manifest.self_attributes))?;
    }
    let Some(attr) = find(attrs, "outputs") else {
        return Err(error::other(format!("flake '{shown}' lacks attribute 'outputs'")));
    };
    reader.outputs(attr, &mut manifest.inputs)?;
    if let Some(attr) = find(attrs, "nixConfig") {
        manifest.settings = reader.settings(attr)?;
    }
    for attr in attrs.iter(reader.eval.heap()) {
        let name = attr.name.to_text();
        if !["description", "inputs", "outputs", "nixConfig"].contains(&&*name) {
            let place = print::show_position(reader.eval, attr.position);
            return Err(error::other(format!(
                "flake '{shown}' has an unsupported attribute '{name}', at {place}"
            )));
        }
    }
    Ok(manifest)
}

fn find<'h>(attrs: Attrs<'h>, name: &str) -> Option<Attr<'h>> {
    attrs.attr(crate::heap::Symbol::intern(name.as_bytes()))
}

struct Reader<'e, 'h> {
    eval: &'e mut Eval<'h>,
    path: &'e SourcePath,
    prefix: &'e [String],
}

impl<'h> Reader<'_, 'h> {
    /// Returns the value of an attribute, which must be of the type `expected`.
    fn value(
        &mut self,
        attr: Attr<'h>,
        expected: &str,
        is_expected: impl FnOnce(Kind<'h>) -> bool,
    ) -> Result<Value<'h>> {
        let value = self.eval.trivial(attr.slot)?;
        match value {
            Some(value) if is_expected(value.kind()) => Ok(value),
            _ => Err(self.unexpected(expected, value, attr.position)),
        }
    }

    #[cold]
    fn unexpected(
        &self,
        expected: &str,
        found: Option<Value<'h>>,
        position: Position,
    ) -> Box<error::EvalError> {
        let place = print::show_position(self.eval, position);
        let found = found.map_or("a thunk", plain_type);
        error::other(format!("expected {expected} but got {found} at {place}"))
    }

    fn set(&mut self, attr: Attr<'h>) -> Result<Attrs<'h>> {
        let value = self.value(attr, "a set", |kind| matches!(kind, Kind::Attrs(_)))?;
        Ok(value.as_attrs().unwrap_or_else(|| Attrs::empty(self.eval.heap())))
    }

    fn text(&mut self, attr: Attr<'h>) -> Result<String> {
        let value = self.value(attr, "a string", |kind| matches!(kind, Kind::String(_)))?;
        Ok(value.as_string().map(|text| text.to_text().into_owned()).unwrap_or_default())
    }

    fn outputs(&mut self, attr: Attr<'h>, inputs: &mut BTreeMap<String, Input>) -> Result<()> {
        let is_function =
            |kind| matches!(kind, Kind::Lambda(_) | Kind::Builtin(_) | Kind::Partial(_));
        let value = self.value(attr, "a function", is_function)?;
        let Kind::Lambda(lambda) = value.kind() else { return Ok(()) };
        for formal in self.eval.lambda_info(lambda).formals.into_iter().flatten() {
            let name = formal.name.to_text().into_owned();
            if name != "self" && !inputs.contains_key(&name) {
                let reference = tree::parse_input(self.eval, &name, Form::Tree)?;
                inputs.insert(name, Input { reference: Some(reference), ..Input::default() });
            }
        }
        Ok(())
    }

    fn inputs(
        &mut self,
        set: Attrs<'h>,
        mut of_self: Option<&mut Attributes>,
    ) -> Result<BTreeMap<String, Input>> {
        let mut inputs = BTreeMap::new();
        for attr in set.iter(self.eval.heap()) {
            let name = attr.name.to_text().into_owned();
            if name != "self" {
                let input = self.input(attr)?;
                inputs.insert(name, input);
                continue;
            }
            let Some(attributes) = of_self.as_deref_mut() else {
                let place = print::show_position(self.eval, attr.position);
                let message = format!("'self' input attribute not allowed at {place}");
                return Err(error::other(message));
            };
            let set = self.set(attr)?;
            for attr in set.iter(self.eval.heap()) {
                Self::attribute(attr, attributes)?;
            }
        }
        Ok(inputs)
    }

    fn input(&mut self, attr: Attr<'h>) -> Result<Input> {
        let set = self.set(attr)?;
        let mut input = Input::default();
        let mut attributes = Attributes::new();
        let mut url = None;
        for part in set.iter(self.eval.heap()) {
            self.input_part(part, &mut input, &mut attributes, &mut url).map_err(|error| {
                let step = format!("while evaluating flake attribute '{}'", part.name.to_text());
                error.frame(part.position, FrameKind::Evaluator, step)
            })?;
        }
        let place = |reader: &Self| print::show_position(reader.eval, attr.position);
        if attributes.contains_key("type") {
            let verifies = self.eval.settings().has_feature("verified-fetches");
            if let Some(url) = url {
                attributes.insert("url".to_owned(), Attribute::Text(url));
            }
            let reference = Reference::from_attrs(attributes, verifies).map_err(|refusal| {
                let step = "while evaluating flake input";
                refusal.into_error().frame(attr.position, FrameKind::Evaluator, step)
            })?;
            input.reference = Some(reference);
        } else if let Some(name) = attributes.keys().next() {
            return Err(error::other(format!(
                "unexpected flake input attribute '{name}', at {}",
                place(self)
            )));
        } else if let Some(url) = url {
            let form = if input.is_flake { Form::Tree } else { Form::Any };
            let reference = tree::parse_input(self.eval, &url, form)?;
            input.reference = Some(reference);
        }
        if input.reference.is_some() && input.follows.is_some() {
            return Err(error::other(format!(
                "flake input has both a flake reference and a follows attribute, at {}",
                place(self)
            )));
        }
        Ok(input)
    }

    fn input_part(
        &mut self,
        attr: Attr<'h>,
        input: &mut Input,
        attributes: &mut Attributes,
        url: &mut Option<String>,
    ) -> Result<()> {
        match &*attr.name.to_text() {
            "url" => *url = Some(self.url(attr)?),
            "flake" => {
                let value = self.value(attr, "a Boolean", |kind| matches!(kind, Kind::Bool(_)))?;
                input.is_flake = value.as_bool().unwrap_or(true);
            }
            "inputs" => {
                let set = self.set(attr)?;
                input.overrides = self.inputs(set, None)?;
            }
            "follows" => {
                let mut path = self.prefix.to_vec();
                path.extend(parse_path(&self.text(attr)?)?);
                input.follows = Some(path);
            }
            _ => Self::attribute(attr, attributes)?,
        }
        Ok(())
    }

    /// Returns the URL of an input; a path is one from the flake's own directory.
    fn url(&mut self, attr: Attr<'h>) -> Result<String> {
        let value = self.eval.trivial(attr.slot)?;
        match value.map(Value::kind) {
            Some(Kind::String(text)) => Ok(text.to_text().into_owned()),
            Some(Kind::Path(path)) => {
                let cut = self.path.bytes.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                let directory = self.path.bytes.get(..cut).unwrap_or_default();
                let relative = relative(directory, path.bytes);
                Ok(format!("path:{}", String::from_utf8_lossy(&relative)))
            }
            _ => Err(self.unexpected("a string or a path", value, attr.position)),
        }
    }

    /// Reads an attribute of a reference.
    fn attribute(attr: Attr<'h>, attributes: &mut Attributes) -> Result<()> {
        let name = attr.name.to_text();
        // What is not known yet stays so.
        let value = match attr.slot.state() {
            crate::heap::SlotState::Forced(value) => Some(value),
            _ => None,
        };
        let attribute = match value.map(Value::kind) {
            Some(Kind::String(text)) => Attribute::Text(text.to_text().into_owned()),
            Some(Kind::Bool(value)) => Attribute::Bool(value),
            Some(Kind::Int(number)) => match u64::try_from(number) {
                Ok(number) => Attribute::Number(number),
                Err(_) => {
                    return Err(error::other(format!(
                        "negative value given for flake input attribute {name}: {number}"
                    )));
                }
            },
            _ => {
                let found = value.map_or("a thunk".to_owned(), print::show_type);
                return Err(error::other(format!(
                    "flake input attribute '{name}' is {found} while a string, Boolean, or \
                     integer is expected"
                )));
            }
        };
        attributes.insert(name.into_owned(), attribute);
        Ok(())
    }

    fn settings(&mut self, attr: Attr<'h>) -> Result<BTreeMap<String, String>> {
        let set = self.set(attr)?;
        let mut settings = BTreeMap::new();
        for attr in set.iter_by_name(self.eval.heap()) {
            let name = attr.name.to_text().into_owned();
            let value = self.setting(&name, attr)?;
            settings.insert(name, value);
        }
        Ok(settings)
    }

    /// Returns the value of a setting as `nix.conf` has it.
    fn setting(&mut self, name: &str, attr: Attr<'h>) -> Result<String> {
        let value = self.eval.trivial(attr.slot)?;
        Ok(match value.map(Value::kind) {
            Some(Kind::String(text)) => text.to_text().into_owned(),
            Some(Kind::Path(path)) => copy::copy_path(self.eval, path)?.to_text().into_owned(),
            Some(Kind::Int(number)) => number.to_string(),
            Some(Kind::Bool(value)) => value.to_string(),
            Some(Kind::List(list)) => {
                let mut words = Vec::new();
                for slot in list {
                    let word = self.eval.force(slot)?;
                    let Some(text) = word.as_string() else {
                        return Err(error::other(format!(
                            "list element in flake configuration setting '{name}' is {} while a \
                             string is expected",
                            value.map_or_else(String::new, print::show_type)
                        )));
                    };
                    words.push(text.to_text().into_owned());
                }
                words.join(" ")
            }
            _ => {
                let found = value.map_or("a thunk".to_owned(), print::show_type);
                let message = format!("flake configuration setting '{name}' is {found}");
                return Err(error::other(message));
            }
        })
    }
}

/// Names the type of a value with its article, and no more of it.
fn plain_type(value: Value<'_>) -> &'static str {
    match value.kind() {
        Kind::Null => "null",
        Kind::Bool(_) => "a Boolean",
        Kind::Int(_) => "an integer",
        Kind::Float(_) => "a float",
        Kind::String(_) => "a string",
        Kind::Path(_) => "a path",
        Kind::Attrs(_) => "a set",
        Kind::List(_) => "a list",
        Kind::Lambda(_) | Kind::Builtin(_) | Kind::Partial(_) => "a function",
    }
}

/// Returns the way from `directory` to `path`, both canonical.
fn relative(directory: &[u8], path: &[u8]) -> Vec<u8> {
    let parts = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|byte| *byte == b'/').filter(|it| !it.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let (from, to) = (parts(directory), parts(path));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(b"..".to_vec(), from.len() - shared);
    let way: Vec<Vec<u8>> = up.chain(to.into_iter().skip(shared)).collect();
    if way.is_empty() { b".".to_vec() } else { way.join(&b'/') }
}

/// Parses the path of an input: `a/b`.
///
/// # Errors
///
/// A name that no input can have.
pub fn parse_path(text: &str) -> Result<InputPath> {
    let names = text.split('/').filter(|name| !name.is_empty());
    let name = |name: &str| {
        let mut chars = name.chars();
        let is_name = chars.next().is_some_and(|first| first.is_ascii_alphabetic())
            && chars.all(|char| char.is_ascii_alphanumeric() || "_-".contains(char));
        if is_name {
            return Ok(name.to_owned());
        }
        Err(error::usage(format!("invalid flake input attribute path element '{name}'")))
    };
    names.map(name).collect()
}
