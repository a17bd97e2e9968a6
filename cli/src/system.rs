//! The real host, as the evaluator may see it.

use crate::compiled_files::CompiledFiles;
use crate::ui::Ui;
use eval::compiled::Key;
use eval::system::{FileType, System};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{Store, StorePath};

/// How long a file must have been left alone before its times tell one state from another.
const SETTLED: Duration = Duration::from_secs(2);

/// The host's files, environment, clock and terminal.
///
/// A store may keep its files elsewhere than where its paths say; what the host itself does not
/// have is looked for there. Source: CppNix, `EvalState::rootFS`.
#[derive(Clone, Default, Debug)]
pub(crate) struct Host {
    ui: Ui,
    /// The store's directory as paths have it, and as it really is, if that differs.
    store: Option<(PathBuf, PathBuf)>,
    compiled: Option<Arc<CompiledFiles>>,
}

impl Host {
    /// Returns the host, whose messages go to `ui`.
    pub(crate) fn new(ui: Ui) -> Self {
        Self { ui, store: None, compiled: None }
    }

    /// Returns the host with the files of `store`, whose messages go to `ui`.
    pub(crate) fn with_store(ui: Ui, store: &dyn Store) -> Self {
        let logical = PathBuf::from(store.directory().as_str());
        let any = StorePath::new(&[0; 20], "x").map(|path| store.real_path(&path));
        let real = any.ok().and_then(|path| path.parent().map(Path::to_owned));
        let store = real.filter(|real| *real != logical).map(|real| (logical, real));
        Self { ui, store, compiled: None }
    }

    /// Returns the same host, which keeps compiled files below `cache`.
    pub(crate) fn with_cache(self, cache: Option<&Path>) -> Self {
        let compiled = cache.map(|cache| Arc::new(CompiledFiles::below(cache)));
        Self { compiled, ..self }
    }

    /// Does what `look` does on the host, or where the store's files really are.
    fn look<T>(&self, bytes: &[u8], look: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
        let found = look(path(bytes));
        match (&found, &self.store) {
            (Err(error), Some((logical, real))) if error.kind() == io::ErrorKind::NotFound => {
                match path(bytes).strip_prefix(logical) {
                    Ok(rest) => look(&real.join(rest)).or(found),
                    Err(_) => found,
                }
            }
            _ => found,
        }
    }
}

/// The most bytes that the oracle reads of a file at once.
const READ_MAX: u64 = 1 << 16;

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

/// Reads as much of a file as its size says.
///
/// A device has no size, so that it reads as empty; a pipe or a socket is refused, because it may
/// never have anything. Source: CppNix, `PosixSourceAccessor::readFile`.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    let kind = metadata.file_type();
    if kind.is_fifo() || kind.is_socket() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "file has an unsupported type"));
    }
    let size = metadata.len();
    if kind.is_dir() {
        // The oracle's words, which tell what it asked the system for.
        let wanted = size.min(READ_MAX);
        let message = format!("read of {wanted} bytes: Is a directory");
        return Err(io::Error::new(io::ErrorKind::IsADirectory, message));
    }
    // Room for all of it, so that it is read at once.
    let mut contents = Vec::new();
    contents.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX))?;
    std::fs::File::open(path)?.take(size).read_to_end(&mut contents)?;
    Ok(contents)
}

impl System for Host {
    fn read_file(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.look(bytes, read_regular)
    }

    fn read_dir(&self, bytes: &[u8]) -> io::Result<Vec<(Vec<u8>, FileType)>> {
        let mut entries = Vec::new();
        for entry in self.look(bytes, |path| std::fs::read_dir(path))? {
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
        Ok(file_type(&self.look(bytes, |path| std::fs::symlink_metadata(path))?))
    }

    fn read_link(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self.look(bytes, |path| std::fs::read_link(path))?.into_os_string().into_vec())
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

    fn clock_ns(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    fn message(&self, text: &[u8]) {
        self.ui.speak(text);
    }

    fn version(&self, bytes: &[u8]) -> Option<u64> {
        let metadata = self.look(bytes, |path| std::fs::symlink_metadata(path)).ok()?;
        let modified = metadata.modified().ok()?;
        // Two changes within one tick of the host's clock leave the same time.
        if modified.elapsed().ok()? < SETTLED || metadata.is_symlink() {
            return None;
        }
        let since = modified.duration_since(UNIX_EPOCH).ok()?;
        let mut hasher = DefaultHasher::new();
        (since, metadata.len(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
            .hash(&mut hasher);
        Some(hasher.finish())
    }

    fn keeps_compiled(&self) -> bool {
        self.compiled.is_some()
    }

    fn compiled(&self, key: &Key) -> Option<Vec<u8>> {
        self.compiled.as_ref()?.find(key)
    }

    fn keep_compiled(&self, key: &Key, bytes: Vec<u8>) {
        if let Some(compiled) = &self.compiled {
            compiled.keep(key, bytes);
        }
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

    #[test]
    fn what_has_no_end_is_not_read() {
        let host = Host::default();
        assert_eq!(host.read_file(b"/dev/zero").expect("it is empty"), b"");
        assert!(host.read_file(b"/dev").is_err());
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("s");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        let error = host.read_file(socket.as_os_str().as_bytes()).expect_err("it has no end");
        assert_eq!(error.to_string(), "file has an unsupported type");
    }
}
