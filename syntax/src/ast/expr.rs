//! Expressions.

use rowan::ast::{AstChildren, AstNode, support};

use super::{Attrpath, choices, first_token, nodes, nth, token};
use crate::kind::SyntaxKind as K;
use crate::literal;
use crate::tree::SyntaxToken;

choices! {
    /// Any expression.
    Expr {
        /// `a`
        Variable,
        /// `__curPos`
        CurPos,
        /// `1`, `1.5`, `https://example.org`
        Literal,
        /// `<nixpkgs>`
        LookupPathExpr,
        /// `./a`
        Path,
        /// `"a"`
        String,
        /// `''a''`
        IndentedString,
        /// `(a)`
        Paren,
        /// `[ a ]`
        List,
        /// `{ a = 1; }`
        AttrSet,
        /// `let { body = 1; }`
        LegacyLet,
        /// `let a = 1; in a`
        LetIn,
        /// `with a; b`
        WithExpr,
        /// `assert a; b`
        AssertExpr,
        /// `if a then b else c`
        IfElse,
        /// `a: b`
        Lambda,
        /// `f a b`
        Apply,
        /// `f or`
        ApplyOr,
        /// `a.b or c`
        Select,
        /// `a ? b`
        HasAttr,
        /// `a + b`
        BinaryOp,
        /// `!a`
        UnaryOp,
    }
}

impl Expr {
    /// Returns the expression inside all parentheses around it; `None` if there is none inside.
    pub fn without_parens(&self) -> Option<Expr> {
        let mut expr = self.clone();
        while let Expr::Paren(paren) = &expr {
            expr = paren.expr()?;
        }
        Some(expr)
    }
}

nodes! {
    /// An identifier as an expression.
    Variable,
    /// `__curPos`
    CurPos,
    /// An integer, a float or a URI.
    Literal,
    /// `<…>` as an expression.
    LookupPathExpr,
    /// An expression in parentheses.
    Paren,
    /// `[ … ]`
    List,
    /// `{ … }` or `rec { … }`; its entries are those of [`super::HasEntries`].
    AttrSet,
    /// `let { … }`
    LegacyLet,
    /// `let … in …`
    LetIn,
    /// `with …; …`
    WithExpr,
    /// `assert …; …`
    AssertExpr,
    /// `if … then … else …`
    IfElse,
    /// A function with its arguments.
    Apply,
    /// An expression applied to the variable `or`.
    ApplyOr,
    /// `e.a.b` or `e.a.b or d`
    Select,
    /// `e ? a.b`
    HasAttr,
    /// Two operands with an operator between them.
    BinaryOp,
    /// `!e` or `-e`
    UnaryOp,
}

impl Variable {
    /// Returns the identifier.
    pub fn identifier(&self) -> Option<SyntaxToken> {
        token(self.syntax(), K::Identifier)
    }
}

/// What a [`Literal`] is.
#[derive(Clone, PartialEq, Debug)]
pub enum LiteralKind {
    /// An integer; `None` if it does not fit.
    Integer(Option<i64>),
    /// A float; `None` if it does not fit.
    Float(Option<f64>),
    /// A URI.
    Uri(std::string::String),
}

impl Literal {
    /// Returns what is written, with its value.
    pub fn literal(&self) -> Option<LiteralKind> {
        let token = first_token(self.syntax())?;
        let text = token.text();
        match token.kind() {
            K::Integer => Some(LiteralKind::Integer(literal::parse_integer(text.as_bytes()))),
            K::Float => Some(LiteralKind::Float(literal::parse_float(text.as_bytes()))),
            K::Uri => Some(LiteralKind::Uri(text.to_owned())),
            _ => None,
        }
    }
}

impl LookupPathExpr {
    /// Returns the token, with its angle brackets.
    pub fn lookup_path(&self) -> Option<SyntaxToken> {
        token(self.syntax(), K::LookupPath)
    }
}

impl Paren {
    /// Returns the expression inside.
    pub fn expr(&self) -> Option<Expr> {
        support::child(self.syntax())
    }
}

impl List {
    /// Returns the elements.
    pub fn elements(&self) -> AstChildren<Expr> {
        support::children(self.syntax())
    }
}

impl AttrSet {
    /// Returns the `rec`.
    pub fn rec_token(&self) -> Option<SyntaxToken> {
        token(self.syntax(), K::Rec)
    }
}

impl LetIn {
    /// Returns the expression after `in`.
    pub fn body(&self) -> Option<Expr> {
        support::child(self.syntax())
    }
}

impl WithExpr {
    /// Returns the set, or the body if the set is missing.
    pub fn set(&self) -> Option<Expr> {
        nth(self.syntax(), 0)
    }

    /// Returns the expression after `;`.
    pub fn body(&self) -> Option<Expr> {
        nth(self.syntax(), 1)
    }
}

impl AssertExpr {
    /// Returns the condition, or the body if the condition is missing.
    pub fn condition(&self) -> Option<Expr> {
        nth(self.syntax(), 0)
    }

    /// Returns the expression after `;`.
    pub fn body(&self) -> Option<Expr> {
        nth(self.syntax(), 1)
    }
}

impl IfElse {
    /// Returns the condition, or what comes first if the condition is missing.
    pub fn condition(&self) -> Option<Expr> {
        nth(self.syntax(), 0)
    }

    /// Returns the expression after `then`.
    pub fn then_branch(&self) -> Option<Expr> {
        nth(self.syntax(), 1)
    }

    /// Returns the expression after `else`.
    pub fn else_branch(&self) -> Option<Expr> {
        nth(self.syntax(), 2)
    }
}

impl Apply {
    /// Returns the function.
    pub fn function(&self) -> Option<Expr> {
        nth(self.syntax(), 0)
    }

    /// Returns the arguments, in order.
    pub fn arguments(&self) -> impl Iterator<Item = Expr> {
        support::children(self.syntax()).skip(1)
    }
}

impl ApplyOr {
    /// Returns the function.
    pub fn function(&self) -> Option<Expr> {
        support::child(self.syntax())
    }

    /// Returns the `or`, a variable.
    pub fn or_token(&self) -> Option<SyntaxToken> {
        token(self.syntax(), K::Or)
    }
}

impl Select {
    /// Returns the expression that is selected from.
    pub fn expr(&self) -> Option<Expr> {
        nth(self.syntax(), 0)
    }

    /// Returns the path.
    pub fn attrpath(&self) -> Option<Attrpath> {
        support::child(self.syntax())
    }

    /// Returns the expression after `or`.
    pub fn default(&self) -> Option<Expr> {
        nth(self.syntax(), 1)
    }
}

impl HasAttr {
    /// Returns the expression that is asked.
    pub fn expr(&self) -> Option<Expr> {
        support::child(self.syntax())
    }

    /// Returns the path.
    pub fn attrpath(&self) -> Option<Attrpath> {
        support::child(self.syntax())
    }
}

impl BinaryOp {
    /// Returns the left operand.
    pub fn lhs(&self) -> Option<Expr> {
        nth(self.syntax(), 0)
    }

    /// Returns the operator.
    pub fn operator(&self) -> Option<SyntaxToken> {
        first_token(self.syntax())
    }

    /// Returns the right operand.
    pub fn rhs(&self) -> Option<Expr> {
        nth(self.syntax(), 1)
    }
}

impl UnaryOp {
    /// Returns the operator.
    pub fn operator(&self) -> Option<SyntaxToken> {
        first_token(self.syntax())
    }

    /// Returns the operand.
    pub fn operand(&self) -> Option<Expr> {
        support::child(self.syntax())
    }
}
