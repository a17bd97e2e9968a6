//! Strings, indented strings and paths with their interpolations.

use std::string::String as Text;

use rowan::NodeOrToken;
use rowan::ast::{AstNode, support};

use super::attr::{constant, unescaped};
use super::{Expr, first_token, nodes};
use crate::kind::SyntaxKind as K;
use crate::literal::{self, IndentedPart, PathKind, StringPart};
use crate::tree::{SyntaxNode, SyntaxToken};

nodes! {
    /// A string in `"`.
    String,
    /// A string in `''`.
    IndentedString,
    /// A path literal.
    Path,
    /// `${ … }` inside a string or a path.
    Interpolation,
}

/// One part of a string or path as it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// Raw text: contents, an escape of an indented string, a piece of a path.
    Text(SyntaxToken),
    /// `${ … }`
    Interpolation(Interpolation),
}

fn parts(node: &SyntaxNode) -> impl Iterator<Item = Part> {
    node.children_with_tokens().filter_map(|element| match element {
        NodeOrToken::Node(node) => Interpolation::cast(node).map(Part::Interpolation),
        NodeOrToken::Token(token) => matches!(
            token.kind(),
            K::StringContent
                | K::IndentedContent
                | K::IndentedEscape
                | K::PathStart
                | K::PathContent
        )
        .then_some(Part::Text(token)),
    })
}

impl String {
    /// Returns contents and interpolations, in order.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        parts(self.syntax())
    }

    /// Returns the value if there is no interpolation.
    pub fn constant(&self) -> Option<Text> {
        let mut value = Text::new();
        for part in self.parts() {
            match part {
                Part::Text(token) => value.push_str(&unescaped(token.text())),
                Part::Interpolation(_) => return None,
            }
        }
        Some(value)
    }
}

impl IndentedString {
    /// Returns contents, escapes and interpolations, in order.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        parts(self.syntax())
    }

    /// Returns the value if the text alone tells it; see
    /// [`FlatNode::constant_string`](crate::FlatNode::constant_string).
    pub fn constant(&self) -> Option<Text> {
        let parts: Vec<Part> = self.parts().collect();
        let raw: Vec<IndentedPart<'_, &Interpolation>> = parts
            .iter()
            .map(|part| match part {
                Part::Text(token) if token.kind() == K::IndentedEscape => {
                    IndentedPart::Escape(token.text().as_bytes())
                }
                Part::Text(token) => IndentedPart::Text(token.text().as_bytes()),
                Part::Interpolation(part) => IndentedPart::Interpolation(part),
            })
            .collect();
        let mut stripped = literal::strip_indentation(&raw).into_iter();
        match (stripped.next(), stripped.next()) {
            (None, _) => Some(Text::new()),
            (Some((_, StringPart::Text(text))), None) => {
                Some(Text::from_utf8_lossy(&text).into_owned())
            }
            (Some((_, StringPart::Interpolation(part))), None) => {
                constant(&part.expr()?.without_parens()?)
            }
            _ => None,
        }
    }
}

impl Path {
    /// Returns pieces and interpolations, in order.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        parts(self.syntax())
    }

    /// Returns what the path is relative to.
    pub fn kind(&self) -> Option<PathKind> {
        Some(PathKind::of(first_token(self.syntax())?.text().as_bytes()))
    }
}

impl Interpolation {
    /// Returns the expression in the braces.
    pub fn expr(&self) -> Option<Expr> {
        support::child(self.syntax())
    }
}
