//! Bytes to significant tokens; a mode stack for strings, indented strings and paths.
//!
//! The longest token wins, as in the reference implementation: `a/b` is a path, `a:b` a URI,
//! `a-b` a name, `-a/b` a path. Trivia is skipped here and found again between two tokens by
//! [`trivia`] where a sink wants it. Offsets are bytes from the start of the source.

use memchr::{memchr2, memchr3};

use crate::flat::Token;
use crate::kind::SyntaxKind as K;

/// What the lexer notices and no token shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LexErrorKind {
    /// A comment runs into the end of the file.
    UnclosedComment,
    /// A path ends with `/`.
    TrailingSlash,
    /// A string contains a NUL byte.
    NulInString,
}

/// An error of the lexer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LexError {
    pub(crate) kind: LexErrorKind,
    /// The comment, path or string content.
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// The tokens of a source and what is wrong with them.
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    pub(crate) errors: Vec<LexError>,
    /// Whether the text ends outside all strings, paths and braces.
    pub(crate) is_closed: bool,
    /// Whether a token is longer than [`Token::LEN_MAX`].
    pub(crate) is_too_long: bool,
}

/// Splits `source` into its significant tokens. Its length must fit 32 bits.
pub(crate) fn lex(source: &[u8]) -> Lexed {
    lex_into(source, Vec::new())
}

/// As [`lex`], with the tokens in the place of what is in `tokens`.
pub(crate) fn lex_into(source: &[u8], mut tokens: Vec<Token>) -> Lexed {
    tokens.clear();
    tokens.reserve(source.len() / 4 + 8);
    let mut lexer = Lexer {
        text: source,
        pos: 0,
        tokens,
        modes: Vec::new(),
        mode: Mode::Code,
        no_path_before: 0,
        errors: Vec::new(),
        lengths: 0,
    };
    loop {
        let more = match lexer.mode {
            Mode::Code => lexer.code(),
            Mode::String => lexer.string(),
            Mode::Indented => lexer.indented(),
            Mode::Path => lexer.path(),
        };
        if !more {
            break;
        }
    }
    if memchr::memchr(0, source).is_some() {
        lexer.report_nul();
    }
    let is_closed = lexer.modes.is_empty() && lexer.mode == Mode::Code;
    let is_too_long = lexer.lengths > Token::LEN_MAX;
    Lexed { tokens: lexer.tokens, errors: lexer.errors, is_closed, is_too_long }
}

/// Calls `found` with the kind and end of each piece of trivia in `start..end`.
///
/// `start..end` must lie between two tokens that [`lex`] found.
pub(crate) fn trivia(source: &[u8], start: u32, end: u32, mut found: impl FnMut(K, u32)) {
    let gap = source.get(..end as usize).unwrap_or(source);
    let mut pos = start as usize;
    while let Some(byte) = gap.get(pos) {
        let (kind, stop) = match byte {
            b'#' => (K::LineComment, line_comment_end(gap, pos)),
            b'/' => (K::BlockComment, block_comment_end(gap, pos).unwrap_or(gap.len())),
            _ => {
                let blank = gap.iter().skip(pos).take_while(|byte| is(**byte, SPACE)).count();
                // At least one byte, so that this ends on any input.
                (K::Whitespace, pos + blank.max(1))
            }
        };
        found(kind, stop as u32);
        pos = stop;
    }
}

// What a byte can be part of.
const SPACE: u8 = 1;
/// `[a-zA-Z0-9_'-]`
const NAME: u8 = 2;
/// `[a-zA-Z0-9._+-]`
const PATH: u8 = 4;
/// `[a-zA-Z0-9+.-]`
const SCHEME: u8 = 8;
/// What may follow the colon of a URI.
const URI: u8 = 16;
const DIGIT: u8 = 32;
/// `[a-zA-Z_]`
const NAME_START: u8 = 64;

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        let mut class = 0;
        if matches!(b, b' ' | b'\t' | b'\r' | b'\n') {
            class |= SPACE;
        }
        if b.is_ascii_alphanumeric() {
            class |= NAME | PATH | SCHEME | URI;
        }
        if b.is_ascii_alphabetic() || b == b'_' {
            class |= NAME_START;
        }
        if b.is_ascii_digit() {
            class |= DIGIT;
        }
        if matches!(b, b'_' | b'\'' | b'-') {
            class |= NAME;
        }
        if matches!(b, b'.' | b'_' | b'-' | b'+') {
            class |= PATH;
        }
        if matches!(b, b'.' | b'-' | b'+') {
            class |= SCHEME;
        }
        if matches!(
            b,
            b'%' | b'/'
                | b'?'
                | b':'
                | b'@'
                | b'&'
                | b'='
                | b'+'
                | b'$'
                | b','
                | b'-'
                | b'_'
                | b'.'
                | b'!'
                | b'~'
                | b'*'
                | b'\''
        ) {
            class |= URI;
        }
        table[byte] = class;
        byte += 1;
    }
    table
}

