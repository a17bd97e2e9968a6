//! What comes from elsewhere: files and trees by their address, into the store.
//!
//! [`fetch`] is what `builtins.fetchurl` and `builtins.fetchTarball` do: it adds what an address
//! holds to a store, after a look at the hash that was promised and at what earlier fetches
//! remembered. [`download`] makes one file for `builtin:fetchurl`, whose result the build checks.

pub(crate) mod binary_cache;
pub(crate) mod cache;
mod compression;
mod download;
mod netrc;
mod tarball;
mod transport;
mod zip;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use download::{Download, download};
pub use transport::Network;

use self::cache::{Cache, Entry};
use self::transport::{Answer, Problem, Question, Rights, open};
use crate::content_address::{ContentAddress, FileMethod};
use crate::error::FetchError;
use crate::event::{Activity, ActivityId, ActivityKind, Event, Events, Field, Level};
use crate::hash::{Hash, HashAlgorithm};
use crate::nar::memory::MemoryTree;
use crate::nar::writer::everything;
use crate::path::StorePath;
use crate::store::{NewTree, Store};
use crate::substitute::Caches;
use crate::tree_hash::TreeHash;

/// What to make of what an address holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FetchKind {
    /// The file as it is.
    File,
    /// The tree in a tar archive, compressed or not; a single directory at its top gives way to
    /// what is in it.
    Tarball,
}

impl FetchKind {
    fn method(self) -> FileMethod {
        match self {
            FetchKind::File => FileMethod::Flat,
            FetchKind::Tarball => FileMethod::Recursive,
        }
    }

    fn word(self) -> &'static str {
        match self {
            FetchKind::File => "file",
            FetchKind::Tarball => "tarball",
        }
    }
}

/// One thing to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// Where it is: a `file`, `http` or `https` address.
    pub url: String,
    /// What to make of it.
    pub kind: FetchKind,
    /// The name of the store object.
    pub name: String,
    /// The SHA-256 that it must have: of a file's contents, of a tree's archive (NAR).
    pub expected: Option<Hash>,
    /// More headers for the server, such as one that says who asks.
    pub headers: Vec<(String, String)>,
}

impl FetchRequest {
    fn key(&self) -> String {
        format!("{}\0{}\0{}", self.kind.word(), self.name, self.url)
    }
}

/// What an address gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) path: StorePath,
    /// When the youngest entry of an archive changed last, in seconds since 1970.
    pub(crate) modified: Option<u64>,
    /// The address at which the same will be for all times, if the server tells one.
    pub(crate) immutable_url: Option<String>,
}

impl From<Entry> for Fetched {
    fn from(Entry { path, modified, immutable_url, .. }: Entry) -> Self {
        Self { path, modified, immutable_url }
    }
}

/// How to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOptions {
    /// Where to remember what addresses held; nothing is remembered if `None`.
    pub cache_directory: Option<PathBuf>,
    /// How long an address is taken to hold what it did.
    pub lifetime: Duration,
    /// How servers are spoken to.
    pub network: Network,
    /// Whether working trees that differ from their commit are taken.
    pub allows_dirty: bool,
    /// Whether there is a warning of these.
    pub warns_of_dirty: bool,
    /// Where else objects are, and whose word is taken for them.
    pub caches: Caches,
}

impl Default for FetchOptions {
    fn default() -> FetchOptions {
        FetchOptions {
            cache_directory: None,
            lifetime: Duration::from_hours(1),
            network: Network::default(),
            allows_dirty: true,
            warns_of_dirty: true,
            caches: Caches::default(),
        }
    }
}

/// Adds what an address holds to `store` and returns its path.
///
/// An object that has the promised hash and is valid is not fetched; neither is one that was
/// fetched from the same address within [`FetchOptions::lifetime`] and is still valid. After that
/// the server is asked whether it has changed, and what it does not answer for a passing reason is
/// taken from the cache, with a warning.
///
/// # Errors
///
/// An address that cannot be read, an archive that is none, contents that do not have the promised
/// hash, or a store that does not take them.
///
/// # Atomicity
///
/// The path is valid and whole, or nothing is registered; what is remembered only ever names paths
/// that were valid.
pub fn fetch(
    store: &dyn Store,
    request: &FetchRequest,
    options: &FetchOptions,
    events: &dyn Events,
) -> Result<StorePath, FetchError> {
    if let Some(expected) = &request.expected {
        let method = request.kind.method();
        let path = store.directory().fixed_output_path(&request.name, method, expected)?;
        if store.is_valid(&path)? {
            store.add_temporary_root(&path)?;
            return Ok(path);
        }
    }
    Ok(fetch_all(store, request, options, events)?.path)
}

/// Does what [`fetch`] does, but looks at the address also where its hash would do, and tells all
/// that is known of it.
pub(crate) fn fetch_all(
    store: &dyn Store,
    request: &FetchRequest,
    options: &FetchOptions,
    events: &dyn Events,
) -> Result<Fetched, FetchError> {
    let cache = Cache::new(options.cache_directory.as_deref(), &request.key());
    let mut remembered = cache.read_valid(store)?;
    if let Some(entry) = remembered.take_if(|entry| entry.is_younger_than(options.lifetime)) {
        check(store, request, &entry.path)?;
        return Ok(entry.into());
    }
    let etag = remembered.as_ref().and_then(|entry| entry.etag.as_deref());
    let entry = match receive(request, etag, &options.network, events) {
        Ok(Received::New { tree, about }) => about.entry(add(store, request, &tree)?),
        Ok(Received::Unchanged) => match remembered {
            Some(entry) => {
                check(store, request, &entry.path)?;
                entry.renewed()
            }
            None => return Err(failed(request, "the server answers a question nobody asked")),
        },
        Err(problem) => match remembered.filter(|_| problem.may_pass) {
            Some(entry) => {
                let text = format!(
                    "unable to download '{}': {}; using cached version",
                    request.url, problem.message
                );
                events.emit(Event::Message { level: Level::Warn, text: &text });
                check(store, request, &entry.path)?;
                return Ok(entry.into());
            }
            None => return Err(unreadable(request, problem)),
        },
    };
    cache.write(store.directory(), &entry);
    Ok(entry.into())
}

