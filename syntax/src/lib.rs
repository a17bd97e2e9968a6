//! What you wrote: lossless trees from any text.

pub mod ast;
mod error;
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

use flat::{Node, Token};
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
    parse_flat_in(source, options, &mut Buffers::default())
}

/// The memory of trees that are gone, for those to come; see [`FlatTree::give_back`].
#[derive(Default)]
pub struct Buffers {
    tokens: Vec<Token>,
    nodes: Vec<Node>,
}

/// As [`parse_flat`], with the memory in `buffers`: who parses many files, one after the other,
/// touches it only once.
pub fn parse_flat_in<'t>(
    source: &'t [u8],
    options: Options,
    buffers: &mut Buffers,
) -> (FlatTree<'t>, Vec<SyntaxError>) {
    parse_with(source, options, grammar::source_file, buffers)
}

/// Parses bindings as they stand between the braces of a set, `a = 1; inherit b`, into a tree
/// whose root has an `AttrSet` without braces; the last one may lack its semicolon.
///
/// Errors are in source order. Any bytes give a tree.
pub fn parse_bindings(source: &[u8], options: Options) -> (FlatTree<'_>, Vec<SyntaxError>) {
    let buffers = &mut Buffers::default();
    let (tree, mut errors) = parse_with(source, options, grammar::bindings, buffers);
    if let [only] = errors.as_slice()
        && only.kind == ErrorKind::Missing
    {
        // On a line of its own, for a comment may come last.
        let whole = [source, b"\n;"].concat();
        if parse_with(&whole, options, grammar::bindings, buffers).1.is_empty() {
            errors.clear();
        }
    }
    (tree, errors)
}

fn parse_with<'t>(
    source: &'t [u8],
    options: Options,
    root: fn(&mut Parser<'_>),
    buffers: &mut Buffers,
) -> (FlatTree<'t>, Vec<SyntaxError>) {
    if u32::try_from(source.len()).is_err() {
        return too_large(options);
    }
    let Lexed { mut tokens, errors: lex_errors, is_too_long, .. } =
        lexer::lex_into(source, std::mem::take(&mut buffers.tokens));
    if is_too_long {
        return too_large(options);
    }
    let end = source.len() as u32;
    tokens.push(Token::new(end, end, SyntaxKind::EndOfFile));
    let nodes = std::mem::take(&mut buffers.nodes);
    let mut parser = Parser::new(source, &tokens, nodes, options);
    root(&mut parser);
    let Output { nodes, mut errors, too_deep, depth_bound } = parser.finish();
    tokens.pop();
    let Some(tree) = FlatTree::new(source, tokens, nodes) else { return too_large(options) };
    debug_assert!(too_deep.is_some() || tree.depth() <= depth_bound, "the bound holds");
    let is_deep = depth_bound > options.depth_max && tree.depth() > options.depth_max;
    if too_deep.is_some() || is_deep {
        return without_nodes(tree, too_deep, options);
    }
    validate::validate(&tree, &mut errors);
    errors.extend(lex_errors.into_iter().map(|error| lexical_error(source, error)));
    sort(&mut errors);
    (tree, errors)
}

/// Returns what stands for a source with more in it than can be numbered.
#[cold]
fn too_large<'t>(options: Options) -> (FlatTree<'t>, Vec<SyntaxError>) {
    (parse_flat(&[], options).0, vec![error::too_large()])
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
        TextRange::new(token.start.into(), token.end().into())
    });
    tree.nodes.truncate(1);
    for root in &mut tree.nodes {
        *root = Node::new(root.first_token, root.end_token, 1, root.kind);
    }
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
