//! One derivation tree, built and verified by a reference Nix and by ours: the same stores.
//!
//! `NIVIS_STORE_ORACLE` names the `nix-instantiate` of a reference that can build; its `nix-build`
//! and `nix-store` lie beside it. The builders are the applets of a static busybox. Without either
//! nothing is compared, and the test says so.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const BUSYBOX: &str = "/bin/busybox";

/// Fifty steps, each needing earlier ones, with everything that a derivation can ask for.
const TREE: &str = r#"
let
  steps = builtins.genList step 50;
  drv = i: builtins.elemAt steps i;
  rest = n: by: n - n / by * by;
  isFixed = n: rest n 11 == 8 && rest n 7 != 6;
  step = n:
    derivation ({
      name = "step-${toString n}";
      system = builtins.currentSystem;
      builder = "/bin/sh";
      args = [ "-c" (script n) ];
      n = toString n;
      source = ./tree.nix;
      text = builtins.toFile "text-${toString n}" "about ${./tree.nix}";
      inputs = map (i: (drv i).dev or (drv i))
        (builtins.filter (i: i >= 0 && i < n) [ (n - 1) (n - 3) (n / 2) ]);
      outputs = [ "out" ] ++ (if rest n 7 == 3 then [ "dev" ] else [ ]);
    }
      // (if rest n 7 == 4 then { big = "x${toString n}"; passAsFile = [ "big" ]; } else { })
      // (if rest n 7 == 5 then { exportReferencesGraph = [ "graph" (drv (n - 1)) ]; } else { })
      // (if rest n 7 == 6 then { __structuredAttrs = true; s.a = [ 1 2.5 true null ]; } else { })
      // (if isFixed n then {
        outputHashMode = "flat";
        outputHashAlgo = "sha256";
        outputHash = builtins.hashString "sha256" "fixed\n";
      } else { }));
  script = n:
    if isFixed n then "echo fixed > $out"
    else if rest n 7 == 6 then ''
      out=$(sed 's/.*"outputs":{"out":"\([^"]*\)".*/\1/' .attrs.json)
      cp .attrs.json $out
    ''
    else if rest n 7 == 5 then "cp graph $out"
    else if rest n 7 == 4 then "mkdir $out; cp $bigPath $out/big; ln -s $out/big $out/self"
    else ''
      for output in $outputs; do
        eval path=\$$output
        mkdir -p $path/bin $path/empty
        echo "$n $inputs $out $source $text" > $path/bin/run
      done
      chmod +x $out/bin/run
      ln -s ../bin/run $out/empty/link
      ln -s ${builtins.elemAt [ "$out" "/nowhere" "$text" ] (rest n 3)} $out/to
      # A name of `dev` in `out` would make a circle.
      env | grep -v '^dev=' | sort > $out/environment
    '';
in
drv LAST
"#;

/// The programs that the builders of [`TREE`] call.
const APPLETS: [&str; 9] = ["sh", "mkdir", "chmod", "ln", "cp", "sed", "sort", "env", "grep"];

/// A directory with the tree, our names and the stores.
struct Comparison {
    /// Where the reference's programs are.
    reference: PathBuf,
    folder: tempfile::TempDir,
}

/// Whose programs to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    Reference,
}

