//! Binary caches: what they say of an object, and its archive.
//!
//! A cache is a directory, by `file`, `http` or `https`: `nix-cache-info`, `HASH.narinfo`, and the
//! archives that these name.

use std::io::Read;
use std::time::Duration;

use super::compression::Compression;
use super::transport::{self, Answer, Network, Problem, Question, Rights, open};
use crate::error::FetchError;
use crate::event::{Event, Events, Level};
use crate::narinfo::{self, NarInfo};
use crate::path::{StoreDirectory, StorePath};

/// The most that `nix-cache-info` may hold, in bytes.
const ABOUT_MAX_BYTES: u64 = 64 << 10;

/// A binary cache.
pub(crate) struct BinaryCache<'c> {
    url: String,
    directory: StoreDirectory,
    network: &'c Network,
    events: &'c dyn Events,
    /// Caches with lower numbers are asked first.
    pub(crate) priority: u64,
}

impl<'c> BinaryCache<'c> {
    /// Opens the cache at an address, whose parameters after `?` may say its priority.
    ///
    /// # Errors
    ///
    /// An address that is no cache, or one of a store elsewhere.
    pub(crate) fn open(
        address: &str,
        directory: &StoreDirectory,
        network: &'c Network,
        events: &'c dyn Events,
    ) -> Result<BinaryCache<'c>, FetchError> {
        let (url, query) = address.split_once('?').unwrap_or((address, ""));
        let url = url.trim_end_matches('/').to_owned();
        let mut cache =
            BinaryCache { url, directory: directory.clone(), network, events, priority: 50 };
        let Some(text) = cache.text("nix-cache-info", ABOUT_MAX_BYTES)? else {
            let address = &cache.url;
            let words = format!("'{address}' does not appear to be a binary cache");
            return Err(FetchError::Source(words));
        };
        for line in text.lines() {
            match line.split_once(':').map(|(name, value)| (name, value.trim())) {
                Some(("StoreDir", value)) if value != directory.as_str() => {
                    let address = &cache.url;
                    return Err(FetchError::Source(format!(
                        "binary cache '{address}' is for Nix stores with prefix '{value}', not \
                         '{directory}'"
                    )));
                }
                Some(("Priority", value)) => {
                    cache.priority = value.parse().unwrap_or(cache.priority);
                }
                _ => {}
            }
        }
        let chosen = query.split('&').find_map(|pair| pair.strip_prefix("priority="));
        if let Some(priority) = chosen.and_then(|value| value.parse().ok()) {
            cache.priority = priority;
        }
        Ok(cache)
    }

    /// Returns the address of the cache.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns what the cache says of an object; `None` if it does not have it.
    ///
    /// # Errors
    ///
    /// A cache that does not answer, or whose answer makes no sense.
    pub(crate) fn find(&self, path: &StorePath) -> Result<Option<NarInfo>, FetchError> {
        let name = format!("{}.narinfo", path.hash_part());
        let Some(text) = self.text(&name, narinfo::MAX_SIZE as u64)? else { return Ok(None) };
        let corrupt = |problem: String| {
            let url = format!("{}/{name}", self.url);
            FetchError::Source(format!("NAR info file '{url}' is corrupt: {problem}"))
        };
        let found =
            NarInfo::parse(&self.directory, &text).map_err(|error| corrupt(error.to_string()))?;
        if found.info.path != *path {
            let other = self.directory.display(&found.info.path);
            return Err(corrupt(format!("it is about '{other}'")));
        }
        Ok(Some(found))
    }

    /// Returns the archive of an object, as it was before it was compressed.
    ///
    /// # Errors
    ///
    /// A cache that does not give it, or a compression that nobody knows.
    pub(crate) fn archive(&self, narinfo: &NarInfo) -> Result<Box<dyn Read>, FetchError> {
        let Some(compression) = Compression::named(&narinfo.compression) else {
            let name = &narinfo.compression;
            return Err(FetchError::Source(format!("unknown compression method '{name}'")));
        };
        let Answer { body, .. } = self.ask(&narinfo.url).map_err(|problem| {
            self.failed(
                &narinfo.url,
                if problem.is_missing { "it is gone" } else { &problem.message },
            )
        })?;
        compression.reader(body).map_err(|error| self.failed(&narinfo.url, &error.to_string()))
    }

    /// Returns a small file of the cache; `None` if there is none.
    fn text(&self, name: &str, size_max: u64) -> Result<Option<String>, FetchError> {
        let body = match self.ask(name) {
            Ok(answer) => answer.body,
            Err(problem) if problem.is_missing => return Ok(None),
            Err(problem) => return Err(self.failed(name, &problem.message)),
        };
        let mut text = Vec::new();
        let read = body.take(size_max + 1).read_to_end(&mut text);
        read.map_err(|error| self.failed(name, &error.to_string()))?;
        if text.len() as u64 > size_max {
            return Err(self.failed(name, "it is too large"));
        }
        match String::from_utf8(text) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(self.failed(name, "it is not UTF-8")),
        }
    }

    /// Opens a file of the cache, several times if need be.
    fn ask(&self, name: &str) -> Result<Answer, Problem> {
        let url = self.address(name);
        let question = Question { url: &url, known: None, headers: &[] };
        let mut attempt = 1;
        loop {
            match open(&question, Rights::Ours, self.network) {
                // Who cannot be reached at all is not waited for: there are others, and builds.
                Err(problem)
                    if problem.may_pass
                        && !problem.is_unreachable
                        && attempt < self.network.attempts =>
                {
                    let text = format!("unable to download '{url}': {}; retrying", problem.message);
                    self.events.emit(Event::Message { level: Level::Warn, text: &text });
                    transport::pause(Duration::from_millis(250 << attempt.min(8)));
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    fn address(&self, name: &str) -> String {
        if name.contains("://") { name.to_owned() } else { format!("{}/{name}", self.url) }
    }

    fn failed(&self, name: &str, problem: &str) -> FetchError {
        FetchError::Download { url: self.address(name), problem: problem.to_owned() }
    }
}
