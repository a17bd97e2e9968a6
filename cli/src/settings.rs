//! What the person wants: flags over environment over files over defaults.
//!
//! The files are those of CppNix (`nix.conf` and the user's), read in its order; `NIX_CONFIG`
//! comes after them and flags last. Each setting is one row of [`TABLE`].

use crate::env_vars;
use crate::flags::Flags;
use crate::json_log;
use crate::report::{Failure, Outcome};
use crate::ui::Ui;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) use table::{Effect, Kind, NOT_ABSOLUTE, Setting, unparsed_store};

mod table;

/// The setting that `NIX_PATH` replaces.
const NIX_PATH: &str = "nix-path";

/// How much `--debug` tells.
const DEBUG_VERBOSITY: i32 = 3;

/// The value of every setting, and where the store and the state lie.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, String>,
    /// Entries of `-I`, in order; they come before those of `NIX_PATH`.
    pub(crate) search_path: Vec<String>,
    /// The entries of `NIX_PATH`, if it is set; they replace those of the files.
    environment_path: Option<Vec<String>>,
    /// How much is told: 0 for what happens, less for errors only, more for details.
    pub(crate) verbosity: i32,
}

impl Settings {
    /// Reads the files and the environment.
    ///
    /// # Errors
    ///
    /// When a file that must be there cannot be read, or a line makes no sense.
    pub(crate) fn load(ui: Ui) -> Outcome<Self> {
        let mut settings = Self::empty();
        settings.read_file(ui, &configuration_directory().join("nix.conf"), false)?;
        for path in user_files() {
            settings.read_file(ui, &path, false)?;
        }
        if let Some(text) = env_vars::NIX_CONFIG.text() {
            settings.read_lines(ui, &text, Path::new("NIX_CONFIG"))?;
        }
        let path = std::env::var(env_vars::NIX_PATH.name).ok();
        settings.environment_path = path.map(|path| split_search_path(&path));
        Ok(settings)
    }

    fn empty() -> Self {
        let values = BTreeMap::new();
        Self { values, search_path: Vec::new(), environment_path: None, verbosity: 0 }
    }

    fn read_file(&mut self, ui: Ui, path: &Path, must_exist: bool) -> Outcome {
        match std::fs::read_to_string(path) {
            Ok(text) => self.read_lines(ui, &text, path),
            // What cannot be read says nothing. Source: CppNix, `applyConfigFile`.
            Err(_) if !must_exist => Ok(()),
            Err(error) => Err(Failure::new(format!("reading {}: {error}", path.display()))),
        }
    }

    fn read_lines(&mut self, ui: Ui, text: &str, from: &Path) -> Outcome {
        let mut late = Vec::new();
        for line in text.lines() {
            let bare = line.split('#').next().unwrap_or_default();
            let mut words = bare.split_whitespace();
            let Some(name) = words.next() else { continue };
            let syntax = || {
                let from = from.display();
                Failure::new(format!("syntax error in configuration line '{line}' in \"{from}\""))
            };
            let second = words.next().ok_or_else(syntax)?;
            if name == "include" || name == "!include" {
                self.include(ui, from, second, name == "include")?;
                continue;
            }
            if second != "=" {
                return Err(syntax());
            }
            let value = words.collect::<Vec<_>>().join(" ");
            if table::feature_of(name).is_some() {
                // The features may come after it.
                late.push((name, value));
            } else {
                self.set_option(ui, name, &value)?;
            }
        }
        for (name, value) in late {
            self.set_option(ui, name, &value)?;
        }
        Ok(())
    }

    /// Reads a file that another one includes.
    fn include(&mut self, ui: Ui, from: &Path, text: &str, must_exist: bool) -> Outcome {
        let path = match from.parent() {
            Some(directory) if directory.is_absolute() => directory.join(text),
            _ if Path::new(text).is_absolute() => PathBuf::from(text),
            _ => return Err(Failure::new(format!("not an absolute path: \"{text}\""))),
        };
        if must_exist && !path.exists() {
            return Err(Failure::new(format!(
                "file \"{}\" included from \"{}\" not found",
                path.display(),
                from.display()
            )));
        }
        self.read_file(ui, &path, false)
    }

