//! What regular expressions match.

use super::*;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern.as_bytes()).unwrap_or_else(|error| panic!("{pattern}: {error:?}"))
}

/// What `builtins.match` gives, groups that took no part as `-`.
fn groups(pattern: &str, text: &str) -> Option<Vec<String>> {
    let cancel = AtomicBool::new(false);
    let found = regex(pattern).match_whole(text.as_bytes(), &mut Scratch::default(), &cancel);
    found.unwrap().map(|found| texts(text, &found))
}

fn texts(text: &str, found: &Match) -> Vec<String> {
    let text = |span: &Option<Span>| {
        span.map_or("-".to_owned(), |(start, end)| text[start..end].to_owned())
    };
    found.groups.iter().map(text).collect()
}

fn spans(pattern: &str, text: &str) -> Vec<Span> {
    let cancel = AtomicBool::new(false);
    let found = regex(pattern).find_all(text.as_bytes(), &mut Scratch::default(), &cancel);
    found.unwrap().iter().map(|found| found.whole).collect()
}

#[track_caller]
fn check(pattern: &str, text: &str, expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|&text| text.to_owned()).collect();
    assert_eq!(groups(pattern, text), Some(expected), "{pattern} on {text}");
}

#[test]
fn groups_are_those_of_the_first_path_to_the_longest_match() {
    check("(a|ab)(c|bcd)(d*)", "abcd", &["a", "bcd", ""]);
    check("(^a|b)+", "ab", &["b"]);
    check("(a)?(b)", "b", &["-", "b"]);
    check("((a)|(b))*", "ab", &["b", "a", "b"]);
}

#[test]
fn alternatives_compete_by_length_and_repetitions_do_not() {
    assert_eq!(spans("a|ab", "abc"), [(0, 2)]);
    assert_eq!(spans("(a|ab)(c|bcd)?", "abcd"), [(0, 4)]);
    assert_eq!(spans("a*(ab)?", "aab"), [(0, 2), (2, 2), (3, 3)]);
}

#[test]
fn an_empty_round_may_follow_a_full_one() {
    check("(a*)*", "a", &[""]);
    check("(a*)+", "", &[""]);
    assert_eq!(groups("(a*)*", "b"), None);
}

#[test]
fn searching_goes_on_after_empty_matches() {
    assert_eq!(spans("x*", "ab"), [(0, 0), (1, 1), (2, 2)]);
    assert_eq!(spans("(x)?", "axb"), [(0, 0), (1, 2), (2, 2), (3, 3)]);
    assert_eq!(spans("^a", "aab"), [(0, 1)]);
    assert_eq!(spans("(^|x)", "axb"), [(0, 0), (1, 2)]);
}

#[test]
fn brackets_have_their_own_rules() {
    for (pattern, text) in [
        ("[]a]+", "]a"),
        ("[a\\]]+", "a]"),
        ("[[.hyphen.]]", "-"),
        ("[[=a=]]", "A"),
        ("[[:w:]]", "_"),
        ("[[:ALPHA:]]", "x"),
        ("[--a]", "-"),
        ("[a-z-]+", "a-"),
        ("[\\n]", "n"),
        ("[[.a.]-c]", "b"),
    ] {
        assert!(groups(pattern, text).is_some(), "{pattern} on {text}");
    }
    for pattern in ["[z-a]", "[a--]", "[[.-.]]", "[[:no:]]", "[", "[a", "[]", "[a-[.c.]]", "[a-é]"]
    {
        let error = Regex::new(pattern.as_bytes()).err();
        assert_eq!(error, Some(RegexError::Invalid), "{pattern}");
    }
}

#[test]
fn only_special_characters_may_be_escaped() {
    for pattern in ["\\w", "(.)\\1", "\\n", "{", "*a", "\\}", "\\]", "\\-", "a{1", "a{,2}", "\\"] {
        let error = Regex::new(pattern.as_bytes()).err();
        assert_eq!(error, Some(RegexError::Invalid), "{pattern}");
    }
    assert!(groups("}", "}").is_some());
    assert!(groups("a**", "aa").is_some());
    assert!(groups("a{2,}", "aaa").is_some());
}

#[test]
fn size_is_limited() {
    assert_eq!(Regex::new(b"a{100000}").err(), Some(RegexError::TooLarge));
    assert_eq!(Regex::new(b"(a{300}){400}").err(), Some(RegexError::TooLarge));
    let nested = [b"(".repeat(5000), b")".repeat(5000)].concat();
    assert_eq!(Regex::new(&nested).err(), Some(RegexError::TooLarge));
    assert!(Regex::new(b"a|".repeat(5000).as_slice()).is_ok());
}

#[test]
fn long_searches_stay_polynomial() {
    let text = "a".repeat(3000);
    assert_eq!(groups("(a|a)*b", &text), None);
    assert_eq!(groups("(a*)*b", &text[..300]), None);
    assert_eq!(groups("(x+x+)+y", &"x".repeat(500)), None);
    assert_eq!(spans("a??++++++++++++?+++++++++;", ""), []);
    assert_eq!(spans("(a|aa)*", &text[..300]), [(0, 300), (300, 300)]);
}
