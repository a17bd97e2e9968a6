//! The settings, one row each.

use crate::env_vars;
use crate::report::{Failure, Outcome};
use eval::settings::LintLevel;

/// What values a setting takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Bool,
    /// A number from 0.
    Number,
    /// Any text.
    Text,
    /// Words parted by blanks; `extra-NAME` adds to them.
    Words,
    /// `ignore`, `warn` or `fatal`.
    Level,
    /// An absolute path, or nothing where that means none.
    Path,
}

/// Whether a setting does anything; all are read, for files written for CppNix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// It does.
    Here,
    /// There is nothing that it could change.
    Moot,
    /// What it asks for is not built.
    Missing,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name, as CppNix calls it where CppNix has it.
    pub(crate) name: &'static str,
    /// What values it takes.
    pub(crate) kind: Kind,
    /// Its value when nobody sets it.
    pub(crate) default: &'static str,
    /// Whether it does anything.
    pub(crate) effect: Effect,
    /// What it means, with the unit of a number.
    pub(crate) doc: &'static str,
}

impl Setting {
    /// Returns the setting called `name`.
    pub(crate) fn find(name: &str) -> Option<&'static Setting> {
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        let name = alias.map_or(name, |(_, name)| name);
        TABLE.iter().find(|row| row.name == name)
    }

    /// Returns all settings, in the order of the manual.
    pub(crate) fn all() -> impl Iterator<Item = &'static Setting> {
        TABLE.iter()
    }

    /// Returns the value that holds when nobody sets it.
    pub(crate) fn default_value(&self) -> String {
        match self.name {
            "system" => format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            // Another store's paths are in no cache of `/nix/store`.
            "substituters"
                if env_vars::NIX_STORE_DIR.value().is_some_and(|it| it != "/nix/store") =>
            {
                String::new()
            }
            _ => self.default.to_owned(),
        }
    }

    /// Whether `value`, which the setting takes, is what holds when nobody sets it.
    pub(crate) fn is_default(&self, value: &str) -> bool {
        match self.kind {
            Kind::Bool => truth(value) == truth(self.default),
            Kind::Number => number(value) == number(self.default),
            Kind::Text | Kind::Words | Kind::Level | Kind::Path => {
                value.split_whitespace().eq(self.default_value().split_whitespace())
            }
        }
    }

    /// Tells whether `value` is one that the setting takes.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub(crate) fn check(&self, value: &str) -> Outcome {
        let name = self.name;
        match self.kind {
            Kind::Bool if truth(value).is_none() => {
                Err(Failure::new(format!("Boolean setting '{name}' has invalid value '{value}'")))
            }
            Kind::Number if name == "max-jobs" && value == "auto" => Ok(()),
            Kind::Number if name == "max-jobs" && number(value).is_none() => {
                Err(Failure::new("configuration setting 'max-jobs' should be 'auto' or an integer"))
            }
            Kind::Text if name == "sandbox" && !matches!(value, "true" | "false" | "relaxed") => {
                Err(Failure::new(format!("option '{name}' has invalid value '{value}'")))
            }
            Kind::Text if name == "store" => check_store(value),
            Kind::Words if name == "substituters" => {
                value.split_whitespace().try_for_each(check_store)
            }
            Kind::Number if number(value).is_none() => {
                Err(Failure::new(format!("setting '{name}' has invalid value '{value}'")))
            }
            Kind::Level if LintLevel::parse(value).is_none() => Err(Failure::new(format!(
                "option '{name}' has invalid value '{value}' (expected 'ignore', 'warn', or \
                 'fatal')"
            ))),
            Kind::Text
                if name == "eval-profiler" && !matches!(value, "disabled" | "flamegraph") =>
            {
                Err(Failure::new(format!("option '{name}' has invalid value '{value}'")))
            }
            Kind::Text if name == "error-format" && !matches!(value, "text" | "json") => {
                Err(Failure::new(format!(
                    "setting '{name}' has invalid value '{value}' (expected 'text' or 'json')"
                )))
            }
            Kind::Path if value.is_empty() && MUST_BE_PATHS.contains(&name) => {
                Err(Failure::new(format!("setting '{name}' is a path and paths cannot be empty")))
            }
            Kind::Path if !value.is_empty() && !value.starts_with('/') => {
                Err(Failure::new(format!("{NOT_ABSOLUTE}: \"{value}\"")))
            }
            Kind::Bool | Kind::Number | Kind::Text | Kind::Words | Kind::Level | Kind::Path => {
                Ok(())
            }
        }
    }
}

