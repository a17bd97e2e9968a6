//! Store paths: `HASH-NAME` in a store directory, and how each kind is computed.
//!
//! A path's hash part is the SHA-256, folded to 20 bytes, of
//! `TYPE:sha256:INNER DIGEST:STORE DIRECTORY:NAME`; the kinds differ in type and inner digest only.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base32;
use crate::content_address::{ContentAddress, FileMethod};
use crate::hash::{Hash, HashAlgorithm};

/// The length of a path's hash part, in base-32 digits.
pub const HASH_PART_LENGTH: usize = 32;

/// The longest name, in bytes, so that a base name and a suffix fit in a file name.
pub const MAX_NAME_LENGTH: usize = 211;

/// Why a text is not a store path or not a name of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path does not lie directly in the store directory.
    #[error("path '{path}' is not in the Nix store")]
    NotInStore {
        /// The path found.
        path: String,
    },
    /// The base name is shorter than a hash part, a dash and a name.
    #[error("'{base_name}' is too short to be a valid store path")]
    TooShort {
        /// The base name found.
        base_name: String,
    },
    /// The hash part holds a character outside base-32.
    #[error("store path '{base_name}' contains illegal base-32 character '{character}'")]
    HashPart {
        /// The base name found.
        base_name: String,
        /// The offending character.
        character: char,
    },
    /// No dash follows the hash part.
    #[error("store path '{base_name}' has no dash after its hash part")]
    NoDash {
        /// The base name found.
        base_name: String,
    },
    /// The name is empty.
    #[error("name must not be empty")]
    EmptyName,
    /// The name is longer than [`MAX_NAME_LENGTH`].
    #[error("name '{name}' must be no longer than {MAX_NAME_LENGTH} characters")]
    LongName {
        /// The name found.
        name: String,
    },
    /// The name is `.` or `..`, or such a component stands before its first dash.
    #[error("name '{name}' is not valid")]
    DotName {
        /// The name found.
        name: String,
    },
    /// The name holds a character outside `0-9a-zA-Z+-._?=`.
    #[error("name '{name}' contains illegal character '{character}'")]
    NameCharacter {
        /// The name found.
        name: String,
        /// The offending character.
        character: char,
    },
    /// A path that was computed has a name that none may have.
    #[error("path '{base_name}' is not a valid store path: {error}")]
    Computed {
        /// What the path's base name would be.
        base_name: String,
        /// What is wrong with the name.
        error: Box<PathError>,
    },
    /// A store directory must be an absolute path in canonical form.
    #[error("store directory '{directory}' is not an absolute path without `.`, `..` and `//`")]
    Directory {
        /// The directory found.
        directory: String,
    },
}

/// Checks that `name` may follow the hash part of a store path.
///
/// # Errors
///
/// An empty or overlong name, `.`, `..`, `.-…`, `..-…`, or a character outside `0-9a-zA-Z+-._?=`.
pub fn check_name(name: &str) -> Result<(), PathError> {
    if name.is_empty() {
        return Err(PathError::EmptyName);
    }
    if name.len() > MAX_NAME_LENGTH {
        return Err(PathError::LongName { name: name.to_owned() });
    }
    if name.starts_with('.') {
        let first = name.split('-').next().unwrap_or(name);
        if first == "." || first == ".." {
            return Err(PathError::DotName { name: name.to_owned() });
        }
    }
    // All before the first byte that may not be there is ASCII.
    let illegal = name.bytes().position(|byte| !NAME_BYTES[usize::from(byte)]);
    match illegal.and_then(|at| name.get(at..)?.chars().next()) {
        None => Ok(()),
        Some(character) => Err(PathError::NameCharacter { name: name.to_owned(), character }),
    }
}

/// Whether each byte may be in a name.
const NAME_BYTES: [bool; 256] = name_bytes();

const fn name_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let character = byte as u8;
        table[byte] = character.is_ascii_alphanumeric()
            || matches!(character, b'+' | b'-' | b'.' | b'_' | b'?' | b'=');
        byte += 1;
    }
    table
}

/// A store path without its directory: a hash part and a name.
///
/// Ordered by the bytes of its base name, which is the order of every sorted list in the formats.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorePath {
    /// `HASH-NAME`, checked.
    base_name: Arc<str>,
}

impl StorePath {
    /// Returns the path with the hash part `hash` and the name `name`.
    ///
    /// # Errors
    ///
    /// Whatever [`check_name`] refuses.
    pub fn new(hash: &[u8; 20], name: &str) -> Result<StorePath, PathError> {
        check_name(name)?;
        let mut base_name = base32::encode(hash);
        base_name.reserve_exact(name.len() + 1);
        base_name.push('-');
        base_name.push_str(name);
        Ok(StorePath { base_name: base_name.into() })
    }

