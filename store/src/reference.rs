//! References: which store objects a stream of bytes mentions, found in one pass.
//!
//! An object is mentioned where its hash part stands; 32 base-32 digits that look like another
//! object's mean nothing.

use std::collections::BTreeSet;
use std::io::{self, Write};

use rustc_hash::FxHashMap;

use crate::base32;
use crate::path::{HASH_PART_LENGTH, StorePath};

/// Looks for the hash parts of given paths in everything that is written to it.
pub struct ReferenceScanner {
    /// The paths looked for by hash part, until they are found.
    wanted: FxHashMap<[u8; HASH_PART_LENGTH], Vec<StorePath>>,
    found: BTreeSet<StorePath>,
    /// The last bytes written, fewer than a hash part has.
    tail: Vec<u8>,
}

impl ReferenceScanner {
    /// Looks for `candidates`.
    pub fn new(candidates: impl IntoIterator<Item = StorePath>) -> ReferenceScanner {
        let mut wanted: FxHashMap<_, Vec<StorePath>> = FxHashMap::default();
        for path in candidates {
            if let Some(key) = path.hash_part().as_bytes().first_chunk() {
                wanted.entry(*key).or_default().push(path);
            }
        }
        ReferenceScanner { wanted, found: BTreeSet::new(), tail: Vec::new() }
    }

    /// Returns the candidates found so far.
    pub fn found(&self) -> &BTreeSet<StorePath> {
        &self.found
    }

    /// Ends the scan and returns the candidates found.
    pub fn finish(self) -> BTreeSet<StorePath> {
        self.found
    }

    fn scan(&mut self, text: &[u8]) {
        let mut start = 0;
        while let Some(window) = text.get(start..).and_then(<[u8]>::first_chunk::<32>) {
            // A foreign byte rules out every window that it lies in.
            match window.iter().rposition(|byte| !base32::is_digit(*byte)) {
                Some(foreign) => start += foreign + 1,
                None => {
                    if let Some(paths) = self.wanted.remove(window) {
                        self.found.extend(paths);
                    }
                    start += 1;
                }
            }
        }
    }
}

impl Write for ReferenceScanner {
    fn write(&mut self, contents: &[u8]) -> io::Result<usize> {
        if self.wanted.is_empty() {
            return Ok(contents.len());
        }
        // What straddles the boundary is looked at on its own, then the rest in place.
        let overlap = contents.len().min(HASH_PART_LENGTH - 1);
        let mut seam = std::mem::take(&mut self.tail);
        seam.extend_from_slice(contents.split_at(overlap).0);
        self.scan(&seam);
        self.scan(contents);
        if contents.len() >= HASH_PART_LENGTH - 1 {
            seam.clear();
            seam.extend_from_slice(contents.split_at(contents.len() + 1 - HASH_PART_LENGTH).1);
        } else {
            seam.drain(..seam.len().saturating_sub(HASH_PART_LENGTH - 1));
        }
        self.tail = seam;
        Ok(contents.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Replaces hash parts by others of the same length in everything that passes through it.
///
/// That is how an object's path can follow from contents that mention it: the contents are hashed
/// with its hash part replaced by zeros, and the true one put in afterwards.
pub struct Rewriter<W> {
    replacements: FxHashMap<[u8; HASH_PART_LENGTH], [u8; HASH_PART_LENGTH]>,
    sink: W,
    /// Bytes that may still be the beginning of a hash part.
    pending: Vec<u8>,
    /// How many bytes have gone on to the sink.
    written: u64,
    positions: Vec<u64>,
}

impl<W: Write> Rewriter<W> {
    /// Replaces the first of each pair by the second on the way to `sink`.
    pub fn new(
        replacements: impl IntoIterator<Item = ([u8; HASH_PART_LENGTH], [u8; HASH_PART_LENGTH])>,
        sink: W,
    ) -> Rewriter<W> {
        let replacements = replacements.into_iter().collect();
        Rewriter { replacements, sink, pending: Vec::new(), written: 0, positions: Vec::new() }
    }

    /// Writes out what was held back; returns the sink and where, in bytes, it replaced something.
    pub fn finish(mut self) -> io::Result<(W, Vec<u64>)> {
        self.sink.write_all(&self.pending)?;
        Ok((self.sink, self.positions))
    }

    fn replace(&mut self, buffer: &mut [u8]) {
        let mut start = 0;
        while let Some(window) = buffer.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<32>) {
            match window.iter().rposition(|byte| !base32::is_digit(*byte)) {
                Some(foreign) => start += foreign + 1,
                None => match self.replacements.get(window) {
                    Some(replacement) => {
                        *window = *replacement;
                        self.positions.push(self.written + start as u64);
                        start += HASH_PART_LENGTH;
                    }
                    None => start += 1,
                },
            }
        }
    }
}

impl<W: Write> Write for Rewriter<W> {
    fn write(&mut self, contents: &[u8]) -> io::Result<usize> {
        let mut buffer = std::mem::take(&mut self.pending);
        buffer.extend_from_slice(contents);
        self.replace(&mut buffer);
        let ready = buffer.len().saturating_sub(HASH_PART_LENGTH - 1);
        self.sink.write_all(buffer.split_at(ready).0)?;
        self.written += ready as u64;
        buffer.drain(..ready);
        self.pending = buffer;
        Ok(contents.len())
    }

    /// Passes the request on; what may be the beginning of a hash part stays.
    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::{prop_assert_eq, proptest};

    use super::{ReferenceScanner, Rewriter};
    use crate::path::StorePath;

    fn path(byte: u8) -> StorePath {
        StorePath::new(&[byte; 20], "x").unwrap()
    }

    proptest! {
        #[test]
        fn hash_parts_are_found_however_the_bytes_are_cut(
            before in "[0-9a-z/ ]{0,70}",
            after in "[0-9a-z/ ]{0,70}",
            cut in 1usize..80,
        ) {
            let text = format!("{before}{}{after}", path(7).hash_part());
            let mut scanner = ReferenceScanner::new([path(7), path(8)]);
            let replacement = (*b"66666666666666666666666666666666", [b'x'; 32]);
            let mut rewriter = Rewriter::new([replacement], Vec::new());
            let hash: [u8; 32] = path(7).hash_part().as_bytes().try_into().unwrap();
            rewriter.replacements.insert(hash, [b'0'; 32]);
            for piece in text.as_bytes().chunks(cut) {
                scanner.write_all(piece).unwrap();
                rewriter.write_all(piece).unwrap();
            }
            prop_assert_eq!(scanner.finish(), [path(7)].into());
            let (rewritten, positions) = rewriter.finish().unwrap();
            let expected = text.replace(path(7).hash_part(), &"0".repeat(32));
            prop_assert_eq!(String::from_utf8(rewritten).unwrap(), expected);
            let found = text.find(path(7).hash_part()).map(|at| at as u64);
            prop_assert_eq!(positions.first().copied(), found);
        }
    }
}
