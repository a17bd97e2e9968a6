//! Names of packages, of the library, of local sets and of builtins.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eval::inspect::{Base, FunctionParameter, Inspected, Lookup, ValueKind};
use eval::option_tree::Place;
use eval::source::{EMBEDDED, HOST, SourcePath};
use eval::system::MemorySystem;

use super::super::{Knowledge, NavigationTarget, Values};
use super::{completion, fixture, goto_definition, hover, signature_help, tree};

/// A small package set and library; it notes what it was asked for in vain.
#[derive(Default)]
struct World {
    known: BTreeMap<Lookup, Arc<Inspected>>,
    missed: RefCell<BTreeSet<Lookup>>,
}

impl Values for World {
    fn get(&self, lookup: &Lookup) -> Option<Arc<Inspected>> {
        if matches!(lookup.base, Base::Expression(_)) {
            // Here the text is all there is.
            return Some(Arc::default());
        }
        let found = self.known.get(lookup).cloned();
        if found.is_none() {
            self.missed.borrow_mut().insert(lookup.clone());
        }
        found
    }
}

fn lookup(base: Base, path: &str) -> Lookup {
    let path = path.split('.').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    Lookup { base, path }
}

fn world() -> World {
    let set = |names: &[&str]| Inspected {
        kind: ValueKind::Set,
        names: names.iter().map(|it| (*it).to_owned()).collect(),
        ..Inspected::default()
    };
    let place = |file: &str| Some(Place { file: file.to_owned(), line: Some(7), column: None });
    let hello = Inspected {
        kind: ValueKind::Package,
        version: Some("2.12".to_owned()),
        description: Some("Says hello".to_owned()),
        place: place("«nivis»/pkgs/hello.nix"),
        ..Inspected::default()
    };
    let optional = Inspected {
        kind: ValueKind::Function,
        parameters: ["cond", "string"].map(|it| FunctionParameter::Plain(it.to_owned())).into(),
        documentation: Some("The string, or none.".to_owned()),
        place: place("/lib/strings.nix"),
        ..Inspected::default()
    };
    let known = [
        (lookup(Base::Packages, ""), set(&["hello", "lib", "python3Packages"])),
        (lookup(Base::Packages, "hello"), hello),
        (lookup(Base::Packages, "python3Packages"), set(&["numpy", "3to2"])),
        (lookup(Base::Packages, "lib"), set(&["optionalString", "strings"])),
        (lookup(Base::Library, ""), set(&["optionalString", "strings"])),
        (lookup(Base::Library, "strings"), set(&["splitString"])),
        (lookup(Base::Library, "optionalString"), optional),
    ];
    let known = known.into_iter().map(|(lookup, found)| (lookup, Arc::new(found))).collect();
    World { known, ..World::default() }
}

/// A host with a few files.
fn system() -> MemorySystem {
    let mut system = MemorySystem::default();
    for (path, text) in [
        ("/etc/nixos/hardware.nix", "{ ... }: { }"),
        ("/etc/nixos/users/alice.nix", "{ name = \"alice\"; inherit (x) uid; }"),
        ("/etc/nixos/tool.nix", "{ stdenv, fetchurl, withDocs ? true }: stdenv.mkDerivation { }"),
        ("/etc/nixos/make.nix", "{ a }: rec { result = 1; other.deep = 2; }"),
        ("/etc/nixos/loop.nix", "import ./loop.nix"),
    ] {
        system.files.insert(path.into(), text.into());
    }
    system
}

/// Returns what completes, builtins, keywords and names without a sort of their own left out.
fn complete(text: &str) -> (Vec<String>, bool) {
    let (world, system, tree, fixture) = (world(), system(), tree(), fixture(text));
    let knowledge = Knowledge {
        options: Some(&tree),
        values: Some(&world),
        system: Some(&system),
        ..Knowledge::default()
    };
    let found = completion::completion(&fixture.db, knowledge, fixture.file, fixture.offset);
    let mut items = found.items;
    items.retain(|it| {
        use completion::CompletionKind as Kind;
        !matches!(it.kind, Kind::Builtin | Kind::Keyword | Kind::Variable | Kind::OptionSet)
    });
    (items.into_iter().map(|it| it.label).collect(), found.is_incomplete)
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(
        complete(text),
        (expected.iter().map(|it| (*it).to_owned()).collect(), false),
        "{text}"
    );
}

