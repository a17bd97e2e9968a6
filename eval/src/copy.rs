//! Copying trees of the host, the embedded library and fetched roots into the store.
//!
//! A path that ends up in a string is added to the store once per evaluation; when nothing may be
//! written, its store path is computed only. Reading goes through [`Eval`], so it is recorded and
//! restricted like all other reading.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use store::content_address::FileMethod;
use store::hash::{HashAlgorithm, Hasher};
use store::nar::writer::{Filter, Stopped, WriteError, everything, write_nar};
use store::nar::{NodeKind, Tree};
use store::{Hash, NewTree, StorePath};

use crate::builtins::expect;
use crate::context;
use crate::error::{self, EvalError, Result};
use crate::heap::{Lazy, PathValue, Str, Value};
use crate::interpret::{Eval, Links};
use crate::source::{HOST, SourcePath};
use crate::system::FileType;

/// A tree to add to the store.
pub(crate) struct Source<'a, 'h> {
    /// The name that the store object gets.
    pub(crate) name: &'a str,
    /// What to read.
    pub(crate) path: &'a SourcePath,
    /// A function `path: type: bool` that says what belongs into the object.
    pub(crate) filter: Option<Value<'h>>,
    /// Whether the object is one file or any tree.
    pub(crate) method: FileMethod,
    /// The algorithm that hashes it.
    pub(crate) algorithm: HashAlgorithm,
}

/// Copies `path` to the store under its own name and returns the store path as a string that
/// depends on it.
///
/// # Errors
///
/// A path that cannot be read, or whose name no store object can have.
pub(crate) fn copy_path<'h>(eval: &mut Eval<'h>, path: PathValue<'h>) -> Result<Str<'h>> {
    let source = SourcePath::new(path.root, path.bytes);
    if let Some(string) = eval.known.copied.get(&source) {
        return Ok(*string);
    }
    if path.bytes.ends_with(b".drv") {
        return Err(error::other("file names are not allowed to end in '.drv'"));
    }
    let place = eval.led_to(&source, Links::OnTheWay)?;
    let name = base_name(&source);
    let source_tree = Source {
        name: &name,
        path: &place,
        filter: None,
        method: FileMethod::Recursive,
        algorithm: HashAlgorithm::Sha256,
    };
    let object = add(eval, &source_tree)?;
    let stays = eval.heap().permanently();
    let string = store_string(eval, &object);
    drop(stays);
    eval.known.copied.insert(source, string);
    Ok(string)
}

/// Returns the path of a store object as a string that depends on it.
pub(crate) fn store_string<'h>(eval: &Eval<'h>, path: &StorePath) -> Str<'h> {
    eval.allow_object(path);
    let heap = eval.heap();
    let text = eval.store().directory().display(path);
    let bytes = heap.arena().alloc_bytes(text.as_bytes());
    Str::with_context(bytes, context::opaque(heap, path))
}

/// Returns the last component of a path, `source` for the root.
pub(crate) fn base_name(path: &SourcePath) -> String {
    match path.bytes.rsplit(|byte| *byte == b'/').next() {
        None | Some([]) => "source".to_owned(),
        Some(name) => String::from_utf8_lossy(name).into_owned(),
    }
}

/// Adds a tree to the store, or computes where it would be when nothing may be written.
///
/// # Errors
///
/// A tree that cannot be read, a name that is none, a filter that fails, a store that refuses.
pub(crate) fn add<'h>(eval: &mut Eval<'h>, source: &Source<'_, 'h>) -> Result<StorePath> {
    store::path::check_name(source.name).map_err(|error| error::store(&error))?;
    if eval.settings().read_only {
        let digest = hash(eval, source)?;
        return eval
            .store()
            .directory()
            .fixed_output_path(source.name, source.method, &digest)
            .map_err(|error| error::store(&error));
    }
    let store = eval.store();
    let path = with_tree(eval, source, |tree, path, filter| {
        store
            .add_tree(NewTree {
                name: source.name,
                tree,
                path,
                filter,
                method: source.method,
                algorithm: source.algorithm,
                references: BTreeSet::new(),
            })
            .map_err(|error| error::store(&error))
    })?;
    warn_if_large(eval, source.path, &path)?;
    Ok(path)
}

/// Warns of something large that was copied, as far as the settings say.
fn warn_if_large(eval: &Eval<'_>, source: &SourcePath, path: &StorePath) -> Result<()> {
    let threshold = eval.settings().large_path_bytes;
    if threshold == 0 {
        return Ok(());
    }
    let info = eval.store().path_info(path).map_err(|error| error::store(&error))?;
    let Some(size) = info.map(|info| info.nar_size).filter(|size| *size >= threshold) else {
        return Ok(());
    };
    let (source, size) = (eval.shown_path(source), in_units(size));
    let text = format!("warning: copied large path '{source}' to the store ({size})");
    eval.system().message(text.as_bytes());
    Ok(())
}

/// Returns a number of bytes in the largest unit of which it has at least one.
fn in_units(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut number = bytes as f64 / 1024.0;
    let mut names = UNITS.iter();
    let mut name = names.next().copied().unwrap_or_default();
    for next in names {
        if number < 1024.0 {
            break;
        }
        number /= 1024.0;
        name = next;
    }
    format!("{number:.1} {name}")
}

