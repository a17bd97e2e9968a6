//! Bringing the trees that references name into the store, and what is known of them then.
//!
//! Source: CppNix, `Input::getAccessor`, `Input::checkLocks` and `emitTreeAttrs`.

use std::path::PathBuf;

use store::fetch::{FetchKind, FetchOptions, FetchRequest};
use store::hash::{HashAlgorithm, HashFormat};
use store::source::{GitSource, Source, SourcePlace, SourceRequest};
use store::{FileMethod, Hash, StorePath};

use super::date::DateTime;
use super::reference::{Attr, Reference, Refusal};
use super::url::Url;
use crate::copy;
use crate::error::{self, FrameKind, Result};
use crate::heap::{AttrsBuilder, Value};
use crate::interpret::Eval;
use crate::source::Position;

/// The name of the store objects.
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
pub(crate) fn fetch_tree(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    let tree = fetch_any(eval, reference).map_err(|error| {
        let step = format!("while fetching the input '{}'", reference.show());
        error.frame(Position::NONE, FrameKind::Evaluator, step)
    })?;
    check(reference, &tree.locked)?;
    Ok(tree)
}

/// Brings the tree that a lock file names into the store; what the lock file says of it holds.
///
/// # Errors
///
/// As [`fetch_tree`].
pub(crate) fn fetch_final(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    if let Some(path) = expected_path(eval, reference)? {
        let store = eval.store();
        if store.is_valid(&path).map_err(|error| error::store(&error))? {
            store.add_temporary_root(&path).map_err(|error| error::store(&error))?;
            return Ok(Tree { path, locked: reference.clone() });
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
fn expected_path(eval: &Eval<'_>, reference: &Reference) -> Result<Option<StorePath>> {
    let Some(hash) = nar_hash(reference)? else { return Ok(None) };
    let directory = eval.store().directory();
    let path = directory.fixed_output_path(NAME, FileMethod::Recursive, &hash);
    path.map(Some).map_err(|error| error::store(&error))
}

fn nar_hash(reference: &Reference) -> Result<Option<Hash>> {
    let Some(text) = reference.text("narHash").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let hash = Hash::parse(&text, Some(HashAlgorithm::Sha256));
    hash.map(Some).map_err(|error| error::store(&error))
}

/// Checks that what was found is what was wanted.
fn check(wanted: &Reference, found: &Reference) -> Result<()> {
    let (expected, got) = (nar_hash(wanted)?, nar_hash(found)?);
    if let (Some(expected), Some(got)) = (expected, got)
        && expected != got
    {
        // The oracle has the two the other way round, and so do those who read its words.
        return Err(error::other(format!(
            "NAR hash mismatch in input '{}', expected '{}' but got '{}'",
            wanted.show(),
            got.digits(HashFormat::Sri),
            expected.digits(HashFormat::Sri)
        )));
    }
    match wanted.text("rev") {
        Some(revision) if found.text("rev") != Some(revision.clone()) => Err(error::other(
            format!("'rev' attribute mismatch in input '{}', expected {revision}", found.show()),
        )),
        _ => Ok(()),
    }
}

fn fetch_any(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    match reference.kind().as_str() {
        "path" => fetch_path(eval, reference),
        "git" => fetch_git(eval, reference),
        "tarball" => fetch_tarball(eval, reference),
        "indirect" => {
            let shown = reference.show();
            Err(error::other(format!("cannot find flake '{shown}' in the flake registries")))
        }
        kind => Err(error::other(format!("fetching trees of the type '{kind}' is not built yet"))),
    }
}

fn add(eval: &Eval<'_>, place: SourcePlace) -> Result<Source> {
    let request = SourceRequest { name: NAME.to_owned(), place };
    eval.store().add_source(&request).map_err(|error| error::store(&error))
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
    let source = add(eval, SourcePlace::Path(path))?;
    // Whoever says when it changed last is believed.
    let modified = reference.last_modified().unwrap_or(source.modified);
    let locked = reference
        .with([("narHash", sri(&source.nar_hash)), ("lastModified", Attr::Number(modified))])
        .map_err(Refusal::into_error)?;
    Ok(Tree { path: source.path, locked })
}

fn fetch_git(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    for name in ["submodules", "lfs", "exportIgnore", "verifyCommit"] {
        if reference.flag(name) {
            let message = format!("fetching Git trees with '{name}' is not built yet");
            return Err(error::other(message));
        }
    }
    let text = reference.text("url").unwrap_or_default();
    let url = Url::parse(&text, true).map_err(error::other)?;
    if url.scheme != "file" {
        return Err(error::other(format!(
            "fetching Git trees by '{}' is not built yet; 'file' is",
            url.scheme
        )));
    }
    let directory = url.path.join("/");
    let source = GitSource {
        directory: PathBuf::from(&directory),
        reference: reference.text("ref"),
        revision: reference.text("rev"),
        is_shallow: reference.flag("shallow"),
    };
    let source = add(eval, SourcePlace::Git(source))?;
    let commit = source.commit.unwrap_or(store::source::Commit {
        revision: None,
        is_dirty: false,
        reference: None,
        count: None,
    });
    let mut more =
        vec![("narHash", sri(&source.nar_hash)), ("lastModified", Attr::Number(source.modified))];
    if commit.is_dirty {
        let warning = format!("warning: Git tree '{directory}' is dirty");
        eval.system().message(warning.as_bytes());
        if let Some(revision) = &commit.revision {
            let short = revision.get(..7).unwrap_or_default();
            more.push(("dirtyRev", Attr::Text(format!("{revision}-dirty"))));
            more.push(("dirtyShortRev", Attr::Text(format!("{short}-dirty"))));
        }
    } else {
        let revision = commit.revision.unwrap_or_else(|| "0".repeat(40));
        more.push(("rev", Attr::Text(revision)));
        more.extend(commit.reference.map(|reference| ("ref", Attr::Text(reference))));
        more.extend(commit.count.map(|count| ("revCount", Attr::Number(count))));
    }
    let locked = reference.with(more).map_err(Refusal::into_error)?;
    Ok(Tree { path: source.path, locked })
}

/// Fetches an archive of which the lock file tells all that there is to know.
fn fetch_tarball(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    if reference.last_modified().is_none() || reference.text("narHash").is_none() {
        let shown = reference.show();
        return Err(error::other(format!("locking the tarball '{shown}' is not built yet")));
    }
    let request = FetchRequest {
        url: reference.text("url").unwrap_or_default(),
        kind: FetchKind::Tarball,
        name: NAME.to_owned(),
        expected: nar_hash(reference)?,
    };
    let store = eval.store();
    let path = store
        .fetch(&request, &FetchOptions::default(), &store::event::Silent)
        .map_err(|error| error::store(&error))?;
    let info = store.path_info(&path).map_err(|error| error::store(&error))?;
    let Some(info) = info else {
        return Err(error::io(format!("path '{path}' is not valid")));
    };
    let locked = reference.with([("narHash", sri(&info.nar_hash))]).map_err(Refusal::into_error)?;
    Ok(Tree { path, locked })
}

/// Returns what flakes know of a tree as `sourceInfo`; with `is_changed`, it is not the commit that
/// it says it is.
pub(crate) fn tree_value<'h>(eval: &mut Eval<'h>, tree: &Tree, is_changed: bool) -> Value<'h> {
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
    if !is_changed {
        if let Some(revision) = locked.text("rev") {
            attrs.push_named("shortRev", text(revision.get(..7).unwrap_or_default()));
            attrs.push_named("rev", text(&revision));
        }
        if let Some(count) = locked.number("revCount") {
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
