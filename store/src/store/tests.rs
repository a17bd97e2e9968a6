//! Laws that every store keeps, tried on each of them.

use std::collections::BTreeSet;
use std::path::Path;

use super::{GcAction, GcOptions, NewTree, Store};
use crate::content_address::FileMethod;
use crate::derivation::modulo::fill_output_paths;
use crate::derivation::{Derivation, Output};
use crate::error::{AddError, GcError};
use crate::event::Silent;
use crate::hash::{Hash, HashAlgorithm};
use crate::local::{LocalSettings, LocalStore};
use crate::memory::MemoryStore;
use crate::nar::Tree;
use crate::nar::memory::MemoryTree;
use crate::nar::writer::{everything, write_nar};
use crate::path::{StoreDirectory, StorePath};
use crate::path_info::PathInfo;

/// Tries `law` on a new store of each kind.
fn for_each_store(law: impl Fn(&dyn Store)) {
    law(&MemoryStore::new(StoreDirectory::default()));
    let scratch = tempfile::tempdir().unwrap();
    law(&LocalStore::open(LocalSettings::below(scratch.path())).unwrap());
}

fn add(store: &dyn Store, name: &str, tree: &MemoryTree) -> StorePath {
    add_by(store, name, tree, FileMethod::Recursive, HashAlgorithm::Sha256).unwrap()
}

fn add_by(
    store: &dyn Store,
    name: &str,
    tree: &MemoryTree,
    method: FileMethod,
    algorithm: HashAlgorithm,
) -> Result<StorePath, AddError> {
    store.add_tree(NewTree {
        name,
        tree,
        path: Path::new(""),
        filter: &mut everything,
        method,
        algorithm,
        references: BTreeSet::new(),
    })
}

fn archive(tree: &dyn Tree, path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_nar(tree, path, &mut everything, &mut bytes).unwrap();
    bytes
}

fn script() -> MemoryTree {
    let script = MemoryTree::Regular { executable: true, contents: b"#!/bin/sh\n".to_vec() };
    let link = MemoryTree::Symlink(b"run".to_vec());
    MemoryTree::Directory([(b"run".to_vec(), script), (b"also".to_vec(), link)].into())
}

fn collect(store: &dyn Store, action: GcAction) -> Result<BTreeSet<String>, GcError> {
    let options = GcOptions { action, ..GcOptions::default() };
    store.collect_garbage(&options, &Silent).map(|result| result.paths)
}

#[test]
fn what_is_added_is_there_and_sound() {
    for_each_store(|store| {
        let path = add(store, "tree", &script());
        let info = store.path_info(&path).unwrap().unwrap();
        let (tree, place) = store.tree(&path).unwrap();
        let bytes = archive(&*tree, &place);
        assert_eq!(bytes, archive(&script(), Path::new("")));
        assert_eq!(info.nar_hash, Hash::sha256(&bytes));
        assert_eq!(info.nar_size, bytes.len() as u64);
        assert!(info.is_content_addressed(store.directory()));
        assert_eq!(add(store, "tree", &script()), path);
        assert_eq!(store.path_from_hash_part(path.hash_part()).unwrap(), Some(path.clone()));
        assert_eq!(store.path_from_hash_part(&"0".repeat(32)).unwrap(), None);
        assert!(store.verify(true, false, &Silent).unwrap());
    });
}

#[test]
fn a_flat_file_is_stored_without_permission_to_execute() {
    for_each_store(|store| {
        let file = MemoryTree::Regular { executable: true, contents: b"x".to_vec() };
        let plain = MemoryTree::file("x");
        for algorithm in [HashAlgorithm::Sha256, HashAlgorithm::Md5] {
            let path = add_by(store, "x", &file, FileMethod::Flat, algorithm).unwrap();
            let info = store.path_info(&path).unwrap().unwrap();
            assert_eq!(info.nar_hash, Hash::sha256(&archive(&plain, Path::new(""))));
            assert_eq!(store.read_text(&path).unwrap(), b"x");
        }
        let refused = add_by(store, "x", &script(), FileMethod::Flat, HashAlgorithm::Sha256);
        assert!(matches!(refused, Err(AddError::NotFlat { .. })));
    });
}

