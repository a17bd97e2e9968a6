//! Installables: flakes as a person names them on the command line, and what of them is meant.

use crate::context::{Context, Manner};
use crate::evaluation::Stop;
use crate::flags::Flags;
use crate::report::{Failure, Outcome};
use eval::error::{self, FrameKind};
use eval::flake::lock::{self, LockOptions, LockedFlake};
use eval::flake::reference::Reference;
use eval::flake::{self, Installable, manifest};
use eval::heap::{Attrs, Value};
use eval::interpret::Eval;
use eval::source::Position;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What becomes of the lock file.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Locking {
    /// Other trees for inputs: the input's path, and a reference.
    pub(crate) overrides: Vec<(String, String)>,
    /// Inputs for which the newest tree is wanted.
    pub(crate) updates: Vec<String>,
    /// Whether the newest tree is wanted for all of them.
    pub(crate) recreates: bool,
    /// Whether a lock file that is out of date stays as it is.
    pub(crate) keeps_file: bool,
    /// Whether one that is out of date is an error.
    pub(crate) is_frozen: bool,
    /// Whether an input that cannot be locked is an error.
    pub(crate) must_lock: bool,
}

impl Locking {
    /// Takes a flag that says what becomes of the lock file; `false` if it is none.
    ///
    /// # Errors
    ///
    /// When a value is missing.
    pub(crate) fn take_flag(&mut self, flag: &str, flags: &mut Flags) -> Outcome<bool> {
        match flag {
            "--override-input" => {
                let [input, reference] = flags.values(flag)?;
                self.overrides.push((input, reference));
                // The lock file is for everybody, and this is for once.
                self.keeps_file = true;
            }
            "--no-write-lock-file" => self.keeps_file = true,
            "--no-update-lock-file" => self.is_frozen = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn options(&self, eval: &Eval<'_>) -> Result<LockOptions, Stop> {
        let mut options = LockOptions {
            allows_unlocked: true,
            recreates: self.recreates,
            ..LockOptions::default()
        };
        for (path, reference) in &self.overrides {
            let path = manifest::parse_path(path)?;
            options.overrides.insert(path, parse(eval, reference)?.reference);
        }
        for path in &self.updates {
            options.updates.insert(manifest::parse_path(path)?);
        }
        Ok(options)
    }
}

/// The experimental features that a command needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Features {
    /// That of `nix`.
    Command,
    /// Those of `nix` and of flakes.
    Flakes,
}

/// Turns on what evaluating a flake needs; it is pure unless the person says otherwise.
///
/// # Errors
///
/// When called as `nix` and the experimental features are not on.
pub(crate) fn prepare(cx: &mut Context, features: Features, is_impure: bool) -> Outcome {
    let needed: &[&str] = match features {
        Features::Command => &["nix-command"],
        Features::Flakes => &["nix-command", "flakes"],
    };
    for &feature in needed {
        let mut features = cx.settings.words("experimental-features");
        if features.iter().any(|word| word == feature) {
            continue;
        }
        if cx.manner == Manner::CppNix {
            return Err(feature_disabled(feature));
        }
        features.push(feature.to_owned());
        cx.settings.force("experimental-features", &features.join(" "));
    }
    if is_impure {
        cx.settings.force("pure-eval", "false");
    } else if !cx.settings.is_set("pure-eval") {
        cx.settings.force("pure-eval", "true");
    }
    Ok(())
}

/// Returns the failure of a command that needs an experimental feature.
pub(crate) fn feature_disabled(feature: &str) -> Failure {
    Failure::new(format!(
        "experimental Nix feature '{feature}' is disabled; add \
         '--extra-experimental-features {feature}' to enable it"
    ))
}

/// Reads what a person typed.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn parse(eval: &Eval<'_>, text: &str) -> Result<Installable, Stop> {
    let directory = eval.settings().directory.clone();
    Ok(flake::parse_typed(eval.system(), &directory, text)?)
}

/// Fetches and locks a flake, and writes its lock file where that is wanted.
///
/// # Errors
///
/// Whatever is wrong with the flake or its inputs, or a lock file that may not be written.
pub(crate) fn locked(
    eval: &mut Eval<'_>,
    reference: &Reference,
    locking: &Locking,
) -> Result<LockedFlake, Stop> {
    let flake = lock::get(eval, reference)?;
    let mut locked = lock::lock(eval, flake, &locking.options(eval)?)?;
    if locked.lock_file == locked.old {
        return Ok(locked);
    }
    let shown = reference.show();
    let difference = locked.lock_file.difference(&locked.old);
    let difference = difference.trim_end();
    if locking.keeps_file {
        let what = format!("not writing modified lock file of flake '{shown}':\n{difference}");
        warn(eval, &what);
        locked.flake.is_changed = true;
        return Ok(locked);
    }
    let Some(directory) = reference.source_directory() else {
        return Err(refused(
            &locked,
            format!(
                "cannot write modified lock file of flake '{shown}' (use '--no-write-lock-file' \
                 to ignore)"
            ),
        ));
    };
    if let Some(input) = locked.lock_file.unlocked() {
        let input = input.show();
        if locking.must_lock {
            return Err(refused(
                &locked,
                format!(
                    "Not writing lock file of flake '{shown}' because it has an unlocked input \
                     ('{input}'). Use '--allow-dirty-locks' to allow this anyway."
                ),
            ));
        }
        let what = format!(
            "not writing lock file of flake '{shown}' because it has an unlocked input ('{input}')"
        );
        warn(eval, &what);
        return Ok(locked);
    }
    if locking.is_frozen {
        return Err(refused(
            &locked,
            format!(
                "flake '{shown}' requires lock file changes but they're not allowed due to \
                 '--no-update-lock-file'"
            ),
        ));
    }
    write(eval, reference, Path::new(&directory), &locked, difference)?;
    Ok(locked)
}

