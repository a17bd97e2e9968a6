//! What a pure or restricted evaluation may look at: the search path, and what it brought itself.
//!
//! Source: CppNix, `AllowListSourceAccessor` and the calls of `EvalState::allowPath`.

use std::cell::RefCell;
use std::collections::BTreeSet;

use store::StorePath;

use crate::error::{self, ErrorKind, EvalError, Result};
use crate::interpret::Eval;
use crate::lookup;
use crate::source::{HOST, SourcePath};

/// The places that may be looked at, with all that is below them.
#[derive(Default)]
pub(crate) struct Access {
    places: RefCell<BTreeSet<Vec<u8>>>,
}

impl Access {
    fn allow(&self, place: &[u8]) {
        self.places.borrow_mut().insert(place.to_vec());
    }

    /// Whether `path` is such a place, lies below one, or on the way to one.
    fn allows(&self, path: &[u8]) -> bool {
        let places = self.places.borrow();
        if path == b"/" {
            return !places.is_empty();
        }
        let mut end = path.len();
        loop {
            if path.get(..end.max(1)).is_some_and(|start| places.contains(start)) {
                return true;
            }
            if end == 0 {
                break;
            }
            end = path
                .get(..end)
                .and_then(|start| start.iter().rposition(|&it| it == b'/'))
                .unwrap_or(0);
        }
        let below = [path, b"/"].concat();
        let next = places.range(below.clone()..).next();
        next.is_some_and(|place| place.starts_with(&below))
    }
}

impl Eval<'_> {
    /// Whether there is something that this evaluation may not look at.
    pub(crate) fn is_limited(&self) -> bool {
        self.settings().pure || self.settings().restrict
    }

    /// Lets the evaluation see what the search path names.
    ///
    /// What is wrong with an entry is told when it is looked at.
    pub(crate) fn allow_search_path(&mut self) {
        if !self.settings().restrict || self.settings().pure {
            return;
        }
        for (_, entry) in &self.settings().search_path {
            if lookup::is_address(&String::from_utf8_lossy(entry)) {
                continue;
            }
            let place = lookup::absolute(self, entry);
            self.known.access.allow(&place);
            let object = std::str::from_utf8(&place).ok();
            if let Some((object, _)) =
                object.and_then(|place| self.store().directory().split(place).ok())
            {
                // An object that is not there cannot be seen either.
                let _ = self.allow_closure(&object);
            }
            // The error is met again by whoever looks it up.
            let _ = lookup::resolve_entry(self, entry);
        }
    }

    /// Lets the evaluation see an object that it brought into the store.
    pub(crate) fn allow_object(&self, path: &StorePath) {
        if self.is_limited() {
            self.known.access.allow(self.store().directory().display(path).as_bytes());
        }
    }

    /// Lets the evaluation see an object and all that it refers to.
    ///
    /// # Errors
    ///
    /// When the store cannot say what that is.
    pub(crate) fn allow_closure(&self, path: &StorePath) -> Result<()> {
        if !self.is_limited() {
            return Ok(());
        }
        let (mut seen, mut open) = (BTreeSet::from([path.clone()]), vec![path.clone()]);
        while let Some(next) = open.pop() {
            self.allow_object(&next);
            let info = self.store().path_info(&next).map_err(|error| error::store(&error))?;
            let references = info.map(|info| info.references).unwrap_or_default();
            open.extend(references.into_iter().filter(|path| seen.insert(path.clone())));
        }
        Ok(())
    }

    /// Whether the evaluation may look at a path, all links before which were followed.
    pub(crate) fn is_allowed(&self, path: &SourcePath) -> bool {
        path.root != HOST || !self.is_limited() || self.known.access.allows(&path.bytes)
    }

    /// Refuses what a pure or restricted evaluation may not look at.
    pub(crate) fn check_allowed(&self, path: &SourcePath) -> Result<()> {
        if self.is_allowed(path) {
            return Ok(());
        }
        Err(self.refusal(path))
    }

    #[cold]
    fn refusal(&self, path: &SourcePath) -> Box<EvalError> {
        let mode = if self.settings().pure {
            "pure evaluation mode (use '--impure' to override)"
        } else {
            "restricted mode"
        };
        let path = path.display();
        let message = format!("access to absolute path '{path}' is forbidden in {mode}");
        EvalError::new(ErrorKind::Restricted, message)
    }
}

#[cfg(test)]
mod tests {
    use super::Access;

    #[test]
    fn places_allow_what_is_below_and_the_way_there() {
        let access = Access::default();
        assert!(!access.allows(b"/"));
        access.allow(b"/a/b");
        for allowed in ["/", "/a", "/a/b", "/a/b/c", "/a/b/c/d"] {
            assert!(access.allows(allowed.as_bytes()), "{allowed}");
        }
        for refused in ["/b", "/a/c", "/a/bc", "/a/b.c", "/a/b.c/d", "/ab"] {
            assert!(!access.allows(refused.as_bytes()), "{refused}");
        }
        access.allow(b"/");
        assert!(access.allows(b"/b"));
    }
}
