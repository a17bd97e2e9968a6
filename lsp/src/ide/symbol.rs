//! What a name stands for, wherever it is written: the bindings that give it its meaning.
//!
//! ```nix
//! # tea.nix                  # main.nix
//! { color = "green"; }       let t = import ./tea.nix; in [ t.color (with t; color) ]
//! # └ one symbol: `color` here, both times there, and in `inherit (t) color`
//! ```
//!
//! A variable, a formal and an attribute are known by where they are written; an option by its
//! path. What the expressions around a name do not tell is [`Symbol::Unknown`], never a guess.

use std::collections::BTreeSet;

use eval::scope::{Definition, DefinitionKind, Reference, Target};
use eval::source::SourcePath;
use syntax::{FlatNode, SyntaxKind, TextRange, TextSize};

use super::cursor::Part;
use super::option_sites;
use super::project::{Files, ProjectFile};
use super::scene::{Meaning, Scene, file, flattened, is_import, static_name};

/// Where a name is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The file.
    pub(super) path: SourcePath,
    /// The name's bytes.
    pub(super) range: TextRange,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    /// A variable, formal or attribute, with all places that write it down.
    Written(Vec<Site>),
    /// An option.
    Option(Vec<Part>),
    /// Something of the library, the package set or the language.
    Outside,
    /// Nothing: the set is known and does not have it.
    Absent,
    /// It cannot be told.
    Unknown,
}

/// How a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A use of a variable.
    Variable,
    /// The name that an `inherit x;` takes from around it.
    InheritedVariable,
    /// An attribute behind a dot or a question mark.
    Selected,
    /// The name that an `inherit (s) x;` takes from the set.
    InheritedFrom,
    /// A name left of an `=`.
    Bound,
    /// The name that an `inherit` gives to what it takes.
    BoundByInherit,
    /// A parameter, a formal, or the name of the whole set.
    Parameter,
}

/// A name in a file.
#[derive(Clone, Debug)]
pub(super) struct Occurrence {
    /// Its bytes.
    pub(super) range: TextRange,
    /// How it is written.
    pub(super) role: Role,
    /// What it stands for.
    pub(super) symbol: Symbol,
}

impl Symbol {
    fn one(scene: &Scene<'_>, range: TextRange) -> Symbol {
        Symbol::Written(vec![Site { path: scene.path.clone(), range }])
    }

    fn of(sites: Vec<Site>) -> Symbol {
        if sites.is_empty() { Symbol::Absent } else { Symbol::Written(sites) }
    }

    /// Whether two names stand for the same thing.
    pub(super) fn is_same(&self, other: &Symbol) -> bool {
        match (self, other) {
            (Symbol::Written(a), Symbol::Written(b)) => a.iter().any(|site| b.contains(site)),
            (Symbol::Option(a), Symbol::Option(b)) => a == b,
            _ => false,
        }
    }

    /// Returns both symbols where two sets may provide the name.
    fn or(self, other: Symbol) -> Symbol {
        match (self, other) {
            (Symbol::Written(mut a), Symbol::Written(b)) => {
                a.extend(b);
                Symbol::Written(a)
            }
            (Symbol::Absent, other) => other,
            (Symbol::Unknown, found @ Symbol::Written(_)) => found,
            (found, _) => found,
        }
    }
}

/// How often a name may stand in a text for each place to be looked at alone; otherwise all nodes
/// of the file are.
const HITS_MAX: usize = 64;

/// Returns every occurrence of a name in a file.
pub(super) fn occurrences(files: &Files<'_>, at: usize, name: &str) -> Vec<Occurrence> {
    let Some(file) = files.all.get(at) else { return Vec::new() };
    let hits = memchr::memmem::find_iter(file.text(), name.as_bytes());
    let hits: Vec<usize> = hits.take(HITS_MAX + 1).collect();
    let nodes = if name.is_empty() || hits.len() > HITS_MAX {
        let all = file.tree().root().descendants();
        all.flat_map(|parent| parent.children().filter(move |it| is_written(parent, *it, name)))
            .map(FlatNode::index)
            .collect()
    } else {
        let scene = file.scene(files.knowledge);
        let mut nodes = BTreeSet::new();
        for hit in hits {
            let around = scene.around(hit as u32);
            let pairs = around.iter().zip(around.iter().skip(1));
            let own = pairs.filter(|(parent, node)| is_written(**parent, **node, name));
            nodes.extend(own.map(|(_, node)| node.index()));
        }
        nodes
    };
    let nodes = nodes.into_iter().filter_map(|index: u32| file.tree().node(index));
    nodes.flat_map(|node| at_node(files, file, node)).collect()
}

