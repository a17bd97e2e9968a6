//! `fetchClosure`: an object of a binary cache, with all that it refers to.
//!
//! Source: CppNix, `prim_fetchClosure`; the words are its own.

use store::event::Silent;
use store::{ClosureRequest, FetchOptions, PathInfo, StorePath};

use super::expect;
use crate::builtins;
use crate::coerce::{self, Mode};
use crate::copy::store_string;
use crate::error::{self, EvalError, FrameKind, Result};
use crate::heap::{Kind, Value};
use crate::interpret::Eval;

builtins! {
    /// Copies a store object with all that it refers to from a binary cache, and returns its path.
    ///
    /// `arguments` has `fromStore`, the address of the cache, and `fromPath`, the object. Its path
    /// must follow from its contents; one that follows from a derivation is taken with
    /// `inputAddressed = true` if somebody trusted has signed it, or put at a path that follows
    /// from its contents, which is `toPath` (if that is empty, the error says what it would be).
    ///
    /// ```nix
    /// builtins.fetchClosure 1  # error: expected a set but found an integer: 1
    /// ```
    "fetchClosure" feature "fetch-closure" (arguments: Value<'h>) => fetch_closure;
}

/// What was asked for.
#[derive(Default)]
struct Arguments {
    from_store: Option<String>,
    from_path: Option<StorePath>,
    to_path: Option<Target>,
    input_addressed: bool,
}

/// Where the object is to be put.
enum Target {
    /// Nobody knows.
    Gap,
    Path(StorePath),
}

fn fetch_closure<'h>(eval: &mut Eval<'h>, arguments: Value<'h>) -> Result<Value<'h>> {
    let Arguments { from_store, from_path, to_path, input_addressed } = read(eval, arguments)?;
    let missing =
        |name| error::other(format!("attribute '{name}' is missing in call to 'fetchClosure'"));
    let path = from_path.ok_or_else(|| missing("fromPath"))?;
    if input_addressed && to_path.is_some() {
        return Err(error::other(
            "attribute 'inputAddressed' is set to true, but 'toPath' is also set. Please remove \
             one of them",
        ));
    }
    let cache = from_store.ok_or_else(|| missing("fromStore"))?;
    check_address(eval, &cache)?;
    let request = ClosureRequest { cache, path, rewrites: to_path.is_some() };
    let path = match to_path {
        Some(target) => rewritten(eval, &request, target)?,
        None => copied(eval, &request, input_addressed)?,
    };
    eval.allow_closure(&path)?;
    Ok(Value::string(eval.heap(), store_string(eval, &path)))
}

fn read<'h>(eval: &mut Eval<'h>, arguments: Value<'h>) -> Result<Arguments> {
    let step = "while evaluating the argument passed to builtins.fetchClosure";
    let attrs = expect::attrs(eval, arguments, step)?;
    let mut read = Arguments::default();
    for attr in attrs.iter(eval.heap()) {
        let name = attr.name.to_text();
        let on_the_way = |error: Box<EvalError>| {
            let step =
                format!("while evaluating the attribute '{name}' passed to builtins.fetchClosure");
            error.frame(attr.position, FrameKind::Evaluator, step)
        };
        match attr.name.as_bytes() {
            b"fromPath" => {
                let value = eval.force(attr.slot)?;
                read.from_path = Some(store_path(eval, value).map_err(on_the_way)?);
            }
            b"toPath" => {
                let value = eval.force(attr.slot)?;
                let is_gap = value.as_string().is_some_and(|text| text.bytes().is_empty());
                read.to_path = Some(if is_gap {
                    Target::Gap
                } else {
                    Target::Path(store_path(eval, value).map_err(on_the_way)?)
                });
            }
            b"fromStore" => {
                let value = eval.force(attr.slot)?;
                let text = coerce::plain_string(eval, value);
                let text = text.map_err(|error| on_the_way(error.at(attr.position)))?;
                read.from_store = Some(text.to_text().into_owned());
            }
            b"inputAddressed" => {
                let value = eval.force(attr.slot)?;
                read.input_addressed = value.as_bool().ok_or_else(|| {
                    let error = builtins::table::wrong_type(eval, "a Boolean", value);
                    on_the_way(error.at(attr.position))
                })?;
            }
            _ => {
                return Err(error::other(format!(
                    "attribute '{name}' isn't supported in call to 'fetchClosure'"
                )));
            }
        }
    }
    Ok(read)
}

