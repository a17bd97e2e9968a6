//! Entries of sets and `let`s, and the paths that name attributes.

use std::borrow::Cow;

use rowan::ast::{AstChildren, AstNode, support};

use super::{AttrSet, Expr, LegacyLet, LetIn, choices, first_token, nodes};
use crate::literal;
use crate::tree::{NixLanguage, SyntaxToken};

nodes! {
    /// `a.b = e;`
    Binding,
    /// `inherit a b;` or `inherit (e) a b;`
    InheritClause,
    /// The `(e)` of an `inherit`.
    InheritFrom,
    /// `a.b.${c}`
    Attrpath,
    /// An attribute's, parameter's or formal's name.
    Name,
    /// `${e}` as an attribute.
    Dynamic,
}

choices! {
    /// What stands in a set or a `let`.
    Entry {
        /// `a.b = e;`
        Binding,
        /// `inherit a b;`
        InheritClause,
    }

    /// One part of an attribute path, or a name in `inherit`.
    Attr {
        /// `a`
        Name,
        /// `${e}`
        Dynamic,
        /// `"a"`
        String,
    }
}

/// A node that holds entries: a set, or a `let` of any kind.
pub trait HasEntries: AstNode<Language = NixLanguage> {
    /// Returns the bindings and `inherit`s, in order.
    fn entries(&self) -> AstChildren<Entry> {
        support::children(self.syntax())
    }

    /// Returns the bindings alone.
    fn bindings(&self) -> AstChildren<Binding> {
        support::children(self.syntax())
    }
}

impl HasEntries for AttrSet {}
impl HasEntries for LegacyLet {}
impl HasEntries for LetIn {}

impl Binding {
    /// Returns the path.
    pub fn attrpath(&self) -> Option<Attrpath> {
        support::child(self.syntax())
    }

    /// Returns the expression after `=`.
    pub fn value(&self) -> Option<Expr> {
        support::child(self.syntax())
    }
}

impl InheritClause {
    /// Returns the `(e)`.
    pub fn from(&self) -> Option<InheritFrom> {
        support::child(self.syntax())
    }

    /// Returns the names.
    pub fn attrs(&self) -> AstChildren<Attr> {
        support::children(self.syntax())
    }
}

impl InheritFrom {
    /// Returns the expression in parentheses.
    pub fn expr(&self) -> Option<Expr> {
        support::child(self.syntax())
    }
}

impl Attrpath {
    /// Returns the parts of the path.
    pub fn attrs(&self) -> AstChildren<Attr> {
        support::children(self.syntax())
    }
}

impl Name {
    /// Returns the identifier, or the `or` that names an attribute.
    pub fn identifier(&self) -> Option<SyntaxToken> {
        first_token(self.syntax())
    }
}

impl Dynamic {
    /// Returns the expression in the braces.
    pub fn expr(&self) -> Option<Expr> {
        support::child(self.syntax())
    }
}

impl Attr {
    /// Returns the attribute's name if the text alone tells it; see
    /// [`FlatNode::static_attr`](crate::FlatNode::static_attr).
    pub fn static_name(&self) -> Option<std::string::String> {
        match self {
            Attr::Name(name) => Some(name.identifier()?.text().to_owned()),
            Attr::String(string) => string.constant(),
            Attr::Dynamic(dynamic) => constant(&dynamic.expr()?.without_parens()?),
        }
    }
}

/// Returns the value of a string or URI without interpolations.
pub(super) fn constant(expr: &Expr) -> Option<std::string::String> {
    match expr {
        Expr::String(string) => string.constant(),
        Expr::IndentedString(string) => string.constant(),
        Expr::Literal(uri) => match uri.literal()? {
            super::LiteralKind::Uri(uri) => Some(uri),
            super::LiteralKind::Integer(_) | super::LiteralKind::Float(_) => None,
        },
        _ => None,
    }
}

/// Returns the value of raw text of a string.
pub(super) fn unescaped(raw: &str) -> std::string::String {
    let value: Cow<'_, [u8]> = literal::unescape_string(raw.as_bytes());
    std::string::String::from_utf8_lossy(&value).into_owned()
}