#[inline(always)]
fn is(byte: u8, class: u8) -> bool {
    CLASSES[byte as usize] & class != 0
}

/// Where a `#` comment that begins at `pos` ends.
pub(crate) fn line_comment_end(text: &[u8], pos: usize) -> usize {
    let rest = text.get(pos..).unwrap_or_default();
    memchr2(b'\n', b'\r', rest).map_or(text.len(), |length| pos + length)
}

/// Where a `/*` comment that begins at `pos` ends, if it does.
pub(crate) fn block_comment_end(text: &[u8], pos: usize) -> Option<usize> {
    let body = pos + 2;
    let length = memchr::memmem::find(text.get(body..)?, b"*/")?;
    Some(body + length + 2)
}

/// What the bytes at the current place are read as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Code,
    String,
    Indented,
    /// Inside a path, after an interpolation.
    Path,
}

struct Lexer<'t> {
    text: &'t [u8],
    pos: usize,
    tokens: Vec<Token>,
    /// The modes outside the current one, outermost first.
    modes: Vec<Mode>,
    mode: Mode,
    /// A run of path bytes that was seen to end here without a slash: nothing that starts before
    /// is a path, so `a.b.c.d` is looked at once and not once for each dot.
    no_path_before: usize,
    errors: Vec<LexError>,
    /// The lengths of all tokens, or-ed.
    lengths: usize,
}

