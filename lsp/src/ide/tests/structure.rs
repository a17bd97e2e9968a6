//! Renaming, folding, selecting.

use syntax::TextRange;

use super::super::Knowledge;
use super::{fixture, folding, rename, selection};

fn renamed(text: &str, new_name: &str) -> Result<String, String> {
    let fixture = fixture(text);
    let edits =
        rename::rename(&fixture.db, Knowledge::default(), fixture.file, fixture.offset, new_name)?;
    let mut text = String::from_utf8_lossy(fixture.file.text(&fixture.db)).into_owned();
    for edit in edits.iter().rev() {
        text.replace_range(
            usize::from(edit.range.start())..usize::from(edit.range.end()),
            &edit.text,
        );
    }
    Ok(text)
}

#[track_caller]
fn check_rename(text: &str, expected: Result<&str, &str>) {
    let found = renamed(text, "new");
    assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
}

#[test]
fn variables_are_renamed_everywhere() {
    check_rename("let o$0ld = 1; in old + (x: old) 2", Ok("let new = 1; in new + (x: new) 2"));
    check_rename("let old = 1; in o$0ld.a", Ok("let new = 1; in new.a"));
    check_rename("o$0ld: let x = old; in old: old", Ok("new: let x = new; in old: old"));
    check_rename("a@{ b }: $0a.b", Ok("new@{ b }: new.b"));
    check_rename("let old.a = 1; in $0old", Ok("let new.a = 1; in new"));
}

#[test]
fn inherited_names_stay_what_others_call_them() {
    check_rename("let o$0ld = 1; in { inherit old; }", Ok("let new = 1; in { old = new; }"));
    check_rename(
        "let o$0ld = 1; in { inherit a old b; }",
        Ok("let new = 1; in { inherit a b; old = new; }"),
    );
    check_rename("let inherit (a) old; in $0old", Ok("let new = a.old; in new"));
    check_rename(
        "let inherit (f x) y old; in $0old",
        Ok("let inherit (f x) y; new = (f x).old; in new"),
    );
}

#[test]
fn a_name_that_would_mean_something_else_is_refused() {
    let used = "`new` is already used there and means something else";
    check_rename("let new = 1; in let o$0ld = 2; in old + new", Err(used));
    check_rename("with x; let o$0ld = 2; in old + new", Err(used));
    check_rename(
        "let o$0ld = 1; in new: old",
        Err("`new` is taken where the name is used: argument"),
    );
    check_rename("let o$0ld = 1; in (new: new) old", Ok("let new = 1; in (new: new) new"));
    let nobody = "no file in the open folders calls this function: who gives `old` is not known";
    check_rename("{ o$0ld }: old", Err(nobody));
    check_rename(
        "rec { o$0ld = 1; b = old; }",
        Err("no file in the open folders imports this one: who reads `old` is not known"),
    );
    check_rename("ma$0p 1", Err("a builtin cannot be renamed"));
    check_rename("with x; o$0ld", Err("the name comes from a `with`, not from this file"));
    for name in ["", "1x", "a b", "if", "or", "a.b"] {
        let error = renamed("let o$0ld = 1; in old", name).expect_err("no name");
        assert_eq!(error, format!("`{name}` is no name of a variable"));
    }
}

#[test]
fn what_spans_lines_folds() {
    let text = "# One\n# two\n{\n  a = [\n    1\n  ];\n  /* x\n  y */\n  b = 1;\n}\n$0";
    let fixture = fixture(text);
    let folds = folding::folds(&fixture.db, fixture.file);
    let found: Vec<_> = folds.iter().map(|it| (it.lines.0, it.lines.1, it.is_comment)).collect();
    assert_eq!(found, [(0, 1, true), (2, 8, false), (3, 4, false), (6, 7, true)]);
}

#[test]
fn selections_grow() {
    let fixture = fixture("{ a = [ b.c$0 d ]; }");
    let found = selection::selections(&fixture.db, fixture.file, fixture.offset);
    let text = fixture.file.text(&fixture.db);
    let slice = |range: &TextRange| &text[usize::from(range.start())..usize::from(range.end())];
    let found: Vec<_> = found.iter().map(|it| String::from_utf8_lossy(slice(it))).collect();
    let expected = ["c", "b.c", "b.c d", "[ b.c d ]", "a = [ b.c d ];", "{ a = [ b.c d ]; }"];
    assert_eq!(found, expected);
}
