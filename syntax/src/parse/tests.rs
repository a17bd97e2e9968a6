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

/// Returns how many operators enclose each other at the left.
fn chain_length(text: &str) -> usize {
    let (tree, errors) = parse_flat(text.as_bytes(), Options::DEFAULT);
    assert!(errors.is_empty(), "{text}: {errors:?}");
    let mut count = 0;
    let mut node = tree.root().first_child();
    while let Some(operator) = node.filter(|it| it.kind() == crate::SyntaxKind::BinaryOp) {
        let end = operator.nth_child(1).expect("an operator has two operands").end();
        assert_eq!((operator.start(), operator.end()), (0, end));
        count += 1;
        node = operator.first_child();
    }
    count
}

#[test]
fn operators_in_a_row_nest_to_the_left() {
    for count in [1, 2, 3, 4, 5, 8, 9, 100, 900] {
        assert_eq!(chain_length(&format!("a.b{}", " - f 1".repeat(count))), count);
    }
    let mixed = "a |> b <| c ".repeat(1_000);
    for text in [&*format!("a{}", " + a".repeat(1_000)), &*mixed] {
        let (tree, errors) = parse_flat(text.as_bytes(), Options::DEFAULT);
        assert_eq!(tree.node_count(), 1);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].kind, crate::ErrorKind::NestingTooDeep);
    }
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let mut text = vec![b'a'; crate::flat::Token::LEN_MAX];
    assert_eq!(parse_flat(&text, Options::DEFAULT).1, []);
    text.push(b'a');
    let (tree, errors) = parse_flat(&text, Options::DEFAULT);
    assert_eq!(tree.token_count(), 0);
    assert_eq!(errors[0].kind, crate::ErrorKind::TooLarge);
}
