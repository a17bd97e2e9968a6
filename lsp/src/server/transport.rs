//! The base protocol: headers and bodies on two streams, and what is not a message at all.
//!
//! tower-lsp gives up on the first message that it cannot read. So a thread reads messages and
//! answers what is none itself, and only passes sound ones on; another one writes. Threads that
//! block on stdin would also keep tokio from ending.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower_lsp::jsonrpc::{Error, Id, Response};

/// The longest message that is read. Unit: bytes.
const MESSAGE_BYTES_MAX: u64 = 256 << 20;
/// The longest line of a header that is kept. Unit: bytes.
const HEADER_BYTES_MAX: u64 = 4096;
/// How many messages are read ahead.
const AHEAD_MAX: usize = 64;

/// Both directions of a connection.
pub(super) struct Transport {
    /// Sound messages from the client.
    pub(super) input: Input,
    /// Messages to the client.
    pub(super) output: Output,
    /// The thread that writes them.
    pub(super) writer: Writer,
    /// Where whole messages go that are not tower-lsp's.
    pub(super) frames: mpsc::Sender<Frame>,
}

impl Transport {
    /// Starts the threads that read and write.
    pub(super) fn start(
        input: impl Read + Send + 'static,
        output: impl Write + Send + 'static,
    ) -> io::Result<Transport> {
        let (frames, writing) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || write_frames(output, &writing))?;
        let (messages, reading) = tokio::sync::mpsc::channel(AHEAD_MAX);
        let answers = frames.clone();
        std::thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || read_messages(BufReader::new(input), &messages, &answers))?;
        Ok(Transport {
            input: Input { messages: reading, current: Vec::new(), position: 0 },
            output: Output { frames: frames.clone() },
            frames: frames.clone(),
            writer: Writer { frames, thread },
        })
    }
}

/// The thread that writes.
pub(super) struct Writer {
    frames: mpsc::Sender<Frame>,
    thread: JoinHandle<io::Result<()>>,
}

impl Writer {
    /// Waits until everything is written.
    ///
    /// # Errors
    ///
    /// When something could not be written.
    pub(super) fn finish(self) -> io::Result<()> {
        drop(self.frames.send(Frame::End));
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked")))
    }
}

/// What the writer is given.
pub(super) enum Frame {
    /// Whole messages.
    Bytes(Vec<u8>),
    /// Nothing more comes.
    End,
}

fn write_frames(mut output: impl Write, frames: &mpsc::Receiver<Frame>) -> io::Result<()> {
    while let Ok(Frame::Bytes(bytes)) = frames.recv() {
        output.write_all(&bytes)?;
        output.flush()?;
    }
    Ok(())
}

/// What the client sent, as tower-lsp reads it.
pub(super) struct Input {
    messages: tokio::sync::mpsc::Receiver<Vec<u8>>,
    current: Vec<u8>,
    position: usize,
}

impl AsyncRead for Input {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.position >= self.current.len() {
            match self.messages.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(message)) => {
                    self.current = message;
                    self.position = 0;
                }
            }
        }
        let rest = self.current.get(self.position..).unwrap_or_default();
        let part = rest.get(..rest.len().min(buffer.remaining())).unwrap_or_default();
        buffer.put_slice(part);
        self.position += part.len();
        Poll::Ready(Ok(()))
    }
}

/// What goes to the client. Every write takes whole messages, so none are mixed.
pub(super) struct Output {
    frames: mpsc::Sender<Frame>,
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = self.frames.send(Frame::Bytes(bytes.to_vec()));
        Poll::Ready(sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn read_messages(
    mut input: impl BufRead,
    messages: &tokio::sync::mpsc::Sender<Vec<u8>>,
    answers: &mpsc::Sender<Frame>,
) {
    loop {
        let answer = match read_body(&mut input) {
            Ok(Body::Message(body)) => match check(&body) {
                Verdict::Sound => {
                    if messages.blocking_send(framed(&body)).is_err() {
                        return;
                    }
                    continue;
                }
                Verdict::Ignored => continue,
                Verdict::Refused(answer) => answer,
            },
            Ok(Body::Garbage) => Response::from_error(Id::Null, Error::parse_error()),
            Ok(Body::End) | Err(_) => return,
        };
        let Ok(text) = serde_json::to_vec(&answer) else { return };
        if answers.send(Frame::Bytes(framed(&text))).is_err() {
            return;
        }
    }
}

/// Returns a message with its header.
pub(super) fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    frame.extend_from_slice(body);
    frame
}

enum Body {
    Message(Vec<u8>),
    /// Bytes without a header that says how many they are.
    Garbage,
    End,
}

/// Reads up to the end of the next message, or over garbage up to the next header.
fn read_body(input: &mut impl BufRead) -> io::Result<Body> {
    let mut length = None;
    let mut is_garbage = false;
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(HEADER_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(if is_garbage { Body::Garbage } else { Body::End });
        }
        let text = String::from_utf8_lossy(&line).to_ascii_lowercase();
        let text = text.trim();
        match text.split_once("content-length:") {
            Some((_, number)) => {
                length = number.trim().parse().ok().filter(|&it| it <= MESSAGE_BYTES_MAX);
                is_garbage |= length.is_none();
            }
            None if text.is_empty() => match length {
                Some(length) => return read_exactly(input, length),
                None if is_garbage => return Ok(Body::Garbage),
                None => {}
            },
            None => is_garbage |= !text.starts_with("content-type:") || length.is_none(),
        }
    }
}

