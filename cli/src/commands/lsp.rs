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
        show_embedded: Box::new(move |path| show(cache.as_deref()?, path)),
    };
    match server::run(host).map_err(Failure::during("serving the editor"))? {
        Ending::AfterShutdown => Ok(()),
        Ending::WithoutShutdown => Err(Failure::silent(FAILURE)),
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
