//! `check`s for the features: a text with `$0`, a hand-made option tree, an answer.

use std::sync::Arc;

use eval::db::{Database, File};
use eval::option_tree::{OptionInfo, OptionNode, OptionTree, Place, Step, SubTree};
use eval::source::{HOST, SourcePath};
use syntax::TextSize;

use super::cursor::{Cursor, Part, cursor};
use super::{
    Knowledge, NavigationTarget, completion, document_symbols, folding, goto_definition,
    goto_implementation, hover, references, rename, selection, signature_help,
};

mod structure;
mod values;
mod workspace;

fn leaf(ty: &str, description: &str) -> OptionNode {
    let option = OptionInfo {
        type_name: ty.to_owned(),
        type_description: ty.to_owned(),
        description: Some(description.to_owned()),
        declarations: vec![Place {
            file: "/modules/nginx.nix".to_owned(),
            line: Some(7),
            column: Some(3),
        }],
        ..OptionInfo::default()
    };
    OptionNode { option: Some(Box::new(option)), ..OptionNode::default() }
}

fn set(children: Vec<(&str, OptionNode)>) -> OptionNode {
    let children = children.into_iter().map(|(name, node)| (name.to_owned(), node)).collect();
    OptionNode { children, ..OptionNode::default() }
}

fn with_sub(ty: &str, step: Step, node: OptionNode) -> OptionNode {
    let sub = Some(SubTree { step, node });
    let option = OptionInfo { type_name: ty.to_owned(), sub, ..OptionInfo::default() };
    OptionNode { option: Some(Box::new(option)), ..OptionNode::default() }
}

fn tree() -> OptionTree {
    let location = set(vec![("proxyPass", leaf("str", "Where to send requests."))]);
    let host = set(vec![
        ("root", leaf("path", "The folder of files.")),
        ("locations", with_sub("attrsOf", Step::Named, location)),
    ]);
    let mut level = leaf("enum", "How much to log.");
    if let Some(option) = &mut level.option {
        option.values = vec!["\"info\"".to_owned(), "\"debug\"".to_owned()];
    }
    let mut enable = leaf("bool", "Whether to run nginx.");
    if let Some(option) = &mut enable.option {
        option.values = vec!["true".to_owned(), "false".to_owned()];
    }
    let nginx = set(vec![
        ("enable", enable),
        ("logLevel", level),
        ("virtualHosts", with_sub("attrsOf", Step::Named, host)),
    ]);
    let swap = with_sub("listOf", Step::Element, set(vec![("device", leaf("str", "The disk."))]));
    let services =
        set(vec![("nginx", nginx), ("openssh", set(vec![("enable", leaf("bool", ""))]))]);
    OptionTree { root: set(vec![("services", services), ("swapDevices", swap)]) }
}

struct Fixture {
    db: Database,
    file: File,
    offset: TextSize,
}

fn fixture(text: &str) -> Fixture {
    let at = text.find("$0").expect("the text has a $0");
    let text = text.replacen("$0", "", 1);
    let db = Database::default();
    let path = SourcePath::new(HOST, b"/etc/nixos/configuration.nix");
    let file = File::new(&db, path, Arc::from(text.into_bytes()));
    Fixture { db, file, offset: TextSize::from(at as u32) }
}

fn labels(text: &str) -> Vec<String> {
    let fixture = fixture(text);
    let tree = tree();
    let knowledge = Knowledge { options: Some(&tree), ..Knowledge::default() };
    let found = completion::completion(&fixture.db, knowledge, fixture.file, fixture.offset);
    found.items.into_iter().map(|item| item.label).collect()
}

/// Checks that exactly these options complete, keywords aside.
fn check_options(text: &str, expected: &[&str]) {
    let mut found = labels(text);
    found.retain(|label| !["config", "imports", "options"].contains(&label.as_str()));
    assert_eq!(found, expected, "{text}");
}

#[test]
fn option_names_complete_in_every_shape() {
    let all = ["enable", "logLevel", "virtualHosts"];
    check_options("{ ... }: { services.ngi$0 }", &["nginx", "openssh"]);
    check_options("{ ... }: { $0 }", &["services", "swapDevices"]);
    check_options("{ services.nginx.$0 }", &all);
    check_options("{ services = { nginx.ena$0 }; }", &all);
    check_options("{ config = { services.nginx = { $0 }; }; }", &all);
    check_options("{ lib, ... }: { services.nginx = lib.mkIf true { ena$0", &all);
    check_options("{ lib, ... }: { config = lib.mkMerge [ { services.nginx = { $0 }; } ]; }", &all);
    check_options("let x = 1; in { services.nginx = { a = 1; $0\n b = 2; }; }", &all);
    check_options("{ services.nginx = { } // { $0 }; }", &all);
    check_options("{ services = with x; { nginx.$0 = 1; }; }", &all);
}

