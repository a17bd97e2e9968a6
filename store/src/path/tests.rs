//! Store paths against those that CppNix computes.

use proptest::prelude::{any, prop_assert_eq, proptest};

use super::{PathError, StoreDirectory, StorePath, check_name};
use crate::content_address::FileMethod;
use crate::hash::{Hash, HashAlgorithm};

fn gold() -> StoreDirectory {
    StoreDirectory::new("/gold/store").unwrap()
}

// Printed by `nix-store --print-fixed-path` of CppNix 2.8.0 in the store `/gold/store`.
#[test]
fn fixed_output_paths_are_those_of_cppnix() {
    let path = |method, algorithm, digits, name| {
        let digest = Hash::parse(digits, Some(algorithm)).unwrap();
        gold().display(&gold().fixed_output_path(name, method, &digest).unwrap())
    };
    let sha256 = "0ssi1wpaf7plaswqqjwigppsg5fyh99vdlb9kzl7c9lng89ndq1i";
    assert_eq!(
        path(FileMethod::Recursive, HashAlgorithm::Sha256, sha256, "src"),
        "/gold/store/lxp57jy0q46g2pb3za4wakmqra4279n4-src"
    );
    assert_eq!(
        path(FileMethod::Flat, HashAlgorithm::Sha256, sha256, "src.tar.gz"),
        "/gold/store/km9m57v5r4d131mkacnxccg1432615nd-src.tar.gz"
    );
    let sha1 = "0pzhr8gq0dr5v3zqjl4a6lpvs4hvzrv2";
    assert_eq!(
        path(FileMethod::Recursive, HashAlgorithm::Sha1, sha1, "src"),
        "/gold/store/3kc8w5vhrn2r55djz3rqy5y17kxv8pq9-src"
    );
    let md5 = "0pn2mjsq3jfldjvrr6mxxfk0c1";
    assert_eq!(
        path(FileMethod::Flat, HashAlgorithm::Md5, md5, "src"),
        "/gold/store/x5r6bq6x4i0420xs8q10cs6wrsp6h42v-src"
    );
}

// The paths of `toFile "x.txt" "hello"`, and of `b` referring to `a`, by CppNix 2.8.0.
#[test]
fn text_paths_are_those_of_cppnix() {
    let text = |name, contents: &str, references: &[StorePath]| {
        gold().text_path(name, &Hash::sha256(contents.as_bytes()), references).unwrap()
    };
    assert_eq!(text("x.txt", "hello", &[]).base_name(), "0rjmcn29lx8jv8biahzxzb3n2yhmz1ps-x.txt");
    let a = text("a", "A", &[]);
    let contents = format!("ref {}", gold().display(&a));
    assert_eq!(text("b", &contents, &[a]).base_name(), "iw6wildi6x0pl1vkjqp1wkjbm0zp666y-b");
}

#[test]
fn names_follow_the_rules() {
    for name in ["a", "a.b-c_d+e?f=g", ".hidden", "...", &"x".repeat(211)] {
        assert_eq!(check_name(name), Ok(()), "{name}");
    }
    for name in ["", ".", "..", ".-x", "..-x", "a/b", "a b", "é", "a\0", &"x".repeat(212)] {
        assert!(check_name(name).is_err(), "{name}");
    }
}

#[test]
fn absolute_paths_lie_directly_in_the_directory() {
    let path = "/gold/store/0rjmcn29lx8jv8biahzxzb3n2yhmz1ps-x.txt";
    assert_eq!(gold().display(&gold().parse(path).unwrap()), path);
    assert_eq!(
        gold().split(&format!("{path}/bin/x")).unwrap(),
        (gold().parse(path).unwrap(), "/bin/x")
    );
    for path in [
        "/gold/store",
        "/gold/store/",
        "/gold/storeX/0rjmcn29lx8jv8biahzxzb3n2yhmz1ps-x.txt",
        "/gold/store/0rjmcn29lx8jv8biahzxzb3n2yhmz1ps-x.txt/bin",
        "/gold/store/0rjmcn29lx8jv8biahzxzb3n2yhmz1pe-x.txt",
        "/gold/store/0rjmcn29lx8jv8biahzxzb3n2yhmz1ps",
        "/gold/store/0rjmcn29lx8jv8biahzxzb3n2yhmz1ps-",
        "/gold/store/0rjmcn29lx8jv8biahzxzb3n2yhmz1psx-a",
        "/gold/store/é0rjmcn29lx8jv8biahzxzb3n2yhmz1p-a",
    ] {
        assert!(gold().parse(path).is_err(), "{path}");
    }
}

#[test]
fn a_store_directory_is_absolute_and_canonical() {
    for directory in ["", "/", "nix/store", "/nix//store", "/nix/../store", "/nix/store/"] {
        assert!(
            matches!(StoreDirectory::new(directory), Err(PathError::Directory { .. })),
            "{directory}"
        );
    }
}

proptest! {
    #[test]
    fn base_names_read_back(hash in any::<[u8; 20]>(), name in "[a-zA-Z0-9+_?=]{1,40}") {
        let path = StorePath::new(&hash, &name).unwrap();
        prop_assert_eq!(path.hash_bytes(), hash);
        prop_assert_eq!(path.name(), &name);
        prop_assert_eq!(StorePath::from_base_name(path.base_name()), Ok(path));
    }
}
