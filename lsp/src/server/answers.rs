//! Answers about places, names and structure as the protocol's messages.

use std::collections::HashMap;
use std::path::Path;

use lsp_types::{
    DocumentHighlight, DocumentHighlightKind, DocumentLink, Documentation, FoldingRange,
    FoldingRangeKind, GotoDefinitionResponse, Location, OneOf, ParameterInformation,
    ParameterLabel, Position, PrepareRenameResponse, SelectionRange, SignatureHelp,
    SignatureInformation, TextEdit, WorkspaceEdit, WorkspaceSymbol,
};

use super::to_proto::{file_uri, location, markdown, symbol_kind};
use super::worker::View;
use crate::ide::{
    folding, goto_implementation, links, references, rename, selection, signature_help, workspace,
};

/// Returns every use of the thing at a position.
pub(super) fn references(
    view: &View,
    position: Position,
    with_definitions: bool,
) -> Option<Vec<Location>> {
    let offset = view.text().offset(position);
    let knowledge = view.knowledge();
    let found = references::references(&view.db, knowledge, view.file, offset, with_definitions);
    let places: Vec<Location> = found.iter().filter_map(|it| location(view, it)).collect();
    (!places.is_empty()).then_some(places)
}

/// Returns every use of the variable at a position, to be marked.
pub(super) fn highlights(view: &View, position: Position) -> Option<Vec<DocumentHighlight>> {
    let text = view.text();
    let found = references::occurrences(&view.db, view.file, text.offset(position));
    let marks = found.iter().map(|it| {
        let kind = if it.is_definition {
            DocumentHighlightKind::WRITE
        } else {
            DocumentHighlightKind::READ
        };
        DocumentHighlight { range: text.range(it.range), kind: Some(kind) }
    });
    (!found.is_empty()).then(|| marks.collect())
}

/// Returns everyone who sets the option at a position.
pub(super) fn implementations(view: &View, position: Position) -> Option<GotoDefinitionResponse> {
    let offset = view.text().offset(position);
    let knowledge = view.knowledge();
    let found = goto_implementation::goto_implementation(&view.db, knowledge, view.file, offset);
    let places: Vec<Location> = found.iter().filter_map(|it| location(view, it)).collect();
    (!places.is_empty()).then_some(GotoDefinitionResponse::Array(places))
}

/// Returns the function whose argument a position is in.
pub(super) fn signature(view: &View, position: Position) -> Option<SignatureHelp> {
    let offset = view.text().offset(position);
    let found = signature_help::signature_help(&view.db, view.knowledge(), view.file, offset)?;
    // The protocol counts UTF-16 in labels, whatever was agreed for documents.
    let units = |at: u32| {
        let before = found.label.get(..at as usize).unwrap_or_default();
        before.encode_utf16().count() as u32
    };
    let parameters = found.parameters.iter().map(|(start, end)| ParameterInformation {
        label: ParameterLabel::LabelOffsets([units(*start), units(*end)]),
        documentation: None,
    });
    let signature = SignatureInformation {
        parameters: Some(parameters.collect()),
        active_parameter: Some(found.active),
        documentation: found.documentation.map(|it| Documentation::MarkupContent(markdown(it))),
        label: found.label.clone(),
    };
    Some(SignatureHelp {
        signatures: vec![signature],
        active_signature: Some(0),
        active_parameter: Some(found.active),
    })
}

/// Returns the name at a position that can be renamed.
pub(super) fn prepare_rename(
    view: &View,
    position: Position,
) -> Result<PrepareRenameResponse, String> {
    let text = view.text();
    let range = rename::prepare(&view.db, view.file, text.offset(position))?;
    Ok(PrepareRenameResponse::Range(text.range(range)))
}

/// Returns the edits that give a variable another name.
pub(super) fn rename(
    view: &View,
    position: Position,
    new_name: &str,
) -> Result<WorkspaceEdit, String> {
    let text = view.text();
    let edits = rename::rename(&view.db, view.file, text.offset(position), new_name)?;
    let edits = edits.into_iter().map(|it| TextEdit::new(text.range(it.range), it.text)).collect();
    #[expect(clippy::mutable_key_type, reason = "the protocol's type; no URI changes")]
    let changes = HashMap::from([(view.uri.clone(), edits)]);
    Ok(WorkspaceEdit::new(changes))
}

/// Returns what can be folded.
pub(super) fn folds(view: &View) -> Vec<FoldingRange> {
    let folds = folding::folds(&view.db, view.file).into_iter();
    folds
        .map(|fold| FoldingRange {
            start_line: fold.lines.0,
            end_line: fold.lines.1,
            kind: fold.is_comment.then_some(FoldingRangeKind::Comment),
            ..FoldingRange::default()
        })
        .collect()
}

/// Returns the ranges around each position.
pub(super) fn selections(view: &View, positions: &[Position]) -> Vec<SelectionRange> {
    let text = view.text();
    let around = |position: &Position| {
        let ranges = selection::selections(&view.db, view.file, text.offset(*position));
        let outermost_first = ranges.into_iter().rev();
        let chain = outermost_first.fold(None, |parent, range| {
            Some(SelectionRange { range: text.range(range), parent: parent.map(Box::new) })
        });
        let here = lsp_types::Range::new(*position, *position);
        chain.unwrap_or(SelectionRange { range: here, parent: None })
    };
    positions.iter().map(around).collect()
}

/// Returns the paths that lead to files.
pub(super) fn links(view: &View) -> Vec<DocumentLink> {
    let text = view.text();
    let links = links::links(&view.db, view.knowledge(), view.file).into_iter();
    let links = links.filter_map(|link| {
        let path = std::str::from_utf8(&link.target.bytes).ok()?;
        let target = Some(file_uri(Path::new(path))?);
        Some(DocumentLink { range: text.range(link.range), target, tooltip: None, data: None })
    });
    links.collect()
}

/// Returns the symbols of all files whose names fit a query.
pub(super) fn workspace_symbols(view: &View, query: &str) -> Vec<WorkspaceSymbol> {
    let found = workspace::symbols(&view.db, view.knowledge(), query).into_iter();
    let symbols = found.filter_map(|it| {
        Some(WorkspaceSymbol {
            name: it.name,
            kind: symbol_kind(it.kind),
            tags: None,
            container_name: (!it.container.is_empty()).then_some(it.container),
            location: OneOf::Left(location(view, &it.place)?),
            data: None,
        })
    });
    symbols.collect()
}
