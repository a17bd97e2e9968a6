//! Who may know what: the arrows between the crates, and the names that may cross them.
//!
//! Each rule is a function of text, so that its test shows it failing.
#![expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "the names of the workspace's files are compared as git has them"
)]

use crate::sources::{self, Source};
use std::process::Command;

/// The arrows of ARCHITECTURE.md: a crate, and those it may depend on.
const ARROWS: [(&str, &[&str]); 7] = [
    ("syntax", &[]),
    ("store", &[]),
    ("tests", &[]),
    ("fuzz", &["syntax", "eval", "store"]),
    ("eval", &["syntax", "store"]),
    ("lsp", &["syntax", "eval", "store"]),
    ("nivis", &["syntax", "eval", "store", "lsp"]),
];

/// Third-party crates with an owner: only it may depend on them.
const OWNERS: [(&str, &[&str]); 6] = [
    ("syntax", &["rowan"]),
    ("eval", &["salsa", "include_dir", "toml", "memmap2"]),
    ("fuzz", &["libfuzzer-sys"]),
    (
        "store",
        &[
            "rusqlite",
            "nix",
            "seccompiler",
            "sha2",
            "sha1",
            "md-5",
            "blake3",
            "bzip2",
            "ureq",
            "tar",
            "flate2",
            "liblzma",
            "ruzstd",
            "ring",
            "brotli-decompressor",
            "zip",
            "base64",
        ],
    ),
    ("lsp", &["tower-lsp-server", "tower-service", "lsp-types", "tokio"]),
    (
        "nivis",
        &[
            "clap",
            "clap_complete",
            "clap_mangen",
            "anstream",
            "anstyle",
            "anyhow",
            "ctrlc",
            "jiff",
            "mimalloc",
            "reedline",
        ],
    ),
];

/// Crates with an owner that another may use in its benchmarks: a process's usage of CPU and
/// memory is told by `nix` alone.
const MEASURING: [(&str, &str); 1] = [("nivis", "nix")];

/// Third-party crates that every crate may use.
const SHARED: [&str; 8] = [
    "rustc-hash",
    "memchr",
    "thiserror",
    "serde",
    "serde_json",
    "expect-test",
    "proptest",
    "tempfile",
];

/// Names that the files below a path must not mention, with what to say instead.
const FORBIDDEN: [(&str, &[&str], &str); 6] = [
    ("syntax/src", HOST, "syntax is a function of text"),
    ("eval/src", HOST, "ask `System`"),
    ("lsp/src/ide", &["tower_lsp", "lsp_types", "tokio"], "`ide` answers in plain data"),
    ("lsp/src/ide", HOST, "`ide` is a function of the database"),
    ("syntax/src", &["salsa"], "syntax knows no queries"),
    ("eval/src", STORE_BACKENDS, "eval names the store's formats and `trait Store`"),
];

const HOST: &[&str] = &[
    "std::fs",
    "std::env",
    "std::process",
    "std::net",
    "SystemTime::now",
    "Instant::now",
    "use std::{env",
    "use std::{fs",
];

const STORE_BACKENDS: &[&str] = &[
    "store::local",
    "store::LocalStore",
    "store::sandbox",
    "store::build",
    "store::daemon",
    "store::DaemonStore",
    "store::profile",
    "store::substitute",
];

/// The modules that may hold `unsafe`, each with its own reason at its top.
const UNSAFE: [&str; 3] = ["eval/src/heap", "store/src/sandbox", "store/src/worker"];

/// A dependency, as the manifest of `package` states it.
#[derive(Clone)]
struct Dependency {
    package: String,
    name: String,
    dev: bool,
}

fn dependencies() -> Vec<Dependency> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(sources::top())
        .output()
        .expect("cargo describes the workspace");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let list = |value: &serde_json::Value, key: &str| {
        value[key].as_array().expect("cargo metadata has this list").clone()
    };
    let mut found = Vec::new();
    for package in list(&metadata, "packages") {
        for dependency in list(&package, "dependencies") {
            found.push(Dependency {
                package: package["name"].as_str().expect("a name").to_owned(),
                name: dependency["name"].as_str().expect("a name").to_owned(),
                dev: dependency["kind"] == "dev",
            });
        }
    }
    found
}

/// Says which dependencies break the arrows or the owners.
fn wrong_dependencies(dependencies: &[Dependency]) -> Vec<String> {
    let is_ours = |name: &str| ARROWS.iter().any(|&(package, _)| package == name);
    let mut wrong = Vec::new();
    for Dependency { package, name, dev } in dependencies {
        let allowed = if is_ours(name) {
            let arrows = ARROWS.iter().find(|&&(from, _)| from == package);
            let arrow = arrows.is_some_and(|(_, to)| to.contains(&name.as_str()));
            arrow || (*dev && name == "tests" && package != "tests")
        } else if let Some((owner, _)) =
            OWNERS.iter().find(|(_, crates)| crates.contains(&name.as_str()))
        {
            owner == package || (*dev && MEASURING.contains(&(package.as_str(), name.as_str())))
        } else {
            SHARED.contains(&name.as_str())
        };
        if !allowed {
            wrong.push(format!("{package} must not depend on {name}"));
        }
    }
    wrong
}

