//! Values as texts in other languages, and back: JSON, XML, TOML.

use super::argument::{Inner, Plain};
use crate::builtins;
use crate::coerce::Text;
use crate::error::{FrameKind, Result};
use crate::heap::Value;
use crate::interpret::Eval;
use crate::source::Position;
use crate::{json, toml, xml};

builtins! {
    /// Returns `value` as JSON text.
    ///
    /// Sets with `__toString` or `outPath` become strings; paths are copied to the store.
    ///
    /// ```nix
    /// builtins.toJSON { b = [ 1 2.5 null ]; a = "x"; }  # => "{\"a\":\"x\",\"b\":[1,2.5,null]}"
    /// builtins.toJSON { outPath = "x"; }  # => "\"x\""
    /// builtins.toJSON (x: x)  # error: cannot convert a function to JSON
    /// ```
    "toJSON"(value: Inner<'h>) => to_json;

    /// Returns the value that the JSON text `text` describes.
    ///
    /// ```nix
    /// builtins.fromJSON "{\"a\": [1, 1.5, null]}"  # => { a = [ 1 1.5 null ]; }
    /// builtins.fromJSON "{\"a\": 1, \"a\": 2}"     # => { a = 2; }
    /// builtins.fromJSON "["  # error: unexpected end of input; expected '[', '{', or a literal
    /// ```
    "fromJSON"(text: Plain<'h>) => from_json;

    /// Returns `value` as XML text.
    ///
    /// Functions are told by their parameters.
    ///
    /// ```nix
    /// builtins.toXML 1
    /// # => "<?xml version='1.0' encoding='utf-8'?>\n<expr>\n  <int value=\"1\" />\n</expr>\n"
    /// ```
    "toXML"(value: Inner<'h>) => to_xml;

    /// Returns the value that the TOML text `text` describes.
    ///
    /// Dates and times need the experimental feature `parse-toml-timestamps`.
    ///
    /// ```nix
    /// fromTOML "x = 1\n[a]\nb = [ true ]"  # => { a = { b = [ true ]; }; x = 1; }
    /// fromTOML "x = "                      # error: while parsing TOML
    /// ```
    global "fromTOML"(text: Plain<'h>) => from_toml;
}

fn to_json<'h>(eval: &mut Eval<'h>, Inner(value): Inner<'h>) -> Result<Value<'h>> {
    let mut text = Text::default();
    json::write(eval, value, json::Options::BUILTIN, &mut text)?;
    Ok(Value::string(eval.heap(), text.finish(eval.heap())))
}

fn from_json<'h>(eval: &mut Eval<'h>, text: Plain<'h>) -> Result<Value<'h>> {
    json::read::read(eval.heap(), text.0).map_err(|error| {
        if error.message.starts_with("[json.exception") {
            let step = "while decoding a JSON string";
            return error.frame(Position::NONE, FrameKind::Evaluator, step);
        }
        error
    })
}

fn to_xml<'h>(eval: &mut Eval<'h>, Inner(value): Inner<'h>) -> Result<Value<'h>> {
    let mut text = Text::default();
    xml::write(eval, value, xml::Options::BUILTIN, &mut text)?;
    Ok(Value::string(eval.heap(), text.finish(eval.heap())))
}

fn from_toml<'h>(eval: &mut Eval<'h>, text: Plain<'h>) -> Result<Value<'h>> {
    let timestamps = eval.settings().has_feature("parse-toml-timestamps");
    toml::read(eval.heap(), text.0, timestamps)
}
