//! `nix-env`: the generations of profiles, and what there is to install.
//!
//! Installing packages is not built yet and says so.

mod query;

pub(super) use query::json;

use super::gc::delete_generations;
use crate::context::{Context, store_path_with_outputs};
use crate::env_vars;
use crate::flags::{Flags, Word};
use crate::report::{Failure, Outcome, of_store};
use crate::{building, roots, stores};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use store::profile::{Profile, Selection};
use store::realise::BuildMode;
use store::{DerivedPath, OutputNames};

/// What is done to the profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operation {
    List,
    Switch,
    RollBack,
    Delete,
    Set,
    SwitchProfile,
    Query,
}

/// Operations and flags of CppNix that are not built yet.
const NOT_BUILT: &[&str] = &[
    "--install",
    "-i",
    "--uninstall",
    "-e",
    "--upgrade",
    "-u",
    "--set-flag",
    "--from-expression",
    "--from-profile",
    "--from-path",
    "--preserve-installed",
    "--remove-all",
    "-r",
    "--force-name",
];

/// What the command line said.
#[derive(Default, Debug)]
struct Line {
    operation: Option<Operation>,
    operands: Vec<String>,
    profile: Option<PathBuf>,
    dry_run: bool,
    query: query::Query,
    /// Flags that only a query has, and whether it takes them is known at the end.
    others: Vec<String>,
    /// The first flag that nobody knows.
    unknown: Option<String>,
}

/// Runs `nix-env`.
pub(crate) fn run(cx: &mut Context, mut flags: Flags) -> Outcome {
    let mut line = Line::default();
    while let Some(word) = flags.next_word() {
        match word {
            Word::Operand(operand) => line.operands.push(operand),
            Word::Flag(flag) => take_flag(cx, &flag, &mut flags, &mut line)?,
        }
    }
    let Some(operation) = line.operation else {
        return Err(flags.wrong("no operation specified"));
    };
    if let Some(flag) = line.unknown {
        return Err(flags.wrong(format!("unknown flag '{flag}'")));
    }
    let profile = match &line.profile {
        Some(link) => link.clone(),
        None => default_profile(cx)?,
    };
    let link = profile.clone();
    let profile = Profile::new(profile).map_err(of_store)?;
    let words: Vec<&str> = line.operands.iter().map(String::as_str).collect();
    if let (Some(other), true) = (line.others.first(), operation != Operation::Query) {
        return Err(flags.wrong(format!("unknown flag '{other}'")));
    }
    match (operation, words.as_slice()) {
        (Operation::List, []) => list(cx, &profile),
        (Operation::RollBack, []) => switch(cx, &profile, None, line.dry_run),
        (Operation::List | Operation::RollBack, _) => Err(flags.wrong("no arguments expected")),
        (Operation::Switch, [number]) => {
            let number = number.parse();
            let number = number.map_err(|_| flags.wrong("expected a generation number"))?;
            switch(cx, &profile, Some(number), line.dry_run)
        }
        (Operation::Switch, _) => Err(flags.wrong("exactly one argument expected")),
        (Operation::Delete, words) => {
            let selection = Selection::parse(words.iter().copied());
            let selection = selection.map_err(|error| flags.wrong(error))?;
            delete_generations(cx, &profile, &selection, line.dry_run)
        }
        (Operation::Set, [path]) => set(cx, &profile, path, line.dry_run),
        (Operation::SwitchProfile, [path]) => switch_profile(cx, Path::new(path)),
        (Operation::SwitchProfile, _) => Err(flags.wrong("exactly one argument expected")),
        (Operation::Query, words) => {
            query::check(&line.query, &flags)?;
            line.query.run(cx, &link, words)
        }
        (Operation::Set, _) => Err(Failure::new("--set requires exactly one derivation")),
    }
}

fn take_flag(cx: &mut Context, flag: &str, flags: &mut Flags, line: &mut Line) -> Outcome {
    let operation = match flag {
        "--list-generations" => Operation::List,
        "--switch-generation" | "-G" => Operation::Switch,
        "--rollback" => Operation::RollBack,
        "--delete-generations" => Operation::Delete,
        "--set" => Operation::Set,
        "--switch-profile" | "-S" => Operation::SwitchProfile,
        "--query" | "-q" => Operation::Query,
        "-p" | "--profile" => {
            line.profile = Some(std::path::absolute(flags.own_value(flag)?)?);
            return Ok(());
        }
        "--dry-run" => {
            cx.ui.tell("(dry run; not doing anything)");
            line.dry_run = true;
            return Ok(());
        }
        "--file" | "-f" => {
            line.query.file = Some(flags.own_value(flag)?);
            return Ok(());
        }
        "--system-filter" => {
            line.query.system = flags.own_value(flag)?;
            return Ok(());
        }
        "--prebuilt-only" | "-b" => {
            line.query.is_prebuilt_only = true;
            return Ok(());
        }
        "--threads" => {
            line.query.threads = roots::threads(&flags.own_value(flag)?)?;
            return Ok(());
        }
        _ if line.query.take_flag(flag, flags)? => {
            line.others.push(flag.to_owned());
            return Ok(());
        }
        "--arg" | "--argstr" | "--arg-from-file" | "--arg-from-stdin" => {
            line.query.request.take_flag(flag, flags)?;
            return Ok(());
        }
        _ if NOT_BUILT.contains(&flag) => {
            return Err(Failure::new(format!("`nix-env {flag}` is not built yet")));
        }
        // Ages and counts of generations begin with a sign, too.
        _ if cx.settings.take_flag(cx.ui, flag, flags)? => return Ok(()),
        _ => {
            line.unknown.get_or_insert_with(|| flag.to_owned());
            return Ok(());
        }
    };
    match line.operation.replace(operation) {
        Some(before) if before != operation => {
            Err(flags.wrong("only one operation may be specified"))
        }
        _ => Ok(()),
    }
}

