//! Options as Markdown: what completion and hover show.

use std::fmt::Write as _;

use eval::inspect::{FunctionParameter, Inspected, ValueKind};
use eval::option_tree::{OptionInfo, OptionNode, Place};
use syntax::FlatNode;

/// The most names that the documentation of a set of options lists.
const NAMES_MAX: usize = 24;

/// How much of an expression is shown.
const WRITTEN_LINES_MAX: usize = 6;
/// How much of an expression is shown. Unit: characters.
const WRITTEN_CHARS_MAX: usize = 400;

/// Returns the documentation of an option: description, type, default, example, declaration.
pub(super) fn option(option: &OptionInfo) -> String {
    let mut text = String::new();
    if let Some(description) = &option.description {
        text.push_str(prose(description).trim());
        text.push_str("\n\n");
    }
    let _ = writeln!(text, "*Type:* {}", option.type_description);
    if !option.values.is_empty() {
        let _ = writeln!(text, "\n*Values:* `{}`", option.values.join("`, `"));
    }
    code(&mut text, "Default", option.default.as_deref());
    code(&mut text, "Example", option.example.as_deref());
    if option.is_read_only {
        text.push_str("\n*Read only.*\n");
    }
    places(&mut text, "Declared in", &option.declarations);
    places(&mut text, "Defined in", &option.definitions);
    text
}

