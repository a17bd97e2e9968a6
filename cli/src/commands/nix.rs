//! `nix`: as far as it is about flakes.

use super::build::{self, Options};
use super::eval::{self, Form, Printing};
use super::flake;
use crate::context::Context;
use crate::flags::{Flags, Word};
use crate::installable;
use crate::report::{Failure, Outcome};
use crate::request::Request;
use crate::stores::Access;
use std::path::PathBuf;
use store::realise::BuildMode;

/// Commands of CppNix that are not built yet.
const NOT_BUILT: &[&str] = &[
    "bundle", "config", "copy", "daemon", "derivation", "develop", "edit", "env", "fmt",
    "formatter", "hash", "help", "help-stores", "key", "log", "nar", "path-info",
    "print-dev-env", "profile", "realisation", "registry", "repl", "run", "search", "shell",
    "store", "upgrade-nix", "why-depends",
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
        other if NOT_BUILT.contains(&other) => {
            Err(Failure::new(format!("`nix {other}` is not built yet")))
        }
        other => Err(flags.wrong(format!("'{other}' is not a recognised command"))),
    }
}

/// What a flag that both commands have means; `false` if it is none.
fn take_flag(cx: &mut Context, flag: &str, flags: &mut Flags, request: &mut Request) -> Outcome {
    match flag {
        "-f" | "--file" | "--expr" | "--apply" | "--arg" | "--argstr" | "--inputs-from" => {
            Err(Failure::new(format!("`nix` with '{flag}' is not built yet")))
        }
        _ => {
            let is_known = request.locking.take_flag(flag, flags)?
                || cx.settings.take_flag(cx.ui, flag, flags)?;
            if is_known { Ok(()) } else { Err(flags.unknown(flag)) }
        }
    }
}

fn run_eval(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut request = Request { is_flake: true, ..Request::default() };
    let mut form = Form::Language;
    while let Some(word) = flags.next_word() {
        match word {
            Word::Operand(word) => request.words.push(word),
            Word::Flag(flag) => match flag.as_str() {
                "--json" => form = Form::Json,
                "--raw" => form = Form::Raw,
                _ => take_flag(cx, &flag, &mut flags, &mut request)?,
            },
        }
    }
    if let [_, word, ..] = request.words.as_slice() {
        return Err(flags.wrong(format!("unexpected argument '{word}'")));
    }
    installable::prepare(cx, false)?;
    let printing = Printing { form, strict: true, locations: true };
    eval::values(cx, &request, Access::Write, printing)
}

fn run_build(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut request = Request { is_flake: true, ..Request::default() };
    let mut out_link = Some(PathBuf::from("result"));
    let (mut dry_run, mut prints, mut mode) = (false, false, BuildMode::Normal);
    while let Some(word) = flags.next_word() {
        match word {
            Word::Operand(word) => request.words.push(word),
            Word::Flag(flag) => match flag.as_str() {
                "--no-link" => out_link = None,
                "-o" | "--out-link" => out_link = Some(flags.own_value(&flag)?.into()),
                "--dry-run" => dry_run = true,
                "--print-out-paths" => prints = true,
                "--rebuild" => mode = BuildMode::Check,
                "--json" | "--repair" | "--profile" | "--stdin" => {
                    return Err(Failure::new(format!("`nix build {flag}` is not built yet")));
                }
                _ => take_flag(cx, &flag, &mut flags, &mut request)?,
            },
        }
    }
    installable::prepare(cx, false)?;
    build::build(cx, &request, &Options { out_link, dry_run, mode, prints })
}
