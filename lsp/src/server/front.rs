//! The front: messages begin in the order in which they came; long answers go straight out.
//!
//! tower-lsp turns an answer into a tree of JSON values and that into text; for the outline of a
//! large file this takes far longer than finding the answer. So the requests that are asked at
//! every key or answered at length do not go through it: what comes for them is forwarded to the
//! session from here, and the worker sends the finished bytes to the client.

use std::collections::BTreeSet;
use std::future::{self, Future};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::{Context, Poll, Waker};

use lsp_types::{
    CancelParams, CompletionParams, DocumentDiagnosticParams, DocumentLinkParams,
    DocumentSymbolParams, FoldingRangeParams, NumberOrString, SemanticTokensDeltaParams,
    SemanticTokensParams, SemanticTokensRangeParams, Uri, WorkspaceDiagnosticParams,
};
use serde::de::DeserializeOwned;
use tower_lsp::UriExt as _;
use tower_lsp::jsonrpc::{self, Error, Id, Request, Response};
use tower_service::Service;

use super::event::Event;
use super::transport::{Frame, framed};
use super::worker::{Answer, Question, View, WhenStale};
use super::{pull, written};

/// The requests that are answered without tower-lsp, and those that are still open.
#[derive(Clone)]
pub(super) struct Desk {
    events: mpsc::Sender<Event>,
    frames: mpsc::Sender<Frame>,
    open: Arc<Mutex<BTreeSet<String>>>,
    /// Whether the client has been welcomed and has not taken its leave.
    is_serving: Arc<AtomicBool>,
}

impl Desk {
    /// Returns a desk that forwards to `events`; answers go to `frames`.
    pub(super) fn new(
        events: mpsc::Sender<Event>,
        frames: mpsc::Sender<Frame>,
        is_serving: Arc<AtomicBool>,
    ) -> Desk {
        Desk { events, frames, open: Arc::default(), is_serving }
    }

    /// Takes a request that is answered here; returns any other.
    fn take(&self, request: Request) -> Option<Request> {
        if !self.is_serving.load(Ordering::SeqCst) {
            return Some(request);
        }
        if request.method() == "$/cancelRequest" {
            return self.cancel(request);
        }
        let Some(id) = request.id().cloned().filter(|_| is_direct(request.method())) else {
            return Some(request);
        };
        let (method, _, params) = request.into_parts();
        let reply = Reply { id, desk: self.clone() };
        self.open().insert(reply.key());
        let params = params.unwrap_or_default();
        match question(&method, params, &reply) {
            // A session that has ended answers nothing more.
            Ok(event) => drop(self.events.send(event)),
            Err(error) => reply.give(Err(error)),
        }
        None
    }

    /// Takes a cancellation of a request that is open here; returns any other.
    fn cancel(&self, request: Request) -> Option<Request> {
        let params = request.params().cloned().unwrap_or_default();
        let id = match serde_json::from_value::<CancelParams>(params) {
            Ok(CancelParams { id: NumberOrString::Number(number) }) => Id::Number(number.into()),
            Ok(CancelParams { id: NumberOrString::String(text) }) => Id::String(text),
            Err(_) => return Some(request),
        };
        let reply = Reply { id, desk: self.clone() };
        if reply.is_gone() {
            return Some(request);
        }
        reply.give(Err(Error::request_cancelled()));
        None
    }

