//! The evaluator: expressions to values.
//!
//! [`Eval`] is what every part that evaluates is given: it forces slots, calls functions, imports
//! files, and knows the heap, the host, the store and the settings.

use store::Store;

use crate::error::Result;
use crate::heap::{Attrs, Heap, Lambda, Lazy, Slot, Symbol, Value};
use crate::known::Known;
use crate::settings::Settings;
use crate::source::{FileId, Origin, Position, SourcePath};
use crate::system::{FileType, System};

/// One evaluation in progress.
pub struct Eval<'h> {
    heap: &'h Heap,
    system: &'h dyn System,
    store: &'h dyn Store,
    settings: &'h Settings,
    /// What was found out about the store so far.
    pub(crate) known: Known<'h>,
}

/// Runs `work` on a thread whose stack holds the deepest nesting that the limits allow.
///
/// Every evaluation runs inside such a call.
///
/// # Panics
///
/// If `work` does, or no thread can be started.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    work()
}

/// A formal of a lambda that takes a set.
#[derive(Clone, Copy, Debug)]
pub struct Formal {
    /// Its name.
    pub name: Symbol,
    /// Whether it has a default.
    pub has_default: bool,
    /// Where it is written.
    pub position: Position,
}

/// What is known of a lambda without calling it.
#[derive(Clone, Debug)]
pub struct LambdaInfo {
    /// The name it is bound to, for messages.
    pub name: Option<Symbol>,
    /// The plain parameter, or the name after `@`.
    pub parameter: Option<Symbol>,
    /// The formals in the order written; `None` for a plain parameter.
    pub formals: Option<Vec<Formal>>,
    /// Whether the formals end in `...`.
    pub has_ellipsis: bool,
    /// Where the lambda is written.
    pub position: Position,
}

impl<'h> Eval<'h> {
    /// Returns an evaluation that has seen nothing yet.
    pub fn new(
        heap: &'h Heap,
        system: &'h dyn System,
        store: &'h dyn Store,
        settings: &'h Settings,
    ) -> Eval<'h> {
        Eval { heap, system, store, settings, known: Known::default() }
    }

    /// Parses `text` and evaluates it to weak head normal form.
    ///
    /// # Errors
    ///
    /// A syntax error, an undefined variable, or whatever evaluation meets.
    pub fn evaluate(&mut self, origin: Origin, text: &[u8]) -> Result<Value<'h>> {
        let _ = (origin, text);
        todo!()
    }

    /// Returns the text of a file that this evaluation has read as source.
    pub fn source_text(&self, file: FileId) -> Option<&'h [u8]> {
        let _ = file;
        todo!()
    }

    /// Returns the heap that values live in.
    #[inline(always)]
    pub fn heap(&self) -> &'h Heap {
        self.heap
    }

    /// Returns the host.
    pub fn system(&self) -> &'h dyn System {
        self.system
    }

    /// Returns the store.
    pub fn store(&self) -> &'h dyn Store {
        self.store
    }

    /// Returns the settings.
    pub fn settings(&self) -> &'h Settings {
        self.settings
    }

    /// Returns the value of `slot` in weak head normal form, and remembers it there.
    ///
    /// # Errors
    ///
    /// Whatever evaluation meets; the slot remembers that, too.
    pub fn force(&mut self, slot: &'h Slot<'h>) -> Result<Value<'h>> {
        let _ = slot;
        todo!()
    }

    /// Returns the value of `lazy`; forces the slot it refers to, or evaluates it.
    pub fn force_lazy(&mut self, lazy: Lazy<'h>) -> Result<Value<'h>> {
        let _ = lazy;
        todo!()
    }

    /// Applies `function` (anything callable, functors included) to at least one argument.
    ///
    /// Arguments beyond the function's arity are applied to its result.
    pub fn call(&mut self, function: Value<'h>, arguments: &[Lazy<'h>]) -> Result<Value<'h>> {
        let _ = (function, arguments);
        todo!()
    }

    /// Runs `work` one level deeper; native code that recurses over values calls this.
    ///
    /// # Errors
    ///
    /// When calls are nested too deeply, or the evaluation is cancelled.
    pub fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        work(self)
    }

    /// Returns what is known of a lambda without calling it.
    pub fn lambda_info(&self, lambda: Lambda<'h>) -> LambdaInfo {
        let _ = lambda;
        todo!()
    }

    /// Evaluates the file at `path` (a directory: its `default.nix`), once per evaluation.
    pub fn import(&mut self, path: &SourcePath) -> Result<Value<'h>> {
        let _ = path;
        todo!()
    }

    /// Evaluates the file at `path` with the attributes of `scope` as additional variables,
    /// every time anew.
    pub fn scoped_import(&mut self, scope: Attrs<'h>, path: &SourcePath) -> Result<Value<'h>> {
        let _ = (scope, path);
        todo!()
    }

    /// Returns the file of a position with its line and column, both from 1 (columns in bytes).
    pub fn locate(&self, position: Position) -> Option<(Origin, u32, u32)> {
        let _ = position;
        todo!()
    }

    /// Returns the contents of a file under any root, following symbolic links.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or the evaluation is restricted and may not.
    pub fn read_file(&mut self, path: &SourcePath) -> Result<Vec<u8>> {
        let _ = path;
        todo!()
    }

    /// Returns the entries of a directory under any root, sorted by name.
    pub fn read_dir(&mut self, path: &SourcePath) -> Result<Vec<(Vec<u8>, FileType)>> {
        let _ = path;
        todo!()
    }

    /// Returns what lies at `path` without following a link there, `None` if nothing does.
    pub fn file_type(&mut self, path: &SourcePath) -> Result<Option<FileType>> {
        let _ = path;
        todo!()
    }

    /// Returns `path` with all symbolic links in it followed.
    pub fn resolve_links(&mut self, path: &SourcePath) -> Result<SourcePath> {
        let _ = path;
        todo!()
    }
}
