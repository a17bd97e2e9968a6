//! Comparison with an installed Nix: cases, generated programs and packages, answered by both.
//!
//! `NIVIS_ORACLE` names the `nix-instantiate` to compare with, and `NIVIS_NIXPKGS` a nixpkgs tree
//! for the packages. Where one is not set, the tests that need it say that they did not run.
//!
//! Our target is one version of Nix. Another may answer differently only where
//! `tests/language/oracle-differences.md` says so, and its words for errors are not compared.
//! That list fits one other version; of yet others only what they answer alike counts.

use crate::sources;
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};
use tests::literate;

#[path = "oracle/facts.rs"]
mod facts;
#[path = "oracle/generated.rs"]
mod generated;
#[path = "oracle/packages.rs"]
mod packages;

/// The version whose answers ours are, to the byte.
const TARGET: &str = "2.34.8";
/// The version for which the list of differences is complete.
const LISTED: &str = "2.8.0";
/// How long a small evaluation may take. Some versions' collector hangs now and then.
const SECONDS_MAX: u32 = 40;
/// How often an evaluation that took too long is started again.
const TRIES: usize = 3;
/// What every value in XML begins with.
const XML_START: &str = "<?xml";
/// What every value in XML ends with.
const XML_END: &str = "</expr>";
/// How many expressions one process is asked.
const BATCH: usize = 200;
/// How many differences are shown.
const SHOWN: usize = 40;

/// A `nix-instantiate`, ours or the oracle's.
struct Evaluator {
    program: PathBuf,
    version: String,
    /// Holds our link; the home of every evaluation.
    directory: tempfile::TempDir,
}

impl Evaluator {
    /// Returns the oracle; says so when there is none.
    fn oracle(what: &str) -> Option<Evaluator> {
        let Some(program) = std::env::var_os("NIVIS_ORACLE") else {
            eprintln!("did not run: {what}: NIVIS_ORACLE names no nix-instantiate");
            return None;
        };
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut oracle = Evaluator { program: program.into(), version: String::new(), directory };
        let output = oracle.run(&["--version"]);
        let text = String::from_utf8_lossy(&output.stdout);
        text.split_whitespace().last().unwrap_or_default().clone_into(&mut oracle.version);
        Some(oracle)
    }

    fn ours() -> Evaluator {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let program = directory.path().join("nix-instantiate");
        symlink(env!("CARGO_BIN_EXE_nivis"), &program).expect("a link in an empty directory");
        Evaluator { program, version: TARGET.to_owned(), directory }
    }

    /// Whether its words and its newest features are ours, too.
    fn is_target(&self) -> bool {
        self.version == TARGET
    }

    fn command(&self, seconds_max: u32) -> Command {
        let mut command = Command::new("timeout");
        command.arg(seconds_max.to_string()).arg(&self.program).current_dir("/");
        command.env("HOME", self.directory.path()).env("NIX_CONF_DIR", self.directory.path());
        command.env("NIX_PATH", "").env("NIX_REMOTE", "dummy://").env("NO_COLOR", "1");
        command.env("NIVIS_CACHE_DIR", "").env("NIX_CONFIG", "substituters =");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(SECONDS_MAX, |command| {
            command.args(arguments);
        })
    }

    fn run_with(&self, seconds_max: u32, prepare: impl Fn(&mut Command)) -> Output {
        let mut tries = 0;
        loop {
            let mut command = self.command(seconds_max);
            prepare(&mut command);
            let output = command.output().expect("`timeout` and the evaluator can be started");
            tries += 1;
            if output.status.code() != Some(124) || tries == TRIES {
                return output;
            }
        }
    }

