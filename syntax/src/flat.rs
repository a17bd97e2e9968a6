//! The flat tree: what evaluation reads, in two arrays and without trivia.
//!
//! Nodes stand in preorder, each with the index after its last descendant, so that the children of
//! a node are found by skipping from sibling to sibling. Tokens stand in one array beside them; a
//! node covers a run of it. `nix.ungram` says what each node holds.
//!
//! ```
//! use syntax::{Options, SyntaxKind, parse_flat};
//!
//! let (tree, errors) = parse_flat(b"{ a = 1; }", Options::default());
//! assert!(errors.is_empty());
//! let set = tree.root().first_child().unwrap();
//! assert_eq!(set.kind(), SyntaxKind::AttrSet);
//! let binding = set.children().next().unwrap();
//! assert_eq!(binding.text(), b"a = 1;");
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use crate::kind::SyntaxKind;
use crate::literal;
use crate::{TextRange, TextSize};

/// A significant token: its kind and its bytes in the source.
///
/// Eight bytes: there are as many as a quarter of the source has bytes, and memory that is touched
/// for the first time costs more than what is done with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    pub(crate) start: u32,
    pub(crate) len: Len,
    pub(crate) kind: SyntaxKind,
}

const _: () = assert!(size_of::<Token>() == 8 && size_of::<Node>() == 12);

impl Token {
    /// The longest token, in bytes.
    pub(crate) const LEN_MAX: usize = Len::MAX as usize;

    #[inline(always)]
    pub(crate) fn new(start: u32, end: u32, kind: SyntaxKind) -> Token {
        Token { start, len: Len::new(end.wrapping_sub(start)), kind }
    }

    #[inline(always)]
    pub(crate) fn end(self) -> u32 {
        self.start.wrapping_add(self.len.get())
    }
}

/// A node: its kind, the tokens it covers and how many nodes its subtree has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Node {
    pub(crate) first_token: u32,
    pub(crate) end_token: u32,
    pub(crate) size: Len,
    pub(crate) kind: SyntaxKind,
}

impl Node {
    /// The most nodes of a tree.
    pub(crate) const COUNT_MAX: usize = Len::MAX as usize;

    #[inline(always)]
    pub(crate) const fn new(first_token: u32, end_token: u32, size: u32, kind: SyntaxKind) -> Node {
        Node { first_token, end_token, size: Len::new(size), kind }
    }

    /// Returns how many nodes the subtree has, the node itself among them.
    #[inline(always)]
    pub(crate) fn size(self) -> u32 {
        self.size.get()
    }
}

/// A number of three bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Len([u8; 3]);

impl Len {
    const MAX: u32 = (1 << 24) - 1;

    /// Returns the number; of a greater one than [`Len::MAX`] the rest, which whoever makes tokens
    /// or nodes looks out for.
    #[inline(always)]
    const fn new(len: u32) -> Len {
        let [a, b, c, _] = len.to_le_bytes();
        Len([a, b, c])
    }

    #[inline(always)]
    fn get(self) -> u32 {
        let Len([a, b, c]) = self;
        u32::from_le_bytes([a, b, c, 0])
    }
}

/// The bytes that a tree stands on: its caller's, or shared ones.
#[derive(Clone, Debug)]
pub(crate) enum Source<'t> {
    Borrowed(&'t [u8]),
    Shared(Arc<[u8]>),
}

impl Source<'_> {
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Source::Borrowed(bytes) => bytes,
            Source::Shared(bytes) => bytes,
        }
    }
}

impl PartialEq for Source<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Source<'_> {}

/// A whole file for evaluation; borrows its source or shares it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlatTree<'t> {
    pub(crate) source: Source<'t>,
    /// Never empty: the first is `SourceFile`.
    pub(crate) nodes: Vec<Node>,
    pub(crate) tokens: Vec<Token>,
}

impl<'t> FlatTree<'t> {
    /// Returns the tree of nodes in preorder; `None` if there are too many to be counted.
    pub(crate) fn new(source: &'t [u8], tokens: Vec<Token>, nodes: Vec<Node>) -> Option<Self> {
        if nodes.len() > Node::COUNT_MAX {
            return None;
        }
        Some(FlatTree { source: Source::Borrowed(source), nodes, tokens })
    }

