//! The hash of a derivation modulo its fixed-output inputs, from which output paths follow.
//!
//! Every input derivation is replaced by its own such hash; a fixed-output derivation's depends on
//! its content hash alone, so where it fetches from changes no path downstream.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::derivation::aterm::{
    OutputPaths, Text, method_and_algorithm, write_digests, write_with_digests,
};
use crate::derivation::{Derivation, DerivationError, DerivationKind, Output};
use crate::hash::{Hash, HashAlgorithm, Hasher};
use crate::path::{StoreDirectory, StorePath, output_name};

/// A derivation's hash modulo fixed outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashModulo {
    digests: Digests,
    /// Whether an output path in the closure is known only after a build.
    deferred: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Digests {
    /// Every output has this one.
    Same(Hash),
    /// Fixed outputs differ by output.
    ByOutput(Arc<BTreeMap<String, Hash>>),
}

impl HashModulo {
    /// Returns the hash that stands for `output` in the derivations that use it.
    ///
    /// `None` for an output that a fixed-output or impure derivation does not have.
    pub fn digest(&self, output: &str) -> Option<&Hash> {
        match &self.digests {
            Digests::Same(digest) => Some(digest),
            Digests::ByOutput(digests) => digests.get(output),
        }
    }

    /// Returns whether the paths of input-addressed outputs cannot be computed yet.
    pub fn is_deferred(&self) -> bool {
        self.deferred
    }
}

/// Returns the hash of `derivation` as others that use it see it.
///
/// `lookup` gives the hash of an input derivation; it is where a caller keeps them once computed.
///
/// # Errors
///
/// A senseless derivation, a missing output of an input, or whatever `lookup` reports.
pub fn hash_modulo(
    directory: &StoreDirectory,
    derivation: &Derivation,
    lookup: &mut dyn FnMut(&StorePath) -> Result<HashModulo, DerivationError>,
) -> Result<HashModulo, DerivationError> {
    match derivation.kind()? {
        DerivationKind::Fixed => fixed(directory, derivation),
        DerivationKind::Impure => {
            let digest = Hash::sha256(b"impure");
            let digests = derivation.outputs.keys().map(|name| (name.clone(), digest)).collect();
            Ok(HashModulo { digests: Digests::ByOutput(Arc::new(digests)), deferred: true })
        }
        DerivationKind::InputAddressed | DerivationKind::Deferred | DerivationKind::Floating => {
            with_inputs(directory, derivation, OutputPaths::Shown, lookup)
        }
    }
}

/// As [`hash_modulo`], of a derivation whose file has been written already: what is the same in
/// both texts is not written again.
///
/// # Errors
///
/// As [`hash_modulo`].
pub fn hash_modulo_of_text(
    directory: &StoreDirectory,
    derivation: &Derivation,
    text: &Text,
    lookup: &mut dyn FnMut(&StorePath) -> Result<HashModulo, DerivationError>,
) -> Result<HashModulo, DerivationError> {
    if matches!(derivation.kind()?, DerivationKind::Fixed | DerivationKind::Impure) {
        return hash_modulo(directory, derivation, lookup);
    }
    let inputs = Inputs::new(derivation, lookup)?;
    let (before, rest) = text.bytes.split_at(text.inputs.start);
    let after = rest.get(text.inputs.len()..).unwrap_or_default();
    let mut hasher = Hasher::new(HashAlgorithm::Sha256);
    hasher.update(before);
    hasher.update(&write_digests(&inputs.digests));
    hasher.update(after);
    Ok(HashModulo { digests: Digests::Same(hasher.finish()), deferred: inputs.deferred })
}

fn fixed(
    directory: &StoreDirectory,
    derivation: &Derivation,
) -> Result<HashModulo, DerivationError> {
    let mut digests = BTreeMap::new();
    for (name, output) in &derivation.outputs {
        let Output::Fixed(address) = output else { continue };
        let path = directory
            .content_path(&output_name(&derivation.name, name), address, [], false)
            .map_err(|source| derivation.path_error(source))?;
        let description = format!(
            "fixed:out:{}:{}:{}",
            method_and_algorithm(address.method(), address.digest().algorithm()),
            address.digest().to_hex(),
            directory.display(&path)
        );
        digests.insert(name.clone(), Hash::sha256(description.as_bytes()));
    }
    Ok(HashModulo { digests: Digests::ByOutput(Arc::new(digests)), deferred: false })
}

