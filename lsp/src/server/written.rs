//! The answers that are long or asked at every key, written as JSON text at once.

use lsp_types::{Position, Range};
use syntax::{TextRange, TextSize};

use super::answers;
use super::kept::Kept;
use super::position::Text;
use super::to_proto::{documentation, symbol_kind};
use super::worker::View;
use crate::ide::completion::{self, CompletionItem, CompletionKind, Subject};
use crate::ide::document_symbols::{self, DocumentSymbol};
use crate::ide::{folding, links, semantic_tokens};

/// The most items that carry their documentation; the client asks for that of the others.
const DOCUMENTED_ITEMS_MAX: usize = 16;

/// JSON text that is being written, with places of one document in it.
struct Writer<'a> {
    text: Text<'a>,
    out: Vec<u8>,
    /// The range that was written last, and its text: the items of a list often share one.
    last_range: Option<(TextRange, Vec<u8>)>,
}

impl<'a> Writer<'a> {
    fn new(text: Text<'a>) -> Writer<'a> {
        Writer { text, out: Vec::with_capacity(4096), last_range: None }
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        let mut digits = [0_u8; 20];
        let mut start = digits.len();
        let mut rest = number;
        loop {
            start -= 1;
            if let Some(digit) = digits.get_mut(start) {
                *digit = b'0' + (rest % 10) as u8;
            }
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.out.extend_from_slice(digits.get(start..).unwrap_or_default());
    }

    fn string(&mut self, text: &str) {
        serde_json::to_writer(&mut self.out, text).expect("text can be written into memory");
    }

    fn value(&mut self, value: &impl serde::Serialize) {
        serde_json::to_writer(&mut self.out, value).expect("plain data can be written into memory");
    }

    fn position(&mut self, position: Position) {
        self.raw(r#"{"line":"#);
        self.number(position.line.into());
        self.raw(r#","character":"#);
        self.number(position.character.into());
        self.raw("}");
    }

    fn range(&mut self, range: TextRange) {
        let range = self.text.range(range);
        self.raw(r#"{"start":"#);
        self.position(range.start);
        self.raw(r#","end":"#);
        self.position(range.end);
        self.raw("}");
    }

    /// Writes a range that is probably the one of the item before.
    fn same_range(&mut self, range: TextRange) {
        if let Some((last, text)) = &self.last_range
            && *last == range
        {
            self.out.extend_from_slice(text);
            return;
        }
        let start = self.out.len();
        self.range(range);
        let text = self.out.get(start..).unwrap_or_default().to_vec();
        self.last_range = Some((range, text));
    }

    /// Writes a list, each item by `write`.
    fn list<T>(&mut self, items: impl IntoIterator<Item = T>, write: impl Fn(&mut Self, T)) {
        self.raw("[");
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.raw(",");
            }
            write(self, item);
        }
        self.raw("]");
    }

    fn symbol(&mut self, symbol: &DocumentSymbol) {
        self.raw(r#"{"name":"#);
        self.string(&symbol.name);
        self.raw(r#","kind":"#);
        self.value(&symbol_kind(symbol.kind));
        self.raw(r#","range":"#);
        self.range(symbol.range);
        self.raw(r#","selectionRange":"#);
        self.range(symbol.name_range);
        if !symbol.children.is_empty() {
            self.raw(r#","children":"#);
            self.list(&symbol.children, Self::symbol);
        }
        self.raw("}");
    }
}

/// Writes the outline.
pub(super) fn symbols(view: &View) -> Vec<u8> {
    let mut writer = Writer::new(view.text());
    let found = document_symbols::document_symbols(&view.db, view.file);
    writer.list(&found, Writer::symbol);
    writer.out
}

/// Writes what can be folded.
pub(super) fn folds(view: &View) -> Vec<u8> {
    let mut writer = Writer::new(view.text());
    writer.list(folding::folds(&view.db, view.file), |writer, fold| {
        writer.raw(r#"{"startLine":"#);
        writer.number(fold.lines.0.into());
        writer.raw(r#","endLine":"#);
        writer.number(fold.lines.1.into());
        writer.raw(if fold.is_comment { r#","kind":"comment"}"# } else { "}" });
    });
    writer.out
}

/// Writes the paths that lead to files. Those of a large file are looked at when they are used.
pub(super) fn links(view: &View) -> Vec<u8> {
    let mut writer = Writer::new(view.text());
    writer.list(links::links(&view.db, view.knowledge(), view.file), |writer, link| {
        writer.raw(r#"{"range":"#);
        writer.range(link.range);
        let path = String::from_utf8_lossy(&link.target.bytes);
        if link.is_checked {
            writer.raw(r#","target":"#);
            writer.value(&answers::link_uri(&link.target));
        } else {
            writer.raw(r#","data":"#);
            writer.string(&path);
        }
        writer.raw("}");
    });
    writer.out
}

/// Writes what may stand at a position; `None` to ask again once the options are known.
pub(super) fn completion(view: &View, position: Position) -> Option<Vec<u8>> {
    let text = view.text();
    let offset = text.offset(position);
    let found = completion::completion(&view.db, view.knowledge(), view.file, offset);
    if found.is_incomplete && view.may_wait {
        return None;
    }
    let serial = view.kept.serial();
    let first = Kept::first_item(serial);
    let mut writer = Writer::new(text);
    let shared = shared_range(&found.items);
    let default = shared.filter(|_| view.client.has_item_defaults);
    let is_plain = shared.is_some_and(|range| is_plain_word(text, range, offset));
    writer.raw(r#"{"isIncomplete":"#);
    writer.raw(if found.is_incomplete { "true" } else { "false" });
    if let Some(range) = default {
        writer.raw(r#","itemDefaults":{"editRange":"#);
        writer.range(range);
        writer.raw("}");
    }
    writer.raw(r#","items":"#);
    let mut documented = 0;
    let items = found.items.iter().enumerate();
    let items: Vec<(usize, &CompletionItem, bool)> = items
        .map(|(index, item)| {
            let is_shown = documented < DOCUMENTED_ITEMS_MAX && starts_as_typed(text, item, offset);
            documented += usize::from(is_shown);
            (index, item, is_shown)
        })
        .collect();
    writer.list(items, |writer, (index, item, is_shown)| {
        writer.completion_item(item, default.is_none() && !is_plain);
        if item.subject.is_some() {
            writer.raw(r#","data":"#);
            writer.number(first + index as u64);
        }
        // What packages are is looked up for the one that is shown.
        let is_known = |it: &&Subject| !matches!(it, Subject::Value(_));
        let subject = item.subject.as_ref().filter(|_| is_shown).filter(is_known);
        if let Some(documentation) = subject.and_then(|it| documentation(view, it)) {
            writer.raw(r#","documentation":"#);
            writer.value(&documentation);
        }
        writer.raw("}");
    });
    writer.raw("}");
    let subjects = found.items.into_iter().map(|item| item.subject).collect();
    view.kept.completion(serial, &view.uri, subjects);
    Some(writer.out)
}

/// Returns the range that all items replace.
fn shared_range(items: &[CompletionItem]) -> Option<TextRange> {
    let first = items.first()?.range;
    items.iter().all(|item| item.range == first).then_some(first)
}

/// Whether every client takes just these bytes for the word that is typed: letters and digits up
/// to the cursor, with a space or an opening bracket before them.
fn is_plain_word(text: Text<'_>, range: TextRange, offset: TextSize) -> bool {
    let (start, end) = (usize::from(range.start()), usize::from(range.end()));
    let word = text.bytes.get(start..end).unwrap_or_default();
    let before = start.checked_sub(1).and_then(|at| text.bytes.get(at));
    range.end() == offset
        && word.iter().all(|byte| byte.is_ascii_alphanumeric())
        && before.is_none_or(|byte| byte.is_ascii_whitespace() || b"([".contains(byte))
}

fn starts_as_typed(text: Text<'_>, item: &CompletionItem, offset: TextSize) -> bool {
    let typed = text.bytes.get(usize::from(item.range.start())..usize::from(offset));
    item.label.as_bytes().starts_with(typed.unwrap_or_default())
}

impl Writer<'_> {
    /// Writes an item, all but its end.
    fn completion_item(&mut self, item: &CompletionItem, has_edit: bool) {
        // The kinds of the protocol, and the order of the groups: an item without a sort text is
        // sorted by its label, and `~` comes after every letter.
        let (kind, before) = match item.kind {
            CompletionKind::Value => (20, "0"),
            CompletionKind::Option => (10, ""),
            CompletionKind::OptionSet => (9, ""),
            CompletionKind::Function => (3, ""),
            CompletionKind::Package | CompletionKind::Attribute => (5, ""),
            CompletionKind::File => (17, ""),
            CompletionKind::Folder => (19, ""),
            CompletionKind::Variable => (6, "~2"),
            CompletionKind::Builtin => (3, "~3"),
            CompletionKind::Keyword => (14, "~4"),
        };
        self.raw(r#"{"label":"#);
        self.string(&item.label);
        self.raw(r#","kind":"#);
        self.number(kind);
        if let Some(detail) = &item.detail {
            self.raw(r#","detail":"#);
            self.string(detail);
        }
        if !before.is_empty() {
            self.raw(r#","sortText":"#);
            self.string(&[before, &item.label].concat());
        }
        if has_edit {
            self.raw(r#","textEdit":{"range":"#);
            self.same_range(item.range);
            self.raw(r#","newText":"#);
            self.string(&item.label);
            self.raw("}");
        }
    }
}

/// Writes the semantic tokens of the document.
pub(super) fn tokens(view: &View) -> Vec<u8> {
    let data = encoded(view, None);
    let mut writer = Writer::new(view.text());
    let (id, _) = view.kept.tokens(&view.uri, data.clone());
    writer.tokens(Some(&id), &data);
    writer.out
}

/// Writes how the semantic tokens differ from those with this name; all if that is not known.
pub(super) fn tokens_since(view: &View, before: &str) -> Vec<u8> {
    let data = encoded(view, None);
    let mut writer = Writer::new(view.text());
    let (id, known) = view.kept.tokens(&view.uri, data.clone());
    let Some(old) = known.filter(|it| it.id == before).map(|it| it.data) else {
        writer.tokens(Some(&id), &data);
        return writer.out;
    };
    let start = old.iter().zip(&data).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (&old[start..], &data[start..]);
    let pairs = old_rest.iter().rev().zip(new_rest.iter().rev());
    let kept = pairs.take_while(|(old, new)| old == new).count();
    writer.raw(r#"{"resultId":"#);
    writer.string(&id);
    writer.raw(r#","edits":["#);
    if kept < old_rest.len() || kept < new_rest.len() {
        writer.raw(r#"{"start":"#);
        writer.number(start as u64);
        writer.raw(r#","deleteCount":"#);
        writer.number((old_rest.len() - kept) as u64);
        writer.raw(r#","data":"#);
        let new = &new_rest[..new_rest.len() - kept];
        writer.list(new, |writer, number| writer.number((*number).into()));
        writer.raw("}");
    }
    writer.raw("]}");
    writer.out
}

/// Writes the semantic tokens in a range.
pub(super) fn tokens_in(view: &View, range: Range) -> Vec<u8> {
    let text = view.text();
    let mut writer = Writer::new(text);
    writer.tokens(None, &encoded(view, Some(text.text_range(range))));
    writer.out
}

impl Writer<'_> {
    fn tokens(&mut self, id: Option<&str>, data: &[u32]) {
        self.raw("{");
        if let Some(id) = id {
            self.raw(r#""resultId":"#);
            self.string(id);
            self.raw(",");
        }
        self.raw(r#""data":"#);
        self.list(data, |writer, number| writer.number((*number).into()));
        self.raw("}");
    }
}

/// Returns the tokens as the protocol counts: five numbers each, places from the one before.
fn encoded(view: &View, range: Option<TextRange>) -> Vec<u32> {
    let text = view.text();
    let tokens = semantic_tokens::semantic_tokens(&view.db, view.file, range);
    let mut data = Vec::with_capacity(tokens.len() * 5);
    let mut last = Position::default();
    for token in tokens {
        let found = text.range(token.range);
        if found.start.line != found.end.line {
            continue;
        }
        let line = found.start.line - last.line;
        let before = if line == 0 { last.character } else { 0 };
        let length = found.end.character - found.start.character;
        let modifiers = u32::from(token.is_definition) | u32::from(token.is_builtin) << 1;
        data.extend([line, found.start.character - before, length, token.kind as u32, modifiers]);
        last = found.start;
    }
    data
}