/// Returns the profile that is meant when none is named: the user's.
///
/// Source: CppNix, `getDefaultProfile`.
fn default_profile(cx: &Context) -> Outcome<PathBuf> {
    if let Some(profile) = env_vars::NIX_PROFILE.value() {
        return Ok(std::path::absolute(profile)?);
    }
    let Some(home) = env_vars::HOME.value() else {
        return Err(Failure::new("which profile? name it with -p, because HOME is not set"));
    };
    let home = std::path::absolute(home)?;
    let link = cx.settings.profile_link().unwrap_or_default();
    if let Ok(target) = std::fs::read_link(&link) {
        let directory = link.parent().map(std::path::absolute).transpose()?;
        return Ok(directory.unwrap_or_default().join(target));
    }
    if let Some(local) = stores::find(&cx.settings)?.on_disk() {
        let of_root = local.state_directory.join("profiles/default");
        if of_root.symlink_metadata().is_ok() {
            return Ok(of_root);
        }
    }
    let state = env_vars::XDG_STATE_HOME.value().map(PathBuf::from);
    Ok(state.unwrap_or_else(|| home.join(".local/state")).join("nix/profiles/profile"))
}

/// Lists the generations, oldest first.
fn list(cx: &Context, profile: &Profile) -> Outcome {
    let current = profile.current().map_err(of_store)?;
    for generation in profile.generations().map_err(of_store)? {
        let mark = if Some(generation.number) == current { "(current)" } else { "" };
        let created = local_time(generation.created)?;
        cx.ui.line(format!("{:4}   {created}   {mark}", generation.number))?;
    }
    Ok(())
}

/// Writes a point in time as the clock on the wall shows it.
fn local_time(time: SystemTime) -> Outcome<String> {
    let zoned = jiff::ZonedDateTime::try_from(time).map_err(Failure::during("reading a date"))?;
    Ok(zoned.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Makes generation `number`, or the one before the current one, the current one.
fn switch(cx: &Context, profile: &Profile, number: Option<u64>, dry_run: bool) -> Outcome {
    let _held = profile.lock().map_err(of_store)?;
    let current = profile.current().map_err(of_store)?.unwrap_or(0);
    let generations = profile.generations().map_err(of_store)?;
    let target = match number {
        Some(number) => generations.iter().find(|generation| generation.number == number),
        None => generations.iter().rfind(|generation| generation.number < current),
    };
    let Some(target) = target else {
        return Err(Failure::new(match number {
            Some(number) => format!("profile version {number} does not exist"),
            None => format!("no profile version older than the current ({current}) exists"),
        }));
    };
    let number = target.number;
    if cx.settings.verbosity >= -1 {
        cx.ui.tell(format!("switching profile from version {current} to {number}"));
    }
    if !dry_run {
        profile.switch(number).map_err(of_store)?;
    }
    Ok(())
}

/// Makes another profile the user's.
fn switch_profile(cx: &Context, profile: &Path) -> Outcome {
    let Some(link) = cx.settings.profile_link() else {
        return Err(Failure::new("the user's profile has no place: HOME is not set"));
    };
    let link = std::path::absolute(link)?;
    if let Some(directory) = link.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let profile = std::path::absolute(profile)?;
    store::local::replace_link(&link, &profile).map_err(of_store)
}

/// Makes the profile a new generation: a store object, or the output of a derivation.
fn set(cx: &Context, profile: &Profile, word: &str, dry_run: bool) -> Outcome {
    let store = cx.open_store()?;
    let store = store.as_ref();
    if !Path::new(word).is_absolute() {
        return Err(Failure::new(format!(
            "`nix-env --set` with a name ('{word}') is not built yet; give it a store path"
        )));
    }
    let (path, outputs) = store_path_with_outputs(store, word)?;
    let target = if path.is_derivation() {
        let names = if outputs.is_empty() { vec!["out".to_owned()] } else { outputs };
        let outputs = OutputNames::Names(names.into_iter().collect());
        DerivedPath::Built { derivation: path, outputs }
    } else {
        DerivedPath::Opaque(path)
    };
    let targets = [target];
    building::tell_plan(cx, store, &targets, BuildMode::Normal)?;
    if dry_run {
        return Ok(());
    }
    let realised = building::Building { mode: BuildMode::Normal }.run(cx, store, &targets)?;
    let [only] = realised.as_slice() else {
        return Err(Failure::new("--set requires exactly one derivation"));
    };
    let _held = profile.lock().map_err(of_store)?;
    profile.set(store, &only.path).map_err(of_store)?;
    Ok(())
}
