//! What the files of the open folders hold, kept between questions: words and names, not texts.
//!
//! A question about more than one file asks here which files it has to read at all:
//!
//! ```text
//! who writes `brewer`? ─► index ─► 3 of 1,800 files ─► read, parsed, looked at
//! ```
//!
//! What is kept of a file is right as long as the host tells that the file is as it was, which is
//! asked once after each [`doubt`](FileIndex::doubt).

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use eval::source::{HOST, SourcePath};
use eval::system::{FileType, System};
use rustc_hash::FxHasher;

use super::document_symbols;
use super::parsed::ParsedFiles;
use super::role::Imports;

/// How many files are known; beyond these a folder is no project of one's own.
const FILES_MAX: usize = 2000;
/// How many directories are listed.
const DIRECTORIES_MAX: usize = 4000;

/// What is known of files; shared by all questions of a session.
#[derive(Debug, Default)]
pub struct FileIndex {
    state: Mutex<State>,
    /// Counts the doubts; what was last looked at before the newest is looked at again.
    doubts: AtomicU64,
    /// Some of the files, parsed.
    pub(super) parsed: ParsedFiles,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<Vec<u8>, Known<Arc<Facts>>>,
    directories: BTreeMap<Vec<u8>, Known<Arc<Listing>>>,
    all: Option<All>,
}

/// All files of some folders, as they were found after a doubt.
#[derive(Debug)]
struct All {
    doubt: u64,
    folders: Vec<Vec<u8>>,
    files: Arc<[Listed]>,
}

#[derive(Debug)]
struct Known<T> {
    value: T,
    version: Option<u64>,
    /// The doubt after which it was last looked at; `None` if it has changed.
    doubt: Option<u64>,
}

/// What a directory holds that is of interest, in order.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The paths of the directories in it.
    pub(super) directories: Vec<Vec<u8>>,
    /// The paths of the Nix files in it.
    pub(super) files: Vec<Vec<u8>>,
}

/// A file of the open folders.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// Its path.
    pub(super) path: SourcePath,
    /// What it holds.
    pub(super) facts: Arc<Facts>,
}

/// What is known of a text.
#[derive(Debug)]
pub(super) struct Facts {
    digest: u64,
    /// The hashes of its words, in order.
    words: Box<[u32]>,
    names: OnceLock<Box<str>>,
    imports: OnceLock<Arc<Imports>>,
    /// What its modules say, once somebody has looked.
    pub(super) modules: OnceLock<Modules>,
}

/// What the modules in a text say of options.
#[derive(Clone, Debug)]
pub(super) struct Modules {
    /// The hashes of the options that they declare and of what leads to them, in order.
    pub(super) declared: Box<[u64]>,
    /// Whether no other file has a say in what they define and declare.
    pub(super) is_alone: bool,
}

impl Facts {
    pub(super) fn new(text: &[u8]) -> Facts {
        let mut words: Vec<u32> = words(text).map(word_hash).collect();
        words.sort_unstable();
        words.dedup();
        Facts {
            digest: digest(text),
            words: words.into(),
            names: OnceLock::new(),
            imports: OnceLock::new(),
            modules: OnceLock::new(),
        }
    }

    /// Whether the text may hold a name: each of its words is there.
    pub(super) fn may_hold(&self, name: &str) -> bool {
        words(name.as_bytes()).all(|it| self.words.binary_search(&word_hash(it)).is_ok())
    }

    /// Returns the names in the text's outline, one a line; `text` is read if nobody has asked yet.
    pub(super) fn names(&self, text: impl FnOnce() -> Vec<u8>) -> &str {
        self.names.get_or_init(|| {
            let mut names: Vec<String> = Vec::new();
            let mut todo = document_symbols::of_text(&text());
            while let Some(symbol) = todo.pop() {
                names.push(symbol.name);
                todo.extend(symbol.children);
            }
            names.sort_unstable();
            names.dedup();
            names.join("\n").into()
        })
    }

    /// Returns the text's imports, found by `find` if nobody has asked yet.
    pub(super) fn imports(&self, find: impl FnOnce() -> Imports) -> &Arc<Imports> {
        self.imports.get_or_init(|| Arc::new(find()))
    }
}

