//! Files: importing them, reading them under any root, and where positions in them are.
//!
//! An evaluation sees each file once: what it learned of a path stays true for it.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use syntax::{LineIndex, TextSize};

use super::Eval;
use crate::embedded;
use crate::error::{self, ErrorKind, EvalError, FrameKind, Result};
use crate::heap::{Attrs, AttrsBuilder, Env, Lazy, Slot, Symbol, Value};
use crate::source::{EMBEDDED, FileId, HOST, Origin, Position, SourcePath, canonical};
use crate::system::FileType;

/// The lines of files whose positions were asked for; `None` for a file in which carriage returns
/// end lines, too.
#[derive(Default)]
pub(super) struct Lines(std::cell::RefCell<FxHashMap<FileId, Option<Arc<LineIndex>>>>);

/// Links are followed this often before they count as a loop. Source: CppNix, `resolveExprPath`.
const LINKS_MAX: usize = 1024;

/// Which symbolic links in a path are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    All,
    /// Those before the last name.
    OnTheWay,
}

/// Returns the directory that a path lies in.
pub(super) fn parent(path: &SourcePath) -> SourcePath {
    let cut = path.bytes.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    SourcePath::new(path.root, path.bytes.get(..cut.max(1)).unwrap_or(b"/"))
}

fn child(directory: &SourcePath, name: &[u8]) -> SourcePath {
    let mut bytes = directory.bytes.to_vec();
    if bytes.last() != Some(&b'/') {
        bytes.push(b'/');
    }
    bytes.extend_from_slice(name);
    SourcePath::new(directory.root, &canonical(&bytes))
}

