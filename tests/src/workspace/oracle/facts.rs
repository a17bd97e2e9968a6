//! Facts that an oracle once stated of one nixpkgs tree: `tests/facts`, checked without it.

use super::packages::nixpkgs;
use super::{Evaluator, sources};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use store::Hash;

const TABLE: &str = "tests/facts/nixpkgs-20.09.tsv";
const SYSTEM: &str = "tests/facts/system.nix";
/// The fact that is a system, and what marks a file whose hash tells the tree.
const SYSTEM_NAME: &str = "system.nix";
const FILE: &str = "file:";
/// How many facts there are at least, lest the table shrink unseen.
const COUNT_MIN: usize = 201;
/// How long all of them may take, in a build without optimization.
const SECONDS_MAX: u32 = 1200;

/// Reads the table, without its comments: names and what is known of them.
fn facts(table: &str) -> Vec<(&str, &str)> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').expect("a fact has a name and a value")).collect()
}

/// Returns what the files that tell one tree from another have for hashes in this one.
fn files(facts: &[(&str, &str)], tree: &Path) -> BTreeMap<String, String> {
    let names = facts.iter().filter_map(|(name, _)| name.strip_prefix(FILE));
    let hash = |name: &str| {
        let hash = std::fs::read(tree.join(name)).map(|bytes| Hash::sha256(&bytes).to_hex());
        (format!("{FILE}{name}"), hash.unwrap_or_default())
    };
    names.map(hash).collect()
}

/// Returns the derivation path of each of these attributes of the tree, in one evaluation.
fn derivation_paths(evaluator: &Evaluator, names: &[&str], tree: &Path) -> Vec<String> {
    let system = sources::top().join(SYSTEM);
    let mut text = format!(
        "let tree = {}; system = \"x86_64-linux\"; config = {{ allowUnfree = true; allowBroken = \
         true; }}; pkgs = import tree {{ inherit system config; overlays = [ ]; }}; in map (value: \
         value.drvPath) [\n",
        tree.display()
    );
    for name in names {
        if *name == SYSTEM_NAME {
            let system = system.display();
            text.push_str("(import (tree + \"/nixos\") { inherit system; configuration = ");
            let _ = writeln!(text, "{system}; }}).system");
        } else {
            let _ = writeln!(text, "pkgs.{name}");
        }
    }
    text.push(']');
    let output = evaluator.run_with(SECONDS_MAX, |command| {
        command.args(["--eval", "--strict", "--json", "-E", &text]);
    });
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {error}", evaluator.program.display());
    let found: Vec<String> = serde_json::from_slice(&output.stdout).expect("a list of strings");
    assert_eq!(found.len(), names.len());
    found
}

/// Returns the table with other values.
fn rewritten(table: &str, values: &BTreeMap<String, String>) -> String {
    let line = |line: &str| match line.split_once('\t') {
        Some((name, _)) if !line.starts_with('#') => {
            format!("{name}\t{}\n", values.get(name).expect("every fact was asked for"))
        }
        _ => format!("{line}\n"),
    };
    table.lines().map(line).collect()
}

#[test]
fn facts_of_a_tree_hold() {
    let path = sources::top().join(TABLE);
    let table = std::fs::read_to_string(&path).expect("the table is there");
    let facts = facts(&table);
    let is_file = |name: &str| name.starts_with(FILE);
    let names: Vec<&str> =
        facts.iter().map(|(name, _)| *name).filter(|name| !is_file(name)).collect();
    assert!(names.len() >= COUNT_MIN, "only {} facts", names.len());
    let what = format!("{} facts of nixpkgs", names.len());
    let Some(tree) = nixpkgs(&what) else { return };
    let mut values = files(&facts, &tree);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let oracle = Evaluator::oracle(&what).expect("facts are an oracle's");
        assert!(oracle.is_target(), "facts are not those of {}", oracle.version);
        let found = derivation_paths(&oracle, &names, &tree);
        values.extend(names.iter().map(|name| (*name).to_owned()).zip(found));
        std::fs::write(&path, rewritten(&table, &values)).expect("the table can be written");
        return;
    }
    let of_files = facts.iter().filter(|(name, _)| is_file(name));
    if let Some((name, _)) = of_files.clone().find(|(name, value)| values[*name] != **value) {
        eprintln!("did not run: {what}: {} has another {name}", tree.display());
        return;
    }
    let found = derivation_paths(&Evaluator::ours(), &names, &tree);
    let known: BTreeMap<&str, &str> = facts.iter().copied().collect();
    let is_wrong = |(name, found): &(&&str, &String)| known[**name] != found.as_str();
    let wrong: Vec<_> = names.iter().zip(&found).filter(is_wrong).collect();
    assert!(wrong.is_empty(), "{} of {} facts do not hold: {wrong:?}", wrong.len(), names.len());
    eprintln!("{} facts of nixpkgs hold", names.len());
}

#[test]
fn another_tree_is_not_the_tables() {
    let tree = tempfile::tempdir().expect("a temporary directory");
    let table = "# A comment.\nfile:a\t1\nhello\t/nix/store/x.drv\n";
    let before = files(&facts(table), tree.path());
    assert_eq!(before["file:a"], "");
    std::fs::write(tree.path().join("a"), "text").expect("a file in a new directory");
    let mut after = files(&facts(table), tree.path());
    assert_eq!(after["file:a"].len(), 64);
    after.insert("hello".to_owned(), "/nix/store/y.drv".to_owned());
    let fresh = rewritten(table, &after);
    assert!(
        fresh.starts_with("# A comment.\nfile:a\t") && fresh.ends_with("hello\t/nix/store/y.drv\n")
    );
}