/// Returns the error of a lock file that is not as it should be.
fn refused(locked: &LockedFlake, message: String) -> Stop {
    let shown = locked.flake.tree.locked.show();
    let step = format!("while updating the lock file of flake '{shown}'");
    let error = error::other(message);
    Stop::Evaluation(error.frame(Position::NONE, FrameKind::Evaluator, step))
}

fn warn(eval: &Eval<'_>, text: &str) {
    eval.system().message(format!("warning: {text}").as_bytes());
}

fn write(
    eval: &Eval<'_>,
    reference: &Reference,
    directory: &Path,
    locked: &LockedFlake,
    difference: &str,
) -> Result<(), Stop> {
    let name: PathBuf = Path::new(&reference.directory()).join("flake.lock");
    let path = directory.join(&name);
    let shown = path.display();
    if !path.exists() {
        warn(eval, &format!("creating lock file \"{shown}\": \n{difference}"));
    } else if difference.is_empty() {
        warn(eval, &format!("updating lock file \"{shown}\""));
    } else {
        warn(eval, &format!("updating lock file \"{shown}\":\n{difference}"));
    }
    let writing = Failure::during(format!("writing '{shown}'"));
    std::fs::write(&path, locked.lock_file.to_text()).map_err(writing)?;
    if reference.kind() == "git" {
        track(directory, &name)?;
    }
    Ok(())
}

/// Makes the repository in `directory` track a file, unless it ignores it.
fn track(directory: &Path, name: &Path) -> Result<(), Stop> {
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(directory).args(words).arg("--").arg(name);
        command.output().map_err(Failure::during("running `git`"))
    };
    if git(&["check-ignore", "--quiet"])?.status.success() {
        return Ok(());
    }
    let output = git(&["add", "--intent-to-add"])?;
    if output.status.success() {
        return Ok(());
    }
    let problem = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::new(format!("`git add` failed: {problem}")).into())
}

/// Returns the outputs of a locked flake.
///
/// # Errors
///
/// Whatever evaluating them meets.
pub(crate) fn outputs<'h>(eval: &mut Eval<'h>, locked: &LockedFlake) -> Result<Attrs<'h>, Stop> {
    let value = flake::call(eval, locked)?;
    Ok(flake::outputs(eval, value)?)
}

/// Where attributes are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup<'s> {
    /// The paths that are meant when none is named.
    pub(crate) defaults: &'s [&'s str],
    /// What may stand before a path, in this order.
    pub(crate) prefixes: &'s [&'s str],
}

/// Where packages are.
pub(crate) const PACKAGES: Lookup<'static> = Lookup {
    defaults: &["packages.SYSTEM.default", "defaultPackage.SYSTEM"],
    prefixes: &["packages.SYSTEM.", "legacyPackages.SYSTEM."],
};

/// Evaluates what a person typed and returns the value that is meant.
///
/// # Errors
///
/// A flake that cannot be locked, an attribute that it does not have, and whatever evaluation
/// meets.
pub(crate) fn value<'h>(
    eval: &mut Eval<'h>,
    text: &str,
    locking: &Locking,
    lookup: Lookup<'_>,
) -> Result<Value<'h>, Stop> {
    let Installable { reference, fragment } = parse(eval, text)?;
    let locked = locked(eval, &reference, locking)?;
    let outputs = outputs(eval, &locked)?;
    let system = eval.settings().system.clone();
    let paths: Vec<String> = match fragment.strip_prefix('.') {
        Some(exact) => vec![exact.to_owned()],
        None if fragment.is_empty() => {
            lookup.defaults.iter().map(|path| path.replace("SYSTEM", &system)).collect()
        }
        None => {
            let prefixed = lookup.prefixes.iter().map(|it| it.replace("SYSTEM", &system));
            prefixed.chain([String::new()]).map(|prefix| prefix + &fragment).collect()
        }
    };
    Ok(flake::select(eval, outputs, &paths, &reference.show())?)
}
