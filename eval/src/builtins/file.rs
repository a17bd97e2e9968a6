//! Files: reading them, their types, and finding them on the search path.

use std::io::Write;

use store::reference::ReferenceScanner;

use crate::builtins;
use crate::builtins::argument::{Later, PathLike};
use crate::builtins::expect;
use crate::coerce::{self, Mode, Purpose, without_context};
use crate::context::{Element, encode_all};
use crate::error::{self, ErrorKind, FrameKind, Result};
use crate::heap::{AttrsBuilder, Context, Lazy, Slot, Str, Symbol, Value};
use crate::interpret::{Eval, Links};
use crate::lookup;
use crate::names::names;
use crate::realise;
use crate::source::{HOST, Position, SourcePath};
use crate::system::FileType;

builtins! {
    /// Returns whether there is anything at `path`; a link to nowhere counts.
    ///
    /// A string that ends in a slash must name a directory.
    ///
    /// ```nix
    /// builtins.pathExists "/"         # => true
    /// builtins.pathExists "/nowhere"  # => false
    /// ```
    "pathExists"(path: Later<'h, PathLike<'h>>) => path_exists;

    /// Returns the contents of the file `path` as a string.
    ///
    /// A file in the store makes the string depend on what the file mentions.
    ///
    /// ```nix
    /// builtins.readFile (builtins.toFile "x" "y")  # => "y"
    /// ```
    "readFile"(path: PathLike<'h>) => read_file;

    /// Returns what is in the directory `path`: a set of the types by name.
    ///
    /// Types are `"regular"`, `"directory"`, `"symlink"` and `"unknown"`.
    ///
    /// ```nix
    /// builtins.isAttrs (builtins.readDir "/")  # => true
    /// ```
    "readDir"(path: PathLike<'h>) => read_dir;

    /// Returns what lies at `path`: `"regular"`, `"directory"`, `"symlink"` or `"unknown"`.
    ///
    /// ```nix
    /// builtins.readFileType "/"  # => "directory"
    /// ```
    "readFileType"(path: PathLike<'h>) => read_file_type;

    /// Returns the path of `name` on a search path: a list of sets with `path` and maybe `prefix`.
    ///
    /// `<nixpkgs/lib>` is this, with `builtins.nixPath`. `tryEval` catches it when nothing is
    /// found.
    ///
    /// ```nix
    /// builtins.tryEval (builtins.findFile [ ] "x")  # => { success = false; value = false; }
    /// ```
    "findFile"(search_path: &'h [Slot<'h>], name: Later<'h, Str<'h>>) => find_file;
}

fn path_exists<'h>(eval: &mut Eval<'h>, path: Later<'h, PathLike<'h>>) -> Result<Value<'h>> {
    let exists = path.take_now(eval, 0, "pathExists").and_then(|PathLike(value)| {
        let must_be_directory = value
            .as_string()
            .is_some_and(|text| text.bytes().ends_with(b"/") || text.bytes().ends_with(b"/."));
        if !must_be_directory {
            let there = |eval: &mut Eval<'h>, path: &SourcePath| eval.visible_type(path);
            return Ok(realise::look(eval, value, Links::OnTheWay, there)?.is_some());
        }
        realise::look(eval, value, Links::All, |eval, path| {
            let path = eval.led_to(path, Links::All).map_err(|mut error| {
                // Whoever asked looks again, and tells.
                error.kind = ErrorKind::Io;
                error
            })?;
            Ok(eval.visible_type(&path)? == Some(FileType::Directory))
        })
    });
    match exists {
        Ok(exists) => Ok(Value::bool(exists)),
        // What may not be looked at is not there.
        Err(error) if error.kind == ErrorKind::Restricted => Ok(Value::bool(false)),
        Err(error) => Err(error),
    }
}

fn read_file<'h>(eval: &mut Eval<'h>, PathLike(value): PathLike<'h>) -> Result<Value<'h>> {
    let (path, contents) = realise::look(eval, value, Links::All, |eval, path| {
        Ok((path.clone(), eval.read_file(path)?))
    })?;
    if contents.contains(&0) {
        return Err(error::other(format!(
            "the contents of the file '{}' cannot be represented as a Nix string",
            eval.shown_path(&path)
        )));
    }
    let context = mentioned(eval, &path, &contents);
    let heap = eval.heap();
    let bytes = heap.arena().alloc_bytes(&contents);
    Ok(Value::string(heap, Str::with_context(bytes, context)))
}

