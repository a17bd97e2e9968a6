//! What is wrong with a text that is not TOML, in the oracle's words.
//!
//! The reader that gives values says that a text is wrong; here it is read once more, line after
//! line as toml11 does, for the places and the words.

mod number;
mod table;

use std::ops::Range;

use number::Number;
use table::Tables;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) message: String,
    /// Where, as offsets, and what to say there.
    pub(super) places: Vec<(Range<usize>, String)>,
    pub(super) hints: &'static [&'static str],
    /// Whether the place is the end of the text, where something is missing.
    pub(super) is_at_end: bool,
}

impl Finding {
    fn new(message: impl Into<String>, place: Range<usize>, words: impl Into<String>) -> Finding {
        let places = vec![(place, words.into())];
        Finding { message: message.into(), places, hints: &[], is_at_end: false }
    }

    fn at(message: &str, at: usize, words: &str) -> Finding {
        Finding::new(message, at..at + 1, words)
    }

    fn hinting(self, hints: &'static [&'static str]) -> Finding {
        Finding { hints, ..self }
    }
}

const KEY: &str = "toml::parse_simple_key: invalid key: key must be \"quoted\", \
                   'quoted-literal', or bare key.";
const KEY_HINTS: &[&str] =
    &["Hint: non-ASCII scripts are allowed in toml v1.1.0, but not in v1.0.0."];
const UNKNOWN: &str = "bad format: unknown value appeared";
const BOOLEAN: &str = "toml::parse_boolean: invalid boolean: boolean must be `true` or `false`, in \
                       lowercase. string must be surrounded by `\"`";
const OPEN_ARRAY: &str = "toml::parse_array: missing closing bracket `]`";

/// How deep values may be nested before nothing is said of them.
const DEPTH_MAX: usize = 64;

/// Returns what is wrong with a text, in order; nothing if nobody here knows.
pub(super) fn explain(text: &str) -> Vec<Finding> {
    let mut scanner = Scanner { text: text.as_bytes(), at: 0, findings: Vec::new(), depth: 0 };
    let mut tables = Tables::default();
    loop {
        scanner.skip_blank_lines();
        let Some(byte) = scanner.peek() else { return scanner.findings };
        let read =
            if byte == b'[' { scanner.header(&mut tables) } else { scanner.binding(&mut tables) };
        if let Err(finding) = read {
            scanner.findings.push(finding);
            scanner.skip_line();
        }
    }
}

type Read<T = ()> = Result<T, Finding>;

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    findings: Vec<Finding>,
    depth: usize,
}

