//! The table of commands: every name that the binary answers to, and what it then does.

mod build;
mod check;
mod enter;
mod eval;
mod eval_jobs;
mod explain;
mod flake;
mod gc;
mod generations;
mod instantiate;
mod lsp;
mod nix;
mod nix_build;
mod nix_collect_garbage;
mod nix_env;
mod nix_hash;
mod nix_instantiate;
mod nix_store;
mod option;
mod parse;
mod registry;
mod repl;
mod rollback;
mod switch;
mod system;

use crate::args::{Nivis, Verb};
use crate::context::{Context, Manner};
use crate::env_vars;
use crate::flags::Flags;
use crate::report::{Failure, Outcome, USAGE};
use crate::settings::{Effect, Setting, Settings};
use crate::ui::Ui;
use clap::{CommandFactory as _, FromArgMatches as _};
use std::ffi::OsString;
use std::fmt::Write as _;

/// A name that a link to the binary may have.
struct Name {
    name: &'static str,
    run: fn(&mut Context, Flags) -> Outcome,
}

/// The names that are built.
const NAMES: &[Name] = &[
    Name { name: "nix", run: nix::run },
    Name { name: "nix-build", run: nix_build::run },
    Name { name: "nix-collect-garbage", run: nix_collect_garbage::run },
    Name { name: "nix-env", run: nix_env::run },
    Name { name: "nix-hash", run: nix_hash::run },
    Name { name: "nix-instantiate", run: nix_instantiate::run },
    Name { name: "nix-store", run: nix_store::run },
];

/// Names of CppNix and NixOS that are not built yet. They say so, and never act as another one.
const NAMES_NOT_BUILT: &[&str] = &[
    "nix-channel",
    "nix-copy-closure",
    "nix-daemon",
    "nix-prefetch-url",
    "nix-shell",
    "nixos-build-vms",
    "nixos-option",
    "nixos-rebuild",
];

/// Verbs of `nivis` that are not built yet.
const VERBS_NOT_BUILT: &[&str] = &[
    "boot",
    "completions",
    "daemon",
    "diff",
    "doctor",
    "dry-activate",
    "fmt",
    "init",
    "man",
    "profile",
    "run",
    "search",
    "shell",
    "store",
    "test",
    "why",
];

/// Runs the command that `name` and `words` ask for.
///
/// # Errors
///
/// When the command fails, or there is none.
pub(crate) fn run(ui: Ui, name: &str, words: Vec<OsString>) -> Outcome {
    if let Some(row) = NAMES.iter().find(|row| row.name == name) {
        let words = text_words(words)?;
        if let [only] = words.as_slice()
            && only == "--version"
        {
            return Ok(ui.line(version(name))?);
        }
        let settings = Settings::load(ui).map_err(|failure| {
            let is_misuse = failure.message.contains("has invalid value")
                || failure.message.contains("paths cannot be empty")
                || failure.message.starts_with("Cannot parse Nix store")
                || failure.message.starts_with("syntax error")
                || failure.message.starts_with("configuration setting");
            if is_misuse { Failure::usage(name, failure.message) } else { failure }
        })?;
        let mut cx = Context { ui, settings, manner: Manner::CppNix };
        return (row.run)(&mut cx, Flags::new(name, words));
    }
    if NAMES_NOT_BUILT.contains(&name) {
        return Err(Failure::new(format!("`{name}` is not built yet")));
    }
    run_verb(ui, words)
}

/// Returns what `--version` says: the version of the language and tools, and our own.
fn version(name: &str) -> String {
    format!("{name} (nivis {}) 2.34.8", env!("CARGO_PKG_VERSION"))
}

fn text_words(words: Vec<OsString>) -> Outcome<Vec<String>> {
    let text = |word: OsString| {
        word.into_string()
            .map_err(|word| Failure::new(format!("`{}` is not UTF-8", word.to_string_lossy())))
    };
    words.into_iter().map(text).collect()
}

fn run_verb(ui: Ui, words: Vec<OsString>) -> Outcome {
    let verb = words.first().and_then(|word| word.to_str()).unwrap_or_default();
    if VERBS_NOT_BUILT.contains(&verb) {
        return Err(Failure::new(format!("`nivis {verb}` is not built yet")));
    }
    let whole = std::iter::once(OsString::from("nivis")).chain(words);
    let command = Nivis::command().after_long_help(reference());
    let line =
        command.try_get_matches_from(whole).and_then(|matches| Nivis::from_arg_matches(&matches));
    let verb = match line {
        Ok(line) => line.verb,
        Err(answer) if answer.use_stderr() => {
            ui.tell(answer.render().ansi());
            return Err(Failure::silent(USAGE));
        }
        Err(answer) => return Ok(ui.data(answer.render().to_string())?),
    };
    let settings = Settings::load(ui)?;
    run_built(&mut Context { ui, settings, manner: Manner::Own }, verb)
}

/// Returns what the long help says of the environment and the settings.
fn reference() -> String {
    let mut text = String::from("Environment:\n");
    for variable in env_vars::ALL {
        let _ = writeln!(text, "  {}\n         {}", variable.name, variable.doc.trim());
    }
    text.push_str("\nSettings (nix.conf, NIX_CONFIG, --option):\n");
    for setting in Setting::all().filter(|setting| setting.effect == Effect::Here) {
        let _ = writeln!(text, "  {}\n         {}", setting.name, setting.doc);
    }
    text
}

fn run_built(cx: &mut Context, verb: Verb) -> Outcome {
    match verb {
        Verb::Eval(args) => eval::run(cx, args),
        Verb::EvalJobs(args) => eval_jobs::run(cx, &args),
        Verb::Parse(args) => parse::run(cx, args),
        Verb::Instantiate(args) => instantiate::run(cx, args),
        Verb::Build(args) => build::run(cx, args),
        Verb::Switch(args) => switch::run(cx, &args),
        Verb::Rollback(args) => rollback::run(cx, &args),
        Verb::Generations(args) => generations::run(cx, &args),
        Verb::Enter(args) => enter::run(cx, &args),
        Verb::Gc(args) => gc::run(cx, args),
        Verb::Option(args) => option::run(cx, &args),
        Verb::Flake(args) => flake::run(cx, args),
        Verb::Check(args) => check::run(cx, &args),
        Verb::Explain(args) => explain::run(cx, &args),
        Verb::Repl(args) => repl::run(cx, args),
        Verb::Lsp => lsp::run(cx),
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMES, NAMES_NOT_BUILT, run};
    use crate::ui::Ui;

    #[test]
    fn what_is_not_built_says_so() {
        for name in NAMES_NOT_BUILT {
            assert!(NAMES.iter().all(|row| row.name != *name), "{name} is built");
            let failure = run(Ui, name, Vec::new()).expect_err("it is not built");
            assert_eq!(failure.message, format!("`{name}` is not built yet"));
            assert_eq!(failure.exit, 1);
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        crate::args::Nivis::command().debug_assert();
    }
}
