//! The settings that a flake would like to have, and whether it gets them.
//!
//! Some are harmless and always taken; the others are taken if the person trusts the flake
//! (`accept-flake-config`), or has said so of this very value before.
//! Source: CppNix, `ConfigFile::apply`.

use super::{Locking, parse};
use crate::context::Context;
use crate::env_vars;
use crate::evaluation;
use crate::report::{Failure, Outcome};
use crate::stores::Access;
use eval::flake::{Installable, lock};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Settings that no flake can do harm with.
const HARMLESS: [&str; 6] = [
    "bash-prompt",
    "bash-prompt-prefix",
    "bash-prompt-suffix",
    "flake-registry",
    "commit-lock-file-summary",
    "commit-lockfile-summary",
];

/// Takes the settings of the flakes that `words` name.
///
/// # Errors
///
/// A flake that cannot be fetched or read.
pub(crate) fn take_settings(cx: &mut Context, words: &[String], locking: &Locking) -> Outcome {
    for word in words {
        for (name, value) in wanted(cx, word, locking)? {
            take(cx, &name, &value)?;
        }
    }
    Ok(())
}

/// Returns the settings that a flake would like to have.
fn wanted(cx: &Context, word: &str, locking: &Locking) -> Outcome<BTreeMap<String, String>> {
    let store = cx.lazy_store(Access::Write)?;
    evaluation::run(cx, &store, Access::Write, |eval| {
        let Installable { reference, .. } = parse(eval, word)?;
        // Most flakes want nothing, and those at hand say so at once.
        if let Some(directory) = reference.source_directory() {
            let file = Path::new(&directory).join(reference.directory()).join("flake.nix");
            let text = std::fs::read(file).unwrap_or_default();
            if !text.windows(NAME.len()).any(|window| window == NAME) {
                return Ok(BTreeMap::new());
            }
        }
        super::take_inputs(eval, locking)?;
        Ok(lock::get(eval, &reference, locking.lookup())?.manifest.settings)
    })
}

/// The attribute with the settings.
const NAME: &[u8] = b"nixConfig";

fn take(cx: &mut Context, name: &str, value: &str) -> Outcome {
    let base = name.strip_prefix("extra-").unwrap_or(name);
    let is_trusted = HARMLESS.contains(&base)
        || cx.settings.is_on("accept-flake-config")
        || is_trusted(cx, name, value)?;
    if !is_trusted {
        cx.ui.warn(format!(
            "ignoring untrusted flake configuration setting '{name}'.\nPass \
             '--accept-flake-config' to trust it"
        ));
        return Ok(());
    }
    // Flakes are written for more than one program, and not all that they want is known here.
    cx.settings.set(name, value).map(drop)
}

/// Whether the person trusts this value, now or as said before.
fn is_trusted(cx: &Context, name: &str, value: &str) -> Outcome<bool> {
    let file = trusted_file();
    let mut known = file.as_deref().map(read).unwrap_or_default();
    let before = known.get(name).and_then(|it| it.get(value)).and_then(Json::as_bool);
    if let Some(is_trusted) = before {
        cx.ui.tell(format!(
            "Using saved setting for '{name} = {value}' from \
             ~/.local/share/nix/trusted-settings.json."
        ));
        return Ok(is_trusted);
    }
    if !cx.ui.is_interactive() {
        return Ok(false);
    }
    let question =
        format!("do you want to allow configuration setting '{name}' to be set to '{value}'");
    let is_trusted = cx.ui.confirm(&question)?;
    let word = if is_trusted { "trusted" } else { "untrusted" };
    let question = format!("do you want to permanently mark this value as {word}");
    if let Some(file) = file
        && cx.ui.confirm(&question)?
    {
        let values = known.entry(name).or_insert_with(|| Json::Object(Map::new()));
        if let Json::Object(values) = values {
            values.insert(value.to_owned(), is_trusted.into());
        }
        let writing = Failure::during(format!("writing '{}'", file.display()));
        write(&file, &known).map_err(writing)?;
    }
    Ok(is_trusted)
}

/// Returns the file of what the person said before.
fn trusted_file() -> Option<PathBuf> {
    let home = || env_vars::HOME.value().map(|home| PathBuf::from(home).join(".local/share"));
    let data = env_vars::XDG_DATA_HOME.value().map(PathBuf::from).or_else(home);
    data.map(|data| data.join("nix/trusted-settings.json"))
}

/// Reads the file; one that is not there, or is none, says nothing.
fn read(file: &Path) -> Map<String, Json> {
    let text = std::fs::read(file).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn write(file: &Path, known: &Map<String, Json>) -> std::io::Result<()> {
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(file, Json::Object(known.clone()).to_string())
}
