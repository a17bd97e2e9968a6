//! Names as numbers: every attribute name and variable is interned once per process.
//!
//! Symbols are shared by all heaps, trees and queries of the process, so they can be compared
//! and stored anywhere. Their order is the order of first appearance: it decides nothing that a
//! user can see (sets are stored by it, shown by name).
//!
//! Whoever reads waits for nobody: names are written before they can be found, and stay where they
//! are. Only adding takes turns.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::name_table::{Hashed, Name};

/// An interned byte string, compared by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

static NAMES: Names = Names::new();

impl Symbol {
    /// Some symbol, to fill a place with until there is another one.
    pub(super) const FIRST: Symbol = Symbol(0);

    /// Returns the symbol of `name`, making it when it is new.
    pub fn intern(name: &[u8]) -> Symbol {
        Symbol::intern_hashed(Hashed::of(name))
    }

    /// As [`Symbol::intern`], of a name whose hash is known.
    #[inline]
    pub(crate) fn intern_hashed(name: Hashed<'_>) -> Symbol {
        Symbol(NAMES.find(name).unwrap_or_else(|| NAMES.add(name)))
    }

    /// Returns all names, in the order in which they came up.
    pub fn all() -> Vec<&'static [u8]> {
        (0..NAMES.count.load(Ordering::Acquire)).map(|number| Symbol(number).as_bytes()).collect()
    }

    /// Returns the symbol of `name` if some set or variable ever had that name.
    pub fn lookup(name: &[u8]) -> Option<Symbol> {
        NAMES.find(Hashed::of(name)).map(Symbol)
    }

    /// Returns the bytes of the name.
    #[inline]
    pub fn as_bytes(self) -> &'static [u8] {
        NAMES.get(self.0).map(Name::text).unwrap_or_default()
    }

    /// Returns the name as text, with U+FFFD for bytes that are not UTF-8.
    pub fn to_text(self) -> std::borrow::Cow<'static, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// Returns the number itself, for packing into a word.
    pub fn index(self) -> u32 {
        self.0
    }

    /// Returns the symbol whose [`Symbol::index`] was `index`.
    pub(crate) fn from_index(index: u32) -> Symbol {
        Symbol(index)
    }
}

impl std::fmt::Debug for Symbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.to_text())
    }
}

/// The first chunk holds so many names, a power of two, and each as many as all before it.
const CHUNK_LEN: u32 = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 10;
/// As many chunks as numbers of 32 bits can need.
const CHUNKS: usize = (u32::BITS - CHUNK_BITS) as usize;
/// How many places there are at first, a power of two.
const PLACES_MIN: usize = 1 << 13;
/// The room for texts that is taken at once, in bytes.
const TEXTS_SIZE: usize = 1 << 14;

/// All names of the process, numbered from 0 in the order in which they came.
struct Names {
    chunks: [AtomicPtr<Name<'static>>; CHUNKS],
    /// How many names there are, all of them written.
    count: AtomicU32,
    /// Open addressing; null until the first name. Its predecessors stay for those who are still
    /// reading them.
    places: AtomicPtr<Places>,
    adding: Mutex<Adding>,
}

/// One more than the number of a name, or 0; as many as a power of two, at most half of them
/// taken.
struct Places(Box<[AtomicU32]>);

/// What only who adds needs.
struct Adding {
    /// Room for texts to come.
    room: &'static mut [u8],
}

impl Names {
    const fn new() -> Names {
        Names {
            chunks: [const { AtomicPtr::new(null_mut()) }; CHUNKS],
            count: AtomicU32::new(0),
            places: AtomicPtr::new(null_mut()),
            adding: Mutex::new(Adding { room: &mut [] }),
        }
    }

    /// Returns the name with this number.
    #[inline(always)]
    fn get(&self, number: u32) -> Option<Name<'static>> {
        if number >= self.count.load(Ordering::Acquire) {
            return None;
        }
        let (chunk, index) = place_of(number);
        let start = self.chunks.get(chunk)?.load(Ordering::Acquire);
        // SAFETY: `add` stores the chunk of a number and writes the name there before it counts
        // it; neither changes afterwards.
        Some(unsafe { *start.add(index) })
    }

