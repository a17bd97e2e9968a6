//! Stores that are damaged, closed or cut short: what they say, and that they lose nothing.

mod changing;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::event::Silent;

struct Scratch {
    directory: tempfile::TempDir,
    object: StorePath,
}

impl Scratch {
    /// A closed store with one object.
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = LocalStore::open(settings(directory.path())).expect("a new store");
        let object = store.add_text("text", b"text", &BTreeSet::new()).expect("a new text");
        Self { directory, object }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn database(&self) -> PathBuf {
        self.path("nix/var/nix/db/db.sqlite")
    }

    fn open(&self) -> Result<LocalStore, StoreError> {
        LocalStore::open(settings(self.directory.path()))
    }

    /// Returns why it cannot be opened, to write and to read.
    fn complaints(&self) -> [String; 2] {
        let read_only = LocalSettings { read_only: true, ..settings(self.directory.path()) };
        let reading = LocalStore::open(read_only).expect_err("it cannot be read");
        let writing = self.open().expect_err("it cannot be opened");
        [writing, reading].map(|error| error.to_string())
    }

    fn sql(&self, statements: &str) {
        let connection = rusqlite::Connection::open(self.database()).expect("a database");
        connection.execute_batch(statements).expect("sound statements");
    }
}

fn settings(root: &Path) -> LocalSettings {
    LocalSettings { sync: false, ..LocalSettings::below(root) }
}

/// What a store says, and how it came to.
type Damage = (&'static str, fn(&Scratch));

#[test]
fn a_damaged_database_is_named_and_left_alone() {
    let damages: [Damage; 6] = [
        ("file is not a database", |it| {
            let _ = fs::remove_file(it.path("nix/var/nix/db/db.sqlite-wal"));
            fs::write(it.database(), [0x5a; 9000]).expect("it is ours");
        }),
        ("database disk image is malformed", |it| {
            let file = OpenOptions::new().write(true).open(it.database()).expect("it is ours");
            file.set_len(5000).expect("it is longer");
        }),
        ("is corrupt: it has no table 'ValidPaths'", |it| {
            fs::write(it.database(), "").expect("it is ours");
        }),
        ("is corrupt: it has no table 'Refs'", |it| it.sql("drop table Refs")),
        ("unable to open database file", |it| {
            fs::remove_file(it.database()).expect("it is ours");
        }),
        ("is version 9, but only version 10 is supported", |it| {
            fs::write(it.path("nix/var/nix/db/schema"), "9").expect("it is ours");
        }),
    ];
    for (message, damage) in damages {
        let scratch = Scratch::new();
        scratch.sql("pragma wal_checkpoint(truncate)");
        damage(&scratch);
        let contents = || fs::read(scratch.database()).ok().map(|it| crate::Hash::sha256(&it));
        let before = contents();
        for complaint in scratch.complaints() {
            assert!(complaint.contains(message), "{complaint}");
            assert!(complaint.contains(&*scratch.path("nix").to_string_lossy()), "{complaint}");
        }
        assert_eq!(contents(), before, "it was changed");
    }
}

#[test]
fn a_damaged_record_is_named_when_it_is_read() {
    let scratch = Scratch::new();
    scratch.sql("update ValidPaths set hash = 'nonsense'");
    let store = scratch.open().expect("the database itself is sound");
    let error = store.path_info(&scratch.object).expect_err("it is no hash").to_string();
    assert!(error.contains(&format!("in the record of '{}'", scratch.object)), "{error}");
    assert!(error.contains("nonsense"), "{error}");
    assert!(
        !store.verify(false, false, &Silent).is_ok_and(|is_sound| is_sound && error.is_empty())
    );
}

#[test]
fn a_store_that_cannot_be_written_says_where() {
    // Root may write everything that is not a file in place of a directory.
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(directory.path().join("nix")).expect("an empty directory");
    fs::write(directory.path().join("nix/store"), "").expect("an empty directory");
    let error = LocalStore::open(settings(directory.path())).expect_err("it is a file");
    let place = directory.path().join("nix/store");
    assert!(error.to_string().contains(&*place.to_string_lossy()), "{error}");
    if nix::unistd::geteuid().is_root() {
        return;
    }
    let scratch = Scratch::new();
    let store = scratch.open().expect("it is sound");
    let close = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(scratch.path("nix/store"), mode).expect("it is ours");
    };
    close(0o555);
    let error = store.add_text("other", b"", &BTreeSet::new()).expect_err("it is closed");
    close(0o755);
    assert!(error.to_string().starts_with("cannot open lock file '"), "{error}");
    store.add_text("other", b"", &BTreeSet::new()).expect("it is open again");
}

#[test]
fn files_without_a_record_are_not_there_and_are_replaced() {
    let scratch = Scratch::new();
    let store = scratch.open().expect("it is sound");
    let info = text_info(store.directory(), "half", b"whole", &BTreeSet::new());
    let path = info.expect("a name").path;
    fs::write(store.real_path(&path), "ha").expect("room for it");
    assert!(!store.is_valid(&path).expect("it can be asked"));
    assert!(store.read_text(&path).is_err());
    let added = store.add_text("half", b"whole", &BTreeSet::new()).expect("room for it");
    assert_eq!(added, path);
    assert_eq!(store.read_text(&path).expect("it is valid"), b"whole");
    assert!(store.verify(true, false, &Silent).expect("it can be read"));
}