/// Returns the documentation of a set of options: what is in it.
pub(super) fn option_set(node: &OptionNode) -> String {
    let names: Vec<&str> = node.children.keys().map(String::as_str).collect();
    let shown = names.get(..NAMES_MAX.min(names.len())).unwrap_or_default().join("`, `");
    let more = match names.len().saturating_sub(NAMES_MAX) {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    match &node.children.get("enable").and_then(|enable| enable.option.as_ref()) {
        Some(enable) => {
            let about = enable.description.as_deref().map(prose).unwrap_or_default();
            format!("`enable`: {}\n\nOptions: `{shown}`{more}", about.trim())
        }
        None => format!("Options: `{shown}`{more}"),
    }
}

/// Returns the documentation of a value in the package set or the library.
pub(super) fn value(name: &str, found: &Inspected) -> String {
    let mut text = format!("**`{name}`**");
    if let Some(version) = &found.version {
        let _ = write!(text, " {version}");
    }
    text.push_str("\n\n");
    match found.kind {
        ValueKind::Function if !found.parameters.is_empty() => {
            let _ = writeln!(text, "```nix\n{}\n```", signature(name, &found.parameters));
        }
        ValueKind::Function => text.push_str("function\n"),
        ValueKind::Set => {
            let _ = writeln!(text, "set of {} names", found.names.len());
        }
        ValueKind::Other => code(&mut text, "Value", found.text.as_deref()),
        ValueKind::Package | ValueKind::Missing => {}
    }
    let description = [found.description.as_deref(), found.documentation.as_deref()];
    for description in description.into_iter().flatten() {
        let _ = writeln!(text, "\n{}", description.trim());
    }
    if let Some(homepage) = &found.homepage {
        let _ = writeln!(text, "\n<{homepage}>");
    }
    if let Some(place) = &found.place {
        places(&mut text, "Defined in", std::slice::from_ref(place));
    }
    text.trim_end().to_owned()
}

/// Returns how a function is called.
pub(super) fn signature(name: &str, parameters: &[FunctionParameter]) -> String {
    let mut text = name.to_owned();
    for parameter in parameters {
        text.push(' ');
        text.push_str(&parameter_text(parameter));
    }
    text
}

/// Returns a parameter as it is written.
pub(super) fn parameter_text(parameter: &FunctionParameter) -> String {
    match parameter {
        FunctionParameter::Plain(name) => name.clone(),
        FunctionParameter::Formals(formals) => {
            let shown = formals.iter().map(|(name, is_optional)| match is_optional {
                true => format!("{name} ?"),
                false => name.clone(),
            });
            format!("{{ {} }}", shown.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Returns the documentation of a builtin without the space that its lines begin with.
pub(super) fn builtin(doc: &str) -> String {
    let lines: Vec<&str> = doc.lines().map(|it| it.strip_prefix(' ').unwrap_or(it)).collect();
    lines.join("\n").trim().to_owned()
}

/// Returns what an expression comes to.
pub(super) fn evaluated(value: &str) -> String {
    if value.contains('\n') {
        return format!("*Value:*\n```nix\n{}\n```", value.trim_end());
    }
    format!("*Value:* `{value}`")
}

/// Returns what an expression says of itself: its beginning, up to a few lines.
pub(super) fn written(name: &str, node: FlatNode<'_>) -> String {
    let text = String::from_utf8_lossy(node.text());
    let mut lines: Vec<&str> = text.lines().take(WRITTEN_LINES_MAX + 1).collect();
    if lines.len() > WRITTEN_LINES_MAX {
        lines.truncate(WRITTEN_LINES_MAX);
        lines.push("…");
    }
    let mut shown = lines.join("\n");
    if let Some((end, _)) = shown.char_indices().nth(WRITTEN_CHARS_MAX) {
        shown.truncate(end);
        shown.push('…');
    }
    format!("```nix\n{name} = {shown}\n```")
}

fn code(text: &mut String, title: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    if value.contains('\n') {
        let _ = writeln!(text, "\n*{title}:*\n```nix\n{}\n```", value.trim_end());
    } else {
        let _ = writeln!(text, "\n*{title}:* `{value}`");
    }
}

fn places(text: &mut String, title: &str, places: &[Place]) {
    for place in places {
        let _ = write!(text, "\n*{title}* `{}", place.file);
        if let Some(line) = place.line {
            let _ = write!(text, ":{line}");
        }
        text.push_str("`\n");
    }
}

/// Returns a description as Markdown: the `DocBook` of older trees loses its tags.
fn prose(description: &str) -> String {
    let mut text = String::with_capacity(description.len());
    let mut rest = description;
    while let Some(at) = rest.find('<') {
        let (before, tagged) = rest.split_at(at);
        text.push_str(before);
        let Some(end) = tagged.find('>') else {
            rest = tagged;
            break;
        };
        let tag = tagged.get(1..end).unwrap_or_default();
        rest = tagged.get(end + 1..).unwrap_or_default();
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        match name {
            "literal" | "option" | "filename" | "command" | "code" | "varname" | "replaceable" => {
                text.push('`');
            }
            "programlisting" | "screen" => text.push_str("\n```\n"),
            "xref" | "link" => {
                // A link to an option is its name.
                let option = tag.split("linkend=\"opt-").nth(1).and_then(|it| it.split('"').next());
                if let Some(option) = option.filter(|_| tag.ends_with('/')) {
                    let _ = write!(text, "`{option}`");
                }
            }
            "manvolnum" if tag.starts_with('/') => text.push(')'),
            "manvolnum" => {
                text.truncate(text.trim_end().len());
                text.push('(');
            }
            "listitem" if !tag.starts_with('/') => text.push_str("\n- "),
            "para" => text.push('\n'),
            _ if is_docbook(name) => {}
            // Not a tag: keep what was written.
            _ => {
                let _ = write!(text, "<{tag}>");
            }
        }
    }
    text.push_str(rest);
    without_roles(&text)
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// Removes the roles of the manual's Markdown: {option}`a.b` is `a.b`.
fn without_roles(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        let role = after.split_once("}`").filter(|(role, _)| {
            !role.is_empty() && role.bytes().all(|byte| byte.is_ascii_lowercase())
        });
        match role {
            Some((_, quoted)) => {
                plain.push('`');
                rest = quoted;
            }
            None => {
                plain.push('{');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn is_docbook(name: &str) -> bool {
    matches!(
        name,
        "ulink"
            | "emphasis"
            | "itemizedlist"
            | "orderedlist"
            | "listitem"
            | "variablelist"
            | "varlistentry"
            | "term"
            | "note"
            | "warning"
            | "caution"
            | "important"
            | "tip"
            | "citerefentry"
            | "refentrytitle"
            | "envar"
            | "title"
            | "package"
            | "userinput"
            | "prompt"
            | "simplelist"
            | "member"
            | "quote"
            | "acronym"
            | "application"
            | "example"
            | "informalexample"
            | "simpara"
            | "function"
            | "parameter"
            | "computeroutput"
            | "systemitem"
            | "uri"
            | "email"
            | "productname"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docbook_becomes_markdown_and_other_brackets_stay() {
        let text = prose("Set <option>a.b</option> to <literal>&lt;x&gt;</literal> or <name>.");
        assert_eq!(text, "Set `a.b` to `<x>` or <name>.");
        assert_eq!(prose("a < b"), "a < b");
        assert_eq!(prose("See <xref linkend=\"opt-a.b\"/> and <link linkend=\"x\">y</link>."), {
            "See `a.b` and y."
        });
        assert_eq!(
            prose("<refentrytitle>x.service</refentrytitle> <manvolnum>5</manvolnum>"),
            "x.service(5)"
        );
        assert_eq!(prose("{option}`a.b` in { } and {`x`}"), "`a.b` in { } and {`x`}");
    }
}
