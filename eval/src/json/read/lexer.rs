//! The tokens of JSON text.

use crate::error::{self, EvalError, Result};
use crate::heap::{Heap, Value};

/// A token.
pub(super) enum Token {
    Value(Scalar),
    BeginList,
    EndList,
    BeginObject,
    EndObject,
    Colon,
    Comma,
    End,
}

/// A token that is a whole value.
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(Vec<u8>),
}

impl Scalar {
    pub(super) fn into_value(self, heap: &Heap) -> Value<'_> {
        match self {
            Scalar::Null => Value::NULL,
            Scalar::Bool(value) => Value::bool(value),
            Scalar::Int(value) => Value::int(value),
            Scalar::Float(value) => Value::float(value),
            Scalar::String(bytes) => Value::string_from(heap, &bytes),
        }
    }
}

impl Token {
    /// Returns how messages call the token.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Token::Value(Scalar::Null) => "null literal",
            Token::Value(Scalar::Bool(true)) => "true literal",
            Token::Value(Scalar::Bool(false)) => "false literal",
            Token::Value(Scalar::Int(_) | Scalar::Float(_)) => "number literal",
            Token::Value(Scalar::String(_)) => "string literal",
            Token::BeginList => "'['",
            Token::EndList => "']'",
            Token::BeginObject => "'{'",
            Token::EndObject => "'}'",
            Token::Colon => "':'",
            Token::Comma => "','",
            Token::End => "end of input",
        }
    }
}

/// Cuts a text into tokens.
pub(super) struct Lexer<'t> {
    text: &'t [u8],
    /// The next byte to read.
    at: usize,
    /// Whether the end of the text was read past, which counts as a character.
    is_past_end: bool,
    /// Where the current token begins.
    start: usize,
    /// Where messages begin to quote: at the last string or number.
    quoted_from: usize,
    /// What the token is to be.
    wanted: Wanted,
}

/// What a token is to be, in the words of messages.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// What it is a part of.
    pub(super) context: &'static str,
    /// The only thing that it may be.
    pub(super) expected: Option<&'static str>,
}

impl Wanted {
    /// Any value.
    pub(super) const VALUE: Wanted = Wanted { context: "value", expected: None };
    /// The name of an attribute.
    pub(super) const KEY: Wanted = Wanted::only("object key", "string literal");

