//! Trees of repositories as servers for these have them: archives of a commit.
//!
//! Where a server really is can be set (`forge-urls`): `HOST=URL` makes `URL` stand for
//! `https://HOST`. That of `github.com` is laid out as GitHub Enterprise is, unless
//! `api.github.com` has one, too. Source: CppNix, `GitArchiveInputScheme`.

use serde_json::Value as Json;
use store::fetch::{FetchKind, FetchOptions, FetchRequest};
use store::source::{Remote, SourcePlace};

use super::super::reference::{Attr, Reference, Refusal};
use super::{NAME, Tree, add, sri};
use crate::error::{self, Result};
use crate::interpret::Eval;

/// A kind of server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    GitHub,
    GitLab,
    SourceHut,
}

/// A repository on a server.
struct Forge<'f> {
    kind: Kind,
    reference: &'f Reference,
    host: String,
    owner: String,
    repository: String,
    headers: Vec<(String, String)>,
    /// The address of the server.
    base: String,
    /// The address of the server that answers questions, where that is another one.
    api: Option<String>,
}

/// Brings the tree of a commit into the store.
pub(super) fn fetch(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    let forge = Forge::of(eval, reference);
    let revision = match reference.text("rev") {
        Some(revision) => revision,
        None => {
            let wanted = reference.text("ref").unwrap_or_else(|| "HEAD".to_owned());
            forge.revision(eval, &wanted)?
        }
    };
    let remote = Remote { url: forge.archive(&revision), headers: forge.headers.clone() };
    let source = add(eval, reference, SourcePlace::Tarball(remote))?;
    let locked = reference
        .without(&["ref"])
        .with([
            ("rev", Attr::Text(revision)),
            ("narHash", sri(&source.nar_hash)),
            ("lastModified", Attr::Number(source.modified.unwrap_or(0))),
        ])
        .map_err(Refusal::into_error)?;
    Ok(Tree { path: source.path, locked })
}

impl<'f> Forge<'f> {
    fn of(eval: &Eval<'_>, reference: &'f Reference) -> Self {
        let (kind, standard) = match reference.kind().as_str() {
            "gitlab" => (Kind::GitLab, "gitlab.com"),
            "sourcehut" => (Kind::SourceHut, "git.sr.ht"),
            _ => (Kind::GitHub, "github.com"),
        };
        let text = |name: &str| reference.text(name).unwrap_or_default();
        let host = reference.text("host").unwrap_or_else(|| standard.to_owned());
        let settings = &eval.settings().fetch;
        let elsewhere = settings.forge_url(&host);
        let base = elsewhere.map_or_else(|| format!("https://{host}"), str::to_owned);
        let api_host = format!("api.{host}");
        let api = match settings.forge_url(&api_host) {
            Some(url) => Some(url.to_owned()),
            None => elsewhere.is_none().then(|| format!("https://{api_host}")),
        };
        let api = api.filter(|_| kind == Kind::GitHub && host == standard);
        let (owner, repository) = (text("owner"), text("repo"));
        let mut headers = Vec::new();
        let token = settings.access_token(&host, &format!("{host}/{owner}/{repository}"));
        headers.extend(token.map(|token| authorization(eval, kind, token)));
        Self { kind, reference, host, owner, repository, headers, base, api }
    }

    /// Asks the server and returns what it says.
    fn ask(&self, eval: &Eval<'_>, url: String) -> Result<Vec<u8>> {
        let request = FetchRequest {
            url,
            kind: FetchKind::File,
            name: NAME.to_owned(),
            expected: None,
            headers: self.headers.clone(),
        };
        let store = eval.store();
        let fetched = store.fetch(&request, &FetchOptions::default(), &store::event::Silent);
        let path = fetched.map_err(|error| error::store(&error))?;
        store.read_text(&path).map_err(|error| error::store(&error))
    }

    fn ask_json(&self, eval: &Eval<'_>, url: String) -> Result<Json> {
        let text = self.ask(eval, url.clone())?;
        serde_json::from_slice(&text)
            .map_err(|problem| error::other(format!("'{url}' does not answer in JSON: {problem}")))
    }

