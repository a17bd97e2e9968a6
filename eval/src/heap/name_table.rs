//! Names by their text: a hash table made for identifiers, which are short.
//!
//! The first and the last eight bytes and the length tell most names apart for good, so a look-up
//! is one multiplication and a comparison of registers; longer names are compared whole behind it.

/// A table of distinct byte strings, numbered from 0 in the order in which they came.
#[derive(Default)]
pub(crate) struct NameTable<'t> {
    entries: Vec<Name<'t>>,
    /// Open addressing: one more than the number of an entry, or 0. As many as a power of two.
    places: Vec<u32>,
}

/// A text that is in a table, or may be.
#[derive(Clone, Copy)]
pub(crate) struct Name<'t> {
    text: &'t [u8],
    words: Words,
}

/// A name with its hash: who looks in several tables hashes once.
#[derive(Clone, Copy)]
pub(crate) struct Hashed<'t> {
    pub(super) name: Name<'t>,
    pub(super) hash: u64,
}

impl<'t> Hashed<'t> {
    #[inline(always)]
    pub(crate) fn of(text: &'t [u8]) -> Self {
        let words = Words::of(text);
        Hashed { name: Name { text, words }, hash: hash(text, words) }
    }
}

impl<'t> Name<'t> {
    /// Returns the text.
    #[inline(always)]
    pub(super) fn text(self) -> &'t [u8] {
        self.text
    }

    /// Whether both have the same text.
    #[inline(always)]
    pub(super) fn is(self, other: Name<'_>) -> bool {
        self.words == other.words
            && self.text.len() == other.text.len()
            && (self.text.len() <= SHORT || self.text == other.text)
    }

    /// Returns the same name at another place: `text` has the same bytes.
    pub(super) fn at(self, text: &[u8]) -> Name<'_> {
        debug_assert!(self.text == text, "the name stays the same");
        Name { text, words: self.words }
    }

    pub(super) fn hash(self) -> u64 {
        hash(self.text, self.words)
    }
}

/// What of a text is compared in registers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Words {
    first: u64,
    last: u64,
}

/// The longest text that its words and its length tell.
const SHORT: usize = 16;

impl Words {
    #[inline(always)]
    fn of(text: &[u8]) -> Words {
        if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            return Words { first: u64::from_le_bytes(*first), last: u64::from_le_bytes(*last) };
        }
        if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            return Words { first: u64::from(first) | u64::from(last) << 32, last: 0 };
        }
        let first = match *text {
            [] => 0,
            [a] => u64::from(a),
            [a, b] => u64::from(a) | u64::from(b) << 8,
            [a, b, c, ..] => u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16,
        };
        Words { first, last: 0 }
    }
}

// Odd numbers without a pattern: digits of the square roots of 2 and 3.
const MIX: u64 = 0x6a09_e667_f3bc_c909;
const MIX_LAST: u64 = 0xbb67_ae85_84ca_a73b;

#[inline(always)]
fn mixed(lhs: u64, rhs: u64) -> u64 {
    let product = u128::from(lhs) * u128::from(rhs);
    product as u64 ^ (product >> 64) as u64
}

#[inline(always)]
fn hash(text: &[u8], words: Words) -> u64 {
    let hash = mixed(words.first ^ MIX ^ text.len() as u64, words.last ^ MIX_LAST);
    if text.len() <= SHORT { hash } else { hash_middle(text, hash) }
}

fn hash_middle(text: &[u8], hash: u64) -> u64 {
    text.chunks_exact(8).fold(hash, |hash, chunk| {
        mixed(hash ^ MIX, chunk.first_chunk().map_or(0, |it| u64::from_le_bytes(*it)) ^ MIX_LAST)
    })
}

impl<'t> NameTable<'t> {
    /// Returns the number of a text, and whether it was not there before.
    #[inline]
    pub(crate) fn find_or_add(&mut self, hashed: Hashed<'t>) -> (u32, bool) {
        match self.place(hashed) {
            Ok(index) => (index, false),
            Err(place) => (self.add(hashed, place), true),
        }
    }

    /// Returns the number of an entry, or the free place where it is to go; that is beyond the
    /// places if there are none.
    #[inline(always)]
    fn place(&self, Hashed { name, hash }: Hashed<'_>) -> Result<u32, usize> {
        let mask = self.places.len().wrapping_sub(1);
        let mut place = hash as usize & mask;
        while let Some(index) = self.places.get(place).and_then(|number| number.checked_sub(1)) {
            if self.entries.get(index as usize).is_some_and(|entry| entry.is(name)) {
                return Ok(index);
            }
            place = (place + 1) & mask;
        }
        Err(place)
    }

    #[cold]
    fn add(&mut self, Hashed { name, hash }: Hashed<'t>, place: usize) -> u32 {
        let number = u32::try_from(self.entries.len() + 1).expect("fewer than 2^32 names");
        let place = if 2 * self.entries.len() < self.places.len() {
            place
        } else {
            self.grow();
            self.free_place(hash)
        };
        self.places[place] = number;
        self.entries.push(name);
        number - 1
    }

    fn free_place(&self, hash: u64) -> usize {
        let mask = self.places.len() - 1;
        let mut place = hash as usize & mask;
        while self.places[place] != 0 {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        let size = (4 * self.places.len()).max(128);
        self.places.clear();
        self.places.resize(size, 0);
        for index in 0..self.entries.len() {
            let place = self.free_place(self.entries[index].hash());
            self.places[place] = index as u32 + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hashed, NameTable};

    #[test]
    fn every_text_has_one_number() {
        let texts: Vec<String> = (0..2_000)
            .map(|n| match n % 4 {
                0 => format!("{n}"),
                1 => "x".repeat(n / 4),
                2 => format!("the-same-start-{n}-the-same-end"),
                _ => format!("pkg{n}"),
            })
            .collect();
        let mut table = NameTable::default();
        for (text, number) in texts.iter().zip(0..) {
            assert_eq!(table.find_or_add(Hashed::of(text.as_bytes())), (number, true));
        }
        for (text, number) in texts.iter().zip(0..) {
            assert_eq!(table.find_or_add(Hashed::of(text.as_bytes())), (number, false));
        }
    }
}
