//! The kinds of trees that a flake can be in: what their URLs and attributes are like.

use std::collections::BTreeMap;

use store::Hash;
use store::hash::{HashAlgorithm, HashFormat};

use super::super::url::{self, Url};
use super::{Attr, Attrs, Form, Refusal, Result, flag, json, required, text};

/// A kind of trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// One plain file, by URL.
    File,
    /// A Git repository.
    Git,
    /// A repository on a server of that kind, as an archive.
    GitHub,
    /// As [`Scheme::GitHub`].
    GitLab,
    /// A Mercurial repository.
    Mercurial,
    /// A name that the registry knows.
    Indirect,
    /// A directory of the host.
    Path,
    /// As [`Scheme::GitHub`].
    SourceHut,
    /// An archive, by URL.
    Tarball,
}

use Scheme::{File, Git, GitHub, GitLab, Indirect, Mercurial, Path, SourceHut, Tarball};

/// The attributes of what a URL alone leads to.
const CURL: &[&str] = &["lastModified", "name", "narHash", "rev", "revCount", "unpack", "url"];
/// The attributes of what a server has as an archive.
const ARCHIVE: &[&str] =
    &["host", "lastModified", "narHash", "owner", "ref", "repo", "rev", "treeHash"];

impl Scheme {
    /// All of them, in the order in which a URL is offered to them.
    pub(super) const ALL: [Scheme; 9] =
        [File, Git, GitHub, GitLab, Mercurial, Indirect, Path, SourceHut, Tarball];

    /// Returns the scheme that `type` calls `name`.
    pub(super) fn find(name: &str) -> Option<Scheme> {
        Scheme::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// Returns what `type` calls the scheme.
    pub(super) fn name(self) -> &'static str {
        match self {
            File => "file",
            Git => "git",
            GitHub => "github",
            GitLab => "gitlab",
            Mercurial => "hg",
            Indirect => "indirect",
            Path => "path",
            SourceHut => "sourcehut",
            Tarball => "tarball",
        }
    }