    /// Returns the commit that a branch or tag is at.
    fn revision(&self, eval: &Eval<'_>, wanted: &str) -> Result<String> {
        let Self { host, owner, repository, base, .. } = self;
        match self.kind {
            Kind::GitHub => {
                let url = match &self.api {
                    Some(api) => format!("{api}/repos/{owner}/{repository}/commits/{wanted}"),
                    None => format!("{base}/api/v3/repos/{owner}/{repository}/commits/{wanted}"),
                };
                let json = self.ask_json(eval, url)?;
                let revision = json.get("sha").and_then(Json::as_str).map(str::to_owned);
                revision.ok_or_else(|| {
                    let message = format!("Unexpected response received from {host}: {json}");
                    error::other(message)
                })
            }
            Kind::GitLab => {
                let url = format!(
                    "{base}/api/v4/projects/{owner}%2F{repository}/repository/commits?ref_name=\
                     {wanted}"
                );
                let json = self.ask_json(eval, url)?;
                if json.as_array().is_some_and(Vec::is_empty) {
                    let message =
                        "No commits returned by GitLab API -- does the git ref really exist?";
                    return Err(error::other(message));
                }
                let revision = json.pointer("/0/id").and_then(Json::as_str).map(str::to_owned);
                revision.ok_or_else(|| {
                    error::other(format!("Unexpected response received from GitLab: {json}"))
                })
            }
            Kind::SourceHut => self.listed_revision(eval, wanted),
        }
    }

    /// Returns the commit that a branch or tag is at, from the list of all of them.
    fn listed_revision(&self, eval: &Eval<'_>, wanted: &str) -> Result<String> {
        let Self { owner, repository, base, reference, .. } = self;
        let base = format!("{base}/{owner}/{repository}");
        let names = if wanted == "HEAD" {
            let text = self.ask(eval, format!("{base}/HEAD"))?;
            let text = String::from_utf8_lossy(&text).into_owned();
            let first = text.lines().next().unwrap_or_default();
            let target = first.strip_prefix("ref: ").unwrap_or(first);
            let target = target.split('\t').next().unwrap_or_default().trim_end();
            if target.is_empty() {
                return Err(error::other(format!(
                    "in '{}', couldn't resolve HEAD ref '{wanted}'",
                    reference.show()
                )));
            }
            vec![target.to_owned()]
        } else {
            vec![format!("refs/heads/{wanted}"), format!("refs/tags/{wanted}")]
        };
        let text = self.ask(eval, format!("{base}/info/refs"))?;
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.lines().filter_map(|line| line.split_once('\t'));
        let found = lines.find(|(_, name)| names.iter().any(|wanted| wanted == name));
        found.map(|(revision, _)| revision.to_owned()).ok_or_else(|| {
            let shown = reference.show();
            error::other(format!("in '{shown}', couldn't find ref '{wanted}'"))
        })
    }

    /// Returns the address of the archive of a commit.
    fn archive(&self, revision: &str) -> String {
        let Self { owner, repository, base, .. } = self;
        match (self.kind, &self.api) {
            (Kind::GitHub, Some(api)) if !self.headers.is_empty() => {
                format!("{api}/repos/{owner}/{repository}/tarball/{revision}")
            }
            (Kind::GitHub, Some(_)) | (Kind::SourceHut, _) => {
                format!("{base}/{owner}/{repository}/archive/{revision}.tar.gz")
            }
            (Kind::GitHub, None) => {
                format!("{base}/api/v3/repos/{owner}/{repository}/tarball/{revision}")
            }
            (Kind::GitLab, _) => format!(
                "{base}/api/v4/projects/{owner}%2F{repository}/repository/archive.tar.gz?sha=\
                 {revision}"
            ),
        }
    }
}

/// Returns the header that tells a server who asks.
fn authorization(eval: &Eval<'_>, kind: Kind, token: &str) -> (String, String) {
    let (name, value) = match kind {
        Kind::GitHub => ("Authorization", format!("token {token}")),
        Kind::SourceHut => ("Authorization", format!("Bearer {token}")),
        Kind::GitLab => match token.split_once(':') {
            Some(("OAuth2", token)) => ("Authorization", format!("Bearer {token}")),
            Some(("PAT", token)) => ("Private-token", token.to_owned()),
            other => {
                let (kind, rest) = other.unwrap_or((token, token));
                let warning = format!("warning: Unrecognized GitLab token type {kind}");
                eval.system().message(warning.as_bytes());
                (kind, rest.to_owned())
            }
        },
    };
    (name.to_owned(), value)
}
