//! Zip archives to trees.
//!
//! Their table of contents is at the end, so the whole archive is read first.

use std::io::{self, Cursor, Read};

use zip::ZipArchive;
use zip::extra_fields::ExtraField;
use zip::result::ZipError;

use super::tarball::{Contents, Made, Unpacked};
use super::transport::Problem;

/// How large an archive may be, in bytes.
const ARCHIVE_MAX_BYTES: u64 = 2 << 30;
/// How long the target of a link may be, in bytes.
const TARGET_MAX_BYTES: u64 = 64 << 10;

/// Unpacks an archive; a single directory at its top gives way to what is in it.
pub(super) fn read(archive: impl Read) -> Result<Contents, Problem> {
    let mut bytes = Vec::new();
    let mut limited = archive.take(ARCHIVE_MAX_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(|error| Problem::of_body(&error))?;
    if bytes.len() as u64 > ARCHIVE_MAX_BYTES {
        return Err(Problem::of_archive("it is too large"));
    }
    unpack(Cursor::new(bytes)).map_err(|error| Problem::of_archive(error.to_string()))
}

fn unpack(bytes: Cursor<Vec<u8>>) -> io::Result<Contents> {
    let mut archive = ZipArchive::new(bytes).map_err(explained)?;
    let mut unpacked = Unpacked::default();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(explained)?;
        let path = entry.name_raw().to_vec();
        let modified = entry.extra_data_fields().find_map(|field| match field {
            ExtraField::ExtendedTimestamp(times) => times.mod_time(),
            _ => None,
        });
        let modified = u64::from(modified.unwrap_or_default());
        if entry.is_symlink() {
            let mut target = Vec::new();
            (&mut entry).take(TARGET_MAX_BYTES).read_to_end(&mut target)?;
            unpacked.make(&path, modified, Made::Link(target))?;
            continue;
        }
        let made = if entry.is_dir() {
            Made::Directory
        } else {
            let executable = entry.unix_mode().is_some_and(|mode| mode & 0o100 != 0);
            Made::File { executable, size: entry.size(), contents: &mut entry }
        };
        unpacked.make(&path, modified, made)?;
    }
    Ok(unpacked.contents())
}

fn explained(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