    /// Ends the tree and leaves its memory to the next one.
    pub fn give_back(self, buffers: &mut crate::Buffers) {
        buffers.tokens = self.tokens;
        buffers.nodes = self.nodes;
    }
}

impl FlatTree<'_> {
    /// Returns the `SourceFile` node.
    pub fn root(&self) -> FlatNode<'_> {
        FlatNode { tree: self, index: 0 }
    }

    /// Returns the node that stands at `index` in preorder.
    pub fn node(&self, index: u32) -> Option<FlatNode<'_>> {
        ((index as usize) < self.nodes.len()).then_some(FlatNode { tree: self, index })
    }

    /// Returns the significant token number `index`, from 0.
    pub fn token(&self, index: u32) -> Option<FlatToken<'_>> {
        ((index as usize) < self.tokens.len()).then_some(FlatToken { tree: self, index })
    }

    /// Returns how many nodes there are.
    pub fn node_count(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// Returns how many significant tokens there are.
    pub fn token_count(&self) -> u32 {
        self.tokens.len() as u32
    }

    /// Counts how many nodes deep the deepest leaf is; at most the limit of `Options`.
    pub fn depth(&self) -> u32 {
        let mut ends: Vec<u32> = Vec::with_capacity(64);
        let mut depth = 0;
        for (node, index) in self.nodes.iter().zip(0..) {
            while ends.last().is_some_and(|end| *end <= index) {
                ends.pop();
            }
            ends.push(index + node.size());
            depth = depth.max(ends.len());
        }
        depth as u32
    }

    /// Returns the bytes that were parsed.
    #[inline]
    pub fn source(&self) -> &[u8] {
        self.source.bytes()
    }

    /// Returns the bytes in `range`, nothing if it lies outside the source.
    pub fn text(&self, range: TextRange) -> &[u8] {
        self.bytes(range.start().into(), range.end().into())
    }

    /// Returns the bytes from `start` to `end`.
    #[inline]
    fn bytes(&self, start: u32, end: u32) -> &[u8] {
        self.source().get(start as usize..end as usize).unwrap_or_default()
    }

    /// Returns the same tree on its own share of its source, whose bytes `source` has.
    pub(crate) fn on_shared(self, source: Arc<[u8]>) -> FlatTree<'static> {
        let FlatTree { nodes, tokens, .. } = self;
        FlatTree { source: Source::Shared(source), nodes, tokens }
    }
}

/// A node of a [`FlatTree`]: two words, cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct FlatNode<'a> {
    tree: &'a FlatTree<'a>,
    index: u32,
}

impl PartialEq for FlatNode<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.tree, other.tree) && self.index == other.index
    }
}

impl Eq for FlatNode<'_> {}

impl<'a> FlatNode<'a> {
    #[inline]
    fn data(self) -> Node {
        self.tree.nodes[self.index as usize]
    }

    /// Returns the kind.
    #[inline]
    pub fn kind(self) -> SyntaxKind {
        self.data().kind
    }

    /// Returns the place in preorder: the root is 0, a node's first child follows it directly.
    #[inline]
    pub fn index(self) -> u32 {
        self.index
    }

    /// Returns the place in preorder of what follows this node and all below it.
    #[inline]
    pub fn subtree_end(self) -> u32 {
        self.index + self.data().size()
    }

    /// Returns the tree this node is in.
    pub fn tree(self) -> &'a FlatTree<'a> {
        self.tree
    }

    /// Returns the offset of the first byte; for an empty node where it would stand.
    #[inline]
    pub fn start(self) -> u32 {
        let node = self.data();
        match self.tree.tokens.get(node.first_token as usize) {
            Some(token) => token.start,
            None => self.tree.source().len() as u32,
        }
    }

    /// Returns the offset after the last byte.
    #[inline]
    pub fn end(self) -> u32 {
        let node = self.data();
        if node.end_token <= node.first_token {
            return self.start();
        }
        self.tree.tokens[node.end_token as usize - 1].end()
    }

    /// Returns the bytes covered, without trivia at both ends.
    pub fn range(self) -> TextRange {
        TextRange::new(TextSize::from(self.start()), TextSize::from(self.end()))
    }

