//! Why a derivation that failed was to be built: the definition that asks for it, with its place.

use crate::commands::system::{self, Configuration};
use crate::context::Context;
use crate::definitions;
use crate::evaluation::{self, Stop, attempt, attribute};
use crate::stores::Access;
use eval::context::{Derived, Element, decode_all};
use eval::heap::{Attrs, Kind, Slot, Value};
use eval::interpret::Eval;
use eval::option_tree::Place;
use eval::source::{HOST, Origin, Position, SourcePath, canonical};
use std::collections::{BTreeMap, BTreeSet};
use store::{BuildError, DerivedPath, Store, StorePath};

/// How deep definitions are searched.
const DEPTH_MAX: u32 = 12;

/// Says which definition in the person's files asks for what failed to build; none if that cannot
/// be found out.
pub(super) fn of(
    cx: &Context,
    store: &dyn Store,
    configuration: &Configuration,
    targets: &[DerivedPath],
    error: &BuildError,
) -> Option<String> {
    let BuildError::Failed { failures } = error else { return None };
    let failed: BTreeSet<StorePath> = failures
        .iter()
        .map(|failure| failure.path.clone())
        .filter(StorePath::is_derivation)
        .collect();
    let first = failures.iter().find(|failure| failure.path.is_derivation())?;
    let affected = affected(store, targets, &failed);
    let searched = evaluation::run(cx, store, Access::Read, |eval| {
        let system = configuration.evaluate(eval)?;
        let options = system::part(eval, system, "options")?;
        // What names the failed one itself tells more than what needs it.
        for wanted in [failed, affected] {
            let mut search = Search { wanted, path: Vec::new(), position: None };
            if let Some(options) = options.as_attrs()
                && let Some(found) = search.options(eval, options)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    });
    // The failure of the build is the one to tell.
    let (option, place) = searched.ok()??;
    let name = first.path.name();
    let name = name.strip_suffix(".drv").unwrap_or(name);
    let place = match (place.line, place.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}", place.file),
        _ => place.file,
    };
    Some(format!("`{name}` is part of `{option}`, which is defined at {place}"))
}

/// Returns the derivations below `targets` that need one of `failed`.
fn affected(
    store: &dyn Store,
    targets: &[DerivedPath],
    failed: &BTreeSet<StorePath>,
) -> BTreeSet<StorePath> {
    let mut users: BTreeMap<StorePath, Vec<StorePath>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut pending: Vec<StorePath> = Vec::new();
    for target in targets {
        if let DerivedPath::Built { derivation, .. } = target {
            pending.push(derivation.clone());
        }
    }
    while let Some(path) = pending.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let Ok(derivation) = store.read_derivation(&path) else { continue };
        for input in derivation.input_derivations.into_keys() {
            users.entry(input.clone()).or_default().push(path.clone());
            pending.push(input);
        }
    }
    let mut affected = BTreeSet::new();
    let mut pending: Vec<StorePath> = failed.iter().cloned().collect();
    while let Some(path) = pending.pop() {
        for user in users.remove(&path).unwrap_or_default() {
            if affected.insert(user.clone()) {
                pending.push(user);
            }
        }
    }
    affected
}

/// A search through definitions for something built by certain derivations.
struct Search {
    wanted: BTreeSet<StorePath>,
    /// The names on the way from the top of the options.
    path: Vec<String>,
    /// Where the innermost attribute on the way is written.
    position: Option<Position>,
}

type Finding = Result<Option<(String, Place)>, Stop>;

