//! `tests/ide/FEATURES.md`: each row leads to cases that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tests::literate;

/// What a row says instead of naming a case when the feature is planned for later.
const LATER: &str = "next issue";

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ide")
}

/// Returns what a heading is called in a link, as Markdown viewers make it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(document: &Path) -> BTreeSet<String> {
    let Ok(text) = std::fs::read_to_string(document) else { return BTreeSet::new() };
    let cases = literate::parse(&text).into_iter().filter(|case| !case.blocks.is_empty());
    let title = |heading: String| heading.rsplit(" / ").next().map(anchor).unwrap_or_default();
    cases.map(|case| title(case.heading)).collect()
}

/// Returns the names of the functions in a file of tests, which links may lead to as well.
fn functions(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let names = text.split("\nfn ").skip(1).filter_map(|rest| rest.split('(').next());
    names.map(str::to_owned).collect()
}

/// Returns the targets of the links in a line.
fn links(line: &str) -> Vec<&str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// Returns what is wrong with a table of features.
fn offences(text: &str, anchors_of: impl Fn(&str) -> BTreeSet<String>) -> Vec<String> {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Feature"))
    {
        rows += 1;
        let links = links(line);
        if links.is_empty() && !line.contains(LATER) {
            wrong.push(format!("no case shows: {line}"));
        }
        for link in links {
            let (document, anchor) = link.split_once('#').unwrap_or((link, ""));
            let there = known.entry(document.to_owned()).or_insert_with(|| anchors_of(document));
            if !there.contains(anchor) {
                wrong.push(format!("no such case: {link}"));
            }
        }
    }
    if rows == 0 {
        wrong.push("there is no row".to_owned());
    }
    wrong
}

#[test]
fn every_row_leads_to_a_case() {
    let text = std::fs::read_to_string(directory().join("FEATURES.md")).expect("the table");
    let wrong = offences(&text, |document| {
        let path = directory().join(document);
        if path.extension().is_some_and(|it| it == "rs") {
            functions(&path)
        } else {
            anchors(&path)
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn links_to_nowhere_are_seen() {
    let anchors = |document: &str| {
        let all = if document == "a.md" { vec!["a-claim".to_owned()] } else { Vec::new() };
        BTreeSet::from_iter(all)
    };
    let check =
        |text: &str, count: usize| assert_eq!(offences(text, anchors).len(), count, "{text}");
    check("| x | [a claim](a.md#a-claim) |", 0);
    check("| x | next issue |", 0);
    check("| x | |", 1);
    check("| x | [b](a.md#b) [c](b.md#a-claim) |", 2);
    check("", 1);
    assert_eq!(anchor("`or` is one, too: (x)"), "or-is-one-too-x");
}
