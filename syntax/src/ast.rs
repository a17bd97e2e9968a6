//! The typed tree: one type per node of `nix.ungram`, with what it holds.
//!
//! A type is a view on a node of the lossless tree and costs nothing. In a broken file any part
//! may be missing, so everything is an `Option` or an iterator.
//!
//! ```
//! use syntax::ast::{AstNode, Expr, HasEntries};
//! use syntax::{Options, parse};
//!
//! let parse = parse(b"let a.b = 1; in a", Options::default());
//! let Some(Expr::LetIn(let_in)) = parse.tree().expr() else { panic!() };
//! let binding = let_in.bindings().next().unwrap();
//! assert_eq!(binding.attrpath().unwrap().attrs().count(), 2);
//! assert_eq!(let_in.body().unwrap().syntax().text(), "a");
//! ```

mod attr;
mod expr;
mod function;
mod string;

pub use attr::{
    Attr, Attrpath, Binding, Dynamic, Entry, HasEntries, InheritClause, InheritFrom, Name,
};
pub use expr::{
    Apply, ApplyOr, AssertExpr, AttrSet, BinaryOp, CurPos, Expr, HasAttr, IfElse, LegacyLet, LetIn,
    List, Literal, LiteralKind, LookupPathExpr, Paren, Select, UnaryOp, Variable, WithExpr,
};
pub use function::{Formal, Formals, Lambda, Parameter};
pub use rowan::ast::AstNode;
pub use string::{IndentedString, Interpolation, Part, Path, String};

use rowan::ast::{AstChildren, support};

use crate::kind::SyntaxKind;
use crate::tree::{NixLanguage, SyntaxNode, SyntaxToken};

/// Declares types that are views on nodes of one kind.
macro_rules! nodes {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Eq, Hash, Debug)]
            pub struct $name(crate::tree::SyntaxNode);

            impl rowan::ast::AstNode for $name {
                type Language = crate::tree::NixLanguage;

                fn can_cast(kind: crate::kind::SyntaxKind) -> bool {
                    kind == crate::kind::SyntaxKind::$name
                }

                fn cast(node: crate::tree::SyntaxNode) -> Option<Self> {
                    Self::can_cast(node.kind()).then_some($name(node))
                }

                fn syntax(&self) -> &crate::tree::SyntaxNode {
                    &self.0
                }
            }
        )*
    };
}

/// Declares enums of which each variant is a view on nodes of its kind.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Eq, Hash, Debug)]
            pub enum $name {
                $($(#[$variant_doc])* $variant(super::$variant),)*
            }

            impl rowan::ast::AstNode for $name {
                type Language = crate::tree::NixLanguage;

                fn can_cast(kind: crate::kind::SyntaxKind) -> bool {
                    matches!(kind, $(crate::kind::SyntaxKind::$variant)|*)
                }

                fn cast(node: crate::tree::SyntaxNode) -> Option<Self> {
                    match node.kind() {
                        $(crate::kind::SyntaxKind::$variant => {
                            super::$variant::cast(node).map($name::$variant)
                        })*
                        _ => None,
                    }
                }

                fn syntax(&self) -> &crate::tree::SyntaxNode {
                    match self {
                        $($name::$variant(node) => node.syntax(),)*
                    }
                }
            }
        )*
    };
}

use {choices, nodes};

nodes! {
    /// A whole file.
    SourceFile,
}

impl SourceFile {
    /// Returns the expression that the file is.
    pub fn expr(&self) -> Option<Expr> {
        support::child(&self.0)
    }
}

/// Returns the child number `n` of a type.
fn nth<N: AstNode<Language = NixLanguage>>(node: &SyntaxNode, n: usize) -> Option<N> {
    let mut children: AstChildren<N> = support::children(node);
    children.nth(n)
}

/// Returns the token that belongs to `node` itself.
fn token(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxToken> {
    support::token(node, kind)
}

/// Returns the first token of `node` that is no trivia and belongs to itself.
fn first_token(node: &SyntaxNode) -> Option<SyntaxToken> {
    let tokens = node.children_with_tokens().filter_map(rowan::NodeOrToken::into_token);
    tokens.into_iter().find(|token| !token.kind().is_trivia())
}

#[cfg(test)]
mod tests;
