//! From the flat tree to the IR: variables resolved, sets merged, literals made values.
//!
//! One walk over the tree, children before their parents. What each kind of frame holds is said in
//! [`crate::ir`]; where errors point is said where a node is made, and follows CppNix's grammar.

pub(crate) mod attrset;
mod lambda;
mod operator;
mod order;
pub(crate) mod scope;
mod set;
mod string;
mod variable;

use std::cell::Cell;

use rustc_hash::FxHashMap;
use syntax::{FlatNode, FlatTree, SyntaxKind as K, literal};

use crate::error::{self, EvalError, Result};
use crate::heap::{Heap, Symbol, Value};
use crate::ir::{Code, Id, Node, PathEntry, SetValue};
use crate::settings::Settings;
use crate::source::{FileId, Position, SourcePath};
use crate::syntax_error;
use lambda::Frame;
use scope::{NameId, Names, Scope};
use variable::GlobalNode;

/// What lowering needs to know beside the tree.
pub struct Surroundings<'a, 'h> {
    /// Where values of literals go.
    pub heap: &'h Heap,
    /// Where the nodes go.
    pub code: &'a Code<'h>,
    /// Which features are on.
    pub settings: &'a Settings,
    /// The file, already begun in `code`.
    pub file: FileId,
    /// The directory that relative paths start from.
    pub directory: &'a SourcePath,
    /// The home directory for `~/`, if it is known and allowed.
    pub home: Option<&'a [u8]>,
    /// Variables of the frame outside the file, by slot (`scopedImport`).
    pub scope: &'a [Symbol],
    /// Set when the file applies something to the name `or`.
    pub has_or: &'a Cell<bool>,
}

/// What lowering a file gives.
pub struct Lowered {
    /// The whole expression.
    pub root: Id,
    /// The names in the file, in the order in which they were met.
    pub names: Vec<Symbol>,
    /// Whether reading the file again would tell the person nothing.
    pub is_quiet: bool,
}

/// Lowers a tree without syntax errors.
///
/// # Errors
///
/// An undefined variable; a set or a list of formals that names something twice.
pub fn lower(tree: &FlatTree<'_>, surroundings: &Surroundings<'_, '_>) -> Result<Lowered> {
    let mut lowering = Lowering::new(tree, surroundings);
    let root = tree.root();
    lowering.names.expect_tokens(tree.token_count());
    order::meet(&mut lowering.names, tree);
    let outcome = match root.first_child() {
        Some(expr) => lowering.expr(expr),
        None => lowering.nothing(root),
    };
    // What is defined twice is noticed while parsing, before any variable is looked up.
    match outcome {
        Err(error) => Err(lowering.first_duplicate().unwrap_or(error)),
        Ok(root) => Ok(Lowered {
            root,
            names: lowering.names.into_symbols(),
            is_quiet: !surroundings.has_or.get(),
        }),
    }
}

/// The walk over one file.
struct Lowering<'t, 'h> {
    tree: &'t FlatTree<'t>,
    surroundings: &'t Surroundings<'t, 'h>,
    code: &'t Code<'h>,
    names: Names<'t>,
    scope: Scope,
    /// The operators that are variables.
    operators: Operators,
    /// The symbol of `__overrides`.
    overrides: Symbol,
    /// The frame of the lambda around.
    frame: Frame,
    /// By name; those beyond the end were not asked for.
    globals: Vec<GlobalNode>,
    /// Constants of the members of `builtins`.
    members: FxHashMap<Symbol, Option<u32>>,
    empty_string: Option<u32>,
    /// The set without attributes: nothing tells one from another.
    empty_set: Option<u32>,
    /// Numbers for a run that has begun; each user takes off what it has put on.
    scratch: Vec<u32>,
    /// A run that is complete and about to be added.
    run: Vec<u32>,
    /// Values of sets that have begun.
    values: Vec<SetValue>,
}

/// The names that operators and `<…>` stand for.
struct Operators {
    sub: NameId,
    mul: NameId,
    div: NameId,
    less_than: NameId,
    find_file: NameId,
    nix_path: NameId,
}

