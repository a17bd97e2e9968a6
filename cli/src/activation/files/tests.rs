//! Changes are made together or not at all.

use super::{Node, Transaction};
use std::path::{Path, PathBuf};

fn file(text: &str) -> Node {
    Node::File { content: text.as_bytes().to_vec(), mode: 0o644, owner: None }
}

fn read(root: &Path, path: &str) -> Option<String> {
    std::fs::read_to_string(root.join(path)).ok()
}

#[test]
fn what_is_there_already_is_no_change() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let plan = || {
        let mut transaction = Transaction::new(root.path());
        transaction.set("etc/a/b", file("x")).expect("a good place");
        transaction.set("etc/l", Node::Link(PathBuf::from("a/b"))).expect("a good place");
        transaction
    };
    let first = plan();
    assert_eq!(first.changes().len(), 4);
    first.apply().expect("nothing is in the way");
    assert_eq!(read(root.path(), "etc/l").as_deref(), Some("x"));
    assert!(plan().changes().is_empty());
}

#[test]
fn a_failure_takes_everything_back() {
    let root = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(root.path().join("full")).expect("a directory");
    std::fs::write(root.path().join("full/x"), "").expect("a file");
    std::fs::write(root.path().join("a"), "old").expect("a file");
    let mut transaction = Transaction::new(root.path());
    transaction.set("a", file("new")).expect("a good place");
    transaction.set("new/deep", file("new")).expect("a good place");
    transaction.set("full", file("no directory with files in it gives way")).expect("planned");
    let error = transaction.apply().expect_err("a full directory stays");
    assert!(error.to_string().contains("full"), "{error}");
    assert_eq!(read(root.path(), "a").as_deref(), Some("old"));
    assert!(!root.path().join("new").exists());
}

#[test]
fn what_was_made_can_be_taken_back() {
    let root = tempfile::tempdir().expect("a temporary directory");
    std::os::unix::fs::symlink("one", root.path().join("link")).expect("a link");
    let mut transaction = Transaction::new(root.path());
    transaction.set("link", Node::Link(PathBuf::from("two"))).expect("a good place");
    transaction.set("etc/a", file("x")).expect("a good place");
    let applied = transaction.apply().expect("nothing is in the way");
    assert_eq!(std::fs::read_link(root.path().join("link")).expect("a link"), Path::new("two"));
    applied.undo();
    assert_eq!(std::fs::read_link(root.path().join("link")).expect("a link"), Path::new("one"));
    assert!(!root.path().join("etc").exists());
}

#[test]
fn nothing_leaves_the_root() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let outside = tempfile::tempdir().expect("a temporary directory");
    std::os::unix::fs::symlink(outside.path(), root.path().join("etc")).expect("a link");
    let mut transaction = Transaction::new(root.path());
    assert!(transaction.set("etc/passwd", file("x")).is_err());
    assert!(transaction.set("../x", file("x")).is_err());
    assert!(transaction.set("/x", file("x")).is_err());
}
