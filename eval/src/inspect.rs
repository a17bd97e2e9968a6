//! Looking into values: what lies at a path of names, one level deep and as plain data.
//!
//! An editor asks for one set of the package set or the library at a time: `pkgs`, then
//! `pkgs.python3Packages`. Each is forced to weak head normal form and its names are listed; the
//! values in it stay suspended. The evaluation is kept between questions, so that a set is only
//! ever evaluated once.

mod comment;
mod expression;

pub use comment::{before as comment_before, parameters};
pub use expression::{ARGUMENT, Expression, UNKNOWN};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{ErrorKind, Result};
use crate::heap::{Attrs, Kind, Symbol, Value};
use crate::interpret::Eval;
use crate::option_tree::{self, Configuration, Place};
use crate::print;
use crate::source::{Origin, Position, SourcePath};

/// Returns what the comment before a function says, or that before the binding of it: the
/// function is written at `offset` of `text`.
pub fn function_comment(text: &[u8], offset: u32) -> Option<String> {
    comment::function(text, offset)?.documentation
}

/// Where a path of names begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Base {
    /// The package set: a configuration's `pkgs`, else `import <nixpkgs> { }`.
    Packages,
    /// The library of functions: `import <nixpkgs/lib>`.
    Library,
    /// The values of a configuration's options: its `config`.
    Config,
    /// A configuration's options themselves: its `options`.
    Options,
    /// The value of an expression that stands in a file.
    Expression(Arc<Expression>),
}

/// A path of names into a [`Base`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// Where it begins.
    pub base: Base,
    /// The names.
    pub path: Vec<String>,
}

impl Lookup {
    /// Returns the path one name further in.
    #[must_use]
    pub fn select(&self, name: &str) -> Lookup {
        let mut path = self.path.clone();
        path.push(name.to_owned());
        Lookup { base: self.base.clone(), path }
    }
}

/// What lies at a [`Lookup`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// What sort of value it is.
    pub kind: ValueKind,
    /// The names in a set, sorted.
    pub names: Vec<String>,
    /// The version of a package.
    pub version: Option<String>,
    /// What a package is, in a few words.
    pub description: Option<String>,
    /// Where a package comes from.
    pub homepage: Option<String>,
    /// The parameters of a function.
    pub parameters: Vec<FunctionParameter>,
    /// A value that is neither a set nor a function, as text.
    pub text: Option<String>,
    /// Where it is defined.
    pub place: Option<Place>,
    /// The comment at its definition.
    pub documentation: Option<String>,
    /// What an option comes to, if it is one.
    pub option: Option<Box<Effective>>,
    /// Where it is defined in the text of an [`Expression`]. Unit: bytes.
    pub offset: Option<u32>,
    /// Why an expression has no value.
    pub error: Option<String>,
}

/// What an option comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effective {
    /// Its value, as short text; none if it fails.
    pub value: Option<String>,
    /// Why there is no value: the first lines of the error.
    pub error: Option<String>,
    /// Whether anybody defines it.
    pub is_defined: bool,
    /// The priority of the definitions that count.
    pub priority: Option<i64>,
    /// The definitions that count: where, and what they say.
    pub definitions: Vec<(Place, Option<String>)>,
}

/// The sorts of values, as far as an editor tells them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueKind {
    /// Nothing lies there, or its evaluation failed.
    #[default]
    Missing,
    /// A package.
    Package,
    /// A set.
    Set,
    /// A function.
    Function,
    /// Anything else.
    Other,
}

/// One parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FunctionParameter {
    /// `name:`
    Plain(String),
    /// `{ a, b ? 1, ... }:`: the names, each with whether it may be left out.
    Formals(Vec<(String, bool)>),
}

/// An evaluation that answers questions one after another.
pub struct Inspector<'e, 'h> {
    eval: &'e mut Eval<'h>,
    configuration: Configuration,
    /// The evaluated system, once it was asked for.
    system: Option<Value<'h>>,
    /// Whether evaluating it has failed.
    has_failed: bool,
    bases: BTreeMap<Base, Option<Value<'h>>>,
    /// The package set and the library of no configuration.
    plain: Option<Value<'h>>,
    /// What expressions see, by the place of their module and their directory.
    surroundings: BTreeMap<(Option<Vec<String>>, SourcePath), Value<'h>>,
}

impl<'e, 'h> Inspector<'e, 'h> {
    /// Returns an inspector of what a configuration sees; without one, of the bare package set.
    ///
    /// Runs inside [`crate::interpret::on_large_stack`].
    pub fn new(eval: &'e mut Eval<'h>, configuration: Configuration) -> Self {
        Inspector {
            eval,
            configuration,
            system: None,
            has_failed: false,
            bases: BTreeMap::new(),
            plain: None,
            surroundings: BTreeMap::new(),
        }
    }

