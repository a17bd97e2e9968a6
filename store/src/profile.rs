//! Profiles: a name for what is installed, with every state it ever had, to go back to.
//!
//! A profile is a link to one of its generations, which are links `NAME-N-link` beside it to store
//! objects. Switching replaces the one link by a rename.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::error::{ProfileError, StoreError};
use crate::local::{PathLocks, replace_link};
use crate::path::StorePath;
use crate::store::Store;

/// A profile, known by the path of its link; neither need exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    link: PathBuf,
    name: String,
}

/// One state of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its number, from one.
    pub number: u64,
    /// The link to the store object.
    pub link: PathBuf,
    /// What the link points to.
    pub target: PathBuf,
    /// When it was made.
    pub created: SystemTime,
}

/// A choice of generations to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those with these numbers.
    Numbers(BTreeSet<u64>),
    /// All but the current one.
    Old,
    /// Those that were over, that long ago; the one that was active then stays.
    OlderThan(Duration),
    /// All but the current one and the `n - 1` before it; later ones stay, too.
    KeepLast(u64),
}

const DAY: Duration = Duration::from_hours(24);

impl Selection {
    /// Reads `N…`, `old`, `30d` or `+5`, as `nix-env --delete-generations` takes them.
    ///
    /// # Errors
    ///
    /// Anything else, several specifications other than numbers, `+0`.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Selection, ProfileError> {
        let words: Vec<&str> = words.into_iter().collect();
        let invalid = || ProfileError::Specification { text: words.join(" ") };
        let number = |text: &str| -> Option<u64> {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            if digits { text.parse().ok() } else { None }
        };
        if let [word] = words.as_slice() {
            if *word == "old" {
                return Ok(Selection::Old);
            }
            if let Some(days) = word.strip_suffix('d') {
                let days = number(days).and_then(|days| u32::try_from(days).ok());
                return days.map(|days| Selection::OlderThan(DAY * days)).ok_or_else(invalid);
            }
            if let Some(count) = word.strip_prefix('+') {
                let count = number(count).filter(|count| *count > 0);
                return count.map(Selection::KeepLast).ok_or_else(invalid);
            }
        }
        let numbers: Option<BTreeSet<u64>> = words.iter().map(|word| number(word)).collect();
        numbers.filter(|numbers| !numbers.is_empty()).map(Selection::Numbers).ok_or_else(invalid)
    }
}

fn file_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> ProfileError + use<> {
    let path = path.to_path_buf();
    move |source| ProfileError::File { action, path: path.clone(), source }
}

impl Profile {
    /// Returns the profile whose link is `link`.
    ///
    /// # Errors
    ///
    /// A path that names no file.
    pub fn new(link: impl Into<PathBuf>) -> Result<Profile, ProfileError> {
        let link = link.into();
        let name = link.file_name().map(|name| name.to_string_lossy().into_owned());
        match name {
            Some(name) => Ok(Profile { link, name }),
            None => Err(file_error("use as a profile", &link)(io::ErrorKind::InvalidInput.into())),
        }
    }

    /// Returns the path of the profile's link.
    pub fn link(&self) -> &Path {
        &self.link
    }

    fn directory(&self) -> &Path {
        match self.link.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    /// Returns the path of the link of generation `number`.
    pub fn generation_link(&self, number: u64) -> PathBuf {
        self.directory().join(format!("{}-{number}-link", self.name))
    }

    fn number_in(&self, file_name: &str) -> Option<u64> {
        let rest = file_name.strip_prefix(&self.name)?.strip_prefix('-')?;
        let digits = rest.strip_suffix("-link")?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    }

    /// Returns all generations, oldest first; none if the profile does not exist.
    ///
    /// # Errors
    ///
    /// A directory that cannot be read.
    pub fn generations(&self) -> Result<Vec<Generation>, ProfileError> {
        let directory = self.directory();
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(file_error("read", directory))?,
        };
        let mut generations = Vec::new();
        for entry in entries {
            let entry = entry.map_err(file_error("read", directory))?;
            let Some(number) = self.number_in(&entry.file_name().to_string_lossy()) else {
                continue;
            };
            let link = entry.path();
            let metadata = fs::symlink_metadata(&link).map_err(file_error("read", &link))?;
            let created = metadata.modified().map_err(file_error("read", &link))?;
            if metadata.is_symlink() {
                let target = fs::read_link(&link).map_err(file_error("read", &link))?;
                generations.push(Generation { number, link, target, created });
            }
        }
        generations.sort_unstable_by_key(|generation| generation.number);
        Ok(generations)
    }

