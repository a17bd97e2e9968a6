//! `nix`: as far as it is about flakes.

use super::build::{self, Options};
use super::eval::{self, Form, Printing};
use super::{flake, repl};
use crate::args::SettingsArgs;
use crate::context::Context;
use crate::flags::{Flags, Word};
use crate::installable::{self, Features, Locking};
use crate::repl::Start;
use crate::report::{Failure, Outcome};
use crate::request::Request;
use crate::stores::Access;
use std::path::PathBuf;
use store::realise::BuildMode;

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
    "registry",
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
        "build" => run_build(cx, flags),
        "eval" => run_eval(cx, flags),
        "flake" => flake::run_oracle(cx, flags),
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
    locking: Locking,
}

impl Line {
    fn take_flag(&mut self, cx: &mut Context, flag: &str, flags: &mut Flags) -> Outcome {
        match flag {
            "-f" | "--file" => self.file = Some(flags.own_value(flag)?),
            "--expr" => self.expression = Some(flags.own_value(flag)?),
            "--apply" | "--arg" | "--argstr" | "--inputs-from" => {
                return Err(Failure::new(format!("`nix` with '{flag}' is not built yet")));
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
                let (words, locking) = (self.words, self.locking);
                return Ok(Request { words, locking, is_flake: true, ..Request::default() });
            }
            (Some(input), None) | (None, Some(input)) => input,
        };
        // Files have always been free to look around.
        installable::prepare(cx, Features::Command, !is_expression)?;
        let (words, attributes) = (vec![input], self.words);
        Ok(Request { words, is_expression, attributes, ..Request::default() })
    }
}

fn run_eval(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut line = Line::default();
    let mut form = Form::Shown;
    while let Some(word) = flags.next_word() {
        match word {
            Word::Operand(word) => line.words.push(word),
            Word::Flag(flag) => match flag.as_str() {
                "--json" => form = Form::Json,
                "--raw" => form = Form::Raw,
                _ => line.take_flag(cx, &flag, &mut flags)?,
            },
        }
    }
    if let [_, word, ..] = line.words.as_slice() {
        return Err(flags.wrong(format!("unexpected argument '{word}'")));
    }
    let printing = Printing { form, strict: true, locations: true, copies: false };
    let request = line.request(cx, &flags)?;
    eval::values(cx, &request, Access::Write, printing)
}

fn run_build(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut line = Line::default();
    let mut out_link = Some(PathBuf::from("result"));
    let (mut dry_run, mut prints, mut mode) = (false, false, BuildMode::Normal);
    while let Some(word) = flags.next_word() {
        match word {
            Word::Operand(word) => line.words.push(word),
            Word::Flag(flag) => match flag.as_str() {
                "--no-link" => out_link = None,
                "-o" | "--out-link" => out_link = Some(flags.own_value(&flag)?.into()),
                "--dry-run" => dry_run = true,
                "--print-out-paths" => prints = true,
                "--rebuild" => mode = BuildMode::Check,
                "--json" | "--repair" | "--profile" | "--stdin" => {
                    return Err(Failure::new(format!("`nix build {flag}` is not built yet")));
                }
                _ => line.take_flag(cx, &flag, &mut flags)?,
            },
        }
    }
    let request = line.request(cx, &flags)?;
    build::build(cx, &request, &Options { out_link, prints, dry_run, mode })
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