    /// Returns what lies at a path.
    ///
    /// # Errors
    ///
    /// If the evaluation is cancelled; whatever else fails is [`ValueKind::Missing`].
    pub fn inspect(&mut self, lookup: &Lookup) -> Result<Inspected> {
        if let Base::Expression(expression) = &lookup.base {
            return self.inspect_expression(expression, &lookup.path);
        }
        let Some(value) = self.base(&lookup.base)? else { return Ok(Inspected::default()) };
        let mut value = value;
        let mut position = Position::NONE;
        for name in &lookup.path {
            let attr = value.as_attrs().and_then(|it| it.attr(Symbol::intern(name.as_bytes())));
            let Some(attr) = attr else { return Ok(Inspected::default()) };
            let forced = self.eval.force(attr.slot);
            let Some(next) = unless_failed(forced)? else { return Ok(Inspected::default()) };
            (value, position) = (next, attr.position);
        }
        let mut found = self.describe(value, position)?;
        if lookup.base == Base::Config {
            found.text = Some(option_tree::brief(self.eval, value)?);
        }
        // A name that a function made is written there, but not defined.
        if lookup.base == Base::Packages
            && found.place.as_ref().is_some_and(|place| place.file.ends_with(MAKING_NAMES))
        {
            (found.place, found.documentation) = (None, None);
        }
        Ok(found)
    }

