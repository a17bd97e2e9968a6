//! What is remembered of answers, because a later request refers to them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lsp_types::{Location, Position, Uri};

use crate::ide::completion::Subject;

/// How many completions are remembered: the client asks for more about items of the last one.
const COMPLETIONS_MAX: usize = 4;
/// How many answers with references are remembered.
const REFERENCES_MAX: usize = 8;
/// How many items of one completion have a number.
const ITEMS_BITS: u32 = 20;

/// The last answers of a session.
#[derive(Default)]
pub(super) struct Kept {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    serial: u64,
    tokens: BTreeMap<String, Tokens>,
    completions: VecDeque<Completion>,
    references: VecDeque<(ReferencesOf, Vec<Location>)>,
}

/// A question for references.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ReferencesOf {
    /// The moment at which it is asked, as the session counts what it is told.
    pub(super) moment: u64,
    /// The document.
    pub(super) uri: Uri,
    /// The name.
    pub(super) position: Position,
    /// Whether its definitions are wanted as well.
    pub(super) with_definitions: bool,
}

/// The semantic tokens of a document as they were sent.
pub(super) struct Tokens {
    /// What the client calls them.
    pub(super) id: String,
    /// The numbers.
    pub(super) data: Vec<u32>,
}

struct Completion {
    serial: u64,
    uri: Uri,
    subjects: Vec<Option<Subject>>,
}

impl Kept {
    /// Remembers the tokens of a document; returns their name and those before.
    pub(super) fn tokens(&self, uri: &Uri, data: Vec<u32>) -> (String, Option<Tokens>) {
        let mut state = self.state();
        state.serial += 1;
        let id = state.serial.to_string();
        let before = state.tokens.insert(uri.as_str().to_owned(), Tokens { id: id.clone(), data });
        (id, before)
    }

    /// Forgets a document that is closed.
    pub(super) fn forget(&self, uri: &Uri) {
        let mut state = self.state();
        state.tokens.remove(uri.as_str());
        state.completions.retain(|it| it.uri != *uri);
    }

    /// Returns a number for an answer that is about to be written.
    pub(super) fn serial(&self) -> u64 {
        let mut state = self.state();
        state.serial += 1;
        state.serial
    }

    /// Returns the number of the first item of a completion; those of the others follow.
    pub(super) fn first_item(serial: u64) -> u64 {
        serial << ITEMS_BITS
    }

    /// Remembers what the items of a completion stand for.
    pub(super) fn completion(&self, serial: u64, uri: &Uri, subjects: Vec<Option<Subject>>) {
        let mut state = self.state();
        state.completions.push_back(Completion { serial, uri: uri.clone(), subjects });
        while state.completions.len() > COMPLETIONS_MAX {
            state.completions.pop_front();
        }
    }

    /// Returns the references that were found for the same question while nothing has changed.
    pub(super) fn references(&self, of: &ReferencesOf) -> Option<Vec<Location>> {
        let state = self.state();
        state.references.iter().find(|it| it.0 == *of).map(|it| it.1.clone())
    }

    /// Remembers references.
    pub(super) fn remember_references(&self, of: ReferencesOf, found: Vec<Location>) {
        let mut state = self.state();
        state.references.retain(|it| it.0.moment == of.moment);
        state.references.push_back((of, found));
        while state.references.len() > REFERENCES_MAX {
            state.references.pop_front();
        }
    }

    /// Returns what an item stands for, and the document it was offered in.
    pub(super) fn item(&self, number: u64) -> Option<(Uri, Subject)> {
        let state = self.state();
        let completion = state.completions.iter().find(|it| it.serial == number >> ITEMS_BITS)?;
        let index = number & ((1 << ITEMS_BITS) - 1);
        let subject = completion.subjects.get(index as usize)?.clone()?;
        Some((completion.uri.clone(), subject))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_the_last_completions_are_known() {
        let kept = Kept::default();
        let uri: Uri = "file:///a.nix".parse().expect("a URI");
        let subject = |name: &str| Some(Subject::Builtin(name.to_owned()));
        let complete = |subjects| {
            let serial = kept.serial();
            kept.completion(serial, &uri, subjects);
            Kept::first_item(serial)
        };
        let first = complete(vec![subject("a"), None, subject("c")]);
        assert_eq!(kept.item(first + 2).map(|it| it.1), subject("c"));
        assert_eq!(kept.item(first + 1), None);
        assert_eq!(kept.item(first + 3), None);
        for _ in 0..COMPLETIONS_MAX {
            complete(vec![subject("b")]);
        }
        assert_eq!(kept.item(first), None, "too old");
    }
}
