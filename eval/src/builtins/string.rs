//! Strings: length, parts, joining, replacing.

use super::argument::{Inner, Later};
use super::table::wrong_type;
use crate::builtins;
use crate::coerce::{self, Mode, Purpose, Text};
use crate::error::{self, EvalError, FrameKind, Result};
use crate::heap::{Context, Lazy, Slot, Str, Value};
use crate::interpret::Eval;
use crate::source::Position;

builtins! {
    /// Returns how many bytes the string `text` has.
    ///
    /// ```nix
    /// builtins.stringLength "tea"  # => 3
    /// builtins.stringLength "ü"    # => 2
    /// builtins.stringLength 1      # error: cannot coerce an integer to a string: 1
    /// ```
    "stringLength"(text: Inner<'h>) => string_length;

    /// Returns the `length` bytes of the string `text` that begin at `start`.
    ///
    /// What lies beyond the end is left out; a negative `length` means all to the end. The result
    /// depends on what `text` depends on, even when it is empty.
    ///
    /// ```nix
    /// builtins.substring 0 3 "teapot"     # => "tea"
    /// builtins.substring 3 (-1) "teapot"  # => "pot"
    /// builtins.substring 9 1 "teapot"     # => ""
    /// builtins.substring (-1) 1 "teapot"  # error: negative start position in 'substring'
    /// builtins.hasContext (builtins.substring 0 0 (builtins.toFile "x" ""))  # => true
    /// ```
    "substring"(start: i64, length: Later<'h, i64>, text: Later<'h, Inner<'h>>) => substring;

    /// Returns the strings of the list `parts` as one, with `separator` between them.
    ///
    /// Paths among them are copied to the store.
    ///
    /// ```nix
    /// builtins.concatStringsSep ", " [ "a" "b" ]  # => "a, b"
    /// builtins.concatStringsSep ", " [ ]          # => ""
    /// builtins.concatStringsSep "" [ { outPath = "x"; } ]  # => "x"
    /// builtins.concatStringsSep "" [ 1 ]  # error: cannot coerce an integer to a string: 1
    /// ```
    "concatStringsSep"(separator: Str<'h>, parts: &'h [Slot<'h>]) => concat_strings_sep;

    /// Returns the string `text` with every occurrence of a string of the list `from` replaced by
    /// the string at the same place of the list `to`.
    ///
    /// Goes from left to right; where several fit, the first of the list counts, and what was put
    /// in is not looked at again. An empty string fits everywhere. Only the strings of `to` that
    /// are needed are forced.
    ///
    /// ```nix
    /// builtins.replaceStrings [ "oo" "a" ] [ "a" "i" ] "foobar"   # => "fabir"
    /// builtins.replaceStrings [ "a" "x" ] [ "b" (throw "") ] "a"  # => "b"
    /// builtins.replaceStrings [ "" ] [ "-" ] "ab"                 # => "-a-b-"
    /// builtins.replaceStrings [ "" "a" ] [ "-" "x" ] "ab"         # => "-a-b-"
    /// builtins.replaceStrings [ "a" ] [ ] "a"
    /// # error: 'from' and 'to' arguments passed to builtins.replaceStrings have different lengths
    /// ```
    "replaceStrings"(from: &'h [Slot<'h>], to: &'h [Slot<'h>], text: Later<'h, Str<'h>>)
        => replace_strings;
}

/// Coerces an argument, copying a path to the store.
fn coerced<'h>(eval: &mut Eval<'h>, value: Value<'h>, step: &str) -> Result<Str<'h>> {
    if let Some(string) = value.as_string() {
        return Ok(string);
    }
    let purpose = Purpose { position: Position::NONE, text: step };
    coerce::to_string_for(eval, value, Mode::Interpolate, purpose)
}

fn string_length<'h>(eval: &mut Eval<'h>, Inner(text): Inner<'h>) -> Result<Value<'h>> {
    let step = "while evaluating the argument passed to builtins.stringLength";
    let text = coerced(eval, text, step)?;
    Ok(Value::int(i64::try_from(text.bytes().len()).unwrap_or(i64::MAX)))
}

fn substring<'h>(
    eval: &mut Eval<'h>,
    start: i64,
    length: Later<'h, i64>,
    text: Later<'h, Inner<'h>>,
) -> Result<Value<'h>> {
    let Ok(start) = usize::try_from(start) else {
        return Err(error::other("negative start position in 'substring'"));
    };
    let length = length.take_now(eval, 1, "substring")?;
    let step = "while evaluating the third argument (the string) passed to builtins.substring";
    let Inner(text) = text.take_now(eval, 2, "substring")?;
    let text = coerced(eval, text, step)?;
    let rest = text.bytes().get(start..).unwrap_or_default();
    let part = match usize::try_from(length) {
        Ok(length) => rest.get(..length).unwrap_or(rest),
        Err(_) => rest,
    };
    Ok(Value::string(eval.heap(), Str::with_context(part, text.context())))
}

