//! TOML text to values.
//!
//! Dates and times are sets with `_type = "timestamp"`, where the feature is on.
//! Source: CppNix, `fromTOML`, and toml11, whose form the messages have.

mod explain;

use std::fmt::Write;

use toml::de::Error;
use toml::value::{Datetime, Offset, Time};

use crate::error::{self, EvalError, Result};
use crate::heap::{AttrsBuilder, Heap, Slot, Symbol, Value};
use explain::Finding;

/// Returns the value of a TOML text; with `timestamps`, dates and times are accepted.
///
/// # Errors
///
/// A text that is not TOML, an integer beyond 64 bits, a string with a NUL in it, or a date where
/// they are not accepted.
pub fn read<'h>(heap: &'h Heap, text: &[u8], timestamps: bool) -> Result<Value<'h>> {
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(refused("[error] toml::parse: the text is not UTF-8"));
    };
    let table: toml::Table = text.parse().map_err(|error| syntax(text, &error))?;
    convert(heap, &toml::Value::Table(table), timestamps)
}

fn convert<'h>(heap: &'h Heap, value: &toml::Value, timestamps: bool) -> Result<Value<'h>> {
    match value {
        toml::Value::String(text) => {
            check(text)?;
            Ok(Value::string_from(heap, text.as_bytes()))
        }
        toml::Value::Integer(number) => Ok(Value::int(*number)),
        toml::Value::Float(number) => Ok(Value::float(*number)),
        toml::Value::Boolean(value) => Ok(Value::bool(*value)),
        toml::Value::Datetime(_) if !timestamps => {
            Err(refused("Dates and times are not supported"))
        }
        toml::Value::Datetime(datetime) => {
            let mut attrs = AttrsBuilder::with_capacity(2);
            attrs.push_named("_type", Value::string_from(heap, b"timestamp"));
            let shown = show_datetime(datetime);
            attrs.push_named("value", Value::string_from(heap, shown.as_bytes()));
            Ok(attrs.finish_value(heap))
        }
        toml::Value::Array(items) => {
            let items: Vec<Value<'h>> =
                items.iter().map(|item| convert(heap, item, timestamps)).collect::<Result<_>>()?;
            let slots = heap.arena().alloc_slice_with(items.len(), |index| {
                Slot::of(items.get(index).copied().unwrap_or(Value::NULL))
            });
            Ok(Value::list(slots))
        }
        toml::Value::Table(table) => {
            let mut attrs = AttrsBuilder::with_capacity(table.len());
            for (name, item) in table {
                check(name)?;
                let name = Symbol::intern(name.as_bytes());
                attrs.push(name, convert(heap, item, timestamps)?);
            }
            Ok(attrs.finish_value(heap))
        }
    }
}

/// Returns a date or time in the form of RFC 3339, fractions of seconds in groups of three digits.
fn show_datetime(datetime: &Datetime) -> String {
    let mut out = String::new();
    if let Some(date) = datetime.date {
        push(&mut out, format_args!("{:04}-{:02}-{:02}", date.year, date.month, date.day));
    }
    if let Some(time) = datetime.time {
        if datetime.date.is_some() {
            out.push('T');
        }
        push_time(&mut out, time);
    }
    match datetime.offset {
        None => {}
        Some(Offset::Z | Offset::Custom { minutes: 0 }) => out.push('Z'),
        Some(Offset::Custom { minutes }) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.unsigned_abs();
            push(&mut out, format_args!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
        }
    }
    out
}

fn push_time(out: &mut String, time: Time) {
    push(out, format_args!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second));
    let nanoseconds = time.nanosecond;
    if nanoseconds == 0 {
        return;
    }
    if !nanoseconds.is_multiple_of(1_000) {
        push(out, format_args!(".{nanoseconds:09}"));
    } else if !nanoseconds.is_multiple_of(1_000_000) {
        push(out, format_args!(".{:06}", nanoseconds / 1_000));
    } else {
        push(out, format_args!(".{:03}", nanoseconds / 1_000_000));
    }
}

fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string never fails.
    let _ = out.write_fmt(arguments);
}

/// Refuses a text that cannot be a string of the language.
fn check(text: &str) -> Result<()> {
    if !text.contains('\0') {
        return Ok(());
    }
    let shown = text.replace('\0', "␀");
    Err(refused(&format!(
        "error: input string '{shown}' cannot be represented as Nix string because it contains \
         null bytes"
    )))
}

#[cold]
fn refused(problem: &str) -> Box<EvalError> {
    error::other(format!("while parsing TOML: {problem}"))
}

/// Shows what is wrong with a text, each under its line.
#[cold]
fn syntax(text: &str, error: &Error) -> Box<EvalError> {
    let findings = explain::explain(text);
    if findings.is_empty() {
        let start = error.span().map_or(text.len(), |span| span.start);
        let message = error.message().trim_end().replace('\n', ", ");
        let places = vec![(start..start + 1, "here".to_owned())];
        let message = format!("toml::parse: {message}");
        let finding = Finding { message, places, hints: &[], is_at_end: false };
        return refused(&show_finding(text, &finding));
    }
    let shown: Vec<String> = findings.iter().map(|it| show_finding(text, it)).collect();
    refused(&shown.concat())
}

