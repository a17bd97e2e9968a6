//! Runs the `console` blocks of `tests/cli`: what the binary says under its names.
//!
//! Every case has a directory of its own, with the files of the case in it, and an empty store
//! below that whose paths begin with `/nix/store`, so that they are the same everywhere. A line
//! `$ COMMAND` is run by a shell in that directory; then follow
//!
//! | line | is |
//! |---|---|
//! | as it is | stdout |
//! | `! LINE` | stderr, after all of stdout |
//! | `\` | the last line of stdout had no end |
//! | `? CODE` | the exit code, if it is not 0 |
//!
//! The directory is shown as `DIR`.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tests::literate::{self, Block, Case};

/// The names under which the binary is called.
const NAMES: [&str; 8] = [
    "nivis",
    "nix",
    "nix-build",
    "nix-collect-garbage",
    "nix-env",
    "nix-hash",
    "nix-instantiate",
    "nix-store",
];

/// The place of one case.
struct Place {
    /// Heading and line of the case.
    case: (String, usize),
    directory: tempfile::TempDir,
}

impl Place {
    fn new(case: &Case) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let place = Self { case: (case.heading.clone(), case.line), directory };
        for directory in ["work", "bin", "home"] {
            std::fs::create_dir(place.path(directory)).expect("a directory in an empty one");
        }
        for name in NAMES {
            let link = place.path("bin").join(name);
            symlink(env!("CARGO_BIN_EXE_nivis"), link).expect("a link in an empty directory");
        }
        for (name, text) in case.files() {
            let path = place.path("work").join(name);
            let parent = path.parent().expect("it lies in a directory");
            std::fs::create_dir_all(parent).expect("a directory for a file");
            std::fs::write(&path, text).expect("a file of the case");
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs one command.
    fn run(&self, command: &str) -> Output {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut words = self.path("bin").into_os_string();
        words.push(":");
        words.push(path);
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(self.path("work")).env_clear();
        shell.env("PATH", words).env("HOME", self.path("home")).env("LC_ALL", "C.UTF-8");
        shell.env("NIX_REMOTE", self.path("root")).env("NIX_PATH", "").env("TZ", "UTC");
        shell.env("NIX_CONF_DIR", self.path("home")).env("NIVIS_CACHE_DIR", "");
        // The same paths on every machine, and no waiting for its disk.
        shell.env("NIX_CONFIG", "system = x86_64-linux\nfsync-metadata = false\nsubstituters =\n");
        shell.output().expect("a shell")
    }

    /// Returns a command with all that it says.
    fn transcript(&self, command: &str) -> String {
        let output = self.run(command);
        let mut text = format!("$ {command}\n");
        let stdout = String::from_utf8_lossy(&output.stdout);
        text.push_str(&stdout);
        if !stdout.is_empty() && !stdout.ends_with('\n') {
            text.push_str("\n\\\n");
        }
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            text.push_str(format!("! {line}").trim_end());
            text.push('\n');
        }
        match output.status.code() {
            Some(0) => {}
            Some(code) => {
                let _ = writeln!(text, "? {code}");
            }
            None => text.push_str("? killed\n"),
        }
        let directory = self.directory.path().to_string_lossy();
        text.replace(&format!("{directory}/work"), "DIR").replace(&*directory, "DIR/..")
    }
}

/// Runs the commands of a block.
fn answer(places: &RefCell<Option<Place>>, case: &Case, block: &Block) -> Option<String> {
    if block.language != "console" {
        return None;
    }
    let mut current = places.borrow_mut();
    let key = (case.heading.clone(), case.line);
    if current.as_ref().is_none_or(|place| place.case != key) {
        *current = Some(Place::new(case));
    }
    let place = current.as_ref().expect("it was just made");
    let commands = block.text.lines().filter_map(|line| line.strip_prefix("$ "));
    Some(commands.map(|command| place.transcript(command)).collect())
}

/// Runs the documents side by side: most of the time they wait for what they run.
#[test]
fn commands_say_what_their_transcripts_say() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cli");
    let entries = std::fs::read_dir(&directory).expect("the folder of transcripts");
    let mut documents: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    assert!(!documents.is_empty(), "there are no transcripts in {}", directory.display());
    std::thread::scope(|scope| {
        for document in &documents {
            scope.spawn(move || {
                let place = RefCell::new(None);
                literate::run_blocks(document, |case, block| answer(&place, case, block));
            });
        }
    });
}

#[test]
fn errors_of_the_language_look_as_its_cases_say() {
    let place = RefCell::new(None);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/language/errors.md");
    literate::run_blocks(&file, |case, block| answer(&place, case, block));
}

#[test]
fn the_examples_of_the_readme_are_true() {
    let place = RefCell::new(None);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    literate::run_blocks(&file, |case, block| answer(&place, case, block));
}
