//! Errors in both forms; the oracle's texts are what CppNix 2.34.8 prints.

use super::{Code, Label, Place, Report, Step};
use crate::error::ErrorKind;

const SOURCE: &str = "let f = x: g x;\n    g = x: throw \"a\nb\";\nin { a = f 1; }\n";

fn place(file: &str, source: &str, line: u32, column: u32) -> Option<Place> {
    let code = Code::around(source.as_bytes(), line);
    Some(Place { file: file.to_owned(), line, column, code, is_library: false, extent: 0 })
}

fn step(text: &str, place: Option<Place>) -> Step {
    Step { text: text.to_owned(), place, is_always_shown: false, is_call: false }
}

fn report(message: &str, place: Option<Place>, steps: Vec<Step>) -> Report {
    Report {
        kind: ErrorKind::Other,
        message: message.to_owned(),
        place,
        steps,
        ..Report::default()
    }
}

#[test]
fn the_oracle_shows_steps_with_their_code() {
    let steps = vec![
        step("while evaluating the attribute 'a'", place("/tmp/e.nix", SOURCE, 4, 6)),
        step("while calling the 'throw' builtin", place("/tmp/e.nix", SOURCE, 2, 12)),
    ];
    let expected = "\
error:
       … while evaluating the attribute 'a'
         at /tmp/e.nix:4:6:
            3| b\";
            4| in { a = f 1; }
             |      ^
            5|

       … while calling the 'throw' builtin
         at /tmp/e.nix:2:12:
            1| let f = x: g x;
            2|     g = x: throw \"a
             |            ^
            3| b\";

       error: a
       b";
    assert_eq!(report("a\nb", None, steps).to_oracle_text(false), expected);
}

#[test]
fn the_oracle_suggests_names() {
    let at = place("«string»", "{a=1;aa=1;}.ab", 1, 1);
    let mut report = report("attribute 'ab' missing", at, Vec::new());
    report.suggestions = vec!["a".to_owned(), "aa".to_owned()];
    let expected = "\
error: attribute 'ab' missing
       at «string»:1:1:
            1| {a=1;aa=1;}.ab
             | ^
       Did you mean one of a or aa?";
    assert_eq!(report.to_oracle_text(false), expected);
}

#[test]
fn the_oracle_cuts_long_ways() {
    let steps: Vec<Step> = (0..4)
        .map(|line| step(&format!("step {line}"), place("/a", "1\n2\n3\n4\n5", line + 1, 1)))
        .collect();
    let report = report("m", None, steps);
    let short = report.to_oracle_text(false);
    assert!(short.contains("step 1") && !short.contains("step 2"), "{short}");
    assert!(short.contains("(stack trace truncated; use '--show-trace'"), "{short}");
    assert!(report.to_oracle_text(true).contains("step 3"));
}

#[test]
fn the_oracle_counts_repeated_steps() {
    let steps: Vec<Step> = (0..7).map(|_| step("again", None)).collect();
    let text = report("m", None, steps).to_oracle_text(true);
    assert!(text.contains("(6 duplicate frames omitted)"), "{text}");
    assert_eq!(text.matches("again").count(), 1);
}

#[test]
fn ours_marks_the_word_and_says_what_helps() {
    let at = place("tea.nix", "{\n  a = cup.color;\n}\n", 2, 11);
    let steps = vec![step("while evaluating `cup`", place("tea.nix", "{\n", 1, 1))];
    let mut report = report("attribute 'color' missing", at, steps);
    report.code = "E0102";
    report.suggestions = vec!["colour".to_owned()];
    let expected = "\
error[E0102]: attribute 'color' missing
 --> tea.nix:2:11
  |
2 |   a = cup.color;
  |           ^^^^^
  = help: did you mean `colour`?
  … while evaluating `cup` (tea.nix:1:1)";
    assert_eq!(report.to_text(false), expected);
}

