//! The threads that answer: each job runs on a snapshot, and a panic in it is its own.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::{io, thread};

use eval::db::{self, Database, File};
use eval::inspect::Lookup;
use eval::option_tree::OptionTree;
use lsp_types::Uri;
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{Error, Result};

use super::Host;
use super::configuration::Client;
use super::event::{Checked, Diagnosed, Event};
use super::kept::Kept;
use super::overlay::Overlay;
use super::position::{Encoding, Text};
use super::to_proto;
use super::values::Snapshot;
use crate::ide::Knowledge;
use crate::ide::file_index::FileIndex;
use crate::ide::role::Role;

/// The stack of a worker: parsing and walking the deepest trees. Unit: bytes.
const STACK_SIZE_BYTES: usize = 32 << 20;

/// What a job sees: the database at one moment, and what is known beside it.
pub(super) struct View {
    /// The database. While a clone lives, the session cannot change it.
    pub(super) db: Database,
    /// The document.
    pub(super) file: File,
    /// Its name.
    pub(super) uri: Uri,
    /// What columns count.
    pub(super) encoding: Encoding,
    /// How it takes part in evaluations, the one in use first; none if it is no module.
    pub(super) roles: Vec<Role>,
    /// The options that it defines, if they are known.
    pub(super) options: Option<Arc<OptionTree>>,
    /// Whether a job may wait for them.
    pub(super) may_wait: bool,
    /// What is known of the package set and the library.
    pub(super) values: Snapshot,
    /// Whether a job may wait for what is not known of those.
    pub(super) may_look: bool,
    /// Why the system that the document belongs to does not evaluate.
    pub(super) failure: Option<Arc<Checked>>,
    /// Its path on the host, if it has one.
    pub(super) path: Option<Vec<u8>>,
    /// All open documents.
    pub(super) files: Arc<[File]>,
    /// The open folders.
    pub(super) folders: Arc<[Vec<u8>]>,
    /// The host's files, under the editor's.
    pub(super) system: Overlay,
    /// The host.
    pub(super) host: Arc<Host>,
    /// What is known of the files in the open folders.
    pub(super) index: Arc<FileIndex>,
    /// What is remembered of answers.
    pub(super) kept: Arc<Kept>,
    /// What the client can do.
    pub(super) client: Client,
    /// The client's numbers of the texts of all open documents.
    pub(super) versions: BTreeMap<String, i32>,
    /// Counts what the session was told that answers may follow from.
    pub(super) moment: u64,
    /// The number of the snapshot.
    pub(super) generation: u64,
    /// The number of the newest state.
    pub(super) newest: Arc<AtomicU64>,
}

impl View {
    /// Returns what features are given beside the database.
    pub(super) fn knowledge(&self) -> Knowledge<'_> {
        Knowledge {
            role: self.roles.first(),
            options: self.options.as_deref(),
            system: Some(&self.system),
            values: Some(&self.values),
            files: &self.files,
            folders: &self.folders,
            index: Some(&self.index),
        }
    }

    /// Returns the document's text.
    pub(super) fn text(&self) -> Text<'_> {
        let bytes = self.file.text(&self.db);
        Text { bytes, lines: db::line_index(&self.db, self.file), encoding: self.encoding }
    }

    fn is_overtaken(&self) -> bool {
        self.newest.load(Ordering::SeqCst) != self.generation
    }
}

/// What became of a job.
pub(super) enum Ran {
    /// It has answered.
    Done,
    /// An edit came before it was done.
    Cancelled(Box<dyn Job>),
    /// It needs the options.
    NeedsOptions(Box<dyn Job>),
    /// It needs values.
    NeedsValues(Box<dyn Job>, Vec<Lookup>),
}

/// Work on a document.
pub(super) trait Job: Send {
    /// The document.
    fn uri(&self) -> &Uri;
    /// The revision of the document that it is about; `None` if a newer one will do.
    fn only_revision(&self) -> Option<u64>;
    /// Whether nobody waits for it any longer.
    fn is_abandoned(&self) -> bool;
    /// Whether it may matter what the document is part of.
    fn needs_roles(&self) -> bool {
        true
    }
    /// Runs and answers.
    fn run(self: Box<Self>, view: &View) -> Ran;
    /// Answers with an error.
    fn refuse(self: Box<Self>, error: Error);
    /// Makes the job, which is about all files, begin at this one.
    fn begin_at(&mut self, uri: &Uri);
    /// Ties the job to the revision of the document when it arrived.
    fn arrived(&mut self, revision: u64);
}

/// What is right when the text has changed since a question was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenStale {
    /// Answer for the new text: the client is typing and wants what fits now.
    AskAgain,
    /// Tell the client that the content was modified.
    Refuse,
}

/// The way back to whoever asked; it takes one answer.
pub(super) trait Answer<T>: Send {
    /// Whether nobody waits any longer.
    fn is_gone(&self) -> bool;
    /// Gives the answer.
    fn give(self, result: Result<T>);
}

impl<T: Send> Answer<T> for oneshot::Sender<Result<T>> {
    fn is_gone(&self) -> bool {
        self.is_closed()
    }

    fn give(self, result: Result<T>) {
        drop(self.send(result));
    }
}

/// A question of the client.
pub(super) struct Question<T, F, R> {
    uri: Uri,
    when_stale: WhenStale,
    revision: u64,
    answer: F,
    reply: R,
    needs_roles: bool,
    result: PhantomData<fn() -> T>,
}

