//! Outputs whose paths follow from what the builder made of them.
//!
//! The builder makes each at a path that is only for the time being; from the contents, in which
//! that path counts as the object itself, follows the path that it gets.
//! Source: CppNix, `DerivationBuilderImpl::registerOutputs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::attributes::Attributes;
use super::goal::Goal;
use super::job::{Job, JobError, Target, is_confined};
use super::lock::OutputLocks;
use super::output::{self, Digest, Replacement, Seen};
use super::register::{Made, accept, check, circle, move_into_place, now, sign};
use super::remove::remove_tree;
use super::resolve::Resolved;
use super::room::{Room, failed};
use super::{Realisation, requirement};
use crate::closure::sorted_by_reference;
use crate::content_address::{ContentAddress, ContentMethod, FileMethod};
use crate::derivation::{DerivationKind, Output};
use crate::error::{BuildFailureKind, StoreError};
use crate::event::{Event, Level};
use crate::hash::{Hash, HashAlgorithm};
use crate::path::{StorePath, output_name};
use crate::path_info::PathInfo;
use crate::realise::BuildMode;

/// Builds a derivation unless its outputs are known and valid; returns their paths by name.
pub(super) fn build(
    realisation: &Realisation<'_>,
    resolved: &Resolved,
    goal: &Goal,
    kind: DerivationKind,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<BTreeMap<String, StorePath>, JobError> {
    let Resolved { path, derivation } = resolved;
    let store = realisation.site.store;
    let printed = store.directory().display(path);
    let reject = |message| JobError::failed(BuildFailureKind::InputRejected, message);
    let attributes = Attributes::new(derivation).map_err(reject)?;
    let unmet = requirement::unmet(realisation.options, &printed, derivation, &attributes);
    if let Some(problem) = unmet.map_err(reject)? {
        return Err(reject(problem));
    }
    let place = store.real_path(path);
    let mut waiting = || {
        let text = format!("waiting for lock on '{}'", place.display());
        realisation.events.emit(Event::Message { level: Level::Info, text: &text });
    };
    let locks = OutputLocks::acquire(std::slice::from_ref(&place), &mut waiting, is_cancelled)?;
    let Some(_locks) = locks else { return Err(JobError::Cancelled) };
    let known = if kind == DerivationKind::Impure {
        BTreeMap::new()
    } else {
        valid_outputs(realisation, path)?
    };
    if goal.mode == BuildMode::Normal && goal.wanted.iter().all(|name| known.contains_key(name)) {
        return Ok(known);
    }
    let is_confined = is_confined(realisation, derivation, &attributes, kind).map_err(reject)?;
    let mut job = Job {
        realisation,
        path,
        printed,
        derivation,
        attributes,
        kind,
        mode: goal.mode,
        is_confined: is_confined || derivation.is_builtin(),
        targets: targets(path, &derivation.name, derivation.outputs.keys())?,
        closure: realisation.closure(derivation.input_sources.iter().cloned())?,
        account: None,
    };
    job.run(is_cancelled)?;
    let made = job.targets.into_iter().map(|(name, target)| (name, target.path));
    let made: BTreeMap<String, StorePath> = made.collect();
    for (name, path) in &known {
        if goal.mode == BuildMode::Check && made.get(name) != Some(path) {
            let message = format!(
                "derivation '{}' may not be deterministic: output '{}' differs",
                job.printed,
                store.directory().display(path)
            );
            return Err(JobError::failed(BuildFailureKind::NotDeterministic, message));
        }
    }
    Ok(made)
}

/// Returns the outputs that an earlier build has made and that are valid.
fn valid_outputs(
    realisation: &Realisation<'_>,
    derivation: &StorePath,
) -> Result<BTreeMap<String, StorePath>, JobError> {
    let store = realisation.site.store;
    let mut valid = BTreeMap::new();
    for (name, path) in realisation.outputs(derivation)? {
        let Some(path) = path else { continue };
        store.add_temporary_root(&path)?;
        if store.is_valid(&path)? {
            valid.insert(name, path);
        }
    }
    Ok(valid)
}

/// Returns where the builder makes each output.
fn targets<'n>(
    derivation: &StorePath,
    name: &str,
    outputs: impl Iterator<Item = &'n String>,
) -> Result<BTreeMap<String, Target>, JobError> {
    let target = |output: &String| {
        let text = format!("rewrite:{}:name:{output}", derivation.base_name());
        let hash = Hash::sha256(text.as_bytes()).compressed();
        let path = StorePath::new(&hash, &output_name(name, output)).map_err(StoreError::from)?;
        let target = Target { scratch: path.clone(), path, is_valid: false };
        Ok((output.clone(), target))
    };
    outputs.map(target).collect()
}

