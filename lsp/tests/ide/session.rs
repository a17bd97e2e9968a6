//! One session with the server: what an editor sends, and what it remembers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lsp::server::{Ending, serve};
use serde_json::{Value, json};

use super::host::{EMBEDDED, Library, Memory, host};

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_mins(2);
/// How long something that is expected may take once nothing else happens.
const EXPECTED_MAX: Duration = Duration::from_secs(20);
/// How long nothing may happen before what was told counts as all there is.
const QUIET: Duration = Duration::from_millis(1500);

/// What the columns of positions count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units.
    Utf16,
}

/// A place in a text, as the protocol has it.
pub(crate) struct Cursor {
    uri: String,
    line: usize,
    character: usize,
    /// The bytes of the line before the cursor.
    before: String,
}

impl Cursor {
    /// Returns the word that ends at the cursor.
    pub(crate) fn word(&self) -> &str {
        let is_part = |c: char| c.is_alphanumeric() || "_-'".contains(c);
        self.before.rsplit(|c| !is_part(c)).next().unwrap_or_default()
    }
}

struct Document {
    text: String,
    version: Option<i64>,
}

/// A client with its server.
pub(crate) struct Session {
    to: PipeWriter,
    messages: Receiver<Value>,
    server: JoinHandle<std::io::Result<Ending>>,
    encoding: Encoding,
    settings: Value,
    /// The files of the case as they are now, by path.
    documents: BTreeMap<String, Document>,
    /// The cursors by their number.
    cursors: BTreeMap<char, Cursor>,
    /// The newest diagnostics by URI, with the version of the text they are about.
    diagnostics: BTreeMap<String, (Value, Value)>,
    /// The files on the disk.
    disk: Memory,
    /// What the server said that it can do.
    capabilities: Value,
    /// Where the tree of the case's library lies on the disk.
    tree: Option<String>,
    id: i64,
}