/// Whether a node is a name that stands for something.
fn is_written(parent: FlatNode<'_>, node: FlatNode<'_>, name: &str) -> bool {
    match (parent.kind(), node.kind()) {
        (_, SyntaxKind::Variable) => node.text() == name.as_bytes(),
        (SyntaxKind::Attrpath | SyntaxKind::InheritClause, kind) if kind.is_attr() => {
            static_name(node).as_deref() == Some(name)
        }
        (SyntaxKind::Lambda | SyntaxKind::Formals | SyntaxKind::Formal, SyntaxKind::Name) => {
            static_name(node).as_deref() == Some(name)
        }
        _ => false,
    }
}

/// Returns the name at an offset with what it stands for; of two meanings the variable's first.
pub(super) fn at_offset(
    files: &Files<'_>,
    at: usize,
    offset: TextSize,
) -> Option<(String, Vec<Occurrence>)> {
    let file = files.all.get(at)?;
    let scene = file.scene(files.knowledge);
    let is_name = |it: &FlatNode<'_>| {
        let parent = file.parent(*it).map(FlatNode::kind);
        match it.kind() {
            SyntaxKind::Variable => true,
            SyntaxKind::Name | SyntaxKind::String | SyntaxKind::Dynamic => matches!(
                parent,
                Some(
                    SyntaxKind::Attrpath
                        | SyntaxKind::InheritClause
                        | SyntaxKind::Lambda
                        | SyntaxKind::Formals
                        | SyntaxKind::Formal
                )
            ),
            _ => false,
        }
    };
    let touched = |at: u32| scene.around(at).into_iter().rev().find(is_name);
    let node = touched(offset.into()).or_else(|| touched(u32::from(offset).checked_sub(1)?))?;
    let name = match node.kind() {
        SyntaxKind::Variable => String::from_utf8_lossy(node.text()).into_owned(),
        _ => static_name(node)?,
    };
    Some((name, at_node(files, file, node)))
}

/// Returns what a name stands for: twice where an `inherit` makes it two names.
fn at_node(files: &Files<'_>, file: &ProjectFile<'_>, node: FlatNode<'_>) -> Vec<Occurrence> {
    // A scene for each: one question may take all its steps.
    let scene = &file.scene(files.knowledge);
    let Some(node) = file.tree().node(node.index()) else { return Vec::new() };
    let range = node.range();
    let occurrence = |role, symbol| Occurrence { range, role, symbol };
    let parent = file.parent(node);
    match (node.kind(), parent.map(FlatNode::kind)) {
        (SyntaxKind::Variable, _) => vec![occurrence(Role::Variable, use_at(scene, range))],
        (_, Some(SyntaxKind::Attrpath)) => {
            let path = parent.into_iter().next();
            let around = path.and_then(|path| file.parent(path));
            match (path, around) {
                (Some(path), Some(binding)) if binding.kind() == SyntaxKind::Binding => {
                    let symbol = bound(files, file, scene, binding, path, node);
                    vec![occurrence(Role::Bound, symbol)]
                }
                (Some(path), Some(selection)) => {
                    vec![occurrence(Role::Selected, selected(scene, selection, path, node))]
                }
                _ => Vec::new(),
            }
        }
        (_, Some(SyntaxKind::InheritClause)) => match parent {
            Some(clause) => {
                let (role, taken) = taken(scene, clause, node);
                let given = given(files, file, scene, clause, node);
                vec![occurrence(role, taken), occurrence(Role::BoundByInherit, given)]
            }
            None => Vec::new(),
        },
        _ => {
            let is_own = |it: &&Definition| it.range == range;
            let own = scene.scopes.definitions.iter().find(is_own);
            own.map(|_| occurrence(Role::Parameter, Symbol::one(scene, range)))
                .into_iter()
                .collect()
        }
    }
}

