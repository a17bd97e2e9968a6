//! The builder of the confinement tests: this very test program, inside the sandbox.
//!
//! The variable `PROBE` says what to try. Each attempt is a line of the output: what was tried,
//! and `yes` if it worked.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::process::Command;

use nix::unistd::Pid;

/// The name of this test, by which the builder runs it alone.
pub(super) const NAME: &str = "build::tests::probe::attempts_are_reported_when_asked_for";

/// What came of the attempts.
#[derive(Default)]
struct Report(String);

impl Report {
    fn note(&mut self, attempt: &str, worked: bool) {
        let answer = if worked { "yes" } else { "no" };
        writeln!(self.0, "{attempt}: {answer}").expect("a string takes everything");
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).expect("the derivation sets it")
}

#[test]
fn attempts_are_reported_when_asked_for() {
    let Ok(probe) = std::env::var("PROBE") else { return };
    let mut report = Report::default();
    let out = variable("out");
    match probe.as_str() {
        "read" => read(&mut report),
        "network" => network(&mut report),
        "processes" => processes(&mut report),
        "write" => write(&mut report),
        "rights" => rights(&mut report, &out),
        "who" => report.0 = format!("{}\n", nix::unistd::geteuid()),
        "fetch" => {
            let mut text = String::new();
            let mut stream = TcpStream::connect(variable("tcp")).expect("the host's network");
            stream.read_to_string(&mut text).expect("a text");
            report.0 = text;
        }
        other => panic!("there is no probe '{other}'"),
    }
    if probe == "who" {
        // Not a builder, but what one of them starts.
        std::io::stderr().write_all(report.0.as_bytes()).expect("somebody listens");
    } else {
        fs::write(out, report.0).expect("the output can be written");
    }
}

/// Whether a file can be read or a directory be listed.
fn is_readable(path: &str) -> bool {
    fs::read(path).is_ok() || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
}

fn read(report: &mut Report) {
    for name in ["input", "secret", "host"] {
        report.note(name, is_readable(&variable(name)));
    }
    let above =
        format!("{}/../{}", variable("input"), variable("secret").replace("/nix/store", ""));
    report.note("above", is_readable(&above));
    for path in ["/etc/shadow", "/root", "/home", "/sys", "/var", "/run", "/proc/1/root/root"] {
        report.note(path, is_readable(path));
    }
    let store: Vec<String> = fs::read_dir("/nix/store")
        .expect("it is there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    report.note("store lists the input alone", store.len() == 1);
}

fn network(report: &mut Report) {
    report.note("tcp", TcpStream::connect(variable("tcp")).is_ok());
    let abstract_name = SocketAddr::from_abstract_name(variable("abstract"));
    let abstract_name = abstract_name.expect("a short name");
    report.note("abstract socket", UnixStream::connect_addr(&abstract_name).is_ok());
    report.note("named socket", UnixStream::connect(variable("socket")).is_ok());
    // An address of documentation: nobody answers, but a packet must have a way out.
    let sent = UdpSocket::bind("0.0.0.0:0").and_then(|it| it.send_to(b"x", "192.0.2.1:9"));
    report.note("packet out", sent.is_ok());
    let own = TcpListener::bind("127.0.0.1:0").and_then(|it| TcpStream::connect(it.local_addr()?));
    report.note("own loopback", own.is_ok());
}

fn processes(report: &mut Report) {
    let host: i32 = variable("pid").parse().expect("a number");
    report.note("signal", nix::sys::signal::kill(Pid::from_raw(host), None).is_ok());
    let entries = fs::read_dir("/proc").expect("it is mounted").flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let others = ids.filter(|id| *id != nix::unistd::getpid().as_raw()).count();
    report.note("others in /proc", others > 0);
    report.note("parent", nix::unistd::getppid().as_raw() != 0);
    report.note("environment", fs::read("/proc/1/environ").is_ok_and(|it| contains(&it, "PROBE=")));
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn write(report: &mut Report) {
    let input = variable("input");
    report.note("append to an input", fs::write(format!("{input}/file"), "changed").is_ok());
    report.note("new file in an input", fs::write(format!("{input}/new"), "").is_ok());
    report.note("remove an input", fs::remove_dir_all(&input).is_ok());
    report.note("rename an input", fs::rename(&input, "/nix/store/renamed").is_ok());
    let mode = fs::Permissions::from_mode(0o777);
    report.note("mode of an input", fs::set_permissions(&input, mode.clone()).is_ok());
    report.note("mode of the store", fs::set_permissions("/nix/store", mode).is_ok());
    for path in ["/new", "/etc/new", "/nix/new", "/dev/new", "/bin/new", "/etc/passwd"] {
        report.note(path, fs::write(path, "").is_ok());
    }
    // What else it leaves in its store directory is its own.
    let other = "/nix/store/00000000000000000000000000000000-other";
    report.note("another object", fs::write(other, "").is_ok());
    let flags = nix::mount::MsFlags::MS_REMOUNT | nix::mount::MsFlags::MS_BIND;
    let none = None::<&str>;
    report.note("remount", nix::mount::mount(none, input.as_str(), none, flags, none).is_ok());
    report.note("unmount", nix::mount::umount(input.as_str()).is_ok());
    report.note("build directory", fs::write("/build/file", "").is_ok());
    report.note("/tmp", fs::write("/tmp/file", "").is_ok());
}

fn rights(report: &mut Report, out: &str) {
    let id = nix::unistd::geteuid().as_raw();
    report.note("is root", id == 0);
    report.note("is uid 1000", id == 1000);
    report.note("setuid", nix::unistd::setuid(0.into()).is_ok());
    report.note("setgid", nix::unistd::setgid(0.into()).is_ok());
    report.note("chroot", nix::unistd::chroot("/build").is_ok());
    report.note("host name", nix::unistd::sethostname("other").is_ok());
    let status = fs::read_to_string("/proc/self/status").expect("it is mounted");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
        line.trim().to_owned()
    };
    for name in ["CapEff:", "CapPrm:", "CapBnd:", "CapAmb:", "CapInh:"] {
        report.note(name, field(name) != "0000000000000000");
    }
    report.note("new privileges", field("NoNewPrivs:") != "1");
    fs::write("/build/program", "").expect("it is ours");
    for bits in [0o4755, 0o2755, 0o6755] {
        for path in [Path::new("/build/program"), Path::new(out).parent().expect("the store")] {
            let mode = fs::Permissions::from_mode(bits);
            report.note(&format!("mode {bits:o} of {}", path.display()), {
                fs::set_permissions(path, mode).is_ok()
            });
        }
    }
    let mut program = Command::new("/suid");
    program.args([NAME, "--exact", "--nocapture"]).env("PROBE", "who");
    let ran = program.output().expect("a program that only has a bit set");
    assert!(contains(&ran.stderr, "1000\n"), "{ran:?}");
    report.note("root by a program", contains(&ran.stderr, "\n0\n"));
}
