//! Fetching from this machine: files, and a server on its own loopback.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::event::Silent;
use crate::hash::HashFormat;
use crate::memory::MemoryStore;
use crate::path::StoreDirectory;

/// A server that knows the tag of its one version.
struct Server {
    address: String,
    /// How often it was asked, and how often it sent the contents.
    asked: &'static AtomicUsize,
    sent: &'static AtomicUsize,
}

/// Serves `contents` at every path but `/none`, for as long as the tests run.
fn serve(contents: Vec<u8>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let asked: &AtomicUsize = Box::leak(Box::default());
    let sent: &AtomicUsize = Box::leak(Box::default());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            // All of it is read: a connection closed before that is reset.
            let lines: Vec<String> = lines.take_while(|it| !it.is_empty()).collect();
            let first = lines.first().cloned().unwrap_or_default();
            let has_it = lines.iter().any(|it| it.to_lowercase() == "if-none-match: \"one\"");
            asked.fetch_add(1, Ordering::SeqCst);
            let head = if first.contains(" /none ") {
                "HTTP/1.1 404 Not Found\r\ncontent-length: 0".to_owned()
            } else if has_it {
                "HTTP/1.1 304 Not Modified\r\netag: \"one\"".to_owned()
            } else {
                sent.fetch_add(1, Ordering::SeqCst);
                let length = contents.len();
                format!("HTTP/1.1 200 OK\r\netag: \"one\"\r\ncontent-length: {length}")
            };
            let body = if head.contains("200") { contents.as_slice() } else { &[] };
            let head = format!("{head}\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    Server { address, asked, sent }
}

fn store() -> MemoryStore {
    MemoryStore::new(StoreDirectory::default())
}

fn request(url: String, kind: FetchKind) -> FetchRequest {
    FetchRequest { url, kind, name: "x".to_owned(), expected: None, headers: Vec::new() }
}

fn get(store: &dyn Store, request: &FetchRequest) -> Result<StorePath, FetchError> {
    fetch(store, request, &FetchOptions::default(), &Silent)
}

/// An archive of `top` with a program, a directory, an empty one, and links of both kinds.
fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |kind, name: &str, mode, target: Option<&str>, contents: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(contents.len() as u64);
        header.set_mode(mode);
        match target {
            Some(target) => builder.append_link(&mut header, name, target),
            None => builder.append_data(&mut header, name, contents),
        }
        .expect("memory takes everything");
    };
    use tar::EntryType::{Directory, Link, Regular, Symlink};
    add(Directory, "top/", 0o755, None, b"");
    add(Directory, "top/empty/", 0o700, None, b"");
    add(Regular, "top/a/program", 0o4755, None, b"run");
    add(Regular, "top/file", 0o666, None, b"text");
    add(Symlink, "top/link", 0o777, Some("../../anywhere"), b"");
    add(Link, "top/hard", 0o666, Some("top/a/program"), b"");
    builder.into_inner().expect("memory takes everything")
}

fn tree() -> MemoryTree {
    let directory = |entries: Vec<(&str, MemoryTree)>| {
        let entries = entries.into_iter().map(|(name, node)| (name.as_bytes().to_vec(), node));
        MemoryTree::Directory(entries.collect::<BTreeMap<_, _>>())
    };
    let program = MemoryTree::Regular { executable: true, contents: b"run".to_vec() };
    directory(vec![
        ("a", directory(vec![("program", program.clone())])),
        ("empty", directory(Vec::new())),
        ("file", MemoryTree::file("text")),
        ("hard", program),
        ("link", MemoryTree::Symlink(b"../../anywhere".to_vec())),
    ])
}

