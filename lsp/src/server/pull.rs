//! Diagnostics that the client asks for, with names by which it knows those it has.

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;

use eval::db;
use eval::source::SourcePath;
use lsp_types::{Diagnostic, Uri};
use rustc_hash::FxHasher;
use serde_json::{Value, json};
use syntax::LineIndex;

use super::position::Text;
use super::to_proto;
use super::worker::View;
use crate::ide::workspace;

/// Writes what there is to say about the document, unless the client has just that.
pub(super) fn document(view: &View, before: Option<&str>) -> Vec<u8> {
    let (diagnostics, _) = to_proto::diagnostics(view);
    written(&report(diagnostics, before))
}

/// Writes what there is to say about every file of the open folders; `before` has the names of
/// what the client knows by document.
pub(super) fn workspace(view: &View, before: &BTreeMap<String, String>) -> Vec<u8> {
    let mut items = Vec::new();
    workspace::each_text(&view.db, view.knowledge(), |path, text| {
        let Some(uri) = uri(path) else { return };
        let lines = LineIndex::new(text);
        let place = Text { bytes: text, lines: &lines, encoding: view.encoding };
        let found = db::diagnostics_of_text(text);
        let found = found.iter().map(|it| to_proto::diagnostic(place, &uri, it)).collect();
        let mut report = report(found, before.get(uri.as_str()).map(String::as_str));
        if let Some(report) = report.as_object_mut() {
            let version = view.versions.get(uri.as_str());
            report.insert("uri".to_owned(), json!(uri));
            report.insert("version".to_owned(), json!(version));
        }
        items.push(report);
    });
    written(&json!({ "items": items }))
}

fn uri(path: &SourcePath) -> Option<Uri> {
    to_proto::file_uri(Path::new(std::str::from_utf8(&path.bytes).ok()?))
}

fn report(diagnostics: Vec<Diagnostic>, before: Option<&str>) -> Value {
    let items = serde_json::to_value(diagnostics).unwrap_or_default();
    let mut hasher = FxHasher::default();
    items.to_string().hash(&mut hasher);
    let id = format!("{:016x}", hasher.finish());
    if before == Some(id.as_str()) {
        return json!({ "kind": "unchanged", "resultId": id });
    }
    json!({ "kind": "full", "resultId": id, "items": items })
}

fn written(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec())
}
