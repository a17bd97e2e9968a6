//! What an error is about in the person's own text: the places to mark, and what may help.
//!
//! An [`EvalError`] tells where evaluation stopped, which in a module system is a line of the
//! library. [`report`] finds the definition, the cycle or the argument that the person wrote.

mod files;
mod origin;
mod recursion;

use std::path::Path;

use crate::error::{ErrorKind, EvalError};
use crate::interpret::Eval;
use crate::module_error::{self, ModuleError};
use crate::report::{Code, Label, Place, Report};
use crate::scope;
use crate::source::{EMBEDDED, HOST, Origin, Position, SourcePath};
use crate::suggestion;

pub(crate) use files::Files;
pub(crate) use origin::unmatched;

/// How many lines of a value are shown.
const VALUE_LINES: usize = 5;

/// Returns the report of an error in our own form.
pub fn report(eval: &mut Eval<'_>, error: &EvalError) -> Report {
    let mut report = Report::new(error, |position| place(eval, position));
    if let Some(module) = module_error::read(&error.message)
        && matches!(error.kind, ErrorKind::Thrown | ErrorKind::Other)
    {
        let files = &mut Files::default();
        let described = of_module(eval, files, &module);
        report.message = described.message;
        report.label = described.label;
        report.labels = described.labels;
        report.notes = described.notes;
        report.helps = described.helps;
        report.suggestions = described.suggestions;
        if described.place.is_some() {
            report.place = described.place;
            return report;
        }
    }
    match error.kind {
        ErrorKind::InfiniteRecursion => recursion::explain(eval, error, &mut report),
        ErrorKind::MissingAttribute => {
            if let Some(name) = module_error::missing_argument(error) {
                recursion::missing_argument(eval, error, &name, &mut report);
            }
        }
        ErrorKind::UndefinedVariable => suggest_variable(eval, error, &mut report),
        _ => {}
    }
    lead_with_own(eval, error, &mut report);
    report
}

/// Makes the innermost place of the person's own the main one, if the error is in a library.
fn lead_with_own(eval: &Eval<'_>, error: &EvalError, report: &mut Report) {
    if let Some(place) = &mut report.place
        && place.extent == 0
    {
        let is_word = error.kind == ErrorKind::UndefinedVariable;
        place.extent = if is_word { 0 } else { extent(eval, error.position, false) };
    }
    if report.place.as_ref().is_some_and(|place| !place.is_library) {
        return;
    }
    let frames: Vec<_> = error.frames.outermost_first().collect();
    let own = frames.iter().rev().find_map(|frame| {
        let mut place = place(eval, frame.position).filter(|place| !place.is_library)?;
        place.extent = extent(eval, frame.position, false);
        Some(place)
    });
    let Some(own) = own else { return };
    // A step of a command's own text says nothing.
    if own.file.starts_with('«') && report.place.is_some() && !report.labels.is_empty() {
        return;
    }
    if let Some(library) = report.place.replace(own) {
        let Place { file, line, column, .. } = library;
        report.notes.push(format!("raised at {file}:{line}:{column}"));
    }
}

/// Suggests names that can be used where a variable is not defined.
fn suggest_variable(eval: &Eval<'_>, error: &EvalError, report: &mut Report) {
    let Some(text) = eval.source_text(error.position.file) else { return };
    let (tree, _) = syntax::parse_flat(text, syntax::Options::DEFAULT);
    let scopes = scope::scopes(&tree);
    let name = error.message.split('\'').nth(1).unwrap_or_default().to_owned();
    let visible = scopes.visible_at(error.position.offset.into());
    let mut names: Vec<String> = visible.iter().map(|it| it.name.to_text().into_owned()).collect();
    names.sort_unstable();
    names.dedup();
    let near = suggestion::nearest(&name, names.iter().map(String::as_str));
    report.suggestions.extend(near.map(str::to_owned));
    if report.suggestions.is_empty() && crate::builtins::get(&name).is_some() {
        report.suggestions.push(format!("builtins.{name}"));
    }
}

