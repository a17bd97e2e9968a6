//! The line editor: history, several lines, completion.
//!
//! It runs on a thread of its own and asks whoever evaluates, because values never leave the thread
//! of their evaluation.

use super::command;
use super::complete::Candidate;
use super::text::{Meaning, meaning};
use crate::env_vars;
use crate::report::{Failure, Outcome};
use crate::ui::Ui;
use reedline::{
    ColumnarMenu, Completer, CompletionResult, EditCommand, Emacs, FileBackedHistory, KeyCode,
    KeyModifiers, MenuBuilder as _, Prompt, PromptEditMode, PromptHistorySearch, Reedline,
    ReedlineEvent, ReedlineMenu, Signal, Span, Suggestion, ValidationResult, Validator,
    default_emacs_keybindings,
};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};

/// How many lines the history keeps.
const HISTORY_LINES_MAX: usize = 10_000;
/// The name of the menu of candidates.
const MENU: &str = "candidates";

/// What the editor has for whoever evaluates.
pub(super) enum Event {
    /// A text that is whole.
    Text(String),
    /// Ctrl-C: the text was given up.
    GivenUp,
    /// Ctrl-D, or a terminal that is gone.
    End,
    /// The question what could stand before the cursor.
    Complete {
        /// The text up to the cursor.
        before: String,
        /// Where the answer goes.
        answer: Sender<Vec<Candidate>>,
    },
}

/// The editor, seen from whoever evaluates.
pub(super) struct Terminal {
    events: Receiver<Event>,
    /// Each message asks for one more text.
    wishes: Sender<()>,
}

impl Terminal {
    /// Starts the editor; what it reads is understood with `options`.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub(super) fn start(
        ui: Ui,
        prompt: &'static str,
        options: syntax::Options,
    ) -> Outcome<Terminal> {
        let (events_in, events) = channel();
        let (wishes, wishes_out) = channel();
        let thread = std::thread::Builder::new().name("editor".into());
        let work = move || edit(ui, prompt, options, &events_in, &wishes_out);
        thread.spawn(work).map_err(Failure::during("starting the line editor"))?;
        Ok(Terminal { events, wishes })
    }

    /// Asks for one more text, and returns what comes first; `answer` answers questions meanwhile.
    pub(super) fn next(&self, mut answer: impl FnMut(&str) -> Vec<Candidate>) -> Event {
        if self.wishes.send(()).is_err() {
            return Event::End;
        }
        loop {
            match self.events.recv() {
                Ok(Event::Complete { before, answer: to }) => {
                    // An editor that no longer waits has been left.
                    let _ = to.send(answer(&before));
                }
                Ok(event) => return event,
                Err(_) => return Event::End,
            }
        }
    }
}

/// Returns the file of the history, in the user's directory of state.
fn history_file() -> Option<PathBuf> {
    let state = env_vars::XDG_STATE_HOME.value().map(PathBuf::from);
    let of_home = || env_vars::HOME.value().map(|home| PathBuf::from(home).join(".local/state"));
    Some(state.or_else(of_home)?.join("nivis/repl-history"))
}

fn edit(
    ui: Ui,
    prompt: &'static str,
    options: syntax::Options,
    events: &Sender<Event>,
    wishes: &Receiver<()>,
) {
    let mut editor = editor(ui, options, events.clone());
    let prompt = Lines { prompt };
    while wishes.recv().is_ok() {
        let event = match editor.read_line(&prompt) {
            Ok(Signal::Success(text)) => Event::Text(text),
            Ok(Signal::CtrlC) => Event::GivenUp,
            Ok(_) => Event::End,
            Err(error) => {
                ui.warn(format!("reading from the terminal: {error}"));
                Event::End
            }
        };
        if events.send(event).is_err() {
            return;
        }
    }
}

fn editor(ui: Ui, options: syntax::Options, events: Sender<Event>) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let candidates = ReedlineEvent::UntilFound(vec![
        ReedlineEvent::Menu(MENU.to_owned()),
        ReedlineEvent::MenuNext,
    ]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, candidates);
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    let newline = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, newline);
    let menu = ColumnarMenu::default().with_name(MENU);
    let editor = Reedline::create()
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_validator(Box::new(Whole { options }))
        .with_completer(Box::new(Asking { events }))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_quick_completions(true)
        .with_partial_completions(true);
    let Some(file) = history_file() else { return editor };
    match FileBackedHistory::with_file(HISTORY_LINES_MAX, file.clone()) {
        Ok(history) => editor.with_history(Box::new(history)),
        Err(error) => {
            ui.warn(format!("no history in '{}': {error}", file.display()));
            editor
        }
    }
}

/// The prompt of the first line, and blanks below it.
struct Lines {
    prompt: &'static str,
}

impl Prompt for Lines {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.prompt)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Owned(format!("{:width$}> ", "", width = self.prompt.len()))
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!(" (search: {}) ", search.term))
    }
}

/// Lets a text go on in the next line until it is whole.
struct Whole {
    options: syntax::Options,
}

impl Validator for Whole {
    fn validate(&self, text: &str) -> ValidationResult {
        match meaning(text, self.options, command::takes_expression) {
            Meaning::Incomplete => ValidationResult::Incomplete,
            Meaning::Nothing
            | Meaning::Command { .. }
            | Meaning::Bindings
            | Meaning::Expression => ValidationResult::Complete,
        }
    }
}

/// Passes questions on to whoever evaluates.
struct Asking {
    events: Sender<Event>,
}

impl Completer for Asking {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let before = line.get(..position).unwrap_or(line).to_owned();
        let (answer, answers) = channel();
        let asked = self.events.send(Event::Complete { before, answer });
        let candidates = asked.ok().and_then(|()| answers.recv().ok()).unwrap_or_default();
        let suggestion = |candidate: Candidate| Suggestion {
            value: candidate.text,
            span: Span::new(candidate.start.min(position), position),
            ..Suggestion::default()
        };
        let suggestions: Vec<Suggestion> = candidates.into_iter().map(suggestion).collect();
        CompletionResult::fresh(suggestions)
    }
}
