//! Positions: the editor counts lines and UTF-16 units (or bytes), we count bytes from the start.

use lsp_types::{Position, PositionEncodingKind, Range};
use syntax::{LineIndex, TextRange, TextSize};

/// What the columns of the protocol count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units: what the protocol counts unless both sides agree on something else.
    Utf16,
}

impl Encoding {
    /// Chooses among what the client offers: bytes where it may.
    pub(super) fn negotiate(offered: Option<&[PositionEncodingKind]>) -> Encoding {
        match offered {
            Some(kinds) if kinds.contains(&PositionEncodingKind::UTF8) => Encoding::Utf8,
            _ => Encoding::Utf16,
        }
    }

    /// Returns the protocol's name of the encoding.
    pub(super) fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }
    }
}

/// A text with its lines, and how columns are counted in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    /// The bytes.
    pub(super) bytes: &'a [u8],
    /// Where its lines begin.
    pub(super) lines: &'a LineIndex,
    /// What columns count.
    pub(super) encoding: Encoding,
}

impl<'a> Text<'a> {
    /// Returns the offset of a position; one outside the text is moved to where it ends.
    pub(super) fn offset(self, position: Position) -> TextSize {
        let range = self.lines.line_range(position.line);
        let line = self.line(range);
        range.start() + TextSize::from(column_to_bytes(line, position.character, self.encoding))
    }

    /// Returns the position of an offset.
    pub(super) fn position(self, offset: TextSize) -> Position {
        let line = self.lines.line(offset);
        let range = self.lines.line_range(line);
        let bytes = u32::from(offset).saturating_sub(range.start().into());
        let column = bytes_to_column(self.whole_line(range), bytes, self.encoding);
        Position::new(line, column)
    }

    /// Returns the offsets of a range, the smaller one first.
    pub(super) fn text_range(self, range: Range) -> TextRange {
        let (start, end) = (self.offset(range.start), self.offset(range.end));
        TextRange::new(start.min(end), start.max(end))
    }

    /// Returns the positions of a range.
    pub(super) fn range(self, range: TextRange) -> Range {
        Range::new(self.position(range.start()), self.position(range.end()))
    }

    /// A line without the carriage return at its end: no cursor stands behind that.
    fn line(self, range: TextRange) -> &'a [u8] {
        let line = self.whole_line(range);
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    fn whole_line(self, range: TextRange) -> &'a [u8] {
        self.bytes.get(usize::from(range.start())..usize::from(range.end())).unwrap_or_default()
    }
}

/// Returns how many bytes of `line` come before a column.
fn column_to_bytes(line: &[u8], column: u32, encoding: Encoding) -> u32 {
    let mut units = 0;
    let mut bytes = 0;
    for character in chunks(line) {
        units += match encoding {
            Encoding::Utf8 => character.len() as u32,
            Encoding::Utf16 => utf16_len(character),
        };
        if units > column {
            break;
        }
        bytes += character.len() as u32;
    }
    bytes
}

/// Returns the column of the byte with this number in `line`.
pub(super) fn bytes_to_column(line: &[u8], bytes: u32, encoding: Encoding) -> u32 {
    let end = line.len().min(bytes as usize);
    match encoding {
        Encoding::Utf8 => end as u32,
        Encoding::Utf16 => {
            let before = line.get(..end).unwrap_or_default();
            chunks(before).map(utf16_len).sum()
        }
    }
}

/// Splits bytes into characters; bytes that are no UTF-8 stand alone.
fn chunks(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let first = *rest.first()?;
        let length = match first {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        let is_whole = rest.get(..length).is_some_and(|it| std::str::from_utf8(it).is_ok());
        let (head, tail) = rest.split_at(if is_whole { length } else { 1 });
        rest = tail;
        Some(head)
    })
}

/// Characters of four bytes are two units, all others (and replaced bytes) one.
fn utf16_len(character: &[u8]) -> u32 {
    if character.len() == 4 { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, encoding: Encoding, position: (u32, u32), expected: u32) {
        let lines = LineIndex::new(text.as_bytes());
        let text = Text { bytes: text.as_bytes(), lines: &lines, encoding };
        let offset = text.offset(Position::new(position.0, position.1));
        assert_eq!(u32::from(offset), expected, "{position:?} {encoding:?}");
    }

    #[test]
    fn columns_are_counted_as_agreed() {
        let text = "aé😀b\r\ncd";
        for (column, byte) in [(0, 0), (1, 1), (2, 3), (3, 3), (4, 7), (5, 8), (99, 8)] {
            check(text, Encoding::Utf16, (0, column), byte);
        }
        for (column, byte) in [(0, 0), (2, 1), (3, 3), (5, 3), (7, 7), (8, 8), (99, 8)] {
            check(text, Encoding::Utf8, (0, column), byte);
        }
        check(text, Encoding::Utf16, (1, 1), 11);
        check(text, Encoding::Utf16, (9, 9), 12);
    }

    #[test]
    fn every_offset_survives_the_way_there_and_back() {
        let text = "aé😀b\nc\r\n\n😀";
        let lines = LineIndex::new(text.as_bytes());
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            let view = Text { bytes: text.as_bytes(), lines: &lines, encoding };
            for (at, character) in text.char_indices().filter(|it| it.1 != '\n') {
                let offset = TextSize::from(at as u32);
                assert_eq!(view.offset(view.position(offset)), offset, "{character:?}");
            }
        }
    }
}
