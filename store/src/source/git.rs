//! Trees of Git repositories, read with the host's `git`.
//!
//! The working tree is what `git` tracks of it, as it lies there now; a commit is read object by
//! object, so that no attribute of the repository changes what comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Commit, GitSource, Source, add_tree};
use crate::error::FetchError;
use crate::nar::disk::DiskTree;
use crate::nar::memory::MemoryTree;
use crate::nar::writer::everything;
use crate::store::Store;

/// Adds a tree of a repository to `store`.
pub(super) fn add(store: &dyn Store, name: &str, source: &GitSource) -> Result<Source, FetchError> {
    let git = Git { source };
    if source.reference.is_none() && source.revision.is_none() && !git.is_bare() {
        git.add_working_tree(store, name)
    } else {
        git.add_commit(store, name)
    }
}

/// A repository to ask.
struct Git<'s> {
    source: &'s GitSource,
}

impl Git<'_> {
    fn failed(&self, problem: impl Into<String>) -> FetchError {
        let repository = self.source.directory.display().to_string();
        FetchError::Repository { repository, problem: problem.into() }
    }

    fn is_bare(&self) -> bool {
        !self.source.directory.join(".git").exists()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.source.directory).args(words);
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
            command.env_remove(variable);
        }
        command.env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// Runs `git` and returns what it says, or `None` if it answers no.
    fn ask(&self, words: &[&str]) -> Result<Option<Vec<u8>>, FetchError> {
        let output = self.command(words).output().map_err(|error| self.not_run(&error))?;
        Ok(output.status.success().then_some(output.stdout))
    }

    /// Runs `git` and returns what it says.
    fn run(&self, words: &[&str]) -> Result<Vec<u8>, FetchError> {
        let output = self.command(words).output().map_err(|error| self.not_run(&error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let problem = String::from_utf8_lossy(&output.stderr);
        Err(self.failed(format!("`git {}`: {}", words.join(" "), problem.trim())))
    }

    fn not_run(&self, error: &std::io::Error) -> FetchError {
        self.failed(match error.kind() {
            std::io::ErrorKind::NotFound => {
                "the program `git` is needed to read it and is not in PATH".to_owned()
            }
            _ => format!("the program `git` cannot be run: {error}"),
        })
    }

    fn line(&self, words: &[&str]) -> Result<String, FetchError> {
        Ok(String::from_utf8_lossy(&self.run(words)?).trim_end().to_owned())
    }

    /// Returns the commit that a name leads to.
    fn revision(&self, name: &str) -> Result<Option<String>, FetchError> {
        let wanted = format!("{name}^{{commit}}");
        let answer = self.ask(&["rev-parse", "--verify", "--quiet", &wanted])?;
        Ok(answer.map(|text| String::from_utf8_lossy(&text).trim_end().to_owned()))
    }

    /// Returns when a commit was made, in seconds since 1970.
    fn time(&self, revision: &str) -> Result<u64, FetchError> {
        let words = ["show", "--no-patch", "--no-show-signature", "--format=%ct", revision];
        let text = self.line(&words)?;
        text.parse().map_err(|_| self.failed(format!("commit {revision} has no time")))
    }

    fn count(&self, revision: &str) -> Result<Option<u64>, FetchError> {
        if self.source.is_shallow {
            return Ok(None);
        }
        if self.line(&["rev-parse", "--is-shallow-repository"])? == "true" {
            return Err(self.failed("it is a shallow repository, so its commits cannot be counted"));
        }
        Ok(self.line(&["rev-list", "--count", revision])?.parse().ok())
    }

    fn add_working_tree(&self, store: &dyn Store, name: &str) -> Result<Source, FetchError> {
        let directory = &self.source.directory;
        // This also refuses a repository that belongs to somebody else.
        self.run(&["rev-parse", "--git-dir"])?;
        let revision = self.revision("HEAD")?;
        let listed = self.run(&["ls-files", "-z", "--cached"])?;
        let tracked = Tracked::new(directory, &listed);
        let (path, nar_hash) =
            add_tree(store, name, &DiskTree, directory, &mut |path, _| Ok(tracked.has(path)))?;
        let status = ["status", "--porcelain", "-z", "--untracked-files=no", "--no-renames"];
        let is_dirty = !self.run(&status)?.is_empty();
        let modified = match &revision {
            Some(revision) => self.time(revision)?,
            None => 0,
        };
        let mut commit = Commit { revision, is_dirty, reference: None, count: None };
        if !is_dirty {
            let branch = self.ask(&["symbolic-ref", "--quiet", "HEAD"])?;
            commit.reference = branch.map(|it| String::from_utf8_lossy(&it).trim_end().to_owned());
            commit.count = match &commit.revision {
                Some(revision) => self.count(revision)?,
                None => Some(0),
            };
        }
        Ok(Source { path, nar_hash, modified, commit: Some(commit) })
    }

    fn add_commit(&self, store: &dyn Store, name: &str) -> Result<Source, FetchError> {
        self.run(&["rev-parse", "--git-dir"])?;
        let reference = self.source.reference.clone();
        let revision = match &self.source.revision {
            Some(revision) => self.revision(revision)?,
            None => {
                let reference = reference.as_deref().unwrap_or("HEAD");
                match self.revision(&format!("refs/heads/{reference}"))? {
                    Some(revision) => Some(revision),
                    None => self.revision(reference)?,
                }
            }
        };
        let Some(revision) = revision else {
            let wanted = self.source.revision.clone().or(reference).unwrap_or_default();
            return Err(self.failed(format!("it has no '{wanted}'")));
        };
        let tree = self.tree(&revision)?;
        let (path, nar_hash) = add_tree(store, name, &tree, Path::new(""), &mut everything)?;
        let modified = self.time(&revision)?;
        let count = self.count(&revision)?;
        let commit = Commit { revision: Some(revision), is_dirty: false, reference, count };
        Ok(Source { path, nar_hash, modified, commit: Some(commit) })
    }

    /// Reads the whole tree of a commit.
    fn tree(&self, revision: &str) -> Result<MemoryTree, FetchError> {
        let listed = self.run(&["ls-tree", "-r", "-z", "--full-tree", revision])?;
        let mut entries = Vec::new();
        for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let parsed = parse_entry(entry);
            entries.push(parsed.ok_or_else(|| self.failed("`git ls-tree` is not understood"))?);
        }
        let files = entries.iter().filter(|entry| entry.mode != SUBMODULE);
        let objects: Vec<&str> = files.map(|entry| entry.object.as_str()).collect();
        let mut contents = self.blobs(&objects)?.into_iter();
        let mut root = BTreeMap::new();
        for entry in &entries {
            let node = match entry.mode.as_str() {
                SUBMODULE => MemoryTree::Directory(BTreeMap::new()),
                "120000" => MemoryTree::Symlink(contents.next().unwrap_or_default()),
                mode => MemoryTree::Regular {
                    executable: mode == "100755",
                    contents: contents.next().unwrap_or_default(),
                },
            };
            insert(&mut root, entry.path, node);
        }
        Ok(MemoryTree::Directory(root))
    }

    /// Returns the contents of files, by the names of their objects.
    fn blobs(&self, objects: &[&str]) -> Result<Vec<Vec<u8>>, FetchError> {
        let mut command = self.command(&["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| self.not_run(&error))?;
        let input = objects.iter().fold(String::new(), |text, object| text + object + "\n");
        let stdin = child.stdin.take();
        let writer = std::thread::spawn(move || stdin.map(|mut it| it.write_all(input.as_bytes())));
        let output = child.wait_with_output().map_err(|error| self.not_run(&error))?;
        // If it stopped reading, objects are missing below.
        let _ = writer.join();
        let mut rest = output.stdout.as_slice();
        let mut contents = Vec::with_capacity(objects.len());
        for _ in objects {
            let parsed = parse_blob(rest).ok_or_else(|| self.failed("an object is missing"))?;
            contents.push(parsed.0.to_vec());
            rest = parsed.1;
        }
        Ok(contents)
    }
}

/// The mode of a submodule, which is an empty directory in what comes out.
const SUBMODULE: &str = "160000";

/// A file of a commit.
struct Entry<'t> {
    mode: String,
    object: String,
    path: &'t [u8],
}

/// Parses `MODE TYPE OBJECT<tab>PATH`.
fn parse_entry(entry: &[u8]) -> Option<Entry<'_>> {
    let tab = entry.iter().position(|byte| *byte == b'\t')?;
    let (head, path) = entry.split_at(tab);
    let mut words = std::str::from_utf8(head).ok()?.split(' ');
    let (mode, _, object) = (words.next()?, words.next()?, words.next()?);
    Some(Entry { mode: mode.to_owned(), object: object.to_owned(), path: path.get(1..)? })
}

