//! A derivation under construction: what each attribute of the set means for it.

use store::Derivation;
use store::content_address::{ContentMethod, FileMethod};
use store::hash::HashAlgorithm;

use crate::builtins::table::wrong_type;
use crate::coerce::{self, Mode, Purpose, Text, plain_string};
use crate::error::{self, FrameKind, Result};
use crate::heap::attrs::Attr;
use crate::heap::{Attrs, Kind, Symbol, Value};
use crate::interpret::Eval;
use crate::json;
use crate::source::Position;

use super::instantiate::require;

/// What the attributes say, before paths are computed.
pub(super) struct Draft<'h> {
    /// Name, system, builder, arguments and environment; no outputs and inputs yet.
    pub(super) derivation: Derivation,
    /// The contexts of all strings in the attributes.
    pub(super) context: Text<'h>,
    /// The names of the outputs, in the order given.
    pub(super) outputs: Vec<String>,
    /// `outputHash`.
    pub(super) output_hash: Option<String>,
    /// `outputHashAlgo`, if it names an algorithm.
    pub(super) algorithm: Option<HashAlgorithm>,
    /// `outputHashMode`.
    pub(super) method: Option<ContentMethod>,
    /// `__contentAddressed`.
    pub(super) is_content_addressed: bool,
    /// `__impure`.
    pub(super) is_impure: bool,
    /// The attributes as JSON, if `__structuredAttrs` is true; the closing brace is missing.
    structured: Option<Text<'h>>,
    ignores_nulls: bool,
}

/// Structured attributes that the older mechanism of the same name does not see.
const UNCHECKED: [&str; 6] = [
    "allowedReferences",
    "allowedRequisites",
    "disallowedReferences",
    "disallowedRequisites",
    "maxSize",
    "maxClosureSize",
];

