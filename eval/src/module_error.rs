//! What errors of module systems say: which option, which definition, and what is wrong with it.
//!
//! A module system is a library: its errors are texts, and each release has others. Here those of
//! nixpkgs from 18.03 on are read. Source: nixpkgs, `lib/modules.nix`, `options.nix`, `types.nix`.

use crate::error::{ErrorKind, EvalError, FrameKind};

/// An error of a module system, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModuleError {
    /// Its code.
    pub code: &'static str,
    /// The path of the option; empty if none is named.
    pub option: Vec<String>,
    /// The element of the option's definitions that it is about.
    pub element: Option<Element>,
    /// The files of the definitions, with the values as far as they are told.
    pub definitions: Vec<Definition>,
    /// The type that is wanted.
    pub wanted: Option<String>,
    /// What the library says to do, or that does not hold.
    pub advice: Option<String>,
    /// Names that the library suggests.
    pub suggestions: Vec<String>,
    /// The message that was read; empty if there is none.
    pub message: String,
}

/// A definition that an error names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Definition {
    /// The file, as the module system names it.
    pub file: String,
    /// The value as text of the language, possibly several lines; empty if it is not told.
    pub value: String,
}

/// An element of a list that several definitions make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Element {
    /// Which definition, from 1, in the order in which the module system merges them.
    pub definition: usize,
    /// Which element of it, from 1.
    pub entry: usize,
}

/// The shapes of messages: what stands before the option's name, after it, and the code.
const SHAPES: &[(&str, &str, &str)] = &[
    ("The option definition ", " no longer has any effect", "M0402"),
    ("The option ", " can no longer be used since it's been removed", "M0402"),
    ("The option ", " has been changed to ", "M0402"),
    ("The option ", " does not exist", "M0201"),
    ("The option ", " is used but not defined", "M0202"),
    ("The option ", " was accessed but has no value defined", "M0202"),
    ("The option ", " is read-only, but it's set multiple times", "M0203"),
    ("The option ", " is defined multiple times while it's expected to be unique", "M0203"),
    ("The unique option ", " is defined multiple times", "M0203"),
    ("The option ", " has conflicting definition", "M0310"),
    ("Cannot merge definitions of ", "", "M0310"),
    ("The option ", " is defined both null and not null", "M0310"),
    ("The option ", " is already declared in ", "M0501"),
    ("The option ", " is a prefix of options in ", "M0501"),
    ("The option ", " would be a parent of the following options", "M0501"),
    ("The option value ", " is not of type ", "M0301"),
    ("A definition for option ", " is not of type ", "M0301"),
    ("The option value ", " is not a list", "M0301"),
    ("The option ", " is neither a value of type ", "M0301"),
];

/// Reads the message of an error; `None` if it is not one of a module system.
pub fn read(message: &str) -> Option<ModuleError> {
    let text = message.trim_start();
    for (before, after, code) in SHAPES {
        let Some(rest) = text.strip_prefix(before) else { continue };
        let Some((name, rest)) = quoted(rest) else { continue };
        let first_line_end = rest.find('\n').unwrap_or(rest.len());
        if !rest.get(..first_line_end).unwrap_or(rest).contains(after) {
            continue;
        }
        let (option, element) = split_option(name);
        let code = if *code == "M0301" && element.is_some() { "M0302" } else { code };
        return Some(ModuleError {
            code,
            option,
            element,
            definitions: definitions(rest),
            wanted: rest.split_once(" of type ").and_then(|(_, rest)| Some(quoted(rest)?.0.into())),
            advice: advice(code, rest),
            suggestions: suggestions(rest),
            message: message.to_owned(),
        });
    }
    if text.starts_with("Failed assertion") {
        let advice = text.split_once(':').map(|(_, rest)| rest.trim().to_owned());
        let items = || advice.iter().flat_map(|text| text.split("\n- "));
        let mut only = items().filter(|_| items().count() == 1);
        let only = only.next().map(|item| item.strip_prefix("- ").unwrap_or(item));
        if let Some(of_definition) = only.and_then(read) {
            return Some(of_definition);
        }
        return Some(ModuleError { code: "M0401", advice, ..ModuleError::default() });
    }
    let is_no_module = text.contains(" does not look like a module")
        || text.starts_with("Module `") && text.contains("has an unsupported attribute");
    is_no_module.then(|| {
        let file = quoted(text.strip_prefix("Module ").unwrap_or(text)).map(|(file, _)| file);
        let file = file.or_else(|| text.strip_prefix("module ")?.split(" (").next());
        let file = file.unwrap_or_default().split(":anon-").next().unwrap_or_default().to_owned();
        let definitions = vec![Definition { file, value: String::new() }];
        ModuleError { code: "M0101", definitions, ..ModuleError::default() }
    })
}

