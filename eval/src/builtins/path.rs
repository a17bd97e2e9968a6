//! Paths: their parts, and trees and texts added to the store.

use std::collections::BTreeSet;

use store::content_address::FileMethod;
use store::hash::HashAlgorithm;
use store::store::text_info;
use store::{Hash, StorePath};

use crate::builtins;
use crate::builtins::argument::{
    FILTERED_PATH_STEP, Inner, Later, PathLike, Plain, STORE_PATH_STEP,
};
use crate::builtins::expect::{self, Callable};
use crate::coerce::{self, Mode, Purpose, without_context};
use crate::context::{Element, decode_all};
use crate::copy::{self, Source, base_name, store_string};
use crate::error::{self, FrameKind, Result};
use crate::heap::{Attrs, Context, Kind, Str, Value};
use crate::interpret::{Eval, Links};
use crate::realise;
use crate::source::{HOST, Position, SourcePath};

builtins! {
    /// Returns the last component of a path or string; one slash at the end does not count.
    ///
    /// ```nix
    /// baseNameOf "/a/b.nix"  # => "b.nix"
    /// baseNameOf "/a/b/"     # => "b"
    /// baseNameOf "/a/b//"    # => ""
    /// ```
    global "baseNameOf"(path: Inner<'h>) => base_name_of;

    /// Returns everything before the last slash of a path or string, as what it was.
    ///
    /// ```nix
    /// dirOf /a/b    # => /a
    /// dirOf "/a/b"  # => "/a"
    /// dirOf "b"     # => "."
    /// ```
    global "dirOf"(path: Value<'h>) => dir_of;

    /// Returns an absolute path as a string without `.`, `..` and needless slashes.
    ///
    /// ```nix
    /// builtins.toPath "/a/./b/../c"  # => "/a/c"
    /// builtins.toPath "a"            # error: string 'a' doesn't represent an absolute path
    /// ```
    "toPath"(path: PathLike<'h>) => to_path;

    /// Returns a path in the store as a string that depends on the store object.
    ///
    /// Nothing is copied: the object is there already.
    ///
    /// ```nix
    /// builtins.storePath /nowhere  # error: path '/nowhere' is not in the Nix store
    /// ```
    "storePath"(path: PathLike<'h>) => store_path;

    /// Writes a text into the store under `name` and returns its path.
    ///
    /// The text may mention store objects, but no outputs of derivations.
    ///
    /// ```nix
    /// builtins.toFile "x" "y"  # => "/nix/store/lfngsssysp6h1v4ccqg23c52s9sjl779-x"
    /// ```
    "toFile"(name: Str<'h>, contents: Str<'h>) => to_file;

    /// Copies the tree `path` to the store without what `filter` refuses, and returns its path.
    ///
    /// `filter` is a function `path: type: bool`, asked for every entry below `path`.
    ///
    /// ```nix
    /// builtins.filterSource 1 /nowhere  # error: expected a function but found an integer: 1
    /// ```
    "filterSource"(filter: Later<'h, Callable<'h>>, path: PathLike<'h>) => filter_source;

    /// Copies a tree to the store and returns its path.
    ///
    /// `arguments` has its `path` and, each with a default, the `name` it gets, a `filter` as in
    /// `filterSource`, whether it is any tree or one plain file (`recursive`), and its `sha256`.
    ///
    /// ```nix
    /// builtins.path { }  # error: missing required 'path' attribute
    /// ```
    "path"(arguments: Attrs<'h>) => path;
}

fn base_name_of<'h>(eval: &mut Eval<'h>, Inner(value): Inner<'h>) -> Result<Value<'h>> {
    let purpose = Purpose {
        position: Position::NONE,
        text: "while evaluating the first argument passed to builtins.baseNameOf",
    };
    let string = coerce::to_string_for(eval, value, Mode::Plain, purpose)?;
    let bytes = match string.bytes() {
        [start @ .., b'/'] if !start.is_empty() => start,
        bytes => bytes,
    };
    let name = match bytes.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => bytes.get(slash + 1..).unwrap_or_default(),
        None => bytes,
    };
    Ok(Value::string(eval.heap(), Str::with_context(name, string.context())))
}

fn dir_of<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<Value<'h>> {
    let heap = eval.heap();
    if let Kind::Path(path) = value.kind() {
        let cut = path.bytes.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
        let parent = path.bytes.get(..cut.max(1)).unwrap_or(path.bytes);
        return Ok(Value::path(heap, path.root, parent));
    }
    let purpose = Purpose {
        position: Position::NONE,
        text: "while evaluating the first argument passed to 'builtins.dirOf'",
    };
    let string = coerce::to_string_for(eval, value, Mode::Plain, purpose)?;
    let bytes = string.bytes();
    let directory = match bytes.iter().rposition(|byte| *byte == b'/') {
        None => b".",
        Some(0) => b"/",
        Some(slash) => bytes.get(..slash).unwrap_or_default(),
    };
    Ok(Value::string(heap, Str::with_context(directory, string.context())))
}

fn to_path<'h>(eval: &mut Eval<'h>, PathLike(value): PathLike<'h>) -> Result<Value<'h>> {
    let purpose = Purpose {
        position: Position::NONE,
        text: "while evaluating the first argument passed to builtins.toPath",
    };
    let (path, context) = coerce::to_path(eval, value, purpose)?;
    Ok(path_string(eval, &path, context))
}

/// Returns a path as a string.
fn path_string<'h>(eval: &Eval<'h>, path: &SourcePath, context: Option<Context<'h>>) -> Value<'h> {
    let heap = eval.heap();
    let bytes = if path.root == HOST {
        heap.arena().alloc_bytes(&path.bytes)
    } else {
        heap.arena().alloc_bytes(path.display().as_bytes())
    };
    Value::string(heap, Str::with_context(bytes, context))
}

fn store_path<'h>(eval: &mut Eval<'h>, PathLike(value): PathLike<'h>) -> Result<Value<'h>> {
    if eval.settings().pure {
        return Err(error::other("'builtins.storePath' is not allowed in pure evaluation mode"));
    }
    let purpose = Purpose { position: Position::NONE, text: STORE_PATH_STEP };
    let (mut path, context) = coerce::to_path(eval, value, purpose)?;
    let directory = eval.store().directory();
    if directory.parse(&path.display()).is_err() {
        // What is not there is not in the store either.
        path = eval.resolve_links(&path).unwrap_or(path);
    }
    let Ok((object, _)) = directory.split(&path.display()) else {
        return Err(error::other(format!("path '{}' is not in the Nix store", path.display())));
    };
    if !eval.settings().read_only {
        realise::ensure(eval, &object)?;
    }
    let heap = eval.heap();
    let context = Context::union(heap, context, crate::context::opaque(heap, &object));
    Ok(path_string(eval, &path, context))
}

fn to_file<'h>(eval: &mut Eval<'h>, name: Str<'h>, contents: Str<'h>) -> Result<Value<'h>> {
    let name = without_context(eval, name)?.to_text();
    let mut references: BTreeSet<StorePath> = BTreeSet::new();
    for element in decode_all(contents.context())? {
        match element {
            Element::Opaque(path) => {
                references.insert(path);
            }
            Element::Deep(_) | Element::Built { .. } => {
                let element = element.encode().0.to_text();
                return Err(error::other(format!(
                    "files created by builtins.toFile may not reference derivations, but {name} \
                     references {element}"
                )));
            }
        }
    }
    let store = eval.store();
    let path = if eval.settings().read_only {
        text_info(store.directory(), &name, contents.bytes(), &references)
            .map(|info| info.path)
            .map_err(|error| error::store(&error))?
    } else {
        store
            .add_text(&name, contents.bytes(), &references)
            .map_err(|error| error::store(&error))?
    };
    Ok(Value::string(eval.heap(), store_string(eval, &path)))
}

fn filter_source<'h>(
    eval: &mut Eval<'h>,
    filter: Later<'h, Callable<'h>>,
    PathLike(path): PathLike<'h>,
) -> Result<Value<'h>> {
    let purpose = Purpose { position: Position::NONE, text: FILTERED_PATH_STEP };
    let (path, context) = coerce::to_path(eval, path, purpose)?;
    let Callable(filter) = filter.take_now(eval, 0, "filterSource")?;
    let name = base_name(&path);
    let request = Request {
        name,
        path,
        context,
        filter: Some(filter),
        method: FileMethod::Recursive,
        expected: None,
    };
    add(eval, request)
}

