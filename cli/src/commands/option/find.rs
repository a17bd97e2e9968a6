//! From the name of an option to what is known of it, through submodules.

use super::show;
use crate::evaluation::{Stop, attempt, attribute};
use crate::report::Failure;
use eval::error::ErrorKind;
use eval::heap::{Attrs, Value};
use eval::interpret::Eval;
use eval::option_tree::{Component, Detail, OptionInfo, OptionNode, OptionTree, Place};
use eval::source::{Origin, Position};
use eval::{select, suggestion};

/// What a name stands for.
pub(super) enum Found {
    /// An option.
    Option(Box<OptionInfo>),
    /// A set of options, by name.
    Names(Vec<String>),
}

/// Finds the option, or set of options, at `path`.
///
/// # Errors
///
/// When there is none: with a name that may have been meant.
pub(super) fn find<'h>(
    eval: &mut Eval<'h>,
    options: Value<'h>,
    path: &[String],
) -> Result<Found, Stop> {
    let mut node = options;
    for (depth, part) in path.iter().enumerate() {
        let Some(attrs) = node.as_attrs() else { return Err(unknown(path, depth, &[])) };
        if is_of_type(eval, attrs, b"option")? {
            return find_below(eval, node, path, depth);
        }
        let Some(slot) = attrs.named(part.as_bytes()) else {
            return Err(unknown(path, depth, &names(eval, attrs)));
        };
        node = eval.force(slot)?;
    }
    let Some(attrs) = node.as_attrs() else { return Err(unknown(path, path.len(), &[])) };
    if is_of_type(eval, attrs, b"option")? {
        return find_below(eval, node, path, path.len());
    }
    Ok(Found::Names(names(eval, attrs)))
}

/// Finds what is inside the type of an option: what `path` names from `depth` on.
fn find_below<'h>(
    eval: &mut Eval<'h>,
    option: Value<'h>,
    path: &[String],
    depth: usize,
) -> Result<Found, Stop> {
    let tree = OptionTree::collect(eval, option, Detail::Definitions)?;
    let components: Vec<Component<'_>> =
        path.iter().skip(depth).map(|part| Component::Name(part)).collect();
    let Some(node) = tree.lookup(&components) else {
        let around = components.split_last().and_then(|(_, above)| tree.lookup(above));
        let near = around.map(OptionNode::names).unwrap_or_default();
        let near: Vec<String> = near.into_iter().map(|(name, _)| name.to_owned()).collect();
        return Err(unknown(path, path.len().saturating_sub(1), &near));
    };
    match &node.option {
        // An element of a set is not an option itself; its set is.
        Some(info) if info.type_name.is_empty() && info.type_description.is_empty() => {
            Ok(Found::Names(node.names().iter().map(|(name, _)| (*name).to_owned()).collect()))
        }
        Some(info) => {
            let mut info = info.clone();
            if depth < path.len() {
                // The definitions of a submodule's option are inside those of the whole.
                let rest = path.get(depth..).unwrap_or_default();
                info.definitions = definitions_below(eval, option, rest)?;
            }
            Ok(Found::Option(info))
        }
        None => Ok(Found::Names(node.children.keys().cloned().collect())),
    }
}

fn is_of_type<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>, name: &[u8]) -> Result<bool, Stop> {
    let Some(slot) = attrs.named(b"_type") else { return Ok(false) };
    let found = eval.force(slot)?;
    Ok(found.as_string().is_some_and(|text| text.bytes() == name))
}

fn names<'h>(eval: &Eval<'h>, attrs: Attrs<'h>) -> Vec<String> {
    let all = attrs.iter_by_name(eval.heap()).map(|attr| attr.name.to_text().into_owned());
    all.filter(|name| !name.starts_with('_')).collect()
}

/// Returns the failure of a name that no option has; `near` are those that are there.
fn unknown(path: &[String], depth: usize, near: &[String]) -> Stop {
    let whole = path.join(".");
    let failure = Failure::new(format!("there is no option `{whole}`"));
    let missing = path.get(depth).map(String::as_str).unwrap_or_default();
    let meant = suggestion::nearest(missing, near.iter().map(String::as_str));
    match meant {
        Some(meant) => {
            let mut path: Vec<&str> = path.iter().map(String::as_str).collect();
            if let Some(part) = path.get_mut(depth) {
                *part = meant;
            }
            failure.hint(format!("did you mean `{}`?", path.join("."))).into()
        }
        None => failure.into(),
    }
}

