//! What expressions mean without evaluating the file: which set a name is selected from.
//!
//! ```nix
//! { config, pkgs, lib, ... }:
//! let cfg = config.services.nginx; own = { a = 1; } // cfg; in with pkgs; [ own.█ lib.█ █ ]
//! ```
//!
//! Variables are followed to their bindings, `inherit`s and imports to where they come from.
//! What leads to the package set or the library is asked from [`super::Values`].

pub(super) mod file;

use std::cell::Cell;

use eval::inspect::{self, Base, Inspected, Lookup, ValueKind};
use eval::module_bindings;
use eval::scope::{Definition, DefinitionKind, Reference, Scopes, Target};
use eval::source::{HOST, SourcePath};
use rustc_hash::FxHashSet;
use syntax::{FlatNode, FlatTree, SyntaxKind, TextRange};

use super::Knowledge;
use super::cursor::Part;
use super::goto_definition::path_target;

/// How many expressions one question follows.
const STEPS_MAX: u32 = 200;

/// One file with all that is known around it.
pub(super) struct Scene<'a> {
    pub(super) knowledge: Knowledge<'a>,
    pub(super) tree: &'a FlatTree<'a>,
    pub(super) scopes: &'a Scopes,
    pub(super) path: &'a SourcePath,
    /// How many steps are left: names may go in circles.
    steps: Cell<u32>,
}

/// What an expression means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// A part of `config`.
    Config(Vec<Part>),
    /// A part of the package set or the library.
    Value(Lookup),
    /// The set `builtins`.
    Builtins,
    /// What the expression says itself: a set, a function, a constant.
    Written(FlatNode<'a>),
    /// What a name is bound to where the binding says more of it: `a.b = 1; a.c = 2;`.
    Partial(Vec<FlatNode<'a>>, usize),
    /// A file, imported, and the way from its value to what is meant.
    File(SourcePath, Vec<Step>),
    /// The right set laid over the left one.
    Update(Box<Meaning<'a>>, Box<Meaning<'a>>),
}

/// One step on the way from the value of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An attribute.
    Select(String),
    /// A call.
    Call,
}

/// One name in a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// The name.
    pub(super) name: String,
    /// Where it is written.
    pub(super) place: Written,
    /// The path it has in the package set or the library.
    pub(super) lookup: Option<Lookup>,
}

/// Where a name is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// In this file.
    Here(TextRange),
    /// In another one, with line and column from 1.
    There(SourcePath, u32, u32),
    /// Somewhere that an evaluation knows.
    Elsewhere,
}