    /// Sets a setting, or adds to it when its name starts with `extra-`; `false` if there is none.
    ///
    /// # Errors
    ///
    /// When the value is not of the setting's kind.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Outcome<bool> {
        if let Some(row) = Setting::find(name) {
            row.check(value)?;
            self.values.insert(row.name, value.to_owned());
            match row.name {
                "plugin-files" => refuse_plugins(value)?,
                "json-log-path" => {
                    if let Err(problem) = json_log::open(value) {
                        Ui.tell(format!("error (ignored): {problem}"));
                    }
                }
                _ => {}
            }
            if row.name == NIX_PATH {
                self.environment_path = None;
            }
            return Ok(true);
        }
        let Some(row) = name.strip_prefix("extra-").and_then(Setting::find) else {
            return Ok(false);
        };
        if row.kind != Kind::Words {
            return Ok(false);
        }
        if let Some(entries) = self.environment_path.as_mut().filter(|_| row.name == NIX_PATH) {
            entries.extend(value.split_whitespace().map(str::to_owned));
            return Ok(true);
        }
        let joined = format!("{} {value}", self.text(row.name));
        self.values.insert(row.name, joined.trim().to_owned());
        Ok(true)
    }

    /// Takes a flag that is a setting or that all commands have; `false` if it is neither.
    ///
    /// # Errors
    ///
    /// When its value is missing or not of the right kind.
    pub(crate) fn take_flag(&mut self, ui: Ui, flag: &str, flags: &mut Flags) -> Outcome<bool> {
        match flag {
            "--option" => {
                let [name, value] = flags.values(flag)?;
                if let Err(failure) = self.set_option(ui, &name, &value) {
                    if FATAL.iter().any(|start| failure.message.starts_with(start)) {
                        return Err(failure);
                    }
                    ui.warn(failure.message);
                }
            }
            "-v" | "--verbose" => self.verbosity += 1,
            "--quiet" => self.verbosity -= 1,
            "--debug" => self.verbosity = DEBUG_VERBOSITY,
            "-I" | "--include" => {
                let entry = flags.value(flag)?;
                self.search_path.push(entry);
            }
            "-K" | "--keep-failed" => self.force("keep-failed", "true"),
            "-k" | "--keep-going" => self.force("keep-going", "true"),
            "-j" => {
                let jobs = flags.value(flag)?;
                self.set("max-jobs", &jobs).map_err(|failure| flags.wrong(failure.message))?;
            }
            "--store" => {
                let store = flags.value(flag)?;
                self.set("store", &store).map_err(|failure| flags.wrong(failure.message))?;
            }
            "--impure" => self.force("pure-eval", "false"),
            "--no-build-output" | "-Q" => self.force("print-build-output", "false"),
            _ => return self.take_setting_flag(ui, flag, flags),
        }
        Ok(true)
    }

    /// Takes `--NAME VALUE`, `--NAME` and `--no-NAME` of a setting in the table.
    fn take_setting_flag(&mut self, ui: Ui, flag: &str, flags: &mut Flags) -> Outcome<bool> {
        let Some(name) = flag.strip_prefix("--") else { return Ok(false) };
        if let Some(base) = name.strip_prefix("extra-").and_then(Setting::find)
            && base.kind == Kind::Words
        {
            let value = flags.value(flag)?;
            warn_of_value(ui, name, &value);
            return self.set(name, &value);
        }
        let (row, value) = match (Setting::find(name), name.strip_prefix("no-")) {
            (Some(row), _) if row.name == "sandbox" => (row, "true".to_owned()),
            (None, Some("sandbox")) => return self.set("sandbox", "false"),
            (None, _) if name == "relaxed-sandbox" => return self.set("sandbox", "relaxed"),
            (Some(row), _) if row.kind == Kind::Bool => (row, "true".to_owned()),
            (Some(row), _) => (row, flags.value(flag)?),
            (None, Some(positive)) => match Setting::find(positive) {
                Some(row) if row.kind == Kind::Bool => (row, "false".to_owned()),
                _ => return Ok(false),
            },
            (None, None) => return Ok(false),
        };
        let is_count = flags.command() != "nix" && COUNTS.contains(&name);
        if let (true, Some(problem)) = (is_count, table::wrong_count(&value)) {
            return Err(flags.wrong(problem));
        }
        if let Err(failure) = row.check(&value) {
            let is_path = failure.message.starts_with(table::NOT_ABSOLUTE);
            return Err(if is_path { failure } else { flags.wrong(failure.message) });
        }
        warn_of_value(ui, row.name, &value);
        if let Some(feature) = self.lacked_feature(row) {
            if row.kind != Kind::Bool {
                self.set_option(ui, name, &value)?;
            }
            return Err(Failure::new(format!(
                "experimental Nix feature '{feature}' is disabled; add \
                 '--extra-experimental-features {feature}' to enable it"
            )));
        }
        self.set(row.name, &value)
    }

    /// Does what `--option NAME VALUE` asks.
    ///
    /// # Errors
    ///
    /// When the value is not of the setting's kind.
    pub(crate) fn set_option(&mut self, ui: Ui, name: &str, value: &str) -> Outcome {
        if let Some((row, feature)) =
            Setting::find(name).and_then(|row| Some((row, self.lacked_feature(row)?)))
        {
            ui.warn(format!(
                "Ignoring setting '{}' because experimental feature '{feature}' is not enabled",
                row.name
            ));
            return Ok(());
        }
        if !self.set(name, value)? {
            ui.warn(format!("unknown setting '{name}'"));
        }
        warn_of_value(ui, name, value);
        Ok(())
    }

    /// Returns the experimental feature that a setting belongs to, if that is not on.
    fn lacked_feature(&self, row: &Setting) -> Option<&'static str> {
        let feature = table::feature_of(row.name)?;
        let is_on = self.words("experimental-features").iter().any(|word| word == feature);
        (!is_on).then_some(feature)
    }

    /// Sets what is known to be right.
    pub(crate) fn force(&mut self, name: &'static str, value: &str) {
        self.values.insert(name, value.to_owned());
    }

    /// Returns a setting as text.
    pub(crate) fn text(&self, name: &str) -> String {
        match self.values.get(name) {
            Some(value) => value.clone(),
            None => Setting::find(name).map(Setting::default_value).unwrap_or_default(),
        }
    }

    /// Tells whether a setting was set by anyone.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Returns a setting that is on or off.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        table::truth(&self.text(name)) == Some(true)
    }

    /// Returns a setting that is a number, in the unit of its row.
    pub(crate) fn number(&self, name: &str) -> u64 {
        table::number(&self.text(name)).unwrap_or_default()
    }

    /// Returns a setting that is a list of words.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        self.text(name).split_whitespace().map(str::to_owned).collect()
    }

    /// Returns how many builds may run at once.
    pub(crate) fn max_jobs(&self) -> usize {
        match self.text("max-jobs").as_str() {
            "auto" => std::thread::available_parallelism().map_or(1, usize::from),
            number => number.parse().unwrap_or(1),
        }
    }

    /// Returns the entries of the search path: `-I` first, then `NIX_PATH` or the setting.
    pub(crate) fn search_path_entries(&self) -> Vec<String> {
        let mut entries = self.search_path.clone();
        match &self.environment_path {
            Some(path) => entries.extend(path.iter().cloned()),
            None => entries.extend(self.words(NIX_PATH)),
        }
        entries
    }

    /// Tells whether anyone said what the search path is, apart from `-I`.
    pub(crate) fn has_search_path(&self) -> bool {
        self.environment_path.is_some() || self.is_set(NIX_PATH)
    }
}

