//! `flake clone`: the repository of a flake as a working tree.

use super::Line;
use crate::context::Context;
use crate::evaluation;
use crate::installable;
use crate::report::{Failure, Outcome, of_store};
use crate::stores::Access;
use eval::flake::reference::Reference;
use eval::flake::{fetch_tree, registry};
use std::path::Path;
use std::process::Command;
use store::Store;
use store::nar::restore::{Metadata, restore};
use store::nar::writer::{everything, write_nar};

/// Clones the repository of a flake, or copies its tree if it has none.
///
/// # Errors
///
/// A place that is taken, or a repository that cannot be cloned.
pub(super) fn run(cx: &Context, line: &Line) -> Outcome {
    let Some(target) = &line.destination else {
        return Err(Failure::new("missing flag '--dest'"));
    };
    let store = cx.lazy_store(Access::Write)?;
    let urls = cx.settings.words("forge-urls");
    let (repository, path) = evaluation::run(cx, &store, Access::Write, |eval| {
        installable::take_inputs(eval, &line.locking)?;
        let reference = super::whole(eval, line.flake.as_deref().unwrap_or("."))?;
        let resolved = registry::resolve(eval, &reference, line.locking.lookup())?;
        if let Some(url) = repository(&resolved, &urls) {
            return Ok((Some((url, resolved)), None));
        }
        if target.exists() {
            let shown = target.display();
            let message = format!("cannot clone into existing path \"{shown}\"");
            return Err(Failure::new(message).into());
        }
        Ok((None, Some(fetch_tree(eval, &resolved.without_directory())?.path)))
    })?;
    if let Some((url, reference)) = repository {
        return clone(&url, &reference, target);
    }
    let Some(path) = path else { return Ok(()) };
    let (tree, place) = store.tree(&path).map_err(of_store)?;
    let mut archive = Vec::new();
    write_nar(&*tree, &place, &mut everything, &mut archive)
        .map_err(|error| Failure::new(crate::report::chain(&error)))?;
    restore(&mut archive.as_slice(), target, Metadata::Ordinary)
        .map_err(|error| Failure::new(crate::report::chain(&error)))
}

/// Returns the address of the Git repository that a reference leads to.
fn repository(reference: &Reference, forge_urls: &[String]) -> Option<String> {
    let (standard, end) = match reference.kind().as_str() {
        "git" => {
            let url = reference.text("url")?;
            return Some(url.strip_prefix("file://").map_or(url.clone(), str::to_owned));
        }
        "github" => ("github.com", ".git"),
        "gitlab" => ("gitlab.com", ".git"),
        "sourcehut" => ("git.sr.ht", ""),
        _ => return None,
    };
    let host = reference.text("host").unwrap_or_else(|| standard.to_owned());
    let elsewhere = forge_urls.iter().find_map(|word| word.strip_prefix(&format!("{host}=")));
    let base = elsewhere.map_or_else(|| format!("https://{host}"), str::to_owned);
    let (owner, name) = (reference.text("owner")?, reference.text("repo")?);
    Some(format!("{}/{owner}/{name}{end}", base.trim_end_matches('/')))
}

fn clone(url: &str, reference: &Reference, target: &Path) -> Outcome {
    if reference.text("rev").is_some() {
        return Err(Failure::new("cloning a specific revision is not implemented"));
    }
    let mut command = Command::new("git");
    command.args(["clone", url]);
    if let Some(branch) = reference.text("ref") {
        command.args(["--branch", &branch]);
    }
    let status = command.arg(target).status().map_err(|error| {
        Failure::new(match error.kind() {
            std::io::ErrorKind::NotFound => {
                "the program `git` is needed to clone and is not in PATH".to_owned()
            }
            _ => format!("the program `git` cannot be run: {error}"),
        })
    })?;
    if status.success() {
        return Ok(());
    }
    let code = status.code().unwrap_or(1);
    Err(Failure::new(format!("program 'git' failed with exit code {code}")))
}
