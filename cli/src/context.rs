//! What every command is given: the terminal, the settings, and the store they name.

use crate::env_vars;
use crate::report::{Failure, Outcome};
use crate::settings::Settings;
use crate::stores::{self, Access, LazyStore};
use crate::ui::Ui;
use std::path::{Path, PathBuf};
use store::{Store, StorePath};

/// How a command was called, which decides how it words its errors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// As `nivis`: our own form.
    Own,
    /// As a `nix-*` command: CppNix's form.
    CppNix,
}

/// What a command works with.
#[derive(Debug)]
pub(crate) struct Context {
    /// The terminal.
    pub(crate) ui: Ui,
    /// The settings.
    pub(crate) settings: Settings,
    /// How it was called.
    pub(crate) manner: Manner,
}

impl Context {
    /// Opens the store that the settings name.
    ///
    /// # Errors
    ///
    /// When it is not there and cannot be made, or is damaged.
    pub(crate) fn open_store(&self) -> Outcome<Box<dyn Store>> {
        stores::open(self.ui, &self.settings)
    }

    /// Returns the store that the settings name, opened only when it must be.
    ///
    /// # Errors
    ///
    /// When the settings name none.
    pub(crate) fn lazy_store(&self, access: Access) -> Outcome<LazyStore> {
        let place = stores::find(&self.settings)?;
        if access == Access::Write {
            place.tell_if_new(self.ui);
        }
        Ok(LazyStore::new(place, access))
    }
}

/// Links are followed this often before they count as a loop.
const LINKS_MAX: usize = 64;

/// Returns the store object that `text` leads to: a store path, something in one, or a link to it.
///
/// # Errors
///
/// When it does not lead into the store.
pub(crate) fn store_path(store: &dyn Store, text: &str) -> Outcome<StorePath> {
    let current = std::env::current_dir()?;
    let mut path = normal(&current.join(text));
    for _ in 0..LINKS_MAX {
        if store.directory().contains(&path) {
            let text = path.to_string_lossy();
            let (path, _) = store.directory().split(&text).map_err(Failure::new)?;
            return Ok(path);
        }
        let Ok(target) = std::fs::read_link(&path) else { break };
        let parent = path.parent().unwrap_or(Path::new("/")).to_owned();
        path = normal(&parent.join(target));
    }
    Err(Failure::new(format!("path '{}' is not in the Nix store", path.display())))
}

/// Returns the store object that `text` leads to, and the outputs named in it: `PATH!out,dev`.
///
/// # Errors
///
/// When it does not lead into the store.
pub(crate) fn store_path_with_outputs(
    store: &dyn Store,
    text: &str,
) -> Outcome<(StorePath, Vec<String>)> {
    let (path, outputs) = match text.rsplit_once('!') {
        Some((path, names)) => (path, names.split(',').map(str::to_owned).collect()),
        None => (text, Vec::new()),
    };
    Ok((store_path(store, path)?, outputs))
}

/// Returns the derivation and outputs that a word means, if it means a derivation of the store
/// rather than a file with an expression.
pub(crate) fn derivation_argument(
    store: &dyn Store,
    word: &str,
) -> Option<(StorePath, Vec<String>)> {
    let found = store_path_with_outputs(store, word).ok();
    found.filter(|(path, _)| path.is_derivation())
}

/// Removes `.`, `..` and doubled slashes from an absolute path, without looking at the disk.
pub(crate) fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::ParentDir => {
                out.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    out
}

/// Returns the place of caches, unless there shall be none.
pub(crate) fn cache_directory() -> Option<PathBuf> {
    let chosen = std::env::var_os(env_vars::NIVIS_CACHE_DIR.name);
    match chosen {
        Some(chosen) => (!chosen.is_empty()).then(|| PathBuf::from(chosen)),
        None => Some(PathBuf::from(env_vars::HOME.value()?).join(".cache/nivis")),
    }
}
