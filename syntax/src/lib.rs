//! What you wrote: lossless trees from any text.

pub mod ast;
mod error;
mod event;
pub mod flat;
mod grammar;
mod kind;
mod lexer;
mod line_index;
pub mod literal;
mod oracle;
mod parse;
mod parser;
#[cfg(test)]
mod pieces;
mod reparse;
mod tree;
mod validate;

pub use error::{ErrorKind, SyntaxError, duplicate_attr};
pub use flat::{FlatElement, FlatNode, FlatToken, FlatTree};
pub use kind::SyntaxKind;
pub use line_index::LineIndex;
pub use oracle::{OracleError, oracle_error};
pub use parse::{Parse, parse};
pub use reparse::{Edit, FlatParse};
pub use rowan::{TextRange, TextSize};
pub use tree::{NixLanguage, SyntaxElement, SyntaxNode, SyntaxNodePtr, SyntaxToken};

use flat::Token;
use lexer::{LexErrorKind, Lexed};
use parser::{Output, Parser};

/// How to parse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Whether `|>` and `<|` are allowed; if not they parse and are an error.
    pub pipe_operators: bool,
    /// How many nodes deep a tree may be; beyond that all nodes are dropped, the tokens become
    /// children of the root, and the only error is `NestingTooDeep`.
    pub depth_max: u32,
}

impl Options {
    /// What the command line starts from.
    pub const DEFAULT: Options = Options { pipe_operators: false, depth_max: 1_000 };
}

impl Default for Options {
    fn default() -> Self {
        Options::DEFAULT
    }
}

/// Parses `source` into the flat tree that evaluation reads, and all that is wrong with it.
///
/// Errors are in source order. Any bytes give a tree.
pub fn parse_flat(source: &[u8], options: Options) -> (FlatTree<'_>, Vec<SyntaxError>) {
    parse_with(source, options, grammar::source_file)
}

/// Parses bindings as they stand between the braces of a set, `a = 1; inherit b`, into a tree
/// whose root has an `AttrSet` without braces; the last one may lack its semicolon.
///
/// Errors are in source order. Any bytes give a tree.
pub fn parse_bindings(source: &[u8], options: Options) -> (FlatTree<'_>, Vec<SyntaxError>) {
    let (tree, mut errors) = parse_with(source, options, grammar::bindings);
    if let [only] = errors.as_slice()
        && only.kind == ErrorKind::Missing
    {
        // On a line of its own, for a comment may come last.
        let whole = [source, b"\n;"].concat();
        if parse_with(&whole, options, grammar::bindings).1.is_empty() {
            errors.clear();
        }
    }
    (tree, errors)
}

fn parse_with(
    source: &[u8],
    options: Options,
    root: fn(&mut Parser<'_>),
) -> (FlatTree<'_>, Vec<SyntaxError>) {
    if u32::try_from(source.len()).is_err() {
        let tree = parse_flat(&[], options).0;
        return (tree, vec![error::too_large()]);
    }
    let Lexed { mut tokens, errors: lex_errors, .. } = lexer::lex(source);
    let end = source.len() as u32;
    tokens.push(Token { start: end, end, kind: SyntaxKind::EndOfFile });
    let mut parser = Parser::new(source, &tokens, options);
    root(&mut parser);
    let Output { nodes, mut errors, too_deep } = parser.finish();
    tokens.pop();
    let tree = event::flat_tree(source, tokens, &nodes);
    if too_deep.is_some() || tree.depth > options.depth_max {
        return without_nodes(tree, too_deep, options);
    }
    validate::validate(&tree, &mut errors);
    errors.extend(lex_errors.into_iter().map(|error| lexical_error(source, error)));
    sort(&mut errors);
    (tree, errors)
}

/// Sorts errors by place; the order is the same whichever way they were found.
fn sort(errors: &mut [SyntaxError]) {
    errors.sort_by(|lhs, rhs| {
        let key = |error: &SyntaxError| (error.range.start(), error.range.end());
        key(lhs).cmp(&key(rhs)).then_with(|| lhs.message.cmp(&rhs.message))
    });
}

/// Drops the nodes of a tree that is too deep, and says where that begins.
fn without_nodes(
    mut tree: FlatTree<'_>,
    too_deep: Option<u32>,
    options: Options,
) -> (FlatTree<'_>, Vec<SyntaxError>) {
    // A chain of operators nests without nesting the parser: its first token is where it begins.
    let token = too_deep.unwrap_or(0);
    let range = tree.tokens.get(token as usize).map_or_else(TextRange::default, |token| {
        TextRange::new(token.start.into(), token.end.into())
    });
    tree.nodes.truncate(1);
    for root in &mut tree.nodes {
        root.subtree_end = 1;
    }
    tree.depth = 1;
    (tree, vec![error::nesting_too_deep(range, options.depth_max)])
}

fn lexical_error(source: &[u8], error: lexer::LexError) -> SyntaxError {
    let range = TextRange::new(error.start.into(), error.end.into());
    match error.kind {
        LexErrorKind::UnclosedComment => error::unclosed_comment(range),
        LexErrorKind::TrailingSlash => {
            // At the end of the file the reference implementation points at the path itself.
            let at_end = error.end as usize >= source.len();
            error::trailing_slash(range, if at_end { error.start } else { error.end })
        }
        LexErrorKind::NulInString => {
            let text = source.get(error.start as usize..error.end as usize).unwrap_or_default();
            error::nul_in_string(range, &literal::unescape_string(text))
        }
    }
}
