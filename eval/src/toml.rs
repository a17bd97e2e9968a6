//! TOML text to values.
//!
//! Dates and times are sets with `_type = "timestamp"`, where the feature is on.
//! Source: CppNix, `fromTOML`, and toml11, whose form the messages have.

use std::fmt::Write;

use toml::de::Error;
use toml::value::{Datetime, Offset, Time};

use crate::error::{self, EvalError, Result};
use crate::heap::{AttrsBuilder, Heap, Slot, Symbol, Value};

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

/// Shows a syntax error under its line.
#[cold]
fn syntax(text: &str, error: &Error) -> Box<EvalError> {
    let span = error.span().unwrap_or(text.len()..text.len());
    let message = error.message().trim_end().replace('\n', ", ");
    let token = text.get(span.clone()).unwrap_or_default();
    let (message, at, hint) = if is_large_decimal(token) {
        let message = "toml::parse_dec_integer: too large integer: current max digits = 2^63";
        (message.to_owned(), span.end, "must be < 2^63")
    } else if message.starts_with("key with no value") {
        let message = "toml::parse_key_value_pair: invalid key value separator `=`";
        (message.to_owned(), span.start, "expected =")
    } else {
        (format!("toml::parse: {message}"), span.start, "here")
    };
    let before = text.get(..at).unwrap_or(text);
    let number = (1 + before.matches('\n').count()).to_string();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let margin = " ".repeat(number.len() + 2);
    let indent = " ".repeat(at - start);
    refused(&format!(
        "[error] {message}\n --> fromTOML\n{margin}|\n {number} | {line}\n\
         {margin}| {indent}^-- {hint}\n"
    ))
}

/// Whether a token is a decimal integer, refused only because it is too large.
fn is_large_decimal(token: &str) -> bool {
    let digits = token.trim_start_matches(['+', '-']);
    let digits = digits.replace('_', "");
    digits.len() > 18 && digits.bytes().all(|byte| byte.is_ascii_digit())
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
