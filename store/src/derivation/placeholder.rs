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
    Downstream::Known(derivation).placeholder(output)
}

/// A derivation seen by those that need it: a file that is there, or the output of another one.
pub enum Downstream<'d> {
    /// The file.
    Known(&'d StorePath),
    /// The output of this name of a derivation.
    Output(&'d Downstream<'d>, &'d str),
}

impl Downstream<'_> {
    /// Returns what stands for the output `output` of the derivation.
    ///
    /// Source: CppNix, `DownstreamPlaceholder`.
    pub fn placeholder(&self, output: &str) -> String {
        format!("/{}", base32::encode(self.hash(output).bytes()))
    }

    fn hash(&self, output: &str) -> Hash {
        let text = match self {
            Downstream::Known(path) => {
                let name = path.name();
                let name = name.strip_suffix(super::EXTENSION).unwrap_or(name);
                let output = output_name(name, output);
                format!("nix-upstream-output:{}:{output}", path.hash_part())
            }
            Downstream::Output(derivation, made_by) => {
                let compressed = base32::encode(&derivation.hash(made_by).compressed());
                format!("nix-computed-output:{compressed}:{output}")
            }
        };
        Hash::sha256(text.as_bytes())
    }
}
