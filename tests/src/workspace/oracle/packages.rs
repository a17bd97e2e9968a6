//! Packages of a real nixpkgs tree: the same derivations, to the byte.

use super::Evaluator;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is compared: small and large, and what nearly everything needs.
const PACKAGES: [&str; 8] =
    ["hello", "git", "python3", "gcc", "nginx", "systemd", "linux", "firefox"];

/// How long one package may take, in a build without optimization.
const SECONDS_MAX: u32 = 900;

/// Those whose derivations are written to a store.
const CLOSURES: [&str; 2] = ["hello", "nginx"];

/// Returns the tree to take the packages from; says so when there is none.
pub(super) fn nixpkgs(what: &str) -> Option<PathBuf> {
    let tree = std::env::var_os("NIVIS_NIXPKGS").map(PathBuf::from);
    if tree.is_none() {
        eprintln!("did not run: {what}: NIVIS_NIXPKGS names no nixpkgs tree");
    }
    tree
}

/// Evaluates the path of a package's derivation.
fn derivation_path(evaluator: &Evaluator, tree: &Path, package: &str) -> String {
    let output = evaluator.run_with(SECONDS_MAX, |command| {
        command.args(["--eval", "--strict", "-A"]).arg(format!("{package}.drvPath")).arg(tree);
        command.args(["--arg", "config", "{ }", "--argstr", "system", "x86_64-linux"]);
    });
    let text = if output.status.success() { output.stdout } else { output.stderr };
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// Instantiates a package into an empty store and returns the derivations in it.
fn closure(evaluator: &Evaluator, tree: &Path, package: &str) -> BTreeMap<String, Vec<u8>> {
    let store = tempfile::tempdir().expect("a temporary directory");
    let output = evaluator.run_with(SECONDS_MAX, |command| {
        command.arg("-A").arg(package).arg(tree).env("NIX_REMOTE", store.path());
        command.args(["--arg", "config", "{ }", "--argstr", "system", "x86_64-linux"]);
    });
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}", evaluator.program.display());
    let directory = store.path().join("nix/store");
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).expect("the store has a directory").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().extension().is_some_and(|extension| extension == "drv") {
            found.insert(name, std::fs::read(entry.path()).expect("a derivation can be read"));
        }
    }
    found
}

#[test]
fn packages_have_the_same_derivation_paths() {
    let what = "the derivation paths of packages";
    let (Some(tree), Some(oracle)) = (nixpkgs(what), Evaluator::oracle(what)) else { return };
    let ours = Evaluator::ours();
    for package in PACKAGES {
        let expected = derivation_path(&oracle, &tree, package);
        assert!(expected.ends_with(".drv\""), "the oracle says of {package}: {expected}");
        assert_eq!(derivation_path(&ours, &tree, package), expected, "{package}");
        eprintln!("{package}: {expected}");
    }
}

#[test]
fn instantiating_writes_the_same_derivations() {
    let what = "the derivations written to a store";
    let (Some(tree), Some(oracle)) = (nixpkgs(what), Evaluator::oracle(what)) else { return };
    let ours = Evaluator::ours();
    for package in CLOSURES {
        let expected = closure(&oracle, &tree, package);
        let found = closure(&ours, &tree, package);
        let names =
            |closure: &BTreeMap<String, Vec<u8>>| closure.keys().cloned().collect::<Vec<_>>();
        assert!(expected.len() > 100, "{package} has only {} derivations", expected.len());
        assert_eq!(names(&found), names(&expected), "{package}");
        for (name, text) in &expected {
            assert!(found.get(name) == Some(text), "{package}: {name} differs");
        }
        eprintln!("{package}: {} derivations, each byte the same", expected.len());
    }
}
