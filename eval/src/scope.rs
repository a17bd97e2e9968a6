//! Names in one file: what defines each, what refers to it, and which `with` may provide it.
//!
//! This is the editor's and the linter's view; it is total on broken code. Lowering resolves the
//! same names to slots with its own, faster walk. The rule of the language: a lexical definition
//! wins over every `with`, however near; the global builtins are the outermost definitions; only
//! a name found in neither is looked up in the `with`s around it, innermost first.
//!
//! ```nix
//! let lib = { }; in with lib; [ lib map x ]
//! #     ▲ definition          │   │   └ may come from the `with`
//! #                           │   └ builtin
//! #                           └ the `let`
//! ```

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use syntax::{FlatNode, FlatTree, SyntaxKind, TextRange, TextSize};

use crate::heap::Symbol;

/// The names of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Everything that defines a variable, in source order of its scope.
    pub definitions: Vec<Definition>,
    /// Every use of a variable, in source order.
    pub references: Vec<Reference>,
    /// Every `with`.
    pub withs: Vec<With>,
}

/// One definition of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name.
    pub name: Symbol,
    /// What sort of definition it is.
    pub kind: DefinitionKind,
    /// The name's own bytes.
    pub range: TextRange,
    /// The binding, `inherit` entry, formal or parameter as a whole.
    pub full_range: TextRange,
    /// Where the variable can be used.
    pub scope: TextRange,
    /// How many references resolve to it.
    pub use_count: u32,
}

/// The sorts of definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefinitionKind {
    /// `let x = …; in`
    Let,
    /// `let inherit x; in` or `let inherit (e) x; in`
    LetInherit,
    /// `rec { x = …; }`
    RecAttr,
    /// `x: …`
    Parameter,
    /// `{ x }: …`
    Formal {
        /// Whether the formals end in `...`.
        has_ellipsis: bool,
        /// Whether the whole set has a name, too.
        has_name: bool,
    },
    /// `x@{ … }: …`
    AtName,
}

/// One use of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The name.
    pub name: Symbol,
    /// Its bytes.
    pub range: TextRange,
    /// What it means.
    pub target: Target,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The definition with this index.
    Definition(u32),
    /// A global builtin.
    Builtin,
    /// Whatever the `with`s with these indices provide, innermost first; shared by all names in
    /// the same place.
    With(Arc<[u32]>),
    /// Nothing.
    Undefined,
}

/// One `with`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct With {
    /// The keyword.
    pub keyword: TextRange,
    /// The expression of the set.
    pub set: Option<TextRange>,
    /// How many references may come from it.
    pub use_count: u32,
}

/// Returns the names of a file.
pub fn scopes(tree: &FlatTree<'_>) -> Scopes {
    let mut walk = Walk {
        scopes: Scopes::default(),
        visible: FxHashMap::default(),
        withs: Vec::new(),
        around: Arc::default(),
    };
    walk.children(tree.root());
    walk.scopes.references.sort_by_key(|reference| reference.range.start());
    walk.scopes
}

impl Scopes {
    /// Returns the reference at `offset`.
    pub fn reference_at(&self, offset: TextSize) -> Option<&Reference> {
        let end = self.references.partition_point(|it| it.range.start() <= offset);
        self.references[..end].iter().rev().take(2).find(|it| it.range.contains_inclusive(offset))
    }

    /// Returns the index of the definition whose name is at `offset`.
    pub fn definition_at(&self, offset: TextSize) -> Option<u32> {
        let found = self.definitions.iter().position(|it| it.range.contains_inclusive(offset));
        found.map(|index| index as u32)
    }

