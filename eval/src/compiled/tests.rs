//! Compiled files are what they were compiled from, and nothing else is taken for one.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::heap::{Heap, Symbol};
use crate::ir::{Code, Id, Node};
use crate::lower::{self, Lowered, tests::shown};
use crate::source::{FileId, HOST, Origin, SourcePath};

const KEY: Key = [7; 32];

/// What a text becomes: its nodes as text, and each node's kind with its offset.
type Outcome = (String, BTreeSet<(u32, String)>);

fn directory() -> SourcePath {
    SourcePath::new(HOST, b"/a/b")
}

fn lowered<'h>(heap: &'h Heap, code: &Code<'h>, text: &[u8]) -> (Lowered, FileId) {
    let settings = Settings::default();
    let directory = directory();
    let origin = Origin::String(directory.clone());
    let (file, text) = code.begin_file(heap, origin, text.to_vec());
    let (tree, errors) = syntax::parse_flat(text, syntax::Options::DEFAULT);
    assert!(errors.is_empty(), "{errors:?}");
    let has_or = Cell::new(false);
    let surroundings = lower::Surroundings {
        heap,
        code,
        settings: &settings,
        file,
        directory: &directory,
        home: Some(b"/home"),
        scope: &[],
        has_or: &has_or,
    };
    (lower::lower(&tree, &surroundings).expect("a program without errors"), file)
}

fn compiled(text: &[u8]) -> Option<Vec<u8>> {
    let (heap, code) = (Heap::new(), Code::new());
    let (lowered, _) = lowered(&heap, &code, text);
    write(&code, lowered.root, &lowered.names, text, &directory(), &KEY)
}

fn outcome(code: &Code<'_>, root: Id) -> Outcome {
    let mut places = BTreeSet::new();
    for id in 0..code.nodes.len() as u32 {
        let kind = format!("{:?}", code.nodes.get(id));
        let kind = kind.split(['(', ' ']).next().unwrap_or_default().to_owned();
        if kind != "Deferred" {
            places.insert((*code.offsets.get(id), kind));
        }
    }
    (shown(code, root), places)
}

/// Returns what the text becomes when it is lowered.
fn from_text(text: &[u8]) -> Outcome {
    let (heap, code) = (Heap::new(), Code::new());
    let (lowered, _) = lowered(&heap, &code, text);
    outcome(&code, lowered.root)
}

/// Returns what the bytes become once all of them are read.
fn from_bytes(bytes: &[u8]) -> Option<Outcome> {
    let (heap, code) = (Heap::new(), Code::new());
    let (file, _) = code.begin_file(&heap, Origin::String(directory()), Vec::new());
    let kept = heap.keep(bytes.to_vec());
    let root = load(&heap, &code, kept, &KEY, file, &directory())?;
    let mut id = 0;
    while (id as usize) < code.nodes.len() {
        if let Node::Deferred(deferred) = *code.nodes.get(id) {
            let unit = *code.units.get(deferred.unit);
            read_deferred(&heap, &code, unit, deferred, *code.offsets.get(id))?;
        }
        assert_eq!(code.position(id).file, FileId(1));
        id += 1;
    }
    Some(outcome(&code, root))
}

fn check(text: &[u8]) {
    let bytes = compiled(text).expect("a file that can be kept");
    let (nodes, places) = from_bytes(&bytes).expect("bytes in order");
    let (expected_nodes, expected_places) = from_text(text);
    assert_eq!(nodes, expected_nodes, "{}", String::from_utf8_lossy(text));
    // Lowering also leaves nodes that nothing refers to.
    let new: Vec<_> = places.difference(&expected_places).collect();
    assert!(new.is_empty(), "{new:?} in {}", String::from_utf8_lossy(text));
}

/// One program with every kind of node that a file can have.
const EVERYTHING: &str = r#"
{ alpha, beta ? gamma.delta or 1.5, gamma, ... }@args: one: two:
let
  here = alpha + -two * 3 / one - 1;
  inherit (args.inner) left right;
  inherit one;
in
assert one < two && two >= 1 || !(one == two) -> one != 2;
if args ? inner.${one} then
  with args; with gamma; [ unknown here left right true false null builtins derivation ]
else
  rec {
    inherit two;
    inherit (gamma) zeta eta;
    inherit (gamma.deep) theta;
    iota = zeta ++ [ ./relative/../path /absolute /a/b/c ] // { };
    kappa.lambda.${one} = x: y: let z = x; in z y __curPos kappa."mu${x}" or theta;
    "quoted ${two}" = (let own = own; inherit (iota.more) nu; in own nu);
    nested = {
      inherit (args.other) xi omicron;
      text = "a${one}b${toString two}" + ''
        indented ${alpha}
      '' + ./with/${beta}/more;
      uri = https://example.org/x;
      big = 9223372036854775807;
      none = [ ];
    };
    __overrides = { };
    add = builtins.add or __sub;
    time = __currentSystem;
    old = let { body = 1; };
    pi = args.${one}.rho.sigma or (a: b: a.b.c);
  }
"#;

