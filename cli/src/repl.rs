//! The prompt: one evaluation that lives as long as the session, and the variables of its texts.
//!
//! What is typed is an expression, bindings, or a command. An error is told and the session goes
//! on; Ctrl-C stops what is being evaluated, not the session.
//! Source: CppNix, `NixRepl`; where it is called by CppNix's name, it says the same.

mod actions;
mod command;
mod complete;
mod documentation;
mod source;
mod terminal;
mod text;

use crate::args::SettingsArgs;
use crate::context::{Context, Manner};
use crate::evaluation::{self, Stop};
use crate::installable::{self, Locking};
use crate::interrupt;
use crate::report::{self, Failure, Outcome};
use crate::request::{Input, Request};
use command::Action;
use eval::error::ErrorKind;
use eval::heap::{Attrs, Value};
use eval::interpret::{Eval, Variables};
use eval::print::{self, Pretty};
use eval::select;
use eval::source::Origin;
use source::Next;
use text::{Meaning, meaning};

pub(crate) use source::Source;

/// How many names are shown when variables are added.
const NAMES_SHOWN_MAX: usize = 20;

/// What a session begins with.
#[derive(Debug)]
pub(crate) struct Start {
    /// What is loaded before anything is typed, if it names something.
    pub(crate) request: Request,
    /// The settings that programs which the session runs are told, too.
    pub(crate) settings: SettingsArgs,
}

/// Whether the session goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flow {
    Continue,
    Quit,
}

/// A session in progress.
pub(crate) struct Session<'e, 'h> {
    cx: Context,
    eval: &'e mut Eval<'h>,
    start: Start,
    options: syntax::Options,
    variables: Variables<'h>,
    /// The files that were loaded, the last one last.
    files: Vec<String>,
    /// The flakes that were loaded, likewise.
    flakes: Vec<String>,
    /// The set that was added last.
    last_loaded: Option<Attrs<'h>>,
}

impl<'e, 'h> Session<'e, 'h> {
    /// Returns a session in which nothing was typed.
    pub(crate) fn new(
        cx: Context,
        eval: &'e mut Eval<'h>,
        start: Start,
        options: syntax::Options,
    ) -> Self {
        let variables = Variables::default();
        let (files, flakes) = (Vec::new(), Vec::new());
        Self { cx, eval, start, options, variables, files, flakes, last_loaded: None }
    }

    /// Evaluates what `source` has, until there is no more or the person quits.
    ///
    /// # Errors
    ///
    /// When stdout is closed.
    pub(crate) fn run(&mut self, source: &Source) -> Outcome {
        match self.cx.manner {
            Manner::CppNix => self.cx.ui.tell("Nix 2.34.8\nType :? for help."),
            Manner::Own if source.is_terminal() => {
                let version = env!("CARGO_PKG_VERSION");
                self.cx.ui.tell(format!("nivis {version}\nType :? for help."));
            }
            Manner::Own => {}
        }
        self.load_all();
        let mut text = String::new();
        loop {
            let eval = &mut *self.eval;
            let variables = &mut self.variables;
            let complete = |before: &str| complete::candidates(eval, variables, before);
            match source.next(self.cx.ui, !text.is_empty(), complete)? {
                Next::Line(line) => {
                    text.push_str(&line);
                    text.push('\n');
                }
                Next::GivenUp => {
                    text.clear();
                    continue;
                }
                Next::End => {
                    if self.cx.manner == Manner::Own && !text.is_empty() {
                        // Nothing more comes: say what is missing.
                        self.process(&text, Meaning::Expression)?;
                    }
                    return Ok(self.cx.ui.line("")?);
                }
            }
            let found = meaning(&text, self.options, command::takes_expression);
            if found == Meaning::Incomplete {
                continue;
            }
            if self.process(&text, found)? == Flow::Quit {
                return Ok(());
            }
            text.clear();
            self.cx.ui.line("")?;
        }
    }

    /// Does what a text asks for, and tells what went wrong.
    fn process(&mut self, text: &str, meaning: Meaning) -> Outcome<Flow> {
        interrupt::forget();
        let deadline = interrupt::Deadline::after(self.cx.settings.number("max-eval-time"));
        let result = match meaning {
            Meaning::Nothing | Meaning::Incomplete => Ok(Flow::Continue),
            Meaning::Command { name, argument } => self.command(&name, &argument),
            Meaning::Bindings => self.bind(text.trim()).map(|()| Flow::Continue),
            Meaning::Expression => self.show(text.trim()).map(|()| Flow::Continue),
        };
        drop(deadline);
        interrupt::forget();
        match result {
            Ok(flow) => Ok(flow),
            Err(stop) => {
                self.tell(stop);
                Ok(Flow::Continue)
            }
        }
    }

