//! An edit of a flat tree: a block is parsed alone, the arrays around it are moved.
//!
//! What may be replaced is decided as for the lossless tree; an edit between two tokens, which
//! the flat tree does not have, only moves what follows.

use std::sync::Arc;

use super::{Part, Site, closing, is_whole, open_around};
use crate::error::SyntaxError;
use crate::flat::{FlatNode, FlatTree, Node, Source, Token};
use crate::kind::SyntaxKind as K;
use crate::{Options, lexer, parse_flat, sort};

/// The flat tree of a text that may be edited, and all that is wrong with the text.
///
/// ```
/// use syntax::{FlatParse, Options};
///
/// let parse = FlatParse::new(b"{ a = 1; }".as_slice().into(), Options::default());
/// let edited = parse.edited(b"{ a = 12; }".as_slice().into());
/// assert_eq!(edited, FlatParse::new(b"{ a = 12; }".as_slice().into(), Options::default()));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlatParse {
    tree: FlatTree<'static>,
    errors: Vec<SyntaxError>,
    options: Options,
}

impl FlatParse {
    /// Parses a text.
    pub fn new(source: Arc<[u8]>, options: Options) -> FlatParse {
        let (tree, errors) = parse_flat(&source, options);
        let source = if tree.source().is_empty() { Arc::default() } else { Arc::clone(&source) };
        FlatParse { tree: tree.on_shared(source), errors, options }
    }

    /// Returns the tree.
    pub fn tree(&self) -> &FlatTree<'static> {
        &self.tree
    }

    /// Returns what is wrong with the text, in source order.
    pub fn errors(&self) -> &[SyntaxError] {
        &self.errors
    }

    /// Returns the parse of another text, made from this one where that is less work.
    #[must_use]
    pub fn edited(&self, source: Arc<[u8]>) -> FlatParse {
        let edited = Change::between(self.tree.source(), &source)
            .and_then(|change| change.apply(self, &source));
        edited.unwrap_or_else(|| FlatParse::new(source, self.options))
    }
}

/// What distinguishes two texts: a range of the old one, and what stands there in the new one.
struct Change {
    start: u32,
    end: u32,
    new_end: u32,
}

impl Change {
    /// Returns the smallest change between two texts of a size that can be counted.
    fn between(old: &[u8], new: &[u8]) -> Option<Change> {
        u32::try_from(old.len().max(new.len())).ok()?;
        let before = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let (old_rest, new_rest) = (old.get(before..)?, new.get(before..)?);
        let pairs = old_rest.iter().rev().zip(new_rest.iter().rev());
        let after = pairs.take_while(|(old, new)| old == new).count();
        let (end, new_end) = (old.len() - after, new.len() - after);
        Some(Change { start: before as u32, end: end as u32, new_end: new_end as u32 })
    }

    /// By how much all moves that follows.
    fn shift(&self) -> u32 {
        self.new_end.wrapping_sub(self.end)
    }

    fn apply(&self, old: &FlatParse, source: &Arc<[u8]>) -> Option<FlatParse> {
        self.in_trivia(old, source).or_else(|| {
            let around = self.around(&old.tree);
            (0..around.len()).rev().find_map(|index| self.in_block(old, source, &around[..=index]))
        })
    }

    /// The change touches no token and leaves white space at both ends of its gap.
    fn in_trivia(&self, old: &FlatParse, source: &Arc<[u8]>) -> Option<FlatParse> {
        let tokens = &old.tree.tokens;
        let next = tokens.partition_point(|token| token.start < self.end);
        let gap_start = next.checked_sub(1).and_then(|it| tokens.get(it)).map(|it| it.end());
        if gap_start.is_some_and(|start| start >= self.start) {
            return None;
        }
        let gap_start = gap_start.unwrap_or(0);
        let gap_end = tokens.get(next).map_or(old.tree.source().len() as u32, |it| it.start);
        let new_end = gap_end.wrapping_add(self.shift());
        let is_followed = next < tokens.len();
        // Of an empty gap it is not known which errors stand behind it, and a comment that does
        // not end has one of its own.
        let was_trivia =
            gap_start != gap_end && is_trivia(old.tree.source(), gap_start, gap_end, is_followed);
        if !was_trivia || !is_trivia(source, gap_start, new_end, is_followed) {
            return None;
        }
        let part = Part { start: gap_start, end: gap_end, new_end };
        let errors = moved_errors(old, &part, |_| false, Vec::new())?;
        let shift = self.shift();
        let mut moved = tokens.clone();
        for token in moved.iter_mut().skip(next) {
            *token = token.moved(shift);
        }
        let source = Source::Shared(Arc::clone(source));
        let tree = FlatTree { source, nodes: old.tree.nodes.clone(), tokens: moved };
        Some(FlatParse { tree, errors, options: old.options })
    }

