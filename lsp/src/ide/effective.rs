//! What options come to: the evaluated value, and every definition with its priority.

use std::sync::Arc;

use eval::db::{Db, File};
use eval::inspect::{Base, Effective, Inspected, Lookup};
use eval::option_tree::Step;
use syntax::{FlatNode, SyntaxKind};

use super::cursor::Part;
use super::project::Project;
use super::{Knowledge, option_sites};

/// A definition of an option in the open folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    /// Where it is.
    pub(super) place: String,
    /// Its priority: the least one counts.
    pub(super) priority: i64,
    /// The value as it is written: its first line.
    pub(super) text: String,
}

/// The priority of a definition that says none. Source: the module system.
const USUAL: i64 = 100;
/// How many characters of a definition are shown.
const TEXT_CHARS_MAX: usize = 60;

/// Returns the value of an option of the file's module system, and what it is made of.
///
/// Nothing is evaluated for a file of which it is only guessed what it is part of.
pub(super) fn of_option(knowledge: Knowledge<'_>, path: &[Part]) -> Option<Effective> {
    let role = knowledge.role.filter(|role| role.is_certain)?;
    let names: Option<Vec<String>> = role
        .prefix
        .iter()
        .chain(path)
        .map(|part| match part {
            Part::Name(name) => Some(name.clone()),
            Part::Element => None,
        })
        .collect();
    let names = names?;
    let is_own = role.prefix.is_empty() && is_own_option(knowledge, path);
    if is_own {
        let found = inspected(knowledge, Base::Options, names)?;
        let mut effective = found.option.as_deref().cloned()?;
        effective
            .definitions
            .retain(|(place, value)| !is_default(knowledge, path, &place.file, value.as_deref()));
        return Some(effective);
    }
    let found = inspected(knowledge, Base::Config, names)?;
    let value = found.text.clone()?;
    Some(Effective { value: Some(value), is_defined: true, ..Effective::default() })
}

/// Whether a definition is the option's default, which older libraries count among them.
fn is_default(knowledge: Knowledge<'_>, path: &[Part], file: &str, value: Option<&str>) -> bool {
    let components: Vec<_> = path.iter().map(Part::component).collect();
    let node = knowledge.options.and_then(|it| it.lookup(&components));
    node.and_then(|it| it.option.as_deref()).is_some_and(|option| {
        option.default.is_some()
            && option.default.as_deref() == value
            && option.declarations.iter().any(|place| place.file == file)
    })
}

/// Whether an option is one of the system itself, and not inside the value of another.
fn is_own_option(knowledge: Knowledge<'_>, path: &[Part]) -> bool {
    let Some(options) = knowledge.options else { return false };
    let mut node = &options.root;
    for part in path {
        let (Part::Name(name), None) = (part, &node.option) else { return false };
        match node.children.get(name) {
            Some(child) => node = child,
            None => return false,
        }
    }
    node.option.as_deref().is_some_and(|option| {
        // Everything in a large set would be evaluated.
        option.sub.as_ref().is_none_or(|sub| sub.step != Step::Named)
    })
}

fn inspected(knowledge: Knowledge<'_>, base: Base, path: Vec<String>) -> Option<Arc<Inspected>> {
    knowledge.values?.get(&Lookup { base, path })
}

/// Returns every definition of an option in the open folders, those that count first.
pub(super) fn definitions(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    path: &[Part],
) -> Vec<Definition> {
    let project = Project::new(db, knowledge, file);
    let files = project.files();
    let mut found = Vec::new();
    for binding in option_sites::bindings_of_option(&files, path) {
        let is_whole = binding.names.len() == path.len();
        let at = files.index_of(&binding.path).and_then(|at| files.all.get(at));
        let (false, true, Some(file)) = (binding.is_declared, is_whole, at) else { continue };
        let is_it = |entry: &FlatNode<'_>| {
            entry.kind() == SyntaxKind::Binding
                && entry.child(SyntaxKind::Attrpath).is_some_and(|it| it.range() == binding.range)
        };
        let entry = file.tree().root().descendants().find(is_it);
        let Some(value) = entry.and_then(|it| it.expressions().next()).map(FlatNode::range) else {
            continue;
        };
        let range = usize::from(value.start())..usize::from(value.end());
        let text = String::from_utf8_lossy(file.text().get(range).unwrap_or_default()).into_owned();
        let lines = syntax::LineIndex::new(file.text());
        let line = lines.line(binding.range.start()) + 1;
        let place = format!("{}:{line}", relative(knowledge, &binding.path.display()));
        found.push(Definition { place, priority: priority(&text), text: brief(&text) });
    }
    found.sort_by(|a, b| a.priority.cmp(&b.priority).then_with(|| a.place.cmp(&b.place)));
    found
}

