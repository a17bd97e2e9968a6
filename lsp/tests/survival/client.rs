//! A client with a server in this process, on a small module library in memory.

use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eval::settings::Settings;
use eval::system::MemorySystem;
use lsp::server::{Ending, Host, serve};
use serde_json::{Value, json};
use store::{MemoryStore, StoreDirectory};

/// The document.
pub(crate) const URI: &str = "file:///w/configuration.nix";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Options that stand for a module library; the configuration adds some of its own.
pub(crate) const LIBRARY: &str = r#"{ configuration }: let
  type = name: { _type = "option-type"; inherit name; description = name; check = _: true; };
  option = name: description:
    { _type = "option"; type = type name; inherit description; declarations = [ "/lib/m.nix" ]; };
  given = builtins.head configuration.imports;
  load = it:
    if builtins.isPath it then load (import it)
    else if builtins.isFunction it then it { }
    else it;
  loaded = load given;
in { config = { }; options = {
  services.nginx.enable = option "bool" "Whether to run nginx.";
  boot = builtins.mapAttrs (_: option "str") (loaded.own or { });
}; }"#;

/// Returns the host's files.
pub(crate) fn system() -> MemorySystem {
    let mut system = MemorySystem::default();
    let mut add = |path: &str, text: &str| {
        system.files.insert(path.as_bytes().to_vec(), text.as_bytes().to_vec());
    };
    add("/lib/nixos/default.nix", LIBRARY);
    add("/w/configuration.nix", "{ ... }: { }");
    system
}

/// Returns how to evaluate: `<nixpkgs>` is the small library.
pub(crate) fn settings() -> Settings {
    Settings { search_path: vec![(b"nixpkgs".to_vec(), b"/lib".to_vec())], ..Settings::default() }
}

/// A session.
pub(crate) struct Client {
    to: Option<PipeWriter>,
    messages: Receiver<Value>,
    server: JoinHandle<std::io::Result<Ending>>,
    id: i64,
    version: i64,
    /// What the server has told.
    pub(crate) notices: Vec<Value>,
}

impl Client {
    /// Starts a session with these settings.
    pub(crate) fn start(settings_value: Value) -> Client {
        let host = Host {
            system: Arc::new(system()),
            open_store: Box::new(|| Ok(Box::new(MemoryStore::new(StoreDirectory::default())))),
            settings: settings(),
            cache: None,
            show_embedded: Box::new(|_| None),
        };
        let (input, to) = pipe().expect("a pipe");
        let (from, output) = pipe().expect("a pipe");
        let server = std::thread::spawn(move || serve(host, input, output));
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || read(BufReader::new(from), &sender));
        let mut client =
            Client { to: Some(to), messages, server, id: 0, version: 0, notices: Vec::new() };
        let capabilities = json!({ "textDocument": { "diagnostic": {} } });
        let answer = client.ask(
            "initialize",
            json!({ "capabilities": capabilities, "initializationOptions": settings_value,
            "workspaceFolders": [{ "uri": "file:///w", "name": "w" }] }),
        );
        assert!(answer["result"]["capabilities"].is_object(), "{answer}");
        client.tell("initialized", json!({}));
        client
    }

    /// Opens the document.
    pub(crate) fn open(&mut self, text: &str) {
        self.version = 1;
        let document = json!({ "uri": URI, "languageId": "nix", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Edits the document.
    pub(crate) fn change(&mut self, changes: Value) {
        self.version += 1;
        let document = json!({ "uri": URI, "version": self.version });
        self.tell(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": changes }),
        );
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{text}", text.len());
        let to = self.to.as_mut().expect("the client is there");
        to.write_all(frame.as_bytes()).expect("the server reads");
    }

    /// Sends a notification.
    pub(crate) fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request without waiting.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> i64 {
        self.id += 1;
        let id = self.id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// Returns the answer to a request.
    pub(crate) fn answer(&mut self, id: i64) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left).expect("an answer");
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
            self.notices.push(message);
        }
    }

    /// Sends a request and returns the answer.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params);
        self.answer(id)
    }

    /// Goes away without a word; the server has to end by itself.
    pub(crate) fn vanish(mut self) -> Ending {
        self.to = None;
        drop(self.messages);
        let until = Instant::now() + Duration::from_secs(30);
        while !self.server.is_finished() {
            assert!(Instant::now() < until, "the server goes on without a client");
            std::thread::yield_now();
        }
        self.server.join().expect("no panic").unwrap_or(Ending::WithoutShutdown)
    }

    /// Ends the session as a client should.
    pub(crate) fn finish(mut self) {
        assert_eq!(self.ask("shutdown", Value::Null)["result"], Value::Null);
        self.tell("exit", Value::Null);
        let ending = self.server.join().expect("no panic").expect("no error");
        assert_eq!(ending, Ending::AfterShutdown);
    }
}

fn read(mut from: BufReader<PipeReader>, messages: &mpsc::Sender<Value>) {
    let mut length = 0;
    let mut line = String::new();
    while from.read_line(&mut line).is_ok_and(|count| count > 0) {
        if let Some(number) = line.strip_prefix("Content-Length: ") {
            length = number.trim().parse().expect("a number");
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            from.read_exact(&mut body).expect("a whole message");
            let message = serde_json::from_slice(&body).expect("JSON");
            if messages.send(message).is_err() {
                return;
            }
        }
        line.clear();
    }
}
