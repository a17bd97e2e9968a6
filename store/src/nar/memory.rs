//! A file system tree in memory.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use crate::nar::reader::{Contents, Visitor, read_nar};
use crate::nar::{NarError, NodeKind, Tree};

/// A node of a tree held in memory; as a [`Tree`], paths are relative to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryTree {
    /// A regular file.
    Regular {
        /// Whether it may be executed.
        executable: bool,
        /// What it holds.
        contents: Vec<u8>,
    },
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
    /// A directory and what is in it.
    Directory(BTreeMap<Vec<u8>, MemoryTree>),
}

impl MemoryTree {
    /// Returns a file that is not executable.
    pub fn file(contents: impl Into<Vec<u8>>) -> MemoryTree {
        MemoryTree::Regular { executable: false, contents: contents.into() }
    }

    /// Unpacks the archive in `stream`.
    ///
    /// # Errors
    ///
    /// As [`read_nar`].
    pub fn from_nar(stream: &mut dyn Read) -> Result<MemoryTree, NarError> {
        let mut builder = Builder { open: Vec::new(), root: None };
        read_nar(stream, &mut builder)?;
        builder
            .root
            .ok_or(NarError::Malformed { offset: 0, problem: "the archive is empty".to_owned() })
    }

    /// Returns the node at `path`, relative to this one, without following links.
    pub fn find(&self, path: &Path) -> Option<&MemoryTree> {
        let mut node = self;
        for component in path.components() {
            match (component, node) {
                (Component::RootDir | Component::CurDir, _) => {}
                (Component::Normal(name), MemoryTree::Directory(entries)) => {
                    node = entries.get(name.as_bytes())?;
                }
                _ => return None,
            }
        }
        Some(node)
    }

    fn found(&self, path: &Path) -> io::Result<&MemoryTree> {
        self.find(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Tree for MemoryTree {
    fn kind(&self, path: &Path) -> io::Result<NodeKind> {
        Ok(match self.found(path)? {
            MemoryTree::Regular { executable, contents } => {
                NodeKind::Regular { executable: *executable, size: contents.len() as u64 }
            }
            MemoryTree::Symlink(_) => NodeKind::Symlink,
            MemoryTree::Directory(_) => NodeKind::Directory,
        })
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.found(path)? {
            MemoryTree::Symlink(target) => Ok(target.clone()),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn read_directory(&self, path: &Path) -> io::Result<Vec<Vec<u8>>> {
        match self.found(path)? {
            MemoryTree::Directory(entries) => Ok(entries.keys().cloned().collect()),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn read_file(&self, path: &Path, sink: &mut dyn Write) -> io::Result<()> {
        match self.found(path)? {
            MemoryTree::Regular { contents, .. } => sink.write_all(contents),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

type Entries = BTreeMap<Vec<u8>, MemoryTree>;

struct Builder {
    open: Vec<(Vec<u8>, Entries)>,
    root: Option<MemoryTree>,
}

impl Builder {
    fn add(&mut self, name: &[u8], node: MemoryTree) {
        match self.open.last_mut() {
            Some((_, entries)) => {
                entries.insert(name.to_vec(), node);
            }
            None => self.root = Some(node),
        }
    }
}

impl Visitor for Builder {
    fn enter_directory(&mut self, name: &[u8]) -> Result<(), NarError> {
        self.open.push((name.to_vec(), BTreeMap::new()));
        Ok(())
    }

    fn leave_directory(&mut self) -> Result<(), NarError> {
        if let Some((name, entries)) = self.open.pop() {
            self.add(&name, MemoryTree::Directory(entries));
        }
        Ok(())
    }

    fn file(
        &mut self,
        name: &[u8],
        executable: bool,
        contents: &mut Contents<'_>,
    ) -> Result<(), NarError> {
        let mut bytes = Vec::new();
        contents.read_to_end(&mut bytes).map_err(NarError::Read)?;
        self.add(name, MemoryTree::Regular { executable, contents: bytes });
        Ok(())
    }

    fn symlink(&mut self, name: &[u8], target: &[u8]) -> Result<(), NarError> {
        self.add(name, MemoryTree::Symlink(target.to_vec()));
        Ok(())
    }
}
