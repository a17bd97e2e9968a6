//! What can go wrong with a store, one enum per family of operations; every variant names its path.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::closure::Cycle;
use crate::derivation::DerivationError;
use crate::hash::{Hash, HashFormat};
use crate::nar::NarError;
use crate::nar::writer::WriteError;
use crate::path::{PathError, StorePath};

/// Why a store could not be opened, asked or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store's directory, or one above it, is a symbolic link.
    #[error(
        "the path '{}' is a symlink; this is not allowed for the Nix store and its parent \
         directories",
        path.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} '{path}'")]
    File {
        /// What was to be done, as a verb.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The database is damaged, locked or of a foreign make.
    #[error("cannot {action} the database '{path}': {problem}")]
    Database {
        /// What was to be done, as a verb.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// What SQLite says; its own source would only say it again.
        problem: rusqlite::Error,
    },
    /// The database holds something that no store writes.
    #[error("the database '{path}' is corrupt: {problem}")]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What it holds.
        problem: String,
    },
    /// The store is of a version that we cannot use.
    #[error(
        "the store's schema '{path}' is version {found}, but only version {supported} is supported"
    )]
    Schema {
        /// The file that says so.
        path: PathBuf,
        /// The version found.
        found: String,
        /// The version we know.
        supported: u32,
    },
    /// The path is not valid in this store.
    #[error("path '{path}' is not valid")]
    NotValid {
        /// The path.
        path: String,
    },
    /// A path or a name is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A derivation is malformed.
    #[error(transparent)]
    Derivation(#[from] DerivationError),
    /// Paths refer to each other in a circle.
    #[error(transparent)]
    Cycle(#[from] Cycle),
    /// The store can only be read.
    #[error("cannot {action}: the store '{store}' is read-only")]
    ReadOnly {
        /// What was to be done.
        action: &'static str,
        /// The store.
        store: String,
    },
    /// This kind of store cannot do that.
    #[error("operation '{operation}' is not supported by store '{store}'")]
    Unsupported {
        /// What was asked for.
        operation: &'static str,
        /// The store.
        store: String,
    },
}

/// Why something could not be added to a store.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tree to add could not be archived.
    #[error("cannot add '{path}' to the store")]
    Tree {
        /// The tree.
        path: PathBuf,
        /// Why not.
        source: WriteError,
    },
    /// The archive to add is malformed.
    #[error("cannot add '{path}' to the store")]
    Nar {
        /// The path that it was to become.
        path: String,
        /// Why not.
        source: NarError,
    },
    /// What is to be hashed flat is no regular file.
    #[error("'{path}' must be a regular file to be hashed flat")]
    NotFlat {
        /// The tree.
        path: PathBuf,
    },
    /// The contents are not those announced.
    #[error("hash mismatch for '{path}': expected {expected}, got {found}")]
    HashMismatch {
        /// The path.
        path: String,
        /// The hash announced.
        expected: Box<Hash>,
        /// The hash of the contents.
        found: Box<Hash>,
    },
    /// The length is not the one announced.
    #[error("size mismatch for '{path}': expected {expected} bytes, got {found}")]
    SizeMismatch {
        /// The path.
        path: String,
        /// The size announced, in bytes.
        expected: u64,
        /// The size of the archive, in bytes.
        found: u64,
    },
    /// The object refers to one that is not valid.
    #[error("cannot register '{path}': its reference '{reference}' is not valid")]
    InvalidReference {
        /// The path.
        path: String,
        /// The reference.
        reference: String,
    },
}

/// Why something could not be fetched into a store.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store does not take it.
    #[error(transparent)]
    Add(#[from] AddError),
    /// The address does not give it.
    #[error("unable to download '{url}': {problem}")]
    Download {
        /// The address.
        url: String,
        /// Why not.
        problem: String,
    },
    /// The repository does not give it.
    #[error("cannot read Git repository '{repository}': {problem}")]
    Repository {
        /// Where it is.
        repository: String,
        /// Why not.
        problem: String,
    },
    /// A tree of a repository is not there, or cannot be had; the words say all.
    #[error("{0}")]
    Source(String),
    /// It is not what was promised.
    #[error(
        "hash mismatch in file downloaded from '{url}':\n  specified: {}\n  got:       {}",
        expected.prefixed(HashFormat::Base32),
        found.prefixed(HashFormat::Base32)
    )]
    HashMismatch {
        /// The address.
        url: String,
        /// The hash promised.
        expected: Box<Hash>,
        /// The hash of the contents.
        found: Box<Hash>,
    },
}

impl From<PathError> for FetchError {
    fn from(error: PathError) -> FetchError {
        FetchError::Store(error.into())
    }
}

