//! The `.narinfo` files by which binary caches describe an object and where its archive is.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::content_address::{ContentAddress, ContentAddressError};
use crate::hash::{Hash, HashError, HashFormat};
use crate::path::{PathError, StoreDirectory, StorePath};
use crate::path_info::PathInfo;

/// The most that a `.narinfo` file may hold, in bytes.
pub const MAX_SIZE: usize = 1 << 20;

/// An object as a binary cache describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NarInfo {
    /// The object's record; signatures cover its path, archive hash, archive size and references.
    pub info: PathInfo,
    /// Where the archive is, relative to the cache.
    pub url: String,
    /// How the archive is compressed, such as `xz`; `none` for not at all.
    pub compression: String,
    /// The hash of the compressed archive.
    pub file_hash: Option<Hash>,
    /// The length of the compressed archive in bytes, if stated.
    pub file_size: Option<u64>,
    /// The platform that it was built on, if stated.
    pub system: Option<String>,
}

/// Why a text is no `.narinfo`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NarInfoError {
    /// A line is not `FIELD: VALUE`, or the field stands twice.
    #[error("line {line} of .narinfo is not a field of its own: '{text}'")]
    Line {
        /// The line's number, from one.
        line: usize,
        /// The line.
        text: String,
    },
    /// A field that every such file has is missing.
    #[error(".narinfo has no field '{field}'")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// A number is none, or is zero where it cannot be.
    #[error("field '{field}' of .narinfo is not a size: '{value}'")]
    Number {
        /// The field's name.
        field: &'static str,
        /// The value found.
        value: String,
    },
    /// A path is none.
    #[error("in field '{field}' of .narinfo")]
    Path {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        source: PathError,
    },
    /// A hash is none.
    #[error("in field '{field}' of .narinfo")]
    Hash {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        source: HashError,
    },
    /// The content address is none.
    #[error("in field 'CA' of .narinfo")]
    ContentAddress(#[from] ContentAddressError),
    /// The text is longer than [`MAX_SIZE`].
    #[error(".narinfo is longer than {MAX_SIZE} bytes")]
    TooLong,
}

/// The fields as they stand, each at most once, `Sig` as often as it likes.
#[derive(Default)]
struct Fields<'t> {
    single: Vec<(&'t str, &'t str)>,
    signatures: BTreeSet<String>,
}

impl<'t> Fields<'t> {
    fn read(text: &'t str) -> Result<Fields<'t>, NarInfoError> {
        let mut fields = Fields::default();
        for (index, line) in text.lines().enumerate() {
            let malformed = || NarInfoError::Line { line: index + 1, text: line.to_owned() };
            let (name, value) = line.split_once(':').ok_or_else(malformed)?;
            let value = value.strip_prefix(' ').unwrap_or(value);
            if name == "Sig" {
                fields.signatures.insert(value.to_owned());
                continue;
            }
            if fields.optional(name).is_some() {
                return Err(malformed());
            }
            fields.single.push((name, value));
        }
        Ok(fields)
    }

    fn optional(&self, name: &str) -> Option<&'t str> {
        self.single.iter().find(|(field, _)| *field == name).map(|(_, value)| *value)
    }