impl Session {
    /// Starts a server and opens the files that hold a cursor.
    pub(crate) fn start(
        library: &Library,
        files: &[(String, String)],
        settings: Option<&str>,
        encoding: Encoding,
    ) -> Session {
        let mut files = files.to_vec();
        let mut cursors = Vec::new();
        for (path, text) in &mut files {
            cursors.extend(take_cursors(path, text));
        }
        let disk = Memory::default();
        for (path, text) in &files {
            put(&disk, path, text);
        }
        let host = host(library, Memory::clone(&disk));
        let (input, to) = pipe().expect("a pipe");
        let (from, output) = pipe().expect("a pipe");
        let server = std::thread::spawn(move || serve(host, input, output));
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || read(BufReader::new(from), &sender));
        let settings = settings.map_or(json!({}), |it| serde_json::from_str(it).expect("JSON"));
        let tree = match library {
            Library::Embedded => None,
            Library::Nixpkgs(tree) => Some(tree.to_string_lossy().into_owned()),
        };
        let documents =
            files.into_iter().map(|(path, text)| (path, Document { text, version: None }));
        let mut session = Session {
            to,
            messages,
            server,
            encoding,
            settings,
            documents: documents.collect(),
            cursors: BTreeMap::new(),
            diagnostics: BTreeMap::new(),
            disk,
            capabilities: Value::Null,
            tree,
            id: 0,
        };
        session.initialize();
        let mut paths: Vec<String> = cursors.iter().map(|it| it.0.clone()).collect();
        if paths.is_empty() {
            paths.extend(
                session.documents.keys().find(|it| it.rsplit('.').next() == Some("nix")).cloned(),
            );
        }
        paths.dedup();
        for path in paths {
            session.open(&path);
        }
        session.place(cursors);
        session
    }

    fn initialize(&mut self) {
        let encodings = match self.encoding {
            Encoding::Utf8 => json!(["utf-8", "utf-16"]),
            Encoding::Utf16 => json!(["utf-16"]),
        };
        let params = json!({
            "capabilities": {
                "general": { "positionEncodings": encodings },
                "workspace": {
                    "configuration": true,
                    "workspaceEdit": { "documentChanges": true },
                    "fileOperations": { "willRename": true },
                },
                "textDocument": {
                    "rename": { "prepareSupport": true },
                    "documentSymbol": { "hierarchicalDocumentSymbolSupport": true },
                    "publishDiagnostics": { "versionSupport": true, "relatedInformation": true },
                },
            },
            "initializationOptions": self.settings,
            "workspaceFolders": [{ "uri": "file:///w", "name": "w" }],
        });
        let found = self.ask("initialize", params).expect("the server starts");
        let agreed = match self.encoding {
            Encoding::Utf8 => "utf-8",
            Encoding::Utf16 => "utf-16",
        };
        assert_eq!(found["capabilities"]["positionEncoding"], agreed);
        self.capabilities = found["capabilities"].clone();
        self.tell("initialized", json!({}));
    }

    /// Returns the names of the types and modifiers of semantic tokens.
    pub(crate) fn token_names(&self) -> (Vec<String>, Vec<String>) {
        let legend = &self.capabilities["semanticTokensProvider"]["legend"];
        let names = |of: &str| -> Vec<String> {
            let all = legend[of].as_array().into_iter().flatten();
            all.filter_map(|it| it.as_str().map(str::to_owned)).collect()
        };
        (names("tokenTypes"), names("tokenModifiers"))
    }

    fn open(&mut self, path: &str) {
        let document = self.documents.get_mut(path).expect("a file of the case");
        document.version = Some(1);
        let text = document.text.clone();
        let params = json!({ "textDocument":
            { "uri": uri(path), "languageId": "nix", "version": 1, "text": text } });
        self.tell("textDocument/didOpen", params);
    }

    /// Gives a file another text, as typed into the editor; opens it if it is not.
    pub(crate) fn write(&mut self, path: &str, text: &str) {
        let mut text = text.to_owned();
        let cursors = take_cursors(path, &mut text);
        let document = self.documents.entry(path.to_owned());
        let document = document.or_insert(Document { text: String::new(), version: None });
        document.text.clone_from(&text);
        match document.version {
            None => self.open(path),
            Some(version) => {
                document.version = Some(version + 1);
                let params = json!({
                    "textDocument": { "uri": uri(path), "version": version + 1 },
                    "contentChanges": [{ "text": text }],
                });
                self.tell("textDocument/didChange", params);
            }
        }
        self.place(cursors);
    }

    /// Changes a file on the disk behind the editor's back, which then notices.
    pub(crate) fn save(&mut self, path: &str, text: &str) {
        put(&self.disk, path, text);
        let document = Document { text: text.to_owned(), version: None };
        let known = self.documents.entry(path.to_owned()).or_insert(document);
        text.clone_into(&mut known.text);
        let change = json!({ "uri": uri(path), "type": 2 });
        self.tell("workspace/didChangeWatchedFiles", json!({ "changes": [change] }));
    }

    fn place(&mut self, cursors: Vec<(String, char, usize)>) {
        for (path, number, offset) in cursors {
            let before = &self.documents[&path].text[..offset];
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            let line = before.matches('\n').count();
            let before = before[start..].to_owned();
            let character = match self.encoding {
                Encoding::Utf8 => before.len(),
                Encoding::Utf16 => before.encode_utf16().count(),
            };
            self.cursors.insert(number, Cursor { uri: uri(&path), line, character, before });
        }
    }

    /// Returns the cursor with a number.
    pub(crate) fn cursor(&self, number: char) -> &Cursor {
        self.cursors.get(&number).unwrap_or_else(|| panic!("there is no `${number}` in the files"))
    }

    /// Returns the document and the position that a question is about.
    pub(crate) fn at(&self, number: char) -> Value {
        let cursor = self.cursor(number);
        json!({ "textDocument": { "uri": cursor.uri },
            "position": { "line": cursor.line, "character": cursor.character } })
    }

    /// Returns the document that a question is about: the one with the cursor, else the first.
    pub(crate) fn document(&self, number: char) -> Value {
        let first = || self.documents.iter().find(|it| it.1.version.is_some());
        let uri = match self.cursors.get(&number) {
            Some(cursor) => cursor.uri.clone(),
            None => uri(first().expect("an open file").0),
        };
        json!({ "textDocument": { "uri": uri } })
    }

    /// Returns the URIs of the open documents, sorted.
    pub(crate) fn open_documents(&self) -> Vec<String> {
        let open = self.documents.iter().filter(|it| it.1.version.is_some());
        open.map(|it| uri(it.0)).collect()
    }

    /// Returns the text of a file that the server named.
    pub(crate) fn text(&self, uri: &str) -> Option<String> {
        let path = path(uri);
        if let Some(document) = self.documents.get(&path) {
            return Some(document.text.clone());
        }
        if let Some(inside) = path.strip_prefix(EMBEDDED) {
            let text = eval::embedded::file(inside.as_bytes())?;
            return Some(String::from_utf8_lossy(text).into_owned());
        }
        self.tree.as_ref().filter(|tree| path.starts_with(tree.as_str()))?;
        Some(String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned())
    }

    /// Returns what a file is called in answers, and whether it is one of the case's own.
    pub(crate) fn shown(&self, uri: &str) -> (String, bool) {
        let path = path(uri);
        if let Some(inside) = path.strip_prefix("/w/") {
            return (inside.to_owned(), true);
        }
        if let Some(inside) = path.strip_prefix(EMBEDDED) {
            return (format!("«nivis»{inside}"), false);
        }
        if let Some(inside) = self.tree.as_ref().and_then(|tree| path.strip_prefix(tree.as_str())) {
            return (format!("<nixpkgs>{inside}"), false);
        }
        (path, true)
    }

    /// Returns a text of the server with the tree's files as answers call them.
    pub(crate) fn told(&self, text: &str) -> String {
        match &self.tree {
            Some(tree) => text.replace(&format!("{tree}/"), "<nixpkgs>/"),
            None => text.to_owned(),
        }
    }

    /// Returns the bytes before a column of a line.
    pub(crate) fn column_bytes(&self, line: &str, character: usize) -> usize {
        match self.encoding {
            Encoding::Utf8 => character.min(line.len()),
            Encoding::Utf16 => {
                let mut units = 0;
                for (at, c) in line.char_indices() {
                    if units >= character {
                        return at;
                    }
                    units += c.len_utf16();
                }
                line.len()
            }
        }
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{text}", text.len());
        self.to.write_all(frame.as_bytes()).expect("the server reads");
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Asks and returns the result, or the reason why there is none.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.id += 1;
        let id = self.id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let until = Instant::now() + ANSWER_MAX;
        loop {
            let message = self.receive(until.saturating_duration_since(Instant::now()));
            let message = message.unwrap_or_else(|| panic!("`{method}` is not answered"));
            if message["id"] == id && message.get("method").is_none() {
                return match message.get("error") {
                    Some(error) => Err(error["message"].as_str().unwrap_or("?").to_owned()),
                    None => Ok(message["result"].clone()),
                };
            }
        }
    }

    /// Takes one message; what the server asks or tells is acted upon first.
    fn receive(&mut self, patience: Duration) -> Option<Value> {
        let message = match self.messages.recv_timeout(patience) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => panic!("the server ended"),
        };
        if message["method"] == "textDocument/publishDiagnostics" {
            let params = &message["params"];
            let uri = params["uri"].as_str().unwrap_or_default().to_owned();
            let told = (params["version"].clone(), params["diagnostics"].clone());
            self.diagnostics.insert(uri, told);
        } else if message.get("method").is_some() && message.get("id").is_some() {
            let result = match message["method"].as_str() {
                Some("workspace/configuration") => {
                    let items = message["params"]["items"].as_array().map_or(1, Vec::len);
                    Value::Array(vec![self.settings.clone(); items])
                }
                _ => Value::Null,
            };
            self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }));
        }
        Some(message)
    }

    /// Returns the diagnostics of an open file once nothing more comes, or once `is_wanted`.
    pub(crate) fn diagnostics(
        &mut self,
        uri: &str,
        is_any_expected: bool,
        is_wanted: impl Fn(&Session, &Value) -> bool,
    ) -> Value {
        let patience = if is_any_expected { EXPECTED_MAX } else { QUIET };
        let version = json!(self.documents[&path(uri)].version);
        let until = Instant::now() + ANSWER_MAX;
        let mut quiet_since = Instant::now();
        loop {
            let known = self.diagnostics.get(uri).filter(|told| told.0 == version);
            let found = known.map(|told| told.1.clone());
            if let Some(found) = found {
                // None at all is what a file has before anything was looked at.
                let is_final = found.as_array().is_some_and(|it| !it.is_empty());
                if is_final && is_wanted(self, &found) || quiet_since.elapsed() > patience {
                    return found;
                }
            }
            assert!(Instant::now() < until, "no diagnostics of {uri}");
            if self.receive(Duration::from_millis(100)).is_some() || self.is_evaluating(uri) {
                quiet_since = Instant::now();
            }
        }
    }

    /// Whether options are still being evaluated: completion says so.
    fn is_evaluating(&mut self, uri: &str) -> bool {
        let start = json!({ "line": 0, "character": 0 });
        let params = json!({ "textDocument": { "uri": uri }, "position": start });
        self.ask("textDocument/completion", params).is_ok_and(|it| it["isIncomplete"] == true)
    }

    /// Ends the session as a client should.
    pub(crate) fn finish(mut self) {
        assert_eq!(self.ask("shutdown", Value::Null), Ok(Value::Null));
        self.tell("exit", Value::Null);
        let ending = self.server.join().expect("no panic").expect("no error");
        assert_eq!(ending, Ending::AfterShutdown);
    }
}

