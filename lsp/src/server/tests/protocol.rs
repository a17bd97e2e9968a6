//! What the protocol offers beside questions: tokens, pulled diagnostics, settings, progress.

use serde_json::{Value, json};

use super::{Client, Ending, URI, labels, open, start};

fn document() -> Value {
    json!({ "textDocument": { "uri": URI } })
}

fn numbers(answer: &Value) -> Vec<u64> {
    let data = answer["result"]["data"].as_array().expect("data");
    data.iter().map(|it| it.as_u64().expect("a number")).collect()
}

/// Starts a session of a client that can do more, and opens the configuration with a text.
fn open_with(capabilities: &Value, text: &str) -> Client {
    let mut client = start();
    let folders = json!([{ "uri": "file:///w", "name": "w" }]);
    client.ask("initialize", json!({ "capabilities": capabilities, "workspaceFolders": folders }));
    client.tell("initialized", json!({}));
    let opened = json!({ "uri": URI, "languageId": "nix", "version": 1, "text": text });
    client.tell("textDocument/didOpen", json!({ "textDocument": opened }));
    client
}

/// Waits for a request or notification of the server.
fn told(client: &mut Client, method: &str) -> Value {
    loop {
        if let Some(at) = client.notices.iter().position(|it| it["method"] == method) {
            return client.notices.remove(at);
        }
        let message = client.receive();
        client.notices.push(message);
    }
}

fn reply(client: &mut Client, request: &Value, result: &Value) {
    client.send(&json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }));
}

