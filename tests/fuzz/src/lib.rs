//! What must hold of any input, per format: the checks that fuzzing and its corpus run.
//!
//! Each check panics when the claim does not hold. An input that once broke one lies below
//! `corpus`, and the tests run it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use eval::coerce::Text;
use eval::error::Result;
use eval::flake::lock_file::LockFile;
use eval::flake::reference::Reference;
use eval::heap::{Heap, Value};
use eval::interpret::{Eval, on_large_stack};
use eval::print::{force_deep, print_value};
use eval::regex::{Regex, Scratch};
use eval::settings::Settings;
use eval::source::{HOST, Origin, SourcePath};
use eval::system::MemorySystem;
use store::{MemoryStore, StoreDirectory};
use syntax::{Edit, Options, TextRange, parse, parse_flat};

/// A check of any bytes.
pub type Check = fn(&[u8]);

/// Every check, by the name that `NIVIS_FUZZ` and the folders below `corpus` give it.
pub const CHECKS: [(&str, Check); 7] = [
    ("parser", parser),
    ("evaluator", evaluator),
    ("regex", regex),
    ("toml", toml),
    ("json", json),
    ("lock-file", lock_file),
    ("flake-reference", flake_reference),
];

/// How long work may take before it is cancelled, which it then must obey.
const WORK_MAX: Duration = Duration::from_millis(500);

