//! Trees that change while they are added: an error that names the place, or one state of them.

use std::cell::Cell;

use super::*;
use crate::content_address::FileMethod;
use crate::hash::{HashAlgorithm, Hasher};
use crate::nar::writer::{everything, write_nar};

/// What happens to a tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Change {
    Nothing,
    Grows,
    Shrinks,
    OtherBytes,
    Vanishes,
    BecomesDirectory,
    BecomesLink,
    BecomesExecutable,
    LosesEntries,
    GainsEntries,
}

const CHANGES: [Change; 10] = [
    Change::Nothing,
    Change::Grows,
    Change::Shrinks,
    Change::OtherBytes,
    Change::Vanishes,
    Change::BecomesDirectory,
    Change::BecomesLink,
    Change::BecomesExecutable,
    Change::LosesEntries,
    Change::GainsEntries,
];

/// `/t` with the files `a`, `b` and `c`; `b` changes, or the directory does.
struct Changing {
    change: Change,
    size: usize,
    /// How many questions are answered before the change.
    calm: Cell<usize>,
}

impl Changing {
    fn is_changed(&self) -> bool {
        let left = self.calm.get();
        self.calm.set(left.saturating_sub(1));
        left == 0
    }

    /// Returns what `b` has undergone, if that is what is asked about.
    fn change_of(&self, path: &Path) -> Change {
        let is_changed = self.is_changed();
        if is_changed && path.ends_with("b") { self.change } else { Change::Nothing }
    }
}

impl Tree for Changing {
    fn kind(&self, path: &Path) -> io::Result<NodeKind> {
        let change = self.change_of(path);
        if path == Path::new("/t") {
            return Ok(NodeKind::Directory);
        }
        let size = self.size as u64;
        match change {
            Change::Vanishes => Err(io::ErrorKind::NotFound.into()),
            Change::BecomesDirectory => Ok(NodeKind::Directory),
            Change::BecomesLink => Ok(NodeKind::Symlink),
            Change::Grows => Ok(NodeKind::Regular { executable: false, size: size + 1 }),
            Change::Shrinks => Ok(NodeKind::Regular { executable: false, size: size - 1 }),
            change => {
                let executable = change == Change::BecomesExecutable;
                Ok(NodeKind::Regular { executable, size })
            }
        }
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.change_of(path) {
            Change::BecomesLink => Ok(b"c".to_vec()),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn read_directory(&self, path: &Path) -> io::Result<Vec<Vec<u8>>> {
        let is_changed = self.is_changed();
        if path != Path::new("/t") {
            return Ok(Vec::new());
        }
        let mut names: Vec<Vec<u8>> = [b"a", b"b", b"c"].map(|it| it.to_vec()).into();
        match self.change {
            Change::LosesEntries if is_changed => names.truncate(1),
            Change::GainsEntries if is_changed => names.push(b"d".to_vec()),
            _ => {}
        }
        Ok(names)
    }

    fn read_file(&self, path: &Path, sink: &mut dyn Write) -> io::Result<()> {
        let (mut length, mut byte) = (self.size, b'x');
        match self.change_of(path) {
            Change::Vanishes => return Err(io::ErrorKind::NotFound.into()),
            Change::BecomesDirectory => return Err(io::ErrorKind::IsADirectory.into()),
            Change::BecomesLink => return Err(io::Error::from_raw_os_error(40)),
            Change::Grows => length += 1,
            Change::Shrinks => length -= 1,
            Change::OtherBytes => byte = b'y',
            _ => {}
        }
        sink.write_all(&vec![byte; length])
    }
}

fn add(store: &LocalStore, tree: &Changing) -> Result<StorePath, AddError> {
    store.add_tree(NewTree {
        name: "t",
        tree,
        path: Path::new("/t"),
        filter: &mut everything,
        method: FileMethod::Recursive,
        algorithm: HashAlgorithm::Sha256,
        references: BTreeSet::new(),
    })
}

/// Whether the files of each valid object are those that its hash is of.
fn check_objects(store: &LocalStore, what: &str) {
    for path in store.all_valid_paths().expect("a sound database") {
        let info = store.path_info(&path).expect("a sound database").expect("it is valid");
        let mut hasher = Hasher::new(HashAlgorithm::Sha256);
        write_nar(&DiskTree, &store.real_path(&path), &mut everything, &mut hasher)
            .expect("the files are there");
        assert_eq!(hasher.finish(), info.nar_hash, "{what}");
    }
}

#[test]
fn no_object_is_other_than_its_hash_says() {
    // One that is kept as it was read, and one that is read twice.
    for size in [10, KEPT_ARCHIVE] {
        let calm_max = if size == 10 { 12 } else { 24 };
        for change in CHANGES {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let store = LocalStore::open(settings(directory.path())).expect("a new store");
            let mut failures = 0;
            for calm in 0..calm_max {
                let what = format!("{change:?} of {size} bytes after {calm}");
                let tree = Changing { change, size, calm: Cell::new(calm) };
                if let Err(error) = add(&store, &tree) {
                    failures += 1;
                    let problem = describe(&error);
                    assert!(problem.contains("'/t"), "{what}: {problem}");
                }
                check_objects(&store, &what);
            }
            let is_late = size != 10 && change != Change::Nothing;
            assert!(failures > 0 || !is_late, "{change:?}: never noticed");
            let still = Changing { change: Change::Nothing, size, calm: Cell::new(0) };
            assert!(add(&store, &still).is_ok(), "{change:?}: what failed stays in the way");
            check_objects(&store, "in the end");
        }
    }
}

/// Returns an error with its causes.
fn describe(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(|it| format!(": {}", describe(it))).unwrap_or_default();
    format!("{error}{cause}")
}
