//! JSON text to values.
//!
//! Iterative, so that nesting is bounded by memory only. The messages are those of the oracle's
//! parser (nlohmann's JSON library), with line and column.

mod lexer;

use crate::error::{self, EvalError, Result};
use crate::heap::{AttrsBuilder, Heap, Lazy, Slot, Symbol, Value};
use lexer::{Lexer, Token, Wanted};

/// A list or object that is still open.
enum Open<'h> {
    List(Vec<Value<'h>>),
    /// The attributes so far and the key that waits for its value.
    Object(Vec<(Symbol, Value<'h>)>, Symbol),
}

/// Returns the value of a JSON text.
///
/// # Errors
///
/// A text that is not JSON, an integer beyond 64 bits, or a string with a NUL in it.
pub fn read<'h>(heap: &'h Heap, text: &[u8]) -> Result<Value<'h>> {
    let mut lexer = Lexer::new(text);
    let mut stack: Vec<Open<'h>> = Vec::new();
    let mut token = lexer.next(Wanted::VALUE)?;
    loop {
        let mut value = match token {
            Token::Value(scalar) => scalar.into_value(heap),
            Token::BeginList => {
                token = lexer.next(Wanted::VALUE)?;
                if !matches!(token, Token::EndList) {
                    stack.push(Open::List(Vec::new()));
                    continue;
                }
                Value::list(&[])
            }
            Token::BeginObject => {
                token = lexer.next(Wanted::KEY)?;
                if !matches!(token, Token::EndObject) {
                    let key = key(&mut lexer, token)?;
                    stack.push(Open::Object(Vec::new(), key));
                    token = lexer.next(Wanted::VALUE)?;
                    continue;
                }
                AttrsBuilder::default().finish_value(heap)
            }
            Token::End if lexer.is_empty() => return Err(empty_input()),
            other => return Err(unexpected(&lexer, &other, "value", LITERAL)),
        };
        // Close what the value completes, until something wants another value.
        loop {
            let Some(open) = stack.pop() else { return end(&mut lexer, value) };
            token = lexer.next(match open {
                Open::List(_) => Wanted::only("array", "']'"),
                Open::Object(..) => Wanted::only("object", "'}'"),
            })?;
            match open {
                Open::List(mut items) => {
                    items.push(value);
                    match token {
                        Token::Comma => {
                            token = lexer.next(Wanted::VALUE)?;
                            stack.push(Open::List(items));
                            break;
                        }
                        Token::EndList => value = finish_list(heap, &items),
                        other => return Err(unexpected(&lexer, &other, "array", "']'")),
                    }
                }
                Open::Object(mut attrs, name) => {
                    attrs.push((name, value));
                    match token {
                        Token::Comma => {
                            token = lexer.next(Wanted::KEY)?;
                            let key = key(&mut lexer, token)?;
                            stack.push(Open::Object(attrs, key));
                            token = lexer.next(Wanted::VALUE)?;
                            break;
                        }
                        Token::EndObject => value = finish_object(heap, &attrs),
                        other => return Err(unexpected(&lexer, &other, "object", "'}'")),
                    }
                }
            }
        }
    }
}

/// What may stand where a value is expected.
const LITERAL: &str = "'[', '{', or a literal";

/// Takes the key of an object's attribute, and the colon after it.
fn key(lexer: &mut Lexer<'_>, token: Token) -> Result<Symbol> {
    let Token::Value(lexer::Scalar::String(name)) = token else {
        return Err(unexpected(lexer, &token, "object key", "string literal"));
    };
    match lexer.next(Wanted::only("object separator", "':'"))? {
        Token::Colon => Ok(Symbol::intern(&name)),
        other => Err(unexpected(lexer, &other, "object separator", "':'")),
    }
}

fn end<'h>(lexer: &mut Lexer<'_>, value: Value<'h>) -> Result<Value<'h>> {
    match lexer.next(Wanted::only("value", "end of input"))? {
        Token::End => Ok(value),
        other => Err(unexpected(lexer, &other, "value", "end of input")),
    }
}

fn finish_list<'h>(heap: &'h Heap, items: &[Value<'h>]) -> Value<'h> {
    let slots = heap.arena().alloc_slice_with(items.len(), |index| match items.get(index) {
        Some(item) => Slot::of(*item),
        None => Slot::of(Value::NULL),
    });
    Value::list(slots)
}

/// Makes a set in which the last attribute of a name counts.
fn finish_object<'h>(heap: &'h Heap, attrs: &[(Symbol, Value<'h>)]) -> Value<'h> {
    let mut builder = AttrsBuilder::with_capacity(attrs.len());
    for (name, value) in attrs.iter().rev() {
        builder.push(*name, Lazy::from(*value));
    }
    builder.finish_value(heap)
}

#[cold]
fn unexpected(lexer: &Lexer<'_>, token: &Token, context: &str, expected: &str) -> Box<EvalError> {
    let (line, column) = lexer.place();
    error::other(format!(
        "[json.exception.parse_error.101] parse error at line {line}, column {column}: syntax \
         error while parsing {context} - unexpected {}; expected {expected}",
        token.name()
    ))
}

#[cold]
fn empty_input() -> Box<EvalError> {
    error::other(
        "[json.exception.parse_error.101] parse error at line 1, column 1: attempting to parse an \
         empty input; check that your input string or stream contains the expected JSON",
    )
}
