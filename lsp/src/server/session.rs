//! The owner of all state: one thread that takes events in order and hands snapshots to workers.
//!
//! It drains what has arrived before it acts: the edits of a burst are applied to plain texts, the
//! database sees only the last one, and questions about texts in between are stale already.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use eval::db::{self, Database, File};
use eval::inspect::Lookup;
use eval::source::{HOST, SourcePath};
use lsp_types::{
    CallHierarchyServerCapability, CodeLensOptions, CompletionOptions, DeclarationCapability,
    DiagnosticOptions, DiagnosticServerCapabilities, DidChangeTextDocumentParams,
    DidChangeWatchedFilesRegistrationOptions, DidOpenTextDocumentParams, DocumentLinkOptions,
    ExecuteCommandOptions, FileSystemWatcher, FoldingRangeProviderCapability, GlobPattern,
    HoverProviderCapability, ImplementationProviderCapability, InitializeParams, InitializeResult,
    MessageType, OneOf, Registration, RenameOptions, SelectionRangeProviderCapability,
    SemanticTokenModifier, SemanticTokenType, SemanticTokensFullOptions, SemanticTokensLegend,
    SemanticTokensOptions, SemanticTokensServerCapabilities, ServerCapabilities, ServerInfo,
    SignatureHelpOptions, TextDocumentSyncCapability, TextDocumentSyncKind,
    TextDocumentSyncOptions, TypeDefinitionProviderCapability, Uri, WorkDoneProgressOptions,
};
use tokio::sync::mpsc::UnboundedSender;
use tower_lsp::jsonrpc::Error;

use super::configuration::{Client, Configuration, SharedConfiguration};
use super::documents::Document;
use super::evaluation::{self, Order};
use super::event::{Checked, Diagnosed, Event, Indexed, Notice};
use super::indexes::{Indexes, Root};
use super::inspection;
use super::kept::Kept;
use super::overlay::Overlay;
use super::position::Encoding;
use super::roles;
use super::values::{self, Values};
use super::worker::{Diagnose, Job, View, Workers};
use super::{Host, backend, navigation, to_proto};
use crate::ide::file_index::FileIndex;
use crate::ide::role::Role;
use crate::ide::semantic_tokens::TokenKind;

/// How long a question waits for options or values before it is answered without.
const WAIT_MAX: Duration = Duration::from_secs(15);
/// How many events are taken before the session acts on them.
const BATCH_MAX: usize = 512;
/// How long a client that tells of changed files is believed to have told of all.
const DOUBT: Duration = Duration::from_mins(1);
/// The longest file without a role that is looked at again after each edit. Unit: bytes.
const BEGUN_BYTES_MAX: usize = 64 << 10;

/// The state of a connection.
pub(super) struct Session {
    host: Arc<Host>,
    db: Database,
    documents: BTreeMap<String, Document>,
    /// Every file that the database has ever seen: its inputs cannot be removed.
    files: BTreeMap<Vec<u8>, File>,
    asked: Vec<Box<dyn Job>>,
    waiting: Vec<Waiting>,
    indexes: Indexes,
    values: Values,
    /// What is known of the files in the open folders.
    index: Arc<FileIndex>,
    /// When that was last doubted.
    doubted: Instant,
    /// Why systems do not evaluate.
    failures: BTreeMap<Root, Arc<Checked>>,
    /// Stops the newest evaluation.
    evaluating: Arc<AtomicBool>,
    workers: Workers,
    orders: mpsc::Sender<Order>,
    role_orders: mpsc::Sender<roles::Order>,
    events: mpsc::Sender<Event>,
    notices: UnboundedSender<Notice>,
    encoding: Encoding,
    folders: Arc<[Vec<u8>]>,
    client: Client,
    configuration: SharedConfiguration,
    kept: Arc<Kept>,
    revision: u64,
    /// Counts what was told that answers may follow from.
    moment: u64,
    generation: u64,
    newest: Arc<AtomicU64>,
}

