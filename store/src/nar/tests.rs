//! Archives: against CppNix, against their own laws, against hostile ones.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::disk::DiskTree;
use super::listing::Listing;
use super::memory::MemoryTree;
use super::restore::{Metadata, restore};
use super::writer::{everything, write_nar, write_string};
use super::{MAX_DEPTH, NarError};
use crate::hash::Hash;

fn archive(tree: &MemoryTree) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_nar(tree, Path::new(""), &mut everything, &mut bytes).unwrap();
    bytes
}

fn directory(entries: Vec<(&str, MemoryTree)>) -> MemoryTree {
    let entries = entries.into_iter().map(|(name, node)| (name.as_bytes().to_vec(), node));
    MemoryTree::Directory(entries.collect())
}

fn example() -> MemoryTree {
    let script = MemoryTree::Regular { executable: true, contents: b"#!/bin/sh\n".to_vec() };
    let link = MemoryTree::Symlink(b"../x".to_vec());
    directory(vec![
        ("dir", directory(vec![("link", link), ("zero", MemoryTree::file(""))])),
        ("empty", directory(vec![])),
        ("exe", script),
        ("file", MemoryTree::file("hello")),
        ("sp ace", MemoryTree::file("a b")),
        ("Ünï", MemoryTree::file("x")),
    ])
}

/// Writes the words of an archive, for archives that no writer makes.
fn words(words: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in words {
        write_string(&mut bytes, word.as_bytes()).unwrap();
    }
    bytes
}

fn read(bytes: &[u8]) -> Result<MemoryTree, NarError> {
    MemoryTree::from_nar(&mut Cursor::new(bytes))
}

// The SHA-256 that `nix-store --dump` of CppNix 2.8.0 gives for this tree.
#[test]
fn the_archive_is_that_of_cppnix() {
    assert_eq!(
        Hash::sha256(&archive(&example())).to_hex(),
        "37f1cafaa009752931b77af953b4da7818c1b2eb09038570dfa2c825de7ea061"
    );
}

#[test]
fn unpacking_and_archiving_again_gives_the_same() {
    let scratch = tempfile::tempdir().unwrap();
    let bytes = archive(&example());
    for metadata in [Metadata::Ordinary, Metadata::Canonical] {
        let place = scratch.path().join(format!("{metadata:?}"));
        restore(&mut Cursor::new(&bytes), &place, metadata).unwrap();
        let mut again = Vec::new();
        write_nar(&DiskTree, &place, &mut everything, &mut again).unwrap();
        assert_eq!(again, bytes);
        let other = restore(&mut Cursor::new(&bytes), &place, metadata);
        assert!(matches!(other, Err(NarError::Unpack { .. })), "the destination exists");
    }
}

#[test]
fn a_dangling_link_is_not_written_through() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("link");
    std::os::unix::fs::symlink(scratch.path().join("elsewhere"), &place).unwrap();
    let bytes = archive(&MemoryTree::file("x"));
    assert!(restore(&mut Cursor::new(&bytes), &place, Metadata::Ordinary).is_err());
    assert!(!scratch.path().join("elsewhere").exists());
}

#[test]
fn a_listing_tells_where_contents_are() {
    let bytes = archive(&example());
    let listing = Listing::of(&mut Cursor::new(&bytes)).unwrap();
    let json = listing.to_json();
    let offset = json["entries"]["file"]["narOffset"].as_u64().unwrap() as usize;
    assert_eq!(&bytes[offset..offset + 5], b"hello");
    assert_eq!(json["entries"]["exe"]["executable"], true);
    assert_eq!(json["entries"]["dir"]["entries"]["link"]["target"], "../x");
}

const HEAD: [&str; 4] = ["nix-archive-1", "(", "type", "directory"];
const FILE: [&str; 6] = ["(", "type", "regular", "contents", "", ")"];

