//! A build's log: compressed to disk as it comes, told line by line, its end kept for messages.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use bzip2::Compression;
use bzip2::read::MultiBzDecoder;
use bzip2::write::BzEncoder;

use super::room::{FileError, failed};
use crate::path::StorePath;

/// Returns where the log of `derivation` is, below the log directory.
pub fn log_path(log_directory: &Path, derivation: &StorePath, is_compressed: bool) -> PathBuf {
    let (head, rest) = derivation.base_name().split_at_checked(2).unwrap_or_default();
    let suffix = if is_compressed { ".bz2" } else { "" };
    log_directory.join("drvs").join(head).join(format!("{rest}{suffix}"))
}

/// Returns what the builder of `derivation` said, `None` if no log of it is kept.
///
/// # Errors
///
/// A log that cannot be read.
pub fn read(log_directory: &Path, derivation: &StorePath) -> io::Result<Option<Vec<u8>>> {
    let open = |is_compressed| File::open(log_path(log_directory, derivation, is_compressed));
    let mut text = Vec::new();
    match open(false) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        file => {
            file?.read_to_end(&mut text)?;
            return Ok(Some(text));
        }
    }
    match open(true) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => {
            MultiBzDecoder::new(file?).read_to_end(&mut text)?;
            Ok(Some(text))
        }
    }
}

/// How long a line may get before it is told in pieces, in bytes.
const LINE_MAX_BYTES: usize = 64 * 1024;

/// How much is held back before a compressor is set up, which costs megabytes of memory: the
/// block size of the smallest one.
const SMALL_MAX_BYTES: usize = 100_000;

/// Takes a builder's output in pieces.
pub(super) struct Log {
    file: Target,
    line: Vec<u8>,
    tail: VecDeque<String>,
    tail_lines: usize,
}

/// Where the log goes.
enum Target {
    /// Nowhere: none is kept, or its disk is full.
    Nowhere,
    /// Into a file as it is.
    Plain(File),
    /// Into a file, compressed, once there is more of it.
    Small(File, Vec<u8>),
    /// Into a file, compressed.
    Large(BzEncoder<File>),
}

impl Target {
    /// Takes a piece; a log that cannot be written is given up, the build is not.
    fn write(&mut self, piece: &[u8]) {
        let target = std::mem::replace(self, Self::Nowhere);
        *self = target.written(piece).unwrap_or(Self::Nowhere);
    }

    fn written(self, piece: &[u8]) -> io::Result<Self> {
        match self {
            Self::Nowhere => Ok(Self::Nowhere),
            Self::Plain(mut file) => {
                file.write_all(piece)?;
                Ok(Self::Plain(file))
            }
            Self::Small(file, mut pending) => {
                pending.extend_from_slice(piece);
                if pending.len() < SMALL_MAX_BYTES {
                    return Ok(Self::Small(file, pending));
                }
                Self::Large(BzEncoder::new(file, Compression::best())).written(&pending)
            }
            Self::Large(mut encoder) => {
                encoder.write_all(piece)?;
                Ok(Self::Large(encoder))
            }
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Nowhere | Self::Plain(_) => Ok(()),
            Self::Small(file, pending) => {
                let mut encoder = BzEncoder::new(file, Compression::fast());
                encoder.write_all(&pending)?;
                encoder.finish().map(drop)
            }
            Self::Large(encoder) => encoder.finish().map(drop),
        }
    }
}

impl Log {
    /// Opens the log of `derivation` and forgets an earlier one.
    ///
    /// `directory` is `None` if no logs are to be kept; `tail_lines` is how much of the end to
    /// remember.
    pub(super) fn open(
        directory: Option<&Path>,
        derivation: &StorePath,
        is_compressed: bool,
        tail_lines: usize,
    ) -> Result<Self, FileError> {
        let file = match directory {
            None => Target::Nowhere,
            Some(directory) => {
                let path = log_path(directory, derivation, is_compressed);
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent).map_err(failed("create", parent))?;
                }
                let file = File::create(&path).map_err(failed("create", &path))?;
                if is_compressed { Target::Small(file, Vec::new()) } else { Target::Plain(file) }
            }
        };
        Ok(Self { file, line: Vec::new(), tail: VecDeque::new(), tail_lines })
    }

    /// Takes a piece, and tells `each` every line that it completes.
    ///
    /// A carriage return starts the line over, as on a terminal.
    pub(super) fn write(&mut self, piece: &[u8], each: &mut dyn FnMut(&str)) {
        self.file.write(piece);
        for byte in piece {
            match byte {
                b'\r' => self.line.clear(),
                b'\n' => self.end_line(each),
                byte => self.line.push(*byte),
            }
            if self.line.len() >= LINE_MAX_BYTES {
                self.end_line(each);
            }
        }
    }

    /// Ends the log and returns its last lines.
    pub(super) fn finish(mut self, each: &mut dyn FnMut(&str)) -> Vec<String> {
        if !self.line.is_empty() {
            self.end_line(each);
        }
        // As above: a log is not worth a build.
        let _ = self.file.finish();
        self.tail.into()
    }

    fn end_line(&mut self, each: &mut dyn FnMut(&str)) {
        let line = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        each(&line);
        if self.tail_lines == 0 {
            return;
        }
        if self.tail.len() == self.tail_lines {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_log_is_kept_told_and_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let base_name = "0123456789abcdfghijklmnpqrsvwxyz-x.drv";
        let path = StorePath::from_base_name(base_name).unwrap();
        let mut log = Log::open(Some(directory.path()), &path, true, 2).unwrap();
        let mut lines = Vec::new();
        let mut each = |line: &str| lines.push(line.to_owned());
        log.write(b"one\ntw", &mut each);
        log.write(b"o\n10%\r20%\rthree\nfour", &mut each);
        assert_eq!(log.finish(&mut each), ["three", "four"]);
        assert_eq!(lines, ["one", "two", "three", "four"]);
        let file = directory.path().join("drvs/01/23456789abcdfghijklmnpqrsvwxyz-x.drv.bz2");
        let mut text = String::new();
        bzip2::read::BzDecoder::new(File::open(file).unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n10%\r20%\rthree\nfour");
    }
}
