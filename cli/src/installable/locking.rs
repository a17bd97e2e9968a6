//! What becomes of the lock file of a flake that is named on the command line.

use super::parse;
use crate::evaluation::Stop;
use crate::flags::Flags;
use crate::report::{Failure, Outcome};
use crate::ui::Ui;
use eval::error::{self, FrameKind};
use eval::flake::lock::{self, LockOptions, LockedFlake};
use eval::flake::lock_file::Edge;
use eval::flake::manifest;
use eval::flake::reference::{Attr, Reference, Refusal};
use eval::flake::registry::{self, Entry, Lookup};
use eval::interpret::Eval;
use eval::source::{HOST, Position, SourcePath};
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
    /// Whether names are not looked up in registries.
    pub(crate) no_registries: bool,
    /// Whether a lock file that was written is committed.
    pub(crate) commits: bool,
    /// The lock file to start from, instead of the flake's own.
    pub(crate) reference_file: Option<PathBuf>,
    /// The lock file to write, instead of the flake's own.
    pub(crate) output_file: Option<PathBuf>,
    /// Flakes whose inputs are what names stand for.
    pub(crate) inputs_from: Vec<String>,
    /// What names of flakes stand for, before any registry.
    pub(crate) names: Vec<(String, String)>,
    /// The first line of the message with which a lock file is committed; empty: what was done.
    pub(crate) commit_summary: String,
}