#[test]
fn references_are_valid_first() {
    for_each_store(|store| {
        let missing = StorePath::new(&[1; 20], "missing").unwrap();
        let refused = store.add_text("a", b"", &[missing].into());
        assert!(matches!(refused, Err(AddError::InvalidReference { .. })));
        let a = store.add_text("a", b"a", &BTreeSet::new()).unwrap();
        let b = store.add_text("b", b"b", &[a.clone()].into()).unwrap();
        assert_eq!(store.referrers(&a).unwrap(), [b.clone()].into());
        assert_eq!(store.all_valid_paths().unwrap(), [a, b].into());
    });
}

#[test]
fn an_archive_is_added_only_if_it_is_the_one_announced() {
    for_each_store(|store| {
        let bytes = archive(&script(), Path::new(""));
        let path = StorePath::new(&[1; 20], "x").unwrap();
        let size = bytes.len() as u64;
        let add = |hash, size, bytes: &[u8]| {
            store.add_nar(&PathInfo::new(path.clone(), hash, size), &mut &*bytes)
        };
        let wrong = add(Hash::sha256(b""), size, &bytes);
        assert!(matches!(wrong, Err(AddError::HashMismatch { .. })));
        let wrong = add(Hash::sha256(&bytes), 1, &bytes);
        assert!(matches!(wrong, Err(AddError::SizeMismatch { .. })));
        let wrong = add(Hash::sha256(&bytes), size, &bytes[..bytes.len() - 8]);
        assert!(matches!(wrong, Err(AddError::Nar { .. })));
        assert!(!store.is_valid(&path).unwrap());
        add(Hash::sha256(&bytes), size, &bytes).unwrap();
        assert!(store.is_valid(&path).unwrap());
    });
}

#[test]
fn a_derivation_reads_back_and_is_known_by_its_outputs() {
    for_each_store(|store| {
        let mut derivation = Derivation {
            name: "d".to_owned(),
            outputs: [("out".to_owned(), Output::Deferred)].into(),
            builder: b"/bin/sh".to_vec(),
            ..Derivation::default()
        };
        fill_output_paths(store.directory(), &mut derivation, &mut |_| unreachable!()).unwrap();
        let path = store.add_derivation(&derivation).unwrap();
        assert_eq!(store.read_derivation(&path).unwrap(), derivation);
        let outputs = store.derivation_outputs(&path).unwrap();
        let out = outputs["out"].clone().unwrap();
        assert_eq!(store.valid_derivers(&out).unwrap(), [path].into());
    });
}

#[test]
fn collection_takes_what_nothing_reaches() {
    for_each_store(|store| {
        let bytes = archive(&script(), Path::new(""));
        let add = |byte, references: &[&StorePath]| {
            let path = StorePath::new(&[byte; 20], "x").unwrap();
            let mut info = PathInfo::new(path.clone(), Hash::sha256(&bytes), bytes.len() as u64);
            info.references = references.iter().map(|path| (*path).clone()).collect();
            info.references.insert(path.clone());
            let nar: &mut &[u8] = &mut &*bytes;
            store.add_nar(&info, nar).unwrap();
            path
        };
        let needed = add(1, &[]);
        let user = add(2, &[&needed]);
        // Adding keeps a path for as long as the store is open, so all is alive.
        let specific = |path: &StorePath| GcAction::DeleteSpecific([path.clone()].into());
        assert!(matches!(collect(store, specific(&needed)), Err(GcError::Alive { .. })));
        assert_eq!(
            collect(store, GcAction::ReturnLive).unwrap(),
            [needed.to_base_name(), user.to_base_name()].into()
        );
        assert_eq!(collect(store, GcAction::DeleteDead).unwrap(), BTreeSet::new());
        assert!(store.is_valid(&needed).unwrap());
    });
}