/// A job that waits for options.
struct Waiting {
    job: Box<dyn Job>,
    until: Instant,
    wants: Wants,
}

/// What a job waits for.
enum Wants {
    Roles,
    Options,
    Values(Vec<Lookup>),
}

impl Session {
    /// Starts the threads that work for the session.
    pub(super) fn new(
        host: Host,
        events: mpsc::Sender<Event>,
        notices: UnboundedSender<Notice>,
        kept: Arc<Kept>,
    ) -> io::Result<Session> {
        let host = Arc::new(host);
        let cancel = Arc::default();
        let index = Arc::new(FileIndex::default());
        let lookups = inspection::start(Arc::clone(&host), events.clone(), Arc::clone(&cancel))?;
        Ok(Session {
            db: Database::default(),
            documents: BTreeMap::new(),
            files: BTreeMap::new(),
            asked: Vec::new(),
            waiting: Vec::new(),
            indexes: Indexes::default(),
            values: Values::new(lookups, cancel),
            role_orders: roles::start(Arc::clone(&host), Arc::clone(&index), events.clone())?,
            index,
            doubted: Instant::now(),
            failures: BTreeMap::new(),
            evaluating: Arc::default(),
            workers: Workers::start(&events)?,
            orders: evaluation::start(Arc::clone(&host), events.clone())?,
            host,
            events,
            notices,
            encoding: Encoding::Utf16,
            folders: Arc::default(),
            client: Client::default(),
            configuration: Arc::default(),
            kept,
            revision: 0,
            moment: 0,
            generation: 0,
            newest: Arc::default(),
        })
    }

