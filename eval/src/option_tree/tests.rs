//! Trees collected from small hand-made options, with no module library around.

use store::{MemoryStore, StoreDirectory};

use super::*;
use crate::heap::Heap;
use crate::interpret::on_large_stack;
use crate::settings::Settings;
use crate::source::{HOST, Origin, SourcePath};
use crate::system::MemorySystem;

/// A type as the module library makes them, and an option of it.
const PRELUDE: &str = r#"
  let
    package = { type = "derivation"; name = "hello-1"; x = throw "never"; };
    literal = { _type = "literalExample"; text = "pkgs.x"; };
    pkgs = throw "packages are not evaluated for this";
    type = name: more: { _type = "option-type"; inherit name; description = name;
      getSubOptions = prefix: { }; nestedTypes = { }; } // more;
    str = type "str" { };
    bool = type "bool" { };
    enum = values: type "enum" { functor.payload = values; };
    submodule = options: type "submodule" { getSubOptions = prefix: options; };
    attrsOf = elemType: type "attrsOf" { nestedTypes = { inherit elemType; }; };
    listOf = elemType: type "listOf" { functor.wrapped = elemType; };
    nullOr = elemType: type "nullOr" { functor.wrapped = elemType; };
    option = type: more: { _type = "option"; inherit type; declarations = [ "/m.nix" ]; } // more;
  in
"#;

fn collected(options: &str) -> OptionTree {
    let mut system = MemorySystem::default();
    let module = "{ lib, ... }:\n{\n  options.a.b = lib.mkOption { };\n  \
                  x = { port = lib.mkOption { }; };\n}\n";
    system.files.insert(b"/m.nix".to_vec(), module.as_bytes().to_vec());
    let store = MemoryStore::new(StoreDirectory::default());
    let settings = Settings::default();
    let text = format!("{PRELUDE}{options}");
    on_large_stack(|| {
        let heap = Heap::new();
        let mut eval = Eval::new(&heap, &system, &store, &settings);
        let origin = Origin::String(SourcePath::new(HOST, b"/"));
        let options = eval.evaluate(origin, text.as_bytes()).expect("the options evaluate");
        OptionTree::collect(&mut eval, options, Detail::Definitions).expect("the tree is collected")
    })
}

fn option<'t>(tree: &'t OptionTree, path: &[Component<'_>]) -> &'t OptionInfo {
    let node = tree.lookup(path).expect("the path leads somewhere");
    node.option.as_deref().expect("it is an option")
}

#[test]
fn whatever_fails_is_left_out_and_nothing_more() {
    let tree = collected(
        r#"{
          a.b = option str { default = throw "x"; description = abort "y"; example = "z"; };
          c = throw "gone";
          d = option (throw "no type") { description.text = "wrapped"; };
        }"#,
    );
    let b = option(&tree, &[Component::Name("a"), Component::Name("b")]);
    assert_eq!((b.default.as_deref(), b.description.as_deref()), (None, None));
    assert_eq!(b.example.as_deref(), Some("\"z\""));
    assert_eq!(b.type_description, "str");
    assert!(tree.lookup(&[Component::Name("c")]).is_none());
    let d = option(&tree, &[Component::Name("d")]);
    assert_eq!(d.description.as_deref(), Some("wrapped"));
}

#[test]
fn a_declaration_is_found_in_its_file() {
    let tree = collected("{ a.b = option str { }; }");
    let b = option(&tree, &[Component::Name("a"), Component::Name("b")]);
    let place = Place { file: "/m.nix".to_owned(), line: Some(3), column: Some(3) };
    assert_eq!(b.declarations, [place]);
}

#[test]
fn a_declaration_inside_a_submodule_is_found_by_its_name() {
    let tree =
        collected("{ hosts = option (attrsOf (submodule { port = option str { }; })) { }; }");
    use Component::Name;
    let port = option(&tree, &[Name("hosts"), Name("x"), Name("port")]);
    assert_eq!(port.declarations[0].line, Some(4));
}

#[test]
fn options_inside_types_are_reached_by_their_steps() {
    let tree = collected(
        "let host = submodule { root = option str { }; }; in {
          hosts = option (attrsOf host) { };
          deep = option (attrsOf (attrsOf host)) { };
          list = option (nullOr (listOf host)) { };
          one = option host { };
        }",
    );
    let reaches = |path: &[Component<'_>]| tree.lookup(path).is_some();
    use Component::{Element, Name};
    assert!(reaches(&[Name("hosts"), Name("any"), Name("root")]));
    assert!(reaches(&[Name("deep"), Name("x"), Name("y"), Name("root")]));
    assert!(reaches(&[Name("list"), Element, Name("root")]));
    assert!(reaches(&[Name("one"), Name("root")]));
    assert!(!reaches(&[Name("one"), Name("other")]));
    assert_eq!(tree.len(), 9);
}

