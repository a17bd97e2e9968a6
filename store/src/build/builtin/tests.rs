//! What the builders of this program make, and what they refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Request, buildenv, link_tree, write_file};
use crate::build::view::View;
use crate::content_address::FileMethod;
use crate::hash::HashAlgorithm;
use crate::local::{LocalSettings, LocalStore};
use crate::nar::disk::DiskTree;
use crate::nar::writer::everything;
use crate::path::StorePath;
use crate::store::{NewTree, Store as _};

/// A store with packages, and a place for one output.
struct Scratch {
    directory: tempfile::TempDir,
    store: LocalStore,
    packages: BTreeSet<StorePath>,
}

fn scratch() -> Scratch {
    let directory = tempfile::tempdir().unwrap();
    let store = LocalStore::open(LocalSettings::below(directory.path())).unwrap();
    Scratch { directory, store, packages: BTreeSet::new() }
}

impl Scratch {
    /// Adds a package of files and links (`path -> target`), and returns its logical path.
    fn package(&mut self, name: &str, entries: &[&str]) -> String {
        let source = self.directory.path().join("source").join(name);
        for entry in entries {
            let (path, target) = entry.split_once(" -> ").unwrap_or((entry, ""));
            let place = source.join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            if target.is_empty() {
                fs::write(place, name).unwrap();
            } else {
                symlink(target, place).unwrap();
            }
        }
        let added = self.store.add_tree(NewTree {
            name,
            tree: &DiskTree,
            path: &source,
            filter: &mut everything,
            method: FileMethod::Recursive,
            algorithm: HashAlgorithm::Sha256,
            references: BTreeSet::new(),
        });
        let path = added.unwrap();
        let text = self.store.directory().display(&path);
        self.packages.insert(path);
        text
    }

    fn out(&self) -> PathBuf {
        self.directory.path().join("out")
    }

    /// Calls `check` with a request of these attributes.
    fn with_request<R>(
        &self,
        attributes: &serde_json::Value,
        check: impl FnOnce(&Request<'_>) -> R,
    ) -> R {
        let variables = BTreeMap::new();
        check(&Request {
            variables: &variables,
            structured: attributes.as_object().cloned(),
            outputs: BTreeMap::from([("out".to_owned(), self.out())]),
            view: View { store: &self.store, closure: &self.packages },
        })
    }

    /// Makes a tree of packages, the first one being the most important, and lists what was said.
    fn build_env(&self, packages: &[&str], links_to_host: bool) -> Result<Vec<String>, String> {
        let words = |(index, package): (usize, &&str)| format!("true {} 1 {package}", index + 1);
        let derivations: Vec<String> = packages.iter().enumerate().map(words).collect();
        let mut attributes = json!({ "derivations": derivations.join(" "), "manifest": "" });
        if links_to_host {
            attributes["linksToHost"] = json!("1");
        }
        let mut said = Vec::new();
        self.with_request(&attributes, |request| {
            buildenv::build(request, &mut |line| said.push(line.to_owned()))
        })?;
        Ok(said)
    }

    fn link_tree(&self, entries: &serde_json::Value) -> Result<(), String> {
        self.with_request(&json!({ "entries": entries }), link_tree::build)
    }

    fn names(&self, below: &str) -> Vec<String> {
        let entries = fs::read_dir(self.out().join(below)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn link(&self, path: &str) -> PathBuf {
        fs::read_link(self.out().join(path)).unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn several_packages_become_one_tree() {
    let mut scratch = scratch();
    let a = scratch.package("a", &["bin/x", "bin/y", "share/a"]);
    let b = scratch.package("b", &["bin/y", "bin/z"]);
    assert_eq!(scratch.build_env(&[&a, &b], false).unwrap(), [""; 0]);
    assert_eq!(scratch.names("bin"), ["x", "y", "z"]);
    assert_eq!(scratch.link("bin/y"), Path::new(&a).join("bin/y"));
    assert_eq!(scratch.link("bin/z"), Path::new(&b).join("bin/z"));
    assert_eq!(scratch.link("share"), Path::new(&a).join("share"));
}

#[test]
fn links_to_the_host_are_kept_where_they_are_wanted() {
    let mut scratch = scratch();
    let host = scratch.package("host", &["bin/h -> /host/bin/h", "bin/gone -> nowhere"]);
    let built = scratch.package("built", &["bin/x"]);
    scratch.build_env(&[&host, &built], true).unwrap();
    assert_eq!(scratch.names("bin"), ["h", "x"]);
    assert_eq!(scratch.link("bin/h"), Path::new(&host).join("bin/h"));
}

#[test]
fn links_out_of_the_store_dangle_otherwise() {
    let mut scratch = scratch();
    let host = scratch.package("host", &["bin/h -> /host/bin/h"]);
    let built = scratch.package("built", &["bin/x"]);
    let said = scratch.build_env(&[&host, &built], false).unwrap();
    assert_eq!(scratch.names("bin"), ["x"]);
    assert!(said[0].contains("skipping dangling symlink") && said.len() == 1, "{said:?}");
}

#[test]
fn trees_are_made_of_links_and_texts() {
    let scratch = scratch();
    let entries = json!([
        { "path": "etc/a", "text": "old" },
        { "path": "etc/a", "text": "new", "mode": "0644" },
        { "path": "init", "text": "#!/bin/sh\n", "mode": "0755" },
        { "path": "sw", "target": "/somewhere", "mode": "symlink" },
    ]);
    scratch.link_tree(&entries).unwrap();
    assert_eq!(fs::read_to_string(scratch.out().join("etc/a")).unwrap(), "new");
    assert_eq!(mode(&scratch.out().join("etc/a")), 0o444);
    assert_eq!(mode(&scratch.out().join("init")), 0o555);
    assert_eq!(scratch.link("sw"), Path::new("/somewhere"));
}

#[test]
fn trees_refuse_what_makes_no_sense() {
    for (entries, expected) in [
        (json!([{ "path": "../a", "text": "" }]), "not a path below an output"),
        (json!([{ "path": "a", "text": "" }, { "path": "a/b", "text": "" }]), "lies below"),
        (json!([{ "path": "a" }]), "must have either"),
        (json!([{ "path": "a", "text": "", "mode": "0600" }]), "unknown mode"),
        (json!({}), "must be a list"),
    ] {
        let error = scratch().link_tree(&entries).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_text_becomes_a_file_below_its_output() {
    let scratch = scratch();
    let attributes = json!({ "text": "hi", "destination": "/bin/hi", "executable": "1" });
    scratch.with_request(&attributes, write_file::build).unwrap();
    let place = scratch.out().join("bin/hi");
    assert_eq!(fs::read_to_string(&place).unwrap(), "hi");
    assert_eq!(mode(&place), 0o555);
}
