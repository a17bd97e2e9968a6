//! The files of the open folders, each read and parsed when somebody first looks at it.

use std::cell::OnceCell;
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eval::db::{self, Db, File};
use eval::module_bindings::reads_as_module;
use eval::scope::Scopes;
use eval::source::SourcePath;
use eval::system::{FileType, System};
use rustc_hash::FxHasher;
use syntax::{FlatNode, FlatTree};

use super::cursor::Part;
use super::file_index::Modules;
use super::option_sites::{self, OptionBinding};
use super::parsed::ParsedFile;
use super::scene::Scene;
use super::workspace::{self, Source};
use super::{Knowledge, flow};

/// All files that a question about more than one file looks at.
pub(super) struct Project<'a> {
    pub(super) knowledge: Knowledge<'a>,
    db: &'a dyn Db,
    sources: Vec<Source<'a>>,
}

/// The texts of a project with what has been made of them.
pub(super) struct Files<'p> {
    pub(super) knowledge: Knowledge<'p>,
    pub(super) all: Vec<ProjectFile<'p>>,
}

/// One file of a project.
pub(super) struct ProjectFile<'p> {
    /// Its path.
    pub(super) path: &'p SourcePath,
    db: &'p dyn Db,
    source: &'p Source<'p>,
    /// Whether what is made of its text is kept for other questions.
    is_kept: bool,
    parsed: OnceCell<Arc<ParsedFile>>,
    is_module: OnceCell<bool>,
    bindings: OnceCell<Vec<OptionBinding>>,
    literals: OnceCell<Vec<(u32, Vec<u8>)>>,
    modules: OnceCell<Modules>,
}

impl<'a> Project<'a> {
    /// Takes the files of the open folders and `file`, as the editor has them where they are open.
    pub(super) fn new(db: &'a dyn Db, knowledge: Knowledge<'a>, file: File) -> Project<'a> {
        let mut sources = workspace::sources(db, knowledge);
        if sources.iter().all(|it| it.path != *file.path(db)) {
            sources.insert(0, Source::open(db, file));
        }
        sources.sort_by(|a, b| a.path.bytes.cmp(&b.path.bytes));
        Project { knowledge, db, sources }
    }

    /// Returns the files, none of them parsed yet.
    pub(super) fn files(&self) -> Files<'_> {
        let all = self.sources.iter().map(|source| ProjectFile::new(self.db, source));
        Files { knowledge: self.knowledge, all: all.collect() }
    }
}

impl<'p> Files<'p> {
    /// Returns the index of a file.
    pub(super) fn index_of(&self, path: &SourcePath) -> Option<usize> {
        self.all.iter().position(|it| it.path == path)
    }

    /// Returns the bindings of the modules in a file.
    pub(super) fn bindings_of<'s>(&'s self, file: &'s ProjectFile<'_>) -> &'s [OptionBinding] {
        file.bindings.get_or_init(|| option_sites::bindings(self.knowledge, file))
    }

    /// Returns the path literals of a file by their node, with the files that they lead to.
    pub(super) fn literals_of<'s>(&'s self, file: &'s ProjectFile<'_>) -> &'s [(u32, Vec<u8>)] {
        file.literals.get_or_init(|| flow::path_literals(self, file))
    }

    /// Whether a path is that of an option, or leads to one.
    pub(super) fn is_option(&self, path: &[Part]) -> bool {
        let components: Vec<_> = path.iter().map(Part::component).collect();
        let is_known = self.knowledge.options.is_some_and(|it| it.lookup(&components).is_some());
        let wanted = path_hash(path);
        let declares = |at: usize| self.all.get(at).is_some_and(|file| self.declares(file, wanted));
        is_known || self.with_word("options").into_iter().any(declares)
    }

    /// Whether a file declares the option whose path has this hash, or one below it.
    fn declares(&self, file: &ProjectFile<'_>, wanted: u64) -> bool {
        self.modules_of(file).declared.binary_search(&wanted).is_ok()
    }

    /// Returns what the modules in a file say. What is kept of that is right while no other file
    /// has a say in it.
    fn modules_of<'s>(&self, file: &'s ProjectFile<'_>) -> &'s Modules {
        let find = || modules(self.knowledge, file);
        let kept = file.source.facts.as_ref().map(|it| it.modules.get_or_init(find));
        kept.filter(|it| it.is_alone).unwrap_or_else(|| file.modules.get_or_init(find))
    }

    /// Returns the files that may bind an option: those that hold all its names, and those whose
    /// modules are partly written in others.
    pub(super) fn binding_option(&self, option: &[Part]) -> Vec<&ProjectFile<'p>> {
        let names: Vec<&str> = option.iter().filter_map(Part::name).collect();
        let may_bind = |file: &&ProjectFile<'p>| {
            let source = file.source;
            let may_import = || ["import", "callPackage"].iter().any(|it| source.may_hold(it));
            names.iter().all(|it| source.may_hold(it))
                || may_import() && !self.modules_of(file).is_alone
        };
        self.all.iter().filter(may_bind).collect()
    }

    /// Returns the indices of the files whose text may hold a name.
    pub(super) fn with_word(&self, word: &str) -> Vec<usize> {
        let may_hold = |file: &ProjectFile<'_>| file.source.may_hold(word);
        (0..self.all.len()).filter(|&at| self.all.get(at).is_some_and(may_hold)).collect()
    }
}