    /// Returns the nodes around the change, the root first.
    fn around<'a>(&self, tree: &'a FlatTree<'a>) -> Vec<FlatNode<'a>> {
        let mut around = vec![tree.root()];
        while let Some(node) = around.last() {
            let inner = node
                .children()
                .take_while(|child| child.start() <= self.start)
                .filter(|child| self.end <= child.end())
                .last();
            match inner {
                Some(inner) => around.push(inner),
                None => break,
            }
        }
        around
    }

    /// Replaces the last of the nodes, which stand in each other.
    fn in_block(
        &self,
        old: &FlatParse,
        source: &Arc<[u8]>,
        around: &[FlatNode<'_>],
    ) -> Option<FlatParse> {
        let (node, outer) = around.split_last()?;
        let (first, last) = (node.first_token()?, node.last_token()?);
        if !self.is_inside(*node, outer) {
            return None;
        }
        if !is_whole(node.kind(), &lexer::lex(node.text()), node.text().len()) {
            return None;
        }
        let (start, end) = (node.start(), node.end());
        let new_end = end.wrapping_add(self.shift());
        let text = source.get(start as usize..new_end as usize)?;
        let after = (1..=super::LOOKAHEAD as u32)
            .map_while(|it| old.tree.token(last.index() + it))
            .map(|token| token.kind());
        let site = Site {
            kind: node.kind(),
            first: (first.kind(), first.end() - first.start()),
            after: after.collect(),
            open: open_around(outer.iter().map(|it| it.kind())),
            depth: around.len() as u32,
        };
        let (tree, mut errors) = site.parse(text, old.options)?;
        for error in &mut errors {
            *error = error.clone().try_map_offsets(&|offset| Some(start + offset))?;
        }
        let part_start = if node.kind() == K::Binding { start } else { first.end() };
        let part = Part { start: part_start, end, new_end };
        if node.kind() == K::Binding && old.errors.iter().any(|error| part.is_foreign(error)) {
            return None;
        }
        let errors = moved_errors(old, &part, |error| part.has(error), errors)?;
        let tree = spliced(*node, &tree, Arc::clone(source), self.shift());
        Some(FlatParse { tree, errors, options: old.options })
    }

    /// Whether the change lies inside `node`, which may be replaced as a whole.
    fn is_inside(&self, node: FlatNode<'_>, outer: &[FlatNode<'_>]) -> bool {
        let is_entry = match node.kind() {
            K::AttrSet | K::LegacyLet | K::List | K::Paren | K::Interpolation => false,
            K::Binding | K::InheritClause => true,
            _ => return false,
        };
        let (Some(first), Some(last)) = (node.first_token(), node.last_token()) else {
            return false;
        };
        let start = if node.kind() == K::Binding { first.start() } else { first.end() };
        start <= self.start
            && self.end <= last.start()
            && last.kind() == closing(node.kind())
            && ends_itself(node)
            && !names_attribute(node, outer)
            && (!is_entry || outer.last().is_some_and(|parent| follows(node, *parent)))
    }
}

/// Whether the last token of a node is its own and no descendant's.
fn ends_itself(node: FlatNode<'_>) -> bool {
    let end = node.last_token().map(|token| token.index());
    let inner = node.children().last().and_then(FlatNode::last_token).map(|token| token.index());
    end != inner
}

/// See the function of this name for the lossless tree.
fn names_attribute(node: FlatNode<'_>, outer: &[FlatNode<'_>]) -> bool {
    let mut around = outer.iter().rev().copied();
    let mut next = Some(node);
    while let Some(node) = next {
        if !matches!(node.kind(), K::Paren | K::Interpolation | K::IndentedString) {
            return node.kind() == K::Dynamic;
        }
        next = around.next();
    }
    false
}

