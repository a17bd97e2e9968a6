//! What a builder cannot do, tried from inside, once as this user and once as nobody.
//!
//! Each attempt also runs outside, or has a counterpart that works, so that it fails for the
//! reason it should.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use super::*;
use crate::content_address::{ContentAddress, FileMethod};
use crate::hash::{Hash, HashAlgorithm};
use crate::nar::disk::DiskTree;
use crate::nar::writer::everything;
use crate::store::NewTree;

/// An account that owns nothing.
const NOBODY: u32 = 65534;

/// A store whose builders have the probe.
fn scratch() -> Scratch {
    let mut scratch = Scratch::new();
    let program = std::env::current_exe().expect("it runs");
    let paths = &mut scratch.options.sandbox_paths;
    paths.push(format!("/probe={}", program.display()));
    // The program is linked dynamically.
    paths.extend(["/lib?", "/lib64?", "/usr/lib?"].map(str::to_owned));
    scratch
}

/// Copies the program by another one: a file that a copy of this process still holds open for
/// writing cannot be executed.
fn copy_this_program(to: &Path) {
    let program = std::env::current_exe().expect("it runs");
    let status = Command::new("cp").args([program.as_path(), to]).status();
    assert!(status.expect("a program of the host").success());
}

impl Scratch {
    fn probe(&self, probe: &str, variables: &[(&str, &str)], output: Output) -> StorePath {
        self.derivation(probe, |derivation| {
            derivation.builder = b"/probe".to_vec();
            let arguments = [super::probe::NAME, "--exact", "--nocapture"];
            derivation.arguments = arguments.map(|it| it.as_bytes().to_vec()).to_vec();
            derivation.outputs.insert("out".to_owned(), output);
            set(derivation, "PROBE", probe);
            for (name, value) in variables {
                set(derivation, name, value);
                if let Ok(path) = self.store.directory().parse(value)
                    && *name == "input"
                {
                    derivation.input_sources.insert(path);
                }
            }
        })
    }

    /// Adds a directory with a file.
    fn object(&self, name: &str) -> String {
        let source = self.path(name);
        fs::create_dir(&source).expect("a new directory");
        fs::write(source.join("file"), name).expect("a new file");
        let added = self.store.add_tree(NewTree {
            name,
            tree: &DiskTree,
            path: &source,
            filter: &mut everything,
            method: FileMethod::Recursive,
            algorithm: HashAlgorithm::Sha256,
            references: BTreeSet::new(),
        });
        self.store.directory().display(&added.expect("a new object"))
    }

    /// Builds a probe and returns what it could do.
    fn abilities(&self, path: &StorePath) -> Vec<String> {
        let place = match self.build(path) {
            Ok(place) => place,
            Err(BuildError::Failed { failures }) => panic!("{failures:#?}"),
            Err(error) => panic!("{error}"),
        };
        let text = fs::read_to_string(place).expect("a report");
        assert!(text.lines().any(|line| line.ends_with(": no")), "nothing failed: {text}");
        text.lines().filter_map(|line| line.strip_suffix(": yes")).map(str::to_owned).collect()
    }
}

#[test]
fn a_builder_reads_its_closure_and_nothing_else() {
    let scratch = scratch();
    let (input, secret) = (scratch.object("input"), scratch.object("secret"));
    let host = scratch.path("nix/store").display().to_string();
    assert!(fs::read_dir(&host).is_ok_and(|mut entries| entries.next().is_some()));
    let variables = [("input", &*input), ("secret", &*secret), ("host", &*host)];
    let probe = scratch.probe("read", &variables, Output::Deferred);
    assert_eq!(scratch.abilities(&probe), ["input", "store lists the input alone"]);
}

