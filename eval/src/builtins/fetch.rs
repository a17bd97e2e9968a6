//! Fetching: files and trees by their address, into the store.

use store::fetch::{FetchKind, FetchOptions, FetchRequest};
use store::hash::{HashAlgorithm, HashFormat};
use store::{FetchError, FileMethod, Hash};

use crate::builtins;
use crate::coerce::plain_string;
use crate::copy::store_string;
use crate::error::{self, FrameKind, Result};
use crate::flake;
use crate::flake::reference::{Attr, Attrs as Parts, Reference, Refusal};
use crate::heap::{Kind, Value};
use crate::interpret::Eval;
use crate::source::{Position, canonical};

builtins! {
    /// Downloads a file into the store and returns its path.
    ///
    /// `source` is an address, or a set of its `url`, the `name` of the store object (by default
    /// the last component of the address) and the `sha256` that the file must have. Without a hash
    /// an address is asked again after an hour (the setting `tarball-ttl`).
    ///
    /// ```nix
    /// builtins.fetchurl { }              # error: 'url' argument required
    /// builtins.fetchurl "https://a/b c"  # error: name 'b c' contains illegal character ' '
    /// ```
    "fetchurl"(source: Value<'h>) => fetchurl;

    /// Downloads a tar archive, unpacks it into the store and returns the path of the tree.
    ///
    /// The archive may be compressed with gzip, bzip2 or xz; a single directory at its top gives
    /// way to what is in it. `source` is as for `fetchurl`; the name is `source` by default, and
    /// `sha256` is the hash of the tree, as `nix-prefetch-url --unpack` tells it.
    ///
    /// ```nix
    /// fetchTarball { url = "https://a"; rev = "b"; }  # error: unsupported argument 'rev'
    /// ```
    global "fetchTarball"(source: Value<'h>) => fetch_tarball;
}

fn fetchurl<'h>(eval: &mut Eval<'h>, source: Value<'h>) -> Result<Value<'h>> {
    fetch(eval, source, "fetchurl", FetchKind::File)
}

fn fetch_tarball<'h>(eval: &mut Eval<'h>, source: Value<'h>) -> Result<Value<'h>> {
    fetch(eval, source, "fetchTarball", FetchKind::Tarball)
}

/// What was asked for, in the words of the language.
#[derive(Default)]
struct Source {
    url: Option<String>,
    name: Option<String>,
    expected: Option<Hash>,
    is_set: bool,
}

fn fetch<'h>(
    eval: &mut Eval<'h>,
    source: Value<'h>,
    builtin: &str,
    kind: FetchKind,
) -> Result<Value<'h>> {
    let source = read(eval, source, builtin)?;
    let Some(mut url) = source.url.clone() else {
        return Err(error::other("'url' argument required"));
    };
    if kind == FetchKind::Tarball {
        url = resolved(url);
    }
    check_allowed(eval, &url)?;
    let name = match (&source.name, kind) {
        (Some(name), _) if !name.is_empty() => name.clone(),
        (None, FetchKind::Tarball) => "source".to_owned(),
        (_, _) => base_name(&url).to_owned(),
    };
    if let Err(problem) = store::path::check_name(&name) {
        return Err(bad_name(&url, &source, builtin, &problem.to_string()));
    }
    if eval.settings().pure && source.expected.is_none() {
        return Err(error::other(format!(
            "in pure evaluation mode, '{builtin}' requires a 'sha256' argument"
        )));
    }
    if !url.contains(':') {
        return Err(error::other(format!("URL '{url}' doesn't have a scheme")));
    }
    if kind == FetchKind::Tarball {
        return fetch_archive(eval, &url, &name, source.expected.as_ref());
    }
    let expected = source.expected;
    let request = FetchRequest { url, kind, name, expected, headers: Vec::new() };
    let fetched = eval.store().fetch(&request, &FetchOptions::default(), &store::event::Silent);
    let path = fetched.map_err(|error| error::store(&error))?;
    Ok(Value::string(eval.heap(), store_string(eval, &path)))
}

/// Fetches an archive as a tree of which no more is told than its path.
fn fetch_archive<'h>(
    eval: &mut Eval<'h>,
    url: &str,
    name: &str,
    expected: Option<&Hash>,
) -> Result<Value<'h>> {
    let text = |text: &str| Attr::Text(text.to_owned());
    let parts = Parts::from([
        ("type".to_owned(), text("tarball")),
        ("url".to_owned(), text(url)),
        ("name".to_owned(), text(name)),
    ]);
    if let Some(expected) = expected {
        let directory = eval.store().directory();
        let path = directory.fixed_output_path(name, FileMethod::Recursive, expected);
        let path = path.map_err(|error| error::store(&error))?;
        if eval.store().is_valid(&path).map_err(|error| error::store(&error))? {
            eval.store().add_temporary_root(&path).map_err(|error| error::store(&error))?;
            return Ok(Value::string(eval.heap(), store_string(eval, &path)));
        }
    }
    let reference = Reference::from_attrs(parts, false).map_err(Refusal::into_error)?;
    let tree = flake::fetch_tree(eval, &reference)?;
    let found = tree.locked.text("narHash").unwrap_or_default();
    if let Some(expected) = expected.filter(|it| it.digits(HashFormat::Sri) != found) {
        let found = Hash::parse(&found, Some(HashAlgorithm::Sha256));
        let found = found.map_err(|error| error::store(&error))?;
        return Err(error::store(&FetchError::HashMismatch {
            url: url.to_owned(),
            expected: Box::new(*expected),
            found: Box::new(found),
        }));
    }
    Ok(Value::string(eval.heap(), store_string(eval, &tree.path)))
}

