//! Reading archives that may be hostile.
//!
//! The reader keeps a stack of its own, bounded by [`MAX_DEPTH`]; lengths are checked before
//! anything is allocated; names, their order, and padding are those of an honest writer.

use std::io::{self, Read};

use crate::nar::{MAGIC, MAX_DEPTH, MAX_NAME_LENGTH, MAX_TARGET_LENGTH, NarError};

/// The longest of the words that structure an archive, in bytes.
const MAX_TOKEN_LENGTH: u64 = 16;

/// Is told what an archive holds, in its order.
///
/// Names are single components, checked; the root's is empty.
pub trait Visitor {
    /// A directory begins; its entries follow.
    fn enter_directory(&mut self, name: &[u8]) -> Result<(), NarError>;

    /// The directory entered last is complete.
    fn leave_directory(&mut self) -> Result<(), NarError>;

    /// A regular file, whose contents are to be read from `contents`; what is left there is
    /// skipped.
    fn file(
        &mut self,
        name: &[u8],
        executable: bool,
        contents: &mut Contents<'_>,
    ) -> Result<(), NarError>;

    /// A symbolic link.
    fn symlink(&mut self, name: &[u8], target: &[u8]) -> Result<(), NarError>;
}

/// The contents of one file of an archive.
pub struct Contents<'r> {
    stream: &'r mut dyn Read,
    size: u64,
    left: u64,
    offset: u64,
}

impl Contents<'_> {
    /// Returns the length of the contents in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns where the contents begin, in bytes from the archive's beginning.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl Read for Contents<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        let count = self.stream.read(buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Reads one archive from `stream`, and nothing after it, telling `visitor` what it holds.
///
/// # Errors
///
/// A stream that fails, is no archive, breaks a rule, or a visitor that refuses.
pub fn read_nar(stream: &mut dyn Read, visitor: &mut dyn Visitor) -> Result<(), NarError> {
    let mut source = Source { stream, offset: 0 };
    source.expect(MAGIC.as_bytes())?;
    let mut last_names: Vec<Vec<u8>> = Vec::new();
    if read_node(&mut source, visitor, b"", 0)? {
        last_names.push(Vec::new());
    }
    while let Some(last) = last_names.last_mut() {
        match source.token()?.as_slice() {
            b")" => {
                visitor.leave_directory()?;
                last_names.pop();
                if !last_names.is_empty() {
                    source.expect(b")")?;
                }
            }
            b"entry" => {
                source.expect(b"(")?;
                source.expect(b"name")?;
                let name = source.string(MAX_NAME_LENGTH)?;
                source.check_name(&name, last)?;
                last.clone_from(&name);
                source.expect(b"node")?;
                let depth = last_names.len();
                if read_node(&mut source, visitor, &name, depth)? {
                    last_names.push(Vec::new());
                } else {
                    source.expect(b")")?;
                }
            }
            other => return Err(source.unexpected(other)),
        }
    }
    Ok(())
}

/// Reads a node up to its end, or up to the first entry of a directory, for which it returns true.
fn read_node(
    source: &mut Source<'_>,
    visitor: &mut dyn Visitor,
    name: &[u8],
    depth: usize,
) -> Result<bool, NarError> {
    source.expect(b"(")?;
    source.expect(b"type")?;
    match source.token()?.as_slice() {
        b"regular" => {
            let mut token = source.token()?;
            let executable = token == b"executable";
            if executable {
                source.expect(b"")?;
                token = source.token()?;
            }
            match token.as_slice() {
                b"contents" => {
                    read_contents(source, visitor, name, executable)?;
                    source.expect(b")")?;
                }
                // Written by nobody today, but a file without contents has always been empty.
                b")" => {
                    let offset = source.offset;
                    let stream = &mut *source.stream;
                    let mut contents = Contents { stream, size: 0, left: 0, offset };
                    visitor.file(name, executable, &mut contents)?;
                }
                other => return Err(source.unexpected(other)),
            }
        }
        b"symlink" => {
            source.expect(b"target")?;
            let target = source.string(MAX_TARGET_LENGTH)?;
            if target.is_empty() || target.contains(&0) {
                return Err(source.malformed("symbolic link with an empty target or a zero byte"));
            }
            visitor.symlink(name, &target)?;
            source.expect(b")")?;
        }
        b"directory" => {
            if depth >= MAX_DEPTH {
                return Err(source.malformed("directories nest too deep"));
            }
            visitor.enter_directory(name)?;
            return Ok(true);
        }
        other => return Err(source.unexpected(other)),
    }
    Ok(false)
}

fn read_contents(
    source: &mut Source<'_>,
    visitor: &mut dyn Visitor,
    name: &[u8],
    executable: bool,
) -> Result<(), NarError> {
    let size = source.number()?;
    if size > i64::MAX as u64 {
        return Err(source.malformed("file is impossibly long"));
    }
    let offset = source.offset;
    let mut contents = Contents { stream: &mut *source.stream, size, left: size, offset };
    visitor.file(name, executable, &mut contents)?;
    io::copy(&mut contents, &mut io::sink()).map_err(NarError::Read)?;
    source.offset = offset + size;
    source.padding(size)
}

/// The stream and how far it has been read.
struct Source<'s> {
    stream: &'s mut dyn Read,
    offset: u64,
}

impl Source<'_> {
    fn malformed(&self, problem: &str) -> NarError {
        NarError::Malformed { offset: self.offset, problem: problem.to_owned() }
    }

    fn unexpected(&self, token: &[u8]) -> NarError {
        self.malformed(&format!("unexpected '{}'", token.escape_ascii()))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), NarError> {
        match self.stream.read_exact(buffer) {
            Ok(()) => {
                self.offset += buffer.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.malformed("unexpected end of archive"))
            }
            Err(error) => Err(NarError::Read(error)),
        }
    }

    fn number(&mut self) -> Result<u64, NarError> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn string(&mut self, most: u64) -> Result<Vec<u8>, NarError> {
        let length = self.number()?;
        if length > most {
            return Err(self.malformed(&format!("string of {length} bytes is too long")));
        }
        let mut value = vec![0; length as usize];
        self.fill(&mut value)?;
        self.padding(length)?;
        Ok(value)
    }

    fn token(&mut self) -> Result<Vec<u8>, NarError> {
        self.string(MAX_TOKEN_LENGTH)
    }

    fn expect(&mut self, expected: &[u8]) -> Result<(), NarError> {
        let token = self.token()?;
        if token != expected {
            let expected = expected.escape_ascii();
            let found = token.escape_ascii();
            return Err(self.malformed(&format!("expected '{expected}', found '{found}'")));
        }
        Ok(())
    }

    fn padding(&mut self, length: u64) -> Result<(), NarError> {
        let mut bytes = [0; 8];
        let bytes = bytes.split_at_mut(((8 - length % 8) % 8) as usize).0;
        self.fill(bytes)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(self.malformed("padding is not zero"));
        }
        Ok(())
    }

    fn check_name(&self, name: &[u8], last: &[u8]) -> Result<(), NarError> {
        if matches!(name, b"" | b"." | b"..") || name.contains(&b'/') || name.contains(&0) {
            let name = name.escape_ascii();
            return Err(self.malformed(&format!("invalid file name '{name}'")));
        }
        if name <= last {
            return Err(self.malformed("directory entries are not in order"));
        }
        Ok(())
    }
}