fn compressed(archive: &[u8]) -> [Vec<u8>; 7] {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(archive).expect("memory takes everything");
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(archive).expect("memory takes everything");
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
    xz.write_all(archive).expect("memory takes everything");
    let options = liblzma::stream::LzmaOptions::new_preset(0).expect("there is a preset 0");
    let alone = liblzma::stream::Stream::new_lzma_encoder(&options).expect("good options");
    let mut lzma = liblzma::write::XzEncoder::new_stream(Vec::new(), alone);
    lzma.write_all(archive).expect("memory takes everything");
    let ends = [gzip.finish(), bzip2.finish(), xz.finish(), lzma.finish()];
    let [gzip, bzip2, xz, lzma] = ends.map(|end| end.expect("memory takes everything"));
    // Two frames, and between them one that has nothing to say.
    let (start, end) = archive.split_at(700);
    let frame = |part: &[u8]| {
        ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Fastest)
    };
    let skipped: &[u8] = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
    let zstd = [&frame(start), skipped, &frame(end)].concat();
    [archive.to_vec(), gzip, bzip2, xz, lzma, zstd, zipped()]
}

/// Returns the tree as a zip archive, which has no hard links.
fn zipped() -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mode = |mode| {
        ::zip::write::SimpleFileOptions::default()
            .compression_method(::zip::CompressionMethod::Deflated)
            .unix_permissions(mode)
    };
    let all = "memory takes everything";
    writer.add_directory("top/", mode(0o755)).expect(all);
    writer.add_directory("top/empty/", mode(0o700)).expect(all);
    for (name, permissions, contents) in
        [("top/a/program", 0o755, "run"), ("top/file", 0o666, "text"), ("top/hard", 0o755, "run")]
    {
        writer.start_file(name, mode(permissions)).expect(all);
        writer.write_all(contents.as_bytes()).expect(all);
    }
    writer.add_symlink("top/link", "../../anywhere", mode(0o777)).expect(all);
    writer.finish().expect(all).into_inner()
}

#[test]
fn files_are_stored_flat_under_their_name() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("a file");
    fs::write(&file, "hi\n").expect("a new file");
    let url = format!("file://{}/a%20file?x#y", directory.path().display());
    let store = store();
    let path = get(&store, &request(url, FetchKind::File)).expect("it is there");
    let digest = Hash::sha256(b"hi\n");
    let expected = store.directory().fixed_output_path("x", FileMethod::Flat, &digest);
    assert_eq!(path, expected.expect("a name"));
    assert_eq!(store.read_text(&path).expect("it is valid"), b"hi\n");
}

#[test]
fn archives_become_trees_however_they_are_compressed() {
    for archive in compressed(&archive()) {
        let server = serve(archive);
        let store = store();
        let request = request(format!("{}/x", server.address), FetchKind::Tarball);
        let path = get(&store, &request).expect("it is an archive");
        let (found, place) = store.tree(&path).expect("it is valid");
        let mut hashes = [Vec::new(), Vec::new()];
        crate::nar::writer::write_nar(&*found, &place, &mut everything, &mut hashes[0])
            .expect("a tree");
        crate::nar::writer::write_nar(&tree(), Path::new(""), &mut everything, &mut hashes[1])
            .expect("a tree");
        assert_eq!(hashes[0], hashes[1]);
    }
}

#[test]
fn what_is_no_archive_is_refused() {
    let whole = archive();
    let mut outside = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..4].copy_from_slice(b"../x");
    header.set_size(0);
    header.set_cksum();
    outside.append(&header, &b""[..]).expect("memory takes everything");
    let outside = outside.into_inner().expect("memory takes everything");
    for (contents, message) in [
        (b"text\n".repeat(200), "Unrecognized archive format"),
        (Vec::new(), "Unrecognized archive format"),
        (outside, "leads out of it"),
        (b"PK\x03\x04".to_vec(), "invalid Zip archive"),
        (zipped().split_off(9), "Unrecognized archive format"),
        (b"\x28\xb5\x2f\xfd\0".to_vec(), "Unrecognized archive format"),
    ] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("x");
        fs::write(&file, contents).expect("a new file");
        let url = format!("file://{}", file.display());
        let error = get(&store(), &request(url, FetchKind::Tarball)).expect_err("it is none");
        assert!(error.to_string().contains(message), "{error}");
    }
    // Cut anywhere it is refused, or, between entries, a smaller tree: never a panic.
    for end in (0..whole.len()).step_by(97) {
        let _ = tarball::read(Box::new(std::io::Cursor::new(whole[..end].to_vec())));
    }
    for whole in compressed(&whole) {
        for end in (0..whole.len()).step_by(31) {
            let _ = tarball::read(Box::new(std::io::Cursor::new(whole[..end].to_vec())));
        }
    }
}

