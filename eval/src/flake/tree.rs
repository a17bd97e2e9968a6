//! References as flakes use them: relative ones, locked ones, and those that a person types.
//!
//! Source: CppNix, `parsePathFlakeRefWithFragment`, `FlakeRef::canonicalize` and the `isLocked` of
//! the input schemes.

use super::reference::{Attr, Form, Reference, Refusal};
use super::url::{self, Url};
use crate::error::{self, EvalError, Result};
use crate::interpret::Eval;
use crate::source::canonical;
use crate::system::{FileType, System};

/// The commit of a repository that has none yet.
const NO_REVISION: &str = "0000000000000000000000000000000000000000";

impl Refusal {
    /// Returns what a person is told.
    pub fn into_message(self) -> String {
        match self {
            Refusal::Url(message) | Refusal::Other(message) => message,
            Refusal::Feature(feature) => error::feature_disabled(feature).message,
        }
    }

    /// Returns the refusal as an error of an evaluation.
    #[cold]
    pub fn into_error(self) -> Box<EvalError> {
        match self {
            Refusal::Url(message) | Refusal::Other(message) => error::other(message),
            Refusal::Feature(feature) => error::feature_disabled(feature),
        }
    }
}

impl Reference {
    /// Returns the reference as messages show it: as a URL if it can be one.
    pub fn show(&self) -> String {
        self.to_url().unwrap_or_else(|_| super::lock_file::to_json(&self.to_attrs()).to_string())
    }

