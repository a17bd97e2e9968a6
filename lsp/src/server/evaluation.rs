//! The thread that evaluates: one option tree after another, under limits.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use eval::interpret::on_large_stack;
use eval::option_tree::{self, OptionTree};
use eval::settings::Settings;
use eval::source::{HOST, SourcePath};

use super::Host;
use super::event::{Checked, Event, Indexed};
use super::indexes::Root;
use super::overlay::Overlay;
use super::values::Texts;

/// The most memory for the values of an evaluation. Unit: bytes.
const HEAP_SIZE_BYTES_MAX: usize = 4 << 30;

/// An evaluation that shall run.
pub(super) struct Order {
    /// What to evaluate.
    pub(super) root: Root,
    /// The editor's texts by path.
    pub(super) texts: Texts,
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
            let (root, texts) = (order.root.clone(), order.texts.clone());
            let cancel = Arc::clone(&order.cancel);
            let indexed = evaluate(&host, order);
            let is_known = indexed.options.is_ok();
            if events.send(Event::Indexed(indexed)).is_err() {
                return;
            }
            if is_known && let Some(path) = system_path(&root) {
                let checked = check(&host, &path, texts, Arc::clone(&cancel));
                if cancel.load(Ordering::SeqCst) {
                    continue;
                }
                if events.send(Event::Checked(root, checked)).is_err() {
                    return;
                }
            }
        }
    })?;
    Ok(orders)
}

/// Returns the path of a configuration that describes a whole system; a module that nobody imports
/// describes only a part of one.
fn system_path(root: &Root) -> Option<SourcePath> {
    match root {
        Root::Configuration(path) if path.ends_with(b"/configuration.nix") => {
            Some(SourcePath::new(HOST, path))
        }
        Root::Configuration(_) | Root::Library => None,
    }
}

fn check(host: &Host, path: &SourcePath, texts: Texts, cancel: Arc<AtomicBool>) -> Option<Checked> {
    let system = Overlay::new(Arc::clone(&host.system), texts.clone());
    let settings = settings(host, cancel);
    let store = (host.open_store)().ok()?;
    let work = || on_large_stack(|| option_tree::check_system(&system, &*store, &settings, path));
    let failure = catch_unwind(AssertUnwindSafe(work)).ok().flatten()?;
    Some(Checked { failure, texts })
}

fn settings(host: &Host, cancel: Arc<AtomicBool>) -> Settings {
    let mut settings = Settings { cancel, ..host.settings.clone() };
    if settings.heap_size_bytes_max == 0 {
        settings.heap_size_bytes_max = HEAP_SIZE_BYTES_MAX;
    }
    // An editor looks; it builds nothing.
    settings.read_only = true;
    settings.import_from_derivation = false;
    settings
}

fn evaluate(host: &Host, order: Order) -> Indexed {
    let system = Overlay::new(Arc::clone(&host.system), order.texts);
    let settings = settings(host, Arc::clone(&order.cancel));
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
