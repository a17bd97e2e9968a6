//! Programs of the host that know repositories.

use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// How often whoever waits for a program looks whether it was told to stop.
const TICK: Duration = Duration::from_millis(20);

/// Runs a program, gives it `input` and returns what it says.
///
/// Ctrl-C ends it.
pub(super) fn run(command: &mut Command, input: Vec<u8>) -> std::io::Result<Output> {
    command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let stdin = child.stdin.take();
    let writer = std::thread::spawn(move || stdin.map(|mut it| it.write_all(&input)));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let out = std::thread::spawn(move || read(stdout));
    let err = std::thread::spawn(move || read(stderr));
    let status = wait(&mut child)?;
    // A program that did not read everything says why, or does not need it.
    let _ = writer.join();
    let stdout = out.join().unwrap_or_default();
    Ok(Output { status, stdout, stderr: err.join().unwrap_or_default() })
}

fn read(stream: Option<impl std::io::Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What was read until then is there.
        let _ = stream.read_to_end(&mut bytes);
    }
    bytes
}

fn wait(child: &mut Child) -> std::io::Result<std::process::ExitStatus> {
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if crate::build::is_interrupted() {
            let _ = child.kill();
            child.wait()?;
            return Err({
                let kind = std::io::ErrorKind::ConnectionAborted;
                std::io::Error::new(kind, "interrupted by the user")
            });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(TICK);
    }
}
