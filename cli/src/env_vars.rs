//! Every environment variable that the program reads, declared and documented.

use std::ffi::OsString;

/// A variable that the program reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EnvVar {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it means.
    pub(crate) doc: &'static str,
}

impl EnvVar {
    /// Returns its value; one that is set but empty counts as not set.
    pub(crate) fn value(self) -> Option<OsString> {
        std::env::var_os(self.name).filter(|value| !value.is_empty())
    }

    /// Returns its value as text; none when it is not UTF-8.
    pub(crate) fn text(self) -> Option<String> {
        self.value()?.into_string().ok()
    }
}

macro_rules! env_vars {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {
        $($(#[doc = $doc])+ pub(crate) const $name: EnvVar = EnvVar {
            name: stringify!($name),
            doc: concat!($($doc, "\n"),+),
        };)+

        /// All of them, in the order of the manual.
        pub(crate) const ALL: &[EnvVar] = &[$($name),+];
    };
}

env_vars! {
    /// The search path for `<name>`: entries `name=path` or `path`, parted by colons.
    NIX_PATH;
    /// Settings, one a line, as in `nix.conf`; they come after the files.
    NIX_CONFIG;
    /// The directory of `nix.conf`; by default `/etc/nix`.
    NIX_CONF_DIR;
    /// Files of settings of the user, parted by colons, instead of those found by convention.
    NIX_USER_CONF_FILES;
    /// Anything but `0`: what an evaluation took is told as JSON.
    NIX_SHOW_STATS;
    /// The file that `NIX_SHOW_STATS` writes to, instead of stderr.
    NIX_SHOW_STATS_PATH;
    /// Anything but `0`: `NIX_SHOW_STATS` tells how often each function and builtin was called, and
    /// each attribute selected.
    NIX_COUNT_CALLS;
    /// Anything but `0`: `NIX_SHOW_STATS` tells the names of all variables and attributes.
    NIX_SHOW_SYMBOLS;
    /// The store directory; by default `/nix/store`.
    NIX_STORE_DIR;
    /// The directory of the database and the profiles; by default `/nix/var/nix`.
    NIX_STATE_DIR;
    /// The directory of build logs; by default `/nix/var/log/nix`.
    NIX_LOG_DIR;
    /// The store to use: a directory, `local`, or `dummy://` for one that stays empty.
    NIX_REMOTE;
    /// The certificates of the servers that are trusted, when the setting `ssl-cert-file` is not.
    NIX_SSL_CERT_FILE;
    /// The place of caches; by default the user's. Set but empty: no caches.
    NIVIS_CACHE_DIR;
    /// The home directory: private stores, configuration and caches lie below it.
    HOME;
    /// The user's configuration; by default `$HOME/.config`.
    XDG_CONFIG_HOME;
    /// The user's data, with the private store; by default `$HOME/.local/share`.
    XDG_DATA_HOME;
    /// The user's state, with the profiles; by default `$HOME/.local/state`.
    XDG_STATE_HOME;
    /// The profile of `nix-env` when `-p` names none; by default the user's.
    NIX_PROFILE;
    /// The editor that the prompt opens files with; by default they are only shown.
    EDITOR;
    /// The kind of terminal, which a system that is entered is told.
    TERM;
    /// The language, which a system that is entered is told.
    LANG;
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_variable_says_what_it_means() {
        for variable in super::ALL {
            assert!(variable.doc.trim().ends_with('.'), "{}", variable.name);
        }
    }
}
