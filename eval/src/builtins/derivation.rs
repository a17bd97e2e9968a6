//! Derivations: instantiating them, and strings that stand for their outputs.

mod draft;
mod instantiate;

pub(crate) use instantiate::{empty_hash, output_string};

use store::StorePath;
use store::derivation::placeholder::placeholder;

use crate::builtins;
use crate::coerce::{plain_string, without_context};
use crate::context::{Derived, Element, decode_all, encode_all, placeholder_of};
use crate::error::{self, FrameKind, Result};
use crate::heap::{Attrs, Str, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::print::show_position;
use crate::source::Position;

builtins! {
    /// Instantiates the derivation that a set describes and returns its `drvPath` and the path of
    /// each output.
    ///
    /// `derivation` is the lazy front of this; use that.
    /// Every attribute is forced, turned into a string and becomes a variable of the builder's
    /// environment, in order of the names.
    ///
    /// ```nix
    /// (derivationStrict { name = "x"; system = "s"; builder = "b"; }).drvPath
    /// # => "/nix/store/5wq5jx7219pmi3xklyhl77fjbqvy6qaj-x.drv"
    /// derivationStrict { name = "x"; system = "s"; }
    /// # error: required attribute 'builder' missing
    /// ```
    global "derivationStrict"(attributes: Attrs<'h>) => derivation_strict;

    /// Returns what stands for the path of the output `output` of the derivation that uses it.
    ///
    /// The builder finds the path itself in its place.
    ///
    /// ```nix
    /// placeholder "out"  # => "/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9"
    /// ```
    global "placeholder"(output: Str<'h>) => placeholder_builtin;

    /// Returns the output `output` of the derivation that `derivation` stands for, which may itself
    /// be the output of a derivation.
    ///
    /// ```nix
    /// builtins.outputOf "x" "out"  # error: string 'x' has 0 entries in its context
    /// ```
    "outputOf" feature "dynamic-derivations" (derivation: Str<'h>, output: Str<'h>) => output_of;
}

fn derivation_strict<'h>(eval: &mut Eval<'h>, attributes: Attrs<'h>) -> Result<Value<'h>> {
    let Some(name_attr) = attributes.attr(names().name) else {
        return Err(error::missing_attribute("name", Vec::new()).frame(
            Position::NONE,
            FrameKind::Evaluator,
            "in the attrset passed as argument to builtins.derivationStrict",
        ));
    };
    let name = eval.force(name_attr.slot).and_then(|value| plain_string(eval, value));
    let name = name.map_err(|error| {
        let step = "while evaluating the `name` attribute passed to builtins.derivationStrict";
        let error = error.frame(Position::NONE, FrameKind::Evaluator, step);
        let step = "while evaluating the derivation attribute 'name'";
        error.frame(name_attr.position, FrameKind::Evaluator, step)
    })?;
    instantiate::instantiate(eval, attributes, name.bytes()).map_err(|error| {
        let place = show_position(eval, name_attr.position);
        let name = name.to_text();
        let step = format!(
            "while evaluating derivation '{name}'\n  whose name attribute is located at {place}"
        );
        error.frame(Position::NONE, FrameKind::Evaluator, step)
    })
}

fn placeholder_builtin<'h>(eval: &mut Eval<'h>, output: Str<'h>) -> Result<Value<'h>> {
    without_context(eval, output)?;
    Ok(Value::string_from(eval.heap(), placeholder(&output.to_text()).as_bytes()))
}

fn output_of<'h>(eval: &mut Eval<'h>, derivation: Str<'h>, output: Str<'h>) -> Result<Value<'h>> {
    let derivation = derived(derivation).map_err(|error| {
        let step = "while evaluating the first argument to builtins.outputOf";
        error.frame(Position::NONE, FrameKind::Evaluator, step)
    })?;
    without_context(eval, output)?;
    let base = derivation.base();
    if !eval.store().is_valid(base).map_err(|error| error::store(&error))? {
        let base = eval.store().directory().display(base);
        return Err(error::io(format!("path '{base}' is not a valid store path")));
    }
    let output = output.to_text().into_owned();
    let text = match known_path(eval, &derivation, &output)? {
        Some(path) => eval.store().directory().display(&path),
        None => placeholder_of(&derivation, &output),
    };
    let heap = eval.heap();
    let context = encode_all(heap, &[Element::Built { derivation, output }]);
    let bytes = heap.arena().alloc_bytes(text.as_bytes());
    Ok(Value::string(heap, Str::with_context(bytes, context)))
}

/// Returns the derivation that a string stands for: its one dependency.
fn derived(text: Str<'_>) -> Result<Derived> {
    let elements = decode_all(text.context())?;
    match elements.as_slice() {
        [Element::Opaque(path)] => Ok(Derived::Path(path.clone())),
        [Element::Built { derivation, output }] => {
            Ok(Derived::Output { derivation: Box::new(derivation.clone()), output: output.clone() })
        }
        [Element::Deep(_)] => Err(error::other(format!(
            "string '{}' has a context which refers to a complete source and binary closure. This \
             is not supported at this time",
            text.to_text()
        ))),
        _ => Err(error::other(format!(
            "string '{}' has {} entries in its context. It should only have exactly one entry",
            text.to_text(),
            elements.len()
        ))),
    }
}

/// Returns the path of an output, if it follows from a derivation that is there.
fn known_path(eval: &Eval<'_>, derivation: &Derived, output: &str) -> Result<Option<StorePath>> {
    let Derived::Path(path) = derivation else { return Ok(None) };
    let store = eval.store();
    let shown = store.directory().display(path);
    let derivation = store.read_derivation(path).map_err(|error| error::store(&error))?;
    let Some(found) = derivation.outputs.get(output) else {
        return Err(error::other(format!("derivation '{shown}' does not have output '{output}'")));
    };
    found.path(store.directory(), &derivation.name, output).map_err(|error| error::store(&error))
}
