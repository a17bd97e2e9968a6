//! Places, renames and calls, which concern many files, as the protocol's messages.

use std::collections::HashMap;
use std::path::Path;

use eval::source::{HOST, SourcePath};
use eval::system::System as _;
use lsp_types::{
    CallHierarchyIncomingCall, CallHierarchyItem, CallHierarchyOutgoingCall, FileOperationFilter,
    FileOperationPattern, FileOperationPatternKind, FileOperationRegistrationOptions, FileRename,
    GotoDefinitionResponse, Hover, Location, OneOf, Position, PrepareRenameResponse, Range,
    SymbolKind, TextEdit, Uri, WorkspaceEdit, WorkspaceFileOperationsServerCapabilities,
    WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};
use syntax::{LineIndex, TextSize};

use super::kept::ReferencesOf;
use super::position::Text;
use super::to_proto;
use super::to_proto::{file_path, file_uri, location, range_in_file};
use super::worker::View;
use crate::ide::call_hierarchy::{self, Item};
use crate::ide::file_rename::{self, Move};
use crate::ide::rename::{self, Edit};
use crate::ide::{NavigationTarget, goto_definition, goto_implementation, references};

/// Returns what the server can do with whole folders.
pub(super) fn workspace_capabilities() -> WorkspaceServerCapabilities {
    let filter = |glob: &str, matches| FileOperationFilter {
        scheme: Some("file".to_owned()),
        pattern: FileOperationPattern {
            glob: glob.to_owned(),
            matches: Some(matches),
            options: None,
        },
    };
    let filters = vec![
        filter("**", FileOperationPatternKind::File),
        filter("**", FileOperationPatternKind::Folder),
    ];
    let operations = WorkspaceFileOperationsServerCapabilities {
        will_rename: Some(FileOperationRegistrationOptions { filters }),
        ..WorkspaceFileOperationsServerCapabilities::default()
    };
    let folders = WorkspaceFoldersServerCapabilities {
        supported: Some(true),
        change_notifications: Some(OneOf::Left(true)),
    };
    WorkspaceServerCapabilities {
        workspace_folders: Some(folders),
        file_operations: Some(operations),
    }
}

/// An answer; `None` to ask again once the options are there.
type Soon<T> = Option<T>;

/// Whether to ask again once the options are there.
fn waits(view: &View, offset: TextSize) -> bool {
    view.may_wait && references::needs_options(&view.db, view.knowledge(), view.file, offset)
}

fn locations(view: &View, found: &[NavigationTarget]) -> Vec<Location> {
    found.iter().filter_map(|it| location(view, it)).collect()
}

fn response(places: Vec<Location>) -> Option<GotoDefinitionResponse> {
    (!places.is_empty()).then_some(GotoDefinitionResponse::Array(places))
}

/// Returns where the thing at a position is defined; `None` to ask again with the options.
pub(super) fn definition(view: &View, position: Position) -> Soon<Option<GotoDefinitionResponse>> {
    let offset = view.text().offset(position);
    let (db, knowledge) = (&view.db, view.knowledge());
    if waits(view, offset) {
        let near = goto_definition::evaluated_or_near(db, knowledge, view.file, offset);
        return (!near.is_empty()).then(|| response(locations(view, &near)));
    }
    let found = goto_definition::goto_definition(db, knowledge, view.file, offset);
    Some(response(locations(view, &found)))
}

/// Returns what is known of the thing at a position; `None` to ask again with the options.
pub(super) fn hover(view: &View, position: Position) -> Soon<Option<Hover>> {
    let found = to_proto::hover(view, position);
    if found.is_none() && waits(view, view.text().offset(position)) {
        return None;
    }
    Some(found)
}

/// Returns where the value of the thing at a position is written.
pub(super) fn type_definition(view: &View, position: Position) -> Option<GotoDefinitionResponse> {
    let offset = view.text().offset(position);
    let found = goto_definition::goto_value(&view.db, view.knowledge(), view.file, offset);
    response(locations(view, &found))
}

/// Returns everyone who sets the option at a position; `None` to ask again with the options.
pub(super) fn implementations(
    view: &View,
    position: Position,
) -> Soon<Option<GotoDefinitionResponse>> {
    let offset = view.text().offset(position);
    if waits(view, offset) {
        return None;
    }
    let knowledge = view.knowledge();
    let found = goto_implementation::goto_implementation(&view.db, knowledge, view.file, offset);
    Some(response(locations(view, &found)))
}

/// Returns every use of the thing at a position; `None` to ask again with the options.
pub(super) fn references(
    view: &View,
    position: Position,
    with_definitions: bool,
) -> Soon<Option<Vec<Location>>> {
    let offset = view.text().offset(position);
    if waits(view, offset) {
        return None;
    }
    let (moment, uri) = (view.moment, view.uri.clone());
    let question = ReferencesOf { moment, uri, position, with_definitions };
    let places = view.kept.references(&question).unwrap_or_else(|| {
        let (db, knowledge) = (&view.db, view.knowledge());
        let found = references::references(db, knowledge, view.file, offset, with_definitions);
        let places = locations(view, &found);
        if !view.values.is_missing() {
            view.kept.remember_references(question, places.clone());
        }
        places
    });
    Some((!places.is_empty()).then_some(places))
}

