//! `builtin:buildenv`: several packages as one tree of symbolic links, as profiles are made of.
//!
//! A directory that only one package has becomes one link; one that several have becomes a
//! directory again. Where two packages have the same file, the one with the lower priority number
//! wins, and equal numbers are an error. What a package propagates comes last. With the attribute
//! `linksToHost`, links that lead out of the store are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Request, explain};
use crate::build::attributes::words;

/// The priority from which propagated packages are numbered, unless others go beyond it.
const PROPAGATED: i64 = 1000;

/// What does not belong into a tree of packages, or would collide for nothing.
const SKIPPED: [&str; 7] = [
    "/propagated-build-inputs",
    "/nix-support",
    "/perllocal.pod",
    "/info/dir",
    "/log",
    "/manifest.nix",
    "/manifest.json",
];

/// A package to put into the tree.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    priority: i64,
    path: String,
}

/// Makes the tree.
pub(super) fn build(request: &Request<'_>, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    let out = request.out()?;
    let mut packages = packages(&request.text("derivations")?)?;
    packages.sort();
    let last = packages.last().map(|package| package.priority);
    fs::create_dir(out).map_err(explain("create", out))?;
    let mut tree = Tree { request, priorities: BTreeMap::new(), say };
    let mut done = BTreeSet::new();
    let mut postponed = BTreeSet::new();
    for package in packages {
        tree.add_package(&package, &mut done, &mut postponed)?;
    }
    let mut priority = last.map_or(PROPAGATED, |last| PROPAGATED.max(last.saturating_add(1)));
    while !postponed.is_empty() {
        for path in std::mem::take(&mut postponed) {
            tree.add_package(&Package { priority, path }, &mut done, &mut postponed)?;
            priority = priority.saturating_add(1);
        }
    }
    let manifest = request.text("manifest")?;
    if manifest.is_empty() {
        return Ok(());
    }
    let place = out.join("manifest.nix");
    symlink(manifest, &place).map_err(explain("link", &place))
}

/// Reads the attribute `derivations`: `ACTIVE PRIORITY COUNT PATH...` again and again.
fn packages(text: &str) -> Result<Vec<Package>, String> {
    let malformed = || "attribute 'derivations' is malformed".to_owned();
    let mut words = words(text).into_iter();
    let mut packages = Vec::new();
    while let Some(active) = words.next() {
        let mut number = || words.next().and_then(|it| it.parse().ok()).ok_or_else(malformed);
        let priority: i64 = number()?;
        let count: i64 = number()?;
        for _ in 0..count {
            let path = words.next().ok_or_else(malformed)?;
            if active != "false" {
                packages.push(Package { priority, path });
            }
        }
    }
    Ok(packages)
}

/// The tree being made.
struct Tree<'t> {
    request: &'t Request<'t>,
    /// The priority of each link, by where it really is.
    priorities: BTreeMap<PathBuf, i64>,
    say: &'t mut dyn FnMut(&str),
}

