//! A build's log: compressed to disk as it comes, told line by line, its end kept for messages.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bzip2::Compression;
use bzip2::write::BzEncoder;

use crate::path::StorePath;

/// Returns where the log of `derivation` is, below the log directory.
pub fn log_path(log_directory: &Path, derivation: &StorePath) -> PathBuf {
    let (head, rest) = derivation.base_name().split_at_checked(2).unwrap_or_default();
    log_directory.join("drvs").join(head).join(format!("{rest}.bz2"))
}

/// How long a line may get before it is told in pieces, in bytes.
const LINE_MAX_BYTES: usize = 64 * 1024;

/// Takes a builder's output in pieces.
pub(super) struct Log {
    file: Option<BzEncoder<File>>,
    line: Vec<u8>,
    tail: VecDeque<String>,
    tail_lines: usize,
}

impl Log {
    /// Opens the log of `derivation` and forgets an earlier one.
    ///
    /// `directory` is `None` if no logs are to be kept; `tail_lines` is how much of the end to
    /// remember.
    pub(super) fn open(
        directory: Option<&Path>,
        derivation: &StorePath,
        tail_lines: usize,
    ) -> io::Result<Self> {
        let file = match directory {
            None => None,
            Some(directory) => {
                let path = log_path(directory, derivation);
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent)?;
                }
                Some(BzEncoder::new(File::create(path)?, Compression::best()))
            }
        };
        Ok(Self { file, line: Vec::new(), tail: VecDeque::new(), tail_lines })
    }

    /// Takes a piece, and tells `each` every line that it completes.
    ///
    /// A carriage return starts the line over, as on a terminal. A log that cannot be written,
    /// for want of disk space perhaps, is given up; the build is not.
    pub(super) fn write(&mut self, piece: &[u8], each: &mut dyn FnMut(&str)) {
        if let Some(file) = &mut self.file
            && file.write_all(piece).is_err()
        {
            self.file = None;
        }
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
        if let Some(file) = self.file {
            // As above: a log is not worth a build.
            let _ = file.finish();
        }
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
        let mut log = Log::open(Some(directory.path()), &path, 2).unwrap();
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
