//! How a command ends: exit codes, and errors as people read them.

use crate::ui::Ui;
use std::fmt::Display;
use std::process::ExitCode;

/// The exit code of an ordinary failure.
pub(crate) const FAILURE: u8 = 1;
/// The exit code of a command line that cannot be understood, for `nivis`.
pub(crate) const USAGE: u8 = 2;

/// The exit code of what Ctrl-C ended, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The message, possibly several lines, with or without `error:`; empty if all was said.
    pub(crate) message: String,
    /// What may help.
    pub(crate) hint: Option<String>,
    /// The exit code.
    pub(crate) exit: u8,
}

/// What a command comes to.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Returns a failure with exit code 1.
    pub(crate) fn new(message: impl Display) -> Self {
        Self { message: message.to_string(), hint: None, exit: FAILURE }
    }

    /// Returns a failure of which everything was said already.
    pub(crate) fn silent(exit: u8) -> Self {
        Self { message: String::new(), hint: None, exit }
    }

    /// Returns the failure of a command that has no such option, in CppNix's words.
    pub(crate) fn usage(command: &str, message: impl Display) -> Self {
        let more = format!("Try '{command} --help' for more information.");
        Self::new(format!("{message}\n{more}"))
    }

    /// Adds what may help.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Says what was being done when an operation failed.
    pub(crate) fn during<E: Display>(doing: impl Display) -> impl FnOnce(E) -> Self {
        move |error| Self::new(format!("{doing}: {error}"))
    }
}

/// Returns the failure of an operation of the store, with its causes.
pub(crate) fn of_store(error: impl std::error::Error) -> Failure {
    Failure::new(chain(&error))
}

/// Shows an error and its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // A transparent wrapper says what its cause says.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            // Whoever read our output has read enough.
            return Self::silent(FAILURE);
        }
        Self::new(error)
    }
}

/// Tells how a command ended and returns its exit code.
pub(crate) fn finish(ui: Ui, outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                ui.error(failure.message.trim_end_matches('\n'));
            }
            if let Some(hint) = failure.hint {
                ui.hint(hint);
            }
            ExitCode::from(failure.exit)
        }
    }
}
