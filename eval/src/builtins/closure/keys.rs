//! A set of values by the language's order, quick where all are integers or all are strings.

use rustc_hash::FxHashSet;

use crate::error::Result;
use crate::heap::{Kind, Value};
use crate::interpret::Eval;
use crate::order::less_than;

/// The most keys in one chunk of the general set.
const CHUNK_LEN_MAX: usize = 256;

/// The keys seen so far. Keys are the same when neither is less than the other.
#[derive(Default)]
pub(super) enum Keys<'h> {
    /// None yet.
    #[default]
    Empty,
    /// Only integers.
    Integers(FxHashSet<i64>, Value<'h>),
    /// Only strings; their contexts do not count.
    Strings(FxHashSet<&'h [u8]>, Value<'h>),
    /// Any keys that have an order.
    Ordered(Chunks<'h>),
}

impl<'h> Keys<'h> {
    /// Adds `key`; `false` if it is there already.
    ///
    /// # Errors
    ///
    /// When `key` has no order with the others.
    pub(super) fn insert(&mut self, eval: &mut Eval<'h>, key: Value<'h>) -> Result<bool> {
        match (&mut *self, key.kind()) {
            (Keys::Integers(seen, _), Kind::Int(key)) => return Ok(seen.insert(key)),
            (Keys::Strings(seen, _), Kind::String(key)) => return Ok(seen.insert(key.bytes())),
            (Keys::Ordered(chunks), _) => return chunks.insert(eval, key),
            (Keys::Empty, Kind::Int(number)) => {
                *self = Keys::Integers(std::iter::once(number).collect(), key);
            }
            (Keys::Empty, Kind::String(string)) => {
                *self = Keys::Strings(std::iter::once(string.bytes()).collect(), key);
            }
            (Keys::Empty, _) => *self = Keys::Ordered(Chunks { chunks: vec![vec![key]] }),
            (Keys::Integers(seen, first), _) => {
                // An order with one integer is an order with all.
                less_than(eval, key, *first)?;
                let mut sorted = Vec::with_capacity(seen.len());
                sorted.extend(seen.drain());
                sorted.sort_unstable();
                let keys = sorted.into_iter().map(Value::int).collect();
                let mut chunks = Chunks::from_sorted(keys);
                let is_new = chunks.insert(eval, key)?;
                *self = Keys::Ordered(chunks);
                return Ok(is_new);
            }
            // Nothing but strings compares with strings.
            (Keys::Strings(_, first), _) => return less_than(eval, key, *first),
        }
        Ok(true)
    }
}

/// A sorted list of keys in pieces, so that adding one moves few others.
pub(super) struct Chunks<'h> {
    /// At least one chunk, and no chunk is empty.
    chunks: Vec<Vec<Value<'h>>>,
}

impl<'h> Chunks<'h> {
    fn from_sorted(keys: Vec<Value<'h>>) -> Self {
        let chunks = keys.chunks(CHUNK_LEN_MAX / 2).map(<[_]>::to_vec).collect();
        Chunks { chunks }
    }

    fn insert(&mut self, eval: &mut Eval<'h>, key: Value<'h>) -> Result<bool> {
        // The last chunk that does not begin above the key, else the first.
        let firsts = self.chunks.iter().filter_map(|chunk| chunk.first().copied());
        let firsts: Vec<Value<'h>> = firsts.collect();
        let index = upper_bound(eval, &firsts, key)?.saturating_sub(1);
        let Some(chunk) = self.chunks.get_mut(index) else { return Ok(false) };
        let at = upper_bound(eval, chunk, key)?;
        if let Some(before) = at.checked_sub(1).and_then(|before| chunk.get(before)).copied()
            && !less_than(eval, before, key)?
        {
            return Ok(false);
        }
        chunk.insert(at, key);
        if chunk.len() > CHUNK_LEN_MAX {
            let upper = chunk.split_off(CHUNK_LEN_MAX / 2);
            self.chunks.insert(index + 1, upper);
        }
        Ok(true)
    }
}

/// Returns how many of the sorted `keys` are not above `key`.
fn upper_bound<'h>(eval: &mut Eval<'h>, keys: &[Value<'h>], key: Value<'h>) -> Result<usize> {
    let (mut low, mut high) = (0, keys.len());
    while low < high {
        let middle = low.midpoint(high);
        let Some(&other) = keys.get(middle) else { break };
        if less_than(eval, key, other)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}
