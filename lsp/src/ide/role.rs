//! Which options a file defines: its role in the configurations around it.
//!
//! Nothing is configured for that. The files of the project are read for who imports whom, under
//! which option each import stands, and where a module system is evaluated:
//!
//! ```nix
//! # flake.nix
//! nixosConfigurations.tea = nixpkgs.lib.nixosSystem { modules = [ ./tea.nix ]; };
//! # tea.nix
//! { home-manager.users.alice = import ./alice.nix; }
//! ```
//!
//! Here `tea.nix` defines the options of a NixOS system, and `alice.nix` those of the submodule
//! `home-manager.users.alice` in it.
//! A comment in the file, `# nivis: …`, says it where the text of the project does not.

mod comment;
mod evaluation;
mod graph;

use std::collections::BTreeSet;

use eval::option_tree::{Component, Configuration, OptionNode, OptionTree, Step};
use eval::settings::Settings;
use eval::source::{HOST, SourcePath};
use eval::system::{FileType, System};
use syntax::TextRange;

use super::cursor::Part;
use super::file_index::FileIndex;
use super::root::{configuration_root, is_module};
pub(super) use graph::Imports;
use graph::{Graph, Source};

/// What is evaluated for the options of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// The NixOS modules alone.
    Library,
    /// A NixOS configuration at this path of the host.
    Configuration(Vec<u8>),
    /// A module system that expressions evaluate, the first one that can be.
    Expression {
        /// What it is called: `flake.nix: nixosConfigurations.tea`.
        title: String,
        /// The directory in which the expressions stand.
        directory: Vec<u8>,
        /// The expressions.
        texts: Vec<String>,
    },
}

impl Root {
    /// Returns it as evaluations take it.
    pub fn configuration(&self) -> Configuration {
        match self {
            Root::Library => Configuration::Library,
            Root::Configuration(path) => Configuration::File(SourcePath::new(HOST, path)),
            Root::Expression { directory, texts, .. } => Configuration::Expression {
                directory: SourcePath::new(HOST, directory),
                texts: texts.clone(),
            },
        }
    }

    /// Returns what a person calls it.
    pub fn describe(&self) -> String {
        match self {
            Root::Library => "the NixOS modules".to_owned(),
            Root::Configuration(path) => String::from_utf8_lossy(path).into_owned(),
            Root::Expression { title, .. } => title.clone(),
        }
    }
}

/// The sorts of module systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// NixOS.
    Nixos,
    /// home-manager without a system around it.
    HomeManager,
    /// nix-darwin.
    Darwin,
    /// Any other.
    Other,
}

impl Sort {
    /// Returns what a person calls it.
    pub fn title(self) -> &'static str {
        match self {
            Sort::Nixos => "NixOS",
            Sort::HomeManager => "home-manager",
            Sort::Darwin => "nix-darwin",
            Sort::Other => "a module system",
        }
    }
}

/// How a file takes part in the evaluation of a module system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// What is evaluated.
    pub root: Root,
    /// The sort of system.
    pub sort: Sort,
    /// The option whose value the file is; empty for the system itself.
    pub prefix: Vec<Part>,
    /// Whether imports lead to the file, rather than a guess.
    pub is_certain: bool,
    /// The arguments that its modules are given besides those of every module.
    pub arguments: Vec<String>,
}

impl Role {
    /// Returns what a person calls it.
    pub fn title(&self) -> String {
        let mut text = format!("{} ({})", self.sort.title(), self.root.describe());
        if !self.prefix.is_empty() {
            let names = self.prefix.iter().map(|part| match part {
                Part::Name(name) => name.as_str(),
                Part::Element => "*",
            });
            text = format!("`{}` of {text}", names.collect::<Vec<_>>().join("."));
        }
        text
    }

    fn new(root: Root, sort: Sort, prefix: Vec<Part>, is_certain: bool) -> Role {
        Role { root, sort, prefix, is_certain, arguments: Vec::new() }
    }

    pub(super) fn of_library(is_certain: bool) -> Role {
        Role::new(Root::Library, Sort::Nixos, Vec::new(), is_certain)
    }
}

/// How many roles one file is given.
const ROLES_MAX: usize = 32;