    /// Returns the number of a name if it is there.
    #[inline]
    fn find(&self, Hashed { name, hash }: Hashed<'_>) -> Option<u32> {
        // SAFETY: what is stored there is never freed.
        let Places(places) = unsafe { self.places.load(Ordering::Acquire).as_ref() }?;
        let mask = places.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let number = places.get(place)?.load(Ordering::Acquire).checked_sub(1)?;
            if self.get(number).is_some_and(|it| it.is(name)) {
                return Some(number);
            }
            place = (place + 1) & mask;
        }
    }

    /// Returns the number of a name that is likely to be new.
    #[cold]
    #[inline(never)]
    fn add(&self, hashed: Hashed<'_>) -> u32 {
        let mut adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been faster.
        if let Some(number) = self.find(hashed) {
            return number;
        }
        let number = self.count.load(Ordering::Relaxed);
        let name = hashed.name.at(adding.keep(hashed.name.text()));
        let (chunk, index) = place_of(number);
        let slot = &self.chunks[chunk];
        let mut start = slot.load(Ordering::Relaxed);
        if start.is_null() {
            let room = Box::<[Name<'static>]>::new_uninit_slice((CHUNK_LEN as usize) << chunk);
            start = Box::leak(room).as_mut_ptr().cast();
            slot.store(start, Ordering::Release);
        }
        // SAFETY: the chunk has room for `index`, and nobody reads there before it is counted; who
        // adds holds the lock.
        unsafe { start.add(index).write(name) };
        self.count.store(number.checked_add(1).expect("fewer than 2^32 names"), Ordering::Release);
        self.make_findable(hashed.hash, number, &adding);
        number
    }

    /// Makes a name findable that was just added.
    fn make_findable(&self, hash: u64, number: u32, _adding: &MutexGuard<'_, Adding>) {
        // SAFETY: as in `find`.
        let places = unsafe { self.places.load(Ordering::Relaxed).as_ref() };
        match places {
            Some(places) if number as usize * 2 < places.0.len() => places.set(hash, number),
            _ => {
                let size = places.map_or(PLACES_MIN, |Places(places)| places.len() * 2);
                let larger = Places((0..size).map(|_| AtomicU32::new(0)).collect());
                for number in 0..=number {
                    if let Some(name) = self.get(number) {
                        larger.set(name.hash(), number);
                    }
                }
                self.places.store(Box::leak(Box::new(larger)), Ordering::Release);
            }
        }
    }
}

/// Returns the chunk of a number, and the index in it.
#[inline(always)]
fn place_of(number: u32) -> (usize, usize) {
    let shifted = u64::from(number) + u64::from(CHUNK_LEN);
    let chunk = shifted.ilog2() - CHUNK_BITS;
    (chunk as usize, (shifted - (u64::from(CHUNK_LEN) << chunk)) as usize)
}

impl Places {
    /// Puts a number into the first free place for this hash.
    fn set(&self, hash: u64, number: u32) {
        let Places(places) = self;
        let mask = places.len() - 1;
        let mut place = hash as usize & mask;
        while places[place].load(Ordering::Relaxed) != 0 {
            place = (place + 1) & mask;
        }
        places[place].store(number + 1, Ordering::Release);
    }
}

impl Adding {
    /// Returns the same bytes, where they stay.
    fn keep(&mut self, text: &[u8]) -> &'static [u8] {
        if text.len() > self.room.len() {
            let size = text.len().max(TEXTS_SIZE);
            self.room = Box::leak(vec![0; size].into_boxed_slice());
        }
        let (own, rest) = std::mem::take(&mut self.room).split_at_mut(text.len());
        self.room = rest;
        own.copy_from_slice(text);
        own
    }
}

#[cfg(test)]
mod tests {
    use super::Symbol;

    #[test]
    fn a_name_is_one_symbol_on_every_thread() {
        let name = |n: usize| match n % 3 {
            0 => format!("symbol-{n}"),
            1 => format!("a-longer-symbol-{n}-that-has-more-than-two-words"),
            _ => format!("{n}s"),
        };
        let intern = || (0..20_000).map(|n| Symbol::intern(name(n).as_bytes())).collect::<Vec<_>>();
        let [first, second] = std::thread::scope(|scope| {
            [scope.spawn(intern), scope.spawn(intern)].map(|thread| thread.join().unwrap())
        });
        assert_eq!(first, second);
        for (n, symbol) in first.into_iter().enumerate() {
            assert_eq!(symbol.as_bytes(), name(n).as_bytes());
            assert_eq!(Symbol::lookup(name(n).as_bytes()), Some(symbol));
        }
    }
}
