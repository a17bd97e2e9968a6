//! `nix`: as far as it is about flakes.

mod build;

use super::eval::{Form, Printing};
use super::{flake, registry, repl};
use crate::args::SettingsArgs;
use crate::context::Context;
use crate::evaluation::{self, Stop};
use crate::flags::{Flags, Word};
use crate::installable::{self, Features, Locking};
use crate::repl::Start;
use crate::report::{Failure, Outcome};
use crate::request::{Argument, Request};
use crate::stores::Access;
use eval::coerce::{self, Mode, Purpose};
use eval::error::{self, FrameKind};
use eval::heap::{Kind, Value};
use eval::interpret::Eval;
use eval::source::{Origin, Position};
use std::path::{Path, PathBuf};

/// Commands of CppNix that are not built yet.
const NOT_BUILT: &[&str] = &[
    "bundle",
    "config",
    "copy",
    "daemon",
    "derivation",
    "develop",
    "edit",
    "env",
    "fmt",
    "formatter",
    "hash",
    "help",
    "help-stores",
    "key",
    "log",
    "nar",
    "path-info",
    "print-dev-env",
    "profile",
    "realisation",
    "run",
    "search",
    "shell",
    "store",
    "upgrade-nix",
    "why-depends",
];

/// Runs `nix`.
pub(crate) fn run(cx: &mut Context, mut flags: Flags) -> Outcome {
    // Flags may stand before the command.
    let command = loop {
        match flags.next_word() {
            Some(Word::Operand(word)) => break word,
            Some(Word::Flag(flag)) => {
                if !cx.settings.take_flag(cx.ui, &flag, &mut flags)? {
                    return Err(flags.unknown(&flag));
                }
            }
            None => return Err(flags.wrong("no subcommand specified")),
        }
    };
    match command.as_str() {
        "build" => build::run(cx, flags),
        "eval" => run_eval(cx, flags),
        "flake" => flake::run_oracle(cx, flags),
        "registry" => registry::run(cx, flags),
        "repl" => run_repl(cx, flags),
        other if NOT_BUILT.contains(&other) => {
            Err(Failure::new(format!("`nix {other}` is not built yet")))
        }
        other => Err(flags.wrong(format!("'{other}' is not a recognised command"))),
    }
}

/// What `nix build` and `nix eval` work on.
#[derive(Default, Debug)]
struct Line {
    /// Flakes, or attribute paths of the file or expression.
    words: Vec<String>,
    file: Option<String>,
    expression: Option<String>,
    /// Arguments for functions on the way to an attribute of a file or expression.
    arguments: Vec<(String, Argument)>,
    locking: Locking,
}

impl Line {
    fn take_flag(&mut self, cx: &mut Context, flag: &str, flags: &mut Flags) -> Outcome {
        match flag {
            "-f" | "--file" => self.file = Some(flags.own_value(flag)?),
            "--expr" => self.expression = Some(flags.own_value(flag)?),
            "--arg" => {
                let [name, text] = flags.values(flag)?;
                self.arguments.push((name, Argument::Expression(text)));
            }
            "--argstr" => {
                let [name, text] = flags.values(flag)?;
                self.arguments.push((name, Argument::Text(text)));
            }
            "--arg-from-file" => {
                let [name, path] = flags.values(flag)?;
                self.arguments.push((name, Argument::File(path)));
            }
            "--arg-from-stdin" => {
                let name = flags.value(flag)?;
                self.arguments.push((name, Argument::Stdin));
            }
            _ => {
                let is_known = self.locking.take_flag(cx.ui, flag, flags)?
                    || cx.settings.take_flag(cx.ui, flag, flags)?;
                if !is_known {
                    return Err(flags.unknown(flag));
                }
            }
        }
        Ok(())
    }

    /// Returns what is asked for, and prepares the settings for it.
    fn request(self, cx: &mut Context, flags: &Flags) -> Outcome<Request> {
        let is_expression = self.expression.is_some();
        let input = match (self.file, self.expression) {
            (Some(_), Some(_)) => {
                return Err(flags.wrong("'--file' and '--expr' are exclusive"));
            }
            (None, None) => {
                installable::prepare(cx, Features::Flakes, false)?;
                let summary = cx.settings.text("commit-lock-file-summary");
                let locking = Locking { commit_summary: summary, ..self.locking };
                let mut words = self.words;
                if words.is_empty() {
                    words.push(".".to_owned());
                }
                installable::take_settings(cx, &words, &locking)?;
                return Ok(Request { words, locking, is_flake: true, ..Request::default() });
            }
            (Some(input), None) | (None, Some(input)) => input,
        };
        // Files have always been free to look around.
        installable::prepare(cx, Features::Command, !is_expression)?;
        let (words, attributes, arguments) = (vec![input], self.words, self.arguments);
        Ok(Request { words, is_expression, attributes, arguments, ..Request::default() })
    }
}