impl<'a> Scene<'a> {
    /// Returns the scene of a file.
    pub(super) fn new(
        knowledge: Knowledge<'a>,
        tree: &'a FlatTree<'a>,
        scopes: &'a Scopes,
        path: &'a SourcePath,
    ) -> Scene<'a> {
        Scene { knowledge, tree, scopes, path, steps: Cell::new(STEPS_MAX) }
    }

    /// Takes one of the steps; `false` when none is left.
    pub(super) fn step(&self) -> bool {
        let left = self.steps.get().checked_sub(1);
        self.steps.set(left.unwrap_or_default());
        left.is_some()
    }

    /// Gives the scene all its steps again, for another question.
    pub(super) fn rest(&self) {
        self.steps.set(STEPS_MAX);
    }

    /// Returns the innermost nodes around an offset, outermost first.
    pub(super) fn around(&self, offset: u32) -> Vec<FlatNode<'a>> {
        let mut nodes = vec![self.tree.root()];
        while let Some(node) = nodes.last() {
            let inside = |it: &FlatNode<'_>| it.start() <= offset && offset <= it.end();
            match node.children().take_while(|it| it.start() <= offset).filter(inside).last() {
                Some(child) => nodes.push(child),
                None => break,
            }
        }
        nodes
    }

    /// Returns the node that has exactly this range, the outermost of several.
    pub(super) fn node_at(&self, range: TextRange) -> Option<FlatNode<'a>> {
        let mut node = self.tree.root();
        while node.range() != range {
            node = node.children().find(|it| it.range().contains_range(range))?;
        }
        Some(node)
    }

    /// Returns what an expression means.
    pub(super) fn meaning(&self, node: FlatNode<'a>) -> Option<Meaning<'a>> {
        self.steps.set(self.steps.get().checked_sub(1)?);
        match node.kind() {
            SyntaxKind::Variable => self.variable(node),
            SyntaxKind::Select => {
                if node.token(SyntaxKind::Or).is_some() {
                    return None;
                }
                let base = self.meaning(node.first_child()?)?;
                let attrpath = node.child(SyntaxKind::Attrpath)?;
                let mut meaning = base;
                for attr in attrpath.children() {
                    meaning = self.select(meaning, &static_name(attr)?)?;
                }
                Some(meaning)
            }
            SyntaxKind::Paren => self.meaning(node.expressions().next()?),
            SyntaxKind::LetIn | SyntaxKind::WithExpr | SyntaxKind::AssertExpr => {
                let last = node.expressions().last()?;
                self.meaning(last)
            }
            SyntaxKind::BinaryOp
                if node.operator().is_some_and(|it| it.kind() == SyntaxKind::SlashSlash) =>
            {
                let mut sides = node.expressions();
                let (left, right) = (sides.next()?, sides.next()?);
                match (self.meaning(left), self.meaning(right)) {
                    (Some(left), Some(right)) => {
                        Some(Meaning::Update(Box::new(left), Box::new(right)))
                    }
                    (one, other) => one.or(other),
                }
            }
            SyntaxKind::Apply => self.application(node),
            SyntaxKind::LookupPathExpr | SyntaxKind::Path => None,
            _ => Some(Meaning::Written(node)),
        }
    }

    fn variable(&self, node: FlatNode<'a>) -> Option<Meaning<'a>> {
        // Of two that touch, the one that begins here is meant.
        let references = &self.scopes.references;
        let index = references.partition_point(|it| it.range.start() < node.range().start());
        self.reference(references.get(index).filter(|it| it.range == node.range())?)
    }

    /// Returns what a use of a variable means.
    pub(super) fn reference(&self, reference: &Reference) -> Option<Meaning<'a>> {
        let name = reference.name.to_text();
        match &reference.target {
            Target::Definition(index) => {
                self.definition(self.scopes.definitions.get(*index as usize)?)
            }
            Target::Builtin if name == "builtins" => Some(Meaning::Builtins),
            Target::Builtin => None,
            Target::With(withs) => withs.iter().find_map(|index| {
                let set = self.scopes.withs.get(*index as usize)?.set?;
                let set = self.meaning(self.node_at(set)?)?;
                self.select(set, &name)
            }),
            Target::Undefined => usual(&name),
        }
    }

    /// Returns what a definition gives its name.
    pub(super) fn definition(&self, definition: &Definition) -> Option<Meaning<'a>> {
        let name = definition.name.to_text();
        match definition.kind {
            DefinitionKind::Let | DefinitionKind::RecAttr | DefinitionKind::LetInherit => {
                let entry = self.node_at(definition.full_range)?;
                match entry.kind() {
                    SyntaxKind::InheritClause => self.inherited(entry, &name),
                    _ => self.in_entries(self.entries_around(definition), &name),
                }
            }
            DefinitionKind::Formal { .. } => match usual(&name) {
                Some(usual) => Some(usual),
                None if self.is_package() => Some(Meaning::Value(packages().select(&name))),
                None => {
                    let formal = self.node_at(definition.full_range)?;
                    self.meaning(formal.expressions().next()?)
                }
            },
            DefinitionKind::Parameter => self.parameter(definition, &name),
            DefinitionKind::AtName => None,
        }
    }

    /// The parameters of an overlay are package sets: `final: prev:`, or `self: super:`.
    fn parameter(&self, definition: &Definition, name: &str) -> Option<Meaning<'a>> {
        let other = match name {
            "final" => "prev",
            "prev" => "final",
            "self" => "super",
            "super" => "self",
            "pkgs" | "lib" | "config" => return usual(name),
            _ => return None,
        };
        let is_other = |it: &&Definition| {
            it.kind == DefinitionKind::Parameter
                && it.name.to_text() == other
                && (it.scope.contains_range(definition.scope)
                    || definition.scope.contains_range(it.scope))
        };
        self.scopes.definitions.iter().find(is_other)?;
        Some(Meaning::Value(packages()))
    }

    /// Whether the file is a package: a function that `callPackage` calls.
    pub(super) fn is_package(&self) -> bool {
        let Some(top) = self.tree.root().expressions().next() else { return false };
        let Some(formals) = top.child(SyntaxKind::Formals) else { return false };
        let mut names = formals.children().filter_map(|it| it.child(SyntaxKind::Name));
        let has_builder = names.any(|it| {
            matches!(
                it.text(),
                b"stdenv" | b"fetchurl" | b"fetchFromGitHub" | b"buildPythonPackage"
            )
        });
        has_builder && !module_bindings::reads_as_module(self.tree)
    }

    /// Returns the bindings and `inherit`s among which a definition stands.
    pub(super) fn entries_around(&self, definition: &Definition) -> Vec<FlatNode<'a>> {
        let mut node = self.node_at(definition.scope);
        // The file, or a parenthesis that is missing its end, may have the same range.
        while let Some(scope) = node {
            let kind = scope.kind();
            if matches!(kind, SyntaxKind::LetIn | SyntaxKind::LegacyLet | SyntaxKind::AttrSet) {
                return scope.children().collect();
            }
            node = scope.children().find(|it| it.range() == definition.scope);
        }
        Vec::new()
    }

    /// Returns what `name` means among entries, nested paths included.
    fn in_entries(&self, entries: Vec<FlatNode<'a>>, name: &str) -> Option<Meaning<'a>> {
        let mut parts = Vec::new();
        for entry in entries {
            match entry.kind() {
                SyntaxKind::Binding => {
                    let Some(path) = entry.child(SyntaxKind::Attrpath) else { continue };
                    let mut attrs = path.children();
                    if attrs.next().and_then(static_name).as_deref() != Some(name) {
                        continue;
                    }
                    if attrs.next().is_none() {
                        return self.meaning(entry.expressions().next()?);
                    }
                    parts.push(entry);
                }
                SyntaxKind::InheritClause => {
                    let mut attrs = entry.children().filter(|it| it.kind().is_attr());
                    if attrs.any(|attr| static_name(attr).as_deref() == Some(name)) {
                        return self.inherited(entry, name);
                    }
                }
                _ => {}
            }
        }
        (!parts.is_empty()).then_some(Meaning::Partial(parts, 1))
    }

    fn inherited(&self, clause: FlatNode<'a>, name: &str) -> Option<Meaning<'a>> {
        self.steps.set(self.steps.get().checked_sub(1)?);
        match clause.child(SyntaxKind::InheritFrom) {
            Some(from) => {
                let set = self.meaning(from.expressions().next()?)?;
                self.select(set, name)
            }
            None => {
                let attr = clause
                    .children()
                    .find(|it| it.kind().is_attr() && static_name(*it).as_deref() == Some(name))?;
                let reference = self.scopes.reference_at(attr.range().start())?;
                match &reference.target {
                    Target::Definition(index) => {
                        self.definition(self.scopes.definitions.get(*index as usize)?)
                    }
                    Target::Undefined => usual(name),
                    _ => None,
                }
            }
        }
    }

    /// Returns what an attribute of a set means.
    pub(super) fn select(&self, set: Meaning<'a>, name: &str) -> Option<Meaning<'a>> {
        self.steps.set(self.steps.get().checked_sub(1)?);
        match set {
            Meaning::Config(mut path) => {
                path.push(Part::Name(name.to_owned()));
                Some(Meaning::Config(path))
            }
            Meaning::Value(lookup) => Some(Meaning::Value(lookup.select(name))),
            Meaning::Builtins => None,
            Meaning::Written(node) if node.kind() == SyntaxKind::AttrSet => {
                self.in_entries(node.children().collect(), name)
            }
            Meaning::Written(_) => None,
            Meaning::Partial(entries, depth) => self.in_partial(&entries, depth, name),
            Meaning::File(path, mut steps) => {
                steps.push(Step::Select(name.to_owned()));
                Some(Meaning::File(path, steps))
            }
            Meaning::Update(left, right) => {
                let has = |names: Vec<Member>| names.iter().any(|it| it.name == name);
                if has(self.names(&right)) {
                    return self.select(*right, name);
                }
                self.select(*left, name)
            }
        }
    }

    /// Follows a path into a set.
    pub(super) fn select_parts(&self, set: Meaning<'a>, path: &[Part]) -> Option<Meaning<'a>> {
        path.iter().try_fold(set, |set, part| match part {
            Part::Name(name) => self.select(set, name),
            Part::Element => None,
        })
    }

    fn in_partial(
        &self,
        entries: &[FlatNode<'a>],
        depth: usize,
        name: &str,
    ) -> Option<Meaning<'a>> {
        let mut parts = Vec::new();
        for entry in entries {
            let mut attrs = entry.child(SyntaxKind::Attrpath)?.children().skip(depth);
            if attrs.next().and_then(static_name).as_deref() != Some(name) {
                continue;
            }
            if attrs.next().is_none() {
                return self.meaning(entry.expressions().next()?);
            }
            parts.push(*entry);
        }
        (!parts.is_empty()).then_some(Meaning::Partial(parts, depth + 1))
    }

    fn application(&self, node: FlatNode<'a>) -> Option<Meaning<'a>> {
        let mut children = node.expressions();
        let function = children.next()?.without_parens();
        let arguments: Vec<FlatNode<'a>> = children.collect();
        let (function, arguments) = flattened(function, arguments);
        let first = *arguments.first()?;
        if is_import(function) {
            let imported = self.imported(first.without_parens())?;
            return arguments.iter().skip(1).try_fold(imported, |it, _| self.called(it));
        }
        let mut meaning = self.meaning(function)?;
        for _ in &arguments {
            meaning = self.called(meaning)?;
        }
        Some(meaning)
    }

    pub(super) fn imported(&self, argument: FlatNode<'a>) -> Option<Meaning<'a>> {
        match argument.kind() {
            SyntaxKind::LookupPathExpr => match argument.text() {
                b"<nixpkgs>" => Some(Meaning::Value(packages())),
                b"<nixpkgs/lib>" => Some(Meaning::Value(library())),
                _ => None,
            },
            SyntaxKind::Path if self.path.root == HOST => {
                let path = path_target(&self.path.bytes, &text(argument))?;
                Some(Meaning::File(path, Vec::new()))
            }
            _ => None,
        }
    }

    /// Returns what a call of a function gives.
    pub(super) fn called(&self, function: Meaning<'a>) -> Option<Meaning<'a>> {
        match function {
            // `import <nixpkgs> { }`: the package set is what is meant either way.
            Meaning::Value(lookup) if lookup.path.is_empty() && lookup.base == Base::Packages => {
                Some(Meaning::Value(lookup))
            }
            Meaning::Written(node) if node.kind() == SyntaxKind::Lambda => {
                self.meaning(node.expressions().last()?)
            }
            Meaning::File(path, mut steps) => {
                steps.push(Step::Call);
                Some(Meaning::File(path, steps))
            }
            _ => None,
        }
    }

    /// Returns the names in a set, as far as they are known.
    pub(super) fn names(&self, set: &Meaning<'a>) -> Vec<Member> {
        if self.steps.get() == 0 {
            return Vec::new();
        }
        self.steps.set(self.steps.get() - 1);
        match set {
            Meaning::Config(_) | Meaning::Builtins => Vec::new(),
            Meaning::Value(lookup) => {
                let Some(found) = self.inspected(lookup) else { return Vec::new() };
                let name = |name: &String| Member {
                    name: name.clone(),
                    place: Written::Elsewhere,
                    lookup: Some(lookup.select(name)),
                };
                found.names.iter().map(name).collect()
            }
            Meaning::Written(node) if node.kind() == SyntaxKind::AttrSet => {
                entry_names(node.children(), 0)
            }
            Meaning::Written(_) => Vec::new(),
            Meaning::Partial(entries, depth) => entry_names(entries.iter().copied(), *depth),
            Meaning::File(path, steps) => {
                file::names(self.knowledge, path, steps, self.steps.get())
            }
            Meaning::Update(left, right) => {
                let mut names = self.names(right);
                let mut seen: FxHashSet<String> = names.iter().map(|it| it.name.clone()).collect();
                let left = self.names(left).into_iter();
                names.extend(left.filter(|it| seen.insert(it.name.clone())));
                names
            }
        }
    }

    /// Whether the names of a set will be known later.
    pub(super) fn is_waiting(&self, set: &Meaning<'a>) -> bool {
        match set {
            Meaning::Value(lookup) => {
                self.knowledge.values.is_some_and(|values| values.get(lookup).is_none())
            }
            Meaning::Update(left, right) => self.is_waiting(left) || self.is_waiting(right),
            _ => false,
        }
    }

    /// Returns the sets of the `with`s around an offset, innermost first.
    pub(super) fn withs_at(&self, offset: u32) -> Vec<FlatNode<'a>> {
        let mut sets = Vec::new();
        for node in self.around(self.last_token_end(offset)).into_iter().rev() {
            if node.kind() != SyntaxKind::WithExpr {
                continue;
            }
            let Some(set) = node.expressions().next() else { continue };
            if set.end() < offset {
                sets.push(set);
            }
        }
        sets
    }

    /// Returns the names that the function takes in whose argument, a set, an offset is, without
    /// those given already.
    pub(super) fn formals_wanted_at(&self, offset: u32) -> Vec<Member> {
        if self.is_comment_or_string(offset) {
            return Vec::new();
        }
        let around = self.around(self.last_token_end(offset));
        let sets = around.iter().rposition(|it| it.kind() == SyntaxKind::AttrSet);
        let Some((set, above)) = sets.and_then(|at| around.get(..=at)?.split_last()) else {
            return Vec::new();
        };
        let Some(call) = above.last().filter(|it| it.kind() == SyntaxKind::Apply) else {
            return Vec::new();
        };
        let Some(function) = call.expressions().next() else { return Vec::new() };
        let (function, mut arguments) = flattened(function.without_parens(), Vec::new());
        arguments.extend(call.expressions().skip(1));
        let is_call = match function.kind() {
            SyntaxKind::Variable => matches!(function.text(), b"import" | b"callPackage"),
            SyntaxKind::Select => function.text().ends_with(b".callPackage"),
            _ => false,
        };
        let is_second = arguments.get(1) == Some(set);
        let path = arguments.first().filter(|it| it.kind() == SyntaxKind::Path);
        let (true, true, Some(path)) = (is_call, is_second, path) else { return Vec::new() };
        let Some(path) = path_target(&self.path.bytes, &text(*path)) else { return Vec::new() };
        let given = entry_names(set.children(), 0);
        let mut names = file::formals(self.knowledge, &path);
        names.retain(|name| given.iter().all(|it| it.name != name.name));
        names
    }

    /// Returns where the last token before an offset ends.
    pub(super) fn last_token_end(&self, offset: u32) -> u32 {
        let (mut low, mut high) = (0, self.tree.token_count());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.tree.token(middle).is_some_and(|token| token.start() < offset) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let token = low.checked_sub(1).and_then(|index| self.tree.token(index));
        token.map_or(0, |token| token.end().min(offset))
    }

    /// Whether an offset is inside a string or behind the beginning of a comment in its line.
    pub(super) fn is_comment_or_string(&self, offset: u32) -> bool {
        let is_string = |node: &FlatNode<'_>| {
            matches!(node.kind(), SyntaxKind::String)
                && node.start() < offset
                && (offset < node.end() || node.text().len() < 2)
        };
        let around = self.around(offset);
        let inner =
            around.iter().rev().find(|it| is_string(it) || it.kind() == SyntaxKind::Interpolation);
        if inner.is_some_and(is_string) {
            return true;
        }
        let from = self.last_token_end(offset);
        let trivia = self.tree.text(TextRange::new(from.into(), offset.into()));
        super::cursor::is_in_comment(trivia)
    }

    /// Returns the comment before the binding whose value a function is.
    pub(super) fn comment_of(&self, lambda: FlatNode<'a>) -> Option<String> {
        let around = self.around(lambda.start());
        let binding = around.iter().rev().find(|it| it.kind() == SyntaxKind::Binding)?;
        let value = binding.expressions().next()?.without_parens();
        let text = self.tree.source();
        (value == lambda).then(|| {
            // A comment may stand before the function as well. Source: RFC 145.
            inspect::comment_before(text, lambda.start() as usize)
                .or_else(|| inspect::comment_before(text, binding.start() as usize))
        })?
    }

    /// Returns what an evaluation has found at a path.
    pub(super) fn inspected(&self, lookup: &Lookup) -> Option<std::sync::Arc<Inspected>> {
        let found = self.knowledge.values?.get(lookup)?;
        (found.kind != ValueKind::Missing).then_some(found)
    }
}

/// Returns what the arguments of modules, packages and overlays are called everywhere.
fn usual<'a>(name: &str) -> Option<Meaning<'a>> {
    match name {
        "config" => Some(Meaning::Config(Vec::new())),
        "pkgs" => Some(Meaning::Value(packages())),
        "lib" => Some(Meaning::Value(library())),
        _ => None,
    }
}

fn packages() -> Lookup {
    Lookup { base: Base::Packages, path: Vec::new() }
}

fn library() -> Lookup {
    Lookup { base: Base::Library, path: Vec::new() }
}

/// Returns the function of nested applications with all arguments.
pub(super) fn flattened<'a>(
    function: FlatNode<'a>,
    arguments: Vec<FlatNode<'a>>,
) -> (FlatNode<'a>, Vec<FlatNode<'a>>) {
    let (mut function, mut arguments) = (function, arguments);
    while function.kind() == SyntaxKind::Apply {
        let mut inner = function.expressions();
        let Some(first) = inner.next() else { break };
        let mut all: Vec<FlatNode<'a>> = inner.collect();
        all.append(&mut arguments);
        (function, arguments) = (first.without_parens(), all);
    }
    (function, arguments)
}

pub(super) fn is_import(function: FlatNode<'_>) -> bool {
    match function.kind() {
        SyntaxKind::Variable => function.text() == b"import",
        SyntaxKind::Select => function.text() == b"builtins.import",
        _ => false,
    }
}

/// Returns the names that entries of a set give at a depth of their paths, each once.
pub(super) fn entry_names<'a>(
    entries: impl Iterator<Item = FlatNode<'a>>,
    depth: usize,
) -> Vec<Member> {
    let mut names = Vec::new();
    let mut seen: FxHashSet<String> = FxHashSet::default();
    for entry in entries {
        let attrs: Vec<FlatNode<'a>> = match entry.kind() {
            SyntaxKind::Binding => {
                let path = entry.child(SyntaxKind::Attrpath);
                path.and_then(|it| it.children().nth(depth)).into_iter().collect()
            }
            SyntaxKind::InheritClause => {
                entry.children().filter(|it| it.kind().is_attr()).collect()
            }
            _ => continue,
        };
        for attr in attrs {
            let Some(name) = static_name(attr) else { continue };
            if seen.insert(name.clone()) {
                names.push(Member { name, place: Written::Here(attr.range()), lookup: None });
            }
        }
    }
    names
}

pub(super) fn static_name(attr: FlatNode<'_>) -> Option<String> {
    attr.static_attr().map(|name| String::from_utf8_lossy(&name).into_owned())
}

pub(super) fn text(node: FlatNode<'_>) -> String {
    String::from_utf8_lossy(node.text()).into_owned()
}