/// Returns the roles of the file at `path`, the likeliest first; none if it is no module.
pub fn roles(
    system: &dyn System,
    settings: &Settings,
    folders: &[Vec<u8>],
    index: &FileIndex,
    path: &[u8],
    text: &[u8],
) -> Vec<Role> {
    let place = Place { system, settings, folders, path };
    let said = comment::of(text);
    if let Some(found) = place.said(&said) {
        return found;
    }
    if is_library_file(system, path) {
        return if is_module(text) { vec![Role::of_library(false)] } else { Vec::new() };
    }
    // What is only being begun may become a module.
    let reads_as_module = is_module(text) || is_begun(text);
    if !reads_as_module && !graph::evaluates_modules(text) && !graph::takes_arguments(text) {
        return Vec::new();
    }
    let graph = Graph::read(system, index, &place.project(), path, text);
    let mut found = place.found(&graph, text);
    if found.is_empty() && reads_as_module {
        found.extend(place.guess(text));
    }
    found.truncate(ROLES_MAX);
    found
}

/// Whether nothing but comments is written yet, or the first brace of a set.
fn is_begun(text: &[u8]) -> bool {
    let (tree, _) = syntax::parse_flat(text, eval::db::PARSE_OPTIONS);
    tree.token_count() == 0 || tree.token_count() == 1 && tree.root().text().starts_with(b"{")
}

/// The file that a question is about, and what is around it.
struct Place<'a> {
    system: &'a dyn System,
    settings: &'a Settings,
    folders: &'a [Vec<u8>],
    path: &'a [u8],
}

impl Place<'_> {
    /// Returns what a comment in the file says of its role.
    fn said(&self, said: &comment::Said) -> Option<Vec<Role>> {
        if said.is_nothing {
            return Some(Vec::new());
        }
        let directory = parent(self.path).unwrap_or(b"/").to_vec();
        if let Some(text) = &said.options {
            let root =
                Root::Expression { title: text.clone(), directory, texts: evaluation::said(text) };
            let (sort, prefix) = (Sort::Other, said.prefix());
            return Some(vec![Role::new(root, sort, prefix, true)]);
        }
        if let Some(root) = &said.root {
            let path = eval::source::canonical(&[&directory, &b"/"[..], root.as_bytes()].concat());
            let (sort, prefix) = (Sort::Nixos, said.prefix());
            let root = Root::Configuration(path);
            return Some(vec![Role::new(root, sort, prefix, true)]);
        }
        let root = match said.role.as_deref()? {
            "nixos" => Root::Configuration(self.path.to_vec()),
            "home-manager" => evaluation::home_manager(self.path),
            "nix-darwin" | "darwin" => evaluation::darwin(self.path),
            _ => return None,
        };
        let sort = match said.role.as_deref() {
            Some("nixos") => Sort::Nixos,
            Some("home-manager") => Sort::HomeManager,
            _ => Sort::Darwin,
        };
        Some(vec![Role::new(root, sort, said.prefix(), true)])
    }

    /// Returns the directory whose files belong together.
    fn project(&self) -> Vec<u8> {
        let folder = self.folders.iter().filter(|folder| is_below(self.path, folder));
        if let Some(folder) = folder.max_by_key(|folder| folder.len()) {
            return folder.clone();
        }
        let mut directory = parent(self.path).unwrap_or_default();
        let nearest = directory;
        for _ in 0..ABOVE_MAX {
            let has = |name: &[u8]| self.is_file(&[directory, b"/", name].concat());
            if has(b"flake.nix") || has(b"configuration.nix") {
                return directory.to_vec();
            }
            match parent(directory).filter(|it| !it.is_empty()) {
                Some(above) => directory = above,
                None => break,
            }
        }
        nearest.to_vec()
    }

    fn is_file(&self, path: &[u8]) -> bool {
        let kind = self.system.file_type(path);
        matches!(kind, Ok(FileType::Regular { .. } | FileType::Symlink))
    }

    /// Returns the roles that imports give to the file.
    fn found(&self, graph: &Graph<'_>, text: &[u8]) -> Vec<Role> {
        let mut roles: Vec<Role> = Vec::new();
        let mut seen: BTreeSet<(Vec<u8>, Vec<String>)> = BTreeSet::new();
        let mut todo: Vec<(Vec<u8>, Vec<Part>)> = vec![(self.path.to_vec(), Vec::new())];
        while let Some((file, prefix)) = todo.pop() {
            let shown: Vec<String> = prefix.iter().map(|part| format!("{part:?}")).collect();
            if !seen.insert((file.clone(), shown)) || seen.len() > 500 {
                continue;
            }
            let is_own = file == self.path;
            let mut is_imported = false;
            for edge in graph.edges_to(&file) {
                is_imported = true;
                let whole: Vec<Part> = edge.prefix.iter().chain(&prefix).cloned().collect();
                match &edge.source {
                    Source::File(source) => todo.push((source.clone(), whole)),
                    Source::Call(call) => {
                        let Some(call) = graph.calls.get(*call) else { continue };
                        let (sort, root) = (call.sort, evaluation::of_call(call));
                        let arguments = call.arguments.clone();
                        roles.push(Role { arguments, ..Role::new(root, sort, whole, true) });
                    }
                }
            }
            if is_imported {
                continue;
            }
            let own_text = if is_own { Some(text.to_vec()) } else { graph.text(&file) };
            let own_text = own_text.filter(|it| is_module(it) || is_own && is_begun(it));
            let Some(text) = own_text else { continue };
            if let Some((root, sort, is_certain)) = self.top(&file, &text) {
                let is_certain = is_certain || !is_own;
                roles.push(Role::new(root, sort, prefix, is_certain));
            }
        }
        roles.sort_by(|a, b| {
            let rank = |role: &Role| (!role.is_certain, role.sort, role.prefix.len());
            rank(a).cmp(&rank(b)).then_with(|| a.root.cmp(&b.root))
        });
        roles.dedup();
        roles
    }

    /// Returns what a module that nobody imports is, as far as its name and its text tell.
    fn top(&self, file: &[u8], text: &[u8]) -> Option<(Root, Sort, bool)> {
        let name = file.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let names = graph::first_names(text);
        let has = |all: &[&str]| names.iter().any(|it| all.contains(&it.as_str()));
        let defines_home = graph::defines(text, "home", &["stateVersion", "username", "packages"]);
        if name == b"flake.nix" {
            return None;
        }
        if name == b"home.nix" && !has(NIXOS_NAMES) || defines_home {
            return Some((evaluation::home_manager(file), Sort::HomeManager, true));
        }
        if name == b"darwin-configuration.nix" || has(&["homebrew"]) {
            return Some((evaluation::darwin(file), Sort::Darwin, true));
        }
        let is_configured =
            self.settings.search_path.iter().any(|(prefix, configured)| {
                prefix == b"nixos-config" && configured.as_slice() == file
            });
        if name == b"configuration.nix" || is_configured || has(NIXOS_NAMES) {
            return Some((Root::Configuration(file.to_vec()), Sort::Nixos, true));
        }
        None
    }

    /// Returns the role of a module that nothing around tells of.
    fn guess(&self, text: &[u8]) -> Option<Role> {
        let (system, settings) = (self.system, self.settings);
        let text = if is_begun(text) { b"{ }" } else { text };
        let root = configuration_root(system, settings, self.folders, self.path, text)?;
        let (root, sort) = (Root::Configuration(root), Sort::Nixos);
        Some(Role::new(root, sort, Vec::new(), false))
    }
}

