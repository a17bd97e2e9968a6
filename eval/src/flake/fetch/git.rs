//! Trees of repositories: from a reference's attributes to a source, and what is known then.

use std::path::PathBuf;

use store::source::{Commit, GitPlace, GitSource, MercurialSource, PublicKey, Source, SourcePlace};

use super::super::reference::{Attr, Reference, Refusal};
use super::super::url::{self, Url};
use super::{Tree, add, sri};
use crate::error::{self, Result};
use crate::interpret::Eval;
use crate::source::canonical;

/// Brings the tree of a Git repository into the store.
///
/// Source: CppNix, `GitInputScheme`.
pub(super) fn fetch(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    let keys = reference.public_keys().map_err(Refusal::into_error)?;
    let is_verified = reference.boolean("verifyCommit").unwrap_or(!keys.is_empty());
    let keys: Vec<PublicKey> =
        keys.into_iter().map(|(kind, key)| PublicKey { kind, key }).collect();
    let source = GitSource {
        shown: reference.show(),
        reference: reference.text("ref"),
        revision: reference.text("rev"),
        is_shallow: reference.flag("shallow"),
        with_submodules: reference.flag("submodules"),
        export_ignore: reference.flag("exportIgnore"),
        all_references: reference.flag("allRefs"),
        with_large_files: reference.flag("lfs"),
        signers: is_verified.then_some(keys),
        modified: reference.last_modified(),
        count: reference.number("revCount"),
        ..GitSource::new(place(eval, reference)?)
    };
    let source = add(eval, reference, SourcePlace::Git(source))?;
    let locked = locked(reference, &source)?;
    Ok(Tree { path: source.path, locked })
}

/// Returns where the repository is; one on this machine that has no working tree is copied like
/// one from elsewhere.
fn place(eval: &Eval<'_>, reference: &Reference) -> Result<GitPlace> {
    let text = reference.text("url").unwrap_or_default();
    let mut url = Url::parse(&text, true).map_err(error::other)?;
    if url.scheme != "file" {
        // Old lock files have the directory of the flake in the address.
        url.query.remove("dir");
        return Ok(GitPlace::Url(url.show()));
    }
    let written = url.path.join("/");
    let path = if written.starts_with('/') {
        canonical(written.as_bytes())
    } else {
        let shown = url.show();
        let warning = format!(
            "warning: Fetching Git repository '{shown}', which uses a path relative to the current \
             directory. This is not supported and will stop working in a future release. See \
             https://github.com/NixOS/nix/issues/12281 for details."
        );
        eval.system().message(warning.as_bytes());
        let directory = &eval.settings().directory;
        canonical(&[directory, b"/".as_slice(), written.as_bytes()].concat())
    };
    let exists = |path: &[u8]| eval.system().file_type(path).is_ok();
    if exists(&path) && !exists(&[&path, b"/.git".as_slice()].concat()) {
        let path = url::encode(&String::from_utf8_lossy(&path), "/:@");
        return Ok(GitPlace::Url(format!("file://{path}")));
    }
    Ok(GitPlace::Directory(PathBuf::from(String::from_utf8_lossy(&path).into_owned())))
}

fn locked(reference: &Reference, source: &Source) -> Result<Reference> {
    let mut more = vec![("narHash", sri(&source.nar_hash))];
    more.extend(source.modified.map(|time| ("lastModified", Attr::Number(time))));
    let Some(commit) = source.commit.clone() else {
        return reference.with(more).map_err(Refusal::into_error);
    };
    let Commit { revision, is_dirty, reference: branch, count } = commit;
    if is_dirty {
        if let Some(revision) = revision {
            let short = revision.get(..7).unwrap_or_default();
            more.push(("dirtyRev", Attr::Text(format!("{revision}-dirty"))));
            more.push(("dirtyShortRev", Attr::Text(format!("{short}-dirty"))));
        }
    } else {
        more.push(("rev", Attr::Text(revision.unwrap_or_else(|| "0".repeat(40)))));
        more.extend(branch.map(|reference| ("ref", Attr::Text(reference))));
        more.extend(count.map(|count| ("revCount", Attr::Number(count))));
    }
    reference.with(more).map_err(Refusal::into_error)
}

/// Brings the tree of a Mercurial repository into the store.
///
/// Source: CppNix, `MercurialInputScheme`.
pub(super) fn fetch_mercurial(eval: &mut Eval<'_>, reference: &Reference) -> Result<Tree> {
    let text = reference.text("url").unwrap_or_default();
    let url = Url::parse(&text, false).map_err(error::other)?;
    let is_directory = url.scheme == "file";
    let source = MercurialSource {
        url: if is_directory { url.path.join("/") } else { url.show() },
        is_directory,
        reference: reference.text("ref"),
        revision: reference.text("rev"),
    };
    let source = add(eval, reference, SourcePlace::Mercurial(source))?;
    let mut more = vec![("narHash", sri(&source.nar_hash))];
    if let Some(Commit { revision, reference, count, .. }) = source.commit {
        more.extend(revision.map(|revision| ("rev", Attr::Text(revision))));
        more.extend(reference.map(|branch| ("ref", Attr::Text(branch))));
        more.extend(count.map(|count| ("revCount", Attr::Number(count))));
    }
    let locked = reference.with(more).map_err(Refusal::into_error)?;
    Ok(Tree { path: source.path, locked })
}
