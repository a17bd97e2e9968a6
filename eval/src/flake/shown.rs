//! What people are shown of fetched trees: the working tree that one is, or its address.
//!
//! A tree is read in the store, but a person knows it by where it came from. Only pure evaluations
//! tell: others may read the store's own paths as well. Source: CppNix, `setPathDisplay` of the
//! input schemes and `GitInputScheme::makeNotAllowedError`.

use super::fetch::Tree;
use super::lock::Flake;
use super::reference::Reference;
use crate::error::{self, EvalError};
use crate::interpret::Eval;
use crate::source::{HOST, Origin, SourcePath};

/// A fetched tree by another name than the store's.
pub(crate) struct ShownTree {
    /// The path of the store object.
    object: String,
    /// What stands for that path.
    name: String,
    /// Whether the name is that of a repository's working tree.
    is_working_tree: bool,
}

impl Eval<'_> {
    /// Takes note of what a tree is called that `reference` led to.
    pub(super) fn note_tree(&mut self, tree: &Tree, reference: &Reference, is_final: bool) {
        if !self.settings().pure {
            return;
        }
        let working_tree = reference.source_directory().filter(|_| reference.kind() == "git");
        let name = match &working_tree {
            _ if is_final => format!("«{}»", reference.show()),
            Some(directory) => directory.clone(),
            // Its files are read where they lie in the store.
            None if reference.kind() == "path" => return,
            None => format!("«{}»", tree.as_fetched(reference).show()),
        };
        let object = self.store().directory().display(&tree.path);
        let is_working_tree = working_tree.is_some() && !is_final;
        let shown = ShownTree { object, name, is_working_tree };
        let trees = &mut self.known.trees;
        match trees.iter_mut().find(|it| it.object == shown.object) {
            // Where a person can change it, it is their own.
            Some(known) if known.is_working_tree => {}
            Some(known) => *known = shown,
            None => trees.push(shown),
        }
    }

    /// Takes note that a person has named a flake: its files are their own, where they were copied
    /// from. Only errors in our own form tell.
    pub fn note_own_tree(&mut self, flake: &Flake) {
        let Some(directory) = flake.resolved.source_directory() else { return };
        if self.settings().embedded_fallback {
            let object = self.store().directory().display(&flake.tree.path);
            let path = |text: &str| SourcePath::new(HOST, text.as_bytes());
            self.known.own_tree = Some((path(&object), path(&directory)));
        }
    }

    /// Returns the file that one of the named flake's tree is a copy of.
    pub(crate) fn own_file(&self, path: &SourcePath) -> Option<SourcePath> {
        let (object, directory) = self.known.own_tree.as_ref()?;
        let rest = path.bytes.strip_prefix(&*object.bytes).filter(|_| path.root == HOST)?;
        let is_below = rest.is_empty() || rest.starts_with(b"/");
        is_below.then(|| SourcePath::new(HOST, &[&directory.bytes, rest].concat()))
    }

    /// Returns the fetched tree that a path lies in, and the path below it, with a slash in front.
    fn shown_tree<'p>(&self, path: &'p SourcePath) -> Option<(&ShownTree, &'p [u8])> {
        if path.root != HOST {
            return None;
        }
        self.known.trees.iter().find_map(|tree| {
            let rest = path.bytes.strip_prefix(tree.object.as_bytes())?;
            (rest.is_empty() || rest.starts_with(b"/")).then_some((tree, rest))
        })
    }

    /// Returns a path as a person reads it: one in a fetched tree by that tree's name.
    pub fn shown_path(&self, path: &SourcePath) -> String {
        match self.shown_tree(path) {
            Some((tree, rest)) => format!("{}{}", tree.name, String::from_utf8_lossy(rest)),
            None => path.display(),
        }
    }

    /// Returns what messages call a source, as [`Eval::shown_path`].
    pub fn shown_origin(&self, origin: &Origin) -> String {
        match origin {
            Origin::File(path) => self.shown_path(path),
            Origin::String(_) | Origin::Stdin(_) => origin.display(),
        }
    }

    /// Whether a path lies in a repository whose working tree the person may change.
    pub(crate) fn is_in_working_tree(&self, path: &SourcePath) -> bool {
        self.shown_tree(path).is_some_and(|(tree, _)| tree.is_working_tree)
    }

    /// Returns the error of a path where nothing is.
    #[cold]
    pub(crate) fn missing_path(&self, path: &SourcePath) -> Box<EvalError> {
        let Some((tree, rest)) = self.shown_tree(path).filter(|(tree, _)| tree.is_working_tree)
        else {
            return error::io(format!("path '{}' does not exist", self.shown_path(path)));
        };
        let rest = String::from_utf8_lossy(rest);
        untracked(self, &tree.name, rest.trim_start_matches('/'))
    }
}

/// Returns the error of a file that is not part of a repository: it may lie there all the same.
#[cold]
pub(super) fn untracked(eval: &Eval<'_>, root: &str, name: &str) -> Box<EvalError> {
    let is_there = eval.system().file_type(format!("{root}/{name}").as_bytes()).is_ok();
    error::io(if is_there {
        format!(
            "Path '{name}' in the repository \"{root}\" is not tracked by Git.\n\nTo make it \
             visible to Nix, run:\n\ngit -C \"{root}\" add \"{name}\""
        )
    } else {
        format!("Path '{name}' does not exist in Git repository \"{root}\".")
    })
}
