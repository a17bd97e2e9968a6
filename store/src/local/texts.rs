//! Many texts at once: one flush of the disk and one transaction for all of them.
//!
//! An evaluation makes hundreds of derivations. Flushed and registered one by one, they would cost
//! more than everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use super::{LocalStore, PathLocks, file_error, remove_tree};
use crate::closure::sorted_by_reference;
use crate::error::{AddError, StoreError};
use crate::path::StorePath;
use crate::store::{NewText, Store as _};

/// How many texts go together: each is locked meanwhile, which takes a file descriptor.
const BATCH: usize = 128;

impl LocalStore {
    /// Adds texts; see [`Store::add_texts`](crate::store::Store::add_texts).
    pub(super) fn add_all_texts(&self, texts: &[NewText]) -> Result<(), AddError> {
        self.check_writable("add a path")?;
        let by_path: BTreeMap<&StorePath, &NewText> =
            texts.iter().map(|text| (&text.info.path, text)).collect();
        let references: BTreeMap<StorePath, BTreeSet<StorePath>> = by_path
            .iter()
            .map(|(path, text)| ((*path).clone(), text.info.references.clone()))
            .collect();
        let sorted = sorted_by_reference(&references).map_err(StoreError::from)?;
        let mut missing = Vec::new();
        for path in &sorted {
            self.add_temporary_root(path)?;
            let Some(text) = by_path.get(path) else { continue };
            if !self.is_valid(path)? {
                missing.push(*text);
            }
        }
        for batch in missing.chunks(BATCH) {
            self.add_batch(batch)?;
        }
        Ok(())
    }

    /// Adds texts whose references are valid or among them.
    fn add_batch(&self, batch: &[&NewText]) -> Result<(), AddError> {
        let real = |text: &NewText| self.real_path(&text.info.path);
        let places: BTreeSet<PathBuf> = batch.iter().map(|text| real(text)).collect();
        let mut locks = PathLocks::wait(&places)?;
        let mut new = Vec::new();
        for text in batch {
            // Another process may have added it while we waited for its lock.
            if !self.is_valid(&text.info.path)? {
                new.push(*text);
            }
        }
        let written = self.write_batch(&new);
        if written.is_err() {
            for text in &new {
                if !self.is_valid(&text.info.path)? {
                    // What stays is not valid, so nobody uses it.
                    let _ = remove_tree(&real(text));
                }
            }
        }
        locks.delete_files();
        written
    }

    fn write_batch(&self, texts: &[&NewText]) -> Result<(), AddError> {
        for text in texts {
            let place = self.real_path(&text.info.path);
            remove_tree(&place).map_err(file_error("remove", &place))?;
            Self::write_text(&place, &text.contents)?;
            self.optimise_new(&place)?;
        }
        match texts {
            [] => return Ok(()),
            [only] => self.sync(&self.real_path(&only.info.path), only.info.nar_size)?,
            [_, _, ..] if self.settings().sync => {
                let directory = &self.settings().real_directory;
                let error = file_error("flush", directory);
                let opened = File::open(directory).map_err(&error)?;
                nix::unistd::syncfs(&opened).map_err(|errno| error(errno.into()))?;
            }
            [_, _, ..] => {}
        }
        self.register_texts(texts)
    }

    /// Registers texts, which stand after those they refer to, in runs of the same kind.
    fn register_texts(&self, texts: &[&NewText]) -> Result<(), AddError> {
        for run in texts.chunk_by(|a, b| a.is_computed == b.is_computed) {
            let infos: Vec<_> = run.iter().map(|text| text.info.clone()).collect();
            self.register_all(&infos, run.iter().any(|text| !text.is_computed))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::local::{LocalSettings, LocalStore};
    use crate::store::{NewText, Store as _, text_info};

    #[test]
    fn texts_that_refer_to_each_other_become_valid_in_any_order() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = LocalStore::open(LocalSettings::below(directory.path())).expect("a new store");
        let text = |name: &str, references: BTreeSet<_>| {
            let contents = name.as_bytes().to_vec();
            let info = text_info(store.directory(), name, &contents, &references);
            NewText { info: info.expect("a good name"), contents, is_computed: false }
        };
        let first = text("a", BTreeSet::new());
        let second = text("b", [first.info.path.clone()].into());
        let both = [second.clone(), first.clone()];
        store.add_texts(&both).expect("both are added");
        store.add_texts(&both).expect("once more changes nothing");
        let info = store.path_info(&second.info.path).expect("it can be asked");
        assert_eq!(info.map(|info| info.references), Some([first.info.path.clone()].into()));
        let real = store.real_path(&first.info.path);
        assert_eq!(std::fs::read(real).expect("it is there"), b"a");
        let lost = text("c", [text("d", BTreeSet::new()).info.path].into());
        let path = lost.info.path.clone();
        store.add_texts(&[lost]).expect_err("its reference is not valid");
        assert!(!store.real_path(&path).exists());
    }
}
