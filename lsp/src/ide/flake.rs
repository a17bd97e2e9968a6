//! What a `flake.nix` says: its inputs with what the lock file knows of them, and its outputs.

mod about;
mod lints;

pub(super) use about::{definition, hover};
pub(super) use lints::lints;

use std::collections::BTreeMap;

use eval::source::HOST;
use serde_json::Value;
use syntax::{FlatNode, FlatTree, SyntaxKind, TextRange};

use super::Knowledge;
use super::cursor::attr_name;
use super::scene::{Scene, text as text_of};

/// One input that a flake declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Input {
    /// Its name.
    pub(super) name: String,
    /// The bytes of the name where it is first written.
    pub(super) range: TextRange,
    /// Its address, and the bytes of it.
    pub(super) url: Option<(String, TextRange)>,
    /// The input that it is the same as, and the bytes of that.
    pub(super) follows: Vec<(String, TextRange)>,
}

/// Where in a flake something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A name of a set, below these names.
    Name(Vec<String>, String, TextRange),
    /// The text of a string that is the value of these names.
    Text(Vec<String>, TextRange),
    /// A value, without quotes.
    Value(Vec<String>, TextRange),
}

/// The names at the top of a flake, each with what it is.
pub(super) const TOP: [(&str, &str); 4] = [
    ("description", "what the flake is, in one line"),
    ("inputs", "the flakes and trees that it needs"),
    ("nixConfig", "settings for commands on this flake"),
    ("outputs", "a function from the inputs to what the flake provides"),
];

/// The names that an input takes.
pub(super) const INPUT: [(&str, &str); 12] = [
    ("url", "where it is: `github:OWNER/NAME`, `path:./DIR`, …"),
    ("follows", "the input that it is the same as"),
    ("flake", "whether it is a flake, or a plain tree"),
    ("inputs", "what to put in place of its own inputs"),
    ("type", "the sort of address: `github`, `git`, `path`, `tarball`, …"),
    ("owner", "whose repository it is"),
    ("repo", "the name of the repository"),
    ("ref", "the branch or tag"),
    ("rev", "the commit"),
    ("dir", "the directory that `flake.nix` lies in"),
    ("narHash", "the hash that its tree must have"),
    ("submodules", "whether submodules are fetched with it"),
];

/// What commands look for in the outputs, and whether it is sorted by system.
pub(super) const OUTPUTS: [(&str, bool, &str); 20] = [
    ("packages", true, "packages: `nivis build .#NAME`"),
    ("legacyPackages", true, "a package set, evaluated only where something is asked for"),
    ("apps", true, "programs: `nivis run .#NAME`"),
    ("devShells", true, "environments to work in"),
    ("checks", true, "what must build for the flake to be right"),
    ("formatter", true, "what formats the flake's files"),
    ("bundlers", true, "functions that make packages portable"),
    ("hydraJobs", false, "what a build server builds"),
    ("overlays", false, "functions that change package sets"),
    ("nixosModules", false, "modules of NixOS"),
    ("nixosConfigurations", false, "systems: `nivis switch --flake .#NAME`"),
    ("darwinModules", false, "modules of nix-darwin"),
    ("darwinConfigurations", false, "systems of nix-darwin"),
    ("homeModules", false, "modules of home-manager"),
    ("homeConfigurations", false, "environments of home-manager"),
    ("flakeModules", false, "modules of flake-parts"),
    ("templates", false, "what new projects begin with"),
    ("lib", false, "functions"),
    ("schemas", false, "what the outputs mean"),
    ("debug", false, "anything that helps to look into the flake"),
];

/// The systems that outputs are made for.
pub(super) const SYSTEMS: [&str; 4] =
    ["x86_64-linux", "aarch64-linux", "x86_64-darwin", "aarch64-darwin"];

/// Whether a file is a flake.
pub(super) fn is_flake(scene: &Scene<'_>) -> bool {
    scene.path.bytes.ends_with(b"/flake.nix")
}

