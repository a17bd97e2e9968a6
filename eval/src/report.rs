//! Errors as people read them: in the oracle's form, and in ours.
//!
//! A [`Report`] is an [`EvalError`] with its positions looked up: plain data that outlives the
//! evaluation. [`Report::to_oracle_text`] gives CppNix's form, byte for byte, for the `nix-*`
//! names; [`Report::to_text`] gives ours, with the person's own files first.

use std::fmt::Write as _;

use crate::error::{ErrorKind, EvalError, FrameKind};
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
}

impl Place {
    /// Returns the place at an offset of a source, which `origin` names.
    pub fn in_text(origin: &Origin, text: &[u8], offset: u32) -> Place {
        let (line, column) = line_column(text, offset);
        let code = Code::around(text, line);
        Place { file: origin.display(), line, column, code, is_library: false }
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

/// An error with its positions looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// The message, possibly several lines.
    pub message: String,
    /// Where it happened, if that is known.
    pub place: Option<Place>,
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

/// How many steps ours shows without `--show-trace`.
const STEPS_SHOWN: usize = 8;

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
            kind: error.kind,
            message: error.message.clone(),
            place: locate(error.position),
            steps: error.frames.outermost_first().map(step).collect(),
            steps_omitted: error.frames.omitted(),
            suggestions: error.suggestions.clone(),
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

    /// Returns the error in our own form, without color and without a newline at the end.
    ///
    /// Steps through libraries are counted rather than shown, unless `shows_all`.
    pub fn to_text(&self, shows_all: bool) -> String {
        let mut text = format!("error: {}\n", self.message.trim_end());
        let own = self.steps.iter().rev().filter_map(|step| step.place.as_ref());
        let own = own.clone().find(|place| !place.is_library).or(self.place.as_ref());
        match (&self.place, own) {
            (Some(place), Some(own)) if place.is_library && own != place => {
                push_place(&mut text, own);
                let _ = writeln!(text, "raised at {}", short(place));
            }
            (Some(place), _) | (None, Some(place)) => push_place(&mut text, place),
            (None, None) => {}
        }
        if let Some((first, rest)) = self.suggestions.split_first() {
            let quoted = |name: &String| format!("`{name}`");
            let rest: Vec<String> = rest.iter().map(quoted).collect();
            let _ = writeln!(text, "hint: did you mean {}?", one_of(&quoted(first), &rest));
        }
        self.push_steps(&mut text, shows_all);
        text.truncate(text.trim_end().len());
        text
    }

    /// Adds the way to the error, innermost step first.
    fn push_steps(&self, text: &mut String, shows_all: bool) {
        let mut folded = self.steps_omitted;
        let mut shown = 0;
        for step in self.steps.iter().rev().filter(|step| !step.text.is_empty()) {
            let is_own = step.place.as_ref().is_some_and(|place| !place.is_library);
            let fits = shown < STEPS_SHOWN && is_own;
            if !(shows_all || step.is_always_shown || fits) {
                folded += 1;
                continue;
            }
            shown += 1;
            match &step.place {
                Some(place) => {
                    let _ = writeln!(text, "{} ({})", step.text, short(place));
                }
                None => {
                    let _ = writeln!(text, "{}", step.text);
                }
            }
        }
        if folded > 0 {
            let steps = if folded == 1 { "step" } else { "steps" };
            let _ = writeln!(text, "({folded} more {steps}; --show-trace shows all)");
        }
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

/// Adds a place in our form: where, the line, and a mark under the column.
fn push_place(text: &mut String, place: &Place) {
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let _ = writeln!(text, "{margin} ┌─ {}", short(place));
    let Some(line) = &place.code.line else { return };
    let (line, column) = window(line, place.column.saturating_sub(1) as usize);
    let _ = writeln!(text, "{number} │ {}", line.trim_end());
    // The mark stands below the column that a terminal shows, so tabs stay tabs.
    let before = line.get(..column).unwrap_or(&line);
    let blank: String = before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let rest = line.get(before.len()..).unwrap_or_default();
    let is_word = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | '\'');
    let width = rest.chars().take_while(is_word).count().max(1);
    let _ = writeln!(text, "{margin} │ {blank}{}", "^".repeat(width));
}

/// How much of a line is shown before and after the place, in bytes.
const WINDOW: (usize, usize) = (80, 160);

/// Returns the part of a long line around `column` (from 0, in bytes), and the column in it.
fn window(line: &str, column: usize) -> (std::borrow::Cow<'_, str>, usize) {
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
