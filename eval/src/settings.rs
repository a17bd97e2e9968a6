//! What an evaluation is told before it starts: features, modes, limits, the search path.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::flake::settings::FetchSettings;
use crate::watch::Watch;

/// The settings of one evaluation. Plain data, decided by whoever asks (CLI or editor).
#[derive(Clone, Debug)]
pub struct Settings {
    /// The search path for `<...>`: (prefix or empty, path or URL as written), in order.
    pub search_path: Vec<(Vec<u8>, Vec<u8>)>,
    /// The absolute directory that relative entries of the search path start from.
    pub directory: Vec<u8>,
    /// Whether `<nixpkgs>` falls back to the embedded library when the search path has none.
    pub embedded_fallback: bool,
    /// The value of `builtins.currentSystem`, such as `x86_64-linux`.
    pub system: String,
    /// Whether paths and derivations are only computed, not written to the store.
    pub read_only: bool,
    /// `--pure-eval`.
    pub pure: bool,
    /// `--restrict-eval`.
    pub restrict: bool,
    /// URIs that restricted evaluation may fetch.
    pub allowed_uris: Vec<String>,
    /// How trees are fetched and flakes are found.
    pub fetch: FetchSettings,
    /// Experimental features that are on, by CppNix's names.
    pub experimental_features: Vec<String>,
    /// Whether `builtins.traceVerbose` speaks.
    pub trace_verbose: bool,
    /// Whether `builtins.warn` throws.
    pub abort_on_warn: bool,
    /// Whether import from derivation may build.
    pub import_from_derivation: bool,
    /// Whether there is a warning of each build for such an import.
    pub trace_import_from_derivation: bool,
    /// From how many bytes on there is a warning of what is copied to the store; 0: never.
    pub large_path_bytes: u64,
    /// What to say of literals that are discouraged.
    pub literal_lints: LiteralLints,
    /// What of the evaluation is watched.
    pub watch: Watch,
    /// The deepest nesting of calls. Unit: calls.
    pub call_depth_max: u32,
    /// The most memory for values, in bytes; 0: no limit.
    pub heap_size_bytes_max: usize,
    /// Set from another thread to stop the evaluation at the next call.
    pub cancel: Arc<AtomicBool>,
    /// How long an evaluation may take, in seconds; 0: no limit. Whoever has a clock keeps it.
    pub time_seconds_max: u64,
    /// Set with `cancel` where that is the reason.
    pub expired: Arc<AtomicBool>,
}

/// What is done about something that is discouraged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LintLevel {
    /// Nothing.
    #[default]
    Ignore,
    /// The person is told.
    Warn,
    /// The file is refused.
    Fatal,
}

impl LintLevel {
    /// Returns the level that a setting calls `word`.
    pub fn parse(word: &str) -> Option<LintLevel> {
        match word {
            "ignore" => Some(LintLevel::Ignore),
            "warn" => Some(LintLevel::Warn),
            "fatal" => Some(LintLevel::Fatal),
            _ => None,
        }
    }
}

/// What is done about each kind of literal that is discouraged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiteralLints {
    /// Paths that begin with `/` or `~`.
    pub absolute_paths: LintLevel,
    /// Relative paths that do not begin with a dot.
    pub short_paths: LintLevel,
    /// URLs that are not strings.
    pub urls: LintLevel,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            search_path: Vec::new(),
            directory: b"/".to_vec(),
            embedded_fallback: false,
            system: "x86_64-linux".to_owned(),
            read_only: true,
            pure: false,
            restrict: false,
            allowed_uris: Vec::new(),
            fetch: FetchSettings::default(),
            experimental_features: Vec::new(),
            trace_verbose: false,
            abort_on_warn: false,
            import_from_derivation: true,
            trace_import_from_derivation: false,
            large_path_bytes: 0,
            literal_lints: LiteralLints::default(),
            watch: Watch::default(),
            call_depth_max: 10_000,
            heap_size_bytes_max: 0,
            cancel: Arc::default(),
            time_seconds_max: 0,
            expired: Arc::default(),
        }
    }
}

impl Settings {
    /// Whether the experimental feature of this name is on.
    pub fn has_feature(&self, name: &str) -> bool {
        let is_on = |name: &str| self.experimental_features.iter().any(|feature| feature == name);
        // Flakes cannot do without trees.
        is_on(name) || (name == "fetch-tree" && is_on("flakes"))
    }
}
