//! Flakes and fetchers beside CppNix: every script of `tests/flake/scenarios.md`, run by both.
//!
//! `NIVIS_ORACLE` names the `nix-instantiate` of the reference; its `nix` lies beside it.

#[path = "flake_oracle/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version whose answers ours must be.
const TARGET: &str = "2.34.8";
/// The scripts.
const SCENARIOS: &str = include_str!("../../flake/scenarios.md");
/// How long a script may take.
const SECONDS_MAX: u32 = 300;
/// What scripts may use.
const PRELUDE: &str = r#"
flake() {
    mkdir -p "$1"
    cat > "$1/flake.nix"
    touch -d '2020-01-02 03:04:05 UTC' "$1/flake.nix" "$1" "$1/.."
}
repo() { mkdir -p "$1"; git init -q -b main "$1"; }
# The index would take a file of the same size and time for the same.
commit() { rm -f "$1/.git/index"; git -C "$1" add -A; git -C "$1" commit -q -m "$1"; }
old() { find . -name .git -prune -o -exec touch -h -d '2020-01-02 03:04:05 UTC' {} +; }
pack() {
    mkdir -p www
    find "$2" -exec touch -h -d '2020-01-02 03:04:05 UTC' {} +
    tar --sort=name --owner=0 --group=0 --numeric-owner -caf "www/$1" "$2"
}
"#;

/// A `nix`, with a home and a store of its own.
struct Program {
    name: &'static str,
    /// The directory that it is found in.
    path: PathBuf,
    home: tempfile::TempDir,
}

impl Program {
    fn new(name: &'static str, path: &Path) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        Self { name, path: path.to_owned(), home }
    }

    /// Runs a script in an empty `directory` and returns what it printed and left.
    fn run(&self, script: &str, directory: &Path, address: &str) -> String {
        let _ = std::fs::remove_dir_all(directory);
        std::fs::create_dir(directory).expect("a directory that can be written");
        // Every script starts from nothing: no registry, no cache.
        for name in [".config", ".cache"] {
            let _ = std::fs::remove_dir_all(self.home.path().join(name));
        }
        let home = self.home.path();
        let whole = format!("exec 2>&1\n{PRELUDE}\n{script}");
        let inherited = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("timeout");
        command.arg(SECONDS_MAX.to_string()).args(["bash", "-c", &whole]);
        command.current_dir(directory).env_clear();
        command.env("PATH", format!("{}:{inherited}", self.path.display()));
        command.env("HOME", home).env("NIX_CONF_DIR", home).env("U", address);
        command.env("NIX_REMOTE", format!("local?root={}/store", home.display()));
        command.env(
            "NIX_CONFIG",
            "experimental-features = nix-command flakes fetch-tree\n\
             flake-registry =\nsubstituters =\nconnect-timeout = 5\ndownload-attempts = 1",
        );
        command.env("NO_COLOR", "1").env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "n").env(format!("GIT_{who}_EMAIL"), "e");
            command.env(format!("GIT_{who}_DATE"), "1600000000 +0000");
        }
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.output().expect("`timeout` can be started");
        let mut text = normal(&String::from_utf8_lossy(&output.stdout), home);
        // Writing to a string never fails.
        let _ = writeln!(text, "? {}", output.status.code().unwrap_or(-1));
        for (name, lock) in locks(directory) {
            let _ = write!(text, "== {name}\n{lock}");
        }
        text
    }
}

/// Returns the lock files below a directory.
fn locks(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else if entry.file_name() == "flake.lock" {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                found.insert(path.display().to_string(), text);
            }
        }
    }
    found
}

/// Takes out what `git` and the libraries below CppNix say on the way, the terminal's colors (which
/// CppNix's new commands always use), and where the store really is.
fn normal(text: &str, home: &Path) -> String {
    const PROGRESS: [&str; 10] = [
        "evaluating '",
        "unpacking '",
        "copying '",
        "remote: ",
        "From ",
        " * [new ",
        "fatal: ",
        "warning: unable to download",
        "hint: ",
        "fetching ",
    ];
    let mut kept = String::new();
    for line in text.lines() {
        let line = line.rsplit('\r').next().unwrap_or(line);
        let is_of_push = line.starts_with("   ") && line.contains(" -> ") && line.contains("..");
        if is_of_push || PROGRESS.iter().any(|start| line.starts_with(start)) {
            continue;
        }
        let line = match line.find(" (libgit2 error code = ") {
            Some(start) => line.get(..start).unwrap_or(line),
            None => line,
        };
        kept.push_str(line.trim_end());
        kept.push('\n');
    }
    let store = format!("{}/store/nix/store", home.display());
    // CppNix has one slash too many there.
    let kept = kept.replace(&store, "/nix/store").replace("path '//", "path '/");
    without_colors(&kept)
}

