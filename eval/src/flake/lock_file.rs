//! Lock files: the trees that the inputs of a flake stand for, as a graph and as its text.
//!
//! The text is CppNix's to the byte: version 7, names sorted, two spaces per level.
//! Source: CppNix, `LockFile`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::reference::{Attr, Attrs, Reference, Refusal};

/// The names of inputs that lead from the root to an input.
pub type InputPath = Vec<String>;

/// The text of an [`InputPath`]: `a/b`.
pub fn show_path(path: &[String]) -> String {
    path.join("/")
}

/// A lock file.
#[derive(Clone, Debug)]
pub struct LockFile {
    nodes: Vec<Node>,
}

/// Which node of a lock file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct NodeId(usize);

/// The node of the flake itself.
pub const ROOT: NodeId = NodeId(0);

/// A tree and the inputs of the flake in it.
#[derive(Clone, Default, Debug)]
pub struct Node {
    /// What each input is.
    pub inputs: BTreeMap<String, Edge>,
    /// Which tree it is; the root has none.
    pub lock: Option<Lock>,
}

/// What an input is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Edge {
    /// A tree of its own.
    Node(NodeId),
    /// Another input, by its path from the root.
    Follows(InputPath),
}

/// A tree, as wanted and as found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lock {
    /// The exact tree.
    pub locked: Reference,
    /// What was written in `flake.nix`.
    pub original: Reference,
    /// Whether there is a flake in it.
    pub is_flake: bool,
    /// The input that a relative path starts from.
    pub parent: Option<InputPath>,
}

impl Default for LockFile {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl LockFile {
    /// Returns the node with this id.
    pub fn node(&self, id: NodeId) -> &Node {
        // Ids come from `add` alone, and nodes are never removed.
        self.nodes.get(id.0).expect("the id of a node of this lock file")
    }

    /// Adds a node and returns its id.
    pub fn add(&mut self, lock: Lock) -> NodeId {
        self.nodes.push(Node { inputs: BTreeMap::new(), lock: Some(lock) });
        NodeId(self.nodes.len() - 1)
    }

    /// Says what the input `name` of `node` is.
    pub fn set_input(&mut self, node: NodeId, name: &str, edge: Edge) {
        if let Some(node) = self.nodes.get_mut(node.0) {
            node.inputs.insert(name.to_owned(), edge);
        }
    }

    /// Reads the text of a lock file; `file` is what messages call it.
    ///
    /// Gives the warnings that there are to `warn`. With `allows_dirty`, trees may be in it that
    /// nothing names exactly; `trusts_forges` is as of [`Reference::is_locked`].
    ///
    /// # Errors
    ///
    /// A text that is none, or that leaves a tree open.
    pub fn read(
        text: &Json,
        file: &str,
        allows_dirty: bool,
        trusts_forges: bool,
        warn: &mut dyn FnMut(String),
    ) -> Result<Self, String> {
        let version = text.get("version").and_then(Json::as_u64).unwrap_or(0);
        if !(5..=7).contains(&version) {
            return Err(format!("lock file '{file}' has unsupported version {version}"));
        }
        let Some(root) = text.get("root").and_then(Json::as_str) else {
            return Err(format!("lock file '{file}' does not name its root"));
        };
        let empty = Map::new();
        let nodes = text.get("nodes").and_then(Json::as_object).unwrap_or(&empty);
        let mut reader = Reader {
            lock_file: LockFile::default(),
            nodes,
            ids: BTreeMap::new(),
            allows_dirty,
            trusts_forges,
            warn,
        };
        reader.ids.insert(root.to_owned(), ROOT);
        reader.inputs(root)?;
        Ok(reader.lock_file)
    }

    /// Returns the text as JSON, and the key of each node in it.
    pub fn to_json(&self) -> (Json, BTreeMap<NodeId, String>) {
        let mut writer =
            Writer { lock_file: self, nodes: Map::new(), keys: BTreeMap::new(), taken: [].into() };
        let root = writer.node("root", ROOT);
        let json = json!({ "nodes": writer.nodes, "root": root, "version": 7 });
        (json, writer.keys)
    }

