//! String contexts: what a string depends on, looked at and changed.

use std::collections::BTreeMap;

use store::StorePath;

use super::argument::Inner;
use crate::builtins;
use crate::builtins::table::wrong_type;
use crate::coerce::{self, Mode, Purpose, plain_string};
use crate::context::{Derived, Element, decode_all, encode_all};
use crate::error::{self, EvalError, Result};
use crate::heap::{Attrs, AttrsBuilder, Slot, Str, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::realise;
use crate::source::Position;

builtins! {
    /// Returns the string `text` without its dependencies.
    ///
    /// ```nix
    /// builtins.hasContext (builtins.unsafeDiscardStringContext (builtins.toFile "x" "y"))
    /// # => false
    /// ```
    "unsafeDiscardStringContext"(text: Inner<'h>) => unsafe_discard_string_context;

    /// Returns whether the string `text` depends on anything.
    ///
    /// ```nix
    /// builtins.hasContext "x"                       # => false
    /// builtins.hasContext (builtins.toFile "x" "")  # => true
    /// ```
    "hasContext"(text: Str<'h>) => has_context;

    /// Returns the string `text` so that it depends on derivations' files only, where it depended
    /// on them and everything they build.
    ///
    /// ```nix
    /// builtins.unsafeDiscardOutputDependency "x"  # => "x"
    /// ```
    "unsafeDiscardOutputDependency"(text: Inner<'h>) => unsafe_discard_output_dependency;

    /// Returns the string `text`, which depends on one derivation's file, so that it depends on
    /// everything that the derivation builds, too.
    ///
    /// ```nix
    /// builtins.addDrvOutputDependencies "x"
    /// # error: context of string 'x' must have exactly one element, but has 0
    /// ```
    "addDrvOutputDependencies"(text: Inner<'h>) => add_drv_output_dependencies;

    /// Returns what the string `text` depends on: a set by store path.
    ///
    /// Each attribute says how: `path`, `allOutputs`, or some `outputs`.
    ///
    /// ```nix
    /// builtins.attrValues (builtins.getContext (builtins.toFile "x" ""))
    /// # => [ { path = true; } ]
    /// ```
    "getContext"(text: Str<'h>) => get_context;

    /// Returns the string `text`, which then depends on what `context` says as well.
    ///
    /// `context` has the form that `getContext` returns.
    ///
    /// ```nix
    /// builtins.appendContext "x" { }  # => "x"
    /// builtins.appendContext "x" { y = { }; }  # error: context key 'y' is not a store path
    /// ```
    "appendContext"(text: Str<'h>, context: Attrs<'h>) => append_context;
}

fn coerced<'h>(eval: &mut Eval<'h>, value: Value<'h>, text: &str) -> Result<Str<'h>> {
    let purpose = Purpose { position: Position::NONE, text };
    coerce::to_string_for(eval, value, Mode::Interpolate, purpose)
}

fn unsafe_discard_string_context<'h>(
    eval: &mut Eval<'h>,
    Inner(value): Inner<'h>,
) -> Result<Value<'h>> {
    let step = "while evaluating the argument passed to builtins.unsafeDiscardStringContext";
    let string = coerced(eval, value, step)?;
    Ok(Value::string(eval.heap(), Str::new(string.bytes())))
}

fn has_context<'h>(_: &mut Eval<'h>, string: Str<'h>) -> Result<Value<'h>> {
    Ok(Value::bool(string.context().is_some()))
}

fn unsafe_discard_output_dependency<'h>(
    eval: &mut Eval<'h>,
    Inner(value): Inner<'h>,
) -> Result<Value<'h>> {
    let step = "while evaluating the argument passed to builtins.unsafeDiscardOutputDependency";
    let string = coerced(eval, value, step)?;
    let elements: Vec<Element> = decode_all(string.context())?
        .into_iter()
        .map(|element| match element {
            Element::Deep(path) => Element::Opaque(path),
            other @ (Element::Opaque(_) | Element::Built { .. }) => other,
        })
        .collect();
    let heap = eval.heap();
    Ok(Value::string(heap, Str::with_context(string.bytes(), encode_all(heap, &elements))))
}

fn add_drv_output_dependencies<'h>(
    eval: &mut Eval<'h>,
    Inner(value): Inner<'h>,
) -> Result<Value<'h>> {
    let step = "while evaluating the argument passed to builtins.addDrvOutputDependencies";
    let string = coerced(eval, value, step)?;
    let elements = decode_all(string.context())?;
    let element = match elements.as_slice() {
        [Element::Deep(path)] => Element::Deep(path.clone()),
        [Element::Opaque(path)] if path.is_derivation() => Element::Deep(path.clone()),
        [Element::Opaque(path)] => {
            let path = eval.store().directory().display(path);
            return Err(error::other(format!("path '{path}' is not a derivation")));
        }
        [Element::Built { output, .. }] => {
            return Err(error::other(format!(
                "`addDrvOutputDependencies` can only act on derivations, not on a derivation \
                 output such as '{output}'"
            )));
        }
        _ => {
            return Err(error::other(format!(
                "context of string '{}' must have exactly one element, but has {}",
                string.to_text(),
                elements.len()
            )));
        }
    };
    let heap = eval.heap();
    Ok(Value::string(heap, Str::with_context(string.bytes(), encode_all(heap, &[element]))))
}