impl<'h> Draft<'h> {
    /// Reads all attributes of `attrs`, in order of their names.
    ///
    /// # Errors
    ///
    /// Whatever forcing them meets; a value that has no place in an environment; a bad output.
    pub(super) fn new(eval: &mut Eval<'h>, attrs: Attrs<'h>, name: &str) -> Result<Draft<'h>> {
        let structured = flag(eval, attrs, "__structuredAttrs")?.then(|| {
            let mut text = Text::default();
            text.bytes.push(b'{');
            text
        });
        let ignores_nulls = flag(eval, attrs, "__ignoreNulls")?;
        let mut draft = Draft {
            derivation: Derivation { name: name.to_owned(), ..Derivation::default() },
            context: Text::default(),
            outputs: vec!["out".to_owned()],
            output_hash: None,
            algorithm: None,
            method: None,
            is_content_addressed: false,
            is_impure: false,
            structured,
            ignores_nulls,
        };
        for attr in attrs.iter_by_name(eval.heap()) {
            draft.attribute(eval, attr).map_err(|error| {
                let attr_name = attr.name.to_text();
                let step =
                    format!("while evaluating attribute '{attr_name}' of derivation '{name}'");
                error.frame(attr.position, FrameKind::Evaluator, step)
            })?;
        }
        if let Some(mut structured) = draft.structured.take() {
            structured.bytes.push(b'}');
            draft.context.depend(structured.context(eval.heap()));
            draft.derivation.environment.insert(b"__json".to_vec(), structured.bytes);
        }
        Ok(draft)
    }

    fn attribute(&mut self, eval: &mut Eval<'h>, attr: Attr<'h>) -> Result<()> {
        let name = attr.name.as_bytes();
        if name == b"__ignoreNulls" {
            return Ok(());
        }
        let value = eval.force(attr.slot)?;
        if self.ignores_nulls && matches!(value.kind(), Kind::Null) {
            return Ok(());
        }
        match name {
            b"__contentAddressed" => {
                if boolean(eval, value)? {
                    self.is_content_addressed = true;
                    require(eval, "ca-derivations")?;
                }
            }
            b"__impure" => {
                if boolean(eval, value)? {
                    self.is_impure = true;
                    require(eval, "impure-derivations")?;
                }
            }
            b"args" => self.arguments(eval, value)?,
            _ if self.structured.is_some() => self.structured(eval, attr.name, value)?,
            _ => self.variable(eval, name, value)?,
        }
        Ok(())
    }

    fn arguments(&mut self, eval: &mut Eval<'h>, value: Value<'h>) -> Result<()> {
        let Some(list) = value.as_list() else {
            return Err(wrong_type(eval, "a list", value));
        };
        const PURPOSE: Purpose<'static> = Purpose {
            position: Position::NONE,
            text: "while evaluating an element of the argument list",
        };
        for slot in list {
            let element = eval.force(slot)?;
            let string = coerce::to_string_for(eval, element, Mode::Environment, PURPOSE)?;
            self.context.depend(string.context());
            self.derivation.arguments.push(string.bytes().to_vec());
        }
        Ok(())
    }

    /// Takes an attribute as an environment variable.
    fn variable(&mut self, eval: &mut Eval<'h>, name: &[u8], value: Value<'h>) -> Result<()> {
        let string = coerce::to_string(eval, value, Mode::Environment)?;
        self.context.depend(string.context());
        let bytes = string.bytes();
        match name {
            b"builder" => self.derivation.builder = bytes.to_vec(),
            b"system" => self.derivation.system = bytes.to_vec(),
            b"outputs" => {
                let names = bytes
                    .split(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
                    .filter(|name| !name.is_empty());
                self.outputs(names.map(|name| String::from_utf8_lossy(name).into_owned()))?;
            }
            b"__json" => warn_of_json(eval, &self.derivation.name),
            _ => self.fixed_output(eval, name, bytes)?,
        }
        self.derivation.environment.insert(name.to_vec(), bytes.to_vec());
        Ok(())
    }

    /// Takes an attribute as a member of the structured attributes.
    fn structured(&mut self, eval: &mut Eval<'h>, name: Symbol, value: Value<'h>) -> Result<()> {
        if name.as_bytes() == b"__structuredAttrs" {
            return Ok(());
        }
        if let Some(text) = &mut self.structured {
            if text.bytes.len() > 1 {
                text.bytes.push(b',');
            }
            json::write_string(name.as_bytes(), &mut text.bytes)?;
            text.bytes.push(b':');
            json::write(eval, value, json::Options::BUILTIN, text)?;
        }
        match name.as_bytes() {
            b"builder" => {
                let Some(string) = value.as_string() else {
                    return Err(wrong_type(eval, "a string", value));
                };
                self.context.depend(string.context());
                self.derivation.builder = string.bytes().to_vec();
            }
            b"system" => {
                let string = plain_string(eval, value)?;
                self.derivation.system = string.bytes().to_vec();
            }
            b"outputHash" | b"outputHashAlgo" | b"outputHashMode" => {
                let string = plain_string(eval, value)?;
                self.fixed_output(eval, name.as_bytes(), string.bytes())?;
            }
            b"outputs" => {
                let Some(list) = value.as_list() else {
                    return Err(wrong_type(eval, "a list", value));
                };
                let mut names = Vec::with_capacity(list.len());
                for slot in list {
                    let element = eval.force(slot)?;
                    let string = plain_string(eval, element)?;
                    names.push(string.to_text().into_owned());
                }
                self.outputs(names.into_iter())?;
            }
            other => {
                if let Some(name) = UNCHECKED.iter().find(|name| name.as_bytes() == other) {
                    warn_of_check(eval, &self.derivation.name, name);
                }
            }
        }
        Ok(())
    }

    /// Takes one of the attributes that fix an output's contents; others mean nothing here.
    fn fixed_output(&mut self, eval: &mut Eval<'h>, name: &[u8], value: &[u8]) -> Result<()> {
        let text = || String::from_utf8_lossy(value).into_owned();
        match name {
            b"outputHash" => self.output_hash = Some(text()),
            b"outputHashAlgo" => self.algorithm = HashAlgorithm::parse(&text()),
            b"outputHashMode" => {
                self.method = Some(match value {
                    b"recursive" | b"nar" => ContentMethod::File(FileMethod::Recursive),
                    b"flat" => ContentMethod::File(FileMethod::Flat),
                    b"text" => {
                        if !eval.settings().has_feature("dynamic-derivations") {
                            let name = &self.derivation.name;
                            return Err(error::feature_disabled_for(
                                "dynamic-derivations",
                                &format!(
                                    "text-hashed derivation '{name}', outputHashMode = \"text\""
                                ),
                            ));
                        }
                        ContentMethod::Text
                    }
                    b"git" => {
                        require(eval, "git-hashing")?;
                        return Err(error::other("outputHashMode 'git' is not built yet"));
                    }
                    _ => {
                        return Err(error::other(format!(
                            "invalid value '{}' for 'outputHashMode' attribute",
                            text()
                        )));
                    }
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn outputs(&mut self, names: impl Iterator<Item = String>) -> Result<()> {
        self.outputs.clear();
        for name in names {
            if self.outputs.contains(&name) {
                return Err(error::other(format!("duplicate derivation output '{name}'")));
            }
            if name == "drvPath" {
                return Err(error::other("invalid derivation output name 'drvPath'"));
            }
            self.outputs.push(name);
        }
        if self.outputs.is_empty() {
            return Err(error::other("derivation cannot have an empty set of outputs"));
        }
        Ok(())
    }
}

/// Returns a boolean attribute, false when it is missing.
fn flag<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>, name: &str) -> Result<bool> {
    let Some(slot) = attrs.named(name.as_bytes()) else { return Ok(false) };
    let step =
        format!("while evaluating the `{name}` attribute passed to builtins.derivationStrict");
    eval.force(slot)
        .and_then(|value| boolean(eval, value))
        .map_err(|error| error.frame(Position::NONE, FrameKind::Evaluator, step))
}

fn boolean<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<bool> {
    value.as_bool().ok_or_else(|| wrong_type(eval, "a Boolean", value))
}

fn warn_of_check(eval: &Eval<'_>, derivation: &str, attr: &str) {
    let text = format!(
        "warning: In a derivation named '{derivation}', 'structuredAttrs' disables the effect of \
         the derivation attribute '{attr}'; use 'outputChecks.<output>.{attr}' instead"
    );
    eval.system().message(text.as_bytes());
}

fn warn_of_json(eval: &Eval<'_>, derivation: &str) {
    let text = format!(
        "warning: In derivation '{derivation}': setting structured attributes via '__json' is \
         deprecated, and may be disallowed in future versions of Nix. Set '__structuredAttrs = \
         true' instead."
    );
    eval.system().message(text.as_bytes());
}
