//! Writing archives.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::nar::{MAGIC, MAX_DEPTH, NodeKind, Tree};

/// Why a tree has no archive.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The tree could not be read.
    #[error("cannot read '{path}'")]
    Read {
        /// The path in the tree.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The archive could not be written.
    #[error("cannot write archive")]
    Write(#[from] io::Error),
    /// A node is no regular file, directory or symbolic link.
    #[error("file '{path}' has an unsupported type")]
    Unsupported {
        /// The path in the tree.
        path: PathBuf,
    },
    /// Directories nest deeper than [`MAX_DEPTH`].
    #[error("directory '{path}' is nested more than {MAX_DEPTH} levels deep")]
    TooDeep {
        /// The path in the tree.
        path: PathBuf,
    },
    /// A file's length is not what it was when its header was written.
    #[error("'{path}' changed while it was read")]
    Changed {
        /// The path in the tree.
        path: PathBuf,
    },
    /// The filter wants the writing to end; what for, it keeps to itself.
    #[error("the filter stopped the archive")]
    Stopped,
}

/// What a filter returns to end the writing; the filter's owner keeps the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// Says of each node but the first whether it belongs into the archive.
pub type Filter<'f> = dyn FnMut(&Path, NodeKind) -> Result<bool, Stopped> + 'f;

/// Lets every node into the archive.
pub fn everything(_: &Path, _: NodeKind) -> Result<bool, Stopped> {
    Ok(true)
}

/// Writes the archive of what `tree` has at `path`, without what `filter` refuses.
///
/// `filter` is asked once per entry, in the order in which a recursive walk meets them: an entry's
/// own contents before the next entry. Entries come in byte order.
///
/// # Errors
///
/// A tree that cannot be read, holds what archives cannot, nests too deep or changes meanwhile; a
/// `sink` that fails; a `filter` that stops.
pub fn write_nar(
    tree: &dyn Tree,
    path: &Path,
    filter: &mut Filter<'_>,
    sink: &mut dyn Write,
) -> Result<(), WriteError> {
    write_string(sink, MAGIC.as_bytes())?;
    let mut writer = Writer { tree, filter, sink };
    writer.node(path.to_path_buf())
}

struct Writer<'w, 'f> {
    tree: &'w dyn Tree,
    filter: &'w mut Filter<'f>,
    sink: &'w mut dyn Write,
}

/// A directory whose entries are being written.
struct Open {
    path: PathBuf,
    /// The names still to come, last first.
    names: Vec<Vec<u8>>,
}

impl Writer<'_, '_> {
    fn node(&mut self, root: PathBuf) -> Result<(), WriteError> {
        let mut open: Vec<Open> = Vec::new();
        let kind = self.kind(&root)?;
        self.begin(root, kind, &mut open)?;
        while let Some(directory) = open.last_mut() {
            let Some(name) = directory.names.pop() else {
                open.pop();
                write_string(self.sink, b")")?;
                if !open.is_empty() {
                    write_string(self.sink, b")")?;
                }
                continue;
            };
            let path = directory.path.join(OsStr::from_bytes(&name));
            let kind = self.kind(&path)?;
            if !(self.filter)(&path, kind).map_err(|Stopped| WriteError::Stopped)? {
                continue;
            }
            write_string(self.sink, b"entry")?;
            write_string(self.sink, b"(")?;
            write_string(self.sink, b"name")?;
            write_string(self.sink, &name)?;
            write_string(self.sink, b"node")?;
            if !self.begin(path, kind, &mut open)? {
                write_string(self.sink, b")")?;
            }
        }
        Ok(())
    }

    fn kind(&self, path: &Path) -> Result<NodeKind, WriteError> {
        self.tree.kind(path).map_err(|source| WriteError::Read { path: path.to_path_buf(), source })
    }

    /// Writes a file or link whole, or opens a directory; returns whether it did the latter.
    fn begin(
        &mut self,
        path: PathBuf,
        kind: NodeKind,
        open: &mut Vec<Open>,
    ) -> Result<bool, WriteError> {
        write_string(self.sink, b"(")?;
        write_string(self.sink, b"type")?;
        match kind {
            NodeKind::Regular { executable, size } => {
                write_string(self.sink, b"regular")?;
                if executable {
                    write_string(self.sink, b"executable")?;
                    write_string(self.sink, b"")?;
                }
                write_string(self.sink, b"contents")?;
                self.contents(path, size)?;
            }
            NodeKind::Symlink => {
                let target = match self.tree.read_link(&path) {
                    Ok(target) => target,
                    Err(source) => return Err(WriteError::Read { path, source }),
                };
                write_string(self.sink, b"symlink")?;
                write_string(self.sink, b"target")?;
                write_string(self.sink, &target)?;
            }
            NodeKind::Directory => {
                if open.len() >= MAX_DEPTH {
                    return Err(WriteError::TooDeep { path });
                }
                let mut names = match self.tree.read_directory(&path) {
                    Ok(names) => names,
                    Err(source) => return Err(WriteError::Read { path, source }),
                };
                names.sort_unstable_by(|left, right| right.cmp(left));
                write_string(self.sink, b"directory")?;
                open.push(Open { path, names });
                return Ok(true);
            }
            NodeKind::Other => return Err(WriteError::Unsupported { path }),
        }
        write_string(self.sink, b")")?;
        Ok(false)
    }

    fn contents(&mut self, path: PathBuf, size: u64) -> Result<(), WriteError> {
        self.sink.write_all(&size.to_le_bytes())?;
        let mut exact = Exact { sink: &mut *self.sink, left: size, overrun: false, failed: false };
        let read = self.tree.read_file(&path, &mut exact);
        let Exact { left, overrun, failed, .. } = exact;
        match read {
            _ if overrun => return Err(WriteError::Changed { path }),
            Err(source) if failed => return Err(WriteError::Write(source)),
            Err(source) => return Err(WriteError::Read { path, source }),
            Ok(()) if left > 0 => return Err(WriteError::Changed { path }),
            Ok(()) => {}
        }
        write_padding(self.sink, size)?;
        Ok(())
    }
}

/// Lets through exactly as many bytes as the header promised.
struct Exact<'s> {
    sink: &'s mut dyn Write,
    left: u64,
    overrun: bool,
    /// Whether it was the sink that failed, not the file.
    failed: bool,
}

