//! What is measured: command lines that every version of Nix understands.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::{Outcome, source_directory};

/// A command to measure.
pub(super) struct Task {
    pub(super) name: String,
    /// The program, as it is called beside `nix-instantiate`.
    pub(super) program: &'static str,
    pub(super) arguments: Vec<OsString>,
    /// Whether it counts among the programs that need nothing but the language.
    pub(super) is_pure: bool,
    /// Whether all have to answer the same; versions, greetings and syntax trees differ.
    pub(super) is_compared: bool,
    /// What warms the compiled files, if there are to be some.
    pub(super) warmed_by: Option<Vec<OsString>>,
}

impl Task {
    fn new(name: &str, program: &'static str, arguments: Vec<OsString>) -> Task {
        let name = name.to_owned();
        Task { name, program, arguments, is_pure: false, is_compared: true, warmed_by: None }
    }

    fn evaluation(name: &str, arguments: Vec<OsString>) -> Task {
        let mut all = vec!["--eval".into(), "--strict".into()];
        all.extend(arguments);
        Task::new(name, "nix-instantiate", all)
    }

    fn uncompared(self) -> Task {
        Task { is_compared: false, ..self }
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<OsString> {
    words.map(OsString::from).to_vec()
}

/// Returns everything that there is to measure here.
pub(super) fn tasks() -> Outcome<Vec<Task>> {
    let mut tasks = Vec::new();
    for entry in std::fs::read_dir(source_directory().join("pure"))? {
        let path = entry?.path();
        let name = path.file_stem().ok_or("a program without a name")?.to_string_lossy();
        let arguments = vec![path.clone().into_os_string()];
        tasks.push(Task { is_pure: true, ..Task::evaluation(&name, arguments) });
    }
    tasks.sort_by(|a, b| a.name.cmp(&b.name));
    tasks.push(Task::new("--version", "nix-instantiate", words(["--version"])).uncompared());
    // A session whose input has ended; some versions want a feature for it.
    let repl = words(["--extra-experimental-features", "nix-command", "repl"]);
    tasks.push(Task::new("start of a repl", "nix", repl).uncompared());
    match std::env::var_os("NIVIS_NIXPKGS") {
        Some(tree) => tasks.extend(of_nixpkgs(&tree)),
        None => eprintln!("not measured: packages and systems: NIVIS_NIXPKGS names no tree"),
    }
    Ok(tasks)
}

/// Returns what is measured with a nixpkgs tree.
fn of_nixpkgs(tree: &OsStr) -> Vec<Task> {
    let below = |path: &str| Path::new(tree).join(path).into_os_string();
    let package = |name: &str| -> Vec<OsString> {
        let mut arguments = vec![tree.to_owned()];
        arguments.extend(words(["--arg", "config", "{ }", "--argstr", "system", "x86_64-linux"]));
        arguments.extend(["-A".into(), format!("{name}.drvPath").into()]);
        arguments
    };
    let ours = |name: &str| -> Vec<OsString> {
        let program = source_directory().join(name).into_os_string();
        vec![program, "--arg".into(), "nixpkgs".into(), tree.to_owned()]
    };
    let system = |attribute: &str| -> Vec<OsString> {
        let mut arguments = ours("nixos.nix");
        arguments.extend(words(["--argstr", "attribute", attribute]));
        arguments
    };
    let parsed = vec!["--parse".into(), below("pkgs/top-level/all-packages.nix")];
    let mut query = words(["-qaP", "-f"]);
    query.extend(ours("query.nix"));
    let mut tasks = vec![
        Task::new("parse of all-packages.nix", "nix-instantiate", parsed).uncompared(),
        Task::evaluation("the tests of lib", vec![below("lib/tests/misc.nix")]),
        Task::new("nix-env -qaP of perlPackages", "nix-env", query),
    ];
    let evaluations = [
        ("hello.drvPath", package("hello"), package("git")),
        ("firefox.drvPath", package("firefox"), package("git")),
        ("200 packages", ours("packages.nix"), package("git")),
        ("a NixOS system", system("toplevel"), system("etc")),
        ("a NixOS desktop", ours("desktop.nix"), system("toplevel")),
    ];
    for (name, arguments, other) in evaluations {
        let cached = format!("{name}, with compiled files");
        tasks.push(Task::evaluation(name, arguments.clone()));
        tasks.push(Task { warmed_by: Some(other), ..Task::evaluation(&cached, arguments) });
    }
    tasks
}