    /// Returns the attributes that the scheme knows.
    pub(super) fn attributes(self) -> &'static [&'static str] {
        match self {
            File | Tarball => CURL,
            GitHub | GitLab | SourceHut => ARCHIVE,
            Git => &[
                "allRefs",
                "dirtyRev",
                "dirtyShortRev",
                "exportIgnore",
                "keytype",
                "lastModified",
                "lfs",
                "name",
                "narHash",
                "publicKey",
                "publicKeys",
                "ref",
                "rev",
                "revCount",
                "shallow",
                "submodules",
                "url",
                "verifyCommit",
            ],
            Mercurial => &["name", "narHash", "ref", "rev", "revCount", "url"],
            Indirect => &["id", "narHash", "ref", "rev"],
            Path => &["lastModified", "narHash", "path", "rev", "revCount"],
        }
    }

    /// Whether what a URL says is checked as attributes are.
    pub(super) fn checks_urls(self) -> bool {
        matches!(self, Git | GitHub | GitLab | SourceHut | Mercurial)
    }

    /// Returns the attributes that a URL stands for, `None` if it is of another scheme.
    pub(super) fn parse(self, url: &Url, form: Form) -> Result<Option<Attrs>> {
        let application = url::application(&url.scheme);
        let is_transport = matches!(url::transport(&url.scheme), "file" | "http" | "https");
        match self {
            File if is_transport && application == Some("file") => self.curl(url).map(Some),
            Tarball if is_transport && application == Some("tarball") => self.curl(url).map(Some),
            File | Tarball if is_transport && application.is_none() => {
                let is_archive = form == Form::Tree || is_archive_name(url);
                if is_archive == (self == Tarball) { self.curl(url).map(Some) } else { Ok(None) }
            }
            Git if url.scheme == "git" || application == Some("git") => Ok(Some(git(url))),
            Mercurial if application == Some("hg") => Ok(mercurial(url)),
            GitHub | GitLab | SourceHut if url.scheme == self.name() => self.archive(url).map(Some),
            Indirect if url.scheme == "flake" => indirect(url).map(Some),
            Path if url.scheme == "path" => path(url).map(Some),
            _ => Ok(None),
        }
    }

    fn attrs(self) -> Attrs {
        Attrs::from([("type".to_owned(), Attr::Text(self.name().to_owned()))])
    }

    fn curl(self, url: &Url) -> Result<Attrs> {
        let mut attrs = self.attrs();
        let mut rest = url.clone();
        url::transport(&url.scheme).clone_into(&mut rest.scheme);
        for name in ["narHash", "rev"] {
            if let Some(value) = url.query.get(name) {
                set(&mut attrs, name, value);
            }
        }
        for name in ["revCount", "lastModified"] {
            if let Some(number) = url.query.get(name).and_then(|value| value.parse().ok()) {
                attrs.insert(name.to_owned(), Attr::Number(number));
            }
        }
        rest.query.retain(|name, _| !CURL.contains(&name.as_str()));
        set(&mut attrs, "url", &rest.show());
        Ok(attrs)
    }

    fn archive(self, url: &Url) -> Result<Attrs> {
        let path = url.segments();
        let [owner, repository, rest @ ..] = path.as_slice() else {
            return Err(Refusal::Url(format!("URL '{}' is invalid", url.show())));
        };
        let (mut revision, mut reference) = match rest {
            [] => (None, None),
            [single] if is_revision(single) => (Some(single.clone()), None),
            _ => (None, Some(rest.join("/"))),
        };
        for (name, found, what) in
            [("ref", &mut reference, "branch/tag names"), ("rev", &mut revision, "commit hashes")]
        {
            if let Some(value) = url.query.get(name)
                && found.replace(value.clone()).is_some()
            {
                let shown = url.show();
                return Err(Refusal::Url(format!("URL '{shown}' contains multiple {what}")));
            }
        }
        let mut attrs = self.attrs();
        set(&mut attrs, "owner", owner);
        set(&mut attrs, "repo", repository);
        let from_query = |name: &str| url.query.get(name).cloned();
        for (name, value) in [
            ("rev", revision),
            ("ref", reference),
            ("host", from_query("host")),
            ("narHash", from_query("narHash")),
        ] {
            if let Some(value) = value {
                set(&mut attrs, name, &value);
            }
        }
        Ok(attrs)
    }

    /// Checks the attributes of the scheme.
    pub(super) fn check(self, attrs: &mut Attrs, verifies: bool) -> Result<()> {
        match self {
            Git => check_git(attrs, verifies),
            GitHub | GitLab | SourceHut => check_archive(attrs),
            Mercurial => {
                Url::parse(required(attrs, "url")?, false).map_err(Refusal::Url)?;
                match text(attrs, "ref")? {
                    Some(name) if !is_reference(name) => {
                        Err(Refusal::Url(format!("invalid Mercurial branch/tag name '{name}'")))
                    }
                    _ => Ok(()),
                }
            }
            Indirect => check_id(required(attrs, "id")?),
            Path => required(attrs, "path").map(drop),
            File | Tarball => Ok(()),
        }
    }

    /// Returns the URL of checked attributes.
    pub(super) fn to_url(self, attrs: &Attrs) -> Result<Url> {
        match self {
            File | Tarball => {
                let mut url = plain_url(attrs)?;
                if let Some(hash) = nar_hash(attrs)? {
                    url.query.insert("narHash".to_owned(), hash);
                }
                Ok(url)
            }
            Git => git_to_url(attrs),
            Mercurial => {
                let mut url = plain_url(attrs)?;
                url.scheme = format!("hg+{}", url.scheme);
                add_revision(&mut url, attrs)?;
                Ok(url)
            }
            GitHub | GitLab | SourceHut => {
                let mut url = Url { scheme: self.name().to_owned(), ..Url::default() };
                url.path =
                    vec![required(attrs, "owner")?.to_owned(), required(attrs, "repo")?.to_owned()];
                url.path.extend(text(attrs, "ref")?.map(str::to_owned));
                url.path.extend(revision(attrs)?);
                let host = text(attrs, "host")?.map(str::to_owned);
                for (name, value) in [("narHash", nar_hash(attrs)?), ("host", host)] {
                    url.query.extend(value.map(|value| (name.to_owned(), value)));
                }
                Ok(url)
            }
            Indirect => {
                let mut path = vec![required(attrs, "id")?.to_owned()];
                path.extend(text(attrs, "ref")?.map(str::to_owned));
                path.extend(revision(attrs)?);
                Ok(Url { scheme: "flake".to_owned(), path, ..Url::default() })
            }
            Path => {
                let path = required(attrs, "path")?.split('/').map(str::to_owned).collect();
                let is_own = |name: &str| matches!(name, "path" | "type" | "__final");
                let query: BTreeMap<String, String> = attrs
                    .iter()
                    .filter(|(name, _)| !is_own(name))
                    .map(|(name, value)| (name.clone(), parameter(value)))
                    .collect();
                Ok(Url { scheme: "path".to_owned(), path, query, ..Url::default() })
            }
        }
    }
}