    /// Takes events until the connection ends.
    pub(super) fn serve(mut self, inbox: &mpsc::Receiver<Event>) {
        loop {
            let first = match self.deadline() {
                None => inbox.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                Some(at) => inbox.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            if let Err(mpsc::RecvTimeoutError::Disconnected) = first {
                return;
            }
            for event in first.into_iter().chain(inbox.try_iter().take(BATCH_MAX)) {
                if matches!(event, Event::Stop) {
                    self.stop();
                    return;
                }
                self.take(event);
            }
            self.settle();
        }
    }

    fn take(&mut self, event: Event) {
        if !event.is_question() {
            self.moment += 1;
        }
        match event {
            Event::Initialize(params, reply) => drop(reply.send(self.initialize(*params))),
            Event::Initialized => self.register(),
            Event::Settings(settings) => self.configure(&settings),
            Event::SettingsChanged(_) if self.client.tells_settings => {
                self.notify(Notice::AskSettings);
            }
            Event::SettingsChanged(settings) => self.configure(&settings),
            Event::Folders(added, removed) => self.change_folders(&added, &removed),
            Event::Open(params) => self.open(params),
            Event::Change(params) => self.change(params),
            Event::Close(uri) => self.close(&uri),
            Event::Watched(uris) => self.files_changed(&uris),
            Event::AskAll(mut job) => match self.documents.values().next() {
                Some(document) => {
                    job.begin_at(&document.uri);
                    job.arrived(document.revision);
                    self.asked.push(job);
                }
                None => job.refuse(backend::not_open()),
            },
            Event::Ask(mut job) => match self.documents.get(job.uri().as_str()) {
                Some(document) => {
                    job.arrived(document.revision);
                    self.asked.push(job);
                }
                None => job.refuse(backend::not_open()),
            },
            Event::Cancelled(job) => self.asked.push(job),
            Event::NeedsOptions(job) => {
                if let Some(document) = self.documents.get(job.uri().as_str()) {
                    self.indexes.want(&document.root);
                }
                self.wait(job, Wants::Options);
            }
            Event::NeedsValues(job, lookups) => {
                if let Some(document) = self.documents.get(job.uri().as_str()) {
                    let root = document.root.clone();
                    self.look_up(&root, lookups.clone());
                }
                self.wait(job, Wants::Values(lookups));
            }
            Event::IsStale(root, lookups) => self.look_up(&root, lookups),
            Event::Looked(looked) => self.values.finish(looked),
            Event::Diagnosed(found) => self.publish(found),
            Event::Indexed(indexed) => self.index(indexed),
            Event::Checked(root, checked) => self.check(root, checked),
            Event::ChooseRole(uri, title) => self.choose_role(&uri, title),
            Event::Roles(key, number, roles) => self.take_roles(&key, number, roles),
            Event::ShutDown | Event::Stop => {
                self.stop();
            }
        }
    }

    /// Stops every evaluation.
    fn stop(&mut self) {
        self.indexes.stop();
        self.values.stop();
        self.evaluating.store(true, Ordering::SeqCst);
    }

    fn wait(&mut self, job: Box<dyn Job>, wants: Wants) {
        let max = match &wants {
            Wants::Values(lookups) if lookups.iter().any(values::is_patient) => values::ANSWER_MAX,
            _ => WAIT_MAX,
        };
        self.waiting.push(Waiting { job, until: Instant::now() + max, wants });
    }

    fn look_up(&mut self, root: &Root, lookups: Vec<Lookup>) {
        let texts = self.sound_texts();
        let configuration = Arc::clone(&self.configuration);
        self.values.want(root, lookups, move || (texts.clone(), Arc::clone(&configuration)));
    }

    fn initialize(&mut self, params: InitializeParams) -> InitializeResult {
        let capabilities = &params.capabilities;
        let general = capabilities.general.as_ref();
        let offered = general.and_then(|it| it.position_encodings.as_deref());
        self.encoding = Encoding::negotiate(offered);
        self.client = Client::new(capabilities);
        self.configure(&params.initialization_options.unwrap_or_default());
        let folders = params.workspace_folders.unwrap_or_default().into_iter().map(|it| it.uri);
        #[expect(deprecated, reason = "clients without workspace folders send this")]
        let folders = folders.chain(params.root_uri);
        self.folders = folders.filter_map(|uri| to_proto::file_path(&uri)).collect();
        let server_info = ServerInfo {
            name: "nivis".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        };
        InitializeResult {
            capabilities: capabilities_of(self.encoding, self.client),
            server_info: Some(server_info),
        }
    }

    /// Tells the client what to tell, and asks for the settings.
    fn register(&self) {
        let mut registrations = Vec::new();
        if self.client.watches_files {
            let watchers = ["**/*.nix", "**/flake.lock"].map(|pattern| FileSystemWatcher {
                glob_pattern: GlobPattern::String(pattern.to_owned()),
                kind: None,
            });
            let options = DidChangeWatchedFilesRegistrationOptions { watchers: watchers.into() };
            registrations.push(Registration {
                id: "nix-files".to_owned(),
                method: "workspace/didChangeWatchedFiles".to_owned(),
                register_options: serde_json::to_value(options).ok(),
            });
        }
        if self.client.registers_settings {
            registrations.push(Registration {
                id: "settings".to_owned(),
                method: "workspace/didChangeConfiguration".to_owned(),
                register_options: Some(serde_json::json!({ "section": "nivis" })),
            });
        }
        if !registrations.is_empty() {
            self.notify(Notice::Register(registrations));
        }
        if self.client.tells_settings {
            self.notify(Notice::AskSettings);
        }
    }

    /// Takes the settings; what was evaluated under others is evaluated again.
    fn configure(&mut self, settings: &serde_json::Value) {
        match Configuration::read(settings) {
            Ok(configuration) if configuration == *self.configuration => {}
            Ok(configuration) => {
                self.configuration = Arc::new(configuration);
                self.indexes.settings_changed(self.configuration.time_max(), Instant::now());
                self.values.settings_changed(Instant::now());
                self.refresh_roles();
            }
            Err(error) => {
                let text = format!("the settings of `nivis` cannot be read: {error}");
                self.notify(Notice::Log(MessageType::WARNING, text));
            }
        }
    }

    /// Takes the folders that are open now; what they hold may belong to other configurations.
    fn change_folders(&mut self, added: &[Uri], removed: &[Uri]) {
        let removed: Vec<Vec<u8>> = removed.iter().filter_map(to_proto::file_path).collect();
        let mut folders: Vec<Vec<u8>> =
            self.folders.iter().filter(|it| !removed.contains(it)).cloned().collect();
        folders.extend(added.iter().filter_map(to_proto::file_path));
        self.folders = folders.into();
        self.index.doubt();
        self.refresh_roles();
    }

    /// Orders the roles of the documents whose roles are due.
    fn find_roles(&mut self) {
        if self.documents.values().all(|it| !it.is_due || it.finding.is_some()) {
            return;
        }
        let texts = Arc::new(self.current_texts());
        for (key, document) in &mut self.documents {
            let Some(path) = document.path.clone() else { continue };
            if !document.is_due || document.finding.is_some() {
                continue;
            }
            self.revision += 1;
            let number = self.revision;
            (document.is_due, document.finding) = (false, Some(number));
            let (key, texts, folders) =
                (key.clone(), Arc::clone(&texts), Arc::clone(&self.folders));
            let said = self.configuration.role_of(&path, &folders).map(str::to_owned);
            drop(self.role_orders.send(roles::Order { key, number, path, texts, folders, said }));
        }
    }

    /// Takes what a document is part of; what waits for that is asked now.
    fn take_roles(&mut self, key: &str, number: u64, roles: Vec<Role>) {
        let Some(document) = self.documents.get_mut(key) else { return };
        if document.finding != Some(number) {
            return;
        }
        let before = (document.root.clone(), document.roles.clone());
        let is_first = !document.has_roles;
        document.finding = None;
        document.has_roles = true;
        document.take_roles(roles);
        if is_first || before != (document.root.clone(), document.roles.clone()) {
            let root = document.root.clone();
            self.diagnose_again(&root);
        }
    }

    /// Returns the texts as they were typed last.
    fn current_texts(&self) -> BTreeMap<Vec<u8>, Arc<[u8]>> {
        let open = self.documents.values();
        open.filter_map(|it| Some((it.path.clone()?, Arc::from(it.text().as_bytes())))).collect()
    }

    /// Takes the client's choice of what a document is part of.
    fn choose_role(&mut self, uri: &str, title: String) {
        let Some(document) = self.documents.get_mut(uri) else { return };
        document.chosen = Some(title);
        let roles = std::mem::take(&mut document.roles);
        document.take_roles(roles);
        let root = document.root.clone();
        self.indexes.want(&root);
        self.diagnose_again(&root);
    }

    /// Finds out anew what the open documents are part of.
    fn refresh_roles(&mut self) {
        for document in self.documents.values_mut() {
            document.is_due = document.path.is_some();
        }
    }

    fn open(&mut self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        let path = to_proto::file_path(&document.uri);
        // What is no file (an untitled buffer) gets a path that no file has.
        let known_as = path.clone().unwrap_or_else(|| document.uri.as_str().into());
        let file = match self.files.get(&known_as) {
            Some(file) => *file,
            None => {
                let place = SourcePath::new(HOST, &known_as);
                let file = File::new(&self.db, place, Arc::from(&b""[..]));
                self.files.insert(known_as, file);
                file
            }
        };
        let revision = self.next_revision();
        let key = document.uri.as_str().to_owned();
        let mut opened =
            Document::new(document.uri, file, document.text, document.version, revision);
        if let Some(path) = &path {
            self.index.changed(path);
            (opened.is_due, opened.has_roles) = (true, false);
        }
        opened.path = path;
        self.documents.insert(key, opened);
    }

    fn change(&mut self, params: DidChangeTextDocumentParams) {
        let revision = self.next_revision();
        let Some(document) = self.documents.get_mut(params.text_document.uri.as_str()) else {
            return;
        };
        let said = document.said_roles();
        for change in params.content_changes {
            document.apply(change, self.encoding);
        }
        if document.path.is_some() && document.said_roles() != said {
            // What is being found is of the text before.
            (document.is_due, document.has_roles, document.finding) = (true, false, None);
        }
        if let Some(path) = &document.path {
            self.index.changed(path);
        }
        document.version = params.text_document.version;
        document.revision = revision;
    }

    fn close(&mut self, uri: &Uri) {
        let Some(document) = self.documents.remove(uri.as_str()) else { return };
        if let Some(path) = &document.path {
            self.values.changed(path, Instant::now());
            self.indexes.changed(path, Instant::now());
            self.index.changed(path);
        }
        self.index.doubt();
        self.overtake();
        db::release(&mut self.db, document.file);
        self.kept.forget(uri);
        if !self.client.pulls_diagnostics {
            self.notify(Notice::Diagnostics(document.uri, Vec::new(), None));
        }
    }

    fn files_changed(&mut self, uris: &[Uri]) {
        self.index.doubt();
        for uri in uris.iter().filter(|uri| !self.documents.contains_key(uri.as_str())) {
            if let Some(path) = to_proto::file_path(uri) {
                self.values.changed(&path, Instant::now());
                self.indexes.changed(&path, Instant::now());
            }
        }
    }

    fn publish(&mut self, found: Diagnosed) {
        let Some(document) = self.documents.get_mut(found.uri.as_str()) else { return };
        if document.revision != found.revision {
            return;
        }
        let version = document.version;
        if found.is_sound {
            let text = document.file.text(&self.db);
            if document.sound_text.as_ref() != Some(text) {
                document.sound_text = Some(Arc::clone(text));
                if let Some(path) = &document.path {
                    self.values.changed(path, Instant::now());
                    self.indexes.changed(path, Instant::now());
                }
            }
        }
        // A file that is being begun shows what it is only bit by bit.
        let is_begun = document.has_roles && document.roles.is_empty();
        if is_begun && document.text().len() < BEGUN_BYTES_MAX {
            document.is_due = document.path.is_some();
        }
        if document.root != Root::Library {
            self.indexes.want(&document.root);
        }
        let told = (version, found.diagnostics.clone());
        if !self.client.pulls_diagnostics && document.told.as_ref() != Some(&told) {
            document.told = Some(told);
            self.notify(Notice::Diagnostics(found.uri, found.diagnostics, Some(version)));
        }
    }

    fn index(&mut self, indexed: Indexed) {
        let Indexed { root, options, observed, is_final, .. } = indexed;
        let options = match options {
            Ok(options) => Some(options),
            Err(error) => {
                let text = format!("no options of {}: {error}", root.describe());
                self.notify(Notice::Log(MessageType::WARNING, text));
                None
            }
        };
        if is_final {
            self.notify(Notice::Progress(None));
            self.indexes.finish(&root, options, observed);
            self.refresh_roles();
            self.diagnose_again(&root);
        } else {
            // Enough to answer from, not to judge by.
            self.indexes.preview(&root, options);
        }
    }

    /// Takes what became of a system, and tells it with the other diagnostics.
    fn check(&mut self, root: Root, checked: Option<Checked>) {
        let had = match checked {
            Some(checked) => self.failures.insert(root.clone(), Arc::new(checked)).is_some(),
            None => self.failures.remove(&root).is_some(),
        };
        if !had && !self.failures.contains_key(&root) {
            return;
        }
        self.diagnose_again(&root);
    }

    /// Asks for the diagnostics of the documents of a root, about which more is known now.
    fn diagnose_again(&mut self, root: &Root) {
        if self.client.refreshes_diagnostics && self.client.pulls_diagnostics {
            self.notify(Notice::RefreshDiagnostics);
        }
        for document in self.documents.values().filter(|it| it.root == *root && !it.is_dirty) {
            let (uri, revision) = (document.uri.clone(), document.revision);
            let events = self.events.clone();
            self.asked.push(Box::new(Diagnose { uri, revision, events }));
        }
    }

    /// Acts on what was taken.
    fn settle(&mut self) {
        let dirty: Vec<String> = self
            .documents
            .iter()
            .filter(|(_, document)| document.is_dirty)
            .map(|(key, _)| key.clone())
            .collect();
        if !dirty.is_empty() {
            self.overtake();
        }
        for key in &dirty {
            if let Some(document) = self.documents.get_mut(key) {
                let text = Arc::from(document.text().as_bytes());
                db::set_text(&mut self.db, document.file, text);
                document.is_dirty = false;
                let (uri, revision) = (document.uri.clone(), document.revision);
                let events = self.events.clone();
                self.asked.push(Box::new(Diagnose { uri, revision, events }));
            }
        }
        self.find_roles();
        for job in std::mem::take(&mut self.asked) {
            self.dispatch(job, true, true);
        }
        self.values.tick(Instant::now());
        self.wake();
        if let Some((root, cancel)) = self.indexes.next(Instant::now()) {
            // Options come first; what the system before this one comes to is of no interest.
            self.evaluating.store(true, Ordering::SeqCst);
            self.evaluating = Arc::clone(&cancel);
            let texts = self.sound_texts();
            if self.client.shows_progress {
                self.notify(Notice::Progress(Some(root.describe())));
            }
            let configuration = Arc::clone(&self.configuration);
            drop(self.orders.send(Order { root, texts, cancel, configuration }));
        }
    }

    /// Answers what has waited for options long enough, or need not wait any more.
    fn wake(&mut self) {
        let now = Instant::now();
        for Waiting { job, until, wants } in std::mem::take(&mut self.waiting) {
            let document = self.documents.get(job.uri().as_str());
            let must_wait = until > now
                && document.is_some_and(|document| match &wants {
                    Wants::Roles => !document.has_roles,
                    Wants::Options => {
                        let root = &document.root;
                        self.indexes.options(root).is_none() && self.indexes.is_pending(root)
                    }
                    Wants::Values(lookups) => self.values.is_pending(&document.root, lookups),
                });
            let may_wait = matches!(wants, Wants::Roles) && until > now;
            if must_wait && !job.is_abandoned() {
                self.waiting.push(Waiting { job, until, wants });
            } else {
                self.dispatch(job, may_wait, until > now);
            }
        }
    }

    fn dispatch(&mut self, job: Box<dyn Job>, may_wait: bool, may_look: bool) {
        if job.is_abandoned() {
            return;
        }
        let Some(document) = self.documents.get(job.uri().as_str()) else {
            return job.refuse(backend::not_open());
        };
        if job.only_revision().is_some_and(|revision| revision != document.revision) {
            return job.refuse(Error::content_modified());
        }
        if !document.has_roles && may_wait && job.needs_roles() {
            return self.wait(job, Wants::Roles);
        }
        if !self.client.watches_files || self.doubted.elapsed() > DOUBT {
            self.doubted = Instant::now();
            self.index.doubt();
            self.moment += 1;
        }
        let view = View {
            db: self.db.clone(),
            file: document.file,
            uri: document.uri.clone(),
            encoding: self.encoding,
            options: document
                .roles
                .first()
                .and_then(|role| self.indexes.options_at(&role.root, &role.prefix)),
            roles: document.roles.clone(),
            may_wait,
            values: self.values.snapshot(&document.root),
            may_look,
            failure: self.failures.get(&document.root).cloned(),
            path: document.path.clone(),
            files: self.documents.values().map(|it| it.file).collect(),
            folders: Arc::clone(&self.folders),
            system: Overlay::new(Arc::clone(&self.host.system), self.open_texts()),
            host: Arc::clone(&self.host),
            index: Arc::clone(&self.index),
            kept: Arc::clone(&self.kept),
            client: self.client,
            versions: self.versions(),
            moment: self.moment,
            generation: self.generation,
            newest: Arc::clone(&self.newest),
        };
        self.workers.run(job, view);
    }

    /// Returns the texts that evaluations see in place of the files.
    fn sound_texts(&self) -> BTreeMap<Vec<u8>, Arc<[u8]>> {
        let open = self.documents.values();
        open.filter_map(|it| Some((it.path.clone()?, it.text_for_evaluation()?))).collect()
    }

    /// Returns the client's numbers of the open documents' texts.
    fn versions(&self) -> BTreeMap<String, i32> {
        self.documents.iter().map(|(key, it)| (key.clone(), it.version)).collect()
    }

    /// Returns the texts as the editor has them.
    fn open_texts(&self) -> BTreeMap<Vec<u8>, Arc<[u8]>> {
        let open = self.documents.values();
        open.filter_map(|it| Some((it.path.clone()?, Arc::clone(it.file.text(&self.db))))).collect()
    }

    /// Makes every snapshot out of date, so that its job ends soon: a change waits for that.
    fn overtake(&mut self) {
        self.generation += 1;
        self.newest.store(self.generation, Ordering::SeqCst);
    }

    fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    fn deadline(&self) -> Option<Instant> {
        let waiting = self.waiting.iter().map(|it| it.until);
        waiting.chain(self.indexes.deadline()).chain(self.values.deadline()).min()
    }

    /// Tells the client something; one that has left hears nothing.
    fn notify(&self, notice: Notice) {
        drop(self.notices.send(notice));
    }
}

fn semantic_tokens() -> SemanticTokensServerCapabilities {
    let token_types = TokenKind::NAMES.map(SemanticTokenType::new).into();
    let modifiers = ["definition", "defaultLibrary"].map(SemanticTokenModifier::new).into();
    SemanticTokensServerCapabilities::SemanticTokensOptions(SemanticTokensOptions {
        legend: SemanticTokensLegend { token_types, token_modifiers: modifiers },
        range: Some(true),
        full: Some(SemanticTokensFullOptions::Delta { delta: Some(true) }),
        ..SemanticTokensOptions::default()
    })
}

fn capabilities_of(encoding: Encoding, client: Client) -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        ..TextDocumentSyncOptions::default()
    };
    let completion = CompletionOptions {
        resolve_provider: Some(true),
        trigger_characters: Some(vec![".".to_owned(), "/".to_owned()]),
        ..CompletionOptions::default()
    };
    ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        completion_provider: Some(completion),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        declaration_provider: Some(DeclarationCapability::Simple(true)),
        type_definition_provider: Some(TypeDefinitionProviderCapability::Simple(true)),
        call_hierarchy_provider: Some(CallHierarchyServerCapability::Simple(true)),
        workspace: Some(navigation::workspace_capabilities()),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        workspace_symbol_provider: Some(OneOf::Left(true)),
        implementation_provider: Some(ImplementationProviderCapability::Simple(true)),
        inlay_hint_provider: Some(OneOf::Left(true)),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: [super::hints::CHOOSE_ROLE, super::hints::EVALUATE].map(str::to_owned).into(),
            ..ExecuteCommandOptions::default()
        }),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        selection_range_provider: Some(SelectionRangeProviderCapability::Simple(true)),
        document_link_provider: Some(DocumentLinkOptions {
            resolve_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        semantic_tokens_provider: Some(semantic_tokens()),
        diagnostic_provider: client.pulls_diagnostics.then(|| {
            DiagnosticServerCapabilities::Options(DiagnosticOptions {
                identifier: Some("nivis".to_owned()),
                inter_file_dependencies: true,
                workspace_diagnostics: true,
                ..DiagnosticOptions::default()
            })
        }),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: Some(vec![" ".to_owned()]),
            ..SignatureHelpOptions::default()
        }),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        ..ServerCapabilities::default()
    }
}