impl Locking {
    /// Takes a flag that says what becomes of the lock file; `false` if it is none.
    ///
    /// # Errors
    ///
    /// When a value is missing.
    pub(crate) fn take_flag(&mut self, ui: Ui, flag: &str, flags: &mut Flags) -> Outcome<bool> {
        let input = |flags: &Flags, input: String| {
            if input.split('/').any(|name| !name.is_empty()) {
                return Ok(input);
            }
            Err(flags.wrong(format!(
                "{flag} was passed a zero-length input path, which would refer to the flake \
                 itself, not an input"
            )))
        };
        match flag {
            "--override-input" => {
                let [path, reference] = flags.values(flag)?;
                self.overrides.push((input(flags, path)?, reference));
                // The lock file is for everybody, and this is for once.
                self.keeps_file = true;
            }
            "--update-input" => {
                ui.warn(
                    "'--update-input' is a deprecated alias for 'flake update' and will be \
                     removed in a future version.",
                );
                let path = flags.value(flag)?;
                self.updates.push(input(flags, path)?);
            }
            "--recreate-lock-file" => {
                ui.warn(
                    "'--recreate-lock-file' is deprecated and will be removed in a future \
                     version; use 'nix flake update' instead.",
                );
                self.recreates = true;
            }
            "--no-registries" => {
                ui.warn("'--no-registries' is deprecated; use '--no-use-registries'");
                self.no_registries = true;
            }
            "--commit-lock-file" => self.commits = true,
            "--reference-lock-file" => {
                self.reference_file = Some(std::path::absolute(flags.value(flag)?)?);
            }
            "--output-lock-file" => self.output_file = Some(flags.value(flag)?.into()),
            "--inputs-from" => {
                let flake = flags.value(flag)?;
                self.inputs_from.push(flake);
            }
            "--override-flake" => {
                let [from, to] = flags.values(flag)?;
                self.names.push((from, to));
            }
            "--no-write-lock-file" => self.keeps_file = true,
            "--no-update-lock-file" => self.is_frozen = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn options(&self, eval: &Eval<'_>) -> Result<LockOptions, Stop> {
        let file = |path: &PathBuf| SourcePath::new(HOST, path.as_os_str().as_encoded_bytes());
        let mut options = LockOptions {
            allows_unlocked: true,
            recreates: self.recreates,
            no_registries: self.no_registries,
            reference_file: self.reference_file.as_ref().map(file),
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

    /// Returns where the flake itself is looked for.
    pub(crate) fn lookup(&self) -> Lookup {
        if self.no_registries { Lookup::Never } else { Lookup::All }
    }
}

/// Makes names stand for the inputs of the flakes of `--inputs-from`.
///
/// # Errors
///
/// A flake that cannot be locked.
pub(crate) fn take_inputs(eval: &mut Eval<'_>, locking: &Locking) -> Result<(), Stop> {
    for (from, to) in &locking.names {
        let to = parse(eval, to)?.reference;
        let from = Reference::parse(from, true).map_err(Refusal::into_error)?.0;
        let (from, to) = (from.without_directory(), to.in_directory(&from.directory()));
        registry::add_flag(eval, Entry { from, to, is_exact: false });
    }
    for text in &locking.inputs_from {
        let reference = parse(eval, text)?.reference;
        let quiet = Locking { keeps_file: true, ..Locking::default() };
        let locked = locked(eval, &reference, &quiet)?;
        let file = &locked.lock_file;
        for name in file.node(eval::flake::lock_file::ROOT).inputs.keys() {
            let found = file.find(std::slice::from_ref(name)).map_err(error::other)?;
            let Some(lock) = found.and_then(|node| file.node(node).lock.as_ref()) else {
                continue;
            };
            let text = |text: &str| Attr::Text(text.to_owned());
            let from = [("type".to_owned(), text("indirect")), ("id".to_owned(), text(name))];
            let from = Reference::from_attrs(from.into(), true).map_err(Refusal::into_error)?;
            registry::add_flag(eval, Entry { from, to: lock.locked.clone(), is_exact: false });
        }
    }
    Ok(())
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
    let flake = lock::get(eval, reference, locking.lookup())?;
    eval.note_own_tree(&flake);
    let locked = lock::lock(eval, flake, &locking.options(eval)?)?;
    if locked.lock_file == locked.old && locking.output_file.is_none() {
        return Ok(locked);
    }
    let mut locked = locked;
    match settle(eval, reference, locking, &mut locked) {
        // The tree stays what it was before the lock file was written, as the oracle has it.
        Ok(()) => Ok(locked),
        Err(Stop::Evaluation(error)) => {
            let shown = locked.flake.tree.locked.show();
            let step = format!("while updating the lock file of flake '{shown}'");
            Err(Stop::Evaluation(error.frame(Position::NONE, FrameKind::Evaluator, step)))
        }
        Err(failure) => Err(failure),
    }
}

/// Does with a lock file that changed what is wanted.
fn settle(
    eval: &mut Eval<'_>,
    reference: &Reference,
    locking: &Locking,
    locked: &mut LockedFlake,
) -> Result<(), Stop> {
    let shown = reference.show();
    let difference = locked.lock_file.difference(&locked.old);
    if locking.keeps_file {
        let difference = difference.trim_end();
        let what = format!("not writing modified lock file of flake '{shown}':\n{difference}");
        warn(eval, &what);
        locked.flake.is_changed = true;
        return Ok(());
    }
    let directory = reference.source_directory();
    if directory.is_none() && locking.output_file.is_none() {
        return Err(refused(format!(
            "cannot write modified lock file of flake '{shown}' (use '--no-write-lock-file' to \
             ignore)"
        )));
    }
    let fetch = &eval.settings().fetch;
    let (allows_dirty, trusts_forges) = (fetch.allows_dirty_locks, fetch.trusts_forges);
    if let Some(input) = locked.lock_file.unlocked(trusts_forges).filter(|_| !allows_dirty) {
        let input = input.show();
        if locking.must_lock {
            return Err(refused(format!(
                "Not writing lock file of flake '{shown}' because it has an unlocked input \
                 ('{input}'). Use '--allow-dirty-locks' to allow this anyway."
            )));
        }
        let what = format!(
            "not writing lock file of flake '{shown}' because it has an unlocked input ('{input}')"
        );
        warn(eval, &what);
        return Ok(());
    }
    if locking.is_frozen {
        return Err(refused(format!(
            "flake '{shown}' requires lock file changes but they're not allowed due to \
             '--no-update-lock-file'"
        )));
    }
    if let Some(path) = &locking.output_file {
        if locking.commits {
            let message = "'--commit-lock-file' and '--output-lock-file' are incompatible";
            return Err(refused(message.to_owned()));
        }
        let writing = Failure::during(format!("writing '{}'", path.display()));
        std::fs::write(path, locked.lock_file.to_text()).map_err(writing)?;
        return Ok(());
    }
    let directory = PathBuf::from(directory.unwrap_or_default());
    write(eval, (reference, &directory), locking, locked, &difference)
}

/// Returns the error of a lock file that is not as it should be.
fn refused(message: String) -> Stop {
    Stop::Evaluation(error::other(message))
}

fn warn(eval: &Eval<'_>, text: &str) {
    eval.system().message(format!("warning: {text}").as_bytes());
}

fn write(
    eval: &Eval<'_>,
    (reference, directory): (&Reference, &Path),
    locking: &Locking,
    locked: &LockedFlake,
    difference: &str,
) -> Result<(), Stop> {
    let name: PathBuf = Path::new(&reference.directory()).join("flake.lock");
    let path = directory.join(&name);
    let shown = path.display();
    let exists = path.exists();
    let changes = difference.trim_end();
    if !exists {
        warn(eval, &format!("creating lock file \"{shown}\": \n{changes}"));
    } else if changes.is_empty() {
        warn(eval, &format!("updating lock file \"{shown}\""));
    } else {
        warn(eval, &format!("updating lock file \"{shown}\":\n{changes}"));
    }
    let writing = Failure::during(format!("writing '{shown}'"));
    std::fs::write(&path, locked.lock_file.to_text()).map_err(writing)?;
    let done = if exists { "Update" } else { "Add" };
    let summary = match locking.commit_summary.as_str() {
        "" => format!("{}: {done}", name.display()),
        summary => summary.to_owned(),
    };
    let message = format!("{summary}\n\nFlake lock file updates:\n\n{difference}");
    let message = locking.commits.then_some(message.as_str());
    match reference.kind().as_str() {
        "git" => track(directory, &name, message),
        "hg" => track_in_mercurial(&path, message),
        _ => Ok(()),
    }
}

/// Makes the repository in `directory` track a file, unless it ignores it, and commits it if there
/// is a message.
fn track(directory: &Path, name: &Path, message: Option<&str>) -> Result<(), Stop> {
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(directory).args(words).arg("--").arg(name);
        command.output().map_err(Failure::during("running `git`"))
    };
    let check = |what: &str, output: std::process::Output| {
        if output.status.success() {
            return Ok(());
        }
        let problem = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Failure::new(format!("`git {what}` failed: {problem}")))
    };
    if git(&["check-ignore", "--quiet"])?.status.success() {
        return Ok(());
    }
    check("add", git(&["add", "--intent-to-add"])?)?;
    if let Some(message) = message {
        check("commit", git(&["commit", "--quiet", "-m", message])?)?;
    }
    Ok(())
}

fn track_in_mercurial(path: &Path, message: Option<&str>) -> Result<(), Stop> {
    let hg = |words: &[&str]| {
        let mut command = Command::new("hg");
        command.args(words).arg(path).env("HGPLAIN", "");
        if let Some(directory) = path.parent() {
            command.current_dir(directory);
        }
        command.output().map_err(Failure::during("running `hg`"))
    };
    // A file that is tracked already is no problem.
    hg(&["add"])?;
    if let Some(message) = message {
        let output = hg(&["commit", "-m", message])?;
        if !output.status.success() {
            let problem = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Failure::new(format!("`hg commit` failed: {problem}")).into());
        }
    }
    Ok(())
}

/// Returns the trees that a lock file has, each once, with whether there is a flake in it.
pub(crate) fn inputs(locked: &LockedFlake) -> Vec<Reference> {
    let file = &locked.lock_file;
    let mut found: Vec<Reference> = Vec::new();
    let mut open = vec![eval::flake::lock_file::ROOT];
    let mut done = std::collections::BTreeSet::new();
    while let Some(id) = open.pop() {
        if !done.insert(id) {
            continue;
        }
        let node = file.node(id);
        let lock = node.lock.as_ref().map(|lock| &lock.locked);
        if let Some(locked) = lock.filter(|it| it.relative_path().is_none()) {
            found.push(locked.clone());
        }
        let next = node.inputs.values().filter_map(|edge| match edge {
            Edge::Node(next) => Some(*next),
            Edge::Follows(_) => None,
        });
        open.extend(next);
    }
    found
}