/// Parses `OBJECT TYPE SIZE<newline>CONTENTS<newline>` and returns contents and rest.
fn parse_blob(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(text.get(..end)?).ok()?;
    let size: usize = head.rsplit(' ').next()?.parse().ok()?;
    let contents = text.get(end + 1..end + 1 + size)?;
    Some((contents, text.get(end + 2 + size..)?))
}

fn insert(root: &mut BTreeMap<Vec<u8>, MemoryTree>, path: &[u8], node: MemoryTree) {
    let mut at = root;
    let mut names = path.split(|byte| *byte == b'/').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            at.insert(name.to_vec(), node);
            return;
        }
        let next =
            at.entry(name.to_vec()).or_insert_with(|| MemoryTree::Directory(BTreeMap::new()));
        match next {
            MemoryTree::Directory(entries) => at = entries,
            // A path is a directory or not; `git` lists it as one of both.
            MemoryTree::Regular { .. } | MemoryTree::Symlink(_) => return,
        }
    }
}

/// The files that a working tree consists of, and the directories that lead to them.
struct Tracked {
    paths: BTreeSet<PathBuf>,
}

impl Tracked {
    fn new(directory: &Path, listed: &[u8]) -> Self {
        let mut paths = BTreeSet::new();
        for name in listed.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let path = directory.join(OsStr::from_bytes(name));
            // A file that was deleted leaves no empty directory behind.
            if path.symlink_metadata().is_err() {
                continue;
            }
            let above = path.ancestors().skip(1).take_while(|above| *above != directory);
            paths.extend(above.map(Path::to_owned));
            paths.insert(path);
        }
        Self { paths }
    }

    fn has(&self, path: &Path) -> bool {
        self.paths.contains(path)
    }
}
