//! Which store is meant: the settings' choice, found and opened.
//!
//! | `store` or `NIX_REMOTE` | is |
//! |---|---|
//! | `auto` | the system's store where we may write, else the user's private one |
//! | `local` | the system's store: `NIX_STORE_DIR`, `NIX_STATE_DIR`, `NIX_LOG_DIR`, or `/nix` |
//! | `DIR`, `local?root=DIR` | a store whose files are in `DIR/nix/store`, called `/nix/store` |
//! | `dummy://` | one that stays empty: good for evaluation |
//!
//! The private store is the one of CppNix, below the user's data directory.
//! Source: CppNix, `StoreReference::parse` and `resolveStoreConfig`.

mod evaluating;
mod forward;
mod lazy;
mod refusing;

use crate::env_vars::{self, EnvVar};
use crate::report::{Failure, Outcome, of_store};
use crate::settings::{NOT_ABSOLUTE, Settings, unparsed_store};
use crate::ui::Ui;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use store::sandbox::account::{group_exists, is_root};
use store::{LocalSettings, LocalStore, MemoryStore, Store, StoreDirectory, StoreError};

pub(crate) use evaluating::EvaluatingStore;
pub(crate) use lazy::LazyStore;
use refusing::RefusingStore;

/// A store, before it is opened.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// One on disk.
    Disk(LocalSettings),
    /// The user's own on disk, in place of the system's.
    Private(LocalSettings),
    /// One in memory, which forgets everything at the end.
    Memory(StoreDirectory),
    /// One that stays empty.
    Dummy(StoreDirectory),
}

/// What is wanted of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Nothing is written, and a store that is not there counts as empty.
    Read,
    /// Objects are added.
    Write,
}

/// Opens the store that the settings name, and makes it if it is not there.
///
/// # Errors
///
/// When it cannot be made, or is damaged.
pub(crate) fn open(ui: Ui, settings: &Settings) -> Outcome<Box<dyn Store>> {
    let place = find(settings)?;
    place.tell_if_new(ui);
    place.open(Access::Write).map_err(of_store)
}

/// Opens the store that the settings name, for what only a store on disk can do.
///
/// # Errors
///
/// When it is none on disk, cannot be made, or is damaged.
pub(crate) fn open_local(ui: Ui, settings: &Settings) -> Outcome<LocalStore> {
    let place = find(settings)?;
    place.tell_if_new(ui);
    match place.on_disk() {
        Some(local) => LocalStore::open(local.clone()).map_err(of_store),
        None => Err(Failure::new("this operation needs a store on disk, and 'dummy://' is none")),
    }
}

/// Opens the store whose files lie below `root`, and makes it if it is not there.
///
/// # Errors
///
/// When it cannot be made, or is damaged.
pub(crate) fn open_below(settings: &Settings, root: &Path) -> Outcome<LocalStore> {
    let root = std::path::absolute(root)?;
    let parameters = Parameters { root: Some(root), ..Parameters::default() };
    LocalStore::open(on_disk(settings, parameters)?).map_err(of_store)
}

/// Finds the store that the settings name.
///
/// # Errors
///
/// When they name none that is built, or the host does not tell where it lies.
pub(crate) fn find(settings: &Settings) -> Outcome<Place> {
    let reference = if settings.is_set("store") {
        settings.text("store")
    } else {
        env_vars::NIX_REMOTE.text().unwrap_or_default()
    };
    let (base, query) = match reference.split_once('?') {
        Some((base, query)) => (base, Some(query)),
        None => (reference.as_str(), None),
    };
    let mut parameters = Parameters::read(query.unwrap_or_default())?;
    let (scheme, rest) = match base.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => (base, ""),
    };
    match scheme {
        "" | "auto" if query.is_none() => automatic(settings),
        "" | "auto" | "local" => {
            if !rest.is_empty() {
                parameters.root = Some(std::path::absolute(decoded(rest)?)?);
            }
            Ok(Place::Disk(on_disk(settings, parameters)?))
        }
        "dummy" => {
            let directory = directory(&parameters)?;
            let is_read_only = parameters.read_only.unwrap_or(true);
            Ok(if is_read_only { Place::Dummy(directory) } else { Place::Memory(directory) })
        }
        path if path == base && path.contains('/') => {
            parameters.root = Some(std::path::absolute(path)?);
            Ok(Place::Disk(on_disk(settings, parameters)?))
        }
        "daemon" | "unix" | "ssh" | "ssh-ng" | "file" | "http" | "https" | "s3"
        | "local-overlay" | "mounted-ssh-ng" => {
            Err(Failure::new(format!("stores of the kind '{scheme}' are not built yet")))
        }
        _ if base.contains("://") => {
            Err(Failure::new(format!("don't know how to open Nix store with scheme '{scheme}'")))
        }
        _ => Err(Failure::new(unparsed_store(&reference))),
    }
}