/// How many directories above a file are looked at for the project that it belongs to.
const ABOVE_MAX: usize = 8;

/// Names at the top of modules that only NixOS has.
const NIXOS_NAMES: &[&str] = &[
    "boot",
    "fileSystems",
    "swapDevices",
    "networking",
    "users",
    "environment",
    "security",
    "hardware",
    "virtualisation",
    "time",
    "console",
    "powerManagement",
    "zramSwap",
    "containers",
];

/// Whether a file is part of a nixpkgs tree, whose modules are no one's configuration.
fn is_library_file(system: &dyn System, path: &[u8]) -> bool {
    let Some(at) = find(path, b"/nixos/modules/") else { return false };
    let list = [path.get(..at).unwrap_or_default(), b"/nixos/modules/module-list.nix"].concat();
    system.file_type(&list).is_ok()
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn parent(path: &[u8]) -> Option<&[u8]> {
    let at = path.iter().rposition(|&byte| byte == b'/')?;
    path.get(..at)
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Whether a call evaluates a module system.
pub(super) fn evaluates_modules(call: syntax::FlatNode<'_>) -> bool {
    graph::system_of(call).is_some()
}

/// Returns the bytes of the comments that say a role, for messages about them.
pub fn comments(text: &[u8]) -> Vec<TextRange> {
    comment::ranges(text)
}

/// Returns the options inside the value of the one at `prefix`, as a tree of their own.
pub fn options_inside(options: &OptionTree, prefix: &[Part]) -> OptionTree {
    let components: Vec<Component<'_>> = prefix.iter().map(Part::component).collect();
    let Some(mut node) = options.lookup(&components) else {
        // What no module declares is not known to hold anything.
        return OptionTree { root: OptionNode { is_open: true, ..OptionNode::default() } };
    };
    while let Some(sub) = node.option.as_deref().and_then(|it| it.sub.as_ref()) {
        if sub.step != Step::Direct {
            break;
        }
        node = &sub.node;
    }
    OptionTree { root: node.clone() }
}

#[cfg(test)]
mod tests;
