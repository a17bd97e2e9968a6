//! What addresses held: one small file per address, shared by all processes of a user.
//!
//! It holds a store path, the server's word for the version, and when that was asked. Losing it
//! costs a download; a file that cannot be read counts as lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::hash::{Hash, HashFormat};
use crate::path::{StoreDirectory, StorePath};
use crate::store::Store;

/// What an address held.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: StorePath,
    pub(crate) etag: Option<String>,
    /// When what it held changed last, in seconds since 1970.
    pub(crate) modified: Option<u64>,
    /// Where the same will be for all times.
    pub(crate) immutable_url: Option<String>,
    /// When that was asked, in seconds since 1970.
    pub(crate) time: u64,
}

impl Entry {
    /// What an address holds now.
    pub(crate) fn new(path: StorePath) -> Self {
        Self { path, etag: None, modified: None, immutable_url: None, time: now() }
    }

    /// Whether it is known for less than `lifetime`; what is from the future is not.
    pub(crate) fn is_younger_than(&self, lifetime: Duration) -> bool {
        now().checked_sub(self.time).is_some_and(|age| age < lifetime.as_secs())
    }

    /// The same, known since now.
    pub(crate) fn renewed(self) -> Self {
        Self { time: now(), ..self }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

/// The place where what one key stands for is remembered.
pub(crate) struct Cache {
    file: Option<PathBuf>,
}

impl Cache {
    pub(crate) fn new(directory: Option<&Path>, key: &str) -> Self {
        let key = Hash::sha256(key.as_bytes()).digits(HashFormat::Base32);
        Self {
            file: directory.map(|directory| directory.join("fetch").join(format!("{key}.json"))),
        }
    }

    pub(crate) fn read(&self, directory: &StoreDirectory) -> Option<Entry> {
        let text = fs::read(self.file.as_ref()?).ok()?;
        let value: Value = serde_json::from_slice(&text).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Entry {
            path: directory.parse(value.get("path")?.as_str()?).ok()?,
            etag: text("etag"),
            modified: value.get("modified").and_then(Value::as_u64),
            immutable_url: text("immutable"),
            time: value.get("time")?.as_u64()?,
        })
    }

    /// Returns what is remembered if its path is still valid, and keeps that from being collected.
    pub(crate) fn read_valid(
        &self,
        store: &dyn Store,
    ) -> Result<Option<Entry>, crate::error::StoreError> {
        let Some(entry) = self.read(store.directory()) else { return Ok(None) };
        store.add_temporary_root(&entry.path)?;
        Ok(store.is_valid(&entry.path)?.then_some(entry))
    }

    /// Remembers an entry; where that cannot be done, the next fetch downloads again.
    pub(crate) fn write(&self, directory: &StoreDirectory, entry: &Entry) {
        let Some(file) = &self.file else { return };
        let Entry { path, etag, modified, immutable_url, time } = entry;
        let text = json!({
            "path": directory.display(path),
            "etag": etag,
            "modified": modified,
            "immutable": immutable_url,
            "time": time,
        });
        let temporary = file.with_extension(format!("new-{}", std::process::id()));
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(file.parent().unwrap_or(file))?;
            fs::write(&temporary, text.to_string())?;
            fs::rename(&temporary, file)
        };
        if write().is_err() {
            let _ = fs::remove_file(&temporary);
        }
    }
}
