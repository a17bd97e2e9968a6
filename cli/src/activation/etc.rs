//! `/etc` as a tree of links into the system's etc object, and copies where a file must be one.
//!
//! `etc/static` is a link to the object, and each file is a link through it, so that most of a
//! switch is one rename. All links are relative: below a staging directory they lead into that
//! directory's store, from outside as from inside. A file `NAME.mode` in the object makes `NAME`
//! a copy with that mode (and `NAME.uid`, `NAME.gid`). Source: NixOS, `setup-etc.pl`.

use super::files::{ChangeError, Node, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// Links are followed this often inside the store before they count as a loop.
const LINKS_MAX: usize = 40;

/// Lists what stands in `/etc` without leading through `etc/static`.
const CLEAN: &str = "etc/.clean";

/// Where files are kept that no system put into `/etc` and that a system's own replace.
const REPLACED: &str = "var/lib/nivis/replaced";

/// Why `/etc` could not be planned.
#[derive(Debug)]
pub(crate) enum EtcError {
    /// A place in `/etc` cannot be changed.
    Change(ChangeError),
    /// A file of the etc object cannot be read.
    Read(PathBuf, io::Error),
    /// A link in the object makes no sense.
    Malformed(PathBuf, String),
}

impl std::fmt::Display for EtcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Change(error) => error.fmt(f),
            Self::Read(path, error) => write!(f, "reading `{}`: {error}", path.display()),
            Self::Malformed(path, what) => write!(f, "`{}`: {what}", path.display()),
        }
    }
}

impl std::error::Error for EtcError {}

impl From<ChangeError> for EtcError {
    fn from(error: ChangeError) -> Self {
        Self::Change(error)
    }
}

/// How a file is copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Copy {
    /// Its permissions, as for `chmod`.
    pub(crate) mode: u32,
    /// Its owner and group; none: whoever activates.
    pub(crate) owner: Option<(u32, u32)>,
}

/// What the plan needs to know besides the object.
pub(crate) struct Etc<'a> {
    /// The directory with the tree, as the system names it: `/nix/store/HASH-etc/etc`.
    pub(crate) object: &'a Path,
    /// The store directory, as the system names it.
    pub(crate) store_directory: &'a Path,
    /// The files that are copies.
    pub(crate) copies: &'a BTreeMap<PathBuf, Copy>,
}

/// Plans that `/etc` is what the object says.
///
/// # Errors
///
/// When the object cannot be read, or a place cannot be changed.
pub(crate) fn plan(transaction: &mut Transaction, etc: &Etc<'_>) -> Result<(), EtcError> {
    let root = transaction.root().to_owned();
    let below = etc.object.strip_prefix("/").unwrap_or(etc.object);
    let object = root.join(below);
    transaction.set("etc/static", Node::Link(Path::new("..").join(below)))?;

    let mut paths = Vec::new();
    list(&object, Path::new(""), &mut paths)?;
    let earlier = earlier(&root);
    let mut direct = BTreeSet::new();
    for path in &paths {
        let node = etc.node(&root, &object, path)?;
        if !is_static(&node) {
            direct.insert(path.clone());
        }
        let place = Path::new("etc").join(path);
        if !earlier.contains(path) {
            transaction.keep(&place, Path::new(REPLACED).join(&place))?;
        }
        transaction.set(place, node)?;
    }
    remove_obsolete(transaction, &earlier, &paths, &direct)
}

/// Returns what an earlier system put into `/etc`.
fn earlier(root: &Path) -> BTreeSet<PathBuf> {
    let clean = std::fs::read_to_string(root.join(CLEAN)).unwrap_or_default();
    let mut earlier: BTreeSet<PathBuf> = clean.lines().map(PathBuf::from).collect();
    static_links(&root.join("etc"), Path::new(""), &mut earlier);
    earlier
}