    /// Returns the text as it stands in a file.
    pub fn to_text(&self) -> String {
        format!("{:#}\n", self.to_json().0)
    }

    /// Returns the node that an input leads to, links followed.
    ///
    /// # Errors
    ///
    /// When inputs follow each other in a circle.
    pub fn find(&self, path: &[String]) -> Result<Option<NodeId>, String> {
        self.find_beyond(path, &mut Vec::new())
    }

    fn find_beyond(
        &self,
        path: &[String],
        visited: &mut Vec<InputPath>,
    ) -> Result<Option<NodeId>, String> {
        if let Some(start) = visited.iter().position(|it| it == path) {
            let mut cycle: Vec<String> =
                visited.iter().skip(start).map(|path| show_path(path)).collect();
            cycle.push(show_path(path));
            return Err(format!("follow cycle detected: [{}]", cycle.join(" -> ")));
        }
        visited.push(path.to_vec());
        let mut at = ROOT;
        for name in path {
            at = match self.node(at).inputs.get(name) {
                Some(Edge::Node(next)) => *next,
                Some(Edge::Follows(target)) => match self.find_beyond(target, visited)? {
                    Some(next) => next,
                    None => return Ok(None),
                },
                None => return Ok(None),
            };
        }
        Ok(Some(at))
    }

    /// Checks that every input that follows another one leads somewhere.
    ///
    /// # Errors
    ///
    /// The first that does not.
    pub fn check(&self) -> Result<(), String> {
        for (path, edge) in self.all_inputs() {
            if let Edge::Follows(target) = edge
                && !target.is_empty()
                && self.find(&target)?.is_none()
            {
                return Err(format!(
                    "input '{}' follows a non-existent input '{}'",
                    show_path(&path),
                    show_path(&target)
                ));
            }
        }
        Ok(())
    }

    /// Returns a tree that the lock file leaves open, if there is one.
    pub fn unlocked(&self, trusts_forges: bool) -> Option<&Reference> {
        let mut done = BTreeSet::new();
        let mut open = vec![ROOT];
        let mut reached = Vec::new();
        while let Some(id) = open.pop() {
            if done.insert(id) {
                reached.push(id);
                for edge in self.node(id).inputs.values() {
                    if let Edge::Node(next) = edge {
                        open.push(*next);
                    }
                }
            }
        }
        let locks = reached.iter().filter_map(|id| self.node(*id).lock.as_ref());
        locks
            .map(|lock| &lock.locked)
            .find(|locked| !locked.is_locked(trusts_forges) && locked.relative_path().is_none())
    }

    /// Returns every input by its path.
    fn all_inputs(&self) -> BTreeMap<InputPath, Edge> {
        let mut inputs = BTreeMap::new();
        self.collect(&[], ROOT, &mut BTreeSet::new(), &mut inputs);
        inputs
    }

    fn collect(
        &self,
        prefix: &[String],
        id: NodeId,
        done: &mut BTreeSet<NodeId>,
        inputs: &mut BTreeMap<InputPath, Edge>,
    ) {
        if !done.insert(id) {
            return;
        }
        for (name, edge) in &self.node(id).inputs {
            let path = child(prefix, name);
            inputs.insert(path.clone(), edge.clone());
            if let Edge::Node(next) = edge {
                self.collect(&path, *next, done, inputs);
            }
        }
    }

    fn describe(&self, edge: &Edge) -> String {
        match edge {
            Edge::Follows(path) => format!("follows '{}'", show_path(path)),
            Edge::Node(id) => match &self.node(*id).lock {
                Some(lock) => {
                    let date = lock
                        .locked
                        .last_modified()
                        .map(|time| format!(" ({})", super::date::DateTime::of(time).day()));
                    format!("'{}'{}", lock.locked.show(), date.unwrap_or_default())
                }
                None => String::new(),
            },
        }
    }

