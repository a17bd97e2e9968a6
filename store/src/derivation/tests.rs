//! Derivations against those that CppNix 2.8.0 writes in the store `/gold/store`.

use std::collections::BTreeMap;

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::modulo::{HashModulo, fill_output_paths, hash_modulo, hash_modulo_of_text};
use super::placeholder::placeholder;
use super::{Derivation, DerivationError, Output, aterm};
use crate::content_address::{ContentAddress, FileMethod};
use crate::hash::{Hash, HashAlgorithm};
use crate::path::{StoreDirectory, StorePath};

fn gold() -> StoreDirectory {
    StoreDirectory::new("/gold/store").unwrap()
}

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}

fn derivation(name: &str, builder: &str, outputs: &[&str]) -> Derivation {
    Derivation {
        name: name.to_owned(),
        outputs: outputs.iter().map(|name| ((*name).to_owned(), Output::Deferred)).collect(),
        system: b"x86_64-linux".to_vec(),
        builder: builder.as_bytes().to_vec(),
        environment: environment(&[
            ("builder", builder),
            ("name", name),
            ("system", "x86_64-linux"),
        ]),
        ..Derivation::default()
    }
}

fn no_inputs(path: &StorePath) -> Result<HashModulo, DerivationError> {
    panic!("asked for {path}")
}

/// Returns the paths of the derivation's file and of its outputs.
fn paths(derivation: &Derivation) -> (StorePath, Vec<String>) {
    let text = aterm::write(&gold(), derivation).unwrap();
    assert_eq!(aterm::read(&gold(), &derivation.name, &text).unwrap(), *derivation);
    let file = derivation.file_path(&gold(), &text).unwrap();
    let outputs = derivation.output_paths(&gold()).unwrap();
    (file, outputs.into_values().map(|path| path.unwrap().to_base_name()).collect())
}

#[test]
fn a_simple_derivation_has_the_paths_of_cppnix() {
    let mut simple = derivation("simple", "/bin/sh", &["out"]);
    simple.arguments = vec![b"-c".to_vec(), b"echo \"q\\n\\t\" > $out".to_vec()];
    fill_output_paths(&gold(), &mut simple, &mut no_inputs).unwrap();
    let (file, outputs) = paths(&simple);
    assert_eq!(file.base_name(), "3rc5p4vvaqbl4kgy0m1cnj8kszlf5cfd-simple.drv");
    assert_eq!(outputs, ["7lkdl3lbcwiwq49hmjjgxvgdgp00795h-simple"]);
}

#[test]
fn several_outputs_have_the_paths_of_cppnix() {
    let mut multi = derivation("multi", "/bin/sh", &["out", "dev", "man"]);
    multi.environment.insert(b"outputs".to_vec(), b"out dev man".to_vec());
    fill_output_paths(&gold(), &mut multi, &mut no_inputs).unwrap();
    let (file, outputs) = paths(&multi);
    assert_eq!(file.base_name(), "1a5qbzabgdbvq1fpn3873lqrx8gkvyc6-multi.drv");
    assert_eq!(
        outputs,
        [
            "l236lnbx8n41fkb1x1b076qdhchl1pk2-multi-dev",
            "4k8khw082fg5gmfaa87pqazchinwxaws-multi-man",
            "ydl6mp49jbqwgg0jprh2rqhlayrhqd4f-multi",
        ]
    );
}

fn fixed_output() -> Derivation {
    let hash = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
    let mut fixed = derivation("fod.tar.gz", "builtin:fetchurl", &[]);
    let address = ContentAddress::Fixed {
        method: FileMethod::Flat,
        digest: Hash::parse(hash, None).unwrap(),
    };
    fixed.outputs.insert("out".to_owned(), Output::Fixed(address));
    fixed.environment.extend(environment(&[
        ("url", "http://x/"),
        ("outputHashMode", "flat"),
        ("outputHashAlgo", "sha256"),
        ("outputHash", hash),
        ("out", "/gold/store/cp2almf8w4fyb873laibhihw32scl3ll-fod.tar.gz"),
    ]));
    fixed
}

