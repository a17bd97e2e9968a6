//! Whole sessions over pipes, with a host and a module library in memory.

mod protocol;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::sync::Arc;
use std::thread::JoinHandle;

use eval::settings::Settings;
use eval::system::MemorySystem;
use serde_json::{Value, json};
use store::{MemoryStore, StoreDirectory};

use super::{Ending, Host, serve};

const URI: &str = "file:///w/configuration.nix";

/// Options that stand for a module library; the configuration adds one of its own.
const LIBRARY: &str = r#"{ configuration }: let
  type = name: { _type = "option-type"; inherit name; description = name; };
  option = name: description:
    { _type = "option"; type = type name; inherit description; declarations = [ "/lib/m.nix" ]; };
  given = builtins.head configuration.imports;
  loaded = if builtins.isPath given then import given { } else given;
in { options = {
  services.nginx.enable = option "bool" "Whether to run nginx.";
  services.openssh.enable = option "bool" "Whether to run sshd.";
  boot = builtins.mapAttrs (_: option "str") (loaded.own or { });
}; }"#;

struct Client {
    to: PipeWriter,
    from: BufReader<PipeReader>,
    server: JoinHandle<std::io::Result<Ending>>,
    /// Notifications that came while something else was awaited.
    notices: Vec<Value>,
    id: i64,
}

fn start() -> Client {
    let mut system = MemorySystem::default();
    let mut add = |path: &str, text: &str| {
        system.files.insert(path.as_bytes().to_vec(), text.as_bytes().to_vec());
    };
    add("/lib/nixos/default.nix", LIBRARY);
    add("/lib/m.nix", "{ ... }:\n{\n  options.services.nginx.enable = 1;\n}\n");
    add("/w/configuration.nix", "{ ... }: { }");
    let settings = Settings {
        search_path: vec![(b"nixpkgs".to_vec(), b"/lib".to_vec())],
        ..Settings::default()
    };
    let host = Host {
        system: Arc::new(system),
        open_store: Box::new(|| Ok(Box::new(MemoryStore::new(StoreDirectory::default())))),
        settings,
        cache: None,
        show_embedded: Box::new(|_| None),
    };
    let (input, to) = pipe().expect("a pipe");
    let (from, output) = pipe().expect("a pipe");
    let server = std::thread::spawn(move || serve(host, input, output));
    Client { to, from: BufReader::new(from), server, notices: Vec::new(), id: 0 }
}

/// Starts a session and opens the configuration with a text.
fn open(text: &str) -> Client {
    let mut client = start();
    let capabilities = json!({ "workspace": {} });
    let folders = json!([{ "uri": "file:///w", "name": "w" }]);
    client.ask("initialize", json!({ "capabilities": capabilities, "workspaceFolders": folders }));
    client.tell("initialized", json!({}));
    client.tell(
        "textDocument/didOpen",
        json!({ "textDocument":
        { "uri": URI, "languageId": "nix", "version": 1, "text": text } }),
    );
    client
}

impl Client {
    fn raw(&mut self, text: &str) {
        self.to.write_all(text.as_bytes()).expect("the server reads");
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.raw(&format!("Content-Length: {}\r\n\r\n{text}", text.len()));
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request without waiting for the answer, and returns its number.
    fn request(&mut self, method: &str, params: Value) -> i64 {
        self.id += 1;
        let id = self.id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params);
        self.answer(&json!(id))
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.from.read_line(&mut line).expect("the server writes"), 0, "it ended");
            if let Some(number) = line.strip_prefix("Content-Length: ") {
                length = number.trim().parse().expect("a number");
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).expect("a whole message");
        serde_json::from_slice(&body).expect("JSON")
    }

    fn answer(&mut self, id: &Value) -> Value {
        loop {
            let message = self.receive();
            if message.get("method").is_none() && message.get("id") == Some(id) {
                return message;
            }
            self.notices.push(message);
        }
    }

    /// Waits for the diagnostics of a version, and checks that older ones never follow.
    fn diagnostics(&mut self, version: i64) -> Value {
        loop {
            let position = self.notices.iter().position(|notice| {
                notice["method"] == "textDocument/publishDiagnostics"
                    && notice["params"]["version"] == version
            });
            if let Some(position) = position {
                return self.notices.remove(position)["params"]["diagnostics"].clone();
            }
            let message = self.receive();
            self.notices.push(message);
        }
    }

    fn change(&mut self, version: i64, changes: Value) {
        let document = json!({ "uri": URI, "version": version });
        self.tell(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": changes }),
        );
    }

    fn finish(mut self) -> Ending {
        assert_eq!(self.ask("shutdown", Value::Null)["result"], Value::Null);
        let refused = self.ask("textDocument/hover", at(0, 0));
        assert_eq!(refused["error"]["code"], -32600, "nothing is served after the shutdown");
        self.tell("exit", Value::Null);
        self.server.join().expect("no panic").expect("no error")
    }
}