fn concat_strings_sep<'h>(
    eval: &mut Eval<'h>,
    separator: Str<'h>,
    parts: &'h [Slot<'h>],
) -> Result<Value<'h>> {
    let heap = eval.heap();
    if let [only] = parts {
        let only = part(eval, only)?;
        let context = Context::union(heap, separator.context(), only.context());
        return Ok(Value::string(heap, Str::with_context(only.bytes(), context)));
    }
    let mut text = Text::with_capacity((parts.len() + 32) * (separator.bytes().len() + 8));
    text.depend(separator.context());
    let mut is_first = true;
    for slot in parts {
        if !is_first {
            text.bytes.extend_from_slice(separator.bytes());
        }
        is_first = false;
        text.push(part(eval, slot)?);
    }
    finish(eval, text)
}

#[inline]
fn part<'h>(eval: &mut Eval<'h>, slot: &'h Slot<'h>) -> Result<Str<'h>> {
    let value = eval.force_inner(Lazy::from_slot(slot))?;
    if let Some(string) = value.as_string() {
        return Ok(string);
    }
    let purpose = Purpose {
        position: Position::NONE,
        text: "while evaluating one element of the list of strings to concat passed to \
               builtins.concatStringsSep",
    };
    coerce::to_string_for(eval, value, Mode::Interpolate, purpose)
}

/// Returns a built text as a value.
fn finish<'h>(eval: &Eval<'h>, text: Text<'h>) -> Result<Value<'h>> {
    if u32::try_from(text.bytes.len()).is_err() {
        return Err(error::limit("a string would have 4 GiB or more"));
    }
    Ok(Value::string(eval.heap(), text.finish(eval.heap())))
}

fn replace_strings<'h>(
    eval: &mut Eval<'h>,
    from: &'h [Slot<'h>],
    to: &'h [Slot<'h>],
    text: Later<'h, Str<'h>>,
) -> Result<Value<'h>> {
    if from.len() != to.len() {
        return Err(error::other(
            "'from' and 'to' arguments passed to builtins.replaceStrings have different lengths",
        ));
    }
    let mut patterns = Vec::with_capacity(from.len());
    for slot in from {
        let step = "while evaluating one of the strings to replace passed to \
                    builtins.replaceStrings";
        patterns.push(string(eval, slot, step)?.bytes());
    }
    let text = text.take_now(eval, 2, "replaceStrings")?;
    let finder = Finder::new(&patterns);
    let mut replaced = Text::default();
    let mut used: Vec<Option<&'h [u8]>> = vec![None; to.len()];
    let bytes = text.bytes();
    // What lies before `copied` is in the result already.
    let (mut copied, mut at) = (0, 0);
    while let Some((place, index)) = finder.find(bytes, at) {
        let replacement = match used.get(index).copied().flatten() {
            Some(known) => known,
            None => {
                let new = replacement(eval, to, index)?;
                replaced.depend(new.context());
                if let Some(known) = used.get_mut(index) {
                    *known = Some(new.bytes());
                }
                new.bytes()
            }
        };
        if replaced.bytes.capacity() == 0 {
            replaced.bytes.reserve(bytes.len() + replacement.len());
        }
        replaced.bytes.extend_from_slice(bytes.get(copied..place).unwrap_or_default());
        replaced.bytes.extend_from_slice(replacement);
        let length = patterns.get(index).map_or(0, |pattern| pattern.len());
        copied = place + length;
        // After an empty pattern, the byte there is passed over.
        at = place + length.max(1);
        if at > bytes.len() {
            break;
        }
    }
    if used.iter().all(Option::is_none) {
        return Ok(Value::string(eval.heap(), text));
    }
    replaced.bytes.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    replaced.depend(text.context());
    finish(eval, replaced)
}

