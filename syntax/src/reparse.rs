//! An edit of a parsed text: what it cannot have changed is kept.
//!
//! The smallest token, binding or block that can absorb the edit is parsed alone and put in the
//! place of the old one; where nothing smaller can, the whole text is parsed. The result equals
//! that of parsing the new text: a block is replaced only if the parser, coming to its first token,
//! would read the same tokens before and after it and call the same production.
//!
//! What that takes is said at each check; the property test edits at random and compares.

mod flat;
mod token;

pub use flat::FlatParse;

use rowan::{Direction, NodeOrToken};

use crate::error::{ErrorKind, SyntaxError};
use crate::flat::{FlatElement, FlatTree, Token};
use crate::kind::SyntaxKind as K;
use crate::lexer::{self, Lexed};
use crate::parse::Parse;
use crate::parser::{Open, Output, Parser};
use crate::tree::{self, SyntaxNode, SyntaxToken};
use crate::{Options, TextRange, TextSize, grammar, lexical_error, validate};

/// The replacement of a range of a text by another text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edit {
    /// What is replaced: bytes of the tree's text, between characters.
    pub range: TextRange,
    /// What takes its place.
    pub text: String,
}

impl Edit {
    /// Returns `text` after the edit, whose range must lie in `text` between characters.
    pub fn apply(&self, text: &str) -> String {
        let (start, end) = (usize::from(self.range.start()), usize::from(self.range.end()));
        let before = text.get(..start).expect("an edit begins between characters of the text");
        let after = text.get(end..).expect("an edit ends between characters of the text");
        [before, &self.text, after].concat()
    }

    /// Returns how the edit looks from `start` on.
    fn inside(&self, start: TextSize) -> Edit {
        Edit { range: self.range - start, text: self.text.clone() }
    }

    /// Returns where the text after `offset` has moved to, for an offset after the edit.
    fn moved(&self, offset: u32) -> u32 {
        offset - u32::from(self.range.len()) + self.text.len() as u32
    }
}

impl Parse {
    /// Returns the result of parsing the text after `edit`, made from this one where it can be.
    ///
    /// # Panics
    ///
    /// If the range of the edit does not lie in the text, between characters.
    #[must_use]
    pub fn reparse(&self, edit: &Edit) -> Parse {
        let root = self.syntax();
        assert!(root.text_range().contains_range(edit.range), "the edit lies in the text");
        let parse = token::reparse(self, &root, edit).or_else(|| self.reparse_block(&root, edit));
        let parse = parse.unwrap_or_else(|| self.reparse_all(&root, edit));
        Parse { replaced: self.moved_replacements(edit), ..parse }
    }

    fn reparse_all(&self, root: &SyntaxNode, edit: &Edit) -> Parse {
        crate::parse(edit.apply(&root.text().to_string()).as_bytes(), self.options)
    }

    fn reparse_block(&self, root: &SyntaxNode, edit: &Edit) -> Option<Parse> {
        let inner = match root.covering_element(edit.range) {
            NodeOrToken::Node(node) => node,
            NodeOrToken::Token(token) => token.parent()?,
        };
        let blocks = inner.ancestors().filter(|node| is_replaceable(node, edit.range));
        blocks.into_iter().find_map(|node| Block::new(node, edit)?.replace(self))
    }

    /// Returns where replaced bytes of the source are after the edit.
    fn moved_replacements(&self, edit: &Edit) -> std::sync::Arc<[u32]> {
        let (start, end) = (u32::from(edit.range.start()), u32::from(edit.range.end()));
        let kept = self.replaced.iter().filter(|at| **at < start || **at >= end);
        kept.map(|at| if *at < start { *at } else { edit.moved(*at) }).collect()
    }

    /// Returns this parse with a new tree, its errors moved; `None` if one of those that `is_old`
    /// does not know for its own points into the replaced part.
    fn with_errors(
        &self,
        green: rowan::GreenNode,
        part: &Part,
        is_old: impl Fn(&SyntaxError) -> bool,
        new: Vec<SyntaxError>,
    ) -> Option<Parse> {
        let mut errors = new;
        for error in self.errors.iter().filter(|error| !is_old(error)) {
            errors.push(error.clone().try_map_offsets(&|offset| part.moved(offset))?);
        }
        crate::sort(&mut errors);
        Some(Parse { green, errors: errors.into(), ..self.clone() })
    }
}

/// The part of a text that is replaced: nothing outside points into its middle.
struct Part {
    /// Up to here nothing changes: the end of the first token.
    start: u32,
    /// From here on all moves.
    end: u32,
    new_end: u32,
}

impl Part {
    /// Whether an error is one of the replaced text.
    fn has(&self, error: &SyntaxError) -> bool {
        let (from, to) = (u32::from(error.range.start()), u32::from(error.range.end()));
        from >= self.start && to <= self.end && from < self.end
    }

    /// Whether an error in a binding is not of the binding's making but of its `let`'s.
    fn is_foreign(&self, error: &SyntaxError) -> bool {
        error.kind == ErrorKind::DynamicAttr && self.has(error)
    }

