//! References to flakes: from text to attributes and back.

use crate::builtins;
use crate::builtins::argument::Plain;
use crate::error::{self, Result};
use crate::flake::reference::{Attr, Attrs as Parts, Reference, Refusal};
use crate::heap::{Attrs, AttrsBuilder, Kind, Value};
use crate::interpret::Eval;
use crate::print;

builtins! {
    /// Returns the attributes that the flake reference `reference` stands for.
    ///
    /// ```nix
    /// builtins.parseFlakeRef "github:NixOS/nixpkgs/23.05?dir=lib"
    /// # => { dir = "lib"; owner = "NixOS"; ref = "23.05"; repo = "nixpkgs"; type = "github"; }
    /// builtins.parseFlakeRef "./lib"
    /// # error: flake reference './lib' is not an absolute path
    /// ```
    "parseFlakeRef" feature "flakes" (reference: Plain<'h>) => parse_flake_ref;

    /// Returns the flake reference that `attributes` stand for.
    ///
    /// ```nix
    /// builtins.flakeRefToString { type = "github"; owner = "NixOS"; repo = "nixpkgs"; }
    /// # => "github:NixOS/nixpkgs"
    /// builtins.flakeRefToString { type = "path"; }
    /// # error: input attribute 'path' is missing
    /// ```
    "flakeRefToString" feature "flakes" (attributes: Attrs<'h>) => flake_ref_to_string;
}

fn parse_flake_ref<'h>(eval: &mut Eval<'h>, Plain(text): Plain<'h>) -> Result<Value<'h>> {
    let text = String::from_utf8_lossy(text);
    let verifies = eval.settings().has_feature("verified-fetches");
    let (reference, warnings) = Reference::parse(&text, verifies).map_err(refused)?;
    for warning in warnings {
        eval.system().message(warning.as_bytes());
    }
    let heap = eval.heap();
    let parts = reference.to_attrs();
    let mut attrs = AttrsBuilder::with_capacity(parts.len());
    for (name, value) in parts {
        attrs.push_named(
            &name,
            match value {
                Attr::Text(text) => Value::string_from(heap, text.as_bytes()),
                Attr::Number(number) => Value::int(number.cast_signed()),
                Attr::Bool(value) => Value::bool(value),
            },
        );
    }
    Ok(attrs.finish_value(heap))
}

fn flake_ref_to_string<'h>(eval: &mut Eval<'h>, attributes: Attrs<'h>) -> Result<Value<'h>> {
    let mut parts = Parts::new();
    for attr in attributes.iter_by_name(eval.heap()) {
        let value = eval.force_from(attr.slot, attr.position)?;
        let name = attr.name.to_text().into_owned();
        let part = match value.kind() {
            Kind::Int(number) => match u64::try_from(number) {
                Ok(number) => Attr::Number(number),
                Err(_) => {
                    return Err(error::other(format!(
                        "negative value given for flake ref attr {name}: {number}"
                    )));
                }
            },
            Kind::Bool(value) => Attr::Bool(value),
            Kind::String(text) => Attr::Text(text.to_text().into_owned()),
            _ => {
                let found = print::show_type(value);
                return Err(error::other(format!(
                    "flake reference attribute sets may only contain integers, Booleans, and \
                     strings, but attribute '{name}' is {found}"
                )));
            }
        };
        parts.insert(name, part);
    }
    let verifies = eval.settings().has_feature("verified-fetches");
    let url = Reference::from_attrs(parts, verifies).and_then(|it| it.to_url()).map_err(refused)?;
    Ok(Value::string_from(eval.heap(), url.as_bytes()))
}

#[cold]
fn refused(refusal: Refusal) -> Box<error::EvalError> {
    match refusal {
        Refusal::Url(message) | Refusal::Other(message) => error::other(message),
        Refusal::Feature(feature) => error::feature_disabled(feature),
    }
}
