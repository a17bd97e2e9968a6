//! What is said of real trees: how many files there are, and how often each thing is told.
//!
//! The trees are named by environment variables. Every kind of finding was looked at, and none
//! says what an evaluation contradicts; the numbers are facts, so that a new one is seen.
//!
//! The reference implementation confirms the errors: it refuses to parse the files with syntax
//! errors, undefined variables and duplicate attributes (a patch and a template that are called
//! `.nix`, a module of nixos-hardware, packages of androidenv that are written twice); enabling
//! drbd makes it say that `environment.etc.drbd.conf` does not exist, and setting `gnu` that
//! `startGnuPGAgent` has been removed; overlays of device trees are paths in 20.09, and sets in
//! today's nixos-hardware.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "it reads real trees, and says what it could not run"
)]

#[path = "findings/disk.rs"]
mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eval::db::{self, Database, File};
use eval::option_tree::{self, Configuration, OptionNode, OptionTree};
use eval::source::{HOST, SourcePath};

use eval::interpret::on_large_stack;
use eval::module_bindings::is_module;
use eval::settings::Settings;
use expect_test::{Expect, expect};
use store::{MemoryStore, StoreDirectory};

use disk::Disk;

/// Returns the Nix files below a directory, sorted.
fn nix_files(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type());
            match kind {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() && path.extension().is_some_and(|it| it == "nix") => {
                    files.push(path);
                }
                _ => {}
            }
        }
    }
    files.sort();
    files
}

#[derive(Default)]
struct Findings {
    files: usize,
    by_code: BTreeMap<&'static str, Vec<String>>,
}

impl Findings {
    fn add(&mut self, path: &Path, text: &[u8], found: &[eval::diagnostic::Diagnostic]) {
        let lines = syntax::LineIndex::new(text);
        for it in found {
            let line = lines.line(it.range.start()) + 1;
            let shown = format!("{}:{line}: {}", path.display(), it.message);
            self.by_code.entry(it.code).or_default().push(shown);
        }
    }

    fn show(&self) -> String {
        let mut text = format!("files: {}\n", self.files);
        for (code, found) in &self.by_code {
            let _ = writeln!(text, "{code}: {}", found.len());
        }
        text
    }
}

/// Says what was found where, if a file is named for that.
fn record(name: &str, findings: &Findings) {
    let Some(folder) = std::env::var_os("NIVIS_FINDINGS") else { return };
    let lines: Vec<String> = findings
        .by_code
        .iter()
        .flat_map(|(code, found)| found.iter().map(move |it| format!("{code} {it}")))
        .collect();
    let path = Path::new(&folder).join(name);
    std::fs::write(path, lines.join("\n")).expect("the findings can be written");
}

fn of_text(root: &Path) -> Findings {
    let mut findings = Findings::default();
    for path in nix_files(root) {
        let text = std::fs::read(&path).expect("the file can be read");
        findings.files += 1;
        let db = Database::default();
        let place = SourcePath::new(HOST, path.as_os_str().as_encoded_bytes());
        let file = File::new(&db, place, Arc::from(text.as_slice()));
        findings.add(&path, &text, db::diagnostics(&db, file));
    }
    findings
}

/// Evaluates a module system with `<nixpkgs>` in that place.
fn options(nixpkgs: &Path, configuration: &Configuration) -> OptionTree {
    let store = MemoryStore::new(StoreDirectory::default());
    let place = nixpkgs.as_os_str().as_encoded_bytes().to_vec();
    let search_path = vec![(b"nixpkgs".to_vec(), place)];
    let settings = Settings { search_path, ..Settings::default() };
    on_large_stack(|| option_tree::of_system(&Disk, &store, &settings, configuration))
        .expect("the options evaluate")
}

/// Returns the files that declare options: the module system itself says that they are modules.
fn declaring_files(node: &OptionNode, files: &mut BTreeSet<PathBuf>) {
    if let Some(option) = &node.option {
        for place in &option.declarations {
            let path = PathBuf::from(&place.file);
            let inner = path.join("default.nix");
            files.insert(if inner.is_file() { inner } else { path });
        }
    }
    node.children.values().for_each(|child| declaring_files(child, files));
}

/// Checks the definitions in all modules that declare options below a directory.
fn of_modules(root: &Path, tree: &OptionTree) -> Findings {
    let mut files = BTreeSet::new();
    declaring_files(&tree.root, &mut files);
    let mut findings = Findings::default();
    for path in files.iter().filter(|path| path.starts_with(root)) {
        let Ok(text) = std::fs::read(path) else { continue };
        if !is_module(&text) {
            continue;
        }
        findings.files += 1;
        let (parsed, _) = syntax::parse_flat(&text, db::PARSE_OPTIONS);
        findings.add(path, &text, &option_tree::check(&parsed, tree, &[], &[]));
    }
    findings
}

/// Returns the tree that a variable names; without it says what is not run.
fn tree(variable: &str, what: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        eprintln!("not run: {what} ({variable})");
    }
    found
}

