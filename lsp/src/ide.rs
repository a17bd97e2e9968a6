//! What the editor can ask: pure functions from the database and a position to plain data.
//!
//! One file per feature; each starts at [`cursor`], which says what is under the cursor. Offsets
//! are UTF-8 bytes. Every answer is total on broken code: at worst it is empty.

pub mod call_hierarchy;
pub mod code_lens;
pub mod completion;
pub mod cursor;
pub mod diagnostics;
pub mod document_symbols;
mod effective;
pub mod evaluated;
pub mod file_index;
pub mod file_rename;
mod flake;
mod flow;
pub mod folding;
mod git_index;
pub mod goto_definition;
pub mod goto_implementation;
pub mod hover;
pub mod inlay_hints;
pub mod links;
mod markdown;
mod option_sites;
mod parsed;
mod project;
pub mod references;
pub mod rename;
pub mod role;
pub mod root;
mod scene;
pub mod selection;
pub mod semantic_tokens;
pub mod signature_help;
mod surroundings;
mod symbol;
pub mod workspace;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use eval::db::File;
use eval::inspect::{Inspected, Lookup};
use eval::option_tree::OptionTree;
use eval::source::SourcePath;
use eval::system::System;
use syntax::TextRange;

/// What is known beside the files themselves.
#[derive(Clone, Copy, Default)]
pub struct Knowledge<'a> {
    /// The options that the file defines, once they are known.
    pub options: Option<&'a OptionTree>,
    /// How the file takes part in the evaluation of a module system; `None` if it is no module.
    pub role: Option<&'a role::Role>,
    /// The host, for what lies where a path points.
    pub system: Option<&'a dyn System>,
    /// The values of names in the package set and the library.
    pub values: Option<&'a dyn Values>,
    /// The files that are open.
    pub files: &'a [File],
    /// The folders that are open, as paths of the host.
    pub folders: &'a [Vec<u8>],
    /// What is kept of the files in them between questions.
    pub index: Option<&'a file_index::FileIndex>,
}

impl Knowledge<'_> {
    /// Returns a file of the host, parsed.
    fn parsed(self, path: &[u8]) -> Option<Arc<parsed::ParsedFile>> {
        let system = self.system?;
        match self.index {
            Some(index) => index.parsed.get(system, path),
            None => Some(Arc::new(parsed::ParsedFile::new(system.read_file(path).ok()?.into()))),
        }
    }

    /// Whether a text that is asked about again and again is known to have no syntax error.
    fn is_sound(self, text: &[u8]) -> bool {
        self.index.is_some_and(|index| index.parsed.is_sound(text))
    }
}

/// What evaluations have found so far of the package set and the library.
pub trait Values {
    /// Returns what lies at a path; `None` if nobody has looked there yet, which the implementation
    /// may take as a wish.
    fn get(&self, lookup: &Lookup) -> Option<Arc<Inspected>>;

    /// Returns it if somebody has looked; the answer does not wait for it.
    fn wish(&self, lookup: &Lookup) -> Option<Arc<Inspected>> {
        self.get(lookup)
    }
}

/// A place to go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NavigationTarget {
    /// A range in the same file.
    Here(TextRange),
    /// A range in another file of the host.
    There(SourcePath, TextRange),
    /// A file, with a line and a column from 1 where they are known.
    File {
        /// Its path.
        path: SourcePath,
        /// The line, from 1.
        line: Option<u32>,
        /// The column, from 1, in bytes.
        column: Option<u32>,
    },
}
