//! Hashes: the algorithms the store knows, and every way of writing a digest down.
//!
//! A digest is read from hexadecimal, Nix's base-32, base-64 or SRI text; which of them it is
//! follows from its length, as in CppNix.

use std::fmt;
use std::io;

use md5::Digest;

use crate::{base32, base64};

/// The length of the longest digest, in bytes.
const MAX_SIZE: usize = 64;

/// A hash algorithm that store paths and fixed outputs may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashAlgorithm {
    /// MD5, 16 bytes, for old fetches only.
    Md5,
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes: what store paths and archives are named by.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
    /// BLAKE3, 32 bytes.
    Blake3,
}

/// Every algorithm, in the order error messages list them.
pub const ALGORITHMS: [HashAlgorithm; 5] = [
    HashAlgorithm::Md5,
    HashAlgorithm::Sha1,
    HashAlgorithm::Sha256,
    HashAlgorithm::Sha512,
    HashAlgorithm::Blake3,
];

impl HashAlgorithm {
    /// Returns the name that stands before digests, such as `sha256`.
    pub fn name(self) -> &'static str {
        match self {
            HashAlgorithm::Md5 => "md5",
            HashAlgorithm::Sha1 => "sha1",
            HashAlgorithm::Sha256 => "sha256",
            HashAlgorithm::Sha512 => "sha512",
            HashAlgorithm::Blake3 => "blake3",
        }
    }

    /// Returns the length of a digest in bytes.
    pub fn size(self) -> usize {
        match self {
            HashAlgorithm::Md5 => 16,
            HashAlgorithm::Sha1 => 20,
            HashAlgorithm::Sha256 | HashAlgorithm::Blake3 => 32,
            HashAlgorithm::Sha512 => 64,
        }
    }

    /// Returns the algorithm called `name`, if there is one.
    pub fn parse(name: &str) -> Option<HashAlgorithm> {
        ALGORITHMS.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How a digest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFormat {
    /// Lower-case hexadecimal.
    Base16,
    /// Nix's base-32.
    Base32,
    /// Base-64 with padding.
    Base64,
    /// `ALGORITHM-BASE64`, as in the subresource integrity standard.
    Sri,
}

/// A digest and the algorithm it was made with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash {
    algorithm: HashAlgorithm,
    bytes: [u8; MAX_SIZE],
}

/// Why a text is not a hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The text before `:` or `-` names no algorithm.
    #[error(
        "unknown hash algorithm '{name}', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'"
    )]
    UnknownAlgorithm {
        /// The name found.
        name: String,
    },
    /// The text carries another algorithm than the one asked for.
    #[error("hash '{text}' should have type '{expected}'")]
    OtherAlgorithm {
        /// The whole text.
        text: String,
        /// The algorithm asked for.
        expected: HashAlgorithm,
    },
    /// Neither the text nor the caller says which algorithm it is.
    #[error("hash '{text}' does not include a type, nor is the type otherwise known from context")]
    NoAlgorithm {
        /// The whole text.
        text: String,
    },
    /// The length fits no way of writing a digest of this algorithm.
    #[error("hash '{text}' has wrong length for hash algorithm '{algorithm}'")]
    WrongLength {
        /// The whole text.
        text: String,
        /// The algorithm.
        algorithm: HashAlgorithm,
    },
    /// The length fits but a character does not.
    #[error("invalid {encoding} hash '{text}'")]
    InvalidDigits {
        /// The whole text.
        text: String,
        /// The way of writing that its length suggests.
        encoding: &'static str,
    },
}

