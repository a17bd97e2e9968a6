//! Builds as a person sees them: what will happen, what builders say, what came out.

use crate::context::{self, Context};
use crate::env_vars;
use crate::interrupt;
use crate::json_log;
use crate::report::{FAILURE, Failure, Outcome, of_store};
use crate::settings::Settings;
use crate::ui::Ui;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use store::event::{ActivityKind, Event, Events, Field, Level, ResultKind};
use store::fetch::Network;
use store::realise::{BuildMode, SandboxMode};
use store::sandbox::account::AccountRange;
use store::substitute::{Caches, Fetching};
use store::{BuildError, DerivedPath, FetchOptions, RealiseOptions, Realised, Store, StorePath};

/// Tells what happens in a store, on stderr, a line at a time.
pub(crate) struct Progress {
    ui: Ui,
    level: i32,
    shows_output: bool,
    /// The builds that run, by activity, with their derivations' names.
    builds: Mutex<BTreeMap<u64, String>>,
}

impl Progress {
    /// Returns a listener that tells as much as the settings want.
    pub(crate) fn new(cx: &Context) -> Self {
        Self {
            ui: cx.ui,
            level: Level::Info as i32 + cx.settings.verbosity,
            shows_output: cx.settings.is_on("print-build-output"),
            builds: Mutex::default(),
        }
    }

    fn tells(&self, level: Level) -> bool {
        level as i32 <= self.level
    }
}

impl Events for Progress {
    fn emit(&self, event: Event<'_>) {
        // Errors and warnings are noted where they are told.
        if !matches!(event, Event::Message { level: Level::Error | Level::Warn, .. }) {
            json_log::note(event);
        }
        match event {
            Event::Start { id, kind, level, text, fields, .. } => {
                if kind == ActivityKind::Build
                    && let Some(Field::Text(derivation)) = fields.first()
                {
                    let name = derivation.rsplit('/').next().unwrap_or(derivation).to_owned();
                    let mut builds = self.builds.lock().unwrap_or_else(PoisonError::into_inner);
                    builds.insert(id.number(), name);
                }
                if !text.is_empty() && self.tells(level) {
                    self.ui.tell(text);
                }
            }
            Event::Result { kind: ResultKind::BuildLogLine, fields, .. } if self.shows_output => {
                if let Some(Field::Text(line)) = fields.first() {
                    self.ui.tell(line);
                }
            }
            Event::Message { level: Level::Error, text } => self.ui.error(text),
            Event::Message { level: Level::Warn, text } => self.ui.warn(text),
            Event::Message { level, text } if self.tells(level) => self.ui.tell(text),
            Event::Stop { id } => {
                let mut builds = self.builds.lock().unwrap_or_else(PoisonError::into_inner);
                builds.remove(&id.number());
            }
            Event::Message { .. } | Event::Result { .. } => {}
        }
    }
}

/// How to build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Building {
    /// What to do about outputs that are there already.
    pub(crate) mode: BuildMode,
}

impl Building {
    /// Realises the targets, telling what happens.
    ///
    /// # Errors
    ///
    /// When something fails to build, with CppNix's exit code.
    pub(crate) fn run(
        self,
        cx: &Context,
        store: &dyn Store,
        targets: &[DerivedPath],
    ) -> Outcome<Vec<Realised>> {
        self.attempt(cx, store, targets).map_err(|error| of_build(cx, &error))
    }

    /// Realises the targets as [`run`](Building::run) does; the error says what failed.
    ///
    /// # Errors
    ///
    /// When something fails to build.
    pub(crate) fn attempt(
        self,
        cx: &Context,
        store: &dyn Store,
        targets: &[DerivedPath],
    ) -> Result<Vec<Realised>, BuildError> {
        interrupt::watch();
        let options = RealiseOptions { mode: self.mode, ..options(&cx.settings) };
        let progress = Progress::new(cx);
        store.realise(targets, &options, &progress)
    }
}

