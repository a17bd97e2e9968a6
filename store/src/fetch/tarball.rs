//! Archives to trees: tar in any compression, and zip.
//!
//! The tree is made in memory, so that no name and no link in an archive leads anywhere. Only what
//! a store object can hold is kept: whether the owner may execute a file, but no times, owners or
//! other permissions.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use tar::{Archive, Entry, EntryType};

use super::compression::Compression;
use super::transport::Problem;
use super::zip;
use crate::nar::memory::MemoryTree;

/// How large a tree may be, in bytes of its files.
const TREE_MAX_BYTES: u64 = 4 << 30;
/// How many of these bytes an entry without contents counts.
const ENTRY_BYTES: u64 = 256;
/// How deep a tree may be, in names.
const DEPTH_MAX: usize = 1024;

/// What an archive holds.
pub(super) struct Contents {
    pub(super) tree: MemoryTree,
    /// When its youngest entry changed last, in seconds since 1970.
    pub(super) modified: u64,
}

/// Unpacks an archive; a single directory at its top gives way to what is in it.
pub(super) fn read(archive: Box<dyn Read>) -> Result<Contents, Problem> {
    let mut archive = BufReader::with_capacity(64 << 10, archive);
    let start = archive.fill_buf().map_err(|error| Problem::of_body(&error))?;
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return zip::read(archive);
    }
    let decompressed =
        Compression::of_start(start).reader(archive).map_err(|error| Problem::of_body(&error))?;
    let mut unpacked = Unpacked::default();
    // What ends early or stalls may be whole another time; what is no archive never is.
    let explain = |error: io::Error| Problem {
        may_pass: matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::TimedOut | io::ErrorKind::ConnectionReset
        ),
        ..Problem::of_archive(match error.to_string().as_str() {
            "incomplete deflate stream" => "truncated gzip input",
            words => words,
        })
    };
    let mut archive = Archive::new(BufReader::with_capacity(64 << 10, decompressed));
    let mut is_empty = true;
    for entry in archive.entries().map_err(explain)? {
        if is_empty && let Err(error) = &entry {
            if error.kind() == io::ErrorKind::ConnectionAborted {
                return Err(Problem::lasting(error.to_string()));
            }
            return Err(Problem::of_archive("Unrecognized archive format"));
        }
        unpacked.add(entry.map_err(explain)?).map_err(explain)?;
        is_empty = false;
    }
    if is_empty {
        return Err(Problem::of_archive("Unrecognized archive format"));
    }
    Ok(unpacked.contents())
}

type Entries = BTreeMap<Vec<u8>, MemoryTree>;

/// A tree that is being unpacked.
#[derive(Default)]
pub(super) struct Unpacked {
    root: Entries,
    size: u64,
    modified: u64,
}

/// What an archive has in one place.
pub(super) enum Made<'r> {
    Directory,
    File {
        executable: bool,
        size: u64,
        contents: &'r mut dyn Read,
    },
    /// A symbolic link to a place.
    Link(Vec<u8>),
    /// Another name of a file before it.
    Same(Vec<u8>),
    /// What no store object can hold.
    Other,
}

