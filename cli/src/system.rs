//! The real host, as the evaluator may see it.

use crate::ui::Ui;
use eval::system::{FileType, System};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The host's files, environment, clock and terminal.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Host {
    ui: Ui,
}

impl Host {
    /// Returns the host, whose messages go to `ui`.
    pub(crate) fn new(ui: Ui) -> Self {
        Self { ui }
    }
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn file_type(metadata: &std::fs::Metadata) -> FileType {
    let kind = metadata.file_type();
    if kind.is_file() {
        FileType::Regular { executable: metadata.permissions().mode() & 0o100 != 0 }
    } else if kind.is_dir() {
        FileType::Directory
    } else if kind.is_symlink() {
        FileType::Symlink
    } else {
        FileType::Unknown
    }
}

impl System for Host {
    fn read_file(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        std::fs::read(path(bytes))
    }

    fn read_dir(&self, bytes: &[u8]) -> io::Result<Vec<(Vec<u8>, FileType)>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path(bytes))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            // Only a regular file needs another look, for its mode.
            let kind = if kind.is_dir() {
                FileType::Directory
            } else if kind.is_symlink() {
                FileType::Symlink
            } else if kind.is_file() {
                file_type(&entry.metadata()?)
            } else {
                FileType::Unknown
            };
            entries.push((entry.file_name().into_vec(), kind));
        }
        Ok(entries)
    }

    fn file_type(&self, bytes: &[u8]) -> io::Result<FileType> {
        Ok(file_type(&std::fs::symlink_metadata(path(bytes))?))
    }

    fn read_link(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        Ok(std::fs::read_link(path(bytes))?.into_os_string().into_vec())
    }

    fn env(&self, name: &[u8]) -> Option<Vec<u8>> {
        // The host's interface takes no name with `=` or NUL, and such a variable cannot exist.
        if name.is_empty() || name.contains(&b'=') || name.contains(&0) {
            return None;
        }
        std::env::var_os(OsStr::from_bytes(name)).map(OsStringExt::into_vec)
    }

    fn current_time(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    fn message(&self, text: &[u8]) {
        self.ui.pass(text);
        self.ui.pass(b"\n");
    }
}

#[cfg(test)]
mod tests {
    use super::Host;
    use eval::system::{FileType, System as _};
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn files_are_told_as_they_are() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("a");
        std::fs::write(&file, "x").expect("a file");
        std::os::unix::fs::symlink("a", directory.path().join("b")).expect("a link");
        let host = Host::default();
        let mut entries = host.read_dir(directory.path().as_os_str().as_bytes()).expect("entries");
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let regular = FileType::Regular { executable: false };
        assert_eq!(entries, [(b"a".to_vec(), regular), (b"b".to_vec(), FileType::Symlink)]);
        assert_eq!(host.file_type(file.as_os_str().as_bytes()).expect("a type"), regular);
        assert!(host.env(b"a=b").is_none());
    }
}
