//! What a builder finds in its environment variables and in its build directory.
//!
//! Both are those of CppNix, variable for variable: a builder's output may depend on any of them.

use std::collections::BTreeMap;

use memchr::memmem;
use serde_json::Value;

use super::attributes::{Attributes, words};
use super::shell;
use crate::derivation::placeholder::placeholder;
use crate::derivation::{Derivation, DerivationKind};
use crate::hash::Hash;

/// What a builder is given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Environment {
    /// Its variables.
    pub(super) variables: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The files in its build directory, by name.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// Where a build takes place, in the builder's eyes.
pub(super) struct Setting<'a> {
    /// The logical store directory.
    pub(super) store_directory: &'a str,
    /// The build directory.
    pub(super) build_directory: &'a str,
    /// How many processors to use; zero for all.
    pub(super) cores: u64,
    /// The variables of the caller, for those that a fixed-output derivation may have.
    pub(super) callers: &'a dyn Fn(&str) -> Option<Vec<u8>>,
    /// Texts to replace in everything: placeholders and redirected hash parts.
    pub(super) rewrites: &'a Rewrites,
    /// The texts of `exportReferencesGraph`: for files, or as JSON for structured attributes.
    pub(super) graphs: &'a BTreeMap<String, Graph>,
}

/// A reference graph in the two forms that builders are given.
#[derive(Debug, Clone)]
pub(super) enum Graph {
    /// As the contents of a file.
    Text(String),
    /// As a structured attribute.
    Json(Value),
}

/// Texts to replace by others.
#[derive(Debug, Default, Clone)]
pub(super) struct Rewrites(pub(super) BTreeMap<Vec<u8>, Vec<u8>>);

impl Rewrites {
    /// Replaces every text in turn, in their order.
    pub(super) fn apply(&self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        for (from, to) in &self.0 {
            if memmem::find(&text, from).is_none() {
                continue;
            }
            let mut replaced = Vec::with_capacity(text.len());
            let mut rest = text.as_slice();
            while let Some(at) = memmem::find(rest, from) {
                let (before, found) = rest.split_at(at);
                replaced.extend_from_slice(before);
                replaced.extend_from_slice(to);
                rest = found.get(from.len()..).unwrap_or_default();
            }
            replaced.extend_from_slice(rest);
            text = replaced;
        }
        text
    }
}

impl Environment {
    /// Returns what the builder of `derivation` is given.
    ///
    /// # Errors
    ///
    /// If the attributes are malformed.
    pub(super) fn new(
        derivation: &Derivation,
        attributes: &Attributes<'_>,
        setting: &Setting<'_>,
    ) -> Result<Self, String> {
        let mut environment = Self::default();
        environment.add_fixed(setting);
        if attributes.structured().is_some() {
            environment.add_structured(derivation, attributes, setting);
        } else {
            environment.add_strings(derivation, attributes, setting)?;
        }
        for name in ["NIX_BUILD_TOP", "TMPDIR", "TEMPDIR", "TMP", "TEMP", "PWD"] {
            environment.set(name, setting.build_directory);
        }
        // CppNix, LocalDerivationGoal::initEnv: old fetchers check the hash without this.
        let is_fixed = derivation.kind() == Ok(DerivationKind::Fixed);
        if is_fixed {
            environment.set("NIX_OUTPUT_CHECKED", "1");
        }
        if is_fixed || derivation.kind() == Ok(DerivationKind::Impure) {
            for name in attributes.texts("impureEnvVars")?.unwrap_or_default() {
                let value = (setting.callers)(&name).unwrap_or_default();
                environment.variables.insert(name.into_bytes(), value);
            }
        }
        environment.set("NIX_LOG_FD", "2");
        environment.set("TERM", "xterm-256color");
        for value in environment.variables.values_mut().chain(environment.files.values_mut()) {
            *value = setting.rewrites.apply(value);
        }
        Ok(environment)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.as_bytes().to_vec(), value.as_bytes().to_vec());
    }

    /// Values that make programs look nowhere by default.
    fn add_fixed(&mut self, setting: &Setting<'_>) {
        self.set("PATH", "/path-not-set");
        self.set("HOME", HOME);
        self.set("NIX_STORE", setting.store_directory);
        self.set("NIX_BUILD_CORES", &setting.cores.to_string());
    }

    /// The attributes as variables, those in `passAsFile` as files.
    fn add_strings(
        &mut self,
        derivation: &Derivation,
        attributes: &Attributes<'_>,
        setting: &Setting<'_>,
    ) -> Result<(), String> {
        let as_file = words(&attributes.text("passAsFile")?.unwrap_or_default());
        for (name, value) in &derivation.environment {
            if !as_file.iter().any(|it| it.as_bytes() == name) {
                self.variables.insert(name.clone(), value.clone());
                continue;
            }
            let file = format!(".attr-{}", Hash::sha256(name).to_base32());
            let path = format!("{}/{file}", setting.build_directory);
            self.variables.insert([name, &b"Path"[..]].concat(), path.into_bytes());
            self.files.insert(file, value.clone());
        }
        for (file, graph) in setting.graphs {
            if let Graph::Text(text) = graph {
                self.files.insert(file.clone(), text.clone().into_bytes());
            }
        }
        Ok(())
    }

    /// The attributes as a JSON text and as declarations for bash.
    fn add_structured(
        &mut self,
        derivation: &Derivation,
        attributes: &Attributes<'_>,
        setting: &Setting<'_>,
    ) {
        let mut all = attributes.structured().cloned().unwrap_or_default();
        let outputs = derivation
            .outputs
            .keys()
            .map(|output| {
                let path = setting.rewrites.apply(placeholder(output).as_bytes());
                (output.clone(), Value::String(String::from_utf8_lossy(&path).into_owned()))
            })
            .collect();
        all.insert("outputs".to_owned(), Value::Object(outputs));
        for (name, graph) in setting.graphs {
            if let Graph::Json(value) = graph {
                all.insert(name.clone(), value.clone());
            }
        }
        let files = [
            ("NIX_ATTRS_SH_FILE", ".attrs.sh", shell::shell_text(&all).into_bytes()),
            ("NIX_ATTRS_JSON_FILE", ".attrs.json", shell::json_text(&all)),
        ];
        for (variable, file, text) in files {
            self.set(variable, &format!("{}/{file}", setting.build_directory));
            self.files.insert(file.to_owned(), text);
        }
    }
}

/// A home directory that does not exist, so that no program takes one from the list of users.
pub(super) const HOME: &str = "/homeless-shelter";
