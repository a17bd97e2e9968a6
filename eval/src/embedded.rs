//! The Nix files inside the binary: the embedded library, and what the evaluator itself is made of.
//!
//! They are root 1 ([`crate::source::EMBEDDED`]); `/nix` in it holds what `<nix/...>` finds and
//! what the evaluator loads for itself, such as `derivation`.

use include_dir::{Dir, DirEntry, include_dir};

use crate::source::{EMBEDDED, SourcePath};
use crate::system::FileType;

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/nixlib");

/// Returns the path of the function behind `builtins.derivation`.
pub fn derivation_wrapper() -> SourcePath {
    SourcePath::new(EMBEDDED, b"/nix/derivation.nix")
}

/// Returns the path of the function that makes a set of an imported `.drv` file.
pub fn imported_derivation() -> SourcePath {
    SourcePath::new(EMBEDDED, b"/nix/imported-derivation.nix")
}

/// Returns the path of the function that makes a value of a locked flake.
pub fn call_flake() -> SourcePath {
    SourcePath::new(EMBEDDED, b"/nix/call-flake.nix")
}

/// Returns the contents of the file at an absolute path under the root.
pub fn file(path: &[u8]) -> Option<&'static [u8]> {
    match entry(path)? {
        Entry::File(contents) => Some(contents),
        Entry::Directory(_) => None,
    }
}

/// Returns what lies at an absolute path under the root.
pub fn file_type(path: &[u8]) -> Option<FileType> {
    match entry(path)? {
        Entry::File(_) => Some(FileType::Regular { executable: false }),
        Entry::Directory(_) => Some(FileType::Directory),
    }
}

/// Returns the names and types in the directory at an absolute path under the root, by name.
pub fn directory(path: &[u8]) -> Option<Vec<(Vec<u8>, FileType)>> {
    let Entry::Directory(directory) = entry(path)? else { return None };
    let mut entries: Vec<(Vec<u8>, FileType)> = directory
        .entries()
        .iter()
        .filter_map(|entry| {
            let name = entry.path().file_name()?.as_encoded_bytes().to_vec();
            let kind = match entry {
                DirEntry::Dir(_) => FileType::Directory,
                DirEntry::File(_) => FileType::Regular { executable: false },
            };
            Some((name, kind))
        })
        .collect();
    entries.sort();
    Some(entries)
}

enum Entry {
    File(&'static [u8]),
    Directory(&'static Dir<'static>),
}

fn entry(path: &[u8]) -> Option<Entry> {
    let path = std::str::from_utf8(path).ok()?.trim_matches('/');
    if path.is_empty() {
        return Some(Entry::Directory(&FILES));
    }
    match FILES.get_entry(path)? {
        DirEntry::Dir(directory) => Some(Entry::Directory(directory)),
        DirEntry::File(file) => Some(Entry::File(file.contents())),
    }
}

#[cfg(test)]
mod tests {
    use super::{derivation_wrapper, directory, file, imported_derivation};

    #[test]
    fn the_evaluators_own_files_are_there() {
        for path in [derivation_wrapper(), imported_derivation()] {
            assert!(file(&path.bytes).is_some_and(|text| !text.is_empty()));
        }
        let names: Vec<_> = directory(b"/nix").into_iter().flatten().map(|it| it.0).collect();
        assert!(names.is_sorted() && names.contains(&b"fetchurl.nix".to_vec()));
        assert!(directory(b"/").is_some_and(|entries| !entries.is_empty()));
    }
}
