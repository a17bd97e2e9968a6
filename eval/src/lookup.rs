//! The search path: what `<nixpkgs/lib>` means.
//!
//! An entry `prefix=path` provides the names that begin with the prefix; one without a prefix
//! provides whatever lies in its directory. The first entry that has the file wins; after all of
//! them come the files inside the binary.
//! Source: CppNix, `EvalState::findFile`.

use crate::embedded;
use crate::error::{self, ErrorKind, Result};
use crate::interpret::Eval;
use crate::source::{EMBEDDED, HOST, SourcePath, canonical};

/// Returns the path of `name` on a search path of (prefix or empty, path) entries.
///
/// # Errors
///
/// A name that no entry has: `tryEval` catches that.
pub fn find(
    eval: &mut Eval<'_>,
    search_path: &[(Vec<u8>, Vec<u8>)],
    name: &[u8],
) -> Result<SourcePath> {
    for (prefix, path) in search_path {
        let Some(suffix) = suffix(prefix, name) else { continue };
        let Some(base) = resolve_entry(eval, path)? else { continue };
        if let Some(found) = existing(eval, &below(&base, suffix))? {
            return Ok(found);
        }
    }
    let embedded = below(&SourcePath::new(EMBEDDED, b"/"), name);
    if name.starts_with(b"nix/") {
        // Whether the file is there shows when it is read. Source: CppNix, `EvalState::findFile`.
        return Ok(embedded);
    }
    if eval.settings().embedded_fallback
        && let Some(suffix) = suffix(b"nixpkgs", name)
    {
        let found = below(&SourcePath::new(EMBEDDED, b"/"), suffix);
        if embedded::file_type(&found.bytes).is_some() {
            return Ok(found);
        }
    }
    let name = String::from_utf8_lossy(name);
    Err(error::thrown(if eval.settings().pure {
        format!("cannot look up '<{name}>' in pure evaluation mode (use '--impure' to override)")
    } else {
        format!("file '{name}' was not found in the Nix search path (add it using $NIX_PATH or -I)")
    }))
}

/// Returns what an entry with this prefix is to be extended by, `None` if it is not about `name`.
fn suffix<'n>(prefix: &[u8], name: &'n [u8]) -> Option<&'n [u8]> {
    if prefix.is_empty() {
        return Some(name);
    }
    match name.strip_prefix(prefix)? {
        [] => Some(b""),
        [b'/', rest @ ..] => Some(rest),
        _ => None,
    }
}

fn below(base: &SourcePath, suffix: &[u8]) -> SourcePath {
    let mut bytes = base.bytes.to_vec();
    bytes.push(b'/');
    // The suffix cannot leave the base: `..` stops at its root.
    bytes.extend_from_slice(canonical(suffix).get(1..).unwrap_or_default());
    SourcePath::new(base.root, &canonical(&bytes))
}

/// Returns the path with its links followed, `None` if nothing is there.
fn existing(eval: &mut Eval<'_>, path: &SourcePath) -> Result<Option<SourcePath>> {
    let found = match eval.resolve_links(path) {
        Ok(found) => found,
        Err(error) if error.kind == ErrorKind::Io => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(eval.file_type(&found)?.map(|_| found))
}

/// Returns the directory or file that an entry names, once per evaluation.
fn resolve_entry(eval: &mut Eval<'_>, path: &[u8]) -> Result<Option<SourcePath>> {
    if let Some(resolved) = eval.known.search_path.get(path) {
        return Ok(resolved.clone());
    }
    let resolved = if is_url(path) {
        warn(eval, path, "cannot be downloaded");
        None
    } else {
        let base = SourcePath::new(HOST, &absolute(eval, path));
        let is_there = existing(eval, &base)?.is_some();
        if !is_there {
            warn(eval, path, "does not exist");
        }
        is_there.then_some(base)
    };
    eval.known.search_path.insert(path.to_vec(), resolved.clone());
    Ok(resolved)
}

/// Returns a path of the search path as an absolute one.
fn absolute(eval: &Eval<'_>, path: &[u8]) -> Vec<u8> {
    if path.first() == Some(&b'/') {
        return canonical(path);
    }
    let mut bytes = eval.settings().directory.clone();
    bytes.push(b'/');
    bytes.extend_from_slice(path);
    canonical(&bytes)
}

/// Whether an entry is fetched rather than read: a URL or a channel.
///
/// Source: CppNix, `EvalSettings::isPseudoUrl`.
fn is_url(path: &[u8]) -> bool {
    const SCHEMES: [&[u8]; 8] =
        [b"http", b"https", b"file", b"channel", b"git", b"s3", b"ssh", b"flake"];
    if path.starts_with(b"channel:") || path.starts_with(b"flake:") {
        return true;
    }
    let Some(end) = path.windows(3).position(|window| window == b"://") else { return false };
    SCHEMES.contains(&path.get(..end).unwrap_or_default())
}

fn warn(eval: &Eval<'_>, path: &[u8], problem: &str) {
    let mut text = b"warning: Nix search path entry '".to_vec();
    text.extend_from_slice(path);
    text.extend_from_slice(format!("' {problem}, ignoring").as_bytes());
    eval.system().message(&text);
}
