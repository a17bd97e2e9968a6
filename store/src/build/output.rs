//! What a builder left behind, made into store objects: checked, made canonical, hashed, scanned.
//!
//! Nothing here runs before every process of the build is dead.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::Path;

use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use crate::hash::{Hash, HashAlgorithm, Hasher};
use crate::nar::disk::DiskTree;
use crate::nar::restore::{CANONICAL_TIME, Metadata, restore};
use crate::nar::writer::{WriteError, everything, write_nar};
use crate::path::StorePath;
use crate::reference::{ReferenceScanner, Rewriter};
use crate::self_reference::SelfHasher;

/// A hash part and what replaces it.
pub(super) type Replacement = ([u8; 32], [u8; 32]);

/// Why what a builder left cannot become a store object.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// The builder's doing.
    #[error("{0}")]
    Rejected(String),
    /// The system's doing.
    #[error(transparent)]
    File(#[from] super::room::FileError),
}

/// Files that have been looked at, by device and inode, since hard links show up several times.
pub(super) type Seen = BTreeSet<(u64, u64)>;

/// Gives a tree the permissions, times and owner of a store object.
///
/// `builder` is who must own it; `None` if builders run as the caller.
///
/// # Errors
///
/// A file of a kind that archives cannot hold, or one that the builder does not own: a hard link
/// to somebody else's.
pub(super) fn canonicalise(
    root: &Path,
    builder: Option<u32>,
    seen: &mut Seen,
) -> Result<(), OutputError> {
    let mut pending = vec![root.to_path_buf()];
    while let Some(path) = pending.pop() {
        let failed = |source| super::room::failed("make canonical", &path)(source);
        let metadata = fs::symlink_metadata(&path).map_err(failed)?;
        let kind = metadata.file_type();
        if !(kind.is_file() || kind.is_dir() || kind.is_symlink()) {
            let problem = format!("file '{}' has an unsupported type", path.display());
            return Err(OutputError::Rejected(problem));
        }
        let is_new = seen.insert((metadata.dev(), metadata.ino()));
        if !is_new {
            continue;
        }
        if builder.is_some_and(|builder| metadata.uid() != builder) {
            let problem = format!("invalid ownership on file '{}'", path.display());
            return Err(OutputError::Rejected(problem));
        }
        make_canonical(&path, &metadata).map_err(failed)?;
        if kind.is_dir() {
            for entry in fs::read_dir(&path).map_err(failed)? {
                pending.push(entry.map_err(failed)?.path());
            }
        }
    }
    Ok(())
}

/// Changes what of one file's metadata is not canonical.
fn make_canonical(path: &Path, metadata: &fs::Metadata) -> io::Result<()> {
    let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    if metadata.uid() != uid {
        lchown(path, Some(uid), Some(gid))?;
    }
    if !metadata.is_symlink() {
        let mode = metadata.mode() & 0o7777;
        let canonical = if metadata.is_dir() || mode & 0o100 != 0 { 0o555 } else { 0o444 };
        // Changing the owner may have changed set-id bits, too.
        if mode != canonical {
            fs::set_permissions(path, fs::Permissions::from_mode(canonical))?;
        }
    }
    if (metadata.mtime(), metadata.mtime_nsec()) != (CANONICAL_TIME, 0) {
        let time = TimeSpec::new(CANONICAL_TIME, 0);
        let flags = UtimensatFlags::NoFollowSymlink;
        utimensat(nix::fcntl::AT_FDCWD, path, &time, &time, flags)?;
    }
    Ok(())
}

/// What one pass over an object's archive tells.
#[derive(Debug)]
pub(super) struct Digest {
    /// The SHA-256 of the archive.
    pub(super) nar_hash: Hash,
    /// The length of the archive, in bytes.
    pub(super) nar_size: u64,
    /// Which of the candidates it mentions.
    pub(super) references: BTreeSet<StorePath>,
}

/// Reads the object at `path` once: hashes it and looks for `candidates`.
pub(super) fn digest(
    path: &Path,
    candidates: impl IntoIterator<Item = StorePath>,
) -> Result<Digest, OutputError> {
    let mut both = Both {
        hasher: Hasher::new(HashAlgorithm::Sha256),
        scanner: ReferenceScanner::new(candidates),
    };
    dump(path, &mut both)?;
    Ok(Digest {
        nar_size: both.hasher.length(),
        nar_hash: both.hasher.finish(),
        references: both.scanner.finish(),
    })
}

