//! `flake metadata`: where a flake comes from, and its inputs.

use super::{Line, with_flake};
use crate::context::Context;
use crate::report::{Failure, Outcome};
use eval::flake::date::DateTime;
use eval::flake::fingerprint;
use eval::flake::lock::LockedFlake;
use eval::flake::lock_file::{self, Edge, LockFile, NodeId, ROOT, show_path};
use eval::flake::reference::Reference;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Prints what is known of a flake.
///
/// # Errors
///
/// Whatever is wrong with the flake.
pub(super) fn run(cx: &Context, line: &Line) -> Outcome {
    let text = with_flake(cx, line, |eval, locked| {
        let path = eval.store().directory().display(&locked.flake.tree.path);
        if line.json {
            return Ok(format!("{}\n", to_json(&locked, &path)));
        }
        let mut text = to_text(&locked, &path)?;
        let mut tree =
            InputTree { file: &locked.lock_file, seen: [ROOT].into(), text: String::new() };
        tree.inputs(ROOT, "");
        if !tree.text.is_empty() {
            text.push_str("Inputs:\n");
            text.push_str(&tree.text);
        }
        Ok(text)
    })?;
    Ok(cx.ui.data(text)?)
}

fn revision(reference: &Reference) -> Option<String> {
    reference.text("rev").or_else(|| reference.text("dirtyRev"))
}

fn to_text(locked: &LockedFlake, path: &str) -> Result<String, Failure> {
    let flake = &locked.flake;
    let tree = &flake.tree.locked;
    let mut lines = vec![("Resolved URL:", flake.resolved.show())];
    // Its hash is known.
    if tree.is_locked(true) {
        lines.push(("Locked URL:", tree.show()));
    }
    lines.extend(flake.manifest.description.clone().map(|text| ("Description:", text)));
    lines.push(("Path:", path.to_owned()));
    lines.extend(revision(tree).map(|revision| ("Revision:", revision)));
    lines.extend(tree.number("revCount").map(|count| ("Revisions:", count.to_string())));
    if let Some(time) = tree.last_modified() {
        lines.push(("Last modified:", local_time(time)?));
    }
    lines.extend(fingerprint(locked).map(|text| ("Fingerprint:", text)));
    let mut text = String::new();
    for (name, value) in lines {
        let _ = writeln!(text, "{name:<14} {value}");
    }
    Ok(text)
}

/// Returns a moment as the clock on the wall has it.
fn local_time(time: u64) -> Result<String, Failure> {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(time);
    let zoned = jiff::ZonedDateTime::try_from(time).map_err(Failure::during("reading a date"))?;
    Ok(zoned.strftime("%F %T").to_string())
}

fn to_json(locked: &LockedFlake, path: &str) -> Json {
    let flake = &locked.flake;
    let tree = &flake.tree.locked;
    let attributes = |reference: &Reference| lock_file::to_json(&reference.to_attrs());
    let mut found = attributes(tree);
    if let Json::Object(found) = &mut found {
        found.insert("__final".to_owned(), json!(true));
    }
    let mut json = json!({
        "originalUrl": flake.original.show(),
        "original": attributes(&flake.original),
        "resolvedUrl": flake.resolved.show(),
        "resolved": attributes(&flake.resolved),
        "url": tree.show(),
        "locked": found,
        "path": path,
        "locks": locked.lock_file.to_json().0,
    });
    let known = [
        ("fingerprint", fingerprint(locked).map(Json::from)),
        ("description", flake.manifest.description.clone().map(Json::from)),
        ("revision", tree.text("rev").map(Json::from)),
        ("dirtyRevision", tree.text("dirtyRev").map(Json::from)),
        ("revCount", tree.number("revCount").map(Json::from)),
        ("lastModified", tree.last_modified().map(Json::from)),
    ];
    if let Json::Object(json) = &mut json {
        json.extend(known.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?))));
    }
    json
}

/// The inputs as a tree of lines.
struct InputTree<'l> {
    file: &'l LockFile,
    /// Nodes whose inputs were shown.
    seen: BTreeSet<NodeId>,
    text: String,
}

impl InputTree<'_> {
    fn inputs(&mut self, node: NodeId, indent: &str) {
        let inputs = &self.file.node(node).inputs;
        for (index, (name, edge)) in inputs.iter().enumerate() {
            let is_last = index + 1 == inputs.len();
            let branch = if is_last { "└───" } else { "├───" };
            self.text.push_str(indent);
            self.text.push_str(branch);
            self.text.push_str(name);
            match edge {
                Edge::Follows(path) => {
                    let path = show_path(path);
                    let _ = writeln!(self.text, " follows input '{path}'");
                }
                Edge::Node(next) => {
                    if let Some(lock) = &self.file.node(*next).lock {
                        let date = lock.locked.last_modified();
                        let date = date.map(|time| format!(" ({})", DateTime::of(time)));
                        let shown = lock.locked.show();
                        let _ = writeln!(self.text, ": {shown}{}", date.unwrap_or_default());
                    }
                    if self.seen.insert(*next) {
                        let more = if is_last { "    " } else { "│   " };
                        self.inputs(*next, &format!("{indent}{more}"));
                    }
                }
            }
        }
    }
}