#[test]
fn definitions_in_nixpkgs() {
    let Some(nixpkgs) = tree("NIVIS_NIXPKGS", "definitions in the modules of nixpkgs") else {
        return;
    };
    let options = options(&nixpkgs, &Configuration::Library);
    let findings = of_modules(&nixpkgs, &options);
    record("definitions-nixpkgs", &findings);
    expect![[r"
        files: 1046
        removed-option: 1
        unknown-option: 1
    "]]
    .assert_eq(&findings.show());
}

#[test]
fn definitions_in_hardware() {
    let what = "definitions in the modules of nixos-hardware";
    let (Some(nixpkgs), Some(hardware)) =
        (tree("NIVIS_NIXPKGS", what), tree("NIVIS_HARDWARE", what))
    else {
        return;
    };
    let options = options(&nixpkgs, &Configuration::Library);
    let mut findings = Findings::default();
    for path in nix_files(&hardware) {
        let text = std::fs::read(&path).expect("the file can be read");
        if is_module(&text) && !path.ends_with("flake.nix") {
            findings.files += 1;
            let (parsed, _) = syntax::parse_flat(&text, db::PARSE_OPTIONS);
            let mut found = option_tree::check(&parsed, &options, &[], &[]);
            // Its modules are for a newer nixpkgs, and declare options of their own.
            found.retain(|it| it.code != "unknown-option");
            findings.add(&path, &text, &found);
        }
    }
    record("definitions-hardware", &findings);
    expect![[r"
        files: 628
        option-type: 19
    "]]
    .assert_eq(&findings.show());
}

/// A package set for home-manager's modules, which want a newer one than any tree here: today's
/// library over the packages of 20.09, and in place of the formats what takes anything.
const NEWER: &str = r"args: let lib = import ./lib; in import <nixpkgs> { } // {
  inherit lib;
  path = ./.;
  formats = lib.genAttrs [
    'gitIni' 'ini' 'iniWithGlobalSection' 'javaProperties' 'json' 'keyValue' 'libconfig' 'lua'
    'toml' 'xml' 'yaml'
  ] (_: _: {
    type = lib.types.attrsOf lib.types.anything;
    generate = _: _: null;
    lib.types.atom = lib.types.anything;
  });
}";

/// Lays a tree out as home-manager expects nixpkgs to be.
fn newer_nixpkgs(nixpkgs: &Path, library: &Path) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("newer-nixpkgs");
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir_all(&place).expect("a directory can be made");
    let link = |target: PathBuf, name: &str| {
        std::os::unix::fs::symlink(target, place.join(name)).expect("a link can be made");
    };
    link(library.join("lib"), "lib");
    link(nixpkgs.join("nixos"), "nixos");
    let text = NEWER.replace('\'', "\"");
    std::fs::write(place.join("default.nix"), text).expect("a file can be written");
    place
}

#[test]
fn definitions_in_home_manager() {
    let what = "definitions in the modules of home-manager";
    let (Some(nixpkgs), Some(library), Some(home)) = (
        tree("NIVIS_NIXPKGS", what),
        tree("NIVIS_NIXPKGS_LIB", what),
        tree("NIVIS_HOME_MANAGER", what),
    ) else {
        return;
    };
    let newer = newer_nixpkgs(&nixpkgs, &library);
    let text = format!(
        "let pkgs = import {} {{ }}; in import {}/modules {{ inherit pkgs; inherit (pkgs) lib; \
         check = false; configuration.home = {{ username = \"tea\"; \
         homeDirectory = \"/home/tea\"; stateVersion = \"24.05\"; }}; }}",
        newer.display(),
        home.display(),
    );
    let directory = SourcePath::new(HOST, b"/");
    let configuration = Configuration::Expression { directory, texts: vec![text] };
    let options = options(&nixpkgs, &configuration);
    let findings = of_modules(&home, &options);
    record("definitions-home-manager", &findings);
    expect![[r"
        files: 678
    "]]
    .assert_eq(&findings.show());
}

fn check_texts(variable: &str, expected: &Expect) {
    let Some(root) = tree(variable, "what is said of all texts of a tree") else { return };
    let findings = of_text(&root);
    record(variable, &findings);
    expected.assert_eq(&findings.show());
}

#[test]
fn texts_of_nixpkgs() {
    check_texts(
        "NIVIS_NIXPKGS",
        &expect![[r"
        files: 18384
        duplicate-attr: 40
        empty-inherit: 4
        empty-let: 2
        redundant-parens: 811
        syntax-error: 25
        undefined-variable: 1
        unused-binding: 119
        unused-formal: 1373
        unused-rec: 562
        unused-with: 1139
        url-literal: 23
    "]],
    );
}

#[test]
fn texts_of_the_library() {
    check_texts(
        "NIVIS_NIXPKGS_LIB",
        &expect![[r"
        files: 286
        unused-binding: 8
        unused-formal: 31
        unused-rec: 1
    "]],
    );
}

#[test]
fn texts_of_home_manager() {
    check_texts(
        "NIVIS_HOME_MANAGER",
        &expect![[r"
        files: 3496
    "]],
    );
}

#[test]
fn texts_of_hardware() {
    check_texts(
        "NIVIS_HARDWARE",
        &expect![[r"
        files: 742
        redundant-parens: 1
        undefined-variable: 1
        unused-formal: 8
        unused-rec: 13
        unused-with: 3
    "]],
    );
}
