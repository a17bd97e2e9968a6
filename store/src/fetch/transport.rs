//! Addresses to bytes: `file`, `http` and `https`.
//!
//! Who bytes come from is verified even where a hash says what they must be: an address may hold
//! credentials.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::netrc;
use crate::sandbox::account;
use crate::sandbox::file_identity;

/// How long to wait for an answer that must come at once, where nobody says otherwise.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a server may send nothing in the middle of a body, where nobody says otherwise.
const STALL: Duration = Duration::from_mins(5);
/// How often an address that fails for a passing reason is tried, where nobody says otherwise.
pub(super) const ATTEMPTS: u32 = 3;
/// How often whoever waits looks whether it was told to stop.
const TICK: Duration = Duration::from_millis(50);
/// How many bytes go from the connection to the reader at once.
const CHUNK_BYTES: usize = 64 << 10;
/// How many chunks may wait for the reader.
const CHUNKS_MAX: usize = 16;
/// How many redirections lead to an address.
const REDIRECTIONS_MAX: u32 = 10;
/// How many bytes of what a server says of an error are shown.
const COMPLAINT_MAX_BYTES: u64 = 2000;

/// How servers are spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long a server may send nothing.
    pub stall_timeout: Duration,
    /// How often an address is tried that fails for a passing reason.
    pub attempts: u32,
    /// The certificates (PEM) of who is trusted, instead of those that browsers trust.
    pub certificates: Option<PathBuf>,
    /// The file of names and passwords by machine.
    pub netrc: Option<PathBuf>,
    /// What follows our name where we introduce ourselves.
    pub user_agent_suffix: String,
    /// How many bytes of an answer are taken in a second, at most; 0: any number.
    pub bytes_per_second: u64,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            connect_timeout: PATIENCE,
            stall_timeout: STALL,
            attempts: ATTEMPTS,
            certificates: None,
            netrc: None,
            user_agent_suffix: String::new(),
            bytes_per_second: 0,
        }
    }
}

/// What an address is asked.
pub(super) struct Question<'q> {
    pub(super) url: &'q str,
    /// The version that need not be sent again.
    pub(super) known: Option<&'q str>,
    /// More headers of the request.
    pub(super) headers: &'q [(String, String)],
}

/// What an address answers.
pub(super) struct Answer {
    /// What it holds; nothing if it has not changed.
    pub(super) body: Box<dyn Read>,
    /// By what the server knows this version.
    pub(super) etag: Option<String>,
    /// Whether it still has the version asked about.
    pub(super) is_unchanged: bool,
    /// The address at which the same will be for all times, if the server tells one.
    pub(super) immutable_url: Option<String>,
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
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) message: String,
    /// Whether trying again makes sense.
    pub(super) may_pass: bool,
    /// Whether it is not the address that is wrong, but what it holds.
    pub(super) is_about_archive: bool,
    /// Whether there is nothing at the address.
    pub(super) is_missing: bool,
    /// Whether there is no server at all, or no network.
    pub(super) is_unreachable: bool,
}

impl Problem {
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            may_pass: false,
            is_about_archive: false,
            is_missing: false,
            is_unreachable: false,
        }
    }

    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self { may_pass: true, ..Self::lasting(message) }
    }

    /// Returns the problem of an archive that is none.
    pub(super) fn of_archive(message: impl Into<String>) -> Self {
        Self { is_about_archive: true, ..Self::lasting(message) }
    }

    /// Returns the problem of a body that cannot be read to its end.
    pub(super) fn of_body(error: &io::Error) -> Self {
        // Whoever was told to stop does not try again.
        let may_pass = error.kind() != ErrorKind::ConnectionAborted;
        Self { may_pass, ..Self::lasting(error.to_string()) }
    }
}

/// The error of a transfer that was called off.
fn interrupted() -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, "interrupted by the user")
}

/// Waits before another attempt; whoever was told to stop does not wait.
pub(super) fn pause(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end && !crate::build::is_interrupted() {
        std::thread::sleep(TICK);
    }
}