fn path<'h>(eval: &mut Eval<'h>, arguments: Attrs<'h>) -> Result<Value<'h>> {
    let mut request = Request {
        name: String::new(),
        path: SourcePath::new(HOST, b"/"),
        context: None,
        filter: None,
        method: FileMethod::Recursive,
        expected: None,
    };
    let mut has_path = false;
    for attr in arguments.iter_by_name(eval.heap()) {
        match attr.name.as_bytes() {
            b"path" => {
                let step = "while evaluating the 'path' attribute passed to 'builtins.path'";
                let value = expect::value_of(eval, &attr, step)?;
                let purpose = Purpose { position: attr.position, text: step };
                (request.path, request.context) = coerce::to_path(eval, value, purpose)?;
                has_path = true;
            }
            b"name" => {
                let step = "while evaluating the `name` attribute passed to builtins.path";
                let Plain(name) = expect::value_of(eval, &attr, step)?;
                request.name = String::from_utf8_lossy(name).into_owned();
            }
            b"filter" => {
                let step = "while evaluating the `filter` parameter passed to builtins.path";
                let Callable(filter) = expect::value_of(eval, &attr, step)?;
                request.filter = Some(filter);
            }
            b"recursive" => {
                let step = "while evaluating the `recursive` attribute passed to builtins.path";
                if !expect::value_of::<bool>(eval, &attr, step)? {
                    request.method = FileMethod::Flat;
                }
            }
            b"sha256" => {
                let step = "while evaluating the `sha256` attribute passed to builtins.path";
                let Plain(text) = expect::value_of(eval, &attr, step)?;
                request.expected = Some(expected_hash(eval, &String::from_utf8_lossy(text))?);
            }
            _ => {
                let name = attr.name.to_text();
                return Err(error::other(format!(
                    "unsupported argument '{name}' to 'builtins.path'"
                ))
                .at(attr.position));
            }
        }
    }
    if !has_path {
        return Err(error::other(
            "missing required 'path' attribute in the first argument to 'builtins.path'",
        ));
    }
    if request.name.is_empty() {
        request.name = base_name(&request.path);
    }
    add(eval, request)
}