/// Returns the hash of the archive of what is at `path`.
pub(super) fn nar_hash(path: &Path, algorithm: HashAlgorithm) -> Result<Hash, OutputError> {
    let mut hasher = Hasher::new(algorithm);
    dump(path, &mut hasher)?;
    Ok(hasher.finish())
}

/// Returns the hash of the archive of what is at `path`, in which `own` stands for the object.
pub(super) fn nar_hash_without(
    path: &Path,
    algorithm: HashAlgorithm,
    own: &StorePath,
) -> Result<Hash, OutputError> {
    let mut hasher = SelfHasher::new(algorithm, own);
    dump(path, &mut hasher)?;
    Ok(hasher.finish().map_err(super::room::failed("archive", path))?)
}

/// Returns the hash of the contents of the file at `path`.
///
/// # Errors
///
/// Anything but a regular file that is not executable.
pub(super) fn flat_hash(path: &Path, algorithm: HashAlgorithm) -> Result<Hash, OutputError> {
    let failed = |source| super::room::failed("read", path)(source);
    let metadata = fs::symlink_metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.mode() & 0o100 != 0 {
        return Err(OutputError::Rejected(format!(
            "output path '{}' should be a non-executable regular file since recursive hashing is \
             not enabled (one of outputHashMode={{flat,text}} is true)",
            path.display()
        )));
    }
    let mut hasher = Hasher::new(algorithm);
    let mut file = fs::File::open(path).map_err(failed)?;
    io::copy(&mut file, &mut hasher).map_err(failed)?;
    Ok(hasher.finish())
}

struct Both {
    hasher: Hasher,
    scanner: ReferenceScanner,
}

impl Write for Both {
    fn write(&mut self, contents: &[u8]) -> io::Result<usize> {
        self.hasher.update(contents);
        self.scanner.write(contents)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the archive of what is at `path`; the sink never fails.
fn dump(path: &Path, sink: &mut dyn Write) -> Result<(), OutputError> {
    write_nar(&DiskTree, path, &mut everything, sink)
        .map_err(|error| super::room::failed("archive", path)(write_error(error)).into())
}

/// Copies the object at `from` to `to`, which must not exist, replacing hash parts on the way.
///
/// The copy's files are new: whoever kept one of the originals open cannot change them.
pub(super) fn copy_object(
    from: &Path,
    to: &Path,
    replacements: &[Replacement],
) -> Result<(), OutputError> {
    let copied = copy(from, to, replacements, Metadata::Canonical);
    copied.map_err(|error| super::room::failed("copy", from)(error).into())
}

/// Copies a tree for the user to look at.
pub(super) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::remove_dir(to)?;
    copy(from, to, &[], Metadata::Ordinary)
}

fn copy(
    from: &Path,
    to: &Path,
    replacements: &[Replacement],
    metadata: Metadata,
) -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    std::thread::scope(|scope| {
        let written = scope.spawn(move || -> io::Result<()> {
            let replacements = replacements.iter().copied();
            let mut sink = Rewriter::new(replacements, BufWriter::new(writer));
            write_nar(&DiskTree, from, &mut everything, &mut sink).map_err(write_error)?;
            let (mut sink, _) = sink.finish()?;
            sink.flush()
        });
        let restored = restore(&mut BufReader::new(reader), to, metadata).map_err(io::Error::other);
        let written = written.join().unwrap_or_else(|_| Err(io::Error::other("interrupted")));
        // If the reading side stopped, the writing side only knows that it did.
        match restored {
            Ok(()) => written,
            Err(error) => Err(match written {
                Err(written) if written.kind() != io::ErrorKind::BrokenPipe => written,
                _ => error,
            }),
        }
    })
}

fn write_error(error: WriteError) -> io::Error {
    match error {
        WriteError::Write(error) => error,
        other => io::Error::other(describe(&other)),
    }
}

/// Returns an error and what caused it, on one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Moves an object to its place, where nothing may be.
pub(super) fn move_object(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    // Moving a directory changes its entry `..`, which without root needs permission to write.
    if metadata.is_dir() && !nix::unistd::geteuid().is_root() {
        fs::set_permissions(from, fs::Permissions::from_mode(0o755))?;
        fs::rename(from, to)?;
        return fs::set_permissions(to, fs::Permissions::from_mode(0o555));
    }
    fs::rename(from, to)
}
