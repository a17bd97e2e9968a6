//! What literals mean: escapes, indentation, numbers and the kinds of paths, on plain bytes.
//!
//! Everything here works on the raw text of tokens and knows no tree, so that lowering, the
//! typed tree and the linter share it.

use std::borrow::Cow;

use memchr::memchr2;

/// Returns the value of the text between the quotes or interpolations of a `"` string.
///
/// `\n`, `\r` and `\t` are control characters, `\` before any other byte gives that byte, a
/// carriage return becomes a line feed and takes a following line feed with it. A `\` at the very
/// end, which only a broken file has, stands for itself.
pub fn unescape_string(raw: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr2(b'\\', b'\r', raw) else { return Cow::Borrowed(raw) };
    let mut value = Vec::with_capacity(raw.len());
    let mut rest = raw;
    let mut next = Some(first);
    while let Some(at) = next {
        let (plain, special) = rest.split_at(at);
        value.extend_from_slice(plain);
        rest = match special {
            [b'\\', escaped, tail @ ..] => {
                value.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => *other,
                });
                tail
            }
            [b'\r', b'\n', tail @ ..] | [b'\r', tail @ ..] => {
                value.push(b'\n');
                tail
            }
            [other, tail @ ..] => {
                value.push(*other);
                tail
            }
            [] => special,
        };
        next = memchr2(b'\\', b'\r', rest);
    }
    value.extend_from_slice(rest);
    Cow::Owned(value)
}

/// Returns the value of an `IndentedEscape` token: `''$`, `$`, `'''`, `'` or `''\x`.
pub fn unescape_indented(raw: &[u8]) -> Cow<'_, [u8]> {
    match raw {
        b"''$" => Cow::Borrowed(b"$"),
        b"'''" => Cow::Borrowed(b"''"),
        [b'\'', b'\'', escape @ ..] => unescape_string(escape),
        other => Cow::Borrowed(other),
    }
}

/// One part of an indented string as it is written; `E` stands for an interpolated expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IndentedPart<'t, E> {
    /// The text of an `IndentedContent` token.
    Text(&'t [u8]),
    /// The text of an `IndentedEscape` token.
    Escape(&'t [u8]),
    /// An interpolation.
    Interpolation(E),
}

/// One part of a string's value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StringPart<'t, E> {
    /// Text, never empty.
    Text(Cow<'t, [u8]>),
    /// An interpolation.
    Interpolation(E),
}

/// Returns the parts of an indented string without their common indentation.
///
/// Of all lines that hold more than spaces the least indentation is removed from each line; only
/// spaces count, a tab is text. Escapes and interpolations end the indentation of their line. A
/// last line of nothing but spaces disappears, its line feed stays. Parts that become empty are
/// left out. No parts at all mean the empty string.
///
/// Two texts may follow each other: each part of the source stays a part, and `part` tells which
/// one it was, by its index in `parts`.
///
/// # Source
///
/// CppNix, `ParserState::stripIndentation`: where escapes end the white space, and that the last
/// line is looked at only when the last part is text.
pub fn strip_indentation<'t, E: Clone>(
    parts: &[IndentedPart<'t, E>],
) -> Vec<(usize, StringPart<'t, E>)> {
    let indent = common_indentation(parts);
    let mut stripped = Vec::with_capacity(parts.len());
    let mut line = LineStart { at_start: true, dropped: 0 };
    for (index, part) in parts.iter().enumerate() {
        let text = match part {
            IndentedPart::Interpolation(expr) => {
                line = LineStart { at_start: false, dropped: 0 };
                stripped.push((index, StringPart::Interpolation(expr.clone())));
                continue;
            }
            IndentedPart::Text(raw) => strip_text(Cow::Borrowed(raw), indent, &mut line),
            IndentedPart::Escape(raw) => strip_text(unescape_indented(raw), indent, &mut line),
        };
        let text = if index + 1 == parts.len() { without_blank_last_line(text) } else { text };
        if !text.is_empty() {
            stripped.push((index, StringPart::Text(text)));
        }
    }
    stripped
}

/// How far the current line of an indented string has been read.
struct LineStart {
    /// Only spaces so far.
    at_start: bool,
    /// Spaces left out so far.
    dropped: usize,
}

/// Returns the least number of spaces before the first other thing of a line.
fn common_indentation<E>(parts: &[IndentedPart<'_, E>]) -> usize {
    let mut least = usize::MAX;
    let mut current = 0;
    let mut at_start = true;
    for part in parts {
        let IndentedPart::Text(text) = part else {
            if at_start {
                at_start = false;
                least = least.min(current);
            }
            continue;
        };
        for byte in *text {
            match (at_start, byte) {
                (true, b' ') => current += 1,
                (_, b'\n') => {
                    at_start = true;
                    current = 0;
                }
                (true, _) => {
                    at_start = false;
                    least = least.min(current);
                }
                (false, _) => {}
            }
        }
    }
    least
}

/// Removes up to `indent` spaces from the start of each line that begins in `text`.
fn strip_text<'t>(text: Cow<'t, [u8]>, indent: usize, line: &mut LineStart) -> Cow<'t, [u8]> {
    let mut kept = Vec::with_capacity(text.len());
    for byte in text.iter().copied() {
        if line.at_start {
            match byte {
                b' ' => {
                    line.dropped += 1;
                    if line.dropped <= indent {
                        continue;
                    }
                }
                b'\n' => line.dropped = 0,
                _ => *line = LineStart { at_start: false, dropped: 0 },
            }
        } else if byte == b'\n' {
            line.at_start = true;
        }
        kept.push(byte);
    }
    if kept.len() == text.len() { text } else { Cow::Owned(kept) }
}