/// Shows a finding in toml11's form.
fn show_finding(text: &str, finding: &Finding) -> String {
    let mut out = format!("[error] {}\n --> fromTOML\n", finding.message);
    let numbers = finding.places.iter().map(|(place, _)| line_number(text, place.start));
    let largest = numbers.max().unwrap_or(1) + usize::from(finding.is_at_end);
    let width = largest.to_string().len();
    let margin = " ".repeat(width + 2);
    for ((place, words), index) in finding.places.iter().zip(0..) {
        if index > 0 {
            push(&mut out, format_args!("{margin}| ...\n"));
        }
        push(&mut out, format_args!("{margin}|\n"));
        if finding.is_at_end {
            push_end(&mut out, text, words, width);
            continue;
        }
        let number = line_number(text, place.start);
        let (start, line) = line_at(text, place.start);
        let (line, column) = cut(line.as_bytes(), place.start - start, place.len().max(1));
        push(&mut out, format_args!(" {number:>width$} | {line}\n"));
        let indent = " ".repeat(column);
        // A single place is pointed at, more are underlined.
        let carets = "^".repeat(place.len().max(1));
        push(&mut out, format_args!("{margin}| {indent}{carets}-- {words}\n"));
    }
    for hint in finding.hints {
        push(&mut out, format_args!("{hint}\n"));
    }
    out
}

/// Shows the end of a text, where something is missing: its last line, and, as toml11 has it, all
/// of it as another one.
fn push_end(out: &mut String, text: &str, words: &str, width: usize) {
    let margin = " ".repeat(width + 2);
    let whole = text.strip_suffix('\n').unwrap_or(text);
    let number = 1 + whole.matches('\n').count();
    let (_, last) = line_at(whole, whole.len());
    let first = whole.lines().next().unwrap_or_default();
    let (shown, column) = cut(last.as_bytes(), last.len(), 1);
    let indent = " ".repeat(column);
    push(out, format_args!(" {number:>width$} | {shown}\n"));
    push(out, format_args!("{margin}| {indent}--\n"));
    let is_line = first.len() == whole.len();
    let whole = if is_line { shown } else { in_ascii(whole.as_bytes()) };
    push(out, format_args!(" {:>width$} | {whole}\n", number + 1));
    let carets = "^".repeat(if is_line { column } else { first.len() } + 1);
    push(out, format_args!("{margin}| {carets}-- {words}\n"));
}

/// How many bytes of a line are shown before a place in it, and from its beginning on.
const SHOWN_BYTES: usize = 30;

/// Returns what is shown of a line around the place of `length` bytes at `column`, and where the
/// place is in that.
///
/// Source: toml11, `source_location`.
fn cut(line: &[u8], column: usize, length: usize) -> (String, usize) {
    let column = column.min(line.len());
    let (before, rest) = line.split_at(column);
    let (before, dots) = match before.len().checked_sub(SHOWN_BYTES) {
        Some(surplus) if surplus > 0 => (before.get(surplus..).unwrap_or_default(), "... "),
        _ => (before, ""),
    };
    let shown_max = length + SHOWN_BYTES - 1;
    let (rest, more) = match rest.get(..shown_max) {
        Some(shown) if rest.len() > shown_max => (shown, " ..."),
        _ => (rest, ""),
    };
    let start = format!("{dots}{}", in_ascii(before));
    let column = dots.len() + before.len();
    (format!("{start}{}{more}", in_ascii(rest)), column)
}

fn line_number(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}

/// Returns where the line around `at` begins, and the line.
fn line_at(text: &str, at: usize) -> (usize, &str) {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    (start, text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default())
}

/// Returns a line with numbers instead of bytes that are not printable ASCII.
fn in_ascii(line: &[u8]) -> String {
    let mut out = String::new();
    for &byte in line {
        match byte {
            b'\n' => out.push_str("0x0a(LINE FEED)"),
            b'\r' => out.push_str("0x0d(CARRIAGE RETURN)"),
            b'\t' | b' '..=b'~' => out.push(char::from(byte)),
            _ => push(&mut out, format_args!("0x{byte:02x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Datetime, read, show_datetime};
    use crate::heap::Heap;

    #[test]
    fn only_toml_1_0_is_read() {
        let heap = Heap::new();
        for text in ["a = {b = 1,}", "a = {b = 1,\n c = 2}", "a = \"\\e\"", "a = 07:32", "a = 01"] {
            assert!(read(&heap, text.as_bytes(), true).is_err(), "{text}");
        }
        for text in ["a = [1,\n2,]", "a = 1e3", "\"a b\".c = 1", "a = 07:32:00", ""] {
            assert!(read(&heap, text.as_bytes(), true).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_syntax_error_shows_its_line() {
        let heap = Heap::new();
        let message = |text: &str| read(&heap, text.as_bytes(), false).err().unwrap().message;
        assert_eq!(
            message("x = 1\nattr = -9223372036854775809"),
            "while parsing TOML: [error] toml::parse_dec_integer: too large integer: current max \
             digits = 2^63\n --> fromTOML\n   |\n 2 | attr = -9223372036854775809\n   |         \
             \u{20}                  ^-- must be < 2^63\n"
        );
        assert!(message("a =").ends_with("\n 1 | a =\n   |    ^-- here\n"));
        assert_eq!(
            message("a = \"b\\u0000\""),
            "while parsing TOML: error: input string 'b␀' cannot be represented as Nix string \
             because it contains null bytes"
        );
        assert_eq!(
            message("a = 1979-05-27"),
            "while parsing TOML: Dates and times are not supported"
        );
    }

    #[test]
    fn fractions_of_seconds_have_three_digits_or_six_or_nine() {
        let cases = [
            ("1979-05-27", "1979-05-27"),
            ("07:32:00.1", "07:32:00.100"),
            ("1979-05-27 07:32:00.1234z", "1979-05-27T07:32:00.123400Z"),
            ("1979-05-27t00:32:00.1234567891-07:30", "1979-05-27T00:32:00.123456789-07:30"),
            ("1979-05-27T00:32:00+00:00", "1979-05-27T00:32:00Z"),
        ];
        for (text, shown) in cases {
            let datetime: Datetime = text.parse().unwrap();
            assert_eq!(show_datetime(&datetime), shown);
        }
    }
}