    fn base(&mut self, base: &Base) -> Result<Option<Value<'h>>> {
        if let Some(known) = self.bases.get(base) {
            return Ok(*known);
        }
        let value = match base {
            Base::Expression(_) => None,
            Base::Library => self.of_plain("lib")?,
            Base::Config => self.attribute_of_system("config")?,
            Base::Options => self.attribute_of_system("options")?,
            Base::Packages => match self.configured_packages()? {
                Some(packages) => Some(packages),
                None => self.of_plain("pkgs")?,
            },
        };
        self.bases.insert(base.clone(), value);
        Ok(value)
    }

    fn configured_packages(&mut self) -> Result<Option<Value<'h>>> {
        if self.configuration == Configuration::Library {
            return Ok(None);
        }
        match self.attribute_of_system("pkgs")? {
            Some(found) => Ok(Some(found)),
            None => {
                let arguments = self.attribute_of_system("config")?.map(|config| {
                    let module = option_tree::attribute(self.eval, config, "_module")?;
                    let arguments = option_tree::attribute(self.eval, module, "args")?;
                    option_tree::attribute(self.eval, arguments, "pkgs")
                });
                arguments.map(unless_failed).transpose().map(Option::flatten)
            }
        }
    }

    fn attribute_of_system(&mut self, name: &str) -> Result<Option<Value<'h>>> {
        match self.whole_system()? {
            Some(system) => unless_failed(option_tree::attribute(self.eval, system, name)),
            None => Ok(None),
        }
    }

    fn whole_system(&mut self) -> Result<Option<Value<'h>>> {
        if self.system.is_none() && !self.has_failed {
            let found = option_tree::evaluated(self.eval, &self.configuration);
            self.system = unless_failed(found)?;
            self.has_failed = self.system.is_none();
        }
        Ok(self.system)
    }

    fn of_plain(&mut self, name: &str) -> Result<Option<Value<'h>>> {
        let plain = self.plain()?;
        unless_failed(option_tree::attribute(self.eval, plain, name))
    }

    fn describe(&mut self, value: Value<'h>, position: Position) -> Result<Inspected> {
        let mut found = Inspected { place: self.place(position), ..Inspected::default() };
        match value.kind() {
            Kind::Attrs(attrs) => {
                self.describe_set(attrs, &mut found)?;
                if self.text(attrs, "_type")?.as_deref() == Some("option") {
                    found.option = Some(Box::new(self.effective(attrs)?));
                }
            }
            Kind::Lambda(_) | Kind::Partial(_) | Kind::Builtin(_) => {
                self.describe_function(value, &mut found);
            }
            Kind::List(_) => found.kind = ValueKind::Other,
            _ => {
                found.kind = ValueKind::Other;
                let shown = print::print_value(self.eval, value);
                let text = unless_failed(shown)?;
                found.text = text.map(|it| String::from_utf8_lossy(&it).into_owned());
            }
        }
        if found.documentation.is_none() {
            found.documentation = self.comment(position);
        }
        Ok(found)
    }

    /// Evaluates an option: its value and what it is made of.
    fn effective(&mut self, option: Attrs<'h>) -> Result<Effective> {
        let mut found = Effective::default();
        if let Some(slot) = option.named(b"value") {
            let shown = self.eval.force(slot).and_then(|it| option_tree::brief(self.eval, it));
            match shown {
                Ok(text) => found.value = Some(text),
                Err(error) if error.kind == ErrorKind::Cancelled => return Err(error),
                Err(error) => {
                    let lines = error.message.lines().take(ERROR_LINES_MAX);
                    found.error = Some(lines.collect::<Vec<_>>().join("\n"));
                }
            }
        }
        found.is_defined = self.get(option, "isDefined")?.and_then(Value::as_bool) == Some(true);
        found.priority = self.get(option, "highestPrio")?.and_then(Value::as_int);
        let files = self.get(option, "files")?.and_then(Value::as_list).unwrap_or_default();
        let values = self.get(option, "definitions")?.and_then(Value::as_list).unwrap_or_default();
        for (file, value) in files.iter().zip(values) {
            let Some(file) = unless_failed(self.eval.force(file))?.and_then(Value::as_string)
            else {
                continue;
            };
            let shown = self.eval.force(value).and_then(|it| option_tree::brief(self.eval, it));
            let file = file.to_text().into_owned();
            let place = Place { file, line: None, column: None };
            found.definitions.push((place, unless_failed(shown)?));
        }
        Ok(found)
    }

    fn describe_set(&mut self, attrs: Attrs<'h>, found: &mut Inspected) -> Result<()> {
        found.kind = ValueKind::Set;
        let heap = self.eval.heap();
        found.names =
            attrs.iter_by_name(heap).map(|attr| attr.name.to_text().into_owned()).collect();
        if self.text(attrs, "type")?.as_deref() != Some("derivation") {
            return Ok(());
        }
        found.kind = ValueKind::Package;
        found.version = self.text(attrs, "version")?;
        if found.version.is_none() {
            found.version = self.text(attrs, "name")?.as_deref().and_then(version_of);
        }
        let Some(meta) = self.get(attrs, "meta")?.and_then(Value::as_attrs) else { return Ok(()) };
        found.description = self.text(meta, "description")?;
        found.homepage = self.text(meta, "homepage")?;
        let position = self.text(meta, "position")?;
        if let Some((file, line)) = position.as_deref().and_then(|it| it.rsplit_once(':')) {
            let line = line.parse().ok();
            found.place = Some(Place { file: file.to_owned(), line, column: None });
        }
        Ok(())
    }

    fn describe_function(&mut self, function: Value<'h>, found: &mut Inspected) {
        found.kind = ValueKind::Function;
        if let Kind::Builtin(index) = function.kind() {
            let builtin = crate::builtins::at(index);
            let names = builtin.parameters.iter().map(|it| it.name.to_owned());
            found.parameters = names.map(FunctionParameter::Plain).collect();
            let lines = builtin.doc.lines().map(|it| it.strip_prefix(' ').unwrap_or(it));
            found.documentation = Some(lines.collect::<Vec<_>>().join("\n").trim().to_owned());
            return;
        }
        let Some(info) = self.eval.function_info(function) else { return };
        let text = self.eval.source_text(info.position.file);
        let written = text.and_then(|text| comment::function(text, info.position.offset));
        let Some(written) = written else { return };
        let offset = written.offset;
        found.parameters = written.parameters;
        found.documentation = written.documentation;
        found.place = self.place(Position { file: info.position.file, offset });
    }

    /// Returns the comment before the binding at a position.
    fn comment(&self, position: Position) -> Option<String> {
        let text = self.eval.source_text(position.file)?;
        comment::before(text, position.offset as usize)
    }

    fn place(&self, position: Position) -> Option<Place> {
        match self.eval.locate(position)? {
            (Origin::File(path), line, column) => {
                Some(Place { file: path.display(), line: Some(line), column: Some(column) })
            }
            _ => None,
        }
    }

    fn text(&mut self, attrs: Attrs<'h>, name: &str) -> Result<Option<String>> {
        let value = self.get(attrs, name)?;
        Ok(value.and_then(Value::as_string).map(|text| text.to_text().into_owned()))
    }

    fn get(&mut self, attrs: Attrs<'h>, name: &str) -> Result<Option<Value<'h>>> {
        match attrs.get(Symbol::intern(name.as_bytes())) {
            Some(slot) => unless_failed(self.eval.force(slot)),
            None => Ok(None),
        }
    }
}

/// How many lines of an error are told.
const ERROR_LINES_MAX: usize = 8;

/// The file whose functions make sets of packages from lists of names.
const MAKING_NAMES: &str = "/lib/attrsets.nix";

/// Turns a failure into `None`, unless the evaluation was cancelled.
fn unless_failed<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
        Err(_) => Ok(None),
    }
}

/// Returns what follows the first dash that no letter follows: the version in a package's name.
fn version_of(name: &str) -> Option<String> {
    let at = name.match_indices('-').find(|(at, _)| {
        name.as_bytes().get(at + 1).is_some_and(|next| !next.is_ascii_alphabetic())
    })?;
    name.get(at.0 + 1..).map(str::to_owned)
}

#[cfg(test)]
mod tests;
