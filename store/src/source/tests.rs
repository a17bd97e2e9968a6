//! Sources on disk and in repositories.

use std::path::Path;
use std::process::Command;

use super::{GitSource, Source, SourcePlace, SourceRequest, add};
use crate::error::FetchError;
use crate::memory::MemoryStore;
use crate::path::StoreDirectory;
use crate::store::Store;

fn store() -> MemoryStore {
    MemoryStore::new(StoreDirectory::default())
}

fn fetch(store: &MemoryStore, place: SourcePlace) -> Result<Source, FetchError> {
    add(store, &SourceRequest { name: "source".to_owned(), place })
}

fn git(directory: &Path, words: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(["-c", "user.name=n", "-c", "user.email=e"]).args(words);
    command.env("GIT_COMMITTER_DATE", "1000000000 +0000").env("GIT_AUTHOR_DATE", "900000000 +0000");
    let output = command.output().expect("git runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
}

fn working_tree(directory: &Path) -> SourcePlace {
    SourcePlace::Git(GitSource {
        directory: directory.to_owned(),
        reference: None,
        revision: None,
        is_shallow: false,
    })
}

fn names(store: &MemoryStore, source: &Source) -> Vec<String> {
    let (tree, path) = store.tree(&source.path).expect("a valid path");
    let mut names = tree.read_directory(&path).expect("a directory");
    names.sort();
    names.into_iter().map(|name| String::from_utf8(name).expect("a plain name")).collect()
}

#[test]
fn a_directory_is_as_old_as_its_youngest_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("a");
    std::fs::write(&file, "x").expect("a file");
    let store = store();
    let source = fetch(&store, SourcePlace::Path(directory.path().to_owned())).expect("added");
    let modified = std::fs::metadata(&file).expect("it is there").modified().expect("a time");
    let seconds = modified.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    assert_eq!(source.modified, seconds);
    assert_eq!(names(&store, &source), ["a"]);
    assert_eq!(source.commit, None);
}

#[test]
fn a_working_tree_is_what_git_tracks() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name);
    git(directory.path(), &["init", "--quiet", "--initial-branch=main"]);
    for name in ["a", "b", "untracked"] {
        std::fs::write(at(name), name).expect("a file");
    }
    git(directory.path(), &["add", "a", "b"]);
    let store = store();
    let source = fetch(&store, working_tree(directory.path())).expect("added");
    assert_eq!(names(&store, &source), ["a", "b"]);
    let commit = source.commit.expect("it is a repository");
    assert_eq!((commit.revision, commit.is_dirty, source.modified), (None, true, 0));
    git(directory.path(), &["commit", "--quiet", "-m", "one"]);
    let source = fetch(&store, working_tree(directory.path())).expect("added");
    let commit = source.commit.expect("it is a repository");
    assert!(!commit.is_dirty && commit.revision.is_some());
    assert_eq!((commit.count, source.modified), (Some(1), 1_000_000_000));
    assert_eq!(commit.reference.as_deref(), Some("refs/heads/main"));
    std::fs::remove_file(at("b")).expect("it was there");
    let dirty = fetch(&store, working_tree(directory.path())).expect("added");
    assert_eq!(names(&store, &dirty), ["a"]);
    let by_commit = fetch(
        &store,
        SourcePlace::Git(GitSource {
            directory: directory.path().to_owned(),
            reference: None,
            revision: commit.revision,
            is_shallow: false,
        }),
    );
    assert_eq!(by_commit.expect("added").nar_hash, source.nar_hash);
}

#[test]
fn a_commit_that_is_not_there_is_told() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    git(directory.path(), &["init", "--quiet"]);
    let source = GitSource {
        directory: directory.path().to_owned(),
        reference: Some("gone".to_owned()),
        revision: None,
        is_shallow: false,
    };
    let error = fetch(&store(), SourcePlace::Git(source)).expect_err("it has no branch");
    assert!(error.to_string().ends_with("it has no 'gone'"), "{error}");
}
