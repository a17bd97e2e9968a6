//! Defaults, examples and values of enumerations as Nix text: short, and cheap to get.

use std::fmt::Write as _;

use super::collect::caught;
use crate::error::Result;
use crate::heap::{Attrs, Kind, Slot, Value};
use crate::interpret::Eval;
use crate::print;
use crate::source::{Position, SourcePath};

/// The deepest nesting that is shown.
const DEPTH_MAX: u32 = 3;
/// How many attributes or elements of one set or list are shown.
const ITEMS_MAX: usize = 16;
/// The longest binding that is shown as it is written. Unit: bytes.
const WRITTEN_BYTES_MAX: usize = 160;
/// How much text one value gets. Unit: bytes.
const TEXT_BYTES_MAX: usize = 2000;

/// Returns the value of the binding at `position` as it is written, if that is a name in `pkgs` or
/// `config`: its author means the name, and evaluating it may take long.
pub(super) fn as_written(eval: &Eval<'_>, position: Position) -> Option<String> {
    let text = eval.source_text(position.file)?.get(position.offset as usize..)?;
    let end = text.iter().take(WRITTEN_BYTES_MAX).position(|&byte| byte == b';')?;
    let (_, value) = std::str::from_utf8(text.get(..end)?).ok()?.split_once('=')?;
    let value = value.trim();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-'.".contains(&byte);
    let is_meant = value.starts_with("pkgs.") || value.starts_with("config.");
    (is_meant && value.bytes().all(is_name)).then(|| value.to_owned())
}

/// Prints a value. Packages are only named: evaluating what they are made of would take long.
///
/// # Errors
///
/// If the evaluation is cancelled or out of memory; a part that fails is left out as `…`.
pub(crate) fn brief<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<String> {
    let mut text = String::new();
    write(eval, value, 0, &mut text)?;
    Ok(text)
}

fn write<'h>(eval: &mut Eval<'h>, value: Value<'h>, depth: u32, text: &mut String) -> Result<()> {
    if text.len() > TEXT_BYTES_MAX {
        text.push('…');
        return Ok(());
    }
    match value.kind() {
        Kind::Attrs(attrs) => write_attrs(eval, attrs, depth, text),
        Kind::List([]) => {
            text.push_str("[ ]");
            Ok(())
        }
        Kind::List(_) if depth >= DEPTH_MAX => {
            text.push_str("[ … ]");
            Ok(())
        }
        Kind::List(list) => {
            text.push_str("[ ");
            for slot in list.iter().take(ITEMS_MAX) {
                write_slot(eval, slot, depth + 1, text)?;
                text.push(' ');
            }
            text.push_str(if list.len() > ITEMS_MAX { "… ]" } else { "]" });
            Ok(())
        }
        Kind::Path(path) => {
            text.push_str(&SourcePath::new(path.root, path.bytes).display());
            Ok(())
        }
        Kind::String(_)
        | Kind::Null
        | Kind::Bool(_)
        | Kind::Int(_)
        | Kind::Float(_)
        | Kind::Lambda(_)
        | Kind::Builtin(_)
        | Kind::Partial(_) => {
            text.push_str(&print::show(eval, value));
            Ok(())
        }
    }
}

fn write_attrs<'h>(
    eval: &mut Eval<'h>,
    attrs: Attrs<'h>,
    depth: u32,
    text: &mut String,
) -> Result<()> {
    if let Some(name) = package_name(eval, attrs)? {
        let _ = write!(text, "«package {name}»");
        return Ok(());
    }
    if attrs.is_empty() {
        text.push_str("{ }");
        return Ok(());
    }
    if depth >= DEPTH_MAX || attrs.named(b"_type").is_some() {
        text.push_str("{ … }");
        return Ok(());
    }
    text.push_str("{ ");
    for attr in attrs.iter_by_name(eval.heap()).take(ITEMS_MAX) {
        let mut name = Vec::new();
        print::push_name(&mut name, attr.name.as_bytes());
        text.push_str(&String::from_utf8_lossy(&name));
        text.push_str(" = ");
        write_slot(eval, attr.slot, depth + 1, text)?;
        text.push_str("; ");
    }
    text.push_str(if attrs.len() > ITEMS_MAX { "… }" } else { "}" });
    Ok(())
}

/// Returns the name of a set that is a derivation, or a set of packages.
fn package_name<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Result<Option<String>> {
    let mut text_of = |name: &[u8]| -> Result<Option<String>> {
        let Some(slot) = attrs.named(name) else { return Ok(None) };
        let forced = eval.force(slot);
        let value = caught(eval, forced)?.and_then(Value::as_string);
        Ok(value.map(|text| text.to_text().into_owned()))
    };
    match text_of(b"type")?.as_deref() {
        Some("derivation") => {
            Ok(Some(text_of(b"name")?.unwrap_or_else(|| "without a name".to_owned())))
        }
        _ => Ok(None),
    }
}

fn write_slot<'h>(
    eval: &mut Eval<'h>,
    slot: &'h Slot<'h>,
    depth: u32,
    text: &mut String,
) -> Result<()> {
    let forced = eval.force(slot);
    match caught(eval, forced)? {
        Some(value) => write(eval, value, depth, text),
        None => {
            text.push('…');
            Ok(())
        }
    }
}
