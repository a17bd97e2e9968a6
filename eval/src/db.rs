//! The incremental database: what the editor and `nivis check` ask about files.
//!
//! | query | key | reads | runs again when |
//! |---|---|---|---|
//! | [`line_index`] | file | text | the text changes |
//! | [`parse`] | file | text | the text changes; it makes the new tree from the old one |
//! | [`scopes`] | file | `parse` | the text changes |
//! | [`diagnostics`] | file | `parse`, `scopes` | the text changes |
//!
//! Queries sit at files, are pure and return plain data; nothing lazy enters the database. An
//! evaluation is not a query: what leaves one (an option tree, a printed value) is kept by its
//! owner beside the database, together with the revision of the sources it froze.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use syntax::{FlatParse, FlatTree, LineIndex, Options};

use crate::diagnostic::{Diagnostic, Severity};
use crate::lint;
use crate::scope::{self, Scopes};

/// What every query is given.
#[salsa::db]
pub trait Db: salsa::Database {
    /// Returns the parses of the texts that files had before.
    fn parses(&self) -> &Parses;
}

/// The last parse of each file. A new text is parsed from it where that is less work; as that
/// gives what parsing the text anew would give, no answer depends on what is kept here.
#[derive(Clone, Default)]
pub struct Parses(Arc<Mutex<FxHashMap<File, Arc<FlatParse>>>>);

impl Parses {
    fn parse(&self, file: File, text: &Arc<[u8]>) -> Arc<FlatParse> {
        let old = self.lock().get(&file).cloned();
        let new = match old {
            Some(old) => old.edited(Arc::clone(text)),
            None => FlatParse::new(Arc::clone(text), PARSE_OPTIONS),
        };
        let new = Arc::new(new);
        self.lock().insert(file, Arc::clone(&new));
        new
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FxHashMap<File, Arc<FlatParse>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub use input::File;

#[allow(missing_docs, reason = "salsa makes functions that cannot carry documentation")]
mod input {
    use std::sync::Arc;

    use crate::source::SourcePath;

    /// A file as the editor (or the host) has it.
    #[salsa::input]
    pub struct File {
        /// Where it lies.
        #[returns(ref)]
        pub path: SourcePath,
        /// Its bytes.
        #[returns(ref)]
        pub text: Arc<[u8]>,
    }
}

/// The database of one session.
#[salsa::db]
#[derive(Clone, Default)]
pub struct Database {
    storage: salsa::Storage<Database>,
    parses: Parses,
}

#[salsa::db]
impl salsa::Database for Database {}

#[salsa::db]
impl Db for Database {
    fn parses(&self) -> &Parses {
        &self.parses
    }
}

impl Database {
    /// Returns an empty database that reports each query it runs to `log`, for tests.
    pub fn with_log(log: impl Fn(String) + Send + Sync + 'static) -> Database {
        let callback = move |event: salsa::Event| {
            if let salsa::EventKind::WillExecute { database_key } = event.kind {
                log(format!("{database_key:?}"));
            }
        };
        Database {
            storage: salsa::Storage::new(Some(Box::new(callback))),
            parses: Parses::default(),
        }
    }
}

/// Changes the text of a file; queries that run on other threads are cancelled first.
pub fn set_text(db: &mut Database, file: File, text: Arc<[u8]>) {
    use salsa::Setter as _;
    file.set_text(db).to(text);
}

/// Empties a file that nobody looks at any more, and drops all that was made of its text.
pub fn release(db: &mut Database, file: File) {
    set_text(db, file, Arc::default());
    // An answer is kept until the next one takes its place.
    line_index(db, file);
    diagnostics(db, file);
    scopes(db, file);
}

/// Runs `work`; `None` if a change of the database cancelled it.
pub fn unless_cancelled<T>(work: impl FnOnce() -> T) -> Option<T> {
    salsa::Cancelled::catch(std::panic::AssertUnwindSafe(work)).ok()
}

/// Every file is parsed with all syntax on: an editor does not know the command line's features.
pub const PARSE_OPTIONS: Options = Options { pipe_operators: true, ..Options::DEFAULT };

/// Returns where the lines of a file begin.
///
/// # Invalidation
///
/// Runs again when the text changes.
#[salsa::tracked(returns(ref))]
pub fn line_index(db: &dyn Db, file: File) -> LineIndex {
    LineIndex::new(file.text(db))
}

/// Returns the tree of a file, and all that is wrong with its text.
///
/// # Invalidation
///
/// Runs again when the text changes; what the change leaves alone is taken from the tree before.
#[salsa::tracked(returns(ref), no_eq)]
pub fn parse(db: &dyn Db, file: File) -> Arc<FlatParse> {
    db.parses().parse(file, file.text(db))
}

/// Returns the tree of a file: [`parse`], without what is wrong.
pub fn tree(db: &dyn Db, file: File) -> &FlatTree<'static> {
    parse(db, file).tree()
}

/// Returns the names of a file.
///
/// # Invalidation
///
/// Runs again when the text changes.
#[salsa::tracked(returns(ref))]
pub fn scopes(db: &dyn Db, file: File) -> Scopes {
    scope::scopes(tree(db, file))
}

/// Returns what there is to say about a file by its text alone: syntax errors and lints.
///
/// Lints wait until the syntax is right: around an error they would mostly be noise.
///
/// # Invalidation
///
/// Runs again when the text changes; its result stays when nothing in it does.
#[salsa::tracked(returns(ref))]
pub fn diagnostics(db: &dyn Db, file: File) -> Vec<Diagnostic> {
    let errors = parse(db, file).errors();
    if errors.is_empty() {
        return lint::check(tree(db, file), scopes(db, file));
    }
    of_syntax(errors)
}

/// Returns what [`diagnostics`] says about a text that is no file of the database.
pub fn diagnostics_of_text(text: &[u8]) -> Vec<Diagnostic> {
    let (tree, errors) = syntax::parse_flat(text, PARSE_OPTIONS);
    if errors.is_empty() {
        return lint::check(&tree, &scope::scopes(&tree));
    }
    of_syntax(&errors)
}

fn of_syntax(errors: &[syntax::SyntaxError]) -> Vec<Diagnostic> {
    errors.iter().take(SYNTAX_ERRORS_MAX).map(syntax_diagnostic).collect()
}

/// How many syntax errors of one file are told: beyond these they follow from each other.
const SYNTAX_ERRORS_MAX: usize = 100;

fn syntax_diagnostic(error: &syntax::SyntaxError) -> Diagnostic {
    Diagnostic {
        code: "syntax-error",
        severity: Severity::Error,
        range: error.range,
        message: error.message.clone(),
        hint: error.hint.clone(),
        is_unnecessary: false,
        related: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
