//! Placeholders: what stands in a derivation for an output path that is not known yet.

use crate::base32;
use crate::hash::Hash;
use crate::path::{StorePath, output_name};

/// Returns what stands for the derivation's own output `output`, as `builtins.placeholder` does.
pub fn placeholder(output: &str) -> String {
    let digest = Hash::sha256(format!("nix-output:{output}").as_bytes());
    format!("/{}", digest.to_base32())
}

/// Returns what stands for the output `output` of the derivation `derivation` in another one, while
/// only a build can tell its path.
pub fn downstream_placeholder(derivation: &StorePath, output: &str) -> String {
    let name = derivation.name();
    let name = name.strip_suffix(super::EXTENSION).unwrap_or(name);
    let text =
        format!("nix-upstream-output:{}:{}", derivation.hash_part(), output_name(name, output));
    format!("/{}", base32::encode(Hash::sha256(text.as_bytes()).bytes()))
}
