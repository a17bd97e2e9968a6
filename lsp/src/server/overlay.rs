//! The host with the editor's texts laid over it, which remembers what was looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use eval::system::{FileType, System};

/// A host for one evaluation.
pub(super) struct Overlay {
    base: Arc<dyn System>,
    /// The texts of open documents by absolute path.
    texts: BTreeMap<Vec<u8>, Arc<[u8]>>,
    observed: Mutex<BTreeSet<Vec<u8>>>,
}

impl Overlay {
    /// Returns `base` with `texts` laid over it.
    pub(super) fn new(base: Arc<dyn System>, texts: BTreeMap<Vec<u8>, Arc<[u8]>>) -> Overlay {
        Overlay { base, texts, observed: Mutex::default() }
    }

    /// Returns the paths that were looked at.
    pub(super) fn observed(&self) -> BTreeSet<Vec<u8>> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn observe(&self, path: &[u8]) {
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        if !observed.contains(path) {
            observed.insert(path.to_vec());
        }
    }
}

impl System for Overlay {
    fn read_file(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.observe(path);
        match self.texts.get(path) {
            Some(text) => Ok(text.to_vec()),
            None => self.base.read_file(path),
        }
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileType)>> {
        self.observe(path);
        let mut entries = self.base.read_dir(path)?;
        for open in self.texts.keys() {
            let name = open.strip_prefix(path).and_then(|rest| rest.strip_prefix(b"/"));
            let Some(name) = name.filter(|name| !name.contains(&b'/')) else { continue };
            if entries.iter().all(|(entry, _)| entry != name) {
                entries.push((name.to_vec(), FileType::Regular { executable: false }));
            }
        }
        Ok(entries)
    }

    fn file_type(&self, path: &[u8]) -> io::Result<FileType> {
        self.observe(path);
        match self.base.file_type(path) {
            Err(_) if self.texts.contains_key(path) => Ok(FileType::Regular { executable: false }),
            answer => answer,
        }
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.observe(path);
        self.base.read_link(path)
    }

    fn env(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.base.env(name)
    }

    fn current_time(&self) -> i64 {
        self.base.current_time()
    }

    fn version(&self, path: &[u8]) -> Option<u64> {
        if self.texts.contains_key(path) { None } else { self.base.version(path) }
    }

    /// What an evaluation traces is for the person at the command line.
    fn message(&self, _: &[u8]) {}
}
