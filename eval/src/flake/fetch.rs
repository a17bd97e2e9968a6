//! Bringing the trees that references name into the store, and what is known of them then.
//!
//! Source: CppNix, `Input::getAccessor`, `Input::checkLocks` and `emitTreeAttrs`.

mod forge;
mod git;

use std::path::PathBuf;

use store::fetch::FetchOptions;
use store::hash::{HashAlgorithm, HashFormat};
use store::source::{Remote, Source, SourcePlace, SourceRequest};
use store::{FileMethod, Hash, StorePath};

use super::date::DateTime;
use super::reference::{Attr, Reference, Refusal};
use crate::copy;
use crate::error::{self, FrameKind, Result};
use crate::heap::{AttrsBuilder, Value};
use crate::interpret::Eval;
use crate::realise::ensure;
use crate::source::Position;
use crate::system::FileType;

/// The name of the store objects that have no other one.
const NAME: &str = "source";

/// A tree in the store.
#[derive(Clone, PartialEq, Debug)]
pub struct Tree {
    /// The store object.
    pub path: StorePath,
    /// What names exactly this tree.
    pub locked: Reference,
}

/// Brings the tree of a reference into the store.
///
/// # Errors
///
/// A tree that cannot be read, or is not the one that was meant.
pub fn fetch_tree(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    let tree = fetch_unseen(eval, reference)?;
    eval.allow_object(&tree.path);
    Ok(tree)
}

/// Brings a tree into the store as [`fetch_tree`] does; an evaluation that may not see everything
/// does not see it.
///
/// # Errors
///
/// As [`fetch_tree`].
pub(crate) fn fetch_unseen(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    if let Some(hash) = reference.text("narHash").filter(|hash| !hash.contains(['-', ':'])) {
        return Err(error::other(format!("hash '{hash}' is not SRI")));
    }
    // What a server has is compared where it is fetched, other trees once they are in the store.
    let is_early = matches!(reference.kind().as_str(), "tarball" | "file");
    let fetched = fetch_any(eval, reference).and_then(|tree| {
        if is_early {
            check_hash(reference, &tree.locked, Words::Early)?;
        }
        check_revision(reference, &tree.locked)?;
        Ok(tree)
    });
    let tree = fetched.map_err(|error| {
        let step = format!("while fetching the input '{}'", reference.show());
        error.frame(Position::NONE, FrameKind::Evaluator, step)
    })?;
    if !is_early {
        check_hash(reference, &tree.locked, Words::Late)?;
    }
    eval.note_tree(&tree, reference, false);
    Ok(tree)
}

impl Tree {
    /// Returns what fetching alone tells of the tree: the hash only where a server was asked.
    #[must_use]
    pub fn as_fetched(&self, reference: &Reference) -> Reference {
        let is_told = matches!(reference.kind().as_str(), "tarball" | "file");
        if is_told || reference.text("narHash").is_some() {
            return self.locked.clone();
        }
        self.locked.without(&["narHash"])
    }
}

/// Brings the tree that a lock file names into the store; what the lock file says of it holds.
///
/// # Errors
///
/// As [`fetch_tree`].
pub fn fetch_final(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    if let Some(path) = expected_path(eval, reference)? {
        let store = eval.store();
        let is_here = store.is_valid(&path).map_err(|error| error::store(&error))?;
        // What no cache has is fetched from where it comes from.
        if is_here || (eval.settings().fetch.asks_caches && ensure(eval, &path).is_ok()) {
            store.add_temporary_root(&path).map_err(|error| error::store(&error))?;
            let tree = Tree { path, locked: reference.clone() };
            eval.allow_object(&tree.path);
            eval.note_tree(&tree, reference, true);
            return Ok(tree);
        }
    }
    let tree = fetch_tree(eval, reference)?;
    let (wanted, found) = (reference.to_attrs(), tree.locked.to_attrs());
    let differs = |(name, value): (&String, &Attr)| {
        found.get(name).is_some_and(|other| other != value).then(|| name.clone())
    };
    if let Some(name) = wanted.iter().find_map(differs) {
        return Err(error::other(format!(
            "mismatch in field '{name}' of input '{}', got '{}'",
            super::lock_file::to_json(&wanted),
            super::lock_file::to_json(&found)
        )));
    }
    Ok(Tree { path: tree.path, locked: reference.clone() })
}

