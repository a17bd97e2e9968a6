//! The tree of a commit, read object by object, so that no filter of the repository changes it.

use std::collections::{BTreeMap, BTreeSet};

use super::Request;
use super::repository::Repository;
use super::submodule::{self, Modules};
use crate::error::FetchError;
use crate::nar::memory::MemoryTree;

/// The mode of a submodule, which is an empty directory unless submodules are wanted.
const SUBMODULE: &str = "160000";

/// A file of a commit.
struct Entry<'t> {
    mode: String,
    object: String,
    path: &'t [u8],
}

/// Reads the whole tree of a commit.
pub(super) fn tree(
    request: &Request<'_>,
    repository: &Repository,
    revision: &str,
) -> Result<MemoryTree, FetchError> {
    let listed = repository.run(&["ls-tree", "-r", "-z", "--full-tree", revision])?;
    let mut entries = Vec::new();
    for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let parsed = parse_entry(entry);
        entries.push(parsed.ok_or_else(|| repository.failed("`git ls-tree` is not understood"))?);
    }
    if request.source.export_ignore {
        let ignored = attributed(repository, Some(revision), &entries, "export-ignore")?;
        entries.retain(|entry| !prefixes(entry.path).any(|prefix| ignored.contains(prefix)));
    }
    if request.source.with_large_files {
        refuse_large_files(repository, revision, &entries)?;
    }
    let files = entries.iter().filter(|entry| entry.mode != SUBMODULE);
    let objects: Vec<&str> = files.map(|entry| entry.object.as_str()).collect();
    let mut contents = blobs(repository, &objects)?.into_iter();
    let mut root = BTreeMap::new();
    let mut modules = Vec::new();
    for entry in &entries {
        let node = match entry.mode.as_str() {
            SUBMODULE => {
                modules.push((entry.path.to_vec(), entry.object.clone()));
                MemoryTree::Directory(BTreeMap::new())
            }
            "120000" => MemoryTree::Symlink(contents.next().unwrap_or_default()),
            mode => MemoryTree::Regular {
                executable: mode == "100755",
                contents: contents.next().unwrap_or_default(),
            },
        };
        insert(&mut root, entry.path, node);
    }
    if request.source.with_submodules && !modules.is_empty() {
        let known = Modules::of_tree(repository, &root)?;
        for (path, commit) in modules {
            let Some(module) = known.find(&path) else { continue };
            let tree = submodule::tree(request, repository, module, &commit)?;
            insert(&mut root, &path, tree);
        }
    }
    Ok(MemoryTree::Directory(root))
}

/// Returns the contents of files, by the names of their objects.
fn blobs(repository: &Repository, objects: &[&str]) -> Result<Vec<Vec<u8>>, FetchError> {
    let input = objects.iter().fold(String::new(), |text, object| text + object + "\n");
    let output = repository.run_with(&["cat-file", "--batch"], input.into_bytes())?;
    let mut rest = output.as_slice();
    let mut contents = Vec::with_capacity(objects.len());
    for _ in objects {
        let parsed = parse_blob(rest).ok_or_else(|| repository.failed("an object is missing"))?;
        contents.push(parsed.0.to_vec());
        rest = parsed.1;
    }
    Ok(contents)
}

/// Returns a path and the directories above it.
pub(super) fn prefixes(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let cuts = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    cuts.chain([path.len()]).map(|cut| path.get(..cut).unwrap_or_default())
}

/// Returns the paths that have an attribute: those of `entries`, and of the directories above them.
fn attributed(
    repository: &Repository,
    revision: Option<&str>,
    entries: &[Entry<'_>],
    attribute: &str,
) -> Result<BTreeSet<Vec<u8>>, FetchError> {
    let paths: BTreeSet<&[u8]> = entries.iter().flat_map(|entry| prefixes(entry.path)).collect();
    with_attribute(repository, revision, &paths, attribute, |value| value == b"set")
}

/// Returns those of `paths` of which an attribute has a value that is wanted.
pub(super) fn with_attribute(
    repository: &Repository,
    revision: Option<&str>,
    paths: &BTreeSet<&[u8]>,
    attribute: &str,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> Result<BTreeSet<Vec<u8>>, FetchError> {
    let source = revision.map_or("--cached".to_owned(), |it| format!("--source={it}"));
    let mut input = Vec::new();
    for path in paths {
        input.extend_from_slice(path);
        input.push(0);
    }
    if input.is_empty() {
        return Ok(BTreeSet::new());
    }
    let output =
        repository.run_with(&["check-attr", "--stdin", "-z", &source, attribute], input)?;
    let mut words = output.split(|byte| *byte == 0);
    let mut found = BTreeSet::new();
    while let (Some(path), Some(_), Some(value)) = (words.next(), words.next(), words.next()) {
        if is_wanted(value) {
            found.insert(path.to_vec());
        }
    }
    Ok(found)
}

fn refuse_large_files(
    repository: &Repository,
    revision: &str,
    entries: &[Entry<'_>],
) -> Result<(), FetchError> {
    let paths: BTreeSet<&[u8]> = entries.iter().map(|entry| entry.path).collect();
    let large =
        with_attribute(repository, Some(revision), &paths, "filter", |value| value == b"lfs")?;
    match large.first() {
        None => Ok(()),
        Some(path) => {
            let path = String::from_utf8_lossy(path);
            let problem = format!("files kept by Git LFS, such as '{path}', are not supported");
            Err(repository.failed(problem))
        }
    }
}

/// Parses `MODE TYPE OBJECT<tab>PATH`.
fn parse_entry(entry: &[u8]) -> Option<Entry<'_>> {
    let tab = entry.iter().position(|byte| *byte == b'\t')?;
    let (head, path) = entry.split_at(tab);
    let mut words = std::str::from_utf8(head).ok()?.split(' ');
    let (mode, _, object) = (words.next()?, words.next()?, words.next()?);
    Some(Entry { mode: mode.to_owned(), object: object.to_owned(), path: path.get(1..)? })
}

/// Parses `OBJECT TYPE SIZE<newline>CONTENTS<newline>` and returns contents and rest.
fn parse_blob(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(text.get(..end)?).ok()?;
    let size: usize = head.rsplit(' ').next()?.parse().ok()?;
    let contents = text.get(end + 1..end + 1 + size)?;
    Some((contents, text.get(end + 2 + size..)?))
}

fn insert(root: &mut BTreeMap<Vec<u8>, MemoryTree>, path: &[u8], node: MemoryTree) {
    let mut at = root;
    let mut names = path.split(|byte| *byte == b'/').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            at.insert(name.to_vec(), node);
            return;
        }
        let next =
            at.entry(name.to_vec()).or_insert_with(|| MemoryTree::Directory(BTreeMap::new()));
        match next {
            MemoryTree::Directory(entries) => at = entries,
            // A path is a directory or not; `git` lists it as one of both.
            MemoryTree::Regular { .. } | MemoryTree::Symlink(_) => return,
        }
    }
}