/// What is wrong with a path that starts from somewhere else than the root.
pub(crate) const NOT_ABSOLUTE: &str = "not an absolute path";
/// Paths that nobody can do without.
const MUST_BE_PATHS: &[&str] = &["netrc-file", "sandbox-build-dir"];

/// Refuses what cannot be the name of a store.
///
/// Source: CppNix, `StoreReference::parse`.
fn check_store(reference: &str) -> Outcome {
    let base = reference.split('?').next().unwrap_or_default();
    let is_name = matches!(base, "" | "auto" | "daemon" | "local") || base.contains('/');
    if is_name { Ok(()) } else { Err(Failure::new(unparsed_store(reference))) }
}

/// What is said of a text that names no store.
pub(crate) fn unparsed_store(reference: &str) -> String {
    format!("Cannot parse Nix store '{reference}'")
}

/// Returns what is wrong with a number that a flag of its own gives.
pub(super) fn wrong_count(value: &str) -> Option<String> {
    if number(value).is_some() {
        return None;
    }
    Some(match value.chars().next_back().map(|unit| unit.to_ascii_uppercase()) {
        Some(unit) if unit.is_ascii_alphabetic() && !"KMGT".contains(unit) => {
            format!("invalid unit specifier '{unit}'")
        }
        _ => format!("'{value}' is not an integer"),
    })
}

/// Returns the experimental feature without which a setting is not taken.
pub(super) fn feature_of(name: &str) -> Option<&'static str> {
    match name {
        "auto-allocate-uids" => Some("auto-allocate-uids"),
        "impure-env" => Some("configurable-impure-env"),
        _ => None,
    }
}