/// Gives the outputs of a builder that has ended well their paths, moves them there and registers
/// them.
///
/// # Atomicity
///
/// As [`register`](super::register::register).
pub(super) fn register(
    job: &Job<'_>,
    room: &Room,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<BTreeMap<String, PathInfo>, JobError> {
    let mut seen = Seen::new();
    let mut references = BTreeMap::new();
    for (name, target) in &job.targets {
        let place = job.scratch_place(room, target);
        let builder = job.account.as_ref().map(|it| it.account.uid);
        accept(job, name, &place, builder)?;
        output::canonicalise(&place, builder, &mut seen)?;
        let others = job.targets.values().map(|target| target.scratch.clone());
        let digest = output::digest(&place, job.closure.iter().cloned().chain(others))?;
        references.insert(target.scratch.clone(), digest.references);
    }
    let mut final_paths = BTreeMap::new();
    let mut made = BTreeMap::new();
    for scratch in order(job, &references)? {
        let Some((name, target)) = job.targets.iter().find(|(_, it)| it.scratch == scratch) else {
            continue;
        };
        let found = references.remove(&scratch).unwrap_or_default();
        let it = make(job, room, name, target, &found, &final_paths)?;
        final_paths.insert(scratch, it.info.path.clone());
        made.insert(name.clone(), it);
    }
    check(job, &made)?;
    let store = job.realisation.site.store;
    let real: Vec<PathBuf> = made.values().map(|it| store.real_path(&it.info.path)).collect();
    let Some(_locks) = OutputLocks::acquire(&real, &mut || {}, is_cancelled)? else {
        return Err(JobError::Cancelled);
    };
    let mut new = Vec::new();
    for it in made.values() {
        store.add_temporary_root(&it.info.path)?;
        if !store.is_valid(&it.info.path)? && job.mode != BuildMode::Check {
            move_into_place(job, it)?;
            new.push(it.info.clone());
        }
    }
    sign(job, &mut new)?;
    store.register(&new)?;
    Ok(made.into_iter().map(|(name, it)| (name, it.info)).collect())
}

/// Returns the paths for the time being, each after those that it refers to.
fn order(
    job: &Job<'_>,
    references: &BTreeMap<StorePath, BTreeSet<StorePath>>,
) -> Result<Vec<StorePath>, JobError> {
    let among = |(path, found): (&StorePath, &BTreeSet<StorePath>)| {
        let others = found.iter().filter(|it| *it != path && references.contains_key(*it));
        (path.clone(), others.cloned().collect())
    };
    sorted_by_reference(&references.iter().map(among).collect()).map_err(|found| {
        let name = |path: &StorePath| {
            let output = job.targets.iter().find(|(_, it)| it.scratch == *path);
            output.map_or_else(|| path.to_base_name(), |(name, _)| name.clone())
        };
        circle(job, &name(&found.from), &name(&found.to))
    })
}

/// Makes a store object of one output, whose references have their paths already.
fn make(
    job: &Job<'_>,
    room: &Room,
    name: &str,
    target: &Target,
    found: &BTreeSet<StorePath>,
    final_paths: &BTreeMap<StorePath, StorePath>,
) -> Result<Made, JobError> {
    let scratch = &target.scratch;
    let place = job.scratch_place(room, target);
    let copy = room.copies()?.join(scratch.base_name());
    let replacements: Vec<Replacement> =
        final_paths.iter().filter_map(|(from, to)| replacement(from, to)).collect();
    // Also where nothing is replaced: somebody may have the files open still.
    output::copy_object(&place, &copy, &replacements)?;
    if !job.is_confined {
        remove_tree(&place).map_err(failed("remove", &place))?;
    }
    let (method, algorithm) = match job.derivation.outputs.get(name) {
        Some(Output::Floating { method, algorithm } | Output::Impure { method, algorithm }) => {
            (*method, *algorithm)
        }
        _ => return Err(JobError::rejected(format!("output '{name}' is not built this way"))),
    };
    let refers_to_itself = found.contains(scratch);
    let others = found.iter().filter(|it| *it != scratch);
    let mut others: BTreeSet<StorePath> =
        others.map(|it| final_paths.get(it).unwrap_or(it).clone()).collect();
    let discards = job.attributes.discards_references(name);
    if discards {
        others.clear();
    }
    let address = address(method, algorithm, scratch, &copy)?;
    let is_named = refers_to_itself && !discards;
    refuse_references(job, &address, is_named || !others.is_empty())?;
    let directory = job.realisation.site.store.directory();
    let object = output_name(&job.derivation.name, name);
    let path =
        directory.content_path(&object, &address, &others, is_named).map_err(StoreError::from)?;
    let mut place = copy;
    if refers_to_itself {
        let renamed = room.copies()?.join(path.base_name());
        let replacements: Vec<Replacement> = replacement(scratch, &path).into_iter().collect();
        output::copy_object(&place, &renamed, &replacements)?;
        place = renamed;
    }
    let Digest { nar_hash, nar_size, .. } = output::digest(&place, [])?;
    let mut info = PathInfo::new(path.clone(), nar_hash, nar_size);
    info.references = others;
    if is_named {
        info.references.insert(path);
    }
    info.deriver = Some(job.path.clone());
    info.ultimate = true;
    info.registration_time = now();
    info.content_address = Some(address);
    Ok(Made { info, place })
}

fn replacement(from: &StorePath, to: &StorePath) -> Option<Replacement> {
    let part = |path: &StorePath| path.hash_part().as_bytes().try_into().ok();
    Some((part(from)?, part(to)?))
}

/// Returns the content address of what is at `place`, in which `own` stands for the object itself.
fn address(
    method: ContentMethod,
    algorithm: HashAlgorithm,
    own: &StorePath,
    place: &Path,
) -> Result<ContentAddress, JobError> {
    Ok(match method {
        ContentMethod::Text => ContentAddress::Text(output::flat_hash(place, algorithm)?),
        ContentMethod::File(FileMethod::Flat) => {
            let digest = output::flat_hash(place, algorithm)?;
            ContentAddress::Fixed { method: FileMethod::Flat, digest }
        }
        ContentMethod::File(FileMethod::Recursive) => {
            let digest = output::nar_hash_without(place, algorithm, own)?;
            ContentAddress::Fixed { method: FileMethod::Recursive, digest }
        }
    })
}

/// Refuses references of an object whose path cannot depend on them.
fn refuse_references(
    job: &Job<'_>,
    address: &ContentAddress,
    has_references: bool,
) -> Result<(), JobError> {
    let may_have = match address {
        ContentAddress::Text(_) => true,
        ContentAddress::Fixed { method, digest } => {
            *method == FileMethod::Recursive && digest.algorithm() == HashAlgorithm::Sha256
        }
    };
    if may_have || !has_references {
        return Ok(());
    }
    Err(JobError::rejected(format!(
        "output of '{}' refers to store paths, which its hash leaves no room for",
        job.printed
    )))
}
