//! `builtin:nivis-link-tree`: a tree of links and small files from a list.
//!
//! The structured attribute `entries` lists what the output, a directory, holds. Each entry has a
//! `path` below the output, and is one of
//!
//! - `target`: a symbolic link with exactly that text; `mode`, if given, is `symlink`;
//! - `text`: a file that holds it; `mode` is `0644` (the default) or `0755`;
//! - `target` with `mode` `0644` or `0755`: a copy of the file there.
//!
//! A later entry replaces an earlier one of the same path.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::write_file::{make_parents, write};
use super::{Request, explain, relative};

/// What an entry is.
#[derive(Debug, PartialEq, Eq)]
enum Entry<'e> {
    Link { target: &'e str },
    File { text: &'e str, is_executable: bool },
    Copy { of: &'e str, is_executable: bool },
}

/// Makes the tree.
pub(super) fn build(request: &Request<'_>) -> Result<(), String> {
    let out = request.out()?;
    let attributes = request
        .structured
        .as_ref()
        .ok_or("'builtin:nivis-link-tree' needs structured attributes ('__structuredAttrs')")?;
    let entries = entries(attributes.get("entries").unwrap_or(&Value::Null))?;
    fs::create_dir(out).map_err(explain("create", out))?;
    for (path, entry) in &entries {
        let place = out.join(path);
        make_parents(&place, out)?;
        match entry {
            Entry::Link { target } => {
                std::os::unix::fs::symlink(target, &place).map_err(explain("link", &place))?;
            }
            Entry::File { text, is_executable } => write(&place, text.as_bytes(), *is_executable)?,
            Entry::Copy { of, is_executable } => {
                let source = Path::new(of);
                let contents = request.view.resolve(source).and_then(|it| fs::read(it.real));
                write(&place, &contents.map_err(explain("read", source))?, *is_executable)?;
            }
        }
    }
    Ok(())
}

/// Reads the list, in the order of paths.
///
/// # Errors
///
/// Entries that are malformed, lead out of the tree, or lie below each other.
fn entries(list: &Value) -> Result<BTreeMap<PathBuf, Entry<'_>>, String> {
    let list = list.as_array().ok_or("attribute 'entries' must be a list")?;
    let mut entries = BTreeMap::new();
    for item in list {
        let (path, entry) = parse(item)?;
        entries.insert(path, entry);
    }
    let mut above: Option<&Path> = None;
    for path in entries.keys() {
        // In the order of paths what lies below an entry follows it directly.
        if let Some(above) = above.filter(|above| path.starts_with(above)) {
            let (path, above) = (path.display(), above.display());
            return Err(format!("the entry '{path}' lies below the entry '{above}'"));
        }
        above = Some(path);
    }
    Ok(entries)
}

fn parse(item: &Value) -> Result<(PathBuf, Entry<'_>), String> {
    let text = |name: &str| match item.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(format!("attribute '{name}' of an entry must be a string")),
    };
    let path = text("path")?.ok_or("an entry has no 'path'")?;
    let (target, contents) = (text("target")?, text("text")?);
    let entry = match (text("mode")?, target, contents) {
        (None | Some("symlink"), Some(""), None) => {
            return Err(format!("the link '{path}' has an empty target"));
        }
        (None | Some("symlink"), Some(target), None) => Entry::Link { target },
        (None | Some("0644"), None, Some(text)) => Entry::File { text, is_executable: false },
        (Some("0755"), None, Some(text)) => Entry::File { text, is_executable: true },
        (Some("0644"), Some(of), None) => Entry::Copy { of, is_executable: false },
        (Some("0755"), Some(of), None) => Entry::Copy { of, is_executable: true },
        (Some("symlink" | "0644" | "0755") | None, ..) => {
            return Err(format!("the entry '{path}' must have either a 'target' or a 'text'"));
        }
        (Some(mode), ..) => {
            return Err(format!("the entry '{path}' has the unknown mode '{mode}'"));
        }
    };
    Ok((relative(path)?, entry))
}