#[test]
fn ours_shows_the_persons_own_steps_and_counts_the_librarys() {
    let library = |line| {
        place("/nix/store/x-nixpkgs/lib/modules.nix", "a\nb\nc\n", line, 1)
            .map(|place| Place { is_library: true, ..place })
    };
    let own = place("configuration.nix", "{ x = 1; }\n", 1, 3);
    let steps = vec![step("one", library(1)), step("two", own), step("three", library(2))];
    let report = report("m", place("a.nix", "1\n", 1, 1), steps);
    let text = report.to_text(false);
    let expected = "\
error: m
 --> a.nix:1:1
  |
1 | 1
  | ^
  … two (configuration.nix:1:3)
  … 2 frames in lib/modules.nix, --show-trace to show";
    assert_eq!(text, expected);
    let whole = report.to_text(true);
    assert!(whole.contains("three (/nix/store/x-nixpkgs/lib/modules.nix:2:1)"), "{whole}");
}

#[test]
fn ours_marks_several_places_of_several_files() {
    let source = "{\n  a = 1;\n  b = 2;\n\n  c = 3;\n}\n";
    let label = |file, line, text: &str| Label {
        place: place(file, source, line, 7).expect("a place"),
        text: text.to_owned(),
    };
    let mut report = report("m", place("a.nix", source, 3, 7), Vec::new());
    report.label = "this".to_owned();
    report.labels =
        vec![label("b.nix", 2, ""), label("a.nix", 2, "that"), label("a.nix", 5, "and")];
    report.notes = vec!["n".to_owned()];
    let expected = "\
error: m
 --> a.nix:3:7
  |
2 |   a = 1;
  |       - that
3 |   b = 2;
  |       ^ this
 ...
5 |   c = 3;
  |       - and
 --> b.nix:2:7
  |
2 |   a = 1;
  |       -
  = note: n";
    assert_eq!(report.to_text(false), expected);
    let json = report.to_json();
    assert!(
        json.starts_with("{\"code\":\"\",\"message\":\"m\",\"spans\":[{\"file\":\"a.nix\""),
        "{json}"
    );
    assert_eq!(json.matches("\"isPrimary\":true").count(), 1);
}

#[test]
fn every_line_end_ends_a_line() {
    let code = Code::around(b"a\rb\r\nc\nd", 3);
    assert_eq!(code.before.as_deref(), Some("b"));
    assert_eq!(code.line.as_deref(), Some("c"));
    assert_eq!(code.after.as_deref(), Some("d"));
    assert_eq!(Code::around(b"a\n", 1).after.as_deref(), Some(""));
    assert_eq!(Code::around(b"a", 7), Code::default());
}

#[test]
fn controls_are_not_told_and_tabs_become_blanks() {
    let cases = [
        ("a\tb", "a       b"),
        // Columns are counted from the start of the text.
        ("abc\n\tx", "abc\n     x"),
        ("\u{1b}[1;31mred\u{1b}[0m\r\u{7}!", "red!"),
        ("\u{1b}]8;;http://h\u{1b}\\link\u{1b}]8;;\u{7}.", "link."),
        ("\u{1b}Mx\u{1b}", "x"),
        ("é\t漢\t|", "é       漢      |"),
    ];
    for (text, told) in cases {
        assert_eq!(super::without_controls(text), told, "{text:?}");
    }
}

#[test]
fn the_oracle_keeps_a_blank_line_behind_what_it_quotes() {
    let quoted = report("while parsing TOML: x\n", None, Vec::new());
    assert_eq!(quoted.to_oracle_text(false), "error: while parsing TOML: x\n       ");
    let thrown = Report { kind: ErrorKind::Thrown, ..quoted };
    assert_eq!(thrown.to_oracle_text(false), "error: while parsing TOML: x");
}

#[test]
fn a_warning_is_indented_by_its_label() {
    let warning = report("careful", place("/a", "1", 1, 1), Vec::new()).to_oracle_warning();
    assert_eq!(
        warning,
        "warning: careful\n         at /a:1:1:\n              1| 1\n               | ^"
    );
}
