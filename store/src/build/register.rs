//! From what a builder left to valid paths.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::check::Outputs;
use super::job::{Job, JobError, Target};
use super::output::{self, Digest, Replacement, Seen};
use super::remove::remove_tree;
use super::room::{Room, failed};
use super::{fixed_output, hook};
use crate::closure::sorted_by_reference;
use crate::derivation::{DerivationKind, Output};
use crate::error::BuildFailureKind;
use crate::path::StorePath;
use crate::path_info::PathInfo;
use crate::realise::BuildMode;
use crate::signature::SecretKey;

/// An output on its way from the builder into the store.
pub(super) struct Made {
    pub(super) info: PathInfo,
    pub(super) place: PathBuf,
}

/// Checks, moves and registers the outputs of a builder that has ended well.
///
/// # Atomicity
///
/// Files come first, then all records in one transaction. What was moved but not registered is
/// removed by the next build or collection.
pub(super) fn register(job: &Job<'_>, room: &Room) -> Result<Vec<PathInfo>, JobError> {
    let mut made = BTreeMap::new();
    let mut seen = Seen::new();
    for (name, target) in &job.targets {
        if !target.is_valid || job.mode == BuildMode::Check {
            made.insert(name.clone(), make(job, room, name, target, &mut seen)?);
        }
    }
    if job.mode == BuildMode::Check {
        for it in made.values() {
            compare(job, it)?;
        }
        return Ok(Vec::new());
    }
    check(job, &made)?;
    refuse_circles(job, &made)?;
    for it in made.values() {
        move_into_place(job, it)?;
    }
    let mut infos: Vec<PathInfo> = made.into_values().map(|it| it.info).collect();
    sign(job, &mut infos)?;
    job.realisation.site.store.register(&infos)?;
    Ok(infos)
}

/// Signs objects with the keys that the settings name.
pub(super) fn sign(job: &Job<'_>, infos: &mut [PathInfo]) -> Result<(), JobError> {
    let directory = job.realisation.site.store.directory();
    for file in &job.realisation.options.secret_key_files {
        let key = SecretKey::read(file)
            .map_err(|problem| JobError::failed(BuildFailureKind::Other, problem))?;
        for info in &mut *infos {
            info.signatures.insert(key.sign(&info.fingerprint(directory)));
        }
    }
    Ok(())
}

/// Makes a store object of one output.
fn make(
    job: &Job<'_>,
    room: &Room,
    name: &str,
    target: &Target,
    seen: &mut Seen,
) -> Result<Made, JobError> {
    let mut place = job.scratch_place(room, target);
    let builder = job.account.as_ref().map(|it| it.account.uid);
    accept(job, name, &place, builder)?;
    output::canonicalise(&place, builder, seen)?;
    let replacements = replacements(job);
    // A builder that shares the network may have sent open files to somebody who still lives; one
    // without a sandbox may have left them anywhere.
    let is_open_to_others = !job.derivation.is_builtin()
        && job.account.is_some()
        && (job.kind == DerivationKind::Fixed || !job.is_confined);
    if is_open_to_others || !replacements.is_empty() {
        let copy = room.copies()?.join(target.path.base_name());
        output::copy_object(&place, &copy, &replacements)?;
        if !job.is_confined {
            remove_tree(&place).map_err(failed("remove", &place))?;
        }
        place = copy;
    }
    let outputs = job.targets.values().map(|target| target.path.clone());
    let Digest { nar_hash, nar_size, mut references } =
        output::digest(&place, job.closure.iter().cloned().chain(outputs))?;
    if job.attributes.discards_references(name) {
        references.clear();
    }
    let mut info = PathInfo::new(target.path.clone(), nar_hash, nar_size);
    info.references = references;
    info.deriver = Some(job.path.clone());
    info.ultimate = true;
    info.registration_time = now();
    if let Some(Output::Fixed(address)) = job.derivation.outputs.get(name) {
        info.content_address = Some(*address);
        fixed_output::verify(job, &place, address, &info)?;
    }
    Ok(Made { info, place })
}

/// Refuses an output that is not there, or that somebody else could have changed.
pub(super) fn accept(
    job: &Job<'_>,
    name: &str,
    place: &Path,
    builder: Option<u32>,
) -> Result<(), JobError> {
    let metadata = match fs::symlink_metadata(place) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(JobError::rejected(format!(
                "builder for '{}' failed to produce output path for output '{name}' at '{}'",
                job.printed,
                place.display()
            )));
        }
        Err(error) => return Err(failed("look at", place)(error).into()),
    };
    let is_foreign = builder.is_some_and(|builder| metadata.uid() != builder);
    let is_open = !metadata.is_symlink() && metadata.mode() & 0o022 != 0;
    if is_foreign || is_open {
        return Err(JobError::rejected(format!(
            "suspicious ownership or permission on '{}' for output '{name}'; rejecting this build \
             output",
            place.display()
        )));
    }
    Ok(())
}

