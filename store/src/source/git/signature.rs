//! Signatures of commits.

use std::fmt::Write as _;

use super::repository::Repository;
use crate::base64;
use crate::error::FetchError;
use crate::hash::Hash;
use crate::source::PublicKey;

/// Checks that one of `keys` has signed a commit.
///
/// Source: CppNix, `GitRepoImpl::verifyCommit`.
pub(super) fn verify(
    repository: &Repository,
    revision: &str,
    keys: &[PublicKey],
) -> Result<(), FetchError> {
    let cannot = |error: std::io::Error| repository.failed(format!("{error}"));
    let signers = tempfile(repository)?;
    let mut lines = String::new();
    for key in keys {
        // Writing to a string never fails.
        let _ = writeln!(lines, "* {} {}", key.kind, key.key);
    }
    std::fs::write(&signers.0, lines).map_err(cannot)?;
    let option = format!("gpg.ssh.allowedSignersFile={}", signers.0.display());
    let (is_good, said) = repository.hear(&["-c", &option, "verify-commit", revision])?;
    let is_known = keys.iter().any(|key| {
        fingerprint(key).is_some_and(|fingerprint| {
            said.lines().any(|line| {
                line.starts_with("Good \"git\" signature for *") && line.ends_with(&fingerprint)
            })
        })
    });
    if is_good && is_known {
        return Ok(());
    }
    Err(FetchError::Source(format!(
        "Commit signature verification on commit {revision} failed: {}",
        said.trim_end()
    )))
}

/// A file that goes when nobody needs it any more.
struct TemporaryFile(std::path::PathBuf);

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Makes a file that only we can write.
fn tempfile(repository: &Repository) -> Result<TemporaryFile, FetchError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    for number in 0..1000_u32 {
        let name = format!("nivis-signers-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        match made {
            Ok(_) => return Ok(TemporaryFile(path)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(repository.failed(error.to_string())),
        }
    }
    Err(repository.failed("there is no name left for a temporary file"))
}

/// Returns what `ssh` calls a key.
fn fingerprint(key: &PublicKey) -> Option<String> {
    let digest = Hash::sha256(&base64::decode(key.key.as_bytes())?);
    let text = base64::encode(digest.bytes());
    Some(format!("SHA256:{}", text.trim_end_matches('=')))
}