/// Returns the name at a position that can be renamed; `None` to ask again with the options.
pub(super) fn prepare_rename(
    view: &View,
    position: Position,
) -> Option<Result<PrepareRenameResponse, String>> {
    let text = view.text();
    let offset = text.offset(position);
    if waits(view, offset) {
        return None;
    }
    let range = rename::prepare(&view.db, view.knowledge(), view.file, offset);
    Some(range.map(|range| PrepareRenameResponse::Range(text.range(range))))
}

/// Returns the edits that give a name another one; `None` to ask again with the options.
pub(super) fn rename(
    view: &View,
    position: Position,
    new_name: &str,
) -> Option<Result<WorkspaceEdit, String>> {
    let offset = view.text().offset(position);
    if waits(view, offset) {
        return None;
    }
    let edits = rename::rename(&view.db, view.knowledge(), view.file, offset, new_name);
    Some(edits.map(|edits| workspace_edit(view, edits)))
}

/// Returns the edits that mend paths when files move.
pub(super) fn file_rename(view: &View, files: &[FileRename]) -> WorkspaceEdit {
    let path = |uri: &str| file_path(&uri.parse::<Uri>().ok()?);
    let moves = files
        .iter()
        .filter_map(|file| Some(Move { from: path(&file.old_uri)?, to: path(&file.new_uri)? }));
    let moves: Vec<Move> = moves.collect();
    let edits = file_rename::file_rename(&view.db, view.knowledge(), view.file, &moves);
    workspace_edit(view, edits)
}

#[expect(clippy::mutable_key_type, reason = "the protocol's type; no URI changes")]
fn workspace_edit(view: &View, edits: Vec<Edit>) -> WorkspaceEdit {
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for edit in edits {
        let Some(uri) = uri_of(view, &edit.path) else { continue };
        let range = if edit.path == *view.file.path(&view.db) {
            view.text().range(edit.range)
        } else {
            range_in_file(view, &edit.path, edit.range)
        };
        changes.entry(uri).or_default().push(TextEdit::new(range, edit.text));
    }
    WorkspaceEdit::new(changes)
}

/// Returns the name of a file, which for the document itself is what the client calls it.
fn uri_of(view: &View, path: &SourcePath) -> Option<Uri> {
    if path == view.file.path(&view.db) {
        return Some(view.uri.clone());
    }
    file_uri(Path::new(std::str::from_utf8(&path.bytes).ok()?))
}

/// Returns the function at a position.
pub(super) fn prepare_calls(view: &View, position: Position) -> Option<Vec<CallHierarchyItem>> {
    let offset = view.text().offset(position);
    let found = call_hierarchy::prepare(&view.db, view.knowledge(), view.file, offset)?;
    Some(vec![item(view, &found)?])
}

/// Returns who calls a function.
pub(super) fn incoming_calls(
    view: &View,
    of: &CallHierarchyItem,
) -> Option<Vec<CallHierarchyIncomingCall>> {
    let (path, offset) = place(view, of)?;
    let found = call_hierarchy::incoming(&view.db, view.knowledge(), view.file, &path, offset);
    let calls = found.into_iter().filter_map(|(from, ranges)| {
        let range = |range| range_in_file(view, &from.path, range);
        let from_ranges: Vec<Range> = ranges.into_iter().map(range).collect();
        Some(CallHierarchyIncomingCall { from: item(view, &from)?, from_ranges })
    });
    Some(calls.collect())
}

/// Returns what a function calls.
pub(super) fn outgoing_calls(
    view: &View,
    of: &CallHierarchyItem,
) -> Option<Vec<CallHierarchyOutgoingCall>> {
    let (path, offset) = place(view, of)?;
    let found = call_hierarchy::outgoing(&view.db, view.knowledge(), view.file, &path, offset);
    let calls = found.into_iter().filter_map(|(to, ranges)| {
        let range = |range| range_in_file(view, &path, range);
        let from_ranges: Vec<Range> = ranges.into_iter().map(range).collect();
        Some(CallHierarchyOutgoingCall { to: item(view, &to)?, from_ranges })
    });
    Some(calls.collect())
}

/// Returns where an item is that we gave the client.
fn place(view: &View, item: &CallHierarchyItem) -> Option<(SourcePath, TextSize)> {
    let path = SourcePath::new(HOST, &file_path(&item.uri)?);
    let bytes = view.system.read_file(&path.bytes).ok()?;
    let lines = LineIndex::new(&bytes);
    let text = Text { bytes: &bytes, lines: &lines, encoding: view.encoding };
    Some((path, text.offset(item.selection_range.start)))
}

fn item(view: &View, found: &Item) -> Option<CallHierarchyItem> {
    let kind = if found.is_function { SymbolKind::FUNCTION } else { SymbolKind::VARIABLE };
    Some(CallHierarchyItem {
        name: found.name.clone(),
        kind,
        tags: None,
        detail: None,
        uri: uri_of(view, &found.path)?,
        range: range_in_file(view, &found.path, found.range),
        selection_range: range_in_file(view, &found.path, found.name_range),
        data: None,
    })
}
