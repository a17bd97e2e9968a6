//! Caches in directories and on the loopback; paths and signatures are what Nix 2.8 makes of them.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::{Caches, ClosureRequest, fetch_closure};
use crate::content_address::{ContentAddress, FileMethod};
use crate::event::Silent;
use crate::fetch::FetchOptions;
use crate::hash::Hash;
use crate::memory::MemoryStore;
use crate::nar::memory::MemoryTree;
use crate::nar::writer::{everything, write_nar};
use crate::narinfo::NarInfo;
use crate::path::{StoreDirectory, StorePath};
use crate::path_info::PathInfo;
use crate::store::Store as _;

const SELF: &str = "ap5qbiqf977csffhqkyw73qcr4kxbj4b-self";
const DEP: &str = "z4asv3j07d89ywjf8fxkn7sg6mf5s9q5-dep";
const KEY: &str = "k-1:bs5+7FoZN+d0wDJDIathvbYfTLAF01Kpl3zktqSRrDQ=";
const SIGNATURE: &str = "k-1:00rilHkLcAqwuY1u8o80KXNSFYXfA2Y1Tlvse9kf8lGMbki8ShGUcMNDHzyP+eXn\
                         XFp4qpabdTb9TCXd+XMdBA==";

fn path(name: &str) -> StorePath {
    StorePath::from_base_name(name).expect("a name")
}

fn archive(text: &str) -> Vec<u8> {
    let mut archive = Vec::new();
    write_nar(&MemoryTree::file(text), Path::new(""), &mut everything, &mut archive)
        .expect("memory takes everything");
    archive
}

/// A cache in a directory.
struct Cache {
    directory: tempfile::TempDir,
}

impl Cache {
    /// Returns a cache with an object that refers to itself and another one.
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let cache = Self { directory };
        cache.write("nix-cache-info", b"StoreDir: /nix/store\nPriority: 30\n");
        cache.add(DEP, "dep\n", &[], None, "none");
        let text = format!("/nix/store/{SELF} /nix/store/{DEP} /nix/store/{SELF}\n");
        cache.add(SELF, &text, &[SELF, DEP], Some(SIGNATURE), "zstd");
        cache
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, contents: &[u8]) {
        fs::write(self.file(name), contents).expect("a file in a directory of ours");
    }

    fn url(&self) -> String {
        format!("file://{}", self.directory.path().display())
    }

    /// Adds an object that is a file.
    fn add(&self, name: &str, text: &str, references: &[&str], signature: Option<&str>, how: &str) {
        let archive = archive(text);
        let size = archive.len() as u64;
        let mut info = PathInfo::new(path(name), Hash::sha256(&archive), size);
        info.references = references.iter().map(|name| path(name)).collect();
        info.signatures = signature.map(str::to_owned).into_iter().collect();
        self.add_info(info, &archive, how);
    }

    fn add_info(&self, info: PathInfo, archive: &[u8], how: &str) {
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        let bytes = match how {
            "zstd" => ruzstd::encoding::compress_to_vec(archive, level),
            _ => archive.to_vec(),
        };
        let url = format!("{}.nar", info.path.hash_part());
        self.write(&url, &bytes);
        let name = format!("{}.narinfo", info.path.hash_part());
        let narinfo = NarInfo {
            info,
            url,
            compression: how.to_owned(),
            file_hash: None,
            file_size: None,
            system: None,
        };
        self.write(&name, narinfo.to_text(&StoreDirectory::default()).as_bytes());
    }
}

fn options(keys: &[&str]) -> FetchOptions {
    let public_keys = keys.iter().map(|key| (*key).to_owned()).collect();
    FetchOptions { caches: Caches { public_keys, ..Caches::default() }, ..FetchOptions::default() }
}

/// Copies an object, and returns its path or what went wrong.
fn fetched(
    store: &MemoryStore,
    cache: String,
    name: &str,
    rewrites: bool,
    options: &FetchOptions,
) -> Result<String, String> {
    let request = ClosureRequest { cache, path: path(name), rewrites };
    fetch_closure(store, &request, options, &Silent)
        .map(|path| path.base_name().to_owned())
        .map_err(|error| error.to_string())
}

fn store() -> MemoryStore {
    MemoryStore::new(StoreDirectory::default())
}

#[test]
fn a_signed_object_comes_with_all_that_it_refers_to() {
    let cache = Cache::new();
    let store = store();
    // The other one has no signature of anybody's.
    let error = fetched(&store, cache.url(), SELF, false, &options(&[KEY])).expect_err("it lacks");
    let shown = format!("/nix/store/{DEP}");
    assert_eq!(
        error,
        format!("cannot add path '{shown}' because it lacks a signature by a trusted key")
    );
    let free = Caches { requires_signatures: false, ..Caches::default() };
    let free = FetchOptions { caches: free, ..FetchOptions::default() };
    assert_eq!(fetched(&store, cache.url(), DEP, false, &free), Ok(DEP.to_owned()));
    assert_eq!(fetched(&store, cache.url(), SELF, false, &options(&[KEY])), Ok(SELF.to_owned()));
    let text = store.read_text(&path(SELF)).expect("it is valid");
    assert!(text.starts_with(b"/nix/store/ap5q"), "{text:?}");
}

