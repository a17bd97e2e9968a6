//! What is known of the package sets and libraries of the roots, and what is being looked up.
//!
//! Answers are kept when a file changes that the evaluation has looked at: they are given until
//! newer ones are there, which the next question asks for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use eval::inspect::{Base, Inspected, Lookup};

use super::configuration::SharedConfiguration;
use super::event::Looked;
use super::indexes::Root;
use super::inspection::Order;
use crate::ide;

/// How long one answer may take.
pub(super) const ANSWER_MAX: Duration = Duration::from_mins(1);
/// How long an expression may take that nobody has asked for in so many words.
const EXPRESSION_MAX: Duration = Duration::from_secs(12);
/// How many expressions are remembered.
const EXPRESSIONS_MAX: usize = 256;
/// How long edits must pause before what was found counts as old.
const QUIET: Duration = Duration::from_millis(800);

/// The editor's texts by path.
pub(super) type Texts = BTreeMap<Vec<u8>, Arc<[u8]>>;

#[derive(Clone)]
struct Entry {
    found: Arc<Inspected>,
    epoch: u64,
}

#[derive(Default)]
struct Known {
    entries: Arc<BTreeMap<Lookup, Entry>>,
    pending: BTreeSet<Lookup>,
    /// Counts the changes of what was looked at.
    epoch: u64,
    observed: BTreeSet<Vec<u8>>,
    /// When the next epoch begins.
    due: Option<Instant>,
}

/// What is known of all roots.
pub(super) struct Values {
    by_root: BTreeMap<Root, Known>,
    orders: mpsc::Sender<Order>,
    cancel: Arc<AtomicBool>,
    /// When to give up what is being looked up.
    until: Option<Instant>,
}

impl Values {
    /// Returns what is known at first: nothing. Orders go to the thread that looks things up.
    pub(super) fn new(orders: mpsc::Sender<Order>, cancel: Arc<AtomicBool>) -> Values {
        Values { by_root: BTreeMap::new(), orders, cancel, until: None }
    }

    /// Returns what is known of a root now.
    pub(super) fn snapshot(&self, root: &Root) -> Snapshot {
        let known = self.by_root.get(root);
        Snapshot {
            root: root.clone(),
            entries: known.map(|it| Arc::clone(&it.entries)).unwrap_or_default(),
            epoch: known.map_or(0, |it| it.epoch),
            missing: RefCell::default(),
            stale: RefCell::default(),
        }
    }

    /// Orders what is not known and not on its way.
    pub(super) fn want(
        &mut self,
        root: &Root,
        lookups: Vec<Lookup>,
        given: impl Fn() -> (Texts, SharedConfiguration),
    ) {
        let known = self.by_root.entry(root.clone()).or_default();
        let epoch = known.epoch;
        let is_new = |it: &Lookup| known.entries.get(it).is_none_or(|entry| entry.epoch != epoch);
        let new: Vec<Lookup> =
            lookups.into_iter().filter(|it| is_new(it) && !known.pending.contains(it)).collect();
        if new.is_empty() {
            return;
        }
        known.pending.extend(new.iter().cloned());
        let until = Instant::now() + patience(&new);
        self.until = Some(self.until.map_or(until, |it| it.max(until)));
        let (texts, configuration) = given();
        let order = Order { root: root.clone(), epoch, lookups: new, texts, configuration };
        drop(self.orders.send(order));
    }

    /// Takes answers.
    pub(super) fn finish(&mut self, looked: Looked) {
        let known = self.by_root.entry(looked.root).or_default();
        let entries = Arc::make_mut(&mut known.entries);
        let is_expression = |it: &&Lookup| matches!(it.base, Base::Expression(_));
        if entries.keys().filter(is_expression).count() > EXPRESSIONS_MAX {
            entries.retain(|lookup, _| !is_expression(&lookup));
        }
        for (lookup, found) in looked.found {
            known.pending.remove(&lookup);
            entries.insert(lookup, Entry { found: Arc::new(found), epoch: looked.epoch });
        }
        if let Some(observed) = looked.observed {
            known.observed = observed;
        }
        let pending = self.by_root.values().filter(|known| !known.pending.is_empty());
        let longest = pending.map(|known| patience(&known.pending)).max();
        self.until = longest.map(|it| Instant::now() + it);
    }

    /// Whether any of these is on its way.
    pub(super) fn is_pending(&self, root: &Root, lookups: &[Lookup]) -> bool {
        let known = self.by_root.get(root);
        known.is_some_and(|known| lookups.iter().any(|it| known.pending.contains(it)))
    }

