//! The files of the open folders, each parsed when somebody first looks at it.

use std::cell::OnceCell;
use std::sync::Arc;

use eval::db::{Db, File, PARSE_OPTIONS};
use eval::scope::{self, Scopes};
use eval::source::SourcePath;
use syntax::{FlatNode, FlatTree};

use super::cursor::Part;
use super::option_sites::{self, OptionBinding};
use super::scene::Scene;
use super::{Knowledge, flow, root, workspace};

/// All files that a question about more than one file looks at.
pub(super) struct Project<'a> {
    pub(super) knowledge: Knowledge<'a>,
    texts: Vec<(SourcePath, Arc<[u8]>)>,
}

/// The texts of a project with what has been made of them.
pub(super) struct Files<'p> {
    pub(super) knowledge: Knowledge<'p>,
    pub(super) all: Vec<ProjectFile<'p>>,
    declared: OnceCell<Vec<Vec<Part>>>,
}

/// One file of a project.
pub(super) struct ProjectFile<'p> {
    /// Its path.
    pub(super) path: &'p SourcePath,
    /// Its text.
    pub(super) text: &'p [u8],
    parsed: OnceCell<(FlatTree<'p>, Scopes)>,
    is_module: OnceCell<bool>,
    bindings: OnceCell<Vec<OptionBinding>>,
    literals: OnceCell<Vec<(u32, Vec<u8>)>>,
}

impl<'a> Project<'a> {
    /// Reads the files of the open folders and `file`, as the editor has them where they are open.
    pub(super) fn new(db: &dyn Db, knowledge: Knowledge<'a>, file: File) -> Project<'a> {
        let mut texts = workspace::texts(db, knowledge);
        if texts.iter().all(|(path, _)| path != file.path(db)) {
            texts.insert(0, (file.path(db).clone(), Arc::clone(file.text(db))));
        }
        texts.sort_by(|a, b| a.0.bytes.cmp(&b.0.bytes));
        Project { knowledge, texts }
    }

    /// Returns the files, none of them parsed yet.
    pub(super) fn files(&self) -> Files<'_> {
        let all = self.texts.iter().map(|(path, text)| ProjectFile {
            path,
            text,
            parsed: OnceCell::new(),
            is_module: OnceCell::new(),
            bindings: OnceCell::new(),
            literals: OnceCell::new(),
        });
        Files { knowledge: self.knowledge, all: all.collect(), declared: OnceCell::new() }
    }
}

impl Files<'_> {
    /// Returns the index of a file.
    pub(super) fn index_of(&self, path: &SourcePath) -> Option<usize> {
        self.all.iter().position(|it| it.path == path)
    }

    /// Returns the bindings of the modules in a file.
    pub(super) fn bindings_of<'s>(&'s self, file: &'s ProjectFile<'_>) -> &'s [OptionBinding] {
        file.bindings.get_or_init(|| option_sites::bindings(self, file))
    }

    /// Returns the path literals of a file by their node, with the files that they lead to.
    pub(super) fn literals_of<'s>(&'s self, file: &'s ProjectFile<'_>) -> &'s [(u32, Vec<u8>)] {
        file.literals.get_or_init(|| flow::path_literals(self, file))
    }

    /// Whether a path is that of an option, or leads to one.
    pub(super) fn is_option(&self, path: &[Part]) -> bool {
        let components: Vec<_> = path.iter().map(Part::component).collect();
        let is_known = self.knowledge.options.is_some_and(|it| it.lookup(&components).is_some());
        is_known || self.declared().iter().any(|it| it.starts_with(path))
    }

    /// Returns the paths of the options that the project's own files declare.
    pub(super) fn declared(&self) -> &[Vec<Part>] {
        self.declared.get_or_init(|| {
            let files = self.with_word("options").into_iter().filter_map(|at| self.all.get(at));
            let bindings = files.flat_map(|file| self.bindings_of(file));
            bindings.filter(|it| it.is_declared).map(|it| it.names.clone()).collect()
        })
    }

    /// Returns the indices of the files whose text holds a word.
    pub(super) fn with_word(&self, word: &str) -> Vec<usize> {
        let finder = memchr::memmem::Finder::new(word);
        let holds = |text: &[u8]| finder.find(text).is_some();
        (0..self.all.len())
            .filter(|&at| self.all.get(at).is_some_and(|it| holds(it.text)))
            .collect()
    }
}

impl<'p> ProjectFile<'p> {
    fn parsed(&self) -> &(FlatTree<'p>, Scopes) {
        self.parsed.get_or_init(|| {
            let (tree, _) = syntax::parse_flat(self.text, PARSE_OPTIONS);
            let scopes = scope::scopes(&tree);
            (tree, scopes)
        })
    }

    /// Returns the file's tree.
    pub(super) fn tree(&self) -> &FlatTree<'p> {
        &self.parsed().0
    }

    /// Returns a scene of the file, with all steps still to take.
    pub(super) fn scene<'s>(&'s self, knowledge: Knowledge<'s>) -> Scene<'s> {
        let (tree, scopes) = self.parsed();
        Scene::new(knowledge, tree, scopes, self.path)
    }

    /// Whether the file reads as a module.
    pub(super) fn is_module(&self) -> bool {
        *self.is_module.get_or_init(|| root::is_module(self.text))
    }

    /// Returns the node around another one.
    pub(super) fn parent<'s>(&'s self, node: FlatNode<'s>) -> Option<FlatNode<'s>> {
        let mut found = self.tree().root();
        while found != node {
            let inner = found.children().take_while(|it| it.index() <= node.index()).last()?;
            if inner == node {
                return Some(found);
            }
            found = inner;
        }
        None
    }
}