    /// Returns the definitions that can be used at `offset`, the innermost of each name.
    pub fn visible_at(&self, offset: TextSize) -> Vec<&Definition> {
        let mut nearest: FxHashMap<Symbol, usize> = FxHashMap::default();
        for (index, definition) in self.definitions.iter().enumerate() {
            if definition.scope.contains_inclusive(offset) {
                // Scopes nest, and inner ones are entered later.
                nearest.insert(definition.name, index);
            }
        }
        let mut indices: Vec<usize> = nearest.into_values().collect();
        indices.sort_unstable();
        indices.into_iter().filter_map(|index| self.definitions.get(index)).collect()
    }
}

struct Walk {
    scopes: Scopes,
    /// The definitions of each name around the current place, innermost last.
    visible: FxHashMap<Symbol, Vec<u32>>,
    /// The `with`s around the current place, innermost last.
    withs: Vec<u32>,
    /// The same, innermost first.
    around: Arc<[u32]>,
}

impl Walk {
    fn children(&mut self, node: FlatNode<'_>) {
        for child in node.children() {
            self.node(child);
        }
    }

    fn node(&mut self, node: FlatNode<'_>) {
        match node.kind() {
            SyntaxKind::Variable => self.reference(node.text(), node.range()),
            SyntaxKind::ApplyOr => {
                self.children(node);
                if let Some(or) = node.token(SyntaxKind::Or) {
                    self.reference(or.text(), or.range());
                }
            }
            SyntaxKind::LetIn => self.recursive(node, DefinitionKind::Let),
            SyntaxKind::LegacyLet => self.recursive(node, DefinitionKind::RecAttr),
            SyntaxKind::AttrSet if node.token(SyntaxKind::Rec).is_some() => {
                self.recursive(node, DefinitionKind::RecAttr);
            }
            SyntaxKind::InheritClause => {
                let from = node.child(SyntaxKind::InheritFrom);
                match from {
                    Some(from) => self.children(from),
                    None => self.inherited_references(node),
                }
            }
            SyntaxKind::Lambda => self.lambda(node),
            SyntaxKind::WithExpr => self.with(node),
            _ => self.children(node),
        }
    }