/// Opens an address for reading.
pub(super) fn open(
    question: &Question<'_>,
    rights: Rights<'_>,
    network: &Network,
) -> Result<Answer, Problem> {
    let url = question.url;
    if let Some(rest) = url.strip_prefix("file://") {
        return open_file(rest, rights);
    }
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(Problem::lasting("only `http`, `https` and `file` addresses are supported"));
    }
    let mut headers = question.headers.to_vec();
    if let Some(known) = question.known {
        headers.push(("If-None-Match".to_owned(), known.to_owned()));
    }
    if let Some(netrc) = &network.netrc
        && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        && let Some(value) = netrc::authorization(netrc, url)
    {
        headers.push(("Authorization".to_owned(), value));
    }
    let agent = agent(network)?;
    let (sender, receiver) = mpsc::sync_channel(CHUNKS_MAX);
    let url = url.to_owned();
    // Names are looked up and bodies are awaited without an end, so somebody else does it: whoever
    // wants the answer may stop waiting.
    let speed = network.bytes_per_second;
    std::thread::spawn(move || transfer(&agent, &url, &headers, speed, &sender));
    let mut patient = Patient {
        receiver,
        rest: Vec::new(),
        at: 0,
        is_over: false,
        // A connection is made and a request is sent before the first answer.
        timeout: network.connect_timeout + network.stall_timeout,
    };
    match patient.next().map_err(|error| Problem::of_body(&error))? {
        Some(Part::Head(head)) => {
            patient.timeout = network.stall_timeout;
            let Head { etag, status, immutable_url } = head;
            Ok(Answer {
                etag,
                is_unchanged: question.known.is_some() && status == 304,
                immutable_url,
                body: Box::new(patient),
            })
        }
        Some(Part::Refused(problem)) => Err(problem),
        Some(Part::Chunk(_) | Part::Broken(_)) | None => {
            Err(Problem::passing("the connection was lost"))
        }
    }
}

fn open_file(rest: &str, rights: Rights<'_>) -> Result<Answer, Problem> {
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
            let message = format!("could not open file {}: {error}", path.display());
            let is_missing = error.kind() == ErrorKind::NotFound;
            Problem { is_missing, ..Problem::lasting(message) }
        })?,
        Rights::Nobodys(state_directory) => open_as_nobody(&path, state_directory)?,
    };
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_file {
        return Err(Problem::lasting("it is not a regular file"));
    }
    let body = Box::new(file);
    Ok(Answer { body, etag: None, is_unchanged: false, immutable_url: None })
}

fn agent(network: &Network) -> Result<ureq::Agent, Problem> {
    let mut agent = format!("nivis/{}", env!("CARGO_PKG_VERSION"));
    if !network.user_agent_suffix.is_empty() {
        agent = format!("{agent} {}", network.user_agent_suffix);
    }
    let mut builder = ureq::Agent::config_builder()
        .timeout_connect(Some(network.connect_timeout))
        .timeout_recv_response(Some(network.stall_timeout))
        .timeout_per_read(Some(network.stall_timeout))
        .max_redirects(REDIRECTIONS_MAX)
        // What a server says of an error is shown.
        .http_status_as_error(false)
        .user_agent(agent);
    if let Some(path) = &network.certificates {
        let explain = |problem: &dyn std::fmt::Display| {
            let path = path.display();
            Problem::lasting(format!("reading the certificates in '{path}': {problem}"))
        };
        let text = std::fs::read(path).map_err(|error| explain(&error))?;
        let mut certificates = Vec::new();
        for item in ureq::tls::parse_pem(&text) {
            if let ureq::tls::PemItem::Certificate(one) = item.map_err(|error| explain(&error))? {
                certificates.push(one);
            }
        }
        let roots = ureq::tls::RootCerts::new_with_certs(&certificates);
        builder = builder.tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build());
    }
    Ok(builder.build().into())
}

/// What comes over a connection, in order.
enum Part {
    Head(Head),
    Chunk(Vec<u8>),
    /// The body ended too early.
    Broken(io::Error),
    /// There is no answer, or one that is none.
    Refused(Problem),
}

/// What stands before a body.
struct Head {
    status: u16,
    etag: Option<String>,
    immutable_url: Option<String>,
}

/// Asks an address and sends what it answers, until nobody listens.
fn transfer(
    agent: &ureq::Agent,
    url: &str,
    headers: &[(String, String)],
    speed: u64,
    parts: &mpsc::SyncSender<Part>,
) {
    let mut request = agent.get(url).header("Accept-Encoding", "identity");
    for (name, value) in headers {
        request = request.header(name.as_str(), value.as_str());
    }
    let asked = Instant::now();
    let response = match request.call() {
        Ok(response) => response,
        Err(error) => {
            let _ = parts.send(Part::Refused(explained(&error, url, asked.elapsed())));
            return;
        }
    };
    let status = response.status().as_u16();
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|it| it.to_str().ok());
        value.map(str::to_owned)
    };
    let mut links = response.headers().get_all("link").iter();
    let immutable_url = links.find_map(|it| immutable(it.to_str().ok()?));
    let head = Head { status, etag: header("etag"), immutable_url };
    let mut body = response.into_body().into_reader();
    if status >= 400 {
        let _ = parts.send(Part::Refused(complaint(status, body)));
        return;
    }
    if parts.send(Part::Head(head)).is_err() {
        return;
    }
    let (start, mut received) = (Instant::now(), 0);
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let part = match body.read(&mut chunk) {
            Ok(0) => return,
            Ok(count) => {
                chunk.truncate(count);
                received += count as u64;
                slow_down(start, received, speed);
                Part::Chunk(chunk)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Part::Broken(error),
        };
        let is_last = matches!(part, Part::Broken(_));
        if parts.send(part).is_err() || is_last {
            return;
        }
    }
}

