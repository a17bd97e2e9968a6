//! What addresses held: one small file per address, shared by all processes of a user.
//!
//! It holds a store path, the server's word for the version, and when that was asked. Losing it
//! costs a download; a file that cannot be read counts as lost.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::FetchRequest;
use crate::hash::{Hash, HashFormat};
use crate::path::{StoreDirectory, StorePath};

/// What an address held.
pub(super) struct Entry {
    pub(super) path: StorePath,
    pub(super) etag: Option<String>,
    /// In seconds since the epoch.
    time: u64,
}

impl Entry {
    /// What an address holds now.
    pub(super) fn new(path: StorePath, etag: Option<String>) -> Self {
        Self { path, etag, time: now() }
    }

    /// Whether it is known for less than `lifetime`; what is from the future is not.
    pub(super) fn is_younger_than(&self, lifetime: Duration) -> bool {
        now().checked_sub(self.time).is_some_and(|age| age < lifetime.as_secs())
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

/// The place where one request is remembered.
pub(super) struct Cache {
    file: Option<PathBuf>,
}

impl Cache {
    pub(super) fn new(directory: Option<&Path>, request: &FetchRequest) -> Self {
        let key = format!("{}\0{}\0{}", request.kind.word(), request.name, request.url);
        let key = Hash::sha256(key.as_bytes()).digits(HashFormat::Base32);
        Self {
            file: directory.map(|directory| directory.join("fetch").join(format!("{key}.json"))),
        }
    }

    pub(super) fn read(&self, directory: &StoreDirectory) -> Option<Entry> {
        let text = fs::read(self.file.as_ref()?).ok()?;
        let value: Value = serde_json::from_slice(&text).ok()?;
        Some(Entry {
            path: directory.parse(value.get("path")?.as_str()?).ok()?,
            etag: value.get("etag").and_then(Value::as_str).map(str::to_owned),
            time: value.get("time")?.as_u64()?,
        })
    }

    /// Remembers an entry; where that cannot be done, the next fetch downloads again.
    pub(super) fn write(&self, directory: &StoreDirectory, entry: &Entry) {
        let Some(file) = &self.file else { return };
        let Entry { path, etag, time } = entry;
        let text = json!({ "path": directory.display(path), "etag": etag, "time": time });
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
