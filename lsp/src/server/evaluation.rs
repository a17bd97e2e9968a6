//! The thread that evaluates: one option tree after another, under limits.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use eval::interpret::on_large_stack;
use eval::option_tree::{self, OptionTree};
use eval::settings::Settings;
use eval::source::{HOST, SourcePath};

use super::Host;
use super::event::{Event, Indexed};
use super::indexes::Root;
use super::overlay::Overlay;

/// The most memory for the values of an evaluation. Unit: bytes.
const HEAP_SIZE_BYTES_MAX: usize = 4 << 30;

/// An evaluation that shall run.
pub(super) struct Order {
    /// What to evaluate.
    pub(super) root: Root,
    /// The editor's texts by path.
    pub(super) texts: BTreeMap<Vec<u8>, Arc<[u8]>>,
    /// Set to stop it.
    pub(super) cancel: Arc<AtomicBool>,
}

/// Starts the thread; results go to the session.
pub(super) fn start(
    host: Arc<Host>,
    events: mpsc::Sender<Event>,
) -> io::Result<mpsc::Sender<Order>> {
    let (orders, queue) = mpsc::channel::<Order>();
    std::thread::Builder::new().name("evaluation".to_owned()).spawn(move || {
        while let Ok(order) = queue.recv() {
            if events.send(Event::Indexed(evaluate(&host, order))).is_err() {
                return;
            }
        }
    })?;
    Ok(orders)
}

fn evaluate(host: &Host, order: Order) -> Indexed {
    let system = Overlay::new(Arc::clone(&host.system), order.texts);
    let mut settings = Settings { cancel: Arc::clone(&order.cancel), ..host.settings.clone() };
    if settings.heap_size_bytes_max == 0 {
        settings.heap_size_bytes_max = HEAP_SIZE_BYTES_MAX;
    }
    // An editor looks; it builds nothing.
    settings.read_only = true;
    settings.import_from_derivation = false;
    let work = || on_large_stack(|| options(host, &system, &settings, &order.root));
    let options = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(options) => options.map(Arc::new),
        Err(_) => Err("the evaluation panicked".to_owned()),
    };
    let options = match options {
        Err(_) if order.cancel.load(Ordering::SeqCst) => Err("it took too long".to_owned()),
        options => options,
    };
    Indexed { root: order.root, options, observed: system.observed() }
}

fn options(
    host: &Host,
    system: &Overlay,
    settings: &Settings,
    root: &Root,
) -> Result<OptionTree, String> {
    let store = (host.open_store)()?;
    let configuration = match root {
        Root::Library => None,
        Root::Configuration(path) => Some(SourcePath::new(HOST, path)),
    };
    option_tree::of_configuration(system, &*store, settings, configuration.as_ref())
}
