//! Where texts come from: a terminal, or lines of something else.

use super::complete::Candidate;
use super::terminal::{Event, Terminal};
use crate::context::{Context, Manner};
use crate::report::Outcome;
use crate::ui::Ui;

/// The prompts, which are CppNix's under its name, of the first line and of those after it.
const PROMPT_OF_CPPNIX: &str = "nix-repl> ";
const CONTINUATION_OF_CPPNIX: &str = "        > ";

/// Where texts come from.
pub(crate) struct Source(Kind);

enum Kind {
    /// Somebody types.
    Terminal(Terminal),
    /// Lines of stdin.
    Lines {
        /// Whether they are shown with the prompt, as a terminal would.
        are_shown: bool,
    },
}

/// What comes next.
pub(super) enum Next {
    /// A line, or several.
    Line(String),
    /// The person wants to begin again.
    GivenUp,
    /// There is no more.
    End,
}

impl Source {
    /// Returns the line editor if somebody types, else stdin.
    ///
    /// # Errors
    ///
    /// When the line editor cannot be started.
    pub(crate) fn open(cx: &Context, options: syntax::Options) -> Outcome<Source> {
        if !cx.ui.is_interactive() {
            return Ok(Source(Kind::Lines { are_shown: cx.manner == Manner::CppNix }));
        }
        let prompt = match cx.manner {
            Manner::Own => "nivis",
            Manner::CppNix => "nix-repl",
        };
        Ok(Source(Kind::Terminal(Terminal::start(cx.ui, prompt, options)?)))
    }

    /// Whether somebody types.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(self.0, Kind::Terminal(_))
    }

    /// Waits for what comes next; `complete` answers what could stand before the cursor meanwhile.
    ///
    /// # Errors
    ///
    /// When stdin cannot be read, or stdout is closed.
    pub(super) fn next(
        &self,
        ui: Ui,
        is_continued: bool,
        complete: impl FnMut(&str) -> Vec<Candidate>,
    ) -> Outcome<Next> {
        match &self.0 {
            Kind::Terminal(terminal) => Ok(match terminal.next(complete) {
                Event::Text(text) => Next::Line(text),
                Event::End => Next::End,
                Event::GivenUp | Event::Complete { .. } => Next::GivenUp,
            }),
            Kind::Lines { are_shown } => {
                if *are_shown {
                    let prompt =
                        if is_continued { CONTINUATION_OF_CPPNIX } else { PROMPT_OF_CPPNIX };
                    ui.data(prompt)?;
                }
                let Some(line) = read_line()? else { return Ok(Next::End) };
                if *are_shown {
                    ui.line(&line)?;
                }
                Ok(Next::Line(line))
            }
        }
    }
}

/// Returns the next line of stdin without its end; bytes that are not UTF-8 are U+FFFD.
fn read_line() -> std::io::Result<Option<String>> {
    use std::io::BufRead as _;
    let mut line = Vec::new();
    if std::io::stdin().lock().read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}