    /// Reads `HASH-NAME`.
    ///
    /// # Errors
    ///
    /// A hash part that is too short or not base-32, or a name that [`check_name`] refuses.
    pub fn from_base_name(base_name: &str) -> Result<StorePath, PathError> {
        let owned = || base_name.to_owned();
        let Some((hash_part, rest)) = base_name.as_bytes().split_at_checked(HASH_PART_LENGTH)
        else {
            return Err(PathError::TooShort { base_name: owned() });
        };
        if let Some(byte) = hash_part.iter().find(|byte| !base32::is_digit(**byte)) {
            let character = base_name
                .chars()
                .find(|character| !character.is_ascii() || !base32::is_digit(*character as u8))
                .unwrap_or(char::from(*byte));
            return Err(PathError::HashPart { base_name: owned(), character });
        }
        match rest.first() {
            None => return Err(PathError::TooShort { base_name: owned() }),
            Some(b'-') => {}
            Some(_) => return Err(PathError::NoDash { base_name: owned() }),
        }
        check_name(base_name.get(HASH_PART_LENGTH + 1..).unwrap_or_default())?;
        Ok(StorePath { base_name: base_name.into() })
    }

    /// Returns `HASH-NAME`.
    pub fn base_name(&self) -> &str {
        &self.base_name
    }

    /// Returns `HASH-NAME` as an owned text.
    pub fn to_base_name(&self) -> String {
        self.base_name.to_string()
    }

    /// Returns the 32 base-32 digits before the dash.
    pub fn hash_part(&self) -> &str {
        self.base_name.get(..HASH_PART_LENGTH).unwrap_or_default()
    }

    /// Returns the 20 bytes that the hash part stands for.
    pub fn hash_bytes(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        if let Some(decoded) = base32::decode(self.hash_part().as_bytes()) {
            bytes.copy_from_slice(&decoded);
        }
        bytes
    }

    /// Returns the name after the dash.
    pub fn name(&self) -> &str {
        self.base_name.get(HASH_PART_LENGTH + 1..).unwrap_or_default()
    }

    /// Returns whether the name ends in `.drv`.
    pub fn is_derivation(&self) -> bool {
        self.name().strip_suffix(".drv").is_some()
    }
}

impl fmt::Display for StorePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.base_name)
    }
}

impl fmt::Debug for StorePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.base_name)
    }
}

/// The logical directory that store paths lie in, which goes into every one of them.
///
/// Where the files really are is the store's business; see `Store::real_path`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreDirectory {
    directory: Arc<str>,
}

impl Default for StoreDirectory {
    fn default() -> StoreDirectory {
        StoreDirectory { directory: "/nix/store".into() }
    }
}

impl fmt::Display for StoreDirectory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.directory)
    }
}

impl fmt::Debug for StoreDirectory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.directory)
    }
}

impl StoreDirectory {
    /// Returns `directory` as a store directory.
    ///
    /// # Errors
    ///
    /// A relative path, one with `.`, `..`, empty components or a slash at the end, and the root.
    pub fn new(directory: &str) -> Result<StoreDirectory, PathError> {
        let is_canonical = directory.strip_prefix('/').is_some_and(|rest| {
            rest.split('/').all(|component| !matches!(component, "" | "." | ".."))
        });
        if !is_canonical {
            return Err(PathError::Directory { directory: directory.to_owned() });
        }
        Ok(StoreDirectory { directory: directory.into() })
    }