impl<'t, 'h> Lowering<'t, 'h> {
    fn new(tree: &'t FlatTree<'t>, surroundings: &'t Surroundings<'t, 'h>) -> Self {
        let mut names = Names::default();
        let operators = Operators {
            sub: names.id(b"__sub"),
            mul: names.id(b"__mul"),
            div: names.id(b"__div"),
            less_than: names.id(b"__lessThan"),
            find_file: names.id(b"__findFile"),
            nix_path: names.id(b"__nixPath"),
        };
        let mut scope = Scope::default();
        for (name, index) in surroundings.scope.iter().zip(0..) {
            scope.bind(names.id(name.as_bytes()), index);
        }
        Lowering {
            tree,
            surroundings,
            code: surroundings.code,
            names,
            scope,
            operators,
            overrides: Symbol::intern(b"__overrides"),
            frame: Frame::default(),
            globals: Vec::new(),
            members: FxHashMap::default(),
            empty_string: None,
            empty_set: None,
            scratch: Vec::new(),
            run: Vec::new(),
            values: Vec::new(),
        }
    }

    fn position(&self, offset: u32) -> Position {
        Position { file: self.surroundings.file, offset }
    }

    /// Adds what stands for an expression that is not there; a tree without errors has none.
    fn nothing(&mut self, node: FlatNode<'t>) -> Result<Id> {
        Ok(self.constant(Value::NULL, node.start()))
    }

    /// Returns the error of the attribute that the reference implementation finds defined twice
    /// first.
    #[cold]
    fn first_duplicate(&mut self) -> Option<Box<EvalError>> {
        let duplicate = attrset::duplicate(self.tree, &mut self.names)?;
        Some(self.duplicate(&duplicate))
    }

    #[cold]
    fn duplicate(&self, duplicate: &attrset::Duplicate) -> Box<EvalError> {
        let file = self.surroundings.file;
        let error = duplicate.to_error();
        match self.code.file(file) {
            Some(code) => syntax_error::convert(&[error], self.tree.source(), &code.origin, file),
            None => error::other(error.message),
        }
    }

    /// Lowers the child number `n` of `node`.
    fn child(&mut self, node: FlatNode<'t>, n: usize) -> Result<Id> {
        match node.nth_child(n) {
            Some(child) => self.expr(child),
            None => self.nothing(node),
        }
    }

    /// Lowers an expression.
    fn expr(&mut self, node: FlatNode<'t>) -> Result<Id> {
        match node.kind() {
            K::Variable => {
                let name = self.names.of(node);
                self.named_variable(name, node.start())
            }
            K::Literal => self.literal(node),
            K::Select => self.select(node),
            K::Apply => self.apply(node),
            K::ApplyOr => self.apply_or(node),
            K::String => self.string(node),
            K::IndentedString => self.indented_string(node),
            K::Path => self.path(node),
            K::LookupPathExpr => self.lookup_path(node),
            K::List => self.list(node),
            K::AttrSet => self.attr_set(node),
            K::LegacyLet => self.legacy_let(node),
            K::LetIn => self.let_in(node, false),
            K::Lambda => self.lambda(node, None),
            K::WithExpr => self.with(node),
            K::AssertExpr => {
                let condition = self.child(node, 0)?;
                let body = self.child(node, 1)?;
                Ok(self.code.push(Node::Assert { condition, body }, node.start()))
            }
            K::IfElse => {
                let condition = self.child(node, 0)?;
                let yes = self.child(node, 1)?;
                let no = self.child(node, 2)?;
                Ok(self.code.push(Node::If { condition, yes, no }, node.start()))
            }
            K::HasAttr => self.has_attr(node),
            K::BinaryOp => self.binary(node),
            K::UnaryOp => self.unary(node),
            K::Paren => self.child(node, 0),
            K::CurPos => Ok(self.code.push(Node::CurrentPosition, node.start())),
            _ => self.nothing(node),
        }
    }

    /// Lowers an expression whose value is that of the lambda around.
    fn tail(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let node = node.without_parens();
        match node.kind() {
            K::LetIn => self.let_in(node, true),
            K::IfElse => {
                let condition = self.child(node, 0)?;
                let next = self.frame.next;
                let yes = self.tail_child(node, 1)?;
                // Only one of the branches runs, so they share their slots.
                self.frame.next = next;
                let no = self.tail_child(node, 2)?;
                self.frame.next = next;
                Ok(self.code.push(Node::If { condition, yes, no }, node.start()))
            }
            K::AssertExpr => {
                let condition = self.child(node, 0)?;
                let body = self.tail_child(node, 1)?;
                Ok(self.code.push(Node::Assert { condition, body }, node.start()))
            }
            _ => self.expr(node),
        }
    }

