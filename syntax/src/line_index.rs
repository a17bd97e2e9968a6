//! Where the lines of a text begin: offsets to lines and back.
//!
//! A line ends after its line feed. Columns are left to the caller, who has the text and knows the
//! unit: bytes, UTF-16 code units.

use crate::{TextRange, TextSize};

/// The starts of the lines of one text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LineIndex {
    /// The offset of each line's first byte; the first is 0.
    starts: Vec<u32>,
    /// The length of the text in bytes.
    len: u32,
}

impl LineIndex {
    /// Returns the index of a text.
    pub fn new(text: &[u8]) -> LineIndex {
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', text).map(|at| at as u32 + 1));
        LineIndex { starts, len: text.len() as u32 }
    }

    /// Returns how many lines there are, at least one.
    pub fn line_count(&self) -> u32 {
        self.starts.len() as u32
    }

    /// Returns the line that `offset` is in, from 0.
    pub fn line(&self, offset: TextSize) -> u32 {
        let offset = u32::from(offset);
        self.starts.partition_point(|&start| start <= offset).saturating_sub(1) as u32
    }

    /// Returns the bytes of a line, from 0, without its line feed; empty at the end of the text
    /// for a line that there is not.
    pub fn line_range(&self, line: u32) -> TextRange {
        let Some(&start) = self.starts.get(line as usize) else {
            return TextRange::empty(TextSize::from(self.len));
        };
        let end = match self.starts.get(line as usize + 1) {
            Some(&next) => next - 1,
            None => self.len,
        };
        TextRange::new(TextSize::from(start), TextSize::from(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_is_in_its_line() {
        let text = b"ab\n\nc\n";
        let index = LineIndex::new(text);
        assert_eq!(index.line_count(), 4);
        let lines: Vec<u32> = (0..=6).map(|at| index.line(TextSize::from(at))).collect();
        assert_eq!(lines, [0, 0, 0, 1, 2, 2, 3]);
        assert_eq!(index.line_range(0), TextRange::new(0.into(), 2.into()));
        assert_eq!(index.line_range(3), TextRange::empty(6.into()));
        assert_eq!(index.line_range(9), TextRange::empty(6.into()));
    }
}