    /// Returns what must be `expected`, as a part of `context`.
    pub(super) const fn only(context: &'static str, expected: &'static str) -> Wanted {
        Wanted { context, expected: Some(expected) }
    }
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        Lexer { text, at: 0, is_past_end: false, start: 0, quoted_from: 0, wanted: Wanted::VALUE }
    }

    /// Whether the text is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns the line, from 1, and how many characters of it were read.
    pub(super) fn place(&self) -> (usize, usize) {
        let read = self.text.get(..self.at).unwrap_or(self.text);
        let line = 1 + memchr::memchr_iter(b'\n', read).count();
        let line_start = read.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        (line, read.len() - line_start + usize::from(self.is_past_end))
    }

    /// Returns the next token; where it is none, the message says what was wanted.
    pub(super) fn next(&mut self, wanted: Wanted) -> Result<Token> {
        self.wanted = wanted;
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.start = self.at;
        let Some(byte) = self.peek() else {
            self.is_past_end = true;
            return Ok(Token::End);
        };
        self.at += 1;
        if matches!(byte, b'"' | b'-' | b'0'..=b'9') {
            self.quoted_from = self.start;
        }
        match byte {
            b'[' => Ok(Token::BeginList),
            b']' => Ok(Token::EndList),
            b'{' => Ok(Token::BeginObject),
            b'}' => Ok(Token::EndObject),
            b':' => Ok(Token::Colon),
            b',' => Ok(Token::Comma),
            b't' => self.word(b"true", Scalar::Bool(true)),
            b'f' => self.word(b"false", Scalar::Bool(false)),
            b'n' => self.word(b"null", Scalar::Null),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(self.invalid("invalid literal")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Reads a byte; past the end, notes that.
    fn take(&mut self) -> Option<u8> {
        let byte = self.peek();
        match byte {
            Some(_) => self.at += 1,
            None => self.is_past_end = true,
        }
        byte
    }

    fn word(&mut self, word: &[u8], scalar: Scalar) -> Result<Token> {
        for expected in word.iter().skip(1) {
            if self.take() != Some(*expected) {
                return Err(self.invalid("invalid literal"));
            }
        }
        Ok(Token::Value(scalar))
    }

    fn number(&mut self) -> Result<Token> {
        let mut is_integer = true;
        let first = self.text.get(self.start).copied();
        let leading = if first == Some(b'-') { self.take() } else { first };
        match leading {
            Some(b'0') => {}
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.invalid("invalid number; expected digit after '-'")),
        }
        if self.peek() == Some(b'.') {
            is_integer = false;
            self.at += 1;
            if !matches!(self.take(), Some(b'0'..=b'9')) {
                return Err(self.invalid("invalid number; expected digit after '.'"));
            }
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_integer = false;
            self.at += 1;
            match self.take() {
                Some(b'+' | b'-') => {
                    if !matches!(self.take(), Some(b'0'..=b'9')) {
                        let problem = "invalid number; expected digit after exponent sign";
                        return Err(self.invalid(problem));
                    }
                }
                Some(b'0'..=b'9') => {}
                _ => {
                    let problem = "invalid number; expected '+', '-', or digit after exponent";
                    return Err(self.invalid(problem));
                }
            }
            self.digits();
        }
        self.number_value(is_integer)
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn number_value(&self, is_integer: bool) -> Result<Token> {
        let text = String::from_utf8_lossy(self.text.get(self.start..self.at).unwrap_or_default());
        if is_integer {
            if let Ok(value) = text.parse::<i64>() {
                return Ok(Token::Value(Scalar::Int(value)));
            }
            // Between the signed and the unsigned limit it is refused, beyond it is a float.
            if let Ok(value) = text.parse::<u64>() {
                return Err(error::other(format!(
                    "unsigned json number {value} outside of Nix integer range"
                )));
            }
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Token::Value(Scalar::Float(value))),
            _ => Err(error::other(format!(
                "[json.exception.out_of_range.406] number overflow parsing '{text}'"
            ))),
        }
    }

    fn string(&mut self) -> Result<Token> {
        let mut out = Vec::new();
        loop {
            let plain = self.at;
            while matches!(self.peek(), Some(byte) if byte >= 0x20 && byte != b'"' && byte != b'\\')
            {
                self.at += 1;
            }
            out.extend_from_slice(self.text.get(plain..self.at).unwrap_or_default());
            match self.take() {
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut out)?,
                Some(control) => {
                    let problem = format!(
                        "invalid string: control character U+{control:04X} {}",
                        control_name(control)
                    );
                    return Err(self.invalid(&problem));
                }
                None => return Err(self.invalid("invalid string: missing closing quote")),
            }
        }
        if let Err(error) = std::str::from_utf8(&out) {
            self.at = self.start + 2 + error.valid_up_to();
            return Err(self.invalid("invalid string: ill-formed UTF-8 byte"));
        }
        if out.contains(&0) {
            return Err(contains_nul(&out));
        }
        Ok(Token::Value(Scalar::String(out)))
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let byte = match self.take() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let character = self.character()?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => {
                let problem = "invalid string: forbidden character after backslash";
                return Err(self.invalid(problem));
            }
        };
        out.push(byte);
        Ok(())
    }

    /// Reads the digits after `\u`, and the second half of a pair.
    fn character(&mut self) -> Result<char> {
        const HALF: &str = "invalid string: surrogate U+D800..U+DBFF must be followed by \
                            U+DC00..U+DFFF";
        let first = self.hex()?;
        let code = match first {
            0xd800..=0xdbff => {
                if self.take() != Some(b'\\') || self.take() != Some(b'u') {
                    return Err(self.invalid(HALF));
                }
                match self.hex()? {
                    second @ 0xdc00..=0xdfff => {
                        0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                    }
                    _ => return Err(self.invalid(HALF)),
                }
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| {
            self.invalid("invalid string: surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF")
        })
    }

    fn hex(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.take().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.invalid("invalid string: '\\u' must be followed by 4 hex digits"));
            };
            code = code * 16 + digit;
        }
        Ok(code)
    }

    #[cold]
    fn invalid(&self, problem: &str) -> Box<EvalError> {
        let (line, column) = self.place();
        let read = self.text.get(self.quoted_from..self.at).unwrap_or_default();
        let read: String = String::from_utf8_lossy(read)
            .chars()
            .map(|char| match char {
                '\0'..='\u{1f}' => format!("<U+{:04X}>", u32::from(char)),
                char => char.to_string(),
            })
            .collect();
        let Wanted { context, expected } = self.wanted;
        let expected = expected.map(|it| format!("; expected {it}")).unwrap_or_default();
        error::other(format!(
            "[json.exception.parse_error.101] parse error at line {line}, column {column}: syntax \
             error while parsing {context} - {problem}; last read: '{read}'{expected}"
        ))
    }
}

/// Returns the rest of the message about a control character.
fn control_name(control: u8) -> String {
    const NAMES: [&str; 32] = [
        "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR",
        "SO", "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB",
        "ESC", "FS", "GS", "RS", "US",
    ];
    let name = NAMES.get(usize::from(control)).copied().unwrap_or_default();
    let short = match control {
        0x08 => " or \\b",
        0x09 => " or \\t",
        0x0a => " or \\n",
        0x0c => " or \\f",
        0x0d => " or \\r",
        _ => "",
    };
    format!("({name}) must be escaped to \\u{control:04X}{short}")
}

#[cold]
fn contains_nul(bytes: &[u8]) -> Box<EvalError> {
    let shown = String::from_utf8_lossy(bytes).replace('\0', "␀");
    error::other(format!(
        "input string '{shown}' cannot be represented as Nix string because it contains null bytes"
    ))
}
