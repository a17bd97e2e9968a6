//! A switch that is cut short anywhere is finished or taken back.

use super::{Journal, Recovered, recover};
use crate::activation::files::{Node, Transaction};
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use store::profile::Profile;

fn file(text: &str) -> Node {
    Node::File { content: text.as_bytes().to_vec(), mode: 0o644, owner: None }
}

/// Returns every file, link and directory below `root` but the journal.
fn listing(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below the root").to_owned();
            if name.starts_with("var") {
                continue;
            }
            let text = if path.is_symlink() {
                format!("-> {}", std::fs::read_link(&path).expect("a link").display())
            } else if path.is_dir() {
                pending.push(path);
                "directory".to_owned()
            } else {
                std::fs::read_to_string(&path).expect("a file")
            };
            found.insert(name, text);
        }
    }
    found
}

struct Stage {
    root: tempfile::TempDir,
    profile: Profile,
}

impl Stage {
    /// Returns a system at generation 1, and one more to which it may switch.
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        let at = |path: &str| root.path().join(path);
        std::fs::create_dir_all(at("profiles")).expect("a directory");
        std::fs::create_dir_all(at("etc/old")).expect("a directory");
        std::fs::write(at("etc/name"), "one").expect("a file");
        std::fs::write(at("etc/old/file"), "one").expect("a file");
        symlink("../one", at("etc/static")).expect("a link");
        symlink("/nix/store/one", at("profiles/system-1-link")).expect("a link");
        symlink("system-1-link", at("profiles/system")).expect("a link");
        let profile = Profile::new(at("profiles/system")).expect("a name");
        Self { root, profile }
    }

    fn plan(&self) -> Transaction {
        let mut transaction = Transaction::new(self.root.path());
        let mut set = |path: &str, node| transaction.set(path, node).expect("a good place");
        set("etc/static", Node::Link("../two".into()));
        set("etc/name", file("two"));
        set("etc/new/deep/file", file("two"));
        set("etc/old/file", Node::Nothing);
        set("boot/menu", file("two"));
        transaction
    }

    fn start(&self) -> Transaction {
        let plan = self.plan();
        let changes = plan.changes().to_vec();
        let journal = Journal { before: Some(1), generation: 2, is_new: true, changes };
        journal.write(self.root.path()).expect("a journal");
        symlink("/nix/store/two", self.profile.generation_link(2)).expect("a link");
        plan
    }

    fn recover(&self) -> Option<Recovered> {
        recover(self.root.path(), &self.profile).expect("nothing is in the way")
    }
}

#[test]
fn without_a_journal_there_is_nothing_to_do() {
    assert_eq!(Stage::new().recover(), None);
}

#[test]
fn a_switch_cut_short_anywhere_is_taken_back() {
    let count = Stage::new().plan().changes().len();
    assert!(count >= 7, "directories are changes, too");
    for made in 0..=count {
        let stage = Stage::new();
        let before = listing(stage.root.path());
        let mut plan = stage.start();
        plan.truncate(made);
        plan.apply().expect("nothing is in the way");
        // Killed between making a file and moving it to its place.
        std::fs::write(stage.root.path().join("etc/.name.nivis-new"), "tw").expect("a file");
        let recovered = stage.recover().expect("a journal");
        assert!(!recovered.is_finished && recovered.left.is_empty(), "{recovered:?}");
        assert_eq!(listing(stage.root.path()), before, "after {made} changes");
        assert_eq!(stage.recover(), None);
    }
}

#[test]
fn a_switch_that_reached_its_generation_is_finished() {
    let complete = Stage::new();
    complete.start().apply().expect("nothing is in the way");
    complete.profile.switch(2).expect("it is there");
    let expected = listing(complete.root.path());
    for made in 0..complete.plan().changes().len() {
        let stage = Stage::new();
        let mut plan = stage.start();
        plan.truncate(made);
        plan.apply().expect("nothing is in the way");
        stage.profile.switch(2).expect("it is there");
        assert!(stage.recover().is_some_and(|recovered| recovered.is_finished));
        assert_eq!(listing(stage.root.path()), expected);
    }
}

#[test]
fn what_somebody_else_changed_since_is_left() {
    let stage = Stage::new();
    stage.start().apply().expect("nothing is in the way");
    let name = stage.root.path().join("etc/name");
    std::fs::write(&name, "mine").expect("a file");
    let recovered = stage.recover().expect("a journal");
    assert_eq!(recovered.left, std::slice::from_ref(&name));
    assert_eq!(std::fs::read_to_string(name).expect("a file"), "mine");
}