#[test]
fn a_builder_reaches_no_network_but_its_own() {
    let scratch = scratch();
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = tcp.local_addr().expect("it is bound");
    TcpStream::connect(address).expect("it can be reached from here");
    let name = format!("nivis-test-{}", std::process::id());
    let abstract_name = SocketAddr::from_abstract_name(&name).expect("a short name");
    let _listener = UnixListener::bind_addr(&abstract_name).expect("a free name");
    UnixStream::connect_addr(&abstract_name).expect("it can be reached from here");
    let socket = scratch.path("socket");
    let _named = UnixListener::bind(&socket).expect("a free name");
    let variables = [
        ("tcp", &*address.to_string()),
        ("abstract", &*name),
        ("socket", &*socket.display().to_string()),
    ];
    let probe = scratch.probe("network", &variables, Output::Deferred);
    assert_eq!(scratch.abilities(&probe), ["own loopback"]);
}

#[test]
fn a_builder_sees_no_process_but_its_own() {
    let scratch = scratch();
    // Far from the few numbers that a process list of its own begins with.
    let child =
        Command::new("sleep").arg("1000").stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("a program of the host");
    let pid = child.id().to_string();
    let probe = scratch.probe("processes", &[("pid", &pid)], Output::Deferred);
    let built = scratch.build(&probe);
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    built.expect("a report");
    // Itself it does see.
    assert_eq!(scratch.abilities(&probe), ["environment"]);
}

#[test]
fn a_builder_writes_its_outputs_and_nothing_else() {
    let scratch = scratch();
    let input = scratch.object("input");
    let probe = scratch.probe("write", &[("input", &input)], Output::Deferred);
    let abilities = scratch.abilities(&probe);
    // The directory that it takes for the store is its own, of which only outputs are kept.
    let own = ["another object", "build directory", "/tmp"];
    let harmless = |it: &&String| !own.contains(&it.as_str()) && *it != "mode of the store";
    assert_eq!(abilities.iter().filter(harmless).count(), 0, "{abilities:?}");
    assert!(own.iter().all(|it| abilities.iter().any(|other| other == it)), "{abilities:?}");
    let path = scratch.store.directory().parse(&input).expect("a path");
    let file = scratch.store.real_path(&path).join("file");
    assert_eq!(fs::read_to_string(file).expect("it is still there"), "input");
    scratch.is_clean();
}

#[test]
fn a_builder_gains_no_rights() {
    let mut scratch = scratch();
    // A program that makes its user root, or whoever runs this test, anywhere else.
    let suid = scratch.path("suid");
    copy_this_program(&suid);
    fs::set_permissions(&suid, fs::Permissions::from_mode(0o6755)).expect("it is ours");
    scratch.options.sandbox_paths.push(format!("/suid={}", suid.display()));
    let probe = scratch.probe("rights", &[], Output::Deferred);
    assert_eq!(scratch.abilities(&probe), ["is uid 1000"]);
}

#[test]
fn a_fixed_output_has_the_network_and_is_checked() {
    let scratch = scratch();
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = tcp.local_addr().expect("it is bound").to_string();
    let server = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = tcp.accept().expect("somebody comes");
            stream.write_all(b"fetched").expect("it is read");
        }
    });
    let output = |text: &[u8]| {
        let digest = Hash::sha256(text);
        Output::Fixed(ContentAddress::Fixed { method: FileMethod::Flat, digest })
    };
    let wrong = scratch.probe("fetch", &[("tcp", &address)], output(b"expected"));
    let failure = scratch.failure(&wrong);
    assert_eq!(failure.kind, BuildFailureKind::HashMismatch, "{failure:?}");
    assert!(failure.message.contains("hash mismatch in fixed-output derivation"), "{failure:?}");
    let right = scratch.probe("fetch", &[("tcp", &address)], output(b"fetched"));
    let place = scratch.build(&right).expect("it has the hash");
    assert_eq!(fs::read(place).expect("it is there"), b"fetched");
    server.join().expect("both came");
    scratch.is_clean();
}

/// As root all of the above runs once more as an account that owns nothing.
#[test]
fn the_same_holds_without_root() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let open = |path: &Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("it is ours");
    };
    open(directory.path());
    // Where this program lies, others may not be let in.
    let program = directory.path().join("program");
    copy_this_program(&program);
    open(&program);
    let output = Command::new(&program)
        .args(["build::tests::confinement", "--nocapture"])
        .env("TMPDIR", directory.path())
        .current_dir(directory.path())
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .expect("a program of this user");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("7 passed"), "{said}");
}