/// Why garbage could not be collected.
#[derive(Debug, thiserror::Error)]
pub enum GcError {
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A path that was to be deleted is needed.
    #[error(
        "cannot delete path '{path}' since it is still alive; to find out why, use: nix-store \
         --query --roots {path}"
    )]
    Alive {
        /// The path.
        path: String,
    },
}

/// Why a profile could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The operating system refused.
    #[error("cannot {action} '{path}'")]
    File {
        /// What was to be done, as a verb.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no such generation.
    #[error("profile '{profile}' has no generation {generation}")]
    NoGeneration {
        /// The profile.
        profile: PathBuf,
        /// The generation asked for.
        generation: u64,
    },
    /// There is no generation before the current one.
    #[error("no generation older than the current ({current}) exists in '{profile}'")]
    NothingOlder {
        /// The profile.
        profile: PathBuf,
        /// The current generation.
        current: u64,
    },
    /// The profile does not point to a generation.
    #[error("profile '{profile}' has no current generation")]
    NoCurrent {
        /// The profile.
        profile: PathBuf,
    },
    /// The generation in use was to be deleted.
    #[error("cannot delete current version of profile '{profile}'")]
    DeleteCurrent {
        /// The profile.
        profile: PathBuf,
    },
    /// A specification of generations is none.
    #[error("invalid specification of generations '{text}': expected N, old, DAYSd or +COUNT")]
    Specification {
        /// The text found.
        text: String,
    },
    /// The store would not keep the new generation from collection.
    #[error("cannot register profile '{profile}' as a root")]
    Root {
        /// The profile.
        profile: PathBuf,
        /// Why not.
        source: Box<StoreError>,
    },
}

/// Why one goal of a realisation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BuildFailureKind {
    /// The builder failed.
    Builder,
    /// Sandbox, disk or the like failed; the same build may work another time.
    Transient,
    /// The derivation asks for what this machine does not have.
    InputRejected,
    /// An output is not what it may be: its references, its size, its being there.
    OutputRejected,
    /// A fixed output has another hash than it should.
    HashMismatch,
    /// It took longer than allowed, or was silent for longer than allowed.
    TimedOut,
    /// It wrote more log than allowed.
    LogLimit,
    /// Built again, it came out different.
    NotDeterministic,
    /// Something it needs failed.
    Dependency,
    /// No derivation makes it and no cache has it.
    NoSource,
    /// Anything else.
    Other,
}

/// A goal that failed.
#[derive(Clone, Debug)]
pub struct BuildFailure {
    /// The derivation, or the path that was to be fetched.
    pub path: StorePath,
    /// Which way it failed.
    pub kind: BuildFailureKind,
    /// What to tell the user, without `error:` in front.
    pub message: String,
    /// The last lines of the builder's log.
    pub log_tail: Vec<String>,
    /// How long the build took.
    pub duration: Duration,
}

/// Why a realisation did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something could not be added to the store.
    #[error(transparent)]
    Add(#[from] AddError),
    /// Builds failed; those that did not depend on them may have succeeded.
    #[error("{}", summary(.failures))]
    Failed {
        /// What failed, in the order it failed.
        failures: Vec<BuildFailure>,
    },
    /// It was called off.
    #[error("interrupted by the user")]
    Interrupted,
}

fn summary(failures: &[BuildFailure]) -> String {
    match failures {
        [] => "build failed".to_owned(),
        [failure] => failure.message.clone(),
        [first, ..] => format!("{} (and {} more failures)", first.message, failures.len() - 1),
    }
}

impl BuildError {
    /// Returns the exit code of `nix-build` and `nix-store --realise` for this error.
    ///
    /// 100 for a builder that failed, 101 for a timeout, 102 for a hash mismatch, 104 for output
    /// that differs when built again, their bits together for several; 1 for everything else.
    pub fn exit_code(&self) -> i32 {
        let BuildError::Failed { failures } = self else { return 1 };
        let mut bits = 0;
        for failure in failures {
            bits |= match failure.kind {
                BuildFailureKind::TimedOut => 0b0101,
                BuildFailureKind::HashMismatch => 0b0110,
                BuildFailureKind::NotDeterministic => 0b1000,
                BuildFailureKind::Builder => 0b0100,
                BuildFailureKind::Transient
                | BuildFailureKind::InputRejected
                | BuildFailureKind::OutputRejected
                | BuildFailureKind::LogLimit
                | BuildFailureKind::Dependency
                | BuildFailureKind::NoSource
                | BuildFailureKind::Other => 0,
            };
        }
        if bits == 0 { 1 } else { 0x60 | bits }
    }
}
