//! Builds in a scratch store: what builders can and cannot do, and what failures leave behind.

mod confinement;
mod crash;
mod failure;
mod native;
mod probe;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::derivation::modulo::fill_output_paths;
use crate::derivation::{Derivation, Output};
use crate::error::{BuildError, BuildFailure, BuildFailureKind};
use crate::event::{Event, Events};
use crate::local::{LocalSettings, LocalStore};
use crate::path::StorePath;
use crate::realise::{DerivedPath, OutputNames, RealiseOptions};
use crate::store::Store as _;

/// A store that goes away with its directory.
struct Scratch {
    directory: tempfile::TempDir,
    store: LocalStore,
    options: RealiseOptions,
}

/// What was said besides results.
#[derive(Default)]
struct Said(Mutex<Vec<String>>);

impl Events for Said {
    fn emit(&self, event: Event<'_>) {
        if let Event::Message { text, .. } = event {
            self.0.lock().expect("nobody panics with it").push(text.to_owned());
        }
    }
}

fn open(directory: &Path) -> LocalStore {
    let settings = LocalSettings { sync: false, ..LocalSettings::below(directory) };
    LocalStore::open(settings).expect("a new store")
}

/// Returns how a shell and its tools are shown to builders: not at all where the host has none.
fn shell_paths() -> Vec<String> {
    let Some(shell) = super::host_shell::host_shell() else { return Vec::new() };
    let names = ["sh", "mkdir", "sleep", "ln", "cat"];
    names.map(|name| format!("/bin/{name}={}", shell.display())).into()
}

impl Scratch {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = open(directory.path());
        let options = RealiseOptions { log_lines: 50, ..RealiseOptions::default() };
        Self { directory, store, options }
    }

    /// A store whose builders have a shell; `None`, having said so, where the host has none.
    fn with_shell() -> Option<Self> {
        let mut scratch = Self::new();
        scratch.options.sandbox_paths = shell_paths();
        if scratch.options.sandbox_paths.is_empty() {
            eprintln!("not run: there is no static shell on this machine");
            return None;
        }
        Some(scratch)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Adds a derivation with one output after `change` has had its say.
    fn derivation(&self, name: &str, change: impl FnOnce(&mut Derivation)) -> StorePath {
        let mut derivation = Derivation {
            name: name.to_owned(),
            outputs: [("out".to_owned(), Output::Deferred)].into(),
            system: self.options.system.clone().into_bytes(),
            builder: b"/bin/sh".to_vec(),
            ..Derivation::default()
        };
        set(&mut derivation, "PATH", "/bin");
        change(&mut derivation);
        let directory = self.store.directory();
        let mut modulo = |path: &StorePath| self.store.modulo_of(path);
        fill_output_paths(directory, &mut derivation, &mut modulo).expect("a sound one");
        for (name, path) in derivation.output_paths(directory).expect("sound names") {
            set(&mut derivation, &name, &directory.display(&path.expect("no input is deferred")));
        }
        self.store.add_derivation(&derivation).expect("a new derivation")
    }

    /// Adds a derivation whose builder is a shell script.
    fn script(&self, name: &str, script: &str) -> StorePath {
        self.derivation(name, |derivation| {
            derivation.arguments = vec![b"-c".to_vec(), script.as_bytes().to_vec()];
        })
    }

    /// Builds a derivation and returns where the files of its output `out` are.
    fn build(&self, path: &StorePath) -> Result<PathBuf, BuildError> {
        self.build_with(path, &self.options, &Said::default())
    }

    fn build_with(
        &self,
        path: &StorePath,
        options: &RealiseOptions,
        events: &dyn Events,
    ) -> Result<PathBuf, BuildError> {
        self.store.realise(&[every(path)], options, events)?;
        let outputs = self.store.derivation_outputs(path)?;
        let out = outputs.get("out").cloned().flatten().expect("all have this output");
        assert!(self.store.is_valid(&out)?, "what was realised is valid");
        Ok(self.store.real_path(&out))
    }

    /// Returns how the build of a derivation that must fail does so.
    fn failure(&self, path: &StorePath) -> BuildFailure {
        match self.build(path) {
            Err(BuildError::Failed { mut failures }) => failures.remove(0),
            Err(other) => panic!("it fails otherwise: {other}"),
            Ok(place) => panic!("it makes {}", place.display()),
        }
    }

    /// Returns the names in the store directory that no record or system knows.
    fn strangers(&self) -> BTreeSet<String> {
        let known = self.store.all_valid_paths().expect("a sound store");
        let known: BTreeSet<String> = known.iter().map(|path| path.to_base_name()).collect();
        let entries = fs::read_dir(self.path("nix/store")).expect("a store");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .filter(|name| name != ".links" && !is_lock(name) && !known.contains(name))
            .collect()
    }

    /// Checks that nothing is wrong with the store and that nothing was left behind.
    fn is_clean(&self) {
        assert_eq!(self.strangers(), BTreeSet::new());
        let said = Said::default();
        let is_sound = self.store.verify(true, false, &said).expect("it can be read");
        assert!(is_sound, "{:?}", said.0);
        let builds = fs::read_dir(self.path("nix/var/nix/builds"));
        let left = builds.map_or(0, Iterator::count);
        assert_eq!(left, 0, "a build directory is left");
    }
}

/// Whether a name is that of a lock file, which is in nobody's way.
fn is_lock(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|it| it == "lock")
}

fn every(path: &StorePath) -> DerivedPath {
    DerivedPath::Built { derivation: path.clone(), outputs: OutputNames::All }
}

fn set(derivation: &mut Derivation, name: &str, value: &str) {
    derivation.environment.insert(name.as_bytes().to_vec(), value.as_bytes().to_vec());
}
