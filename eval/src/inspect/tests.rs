//! Looking into the embedded package set and library.

use super::*;
use crate::heap::Heap;
use crate::interpret::on_large_stack;
use crate::settings::Settings;
use crate::system::MemorySystem;

fn inspect(base: Base, path: &[&str]) -> Inspected {
    let (system, store) =
        (MemorySystem::default(), store::MemoryStore::new(store::StoreDirectory::default()));
    let settings = Settings { embedded_fallback: true, ..Settings::default() };
    let path = path.iter().map(|name| (*name).to_owned()).collect();
    on_large_stack(move || {
        let heap = Heap::new();
        let mut eval = Eval::new(&heap, &system, &store, &settings);
        let mut inspector = Inspector::new(&mut eval, Configuration::Library);
        inspector.inspect(&Lookup { base, path }).expect("nothing cancels it")
    })
}

#[test]
fn sets_list_their_names() {
    let packages = inspect(Base::Packages, &[]);
    assert_eq!(packages.kind, ValueKind::Set);
    assert!(["hello", "lib", "stdenv"].iter().all(|it| packages.names.contains(&(*it).into())));
    let strings = inspect(Base::Library, &["strings"]);
    assert!(strings.names.contains(&"concatStringsSep".to_owned()));
    assert_eq!(inspect(Base::Library, &["strings", "nothing"]), Inspected::default());
}

#[test]
fn packages_have_versions_and_places() {
    let hello = inspect(Base::Packages, &["hello"]);
    assert_eq!(hello.kind, ValueKind::Package);
    assert!(hello.version.is_some() && hello.description.is_some(), "{hello:?}");
    assert_eq!(hello.place, None, "its name comes from a list");
    let writer = inspect(Base::Packages, &["writeText"]);
    let place = writer.place.expect("a place");
    assert!(place.file.starts_with("«nivis»/pkgs"), "{place:?}");
}

#[test]
fn functions_have_parameters_comments_and_places() {
    let found = inspect(Base::Library, &["optionalString"]);
    assert_eq!(found.kind, ValueKind::Function);
    assert_eq!(found.parameters.len(), 2, "{found:?}");
    assert!(found.documentation.is_some(), "{found:?}");
    assert!(found.place.is_some_and(|place| place.file.ends_with("lib/strings.nix")));
}

#[test]
fn versions_follow_the_name() {
    assert_eq!(version_of("hello-2.10").as_deref(), Some("2.10"));
    assert_eq!(version_of("foo-bar-1-rc2").as_deref(), Some("1-rc2"));
    assert_eq!(version_of("foo"), None);
}

fn evaluated(text: &str, files: &[(&str, &str)]) -> Inspected {
    let mut system = MemorySystem::default();
    for (path, text) in files {
        system.files.insert(path.as_bytes().to_vec(), text.as_bytes().to_vec());
    }
    let store = store::MemoryStore::new(store::StoreDirectory::default());
    let settings = Settings { embedded_fallback: true, ..Settings::default() };
    let expression = Expression {
        directory: SourcePath::new(crate::source::HOST, b"/w"),
        texts: vec![text.to_owned()],
        module: None,
        is_patient: false,
        is_for_names: false,
    };
    on_large_stack(move || {
        let heap = Heap::new();
        let mut eval = Eval::new(&heap, &system, &store, &settings);
        let mut inspector = Inspector::new(&mut eval, Configuration::Library);
        let base = Base::Expression(Arc::new(expression));
        inspector.inspect(&Lookup { base, path: Vec::new() }).expect("nothing cancels it")
    })
}

#[test]
fn expressions_see_what_is_around_them() {
    let found = evaluated("let a = 1; in { b = a + 1; }", &[]);
    assert_eq!(found.text.as_deref(), Some("{ b = 2; }"));
    let found =
        evaluated("({ lib, ... }: lib.toUpper \"x\") (__surroundings.usual { lib = false; })", &[]);
    assert_eq!(found.text.as_deref(), Some("\"X\""), "{found:?}");
    let found = evaluated("({ tea }: tea) (__surroundings.usual { tea = false; })", &[]);
    assert_eq!((found.text, found.error), (None, None), "nobody knows");
    let found = evaluated("builtins.head [ ]", &[]);
    assert!(found.error.is_some(), "{found:?}");
    let flake = "{ inputs.b.url = \"path:./b\"; outputs = { self, nixpkgs, b }: { x = 1; }; }";
    let other = "{ outputs = _: { y = 2; }; }";
    let files = [("/w/flake.nix", flake), ("/w/b/flake.nix", other)];
    let found = evaluated("(__surroundings.nearInputs { b = \"path:./b\"; }).b.y", &files);
    assert_eq!(found.text.as_deref(), Some("2"), "{found:?}");
    let found = evaluated("(__surroundings.nearInputs { }).self.x", &files);
    assert_eq!(found.text.as_deref(), Some("1"), "{found:?}");
}
