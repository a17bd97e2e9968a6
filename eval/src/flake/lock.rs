//! Locking: which tree each input of a flake is, from its lock file and from its inputs' own.
//!
//! What the lock file says is kept where the flake still asks for it; everything else is fetched,
//! and its inputs are taken from its own lock file. Source: CppNix, `lockFlake`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::fetch::{self, Tree};
use super::lock_file::{Edge, InputPath, Lock, LockFile, NodeId, ROOT, child, show_path};
use super::manifest::{self, Input, Manifest};
use super::reference::{Attr, Attrs, Reference, Refusal};
use super::registry::{self, Lookup};
use super::shown;
use crate::error::{self, FrameKind, Result};
use crate::interpret::Eval;
use crate::json;
use crate::source::{HOST, Position, SourcePath, canonical};

/// A flake in the store.
#[derive(Clone, Debug)]
pub struct Flake {
    /// What was asked for.
    pub original: Reference,
    /// What that stands for.
    pub resolved: Reference,
    /// The tree that it lies in.
    pub tree: Tree,
    /// Its `flake.nix`.
    pub file: SourcePath,
    /// What that says.
    pub manifest: Manifest,
    /// Whether it has a lock file that nobody wrote.
    pub is_changed: bool,
}

/// How to lock.
#[derive(Clone, Debug, Default)]
pub struct LockOptions {
    /// Other trees for inputs.
    pub overrides: BTreeMap<InputPath, Reference>,
    /// Inputs for which the newest tree is wanted.
    pub updates: BTreeSet<InputPath>,
    /// Whether the newest tree is wanted for all of them.
    pub recreates: bool,
    /// Whether trees may be fetched that nothing names exactly.
    pub allows_unlocked: bool,
    /// Whether names of inputs are not looked up in registries.
    pub no_registries: bool,
    /// The lock file to start from, instead of the flake's own.
    pub reference_file: Option<SourcePath>,
}

/// A flake with all its inputs.
#[derive(Clone, Debug)]
pub struct LockedFlake {
    /// The flake.
    pub flake: Flake,
    /// Its lock file as it should be.
    pub lock_file: LockFile,
    /// Its lock file as it is.
    pub old: LockFile,
    /// The trees that were fetched, and where in them the flakes lie.
    pub fetched: BTreeMap<NodeId, Place>,
}

/// Where a flake lies.
#[derive(Clone, Debug)]
pub struct Place {
    /// The tree.
    pub tree: Tree,
    /// The directory of the flake.
    pub directory: SourcePath,
}

/// Fetches a flake and reads what it says of itself.
///
/// # Errors
///
/// A tree that cannot be fetched, or has no flake in it.
pub fn get(eval: &mut Eval<'_>, reference: &Reference, lookup: Lookup) -> Result<Flake> {
    read_at(eval, reference, lookup, &[])
}

fn read_at(
    eval: &mut Eval<'_>,
    reference: &Reference,
    lookup: Lookup,
    prefix: &[String],
) -> Result<Flake> {
    let resolved = registry::resolve(eval, reference, lookup)?;
    let tree = fetch::fetch_tree(eval, &resolved.without_directory())?;
    let mut flake = read(eval, reference, resolved.clone(), tree, prefix)?;
    let wanted = with_self_attributes(&flake)?;
    if wanted != flake.tree.locked.without_directory() {
        let tree = fetch::fetch_tree(eval, &wanted.without(&["narHash"]))?;
        flake = read(eval, reference, resolved, tree, prefix)?;
    }
    flake.tree.locked = flake.tree.locked.in_directory(&flake.resolved.directory());
    Ok(flake)
}

/// Returns the tree as the flake in it would like to have it.
///
/// Source: CppNix, `applySelfAttrs`.
fn with_self_attributes(flake: &Flake) -> Result<Reference> {
    let mut reference = flake.tree.locked.without_directory();
    for (name, value) in &flake.manifest.self_attributes {
        let name = match name.as_str() {
            "submodules" => "submodules",
            "lfs" => "lfs",
            _ => {
                let message = format!("flake 'self' attribute '{name}' is not supported");
                return Err(error::other(message));
            }
        };
        reference = reference.with([(name, value.clone())]).map_err(Refusal::into_error)?;
    }
    Ok(reference)
}

