//! Filling gaps from binary caches: objects with all that they refer to, signed by who is trusted.
//!
//! What follows from its contents needs no signature: its path says whether it is the right one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::closure::sorted_by_reference;
use crate::content_address::{ContentAddress, FileMethod};
use crate::error::{AddError, FetchError, StoreError};
use crate::event::{Activity, ActivityId, ActivityKind, Event, Events, Field, Level};
use crate::fetch::binary_cache::BinaryCache;
use crate::fetch::{FetchOptions, Network};
use crate::hash::{Hash, HashAlgorithm};
use crate::narinfo::NarInfo;
use crate::path::StorePath;
use crate::path_info::PathInfo;
use crate::self_reference;
use crate::signature::is_signed;
use crate::store::Store;

/// Where else objects are, and whose word is taken for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caches {
    /// The addresses of binary caches to look in.
    pub urls: Vec<String>,
    /// The keys of those who are trusted, each `NAME:BASE64`.
    pub public_keys: Vec<String>,
    /// Whether objects need a signature of one of them.
    pub requires_signatures: bool,
}

impl Default for Caches {
    fn default() -> Self {
        Self { urls: Vec::new(), public_keys: Vec::new(), requires_signatures: true }
    }
}

/// An object of a binary cache to have with all that it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosureRequest {
    /// The address of the cache.
    pub cache: String,
    /// The object.
    pub path: StorePath,
    /// Whether to add, instead of the objects, the same ones under paths that follow from contents.
    pub rewrites: bool,
}

/// Adds an object of a cache with all that it refers to, and returns its path.
///
/// # Errors
///
/// A cache that does not have it, an object that nobody trusted has signed, a damaged archive, or a
/// store that does not take it.
///
/// # Atomicity
///
/// Each object becomes valid after those that it refers to.
pub fn fetch_closure(
    store: &dyn Store,
    request: &ClosureRequest,
    options: &FetchOptions,
    events: &dyn Events,
) -> Result<StorePath, FetchError> {
    let ClosureRequest { cache, path, rewrites } = request;
    let cache = BinaryCache::open(cache, store.directory(), &options.network, events)?;
    let stays = |path: &StorePath| if *rewrites { Ok(false) } else { store.is_valid(path) };
    let infos = closure(&cache, path, stays)?;
    let Some(infos) = infos else {
        let path = store.directory().display(path);
        return Err(StoreError::NotValid { path }.into());
    };
    let order = order(&infos)?;
    if *rewrites {
        return add_rewritten(store, &cache, &infos, &order, path, events);
    }
    for narinfo in order.iter().filter_map(|path| infos.get(path)) {
        add(store, &cache, narinfo, &options.caches, events)?;
    }
    Ok(path.clone())
}

/// Returns what a cache says of an object and of all that it refers to, but for what `stays` out;
/// `None` if it lacks one.
fn closure(
    cache: &BinaryCache<'_>,
    path: &StorePath,
    stays: impl Fn(&StorePath) -> Result<bool, StoreError>,
) -> Result<Option<BTreeMap<StorePath, NarInfo>>, FetchError> {
    let mut infos = BTreeMap::new();
    let mut pending = vec![path.clone()];
    while let Some(path) = pending.pop() {
        if infos.contains_key(&path) || stays(&path)? {
            continue;
        }
        let Some(narinfo) = cache.find(&path)? else { return Ok(None) };
        pending.extend(narinfo.info.references.iter().filter(|it| **it != path).cloned());
        infos.insert(path, narinfo);
    }
    Ok(Some(infos))
}

/// Returns the objects, each after those that it refers to.
fn order(infos: &BTreeMap<StorePath, NarInfo>) -> Result<Vec<StorePath>, StoreError> {
    let references: BTreeMap<StorePath, BTreeSet<StorePath>> = infos
        .iter()
        .map(|(path, narinfo)| {
            let known = narinfo.info.references.iter().filter(|it| infos.contains_key(*it));
            (path.clone(), known.cloned().collect())
        })
        .collect();
    Ok(sorted_by_reference(&references)?)
}

/// Adds an object of a cache, whose references are valid.
fn add(
    store: &dyn Store,
    cache: &BinaryCache<'_>,
    narinfo: &NarInfo,
    caches: &Caches,
    events: &dyn Events,
) -> Result<(), FetchError> {
    let info = &narinfo.info;
    store.add_temporary_root(&info.path)?;
    let printed = store.directory().display(&info.path);
    if !is_trusted(store, info, caches) {
        return Err(FetchError::Source(format!(
            "cannot add path '{printed}' because it lacks a signature by a trusted key"
        )));
    }
    let _activity = copying(events, cache, &printed);
    let mut archive = cache.archive(narinfo)?;
    Ok(store.add_nar(info, &mut *archive)?)
}