#[test]
fn tokens_come_whole_in_part_and_as_differences() {
    let mut client = open("let a = 1; in\n[ a map ]\n");
    let whole = client.ask("textDocument/semanticTokens/full", document());
    // The binding, its use, the builtin: line, column, length, type, modifiers.
    let all = [0, 4, 1, 1, 1, 1, 2, 1, 1, 0, 0, 2, 3, 3, 2];
    assert_eq!(numbers(&whole), all);
    let mut params = document();
    params["range"] = json!({ "start": { "line": 1, "character": 0 },
        "end": { "line": 2, "character": 0 } });
    let part = client.ask("textDocument/semanticTokens/range", params);
    assert_eq!(numbers(&part), [1, 2, 1, 1, 0, 0, 2, 3, 3, 2]);
    let start = json!({ "line": 1, "character": 1 });
    client.change(2, json!([{ "range": { "start": start, "end": start }, "text": " a" }]));
    let mut params = document();
    params["previousResultId"] = whole["result"]["resultId"].clone();
    let changed = client.ask("textDocument/semanticTokens/full/delta", params.clone());
    let edit = &changed["result"]["edits"][0];
    let (at, count) = (edit["start"].as_u64(), edit["deleteCount"].as_u64());
    let (at, count) = (at.expect("a place") as usize, count.expect("a count") as usize);
    let new = edit["data"].as_array().cloned().unwrap_or_default();
    let mut applied = all.to_vec();
    applied.splice(at..at + count, new.iter().filter_map(Value::as_u64));
    assert_eq!(applied, numbers(&client.ask("textDocument/semanticTokens/full", document())));
    let unknown = client.ask("textDocument/semanticTokens/full/delta", params);
    assert_eq!(numbers(&unknown), applied, "of a name that is not known, all is told");
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn diagnostics_are_pulled_by_clients_that_can() {
    let capabilities = json!({ "textDocument": { "diagnostic": {} } });
    let mut client = open_with(&capabilities, "let a = 1; in b");
    let found = client.ask("textDocument/diagnostic", document());
    assert_eq!(found["result"]["kind"], "full");
    let codes = |of: &Value| -> Vec<String> {
        let items = of["items"].as_array().expect("items");
        items.iter().map(|it| it["code"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(codes(&found["result"]), ["unused-binding", "undefined-variable"]);
    let mut params = document();
    params["previousResultId"] = found["result"]["resultId"].clone();
    let same = client.ask("textDocument/diagnostic", params);
    assert_eq!(same["result"]["kind"], "unchanged");
    let all = client.ask("workspace/diagnostic", json!({ "previousResultIds": [] }));
    let here = all["result"]["items"].as_array().expect("items").iter();
    let here = here.filter(|it| it["uri"] == URI).collect::<Vec<_>>();
    assert_eq!(codes(here[0]), ["unused-binding", "undefined-variable"]);
    let pushed = client.notices.iter().any(|it| it["method"] == "textDocument/publishDiagnostics");
    assert!(!pushed, "what is pulled is not pushed as well");
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn settings_are_asked_for_and_take_effect_at_once() {
    let registration = json!({ "dynamicRegistration": true });
    let workspace = json!({ "configuration": true, "didChangeConfiguration": registration,
        "didChangeWatchedFiles": registration });
    let mut client = open_with(&json!({ "workspace": workspace }), "{ ... }: { own.a = 1; }");
    let registered = told(&mut client, "client/registerCapability");
    let methods = registered["params"]["registrations"].as_array().expect("registrations");
    let methods: Vec<_> = methods.iter().map(|it| it["method"].as_str()).collect();
    let expected = ["workspace/didChangeWatchedFiles", "workspace/didChangeConfiguration"];
    assert_eq!(methods, expected.map(Some));
    reply(&mut client, &registered, &Value::Null);
    let asked = told(&mut client, "workspace/configuration");
    assert_eq!(asked["params"]["items"][0]["section"], "nivis");
    reply(&mut client, &asked, &json!([{ "evaluation": { "enable": false } }]));
    // What was evaluated before the answer came may still be there; then it is not any more.
    client.tell("workspace/didChangeConfiguration", json!({ "settings": null }));
    let asked = told(&mut client, "workspace/configuration");
    reply(&mut client, &asked, &json!([{ "evaluation": { "enable": true } }]));
    loop {
        let answer = client.ask("textDocument/completion", super::at(0, 11));
        if labels(&answer).contains(&"services") {
            break;
        }
        std::thread::yield_now();
    }
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn work_that_goes_on_is_shown() {
    let capabilities = json!({ "window": { "workDoneProgress": true } });
    let mut client = open_with(&capabilities, "{ ... }: { own.a = 1; }");
    let created = told(&mut client, "window/workDoneProgress/create");
    reply(&mut client, &created, &Value::Null);
    for kind in ["begin", "end"] {
        let progress = told(&mut client, "$/progress");
        assert_eq!(progress["params"]["token"], created["params"]["token"]);
        assert_eq!(progress["params"]["value"]["kind"], kind);
    }
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn a_request_that_is_cancelled_is_answered_once() {
    let mut client = open("{ ... }:\n{\n  services.ngi\n}\n");
    let id = client.request("textDocument/completion", super::at(2, 14));
    client.tell("$/cancelRequest", json!({ "id": id }));
    let answer = client.answer(&json!(id));
    let is_told = answer["error"]["code"] == -32800 || answer["result"]["items"].is_array();
    assert!(is_told, "{answer}");
    // Nothing more comes for it.
    client.ask("textDocument/documentSymbol", document());
    assert!(client.notices.iter().all(|it| it["id"] != id), "{:?}", client.notices);
    assert_eq!(client.finish(), Ending::AfterShutdown);
}

#[test]
fn folders_come_and_go() {
    let mut client = open("{ ... }: { own.a = 1; }");
    let folder = json!([{ "uri": "file:///v", "name": "v" }]);
    let event = json!({ "added": folder, "removed": [{ "uri": "file:///w", "name": "w" }] });
    client.tell("workspace/didChangeWorkspaceFolders", json!({ "event": event }));
    // Nothing lies in the new folder but what is open.
    let found = client.ask("workspace/symbol", json!({ "query": "own" }));
    let found = found["result"].as_array().expect("symbols");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["location"]["uri"], URI);
    assert_eq!(client.finish(), Ending::AfterShutdown);
}
