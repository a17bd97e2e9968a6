//! The Nix archive (NAR): one file system tree as one stream of bytes.
//!
//! Strings are a little-endian 64-bit length, the bytes, and zeros up to a multiple of eight.
//! A node is `( type regular [executable ""] contents … )`, `( type symlink target … )` or
//! `( type directory entry ( name N node … ) … )` with the entries in byte order, so that a tree
//! has exactly one archive: times, owners and other permissions are not in it.

pub mod disk;
pub mod listing;
pub mod memory;
pub mod reader;
pub mod restore;
pub mod writer;

use std::io;
use std::path::Path;

/// What an archive begins with.
pub const MAGIC: &str = "nix-archive-1";

/// The deepest nesting of directories that an archive may have.
pub const MAX_DEPTH: usize = 64;

/// The longest name of a directory entry, in bytes.
pub const MAX_NAME_LENGTH: u64 = 255;

/// The longest target of a symbolic link, in bytes.
pub const MAX_TARGET_LENGTH: u64 = 4095;

/// What a node of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file.
    Regular {
        /// Whether its owner may execute it.
        executable: bool,
        /// The length of its contents, in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, socket or pipe, which archives cannot hold.
    Other,
}

/// A file system tree to read from: a directory of the disk, of memory, of a fetched archive.
///
/// Paths are those that the caller began with, extended by the names that
/// [`read_directory`](Tree::read_directory) returned; nothing resolves symbolic links.
pub trait Tree {
    /// Returns what is at `path`.
    fn kind(&self, path: &Path) -> io::Result<NodeKind>;

    /// Returns the target of the symbolic link at `path`.
    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Returns the names in the directory at `path`, in any order, without `.` and `..`.
    fn read_directory(&self, path: &Path) -> io::Result<Vec<Vec<u8>>>;

    /// Writes the contents of the regular file at `path` to `sink`.
    ///
    /// They are exactly as long as [`kind`](Tree::kind) said, or it is an error.
    fn read_file(&self, path: &Path, sink: &mut dyn io::Write) -> io::Result<()>;
}

impl<T: Tree + ?Sized> Tree for std::sync::Arc<T> {
    fn kind(&self, path: &Path) -> io::Result<NodeKind> {
        (**self).kind(path)
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        (**self).read_link(path)
    }

    fn read_directory(&self, path: &Path) -> io::Result<Vec<Vec<u8>>> {
        (**self).read_directory(path)
    }

    fn read_file(&self, path: &Path, sink: &mut dyn io::Write) -> io::Result<()> {
        (**self).read_file(path, sink)
    }
}

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum NarError {
    /// The stream is no archive, or one that no honest writer makes.
    #[error("bad archive at byte {offset}: {problem}")]
    Malformed {
        /// Where, in bytes from the beginning.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
    /// The stream could not be read, or what it unpacks to could not be written.
    #[error("cannot read archive")]
    Read(#[source] io::Error),
    /// Unpacking to disk failed.
    #[error("cannot unpack archive to '{path}'")]
    Unpack {
        /// The path that could not be made.
        path: std::path::PathBuf,
        /// Why not.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests;
