//! `builtin:fetchurl`: one file from the first address that has it, put where a build wants it.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::transport::{ATTEMPTS, Network, Problem, Question, Rights, open};
use crate::nar::restore::{Metadata, restore};

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

fn attempt_one(
    download: &Download,
    url: &str,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<(), Problem> {
    let question = Question { url, known: None, headers: &[] };
    let rights = Rights::Nobodys(&download.state_directory);
    let source = open(&question, rights, &Network::default())?.body;
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
                return Err(Problem::passing(error.to_string()));
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
