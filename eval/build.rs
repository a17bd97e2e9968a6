//! Tells the crate a hash of its own sources and of the parser's: the version of compiled files.
#![allow(clippy::disallowed_methods, reason = "a build script is not the evaluator")]

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let mut files = Vec::new();
    for directory in ["src", "../syntax/src"] {
        println!("cargo::rerun-if-changed={directory}");
        sources(Path::new(directory), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        std::fs::read(&file)?.hash(&mut hasher);
    }
    println!("cargo::rustc-env=NIVIS_SOURCES_HASH={:016x}", hasher.finish());
    Ok(())
}

/// Adds the Rust files below a directory.
fn sources(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