/// Returns the failure of a build, with CppNix's exit code; all but the last one are told here.
pub(crate) fn of_build(cx: &Context, error: &BuildError) -> Failure {
    let exit = u8::try_from(error.exit_code()).unwrap_or(FAILURE);
    let BuildError::Failed { failures } = error else {
        return Failure { message: crate::report::chain(error), hint: None, exit };
    };
    let shows_tail = !cx.settings.is_on("print-build-output");
    let mut messages: Vec<String> = Vec::new();
    for failure in failures {
        let mut message = failure.message.clone();
        if shows_tail && !failure.log_tail.is_empty() {
            let _ = write!(message, ";\n       last {} log lines:", failure.log_tail.len());
            for line in &failure.log_tail {
                let _ = write!(message, "\n       > {line}");
            }
        }
        messages.push(message);
    }
    let last = messages.pop().unwrap_or_else(|| "build failed".to_owned());
    for message in messages {
        cx.ui.error(&message);
    }
    Failure { message: last, hint: None, exit }
}

/// Returns how to build, as the settings say.
pub(crate) fn options(settings: &Settings) -> RealiseOptions {
    let seconds = |name: &str| match settings.number(name) {
        0 => None,
        seconds => Some(Duration::from_secs(seconds)),
    };
    let words = |name: &str| settings.words(name);
    let defaults = RealiseOptions::default();
    let features: BTreeSet<String> = words("system-features").into_iter().collect();
    RealiseOptions {
        mode: BuildMode::Normal,
        max_jobs: settings.max_jobs(),
        cores: usize::try_from(settings.number("cores")).unwrap_or_default(),
        keep_going: settings.is_on("keep-going"),
        keep_failed: settings.is_on("keep-failed"),
        timeout: seconds("timeout"),
        max_silent_time: seconds("max-silent-time"),
        max_log_size: Some(settings.number("max-build-log-size")).filter(|&size| size > 0),
        log_lines: usize::try_from(settings.number("log-lines")).unwrap_or_default(),
        keep_log: settings.is_on("keep-build-log"),
        compress_log: settings.is_on("compress-build-log"),
        system: settings.text("system"),
        extra_platforms: words("extra-platforms"),
        system_features: if features.is_empty() { defaults.system_features } else { features },
        sandbox: match settings.text("sandbox").as_str() {
            "false" => SandboxMode::Disabled,
            "relaxed" => SandboxMode::Relaxed,
            _ => SandboxMode::Enabled,
        },
        sandbox_fallback: settings.is_on("sandbox-fallback"),
        sandbox_paths: sandbox_paths(settings),
        sandbox_shm_size: settings.text("sandbox-dev-shm-size"),
        allowed_impure_host_paths: words("allowed-impure-host-deps")
            .into_iter()
            .map(PathBuf::from)
            .collect(),
        account_range: account_range(settings),
        secret_key_files: words("secret-key-files").into_iter().map(PathBuf::from).collect(),
        build_users_group: Some(settings.text("build-users-group"))
            .filter(|_| settings.is_set("build-users-group")),
        hashed_mirrors: words("hashed-mirrors"),
        build_directory: path(settings, "build-dir"),
        sandbox_build_directory: settings.text("sandbox-build-dir"),
        filter_system_calls: settings.is_on("filter-syscalls"),
        impersonate_linux_26: settings.is_on("impersonate-linux-26"),
        impure_environment: words("impure-env")
            .into_iter()
            .filter_map(|word| {
                word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
            })
            .collect(),
        min_free: settings.number("min-free"),
        max_free: settings.number("max-free"),
        min_free_check_interval: Duration::from_secs(settings.number("min-free-check-interval")),
        pre_build_hook: path(settings, "pre-build-hook"),
        substitute: settings.is_on("substitute"),
        always_substitute: settings.is_on("always-allow-substitutes"),
        fallback: settings.is_on("fallback"),
        caches: caches(settings),
        network: network(settings),
        post_build_hook: path(settings, "post-build-hook"),
        diff_hook: path(settings, "diff-hook").filter(|_| settings.is_on("run-diff-hook")),
    }
}

/// Returns which accounts builders may have that nobody else is given.
fn account_range(settings: &Settings) -> AccountRange {
    let number = |name: &str| u32::try_from(settings.number(name)).unwrap_or(u32::MAX);
    AccountRange {
        is_preferred: settings.is_on("auto-allocate-uids"),
        start: number("start-id"),
        count: number("id-count"),
    }
}

/// Returns the caches that objects may come from, and who is trusted.
fn caches(settings: &Settings) -> Caches {
    Caches {
        urls: settings.words("substituters"),
        public_keys: settings.words("trusted-public-keys"),
        requires_signatures: settings.is_on("require-sigs"),
    }
}

