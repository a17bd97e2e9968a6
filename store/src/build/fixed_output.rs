//! Outputs whose hash is known before they are built.

use std::path::Path;

use super::job::{Job, JobError};
use super::output;
use crate::content_address::{ContentAddress, ContentMethod, FileMethod};
use crate::error::BuildFailureKind;
use crate::hash::HashFormat;
use crate::path_info::PathInfo;

/// Checks that the object at `place` has the hash that the derivation promises.
pub(super) fn verify(
    job: &Job<'_>,
    place: &Path,
    address: &ContentAddress,
    info: &PathInfo,
) -> Result<(), JobError> {
    let promised = address.digest();
    let found = match address.method() {
        ContentMethod::Text | ContentMethod::File(FileMethod::Flat) => {
            output::flat_hash(place, promised.algorithm())?
        }
        ContentMethod::File(FileMethod::Recursive)
            if promised.algorithm() == info.nar_hash.algorithm() =>
        {
            info.nar_hash
        }
        ContentMethod::File(FileMethod::Recursive) => {
            output::nar_hash(place, promised.algorithm())?
        }
    };
    if found != *promised {
        let message = format!(
            "hash mismatch in fixed-output derivation '{}':\n  specified: {}\n     got:    {}",
            job.printed,
            promised.prefixed(HashFormat::Sri),
            found.prefixed(HashFormat::Sri)
        );
        return Err(JobError::failed(BuildFailureKind::HashMismatch, message));
    }
    if let Some(reference) = info.references.first() {
        let directory = job.realisation.site.store.directory();
        let message = format!(
            "fixed-output derivations must not reference store paths: '{}' references {} distinct \
             paths, e.g. '{}'",
            job.printed,
            info.references.len(),
            directory.display(reference)
        );
        return Err(JobError::failed(BuildFailureKind::HashMismatch, message));
    }
    Ok(())
}
