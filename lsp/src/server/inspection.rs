//! The thread that looks into package sets and libraries: one evaluation, kept between questions.

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use eval::heap::Heap;
use eval::inspect::{Base, Inspected, Inspector, Lookup};
use eval::interpret::{Eval, on_large_stack};
use eval::settings::Settings;
use store::Store;

use super::Host;
use super::configuration::SharedConfiguration;
use super::event::{Event, Looked};
use super::indexes::Root;
use super::overlay::Overlay;
use super::trust;
use super::values::Texts;

/// How long an evaluation is kept that nobody asks.
const IDLE_MAX: Duration = Duration::from_mins(5);

/// How many expressions one evaluation takes: each leaves what it has made behind.
const EXPRESSIONS_MAX: usize = 200;

/// Something to look up.
pub(super) struct Order {
    /// Whose package set and library.
    pub(super) root: Root,
    /// The state of the files; another one needs another evaluation.
    pub(super) epoch: u64,
    /// What to look up.
    pub(super) lookups: Vec<Lookup>,
    /// The editor's texts.
    pub(super) texts: Texts,
    /// The settings.
    pub(super) configuration: SharedConfiguration,
}

/// Starts the thread; answers go to the session. `cancel` stops what it is doing.
pub(super) fn start(
    host: Arc<Host>,
    events: mpsc::Sender<Event>,
    cancel: Arc<AtomicBool>,
) -> io::Result<mpsc::Sender<Order>> {
    let (orders, mut queue) = mpsc::channel::<Order>();
    std::thread::Builder::new().name("inspection".to_owned()).spawn(move || {
        let mut next = queue.recv().ok();
        while let Some(order) = next.take() {
            let (root, epoch, lookups) = (order.root.clone(), order.epoch, order.lookups.clone());
            cancel.store(false, Ordering::SeqCst);
            let mut session = Session { host: &host, events: &events, cancel: &cancel };
            let work = AssertUnwindSafe(|| session.serve(order, &mut queue));
            next = catch_unwind(work).unwrap_or_else(|_| {
                session.answer(root, epoch, nothing(lookups), None);
                None
            });
            if next.is_none() {
                next = queue.recv().ok();
            }
        }
    })?;
    Ok(orders)
}

fn nothing(lookups: Vec<Lookup>) -> Vec<(Lookup, Inspected)> {
    lookups.into_iter().map(|lookup| (lookup, Inspected::default())).collect()
}

/// What is known of something whose evaluation was given up.
fn given_up(lookup: &Lookup) -> Inspected {
    let is_quick = matches!(&lookup.base, Base::Expression(it) if !it.is_patient);
    let error = is_quick.then(|| "it takes long; the command `nivis.evaluate` waits".to_owned());
    Inspected { error, ..Inspected::default() }
}

struct Session<'a> {
    host: &'a Host,
    events: &'a mpsc::Sender<Event>,
    cancel: &'a Arc<AtomicBool>,
}

impl Session<'_> {
    /// Answers orders from one evaluation, and returns the first that needs another.
    fn serve(&mut self, order: Order, queue: &mut mpsc::Receiver<Order>) -> Option<Order> {
        let system = Overlay::new(Arc::clone(&self.host.system), order.texts.clone());
        let settings = Settings {
            cancel: Arc::clone(self.cancel),
            ..order.configuration.settings(&self.host.settings)
        };
        let evaluation = &order.configuration.evaluation;
        let store = (self.host.open_store)().ok().filter(|_| evaluation.enable);
        let Some(store) = store.map(|it| trust::store(it, evaluation.fetch)) else {
            self.answer(order.root, order.epoch, nothing(order.lookups), None);
            return None;
        };
        on_large_stack(|| self.evaluate(order, queue, &system, &*store, &settings))
    }

    fn evaluate(
        &mut self,
        first: Order,
        queue: &mut mpsc::Receiver<Order>,
        system: &Overlay,
        store: &dyn Store,
        settings: &Settings,
    ) -> Option<Order> {
        let heap = Heap::new();
        let mut eval = Eval::new(&heap, system, store, settings);
        let mut inspector = Inspector::new(&mut eval, first.root.configuration());
        let (root, epoch) = (first.root.clone(), first.epoch);
        let (mut observed_count, mut expression_count) = (0, 0);
        let mut order = first;
        loop {
            let mut is_cancelled = false;
            let found = order.lookups.into_iter().map(|lookup| {
                expression_count += usize::from(matches!(lookup.base, Base::Expression(_)));
                let found = inspector.inspect(&lookup).unwrap_or_else(|_| {
                    is_cancelled = true;
                    given_up(&lookup)
                });
                (lookup, found)
            });
            let found = found.collect();
            let observed = system.observed();
            let has_grown = observed.len() > observed_count;
            observed_count = observed.len();
            self.answer(root.clone(), epoch, found, has_grown.then_some(observed));
            if is_cancelled {
                return None;
            }
            order = match queue.recv_timeout(IDLE_MAX) {
                Ok(order) => order,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            };
            let is_full = expression_count > EXPRESSIONS_MAX;
            if is_full || order.root != root || order.epoch != epoch {
                return Some(order);
            }
        }
    }

    fn answer(
        &self,
        root: Root,
        epoch: u64,
        found: Vec<(Lookup, Inspected)>,
        observed: Option<BTreeSet<Vec<u8>>>,
    ) {
        // A session that has ended needs no answer.
        drop(self.events.send(Event::Looked(Looked { root, epoch, found, observed })));
    }
}
