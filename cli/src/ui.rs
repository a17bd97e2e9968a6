//! The only writer: stdout for data, stderr for everything else.
#![expect(clippy::unused_self, reason = "only who was given the terminal may write to it")]

use crate::json_log;
use anstream::{eprint, eprintln};
use anstyle::{AnsiColor, Style};
use eval::report::without_controls;
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();
const BOLD: Style = Style::new().bold();

/// How a line of a list of changes is marked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mark {
    /// Something new.
    Added,
    /// Something that goes.
    Removed,
    /// Something that differs.
    Changed,
}

/// What the language said since somebody began to collect it.
static COLLECTED: Mutex<Option<Vec<Vec<u8>>>> = Mutex::new(None);

/// Whether work is done once more, which has told all that it has to tell.
static IS_REPEATED: AtomicBool = AtomicBool::new(false);

/// While this lives, values and what the language says are not told.
pub(crate) struct Repeated(());

impl Drop for Repeated {
    fn drop(&mut self) {
        IS_REPEATED.store(false, Ordering::Relaxed);
    }
}

fn collection() -> MutexGuard<'static, Option<Vec<Vec<u8>>>> {
    // A list of messages is whole at any time.
    COLLECTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The terminal, or what stands in its place.
///
/// Colors are left out when stderr is no terminal, or when the environment says so.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Ui;

impl Ui {
    /// Writes data to stdout, as it is.
    ///
    /// # Errors
    ///
    /// When stdout is closed or full.
    pub(crate) fn data(self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        if IS_REPEATED.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes.as_ref())?;
        stdout.flush()
    }

    /// Writes one line of data to stdout.
    ///
    /// # Errors
    ///
    /// When stdout is closed or full.
    pub(crate) fn line(self, text: impl Display) -> io::Result<()> {
        self.data(format!("{text}\n"))
    }

    /// Returns stdout for data that comes in pieces.
    pub(crate) fn writer(self) -> impl io::Write {
        io::BufWriter::new(io::stdout())
    }

    /// Whether values on stdout are shown in color.
    pub(crate) fn has_color(self) -> bool {
        anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
    }

    /// Whether somebody types at stdin, and reads along.
    pub(crate) fn is_interactive(self) -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Tells the person something, on stderr.
    pub(crate) fn tell(self, text: impl Display) {
        eprintln!("{text}");
    }

    /// Passes bytes on to stderr: what a builder says.
    pub(crate) fn pass(self, bytes: &[u8]) {
        // There is nobody left to tell when stderr is closed.
        let _ = io::stderr().lock().write_all(bytes);
    }

    /// Tells what the language itself says: as it is on a terminal, elsewhere without what only a
    /// terminal obeys.
    pub(crate) fn speak(self, text: &[u8]) {
        if IS_REPEATED.load(Ordering::Relaxed) {
            return;
        }
        json_log::note_words(text);
        let mut line = match std::str::from_utf8(text) {
            Ok(text) if !io::stderr().is_terminal() => without_controls(text).into_bytes(),
            _ => text.to_vec(),
        };
        line.push(b'\n');
        match collection().as_mut() {
            Some(messages) => messages.push(line),
            None => self.pass(&line),
        }
    }

    /// Has values and what the language says not told again, while work is repeated.
    pub(crate) fn repeated(self) -> Repeated {
        IS_REPEATED.store(true, Ordering::Relaxed);
        Repeated(())
    }

    /// Begins to collect what the language says, which is not told until then.
    pub(crate) fn collect(self) {
        *collection() = Some(Vec::new());
    }

    /// Returns the messages since [`Ui::collect`]; what comes now is told again.
    pub(crate) fn collected(self) -> Vec<Vec<u8>> {
        collection().take().unwrap_or_default()
    }

    /// Returns stderr as the place for what a program that is run says.
    pub(crate) fn for_program(self) -> std::process::Stdio {
        io::stderr().into()
    }

    /// Says what part of the work begins.
    pub(crate) fn step(self, text: impl Display) {
        eprintln!("{BOLD}{text}{BOLD:#}");
    }

    /// Shows one line of a list of changes.
    pub(crate) fn change(self, mark: Mark, text: impl Display) {
        let (style, sign) = match mark {
            Mark::Added => (GREEN, '+'),
            Mark::Removed => (RED, '-'),
            Mark::Changed => (CYAN, '~'),
        };
        eprintln!("  {style}{sign}{style:#} {text}");
    }

    /// Warns of something that did not stop the work.
    pub(crate) fn warn(self, text: impl Display) {
        let text = text.to_string();
        json_log::note_warning(&text);
        eprintln!("{YELLOW}warning:{YELLOW:#} {text}");
    }

    /// Says why the work stopped. A text that already starts with `error` is taken as it is.
    pub(crate) fn error(self, text: &str) {
        let bare = text.strip_prefix("error:").unwrap_or(text);
        if bare.len() == text.len() && text.starts_with("error[") {
            eprintln!("{text}");
        } else {
            let bare = bare.strip_prefix(' ').unwrap_or(bare);
            // What begins with the way to the error has nothing beside the word.
            let blank = if bare.starts_with('\n') { "" } else { " " };
            json_log::note_error(bare);
            eprint!("{RED}error:{RED:#}{blank}");
            // Text goes as it is, NUL bytes included; only what a terminal obeys is looked at.
            if bare.contains('\u{1b}') {
                eprintln!("{bare}");
            } else {
                self.pass(format!("{bare}\n").as_bytes());
            }
        }
    }

    /// Says what may help.
    pub(crate) fn hint(self, text: impl Display) {
        eprintln!("{CYAN}hint:{CYAN:#} {text}");
    }

    /// Asks a question whose answer is yes or no. Without a terminal the answer is yes: whoever
    /// runs a command in a script has decided.
    pub(crate) fn confirm(self, question: &str) -> io::Result<bool> {
        if !io::stdin().is_terminal() {
            return Ok(true);
        }
        eprintln!("{question} [y/N]");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}
