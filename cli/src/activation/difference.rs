//! What changes from one system to another: packages, units, files of `/etc`.

use super::machine::{Machine, System};
use super::units::{self, Units};
use crate::report::{Outcome, of_store};
use crate::ui::{Mark, Ui};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use store::StorePath;

/// How many changes of one kind are told one by one.
const TOLD_MAX: usize = 25;

/// What changes, each line with how it changes.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Difference {
    packages: Vec<(Mark, String)>,
    units: Vec<(Mark, String)>,
    etc: Vec<(Mark, String)>,
}

impl Difference {
    /// Compares two systems of one machine; without an old one everything is new.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn between(machine: &Machine, old: Option<&System>, new: &System) -> Outcome<Self> {
        let (mut packages, mut units, mut etc) = Default::default();
        if let Some(old) = old {
            packages = packages_of(machine, old)?;
            units = units_of(machine, old);
            etc = etc_of(machine, old);
        }
        Ok(Self {
            packages: compare_packages(&packages, &packages_of(machine, new)?),
            units: compare(&units, &units_of(machine, new)),
            etc: compare(&etc, &etc_of(machine, new)),
        })
    }

    /// Whether nothing that is compared changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.units.is_empty() && self.etc.is_empty()
    }

    /// Shows the changes.
    pub(crate) fn tell(&self, ui: Ui) {
        let kinds = [("packages", &self.packages), ("units", &self.units), ("/etc", &self.etc)];
        for (kind, lines) in kinds.into_iter().filter(|(_, lines)| !lines.is_empty()) {
            ui.step(kind);
            for (mark, text) in lines.iter().take(TOLD_MAX) {
                ui.change(*mark, text);
            }
            if let Some(rest) = lines.len().checked_sub(TOLD_MAX).filter(|&rest| rest > 0) {
                ui.tell(format!("    and {rest} more"));
            }
        }
    }
}

/// Compares two sets of named things.
fn compare<T: PartialEq>(
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
) -> Vec<(Mark, String)> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mark = |name: &str| match (old.get(name), new.get(name)) {
        (Some(old), Some(new)) if old == new => None,
        (Some(_), Some(_)) => Some(Mark::Changed),
        (Some(_), None) => Some(Mark::Removed),
        (None, _) => Some(Mark::Added),
    };
    names.into_iter().filter_map(|name| Some((mark(name)?, name.clone()))).collect()
}

/// A package by name: its versions, and its store paths where it is installed for everybody.
type Packages = BTreeMap<String, (BTreeSet<String>, BTreeSet<StorePath>)>;

fn packages_of(machine: &Machine, system: &System) -> Outcome<Packages> {
    let mut packages = Packages::new();
    let installed = match machine.resolve(&system.name.join("sw")) {
        Ok(place) => {
            let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match StorePath::from_base_name(&name) {
                Ok(path) => references(machine, &path)?,
                Err(_) => BTreeSet::new(),
            }
        }
        Err(_) => BTreeSet::new(),
    };
    for path in closure(machine, &system.path)? {
        let is_installed = installed.contains(&path);
        let (name, version) = name_and_version(path.name());
        if path == system.path || (version.is_empty() && !is_installed) {
            continue;
        }
        let (versions, paths) = packages.entry(name.to_owned()).or_default();
        if !version.is_empty() {
            versions.insert(version.to_owned());
        }
        if is_installed {
            paths.insert(path);
        }
    }
    Ok(packages)
}

fn references(machine: &Machine, path: &StorePath) -> Outcome<BTreeSet<StorePath>> {
    let info = machine.store.path_info(path).map_err(of_store)?;
    Ok(info.map(|info| info.references).unwrap_or_default())
}

/// Returns all that `path` refers to, itself included.
pub(crate) fn closure(machine: &Machine, path: &StorePath) -> Outcome<BTreeSet<StorePath>> {
    let mut seen = BTreeSet::from([path.clone()]);
    let mut pending = vec![path.clone()];
    while let Some(path) = pending.pop() {
        for reference in references(machine, &path)? {
            if seen.insert(reference.clone()) {
                pending.push(reference);
            }
        }
    }
    Ok(seen)
}

/// Parts `hello-2.12` at the first dash before a digit.
fn name_and_version(full: &str) -> (&str, &str) {
    let starts_version =
        |at: &usize| full[at + 1..].bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    match full.match_indices('-').map(|(at, _)| at).find(starts_version) {
        Some(at) => (&full[..at], &full[at + 1..]),
        None => (full, ""),
    }
}

