//! From a text to its expression: parsed and lowered, or taken over from a compiled file.

use std::cell::Cell;

use syntax::{Buffers, FlatTree, SyntaxError};

use super::{Eval, file};
use crate::compiled;
use crate::error::{self, Result};
use crate::heap::Symbol;
use crate::ir::{Id, NO_ID, Node};
use crate::lower::{self, Lowered};
use crate::settings::LiteralLints;
use crate::source::{FileId, Origin, SourcePath};

/// How a text becomes a tree.
type Parse =
    for<'t> fn(&'t [u8], syntax::Options, &mut Buffers) -> (FlatTree<'t>, Vec<SyntaxError>);

impl<'h> Eval<'h> {
    /// Parses and lowers a text; its variables are those of `scope`, then the global ones.
    pub(super) fn load(&mut self, origin: Origin, text: Vec<u8>, scope: &[Symbol]) -> Result<Id> {
        self.load_parsed(origin, text, scope, syntax::parse_flat_in)
    }

    /// As [`Eval::load`], of a text that `parse` understands.
    pub(super) fn load_parsed(
        &mut self,
        origin: Origin,
        text: Vec<u8>,
        scope: &[Symbol],
        parse: Parse,
    ) -> Result<Id> {
        self.check_code_room(text.len())?;
        let _stays = self.heap.permanently();
        let (file, text) = self.code.begin_file(self.heap, origin.clone(), text);
        let directory = match &origin {
            Origin::File(path) => file::parent(path),
            Origin::String(directory) | Origin::Stdin(directory) => directory.clone(),
        };
        let lowered = self.lowered(&origin, file, text, &directory, scope, parse)?;
        self.code.finish_file(lowered.root);
        Ok(lowered.root)
    }

    /// Returns the expression of a file: from its compiled form if there is one, else parsed and
    /// lowered, and then compiled for the next time.
    pub(super) fn load_file(&mut self, path: &SourcePath, text: Vec<u8>) -> Result<Id> {
        let origin = Origin::File(path.clone());
        // What a lint has to say, it says each time.
        let is_silent = self.settings.literal_lints == LiteralLints::default();
        if !is_silent || !self.system.keeps_compiled() || self.code.is_observed.get() {
            return self.load(origin, text, &[]);
        }
        self.check_code_room(text.len())?;
        let key = compiled::key(&text, self.settings);
        let _stays = self.heap.permanently();
        let (file, text) = self.code.begin_file(self.heap, origin.clone(), text);
        let directory = file::parent(path);
        if let Some(bytes) = self.system.compiled(&key) {
            self.check_code_room(bytes.len())?;
            let bytes = self.heap.keep(bytes);
            if let Some(root) = compiled::load(self.heap, self.code, bytes, &key, file, &directory)
            {
                self.code.finish_file(root);
                return Ok(root);
            }
        }
        let Lowered { root, names, is_quiet } =
            self.lowered(&origin, file, text, &directory, &[], syntax::parse_flat_in)?;
        self.code.finish_file(root);
        if is_quiet
            && let Some(bytes) = compiled::write(self.code, root, &names, text, &directory, &key)
        {
            self.system.keep_compiled(&key, bytes);
        }
        Ok(root)
    }

    fn check_code_room(&self, size: usize) -> Result<()> {
        if self.code.has_room(size) {
            return Ok(());
        }
        Err(error::limit("too much code for one evaluation"))
    }

    fn lowered(
        &mut self,
        origin: &Origin,
        file: FileId,
        text: &'h [u8],
        directory: &SourcePath,
        scope: &[Symbol],
        parse: Parse,
    ) -> Result<Lowered> {
        let options = syntax::Options {
            pipe_operators: self.settings.has_feature("pipe-operators"),
            ..syntax::Options::DEFAULT
        };
        let (tree, errors) = parse(text, options, &mut self.buffers);
        if !errors.is_empty() {
            return Err(crate::syntax_error::convert(&errors, text, origin, file));
        }
        self.tell_of_literals(&tree, origin, file)?;
        let home = if self.settings.pure { None } else { self.system.env(b"HOME") };
        let has_or = Cell::new(false);
        let lowered = lower::lower(
            &tree,
            &lower::Surroundings {
                heap: self.heap,
                code: self.code,
                settings: self.settings,
                file,
                directory,
                home: home.as_deref(),
                scope,
                has_or: &has_or,
            },
        );
        if has_or.get() {
            self.tell_of_or(&tree, origin);
        }
        tree.give_back(&mut self.buffers);
        lowered
    }

    /// Returns the node of a value that was left for later; `id` stands for it.
    #[inline]
    pub(super) fn deferred(&self, id: Id, deferred: compiled::Deferred) -> Result<Id> {
        match self.code.read.get(deferred.place).id() {
            NO_ID => self.read_deferred(id, deferred),
            id => Ok(id),
        }
    }

    #[cold]
    #[inline(never)]
    fn read_deferred(&self, id: Id, deferred: compiled::Deferred) -> Result<Id> {
        let _stays = self.heap.permanently();
        let unit = *self.code.units.get(deferred.unit);
        self.check_code_room(unit.size())?;
        let offset = *self.code.offsets.get(id);
        match compiled::read_deferred(self.heap, self.code, unit, deferred, offset) {
            Some(read) => Ok(read),
            None => Err(error::other("a compiled file is damaged").at(self.code.position(id))),
        }
    }

    /// Returns a node as it is once it has been read.
    #[cold]
    pub(super) fn node(&self, id: Id) -> Node {
        match *self.code.nodes.get(id) {
            Node::Deferred(deferred) => match self.deferred(id, deferred) {
                Ok(id) => *self.code.nodes.get(id),
                Err(_) => Node::Deferred(deferred),
            },
            Node::Observe(id) => *self.code.nodes.get(id),
            node => node,
        }
    }
}