    /// Evaluates each expression in the form that `flags` ask for; an error is its last message.
    ///
    /// One process is asked many. Where one of them fails, the values before it have been
    /// printed, and the next process is asked those behind it.
    fn answers(&self, flags: &[&str], expressions: &[String]) -> Vec<Result<String, String>> {
        let mut answers = Vec::new();
        while let Some(rest) = expressions.get(answers.len()..).filter(|rest| !rest.is_empty()) {
            let batch = &rest[..rest.len().min(BATCH)];
            let mut words = flags.to_vec();
            words.push("-E");
            words.extend(batch.iter().map(String::as_str));
            let output = self.run(&words);
            let text = String::from_utf8_lossy(&output.stdout);
            let mut values = complete_values(&text);
            if output.status.success() {
                assert_eq!(values.len(), batch.len(), "values were printed: {text}");
                answers.extend(values.into_iter().map(Ok));
                continue;
            }
            // What fails within its XML may be printed, and closed, as far as it went.
            let last = values.len().checked_sub(1).filter(|_| flags.contains(&"--xml"));
            if last.is_some_and(|last| self.answer(flags, &batch[last]).is_err()) {
                values.pop();
            }
            answers.extend(values.into_iter().map(Ok));
            answers.push(Err(last_message(&output)));
        }
        answers
    }

    /// Evaluates one expression; an error is its last message.
    fn answer(&self, flags: &[&str], expression: &str) -> Result<String, String> {
        let mut words = flags.to_vec();
        words.extend(["-E", expression]);
        let output = self.run(&words);
        if output.status.success() {
            let text = String::from_utf8_lossy(&output.stdout);
            return Ok(text.trim_end_matches('\n').to_owned());
        }
        Err(last_message(&output))
    }
}

/// Returns the values that were printed to their end: a line each, or a document of XML.
fn complete_values(text: &str) -> Vec<String> {
    if text.starts_with(XML_START) {
        let documents = text.split(XML_START).skip(1);
        let whole = documents.filter(|xml| xml.trim_end().ends_with(XML_END));
        return whole.map(|xml| format!("{XML_START}{xml}")).collect();
    }
    let lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    lines.map(str::to_owned).collect()
}

/// Returns the message of a failed evaluation that stands innermost.
fn last_message(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let message = text.lines().rev().find_map(|line| line.trim().strip_prefix("error: "));
    message.unwrap_or(&text).to_owned()
}

/// Fails with what differs; where the oracle is a version that nobody has looked at, says it.
fn settle(oracle: &Evaluator, what: &str, wrong: &[String]) {
    let shown = wrong.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
    let text = format!("{} {what} differ from {}", wrong.len(), oracle.version);
    if oracle.is_target() || oracle.version == LISTED {
        assert!(wrong.is_empty(), "{text}\n{shown}");
    } else if !wrong.is_empty() {
        eprintln!("did not run: {text}, which is not the version that ours is\n{shown}");
    }
}

/// Returns an expression as an argument: one that begins with `-` would be an option.
fn as_argument(expression: &str) -> String {
    if expression.starts_with('-') { format!("({expression}\n)") } else { expression.to_owned() }
}

/// An expression with the features that it needs, and its answer.
struct Question {
    place: String,
    expression: String,
    features: String,
    expected: Result<String, String>,
}

/// Returns the blocks in `language` of every document that a folder of `tests` has.
fn questions(language: &str) -> Vec<Question> {
    let mut found = Vec::new();
    for source in sources::all() {
        let is_case = ["tests/language/", "tests/builtins/"]
            .iter()
            .any(|folder| source.path.starts_with(folder) && source.path.contains(".md"));
        if !is_case {
            continue;
        }
        for case in literate::parse(&source.text) {
            for block in case.blocks.iter().filter(|block| block.language == language) {
                for assertion in literate::assertions(&block.text) {
                    found.push(Question {
                        place: format!("{}:{}", source.path, block.line + 1 + assertion.line),
                        expression: as_argument(&assertion.expression),
                        features: block.arguments.clone(),
                        expected: assertion.expected,
                    });
                }
            }
        }
    }

    found
}

/// The listed answers of other versions, by expression.
fn differences() -> BTreeMap<String, Result<String, String>> {
    let listed = questions("oracle");
    listed.into_iter().map(|question| (question.expression, question.expected)).collect()
}

/// Whether `actual` is what was expected; of messages a part suffices, or none of it.
fn agrees(
    expected: &Result<String, String>,
    actual: &Result<String, String>,
    compares_messages: bool,
) -> bool {
    match (expected, actual) {
        (Ok(expected), Ok(actual)) => expected.trim() == actual.trim(),
        (Err(expected), Err(actual)) => !compares_messages || actual.contains(expected.as_str()),
        _ => false,
    }
}

