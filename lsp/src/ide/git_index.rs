//! The files that git tracks, as far as an editor asks: the index of the repository of a flake.

use eval::system::System;
use memchr::memmem;

/// How many directories above a file are looked at for a repository.
const ABOVE_MAX: usize = 32;
/// The length of what comes before the path of an entry: times, identity, hash, flags.
/// Source: git, `Documentation/gitformat-index.txt`.
const ENTRY_HEAD_BYTES: usize = 62;
/// The length of the numbers at the beginning. Source: as above.
const HEADER_BYTES: usize = 12;

/// The index of a repository.
pub(super) struct GitIndex {
    root: Vec<u8>,
    bytes: Vec<u8>,
    version: u8,
}

/// Returns the index of the repository that a file lies in, if that has a flake at its top.
pub(super) fn of_flake(system: &dyn System, path: &[u8]) -> Option<GitIndex> {
    let mut directory = parent(path)?;
    for _ in 0..ABOVE_MAX {
        let git = [directory, b"/.git"].concat();
        if system.file_type(&git).is_ok() {
            system.file_type(&[directory, b"/flake.nix"].concat()).ok()?;
            let bytes =
                system.read_file(&[&place(system, directory, git), &b"/index"[..]].concat());
            let bytes = bytes.ok()?;
            let version = *bytes.get(7)?;
            let is_index = bytes.starts_with(b"DIRC") && matches!(version, 2..=4);
            return is_index.then(|| GitIndex { root: directory.to_vec(), bytes, version });
        }
        directory = parent(directory)?;
    }
    None
}

/// Returns where a repository keeps its index: a work tree of another one has a file instead.
fn place(system: &dyn System, directory: &[u8], git: Vec<u8>) -> Vec<u8> {
    let Ok(text) = system.read_file(&git) else { return git };
    let Some(place) = text.strip_prefix(b"gitdir: ").map(<[u8]>::trim_ascii) else { return git };
    if place.starts_with(b"/") { place.to_vec() } else { [directory, b"/", place].concat() }
}

fn parent(path: &[u8]) -> Option<&[u8]> {
    let at = path.iter().rposition(|&byte| byte == b'/')?;
    path.get(..at)
}

impl GitIndex {
    /// Whether git tracks a file, or anything in a directory; `None` where that is not known.
    pub(super) fn holds(&self, path: &[u8], is_directory: bool) -> Option<bool> {
        let name = path.strip_prefix(self.root.as_slice())?.strip_prefix(b"/")?;
        if name.is_empty() {
            return None;
        }
        if self.version == 4 {
            return Some(self.compressed_holds(name, is_directory));
        }
        let end: &[u8] = if is_directory { b"/" } else { b"\0" };
        let wanted = [name, end].concat();
        let mut found = memmem::find_iter(&self.bytes, &wanted);
        Some(found.any(|at| self.begins_path(at, name.len(), is_directory)))
    }

    /// Whether the path of an entry begins at an offset, as the length before it says.
    fn begins_path(&self, at: usize, length: usize, is_directory: bool) -> bool {
        let flags = |from: usize| {
            let bytes = self.bytes.get(at.checked_sub(from)?..)?;
            Some(usize::from(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?])) & 0xfff)
        };
        // In the third version two more bytes may stand between.
        [flags(2), flags(4).filter(|_| self.version == 3)]
            .into_iter()
            .flatten()
            .any(|it| if is_directory { it > length } else { it == length.min(0xfff) })
    }

    /// In the fourth version a path says how much of the one before it keeps.
    fn compressed_holds(&self, name: &[u8], is_directory: bool) -> bool {
        let mut rest = self.bytes.get(HEADER_BYTES..).unwrap_or_default();
        let mut path: Vec<u8> = Vec::new();
        let directory = [name, b"/"].concat();
        loop {
            let Some(flags) = rest.get(ENTRY_HEAD_BYTES - 2) else { return false };
            let head = ENTRY_HEAD_BYTES + if flags & 0x40 == 0 { 0 } else { 2 };
            let Some(after) = rest.get(head..) else { return false };
            let Some((cut, after)) = number(after) else { return false };
            let Some(end) = after.iter().position(|&byte| byte == 0) else { return false };
            let Some(kept) = path.len().checked_sub(cut) else { return false };
            path.truncate(kept);
            path.extend_from_slice(after.get(..end).unwrap_or_default());
            if path == name || is_directory && path.starts_with(&directory) {
                return true;
            }
            rest = after.get(end + 1..).unwrap_or_default();
        }
    }
}

/// Reads a number of variable length. Source: git, the offsets of its packs.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0usize;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value = (value << 7) | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
        value += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use eval::system::MemorySystem;

    fn entry(path: &str) -> Vec<u8> {
        let mut bytes = vec![7; ENTRY_HEAD_BYTES - 2];
        bytes.extend((path.len() as u16).to_be_bytes());
        bytes.extend(path.as_bytes());
        bytes.push(0);
        while !bytes.len().is_multiple_of(8) {
            bytes.push(0);
        }
        bytes
    }

    fn index(bytes: Vec<u8>) -> GitIndex {
        let mut system = MemorySystem::default();
        for path in ["/w/flake.nix", "/w/a/b.nix"] {
            system.files.insert(path.as_bytes().to_vec(), Vec::new());
        }
        system.files.insert(b"/w/.git/index".to_vec(), bytes);
        of_flake(&system, b"/w/a/b.nix").expect("an index")
    }

    #[test]
    fn entries_are_whole_paths() {
        let mut bytes = b"DIRC\0\0\0\x02\0\0\0\x02".to_vec();
        bytes.extend(entry("a/tea.nix"));
        bytes.extend(entry("flake.nix"));
        let index = index(bytes);
        assert_eq!(index.holds(b"/w/flake.nix", false), Some(true));
        assert_eq!(index.holds(b"/w/tea.nix", false), Some(false));
        assert_eq!(index.holds(b"/w/a", true), Some(true));
        assert_eq!(index.holds(b"/w/b", true), Some(false));
        assert_eq!(index.holds(b"/v/x", false), None, "outside");
    }

    #[test]
    fn compressed_paths_are_put_together() {
        let mut bytes = b"DIRC\0\0\0\x04\0\0\0\x02".to_vec();
        for (cut, rest) in [(0, "a/tea.nix"), (7, "kettle.nix")] {
            bytes.extend([0; ENTRY_HEAD_BYTES]);
            bytes.push(cut);
            bytes.extend(rest.as_bytes());
            bytes.push(0);
        }
        let index = index(bytes);
        assert_eq!(index.holds(b"/w/a/kettle.nix", false), Some(true));
        assert_eq!(index.holds(b"/w/a/pot.nix", false), Some(false));
        assert_eq!(index.holds(b"/w/a", true), Some(true));
    }
}