fn run_eval(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut line = Line::default();
    let (mut json, mut raw, mut access) = (false, false, Access::Write);
    let (mut apply, mut target) = (None, None);
    while let Some(word) = flags.next_word() {
        match word {
            Word::Operand(word) => line.words.push(word),
            Word::Flag(flag) => match flag.as_str() {
                "--json" => json = true,
                "--raw" => raw = true,
                "--read-only" => access = Access::Read,
                "--apply" => apply = Some(flags.own_value(&flag)?),
                "--write-to" => target = Some(PathBuf::from(flags.own_value(&flag)?)),
                _ => line.take_flag(cx, &flag, &mut flags)?,
            },
        }
    }
    if let [_, word, ..] = line.words.as_slice() {
        return Err(flags.wrong(format!("unexpected argument '{word}'")));
    }
    let form = match (json, raw) {
        (true, true) => return Err(flags.wrong("--raw and --json are mutually exclusive")),
        (true, false) => Form::Json,
        (false, true) => Form::Raw,
        (false, false) => Form::Shown,
    };
    let printing = Printing { form, strict: true, locations: true, copies: false };
    let request = line.request(cx, &flags)?;
    let store = cx.lazy_store(access)?;
    evaluation::run(cx, &store, access, |eval| {
        evaluation::each_selected(eval, &request, "./default.nix", |eval, selection| {
            let mut value = selection.value;
            if let Some(text) = &apply {
                let base = evaluation::base(eval);
                let function = eval.evaluate(Origin::String(base), text.as_bytes())?;
                value = eval.call(function, &[value.into()])?;
            }
            if let Some(target) = &target {
                if target.symlink_metadata().is_ok() {
                    let shown = target.display();
                    return Err(Failure::new(format!("path '{shown}' already exists")).into());
                }
                return write(eval, value, Position::NONE, target);
            }
            if form == Form::Raw {
                let why = "while generating the eval command output";
                let purpose = Purpose { position: Position::NONE, text: why };
                let text = coerce::to_string_for(eval, value, Mode::Interpolate, purpose)?;
                return Ok(cx.ui.data(text.bytes())?);
            }
            let text = printing.text(eval, value)?;
            Ok(cx.ui.data(text)?)
        })
    })
}

/// Writes a string as a file, and a set as a directory of what is in it.
fn write<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    position: Position,
    path: &Path,
) -> Result<(), Stop> {
    match value.kind() {
        Kind::String(text) => Ok(std::fs::write(path, text.to_text().as_bytes())?),
        Kind::Attrs(attrs) => {
            std::fs::create_dir(path)?;
            for attr in attrs.iter_by_name(eval.heap()) {
                let name = attr.name.to_text().into_owned();
                let step = format!("while evaluating the attribute '{name}'");
                let on_the_way = |error: Box<error::EvalError>| {
                    error.frame(attr.position, FrameKind::Evaluator, step.clone())
                };
                if name == "." || name == ".." || name.contains('/') {
                    let message = format!("invalid file name '{name}'");
                    return Err(on_the_way(error::other(message)).into());
                }
                let inner = eval.force(attr.slot).map_err(on_the_way)?;
                match write(eval, inner, attr.position, &path.join(&name)) {
                    Err(Stop::Evaluation(error)) => return Err(on_the_way(error).into()),
                    other => other?,
                }
            }
            Ok(())
        }
        _ => {
            let place = eval::print::show_position(eval, position);
            let message = format!("value at '{place}' is not a string or an attribute set");
            Err(error::other(message).into())
        }
    }
}

fn run_repl(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut line = Line::default();
    while let Some(word) = flags.next_word() {
        match word {
            Word::Operand(word) => line.words.push(word),
            Word::Flag(flag) => line.take_flag(cx, &flag, &mut flags)?,
        }
    }
    // A prompt is free to look around, and was there before the feature was.
    cx.settings.force("pure-eval", "false");
    let names_file = line.file.is_some() || line.expression.is_some();
    let request = if names_file || line.words.is_empty() {
        let is_expression = line.expression.is_some();
        let words = line.file.or(line.expression).into_iter().collect();
        Request { words, attributes: line.words, is_expression, ..Request::default() }
    } else {
        line.request(cx, &flags)?
    };
    repl::start(cx, Start { request, settings: SettingsArgs::default() })
}
