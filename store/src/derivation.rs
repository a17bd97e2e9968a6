//! Derivations: what to build, from which inputs, into which outputs.
//!
//! A derivation is a file in the store in a format called ATerm ([`aterm`]).
//! The paths of its outputs follow from the derivation itself, with its input derivations replaced
//! by hashes that look through fixed outputs ([`modulo`]), so that where a fixed output comes from
//! changes nothing downstream.

pub mod aterm;
pub mod modulo;
pub mod placeholder;

use std::collections::{BTreeMap, BTreeSet};

use crate::content_address::{ContentAddress, ContentMethod};
use crate::hash::{Hash, HashAlgorithm};
use crate::path::{PathError, StoreDirectory, StorePath, output_name};

/// The suffix of a derivation's file name.
pub const EXTENSION: &str = ".drv";

/// A derivation as its file describes it, and its name, which the file itself does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Derivation {
    /// The name of the `.drv` file without its extension.
    pub name: String,
    /// The outputs by name.
    pub outputs: BTreeMap<String, Output>,
    /// The derivations whose outputs are needed, with the names of those outputs.
    pub input_derivations: BTreeMap<StorePath, BTreeSet<String>>,
    /// The derivations that make further derivations, whose outputs are needed: by the names of
    /// the outputs that these are (dynamic derivations).
    pub dynamic_inputs: BTreeMap<StorePath, BTreeMap<String, DynamicInput>>,
    /// The store objects that are needed as they are.
    pub input_sources: BTreeSet<StorePath>,
    /// The platform that the builder runs on, such as `x86_64-linux`.
    pub system: Vec<u8>,
    /// The program to run, or `builtin:NAME`.
    pub builder: Vec<u8>,
    /// The builder's arguments.
    pub arguments: Vec<Vec<u8>>,
    /// The builder's environment; values and names may hold any byte.
    pub environment: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// A derivation that is itself an output, and what is needed of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct DynamicInput {
    /// The names of the outputs that are needed.
    pub outputs: BTreeSet<String>,
    /// The outputs that are derivations in their turn.
    pub made: BTreeMap<String, DynamicInput>,
}

/// What is known of an output before it is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The path follows from the derivation's inputs.
    InputAddressed(StorePath),
    /// The path follows from the contents, whose hash is given.
    Fixed(ContentAddress),
    /// The path follows from contents that only a build can tell.
    Floating {
        /// How the output becomes bytes.
        method: ContentMethod,
        /// The algorithm that hashes them.
        algorithm: HashAlgorithm,
    },
    /// Input-addressed, but an input's path is not known before that input is built.
    Deferred,
    /// Content-addressed and built anew each time.
    Impure {
        /// How the output becomes bytes.
        method: ContentMethod,
        /// The algorithm that hashes them.
        algorithm: HashAlgorithm,
    },
}

/// What the outputs of a derivation have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerivationKind {
    /// Every path follows from the inputs.
    InputAddressed,
    /// As input-addressed, once the inputs have been built.
    Deferred,
    /// One output, `out`, whose contents are known by hash.
    Fixed,
    /// Paths follow from what the build makes.
    Floating,
    /// Built anew each time.
    Impure,
}

/// Why a derivation makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerivationError {
    /// The text of a `.drv` file is malformed.
    #[error("error parsing derivation '{name}' at byte {offset}: {problem}")]
    Malformed {
        /// The derivation's name.
        name: String,
        /// Where, in bytes from the beginning.
        offset: usize,
        /// What was expected there.
        problem: String,
    },
    /// A derivation without outputs.
    #[error("derivation '{name}' has no outputs")]
    NoOutputs {
        /// The derivation's name.
        name: String,
    },
    /// Outputs of different kinds.
    #[error("derivation '{name}' mixes kinds of outputs")]
    MixedOutputs {
        /// The derivation's name.
        name: String,
    },
    /// Fixed outputs other than a single one called `out`.
    #[error("derivation '{name}' must have a single fixed output, named 'out'")]
    FixedOutputs {
        /// The derivation's name.
        name: String,
    },
    /// A path in it is none, or its name cannot be that of a store object.
    #[error("in derivation '{name}'")]
    Path {
        /// The derivation's name.
        name: String,
        /// What is wrong with the path.
        source: PathError,
    },
    /// An input derivation has no output of that name.
    #[error("derivation '{input}', an input of '{name}', has no output '{output}'")]
    NoSuchOutput {
        /// The derivation's name.
        name: String,
        /// The input derivation.
        input: StorePath,
        /// The output asked for.
        output: String,
    },
    /// An output's path is not the one that follows from the derivation.
    #[error("derivation '{name}' has incorrect output '{found}', should be '{expected}'")]
    WrongOutput {
        /// The derivation's name.
        name: String,
        /// The path in the file.
        found: String,
        /// The path that follows.
        expected: String,
    },
    /// An input derivation could not be read.
    #[error("cannot read derivation '{input}', an input of '{name}': {problem}")]
    Input {
        /// The derivation's name.
        name: String,
        /// The input derivation.
        input: StorePath,
        /// Why not.
        problem: String,
    },
}