#[test]
fn a_fixed_output_and_its_user_have_the_paths_of_cppnix() {
    let fixed = fixed_output();
    let (fixed_file, outputs) = paths(&fixed);
    assert_eq!(fixed_file.base_name(), "3y8xfxp3c2rk6hg1x70inwfmymri422n-fod.tar.gz.drv");
    assert_eq!(outputs, ["cp2almf8w4fyb873laibhihw32scl3ll-fod.tar.gz"]);

    let text = gold().text_path("x", &Hash::sha256(b"y"), []).unwrap();
    let mut uses = derivation("uses", "/bin/sh", &["out"]);
    uses.environment.extend(environment(&[
        ("src", "/gold/store/cp2almf8w4fyb873laibhihw32scl3ll-fod.tar.gz"),
        ("x", &gold().display(&text)),
    ]));
    uses.input_sources.insert(text);
    uses.input_derivations.insert(fixed_file.clone(), ["out".to_owned()].into());
    let mut lookup = |path: &StorePath| {
        assert_eq!(*path, fixed_file);
        hash_modulo(&gold(), &fixed, &mut no_inputs)
    };
    fill_output_paths(&gold(), &mut uses, &mut lookup).unwrap();
    let text = aterm::write_text(&gold(), &uses).unwrap();
    assert_eq!(
        hash_modulo_of_text(&gold(), &uses, &text, &mut lookup),
        hash_modulo(&gold(), &uses, &mut lookup)
    );
    let (file, outputs) = paths(&uses);
    assert_eq!(file.base_name(), "ax7mjyyi9q9mmqs4xcpmw8yplihl85d0-uses.drv");
    assert_eq!(outputs, ["215dizv5hmxf6gcn0lpvlvv7mknm74q1-uses"]);
}

#[test]
fn where_a_fixed_output_comes_from_changes_nothing_downstream() {
    let mut other = fixed_output();
    other.environment.insert(b"url".to_vec(), b"http://elsewhere/".to_vec());
    assert_eq!(
        hash_modulo(&gold(), &fixed_output(), &mut no_inputs),
        hash_modulo(&gold(), &other, &mut no_inputs)
    );
}

#[test]
fn placeholders_are_those_of_cppnix() {
    assert_eq!(placeholder("out"), "/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9");
}

#[test]
fn a_floating_input_defers_the_outputs_of_its_users() {
    let mut floating = derivation("floating", "/bin/sh", &[]);
    let method = crate::content_address::ContentMethod::File(FileMethod::Recursive);
    let output = Output::Floating { method, algorithm: HashAlgorithm::Sha256 };
    floating.outputs.insert("out".to_owned(), output);
    let text = aterm::write(&gold(), &floating).unwrap();
    assert_eq!(aterm::read(&gold(), "floating", &text).unwrap(), floating);
    let file = floating.file_path(&gold(), &text).unwrap();

    let mut uses = derivation("uses", "/bin/sh", &["out"]);
    uses.input_derivations.insert(file, ["out".to_owned()].into());
    let mut lookup = |_: &StorePath| hash_modulo(&gold(), &floating, &mut no_inputs);
    fill_output_paths(&gold(), &mut uses, &mut lookup).unwrap();
    assert_eq!(uses.outputs["out"], Output::Deferred);
}

#[test]
fn every_truncated_text_is_refused_where_it_ends() {
    let text = aterm::write(&gold(), &fixed_output()).unwrap();
    for end in 0..text.len() {
        let error = aterm::read(&gold(), "fod.tar.gz", &text[..end]).unwrap_err();
        let DerivationError::Malformed { offset, .. } = error else { panic!("{error:?}") };
        assert!(offset <= end);
    }
}

#[test]
fn a_fixed_output_must_be_where_its_hash_says() {
    let text = String::from_utf8(aterm::write(&gold(), &fixed_output()).unwrap()).unwrap();
    let moved = text.replacen("cp2almf8w4fyb873laibhihw32scl3ll", &"0".repeat(32), 1);
    assert!(aterm::read(&gold(), "fod.tar.gz", moved.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn reading_reverses_writing(
        builder in proptest::collection::vec(any::<u8>(), 0..30),
        arguments in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..5),
        environment in proptest::collection::btree_map(
            proptest::collection::vec(any::<u8>(), 0..10),
            proptest::collection::vec(any::<u8>(), 0..30),
            0..6,
        ),
        outputs in proptest::collection::btree_set("[a-z]{1,8}", 1..4),
    ) {
        let derivation = Derivation {
            name: "x".to_owned(),
            outputs: outputs.into_iter().map(|name| (name, Output::Deferred)).collect(),
            builder,
            arguments,
            environment,
            ..Derivation::default()
        };
        let text = aterm::write_text(&gold(), &derivation).unwrap();
        prop_assert_eq!(
            hash_modulo_of_text(&gold(), &derivation, &text, &mut no_inputs),
            hash_modulo(&gold(), &derivation, &mut no_inputs)
        );
        prop_assert_eq!(aterm::read(&gold(), "x", text.bytes()), Ok(derivation));
    }

    #[test]
    fn garbage_is_refused(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(aterm::read(&gold(), "x", &text).is_err());
    }
}