fn at(line: u32, character: u32) -> Value {
    json!({ "textDocument": { "uri": URI }, "position": { "line": line, "character": character } })
}

fn labels(answer: &Value) -> Vec<&str> {
    let items = answer["result"]["items"].as_array().expect("items");
    items.iter().map(|item| item["label"].as_str().expect("a label")).collect()
}

#[test]
fn the_first_completion_waits_for_the_options_even_in_broken_code() {
    let mut client = open("{ ... }:\n{\n  services.ngi\n}\n");
    let answer = client.ask("textDocument/completion", at(2, 14));
    assert_eq!(labels(&answer), ["nginx", "openssh"]);
    assert_eq!(answer["result"]["isIncomplete"], false);
    let item = &answer["result"]["items"][0];
    let shown = item["documentation"]["value"].as_str().expect("documentation");
    assert!(shown.contains("Whether to run nginx."), "{shown}");
    let other = answer["result"]["items"][1].clone();
    assert!(other.get("documentation").is_none(), "only what fits the typed word has it already");
    let resolved = client.ask("completionItem/resolve", other);
    let shown = resolved["result"]["documentation"]["value"].as_str().expect("documentation");
    assert!(shown.contains("Whether to run sshd."), "{shown}");
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn options_of_the_configuration_itself_follow_its_edits() {
    let mut client = open("{ ... }: { own.first = \"One.\"; }");
    client.diagnostics(1);
    let answer = client.ask("textDocument/completion", at(0, 11));
    assert_eq!(labels(&answer)[..2], ["boot", "services"]);
    client.change(2, json!([{ "text": "{ ... }: { own.second = \"Two.\"; boot. }" }]));
    // The text is broken, so what is known stays.
    let answer = client.ask("textDocument/completion", at(0, 37));
    assert_eq!(labels(&answer), ["first"]);
    client.change(3, json!([{ "text": "{ ... }: { own.second = \"Two.\"; boot.x = 1; }" }]));
    loop {
        let answer = client.ask("textDocument/completion", at(0, 37));
        match labels(&answer)[..] {
            ["second"] => break,
            ["first"] => std::thread::yield_now(),
            ref other => panic!("{other:?}"),
        }
    }
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn edits_apply_in_order_and_answers_are_fresh() {
    // No module, so that no name is an option's.
    let mut client = open("[ {\n} ]\n");
    for number in 0..200 {
        let start = json!({ "line": 1, "character": 0 });
        let text = format!("  a{number} = 1;\n");
        let range = json!({ "start": start, "end": start });
        client.change(number + 2, json!([{ "range": range, "text": text }]));
        if number % 10 == 0 {
            let params = json!({ "textDocument": { "uri": URI } });
            let answer = client.ask("textDocument/documentSymbol", params);
            assert_eq!(answer["result"][0]["name"], format!("a{number}"));
        }
    }
    assert_eq!(client.diagnostics(201), json!([]));
    let versions = client.notices.iter().filter_map(|it| it["params"]["version"].as_i64());
    assert!(versions.is_sorted(), "diagnostics never go back");
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn a_question_about_an_older_text_is_refused_or_asked_again() {
    let mut client = open("let a = 1; in a");
    client.diagnostics(1);
    // All in one write, so that the server finds them together.
    let mut batch = String::new();
    let mut add = |message: Value| {
        let text = message.to_string();
        let _ = write!(batch, "Content-Length: {}\r\n\r\n{text}", text.len());
    };
    add(
        json!({ "jsonrpc": "2.0", "id": "h", "method": "textDocument/hover", "params": at(0, 14) }),
    );
    add(json!({ "jsonrpc": "2.0", "id": "c", "method": "textDocument/completion",
        "params": at(0, 15) }));
    add(json!({ "jsonrpc": "2.0", "method": "textDocument/didChange", "params": {
        "textDocument": { "uri": URI, "version": 2 },
        "contentChanges": [{ "text": "let b = 1; in b" }] } }));
    client.raw(&batch);
    let completed = client.answer(&json!("c"));
    let offered = labels(&completed);
    assert!(offered.contains(&"a") || offered.contains(&"b"), "{offered:?}");
    let hovered = client.notices.iter().find(|it| it["id"] == "h").cloned();
    let hovered = hovered.unwrap_or_else(|| client.answer(&json!("h")));
    let is_fresh = hovered["result"].is_object() || hovered["error"]["code"] == -32801;
    assert!(is_fresh, "{hovered}");
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn diagnostics_have_versions_and_are_cleared_on_close() {
    let mut client = open("let a = 1; in b");
    let found = client.diagnostics(1);
    let codes: Vec<_> = found.as_array().expect("a list").iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["unused-binding", "undefined-variable"]);
    client.change(2, json!([{ "text": "let a = ; in a" }]));
    assert_eq!(client.diagnostics(2)[0]["code"], "syntax-error");
    client.change(3, json!([{ "text": "let a = 1; in a" }]));
    assert_eq!(client.diagnostics(3), json!([]));
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": URI } }));
    let closed = loop {
        let message = client.receive();
        if message["method"] == "textDocument/publishDiagnostics" {
            break message;
        }
    };
    assert_eq!(closed["params"], json!({ "uri": URI, "diagnostics": [] }));
    let refused = client.ask("textDocument/hover", at(0, 0));
    assert_eq!(refused["error"]["code"], -32602);
    client.change(4, json!([{ "text": "x" }]));
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn hover_and_definition_of_an_option() {
    let mut client = open("{ ... }: { services.nginx.enable = true; }");
    client.ask("textDocument/completion", at(0, 11));
    let answer = client.ask("textDocument/hover", at(0, 28));
    let shown = answer["result"]["contents"]["value"].as_str().expect("Markdown");
    assert!(shown.contains("services.nginx.enable") && shown.contains("bool"), "{shown}");
    let answer = client.ask("textDocument/definition", at(0, 28));
    let place = &answer["result"][0];
    assert_eq!(place["uri"], "file:///lib/m.nix");
    assert_eq!(place["range"]["start"], json!({ "line": 2, "character": 2 }));
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn positions_outside_the_text_are_answered() {
    let mut client = open("é");
    let range = json!({ "start": { "line": 7, "character": 0 },
        "end": { "line": 9, "character": 9 } });
    client.change(2, json!([{ "range": range, "text": " b" }]));
    assert!(client.ask("textDocument/hover", at(99, 99)).get("result").is_some());
    assert!(client.ask("textDocument/completion", at(99, 0)).get("result").is_some());
    client.change(
        3,
        json!([{ "range": { "start": { "line": 0, "character": 3 },
        "end": { "line": 0, "character": 1 } }, "text": "x" }]),
    );
    let message = client.diagnostics(3)[0]["message"].clone();
    assert!(message.as_str().is_some(), "{message}");
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn garbage_and_early_requests_get_the_protocols_answers() {
    let mut client = start();
    let early = client.ask("textDocument/hover", at(0, 0));
    assert_eq!(early["error"]["code"], -32002, "the server is not initialized");
    client.tell("textDocument/didOpen", json!({ "nonsense": true }));
    client.raw("hello\r\n\r\nContent-Length: 5\r\n\r\n{\"a\":");
    assert_eq!(client.answer(&Value::Null)["error"]["code"], -32700);
    assert_eq!(client.answer(&Value::Null)["error"]["code"], -32700);
    client.raw("Content-Length: 2\r\n\r\n[]");
    assert_eq!(client.answer(&Value::Null)["error"]["code"], -32600);
    client.ask("initialize", json!({ "capabilities": {} }));
    client.tell("initialized", json!({}));
    assert_eq!(client.ask("initialize", json!({ "capabilities": {} }))["error"]["code"], -32600);
    assert_eq!(client.ask("nivis/unheard", json!({}))["error"]["code"], -32601);
    assert_eq!(client.ask("textDocument/hover", json!([1]))["error"]["code"], -32602);
    client.tell("textDocument/didChange", json!({}));
    client.tell("$/unheard", json!({}));
    let item = json!({ "label": "x", "data": [1, { "uri": "?" }] });
    assert_eq!(client.ask("completionItem/resolve", item)["result"]["label"], "x");
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn leaving_without_a_shutdown_is_told_apart() {
    let mut client = start();
    client.ask("initialize", json!({ "capabilities": {} }));
    client.tell("exit", Value::Null);
    let ending = client.server.join().expect("no panic").expect("no error");
    assert_eq!(ending, Ending::WithoutShutdown);
    let mut client = start();
    client.ask("initialize", json!({ "capabilities": {} }));
    drop(client.to);
    let ending = client.server.join().expect("no panic").expect("no error");
    assert_eq!(ending, Ending::WithoutShutdown);
}

#[test]
fn the_client_may_count_in_bytes() {
    let mut client = start();
    let general = json!({ "positionEncodings": ["utf-16", "utf-8"] });
    let answer = client.ask("initialize", json!({ "capabilities": { "general": general } }));
    assert_eq!(answer["result"]["capabilities"]["positionEncoding"], "utf-8");
    client.tell("initialized", json!({}));
    client.tell(
        "textDocument/didOpen",
        json!({ "textDocument":
        { "uri": URI, "languageId": "nix", "version": 1, "text": "\"é\" + x" } }),
    );
    let range = client.diagnostics(1)[0]["range"].clone();
    assert_eq!(range["start"], json!({ "line": 0, "character": 7 }));
    assert_eq!(client.finish(), Ending::AfterShutdown);
}
