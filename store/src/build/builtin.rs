//! Builders that are part of this program: they need no shell, no sandbox and no second process.
//!
//! They follow the rules of every builder all the same: they read through a [`View`] of the input
//! closure, write below the room's store directory, and their outputs are checked like any other.

mod buildenv;
mod link_tree;
mod write_file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::environment::Environment;
use super::job::Job;
use super::room::Room;
use super::view::View;
use crate::fetch;

/// What a builder is given.
pub(super) struct Request<'r> {
    /// Its variables, with placeholders replaced.
    variables: &'r BTreeMap<Vec<u8>, Vec<u8>>,
    /// Its structured attributes, if it has any, with placeholders replaced.
    structured: Option<Map<String, Value>>,
    /// Where to make each output, by name.
    outputs: BTreeMap<String, PathBuf>,
    /// Its inputs.
    view: View<'r>,
}

impl Request<'_> {
    /// Returns the variable called `name`, or the structured attribute that is a string.
    fn text(&self, name: &str) -> Result<String, String> {
        self.optional(name)?.ok_or_else(|| format!("attribute '{name}' missing"))
    }

    fn optional(&self, name: &str) -> Result<Option<String>, String> {
        if let Some(structured) = &self.structured {
            return match structured.get(name) {
                None => Ok(None),
                Some(Value::String(text)) => Ok(Some(text.clone())),
                Some(_) => Err(format!("attribute '{name}' must be a string")),
            };
        }
        let Some(bytes) = self.variables.get(name.as_bytes()) else { return Ok(None) };
        match String::from_utf8(bytes.clone()) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(format!("attribute '{name}' is not UTF-8")),
        }
    }

    /// Returns where to make the output `out`.
    fn out(&self) -> Result<&Path, String> {
        let out = self.outputs.get("out").map(PathBuf::as_path);
        out.ok_or_else(|| "the derivation must have an output 'out'".to_owned())
    }
}

/// Runs the builder of `job`, and returns what to say if it fails.
pub(super) fn run(
    job: &Job<'_>,
    room: &Room,
    environment: &Environment,
    say: &mut dyn FnMut(&str),
    is_cancelled: &dyn Fn() -> bool,
) -> Result<(), String> {
    let structured = environment.files.get(".attrs.json");
    let request = Request {
        variables: &environment.variables,
        structured: structured.and_then(|text| serde_json::from_slice(text).ok()),
        outputs: job
            .targets
            .iter()
            .map(|(name, target)| (name.clone(), job.scratch_place(room, target)))
            .collect(),
        view: View { store: job.realisation.site.store, closure: &job.closure },
    };
    let builder = String::from_utf8_lossy(&job.derivation.builder);
    match &*builder {
        "builtin:buildenv" => buildenv::build(&request, say),
        "builtin:fetchurl" => {
            let download = fetch::Download {
                urls: fetchurl_sources(&request, job)?,
                destination: request.out()?.to_path_buf(),
                unpack: request.optional("unpack")?.as_deref() == Some("1"),
                executable: request.optional("executable")?.as_deref() == Some("1"),
                state_directory: job.realisation.site.state_directory.clone(),
            };
            fetch::download(&download, say, is_cancelled)
        }
        "builtin:nivis-link-tree" => link_tree::build(&request),
        "builtin:nivis-write-file" => write_file::build(&request),
        other => Err(format!("unsupported builtin builder '{other}'")),
    }
}

/// Returns where to look for the file of `builtin:fetchurl`: mirrors that know hashes first.
fn fetchurl_sources(request: &Request<'_>, job: &Job<'_>) -> Result<Vec<String>, String> {
    use crate::content_address::{ContentMethod, FileMethod};
    use crate::derivation::Output;
    let Some(Output::Fixed(address)) = job.derivation.outputs.get("out") else {
        return Err("'builtin:fetchurl' must be a fixed-output derivation".to_owned());
    };
    let mut urls = Vec::new();
    if address.method() == ContentMethod::File(FileMethod::Flat) {
        let digest = address.digest();
        for mirror in &job.realisation.options.hashed_mirrors {
            let mirror = mirror.trim_end_matches('/');
            urls.push(format!("{mirror}/{}/{}", digest.algorithm(), digest.to_hex()));
        }
    }
    match request.optional("urls")? {
        Some(several) => urls.extend(super::attributes::words(&several)),
        None => urls.push(request.text("url")?),
    }
    Ok(urls)
}

/// Returns the components of a path that is to lie below a directory.
///
/// # Errors
///
/// Anything that would lead out of it: `..`, and what is not a plain name.
fn relative(path: &str) -> Result<PathBuf, String> {
    let inner = path.trim_start_matches('/');
    let is_plain = !inner.is_empty()
        && !inner.contains('\0')
        && inner.split('/').all(|it| !matches!(it, "" | "." | ".."));
    if is_plain { Ok(inner.into()) } else { Err(format!("'{path}' is not a path below an output")) }
}

/// Says what was being done to `path`.
fn explain(action: &str, path: &Path) -> impl FnOnce(std::io::Error) -> String {
    let path = path.to_path_buf();
    move |error| format!("cannot {action} '{}': {error}", path.display())
}

#[cfg(test)]
mod tests;
