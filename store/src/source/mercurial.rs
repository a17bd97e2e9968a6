//! Trees of Mercurial repositories, read with the host's `hg`.
//!
//! Source: CppNix, `MercurialInputScheme`.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Commit, MercurialSource, Setting, Source, add_tree, program};
use crate::error::FetchError;
use crate::event::{Event, Events, Level};
use crate::hash::{Hash, HashFormat};
use crate::nar::disk::DiskTree;
use crate::nar::writer::everything;

/// The file that `hg archive` adds.
const ARCHIVAL: &str = ".hg_archival.txt";
/// The branch of a repository that does not tell.
const DEFAULT_BRANCH: &str = "default";

/// Adds a tree of a repository to the store.
pub(super) fn add(setting: Setting<'_>, source: &MercurialSource) -> Result<Source, FetchError> {
    let hg = Mercurial { source, events: setting.events };
    if source.is_directory && source.reference.is_none() && source.revision.is_none() {
        let words = ["status", "-R", &source.url, "--modified", "--added", "--removed"];
        let directory = Path::new(&source.url);
        if directory.join(".hg").exists() && !hg.run(&words)?.is_empty() {
            return hg.add_working_tree(setting, directory);
        }
    }
    hg.add_changeset(setting)
}

struct Mercurial<'m> {
    source: &'m MercurialSource,
    events: &'m dyn Events,
}

impl Mercurial<'_> {
    fn failed(&self, problem: impl std::fmt::Display) -> FetchError {
        let url = &self.source.url;
        FetchError::Source(format!("cannot read Mercurial repository '{url}': {problem}"))
    }

    /// Runs `hg` and returns what it says.
    fn run(&self, words: &[&str]) -> Result<Vec<u8>, FetchError> {
        let mut command = Command::new("hg");
        // Nobody's configuration changes what it does.
        command.args(words).env("HGPLAIN", "").env("LC_ALL", "C.UTF-8");
        let output =
            program::run(&mut command, Vec::new()).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => {
                    self.failed("the program `hg` is needed to read it and is not in PATH")
                }
                _ => self.failed(format!("the program `hg` cannot be run: {error}")),
            })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let problem = String::from_utf8_lossy(&output.stderr);
        self.events.emit(Event::Message { level: Level::Notice, text: problem.trim_end() });
        Err(FetchError::Source(match output.status.code() {
            Some(code) => format!("hg failed with exit code {code}"),
            None => format!("hg {}", output.status),
        }))
    }

    fn line(&self, words: &[&str]) -> Result<String, FetchError> {
        Ok(String::from_utf8_lossy(&self.run(words)?).trim_end().to_owned())
    }

    fn add_working_tree(
        &self,
        setting: Setting<'_>,
        directory: &Path,
    ) -> Result<Source, FetchError> {
        let url = &self.source.url;
        let message = format!("Mercurial tree '\"{url}\"' is unclean");
        if !setting.options.allows_dirty {
            return Err(FetchError::Source(message));
        }
        if setting.options.warns_of_dirty {
            setting.warn(&message);
        }
        let reference = self.line(&["branch", "-R", url])?;
        let words =
            ["status", "-R", url, "--clean", "--modified", "--added", "--no-status", "--print0"];
        let listed = self.run(&words)?;
        let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
        for name in listed.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let path = directory.join(OsStr::from_bytes(name));
            let above = path.ancestors().skip(1).take_while(|above| *above != directory);
            paths.extend(above.map(Path::to_owned));
            paths.insert(path);
        }
        let (path, nar_hash) =
            add_tree(setting.store, setting.name, &DiskTree, directory, &mut |path, _| {
                Ok(paths.contains(path))
            })?;
        let commit =
            Commit { revision: None, is_dirty: true, reference: Some(reference), count: None };
        Ok(Source { path, nar_hash, modified: None, commit: Some(commit), immutable_url: None })
    }

    fn add_changeset(&self, setting: Setting<'_>) -> Result<Source, FetchError> {
        let copy = Copy::open(setting, &self.source.url).map_err(|error| self.failed(error))?;
        let directory = copy.directory.to_string_lossy().into_owned();
        self.fetch(setting, &copy, &directory)?;
        let wanted = match (&self.source.revision, &self.source.reference) {
            (Some(revision), _) => revision,
            (None, Some(reference)) => reference,
            (None, None) => DEFAULT_BRANCH,
        };
        let template = "{node} {rev} {branch}";
        let about = self.line(&["log", "-R", &directory, "-r", wanted, "--template", template])?;
        let mut words = about.split(' ');
        let (Some(revision), Some(count), Some(branch)) =
            (words.next(), words.next(), words.next())
        else {
            return Err(self.failed(format!("`hg log` says '{about}'")));
        };
        let count = count.parse().map_err(|_| self.failed(format!("`hg log` says '{about}'")))?;
        let key = format!("hg\0{}\0{revision}", setting.name);
        let (path, nar_hash) = match setting.remembered(&key)? {
            Some(known) => known,
            None => {
                let added = self.archive(setting, &copy, &directory, revision)?;
                setting.remember(&key, &added.0);
                added
            }
        };
        let commit = Commit {
            revision: Some(revision.to_owned()),
            is_dirty: false,
            reference: Some(branch.to_owned()),
            count: Some(count),
        };
        Ok(Source { path, nar_hash, modified: None, commit: Some(commit), immutable_url: None })
    }

    /// Brings the copy up to date, unless it has what is wanted.
    fn fetch(&self, setting: Setting<'_>, copy: &Copy, directory: &str) -> Result<(), FetchError> {
        let url = self.source.url.as_str();
        if !copy.directory.join(".hg").exists() {
            self.run(&["clone", "--noupdate", "--", url, directory])?;
            copy.touch();
            return Ok(());
        }
        let is_known = match &self.source.revision {
            Some(revision) => {
                let words = ["log", "-R", directory, "-r", revision, "--template", "1"];
                self.run(&words).is_ok_and(|said| said == b"1")
            }
            None => copy.is_younger_than(setting.options.lifetime),
        };
        if is_known {
            return Ok(());
        }
        let pull = ["pull", "-R", directory, "--", url];
        if let Err(error) = self.run(&pull) {
            if !copy.directory.join(".hg/store/journal").exists() {
                return Err(error);
            }
            // A pull that was cut short is undone first.
            self.run(&["recover", "-R", directory])?;
            self.run(&pull)?;
        }
        copy.touch();
        Ok(())
    }

    fn archive(
        &self,
        setting: Setting<'_>,
        copy: &Copy,
        directory: &str,
        revision: &str,
    ) -> Result<(crate::path::StorePath, Hash), FetchError> {
        let target = copy.archive();
        let _ = fs::remove_dir_all(&target);
        let words = ["archive", "-R", directory, "-r", revision, &target.to_string_lossy()];
        let added = self.run(&words).and_then(|_| {
            fs::remove_file(target.join(ARCHIVAL)).map_err(|error| self.failed(error))?;
            add_tree(setting.store, setting.name, &DiskTree, &target, &mut everything)
        });
        let _ = fs::remove_dir_all(&target);
        added
    }
}

