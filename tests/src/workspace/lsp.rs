//! `nivis lsp` as an editor runs it: the real binary over stdio, on the embedded module library.

use crate::sources;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

struct Editor {
    server: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    uri: String,
    id: i64,
    /// What came while something else was awaited.
    notices: Vec<Value>,
    /// The working directory and home of the server.
    folder: tempfile::TempDir,
}

/// Starts the server with a search path and opens `configuration.nix` with a text, where `$0`
/// marks the cursor; returns the position of that, too.
fn open(search_path: &str, text: &str) -> (Editor, Value) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut server = Command::new(env!("CARGO_BIN_EXE_nivis"))
        .arg("lsp")
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .env("NIVIS_CACHE_DIR", folder.path().join("cache"))
        .env("NIX_PATH", search_path)
        .env("NIX_CONFIG", "substituters =")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let to = server.stdin.take().expect("a pipe");
    let from = BufReader::new(server.stdout.take().expect("a pipe"));
    let uri = format!("file://{}/configuration.nix", folder.path().display());
    let mut editor = Editor { server, to, from, uri, id: 0, notices: Vec::new(), folder };
    let root = format!("file://{}", editor.folder.path().display());
    editor.ask("initialize", &json!({ "capabilities": {}, "rootUri": root }));
    editor.tell("initialized", &json!({}));
    let (before, after) = text.split_once("$0").unwrap_or((text, ""));
    let text = format!("{before}{after}");
    std::fs::write(editor.folder.path().join("configuration.nix"), &text).expect("a file");
    let document = json!({ "uri": editor.uri, "languageId": "nix", "version": 1, "text": text });
    editor.tell("textDocument/didOpen", &json!({ "textDocument": document }));
    let line = before.matches('\n').count();
    let column = before.lines().last().unwrap_or_default().encode_utf16().count();
    let column = if before.ends_with('\n') { 0 } else { column };
    let place = json!({ "textDocument": { "uri": editor.uri },
        "position": { "line": line, "character": column } });
    (editor, place)
}

impl Editor {
    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{text}", text.len());
        self.to.write_all(frame.as_bytes()).expect("the server reads");
    }

    fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.id += 1;
        let id = self.id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.receive();
            if message["id"] == id && message.get("method").is_none() {
                return message["result"].clone();
            }
            self.notices.push(message);
        }
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.from.read_line(&mut line).expect("the server writes"), 0, "it ended");
            match line.trim().strip_prefix("Content-Length: ") {
                Some(number) => length = number.parse().expect("a number"),
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).expect("a whole message");
        serde_json::from_slice(&body).expect("JSON")
    }

    fn diagnostics(&mut self) -> Value {
        loop {
            let is_wanted = |it: &Value| it["method"] == "textDocument/publishDiagnostics";
            if let Some(found) = self.notices.iter().find(|it| is_wanted(it)) {
                return found["params"]["diagnostics"].clone();
            }
            let message = self.receive();
            self.notices.push(message);
        }
    }

    /// Ends the session as a client should, and returns the exit code.
    fn leave(mut self) -> Option<i32> {
        self.ask("shutdown", &Value::Null);
        self.tell("exit", &Value::Null);
        self.server.wait().expect("the server ends").code()
    }
}

/// Checks that all of `wanted` complete, and returns the documentation of the first.
fn check_completion(search_path: &str, text: &str, wanted: &[&str]) -> String {
    let (mut editor, place) = open(search_path, text);
    let mut answer = editor.ask("textDocument/completion", &place);
    while answer["isIncomplete"] == true {
        answer = editor.ask("textDocument/completion", &place);
    }
    let items = answer["items"].as_array().expect("items").clone();
    for label in wanted {
        assert!(items.iter().any(|item| item["label"] == *label), "`{label}` in {text}");
    }
    let first = items.iter().find(|item| item["label"] == wanted[0]).expect("it is offered");
    let resolved = editor.ask("completionItem/resolve", first);
    assert_eq!(editor.leave(), Some(0));
    resolved["documentation"]["value"].as_str().unwrap_or_default().to_owned()
}

