//! A shell of the host's that runs in a sandbox on its own: `/bin/sh` for builders that want one.
//!
//! A builder sees its input closure only, so the shell must not need a library: it is a statically
//! linked one, as CppNix is built with a busybox for the same purpose.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Where hosts have such shells, the smallest first.
const CANDIDATES: [&str; 4] =
    ["/bin/busybox", "/usr/bin/busybox", "/bin/bash-static", "/usr/bin/bash-static"];

/// The kind of a program header that names the dynamic linker.
const PT_INTERP: u32 = 3;

/// Returns a statically linked shell, if the host has one.
pub fn host_shell() -> Option<PathBuf> {
    let found = CANDIDATES.iter().map(Path::new).find(|path| is_static(path).unwrap_or(false));
    found.map(Path::to_path_buf)
}

/// Whether a file is a 64-bit little-endian ELF program that needs no dynamic linker.
fn is_static(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut header = [0; 64];
    file.read_exact(&mut header)?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Ok(false);
    }
    let offset = number::<8>(&header, 0x20);
    let size = number::<2>(&header, 0x36);
    let count = number::<2>(&header, 0x38);
    for index in 0..count {
        let mut kind = [0; 4];
        file.seek(SeekFrom::Start(offset.saturating_add(index * size)))?;
        file.read_exact(&mut kind)?;
        if u32::from_le_bytes(kind) == PT_INTERP {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the little-endian number of `N` bytes at `offset`.
fn number<const N: usize>(bytes: &[u8], offset: usize) -> u64 {
    let digits = bytes.get(offset..offset + N).unwrap_or_default();
    digits.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::{is_static, number};
    use std::path::Path;

    #[test]
    fn programs_with_a_linker_are_told_apart() {
        // The test program itself is linked dynamically.
        let this = std::env::current_exe().expect("it runs");
        assert!(!is_static(&this).expect("it can be read"));
        assert!(!is_static(Path::new("/dev/null")).unwrap_or(false));
    }

    #[test]
    fn numbers_are_little_endian() {
        assert_eq!(number::<2>(&[9, 0x34, 0x12], 1), 0x1234);
    }
}
