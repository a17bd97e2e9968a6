//! Values as a person reads them: in lines, evaluated as they are shown, packages by name.

use eval::error::{ErrorKind, Result};
use eval::heap::{Attrs, Kind, Slot, Value};
use eval::interpret::Eval;
use eval::print;

/// How deep a value is shown.
const DEPTH_MAX: usize = 12;

/// How long a list or set may be, in bytes, to stand in one line.
const LINE_MAX: usize = 72;

/// Returns a value as text of the language, except that what has no text stands in `«»`.
///
/// # Errors
///
/// When the evaluation is cancelled. What fails inside the value is shown where it is.
pub(super) fn show<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<String> {
    text(eval, value, 0)
}

fn text<'h>(eval: &mut Eval<'h>, value: Value<'h>, depth: usize) -> Result<String> {
    if depth > DEPTH_MAX {
        return Ok("«...»".to_owned());
    }
    match value.kind() {
        Kind::Attrs(attrs) => match derivation_name(eval, attrs)? {
            Some(name) => Ok(format!("«derivation {name}»")),
            None => eval.deeper(|eval| set(eval, attrs, depth)),
        },
        Kind::List(list) => eval.deeper(|eval| {
            let mut items = Vec::new();
            for slot in list {
                items.push(inner(eval, slot, depth)?);
            }
            Ok(enclosed('[', items, ']', depth))
        }),
        Kind::String(string) => {
            let mut out = Vec::new();
            print::push_string(&mut out, string.bytes());
            Ok(String::from_utf8_lossy(&out).into_owned())
        }
        _ => Ok(print::show(eval, value)),
    }
}

fn set<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>, depth: usize) -> Result<String> {
    let mut items = Vec::new();
    for attr in attrs.iter_by_name(eval.heap()) {
        let mut name = Vec::new();
        print::push_name(&mut name, attr.name.as_bytes());
        let value = inner(eval, attr.slot, depth)?;
        items.push(format!("{} = {value};", String::from_utf8_lossy(&name)));
    }
    Ok(enclosed('{', items, '}', depth))
}

fn inner<'h>(eval: &mut Eval<'h>, slot: &'h Slot<'h>, depth: usize) -> Result<String> {
    match eval.force(slot) {
        Ok(value) => text(eval, value, depth + 1),
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
        Err(error) => {
            let first = error.message.trim().lines().next().unwrap_or_default();
            Ok(format!("«error: {first}»"))
        }
    }
}

/// Puts items into one line if they fit, else each into its own.
fn enclosed(open: char, items: Vec<String>, close: char, depth: usize) -> String {
    if items.is_empty() {
        return format!("{open} {close}");
    }
    let length: usize = items.iter().map(|item| item.len() + 1).sum();
    if length <= LINE_MAX && items.iter().all(|item| !item.contains('\n')) {
        return format!("{open} {} {close}", items.join(" "));
    }
    let indent = "  ".repeat(depth + 1);
    let mut lines = format!("{open}\n");
    for item in items {
        lines.push_str(&indent);
        lines.push_str(&item);
        lines.push('\n');
    }
    format!("{lines}{}{close}", "  ".repeat(depth))
}

/// Returns the name of a derivation, if the set is one.
fn derivation_name<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<Option<String>> {
    let mut string = |name: &[u8]| -> Result<Option<String>> {
        let Some(slot) = attrs.named(name) else { return Ok(None) };
        match eval.force(slot) {
            Ok(value) => Ok(value.as_string().map(|text| text.to_text().into_owned())),
            Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
            Err(_) => Ok(None),
        }
    };
    if string(b"type")?.as_deref() != Some("derivation") {
        return Ok(None);
    }
    Ok(Some(string(b"name")?.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::enclosed;

    #[test]
    fn what_is_short_stands_in_one_line() {
        let items = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        assert_eq!(enclosed('[', items(&[]), ']', 0), "[ ]");
        assert_eq!(enclosed('{', items(&["a = 1;", "b = 2;"]), '}', 3), "{ a = 1; b = 2; }");
        let long = "x".repeat(80);
        assert_eq!(
            enclosed('[', items(&["1", &long]), ']', 1),
            format!("[\n    1\n    {long}\n  ]")
        );
    }
}
