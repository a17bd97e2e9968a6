//! The thread that evaluates: one option tree after another, under limits.

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use eval::interpret::on_large_stack;
use eval::option_tree::{self, Configuration, OptionTree};
use eval::settings::Settings;
use eval::source::{HOST, SourcePath};

use super::Host;
use super::configuration::SharedConfiguration;
use super::event::{Checked, Event, Indexed};
use super::indexes::Root;
use super::overlay::Overlay;
use super::values::Texts;
use super::{cache, trust};

/// An evaluation that shall run.
pub(super) struct Order {
    /// What to evaluate.
    pub(super) root: Root,
    /// The editor's texts by path.
    pub(super) texts: Texts,
    /// Set to stop it.
    pub(super) cancel: Arc<AtomicBool>,
    /// The settings.
    pub(super) configuration: SharedConfiguration,
}

/// Starts the thread; results go to the session.
pub(super) fn start(
    host: Arc<Host>,
    events: mpsc::Sender<Event>,
) -> io::Result<mpsc::Sender<Order>> {
    let (orders, queue) = mpsc::channel::<Order>();
    std::thread::Builder::new().name("evaluation".to_owned()).spawn(move || {
        let mut has_looked = BTreeSet::new();
        while let Ok(order) = queue.recv() {
            let settings = Settings {
                cancel: Arc::clone(&order.cancel),
                ..order.configuration.settings(&host.settings)
            };
            let is_first = has_looked.insert(order.root.clone());
            let recalled = is_first.then(|| recalled(&host, &order, &settings, &events)).flatten();
            let indexed = recalled.unwrap_or_else(|| evaluate(&host, &order, &settings));
            let options = indexed.options.as_ref().ok().cloned();
            let observed = indexed.observed.clone();
            let is_new = !indexed.is_recalled;
            if events.send(Event::Indexed(indexed)).is_err() {
                return;
            }
            if let (Some(cache), Some(options), true) = (&host.cache, &options, is_new) {
                let system = Overlay::new(Arc::clone(&host.system), order.texts.clone());
                cache::write(&**cache, &system, &settings, &order.root, options, &observed);
            }
            if options.is_some()
                && let Some(target) = target(&order.root)
            {
                let may_fetch = order.configuration.evaluation.fetch;
                let checked = check(&host, &target, order.texts, &settings, may_fetch);
                if order.cancel.load(Ordering::SeqCst) {
                    continue;
                }
                if events.send(Event::Checked(order.root, checked)).is_err() {
                    return;
                }
            }
        }
    })?;
    Ok(orders)
}

/// What is asked for its assertions and warnings.
enum Target {
    /// A file that describes a whole system.
    File(SourcePath),
    /// A system of a flake, with the file that defines it.
    Flake(Configuration, SourcePath),
}

/// Returns what can be checked as a whole: a module that nobody imports describes only a part of
/// a system, and what stands in for the inputs of a flake may be wrong.
fn target(root: &Root) -> Option<Target> {
    match root {
        Root::Configuration(path) if path.ends_with(b"/configuration.nix") => {
            Some(Target::File(SourcePath::new(HOST, path)))
        }
        Root::Expression { directory, texts, .. } => {
            let text = texts.first().filter(|it| it.starts_with("(builtins.getFlake "))?;
            let file = SourcePath::new(HOST, &[directory, &b"/flake.nix"[..]].concat());
            let directory = SourcePath::new(HOST, directory);
            let texts = vec![text.clone()];
            Some(Target::Flake(Configuration::Expression { directory, texts }, file))
        }
        Root::Configuration(_) | Root::Library => None,
    }
}

fn check(
    host: &Host,
    target: &Target,
    texts: Texts,
    settings: &Settings,
    may_fetch: bool,
) -> Option<Checked> {
    let system = Overlay::new(Arc::clone(&host.system), texts.clone());
    let store = trust::store((host.open_store)().ok()?, may_fetch);
    let work = || {
        on_large_stack(|| match target {
            Target::File(path) => option_tree::check_system(&system, &*store, settings, path),
            Target::Flake(configuration, file) => {
                option_tree::check_modules(&system, &*store, settings, configuration, file)
            }
        })
    };
    let failures = catch_unwind(AssertUnwindSafe(work)).ok()?;
    (!failures.is_empty()).then_some(Checked { failures, texts })
}

/// Gives the session at once what was kept of an earlier one; returns it if it is still right.
fn recalled(
    host: &Host,
    order: &Order,
    settings: &Settings,
    events: &mpsc::Sender<Event>,
) -> Option<Indexed> {
    let kept = cache::read(&**host.cache.as_ref()?, settings, &order.root)?;
    let indexed = |is_final, observed| Indexed {
        root: order.root.clone(),
        options: Ok(Arc::clone(&kept.options)),
        observed,
        is_final,
        is_recalled: true,
    };
    // A session that has ended takes nothing more; this thread ends with the next order.
    drop(events.send(Event::Indexed(indexed(false, BTreeSet::new()))));
    let system = Overlay::new(Arc::clone(&host.system), order.texts.clone());
    kept.is_current(&system).then(|| indexed(true, kept.observed()))
}

fn evaluate(host: &Host, order: &Order, settings: &Settings) -> Indexed {
    if !order.configuration.evaluation.enable {
        let options = Err("evaluation is switched off".to_owned());
        let root = order.root.clone();
        return Indexed {
            root,
            options,
            observed: BTreeSet::new(),
            is_final: true,
            is_recalled: false,
        };
    }
    let system = Overlay::new(Arc::clone(&host.system), order.texts.clone());
    let work = || on_large_stack(|| options(host, &system, settings, order));
    let options = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(options) => options.map(Arc::new),
        Err(_) => Err("the evaluation panicked".to_owned()),
    };
    let options = match options {
        Err(_) if order.cancel.load(Ordering::SeqCst) => Err("it took too long".to_owned()),
        options => options,
    };
    let (root, observed) = (order.root.clone(), system.observed());
    Indexed { root, options, observed, is_final: true, is_recalled: false }
}

fn options(
    host: &Host,
    system: &Overlay,
    settings: &Settings,
    order: &Order,
) -> Result<OptionTree, String> {
    let store = trust::store((host.open_store)()?, order.configuration.evaluation.fetch);
    option_tree::of_system(system, &*store, settings, &order.root.configuration())
}