/// The copy of a repository in the cache, kept from other processes.
struct Copy {
    directory: PathBuf,
    is_temporary: bool,
    _lock: Option<File>,
}

impl Copy {
    fn open(setting: Setting<'_>, url: &str) -> std::io::Result<Self> {
        let key = Hash::sha256(url.as_bytes()).digits(HashFormat::Base32);
        let Some(cache) = &setting.options.cache_directory else {
            let name = format!("nivis-hg-{}-{key}", std::process::id());
            let directory = std::env::temp_dir().join(name);
            fs::create_dir(&directory)?;
            let directory = directory.join("copy");
            return Ok(Self { directory, is_temporary: true, _lock: None });
        };
        let cache = cache.join("hg");
        fs::create_dir_all(&cache)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(cache.join(format!("{key}.lock")))?;
        lock.lock()?;
        Ok(Self { directory: cache.join(key), is_temporary: false, _lock: Some(lock) })
    }

    /// Returns where the files of a changeset are put for a moment.
    fn archive(&self) -> PathBuf {
        self.directory.with_extension("archive")
    }

    fn stamp(&self) -> PathBuf {
        self.directory.with_extension("time")
    }

    /// Remembers that the copy is up to date.
    fn touch(&self) {
        // Where that cannot be done, the next fetch asks again.
        let _ = fs::write(self.stamp(), "");
    }

    fn is_younger_than(&self, lifetime: std::time::Duration) -> bool {
        let modified = fs::metadata(self.stamp()).and_then(|it| it.modified());
        modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age < lifetime))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let (true, Some(above)) = (self.is_temporary, self.directory.parent()) {
            let _ = fs::remove_dir_all(above);
        }
    }
}