/// Returns a path as seen from the open folders.
fn relative(knowledge: Knowledge<'_>, path: &str) -> String {
    let inside = knowledge.folders.iter().find_map(|folder| {
        let folder = std::str::from_utf8(folder).ok()?;
        path.strip_prefix(folder)?.strip_prefix('/')
    });
    inside.unwrap_or(path).to_owned()
}

/// Returns the priority that a definition says. Source: the module library's functions.
pub(super) fn priority(text: &str) -> i64 {
    let words = text.trim_start().trim_start_matches('(').trim_start();
    let mut words = words.split_whitespace();
    let function = words.next().unwrap_or_default();
    match function.rsplit('.').next().unwrap_or_default() {
        "mkVMOverride" => 10,
        "mkForce" => 50,
        "mkImageMediaOverride" => 60,
        "mkDefault" => 1000,
        "mkOptionDefault" => 1500,
        "mkOverride" => words.next().and_then(|it| it.parse().ok()).unwrap_or(USUAL),
        "mkIf" => text.find("mk").map_or(USUAL, |at| {
            let rest = text.get(at + 2..).unwrap_or_default();
            let inner = ["mkForce", "mkDefault", "mkOverride", "mkOptionDefault"];
            let nested = inner.iter().filter_map(|name| rest.find(name)).min();
            nested.map_or(USUAL, |at| priority(rest.get(at..).unwrap_or_default()))
        }),
        _ => USUAL,
    }
}

fn brief(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut shown: String = line.chars().take(TEXT_CHARS_MAX).collect();
    if shown.len() < text.trim_end().len() {
        shown.push('…');
    }
    shown
}

/// Says what an option comes to, in Markdown.
pub(super) fn markdown(effective: Option<&Effective>, definitions: &[Definition]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    if let Some(effective) = effective {
        match (&effective.value, &effective.error) {
            (Some(value), _) if value.contains('\n') => {
                let _ = writeln!(text, "\n*Value:*\n```nix\n{}\n```", value.trim_end());
            }
            (Some(value), _) => {
                let _ = writeln!(text, "\n*Value:* `{value}`");
            }
            (None, Some(error)) => {
                let _ = writeln!(text, "\n*Value:* cannot be evaluated: {error}");
            }
            (None, None) => {}
        }
    }
    for definition in definitions {
        let Definition { place, priority, text: value } = definition;
        let _ = write!(text, "\n*Defined in* `{place}`: `{value}`");
        if *priority != USUAL {
            let _ = write!(text, " (priority {priority})");
        }
        text.push('\n');
    }
    if let Some(effective) = effective {
        let is_told = |file: &str| {
            definitions.iter().any(|it| {
                let name = it.place.rsplit_once(':').map_or("", |(name, _)| name);
                file.ends_with(name)
            })
        };
        for (place, value) in effective.definitions.iter().filter(|it| !is_told(&it.0.file)) {
            let value = value.as_deref().unwrap_or("…");
            let _ = writeln!(text, "\n*Defined in* `{}`: `{value}`", place.file);
        }
    }
    text
}

/// Whether a printed value says more than what is written: another text, spaces aside.
pub(super) fn differs(written: &[u8], value: &str) -> bool {
    let squeezed = |text: &'_ [u8]| -> Vec<u8> {
        let is_kept = |it: &&u8| !it.is_ascii_whitespace() && !b"()".contains(it);
        // A value is short: what comes behind as much of it is not looked at.
        text.iter().filter(is_kept).take(value.len() + 1).copied().collect()
    };
    squeezed(written) != squeezed(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_those_of_the_module_system() {
        for (text, expected) in [
            ("true", 100),
            ("lib.mkForce true", 50),
            ("mkDefault [ ]", 1000),
            ("lib.mkOverride 70 1", 70),
            ("lib.mkIf x (lib.mkForce 1)", 50),
            ("lib.mkIf x 1", 100),
        ] {
            assert_eq!(priority(text), expected, "{text}");
        }
    }

    #[test]
    fn only_what_is_more_than_written_differs() {
        assert!(!differs(b"[ 22  80 ]", "[ 22 80 ]"));
        assert!(differs(b"[ 22 ]", "[ 22 80 ]"));
    }
}
