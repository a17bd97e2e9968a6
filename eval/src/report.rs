//! Errors as people read them: in the oracle's form, and in ours.
//!
//! A [`Report`] is an [`EvalError`] with its positions looked up: plain data that outlives the
//! evaluation. [`Report::to_oracle_text`] gives CppNix's form, byte for byte, for the `nix-*`
//! names; [`Report::to_text`] gives ours, with the person's own files first, and
//! [`Report::to_json`] the same for programs.

mod json;
mod own;

pub use json::Record;

use std::fmt::Write as _;

use crate::error::{ErrorKind, EvalError, FrameKind, code};
use crate::source::{Origin, Position};
use crate::syntax_error::line_column;

/// A place in a source, with the lines around it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as messages name it: a path, `«string»`, `«stdin»`.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in bytes.
    pub column: u32,
    /// The lines before, at and after the place, as far as the source has them.
    pub code: Code,
    /// Whether the file belongs to a library rather than to the person who asks.
    pub is_library: bool,
    /// How many bytes from there on are meant; 0: as far as the word goes.
    pub extent: u32,
}

impl Place {
    /// Returns the place at an offset of a source, which `origin` names.
    pub fn in_text(origin: &Origin, text: &[u8], offset: u32) -> Place {
        let (line, column) = line_column(text, offset);
        let code = Code::around(text, line);
        Place { file: origin.display(), line, column, code, is_library: false, extent: 0 }
    }
}

/// Three lines of a source, without their ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    /// The line before.
    pub before: Option<String>,
    /// The line itself.
    pub line: Option<String>,
    /// The line after.
    pub after: Option<String>,
}

impl Code {
    /// Returns the lines around line `line` (from 1) of `source`.
    ///
    /// A line ends at `\n`, `\r\n` or `\r` alone. Source: CppNix, `Pos::LinesIterator`.
    pub fn around(source: &[u8], line: u32) -> Code {
        let mut lines = Lines { rest: Some(source) };
        let skip = line.saturating_sub(2) as usize;
        let mut next = || lines.next().map(|line| String::from_utf8_lossy(line).into_owned());
        for _ in 0..skip {
            next();
        }
        let before = if line > 1 { next() } else { None };
        Code { before, line: next(), after: next() }
    }
}

/// The lines of a source.
struct Lines<'s> {
    rest: Option<&'s [u8]>,
}

impl<'s> Iterator for Lines<'s> {
    type Item = &'s [u8];

    fn next(&mut self) -> Option<&'s [u8]> {
        let rest = self.rest?;
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let Some((line, after)) = end.and_then(|end| rest.split_at_checked(end)) else {
            self.rest = None;
            return Some(rest);
        };
        let after = after.strip_prefix(b"\r").unwrap_or(after);
        let after = after.strip_prefix(b"\n").unwrap_or(after);
        self.rest = Some(after);
        Some(line)
    }
}

/// One step of the way to an error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// `while evaluating the attribute 'x'`, and the like.
    pub text: String,
    /// Where, if that is known.
    pub place: Option<Place>,
    /// Whether it is shown even in a shortened way.
    pub is_always_shown: bool,
    /// Whether it is a call, which CppNix only records for `--show-trace`.
    pub is_call: bool,
}

/// A place that has to do with an error, and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// The place.
    pub place: Place,
    /// What it is, in a few words; may be empty.
    pub text: String,
}

/// An error with its positions looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The code of the failure; empty where none is told.
    pub code: &'static str,
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// The message, possibly several lines.
    pub message: String,
    /// Where it happened, if that is known.
    pub place: Option<Place>,
    /// What there is to say about that place; may be empty.
    pub label: String,
    /// Further places that have to do with it.
    pub labels: Vec<Label>,
    /// What else is known.
    pub notes: Vec<String>,
    /// What may be done about it.
    pub helps: Vec<String>,
    /// The way to it, outermost first.
    pub steps: Vec<Step>,
    /// How many steps were dropped because there were too many.
    pub steps_omitted: usize,
    /// Near misses, best first.
    pub suggestions: Vec<String>,
}

