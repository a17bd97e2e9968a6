//! Changes below a root directory that are made together or not at all.
//!
//! A [`Transaction`] is first planned, then applied change by change; when one fails, those
//! before it are taken back. Each change is atomic for whoever reads: files and links are made
//! beside their place and renamed into it. A change knows what stood at its place before, so that
//! after a crash the whole can still be taken back or finished (see [`super::journal`]).

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

/// What shall stand at a place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Node {
    /// Nothing.
    Nothing,
    /// A regular file.
    File {
        /// Its content.
        #[serde(with = "base64_text")]
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
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    /// The place, relative to the root.
    pub(crate) path: PathBuf,
    /// What shall stand there.
    pub(crate) node: Node,
    /// What stood there when the change was planned.
    before: Node,
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
        let is_below_new = parents(&path).iter().any(|parent| self.planned.contains(*parent));
        let before = if is_below_new {
            // What stands there now is not what the change will meet.
            Node::Nothing
        } else {
            current(&self.root.join(&path)).map_err(|source| self.error(&path, source))?
        };
        if !before.is_as(&node) {
            self.plan_parents(&path);
            self.planned.insert(path.clone());
            self.changes.push(Change { path, node, before });
        }
        Ok(())
    }

    /// Plans that a copy of the file or link at `path` is kept at `copy`.
    ///
    /// # Errors
    ///
    /// As [`set`](Transaction::set).
    pub(crate) fn keep(&mut self, path: &Path, copy: PathBuf) -> Result<(), ChangeError> {
        let node = current(&self.root.join(path)).map_err(|source| self.error(path, source))?;
        match node {
            Node::File { .. } | Node::Link(_) => self.set(copy, node),
            Node::Nothing | Node::Directory { .. } => Ok(()),
        }
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
                let before = Node::Nothing;
                self.changes.push(Change { path: parent.to_owned(), node, before });
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

    /// Forgets all but the first `count` changes, as a crash would.
    #[cfg(test)]
    pub(crate) fn truncate(&mut self, count: usize) {
        self.changes.truncate(count);
    }

    /// Makes all changes, and returns once they are on the disk.
    ///
    /// # Errors
    ///
    /// When one cannot be made; those before it are taken back then.
    pub(crate) fn apply(self) -> Result<Applied, ChangeError> {
        let mut applied = Applied { root: self.root.clone(), done: Vec::new() };
        for change in self.changes {
            let place = self.root.join(&change.path);
            let made = put(&place, &change.node);
            applied.done.push(change);
            if let Err(source) = made {
                applied.undo();
                return Err(ChangeError { path: place, source });
            }
        }
        if let Err((path, source)) = applied.flush() {
            applied.undo();
            return Err(ChangeError { path, source });
        }
        Ok(applied)
    }
}

/// Changes that were made and can be taken back.
#[derive(Debug)]
pub(crate) struct Applied {
    root: PathBuf,
    /// The changes, in the order in which they were made.
    done: Vec<Change>,
}

impl Applied {
    /// Takes all changes back, the last one first.
    ///
    /// A change that cannot be taken back is left; the others still are.
    pub(crate) fn undo(self) {
        for change in self.done.iter().rev() {
            // The failure that led here is the one to tell; this one would hide it.
            let _ = put(&self.root.join(&change.path), &change.before);
        }
    }

    /// Has the names of what was changed on the disk; contents are there already.
    fn flush(&self) -> Result<(), (PathBuf, io::Error)> {
        let place = |change: &Change| Some(self.root.join(change.path.parent()?));
        let directories: BTreeSet<PathBuf> = self.done.iter().filter_map(place).collect();
        for directory in directories {
            let flushed = std::fs::File::open(&directory).and_then(|file| file.sync_all());
            flushed.map_err(|error| (directory, error))?;
        }
        Ok(())
    }
}

impl Node {
    /// Tells whether this, found on the disk, is what is `wanted`.
    ///
    /// Without an owner to set, whoever owns the file is right.
    fn is_as(&self, wanted: &Node) -> bool {
        match (self, wanted) {
            (
                Node::File { content: old, mode: old_mode, owner: old_owner },
                Node::File { content, mode, owner },
            ) => old == content && old_mode == mode && (owner.is_none() || owner == old_owner),
            (
                Node::Directory { mode: old_mode, owner: old_owner },
                Node::Directory { mode, owner },
            ) => old_mode == mode && (owner.is_none() || owner == old_owner),
            (old, new) => old == new,
        }
    }
}

impl Change {
    /// Takes the change back after a crash, whether it was made or not; `false` if somebody else
    /// has changed the place since, which is left as it is then.
    ///
    /// # Errors
    ///
    /// When the place cannot be read or changed.
    pub(crate) fn take_back(&self, root: &Path) -> Result<bool, ChangeError> {
        self.settle(root, &self.node, &self.before)
    }

    /// Makes the change after a crash, whether it was made or not; `false` as above.
    ///
    /// # Errors
    ///
    /// When the place cannot be read or changed.
    pub(crate) fn finish(&self, root: &Path) -> Result<bool, ChangeError> {
        self.settle(root, &self.before, &self.node)
    }

    fn settle(&self, root: &Path, from: &Node, to: &Node) -> Result<bool, ChangeError> {
        let place = root.join(&self.path);
        let settled = || {
            let _ = std::fs::remove_file(beside(&place)?);
            let now = current(&place)?;
            if now.is_as(to) {
                return Ok(true);
            }
            let is_unfinished =
                matches!((&now, from), (Node::Directory { .. }, Node::Directory { .. }));
            if now == Node::Nothing || is_unfinished || now.is_as(from) {
                match put(&place, to) {
                    // A directory that was made, and that others use now.
                    Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                        return Ok(false);
                    }
                    other => other?,
                }
                return Ok(true);
            }
            Ok(false)
        };
        settled().map_err(|source| ChangeError { path: place.clone(), source })
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
            let beside = free_beside(place)?;
            symlink(target, &beside)?;
            std::fs::rename(&beside, place)
        }
        Node::File { content, mode, owner } => {
            make_way(place, is_directory)?;
            let beside = free_beside(place)?;
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

/// Returns the name beside `place` under which what comes is made.
fn beside(place: &Path) -> io::Result<PathBuf> {
    let name = place.file_name().ok_or_else(|| io::Error::other("a place needs a name"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".nivis-new");
    Ok(place.with_file_name(hidden))
}

/// Returns the name beside `place`, at which nothing stands: what a crash left there goes.
fn free_beside(place: &Path) -> io::Result<PathBuf> {
    let beside = beside(place)?;
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(beside),
    }
}

/// Writes a file at once, for its owner alone, and returns when it is on the disk.
///
/// # Errors
///
/// When it cannot be written; what stood there before still does then.
pub(crate) fn write_file(place: &Path, content: Vec<u8>) -> io::Result<()> {
    put(place, &Node::File { content, mode: 0o600, owner: None })?;
    match place.parent() {
        Some(directory) => std::fs::File::open(directory)?.sync_all(),
        None => Ok(()),
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

/// Bytes as text for the journal.
mod base64_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&store::base64::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        store::base64::decode(text.as_bytes()).ok_or_else(|| D::Error::custom("not base-64"))
    }
}

#[cfg(test)]
mod tests;
