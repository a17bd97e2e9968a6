//! `Parse`: the lossless tree of a text with all that is wrong with it.

use std::borrow::Cow;
use std::sync::Arc;

use rowan::ast::AstNode as _;

use crate::error::SyntaxError;
use crate::tree::{self, SyntaxNode};
use crate::{Options, TextSize, ast, parse_flat};

/// The lossless tree of a text, and its errors. Cheap to clone.
///
/// ```
/// use syntax::{Options, parse};
///
/// let parse = parse(b"{ a = 1; # one\n}", Options::default());
/// assert!(parse.errors().is_empty());
/// assert_eq!(parse.syntax().text().to_string(), "{ a = 1; # one\n}");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parse {
    pub(crate) green: rowan::GreenNode,
    pub(crate) errors: Arc<[SyntaxError]>,
    pub(crate) options: Options,
    /// Where in the tree's text a byte of the source was replaced, ascending.
    pub(crate) replaced: Arc<[u32]>,
}

/// Parses `source` into the lossless tree.
///
/// The tree stands on text. If the source is not UTF-8, each byte that is not is U+FFFD in the
/// tree, and [`Parse::source_offset`] tells offsets of the source from those of the tree.
/// A source of 4 GiB or more gives an empty tree and an error, as does one with a token of 16 MiB
/// or more than 16 million nodes.
pub fn parse(source: &[u8], options: Options) -> Parse {
    let (text, replaced) = decode(source);
    let (flat, errors) = parse_flat(text.as_bytes(), options);
    let text = if flat.source().is_empty() { "" } else { &*text };
    Parse {
        green: tree::green(flat.root(), text),
        errors: errors.into(),
        options,
        replaced: replaced.into(),
    }
}

/// How much longer U+FFFD is than the byte it stands for.
const GROWTH: u32 = '\u{fffd}'.len_utf8() as u32 - 1;

/// Returns `source` as text, with the offsets in the text at which bytes were replaced.
fn decode(source: &[u8]) -> (Cow<'_, str>, Vec<u32>) {
    if let Ok(text) = std::str::from_utf8(source) {
        return (Cow::Borrowed(text), Vec::new());
    }
    let mut text = String::with_capacity(source.len() + 16);
    let mut replaced = Vec::new();
    for chunk in source.utf8_chunks() {
        text.push_str(chunk.valid());
        for _ in chunk.invalid() {
            replaced.push(text.len() as u32);
            text.push('\u{fffd}');
        }
    }
    (Cow::Owned(text), replaced)
}

impl Parse {
    /// Returns the `SourceFile` node.
    pub fn syntax(&self) -> SyntaxNode {
        SyntaxNode::new_root(self.green.clone())
    }

    /// Returns the `SourceFile` node with its type.
    pub fn tree(&self) -> ast::SourceFile {
        ast::SourceFile::cast(self.syntax()).expect("the root of every tree is a `SourceFile`")
    }

    /// Returns what is wrong with the text, in source order; offsets are the tree's.
    pub fn errors(&self) -> &[SyntaxError] {
        &self.errors
    }

    /// Returns how the text was parsed.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Returns whether the source was UTF-8, so that its offsets are the tree's.
    pub fn is_text(&self) -> bool {
        self.replaced.is_empty()
    }

    /// Returns the offset in the source of an offset in the tree's text.
    ///
    /// Inside a replacement that is the offset of the byte replaced.
    pub fn source_offset(&self, offset: TextSize) -> TextSize {
        let offset = u32::from(offset);
        let before = self.replaced.partition_point(|&start| start < offset);
        let Some(&last) = before.checked_sub(1).and_then(|index| self.replaced.get(index)) else {
            return offset.into();
        };
        let inside = (last + GROWTH + 1).saturating_sub(offset).min(GROWTH);
        // In the middle of a character: back to its start.
        let start = if inside > 0 { last } else { offset };
        let grown = if inside > 0 { before - 1 } else { before } as u32;
        TextSize::from(start - GROWTH * grown)
    }

    /// Returns the offset in the tree's text of an offset in the source.
    pub fn tree_offset(&self, offset: TextSize) -> TextSize {
        let offset = u32::from(offset);
        let mut grown = 0;
        for &start in self.replaced.iter() {
            if start >= offset + grown {
                break;
            }
            grown += GROWTH;
        }
        TextSize::from(offset + grown)
    }
}

#[cfg(test)]
mod tests;