#[test]
fn submodules_are_entered() {
    check_options(
        "{ services.nginx.virtualHosts.\"x\" = {\n    $0\n  };\n}",
        &["locations", "root"],
    );
    check_options("{ services.nginx.virtualHosts.$0 }", &[]);
    check_options("{ services.nginx.virtualHosts.x.locations.\"/\".$0 }", &["proxyPass"]);
    check_options(
        "{ services.nginx.virtualHosts = { x = { locations.a = { $0 }; }; }; }",
        &["proxyPass"],
    );
    check_options("{ swapDevices = [ { $0 } ]; }", &["device"]);
}

#[test]
fn half_typed_files_still_know_where_the_cursor_is() {
    check_options("{ ... }:\n{\n  services.ngi$0\n}\n", &["nginx", "openssh"]);
    check_options(
        "{ ... }:\n{\n  services.ngi$0\n  time.timeZone = \"x\";\n}",
        &["nginx", "openssh"],
    );
    check_options("{ ... }:\n{\n  services.$0\n  time.timeZone = \"x\";\n}", &["nginx", "openssh"]);
    check_options("{ services.nginx = {\n    $0", &["enable", "logLevel", "virtualHosts"]);
    check_options(
        "{ services.nginx = {\n  enable = ;\n  $0\n}; }",
        &["enable", "logLevel", "virtualHosts"],
    );
}

#[test]
fn values_of_enumerations_and_booleans_complete() {
    assert!(
        labels("{ services.nginx.enable = $0; }").starts_with(&["true".into(), "false".into()])
    );
    let found = labels("{ services.nginx.logLevel = $0; }");
    assert!(found.starts_with(&["\"info\"".into(), "\"debug\"".into()]), "{found:?}");
    check_options("{ services.nginx.logLevel = \"in$0\"; }", &["\"info\"", "\"debug\""]);
    check_options("{ services.nginx.logLevel = \"$0\n  other = 1;\n}", &["\"info\"", "\"debug\""]);
    check_options("{ services.nginx.logLevel = \"${x}$0\"; }", &[]);
}

#[test]
fn config_and_builtins_complete_behind_the_dot() {
    check_options(
        "{ config, ... }: { x = config.services.nginx.$0; }",
        &["enable", "logLevel", "virtualHosts"],
    );
    check_options(
        "{ config, ... }: let cfg = config.services; web = cfg; in { x = cfg.nginx.$0; }",
        &["enable", "logLevel", "virtualHosts"],
    );
    check_options("{ config, ... }: let cfg = other.services; in { x = cfg.nginx.$0; }", &[]);
    assert!(labels("{ x = builtins.$0; }").contains(&"bitAnd".to_owned()));
}

#[test]
fn no_options_in_strings_comments_and_packages() {
    check_options("{ a = \"services.$0\"; }", &[]);
    check_options("{ # services.$0\n }", &[]);
    check_options("{ /* $0 */ }", &[]);
    assert_eq!(
        cursor_of("{ stdenv }: stdenv.mkDerivation { na$0 }"),
        Cursor::Other,
        "the argument of an unknown function is no module"
    );
}

fn cursor_of(text: &str) -> Cursor {
    let fixture = fixture(text);
    let source = fixture.file.text(&fixture.db);
    let (tree, _) = syntax::parse_flat(source, syntax::Options::default());
    cursor(&tree, fixture.offset)
}

#[test]
fn the_cursor_knows_the_whole_name() {
    let Cursor::OptionName { path, name, .. } = cursor_of("{ services.ngi$0nx.enable = true; }")
    else {
        panic!("an option name")
    };
    assert_eq!((path, name.as_str()), (vec![Part::Name("services".into())], "nginx"));
}

#[test]
fn hover_shows_an_option() {
    let tree = tree();
    let knowledge = Knowledge { options: Some(&tree), ..Knowledge::default() };
    let fixture = fixture("{ services.nginx.ena$0ble = true; }");
    let found = hover::hover(&fixture.db, knowledge, fixture.file, fixture.offset);
    let markdown = found.expect("an option").markdown;
    assert!(markdown.starts_with("**`services.nginx.enable`**"), "{markdown}");
    assert!(markdown.contains("Whether to run nginx.") && markdown.contains("bool"), "{markdown}");
}

#[test]
fn definitions_of_variables_options_and_paths() {
    let check = |text: &str| {
        let tree = tree();
        let knowledge = Knowledge { options: Some(&tree), ..Knowledge::default() };
        let fixture = fixture(text);
        goto_definition::goto_definition(&fixture.db, knowledge, fixture.file, fixture.offset)
    };
    let here = |from: u32, to: u32| {
        vec![NavigationTarget::Here(syntax::TextRange::new(from.into(), to.into()))]
    };
    assert_eq!(check("let abc = 1; in ab$0c"), here(4, 7));
    assert_eq!(check("{ abc }: ab$0c"), here(2, 5));
    let file = |path: &str, line, column| {
        let path = SourcePath::new(HOST, path.as_bytes());
        vec![NavigationTarget::File { path, line, column }]
    };
    assert_eq!(
        check("{ services.nginx.ena$0ble = true; }"),
        file("/modules/nginx.nix", Some(7), Some(3))
    );
    assert_eq!(check("{ imports = [ ./ha$0rd.nix ]; }"), file("/etc/nixos/hard.nix", None, None));
}

