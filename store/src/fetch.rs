//! What comes from elsewhere: files and trees by their address, into the store.
//!
//! [`fetch`] is what `builtins.fetchurl` and `builtins.fetchTarball` do: it adds what an address
//! holds to a store, after a look at the hash that was promised and at what earlier fetches
//! remembered. [`download`] makes one file for `builtin:fetchurl`, whose result the build checks.

mod cache;
mod download;
mod tarball;
mod transport;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use download::{Download, download};

use self::cache::{Cache, Entry};
use self::transport::{ATTEMPTS, Answer, Problem, Rights, open};
use crate::content_address::{ContentAddress, FileMethod};
use crate::error::FetchError;
use crate::event::{Activity, ActivityId, ActivityKind, Event, Events, Field, Level};
use crate::hash::{Hash, HashAlgorithm};
use crate::nar::memory::MemoryTree;
use crate::nar::writer::everything;
use crate::path::StorePath;
use crate::store::{NewTree, Store};
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
}

/// How to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOptions {
    /// Where to remember what addresses held; nothing is remembered if `None`.
    pub cache_directory: Option<PathBuf>,
    /// How long an address is taken to hold what it did.
    pub lifetime: Duration,
}

impl Default for FetchOptions {
    fn default() -> FetchOptions {
        FetchOptions { cache_directory: None, lifetime: Duration::from_hours(1) }
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
    let method = request.kind.method();
    if let Some(expected) = &request.expected {
        let path = store.directory().fixed_output_path(&request.name, method, expected)?;
        if store.is_valid(&path)? {
            store.add_temporary_root(&path)?;
            return Ok(path);
        }
    }
    let cache = Cache::new(options.cache_directory.as_deref(), request);
    let mut remembered = None;
    if let Some(entry) = cache.read(store.directory()) {
        store.add_temporary_root(&entry.path)?;
        if store.is_valid(&entry.path)? {
            remembered = Some(entry);
        }
    }
    if let Some(entry) = remembered.take_if(|entry| entry.is_younger_than(options.lifetime)) {
        check(store, request, &entry.path)?;
        return Ok(entry.path);
    }
    let etag = remembered.as_ref().and_then(|entry| entry.etag.as_deref());
    let (path, etag) = match receive(request, etag, events) {
        Ok(Received::New { tree, etag }) => (add(store, request, &tree)?, etag),
        Ok(Received::Unchanged { etag }) => match remembered {
            Some(entry) => {
                check(store, request, &entry.path)?;
                (entry.path, etag.or(entry.etag))
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
                return Ok(entry.path);
            }
            None => return Err(failed(request, problem.message)),
        },
    };
    cache.write(store.directory(), &Entry::new(path.clone(), etag));
    Ok(path)
}

fn failed(request: &FetchRequest, problem: impl Into<String>) -> FetchError {
    FetchError::Download { url: request.url.clone(), problem: problem.into() }
}

/// What an address gave.
enum Received {
    New { tree: MemoryTree, etag: Option<String> },
    Unchanged { etag: Option<String> },
}

/// Reads an address, several times if need be.
fn receive(
    request: &FetchRequest,
    known: Option<&str>,
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
    let mut attempt = 1;
    loop {
        let answer = open(url, known, Rights::Ours).and_then(|answer| unpacked(request, answer));
        match answer {
            Err(problem) if problem.may_pass && attempt < ATTEMPTS => {
                let text = format!("unable to download '{url}': {}; retrying", problem.message);
                events.emit(Event::Message { level: Level::Warn, text: &text });
                std::thread::sleep(Duration::from_millis(250 << attempt));
                attempt += 1;
            }
            answer => return answer,
        }
    }
}

fn unpacked(request: &FetchRequest, answer: Answer) -> Result<Received, Problem> {
    let Answer { mut body, etag, is_unchanged } = answer;
    if is_unchanged {
        return Ok(Received::Unchanged { etag });
    }
    let tree = match request.kind {
        FetchKind::File => {
            let mut contents = Vec::new();
            let read = body.read_to_end(&mut contents);
            read.map_err(|error| Problem { message: error.to_string(), may_pass: true })?;
            MemoryTree::file(contents)
        }
        FetchKind::Tarball => tarball::read(body)?,
    };
    Ok(Received::New { tree, etag })
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