/// Whether an address ends like that of an archive.
fn is_archive_name(url: &Url) -> bool {
    const ENDS: [&str; 7] = [".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst"];
    url.path.last().is_some_and(|name| ENDS.iter().any(|end| name.ends_with(end)))
}

fn set(attrs: &mut Attrs, name: &str, value: &str) {
    attrs.insert(name.to_owned(), Attr::Text(value.to_owned()));
}

/// Writes the value of an attribute as a parameter.
fn parameter(value: &Attr) -> String {
    match value {
        Attr::Text(text) => text.clone(),
        Attr::Number(number) => number.to_string(),
        Attr::Bool(value) => if *value { "1" } else { "0" }.to_owned(),
    }
}

fn git(url: &Url) -> Attrs {
    let mut attrs = Git.attrs();
    let mut rest = Url { query: BTreeMap::new(), ..url.clone() };
    for (name, value) in &url.query {
        match name.as_str() {
            "rev" | "ref" | "keytype" | "publicKey" | "publicKeys" => {
                set(&mut attrs, name, value);
            }
            "shallow" | "submodules" | "lfs" | "exportIgnore" | "allRefs" | "verifyCommit" => {
                attrs.insert(name.clone(), Attr::Bool(value == "1"));
            }
            _ => {
                rest.query.insert(name.clone(), value.clone());
            }
        }
    }
    set(&mut attrs, "url", &rest.show());
    attrs
}

fn mercurial(url: &Url) -> Option<Attrs> {
    let transport = url::transport(&url.scheme);
    if !matches!(transport, "http" | "https" | "ssh" | "file") {
        return None;
    }
    let mut attrs = Mercurial.attrs();
    let mut rest = Url { scheme: transport.to_owned(), ..url.clone() };
    rest.query.retain(|name, value| {
        let is_own = matches!(name.as_str(), "rev" | "ref");
        if is_own {
            set(&mut attrs, name, value);
        }
        !is_own
    });
    set(&mut attrs, "url", &rest.show());
    Some(attrs)
}

fn indirect(url: &Url) -> Result<Attrs> {
    let path = url.segments();
    let refused = |part: &str, what: &str| {
        Err(Refusal::Url(format!("in flake URL '{}', '{part}' is not a {what}", url.show())))
    };
    let (id, reference, revision) = match path.as_slice() {
        [id] => (id, None, None),
        [id, part] if is_revision(part) => (id, None, Some(part)),
        [id, part] if is_legal_reference(part) => (id, Some(part), None),
        [_, part] => return refused(part, "commit hash or branch/tag name"),
        [_, part, _] if !is_legal_reference(part) => return refused(part, "branch/tag name"),
        [_, _, part] if !is_revision(part) => return refused(part, "commit hash"),
        [id, reference, revision] => (id, Some(reference), Some(revision)),
        _ => return Err(Refusal::Url(format!("GitHub URL '{}' is invalid", url.show()))),
    };
    check_id(id)?;
    let mut attrs = Indirect.attrs();
    set(&mut attrs, "id", id);
    if let Some(revision) = revision {
        set(&mut attrs, "rev", &revision.to_ascii_lowercase());
    }
    if let Some(reference) = reference {
        set(&mut attrs, "ref", reference);
    }
    Ok(attrs)
}

fn path(url: &Url) -> Result<Attrs> {
    if let Some(authority) = url.authority.as_ref().filter(|it| !it.host.is_empty()) {
        let (shown, authority) = (url.show(), authority.show());
        return Err(Refusal::Other(format!(
            "path URL '{shown}' should not have an authority ('{authority}')"
        )));
    }
    let mut attrs = Path.attrs();
    set(&mut attrs, "path", &file_path(&url.path)?);
    for (name, value) in &url.query {
        let refused = |what: &str| {
            let shown = url.show();
            Refusal::Other(format!("path URL '{shown}' has {what} parameter '{name}'"))
        };
        let value = match name.as_str() {
            "rev" | "narHash" => Attr::Text(value.clone()),
            "revCount" | "lastModified" => {
                Attr::Number(value.parse().map_err(|_| refused("invalid"))?)
            }
            _ => return Err(refused("unsupported")),
        };
        attrs.insert(name.clone(), value);
    }
    Ok(attrs)
}

