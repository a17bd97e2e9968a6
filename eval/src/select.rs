//! What a command line selects: arguments for functions at the top, attribute paths, derivations.
//!
//! A function that stands where a value is wanted is called with the arguments given by name. An
//! attribute path is names and list indices parted by dots. A selected value may be a derivation,
//! or a set or list of them. Source: CppNix, `autoCallFunction` and `findAlongAttrPath`.

use store::StorePath;

use crate::error::{self, ErrorKind, EvalError, Result};
use crate::heap::{Attrs, AttrsBuilder, Heap, Kind, Lazy, Symbol, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::packages::Search;
use crate::print::show_type;
use crate::source::Position;
use crate::suggestion::distance;

/// A derivation that was selected.
#[derive(Clone, Copy)]
pub struct Selected<'h> {
    /// The set.
    pub attrs: Attrs<'h>,
}

/// Returns the parts of an attribute path; a part in double quotes may hold dots.
///
/// # Errors
///
/// When a quote is not closed.
pub fn parse_path(path: &str) -> Result<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut chars = path.chars();
    while let Some(next) = chars.next() {
        match next {
            '.' => parts.push(std::mem::take(&mut part)),
            '"' => loop {
                match chars.next() {
                    Some('"') => break,
                    Some(other) => part.push(other),
                    None => {
                        let message = format!("missing closing quote in selection path '{path}'");
                        return Err(error::other(message));
                    }
                }
            },
            other => part.push(other),
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    Ok(parts)
}

/// Returns a path as a person writes it, the inverse of [`parse_path`].
pub fn show_path(path: &[String]) -> String {
    let names: Vec<String> =
        path.iter().map(|name| crate::print::shown_name(name.as_bytes())).collect();
    names.join(".")
}

/// Calls `value` with `arguments` if it is a function of named arguments, or a set with a functor.
///
/// Anything else is returned as it is.
///
/// # Errors
///
/// When an argument without a default is not among `arguments`, and whatever the call meets.
pub fn auto_call<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    arguments: Attrs<'h>,
) -> Result<Value<'h>> {
    match value.kind() {
        Kind::Attrs(attrs) => {
            let Some(slot) = attrs.get(names().functor) else { return Ok(value) };
            let functor = eval.force(slot)?;
            let called = eval.call(functor, &[Lazy::from(value)])?;
            eval.deeper(|eval| auto_call(eval, called, arguments))
        }
        Kind::Lambda(lambda) => {
            let info = eval.lambda_info(lambda);
            let Some(formals) = info.formals else { return Ok(value) };
            let mut passed = AttrsBuilder::with_capacity(formals.len());
            if info.has_ellipsis {
                for attr in arguments.iter(eval.heap()) {
                    passed.push(attr.name, Lazy::from_slot(attr.slot));
                }
            }
            for formal in formals {
                match arguments.get(formal.name) {
                    Some(_) if info.has_ellipsis => {}
                    Some(slot) => passed.push(formal.name, Lazy::from_slot(slot)),
                    None if formal.has_default => {}
                    None => return Err(missing_argument(formal.name, formal.position)),
                }
            }
            let passed = passed.finish_value(eval.heap());
            eval.call(value, &[Lazy::from(passed)])
        }
        _ => Ok(value),
    }
}

/// Returns the error of a function at the top whose argument nobody gave.
#[cold]
fn missing_argument(name: Symbol, position: Position) -> Box<EvalError> {
    let name = name.to_text();
    let message = format!(
        "cannot evaluate a function that has an argument without a value ('{name}')\n\
         Nix attempted to evaluate a function as a top level expression; in\n\
         this case it must have its arguments supplied either by default\n\
         values, or passed explicitly with '--arg' or '--argstr'. See\n\
         https://nix.dev/manual/nix/stable/language/syntax.html#functions."
    );
    EvalError::new(ErrorKind::Type, message).at(position)
}

/// Returns what `path` selects from `value`, calling functions on the way with `arguments`.
///
/// The empty path selects `value` itself, which is not called.
///
/// # Errors
///
/// When a part is not there, and whatever evaluation meets.
pub fn select<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    path: &str,
    arguments: Attrs<'h>,
) -> Result<Value<'h>> {
    let mut value = value;
    for part in parse_path(path)? {
        value = auto_call(eval, value, arguments)?;
        value = match part.parse::<u32>() {
            Ok(index) => element(eval, value, index, path)?,
            Err(_) => attribute(eval, value, &part, path)?,
        };
    }
    Ok(value)
}

