//! From the name of an option to what is known of it, through submodules.

use crate::evaluation::Stop;
use crate::report::Failure;
use eval::error::ErrorKind;
use eval::heap::{Attrs, Kind, Value};
use eval::interpret::Eval;
use eval::option_tree::{Component, Detail, OptionInfo, OptionNode, OptionTree};
use eval::{print, select, suggestion};

/// How deep a value is evaluated to be shown.
const DEPTH_MAX: u32 = 8;

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
        let Some(slot) = attrs.get_named(part.as_bytes()) else {
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
                info.definitions =
                    tree.root.option.map(|whole| whole.definitions).unwrap_or_default();
            }
            Ok(Found::Option(info))
        }
        None => Ok(Found::Names(node.children.keys().cloned().collect())),
    }
}

fn is_of_type<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>, name: &[u8]) -> Result<bool, Stop> {
    let Some(slot) = attrs.get_named(b"_type") else { return Ok(false) };
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
pub(super) fn value<'h>(
    eval: &mut Eval<'h>,
    config: Value<'h>,
    path: &[String],
) -> Result<String, String> {
    let quoted: Vec<String> = path.iter().map(|part| format!("\"{part}\"")).collect();
    let none = eval::heap::AttrsBuilder::with_capacity(0).finish(eval.heap());
    let found = select::select(eval, config, &quoted.join("."), none)
        .and_then(|value| force(eval, value, 0).map(|()| value));
    match found {
        Ok(value) => Ok(String::from_utf8_lossy(&print::show_whole(eval, value)).into_owned()),
        Err(error) => Err(error.message.clone()),
    }
}

/// Evaluates what is shown of a value: all of it but the insides of derivations.
fn force<'h>(eval: &mut Eval<'h>, value: Value<'h>, depth: u32) -> eval::error::Result<()> {
    if depth > DEPTH_MAX {
        return Ok(());
    }
    let slots = match value.kind() {
        Kind::Attrs(attrs) => {
            let kind = attrs.get_named(b"type").map(|slot| eval.force(slot));
            let is_derivation = matches!(&kind, Some(Ok(kind))
                if kind.as_string().is_some_and(|text| text.bytes() == b"derivation"));
            if is_derivation {
                if let Some(slot) = attrs.get_named(b"drvPath") {
                    eval.force(slot)?;
                }
                return Ok(());
            }
            attrs.iter_by_name(eval.heap()).map(|attr| attr.slot).collect::<Vec<_>>()
        }
        Kind::List(list) => list.iter().collect(),
        _ => return Ok(()),
    };
    eval.deeper(|eval| {
        for slot in slots {
            match eval.force(slot) {
                Ok(inner) => force(eval, inner, depth + 1)?,
                Err(error) if depth == 0 || error.kind == ErrorKind::Cancelled => {
                    return Err(error);
                }
                // Shown as what could not be evaluated.
                Err(_) => {}
            }
        }
        Ok(())
    })
}
