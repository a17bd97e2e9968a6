//! Changes below a root directory that are made together or not at all.
//!
//! A [`Transaction`] is first planned, then applied change by change; when one fails, those
//! before it are taken back. Each change is atomic for whoever reads: files and links are made
//! beside their place and renamed into it. Killed in the middle, the next activation finishes,
//! because a plan is made from what is there.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

/// What shall stand at a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Node {
    /// Nothing.
    Nothing,
    /// A regular file.
    File {
        /// Its content.
        content: Vec<u8>,
        /// Its permissions, as for `chmod`.
        mode: u32,
        /// Its owner and group; none: whoever activates.
        owner: Option<(u32, u32)>,
    },
    /// A symbolic link with this target.
    Link(PathBuf),
    /// A directory with these permissions, and its owner and group.
    Directory {
        /// Its permissions, as for `chmod`.
        mode: u32,
        /// Its owner and group; none: whoever activates.
        owner: Option<(u32, u32)>,
    },
}

/// A planned change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    /// The place, relative to the root.
    pub(crate) path: PathBuf,
    /// What shall stand there.
    pub(crate) node: Node,
}

/// A change that could not be made.
#[derive(Debug)]
pub(crate) struct ChangeError {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "changing `{}`: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for ChangeError {}

/// Changes below one root, in order.
#[derive(Debug)]
pub(crate) struct Transaction {
    root: PathBuf,
    changes: Vec<Change>,
    planned: BTreeSet<PathBuf>,
}

impl Transaction {
    /// Returns an empty plan for the tree at `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), changes: Vec::new(), planned: BTreeSet::new() }
    }

    /// Returns the directory that all places are relative to.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Plans that `node` stands at `path`; nothing is planned when it does already.
    ///
    /// # Errors
    ///
    /// When what stands there now cannot be read, or when a link leads away from the root.
    pub(crate) fn set(&mut self, path: impl Into<PathBuf>, node: Node) -> Result<(), ChangeError> {
        let path = path.into();
        self.check_parents(&path)?;
        let now = current(&self.root.join(&path)).map_err(|source| self.error(&path, source))?;
        let same = match (&now, &node) {
            // Without an owner to set, whoever owns the file is right.
            (
                Node::File { content: old, mode: old_mode, owner: old_owner },
                Node::File { content, mode, owner },
            ) => old == content && old_mode == mode && (owner.is_none() || owner == old_owner),
            (
                Node::Directory { mode: old_mode, owner: old_owner },
                Node::Directory { mode, owner },
            ) => old_mode == mode && (owner.is_none() || owner == old_owner),
            (old, new) => old == new,
        };
        if !same {
            self.plan_parents(&path);
            self.planned.insert(path.clone());
            self.changes.push(Change { path, node });
        }
        Ok(())
    }

    /// Refuses a place whose directories are links: what is staged stays below its root.
    fn check_parents(&self, path: &Path) -> Result<(), ChangeError> {
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain {
            return Err(self.error(path, io::Error::other("the path leaves the root")));
        }
        let host = self.root == Path::new("/");
        for parent in parents(path) {
            let replaced = self.planned.contains(parent);
            let is_link = std::fs::symlink_metadata(self.root.join(parent))
                .is_ok_and(|metadata| metadata.file_type().is_symlink());
            if is_link && !replaced && !host {
                let message = format!("`{}` is a symbolic link", parent.display());
                return Err(self.error(path, io::Error::other(message)));
            }
        }
        Ok(())
    }

    fn plan_parents(&mut self, path: &Path) {
        for parent in parents(path) {
            let exists = self.root.join(parent).is_dir();
            if !exists && self.planned.insert(parent.to_owned()) {
                let node = Node::Directory { mode: 0o755, owner: None };
                self.changes.push(Change { path: parent.to_owned(), node });
            }
        }
    }

    fn error(&self, path: &Path, source: io::Error) -> ChangeError {
        ChangeError { path: self.root.join(path), source }
    }

