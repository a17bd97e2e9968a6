//! Copies of repositories in the cache: one for each address, used by one process at a time.
//!
//! A copy that is cut short is a repository like any other, and the next fetch completes it.
//! Source: CppNix, `GitInputScheme::getAccessorFromCommit`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::repository::{Repository, git, not_run};
use super::{FALLBACK_BRANCH, Found, warn_of_no_head};
use crate::error::FetchError;
use crate::event::{Activity, ActivityId, ActivityKind, Event, Level};
use crate::hash::{Hash, HashFormat};
use crate::source::{GitSource, Setting, program};

/// The branch of a copy that has no commit yet.
const NO_BRANCH: &str = "refs/heads/none-yet";

/// A copy, kept from other processes.
pub(super) struct Copy {
    directory: PathBuf,
    is_temporary: bool,
    _lock: Option<File>,
}

impl Drop for Copy {
    fn drop(&mut self) {
        if self.is_temporary {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

impl Copy {
    fn open(setting: Setting<'_>, url: &str, is_shallow: bool) -> Result<Self, FetchError> {
        let problem = |error: std::io::Error| FetchError::Repository {
            repository: url.to_owned(),
            problem: format!("its copy in the cache: {error}"),
        };
        let Some(cache) = &setting.options.cache_directory else {
            let directory = temporary_directory().map_err(problem)?;
            return Ok(Self { directory, is_temporary: true, _lock: None });
        };
        let key = Hash::sha256(url.as_bytes()).digits(HashFormat::Base32);
        let name = if is_shallow { format!("{key}-shallow") } else { key };
        let directory = cache.join("git").join(name);
        fs::create_dir_all(cache.join("git")).map_err(problem)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(directory.with_extension("lock"))
            .map_err(problem)?;
        lock.lock().map_err(problem)?;
        Ok(Self { directory, is_temporary: false, _lock: Some(lock) })
    }
}

fn temporary_directory() -> std::io::Result<PathBuf> {
    let mut number = 0_u32;
    loop {
        let name = format!("nivis-git-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
            Err(error) if number == 1000 => return Err(error),
            Err(_) => number += 1,
        }
    }
}

/// Finds a commit of the repository at `url`, fetching what is not in its copy.
pub(super) fn find(
    setting: Setting<'_>,
    source: &GitSource,
    url: &str,
) -> Result<Found, FetchError> {
    let copy = Copy::open(setting, url, source.is_shallow)?;
    let fetch = Fetch { setting, source, url, repository: Repository::new(&copy.directory, url) };
    fetch.initialise()?;
    let known = match &source.revision {
        Some(revision) => fetch.repository.revision(revision)?,
        None => None,
    };
    let reference = match &source.reference {
        Some(reference) => reference.clone(),
        None => fetch.default_reference(known.is_some())?,
    };
    let file = copy.directory.join(full_name(&reference));
    let is_current = match &source.revision {
        Some(_) => known.is_some(),
        None => !source.all_references && fetch.is_young(&file),
    };
    if !is_current {
        fetch.run(&reference, &file)?;
    }
    let revision = match &source.revision {
        Some(revision) => fetch.repository.revision(revision)?.ok_or_else(|| {
            FetchError::Source(format!(
                "Cannot find Git revision '{revision}' in ref '{reference}' of repository \
                 '{url}'! Please make sure that the rev exists on the ref you've specified or \
                 add allRefs = true; to fetchGit."
            ))
        })?,
        None => fetch.repository.revision(&reference)?.ok_or_else(|| {
            FetchError::Source(format!(
                "resolving Git reference '{reference}': revspec '{reference}' not found"
            ))
        })?,
    };
    let remote = Some(url.to_owned());
    Ok(Found { repository: fetch.repository, reference, revision, remote, _copy: Some(copy) })
}

/// Returns the full name of a branch or tag.
fn full_name(reference: &str) -> String {
    if reference.starts_with("refs/") || reference == "HEAD" {
        reference.to_owned()
    } else {
        format!("refs/heads/{reference}")
    }
}

struct Fetch<'f> {
    setting: Setting<'f>,
    source: &'f GitSource,
    url: &'f str,
    repository: Repository,
}

impl Fetch<'_> {
    fn initialise(&self) -> Result<(), FetchError> {
        let directory = &self.repository.directory;
        if directory.join("HEAD").exists() {
            return Ok(());
        }
        fs::create_dir_all(directory).map_err(|error| self.repository.failed(error.to_string()))?;
        self.repository.run(&["init", "--bare", "--quiet", "."])?;
        self.repository.run(&["symbolic-ref", "HEAD", NO_BRANCH])?;
        Ok(())
    }

    /// Whether a file of the copy was written within the lifetime of what is known.
    fn is_young(&self, file: &Path) -> bool {
        let Ok(modified) = fs::metadata(file).and_then(|it| it.modified()) else { return false };
        let age = SystemTime::now().duration_since(modified).unwrap_or(Duration::MAX);
        age < self.setting.options.lifetime
    }

    /// Returns the branch that the repository calls its own.
    fn default_reference(&self, is_known: bool) -> Result<String, FetchError> {
        let cached = self.repository.branch()?.filter(|branch| branch != NO_BRANCH);
        let head = self.repository.directory.join("HEAD");
        if let Some(cached) = &cached
            && (is_known || self.is_young(&head))
        {
            return Ok(cached.clone());
        }
        if let Some(reference) = self.ask_for_head()? {
            return Ok(reference);
        }
        let url = self.url;
        match cached {
            Some(cached) => {
                self.setting.warn(&format!(
                    "could not get HEAD ref for repository '{url}'; using expired cached ref \
                     '{cached}'"
                ));
                Ok(cached)
            }
            None => {
                warn_of_no_head(self.setting, url);
                Ok(FALLBACK_BRANCH.to_owned())
            }
        }
    }

    fn ask_for_head(&self) -> Result<Option<String>, FetchError> {
        let mut command = git();
        command.args(["ls-remote", "--symref", "--", self.url, "HEAD"]).current_dir("/");
        let output = program::run(&mut command, Vec::new());
        let output = output.map_err(|error| not_run(self.url, &error))?;
        if !output.status.success() {
            self.complain(&output.stderr);
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let first = text.lines().next().and_then(|line| line.split('\t').next());
        Ok(first.map(|target| target.strip_prefix("ref: ").unwrap_or(target).to_owned()))
    }

    /// Passes on what `git` complains of.
    fn complain(&self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let text = text.trim_end();
        if !text.is_empty() {
            self.setting.events.emit(Event::Message { level: Level::Notice, text });
        }
    }

    fn run(&self, reference: &str, file: &Path) -> Result<(), FetchError> {
        let url = self.url;
        let _activity = Activity::start(
            self.setting.events,
            ActivityId::NONE,
            ActivityKind::Unknown,
            Level::Talkative,
            &format!("fetching Git repository '{url}'"),
            &[],
        );
        let full = full_name(reference);
        let wanted = match &self.source.revision {
            _ if self.source.all_references => "refs/*:refs/*".to_owned(),
            Some(revision) => revision.clone(),
            None => format!("{full}:{full}"),
        };
        let mut words = vec!["-c", "gc.auto=0", "fetch", "--force", "--quiet"];
        if self.source.is_shallow {
            words.extend(["--depth", "1"]);
        }
        words.extend(["--", url, &wanted]);
        let (is_done, said) = self.repository.hear(&words)?;
        if !is_done {
            self.complain(said.as_bytes());
            let message = format!("Failed to fetch git repository '{url}'");
            if !file.exists() {
                return Err(FetchError::Source(message));
            }
            let events = self.setting.events;
            events.emit(Event::Message { level: Level::Error, text: &message });
            self.setting.warn(&format!(
                "could not update local clone of Git repository '{url}'; continuing with the most \
                 recent version"
            ));
        }
        if self.source.revision.is_none() {
            // Where the time cannot be set, the next fetch asks again.
            let _ = File::options()
                .append(true)
                .open(file)
                .and_then(|file| file.set_modified(SystemTime::now()));
        }
        if self.source.reference.is_none() && full.starts_with("refs/heads/") {
            self.repository.run(&["symbolic-ref", "HEAD", &full])?;
        }
        Ok(())
    }
}
