//! Flakes as values: the set that `outputs` returns, with what is known of the tree.
//!
//! The inputs are fetched and evaluated only when something looks at them; the function that does
//! it is `nix/call-flake.nix` of the embedded library. Source: CppNix, `callFlake`.

use super::fetch::{self, Telling};
use super::lock::{LockedFlake, Place};
use super::lock_file::ROOT;
use crate::builtins::expect;
use crate::embedded;
use crate::error::{self, ErrorKind, EvalError, Result};
use crate::heap::{Attrs, AttrsBuilder, Symbol, Value};
use crate::interpret::Eval;
use crate::json;
use crate::print;
use crate::suggestion::best_matches;

/// Returns the value of a locked flake.
///
/// # Errors
///
/// Whatever evaluating its `flake.nix` meets.
pub fn call<'h>(eval: &mut Eval<'h>, locked: &LockedFlake) -> Result<Value<'h>> {
    let heap = eval.heap();
    let (text, keys) = locked.lock_file.to_json();
    let lock = json::read::read(heap, text.to_string().as_bytes())?;
    let mut fetched = AttrsBuilder::with_capacity(locked.fetched.len());
    for (node, place) in &locked.fetched {
        let Some(key) = keys.get(node) else { continue };
        let is_changed = *node == ROOT && locked.flake.is_changed;
        let telling = if is_changed { Telling::Changed } else { Telling::Plain };
        let mut entry = AttrsBuilder::with_capacity(2);
        entry.push_named("sourceInfo", fetch::tree_value(eval, &place.tree, telling));
        entry.push_named("dir", Value::string_from(heap, &directory(eval, place)));
        fetched.push_named(key, entry.finish_value(heap));
    }
    let index = crate::builtins::index("fetchTree").expect("it is a row of this crate");
    let mut arguments = AttrsBuilder::with_capacity(3);
    arguments.push_named("lock", lock);
    arguments.push_named("fetched", fetched.finish_value(heap));
    arguments.push_named("fetch", Value::builtin(index));
    let function = eval.import(&embedded::call_flake())?;
    let arguments = arguments.finish_value(heap);
    eval.call(function, &[arguments.into()])
}

/// Returns the directory of a flake in its tree.
fn directory(eval: &Eval<'_>, place: &Place) -> Vec<u8> {
    let root = eval.store().directory().display(&place.tree.path);
    let inside = place.directory.bytes.strip_prefix(root.as_bytes()).unwrap_or_default();
    inside.strip_prefix(b"/").unwrap_or(inside).to_vec()
}

/// Returns the outputs of a flake.
///
/// # Errors
///
/// Whatever evaluating them meets.
pub fn outputs<'h>(eval: &mut Eval<'h>, flake: Value<'h>) -> Result<Attrs<'h>> {
    let why = "while evaluating the outputs of a flake";
    let attrs = expect::attrs(eval, flake, why)?;
    match attrs.named(b"outputs") {
        Some(slot) => {
            let outputs = eval.force(slot)?;
            expect::attrs(eval, outputs, why)
        }
        None => Ok(attrs),
    }
}

/// Returns the first of the attributes at `paths` that there is; `shown` is the flake.
///
/// # Errors
///
/// When there is none of them, and whatever evaluating it meets.
pub fn select<'h>(
    eval: &mut Eval<'h>,
    outputs: Attrs<'h>,
    paths: &[String],
    shown: &str,
) -> Result<Value<'h>> {
    select_at(eval, outputs, paths, shown).map(|(value, _)| value)
}

/// As [`select`], with the path that it is at.
///
/// # Errors
///
/// As [`select`].
pub fn select_at<'h, 'p>(
    eval: &mut Eval<'h>,
    outputs: Attrs<'h>,
    paths: &'p [String],
    shown: &str,
) -> Result<(Value<'h>, &'p str)> {
    let mut near: Vec<String> = Vec::new();
    for path in paths {
        if let Some(value) = attribute(eval, outputs, path, &mut near)? {
            return Ok((value, path));
        }
    }
    let mut quoted = Vec::with_capacity(paths.len());
    for path in paths {
        let mut shown = Vec::new();
        for (name, index) in crate::select::parse_path(path)?.iter().zip(0..) {
            if index > 0 {
                shown.push(b'.');
            }
            print::push_name(&mut shown, name.as_bytes());
        }
        quoted.push(format!("'{}'", String::from_utf8_lossy(&shown)));
    }
    let listed = match quoted.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => quoted.concat(),
    };
    let message = format!("flake '{shown}' does not provide attribute {listed}");
    let mut error = EvalError::new(ErrorKind::MissingAttribute, message);
    error.suggestions = near;
    Err(error)
}

/// Returns the attribute at `path`; where there is none, adds to `near` what may be meant.
fn attribute<'h>(
    eval: &mut Eval<'h>,
    outputs: Attrs<'h>,
    path: &str,
    near: &mut Vec<String>,
) -> Result<Option<Value<'h>>> {
    let mut value = Value::attrs(outputs);
    let names = crate::select::parse_path(path)?;
    for (name, depth) in names.iter().zip(0..) {
        let Some(attrs) = value.as_attrs() else {
            let above = names.get(..depth).unwrap_or_default().join(".");
            return Err(error::other(format!("'{above}' is not an attribute set")));
        };
        let Some(attr) = attrs.attr(Symbol::intern(name.as_bytes())) else {
            let names = attrs.iter(eval.heap());
            let names: Vec<String> = names.map(|it| it.name.to_text().into_owned()).collect();
            for name in best_matches(name, names.iter().map(String::as_str)) {
                if !near.contains(&name) {
                    near.push(name);
                }
            }
            return Ok(None);
        };
        eval.note_module_system(attrs)?;
        value = eval.force_from(attr.slot, attr.position)?;
    }
    Ok(Some(value))
}
