//! The file system as a tree to archive.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::libc;

use crate::nar::{NodeKind, Tree};

/// How much of a file is read at a time, in bytes.
const BUFFER_SIZE: usize = 128 * 1024;

/// The real file system; paths are its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskTree;

impl Tree for DiskTree {
    fn kind(&self, path: &Path) -> io::Result<NodeKind> {
        Ok(kind_of(&fs::symlink_metadata(path)?))
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        Ok(fs::read_link(path)?.into_os_string().into_vec())
    }

    fn read_directory(&self, path: &Path) -> io::Result<Vec<Vec<u8>>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().as_bytes().to_vec())).collect()
    }

    fn read_file(&self, path: &Path, sink: &mut dyn Write) -> io::Result<()> {
        // A link or a pipe put in the file's place meanwhile is neither followed nor waited for.
        let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        copy(file, sink)
    }
}

fn copy(mut file: File, sink: &mut dyn Write) -> io::Result<()> {
    thread_local! {
        static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        buffer.resize(BUFFER_SIZE, 0);
        loop {
            let count = match file.read(buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            sink.write_all(buffer.get(..count).unwrap_or_default())?;
        }
    })
}

/// Returns the kind of node that `metadata`, of the node itself and not of a link's target, tells.
pub fn kind_of(metadata: &fs::Metadata) -> NodeKind {
    let kind = metadata.file_type();
    if kind.is_file() {
        let executable = metadata.permissions().mode() & 0o100 != 0;
        NodeKind::Regular { executable, size: metadata.len() }
    } else if kind.is_dir() {
        NodeKind::Directory
    } else if kind.is_symlink() {
        NodeKind::Symlink
    } else {
        NodeKind::Other
    }
}
