//! What is told, counted and sampled is what CppNix 2.34.8 tells, counts and samples.

use store::{MemoryStore, StoreDirectory};

use super::Watch;
use crate::heap::Heap;
use crate::interpret::{Eval, on_large_stack};
use crate::print::force_deep;
use crate::settings::Settings;
use crate::source::{HOST, Origin, SourcePath};
use crate::system::MemorySystem;

/// Evaluates `text` and returns what `look` sees in the end, and what was told.
fn watched<T: Send>(
    watch: Watch,
    text: &str,
    look: impl Fn(&Eval<'_>) -> T + Send,
) -> (T, Vec<String>) {
    let system = MemorySystem::default();
    let store = MemoryStore::new(StoreDirectory::default());
    let settings = Settings { watch, ..Settings::default() };
    let (host, objects, told) = (&system, &store, &settings);
    let result = on_large_stack(move || {
        let heap = Heap::new();
        let mut eval = Eval::new(&heap, host, objects, told);
        let origin = Origin::String(SourcePath::new(HOST, b"/"));
        // Failures are watched, too.
        let _ =
            eval.evaluate(origin, text.as_bytes()).and_then(|value| force_deep(&mut eval, value));
        look(&eval)
    });
    let messages = system.messages.into_inner().expect("nobody panicked");
    (result, messages.into_iter().map(|it| String::from_utf8_lossy(&it).into_owned()).collect())
}

fn calls(text: &str) -> Vec<String> {
    let watch = Watch { traces_calls: true, ..Watch::default() };
    let short = |line: String| {
        let line = line.strip_prefix("function-trace ").expect("it is a call").to_owned();
        line.split_once(" at ").expect("it has a time").0.to_owned()
    };
    watched(watch, text, |_| ()).1.into_iter().map(short).collect()
}

#[test]
fn calls_are_told_as_they_begin_and_end() {
    assert_eq!(
        calls("builtins.tryEval (throw \"example\")"),
        [
            "entered «string»:1:1",
            "entered «string»:1:19",
            "exited «string»:1:19",
            "exited «string»:1:1"
        ]
    );
    for text in ["({ x }: x) { }", "(x: y: x + y) 1", "(x: x) 1 2", "1 2", "(x: y: x) 1 2"] {
        assert_eq!(calls(text), ["entered «string»:1:1", "exited «string»:1:1"], "{text}");
    }
    assert_eq!(
        calls("{ __functor = self: x: x; } 1"),
        [
            "entered «string»:1:1",
            "entered «string»:1:3",
            "exited «string»:1:3",
            "exited «string»:1:1"
        ]
    );
    assert_eq!(calls("{ a = 1; }.a"), [""; 0]);
}

#[test]
fn samples_name_the_way_to_a_call() {
    let watch = Watch { profile_period_ns: Some(0), ..Watch::default() };
    let profile = |text: &str| watched(watch, text, |eval| eval.profile()).0;
    assert_eq!(
        profile("builtins.length (map (x: x + 1) [ 1 2 ])"),
        "«string»:1:1:primop length 1\n«string»:1:1:primop length;«string»:1:18:primop map 1\n"
    );
    assert_eq!(
        profile("builtins.foldl' (a: b: a + b) 0 [ 1 2 ]"),
        "«string»:1:1:primop foldl' 1\n«string»:1:1:primop foldl';«string»:1:18 2\n"
    );
    assert_eq!(
        profile("let f = x: y: x + y; g = f 1; in g 2 + g 3"),
        "«string»:1:26:f 1\n«string»:1:34:f 1\n«string»:1:40:f 1\n"
    );
}

#[test]
fn figures_are_taken() {
    let watch = Watch { counts: true, counts_each: true, ..Watch::default() };
    let text = "let f = n: if n == 0 then 0 else 1 + f (n - 1); in f 100";
    let (calls, _) = watched(watch, text, |eval| {
        let each = eval.function_calls();
        (eval.tally().function_calls.get(), each.first().map(|it| (it.name.clone(), it.count)))
    });
    assert_eq!(calls, (101, Some((Some("f".to_owned()), 101))));
    let text = "let xs = [ 1 2 3 ] ++ [ 4 ]; in map (x: x + 1) (xs ++ xs)";
    let (figures, _) = watched(watch, text, |eval| {
        let tally = eval.tally();
        (tally.function_calls.get(), tally.concats.get(), tally.thunks.get(), eval.builtin_calls())
    });
    assert_eq!(figures, (8, 2, 3, vec![("map", 1)]));
    let text = "let s = { a.b = 1; } // { c = 2; }; in s.a.b + s.c";
    let (figures, _) = watched(watch, text, |eval| {
        let tally = eval.tally();
        (tally.updates.get(), tally.lookups.get(), eval.selections().len())
    });
    assert_eq!(figures, (1, 3, 2));
}

#[test]
fn nothing_is_counted_for_nobody() {
    let (calls, messages) = watched(Watch::default(), "(x: x) 1", |eval| {
        (eval.tally().function_calls.get(), eval.function_calls(), eval.profile())
    });
    assert_eq!(calls, (0, Vec::new(), String::new()));
    assert_eq!(messages, [""; 0]);
}