fn failed(request: &FetchRequest, problem: impl Into<String>) -> FetchError {
    FetchError::Download { url: request.url.clone(), problem: problem.into() }
}

/// Returns the error of an address that does not give what is wanted.
fn unreadable(request: &FetchRequest, problem: Problem) -> FetchError {
    let error = failed(request, problem.message.clone());
    match request.kind {
        FetchKind::File => error,
        // The oracle's words, which others look for.
        FetchKind::Tarball if problem.is_about_archive => {
            FetchError::Source(format!("Failed to open archive ({})", problem.message))
        }
        FetchKind::Tarball => {
            let words = error.to_string().replace('\n', "\n       ");
            let words = words.replace("       \n", "\n");
            FetchError::Source(format!(
                "Failed to open archive (Source threw exception: error: {words})"
            ))
        }
    }
}

/// What an address gave.
enum Received {
    New { tree: MemoryTree, about: About },
    Unchanged,
}

/// What is known of a tree beside itself.
struct About {
    etag: Option<String>,
    modified: Option<u64>,
    immutable_url: Option<String>,
}

impl About {
    /// Returns an entry that lacks its path.
    fn entry(self, path: StorePath) -> Entry {
        let Self { etag, modified, immutable_url } = self;
        Entry { etag, modified, immutable_url, ..Entry::new(path) }
    }
}

/// Reads an address, several times if need be.
fn receive(
    request: &FetchRequest,
    known: Option<&str>,
    network: &Network,
    events: &dyn Events,
) -> Result<Received, Problem> {
    let url = &request.url;
    let _activity = Activity::start(
        events,
        ActivityId::NONE,
        ActivityKind::FileTransfer,
        Level::Talkative,
        &format!("downloading '{url}'"),
        &[Field::Text(url)],
    );
    let question = Question { url, known, headers: &request.headers };
    let mut attempt = 1;
    loop {
        let answer = open(&question, Rights::Ours, network);
        match answer.and_then(|answer| unpacked(request, answer)) {
            Err(problem) if problem.may_pass && attempt < network.attempts => {
                let text = format!("unable to download '{url}': {}; retrying", problem.message);
                events.emit(Event::Message { level: Level::Warn, text: &text });
                transport::pause(Duration::from_millis(250 << attempt.min(8)));
                attempt += 1;
            }
            answer => return answer,
        }
    }
}

fn unpacked(request: &FetchRequest, answer: Answer) -> Result<Received, Problem> {
    let Answer { mut body, etag, is_unchanged, immutable_url } = answer;
    if is_unchanged {
        return Ok(Received::Unchanged);
    }
    let (tree, modified) = match request.kind {
        FetchKind::File => {
            let mut contents = Vec::new();
            let read = body.read_to_end(&mut contents);
            read.map_err(|error| Problem::of_body(&error))?;
            (MemoryTree::file(contents), None)
        }
        FetchKind::Tarball => {
            let unpacked = tarball::read(body)?;
            (unpacked.tree, Some(unpacked.modified))
        }
    };
    Ok(Received::New { tree, about: About { etag, modified, immutable_url } })
}

fn add(
    store: &dyn Store,
    request: &FetchRequest,
    tree: &MemoryTree,
) -> Result<StorePath, FetchError> {
    let method = request.kind.method();
    if let Some(expected) = &request.expected {
        let mut all = everything;
        let mut sink = std::io::sink();
        let algorithm = HashAlgorithm::Sha256;
        let hash = TreeHash::of(tree, Path::new(""), &mut all, method, algorithm, &mut sink)?;
        if let ContentAddress::Fixed { digest, .. } = hash.address {
            compare(request, expected, &digest)?;
        }
    }
    Ok(store.add_tree(NewTree {
        name: &request.name,
        tree,
        path: Path::new(""),
        filter: &mut everything,
        method,
        algorithm: HashAlgorithm::Sha256,
        references: BTreeSet::new(),
    })?)
}

/// Compares what was remembered with what is promised now.
fn check(store: &dyn Store, request: &FetchRequest, path: &StorePath) -> Result<(), FetchError> {
    let Some(expected) = &request.expected else { return Ok(()) };
    let info = store.path_info(path)?;
    match info.and_then(|info| info.content_address) {
        Some(ContentAddress::Fixed { digest, .. }) => compare(request, expected, &digest),
        Some(ContentAddress::Text(_)) | None => Ok(()),
    }
}

fn compare(request: &FetchRequest, expected: &Hash, found: &Hash) -> Result<(), FetchError> {
    if expected == found {
        return Ok(());
    }
    Err(FetchError::HashMismatch {
        url: request.url.clone(),
        expected: Box::new(*expected),
        found: Box::new(*found),
    })
}

#[cfg(test)]
mod tests;
