//! The reference implementation's words, as its own language suite expects them and beyond.

use proptest::prelude::*;

use super::{grammar_error, oracle_error};
use crate::pieces::pieces;
use crate::{Options, parse_flat};

/// Checks the message and the offset.
#[track_caller]
fn check(text: &str, expected: Option<(&str, u32)>) {
    let (_, errors) = parse_flat(text.as_bytes(), Options::DEFAULT);
    let found = oracle_error(text.as_bytes(), &errors);
    let found = found.map(|error| (error.message, error.offset));
    assert_eq!(found, expected.map(|(message, offset)| (message.to_owned(), offset)), "{text}");
}

#[track_caller]
fn refuses(text: &str, message: &str, offset: u32) {
    check(text, Some((message, offset)));
}

#[test]
fn the_tokens_that_a_state_names_are_listed_up_to_four() {
    refuses("&& true", "syntax error, unexpected '&&'", 0);
    refuses("{ 1 = x; }", "syntax error, unexpected integer, expecting 'inherit'", 2);
    refuses("{ a ... }", "syntax error, unexpected '...', expecting '.' or '='", 4);
    refuses("{x, y : 1", "syntax error, unexpected ':', expecting '}' or ','", 6);
    refuses(
        "a.assert",
        "syntax error, unexpected 'assert', expecting identifier or 'or' or '${' or '\"'",
        2,
    );
    refuses("if 1 else", "syntax error, unexpected 'else', expecting 'then'", 5);
    refuses("f or or", "syntax error, unexpected 'or', expecting end of file", 5);
}

#[test]
fn comparisons_do_not_chain() {
    refuses("1 != != 2", "syntax error, unexpected '!='", 5);
    refuses("1 == 2 == 3", "syntax error, unexpected '=='", 7);
}

#[test]
fn the_end_is_where_the_text_ends() {
    refuses("(\n# no content\n", "syntax error, unexpected end of file", 15);
    refuses("a 1\"$", "syntax error, unexpected end of file, expecting '\"'", 5);
    refuses("\"a${b}", "syntax error, unexpected end of file, expecting '\"'", 6);
    refuses("./a/${b", "syntax error, unexpected end of file, expecting '}'", 7);
    refuses(
        "''a${b}",
        "syntax error, unexpected end of file, \
         expecting indented string or '${' or end of an indented string",
        7,
    );
}

#[test]
fn what_begins_no_token_is_invalid() {
    refuses("a$b", "syntax error, unexpected invalid token, expecting end of file", 1);
    refuses("\u{e9}", "syntax error, unexpected invalid token", 0);
}

#[test]
fn an_open_comment_is_a_division() {
    refuses("a /* foo", "syntax error, unexpected '*'", 3);
}

#[test]
fn paths_end_with_a_token_of_their_own() {
    refuses("./a//b", "syntax error, unexpected end of path, expecting '${'", 0);
    refuses(
        "{ } ? ./foo",
        "syntax error, unexpected path, expecting identifier or 'or' or '${' or '\"'",
        6,
    );
    refuses("( ./a//b ;", "syntax error, unexpected end of path, expecting '${'", 6);
    refuses("( ./a", "syntax error, unexpected end of file, expecting ')'", 2);
    refuses("( ./a ", "syntax error, unexpected end of file, expecting ')'", 6);
    check("./a/${\"b\"}/c/${\"d\"}${\"e\"}", None);
    check("[ ./a/${\"b\"} \"${./c}${\"d\"}\" ]", None);
}

#[test]
fn of_two_errors_the_first_one_noticed_counts() {
    refuses("({ x, x }: 1) &", "duplicate formal function argument 'x'", 6);
    refuses("& ({ x, x }: 1)", "syntax error, unexpected invalid token", 0);
    refuses("({ x, x }: ", "syntax error, unexpected end of file", 11);
    refuses("let ${a} = 1; in", "syntax error, unexpected end of file", 16);
    refuses("let ${a} = 1; in 1 &", "dynamic attributes not allowed in let", 0);
    refuses("99999999999999999999 &", "invalid integer '99999999999999999999'", 0);
    check("let f = { a, b ? 1, ... }@c: -a.b or c ? d; in assert f; f", None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_parsers_accept_the_same(text in pieces(0..12)) {
        let (_, errors) = parse_flat(text.as_bytes(), Options::DEFAULT);
        let is_accepted = errors.iter().all(|error| error.oracle.is_some());
        prop_assert_eq!(is_accepted, grammar_error(text.as_bytes()).is_none(), "{:?}", errors);
    }
}
