//! Where packages come from: a file, a directory of channels, or a profile.

use super::Query;
use crate::env_vars;
use crate::evaluation::{self, Stop};
use crate::report::{Failure, Outcome};
use crate::request::Input;
use crate::settings::Settings;
use eval::heap::{Attrs, AttrsBuilder, Lazy, Value};
use eval::interpret::Eval;
use eval::packages::{Package, Search};
use eval::select;
use eval::source::{HOST, SourcePath, canonical};
use eval::system::FileType;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Directories of expressions hold at most so many.
const EXPRESSIONS_MAX: usize = 1024;

/// Returns the packages that could be installed.
///
/// # Errors
///
/// Whatever evaluation meets.
pub(super) fn available<'h>(
    eval: &mut Eval<'h>,
    query: &Query,
    settings: &Settings,
) -> Result<Vec<Package<'h>>, Stop> {
    let arguments = evaluation::arguments(eval, &query.request)?;
    let root = match &query.file {
        Some(word) => {
            let path = evaluation::file(eval, word)?;
            source(eval, &path)?
        }
        None => {
            let path = expressions(settings)?;
            source(eval, &host(&path))?
        }
    };
    let value = select::select(eval, root, &query.attribute, arguments)?;
    let search = Search { prefix: &query.attribute, arguments, skips_failures: true };
    let mut packages = search.run(eval, value)?;
    if query.system != "*" {
        let mut kept = Vec::new();
        for package in packages {
            if package.system(eval)? == query.system {
                kept.push(package);
            }
        }
        packages = kept;
    }
    Ok(packages)
}

/// Returns what a profile has installed.
///
/// # Errors
///
/// When another tool made the profile, and whatever evaluation meets.
pub(super) fn installed<'h>(eval: &mut Eval<'h>, profile: &Path) -> Result<Vec<Package<'h>>, Stop> {
    if profile.join("manifest.json").exists() {
        let profile = profile.display();
        return Err(Failure::new(format!(
            "profile \"{profile}\" is incompatible with 'nix-env'; please use 'nix profile' instead"
        ))
        .into());
    }
    let manifest = profile.join("manifest.nix");
    let Ok(manifest) = manifest.canonicalize() else { return Ok(Vec::new()) };
    let value = eval.import(&host(&manifest))?;
    let arguments = Attrs::empty(eval.heap());
    let search = Search { prefix: "", arguments, skips_failures: false };
    Ok(search.run(eval, value)?)
}

fn host(path: &Path) -> SourcePath {
    SourcePath::new(HOST, &canonical(path.as_os_str().as_bytes()))
}

/// Returns the user's directory of expressions, made if it is not there.
fn expressions(settings: &Settings) -> Outcome<PathBuf> {
    let Some(directory) = settings.expressions() else {
        return Err(Failure::new("which packages? name a file with -f, because HOME is not set"));
    };
    let directory = std::path::absolute(directory)?;
    if !directory.exists() && std::fs::create_dir_all(&directory).is_ok() {
        let state = env_vars::NIX_STATE_DIR.value().map(PathBuf::from);
        let state = state.unwrap_or_else(|| PathBuf::from("/nix/var/nix"));
        let channels = state.join("profiles/per-user/root/channels");
        // A home that cannot be written has no channels.
        let _ = std::os::unix::fs::symlink(channels, directory.join("channels"));
    }
    Ok(directory)
}

/// Returns the value of a file, or of a directory: that of its `default.nix`, or the set of the
/// expressions in it, however deep.
fn source<'h>(eval: &mut Eval<'h>, path: &SourcePath) -> Result<Value<'h>, Stop> {
    let resolved = eval.resolve_links(path)?;
    match eval.file_type(&resolved)? {
        Some(FileType::Directory) if !has_default(eval, &resolved)? => {
            let mut set = AttrsBuilder::with_capacity(0);
            set.push_named("_combineChannels", Value::list(&[]));
            collect(eval, &resolved, &mut BTreeSet::new(), &mut set)?;
            Ok(set.finish_value(eval.heap()))
        }
        Some(FileType::Directory | FileType::Regular { .. }) => {
            let word = String::from_utf8_lossy(&path.bytes).into_owned();
            evaluation::value_of(eval, &Input::File(word))
        }
        Some(_) => {
            let path = path.display();
            let message = format!("path '{path}' is not a directory or a Nix expression");
            Err(Failure::new(message).into())
        }
        None => {
            let path = path.display();
            Err(Failure::new(format!("path '{path}' does not exist")).into())
        }
    }
}

fn has_default(eval: &mut Eval<'_>, path: &SourcePath) -> Result<bool, Stop> {
    let default = below(path, b"default.nix");
    let Ok(default) = eval.resolve_links(&default) else { return Ok(false) };
    Ok(eval.file_type(&default)?.is_some())
}

fn below(path: &SourcePath, name: &[u8]) -> SourcePath {
    let bytes = [&path.bytes, b"/".as_slice(), name].concat();
    SourcePath::new(path.root, &canonical(&bytes))
}

/// Adds the expressions in a directory to a set.
fn collect<'h>(
    eval: &mut Eval<'h>,
    directory: &SourcePath,
    seen: &mut BTreeSet<Vec<u8>>,
    set: &mut AttrsBuilder<'h>,
) -> Result<(), Stop> {
    let mut names: Vec<Vec<u8>> =
        eval.read_dir(directory)?.into_iter().map(|(name, _)| name).collect();
    names.sort();
    for name in names.into_iter().filter(|name| name != b"manifest.nix") {
        // Links that lead nowhere are left alone.
        let Ok(path) = eval.resolve_links(&below(directory, &name)) else { continue };
        let is_expression = match eval.file_type(&path)? {
            Some(FileType::Regular { .. }) => path.bytes.ends_with(b".nix"),
            Some(FileType::Directory) if has_default(eval, &path)? => true,
            Some(FileType::Directory) => {
                collect(eval, &path, seen, set)?;
                false
            }
            _ => false,
        };
        if !is_expression {
            continue;
        }
        let attribute = name.strip_suffix(b".nix").unwrap_or(&name).to_vec();
        if !seen.insert(attribute.clone()) {
            let path = path.display();
            let text = "warning: name collision in input Nix expressions, skipping";
            eval.system().message(format!("{text} '{path}'").as_bytes());
            continue;
        }
        if seen.len() == EXPRESSIONS_MAX {
            let directory = directory.display();
            let message = format!("too many Nix expressions in directory '{directory}'");
            return Err(Failure::new(message).into());
        }
        let Some(import) = eval.builtins()?.as_attrs().and_then(|all| all.named(b"import")) else {
            continue;
        };
        let (heap, import) = (eval.heap(), eval.force(import)?);
        let argument = Lazy::from(Value::path(heap, path.root, &path.bytes));
        let value = Lazy::apply(heap, Lazy::from(import), &[argument]);
        set.push_named(&String::from_utf8_lossy(&attribute), value);
    }
    Ok(())
}