    fn required(&self, field: &'static str) -> Result<&'t str, NarInfoError> {
        self.optional(field).ok_or(NarInfoError::Missing { field })
    }
}

fn number(field: &'static str, value: &str) -> Result<u64, NarInfoError> {
    value.parse().map_err(|_| NarInfoError::Number { field, value: value.to_owned() })
}

impl NarInfo {
    /// Reads the contents of a `.narinfo` file for a store in `directory`.
    ///
    /// Believe nothing in it before a signature over [`PathInfo::fingerprint`] is checked,
    /// and the URL, file hash and deriver not even then.
    ///
    /// # Errors
    ///
    /// A missing, doubled or malformed field.
    pub fn parse(directory: &StoreDirectory, text: &str) -> Result<NarInfo, NarInfoError> {
        if text.len() > MAX_SIZE {
            return Err(NarInfoError::TooLong);
        }
        let fields = Fields::read(text)?;
        let hash = |field, value: &str| {
            Hash::parse(value, None).map_err(|source| NarInfoError::Hash { field, source })
        };
        let base_name = |field, value: &str| {
            StorePath::from_base_name(value).map_err(|source| NarInfoError::Path { field, source })
        };
        let path = directory
            .parse(fields.required("StorePath")?)
            .map_err(|source| NarInfoError::Path { field: "StorePath", source })?;
        let size = fields.required("NarSize")?;
        let nar_size = number("NarSize", size)?;
        if nar_size == 0 {
            return Err(NarInfoError::Number { field: "NarSize", value: size.to_owned() });
        }
        let nar_hash = hash("NarHash", fields.required("NarHash")?)?;
        let mut info = PathInfo::new(path, nar_hash, nar_size);
        for reference in fields.optional("References").unwrap_or_default().split_whitespace() {
            info.references.insert(base_name("References", reference)?);
        }
        let deriver = fields.optional("Deriver").filter(|value| *value != "unknown-deriver");
        info.deriver = deriver.map(|value| base_name("Deriver", value)).transpose()?;
        info.content_address = fields
            .optional("CA")
            .filter(|value| !value.is_empty())
            .map(ContentAddress::parse)
            .transpose()?;
        let file_hash = fields.optional("FileHash").map(|value| hash("FileHash", value));
        let file_size = fields.optional("FileSize").map(|value| number("FileSize", value));
        let narinfo = NarInfo {
            url: fields.required("URL")?.to_owned(),
            compression: fields.optional("Compression").unwrap_or("bzip2").to_owned(),
            file_hash: file_hash.transpose()?,
            file_size: file_size.transpose()?,
            system: fields.optional("System").map(str::to_owned),
            info: PathInfo { signatures: fields.signatures, ..info },
        };
        Ok(narinfo)
    }

    /// Writes the file's contents.
    pub fn to_text(&self, directory: &StoreDirectory) -> String {
        let info = &self.info;
        let mut text = String::new();
        let mut field = |name: &str, value: &str| {
            let _ = writeln!(text, "{name}: {value}");
        };
        field("StorePath", &directory.display(&info.path));
        field("URL", &self.url);
        field("Compression", &self.compression);
        if let Some(hash) = &self.file_hash {
            field("FileHash", &hash.prefixed(HashFormat::Base32));
        }
        if let Some(size) = self.file_size {
            field("FileSize", &size.to_string());
        }
        field("NarHash", &info.nar_hash.prefixed(HashFormat::Base32));
        field("NarSize", &info.nar_size.to_string());
        let references: Vec<&str> = info.references.iter().map(StorePath::base_name).collect();
        field("References", &references.join(" "));
        if let Some(deriver) = &info.deriver {
            field("Deriver", deriver.base_name());
        }
        if let Some(system) = &self.system {
            field("System", system);
        }
        for signature in &info.signatures {
            field("Sig", signature);
        }
        if let Some(address) = &info.content_address {
            field("CA", &address.to_string());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{NarInfo, NarInfoError};
    use crate::hash::Hash;
    use crate::path::{StoreDirectory, StorePath};
    use crate::path_info::PathInfo;

    fn example() -> NarInfo {
        let path = |byte, name| StorePath::new(&[byte; 20], name).unwrap();
        let mut info = PathInfo::new(path(1, "a"), Hash::sha256(b"a"), 120);
        info.references = [path(1, "a"), path(2, "b")].into();
        info.deriver = Some(path(3, "a.drv"));
        info.signatures = ["k-1:AA==".to_owned(), "k-2:AA==".to_owned()].into();
        NarInfo {
            info,
            url: "nar/x.nar.xz".to_owned(),
            compression: "xz".to_owned(),
            file_hash: Some(Hash::sha256(b"b")),
            file_size: Some(100),
            system: None,
        }
    }

    #[test]
    fn the_text_reads_back() {
        let directory = StoreDirectory::default();
        let text = example().to_text(&directory);
        assert_eq!(NarInfo::parse(&directory, &text), Ok(example()));
    }

    #[test]
    fn a_file_without_a_size_or_with_two_is_refused() {
        let directory = StoreDirectory::default();
        let text = example().to_text(&directory);
        let parse = |text: &str| NarInfo::parse(&directory, text).unwrap_err();
        assert_eq!(
            parse(&text.replace("NarSize: 120\n", "")),
            NarInfoError::Missing { field: "NarSize" }
        );
        let zero = text.replace("NarSize: 120\n", "NarSize: 0\n");
        assert!(matches!(parse(&zero), NarInfoError::Number { .. }));
        assert!(matches!(parse(&format!("{text}NarSize: 1\n")), NarInfoError::Line { .. }));
    }
}
