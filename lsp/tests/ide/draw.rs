//! Places drawn under the lines that they are in, and edits as the lines that they leave.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::session::Session;

/// A place with what is said about it.
pub(crate) struct Mark {
    uri: String,
    /// Line and character of both ends, as the protocol has them.
    start: (usize, usize),
    end: (usize, usize),
    note: Option<String>,
}

impl Mark {
    /// Returns a mark of a range.
    pub(crate) fn new(uri: &str, range: &Value) -> Mark {
        let number = |end: &str, name: &str| range[end][name].as_u64().unwrap_or_default() as usize;
        let place = |end: &str| (number(end, "line"), number(end, "character"));
        Mark { uri: uri.to_owned(), start: place("start"), end: place("end"), note: None }
    }

    /// Adds what is said.
    pub(crate) fn with_note(mut self, note: &str) -> Mark {
        self.note = Some(note.to_owned());
        self
    }
}

/// A range in a line, counted in characters.
struct Span<'a> {
    from: usize,
    to: usize,
    note: Option<&'a str>,
}

/// The ranges of a file by their line.
type Lines<'a> = BTreeMap<usize, Vec<Span<'a>>>;

/// Draws marks, grouped by files and lines; `nothing` if there are none.
pub(crate) fn marks(session: &Session, marks: &[Mark]) -> String {
    let mut files: BTreeMap<(bool, String), (String, Lines<'_>)> = BTreeMap::new();
    for mark in marks {
        let (name, is_own) = session.shown(&mark.uri);
        let text = session.text(&mark.uri).unwrap_or_default();
        let line = text.lines().nth(mark.start.0).unwrap_or_default();
        let column = |character| {
            let bytes = session.column_bytes(line, character);
            line.get(..bytes).unwrap_or(line).chars().count()
        };
        let from = column(mark.start.1);
        let is_one_line = mark.start.0 == mark.end.0;
        let to = if is_one_line { column(mark.end.1) } else { line.chars().count() };
        let note = mark.note.as_deref();
        let file =
            files.entry((!is_own, name)).or_insert_with(|| (mark.uri.clone(), BTreeMap::new()));
        file.1.entry(mark.start.0).or_default().push(Span { from, to: to.max(from + 1), note });
    }
    let mut drawn = String::new();
    for ((is_foreign, name), (uri, lines)) in files {
        let _ = writeln!(drawn, "{name}");
        let text = session.text(&uri).unwrap_or_default();
        for (line, spans) in lines {
            // Line numbers of other people's files are nobody's claim.
            let number = if is_foreign { String::new() } else { (line + 1).to_string() };
            let shown = text.lines().nth(line).unwrap_or_default().replace('\t', " ");
            let margin = number.len().max(1);
            let _ = writeln!(drawn, "{number:margin$} | {shown}");
            draw_spans(&mut drawn, margin, spans);
        }
    }
    if drawn.is_empty() { "nothing\n".to_owned() } else { drawn }
}

/// Draws the ranges of one line; those without a note share a line where they can.
fn draw_spans(drawn: &mut String, margin: usize, mut spans: Vec<Span<'_>>) {
    spans.sort_by_key(|span| (span.from, span.to));
    spans.dedup_by_key(|span| (span.from, span.to, span.note));
    let (silent, noted): (Vec<_>, Vec<_>) = spans.into_iter().partition(|it| it.note.is_none());
    if !silent.is_empty() {
        let mut line = String::new();
        for span in silent {
            let filled = line.chars().count();
            line.extend(std::iter::repeat_n(' ', span.from.saturating_sub(filled)));
            let from = span.from.max(filled);
            line.extend(std::iter::repeat_n('^', span.to.saturating_sub(from)));
        }
        let _ = writeln!(drawn, "{:margin$} | {line}", "");
    }
    for span in noted {
        let carets = "^".repeat(span.to - span.from);
        let note = span.note.unwrap_or_default();
        let continued = format!("\n{:margin$} | {:2$}", "", "", span.to + 1);
        let note = note.replace('\n', &continued);
        let _ = writeln!(drawn, "{:margin$} | {:2$}{carets} {note}", "", "", span.from);
    }
}

/// Returns the edits of each file, whichever form they have.
fn edits_by_file(edit: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let list = |it: &Value| it.as_array().cloned().unwrap_or_default();
    if let Some(changes) = edit["changes"].as_object() {
        for (uri, edits) in changes {
            files.entry(uri.clone()).or_default().extend(list(edits));
        }
    }
    for change in edit["documentChanges"].as_array().into_iter().flatten() {
        let uri = change["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
        files.entry(uri).or_default().extend(list(&change["edits"]));
    }
    files
}

/// Shows what an edit makes of the files: the lines that are not as before.
pub(crate) fn edit(session: &Session, edit: &Value) -> String {
    let mut shown = String::new();
    for (uri, edits) in edits_by_file(edit) {
        let before = session.text(&uri).unwrap_or_default();
        let after = applied(session, &before, &edits);
        let (name, _) = session.shown(&uri);
        let _ = writeln!(shown, "{name}");
        show_difference(&mut shown, &before, &after);
    }
    if shown.is_empty() { "nothing\n".to_owned() } else { shown }
}

fn applied(session: &Session, text: &str, edits: &[Value]) -> String {
    let starts: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|it| it.0 + 1)).collect();
    let offset = |place: &Value| {
        let number = |name: &str| place[name].as_u64().unwrap_or_default() as usize;
        let line = number("line");
        let start = starts.get(line).copied().unwrap_or(text.len());
        let content = text[start..].lines().next().unwrap_or_default();
        start + session.column_bytes(content, number("character"))
    };
    let mut replaced: Vec<(usize, usize, &str)> = edits
        .iter()
        .map(|it| {
            let range = &it["range"];
            let new = it["newText"].as_str().unwrap_or_default();
            (offset(&range["start"]), offset(&range["end"]), new)
        })
        .collect();
    replaced.sort_by_key(|it| (it.0, it.1));
    let overlap = replaced.windows(2).any(|pair| pair[0].1 > pair[1].0);
    assert!(!overlap, "edits overlap: {edits:?}");
    let mut after = text.to_owned();
    for (start, end, new) in replaced.into_iter().rev() {
        after.replace_range(start..end, new);
    }
    after
}

fn show_difference(shown: &mut String, before: &str, after: &str) {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let is_aligned = old.len() == new.len();
    let first = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - first;
    let last =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    for (idx, line) in new.iter().enumerate().take(new.len() - last).skip(first) {
        if !is_aligned || old.get(idx) != Some(line) {
            let _ = writeln!(shown, "{} | {line}", idx + 1);
        }
    }
}
