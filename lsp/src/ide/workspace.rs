//! All files of the open folders: their texts and their symbols.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use eval::db::{Db, File};
use eval::source::SourcePath;
use eval::system::System;
use syntax::{LineIndex, TextRange};

use super::document_symbols::{self, SymbolKind};
use super::file_index::{Facts, FileIndex};
use super::parsed::ParsedFile;
use super::{Knowledge, NavigationTarget};

/// How many symbols one query finds.
const SYMBOLS_MAX: usize = 2000;

/// A symbol somewhere in the open folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceSymbol {
    /// Its name.
    pub name: String,
    /// The names around it, joined by dots.
    pub container: String,
    /// What it is bound to.
    pub kind: SymbolKind,
    /// Where it is.
    pub place: NavigationTarget,
}

/// A file of the open folders, whose text is read when somebody first looks at it.
pub(super) struct Source<'a> {
    /// Its path.
    pub(super) path: SourcePath,
    /// It in the database, if it is open.
    pub(super) file: Option<File>,
    /// What is known of its text on disk.
    pub(super) facts: Option<Arc<Facts>>,
    text: OnceCell<Arc<[u8]>>,
    system: Option<&'a dyn System>,
    index: Option<&'a FileIndex>,
}

impl Source<'_> {
    /// Returns an open file.
    pub(super) fn open(db: &dyn Db, file: File) -> Source<'_> {
        let text = OnceCell::from(Arc::clone(file.text(db)));
        Source {
            path: file.path(db).clone(),
            file: Some(file),
            facts: None,
            text,
            system: None,
            index: None,
        }
    }

    /// Returns its text; nothing of a file that is gone.
    pub(super) fn text(&self) -> &[u8] {
        self.text_cell()
    }

    fn text_cell(&self) -> &Arc<[u8]> {
        self.text.get_or_init(|| {
            let text = self.system.and_then(|system| match self.index {
                Some(index) => index.parsed.text(system, &self.path.bytes),
                None => system.read_file(&self.path.bytes).ok().map(Into::into),
            });
            text.unwrap_or_default()
        })
    }

    /// Returns it parsed; what is made of a file on the disk is kept for the next question.
    pub(super) fn parsed(&self) -> Arc<ParsedFile> {
        let kept = self.index.zip(self.system);
        let kept = kept.and_then(|(index, system)| index.parsed.get(system, &self.path.bytes));
        kept.unwrap_or_else(|| Arc::new(ParsedFile::new(Arc::clone(self.text_cell()))))
    }

    /// Whether the text may hold a name.
    pub(super) fn may_hold(&self, name: &str) -> bool {
        match &self.facts {
            Some(facts) => facts.may_hold(name),
            None => memchr::memmem::find(self.text(), name.as_bytes()).is_some(),
        }
    }
}

/// Returns all files in the open folders, as the editor has them where they are open.
pub(super) fn sources<'a>(db: &'a dyn Db, knowledge: Knowledge<'a>) -> Vec<Source<'a>> {
    let mut sources: Vec<Source<'a>> =
        knowledge.files.iter().map(|file| Source::open(db, *file)).collect();
    let known: BTreeSet<SourcePath> = sources.iter().map(|it| it.path.clone()).collect();
    let Some(system) = knowledge.system else { return sources };
    let own = FileIndex::default();
    let index = knowledge.index.unwrap_or(&own);
    for listed in index.all(system, knowledge.folders).iter() {
        if !known.contains(&listed.path) {
            sources.push(Source {
                path: listed.path.clone(),
                file: None,
                facts: Some(Arc::clone(&listed.facts)),
                text: OnceCell::new(),
                system: Some(system),
                index: knowledge.index,
            });
        }
    }
    sources
}

/// Shows the texts of all files in the open folders, one after another.
pub fn each_text(db: &dyn Db, knowledge: Knowledge<'_>, mut show: impl FnMut(&SourcePath, &[u8])) {
    for source in sources(db, knowledge) {
        show(&source.path, source.text());
    }
}

/// Returns the symbols whose names contain the letters of `query` in their order.
pub fn symbols(db: &dyn Db, knowledge: Knowledge<'_>, query: &str) -> Vec<WorkspaceSymbol> {
    let mut found = Vec::new();
    for source in sources(db, knowledge) {
        if let Some(facts) = &source.facts
            && !facts.names(|| source.text().to_vec()).lines().any(|it| matches(it, query))
        {
            continue;
        }
        let (path, text) = (&source.path, source.text());
        let lines = LineIndex::new(text);
        let mut stack: Vec<(String, document_symbols::DocumentSymbol)> =
            document_symbols::of_text(text)
                .into_iter()
                .rev()
                .map(|it| (String::new(), it))
                .collect();
        while let Some((container, symbol)) = stack.pop() {
            if found.len() >= SYMBOLS_MAX {
                return found;
            }
            let inner = match container.as_str() {
                "" => symbol.name.clone(),
                container => format!("{container}.{}", symbol.name),
            };
            let children = symbol.children.into_iter().rev();
            stack.extend(children.map(|child| (inner.clone(), child)));
            if matches(&symbol.name, query) {
                let place = place(path, &lines, symbol.name_range);
                let (name, kind) = (symbol.name, symbol.kind);
                found.push(WorkspaceSymbol { name, container, kind, place });
            }
        }
    }
    found
}

fn matches(name: &str, query: &str) -> bool {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    query.chars().flat_map(char::to_lowercase).all(|wanted| letters.any(|it| it == wanted))
}

/// Returns the place of a range in a file as a target.
pub(super) fn place(path: &SourcePath, lines: &LineIndex, range: TextRange) -> NavigationTarget {
    let line = lines.line(range.start());
    let column = u32::from(range.start() - lines.line_range(line).start());
    NavigationTarget::File { path: path.clone(), line: Some(line + 1), column: Some(column + 1) }
}
