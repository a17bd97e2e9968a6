//! Everyone who sets an option, uses across files, symbols of all files, links.

use std::sync::Arc;

use eval::db::File;
use eval::source::{HOST, SourcePath};
use eval::system::MemorySystem;

use super::super::role::Role;
use super::super::{Knowledge, NavigationTarget, diagnostics, links, references, workspace};
use super::{fixture, goto_implementation, tree};

fn system() -> MemorySystem {
    let mut system = MemorySystem::default();
    for (path, text) in [
        (
            "/etc/nixos/web.nix",
            "{ config, lib, ... }: {\n  services = { nginx.enable = lib.mkForce true; };\n}",
        ),
        (
            "/etc/nixos/sub/log.nix",
            "{ config, ... }: let cfg = config.services.nginx; in {\n  x = cfg.enable; }",
        ),
        ("/etc/nixos/.git/x.nix", "{ services.nginx.enable = true; }"),
        (
            "/etc/nixos/package.nix",
            "{ stdenv }: stdenv.mkDerivation { services.nginx.enable = 1; }",
        ),
        ("/elsewhere/y.nix", "{ services.nginx.enable = true; }"),
    ] {
        system.files.insert(path.into(), text.into());
    }
    system
}

fn ask<T>(text: &str, question: impl Fn(&super::Fixture, Knowledge<'_>) -> T) -> T {
    let (system, tree, fixture) = (system(), tree(), fixture(text));
    let folders = [b"/etc/nixos".to_vec()];
    let open = SourcePath::new(HOST, b"/etc/nixos/open.nix");
    let open_text: Arc<[u8]> = Arc::from(&b"{ services.nginx.enable = false; }"[..]);
    let files = [fixture.file, File::new(&fixture.db, open, open_text)];
    let knowledge = Knowledge {
        options: Some(&tree),
        system: Some(&system),
        files: &files,
        folders: &folders,
        ..Knowledge::default()
    };
    question(&fixture, knowledge)
}

#[test]
fn options_that_were_imported_after_the_evaluation_are_known() {
    let mut system = system();
    let folder = "{ imports = [ ./tea.nix ]; }";
    system.files.insert(b"/etc/nixos/kitchen/default.nix".to_vec(), folder.into());
    let module = "{ lib, ... }: { options.tea.cups = lib.mkOption { }; }";
    system.files.insert(b"/etc/nixos/kitchen/tea.nix".to_vec(), module.into());
    let (tree, role) = (tree(), Role::of_library(true));
    let codes = |imports: &str| -> Vec<&str> {
        let fixture = fixture(&format!("{{ imports = [ {imports} ]; tea.cups = 1; }}$0"));
        let knowledge = Knowledge {
            options: Some(&tree),
            system: Some(&system),
            role: Some(&role),
            ..Knowledge::default()
        };
        let found = diagnostics::diagnostics(&fixture.db, knowledge, fixture.file);
        found.iter().map(|it| it.code).collect()
    };
    assert_eq!(codes(""), ["unknown-option"]);
    assert_eq!(codes("./kitchen"), [""; 0]);
}

fn shown(targets: Vec<NavigationTarget>) -> Vec<String> {
    let show = |target| match target {
        NavigationTarget::Here(range) => format!("here {}", u32::from(range.start())),
        NavigationTarget::There(path, range) => {
            format!("{} {}", path.display(), u32::from(range.start()))
        }
        NavigationTarget::File { path, line, column } => {
            let show = |number: Option<u32>| number.map_or("?".to_owned(), |it| it.to_string());
            format!("{}:{}:{}", path.display(), show(line), show(column))
        }
    };
    targets.into_iter().map(show).collect()
}

#[test]
fn everyone_who_sets_an_option_is_found() {
    let text = "{ config, ... }: { services.nginx.ena$0ble = true; }";
    let found = ask(text, |it, knowledge| {
        goto_implementation::goto_implementation(&it.db, knowledge, it.file, it.offset)
    });
    let expected = ["here 19", "/etc/nixos/open.nix 2", "/etc/nixos/web.nix 39"];
    assert_eq!(shown(found), expected);
}

#[test]
fn uses_of_an_option_are_found_in_all_files() {
    let text = "{ config, ... }: { y = config.services.nginx.ena$0ble; }";
    let found = ask(text, |it, knowledge| {
        references::references(&it.db, knowledge, it.file, it.offset, false)
    });
    let expected = ["here 45", "/etc/nixos/sub/log.nix 65"];
    assert_eq!(shown(found), expected);
}

#[test]
fn symbols_of_all_files_are_found() {
    let found =
        ask("{ a.config = 1; }$0", |it, knowledge| workspace::symbols(&it.db, knowledge, "Enab"));
    let mut names: Vec<_> =
        found.iter().map(|it| format!("{}|{}", it.container, it.name)).collect();
    names.sort();
    assert_eq!(
        names,
        ["services|nginx.enable", "|services.nginx.enable", "|services.nginx.enable"]
    );
}

#[test]
fn paths_of_files_that_exist_are_links() {
    let found = ask("[ ./web.nix ./nowhere.nix ./sub ../nixos/sub/log.nix ]$0", |it, knowledge| {
        links::links(&it.db, knowledge, it.file)
    });
    let targets: Vec<_> = found.iter().map(|it| it.target.display()).collect();
    assert_eq!(targets, ["/etc/nixos/web.nix", "/etc/nixos/sub/log.nix"]);
}
