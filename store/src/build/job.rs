//! One derivation, from its locks to its registration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::attributes::Attributes;
use super::confine::{self, ConfineError};
use super::environment::{Environment, HOME, Rewrites, Setting};
use super::goal::Goal;
use super::lock::OutputLocks;
use super::log::Log;
use super::output::OutputError;
use super::remove::remove_tree;
use super::room::{FileError, Occupant, Room, failed};
use super::{Realisation, builtin, floating, graph, hook, register, requirement, resolve};
use crate::derivation::placeholder::placeholder;
use crate::derivation::{Derivation, DerivationKind};
use crate::error::{AddError, BuildFailureKind, StoreError};
use crate::event::{Activity, ActivityKind, Event, Field, Level, ResultKind};
use crate::hash::Hash;
use crate::path::StorePath;
use crate::path_info::PathInfo;
use crate::realise::{BuildMode, SandboxMode};
use crate::sandbox::account::{self, AccountError, BuildAccount};
use crate::sandbox::{self, Ending, Invocation, Limits, Network, SandboxError};

/// Why a derivation was not built.
#[derive(Debug)]
pub(super) enum JobError {
    /// It failed.
    Failed { kind: BuildFailureKind, message: String, log_tail: Vec<String> },
    /// The store cannot be used.
    Store(StoreError),
    /// The outputs could not be registered.
    Add(AddError),
    /// It was called off.
    Cancelled,
}

impl JobError {
    pub(super) fn failed(kind: BuildFailureKind, message: impl Into<String>) -> Self {
        Self::Failed { kind, message: message.into(), log_tail: Vec::new() }
    }

    pub(super) fn rejected(message: impl Into<String>) -> Self {
        Self::failed(BuildFailureKind::OutputRejected, message)
    }
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<AddError> for JobError {
    fn from(error: AddError) -> Self {
        Self::Add(error)
    }
}

impl From<FileError> for JobError {
    fn from(error: FileError) -> Self {
        Self::failed(BuildFailureKind::Transient, error.to_string())
    }
}

impl From<OutputError> for JobError {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Rejected(message) => Self::rejected(message),
            OutputError::File(error) => error.into(),
        }
    }
}

impl From<ConfineError> for JobError {
    fn from(error: ConfineError) -> Self {
        match error {
            ConfineError::Refused(message) => {
                Self::failed(BuildFailureKind::InputRejected, message)
            }
            ConfineError::Store(error) => error.into(),
            ConfineError::File(error) => error.into(),
        }
    }
}

/// An output, and where the builder is told to make it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Its path.
    pub(super) path: StorePath,
    /// The path that the builder is given: the same, unless that is in use.
    pub(super) scratch: StorePath,
    /// Whether it is valid, and is to stay as it is.
    pub(super) is_valid: bool,
}

/// One derivation being built.
pub(super) struct Job<'j> {
    pub(super) realisation: &'j Realisation<'j>,
    pub(super) path: &'j StorePath,
    /// The derivation's path in full.
    pub(super) printed: String,
    pub(super) derivation: &'j Derivation,
    pub(super) attributes: Attributes<'j>,
    pub(super) kind: DerivationKind,
    pub(super) mode: BuildMode,
    /// Whether the builder has a root of its own, or runs in this process as if it had.
    pub(super) is_confined: bool,
    pub(super) targets: BTreeMap<String, Target>,
    pub(super) closure: BTreeSet<StorePath>,
    pub(super) account: Option<BuildAccount>,
}