impl Lexer<'_> {
    /// Returns the byte `n` after the current one, 0 after the end.
    #[inline(always)]
    fn byte(&self, n: usize) -> u8 {
        self.at(self.pos + n)
    }

    #[inline(always)]
    fn at(&self, pos: usize) -> u8 {
        self.text.get(pos).copied().unwrap_or(0)
    }

    /// Returns the end of the run of bytes of `class` at `pos`; eight at a time, while there are.
    #[inline(always)]
    fn run(&self, mut pos: usize, class: u8) -> usize {
        while let Some(chunk) = self.chunk(pos) {
            for (byte, place) in chunk.into_iter().zip(pos..) {
                if !is(byte, class) {
                    return place;
                }
            }
            pos += chunk.len();
        }
        while is(self.at(pos), class) {
            pos += 1;
        }
        pos
    }

    /// Returns the end of the blank at `pos`. Most of it is spaces, the lines' indentation.
    #[inline(always)]
    fn blank(&self, mut pos: usize) -> usize {
        const SPACES: u64 = u64::from_le_bytes([b' '; 8]);
        while let Some(chunk) = self.chunk(pos) {
            let others = u64::from_le_bytes(chunk) ^ SPACES;
            let count = others.trailing_zeros() as usize / 8;
            pos += count;
            if count < 8 {
                if !is(self.at(pos), SPACE) {
                    return pos;
                }
                pos += 1;
            }
        }
        while is(self.at(pos), SPACE) {
            pos += 1;
        }
        pos
    }

    /// Returns eight bytes of the text, if there are as many at `pos`.
    #[inline(always)]
    fn chunk(&self, pos: usize) -> Option<[u8; 8]> {
        self.text.get(pos..)?.first_chunk().copied()
    }

    #[inline(always)]
    fn push(&mut self, kind: K, end: usize) {
        self.lengths |= end.wrapping_sub(self.pos);
        self.tokens.push(Token::new(self.pos as u32, end as u32, kind));
        self.pos = end;
    }

    #[inline]
    fn enter(&mut self, mode: Mode) {
        self.modes.push(self.mode);
        self.mode = mode;
    }

    #[inline]
    fn leave(&mut self) {
        if let Some(mode) = self.modes.pop() {
            self.mode = mode;
        }
    }

    /// Reads tokens until the mode changes; returns whether there is more.
    fn code(&mut self) -> bool {
        while let Some(&byte) = self.text.get(self.pos) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    self.pos = self.blank(self.pos + 1);
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
                b'0'..=b'9' => self.number(),
                b';' => self.push(K::Semicolon, self.pos + 1),
                b'=' => self.one_or_two(K::Equals, b'=', K::EqualsEquals),
                b'.' => self.dot(),
                b'"' => {
                    self.push(K::StringStart, self.pos + 1);
                    self.enter(Mode::String);
                    return true;
                }
                b'\'' if self.byte(1) == b'\'' => {
                    self.indented_start();
                    return true;
                }
                b'{' => {
                    self.push(K::BraceOpen, self.pos + 1);
                    self.enter(Mode::Code);
                }
                b'}' => {
                    self.push(K::BraceClose, self.pos + 1);
                    self.leave();
                    if self.mode != Mode::Code {
                        return true;
                    }
                }
                b'$' if self.byte(1) == b'{' => {
                    self.push(K::DollarBrace, self.pos + 2);
                    self.enter(Mode::Code);
                }
                b'#' => self.pos = line_comment_end(self.text, self.pos),
                b'/' if self.byte(1) == b'*' => self.block_comment(),
                b'(' => self.push(K::ParenOpen, self.pos + 1),
                b')' => self.push(K::ParenClose, self.pos + 1),
                b'[' => self.push(K::BracketOpen, self.pos + 1),
                b']' => self.push(K::BracketClose, self.pos + 1),
                b':' => self.push(K::Colon, self.pos + 1),
                b',' => self.push(K::Comma, self.pos + 1),
                _ => {
                    if self.operator(byte) {
                        return true;
                    }
                }
            }
            if self.mode != Mode::Code {
                return true;
            }
        }
        false
    }

    #[inline]
    fn one_or_two(&mut self, one: K, second: u8, two: K) {
        if self.byte(1) == second {
            self.push(two, self.pos + 2);
        } else {
            self.push(one, self.pos + 1);
        }
    }

    /// Reads the rarer tokens; returns whether the mode changed.
    fn operator(&mut self, byte: u8) -> bool {
        match byte {
            b'@' => self.push(K::At, self.pos + 1),
            b'?' => self.push(K::Question, self.pos + 1),
            b'*' => self.push(K::Star, self.pos + 1),
            b'!' => self.one_or_two(K::Bang, b'=', K::BangEquals),
            b'>' => self.one_or_two(K::Greater, b'=', K::GreaterEquals),
            b'+' if !self.path_start() => self.one_or_two(K::Plus, b'+', K::PlusPlus),
            b'-' if !self.path_start() => self.one_or_two(K::Minus, b'>', K::Arrow),
            b'/' if !self.path_start() => self.one_or_two(K::Slash, b'/', K::SlashSlash),
            b'&' if self.byte(1) == b'&' => self.push(K::AndAnd, self.pos + 2),
            b'|' if self.byte(1) == b'|' => self.push(K::OrOr, self.pos + 2),
            b'|' if self.byte(1) == b'>' => self.push(K::PipeInto, self.pos + 2),
            b'<' => self.less(),
            b'~' => self.home_path(),
            // The guards above have read a path.
            b'+' | b'-' | b'/' => {}
            128.. => {
                let end = self.text.iter().skip(self.pos).take_while(|byte| **byte >= 128).count();
                self.push(K::Invalid, self.pos + end);
            }
            _ => self.push(K::Invalid, self.pos + 1),
        }
        self.mode != Mode::Code
    }

    fn block_comment(&mut self) {
        match block_comment_end(self.text, self.pos) {
            Some(end) => self.pos = end,
            None => {
                self.error(LexErrorKind::UnclosedComment, self.pos, self.text.len());
                self.pos = self.text.len();
            }
        }
    }

    fn error(&mut self, kind: LexErrorKind, start: usize, end: usize) {
        self.errors.push(LexError { kind, start: start as u32, end: end as u32 });
    }

    /// Reads a name, a keyword, a path or a URI.
    #[inline]
    fn word(&mut self) {
        let end = self.run(self.pos + 1, NAME);
        if matches!(self.at(end), b'.' | b'+' | b'/' | b':') && self.path_or_uri() {
            return;
        }
        let word = self.text.get(self.pos..end).unwrap_or_default();
        self.push(keyword(word), end);
    }

    /// Reads a path or a URI if there is one here.
    fn path_or_uri(&mut self) -> bool {
        if self.pos < self.no_path_before {
            return false;
        }
        let run = self.run(self.pos, PATH);
        match self.at(run) {
            b'/' => self.path_start_after(run),
            b':' if is(self.at(run + 1), URI) && self.run(self.pos, SCHEME) == run => {
                let end = self.run(run + 1, URI);
                self.push(K::Uri, end);
                true
            }
            b':' => false,
            _ => {
                self.no_path_before = run;
                false
            }
        }
    }

    /// Reads a path if there is one here.
    fn path_start(&mut self) -> bool {
        if self.pos < self.no_path_before {
            return false;
        }
        let run = self.run(self.pos, PATH);
        if !matches!(self.at(run), b'/' | b':') {
            self.no_path_before = run;
        }
        self.path_start_after(run)
    }

    /// Reads a path whose first slash would be at `slash`, and enters it if it goes on.
    fn path_start_after(&mut self, slash: usize) -> bool {
        if self.at(slash) != b'/' {
            return false;
        }
        let next = self.at(slash + 1);
        let goes_on = is(next, PATH) || (next == b'$' && self.at(slash + 2) == b'{');
        if !goes_on {
            return false;
        }
        self.path_token(K::PathStart);
        true
    }

    fn home_path(&mut self) {
        let next = self.byte(2);
        let is_path = is(next, PATH) || (next == b'$' && self.byte(3) == b'{');
        if self.byte(1) != b'/' || !is_path {
            self.push(K::Invalid, self.pos + 1);
            return;
        }
        self.enter(Mode::Path);
        let end = self.path_end(self.pos + 1);
        self.push(K::PathStart, end);
        self.path();
    }

    /// Reads the first token of a path and what follows it.
    fn path_token(&mut self, kind: K) {
        self.enter(Mode::Path);
        let end = self.path_end(self.pos);
        self.push(kind, end);
        self.path();
    }

    /// Returns the end of the longest piece of a path at `pos`: up to a slash that nothing
    /// follows, which belongs to it.
    fn path_end(&self, mut pos: usize) -> usize {
        loop {
            pos = self.run(pos, PATH);
            if self.at(pos) != b'/' {
                return pos;
            }
            pos += 1;
            if !is(self.at(pos), PATH) {
                return pos;
            }
        }
    }

    /// Reads on in a path: an interpolation or a piece, else leaves the path.
    fn path(&mut self) -> bool {
        loop {
            if self.byte(0) == b'$' && self.byte(1) == b'{' {
                self.push(K::InterpolationStart, self.pos + 2);
                self.enter(Mode::Code);
                return true;
            }
            let end = self.path_end(self.pos);
            if end == self.pos {
                break;
            }
            self.push(K::PathContent, end);
        }
        if let Some(last) = self.tokens.last()
            && matches!(last.kind, K::PathStart | K::PathContent)
            && self.at(last.end() as usize - 1) == b'/'
        {
            let (start, end) = (last.start as usize, last.end() as usize);
            self.error(LexErrorKind::TrailingSlash, start, end);
        }
        self.leave();
        true
    }

    fn dot(&mut self) {
        let next = self.byte(1);
        if (is(next, PATH) || next == b'/') && self.path_start() {
            return;
        }
        if is(next, DIGIT) {
            let end = self.exponent(self.run(self.pos + 1, DIGIT));
            self.push(K::Float, end);
        } else if next == b'.' && self.byte(2) == b'.' {
            self.push(K::Ellipsis, self.pos + 3);
        } else {
            self.push(K::Dot, self.pos + 1);
        }
    }

    fn number(&mut self) {
        let digits = self.run(self.pos + 1, DIGIT);
        let next = self.at(digits);
        if (is(next, PATH) || next == b'/') && self.path_start() {
            return;
        }
        let fraction = next == b'.'
            && (self.byte(0) != b'0' || (digits == self.pos + 1 && is(self.at(digits + 1), DIGIT)));
        if fraction {
            let end = self.exponent(self.run(digits + 1, DIGIT));
            self.push(K::Float, end);
        } else {
            self.push(K::Integer, digits);
        }
    }

    /// Returns the end of the exponent at `pos`, or `pos` if there is none.
    fn exponent(&self, pos: usize) -> usize {
        if !matches!(self.at(pos), b'e' | b'E') {
            return pos;
        }
        let sign = usize::from(matches!(self.at(pos + 1), b'+' | b'-'));
        let digits = pos + 1 + sign;
        if is(self.at(digits), DIGIT) { self.run(digits, DIGIT) } else { pos }
    }

    fn less(&mut self) {
        if is(self.byte(1), PATH) {
            let mut end = self.run(self.pos + 1, PATH);
            while self.at(end) == b'/' && is(self.at(end + 1), PATH) {
                end = self.run(end + 1, PATH);
            }
            if self.at(end) == b'>' {
                return self.push(K::LookupPath, end + 1);
            }
        }
        match self.byte(1) {
            b'=' => self.push(K::LessEquals, self.pos + 2),
            b'|' => self.push(K::PipeFrom, self.pos + 2),
            _ => self.push(K::Less, self.pos + 1),
        }
    }

    fn string(&mut self) -> bool {
        let end = string_content_end(self.text, self.pos);
        if end > self.pos {
            self.push(K::StringContent, end);
        }
        match self.text.get(self.pos) {
            Some(b'"') => {
                self.push(K::StringEnd, self.pos + 1);
                self.leave();
            }
            Some(_) => {
                self.push(K::InterpolationStart, self.pos + 2);
                self.enter(Mode::Code);
            }
            None => return false,
        }
        true
    }

    fn indented_start(&mut self) {
        let mut end = self.pos + 2;
        while self.at(end) == b' ' {
            end += 1;
        }
        let end = if self.at(end) == b'\n' { end + 1 } else { self.pos + 2 };
        self.push(K::IndentedStart, end);
        self.enter(Mode::Indented);
    }

    fn indented(&mut self) -> bool {
        loop {
            let end = indented_content_end(self.text, self.pos);
            if end > self.pos {
                self.push(K::IndentedContent, end);
            }
            match (self.byte(0), self.byte(1), self.byte(2)) {
                (b'\'', b'\'', b'$' | b'\'') => self.push(K::IndentedEscape, self.pos + 3),
                (b'\'', b'\'', b'\\') if self.pos + 3 < self.text.len() => {
                    // A character outside ASCII stays whole.
                    let wide = self.text.iter().skip(self.pos + 3).take_while(|b| **b >= 128);
                    let width = wide.count().max(1);
                    self.push(K::IndentedEscape, self.pos + 3 + width);
                }
                (b'\'', b'\'', _) => {
                    self.push(K::IndentedEnd, self.pos + 2);
                    self.leave();
                    return true;
                }
                (b'$', b'{', _) => {
                    self.push(K::InterpolationStart, self.pos + 2);
                    self.enter(Mode::Code);
                    return true;
                }
                (b'$' | b'\'', ..) => self.push(K::IndentedEscape, self.pos + 1),
                _ => return false,
            }
        }
    }

    /// Reports string contents with a NUL byte, which no value may hold.
    fn report_nul(&mut self) {
        for token in &self.tokens {
            let is_text =
                matches!(token.kind, K::StringContent | K::IndentedContent | K::IndentedEscape);
            let text = self.text.get(token.start as usize..token.end() as usize);
            if is_text && text.is_some_and(|text| text.contains(&0)) {
                self.errors.push(LexError {
                    kind: LexErrorKind::NulInString,
                    start: token.start,
                    end: token.end(),
                });
            }
        }
    }
}