#[test]
fn signatures_are_of_a_key_and_of_a_text() {
    let cache = Cache::new();
    let free = Caches { requires_signatures: false, ..Caches::default() };
    let free = FetchOptions { caches: free, ..FetchOptions::default() };
    let other = "k-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";
    let renamed = KEY.replace("k-1", "k-2");
    for keys in [&[][..], &[other], &[renamed.as_str()], &["k-1:"], &["k-1"]] {
        let store = store();
        fetched(&store, cache.url(), DEP, false, &free).expect("nothing is asked");
        let error = fetched(&store, cache.url(), SELF, false, &options(keys)).expect_err("bad");
        assert!(error.contains("lacks a signature"), "{error}");
    }
    let info = fs::read_to_string(cache.file("ap5qbiqf977csffhqkyw73qcr4kxbj4b.narinfo"));
    let longer = info.expect("it was written").replace("NarSize: 264", "NarSize: 265");
    cache.write("ap5qbiqf977csffhqkyw73qcr4kxbj4b.narinfo", longer.as_bytes());
    let store = store();
    fetched(&store, cache.url(), DEP, false, &free).expect("nothing is asked");
    let error = fetched(&store, cache.url(), SELF, false, &options(&[KEY])).expect_err("bad");
    assert!(error.contains("lacks a signature"), "{error}");
}

#[test]
fn objects_are_rewritten_to_paths_that_follow_from_contents() {
    let cache = Cache::new();
    let store = store();
    let found = fetched(&store, cache.url(), SELF, true, &options(&[]));
    assert_eq!(found.as_deref(), Ok("a0dlg18a5f3axcmp6xs387gvh4rml9qw-self"));
    let found = path("a0dlg18a5f3axcmp6xs387gvh4rml9qw-self");
    let info = store.path_info(&found).expect("a store").expect("it is valid");
    assert!(info.is_content_addressed(store.directory()));
    let names: Vec<&str> = info.references.iter().map(StorePath::base_name).collect();
    let dep = "k0bq3s4hdvxal217l04jr24n8jm5l29g-dep";
    assert_eq!(names, ["a0dlg18a5f3axcmp6xs387gvh4rml9qw-self", dep]);
    let text = store.read_text(&found).expect("it is valid");
    let own = "/nix/store/a0dlg18a5f3axcmp6xs387gvh4rml9qw-self";
    assert_eq!(String::from_utf8_lossy(&text), format!("{own} /nix/store/{dep} {own}\n"));
    assert!(!store.is_valid(&path(SELF)).expect("a store"));
    // What follows from contents needs nobody's word.
    let other = Cache::new();
    let dep = path(dep);
    let archive = archive("dep\n");
    let mut info = PathInfo::new(dep.clone(), Hash::sha256(&archive), archive.len() as u64);
    let digest = Hash::sha256(&archive);
    info.content_address = Some(ContentAddress::Fixed { method: FileMethod::Recursive, digest });
    other.add_info(info, &archive, "none");
    let store = MemoryStore::new(StoreDirectory::default());
    let name = dep.base_name();
    assert_eq!(fetched(&store, other.url(), name, false, &options(&[])), Ok(name.to_owned()));
}

#[test]
fn what_is_no_cache_or_damaged_is_refused() {
    let cache = Cache::new();
    let none = tempfile::tempdir().expect("a temporary directory");
    let url = format!("file://{}", none.path().display());
    let free = Caches { requires_signatures: false, ..Caches::default() };
    let free = FetchOptions { caches: free, ..FetchOptions::default() };
    let ask = |url: String, name: &str| fetched(&store(), url, name, false, &free);
    let expected = format!("'{url}' does not appear to be a binary cache");
    assert_eq!(ask(url, DEP), Err(expected));
    let absent = "00000000000000000000000000000000-x";
    let expected = format!("path '/nix/store/{absent}' is not valid");
    assert_eq!(ask(cache.url(), absent), Err(expected));
    cache.write("z4asv3j07d89ywjf8fxkn7sg6mf5s9q5.nar", &archive("cold\n"));
    let error = ask(cache.url(), DEP).expect_err("other contents");
    assert!(error.contains("mismatch"), "{error}");
    cache.write("nix-cache-info", b"StoreDir: /elsewhere\n");
    let error = ask(cache.url(), DEP).expect_err("another store's");
    assert!(error.ends_with("with prefix '/elsewhere', not '/nix/store'"), "{error}");
}

/// Serves a directory for as long as the tests run.
fn serve(directory: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let name = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
            let (head, body) = match fs::read(directory.join(name.trim_start_matches('/'))) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let length = body.len();
            let head =
                format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}

#[test]
fn caches_are_on_the_web_too() {
    let cache = Cache::new();
    let url = serve(cache.directory.path().to_owned());
    let store = store();
    let found = fetched(&store, url.clone(), SELF, true, &options(&[]));
    assert_eq!(found.as_deref(), Ok("a0dlg18a5f3axcmp6xs387gvh4rml9qw-self"));
    let absent = "00000000000000000000000000000000-x";
    let error = fetched(&store, url, absent, false, &options(&[])).expect_err("it is not there");
    assert_eq!(error, format!("path '/nix/store/{absent}' is not valid"));
}