/// Whether a value in JSON may have floats in it, which older versions write in another way.
fn may_be_float(json: &str) -> bool {
    json.contains('.') || json == "null"
}

/// Asks the oracle all questions, those with a value many at a time.
fn ask(oracle: &Evaluator, questions: &[Question]) -> Vec<Result<String, String>> {
    let is_batched =
        |question: &&Question| question.expected.is_ok() && question.features.is_empty();
    let batched: Vec<String> =
        questions.iter().filter(is_batched).map(|question| question.expression.clone()).collect();
    let mut values = oracle.answers(&["--eval", "--strict"], &batched).into_iter();
    let mut answers = Vec::new();
    for question in questions {
        let mut flags = vec!["--eval", "--strict"];
        if !question.features.is_empty() {
            flags.extend(["--extra-experimental-features", question.features.as_str()]);
        }
        answers.push(if is_batched(&question) {
            values.next().expect("there is an answer for each question")
        } else {
            oracle.answer(&flags, &question.expression)
        });
    }
    answers
}

#[test]
fn the_oracle_answers_the_cases_alike() {
    let Some(oracle) = Evaluator::oracle("the cases") else { return };
    let questions = questions("nix");
    let mut differences = differences();
    let mut wrong = Vec::new();
    for (question, actual) in questions.iter().zip(ask(&oracle, &questions)) {
        let listed = differences.remove(&question.expression).filter(|_| !oracle.is_target());
        let is_alike = agrees(&question.expected, &actual, oracle.is_target());
        let is_listed = listed.as_ref().is_some_and(|old| agrees(old, &actual, false));
        if is_alike && is_listed && oracle.version == LISTED {
            wrong.push(format!("{}: no difference: take it off the list", question.place));
        } else if !is_alike && !is_listed {
            wrong.push(format!(
                "{}: {}\n    ours       {:?}\n    the oracle {actual:?}",
                question.place, question.expression, question.expected
            ));
        }
    }
    let unknown = differences.keys().map(|name| format!("listed, but not asked: {name}"));
    wrong.extend(unknown);
    settle(&oracle, "cases", &wrong);
    let (count, version) = (questions.len() - wrong.len(), &oracle.version);
    eprintln!("{count} cases are answered alike by {version}");
}

#[test]
fn values_look_alike_in_every_form() {
    let Some(oracle) = Evaluator::oracle("the forms of values") else { return };
    let ours = Evaluator::ours();
    let listed = differences();
    // Functions have no JSON, paths need the store for it, and for what holds itself it has no end.
    let expressions: Vec<String> = questions("nix")
        .into_iter()
        .filter(|question| {
            question.features.is_empty() && !listed.contains_key(&question.expression)
        })
        .filter(|question| {
            question.expected.as_ref().is_ok_and(|value| !value.contains(['<', '/', '«']))
        })
        .map(|question| question.expression)
        .collect();
    let forms: [&[&str]; 3] = [
        &["--eval"],
        &["--eval", "--strict", "--json"],
        &["--eval", "--strict", "--xml", "--no-location"],
    ];
    let mut wrong = Vec::new();
    for form in forms {
        let pairs = ours.answers(form, &expressions).into_iter();
        for (expression, (our, its)) in
            expressions.iter().zip(pairs.zip(oracle.answers(form, &expressions)))
        {
            let is_old_float =
                !oracle.is_target() && our.as_ref().is_ok_and(|our| may_be_float(our));
            if !agrees(&its, &our, oracle.is_target()) && !is_old_float {
                wrong.push(format!("{form:?} {expression}\n    {our:?}\n    {its:?}"));
            }
        }
    }
    settle(&oracle, "forms of values", &wrong);
    eprintln!("{} values look alike in {} forms", expressions.len(), forms.len());
}

#[test]
fn a_different_answer_is_seen() {
    let value = |text: &str| Ok(text.to_owned());
    let error = |text: &str| Err(text.to_owned());
    assert!(agrees(&value("1"), &value("1\n"), true));
    assert!(!agrees(&value("1"), &value("2"), false));
    assert!(!agrees(&value("1"), &error("1"), false));
    assert!(!agrees(&error("a"), &value("1"), false));
    assert!(agrees(&error("a"), &error("b"), false));
    assert!(!agrees(&error("a"), &error("b"), true));
}