#[test]
fn the_outline_nests() {
    let fixture = fixture("{ a = { b.c = 1; inherit d; }; e = x: x; }$0");
    let symbols = document_symbols::document_symbols(&fixture.db, fixture.file);
    let names: Vec<_> = symbols.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a", "e"]);
    let inner: Vec<_> = symbols[0].children.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(inner, ["b.c", "d"]);
}

#[test]
fn every_feature_is_total_at_every_offset_of_broken_code() {
    let tree = tree();
    let knowledge = Knowledge { options: Some(&tree), ..Knowledge::default() };
    let texts = [
        "{ a, ... }@b: let inherit (a) c; in { services.nginx = lib.mkIf (c ? d.e) { enable = ",
        "with x; [ ./a ''b ${c \"d ${e} ''} <f> ] ++ { ${g}.h = rec { i = j or k; }; ",
        "services. = { ; } // ( [ ) ; é \u{fffd} ${ } \"",
    ];
    for text in texts {
        let at = |offset: usize| {
            let db = Database::default();
            let path = SourcePath::new(HOST, b"/x.nix");
            let file = File::new(&db, path, Arc::from(text.as_bytes()));
            let offset = TextSize::from(offset as u32);
            drop(completion::completion(&db, knowledge, file, offset));
            drop(hover::hover(&db, knowledge, file, offset));
            drop(goto_definition::goto_definition(&db, knowledge, file, offset));
            drop(document_symbols::document_symbols(&db, file));
            drop(references::references(&db, knowledge, file, offset, true));
            drop(goto_implementation::goto_implementation(&db, knowledge, file, offset));
            drop(signature_help::signature_help(&db, knowledge, file, offset));
            drop(selection::selections(&db, file, offset));
            drop(folding::folds(&db, file));
            drop(rename::rename(&db, knowledge, file, offset, "renamed"));
        };
        (0..=text.len()).for_each(at);
    }
}

/// The files of a real tree, if there is one: `$PEERS/nixpkgs-lib`.
fn real_files() -> Vec<std::path::PathBuf> {
    let Some(peers) = std::env::var_os("PEERS") else { return Vec::new() };
    let mut folders = vec![std::path::PathBuf::from(peers).join("nixpkgs-lib/lib")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                _ if path.extension().is_some_and(|it| it == "nix") => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

#[test]
fn every_feature_is_total_all_over_a_real_tree() {
    let tree = tree();
    let knowledge = Knowledge { options: Some(&tree), ..Knowledge::default() };
    let is_slow = std::env::var_os("RUN_SLOW_TESTS").is_some();
    let (bytes, tokens) = if is_slow { (1, 61) } else { (23, 1201) };
    for path in real_files() {
        let text = std::fs::read(&path).expect("the file can be read");
        // Whole, and cut in the middle, where everything is left open.
        for text in [&text[..], &text[..text.len() / 2]] {
            let (parsed, _) = syntax::parse_flat(text, eval::db::PARSE_OPTIONS);
            for offset in (0..=text.len()).step_by(bytes) {
                drop(cursor(&parsed, TextSize::from(offset as u32)));
            }
            let db = Database::default();
            let file = File::new(&db, SourcePath::new(HOST, b"/x.nix"), Arc::from(text));
            for index in (0..parsed.token_count()).step_by(tokens) {
                let Some(token) = parsed.token(index) else { continue };
                let offset = TextSize::from(token.end());
                drop(completion::completion(&db, knowledge, file, offset));
                drop(hover::hover(&db, knowledge, file, offset));
                drop(goto_definition::goto_definition(&db, knowledge, file, offset));
                drop(references::references(&db, knowledge, file, offset, true));
                drop(signature_help::signature_help(&db, knowledge, file, offset));
                drop(selection::selections(&db, file, offset));
                drop(rename::rename(&db, knowledge, file, offset, "renamed"));
            }
            drop(document_symbols::document_symbols(&db, file));
            drop(folding::folds(&db, file));
            eval::db::diagnostics(&db, file);
        }
    }
}

#[test]
fn a_real_library_has_no_false_findings() {
    for path in real_files() {
        let text = std::fs::read(&path).expect("the file can be read");
        let db = Database::default();
        let file = File::new(&db, SourcePath::new(HOST, b"/x.nix"), Arc::from(text));
        let found = eval::db::diagnostics(&db, file);
        let wrong: Vec<_> = found
            .iter()
            .filter(|it| it.severity != eval::diagnostic::Severity::Hint)
            .map(|it| &it.message)
            .collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
    }
}
