//! `builtin:nivis-write-file`: one text as one file.
//!
//! Attributes: `text`; `executable`, `1` if it is; `destination`, where below the output it goes,
//! or empty if it is the output itself.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Request, explain, relative};

/// Writes the file.
pub(super) fn build(request: &Request<'_>) -> Result<(), String> {
    let out = request.out()?;
    let is_executable = request.optional("executable")?.as_deref() == Some("1");
    let place = match request.optional("destination")?.as_deref() {
        None | Some("") => out.to_path_buf(),
        Some(destination) => out.join(relative(destination)?),
    };
    let text = match request.variables.get(&b"text"[..]) {
        Some(text) => text.clone(),
        None => request.text("text")?.into_bytes(),
    };
    make_parents(&place, out)?;
    write(&place, &text, is_executable)
}

/// Makes the directories between `out` and `place`, `out` included if it is above.
pub(super) fn make_parents(place: &Path, out: &Path) -> Result<(), String> {
    let parent: PathBuf = match place.parent() {
        Some(parent) if place != out => parent.into(),
        _ => return Ok(()),
    };
    fs::create_dir_all(&parent).map_err(explain("create", &parent))
}

/// Writes a new file.
pub(super) fn write(place: &Path, text: &[u8], is_executable: bool) -> Result<(), String> {
    let mode = if is_executable { 0o555 } else { 0o444 };
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(place)
        .map_err(explain("create", place))?;
    file.write_all(text).map_err(explain("write", place))
}