/// Returns how evaluations fetch.
pub(crate) fn fetch_options(settings: &Settings) -> FetchOptions {
    FetchOptions {
        cache_directory: context::cache_directory(),
        lifetime: Duration::from_secs(settings.number("tarball-ttl")),
        network: network(settings),
        allows_dirty: settings.is_on("allow-dirty"),
        warns_of_dirty: settings.is_on("warn-dirty"),
        caches: caches(settings),
    }
}

/// Returns how servers are spoken to.
fn network(settings: &Settings) -> Network {
    let seconds = |name: &str| match settings.number(name) {
        // As of old: no limit, for all that a person waits.
        0 => Duration::from_hours(24),
        seconds => Duration::from_secs(seconds),
    };
    let certificates = path(settings, "ssl-cert-file")
        .or_else(|| env_vars::NIX_SSL_CERT_FILE.value().map(PathBuf::from));
    let netrc = path(settings, "netrc-file")
        .unwrap_or_else(|| crate::settings::configuration_directory().join("netrc"));
    Network {
        connect_timeout: seconds("connect-timeout"),
        stall_timeout: seconds("stalled-download-timeout"),
        attempts: u32::try_from(settings.number("download-attempts")).unwrap_or(1).max(1),
        certificates,
        netrc: Some(netrc),
        user_agent_suffix: settings.text("user-agent-suffix"),
        bytes_per_second: settings.number("download-speed") << 10,
    }
}

/// Returns the host paths that sandboxes show; unless somebody says, a shell as `/bin/sh`.
fn sandbox_paths(settings: &Settings) -> Vec<String> {
    if settings.is_set("sandbox-paths") {
        return settings.words("sandbox-paths");
    }
    let shell = store::build::host_shell::host_shell();
    shell.into_iter().map(|shell| format!("/bin/sh={}", shell.display())).collect()
}

fn path(settings: &Settings, name: &str) -> Option<PathBuf> {
    Some(settings.text(name)).filter(|text| !text.is_empty()).map(PathBuf::from)
}

/// Tells which derivations are to be built, and builds nothing.
///
/// # Errors
///
/// When the store cannot be read.
pub(crate) fn tell_plan(
    cx: &Context,
    store: &dyn Store,
    targets: &[DerivedPath],
    mode: BuildMode,
) -> Outcome {
    let options = RealiseOptions { mode, ..options(&cx.settings) };
    let progress = Progress::new(cx);
    let plan = store::build::missing(store, targets, &options, &progress).map_err(of_store)?;
    if cx.settings.verbosity < 0 || !cx.settings.is_on("print-missing") {
        return Ok(());
    }
    match plan.builds.len() {
        0 => {}
        1 => cx.ui.tell("this derivation will be built:"),
        count => cx.ui.tell(format!("these {count} derivations will be built:")),
    }
    for derivation in plan.builds {
        cx.ui.tell(format!("  {}", store.directory().display(&derivation)));
    }
    let Fetching { paths, download_bytes, nar_bytes } = plan.fetches;
    let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let sizes =
        format!("({} download, {} unpacked)", mebibytes(download_bytes), mebibytes(nar_bytes));
    match paths.len() {
        0 => {}
        1 => cx.ui.tell(format!("this path will be fetched {sizes}:")),
        count => cx.ui.tell(format!("these {count} paths will be fetched {sizes}:")),
    }
    for path in paths {
        cx.ui.tell(format!("  {}", store.directory().display(&path)));
    }
    Ok(())
}

/// Makes a link to a store path that keeps it alive, and returns the link's absolute path.
///
/// # Errors
///
/// When something else stands there.
pub(crate) fn make_root(store: &dyn Store, path: &StorePath, link: &Path) -> Outcome<PathBuf> {
    let link = std::path::absolute(link)?;
    store.add_permanent_root(path, &link).map_err(of_store)?;
    Ok(link)
}

/// Returns the name of the `number`th link: the first one has no number.
pub(crate) fn numbered(link: &Path, number: u32) -> PathBuf {
    if number < 2 {
        return link.to_owned();
    }
    let mut name = link.as_os_str().to_owned();
    name.push(format!("-{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::numbered;
    use std::path::Path;

    #[test]
    fn the_first_link_has_no_number() {
        assert_eq!(numbered(Path::new("result"), 1), Path::new("result"));
        assert_eq!(numbered(Path::new("a/result"), 3), Path::new("a/result-3"));
    }
}