    /// Notes that a file has changed.
    pub(super) fn changed(&mut self, path: &[u8], now: Instant) {
        for known in self.by_root.values_mut() {
            if known.observed.contains(path) {
                known.due = Some(now + QUIET);
            }
        }
    }

    /// Notes that the settings have changed: nothing that was found need be right any more.
    pub(super) fn settings_changed(&mut self, now: Instant) {
        for known in self.by_root.values_mut() {
            known.due = Some(now);
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) {
        for known in self.by_root.values_mut() {
            if known.due.is_some_and(|due| due <= now) {
                known.due = None;
                known.epoch += 1;
            }
        }
        if self.until.is_some_and(|until| until <= now) {
            self.cancel.store(true, Ordering::SeqCst);
            self.until = Some(now + ANSWER_MAX);
        }
    }

    /// Returns when [`tick`](Values::tick) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.by_root.values().filter_map(|it| it.due).chain(self.until).min()
    }

    /// Stops what is running.
    pub(super) fn stop(&self) {
        self.cancel.store(true, Ordering::SeqCst);
    }
}

/// Whether somebody has asked for an expression and waits for as long as it takes.
pub(super) fn is_patient(lookup: &Lookup) -> bool {
    matches!(&lookup.base, Base::Expression(it) if it.is_patient)
}

/// Returns how long the answers to these may take.
fn patience<'a>(lookups: impl IntoIterator<Item = &'a Lookup>) -> Duration {
    let is_quick = |it: &Lookup| matches!(&it.base, Base::Expression(it) if !it.is_patient);
    if lookups.into_iter().all(is_quick) { EXPRESSION_MAX } else { ANSWER_MAX }
}

/// What is known of a root at one moment; it notes what it was asked for in vain.
pub(super) struct Snapshot {
    /// The root.
    pub(super) root: Root,
    entries: Arc<BTreeMap<Lookup, Entry>>,
    epoch: u64,
    missing: RefCell<BTreeSet<Lookup>>,
    stale: RefCell<BTreeSet<Lookup>>,
}

impl Snapshot {
    /// Returns what was asked for and is not known.
    pub(super) fn missing(&self) -> Vec<Lookup> {
        self.missing.borrow().iter().cloned().collect()
    }

    /// Whether anything was asked for that is not known.
    pub(super) fn is_missing(&self) -> bool {
        !self.missing.borrow().is_empty()
    }

    /// Returns what was asked for and may be different by now.
    pub(super) fn stale(&self) -> Vec<Lookup> {
        self.stale.borrow().iter().cloned().collect()
    }
}

impl ide::Values for Snapshot {
    fn get(&self, lookup: &Lookup) -> Option<Arc<Inspected>> {
        match self.entries.get(lookup) {
            Some(entry) => {
                if entry.epoch != self.epoch {
                    self.stale.borrow_mut().insert(lookup.clone());
                }
                Some(Arc::clone(&entry.found))
            }
            None => {
                self.missing.borrow_mut().insert(lookup.clone());
                None
            }
        }
    }

    fn wish(&self, lookup: &Lookup) -> Option<Arc<Inspected>> {
        if self.entries.contains_key(lookup) {
            return self.get(lookup);
        }
        self.stale.borrow_mut().insert(lookup.clone());
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::Values as _;

    #[test]
    fn old_answers_are_given_until_new_ones_are_there() {
        let (orders, queue) = mpsc::channel();
        let mut values = Values::new(orders, Arc::default());
        let (root, now) = (Root::Library, Instant::now());
        let lookup = Lookup { base: Base::Packages, path: Vec::new() };
        let first = values.snapshot(&root);
        assert_eq!(first.get(&lookup), None);
        let given = || (Texts::new(), SharedConfiguration::default());
        values.want(&root, first.missing(), given);
        values.want(&root, first.missing(), given);
        assert_eq!(queue.try_iter().count(), 1, "it is on its way");
        assert!(values.is_pending(&root, std::slice::from_ref(&lookup)));
        let answer = |epoch| Looked {
            root: Root::Library,
            epoch,
            found: vec![(lookup.clone(), Inspected::default())],
            observed: Some(BTreeSet::from([b"/a".to_vec()])),
        };
        values.finish(answer(0));
        assert!(!values.is_pending(&root, std::slice::from_ref(&lookup)));
        values.changed(b"/a", now);
        values.tick(now + QUIET);
        let second = values.snapshot(&root);
        assert!(second.get(&lookup).is_some());
        assert_eq!((second.missing().len(), second.stale().len()), (0, 1));
        values.want(&root, second.stale(), given);
        assert_eq!(queue.try_iter().map(|order| order.epoch).collect::<Vec<_>>(), [1]);
    }
}