/// A tree to add to the store.
struct Request<'h> {
    name: String,
    path: SourcePath,
    context: Option<Context<'h>>,
    filter: Option<Value<'h>>,
    method: FileMethod,
    /// The hash that it must have.
    expected: Option<Hash>,
}

fn add<'h>(eval: &mut Eval<'h>, request: Request<'h>) -> Result<Value<'h>> {
    let shown = eval.shown_path(&request.path);
    add_tree(eval, request).map_err(|error| {
        let step = format!("while adding path '{shown}'");
        error.frame(Position::NONE, FrameKind::Evaluator, step)
    })
}

fn add_tree<'h>(eval: &mut Eval<'h>, request: Request<'h>) -> Result<Value<'h>> {
    let store = eval.store();
    let mut path = request.path;
    if request.context.is_some() && store.directory().split(&path.display()).is_ok() {
        let rewrites = realise::realise(eval, request.context)?;
        let text = realise::rewrite(path.display(), &rewrites);
        path = SourcePath::new(path.root, text.as_bytes());
    }
    let expected = match &request.expected {
        None => None,
        Some(digest) => {
            let path = store
                .directory()
                .fixed_output_path(&request.name, request.method, digest)
                .map_err(|error| error::store(&error))?;
            if store.is_valid(&path).map_err(|error| error::store(&error))? {
                return Ok(Value::string(eval.heap(), store_string(eval, &path)));
            }
            Some(path)
        }
    };
    let place = eval.led_to(&path, Links::All)?;
    let source = Source {
        name: &request.name,
        path: &place,
        filter: request.filter,
        method: request.method,
        algorithm: HashAlgorithm::Sha256,
    };
    let added = copy::add(eval, &source)?;
    if expected.is_some_and(|expected| expected != added) {
        return Err(error::other(format!(
            "store path mismatch in (possibly filtered) path added from '{}'",
            eval.shown_path(&path)
        )));
    }
    Ok(Value::string(eval.heap(), store_string(eval, &added)))
}

/// Reads `sha256`; an empty one stands for a hash that nobody knows yet.
fn expected_hash(eval: &Eval<'_>, text: &str) -> Result<Hash> {
    if !text.is_empty() {
        return Hash::parse(text, Some(HashAlgorithm::Sha256))
            .map_err(|error| error::store(&error));
    }
    super::derivation::empty_hash(eval, HashAlgorithm::Sha256)
}