    fn tail_child(&mut self, node: FlatNode<'t>, n: usize) -> Result<Id> {
        match node.nth_child(n) {
            Some(child) => self.tail(child),
            None => self.nothing(node),
        }
    }

    fn literal(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let Some(token) = node.first_token() else { return self.nothing(node) };
        let value = match token.kind() {
            K::Uri => return Ok(self.string_constant(token.text(), token.start())),
            K::Float => Value::float(literal::parse_float(token.text()).unwrap_or_default()),
            _ => Value::int(literal::parse_integer(token.text()).unwrap_or_default()),
        };
        Ok(self.constant(value, token.start()))
    }

    fn list(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let start = self.scratch.len();
        for element in node.children() {
            let id = self.expr(element)?;
            self.scratch.push(id);
        }
        let (elements, count) = self.run_from(start);
        if count == 0 {
            // Known without evaluation, as numbers are: it prints where it was never needed.
            return Ok(self.constant(Value::list(&[]), node.start()));
        }
        Ok(self.code.push(Node::List { elements, count }, node.start()))
    }

    /// Makes a run of the numbers of `scratch` above `start`.
    fn run_from(&mut self, start: usize) -> (u32, u32) {
        let numbers = self.scratch.get(start..).unwrap_or_default();
        let run = (self.code.extra.extend(numbers), numbers.len() as u32);
        self.scratch.truncate(start);
        run
    }

    fn with(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let set = self.child(node, 0)?;
        let mark = self.scope.mark();
        self.scope.enter_with();
        let body = self.child(node, 1)?;
        self.scope.leave(mark);
        Ok(self.code.push(Node::With { set, body }, node.start()))
    }

    fn select(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let mut children = node.children();
        let (Some(subject), Some(path)) = (children.next(), children.next()) else {
            return self.nothing(node);
        };
        let subject = self.expr(subject)?;
        let offset = node.start();
        let single = match (path.first_child(), path.nth_child(1)) {
            (Some(attr), None) => self.names.of_attr(attr),
            _ => None,
        };
        if let Some(name) = single {
            let name = self.names.symbol(name);
            let Some(default) = children.next() else {
                return Ok(self.select_name(subject, name, offset));
            };
            let default = self.expr(default)?;
            return Ok(self.code.push(Node::SelectOr { subject, name, default }, offset));
        }
        let path = self.attrpath(path)?;
        let default = match children.next() {
            Some(default) => self.expr(default)?,
            None => crate::ir::NO_ID,
        };
        Ok(self.code.push(Node::SelectPath { subject, path, default }, offset))
    }

    fn has_attr(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let Some(path) = node.nth_child(1) else { return self.nothing(node) };
        let subject = self.child(node, 0)?;
        let path = self.attrpath(path)?;
        // The reference implementation has no place of its own for it.
        let offset = *self.code.offsets.get(subject);
        Ok(self.code.push(Node::HasAttr { subject, path }, offset))
    }

    /// Makes the run of an `Attrpath`.
    fn attrpath(&mut self, path: FlatNode<'t>) -> Result<u32> {
        let start = self.scratch.len();
        self.scratch.push(0);
        let mut count = 0;
        for attr in path.children() {
            let entry = match self.names.of_attr(attr) {
                Some(name) => PathEntry::Static(self.names.symbol(name)),
                None => PathEntry::Dynamic(self.computed_name(attr)?),
            };
            self.scratch.extend(entry.encode());
            count += 1;
        }
        if let Some(first) = self.scratch.get_mut(start) {
            *first = count;
        }
        Ok(self.run_from(start).0)
    }

    /// Lowers what computes a name: `${e}`, or a string with interpolations.
    fn computed_name(&mut self, attr: FlatNode<'t>) -> Result<Id> {
        if attr.kind() == K::String { self.string(attr) } else { self.child(attr, 0) }
    }
}

#[cfg(test)]
pub(crate) mod tests;
