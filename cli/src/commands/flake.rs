//! `nivis flake` and `nix flake`: what a flake is made of, and its lock file.

mod check;
mod init;
mod metadata;
mod show;

use crate::args::{FlakeArgs, FlakeVerb};
use crate::context::Context;
use crate::evaluation::{self, Stop};
use crate::flags::{Flags, Word};
use crate::installable::{self, Features, Locking};
use crate::report::{Failure, Outcome};
use crate::stores::Access;
use eval::flake::lock::LockedFlake;
use eval::interpret::Eval;

/// What is asked of a flake.
#[derive(Default, Debug)]
struct Line {
    /// The flake, as it was typed.
    flake: Option<String>,
    locking: Locking,
    /// Whether the answer is JSON.
    json: bool,
    /// Whether outputs for other systems are shown.
    all_systems: bool,
    /// Whether `legacyPackages` are shown.
    legacy: bool,
    /// Whether checks are built.
    builds: bool,
}

/// Runs `nivis flake`.
pub(crate) fn run(cx: &mut Context, args: FlakeArgs) -> Outcome {
    args.settings.apply(cx.ui, &mut cx.settings)?;
    installable::prepare(cx, Features::Flakes, false)?;
    let locking = args.locking.locking();
    match args.verb {
        FlakeVerb::Metadata { flake, json } => {
            metadata::run(cx, &Line { flake, locking, json, ..Line::default() })
        }
        FlakeVerb::Lock { flake } => lock(cx, Line { flake, locking, ..Line::default() }),
        FlakeVerb::Update { inputs, flake } => {
            let locking = updating(locking, inputs);
            lock(cx, Line { flake, locking, ..Line::default() })
        }
        FlakeVerb::Show { flake, json, all_systems, legacy } => {
            show::run(cx, &Line { flake, locking, json, all_systems, legacy, ..Line::default() })
        }
        FlakeVerb::Check { flake, all_systems, no_build } => {
            let builds = !no_build;
            check::run(cx, &Line { flake, locking, all_systems, builds, ..Line::default() })
        }
        FlakeVerb::Init => init::run(cx),
    }
}

/// Runs `nix flake`.
///
/// # Errors
///
/// A command line that makes no sense, a verb that is not built, and whatever the work meets.
pub(super) fn run_oracle(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut line = Line { builds: true, ..Line::default() };
    let mut words = Vec::new();
    while let Some(word) = flags.next_word() {
        let flag = match word {
            Word::Operand(word) => {
                words.push(word);
                continue;
            }
            Word::Flag(flag) => flag,
        };
        match flag.as_str() {
            "--json" => line.json = true,
            "--all-systems" => line.all_systems = true,
            "--no-build" => line.builds = false,
            "--legacy" => line.legacy = true,
            "--flake" => line.flake = Some(flags.own_value(&flag)?),
            _ => {
                let is_known = line.locking.take_flag(cx.ui, &flag, &mut flags)?
                    || cx.settings.take_flag(cx.ui, &flag, &mut flags)?;
                if !is_known {
                    return Err(flags.unknown(&flag));
                }
            }
        }
    }
    installable::prepare(cx, Features::Flakes, false)?;
    let mut words = words.into_iter();
    let Some(verb) = words.next() else {
        return Err(flags.wrong("'nix flake' requires a sub-command."));
    };
    if verb == "update" {
        line.locking = updating(line.locking, words.collect());
        return lock(cx, line);
    }
    line.flake = line.flake.or(words.next());
    if let Some(word) = words.next() {
        return Err(flags.wrong(format!("unexpected argument '{word}'")));
    }
    match verb.as_str() {
        "metadata" => metadata::run(cx, &line),
        "info" => {
            cx.ui.warn("'nix flake info' is a deprecated alias for 'nix flake metadata'");
            metadata::run(cx, &line)
        }
        "lock" => lock(cx, line),
        "show" => show::run(cx, &line),
        "init" => init::run(cx),
        "check" => check::run(cx, &line),
        "archive" | "clone" | "new" | "prefetch" | "prefetch-inputs" => {
            Err(Failure::new(format!("`nix flake {verb}` is not built yet")))
        }
        _ => Err(flags.wrong(format!("'{verb}' is not a recognised command"))),
    }
}

/// Returns the wish for the newest trees: of these inputs, or of all.
fn updating(locking: Locking, inputs: Vec<String>) -> Locking {
    Locking { recreates: inputs.is_empty(), updates: inputs, ..locking }
}

/// Brings the lock file up to date.
fn lock(cx: &Context, line: Line) -> Outcome {
    let line = Line { locking: Locking { must_lock: true, ..line.locking }, ..line };
    with_flake(cx, &line, |_, _| Ok(()))
}

/// Runs `work` on the locked flake that the command line names.
fn with_flake<T: Send>(
    cx: &Context,
    line: &Line,
    work: impl for<'h> FnOnce(&mut Eval<'h>, LockedFlake) -> Result<T, Stop> + Send,
) -> Outcome<T> {
    let store = cx.lazy_store(Access::Write)?;
    evaluation::run(cx, &store, Access::Write, |eval| {
        let text = line.flake.as_deref().unwrap_or(".");
        let installable = installable::parse(eval, text)?;
        if !installable.fragment.is_empty() {
            let message = format!("unexpected fragment in flake reference '{text}'");
            return Err(Failure::new(message).into());
        }
        let locked = installable::locked(eval, &installable.reference, &line.locking)?;
        work(eval, locked)
    })
}