/// Waits until so many bytes since `start` are no more than the speed allows; 0: any.
fn slow_down(start: Instant, received: u64, bytes_per_second: u64) {
    const MILLISECONDS_PER_SECOND: u64 = 1000;
    let due = received.saturating_mul(MILLISECONDS_PER_SECOND).checked_div(bytes_per_second);
    let due = Duration::from_millis(due.unwrap_or_default());
    std::thread::sleep(due.saturating_sub(start.elapsed()));
}

/// Returns the problem that a server has with a request.
fn complaint(status: u16, body: impl Read) -> Problem {
    let mut text = Vec::new();
    // What cannot be read of it is not shown.
    let _ = body.take(COMPLAINT_MAX_BYTES).read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    let mut message = format!("HTTP error {status}");
    if !text.trim().is_empty() {
        let words = format!("\n\nresponse body:\n\n{}", text.trim_end());
        message.push_str(&words);
    }
    let may_pass = matches!(status, 408 | 429 | 500 | 502..=599);
    let is_missing = matches!(status, 403 | 404 | 410);
    Problem { may_pass, is_missing, ..Problem::lasting(message) }
}

/// Returns why there was no answer, in the words of the library that the oracle asks with.
fn explained(error: &ureq::Error, url: &str, waited: Duration) -> Problem {
    let may_pass = matches!(
        error,
        ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::ConnectionFailed
            | ureq::Error::HostNotFound
    );
    let message = error.to_string();
    let place = Place::of(url);
    let words = match error {
        ureq::Error::HostNotFound => place.unknown(),
        ureq::Error::Io(_) if message.contains("failed to lookup address") => place.unknown(),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            place.refused(waited)
        }
        ureq::Error::TooManyRedirects => {
            "HTTP error 302 (curl error: Number of redirects hit maximum amount)".to_owned()
        }
        _ => {
            let words = message.strip_prefix("io: ").unwrap_or(&message);
            words.split(" (os error").next().unwrap_or(words).to_owned()
        }
    };
    let is_unreachable = match error {
        ureq::Error::Io(error) => {
            message.contains("failed to lookup address")
                || matches!(
                    error.kind(),
                    ErrorKind::ConnectionRefused
                        | ErrorKind::HostUnreachable
                        | ErrorKind::NetworkUnreachable
                        | ErrorKind::NetworkDown
                )
        }
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve)
        | ureq::Error::ConnectionFailed
        | ureq::Error::HostNotFound => true,
        _ => false,
    };
    Problem { may_pass, is_unreachable, ..Problem::lasting(words) }
}

/// Where an address leads.
struct Place<'u> {
    host: &'u str,
    port: u16,
}

impl<'u> Place<'u> {
    fn of(url: &'u str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let usual = if scheme == "https" { 443 } else { 80 };
        match authority.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => Self { host, port },
            _ => Self { host: authority, port: usual },
        }
    }

    fn unknown(&self) -> String {
        format!("Could not resolve hostname (6) Could not resolve host: {}", self.host)
    }

    fn refused(&self, waited: Duration) -> String {
        let Self { host, port } = self;
        format!(
            "Could not connect to server (7) Failed to connect to {host}:{port} after {} ms: Could \
             not connect to server",
            waited.as_millis()
        )
    }
}

/// Returns the address that a `Link` header calls immutable.
fn immutable(link: &str) -> Option<String> {
    let (target, relation) = link.strip_prefix('<')?.split_once('>')?;
    let relation = relation.trim_start().strip_prefix(';')?.trim();
    (relation == "rel=\"immutable\"").then(|| target.to_owned())
}

/// A body that comes over a connection; whoever reads it can be told to stop.
struct Patient {
    receiver: mpsc::Receiver<Part>,
    rest: Vec<u8>,
    at: usize,
    is_over: bool,
    timeout: Duration,
}

impl Patient {
    fn next(&mut self) -> io::Result<Option<Part>> {
        let start = Instant::now();
        loop {
            match self.receiver.recv_timeout(TICK) {
                Ok(part) => return Ok(Some(part)),
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(None),
                Err(mpsc::RecvTimeoutError::Timeout) if crate::build::is_interrupted() => {
                    return Err(interrupted());
                }
                Err(mpsc::RecvTimeoutError::Timeout) if start.elapsed() > self.timeout => {
                    let seconds = self.timeout.as_secs();
                    let message = format!("the server sent nothing for {seconds} seconds");
                    return Err(io::Error::new(ErrorKind::TimedOut, message));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.rest.len() && !self.is_over {
            match self.next()? {
                Some(Part::Chunk(chunk)) => (self.rest, self.at) = (chunk, 0),
                Some(Part::Broken(error)) => return Err(error),
                Some(Part::Head(_) | Part::Refused(_)) | None => self.is_over = true,
            }
        }
        let mut rest = self.rest.get(self.at..).unwrap_or_default();
        let count = rest.read(buffer)?;
        self.at += count;
        Ok(count)
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
    let user = account::acquire(state_directory, "nixbld", false, account::AccountRange::default())
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
