//! The log as JSON, one object a line, in the file that the setting `json-log-path` names.
//!
//! Source: CppNix, `JSONLogger`, whose `--log-format internal-json` it is.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use store::event::{Event, Field, Level};

/// Where lines go, if anywhere.
static LOG: Mutex<Option<Sink>> = Mutex::new(None);

enum Sink {
    File(File),
    Socket(UnixStream),
}

/// Has lines written to a file, which is made if need be, or to a socket; to nowhere if empty.
///
/// # Errors
///
/// When it cannot be opened.
pub(crate) fn open(path: &str) -> Result<(), String> {
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    *log = None;
    if path.is_empty() {
        return Ok(());
    }
    let is_socket = Path::new(path).metadata().is_ok_and(|it| it.file_type().is_socket());
    let sink = if is_socket {
        UnixStream::connect(path).map(Sink::Socket)
    } else {
        OpenOptions::new().create(true).append(true).open(path).map(Sink::File)
    };
    *log = Some(sink.map_err(|error| {
        let error = error.to_string();
        let reason = error.split(" (os error").next().unwrap_or_default();
        format!("opening log file \"{path}\": {reason}")
    })?);
    Ok(())
}

/// Notes something that happens in a store.
pub(crate) fn note(event: Event<'_>) {
    let fields = |fields: &[Field<'_>]| -> Vec<Value> {
        fields
            .iter()
            .map(|field| match field {
                Field::Number(number) => json!(number),
                Field::Text(text) => json!(text),
            })
            .collect()
    };
    write(|| match event {
        Event::Start { id, parent, kind, level, text, fields: details } => json!({
            "action": "start",
            "fields": fields(details),
            "id": id.number(),
            "level": level as u8,
            "parent": parent.number(),
            "text": text,
            "type": kind as u16,
        }),
        Event::Stop { id } => json!({ "action": "stop", "id": id.number() }),
        Event::Result { id, kind, fields: details } => json!({
            "action": "result",
            "fields": fields(details),
            "id": id.number(),
            "type": kind as u16,
        }),
        Event::Message { level, text } => message(level, text),
    });
}

/// Notes what the language says.
pub(crate) fn note_words(text: &[u8]) {
    write(|| message(Level::Error, &String::from_utf8_lossy(text)));
}

/// Notes a warning.
pub(crate) fn note_warning(text: &str) {
    write(|| message(Level::Warn, &format!("\u{1b}[35;1mwarning:\u{1b}[0m {text}")));
}

/// Notes why the work stopped.
pub(crate) fn note_error(text: &str) {
    let words = text.rsplit("error: ").next().unwrap_or(text);
    let blank = if text.starts_with('\n') { "" } else { " " };
    write(|| {
        json!({
            "action": "msg",
            "column": null,
            "file": null,
            "level": Level::Error as u8,
            "line": null,
            "msg": format!("\u{1b}[31;1merror:\u{1b}[0m{blank}{text}"),
            "raw_msg": words,
        })
    });
}

fn message(level: Level, text: &str) -> Value {
    json!({ "action": "msg", "level": level as u8, "msg": text })
}

fn write(line: impl FnOnce() -> Value) {
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(sink) = log.as_mut() else { return };
    let line = format!("{}\n", line());
    let result = match sink {
        Sink::File(file) => file.write_all(line.as_bytes()),
        Sink::Socket(socket) => socket.write_all(line.as_bytes()),
    };
    if result.is_err() {
        // Work does not stop because nobody can write of it.
        *log = None;
    }
}