fn read(
    eval: &mut Eval<'_>,
    reference: &Reference,
    resolved: Reference,
    tree: Tree,
    prefix: &[String],
) -> Result<Flake> {
    let root = eval.store().directory().display(&tree.path);
    let file = format!("{root}/{}/flake.nix", resolved.directory());
    let file = SourcePath::new(HOST, &canonical(file.as_bytes()));
    if eval.file_type(&file)?.is_none() {
        check_tracked(eval, &resolved)?;
    }
    let manifest = manifest::read(eval, &file, &resolved.show(), prefix)?;
    let original = reference.clone();
    Ok(Flake { original, resolved, tree, file, manifest, is_changed: false })
}

/// Says of a repository that has no `flake.nix` whether it lies there all the same.
///
/// Source: CppNix, `GitInputScheme::makeNotAllowedError`.
fn check_tracked(eval: &Eval<'_>, reference: &Reference) -> Result<()> {
    let Some(root) = reference.source_directory().filter(|_| reference.kind() == "git") else {
        return Ok(());
    };
    let name = [reference.directory(), "flake.nix".to_owned()];
    let name = name.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("/");
    Err(shown::untracked(eval, &root, &name))
}

/// Returns the directory that a `flake.nix` lies in.
pub fn directory(file: &SourcePath) -> SourcePath {
    let cut = file.bytes.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    SourcePath::new(file.root, file.bytes.get(..cut).unwrap_or_default())
}

/// Reads the lock file beside a `flake.nix`, if there is one.
fn read_lock_file(eval: &mut Eval<'_>, file: &SourcePath) -> Result<LockFile> {
    let path = [&directory(file).bytes, b"/flake.lock".as_slice()].concat();
    let path = SourcePath::new(HOST, &path);
    if eval.file_type(&path)?.is_none() {
        return Ok(LockFile::default());
    }
    let text = eval.read_file(&path)?;
    parse_lock_file(eval, &text, &path.display())
}

/// Reads a lock file that the person names, which may lie anywhere; one that is not there is empty.
fn read_named_lock_file(eval: &mut Eval<'_>, path: &SourcePath) -> Result<LockFile> {
    match eval.system().read_file(&path.bytes) {
        Ok(text) => parse_lock_file(eval, &text, &path.display()),
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => Ok(LockFile::default()),
        Err(problem) => {
            let shown = path.display();
            Err(error::io(format!("reading lock file '{shown}': {problem}")))
        }
    }
}

/// Reads the text of a lock file; `shown` is what messages call it.
///
/// # Errors
///
/// A text that is none.
pub fn parse_lock_file(eval: &mut Eval<'_>, text: &[u8], shown: &str) -> Result<LockFile> {
    let json = match serde_json::from_slice(text) {
        Ok(json) => json,
        Err(problem) => {
            // The evaluator's own parser has the oracle's words.
            let words = json::read::read(eval.heap(), text).err().map(|error| error.message);
            let words = words.unwrap_or_else(|| problem.to_string());
            return Err(error::other(format!("Could not parse '{shown}': {words}")));
        }
    };
    let system = eval.system();
    let settings = &eval.settings().fetch;
    let (allows_dirty, trusts_forges) = (settings.allows_dirty_locks, settings.trusts_forges);
    LockFile::read(&json, shown, allows_dirty, trusts_forges, &mut |warning| {
        system.message(format!("warning: {warning}").as_bytes());
    })
    .map_err(error::other)
}

/// Computes the lock file of `flake`, fetching what it needs.
///
/// # Errors
///
/// Whatever is wrong with an input.
pub fn lock(eval: &mut Eval<'_>, flake: Flake, options: &LockOptions) -> Result<LockedFlake> {
    let shown = flake.tree.locked.show();
    lock_inputs(eval, flake, options).map_err(|error| {
        let step = format!("while updating the lock file of flake '{shown}'");
        error.frame(Position::NONE, FrameKind::Evaluator, step)
    })
}

