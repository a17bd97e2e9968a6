//! Trees from elsewhere: flakes, and what flakes are fetched with.

use crate::builtins;
use crate::builtins::argument::Plain;
use crate::coerce::{self, Mode, Purpose};
use crate::error::{self, EvalError, Result};
use crate::flake::reference::{Attr, Attrs as Parts, Reference, Refusal};
use crate::flake::{self, lock, lock::LockOptions};
use crate::heap::{Attrs, Kind, Value};
use crate::interpret::Eval;
use crate::print;
use crate::source::Position;

builtins! {
    /// Fetches the tree that a flake reference or its attributes name, and returns its store path
    /// and what is known of it.
    ///
    /// ```nix
    /// builtins.fetchTree { type = "path"; path = "a"; }
    /// # error: cannot fetch input 'path:a' because it uses a relative path
    /// builtins.fetchTree { }  # error: argument 'type' is missing in call to 'fetchTree'
    /// ```
    "fetchTree" feature "fetch-tree" (tree: Value<'h>) => fetch_tree;

    /// Returns the outputs of the flake that `reference` names, with what is known of the flake.
    ///
    /// In pure evaluation the reference must name exactly one tree.
    ///
    /// ```nix
    /// builtins.getFlake "./a"  # error: flake reference './a' is not an absolute path
    /// ```
    "getFlake" feature "flakes" (reference: Plain<'h>) => get_flake;
}

fn get_flake<'h>(eval: &mut Eval<'h>, Plain(text): Plain<'h>) -> Result<Value<'h>> {
    let text = String::from_utf8_lossy(text);
    let reference = parse(eval, &text)?;
    let is_pure = eval.settings().pure;
    if is_pure && !reference.is_locked() {
        return Err(error::other(format!(
            "cannot call 'getFlake' on unlocked flake reference '{text}', at «none»:0 (use \
             --impure to override)"
        )));
    }
    let options = LockOptions { allows_unlocked: !is_pure, ..LockOptions::default() };
    let flake = lock::get(eval, &reference)?;
    let mut locked = lock::lock(eval, flake, &options)?;
    if locked.lock_file != locked.old {
        let difference = locked.lock_file.difference(&locked.old);
        let warning = format!(
            "warning: not writing modified lock file of flake '{}':\n{}",
            reference.show(),
            difference.trim_end()
        );
        eval.system().message(warning.as_bytes());
        locked.flake.is_changed = true;
    }
    flake::call(eval, &locked)
}

fn parse(eval: &Eval<'_>, text: &str) -> Result<Reference> {
    let verifies = eval.settings().has_feature("verified-fetches");
    let (reference, warnings) = Reference::parse(text, verifies).map_err(Refusal::into_error)?;
    for warning in warnings {
        eval.system().message(warning.as_bytes());
    }
    Ok(reference)
}

fn fetch_tree<'h>(eval: &mut Eval<'h>, tree: Value<'h>) -> Result<Value<'h>> {
    let (reference, is_final) = match tree.kind() {
        Kind::Attrs(attrs) => of_attrs(eval, attrs)?,
        _ => {
            let text = "while evaluating the first argument passed to 'fetchTree'";
            let purpose = Purpose { position: Position::NONE, text };
            let text = coerce::to_string_for(eval, tree, Mode::Plain, purpose)?;
            if !eval.settings().has_feature("flakes") {
                return Err(error::other(
                    "passing a string argument to 'fetchTree' requires the 'flakes' experimental \
                     feature",
                ));
            }
            (parse(eval, &text.to_text())?, false)
        }
    };
    if is_final {
        let tree = flake::fetch_final(eval, &reference)?;
        return Ok(flake::tree_value(eval, &tree, false));
    }
    if eval.settings().pure && !reference.is_locked() {
        let shown = reference.show();
        return Err(error::other(format!(
            "in pure evaluation mode, 'fetchTree' doesn't fetch unlocked input '{shown}'"
        )));
    }
    let tree = flake::fetch_tree(eval, &reference)?;
    Ok(flake::tree_value(eval, &tree, false))
}

/// Returns the reference of attributes, and whether it is final: nothing is to be added to it.
///
/// Only `call-flake.nix` makes one that is, by a function where the language takes no such thing.
fn of_attrs<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<(Reference, bool)> {
    let mut parts = Parts::new();
    let mut is_final = false;
    for attr in attrs.iter_by_name(eval.heap()) {
        let name = attr.name.to_text().into_owned();
        let value = eval.force_from(attr.slot, attr.position)?;
        let part = match value.kind() {
            Kind::String(text) => Attr::Text(text.to_text().into_owned()),
            Kind::Path(_) => {
                let purpose = Purpose { position: attr.position, text: "" };
                let text = coerce::to_string_for(eval, value, Mode::Plain, purpose)?;
                Attr::Text(text.to_text().into_owned())
            }
            Kind::Bool(value) => Attr::Bool(value),
            Kind::Int(number) => match u64::try_from(number) {
                Ok(number) => Attr::Number(number),
                Err(_) => {
                    return Err(error::other(format!(
                        "negative value given for 'fetchTree' argument '{name}': {number}"
                    )));
                }
            },
            Kind::Builtin(_) if name == "__final" => {
                is_final = true;
                continue;
            }
            _ => return Err(wrong_attribute(&name, value)),
        };
        parts.insert(name, part);
    }
    if !parts.contains_key("type") {
        return Err(error::other("argument 'type' is missing in call to 'fetchTree'"));
    }
    if parts.contains_key("name") {
        return Err(error::other("argument 'name' isn’t supported in call to 'fetchTree'"));
    }
    let is_git = parts.get("type") == Some(&Attr::Text("git".to_owned()));
    if is_git && !is_final {
        parts.entry("shallow".to_owned()).or_insert(Attr::Bool(true));
    }
    let verifies = eval.settings().has_feature("verified-fetches");
    let reference = Reference::from_attrs(parts, verifies).map_err(Refusal::into_error)?;
    if reference.flag("__final") {
        let shown = reference.show();
        return Err(error::other(format!(
            "input '{shown}' is not allowed to use the '__final' attribute"
        )));
    }
    Ok((reference, is_final))
}

#[cold]
fn wrong_attribute(name: &str, value: Value<'_>) -> Box<EvalError> {
    error::other(format!(
        "argument '{name}' to 'fetchTree' is {} while a string, Boolean or integer is expected",
        print::show_type(value)
    ))
}