fn copying<'e>(events: &'e dyn Events, cache: &BinaryCache<'_>, printed: &str) -> Activity<'e> {
    let url = cache.url();
    let text = format!("copying path '{printed}' from '{url}'...");
    let fields = [Field::Text(printed), Field::Text(url), Field::Text("")];
    Activity::start(events, ActivityId::NONE, ActivityKind::CopyPath, Level::Info, &text, &fields)
}

/// Whether an object's path follows from its contents, or somebody trusted has signed for it.
fn is_trusted(store: &dyn Store, info: &PathInfo, caches: &Caches) -> bool {
    let directory = store.directory();
    if !caches.requires_signatures || info.is_content_addressed(directory) {
        return true;
    }
    let fingerprint = info.fingerprint(directory);
    info.signatures.iter().any(|signature| is_signed(&fingerprint, signature, &caches.public_keys))
}

/// Adds objects under paths that follow from their contents; returns the one for `wanted`.
///
/// Source: CppNix, `makeContentAddressed`.
fn add_rewritten(
    store: &dyn Store,
    cache: &BinaryCache<'_>,
    infos: &BTreeMap<StorePath, NarInfo>,
    order: &[StorePath],
    wanted: &StorePath,
    events: &dyn Events,
) -> Result<StorePath, FetchError> {
    let mut renamed: BTreeMap<&StorePath, StorePath> = BTreeMap::new();
    for path in order {
        let Some(narinfo) = infos.get(path) else { continue };
        let printed = store.directory().display(path);
        let mut archive = Vec::new();
        {
            let _activity = copying(events, cache, &printed);
            let size = narinfo.info.nar_size;
            let mut source = cache.archive(narinfo)?.take(size.saturating_add(1));
            source.read_to_end(&mut archive).map_err(|error| FetchError::Download {
                url: narinfo.url.clone(),
                problem: error.to_string(),
            })?;
        }
        let found = Hash::sha256(&archive);
        if found != narinfo.info.nar_hash {
            let expected = Box::new(narinfo.info.nar_hash);
            let found = Box::new(found);
            return Err(AddError::HashMismatch { path: printed, expected, found }.into());
        }
        let info = rewritten(store, &narinfo.info, &mut archive, &renamed)
            .map_err(|error| FetchError::Source(error.to_string()))?;
        let text = format!("rewriting '{printed}' to '{}'", store.directory().display(&info.path));
        events.emit(Event::Message { level: Level::Info, text: &text });
        store.add_temporary_root(&info.path)?;
        store.add_nar(&info, &mut archive.as_slice())?;
        renamed.insert(path, info.path);
    }
    renamed.remove(wanted).ok_or_else(|| {
        let path = store.directory().display(wanted);
        StoreError::NotValid { path }.into()
    })
}

/// Makes an object's archive refer to others by their new names, and to itself by the one that
/// follows from that; returns its new record.
fn rewritten(
    store: &dyn Store,
    old: &PathInfo,
    archive: &mut Vec<u8>,
    renamed: &BTreeMap<&StorePath, StorePath>,
) -> Result<PathInfo, Box<dyn std::error::Error>> {
    let refers_to_itself = old.references.contains(&old.path);
    let others = old.references.iter().filter(|it| **it != old.path);
    let others: BTreeSet<StorePath> =
        others.map(|it| renamed.get(it).unwrap_or(it).clone()).collect();
    let pairs = old.references.iter().filter_map(|it| Some((it, renamed.get(it)?)));
    *archive = self_reference::rewrite(archive, pairs)?;
    let digest = self_reference::hash(HashAlgorithm::Sha256, &old.path, archive)?;
    let address = ContentAddress::Fixed { method: FileMethod::Recursive, digest };
    let name = old.path.name();
    let directory = store.directory();
    let path = directory.content_path(name, &address, &others, refers_to_itself)?;
    *archive = self_reference::rewrite(archive, [(&old.path, &path)])?;
    let mut info = PathInfo::new(path.clone(), Hash::sha256(archive), archive.len() as u64);
    info.references = others;
    if refers_to_itself {
        info.references.insert(path);
    }
    info.content_address = Some(address);
    Ok(info)
}

/// What a look for an object in caches has led to.
#[derive(Debug)]
pub(crate) enum Provided {
    /// It is valid now, or would be.
    Here,
    /// No cache has it.
    Nowhere,
    /// A cache has it, but did not give it.
    Failed(String),
}