/// Returns where the tree would be in the store, if its hash is known.
///
/// # Errors
///
/// A hash that is none.
pub fn expected_path(eval: &Eval<'_>, reference: &Reference) -> Result<Option<StorePath>> {
    let Some(hash) = nar_hash(reference)? else { return Ok(None) };
    let directory = eval.store().directory();
    let path = directory.fixed_output_path(&name(reference), FileMethod::Recursive, &hash);
    path.map(Some).map_err(|error| error::store(&error))
}

fn nar_hash(reference: &Reference) -> Result<Option<Hash>> {
    let Some(text) = reference.text("narHash").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let hash = Hash::parse(&text, Some(HashAlgorithm::Sha256));
    hash.map(Some).map_err(|error| error::store(&error))
}

/// In which order the oracle names two hashes that differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// The one that was expected first.
    Early,
    /// The other way round, and so do those who read its words.
    Late,
}

/// Checks that the tree that was found has the hash that was wanted.
fn check_hash(wanted: &Reference, found: &Reference, words: Words) -> Result<()> {
    let (Some(expected), Some(got)) = (nar_hash(wanted)?, nar_hash(found)?) else { return Ok(()) };
    if expected == got {
        return Ok(());
    }
    let (first, second) = if words == Words::Early { (expected, got) } else { (got, expected) };
    Err(error::other(format!(
        "NAR hash mismatch in input '{}', expected '{}' but got '{}'",
        wanted.show(),
        first.digits(HashFormat::Sri),
        second.digits(HashFormat::Sri)
    )))
}

/// Checks that the commit that was found is the one that was wanted.
fn check_revision(wanted: &Reference, found: &Reference) -> Result<()> {
    match wanted.text("rev") {
        Some(revision) if found.text("rev").as_ref() != Some(&revision) => Err(error::other(
            format!("'rev' attribute mismatch in input '{}', expected {revision}", found.show()),
        )),
        _ => Ok(()),
    }
}

fn fetch_any(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    match reference.kind().as_str() {
        "path" => fetch_path(eval, reference),
        "git" => git::fetch(eval, reference),
        "hg" => git::fetch_mercurial(eval, reference),
        "tarball" => fetch_tarball(eval, reference),
        "file" => fetch_file(eval, reference),
        "github" | "gitlab" | "sourcehut" => forge::fetch(eval, reference),
        "indirect" => {
            let shown = reference.show();
            Err(error::other(format!("indirect input '{shown}' cannot be fetched directly")))
        }
        _ => {
            let shown = super::lock_file::to_json(&reference.to_attrs());
            Err(error::other(format!("cannot fetch unsupported input '{shown}'")))
        }
    }
}

/// Returns the name of the store object that the tree of a reference becomes.
fn name(reference: &Reference) -> String {
    reference.text("name").unwrap_or_else(|| NAME.to_owned())
}

fn add(eval: &Eval<'_>, reference: &Reference, place: SourcePlace) -> Result<Source> {
    let request = SourceRequest { name: name(reference), place };
    let store = eval.store();
    let added = store.add_source(&request, &FetchOptions::default(), &store::event::Silent);
    added.map_err(|error| error::store(&error))
}

fn sri(hash: &Hash) -> Attr {
    Attr::Text(hash.digits(HashFormat::Sri))
}

fn fetch_path(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    if reference.relative_path().is_some() {
        let shown = reference.show();
        return Err(error::other(format!(
            "cannot fetch input '{shown}' because it uses a relative path"
        )));
    }
    let path = reference.text("path").unwrap_or_default();
    let path = crate::source::canonical(path.as_bytes());
    let in_store =
        eval.store().directory().contains(String::from_utf8_lossy(&path).as_ref().as_ref());
    if !in_store && eval.system().file_type(&path).is_err() {
        let shown = String::from_utf8_lossy(&path);
        return Err(error::io(format!("path '{shown}' does not exist")));
    }
    let path = PathBuf::from(String::from_utf8_lossy(&path).into_owned());
    let source = add(eval, reference, SourcePlace::Path(path))?;
    // Whoever says when it changed last is believed.
    let modified = reference.last_modified().or(source.modified).unwrap_or(0);
    let locked = reference
        .with([("narHash", sri(&source.nar_hash)), ("lastModified", Attr::Number(modified))])
        .map_err(Refusal::into_error)?;
    Ok(Tree { path: source.path, locked })
}

fn remote(reference: &Reference) -> Remote {
    Remote { url: reference.text("url").unwrap_or_default(), headers: Vec::new() }
}