fn check_completions_of(search_path: &str) {
    let set = "{ config, pkgs, lib, ... }:\n{\n  services.ngi$0\n}\n";
    let shown = check_completion(search_path, set, &["nginx", "openssh"]);
    assert!(shown.to_lowercase().contains("nginx") && shown.contains("`enable`"), "{shown}");
    let submodule = "{ ... }:\n{\n  services.nginx.virtualHosts.\"x\" = {\n    $0\n  };\n}\n";
    let shown = check_completion(search_path, submodule, &["root", "locations"]);
    assert!(shown.contains("*Type:*"), "{shown}");
    let broken = "{ lib, ... }:\n{\n  services.nginx = lib.mkIf true {\n    ena$0\n";
    let shown = check_completion(search_path, broken, &["enable"]);
    assert!(shown.contains("boolean"), "{shown}");
    let value = "{ ... }: { services.nginx.enable = $0; }";
    check_completion(search_path, value, &["true", "false"]);
}

#[test]
fn options_of_the_embedded_library_complete() {
    check_completions_of("");
}

fn check_packages_of(search_path: &str) {
    let selected = "{ pkgs, ... }:\n{\n  environment.systemPackages = [ pkgs.hel$0 ];\n}\n";
    check_completion(search_path, selected, &["hello", "coreutils", "stdenv"]);
    let list = "{ pkgs, ... }:\n{\n  environment.systemPackages = with pkgs; [ $0 ];\n}\n";
    check_completion(search_path, list, &["hello", "coreutils"]);
    let function = "{ lib, ... }: { x = lib.$0; }";
    let shown = check_completion(search_path, function, &["optionalString", "strings"]);
    assert!(shown.contains("```nix\noptionalString "), "{shown}");
    let nested = "{ lib, ... }: with lib; { x = strings.$0; }";
    check_completion(search_path, nested, &["concatStringsSep"]);
}

#[test]
fn packages_and_functions_of_the_embedded_library_complete() {
    check_packages_of("");
}