#[test]
fn packages_complete_behind_the_dot_and_in_lists() {
    let all = ["hello", "lib", "python3Packages"];
    check("{ pkgs, ... }: { a = pkgs.$0; }", &all);
    check("{ pkgs, ... }: { a = pkgs.hel$0; }", &all);
    check("{ pkgs, ... }: { a = [ pkgs.$0 ]; }", &all);
    check("{ pkgs, ... }: { a = with pkgs; [ $0 ]; }", &all);
    check("{ pkgs, ... }: { a = with pkgs; [ hello $0 ]; }", &all);
    check("{ pkgs, ... }: { a = with pkgs; [ he$0 ]; }", &all);
    check("{ pkgs, ... }: { a = with pkgs; [ $0", &all);
    let python = ["numpy", "\"3to2\""];
    check("{ pkgs, ... }: { a = pkgs.python3Packages.$0; }", &python);
    check("{ pkgs, ... }: { a = with pkgs.python3Packages; [ $0 ]; }", &["numpy", "\"3to2\""]);
    check("let pkgs = import <nixpkgs> { }; in pkgs.$0", &all);
    check("with import <nixpkgs> { }; [ $0 ]", &all);
    check("final: prev: { x = prev.$0; }", &all);
    check("self: { x = self.$0; }", &[]);
    check(
        "{ pkgs }: let inherit (pkgs) python3Packages; in python3Packages.$0",
        &["numpy", "\"3to2\""],
    );
}

#[test]
fn the_library_completes() {
    check("{ lib, ... }: { a = lib.$0; }", &["optionalString", "strings"]);
    check("{ lib, ... }: { a = lib.strings.$0; }", &["splitString"]);
    check("{ lib, ... }: with lib; { a = op$0; }", &["optionalString", "strings"]);
    check("{ pkgs, ... }: let inherit (pkgs) lib; in lib.$0", &["optionalString", "strings"]);
    check("{ pkgs, lib ? pkgs.lib }: lib.strings.$0", &["splitString"]);
    check("{ lib, ... }: { inherit (lib) $0; }", &["optionalString", "strings"]);
    check("{ lib, ... }: let inherit (lib.strings) spl$0; in 1", &["splitString"]);
}

#[test]
fn what_is_not_known_yet_is_said_to_come() {
    assert_eq!(complete("{ pkgs, ... }: { a = pkgs.unknownSet.$0; }"), (Vec::new(), true));
    assert_eq!(complete("{ pkgs, ... }: { a = own.$0; }"), (Vec::new(), false));
}

#[test]
fn local_sets_complete() {
    check("let x = { a = 1; b.c = 2; b.d = 3; inherit e; }; in x.$0", &["a", "b", "e"]);
    check("let x = { a = 1; b.c = 2; b.d = 3; }; in x.b.$0", &["c", "d"]);
    check("let x.y.z = 1; x.w = 2; in x.$0", &["y", "w"]);
    check("rec { x = { a = 1; } // { b = 2; }; y = x.$0; }", &["b", "a"]);
    check("let f = x: { made = x; }; in (f 1).$0", &["made"]);
    check("let x = { a.b = 1; }; y = x; inherit (y) a; in a.$0", &["b"]);
    check("let x = { a = 1; }; in with x; [ $0 ]", &["a"]);
    check("let x = x; in x.$0", &[]);
    check("let a = b; b = a // a; in a.$0", &[]);
    check("x: x.$0", &[]);
}

#[test]
fn other_files_complete() {
    check("(import ./users/alice.nix).$0", &["name", "uid"]);
    check("let x = import ./make.nix { a = 1; }; in x.$0", &["result", "other"]);
    check("let x = import ./make.nix { a = 1; }; in x.other.$0", &["deep"]);
    check("(import ./loop.nix).$0", &[]);
    check("(import ./nowhere.nix).$0", &[]);
    check("{ pkgs }: pkgs.callPackage ./tool.nix { $0 }", &["stdenv", "fetchurl", "withDocs"]);
    check("{ pkgs }: pkgs.callPackage ./tool.nix { stdenv = 1; wi$0 }", &["fetchurl", "withDocs"]);
    check("import ./make.nix { $0 }", &["a"]);
}

#[test]
fn paths_complete() {
    let all = ["hardware.nix", "loop.nix", "make.nix", "tool.nix", "users"];
    check("{ imports = [ ./$0 ]; }", &all);
    check("{ imports = [ ./ha$0 ]; }", &all);
    check("{ imports = [ ./users/$0 ]; }", &["alice.nix"]);
    check("{ imports = [ ../nixos/users/a$0 ]; }", &["alice.nix"]);
    check("{ x = /etc/$0; }", &["nixos"]);
    check("{ x = \"./$0\"; }", &[]);
    check("{ # ./$0\n }", &[]);
    check("{ x = a /$0; }", &["etc"]);
}

fn hovered(text: &str) -> Option<String> {
    let (world, tree, fixture) = (world(), tree(), fixture(text));
    let knowledge =
        Knowledge { options: Some(&tree), values: Some(&world), ..Knowledge::default() };
    let found = hover::hover(&fixture.db, knowledge, fixture.file, fixture.offset);
    found.map(|it| it.markdown)
}

