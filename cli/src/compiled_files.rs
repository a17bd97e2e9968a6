//! Compiled files on disk: packs of many, each written once, found by the keys of their contents.
//!
//! A pack is written under a temporary name and then renamed, so whoever finds one finds all of
//! it; it never changes and is only ever removed as a whole. An evaluation opens all packs of its
//! version, reads their indexes, and of the rest what it asks for. What it had to compile itself
//! it writes as one more pack at its end; when there are several, one process at a time merges the
//! small ones. All of this may fail, or die halfway: the next evaluation then compiles again.
//!
//! ```text
//! magic (8 bytes)  count (4)  count × { key (32)  offset (8)  size (4) }, by key  contents
//! ```

use eval::compiled::{Key, VERSION};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MAGIC: &[u8; 8] = b"nivispk1";
/// The bytes before the index.
const HEAD_SIZE: usize = 12;
/// The bytes of an entry of the index.
const ENTRY_SIZE: usize = 44;
/// The most that all packs take together, in bytes.
const SIZE_MAX: u64 = 256 << 20;
/// So much is held back before it is written, in bytes.
const PENDING_SIZE_MAX: usize = 8 << 20;
/// So many packs of one version may lie beside each other.
const PACKS_MAX: usize = 4;
/// A temporary file that is older was left by a process that died.
const TEMPORARY_AGE_MAX: Duration = Duration::from_hours(1);
/// A pack that is in use is marked so after this time, lest it count as old.
const MARK_AGE: Duration = Duration::from_hours(1);

/// The packs in one directory.
#[derive(Debug)]
pub(crate) struct CompiledFiles {
    directory: PathBuf,
    size_max: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The packs of this version, the newest first, once somebody asked.
    packs: Option<Vec<Pack>>,
    /// What has been compiled and not been written.
    pending: BTreeMap<Key, Vec<u8>>,
    pending_size: usize,
}

/// An open pack.
#[derive(Debug)]
struct Pack {
    path: PathBuf,
    file: File,
    size: u64,
    index: Vec<u8>,
}

impl CompiledFiles {
    /// Returns the packs below the place of caches.
    pub(crate) fn below(cache: &Path) -> CompiledFiles {
        CompiledFiles::new(cache.join("compiled"), SIZE_MAX)
    }

    fn new(directory: PathBuf, size_max: u64) -> CompiledFiles {
        CompiledFiles { directory, size_max, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what was kept under `key`; it may be damaged.
    pub(crate) fn find(&self, key: &Key) -> Option<Vec<u8>> {
        let mut state = self.state();
        if let Some(bytes) = state.pending.get(key) {
            return Some(bytes.clone());
        }
        let packs = state.packs.get_or_insert_with(|| packs(&self.directory));
        packs.iter().find_map(|pack| pack.find(key))
    }

    /// Keeps `bytes` under `key`, on disk at the latest when this is dropped.
    ///
    /// # Atomicity
    ///
    /// A process that dies leaves all packs as they are, and perhaps a temporary file.
    pub(crate) fn keep(&self, key: &Key, bytes: Vec<u8>) {
        let mut state = self.state();
        state.pending_size += bytes.len();
        state.pending.insert(*key, bytes);
        if state.pending_size > PENDING_SIZE_MAX {
            self.write_pending(&mut state);
        }
    }

    /// Writes what is pending; if that fails there is nothing to do but to compile it again.
    fn write_pending(&self, state: &mut State) {
        let pending = std::mem::take(&mut state.pending);
        state.pending_size = 0;
        if pending.is_empty() || write_pack(&self.directory, &pending).is_err() {
            return;
        }
        state.packs = None;
        let _ = self.tidy();
    }

    /// Merges small packs and removes the oldest, unless another process is at it.
    fn tidy(&self) -> io::Result<()> {
        let lock = File::create(self.directory.join("lock"))?;
        if lock.try_lock().is_err() {
            return Ok(());
        }
        let packs = packs(&self.directory);
        if packs.len() > PACKS_MAX {
            self.merge(packs)?;
        }
        self.remove_old()
    }

    /// Makes one pack of those that are smaller than all smaller ones together.
    fn merge(&self, mut packs: Vec<Pack>) -> io::Result<()> {
        packs.sort_by_key(|pack| pack.size);
        let mut total = 0;
        let mut merged = 0;
        for pack in &packs {
            let is_small = merged < 2 || pack.size <= 2 * total;
            if !is_small || total + pack.size > self.size_max / 2 {
                break;
            }
            total += pack.size;
            merged += 1;
        }
        packs.truncate(merged);
        if merged < 2 {
            return Ok(());
        }
        // Of two contents with one key the newer counts: the older was found damaged.
        packs.sort_by(|a, b| a.path.cmp(&b.path));
        let mut all: BTreeMap<Key, Vec<u8>> = BTreeMap::new();
        for pack in &packs {
            for key in pack.index.chunks_exact(ENTRY_SIZE).filter_map(|it| it.first_chunk()) {
                if let Some(bytes) = pack.find(key) {
                    all.insert(*key, bytes);
                }
            }
        }
        write_pack(&self.directory, &all)?;
        packs.iter().try_for_each(|pack| std::fs::remove_file(&pack.path))
    }

    /// Removes the oldest packs, of whatever version, until the others fit the limit, and what
    /// processes that died have left.
    fn remove_old(&self) -> io::Result<()> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            let (path, metadata) = (entry.path(), entry.metadata()?);
            let modified = metadata.modified()?;
            let has = |extension: &str| path.extension().is_some_and(|it| it == extension);
            if has("pack") {
                found.push((modified, path, metadata.len()));
            } else if has("tmp") && modified.elapsed().is_ok_and(|age| age > TEMPORARY_AGE_MAX) {
                std::fs::remove_file(path)?;
            }
        }
        found.sort();
        let mut total: u64 = found.iter().map(|(_, _, size)| size).sum();
        for (_, path, size) in found {
            if total <= self.size_max {
                break;
            }
            std::fs::remove_file(path)?;
            total -= size;
        }
        Ok(())
    }
}