/// Returns the hash of a tree as the store would compute it.
///
/// # Errors
///
/// As [`add`].
pub(crate) fn hash<'h>(eval: &mut Eval<'h>, source: &Source<'_, 'h>) -> Result<Hash> {
    let mut hasher = Hasher::new(source.algorithm);
    match source.method {
        FileMethod::Flat => match eval.file_type(source.path)? {
            Some(FileType::Regular { executable: false }) => {
                hasher.update(&eval.read_file(source.path)?);
            }
            _ => {
                let path = eval.shown_path(source.path);
                return Err(error::io(format!("'{path}' is not a regular, non-executable file")));
            }
        },
        FileMethod::Recursive => with_tree(eval, source, |tree, path, filter| {
            write_nar(tree, path, filter, &mut hasher).map_err(|error| match error {
                WriteError::Read { source, .. } => error::io(source.to_string()),
                other => error::store(&other),
            })
        })?,
    }
    Ok(hasher.finish())
}

/// Runs `work` on `source` as a tree that the store can read.
///
/// Errors of the evaluator (of the filter, of reading) win over what the store makes of them.
fn with_tree<'h, T>(
    eval: &mut Eval<'h>,
    source: &Source<'_, 'h>,
    work: impl FnOnce(&dyn Tree, &Path, &mut Filter<'_>) -> Result<T>,
) -> Result<T> {
    let tree = EvalTree {
        root: source.path.root,
        eval: RefCell::new(eval),
        failure: RefCell::new(None),
        contents: RefCell::new(None),
    };
    let path = Path::new(std::ffi::OsStr::from_bytes(&source.path.bytes));
    let result = match source.filter {
        None => work(&tree, path, &mut everything),
        Some(function) => work(&tree, path, &mut |path, kind| tree.filter(function, path, kind)),
    };
    match tree.failure.into_inner() {
        Some(error) => Err(error),
        None => result,
    }
}

/// The files under one root of an evaluation.
struct EvalTree<'a, 'h> {
    root: u32,
    /// Nothing of the store calls two methods at once, so this is never borrowed twice.
    eval: RefCell<&'a mut Eval<'h>>,
    /// The evaluator's own error, which an `io::Error` cannot carry.
    failure: RefCell<Option<Box<EvalError>>>,
    /// The file that was asked about last, with its contents: its size was needed before.
    contents: RefCell<Option<(SourcePath, Vec<u8>)>>,
}

impl<'h> EvalTree<'_, 'h> {
    fn source(&self, path: &Path) -> SourcePath {
        SourcePath::new(self.root, path.as_os_str().as_bytes())
    }

    /// Keeps an error of the evaluator and returns what the store understands.
    fn failed(&self, error: Box<EvalError>) -> io::Error {
        let text = error.message.clone();
        self.failure.replace(Some(error));
        io::Error::other(text)
    }

    /// Keeps an error of reading what was a file when it was looked at.
    fn changed(&self, mut error: Box<EvalError>, source: &SourcePath) -> io::Error {
        if !error.message.contains(&source.display()) {
            error.message = format!("reading '{}': {}", source.display(), error.message);
        }
        self.failed(error)
    }

    fn filter(
        &self,
        function: Value<'h>,
        path: &Path,
        kind: NodeKind,
    ) -> std::result::Result<bool, Stopped> {
        let eval = &mut **self.eval.borrow_mut();
        let kind = match kind {
            NodeKind::Regular { .. } => "regular",
            NodeKind::Directory => "directory",
            NodeKind::Symlink => "symlink",
            NodeKind::Other => "unknown",
        };
        let heap = eval.heap();
        let arguments: [Lazy<'h>; 2] = [
            Value::string_from(heap, path.as_os_str().as_bytes()).into(),
            Value::string(heap, Str::new(kind.as_bytes())).into(),
        ];
        let step = "while evaluating the return value of the path filter function";
        let result = eval.call(function, &arguments);
        let result = result.and_then(|value| expect::boolean(eval, value, step));
        result.map_err(|error| {
            self.failure.replace(Some(error));
            Stopped
        })
    }
}

impl Tree for EvalTree<'_, '_> {
    fn kind(&self, path: &Path) -> io::Result<NodeKind> {
        let source = self.source(path);
        let eval = &mut **self.eval.borrow_mut();
        match eval.file_type(&source).map_err(|error| self.failed(error))? {
            None => {
                let missing = eval.missing_path(&source);
                Err(self.failed(missing))
            }
            Some(FileType::Directory) => Ok(NodeKind::Directory),
            Some(FileType::Symlink) => Ok(NodeKind::Symlink),
            Some(FileType::Unknown) => Ok(NodeKind::Other),
            Some(FileType::Regular { executable }) => {
                let contents =
                    eval.read_file(&source).map_err(|error| self.changed(error, &source))?;
                let size = contents.len() as u64;
                self.contents.replace(Some((source, contents)));
                Ok(NodeKind::Regular { executable, size })
            }
        }
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        if self.root != HOST {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.eval.borrow().system().read_link(path.as_os_str().as_bytes())
    }

    fn read_directory(&self, path: &Path) -> io::Result<Vec<Vec<u8>>> {
        let eval = &mut **self.eval.borrow_mut();
        let entries = eval.read_dir(&self.source(path)).map_err(|error| self.failed(error))?;
        Ok(entries.into_iter().map(|(name, _)| name).collect())
    }

    fn read_file(&self, path: &Path, sink: &mut dyn io::Write) -> io::Result<()> {
        let source = self.source(path);
        if let Some((known, contents)) = self.contents.take()
            && known == source
        {
            return sink.write_all(&contents);
        }
        let eval = &mut **self.eval.borrow_mut();
        let contents = eval.read_file(&source).map_err(|error| self.changed(error, &source))?;
        sink.write_all(&contents)
    }
}