fn compare_packages(old: &Packages, new: &Packages) -> Vec<(Mark, String)> {
    let joined = |versions: &BTreeSet<String>| {
        versions.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    };
    let text = |name: &str, packages: &Packages| match packages.get(name) {
        Some((versions, _)) if !versions.is_empty() => format!("{name} {}", joined(versions)),
        _ => name.to_owned(),
    };
    let line = |(mark, name): (Mark, String)| match (mark, old.get(&name), new.get(&name)) {
        (Mark::Changed, Some((before, _)), Some((after, _))) if before == after => {
            (mark, format!("{} (built anew)", text(&name, new)))
        }
        (Mark::Changed, Some((before, _)), Some((after, _))) => {
            (mark, format!("{name} {} -> {}", joined(before), joined(after)))
        }
        (Mark::Removed, ..) => (mark, text(&name, old)),
        _ => (mark, text(&name, new)),
    };
    compare(old, new).into_iter().map(line).collect()
}

/// Returns the units of a system, with their overrides.
pub(crate) fn units_of(machine: &Machine, system: &System) -> Units {
    let directory = system.name.join("etc").join(units::DIRECTORY);
    let mut units = Units::new();
    let mut overrides: Vec<(String, String)> = Vec::new();
    for (path, content) in files_below(machine, &directory) {
        let Content::Text(text) = content else { continue };
        let text = String::from_utf8_lossy(&text).into_owned();
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            [unit] => {
                units.insert((*unit).to_owned(), text);
            }
            [directory, _] => {
                if let Some(unit) = directory.strip_suffix(".d") {
                    overrides.push((unit.to_owned(), text));
                }
            }
            _ => {}
        }
    }
    for (unit, text) in overrides {
        let whole = units.entry(unit).or_default();
        whole.push('\n');
        whole.push_str(&text);
    }
    units
}

fn etc_of(machine: &Machine, system: &System) -> BTreeMap<String, Content> {
    let mut files = files_below(machine, &system.name.join("etc"));
    files.retain(|path, _| !path.starts_with(units::DIRECTORY));
    files
}

/// What a path of a system leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Content {
    /// A file with this text.
    Text(Vec<u8>),
    /// Something outside of the store.
    Elsewhere(PathBuf),
}

/// Directories of a system are at most this deep; links may lead in a circle.
const DEPTH_MAX: usize = 32;

/// Returns everything below a directory of the machine, through links inside the store, by relative
/// path.
fn files_below(machine: &Machine, directory: &Path) -> BTreeMap<String, Content> {
    let store = machine.store.directory().as_str().trim_start_matches('/');
    let store = machine.root.join(store);
    let mut files = BTreeMap::new();
    let mut pending = vec![(directory.to_owned(), String::new(), 0)];
    while let Some((directory, prefix, depth)) = pending.pop() {
        let Ok(real) = machine.resolve(&directory) else { continue };
        let Ok(entries) = std::fs::read_dir(real) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let relative = format!("{prefix}{}", name.to_string_lossy());
            let path = directory.join(&name);
            match machine.resolve(&path).ok().filter(|real| real.starts_with(&store)) {
                Some(real) if real.is_dir() => {
                    if depth < DEPTH_MAX {
                        pending.push((path, relative + "/", depth + 1));
                    }
                }
                Some(real) => {
                    let text = std::fs::read(real).unwrap_or_default();
                    files.insert(relative, Content::Text(text));
                }
                None => {
                    let target = std::fs::read_link(entry.path()).unwrap_or_default();
                    files.insert(relative, Content::Elsewhere(target));
                }
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::{Packages, compare_packages, name_and_version};
    use crate::ui::Mark;

    #[test]
    fn versions_begin_with_a_digit() {
        assert_eq!(name_and_version("hello-2.12"), ("hello", "2.12"));
        assert_eq!(name_and_version("gtk-doc-1.3-dev"), ("gtk-doc", "1.3-dev"));
        assert_eq!(name_and_version("unit-nginx.service"), ("unit-nginx.service", ""));
    }

    #[test]
    fn packages_come_go_and_change_their_versions() {
        let packages = |names: &[&str]| {
            let mut packages = Packages::new();
            for full in names {
                let (name, version) = name_and_version(full);
                packages.entry(name.to_owned()).or_default().0.insert(version.to_owned());
            }
            packages
        };
        let old = packages(&["hello-2.10", "vim-9", "same-1", "two-1"]);
        let new = packages(&["hello-2.12", "git-2", "same-1", "two-1", "two-2"]);
        let expected = [
            (Mark::Added, "git 2"),
            (Mark::Changed, "hello 2.10 -> 2.12"),
            (Mark::Changed, "two 1 -> 1, 2"),
            (Mark::Removed, "vim 9"),
        ];
        let expected: Vec<(Mark, String)> =
            expected.into_iter().map(|(mark, text)| (mark, text.to_owned())).collect();
        assert_eq!(compare_packages(&old, &new), expected);
    }
}
