//! Packs of compiled files: found again, shared, bounded, and no worse for being damaged.

use super::*;

fn key(number: u32) -> Key {
    let mut key = [3; 32];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key
}

fn contents(number: u32) -> Vec<u8> {
    number.to_le_bytes().repeat(50)
}

fn open(directory: &Path) -> CompiledFiles {
    CompiledFiles::new(directory.to_owned(), SIZE_MAX)
}

/// Keeps one file in a pack of its own.
fn keep_alone(directory: &Path, number: u32) {
    open(directory).keep(&key(number), contents(number));
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect();
    paths.sort();
    paths
}

#[test]
fn what_one_keeps_another_finds() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path().join("compiled");
    let first = open(&directory);
    assert_eq!(first.find(&key(1)), None);
    first.keep(&key(1), contents(1));
    first.keep(&key(2), contents(2));
    assert_eq!(first.find(&key(1)), Some(contents(1)));
    assert_eq!(open(&directory).find(&key(1)), None, "nothing is written before the end");
    drop(first);
    let second = open(&directory);
    assert_eq!(second.find(&key(1)), Some(contents(1)));
    assert_eq!(second.find(&key(2)), Some(contents(2)));
    assert_eq!(second.find(&key(3)), None);
}

#[test]
fn packs_merge_and_the_newest_contents_count() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for number in 0..40 {
        keep_alone(directory.path(), number);
    }
    open(directory.path()).keep(&key(7), contents(700));
    assert!(files(directory.path(), "pack").len() <= PACKS_MAX + 1);
    for number in 40..80 {
        keep_alone(directory.path(), number);
    }
    let all = open(directory.path());
    for number in 0..80 {
        let expected = contents(if number == 7 { 700 } else { number });
        assert_eq!(all.find(&key(number)), Some(expected), "{number}");
    }
}

#[test]
fn the_oldest_go_when_the_directory_is_full() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let limit = 3_000;
    // One of another version counts, too.
    let other = directory.path().join("0123456789abcdef-1-1.pack");
    std::fs::write(&other, [0; 1_000]).expect("a file");
    let long_ago = SystemTime::now() - Duration::from_secs(1_000_000);
    File::open(&other).and_then(|file| file.set_modified(long_ago)).expect("a time");
    for number in 0..30 {
        CompiledFiles::new(directory.path().to_owned(), limit).keep(&key(number), contents(number));
        let sizes = files(directory.path(), "pack");
        let sizes = sizes.iter().map(|path| path.metadata().expect("a file").len());
        assert!(sizes.sum::<u64>() <= limit);
    }
    assert!(!other.exists());
    let found = (0..30).filter(|&number| open(directory.path()).find(&key(number)).is_some());
    assert!(found.count() >= 5, "the newest stay");
    assert_eq!(open(directory.path()).find(&key(29)), Some(contents(29)));
}

#[test]
fn what_a_dead_process_left_goes_after_a_while() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (old, new) = (directory.path().join("old.tmp"), directory.path().join("new.tmp"));
    for path in [&old, &new] {
        std::fs::write(path, "half").expect("a file");
    }
    let long_ago = SystemTime::now() - 2 * TEMPORARY_AGE_MAX;
    File::open(&old).and_then(|file| file.set_modified(long_ago)).expect("a time");
    keep_alone(directory.path(), 1);
    assert!(!old.exists() && new.exists());
    assert_eq!(open(directory.path()).find(&key(1)), Some(contents(1)));
}

#[test]
fn damaged_packs_give_their_own_bytes_or_none() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let all = open(directory.path());
    for number in 0..20 {
        all.keep(&key(number), contents(number));
    }
    drop(all);
    let pack = files(directory.path(), "pack").pop().expect("a pack");
    let whole = std::fs::read(&pack).expect("its bytes");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        if at % 2 == 0 {
            bytes.truncate(at);
        }
        std::fs::write(&pack, &bytes).expect("a damaged pack");
        let damaged = open(directory.path());
        for number in 0..20 {
            let found = damaged.find(&key(number));
            assert!(found.is_none_or(|bytes| bytes.len() <= whole.len()));
        }
    }
}

#[test]
fn many_keep_at_once() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for number in 0..20 {
                    let own = open(directory.path());
                    let found = own.find(&key(number));
                    assert!(found.is_none_or(|found| found == contents(number)));
                    own.keep(&key(number), contents(number));
                }
            });
        }
    });
    let all = open(directory.path());
    assert!((0..20).all(|number| all.find(&key(number)) == Some(contents(number))));
    assert!(files(directory.path(), "tmp").is_empty());
}
