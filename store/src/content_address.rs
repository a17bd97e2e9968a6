//! Content addresses: what an object's path was computed from, if from its contents.
//!
//! The text forms are those of the database and of binary caches: `text:sha256:DIGITS`,
//! `fixed:sha256:DIGITS` and `fixed:r:sha256:DIGITS`, with base-32 digits.

use std::fmt;

use crate::hash::{Hash, HashAlgorithm, HashError, HashFormat};

/// How a file system object becomes the bytes that are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileMethod {
    /// The contents of one regular file that is not executable.
    Flat,
    /// The archive (NAR) of any tree.
    Recursive,
}

impl FileMethod {
    /// Returns what stands before the algorithm in the formats: nothing or `r:`.
    pub fn prefix(self) -> &'static str {
        match self {
            FileMethod::Flat => "",
            FileMethod::Recursive => "r:",
        }
    }
}

/// How the outputs of a content-addressed derivation become the bytes that are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentMethod {
    /// A text: flat, with its references in the path.
    Text,
    /// As a file or an archive.
    File(FileMethod),
}

impl ContentMethod {
    /// Returns what stands before the algorithm in a `.drv` file.
    pub fn prefix(self) -> &'static str {
        match self {
            ContentMethod::Text => "text:",
            ContentMethod::File(method) => method.prefix(),
        }
    }

    /// Splits `METHOD ALGORITHM` as written in a `.drv` file, such as `r:sha256`.
    pub fn split(text: &str) -> (ContentMethod, &str) {
        if let Some(rest) = text.strip_prefix("text:") {
            (ContentMethod::Text, rest)
        } else if let Some(rest) = text.strip_prefix("r:") {
            (ContentMethod::File(FileMethod::Recursive), rest)
        } else {
            (ContentMethod::File(FileMethod::Flat), text)
        }
    }
}

/// The contents that an object's path follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentAddress {
    /// A text with this SHA-256.
    Text(Hash),
    /// A file or tree with this digest.
    Fixed {
        /// How the object became bytes.
        method: FileMethod,
        /// The digest of those bytes.
        digest: Hash,
    },
}

/// Why a text is not a content address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentAddressError {
    /// It begins with neither `text:` nor `fixed:`.
    #[error("'{text}' is not a content address: it starts with neither 'text:' nor 'fixed:'")]
    Kind {
        /// The text found.
        text: String,
    },
    /// A text address that is not SHA-256.
    #[error("content address '{text}' of a text must be a SHA-256 hash")]
    TextAlgorithm {
        /// The text found.
        text: String,
    },
    /// The hash in it is none.
    #[error("in content address '{text}'")]
    Hash {
        /// The text found.
        text: String,
        /// What is wrong with the hash.
        source: HashError,
    },
}

impl ContentAddress {
    /// Returns the address made from `method` and `digest`.
    pub fn new(method: ContentMethod, digest: Hash) -> ContentAddress {
        match method {
            ContentMethod::Text => ContentAddress::Text(digest),
            ContentMethod::File(method) => ContentAddress::Fixed { method, digest },
        }
    }

    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// An unknown kind, or whatever [`Hash::parse`] refuses.
    pub fn parse(text: &str) -> Result<ContentAddress, ContentAddressError> {
        let hash = |digits| {
            Hash::parse(digits, None)
                .map_err(|source| ContentAddressError::Hash { text: text.to_owned(), source })
        };
        if let Some(rest) = text.strip_prefix("text:") {
            let digest = hash(rest)?;
            if digest.algorithm() != HashAlgorithm::Sha256 {
                return Err(ContentAddressError::TextAlgorithm { text: text.to_owned() });
            }
            Ok(ContentAddress::Text(digest))
        } else if let Some(rest) = text.strip_prefix("fixed:") {
            let (method, rest) = match rest.strip_prefix("r:") {
                Some(rest) => (FileMethod::Recursive, rest),
                None => (FileMethod::Flat, rest),
            };
            Ok(ContentAddress::Fixed { method, digest: hash(rest)? })
        } else {
            Err(ContentAddressError::Kind { text: text.to_owned() })
        }
    }

    /// Returns how the object became bytes.
    pub fn method(&self) -> ContentMethod {
        match self {
            ContentAddress::Text(_) => ContentMethod::Text,
            ContentAddress::Fixed { method, .. } => ContentMethod::File(*method),
        }
    }

    /// Returns the digest.
    pub fn digest(&self) -> &Hash {
        match self {
            ContentAddress::Text(digest) | ContentAddress::Fixed { digest, .. } => digest,
        }
    }
}

impl fmt::Display for ContentAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            ContentAddress::Text(_) => "text:",
            ContentAddress::Fixed { method: FileMethod::Flat, .. } => "fixed:",
            ContentAddress::Fixed { method: FileMethod::Recursive, .. } => "fixed:r:",
        };
        write!(formatter, "{kind}{}", self.digest().prefixed(HashFormat::Base32))
    }
}

#[cfg(test)]
mod tests {
    use super::{ContentAddress, ContentAddressError, FileMethod};
    use crate::hash::{Hash, HashAlgorithm};

    #[test]
    fn the_text_form_reads_back() {
        let digest = Hash::sha256(b"x");
        let addresses = [
            ContentAddress::Text(digest),
            ContentAddress::Fixed { method: FileMethod::Flat, digest },
            ContentAddress::Fixed {
                method: FileMethod::Recursive,
                digest: Hash::of(HashAlgorithm::Sha1, b"x"),
            },
        ];
        for address in addresses {
            assert_eq!(ContentAddress::parse(&address.to_string()), Ok(address));
        }
    }

    #[test]
    fn a_text_is_addressed_by_sha256_only() {
        let text = format!("text:sha1:{}", Hash::of(HashAlgorithm::Sha1, b"").to_base32());
        assert!(matches!(
            ContentAddress::parse(&text),
            Err(ContentAddressError::TextAlgorithm { .. })
        ));
    }
}