fn lock_inputs(eval: &mut Eval<'_>, flake: Flake, options: &LockOptions) -> Result<LockedFlake> {
    let old = match &options.reference_file {
        Some(file) => read_named_lock_file(eval, file)?,
        None => read_lock_file(eval, &flake.file)?,
    };
    let mut locker = Locker {
        eval,
        options,
        lock_file: LockFile::default(),
        overrides: BTreeMap::new(),
        used_overrides: BTreeSet::new(),
        known: BTreeSet::new(),
        parents: Vec::new(),
        fetched: BTreeMap::new(),
    };
    let top = Place { tree: flake.tree.clone(), directory: directory(&flake.file) };
    for (path, reference) in &options.overrides {
        let input = Input { reference: Some(reference.clone()), ..Input::default() };
        let target = Override { input, place: top.clone(), parent: None };
        locker.overrides.insert(path.clone(), target);
    }
    locker.fetched.insert(ROOT, top.clone());
    let old_node = (!options.recreates).then_some((&old, ROOT));
    let site = Site { node: ROOT, prefix: Vec::new(), follows: Vec::new(), place: top };
    locker.inputs(&flake.manifest.inputs, &site, old_node, false)?;
    locker.warn_of_unused();
    let Locker { lock_file, fetched, .. } = locker;
    lock_file.check().map_err(error::other)?;
    Ok(LockedFlake { flake, lock_file, old, fetched })
}

/// What becomes of an input because a flake above it says so.
#[derive(Clone)]
struct Override {
    input: Input,
    /// The flake that says so.
    place: Place,
    /// The input that this flake is.
    parent: Option<InputPath>,
}

/// The flake whose inputs are locked.
struct Site {
    node: NodeId,
    /// The input that it is.
    prefix: InputPath,
    /// What `follows` of its old lock file starts from.
    follows: InputPath,
    place: Place,
}

/// A node of an older lock file.
type Old<'l> = Option<(&'l LockFile, NodeId)>;

struct Locker<'e, 'h> {
    eval: &'e mut Eval<'h>,
    options: &'e LockOptions,
    lock_file: LockFile,
    overrides: BTreeMap<InputPath, Override>,
    used_overrides: BTreeSet<InputPath>,
    /// Every input that there is.
    known: BTreeSet<InputPath>,
    /// The references on the way to the flake that is locked.
    parents: Vec<Reference>,
    fetched: BTreeMap<NodeId, Place>,
}

impl Locker<'_, '_> {
    fn warn(&self, text: &str) {
        self.eval.system().message(format!("warning: {text}").as_bytes());
    }

    fn inputs(
        &mut self,
        inputs: &BTreeMap<String, Input>,
        site: &Site,
        old: Old<'_>,
        trusts: bool,
    ) -> Result<()> {
        for (name, input) in inputs {
            self.add_overrides(input, &child(&site.prefix, name), site);
        }
        let is_lost = |path: &&InputPath| match path.split_last() {
            Some((name, prefix)) => prefix == site.prefix && !inputs.contains_key(name),
            None => false,
        };
        for path in self.overrides.keys().filter(is_lost) {
            let name = path.last().map(String::as_str).unwrap_or_default();
            self.warn(&format!(
                "input '{}' has an override for a non-existent input '{name}'",
                show_path(&site.prefix)
            ));
        }
        for (name, input) in inputs {
            let path = child(&site.prefix, name);
            self.input(name, input, &path, site, (old, trusts)).map_err(|error| {
                let step = format!("while updating the flake input '{}'", show_path(&path));
                error.frame(Position::NONE, FrameKind::Evaluator, step)
            })?;
        }
        Ok(())
    }

    fn add_overrides(&mut self, input: &Input, prefix: &[String], site: &Site) {
        for (name, inner) in &input.overrides {
            let path = child(prefix, name);
            if inner.reference.is_some() || inner.follows.is_some() {
                // Flakes further up are heard first.
                self.overrides.entry(path.clone()).or_insert_with(|| Override {
                    input: inner.clone(),
                    place: site.place.clone(),
                    parent: Some(site.prefix.clone()),
                });
            }
            self.add_overrides(inner, &path, site);
        }
    }