    fn moved(&self, offset: u32) -> Option<u32> {
        if offset <= self.start {
            Some(offset)
        } else {
            (offset >= self.end).then(|| offset - self.end + self.new_end)
        }
    }
}

/// Returns whether `node` may be replaced as a whole when `edit` is made in it.
fn is_replaceable(node: &SyntaxNode, edit: TextRange) -> bool {
    let is_known = matches!(
        node.kind(),
        K::AttrSet
            | K::LegacyLet
            | K::List
            | K::Paren
            | K::Interpolation
            | K::Binding
            | K::InheritClause
    );
    if !is_known {
        return false;
    }
    let (Some(first), Some(last)) = (node.first_token(), node.last_token()) else { return false };
    // What stands around sees the first and the last token: those stay.
    let start = match node.kind() {
        K::Binding => first.text_range().start(),
        _ => first.text_range().end(),
    };
    let is_entry = matches!(node.kind(), K::Binding | K::InheritClause);
    let is_inside = start <= edit.start() && edit.end() <= last.text_range().start();
    let is_closed = last.kind() == closing(node.kind()) && last.parent().as_ref() == Some(node);
    is_inside && is_closed && !names_attribute(node) && (!is_entry || follows(node))
}

/// Returns the token with which a replaceable node ends.
fn closing(kind: K) -> K {
    match kind {
        K::List => K::BracketClose,
        K::Paren => K::ParenClose,
        K::Binding | K::InheritClause => K::Semicolon,
        _ => K::BraceClose,
    }
}

/// Whether a constant string here is an attribute's name: then what it is decides over errors.
fn names_attribute(node: &SyntaxNode) -> bool {
    let outside = node
        .ancestors()
        .find(|it| !matches!(it.kind(), K::Paren | K::Interpolation | K::IndentedString));
    outside.is_some_and(|it| it.kind() == K::Dynamic)
}

/// Whether an entry certainly begins where this one does: after one that ended well, or first.
fn follows(entry: &SyntaxNode) -> bool {
    let is_scope = |node: &SyntaxNode| matches!(node.kind(), K::AttrSet | K::LegacyLet | K::LetIn);
    if !entry.parent().as_ref().is_some_and(is_scope) {
        return false;
    }
    let before = entry
        .siblings_with_tokens(Direction::Prev)
        .skip(1)
        .find(|element| !element.kind().is_trivia());
    match before {
        Some(NodeOrToken::Token(token)) => matches!(token.kind(), K::BraceOpen | K::Let),
        Some(NodeOrToken::Node(node)) => {
            matches!(node.kind(), K::Binding | K::InheritClause)
                && node.last_token().is_some_and(|token| {
                    token.kind() == K::Semicolon && token.parent() == Some(node)
                })
        }
        None => false,
    }
}

/// A node to be replaced, and its new text.
struct Block {
    node: SyntaxNode,
    text: String,
}

/// How many tokens after a block the parser may look at while it is in the block.
const LOOKAHEAD: usize = 3;

impl Block {
    fn new(node: SyntaxNode, edit: &Edit) -> Option<Block> {
        let old = node.text().to_string();
        // What follows is read as it is because of how the lexer leaves this text.
        if !is_whole(node.kind(), &lexer::lex(old.as_bytes()), old.len()) {
            return None;
        }
        let text = edit.inside(node.text_range().start()).apply(&old);
        Some(Block { node, text })
    }

    fn replace(&self, parse: &Parse) -> Option<Parse> {
        let first = self.node.first_token()?;
        let site = Site {
            kind: self.node.kind(),
            first: (first.kind(), first.text_range().len().into()),
            after: following(&self.node),
            open: open_around(self.node.ancestors().skip(1).map(|it| it.kind())),
            depth: self.node.ancestors().count() as u32,
        };
        let (tree, errors) = site.parse(self.text.as_bytes(), parse.options)?;
        self.put(&tree, parse, errors)
    }

    fn put(
        &self,
        tree: &FlatTree<'_>,
        parse: &Parse,
        mut errors: Vec<SyntaxError>,
    ) -> Option<Parse> {
        let range = self.node.text_range();
        let (base, end) = (u32::from(range.start()), u32::from(range.end()));
        // A binding has no token that others point at.
        let first = match self.node.kind() {
            K::Binding => base,
            _ => self.node.first_token().map_or(base, |token| token.text_range().end().into()),
        };
        for error in &mut errors {
            *error = error.clone().try_map_offsets(&|offset| Some(base + offset))?;
        }
        let part = Part { start: first, end, new_end: base + self.text.len() as u32 };
        if self.node.kind() == K::Binding && parse.errors.iter().any(|it| part.is_foreign(it)) {
            return None;
        }
        let is_inside = |error: &SyntaxError| part.has(error);
        let green = self.node.replace_with(tree::green(tree.root(), &self.text));
        parse.with_errors(green, &part, is_inside, errors)
    }
}