impl Tree<'_> {
    /// Adds one package, and notes what it propagates.
    fn add_package(
        &mut self,
        package: &Package,
        done: &mut BTreeSet<String>,
        postponed: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        if !done.insert(package.path.clone()) {
            return Ok(());
        }
        let root = PathBuf::from(&package.path);
        let out = self.request.out()?.to_path_buf();
        self.add_directory(&root, &out, package.priority)?;
        let list = root.join("nix-support/propagated-user-env-packages");
        let text = match self.request.view.resolve(&list).and_then(|it| fs::read_to_string(it.real))
        {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(explain("read", &list)(error)),
        };
        postponed.extend(words(&text).into_iter().filter(|path| !done.contains(path)));
        Ok(())
    }

    /// Links everything in the logical directory `source` into the real directory `target`.
    fn add_directory(&mut self, source: &Path, target: &Path, priority: i64) -> Result<(), String> {
        let mut pending = vec![(source.to_path_buf(), target.to_path_buf(), priority)];
        while let Some((source, target, priority)) = pending.pop() {
            let real = self.request.view.resolve(&source).map_err(explain("read", &source))?.real;
            if !real.is_dir() {
                let source = source.display();
                (self.say)(&format!(
                    "warning: not including '{source}' in the user environment because it's not a \
                     directory"
                ));
                continue;
            }
            let entries = fs::read_dir(&real).map_err(explain("read", &real))?;
            let mut names = entries
                .map(|entry| entry.map(|it| it.file_name()))
                .collect::<Result<Vec<_>, _>>()
                .map_err(explain("read", &real))?;
            names.sort();
            let mut below = Vec::new();
            for name in names.iter().filter(|name| !name.as_bytes().starts_with(b".")) {
                self.add_entry(&source.join(name), &target.join(name), priority, &mut below)?;
            }
            // Directories are entered where they are met: what is pushed last is next.
            below.reverse();
            pending.append(&mut below);
        }
        Ok(())
    }

    /// Links one entry, or asks for its directory to be entered.
    fn add_entry(
        &mut self,
        source: &Path,
        target: &Path,
        priority: i64,
        below: &mut Vec<(PathBuf, PathBuf, i64)>,
    ) -> Result<(), String> {
        let is_directory = match self.request.view.resolve(source) {
            Ok(found) => found.real.is_dir(),
            Err(error) if is_absent(&error) && self.leads_out(source)? => false,
            Err(error) if is_absent(&error) => {
                (self.say)(&format!("warning: skipping dangling symlink '{}'", target.display()));
                return Ok(());
            }
            Err(error) => return Err(explain("look at", source)(error)),
        };
        let text = source.to_string_lossy();
        if SKIPPED.iter().any(|suffix| text.ends_with(suffix)) {
            return Ok(());
        }
        let there = match fs::symlink_metadata(target) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(explain("look at", target)(error)),
        };
        match there {
            None => {}
            Some(there) if there.is_dir() && is_directory => {
                below.push((source.to_path_buf(), target.to_path_buf(), priority));
                return Ok(());
            }
            Some(there) if there.is_dir() => {
                return Err(format!(
                    "collision between non-directory '{}' and directory '{}'",
                    source.display(),
                    target.display()
                ));
            }
            Some(_) if is_directory => {
                return self.merge(source, target, priority, below);
            }
            Some(_) => {
                if !self.replaces(source, target, priority)? {
                    return Ok(());
                }
                fs::remove_file(target).map_err(explain("remove", target))?;
            }
        }
        symlink(source, target).map_err(explain("link", target))?;
        self.priorities.insert(target.to_path_buf(), priority);
        Ok(())
    }

    /// Tells whether the link at `source` leads to a file of the host, and such links are wanted.
    ///
    /// Packages that stand for programs of the host consist of them. The attribute
    /// `linksToHost` says that they are wanted; without it they dangle, as for CppNix.
    fn leads_out(&self, source: &Path) -> Result<bool, String> {
        if self.request.optional("linksToHost")?.as_deref() != Some("1") {
            return Ok(false);
        }
        let (Some(parent), Some(name)) = (source.parent(), source.file_name()) else {
            return Ok(false);
        };
        let view = &self.request.view;
        let real = view.resolve(parent).map_err(explain("look at", parent))?.real.join(name);
        let Ok(target) = fs::read_link(&real) else { return Ok(false) };
        Ok(target.is_absolute() && !target.starts_with(view.store.directory().as_str()))
    }

    /// Turns the link `target` into a directory that holds what it pointed to and `source`.
    fn merge(
        &mut self,
        source: &Path,
        target: &Path,
        priority: i64,
        below: &mut Vec<(PathBuf, PathBuf, i64)>,
    ) -> Result<(), String> {
        let linked = fs::read_link(target).map_err(explain("read", target))?;
        let found = self.request.view.resolve(&linked).map_err(explain("look at", &linked))?;
        let linked = found.logical;
        if !found.real.is_dir() {
            return Err(format!(
                "collision between '{}' and non-directory '{}'",
                source.display(),
                linked.display()
            ));
        }
        let previous = self.priorities.get(target).copied().unwrap_or_default();
        fs::remove_file(target).map_err(explain("remove", target))?;
        fs::create_dir(target).map_err(explain("create", target))?;
        below.push((linked, target.to_path_buf(), previous));
        below.push((source.to_path_buf(), target.to_path_buf(), priority));
        Ok(())
    }

    /// Returns whether `source` takes the place of the link `target`.
    fn replaces(&self, source: &Path, target: &Path, priority: i64) -> Result<bool, String> {
        let previous = self.priorities.get(target).copied().unwrap_or_default();
        if previous == priority {
            let other = fs::read_link(target).map_err(explain("read", target))?;
            return Err(format!(
                "packages '{}' and '{}' have the same priority {priority}; use 'nix-env \
                 --set-flag priority NUMBER INSTALLED_PKGNAME' to change the priority of one of \
                 the conflicting packages (0 being the highest priority)",
                source.display(),
                other.display()
            ));
        }
        Ok(previous > priority)
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
