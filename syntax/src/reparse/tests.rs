//! Edited = parsed anew, for edits chosen to hurt and for any others.

use proptest::prelude::*;

use super::*;
use crate::pieces::pieces;
use crate::{Options, parse};

/// Makes the edit both ways and compares; returns whether less than the whole was parsed.
#[track_caller]
fn check(text: &str, start: usize, end: usize, new: &str) -> bool {
    let before = parse(text.as_bytes(), Options::DEFAULT);
    let range = TextRange::new((start as u32).into(), (end as u32).into());
    let edit = Edit { range, text: new.to_owned() };
    let after = edit.apply(text);
    let expected = parse(after.as_bytes(), Options::DEFAULT);
    let found = before.reparse(&edit);
    assert_eq!(found.syntax().text().to_string(), after);
    let shown = |parse: &Parse| format!("{:#?}\n{:#?}", parse.syntax(), parse.errors());
    assert_eq!(shown(&found), shown(&expected), "{text:?} {start}..{end} {new:?}");
    assert_eq!(found, expected);
    let flat = FlatParse::new(text.as_bytes().into(), Options::DEFAULT);
    let expected = FlatParse::new(after.as_bytes().into(), Options::DEFAULT);
    assert_eq!(flat.edited(after.as_bytes().into()), expected, "{text:?} {start}..{end} {new:?}");
    let root = before.syntax();
    token::reparse(&before, &root, &edit).or_else(|| before.reparse_block(&root, &edit)).is_some()
}

/// `$0` in `text` is replaced by `new`; returns whether less than the whole was parsed.
#[track_caller]
fn insert(text: &str, new: &str) -> bool {
    let at = text.find("$0").unwrap();
    check(&text.replace("$0", ""), at, at, new)
}

#[test]
fn small_edits_are_absorbed() {
    assert!(insert("{ a = 1; $0 b = 2; }", "  "));
    assert!(insert("a # comm$0ent\n", "x"));
    assert!(insert("/* a$0b */ c", " * / "));
    assert!(insert("\"a$0\"", "\\n"));
    assert!(insert("x: ''\n  a$0\n''", "b"));
    assert!(insert("x: { a = 1$0; }", " + x"));
    assert!(insert("[ (1 +$0) ]", " 2"));
    assert!(insert("\"${a$0}\" + b", ".c"));
    assert!(insert("let { body = $0; }", "1"));
    assert!(insert("let x = $0; in", "&"));
    assert!(insert("{ inherit (a) b$0; c = 1; }", " ${\"d\"} ${e}"));
}

#[test]
fn an_edit_that_reaches_further_is_not() {
    assert!(!insert("a # comment$0\n", "\n*/ b"));
    assert!(!insert("# a$0 b", "\r"));
    assert!(!insert("\"a$0\"", "${"));
    assert!(!insert("\"a$0\"", "\\"));
    assert!(!insert("''a$0''", "'"));
    assert!(!insert("{ a$0 }: a", ", b"));
    assert!(!insert("{ a$0 = 1; }", ", b }: a {"));
    assert!(!insert("(a $0)", ") ("));
    assert!(!insert("\"${ ( $0 ) }\"", "}"));
    assert!(!insert("[ $0 ]", "/*"));
    assert!(!insert("{$0 }: a", "x"));
    assert!(!insert("f rec$0{ a = 1; }", "x"));
    // The inner list takes the outer one's bracket.
    assert!(!insert("[ [ a ] ./p$0 a ]", "["));
    check("{ a.b = 1; c = 2; }", 2, 4, " ");
    check("\"${[ { ]}\"", 4, 6, "");
    check("/*", 0, 2, " ");
    check("a /* b", 2, 4, "");
}

#[test]
fn errors_outside_move_and_errors_inside_are_new() {
    check("{ a = ; b = [ & ]; c = }", 14, 15, "1 2 3");
    check("({ x, x }: { y = 1; }) {", 17, 18, "99999999999999999999");
    check("let ${a} = { b = 1; }; in 1", 17, 18, "22");
    check("let a = 1; in 1", 4, 5, "${b}");
    check("{ ${(\"a\")} = 1; inherit ${(\"b\")}; }", 6, 7, "${c}");
    check("{ ${''${\"a\"}''} = 1; inherit ${''${\"b\"}''}; }", 34, 35, "${c}");
}

/// Files that are mostly whole, so that there is something to keep.
fn file() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("\"s ${b} t\"".to_owned()),
        Just("''\n  i ${c}\n  ''".to_owned()),
        Just("./p/${d}/q".to_owned()),
        Just("1".to_owned()),
        pieces(0..4),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let several = proptest::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            several.clone().prop_map(|values| {
                let entry = |value: String| format!("a.b = {value}; inherit ({value}) c; # c\n");
                format!("{{ {} }}", values.into_iter().map(entry).collect::<String>())
            }),
            (several.clone(), inner.clone()).prop_map(|(values, body)| {
                let entry = |value: String| format!("x = {value};\n  ");
                let entries: String = values.into_iter().map(entry).collect();
                format!("let {entries}inherit y; in {body}")
            }),
            several.prop_map(|values| format!("[ {} ]", values.join(" "))),
            inner.clone().prop_map(|value| format!("({value})")),
            inner.clone().prop_map(|value| format!("\"${{{value}}}\"")),
            (inner.clone(), inner.clone())
                .prop_map(|(value, body)| { format!("{{ x, y ? {value}, ... }}@z: {body}") }),
            (inner.clone(), inner).prop_map(|(lhs, rhs)| format!("f {lhs} + {rhs}")),
        ]
    })
}

/// Returns the nearest offset at or before `at` that is between characters.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn edited_equals_parsed_anew(
        text in prop_oneof![4 => file(), 1 => pieces(0..30)],
        at in any::<prop::sample::Index>(),
        length in 0_usize..6,
        new in pieces(0..3),
    ) {
        let start = boundary(&text, at.index(text.len() + 1));
        let end = boundary(&text, start + length).max(start);
        check(&text, start, end, &new);
    }

    #[test]
    fn any_bytes_parse_and_any_text_round_trips(bytes in any::<Vec<u8>>(), text in pieces(0..40)) {
        let found = parse(&bytes, Options::DEFAULT);
        prop_assert_eq!(found.syntax().text().to_string().len(),
            usize::from(found.tree_offset((bytes.len() as u32).into())));
        let found = parse(text.as_bytes(), Options::DEFAULT);
        prop_assert_eq!(found.syntax().text().to_string(), text);
    }
}