/// Both trees hold the text and the same errors, and an edited text is as one parsed anew.
pub fn parser(data: &[u8]) {
    let (edit, source) = data.split_at(data.len().min(3));
    let tree = parse(source, Options::DEFAULT);
    let text = tree.syntax().text().to_string();
    let chunks = source.utf8_chunks();
    let shown = chunks.map(|it| it.valid().to_owned() + &"\u{fffd}".repeat(it.invalid().len()));
    assert_eq!(text, shown.collect::<String>(), "the tree has all of the text");
    let (_, errors) = parse_flat(text.as_bytes(), Options::DEFAULT);
    assert_eq!(tree.errors(), errors, "both sinks see the same errors");
    let words = syntax::oracle_error(source, &parse_flat(source, Options::DEFAULT).1);
    let has_errors = !parse_flat(source, Options::DEFAULT).1.is_empty();
    // A zero byte is the end for the reference, and an error for us.
    assert!(words.is_some() == has_errors || has_errors && source.contains(&0));

    // An edit is one of text, which has no bytes that are none.
    let ([at, len, new], true) = (edit, tree.is_text()) else { return };
    let boundary = |mut offset: usize| {
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    let start = boundary(usize::from(*at) * text.len() / 255);
    let end = boundary((start + usize::from(*len) % 8).min(text.len())).max(start);
    const NEW: [&str; 12] = ["", " ", "{", "}", "''", "\"", "${", ";", "a", "= 1;", "#", "/*"];
    let range = TextRange::new((start as u32).into(), (end as u32).into());
    let edit = Edit { range, text: NEW[usize::from(*new) % NEW.len()].to_owned() };
    let edited = tree.reparse(&edit);
    let anew = parse(edit.apply(&text).as_bytes(), Options::DEFAULT);
    assert!(edited == anew, "edited is as parsed anew: {edit:?}");
}

/// Runs `work`, whose flag asks it after a while to give up.
fn cancelled_later<T>(work: impl FnOnce(Arc<AtomicBool>) -> T) -> T {
    let cancel = Arc::new(AtomicBool::new(false));
    let (done, is_done) = channel::<()>();
    let watch = std::thread::spawn({
        let cancel = Arc::clone(&cancel);
        move || {
            if is_done.recv_timeout(WORK_MAX) == Err(RecvTimeoutError::Timeout) {
                cancel.store(true, Ordering::Relaxed);
            }
        }
    });
    let result = work(cancel);
    drop(done);
    watch.join().expect("the watch only waits");
    result
}

/// Evaluates `source`, gives the value and the evaluation to `then`, and cancels after a while.
fn evaluate(source: &[u8], then: impl for<'h> Fn(&mut Eval<'h>, Result<Value<'h>>) + Sync + Send) {
    cancelled_later(|cancel| evaluate_until(cancel, source, then));
}

fn evaluate_until(
    cancel: Arc<AtomicBool>,
    source: &[u8],
    then: impl for<'h> Fn(&mut Eval<'h>, Result<Value<'h>>) + Sync + Send,
) {
    let mut system = MemorySystem::default();
    system.files.insert(b"/dir/default.nix".to_vec(), b"x: { inherit x; }".to_vec());
    system.files.insert(b"/dir/data".to_vec(), source.to_vec());
    let store = MemoryStore::new(StoreDirectory::default());
    let settings = Settings {
        heap_size_bytes_max: 256 << 20,
        call_depth_max: 1_000,
        cancel,
        ..Settings::default()
    };
    on_large_stack(|| {
        let heap = Heap::new();
        let mut eval = Eval::new(&heap, &system, &store, &settings);
        let value = eval.evaluate(Origin::String(SourcePath::new(HOST, b"/dir")), source);
        then(&mut eval, value);
    });
}

/// Any text is evaluated, and printed in every form, or refused with a message.
pub fn evaluator(data: &[u8]) {
    evaluate(data, |eval, value| {
        let value = match value {
            Ok(value) => value,
            Err(error) => return assert!(!error.message.is_empty()),
        };
        let _ = print_value(eval, value);
        let _ = eval::json::write(eval, value, eval::json::Options::BUILTIN, &mut Text::default());
        let _ = eval::xml::write(eval, value, eval::xml::Options::BUILTIN, &mut Text::default());
        if force_deep(eval, value).is_ok() {
            let _ = print_value(eval, value);
        }
    });
}

/// A pattern, a newline and a subject: a match lies in the subject, and so do its groups.
pub fn regex(data: &[u8]) {
    let cut = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (pattern, text) = (&data[..cut], data.get(cut + 1..).unwrap_or_default());
    let Ok(regex) = Regex::new(pattern) else { return };
    cancelled_later(|cancel| matches_lie_inside(&regex, text, &cancel));
}

fn matches_lie_inside(regex: &Regex, text: &[u8], cancel: &AtomicBool) {
    let mut scratch = Scratch::default();
    let inside = |(start, end): eval::regex::Span| {
        assert!(start <= end && end <= text.len(), "a span lies in the text");
    };
    if let Ok(Some(found)) = regex.match_whole(text, &mut scratch, cancel) {
        assert_eq!(found.whole, (0, text.len()));
        found.groups.into_iter().flatten().for_each(inside);
    }
    let mut last = 0;
    for found in regex.find_all(text, &mut scratch, cancel).unwrap_or_default() {
        assert!(found.whole.0 >= last, "matches follow each other");
        last = found.whole.1;
        inside(found.whole);
        found.groups.into_iter().flatten().for_each(inside);
    }
}

/// What is read as TOML can be printed, and the whole of a printed value is an expression.
pub fn toml(data: &[u8]) {
    round_trip(data, b"builtins.fromTOML (builtins.readFile /dir/data)");
}

/// JSON that is read and written is, read and written again, the same.
pub fn json(data: &[u8]) {
    round_trip(data, b"builtins.fromJSON (builtins.readFile /dir/data)");
}

/// Reads `data` by `expression`, writes JSON, and does so again with the outcome.
fn round_trip(data: &[u8], expression: &'static [u8]) {
    let data = data.to_vec();
    let first = read_to_json(data, expression);
    if let Some(first) = first {
        let again = read_to_json(first.clone(), b"builtins.fromJSON (builtins.readFile /dir/data)");
        assert_eq!(again.as_ref(), Some(&first), "written JSON is read as what it says");
    }
}

/// Returns as JSON what `expression` reads in the file `/dir/data`.
fn read_to_json(data: Vec<u8>, expression: &[u8]) -> Option<Vec<u8>> {
    let mut system = MemorySystem::default();
    system.files.insert(b"/dir/data".to_vec(), data);
    let store = MemoryStore::new(StoreDirectory::default());
    let settings = Settings { heap_size_bytes_max: 256 << 20, ..Settings::default() };
    on_large_stack(|| {
        let heap = Heap::new();
        let mut eval = Eval::new(&heap, &system, &store, &settings);
        let origin = Origin::String(SourcePath::new(HOST, b"/dir"));
        let value = eval.evaluate(origin, expression).ok()?;
        let mut text = Text::default();
        eval::json::write(&mut eval, value, eval::json::Options::BUILTIN, &mut text).ok()?;
        Some(text.bytes)
    })
}

/// A lock file that is read is, written and read again, the same text.
pub fn lock_file(data: &[u8]) {
    let Ok(json) = serde_json::from_slice(data) else { return };
    let Ok(lock) = LockFile::read(&json, "flake.lock", true, true, &mut |_| {}) else { return };
    let _ = lock.check();
    let text = lock.to_text();
    let json = serde_json::from_str(&text).expect("what is written is JSON");
    let again =
        LockFile::read(&json, "flake.lock", true, true, &mut |_| {}).expect("and a lock file");
    assert_eq!(again.to_text(), text);
}

/// A reference that has a URL is, read from it again, the same.
///
/// But for a branch that looks like a commit: it is one when it is read again, in small letters.
pub fn flake_reference(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok((reference, _)) = Reference::parse(text, true) else { return };
    let _ = Reference::from_attrs(reference.to_attrs(), true);
    let Ok(url) = reference.to_url() else { return };
    let Ok((again, _)) = Reference::parse(&url, true) else { return };
    let Ok(url_again) = again.to_url() else { return };
    assert!(url_again.eq_ignore_ascii_case(&url), "{url} is read as {url_again}");
    let Ok((last, _)) = Reference::parse(&url_again, true) else { return };
    assert_eq!(last.to_url().as_ref(), Ok(&url_again), "what is read is written the same");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::CHECKS;

    #[test]
    fn what_was_once_found_holds() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        for (name, check) in CHECKS {
            let directory = corpus.join(name);
            let entries = fs::read_dir(&directory).unwrap_or_else(|_| panic!("{directory:?}"));
            for entry in entries {
                let path = entry.expect("a directory that is read").path();
                println!("{}", path.display());
                check(&fs::read(&path).expect("a file that can be read"));
            }
        }
    }
}
