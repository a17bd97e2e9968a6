//! Open documents: the text as the editor has it, edit by edit.

use std::sync::Arc;

use eval::db::File;
use lsp_types::{Diagnostic, TextDocumentContentChangeEvent, Uri};
use syntax::LineIndex;

use super::indexes::Root;
use super::position::{Encoding, Text};
use crate::ide::role::{self, Role};

/// A document that the editor has open.
pub(super) struct Document {
    /// Its name, as the client writes it.
    pub(super) uri: Uri,
    /// It in the database, whose text is set once a burst of edits is over.
    pub(super) file: File,
    /// Its path on the host, if it has one.
    pub(super) path: Option<Vec<u8>>,
    /// The client's number of the text.
    pub(super) version: i32,
    /// Our number of the text: no two are the same, over all documents.
    pub(super) revision: u64,
    /// Whether the database has an older text.
    pub(super) is_dirty: bool,
    /// The last text without a syntax error, for evaluations.
    pub(super) sound_text: Option<Arc<[u8]>>,
    /// What is evaluated for the options that it defines.
    pub(super) root: Root,
    /// How it takes part in that, the one in use first; none if it is no module.
    pub(super) roles: Vec<Role>,
    /// The role that the client has chosen.
    pub(super) chosen: Option<String>,
    /// Whether its roles are to be found, perhaps anew.
    pub(super) is_due: bool,
    /// The number of the order to find them that has not been answered.
    pub(super) finding: Option<u64>,
    /// Whether its roles have been found at least once.
    pub(super) has_roles: bool,
    /// The diagnostics that the client was told last, with the number of the text.
    pub(super) told: Option<(i32, Vec<Diagnostic>)>,
    text: String,
    lines: LineIndex,
}

impl Document {
    /// Returns a document that was just opened.
    pub(super) fn new(uri: Uri, file: File, text: String, version: i32, revision: u64) -> Self {
        let lines = LineIndex::new(text.as_bytes());
        Document {
            uri,
            file,
            path: None,
            version,
            revision,
            is_dirty: true,
            sound_text: None,
            root: Root::Library,
            roles: Vec::new(),
            chosen: None,
            is_due: false,
            finding: None,
            has_roles: true,
            told: None,
            text,
            lines,
        }
    }

    /// Returns the text that evaluations see in place of the file: the last one without a syntax
    /// error. A module that never had one defines nothing, so that it does not hide the others.
    pub(super) fn text_for_evaluation(&self) -> Option<Arc<[u8]>> {
        if let Some(text) = &self.sound_text {
            return Some(Arc::clone(text));
        }
        let (_, errors) = syntax::parse_flat(self.text.as_bytes(), eval::db::PARSE_OPTIONS);
        let is_broken = !errors.is_empty() && !self.roles.is_empty();
        is_broken.then(|| Arc::from(&b"{ }"[..]))
    }

    /// Returns what comments in the text say of its roles.
    pub(super) fn said_roles(&self) -> Vec<String> {
        let found = role::comments(self.text.as_bytes()).into_iter();
        found
            .filter_map(|it| self.text.get(std::ops::Range::<usize>::from(it)))
            .map(str::to_owned)
            .collect()
    }

    /// Takes the roles that were found; the one that was chosen comes first.
    pub(super) fn take_roles(&mut self, mut roles: Vec<Role>) {
        if let Some(chosen) = &self.chosen
            && let Some(at) = roles.iter().position(|it| it.title() == *chosen)
        {
            let role = roles.remove(at);
            roles.insert(0, role);
        }
        self.root = roles.first().map_or(Root::Library, |role| role.root.clone());
        self.roles = roles;
    }

    /// Returns the text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Applies one edit; without a range it replaces the whole text.
    pub(super) fn apply(&mut self, change: TextDocumentContentChangeEvent, encoding: Encoding) {
        match change.range {
            None => self.text = change.text,
            Some(range) => {
                let text = Text { bytes: self.text.as_bytes(), lines: &self.lines, encoding };
                let range = text.text_range(range);
                let (start, end) = (usize::from(range.start()), usize::from(range.end()));
                self.text.replace_range(start..end, &change.text);
            }
        }
        self.lines = LineIndex::new(self.text.as_bytes());
        self.is_dirty = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eval::db::Database;
    use eval::source::{HOST, SourcePath};
    use lsp_types::{Position, Range};

    type Edit = ((u32, u32), (u32, u32), &'static str);

    fn edited(text: &str, edits: &[Edit]) -> String {
        let db = Database::default();
        let file = File::new(&db, SourcePath::new(HOST, b"/a.nix"), Arc::from(&b""[..]));
        let uri: Uri = "file:///a.nix".parse().expect("a URI");
        let mut document = Document::new(uri, file, text.to_owned(), 1, 1);
        for (start, end, text) in edits {
            let range = Range::new(Position::new(start.0, start.1), Position::new(end.0, end.1));
            let text = (*text).to_owned();
            let change =
                TextDocumentContentChangeEvent { range: Some(range), range_length: None, text };
            document.apply(change, Encoding::Utf16);
        }
        document.text().to_owned()
    }

    #[test]
    fn edits_apply_one_after_another() {
        assert_eq!(edited("ab\ncd", &[((0, 1), (1, 1), "X"), ((0, 2), (0, 2), "é")]), "aXéd");
    }

    #[test]
    fn edits_outside_the_text_are_moved_into_it() {
        assert_eq!(edited("ab", &[((7, 0), (9, 9), "!")]), "ab!");
        assert_eq!(edited("ab", &[((0, 2), (0, 1), "")]), "a");
        assert_eq!(edited("😀", &[((0, 1), (0, 1), "x")]), "x😀");
    }
}
