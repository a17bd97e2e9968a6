//! What is evaluated for its options: a module library, a configuration, or any module system.

use super::{Detail, OptionTree, one_line};
use crate::error::Result;
use crate::heap::{Attrs, Heap, Lazy, Symbol, Value};
use crate::interpret::Eval;
use crate::settings::Settings;
use crate::source::{HOST, Origin, SourcePath};
use crate::system::System;
use store::Store;

/// A module system, evaluated or to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Configuration {
    /// The NixOS modules alone, as `<nixpkgs/nixos>` has them.
    Library,
    /// A NixOS configuration in a file.
    File(SourcePath),
    /// The value of an expression: the first one that evaluates counts.
    Expression {
        /// The directory that relative paths begin at.
        directory: SourcePath,
        /// The expressions.
        texts: Vec<String>,
    },
}

/// An option that does not exist yet must not hide those that do: nothing is checked.
const NIXOS: &[u8] = b"configuration: import <nixpkgs/nixos> {
  configuration = { imports = [ configuration ]; _module.check = false; };
}";

/// Where a module system can be extended, it is told not to check, too.
const UNCHECKED: &[u8] = b"system:
  if system ? extendModules
  then system.extendModules { modules = [ { _module.check = false; } ]; }
  else system";

/// Evaluates a module system: a set that has `options`, `config` and perhaps `pkgs`.
///
/// # Errors
///
/// Whatever evaluation meets.
pub fn evaluated<'h>(eval: &mut Eval<'h>, configuration: &Configuration) -> Result<Value<'h>> {
    match configuration {
        Configuration::Library => {
            let nothing = Value::attrs(Attrs::empty(eval.heap()));
            nixos(eval, nothing)
        }
        Configuration::File(path) => {
            let path = Value::path(eval.heap(), path.root, &path.bytes);
            nixos(eval, path)
        }
        Configuration::Expression { directory, texts } => {
            let mut last = None;
            for text in texts {
                match expression(eval, directory, text) {
                    Ok(found) => return Ok(found),
                    Err(error) if error.kind == crate::error::ErrorKind::Cancelled => {
                        return Err(error);
                    }
                    Err(error) => last = last.or(Some(error)),
                }
            }
            match last {
                Some(error) => Err(error),
                None => Ok(Value::attrs(Attrs::empty(eval.heap()))),
            }
        }
    }
}

fn nixos<'h>(eval: &mut Eval<'h>, configuration: Value<'h>) -> Result<Value<'h>> {
    let directory = SourcePath::new(HOST, &eval.settings().directory);
    let function = eval.evaluate(Origin::String(directory), NIXOS)?;
    eval.call(function, &[Lazy::from(configuration)])
}

fn expression<'h>(eval: &mut Eval<'h>, directory: &SourcePath, text: &str) -> Result<Value<'h>> {
    let found = eval.evaluate(Origin::String(directory.clone()), text.as_bytes())?;
    let unchecked = eval.evaluate(Origin::String(directory.clone()), UNCHECKED)?;
    let found = eval.call(unchecked, &[Lazy::from(found)])?;
    // What has no options is not what was looked for.
    attribute(eval, found, "options")?;
    Ok(found)
}

/// Returns an attribute of an evaluated system.
///
/// # Errors
///
/// If the value is no set that has it, or evaluating it fails.
pub fn attribute<'h>(eval: &mut Eval<'h>, system: Value<'h>, name: &str) -> Result<Value<'h>> {
    let slot = system.as_attrs().and_then(|it| it.get(Symbol::intern(name.as_bytes())));
    match slot {
        Some(slot) => eval.force(slot),
        None => Err(crate::error::EvalError::new(
            crate::error::ErrorKind::MissingAttribute,
            format!("what was evaluated has no `{name}`"),
        )),
    }
}

/// Evaluates a module system and collects what its modules declare.
///
/// Runs inside [`crate::interpret::on_large_stack`].
///
/// # Errors
///
/// One line for a person: the place and the message of what stopped the evaluation.
pub fn of_system(
    system: &dyn System,
    store: &dyn Store,
    settings: &Settings,
    configuration: &Configuration,
) -> std::result::Result<OptionTree, String> {
    let heap = Heap::new();
    let mut eval = Eval::new(&heap, system, store, settings);
    let collected = evaluated(&mut eval, configuration)
        .and_then(|found| attribute(&mut eval, found, "options"))
        .and_then(|options| OptionTree::collect(&mut eval, options, Detail::Declarations));
    collected.map_err(|error| one_line(&eval, &error))
}