/// Builds one derivation, unless somebody else has done so by now.
pub(super) fn build(
    realisation: &Realisation<'_>,
    path: &StorePath,
    derivation: &Derivation,
    goal: &Goal,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<(), JobError> {
    let kind = derivation.kind().map_err(StoreError::from)?;
    if resolve::is_needed(realisation, derivation, kind)? {
        return resolve::build(realisation, path, derivation, goal, kind, is_cancelled);
    }
    build_known(realisation, path, derivation, goal, is_cancelled)
}

/// Builds one derivation of which all is known but what its outputs hold.
pub(super) fn build_known(
    realisation: &Realisation<'_>,
    path: &StorePath,
    derivation: &Derivation,
    goal: &Goal,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<(), JobError> {
    let store = realisation.site.store;
    let printed = store.directory().display(path);
    let reject = |message| JobError::failed(BuildFailureKind::InputRejected, message);
    let attributes = Attributes::new(derivation).map_err(reject)?;
    if let Some(problem) =
        requirement::unmet(realisation.options, &printed, derivation, &attributes)
            .map_err(reject)?
    {
        return Err(reject(problem));
    }
    let kind = derivation.kind().map_err(|error| reject(error.to_string()))?;
    let paths = derivation.output_paths(store.directory()).map_err(StoreError::from)?;
    let paths: BTreeMap<String, StorePath> =
        paths.into_iter().filter_map(|(name, path)| Some((name, path?))).collect();
    for output in paths.values() {
        store.add_temporary_root(output)?;
    }
    let real: Vec<PathBuf> = paths.values().map(|output| store.real_path(output)).collect();
    let mut waiting = || {
        let text = format!("waiting for lock on {}", quoted(&real));
        realisation.events.emit(Event::Message { level: Level::Info, text: &text });
    };
    let locks = OutputLocks::acquire(&real, &mut waiting, is_cancelled)?;
    let Some(_locks) = locks else { return Err(JobError::Cancelled) };
    let valid = valid_outputs(realisation, goal.mode, &paths)?;
    if goal.mode != BuildMode::Check && goal.wanted.iter().all(|name| valid.contains(name)) {
        return Ok(());
    }
    if goal.mode == BuildMode::Check && valid.len() < paths.len() {
        let message =
            format!("some outputs of '{printed}' are not valid, so checking is not possible");
        return Err(JobError::failed(BuildFailureKind::Other, message));
    }
    let is_confined = is_confined(realisation, derivation, &attributes, kind).map_err(reject)?;
    let is_builtin = derivation.is_builtin();
    let mut job = Job {
        realisation,
        path,
        printed,
        derivation,
        attributes,
        kind,
        mode: goal.mode,
        is_confined: is_confined || is_builtin,
        targets: BTreeMap::new(),
        closure: realisation.closure(inputs(realisation, derivation)?)?,
        account: None,
    };
    job.targets = job.targets(paths, &valid)?;
    job.run(is_cancelled)
}

fn quoted(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| format!("'{}'", path.display())).collect();
    paths.join(", ")
}

/// Returns the names of the outputs that are valid and, when repairing, undamaged.
fn valid_outputs(
    realisation: &Realisation<'_>,
    mode: BuildMode,
    paths: &BTreeMap<String, StorePath>,
) -> Result<BTreeSet<String>, JobError> {
    let store = realisation.site.store;
    let mut valid = BTreeSet::new();
    for (name, path) in paths {
        let Some(info) = store.path_info(path)? else { continue };
        let is_whole = mode != BuildMode::Repair || {
            let real = store.real_path(path);
            real.symlink_metadata().is_ok()
                && super::output::nar_hash(&real, info.nar_hash.algorithm())? == info.nar_hash
        };
        if is_whole {
            valid.insert(name.clone());
        }
    }
    Ok(valid)
}

/// Returns whether the builder of `derivation` gets a root of its own.
pub(super) fn is_confined(
    realisation: &Realisation<'_>,
    derivation: &Derivation,
    attributes: &Attributes<'_>,
    kind: DerivationKind,
) -> Result<bool, String> {
    let refuses = attributes.flag("__noChroot", false)?;
    let site = realisation.site;
    // Only a root of its own can show a builder the store where it is not.
    let is_elsewhere = site.real_directory != Path::new(site.store.directory().as_str());
    match realisation.options.sandbox {
        SandboxMode::Enabled if refuses => Err(format!(
            "derivation '{}' has '__noChroot' set, but that's not allowed when 'sandbox' is 'true'",
            derivation.name
        )),
        SandboxMode::Enabled => Ok(true),
        SandboxMode::Relaxed => Ok(is_elsewhere || (kind != DerivationKind::Fixed && !refuses)),
        SandboxMode::Disabled => Ok(is_elsewhere),
    }
}

/// Returns the paths that the builder of `derivation` needs: outputs of inputs, and sources.
fn inputs(
    realisation: &Realisation<'_>,
    derivation: &Derivation,
) -> Result<BTreeSet<StorePath>, JobError> {
    let mut inputs = derivation.input_sources.clone();
    for (input, names) in &derivation.input_derivations {
        let outputs = realisation.outputs(input)?;
        for name in names {
            match outputs.get(name) {
                Some(Some(path)) => {
                    inputs.insert(path.clone());
                }
                _ => {
                    let message = format!("derivation '{input}' does not have the output '{name}'");
                    return Err(JobError::failed(BuildFailureKind::InputRejected, message));
                }
            }
        }
    }
    Ok(inputs)
}

impl Job<'_> {
    /// Decides where the builder makes each output.
    fn targets(
        &self,
        paths: BTreeMap<String, StorePath>,
        valid: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Target>, JobError> {
        let target = |(name, path): (String, StorePath)| {
            let is_valid = valid.contains(&name);
            let is_in_use = is_valid || self.mode == BuildMode::Repair;
            let scratch = if is_in_use && !self.is_confined {
                let base = self.path.base_name();
                let text = format!("rewrite:{base}:{}", path.base_name());
                let hash = Hash::sha256(text.as_bytes()).compressed();
                StorePath::new(&hash, path.name()).map_err(StoreError::from)?
            } else {
                path.clone()
            };
            Ok((name, Target { path, scratch, is_valid }))
        };
        paths.into_iter().map(target).collect()
    }

    /// Runs the builder and registers what it made.
    pub(super) fn run(&mut self, is_cancelled: &dyn Fn() -> bool) -> Result<(), JobError> {
        let realisation = self.realisation;
        let occupant = match (self.derivation.is_builtin(), self.is_confined) {
            (true, _) => Occupant::Ourselves,
            (false, true) => Occupant::Confined,
            (false, false) => Occupant::Free,
        };
        if occupant != Occupant::Ourselves && account::is_root() {
            self.account = Some(self.acquire_account(is_cancelled)?);
        }
        let text = match self.mode {
            BuildMode::Normal => format!("building '{}'", self.printed),
            BuildMode::Repair => format!("repairing outputs of '{}'", self.printed),
            BuildMode::Check => format!("checking outputs of '{}'", self.printed),
        };
        let fields =
            [Field::Text(&self.printed), Field::Text(""), Field::Number(1), Field::Number(1)];
        let activity = Activity::start(
            realisation.events,
            realisation.activity.id(),
            ActivityKind::Build,
            Level::Info,
            &text,
            &fields,
        );
        realisation.make_space();
        let room = self.room(occupant)?;
        let result = self.run_builder(&room, occupant, &activity, is_cancelled);
        if let Err(JobError::Failed { .. }) = &result
            && realisation.options.keep_failed
            && occupant != Occupant::Ourselves
        {
            let kept = room.keep_build_directory(self.path.name())?;
            let text = format!("note: keeping build directory '{}'", kept.display());
            realisation.events.emit(Event::Message { level: Level::Notice, text: &text });
        }
        result?;
        let infos = self.register(&room, is_cancelled)?;
        if let Some(hook) = &realisation.options.post_build_hook {
            hook::run_post_build(hook, self, &activity, &infos)?;
        }
        Ok(())
    }

    /// Registers what the builder made; outputs whose paths follow from that have them afterwards.
    fn register(
        &mut self,
        room: &Room,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<PathInfo>, JobError> {
        match self.kind {
            DerivationKind::Floating | DerivationKind::Impure => {
                let made = floating::register(self, room, is_cancelled)?;
                for (name, info) in &made {
                    if let Some(target) = self.targets.get_mut(name) {
                        target.path = info.path.clone();
                    }
                }
                Ok(made.into_values().collect())
            }
            DerivationKind::InputAddressed | DerivationKind::Deferred | DerivationKind::Fixed => {
                register::register(self, room)
            }
        }
    }

    fn acquire_account(&self, is_cancelled: &dyn Fn() -> bool) -> Result<BuildAccount, JobError> {
        let options = self.realisation.options;
        let group = options.build_users_group.as_deref();
        let state = &self.realisation.site.state_directory;
        loop {
            let (name, range) = (group.unwrap_or("nixbld"), options.account_range);
            match account::acquire(state, name, group.is_some(), range) {
                Ok(account) => return Ok(account),
                Err(AccountError::AllBusy { .. }) if !is_cancelled() => {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                Err(AccountError::AllBusy { .. }) => return Err(JobError::Cancelled),
                Err(error) => {
                    return Err(JobError::failed(BuildFailureKind::Other, error.to_string()));
                }
            }
        }
    }

    fn room(&self, occupant: Occupant) -> Result<Room, JobError> {
        let site = self.realisation.site;
        let mut chroot = site.store.real_path(self.path).into_os_string();
        chroot.push(".chroot");
        let builds = super::builds_directory(site, self.realisation.options);
        let account = self.account.as_ref().map(|it| it.account);
        if occupant == Occupant::Free {
            if Path::new(HOME).exists() {
                return Err(JobError::failed(
                    BuildFailureKind::Other,
                    format!(
                        "home directory '{HOME}' exists; please remove it to assure purity of \
                         builds without sandboxing"
                    ),
                ));
            }
            for target in self.targets.values() {
                if !target.is_valid || target.scratch != target.path {
                    let place = site.store.real_path(&target.scratch);
                    remove_tree(&place).map_err(failed("remove", &place))?;
                }
            }
        }
        Ok(Room::new(chroot.into(), &builds, occupant, account)?)
    }

    /// Where an output is once the builder has made it.
    pub(super) fn scratch_place(&self, room: &Room, target: &Target) -> PathBuf {
        if self.is_confined {
            room.scratch().join(target.scratch.base_name())
        } else {
            self.realisation.site.store.real_path(&target.scratch)
        }
    }

    /// Returns what to replace in everything that the builder is given.
    fn rewrites(&self) -> Rewrites {
        let directory = self.realisation.site.store.directory();
        let mut rewrites = BTreeMap::new();
        for (name, target) in &self.targets {
            let scratch = directory.display(&target.scratch).into_bytes();
            rewrites.insert(placeholder(name).into_bytes(), scratch);
            if target.scratch != target.path {
                let (from, to) = (target.path.hash_part(), target.scratch.hash_part());
                rewrites.insert(from.as_bytes().to_vec(), to.as_bytes().to_vec());
            }
        }
        Rewrites(rewrites)
    }

    /// Gives the builder its environment, runs it, and says how it failed if it did.
    fn run_builder(
        &self,
        room: &Room,
        occupant: Occupant,
        activity: &Activity<'_>,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<(), JobError> {
        let options = self.realisation.options;
        let reject = |message| JobError::failed(BuildFailureKind::InputRejected, message);
        let rewrites = self.rewrites();
        let build_directory = match occupant {
            Occupant::Ourselves | Occupant::Confined => {
                PathBuf::from(&options.sandbox_build_directory)
            }
            Occupant::Free => room.build_directory(),
        };
        let cores = match options.cores {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            cores => cores,
        };
        let graphs = graph::exported(self)?;
        let setting = Setting {
            store_directory: self.realisation.site.store.directory().as_str(),
            build_directory: &build_directory.to_string_lossy(),
            cores: cores as u64,
            callers: &|name| match options.impure_environment.get(name) {
                Some(value) => Some(value.clone().into_bytes()),
                None => std::env::var_os(name).map(std::ffi::OsString::into_encoded_bytes),
            },
            rewrites: &rewrites,
            graphs: &graphs,
        };
        let environment =
            Environment::new(self.derivation, &self.attributes, &setting).map_err(reject)?;
        let logs = Some(self.realisation.site.log_directory.as_path());
        let logs = logs.filter(|_| options.keep_log);
        let mut log = Log::open(logs, self.path, options.compress_log, options.log_lines)?;
        let mut tell = |line: &str| tell_line(activity, line);
        let result = if occupant == Occupant::Ourselves {
            let mut say = |line: &str| log.write(format!("{line}\n").as_bytes(), &mut tell);
            match builtin::run(self, room, &environment, &mut say, is_cancelled) {
                Ok(()) => Ok(Ending::Exited(0)),
                Err(message) => {
                    say(&format!("error: {message}"));
                    Ok(Ending::Exited(1))
                }
            }
        } else {
            let invocation = self.invocation(room, environment, &rewrites, build_directory)?;
            let mut output = |piece: &[u8]| log.write(piece, &mut tell);
            sandbox::run(&invocation, &mut output, is_cancelled)
        };
        if let Err(SandboxError::Execute { program, source }) = &result {
            let text = format!("error: executing '{}': {source}\n", program.display());
            log.write(text.as_bytes(), &mut tell);
        }
        let log_tail = log.finish(&mut tell);
        self.verdict(result, log_tail)
    }

    /// Puts together what the sandbox is to run.
    fn invocation(
        &self,
        room: &Room,
        environment: Environment,
        rewrites: &Rewrites,
        directory: PathBuf,
    ) -> Result<Invocation, JobError> {
        let options = self.realisation.options;
        for (name, contents) in &environment.files {
            room.write(name, contents)?;
        }
        let builder = String::from_utf8_lossy(&self.derivation.builder).into_owned();
        let zeroth = builder.rsplit('/').next().unwrap_or_default().as_bytes().to_vec();
        let arguments = self.derivation.arguments.iter().map(|it| rewrites.apply(it));
        let network = match self.kind {
            DerivationKind::Fixed | DerivationKind::Impure => Network::Host,
            DerivationKind::InputAddressed
            | DerivationKind::Deferred
            | DerivationKind::Floating => Network::Private,
        };
        let isolation = if self.is_confined {
            let realisation = self.realisation;
            let closure = &self.closure;
            Some(confine::isolation(
                realisation,
                self.path,
                &self.attributes,
                room,
                closure,
                network,
            )?)
        } else {
            None
        };
        let system = self.derivation.system.as_slice();
        Ok(Invocation {
            program: builder.into(),
            arguments: std::iter::once(zeroth).chain(arguments).collect(),
            environment: environment.variables,
            directory,
            isolation,
            account: self.account.as_ref().map(|it| it.account),
            limits: Limits {
                time: options.timeout,
                silence: options.max_silent_time,
                output_bytes: options.max_log_size,
            },
            is_32_bit: [&b"i686-linux"[..], b"armv7l-linux", b"armv6l-linux"].contains(&system),
            has_old_kernel: options.impersonate_linux_26,
            is_filtered: options.filter_system_calls,
        })
    }

    /// Says what the builder's end means.
    fn verdict(
        &self,
        result: Result<Ending, SandboxError>,
        log_tail: Vec<String>,
    ) -> Result<(), JobError> {
        let options = self.realisation.options;
        let seconds = |limit: Option<std::time::Duration>| limit.map_or(0, |it| it.as_secs());
        let printed = &self.printed;
        let (kind, message) = match result {
            Ok(Ending::Exited(0)) => return Ok(()),
            Ok(Ending::Cancelled) => return Err(JobError::Cancelled),
            Ok(Ending::Exited(code)) => self.failure(&format!("failed with exit code {code}")),
            Ok(Ending::Signaled(signal)) => {
                let name = nix::sys::signal::Signal::try_from(signal)
                    .map_or("unknown signal", nix::sys::signal::Signal::as_str);
                self.failure(&format!("failed due to signal {signal} ({name})"))
            }
            Ok(Ending::TimedOut) => {
                let limit = seconds(options.timeout);
                let message = format!("building of '{printed}' timed out after {limit} seconds");
                (BuildFailureKind::TimedOut, message)
            }
            Ok(Ending::Silent) => {
                let limit = seconds(options.max_silent_time);
                let message =
                    format!("building of '{printed}' timed out after {limit} seconds of silence");
                (BuildFailureKind::TimedOut, message)
            }
            Ok(Ending::TooMuchOutput) => {
                let limit = options.max_log_size.unwrap_or_default();
                let message = format!(
                    "building of '{printed}' killed after writing more than {limit} bytes of log \
                     output"
                );
                (BuildFailureKind::LogLimit, message)
            }
            Err(SandboxError::Execute { .. }) => self.failure("failed with exit code 1"),
            Err(error) => {
                let message = format!("cannot build '{printed}': {error}");
                (BuildFailureKind::Transient, message)
            }
        };
        Err(JobError::Failed { kind, message, log_tail })
    }

    /// Says that the builder failed; what may have come from outside may not come again.
    fn failure(&self, how: &str) -> (BuildFailureKind, String) {
        let mut message = format!("builder for '{}' {how}", self.printed);
        let is_full = self.is_disk_full();
        if is_full {
            message += "\nnote: build failure may have been caused by lack of free disk space";
        }
        let kind = if self.kind == DerivationKind::Fixed || is_full {
            BuildFailureKind::Transient
        } else {
            BuildFailureKind::Builder
        };
        (kind, message)
    }

    /// Whether a file system that builders write to has less than 8 MiB left.
    fn is_disk_full(&self) -> bool {
        const LITTLE_BYTES: u64 = 8 << 20;
        let site = self.realisation.site;
        let builds = super::builds_directory(site, self.realisation.options);
        [site.real_directory.as_path(), builds.as_path()].into_iter().any(|path| {
            nix::sys::statvfs::statvfs(path)
                .is_ok_and(|space| space.blocks_available() * space.fragment_size() < LITTLE_BYTES)
        })
    }
}

/// Tells a line of the log; lines for us, not for the reader, become events of their own.
fn tell_line(activity: &Activity<'_>, line: &str) {
    let message = line.strip_prefix("@nix ").and_then(|text| {
        serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).ok()
    });
    let Some(message) = message else {
        activity.result(ResultKind::BuildLogLine, &[Field::Text(line)]);
        return;
    };
    let text = |name: &str| message.get(name).and_then(serde_json::Value::as_str);
    if let (Some("setPhase"), Some(phase)) = (text("action"), text("phase")) {
        activity.result(ResultKind::SetPhase, &[Field::Text(phase)]);
    }
}
