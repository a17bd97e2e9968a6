//! Importing: files as expressions.

use store::StorePath;
use store::derivation::EXTENSION;

use super::derivation::output_string;
use crate::builtins;
use crate::builtins::argument::{Later, PathLike};
use crate::context::{Element, encode_all};
use crate::embedded;
use crate::error::{self, Result};
use crate::heap::{Attrs, AttrsBuilder, Slot, Str, Value};
use crate::interpret::Eval;
use crate::names::names;
use crate::realise;
use crate::source::{HOST, SourcePath};

builtins! {
    /// Returns the value of the expression in the file `path`, or in its `default.nix` if it is a
    /// directory.
    ///
    /// A file is evaluated once, however often it is imported.
    /// Importing a `.drv` file of the store gives the derivation.
    ///
    /// ```nix
    /// import (builtins.toFile "x.nix" "1 + 1")  # => 2
    /// ```
    global "import"(path: PathLike<'h>) => import;

    /// Returns the value of the expression in the file `path`, in which the attributes of `scope`
    /// are variables as well.
    ///
    /// They hide builtins of the same name. The file is evaluated anew each time.
    ///
    /// ```nix
    /// scopedImport { x = 2; } (builtins.toFile "x.nix" "x + 1")  # => 3
    /// ```
    global "scopedImport"(scope: Later<'h, Attrs<'h>>, path: PathLike<'h>) => scoped_import;
}

fn import<'h>(eval: &mut Eval<'h>, PathLike(value): PathLike<'h>) -> Result<Value<'h>> {
    let path = realise::path(eval, value)?;
    match stored_derivation(eval, &path)? {
        Some(derivation) => import_derivation(eval, &derivation),
        None => eval.import(&path),
    }
}

fn scoped_import<'h>(
    eval: &mut Eval<'h>,
    scope: Later<'h, Attrs<'h>>,
    PathLike(value): PathLike<'h>,
) -> Result<Value<'h>> {
    let path = realise::path(eval, value)?;
    match stored_derivation(eval, &path)? {
        Some(derivation) => import_derivation(eval, &derivation),
        None => {
            let scope = scope.take_now(eval, 0, "scopedImport")?;
            eval.scoped_import(scope, &path)
        }
    }
}

/// Returns the valid derivation in the store that `path` is, `None` for any other file.
fn stored_derivation(eval: &Eval<'_>, path: &SourcePath) -> Result<Option<StorePath>> {
    if path.root != HOST || !path.bytes.ends_with(EXTENSION.as_bytes()) {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&path.bytes);
    let Ok(derivation) = eval.store().directory().parse(&text) else { return Ok(None) };
    let is_valid = eval.store().is_valid(&derivation).map_err(|error| error::store(&error))?;
    Ok(is_valid.then_some(derivation))
}

/// Returns a derivation of the store as the set that `derivation` would have returned for it.
fn import_derivation<'h>(eval: &mut Eval<'h>, path: &StorePath) -> Result<Value<'h>> {
    let heap = eval.heap();
    let store = eval.store();
    let directory = store.directory();
    let derivation = store.read_derivation(path).map_err(|error| error::store(&error))?;
    let mut attrs = AttrsBuilder::with_capacity(derivation.outputs.len() + 3);
    let mut outputs = Vec::with_capacity(derivation.outputs.len());
    for (name, output) in &derivation.outputs {
        attrs.push_named(name, output_string(eval, directory, path, &derivation, (name, output))?);
        outputs.push(Value::string_from(heap, name.as_bytes()));
    }
    let context = encode_all(heap, &[Element::Deep(path.clone())]);
    let bytes = heap.arena().alloc_bytes(directory.display(path).as_bytes());
    attrs.push(names().drv_path, Value::string(heap, Str::with_context(bytes, context)));
    let name = derivation.variable("name").unwrap_or_default();
    attrs.push(names().name, Value::string_from(heap, name));
    let slots = heap.arena().alloc_slice_with(outputs.len(), |index| {
        Slot::of(outputs.get(index).copied().unwrap_or(Value::NULL))
    });
    attrs.push(names().outputs, Value::list(slots));
    let wrapper = eval.import(&embedded::imported_derivation())?;
    eval.call(wrapper, &[attrs.finish_value(heap).into()])
}