    fn tell(&mut self, stop: Stop) {
        let failure = match stop {
            // Where it was meanwhile is of no interest.
            Stop::Evaluation(error) if error.kind == ErrorKind::Cancelled => {
                Failure::new(&error.message)
            }
            Stop::Evaluation(error) => evaluation::failure(&self.cx, self.eval, &error),
            Stop::Failure(failure) => failure,
        };
        // The exit code is that of a session that goes on.
        report::finish(self.cx.ui, Err(failure));
    }

    fn command(&mut self, name: &str, argument: &str) -> Result<Flow, Stop> {
        let Some(command) = command::find(name) else {
            return Err(Failure::new(format!("unknown command '{name}'")).into());
        };
        if command.takes_expression() && argument.is_empty() {
            return Err(Failure::new(format!("'{name}' needs an expression")).into());
        }
        match command.action {
            Action::Add => {
                let value = self.evaluate(argument)?;
                self.add(value)?;
            }
            Action::Build => self.build(argument, false)?,
            Action::BuildAndLink => self.build(argument, true)?,
            Action::Document => self.document(argument)?,
            Action::Edit => self.edit(argument)?,
            Action::Help => self.cx.ui.data(command::help())?,
            Action::Install => self.install(argument)?,
            Action::LastLoaded => self.list_last_loaded()?,
            Action::Load => {
                self.eval.forget_files();
                self.load(argument)?;
            }
            Action::LoadFlake => self.load_flake(argument)?,
            Action::Log => self.log(argument)?,
            Action::Print => self.print_all(argument)?,
            Action::Quit => return Ok(Flow::Quit),
            Action::Reload => self.reload(),
            Action::ShellFor => self.shell_for(argument)?,
            Action::ShellWith => self.shell_with(argument)?,
            Action::Trace => self.trace(name, argument)?,
            Action::Type => {
                let value = self.evaluate(argument)?;
                self.cx.ui.line(print::show_type(value))?;
            }
        }
        Ok(Flow::Continue)
    }

