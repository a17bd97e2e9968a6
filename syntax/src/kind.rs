//! Every kind of token and node; both sinks of the parser speak of these.
//!
//! `nix.ungram` says which children each node has. Tokens come first, then nodes, so that one
//! comparison tells them apart.

use std::fmt;

use SyntaxKind as K;

/// The kind of a token or of a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum SyntaxKind {
    // Trivia: kept by the lossless tree, dropped by the flat one.
    /// Spaces, tabs, line feeds and carriage returns.
    Whitespace,
    /// `# …` up to the end of the line.
    LineComment,
    /// `/* … */`; a documentation comment when it begins with `/**`.
    BlockComment,

    // Tokens that have a text of their own.
    /// A byte, or a run of bytes outside ASCII, with which no token begins.
    Invalid,
    /// An identifier that is not a keyword.
    Identifier,
    /// An integer literal, digits only.
    Integer,
    /// A floating-point literal.
    Float,
    /// A URI without quotes, `https://example.org`.
    Uri,
    /// `<nixpkgs/lib>` with its angle brackets.
    LookupPath,
    /// The first piece of a path: absolute, relative or `~/…`.
    PathStart,
    /// A later piece of a path, after an interpolation.
    PathContent,
    /// The `"` that opens a string.
    StringStart,
    /// The text between interpolations of a string, escapes included.
    StringContent,
    /// The `"` that closes a string.
    StringEnd,
    /// The `''` that opens an indented string, with the rest of its line where that is blank.
    IndentedStart,
    /// Plain text of an indented string, as wide as it goes.
    IndentedContent,
    /// What stands for itself in an indented string: `''$`, `'''`, `''\x`, a lone `$` or `'`.
    IndentedEscape,
    /// The `''` that closes an indented string.
    IndentedEnd,
    /// The `${` inside a string or a path.
    InterpolationStart,

    // Keywords.
    /// `if`
    If,
    /// `then`
    Then,
    /// `else`
    Else,
    /// `assert`
    Assert,
    /// `with`
    With,
    /// `let`
    Let,
    /// `in`
    In,
    /// `rec`
    Rec,
    /// `inherit`
    Inherit,
    /// `or`
    Or,

    // Punctuation.
    /// `${` outside strings and paths: a dynamic attribute.
    DollarBrace,
    /// `{`
    BraceOpen,
    /// `}`, also where it ends an interpolation
    BraceClose,
    /// `[`
    BracketOpen,
    /// `]`
    BracketClose,
    /// `(`
    ParenOpen,
    /// `)`
    ParenClose,
    /// `;`
    Semicolon,
    /// `:`
    Colon,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `...`
    Ellipsis,
    /// `@`
    At,
    /// `=`
    Equals,
    /// `?`
    Question,
    /// `!`
    Bang,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Star,
    /// `/`
    Slash,
    /// `++`
    PlusPlus,
    /// `//`
    SlashSlash,
    /// `==`
    EqualsEquals,
    /// `!=`
    BangEquals,
    /// `<`
    Less,
    /// `<=`
    LessEquals,
    /// `>`
    Greater,
    /// `>=`
    GreaterEquals,
    /// `&&`
    AndAnd,
    /// `||`
    OrOr,
    /// `->`
    Arrow,
    /// `|>`
    PipeInto,
    /// `<|`
    PipeFrom,
    /// The end of the text; never in a tree.
    EndOfFile,

    // Nodes.
    /// The whole file.
    SourceFile,
    /// Tokens that found no place.
    Error,
    /// An identifier as an expression.
    Variable,
    /// `__curPos`
    CurPos,
    /// An integer, a float or a URI.
    Literal,
    /// `<…>` as an expression.
    LookupPathExpr,
    /// A path literal.
    Path,
    /// A string in `"`.
    String,
    /// A string in `''`.
    IndentedString,
    /// `${ … }` inside a string or a path.
    Interpolation,
    /// An expression in parentheses.
    Paren,
    /// `[ … ]`
    List,
    /// `{ … }` or `rec { … }`
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
    /// A function.
    Lambda,
    /// `{ a, b ? c, ... }` before a colon, with its `@ name`.
    Formals,
    /// One argument in `Formals`.
    Formal,
    /// A function with its arguments.
    Apply,
    /// An expression followed by a bare `or`: it is applied to the variable `or`.
    ApplyOr,
    /// `e.a.b` or `e.a.b or d`
    Select,
    /// `e ? a.b`
    HasAttr,
    /// Two operands with an operator between them.
    BinaryOp,
    /// `!e` or `-e`
    UnaryOp,
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

/// How many kinds there are.
pub(crate) const KIND_COUNT: u16 = K::Dynamic as u16 + 1;

