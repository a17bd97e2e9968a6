//! `nix-store --export` and `--import`: objects with what is known of them, in one stream.
//!
//! Each object is `1`, its archive, a magic number, its path, its references, its deriver and `0`;
//! `0` ends the stream. Numbers are 64 bits, little-endian; texts are as in archives.

use super::{Line, no_operands, paths};
use crate::context::Context;
use crate::report::{Failure, Outcome, of_store};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::path::Path;
use store::closure::sorted_by_reference;
use store::hash::Hasher;
use store::nar::memory::MemoryTree;
use store::nar::writer::{everything, write_nar, write_string};
use store::{Hash, HashAlgorithm, HashFormat, PathInfo, Store, StorePath};

/// What stands between an object's archive and its record.
const MAGIC: u64 = 0x4558_494e;

/// No text in such a stream is longer, in bytes.
const TEXT_LENGTH_MAX: u64 = 1 << 16;

/// Writes the operands to stdout, each after those of them that it refers to.
pub(super) fn export(cx: &Context, line: &Line) -> Outcome {
    let store = cx.open_store()?;
    let store = store.as_ref();
    let mut infos = BTreeMap::new();
    for path in paths(store, line)? {
        let known = store.path_info(&path).map_err(of_store)?;
        let shown = || store.directory().display(&path);
        let info = known.ok_or_else(|| Failure::new(format!("path '{}' is not valid", shown())))?;
        infos.insert(path, info);
    }
    let references =
        infos.iter().map(|(path, info)| (path.clone(), info.references.clone())).collect();
    let mut out = cx.ui.writer();
    for path in sorted_by_reference(&references).map_err(Failure::new)? {
        let Some(info) = infos.get(&path) else { continue };
        write_number(&mut out, 1)?;
        export_one(store, info, &mut out)?;
    }
    write_number(&mut out, 0)?;
    Ok(out.flush()?)
}

fn export_one(store: &dyn Store, info: &PathInfo, out: &mut dyn Write) -> Outcome {
    let directory = store.directory();
    let (tree, place) = store.tree(&info.path).map_err(of_store)?;
    let mut tee = Tee { out, hasher: Hasher::new(HashAlgorithm::Sha256) };
    write_nar(tree.as_ref(), &place, &mut everything, &mut tee).map_err(of_store)?;
    let Tee { out, hasher } = tee;
    let found = hasher.finish();
    if found != info.nar_hash {
        let path = directory.display(&info.path);
        let expected = info.nar_hash.prefixed(HashFormat::Base32);
        let found = found.prefixed(HashFormat::Base32);
        return Err(Failure::new(format!(
            "hash of path '{path}' has changed from '{expected}' to '{found}'!"
        )));
    }
    write_number(out, MAGIC)?;
    write_string(out, directory.display(&info.path).as_bytes())?;
    write_number(out, info.references.len() as u64)?;
    for reference in &info.references {
        write_string(out, directory.display(reference).as_bytes())?;
    }
    let deriver = info.deriver.as_ref().map(|deriver| directory.display(deriver));
    write_string(out, deriver.unwrap_or_default().as_bytes())?;
    Ok(write_number(out, 0)?)
}

/// Passes bytes on and hashes them.
struct Tee<'o> {
    out: &'o mut dyn Write,
    hasher: Hasher,
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.write_all(bytes.get(..count).unwrap_or_default())?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Adds the objects of the stream on stdin and prints their paths.
pub(super) fn import(cx: &Context, line: &Line) -> Outcome {
    no_operands(line)?;
    let store = cx.open_store()?;
    let mut stream = io::BufReader::new(io::stdin());
    loop {
        match read_number(&mut stream)? {
            0 => return Ok(()),
            1 => {}
            _ => {
                return Err(Failure::new(
                    "input doesn't look like something created by 'nix-store --export'",
                ));
            }
        }
        let path = import_one(store.as_ref(), &mut stream)?;
        cx.ui.line(store.directory().display(&path))?;
    }
}

fn import_one(store: &dyn Store, stream: &mut dyn Read) -> Outcome<StorePath> {
    let tree = MemoryTree::from_nar(stream).map_err(of_store)?;
    if read_number(stream)? != MAGIC {
        return Err(Failure::new("Nix archive cannot be imported; wrong format"));
    }
    let parse = |text: &str| store.directory().parse(text).map_err(of_store);
    let path = parse(&read_text(stream)?)?;
    let mut references = BTreeSet::new();
    for _ in 0..read_number(stream)? {
        references.insert(parse(&read_text(stream)?)?);
    }
    let deriver = read_text(stream)?;
    if read_number(stream)? == 1 {
        // Signatures of old: nobody checks them any more.
        read_text(stream)?;
    }
    let mut archive = Vec::new();
    write_nar(&tree, Path::new(""), &mut everything, &mut archive).map_err(of_store)?;
    let size = archive.len() as u64;
    let mut info = PathInfo::new(path.clone(), Hash::sha256(&archive), size);
    info.references = references;
    info.deriver = if deriver.is_empty() { None } else { Some(parse(&deriver)?) };
    store.add_nar(&info, &mut archive.as_slice()).map_err(of_store)?;
    Ok(path)
}

fn write_number(out: &mut dyn Write, number: u64) -> io::Result<()> {
    out.write_all(&number.to_le_bytes())
}

fn read_number(stream: &mut dyn Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// Reads a text: its length, its bytes, and zeros up to a multiple of eight.
fn read_text(stream: &mut dyn Read) -> Outcome<String> {
    let length = read_number(stream)?;
    if length > TEXT_LENGTH_MAX {
        return Err(Failure::new(format!("a text of {length} bytes is too long")));
    }
    let mut bytes = vec![0; length.next_multiple_of(8) as usize];
    stream.read_exact(&mut bytes)?;
    bytes.truncate(length as usize);
    String::from_utf8(bytes).map_err(Failure::during("reading a text"))
}

#[cfg(test)]
mod tests {
    use super::{read_number, read_text, write_number, write_string};

    #[test]
    fn numbers_and_texts_are_read_as_written() {
        let mut stream = Vec::new();
        write_number(&mut stream, 7).expect("memory takes it");
        write_string(&mut stream, b"abc").expect("memory takes it");
        assert_eq!(stream.len(), 24);
        let mut rest = stream.as_slice();
        assert_eq!(read_number(&mut rest).expect("it is there"), 7);
        assert_eq!(read_text(&mut rest).expect("it is there"), "abc");
        assert!(read_number(&mut rest).is_err());
        let long = u64::MAX.to_le_bytes();
        assert!(read_text(&mut long.as_slice()).is_err());
    }
}