    /// Returns the directory, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.directory
    }

    /// Returns the logical absolute path of `path`.
    pub fn display(&self, path: &StorePath) -> String {
        let mut text = String::with_capacity(self.directory.len() + 1 + path.base_name().len());
        text.push_str(&self.directory);
        text.push('/');
        text.push_str(path.base_name());
        text
    }

    /// Returns the logical absolute path of `path` as a file system path.
    pub fn join(&self, path: &StorePath) -> PathBuf {
        PathBuf::from(self.display(path))
    }

    /// Reads the absolute path of a store object, such as `/nix/store/HASH-NAME`.
    ///
    /// # Errors
    ///
    /// A path that is not directly below this directory, or a base name that is no store path.
    pub fn parse(&self, path: &str) -> Result<StorePath, PathError> {
        match self.strip(path) {
            Some(base_name) if !base_name.contains('/') => StorePath::from_base_name(base_name),
            _ => Err(PathError::NotInStore { path: path.to_owned() }),
        }
    }

    /// Splits a path at or below a store object into the object and what follows it.
    ///
    /// The rest is empty or starts with a slash.
    ///
    /// # Errors
    ///
    /// A path that is not below this directory, or whose first component is no store path.
    pub fn split<'p>(&self, path: &'p str) -> Result<(StorePath, &'p str), PathError> {
        let Some(inner) = self.strip(path) else {
            return Err(PathError::NotInStore { path: path.to_owned() });
        };
        let end = inner.find('/').unwrap_or(inner.len());
        let (base_name, rest) = inner.split_at(end);
        Ok((StorePath::from_base_name(base_name)?, rest))
    }

    /// Returns whether `path` lies below this directory, at whatever depth.
    pub fn contains(&self, path: &Path) -> bool {
        path.strip_prefix(&*self.directory).is_ok_and(|rest| !rest.as_os_str().is_empty())
    }

    fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(&*self.directory)?.strip_prefix('/')
    }

    /// Returns the path of type `kind` whose inner digest is `digest`.
    fn path(&self, kind: &str, digest: &Hash, name: &str) -> Result<StorePath, PathError> {
        let fingerprint =
            format!("{kind}:{}:{}:{}:{name}", digest.algorithm(), digest.to_hex(), self.directory);
        let hash_part = Hash::sha256(fingerprint.as_bytes()).compressed();
        StorePath::new(&hash_part, name).map_err(|error| PathError::Computed {
            base_name: format!("{}-{name}", base32::encode(&hash_part)),
            error: Box::new(error),
        })
    }

    /// Returns `kind` with the references and the self-reference as the formats append them.
    fn kind_with_references<'r>(
        &self,
        kind: &str,
        references: impl IntoIterator<Item = &'r StorePath>,
        self_reference: bool,
    ) -> String {
        let mut text = kind.to_owned();
        for reference in references {
            text.push(':');
            text.push_str(&self.display(reference));
        }
        if self_reference {
            text.push_str(":self");
        }
        text
    }

    /// Returns the path of a text (a `.drv` file or the result of `toFile`).
    ///
    /// `digest` is the SHA-256 of the contents; `references` come sorted.
    ///
    /// # Errors
    ///
    /// Whatever [`check_name`] refuses.
    pub fn text_path<'r>(
        &self,
        name: &str,
        digest: &Hash,
        references: impl IntoIterator<Item = &'r StorePath>,
    ) -> Result<StorePath, PathError> {
        self.path(&self.kind_with_references("text", references, false), digest, name)
    }

    /// Returns the path of a tree named by the SHA-256 of its archive.
    ///
    /// `references` come sorted; `self_reference` says that the tree refers to itself.
    ///
    /// # Errors
    ///
    /// Whatever [`check_name`] refuses.
    pub fn source_path<'r>(
        &self,
        name: &str,
        digest: &Hash,
        references: impl IntoIterator<Item = &'r StorePath>,
        self_reference: bool,
    ) -> Result<StorePath, PathError> {
        let kind = self.kind_with_references("source", references, self_reference);
        self.path(&kind, digest, name)
    }

    /// Returns the path of a fixed output: a file (flat) or an archive (recursive) known by hash.
    ///
    /// # Errors
    ///
    /// Whatever [`check_name`] refuses.
    pub fn fixed_output_path(
        &self,
        name: &str,
        method: FileMethod,
        digest: &Hash,
    ) -> Result<StorePath, PathError> {
        if method == FileMethod::Recursive && digest.algorithm() == HashAlgorithm::Sha256 {
            return self.source_path(name, digest, [], false);
        }
        let description =
            format!("fixed:out:{}{}:{}:", method.prefix(), digest.algorithm(), digest.to_hex());
        self.path("output:out", &Hash::sha256(description.as_bytes()), name)
    }

    /// Returns the path of the object `name` whose content address is `address`.
    ///
    /// # Errors
    ///
    /// Whatever [`check_name`] refuses.
    pub fn content_path<'r>(
        &self,
        name: &str,
        address: &ContentAddress,
        references: impl IntoIterator<Item = &'r StorePath>,
        self_reference: bool,
    ) -> Result<StorePath, PathError> {
        match address {
            ContentAddress::Text(digest) => self.text_path(name, digest, references),
            ContentAddress::Fixed { method: FileMethod::Recursive, digest }
                if digest.algorithm() == HashAlgorithm::Sha256 =>
            {
                self.source_path(name, digest, references, self_reference)
            }
            ContentAddress::Fixed { method, digest } => {
                self.fixed_output_path(name, *method, digest)
            }
        }
    }

    /// Returns the path of the output `output` of the derivation called `name` (without `.drv`).
    ///
    /// `digest` is the derivation's hash modulo its fixed outputs.
    ///
    /// # Errors
    ///
    /// Whatever [`check_name`] refuses.
    pub fn output_path(
        &self,
        name: &str,
        output: &str,
        digest: &Hash,
    ) -> Result<StorePath, PathError> {
        self.path(&format!("output:{output}"), digest, &output_name(name, output))
    }
}

/// Returns the name of an output's store path: the derivation's, with `-OUTPUT` unless it is `out`.
pub fn output_name(derivation: &str, output: &str) -> String {
    if output == "out" { derivation.to_owned() } else { format!("{derivation}-{output}") }
}

#[cfg(test)]
mod tests;