/// Flags that CppNix reads with other words than settings.
const COUNTS: [&str; 3] = ["cores", "max-silent-time", "timeout"];

/// How failures of `--option` begin that are no mere warnings.
const FATAL: [&str; 3] =
    [table::NOT_ABSOLUTE, "could not dynamically open", "cannot read directory"];

/// Refuses plugins, which are written for another program; a directory without any is none.
fn refuse_plugins(files: &str) -> Outcome {
    for file in files.split_whitespace() {
        let found = match std::fs::read_dir(file) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).min(),
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Some(file.into()),
            Err(error) => {
                let error = error.to_string();
                let reason = error.split(" (os error").next().unwrap_or_default();
                return Err(Failure::new(format!("cannot read directory \"{file}\": {reason}")));
            }
        };
        if let Some(plugin) = found {
            return Err(Failure::new(format!(
                "could not dynamically open plugin file \"{}\": nivis cannot load plugins, which \
                 are written for CppNix",
                plugin.display()
            )));
        }
    }
    Ok(())
}

/// Warns of a value whose effect is not built, and of experimental features that there are not.
fn warn_of_value(ui: Ui, name: &str, value: &str) {
    let plain = name.strip_prefix("extra-").unwrap_or(name);
    if let Some(row) = Setting::find(plain).filter(|row| row.effect == Effect::Missing)
        && !row.is_default(value)
    {
        ui.warn(format!("the setting '{}' has no effect here", row.name));
    }
    if plain == "warn-short-path-literals" {
        let level = if table::truth(value) == Some(true) { "warn" } else { "ignore" };
        ui.warn(format!(
            "'{plain}' is deprecated, use 'lint-short-path-literals = {level}' instead"
        ));
    }
    if plain != "experimental-features" {
        return;
    }
    for feature in value.split_whitespace().filter(|it| !table::FEATURES.contains(it)) {
        ui.warn(format!("unknown experimental feature '{feature}'"));
    }
}

