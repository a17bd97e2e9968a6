//! Submodules: which repositories a repository has in it.

use std::collections::BTreeMap;

use super::Request;
use super::repository::Repository;
use crate::error::FetchError;
use crate::nar::memory::MemoryTree;
use crate::source::{GitPlace, GitSource};

/// How deep submodules may lie in each other.
const DEPTH_MAX: usize = 32;

/// What `.gitmodules` says of one submodule.
#[derive(Default, Debug)]
pub(super) struct Module {
    path: String,
    url: String,
    branch: Option<String>,
}

/// What `.gitmodules` says.
#[derive(Default, Debug)]
pub(super) struct Modules(Vec<Module>);

impl Modules {
    /// Reads the file at the top of a tree.
    pub(super) fn of_tree(
        repository: &Repository,
        root: &BTreeMap<Vec<u8>, MemoryTree>,
    ) -> Result<Self, FetchError> {
        let Some(MemoryTree::Regular { contents, .. }) = root.get(b".gitmodules".as_slice()) else {
            return Ok(Self::default());
        };
        let words = ["config", "--file", "-", "--list", "-z"];
        let listed = repository.run_with(&words, contents.clone())?;
        Ok(Self::parse(&String::from_utf8_lossy(&listed)))
    }

    fn parse(listed: &str) -> Self {
        let mut modules: BTreeMap<&str, Module> = BTreeMap::new();
        for pair in listed.split('\0') {
            let Some((key, value)) = pair.split_once('\n') else { continue };
            let Some((name, field)) =
                key.strip_prefix("submodule.").and_then(|key| key.rsplit_once('.'))
            else {
                continue;
            };
            let module = modules.entry(name).or_default();
            match field {
                "path" => value.clone_into(&mut module.path),
                "url" => value.clone_into(&mut module.url),
                "branch" => module.branch = Some(value.to_owned()),
                _ => {}
            }
        }
        Self(modules.into_values().collect())
    }

    pub(super) fn find(&self, path: &[u8]) -> Option<&Module> {
        self.0.iter().find(|module| module.path.as_bytes() == path)
    }
}

/// Returns the tree of a submodule at a commit.
pub(super) fn tree(
    request: &Request<'_>,
    repository: &Repository,
    module: &Module,
    commit: &str,
) -> Result<MemoryTree, FetchError> {
    if request.depth >= DEPTH_MAX {
        return Err(repository.failed(format!("submodules lie more than {DEPTH_MAX} deep")));
    }
    let url = resolved(&module.url, request.remote.as_deref().unwrap_or_default())
        .ok_or_else(|| repository.failed(format!("the URL '{}' leads nowhere", module.url)))?;
    let reference = match module.branch.as_deref() {
        // The branch called like ours.
        Some(".") => request.reference.clone(),
        other => other.map(str::to_owned),
    };
    let source = GitSource {
        reference,
        revision: Some(commit.to_owned()),
        with_submodules: true,
        all_references: true,
        with_large_files: request.source.with_large_files,
        ..GitSource::new(place(&url))
    };
    super::commit_tree(request.setting, &source, request.depth + 1)
}

/// Returns the place that a URL or path means.
fn place(url: &str) -> GitPlace {
    let path = url.strip_prefix("file://").unwrap_or(url);
    let is_directory = path.starts_with('/') && std::path::Path::new(path).join(".git").exists();
    if is_directory { GitPlace::Directory(path.into()) } else { GitPlace::Url(url.to_owned()) }
}

/// Returns a URL that may begin with `./` or `../` as seen from the repository at `base`.
fn resolved(url: &str, base: &str) -> Option<String> {
    if !(url.starts_with("./") || url.starts_with("../")) {
        return Some(url.to_owned());
    }
    let mut base = base.trim_end_matches('/');
    let mut rest = url;
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            base = base.rsplit_once('/')?.0;
            rest = after;
        } else {
            return (!base.is_empty()).then(|| format!("{base}/{rest}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Modules, resolved};

    #[test]
    fn relative_urls_start_from_the_repository() {
        assert_eq!(resolved("../b", "https://h/a").as_deref(), Some("https://h/b"));
        assert_eq!(resolved("./b/c", "/x/a/").as_deref(), Some("/x/a/b/c"));
        assert_eq!(resolved("https://h/b", "/x").as_deref(), Some("https://h/b"));
        assert_eq!(resolved("../../../b", "a/b"), None);
    }

    #[test]
    fn modules_are_found_by_their_path() {
        let listed = "submodule.a.b.path\nx/y\0submodule.a.b.url\n../z\0core.bare\ntrue\0";
        let modules = Modules::parse(listed);
        assert_eq!(modules.find(b"x/y").map(|it| it.url.as_str()), Some("../z"));
        assert!(modules.find(b"x").is_none());
    }
}