/// Returns the store object that a value leads to.
fn store_path<'h>(eval: &mut Eval<'h>, value: Value<'h>) -> Result<StorePath> {
    let text = match value.kind() {
        Kind::Path(path) => String::from_utf8_lossy(path.bytes).into_owned(),
        _ => coerce::to_string(eval, value, Mode::Plain)?.to_text().into_owned(),
    };
    match eval.store().directory().split(&text) {
        Ok((path, _)) => Ok(path),
        Err(_) => Err(error::other(format!("path '{text}' is not in the Nix store"))),
    }
}

/// Refuses addresses that are no binary caches on the web.
fn check_address(eval: &Eval<'_>, address: &str) -> Result<()> {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    // The oracle's own tests, which are ours too, have no server.
    let is_test = || eval.system().env(b"_NIX_IN_TEST").is_some();
    let is_known = match scheme {
        Some("http" | "https") => true,
        Some("file") => is_test(),
        _ => false,
    };
    if !is_known {
        return Err(error::other("'fetchClosure' only supports http:// and https:// stores"));
    }
    if address.contains('?') {
        return Err(error::other(format!(
            "'fetchClosure' does not support URL query parameters (in '{address}')"
        )));
    }
    Ok(())
}

/// Returns what the store knows of an object.
fn info(eval: &Eval<'_>, path: &StorePath) -> Result<Option<PathInfo>> {
    eval.store().path_info(path).map_err(|error| error::store(&error))
}

fn fetch(eval: &Eval<'_>, request: &ClosureRequest) -> Result<StorePath> {
    let fetched = eval.store().fetch_closure(request, &FetchOptions::default(), &Silent);
    fetched.map_err(|error| error::store(&error))
}

/// Copies an object to the path that it has in the cache.
fn copied(eval: &Eval<'_>, request: &ClosureRequest, input_addressed: bool) -> Result<StorePath> {
    let path = &request.path;
    let store = eval.store();
    store.add_temporary_root(path).map_err(|error| error::store(&error))?;
    if info(eval, path)?.is_none() {
        fetch(eval, request)?;
    }
    let directory = store.directory();
    let follows = info(eval, path)?.is_some_and(|info| info.is_content_addressed(directory));
    let shown = directory.display(path);
    match (follows, input_addressed) {
        (true, false) | (false, true) => Ok(path.clone()),
        (false, false) => Err(error::other(format!(
            "The 'fromPath' value '{shown}' is input-addressed, but 'inputAddressed' is set to \
             'false' (default).\n\n\
             If you do intend to fetch an input-addressed store path, add\n\n    \
             inputAddressed = true;\n\n\
             to the 'fetchClosure' arguments.\n\n\
             Note that to ensure authenticity input-addressed store paths, users must configure a \
             trusted binary cache public key on their systems. This is not needed for \
             content-addressed paths."
        ))),
        (true, true) => Err(error::other(format!(
            "The store object referred to by 'fromPath' at '{shown}' is not input-addressed, but \
             'inputAddressed' is set to 'true'.\n\n\
             Remove the 'inputAddressed' attribute (it defaults to 'false') to expect 'fromPath' \
             to be content-addressed"
        ))),
    }
}

/// Copies an object to the path that follows from its contents.
fn rewritten(eval: &Eval<'_>, request: &ClosureRequest, target: Target) -> Result<StorePath> {
    let store = eval.store();
    let directory = store.directory();
    let from = directory.display(&request.path);
    let target = match target {
        Target::Path(target) => target,
        Target::Gap => {
            let found = directory.display(&fetch(eval, request)?);
            return Err(error::other(format!(
                "rewriting '{from}' to content-addressed form yielded '{found}'\n\
                 Use this value for the 'toPath' attribute passed to 'fetchClosure'"
            )));
        }
    };
    store.add_temporary_root(&target).map_err(|error| error::store(&error))?;
    let shown = directory.display(&target);
    if info(eval, &target)?.is_none() {
        let found = fetch(eval, request)?;
        if found != target {
            let found = directory.display(&found);
            return Err(error::other(format!(
                "rewriting '{from}' to content-addressed form yielded '{found}', while '{shown}' \
                 was expected"
            )));
        }
    }
    if !info(eval, &target)?.is_some_and(|info| info.is_content_addressed(directory)) {
        return Err(error::other(format!(
            "The 'toPath' value '{shown}' is input-addressed, so it can't possibly be the result \
             of rewriting to a content-addressed path.\n\n\
             Set 'toPath' to an empty string to make Nix report the correct content-addressed path."
        )));
    }
    Ok(target)
}
