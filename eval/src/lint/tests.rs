//! What the lints find in small expressions, and that their examples are found.

use super::*;

fn check_lints(source: &str, expected: &[&str]) {
    let (tree, _) = syntax::parse_flat(source.as_bytes(), syntax::Options::default());
    let shown: Vec<String> = check(&tree, &crate::scope::scopes(&tree))
        .into_iter()
        .map(|it| format!("{}: {}{}", it.code, it.message, it.hint.unwrap_or_default()))
        .collect();
    assert_eq!(shown, expected, "{source}");
}

#[test]
fn undefined_names_come_with_a_near_miss() {
    check_lints(
        "let value = 1; in vlaue + value",
        &["undefined-variable: undefined variable `vlaue`did you mean `value`?"],
    );
    check_lints("with { }; anything", &[]);
    check_lints("builtins.map toString [ true null ]", &[]);
}

#[test]
fn unused_names_are_found() {
    check_lints("let a = 1; _b = 2; in 3", &["unused-binding: `a` is never used"]);
    check_lints("{ a, b }: a", &["unused-formal: argument `b` is never used"]);
    check_lints("{ a, b, ... }: a", &[]);
    check_lints("args@{ a, b }: a args", &[]);
    check_lints("with { a = 1; }; 2", &["unused-with: no name comes from this `with`"]);
}

#[test]
fn what_is_not_needed_is_found() {
    check_lints("rec { a = 1; b = a; }", &[]);
    check_lints(
        "rec { a = 1; b = c: { a = 2; }; }",
        &["unused-rec: no value of this set uses its names: `rec` is not needed"],
    );
    check_lints("[ (x: x) (1 + 2) ]", &[]);
    check_lints("builtins.nope or 1", &[]);
    check_lints(
        "builtins.lenght",
        &["unknown-builtin: there is no builtin `lenght`did you mean `length`?"],
    );
    check_lints("let builtins = { a = 1; }; in builtins.a", &[]);
}

#[test]
fn the_example_of_every_lint_is_found_by_it() {
    for lint in LINTS {
        let example = lint.doc.split("```nix\n").nth(1).and_then(|it| it.split("```").next());
        let example = example.expect("every lint shows an example");
        let (tree, _) = syntax::parse_flat(example.as_bytes(), syntax::Options::default());
        let found = check(&tree, &crate::scope::scopes(&tree));
        assert!(found.iter().any(|it| it.code == lint.code), "{}: {found:?}", lint.code);
    }
}
