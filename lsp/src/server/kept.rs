//! What is remembered of answers, because a later request refers to them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lsp_types::Uri;

use crate::ide::completion::Subject;

/// How many completions are remembered: the client asks for more about items of the last one.
const COMPLETIONS_MAX: usize = 4;
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

    /// Remembers what the items of a completion stand for; returns the number of the first one,
    /// those of the others follow.
    pub(super) fn completion(&self, uri: &Uri, subjects: Vec<Option<Subject>>) -> u64 {
        let mut state = self.state();
        state.serial += 1;
        let serial = state.serial;
        state.completions.push_back(Completion { serial, uri: uri.clone(), subjects });
        while state.completions.len() > COMPLETIONS_MAX {
            state.completions.pop_front();
        }
        serial << ITEMS_BITS
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
        let first = kept.completion(&uri, vec![subject("a"), None, subject("c")]);
        assert_eq!(kept.item(first + 2).map(|it| it.1), subject("c"));
        assert_eq!(kept.item(first + 1), None);
        assert_eq!(kept.item(first + 3), None);
        for _ in 0..COMPLETIONS_MAX {
            kept.completion(&uri, vec![subject("b")]);
        }
        assert_eq!(kept.item(first), None, "too old");
    }
}