impl Drop for CompiledFiles {
    fn drop(&mut self) {
        let mut state =
            std::mem::take(self.state.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.write_pending(&mut state);
    }
}

impl Pack {
    fn open(path: PathBuf) -> io::Result<Pack> {
        let file = File::open(&path)?;
        let metadata = file.metadata()?;
        let mut head = [0; HEAD_SIZE];
        file.read_exact_at(&mut head, 0)?;
        let [magic @ .., a, b, c, d] = head;
        let count = u32::from_le_bytes([a, b, c, d]) as usize;
        let index_size = count * ENTRY_SIZE;
        if magic != *MAGIC || (HEAD_SIZE + index_size) as u64 > metadata.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut index = vec![0; index_size];
        file.read_exact_at(&mut index, HEAD_SIZE as u64)?;
        if metadata.modified()?.elapsed().is_ok_and(|age| age > MARK_AGE) {
            // It is only a hint of what to remove last.
            let _ = file.set_modified(SystemTime::now());
        }
        Ok(Pack { path, file, size: metadata.len(), index })
    }

    fn find(&self, key: &Key) -> Option<Vec<u8>> {
        let (entries, _) = self.index.as_chunks::<ENTRY_SIZE>();
        let at = entries.binary_search_by(|entry| entry[..key.len()].cmp(key)).ok()?;
        let (_, place) = entries.get(at)?.split_at(key.len());
        let (offset, size) = place.split_at(8);
        let offset = u64::from_le_bytes(offset.try_into().ok()?);
        let size = u32::from_le_bytes(size.try_into().ok()?);
        if offset.checked_add(u64::from(size))? > self.size {
            return None;
        }
        let mut bytes = vec![0; size as usize];
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }
}

fn is_pack(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "pack")
}

/// Opens the packs of this version, the newest first.
fn packs(directory: &Path) -> Vec<Pack> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| name.starts_with(VERSION) && is_pack(name)).collect();
    names.sort();
    names.reverse();
    // One that is not in order, or was merged a moment ago, is as good as none.
    names.into_iter().filter_map(|name| Pack::open(directory.join(name)).ok()).collect()
}

/// Writes a pack.
fn write_pack(directory: &Path, contents: &BTreeMap<Key, Vec<u8>>) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let name = format!("{VERSION}-{now:024x}-{:x}", std::process::id());
    let temporary = directory.join(format!("{name}.tmp"));
    let written = write_contents(&temporary, contents)
        .and_then(|()| std::fs::rename(&temporary, directory.join(format!("{name}.pack"))));
    if written.is_err() {
        // The first error is the one that counts.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

fn write_contents(path: &Path, contents: &BTreeMap<Key, Vec<u8>>) -> io::Result<()> {
    let too_many = |_| io::Error::from(io::ErrorKind::FileTooLarge);
    let mut output = BufWriter::new(File::create_new(path)?);
    output.write_all(MAGIC)?;
    output.write_all(&u32::try_from(contents.len()).map_err(too_many)?.to_le_bytes())?;
    let mut offset = (HEAD_SIZE + contents.len() * ENTRY_SIZE) as u64;
    for (key, bytes) in contents {
        let size = u32::try_from(bytes.len()).map_err(too_many)?;
        output.write_all(key)?;
        output.write_all(&offset.to_le_bytes())?;
        output.write_all(&size.to_le_bytes())?;
        offset += u64::from(size);
    }
    for bytes in contents.values() {
        output.write_all(bytes)?;
    }
    output.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}

#[cfg(test)]
mod tests;