/// What an error begins with.
const ERROR: &str = "error: ";

/// Steps that take this much room are shown without `--show-trace`; one with a place counts twice.
const ORACLE_ROOM: usize = 3;

/// So many repeated steps are shown all the same.
const ORACLE_REPEATED_MAX: usize = 5;

impl Report {
    /// Returns the report of `error`, whose positions `locate` looks up.
    pub fn new(error: &EvalError, locate: impl Fn(Position) -> Option<Place>) -> Report {
        // Deep recursion goes through the same few places again and again.
        let known = std::cell::RefCell::new(std::collections::BTreeMap::new());
        let locate = |position: Position| -> Option<Place> {
            known.borrow_mut().entry(position).or_insert_with(|| locate(position)).clone()
        };
        let step = |frame: &crate::error::Frame| Step {
            text: frame.text.clone(),
            place: locate(frame.position),
            is_always_shown: frame.kind == FrameKind::Custom,
            is_call: frame.kind == FrameKind::Call,
        };
        Report {
            code: code::of(error),
            kind: error.kind,
            message: error.message.clone(),
            place: locate(error.position),
            steps: error.frames.outermost_first().map(step).collect(),
            steps_omitted: error.frames.omitted(),
            suggestions: error.suggestions.clone(),
            ..Report::default()
        }
    }

    /// Returns the error as CppNix prints it, without color and without a newline at the end.
    pub fn to_oracle_text(&self, shows_all: bool) -> String {
        self.to_oracle(ERROR, shows_all)
    }

    /// Returns the same as a warning of CppNix.
    pub fn to_oracle_warning(&self) -> String {
        self.to_oracle("warning: ", false)
    }

    /// Source: CppNix, `showErrorInfo`.
    fn to_oracle(&self, label: &str, shows_all: bool) -> String {
        let mut body = String::new();
        if self.steps.iter().any(|step| shows_all || !step.is_call) {
            OracleTrace { body: &mut body, room: 0, repeated: Vec::new() }
                .print(&self.steps, shows_all);
            let _ = write!(body, "\n{label}");
        }
        body.push_str(&self.message);
        if self.message.ends_with('\n') && self.kind != ErrorKind::Thrown {
            // CppNix ends the color of what it quotes there, so that the line is not empty to it.
            body.push_str("\u{1b}[0m");
        }
        body.push('\n');
        if let Some(place) = &self.place {
            push_oracle_place(&mut body, "", place);
        }
        if let Some((first, rest)) = self.suggestions.split_first() {
            let _ = writeln!(body, "Did you mean {}?", one_of(first, rest));
        }
        let mut text = String::new();
        for (idx, line) in body.trim_end().split('\n').enumerate() {
            if idx > 0 {
                text.push('\n');
            }
            let blank = " ".repeat(label.len());
            let indented = format!("{}{line}", if idx == 0 { label } else { &blank });
            text.push_str(indented.trim_end());
        }
        without_controls(&text)
    }
}

/// The columns from one tab stop to the next.
const TAB_STOP: usize = 8;

/// Returns `text` as CppNix tells it where there is no terminal: without the escape sequences that
/// terminals understand, bells and carriage returns, and with spaces for tabs.
///
/// Columns are counted from the start of the text, not of the line. Source: CppNix,
/// `filterANSIEscapes`.
pub fn without_controls(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut column = 0;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => skip_escape(&mut chars),
            '\r' | '\u{7}' => {}
            '\t' => {
                let width = TAB_STOP - column % TAB_STOP;
                plain.extend(std::iter::repeat_n(' ', width));
                column += width;
            }
            _ => {
                plain.push(char);
                column += width(char);
            }
        }
    }
    plain
}