/// What stands for the inputs of a derivation.
struct Inputs<'d> {
    /// Sorted: the digests, each with the outputs that are needed of it.
    digests: Vec<(Hash, &'d str)>,
    /// See [`HashModulo::is_deferred`].
    deferred: bool,
}

impl<'d> Inputs<'d> {
    fn new(
        derivation: &'d Derivation,
        lookup: &mut dyn FnMut(&StorePath) -> Result<HashModulo, DerivationError>,
    ) -> Result<Inputs<'d>, DerivationError> {
        let mut deferred =
            derivation.kind()? == DerivationKind::Floating || !derivation.dynamic_inputs.is_empty();
        let mut digests = Vec::with_capacity(derivation.input_derivations.len() + 8);
        for (input, outputs) in &derivation.input_derivations {
            let modulo = lookup(input)?;
            deferred |= modulo.deferred;
            for output in outputs {
                let Some(digest) = modulo.digest(output) else {
                    return Err(DerivationError::NoSuchOutput {
                        name: derivation.name.clone(),
                        input: input.clone(),
                        output: output.clone(),
                    });
                };
                digests.push((*digest, output.as_str()));
            }
        }
        digests.sort_unstable();
        digests.dedup();
        Ok(Inputs { digests, deferred })
    }
}

fn with_inputs(
    directory: &StoreDirectory,
    derivation: &Derivation,
    paths: OutputPaths,
    lookup: &mut dyn FnMut(&StorePath) -> Result<HashModulo, DerivationError>,
) -> Result<HashModulo, DerivationError> {
    let inputs = Inputs::new(derivation, lookup)?;
    let text = write_with_digests(directory, derivation, paths, &inputs.digests)?;
    Ok(HashModulo { digests: Digests::Same(Hash::sha256(&text)), deferred: inputs.deferred })
}

/// Gives every [`Output::Deferred`] of `derivation` its path, where that is known already, and
/// sets the variable named like it, which the builder finds its output by.
///
/// Outputs stay deferred, and their variables empty, where an input's path is known only after a
/// build.
///
/// # Errors
///
/// As [`hash_modulo`].
pub fn fill_output_paths(
    directory: &StoreDirectory,
    derivation: &mut Derivation,
    lookup: &mut dyn FnMut(&StorePath) -> Result<HashModulo, DerivationError>,
) -> Result<(), DerivationError> {
    if derivation.kind()? != DerivationKind::Deferred {
        return Ok(());
    }
    for name in derivation.outputs.keys() {
        derivation.environment.insert(name.as_bytes().to_vec(), Vec::new());
    }
    let modulo = with_inputs(directory, derivation, OutputPaths::Masked, lookup)?;
    if modulo.is_deferred() {
        return Ok(());
    }
    let Digests::Same(digest) = modulo.digests else { return Ok(()) };
    for (name, output) in &mut derivation.outputs {
        let path = directory
            .output_path(&derivation.name, name, &digest)
            .map_err(|source| DerivationError::Path { name: derivation.name.clone(), source })?;
        derivation
            .environment
            .insert(name.as_bytes().to_vec(), directory.display(&path).into_bytes());
        *output = Output::InputAddressed(path);
    }
    Ok(())
}

/// Checks that the input-addressed outputs of `derivation` are where it says they are.
///
/// # Errors
///
/// An output whose path does not follow from the derivation, or as [`hash_modulo`].
pub fn check_output_paths(
    directory: &StoreDirectory,
    derivation: &Derivation,
    lookup: &mut dyn FnMut(&StorePath) -> Result<HashModulo, DerivationError>,
) -> Result<(), DerivationError> {
    if derivation.kind()? != DerivationKind::InputAddressed {
        return Ok(());
    }
    let modulo = with_inputs(directory, derivation, OutputPaths::Masked, lookup)?;
    for (name, output) in &derivation.outputs {
        let (Output::InputAddressed(found), Some(digest)) = (output, modulo.digest(name)) else {
            continue;
        };
        let expected = directory
            .output_path(&derivation.name, name, digest)
            .map_err(|source| derivation.path_error(source))?;
        if *found != expected || modulo.is_deferred() {
            return Err(DerivationError::WrongOutput {
                name: derivation.name.clone(),
                found: directory.display(found),
                expected: directory.display(&expected),
            });
        }
    }
    Ok(())
}
