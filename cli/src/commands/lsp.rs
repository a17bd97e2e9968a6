//! `nivis lsp`: an editor is served over stdin and stdout.

use crate::context::{self, Context};
use crate::evaluation;
use crate::report::{FAILURE, Failure, Outcome};
use crate::stores::Access;
use crate::system::Host;
use lsp::server::{self, Ending};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Hash, HashAlgorithm, MemoryStore, StoreDirectory};

/// Runs `nivis lsp`.
pub(crate) fn run(cx: &mut Context) -> Outcome {
    let cache = context::cache_directory();
    let host = server::Host {
        system: Arc::new(Host::new(cx.ui)),
        open_store: Box::new(|| Ok(Box::new(MemoryStore::new(StoreDirectory::default())))),
        settings: evaluation::settings_of(cx, Access::Read)?,
        cache: cache.clone().map(|it| Arc::new(Options::new(&it)) as Arc<dyn server::Cache>),
        show_embedded: Box::new(move |path| show(cache.as_deref()?, path)),
    };
    match server::run(host).map_err(Failure::during("serving the editor"))? {
        Ending::AfterShutdown => Ok(()),
        Ending::WithoutShutdown => Err(Failure::silent(FAILURE)),
    }
}

/// What the server keeps between sessions: one directory for each build of the program, so that
/// two versions do not read each other's.
struct Options {
    directory: PathBuf,
}

impl Options {
    fn new(cache: &Path) -> Options {
        let program = std::env::current_exe().and_then(std::fs::metadata);
        let built = program.and_then(|it| Ok((it.len(), it.modified()?)));
        let build = format!("{} {built:?}", env!("CARGO_PKG_VERSION"));
        let hash = Hash::of(HashAlgorithm::Sha256, build.as_bytes()).to_base32();
        Options { directory: cache.join("options").join(hash) }
    }
}

impl server::Cache for Options {
    fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.directory.join(name)).ok()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        // A cache that cannot be written is none; readers see the old file or the new one.
        let place = self.directory.join(name);
        let beside = self.directory.join(format!("{name}.{}.new", std::process::id()));
        let written = std::fs::create_dir_all(&self.directory)
            .and_then(|()| std::fs::write(&beside, bytes))
            .and_then(|()| std::fs::rename(&beside, &place));
        if written.is_err() {
            drop(std::fs::remove_file(&beside));
        }
    }
}

/// Writes a file of the embedded library below `cache` and returns where it then is.
///
/// The place follows from the text, so that two versions of the program do not meet.
fn show(cache: &Path, path: &[u8]) -> Option<PathBuf> {
    let text = eval::embedded::file(path)?;
    let hash = Hash::of(HashAlgorithm::Sha256, text).to_base32();
    let below = path.strip_prefix(b"/").unwrap_or(path);
    let place = cache.join("library").join(hash).join(OsStr::from_bytes(below));
    if std::fs::read(&place).is_ok_and(|there| there == text) {
        return Some(place);
    }
    std::fs::create_dir_all(place.parent()?).ok()?;
    let beside = place.with_extension(format!("{}.new", std::process::id()));
    std::fs::write(&beside, text).ok()?;
    std::fs::rename(&beside, &place).ok()?;
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::show;

    #[test]
    fn embedded_files_can_be_opened() {
        let cache = tempfile::tempdir().expect("a temporary directory");
        let place = show(cache.path(), b"/default.nix").expect("it is part of the library");
        assert!(place.ends_with("default.nix") && place.starts_with(cache.path()));
        let text = std::fs::read(&place).expect("a file");
        assert_eq!(Some(text.as_slice()), eval::embedded::file(b"/default.nix"));
        assert_eq!(show(cache.path(), b"/default.nix"), Some(place));
        assert_eq!(show(cache.path(), b"/none.nix"), None);
    }
}
