//! Objects that mention themselves: hashed as if they did not, and written as if they did.
//!
//! The path of such an object follows from contents in which its own hash part is zero bytes, and
//! from the places where it stood. Source: CppNix, `HashModuloSink`.

use std::io::{self, Write};

use crate::hash::{Hash, HashAlgorithm, Hasher};
use crate::path::{HASH_PART_LENGTH, StorePath};
use crate::reference::Rewriter;

/// Returns the hash of `contents`, in which `own` stands for the object itself.
///
/// # Errors
///
/// None in practice: a hasher takes everything.
pub fn hash(algorithm: HashAlgorithm, own: &StorePath, contents: &[u8]) -> io::Result<Hash> {
    let mut hasher = SelfHasher::new(algorithm, own);
    hasher.write_all(contents)?;
    hasher.finish()
}

/// Hashes what is written to it as [`hash`] does.
pub struct SelfHasher(Rewriter<Hasher>);

impl SelfHasher {
    /// Hashes an object for which `own` stands in its contents.
    pub fn new(algorithm: HashAlgorithm, own: &StorePath) -> SelfHasher {
        let replaced = part(own).map(|part| (part, [0; HASH_PART_LENGTH]));
        SelfHasher(Rewriter::new(replaced, Hasher::new(algorithm)))
    }

    /// Returns the hash of what was written.
    ///
    /// # Errors
    ///
    /// None in practice: a hasher takes everything.
    pub fn finish(self) -> io::Result<Hash> {
        let (mut hasher, positions) = self.0.finish()?;
        for position in positions {
            hasher.update(format!("|{position}").as_bytes());
        }
        Ok(hasher.finish())
    }
}

impl Write for SelfHasher {
    fn write(&mut self, contents: &[u8]) -> io::Result<usize> {
        self.0.write(contents)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Returns `contents` with the hash parts of paths replaced by those of others.
///
/// # Errors
///
/// None in practice: memory takes everything.
pub fn rewrite<'p>(
    contents: &[u8],
    replacements: impl IntoIterator<Item = (&'p StorePath, &'p StorePath)>,
) -> io::Result<Vec<u8>> {
    let pairs = replacements.into_iter().filter_map(|(from, to)| Some((part(from)?, part(to)?)));
    let mut rewriter = Rewriter::new(pairs, Vec::with_capacity(contents.len()));
    rewriter.write_all(contents)?;
    rewriter.finish().map(|(contents, _)| contents)
}

fn part(path: &StorePath) -> Option<[u8; HASH_PART_LENGTH]> {
    path.hash_part().as_bytes().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{hash, rewrite};
    use crate::hash::{Hash, HashAlgorithm};
    use crate::path::StorePath;

    #[test]
    fn a_hash_does_not_depend_on_the_own_path() {
        let path = |byte| StorePath::new(&[byte; 20], "x").expect("a name");
        let text = |own: &StorePath| format!("a {} b {}", own.hash_part(), own.hash_part());
        let [one, two] = [1, 2].map(path);
        let of = |own: &StorePath| {
            hash(HashAlgorithm::Sha256, own, text(own).as_bytes()).expect("memory")
        };
        assert_eq!(of(&one), of(&two));
        let zeros = "\0".repeat(32);
        let expected = format!("a {zeros} b {zeros}|2|37");
        assert_eq!(of(&one), Hash::sha256(expected.as_bytes()));
        let rewritten = rewrite(text(&one).as_bytes(), [(&one, &two)]).expect("memory");
        assert_eq!(rewritten, text(&two).as_bytes());
    }
}