/// Where a block stands, as far as it must be known to parse it alone.
struct Site {
    kind: K,
    /// Its first token now, and how long that is.
    first: (K, u32),
    /// The kinds of the significant tokens that follow it.
    after: Vec<K>,
    /// Which brackets are open where the parser comes to it.
    open: Open,
    /// How many nodes are around it, itself among them.
    depth: u32,
}

impl Site {
    /// Parses the new text of the block; `None` if it cannot stand where the old one did.
    fn parse<'t>(
        &self,
        source: &'t [u8],
        options: Options,
    ) -> Option<(FlatTree<'t>, Vec<SyntaxError>)> {
        let mut lexed = lexer::lex(source);
        if self.kind == K::Interpolation {
            // Alone it begins outside of any string.
            lexed.tokens.first_mut()?.kind = K::InterpolationStart;
        }
        if !is_whole(self.kind, &lexed, source.len()) || !self.begins_the_same(&lexed) {
            return None;
        }
        let end = source.len() as u32;
        let Lexed { mut tokens, errors: lex_errors, .. } = lexed;
        let count = tokens.len();
        let appended = self.after.iter().copied().chain([K::EndOfFile]);
        tokens.extend(appended.map(|kind| Token::new(end, end, kind)));
        let mut parser = Parser::new(source, &tokens, Vec::new(), options);
        parser.open = self.open;
        if !grammar::block(&mut parser, self.kind) || parser.progress() != count {
            return None;
        }
        let Output { nodes, mut errors, too_deep, .. } = parser.finish();
        tokens.truncate(count);
        let tree = FlatTree::new(source, tokens, nodes)?;
        if too_deep.is_some() || !self.fits(&tree, options) {
            return None;
        }
        validate::validate(&tree, &mut errors);
        errors.extend(lex_errors.into_iter().map(|error| lexical_error(source, error)));
        Some((tree, errors))
    }

    /// Whether the first token, by which a block is known, is still the same; a binding has none.
    fn begins_the_same(&self, lexed: &Lexed) -> bool {
        let Some(new) = lexed.tokens.first() else { return false };
        self.kind == K::Binding || (new.kind, new.end()) == self.first
    }

    /// Whether the new node can stand where the old one did.
    fn fits(&self, tree: &FlatTree<'_>, options: Options) -> bool {
        let root = tree.root();
        // The parser may nest a little deeper than the tree.
        let depth = self.depth + 2 * tree.depth() + 8;
        if depth > options.depth_max || root.kind() != self.kind {
            return false;
        }
        // The last token has to end this node, not one inside that swallowed it.
        let is_closed = root.elements().last().is_some_and(|last| match last {
            FlatElement::Token(token) => token.kind() == closing(root.kind()),
            FlatElement::Node(_) => false,
        });
        if !is_closed {
            return false;
        }
        if root.kind() != K::Binding {
            return true;
        }
        // `{ a ? …` would be formals, and `let ${a} = …` an error of the `let`.
        let tokens = [tree.token(0), tree.token(1)].map(|token| token.map(|token| token.kind()));
        matches!(tokens, [Some(K::Identifier), Some(K::Equals | K::Dot)])
    }
}

/// Returns which brackets are open inside nodes of these kinds.
fn open_around(outer: impl Iterator<Item = K>) -> Open {
    let mut open = Open::default();
    for kind in outer {
        match kind {
            K::Paren | K::InheritFrom => open.parens += 1,
            K::List => open.brackets += 1,
            _ => {}
        }
    }
    open
}

/// Whether the text's tokens are a block's: the first and the last one begin and end it, and no
/// brace in it closes what was opened outside.
fn is_whole(kind: K, lexed: &Lexed, len: usize) -> bool {
    let [first, .., last] = &lexed.tokens[..] else { return false };
    if !lexed.is_closed || lexed.is_too_long || first.start != 0 || last.end() as usize != len {
        return false;
    }
    let mut open = 0_usize;
    let mut count = 0;
    for token in &lexed.tokens {
        count += 1;
        match token.kind {
            K::BraceOpen | K::DollarBrace | K::InterpolationStart => open += 1,
            K::BraceClose => match open.checked_sub(1) {
                Some(left) => open = left,
                None => return false,
            },
            _ => continue,
        }
        let is_end = open == 0 && count < lexed.tokens.len();
        if is_end && matches!(kind, K::AttrSet | K::LegacyLet | K::Interpolation) {
            return false;
        }
    }
    open == 0
}

/// Returns the kinds of the significant tokens after `node`.
fn following(node: &SyntaxNode) -> Vec<K> {
    let mut next = node.last_token().and_then(|token| token.next_token());
    let mut kinds = Vec::with_capacity(LOOKAHEAD);
    while let Some(token) = next {
        if !token.kind().is_trivia() {
            kinds.push(token.kind());
            if kinds.len() == LOOKAHEAD {
                break;
            }
        }
        next = token.next_token();
    }
    kinds
}

/// Returns the token before or after `token`, trivia included.
fn neighbor(token: &SyntaxToken, direction: Direction) -> Option<SyntaxToken> {
    match direction {
        Direction::Prev => token.prev_token(),
        Direction::Next => token.next_token(),
    }
}

#[cfg(test)]
mod tests;