impl Hash {
    /// Returns the digest `bytes` of `algorithm`, or `None` if its length is not that of a digest.
    pub fn from_bytes(algorithm: HashAlgorithm, bytes: &[u8]) -> Option<Hash> {
        if bytes.len() != algorithm.size() {
            return None;
        }
        let mut padded = [0; MAX_SIZE];
        padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Hash { algorithm, bytes: padded })
    }

    /// Returns the digest of `contents`.
    pub fn of(algorithm: HashAlgorithm, contents: &[u8]) -> Hash {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(contents);
        hasher.finish()
    }

    /// Returns the SHA-256 digest of `contents`.
    pub fn sha256(contents: &[u8]) -> Hash {
        Hash::of(HashAlgorithm::Sha256, contents)
    }

    /// Returns the algorithm.
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// Returns the digest's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.split_at(self.algorithm.size()).0
    }

    /// Reads a hash in any notation, with an `ALGORITHM:` or `ALGORITHM-` (SRI) prefix or, if the
    /// algorithm is `expected` from context, without.
    ///
    /// # Errors
    ///
    /// An unknown or unexpected algorithm, none at all, a wrong length, or a foreign character.
    pub fn parse(text: &str, expected: Option<HashAlgorithm>) -> Result<Hash, HashError> {
        let separator = text.find([':', '-']);
        let (algorithm, digits, is_sri) = match separator {
            Some(at) => {
                let name = text.get(..at).unwrap_or_default();
                let algorithm = HashAlgorithm::parse(name)
                    .ok_or_else(|| HashError::UnknownAlgorithm { name: name.to_owned() })?;
                let is_sri = text.as_bytes().get(at) == Some(&b'-');
                (algorithm, text.get(at + 1..).unwrap_or_default(), is_sri)
            }
            None => match expected {
                Some(algorithm) => (algorithm, text, false),
                None => return Err(HashError::NoAlgorithm { text: text.to_owned() }),
            },
        };
        if let Some(expected) = expected.filter(|expected| *expected != algorithm) {
            return Err(HashError::OtherAlgorithm { text: text.to_owned(), expected });
        }
        Hash::parse_digits(text, digits, algorithm, is_sri)
    }

    fn parse_digits(
        text: &str,
        digits: &str,
        algorithm: HashAlgorithm,
        is_sri: bool,
    ) -> Result<Hash, HashError> {
        let size = algorithm.size();
        let (bytes, encoding) = if !is_sri && digits.len() == size * 2 {
            (decode_hex(digits.as_bytes()), "base-16")
        } else if !is_sri && digits.len() == base32::encoded_length(size) {
            (base32::decode(digits.as_bytes()), "base-32")
        } else if is_sri || digits.len() == base64::encoded_length(size) {
            (base64::decode(digits.as_bytes()), if is_sri { "SRI" } else { "base-64" })
        } else {
            return Err(HashError::WrongLength { text: text.to_owned(), algorithm });
        };
        bytes
            .and_then(|bytes| Hash::from_bytes(algorithm, &bytes))
            .ok_or_else(|| HashError::InvalidDigits { text: text.to_owned(), encoding })
    }

    /// Writes the digest without its algorithm, except in SRI notation, which always has it.
    pub fn digits(&self, format: HashFormat) -> String {
        match format {
            HashFormat::Base16 => encode_hex(self.bytes()),
            HashFormat::Base32 => base32::encode(self.bytes()),
            HashFormat::Base64 => base64::encode(self.bytes()),
            HashFormat::Sri => format!("{}-{}", self.algorithm, base64::encode(self.bytes())),
        }
    }

    /// Writes the digest with its algorithm in front.
    pub fn prefixed(&self, format: HashFormat) -> String {
        match format {
            HashFormat::Sri => self.digits(format),
            HashFormat::Base16 | HashFormat::Base32 | HashFormat::Base64 => {
                format!("{}:{}", self.algorithm, self.digits(format))
            }
        }
    }

    /// Writes the digest in lower-case hexadecimal, without its algorithm.
    pub fn to_hex(&self) -> String {
        self.digits(HashFormat::Base16)
    }

    /// Writes the digest in Nix's base-32, without its algorithm.
    pub fn to_base32(&self) -> String {
        self.digits(HashFormat::Base32)
    }

    /// Folds the digest to 20 bytes by exclusive or, as store paths do.
    pub fn compressed(&self) -> [u8; 20] {
        let mut folded = [0u8; 20];
        for (index, byte) in self.bytes().iter().enumerate() {
            folded[index % 20] ^= byte;
        }
        folded
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.digits(HashFormat::Sri))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.prefixed(HashFormat::Base32))
    }
}

/// Hashes a stream; everything written to it goes into the digest.
#[derive(Clone)]
pub struct Hasher {
    state: State,
    length: u64,
}

#[derive(Clone)]
enum State {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
    Blake3(Box<blake3::Hasher>),
}

impl Hasher {
    /// Starts an empty stream.
    pub fn new(algorithm: HashAlgorithm) -> Hasher {
        let state = match algorithm {
            HashAlgorithm::Md5 => State::Md5(md5::Md5::new()),
            HashAlgorithm::Sha1 => State::Sha1(sha1::Sha1::new()),
            HashAlgorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            HashAlgorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
            HashAlgorithm::Blake3 => State::Blake3(Box::new(blake3::Hasher::new())),
        };
        Hasher { state, length: 0 }
    }

