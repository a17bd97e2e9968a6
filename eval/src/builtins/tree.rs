//! Trees from elsewhere: flakes, and what flakes are fetched with.

use crate::builtins;
use crate::builtins::argument::Plain;
use crate::coerce::{self, Mode, Purpose};
use crate::copy;
use crate::error::{self, FrameKind, Result};
use crate::flake::reference::{Attr, Attrs as Parts, Reference, Refusal};
use crate::flake::registry::{self, Lookup};
use crate::flake::{self, Telling, lock, lock::LockOptions};
use crate::heap::{Attrs, AttrsBuilder, Kind, Symbol, Value};
use crate::interpret::Eval;
use crate::json;
use crate::print;
use crate::source::Position;

builtins! {
    /// Fetches the tree that a flake reference or its attributes name, and returns its store path
    /// and what is known of it.
    ///
    /// ```nix
    /// builtins.fetchTree { type = "path"; path = "a"; }
    /// # error: cannot fetch input 'path:a' because it uses a relative path
    /// builtins.fetchTree { }  # error: argument 'type' is missing in call to 'fetchTree'
    /// ```
    global "fetchTree" feature "fetch-tree" (tree: Value<'h>) => fetch_tree;

    /// Fetches a tree of a Git repository, and returns its store path and what is known of it.
    ///
    /// `source` is an address or a path, or a set of
    ///
    /// - `url`: the address or the path;
    /// - `name`: of the store object, by default `source`;
    /// - `ref`: the branch or tag, by default what the repository calls its own; without it and
    ///   without `rev` a repository on this machine gives its working tree, as it is tracked;
    /// - `rev`: the commit;
    /// - `allRefs`: whether a commit of any branch or tag will do;
    /// - `shallow`: whether only the commit is fetched, so that `revCount` is not known;
    /// - `submodules`: whether the trees of submodules are in it;
    /// - `exportIgnore`: whether what the attribute `export-ignore` names is left out, by default
    ///   where submodules are not wanted;
    /// - `lfs`: whether files kept by Git LFS are wanted, which are refused where there are any;
    /// - `verifyCommit`, `publicKey`, `keytype`, `publicKeys`: who must have signed the commit,
    ///   with the experimental feature `verified-fetches`.
    ///
    /// The host's `git` is needed.
    ///
    /// ```nix
    /// builtins.fetchGit { }                       # error: input attribute 'url' is missing
    /// builtins.fetchGit { url = "a"; type = ""; } # error: unexpected argument 'type'
    /// ```
    global "fetchGit"(source: Value<'h>) => fetch_git;

    /// Fetches a tree of a Mercurial repository; returns its store path and what is known of it.
    ///
    /// `source` is an address or a path, or a set of it as `url`, the `name` of the store object
    /// and `rev`: a changeset, or a branch or tag. The host's `hg` is needed.
    ///
    /// ```nix
    /// fetchMercurial { }         # error: 'url' argument required
    /// fetchMercurial { a = 1; }  # error: unsupported argument 'a' to 'fetchMercurial'
    /// ```
    global "fetchMercurial"(source: Value<'h>) => fetch_mercurial;

    /// Returns the outputs of the flake that `reference` names, with what is known of the flake.
    ///
    /// In pure evaluation the reference must name exactly one tree.
    ///
    /// ```nix
    /// builtins.getFlake "./a"  # error: flake reference './a' is not an absolute path
    /// ```
    "getFlake" feature "flakes" (reference: Plain<'h>) => get_flake;
}

fn get_flake<'h>(eval: &mut Eval<'h>, Plain(text): Plain<'h>) -> Result<Value<'h>> {
    let text = String::from_utf8_lossy(text);
    let reference = parse(eval, &text)?;
    let is_pure = eval.settings().pure;
    if is_pure && !reference.is_locked(eval.settings().fetch.trusts_forges) {
        return Err(error::other(format!(
            "cannot call 'getFlake' on unlocked flake reference '{text}', at «none»:0 (use \
             --impure to override)"
        )));
    }
    let options = LockOptions { allows_unlocked: !is_pure, ..LockOptions::default() };
    let flake = lock::get(eval, &reference, Lookup::All)?;
    let mut locked = lock::lock(eval, flake, &options)?;
    if locked.lock_file != locked.old {
        let difference = locked.lock_file.difference(&locked.old);
        let warning = format!(
            "warning: not writing modified lock file of flake '{}':\n{}",
            reference.show(),
            difference.trim_end()
        );
        eval.system().message(warning.as_bytes());
        locked.flake.is_changed = true;
    }
    flake::call(eval, &locked)
}

fn parse(eval: &Eval<'_>, text: &str) -> Result<Reference> {
    let verifies = eval.settings().has_feature("verified-fetches");
    let (reference, warnings) = Reference::parse(text, verifies).map_err(Refusal::into_error)?;
    for warning in warnings {
        eval.system().message(warning.as_bytes());
    }
    Ok(reference)
}

/// A builtin that fetches trees.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fetcher {
    Tree,
    Git,
}

impl Fetcher {
    fn name(self) -> &'static str {
        match self {
            Fetcher::Tree => "fetchTree",
            Fetcher::Git => "fetchGit",
        }
    }
}

fn fetch_tree<'h>(eval: &mut Eval<'h>, tree: Value<'h>) -> Result<Value<'h>> {
    let (reference, is_final) = reference(eval, tree, Fetcher::Tree)?;
    if is_final {
        let tree = flake::fetch_final(eval, &reference)?;
        return Ok(flake::tree_value(eval, &tree, Telling::Plain));
    }
    fetch(eval, reference, Fetcher::Tree)
}

fn fetch_git<'h>(eval: &mut Eval<'h>, source: Value<'h>) -> Result<Value<'h>> {
    let (reference, _) = reference(eval, source, Fetcher::Git)?;
    fetch(eval, reference, Fetcher::Git)
}

/// Returns the reference that an argument stands for, and whether it is final: nothing is to be
/// added to it.
fn reference<'h>(
    eval: &mut Eval<'h>,
    argument: Value<'h>,
    fetcher: Fetcher,
) -> Result<(Reference, bool)> {
    if let Kind::Attrs(attrs) = argument.kind() {
        return of_attrs(eval, attrs, fetcher);
    }
    let text = format!("while evaluating the first argument passed to '{}'", fetcher.name());
    let purpose = Purpose { position: Position::NONE, text: &text };
    let text = coerce::to_string_for(eval, argument, Mode::Plain, purpose)?.to_text().into_owned();
    if fetcher == Fetcher::Git {
        let parts = Parts::from([
            ("type".to_owned(), Attr::Text("git".to_owned())),
            ("url".to_owned(), Attr::Text(text)),
            ("exportIgnore".to_owned(), Attr::Bool(true)),
        ]);
        return Ok((Reference::from_attrs(parts, false).map_err(Refusal::into_error)?, false));
    }
    if !eval.settings().has_feature("flakes") {
        return Err(error::other(
            "passing a string argument to 'fetchTree' requires the 'flakes' experimental feature",
        ));
    }
    let verifies = eval.settings().has_feature("verified-fetches");
    let parsed = Reference::parse_address(&text, verifies).map_err(Refusal::into_error)?;
    Ok((parsed, false))
}

/// Fetches a tree, if this evaluation may, and returns what is known of it.
fn fetch<'h>(eval: &mut Eval<'h>, reference: Reference, fetcher: Fetcher) -> Result<Value<'h>> {
    let is_pure = eval.settings().pure;
    let mut reference = reference;
    if !is_pure && !reference.is_direct() && eval.settings().has_feature("flakes") {
        reference = registry::resolve(eval, &reference, Lookup::Limited)?;
    }
    if is_pure && !reference.is_locked(eval.settings().fetch.trusts_forges) {
        let shown = reference.show();
        if reference.text("narHash").is_none() {
            let name = fetcher.name();
            return Err(error::other(format!(
                "in pure evaluation mode, '{name}' doesn't fetch unlocked input '{shown}'"
            )));
        }
        let warning = format!(
            "warning: Input '{shown}' is unlocked (e.g. lacks a Git revision) but is checked by \
             NAR hash. This is not reproducible and will break after garbage collection or when \
             shared."
        );
        eval.system().message(warning.as_bytes());
    }
    let url = reference.to_url().map_err(Refusal::into_error)?;
    super::fetch::check_allowed(eval, &url)?;
    let tree = flake::fetch_tree(eval, &reference)?;
    let telling = if fetcher == Fetcher::Git { Telling::Zeros } else { Telling::Plain };
    Ok(flake::tree_value(eval, &tree, telling))
}