/// What comes before the name of an argument in the steps to an error, in all releases.
const ARGUMENT: &str = "while evaluating the module argument ";
/// What newer releases say of an argument that nobody passes.
const NOT_PASSED: &str = "noting that argument ";

/// Arguments that every module system passes itself.
const GIVEN: [&str; 4] = ["config", "options", "lib", "specialArgs"];

/// Returns the code of a value that needs itself.
pub(crate) fn of_recursion(error: &EvalError) -> &'static str {
    if recursive_argument(error).is_some() {
        "M0111"
    } else if reads_config(error) {
        if is_about_imports(error) { "M0110" } else { "M0112" }
    } else {
        "E0104"
    }
}

/// Returns the module argument that a recursion comes from: nobody passes it, so that it would have
/// to come from `config`.
pub fn recursive_argument(error: &EvalError) -> Option<String> {
    if error.kind != ErrorKind::InfiniteRecursion {
        return None;
    }
    arguments(error).find(|name| !GIVEN.contains(&name.as_str()))
}

/// Returns the module argument that an error misses.
pub fn missing_argument(error: &EvalError) -> Option<String> {
    if error.kind != ErrorKind::MissingAttribute {
        return None;
    }
    let name = quoted(error.message.strip_prefix("attribute ")?)?.0.to_owned();
    arguments(error).any(|argument| argument == name).then_some(name)
}

/// Returns the module arguments on the way to an error, the innermost first.
fn arguments(error: &EvalError) -> impl Iterator<Item = String> {
    let custom = error.frames.outermost_first().filter(|it| it.kind == FrameKind::Custom);
    let names = custom.filter_map(|frame| {
        let text = frame.text.trim_start();
        let rest = text.strip_prefix(ARGUMENT).or_else(|| text.strip_prefix(NOT_PASSED))?;
        Some(quoted(rest)?.0.to_owned())
    });
    let mut names: Vec<String> = names.collect();
    names.reverse();
    names.into_iter()
}

/// Whether a module reads `config` on the way to an error.
fn reads_config(error: &EvalError) -> bool {
    arguments(error).any(|name| name == "config")
}

/// Whether the innermost attribute on the way to an error that a module would be asked for is
/// `imports`.
fn is_about_imports(error: &EvalError) -> bool {
    let frames: Vec<_> = error.frames.outermost_first().collect();
    let reading = frames.iter().rposition(|frame| frame.text.contains(ARGUMENT));
    let outside = frames.get(..reading.unwrap_or_default()).unwrap_or_default();
    let near = outside.iter().rev().take_while(|frame| !frame.text.contains("'config'"));
    let mut named = near.filter(|frame| frame.text.starts_with("while evaluating the attribute '"));
    named.next().is_some_and(|frame| frame.text.contains("'imports'"))
}

/// Returns what stands in quotes at the start of `text`, and the rest; the quotes of older and
/// newer releases differ.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix(['`', '\'', '‘'])?;
    let end = rest.find(['\'', '`', '’'])?;
    let (inside, rest) = rest.split_at(end);
    Some((inside, rest.get(rest.chars().next()?.len_utf8()..)?))
}

/// Parts the name of an option into its path and the element at its end.
fn split_option(name: &str) -> (Vec<String>, Option<Element>) {
    let mut path = crate::select::parse_path(name).unwrap_or_default();
    let mut element = None;
    if let Some(found) = path.iter().position(|name| name.starts_with("[definition ")) {
        element = path.get(found).and_then(|text| {
            let numbers = text.strip_prefix("[definition ")?.strip_suffix(']')?;
            let (definition, entry) = numbers.split_once("-entry ")?;
            Some(Element { definition: definition.parse().ok()?, entry: entry.parse().ok()? })
        });
        path.truncate(found);
    }
    (path, element)
}