    /// Returns the attribute `name` if it is a string.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.to_attrs().remove(name) {
            Some(Attr::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the attribute `name` if it is a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.to_attrs().get(name) {
            Some(Attr::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// Whether the attribute `name` is true.
    pub fn flag(&self, name: &str) -> bool {
        self.boolean(name) == Some(true)
    }

    /// Returns the attribute `name` if it is a boolean.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        match self.to_attrs().get(name) {
            Some(Attr::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// Whether it names a tree itself, and not one that a registry knows.
    pub fn is_direct(&self) -> bool {
        self.kind() != "indirect"
    }

    /// Returns the reference without some attributes.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Reference {
        let mut attrs = self.to_attrs();
        attrs.retain(|name, _| !names.contains(&name.as_str()));
        // What is left is as good as it was.
        Reference::from_attrs(attrs, true).unwrap_or_else(|_| self.clone())
    }

    /// Returns the reference to the whole tree.
    #[must_use]
    pub fn without_directory(&self) -> Reference {
        self.without(&["dir"])
    }

    /// Returns the reference to a directory of the tree; an empty one is the whole tree.
    #[must_use]
    pub fn in_directory(&self, directory: &str) -> Reference {
        if directory.is_empty() {
            return self.clone();
        }
        let directory = Attr::Text(directory.to_owned());
        self.with([("dir", directory)]).unwrap_or_else(|_| self.clone())
    }

    /// Returns the reference at another branch or commit, where these are not `None`.
    ///
    /// Source: CppNix, `applyOverrides` of the input schemes.
    pub(super) fn with_revision(
        &self,
        reference: Option<String>,
        revision: Option<String>,
    ) -> std::result::Result<Reference, Refusal> {
        let kind = self.kind();
        let is_forge = matches!(kind.as_str(), "github" | "gitlab" | "sourcehut");
        let shown = || self.without_directory().show();
        match (&reference, &revision) {
            (Some(reference), Some(revision)) if is_forge => {
                return Err(Refusal::Other(format!(
                    "cannot apply both a commit hash ({revision}) and a branch/tag name \
                     ('{reference}') to input '{}'",
                    shown()
                )));
            }
            _ if is_forge || matches!(kind.as_str(), "git" | "hg" | "indirect") => {}
            (Some(reference), _) => {
                return Err(Refusal::Other(format!(
                    "don't know how to set branch/tag name of input '{}' to '{reference}'",
                    shown()
                )));
            }
            (None, Some(revision)) => {
                return Err(Refusal::Other(format!(
                    "don't know how to set revision of input '{}' to '{revision}'",
                    shown()
                )));
            }
            (None, None) => {}
        }
        let base = match (&reference, &revision) {
            (None, None) => return Ok(self.clone()),
            _ if is_forge => self.without(&["ref", "rev"]),
            _ => self.clone(),
        };
        let more = [("ref", reference), ("rev", revision)];
        let more = more.into_iter().filter_map(|(name, it)| Some((name, Attr::Text(it?))));
        let found = base.with(more)?;
        if kind == "git" && found.text("rev").is_some() && found.text("ref").is_none() {
            return Err(Refusal::Other(format!(
                "Git input '{}' has a commit hash but no branch/tag name",
                found.without_directory().show()
            )));
        }
        Ok(found)
    }

    /// Returns what kind of tree it is: `path`, `git`.
    pub fn kind(&self) -> String {
        self.text("type").unwrap_or_default()
    }

    /// Returns the directory of the flake in its tree.
    pub fn directory(&self) -> String {
        self.text("dir").unwrap_or_default()
    }

    /// Returns when the tree changed last, in seconds since 1970, if that is known.
    pub fn last_modified(&self) -> Option<u64> {
        self.number("lastModified")
    }

    /// Whether it names one tree for all times; `trusts_forges` takes a server's word for what a
    /// commit holds.
    pub fn is_locked(&self, trusts_forges: bool) -> bool {
        match self.kind().as_str() {
            "path" | "tarball" | "file" => self.text("narHash").is_some(),
            "git" => self.text("rev").is_some_and(|revision| revision != NO_REVISION),
            "hg" => self.text("rev").is_some(),
            "github" | "gitlab" | "sourcehut" => {
                self.text("rev").is_some() && (trusts_forges || self.text("narHash").is_some())
            }
            _ => false,
        }
    }

    /// Returns the path if it is one that starts from the flake that names it.
    pub fn relative_path(&self) -> Option<String> {
        if self.kind() != "path" {
            return None;
        }
        self.text("path").filter(|path| !path.starts_with('/'))
    }

    /// Returns the path of the directory that it is, which may change: what a lock file is written
    /// into.
    pub fn source_directory(&self) -> Option<String> {
        match self.kind().as_str() {
            "path" => self.text("path"),
            "git" | "hg" if self.text("ref").is_none() && self.text("rev").is_none() => {
                let url = Url::parse(&self.text("url")?, true).ok()?;
                (url.scheme == "file").then(|| url.path.join("/"))
            }
            _ => None,
        }
    }

    /// Returns the reference in the form in which two are compared: old ones have their directory
    /// in the URL, too.
    #[must_use]
    pub(super) fn canonical(&self) -> Reference {
        let mut attrs = self.to_attrs();
        let Some(Attr::Text(text)) = attrs.get("url") else { return self.clone() };
        let Ok(mut url) = Url::parse(text, true) else { return self.clone() };
        let directory = self.directory();
        if !directory.is_empty() && url.query.get("dir") == Some(&directory) {
            url.query.remove("dir");
        }
        attrs.insert("url".to_owned(), Attr::Text(url.show()));
        Reference::from_attrs(attrs, true).unwrap_or_else(|_| self.clone())
    }

    /// Returns the reference with other attributes.
    ///
    /// # Errors
    ///
    /// As [`Reference::from_attrs`].
    pub(super) fn with(
        &self,
        more: impl IntoIterator<Item = (&'static str, Attr)>,
    ) -> std::result::Result<Reference, Refusal> {
        let mut attrs = self.to_attrs();
        attrs.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Reference::from_attrs(attrs, true)
    }
}

/// Reads the reference of an input; a relative path stays relative.
pub(super) fn parse_input(eval: &Eval<'_>, text: &str, form: Form) -> Result<Reference> {
    let verifies = eval.settings().has_feature("verified-fetches");
    let parsed = match Reference::parse_as(text, form, verifies) {
        Err(Refusal::Url(_)) if !text.contains('#') && !text.starts_with('/') => {
            Reference::parse(&format!("path:{text}"), verifies)
        }
        parsed => parsed,
    };
    let (reference, warnings) = parsed.map_err(Refusal::into_error)?;
    for warning in warnings {
        eval.system().message(warning.as_bytes());
    }
    Ok(reference)
}

/// What a person types: a flake, and an attribute of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Installable {
    /// The flake.
    pub reference: Reference,
    /// What stands behind the `#`.
    pub fragment: String,
}

/// Reads a reference as a person types it: relative to `directory`, and a directory without a
/// `flake.nix` stands for the next one above that has one.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse_typed(system: &dyn System, directory: &[u8], text: &str) -> Result<Installable> {
    let (text, fragment) = match text.split_once('#') {
        Some((text, fragment)) => (text, url::decode(fragment)),
        None => (text, String::new()),
    };
    let reference = match Reference::parse(text, true) {
        // An absolute path is one, and so may be looked at.
        Err(Refusal::Url(_)) => parse_path(system, directory, text)?,
        Ok(_) if text.starts_with('/') => parse_path(system, directory, text)?,
        Err(refusal) => return Err(refusal.into_error()),
        Ok((reference, warnings)) => {
            for warning in warnings {
                system.message(warning.as_bytes());
            }
            absolute(reference, directory)?
        }
    };
    Ok(Installable { reference, fragment })
}

/// Makes the path of a URL absolute.
fn absolute(reference: Reference, directory: &[u8]) -> Result<Reference> {
    let Some(path) = reference.relative_path() else { return Ok(reference) };
    let path = join(directory, &path);
    let path = Attr::Text(String::from_utf8_lossy(&path).into_owned());
    reference.with([("path", path)]).map_err(Refusal::into_error)
}

fn join(directory: &[u8], path: &str) -> Vec<u8> {
    if path.starts_with('/') {
        return canonical(path.as_bytes());
    }
    canonical(&[directory, b"/", path.as_bytes()].concat())
}

fn exists(system: &dyn System, directory: &[u8], name: &str) -> bool {
    system.file_type(&join(directory, name)).is_ok()
}

fn parent(path: &[u8]) -> &[u8] {
    let cut = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    path.get(..cut.max(1)).unwrap_or(b"/")
}

fn parse_path(system: &dyn System, directory: &[u8], text: &str) -> Result<Reference> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let mut path = join(directory, path);
    let shown = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    match system.file_type(&path) {
        Err(_) => {
            let shown = shown(&path);
            let message = format!("getting status of \"{shown}\": No such file or directory");
            return Err(error::io(message));
        }
        Ok(FileType::Directory) => {}
        Ok(_) if path.ends_with(b"/flake.nix") => {
            let above = parent(&path).to_vec();
            let warning = format!(
                "warning: Path \"{}\" should point at the directory containing the 'flake.nix' \
                 file, not the file itself. Pretending that you meant \"{}\"",
                shown(&path),
                shown(&above)
            );
            system.message(warning.as_bytes());
            path = above;
        }
        Ok(_) => {
            let shown = shown(&path);
            let message = format!("path \"{shown}\" is not a flake (because it's not a directory)");
            return Err(error::other(message));
        }
    }
    if !exists(system, &path, "flake.nix") {
        path = search_above(system, path)?;
    }
    let (mut root, mut inside) = (path.as_slice(), Vec::new());
    while root != b"/" {
        if exists(system, root, ".git") {
            return repository(system, root, &inside, query);
        }
        let name = root.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        inside = if inside.is_empty() { name.to_vec() } else { [name, b"/", &inside].concat() };
        root = parent(root);
    }
    let path = url::encode(&shown(&path), "/");
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    let (reference, _) =
        Reference::parse(&format!("path:{path}{query}"), true).map_err(Refusal::into_error)?;
    Ok(reference)
}

/// Returns the reference of a flake in a repository with a working tree.
fn repository(system: &dyn System, root: &[u8], inside: &[u8], query: &str) -> Result<Reference> {
    let mut parts: Vec<String> = Vec::new();
    if !query.is_empty() {
        parts.push(query.to_owned());
    }
    if !inside.is_empty() {
        let inside = String::from_utf8_lossy(inside);
        parts.push(format!("dir={}", url::encode(&inside, "/")));
    }
    if exists(system, root, ".git/shallow") {
        parts.push("shallow=1".to_owned());
    }
    let mut text = format!("git+file://{}", url::encode(&String::from_utf8_lossy(root), "/"));
    if !parts.is_empty() {
        text.push('?');
        text.push_str(&parts.join("&"));
    }
    let (reference, _) = Reference::parse(&text, true).map_err(Refusal::into_error)?;
    Ok(reference)
}

/// Returns the directory above `path` that has a `flake.nix`; the search ends at a repository.
fn search_above(system: &dyn System, start: Vec<u8>) -> Result<Vec<u8>> {
    let shown = String::from_utf8_lossy(&start).into_owned();
    let notice = format!("path \"{shown}\" does not contain a 'flake.nix', searching up");
    system.message(notice.as_bytes());
    let mut path = start.as_slice();
    while path != b"/" {
        if exists(system, path, "flake.nix") {
            return Ok(path.to_vec());
        }
        if exists(system, path, ".git") {
            let shown = String::from_utf8_lossy(path);
            return Err(error::other(format!(
                "path \"{shown}\" is not part of a flake (neither it nor its parent directories \
                 contain a 'flake.nix' file)"
            )));
        }
        path = parent(path);
    }
    Err(error::other("could not find a flake.nix file"))
}
