//! The tree's text is the input, and offsets map both ways where it is not.

use super::*;

#[test]
fn bytes_that_are_no_text_are_replaced_one_by_one() {
    let source = b"\"\xff\xfea\" + \xf0b";
    let parse = parse(source, Options::DEFAULT);
    assert!(!parse.is_text());
    let text = parse.syntax().text().to_string();
    assert_eq!(text, "\"\u{fffd}\u{fffd}a\" + \u{fffd}b");
    for (at, byte) in source.iter().enumerate() {
        let in_tree = parse.tree_offset(TextSize::from(at as u32));
        assert_eq!(parse.source_offset(in_tree), TextSize::from(at as u32));
        if byte.is_ascii() {
            assert_eq!(text.as_bytes()[usize::from(in_tree)], *byte);
        }
    }
    let end = TextSize::from(text.len() as u32);
    assert_eq!(parse.source_offset(end), TextSize::from(source.len() as u32));
    // In the middle of the first replacement.
    assert_eq!(parse.source_offset(TextSize::from(2)), TextSize::from(1));
}

#[test]
fn offsets_of_text_are_its_own() {
    let parse = parse("{ \u{e9}".as_bytes(), Options::DEFAULT);
    assert!(parse.is_text());
    assert_eq!(parse.source_offset(TextSize::from(4)), TextSize::from(4));
    assert_eq!(parse.tree_offset(TextSize::from(4)), TextSize::from(4));
}