/// Returns where the text of a `"` string that goes on at `pos` ends: at its closing quote, its
/// next `${`, or the end of the source.
pub(crate) fn string_content_end(text: &[u8], mut pos: usize) -> usize {
    loop {
        let Some(rest) = text.get(pos..) else { return text.len() };
        let Some(length) = memchr3(b'"', b'\\', b'$', rest) else { return text.len() };
        pos += length;
        match (text.get(pos), text.get(pos + 1)) {
            (Some(b'"'), _) | (Some(b'$'), Some(b'{')) => return pos,
            // A dollar before a quote or a backslash takes nothing with it.
            (Some(b'$'), Some(b'"' | b'\\')) => pos += 1,
            (_, Some(_)) => pos += 2,
            (_, None) => return text.len(),
        }
    }
}

/// Returns where plain text of an indented string that goes on at `pos` ends.
pub(crate) fn indented_content_end(text: &[u8], mut pos: usize) -> usize {
    loop {
        let Some(rest) = text.get(pos..) else { return text.len() };
        let Some(length) = memchr2(b'\'', b'$', rest) else { return text.len() };
        pos += length;
        match (text.get(pos), text.get(pos + 1)) {
            (Some(b'$'), Some(b'{' | b'\'')) | (Some(b'\''), Some(b'\'' | b'$')) => return pos,
            (_, None) => return pos,
            (_, Some(_)) => pos += 2,
        }
    }
}

#[inline]
fn keyword(word: &[u8]) -> K {
    if word.len() > 7 {
        return K::Identifier;
    }
    match word {
        b"if" => K::If,
        b"in" => K::In,
        b"or" => K::Or,
        b"let" => K::Let,
        b"rec" => K::Rec,
        b"then" => K::Then,
        b"else" => K::Else,
        b"with" => K::With,
        b"assert" => K::Assert,
        b"inherit" => K::Inherit,
        _ => K::Identifier,
    }
}