/// All kinds, in order.
#[rustfmt::skip]
const ALL: [SyntaxKind; KIND_COUNT as usize] = [
    K::Whitespace, K::LineComment, K::BlockComment, K::Invalid, K::Identifier, K::Integer,
    K::Float, K::Uri, K::LookupPath, K::PathStart, K::PathContent, K::StringStart,
    K::StringContent, K::StringEnd, K::IndentedStart, K::IndentedContent, K::IndentedEscape,
    K::IndentedEnd, K::InterpolationStart, K::If, K::Then, K::Else, K::Assert, K::With, K::Let,
    K::In, K::Rec, K::Inherit, K::Or, K::DollarBrace, K::BraceOpen, K::BraceClose,
    K::BracketOpen, K::BracketClose, K::ParenOpen, K::ParenClose, K::Semicolon, K::Colon,
    K::Comma, K::Dot, K::Ellipsis, K::At, K::Equals, K::Question, K::Bang, K::Plus, K::Minus,
    K::Star, K::Slash, K::PlusPlus, K::SlashSlash, K::EqualsEquals, K::BangEquals, K::Less,
    K::LessEquals, K::Greater, K::GreaterEquals, K::AndAnd, K::OrOr, K::Arrow, K::PipeInto,
    K::PipeFrom, K::EndOfFile, K::SourceFile, K::Error, K::Variable, K::CurPos, K::Literal,
    K::LookupPathExpr, K::Path, K::String, K::IndentedString, K::Interpolation, K::Paren,
    K::List, K::AttrSet, K::LegacyLet, K::LetIn, K::WithExpr, K::AssertExpr, K::IfElse,
    K::Lambda, K::Formals, K::Formal, K::Apply, K::ApplyOr, K::Select, K::HasAttr, K::BinaryOp,
    K::UnaryOp, K::Binding, K::InheritClause, K::InheritFrom, K::Attrpath, K::Name, K::Dynamic,
];

impl SyntaxKind {
    /// Returns whether this is white space or a comment.
    pub const fn is_trivia(self) -> bool {
        (self as u8) <= K::BlockComment as u8
    }

    /// Returns whether this is a token.
    pub const fn is_token(self) -> bool {
        (self as u8) <= K::EndOfFile as u8
    }

    /// Returns whether this is a keyword; `or` counts as one.
    pub const fn is_keyword(self) -> bool {
        (self as u8) >= K::If as u8 && (self as u8) <= K::Or as u8
    }

    /// Returns whether a node of this kind is an expression. `Error` is none.
    pub const fn is_expression(self) -> bool {
        matches!(
            self,
            K::Variable
                | K::CurPos
                | K::Literal
                | K::LookupPathExpr
                | K::Path
                | K::String
                | K::IndentedString
                | K::Paren
                | K::List
                | K::AttrSet
                | K::LegacyLet
                | K::LetIn
                | K::WithExpr
                | K::AssertExpr
                | K::IfElse
                | K::Lambda
                | K::Apply
                | K::ApplyOr
                | K::Select
                | K::HasAttr
                | K::BinaryOp
                | K::UnaryOp
        )
    }

    /// Returns whether a node of this kind names an attribute inside `Attrpath` or `inherit`.
    pub const fn is_attr(self) -> bool {
        matches!(self, K::Name | K::Dynamic | K::String)
    }

    /// Returns the kind whose number is `raw`, or `Error` for a number that is none.
    pub fn from_raw(raw: u16) -> SyntaxKind {
        ALL.get(usize::from(raw)).copied().unwrap_or(K::Error)
    }

    /// Returns the text of a token that is always written the same.
    pub const fn fixed_text(self) -> Option<&'static str> {
        Some(match self {
            K::StringStart | K::StringEnd => "\"",
            K::IndentedEnd => "''",
            K::InterpolationStart | K::DollarBrace => "${",
            K::If => "if",
            K::Then => "then",
            K::Else => "else",
            K::Assert => "assert",
            K::With => "with",
            K::Let => "let",
            K::In => "in",
            K::Rec => "rec",
            K::Inherit => "inherit",
            K::Or => "or",
            K::BraceOpen => "{",
            K::BraceClose => "}",
            K::BracketOpen => "[",
            K::BracketClose => "]",
            K::ParenOpen => "(",
            K::ParenClose => ")",
            K::Semicolon => ";",
            K::Colon => ":",
            K::Comma => ",",
            K::Dot => ".",
            K::Ellipsis => "...",
            K::At => "@",
            K::Equals => "=",
            K::Question => "?",
            K::Bang => "!",
            K::Plus => "+",
            K::Minus => "-",
            K::Star => "*",
            K::Slash => "/",
            K::PlusPlus => "++",
            K::SlashSlash => "//",
            K::EqualsEquals => "==",
            K::BangEquals => "!=",
            K::Less => "<",
            K::LessEquals => "<=",
            K::Greater => ">",
            K::GreaterEquals => ">=",
            K::AndAnd => "&&",
            K::OrOr => "||",
            K::Arrow => "->",
            K::PipeInto => "|>",
            K::PipeFrom => "<|",
            _ => return None,
        })
    }
}

impl fmt::Display for SyntaxKind {
    /// Writes the kind as a person would say it: `` `;` ``, `an identifier`, `a list`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.fixed_text() {
            return write!(f, "`{text}`");
        }
        f.write_str(match self {
            K::Whitespace => "white space",
            K::LineComment | K::BlockComment => "a comment",
            K::Invalid => "a character that Nix does not know",
            K::Identifier | K::Name => "a name",
            K::Integer => "an integer",
            K::Float => "a floating-point number",
            K::Uri => "a URI",
            K::LookupPath | K::LookupPathExpr => "a lookup path",
            K::PathStart | K::PathContent | K::Path => "a path",
            K::StringContent | K::String => "a string",
            K::IndentedStart | K::IndentedContent | K::IndentedEscape | K::IndentedString => {
                "an indented string"
            }
            K::EndOfFile => "the end of the file",
            K::Attrpath => "an attribute path",
            K::List => "a list",
            K::AttrSet => "an attribute set",
            K::Lambda => "a function",
            K::Binding => "a binding",
            _ => "an expression",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_number() {
        for (index, kind) in ALL.iter().enumerate() {
            assert_eq!(*kind as usize, index);
            assert_eq!(SyntaxKind::from_raw(index as u16), *kind);
        }
    }
}