    /// Returns what a text evaluates to.
    fn evaluate(&mut self, text: &str) -> Result<Value<'h>, Stop> {
        let origin = Origin::String(evaluation::base(self.eval));
        Ok(self.eval.evaluate_with(origin, text.as_bytes(), &mut self.variables)?)
    }

    fn bind(&mut self, text: &str) -> Result<(), Stop> {
        let origin = Origin::String(evaluation::base(self.eval));
        let attrs = self.eval.bindings_with(origin, text.as_bytes(), &mut self.variables)?;
        self.variables.add(self.eval, attrs);
        Ok(())
    }

    /// Prints what an expression evaluates to, one level deep.
    fn show(&mut self, text: &str) -> Result<(), Stop> {
        let value = self.evaluate(text)?;
        self.print(value, 1)
    }

    fn print_all(&mut self, text: &str) -> Result<(), Stop> {
        let value = self.evaluate(text)?;
        match value.as_string() {
            Some(string) => Ok(self.cx.ui.data([string.bytes(), b"\n"].concat())?),
            None => self.print(value, usize::MAX),
        }
    }

    fn print(&mut self, value: Value<'h>, depth_max: usize) -> Result<(), Stop> {
        // CppNix colors what it prints, whoever reads it.
        let colors = self.cx.manner == Manner::CppNix || self.cx.ui.has_color();
        let mut out = Vec::new();
        let options = Pretty { depth_max, colors, is_one_line: false };
        let printed = print::pretty(self.eval, value, options, &mut out);
        match &printed {
            Ok(()) => out.push(b'\n'),
            // Half a value is of no use to anybody, but CppNix prints it.
            Err(_) if self.cx.manner == Manner::Own => out.clear(),
            Err(_) => {}
        }
        self.cx.ui.data(out)?;
        Ok(printed?)
    }

    /// Makes the attributes of a value variables, and says which.
    fn add(&mut self, value: Value<'h>) -> Result<(), Stop> {
        let Some(attrs) = value.as_attrs() else {
            let found = print::describe(self.eval, value);
            return Err(Stop::Evaluation(eval::error::wrong_type("a set", &found).frame(
                eval::source::Position::NONE,
                eval::error::FrameKind::Evaluator,
                "while evaluating an attribute set to be merged in the global scope",
            )));
        };
        self.variables.add(self.eval, attrs);
        self.last_loaded = Some(attrs);
        let count = attrs.len();
        let mut names = Vec::new();
        for attr in attrs.iter_by_name(self.eval.heap()).take(NAMES_SHOWN_MAX) {
            let mut name = Vec::new();
            print::push_name(&mut name, attr.name.as_bytes());
            names.push(String::from_utf8_lossy(&name).into_owned());
        }
        self.cx.ui.tell(format!("Added {count} variables.\n{}", names.join(", ")));
        if count > NAMES_SHOWN_MAX {
            let more = count - NAMES_SHOWN_MAX;
            self.cx.ui.tell(format!("... and {more} more; view with :ll"));
        }
        Ok(())
    }

    fn list_last_loaded(&self) -> Result<(), Stop> {
        let Some(attrs) = self.last_loaded else {
            return Err(Failure::new("nothing has been loaded yet").into());
        };
        let mut text = Vec::new();
        for attr in attrs.iter_by_name(self.eval.heap()) {
            text.extend_from_slice(attr.name.as_bytes());
            text.push(b'\n');
        }
        Ok(self.cx.ui.data(text)?)
    }

    /// Adds what a file evaluates to; it is loaded again by `:r` only if that works.
    fn load(&mut self, file: &str) -> Result<(), Stop> {
        let arguments = evaluation::arguments(self.eval, &self.start.request)?;
        let input = Input::File(file.to_owned());
        let value = evaluation::value_of(self.eval, &input)?;
        let value = select::auto_call(self.eval, value, arguments)?;
        self.add(value)?;
        self.files.retain(|known| known != file);
        self.files.push(file.to_owned());
        Ok(())
    }

    /// Adds the outputs of a flake, as [`load`](Session::load) does those of a file.
    fn load_flake(&mut self, text: &str) -> Result<(), Stop> {
        if text.is_empty() {
            let message = "cannot use ':load-flake' without a path specified. (Use '.' for the \
                           current working directory.)";
            return Err(Failure::new(message).into());
        }
        let features = &self.eval.settings().experimental_features;
        if self.cx.manner == Manner::CppNix && !features.iter().any(|word| word == "flakes") {
            return Err(installable::feature_disabled("flakes").into());
        }
        let reference = installable::parse(self.eval, text)?.reference;
        let settings = self.eval.settings();
        if settings.pure && !reference.is_locked(settings.fetch.trusts_forges) {
            let message = format!(
                "cannot use ':load-flake' on unlocked flake reference '{text}' (use --impure to \
                 override)"
            );
            return Err(Failure::new(message).into());
        }
        let locking = Locking { is_frozen: true, ..Locking::default() };
        let locked = installable::locked(self.eval, &reference, &locking)?;
        let value = eval::flake::call(self.eval, &locked)?;
        self.add(value)?;
        self.flakes.retain(|known| known != text);
        self.flakes.push(text.to_owned());
        Ok(())
    }

    /// Adds what the command line names.
    fn load_arguments(&mut self) -> Result<(), Stop> {
        let request = &self.start.request;
        if request.words.is_empty() {
            return Ok(());
        }
        self.cx.ui.tell(format!("Loading {}...", request.words.join(" ")));
        let mut values = Vec::new();
        evaluation::each_selected(self.eval, request, ".", |eval, selection| {
            values.push(select::auto_call(eval, selection.value, selection.arguments)?);
            Ok(())
        })?;
        values.into_iter().try_for_each(|value| self.add(value))
    }

    /// Loads everything that was loaded before; what fails is told, and tried again next time.
    fn load_all(&mut self) {
        if let Err(stop) = self.load_arguments() {
            self.tell(stop);
        }
        for file in std::mem::take(&mut self.files) {
            self.cx.ui.tell(format!("Loading \"{file}\"..."));
            if let Err(stop) = self.load(&file) {
                self.tell(stop);
                self.files.push(file);
            }
        }
        for flake in std::mem::take(&mut self.flakes) {
            self.cx.ui.tell(format!("Loading flake '{flake}'..."));
            if let Err(stop) = self.load_flake(&flake) {
                self.tell(stop);
                self.flakes.push(flake);
            }
        }
    }

    /// Forgets all variables and loads everything again.
    fn reload(&mut self) {
        self.eval.forget_files();
        self.variables = Variables::default();
        self.load_all();
    }

    fn trace(&mut self, name: &str, argument: &str) -> Result<(), Stop> {
        let shows = match argument {
            "" => !self.cx.settings.is_on("show-trace"),
            "true" => true,
            "false" => false,
            other => {
                let message = format!("unexpected argument '{other}' to {name}");
                return Err(Failure::new(message).into());
            }
        };
        self.cx.settings.force("show-trace", if shows { "true" } else { "false" });
        let text = if shows { "showing error traces" } else { "not showing error traces" };
        Ok(self.cx.ui.line(text)?)
    }
}
