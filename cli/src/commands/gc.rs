//! `nivis gc`, and what it shares with `nix-collect-garbage`: old generations go, then garbage.

use crate::args::GcArgs;
use crate::building::Progress;
use crate::context::Context;
use crate::env_vars;
use crate::report::{Failure, Outcome, of_store};
use crate::stores;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use store::profile::{Profile, Selection};
use store::{GcAction, GcOptions, GcResult, Store};

/// What to do.
#[derive(Clone, Default, Debug)]
pub(super) struct Options {
    /// The generations of every profile to delete first.
    pub(super) generations: Option<Selection>,
    /// Whether only to tell what would be deleted.
    pub(super) dry_run: bool,
    /// Stop once that many bytes are free.
    pub(super) max_freed: Option<u64>,
}

/// Runs `nivis gc`.
pub(crate) fn run(cx: &mut Context, args: GcArgs) -> Outcome {
    args.settings.apply(cx.ui, &mut cx.settings)?;
    let options = Options {
        generations: args.delete_old.then_some(Selection::Old),
        dry_run: args.dry_run,
        max_freed: None,
    };
    match &args.root.root {
        Some(root) => {
            let store = stores::open_below(&cx.settings, root)?;
            let profiles = vec![store.settings().state_directory.join("profiles")];
            collect(cx, &store, &profiles, &options)
        }
        None => collect_in_store(cx, &options),
    }
}

/// Deletes from the store that the settings name, and from the user's profiles.
///
/// # Errors
///
/// When a profile or the store cannot be changed.
pub(super) fn collect_in_store(cx: &Context, options: &Options) -> Outcome {
    let place = stores::find(&cx.settings)?;
    let profiles = place.on_disk().map(|local| profile_directories(cx, &local.state_directory));
    let store = cx.open_store()?;
    collect(cx, store.as_ref(), &profiles.unwrap_or_default(), options)
}

/// Returns the directories whose profiles are the user's or everybody's.
fn profile_directories(cx: &Context, state: &Path) -> Vec<PathBuf> {
    let home = env_vars::HOME.value().map(PathBuf::from);
    let of_user = env_vars::XDG_STATE_HOME.value().map(PathBuf::from);
    let of_user = of_user.or_else(|| home.as_ref().map(|home| home.join(".local/state")));
    let link = cx.settings.profile_link();
    let profile = link.and_then(|link| {
        let target = std::fs::read_link(&link).ok()?;
        Some(link.parent()?.join(target))
    });
    let directories: BTreeSet<PathBuf> = [Some(state.join("profiles"))]
        .into_iter()
        .chain([of_user.map(|directory| directory.join("nix/profiles"))])
        .chain([profile.and_then(|profile| profile.parent().map(Path::to_owned))])
        .flatten()
        .collect();
    // One that lies in another is searched with it.
    let is_inside = |directory: &PathBuf| {
        directories.iter().any(|other| directory != other && directory.starts_with(other))
    };
    directories.iter().filter(|directory| !is_inside(directory)).cloned().collect()
}

fn collect(cx: &Context, store: &dyn Store, profiles: &[PathBuf], options: &Options) -> Outcome {
    if let Some(selection) = &options.generations {
        for directory in profiles {
            for profile in profiles_in(directory)? {
                if cx.settings.verbosity >= 0 {
                    let link = profile.link().display();
                    cx.ui.tell(format!("removing old generations of profile {link}"));
                }
                delete_generations(cx, &profile, selection, options.dry_run)?;
            }
        }
    }
    let action = if options.dry_run { GcAction::ReturnDead } else { GcAction::DeleteDead };
    let max_freed = options.max_freed;
    let wanted = GcOptions { action, ignore_liveness: false, max_freed };
    let result = store.collect_garbage(&wanted, &Progress::new(cx)).map_err(of_store)?;
    Ok(cx.ui.line(summary(&result, options.dry_run))?)
}

/// Returns the profiles in a directory and those below it.
fn profiles_in(directory: &Path) -> Outcome<Vec<Profile>> {
    let mut profiles = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry?.path());
        }
        paths.sort();
        for path in paths {
            match std::fs::read_link(&path) {
                // A profile is a link to the link of a generation.
                Ok(target) if target.to_string_lossy().contains("link") => {
                    profiles.push(Profile::new(path).map_err(of_store)?);
                }
                Ok(_) => {}
                Err(_) if path.is_dir() => pending.push(path),
                Err(_) => {}
            }
        }
    }
    Ok(profiles)
}

/// Deletes the generations of a profile that `selection` chooses, or says which ones these are.
///
/// # Errors
///
/// A generation that does not exist or is the current one, or a link that cannot be removed.
pub(super) fn delete_generations(
    cx: &Context,
    profile: &Profile,
    selection: &Selection,
    dry_run: bool,
) -> Outcome {
    let _held = profile.lock().map_err(of_store)?;
    for number in profile.select(selection, SystemTime::now()).map_err(of_store)? {
        let doing = if dry_run { "would remove" } else { "removing" };
        if cx.settings.verbosity >= -1 {
            cx.ui.tell(format!("{doing} profile version {number}"));
        }
        if !dry_run {
            profile.delete_generation(number).map_err(of_store)?;
        }
    }
    Ok(())
}

/// Says what a collection did, or would do.
pub(super) fn summary(result: &GcResult, dry_run: bool) -> String {
    let count = result.paths.len();
    if dry_run {
        return format!("{count} store paths would be deleted");
    }
    format!("{count} store paths deleted, {} freed", size(result.bytes_freed))
}

/// Writes a number of bytes with one digit after the point, in KiB or a larger unit.
fn size(bytes: u64) -> String {
    const UNITS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];
    let mut amount = bytes as f64 / 1024.0;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or('K');
    while amount >= 1024.0
        && let Some(larger) = units.next()
    {
        amount /= 1024.0;
        unit = larger;
    }
    format!("{amount:.1} {unit}iB")
}

/// Reads an age such as `30d`.
///
/// # Errors
///
/// When it is not a positive number of days.
pub(super) fn age(text: &str) -> Outcome<Selection> {
    let wrong = || Failure::new(format!("invalid number of days specifier '{text}'"));
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    if days.is_none_or(|days| days == 0) {
        return Err(wrong());
    }
    Selection::parse([text]).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::{age, size};

    #[test]
    fn sizes_are_at_least_in_kibibytes() {
        assert_eq!(size(0), "0.0 KiB");
        assert_eq!(size(100), "0.1 KiB");
        assert_eq!(size(1 << 20), "1.0 MiB");
        assert_eq!(size(u64::MAX), "16.0 EiB");
    }

    #[test]
    fn ages_are_days() {
        assert!(age("30d").is_ok());
        for wrong in ["", "d", "0d", "30", "x3d", "old"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
