//! Option trees that are kept between sessions, with all that was looked at for them.
//!
//! A tree is right as long as every file that its evaluation looked at is as it was; then nothing
//! is evaluated at all. One that is older still answers until a newer one is there. What cannot
//! be read (damaged, of another version) is as good as not there.

use std::collections::BTreeSet;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use eval::option_tree::OptionTree;
use eval::settings::Settings;
use eval::system::System;
use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};

use super::indexes::Root;

/// A place for what is worth keeping between sessions. Several processes may use it at a time.
pub trait Cache: Send + Sync {
    /// Returns what was last written under a name, if that can be read.
    fn read(&self, name: &str) -> Option<Vec<u8>>;
    /// Keeps something under a name, whole or not at all.
    fn write(&self, name: &str, bytes: &[u8]);
}

/// The version of the format; what another one wrote is not read.
const FORMAT: &str = "nivis options 2";

/// A tree with what was looked at for it.
#[derive(Serialize, Deserialize)]
struct Entry {
    observed: Vec<Observed>,
    options: OptionTree,
}

/// Something that was looked at.
#[derive(Serialize, Deserialize)]
struct Observed {
    path: String,
    /// What the host called its state.
    version: Option<u64>,
    /// What its bytes or names are.
    digest: u64,
}

impl Observed {
    fn new(system: &dyn System, path: &str) -> Observed {
        let version = system.version(path.as_bytes());
        let digest = digest_of(system, path.as_bytes());
        Observed { path: path.to_owned(), version, digest }
    }

    /// Whether it is as it was: it is read only if the host does not know.
    fn is_same(&self, system: &dyn System) -> bool {
        let path = self.path.as_bytes();
        self.version.is_some_and(|it| system.version(path) == Some(it))
            || digest_of(system, path) == self.digest
    }
}

/// A tree that was kept.
pub(super) struct Kept {
    /// The tree.
    pub(super) options: Arc<OptionTree>,
    observed: Vec<Observed>,
}

impl Kept {
    /// Whether all that was looked at is as it was.
    pub(super) fn is_current(&self, system: &dyn System) -> bool {
        self.observed.iter().all(|it| it.is_same(system))
    }

    /// Returns the paths of what was looked at.
    pub(super) fn observed(&self) -> BTreeSet<Vec<u8>> {
        self.observed.iter().map(|it| it.path.clone().into_bytes()).collect()
    }
}

/// Returns the tree that was kept for a root.
pub(super) fn read(cache: &dyn Cache, settings: &Settings, root: &Root) -> Option<Kept> {
    let Entry { observed, options } = decode(&cache.read(&name(settings, root))?)?;
    Some(Kept { options: Arc::new(options), observed })
}

/// Keeps the tree of a root. What was looked at must be text in its paths, else nothing is kept.
pub(super) fn write(
    cache: &dyn Cache,
    system: &dyn System,
    settings: &Settings,
    root: &Root,
    options: &OptionTree,
    observed: &BTreeSet<Vec<u8>>,
) {
    let observed =
        observed.iter().map(|path| Some(Observed::new(system, std::str::from_utf8(path).ok()?)));
    let Some(observed) = observed.collect::<Option<Vec<_>>>() else { return };
    let entry = Entry { observed, options: options.clone() };
    if let Some(bytes) = encode(&entry) {
        cache.write(&name(settings, root), &bytes);
    }
}

fn encode(entry: &Entry) -> Option<Vec<u8>> {
    let body = serde_json::to_vec(entry).ok()?;
    let head = format!("{FORMAT} {:016x}\n", hash(&body));
    Some([head.as_bytes(), &body].concat())
}

fn decode(bytes: &[u8]) -> Option<Entry> {
    let end = bytes.iter().take(128).position(|&byte| byte == b'\n')?;
    let (head, body) = (bytes.get(..end)?, bytes.get(end + 1..)?);
    let expected = format!("{FORMAT} {:016x}", hash(body));
    if head != expected.as_bytes() {
        return None;
    }
    serde_json::from_slice(body).ok()
}

/// Returns what the tree of a root is kept under.
fn name(settings: &Settings, root: &Root) -> String {
    let mut hasher = FxHasher::default();
    format!("{root:?}").hash(&mut hasher);
    (&settings.search_path, &settings.system, settings.embedded_fallback).hash(&mut hasher);
    format!("{:016x}.options", hasher.finish())
}

/// Returns a number for what lies at a path: a file's bytes, a directory's names, or nothing.
fn digest_of(system: &dyn System, path: &[u8]) -> u64 {
    if let Ok(bytes) = system.read_file(path) {
        return hash(&bytes);
    }
    match system.read_dir(path) {
        Ok(mut entries) => {
            entries.sort();
            let mut names = Vec::new();
            for (name, kind) in entries {
                names.extend_from_slice(&name);
                names.extend_from_slice(format!("\0{kind:?}\n").as_bytes());
            }
            hash(&names)
        }
        Err(_) => 0,
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use eval::option_tree::OptionNode;
    use eval::system::MemorySystem;
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

    impl Cache for Memory {
        fn read(&self, name: &str) -> Option<Vec<u8>> {
            self.0.lock().expect("no panic").get(name).cloned()
        }

        fn write(&self, name: &str, bytes: &[u8]) {
            self.0.lock().expect("no panic").insert(name.to_owned(), bytes.to_vec());
        }
    }

    fn tree() -> OptionTree {
        let mut tree = OptionTree::default();
        tree.root.children.insert("services".to_owned(), OptionNode::default());
        tree
    }

    #[test]
    fn a_tree_is_current_while_all_is_as_it_was() {
        let (cache, settings) = (Memory::default(), Settings::default());
        let root = Root::Configuration(b"/c.nix".to_vec());
        let mut system = MemorySystem::default();
        system.files.insert(b"/c.nix".to_vec(), b"{ }".to_vec());
        let observed = BTreeSet::from([b"/c.nix".to_vec(), b"/d.nix".to_vec()]);
        assert!(read(&cache, &settings, &root).is_none());
        write(&cache, &system, &settings, &root, &tree(), &observed);
        let kept = read(&cache, &settings, &root).expect("it was kept");
        assert_eq!((&*kept.options, kept.observed()), (&tree(), observed));
        assert!(kept.is_current(&system));
        let copy = || MemorySystem { files: system.files.clone(), ..MemorySystem::default() };
        let mut other = copy();
        other.files.insert(b"/d.nix".to_vec(), Vec::new());
        assert!(!kept.is_current(&other), "a file that was missing");
        other = copy();
        other.files.insert(b"/c.nix".to_vec(), b"{  }".to_vec());
        assert!(!kept.is_current(&other), "a file that changed");
        assert!(read(&cache, &settings, &Root::Library).is_none());
    }

    #[test]
    fn what_is_damaged_is_not_there() {
        let seen = Observed { path: "/a".to_owned(), version: Some(6), digest: 7 };
        let entry = Entry { observed: vec![seen], options: tree() };
        let bytes = encode(&entry).expect("it can be written");
        assert!(decode(&bytes).is_some());
        for index in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1;
            assert!(decode(&damaged).is_none(), "byte {index}");
            assert!(decode(&bytes[..index]).is_none(), "cut at {index}");
        }
    }
}
