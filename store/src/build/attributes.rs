//! What a derivation's attributes ask of the build itself.
//!
//! They come from the environment as strings, or, with structured attributes, from the JSON text
//! in the variable `__json` as what they are.

use serde_json::{Map, Value};

use crate::derivation::Derivation;

/// The variable that holds structured attributes.
pub(super) const STRUCTURED: &str = "__json";

/// A derivation's attributes, by name.
pub(super) struct Attributes<'d> {
    derivation: &'d Derivation,
    structured: Option<Map<String, Value>>,
}

/// What the references of an output are checked for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct OutputChecks {
    /// Whether a reference to itself never counts.
    pub(super) ignores_self: bool,
    /// The most that the output's archive may have, in bytes.
    pub(super) size_max: Option<u64>,
    /// The most that the archives of its closure may have together, in bytes.
    pub(super) closure_size_max: Option<u64>,
    /// Store paths or names of outputs, as written.
    pub(super) allowed_references: Option<Vec<String>>,
    pub(super) allowed_requisites: Option<Vec<String>>,
    pub(super) disallowed_references: Option<Vec<String>>,
    pub(super) disallowed_requisites: Option<Vec<String>>,
}

impl<'d> Attributes<'d> {
    /// Reads the attributes of `derivation`.
    ///
    /// # Errors
    ///
    /// If its structured attributes are not a JSON object.
    pub(super) fn new(derivation: &'d Derivation) -> Result<Self, String> {
        let structured = match derivation.variable(STRUCTURED) {
            None => None,
            Some(text) => Some(
                serde_json::from_slice(text)
                    .map_err(|error| format!("cannot process __json attribute: {error}"))?,
            ),
        };
        Ok(Self { derivation, structured })
    }

    /// Returns the structured attributes, if that is what there are.
    pub(super) fn structured(&self) -> Option<&Map<String, Value>> {
        self.structured.as_ref()
    }

    /// Returns a string.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, String> {
        let Some(structured) = &self.structured else { return Ok(self.variable(name)) };
        match structured.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("attribute '{name}' must be a string")),
        }
    }

    /// Returns a Boolean; as a string, only `1` is true.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        let Some(structured) = &self.structured else {
            return Ok(self.variable(name).map_or(default, |text| text == "1"));
        };
        match structured.get(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(format!("attribute '{name}' must be a Boolean")),
        }
    }

    /// Returns a list of strings; as a string, its words.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, String> {
        let Some(structured) = &self.structured else {
            return Ok(self.variable(name).map(|text| words(&text)));
        };
        structured.get(name).map(|value| strings(value, name)).transpose()
    }

    /// Returns what to check the output called `output` for.
    pub(super) fn output_checks(&self, output: &str) -> Result<OutputChecks, String> {
        let Some(structured) = &self.structured else {
            return Ok(OutputChecks {
                ignores_self: true,
                size_max: None,
                closure_size_max: None,
                allowed_references: self.texts("allowedReferences")?,
                allowed_requisites: self.texts("allowedRequisites")?,
                disallowed_references: self.texts("disallowedReferences")?,
                disallowed_requisites: self.texts("disallowedRequisites")?,
            });
        };
        let Some(checks) = structured.get("outputChecks").and_then(|all| all.get(output)) else {
            return Ok(OutputChecks::default());
        };
        let size = |name: &str| match checks.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| format!("attribute '{name}' of 'outputChecks' must be a size")),
        };
        let list = |name| checks.get(name).map(|value| strings(value, name)).transpose();
        Ok(OutputChecks {
            ignores_self: false,
            size_max: size("maxSize")?,
            closure_size_max: size("maxClosureSize")?,
            allowed_references: list("allowedReferences")?,
            allowed_requisites: list("allowedRequisites")?,
            disallowed_references: list("disallowedReferences")?,
            disallowed_requisites: list("disallowedRequisites")?,
        })
    }

    /// Returns whether the references of the output called `output` are to be ignored.
    pub(super) fn discards_references(&self, output: &str) -> bool {
        self.structured
            .as_ref()
            .and_then(|structured| structured.get("unsafeDiscardReferences"))
            .and_then(|outputs| outputs.get(output))
            .is_some_and(|flag| *flag == Value::Bool(true))
    }

    /// Returns the file names and the store paths, as written, whose references are to be told.
    pub(super) fn exported_graphs(&self) -> Result<Vec<(String, Vec<String>)>, String> {
        const NAME: &str = "exportReferencesGraph";
        let Some(structured) = &self.structured else {
            let words = words(&self.variable(NAME).unwrap_or_default());
            let (pairs, rest) = words.as_chunks::<2>();
            if !rest.is_empty() {
                return Err(format!("odd number of tokens in '{NAME}': '{}'", words.join(" ")));
            }
            return pairs
                .iter()
                .map(|[file, path]| {
                    if !is_file_name(file) {
                        return Err(format!("invalid file name '{file}' in '{NAME}'"));
                    }
                    Ok((file.clone(), vec![path.clone()]))
                })
                .collect();
        };
        let Some(Value::Object(graphs)) = structured.get(NAME) else { return Ok(Vec::new()) };
        graphs
            .iter()
            .map(|(key, paths)| {
                let mut flat = Vec::new();
                flatten(paths, &mut flat)?;
                Ok((key.clone(), flat))
            })
            .collect()
    }

    fn variable(&self, name: &str) -> Option<String> {
        let bytes = self.derivation.variable(name)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Splits at blanks, tabs and line ends.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split([' ', '\t', '\n', '\r']).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

fn strings(value: &Value, name: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("attribute '{name}' must be a list of strings");
    let items = value.as_array().ok_or_else(wrong)?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

/// Collects the strings of nested lists.
fn flatten(value: &Value, flat: &mut Vec<String>) -> Result<(), String> {
    match value {
        Value::String(text) => flat.push(text.clone()),
        Value::Array(items) => {
            for item in items {
                flatten(item, flat)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return Err("'exportReferencesGraph' value is not an array or a string".to_owned());
        }
    }
    Ok(())
}

/// Whether `name` is a letter or underscore, then letters, digits, and `_`, `.`, `-`.
fn is_file_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|it| it.is_ascii_alphabetic() || it == b'_')
        && bytes.all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'.' | b'-'))
}
