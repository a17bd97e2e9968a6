//! The search path: what `<nixpkgs/lib>` means.
//!
//! An entry `prefix=path` provides the names that begin with the prefix; one without a prefix
//! provides whatever lies in its directory. The first entry that has the file wins; after all of
//! them come the files inside the binary.
//! Source: CppNix, `EvalState::findFile`.

use crate::embedded;
use crate::error::{self, ErrorKind, Result};
use crate::flake;
use crate::flake::reference::{Attr, Form, Reference, Refusal};
use crate::flake::registry::{self, Lookup};
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
        let place = below(&base, suffix);
        match existing(eval, &place)? {
            Existing::At(found) => return Ok(found),
            Existing::Refused(found) => eval.check_allowed(&found)?,
            Existing::Nothing => {}
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

/// What lies where a path leads.
enum Existing {
    Nothing,
    /// Nobody may look there.
    Refused(SourcePath),
    /// Something, and this is its path without links.
    At(SourcePath),
}

fn existing(eval: &mut Eval<'_>, path: &SourcePath) -> Result<Existing> {
    let found = match eval.resolve_links(path) {
        Ok(found) => found,
        Err(error) if error.kind == ErrorKind::Io => return Ok(Existing::Nothing),
        Err(error) => return Err(error),
    };
    if !eval.is_allowed(&found) {
        return Ok(Existing::Refused(found));
    }
    let kind = eval.file_type(&found)?;
    Ok(kind.map_or(Existing::Nothing, |_| Existing::At(found)))
}

/// Returns the directory or file that an entry names, once per evaluation.
pub(crate) fn resolve_entry(eval: &mut Eval<'_>, path: &[u8]) -> Result<Option<SourcePath>> {
    if let Some(resolved) = eval.known.search_path.get(path) {
        return Ok(resolved.clone());
    }
    let resolved = match fetched(eval, &String::from_utf8_lossy(path)) {
        Some(Ok(found)) => Some(found),
        // Nobody asked for a flake by accident.
        Some(Err(error)) if path.starts_with(b"flake:") => return Err(error),
        Some(Err(error)) if error.kind == ErrorKind::Cancelled => return Err(error),
        Some(Err(_)) => {
            warn(eval, path, "cannot be downloaded");
            warn(eval, path, "does not exist");
            None
        }
        None => {
            let base = SourcePath::new(HOST, &absolute(eval, path));
            let is_there = match existing(eval, &base)? {
                Existing::At(_) => true,
                Existing::Refused(_) => {
                    eval.check_allowed(&base)?;
                    false
                }
                Existing::Nothing => false,
            };
            if !is_there {
                warn(eval, path, "does not exist");
            }
            is_there.then_some(base)
        }
    };
    eval.known.search_path.insert(path.to_vec(), resolved.clone());
    Ok(resolved)
}

/// Returns a path of the search path as an absolute one.
pub(crate) fn absolute(eval: &Eval<'_>, path: &[u8]) -> Vec<u8> {
    if path.first() == Some(&b'/') {
        return canonical(path);
    }
    let mut bytes = eval.settings().directory.clone();
    bytes.push(b'/');
    bytes.extend_from_slice(path);
    canonical(&bytes)
}

/// Returns the tree that a word stands for if it is an address, `channel:NAME` or `flake:NAME`.
///
/// # Errors
///
/// In the answer: a tree that cannot be fetched.
///
/// # Source
///
/// CppNix, `lookupFileArg` and `EvalState::resolveLookupPathPath`.
pub fn fetched(eval: &mut Eval<'_>, text: &str) -> Option<Result<SourcePath>> {
    let tree = match text.strip_prefix("flake:") {
        Some(rest) => fetch_flake(eval, rest),
        None if is_address(text) => fetch_archive(eval, text),
        None => return None,
    };
    Some(tree.map(|tree| {
        let path = eval.store().directory().display(&tree.path);
        SourcePath::new(HOST, path.as_bytes())
    }))
}

fn fetch_flake(eval: &mut Eval<'_>, text: &str) -> Result<flake::Tree> {
    if !eval.settings().has_feature("flakes") {
        return Err(error::feature_disabled("flakes"));
    }
    let (reference, _) = Reference::parse_as(text, Form::Any, true).map_err(Refusal::into_error)?;
    let resolved = registry::resolve(eval, &reference, Lookup::All)?;
    flake::fetch_tree(eval, &resolved.without_directory())
}

fn fetch_archive(eval: &mut Eval<'_>, text: &str) -> Result<flake::Tree> {
    let url = crate::builtins::fetch::resolved(text.to_owned());
    let attribute = |name: &str, value: &str| (name.to_owned(), Attr::Text(value.to_owned()));
    let attrs = [attribute("type", "tarball"), attribute("url", &url)];
    let reference = Reference::from_attrs(attrs.into(), false).map_err(Refusal::into_error)?;
    // Restricted evaluation does not see what comes from there. Source: CppNix.
    flake::fetch_unseen(eval, &reference)
}

/// Whether an entry is fetched rather than read: a URL or a channel.
///
/// Source: CppNix, `EvalSettings::isPseudoUrl`.
pub fn is_address(text: &str) -> bool {
    const SCHEMES: [&str; 7] = ["http", "https", "file", "channel", "git", "s3", "ssh"];
    if text.starts_with("channel:") {
        return true;
    }
    text.split_once("://").is_some_and(|(scheme, _)| SCHEMES.contains(&scheme))
}

fn warn(eval: &Eval<'_>, path: &[u8], problem: &str) {
    let mut text = b"warning: Nix search path entry '".to_vec();
    text.extend_from_slice(path);
    text.extend_from_slice(format!("' {problem}, ignoring").as_bytes());
    eval.system().message(&text);
}
