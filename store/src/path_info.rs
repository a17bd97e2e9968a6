//! What a store knows about a valid path.

use std::collections::BTreeSet;

use crate::content_address::ContentAddress;
use crate::hash::{Hash, HashFormat};
use crate::path::{StoreDirectory, StorePath};

/// The record of a valid store object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathInfo {
    /// The object's path.
    pub path: StorePath,
    /// The derivation that made it, where one did and is known.
    pub deriver: Option<StorePath>,
    /// The SHA-256 of its archive.
    pub nar_hash: Hash,
    /// The length of its archive, in bytes; zero if unknown.
    pub nar_size: u64,
    /// The objects that it refers to, itself among them if it does.
    pub references: BTreeSet<StorePath>,
    /// When it was registered, in seconds since the epoch.
    pub registration_time: i64,
    /// Whether this store built it itself, and so trusts it without signatures.
    pub ultimate: bool,
    /// Signatures, each `KEY NAME:BASE64`.
    pub signatures: BTreeSet<String>,
    /// The contents that its path follows from, if it follows from contents.
    pub content_address: Option<ContentAddress>,
}

impl PathInfo {
    /// Returns a record that says nothing but what every record must.
    pub fn new(path: StorePath, nar_hash: Hash, nar_size: u64) -> PathInfo {
        PathInfo {
            path,
            deriver: None,
            nar_hash,
            nar_size,
            references: BTreeSet::new(),
            registration_time: 0,
            ultimate: false,
            signatures: BTreeSet::new(),
            content_address: None,
        }
    }

    /// Returns the text that signatures sign: path, archive hash, archive size, references.
    pub fn fingerprint(&self, directory: &StoreDirectory) -> String {
        let references: Vec<String> =
            self.references.iter().map(|reference| directory.display(reference)).collect();
        format!(
            "1;{};{};{};{}",
            directory.display(&self.path),
            self.nar_hash.prefixed(HashFormat::Base32),
            self.nar_size,
            references.join(",")
        )
    }

    /// Returns whether the path is the one that follows from the content address and references.
    ///
    /// False if there is no content address.
    pub fn is_content_addressed(&self, directory: &StoreDirectory) -> bool {
        let Some(address) = &self.content_address else { return false };
        let others = self.references.iter().filter(|reference| **reference != self.path);
        let self_reference = self.references.contains(&self.path);
        directory
            .content_path(self.path.name(), address, others, self_reference)
            .is_ok_and(|path| path == self.path)
    }
}