fn entry<'w>(name: &'w str, node: &[&'w str]) -> Vec<&'w str> {
    [&["entry", "(", "name", name, "node"], node, &[")"]].concat()
}

#[test]
fn hostile_names_are_refused() {
    for name in ["", ".", "..", "a/b", "/", "a\0b", &"x".repeat(256)] {
        let bytes = words(&[&HEAD[..], &entry(name, &FILE), &[")"]].concat());
        assert!(matches!(read(&bytes), Err(NarError::Malformed { .. })), "{name:?}");
    }
}

#[test]
fn entries_are_in_order_and_named_once() {
    for (first, second) in [("a", "a"), ("b", "a"), ("a", "B")] {
        let bytes =
            words(&[&HEAD[..], &entry(first, &FILE), &entry(second, &FILE), &[")"]].concat());
        assert!(matches!(read(&bytes), Err(NarError::Malformed { .. })), "{first} {second}");
    }
}

#[test]
fn malformed_nodes_are_refused() {
    let nodes: [&[&str]; 9] = [
        &["(", "type", "regular", "contents", "", "executable", "", ")"],
        &["(", "type", "regular", "executable", "x", "contents", "", ")"],
        &["(", "type", "regular", "contents", "", "contents", "", ")"],
        &["(", "type", "regular", "target", "x", ")"],
        &["(", "type", "symlink", "target", "", ")"],
        &["(", "type", "symlink", "target", "a\0b", ")"],
        &["(", "type", "symlink", ")"],
        &["(", "type", "socket", ")"],
        &["(", "type", "type", "directory", ")"],
    ];
    for node in nodes {
        let bytes = words(&[&["nix-archive-1"], node].concat());
        assert!(matches!(read(&bytes), Err(NarError::Malformed { .. })), "{node:?}");
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| {
        let mut text = vec!["nix-archive-1"];
        for _ in 1..depth {
            text.extend(["(", "type", "directory", "entry", "(", "name", "d", "node"]);
        }
        text.extend(["(", "type", "directory", ")"]);
        for _ in 1..depth {
            text.extend([")", ")"]);
        }
        words(&text)
    };
    assert!(read(&nested(MAX_DEPTH - 1)).is_ok());
    assert!(read(&nested(MAX_DEPTH)).is_ok());
    assert!(read(&nested(MAX_DEPTH + 1)).is_err());
}

#[test]
fn a_length_is_not_believed_before_it_is_checked() {
    for length in [u64::MAX, u64::MAX - 7, 1 << 63, 1 << 40] {
        let mut bytes = words(&["nix-archive-1", "(", "type", "symlink", "target"]);
        bytes.extend(length.to_le_bytes());
        assert!(read(&bytes).is_err());
        let mut bytes = words(&["nix-archive-1", "(", "type", "regular", "contents"]);
        bytes.extend(length.to_le_bytes());
        assert!(read(&bytes).is_err());
    }
}

fn tree() -> impl Strategy<Value = MemoryTree> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..40);
    let leaf = prop_oneof![
        (any::<bool>(), bytes)
            .prop_map(|(executable, contents)| MemoryTree::Regular { executable, contents }),
        "[a-z./]{1,20}".prop_map(|target| MemoryTree::Symlink(target.into_bytes())),
        Just(MemoryTree::Directory(BTreeMap::new())),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let name = "[a-zA-Z ]{1,12}".prop_map(String::into_bytes);
        proptest::collection::btree_map(name, inner, 0..6).prop_map(MemoryTree::Directory)
    })
}

proptest! {
    #[test]
    fn reading_reverses_writing(tree in tree()) {
        prop_assert_eq!(read(&archive(&tree)).unwrap(), tree);
    }

    #[test]
    fn no_truncated_archive_is_read(tree in tree(), cut in any::<proptest::sample::Index>()) {
        let bytes = archive(&tree);
        let end = cut.index(bytes.len());
        prop_assert!(read(&bytes[..end]).is_err());
    }

    #[test]
    fn a_changed_byte_is_refused_or_changes_the_tree(
        tree in tree(),
        place in any::<proptest::sample::Index>(),
        flip in 1u8..,
    ) {
        let mut bytes = archive(&tree);
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        if let Ok(other) = read(&bytes) {
            prop_assert_eq!(archive(&other), bytes);
            prop_assert!(other != tree);
        }
    }
}