    /// Returns the number of the generation that the profile points to.
    ///
    /// # Errors
    ///
    /// A link that cannot be read; one that is missing or points elsewhere gives `None`.
    pub fn current(&self) -> Result<Option<u64>, ProfileError> {
        match fs::read_link(&self.link) {
            Ok(target) => {
                let name = target.file_name().map(|name| name.to_string_lossy().into_owned());
                Ok(name.and_then(|name| self.number_in(&name)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            // Something else is there: no profile of ours.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
            Err(error) => Err(file_error("read", &self.link)(error)),
        }
    }

    /// Keeps other processes from changing the profile until the returned value is dropped.
    ///
    /// # Errors
    ///
    /// A lock file that cannot be made.
    pub fn lock(&self) -> Result<PathLocks, ProfileError> {
        let directory = self.directory();
        fs::create_dir_all(directory).map_err(file_error("create directory", directory))?;
        let mut locks = PathLocks::wait(&[self.link.clone()].into()).map_err(from_store)?;
        locks.delete_files();
        Ok(locks)
    }

    /// Makes a generation that points to `path` and returns it; the profile does not change yet.
    ///
    /// If the latest generation points there already, it is that one.
    ///
    /// # Errors
    ///
    /// A link that cannot be made, or that the store does not accept as a root.
    ///
    /// # Atomicity
    ///
    /// The generation is there with its target, or not at all, and is a root from the beginning.
    pub fn create_generation(
        &self,
        store: &dyn Store,
        path: &StorePath,
    ) -> Result<Generation, ProfileError> {
        let generations = self.generations()?;
        let target = store.directory().join(path);
        let number = match generations.into_iter().next_back() {
            Some(latest) if latest.target == target => return Ok(latest),
            Some(latest) => latest.number.saturating_add(1),
            None => 1,
        };
        let link = self.generation_link(number);
        store.add_permanent_root(path, &link).map_err(|source| ProfileError::Root {
            profile: self.link.clone(),
            source: Box::new(source),
        })?;
        let metadata = fs::symlink_metadata(&link).map_err(file_error("read", &link))?;
        let created = metadata.modified().map_err(file_error("read", &link))?;
        Ok(Generation { number, link, target, created })
    }

    /// Makes the profile point to generation `number`.
    ///
    /// # Errors
    ///
    /// A generation that does not exist, or a link that cannot be replaced.
    ///
    /// # Atomicity
    ///
    /// At every moment the profile points to the old generation or to the new one.
    pub fn switch(&self, number: u64) -> Result<Generation, ProfileError> {
        let generation = self.generation(number)?;
        let target = format!("{}-{number}-link", self.name);
        replace_link(&self.link, Path::new(&target)).map_err(from_store)?;
        Ok(generation)
    }

    /// Makes the profile point to `path`, by a new generation if need be.
    ///
    /// # Errors
    ///
    /// As [`create_generation`](Profile::create_generation) and [`switch`](Profile::switch).
    ///
    /// # Atomicity
    ///
    /// At every moment the profile points to the old generation or to the new one.
    pub fn set(&self, store: &dyn Store, path: &StorePath) -> Result<Generation, ProfileError> {
        let generation = self.create_generation(store, path)?;
        self.switch(generation.number)
    }

    /// Makes the profile point to the generation before the current one.
    ///
    /// # Errors
    ///
    /// No current generation, or none before it.
    pub fn roll_back(&self) -> Result<Generation, ProfileError> {
        let Some(current) = self.current()? else {
            return Err(ProfileError::NoCurrent { profile: self.link.clone() });
        };
        let older = self.generations()?.into_iter().rfind(|older| older.number < current);
        match older {
            Some(older) => self.switch(older.number),
            None => Err(ProfileError::NothingOlder { profile: self.link.clone(), current }),
        }
    }

    /// Returns the generation `number`.
    ///
    /// # Errors
    ///
    /// A generation that does not exist.
    pub fn generation(&self, number: u64) -> Result<Generation, ProfileError> {
        self.generations()?.into_iter().find(|generation| generation.number == number).ok_or_else(
            || ProfileError::NoGeneration { profile: self.link.clone(), generation: number },
        )
    }

    /// Returns the numbers of the generations that `selection` chooses as of `now`.
    ///
    /// The current generation is never among them.
    ///
    /// # Errors
    ///
    /// The current generation asked for by its number, or one that does not exist.
    pub fn select(&self, selection: &Selection, now: SystemTime) -> Result<Vec<u64>, ProfileError> {
        let generations = self.generations()?;
        let current = self.current()?;
        let newest_first = generations.iter().rev();
        let mut chosen: Vec<u64> = match selection {
            Selection::Numbers(numbers) => {
                let profile = || self.link.clone();
                for number in numbers {
                    if Some(*number) == current {
                        return Err(ProfileError::DeleteCurrent { profile: profile() });
                    }
                    if !generations.iter().any(|generation| generation.number == *number) {
                        let generation = *number;
                        return Err(ProfileError::NoGeneration { profile: profile(), generation });
                    }
                }
                numbers.iter().copied().collect()
            }
            Selection::Old => generations.iter().map(|generation| generation.number).collect(),
            Selection::OlderThan(age) => {
                let Some(then) = now.checked_sub(*age) else { return Ok(Vec::new()) };
                // The newest of those made before then was the active one.
                newest_first
                    .skip_while(|generation| generation.created >= then)
                    .skip(1)
                    .map(|generation| generation.number)
                    .collect()
            }
            Selection::KeepLast(count) => newest_first
                .skip_while(|generation| Some(generation.number) != current)
                .skip(usize::try_from(*count).unwrap_or(usize::MAX))
                .map(|generation| generation.number)
                .collect(),
        };
        chosen.retain(|number| Some(*number) != current);
        chosen.sort_unstable();
        Ok(chosen)
    }

    /// Deletes the generation `number`, so that what only it kept can be collected.
    ///
    /// # Errors
    ///
    /// The current generation, or a link that cannot be removed.
    pub fn delete_generation(&self, number: u64) -> Result<(), ProfileError> {
        if self.current()? == Some(number) {
            return Err(ProfileError::DeleteCurrent { profile: self.link.clone() });
        }
        let link = self.generation_link(number);
        fs::remove_file(&link).map_err(file_error("remove", &link))
    }
}

/// Says of a profile what the store's tools say of files.
fn from_store(error: StoreError) -> ProfileError {
    match error {
        StoreError::File { action, path, source } => ProfileError::File { action, path, source },
        other => ProfileError::File {
            action: "lock",
            path: PathBuf::new(),
            source: io::Error::other(other),
        },
    }
}

#[cfg(test)]
mod tests;