    /// A `let`, legacy `let` or `rec` set: all names are visible in all values.
    fn recursive(&mut self, node: FlatNode<'_>, kind: DefinitionKind) {
        // Names inherited without a source mean those outside.
        let clauses = || node.children().filter(|it| it.kind() == SyntaxKind::InheritClause);
        for clause in clauses().filter(|it| it.child(SyntaxKind::InheritFrom).is_none()) {
            self.inherited_references(clause);
        }
        let first = self.scopes.definitions.len();
        let mut names: FxHashSet<Symbol> = FxHashSet::default();
        for entry in node.children() {
            let named: Vec<FlatNode<'_>> = match entry.kind() {
                SyntaxKind::Binding => entry
                    .child(SyntaxKind::Attrpath)
                    .and_then(FlatNode::first_child)
                    .into_iter()
                    .collect(),
                SyntaxKind::InheritClause => {
                    entry.children().filter(|it| it.kind().is_attr()).collect()
                }
                _ => continue,
            };
            let kind = match (kind, entry.kind()) {
                (DefinitionKind::Let, SyntaxKind::InheritClause) => DefinitionKind::LetInherit,
                _ => kind,
            };
            for name in named {
                let Some(text) = name.static_attr() else { continue };
                if names.insert(Symbol::intern(&text)) {
                    self.define(&text, kind, name.range(), entry.range(), node.range());
                }
            }
        }
        for child in node.children() {
            match child.kind() {
                SyntaxKind::InheritClause => {
                    if let Some(from) = child.child(SyntaxKind::InheritFrom) {
                        self.children(from);
                    }
                }
                _ => self.node(child),
            }
        }
        self.leave(first);
    }

    fn lambda(&mut self, node: FlatNode<'_>) {
        let first = self.scopes.definitions.len();
        let parameter = node.first_child();
        match parameter {
            Some(name) if name.kind() == SyntaxKind::Name => {
                let kind = DefinitionKind::Parameter;
                self.define(name.text(), kind, name.range(), name.range(), node.range());
            }
            Some(formals) if formals.kind() == SyntaxKind::Formals => {
                self.formals(formals, node.range());
            }
            _ => {}
        }
        for child in node.children() {
            match child.kind() {
                SyntaxKind::Name => {}
                SyntaxKind::Formals => {
                    for formal in child.children() {
                        formal.expressions().for_each(|default| self.node(default));
                    }
                }
                _ => self.node(child),
            }
        }
        self.leave(first);
    }

    fn formals(&mut self, formals: FlatNode<'_>, scope: TextRange) {
        let name = formals.child(SyntaxKind::Name);
        if let Some(name) = name {
            let kind = DefinitionKind::AtName;
            self.define(name.text(), kind, name.range(), name.range(), scope);
        }
        let has_ellipsis = formals.token(SyntaxKind::Ellipsis).is_some();
        let kind = DefinitionKind::Formal { has_ellipsis, has_name: name.is_some() };
        for formal in formals.children().filter(|it| it.kind() == SyntaxKind::Formal) {
            if let Some(name) = formal.child(SyntaxKind::Name) {
                self.define(name.text(), kind, name.range(), formal.range(), scope);
            }
        }
    }

    fn with(&mut self, node: FlatNode<'_>) {
        let mut expressions = node.expressions();
        let set = expressions.next();
        if let Some(set) = set {
            self.node(set);
        }
        let keyword = node.first_token().map_or(node.range(), |token| token.range());
        self.withs.push(self.scopes.withs.len() as u32);
        self.scopes.withs.push(With { keyword, set: set.map(FlatNode::range), use_count: 0 });
        let inner = self.withs.iter().rev().copied().collect();
        let outer = std::mem::replace(&mut self.around, inner);
        expressions.for_each(|body| self.node(body));
        self.around = outer;
        self.withs.pop();
    }

    fn inherited_references(&mut self, clause: FlatNode<'_>) {
        for attr in clause.children().filter(|it| it.kind().is_attr()) {
            if let Some(name) = attr.static_attr() {
                self.reference(&name, attr.range());
            }
        }
    }

    fn define(
        &mut self,
        name: &[u8],
        kind: DefinitionKind,
        range: TextRange,
        full_range: TextRange,
        scope: TextRange,
    ) {
        let name = Symbol::intern(name);
        let index = self.scopes.definitions.len() as u32;
        self.visible.entry(name).or_default().push(index);
        let definition = Definition { name, kind, range, full_range, scope, use_count: 0 };
        self.scopes.definitions.push(definition);
    }

    /// Forgets the definitions from `first` on, except those of scopes left already.
    fn leave(&mut self, first: usize) {
        let first = first as u32;
        for definition in &self.scopes.definitions[first as usize..] {
            if let Some(stack) = self.visible.get_mut(&definition.name) {
                while stack.last().is_some_and(|&index| index >= first) {
                    stack.pop();
                }
            }
        }
    }

    fn reference(&mut self, name: &[u8], range: TextRange) {
        let symbol = Symbol::intern(name);
        let target = match self.visible.get(&symbol).and_then(|stack| stack.last()) {
            Some(&index) => {
                if let Some(definition) = self.scopes.definitions.get_mut(index as usize) {
                    definition.use_count += 1;
                }
                Target::Definition(index)
            }
            None if is_global(name) => Target::Builtin,
            None if self.withs.is_empty() => Target::Undefined,
            None => {
                for &with in &self.withs {
                    if let Some(with) = self.scopes.withs.get_mut(with as usize) {
                        with.use_count += 1;
                    }
                }
                Target::With(Arc::clone(&self.around))
            }
        };
        self.scopes.references.push(Reference { name: symbol, range, target });
    }
}

/// Whether `name` is a variable everywhere: a global builtin or constant.
fn is_global(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(crate::builtins::is_global)
}

#[cfg(test)]
mod tests;
