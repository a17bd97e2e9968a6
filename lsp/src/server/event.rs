//! What the session is told: by the client, by workers, by evaluations.

use std::collections::BTreeSet;
use std::sync::Arc;

use eval::inspect::{Inspected, Lookup};
use eval::option_tree::{Failure, OptionTree};
use lsp_types::{
    Diagnostic, DidChangeTextDocumentParams, DidOpenTextDocumentParams, InitializeParams,
    InitializeResult, MessageType, Registration, Uri,
};
use tokio::sync::oneshot;

use super::indexes::Root;
use super::values::Texts;
use super::worker::Job;
use crate::ide::role::Role;

/// Something that the session is told.
pub(super) enum Event {
    /// The first request.
    Initialize(Box<InitializeParams>, oneshot::Sender<InitializeResult>),
    /// The client has read the answer to it.
    Initialized,
    /// A document was opened.
    Open(DidOpenTextDocumentParams),
    /// A document was edited.
    Change(DidChangeTextDocumentParams),
    /// A document was closed.
    Close(Uri),
    /// The settings, as the client answered when asked for them.
    Settings(serde_json::Value),
    /// The settings have changed; perhaps these are the new ones.
    SettingsChanged(serde_json::Value),
    /// Folders were opened and closed.
    Folders(Vec<Uri>, Vec<Uri>),
    /// Files changed on disk.
    Watched(Vec<Uri>),
    /// Something is asked about a document.
    Ask(Box<dyn Job>),
    /// Something is asked about all files.
    AskAll(Box<dyn Job>),
    /// A worker's snapshot was overtaken by an edit before it had finished.
    Cancelled(Box<dyn Job>),
    /// A worker found that an answer needs the options, which it did not have.
    NeedsOptions(Box<dyn Job>),
    /// A worker found that an answer needs values, which it did not have.
    NeedsValues(Box<dyn Job>, Vec<Lookup>),
    /// An answer was given from values that may be different by now.
    IsStale(Root, Vec<Lookup>),
    /// Values were looked up.
    Looked(Looked),
    /// What there is to say about a document.
    Diagnosed(Diagnosed),
    /// An evaluation has ended.
    Indexed(Indexed),
    /// A whole system was evaluated.
    Checked(Root, Option<Checked>),
    /// The client asked for the shutdown.
    ShutDown,
    /// What a document is part of, with the number of the order that it answers.
    Roles(String, u64, Vec<Role>),
    /// The role of a document, by its title.
    ChooseRole(String, String),
    /// The connection has ended.
    Stop,
}

impl Event {
    /// Whether it only asks: answers are the same before and after.
    pub(super) fn is_question(&self) -> bool {
        matches!(
            self,
            Event::Ask(_)
                | Event::AskAll(_)
                | Event::Cancelled(_)
                | Event::NeedsOptions(_)
                | Event::NeedsValues(..)
                | Event::IsStale(..)
                | Event::Diagnosed(_)
        )
    }
}

/// What there is to say about one revision of a document.
pub(super) struct Diagnosed {
    /// The document.
    pub(super) uri: Uri,
    /// Its revision, as the session counts.
    pub(super) revision: u64,
    /// What there is to say.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Whether the text has no syntax error.
    pub(super) is_sound: bool,
}

/// What was found in a package set or library.
pub(super) struct Looked {
    /// Whose it is.
    pub(super) root: Root,
    /// The state of the files.
    pub(super) epoch: u64,
    /// What was found where.
    pub(super) found: Vec<(Lookup, Inspected)>,
    /// The host's files that were looked at, if there are more than before.
    pub(super) observed: Option<BTreeSet<Vec<u8>>>,
}

/// The end of an evaluation.
pub(super) struct Indexed {
    /// What was evaluated.
    pub(super) root: Root,
    /// The options, or why there are none.
    pub(super) options: Result<Arc<OptionTree>, String>,
    /// The host's files that were looked at.
    pub(super) observed: BTreeSet<Vec<u8>>,
    /// Whether the evaluation has ended; if not, this is what an earlier one had found.
    pub(super) is_final: bool,
    /// Whether it was kept from an earlier session.
    pub(super) is_recalled: bool,
}

/// Why a system does not evaluate, and the texts for which that was found.
pub(super) struct Checked {
    /// What went wrong, and what its modules say.
    pub(super) failures: Vec<Failure>,
    /// The editor's texts at that time.
    pub(super) texts: Texts,
}

/// Something that the client is told without having asked.
pub(super) enum Notice {
    /// The diagnostics of a document; without a version once it is closed.
    Diagnostics(Uri, Vec<Diagnostic>, Option<i32>),
    /// A line for the log.
    Log(MessageType, String),
    /// What the client shall tell from now on.
    Register(Vec<Registration>),
    /// A request for the settings.
    AskSettings,
    /// A request to ask again for all diagnostics.
    RefreshDiagnostics,
    /// What is being evaluated; nothing once that is over.
    Progress(Option<String>),
}
