//! Where the value of an expression goes: who calls it, who reads it, who hands it on whole.
//!
//! ```nix
//! let brew = { tea }: tea; in [ (brew { tea = 1; }) (map brew [ ]) ]
//! #                             └ a call              └ handed on: its callers are not known
//! ```

use std::collections::BTreeSet;

use eval::scope::{DefinitionKind, Target};
use eval::source::HOST;
use eval::system::FileType;
use syntax::{FlatNode, SyntaxKind, TextRange};

use super::goto_definition::path_target;
use super::project::{Files, ProjectFile};
use super::scene::{Step, is_import, static_name, text};
use super::symbol::{Site, is_call_package};

/// How many places a value is followed to.
const PLACES_MAX: usize = 400;

/// Where a value goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    /// The calls of it, if it is a function.
    pub(super) calls: Vec<Call>,
    /// The places where it is handed on to what is not followed.
    pub(super) escapes: Vec<Site>,
    /// Whether it is the value of a file that no other file imports.
    pub(super) is_public: bool,
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The index of the file.
    pub(super) file: usize,
    /// The function as it is written there.
    pub(super) function: TextRange,
    /// The argument.
    pub(super) argument: TextRange,
    /// Whether what the argument leaves out is taken from the package set.
    pub(super) fills_in: bool,
}

/// Follows the value of a variable; `steps` lead from the value to what is meant.
pub(super) fn follow_variable(
    files: &Files<'_>,
    file: usize,
    definition: u32,
    steps: &[Step],
) -> Flow {
    let mut follower = Follower { files, flow: Flow::default(), seen: BTreeSet::new() };
    follower.variable(file, definition, steps);
    follower.flow
}

/// Follows the value of an expression; `steps` lead from the value to what is meant.
pub(super) fn follow(files: &Files<'_>, file: usize, node: FlatNode<'_>, steps: &[Step]) -> Flow {
    let mut follower = Follower { files, flow: Flow::default(), seen: BTreeSet::new() };
    follower.value(file, node.index(), steps);
    follower.flow
}

struct Follower<'f, 'p> {
    files: &'f Files<'p>,
    flow: Flow,
    seen: BTreeSet<(usize, u32, usize)>,
}

impl<'f, 'p> Follower<'f, 'p> {
    fn file(&self, at: usize) -> Option<&'f ProjectFile<'p>> {
        self.files.all.get(at)
    }

    fn escape(&mut self, file: usize, node: FlatNode<'_>) {
        if let Some(found) = self.file(file) {
            self.flow.escapes.push(Site { path: found.path.clone(), range: node.range() });
        }
    }

    /// The value of a node goes to where the node stands.
    fn value(&mut self, at: usize, index: u32, steps: &[Step]) {
        let Some(file) = self.file(at) else { return };
        let Some(node) = file.tree().node(index) else { return };
        if self.seen.len() > PLACES_MAX {
            return self.escape(at, node);
        }
        if !self.seen.insert((at, index, steps.len())) {
            return;
        }
        let Some(parent) = file.parent(node) else { return };
        match parent.kind() {
            SyntaxKind::SourceFile => self.importers(at, steps),
            SyntaxKind::Paren => self.value(at, parent.index(), steps),
            SyntaxKind::Select => self.selection(at, parent, node, steps),
            SyntaxKind::HasAttr | SyntaxKind::InheritFrom if Some(node) == parent.first_child() => {
            }
            SyntaxKind::WithExpr if Some(node) == parent.expressions().next() => {}
            SyntaxKind::AssertExpr | SyntaxKind::IfElse
                if Some(node) == parent.expressions().next() => {}
            SyntaxKind::WithExpr
            | SyntaxKind::AssertExpr
            | SyntaxKind::IfElse
            | SyntaxKind::LetIn => self.value(at, parent.index(), steps),
            SyntaxKind::BinaryOp
                if parent.operator().is_some_and(|it| it.kind() == SyntaxKind::SlashSlash) =>
            {
                self.value(at, parent.index(), steps);
            }
            SyntaxKind::Lambda => {
                let steps: Vec<Step> = [Step::Call].iter().chain(steps).cloned().collect();
                self.value(at, parent.index(), &steps);
            }
            SyntaxKind::Apply => self.application(at, parent, node, steps),
            SyntaxKind::Binding => self.binding(at, parent, steps),
            _ => self.escape(at, node),
        }
    }

    fn selection(&mut self, at: usize, parent: FlatNode<'_>, node: FlatNode<'_>, steps: &[Step]) {
        if parent.first_child() != Some(node) {
            // The default behind `or`.
            return self.value(at, parent.index(), steps);
        }
        let Some(path) = parent.child(SyntaxKind::Attrpath) else { return };
        let mut left = steps;
        for attr in path.children() {
            match (static_name(attr), left.split_first()) {
                (None, _) => return self.escape(at, parent),
                (Some(_), None) => return,
                (Some(name), Some((Step::Select(wanted), rest))) => {
                    if name != *wanted {
                        return;
                    }
                    left = rest;
                }
                (Some(_), Some((Step::Call, _))) => return,
            }
        }
        self.value(at, parent.index(), left);
    }

    fn application(&mut self, at: usize, call: FlatNode<'_>, node: FlatNode<'_>, steps: &[Step]) {
        if call.first_child() != Some(node) {
            return self.escape(at, node);
        }
        self.called(at, call, node.range(), 1, steps, false);
    }

