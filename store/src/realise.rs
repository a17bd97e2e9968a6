//! What to realise and how: targets, their results, and the limits of a build.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use crate::fetch::Network;
use crate::path::StorePath;
use crate::sandbox::account::AccountRange;
use crate::substitute::Caches;

/// Something that can be made valid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DerivedPath {
    /// This very path: valid already, or in a cache.
    Opaque(StorePath),
    /// Outputs of a derivation.
    Built {
        /// The derivation's file.
        derivation: StorePath,
        /// Which outputs.
        outputs: OutputNames,
    },
}

/// A choice of a derivation's outputs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputNames {
    /// All of them.
    All,
    /// Those named.
    Names(BTreeSet<String>),
}

impl OutputNames {
    /// Returns whether `name` is chosen.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            OutputNames::All => true,
            OutputNames::Names(names) => names.contains(name),
        }
    }
}

/// A target that has become valid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Realised {
    /// The derivation and the name of its output, unless a path was asked for as such.
    pub origin: Option<(StorePath, String)>,
    /// The valid path.
    pub path: StorePath,
}

/// What to do about outputs that are valid already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuildMode {
    /// Leave them.
    #[default]
    Normal,
    /// Compare their contents with what is registered, and build damaged ones anew.
    Repair,
    /// Build again and compare.
    Check,
}

/// Whether builders see the whole machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SandboxMode {
    /// They see their closure and nothing else.
    #[default]
    Enabled,
    /// As enabled, but a derivation may ask to see all (`__noChroot`).
    Relaxed,
    /// They see everything.
    Disabled,
}

/// How to realise: how much at once, with which limits, under which rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealiseOptions {
    /// What to do about outputs that are valid already.
    pub mode: BuildMode,
    /// How many builds may run at once; with 0, nothing is built here.
    pub max_jobs: usize,
    /// How many cores a builder is told to use; 0 stands for all.
    pub cores: usize,
    /// Go on with what does not depend on a failure.
    pub keep_going: bool,
    /// Leave the build directories of failed builds.
    pub keep_failed: bool,
    /// How long a build may take.
    pub timeout: Option<Duration>,
    /// How long a builder may be silent.
    pub max_silent_time: Option<Duration>,
    /// How many bytes of log a builder may write.
    pub max_log_size: Option<u64>,
    /// How many lines of a failed builder's log to report.
    pub log_lines: usize,
    /// Whether to keep logs.
    pub keep_log: bool,
    /// Whether kept logs are compressed with bzip2.
    pub compress_log: bool,
    /// The platform of this machine.
    pub system: String,
    /// Other platforms that it can run.
    pub extra_platforms: Vec<String>,
    /// What a derivation may require with `requiredSystemFeatures`.
    pub system_features: BTreeSet<String>,
    /// Whether builders see the whole machine.
    pub sandbox: SandboxMode,
    /// Build without a sandbox where none can be set up.
    pub sandbox_fallback: bool,
    /// Host paths to show in the sandbox: `TARGET`, `TARGET=SOURCE`, either with `?` at the end if
    /// it may be missing.
    pub sandbox_paths: Vec<String>,
    /// The size of the memory file system at `/dev/shm`, as `mount` takes it.
    pub sandbox_shm_size: String,
    /// Host paths that a derivation may declare with `__impureHostDeps`, with all below them.
    pub allowed_impure_host_paths: Vec<PathBuf>,
    /// Whether builders run as accounts of a range, and of which one.
    pub account_range: AccountRange,
    /// The files of the keys that sign what is built.
    pub secret_key_files: Vec<PathBuf>,
    /// The group whose members builders run as when we are root; if `None`, `nixbld` where it
    /// exists, and a range of unused accounts elsewhere or if empty.
    pub build_users_group: Option<String>,
    /// Servers that have files by their hash, asked by `builtin:fetchurl` before the file's own.
    pub hashed_mirrors: Vec<String>,
    /// Where build directories are made; the store chooses if `None`.
    pub build_directory: Option<PathBuf>,
    /// Where the sandbox shows the build directory.
    pub sandbox_build_directory: String,
    /// Keep builders from set-id files, extended attributes and the like.
    pub filter_system_calls: bool,
    /// Builders take the kernel for a Linux of version 2.6.
    pub impersonate_linux_26: bool,
    /// Variables, by name, for builders that ask for some of the caller's.
    pub impure_environment: BTreeMap<String, String>,
    /// Bytes of free disk below which garbage is collected before a build; 0: never.
    pub min_free: u64,
    /// Bytes of free disk at which such a collection stops.
    pub max_free: u64,
    /// How much time lies between looks at how much disk is free.
    pub min_free_check_interval: Duration,
    /// Program that tells before each build which host paths its sandbox shows as well.
    pub pre_build_hook: Option<PathBuf>,
    /// Whether outputs may be fetched from caches.
    pub substitute: bool,
    /// Whether also those of derivations that would rather be built (`allowSubstitutes`).
    pub always_substitute: bool,
    /// Whether what a cache fails to give is built.
    pub fallback: bool,
    /// The caches.
    pub caches: Caches,
    /// How they are spoken to.
    pub network: Network,
    /// Programs to run after each build, with `OUT_PATHS` and `DRV_PATH` set.
    pub post_build_hook: Option<PathBuf>,
    /// Program to run on two outputs that differ.
    pub diff_hook: Option<PathBuf>,
}

impl Default for RealiseOptions {
    fn default() -> RealiseOptions {
        RealiseOptions {
            mode: BuildMode::Normal,
            account_range: AccountRange::default(),
            secret_key_files: Vec::new(),
            max_jobs: 1,
            cores: 0,
            keep_going: false,
            keep_failed: false,
            timeout: None,
            max_silent_time: None,
            max_log_size: None,
            log_lines: 10,
            keep_log: true,
            compress_log: true,
            system: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            extra_platforms: Vec::new(),
            system_features: ["benchmark", "big-parallel", "nixos-test", "uid-range"]
                .map(str::to_owned)
                .into(),
            sandbox: SandboxMode::Enabled,
            sandbox_fallback: false,
            sandbox_paths: Vec::new(),
            sandbox_shm_size: "50%".to_owned(),
            allowed_impure_host_paths: ["/bin", "/lib", "/lib32", "/lib64", "/usr"]
                .map(PathBuf::from)
                .into(),
            build_users_group: None,
            hashed_mirrors: Vec::new(),
            build_directory: None,
            sandbox_build_directory: "/build".to_owned(),
            filter_system_calls: true,
            impersonate_linux_26: false,
            impure_environment: BTreeMap::new(),
            min_free: 0,
            max_free: u64::MAX,
            min_free_check_interval: Duration::from_secs(5),
            pre_build_hook: None,
            substitute: true,
            always_substitute: false,
            fallback: false,
            caches: Caches::default(),
            network: Network::default(),
            post_build_hook: None,
            diff_hook: None,
        }
    }
}
