//! The examples in the documentation of the builtins, run.

use std::fmt::Write;

use store::{MemoryStore, StoreDirectory};

use super::{all, constants};
use crate::error::Result;
use crate::heap::Heap;
use crate::interpret::{Eval, on_large_stack};
use crate::print::{force_deep, print_value};
use crate::settings::Settings;
use crate::source::{HOST, Origin, SourcePath};
use crate::system::MemorySystem;

/// One example: an expression and what comes of it.
struct Example {
    expression: String,
    answer: Answer,
}

/// What an example says about its expression.
enum Answer {
    /// `# => VALUE`: the value, printed as `nix-instantiate --eval --strict` does.
    Value(String),
    /// `# error: TEXT`: a part of the message.
    Error(String),
}

/// Returns the examples in a documentation; the text after the last answer comes second.
fn examples(doc: &str) -> (Vec<Example>, String) {
    let mut examples = Vec::new();
    let mut expression = String::new();
    let mut is_inside = false;
    for line in doc.lines() {
        let line = line.strip_prefix(' ').unwrap_or(line);
        if line.starts_with("```") {
            is_inside = line == "```nix";
            continue;
        }
        if !is_inside {
            continue;
        }
        let answer =
            [("# => ", true), ("# error: ", false)].into_iter().find_map(|(mark, kind)| {
                let at = line.find(mark)?;
                let text = line.get(at + mark.len()..)?.trim_end().to_owned();
                Some((at, if kind { Answer::Value(text) } else { Answer::Error(text) }))
            });
        let Some((at, answer)) = answer else {
            expression.push_str(line);
            expression.push('\n');
            continue;
        };
        expression.push_str(line.get(..at).unwrap_or_default());
        examples.push(Example { expression: std::mem::take(&mut expression), answer });
    }
    (examples, expression)
}

/// Evaluates and prints an expression in an evaluation of its own, with all features on.
fn evaluate(expression: &str) -> std::result::Result<String, String> {
    let mut system = MemorySystem { time: 1_000_000_000, ..MemorySystem::default() };
    system.files.insert(b"/file".to_vec(), b"contents".to_vec());
    let store = MemoryStore::new(StoreDirectory::default());
    let features = all().iter().filter_map(|builtin| builtin.feature);
    let settings = Settings {
        experimental_features: features.map(str::to_owned).collect(),
        read_only: false,
        ..Settings::default()
    };
    let heap = Heap::new();
    let mut eval = Eval::new(&heap, &system, &store, &settings);
    let mut print = || -> Result<Vec<u8>> {
        let origin = Origin::String(SourcePath::new(HOST, b"/"));
        let value = eval.evaluate(origin, expression.as_bytes())?;
        force_deep(&mut eval, value)?;
        print_value(&mut eval, value)
    };
    print()
        .map(|printed| String::from_utf8_lossy(&printed).into_owned())
        .map_err(|error| error.message)
}

/// Returns what is wrong with the examples of `name`.
fn problems(name: &str, doc: &str) -> String {
    let mut problems = String::new();
    let mut say = |text: &str| writeln!(problems, "{name}: {text}").expect("a string grows");
    let (examples, rest) = examples(doc);
    if examples.is_empty() {
        say("has no example");
    }
    if !rest.trim().is_empty() {
        say(&format!("`{}` has no answer", rest.trim()));
    }
    for example in examples {
        let expression = example.expression.trim();
        let found = evaluate(expression);
        let is_right = match (&example.answer, &found) {
            (Answer::Value(expected), Ok(value)) => value == expected,
            (Answer::Error(expected), Err(message)) => message.contains(expected),
            _ => false,
        };
        if !is_right {
            let expected = match example.answer {
                Answer::Value(value) => value,
                Answer::Error(text) => format!("error: {text}"),
            };
            let found = found.unwrap_or_else(|message| format!("error: {message}"));
            say(&format!("`{expression}` is\n  {found}\nrather than\n  {expected}"));
        }
    }
    problems
}

#[test]
fn the_examples_of_all_builtins_hold() {
    let problems = on_large_stack(|| {
        let rows = all().iter().map(|builtin| problems(builtin.name, builtin.doc));
        let constants = constants::CONSTANTS.iter().map(|it| problems(it.name, it.doc));
        rows.chain(constants).collect::<String>()
    });
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn examples_end_with_their_answers() {
    let doc = " Text.\n\n ```nix\n 1 + 1  # => 2\n { a =\n   1; }\n # => { a = 1; }\n\
               \x20x # error: y\n z\n ```";
    let (examples, rest) = examples(doc);
    let expressions: Vec<&str> = examples.iter().map(|it| it.expression.trim()).collect();
    assert_eq!(expressions, ["1 + 1", "{ a =\n  1; }", "x"]);
    assert_eq!(rest, "z\n");
}

#[test]
fn a_wrong_answer_and_a_missing_one_are_problems() {
    assert!(problems("x", " Nothing.").contains("has no example"));
    assert!(problems("x", " ```nix\n 1\n ```").contains("has no answer"));
}
