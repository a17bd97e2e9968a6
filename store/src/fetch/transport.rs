//! Addresses to bytes: `file`, `http` and `https`.
//!
//! Who bytes come from is verified even where a hash says what they must be: an address may hold
//! credentials.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sandbox::account;
use crate::sandbox::file_identity;

/// How long to wait for a connection, and for the first byte of an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often an address that fails for a passing reason is tried.
pub(super) const ATTEMPTS: u32 = 3;

/// What an address answers.
pub(super) struct Answer {
    /// What it holds; nothing if it has not changed.
    pub(super) body: Box<dyn Read>,
    /// By what the server knows this version.
    pub(super) etag: Option<String>,
    /// Whether it still has the version asked about.
    pub(super) is_unchanged: bool,
}

/// With whose rights files of this machine are read.
#[derive(Clone, Copy)]
pub(super) enum Rights<'r> {
    /// Those of whoever runs this program.
    Ours,
    /// Those of a builder; where the locks of the accounts are if we are root.
    Nobodys(&'r Path),
}

/// Why an address did not give what was wanted.
pub(super) struct Problem {
    pub(super) message: String,
    /// Whether trying again makes sense.
    pub(super) may_pass: bool,
}

impl Problem {
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), may_pass: false }
    }
}

/// Opens an address for reading; `known` is the version that need not be sent again.
pub(super) fn open(url: &str, known: Option<&str>, rights: Rights<'_>) -> Result<Answer, Problem> {
    if let Some(rest) = url.strip_prefix("file://") {
        let Some(path) = rest
            .strip_prefix("localhost/")
            .map(|it| format!("/{it}"))
            .or_else(|| rest.starts_with('/').then(|| rest.to_owned()))
        else {
            return Err(Problem::lasting("a `file` address must name a file of this machine"));
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = PathBuf::from(percent_decoded(path));
        let file = match rights {
            Rights::Ours => File::open(&path).map_err(|error| {
                Problem::lasting(format!("could not open file {}: {error}", path.display()))
            })?,
            Rights::Nobodys(state_directory) => open_as_nobody(&path, state_directory)?,
        };
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            return Err(Problem::lasting("it is not a regular file"));
        }
        return Ok(Answer { body: Box::new(file), etag: None, is_unchanged: false });
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
    let mut request = agent.get(url).header("Accept-Encoding", "identity");
    if let Some(known) = known {
        request = request.header("If-None-Match", known);
    }
    match request.call() {
        Ok(response) => {
            let etag = response.headers().get("etag").and_then(|it| it.to_str().ok());
            Ok(Answer {
                etag: etag.map(str::to_owned),
                is_unchanged: known.is_some() && response.status().as_u16() == 304,
                body: Box::new(response.into_body().into_reader()),
            })
        }
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
