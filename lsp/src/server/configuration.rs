//! What the user has set in the editor, under the key `nivis`, and what the client can do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use eval::settings::Settings;
use lsp_types::ClientCapabilities;
use serde::Deserialize;
use serde_json::Value;

/// The most memory for the values of an evaluation, unless something else is set. Unit: MiB.
const MEMORY_MIB_MAX: u64 = 4096;
/// How long an evaluation may take, unless something else is set. Unit: seconds.
const SECONDS_MAX: u64 = 180;

/// The settings; every key may be missing.
///
/// ```json
/// { "nivis": {
///   "evaluation": { "fetch": false, "memoryMib": 4096, "seconds": 180 },
///   "roles": { "home/**": "role home-manager", "host.nix": "root ./configuration.nix" }
/// } }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Configuration {
    /// How configurations are evaluated.
    pub(super) evaluation: Evaluation,
    /// What files are part of, by patterns of their paths in the open folders; said in the words
    /// of the comment `# nivis: …`, which counts for more.
    pub(super) roles: BTreeMap<String, String>,
}

/// The settings of evaluations.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Evaluation {
    /// Whether options are evaluated at all. Without, only what files say themselves is known.
    pub(super) enable: bool,
    /// Whether an evaluation may ask for builds. A workspace has to be trusted for that.
    pub(super) import_from_derivation: bool,
    /// Whether an evaluation may load from the network or run `git`. A workspace has to be trusted
    /// for that.
    pub(super) fetch: bool,
    /// The most memory for values. Unit: MiB.
    pub(super) memory_mib: u64,
    /// The longest time. Unit: seconds.
    pub(super) seconds: u64,
}

impl Default for Evaluation {
    fn default() -> Evaluation {
        Evaluation {
            enable: true,
            import_from_derivation: false,
            fetch: false,
            memory_mib: MEMORY_MIB_MAX,
            seconds: SECONDS_MAX,
        }
    }
}

impl Configuration {
    /// Reads settings as a client sends them: below the key `nivis`, or what stands there.
    /// The error says which of them cannot be read.
    pub(super) fn read(settings: &Value) -> Result<Configuration, String> {
        let settings = settings.get("nivis").unwrap_or(settings);
        if settings.is_null() {
            return Ok(Configuration::default());
        }
        Configuration::deserialize(settings).map_err(|error| error.to_string())
    }

    /// Returns what is set for a file: what a comment `# nivis: …` in it would say.
    pub(super) fn role_of(&self, path: &[u8], folders: &[Vec<u8>]) -> Option<&str> {
        let inside = folders
            .iter()
            .filter_map(|folder| path.strip_prefix(folder.as_slice())?.strip_prefix(b"/"));
        let inside = inside.min_by_key(|it| it.len()).unwrap_or(path);
        let said = self.roles.iter().find(|(pattern, _)| matches(pattern.as_bytes(), inside));
        said.map(|(_, said)| said.as_str())
    }

    /// Returns how an evaluation runs.
    pub(super) fn settings(&self, base: &Settings) -> Settings {
        let set = usize::try_from(self.evaluation.memory_mib.saturating_mul(1 << 20));
        let set = set.unwrap_or(usize::MAX);
        let heap_size_bytes_max = match base.heap_size_bytes_max {
            0 => set,
            given => given.min(set),
        };
        Settings {
            heap_size_bytes_max,
            // An editor looks; it registers nothing.
            read_only: true,
            import_from_derivation: self.evaluation.import_from_derivation,
            ..base.clone()
        }
    }

    /// Returns how long an evaluation may take.
    pub(super) fn time_max(&self) -> Duration {
        Duration::from_secs(self.evaluation.seconds)
    }
}

/// Whether a path fits a pattern: `*` is anything in one name, `**` anything.
fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let rest = |from: usize| path.get(from..).unwrap_or_default();
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', b'/', after @ ..] if matches(after, path) => true,
        [b'*', b'*', after @ ..] => (0..=path.len()).any(|at| matches(after, rest(at))),
        [b'*', after @ ..] => {
            let end = path.iter().position(|&byte| byte == b'/').unwrap_or(path.len());
            (0..=end).any(|at| matches(after, rest(at)))
        }
        [first, after @ ..] => path.first() == Some(first) && matches(after, rest(1)),
    }
}