#[test]
fn a_promised_hash_is_checked_and_saves_the_download() {
    let server = serve(b"contents".to_vec());
    let store = store();
    let mut request = request(format!("{}/x", server.address), FetchKind::File);
    request.expected = Some(Hash::sha256(b"other"));
    let error = get(&store, &request).expect_err("it is not that").to_string();
    let [promised, found] =
        [&b"other"[..], b"contents"].map(|it| Hash::sha256(it).prefixed(HashFormat::Base32));
    let url = &request.url;
    assert_eq!(
        error,
        format!(
            "hash mismatch in file downloaded from '{url}':\n  specified: {promised}\n  got:       \
             {found}"
        )
    );
    assert!(store.all_valid_paths().expect("it can be asked").is_empty());
    request.expected = Some(Hash::sha256(b"contents"));
    let path = get(&store, &request).expect("it is that");
    assert_eq!(server.sent.load(Ordering::SeqCst), 2);
    request.url = "http://nobody.invalid/x".to_owned();
    assert_eq!(get(&store, &request).expect("it is there"), path);
}

#[test]
fn an_address_is_asked_again_only_after_a_while() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = serve(b"contents".to_vec());
    let store = store();
    let request = request(format!("{}/x", server.address), FetchKind::File);
    let counts = || (server.asked.load(Ordering::SeqCst), server.sent.load(Ordering::SeqCst));
    let options = |lifetime| FetchOptions {
        cache_directory: Some(directory.path().to_path_buf()),
        lifetime: Duration::from_secs(lifetime),
        ..FetchOptions::default()
    };
    let get = |store: &dyn Store, lifetime| fetch(store, &request, &options(lifetime), &Silent);
    let path = get(&store, 60).expect("it is there");
    assert_eq!(get(&store, 60).expect("it is remembered"), path);
    assert_eq!(counts(), (1, 1));
    assert_eq!(get(&store, 0).expect("it has not changed"), path);
    assert_eq!(counts(), (2, 1));
    // Another store does not have it.
    assert_eq!(get(&self::store(), 60).expect("it is there"), path);
    assert_eq!(counts(), (3, 2));
    let entries = fs::read_dir(directory.path().join("fetch")).expect("the cache");
    for entry in entries.flatten() {
        fs::write(entry.path(), "{").expect("it is ours");
    }
    assert_eq!(get(&store, 60).expect("what cannot be read is lost"), path);
    assert_eq!(counts(), (4, 3));
}

#[test]
fn what_was_fetched_once_survives_the_server() {
    struct Said(Mutex<Vec<String>>);
    impl Events for Said {
        fn emit(&self, event: Event<'_>) {
            if let Event::Message { text, .. } = event {
                self.0.lock().expect("nobody panics with it").push(text.to_owned());
            }
        }
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let store = store();
    let path = store.add_text("x", b"old", &BTreeSet::new()).expect("a new text");
    let request = request(format!("http://{address}/x"), FetchKind::File);
    let cache = Cache::new(Some(directory.path()), &request.key());
    cache.write(store.directory(), &Entry::new(path.clone()));
    let options = FetchOptions {
        cache_directory: Some(directory.path().to_path_buf()),
        lifetime: Duration::ZERO,
        ..FetchOptions::default()
    };
    let said = Said(Mutex::default());
    assert_eq!(fetch(&store, &request, &options, &said).expect("it is remembered"), path);
    let said = said.0.into_inner().expect("nobody panics with it");
    assert!(said.last().is_some_and(|it| it.ends_with("; using cached version")), "{said:?}");
}

#[test]
fn what_is_not_there_is_told_at_once() {
    let server = serve(Vec::new());
    let url = format!("{}/none", server.address);
    let error = get(&store(), &request(url.clone(), FetchKind::File)).expect_err("it is not there");
    assert_eq!(error.to_string(), format!("unable to download '{url}': HTTP error 404"));
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
    for (url, message) in [
        ("file:///nowhere/at/all", "could not open file /nowhere/at/all"),
        ("file:///", "it is not a regular file"),
        ("file:relative", "only `http`, `https` and `file` addresses are supported"),
        ("gopher://x", "only `http`, `https` and `file` addresses are supported"),
    ] {
        let error = get(&store(), &request(url.to_owned(), FetchKind::File));
        let error = error.expect_err("it is not there").to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// Serves bytes as they are, to whoever connects, and then waits if `stalls`.
fn serve_raw(bytes: &'static [u8], stalls: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}/x", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let _ = lines.take_while(|line| !line.is_empty()).count();
            let _ = stream.write_all(bytes);
            if stalls {
                kept.push(stream);
            }
        }
    });
    address
}

