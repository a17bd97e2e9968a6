//! The prompt as a person sees it: typed at, and read from, through a pseudo-terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// How a program asks where the cursor is, and what a terminal says.
const ASKS_PLACE: &[u8] = b"\x1b[6n";
const PLACE: &[u8] = b"\x1b[1;1R";

/// A session at a terminal.
struct Session {
    terminal: File,
    program: Child,
    seen: Vec<u8>,
    /// How much of `seen` was looked at by [`Session::expect`].
    read: usize,
    answered: usize,
    _home: tempfile::TempDir,
}

impl Session {
    fn start() -> Session {
        let home = tempfile::tempdir().expect("a temporary directory");
        let text = "{ /** Hot. */ leaf = x: x; }";
        std::fs::write(home.path().join("tea.nix"), text).expect("a file");
        let size = Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("a pseudo-terminal");
        let side = || Stdio::from(pty.slave.try_clone().expect("another handle"));
        // Without a controlling terminal Ctrl-C is only a character.
        let mut command = Command::new("setsid");
        command.args(["--ctty", env!("CARGO_BIN_EXE_nivis"), "repl"]);
        command.env_clear().env("TERM", "xterm").env("HOME", home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("NIX_REMOTE", "dummy://").env("NIX_CONF_DIR", home.path());
        command.env("NIVIS_CACHE_DIR", "").env("NIX_CONFIG", "substituters =");
        command.current_dir(home.path());
        let program = command.stdin(side()).stdout(side()).stderr(side()).spawn().expect("setsid");
        let terminal = File::from(pty.master);
        Session { terminal, program, seen: Vec::new(), read: 0, answered: 0, _home: home }
    }

    fn type_in(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).expect("the terminal takes it");
    }

    /// Waits until `wanted` is on the screen, after what was waited for before.
    fn expect(&mut self, wanted: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let rest = &self.seen[self.read..];
            if let Some(at) = find(rest, wanted.as_bytes()) {
                self.read += at + wanted.len();
                return;
            }
            let shown = || String::from_utf8_lossy(rest).into_owned();
            assert!(Instant::now() < end, "`{wanted}` does not come, but\n{}", shown());
            self.more();
        }
    }

    /// Reads what the program writes, and answers as a terminal does.
    fn more(&mut self) {
        let mut wait = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
        if poll(&mut wait, PollTimeout::from(200_u16)).expect("polling") == 0 {
            return;
        }
        let mut part = [0; 4096];
        let Ok(count) = self.terminal.read(&mut part) else { return };
        self.seen.extend_from_slice(&part[..count]);
        while let Some(at) = find(&self.seen[self.answered..], ASKS_PLACE) {
            self.answered += at + ASKS_PLACE.len();
            self.terminal.write_all(PLACE).expect("the terminal takes it");
        }
    }

    /// Waits until nothing more comes for a while.
    fn settle(&mut self) {
        let mut silences = 0;
        while silences < 5 {
            let before = self.seen.len();
            self.more();
            silences = if self.seen.len() == before { silences + 1 } else { 0 };
        }
    }

    fn quit(mut self) {
        self.type_in(":q\r");
        let end = Instant::now() + PATIENCE;
        while self.program.try_wait().expect("waiting").is_none() {
            assert!(Instant::now() < end, "it does not end");
            self.more();
        }
        assert!(self.program.wait().expect("waiting").success());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[test]
fn a_person_types_at_the_prompt() {
    let mut session = Session::start();
    session.expect("nivis");
    session.type_in("1 + 41\r");
    session.expect("42");
    // What is not whole goes on in the next line.
    session.type_in("let cups = 2;\r");
    session.type_in("in cups * 500\r");
    session.expect("1000");
    // The last text comes back.
    session.type_in("\x1b[A");
    session.expect("cups * 500");
    session.type_in("\r");
    session.expect("1000");
    // Names, attributes, paths and commands are completed.
    session.type_in("builtins.concatStringsS\t");
    session.expect("concatStringsSep");
    session.type_in(" \"-\" [ \"a\" \"b\" ]\r");
    session.expect("a-b");
    session.type_in(":l ./te\t");
    session.expect("tea.nix");
    session.type_in("\r");
    session.expect("Added 1");
    session.type_in(":doc leaf\r");
    session.expect("Hot.");
    session.quit();
}

#[test]
fn ctrl_c_stops_an_evaluation_and_not_the_session() {
    let mut session = Session::start();
    session.expect("nivis");
    session.type_in("let f = n: if n == 0 then 0 else f (n - 1) + f (n - 1); in f 60\r");
    // It has left the line editor when it has gone to the next line.
    session.expect("f 60");
    session.settle();
    session.type_in("\x03");
    session.expect("interrupted by the user");
    session.type_in("6 * 7\r");
    session.expect("42");
    session.quit();
}