/// Reads the argument: an address or a set.
fn read<'h>(eval: &mut Eval<'h>, source: Value<'h>, builtin: &str) -> Result<Source> {
    let mut read = Source::default();
    let Kind::Attrs(attrs) = source.kind() else {
        let step = "while evaluating the url we should fetch";
        read.url = Some(text(eval, source, Position::NONE, step)?);
        return Ok(read);
    };
    read.is_set = true;
    for attr in attrs.iter_by_name(eval.heap()) {
        let step = match attr.name.as_bytes() {
            b"url" => "while evaluating the url we should fetch",
            b"sha256" => "while evaluating the sha256 of the content we should fetch",
            b"name" => "while evaluating the name of the content we should fetch",
            _ => {
                let name = attr.name.to_text();
                let message = format!("unsupported argument '{name}' to '{builtin}'");
                return Err(error::other(message));
            }
        };
        let forced = eval.force(attr.slot);
        let value =
            forced.map_err(|error| error.frame(attr.position, FrameKind::Evaluator, step))?;
        let text = text(eval, value, attr.position, step)?;
        match attr.name.as_bytes() {
            b"url" => read.url = Some(text),
            b"name" => read.name = Some(text),
            _ if text.is_empty() => {
                read.expected = Some(super::derivation::empty_hash(eval, HashAlgorithm::Sha256)?);
            }
            _ => {
                let hash = Hash::parse(&text, Some(HashAlgorithm::Sha256));
                read.expected = Some(hash.map_err(|error| error::store(&error))?);
            }
        }
    }
    Ok(read)
}

fn text<'h>(
    eval: &mut Eval<'h>,
    value: Value<'h>,
    position: Position,
    step: &str,
) -> Result<String> {
    let is_string = value.as_string().is_some();
    match plain_string(eval, value) {
        Ok(string) => Ok(string.to_text().into_owned()),
        Err(error) => {
            let error = if is_string { error } else { error.at(position) };
            Err(error.frame(position, FrameKind::Evaluator, step))
        }
    }
}

fn bad_name(url: &str, source: &Source, builtin: &str, problem: &str) -> Box<error::EvalError> {
    let advice = if source.name.is_some() {
        format!("Please change the value for the 'name' attribute passed to '{builtin}', so that")
    } else if source.is_set {
        format!("Please add a valid 'name' attribute to the argument for '{builtin}', so that")
    } else {
        // The two spaces are the oracle's.
        format!(
            "Please pass an attribute set with 'url' and 'name' attributes to '{builtin}',  so that"
        )
    };
    error::other(format!(
        "invalid store path name when fetching URL '{url}': {problem}. {advice} it can create a \
         valid store path."
    ))
}

/// Returns the last component of an address, as of a path; slashes at the end do not count.
fn base_name(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.rsplit_once('/').map_or(url, |(_, name)| name)
}

/// Returns the address that `channel:NAME` stands for.
///
/// Source: CppNix, `EvalSettings::resolvePseudoUrl`.
pub(crate) fn resolved(url: String) -> String {
    match url.strip_prefix("channel:") {
        Some(channel) => format!("https://channels.nixos.org/{channel}/nixexprs.tar.xz"),
        None => url,
    }
}

/// Refuses what a restricted evaluation may not fetch.
///
/// Source: CppNix, `EvalState::checkURI`.
pub(crate) fn check_allowed(eval: &mut Eval<'_>, url: &str) -> Result<()> {
    let settings = eval.settings();
    let is_listed = settings.allowed_uris.iter().any(|prefix| {
        url.strip_prefix(prefix.as_str()).is_some_and(|rest| {
            let is_scheme = prefix.ends_with(':') || prefix.ends_with('/');
            rest.is_empty() || is_scheme || rest.starts_with('/')
        })
    });
    if !settings.restrict || is_listed {
        return Ok(());
    }
    let file = url.strip_prefix("file://").or(Some(url)).filter(|path| path.starts_with('/'));
    if let Some(path) = file {
        let path = canonical(path.as_bytes());
        return eval.check_allowed(&crate::source::SourcePath::new(crate::source::HOST, &path));
    }
    Err(error::other(format!("access to URI '{url}' is forbidden in restricted mode")))
}

#[cfg(test)]
mod tests {
    use super::{base_name, resolved};

    #[test]
    fn names_are_the_last_components() {
        assert_eq!(base_name("https://a/b.tar.gz"), "b.tar.gz");
        assert_eq!(base_name("https://a/b//"), "b");
        assert_eq!(base_name("a"), "a");
        assert_eq!(base_name("//"), "");
    }

    #[test]
    fn channels_are_addresses() {
        let address = "https://channels.nixos.org/nixos-25.05/nixexprs.tar.xz";
        assert_eq!(resolved("channel:nixos-25.05".to_owned()), address);
        assert_eq!(resolved("http://a".to_owned()), "http://a");
    }
}