impl Write for Exact<'_> {
    fn write(&mut self, contents: &[u8]) -> io::Result<usize> {
        if contents.len() as u64 > self.left {
            self.overrun = true;
            return Err(io::Error::other("file grew while it was read"));
        }
        match self.sink.write_all(contents) {
            Ok(()) => self.left -= contents.len() as u64,
            Err(error) => {
                self.failed = true;
                return Err(error);
            }
        }
        Ok(contents.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Writes a string as archives and the protocols do: length, bytes, zeros up to eight.
pub fn write_string(sink: &mut dyn Write, value: &[u8]) -> io::Result<()> {
    let padded = value.len().next_multiple_of(8);
    // Nearly every string of an archive fits here, so that it is one write.
    let mut buffer = [0u8; 64];
    match buffer.get_mut(..8 + padded) {
        Some(buffer) => {
            let (length, rest) = buffer.split_at_mut(8);
            length.copy_from_slice(&(value.len() as u64).to_le_bytes());
            rest.split_at_mut(value.len()).0.copy_from_slice(value);
            sink.write_all(buffer)
        }
        None => {
            sink.write_all(&(value.len() as u64).to_le_bytes())?;
            sink.write_all(value)?;
            write_padding(sink, value.len() as u64)
        }
    }
}

fn write_padding(sink: &mut dyn Write, length: u64) -> io::Result<()> {
    let padding = (8 - length % 8) % 8;
    sink.write_all([0u8; 8].split_at(padding as usize).0)
}
