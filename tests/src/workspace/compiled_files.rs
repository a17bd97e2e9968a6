//! Compiled files between processes: cold, warm, shared, killed and damaged, the answers are equal.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A tree of files whose values and errors depend on order, paths and positions.
const FILES: [(&str, &str); 5] = [
    (
        "default.nix",
        "let lib = import ./lib.nix; in { a = import ./sub { inherit lib; zeta = 1; beta = 2; }; \
         b = lib.zip (rec { y = z; z = [ ./sub ]; }); wrong = import ./wrong.nix lib; }",
    ),
    (
        "lib.nix",
        "rec { zip = set: map (name: { inherit name; value = set.${name}; }) (names set); \
         names = builtins.attrNames; beta = x: x.beta or zeta; zeta = { \"a b\" = 1.5; }; }",
    ),
    (
        "sub/default.nix",
        "{ beta, lib, zeta ? beta, alpha ? zeta }@args: with lib; let inherit (lib) names; in \
         { sum = alpha + beta * zeta; at = builtins.unsafeGetAttrPos \"at\" { at = 1; }; \
         names = names args; deep.er = ''\n  text ${toString ./.}\n''; fallback = lib.beta { }; }",
    ),
    ("wrong.nix", "lib:\nlet\n  deep = { a.b = x: x.missing; };\nin\ndeep.a.b { }"),
    ("broken.nix", "{ a = ; }"),
];

/// What is asked, each of a process of its own.
const QUESTIONS: [&str; 5] = [
    "(import ./. ).a",
    "builtins.toJSON (import ./. ).b",
    "(import ./. ).wrong",
    "import ./broken.nix",
    "builtins.attrNames (import ./. )",
];

struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    fn new() -> Tree {
        let folder = tempfile::tempdir().expect("a temporary directory");
        for (name, text) in FILES {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            std::fs::write(path, text).expect("a file");
        }
        Tree { folder }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Returns the command that asks `question`, with the place of caches.
    fn command(&self, question: &str, cache: &OsStr) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nivis"));
        command.args(["eval", "--expr", question]).current_dir(self.folder.path());
        command.env("HOME", self.folder.path()).env("NIVIS_CACHE_DIR", cache);
        command.env("NIX_CONFIG", "substituters =");
        command.env("NIX_REMOTE", "dummy://").env("NIX_PATH", "").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Returns the answers to all questions.
    fn answers(&self, cache: &OsStr) -> Vec<Output> {
        let ask =
            |question: &&str| self.command(question, cache).output().expect("the binary runs");
        QUESTIONS.iter().map(ask).collect()
    }

    fn packs(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.cache().join("compiled")).expect("a directory");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some_and(|it| it == "pack")).collect()
    }
}

#[test]
fn answers_are_equal_cold_warm_and_damaged() {
    let tree = Tree::new();
    let expected = tree.answers(OsStr::new(""));
    assert!(!tree.cache().exists(), "no cache directory, no cache");
    let text = String::from_utf8_lossy(&expected[0].stdout);
    assert!(text.contains("fallback"), "{text}\n{}", String::from_utf8_lossy(&expected[0].stderr));
    assert!(String::from_utf8_lossy(&expected[2].stderr).contains("missing"));
    for _ in 0..3 {
        assert_eq!(tree.answers(tree.cache().as_os_str()), expected);
    }
    assert!(!tree.packs().is_empty(), "something was kept");
    for round in 0..12 {
        for pack in tree.packs() {
            let mut bytes = std::fs::read(&pack).expect("a pack");
            let at = bytes.len() * (2 * round + 1) / 24;
            bytes[at] ^= 0x55;
            bytes.truncate(if round % 3 == 2 { at } else { bytes.len() });
            std::fs::write(&pack, bytes).expect("a damaged pack");
        }
        assert_eq!(tree.answers(tree.cache().as_os_str()), expected, "round {round}");
    }
}

#[test]
fn answers_are_equal_while_others_run_and_die() {
    let tree = Tree::new();
    let expected = tree.answers(OsStr::new(""));
    let cache = tree.cache();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (tree, cache, expected) = (&tree, &cache, &expected);
            scope.spawn(move || {
                if thread < 6 {
                    assert_eq!(&tree.answers(cache.as_os_str()), expected);
                    return;
                }
                for round in 0_u64..10 {
                    let question = QUESTIONS[round as usize % QUESTIONS.len()];
                    let mut child =
                        tree.command(question, cache.as_os_str()).spawn().expect("the binary runs");
                    std::thread::park_timeout(Duration::from_micros(700 * (thread - 5) * round));
                    child.kill().expect("a process that can be killed");
                    child.wait().expect("a process that ends");
                }
            });
        }
    });
    assert_eq!(tree.answers(cache.as_os_str()), expected);
    std::fs::remove_dir_all(&cache).expect("a cache to remove");
    std::fs::write(&cache, "no directory").expect("a file");
    assert_eq!(tree.answers(Path::new(&cache).as_os_str()), expected);
}