impl Unpacked {
    /// Adds an entry of a tar archive.
    fn add(&mut self, mut entry: Entry<'_, impl Read>) -> io::Result<()> {
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return Ok(());
        }
        let path = entry.path_bytes().into_owned();
        // Where it leads is looked at before anything else of it.
        place(&path)?;
        let modified = entry.header().mtime().unwrap_or(0);
        let made = match kind {
            EntryType::Directory => Made::Directory,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let executable = entry.header().mode()? & 0o100 != 0;
                Made::File { executable, size: entry.size(), contents: &mut entry }
            }
            EntryType::Symlink => Made::Link(link(&entry)?),
            EntryType::Link => Made::Same(link(&entry)?),
            _ => Made::Other,
        };
        self.make(&path, modified, made)
    }

    /// Makes what an archive has at `path`, changed last at `modified` (seconds since 1970).
    ///
    /// # Errors
    ///
    /// A path that leads out of the archive, what no store object can hold, too many bytes.
    pub(super) fn make(&mut self, path: &[u8], modified: u64, made: Made<'_>) -> io::Result<()> {
        self.modified = self.modified.max(modified);
        let Some(Place { name, mut above }) = place(path)? else { return Ok(()) };
        self.count(ENTRY_BYTES)?;
        let node = match made {
            Made::Directory => {
                above.push(name);
                return self.directory(&above).map(drop);
            }
            Made::File { executable, size, contents: from } => {
                self.count(size)?;
                let mut contents = Vec::new();
                // What an archive says of the size need not be true.
                from.take(size.saturating_add(1)).read_to_end(&mut contents)?;
                MemoryTree::Regular { executable, contents }
            }
            Made::Link(target) => MemoryTree::Symlink(target),
            Made::Same(target) => self.linked(&target)?,
            Made::Other => {
                let shown = String::from_utf8_lossy(&name).into_owned();
                let message = format!("'{shown}' is neither a file, a link nor a directory");
                return Err(io::Error::other(message));
            }
        };
        self.directory(&above)?.insert(name, node);
        Ok(())
    }

    /// Returns the entries of a directory, which is made if it is not there.
    fn directory(&mut self, names: &[Vec<u8>]) -> io::Result<&mut Entries> {
        let mut entries = &mut self.root;
        for name in names {
            let node = entries.entry(name.clone());
            match node.or_insert_with(|| MemoryTree::Directory(BTreeMap::new())) {
                MemoryTree::Directory(inner) => entries = inner,
                MemoryTree::Regular { .. } | MemoryTree::Symlink(_) => {
                    let name = String::from_utf8_lossy(name);
                    let message = format!("'{name}' is a directory and something else");
                    return Err(io::Error::other(message));
                }
            }
        }
        Ok(entries)
    }

    /// Returns a copy of the file that a hard link names.
    fn linked(&mut self, target: &[u8]) -> io::Result<MemoryTree> {
        let missing = || {
            let target = String::from_utf8_lossy(target);
            io::Error::other(format!("a link leads to '{target}', which is no file before it"))
        };
        let Place { name, above } = place(target)?.ok_or_else(missing)?;
        let node = match self.directory(&above)?.get(&name) {
            Some(MemoryTree::Directory(_)) | None => return Err(missing()),
            Some(node) => node.clone(),
        };
        if let MemoryTree::Regular { contents, .. } = &node {
            self.count(contents.len() as u64)?;
        }
        Ok(node)
    }

    /// Counts bytes against the limit.
    fn count(&mut self, bytes: u64) -> io::Result<()> {
        self.size = self.size.saturating_add(bytes);
        if self.size > TREE_MAX_BYTES { Err(io::Error::other("it is too large")) } else { Ok(()) }
    }

    /// Returns what was unpacked; a single directory at the top gives way to what is in it.
    pub(super) fn contents(self) -> Contents {
        let modified = self.modified;
        Contents { tree: self.tree(), modified }
    }

    fn tree(mut self) -> MemoryTree {
        if self.root.len() == 1
            && let Some(only) = self.root.first_entry()
            && matches!(only.get(), MemoryTree::Directory(_))
        {
            return only.remove();
        }
        MemoryTree::Directory(self.root)
    }
}

fn link(entry: &Entry<'_, impl Read>) -> io::Result<Vec<u8>> {
    match entry.link_name_bytes() {
        Some(target) => Ok(target.into_owned()),
        None => Err(io::Error::other("a link leads nowhere")),
    }
}

/// Where something is in a tree: its name, and those of the directories above it.
struct Place {
    name: Vec<u8>,
    above: Vec<Vec<u8>>,
}

/// Returns where a path of an archive leads; `None` for the top itself.
///
/// # Errors
///
/// A path that leads out of the archive.
fn place(path: &[u8]) -> io::Result<Option<Place>> {
    let path = Path::new(OsStr::from_bytes(path));
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.as_bytes().to_vec()),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                let shown = path.display();
                return Err(io::Error::other(format!("the path '{shown}' leads out of it")));
            }
        }
    }
    if names.len() > DEPTH_MAX {
        let message = format!("a path has more than {DEPTH_MAX} names");
        return Err(io::Error::other(message));
    }
    Ok(names.pop().map(|last| Place { name: last, above: names }))
}