    /// Returns the source text of this node, trivia between its tokens included.
    pub fn text(self) -> &'a [u8] {
        self.tree.bytes(self.start(), self.end())
    }

    /// Returns the child nodes in source order.
    #[inline]
    pub fn children(self) -> Children<'a> {
        Children { tree: self.tree, next: self.index + 1, end: self.subtree_end() }
    }

    /// Returns the first child node.
    pub fn first_child(self) -> Option<FlatNode<'a>> {
        self.children().next()
    }

    /// Returns the child node number `n`, counted from 0.
    pub fn nth_child(self, n: usize) -> Option<FlatNode<'a>> {
        self.children().nth(n)
    }

    /// Returns the first child node of this kind.
    pub fn child(self, kind: SyntaxKind) -> Option<FlatNode<'a>> {
        self.children().find(|child| child.kind() == kind)
    }

    /// Returns the child nodes that are expressions, in source order.
    pub fn expressions(self) -> impl Iterator<Item = FlatNode<'a>> {
        self.children().filter(|child| child.kind().is_expression())
    }

    /// Returns this node and all below it, in preorder.
    pub fn descendants(self) -> impl Iterator<Item = FlatNode<'a>> {
        let tree = self.tree;
        (self.index..self.subtree_end()).map(move |index| FlatNode { tree, index })
    }

    /// Returns child nodes and own tokens, in source order.
    #[inline]
    pub fn elements(self) -> Elements<'a> {
        let node = self.data();
        Elements { children: self.children(), token: node.first_token, end_token: node.end_token }
    }

    /// Returns the tokens that belong to this node itself and to no child.
    pub fn tokens(self) -> impl Iterator<Item = FlatToken<'a>> {
        self.elements().filter_map(|element| match element {
            FlatElement::Token(token) => Some(token),
            FlatElement::Node(_) => None,
        })
    }

    /// Returns the first own token of this kind.
    pub fn token(self, kind: SyntaxKind) -> Option<FlatToken<'a>> {
        self.tokens().find(|token| token.kind() == kind)
    }

    /// Returns the first token, own or of a descendant; `None` if the node is empty.
    #[inline]
    pub fn first_token(self) -> Option<FlatToken<'a>> {
        let node = self.data();
        (node.first_token < node.end_token)
            .then_some(FlatToken { tree: self.tree, index: node.first_token })
    }

    /// Returns the last token, own or of a descendant; `None` if the node is empty.
    #[inline]
    pub fn last_token(self) -> Option<FlatToken<'a>> {
        let node = self.data();
        (node.first_token < node.end_token)
            .then(|| FlatToken { tree: self.tree, index: node.end_token - 1 })
    }

    /// Returns the operator of a `BinaryOp` or `UnaryOp`.
    pub fn operator(self) -> Option<FlatToken<'a>> {
        match self.kind() {
            SyntaxKind::UnaryOp => self.first_token(),
            // The operator follows the left operand directly.
            SyntaxKind::BinaryOp => {
                let lhs = self.first_child()?;
                let index = lhs.data().end_token;
                (index < self.data().end_token).then_some(FlatToken { tree: self.tree, index })
            }
            _ => None,
        }
    }

    /// Returns the node without the parentheses around it.
    pub fn without_parens(self) -> FlatNode<'a> {
        let mut node = self;
        while node.kind() == SyntaxKind::Paren {
            match node.first_child() {
                Some(inner) => node = inner,
                None => break,
            }
        }
        node
    }

    /// Returns the name of an attribute (`Name`, `String`, `Dynamic`) if the text alone tells it.
    ///
    /// `a`, `"a"`, `${"a"}` and `${(''a'')}` are static; anything with an interpolation is not.
    ///
    /// # Source
    ///
    /// CppNix, `ToBeStringyExpr::visit`: a dynamic attribute that *is* a string is static.
    pub fn static_attr(self) -> Option<Cow<'a, [u8]>> {
        match self.kind() {
            SyntaxKind::Name => Some(Cow::Borrowed(self.text())),
            SyntaxKind::String => self.constant_string(),
            SyntaxKind::Dynamic => self.first_child()?.without_parens().constant_string(),
            _ => None,
        }
    }

    /// Returns the value of a string, indented string or URI that has no interpolation, and of an
    /// indented string that is nothing but the interpolation of such a one.
    pub fn constant_string(self) -> Option<Cow<'a, [u8]>> {
        match self.kind() {
            SyntaxKind::Literal => {
                let token = self.first_token()?;
                (token.kind() == SyntaxKind::Uri).then(|| Cow::Borrowed(token.text()))
            }
            SyntaxKind::String if self.first_child().is_none() => {
                match self.token(SyntaxKind::StringContent) {
                    Some(content) => Some(literal::unescape_string(content.text())),
                    None => Some(Cow::Borrowed(b"")),
                }
            }
            SyntaxKind::IndentedString => {
                let parts = self.indented_parts();
                let mut stripped = literal::strip_indentation(&parts).into_iter();
                match (stripped.next(), stripped.next()) {
                    (None, _) => Some(Cow::Borrowed(b"")),
                    (Some((_, literal::StringPart::Text(text))), None) => Some(text),
                    // Nothing but a constant string is that string.
                    (Some((_, literal::StringPart::Interpolation(part))), None) => {
                        part.first_child()?.without_parens().constant_string()
                    }
                    // Two texts are a concatenation to the language, even of constants.
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Returns the parts of an `IndentedString`, ready for [`literal::strip_indentation`].
    ///
    /// An interpolation is given by its `Interpolation` node.
    pub fn indented_parts(self) -> Vec<literal::IndentedPart<'a, FlatNode<'a>>> {
        self.elements()
            .filter_map(|element| match element {
                FlatElement::Node(node) => Some(literal::IndentedPart::Interpolation(node)),
                FlatElement::Token(token) => match token.kind() {
                    SyntaxKind::IndentedContent => Some(literal::IndentedPart::Text(token.text())),
                    SyntaxKind::IndentedEscape => Some(literal::IndentedPart::Escape(token.text())),
                    _ => None,
                },
            })
            .collect()
    }
}

/// A token of a [`FlatTree`]: two words, cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct FlatToken<'a> {
    tree: &'a FlatTree<'a>,
    index: u32,
}

impl<'a> FlatToken<'a> {
    #[inline]
    fn data(self) -> Token {
        self.tree.tokens[self.index as usize]
    }

    /// Returns the kind.
    #[inline]
    pub fn kind(self) -> SyntaxKind {
        self.data().kind
    }

    /// Returns the place among the significant tokens of the file, from 0.
    pub fn index(self) -> u32 {
        self.index
    }

    /// Returns the offset of the first byte.
    #[inline]
    pub fn start(self) -> u32 {
        self.data().start
    }

    /// Returns the offset after the last byte.
    #[inline]
    pub fn end(self) -> u32 {
        self.data().end()
    }

    /// Returns the bytes covered.
    pub fn range(self) -> TextRange {
        let token = self.data();
        TextRange::new(TextSize::from(token.start), TextSize::from(token.end()))
    }

    /// Returns the text as it is written.
    #[inline]
    pub fn text(self) -> &'a [u8] {
        let token = self.data();
        self.tree.bytes(token.start, token.end())
    }
}

