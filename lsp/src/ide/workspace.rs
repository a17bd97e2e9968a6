//! All files of the open folders: their texts and their symbols.

use std::collections::BTreeSet;
use std::sync::Arc;

use eval::db::Db;
use eval::source::{HOST, SourcePath};
use eval::system::{FileType, System};
use syntax::{LineIndex, TextRange};

use super::document_symbols::{self, SymbolKind};
use super::{Knowledge, NavigationTarget};

/// How many files are read; beyond these a folder is no project of one's own.
const FILES_MAX: usize = 2000;
/// How many directories are listed.
const DIRECTORIES_MAX: usize = 4000;
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

/// Returns the texts of all files in the open folders, as the editor has them where they are open.
pub fn texts(db: &dyn Db, knowledge: Knowledge<'_>) -> Vec<(SourcePath, Arc<[u8]>)> {
    let open =
        knowledge.files.iter().map(|file| (file.path(db).clone(), Arc::clone(file.text(db))));
    let mut texts: Vec<(SourcePath, Arc<[u8]>)> = open.collect();
    let known: BTreeSet<SourcePath> = texts.iter().map(|(path, _)| path.clone()).collect();
    let Some(system) = knowledge.system else { return texts };
    for path in nix_files(system, knowledge.folders) {
        let path = SourcePath::new(HOST, &path);
        if known.contains(&path) {
            continue;
        }
        if let Ok(text) = system.read_file(&path.bytes) {
            texts.push((path, text.into()));
        }
    }
    texts
}

fn nix_files(system: &dyn System, folders: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    let mut directories = folders.to_vec();
    let mut listed = 0;
    while let Some(directory) = directories.pop() {
        listed += 1;
        if listed > DIRECTORIES_MAX || files.len() >= FILES_MAX {
            break;
        }
        let mut entries = system.read_dir(&directory).unwrap_or_default();
        entries.sort();
        for (name, kind) in entries {
            let path = [&directory, &b"/"[..], &name].concat();
            match kind {
                FileType::Directory if !name.starts_with(b".") => directories.push(path),
                FileType::Regular { .. } if name.ends_with(b".nix") => files.push(path),
                _ => {}
            }
        }
    }
    files
}

/// Returns the symbols whose names contain the letters of `query` in their order.
pub fn symbols(db: &dyn Db, knowledge: Knowledge<'_>, query: &str) -> Vec<WorkspaceSymbol> {
    let mut found = Vec::new();
    for (path, text) in texts(db, knowledge) {
        let lines = LineIndex::new(&text);
        let mut stack: Vec<(String, document_symbols::DocumentSymbol)> =
            document_symbols::of_text(&text)
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
                let place = place(&path, &lines, symbol.name_range);
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
