//! Where text comes from: files under roots, and positions in them.
//!
//! A path of the language is (root, canonical absolute path). Root 0 is the host's file system,
//! root 1 the library that is embedded in the binary; further roots are fetched trees and the
//! unsaved files of an editor. Printing, reading and import keys all go through the root, so no
//! answer depends on where the binary lies.

use std::sync::Arc;

/// The root of the host's file system.
pub const HOST: u32 = 0;
/// The root of the embedded library, printed as `«nivis»/...`.
pub const EMBEDDED: u32 = 1;

/// An owned path of the language.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SourcePath {
    /// The root: [`HOST`], [`EMBEDDED`] or a later one.
    pub root: u32,
    /// Absolute canonical bytes: `/`, or `/a/b` without a trailing slash.
    pub bytes: Arc<[u8]>,
}

/// The embedded file that the language itself has a name for.
const FETCHURL: &[u8] = b"/nix/fetchurl.nix";
/// What the reference implementation calls it.
const FETCHURL_SHOWN: &str = "<nix/fetchurl.nix>";

impl SourcePath {
    /// Returns the path of these canonical bytes in `root`.
    pub fn new(root: u32, bytes: &[u8]) -> SourcePath {
        SourcePath { root, bytes: bytes.into() }
    }

    /// Returns the path that [`display`](SourcePath::display) writes so: one of the host or of the
    /// embedded library.
    pub fn parse_display(text: &str) -> Option<SourcePath> {
        if text == FETCHURL_SHOWN {
            return Some(SourcePath::new(EMBEDDED, FETCHURL));
        }
        let (root, path) = match text.strip_prefix("«nivis»") {
            Some(path) => (EMBEDDED, path),
            None => (HOST, text),
        };
        path.starts_with('/').then(|| SourcePath::new(root, &canonical(path.as_bytes())))
    }

    /// Returns the path as a person reads it: `/a/b`, `«nivis»/a/b`.
    pub fn display(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        match self.root {
            HOST => text.into_owned(),
            EMBEDDED if *self.bytes == *FETCHURL => FETCHURL_SHOWN.to_owned(),
            EMBEDDED => format!("«nivis»{text}"),
            other => format!("«root {other}»{text}"),
        }
    }
}

/// A file or string that an evaluation has read as source, numbered from 1 per evaluation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FileId(pub u32);

impl FileId {
    /// No file: what computed attributes have.
    pub const NONE: FileId = FileId(0);
}

/// A byte offset in a file of this evaluation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Position {
    /// The file, or [`FileId::NONE`].
    pub file: FileId,
    /// Bytes from the start of the file.
    pub offset: u32,
}

impl Position {
    /// No position.
    pub const NONE: Position = Position { file: FileId::NONE, offset: 0 };

    /// Whether there is a position at all.
    pub fn is_some(self) -> bool {
        self.file != FileId::NONE
    }
}

/// What a file of an evaluation is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(SourcePath),
    /// The text of `--expr` (`«string»`), with the directory that relative paths start from.
    String(SourcePath),
    /// Standard input (`«stdin»`), with the directory that relative paths start from.
    Stdin(SourcePath),
}

impl Origin {
    /// Returns what messages call the source: a path, `«string»`, `«stdin»`.
    pub fn display(&self) -> String {
        match self {
            Origin::File(path) => path.display(),
            Origin::String(_) => "«string»".to_owned(),
            Origin::Stdin(_) => "«stdin»".to_owned(),
        }
    }
}

/// Returns `path` without `.`, `..`, doubled and trailing slashes; it must start with a slash.
///
/// `..` at the root stays at the root. Purely textual: symbolic links are not followed.
/// Source: CppNix, `CanonPath`.
pub fn canonical(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    append(&mut out, path);
    if out.is_empty() {
        out.push(b'/');
    }
    out
}

/// Returns the canonical path of `path` as it is written in `directory`, which is canonical.
pub fn canonical_in(directory: &[u8], path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(directory.len() + path.len() + 1);
    if directory != b"/" {
        out.extend_from_slice(directory);
    }
    append(&mut out, path);
    if out.is_empty() {
        out.push(b'/');
    }
    out
}

/// Appends the names of `path` to a canonical path, of which the root is empty here.
fn append(out: &mut Vec<u8>, path: &[u8]) {
    let mut rest = path;
    loop {
        let end = memchr::memchr(b'/', rest);
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        match part {
            b"" | b"." => {}
            b".." => {
                let cut = memchr::memrchr(b'/', out).unwrap_or(0);
                out.truncate(cut);
            }
            name => {
                out.push(b'/');
                out.extend_from_slice(name);
            }
        }
        match after {
            [] => return,
            [_, after @ ..] => rest = after,
        }
    }
}