/// Says which forbidden names a file mentions in its code.
fn forbidden_names(source: &Source) -> Vec<String> {
    if !is_rust(source) || sources::is_test(&source.path) {
        return Vec::new();
    }
    let code = sources::code_only(sources::without_tests(&source.text));
    let mut wrong = Vec::new();
    for (below, names, reason) in FORBIDDEN {
        let inside =
            source.path.strip_prefix(below).is_some_and(|rest| rest.starts_with(['/', '.']));
        for name in names.iter().filter(|_| inside) {
            if mentions(&code, name) {
                wrong.push(format!("{}: `{name}`: {reason}", source.path));
            }
        }
    }
    wrong
}

/// Says where a file allows itself `unsafe` that it must not have.
fn forbidden_unsafe(source: &Source) -> Option<String> {
    let allowed = UNSAFE.iter().any(|module| source.path.starts_with(module));
    let code = sources::code_only(&source.text);
    let wrong = is_rust(source)
        && !allowed
        && (mentions(&code, "unsafe_code") || mentions(&code, "unsafe"));
    wrong.then(|| format!("{}: `unsafe` belongs in {}", source.path, UNSAFE.join(", ")))
}

/// Says where a file writes to the terminal that only `cli::ui` may write to.
fn forbidden_output(source: &Source) -> Option<String> {
    // A build script speaks to cargo.
    let allowed = source.path == "cli/src/ui.rs"
        || source.path.ends_with("/build.rs") && !source.path.contains("/src/")
        || sources::is_test(&source.path)
        || source.path.starts_with("lsp/src/server");
    let code = sources::code_only(sources::without_tests(&source.text));
    let writes = ["print!", "println!", "eprint!", "eprintln!", "io::stdout", "io::stderr"];
    let found = writes.into_iter().find(|name| mentions(&code, name));
    match found {
        Some(name) if is_rust(source) && !allowed => {
            Some(format!("{}: `{name}`: only `cli::ui` writes to the terminal", source.path))
        }
        _ => None,
    }
}

/// Tells whether `name` stands in `code` as whole words.
fn mentions(code: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(start, _)| {
        !code[..start].ends_with(word) && !code[start + name.len()..].starts_with(word)
    })
}

fn is_rust(source: &Source) -> bool {
    source.path.ends_with(".rs")
}

#[test]
fn dependencies_follow_the_arrows_and_their_owners() {
    let wrong = wrong_dependencies(&dependencies());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_stay_in_their_rooms() {
    let files = sources::all();
    let mut wrong: Vec<String> = files.iter().flat_map(forbidden_names).collect();
    wrong.extend(files.iter().filter_map(forbidden_unsafe));
    wrong.extend(files.iter().filter_map(forbidden_output));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_broken_arrow_is_seen() {
    let broken = |package: &str, name: &str, dev: bool| {
        let dependency = Dependency { package: package.to_owned(), name: name.to_owned(), dev };
        !wrong_dependencies(&[dependency]).is_empty()
    };
    assert!(broken("syntax", "store", false));
    assert!(broken("store", "eval", true));
    assert!(broken("eval", "tests", false));
    assert!(broken("eval", "rusqlite", false));
    assert!(broken("eval", "left-pad", false));
    assert!(broken("nivis", "nix", false));
    assert!(!broken("nivis", "nix", true));
    assert!(!broken("eval", "tests", true));
    assert!(!broken("eval", "salsa", false));
}

#[test]
fn a_name_out_of_its_room_is_seen() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let names = |path: &str, text: &str| forbidden_names(&source(path, text));
    assert_eq!(names("eval/src/import.rs", "use std::fs;\n").len(), 1);
    assert_eq!(names("eval/src/import.rs", "use store::local::LocalStore;\n").len(), 1);
    assert_eq!(names("lsp/src/ide/hover.rs", "fn f() -> lsp_types::Hover {}\n").len(), 1);
    assert_eq!(names("lsp/src/ide.rs", "use tokio::sync;\n").len(), 1);
    assert!(names("lsp/src/server/backend.rs", "use tokio::sync;\n").is_empty());
    assert!(names("eval/src/import.rs", "// std::fs is not for us\n").is_empty());
    assert!(names("eval/src/builtins/tests.rs", "use std::fs;\n").is_empty());

    let unsafe_file = source("eval/src/value.rs", "#![allow(unsafe_code)]\n");
    assert!(forbidden_unsafe(&unsafe_file).is_some());
    assert!(forbidden_unsafe(&source("eval/src/heap/slot.rs", "unsafe {}\n")).is_none());
    assert!(forbidden_output(&source("store/src/gc.rs", "println!(\"\");\n")).is_some());
    assert!(forbidden_output(&source("cli/src/ui.rs", "println!(\"\");\n")).is_none());
}
