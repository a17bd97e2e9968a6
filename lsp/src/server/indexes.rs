//! The option trees of the roots: which are known, which are being evaluated, which are stale.
//!
//! One evaluation runs at a time. Its result replaces the last good one; a failed one leaves it,
//! so that answers do not vanish while a configuration is being edited.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eval::option_tree::OptionTree;

use crate::ide::cursor::Part;
pub(super) use crate::ide::role::Root;

/// How long an evaluation may take.
const EVALUATION_MAX: Duration = Duration::from_mins(3);
/// How long edits must pause before an evaluation is repeated.
const QUIET: Duration = Duration::from_millis(800);

#[derive(Default)]
struct Index {
    /// The last good tree.
    options: Option<Arc<OptionTree>>,
    /// The files that the last evaluation looked at.
    observed: BTreeSet<Vec<u8>>,
    /// Whether an evaluation is queued or runs.
    is_pending: bool,
    /// When to evaluate again.
    due: Option<Instant>,
}

struct Running {
    cancel: Arc<AtomicBool>,
    until: Instant,
}

/// A whole tree and a part of it.
type Scoped = (Arc<OptionTree>, Arc<OptionTree>);

/// All option trees of a session.
#[derive(Default)]
pub(super) struct Indexes {
    by_root: BTreeMap<Root, Index>,
    queue: VecDeque<Root>,
    running: Option<Running>,
    /// How long an evaluation may take.
    time_max: Option<Duration>,
    /// Parts of trees, with the whole of which they were taken.
    scoped: RefCell<BTreeMap<(Root, Vec<Part>), Scoped>>,
}

impl Indexes {
    /// Asks for the options of a root, unless they are known or on their way.
    pub(super) fn want(&mut self, root: &Root) {
        if !self.by_root.contains_key(root) {
            self.enqueue(root);
        }
    }

    /// Returns the best options known for a root: its own, else the library's.
    pub(super) fn options(&self, root: &Root) -> Option<Arc<OptionTree>> {
        let known = |root| self.by_root.get(root).and_then(|index| index.options.clone());
        match root {
            // The options of NixOS are not those of another system.
            Root::Expression { .. } => known(root),
            Root::Library | Root::Configuration(_) => known(root).or_else(|| known(&Root::Library)),
        }
    }

    /// Returns the options inside the value of the one at `prefix`.
    pub(super) fn options_at(&self, root: &Root, prefix: &[Part]) -> Option<Arc<OptionTree>> {
        let whole = self.options(root)?;
        if prefix.is_empty() {
            return Some(whole);
        }
        let key = (root.clone(), prefix.to_vec());
        let mut known = self.scoped.borrow_mut();
        match known.get(&key) {
            Some((of, part)) if Arc::ptr_eq(of, &whole) => Some(Arc::clone(part)),
            _ => {
                let part = Arc::new(crate::ide::role::options_inside(&whole, prefix));
                known.insert(key, (whole, Arc::clone(&part)));
                Some(part)
            }
        }
    }

    /// Whether options that a root has none of may still come.
    pub(super) fn is_pending(&self, root: &Root) -> bool {
        let pending = |root| self.by_root.get(root).is_some_and(|index| index.is_pending);
        let is_nixos = !matches!(root, Root::Expression { .. });
        pending(root) || is_nixos && pending(&Root::Library)
    }

    /// Notes that a file has changed: what looked at it is evaluated again once edits pause.
    pub(super) fn changed(&mut self, path: &[u8], now: Instant) {
        for index in self.by_root.values_mut() {
            if index.observed.contains(path) {
                index.due = Some(now + QUIET);
            }
        }
    }

