//! Answers of `ide` as the protocol's messages, and the protocol's names as ours.

use std::path::Path;

use eval::db;
use eval::diagnostic::{self, Severity};
use eval::inspect::{Base, Lookup};
use eval::option_tree::Place;
use eval::source::{EMBEDDED, HOST, SourcePath};
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionResponse, CompletionTextEdit,
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, DocumentSymbol,
    DocumentSymbolResponse, Documentation, GotoDefinitionResponse, Hover, HoverContents, Location,
    MarkupContent, MarkupKind, NumberOrString, Position, Range, SymbolKind, TextEdit, Uri,
};
use serde::{Deserialize, Serialize};
use syntax::{LineIndex, TextRange, TextSize};
use tower_lsp::UriExt as _;

use super::event::Checked;
use super::position::{Text, bytes_to_column};
use super::worker::View;
use crate::ide::completion::{self, CompletionKind, Subject};
use crate::ide::cursor::Part;
use crate::ide::{NavigationTarget, document_symbols, goto_definition, hover};

/// The most items that carry their documentation; the client asks for that of the others.
const DOCUMENTED_ITEMS_MAX: usize = 64;

/// Returns the path of a `file:` URI, as bytes.
pub(super) fn file_path(uri: &Uri) -> Option<Vec<u8>> {
    if !uri.scheme().is_some_and(|scheme| scheme.as_str().eq_ignore_ascii_case("file")) {
        return None;
    }
    let path = uri.path().as_estr().decode().into_bytes();
    path.starts_with(b"/").then(|| eval::source::canonical(&path))
}

pub(super) fn file_uri(path: &Path) -> Option<Uri> {
    path.is_absolute().then(|| Uri::from_file_path(path)).flatten()
}

/// Returns what there is to say about the document, and whether its syntax is right.
pub(super) fn diagnostics(view: &View) -> (Vec<Diagnostic>, bool) {
    let found = db::diagnostics(&view.db, view.file);
    let is_sound = found.iter().all(|it| it.code != "syntax-error");
    let mut diagnostics: Vec<Diagnostic> = found.iter().map(|it| diagnostic(view, it)).collect();
    if let Some(failure) = failure(view) {
        let is_told = |it: &Diagnostic| {
            it.severity == Some(DiagnosticSeverity::ERROR) && it.range.start == failure.range.start
        };
        if !diagnostics.iter().any(is_told) {
            diagnostics.push(failure);
        }
    }
    (diagnostics, is_sound)
}

/// Returns why the system does not evaluate, if that is to be mended here and the text is still
/// the one that was evaluated.
fn failure(view: &View) -> Option<Diagnostic> {
    let Checked { failure, texts } = &**view.failure.as_ref()?;
    let is_open = |it: &&Place| texts.contains_key(it.file.as_bytes());
    let place = failure.places.iter().find(is_open)?;
    let path = view.path.as_deref().filter(|path| *path == place.file.as_bytes())?;
    let text = view.text();
    if texts.get(path).is_none_or(|evaluated| **evaluated != *text.bytes) {
        return None;
    }
    let line = text.lines.line_range(place.line?.saturating_sub(1));
    let column = place.column.unwrap_or(1).saturating_sub(1);
    let start = (line.start() + TextSize::from(column)).min(line.end());
    let rest = text.bytes.get(usize::from(start)..usize::from(line.end())).unwrap_or_default();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-'.\"".contains(byte);
    let length = rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len()).max(1);
    let end = (start + TextSize::from(length as u32)).min(line.end());
    Some(Diagnostic {
        range: text.range(TextRange::new(start, end)),
        severity: Some(DiagnosticSeverity::ERROR),
        code: Some(NumberOrString::String("evaluation-error".to_owned())),
        source: Some("nivis".to_owned()),
        message: failure.message.clone(),
        ..Diagnostic::default()
    })
}

fn diagnostic(view: &View, found: &diagnostic::Diagnostic) -> Diagnostic {
    let text = view.text();
    let severity = match found.severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Hint => DiagnosticSeverity::HINT,
    };
    let message = match &found.hint {
        Some(hint) => format!("{}\nhint: {hint}", found.message),
        None => found.message.clone(),
    };
    let related = found.related.iter().map(|(range, note)| DiagnosticRelatedInformation {
        location: Location::new(view.uri.clone(), text.range(*range)),
        message: note.clone(),
    });
    let related: Vec<_> = related.collect();
    Diagnostic {
        range: text.range(found.range),
        severity: Some(severity),
        code: Some(NumberOrString::String(found.code.to_owned())),
        source: Some("nivis".to_owned()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        tags: found.is_unnecessary.then(|| vec![DiagnosticTag::UNNECESSARY]),
        ..Diagnostic::default()
    }
}

