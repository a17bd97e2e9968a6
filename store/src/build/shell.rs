//! Structured attributes as the two files that builders read them from.
//!
//! Both are written to the byte as CppNix does, because a builder may copy them to its output.

use std::io;

use serde_json::{Map, Value};

/// Returns the contents of `.attrs.json`.
pub(super) fn json_text(attributes: &Map<String, Value>) -> Vec<u8> {
    use serde::Serialize;
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, Numbers);
    // Writing to memory does not fail, and the keys are strings.
    let _ = attributes.serialize(&mut serializer);
    text
}

/// Returns the contents of `.attrs.sh`: what of the attributes bash can declare.
pub(super) fn shell_text(attributes: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (name, value) in attributes {
        if !is_variable(name) {
            continue;
        }
        match value {
            Value::Array(items) => {
                let items: Option<String> =
                    items.iter().map(|item| Some(simple(item)? + " ")).collect();
                if let Some(items) = items {
                    text.extend(["declare -a ", name, "=(", &items, ")\n"]);
                }
            }
            Value::Object(entries) => {
                let entries: Option<String> = entries
                    .iter()
                    .map(|(key, item)| Some(format!("[{}]={} ", quoted(key), simple(item)?)))
                    .collect();
                if let Some(entries) = entries {
                    text.extend(["declare -A ", name, "=(", &entries, ")\n"]);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                if let Some(value) = simple(value) {
                    text.extend(["declare ", name, "=", &value, "\n"]);
                }
            }
        }
    }
    text
}

/// Returns a value that fits a shell variable, or `None` for lists, sets and fractions.
fn simple(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(quoted(text)),
        Value::Null => Some("''".to_owned()),
        Value::Bool(true) => Some("1".to_owned()),
        Value::Bool(false) => Some(String::new()),
        Value::Number(number) => {
            // CppNix, StructuredAttrs::writeShell: through a 32-bit integer.
            let whole = match number.as_i64() {
                Some(whole) => whole,
                None => number.as_f64().filter(|it| it.fract() == 0.0)? as i64,
            };
            Some((whole as i32).to_string())
        }
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns `text` in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|it| it.is_ascii_alphabetic() || it == b'_')
        && bytes.all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

/// Compact JSON with the fractions of the JSON library that CppNix uses.
struct Numbers;

impl serde_json::ser::Formatter for Numbers {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(fraction(value).as_bytes())
    }
}

/// Returns the shortest digits of `value`: plain from `0.0001` to 15 digits, else with exponent.
fn fraction(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (-4..15).contains(&exponent) {
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_become_declarations() {
        let attributes = serde_json::json!({
            "a": "it's", "b": [1, true, null], "c": { "k-1": "v" }, "d": [[]], "e-f": 1,
            "g": 1.5, "h": 2.0, "i": false, "outputs": { "out": "/nix/store/x" },
        });
        let text = shell_text(attributes.as_object().unwrap());
        let expected = "declare a='it'\\''s'\n\
            declare -a b=(1 1 '' )\n\
            declare -A c=(['k-1']='v' )\n\
            declare h=2\n\
            declare i=\n\
            declare -A outputs=(['out']='/nix/store/x' )\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn fractions_have_the_digits_of_the_reference() {
        let cases = [
            (1.5, "1.5"),
            (2.0, "2.0"),
            (-0.0, "-0.0"),
            (1e100, "1e+100"),
            (1.5e-7, "1.5e-07"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (123_456_789_012_345.0, "123456789012345.0"),
            (1e15, "1e+15"),
        ];
        for (value, text) in cases {
            assert_eq!(fraction(value), text);
        }
    }
}
