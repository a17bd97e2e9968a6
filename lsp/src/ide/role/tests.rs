//! The roles of files in small projects, and whether what they are part of can be evaluated.

use eval::interpret::on_large_stack;
use eval::option_tree;
use eval::system::MemorySystem;
use store::{MemoryStore, StoreDirectory};

use super::*;

/// Returns the titles of the roles of `path`, and the first names of the options of the first.
fn roles_of(files: &[(&str, &str)], path: &str) -> (Vec<String>, Vec<String>) {
    let mut system = MemorySystem::default();
    for (name, text) in files {
        system.files.insert(name.as_bytes().to_vec(), text.as_bytes().to_vec());
    }
    let text = system.files.get(path.as_bytes()).cloned().unwrap_or_default();
    let settings = Settings { embedded_fallback: true, ..Settings::default() };
    let (folders, index) = ([b"/w".to_vec()], FileIndex::default());
    let found = roles(&system, &settings, &folders, &index, path.as_bytes(), &text);
    let titles = found.iter().map(Role::title).collect();
    let Some(first) = found.first() else { return (titles, Vec::new()) };
    let store = MemoryStore::new(StoreDirectory::default());
    let configuration = first.root.configuration();
    let work = || option_tree::of_system(&system, &store, &settings, &configuration);
    let names = match on_large_stack(work) {
        Ok(options) => {
            let inside = options_inside(&options, &first.prefix);
            inside.root.children.keys().take(3).cloned().collect()
        }
        Err(error) => vec![error],
    };
    (titles, names)
}

const OPTIONS: &str =
    "{ lib, ... }: { options.kettle.liters = lib.mkOption { type = lib.types.int; }; }";

#[test]
fn a_module_system_of_ones_own_is_evaluated_where_it_stands() {
    let files = [
        ("/w/default.nix", "{ lib }: lib.evalModules { modules = [ ./options.nix ./mine.nix ]; }"),
        ("/w/options.nix", OPTIONS),
        ("/w/mine.nix", "{ kettle.liters = 1; }"),
    ];
    let (titles, names) = roles_of(&files, "/w/mine.nix");
    assert_eq!(titles, ["a module system (default.nix: evalModules)"]);
    assert_eq!(names, ["kettle"]);
}

#[test]
fn the_systems_of_a_flake_are_evaluated_without_its_inputs() {
    let files = [
        (
            "/w/flake.nix",
            "{ outputs = { self, nixpkgs }: { nixosConfigurations.tea = nixpkgs.lib.nixosSystem { \
             modules = [ ./host.nix ({ ... }: { }) ]; }; }; }",
        ),
        ("/w/host.nix", "{ imports = [ ./options.nix ]; }"),
        ("/w/options.nix", OPTIONS),
    ];
    let (titles, names) = roles_of(&files, "/w/options.nix");
    assert_eq!(titles, ["NixOS (flake.nix: nixosConfigurations.tea)"]);
    assert!(names.first().is_some_and(|it| it == "_module" || it == "assertions"), "{names:?}");
}