/// Finds what the modules in a file say.
fn modules(knowledge: Knowledge<'_>, file: &ProjectFile<'_>) -> Modules {
    let watch = knowledge.system.map(|inner| Watch { inner, has_looked: AtomicBool::new(false) });
    let system = watch.as_ref().map(|it| it as &dyn System);
    // What is written does not follow from what evaluations find.
    let knowledge = Knowledge { system, options: None, values: None, role: None, ..knowledge };
    // Most files are looked at this once: their trees are not kept.
    let file = ProjectFile { is_kept: false, ..ProjectFile::new(file.db, file.source) };
    let mut hashes = Vec::new();
    for binding in option_sites::bindings(knowledge, &file).iter().filter(|it| it.is_declared) {
        let prefixes = (1..=binding.names.len()).filter_map(|it| binding.names.get(..it));
        hashes.extend(prefixes.map(path_hash));
    }
    hashes.sort_unstable();
    hashes.dedup();
    let has_looked = watch.as_ref().is_some_and(|it| it.has_looked.load(Ordering::Relaxed));
    Modules { declared: hashes.into(), is_alone: !has_looked }
}

fn path_hash(path: &[Part]) -> u64 {
    let mut hasher = FxHasher::default();
    for part in path {
        match part {
            Part::Name(name) => (true, name.as_str()).hash(&mut hasher),
            Part::Element => (false, "").hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// The host, which notes whether anybody looks at its files.
struct Watch<'a> {
    inner: &'a dyn System,
    has_looked: AtomicBool,
}

impl Watch<'_> {
    fn looked(&self) -> &dyn System {
        self.has_looked.store(true, Ordering::Relaxed);
        self.inner
    }
}

impl System for Watch<'_> {
    fn read_file(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.looked().read_file(path)
    }

    fn read_dir(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, FileType)>> {
        self.looked().read_dir(path)
    }

    fn file_type(&self, path: &[u8]) -> io::Result<FileType> {
        self.looked().file_type(path)
    }

    fn read_link(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        self.looked().read_link(path)
    }

    fn env(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.inner.env(name)
    }

    fn current_time(&self) -> i64 {
        self.inner.current_time()
    }

    fn message(&self, text: &[u8]) {
        self.inner.message(text);
    }
}

impl<'p> ProjectFile<'p> {
    fn new(db: &'p dyn Db, source: &'p Source<'p>) -> ProjectFile<'p> {
        ProjectFile {
            path: &source.path,
            db,
            source,
            is_kept: true,
            parsed: OnceCell::new(),
            is_module: OnceCell::new(),
            bindings: OnceCell::new(),
            literals: OnceCell::new(),
            modules: OnceCell::new(),
        }
    }

    /// Returns the file's text.
    pub(super) fn text(&self) -> &'p [u8] {
        self.source.text()
    }

    fn parsed(&self) -> &ParsedFile {
        self.parsed.get_or_init(|| {
            if self.is_kept {
                self.source.parsed()
            } else {
                Arc::new(ParsedFile::new(self.source.text().into()))
            }
        })
    }

    /// Returns the file's tree.
    pub(super) fn tree(&self) -> &FlatTree<'p> {
        match self.source.file {
            Some(file) => db::tree(self.db, file),
            None => self.parsed().tree(),
        }
    }

    fn scopes(&self) -> &Scopes {
        match self.source.file {
            Some(file) => db::scopes(self.db, file),
            None => &self.parsed().scopes,
        }
    }

    /// Returns a scene of the file, with all steps still to take.
    pub(super) fn scene<'s>(&'s self, knowledge: Knowledge<'s>) -> Scene<'s> {
        Scene::new(knowledge, self.tree(), self.scopes(), self.path)
    }

    /// Whether the file reads as a module.
    pub(super) fn is_module(&self) -> bool {
        *self.is_module.get_or_init(|| reads_as_module(self.tree()))
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
