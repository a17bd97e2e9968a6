//! `nix-store --add` and its kin: files into the store.

use super::Line;
use crate::context::Context;
use crate::report::{Failure, Outcome, of_store};
use std::collections::BTreeSet;
use std::path::Path;
use store::content_address::{ContentMethod, FileMethod};
use store::nar::disk::DiskTree;
use store::nar::writer::everything;
use store::store::NewTree;
use store::{ContentAddress, Hash, HashAlgorithm};

/// Adds each operand as CppNix's `--add` does: its archive, hashed by SHA-256.
pub(super) fn add(cx: &Context, line: &Line) -> Outcome {
    add_all(cx, &line.operands, FileMethod::Recursive, HashAlgorithm::Sha256)
}

/// Adds files by a hash of the given algorithm, flat unless `--recursive`.
pub(super) fn add_fixed(cx: &Context, line: &Line) -> Outcome {
    let Some((name, files)) = line.operands.split_first() else {
        return Err(Failure::usage("nix-store", "first argument must be hash algorithm"));
    };
    let method = if line.recursive { FileMethod::Recursive } else { FileMethod::Flat };
    add_all(cx, files, method, algorithm(name)?)
}

fn algorithm(name: &str) -> Outcome<HashAlgorithm> {
    HashAlgorithm::parse(name)
        .ok_or_else(|| Failure::new(format!("unknown hash algorithm '{name}'")))
}

fn add_all(
    cx: &Context,
    files: &[String],
    method: FileMethod,
    algorithm: HashAlgorithm,
) -> Outcome {
    let store = cx.open_store()?;
    for file in files {
        let path = std::path::absolute(file)?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let tree = NewTree {
            name,
            tree: &DiskTree,
            path: Path::new(&path),
            filter: &mut everything,
            method,
            algorithm,
            references: BTreeSet::new(),
        };
        let added = store.add_tree(tree).map_err(of_store)?;
        cx.ui.line(store.directory().display(&added))?;
    }
    Ok(())
}

/// Prints the path that a fixed output of this hash and name has.
pub(super) fn print_fixed_path(cx: &Context, line: &Line) -> Outcome {
    let [name_of_algorithm, digest, name] = line.operands.as_slice() else {
        return Err(Failure::usage("nix-store", "'--print-fixed-path' requires three arguments"));
    };
    let digest = Hash::parse(digest, Some(algorithm(name_of_algorithm)?)).map_err(of_store)?;
    let method = if line.recursive {
        ContentMethod::File(FileMethod::Recursive)
    } else {
        ContentMethod::File(FileMethod::Flat)
    };
    let store = cx.open_store()?;
    let address = ContentAddress::new(method, digest);
    let path = store.directory().content_path(name, &address, [], false).map_err(of_store)?;
    Ok(cx.ui.line(store.directory().display(&path))?)
}