impl Search {
    /// Searches a set of options, or an option.
    fn options<'h>(&mut self, eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Finding {
        if is_option(eval, attrs) {
            return self.definitions(eval, attrs);
        }
        for attr in attrs.iter_by_name(eval.heap()) {
            let name = attr.name.to_text().into_owned();
            if name.starts_with('_') {
                continue;
            }
            let inner = attempt(eval, attr.slot)?.and_then(Value::as_attrs);
            if let Some(inner) = inner {
                self.path.push(name);
                let found = eval.deeper(|eval| Ok(self.options(eval, inner)))?;
                if let Some(found) = found? {
                    return Ok(Some(found));
                }
                self.path.pop();
            }
        }
        Ok(None)
    }

    /// Searches the definitions of an option that are in the person's files.
    fn definitions<'h>(&mut self, eval: &mut Eval<'h>, option: Attrs<'h>) -> Finding {
        let definitions = attribute(eval, option, b"definitionsWithLocations")?;
        for slot in definitions.and_then(Value::as_list).unwrap_or_default() {
            let Some(definition) = attempt(eval, slot)?.and_then(Value::as_attrs) else { continue };
            let file = attribute(eval, definition, b"file")?.and_then(Value::as_string);
            let Some(file) = file.map(|file| file.to_text().into_owned()) else { continue };
            let source = SourcePath::new(HOST, &canonical(file.as_bytes()));
            if !file.starts_with('/') || eval::blame::is_library(eval, &source) {
                continue;
            }
            let Some(value) = attribute(eval, definition, b"value")? else { continue };
            self.position = None;
            let depth = self.path.len();
            if self.value(eval, value, 0)? {
                return self.finding(eval, file).map(Some);
            }
            self.path.truncate(depth);
        }
        Ok(None)
    }

    /// Says where the path that was found is defined.
    fn finding(&self, eval: &mut Eval<'_>, file: String) -> Result<(String, Place), Stop> {
        let option = self.path.join(".");
        if let Some((Origin::File(path), line, column)) =
            self.position.and_then(|position| eval.locate(position))
            && !eval::blame::is_library(eval, &path)
        {
            let place = Place { file: path.display(), line: Some(line), column: Some(column) };
            return Ok((option, place));
        }
        let place = Place { file, line: None, column: None };
        Ok((option, definitions::complete(eval, "config", &self.path, place)))
    }

    /// Tells whether a value depends on what is wanted.
    fn value<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        value: Value<'h>,
        depth: u32,
    ) -> Result<bool, Stop> {
        if depth > DEPTH_MAX {
            return Ok(false);
        }
        match value.kind() {
            Kind::String(text) => {
                let is_wanted = |element: &Element| match element {
                    Element::Built { derivation: Derived::Path(path), .. }
                    | Element::Deep(path) => self.wanted.contains(path),
                    Element::Built { .. } | Element::Opaque(_) => false,
                };
                Ok(decode_all(text.context())?.iter().any(is_wanted))
            }
            Kind::List(list) => {
                for slot in list {
                    if self.inner(eval, slot, depth)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Kind::Attrs(attrs) => self.attrs(eval, attrs, depth),
            _ => Ok(false),
        }
    }

    fn inner<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        slot: &'h Slot<'h>,
        depth: u32,
    ) -> Result<bool, Stop> {
        match attempt(eval, slot)? {
            Some(inner) => eval.deeper(|eval| Ok(self.value(eval, inner, depth + 1)))?,
            None => Ok(false),
        }
    }

    fn attrs<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        attrs: Attrs<'h>,
        depth: u32,
    ) -> Result<bool, Stop> {
        // A derivation is what it is built by, not what else its set holds.
        if let Some(path) = attribute(eval, attrs, b"drvPath")? {
            return self.value(eval, path, depth + 1);
        }
        for attr in attrs.iter_by_name(eval.heap()) {
            let outer = self.position;
            self.path.push(attr.name.to_text().into_owned());
            if attr.position.is_some() {
                self.position = Some(attr.position);
            }
            if self.inner(eval, attr.slot, depth)? {
                return Ok(true);
            }
            self.position = outer;
            self.path.pop();
        }
        Ok(false)
    }
}

fn is_option<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>) -> bool {
    let kind = attribute(eval, attrs, b"_type").ok().flatten();
    kind.and_then(Value::as_string).is_some_and(|text| text.bytes() == b"option")
}