impl<'h> Eval<'h> {
    /// Evaluates the file at `path` (a directory: its `default.nix`), once per evaluation.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or parsed, and whatever evaluating it meets.
    pub fn import(&mut self, path: &SourcePath) -> Result<Value<'h>> {
        if let Some(slot) = self.imported.get(path).and_then(|file| self.files.get(file)) {
            return self.force(slot);
        }
        let file = self.source_file(path)?;
        let slot = match self.files.get(&file) {
            Some(slot) => *slot,
            None => {
                let text = self.read_file(&file)?;
                let root = self.load_file(&file, text)?;
                let _stays = self.heap.permanently();
                let slot: &'h Slot<'h> =
                    self.heap.arena().alloc(Slot::new(Lazy::thunk(root, self.outermost)));
                self.files.insert(file.clone(), slot);
                slot
            }
        };
        self.imported.insert(path.clone(), file.clone());
        self.force(slot).map_err(|error| in_file(error, &self.shown_path(&file)))
    }

    /// Returns the files that were imported, in the order of their paths.
    pub(crate) fn imported_files(&self) -> Vec<SourcePath> {
        let mut files: Vec<SourcePath> = self.files.keys().cloned().collect();
        files.sort();
        files
    }

    /// Reads the file at `path` and returns what evaluates it once it is forced.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or parsed, or has an undefined variable.
    pub fn suspend_file(&mut self, path: &SourcePath) -> Result<Lazy<'h>> {
        let text = self.read_file(path)?;
        let root = self.load_file(path, text)?;
        Ok(Lazy::thunk(root, self.outermost))
    }

    /// Evaluates the file at `path` with the attributes of `scope` as additional variables,
    /// every time anew.
    ///
    /// # Errors
    ///
    /// As [`Eval::import`].
    pub fn scoped_import(&mut self, scope: Attrs<'h>, path: &SourcePath) -> Result<Value<'h>> {
        let file = self.source_file(path)?;
        let text = self.read_file(&file)?;
        let names: Vec<Symbol> = scope.iter(self.heap).map(|attr| attr.name).collect();
        let root = self.load(Origin::File(file.clone()), text, &names)?;
        let slots = scope.slots(self.heap);
        let frame = Env::with(self.heap, Some(self.outermost), names.len() as u32, |index| {
            slots.get(index as usize).map_or(Value::NULL.into(), Lazy::from_slot)
        });
        self.eval(root, frame)
            .into_result()
            .map_err(|error| in_file(error, &self.shown_path(&file)))
    }

    /// Returns the file that importing `path` evaluates: links followed, a directory's
    /// `default.nix`.
    fn source_file(&mut self, path: &SourcePath) -> Result<SourcePath> {
        let mut file = path.clone();
        for _ in 0..LINKS_MAX {
            let kind = match self.file_type(&file) {
                Ok(kind) => kind,
                Err(error) if error.kind == ErrorKind::Restricted => return Err(error),
                Err(error) => {
                    self.led_to(&parent(&file), Links::All)?;
                    return Err(error);
                }
            };
            match kind {
                Some(FileType::Symlink) => {
                    let target = self.link_target(&file)?;
                    file = match target.first() {
                        Some(b'/') => SourcePath::new(file.root, &canonical(&target)),
                        _ => child(&parent(&file), &target),
                    };
                }
                Some(FileType::Directory) => return Ok(child(&file, b"default.nix")),
                _ => return Ok(file),
            }
        }
        Err(too_many_links(path))
    }

    /// Returns the file of a position with its line and column, both from 1 (columns in bytes).
    pub fn locate(&self, position: Position) -> Option<(Origin, u32, u32)> {
        let file = self.code.file(position.file)?;
        let lines = self
            .lines
            .0
            .borrow_mut()
            .entry(position.file)
            .or_insert_with(|| {
                let has_return = file.text.contains(&b'\r');
                (!has_return).then(|| Arc::new(LineIndex::new(file.text)))
            })
            .clone();
        let Some(lines) = lines else {
            let (line, column) = crate::syntax_error::line_column(file.text, position.offset);
            return Some((file.origin, line, column));
        };
        let line = lines.line(TextSize::from(position.offset));
        let column = position.offset - u32::from(lines.line_range(line).start());
        Some((file.origin, line + 1, column + 1))
    }

    /// Returns the text of a file that this evaluation has read as source.
    pub fn source_text(&self, file: FileId) -> Option<&'h [u8]> {
        self.code.file(file).map(|file| file.text)
    }

    /// Returns a position as the language sees it: a set of `file`, `line` and `column`, or null
    /// where there is no file.
    pub fn position_value(&mut self, position: Position) -> Value<'h> {
        let Some((Origin::File(path), line, column)) = self.locate(position) else {
            return Value::NULL;
        };
        if self.is_in_derivation_wrapper(position) {
            return Value::NULL;
        }
        let mut attrs = AttrsBuilder::with_capacity(3);
        attrs.push_named("file", Value::string_from(self.heap, path.display().as_bytes()));
        attrs.push_named("line", Value::int(i64::from(line)));
        attrs.push_named("column", Value::int(i64::from(column)));
        attrs.finish_value(self.heap)
    }

    /// Whether a position lies in the function behind `derivation`, which is no step to show.
    pub(super) fn is_in_derivation_wrapper(&self, position: Position) -> bool {
        let wrapper = embedded::derivation_wrapper();
        match self.code.file(position.file) {
            Some(file) => matches!(file.origin, Origin::File(path) if path == wrapper),
            None => false,
        }
    }

    /// Returns the condition of the `assert` at `position` as the language prints expressions.
    #[cold]
    pub(super) fn show_condition(&self, position: Position) -> String {
        let Some(file) = self.code.file(position.file) else { return String::new() };
        crate::show::condition_at(file.text, position.offset, &file.origin)
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .unwrap_or_default()
    }

    /// Returns the contents of a file under any root, following symbolic links.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or the evaluation is restricted and may not.
    pub fn read_file(&mut self, path: &SourcePath) -> Result<Vec<u8>> {
        let place = self.seen_through(path)?;
        let path = place.as_ref().unwrap_or(path);
        match path.root {
            HOST => {
                let result = self.host_read_file(&path.bytes);
                result.map_err(|error| self.failed_io("opening file", path, &error))
            }
            EMBEDDED => match embedded::file(&path.bytes) {
                Some(text) => Ok(text.to_vec()),
                None => Err(self.missing_path(path)),
            },
            _ => Err(self.missing_path(path)),
        }
    }

    /// Returns the entries of a directory under any root, sorted by name.
    ///
    /// # Errors
    ///
    /// As [`Eval::read_file`].
    pub fn read_dir(&mut self, path: &SourcePath) -> Result<Vec<(Vec<u8>, FileType)>> {
        let place = self.seen_through(path)?;
        let path = place.as_ref().unwrap_or(path);
        match path.root {
            HOST => {
                let result = self.host_read_dir(&path.bytes);
                let mut entries = match result {
                    Ok(entries) => entries,
                    Err(error) => return Err(self.no_directory(path, &error)),
                };
                entries.sort();
                if self.is_limited() {
                    entries.retain(|(name, _)| self.is_allowed(&child(path, name)));
                }
                Ok(entries)
            }
            EMBEDDED => embedded::directory(&path.bytes).ok_or_else(|| self.missing_path(path)),
            _ => Err(self.missing_path(path)),
        }
    }

    /// Returns what lies at `path` without following a link there, `None` if nothing does.
    ///
    /// # Errors
    ///
    /// When that cannot be found out.
    pub fn file_type(&mut self, path: &SourcePath) -> Result<Option<FileType>> {
        let place = self.seen_beside(path)?;
        let path = place.as_ref().unwrap_or(path);
        self.check_allowed(path)?;
        self.known_type(path)
    }

    /// Returns what lies at `path` as [`Eval::file_type`] does; what may not be looked at is not
    /// there.
    ///
    /// # Errors
    ///
    /// When that cannot be found out.
    pub fn visible_type(&mut self, path: &SourcePath) -> Result<Option<FileType>> {
        let place = self.seen_beside(path)?;
        let path = place.as_ref().unwrap_or(path);
        if self.is_allowed(path) { self.known_type(path) } else { Ok(None) }
    }

    /// Where not everything may be looked at, the path that a path leads to, if it may be read.
    fn seen_through(&mut self, path: &SourcePath) -> Result<Option<SourcePath>> {
        if path.root != HOST || !self.is_limited() {
            return Ok(None);
        }
        let place = self.led_to(path, Links::All)?;
        self.check_allowed(&place)?;
        Ok(Some(place))
    }

    /// Where not everything may be looked at, the path without links on the way to its last name.
    fn seen_beside(&mut self, path: &SourcePath) -> Result<Option<SourcePath>> {
        if path.root != HOST || !self.is_limited() {
            return Ok(None);
        }
        self.led_to(path, Links::OnTheWay).map(Some)
    }

    /// Returns what lies at a path that may be looked at.
    fn known_type(&mut self, path: &SourcePath) -> Result<Option<FileType>> {
        match path.root {
            HOST => {
                if let Some(known) = self.known.file_types.get(path) {
                    return Ok(*known);
                }
                let found = match self.host_file_type(&path.bytes) {
                    Ok(found) => Some(found),
                    Err(error) if is_absence(&error) => None,
                    Err(error) => return Err(self.failed_io("getting status of", path, &error)),
                };
                self.known.file_types.insert(path.clone(), found);
                Ok(found)
            }
            EMBEDDED => Ok(embedded::file_type(&path.bytes)),
            _ => Ok(None),
        }
    }

    /// Returns `path` with all symbolic links in it followed.
    ///
    /// # Errors
    ///
    /// When nothing is there, or links lead in circles.
    pub fn resolve_links(&mut self, path: &SourcePath) -> Result<SourcePath> {
        self.follow(path, Links::All, true)
    }

    /// Returns where `path` leads, whether or not anything is there.
    ///
    /// # Errors
    ///
    /// When links lead in circles.
    pub(crate) fn led_to(&mut self, path: &SourcePath, links: Links) -> Result<SourcePath> {
        self.follow(path, links, false)
    }

    fn follow(&mut self, path: &SourcePath, which: Links, must_be: bool) -> Result<SourcePath> {
        if path.root != HOST {
            return Ok(path.clone());
        }
        let mut rest: Vec<Vec<u8>> = components(&path.bytes);
        let mut resolved = SourcePath::new(HOST, b"/");
        let mut links = 0;
        while let Some(name) = rest.pop() {
            let next = child(&resolved, &name);
            let is_last = which == Links::OnTheWay && rest.is_empty();
            // Whoever looks at what may not be seen is told then.
            let kind = if self.is_allowed(&next) && !is_last {
                self.known_type(&next)?
            } else {
                Some(FileType::Unknown)
            };
            match kind {
                Some(FileType::Symlink) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(endless_links(path));
                    }
                    let target = self.link_target(&next)?;
                    if target.first() == Some(&b'/') {
                        resolved = SourcePath::new(HOST, b"/");
                    }
                    rest.extend(components(&target));
                }
                None if must_be => return Err(self.missing_path(path)),
                _ => resolved = next,
            }
        }
        Ok(resolved)
    }

    fn link_target(&mut self, path: &SourcePath) -> Result<Vec<u8>> {
        let result = self.host_read_link(&path.bytes);
        result.map_err(|error| self.failed_io("reading symbolic link", path, &error))
    }

    #[cold]
    fn no_directory(&mut self, path: &SourcePath, error: &std::io::Error) -> Box<EvalError> {
        if error.kind() == std::io::ErrorKind::NotADirectory
            && matches!(self.file_type(path), Ok(Some(_)))
        {
            let shown = self.shown_path(path);
            return error::io(format!("cannot read directory \"{shown}\": Not a directory"));
        }
        self.failed_io("reading directory", path, error)
    }

    /// Returns the link on the way to a path, if there is one.
    pub(crate) fn link_on_the_way(&mut self, path: &SourcePath) -> Result<Option<SourcePath>> {
        let mut place = SourcePath::new(path.root, b"/");
        let mut rest = components(&path.bytes);
        while let Some(name) = rest.pop().filter(|_| path.root == HOST && !rest.is_empty()) {
            place = child(&place, &name);
            if self.known_type(&place)? == Some(FileType::Symlink) {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    #[cold]
    fn failed_io(&self, doing: &str, path: &SourcePath, error: &std::io::Error) -> Box<EvalError> {
        if is_absence(error) {
            return self.missing_path(path);
        }
        let reason = error.to_string();
        if error.kind() == std::io::ErrorKind::IsADirectory && error.get_ref().is_some() {
            return error::io(reason);
        }
        let reason = reason.split(" (os error").next().unwrap_or_default();
        error::io(format!("{doing} '{}': {reason}", self.shown_path(path)))
    }
}

/// Returns the names in a path, last first.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    let mut names: Vec<_> = names.map(<[u8]>::to_vec).collect();
    names.reverse();
    names
}

fn is_absence(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

#[cold]
fn in_file(error: Box<EvalError>, file: &str) -> Box<EvalError> {
    let step = format!("while evaluating the file '{file}':");
    error.frame(Position::NONE, FrameKind::Evaluator, step)
}

/// Returns the error of links that lead in circles.
#[cold]
fn endless_links(path: &SourcePath) -> Box<EvalError> {
    error::other(format!("infinite symlink recursion in path '{}'", path.display()))
}

#[cold]
fn too_many_links(path: &SourcePath) -> Box<EvalError> {
    error::io(format!(
        "too many symbolic links encountered while traversing the path '{}'",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::Heap;
    use crate::interpret::on_large_stack;
    use crate::settings::Settings;
    use crate::system::MemorySystem;
    use store::{MemoryStore, StoreDirectory};

    #[test]
    fn links_lead_where_they_say() {
        let mut system = MemorySystem::default();
        system.files.insert(b"/a/real/default.nix".to_vec(), b"5".to_vec());
        system.links.insert(b"/b/absolute".to_vec(), b"/a/real".to_vec());
        system.links.insert(b"/b/relative".to_vec(), b"../a/real".to_vec());
        let (store, settings) = (MemoryStore::new(StoreDirectory::default()), Settings::default());
        on_large_stack(|| {
            let heap = Heap::new();
            let mut eval = Eval::new(&heap, &system, &store, &settings);
            for path in [b"/b/absolute", b"/b/relative"] {
                let found = eval.import(&SourcePath::new(HOST, path)).expect("there is a file");
                assert_eq!(found.as_int(), Some(5));
            }
        });
    }
}