#[test]
fn a_compiled_file_becomes_what_its_text_becomes() {
    check(EVERYTHING.as_bytes());
    check(b"1");
    check(b"{ a.b.c = 1; a.d = x: x; }");
    let directory = SourcePath::new(crate::source::EMBEDDED, b"/");
    check_below(&directory);
}

/// Checks all files of the embedded library.
fn check_below(directory: &SourcePath) {
    for (name, kind) in crate::embedded::directory(&directory.bytes).expect("a directory") {
        let path = [&*directory.bytes, b"/", &name].concat();
        let path = SourcePath::new(directory.root, &crate::source::canonical(&path));
        if kind == crate::system::FileType::Directory {
            check_below(&path);
        } else if name.ends_with(b".nix") {
            check(crate::embedded::file(&path.bytes).expect("a file"));
        }
    }
}

/// Replaces names by others of the same length, in bytes that [`write()`] has made.
fn renamed(bytes: &[u8], names: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = bytes.get(8..).expect("a checksum").to_vec();
    for (from, to) in names {
        let length = from.len() as u8;
        let entry = |name: &str| [&[length], name.as_bytes()].concat();
        let (from, to) = (entry(from), entry(to));
        let at = memchr::memmem::find(&bytes, &from).expect("a name of the file");
        bytes[at..at + from.len()].copy_from_slice(&to);
    }
    summed(&bytes)
}

fn summed(payload: &[u8]) -> Vec<u8> {
    [&bytes::checksum(&KEY, payload).to_le_bytes(), payload].concat()
}

#[test]
fn symbols_may_come_in_another_order() {
    let text = |a: &str, b: &str, c: &str| {
        format!(
            "{{ {a}, {b} ? {c}, {c} ? {a} }}: x: rec {{
               {b} = {a} + {c}; inherit ({c}.more) {a}; {c} = y: {{ {c} = {b}; {b} = {a} + y; }};
               deep = {{ {a}, {c}, {b} }}@all:
                 [ {a} {b} {c} deep all x (rec {{ {c} = {a}; {a} = 1; }}) ];
             }}"
        )
    };
    // Of these, the first three are interned in this order, the other three backwards.
    let bytes = compiled(text("order_a1", "order_b1", "order_c1").as_bytes()).expect("bytes");
    for name in ["order_c2", "order_a2", "order_b2"] {
        Symbol::intern(name.as_bytes());
    }
    let names = [("order_a1", "order_a2"), ("order_b1", "order_b2"), ("order_c1", "order_c2")];
    let found = from_bytes(&renamed(&bytes, &names)).expect("bytes in order");
    let expected = from_text(text("order_a2", "order_b2", "order_c2").as_bytes());
    assert_eq!(found.0, expected.0);
}

#[test]
fn paths_are_relative_to_where_the_file_is_now() {
    let bytes = compiled(b"[ ./x ../../../y /z ]").expect("bytes");
    let (heap, code) = (Heap::new(), Code::new());
    let directory = SourcePath::new(HOST, b"/p/q/r/s");
    let (file, _) = code.begin_file(&heap, Origin::String(directory.clone()), Vec::new());
    let root = load(&heap, &code, heap.keep(bytes), &KEY, file, &directory).expect("a root");
    assert_eq!(shown(&code, root), "[/p/q/r/s/x /p/y /z]");
}

#[test]
fn what_depends_on_the_home_directory_is_not_kept() {
    assert!(compiled(b"~/x").is_none());
    assert!(compiled(b"{ a = [ ~/x ]; }").is_none());
}

#[test]
fn the_key_follows_from_text_and_settings() {
    let settings = Settings::default();
    let pure = Settings { pure: true, ..Settings::default() };
    let features = Settings {
        experimental_features: vec!["pipe-operators".to_owned()],
        ..Settings::default()
    };
    let keys = [key(b"1", &settings), key(b"2", &settings), key(b"1", &pure), key(b"1", &features)];
    for (index, one) in keys.iter().enumerate() {
        assert!(keys.iter().skip(index + 1).all(|other| one != other));
    }
    assert_eq!(keys[0], key(b"1", &settings));
    let bytes = compiled(b"1").expect("bytes");
    let (heap, code) = (Heap::new(), Code::new());
    let (file, _) = code.begin_file(&heap, Origin::String(directory()), Vec::new());
    let kept = heap.keep(bytes);
    assert!(load(&heap, &code, kept, &[8; 32], file, &directory()).is_none());
}

#[test]
fn the_version_is_a_hash_of_the_sources() {
    assert_eq!(VERSION.len(), 16);
    assert!(VERSION.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

proptest! {
    #[test]
    fn damage_is_noticed(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = compiled(EVERYTHING.as_bytes()).expect("bytes");
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(from_bytes(&bytes).is_none());
        bytes[at] ^= flip;
        bytes.truncate(at);
        prop_assert!(from_bytes(&bytes).is_none());
    }

    #[test]
    fn whatever_the_bytes_are_reading_them_ends(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let bytes = compiled(EVERYTHING.as_bytes()).expect("bytes");
        let mut payload = bytes[8..].to_vec();
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        // The checksum fits, as if somebody had meant it.
        from_bytes(&summed(&payload));
    }
}
