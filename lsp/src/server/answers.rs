//! Answers about places, names and structure as the protocol's messages.

use std::path::Path;

use eval::source::{HOST, SourcePath};
use lsp_types::{
    DocumentHighlight, DocumentHighlightKind, Documentation, OneOf, ParameterInformation,
    ParameterLabel, Position, SelectionRange, SignatureHelp, SignatureInformation, Uri,
    WorkspaceSymbol,
};

use super::to_proto::{file_uri, location, markdown, symbol_kind};
use super::worker::View;
use crate::ide::{links, references, selection, signature_help, workspace};

/// Returns every use of the variable at a position, to be marked.
pub(super) fn highlights(view: &View, position: Position) -> Option<Vec<DocumentHighlight>> {
    let text = view.text();
    let knowledge = view.knowledge();
    let found = references::highlights(&view.db, knowledge, view.file, text.offset(position));
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

/// Returns how the client knows a file that a link leads to.
pub(super) fn link_uri(path: &SourcePath) -> Option<Uri> {
    file_uri(Path::new(std::str::from_utf8(&path.bytes).ok()?))
}

/// Returns where a link leads whose file nobody has looked for yet.
pub(super) fn link_target(view: &View, path: &[u8]) -> Option<Uri> {
    link_uri(&links::check(&view.system, SourcePath::new(HOST, path))?)
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
