//! What the modules of a system say of it: assertions that do not hold, and warnings.

use syntax::{LineIndex, Options, SyntaxKind};

use super::{FAILED_ASSERTION, Failure, Place, quoted};
use crate::error::{ErrorKind, Result};
use crate::heap::{Symbol, Value};
use crate::interpret::Eval;
use crate::module_bindings;
use crate::option_tree::attribute;
use crate::option_tree::collect::caught;
use crate::option_tree::place::Files;
use crate::source::{HOST, SourcePath};

/// How many of them are told.
const NOTICES_MAX: usize = 64;
/// How many lines of one are told.
const LINES_MAX: usize = 12;
/// Names that a whole system defines: without one, a configuration is only a part of one.
const WHOLE_SYSTEM: [&str; 3] = ["boot", "fileSystems", "system"];

/// Returns the failed assertions and the warnings of an evaluated system, each with its places.
///
/// # Errors
///
/// If the evaluation is cancelled, or has no configuration.
pub(super) fn notices<'h>(
    eval: &mut Eval<'h>,
    system: Value<'h>,
    configuration: &SourcePath,
) -> Result<Vec<Failure>> {
    let mut found = Vec::new();
    for (name, code) in [("assertions", FAILED_ASSERTION), ("warnings", "configuration-warning")] {
        for (file, index, value) in definitions(eval, system, name)? {
            let Some(message) = message(eval, value)? else { continue };
            if found.len() >= NOTICES_MAX {
                return Ok(found);
            }
            let mut places = Vec::new();
            places.extend(written(eval, &file, name, index)?);
            places.extend(meant(eval, system, configuration, &message)?);
            if code == FAILED_ASSERTION && places.is_empty() {
                places.extend(top(eval, configuration)?);
            }
            let message = message.lines().take(LINES_MAX).collect::<Vec<_>>().join("\n");
            found.push(Failure { code, message, places });
        }
    }
    Ok(found)
}

/// Returns the elements of the definitions of a list, with the file of each definition.
fn definitions<'h>(
    eval: &mut Eval<'h>,
    system: Value<'h>,
    name: &str,
) -> Result<Vec<(String, usize, Value<'h>)>> {
    let mut found = Vec::new();
    let option = attribute(eval, system, "options").and_then(|it| attribute(eval, it, name));
    let Some(option) = caught(eval, option)? else { return Ok(found) };
    let list = |eval: &mut Eval<'h>, name: &str| -> Result<Vec<Option<Value<'h>>>> {
        let value = attribute(eval, option, name);
        let slots = caught(eval, value)?.and_then(Value::as_list).unwrap_or_default();
        let mut values = Vec::new();
        for slot in slots {
            let forced = eval.force(slot);
            values.push(caught(eval, forced)?);
        }
        Ok(values)
    };
    let files = list(eval, "files")?;
    let values = list(eval, "definitions")?;
    for (file, value) in files.into_iter().zip(values) {
        let file = file.and_then(Value::as_string).map(|it| it.to_text().into_owned());
        let elements = value.and_then(Value::as_list).unwrap_or_default();
        for (index, slot) in elements.iter().enumerate() {
            let forced = eval.force(slot);
            if let Some(element) = caught(eval, forced)? {
                found.push((file.clone().unwrap_or_default(), index, element));
            }
        }
    }
    Ok(found)
}

/// Returns what a warning says, or an assertion that does not hold.
fn message<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<Option<String>> {
    let text = |value: Value<'h>| value.as_string().map(|it| it.to_text().into_owned());
    let Some(attrs) = value.as_attrs() else { return Ok(text(value)) };
    let mut get = |name: &str| -> Result<Option<Value<'h>>> {
        match attrs.get(Symbol::intern(name.as_bytes())) {
            Some(slot) => {
                let forced = eval.force(slot);
                caught(eval, forced)
            }
            None => Ok(None),
        }
    };
    if get("assertion")?.and_then(Value::as_bool) != Some(false) {
        return Ok(None);
    }
    Ok(get("message")?.and_then(text))
}

