//! Fetching one file by its address, for `builtin:fetchurl`.
//!
//! What comes is checked against a hash by the caller, but who it comes from is verified all the
//! same: an address may hold credentials.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::nar::restore::{Metadata, restore};
use crate::sandbox::account;
use crate::sandbox::file_identity;

/// What to fetch and what to make of it.
#[derive(Debug, Clone)]
pub struct Download {
    /// Where to look, in order; `http`, `https` and `file` addresses.
    pub urls: Vec<String>,
    /// The path to make, which must not exist.
    pub destination: PathBuf,
    /// Whether what comes is an archive (NAR) to unpack.
    pub unpack: bool,
    /// Whether to make an executable file.
    pub executable: bool,
    /// Where the locks of the accounts are that files are read as, if we are root.
    pub state_directory: PathBuf,
}

/// How long to wait for a connection, and for the first byte of an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often an address that fails for a passing reason is tried.
const ATTEMPTS: u32 = 3;

/// Fetches the file from the first address that has it.
///
/// # Errors
///
/// What was wrong with each address, if none has it; `is_cancelled` also stops it.
pub fn download(
    download: &Download,
    say: &mut dyn FnMut(&str),
    is_cancelled: &dyn Fn() -> bool,
) -> Result<(), String> {
    let mut problems = Vec::new();
    for url in &download.urls {
        for attempt in 1..=ATTEMPTS {
            match attempt_one(download, url, is_cancelled) {
                Ok(()) => return Ok(()),
                Err(_) if is_cancelled() => return Err("interrupted".to_owned()),
                Err(problem) => {
                    remove(&download.destination);
                    let message = format!("unable to download '{url}': {}", problem.message);
                    if attempt < ATTEMPTS && problem.may_pass {
                        say(&format!("warning: {message}; retrying"));
                        std::thread::sleep(Duration::from_millis(250 << attempt));
                        continue;
                    }
                    problems.push(message);
                    break;
                }
            }
        }
    }
    if problems.is_empty() {
        return Err("there is no address to download from".to_owned());
    }
    Err(problems.join("; "))
}

/// Why an address did not give what was wanted.
struct Problem {
    message: String,
    /// Whether trying again makes sense.
    may_pass: bool,
}

impl Problem {
    fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), may_pass: false }
    }
}

fn attempt_one(
    download: &Download,
    url: &str,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<(), Problem> {
    let source = open(url, &download.state_directory)?;
    let mut source = Cancelable { source, is_cancelled };
    if download.unpack {
        if is_compressed(url) {
            return Err(Problem::lasting("compressed archives are not supported"));
        }
        return restore(&mut source, &download.destination, Metadata::Ordinary)
            .map_err(|error| Problem::lasting(crate::build::describe(&error)));
    }
    let mode = if download.executable { 0o755 } else { 0o644 };
    let write = |error: io::Error| Problem::lasting(format!("cannot write it: {error}"));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&download.destination)
        .map_err(write)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Problem { message: error.to_string(), may_pass: true });
            }
        };
        file.write_all(buffer.get(..count).unwrap_or_default()).map_err(write)?;
    }
    // The caller's mask may have taken something away.
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(write)
}

fn is_compressed(url: &str) -> bool {
    [".xz", ".bz2", ".gz", ".zst", ".br"].iter().any(|suffix| url.ends_with(suffix))
}

/// Opens an address for reading.
fn open(url: &str, state_directory: &Path) -> Result<Box<dyn Read>, Problem> {
    if let Some(rest) = url.strip_prefix("file://") {
        let Some(path) = rest
            .strip_prefix("localhost/")
            .map(|it| format!("/{it}"))
            .or_else(|| rest.starts_with('/').then(|| rest.to_owned()))
        else {
            return Err(Problem::lasting("a `file` address must name a file of this machine"));
        };
        let path = PathBuf::from(percent_decoded(&path));
        let file = open_as_nobody(&path, state_directory)?;
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            return Err(Problem::lasting("it is not a regular file"));
        }
        return Ok(Box::new(file));
    }
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(Problem::lasting("only `http`, `https` and `file` addresses are supported"));
    }
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .user_agent(concat!("nivis/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    match agent.get(url).header("Accept-Encoding", "identity").call() {
        Ok(response) => Ok(Box::new(response.into_body().into_reader())),
        Err(ureq::Error::StatusCode(code)) => {
            let may_pass = matches!(code, 408 | 429 | 500..=599);
            Err(Problem { message: format!("HTTP error {code}"), may_pass })
        }
        Err(error) => {
            let may_pass = matches!(error, ureq::Error::Io(_) | ureq::Error::Timeout(_));
            Err(Problem { message: error.to_string(), may_pass })
        }
    }
}

/// Opens a file with the rights of a builder, not with ours.
///
/// As root we could read everything, and what is read becomes readable for all.
fn open_as_nobody(path: &Path, state_directory: &Path) -> Result<File, Problem> {
    let explain = |error: io::Error| Problem::lasting(error.to_string());
    if !account::is_root() {
        return File::open(path).map_err(explain);
    }
    let user = account::acquire(state_directory, "nixbld", false)
        .map_err(|error| Problem::lasting(error.to_string()))?;
    file_identity::with(user.account, || File::open(path)).and_then(|it| it).map_err(explain)
}

fn percent_decoded(text: &str) -> std::ffi::OsString {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let (b'%', Some(code)) = (byte, code) {
            bytes.push(code);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    std::ffi::OsString::from_vec(bytes)
}

/// Removes what a failed attempt left.
fn remove(path: &Path) {
    let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
}

/// A source that ends with an error once it is called off.
struct Cancelable<'c> {
    source: Box<dyn Read>,
    is_cancelled: &'c dyn Fn() -> bool,
}

impl Read for Cancelable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if (self.is_cancelled)() {
            return Err(io::Error::other("interrupted"));
        }
        self.source.read(buffer)
    }
}

#[cfg(test)]
mod tests;