/// Returns where in a flake an offset is; nothing where that says nothing of the flake.
pub(super) fn place(scene: &Scene<'_>, offset: u32) -> Option<Place> {
    let around = scene.around(scene.last_token_end(offset));
    let mut names: Vec<String> = Vec::new();
    let here = TextRange::empty(offset.into());
    for pair in around.windows(2) {
        let [node, inner] = pair else { continue };
        match node.kind() {
            SyntaxKind::Binding => {
                let attrpath = node.child(SyntaxKind::Attrpath)?;
                if inner.kind() == SyntaxKind::Attrpath {
                    return Some(in_path(names, attrpath, offset));
                }
                names.extend(attrpath.children().map(attr_name));
            }
            SyntaxKind::LetIn if inner.kind() == SyntaxKind::Binding => return None,
            SyntaxKind::Lambda if inner.kind() == SyntaxKind::Formals => return None,
            SyntaxKind::SourceFile
            | SyntaxKind::AttrSet
            | SyntaxKind::Paren
            | SyntaxKind::LetIn
            | SyntaxKind::WithExpr
            | SyntaxKind::Lambda => {}
            SyntaxKind::BinaryOp if node.operator()?.kind() == SyntaxKind::SlashSlash => {}
            _ => return None,
        }
    }
    let last = *around.last()?;
    match last.kind() {
        SyntaxKind::String if last.first_child().is_none() => {
            let (start, end) = (last.start() + 1, last.end().max(offset));
            let is_closed = last.token(SyntaxKind::StringEnd).is_some();
            let end = if is_closed { end - 1 } else { offset };
            let range = TextRange::new(start.into(), end.max(start).into());
            Some(Place::Text(names, range))
        }
        SyntaxKind::AttrSet if last.token(SyntaxKind::BraceOpen).is_some() => {
            let is_inside = last.token(SyntaxKind::BraceClose).is_none_or(|it| offset < it.end());
            is_inside.then_some(Place::Name(names, String::new(), here))
        }
        SyntaxKind::Binding => {
            let attrpath = last.child(SyntaxKind::Attrpath)?;
            if last.token(SyntaxKind::Equals).is_some_and(|it| it.start() < offset) {
                names.extend(attrpath.children().map(attr_name));
                return Some(Place::Value(names, here));
            }
            Some(in_path(names, attrpath, offset))
        }
        SyntaxKind::Attrpath => Some(in_path(names, last, offset)),
        SyntaxKind::Variable => Some(Place::Value(names, last.range())),
        _ => None,
    }
}

/// Returns the place of an offset in the path of a binding.
fn in_path(mut names: Vec<String>, attrpath: FlatNode<'_>, offset: u32) -> Place {
    // The name of the next line belongs to a path whose end is not written yet.
    for attr in attrpath.children().take_while(|it| it.start() <= offset) {
        if attr.end() >= offset {
            return Place::Name(names, attr_name(attr), attr.range());
        }
        names.push(attr_name(attr));
    }
    Place::Name(names, String::new(), TextRange::empty(offset.into()))
}

/// Returns the inputs that a flake declares, by name.
pub(super) fn inputs(tree: &FlatTree<'_>) -> Vec<Input> {
    let mut found: BTreeMap<String, Input> = BTreeMap::new();
    let Some(top) = tree.root().expressions().next() else { return Vec::new() };
    let mut todo: Vec<(Vec<(String, TextRange)>, FlatNode<'_>)> = vec![(Vec::new(), top)];
    while let Some((names, node)) = todo.pop() {
        if node.kind() == SyntaxKind::AttrSet {
            for entry in node.children().filter(|it| it.kind() == SyntaxKind::Binding) {
                let Some(path) = entry.child(SyntaxKind::Attrpath) else { continue };
                let mut names = names.clone();
                names.extend(path.children().map(|it| (attr_name(it), it.range())));
                if names.first().is_none_or(|it| it.0 != "inputs") {
                    continue;
                }
                // A dot at the end of a line takes the next name for its own.
                let is_apart = |it: &[(String, TextRange)]| match it {
                    [a, b] => tree.text(TextRange::new(a.1.end(), b.1.start())).contains(&b'\n'),
                    _ => false,
                };
                if names.windows(2).any(is_apart) && path.children().count() > 1 {
                    continue;
                }
                note(&mut found, &names, entry.expressions().next());
                todo.extend(entry.expressions().next().map(|value| (names, value)));
            }
        }
    }
    let mut found: Vec<Input> = found.into_values().collect();
    found.sort_by_key(|it| it.range.start());
    found
}

fn note(
    found: &mut BTreeMap<String, Input>,
    names: &[(String, TextRange)],
    value: Option<FlatNode<'_>>,
) {
    let [_, (name, range), rest @ ..] = names else { return };
    let input = found.entry(name.clone()).or_insert_with(|| Input {
        name: name.clone(),
        range: *range,
        ..Input::default()
    });
    if range.start() < input.range.start() {
        input.range = *range;
    }
    let text = value.and_then(|it| {
        let text = it.constant_string()?;
        Some((String::from_utf8_lossy(&text).into_owned(), it.range()))
    });
    match rest.last().map(|it| it.0.as_str()) {
        Some("url") if rest.len() == 1 => input.url = text,
        Some("follows") => input.follows.extend(text),
        _ => {}
    }
}

/// Returns the `outputs` of a flake, if it is a function.
pub(super) fn outputs<'a>(tree: &'a FlatTree<'a>) -> Option<FlatNode<'a>> {
    let top = tree.root().expressions().next()?;
    // A name before it that ends in a dot takes it for its own.
    let entry = top.children().find(|entry| {
        let last = entry.child(SyntaxKind::Attrpath).and_then(|it| it.children().last());
        last.is_some_and(|it| it.text() == b"outputs")
    })?;
    let value = entry.expressions().next()?.without_parens();
    (value.kind() == SyntaxKind::Lambda).then_some(value)
}

/// What the function `outputs` takes.
#[derive(Default)]
pub(super) struct Taken {
    /// Names, with their bytes.
    pub(super) names: Vec<(String, TextRange)>,
    /// Whether any others may be given.
    pub(super) is_open: bool,
    /// Whether all of them have a name together, so that any may be used.
    pub(super) is_named: bool,
}

impl Taken {
    /// Whether a name is one of them.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|it| it.0 == name)
    }
}

