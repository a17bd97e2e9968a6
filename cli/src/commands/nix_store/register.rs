//! `nix-store --load-db` and `--register-validity`: records of objects whose files are in place.
//!
//! A record is its lines: the path, with `--load-db` or `--hash-given` the archive's hash and
//! size, the deriver or an empty line, the number of references, and these.

use super::{Line, no_operands};
use crate::context::Context;
use crate::report::{Failure, Outcome, of_store};
use crate::stores;
use std::collections::BTreeSet;
use std::io::BufRead;
use store::hash::Hasher;
use store::local::canonical::canonicalize;
use store::nar::disk::DiskTree;
use store::nar::writer::{everything, write_nar};
use store::{Hash, HashAlgorithm, LocalStore, PathInfo, Store as _, StoreDirectory};

/// How records are read and what is done to the files.
#[derive(Clone, Copy)]
struct Manner {
    /// Whether records say the archive's hash and size.
    has_hash: bool,
    /// Whether what is valid already is registered once more.
    again: bool,
    /// Whether the files get the permissions and times of a store's.
    canonicalizes: bool,
}

/// Registers the records that `--dump-db` has printed.
pub(super) fn load_database(cx: &Context, line: &Line) -> Outcome {
    no_operands(line)?;
    register(cx, Manner { has_hash: true, again: true, canonicalizes: false })
}

/// Registers paths whose files somebody has put in place.
pub(super) fn register_validity(cx: &Context, line: &Line) -> Outcome {
    no_operands(line)?;
    let manner = Manner { has_hash: line.hash_given, again: line.reregister, canonicalizes: true };
    register(cx, manner)
}

fn register(cx: &Context, manner: Manner) -> Outcome {
    let store = stores::open_local(cx.ui, &cx.settings)?;
    let mut lines = std::io::stdin().lock();
    let mut infos = Vec::new();
    let mut known = BTreeSet::new();
    while let Some(mut info) = read(store.directory(), &mut lines, manner.has_hash)? {
        let is_valid = store.is_valid(&info.path).map_err(of_store)?;
        if is_valid && !manner.again || !known.insert(info.path.clone()) {
            continue;
        }
        take_files(&store, &mut info, manner)?;
        infos.push(info);
    }
    store.register(&infos).map_err(of_store)
}

/// Makes the files what a store's files are, and finds out what the record does not say.
fn take_files(store: &LocalStore, info: &mut PathInfo, manner: Manner) -> Outcome {
    let real = store.real_path(&info.path);
    if manner.canonicalizes {
        canonicalize(&real, None, &mut BTreeSet::new()).map_err(of_store)?;
    }
    if !manner.has_hash {
        let mut hasher = Hasher::new(HashAlgorithm::Sha256);
        write_nar(&DiskTree, &real, &mut everything, &mut hasher).map_err(of_store)?;
        info.nar_size = hasher.length();
        info.nar_hash = hasher.finish();
    }
    Ok(())
}

/// Reads the next record; none at the end.
fn read(
    directory: &StoreDirectory,
    lines: &mut dyn BufRead,
    has_hash: bool,
) -> Outcome<Option<PathInfo>> {
    let Some(path) = next(lines)? else { return Ok(None) };
    let parse = |text: &str| directory.parse(text).map_err(of_store);
    let path = parse(&path)?;
    let cut =
        || Failure::new(format!("the record of '{}' is not complete", directory.display(&path)));
    let mut line = || next(lines)?.ok_or_else(cut);
    let number = |text: String| {
        text.parse::<u64>().map_err(|_| Failure::new(format!("'{text}' is not a number")))
    };
    let (hash, size) = if has_hash {
        let hash = Hash::parse(&line()?, Some(HashAlgorithm::Sha256)).map_err(of_store)?;
        (hash, number(line()?)?)
    } else {
        (Hash::sha256(b""), 0)
    };
    let mut info = PathInfo::new(path.clone(), hash, size);
    let deriver = line()?;
    info.deriver = if deriver.is_empty() { None } else { Some(parse(&deriver)?) };
    for _ in 0..number(line()?)? {
        info.references.insert(parse(&line()?)?);
    }
    Ok(Some(info))
}

/// Returns the next line without its end; none at the end.
fn next(lines: &mut dyn BufRead) -> Outcome<Option<String>> {
    let mut line = String::new();
    if lines.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    if line.ends_with('\n') {
        line.pop();
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::read;
    use store::StoreDirectory;

    const PATH: &str = "/nix/store/00000000000000000000000000000000-a";

    #[test]
    fn records_are_read_to_the_end() {
        let directory = StoreDirectory::default();
        let text = format!("{PATH}\n\n1\n{PATH}\n{PATH}\n\n0\n");
        let mut lines = text.as_bytes();
        let first = read(&directory, &mut lines, false).expect("a good record");
        assert_eq!(first.map(|info| info.references.len()), Some(1));
        let second = read(&directory, &mut lines, false).expect("a good record");
        assert_eq!(second.map(|info| info.references.len()), Some(0));
        assert!(read(&directory, &mut lines, false).expect("the end").is_none());
    }

    #[test]
    fn what_is_cut_short_is_told() {
        let text = format!("{PATH}\n\n2\n{PATH}\n");
        let failure = read(&StoreDirectory::default(), &mut text.as_bytes(), false);
        let message = failure.expect_err("one reference is missing").message;
        assert_eq!(message, format!("the record of '{PATH}' is not complete"));
    }
}