/// Removes what follows the last line feed if that is nothing but spaces.
fn without_blank_last_line(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let Some(feed) = memchr::memrchr(b'\n', &text) else { return text };
    let end = feed + 1;
    if text.iter().skip(end).any(|byte| *byte != b' ') {
        return text;
    }
    match text {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..end).unwrap_or(bytes)),
        Cow::Owned(mut bytes) => {
            bytes.truncate(end);
            Cow::Owned(bytes)
        }
    }
}

/// Returns the value of an `Integer` token, or `None` if it does not fit 64 bits with sign.
pub fn parse_integer(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(i64::from(digit))
    })
}

/// Returns the value of a `Float` token, or `None` if it is too large, or too close to zero.
///
/// # Source
///
/// C, `strtod` with `errno`: an infinite result and one below the smallest normal number are
/// range errors, a literal zero is none.
pub fn parse_float(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    if value.is_normal() {
        return Some(value);
    }
    let mantissa = text.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
    let is_zero = mantissa.clone().all(|byte| matches!(byte, b'0' | b'.'));
    is_zero.then_some(0.0)
}

/// What a path literal is relative to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathKind {
    /// `/a/b`
    Absolute,
    /// `./a`, `../a`, `a/b`: relative to the folder of the file.
    Relative,
    /// `~/a`: relative to the home folder of the person who evaluates.
    Home,
    /// `<a/b>`: looked up along the search path.
    Lookup,
}

impl PathKind {
    /// Returns the kind of the path whose first token (`PathStart` or `LookupPath`) is `text`.
    pub fn of(text: &[u8]) -> PathKind {
        match text {
            [b'/', ..] => PathKind::Absolute,
            [b'~', ..] => PathKind::Home,
            [b'<', ..] => PathKind::Lookup,
            _ => PathKind::Relative,
        }
    }
}

/// Returns `a/b` of the lookup path `<a/b>`.
pub fn lookup_path_name(text: &[u8]) -> &[u8] {
    let inner = text.strip_prefix(b"<").unwrap_or(text);
    inner.strip_suffix(b">").unwrap_or(inner)
}