/// Needs a nixpkgs at `$PEERS/nixpkgs-2009`.
#[test]
fn packages_of_nixpkgs_complete_and_lead_to_their_files() {
    let Some(peers) = std::env::var_os("PEERS").map(PathBuf::from) else { return };
    let tree = sources::top().join(peers).join("nixpkgs-2009");
    let search_path = format!("nixpkgs={}", tree.display());
    check_packages_of(&search_path);
    let text = "{ pkgs, ... }: { x = with pkgs; [ hel$0lo ]; }";
    let (mut editor, place) = open(&search_path, text);
    let hover = editor.ask("textDocument/hover", &place);
    let shown = hover["contents"]["value"].as_str().unwrap_or_default();
    assert!(shown.contains("**`hello`** 2.10") && shown.contains("friendly greeting"), "{shown}");
    let found = editor.ask("textDocument/definition", &place);
    let uri = found[0]["uri"].as_str().unwrap_or_default();
    assert!(uri.ends_with("pkgs/applications/misc/hello/default.nix"), "{found}");
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn functions_are_explained_where_they_are_called() {
    let (mut editor, place) = open("", "{ lib, ... }: { x = lib.optionalString true $0; }");
    let help = editor.ask("textDocument/signatureHelp", &place);
    let label = help["signatures"][0]["label"].as_str().unwrap_or_default();
    assert!(label.starts_with("lib.optionalString "), "{help}");
    assert_eq!(help["activeParameter"], 1);
    assert_eq!(editor.leave(), Some(0));
    let (mut editor, place) = open("", "{ lib, ... }: { x = lib.optional$0String true \"\"; }");
    let found = editor.ask("textDocument/definition", &place);
    let uri = found[0]["uri"].as_str().expect("a definition");
    let line = found[0]["range"]["start"]["line"].as_u64().expect("a line");
    let text = std::fs::read_to_string(uri.strip_prefix("file://").expect("a file"));
    let text = text.expect("the embedded file can be opened");
    let definition = text.lines().nth(usize::try_from(line).expect("a number"));
    assert!(definition.is_some_and(|it| it.contains("optionalString =")), "{uri}:{line}");
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn names_are_renamed_folded_selected_and_linked() {
    let text = "let\n  a$0 = 1;\nin\n{\n  inherit a;\n  b = [\n    ./configuration.nix a ];\n}\n";
    let (mut editor, place) = open("", text);
    let mut renaming = place.clone();
    renaming["newName"] = json!("long");
    let found = editor.ask("textDocument/rename", &renaming);
    let edits = found["changes"][&editor.uri].as_array().expect("edits").len();
    assert_eq!(edits, 3, "{found}");
    let document = json!({ "textDocument": place["textDocument"] });
    let folds = editor.ask("textDocument/foldingRange", &document);
    assert_eq!(folds[1]["startLine"], 3, "{folds}");
    let links = editor.ask("textDocument/documentLink", &document);
    assert_eq!(links[0]["target"], editor.uri, "{links}");
    let around = json!({ "textDocument": place["textDocument"], "positions": [place["position"]] });
    let ranges = editor.ask("textDocument/selectionRange", &around);
    assert_eq!(ranges[0]["parent"]["range"]["end"]["line"], 1, "{ranges}");
    let symbols = editor.ask("workspace/symbol", &json!({ "query": "b" }));
    assert_eq!(symbols[0]["name"], "b", "{symbols}");
    let implementations = editor.ask("textDocument/implementation", &place);
    assert_eq!(implementations, Value::Null);
    assert_eq!(editor.leave(), Some(0));
}

/// Waits for diagnostics that fit.
fn await_diagnostics(editor: &mut Editor, is_wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let message = editor.receive();
        let found = &message["params"]["diagnostics"];
        if message["method"] == "textDocument/publishDiagnostics" && is_wanted(found) {
            return found.clone();
        }
    }
}

#[test]
fn an_evaluation_error_appears_at_the_definition_and_goes_with_an_edit() {
    let before = "{ ... }:\n{\n  fileSystems.\"/\" = { device = \"/dev/x\"; fsType = \"ext4\"; };\n\
                  \x20 boot.loader.grub.enable = false;\n  services.nginx.enable = ";
    let (mut editor, place) = open("", &format!("{before}2 + 3;\n}}\n"));
    let found = await_diagnostics(&mut editor, |it| it != &json!([]));
    assert_eq!(found[0]["code"], "evaluation-error", "{found}");
    let start = json!({ "line": 4, "character": 26 });
    assert_eq!(found[0]["range"]["start"], start, "{found}");
    let message = found[0]["message"].as_str();
    assert!(message.is_some_and(|it| it.contains("wants a boolean")), "{found}");
    let document = json!({ "uri": place["textDocument"]["uri"], "version": 2 });
    let text = json!([{ "text": format!("{before}true;\n}}\n") }]);
    let edit = json!({ "textDocument": document, "contentChanges": text });
    editor.tell("textDocument/didChange", &edit);
    await_diagnostics(&mut editor, |it| it == &json!([]));
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn everyone_who_sets_an_option_is_found() {
    let (mut editor, place) = open("", "{ ... }: { services.nginx.ena$0ble = true; }");
    let other = editor.folder.path().join("other.nix");
    std::fs::write(&other, "{ ... }:\n{ services.nginx.enable = false; }\n").expect("a file");
    let found = editor.ask("textDocument/implementation", &place);
    let uris: Vec<&str> = (0..2).filter_map(|at| found[at]["uri"].as_str()).collect();
    assert_eq!(uris, [editor.uri.clone(), format!("file://{}", other.display())]);
    assert_eq!(editor.leave(), Some(0));
}

/// Needs a nixpkgs at `$PEERS/nixpkgs-2009`.
#[test]
fn options_of_nixpkgs_complete() {
    let Some(peers) = std::env::var_os("PEERS").map(PathBuf::from) else { return };
    let tree = sources::top().join(peers).join("nixpkgs-2009");
    check_completions_of(&format!("nixpkgs={}", tree.display()));
}

#[test]
fn an_option_is_explained_and_its_declaration_found() {
    let (mut editor, place) = open("", "{ ... }: { services.nginx.ena$0ble = true; }");
    editor.ask("textDocument/completion", &place);
    let hover = editor.ask("textDocument/hover", &place);
    let shown = hover["contents"]["value"].as_str().expect("Markdown");
    assert!(shown.starts_with("**`services.nginx.enable`**"), "{shown}");
    let found = editor.ask("textDocument/definition", &place);
    let uri = found[0]["uri"].as_str().expect("a declaration");
    let line = found[0]["range"]["start"]["line"].as_u64().expect("a line");
    let path = Path::new(uri.strip_prefix("file://").expect("a file"));
    let text = std::fs::read_to_string(path).expect("the embedded file can be opened");
    let declaration = text.lines().nth(usize::try_from(line).expect("a number"));
    assert!(declaration.is_some_and(|line| line.contains("enable")), "{uri}:{line}");
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn the_example_has_nothing_wrong() {
    let path = sources::top().join("tests/examples/webserver/configuration.nix");
    let text = std::fs::read_to_string(path).expect("the example is there");
    let (mut editor, _) = open("", &text);
    assert_eq!(editor.diagnostics(), json!([]));
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn a_client_that_goes_away_ends_the_server() {
    let (mut editor, _) = open("", "1");
    drop(editor.to);
    assert_eq!(editor.server.wait().expect("the server ends").code(), Some(1));
}