fn without_colors(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

/// Returns the scripts by their headings.
fn scenarios() -> Vec<(&'static str, &'static str)> {
    let parts = SCENARIOS.split("\n## ").skip(1);
    let scenario = |part: &'static str| {
        let (name, rest) = part.split_once('\n')?;
        let script = rest.split_once("```sh\n")?.1.split_once("\n```")?.0;
        Some((name, script))
    };
    parts.filter_map(scenario).collect()
}

/// Returns CppNix, if there is one whose answers ours must be.
fn oracle() -> Option<PathBuf> {
    let Some(program) = std::env::var_os("NIVIS_ORACLE") else {
        eprintln!("did not run: flakes: NIVIS_ORACLE names no nix-instantiate");
        return None;
    };
    let path = Path::new(&program).parent()?.to_owned();
    let output = Command::new(path.join("nix")).arg("--version").output();
    let text = output.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    let text = text.unwrap_or_default();
    if text.trim_end().ends_with(TARGET) {
        return Some(path);
    }
    eprintln!("did not run: flakes: beside NIVIS_ORACLE is no nix of version {TARGET}");
    None
}

#[test]
fn flakes_are_as_the_oracle_has_them() {
    let Some(theirs) = oracle() else { return };
    let links = tempfile::tempdir().expect("a temporary directory");
    symlink(env!("CARGO_BIN_EXE_nivis"), links.path().join("nix")).expect("an empty directory");
    let programs = [Program::new("CppNix", &theirs), Program::new("nivis", links.path())];
    let room = tempfile::tempdir().expect("a temporary directory");
    let directory = room.path().join("work");
    let address = server::serve(directory.join("www"));
    let chosen = std::env::var("NIVIS_SCENARIO").unwrap_or_default();
    let (mut count, mut different) = (0, Vec::new());
    for (name, script) in scenarios() {
        if !name.contains(&chosen) {
            continue;
        }
        count += 1;
        let [wanted, found] = programs.each_ref().map(|it| it.run(script, &directory, &address));
        if wanted != found {
            let [a, b] = programs.each_ref().map(|it| it.name);
            eprintln!("#### {name}\n---- {a}\n{wanted}---- {b}\n{found}");
            different.push(name);
        }
    }
    eprintln!("{} of {count} scripts end alike", count - different.len());
    assert!(different.is_empty(), "{different:?}");
}

/// What a server with repositories says of one, as files.
const FORGES: &str = r#"
mkdir t
echo '{ outputs = _: { x = 1; }; }' > t/flake.nix
pack t.tar.gz t
A=1111111111111111111111111111111111111111
put() { mkdir -p "$(dirname "www/$1")"; cat > "www/$1"; }
echo "{ \"sha\": \"$A\" }" | put api/v3/repos/o/r/commits/HEAD
put api/v3/repos/o/r/tarball/$A < www/t.tar.gz
echo "[ { \"id\": \"$A\" } ]" | put api/v4/projects/o%2Fr/repository/commits
put api/v4/projects/o%2Fr/repository/archive.tar.gz < www/t.tar.gz
echo 'ref: refs/heads/main' | put '~o/r/HEAD'
printf '%s\trefs/heads/main\n' $A | put '~o/r/info/refs'
put "~o/r/archive/$A.tar.gz" < www/t.tar.gz
cat <<END | flake a
{
  inputs.github.url = "github:o/r";
  inputs.gitlab.url = "gitlab:o/r";
  inputs.sourcehut.url = "sourcehut:~o/r/main";
  outputs = { self, github, gitlab, sourcehut }: { x = github.x + gitlab.x + sourcehut.x; };
}
END
nix eval ./a#x --forge-urls "github.com=$U gitlab.com=$U git.sr.ht=$U" 2>/dev/null
nix eval --raw --impure --expr "(builtins.fetchTree \"$U/t.tar.gz\").narHash"
"#;

#[test]
fn servers_with_repositories_are_where_the_settings_say() {
    let links = tempfile::tempdir().expect("a temporary directory");
    symlink(env!("CARGO_BIN_EXE_nivis"), links.path().join("nix")).expect("an empty directory");
    let room = tempfile::tempdir().expect("a temporary directory");
    let directory = room.path().join("work");
    let address = server::serve(directory.join("www"));
    let said = Program::new("nivis", links.path()).run(FORGES, &directory, &address);
    let (sum, rest) = said.split_once('\n').unwrap_or_default();
    assert_eq!(sum, "3", "{said}");
    let hash = rest.lines().next().unwrap_or_default();
    let lock = std::fs::read_to_string(directory.join("a/flake.lock")).expect("it was written");
    for (kind, owner) in [("github", "o"), ("gitlab", "o"), ("sourcehut", "~o")] {
        let locked = format!(
            "      \"locked\": {{\n        \"lastModified\": 1577934245,\n        \"narHash\": \
             \"{hash}\",\n        \"owner\": \"{owner}\",\n        \"repo\": \"r\",\n        \
             \"rev\": \"1111111111111111111111111111111111111111\",\n        \"type\": \"{kind}\"\n"
        );
        assert!(lock.contains(&locked), "{kind}: {lock}");
    }
}
