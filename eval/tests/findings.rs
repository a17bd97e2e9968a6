//! What is said of real trees: how many files there are, and how often each thing is told.
//!
//! The trees are named by environment variables. Every kind of finding was looked at, and none
//! says what an evaluation contradicts; the numbers are facts, so that a new one is seen.

#![allow(clippy::print_stderr, reason = "tests say what they could not run")]

#[path = "findings/disk.rs"]
mod disk;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eval::db::{self, Database, File};
use eval::option_tree::{self, Configuration, OptionTree};
use eval::source::{HOST, SourcePath};

use eval::interpret::on_large_stack;
use eval::module_bindings::is_module;
use eval::settings::Settings;
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

fn library_options(nixpkgs: &Path) -> OptionTree {
    let store = MemoryStore::new(StoreDirectory::default());
    let place = nixpkgs.as_os_str().as_encoded_bytes().to_vec();
    let search_path = vec![(b"nixpkgs".to_vec(), place)];
    let settings = Settings { search_path, ..Settings::default() };
    on_large_stack(|| option_tree::of_system(&Disk, &store, &settings, &Configuration::Library))
        .expect("the options evaluate")
}

#[test]
fn modules_of_nixpkgs() {
    let Some(nixpkgs) = std::env::var_os("NIVIS_NIXPKGS").map(PathBuf::from) else {
        eprintln!("not run: what is said of nixpkgs (NIVIS_NIXPKGS)");
        return;
    };
    let before = std::time::Instant::now();
    let options = library_options(&nixpkgs);
    eprintln!("{} options {:?}", options.len(), before.elapsed());
    let mut findings = Findings::default();
    for path in nix_files(&nixpkgs.join("nixos/modules")) {
        let text = std::fs::read(&path).expect("the file can be read");
        if !is_module(&text) {
            continue;
        }
        findings.files += 1;
        let (tree, _) = syntax::parse_flat(&text, db::PARSE_OPTIONS);
        findings.add(&path, &text, &option_tree::check(&tree, &options, &[], &[]));
    }
    record("nixpkgs-options", &findings);
    eprintln!("{}", findings.show());
}

#[test]
fn texts() {
    for variable in ["NIVIS_NIXPKGS", "NIVIS_NIXPKGS_LIB", "NIVIS_HOME_MANAGER", "NIVIS_HARDWARE"] {
        let Some(tree) = std::env::var_os(variable).map(PathBuf::from) else {
            eprintln!("not run: what is said of a tree ({variable})");
            continue;
        };
        let findings = of_text(&tree);
        record(variable, &findings);
        eprintln!("{variable}\n{}", findings.show());
    }
}
