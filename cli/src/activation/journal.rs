//! The journal of a switch: what it is about to change, written down first.
//!
//! The profile's link is what says which generation is active. A switch writes its journal, makes
//! its changes, moves that link, and removes the journal. Whoever finds a journal finds a switch
//! that was cut short: if the link was moved the changes are finished, else they are taken back,
//! and so is the generation if it was new.

use super::files::{Change, write_file};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use store::profile::Profile;

/// The place of the journal below a system's root.
const PLACE: &str = "var/lib/nivis/switch.json";

/// A switch under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Journal {
    /// The generation that was the active one.
    pub(crate) before: Option<u64>,
    /// The generation that it makes the active one.
    pub(crate) generation: u64,
    /// Whether that generation was made for it.
    pub(crate) is_new: bool,
    /// The changes, in the order in which they are made.
    pub(crate) changes: Vec<Change>,
}

/// What became of a switch that was cut short.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Recovered {
    /// Its generation.
    pub(crate) generation: u64,
    /// Whether it was finished; else it was taken back.
    pub(crate) is_finished: bool,
    /// Places that somebody else has changed since, and that were left.
    pub(crate) left: Vec<PathBuf>,
}

impl Journal {
    /// Writes the journal for the system below `root`.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn write(&self, root: &Path) -> io::Result<()> {
        let place = root.join(PLACE);
        if let Some(directory) = place.parent() {
            std::fs::create_dir_all(directory)?;
        }
        write_file(&place, serde_json::to_vec(self)?)
    }

    /// Returns the journal of a switch that was cut short, if there is one.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is no journal.
    pub(crate) fn read(root: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(root.join(PLACE)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes the journal: the switch is over.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub(crate) fn remove(root: &Path) -> io::Result<()> {
        match std::fs::remove_file(root.join(PLACE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Returns the generation of a switch that is under way or was cut short.
pub(crate) fn unfinished(root: &Path) -> Option<u64> {
    Some(Journal::read(root).ok()??.generation)
}

/// Finishes or takes back a switch that was cut short, while the profile is locked.
///
/// # Errors
///
/// When the journal cannot be read, or a place cannot be changed; the journal stays then.
pub(crate) fn recover(root: &Path, profile: &Profile) -> io::Result<Option<Recovered>> {
    let Some(journal) = Journal::read(root)? else { return Ok(None) };
    let Journal { before, generation, is_new, changes } = journal;
    let current = profile.current().map_err(io::Error::other)?;
    // When both are one, either is right; going back needs nothing that is not there.
    let is_finished = current == Some(generation) && before != current;
    let mut left = Vec::new();
    let mut settle = |change: &Change, settled: bool| {
        if !settled {
            left.push(root.join(&change.path));
        }
    };
    if is_finished {
        for change in &changes {
            settle(change, change.finish(root).map_err(io::Error::other)?);
        }
    } else {
        for change in changes.iter().rev() {
            settle(change, change.take_back(root).map_err(io::Error::other)?);
        }
        let is_made = std::fs::symlink_metadata(profile.generation_link(generation)).is_ok();
        if is_new && is_made {
            profile.delete_generation(generation).map_err(io::Error::other)?;
        }
    }
    Journal::remove(root)?;
    Ok(Some(Recovered { generation, is_finished, left }))
}

#[cfg(test)]
mod tests;