/// Describes an error of a module system: in our words, at the definitions that it is about.
pub(crate) fn of_module(eval: &mut Eval<'_>, files: &mut Files, module: &ModuleError) -> Report {
    let name = crate::select::show_path(&module.option);
    let mut report = Report { code: module.code, kind: ErrorKind::Thrown, ..Report::default() };
    report.suggestions.clone_from(&module.suggestions);
    let value = module.definitions.first().map(|it| short_value(&it.value)).unwrap_or_default();
    let wanted = module.wanted.as_deref().unwrap_or("another type");
    let found = if value.is_empty() { String::new() } else { format!(", found {value}") };
    report.message = match module.code {
        "M0101" => "this is not a module: beside `config` or `options` there can be nothing else \
                    but `imports`"
            .to_owned(),
        "M0201" => format!("option `{name}` does not exist"),
        "M0202" => format!("option `{name}` is needed, but nothing defines it"),
        "M0203" => format!("`{name}` may be defined only once"),
        "M0301" => format!("`{name}` wants {}{found}", with_article(wanted)),
        "M0302" => {
            let entry = module.element.map_or(0, |element| element.entry);
            format!("element {entry} of `{name}` should be {}{found}", with_article(wanted))
        }
        "M0310" => format!("`{name}` has several values of the same priority"),
        "M0402" => format!("option `{name}` is gone"),
        "M0501" => format!("option `{name}` is declared twice"),
        _ => {
            format!("an assertion does not hold: {}", module.advice.as_deref().unwrap_or_default())
        }
    };
    mark_definitions(eval, files, module, &mut report);
    let help = |text: &str| Some(text.to_owned());
    report.helps.extend(match module.code {
        "M0202" => Some(format!("set `{name}`")),
        "M0310" => help("keep one, or mark the general one `lib.mkDefault …`"),
        "M0402" => module.advice.clone(),
        "M0101" => help("move the other names into `config = { … };`"),
        _ => None,
    });
    report
}

/// Marks the definitions, or declarations, that an error of a module system is about.
fn mark_definitions(
    eval: &mut Eval<'_>,
    files: &mut Files,
    module: &ModuleError,
    report: &mut Report,
) {
    let mut places: Vec<(Place, String)> = Vec::new();
    let mut used: Vec<(String, syntax::TextRange)> = Vec::new();
    for (definition, place) in origin::places(eval, files, module) {
        if let Some(place) = place {
            let is_several = matches!(module.code, "M0310" | "M0203");
            let label = if is_several { short_value(&definition.value) } else { String::new() };
            places.push((place, label));
            continue;
        }
        let is_name = matches!(module.code, "M0201" | "M0402");
        let found = if is_name {
            files.names(eval, &definition.file, &module.option)
        } else {
            files.values(eval, &definition.file, &module.option, module.element)
        };
        let number = module.element.map_or(0, |element| element.definition.saturating_sub(1));
        let fresh = found.iter().filter(|it| !used.contains(&(definition.file.clone(), it.range)));
        let fresh: Vec<_> = fresh.copied().collect();
        // Of several bindings in one file the one that says what the error shows.
        let same = fresh.iter().find(|it| {
            is_same_text(&files.text(eval, &definition.file, it.range), &definition.value)
        });
        let Some(chosen) = same.or(fresh.get(number)).or(fresh.first()) else {
            let value = short_value(&definition.value);
            let value = if value.is_empty() { value } else { format!(": {value}") };
            report.notes.push(format!("defined in {}{value}", definition.file));
            continue;
        };
        used.push((definition.file.clone(), chosen.range));
        let place = files.place(eval, &definition.file, chosen.range);
        let is_new = |place: &Place| !places.iter().any(|(it, _)| it == place);
        if let Some(place) = place.filter(is_new) {
            let label = match (chosen.is_exact, module.code) {
                (true, "M0310" | "M0203") => short_value(&definition.value),
                (false, _) if module.code != "M0201" => "the definition is made here".to_owned(),
                _ => String::new(),
            };
            places.push((place, label));
        }
    }
    // The person's own place comes first.
    places.sort_by_key(|(place, _)| place.is_library);
    let mut places = places.into_iter();
    if let Some((place, label)) = places.next() {
        report.place = Some(place);
        report.label = label;
    }
    report.labels.extend(places.map(|(place, text)| Label { place, text }));
    if let ("M0201", [first, ..]) = (module.code, report.suggestions.as_slice())
        && let Some(last) = crate::select::parse_path(first).ok().and_then(|mut path| path.pop())
        && let Some(meant) = module.option.last()
        && suggestion::nearest(meant, std::iter::once(last.as_str())).is_some()
    {
        report.label = format!("did you mean `{last}`?");
    }
}