/// A key, its parts and where it stands.
struct Key {
    parts: Vec<Vec<u8>>,
    place: Range<usize>,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn starts_with(&self, prefix: &[u8]) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(prefix))
    }

    fn take(&mut self, prefix: &[u8]) -> bool {
        let is_there = self.starts_with(prefix);
        if is_there {
            self.at += prefix.len();
        }
        is_there
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn skip_spaces(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    fn skip_line(&mut self) {
        self.skip_while(|byte| byte != b'\n');
    }

    /// Skips white space, comments and ends of lines.
    fn skip_blank_lines(&mut self) {
        loop {
            self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
            if self.peek() != Some(b'#') {
                return;
            }
            self.skip_line();
        }
    }

    /// Whether the line ends here, but for a comment.
    fn is_line_over(&mut self) -> bool {
        self.skip_spaces();
        if self.peek() == Some(b'#') {
            self.skip_line();
        }
        self.peek().is_none() || self.starts_with(b"\n") || self.starts_with(b"\r\n")
    }

    /// Reads `[KEY]` or `[[KEY]]`.
    fn header(&mut self, tables: &mut Tables) -> Read {
        let start = self.at;
        let is_array = self.take(b"[[");
        let (message, end) = if is_array {
            ("toml::parse_file: invalid array-table key", &b"]]"[..])
        } else {
            self.at += 1;
            ("toml::parse_file: invalid table key", &b"]"[..])
        };
        self.skip_spaces();
        let before = self.at;
        let Ok(key) = self.key() else {
            if self.at == before {
                let words = "expected basic key([a-zA-Z0-9_-]) or quoted key(\" or ')";
                return Err(Finding::at(message, self.at, words));
            }
            // What follows the last dot is no part of the key.
            let at = self.text.get(..self.at).and_then(|it| it.iter().rposition(|b| *b == b'.'));
            let at = at.unwrap_or(self.at);
            return Err(Finding::at(message, at, &format!("expected {}", shown(end))));
        };
        self.skip_spaces();
        if !self.take(end) {
            return Err(Finding::at(message, self.at, &format!("expected {}", shown(end))));
        }
        let place = start..self.at;
        tables.open(&key.parts, place, is_array)?;
        if self.is_line_over() {
            return Ok(());
        }
        let words = "expected 0x0a(LINE FEED) or \n";
        Err(Finding::at("toml::parse_file: newline (or EOF) expected", self.at, words))
    }

    /// Reads `KEY = VALUE` and the end of its line.
    fn binding(&mut self, tables: &mut Tables) -> Read {
        let (key, value) = self.key_and_value()?;
        tables.insert(&key.parts, &key.place, value)?;
        if self.is_line_over() {
            return Ok(());
        }
        let message = "toml::parse_table: newline (LF / CRLF) or EOF is expected";
        Err(Finding::at(message, self.at, "here"))
    }

    fn key_and_value(&mut self) -> Read<(Key, Range<usize>)> {
        let key = self.key()?;
        self.skip_spaces();
        if !self.take(b"=") {
            let message = "toml::parse_key_value_pair: invalid key value separator `=`";
            return Err(Finding::at(message, self.at, "expected ="));
        }
        self.skip_spaces();
        let start = self.at;
        self.value()?;
        Ok((key, start..self.at))
    }

    fn key(&mut self) -> Read<Key> {
        let start = self.at;
        let mut parts = Vec::new();
        loop {
            parts.push(self.simple_key()?);
            let end = self.at;
            self.skip_spaces();
            if !self.take(b".") {
                self.at = end;
                return Ok(Key { parts, place: start..end });
            }
            self.skip_spaces();
        }
    }

    fn simple_key(&mut self) -> Read<Vec<u8>> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.string(b'"')?,
            Some(b'\'') => self.string(b'\'')?,
            _ => {
                self.skip_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
                if self.at == start {
                    let words = "expected alpha [a-zA-Z], digit [0-9], -, or _";
                    return Err(Finding::at(KEY, start, words).hinting(KEY_HINTS));
                }
                return Ok(self.text.get(start..self.at).unwrap_or_default().to_vec());
            }
        }
        // Quoted keys that only escapes make equal are told apart here; the reader knows better.
        Ok(self.text.get(start + 1..self.at - 1).unwrap_or_default().to_vec())
    }

    fn value(&mut self) -> Read {
        self.depth += 1;
        let read = if self.depth > DEPTH_MAX { Err(self.unknown()) } else { self.any_value() };
        self.depth -= 1;
        read
    }

    fn unknown(&self) -> Finding {
        Finding::at(UNKNOWN, self.at, "here")
    }

    fn any_value(&mut self) -> Read {
        match self.peek() {
            Some(b'"') if self.starts_with(b"\"\"\"") => self.lines(b'"'),
            Some(b'\'') if self.starts_with(b"'''") => self.lines(b'\''),
            Some(quote @ (b'"' | b'\'')) => self.string(quote),
            Some(b'[') => self.array(),
            Some(b'{') => self.inline_table(),
            Some(b't' | b'f') => {
                if self.take(b"true") || self.take(b"false") {
                    return Ok(());
                }
                Err(Finding::at(BOOLEAN, self.at, "expected true or false"))
            }
            Some(b'0'..=b'9' | b'+' | b'-' | b'_' | b'.' | b'i' | b'n') => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                self.at += Number { text: rest, start: self.at }.length()?;
                Ok(())
            }
            _ => Err(self.unknown()),
        }
    }

    /// Reads a string of one line.
    fn string(&mut self, quote: u8) -> Read {
        let message = match quote {
            b'"' => "toml::parse_basic_string: invalid string format",
            _ => "toml::parse_literal_string: invalid string format",
        };
        let wrong = |at| Finding::at(message, at, &format!("expected {}", char::from(quote)));
        self.at += 1;
        loop {
            match self.peek() {
                Some(byte) if byte == quote => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') if quote == b'"' => {
                    let escape = self.text.get(self.at + 1..).unwrap_or_default();
                    match escape_length(escape) {
                        Some(length) => self.at += 1 + length,
                        None => return Err(wrong(self.at)),
                    }
                }
                Some(b'\t' | 0x20..=0x7e | 0x80..) => self.at += 1,
                _ => return Err(wrong(self.at)),
            }
        }
    }

    /// Reads a string of several lines.
    fn lines(&mut self, quote: u8) -> Read {
        let message = match quote {
            b'"' => "toml::parse_ml_basic_string: invalid string format",
            _ => "toml::parse_ml_literal_string: invalid string format",
        };
        let end = [quote; 3];
        self.at += end.len();
        while let Some(byte) = self.peek() {
            if self.take(&end) {
                // Up to two quotes may stand before the end.
                let more = (0..2).take_while(|_| self.take(&[quote])).count();
                debug_assert!(more <= 2);
                return Ok(());
            }
            self.at += if byte == b'\\' && quote == b'"' { 2 } else { 1 };
        }
        self.at = self.text.len();
        Err(self.at_end(message, &format!("expected {}", shown(&end))))
    }

    fn at_end(&self, message: &str, words: &str) -> Finding {
        let at = self.text.len();
        Finding { is_at_end: true, ..Finding::at(message, at, words) }
    }

    fn array(&mut self) -> Read {
        const EXPECTED: &str = "expected `]`, reached EOF";
        self.at += 1;
        let mut is_first = true;
        loop {
            self.skip_blank_lines();
            match self.peek() {
                None => return Err(self.at_end(OPEN_ARRAY, EXPECTED)),
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => {}
            }
            let start = self.at;
            if let Err(finding) = self.value() {
                // The first element is looked at twice.
                self.findings.push(finding.clone());
                let open = Finding::at(OPEN_ARRAY, start, EXPECTED);
                return Err(if is_first { finding } else { open });
            }
            is_first = false;
            self.skip_blank_lines();
            match self.peek() {
                None => return Err(self.at_end(OPEN_ARRAY, EXPECTED)),
                Some(b',') => self.at += 1,
                Some(b']') => {}
                Some(_) => {
                    let message = "toml::parse_array: expected value-separator `,` or closing `]`";
                    return Err(Finding::at(message, self.at, "here"));
                }
            }
        }
    }

    fn inline_table(&mut self) -> Read {
        let mut tables = Tables::default();
        self.at += 1;
        self.skip_spaces();
        if self.take(b"}") {
            return Ok(());
        }
        loop {
            let (key, value) = self.key_and_value()?;
            tables.insert(&key.parts, &key.place, value)?;
            self.skip_spaces();
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b',') => {
                    self.at += 1;
                    self.skip_spaces();
                    if self.peek() == Some(b'}') {
                        let message = "toml::parse_inline_table: trailing comma is not allowed in \
                                       TOML-v1.0.0)";
                        return Err(Finding::at(message, self.at, "here"));
                    }
                }
                _ => {
                    let message = "toml::parse_inline_table: expected value-separator `,` or \
                                   closing `}`";
                    return Err(Finding::at(message, self.at, "here"));
                }
            }
        }
    }
}

/// Returns how long an escape is that begins after its backslash; `None` if it is none.
fn escape_length(text: &[u8]) -> Option<usize> {
    let digits = match text.first()? {
        b'b' | b't' | b'n' | b'f' | b'r' | b'"' | b'\\' => 0,
        b'u' => 4,
        b'U' => 8,
        _ => return None,
    };
    let is_whole = text.get(1..=digits)?.iter().all(u8::is_ascii_hexdigit);
    is_whole.then_some(1 + digits)
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
