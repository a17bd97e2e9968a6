//! Hover and definition in a `flake.nix`: where inputs come from, what outputs are for.

use std::fmt::Write as _;

use eval::db::{Db, File};
use eval::scope::Target;
use eval::source::{HOST, SourcePath, canonical};
use serde_json::Value;
use syntax::{SyntaxKind, TextRange, TextSize};

use super::super::NavigationTarget;
use super::super::hover::HoverResult;
use super::super::scene::Scene;
use super::super::surroundings;
use super::{INPUT, Input, Lock, OUTPUTS, Place, TOP, inputs, is_flake, outputs, place, taken};

/// Returns what is known of the part of a flake at an offset, and whether that is all to say.
pub(in crate::ide) fn hover(scene: &Scene<'_>, offset: TextSize) -> Option<(HoverResult, bool)> {
    if !is_flake(scene) {
        return None;
    }
    if let Some((name, range)) = input_at(scene, offset) {
        return Some((HoverResult { markdown: about_input(scene, &name), range }, true));
    }
    let Place::Name(names, name, range) = place(scene, offset.into())? else { return None };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let said = |all: &[(&str, &str)]| {
        all.iter().find(|it| it.0 == name).map(|(name, text)| format!("**`{name}`**: {text}"))
    };
    let (text, is_final) = match names.as_slice() {
        [] => (said(&TOP)?, name != "description"),
        ["inputs", _] | ["inputs", .., "inputs", _] => (said(&INPUT)?, true),
        ["outputs"] => {
            let (name, by_system, text) = OUTPUTS.iter().find(|it| it.0 == name)?;
            let by_system = if *by_system { ", by system" } else { "" };
            (format!("**`{name}`**: {text}{by_system}"), false)
        }
        _ => return None,
    };
    Some((HoverResult { markdown: text, range }, is_final))
}

/// Returns the input that is named at an offset: where it is declared, taken, used.
fn input_at(scene: &Scene<'_>, offset: TextSize) -> Option<(String, TextRange)> {
    let is_input = |name: &str| {
        name != "self"
            && (taken(scene.tree).has(name) || inputs(scene.tree).iter().any(|it| it.name == name))
    };
    if let Some(Place::Name(names, name, range)) = place(scene, offset.into())
        && matches!(names.as_slice(), [first] if first == "inputs")
    {
        return is_input(&name).then_some((name, range));
    }
    let taken = taken(scene.tree);
    if let Some(found) = taken.names.iter().find(|it| it.1.contains_inclusive(offset)) {
        return is_input(&found.0).then(|| found.clone());
    }
    let function = outputs(scene.tree)?;
    if let Some(reference) = scene.scopes.reference_at(offset)
        && let Target::Definition(index) = &reference.target
    {
        let definition = scene.scopes.definitions.get(*index as usize)?;
        let is_taken = taken.names.iter().any(|it| it.1 == definition.range);
        let name = reference.name.to_text().into_owned();
        return (is_taken && is_input(&name)).then_some((name, reference.range));
    }
    // `inputs.NAME`, where all inputs have a name together.
    let around = scene.around(offset.into());
    let select = around.iter().rev().find(|it| it.kind() == SyntaxKind::Select)?;
    let all = function.first_child()?;
    let all = if all.kind() == SyntaxKind::Formals { all.child(SyntaxKind::Name)? } else { all };
    let name = select.child(SyntaxKind::Attrpath)?.first_child()?;
    let is_of_all = select.first_child()?.text() == all.text();
    let text = super::attr_name(name);
    let is_here = name.range().contains_inclusive(offset);
    (is_of_all && is_here && is_input(&text)).then(|| (text, name.range()))
}

/// Says what is known of an input, in Markdown.
fn about_input(scene: &Scene<'_>, name: &str) -> String {
    let declared = inputs(scene.tree);
    let input = declared.iter().find(|it| it.name == name);
    let lock = Lock::beside(scene.knowledge, scene);
    let mut text = format!("**`{name}`**: input of the flake");
    if let Some((url, _)) = input.and_then(|it| it.url.as_ref()) {
        let _ = write!(text, "\n\n*Address:* `{url}`");
    }
    for (follows, _) in input.into_iter().flat_map(|it| &it.follows).take(1) {
        let _ = write!(text, "\n\n*Follows:* `{follows}`");
    }
    match lock.as_ref().map(|it| it.input(&[name.to_owned()])) {
        None => text.push_str("\n\n*Not locked:* there is no lock file"),
        Some(None) => text.push_str("\n\n*Not locked* yet"),
        Some(Some(node)) => push_locked(&mut text, node),
    }
    text
}

