//! The thread that finds out what documents are part of: it reads the files around them.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};

use super::Host;
use super::event::Event;
use super::overlay::Overlay;
use super::values::Texts;
use crate::ide::file_index::FileIndex;
use crate::ide::role::{comments, roles};

/// A document whose roles shall be found.
pub(super) struct Order {
    /// Its name, by which the session knows it.
    pub(super) key: String,
    /// The session's number of the order.
    pub(super) number: u64,
    /// The document's path.
    pub(super) path: Vec<u8>,
    /// The editor's texts, this document's among them.
    pub(super) texts: Arc<Texts>,
    /// The open folders.
    pub(super) folders: Arc<[Vec<u8>]>,
    /// What the settings say of it.
    pub(super) said: Option<String>,
}

/// Starts the thread; what it finds goes to the session.
pub(super) fn start(
    host: Arc<Host>,
    index: Arc<FileIndex>,
    events: mpsc::Sender<Event>,
) -> io::Result<mpsc::Sender<Order>> {
    let (orders, queue) = mpsc::channel::<Order>();
    std::thread::Builder::new().name("roles".to_owned()).stack_size(STACK_SIZE_BYTES).spawn(
        move || {
            while let Ok(Order { key, number, path, texts, folders, said }) = queue.recv() {
                let mut text = texts.get(&path).cloned().unwrap_or_default();
                if let Some(said) = said.filter(|_| comments(&text).is_empty()) {
                    // What is set is said as the file would say it.
                    text = [format!("# nivis: {said}\n").as_bytes(), &text].concat().into();
                }
                let system = Overlay::new(Arc::clone(&host.system), Texts::clone(&texts));
                let work = || roles(&system, &host.settings, &folders, &index, &path, &text);
                // A text that defeats the search has no role.
                let found = catch_unwind(AssertUnwindSafe(work)).unwrap_or_default();
                if events.send(Event::Roles(key, number, found)).is_err() {
                    return;
                }
            }
        },
    )?;
    Ok(orders)
}

/// The stack of the thread: walking the deepest trees. Unit: bytes.
const STACK_SIZE_BYTES: usize = 32 << 20;
