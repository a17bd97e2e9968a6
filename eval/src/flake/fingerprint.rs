//! The fingerprint of a locked flake: what all that evaluating it depends on comes down to.
//!
//! Source: CppNix, `LockedFlake::getFingerprint`.

use std::fmt::Write as _;

use store::Hash;

use super::lock::LockedFlake;
use super::reference::Reference;

/// Returns the fingerprint, in hexadecimal; `None` if something is not locked.
pub fn fingerprint(locked: &LockedFlake) -> Option<String> {
    if locked.lock_file.unlocked(true).is_some() {
        return None;
    }
    let reference = &locked.flake.tree.locked;
    let mut text = of_tree(reference, &locked.flake.resolved)?;
    // Writing to a string never fails.
    let _ = write!(text, ";{};{:#}", reference.directory(), locked.lock_file.to_json().0);
    if let Some(count) = reference.number("revCount") {
        let _ = write!(text, ";revCount={count}");
    }
    if let Some(time) = reference.last_modified() {
        let _ = write!(text, ";lastModified={time}");
    }
    Some(Hash::sha256(text.as_bytes()).to_hex())
}

/// Returns what says which tree it is, `None` if it may change; what the flake itself wants of the
/// tree is no part of it, but what was asked for (`wanted`) is.
fn of_tree(reference: &Reference, wanted: &Reference) -> Option<String> {
    let kind = reference.kind();
    let what = match kind.as_str() {
        // Only here the kind stands before it.
        "path" => format!("path:{}", reference.text("narHash")?),
        "tarball" => reference.text("narHash")?,
        "git" => {
            let mut text = reference.text("rev")?;
            for (name, mark) in [("submodules", ";s"), ("exportIgnore", ";e"), ("lfs", ";l")] {
                if wanted.flag(name) {
                    text.push_str(mark);
                }
            }
            text
        }
        "hg" | "github" | "gitlab" | "sourcehut" => reference.text("rev")?,
        _ => return None,
    };
    Some(what)
}