#[test]
fn few_values_are_listed_also_inside_other_types() {
    let tree = collected(
        r#"{ level = option (nullOr (enum [ "a" 1 ])) { }; on = option bool { };
             many = option (listOf (enum [ "x" ])) { }; }"#,
    );
    assert_eq!(option(&tree, &[Component::Name("level")]).values, ["\"a\"", "1", "null"]);
    assert_eq!(option(&tree, &[Component::Name("on")]).values, ["true", "false"]);
    let element = [Component::Name("many"), Component::Element];
    assert_eq!(option(&tree, &element).values, ["\"x\""]);
}

#[test]
fn defaults_are_short_and_packages_only_named() {
    let tree = collected(
        r#"{ p = option str { default = [ package ]; };
             n = option str { default = { a.b.c.d = 1; "e f" = [ (throw "x") ]; }; };
             t = option str { default = throw "x"; defaultText = literal; };
             old = option str { default = throw "x"; defaultText = "pkgs.y"; };
             written = option str { default = pkgs.a.b-c; }; }"#,
    );
    let default = |name| option(&tree, &[Component::Name(name)]).default.as_deref();
    assert_eq!(default("p"), Some("[ «package hello-1» ]"));
    assert_eq!(default("n"), Some("{ a = { b = { c = { … }; }; }; \"e f\" = [ … ]; }"));
    assert_eq!(default("t"), Some("pkgs.x"));
    assert_eq!(default("old"), Some("pkgs.y"));
    assert_eq!(default("written"), Some("pkgs.a.b-c"));
}

/// Returns what is wrong with a configuration, by the embedded modules.
fn wrong(text: &str) -> Vec<String> {
    let (system, store) = (MemorySystem::default(), MemoryStore::new(StoreDirectory::default()));
    let settings = Settings { embedded_fallback: true, ..Settings::default() };
    let tree = on_large_stack(|| of_system(&system, &store, &settings, &Configuration::Library));
    let tree = tree.expect("the embedded modules evaluate");
    let (parsed, _) = syntax::parse_flat(text.as_bytes(), syntax::Options::default());
    let found = check(&parsed, &tree, &[], &[]);
    found.into_iter().map(|it| format!("{}: {}", it.code, it.message)).collect()
}

#[test]
fn definitions_are_checked_by_the_embedded_modules() {
    let found = wrong(
        r#"{
          services.openssh.enabel = true;
          services.openssh.enable = "yes";
          services.openssh.ports = [ 22 70000 ];
          networking.hostName = "tea";
        }"#,
    );
    assert_eq!(
        found,
        [
            "unknown-option: the option `services.openssh.enabel` does not exist",
            "option-type: `services.openssh.enable` takes boolean; this is a string",
            "option-type: `services.openssh.ports` takes list of 16 bit unsigned integer; between \
             0 and 65535 (both inclusive); this is not between 0 and 65535",
        ]
    );
}

/// Returns what is wrong with definitions of these options.
fn wrong_of(options: &str, text: &str) -> Vec<String> {
    let tree = collected(options);
    let (parsed, _) = syntax::parse_flat(text.as_bytes(), syntax::Options::default());
    check(&parsed, &tree, &[], &[]).into_iter().map(|it| it.message).collect()
}

#[test]
fn what_needs_no_declaration_needs_none_at_any_depth() {
    let unit = |freeform: &str| {
        format!(
            "{{ unit = option (submodule {{ Unit.After = option str {{ }}; {freeform} }}) {{ }}; }}"
        )
    };
    let text = "{ unit.Unit.Before = 1; }";
    assert_eq!(wrong_of(&unit("_freeformOptions = { };"), text), [""; 0]);
    assert_eq!(wrong_of(&unit(""), text), ["the option `unit.Unit.Before` does not exist"]);
}

#[test]
fn an_option_of_a_submodule_may_be_called_config() {
    let options = "{ agent = option (submodule {
      enable = option bool { };
      config = option (submodule { Program = option str { }; }) { };
    }) { }; }";
    let found =
        wrong_of(options, "{ agent = { enable = true; config = { Program = 1; X = 2; }; }; }");
    assert_eq!(found, ["the option `agent.config.X` does not exist"]);
}

#[test]
fn a_list_that_may_not_be_empty_is_a_list() {
    let options = "let check = it: builtins.isList it && it != [ ]; in \
                   { some = option ((listOf bool) // { inherit check; }) { }; }";
    assert_eq!(wrong_of(options, "{ some = [ true ]; }"), [""; 0]);
}