fn put(disk: &Memory, path: &str, text: &str) {
    let is_index = path.ends_with("/.git/index");
    let bytes = if is_index { git_index(text) } else { text.as_bytes().to_vec() };
    let mut disk = disk.lock().expect("no panic while it is held");
    disk.files.insert(path.as_bytes().to_vec(), bytes);
}

/// Returns the index of a repository that tracks these files, one a line.
fn git_index(names: &str) -> Vec<u8> {
    let count = names.lines().count() as u32;
    let mut bytes = [b"DIRC", &2u32.to_be_bytes()[..], &count.to_be_bytes()[..]].concat();
    for name in names.lines() {
        let start = bytes.len();
        // Times, identity and hash, which nobody looks at.
        bytes.extend([0; 60]);
        bytes.extend((name.len() as u16).to_be_bytes());
        bytes.extend(name.as_bytes());
        // Up to a multiple of eight, with at least one byte that ends the name.
        bytes.resize(start + (bytes.len() - start + 8) / 8 * 8, 0);
    }
    bytes
}

fn read(mut from: BufReader<PipeReader>, messages: &mpsc::Sender<Value>) {
    let mut length = 0;
    let mut line = String::new();
    while from.read_line(&mut line).is_ok_and(|count| count > 0) {
        if let Some(number) = line.strip_prefix("Content-Length: ") {
            length = number.trim().parse().expect("a number");
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            from.read_exact(&mut body).expect("a whole message");
            let message = serde_json::from_slice(&body).expect("JSON");
            if messages.send(message).is_err() {
                return;
            }
        }
        line.clear();
    }
}

/// Takes `$0` to `$9` out of a text, and returns their numbers and offsets.
fn take_cursors(path: &str, text: &mut String) -> Vec<(String, char, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('$').map(|at| from + at) {
        from = at + 1;
        let number = text[from..].chars().next().filter(char::is_ascii_digit);
        if let Some(number) = number {
            text.replace_range(at..at + 2, "");
            found.push((path.to_owned(), number, at));
            from = at;
        }
    }
    found
}

/// Returns the URI of a path.
pub(crate) fn uri(path: &str) -> String {
    let mut uri = "file://".to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            uri.push(byte.into());
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

/// Returns the path of a URI.
pub(crate) fn path(uri: &str) -> String {
    let encoded = uri.strip_prefix("file://").unwrap_or(uri).as_bytes();
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(&byte) = encoded.get(at) {
        let digits = encoded.get(at + 1..at + 3).and_then(|it| std::str::from_utf8(it).ok());
        match digits.and_then(|it| u8::from_str_radix(it, 16).ok()).filter(|_| byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                at += 3;
            }
            None => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
