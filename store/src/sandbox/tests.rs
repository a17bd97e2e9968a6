//! What a confined program can and cannot do, without a store around it.
//!
//! The programs are scripts for a static busybox of the host; without one the tests say so.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

const BUSYBOX: &str = "/bin/busybox";

/// A builder's surroundings in a directory that goes away with it.
struct Room {
    directory: tempfile::TempDir,
    account: Option<account::BuildAccount>,
}

impl Room {
    /// Returns `None`, having said so, where the tests cannot run.
    fn new() -> Option<Self> {
        if !Path::new(BUSYBOX).exists() {
            eprintln!("not run: there is no static {BUSYBOX} on this machine");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let account = account::is_root().then(|| {
            account::acquire(
                &directory.path().join("state"),
                "nixbld",
                false,
                account::AccountRange::default(),
            )
            .unwrap()
        });
        let room = Self { directory, account };
        for (name, mode) in [("root", 0o755), ("store", 0o1775), ("build", 0o700)] {
            let path = room.path(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            if let Some(user) = &room.account {
                let owner = if name == "store" { None } else { Some(user.account.uid) };
                std::os::unix::fs::chown(&path, owner, Some(user.account.gid)).unwrap();
            }
        }
        Some(room)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn invocation(&self, script: &str) -> Invocation {
        let bind = |source: &Path, target: &str, access| Bind {
            source: source.to_path_buf(),
            target: PathBuf::from(target),
            access,
            optional: false,
        };
        let mut binds = vec![
            bind(Path::new(BUSYBOX), "/bin/sh", Access::ReadOnly),
            bind(&self.path("build"), "/build", Access::Private),
            bind(&self.path("store"), "/nix/store", Access::Private),
        ];
        for device in ["null", "zero", "full", "random", "urandom", "tty"] {
            let path = format!("/dev/{device}");
            binds.push(bind(Path::new(&path), &path, Access::Device));
        }
        Invocation {
            program: "/bin/sh".into(),
            arguments: [&b"sh"[..], b"-c", script.as_bytes()].map(<[u8]>::to_vec).to_vec(),
            environment: [(b"PATH".to_vec(), b"/path-not-set".to_vec())].into(),
            directory: "/build".into(),
            isolation: Some(Isolation {
                root: self.path("root"),
                binds,
                links: Vec::new(),
                files: vec![("/etc/hosts".into(), b"127.0.0.1 localhost\n".to_vec())],
                network: Network::Private,
                shm_size: "50%".into(),
            }),
            account: self.account.as_ref().map(|user| user.account),
            limits: Limits { time: Some(Duration::from_secs(20)), ..Limits::default() },
            is_32_bit: false,
            has_old_kernel: false,
            is_filtered: true,
        }
    }

    fn run(&self, script: &str) -> (Ending, String) {
        run_all(&self.invocation(script))
    }
}

fn run_all(invocation: &Invocation) -> (Ending, String) {
    let mut text = Vec::new();
    let mut output = |piece: &[u8]| text.extend_from_slice(piece);
    let ending = run(invocation, &mut output, &|| false).unwrap();
    (ending, String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_builder_is_nobody_in_particular() {
    let Some(room) = Room::new() else { return };
    let (ending, text) = room.run(
        "id; echo pid $$; hostname; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; \
         echo /*; echo /dev/*; tail -n +3 /proc/net/dev | wc -l; pwd; umask; env",
    );
    assert_eq!(ending, Ending::Exited(0), "{text}");
    let none = "0000000000000000";
    let expected = [
        "pid 1",
        "localhost",
        &format!("CapInh:\t{none}"),
        &format!("CapPrm:\t{none}"),
        &format!("CapEff:\t{none}"),
        &format!("CapBnd:\t{none}"),
        &format!("CapAmb:\t{none}"),
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "/bin /build /dev /etc /nix /proc",
        "/dev/fd /dev/full /dev/null /dev/ptmx /dev/pts /dev/random /dev/shm /dev/stderr \
         /dev/stdin /dev/stdout /dev/tty /dev/urandom /dev/zero",
        "1",
        "/build",
        "0022",
    ];
    let mut lines = text.lines();
    // The caller's other groups cannot be dropped without root, and are nameless inside.
    assert!(lines.next().unwrap().starts_with("uid=1000 gid=100"), "{text}");
    assert_eq!(lines.by_ref().take(expected.len()).collect::<Vec<_>>(), expected);
    let mut variables: Vec<&str> = lines.collect();
    variables.sort_unstable();
    assert_eq!(variables, ["PATH=/path-not-set", "PWD=/build", "SHLVL=1"]);
}

#[test]
fn the_end_of_a_builder_is_told() {
    let Some(room) = Room::new() else { return };
    assert_eq!(room.run("echo a; echo b >&2; exit 7"), (Ending::Exited(7), "a\nb\n".into()));
    // The first process of a process list ignores signals sent from inside; its children do not.
    let (ending, _) = room.run("sh -c 'kill -9 $$' 2>/dev/null; exit $?");
    assert_eq!(ending, Ending::Exited(137));
    let (ending, text) = room.run("exec >/dev/null 2>&1; sleep 0.3; exit 4");
    assert_eq!((ending, text.as_str()), (Ending::Exited(4), ""));
}

#[test]
fn a_builder_stops_at_its_limits() {
    let Some(room) = Room::new() else { return };
    let with = |script: &str, limits| run_all(&Invocation { limits, ..room.invocation(script) }).0;
    let short = Some(Duration::from_millis(300));
    let limits = Limits { time: short, ..Limits::default() };
    assert_eq!(with("while :; do echo; sleep 0.05; done", limits), Ending::TimedOut);
    let limits = Limits { silence: short, ..Limits::default() };
    assert_eq!(with("sleep 1000", limits), Ending::Silent);
    let limits = Limits { output_bytes: Some(1000), ..Limits::default() };
    assert_eq!(with("while :; do echo 1234567890; done", limits), Ending::TooMuchOutput);
    assert_eq!(with("head -c 1000 /dev/zero", limits), Ending::Exited(0));
    assert_eq!(with("head -c 1001 /dev/zero", limits), Ending::TooMuchOutput);
}

#[test]
fn a_builder_stops_when_asked() {
    let Some(room) = Room::new() else { return };
    let cancelled = std::cell::Cell::new(false);
    let mut output = |_: &[u8]| cancelled.set(true);
    let invocation = room.invocation("echo; sleep 1000");
    assert_eq!(run(&invocation, &mut output, &|| cancelled.get()).unwrap(), Ending::Cancelled);
}

#[test]
fn what_cannot_be_set_up_is_named() {
    let Some(room) = Room::new() else { return };
    let message =
        |invocation: &Invocation| run(invocation, &mut |_| (), &|| false).unwrap_err().to_string();
    let mut missing = room.invocation("");
    missing.program = "/nix/store/nothing".into();
    assert!(message(&missing).starts_with("cannot execute `/nix/store/nothing`: No such file"));
    let mut nowhere = room.invocation("");
    nowhere.directory = "/nowhere".into();
    assert!(message(&nowhere).starts_with("cannot set up the sandbox: entering /nowhere: No such"));
    let mut unbound = room.invocation("");
    let bind = Bind {
        source: "/no/such/path".into(),
        target: "/x".into(),
        access: Access::ReadOnly,
        optional: true,
    };
    let binds = &mut unbound.isolation.as_mut().unwrap().binds;
    binds.push(bind);
    assert_eq!(run_all(&unbound).0, Ending::Exited(0));
    unbound.isolation.as_mut().unwrap().binds.last_mut().unwrap().optional = false;
    assert!(message(&unbound).starts_with("cannot make `/no/such/path` visible"));
    let mut nul = room.invocation("");
    nul.environment.insert(b"A".to_vec(), b"x\0y".to_vec());
    assert_eq!(message(&nul), "the environment variable `A` contains a NUL byte");
}

#[test]
fn a_plain_process_gets_the_same_filter_and_nothing_inherited() {
    let Some(room) = Room::new() else { return };
    let script = "env; chmod 4755 f; grep NoNew /proc/self/status; cd /; echo */ | grep -c proc";
    let mut plain = room.invocation(&format!("touch f; {script}"));
    plain.isolation = None;
    plain.program = BUSYBOX.into();
    plain.directory = room.path("build");
    if room.account.is_some() {
        fs::set_permissions(room.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (ending, text) = run_all(&plain);
    assert_eq!(ending, Ending::Exited(0), "{text}");
    assert!(text.contains("Operation not permitted"), "{text}");
    assert!(text.contains("NoNewPrivs:\t1"), "{text}");
    assert!(!text.contains("HOME="), "{text}");
}