/// See the function of this name for the lossless tree.
fn follows(entry: FlatNode<'_>, parent: FlatNode<'_>) -> bool {
    if !matches!(parent.kind(), K::AttrSet | K::LegacyLet | K::LetIn) {
        return false;
    }
    let before = parent.children().take_while(|it| it.index() < entry.index()).last();
    let first = entry.first_token().map_or(0, |token| token.index());
    let previous = first.checked_sub(1).and_then(|index| entry.tree().token(index));
    let Some(previous) = previous else { return false };
    match before {
        Some(before) if before.last_token().is_some_and(|it| it.index() == previous.index()) => {
            matches!(before.kind(), K::Binding | K::InheritClause)
                && previous.kind() == K::Semicolon
                && ends_itself(before)
        }
        _ => matches!(previous.kind(), K::BraceOpen | K::Let),
    }
}

/// Whether `start..end` is nothing but whole pieces of trivia, and white space where a token
/// follows.
fn is_trivia(source: &[u8], start: u32, end: u32, is_followed: bool) -> bool {
    let Some(gap) = source.get(..end as usize).filter(|_| start <= end) else { return false };
    let mut pos = start as usize;
    let mut ends_blank = false;
    while let Some(byte) = gap.get(pos) {
        ends_blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        pos = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => pos + 1,
            b'#' => lexer::line_comment_end(gap, pos),
            b'/' if gap.get(pos + 1) == Some(&b'*') => match lexer::block_comment_end(gap, pos) {
                Some(end) => end,
                None => return false,
            },
            _ => return false,
        };
    }
    ends_blank || !is_followed
}

/// Returns the errors after a change: the old ones moved, except those that `is_old` knows for
/// the replaced part's own; `None` if another one points into that.
fn moved_errors(
    old: &FlatParse,
    part: &Part,
    is_old: impl Fn(&SyntaxError) -> bool,
    new: Vec<SyntaxError>,
) -> Option<Vec<SyntaxError>> {
    let mut errors = new;
    for error in old.errors.iter().filter(|error| !is_old(error)) {
        errors.push(error.clone().try_map_offsets(&|offset| part.moved(offset))?);
    }
    sort(&mut errors);
    Some(errors)
}

/// Returns the tree around `node` with `new` in its place, on `source`.
fn spliced(
    node: FlatNode<'_>,
    new: &FlatTree<'_>,
    source: Arc<[u8]>,
    shift: u32,
) -> FlatTree<'static> {
    let old = node.tree();
    let first = node.first_token().map_or(0, |token| token.index());
    let end = node.last_token().map_or(0, |token| token.index() + 1);
    let base = node.start();
    let (index, subtree_end) = (node.index(), node.subtree_end());

    let mut tokens = Vec::with_capacity(old.tokens.len() + new.tokens.len());
    tokens.extend(old.tokens.iter().take(first as usize));
    tokens.extend(new.tokens.iter().map(|token| token.moved(base)));
    tokens.extend(old.tokens.iter().skip(end as usize).map(|token| token.moved(shift)));

    let token_shift = (first + new.tokens.len() as u32).wrapping_sub(end);
    let node_shift = (index + new.nodes.len() as u32).wrapping_sub(subtree_end);
    let mut nodes = Vec::with_capacity(old.nodes.len() + new.nodes.len());
    nodes.extend(old.nodes.iter().zip(0..index).map(|(it, place)| {
        if place + it.size() <= index {
            return *it;
        }
        let end_token = it.end_token.wrapping_add(token_shift);
        Node::new(it.first_token, end_token, it.size().wrapping_add(node_shift), it.kind)
    }));
    nodes.extend(new.nodes.iter().map(|it| it.moved(first)));
    let after = old.nodes.iter().skip(subtree_end as usize);
    nodes.extend(after.map(|it| it.moved(token_shift)));
    FlatTree { source: Source::Shared(source), nodes, tokens }
}

impl Token {
    fn moved(self, shift: u32) -> Token {
        Token { start: self.start.wrapping_add(shift), ..self }
    }
}

impl Node {
    fn moved(self, tokens: u32) -> Node {
        Node {
            first_token: self.first_token.wrapping_add(tokens),
            end_token: self.end_token.wrapping_add(tokens),
            ..self
        }
    }
}