/// Returns the definitions that a message lists.
fn definitions(text: &str) -> Vec<Definition> {
    let mut found: Vec<Definition> = Vec::new();
    for line in text.lines() {
        let item = line.trim_start().strip_prefix("- In ").and_then(quoted);
        if let Some((file, rest)) = item {
            let value = rest.trim_start_matches(':').trim().to_owned();
            found.push(Definition { file: file.to_owned(), value });
        } else if let Some(last) = found.last_mut() {
            let Some(more) = line.strip_prefix("    ") else { break };
            if !last.value.is_empty() {
                last.value.push('\n');
            }
            last.value.push_str(more);
        }
    }
    if found.is_empty() {
        let first = text.lines().next().unwrap_or_default();
        let files = ["defined in ", ", in ", " in ", "given in "]
            .iter()
            .find_map(|mark| first.split_once(mark).map(|(_, rest)| rest).filter(|it| starts(it)));
        let mut rest = files.unwrap_or_default();
        while let Some((file, after)) = quoted(rest) {
            found.push(Definition { file: file.to_owned(), value: String::new() });
            let after = after.trim_start_matches([',', ' ']);
            rest = after.strip_prefix("and ").unwrap_or(after);
        }
        found.extend(text.lines().skip(1).filter_map(|line| {
            let file = line.trim_start().strip_prefix("- ")?;
            Some(Definition { file: file.trim_end_matches('.').to_owned(), value: String::new() })
        }));
    }
    found
}

fn starts(text: &str) -> bool {
    text.starts_with(['`', '\'', '‘'])
}

/// Returns what a message says to do: what comes after the definitions, or after the first line.
fn advice(code: &str, text: &str) -> Option<String> {
    if code != "M0402" {
        return None;
    }
    let rest = match text.split_once("it's been removed.") {
        Some((_, rest)) => rest,
        None => text.split_once("please remove it.").map_or_else(
            || text.split_once("has been changed to ").map_or("", |(_, rest)| rest),
            |(_, rest)| rest,
        ),
    };
    let rest = rest.trim();
    (!rest.is_empty()).then(|| rest.to_owned())
}

/// Returns the names in `Did you mean …`.
fn suggestions(text: &str) -> Vec<String> {
    let Some((_, mut rest)) = text.split_once("Did you mean ") else { return Vec::new() };
    let mut names = Vec::new();
    while let Some((name, after)) = quoted(rest) {
        names.push(name.to_owned());
        rest = after.trim_start_matches([',', ' ']);
        rest = rest.strip_prefix("or ").unwrap_or(rest);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{Element, read};

    #[test]
    fn messages_of_all_releases_are_understood() {
        let cases = [
            ("The option `a.b' defined in `/c.nix' does not exist.", "M0201", "/c.nix"),
            (
                "The option `a.b' does not exist. Definition values:\n- In `/c.nix':\n    {\n\
                 \u{20}     x = 1;\n    }",
                "M0201",
                "/c.nix",
            ),
            ("The option value `a.b' in `/c.nix' is not of type `boolean'.", "M0301", "/c.nix"),
            (
                "A definition for option `a.b' is not of type `boolean'. Definition values:\n- In \
                 `/c.nix': 1",
                "M0301",
                "/c.nix",
            ),
            (
                "The option `a.b' has conflicting definitions, in `/c.nix' and `/d.nix'.",
                "M0310",
                "/c.nix",
            ),
            (
                "The unique option `a.b' is defined multiple times, in:\n - /c.nix\n - /d.nix.",
                "M0203",
                "/c.nix",
            ),
            (
                "Cannot merge definitions of `a.b' given in `/c.nix' and `/d.nix'.",
                "M0310",
                "/c.nix",
            ),
        ];
        for (message, code, file) in cases {
            let error = read(message).expect(message);
            assert_eq!((error.code, error.option.join(".").as_str()), (code, "a.b"), "{message}");
            assert_eq!(
                error.definitions.first().map(|it| it.file.as_str()),
                Some(file),
                "{message}"
            );
        }
        assert_eq!(read("anything else"), None);
        assert_eq!(read("The option is nice"), None);
    }

    #[test]
    fn elements_are_found_in_both_spellings() {
        for name in ["a.b.[definition 1-entry 2]", "a.b.\"[definition 1-entry 2]\""] {
            let message = format!("A definition for option `{name}' is not of type `string'. X");
            let error = read(&message).expect("an error");
            assert_eq!(error.code, "M0302");
            assert_eq!(error.option, ["a", "b"]);
            assert_eq!(error.element, Some(Element { definition: 1, entry: 2 }));
            assert_eq!(error.wanted.as_deref(), Some("string"));
        }
    }

    #[test]
    fn values_and_suggestions_are_read() {
        let message = "The option `a.b' does not exist. Definition values:\n- In `/c.nix':\n    {\n\
                       \u{20}     x = 1;\n    }\n\nDid you mean `a.c', `a.d' or `b'?";
        let error = read(message).expect("an error");
        assert_eq!(error.definitions.len(), 1);
        assert_eq!(error.definitions[0].value, "{\n  x = 1;\n}");
        assert_eq!(error.suggestions, ["a.c", "a.d", "b"]);
    }
}