/// Parts `NIX_PATH` at its colons, but not at the first one of an address.
///
/// Source: CppNix, `EvalSettings::parseNixPath`.
fn split_search_path(path: &str) -> Vec<String> {
    let mut entries = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let first = rest.find(':').unwrap_or(rest.len());
        let place = rest.get(..first).and_then(|it| it.rfind('=')).map_or(0, |at| at + 1);
        let place = rest.get(place..).unwrap_or_default();
        let is_address = place.starts_with("flake:") || eval::lookup::is_address(place);
        let end = match rest.get(first + 1..).filter(|_| is_address) {
            Some(after) => first + 1 + after.find(':').unwrap_or(after.len()),
            None => first,
        };
        let (entry, after) = rest.split_at(end);
        entries.push(entry.to_owned());
        rest = after.strip_prefix(':').unwrap_or(after);
    }
    entries.retain(|entry| !entry.is_empty());
    entries
}

/// Returns the directory of `nix.conf`.
pub(crate) fn configuration_directory() -> PathBuf {
    env_vars::NIX_CONF_DIR.value().map_or_else(|| PathBuf::from("/etc/nix"), PathBuf::from)
}

/// Returns the directory of the user's own `nix.conf` and registry, where there is one.
pub(crate) fn user_directory() -> Option<PathBuf> {
    let home = || env_vars::HOME.value().map(|home| PathBuf::from(home).join(".config"));
    let configuration = env_vars::XDG_CONFIG_HOME.value().map(PathBuf::from).or_else(home);
    configuration.map(|directory| directory.join("nix"))
}

/// Returns the directory of the user's state: profiles, and what `use-xdg-base-directories` has
/// there.
pub(crate) fn state_directory() -> Option<PathBuf> {
    let home = || env_vars::HOME.value().map(|home| PathBuf::from(home).join(".local/state"));
    let state = env_vars::XDG_STATE_HOME.value().map(PathBuf::from).or_else(home);
    state.map(|directory| directory.join("nix"))
}