/// Returns what a word says of something that is on or off.
pub(super) fn truth(value: &str) -> Option<bool> {
    match value {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Returns a number, which may end in a unit: `K`, `M`, `G` or `T`.
pub(super) fn number(value: &str) -> Option<u64> {
    let (digits, shift) = match value.chars().next_back()?.to_ascii_uppercase() {
        'K' => (value.get(..value.len() - 1)?, 10),
        'M' => (value.get(..value.len() - 1)?, 20),
        'G' => (value.get(..value.len() - 1)?, 30),
        'T' => (value.get(..value.len() - 1)?, 40),
        _ => (value, 0),
    };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(1 << shift)
}

/// The experimental features that there are; others are warned of.
pub(super) const FEATURES: &[&str] = &[
    "auto-allocate-uids",
    "blake3-hashes",
    "ca-derivations",
    "cgroups",
    "configurable-impure-env",
    "daemon-trust-override",
    "dynamic-derivations",
    "external-builders",
    "fetch-closure",
    "fetch-tree",
    "flakes",
    "git-hashing",
    "impure-derivations",
    "local-overlay-store",
    "mounted-ssh-store",
    "nix-command",
    "parse-toml-timestamps",
    "pipe-operators",
    "read-only-local-store",
    "recursive-nix",
    "verified-fetches",
];

const fn row(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Setting {
    Setting { name, kind, default, effect: Effect::Here, doc }
}

/// A setting with nothing here that it could change.
const fn moot(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Setting {
    Setting { effect: Effect::Moot, ..row(name, kind, default, doc) }
}

/// A setting whose effect is not built; whoever wants another value than the default is told.
const fn missing(name: &'static str, kind: Kind, default: &'static str) -> Setting {
    let doc = "Has no effect here, which a warning says of every value but the default.";
    Setting { effect: Effect::Missing, ..row(name, kind, default, doc) }
}

/// Other names of settings.
const ALIASES: &[(&str, &str)] = &[
    ("binary-cache-public-keys", "trusted-public-keys"),
    ("binary-caches", "substituters"),
    ("binary-caches-parallel-connections", "http-connections"),
    ("build-chroot-dirs", "sandbox-paths"),
    ("build-compress-log", "compress-build-log"),
    ("build-cores", "cores"),
    ("build-fallback", "fallback"),
    ("build-impersonate-linux-26", "impersonate-linux-26"),
    ("build-keep-log", "keep-build-log"),
    ("build-max-jobs", "max-jobs"),
    ("build-max-log-size", "max-build-log-size"),
    ("build-max-silent-time", "max-silent-time"),
    ("build-sandbox-paths", "sandbox-paths"),
    ("build-timeout", "timeout"),
    ("build-use-chroot", "sandbox"),
    ("build-use-sandbox", "sandbox"),
    ("build-use-substitutes", "substitute"),
    ("commit-lockfile-summary", "commit-lock-file-summary"),
    ("env-keep-derivations", "keep-env-derivations"),
    ("gc-keep-derivations", "keep-derivations"),
    ("gc-keep-outputs", "keep-outputs"),
    ("substitution-max-jobs", "max-substitution-jobs"),
    ("trusted-binary-caches", "trusted-substituters"),
];

use Kind::{Bool, Level, Number, Path, Text, Words};

/// All settings, by name.
pub(crate) static TABLE: &[Setting] = &[
    row("abort-on-warn", Bool, "false", "Whether `builtins.warn` throws."),
    row(
        "allow-import-from-derivation",
        Bool,
        "true",
        "Whether evaluation may build what it imports.",
    ),
    row("allowed-uris", Words, "", "Prefixes of what restricted evaluation may fetch."),
    row("build-users-group", Text, "", "The group whose members run builds when root builds."),
    row("cores", Number, "0", "How many cores a builder is told to use; 0 for all."),
    row(
        "error-format",
        Text,
        "text",
        "How `nivis` tells errors of evaluations: `text`, or `json`, one object a line.",
    ),
    row("experimental-features", Words, "", "Names of experimental features that are on."),
    row("keep-failed", Bool, "false", "Whether the directory of a failed build stays."),
    row("keep-going", Bool, "false", "Whether other builds go on when one fails."),
    row(
        "lint-absolute-path-literals",
        Level,
        "ignore",
        "What is done about paths that begin with `/` or `~`: `ignore`, `warn` or `fatal`.",
    ),
    row(
        "lint-short-path-literals",
        Level,
        "ignore",
        "What is done about relative paths without a dot in front: `ignore`, `warn` or `fatal`.",
    ),
    row(
        "lint-url-literals",
        Level,
        "ignore",
        "What is done about URLs that are not strings: `ignore`, `warn` or `fatal`.",
    ),
    row("max-call-depth", Number, "10000", "The deepest nesting of calls in an evaluation."),
    row(
        "max-eval-memory",
        Number,
        "0",
        "Bytes of memory for values after which an evaluation is stopped; 0: never.",
    ),
    row("max-eval-time", Number, "0", "Seconds after which an evaluation is stopped; 0: never."),
    row("max-jobs", Number, "1", "How many builds run at once; `auto` for one per core."),
    row(
        "max-silent-time",
        Number,
        "0",
        "Seconds after which a silent builder is stopped; 0: never.",
    ),
    row("nix-path", Words, "", "The search path when NIX_PATH is not set."),
    row("print-build-output", Bool, "true", "Whether what builders say is shown."),
    row("pure-eval", Bool, "false", "Whether evaluation sees only what has a hash."),
    row("restrict-eval", Bool, "false", "Whether evaluation sees only the search path."),
    row("sandbox", Text, "true", "Whether builds run in a sandbox: `true`, `false` or `relaxed`."),
    row(
        "sandbox-paths",
        Words,
        "",
        "Host paths that every sandbox shows: `path` or `inside=path`; unless set, a static shell \
         of the host as `/bin/sh`.",
    ),
    row("show-trace", Bool, "false", "Whether an error shows the whole way to it."),
    row("store", Text, "", "The store to use: a directory, `local`, or `dummy://`."),
    row("system", Text, "", "The system that builds run on."),
    row("timeout", Number, "0", "Seconds after which a builder is stopped; 0: never."),
    row("trace-verbose", Bool, "false", "Whether `builtins.traceVerbose` speaks."),
    row("compress-build-log", Bool, "true", "Whether build logs are compressed."),
    row(
        "diff-hook",
        Path,
        "",
        "The program that compares outputs that differ, with `run-diff-hook`.",
    ),
    row("extra-platforms", Words, "", "Other systems whose builders this machine can run."),
    row("keep-build-log", Bool, "true", "Whether build logs are kept."),
    row("log-lines", Number, "10", "How many lines of a failed builder's log an error shows."),
    row(
        "max-build-log-size",
        Number,
        "0",
        "Bytes of log after which a builder is stopped; 0: never.",
    ),
    row("post-build-hook", Text, "", "The program to run after each build."),
    row("run-diff-hook", Bool, "false", "Whether `diff-hook` runs when outputs differ."),
    row(
        "sandbox-fallback",
        Bool,
        "false",
        "Whether to build without a sandbox where there can be none.",
    ),
    row("substitute", Bool, "true", "Whether outputs may come from caches."),
    row("tarball-ttl", Number, "3600", "Seconds for which a fetched address counts as unchanged."),
    row("system-features", Words, "", "What derivations may require of this machine."),
    row(
        "hashed-mirrors",
        Words,
        "",
        "Servers that have files by their hash, asked before a file's own.",
    ),
    row(
        "sandbox-dev-shm-size",
        Text,
        "50%",
        "The size of the sandbox's `/dev/shm`, as `mount` takes it.",
    ),
    row(
        "auto-optimise-store",
        Bool,
        "false",
        "Whether equal files in the store become one as they are added.",
    ),
    row(
        "fsync-metadata",
        Bool,
        "true",
        "Whether objects are on the disk before they are registered.",
    ),
    row("keep-derivations", Bool, "true", "Whether an output that stays keeps its derivations."),
    row("keep-outputs", Bool, "false", "Whether a derivation that stays keeps its outputs."),
    row(
        "accept-flake-config",
        Bool,
        "false",
        "Whether the settings that a flake would like to have are taken without asking.",
    ),
    row(
        "access-tokens",
        Words,
        "",
        "What servers know the person by: `HOST=TOKEN`, or `HOST/OWNER/REPOSITORY=TOKEN`.",
    ),
    row("allow-dirty", Bool, "true", "Whether working trees with changes may be fetched."),
    row(
        "allow-dirty-locks",
        Bool,
        "false",
        "Whether lock files may have trees that nothing names exactly.",
    ),
    row(
        "commit-lock-file-summary",
        Text,
        "",
        "The first line of the message with which lock files are committed.",
    ),
    row("connect-timeout", Number, "15", "Seconds to wait for a connection to a server."),
    row("download-attempts", Number, "5", "How often an address is tried."),
    row(
        "flake-registry",
        Text,
        "https://channels.nixos.org/flake-registry.json",
        "The file or address of the registry for everybody; empty: none.",
    ),
    row(
        "forge-urls",
        Words,
        "",
        "Where servers with repositories really are: `HOST=URL`, for mirrors and tests.",
    ),
    row("netrc-file", Path, "", "The file of names and passwords by server."),
    row("ssl-cert-file", Path, "", "The certificates of who is trusted, instead of the built-in."),
    row(
        "stalled-download-timeout",
        Number,
        "300",
        "Seconds that a server may send nothing in the middle of an answer.",
    ),
    row("use-registries", Bool, "true", "Whether names of flakes are looked up in registries."),
    row("user-agent-suffix", Text, "", "What follows our name where we introduce ourselves."),
    row("warn-dirty", Bool, "true", "Whether there is a warning of working trees with changes."),
    row("use-sqlite-wal", Bool, "true", "Whether the database has a write-ahead log."),
    row("allow-symlinked-store", Bool, "false", "Whether the store's directory may be a link."),
    row(
        "allowed-impure-host-deps",
        Words,
        "/bin /lib /lib32 /lib64 /usr",
        "Paths of the host that derivations may ask to see.",
    ),
    row("build-dir", Path, "", "Where directories of builds are made; unless set, in the state."),
    row("download-speed", Number, "0", "KiB per second that a download may take; 0: any number."),
    row(
        "eval-profile-file",
        Text,
        "nix.profile",
        "The file that samples of an evaluation go to, for programs that draw flame graphs.",
    ),
    row(
        "eval-profiler",
        Text,
        "disabled",
        "Whether samples of the calls under way are taken: `flamegraph` or `disabled`.",
    ),
    row(
        "eval-profiler-frequency",
        Number,
        "99",
        "How many samples are taken in a second; 0: one at each call.",
    ),
    row("eval-system", Text, "", "The value of `builtins.currentSystem`; unless set, `system`."),
    row("filter-syscalls", Bool, "true", "Whether builders are kept from set-id files and such."),
    row(
        "fsync-store-paths",
        Bool,
        "false",
        "Whether objects are on the disk before they are registered, whatever `fsync-metadata`.",
    ),
    row(
        "gc-reserved-space",
        Number,
        "8388608",
        "Bytes of disk that are set aside so that a collection can run when the rest is full.",
    ),
    row(
        "impersonate-linux-26",
        Bool,
        "false",
        "Whether builders take the kernel for a Linux of version 2.6.",
    ),
    row(
        "impure-env",
        Words,
        "",
        "Variables `NAME=VALUE` for builders that may ask for some of the caller's.",
    ),
    row(
        "max-free",
        Number,
        "9223372036854775807",
        "Bytes of free disk at which a collection because of `min-free` stops.",
    ),
    row("min-free", Number, "0", "Bytes of free disk below which a build collects garbage first."),
    row("min-free-check-interval", Number, "5", "Seconds between looks at how much disk is free."),
    row("pre-build-hook", Text, "", "The program that says which paths a build may also see."),
    row("print-missing", Bool, "true", "Whether what will be built is told before."),
    row("sandbox-build-dir", Path, "/build", "Where a sandbox shows the build's directory."),
    row(
        "sync-before-registering",
        Bool,
        "false",
        "Whether all disks are flushed before objects are registered.",
    ),
    row("trace-function-calls", Bool, "false", "Whether each call is told as it begins and ends."),
    row(
        "trace-import-from-derivation",
        Bool,
        "false",
        "Whether there is a warning of each build that evaluation waits for.",
    ),
    row(
        "warn-short-path-literals",
        Bool,
        "false",
        "Whether there is a warning as of `lint-short-path-literals`.",
    ),
    row(
        "warn-large-path-threshold",
        Number,
        "0",
        "Bytes from which on there is a warning of what evaluation copies to the store; 0: never.",
    ),
    row(
        "always-allow-substitutes",
        Bool,
        "false",
        "Whether caches are asked also for outputs of derivations that would rather be built.",
    ),
    row("fallback", Bool, "false", "Whether what a cache fails to give is built."),
    row("require-sigs", Bool, "true", "Whether objects of caches need a trusted signature."),
    row(
        "substituters",
        Words,
        "https://cache.nixos.org/",
        "Binary caches that outputs may come from.",
    ),
    row(
        "trusted-public-keys",
        Words,
        "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",
        "The keys of those whose signatures are trusted: `NAME:BASE64`.",
    ),
    row(
        "auto-allocate-uids",
        Bool,
        "false",
        "Whether builders of root run as accounts of the range from `start-id` on.",
    ),
    row("id-count", Number, "8388608", "How many accounts the range has."),
    row("start-id", Number, "872415232", "The first account of the range for builders."),
    row("json-log-path", Path, "", "The file or socket that the log goes to as lines of JSON."),
    row("plugin-files", Words, "", "Libraries to load; none can be, so that any is an error."),
    row("secret-key-files", Words, "", "Files with the keys that sign what is built."),
    row(
        "trust-tarballs-from-git-forges",
        Bool,
        "true",
        "Whether the word of servers with repositories is taken for what a commit holds.",
    ),
    row(
        "use-xdg-base-directories",
        Bool,
        "false",
        "Whether the user's profile and expressions are in `$XDG_STATE_HOME/nix`, not in `$HOME`.",
    ),
    moot(
        "keep-env-derivations",
        Bool,
        "false",
        "What `nix-env --install` does, which there is not.",
    ),
    moot("allowed-users", Words, "*", "Who may ask a daemon; there is none."),
    moot("bash-prompt", Text, "", "The prompt of `nix develop`, which there is not."),
    moot("bash-prompt-prefix", Text, "", "The prompt of `nix develop`, which there is not."),
    moot("bash-prompt-suffix", Text, "", "The prompt of `nix develop`, which there is not."),
    moot("build-poll-interval", Number, "5", "Seconds between looks at locks; we wait for them."),
    moot("debugger-on-trace", Bool, "false", "When a debugger stops; there is none."),
    moot("debugger-on-warn", Bool, "false", "When a debugger stops; there is none."),
    moot("download-buffer-size", Number, "1048576", "Bytes of a buffer, which changes no result."),
    moot(
        "eval-attrset-update-layer-rhs-threshold",
        Number,
        "16",
        "How sets are kept, which changes no result.",
    ),
    moot("eval-cache", Bool, "true", "Whether flakes' values are kept, which changes no result."),
    moot("http-connections", Number, "25", "How many connections, which changes no result."),
    moot("http2", Bool, "true", "How servers are spoken to, which changes no result."),
    moot("ignore-try", Bool, "false", "When a debugger stops; there is none."),
    moot("max-substitution-jobs", Number, "16", "How many downloads, which changes no result."),
    moot("nar-buffer-size", Number, "33554432", "Bytes of a buffer, which changes no result."),
    moot(
        "nix-shell-always-looks-for-shell-nix",
        Bool,
        "true",
        "What `nix-shell` does, which there is not.",
    ),
    moot(
        "nix-shell-shebang-arguments-relative-to-script",
        Bool,
        "true",
        "What `nix-shell` does, which there is not.",
    ),
    moot("preallocate-contents", Bool, "false", "How files are written, which changes no result."),
    moot(
        "require-drop-supplementary-groups",
        Bool,
        "true",
        "Whether a builder that keeps groups is refused; none does.",
    ),
    moot(
        "narinfo-cache-meta-ttl",
        Number,
        "604800",
        "How long caches' words count; they are asked each time.",
    ),
    moot(
        "narinfo-cache-negative-ttl",
        Number,
        "3600",
        "How long caches' words count; they are asked each time.",
    ),
    moot(
        "narinfo-cache-positive-ttl",
        Number,
        "2592000",
        "How long caches' words count; they are asked each time.",
    ),
    moot("trusted-substituters", Words, "", "What others may ask a daemon for; there is none."),
    moot("trusted-users", Words, "root", "Who may ask a daemon for more; there is none."),
    moot(
        "upgrade-nix-store-path-url",
        Text,
        "https://github.com/NixOS/nixpkgs/raw/master/nixos/modules/installer/tools/\
         nix-fallback-paths.nix",
        "What `nix upgrade-nix` does, which there is not.",
    ),
    missing("allow-new-privileges", Bool, "false"),
    missing("allow-unsafe-native-code-during-evaluation", Bool, "false"),
    missing("build-hook", Text, "nix __build-remote"),
    missing("builders", Text, "@/etc/nix/machines"),
    missing("builders-use-substitutes", Bool, "false"),
    missing("external-builders", Text, "[]"),
    missing("ignore-gc-delete-failure", Bool, "false"),
    missing("ignored-acls", Words, "security.csm security.selinux system.nfs4_acl"),
    missing("use-case-hack", Bool, "false"),
    missing("use-cgroups", Bool, "false"),
];

#[cfg(test)]
mod tests {
    use super::{ALIASES, Setting, TABLE};

    #[test]
    fn other_names_lead_to_settings() {
        for (alias, name) in ALIASES {
            assert_eq!(Setting::find(alias).map(|row| row.name), Some(*name));
        }
    }

    #[test]
    fn defaults_are_good_values() {
        for row in TABLE.iter().filter(|row| row.name != "netrc-file") {
            assert!(row.check(&row.default_value()).is_ok(), "{}", row.name);
            assert!(row.doc.ends_with('.'), "{}", row.name);
        }
    }

    #[test]
    fn names_are_unique() {
        for (idx, row) in TABLE.iter().enumerate() {
            let first = Setting::find(row.name).expect("it is in the table");
            assert!(std::ptr::eq(first, TABLE.get(idx).expect("same index")), "{}", row.name);
        }
    }
}
