//! A server on the loopback interface, whose files are those in one directory.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

/// The commit that lasting addresses name.
const REVISION: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Serves what is in `root` for as long as the tests run, and returns the address.
pub(super) fn serve(root: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let shown = address.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (root, address) = (root.clone(), address.clone());
            std::thread::spawn(move || answer(&stream, &root, &address));
        }
    });
    shown
}

/// Answers one request; whoever asks may go away.
fn answer(mut stream: &TcpStream, root: &Path, address: &str) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    // What else is said is read, so that the connection ends well.
    let _ = lines.take_while(|line| !line.is_empty()).count();
    let path = first.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let (head, body) = response(path, root, address);
    let length = body.len();
    let head = format!("{head}content-length: {length}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

fn response(path: &str, root: &Path, address: &str) -> (String, Vec<u8>) {
    if let Some(rest) = path.strip_prefix("/to/") {
        return (format!("HTTP/1.1 302 Found\r\nlocation: {address}/{rest}\r\n"), Vec::new());
    }
    let (rest, is_lasting) = match path.strip_prefix("/imm/") {
        Some(rest) => (rest, true),
        None => (path.trim_start_matches('/'), false),
    };
    let Ok(body) = std::fs::read(root.join(rest)) else {
        return ("HTTP/1.1 404 Not Found\r\n".to_owned(), Vec::new());
    };
    let mut head = "HTTP/1.1 200 OK\r\n".to_owned();
    if is_lasting {
        let target = format!("{address}/{rest}?rev={REVISION}&revCount=7");
        head = format!("{head}link: <{target}>; rel=\"immutable\"\r\n");
    }
    (head, body)
}
