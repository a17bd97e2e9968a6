//! Our own form of an error: code and message, the marked places, notes, and the way folded.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Place, Report, Step, one_of, short};

/// How many steps are shown without `--show-trace`.
const STEPS_SHOWN: usize = 8;

/// How many lines of a message are shown without `--show-trace`.
const MESSAGE_LINES: usize = 24;

/// How much of a line of a message is shown without `--show-trace`, in characters.
const LINE_CHARS: usize = 2_000;

/// One place to mark in a text.
struct Mark<'r> {
    place: &'r Place,
    text: &'r str,
    is_primary: bool,
}

impl Report {
    /// Returns the error in our own form, without color and without a newline at the end.
    ///
    /// The person's own steps come first; those through libraries are counted, unless `shows_all`.
    pub fn to_text(&self, shows_all: bool) -> String {
        let mut text = String::from("error");
        if !self.code.is_empty() {
            let _ = write!(text, "[{}]", self.code);
        }
        text.push_str(": ");
        push_message(&mut text, self.message.trim(), shows_all);
        let margin = self.margin();
        self.push_places(&mut text, &margin);
        let mut note = |kind: &str, note: &str| {
            let indented = note.trim_end().replace('\n', &format!("\n{margin}   {kind:4}  "));
            let _ = writeln!(text, "{margin} = {kind}: {indented}");
        };
        if let Some((first, rest)) = self.suggestions.split_first() {
            let quoted = |name: &String| format!("`{name}`");
            let rest: Vec<String> = rest.iter().map(quoted).collect();
            note("help", &format!("did you mean {}?", one_of(&quoted(first), &rest)));
        }
        self.notes.iter().for_each(|text| note("note", text));
        self.helps.iter().for_each(|text| note("help", text));
        // What a module system's error is about is marked: how the library came to it says nothing.
        let is_marked = self.place.as_ref().is_some_and(|place| !place.is_library)
            && (self.code.starts_with("M02") || self.code.starts_with("M03"));
        if shows_all || !is_marked {
            self.push_steps(&mut text, &margin, shows_all);
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// Returns blanks as wide as the longest number of a line.
    fn margin(&self) -> String {
        let places = self.place.iter().chain(self.labels.iter().map(|label| &label.place));
        let widest = places.map(|place| place.line.to_string().len()).max();
        " ".repeat(widest.unwrap_or(1))
    }

    /// Adds the marked places, file by file, that of the error itself first.
    fn push_places(&self, text: &mut String, margin: &str) {
        let primary =
            self.place.iter().map(|place| Mark { place, text: &self.label, is_primary: true });
        let others = self.labels.iter().map(|label| Mark {
            place: &label.place,
            text: &label.text,
            is_primary: false,
        });
        let mut files: Vec<(&str, Vec<Mark<'_>>)> = Vec::new();
        for mark in primary.chain(others) {
            match files.iter_mut().find(|(file, _)| *file == mark.place.file) {
                Some((_, marks)) => marks.push(mark),
                None => files.push((&mark.place.file, vec![mark])),
            }
        }
        for (_, mut marks) in files {
            let first = marks.first().map(|mark| short(mark.place)).unwrap_or_default();
            let _ = writeln!(text, "{margin}--> {first}");
            marks.sort_by_key(|mark| (mark.place.line, mark.place.column));
            push_marks(text, margin, &marks);
        }
    }

    /// Adds the way to the error, innermost step first.
    fn push_steps(&self, text: &mut String, margin: &str, shows_all: bool) {
        let mut folded: Vec<(Cow<'_, str>, usize)> = Vec::new();
        let mut shown = 0;
        let mut line = |it: &str| {
            let indented = it.trim_end().replace('\n', &format!("\n{margin}     "));
            let _ = writeln!(text, "{margin} … {indented}");
        };
        let known: Vec<&Place> =
            self.place.iter().chain(self.labels.iter().map(|label| &label.place)).collect();
        for step in self.steps.iter().rev().filter(|step| !step.text.is_empty()) {
            let own = step.place.as_ref().filter(|place| !place.is_library);
            // What is marked above needs no second mention, and a call says itself where it is.
            let is_new = own.is_some_and(|own| {
                !known.iter().any(|place| is_same(place, own)) && !is_call_site(step)
            });
            if !(shows_all || step.is_always_shown || shown < STEPS_SHOWN && is_new) {
                fold(&mut folded, step);
                continue;
            }
            shown += 1;
            match &step.place {
                Some(place) => line(&format!("{} ({})", step.text.trim(), short(place))),
                None => line(step.text.trim()),
            }
        }
        if self.steps_omitted > 0 {
            folded.push(("steps left out".into(), self.steps_omitted));
        }
        if !folded.is_empty() {
            let frames = if folded.first().is_some_and(|(_, count)| *count == 1) {
                "frame"
            } else {
                "frames"
            };
            let mut counts = String::new();
            for (index, (file, count)) in folded.iter().enumerate() {
                let _ = match index {
                    0 => write!(counts, "{count} {frames} in {file}"),
                    1..=2 => write!(counts, ", {count} in {file}"),
                    _ => break,
                };
            }
            let rest: usize = folded.iter().skip(3).map(|(_, count)| count).sum();
            if rest > 0 {
                let _ = write!(counts, ", {rest} elsewhere");
            }
            line(&format!("{counts}, --show-trace to show"));
        }
    }
}

/// Adds a message, a very long one shortened.
fn push_message(text: &mut String, message: &str, shows_all: bool) {
    let lines = message.lines().count();
    let shown = if shows_all { lines } else { MESSAGE_LINES };
    for line in message.lines().take(shown) {
        match line.char_indices().nth(LINE_CHARS).filter(|_| !shows_all) {
            Some((end, _)) => {
                let _ = writeln!(text, "{}…", line.get(..end).unwrap_or_default());
            }
            None => {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    if lines > shown {
        let _ = writeln!(text, "({} more lines, --show-trace to show)", lines - shown);
    }
    if lines == 0 {
        text.push('\n');
    }
}

fn is_same(a: &Place, b: &Place) -> bool {
    (&a.file, a.line, a.column) == (&b.file, b.line, b.column)
}

fn is_call_site(step: &Step) -> bool {
    step.is_call && step.text == crate::error::CALL_SITE
}

/// Counts a step that is not shown.
fn fold<'r>(folded: &mut Vec<(Cow<'r, str>, usize)>, step: &'r Step) {
    let Some(place) = &step.place else { return };
    if !place.is_library {
        return;
    }
    let file = library_name(&place.file);
    match folded.iter_mut().find(|(name, _)| *name == file) {
        Some((_, count)) => *count += 1,
        None => folded.push((file.into(), 1)),
    }
}

/// Returns the name of a library's file without where the library lies.
fn library_name(file: &str) -> &str {
    let parts = ["/lib/", "/nixos/", "/pkgs/", "/modules/"];
    let start = parts.iter().filter_map(|part| file.find(part)).min();
    start.and_then(|start| file.get(start + 1..)).unwrap_or(file)
}

/// Adds the lines of one file with what is marked in them.
fn push_marks(text: &mut String, margin: &str, marks: &[Mark<'_>]) {
    let width = margin.len();
    let mut last: Option<u32> = None;
    for mark in marks {
        let place = mark.place;
        let Some(line) = &place.code.line else { continue };
        match last {
            None => {
                let _ = writeln!(text, "{margin} |");
            }
            Some(last) if place.line > last + 1 => {
                let _ = writeln!(text, "{margin}...");
            }
            Some(_) => {}
        }
        let (line, column) = window(line, place.column.saturating_sub(1) as usize);
        if last != Some(place.line) {
            let _ = writeln!(text, "{:>width$} | {}", place.line, line.trim_end());
        }
        last = Some(place.line);
        // The mark stands below the column that a terminal shows, so tabs stay tabs.
        let before = line.get(..column).unwrap_or(&line);
        let blank: String = before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let rest = line.get(before.len()..).unwrap_or_default();
        let sign = if mark.is_primary { "^" } else { "-" };
        let marked = sign.repeat(extent(rest, place.extent as usize));
        let said = format!("{margin} | {blank}{marked} {}", mark.text);
        let _ = writeln!(text, "{}", said.trim_end());
    }
}

/// Returns how many characters of `rest` are marked: those of `bytes`, or those of the word.
fn extent(rest: &str, bytes: usize) -> usize {
    let is_word = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | '\'');
    let count = match bytes {
        0 => rest.chars().take_while(is_word).count(),
        bytes => {
            let end = rest.floor_char_boundary(bytes.min(rest.trim_end().len()));
            rest.get(..end).unwrap_or_default().chars().count()
        }
    };
    count.max(1)
}

/// How much of a line is shown before and after the place, in bytes.
const WINDOW: (usize, usize) = (80, 160);

/// Returns the part of a long line around `column` (from 0, in bytes), and the column in it.
fn window(line: &str, column: usize) -> (Cow<'_, str>, usize) {
    let column = line.floor_char_boundary(column);
    let start = line.floor_char_boundary(column.saturating_sub(WINDOW.0));
    let end = line.floor_char_boundary(column + WINDOW.1);
    if line.len() <= WINDOW.0 + WINDOW.1 {
        return (line.into(), column);
    }
    let (head, tail) = (if start > 0 { "…" } else { "" }, if end < line.len() { "…" } else { "" });
    let part = line.get(start..end).unwrap_or_default();
    (format!("{head}{part}{tail}").into(), column - start + head.len())
}