/// Returns the value of the option at `path` as text of the language, or why there is none.
///
/// # Errors
///
/// When the evaluation is cancelled.
pub(super) fn value<'h>(
    eval: &mut Eval<'h>,
    config: Value<'h>,
    path: &[String],
) -> Result<Result<String, String>, Stop> {
    let quoted: Vec<String> = path.iter().map(|part| format!("\"{part}\"")).collect();
    match select::select(eval, config, &quoted.join("."), Attrs::empty(eval.heap())) {
        Ok(value) => Ok(Ok(show::show(eval, value)?)),
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error.into()),
        Err(error) if error.kind == ErrorKind::MissingAttribute => {
            Ok(Err("nothing of this name is defined".to_owned()))
        }
        Err(error) => Ok(Err(error.message.clone())),
    }
}

/// Returns where the definitions of a whole option define what is inside it at `rest`.
fn definitions_below<'h>(
    eval: &mut Eval<'h>,
    option: Value<'h>,
    rest: &[String],
) -> Result<Vec<Place>, Stop> {
    let Some(option) = option.as_attrs() else { return Ok(Vec::new()) };
    let all = attribute(eval, option, b"definitionsWithLocations")?;
    let mut places = Vec::new();
    for slot in all.and_then(Value::as_list).unwrap_or_default() {
        let Some(definition) = attempt(eval, slot)?.and_then(Value::as_attrs) else { continue };
        let file = attribute(eval, definition, b"file")?.and_then(Value::as_string);
        let (Some(file), Some(value)) = (file, attribute(eval, definition, b"value")?) else {
            continue;
        };
        let mut place = Place { file: file.to_text().into_owned(), line: None, column: None };
        let mut position = None;
        if !defines(eval, value, rest, &mut position)? {
            continue;
        }
        if let Some((Origin::File(path), line, column)) =
            position.and_then(|position| eval.locate(position))
        {
            place = Place { file: path.display(), line: Some(line), column: Some(column) };
        }
        places.push(place);
    }
    Ok(places)
}

/// Tells whether a definition defines what is inside it at `rest`, and where that is written.
fn defines<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    rest: &[String],
    position: &mut Option<Position>,
) -> Result<bool, Stop> {
    let Some((first, others)) = rest.split_first() else { return Ok(true) };
    // What a function defines is not known without what it is called with.
    let Some(attrs) = value.as_attrs() else { return Ok(true) };
    let kind = attribute(eval, attrs, b"_type")?.and_then(Value::as_string);
    match kind.map(|kind| kind.bytes()) {
        Some(b"if") => {
            let holds = attribute(eval, attrs, b"condition")?.and_then(Value::as_bool);
            let content = attribute(eval, attrs, b"content")?;
            match content.filter(|_| holds != Some(false)) {
                Some(content) => defines(eval, content, rest, position),
                None => Ok(false),
            }
        }
        Some(b"override" | b"order") => match attribute(eval, attrs, b"content")? {
            Some(content) => defines(eval, content, rest, position),
            None => Ok(false),
        },
        Some(b"merge") => {
            let contents = attribute(eval, attrs, b"contents")?.and_then(Value::as_list);
            for slot in contents.unwrap_or_default() {
                if let Some(content) = attempt(eval, slot)?
                    && defines(eval, content, rest, position)?
                {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => {
            let Some(attr) =
                attrs.iter(eval.heap()).find(|attr| attr.name.as_bytes() == first.as_bytes())
            else {
                return match attribute(eval, attrs, b"config")? {
                    Some(config) => defines(eval, config, rest, position),
                    None => Ok(false),
                };
            };
            if attr.position.is_some() {
                *position = Some(attr.position);
            }
            match attempt(eval, attr.slot)? {
                Some(inner) => defines(eval, inner, others, position),
                None => Ok(true),
            }
        }
    }
}