/// Skips what follows the first character of an escape sequence and belongs to it.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if chars.next_if_eq(&'[').is_some() {
        while chars.next_if(|char| ('0'..='?').contains(char)).is_some() {}
        while chars.next_if(|char| (' '..='/').contains(char)).is_some() {}
        chars.next_if(|char| ('@'..='~').contains(char));
    } else if chars.next_if_eq(&']').is_some() {
        while chars.next_if(|char| !matches!(char, '\u{1b}' | '\u{7}')).is_some() {}
        if chars.next() == Some('\u{1b}') {
            chars.next_if_eq(&'\\');
        }
    } else {
        chars.next_if(|char| ('@'..='_').contains(char));
    }
}

/// Returns how many columns a character takes.
fn width(char: char) -> usize {
    match char {
        '\0'..=' ' if char != ' ' => 0,
        '\u{7f}'..='\u{9f}' | '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' => 0,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' => 2,
        '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' => 2,
        '\u{1f300}'..='\u{1f64f}' | '\u{1f900}'..='\u{1f9ff}' | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Names alternatives: `a`, or `one of a, b or c`.
fn one_of(first: &str, rest: &[String]) -> String {
    match rest.split_last() {
        None => first.to_owned(),
        Some((last, middle)) => {
            let mut text = format!("one of {first}");
            for name in middle {
                let _ = write!(text, ", {name}");
            }
            let _ = write!(text, " or {last}");
            text
        }
    }
}

fn short(place: &Place) -> String {
    format!("{}:{}:{}", place.file, place.line, place.column)
}

/// Adds a place in CppNix's form.
fn push_oracle_place(body: &mut String, indent: &str, place: &Place) {
    let _ = write!(body, "{indent}at {}:", short(place));
    let Place { line, column, code, .. } = place;
    if let Some(before) = &code.before {
        let _ = write!(body, "\n {:>5}| {before}", line - 1);
    }
    if let Some(text) = &code.line {
        let _ = write!(body, "\n {line:>5}| {text}");
        if *column > 0 {
            let _ = write!(body, "\n      |{}^", " ".repeat(*column as usize));
        }
    }
    if let Some(after) = &code.after {
        let _ = write!(body, "\n {:>5}| {after}", line + 1);
    }
    body.push('\n');
}

/// Prints the way to an error as CppNix does, repeated steps left out.
struct OracleTrace<'b, 's> {
    body: &'b mut String,
    room: usize,
    repeated: Vec<&'s Step>,
}

impl<'s> OracleTrace<'_, 's> {
    fn print(mut self, steps: &'s [Step], shows_all: bool) {
        let mut seen = std::collections::BTreeSet::new();
        let mut is_cut = false;
        let shown = |step: &&Step| !step.text.is_empty() && (shows_all || !step.is_call);
        for step in steps.iter().filter(shown) {
            if !shows_all && self.room > ORACLE_ROOM {
                is_cut = true;
            }
            if is_cut && !step.is_always_shown {
                continue;
            }
            if !seen.insert(step) {
                self.repeated.push(step);
                continue;
            }
            self.print_repeated();
            self.room += 1;
            self.print_step(step);
        }
        self.print_repeated();
        if is_cut {
            self.body.push_str(
                "\n(stack trace truncated; use '--show-trace' to show the full, detailed trace)\n",
            );
        }
    }

    fn print_step(&mut self, step: &Step) {
        let _ = write!(self.body, "\n… {}\n", step.text);
        if let Some(place) = &step.place {
            push_oracle_place(self.body, "  ", place);
            self.room += 1;
        }
    }

    fn print_repeated(&mut self) {
        let repeated = std::mem::take(&mut self.repeated);
        if repeated.len() > ORACLE_REPEATED_MAX {
            let _ = writeln!(self.body, "\n({} duplicate frames omitted)", repeated.len());
        } else {
            for step in repeated {
                self.print_step(step);
            }
        }
    }
}

#[cfg(test)]
mod tests;