/// Returns where an author of the host has written an element of a list.
fn written(eval: &mut Eval<'_>, file: &str, name: &str, index: usize) -> Result<Option<Place>> {
    let Some(path) = SourcePath::parse_display(file).filter(|it| it.root == HOST) else {
        return Ok(None);
    };
    if is_library(&path) {
        return Ok(None);
    }
    let text = eval.read_file(&path);
    let Some(text) = caught(eval, text)? else { return Ok(None) };
    let (tree, _) = syntax::parse_flat(&text, Options::default());
    let bindings = module_bindings::module_bindings(&tree);
    let mut own = bindings.iter().filter(|it| it.path.last().is_some_and(|last| last == name));
    let Some(binding) = own.next() else { return Ok(None) };
    let value = binding.value_range.filter(|_| own.next().is_none());
    let list = tree
        .root()
        .descendants()
        .find(|it| it.kind() == SyntaxKind::List && value.is_some_and(|value| it.range() == value));
    let element = list.and_then(|it| it.expressions().nth(index)).map(|it| it.range());
    let range = element.unwrap_or(binding.name_range);
    let lines = LineIndex::new(&text);
    let line = lines.line(range.start());
    let column = u32::from(range.start() - lines.line_range(line).start());
    Ok(Some(Place { file: file.to_owned(), line: Some(line + 1), column: Some(column + 1) }))
}

/// Whether a file is one of nixpkgs' modules.
fn is_library(path: &SourcePath) -> bool {
    path.bytes.windows(b"/nixos/modules/".len()).any(|it| it == b"/nixos/modules/")
}

/// Returns where the options are defined that a message names.
fn meant<'h>(
    eval: &mut Eval<'h>,
    system: Value<'h>,
    configuration: &SourcePath,
    message: &str,
) -> Result<Vec<Place>> {
    let mut files = Files::default();
    let mut places = Vec::new();
    let named: Vec<Vec<String>> = quoted(message)
        .filter(|it| it.contains('.') && !it.starts_with(['/', '.']))
        .map(|it| it.split('.').map(str::to_owned).collect())
        .collect();
    for file in quoted(message).filter(|it| it.starts_with('/')) {
        for path in &named {
            let mut place = Place { file: file.to_owned(), line: None, column: None };
            files.locate(eval, &mut place, "config", path)?;
            places.extend(place.line.is_some().then_some(place));
        }
    }
    for path in &named {
        for file in defined_in(eval, system, path)? {
            let is_own = SourcePath::parse_display(&file)
                .is_some_and(|it| it.root == HOST && !is_library(&it));
            let mut place = Place { file, line: None, column: None };
            if is_own {
                files.locate(eval, &mut place, "config", path)?;
            }
            places.extend(place.line.is_some().then_some(place));
        }
    }
    if places.is_empty() {
        for path in &named {
            let file = configuration.display();
            let mut place = Place { file, line: None, column: None };
            files.locate(eval, &mut place, "config", path)?;
            places.extend(place.line.is_some().then_some(place));
        }
    }
    places.dedup();
    Ok(places)
}

/// Returns the files that define an option.
fn defined_in<'h>(eval: &mut Eval<'h>, system: Value<'h>, path: &[String]) -> Result<Vec<String>> {
    let mut value = attribute(eval, system, "options");
    for name in path.iter().map(String::as_str).chain(["files"]) {
        value = match value {
            Ok(found) => attribute(eval, found, name),
            Err(error) if error.kind == ErrorKind::Cancelled => return Err(error),
            Err(_) => return Ok(Vec::new()),
        };
    }
    let slots = caught(eval, value)?.and_then(Value::as_list).unwrap_or_default();
    let mut found = Vec::new();
    for slot in slots {
        let forced = eval.force(slot);
        let file = caught(eval, forced)?.and_then(Value::as_string);
        found.extend(file.map(|it| it.to_text().into_owned()));
    }
    Ok(found)
}

/// Returns the beginning of a configuration that describes a whole system.
fn top(eval: &mut Eval<'_>, configuration: &SourcePath) -> Result<Option<Place>> {
    let text = eval.read_file(configuration);
    let Some(text) = caught(eval, text)? else { return Ok(None) };
    let (tree, _) = syntax::parse_flat(&text, Options::default());
    let bindings = module_bindings::module_bindings(&tree);
    let is_whole = bindings.iter().any(|it| {
        let mut names = it.path.iter().skip_while(|name| *name == "config");
        names.next().is_some_and(|name| WHOLE_SYSTEM.contains(&name.as_str()))
    });
    let place = Place { file: configuration.display(), line: Some(1), column: Some(1) };
    Ok(is_whole.then_some(place))
}