/// A child node or an own token.
#[derive(Clone, Copy, Debug)]
pub enum FlatElement<'a> {
    /// A child node.
    Node(FlatNode<'a>),
    /// A token that belongs to the parent itself.
    Token(FlatToken<'a>),
}

/// The child nodes of a node; see [`FlatNode::children`].
#[derive(Clone, Debug)]
pub struct Children<'a> {
    tree: &'a FlatTree<'a>,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = FlatNode<'a>;

    #[inline]
    fn next(&mut self) -> Option<FlatNode<'a>> {
        if self.next >= self.end {
            return None;
        }
        let node = FlatNode { tree: self.tree, index: self.next };
        self.next = node.subtree_end();
        Some(node)
    }
}

/// Child nodes and tokens of a node; see [`FlatNode::elements`].
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    children: Children<'a>,
    token: u32,
    end_token: u32,
}

impl<'a> Iterator for Elements<'a> {
    type Item = FlatElement<'a>;

    #[inline]
    fn next(&mut self) -> Option<FlatElement<'a>> {
        let tree = self.children.tree;
        if self.children.next < self.children.end {
            let child = tree.nodes[self.children.next as usize];
            if child.first_token <= self.token {
                self.token = child.end_token;
                return self.children.next().map(FlatElement::Node);
            }
        }
        if self.token >= self.end_token {
            return None;
        }
        let token = FlatToken { tree, index: self.token };
        self.token += 1;
        Some(FlatElement::Token(token))
    }
}
