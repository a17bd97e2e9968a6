//! Expressions that stand in a file, evaluated where they stand.
//!
//! Who asks writes the text: the expression under the `let`s and `with`s around it, with what the
//! functions around it are called with taken from [`ARGUMENT`]. What nobody knows is an error that
//! says [`UNKNOWN`], which counts only if the value needs it.

use super::{Inspected, Inspector};
use crate::error::{ErrorKind, EvalError, Result};
use crate::heap::{Lazy, Slot, Symbol, Value};
use crate::interpret::Eval;
use crate::option_tree::{self, Place};
use crate::source::{HOST, Origin, Position, SourcePath};

/// The name by which a text has what is around it.
pub const ARGUMENT: &str = "__surroundings";
/// What errors say about arguments that nobody knows.
pub const UNKNOWN: &str = "nothing is known of the argument";
/// How many lines of an error are told.
const ERROR_LINES_MAX: usize = 6;

/// How many names a set has at most that is shown.
const NAMES_MAX: usize = 64;

/// An expression with what is around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expression {
    /// The directory that its paths are relative to.
    pub directory: SourcePath,
    /// Its texts: the first one that has a value counts.
    pub texts: Vec<String>,
    /// Where its module stands in the configuration; `None` if it needs none.
    pub module: Option<Vec<String>>,
    /// Whether somebody has asked for it and waits for as long as it takes.
    pub is_patient: bool,
    /// Whether only the names in it are wanted, and not its text.
    pub is_for_names: bool,
}

/// What texts are given: a function of the evaluated system and the place of the module in it.
const SURROUNDINGS: &[u8] = include_bytes!("expression.nix");

/// The package set and the library, shared by all that are evaluated.
const PLAIN: &[u8] = b"{ pkgs = import <nixpkgs> { }; lib = import <nixpkgs/lib>; }";

impl<'h> Inspector<'_, 'h> {
    /// Returns what an expression comes to, after some names from it.
    pub(super) fn inspect_expression(
        &mut self,
        expression: &Expression,
        path: &[String],
    ) -> Result<Inspected> {
        let mut first: Option<Box<EvalError>> = None;
        for text in &expression.texts {
            match self.attempt(expression, text, path) {
                Ok(found) => return Ok(found),
                Err(error) if error.kind == ErrorKind::Cancelled => return Err(error),
                Err(error) => first = first.or(Some(error)),
            }
        }
        let error = first.map(|it| told(self.eval, &it));
        Ok(Inspected { error: error.flatten(), ..Inspected::default() })
    }

    fn attempt(
        &mut self,
        expression: &Expression,
        text: &str,
        path: &[String],
    ) -> Result<Inspected> {
        let around = self.surroundings(expression)?;
        let text = format!("{ARGUMENT}: {text}");
        let origin = Origin::String(expression.directory.clone());
        let function = self.eval.evaluate(origin, text.as_bytes())?;
        let mut value = self.eval.call(function, &[Lazy::from(around)])?;
        let mut position = Position::NONE;
        for name in path {
            let attr = value.as_attrs().and_then(|it| it.attr(Symbol::intern(name.as_bytes())));
            let Some(attr) = attr else {
                let message = format!("attribute `{name}` is missing");
                return Err(EvalError::new(ErrorKind::MissingAttribute, message));
            };
            (value, position) = (self.eval.force(attr.slot)?, attr.position);
        }
        let mut found = self.describe(value, position)?;
        found.offset = self.offset_in(&text, position);
        // Showing a few of very many would only take long.
        if !expression.is_for_names && found.names.len() <= NAMES_MAX {
            found.text = Some(option_tree::brief(self.eval, value)?);
        }
        Ok(found)
    }

    /// Returns where a position is in the text that was evaluated.
    fn offset_in(&self, text: &str, position: Position) -> Option<u32> {
        let is_it = self.eval.source_text(position.file)? == text.as_bytes();
        let shift = ARGUMENT.len() as u32 + 2;
        position.offset.checked_sub(shift).filter(|_| is_it)
    }

    /// Returns what expressions at a place see; made once, so that its parts are evaluated once.
    fn surroundings(&mut self, expression: &Expression) -> Result<Value<'h>> {
        let key = (expression.module.clone(), expression.directory.clone());
        if let Some(known) = self.surroundings.get(&key) {
            return Ok(*known);
        }
        let heap = self.eval.heap();
        let system = match &expression.module {
            Some(_) => self.whole_system()?,
            None => None,
        };
        let prefix = expression.module.as_deref().unwrap_or_default();
        let prefix = Value::list(heap.arena().alloc_slice_with(prefix.len(), |index| {
            let name = prefix.get(index).map_or(&b""[..], String::as_bytes);
            Slot::of(Value::string_from(heap, name))
        }));
        let directory = &expression.directory;
        let directory = Value::path(heap, directory.root, &directory.bytes);
        let plain = self.plain()?;
        let place = SourcePath::new(HOST, &self.eval.settings().directory);
        let function = self.eval.evaluate(Origin::String(place), SURROUNDINGS)?;
        let system = system.unwrap_or(Value::NULL);
        let arguments = [plain.into(), system.into(), prefix.into(), directory.into()];
        let made = self.eval.call(function, &arguments)?;
        self.surroundings.insert(key, made);
        Ok(made)
    }

    /// Returns a set with the package set and the library of no configuration.
    pub(super) fn plain(&mut self) -> Result<Value<'h>> {
        if let Some(known) = self.plain {
            return Ok(known);
        }
        let place = SourcePath::new(HOST, &self.eval.settings().directory);
        let made = self.eval.evaluate(Origin::String(place), PLAIN)?;
        self.plain = Some(made);
        Ok(made)
    }
}

/// Returns the beginning of what went wrong, unless that is only what nobody knows.
fn told(eval: &Eval<'_>, error: &EvalError) -> Option<String> {
    if error.message.contains(UNKNOWN) {
        return None;
    }
    let lines: Vec<&str> = error.message.lines().take(ERROR_LINES_MAX).collect();
    let mut text = lines.join("\n");
    if let Some((Origin::File(path), line, _)) = eval.locate(error.position) {
        let place = Place { file: path.display(), line: Some(line), column: None };
        text = format!("{text} ({}:{line})", place.file);
    }
    // The text of a package that is not there is no help.
    (error.kind != ErrorKind::UndefinedVariable).then_some(text)
}