/// What a store reference says after the `?`.
#[derive(Clone, Default, Debug)]
struct Parameters {
    root: Option<PathBuf>,
    store: Option<String>,
    real: Option<PathBuf>,
    state: Option<PathBuf>,
    log: Option<PathBuf>,
    read_only: Option<bool>,
    /// Names that mean nothing.
    unknown: Vec<String>,
}

/// Parameters of CppNix's stores on disk that are not built.
const NOT_BUILT: [&str; 10] = [
    "build-dir",
    "ignore-gc-delete-failure",
    "path-info-cache-size",
    "priority",
    "require-sigs",
    "supported-features",
    "system-features",
    "trusted",
    "use-roots-daemon",
    "want-mass-query",
];

fn not_absolute(path: &str) -> Failure {
    Failure::new(format!("{NOT_ABSOLUTE}: \"{path}\""))
}

/// What the whole process is told once, however often a store is looked for.
static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// Warns of what is wrong with a store that is used all the same.
fn warn(settings: &Settings, parameters: &Parameters) {
    let mut warnings: Vec<String> =
        parameters.unknown.iter().map(|name| format!("unknown setting '{name}'")).collect();
    let group = settings.text("build-users-group");
    if is_root() && !group.is_empty() && !group_exists(&group) {
        warnings
            .push(format!("the group '{group}' specified in 'build-users-group' does not exist"));
    }
    if !warnings.is_empty() && !IS_TOLD.swap(true, Ordering::Relaxed) {
        for warning in warnings {
            Ui.warn(warning);
        }
    }
}

impl Parameters {
    /// Reads `NAME=VALUE&NAME=VALUE`.
    fn read(query: &str) -> Outcome<Self> {
        let mut parameters = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value)?;
            let path = || {
                if value.starts_with('/') {
                    Ok(Some(PathBuf::from(&value)))
                } else {
                    Err(not_absolute(&value))
                }
            };
            match name {
                "root" if value.is_empty() => {}
                "root" => parameters.root = path()?,
                "store" => parameters.store = Some(value),
                "real" => parameters.real = path()?,
                "state" => parameters.state = path()?,
                "log" => parameters.log = path()?,
                "read-only" => {
                    parameters.read_only = match value.as_str() {
                        "true" | "1" => Some(true),
                        "false" | "0" => Some(false),
                        _ => {
                            let message = "store parameter 'read-only' is 'true' or 'false'";
                            return Err(Failure::new(message));
                        }
                    }
                }
                _ if NOT_BUILT.contains(&name) => {
                    let message = format!("the store parameter '{name}' is not built yet");
                    return Err(Failure::new(message));
                }
                _ => parameters.unknown.push(name.to_owned()),
            }
        }
        Ok(parameters)
    }
}

/// Replaces `%41` and its like by the bytes that they stand for.
fn decoded(text: &str) -> Outcome<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if byte == b'%' => {
                bytes.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| Failure::new(format!("'{text}' is not UTF-8")))
}

/// Returns the directory that paths begin with.
fn directory(parameters: &Parameters) -> Outcome<StoreDirectory> {
    let text = match &parameters.store {
        Some(text) => text.clone(),
        None => match env_vars::NIX_STORE_DIR.value() {
            Some(path) if !Path::new(&path).is_absolute() => {
                return Err(not_absolute(&path.to_string_lossy()));
            }
            Some(path) => {
                crate::context::normal(Path::new(&path)).into_os_string().into_string().map_err(
                    |path| Failure::new(format!("NIX_STORE_DIR '{}' is not UTF-8", path.display())),
                )?
            }
            None => return Ok(StoreDirectory::default()),
        },
    };
    StoreDirectory::new(&text).map_err(of_store)
}

/// Returns where a store on disk lies and how it behaves.
fn on_disk(settings: &Settings, parameters: Parameters) -> Outcome<LocalSettings> {
    warn(settings, &parameters);
    let directory = directory(&parameters)?;
    let of_variable = |variable: EnvVar, default: &Path| -> Outcome<PathBuf> {
        match variable.value() {
            Some(path) if Path::new(&path).is_absolute() => Ok(PathBuf::from(path)),
            Some(path) => Err(not_absolute(&path.to_string_lossy())),
            None => Ok(default.to_owned()),
        }
    };
    let mut local = match &parameters.root {
        Some(root) => LocalSettings { directory, ..LocalSettings::below(root) },
        None => {
            let system = LocalSettings::system();
            LocalSettings {
                real_directory: PathBuf::from(directory.as_str()),
                state_directory: of_variable(env_vars::NIX_STATE_DIR, &system.state_directory)?,
                log_directory: of_variable(env_vars::NIX_LOG_DIR, &system.log_directory)?,
                directory,
                ..system
            }
        }
    };
    let Parameters { real, state, log, read_only, .. } = parameters;
    local.real_directory = real.unwrap_or(local.real_directory);
    local.state_directory = state.unwrap_or(local.state_directory);
    local.log_directory = log.unwrap_or(local.log_directory);
    local.read_only = read_only.unwrap_or(false);
    local.keep_outputs = settings.is_on("keep-outputs");
    local.keep_derivations = settings.is_on("keep-derivations");
    local.sync = settings.is_on("fsync-metadata") || settings.is_on("fsync-store-paths");
    local.sync_all = settings.is_on("sync-before-registering");
    local.reserved_bytes = settings.number("gc-reserved-space");
    local.may_be_link = settings.is_on("allow-symlinked-store");
    local.use_wal = settings.is_on("use-sqlite-wal");
    local.auto_optimise = settings.is_on("auto-optimise-store");
    local.build_group = Some(if settings.is_set("build-users-group") {
        settings.text("build-users-group")
    } else {
        "nixbld".to_owned()
    })
    .filter(|group| !group.is_empty());
    Ok(local)
}

