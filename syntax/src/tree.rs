//! The lossless tree: the same nodes as the flat one, with every byte of the text in it.
//!
//! Trivia belongs to the innermost node around it: it follows a token inside the node that goes on,
//! so no node but `SourceFile` begins or ends with trivia.

use rowan::GreenNodeBuilder;

use crate::flat::{FlatElement, FlatNode};
use crate::kind::{KIND_COUNT, SyntaxKind};
use crate::lexer;

/// What rowan knows the language by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NixLanguage {}

impl rowan::Language for NixLanguage {
    type Kind = SyntaxKind;

    fn kind_from_raw(raw: rowan::SyntaxKind) -> SyntaxKind {
        assert!(raw.0 < KIND_COUNT, "a tree of this language has no kind {}", raw.0);
        SyntaxKind::from_raw(raw.0)
    }

    fn kind_to_raw(kind: SyntaxKind) -> rowan::SyntaxKind {
        raw(kind)
    }
}

/// A node of the lossless tree.
pub type SyntaxNode = rowan::SyntaxNode<NixLanguage>;
/// A token of the lossless tree; trivia is tokens, too.
pub type SyntaxToken = rowan::SyntaxToken<NixLanguage>;
/// A node or a token.
pub type SyntaxElement = rowan::SyntaxElement<NixLanguage>;
/// The place of a node, which finds it again in a tree of the same text.
pub type SyntaxNodePtr = rowan::ast::SyntaxNodePtr<NixLanguage>;

pub(crate) fn raw(kind: SyntaxKind) -> rowan::SyntaxKind {
    rowan::SyntaxKind(kind as u16)
}

/// Builds the lossless tree below `node`, whose source is `text`.
pub(crate) fn green(node: FlatNode<'_>, text: &str) -> rowan::GreenNode {
    let is_whole = node.kind() == SyntaxKind::SourceFile;
    let pos = if is_whole { 0 } else { node.start() };
    let mut sink = Sink { builder: GreenNodeBuilder::new(), text, pos };
    sink.builder.start_node(raw(node.kind()));
    sink.children(node);
    if is_whole {
        sink.trivia(text.len() as u32);
    }
    sink.builder.finish_node();
    sink.builder.finish()
}

struct Sink<'t> {
    builder: GreenNodeBuilder<'static>,
    text: &'t str,
    /// All before this offset is in the tree.
    pos: u32,
}

impl Sink<'_> {
    fn children(&mut self, node: FlatNode<'_>) {
        for element in node.elements() {
            match element {
                FlatElement::Node(child) => {
                    // An empty node stands where it was looked for, before the trivia.
                    if child.start() < child.end() {
                        self.trivia(child.start());
                    }
                    self.builder.start_node(raw(child.kind()));
                    self.children(child);
                    self.builder.finish_node();
                }
                FlatElement::Token(token) => {
                    self.trivia(token.start());
                    self.token(token.kind(), token.end());
                }
            }
        }
    }

    /// Adds the trivia up to `end`.
    fn trivia(&mut self, end: u32) {
        let source = self.text;
        let pos = self.pos;
        lexer::trivia(source.as_bytes(), pos, end, |kind, end| self.token(kind, end));
    }

    fn token(&mut self, kind: SyntaxKind, end: u32) {
        let text = self.text.get(self.pos as usize..end as usize);
        self.builder.token(raw(kind), text.expect("tokens end between characters"));
        self.pos = end;
    }
}