#[test]
fn hover_shows_packages_functions_and_bindings() {
    for text in [
        "{ pkgs }: pkgs.hel$0lo",
        "{ pkgs }: with pkgs; [ hel$0lo ]",
        "{ pkgs }: { inherit (pkgs) hel$0lo; }",
    ] {
        let shown = hovered(text).expect("a package");
        assert!(shown.contains("2.12") && shown.contains("Says hello"), "{shown}");
    }
    let shown = hovered("{ lib }: lib.optionalS$0tring true").expect("a function");
    assert!(shown.contains("optionalString cond string") && shown.contains("or none"), "{shown}");
    let shown = hovered("let x = { a = 42; }; in x.$0a").expect("an attribute");
    assert!(shown.contains("a = 42"), "{shown}");
    let shown = hovered("let x = 42; in $0x").expect("a variable");
    assert!(shown.contains("let binding") && shown.contains("x = 42"), "{shown}");
    let shown = hovered("builtins.ma$0p").expect("a builtin");
    assert!(shown.contains("builtins.map f") || shown.contains("builtins.map "), "{shown}");
    assert!(hovered("builtins.currentSys$0tem").is_some());
    let shown = hovered("toStr$0ing 1").expect("a global builtin");
    assert!(shown.contains("toString"), "{shown}");
    assert_eq!(hovered("let x = 1; in x.$0y"), None);
}

fn target(text: &str) -> Vec<NavigationTarget> {
    let (world, tree, system, fixture) = (world(), tree(), system(), fixture(text));
    let knowledge = Knowledge {
        options: Some(&tree),
        values: Some(&world),
        system: Some(&system),
        ..Knowledge::default()
    };
    goto_definition::goto_definition(&fixture.db, knowledge, fixture.file, fixture.offset)
}

#[test]
fn definitions_are_found_across_files() {
    let file = |root, path: &str, line, column| {
        let path = SourcePath::new(root, path.as_bytes());
        vec![NavigationTarget::File { path, line, column }]
    };
    let hello = file(EMBEDDED, "/pkgs/hello.nix", Some(7), None);
    assert_eq!(target("{ pkgs }: pkgs.hel$0lo"), hello);
    assert_eq!(target("{ pkgs }: with pkgs; [ hel$0lo ]"), hello);
    let function = file(HOST, "/lib/strings.nix", Some(7), None);
    assert_eq!(target("{ lib }: lib.optional$0String"), function);
    let attribute = file(HOST, "/etc/nixos/users/alice.nix", Some(1), Some(3));
    assert_eq!(target("(import ./users/alice.nix).na$0me"), attribute);
    let here = |from: u32, to: u32| {
        vec![NavigationTarget::Here(syntax::TextRange::new(from.into(), to.into()))]
    };
    assert_eq!(target("let x = { abc = 1; }; in x.ab$0c"), here(10, 13));
    assert_eq!(target("let x = { abc = 1; }; in with x; ab$0c"), here(10, 13));
    assert_eq!(target("x: with x; ab$0c"), here(8, 9));
}

fn signature(text: &str) -> Option<(String, u32)> {
    let (world, fixture) = (world(), fixture(text));
    let knowledge = Knowledge { values: Some(&world), ..Knowledge::default() };
    let found =
        signature_help::signature_help(&fixture.db, knowledge, fixture.file, fixture.offset)?;
    Some((found.label, found.active))
}

#[test]
fn signatures_tell_the_parameter_at_the_cursor() {
    let check = |text: &str, expected: Option<(&str, u32)>| {
        let expected = expected.map(|(label, active)| (label.to_owned(), active));
        assert_eq!(signature(text), expected, "{text}");
    };
    check("{ lib }: lib.optionalString $0", Some(("lib.optionalString cond string", 0)));
    check("{ lib }: lib.optionalString true $0", Some(("lib.optionalString cond string", 1)));
    check("{ lib }: lib.optionalString true \"x\" $0", None);
    check("{ lib }: lib.optionalString (a $0) \"x\"", Some(("lib.optionalString cond string", 0)));
    check("{ lib }: { a = lib.optionalString $0; }", Some(("lib.optionalString cond string", 0)));
    check("{ lib }: [ lib.optionalString $0 ]", None);
    check("let f = a: { b, c ? 1 }: a; in f 1 $0", Some(("f a { b, c ? }", 1)));
    let found = signature("builtins.substring 0 $0").expect("a builtin");
    assert!(found.0.starts_with("builtins.substring ") && found.1 == 1, "{found:?}");
    let found = signature("{ x = map (y: y) $0; }").expect("a global builtin");
    assert!(found.0.starts_with("map ") && found.1 == 1, "{found:?}");
    check("{ x = \"map $0\"; }", None);
    check("let map = 1; in map $0", None);
}
