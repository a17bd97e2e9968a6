//! What one evaluation has found out about the store, so that it asks once.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use store::StorePath;
use store::derivation::modulo::HashModulo;

use crate::access::Access;
use crate::builtins::regex::Compiled;
use crate::context::Element;
use crate::flake::ShownTree;
use crate::flake::registry::{Entry, Registry};
use crate::heap::{ContextElement, Str, Value};
use crate::source::SourcePath;
use crate::system::FileType;

/// The findings of one evaluation; [`crate::interpret::Eval`] has one.
#[derive(Default)]
pub(crate) struct Known<'h> {
    /// What may be looked at, if not everything.
    pub(crate) access: Access,
    /// Paths that were copied to the store (or would be): their store paths, as strings.
    pub(crate) copied: FxHashMap<SourcePath, Str<'h>>,
    /// The hashes of derivations that output paths of others follow from.
    pub(crate) modulo: FxHashMap<StorePath, HashModulo>,
    /// What the elements of contexts that derivations had stand for.
    pub(crate) elements: FxHashMap<ContextElement, Element>,
    /// What lies at the paths of the host that were looked at.
    pub(crate) file_types: FxHashMap<SourcePath, Option<FileType>>,
    /// The entries of search paths that were looked at, and what they name.
    pub(crate) search_path: FxHashMap<Vec<u8>, Option<SourcePath>>,
    /// What the command line says that names of flakes stand for.
    pub(crate) flag_registry: Vec<Entry>,
    /// The other registries, once they were read.
    pub(crate) registries: Option<Rc<Vec<Registry>>>,
    /// The module system that was selected from last, if any: a set with `options` and `config`.
    pub(crate) module_system: Option<Value<'h>>,
    /// The tree of the flake that was named on the command line: where it lies in the store, and
    /// the directory that it is a copy of.
    pub(crate) own_tree: Option<(SourcePath, SourcePath)>,
    /// What fetched trees are called.
    pub(crate) trees: Vec<ShownTree>,
    /// The regular expressions that were used.
    pub(crate) regexes: Compiled,
}