fn fetch_file(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    let source = add(eval, reference, SourcePlace::File(remote(reference)))?;
    let locked =
        reference.with([("narHash", sri(&source.nar_hash))]).map_err(Refusal::into_error)?;
    Ok(Tree { path: source.path, locked })
}

/// Fetches an archive; a server may say where this very one will be for all times.
fn fetch_tarball(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    check_archive_file(eval, reference)?;
    let source = add(eval, reference, SourcePlace::Tarball(remote(reference)))?;
    let found = match &source.immutable_url {
        None => reference.clone(),
        Some(url) => {
            let (found, _) = Reference::parse(url, true).map_err(Refusal::into_error)?;
            if found.kind() != "tarball" {
                return Err(error::other(
                    "tarball 'Link' headers that redirect to non-tarball URLs are not supported",
                ));
            }
            found
        }
    };
    let mut more = vec![("narHash", sri(&source.nar_hash))];
    if found.last_modified().is_none() {
        let modified = source.modified.filter(|time| *time > 0);
        more.extend(modified.map(|time| ("lastModified", Attr::Number(time))));
    }
    let locked = found.with(more).map_err(Refusal::into_error)?;
    Ok(Tree { path: source.path, locked })
}

/// Refuses a file of this machine that is plainly no archive.
fn check_archive_file(eval: &Eval<'_>, reference: &Reference) -> Result<()> {
    let url = reference.text("url").unwrap_or_default();
    let Some(path) = url.strip_prefix("file:") else { return Ok(()) };
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = super::url::decode(path.split(['?', '#']).next().unwrap_or_default());
    if !path.starts_with('/') {
        return Err(error::other(format!(
            "tarball '{url}' must use an absolute path. The 'file' scheme does not support \
             relative paths."
        )));
    }
    let exists = |path: &str| eval.system().file_type(path.as_bytes());
    match exists(&path) {
        Err(_) => Err(error::io(format!("tarball \"{path}\" does not exist."))),
        Ok(FileType::Directory) if exists(&format!("{path}/.git")).is_ok() => {
            Err(error::other(format!(
                "tarball \"{path}\" is a git repository, not a tarball. Please use `git+file` as \
                 the scheme."
            )))
        }
        Ok(FileType::Directory) => {
            Err(error::other(format!("tarball \"{path}\" is a directory, not a file.")))
        }
        Ok(_) => Ok(()),
    }
}

/// What is told of a tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// What is known.
    Plain,
    /// Not that it is a commit, because it is changed.
    Changed,
    /// What is known; one that is no commit has zeros, as `fetchGit` always told.
    Zeros,
}

/// Returns what flakes know of a tree as `sourceInfo`.
pub(crate) fn tree_value<'h>(eval: &mut Eval<'h>, tree: &Tree, telling: Telling) -> Value<'h> {
    let heap = eval.heap();
    let text = |text: &str| Value::string_from(heap, text.as_bytes());
    let number = |number: u64| Value::int(number.cast_signed());
    let mut attrs = AttrsBuilder::with_capacity(10);
    let path = copy::store_string(eval, &tree.path);
    attrs.push_named("outPath", Value::string(heap, path));
    let locked = &tree.locked;
    if let Some(hash) = locked.text("narHash") {
        attrs.push_named("narHash", text(&hash));
    }
    if locked.kind() == "git" {
        attrs.push_named("submodules", Value::bool(locked.flag("submodules")));
    }
    if telling != Telling::Changed {
        let zeros = || (telling == Telling::Zeros).then(|| "0".repeat(40));
        if let Some(revision) = locked.text("rev").or_else(zeros) {
            attrs.push_named("shortRev", text(revision.get(..7).unwrap_or_default()));
            attrs.push_named("rev", text(&revision));
        }
        // The commits of a copy without its history cannot be counted, unless nobody wants that.
        let is_counted = locked.flag("shallow") || locked.text("rev").is_none();
        let zero = (telling == Telling::Zeros && is_counted).then_some(0);
        if let Some(count) = locked.number("revCount").or(zero) {
            attrs.push_named("revCount", number(count));
        }
    }
    if let Some(revision) = locked.text("dirtyRev") {
        attrs.push_named("dirtyRev", text(&revision));
        let short = locked.text("dirtyShortRev").unwrap_or_default();
        attrs.push_named("dirtyShortRev", text(&short));
    }
    if let Some(time) = locked.last_modified() {
        attrs.push_named("lastModified", number(time));
        attrs.push_named("lastModifiedDate", text(&DateTime::of(time).digits()));
    }
    attrs.finish_value(heap)
}