/// Returns the hash parts that the builder was given instead of the outputs' own.
fn replacements(job: &Job<'_>) -> Vec<Replacement> {
    let redirected = job.targets.values().filter(|target| target.scratch != target.path);
    redirected
        .filter_map(|target| {
            let from = target.scratch.hash_part().as_bytes().try_into().ok()?;
            let to = target.path.hash_part().as_bytes().try_into().ok()?;
            Some((from, to))
        })
        .collect()
}

/// Applies the derivation's own rules to its outputs.
pub(super) fn check(job: &Job<'_>, made: &BTreeMap<String, Made>) -> Result<(), JobError> {
    let mut infos: BTreeMap<String, PathInfo> =
        made.iter().map(|(name, it)| (name.clone(), it.info.clone())).collect();
    let store = job.realisation.site.store;
    for (name, target) in job.targets.iter().filter(|(_, target)| target.is_valid) {
        if let Some(info) = store.path_info(&target.path)? {
            infos.insert(name.clone(), info);
        }
    }
    let outputs = Outputs { store, infos: &infos };
    for name in made.keys() {
        let checks = job
            .attributes
            .output_checks(name)
            .map_err(|message| JobError::failed(BuildFailureKind::InputRejected, message))?;
        if let Some(problem) = outputs.violation(name, &checks)? {
            return Err(JobError::rejected(problem));
        }
    }
    Ok(())
}

/// Refuses outputs that refer to each other in a circle, before any is in its place.
fn refuse_circles(job: &Job<'_>, made: &BTreeMap<String, Made>) -> Result<(), JobError> {
    let references =
        made.values().map(|it| (it.info.path.clone(), it.info.references.clone())).collect();
    let Err(found) = sorted_by_reference(&references) else { return Ok(()) };
    let name = |path: &StorePath| {
        let output = made.iter().find(|(_, it)| it.info.path == *path);
        output.map_or_else(|| path.to_base_name(), |(name, _)| name.clone())
    };
    Err(circle(job, &name(&found.from), &name(&found.to)))
}

/// Returns the failure of outputs that refer to each other.
pub(super) fn circle(job: &Job<'_>, from: &str, to: &str) -> JobError {
    JobError::rejected(format!(
        "cycle detected in build of '{}' in the references of output '{from}' from output '{to}'",
        job.printed
    ))
}

/// Moves an output to its path; whatever is there is not valid, or damaged.
pub(super) fn move_into_place(job: &Job<'_>, made: &Made) -> Result<(), JobError> {
    let destination = job.realisation.site.store.real_path(&made.info.path);
    if made.place == destination {
        return Ok(());
    }
    if fs::symlink_metadata(&destination).is_ok() {
        let mut old = destination.clone().into_os_string();
        old.push(format!(".old-{}", std::process::id()));
        let old = PathBuf::from(old);
        // Out of the way first: the path is never half removed.
        output::move_object(&destination, &old).map_err(failed("move", &destination))?;
        remove_tree(&old).map_err(failed("remove", &old))?;
    }
    output::move_object(&made.place, &destination).map_err(failed("move", &made.place))?;
    Ok(())
}

/// Compares a rebuilt output with the registered one.
fn compare(job: &Job<'_>, made: &Made) -> Result<(), JobError> {
    let store = job.realisation.site.store;
    let options = job.realisation.options;
    let Some(registered) = store.path_info(&made.info.path)? else { return Ok(()) };
    if registered.nar_hash == made.info.nar_hash {
        return Ok(());
    }
    let real = store.real_path(&made.info.path);
    let mut message = format!(
        "derivation '{}' may not be deterministic: output '{}' differs",
        job.printed,
        store.directory().display(&made.info.path)
    );
    if options.keep_failed || options.diff_hook.is_some() {
        let mut kept = real.clone().into_os_string();
        kept.push(".check");
        let kept = PathBuf::from(kept);
        remove_tree(&kept).map_err(failed("remove", &kept))?;
        output::move_object(&made.place, &kept).map_err(failed("move", &made.place))?;
        if let Some(program) = &options.diff_hook {
            hook::run_diff(program, job, &real, &kept);
        }
        message = format!("{message} from '{}'", kept.display());
    }
    Err(JobError::failed(BuildFailureKind::NotDeterministic, message))
}

/// Returns the time, in seconds since the epoch.
pub(super) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |it| it.as_secs() as i64)
}
