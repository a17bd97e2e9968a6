//! The machine that the grammar drives: lookahead, markers, errors, the limit on nesting.
//!
//! A node is a record that is pushed when it begins and filled in when its last token has been
//! read: so the records are the tree in preorder. A node that is to enclose one already finished
//! (`a` becomes `a.b`) is put before that one, which moves it: it is the last one, and small. For
//! operators, which may stand in a row, room is made for as many as there were before.

use crate::error::{ErrorKind, SyntaxError};
use crate::flat::{Node, Token};
use crate::kind::SyntaxKind as K;
use crate::{Options, TextRange, TextSize};

/// A set of token kinds, one bit each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenSet(u64);

impl TokenSet {
    pub(crate) const fn of(kinds: &[K]) -> TokenSet {
        let mut bits = 0;
        let mut index = 0;
        while index < kinds.len() {
            bits |= 1 << kinds[index] as u64;
            index += 1;
        }
        TokenSet(bits)
    }

    pub(crate) const fn union(self, other: TokenSet) -> TokenSet {
        TokenSet(self.0 | other.0)
    }

    #[inline(always)]
    pub(crate) const fn contains(self, kind: K) -> bool {
        (self.0 >> kind as u64) & 1 != 0
    }
}

/// Where a node begins.
#[derive(Clone, Copy)]
pub(crate) struct Marker {
    token: u32,
    node: u32,
}

/// A finished node, which another may still come to enclose.
#[derive(Clone, Copy)]
pub(crate) struct Completed {
    marker: Marker,
}

/// Nodes that enclose each other as operators in a row do; see [`Parser::precede_in_chain`].
#[derive(Default)]
pub(crate) struct Chain {
    /// How many nodes there are or is room for.
    made: u32,
    /// How much room is left before the outermost one.
    free: u32,
}

/// What parsing leaves.
pub(crate) struct Output {
    /// In preorder.
    pub(crate) nodes: Vec<Node>,
    pub(crate) errors: Vec<SyntaxError>,
    /// The token at which nesting went too deep.
    pub(crate) too_deep: Option<u32>,
    /// The tree is at most this deep; counting how deep it is takes as long as a pass over it.
    pub(crate) depth_bound: u32,
}

/// The state of a parse.
pub(crate) struct Parser<'t> {
    source: &'t [u8],
    /// Ends with `EndOfFile`.
    tokens: &'t [Token],
    pos: usize,
    nodes: Vec<Node>,
    errors: Vec<SyntaxError>,
    /// Where the last error was reported: one place, one error.
    error_pos: Option<usize>,
    depth: u32,
    /// The greatest `depth` so far.
    deepest: u32,
    /// How many nodes of a chain enclose each other at most.
    longest_chain: u32,
    too_deep: Option<u32>,
    options: Options,
    /// Which brackets around the current place are open.
    pub(crate) open: Open,
}

/// How many round and square brackets around a place are open.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Open {
    /// `(`
    pub(crate) parens: u32,
    /// `[`
    pub(crate) brackets: u32,
}

impl<'t> Parser<'t> {
    /// Begins to parse `tokens`, which must end with `EndOfFile`; the nodes take the place of what
    /// is in `nodes`.
    pub(crate) fn new(
        source: &'t [u8],
        tokens: &'t [Token],
        mut nodes: Vec<Node>,
        options: Options,
    ) -> Self {
        nodes.clear();
        nodes.reserve(tokens.len());
        Parser {
            source,
            tokens,
            pos: 0,
            nodes,
            errors: Vec::new(),
            error_pos: None,
            depth: 0,
            deepest: 0,
            longest_chain: 0,
            too_deep: None,
            options,
            open: Open::default(),
        }
    }

    pub(crate) fn finish(self) -> Output {
        // Between an expression and one in it stand the operators of a chain, perhaps of pipes,
        // too, and at most a call, a selection, a set, a binding, its path, a string in that, an
        // interpolation; around the outermost one, the root and an error.
        let level = self.longest_chain.saturating_mul(2).saturating_add(12);
        Output {
            nodes: self.nodes,
            errors: self.errors,
            too_deep: self.too_deep,
            depth_bound: level.saturating_mul(self.deepest + 1),
        }
    }

