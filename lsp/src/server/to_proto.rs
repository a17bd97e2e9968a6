//! Answers of `ide` as the protocol's messages, and the protocol's names as ours.

use std::path::Path;

use eval::diagnostic::{self, Severity};
use eval::option_tree::{Failure, Place};
use eval::source::{EMBEDDED, HOST, SourcePath};
use eval::system::System as _;
use lsp_types::{
    CompletionItem, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag,
    Documentation, Hover, HoverContents, Location, MarkupContent, MarkupKind, NumberOrString,
    Position, Range, SymbolKind, Uri,
};
use syntax::{LineIndex, TextRange, TextSize};
use tower_lsp::UriExt as _;

use super::event::Checked;
use super::position::{Text, bytes_to_column};
use super::values::Texts;
use super::worker::View;
use crate::ide::completion::{self, Subject};
use crate::ide::{NavigationTarget, diagnostics, document_symbols, hover};

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
    let (found, kept) = diagnostics::told_and_kept(&view.db, view.knowledge(), view.file);
    let is_sound = found.iter().all(|it| it.code != "syntax-error");
    let shown = |it: &diagnostic::Diagnostic| diagnostic(view.text(), &view.uri, it);
    let mut diagnostics: Vec<Diagnostic> = found.iter().map(shown).collect();
    // Whoever allows a finding does not want to hear of it from the evaluation either.
    let kept: Vec<Diagnostic> = kept.iter().map(shown).collect();
    for failure in failures(view) {
        let is_told = |it: &Diagnostic| {
            it.severity.is_some_and(|it| Some(it) <= failure.severity)
                && it.range.start.line == failure.range.start.line
                && it.code != failure.code
        };
        if !diagnostics.iter().chain(&kept).any(is_told) {
            diagnostics.push(failure);
        }
    }
    (diagnostics, is_sound)
}

/// Returns what is wrong with the system as a whole, as far as that is to be mended here and the
/// text is still the one that was evaluated.
fn failures(view: &View) -> Vec<Diagnostic> {
    let Some(Checked { failures, texts }) = view.failure.as_deref() else { return Vec::new() };
    let (Some(path), text) = (view.path.as_deref(), view.text()) else { return Vec::new() };
    if texts.get(path).is_none_or(|evaluated| **evaluated != *text.bytes) {
        return Vec::new();
    }
    failures.iter().filter_map(|it| failure(view, path, it, texts)).collect()
}

fn failure(view: &View, path: &[u8], failure: &Failure, texts: &Texts) -> Option<Diagnostic> {
    let is_open = |it: &&Place| texts.contains_key(it.file.as_bytes());
    let place = failure.places.iter().find(is_open)?;
    if path != place.file.as_bytes() {
        return None;
    }
    let text = view.text();
    let line = text.lines.line_range(place.line?.saturating_sub(1));
    let column = place.column.unwrap_or(1).saturating_sub(1);
    let start = (line.start() + TextSize::from(column)).min(line.end());
    if diagnostics::is_allowed(text.bytes, text.lines, failure.code, start) {
        return None;
    }
    let rest = text.bytes.get(usize::from(start)..usize::from(line.end())).unwrap_or_default();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-'.\"".contains(byte);
    let length = rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len()).max(1);
    let end = (start + TextSize::from(length as u32)).min(line.end());
    let others = failure.places.iter().filter(|it| *it != place).take(RELATED_MAX);
    let related = others.filter_map(|it| {
        let path = SourcePath::parse_display(&it.file)?;
        let target = NavigationTarget::File { path, line: it.line, column: it.column };
        let (location, message) = (location(view, &target)?, "it has to do with this".to_owned());
        Some(DiagnosticRelatedInformation { location, message })
    });
    let related: Vec<_> = related.collect();
    let severity = match failure.code {
        "configuration-warning" => DiagnosticSeverity::WARNING,
        _ => DiagnosticSeverity::ERROR,
    };
    Some(Diagnostic {
        range: text.range(TextRange::new(start, end)),
        severity: Some(severity),
        code: Some(NumberOrString::String(failure.code.to_owned())),
        source: Some("nivis".to_owned()),
        message: failure.message.clone(),
        related_information: (!related.is_empty()).then_some(related),
        ..Diagnostic::default()
    })
}

/// How many other places of a failure are told.
const RELATED_MAX: usize = 4;

/// Returns a diagnostic of the document `uri`, whose text is `text`.
pub(super) fn diagnostic(text: Text<'_>, uri: &Uri, found: &diagnostic::Diagnostic) -> Diagnostic {
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
        location: Location::new(uri.clone(), text.range(*range)),
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

/// Adds the documentation to an item.
pub(super) fn resolved(view: &View, subject: &Subject, mut item: CompletionItem) -> CompletionItem {
    if item.documentation.is_none() {
        item.documentation = documentation(view, subject);
    }
    if item.detail.is_none() {
        item.detail = completion::detail(view.knowledge(), subject);
    }
    item
}

/// Returns what there is to read about a completion item.
pub(super) fn documentation(view: &View, subject: &Subject) -> Option<Documentation> {
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

pub(super) fn location(view: &View, target: &NavigationTarget) -> Option<Location> {
    match target {
        NavigationTarget::Here(range) => {
            Some(Location::new(view.uri.clone(), view.text().range(*range)))
        }
        NavigationTarget::There(path, range) => {
            let uri = file_uri(Path::new(std::str::from_utf8(&path.bytes).ok()?))?;
            Some(Location::new(uri, range_in_file(view, path, *range)))
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

/// Returns a range in another file of the host, as the editor has it.
pub(super) fn range_in_file(view: &View, path: &SourcePath, range: TextRange) -> Range {
    let bytes = view.system.read_file(&path.bytes).unwrap_or_default();
    let lines = LineIndex::new(&bytes);
    Text { bytes: &bytes, lines: &lines, encoding: view.encoding }.range(range)
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
