//! `parse_to_text` against what the oracle prints.

use super::*;
use crate::source::{HOST, SourcePath};

fn parsed(text: &str) -> String {
    let origin = Origin::Stdin(SourcePath::new(HOST, b"/dir"));
    match parse_to_text(text.as_bytes(), &origin, Some(b"/home/me"), Options::DEFAULT) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => format!("error: {} at {}", error.message, error.position.offset),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(parsed(text), expected, "{text}");
}

#[test]
fn sugar_is_undone() {
    check("x: -x - 1 < 2", "(x: (__lessThan (__sub (__sub 0 x) 1) 2))");
    check("x: x >= 1 && !(x > 2)", "(x: ((! (__lessThan x 1)) && (! (__lessThan 2 x))))");
    check("<a/b>", "(__findFile __nixPath \"a/b\")");
    check("let { body = 1; }", "(rec { body = 1; }).body");
    check("f: or: f 1 or 2", "(f: (or: (f (1 or) 2)))");
}

#[test]
fn a_call_takes_the_arguments_of_the_call_it_is_applied_to() {
    check("f: (f 1) 2 (f 3)", "(f: (f 1 2 (f 3)))");
    check("f: (1 - 2) f", "(f: (__sub 1 2 f))");
}
