//! The hashes of a tree that is being added: of its archive, and of what its path follows from.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::content_address::{ContentAddress, FileMethod};
use crate::error::{AddError, StoreError};
use crate::hash::{Hash, HashAlgorithm, Hasher};
use crate::nar::writer::{Filter, write_nar};
use crate::nar::{NodeKind, Tree};
use crate::path::{StoreDirectory, StorePath};
use crate::path_info::PathInfo;

/// What adding a tree needs to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHash {
    /// The SHA-256 of its archive.
    pub nar_hash: Hash,
    /// The length of its archive, in bytes.
    pub nar_size: u64,
    /// What its path follows from.
    pub address: ContentAddress,
}

/// Writes to two sinks at once.
pub(crate) struct Tee<'s>(pub(crate) &'s mut dyn Write, pub(crate) &'s mut dyn Write);

impl Write for Tee<'_> {
    fn write(&mut self, contents: &[u8]) -> io::Result<usize> {
        self.0.write_all(contents)?;
        self.1.write_all(contents)?;
        Ok(contents.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        self.1.flush()
    }
}

impl TreeHash {
    /// Reads what `tree` has at `path` once, and sends its archive on to `archive`.
    ///
    /// # Errors
    ///
    /// A tree that has no archive; one to be hashed flat that is no plain file.
    pub fn of(
        tree: &dyn Tree,
        path: &Path,
        filter: &mut Filter<'_>,
        method: FileMethod,
        algorithm: HashAlgorithm,
        archive: &mut dyn Write,
    ) -> Result<TreeHash, AddError> {
        let mut nar = Hasher::new(HashAlgorithm::Sha256);
        let mut other = Hasher::new(algorithm);
        let needs_other = method == FileMethod::Recursive && algorithm != HashAlgorithm::Sha256;
        let tree_error = |source| AddError::Tree { path: path.to_path_buf(), source };
        let plain = PlainFile(tree);
        let tree = if method == FileMethod::Flat {
            check_flat(tree, path)?;
            let read_error =
                |source| StoreError::File { action: "read", path: path.to_path_buf(), source };
            tree.read_file(path, &mut other).map_err(read_error)?;
            &plain
        } else {
            tree
        };
        let mut sink = Tee(&mut nar, archive);
        if needs_other {
            write_nar(tree, path, filter, &mut Tee(&mut sink, &mut other)).map_err(tree_error)?;
        } else {
            write_nar(tree, path, filter, &mut sink).map_err(tree_error)?;
        }
        let nar_size = nar.length();
        let nar_hash = nar.finish();
        let is_nar_hash = method == FileMethod::Recursive && !needs_other;
        let digest = if is_nar_hash { nar_hash } else { other.finish() };
        Ok(TreeHash { nar_hash, nar_size, address: ContentAddress::Fixed { method, digest } })
    }

    /// Returns the record of the tree as an object called `name`.
    ///
    /// # Errors
    ///
    /// A bad name.
    pub fn path_info(
        &self,
        directory: &StoreDirectory,
        name: &str,
        references: &BTreeSet<StorePath>,
    ) -> Result<PathInfo, StoreError> {
        let path = directory.content_path(name, &self.address, references, false)?;
        let mut info = PathInfo::new(path, self.nar_hash, self.nar_size);
        info.references.clone_from(references);
        info.content_address = Some(self.address);
        Ok(info)
    }
}

/// A regular file as it is stored when hashed flat: without the permission to execute it.
struct PlainFile<'t>(&'t dyn Tree);

impl Tree for PlainFile<'_> {
    fn kind(&self, path: &Path) -> io::Result<NodeKind> {
        Ok(match self.0.kind(path)? {
            NodeKind::Regular { size, .. } => NodeKind::Regular { executable: false, size },
            other => other,
        })
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.read_link(path)
    }

    fn read_directory(&self, path: &Path) -> io::Result<Vec<Vec<u8>>> {
        self.0.read_directory(path)
    }

    fn read_file(&self, path: &Path, sink: &mut dyn Write) -> io::Result<()> {
        self.0.read_file(path, sink)
    }
}

fn check_flat(tree: &dyn Tree, path: &Path) -> Result<(), AddError> {
    match tree.kind(path) {
        Ok(NodeKind::Regular { .. }) => Ok(()),
        Ok(_) => Err(AddError::NotFlat { path: path.to_path_buf() }),
        Err(source) => {
            Err(StoreError::File { action: "read", path: path.to_path_buf(), source }.into())
        }
    }
}

/// An archive that is hashed while it is read, to be compared with what was announced.
pub(crate) struct CheckedNar<'r> {
    stream: &'r mut dyn Read,
    hasher: Hasher,
}

impl<'r> CheckedNar<'r> {
    pub(crate) fn new(stream: &'r mut dyn Read) -> CheckedNar<'r> {
        CheckedNar { stream, hasher: Hasher::new(HashAlgorithm::Sha256) }
    }

    /// Compares what was read with `info`; `path` is for messages.
    pub(crate) fn finish(self, path: &str, info: &PathInfo) -> Result<(), AddError> {
        let size = self.hasher.length();
        let found = self.hasher.finish();
        if found != info.nar_hash {
            return Err(AddError::HashMismatch {
                path: path.to_owned(),
                expected: Box::new(info.nar_hash),
                found: Box::new(found),
            });
        }
        if size != info.nar_size {
            let (path, expected) = (path.to_owned(), info.nar_size);
            return Err(AddError::SizeMismatch { path, expected, found: size });
        }
        Ok(())
    }
}

impl Read for CheckedNar<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
