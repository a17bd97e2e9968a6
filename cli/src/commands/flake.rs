//! `nivis flake` and `nix flake`: what a flake is made of, and its lock file.

mod archive;
mod check;
mod clone;
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
use eval::flake::reference::Reference;
use eval::interpret::Eval;
use std::path::{Path, PathBuf};

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
    /// Whether nothing is fetched.
    dry_run: bool,
    /// The store that trees are copied to.
    to: Option<String>,
    /// The link to a tree.
    out_link: Option<PathBuf>,
    /// Where a repository is cloned to.
    destination: Option<PathBuf>,
    /// The template that a new flake is made from.
    template: Option<String>,
}

/// Runs `nivis flake`.
pub(crate) fn run(cx: &mut Context, args: FlakeArgs) -> Outcome {
    args.settings.apply(cx.ui, &mut cx.settings)?;
    installable::prepare(cx, Features::Flakes, false)?;
    let summary = cx.settings.text("commit-lock-file-summary");
    let locking = Locking { commit_summary: summary, ..args.locking.locking() };
    match args.verb {
        FlakeVerb::Metadata { flake, json } => {
            metadata::run(cx, &Line { flake, locking, json, ..Line::default() })
        }
        FlakeVerb::Lock { flake } => {
            cx.settings.force("tarball-ttl", "0");
            lock(cx, Line { flake, locking, ..Line::default() })
        }
        FlakeVerb::Update { inputs, flake } => {
            cx.settings.force("tarball-ttl", "0");
            let locking = updating(locking, inputs);
            lock(cx, Line { flake, locking, ..Line::default() })
        }
        FlakeVerb::Show { flake, json, all_systems, legacy } => {
            show::run(cx, &Line { flake, locking, json, all_systems, legacy, ..Line::default() })
        }
        FlakeVerb::Check { flake, all_systems, no_build } => {
            let builds = !no_build;
            let line = Line { flake, locking, all_systems, builds, ..Line::default() };
            take_settings(cx, &line)?;
            check::run(cx, &line)
        }
        FlakeVerb::Archive { flake, json, dry_run, to } => {
            archive::run(cx, &Line { flake, locking, json, dry_run, to, ..Line::default() })
        }
        FlakeVerb::Clone { flake, dest } => {
            let destination = Some(dest);
            clone::run(cx, &Line { flake, locking, destination, ..Line::default() })
        }
        FlakeVerb::Prefetch { flake, json, out_link } => {
            archive::prefetch(cx, &Line { flake, locking, json, out_link, ..Line::default() })
        }
        FlakeVerb::PrefetchInputs { flake } => {
            archive::prefetch_inputs(cx, &Line { flake, locking, ..Line::default() })
        }
        FlakeVerb::Init { template } => {
            init::run(cx, &Line { locking, template, ..Line::default() }, Path::new("."))
        }
        FlakeVerb::New { dest, template } => {
            init::run(cx, &Line { locking, template, ..Line::default() }, &dest)
        }
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
        match word {
            Word::Operand(word) => words.push(word),
            Word::Flag(flag) => line.take_flag(cx, &flag, &mut flags)?,
        }
    }
    installable::prepare(cx, Features::Flakes, false)?;
    line.locking.commit_summary = cx.settings.text("commit-lock-file-summary");
    let mut words = words.into_iter();
    let Some(verb) = words.next() else {
        return Err(flags.wrong("'nix flake' requires a sub-command."));
    };
    if verb == "update" {
        cx.settings.force("tarball-ttl", "0");
        line.locking = updating(line.locking, words.collect());
        return lock(cx, line);
    }
    if verb == "new" {
        let target = words.next();
        let target =
            target.ok_or_else(|| flags.wrong("more arguments are required: 'dest-dir'"))?;
        line.template.get_or_insert_with(|| TEMPLATES.to_owned());
        return init::run(cx, &line, Path::new(&target));
    }
    if verb == "init" {
        line.template.get_or_insert_with(|| TEMPLATES.to_owned());
        return init::run(cx, &line, Path::new("."));
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
        "lock" => {
            cx.settings.force("tarball-ttl", "0");
            lock(cx, line)
        }
        "show" => show::run(cx, &line),
        "check" => {
            take_settings(cx, &line)?;
            check::run(cx, &line)
        }
        "archive" => archive::run(cx, &line),
        "clone" => clone::run(cx, &line),
        "prefetch" => archive::prefetch(cx, &line),
        "prefetch-inputs" => archive::prefetch_inputs(cx, &line),
        _ => Err(flags.wrong(format!("'{verb}' is not a recognised command"))),
    }
}

/// The flake that templates are looked for in.
const TEMPLATES: &str = "templates";

impl Line {
    fn take_flag(&mut self, cx: &mut Context, flag: &str, flags: &mut Flags) -> Outcome {
        match flag {
            "--json" => self.json = true,
            "--all-systems" => self.all_systems = true,
            "--no-build" => self.builds = false,
            "--legacy" => self.legacy = true,
            "--dry-run" => self.dry_run = true,
            "--flake" => self.flake = Some(flags.own_value(flag)?),
            "--to" => self.to = Some(flags.own_value(flag)?),
            "-o" | "--out-link" => self.out_link = Some(flags.own_value(flag)?.into()),
            "-f" | "--dest" => self.destination = Some(flags.own_value(flag)?.into()),
            "-t" | "--template" => self.template = Some(flags.own_value(flag)?),
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
}

/// Takes the settings that the flake would like to have.
fn take_settings(cx: &mut Context, line: &Line) -> Outcome {
    let flake = line.flake.clone().unwrap_or_else(|| ".".to_owned());
    installable::take_settings(cx, &[flake], &line.locking)
}

/// Returns the wish for the newest trees: of these inputs, or of all.
fn updating(locking: Locking, inputs: Vec<String>) -> Locking {
    Locking { recreates: inputs.is_empty(), updates: inputs, ..locking }
}

/// Brings the lock file up to date.
fn lock(cx: &mut Context, line: Line) -> Outcome {
    let line = Line { locking: Locking { must_lock: true, ..line.locking }, ..line };
    take_settings(cx, &line)?;
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
        installable::take_inputs(eval, &line.locking)?;
        let reference = whole(eval, line.flake.as_deref().unwrap_or("."))?;
        let locked = installable::locked(eval, &reference, &line.locking)?;
        work(eval, locked)
    })
}

/// Reads a reference to a whole flake.
fn whole(eval: &Eval<'_>, text: &str) -> Result<Reference, Stop> {
    let installable = installable::parse(eval, text)?;
    if installable.fragment.is_empty() {
        return Ok(installable.reference);
    }
    let message = format!("unexpected fragment in flake reference '{text}'");
    Err(Failure::new(message).into())
}