/// Returns the names that `outputs` takes.
pub(super) fn taken(tree: &FlatTree<'_>) -> Taken {
    let formals = outputs(tree).and_then(FlatNode::first_child);
    let Some(formals) = formals.filter(|it| it.kind() == SyntaxKind::Formals) else {
        return Taken { names: Vec::new(), is_open: true, is_named: true };
    };
    let names = formals.children().filter_map(|it| it.child(SyntaxKind::Name));
    Taken {
        names: names.map(|it| (text_of(it), it.range())).collect(),
        is_open: formals.token(SyntaxKind::Ellipsis).is_some(),
        is_named: formals.child(SyntaxKind::Name).is_some(),
    }
}

/// What a lock file says.
pub(super) struct Lock {
    whole: Value,
}

impl Lock {
    /// Reads the lock file beside a flake.
    pub(super) fn beside(knowledge: Knowledge<'_>, scene: &Scene<'_>) -> Option<Lock> {
        let system = knowledge.system.filter(|_| scene.path.root == HOST)?;
        let directory = scene.path.bytes.strip_suffix(b"flake.nix")?;
        let text = system.read_file(&[directory, &b"flake.lock"[..]].concat()).ok()?;
        let whole: Value = serde_json::from_slice(&text).ok()?;
        whole.get("nodes").is_some().then_some(Lock { whole })
    }

    /// Returns the node of the flake itself.
    fn root(&self) -> Option<&Value> {
        self.whole.get("nodes")?.get(self.whole.get("root")?.as_str()?)
    }

    /// Returns the node of an input by the names that lead there.
    pub(super) fn input(&self, names: &[String]) -> Option<&Value> {
        let mut node = self.root()?;
        let mut rest: Vec<String> = names.iter().rev().cloned().collect();
        for _ in 0..STEPS_MAX {
            let Some(name) = rest.pop() else { return Some(node) };
            match node.get("inputs")?.get(&name)? {
                Value::String(key) => node = self.whole.get("nodes")?.get(key)?,
                Value::Array(path) => {
                    let path = path.iter().rev().filter_map(Value::as_str).map(str::to_owned);
                    rest.extend(path);
                    node = self.root()?;
                }
                _ => return None,
            }
        }
        None
    }

    /// Returns the names of the inputs of an input; of the flake itself without names.
    pub(super) fn inputs_of(&self, names: &[String]) -> Vec<String> {
        let inputs = self.input(names).and_then(|it| it.get("inputs")?.as_object());
        inputs.into_iter().flat_map(|it| it.keys().cloned()).collect()
    }
}

/// How many names one way through a lock file has: they may go in circles.
const STEPS_MAX: usize = 64;