/// Returns what the use of a variable stands for.
fn use_at(scene: &Scene<'_>, range: TextRange) -> Symbol {
    let references = &scene.scopes.references;
    let index = references.partition_point(|it| it.range.start() < range.start());
    match references.get(index).filter(|it| it.range == range) {
        Some(reference) => used(scene, reference),
        None => Symbol::Unknown,
    }
}

fn used(scene: &Scene<'_>, reference: &Reference) -> Symbol {
    let name = reference.name.to_text();
    match &reference.target {
        Target::Definition(index) => match scene.scopes.definitions.get(*index as usize) {
            Some(definition) => defined(scene, definition),
            None => Symbol::Unknown,
        },
        Target::Builtin => Symbol::Outside,
        Target::Undefined => Symbol::Absent,
        Target::With(withs) => {
            for index in withs.iter() {
                let set = scene.scopes.withs.get(*index as usize).and_then(|with| with.set);
                let set = set.and_then(|set| scene.node_at(set)).and_then(|set| scene.meaning(set));
                match set.map_or(Symbol::Unknown, |set| member(scene, &set, &name)) {
                    Symbol::Absent => {}
                    found => return found,
                }
            }
            Symbol::Absent
        }
    }
}

/// Returns the symbol of a variable: `let a.b = 1; a.c = 2;` writes one down twice.
pub(super) fn defined(scene: &Scene<'_>, definition: &Definition) -> Symbol {
    match definition.kind {
        DefinitionKind::Let | DefinitionKind::RecAttr => {
            let entries = scene.entries_around(definition);
            let name = definition.name.to_text();
            match in_entries(scene, &entries, &[&name]) {
                Symbol::Written(sites) => Symbol::Written(sites),
                _ => Symbol::one(scene, definition.range),
            }
        }
        _ => Symbol::one(scene, definition.range),
    }
}

/// Returns what an attribute of a set stands for.
pub(super) fn member(scene: &Scene<'_>, set: &Meaning<'_>, name: &str) -> Symbol {
    if !scene.step() {
        return Symbol::Unknown;
    }
    match set {
        Meaning::Config(path) => {
            let mut path = path.clone();
            path.push(Part::Name(name.to_owned()));
            Symbol::Option(path)
        }
        Meaning::Value(_) | Meaning::Builtins => Symbol::Outside,
        Meaning::Written(node) => match node.kind() {
            SyntaxKind::AttrSet => in_entries(scene, &node.children().collect::<Vec<_>>(), &[name]),
            SyntaxKind::IfElse => {
                let branches = node.expressions().skip(1);
                let found = branches.map(|it| match scene.meaning(it) {
                    Some(meaning) => member(scene, &meaning, name),
                    None => Symbol::Unknown,
                });
                found.reduce(Symbol::or).unwrap_or(Symbol::Unknown)
            }
            SyntaxKind::Lambda
            | SyntaxKind::List
            | SyntaxKind::String
            | SyntaxKind::IndentedString
            | SyntaxKind::Literal
            | SyntaxKind::Path => Symbol::Absent,
            _ => Symbol::Unknown,
        },
        Meaning::Partial(entries, depth) => {
            let attrs = entries.iter().filter_map(|entry| {
                let attr = entry.child(SyntaxKind::Attrpath)?.children().nth(*depth)?;
                (static_name(attr).as_deref() == Some(name)).then_some(attr)
            });
            let site = |attr: FlatNode<'_>| Site { path: scene.path.clone(), range: attr.range() };
            Symbol::of(attrs.map(site).collect())
        }
        Meaning::File(path, steps) => {
            let found = file::visit(scene, path, steps, |scene, set| member(scene, set, name));
            found.unwrap_or(Symbol::Unknown)
        }
        Meaning::Update(left, right) => member(scene, right, name).or(member(scene, left, name)),
    }
}

/// Returns where entries of a set write the attribute at a path.
fn in_entries(scene: &Scene<'_>, entries: &[FlatNode<'_>], names: &[&str]) -> Symbol {
    let mut sites = Vec::new();
    let mut may_be_more = false;
    for entry in entries {
        match entry.kind() {
            SyntaxKind::Binding => {
                let Some(path) = entry.child(SyntaxKind::Attrpath) else { continue };
                match in_binding(scene, *entry, path, names) {
                    Symbol::Written(found) => sites.extend(found),
                    Symbol::Unknown => may_be_more = true,
                    _ => {}
                }
            }
            SyntaxKind::InheritClause => {
                let [name] = names else { continue };
                let attrs = entry.children().filter(|it| it.kind().is_attr());
                let own = attrs.filter(|it| static_name(*it).as_deref() == Some(name));
                let site = |it: FlatNode<'_>| Site { path: scene.path.clone(), range: it.range() };
                sites.extend(own.map(site));
            }
            _ => {}
        }
    }
    if sites.is_empty() && may_be_more { Symbol::Unknown } else { Symbol::of(sites) }
}

