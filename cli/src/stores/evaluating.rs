//! A store as an evaluation sees it: built as the settings say, and written to in one go.
//!
//! The language has no word for how to build; when an evaluation reads what nobody has built yet,
//! the sandbox, the limits and what is told are those of the command that evaluates.
//!
//! Derivations and other texts are kept back until something asks for them, or the evaluation is
//! over: adding many at once costs little more than adding one.

use super::forward::forward_to_store;
use crate::building::{self, Progress};
use crate::context::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use store::nar::Tree;
use store::source::{Source, SourceRequest};
use store::store::{Roots, text_info};
use store::{
    AddError, BuildError, ClosureRequest, Derivation, DerivedPath, Events, FetchError,
    FetchOptions, FetchRequest, GcError, GcOptions, GcResult, NewText, NewTree, PathInfo,
    RealiseOptions, Realised, Store, StoreDirectory, StoreError, StorePath,
};

/// Another store, which builds as the settings say.
pub(crate) struct EvaluatingStore<'s> {
    inner: &'s dyn Store,
    options: RealiseOptions,
    fetch_options: FetchOptions,
    progress: Progress,
    pending: Mutex<Pending>,
}

/// Texts that are not in the store yet.
#[derive(Default)]
struct Pending {
    texts: Vec<NewText>,
    paths: BTreeSet<StorePath>,
    /// Whether the store has taken a text.
    is_proven: bool,
}

impl<'s> EvaluatingStore<'s> {
    /// Returns `inner` as an evaluation of this command sees it.
    pub(crate) fn new(cx: &Context, inner: &'s dyn Store) -> Self {
        Self {
            inner,
            options: building::options(&cx.settings),
            fetch_options: building::fetch_options(&cx.settings),
            progress: Progress::new(cx),
            pending: Mutex::default(),
        }
    }

    /// Adds what was kept back.
    ///
    /// # Errors
    ///
    /// When the store does not take it.
    pub(crate) fn flush(&self) -> Result<(), AddError> {
        let mut pending = self.pending();
        if !pending.texts.is_empty() {
            self.inner.add_texts(&pending.texts)?;
            pending.texts.clear();
            pending.paths.clear();
        }
        Ok(())
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // A panic leaves texts to be added once more, which changes nothing.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the store with everything in it that the evaluation has added.
    fn get(&self) -> Result<&dyn Store, StoreError> {
        self.flush().map_err(|error| match error {
            AddError::Store(error) => error,
            other => StoreError::File {
                action: "write to the store",
                path: self.inner.directory().as_str().into(),
                source: std::io::Error::other(other),
            },
        })?;
        Ok(self.inner)
    }

    /// Keeps a text back, or adds it at once if nothing was added before: a store that takes
    /// nothing says so where the evaluation first wanted to add something.
    fn add(&self, text: NewText) -> Result<StorePath, AddError> {
        let path = text.info.path.clone();
        let mut pending = self.pending();
        if !pending.is_proven {
            self.inner.add_texts(&[text])?;
            pending.is_proven = true;
        } else if pending.paths.insert(path.clone()) {
            pending.texts.push(text);
        }
        Ok(path)
    }
}

impl Store for EvaluatingStore<'_> {
    fn directory(&self) -> &StoreDirectory {
        self.inner.directory()
    }

    fn real_path(&self, path: &StorePath) -> PathBuf {
        self.inner.real_path(path)
    }

    forward_to_store!();

    fn add_text(
        &self,
        name: &str,
        contents: &[u8],
        references: &BTreeSet<StorePath>,
    ) -> Result<StorePath, AddError> {
        let info = text_info(self.directory(), name, contents, references)?;
        self.add(NewText { info, contents: contents.to_vec(), is_computed: false })
    }

    fn add_derivation(&self, derivation: &Derivation) -> Result<StorePath, AddError> {
        self.add(NewText::derivation(self.directory(), derivation)?)
    }

    fn add_texts(&self, texts: &[NewText]) -> Result<(), AddError> {
        texts.iter().try_for_each(|text| self.add(text.clone()).map(|_| ()))
    }

    fn add_tree(&self, tree: NewTree<'_>) -> Result<StorePath, AddError> {
        if !tree.references.is_empty() {
            self.flush()?;
        }
        self.inner.add_tree(tree)
    }

    fn fetch(
        &self,
        request: &FetchRequest,
        _: &FetchOptions,
        _: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        self.inner.fetch(request, &self.fetch_options, &self.progress)
    }

    fn fetch_closure(
        &self,
        request: &ClosureRequest,
        _: &FetchOptions,
        _: &dyn Events,
    ) -> Result<StorePath, FetchError> {
        self.inner.fetch_closure(request, &self.fetch_options, &self.progress)
    }

    fn add_source(
        &self,
        request: &SourceRequest,
        _: &FetchOptions,
        _: &dyn Events,
    ) -> Result<Source, FetchError> {
        self.inner.add_source(request, &self.fetch_options, &self.progress)
    }

    fn realise(
        &self,
        targets: &[DerivedPath],
        _: &RealiseOptions,
        _: &dyn Events,
    ) -> Result<Vec<Realised>, BuildError> {
        self.flush()?;
        self.inner.realise(targets, &self.options, &self.progress)
    }
}
