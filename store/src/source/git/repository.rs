//! A repository, asked through the host's `git`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::FetchError;
use crate::source::program;

/// A repository to ask.
pub(super) struct Repository {
    pub(super) directory: PathBuf,
    /// What messages call it.
    pub(super) shown: String,
}

impl Repository {
    pub(super) fn new(directory: &Path, shown: impl Into<String>) -> Self {
        Self { directory: directory.to_owned(), shown: shown.into() }
    }

    pub(super) fn failed(&self, problem: impl Into<String>) -> FetchError {
        FetchError::Repository { repository: self.shown.clone(), problem: problem.into() }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = git();
        command.arg("-C").arg(&self.directory).args(words);
        command
    }

    /// Runs `git` and returns what it says, or `None` if it answers no.
    pub(super) fn ask(&self, words: &[&str]) -> Result<Option<Vec<u8>>, FetchError> {
        let output = program::run(&mut self.command(words), Vec::new());
        let output = output.map_err(|error| self.not_run(&error))?;
        Ok(output.status.success().then_some(output.stdout))
    }

    /// Runs `git` and returns what it says.
    pub(super) fn run(&self, words: &[&str]) -> Result<Vec<u8>, FetchError> {
        self.run_with(words, Vec::new())
    }

    /// Runs `git`, gives it `input` and returns what it says.
    pub(super) fn run_with(&self, words: &[&str], input: Vec<u8>) -> Result<Vec<u8>, FetchError> {
        let output = program::run(&mut self.command(words), input);
        let output = output.map_err(|error| self.not_run(&error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let problem = String::from_utf8_lossy(&output.stderr);
        Err(self.failed(format!("`git {}`: {}", words.join(" "), problem.trim())))
    }

    /// Runs `git` and returns whether it is content, and all that it says.
    pub(super) fn hear(&self, words: &[&str]) -> Result<(bool, String), FetchError> {
        let output = program::run(&mut self.command(words), Vec::new());
        let output = output.map_err(|error| self.not_run(&error))?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), text))
    }

    fn not_run(&self, error: &std::io::Error) -> FetchError {
        not_run(&self.shown, error)
    }

    pub(super) fn line(&self, words: &[&str]) -> Result<String, FetchError> {
        Ok(String::from_utf8_lossy(&self.run(words)?).trim_end().to_owned())
    }

    /// Returns the commit that a name leads to.
    pub(super) fn revision(&self, name: &str) -> Result<Option<String>, FetchError> {
        let wanted = format!("{name}^{{commit}}");
        let answer =
            self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted])?;
        Ok(answer.map(|text| String::from_utf8_lossy(&text).trim_end().to_owned()))
    }

    /// Returns when a commit was made, in seconds since 1970.
    pub(super) fn time(&self, revision: &str) -> Result<u64, FetchError> {
        let words = ["show", "--no-patch", "--no-show-signature", "--format=%ct", revision];
        let text = self.line(&words)?;
        text.parse().map_err(|_| self.failed(format!("commit {revision} has no time")))
    }

    /// Returns how many commits lead to one, itself included; `None` if the history is not there.
    pub(super) fn count(&self, revision: &str) -> Result<Option<u64>, FetchError> {
        if self.line(&["rev-parse", "--is-shallow-repository"])? == "true" {
            return Ok(None);
        }
        let text = self.line(&["rev-list", "--count", revision])?;
        let count = text.parse();
        count.map(Some).map_err(|_| self.failed(format!("commit {revision} has no number")))
    }

    /// Returns the branch that is checked out, by its full name.
    pub(super) fn branch(&self) -> Result<Option<String>, FetchError> {
        let branch = self.ask(&["symbolic-ref", "--quiet", "HEAD"])?;
        Ok(branch.map(|it| String::from_utf8_lossy(&it).trim_end().to_owned()))
    }
}

/// Returns `git`, which knows nothing of the repository that we may have been called in.
pub(super) fn git() -> Command {
    let mut command = Command::new("git");
    for variable in
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"]
    {
        command.env_remove(variable);
    }
    command.env("LC_ALL", "C").env("GIT_ATTR_NOSYSTEM", "1");
    command
}

/// Returns the error of a `git` that does not run.
pub(super) fn not_run(shown: &str, error: &std::io::Error) -> FetchError {
    if error.kind() == std::io::ErrorKind::ConnectionAborted {
        return FetchError::Source(error.to_string());
    }
    FetchError::Repository {
        repository: shown.to_owned(),
        problem: match error.kind() {
            std::io::ErrorKind::NotFound => {
                "the program `git` is needed to read it and is not in PATH".to_owned()
            }
            _ => format!("the program `git` cannot be run: {error}"),
        },
    }
}
