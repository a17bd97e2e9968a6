//! Errors of module systems are marked at the definition that is meant, of whichever read alike.
//!
//! Each case has definitions that read the same, and one of them is at fault; `§` stands before
//! each place that is to be marked. The library is the embedded one, and those of the trees that
//! environment variables name.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "it reads real trees, and says what it could not run"
)]

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use eval::heap::Heap;
use eval::interpret::{Eval, on_large_stack};
use eval::module_check;
use eval::report::Report;
use eval::settings::Settings;
use eval::source::{HOST, Origin, SourcePath};
use eval::system::MemorySystem;
use store::{MemoryStore, StoreDirectory};

/// The options that the cases define.
const OPTIONS: &str = "{ lib, ... }: with lib; {
  options = {
    number = mkOption { type = types.int; };
    text = mkOption { type = types.str; };
    numbers = mkOption { type = types.listOf types.int; };
    sets = mkOption {
      type = types.attrsOf (types.submodule { options.value = mkOption { type = types.int; }; });
    };
    fixed = mkOption { type = types.int; readOnly = true; };
    deep.er.number = mkOption { type = types.int; };
  };
}";

/// What is wrong, the file `main.nix`, and what the library is asked for.
const CASES: &[(&str, &str, &str)] = &[
    (
        "of two equal definitions the one whose condition holds",
        "{ lib, ... }: { config = lib.mkMerge [ (lib.mkIf false { number = \"x\"; })
            (lib.mkIf true { number = §\"x\"; }) ]; }",
        "number",
    ),
    (
        "of two branches the one that counts",
        "{ lib, ... }: let c = false; in { config = lib.mkMerge [
            { number = lib.mkIf c \"x\"; } { number = lib.mkIf (!c) §\"x\"; } ]; }",
        "number",
    ),
    (
        "of two modules in a list the one with the higher priority",
        "{ lib, ... }: { imports = [ { number = lib.mkDefault \"x\"; } { number = §\"x\"; } ]; }",
        "number",
    ),
    (
        "an element of the list that counts",
        "{ lib, ... }: { numbers = lib.mkMerge [ (lib.mkIf false [ 1 \"x\" ]) [ 1 §\"x\" ] ]; }",
        "numbers",
    ),
    (
        "a variable where it defines",
        "{ lib, ... }: let bad = \"x\"; in {
            imports = [ { number = lib.mkDefault bad; } ]; number = §bad; }",
        "number",
    ),
    (
        "two values that contradict each other, beside one that does not count",
        "{ lib, ... }: { config = lib.mkMerge [ { text = lib.mkDefault \"b\"; }
            { text = §\"a\"; } { text = §\"b\"; } ]; }",
        "text",
    ),
    (
        "inside of a submodule",
        "{ lib, ... }: { sets = lib.mkMerge [ { k.value = lib.mkDefault \"x\"; }
            { k = { value = §\"x\"; }; } ]; }",
        "sets",
    ),
    (
        "a name that nobody declares",
        "{ lib, ... }: { config = lib.mkMerge [ (lib.optionalAttrs false { nobody = 1; })
            { §nobody = 1; } ]; }",
        "number",
    ),
    (
        "a name that nobody declares, under a condition",
        "{ lib, ... }: { config = lib.mkMerge [ (lib.optionalAttrs false { nobody = 1; })
            (lib.mkIf true { §nobody = 1; }) ]; }",
        "number",
    ),
    (
        "a name that nobody declares, in a path",
        "{ lib, ... }: { imports = [ (lib.optionalAttrs false { deep.er.nobody = 1; })
            { deep.er = { §nobody.at.all = 1; }; } ]; }",
        "deep.er.number",
    ),
    (
        "the right side of an update",
        "{ ... }: { number = \"x\"; } // { number = §\"x\"; }",
        "number",
    ),
    (
        "what a function is given",
        "{ lib, ... }: let make = number: { inherit §number; }; in {
            imports = [ (lib.mkIf false (make \"x\")) (make \"x\") ]; }",
        "number",
    ),
    (
        "what is inherited",
        "{ lib, ... }: let number = \"x\"; in { config = lib.mkMerge [
            (lib.mkIf false { inherit number; }) { inherit §number; } ]; }",
        "number",
    ),
    (
        "what a function makes for each name",
        "{ lib, ... }: let each = names: lib.genAttrs names; in { sets = lib.mkMerge [
            (each [ ] (name: { value = \"x\"; }))
            (each [ \"a\" ] (name: { value = §\"x\"; })) ]; }",
        "sets",
    ),
    (
        "the branch that is taken",
        "{ lib, ... }: { config = if builtins.length [ ] == 1 then { number = \"x\"; }
            else { number = §\"x\"; }; }",
        "number",
    ),
    (
        "of two that are forced the stronger one",
        "{ lib, ... }: { config = lib.mkMerge [ { number = lib.mkOverride 60 \"x\"; }
            { number = lib.mkForce §\"x\"; } ]; }",
        "number",
    ),
    (
        "both definitions of what may be defined once",
        "{ lib, ... }: { config = lib.mkMerge [ { fixed = §1; } { text = \"1\"; }
            { fixed = §1; } ]; }",
        "fixed",
    ),
    (
        "a list that comes later",
        "{ lib, ... }: { numbers = lib.mkMerge [ (lib.mkIf false [ \"x\" ])
            (lib.mkAfter [ §\"x\" ]) [ 1 ] ]; }",
        "numbers",
    ),
    (
        "a definition that is split at the option itself",
        "{ lib, ... }: { deep.er = lib.mkIf true {
            number = lib.mkMerge [ (lib.mkDefault \"x\") §\"x\" ]; }; }",
        "deep.er.number",
    ),
    (
        "a computed name",
        "{ lib, ... }: { config = lib.mkMerge [ (lib.mkIf false { number = 1 + 1; })
            { ${\"num\" + \"ber\"} = §\"x\" + \"y\"; } ]; }",
        "number",
    ),
    (
        "a path and a set of the same option",
        "{ lib, ... }: { imports = [ { deep.er.number = lib.mkDefault \"x\"; }
            { deep = { er = { number = §\"x\"; }; }; } ]; }",
        "deep.er.number",
    ),
];

/// Returns the files of a library: those below `lib` of a tree.
fn library(tree: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![tree.join("lib")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let (Ok(name), Ok(text)) = (path.strip_prefix(tree), std::fs::read(&path)) {
                files.insert([b"/nixpkgs/", name.as_os_str().as_bytes()].concat(), text);
            }
        }
    }
    files
}

/// Returns the text without its marks, and the lines and columns of these.
fn unmarked(text: &str) -> (String, Vec<(u32, u32)>) {
    let (mut plain, mut marks) = (String::new(), Vec::new());
    let (mut line, mut column) = (1, 1);
    for character in text.chars() {
        match character {
            '§' => marks.push((line, column)),
            '\n' => {
                plain.push('\n');
                (line, column) = (line + 1, 1);
            }
            _ => {
                plain.push(character);
                column += 1;
            }
        }
    }
    (plain, marks)
}

/// Returns the reports of the errors that an option of `main.nix` comes to.
fn reports(files: &BTreeMap<Vec<u8>, Vec<u8>>, text: &str, option: &str) -> Vec<Report> {
    let mut system = MemorySystem { files: files.clone(), ..MemorySystem::default() };
    system.files.insert(b"/etc/options.nix".to_vec(), OPTIONS.into());
    system.files.insert(b"/etc/main.nix".to_vec(), text.into());
    let mut settings = Settings { embedded_fallback: true, ..Settings::default() };
    if !files.is_empty() {
        settings.search_path = vec![(b"nixpkgs".to_vec(), b"/nixpkgs".to_vec())];
    }
    let store = MemoryStore::new(StoreDirectory::default());
    let root =
        "(import <nixpkgs/lib>).evalModules { modules = [ /etc/main.nix /etc/options.nix ]; }";
    let root = format!("builtins.deepSeq ({root}).config.{option} null");
    let heap = Heap::new();
    let mut eval = Eval::observing(&heap, &system, &store, &settings);
    let origin = Origin::String(SourcePath::new(HOST, b"/etc"));
    let Err(error) = eval.evaluate(origin, root.as_bytes()) else { return Vec::new() };
    match module_check::reports_of_selected(&mut eval, &error, false) {
        Ok(Some(reports)) => reports,
        _ => vec![eval::blame::report(&mut eval, &error)],
    }
}

/// Returns the places in `main.nix` that a report marks.
fn places(report: &Report) -> Vec<(u32, u32)> {
    let places = report.place.iter().chain(report.labels.iter().map(|label| &label.place));
    let own = places.filter(|place| place.file == "/etc/main.nix");
    let mut places: Vec<_> = own.map(|place| (place.line, place.column)).collect();
    places.sort_unstable();
    places
}

/// Errors that have nothing to do with each other, each marked.
const SEVERAL: &str = "{ config, lib, ... }: {
  imports = [ (lib.optionalAttrs false { nobody.here = 1; }) ({ lib, ... }: {
    config = lib.mkIf (config.text == \"t\") { number = §\"x\"; };
  }) ];
  text = \"t\";
  §nobody.knows = 1;
  deep.er = lib.mkIf true { §nothing = 1; number = lib.mkMerge [ (lib.mkDefault \"x\") §\"x\" ]; };
  numbers = [ 1 §\"x\" ];
  sets.a = { value = §\"x\"; §other = 2; };
}";

/// Checks that all errors of a system are told at once.
fn check_several(name: &str, files: &BTreeMap<Vec<u8>, Vec<u8>>) {
    let (plain, expected) = unmarked(SEVERAL);
    let reports = on_large_stack(|| reports(files, &plain, "number"));
    let mut found: Vec<_> = reports.iter().flat_map(places).collect();
    found.sort_unstable();
    let shown: Vec<_> = reports.iter().map(|report| report.to_text(false)).collect();
    assert_eq!(found, expected, "{name}\n{}", shown.join("\n\n"));
}

/// Checks all cases with a library; none is the embedded one.
fn check(name: &str, tree: Option<PathBuf>) {
    let files = tree.map(|tree| library(&tree)).unwrap_or_default();
    let mut wrong = Vec::new();
    for (what, text, option) in CASES {
        let (plain, expected) = unmarked(text);
        let reports = on_large_stack(|| reports(&files, &plain, option));
        let found = reports.first().map(places).unwrap_or_default();
        if found != expected {
            let shown = reports.first().map(|report| report.to_text(false)).unwrap_or_default();
            wrong.push(format!("{what}: {found:?} instead of {expected:?}\n{shown}"));
        }
    }
    let right = CASES.len() - wrong.len();
    assert!(wrong.is_empty(), "{name}: {right} of {}\n{}", CASES.len(), wrong.join("\n\n"));
    check_several(name, &files);
}

fn check_named(variable: &str) {
    match std::env::var_os(variable) {
        Some(tree) => check(variable, Some(tree.into())),
        None => eprintln!("not run: definitions with another library: {variable} names no tree"),
    }
}

#[test]
fn definitions_are_found_with_the_embedded_library() {
    check("embedded", None);
}

#[test]
fn definitions_are_found_with_nixpkgs() {
    check_named("NIVIS_NIXPKGS");
}

#[test]
fn definitions_are_found_with_an_old_nixpkgs() {
    check_named("NIVIS_NIXPKGS_OLD");
}

#[test]
fn definitions_are_found_with_the_newest_library() {
    check_named("NIVIS_NIXPKGS_LIB");
}
