//! What fetching trees and looking for flakes is told: registries, tokens, servers.

/// The settings of fetching. Plain data, decided by whoever asks.
#[derive(Clone, Debug)]
pub struct FetchSettings {
    /// Whether names are looked up in registries at all.
    pub use_registries: bool,
    /// The file of the user's registry.
    pub user_registry: Option<Vec<u8>>,
    /// The file of the machine's registry.
    pub system_registry: Option<Vec<u8>>,
    /// The file or the address of the registry for everybody; empty: there is none.
    pub global_registry: String,
    /// What servers know the person by: the beginning of `HOST/OWNER/REPOSITORY`, and a token.
    pub access_tokens: Vec<(String, String)>,
    /// Where servers really are: a host, and the address that stands for `https://HOST`.
    pub forge_urls: Vec<(String, String)>,
    /// Whether lock files may have trees that nothing names exactly.
    pub allows_dirty_locks: bool,
    /// Whether the word of a server with repositories is taken for what a commit holds.
    pub trusts_forges: bool,
    /// Whether trees whose hash is known are looked for in caches of the store first.
    pub asks_caches: bool,
}

impl Default for FetchSettings {
    fn default() -> Self {
        Self {
            use_registries: true,
            user_registry: None,
            system_registry: None,
            global_registry: String::new(),
            access_tokens: Vec::new(),
            forge_urls: Vec::new(),
            allows_dirty_locks: false,
            trusts_forges: true,
            asks_caches: false,
        }
    }
}

impl FetchSettings {
    /// Returns the address that stands for `https://HOST`, if there is one.
    pub(super) fn forge_url(&self, host: &str) -> Option<&str> {
        let found = self.forge_urls.iter().find(|(name, _)| name == host);
        found.map(|(_, url)| url.trim_end_matches('/'))
    }

    /// Returns the token for a repository: that of the longest beginning of its place, else that
    /// of its host.
    ///
    /// Source: CppNix, `GitArchiveInputScheme::getAccessToken`.
    pub(super) fn access_token(&self, host: &str, place: &str) -> Option<&str> {
        let is_above = |prefix: &str| {
            place.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let longest = self
            .access_tokens
            .iter()
            .filter(|(prefix, token)| is_above(prefix) && !token.is_empty())
            .max_by_key(|(prefix, _)| prefix.len());
        let found = longest.or_else(|| self.access_tokens.iter().find(|(name, _)| name == host));
        found.map(|(_, token)| token.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::FetchSettings;

    #[test]
    fn the_longest_beginning_of_a_place_counts() {
        let token = |prefix: &str, token: &str| (prefix.to_owned(), token.to_owned());
        let settings = FetchSettings {
            access_tokens: vec![token("h", "a"), token("h/o", "b"), token("h/ow", "c")],
            ..FetchSettings::default()
        };
        assert_eq!(settings.access_token("h", "h/o/r"), Some("b"));
        assert_eq!(settings.access_token("h", "h/x/r"), Some("a"));
        assert_eq!(settings.access_token("i", "i/o/r"), None);
    }
}
