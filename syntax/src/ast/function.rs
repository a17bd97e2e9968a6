//! Functions and their formals.

use rowan::ast::{AstChildren, AstNode, support};

use super::{Expr, Name, choices, nodes, token};
use crate::kind::SyntaxKind as K;
use crate::tree::SyntaxToken;

nodes! {
    /// A function.
    Lambda,
    /// `{ a, b ? c, ... }` before a colon, with its `@ name`.
    Formals,
    /// One argument in `Formals`.
    Formal,
}

choices! {
    /// What a function takes.
    Parameter {
        /// `a:`
        Name,
        /// `{ a, b }:`
        Formals,
    }
}

impl Lambda {
    /// Returns the parameter.
    pub fn parameter(&self) -> Option<Parameter> {
        support::child(self.syntax())
    }

    /// Returns the expression after `:`.
    pub fn body(&self) -> Option<Expr> {
        support::child(self.syntax())
    }
}

impl Formals {
    /// Returns the name bound by `@`.
    pub fn name(&self) -> Option<Name> {
        support::child(self.syntax())
    }

    /// Returns the formals.
    pub fn formals(&self) -> AstChildren<Formal> {
        support::children(self.syntax())
    }

    /// Returns the `...`.
    pub fn ellipsis(&self) -> Option<SyntaxToken> {
        token(self.syntax(), K::Ellipsis)
    }
}

impl Formal {
    /// Returns the name.
    pub fn name(&self) -> Option<Name> {
        support::child(self.syntax())
    }

    /// Returns the expression after `?`.
    pub fn default(&self) -> Option<Expr> {
        support::child(self.syntax())
    }
}