/// Returns the reference of attributes, and whether it is final: nothing is to be added to it.
///
/// Only `call-flake.nix` makes one that is, by a function where the language takes no such thing.
fn of_attrs<'h>(
    eval: &mut Eval<'h>,
    attrs: Attrs<'h>,
    fetcher: Fetcher,
) -> Result<(Reference, bool)> {
    let mut parts = Parts::new();
    let mut is_final = false;
    let who = fetcher.name();
    match (attrs.attr(Symbol::intern(b"type")), fetcher) {
        (Some(_), Fetcher::Git) => return Err(error::other("unexpected argument 'type'")),
        (None, Fetcher::Git) => {
            parts.insert("type".to_owned(), Attr::Text("git".to_owned()));
        }
        (Some(attr), Fetcher::Tree) => {
            let step = "while evaluating the `type` argument passed to 'fetchTree'";
            let value = eval.force_from(attr.slot, attr.position)?;
            let text = coerce::plain_string(eval, value).map_err(|error| {
                error.at(attr.position).frame(attr.position, FrameKind::Evaluator, step)
            })?;
            parts.insert("type".to_owned(), Attr::Text(text.to_text().into_owned()));
        }
        (None, Fetcher::Tree) => {
            return Err(error::other("argument 'type' is missing in call to 'fetchTree'"));
        }
    }
    for attr in attrs.iter_by_name(eval.heap()) {
        let name = attr.name.to_text().into_owned();
        if name == "type" {
            continue;
        }
        let value = eval.force_from(attr.slot, attr.position)?;
        match part(eval, &name, value, (attr.position, fetcher))? {
            Some(part) => {
                parts.insert(name, part);
            }
            None => is_final = true,
        }
    }
    let is = |name: &str| parts.get(name) == Some(&Attr::Bool(true));
    let is_git = parts.get("type") == Some(&Attr::Text("git".to_owned()));
    if fetcher == Fetcher::Git && !is("submodules") {
        parts.entry("exportIgnore".to_owned()).or_insert(Attr::Bool(true));
    }
    if fetcher == Fetcher::Tree && parts.contains_key("name") && !is_final {
        return Err(error::other(format!("argument 'name' isn’t supported in call to '{who}'")));
    }
    if is_git && fetcher == Fetcher::Tree && !is_final {
        parts.entry("shallow".to_owned()).or_insert(Attr::Bool(true));
    }
    let verifies = eval.settings().has_feature("verified-fetches");
    let reference = Reference::from_attrs(parts, verifies).map_err(Refusal::into_error)?;
    if reference.flag("__final") {
        let shown = reference.show();
        return Err(error::other(format!(
            "input '{shown}' is not allowed to use the '__final' attribute"
        )));
    }
    Ok((reference, is_final))
}