/// Returns the system's store where we may write it, else the user's private one.
fn automatic(settings: &Settings) -> Outcome<Place> {
    let system = on_disk(settings, Parameters::default())?;
    let is_chosen =
        env_vars::NIX_STORE_DIR.value().is_some() || env_vars::NIX_STATE_DIR.value().is_some();
    if is_chosen || system.is_writable() {
        return Ok(Place::Disk(system));
    }
    let root = data_directory()?.join("nix/root");
    Ok(Place::Private(on_disk(settings, Parameters { root: Some(root), ..Parameters::default() })?))
}

/// Returns the directory of the user's data.
fn data_directory() -> Outcome<PathBuf> {
    if let Some(directory) = env_vars::XDG_DATA_HOME.value() {
        return Ok(std::path::absolute(directory)?);
    }
    match env_vars::HOME.value() {
        Some(home) => Ok(std::path::absolute(home)?.join(".local/share")),
        None => Err(Failure::new("the private store has no place: HOME is not set")),
    }
}

impl Place {
    /// Returns the directory that paths begin with.
    pub(crate) fn directory(&self) -> &StoreDirectory {
        match self {
            Place::Disk(local) | Place::Private(local) => &local.directory,
            Place::Memory(directory) | Place::Dummy(directory) => directory,
        }
    }

    /// Returns where the files of objects really are.
    pub(crate) fn real_directory(&self) -> &Path {
        match self {
            Place::Disk(local) | Place::Private(local) => &local.real_directory,
            Place::Memory(directory) | Place::Dummy(directory) => Path::new(directory.as_str()),
        }
    }

    /// Says that the store will be the user's own, if it is and has to be made first.
    pub(crate) fn tell_if_new(&self, ui: Ui) {
        let Place::Private(local) = self else { return };
        if !local.state_directory.exists() {
            let (directory, real) = (&local.directory, local.real_directory.display());
            ui.warn(format!("'{directory}' cannot be written; its files will be in '{real}'"));
        }
    }

    /// Returns where the store is on disk, if it is.
    pub(crate) fn on_disk(&self) -> Option<&LocalSettings> {
        match self {
            Place::Disk(local) | Place::Private(local) => Some(local),
            Place::Memory(_) | Place::Dummy(_) => None,
        }
    }

    /// Opens the store.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or is damaged.
    pub(crate) fn open(&self, access: Access) -> Result<Box<dyn Store>, StoreError> {
        match (self, access) {
            (Place::Disk(local) | Place::Private(local), Access::Write) => {
                Ok(Box::new(LocalStore::open(local.clone())?))
            }
            (Place::Disk(local) | Place::Private(local), Access::Read) => {
                if !local.state_directory.join("db/schema").exists() {
                    return Ok(Box::new(MemoryStore::new(local.directory.clone())));
                }
                let local = LocalSettings { read_only: true, ..local.clone() };
                Ok(Box::new(LocalStore::open(local)?))
            }
            (Place::Memory(directory), _) => Ok(Box::new(MemoryStore::new(directory.clone()))),
            (Place::Dummy(directory), _) => Ok(Box::new(RefusingStore::new(directory.clone()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Parameters, decoded};
    use std::path::Path;

    #[test]
    fn parameters_are_paths_and_switches() {
        let read = Parameters::read("root=/a%20b&read-only=true&store=/s").expect("good ones");
        assert_eq!(read.root.as_deref(), Some(Path::new("/a b")));
        assert_eq!(read.read_only, Some(true));
        assert_eq!(read.store.as_deref(), Some("/s"));
        assert!(Parameters::read("read-only=maybe").is_err());
        let failure = Parameters::read("trusted=true").expect_err("there is none");
        assert_eq!(failure.message, "the store parameter 'trusted' is not built yet");
    }

    #[test]
    fn percent_signs_are_hexadecimal_bytes() {
        assert_eq!(decoded("a%2Fb%").ok().as_deref(), Some("a/b%"));
        assert!(decoded("%ff").is_err());
    }
}