fn attribute<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    name: &str,
    path: &str,
) -> Result<Value<'h>> {
    let Some(attrs) = value.as_attrs() else {
        let found = show_type(value);
        let message = format!(
            "the expression selected by the selection path '{path}' should be a set but is {found}"
        );
        return Err(EvalError::new(ErrorKind::Type, message));
    };
    if name.is_empty() {
        return Err(error::other(format!("empty attribute name in selection path '{path}'")));
    }
    eval.note_module_system(attrs)?;
    match attrs.named(name.as_bytes()) {
        Some(slot) => eval.force(slot),
        None => {
            let message = format!("attribute '{name}' in selection path '{path}' not found");
            let mut error = EvalError::new(ErrorKind::MissingAttribute, message);
            error.suggestions = near_names(attrs, name, eval.heap());
            Err(error)
        }
    }
}

/// Returns up to five names in `attrs` that may have been meant, nearest first.
fn near_names<'h>(attrs: Attrs<'h>, name: &str, heap: &'h Heap) -> Vec<String> {
    let mut near: Vec<(usize, String)> = attrs
        .iter_by_name(heap)
        .map(|attr| (distance(attr.name.as_bytes(), name.as_bytes()), attr.name))
        .filter(|&(edits, _)| edits <= 2)
        .map(|(edits, name)| (edits, name.to_text().into_owned()))
        .collect();
    near.sort();
    near.truncate(5);
    near.into_iter().map(|(_, name)| name).collect()
}

fn element<'h>(eval: &mut Eval<'h>, value: Value<'h>, index: u32, path: &str) -> Result<Value<'h>> {
    let Some(list) = value.as_list() else {
        let found = show_type(value);
        let message = format!(
            "the expression selected by the selection path '{path}' should be a list but is {found}"
        );
        return Err(EvalError::new(ErrorKind::Type, message));
    };
    match list.get(index as usize) {
        Some(slot) => eval.force(slot),
        None => {
            let message = format!("list index {index} in selection path '{path}' is out of range");
            Err(EvalError::new(ErrorKind::MissingAttribute, message))
        }
    }
}

/// Returns the derivations that `value` is or holds, in order, each once.
///
/// # Errors
///
/// As [`Search::run`].
pub fn derivations<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    arguments: Attrs<'h>,
) -> Result<Vec<Selected<'h>>> {
    let search = Search { prefix: "", arguments, skips_failures: false };
    let found = search.run(eval, value)?;
    Ok(found.into_iter().map(|package| Selected { attrs: package.attrs }).collect())
}

impl<'h> Selected<'h> {
    /// Returns the path of the derivation's file.
    ///
    /// # Errors
    ///
    /// When it has none, or evaluating it fails.
    pub fn derivation_path(self, eval: &mut Eval<'h>) -> Result<StorePath> {
        let missing = || {
            EvalError::new(ErrorKind::Other, "derivation does not contain a 'drvPath' attribute")
        };
        let text = self.text(eval, names().drv_path)?.ok_or_else(missing)?;
        let path = eval.store().directory().parse(&text);
        path.map_err(|error| error::other(error.to_string()))
    }

    /// Returns the name of the output that was selected.
    ///
    /// # Errors
    ///
    /// When evaluating it fails.
    pub fn output_name(self, eval: &mut Eval<'h>) -> Result<Option<String>> {
        self.text(eval, names().output_name)
    }

    fn text(self, eval: &mut Eval<'h>, name: Symbol) -> Result<Option<String>> {
        let Some(attr) = self.attrs.attr(name) else { return Ok(None) };
        let value = eval.force(attr.slot).map_err(|error| error.at(attr.position))?;
        match value.as_string() {
            Some(string) => Ok(Some(string.to_text().into_owned())),
            None => {
                let found = crate::print::describe(eval, value);
                Err(error::wrong_type("a string", &found).at(attr.position))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_path;

    #[test]
    fn paths_part_at_dots_outside_of_quotes() {
        let parts = |path: &str| parse_path(path).expect("a good path");
        assert_eq!(parts("a.\"b.c\".0"), ["a", "b.c", "0"]);
        assert_eq!(parts(""), Vec::<String>::new());
        assert_eq!(parts("a..b"), ["a", "", "b"]);
        assert!(parse_path("a.\"b").is_err());
    }
}