/// Returns an attribute of a reference, `None` for the word that it is final.
fn part<'h>(
    eval: &mut Eval<'h>,
    name: &str,
    value: Value<'h>,
    (position, fetcher): (Position, Fetcher),
) -> Result<Option<Attr>> {
    let who = fetcher.name();
    Ok(Some(match value.kind() {
        Kind::String(_) | Kind::Path(_) => {
            let purpose = Purpose { position, text: "" };
            let text = coerce::to_string_for(eval, value, Mode::Plain, purpose)?;
            Attr::Text(text.to_text().into_owned())
        }
        Kind::Bool(value) => Attr::Bool(value),
        Kind::Int(number) => match u64::try_from(number) {
            Ok(number) => Attr::Number(number),
            Err(_) => {
                return Err(error::other(format!(
                    "negative value given for '{who}' argument '{name}': {number}"
                )));
            }
        },
        Kind::Builtin(_) if name == "__final" => return Ok(None),
        _ if name == "publicKeys" => {
            if !eval.settings().has_feature("verified-fetches") {
                return Err(error::feature_disabled("verified-fetches"));
            }
            let mut text = coerce::Text::default();
            let options = json::Options { force: true, copy_paths: true };
            json::write(eval, value, options, &mut text)?;
            Attr::Text(String::from_utf8_lossy(&text.bytes).into_owned())
        }
        _ => {
            return Err(error::other(format!(
                "argument '{name}' to '{who}' is {} while a string, Boolean or integer is expected",
                print::show_type(value)
            )));
        }
    }))
}

