//! The host's real files.

use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use eval::system::{FileType, System};

/// The disk, without variables and without a clock.
pub(crate) struct Disk;

fn place(path: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(path))
}

fn kind(metadata: &std::fs::Metadata) -> FileType {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        FileType::Symlink
    } else if kind.is_dir() {
        FileType::Directory
    } else {
        FileType::Regular { executable: metadata.permissions().mode() & 0o100 != 0 }
    }
}

impl System for Disk {
    fn read_file(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        std::fs::read(place(path))
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileType)>> {
        let entries = std::fs::read_dir(place(path))?.map(|entry| {
            let entry = entry?;
            Ok((entry.file_name().into_vec(), kind(&entry.metadata()?)))
        });
        entries.collect()
    }

    fn file_type(&self, path: &[u8]) -> io::Result<FileType> {
        Ok(kind(&std::fs::symlink_metadata(place(path))?))
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        Ok(std::fs::read_link(place(path))?.into_os_string().into_vec())
    }

    fn env(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn current_time(&self) -> i64 {
        0
    }

    fn message(&self, _: &[u8]) {}
}