impl Settings {
    /// Returns the link to the user's profile, where there is a home.
    pub(crate) fn profile_link(&self) -> Option<PathBuf> {
        self.of_user("profile", ".nix-profile")
    }

    /// Returns the directory of the user's expressions, where there is a home.
    pub(crate) fn expressions(&self) -> Option<PathBuf> {
        self.of_user("defexpr", ".nix-defexpr")
    }

    /// Returns a place in the user's state, or in the home itself.
    fn of_user(&self, in_state: &str, in_home: &str) -> Option<PathBuf> {
        if self.is_on("use-xdg-base-directories") {
            return state_directory().map(|state| state.join(in_state));
        }
        env_vars::HOME.value().map(|home| PathBuf::from(home).join(in_home))
    }
}

/// Returns the user's files of settings; the last one wins.
fn user_files() -> Vec<PathBuf> {
    if let Some(files) = env_vars::NIX_USER_CONF_FILES.text() {
        let mut files: Vec<PathBuf> = files.split(':').map(PathBuf::from).collect();
        files.reverse();
        return files;
    }
    user_directory().into_iter().map(|directory| directory.join("nix.conf")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Settings, split_search_path};
    use crate::flags::{Flags, Word};
    use crate::ui::Ui;
    use std::path::Path;

    fn empty() -> Settings {
        Settings::empty()
    }

    #[test]
    fn lines_set_and_extend() {
        let mut settings = empty();
        let text = "# c\nmax-jobs = 4 # four\nsandbox-paths = /a\nextra-sandbox-paths = /b /c\n";
        settings.read_lines(Ui, text, Path::new("t")).expect("good lines");
        assert_eq!(settings.max_jobs(), 4);
        assert_eq!(settings.words("sandbox-paths"), ["/a", "/b", "/c"]);
    }

    #[test]
    fn bad_lines_are_told() {
        let failure = empty().read_lines(Ui, "max-jobs 4\n", Path::new("t")).expect_err("bad");
        assert!(failure.message.contains("'max-jobs 4' in \"t\""), "{}", failure.message);
        assert!(empty().read_lines(Ui, "keep-going = maybe\n", Path::new("t")).is_err());
        assert!(empty().read_lines(Ui, "cores = many\n", Path::new("t")).is_err());
    }

    #[test]
    fn flags_come_last() {
        let mut settings = empty();
        settings.read_lines(Ui, "keep-going = true\n", Path::new("t")).expect("good lines");
        let line = ["--no-keep-going", "--cores", "3", "-I", "a=b"].map(str::to_owned);
        let mut flags = Flags::new("nix-build", line);
        while let Some(Word::Flag(flag)) = flags.next_word() {
            assert!(settings.take_flag(Ui, &flag, &mut flags).expect("good flags"), "{flag}");
        }
        assert!(!settings.is_on("keep-going"));
        assert_eq!(settings.number("cores"), 3);
        assert_eq!(settings.search_path, ["a=b"]);
    }

    #[test]
    fn a_url_in_the_search_path_is_one_entry() {
        let entries = split_search_path("nixpkgs=https://x.org/a.tar.gz:/b:c=/d");
        assert_eq!(entries, ["nixpkgs=https://x.org/a.tar.gz", "/b", "c=/d"]);
    }

    #[test]
    fn the_environment_is_over_files_and_below_flags() {
        let mut settings = empty();
        settings.set("nix-path", "a=/file").expect("a good value");
        settings.environment_path = Some(vec!["a=/environment".to_owned()]);
        settings.set("extra-nix-path", "b=/flag").expect("a good value");
        assert_eq!(settings.search_path_entries(), ["a=/environment", "b=/flag"]);
        settings.set("nix-path", "a=/flag").expect("a good value");
        assert_eq!(settings.search_path_entries(), ["a=/flag"]);
    }
}