/// Reads a string of an argument of `fetchMercurial`.
fn mercurial_text<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    position: Position,
    what: &str,
) -> Result<String> {
    let text = format!("while evaluating the {what} passed to builtins.fetchMercurial");
    let purpose = Purpose { position, text: &text };
    Ok(coerce::to_string_for(eval, value, Mode::Plain, purpose)?.to_text().into_owned())
}

fn fetch_mercurial<'h>(eval: &mut Eval<'h>, source: Value<'h>) -> Result<Value<'h>> {
    let mut parts = Parts::from([
        ("type".to_owned(), Attr::Text("hg".to_owned())),
        ("name".to_owned(), Attr::Text("source".to_owned())),
    ]);
    let mut url = String::new();
    if let Kind::Attrs(attrs) = source.kind() {
        for attr in attrs.iter_by_name(eval.heap()) {
            let name = attr.name.to_text().into_owned();
            let what = match name.as_str() {
                "url" | "rev" | "name" => format!("`{name}` attribute"),
                _ => {
                    let message = format!("unsupported argument '{name}' to 'fetchMercurial'");
                    return Err(error::other(message).at(attr.position));
                }
            };
            let text = if name == "url" {
                let value = eval.force_from(attr.slot, attr.position)?;
                mercurial_text(eval, value, attr.position, &what)?
            } else {
                let step = format!("while evaluating the {what} passed to builtins.fetchMercurial");
                let Plain(text) = super::expect::value_of(eval, &attr, &step)?;
                String::from_utf8_lossy(text).into_owned()
            };
            let is_revision = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            match name.as_str() {
                "url" => url = text,
                "rev" if !is_revision => {
                    parts.insert("ref".to_owned(), Attr::Text(text));
                }
                _ => {
                    parts.insert(name, Attr::Text(text));
                }
            }
        }
        if url.is_empty() {
            return Err(error::other("'url' argument required"));
        }
    } else {
        url = mercurial_text(eval, source, Position::NONE, "first argument")?;
    }
    super::fetch::check_allowed(eval, &url)?;
    if eval.settings().pure && !parts.contains_key("rev") {
        return Err(error::other(
            "in pure evaluation mode, 'fetchMercurial' requires a Mercurial revision",
        ));
    }
    let url = if url.contains("://") { url } else { format!("file://{url}") };
    parts.insert("url".to_owned(), Attr::Text(url));
    let reference = Reference::from_attrs(parts, false).map_err(Refusal::into_error)?;
    let tree = flake::fetch_tree(eval, &reference)?;
    Ok(mercurial_value(eval, &tree))
}

fn mercurial_value<'h>(eval: &mut Eval<'h>, tree: &flake::Tree) -> Value<'h> {
    let heap = eval.heap();
    let text = |text: &str| Value::string_from(heap, text.as_bytes());
    let revision = tree.locked.text("rev").unwrap_or_else(|| "0".repeat(40));
    let mut attrs = AttrsBuilder::with_capacity(5);
    let path = copy::store_string(eval, &tree.path);
    attrs.push_named("outPath", Value::string(heap, path));
    if let Some(branch) = tree.locked.text("ref") {
        attrs.push_named("branch", text(&branch));
    }
    attrs.push_named("rev", text(&revision));
    attrs.push_named("shortRev", text(revision.get(..12).unwrap_or_default()));
    if let Some(count) = tree.locked.number("revCount") {
        attrs.push_named("revCount", Value::int(count.cast_signed()));
    }
    attrs.finish_value(heap)
}