fn in_binding(
    scene: &Scene<'_>,
    binding: FlatNode<'_>,
    path: FlatNode<'_>,
    names: &[&str],
) -> Symbol {
    let mut left = names.iter();
    for attr in path.children() {
        let Some(wanted) = left.next() else { return Symbol::Absent };
        match static_name(attr) {
            Some(name) if name == *wanted => {}
            Some(_) => return Symbol::Absent,
            None => return Symbol::Unknown,
        }
        if left.len() == 0 {
            return Symbol::one(scene, attr.range());
        }
    }
    let value = binding.expressions().next().map(FlatNode::without_parens);
    match value {
        Some(value) if value.kind() == SyntaxKind::AttrSet => {
            in_entries(scene, &value.children().collect::<Vec<_>>(), left.as_slice())
        }
        _ => Symbol::Absent,
    }
}

/// Returns what a name behind a dot stands for.
fn selected(
    scene: &Scene<'_>,
    selection: FlatNode<'_>,
    path: FlatNode<'_>,
    attr: FlatNode<'_>,
) -> Symbol {
    let Some(name) = static_name(attr) else { return Symbol::Unknown };
    let selection = scene.tree.node(selection.index());
    let Some(base) = selection.and_then(FlatNode::first_child) else { return Symbol::Unknown };
    let before: Vec<FlatNode<'_>> = path.children().take_while(|it| *it != attr).collect();
    if before.is_empty()
        && let Some(formals) = formals_of_name(scene, base)
    {
        return formal(scene, formals, &name).unwrap_or(Symbol::Unknown);
    }
    let mut meaning = scene.meaning(base);
    for attr in before {
        meaning = match (meaning, static_name(attr)) {
            (Some(meaning), Some(name)) => scene.select(meaning, &name),
            _ => None,
        };
    }
    meaning.map_or(Symbol::Unknown, |set| member(scene, &set, &name))
}

/// Returns the formals whose whole set a variable stands for.
fn formals_of_name<'a>(scene: &Scene<'a>, base: FlatNode<'a>) -> Option<FlatNode<'a>> {
    let reference = scene.scopes.reference_at(base.range().start());
    let reference = reference.filter(|it| it.range == base.range())?;
    let Target::Definition(index) = reference.target else { return None };
    let definition = scene.scopes.definitions.get(index as usize)?;
    if definition.kind != DefinitionKind::AtName {
        return None;
    }
    let lambda = scene.around(definition.range.start().into());
    lambda.into_iter().rev().find(|it| it.kind() == SyntaxKind::Formals)
}

/// Returns the symbol of a formal.
fn formal(scene: &Scene<'_>, formals: FlatNode<'_>, name: &str) -> Option<Symbol> {
    let mut names = formals.children().filter_map(|it| it.child(SyntaxKind::Name));
    let name = names.find(|it| it.text() == name.as_bytes())?;
    Some(Symbol::one(scene, name.range()))
}

/// Returns what an `inherit` takes.
fn taken(scene: &Scene<'_>, clause: FlatNode<'_>, attr: FlatNode<'_>) -> (Role, Symbol) {
    let Some(clause) = scene.tree.node(clause.index()) else {
        return (Role::InheritedFrom, Symbol::Unknown);
    };
    match clause.child(SyntaxKind::InheritFrom) {
        None => (Role::InheritedVariable, use_at(scene, attr.range())),
        Some(from) => {
            let set = from.expressions().next().and_then(|it| scene.meaning(it));
            let name = static_name(attr);
            let symbol = match (set, name) {
                (Some(set), Some(name)) => member(scene, &set, &name),
                _ => Symbol::Unknown,
            };
            (Role::InheritedFrom, symbol)
        }
    }
}