impl Etc<'_> {
    /// Says what stands in `/etc` for one file of the object.
    fn node(&self, root: &Path, object: &Path, path: &Path) -> Result<Node, EtcError> {
        let place = object.join(path);
        let up: PathBuf = path.components().skip(1).map(|_| "..").collect();
        let through_static = || Node::Link(up.join("static").join(path));
        if let Some(Copy { mode, owner }) = self.copies.get(path).copied() {
            let source = self.resolve(root, &place)?;
            let content = std::fs::read(&source).map_err(|error| EtcError::Read(source, error))?;
            return Ok(Node::File { content, mode, owner });
        }
        let metadata = std::fs::symlink_metadata(&place)
            .map_err(|error| EtcError::Read(place.clone(), error))?;
        if !metadata.file_type().is_symlink() {
            return Ok(through_static());
        }
        let target = read_link(&place)?;
        if !target.is_absolute() {
            return Ok(through_static());
        }
        if !target.starts_with(self.store_directory) {
            // A path of the system that is not in the store, and must not lead to the host's; but
            // `/dev/null` is known by its name.
            return Ok(match target.strip_prefix("/") {
                Ok(below) if !target.starts_with("/dev") => {
                    Node::Link(Path::new("..").join(up).join(below))
                }
                _ => Node::Link(target),
            });
        }
        let physical = self.resolve(root, &place)?;
        let inside = physical.strip_prefix(root).unwrap_or(&physical);
        Ok(Node::Link(Path::new("..").join(up).join(inside)))
    }

    /// Follows links inside the store, whose absolute targets lie below `root`.
    fn resolve(&self, root: &Path, place: &Path) -> Result<PathBuf, EtcError> {
        let mut place = place.to_owned();
        for _ in 0..LINKS_MAX {
            let is_link = std::fs::symlink_metadata(&place)
                .map_err(|error| EtcError::Read(place.clone(), error))?
                .file_type()
                .is_symlink();
            if !is_link {
                return Ok(place);
            }
            let target = read_link(&place)?;
            place = match target.strip_prefix("/") {
                Ok(below) if target.starts_with(self.store_directory) => root.join(below),
                Ok(_) => {
                    let what = format!("it leads to `{}`", target.display());
                    return Err(EtcError::Malformed(place, what));
                }
                Err(_) => place.parent().unwrap_or(root).join(target),
            };
        }
        Err(EtcError::Malformed(place, "too many links".to_owned()))
    }
}

fn read_link(place: &Path) -> Result<PathBuf, EtcError> {
    std::fs::read_link(place).map_err(|error| EtcError::Read(place.to_owned(), error))
}

/// Lists the files and links below `object`.
fn list(object: &Path, below: &Path, paths: &mut Vec<PathBuf>) -> Result<(), EtcError> {
    let directory = object.join(below);
    let failed = |error| EtcError::Read(directory.clone(), error);
    let mut entries = BTreeMap::new();
    for entry in std::fs::read_dir(&directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        entries.insert(entry.file_name(), entry.file_type().map_err(failed)?);
    }
    for (name, kind) in entries {
        let path = below.join(name);
        if kind.is_dir() {
            list(object, &path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

/// Tells whether a link leads through `etc/static`.
fn is_static(node: &Node) -> bool {
    match node {
        Node::Link(target) => {
            let mut parts = target.components().map(|part| part.as_os_str());
            let absolute = target.starts_with("/etc/static");
            absolute || parts.find(|part| *part != "..").is_some_and(|part| part == "static")
        }
        Node::Nothing | Node::File { .. } | Node::Directory { .. } => false,
    }
}

/// Plans that what an earlier system put into `/etc`, and this one does not, goes.
fn remove_obsolete(
    transaction: &mut Transaction,
    earlier: &BTreeSet<PathBuf>,
    paths: &[PathBuf],
    direct: &BTreeSet<PathBuf>,
) -> Result<(), EtcError> {
    let kept: BTreeSet<&Path> = paths.iter().map(PathBuf::as_path).collect();
    for path in earlier.iter().filter(|path| !kept.contains(path.as_path())) {
        transaction.set(Path::new("etc").join(path), Node::Nothing)?;
    }
    let mut text = String::new();
    for path in direct {
        text.push_str(&path.to_string_lossy());
        text.push('\n');
    }
    let node = Node::File { content: text.into_bytes(), mode: 0o644, owner: None };
    Ok(transaction.set(CLEAN, node)?)
}

/// Collects the links below `etc` that lead through `etc/static`.
fn static_links(etc: &Path, below: &Path, found: &mut BTreeSet<PathBuf>) {
    // The sources of a configuration may be large and hold no links of ours.
    if below == Path::new("nixos") {
        return;
    }
    let Ok(entries) = std::fs::read_dir(etc.join(below)) else { return };
    for entry in entries.flatten() {
        let path = below.join(entry.file_name());
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            static_links(etc, &path, found);
        } else if kind.is_symlink() {
            let target = std::fs::read_link(entry.path()).unwrap_or_default();
            if path != Path::new("static") && is_static(&Node::Link(target)) {
                found.insert(path);
            }
        }
    }
}

#[cfg(test)]
mod tests;