    /// Adds `contents` to the stream.
    pub fn update(&mut self, contents: &[u8]) {
        self.length += contents.len() as u64;
        match &mut self.state {
            State::Md5(state) => state.update(contents),
            State::Sha1(state) => state.update(contents),
            State::Sha256(state) => state.update(contents),
            State::Sha512(state) => state.update(contents),
            State::Blake3(state) => {
                state.update(contents);
            }
        }
    }

    /// Returns how many bytes the stream has had so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Ends the stream and returns its digest.
    pub fn finish(self) -> Hash {
        fn hash(algorithm: HashAlgorithm, digest: &[u8]) -> Hash {
            let mut bytes = [0; MAX_SIZE];
            bytes[..digest.len()].copy_from_slice(digest);
            Hash { algorithm, bytes }
        }
        match self.state {
            State::Md5(state) => hash(HashAlgorithm::Md5, &state.finalize()),
            State::Sha1(state) => hash(HashAlgorithm::Sha1, &state.finalize()),
            State::Sha256(state) => hash(HashAlgorithm::Sha256, &state.finalize()),
            State::Sha512(state) => hash(HashAlgorithm::Sha512, &state.finalize()),
            State::Blake3(state) => hash(HashAlgorithm::Blake3, state.finalize().as_bytes()),
        }
    }
}

impl io::Write for Hasher {
    fn write(&mut self, contents: &[u8]) -> io::Result<usize> {
        self.update(contents);
        Ok(contents.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes `bytes` in lower-case hexadecimal.
pub fn encode_hex(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len() * 2);
    append_hex(bytes, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Appends `bytes` in lower-case hexadecimal to `text`.
pub(crate) fn append_hex(bytes: &[u8], text: &mut Vec<u8>) {
    let digits =
        |byte: &u8| [HEX_DIGITS[usize::from(byte >> 4)], HEX_DIGITS[usize::from(byte & 0xf)]];
    for pair in bytes.iter().map(digits) {
        text.extend_from_slice(&pair);
    }
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

fn decode_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |character: u8| char::from(character).to_digit(16).map(|value| value as u8);
    text.chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{ALGORITHMS, Hash, HashAlgorithm, HashError, HashFormat};

    const FORMATS: [HashFormat; 4] =
        [HashFormat::Base16, HashFormat::Base32, HashFormat::Base64, HashFormat::Sri];

    proptest! {
        #[test]
        fn every_notation_reads_back(contents in proptest::collection::vec(any::<u8>(), 0..20)) {
            for algorithm in ALGORITHMS {
                let hash = Hash::of(algorithm, &contents);
                for format in FORMATS {
                    prop_assert_eq!(Hash::parse(&hash.prefixed(format), None), Ok(hash));
                    prop_assert_eq!(Hash::parse(&hash.digits(format), Some(algorithm)), Ok(hash));
                }
            }
        }
    }

    // Printed by `nix-hash` of CppNix 2.8.0 for a file holding `content` and a line feed.
    #[test]
    fn digests_are_those_of_cppnix() {
        let base32 = |algorithm| Hash::of(algorithm, b"content\n").to_base32();
        assert_eq!(base32(HashAlgorithm::Md5), "4mvrifzp3ll2sf5rxvwiwq2nzp");
        assert_eq!(base32(HashAlgorithm::Sha1), "n55cqcb8nrmcdn94y87aq6law0h0irvz");
        assert_eq!(
            base32(HashAlgorithm::Sha256),
            "0lsy428b4vg9jlnhgs9iqyq1mrin6icw76aq3gy5d3x722j2his3"
        );
        assert_eq!(
            base32(HashAlgorithm::Sha512),
            "0vyr9386r0bs581hiqp8a2im5ndm3hpcj93hd9maxk9gaw15hgbxgvybb4ziwpl8ycbsxjyhv46fljw80l5nx9\
             0l3fkismr7mxwzvlh"
        );
    }

    #[test]
    fn a_text_that_is_no_hash_says_why() {
        let parse = |text, expected| Hash::parse(text, expected).unwrap_err();
        assert!(matches!(parse("abc", None), HashError::NoAlgorithm { .. }));
        assert!(matches!(parse("sha3:abc", None), HashError::UnknownAlgorithm { .. }));
        assert!(matches!(parse("sha256:abc", None), HashError::WrongLength { .. }));
        assert!(matches!(
            parse("sha1:abc", Some(HashAlgorithm::Md5)),
            HashError::OtherAlgorithm { .. }
        ));
        assert!(matches!(parse("sha256-abc", None), HashError::InvalidDigits { .. }));
    }
}
