//! The settings, one row each.

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
    /// Whether it does anything here; one that does not is read, for files written for CppNix.
    pub(crate) has_effect: bool,
    /// What it means, with the unit of a number.
    pub(crate) doc: &'static str,
}

impl Setting {
    /// Returns the setting called `name`.
    pub(crate) fn find(name: &str) -> Option<&'static Setting> {
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
            _ => self.default.to_owned(),
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
            Kind::Text if name == "sandbox" && value != "relaxed" && truth(value).is_none() => {
                Err(Failure::new(format!("option '{name}' has invalid value '{value}'")))
            }
            Kind::Number if number(value).is_none() => {
                Err(Failure::new(format!("setting '{name}' has invalid value '{value}'")))
            }
            Kind::Level if LintLevel::parse(value).is_none() => Err(Failure::new(format!(
                "option '{name}' has invalid value '{value}' (expected 'ignore', 'warn', or \
                 'fatal')"
            ))),
            Kind::Text if name == "error-format" && !matches!(value, "text" | "json") => {
                Err(Failure::new(format!(
                    "setting '{name}' has invalid value '{value}' (expected 'text' or 'json')"
                )))
            }
            Kind::Bool | Kind::Number | Kind::Text | Kind::Words | Kind::Level => Ok(()),
        }
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
    Setting { name, kind, default, has_effect: true, doc }
}

/// A setting that files written for CppNix may have and that does nothing here.
const fn inert(name: &'static str, kind: Kind) -> Setting {
    let doc = "Read for files written for CppNix; has no effect.";
    Setting { name, kind, default: "", has_effect: false, doc }
}

use Kind::{Bool, Level, Number, Text, Words};

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
        Text,
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
    row("netrc-file", Text, "", "The file of names and passwords by server."),
    row("ssl-cert-file", Text, "", "The certificates of who is trusted, instead of the built-in."),
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
    inert("allowed-users", Words),
    inert("build-hook", Text),
    inert("build-poll-interval", Number),
    inert("builders", Text),
    inert("builders-use-substitutes", Bool),
    inert("eval-cache", Bool),
    inert("fallback", Bool),
    inert("gc-reserved-space", Text),
    inert("http-connections", Number),
    inert("http2", Bool),
    inert("keep-env-derivations", Bool),
    inert("max-free", Text),
    inert("max-substitution-jobs", Number),
    inert("min-free", Text),
    inert("require-sigs", Bool),
    inert("sandbox-build-dir", Text),
    inert("secret-key-files", Words),
    inert("substituters", Words),
    inert("trusted-public-keys", Words),
    inert("trusted-substituters", Words),
    inert("trusted-users", Words),
    inert("allow-new-privileges", Bool),
    inert("allow-symlinked-store", Bool),
    inert("allow-unsafe-native-code-during-evaluation", Bool),
    inert("allowed-impure-host-deps", Words),
    inert("always-allow-substitutes", Bool),
    inert("auto-allocate-uids", Bool),
    inert("bash-prompt", Text),
    inert("bash-prompt-prefix", Text),
    inert("bash-prompt-suffix", Text),
    inert("build-dir", Text),
    inert("commit-lockfile-summary", Text),
    inert("debugger-on-trace", Bool),
    inert("debugger-on-warn", Bool),
    inert("download-buffer-size", Number),
    inert("download-speed", Number),
    inert("eval-attrset-update-layer-rhs-threshold", Number),
    inert("eval-profile-file", Text),
    inert("eval-profiler", Text),
    inert("eval-profiler-frequency", Number),
    inert("eval-system", Text),
    inert("external-builders", Text),
    inert("filter-syscalls", Bool),
    inert("fsync-store-paths", Bool),
    inert("id-count", Number),
    inert("ignore-gc-delete-failure", Bool),
    inert("ignore-try", Bool),
    inert("ignored-acls", Words),
    inert("impure-env", Words),
    inert("json-log-path", Text),
    inert("nar-buffer-size", Number),
    inert("narinfo-cache-negative-ttl", Number),
    inert("narinfo-cache-positive-ttl", Number),
    inert("nix-shell-always-looks-for-shell-nix", Bool),
    inert("nix-shell-shebang-arguments-relative-to-script", Bool),
    inert("plugin-files", Words),
    inert("pre-build-hook", Text),
    inert("preallocate-contents", Bool),
    inert("print-missing", Bool),
    inert("require-drop-supplementary-groups", Bool),
    inert("start-id", Number),
    inert("sync-before-registering", Bool),
    inert("trace-function-calls", Bool),
    inert("trace-import-from-derivation", Bool),
    inert("upgrade-nix-store-path-url", Text),
    inert("use-cgroups", Bool),
    inert("warn-large-path-threshold", Number),
    inert("warn-short-path-literals", Bool),
    inert("use-xdg-base-directories", Bool),
];

#[cfg(test)]
mod tests {
    use super::{Setting, TABLE};

    #[test]
    fn defaults_are_good_values() {
        for row in TABLE.iter().filter(|row| row.has_effect) {
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
