//! Evaluations that never end, are stopped at any instant, or run a thousand times.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eval::interpret::on_large_stack;
use eval::option_tree::{Configuration, OptionTree, of_system};
use eval::settings::Settings;
use eval::source::{HOST, SourcePath};
use lsp::server::Ending;
use serde_json::json;
use store::{MemoryStore, StoreDirectory};

use super::client::{Client, URI, settings, system};
use super::{Random, size};

/// Configurations that have no end, each in its own way: by time, by memory, by depth.
const ENDLESS: [(&str, &str); 7] = [
    (
        "loops",
        "{ own = let xs = builtins.genList (x: x) 10000; \
         each = f: builtins.foldl' (_: x: f x) 0 xs; in \
         each (_: each (_: each (_: each (_: 0)))); }",
    ),
    (
        "closes a set",
        "{ own = builtins.genericClosure { startSet = [ { key = 0; } ]; \
         operator = it: [ { key = it.key + 1; } ]; }; }",
    ),
    (
        "doubles a list",
        "{ own = builtins.foldl' (xs: _: xs ++ xs) [ 1 ] (builtins.genList (x: x) 100); }",
    ),
    (
        "doubles a text",
        "{ own = builtins.foldl' (s: _: s + s) \"tea\" (builtins.genList (x: x) 100); }",
    ),
    (
        "grows a set",
        "{ own = builtins.foldl' (s: n: s // { \"a${toString n}\" = n; }) { } \
         (builtins.genList (x: x) 1000000); }",
    ),
    ("makes a list", "{ own = builtins.genList (x: x) 1000000000000; }"),
    ("nests", "{ own = let deep = n: 1 + deep (n + 1); in deep 0; }"),
];

#[test]
fn a_configuration_without_an_end_stops_nothing() {
    for (name, text) in ENDLESS {
        let limits = json!({ "evaluation": { "memoryMib": 64, "seconds": 2 } });
        let mut client = Client::start(json!({ "nivis": limits }));
        client.open(text);
        let document = json!({ "textDocument": { "uri": URI } });
        let wanted = json!({ "textDocument": { "uri": URI },
            "position": { "line": 0, "character": 2 } });
        let completion = client.request("textDocument/completion", wanted.clone());
        // While that waits, everything that needs no evaluation is answered.
        let began = Instant::now();
        for method in ["textDocument/documentSymbol", "textDocument/semanticTokens/full"] {
            let answer = client.ask(method, document.clone());
            assert!(answer.get("error").is_none(), "{name}: {answer}");
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{name}: {:?}", began.elapsed());
        let answer = client.answer(completion);
        assert!(answer.get("error").is_none(), "{name}: {answer}");
        assert!(began.elapsed() < Duration::from_secs(40), "{name}: {:?}", began.elapsed());
        // Once mended, it is evaluated as if nothing had been.
        client.change(json!([{ "text": "{ own.first = 1; }" }]));
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            let answer = client.ask("textDocument/completion", wanted.clone());
            let items = answer["result"]["items"].as_array().cloned().unwrap_or_default();
            if items.iter().any(|it| it["label"] == "services") {
                break;
            }
            assert!(Instant::now() < until, "{name}: {answer}");
            std::thread::yield_now();
        }
        client.finish();
    }
}

fn evaluated(settings: &Settings) -> Result<OptionTree, String> {
    let store = MemoryStore::new(StoreDirectory::default());
    let configuration = Configuration::File(SourcePath::new(HOST, b"/w/configuration.nix"));
    on_large_stack(|| of_system(&system(), &store, settings, &configuration))
}

#[test]
fn an_evaluation_may_be_stopped_at_any_instant() {
    let embedded = |cancel| Settings { embedded_fallback: true, cancel, ..Settings::default() };
    let began = Instant::now();
    let expected = evaluated(&embedded(Arc::default())).expect("the embedded library evaluates");
    let whole = began.elapsed();
    let mut random = Random(0xda94_2042_e4dd_58b5);
    let mut stopped = 0;
    for _ in 0..size(8, 200) {
        let cancel: Arc<AtomicBool> = Arc::default();
        let delay = whole.mul_f64(random.below(1000) as f64 / 1000.0);
        let flag = Arc::clone(&cancel);
        let (done, waiting) = std::sync::mpsc::channel::<()>();
        let stopper = std::thread::spawn(move || {
            // Nothing is sent: this is a pause that the end of the evaluation cuts short.
            let _ = waiting.recv_timeout(delay);
            flag.store(true, Ordering::SeqCst);
        });
        match evaluated(&embedded(cancel)) {
            Ok(found) => assert!(found == expected, "stopped too late to matter"),
            Err(_) => stopped += 1,
        }
        drop(done);
        stopper.join().expect("no panic");
    }
    assert!(stopped > 0, "some were stopped");
    let again = evaluated(&embedded(Arc::default())).expect("it evaluates as before");
    assert!(again == expected);
}

/// Returns how much memory the process holds; `None` where nobody tells. Unit: pages.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

/// Set in the process that evaluates and does nothing else.
const ALONE: &str = "NIVIS_ALONE";

#[test]
fn memory_does_not_grow_with_evaluations() {
    let Some(_) = resident() else {
        eprintln!("not run: memory after many evaluations (the host does not tell)");
        return;
    };
    if std::env::var_os(ALONE).is_none() {
        // Other tests run in this process at the same time.
        let own = std::env::current_exe().expect("a test has a program");
        let name = "evaluations::memory_does_not_grow_with_evaluations";
        let alone = Command::new(own).args(["--exact", name]).env(ALONE, "1").output();
        let alone = alone.expect("a process can be started");
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stdout));
        return;
    }
    let (first, last) = (50, size(300, 1000));
    let embedded = || Settings { embedded_fallback: true, ..Settings::default() };
    let settings = if last == 1000 { embedded() } else { settings() };
    let mut after_first = 0;
    for number in 1..=last {
        let found = evaluated(&settings).expect("the library evaluates");
        assert!(!found.is_empty());
        if number == first {
            after_first = resident().unwrap_or(0);
        }
    }
    let after_last = resident().unwrap_or(0);
    let most = after_first + after_first / 5;
    assert!(after_last <= most, "{after_first} pages grew to {after_last}");
}

#[test]
fn a_client_that_vanishes_leaves_no_server() {
    for text in ["{ own.a = 1; }", ENDLESS[0].1] {
        let mut client = Client::start(json!({ "evaluation": { "seconds": 600 } }));
        client.open(text);
        let place = json!({ "textDocument": { "uri": URI },
            "position": { "line": 0, "character": 2 } });
        client.request("textDocument/completion", place);
        assert_eq!(client.vanish(), Ending::WithoutShutdown, "{text}");
    }
}
