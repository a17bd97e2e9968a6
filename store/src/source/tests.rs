//! Sources on disk and in repositories.

use std::path::Path;
use std::process::Command;

use super::{GitPlace, GitSource, Source, SourcePlace, SourceRequest, add};
use crate::error::FetchError;
use crate::event::Silent;
use crate::fetch::FetchOptions;
use crate::memory::MemoryStore;
use crate::path::StoreDirectory;
use crate::store::Store;

fn store() -> MemoryStore {
    MemoryStore::new(StoreDirectory::default())
}

fn fetch(store: &MemoryStore, place: SourcePlace) -> Result<Source, FetchError> {
    let request = SourceRequest { name: "source".to_owned(), place };
    add(store, &request, &FetchOptions::default(), &Silent)
}

fn git(directory: &Path, words: &[&str]) {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(["-c", "user.name=n", "-c", "user.email=e"]).args(words);
    command.env("GIT_COMMITTER_DATE", "1000000000 +0000").env("GIT_AUTHOR_DATE", "900000000 +0000");
    let output = command.output().expect("git runs");
    assert!(output.status.success(), "{words:?}: {output:?}");
}

fn working_tree(directory: &Path) -> SourcePlace {
    SourcePlace::Git(GitSource::new(GitPlace::Directory(directory.to_owned())))
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
    assert_eq!(source.modified, Some(seconds));
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
    assert_eq!((commit.revision, commit.is_dirty, source.modified), (None, true, Some(0)));
    git(directory.path(), &["commit", "--quiet", "-m", "one"]);
    let source = fetch(&store, working_tree(directory.path())).expect("added");
    let commit = source.commit.expect("it is a repository");
    assert!(!commit.is_dirty && commit.revision.is_some());
    assert_eq!((commit.count, source.modified), (Some(1), Some(1_000_000_000)));
    assert_eq!(commit.reference.as_deref(), Some("refs/heads/main"));
    std::fs::remove_file(at("b")).expect("it was there");
    let dirty = fetch(&store, working_tree(directory.path())).expect("added");
    assert_eq!(names(&store, &dirty), ["a"]);
    let by_commit = fetch(
        &store,
        SourcePlace::Git(GitSource {
            revision: commit.revision,
            ..GitSource::new(GitPlace::Directory(directory.path().to_owned()))
        }),
    );
    assert_eq!(by_commit.expect("added").nar_hash, source.nar_hash);
}

#[test]
fn a_commit_that_is_not_there_is_told() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    git(directory.path(), &["init", "--quiet"]);
    let source = GitSource {
        reference: Some("gone".to_owned()),
        ..GitSource::new(GitPlace::Directory(directory.path().to_owned()))
    };
    let error = fetch(&store(), SourcePlace::Git(source)).expect_err("it has no branch");
    assert!(error.to_string().ends_with("revspec 'gone' not found"), "{error}");
}

#[test]
fn a_repository_without_a_working_tree_is_copied_into_the_cache() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (tree, bare) = (directory.path().join("tree"), directory.path().join("bare"));
    std::fs::create_dir_all(tree.join("left/out")).expect("a directory");
    git(&tree, &["init", "--quiet", "--initial-branch=main"]);
    for (name, text) in [("a", "1"), ("left/out/b", "2"), (".gitattributes", "left export-ignore")]
    {
        std::fs::write(tree.join(name), text).expect("a file");
    }
    git(&tree, &["add", "."]);
    git(&tree, &["commit", "--quiet", "-m", "one"]);
    let paths = [&tree, &bare].map(|path| path.to_string_lossy().into_owned());
    git(directory.path(), &["clone", "--quiet", "--bare", &paths[0], &paths[1]]);
    let options = FetchOptions {
        cache_directory: Some(directory.path().join("cache")),
        ..FetchOptions::default()
    };
    let place = GitPlace::Url(format!("file://{}", paths[1]));
    let source = GitSource { export_ignore: true, ..GitSource::new(place) };
    let request =
        SourceRequest { name: "source".to_owned(), place: SourcePlace::Git(source.clone()) };
    let store = store();
    let found = add(&store, &request, &options, &Silent).expect("added");
    assert_eq!(names(&store, &found), [".gitattributes", "a"]);
    let commit = found.commit.clone().expect("it is a repository");
    assert_eq!(commit.reference.as_deref(), Some("refs/heads/main"));
    // What the copy has is there without the repository.
    std::fs::remove_dir_all(&bare).expect("it was there");
    assert_eq!(add(&store, &request, &options, &Silent).expect("it is remembered"), found);
    let wanted = GitSource { revision: Some("1".repeat(40)), ..source };
    let request = SourceRequest { place: SourcePlace::Git(wanted), ..request };
    let error = add(&store, &request, &options, &Silent).expect_err("there is no such commit");
    assert!(error.to_string().starts_with("Cannot find Git revision '1111"), "{error}");
}