impl FileIndex {
    /// Notes that anything may have changed: each file is compared with the host's once more.
    pub fn doubt(&self) {
        self.doubts.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes that the text at `path` has changed.
    pub fn changed(&self, path: &[u8]) {
        if let Some(known) = self.state().files.get_mut(path) {
            known.doubt = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the Nix files below `folders`, up to a limit.
    pub(super) fn all(&self, system: &dyn System, folders: &[Vec<u8>]) -> Arc<[Listed]> {
        let doubt = self.doubts.load(Ordering::SeqCst);
        if let Some(all) = &self.state().all
            && all.doubt == doubt
            && all.folders == folders
        {
            return Arc::clone(&all.files);
        }
        let mut files = Vec::new();
        let mut directories = folders.to_vec();
        let mut listed = 0;
        while let Some(directory) = directories.pop() {
            listed += 1;
            if listed > DIRECTORIES_MAX || files.len() >= FILES_MAX {
                break;
            }
            let listing = self.directory(system, &directory);
            directories.extend(listing.directories.iter().cloned());
            for path in &listing.files {
                if let Some(facts) = self.facts(system, path) {
                    files.push(Listed { path: SourcePath::new(HOST, path), facts });
                }
            }
        }
        let files: Arc<[Listed]> = files.into();
        let all = All { doubt, folders: folders.to_vec(), files: Arc::clone(&files) };
        self.state().all = Some(all);
        files
    }

    /// Returns what a directory holds.
    pub(super) fn directory(&self, system: &dyn System, path: &[u8]) -> Arc<Listing> {
        let doubt = self.doubts.load(Ordering::SeqCst);
        let version = match self.state().directories.get_mut(path) {
            Some(known) if known.doubt == Some(doubt) => return Arc::clone(&known.value),
            Some(known) => {
                let version = system.version(path);
                if version.is_some() && version == known.version {
                    known.doubt = Some(doubt);
                    return Arc::clone(&known.value);
                }
                version
            }
            None => system.version(path),
        };
        let value = Arc::new(list(system, path));
        let known = Known { value: Arc::clone(&value), version, doubt: Some(doubt) };
        self.state().directories.insert(path.to_vec(), known);
        value
    }

    /// Returns what a file holds, if it can be read.
    pub(super) fn facts(&self, system: &dyn System, path: &[u8]) -> Option<Arc<Facts>> {
        let doubt = self.doubts.load(Ordering::SeqCst);
        let mut before = None;
        let version = match self.state().files.get_mut(path) {
            Some(known) if known.doubt == Some(doubt) => return Some(Arc::clone(&known.value)),
            Some(known) => {
                let version = system.version(path);
                if version.is_some() && version == known.version {
                    known.doubt = Some(doubt);
                    return Some(Arc::clone(&known.value));
                }
                before = Some(Arc::clone(&known.value));
                version
            }
            None => system.version(path),
        };
        let Ok(text) = system.read_file(path) else {
            self.state().files.remove(path);
            return None;
        };
        let value = before
            .filter(|it| it.digest == digest(&text))
            .unwrap_or_else(|| Arc::new(Facts::new(&text)));
        let known = Known { value: Arc::clone(&value), version, doubt: Some(doubt) };
        self.state().files.insert(path.to_vec(), known);
        Some(value)
    }
}

fn list(system: &dyn System, path: &[u8]) -> Listing {
    let mut entries = system.read_dir(path).unwrap_or_default();
    entries.sort();
    let mut listing = Listing::default();
    for (name, kind) in entries {
        let inner = || [path, &b"/"[..], &name].concat();
        match kind {
            FileType::Directory if !name.starts_with(b".") => listing.directories.push(inner()),
            FileType::Regular { .. } if name.ends_with(b".nix") => listing.files.push(inner()),
            _ => {}
        }
    }
    listing
}

/// Returns the words of a text: what stands between all that no name has at its start, and
/// quotes and hyphens, of which the lexer knows best what they are part of.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let runs = text.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    let trimmed = runs.filter_map(|run| {
        let start = run.iter().position(|byte| !byte.is_ascii_digit())?;
        run.get(start..)
    });
    trimmed.filter(|run| !run.is_empty())
}

fn word_hash(word: &[u8]) -> u32 {
    (digest(word) >> 32) as u32
}

pub(super) fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use eval::system::MemorySystem;

    fn holds(text: &str, name: &str) -> bool {
        Facts::new(text.as_bytes()).may_hold(name)
    }

    #[test]
    fn a_name_is_found_by_its_words() {
        assert!(holds("{ a-b = 1; }", "a-b") && holds("[ (1 -foo) x.foldl' ]", "foo"));
        assert!(holds("''foo''", "foo") && holds("x.foldl'", "foldl'"));
        assert!(holds("{ \"a.b c\" = 1; }", "a.b c") && holds("", "42"));
        assert!(!holds("{ ab = 1; }", "a") && !holds("{ a-b = 1; }", "a-c"));
    }

    #[test]
    fn what_changed_is_read_again_after_a_doubt() {
        let mut system = MemorySystem::default();
        system.files.insert(b"/w/a.nix".to_vec(), b"{ tea = 1; }".to_vec());
        let (index, folders) = (FileIndex::default(), [b"/w".to_vec()]);
        let holding = |system: &MemorySystem, name: &str| {
            let all = index.all(system, &folders);
            all.iter().filter(|it| it.facts.may_hold(name)).count()
        };
        assert_eq!((holding(&system, "tea"), holding(&system, "cup")), (1, 0));
        system.files.insert(b"/w/a.nix".to_vec(), b"{ cup = 1; }".to_vec());
        system.files.insert(b"/w/b.nix".to_vec(), b"{ cup = 2; }".to_vec());
        assert_eq!(holding(&system, "cup"), 0, "nobody said so");
        index.doubt();
        assert_eq!((holding(&system, "tea"), holding(&system, "cup")), (0, 2));
    }
}
