//! Errors of the parser as evaluation reports them: one, in the oracle's words.
//!
//! The parser finds all that is wrong with a text; the oracle stops at the first thing it notices,
//! and tools match on what it says. So of many errors one is chosen.

use syntax::SyntaxError;

use crate::error::{ErrorKind, EvalError};
use crate::source::{FileId, Origin, Position};

/// Returns the error by which an evaluation refuses `source`, in which `errors` were found.
///
/// `errors` may hold those of lowering ([`syntax::duplicate_attr`]), too; there must be at least
/// one. The position is in `file`, which `origin` names.
pub fn convert(
    errors: &[SyntaxError],
    source: &[u8],
    origin: &Origin,
    file: FileId,
) -> Box<EvalError> {
    let (message, offset) = match syntax::oracle_error(source, errors) {
        Some(error) => {
            let mut message = error.message;
            if let Some(previous) = error.previous {
                message.push_str(&place(source, origin, previous));
            }
            (message, error.offset)
        }
        // What the oracle would accept: a byte that it takes for the end of the text.
        None => errors.first().map_or_else(Default::default, |error| {
            (error.message.clone(), error.range.start().into())
        }),
    };
    EvalError::new(ErrorKind::Syntax, message).at(Position { file, offset })
}

/// Returns a place as messages name it: `/a/b.nix:1:2`.
fn place(source: &[u8], origin: &Origin, offset: u32) -> String {
    let (line, column) = line_column(source, offset);
    format!("{}:{line}:{column}", origin.display())
}

/// Returns the line and the column of an offset, both from 1; columns count bytes.
///
/// A line ends at `\n`, `\r\n` or `\r` alone. Source: CppNix, `Pos::LinesIterator`.
pub fn line_column(source: &[u8], offset: u32) -> (u32, u32) {
    let offset = (offset as usize).min(source.len());
    let mut line = 1;
    let mut start = 0;
    for (at, byte) in source.iter().enumerate().take(offset) {
        let is_end = match byte {
            b'\n' => true,
            b'\r' => source.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        if is_end {
            line += 1;
            start = at + 1;
        }
    }
    (line, (offset - start) as u32 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{HOST, SourcePath};

    #[test]
    fn lines_end_in_three_ways() {
        let text = b"a\rb\r\nc\nd";
        let places = [0, 1, 2, 5, 7, 8].map(|offset| line_column(text, offset));
        assert_eq!(places, [(1, 1), (1, 2), (2, 1), (3, 1), (4, 1), (4, 2)]);
    }

    #[test]
    fn a_second_definition_names_the_first() {
        let source = b"{ a = 1;\n  a = 2; }";
        let first = syntax::TextRange::new(2.into(), 3.into());
        let second = syntax::TextRange::new(11.into(), 12.into());
        let duplicate = syntax::duplicate_attr("a", second, first, 17);
        let origin = Origin::File(SourcePath::new(HOST, b"/f.nix"));
        let error = convert(&[duplicate], source, &origin, FileId(3));
        assert_eq!(error.message, "attribute 'a' already defined at /f.nix:1:3");
        assert_eq!(error.position, Position { file: FileId(3), offset: 11 });
        assert_eq!(error.kind, ErrorKind::Syntax);
    }

    #[test]
    fn a_byte_that_the_oracle_takes_for_the_end_is_refused_all_the_same() {
        let (_, errors) = syntax::parse_flat(b"1 \0", syntax::Options::DEFAULT);
        let origin = Origin::Stdin(SourcePath::new(HOST, b"/"));
        let error = convert(&errors, b"1 \0", &origin, FileId(1));
        assert_eq!(error.message, "expected the end of the file, found `\\0`");
    }
}