impl Comparison {
    /// Returns `None`, having said so, where nothing can be compared.
    fn new() -> Option<Self> {
        let named = std::env::var_os("NIVIS_STORE_ORACLE");
        let Some(oracle) = named.filter(|name| !name.is_empty()) else {
            eprintln!("not run: stores built by CppNix: NIVIS_STORE_ORACLE names none");
            return None;
        };
        if !Path::new(BUSYBOX).exists() {
            eprintln!("not run: there is no static {BUSYBOX} on this machine");
            return None;
        }
        let reference = Path::new(&oracle).parent().expect("it is a path").to_path_buf();
        let folder = tempfile::tempdir().expect("a temporary directory");
        for name in ["nix-instantiate", "nix-build", "nix-store"] {
            let link = folder.path().join(name);
            symlink(env!("CARGO_BIN_EXE_nivis"), link).expect("a link in an empty directory");
        }
        std::fs::write(folder.path().join("tree.nix"), "# A source.\n").expect("a file");
        for (name, last) in [("all.nix", "49"), ("half.nix", "24")] {
            let text = TREE.replace("LAST", last);
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        Some(Self { reference, folder })
    }

    fn store(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn try_run(&self, whose: Whose, store: &str, words: &[&str]) -> Output {
        let folder = self.folder.path();
        let (program, rest) = words.split_first().expect("a program");
        let directory = match whose {
            Whose::Ours => folder,
            Whose::Reference => &self.reference,
        };
        // With accounts for builders the reference kills every process that an account has: those
        // of other stores' builds, too.
        let users = match whose {
            Whose::Ours => "",
            Whose::Reference => "build-users-group =\n",
        };
        let paths = APPLETS.map(|applet| format!("/bin/{applet}={BUSYBOX}")).join(" ");
        Command::new(directory.join(program))
            .arg("--store")
            .arg(self.store(store))
            .args(rest)
            .current_dir(folder)
            .env("HOME", folder)
            .env(
                "NIX_CONFIG",
                format!("sandbox-paths = {paths}\nsandbox = true\nsubstituters =\n{users}"),
            )
            .env("NIX_PATH", "")
            .env_remove("NIX_REMOTE")
            .output()
            .expect("the program runs")
    }

    /// Runs a program that has to end well, and returns what it printed.
    fn run(&self, whose: Whose, store: &str, words: &[&str]) -> String {
        let output = self.try_run(whose, store, words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{whose:?} {words:?} in {store}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Has both check all that there is in a store, and returns what both say is in it.
    fn verified(&self, store: &str) -> String {
        let dump = self.run(Whose::Ours, store, &["nix-store", "--dump-db"]);
        assert_eq!(dump, self.run(Whose::Reference, store, &["nix-store", "--dump-db"]));
        let mut every = vec!["nix-store", "--verify-path"];
        every.extend(dump.lines().filter(|line| {
            // References repeat the paths, and derivers are paths of the store, too.
            line.starts_with("/nix/store/")
        }));
        for whose in [Whose::Ours, Whose::Reference] {
            self.run(whose, store, &["nix-store", "--verify", "--check-contents"]);
            self.run(whose, store, &every);
        }
        dump
    }

    /// Returns the files of the derivations in a store, by name.
    fn derivations(&self, store: &str) -> BTreeMap<String, Vec<u8>> {
        let directory = self.store(store).join("nix/store");
        let entries = std::fs::read_dir(directory).expect("a store").flatten();
        let named = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry));
        named
            .filter(|(name, _)| Path::new(name).extension().is_some_and(|end| end == "drv"))
            .map(|(name, entry)| (name, std::fs::read(entry.path()).expect("a file")))
            .collect()
    }
}

#[test]
fn a_tree_of_fifty_steps_is_built_as_the_reference_builds_it() {
    let Some(comparison) = Comparison::new() else { return };
    let build = ["nix-build", "--no-out-link", "all.nix"];
    let instantiate = ["nix-instantiate", "all.nix"];
    for whose in [Whose::Ours, Whose::Reference] {
        let store = format!("{whose:?}");
        let derivation = comparison.run(whose, &store, &instantiate);
        assert!(derivation.trim_end().ends_with("-step-49.drv"), "{derivation}");
        comparison.run(whose, &store, &build);
    }
    let derivations = comparison.derivations("Ours");
    assert_eq!(derivations.len(), 50);
    assert_eq!(derivations, comparison.derivations("Reference"));
    // Paths, NAR hashes, sizes, derivers and references, each store read by both.
    assert_eq!(comparison.verified("Ours"), comparison.verified("Reference"));
}

#[test]
fn one_store_is_built_by_both_and_verified_by_both() {
    let Some(comparison) = Comparison::new() else { return };
    for (first, second) in [(Whose::Reference, Whose::Ours), (Whose::Ours, Whose::Reference)] {
        let store = format!("{first:?}-first");
        comparison.run(first, &store, &["nix-build", "--no-out-link", "half.nix"]);
        comparison.verified(&store);
        let words = ["nix-build", "--no-out-link", "all.nix"];
        let output = comparison.try_run(second, &store, &words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{second:?} after {first:?}: {said}");
        assert!(said.contains("-step-49.drv"), "the rest is built: {said}");
        assert!(!said.contains("building '/nix/store/") || !said.contains("-step-3.drv'"));
        let built = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        comparison.verified(&store);
        // Damage is seen by both.
        let real = comparison.store(&store).join(built.trim_start_matches('/')).join("bin/run");
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&real, mode).expect("it is ours");
        std::fs::write(&real, "damaged").expect("it is writable");
        for whose in [first, second] {
            let output = comparison.try_run(whose, &store, &["nix-store", "--verify-path", &built]);
            assert_eq!(output.status.code(), Some(1));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains(&format!("path '{built}' was modified!")), "{said}");
        }
    }
}