#[test]
fn a_server_that_fails_leaves_nothing() {
    let network = Network {
        connect_timeout: Duration::from_secs(5),
        stall_timeout: Duration::from_millis(200),
        attempts: 1,
        ..Network::default()
    };
    let options = FetchOptions { network, ..FetchOptions::default() };
    // It says that it closes, or the next request might go to a connection that is gone.
    let redirect = b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\
        connection: close\r\n\r\n";
    for (bytes, stalls, message) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf"[..], false, ""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf", true, ""),
        (b"", false, ""),
        (b"nonsense\r\n\r\n", false, ""),
        (redirect, false, "redirect"),
        (b"HTTP/1.1 404 Gone\r\ncontent-length: 3\r\n\r\nwhy", false, "response body:\n\nwhy"),
    ] {
        for kind in [FetchKind::File, FetchKind::Tarball] {
            let store = store();
            let request = request(serve_raw(bytes, stalls), kind);
            let error = fetch(&store, &request, &options, &Silent).expect_err("it is cut short");
            // What is told within another error stands further in.
            let error = error.to_string().replace("\n       ", "\n");
            assert!(error.contains("unable to download") || kind == FetchKind::Tarball, "{error}");
            assert!(error.contains(message), "{error}");
            assert!(store.all_valid_paths().expect("it can be asked").is_empty());
        }
    }
}

#[test]
fn a_tree_that_is_too_deep_is_refused() {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    let name = "d/".repeat(100_000) + "f";
    builder.append_data(&mut header, name, &b""[..]).expect("memory takes everything");
    let archive = builder.into_inner().expect("memory takes everything");
    let problem = tarball::read(Box::new(std::io::Cursor::new(archive))).err();
    let message = problem.map(|problem| problem.message).unwrap_or_default();
    assert!(message.contains("more than 1024 names"), "{message}");
}

#[test]
fn a_lasting_address_and_the_age_are_told() {
    let store = store();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    header.set_mtime(1_600_000_000);
    builder.append_data(&mut header, "top/f", &b""[..]).expect("memory takes everything");
    let archive = builder.into_inner().expect("memory takes everything");
    let head = format!(
        "HTTP/1.1 200 OK\r\nlink: <http://h/y>; rel=\"immutable\"\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        archive.len()
    );
    let bytes = [head.as_bytes(), &archive].concat();
    let request = request(serve_raw(bytes.leak(), false), FetchKind::Tarball);
    let options = FetchOptions {
        cache_directory: Some(directory.path().to_owned()),
        ..FetchOptions::default()
    };
    let found = fetch_all(&store, &request, &options, &Silent).expect("it is an archive");
    assert_eq!(found.immutable_url.as_deref(), Some("http://h/y"));
    assert_eq!(found.modified, Some(1_600_000_000));
    let again = fetch_all(&store, &request, &options, &Silent).expect("it is remembered");
    assert_eq!(again, found);
}