/// Whether a text of the language says what a printed value does.
fn is_same_text(text: &str, value: &str) -> bool {
    let bare = |text: &str| -> String { text.chars().filter(|c| !c.is_whitespace()).collect() };
    !value.is_empty() && bare(text) == bare(value)
}

/// Returns a value on few lines.
fn short_value(value: &str) -> String {
    let lines: Vec<&str> = value.lines().collect();
    let mut text = lines.get(..VALUE_LINES).unwrap_or(&lines).join(" ");
    if lines.len() > VALUE_LINES {
        text.push_str(" …");
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the description of a type with an article, where it takes one.
fn with_article(wanted: &str) -> String {
    if wanted.starts_with(char::is_numeric) || wanted.starts_with("one of") {
        return format!("a {wanted}").replacen("a one of", "one of", 1);
    }
    let article = if wanted.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    match wanted.split(' ').next().unwrap_or_default() {
        "null" | "anything" | "raw" => wanted.to_owned(),
        _ => format!("{article} {wanted}"),
    }
}

/// Returns a position with its file, line and code.
pub fn place(eval: &Eval<'_>, position: Position) -> Option<Place> {
    let (origin, line, column) = eval.locate(position)?;
    let text = eval.source_text(position.file).unwrap_or_default();
    let code = if text.is_empty() { Code::default() } else { Code::around(text, line) };
    let (file, is_library) = match &origin {
        Origin::File(path) => (shown_file(eval, path), is_library(eval, path)),
        Origin::String(_) | Origin::Stdin(_) => (eval.shown_origin(&origin), false),
    };
    Some(Place { file, line, column, code, is_library, extent: 0 })
}

/// Returns what a file is called: one of the flake that was named, as the person has it.
fn shown_file(eval: &Eval<'_>, path: &SourcePath) -> String {
    eval.own_file(path).map_or_else(|| eval.shown_path(path), |own| own.display())
}

/// Returns how many bytes of the line the expression at a position takes; 0 if it has no end there.
///
/// Operations begin where their first operand does, and are meant only `with_operations`.
pub(crate) fn extent(eval: &Eval<'_>, position: Position, with_operations: bool) -> u32 {
    let Some(text) = eval.source_text(position.file) else { return 0 };
    let start = position.offset;
    let rest = text.get(start as usize..).unwrap_or_default();
    let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let line_end = start + u32::try_from(line).unwrap_or(u32::MAX - start);
    let options = syntax::Options { pipe_operators: true, ..syntax::Options::DEFAULT };
    let (tree, _) = syntax::parse_flat(text, options);
    let is_meant = |node: &syntax::FlatNode<'_>| {
        let is_operation = node.kind() == syntax::SyntaxKind::BinaryOp;
        node.start() == start && (with_operations || !is_operation)
    };
    let nodes = tree.root().descendants().filter(is_meant);
    let ends = nodes.map(syntax::FlatNode::end).filter(|end| *end <= line_end);
    ends.max().map_or(0, |end| end - start)
}

/// Returns where the expression begins whose operator is at a position; else the position.
pub(crate) fn start(eval: &Eval<'_>, position: Position) -> Position {
    let Some(text) = eval.source_text(position.file) else { return position };
    let options = syntax::Options { pipe_operators: true, ..syntax::Options::DEFAULT };
    let (tree, _) = syntax::parse_flat(text, options);
    let mut operations = tree.root().descendants().filter(|node| {
        node.kind() == syntax::SyntaxKind::BinaryOp
            && node.operator().is_some_and(|operator| operator.start() == position.offset)
    });
    let offset = operations.next().map_or(position.offset, syntax::FlatNode::start);
    Position { offset, ..position }
}

/// Whether a file is not the person's own: embedded, in the store, or found by a name.
pub fn is_library(eval: &Eval<'_>, path: &SourcePath) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    if path.root != HOST {
        return path.root == EMBEDDED;
    }
    let file = Path::new(std::ffi::OsStr::from_bytes(&path.bytes));
    let settings = eval.settings();
    let is_below = |directory: &[u8]| file.starts_with(std::ffi::OsStr::from_bytes(directory));
    // Who works inside a library sees its files as their own.
    let is_named = |entry: &(Vec<u8>, Vec<u8>)| {
        !entry.0.is_empty() && is_below(&entry.1) && !settings.directory.starts_with(&entry.1)
    };
    if eval.is_in_working_tree(path) || eval.own_file(path).is_some() {
        return false;
    }
    eval.store().directory().contains(file) || settings.search_path.iter().any(is_named)
}