/// Where the documentation of an item comes from, as it travels with the item.
#[derive(Serialize, Deserialize)]
pub(super) struct ItemOrigin {
    /// The document.
    pub(super) uri: String,
    /// The option's path, elements of lists as `null`; or the name of a builtin.
    subject: ItemSubject,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ItemSubject {
    Option(Vec<Option<String>>),
    Builtin(String),
    Package(Vec<String>),
    Library(Vec<String>),
}

impl ItemSubject {
    fn new(subject: &Subject) -> ItemSubject {
        match subject {
            Subject::Option(path) => ItemSubject::Option(path.iter().map(name).collect()),
            Subject::Builtin(name) => ItemSubject::Builtin(name.clone()),
            Subject::Value(lookup) => match lookup.base {
                Base::Packages => ItemSubject::Package(lookup.path.clone()),
                Base::Library => ItemSubject::Library(lookup.path.clone()),
            },
        }
    }

    fn to_subject(&self) -> Subject {
        let value = |base, path: &[String]| Subject::Value(Lookup { base, path: path.to_vec() });
        match self {
            ItemSubject::Option(path) => Subject::Option(
                path.iter().map(|name| name.clone().map_or(Part::Element, Part::Name)).collect(),
            ),
            ItemSubject::Builtin(name) => Subject::Builtin(name.clone()),
            ItemSubject::Package(path) => value(Base::Packages, path),
            ItemSubject::Library(path) => value(Base::Library, path),
        }
    }
}

/// Returns what may stand at a position; `None` to ask again once the options are known.
pub(super) fn completion(view: &View, position: Position) -> Option<CompletionResponse> {
    let text = view.text();
    let offset = text.offset(position);
    let found = completion::completion(&view.db, view.knowledge(), view.file, offset);
    if found.is_incomplete && view.may_wait {
        return None;
    }
    let typed = |item: &completion::CompletionItem| {
        text.bytes.get(usize::from(item.range.start())..usize::from(offset)).unwrap_or_default()
    };
    let mut documented = 0;
    let items = found.items.iter().map(|item| {
        let mut converted = completion_item(view, item);
        if documented < DOCUMENTED_ITEMS_MAX && item.label.as_bytes().starts_with(typed(item)) {
            documented += 1;
            // What packages are is looked up for the one that is shown.
            let is_known = |it: &&Subject| !matches!(it, Subject::Value(_));
            let subject = item.subject.as_ref().filter(is_known);
            converted.documentation = subject.and_then(|it| documentation(view, it));
        }
        converted
    });
    let items = items.collect();
    Some(CompletionResponse::List(CompletionList { is_incomplete: found.is_incomplete, items }))
}

fn completion_item(view: &View, item: &completion::CompletionItem) -> CompletionItem {
    let (kind, group) = match item.kind {
        CompletionKind::Value => (CompletionItemKind::ENUM_MEMBER, '0'),
        CompletionKind::Option => (CompletionItemKind::PROPERTY, '1'),
        CompletionKind::OptionSet => (CompletionItemKind::MODULE, '1'),
        CompletionKind::Variable => (CompletionItemKind::VARIABLE, '2'),
        CompletionKind::Builtin => (CompletionItemKind::FUNCTION, '3'),
        CompletionKind::Function => (CompletionItemKind::FUNCTION, '1'),
        CompletionKind::Package | CompletionKind::Attribute => (CompletionItemKind::FIELD, '1'),
        CompletionKind::File => (CompletionItemKind::FILE, '1'),
        CompletionKind::Folder => (CompletionItemKind::FOLDER, '1'),
        CompletionKind::Keyword => (CompletionItemKind::KEYWORD, '4'),
    };
    let edit = TextEdit::new(view.text().range(item.range), item.label.clone());
    let data = item.subject.as_ref().and_then(|subject| {
        let subject = ItemSubject::new(subject);
        serde_json::to_value(ItemOrigin { uri: view.uri.as_str().to_owned(), subject }).ok()
    });
    CompletionItem {
        label: item.label.clone(),
        kind: Some(kind),
        detail: item.detail.clone(),
        sort_text: Some(format!("{group}{}", item.label)),
        text_edit: Some(CompletionTextEdit::Edit(edit)),
        data,
        ..CompletionItem::default()
    }
}

fn name(part: &Part) -> Option<String> {
    match part {
        Part::Name(name) => Some(name.clone()),
        Part::Element => None,
    }
}

/// Reads where an item came from; nothing if it is none of ours.
pub(super) fn item_origin(item: &CompletionItem) -> Option<ItemOrigin> {
    serde_json::from_value(item.data.clone()?).ok()
}

/// Adds the documentation to an item.
pub(super) fn resolved(
    view: &View,
    origin: &ItemOrigin,
    mut item: CompletionItem,
) -> CompletionItem {
    let subject = origin.subject.to_subject();
    if item.documentation.is_none() {
        item.documentation = documentation(view, &subject);
    }
    if item.detail.is_none() {
        item.detail = completion::detail(view.knowledge(), &subject);
    }
    item
}

fn documentation(view: &View, subject: &Subject) -> Option<Documentation> {
    completion::documentation(view.knowledge(), subject)
        .map(|value| Documentation::MarkupContent(markdown(value)))
}

pub(super) fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

/// Returns what is known of the thing at a position.
pub(super) fn hover(view: &View, position: Position) -> Option<Hover> {
    let text = view.text();
    let offset = text.offset(position);
    let found = hover::hover(&view.db, view.knowledge(), view.file, offset)?;
    let contents = HoverContents::Markup(markdown(found.markdown));
    Some(Hover { contents, range: Some(text.range(found.range)) })
}

/// Returns where the thing at a position is defined.
pub(super) fn definition(view: &View, position: Position) -> Option<GotoDefinitionResponse> {
    let offset = view.text().offset(position);
    let found = goto_definition::goto_definition(&view.db, view.knowledge(), view.file, offset);
    let places: Vec<Location> = found.iter().filter_map(|it| location(view, it)).collect();
    (!places.is_empty()).then_some(GotoDefinitionResponse::Array(places))
}

pub(super) fn location(view: &View, target: &NavigationTarget) -> Option<Location> {
    match target {
        NavigationTarget::Here(range) => {
            Some(Location::new(view.uri.clone(), view.text().range(*range)))
        }
        NavigationTarget::File { path, line, column } => {
            let on_disk = match path.root {
                HOST => Path::new(std::str::from_utf8(&path.bytes).ok()?).to_owned(),
                EMBEDDED => (view.host.show_embedded)(&path.bytes)?,
                _ => return None,
            };
            let position = match line {
                Some(line) => position_in_file(view, path, *line, *column),
                None => Position::default(),
            };
            Some(Location::new(file_uri(&on_disk)?, Range::new(position, position)))
        }
    }
}

/// Returns a position in another file, whose columns count bytes from 1.
fn position_in_file(view: &View, path: &SourcePath, line: u32, column: Option<u32>) -> Position {
    let line = line.saturating_sub(1);
    let bytes = column.unwrap_or(1).saturating_sub(1);
    let text = match path.root {
        HOST => view.host.system.read_file(&path.bytes).unwrap_or_default(),
        _ => eval::embedded::file(&path.bytes).unwrap_or_default().to_vec(),
    };
    let lines = LineIndex::new(&text);
    let range = lines.line_range(line);
    let line_text = text.get(usize::from(range.start())..usize::from(range.end()));
    let column = bytes_to_column(line_text.unwrap_or_default(), bytes, view.encoding);
    Position::new(line, column)
}

/// Returns the outline.
pub(super) fn symbols(view: &View) -> DocumentSymbolResponse {
    let text = view.text();
    let found = document_symbols::document_symbols(&view.db, view.file);
    DocumentSymbolResponse::Nested(found.into_iter().map(|it| symbol(text, it)).collect())
}

/// Returns the protocol's word for a sort of symbol.
pub(super) fn symbol_kind(kind: document_symbols::SymbolKind) -> SymbolKind {
    match kind {
        document_symbols::SymbolKind::Function => SymbolKind::FUNCTION,
        document_symbols::SymbolKind::Set => SymbolKind::MODULE,
        document_symbols::SymbolKind::List => SymbolKind::ARRAY,
        document_symbols::SymbolKind::String => SymbolKind::STRING,
        document_symbols::SymbolKind::Number => SymbolKind::NUMBER,
        document_symbols::SymbolKind::Boolean => SymbolKind::BOOLEAN,
        document_symbols::SymbolKind::Other => SymbolKind::VARIABLE,
    }
}

fn symbol(text: Text<'_>, found: document_symbols::DocumentSymbol) -> DocumentSymbol {
    let kind = symbol_kind(found.kind);
    let children: Vec<DocumentSymbol> =
        found.children.into_iter().map(|it| symbol(text, it)).collect();
    #[expect(deprecated, reason = "the field has no default")]
    DocumentSymbol {
        name: found.name,
        detail: None,
        kind,
        tags: None,
        deprecated: None,
        range: text.range(found.range),
        selection_range: text.range(found.name_range),
        children: (!children.is_empty()).then_some(children),
    }
}