    fn open(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn question(method: &str, params: serde_json::Value, reply: &Reply) -> jsonrpc::Result<Event> {
    let Asked { uri, when_stale, answer } = asked(method, params)?;
    let reply = reply.clone();
    Ok(match uri {
        Some(uri) => {
            let question = Question::new(uri, when_stale, reply, answer);
            let question = if is_about_text(method) { question.about_text() } else { question };
            Event::Ask(Box::new(question))
        }
        None => {
            let nowhere = Uri::from_file_path("/").ok_or_else(Error::internal_error)?;
            Event::AskAll(Box::new(Question::new(nowhere, when_stale, reply, answer)))
        }
    })
}

/// What a request asks.
struct Asked {
    /// Of which document; of all if `None`.
    uri: Option<Uri>,
    when_stale: WhenStale,
    answer: Write,
}

impl Asked {
    fn new(uri: Uri, when_stale: WhenStale, answer: Write) -> Asked {
        Asked { uri: Some(uri), when_stale, answer }
    }
}

fn asked(method: &str, params: serde_json::Value) -> jsonrpc::Result<Asked> {
    use WhenStale::{AskAgain, Refuse};
    Ok(match method {
        "textDocument/completion" => {
            let place = read::<CompletionParams>(params)?.text_document_position;
            let position = place.position;
            let answer = move |view: &View| written::completion(view, position);
            Asked::new(place.text_document.uri, AskAgain, Box::new(answer))
        }
        "textDocument/documentSymbol" => {
            let uri = read::<DocumentSymbolParams>(params)?.text_document.uri;
            Asked::new(uri, Refuse, Box::new(|view| Some(written::symbols(view))))
        }
        "textDocument/foldingRange" => {
            let uri = read::<FoldingRangeParams>(params)?.text_document.uri;
            Asked::new(uri, Refuse, Box::new(|view| Some(written::folds(view))))
        }
        "textDocument/documentLink" => {
            let uri = read::<DocumentLinkParams>(params)?.text_document.uri;
            Asked::new(uri, Refuse, Box::new(|view| Some(written::links(view))))
        }
        "textDocument/diagnostic" => {
            let params: DocumentDiagnosticParams = read(params)?;
            let before = params.previous_result_id;
            let answer = move |view: &View| Some(pull::document(view, before.as_deref()));
            Asked::new(params.text_document.uri, AskAgain, Box::new(answer))
        }
        "workspace/diagnostic" => {
            let params: WorkspaceDiagnosticParams = read(params)?;
            let known = params.previous_result_ids.into_iter();
            let before = known.map(|it| (it.uri.as_str().to_owned(), it.value)).collect();
            let answer = move |view: &View| Some(pull::workspace(view, &before));
            Asked { uri: None, when_stale: AskAgain, answer: Box::new(answer) }
        }
        _ => return tokens_asked(method, params),
    })
}

fn tokens_asked(method: &str, params: serde_json::Value) -> jsonrpc::Result<Asked> {
    let (uri, answer): (Uri, Write) = match method {
        "textDocument/semanticTokens/full" => {
            let uri = read::<SemanticTokensParams>(params)?.text_document.uri;
            (uri, Box::new(|view| Some(written::tokens(view))))
        }
        "textDocument/semanticTokens/full/delta" => {
            let params: SemanticTokensDeltaParams = read(params)?;
            let before = params.previous_result_id;
            let answer = move |view: &View| Some(written::tokens_since(view, &before));
            (params.text_document.uri, Box::new(answer))
        }
        "textDocument/semanticTokens/range" => {
            let params: SemanticTokensRangeParams = read(params)?;
            let range = params.range;
            let answer = move |view: &View| Some(written::tokens_in(view, range));
            (params.text_document.uri, Box::new(answer))
        }
        _ => return Err(Error::method_not_found()),
    };
    Ok(Asked::new(uri, WhenStale::Refuse, answer))
}

/// What writes the result of a request; `None` to be asked again once the options are known.
type Write = Box<dyn Fn(&View) -> Option<Vec<u8>> + Send>;

fn is_direct(method: &str) -> bool {
    matches!(
        method,
        "textDocument/completion"
            | "textDocument/documentSymbol"
            | "textDocument/foldingRange"
            | "textDocument/documentLink"
            | "textDocument/semanticTokens/full"
            | "textDocument/semanticTokens/full/delta"
            | "textDocument/semanticTokens/range"
            | "textDocument/diagnostic"
            | "workspace/diagnostic"
    )
}

/// Whether a document's text alone answers a request.
fn is_about_text(method: &str) -> bool {
    matches!(method, "textDocument/documentSymbol" | "textDocument/foldingRange")
        || method.starts_with("textDocument/semanticTokens/")
}

fn read<T: DeserializeOwned>(params: serde_json::Value) -> jsonrpc::Result<T> {
    serde_json::from_value(params).map_err(|error| Error::invalid_params(error.to_string()))
}

/// The way back to the client: takes one answer, the result as JSON text.
#[derive(Clone)]
struct Reply {
    id: Id,
    desk: Desk,
}

impl Reply {
    /// Returns what the request is known by: numbers and texts are told apart.
    fn key(&self) -> String {
        match &self.id {
            Id::Number(number) => number.to_string(),
            Id::String(text) => format!("{text:?}"),
            Id::Null => String::new(),
        }
    }
}

impl Answer<Vec<u8>> for Reply {
    fn is_gone(&self) -> bool {
        !self.desk.open().contains(&self.key())
    }

    fn give(self, result: jsonrpc::Result<Vec<u8>>) {
        // Whoever closes the request answers it: the worker, or a cancellation.
        if !self.desk.open().remove(&self.key()) {
            return;
        }
        let body = match result {
            Ok(result) => {
                let id = serde_json::to_vec(&self.id).unwrap_or_else(|_| b"null".to_vec());
                let head = [br#"{"jsonrpc":"2.0","id":"#, id.as_slice(), br#","result":"#].concat();
                [&head, result.as_slice(), b"}"].concat()
            }
            Err(error) => {
                let response = Response::from_error(self.id.clone(), error);
                serde_json::to_vec(&response).unwrap_or_default()
            }
        };
        // A client that has left needs no answer.
        drop(self.desk.frames.send(Frame::Bytes(framed(&body))));
    }
}

/// tower-lsp's service behind the desk.
pub(super) struct Front<S> {
    service: S,
    desk: Desk,
}

impl<S> Front<S> {
    /// Returns `service` with the desk before it.
    pub(super) fn new(service: S, desk: Desk) -> Front<S> {
        Front { service, desk }
    }
}

/// What a service makes of a request.
type Served<E> = Pin<Box<dyn Future<Output = Result<Option<Response>, E>> + Send>>;

impl<S, E> Service<Request> for Front<S>
where
    S: Service<Request, Response = Option<Response>, Error = E, Future = Served<E>>,
    E: Send + 'static,
{
    type Response = Option<Response>;
    type Error = E;
    type Future = Served<E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Some(request) = self.desk.take(request) else {
            return Box::pin(future::ready(Ok(None)));
        };
        let mut served = self.service.call(request);
        // Up to its first wait a handler forwards; that is done now, so that nothing overtakes.
        match served.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Box::pin(future::ready(result)),
            Poll::Pending => served,
        }
    }
}