impl<T, F, R> Question<T, F, R>
where
    T: Send + 'static,
    F: Fn(&View) -> Option<T> + Send + 'static,
    R: Answer<T> + 'static,
{
    /// Returns a question about a document; `answer` gives `None` to wait for the options.
    pub(super) fn new(uri: Uri, when_stale: WhenStale, reply: R, answer: F) -> Self {
        let result = PhantomData;
        Question { uri, when_stale, revision: 0, answer, reply, needs_roles: true, result }
    }

    /// Returns the question as one that the document's text alone answers.
    pub(super) fn about_text(self) -> Self {
        Question { needs_roles: false, ..self }
    }
}

impl<T, F, R> Job for Question<T, F, R>
where
    T: Send + 'static,
    F: Fn(&View) -> Option<T> + Send + 'static,
    R: Answer<T> + 'static,
{
    fn uri(&self) -> &Uri {
        &self.uri
    }

    fn only_revision(&self) -> Option<u64> {
        match self.when_stale {
            WhenStale::AskAgain => None,
            WhenStale::Refuse => Some(self.revision),
        }
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_gone()
    }

    fn needs_roles(&self) -> bool {
        self.needs_roles
    }

    fn run(self: Box<Self>, view: &View) -> Ran {
        match attempt(view, || (self.answer)(view)) {
            Attempt::Panicked => {
                self.reply.give(Err(Error::internal_error()));
                Ran::Done
            }
            Attempt::Cancelled => Ran::Cancelled(self),
            Attempt::Finished(None) => Ran::NeedsOptions(self),
            Attempt::Finished(Some(_)) if view.may_look && view.values.is_missing() => {
                Ran::NeedsValues(self, view.values.missing())
            }
            Attempt::Finished(Some(answer)) => {
                self.reply.give(Ok(answer));
                Ran::Done
            }
        }
    }

    fn refuse(self: Box<Self>, error: Error) {
        self.reply.give(Err(error));
    }

    fn begin_at(&mut self, uri: &Uri) {
        self.uri = uri.clone();
    }

    fn arrived(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// The diagnostics of a document: asked by the session itself after each burst of edits.
pub(super) struct Diagnose {
    /// The document.
    pub(super) uri: Uri,
    /// Its revision.
    pub(super) revision: u64,
    /// Where the result goes.
    pub(super) events: mpsc::Sender<Event>,
}

impl Job for Diagnose {
    fn uri(&self) -> &Uri {
        &self.uri
    }

    fn only_revision(&self) -> Option<u64> {
        Some(self.revision)
    }

    fn is_abandoned(&self) -> bool {
        false
    }

    /// What the text tells is told at once; the rest follows when it is known.
    fn needs_roles(&self) -> bool {
        false
    }

    fn run(self: Box<Self>, view: &View) -> Ran {
        match attempt(view, || to_proto::diagnostics(view)) {
            Attempt::Cancelled => Ran::Cancelled(self),
            Attempt::Panicked => Ran::Done,
            Attempt::Finished((diagnostics, is_sound)) => {
                let (uri, revision) = (self.uri, self.revision);
                let found = Diagnosed { uri, revision, diagnostics, is_sound };
                drop(self.events.send(Event::Diagnosed(found)));
                Ran::Done
            }
        }
    }

    fn refuse(self: Box<Self>, _: Error) {}

    fn begin_at(&mut self, _: &Uri) {}

    fn arrived(&mut self, _: u64) {}
}

enum Attempt<T> {
    Finished(T),
    Cancelled,
    Panicked,
}

fn attempt<T>(view: &View, work: impl FnOnce() -> T) -> Attempt<T> {
    if view.is_overtaken() {
        return Attempt::Cancelled;
    }
    match catch_unwind(AssertUnwindSafe(|| db::unless_cancelled(work))) {
        Ok(Some(result)) => Attempt::Finished(result),
        Ok(None) => Attempt::Cancelled,
        Err(_) => Attempt::Panicked,
    }
}

/// The threads that run jobs.
pub(super) struct Workers {
    tasks: mpsc::Sender<(Box<dyn Job>, View)>,
}

impl Workers {
    /// Starts the threads; what they cannot answer goes back to the session.
    pub(super) fn start(events: &mpsc::Sender<Event>) -> io::Result<Workers> {
        let (tasks, queue) = mpsc::channel::<(Box<dyn Job>, View)>();
        let queue = Arc::new(Mutex::new(queue));
        let count = thread::available_parallelism().map_or(2, |it| it.get().clamp(2, 4));
        for number in 0..count {
            let (queue, events) = (Arc::clone(&queue), events.clone());
            thread::Builder::new()
                .name(format!("worker {number}"))
                .stack_size(STACK_SIZE_BYTES)
                .spawn(move || work(&queue, &events))?;
        }
        Ok(Workers { tasks })
    }

    /// Runs a job on a snapshot as soon as a thread is free.
    pub(super) fn run(&self, job: Box<dyn Job>, view: View) {
        drop(self.tasks.send((job, view)));
    }
}

fn work(queue: &Mutex<mpsc::Receiver<(Box<dyn Job>, View)>>, events: &mpsc::Sender<Event>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((job, view)) = next else { return };
        let ran = job.run(&view);
        let (root, stale) = (view.values.root.clone(), view.values.stale());
        // The session may be waiting for the snapshot.
        drop(view);
        if !stale.is_empty() && events.send(Event::IsStale(root, stale)).is_err() {
            return;
        }
        let sent = match ran {
            Ran::Done => Ok(()),
            Ran::Cancelled(job) => events.send(Event::Cancelled(job)),
            Ran::NeedsOptions(job) => events.send(Event::NeedsOptions(job)),
            Ran::NeedsValues(job, lookups) => events.send(Event::NeedsValues(job, lookups)),
        };
        if sent.is_err() {
            return;
        }
    }
}