/// Joins the parts of a URL's path to the path of a file.
fn file_path(parts: &[String]) -> Result<String> {
    let mut path = String::new();
    for (part, index) in parts.iter().zip(0..) {
        if part.contains('/') {
            return Err(Refusal::Url(format!(
                "URL path component '{part}' contains '/', which is not allowed in file names"
            )));
        }
        if part.contains('\0') {
            let part = part.replace('\0', "␀");
            return Err(Refusal::Url(format!(
                "URL path component '{part}' contains NUL byte which is not allowed"
            )));
        }
        if index > 0 && !path.ends_with('/') {
            path.push('/');
        }
        path.push_str(part);
    }
    Ok(path)
}

fn check_git(attrs: &mut Attrs, verifies: bool) -> Result<()> {
    const VERIFYING: [&str; 4] = ["keytype", "publicKey", "publicKeys", "verifyCommit"];
    if !verifies && VERIFYING.iter().any(|name| attrs.contains_key(*name)) {
        return Err(Refusal::Feature("verified-fetches"));
    }
    flag(attrs, "verifyCommit")?;
    if let Some(name) = text(attrs, "ref")?.filter(|name| !is_legal_reference(name)) {
        return Err(Refusal::Url(format!("invalid Git branch/tag name '{name}'")));
    }
    let url = fixed_git_url(required(attrs, "url")?)?.show();
    set(attrs, "url", &url);
    for name in ["shallow", "submodules", "allRefs"] {
        flag(attrs, name)?;
    }
    Ok(())
}

fn check_archive(attrs: &Attrs) -> Result<()> {
    required(attrs, "owner")?;
    required(attrs, "repo")?;
    let (reference, commit) = (text(attrs, "ref")?, text(attrs, "rev")?);
    if let (Some(reference), Some(commit)) = (reference, commit) {
        let shown = json(attrs);
        return Err(Refusal::Url(format!(
            "input {shown} contains both a commit hash ('{commit}') and a branch/tag name \
             ('{reference}')"
        )));
    }
    if let Some(commit) = commit {
        parse_hash(commit, Some(HashAlgorithm::Sha1))?;
    }
    if reference.is_some_and(|name| !is_legal_reference(name)) {
        let shown = json(attrs);
        return Err(Refusal::Url(format!("input {shown} contains an invalid branch/tag name")));
    }
    let is_in_host = |char: char| char.is_ascii_alphanumeric() || ".-".contains(char);
    if text(attrs, "host")?.is_some_and(|host| !host.chars().all(is_in_host)) {
        let shown = json(attrs);
        return Err(Refusal::Url(format!("input {shown} contains an invalid instance host")));
    }
    Ok(())
}

fn check_id(id: &str) -> Result<()> {
    if is_flake_id(id) {
        return Ok(());
    }
    Err(Refusal::Url(format!("'{id}' is not a valid flake ID")))
}

/// Returns the URL of a Git repository that is written as a URL, as a path or as `user@host:path`.
fn fixed_git_url(text: &str) -> Result<Url> {
    let text = ssh_url(text).unwrap_or_else(|| text.to_owned());
    let is_file = text.starts_with("file:") || text.starts_with("git+file:");
    if !is_file && !text.contains("://") {
        let path: Vec<String> = text.split('/').map(str::to_owned).collect();
        if path.first().is_some_and(|part| part.contains(':')) {
            return Err(Refusal::Url(format!(
                "SCP-like URL '{text}' is not supported; use SSH URL syntax instead (ssh://...)"
            )));
        }
        let authority = text.starts_with('/').then(url::Authority::default);
        return Ok(Url { scheme: "file".to_owned(), authority, path, ..Url::default() });
    }
    let mut url = Url::parse(&text, false).map_err(Refusal::Url)?;
    if url::application(&url.scheme) == Some("git") {
        url.scheme = url::transport(&url.scheme).to_owned();
    }
    Ok(url)
}

/// Returns the URL that `user@host:path` is short for.
fn ssh_url(text: &str) -> Option<String> {
    let before_slash = text.split('/').next()?;
    let ends = before_slash.rmatch_indices('@').map(|(at, _)| at);
    let mut parts = ends.filter_map(|at| {
        let (host, path) = text.get(at + 1..)?.rsplit_once(':')?;
        Some(format!("ssh://{}@{host}/{path}", text.get(..at)?))
    });
    if text.starts_with('/') { None } else { parts.next() }
}