impl Output {
    /// Returns the output's path if it is known before a build.
    ///
    /// # Errors
    ///
    /// A derivation name or output name that cannot be part of a store path.
    pub fn path(
        &self,
        directory: &StoreDirectory,
        derivation: &str,
        output: &str,
    ) -> Result<Option<StorePath>, PathError> {
        match self {
            Output::InputAddressed(path) => Ok(Some(path.clone())),
            Output::Fixed(address) => {
                let name = output_name(derivation, output);
                directory.content_path(&name, address, [], false).map(Some)
            }
            Output::Floating { .. } | Output::Deferred | Output::Impure { .. } => Ok(None),
        }
    }

    fn kind(&self) -> DerivationKind {
        match self {
            Output::InputAddressed(_) => DerivationKind::InputAddressed,
            Output::Fixed(_) => DerivationKind::Fixed,
            Output::Floating { .. } => DerivationKind::Floating,
            Output::Deferred => DerivationKind::Deferred,
            Output::Impure { .. } => DerivationKind::Impure,
        }
    }
}

impl Derivation {
    /// Returns the kind that all outputs share.
    ///
    /// # Errors
    ///
    /// No outputs, outputs of several kinds, or fixed outputs other than one called `out`.
    pub fn kind(&self) -> Result<DerivationKind, DerivationError> {
        let mut kinds = self.outputs.values().map(Output::kind);
        let Some(kind) = kinds.next() else {
            return Err(DerivationError::NoOutputs { name: self.name.clone() });
        };
        if kinds.any(|other| other != kind) {
            return Err(DerivationError::MixedOutputs { name: self.name.clone() });
        }
        let only_out = self.outputs.len() == 1 && self.outputs.contains_key("out");
        if kind == DerivationKind::Fixed && !only_out {
            return Err(DerivationError::FixedOutputs { name: self.name.clone() });
        }
        Ok(kind)
    }

    /// Returns whether the builder is one of ours rather than a program.
    pub fn is_builtin(&self) -> bool {
        self.builder.starts_with(b"builtin:")
    }

    /// Returns the value of the environment variable `name`.
    pub fn variable(&self, name: &str) -> Option<&[u8]> {
        self.environment.get(name.as_bytes()).map(Vec::as_slice)
    }

    /// Returns the paths of the outputs that are known before a build, by output name.
    ///
    /// # Errors
    ///
    /// Names that cannot be part of a store path.
    pub fn output_paths(
        &self,
        directory: &StoreDirectory,
    ) -> Result<BTreeMap<String, Option<StorePath>>, DerivationError> {
        self.outputs
            .iter()
            .map(|(name, output)| {
                let path = output
                    .path(directory, &self.name, name)
                    .map_err(|source| self.path_error(source))?;
                Ok((name.clone(), path))
            })
            .collect()
    }

    /// Returns what the derivation's file refers to: its sources and its input derivations.
    ///
    /// The outputs are no references, so that a collection may take them and leave the file.
    pub fn references(&self) -> BTreeSet<StorePath> {
        let derivations = self.input_derivations.keys().chain(self.dynamic_inputs.keys());
        self.input_sources.iter().chain(derivations).cloned().collect()
    }

    /// Returns the path of the derivation's file, whose contents are `text`.
    ///
    /// # Errors
    ///
    /// A name that cannot be part of a store path.
    pub fn file_path(
        &self,
        directory: &StoreDirectory,
        text: &[u8],
    ) -> Result<StorePath, DerivationError> {
        let name = format!("{}{EXTENSION}", self.name);
        directory
            .text_path(&name, &Hash::sha256(text), &self.references())
            .map_err(|source| self.path_error(source))
    }

    fn path_error(&self, source: PathError) -> DerivationError {
        DerivationError::Path { name: self.name.clone(), source }
    }
}

#[cfg(test)]
mod tests;