/// Returns the references of the store object that `path` lies in, as far as `contents` mentions
/// them.
fn mentioned<'h>(eval: &Eval<'h>, path: &SourcePath, contents: &[u8]) -> Option<Context<'h>> {
    if path.root != HOST {
        return None;
    }
    let store = eval.store();
    let text = std::str::from_utf8(&path.bytes).ok()?;
    let (object, _) = store.directory().split(text).ok()?;
    let info = store.path_info(&object).ok()??;
    let mut scanner = ReferenceScanner::new(info.references);
    // A scanner in memory never refuses a write.
    let _ = scanner.write_all(contents);
    let elements: Vec<Element> = scanner.finish().into_iter().map(Element::Opaque).collect();
    encode_all(eval.heap(), &elements)
}

fn read_dir<'h>(eval: &mut Eval<'h>, PathLike(value): PathLike<'h>) -> Result<Value<'h>> {
    let entries = realise::look(eval, value, Links::All, |eval, path| {
        let path = eval.resolve_links(path).map_err(|mut error| {
            // Whoever asked looks again, and tells.
            error.kind = ErrorKind::Io;
            error
        })?;
        eval.read_dir(&path)
    })?;
    let heap = eval.heap();
    let mut attrs = AttrsBuilder::with_capacity(entries.len());
    for (name, kind) in entries {
        attrs.push(Symbol::intern(&name), type_value(eval, kind));
    }
    Ok(attrs.finish_value(heap))
}

fn read_file_type<'h>(eval: &mut Eval<'h>, PathLike(value): PathLike<'h>) -> Result<Value<'h>> {
    let path = realise::path(eval, value)?;
    eval.check_allowed(&path)?;
    if let Some(link) = eval.link_on_the_way(&path)? {
        return Err(error::other(format!("path '{}' is a symlink", eval.shown_path(&link))));
    }
    match eval.file_type(&path)? {
        Some(kind) => Ok(type_value(eval, kind)),
        None => Err(eval.missing_path(&path)),
    }
}

fn type_value<'h>(eval: &Eval<'h>, kind: FileType) -> Value<'h> {
    let text: &'static [u8] = match kind {
        FileType::Regular { .. } => b"regular",
        FileType::Directory => b"directory",
        FileType::Symlink => b"symlink",
        FileType::Unknown => b"unknown",
    };
    Value::string(eval.heap(), Str::new(text))
}

fn find_file<'h>(
    eval: &mut Eval<'h>,
    search_path: &'h [Slot<'h>],
    name: Later<'h, Str<'h>>,
) -> Result<Value<'h>> {
    let mut entries = Vec::with_capacity(search_path.len());
    for slot in search_path {
        entries.push(search_path_entry(eval, slot)?);
    }
    let name = name.take_now(eval, 1, "findFile")?;
    let name = without_context(eval, name)?;
    let found = lookup::find(eval, &entries, name.bytes())?;
    Ok(Value::path(eval.heap(), found.root, &found.bytes))
}

/// Returns the prefix and the path of an element of a search path.
fn search_path_entry<'h>(eval: &mut Eval<'h>, slot: &'h Slot<'h>) -> Result<(Vec<u8>, Vec<u8>)> {
    let value = eval.force(slot)?;
    let step = "while evaluating an element of the list passed to builtins.findFile";
    let attrs = expect::attrs(eval, value, step)?;
    let prefix = match attrs.get(names().prefix) {
        None => Vec::new(),
        Some(slot) => {
            let step = "while evaluating the `prefix` attribute of an element of the list \
                        passed to builtins.findFile";
            let value = eval.force(slot).map_err(|error| expect::because(error, step))?;
            expect::string(eval, value, step)?.bytes().to_vec()
        }
    };
    let Some(slot) = attrs.get(names().path) else {
        let step = "in an element of the __nixPath";
        return Err(error::missing_attribute("path", Vec::new()).frame(
            Position::NONE,
            FrameKind::Evaluator,
            step,
        ));
    };
    let purpose = Purpose {
        position: Position::NONE,
        text: "while evaluating the `path` attribute of an element of the list passed to \
               builtins.findFile",
    };
    let value = eval.force_inner(Lazy::from_slot(slot))?;
    let path = coerce::to_string_for(eval, value, Mode::Plain, purpose)?;
    let rewrites = realise::realise(eval, path.context()).map_err(|mut error| {
        if error.message.ends_with(" is not valid") {
            error.message = format!("cannot find '{}', since {}", path.to_text(), error.message);
        }
        error
    })?;
    if rewrites.is_empty() {
        return Ok((prefix, path.bytes().to_vec()));
    }
    let path = realise::rewrite(path.to_text().into_owned(), &rewrites);
    Ok((prefix, path.into_bytes()))
}