fn git_to_url(attrs: &Attrs) -> Result<Url> {
    let mut url = plain_url(attrs)?;
    if url.scheme != "git" {
        url.scheme = format!("git+{}", url.scheme);
    }
    add_revision(&mut url, attrs)?;
    for name in ["shallow", "lfs", "submodules", "exportIgnore", "verifyCommit"] {
        if flag(attrs, name)? {
            url.query.insert(name.to_owned(), "1".to_owned());
        }
    }
    let keys = public_keys(attrs)?;
    match keys.as_slice() {
        [] => {}
        [(kind, key)] => {
            url.query.insert("keytype".to_owned(), kind.clone());
            url.query.insert("publicKey".to_owned(), key.clone());
        }
        _ => {
            let keys = keys.iter().map(|(kind, key)| serde_json::json!({"key": key, "type": kind}));
            let shown = serde_json::Value::Array(keys.collect()).to_string();
            url.query.insert("publicKeys".to_owned(), shown);
        }
    }
    Ok(url)
}

/// Returns the kinds and texts of the keys that may have signed a commit.
pub(super) fn public_keys(attrs: &Attrs) -> Result<Vec<(String, String)>> {
    const KIND: &str = "ssh-ed25519";
    let mut keys = Vec::new();
    if let Some(listed) = text(attrs, "publicKeys")? {
        let refused = || Refusal::Other(format!("'{listed}' is no list of public keys"));
        let listed: Vec<serde_json::Value> = serde_json::from_str(listed).map_err(|_| refused())?;
        for key in &listed {
            let field = |name: &str| key.get(name).and_then(serde_json::Value::as_str);
            let kind = field("type").unwrap_or(KIND).to_owned();
            keys.push((kind, field("key").ok_or_else(refused)?.to_owned()));
        }
    }
    if let Some(key) = text(attrs, "publicKey")? {
        keys.push((text(attrs, "keytype")?.unwrap_or(KIND).to_owned(), key.to_owned()));
    }
    Ok(keys)
}

fn plain_url(attrs: &Attrs) -> Result<Url> {
    Url::parse(required(attrs, "url")?, false).map_err(Refusal::Url)
}

fn add_revision(url: &mut Url, attrs: &Attrs) -> Result<()> {
    let reference = text(attrs, "ref")?.map(str::to_owned);
    for (name, value) in [("rev", revision(attrs)?), ("ref", reference)] {
        if let Some(value) = value {
            url.query.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

fn parse_hash(text: &str, algorithm: Option<HashAlgorithm>) -> Result<Hash> {
    Hash::parse(text, algorithm).map_err(|error| Refusal::Other(error.to_string()))
}

/// Returns the commit, in hexadecimal.
fn revision(attrs: &Attrs) -> Result<Option<String>> {
    let Some(text) = text(attrs, "rev")? else { return Ok(None) };
    let hash = match Hash::parse(text, None) {
        Ok(hash) => hash,
        Err(_) => parse_hash(text, Some(HashAlgorithm::Sha1))?,
    };
    Ok(Some(hash.to_hex()))
}

/// Returns the hash of the tree.
fn nar_hash(attrs: &Attrs) -> Result<Option<String>> {
    let Some(text) = text(attrs, "narHash")? else { return Ok(None) };
    let hash = if text.is_empty() {
        Hash::from_bytes(HashAlgorithm::Sha256, &[0; 32])
            .ok_or_else(|| Refusal::Other("narHash must use SHA-256".to_owned()))?
    } else {
        parse_hash(text, None)?
    };
    if hash.algorithm() != HashAlgorithm::Sha256 {
        return Err(Refusal::Other("narHash must use SHA-256".to_owned()));
    }
    Ok(Some(hash.digits(HashFormat::Sri)))
}

/// Whether a text is the name of a flake.
pub(super) fn is_flake_id(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphabetic())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || "_-".contains(char))
}

/// Whether a text is a branch or tag, a commit, or one behind the other.
pub(super) fn is_ref_or_revision(text: &str) -> bool {
    is_reference(text)
}

fn is_reference(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '@')
        && text.chars().all(|char| char.is_ascii_alphanumeric() || "_./@+-".contains(char))
}

fn is_revision(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether Git lets a branch or tag have this name.
///
/// Source: `git-check-ref-format(1)`.
fn is_legal_reference(name: &str) -> bool {
    let is_bad = |char: char| char <= ' ' || "~^:?*[\\\u{7f}".contains(char);
    let is_component = |part: &str| {
        let is_lock = part.as_bytes().ends_with(b".lock");
        !part.is_empty() && !part.starts_with('.') && !is_lock
    };
    let is_plain = name != "@"
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && !name.contains(is_bad)
        && name.split('/').all(is_component);
    is_plain && (!name.starts_with('-') || name.contains('/'))
}