    /// Returns the root to evaluate next and its cancel flag, if it is time for one.
    pub(super) fn next(&mut self, now: Instant) -> Option<(Root, Arc<AtomicBool>)> {
        let is_due = |index: &Index| !index.is_pending && index.due.is_some_and(|due| due <= now);
        let due = self.by_root.iter().filter(|(_, index)| is_due(index));
        let due: Vec<Root> = due.map(|(root, _)| root.clone()).collect();
        for root in due {
            self.enqueue(&root);
        }
        if let Some(running) = &mut self.running {
            if running.until <= now {
                running.cancel.store(true, Ordering::SeqCst);
                running.until = now + EVALUATION_MAX;
            }
            return None;
        }
        let root = self.queue.pop_front()?;
        if let Some(index) = self.by_root.get_mut(&root) {
            index.due = None;
        }
        let cancel = Arc::new(AtomicBool::new(false));
        let until = now + self.time_max.unwrap_or(EVALUATION_MAX);
        self.running = Some(Running { cancel: Arc::clone(&cancel), until });
        Some((root, cancel))
    }

    /// Notes that the settings have changed: everything is evaluated again.
    pub(super) fn settings_changed(&mut self, time_max: Duration, now: Instant) {
        self.time_max = Some(time_max);
        for index in self.by_root.values_mut() {
            index.due = Some(now);
        }
    }

    /// Takes what an earlier evaluation had found, until the running one has ended.
    pub(super) fn preview(&mut self, root: &Root, options: Option<Arc<OptionTree>>) {
        let index = self.by_root.entry(root.clone()).or_default();
        if index.options.is_none() {
            index.options = options;
        }
    }

    /// Takes the result of the running evaluation.
    pub(super) fn finish(
        &mut self,
        root: &Root,
        options: Option<Arc<OptionTree>>,
        observed: BTreeSet<Vec<u8>>,
    ) {
        self.running = None;
        let index = self.by_root.entry(root.clone()).or_default();
        index.is_pending = false;
        index.observed = observed;
        let is_known = options.is_some() || index.options.is_some();
        if options.is_some() {
            index.options = options;
        }
        if !is_known {
            self.want(&Root::Library);
        }
    }

    /// Returns when [`next`](Indexes::next) has something to do by itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let due = self.by_root.values().filter(|it| !it.is_pending).filter_map(|it| it.due);
        due.chain(self.running.as_ref().map(|running| running.until)).min()
    }

    /// Stops what is running and forgets what is queued.
    pub(super) fn stop(&mut self) {
        self.queue.clear();
        for index in self.by_root.values_mut() {
            index.due = None;
        }
        if let Some(running) = &self.running {
            running.cancel.store(true, Ordering::SeqCst);
        }
    }

    fn enqueue(&mut self, root: &Root) {
        self.by_root.entry(root.clone()).or_default().is_pending = true;
        self.queue.push_back(root.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a() -> Root {
        Root::Configuration(b"/a.nix".to_vec())
    }

    #[test]
    fn a_failed_root_falls_back_to_the_library_and_keeps_what_it_had() {
        let now = Instant::now();
        let mut indexes = Indexes::default();
        indexes.want(&a());
        assert_eq!(indexes.next(now).map(|it| it.0), Some(a()));
        assert!(indexes.next(now).is_none(), "one at a time");
        indexes.finish(&a(), None, BTreeSet::new());
        assert!(indexes.is_pending(&a()));
        assert_eq!(indexes.next(now).map(|it| it.0), Some(Root::Library));
        let tree = Arc::new(OptionTree::default());
        indexes.finish(&Root::Library, Some(Arc::clone(&tree)), BTreeSet::new());
        assert!(indexes.options(&a()).is_some_and(|found| Arc::ptr_eq(&found, &tree)));
        assert!(!indexes.is_pending(&a()));
    }

    #[test]
    fn an_observed_file_makes_a_root_due_after_a_pause() {
        let now = Instant::now();
        let mut indexes = Indexes::default();
        indexes.want(&a());
        assert!(indexes.next(now).is_some());
        indexes.finish(&a(), Some(Arc::default()), BTreeSet::from([b"/a.nix".to_vec()]));
        indexes.changed(b"/other.nix", now);
        assert_eq!(indexes.deadline(), None);
        indexes.changed(b"/a.nix", now);
        assert!(indexes.next(now).is_none());
        assert_eq!(indexes.next(now + QUIET).map(|it| it.0), Some(a()));
        assert!(indexes.deadline().is_some_and(|until| until > now + QUIET));
    }
}
