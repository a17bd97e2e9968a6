//! The protocol's messages as events: each is forwarded before the first wait, so order stays.
//!
//! tower-lsp runs handlers concurrently, notifications included; up to its first `.await` each
//! runs in the order in which the messages came. An `.await` before the forward would mix edits.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, mpsc};

use lsp_types::{
    CallHierarchyIncomingCall, CallHierarchyIncomingCallsParams, CallHierarchyItem,
    CallHierarchyOutgoingCall, CallHierarchyOutgoingCallsParams, CallHierarchyPrepareParams,
    CodeLens, CodeLensParams, CompletionItem, ConfigurationItem, DidChangeConfigurationParams,
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DocumentHighlight,
    DocumentHighlightParams, DocumentLink, ExecuteCommandParams, GotoDefinitionParams,
    GotoDefinitionResponse, Hover, HoverParams, InitializeParams, InitializeResult,
    InitializedParams, InlayHint, InlayHintParams, Location, NumberOrString, OneOf,
    PrepareRenameResponse, ProgressParams, ProgressParamsValue, ReferenceParams, RenameFilesParams,
    RenameParams, SelectionRange, SelectionRangeParams, SignatureHelp, SignatureHelpParams,
    SymbolInformation, TextDocumentPositionParams, Uri, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressCreateParams, WorkDoneProgressEnd, WorkspaceEdit, WorkspaceFolder,
    WorkspaceSymbol, WorkspaceSymbolParams, notification,
    request::{
        GotoDeclarationParams, GotoDeclarationResponse, GotoImplementationParams,
        GotoImplementationResponse, GotoTypeDefinitionParams, GotoTypeDefinitionResponse,
        WorkDoneProgressCreate,
    },
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::{Client, LanguageServer, UriExt as _};

use super::event::{Event, Notice};
use super::kept::Kept;
use super::worker::{Question, View, WhenStale};
use super::{answers, hints, navigation, to_proto};

/// The server as tower-lsp sees it.
pub(super) struct Backend {
    events: mpsc::Sender<Event>,
    has_shut_down: Arc<AtomicBool>,
    is_serving: Arc<AtomicBool>,
    kept: Arc<Kept>,
}

impl Backend {
    /// Returns a backend that forwards to `events`.
    pub(super) fn new(
        events: mpsc::Sender<Event>,
        has_shut_down: Arc<AtomicBool>,
        is_serving: Arc<AtomicBool>,
        kept: Arc<Kept>,
    ) -> Self {
        Backend { events, has_shut_down, is_serving, kept }
    }

    /// Forwards; a session that has ended takes nothing more, and the answer's channel closes.
    fn forward(&self, event: Event) {
        drop(self.events.send(event));
    }

    /// Forwards a question, then waits for the answer.
    async fn ask<T: Send + 'static>(
        &self,
        uri: Uri,
        when_stale: WhenStale,
        answer: impl Fn(&View) -> Option<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answered) = oneshot::channel();
        let question = Question::new(uri, when_stale, reply, answer);
        self.forward(Event::Ask(Box::new(question)));
        answered.await.unwrap_or_else(|_| Err(Error::internal_error()))
    }
}

impl Backend {
    /// Forwards a question about all files, then waits for the answer.
    async fn ask_all<T: Send + 'static>(
        &self,
        answer: impl Fn(&View) -> Option<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answered) = oneshot::channel();
        let nowhere = Uri::from_file_path("/").ok_or_else(Error::internal_error)?;
        let question = Question::new(nowhere, WhenStale::AskAgain, reply, answer);
        self.forward(Event::AskAll(Box::new(question)));
        answered.await.unwrap_or_else(|_| Err(Error::internal_error()))
    }
}

impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let (reply, answered) = oneshot::channel();
        self.forward(Event::Initialize(Box::new(params), reply));
        let welcome = answered.await.map_err(|_| Error::internal_error());
        self.is_serving.store(welcome.is_ok(), Ordering::SeqCst);
        welcome
    }

    async fn initialized(&self, _: InitializedParams) {
        self.forward(Event::Initialized);
    }

    async fn shutdown(&self) -> Result<()> {
        self.has_shut_down.store(true, Ordering::SeqCst);
        self.is_serving.store(false, Ordering::SeqCst);
        self.forward(Event::ShutDown);
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        self.forward(Event::Open(params));
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        self.forward(Event::Change(params));
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.forward(Event::Close(params.text_document.uri));
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        let uris = params.changes.into_iter().map(|change| change.uri).collect();
        self.forward(Event::Watched(uris));
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        self.forward(Event::SettingsChanged(params.settings));
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let uris = |folders: Vec<WorkspaceFolder>| folders.into_iter().map(|it| it.uri).collect();
        self.forward(Event::Folders(uris(params.event.added), uris(params.event.removed)));
    }

    async fn document_link_resolve(&self, params: DocumentLink) -> Result<DocumentLink> {
        let Some(path) = params.data.as_ref().and_then(serde_json::Value::as_str) else {
            return Ok(params);
        };
        let path = path.as_bytes().to_vec();
        let link = params.clone();
        let answer = move |view: &View| {
            Some(DocumentLink { target: answers::link_target(view, &path), ..params.clone() })
        };
        match self.ask_all(answer).await {
            Err(error) if error == not_open() => Ok(link),
            resolved => resolved,
        }
    }

    async fn completion_resolve(&self, params: CompletionItem) -> Result<CompletionItem> {
        let number = params.data.as_ref().and_then(serde_json::Value::as_u64);
        let Some((uri, subject)) = number.and_then(|it| self.kept.item(it)) else {
            return Ok(params);
        };
        let item = params.clone();
        let answer = move |view: &View| Some(to_proto::resolved(view, &subject, params.clone()));
        match self.ask(uri, WhenStale::AskAgain, answer).await {
            // The document was closed in the meantime: what is known is all there is.
            Err(error) if error == not_open() => Ok(item),
            resolved => resolved,
        }
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let place = params.text_document_position_params;
        let answer = move |view: &View| navigation::hover(view, place.position);
        self.ask(place.text_document.uri, WhenStale::Refuse, answer).await
    }

    async fn goto_definition(
        &self,
        params: GotoDefinitionParams,
    ) -> Result<Option<GotoDefinitionResponse>> {
        let place = params.text_document_position_params;
        let answer = move |view: &View| navigation::definition(view, place.position);
        self.ask(place.text_document.uri, WhenStale::Refuse, answer).await
    }

    async fn goto_declaration(
        &self,
        params: GotoDeclarationParams,
    ) -> Result<Option<GotoDeclarationResponse>> {
        let place = params.text_document_position_params;
        let answer = move |view: &View| navigation::definition(view, place.position);
        self.ask(place.text_document.uri, WhenStale::Refuse, answer).await
    }

    async fn goto_type_definition(
        &self,
        params: GotoTypeDefinitionParams,
    ) -> Result<Option<GotoTypeDefinitionResponse>> {
        let place = params.text_document_position_params;
        let answer = move |view: &View| Some(navigation::type_definition(view, place.position));
        self.ask(place.text_document.uri, WhenStale::Refuse, answer).await
    }

    async fn goto_implementation(
        &self,
        params: GotoImplementationParams,
    ) -> Result<Option<GotoImplementationResponse>> {
        let place = params.text_document_position_params;
        let answer = move |view: &View| navigation::implementations(view, place.position);
        self.ask(place.text_document.uri, WhenStale::Refuse, answer).await
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        let range = params.range;
        let answer = move |view: &View| hints::inlay_hints(view, range).map(Some);
        self.ask(params.text_document.uri, WhenStale::Refuse, answer).await
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        let answer = |view: &View| Some(Some(hints::code_lenses(view)));
        self.ask(params.text_document.uri, WhenStale::Refuse, answer).await
    }

    async fn execute_command(
        &self,
        params: ExecuteCommandParams,
    ) -> Result<Option<serde_json::Value>> {
        if params.command == hints::EVALUATE {
            let Some((uri, position)) = hints::place_to_evaluate(&params.arguments) else {
                return Err(Error::invalid_params("a URI and a position are wanted"));
            };
            let answer = move |view: &View| Some(hints::value_at(view, position));
            return self.ask(uri, WhenStale::Refuse, answer).await.map(Some);
        }
        if params.command != hints::CHOOSE_ROLE {
            return Err(Error::invalid_params("there is no such command"));
        }
        let Some((uri, title)) = hints::chosen_role(&params.arguments) else {
            return Err(Error::invalid_params("a URI and a title are wanted"));
        };
        self.forward(Event::ChooseRole(uri, title));
        Ok(None)
    }

    async fn signature_help(&self, params: SignatureHelpParams) -> Result<Option<SignatureHelp>> {
        let place = params.text_document_position_params;
        let answer = move |view: &View| Some(answers::signature(view, place.position));
        self.ask(place.text_document.uri, WhenStale::AskAgain, answer).await
    }

    async fn prepare_rename(
        &self,
        params: TextDocumentPositionParams,
    ) -> Result<Option<PrepareRenameResponse>> {
        let answer = move |view: &View| navigation::prepare_rename(view, params.position);
        let found = self.ask(params.text_document.uri, WhenStale::Refuse, answer).await?;
        found.map(Some).map_err(refused)
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let place = params.text_document_position;
        let answer = move |view: &View| navigation::rename(view, place.position, &params.new_name);
        let edit = self.ask(place.text_document.uri, WhenStale::Refuse, answer).await?;
        edit.map(Some).map_err(refused)
    }

    async fn will_rename_files(&self, params: RenameFilesParams) -> Result<Option<WorkspaceEdit>> {
        let answer = move |view: &View| Some(Some(navigation::file_rename(view, &params.files)));
        match self.ask_all(answer).await {
            Err(error) if error == not_open() => Ok(None),
            found => found,
        }
    }

    async fn prepare_call_hierarchy(
        &self,
        params: CallHierarchyPrepareParams,
    ) -> Result<Option<Vec<CallHierarchyItem>>> {
        let place = params.text_document_position_params;
        let answer = move |view: &View| Some(navigation::prepare_calls(view, place.position));
        self.ask(place.text_document.uri, WhenStale::Refuse, answer).await
    }

    async fn incoming_calls(
        &self,
        params: CallHierarchyIncomingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyIncomingCall>>> {
        self.ask_all(move |view| Some(navigation::incoming_calls(view, &params.item))).await
    }

    async fn outgoing_calls(
        &self,
        params: CallHierarchyOutgoingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyOutgoingCall>>> {
        self.ask_all(move |view| Some(navigation::outgoing_calls(view, &params.item))).await
    }

    async fn selection_range(
        &self,
        params: SelectionRangeParams,
    ) -> Result<Option<Vec<SelectionRange>>> {
        let positions = params.positions;
        let answer = move |view: &View| Some(Some(answers::selections(view, &positions)));
        self.ask(params.text_document.uri, WhenStale::Refuse, answer).await
    }

    async fn symbol(
        &self,
        params: WorkspaceSymbolParams,
    ) -> Result<Option<OneOf<Vec<SymbolInformation>, Vec<WorkspaceSymbol>>>> {
        let answer = move |view: &View| {
            Some(Some(OneOf::Right(answers::workspace_symbols(view, &params.query))))
        };
        match self.ask_all(answer).await {
            Err(error) if error == not_open() => Ok(None),
            found => found,
        }
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        let place = params.text_document_position;
        let with_definition = params.context.include_declaration;
        let answer =
            move |view: &View| navigation::references(view, place.position, with_definition);
        self.ask(place.text_document.uri, WhenStale::Refuse, answer).await
    }

    async fn document_highlight(
        &self,
        params: DocumentHighlightParams,
    ) -> Result<Option<Vec<DocumentHighlight>>> {
        let place = params.text_document_position_params;
        let answer = move |view: &View| Some(answers::highlights(view, place.position));
        self.ask(place.text_document.uri, WhenStale::Refuse, answer).await
    }
}

/// The answer to a request that cannot be done, with the reason.
fn refused(reason: String) -> Error {
    Error { code: ErrorCode::ServerError(REQUEST_FAILED), message: reason.into(), data: None }
}

/// The protocol's code of a request that is right but cannot be done. Source: LSP 3.17.
const REQUEST_FAILED: i64 = -32803;

/// The answer to a question about a document that is not open.
pub(super) fn not_open() -> Error {
    Error::invalid_params("the document is not open")
}

/// Shows that something is being evaluated, from when the client takes the token until it is
/// over. It runs beside the other notices: a client that never answers holds up nothing.
async fn show_progress(client: Client, what: String, over: oneshot::Receiver<()>) {
    static NEXT: AtomicI32 = AtomicI32::new(1);
    let token = NumberOrString::Number(NEXT.fetch_add(1, Ordering::Relaxed));
    let asked = WorkDoneProgressCreateParams { token: token.clone() };
    if client.send_request::<WorkDoneProgressCreate>(asked).await.is_err() {
        return;
    }
    let begin = WorkDoneProgressBegin {
        title: "evaluating".to_owned(),
        message: Some(what),
        cancellable: Some(false),
        percentage: None,
    };
    let tell = |progress| {
        let value = ProgressParamsValue::WorkDone(progress);
        let params = ProgressParams { token: token.clone(), value };
        client.send_notification::<notification::Progress>(params)
    };
    tell(WorkDoneProgress::Begin(begin)).await;
    // Whether it is told or the session has ended is all the same.
    drop(over.await);
    tell(WorkDoneProgress::End(WorkDoneProgressEnd { message: None })).await;
}

/// Tells the client what it has not asked for, one thing after another.
pub(super) async fn send_notices(
    client: Client,
    events: mpsc::Sender<Event>,
    mut notices: UnboundedReceiver<Notice>,
) {
    let mut progress: Option<oneshot::Sender<()>> = None;
    while let Some(notice) = notices.recv().await {
        match notice {
            Notice::Diagnostics(uri, diagnostics, version) => {
                client.publish_diagnostics(uri, diagnostics, version).await;
            }
            Notice::Log(kind, text) => client.log_message(kind, text).await,
            Notice::AskSettings => {
                let (client, events) = (client.clone(), events.clone());
                tokio::spawn(async move {
                    let item =
                        ConfigurationItem { scope_uri: None, section: Some("nivis".to_owned()) };
                    let Ok(mut found) = client.configuration(vec![item]).await else { return };
                    if let Some(settings) = found.pop() {
                        drop(events.send(Event::Settings(settings)));
                    }
                });
            }
            Notice::RefreshDiagnostics => {
                let client = client.clone();
                tokio::spawn(async move { drop(client.workspace_diagnostic_refresh().await) });
            }
            Notice::Register(registrations) => {
                // Its answer may take long; nothing else has to wait for that.
                let client = client.clone();
                tokio::spawn(async move {
                    // A client that refuses just does not tell.
                    drop(client.register_capability(registrations).await);
                });
            }
            Notice::Progress(what) => {
                // The end of the one before is told by dropping its sender.
                drop(progress.take());
                progress = what.map(|what| {
                    let (sender, over) = oneshot::channel();
                    tokio::spawn(show_progress(client.clone(), what, over));
                    sender
                });
            }
        }
    }
}