    /// A function is called with the arguments of `call` from number `first` on.
    fn called(
        &mut self,
        at: usize,
        call: FlatNode<'_>,
        function: TextRange,
        first: usize,
        steps: &[Step],
        fills_in: bool,
    ) {
        let mut left = steps;
        let mut arguments = call.children().skip(first).peekable();
        if arguments.peek().is_none() {
            return self.value(at, call.index(), steps);
        }
        for argument in arguments {
            match left.split_first() {
                Some((Step::Call, rest)) => left = rest,
                // A set that is called: broken code.
                Some((Step::Select(_), _)) => return,
                None => {
                    let argument = argument.range();
                    let file = at;
                    return self.flow.calls.push(Call { file, function, argument, fills_in });
                }
            }
        }
        self.value(at, call.index(), left);
    }

    /// A binding gives the value to a variable, to an attribute, or to both.
    fn binding(&mut self, at: usize, binding: FlatNode<'_>, steps: &[Step]) {
        let Some(file) = self.file(at) else { return };
        let Some(path) = binding.child(SyntaxKind::Attrpath) else { return };
        let names: Option<Vec<String>> = path.children().map(static_name).collect();
        let (Some(names), Some(set)) = (names, file.parent(binding)) else {
            return self.escape(at, binding);
        };
        let inside: Vec<Step> =
            names.iter().cloned().map(Step::Select).chain(steps.iter().cloned()).collect();
        let scene = file.scene(self.files.knowledge);
        let first = path.first_child().map(FlatNode::range);
        let is_variable = |kind| matches!(kind, DefinitionKind::Let | DefinitionKind::RecAttr);
        let own = scene.scopes.definitions.iter().enumerate().find(|(_, it)| {
            is_variable(it.kind)
                && it.scope == set.range()
                && Some(it.name.to_text()) == names.first().map(|name| name.as_str().into())
                && first.is_some()
        });
        if let Some((index, _)) = own {
            self.variable(at, index as u32, inside.get(1..).unwrap_or_default());
        }
        if matches!(set.kind(), SyntaxKind::AttrSet | SyntaxKind::LegacyLet) {
            self.value(at, set.index(), &inside);
        }
    }

    /// Every use of a variable has its value.
    fn variable(&mut self, at: usize, definition: u32, steps: &[Step]) {
        let Some(file) = self.file(at) else { return };
        let scene = file.scene(self.files.knowledge);
        for reference in &scene.scopes.references {
            if reference.target != Target::Definition(definition) {
                continue;
            }
            let around = scene.around(reference.range.start().into());
            let innermost = around.iter().rev().find(|it| it.range() == reference.range);
            let Some(node) = innermost else { continue };
            match file.parent(*node) {
                Some(clause) if clause.kind() == SyntaxKind::InheritClause => {
                    self.inherited(at, clause, &reference.name.to_text(), steps);
                }
                _ => self.value(at, node.index(), steps),
            }
        }
    }

    /// `inherit x;` puts the value of a variable into a set.
    fn inherited(&mut self, at: usize, clause: FlatNode<'_>, name: &str, steps: &[Step]) {
        let Some(file) = self.file(at) else { return };
        let Some(set) = file.parent(clause) else { return };
        let select = Step::Select(name.to_owned());
        let inside: Vec<Step> = std::iter::once(select).chain(steps.iter().cloned()).collect();
        if set.kind() == SyntaxKind::AttrSet {
            self.value(at, set.index(), &inside);
        } else {
            self.escape(at, clause);
        }
    }

    /// Who imports the file has its value.
    fn importers(&mut self, at: usize, steps: &[Step]) {
        let Some(own) = self.file(at) else { return };
        let mut is_imported = false;
        for (other, file) in self.files.all.iter().enumerate() {
            for (literal, target) in self.files.literals_of(file) {
                if target[..] != own.path.bytes[..] {
                    continue;
                }
                is_imported = true;
                let Some(node) = file.tree().node(*literal) else { continue };
                self.imported(other, file, node, steps);
            }
        }
        self.flow.is_public |= !is_imported;
    }

    fn imported(
        &mut self,
        at: usize,
        file: &ProjectFile<'_>,
        literal: FlatNode<'_>,
        steps: &[Step],
    ) {
        let mut argument = literal;
        while let Some(parent) = file.parent(argument).filter(|it| it.kind() == SyntaxKind::Paren) {
            argument = parent;
        }
        let call = file.parent(argument).filter(|it| it.kind() == SyntaxKind::Apply);
        let is_first = call.is_some_and(|call| call.children().nth(1) == Some(argument));
        let function = call.and_then(FlatNode::first_child).map(FlatNode::without_parens);
        match (call, function) {
            (Some(call), Some(function)) if is_first && is_import(function) => {
                let whole = TextRange::new(function.range().start(), literal.range().end());
                self.called(at, call, whole, 2, steps, false);
            }
            (Some(call), Some(function)) if is_first && is_call_package(function) => {
                let whole = TextRange::new(function.range().start(), literal.range().end());
                self.called(at, call, whole, 2, steps, true);
            }
            _ => self.escape(at, literal),
        }
    }
}

/// Returns the path literals of a file by their node, with the files that they lead to.
pub(super) fn path_literals(files: &Files<'_>, file: &ProjectFile<'_>) -> Vec<(u32, Vec<u8>)> {
    let Some(system) = files.knowledge.system.filter(|_| file.path.root == HOST) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for node in file.tree().root().descendants() {
        if node.kind() != SyntaxKind::Path || node.first_child().is_some() {
            continue;
        }
        let Some(target) = path_target(&file.path.bytes, &text(node)) else { continue };
        let mut target = target.bytes.to_vec();
        if system.file_type(&target).is_ok_and(|it| it == FileType::Directory) {
            target.extend_from_slice(b"/default.nix");
        }
        found.push((node.index(), target));
    }
    found
}
