//! Regular expressions: matching a whole string, and splitting one.

use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::argument::{Later, Plain};
use crate::builtins;
use crate::error::{self, ErrorKind, EvalError, Result};
use crate::heap::{Heap, Slot, Str, Value};
use crate::interpret::Eval;
use crate::regex::{Match, Regex, RegexError, Scratch, Span, Stopped};

builtins! {
    /// Returns the groups of the regular expression `pattern` in the string `text`, or null if it
    /// does not match the whole of it.
    ///
    /// Expressions are POSIX extended ones, over bytes. A group that takes no part is null.
    ///
    /// ```nix
    /// builtins.match "ab" "abc"               # => null
    /// builtins.match "a(b)(c)?" "ab"          # => [ "b" null ]
    /// builtins.match "[[:space:]]+(.*)" " x"  # => [ "x" ]
    /// builtins.match "abc" "abc"              # => [ ]
    /// builtins.match "(" "x"                  # error: invalid regular expression '('
    /// ```
    "match"(pattern: Plain<'h>, text: Later<'h, Str<'h>>) => match_builtin;

    /// Returns the parts of the string `text` between the matches of the regular expression
    /// `pattern`, and between them a list of each match's groups.
    ///
    /// ```nix
    /// builtins.split "(a)b" "abc"    # => [ "" [ "a" ] "c" ]
    /// builtins.split "([ac])" "abc"  # => [ "" [ "a" ] "b" [ "c" ] "" ]
    /// builtins.split "," "a,b"       # => [ "a" [ ] "b" ]
    /// builtins.split "x" "abc"       # => [ "abc" ]
    /// builtins.split "" "ab"         # => [ "" [ ] "a" [ ] "b" [ ] "" ]
    /// ```
    "split"(pattern: Plain<'h>, text: Later<'h, Str<'h>>) => split;
}

/// The expressions that an evaluation has compiled, and the memory that matching them uses.
#[derive(Default)]
pub(crate) struct Compiled {
    by_pattern: FxHashMap<Box<[u8]>, Rc<Regex>>,
    scratch: Scratch,
}

fn compile(eval: &mut Eval<'_>, pattern: &[u8]) -> Result<Rc<Regex>> {
    if let Some(regex) = eval.known.regexes.by_pattern.get(pattern) {
        return Ok(Rc::clone(regex));
    }
    let regex = Regex::new(pattern).map_err(|problem| match problem {
        RegexError::Invalid => {
            let pattern = String::from_utf8_lossy(pattern);
            error::other(format!("invalid regular expression '{pattern}'"))
        }
        RegexError::TooLarge => too_large(pattern),
    })?;
    let regex = Rc::new(regex);
    eval.known.regexes.by_pattern.insert(pattern.into(), Rc::clone(&regex));
    Ok(regex)
}

#[cold]
fn too_large(pattern: &[u8]) -> Box<EvalError> {
    let pattern = String::from_utf8_lossy(pattern);
    error::other(format!("memory limit exceeded by regular expression '{pattern}'"))
}

#[cold]
fn stopped(problem: Stopped, pattern: &[u8]) -> Box<EvalError> {
    match problem {
        Stopped::Cancelled => EvalError::new(ErrorKind::Cancelled, "interrupted by the user"),
        Stopped::TooLarge => too_large(pattern),
    }
}

fn match_builtin<'h>(
    eval: &mut Eval<'h>,
    pattern: Plain<'h>,
    text: Later<'h, Str<'h>>,
) -> Result<Value<'h>> {
    let regex = compile(eval, pattern.0)?;
    let text = text.take_now(eval, 1, "match")?.bytes();
    let cancel = &eval.settings().cancel;
    let found = regex.match_whole(text, &mut eval.known.regexes.scratch, cancel);
    match found.map_err(|problem| stopped(problem, pattern.0))? {
        None => Ok(Value::NULL),
        Some(found) => Ok(groups(eval.heap(), text, &found)),
    }
}

fn split<'h>(
    eval: &mut Eval<'h>,
    pattern: Plain<'h>,
    text: Later<'h, Str<'h>>,
) -> Result<Value<'h>> {
    let regex = compile(eval, pattern.0)?;
    let original = text.lazy();
    let text = text.take_now(eval, 1, "split")?.bytes();
    let cancel = &eval.settings().cancel;
    let found = regex.find_all(text, &mut eval.known.regexes.scratch, cancel);
    let found = found.map_err(|problem| stopped(problem, pattern.0))?;
    let heap = eval.heap();
    if found.is_empty() {
        // The string itself, with what it depends on.
        return Ok(Value::list(heap.arena().alloc_slice_with(1, |_| Slot::new(original))));
    }
    let mut rest = 0;
    let slots = heap.arena().alloc_slice_with(2 * found.len() + 1, |index| {
        let next = found.get(index / 2);
        let value = match next {
            Some(next) if index % 2 == 1 => groups(heap, text, next),
            Some(next) => {
                let before = (rest, next.whole.0);
                rest = next.whole.1;
                slice(heap, text, before)
            }
            None => slice(heap, text, (rest, text.len())),
        };
        Slot::of(value)
    });
    Ok(Value::list(slots))
}

/// Returns the groups of a match as a list; the strings share the bytes of the text.
fn groups<'h>(heap: &'h Heap, text: &'h [u8], found: &Match) -> Value<'h> {
    let slots = heap.arena().alloc_slice_with(found.groups.len(), |index| {
        Slot::of(match found.groups.get(index).copied().flatten() {
            Some(span) => slice(heap, text, span),
            None => Value::NULL,
        })
    });
    Value::list(slots)
}

fn slice<'h>(heap: &'h Heap, text: &'h [u8], (start, end): Span) -> Value<'h> {
    Value::string(heap, Str::new(text.get(start..end).unwrap_or_default()))
}
