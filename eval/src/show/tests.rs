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
    check("with { }; f 1 or 2", "(with { }; (f (1 or) 2))");
}

#[test]
fn a_call_takes_the_arguments_of_the_call_it_is_applied_to() {
    check("f: (f 1) 2 (f 3)", "(f: (f 1 2 (f 3)))");
    check("f: (1 - 2) f", "(f: (__sub 1 2 f))");
}

#[test]
fn sets_are_merged_and_sorted() {
    check("x: { b.c = 1; a = -x; b.d = 2; }", "(x: { a = (__sub 0 x); b = { c = 1; d = 2; }; })");
    check("{ x = rec { a = 1; }; x.b = a; }", "{ x = rec { a = 1; b = a; }; }");
    check("{ x.b = a; x = rec { a = 1; }; }", "error: undefined variable 'a' at 8");
    check(
        "{ x.z = 3; x = { y = 3; z = 3; }; }",
        "error: attribute 'x.z' already defined at «stdin»:1:3 at 24",
    );
    check("{ inherit x; }", "error: undefined variable 'x' at 10");
    check(
        "a: { inherit (a) c b; inherit a; ${a}.d = 1; }",
        "(a: { inherit a; inherit (a) b c; \"${a}\" = { d = 1; }; })",
    );
}

#[test]
fn variables_are_looked_for_where_the_language_does() {
    check(
        "let inherit x; x = 1; in x",
        "error: attribute 'x' already defined at «stdin»:1:13 at 15",
    );
    check("rec { inherit a; b = 1; }", "error: undefined variable 'a' at 14");
    check("with { }; a", "(with { }; a)");
    check("a: b: with a; c d", "(a: (b: (with a; (c d))))");
    check("({ a ? b, b }: a) c", "error: undefined variable 'c' at 18");
    check("1 or", "error: undefined variable 'or' at 2");
}

#[test]
fn strings_and_paths_are_joined() {
    check("a: \"x${a}\\n\" + \"${a}\"", "(a: ((\"x\" + a + \"\\n\") + (a)))");
    check("''${\"y\"}''", "\"y\"");
    check("\"${\"y\"}\"", "(\"y\")");
    check("''\n  a\n    b''", "\"a\\n  b\"");
    check("./a/../b + ~/c", "(/dir/b + /home/me/c)");
    check("a: ./x/${a}/y", "(a: (/dir/x/ + a + \"/y\"))");
    check("https://a.org", "\"https://a.org\"");
}

#[test]
fn what_is_refused_before_evaluation_is_an_error() {
    check("{ x, x }: 1", "error: duplicate formal function argument 'x' at 5");
    check("{ a = 1; a = 2 b = 3; }", "error: syntax error, unexpected '=', expecting ';' at 17");
    check("{ a = 1; a = 2; b }", "error: attribute 'a' already defined at «stdin»:1:3 at 9");
    check("if 1 else", "error: syntax error, unexpected 'else', expecting 'then' at 5");
    let origin = Origin::Stdin(SourcePath::new(HOST, b"/"));
    let error = parse_to_text(b"~/a", &origin, None, Options::DEFAULT).unwrap_err();
    assert_eq!(error.message, "the path '~/a' can not be resolved in pure mode");
}