/// How a string depends on one store path.
#[derive(Default)]
struct Dependency {
    path: bool,
    all_outputs: bool,
    outputs: Vec<String>,
}

fn get_context<'h>(eval: &mut Eval<'h>, string: Str<'h>) -> Result<Value<'h>> {
    let mut dependencies: BTreeMap<StorePath, Dependency> = BTreeMap::new();
    for element in decode_all(string.context())? {
        match element {
            Element::Opaque(path) => dependencies.entry(path).or_default().path = true,
            Element::Deep(path) => dependencies.entry(path).or_default().all_outputs = true,
            Element::Built { derivation: Derived::Path(path), output } => {
                dependencies.entry(path).or_default().outputs.push(output);
            }
            Element::Built { derivation, output: _ } => return Err(unbuilt(eval, &derivation)),
        }
    }
    let heap = eval.heap();
    let mut attrs = AttrsBuilder::with_capacity(dependencies.len());
    for (path, dependency) in dependencies {
        let mut info = AttrsBuilder::default();
        if dependency.path {
            info.push(names().path, Value::bool(true));
        }
        if dependency.all_outputs {
            info.push_named("allOutputs", Value::bool(true));
        }
        if !dependency.outputs.is_empty() {
            let outputs: Vec<Value<'h>> = dependency
                .outputs
                .iter()
                .map(|output| Value::string_from(heap, output.as_bytes()))
                .collect();
            let slots = heap.arena().alloc_slice_with(outputs.len(), |index| {
                Slot::of(outputs.get(index).copied().unwrap_or(Value::NULL))
            });
            info.push(names().outputs, Value::list(slots));
        }
        attrs.push_named(&eval.store().directory().display(&path), info.finish_value(heap));
    }
    Ok(attrs.finish_value(heap))
}

/// Returns the error of a derivation that is the output of one that is not built yet.
fn unbuilt(eval: &Eval<'_>, made: &Derived) -> Box<EvalError> {
    let (mut maker, mut made_as) = (made, "");
    while let Derived::Output { derivation, output } = maker {
        (maker, made_as) = (derivation, output);
    }
    let maker = maker.display(eval.store().directory());
    error::other(format!(
        "cannot operate on output '{made_as}' of the unbuilt derivation '{maker}'"
    ))
}

fn append_context<'h>(
    eval: &mut Eval<'h>,
    string: Str<'h>,
    context: Attrs<'h>,
) -> Result<Value<'h>> {
    let heap = eval.heap();
    let mut elements = decode_all(string.context())?;
    for attr in context.iter_by_name(heap) {
        let name = attr.name.to_text();
        let Ok(path) = eval.store().directory().parse(&name) else {
            return Err(
                error::other(format!("context key '{name}' is not a store path")).at(attr.position)
            );
        };
        if !eval.settings().read_only {
            realise::ensure(eval, &path)?;
        }
        let value = eval.force(attr.slot)?;
        let Some(info) = value.as_attrs() else { return Err(wrong_type(eval, "a set", value)) };
        append_dependency(eval, info, &path, &mut elements)
            .map_err(|error| error.at(attr.position))?;
    }
    Ok(Value::string(heap, Str::with_context(string.bytes(), encode_all(heap, &elements))))
}

/// Adds what one attribute of a context says about `path`.
fn append_dependency<'h>(
    eval: &mut Eval<'h>,
    info: Attrs<'h>,
    path: &StorePath,
    elements: &mut Vec<Element>,
) -> Result<()> {
    let shown = eval.store().directory().display(path);
    if flag(eval, info, b"path")? {
        elements.push(Element::Opaque(path.clone()));
    }
    if flag(eval, info, b"allOutputs")? {
        if !path.is_derivation() {
            return Err(error::other(format!(
                "tried to add all-outputs context of {shown}, which is not a derivation, to a \
                 string"
            )));
        }
        elements.push(Element::Deep(path.clone()));
    }
    let Some(slot) = info.get(names().outputs) else { return Ok(()) };
    let value = eval.force(slot)?;
    let Some(outputs) = value.as_list() else { return Err(wrong_type(eval, "a list", value)) };
    if !outputs.is_empty() && !path.is_derivation() {
        return Err(error::other(format!(
            "tried to add derivation output context of {shown}, which is not a derivation, to a \
             string"
        )));
    }
    for slot in outputs {
        let value = eval.force(slot)?;
        let output = plain_string(eval, value)?.to_text().into_owned();
        elements.push(Element::Built { derivation: Derived::Path(path.clone()), output });
    }
    Ok(())
}

/// Returns a boolean attribute, false when it is missing.
fn flag<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>, name: &[u8]) -> Result<bool> {
    let Some(slot) = attrs.named(name) else { return Ok(false) };
    let value = eval.force(slot)?;
    value.as_bool().ok_or_else(|| wrong_type(eval, "a Boolean", value))
}
