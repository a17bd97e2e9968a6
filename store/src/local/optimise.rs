//! Optimising: equal files of the store share one place on the disk.
//!
//! `.links` in the store directory has one link to every file met, named by the hash of the file's
//! archive; a file that is equal to one met before is replaced by another link to that.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{AddError, StoreError};
use crate::local::verify::archive_hash;
use crate::local::{LocalStore, canonical, create_directory, file_error};
use crate::store::Store;

/// What optimising saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptimiseResult {
    /// How many files were replaced by links.
    pub files_linked: u64,
    /// How many bytes of disk that freed.
    pub bytes_freed: u64,
}

impl LocalStore {
    /// Replaces equal files of all valid objects by links to one of them.
    ///
    /// # Errors
    ///
    /// A store that cannot be read or written.
    ///
    /// # Atomicity
    ///
    /// Each file is replaced by a rename; at every moment it has its contents.
    pub fn optimise(&self) -> Result<OptimiseResult, StoreError> {
        self.check_writable("optimise")?;
        let mut result = OptimiseResult::default();
        for path in self.all_valid_paths()? {
            self.add_temporary_root(&path)?;
            if self.is_valid(&path)? {
                self.optimise_tree(&self.real_path(&path), &mut result)?;
            }
        }
        Ok(result)
    }

    /// Optimises an object that is about to be registered, if the settings say so.
    pub(super) fn optimise_new(&self, path: &Path) -> Result<(), AddError> {
        if self.settings().auto_optimise {
            self.optimise_tree(path, &mut OptimiseResult::default())?;
        }
        Ok(())
    }

    fn optimise_tree(&self, top: &Path, result: &mut OptimiseResult) -> Result<(), StoreError> {
        let links = self.settings().real_directory.join(".links");
        create_directory(&links)?;
        let mut pending = vec![top.to_path_buf()];
        while let Some(path) = pending.pop() {
            let error = file_error("optimise", &path);
            let metadata = fs::symlink_metadata(&path).map_err(&error)?;
            if metadata.is_dir() {
                for entry in fs::read_dir(&path).map_err(&error)? {
                    pending.push(entry.map_err(&error)?.path());
                }
            } else if metadata.is_file() && metadata.len() > 0 {
                // A file that its owner can still write is not canonical: leave it alone.
                if metadata.permissions().mode() & 0o200 == 0 {
                    self.link_file(&links, &path, &metadata, result)?;
                }
            }
        }
        Ok(())
    }

    fn link_file(
        &self,
        links: &Path,
        path: &Path,
        metadata: &fs::Metadata,
        result: &mut OptimiseResult,
    ) -> Result<(), StoreError> {
        let (hash, _) =
            archive_hash(path).map_err(|e| file_error("read", path)(io::Error::other(e)))?;
        let link = links.join(hash.to_base32());
        match fs::hard_link(path, &link) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // Full directories and files with too many links are merely not optimised.
            Err(error) if is_full(&error) => return Ok(()),
            Err(error) => return Err(file_error("link", &link)(error)),
        }
        let known = fs::symlink_metadata(&link).map_err(file_error("read", &link))?;
        if known.ino() == metadata.ino() {
            return Ok(());
        }
        if known.len() != metadata.len() {
            // Somebody damaged the file behind the link; it must not spread.
            return fs::remove_file(&link).map_err(file_error("remove", &link));
        }
        self.replace(path, &link, metadata, result)
    }

    /// Replaces `path` by another link to the file behind `link`.
    fn replace(
        &self,
        path: &Path,
        link: &Path,
        metadata: &fs::Metadata,
        result: &mut OptimiseResult,
    ) -> Result<(), StoreError> {
        let error = file_error("optimise", path);
        let mut temporary = OsString::from(&self.settings().real_directory);
        temporary.push(format!("/.tmp-link-{}-{}", std::process::id(), metadata.ino()));
        let temporary = PathBuf::from(temporary);
        match fs::hard_link(link, &temporary) {
            Err(problem) if is_full(&problem) => return Ok(()),
            other => other.map_err(&error)?,
        }
        let parent = path.parent().filter(|parent| **parent != self.settings().real_directory);
        let replaced = canonical::while_writable(parent, || fs::rename(&temporary, path));
        if let Err(problem) = replaced {
            let _ = fs::remove_file(&temporary);
            return if is_full(&problem) { Ok(()) } else { Err(error(problem)) };
        }
        // Renaming one link of a file over another does nothing and leaves both.
        let _ = fs::remove_file(&temporary);
        result.files_linked += 1;
        if metadata.nlink() == 1 {
            result.bytes_freed += metadata.blocks() * 512;
        }
        Ok(())
    }
}

/// Returns whether a link could not be made for want of room, which is nobody's fault.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(nix::errno::Errno::from_raw),
        Some(nix::errno::Errno::EMLINK | nix::errno::Errno::ENOSPC)
    )
}