fn read_exactly(input: &mut impl BufRead, length: u64) -> io::Result<Body> {
    let mut body = Vec::new();
    let count = input.take(length).read_to_end(&mut body)?;
    Ok(if count as u64 == length { Body::Message(body) } else { Body::End })
}

enum Verdict {
    Sound,
    Ignored,
    Refused(Response),
}

/// Says whether tower-lsp can read a message, and answers in its place if not.
fn check(body: &[u8]) -> Verdict {
    let head = match serde_json::from_slice::<Head>(body) {
        Ok(head) => head,
        Err(error) if error.is_data() => {
            return Verdict::Refused(Response::from_error(Id::Null, Error::invalid_request()));
        }
        Err(_) => return Verdict::Refused(Response::from_error(Id::Null, Error::parse_error())),
    };
    let id = match &head.id {
        Some(Value::Number(number)) => number.as_i64().map(Id::Number),
        Some(Value::String(text)) => Some(Id::String(text.clone())),
        Some(_) => None,
        None => Some(Id::Null),
    };
    let is_ours = head.jsonrpc == Some(Value::from("2.0")) && id.is_some();
    match &head.method {
        Some(Value::String(_)) if is_ours => return Verdict::Sound,
        // A response that cannot be read is nobody's: an answer to it would be one to a request
        // of ours.
        None if head.result || head.error => {
            return match serde_json::from_slice::<Response>(body) {
                Ok(_) => Verdict::Sound,
                Err(_) => Verdict::Ignored,
            };
        }
        _ => {}
    }
    Verdict::Refused(Response::from_error(id.unwrap_or(Id::Null), Error::invalid_request()))
}

/// What tells the sorts of messages apart; the rest of one, which may be a whole file, is only
/// read over.
#[derive(Deserialize)]
struct Head {
    jsonrpc: Option<Value>,
    method: Option<Value>,
    id: Option<Value>,
    #[serde(default, deserialize_with = "is_there")]
    result: bool,
    #[serde(default, deserialize_with = "is_there")]
    error: bool,
}

/// Reads over a value: even `null` is an answer.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(text: &[u8]) -> Vec<String> {
        let mut input = BufReader::new(text);
        let mut found = Vec::new();
        loop {
            match read_body(&mut input).expect("reading from memory") {
                Body::Message(body) => found.push(String::from_utf8_lossy(&body).into_owned()),
                Body::Garbage => found.push("garbage".to_owned()),
                Body::End => return found,
            }
        }
    }

    #[test]
    fn messages_are_found_after_garbage() {
        assert_eq!(bodies(b"Content-Length: 2\r\n\r\n{}content-length:3\n\n[1]"), ["{}", "[1]"]);
        assert_eq!(bodies(b"hello\r\n\r\nContent-Length: 2\r\n\r\n{}"), ["garbage", "{}"]);
        assert_eq!(
            bodies(b"Content-Length: x\r\n\r\nContent-Length: 2\r\n\r\n{}"),
            ["garbage", "{}"]
        );
        assert_eq!(bodies(b"Content-Length: 99\r\n\r\n{}"), [""; 0]);
        assert_eq!(bodies(b"Content-Length: 99999999999999999999\r\n\r\n"), ["garbage"]);
        let typed = b"Content-Length: 2\r\nContent-Type: application/vscode-jsonrpc\r\n\r\n{}";
        assert_eq!(bodies(typed), ["{}"]);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let refused = |text: &str| match check(text.as_bytes()) {
            Verdict::Refused(answer) => answer.error().map(|error| error.code.code()),
            Verdict::Sound | Verdict::Ignored => None,
        };
        assert_eq!(refused("{"), Some(-32700));
        assert_eq!(refused("[]"), Some(-32600));
        assert_eq!(refused(r#"{"id":1}"#), Some(-32600));
        assert_eq!(refused(r#"{"jsonrpc":"1.0","id":1,"method":"x"}"#), Some(-32600));
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#), None);
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":{},"result":1}"#), None);
    }
}