/// What would be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetching {
    /// The objects.
    pub paths: BTreeSet<StorePath>,
    /// How many bytes caches would send.
    pub download_bytes: u64,
    /// How many bytes the objects' archives have.
    pub nar_bytes: u64,
}

/// The caches that a realisation looks in.
pub(crate) struct Substituter<'s> {
    store: &'s dyn Store,
    options: &'s Caches,
    network: &'s Network,
    events: &'s dyn Events,
    /// Opened when the first object is looked for.
    opened: Option<Vec<BinaryCache<'s>>>,
    /// What would be fetched, where nothing is.
    planned: Option<Fetching>,
}

impl<'s> Substituter<'s> {
    /// Returns one that fetches, or only tells what it would fetch if `only_plans`.
    pub(crate) fn new(
        store: &'s dyn Store,
        options: &'s Caches,
        network: &'s Network,
        events: &'s dyn Events,
        only_plans: bool,
    ) -> Self {
        let planned = only_plans.then(Fetching::default);
        Self { store, options, network, events, opened: None, planned }
    }

    /// Returns what would be fetched.
    pub(crate) fn planned(self) -> Fetching {
        self.planned.unwrap_or_default()
    }

    /// Makes an object valid, with all that it refers to, if a cache has them.
    ///
    /// # Errors
    ///
    /// A store that cannot be read or written.
    pub(crate) fn provide(&mut self, path: &StorePath) -> Result<Provided, StoreError> {
        if self.opened.is_none() {
            self.opened = Some(self.open());
        }
        let mut failure = None;
        for cache in self.opened.as_deref().unwrap_or_default() {
            let planned = self.planned.as_mut();
            match provide_from(self.store, cache, path, self.options, self.events, planned) {
                Ok(true) => return Ok(Provided::Here),
                Ok(false) => {}
                Err(FetchError::Store(error)) => return Err(error),
                Err(error) => failure = Some(crate::build::describe(&error)),
            }
        }
        Ok(failure.map_or(Provided::Nowhere, Provided::Failed))
    }

    /// Opens the caches; those that do not answer are told and left out.
    fn open(&self) -> Vec<BinaryCache<'s>> {
        let mut caches = Vec::new();
        for url in self.options.urls.iter().filter(|url| !is_silent(url)) {
            match BinaryCache::open(url, self.store.directory(), self.network, self.events) {
                Ok(cache) => caches.push(cache),
                Err(error) => {
                    silent().insert(url.clone(), Instant::now());
                    let text = error.to_string();
                    self.events.emit(Event::Message { level: Level::Warn, text: &text });
                }
            }
        }
        caches.sort_by_key(|cache| cache.priority);
        caches
    }
}

/// How long a cache that did not answer is not asked again. Source: CppNix,
/// `HttpBinaryCacheStore::maybeDisable`.
const SILENCE: Duration = Duration::from_mins(1);

/// The caches that did not answer, and when that was.
static SILENT: Mutex<BTreeMap<String, Instant>> = Mutex::new(BTreeMap::new());

fn silent() -> MutexGuard<'static, BTreeMap<String, Instant>> {
    SILENT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_silent(url: &str) -> bool {
    silent().get(url).is_some_and(|since| since.elapsed() < SILENCE)
}

/// Makes an object valid from one cache, or adds to what would be fetched; `false` if the cache
/// lacks something.
fn provide_from(
    store: &dyn Store,
    cache: &BinaryCache<'_>,
    path: &StorePath,
    options: &Caches,
    events: &dyn Events,
    planned: Option<&mut Fetching>,
) -> Result<bool, FetchError> {
    let is_planned =
        |path: &StorePath| planned.as_ref().is_some_and(|planned| planned.paths.contains(path));
    let stays = |path: &StorePath| Ok(is_planned(path) || store.is_valid(path)?);
    let Some(infos) = closure(cache, path, stays)? else { return Ok(false) };
    // Who nobody trusts is as good as nobody.
    if infos.values().any(|narinfo| !is_trusted(store, &narinfo.info, options)) {
        let (path, url) = (store.directory().display(path), cache.url());
        let text = format!(
            "ignoring substitute for '{path}' from '{url}', as it's not signed by any of the keys \
             in 'trusted-public-keys'"
        );
        events.emit(Event::Message { level: Level::Warn, text: &text });
        return Ok(false);
    }
    match planned {
        Some(planned) => {
            for (path, narinfo) in infos {
                planned.download_bytes += narinfo.file_size.unwrap_or_default();
                planned.nar_bytes += narinfo.info.nar_size;
                planned.paths.insert(path);
            }
        }
        None => {
            for path in order(&infos)? {
                if let Some(narinfo) = infos.get(&path) {
                    add(store, cache, narinfo, options, events)?;
                }
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