/// What the client can do, as far as it makes a difference.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Client {
    /// It takes a range for all items of a completion.
    pub(super) has_item_defaults: bool,
    /// It asks for diagnostics, so none are pushed.
    pub(super) pulls_diagnostics: bool,
    /// It asks again for all diagnostics when told to.
    pub(super) refreshes_diagnostics: bool,
    /// It tells when files change, once registered for.
    pub(super) watches_files: bool,
    /// It tells the settings when asked.
    pub(super) tells_settings: bool,
    /// It tells when settings change, once registered for.
    pub(super) registers_settings: bool,
    /// It shows that work goes on.
    pub(super) shows_progress: bool,
}

impl Client {
    /// Reads what a client says that it can do.
    pub(super) fn new(capabilities: &ClientCapabilities) -> Client {
        let workspace = capabilities.workspace.as_ref();
        let document = capabilities.text_document.as_ref();
        let window = capabilities.window.as_ref();
        let defaults = document
            .and_then(|it| it.completion.as_ref())
            .and_then(|it| it.completion_list.as_ref())
            .and_then(|it| it.item_defaults.as_ref());
        let watched = workspace.and_then(|it| it.did_change_watched_files.as_ref());
        let settings = workspace.and_then(|it| it.did_change_configuration.as_ref());
        let diagnostics = workspace.and_then(|it| it.diagnostic.as_ref());
        Client {
            has_item_defaults: defaults.is_some_and(|it| it.iter().any(|it| it == "editRange")),
            pulls_diagnostics: document.is_some_and(|it| it.diagnostic.is_some()),
            refreshes_diagnostics: diagnostics.and_then(|it| it.refresh_support).unwrap_or(false),
            watches_files: watched.and_then(|it| it.dynamic_registration).unwrap_or(false),
            tells_settings: workspace.and_then(|it| it.configuration).unwrap_or(false),
            registers_settings: settings.and_then(|it| it.dynamic_registration).unwrap_or(false),
            shows_progress: window.and_then(|it| it.work_done_progress).unwrap_or(false),
        }
    }
}

/// The settings as evaluations on other threads see them.
pub(super) type SharedConfiguration = Arc<Configuration>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_of_paths_in_the_open_folders() {
        let roles = [("home/**", "role home-manager"), ("*.nix", "role nixos")];
        let roles = roles.map(|(pattern, role)| (pattern.to_owned(), role.to_owned())).into();
        let configuration = Configuration { roles, ..Configuration::default() };
        let of = |path: &str| configuration.role_of(path.as_bytes(), &[b"/w".to_vec()]);
        assert_eq!(of("/w/home/a/b.nix"), Some("role home-manager"));
        assert_eq!(of("/w/host.nix"), Some("role nixos"));
        assert_eq!(of("/w/a/host.nix"), None);
        assert!(matches(b"**/x.nix", b"x.nix") && matches(b"a/**/x.nix", b"a/b/c/x.nix"));
    }
    use serde_json::json;

    #[test]
    fn both_nestings_and_none_are_read() {
        let read = |value: &Value| Configuration::read(value).expect("these can be read");
        assert_eq!(read(&Value::Null), Configuration::default());
        assert_eq!(read(&json!({})), Configuration::default());
        let inner = json!({ "evaluation": { "memoryMib": 7 } });
        assert_eq!(read(&inner).evaluation.memory_mib, 7);
        assert_eq!(read(&json!({ "nivis": inner })).evaluation.memory_mib, 7);
        assert!(Configuration::read(&json!({ "evaluation": 1 })).is_err());
    }

    #[test]
    fn a_setting_never_lifts_the_hosts_limit() {
        let configuration = Configuration::read(&json!({ "evaluation": { "memoryMib": 2 } }));
        let configuration = configuration.expect("it can be read");
        let settings = |bytes| Settings { heap_size_bytes_max: bytes, ..Settings::default() };
        let limit = |bytes| configuration.settings(&settings(bytes)).heap_size_bytes_max;
        assert_eq!((limit(0), limit(1000), limit(9 << 20)), (2 << 20, 1000, 2 << 20));
        assert!(!configuration.settings(&settings(0)).import_from_derivation);
    }
}