fn replacement<'h>(eval: &mut Eval<'h>, to: &'h [Slot<'h>], index: usize) -> Result<Str<'h>> {
    let step = "while evaluating one of the replacement strings passed to builtins.replaceStrings";
    match to.get(index) {
        Some(slot) => string(eval, slot, step),
        None => Ok(Str::new(b"")),
    }
}

/// Forces an element that must be a string.
fn string<'h>(eval: &mut Eval<'h>, slot: &'h Slot<'h>, step: &str) -> Result<Str<'h>> {
    let in_step = |error: Box<EvalError>| error.frame(Position::NONE, FrameKind::Evaluator, step);
    let value = eval.force(slot).map_err(in_step)?;
    value.as_string().ok_or_else(|| in_step(wrong_type(eval, "a string", value)))
}

/// Finds the first of several patterns that fits.
struct Finder<'p> {
    patterns: &'p [&'p [u8]],
    /// For each byte the first pattern that begins with it or is empty, [`Finder::NONE`] if none.
    starts: [u32; 256],
    /// The first empty pattern: it fits at the end, too.
    empty: u32,
}

impl<'p> Finder<'p> {
    const NONE: u32 = u32::MAX;

    fn new(patterns: &'p [&'p [u8]]) -> Finder<'p> {
        let mut finder = Finder { patterns, starts: [Self::NONE; 256], empty: Self::NONE };
        for (pattern, index) in patterns.iter().zip(0..) {
            match pattern.first() {
                Some(byte) => {
                    let start = &mut finder.starts[usize::from(*byte)];
                    *start = (*start).min(index);
                }
                None => finder.empty = finder.empty.min(index),
            }
        }
        if finder.empty != Self::NONE {
            for start in &mut finder.starts {
                *start = (*start).min(finder.empty);
            }
        }
        finder
    }

    /// Returns where the first pattern fits at `from` or later, and its index.
    fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let mut at = from;
        if let [[only]] = self.patterns {
            let rest = text.get(from..)?;
            return memchr::memchr(*only, rest).map(|found| (from + found, 0));
        }
        while let Some(byte) = text.get(at) {
            let start = self.starts[usize::from(*byte)];
            if start != Self::NONE {
                let rest = text.get(at..).unwrap_or_default();
                let candidates = self.patterns.iter().enumerate().skip(start as usize);
                for (index, pattern) in candidates {
                    if rest.starts_with(pattern) {
                        return Some((at, index));
                    }
                }
            }
            at += 1;
        }
        (self.empty != Self::NONE && at == text.len()).then_some((at, self.empty as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::Finder;

    #[test]
    fn the_first_pattern_of_the_list_wins_and_the_empty_one_fits_at_the_end() {
        let patterns: [&[u8]; 3] = [b"bc", b"b", b"a"];
        let finder = Finder::new(&patterns);
        assert_eq!(finder.find(b"xxbcb", 0), Some((2, 0)));
        assert_eq!(finder.find(b"xxbcb", 3), Some((4, 1)));
        assert_eq!(finder.find(b"xx", 0), None);
        let patterns: [&[u8]; 2] = [b"ab", b""];
        let finder = Finder::new(&patterns);
        assert_eq!(finder.find(b"xab", 0), Some((0, 1)));
        assert_eq!(finder.find(b"xab", 1), Some((1, 0)));
        assert_eq!(finder.find(b"xab", 3), Some((3, 1)));
        assert_eq!(finder.find(b"xab", 4), None);
    }
}