    fn input(
        &mut self,
        name: &str,
        written: &Input,
        path: &[String],
        site: &Site,
        (old, trusts): (Old<'_>, bool),
    ) -> Result<()> {
        let found = self.overrides.get(path).cloned();
        if found.is_some() {
            self.used_overrides.insert(path.to_vec());
        }
        let (mut input, place, parent) = match found {
            Some(Override { input, place, parent }) => (input, place, parent),
            None => (written.clone(), site.place.clone(), Some(site.prefix.clone())),
        };
        input.is_flake = written.is_flake;
        if let Some(target) = &input.follows {
            self.lock_file.set_input(site.node, name, Edge::Follows(target.clone()));
            return Ok(());
        }
        let reference = match input.reference {
            Some(reference) => reference,
            None => indirect(name)?,
        };
        let relative = reference.relative_path();
        let parent = relative.is_some().then_some(parent).flatten();
        self.known.insert(path.to_vec());
        let wanted = Wanted { name, path, reference, relative, parent, place, written, site };
        let kept = old.and_then(|(file, node)| {
            let Some(Edge::Node(node)) = file.node(node).inputs.get(name) else { return None };
            let lock = file.node(*node).lock.as_ref()?;
            let is_kept = !self.options.updates.contains(path)
                && !self.options.overrides.contains_key(path)
                && lock.original.canonical() == wanted.reference.canonical()
                && lock.parent == wanted.parent;
            is_kept.then_some((file, *node, lock))
        });
        match kept {
            Some((file, node, lock)) => self.keep(&wanted, file, (node, lock), trusts),
            None => self.lock_anew(&wanted),
        }
    }

    /// Keeps an input as the lock file has it.
    fn keep(
        &mut self,
        wanted: &Wanted<'_>,
        file: &LockFile,
        (old, lock): (NodeId, &Lock),
        trusts: bool,
    ) -> Result<()> {
        let node = self.lock_file.add(lock.clone());
        self.lock_file.set_input(wanted.site.node, wanted.name, Edge::Node(node));
        let follows = wanted.site.follows.clone();
        let next = self
            .options
            .updates
            .range::<[String], _>((Bound::Included(wanted.path), Bound::Unbounded))
            .next();
        let is_updated_below =
            next.is_some_and(|it| it.len() > wanted.path.len() && it.starts_with(wanted.path));
        let inputs =
            if is_updated_below { None } else { self.locked_inputs(file, old, wanted, trusts) };
        let old = Some((file, old));
        let prefix = wanted.path.to_vec();
        if let Some(inputs) = inputs {
            let site = Site { node, prefix, follows, place: wanted.site.place.clone() };
            return self.inputs(&inputs, &site, old, true);
        }
        let (flake, place) = self.flake(wanted, &lock.locked)?;
        self.fetched.insert(node, place.clone());
        let site = Site { node, prefix, follows, place };
        self.inputs(&flake.inputs, &site, old, false)
    }

    /// Returns the inputs of a flake as the lock file has them; `None` if the flake itself has to
    /// be asked.
    fn locked_inputs(
        &self,
        file: &LockFile,
        node: NodeId,
        wanted: &Wanted<'_>,
        trusts: bool,
    ) -> Option<BTreeMap<String, Input>> {
        let mut inputs = BTreeMap::new();
        for (name, edge) in &file.node(node).inputs {
            let input = match edge {
                Edge::Node(next) => {
                    let lock = file.node(*next).lock.as_ref()?;
                    let reference = Some(lock.original.clone());
                    Input { reference, is_flake: lock.is_flake, ..Input::default() }
                }
                Edge::Follows(target) => {
                    // Whatever made it follow another input may have changed its mind.
                    if !trusts && !self.overrides.contains_key(&child(wanted.path, name)) {
                        return None;
                    }
                    let mut follows = wanted.site.follows.clone();
                    follows.extend(target.iter().cloned());
                    Input { follows: Some(follows), ..Input::default() }
                }
            };
            inputs.insert(name.clone(), input);
        }
        Some(inputs)
    }

    fn lock_anew(&mut self, wanted: &Wanted<'_>) -> Result<()> {
        let reference = &wanted.reference;
        let is_locked = reference.is_locked(self.eval.settings().fetch.trusts_forges);
        if !self.options.allows_unlocked && !is_locked && wanted.relative.is_none() {
            return Err(error::other(format!(
                "cannot update unlocked flake input '{}' in pure mode",
                show_path(wanted.path)
            )));
        }
        // The lock file says what was written, so that it does not look out of date.
        let original = match &wanted.written.reference {
            Some(written) if self.options.overrides.contains_key(wanted.path) => written,
            _ => reference,
        };
        let lock = |locked: Reference| Lock {
            locked,
            original: original.clone(),
            is_flake: wanted.written.is_flake,
            parent: wanted.parent.clone(),
        };
        if !wanted.written.is_flake {
            let (locked, place) = match &wanted.relative {
                Some(way) => (reference.clone(), below(&wanted.place, way)),
                None => {
                    let resolved = registry::resolve(self.eval, reference, self.lookup(false))?;
                    let mut tree = fetch::fetch_tree(self.eval, &resolved.without_directory())?;
                    // What a registry says of a directory is about flakes.
                    tree.locked = tree.locked.in_directory(&reference.directory());
                    let root = self.eval.store().directory().display(&tree.path);
                    let directory = SourcePath::new(HOST, root.as_bytes());
                    (tree.locked.clone(), Place { tree, directory })
                }
            };
            let node = self.lock_file.add(lock(locked));
            self.fetched.insert(node, place);
            self.lock_file.set_input(wanted.site.node, wanted.name, Edge::Node(node));
            return Ok(());
        }
        let (flake, place) = self.flake(wanted, reference)?;
        let locked = match wanted.relative {
            Some(_) => reference.clone(),
            None => place.tree.locked.clone(),
        };
        let node = self.lock_file.add(lock(locked));
        self.lock_file.set_input(wanted.site.node, wanted.name, Edge::Node(node));
        if self.parents.contains(reference) {
            let shown = reference.show();
            return Err(error::other(format!("found circular import of flake '{shown}'")));
        }
        self.parents.push(reference.clone());
        self.fetched.insert(node, place.clone());
        let file = [&place.directory.bytes, b"/flake.nix".as_slice()].concat();
        let own = read_lock_file(self.eval, &SourcePath::new(HOST, &file))?;
        let prefix = wanted.path.to_vec();
        let site = Site { node, follows: prefix.clone(), prefix, place };
        let result = self.inputs(&flake.inputs, &site, Some((&own, ROOT)), false);
        self.parents.pop();
        result
    }

    /// Reads the flake of an input, which lies in a tree of its own or in that of another flake.
    fn flake(&mut self, wanted: &Wanted<'_>, reference: &Reference) -> Result<(Manifest, Place)> {
        let Some(way) = &wanted.relative else {
            let lookup = self.lookup(self.options.overrides.contains_key(wanted.path));
            let flake = read_at(self.eval, reference, lookup, wanted.path)?;
            let directory = directory(&flake.file);
            return Ok((flake.manifest, Place { tree: flake.tree, directory }));
        };
        let mut place = below(&wanted.place, way);
        let within = reference.directory();
        if !within.is_empty() {
            place = below(&place, &within);
        }
        let file = [&place.directory.bytes, b"/flake.nix".as_slice()].concat();
        let file = SourcePath::new(HOST, &file);
        let manifest = manifest::read(self.eval, &file, &reference.show(), wanted.path)?;
        Ok((manifest, place))
    }

    /// Returns where names of inputs are looked up; `is_typed`: a person has typed the name.
    fn lookup(&self, is_typed: bool) -> Lookup {
        match is_typed {
            true => Lookup::All,
            false if self.options.no_registries => Lookup::Never,
            false => Lookup::Limited,
        }
    }

    fn warn_of_unused(&self) {
        for (path, reference) in &self.options.overrides {
            if !self.used_overrides.contains(path) {
                self.warn(&format!(
                    "the flag '--override-input {} {}' does not match any input",
                    show_path(path),
                    reference.show()
                ));
            }
        }
        for path in &self.options.updates {
            if !self.known.contains(path) {
                let path = show_path(path);
                self.warn(&format!("'{path}' does not match any input of this flake"));
            }
        }
    }
}

/// An input that is to be locked.
struct Wanted<'w> {
    name: &'w str,
    path: &'w [String],
    /// Which tree is wanted.
    reference: Reference,
    /// The way to it from `place`, if it has no tree of its own.
    relative: Option<String>,
    /// The input that the way starts from.
    parent: Option<InputPath>,
    /// The flake that asks for it.
    place: Place,
    /// What the flake whose input it is has written.
    written: &'w Input,
    site: &'w Site,
}

fn below(place: &Place, way: &str) -> Place {
    let path = [&place.directory.bytes, b"/".as_slice(), way.as_bytes()].concat();
    Place { tree: place.tree.clone(), directory: SourcePath::new(HOST, &canonical(&path)) }
}

/// Returns the reference of an input that nothing is said of.
fn indirect(name: &str) -> Result<Reference> {
    let text = |text: &str| Attr::Text(text.to_owned());
    let attrs = Attrs::from([("type".to_owned(), text("indirect")), ("id".to_owned(), text(name))]);
    Reference::from_attrs(attrs, true).map_err(Refusal::into_error)
}
