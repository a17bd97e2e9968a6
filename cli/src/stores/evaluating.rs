//! A store as an evaluation sees it: what is built for it is built as the settings say.
//!
//! The language has no word for how to build; when an evaluation reads what nobody has built yet,
//! the sandbox, the limits and what is told are those of the command that evaluates.

use super::forward::forward_to_store;
use crate::building::{self, Progress};
use crate::context::Context;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use store::nar::Tree;
use store::store::Roots;
use store::{
    AddError, BuildError, Derivation, DerivedPath, Events, GcError, GcOptions, GcResult, NewTree,
    PathInfo, RealiseOptions, Realised, Store, StoreDirectory, StoreError, StorePath,
};

/// Another store, which builds as the settings say.
pub(crate) struct EvaluatingStore<'s> {
    inner: &'s dyn Store,
    options: RealiseOptions,
    progress: Progress,
}

impl<'s> EvaluatingStore<'s> {
    /// Returns `inner` as an evaluation of this command sees it.
    pub(crate) fn new(cx: &Context, inner: &'s dyn Store) -> Self {
        let options = building::options(&cx.settings);
        Self { inner, options, progress: Progress::new(cx) }
    }

    #[expect(clippy::unnecessary_wraps, reason = "forwarding is written for stores that may fail")]
    fn get(&self) -> Result<&dyn Store, StoreError> {
        Ok(self.inner)
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

    fn realise(
        &self,
        targets: &[DerivedPath],
        _: &RealiseOptions,
        _: &dyn Events,
    ) -> Result<Vec<Realised>, BuildError> {
        self.inner.realise(targets, &self.options, &self.progress)
    }
}