    fn is_same_edge(&self, edge: &Edge, other: &LockFile, theirs: &Edge) -> bool {
        match (edge, theirs) {
            (Edge::Node(a), Edge::Node(b)) => {
                let locked = |lock: &Option<Lock>| lock.as_ref().map(|lock| lock.locked.clone());
                locked(&self.node(*a).lock) == locked(&other.node(*b).lock)
            }
            (Edge::Follows(a), Edge::Follows(b)) => a == b,
            _ => false,
        }
    }

    /// Returns what changed from `old` to `self`, as a person reads it: a line or more per input.
    pub fn difference(&self, old: &LockFile) -> String {
        let (before, after) = (old.all_inputs(), self.all_inputs());
        let paths: BTreeSet<&InputPath> = before.keys().chain(after.keys()).collect();
        let mut text = String::new();
        for path in paths {
            let shown = show_path(path);
            match (before.get(path), after.get(path)) {
                (None, Some(new)) => {
                    let new = self.describe(new);
                    let _ = writeln!(text, "• Added input '{shown}':\n    {new}");
                }
                (Some(_), None) => {
                    let _ = writeln!(text, "• Removed input '{shown}'");
                }
                (Some(edge), Some(new)) if !old.is_same_edge(edge, self, new) => {
                    let (edge, new) = (old.describe(edge), self.describe(new));
                    let _ = writeln!(text, "• Updated input '{shown}':\n    {edge}\n  → {new}");
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        text
    }
}

impl PartialEq for LockFile {
    /// Lock files are equal where their texts are.
    fn eq(&self, other: &Self) -> bool {
        self.to_json().0 == other.to_json().0
    }
}

/// Returns the path of an input of the flake at `prefix`.
pub fn child(prefix: &[String], name: &str) -> InputPath {
    let mut path = prefix.to_vec();
    path.push(name.to_owned());
    path
}

/// Reads the nodes that the root leads to.
struct Reader<'t> {
    lock_file: LockFile,
    nodes: &'t Map<String, Json>,
    ids: BTreeMap<String, NodeId>,
    /// Whether trees may be in it that nothing names exactly.
    allows_dirty: bool,
    /// Whether a server's word is taken for what a commit holds.
    trusts_forges: bool,
    warn: &'t mut dyn FnMut(String),
}

impl Reader<'_> {
    fn inputs(&mut self, key: &str) -> Result<(), String> {
        let nodes = self.nodes;
        let id = self.ids.get(key).copied().unwrap_or(ROOT);
        let Some(inputs) = nodes.get(key).and_then(|node| node.get("inputs")) else {
            return Ok(());
        };
        for (name, input) in inputs.as_object().into_iter().flatten() {
            let edge = match input {
                Json::Array(_) => Edge::Follows(path(input)?),
                Json::String(key) => Edge::Node(self.child(key)?),
                _ => return Err(format!("input '{name}' of the lock file is no input")),
            };
            self.lock_file.set_input(id, name, edge);
        }
        Ok(())
    }

    fn child(&mut self, key: &str) -> Result<NodeId, String> {
        match self.ids.get(key) {
            Some(&ROOT) => return Err("lock file contains cycle to root node".to_owned()),
            Some(id) => return Ok(*id),
            None => {}
        }
        let Some(node) = self.nodes.get(key) else {
            return Err(format!("lock file references missing node '{key}'"));
        };
        let lock = self.lock(node)?;
        let id = self.lock_file.add(lock);
        self.ids.insert(key.to_owned(), id);
        self.inputs(key)?;
        Ok(id)
    }

    fn lock(&mut self, node: &Json) -> Result<Lock, String> {
        let locked = reference(node, "locked", Some("info"))?;
        let original = reference(node, "original", None)?;
        if !locked.is_locked(self.trusts_forges) && locked.relative_path().is_none() {
            if locked.text("narHash").is_some() {
                (self.warn)(format!(
                    "Lock file entry '{}' is unlocked (e.g. lacks a Git revision) but is checked \
                     by NAR hash. This is not reproducible and will break after garbage \
                     collection or when shared.",
                    locked.show()
                ));
            } else if !self.allows_dirty {
                return Err(format!(
                    "Lock file contains unlocked input '{}'. Use '--allow-dirty-locks' to accept \
                     this lock file.",
                    to_json(&locked.to_attrs())
                ));
            }
        }
        let is_flake = node.get("flake").and_then(Json::as_bool).unwrap_or(true);
        let parent = node.get("parent").map(path).transpose()?;
        Ok(Lock { locked, original, is_flake, parent })
    }
}

fn path(json: &Json) -> Result<InputPath, String> {
    let names = json.as_array().into_iter().flatten();
    let name = |name: &Json| {
        let name = name.as_str().ok_or("a name in the lock file is no string")?;
        Ok(name.to_owned())
    };
    names.map(name).collect()
}

fn reference(node: &Json, name: &str, more: Option<&str>) -> Result<Reference, String> {
    let Some(json) = node.get(name) else {
        return Err(format!("attribute '{name}' missing in lock file"));
    };
    let mut attributes = from_json(json)?;
    // Version 5 had the hash in a set of its own.
    if let Some(json) = more.and_then(|more| node.get(more)) {
        attributes.extend(from_json(json)?);
    }
    Reference::from_attrs(attributes, true).map_err(Refusal::into_message)
}

/// Reads attributes from JSON.
pub(super) fn from_json(json: &Json) -> Result<Attrs, String> {
    let mut attributes = Attrs::new();
    for (name, value) in json.as_object().into_iter().flatten() {
        let value = match value {
            Json::String(text) => Attr::Text(text.clone()),
            Json::Bool(value) => Attr::Bool(*value),
            Json::Number(number) if number.is_u64() => {
                Attr::Number(number.as_u64().unwrap_or_default())
            }
            _ => return Err("unsupported input attribute type in lock file".to_owned()),
        };
        attributes.insert(name.clone(), value);
    }
    Ok(attributes)
}

/// Returns attributes as JSON.
pub fn to_json(attributes: &Attrs) -> Json {
    let value = |value: &Attr| match value {
        Attr::Text(text) => json!(text),
        Attr::Number(number) => json!(number),
        Attr::Bool(value) => json!(value),
    };
    attributes.iter().map(|(name, it)| (name.clone(), value(it))).collect::<Map<_, _>>().into()
}

/// Writes nodes, each under the name by which it is met first.
struct Writer<'l> {
    lock_file: &'l LockFile,
    nodes: Map<String, Json>,
    keys: BTreeMap<NodeId, String>,
    taken: BTreeSet<String>,
}

impl Writer<'_> {
    /// Writes the node `id`, which is met as `name`, and returns its key.
    fn node(&mut self, name: &str, id: NodeId) -> String {
        if let Some(key) = self.keys.get(&id) {
            return key.clone();
        }
        let mut key = name.to_owned();
        let mut number = 2_u32;
        while !self.taken.insert(key.clone()) {
            key = format!("{name}_{number}");
            number += 1;
        }
        self.keys.insert(id, key.clone());
        let lock_file = self.lock_file;
        let node = lock_file.node(id);
        let mut json = Map::new();
        if !node.inputs.is_empty() {
            let mut inputs = Map::new();
            for (name, edge) in &node.inputs {
                let input = match edge {
                    Edge::Node(id) => json!(self.node(name, *id)),
                    Edge::Follows(path) => json!(path),
                };
                inputs.insert(name.clone(), input);
            }
            json.insert("inputs".to_owned(), inputs.into());
        }
        if let Some(lock) = &node.lock {
            json.insert("original".to_owned(), to_json(&lock.original.to_attrs()));
            json.insert("locked".to_owned(), to_json(&lock.locked.to_attrs()));
            if !lock.is_flake {
                json.insert("flake".to_owned(), json!(false));
            }
            if let Some(parent) = &lock.parent {
                json.insert("parent".to_owned(), json!(parent));
            }
        }
        self.nodes.insert(key.clone(), json.into());
        key
    }
}

#[cfg(test)]
mod tests;
