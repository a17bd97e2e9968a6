//! Builders that are part of this program, from derivation to log.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use super::*;
use crate::content_address::{ContentAddress, FileMethod};
use crate::hash::Hash;
use crate::signature::{SecretKey, is_signed};

fn fetchurl(scratch: &Scratch, url: &str, output: ContentAddress, more: &[&str]) -> StorePath {
    scratch.derivation("file", |derivation| {
        derivation.builder = b"builtin:fetchurl".to_vec();
        derivation.system = b"builtin".to_vec();
        derivation.outputs.insert("out".to_owned(), Output::Fixed(output));
        set(derivation, "url", url);
        for name in more {
            set(derivation, name, "1");
        }
    })
}

fn flat(text: &[u8]) -> ContentAddress {
    ContentAddress::Fixed { method: FileMethod::Flat, digest: Hash::sha256(text) }
}

/// Serves one request and returns its address and, later, its first line.
fn serve_once(contents: &'static [u8]) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/file", listener.local_addr().expect("it is bound"));
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let lines = BufReader::new(&stream).lines().map_while(Result::ok);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let length = contents.len();
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).expect("it is read");
        stream.write_all(contents).expect("it is read");
        head.into_iter().next().unwrap_or_default()
    });
    (url, served)
}

#[test]
fn a_file_is_fetched_from_this_machine_and_from_a_server() {
    let scratch = Scratch::new();
    let file = tempfile::tempdir().expect("a temporary directory");
    // Read with a builder's rights: others have to be let in.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(file.path(), open).expect("it is ours");
    let file = file.path().join("file");
    fs::write(&file, "local").expect("a new file");
    let url = format!("file://{}", file.display());
    let place = scratch.build(&fetchurl(&scratch, &url, flat(b"local"), &[])).expect("it is there");
    assert_eq!(fs::read(place).expect("a file"), b"local");
    let (url, served) = serve_once(b"remote");
    let place = scratch.build(&fetchurl(&scratch, &url, flat(b"remote"), &[]));
    assert_eq!(fs::read(place.expect("it is there")).expect("a file"), b"remote");
    assert_eq!(served.join().expect("no panic"), "GET /file HTTP/1.1");
    scratch.is_clean();
}

#[test]
fn what_is_fetched_has_the_hash_or_is_refused() {
    let scratch = Scratch::new();
    let (url, served) = serve_once(b"found");
    let failure = scratch.failure(&fetchurl(&scratch, &url, flat(b"promised"), &[]));
    assert_eq!(failure.kind, BuildFailureKind::HashMismatch, "{failure:?}");
    served.join().expect("no panic");
    let path = fetchurl(&scratch, "file:///nowhere/at/all", flat(b"x"), &[]);
    let failure = scratch.failure(&path);
    assert_eq!(failure.kind, BuildFailureKind::Transient, "{failure:?}");
    let said = "error: unable to download 'file:///nowhere/at/all': ";
    assert!(failure.log_tail.iter().any(|line| line.starts_with(said)), "{failure:?}");
    // The log is kept, compressed, under the derivation's name.
    let logs = scratch.path("nix/var/log/nix");
    let place = super::super::log::log_path(&logs, &path, true);
    assert!(fs::read(place).expect("a log").starts_with(b"BZh"));
    let log = super::super::log::read(&logs, &path).expect("it can be read").expect("it is kept");
    assert!(String::from_utf8_lossy(&log).starts_with(said));
    scratch.is_clean();
}

#[test]
fn an_executable_file_is_known_by_its_archive() {
    let scratch = Scratch::new();
    let (url, served) = serve_once(b"#!/bin/sh\n");
    let tree = crate::nar::memory::MemoryTree::Regular {
        executable: true,
        contents: b"#!/bin/sh\n".to_vec(),
    };
    let mut archive = Vec::new();
    let mut all = crate::nar::writer::everything;
    crate::nar::writer::write_nar(&tree, Path::new(""), &mut all, &mut archive).expect("a tree");
    let digest = Hash::sha256(&archive);
    let output = ContentAddress::Fixed { method: FileMethod::Recursive, digest };
    let place = scratch.build(&fetchurl(&scratch, &url, output, &["executable"]));
    let metadata = fs::metadata(place.expect("it has the hash")).expect("a file");
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
    assert_eq!(mode & 0o777, 0o555);
    served.join().expect("no panic");
}

#[test]
fn environments_are_built_of_their_inputs() {
    let Some(scratch) = Scratch::with_shell() else { return };
    let program = |name: &str| {
        let path = scratch.script(name, &format!("mkdir -p $out/bin; echo > $out/bin/{name}"));
        scratch.build(&path).expect("it is sound");
        path
    };
    let (tea, cup) = (program("tea"), program("cup"));
    let path = scratch.derivation("environment", |derivation| {
        derivation.builder = b"builtin:buildenv".to_vec();
        let mut packages = String::new();
        for (path, priority) in [(&tea, 5), (&cup, 6)] {
            derivation.input_derivations.insert(path.clone(), ["out".to_owned()].into());
            let outputs = scratch.store.derivation_outputs(path).expect("it is valid");
            let out = outputs["out"].as_ref().expect("it is known");
            let out = scratch.store.directory().display(out);
            packages += &["true ", &priority.to_string(), " 1 ", &out, " "].concat();
        }
        set(derivation, "derivations", packages.trim_end());
        let manifest = scratch.store.add_text("manifest", b"[]", &BTreeSet::new());
        let manifest = manifest.expect("a new text");
        set(derivation, "manifest", &scratch.store.directory().display(&manifest));
        derivation.input_sources.insert(manifest);
    });
    let place = scratch.build(&path).expect("it is sound");
    let entries = fs::read_dir(place.join("bin")).expect("a directory").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["cup", "tea"]);
    assert!(fs::read_link(place.join("manifest.nix")).is_ok());
    scratch.is_clean();
}

#[test]
fn what_is_built_is_signed() {
    let mut scratch = Scratch::new();
    let (secret, public) = SecretKey::generate("k-1").expect("there is randomness");
    let file = scratch.path("secret");
    fs::write(&file, secret).expect("a new file");
    scratch.options.secret_key_files = vec![file];
    let source = scratch.path("source");
    fs::write(&source, "text").expect("a new file");
    let place = fetchurl(&scratch, &format!("file://{}", source.display()), flat(b"text"), &[]);
    let _ = scratch.build(&place);
    let mut signed = 0;
    for path in scratch.store.all_valid_paths().expect("a sound store") {
        let info = scratch.store.path_info(&path).expect("a sound store").expect("it is valid");
        let text = info.fingerprint(scratch.store.directory());
        for signature in &info.signatures {
            assert!(is_signed(&text, signature, std::slice::from_ref(&public)), "{signature}");
            signed += 1;
        }
    }
    assert_eq!(signed, 1);
}