    /// Returns what is planned.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Makes all changes.
    ///
    /// # Errors
    ///
    /// When one cannot be made; those before it are taken back then.
    pub(crate) fn apply(self) -> Result<Applied, ChangeError> {
        let mut applied = Applied { root: self.root.clone(), done: Vec::new() };
        for change in &self.changes {
            let place = self.root.join(&change.path);
            let made = current(&place).and_then(|before| {
                applied.done.push(Change { path: change.path.clone(), node: before });
                put(&place, &change.node)
            });
            if let Err(source) = made {
                applied.undo();
                return Err(self.error(&change.path, source));
            }
        }
        Ok(applied)
    }
}

/// Changes that were made and can be taken back.
#[derive(Debug)]
pub(crate) struct Applied {
    root: PathBuf,
    /// What stood at each changed place before, in the order of the changes.
    done: Vec<Change>,
}

impl Applied {
    /// Takes all changes back, the last one first.
    ///
    /// A change that cannot be taken back is left; the others still are.
    pub(crate) fn undo(self) {
        for change in self.done.iter().rev() {
            // The failure that led here is the one to tell; this one would hide it.
            let _ = put(&self.root.join(&change.path), &change.node);
        }
    }
}

/// Returns the directories above a relative path, outermost first.
fn parents(path: &Path) -> Vec<&Path> {
    let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
    above.retain(|parent| !parent.as_os_str().is_empty());
    above.reverse();
    above
}

/// Reads what stands at a place.
fn current(place: &Path) -> io::Result<Node> {
    let metadata = match std::fs::symlink_metadata(place) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Node::Nothing),
        Err(error) => return Err(error),
    };
    let mode = metadata.mode() & 0o7777;
    let owner = Some((metadata.uid(), metadata.gid()));
    let kind = metadata.file_type();
    if kind.is_symlink() {
        Ok(Node::Link(std::fs::read_link(place)?))
    } else if kind.is_dir() {
        Ok(Node::Directory { mode, owner })
    } else if kind.is_file() {
        Ok(Node::File { content: std::fs::read(place)?, mode, owner })
    } else {
        Err(io::Error::other("it is neither a file, a directory nor a link"))
    }
}

/// Makes `node` stand at `place`.
fn put(place: &Path, node: &Node) -> io::Result<()> {
    let now = std::fs::symlink_metadata(place);
    let is_directory = now.as_ref().is_ok_and(std::fs::Metadata::is_dir);
    match node {
        Node::Nothing if is_directory => std::fs::remove_dir(place),
        Node::Nothing if now.is_ok() => std::fs::remove_file(place),
        Node::Nothing => Ok(()),
        Node::Directory { mode, owner } => {
            if !is_directory {
                if now.is_ok() {
                    std::fs::remove_file(place)?;
                }
                std::fs::create_dir(place)?;
            }
            adorn(place, *mode, *owner)
        }
        Node::Link(target) => {
            make_way(place, is_directory)?;
            let beside = beside(place)?;
            symlink(target, &beside)?;
            std::fs::rename(&beside, place)
        }
        Node::File { content, mode, owner } => {
            make_way(place, is_directory)?;
            let beside = beside(place)?;
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&beside)?;
            io::Write::write_all(&mut file, content)?;
            file.sync_all()?;
            adorn(&beside, *mode, *owner)?;
            std::fs::rename(&beside, place)
        }
    }
}

/// Removes an empty directory that stands where a file or link shall be.
fn make_way(place: &Path, is_directory: bool) -> io::Result<()> {
    if is_directory { std::fs::remove_dir(place) } else { Ok(()) }
}

/// Returns a free name beside `place`.
fn beside(place: &Path) -> io::Result<PathBuf> {
    let name = place.file_name().ok_or_else(|| io::Error::other("a place needs a name"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    let beside = place.with_file_name(hidden);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(beside),
    }
}

/// Sets permissions and, as root, the owner. Nobody else can give files away.
fn adorn(place: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    if let Some((uid, gid)) = owner {
        match std::os::unix::fs::chown(place, Some(uid), Some(gid)) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
    }
    std::fs::set_permissions(place, std::fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests;