    #[inline(always)]
    pub(crate) fn current(&self) -> K {
        self.nth(0)
    }

    #[inline(always)]
    pub(crate) fn nth(&self, n: usize) -> K {
        self.tokens.get(self.pos + n).map_or(K::EndOfFile, |token| token.kind)
    }

    #[inline(always)]
    pub(crate) fn at(&self, kind: K) -> bool {
        self.current() == kind
    }

    #[inline(always)]
    pub(crate) fn at_any(&self, kinds: TokenSet) -> bool {
        kinds.contains(self.current())
    }

    /// Takes the current token into the current node.
    #[inline(always)]
    pub(crate) fn bump(&mut self) {
        if self.pos + 1 < self.tokens.len() {
            self.pos += 1;
        }
    }

    /// Takes the current token if it is of this kind.
    #[inline]
    pub(crate) fn eat(&mut self, kind: K) -> bool {
        let found = self.at(kind);
        if found {
            self.bump();
        }
        found
    }

    /// Returns the place in the tokens, to see whether a loop has moved on.
    pub(crate) fn progress(&self) -> usize {
        self.pos
    }

    /// Returns the text of the current token.
    #[inline(always)]
    pub(crate) fn current_text(&self) -> &'t [u8] {
        let Some(token) = self.tokens.get(self.pos) else { return &[] };
        self.source.get(token.start as usize..token.end() as usize).unwrap_or_default()
    }

    /// Begins a node, which must be completed.
    #[inline(always)]
    pub(crate) fn start(&mut self) -> Marker {
        let marker = Marker { token: self.pos as u32, node: self.nodes.len() as u32 };
        self.nodes.push(BEGUN);
        marker
    }

    #[inline(always)]
    pub(crate) fn complete(&mut self, marker: Marker, kind: K) -> Completed {
        let size = self.nodes.len() as u32 - marker.node;
        if let Some(node) = self.nodes.get_mut(marker.node as usize) {
            *node = Node::new(marker.token, self.pos as u32, size, kind);
        }
        Completed { marker }
    }

    /// Makes a node of the current token alone.
    #[inline(always)]
    pub(crate) fn leaf(&mut self, kind: K) -> Completed {
        let marker = Marker { token: self.pos as u32, node: self.nodes.len() as u32 };
        self.bump();
        self.nodes.push(Node::new(marker.token, self.pos as u32, 1, kind));
        Completed { marker }
    }

    /// Begins a node that encloses the one finished last.
    #[inline]
    pub(crate) fn precede(&mut self, inner: Completed) -> Marker {
        self.nodes.insert(inner.marker.node as usize, BEGUN);
        inner.marker
    }

    /// Begins a node that encloses the one finished last, after others of `chain` did.
    ///
    /// Making room for as many as there are keeps a long chain from being moved for each of them.
    pub(crate) fn precede_in_chain(&mut self, inner: Completed, chain: &mut Chain) -> Marker {
        let Marker { token, node } = inner.marker;
        let first = node - chain.free;
        if chain.free == 0 {
            let room = chain.made.max(1);
            let place = node as usize;
            self.nodes.splice(place..place, std::iter::repeat_n(BEGUN, room as usize));
            chain.made += room;
            chain.free = room;
        }
        chain.free -= 1;
        Marker { token, node: first + chain.free }
    }

    /// Ends a chain whose outermost node is `last`.
    #[inline]
    pub(crate) fn end_chain(&mut self, last: Completed, chain: &Chain) -> Completed {
        self.longest_chain = self.longest_chain.max(chain.made);
        if chain.free == 0 {
            return last;
        }
        let Marker { token, node } = last.marker;
        let first = node - chain.free;
        self.nodes.drain(first as usize..node as usize);
        Completed { marker: Marker { token, node: first } }
    }

    /// Enters one level of nesting; `false` when that is too deep and everything must unwind.
    #[inline]
    pub(crate) fn descend(&mut self) -> bool {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        if self.depth > self.options.depth_max {
            self.give_up();
            return false;
        }
        true
    }

    #[inline]
    pub(crate) fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// Jumps to the end, so that all productions return.
    #[cold]
    fn give_up(&mut self) {
        if self.too_deep.is_none() {
            self.too_deep = Some(self.pos as u32);
        }
        self.pos = self.tokens.len().saturating_sub(1);
    }

    pub(crate) fn options(&self) -> Options {
        self.options
    }

    /// Returns the bytes of the current token.
    pub(crate) fn current_range(&self) -> TextRange {
        self.tokens.get(self.pos).map_or_else(TextRange::default, |token| range(*token))
    }

    /// Returns the bytes from the first token of `marker` to the last one read.
    pub(crate) fn range_since(&self, marker: Marker) -> TextRange {
        let start = self.tokens.get(marker.token as usize).map_or(0, |token| token.start);
        TextRange::new(start.into(), self.previous_end().max(start).into())
    }

    fn previous_end(&self) -> u32 {
        let previous = self.pos.checked_sub(1).and_then(|pos| self.tokens.get(pos));
        previous.map_or(0, |token| token.end())
    }

    /// Reports an error, unless one was reported at this token before.
    #[cold]
    pub(crate) fn error(&mut self, error: SyntaxError) {
        if self.too_deep.is_none() && self.error_pos != Some(self.pos) {
            self.error_pos = Some(self.pos);
            self.errors.push(error);
        }
    }

    /// Reports that `what` was expected instead of the current token.
    #[cold]
    pub(crate) fn expected(&mut self, what: &str) {
        let found = self.current();
        let range = self.current_range();
        let message = format!("expected {what}, found {}", self.found());
        let kind = if found == K::EndOfFile { ErrorKind::Missing } else { ErrorKind::Unexpected };
        self.error(SyntaxError::new(kind, range, message));
    }

    /// Reports that `what` is missing after the last token.
    #[cold]
    pub(crate) fn missing(&mut self, what: &str, hint: Option<&str>) {
        let place = TextRange::empty(TextSize::from(self.previous_end()));
        let message = format!("expected {what}, found {}", self.found());
        let mut error = SyntaxError::new(ErrorKind::Missing, place, message);
        error.hint = hint.map(str::to_owned);
        self.error(error);
    }

    /// Returns how to name the current token to a person.
    pub(crate) fn found(&self) -> String {
        let kind = self.current();
        let text = String::from_utf8_lossy(self.current_text());
        let is_short = !text.is_empty() && text.chars().count() <= 24 && !text.contains('\n');
        match kind {
            K::Identifier | K::Integer | K::Float | K::Uri | K::LookupPath | K::PathStart
                if is_short =>
            {
                format!("`{text}`")
            }
            K::Invalid if is_short => format!("`{}`", text.escape_debug()),
            K::StringStart => "a string".to_owned(),
            kind => kind.to_string(),
        }
    }

    /// Takes the current token into an `Error` node of its own.
    pub(crate) fn bump_error(&mut self) {
        self.leaf(K::Error);
    }

    /// Skips tokens up to one of `stop`, the end, or a bracket that closes an outer construct,
    /// into one `Error` node; brackets in between are skipped in pairs.
    pub(crate) fn skip_until(&mut self, stop: TokenSet) {
        let before = self.pos;
        let mut open = 0_u32;
        while !self.at(K::EndOfFile) {
            let kind = self.current();
            if open == 0 && (stop.contains(kind) || CLOSING.contains(kind)) {
                break;
            }
            if OPENING.contains(kind) {
                open += 1;
            } else if CLOSING.contains(kind) {
                open -= 1;
            }
            self.bump();
        }
        if self.pos > before {
            self.nodes.push(Node::new(before as u32, self.pos as u32, 1, K::Error));
        }
    }
}

/// A node that has begun.
const BEGUN: Node = Node::new(0, 0, 1, K::Error);

const OPENING: TokenSet = TokenSet::of(&[
    K::BraceOpen,
    K::BracketOpen,
    K::ParenOpen,
    K::DollarBrace,
    K::InterpolationStart,
    K::StringStart,
    K::IndentedStart,
]);

const CLOSING: TokenSet =
    TokenSet::of(&[K::BraceClose, K::BracketClose, K::ParenClose, K::StringEnd, K::IndentedEnd]);

fn range(token: Token) -> TextRange {
    TextRange::new(token.start.into(), token.end().into())
}
