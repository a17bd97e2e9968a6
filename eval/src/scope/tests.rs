//! Names and what they mean, on small expressions.

use super::*;

/// Renders every reference as `name=meaning`, in source order.
fn check(source: &str, expected: &str) {
    let (tree, _) = syntax::parse_flat(source.as_bytes(), syntax::Options::default());
    let scopes = scopes(&tree);
    let shown: Vec<String> = scopes
        .references
        .iter()
        .map(|reference| {
            let target = match &reference.target {
                Target::Definition(index) => {
                    format!("{}", u32::from(scopes.definitions[*index as usize].range.start()))
                }
                Target::Builtin => "builtin".to_owned(),
                Target::With(withs) => format!("with{withs:?}"),
                Target::Undefined => "undefined".to_owned(),
            };
            format!("{}={target}", reference.name.to_text())
        })
        .collect();
    assert_eq!(shown.join(" "), expected, "{source}");
}

#[test]
fn the_innermost_definition_counts() {
    check("x: let x = 1; in x", "x=7");
    check("x: (let x = 1; in x) x", "x=8 x=0");
}

#[test]
fn with_never_shadows_a_lexical_definition() {
    check("let a = 1; in with { a = 2; }; a b", "a=4 b=with[0]");
    check("with x; with y; z", "x=undefined y=with[0] z=with[1, 0]");
}

#[test]
fn inherit_without_a_source_means_the_outer_name() {
    check("a: let inherit a; in a", "a=0 a=15");
    check("let inherit (a) b; a = 1; in b", "a=19 b=16");
    check("a: { inherit a; b = 1; c = b; }", "a=0 b=undefined");
}

#[test]
fn formals_and_defaults_see_each_other() {
    check("{ a, b ? a, ... }@args: b args", "a=2 b=5 args=18");
}

#[test]
fn broken_code_still_has_names() {
    check("let a = 1; in a.", "a=4");
    check("let a = ; b = a; in", "a=4");
}
