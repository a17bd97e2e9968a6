//! The reference graphs that a derivation asks to be given (`exportReferencesGraph`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::environment::Graph;
use super::job::{Job, JobError};
use crate::error::{BuildFailureKind, StoreError};
use crate::hash::HashFormat;
use crate::path::StorePath;
use crate::path_info::PathInfo;

/// Returns the graphs that the derivation asks for, by the name they get.
pub(super) fn exported(job: &Job<'_>) -> Result<BTreeMap<String, Graph>, JobError> {
    let reject = |message| JobError::failed(BuildFailureKind::InputRejected, message);
    let mut graphs = BTreeMap::new();
    for (name, paths) in job.attributes.exported_graphs().map_err(reject)? {
        let infos = closure(job, &paths)?;
        let graph = if job.attributes.structured().is_some() {
            Graph::Json(json_graph(job, &infos)?)
        } else {
            Graph::Text(text_graph(job, &infos))
        };
        graphs.insert(name, graph);
    }
    Ok(graphs)
}

/// Returns the closure of `paths`, and with derivations in it, that of their outputs.
fn closure(job: &Job<'_>, paths: &[String]) -> Result<Vec<PathInfo>, JobError> {
    let reject = |message: String| JobError::failed(BuildFailureKind::InputRejected, message);
    let store = job.realisation.site.store;
    let mut roots = Vec::new();
    for text in paths {
        let Ok((path, _)) = store.directory().split(text) else {
            return Err(reject(format!(
                "'exportReferencesGraph' contains a non-store path '{text}'"
            )));
        };
        if !job.closure.contains(&path) {
            return Err(reject(format!(
                "cannot export references of path '{text}' because it is not in the input closure \
                 of the derivation"
            )));
        }
        roots.push(path);
    }
    let reached = job.realisation.closure(roots)?;
    let mut outputs = Vec::new();
    for path in reached.iter().filter(|path| path.is_derivation()) {
        for (_, output) in store.derivation_outputs(path)? {
            outputs.extend(output);
        }
    }
    let mut all: BTreeSet<StorePath> = job.realisation.closure(outputs)?;
    all.extend(reached);
    all.iter().map(|path| info(job, path)).collect()
}

fn info(job: &Job<'_>, path: &StorePath) -> Result<PathInfo, JobError> {
    let store = job.realisation.site.store;
    let info = store.path_info(path)?;
    Ok(info.ok_or_else(|| StoreError::NotValid { path: store.directory().display(path) })?)
}

/// The format of `nix-store --register-validity`, without hashes and derivers.
fn text_graph(job: &Job<'_>, infos: &[PathInfo]) -> String {
    let directory = job.realisation.site.store.directory();
    let mut text = String::new();
    for info in infos {
        for line in
            [directory.display(&info.path), String::new(), info.references.len().to_string()]
                .into_iter()
                .chain(info.references.iter().map(|reference| directory.display(reference)))
        {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn json_graph(job: &Job<'_>, infos: &[PathInfo]) -> Result<Value, JobError> {
    let directory = job.realisation.site.store.directory();
    let mut entries = Vec::new();
    for it in infos {
        let references: Vec<String> =
            it.references.iter().map(|path| directory.display(path)).collect();
        let mut size = 0;
        for path in job.realisation.closure([it.path.clone()])? {
            size += info(job, &path)?.nar_size;
        }
        let mut entry = json!({
            "path": directory.display(&it.path),
            "narHash": it.nar_hash.prefixed(HashFormat::Base32),
            "narSize": it.nar_size,
            "references": references,
            "closureSize": size,
            "valid": true,
        });
        if let (Some(address), Some(entry)) = (&it.content_address, entry.as_object_mut()) {
            entry.insert("ca".to_owned(), address.to_string().into());
        }
        entries.push(entry);
    }
    Ok(Value::Array(entries))
}
