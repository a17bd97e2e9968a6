//! The files that answers have led to lately, parsed: the next answer mostly leads there again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eval::db::PARSE_OPTIONS;
use eval::scope::{self, Scopes};
use eval::system::System;
use syntax::{FlatParse, FlatTree};

/// How much text is kept parsed. Unit: bytes.
const TEXT_BYTES_MAX: usize = 2 << 20;
/// The longest text that is kept: what is larger would leave no room. Unit: bytes.
const FILE_BYTES_MAX: usize = 256 << 10;

/// Of how many texts it is known whether they have syntax errors.
const SOUND_MAX: usize = 16;

/// A text with what is made of it.
#[derive(Debug)]
pub(super) struct ParsedFile {
    /// The text.
    pub(super) text: Arc<[u8]>,
    parse: FlatParse,
    /// Its names.
    pub(super) scopes: Scopes,
}

impl ParsedFile {
    /// Parses a text.
    pub(super) fn new(text: Arc<[u8]>) -> ParsedFile {
        let parse = FlatParse::new(Arc::clone(&text), PARSE_OPTIONS);
        let scopes = scope::scopes(parse.tree());
        ParsedFile { text, parse, scopes }
    }

    /// Returns the tree of the text.
    pub(super) fn tree(&self) -> &FlatTree<'static> {
        self.parse.tree()
    }
}

/// The parsed files, the one that was used last at the end.
#[derive(Debug, Default)]
pub(super) struct ParsedFiles {
    kept: Mutex<VecDeque<Kept>>,
    /// Texts by their digest, and whether they have no syntax error.
    sound: Mutex<VecDeque<(u64, bool)>>,
}

#[derive(Clone, Debug)]
struct Kept {
    path: Vec<u8>,
    version: Option<u64>,
    file: Arc<ParsedFile>,
}

impl ParsedFiles {
    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out what is kept of a file.
    fn take(&self, path: &[u8]) -> Option<Kept> {
        let mut kept = self.kept();
        let index = kept.iter().rposition(|it| it.path == path)?;
        kept.remove(index)
    }

    fn put(&self, new: Kept) {
        if new.file.text.len() > FILE_BYTES_MAX {
            return;
        }
        let mut kept = self.kept();
        kept.retain(|it| it.path != new.path);
        kept.push_back(new);
        let mut bytes: usize = kept.iter().map(|it| it.file.text.len()).sum();
        while bytes > TEXT_BYTES_MAX
            && let Some(oldest) = kept.pop_front()
        {
            bytes -= oldest.file.text.len();
        }
    }

    /// Whether a text has no syntax error.
    pub(super) fn is_sound(&self, text: &[u8]) -> bool {
        let digest = super::file_index::digest(text);
        let sound = || self.sound.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = sound().iter().find(|it| it.0 == digest) {
            return found.1;
        }
        let is_sound = syntax::parse_flat(text, PARSE_OPTIONS).1.is_empty();
        let mut sound = sound();
        sound.push_back((digest, is_sound));
        if sound.len() > SOUND_MAX {
            sound.pop_front();
        }
        is_sound
    }

    /// Returns a file of the host, parsed, as it is now.
    pub(super) fn get(&self, system: &dyn System, path: &[u8]) -> Option<Arc<ParsedFile>> {
        let version = system.version(path);
        let before = self.take(path);
        let file = match before {
            Some(kept) if version.is_some() && kept.version == version => kept.file,
            before => {
                let text: Arc<[u8]> = system.read_file(path).ok()?.into();
                let same = before.filter(|kept| kept.file.text == text);
                same.map_or_else(|| Arc::new(ParsedFile::new(text)), |kept| kept.file)
            }
        };
        self.put(Kept { path: path.to_vec(), version, file: Arc::clone(&file) });
        Some(file)
    }

    /// Returns the text of a file of the host, as it is now; it is not parsed for that.
    pub(super) fn text(&self, system: &dyn System, path: &[u8]) -> Option<Arc<[u8]>> {
        let version = system.version(path);
        let is_same = |it: &&Kept| it.path == path && version.is_some() && it.version == version;
        let known = self.kept().iter().rfind(is_same).map(|it| Arc::clone(&it.file.text));
        match known {
            Some(text) => Some(text),
            None => system.read_file(path).ok().map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eval::system::MemorySystem;

    #[test]
    fn a_file_is_parsed_once_for_each_text() {
        let mut system = MemorySystem::default();
        system.files.insert(b"/a.nix".to_vec(), b"{ a = 1; }".to_vec());
        let files = ParsedFiles::default();
        let get = |system: &MemorySystem| files.get(system, b"/a.nix").expect("it is there");
        let first = get(&system);
        assert!(Arc::ptr_eq(&first, &get(&system)));
        system.files.insert(b"/a.nix".to_vec(), b"{ b = 1; }".to_vec());
        assert_eq!(&*get(&system).text, b"{ b = 1; }");
        assert_eq!(files.text(&system, b"/a.nix").as_deref(), Some(&b"{ b = 1; }"[..]));
        assert!(files.get(&system, b"/b.nix").is_none());
        for _ in 0..2 {
            assert!(files.is_sound(b"{ a = 1; }") && !files.is_sound(b"{ a = ; }"));
        }
    }

    #[test]
    fn the_memory_has_a_bound() {
        let mut system = MemorySystem::default();
        for number in 0..20 {
            let text = vec![b' '; FILE_BYTES_MAX - number];
            system.files.insert(format!("/{number}.nix").into_bytes(), text);
        }
        system.files.insert(b"/large.nix".to_vec(), vec![b' '; FILE_BYTES_MAX + 1]);
        let files = ParsedFiles::default();
        for path in system.files.keys() {
            assert!(files.get(&system, path).is_some());
        }
        let kept = files.kept();
        assert_eq!(kept.len(), TEXT_BYTES_MAX / FILE_BYTES_MAX);
        assert!(kept.iter().all(|it| it.path != b"/large.nix"));
    }
}
