//! What an output may refer to and how large it may be, where its derivation says.

use std::collections::{BTreeMap, BTreeSet};

use super::attributes::OutputChecks;
use crate::error::StoreError;
use crate::path::StorePath;
use crate::path_info::PathInfo;
use crate::store::Store;

/// The outputs of one derivation, by name, none of them registered yet.
pub(super) struct Outputs<'o> {
    pub(super) store: &'o dyn Store,
    pub(super) infos: &'o BTreeMap<String, PathInfo>,
}

/// A closure and the size of its archives, in bytes.
struct Closure {
    paths: BTreeSet<StorePath>,
    size: u64,
}

impl Outputs<'_> {
    /// Checks the output called `name` and returns what is wrong with it, if something is.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub(super) fn violation(
        &self,
        name: &str,
        checks: &OutputChecks,
    ) -> Result<Option<String>, StoreError> {
        let Some(info) = self.infos.get(name) else { return Ok(None) };
        let printed = self.store.directory().display(&info.path);
        if let Some(limit) = checks.size_max.filter(|limit| info.nar_size > *limit) {
            let size = info.nar_size;
            return Ok(Some(format!(
                "path '{printed}' is too large at {size} bytes; limit is {limit} bytes"
            )));
        }
        let needs_closure = checks.closure_size_max.is_some()
            || checks.allowed_requisites.is_some()
            || checks.disallowed_requisites.is_some();
        let mut closure = Closure { paths: BTreeSet::new(), size: 0 };
        if needs_closure {
            closure = self.closure(&info.path)?;
        }
        if let Some(limit) = checks.closure_size_max.filter(|limit| closure.size > *limit) {
            let size = closure.size;
            return Ok(Some(format!(
                "closure of path '{printed}' is too large at {size} bytes; limit is {limit} bytes"
            )));
        }
        if checks.ignores_self {
            closure.paths.remove(&info.path);
        }
        let rules = [
            (&checks.allowed_references, true, &info.references),
            (&checks.allowed_requisites, true, &closure.paths),
            (&checks.disallowed_references, false, &info.references),
            (&checks.disallowed_requisites, false, &closure.paths),
        ];
        for (specifiers, is_allowed, used) in rules {
            let Some(specifiers) = specifiers else { continue };
            let named = match self.specified(specifiers) {
                Ok(named) => named,
                Err(problem) => return Ok(Some(problem)),
            };
            let bad: Vec<String> = used
                .iter()
                .filter(|path| named.contains(*path) != is_allowed)
                .map(|path| format!("\n  {}", self.store.directory().display(path)))
                .collect();
            if !bad.is_empty() {
                let bad = bad.concat();
                return Ok(Some(format!(
                    "output '{printed}' is not allowed to refer to the following paths:{bad}"
                )));
            }
        }
        Ok(None)
    }

    /// Returns the paths that `specifiers` mean: store paths and names of outputs.
    fn specified(&self, specifiers: &[String]) -> Result<BTreeSet<StorePath>, String> {
        let mut paths = BTreeSet::new();
        for specifier in specifiers {
            match (self.store.directory().parse(specifier), self.infos.get(specifier)) {
                (Ok(path), _) => paths.insert(path),
                (Err(_), Some(info)) => paths.insert(info.path.clone()),
                (Err(_), None) => {
                    return Err(format!(
                        "derivation contains an illegal reference specifier '{specifier}'"
                    ));
                }
            };
        }
        Ok(paths)
    }

    /// Returns the closure of `path`, whose members may be outputs that are not valid yet.
    fn closure(&self, path: &StorePath) -> Result<Closure, StoreError> {
        let mut size = 0;
        let paths = crate::closure::closure([path.clone()], |path| {
            let ours = self.infos.values().find(|info| info.path == *path);
            let info = match ours {
                Some(info) => info.clone(),
                None => self.store.path_info(path)?.ok_or_else(|| StoreError::NotValid {
                    path: self.store.directory().display(path),
                })?,
            };
            size += info.nar_size;
            Ok::<_, StoreError>(info.references.into_iter().collect())
        })?;
        Ok(Closure { paths, size })
    }
}
