//! Real editors with the server: Neovim and Emacs, where they are installed.
//!
//! The scripts in `tests/editors` do what a person does (open, complete an option, read about it,
//! jump to its declaration, mistype a value and mend it) and tell what they saw.

use crate::sources;
use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Stdio};

const CONFIGURATION: &str = "{ ... }:\n{\n\n}\n";

/// Whether a program answers to `--version`.
fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs an editor with a script and checks what it saw.
fn check(program: &str, arguments: &[&OsStr]) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let place = folder.path().canonicalize().expect("it is there");
    let (work, home) = (place.join("work"), place.join("home"));
    fs::create_dir_all(&work).and_then(|()| fs::create_dir_all(&home)).expect("two directories");
    fs::write(work.join("configuration.nix"), CONFIGURATION).expect("a file");
    let report = place.join("report");
    let output = Command::new(program)
        .args(arguments)
        .current_dir(&work)
        .env("HOME", &home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("NIVIS_CACHE_DIR", home.join("nivis"))
        .env("NIX_PATH", "")
        .env("NIX_CONFIG", "substituters =")
        .env("SERVER", env!("CARGO_BIN_EXE_nivis"))
        .env("FOLDER", &work)
        .env("REPORT", &report)
        .stdin(Stdio::null())
        .output()
        .expect("the editor runs");
    let seen = fs::read_to_string(&report).unwrap_or_default();
    let told = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = seen.lines().collect();
    let [opened, completed, documentation, declared, error, mended] = lines[..] else {
        panic!("{program} saw:\n{seen}\n{told}");
    };
    assert_eq!(opened, "open: nivis");
    assert_eq!(completed, "completed:  services.nginx.recommendedOptimisation");
    let shows = |line: &str, words: &[&str]| {
        assert!(words.iter().all(|word| line.contains(word)), "{program}: {line}");
    };
    shows(documentation, &["documentation: ", "services.nginx.enable", "boolean"]);
    shows(declared, &["declared: ", "nginx/default.nix: enable = lib.mkEnableOption"]);
    shows(error, &["error: line 3: ", "boolean"]);
    assert_eq!(mended, "no error", "{program}");
}

#[test]
fn neovim_completes_documents_jumps_and_diagnoses() {
    if !is_installed("nvim") {
        eprintln!("not run: a session of Neovim: nvim is not in PATH");
        return;
    }
    let script = sources::top().join("tests/editors/neovim.lua");
    let arguments = ["--headless", "-n", "-u", "NONE", "-i", "NONE", "-S"].map(OsStr::new);
    check("nvim", &[&arguments[..], &[script.as_os_str()]].concat());
}

#[test]
fn emacs_completes_documents_jumps_and_diagnoses() {
    if !is_installed("emacs") {
        eprintln!("not run: a session of Emacs: emacs is not in PATH");
        return;
    }
    let has_eglot = Command::new("emacs")
        .args(["--batch", "--eval", "(progn (package-initialize) (require 'eglot))"])
        .stderr(Stdio::null())
        .status();
    if !has_eglot.is_ok_and(|status| status.success()) {
        eprintln!("not run: a session of Emacs: it has no eglot");
        return;
    }
    let script = sources::top().join("tests/editors/emacs.el");
    check(
        "emacs",
        &["--batch", "-l"]
            .map(OsStr::new)
            .into_iter()
            .chain([script.as_os_str()])
            .collect::<Vec<_>>(),
    );
}