fn push_locked(text: &mut String, node: &Value) {
    let locked = node.get("locked");
    let of = |key: &str| locked.and_then(|it| it.get(key));
    if let Some(id) = of("rev").or(of("narHash")).and_then(Value::as_str) {
        let _ = write!(text, "\n\n*Locked at:* `{id}`");
    }
    if let Some(seconds) = of("lastModified").and_then(Value::as_i64) {
        let _ = write!(text, " ({})", date(seconds));
    }
}

/// Returns where the input at an offset is declared, or comes from.
pub(in crate::ide) fn definition(
    db: &dyn Db,
    file: File,
    scene: &Scene<'_>,
    offset: TextSize,
) -> Vec<NavigationTarget> {
    if !is_flake(scene) {
        return Vec::new();
    }
    let declared = inputs(scene.tree);
    let of_name = |name: &str| declared.iter().find(|it| it.name == name);
    let here = |input: Option<&Input>| {
        input.map(|it| NavigationTarget::Here(it.range)).into_iter().collect::<Vec<_>>()
    };
    match place(scene, offset.into()) {
        Some(Place::Text(names, range)) if names.last().is_some_and(|it| it == "follows") => {
            let text = String::from_utf8_lossy(scene.tree.text(range)).into_owned();
            return here(of_name(text.split('/').next().unwrap_or_default()));
        }
        Some(Place::Text(names, _)) => {
            let is_url =
                matches!(names.as_slice(), [first, _, last] if first == "inputs" && last == "url");
            return match names.get(1).filter(|_| is_url) {
                Some(name) => source(scene, of_name(name), name).into_iter().collect(),
                None => Vec::new(),
            };
        }
        Some(Place::Name(names, name, _)) if names.first().is_none_or(|it| it == "inputs") => {
            let name = names.get(1).unwrap_or(&name);
            return source(scene, of_name(name), name).into_iter().collect();
        }
        _ => {}
    }
    let taken = taken(scene.tree);
    let is_formal = taken.names.iter().find(|it| it.1.contains_inclusive(offset));
    if let Some((name, _)) = is_formal {
        return here(of_name(name));
    }
    // A selection from all inputs; variables lead to the formal that they are.
    let is_variable = eval::db::scopes(db, file).reference_at(offset).is_some();
    let selected = input_at(scene, offset).filter(|_| !is_variable);
    selected.map(|(name, _)| here(of_name(&name))).unwrap_or_default()
}

/// Returns the `flake.nix` of an input, where that is at hand.
fn source(scene: &Scene<'_>, input: Option<&Input>, name: &str) -> Option<NavigationTarget> {
    let system = scene.knowledge.system.filter(|_| scene.path.root == HOST)?;
    let url = input.and_then(|it| it.url.as_ref()).map(|it| it.0.as_str()).unwrap_or_default();
    let path = url.strip_prefix("path:").unwrap_or(url);
    let directory = if path.starts_with("./") || path.starts_with("../") {
        let own = scene.path.bytes.strip_suffix(b"flake.nix")?;
        canonical(&[own, path.as_bytes()].concat())
    } else if path.starts_with('/') {
        canonical(path.split('?').next()?.as_bytes())
    } else {
        let lookup = surroundings::input(scene, name)?;
        let found = scene.knowledge.values?.get(&lookup)?;
        found.text.as_deref()?.trim_matches('"').as_bytes().to_vec()
    };
    let names = [&b"/flake.nix"[..], b"/default.nix", b""];
    let path = names.iter().map(|name| [&directory, *name].concat());
    let path = path.into_iter().find(|it| system.file_type(it).is_ok())?;
    let path = SourcePath::new(HOST, &path);
    Some(NavigationTarget::File { path, line: None, column: None })
}

/// Returns the day of a time, counted in seconds from 1970.
fn date(seconds: i64) -> String {
    // Days to a date of the Gregorian calendar, by eras of 400 years that begin in March.
    let days = seconds.div_euclid(86_400) + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_400), "2000-02-29");
        assert_eq!(date(1_700_000_000), "2023-11-14");
    }
}