/// Returns what the name that an `inherit` gives stands for.
fn given(
    files: &Files<'_>,
    file: &ProjectFile<'_>,
    scene: &Scene<'_>,
    clause: FlatNode<'_>,
    attr: FlatNode<'_>,
) -> Symbol {
    let set = file.parent(clause).and_then(|it| scene.tree.node(it.index()));
    let name = static_name(attr);
    if let (Some(set), Some(name)) = (set, name)
        && set.kind() == SyntaxKind::AttrSet
        && let Some(formal) = argument_of(file, scene, set, &name)
    {
        return formal;
    }
    if let Some(path) = option_sites::option_at(files, file, attr.range()) {
        return Symbol::Option(path);
    }
    Symbol::one(scene, attr.range())
}

/// Returns what a name left of an `=` stands for.
fn bound(
    files: &Files<'_>,
    file: &ProjectFile<'_>,
    scene: &Scene<'_>,
    binding: FlatNode<'_>,
    path: FlatNode<'_>,
    attr: FlatNode<'_>,
) -> Symbol {
    let set = file.parent(binding).and_then(|it| scene.tree.node(it.index()));
    let Some(set) = set else { return Symbol::Unknown };
    let until = path.children().position(|it| it == attr).unwrap_or_default();
    let names: Option<Vec<String>> = path.children().take(until + 1).map(static_name).collect();
    let Some(names) = names else { return Symbol::Unknown };
    if let [name] = names.as_slice()
        && set.kind() == SyntaxKind::AttrSet
        && let Some(formal) = argument_of(file, scene, set, name)
    {
        return formal;
    }
    if set.kind() == SyntaxKind::AttrSet
        && let Some(path) = option_sites::option_at(files, file, attr.range())
    {
        return Symbol::Option(path);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match in_entries(scene, &set.children().collect::<Vec<_>>(), &names) {
        Symbol::Written(sites) => Symbol::Written(sites),
        _ => Symbol::one(scene, attr.range()),
    }
}

/// Returns the formal that an attribute of a set gives, if the set is the argument of a call.
fn argument_of(
    file: &ProjectFile<'_>,
    scene: &Scene<'_>,
    set: FlatNode<'_>,
    name: &str,
) -> Option<Symbol> {
    let mut argument = set;
    let mut call = file.parent(argument)?;
    while call.kind() == SyntaxKind::Paren {
        argument = call;
        call = file.parent(argument)?;
    }
    if call.kind() != SyntaxKind::Apply || call.first_child() == Some(argument) {
        return None;
    }
    let call = scene.tree.node(call.index())?;
    let position = call.children().position(|it| it.index() == argument.index())?;
    let head = call.first_child()?.without_parens();
    let before: Vec<FlatNode<'_>> = call.children().skip(1).take(position - 1).collect();
    let (function, arguments) = flattened(head, before);
    let meaning = callee(scene, function, &arguments)?;
    formal_of(scene, &meaning, name)
}

/// Returns what is called with the argument after these.
pub(super) fn callee<'a>(
    scene: &Scene<'a>,
    function: FlatNode<'a>,
    arguments: &[FlatNode<'a>],
) -> Option<Meaning<'a>> {
    let (mut meaning, rest) = match arguments.split_first() {
        Some((path, rest)) if is_import(function) || is_call_package(function) => {
            (scene.imported(path.without_parens())?, rest)
        }
        _ => (scene.meaning(function)?, arguments),
    };
    for _ in rest {
        meaning = scene.called(meaning)?;
    }
    Some(meaning)
}

/// Whether a function calls what is in the file that it is given.
pub(super) fn is_call_package(function: FlatNode<'_>) -> bool {
    match function.kind() {
        SyntaxKind::Variable => function.text() == b"callPackage",
        SyntaxKind::Select => function.text().ends_with(b".callPackage"),
        _ => false,
    }
}

fn formal_of(scene: &Scene<'_>, function: &Meaning<'_>, name: &str) -> Option<Symbol> {
    match function {
        Meaning::Written(lambda) if lambda.kind() == SyntaxKind::Lambda => {
            formal(scene, lambda.child(SyntaxKind::Formals)?, name)
        }
        Meaning::File(path, steps) => {
            file::visit(scene, path, steps, |scene, it| formal_of(scene, it, name)).flatten()
        }
        _ => None,
    }
}
