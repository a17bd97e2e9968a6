//! Attribute sets as the language makes them of what is written: paths nested, sets merged.
//!
//! `a.b = 1; a.c = 2;` is one set `a`, and so is `a.b = 1; a = { c = 2; };`. Of two sets that
//! merge, the first one's `rec` counts for both and the second one's is lost.
//!
//! Source: CppNix, `ParserState::addAttr`.

use std::borrow::Cow;

use rustc_hash::FxHashMap;
use syntax::{FlatNode, FlatTree, SyntaxError, SyntaxKind as K, TextRange};

/// A set in which everything that belongs together has been merged.
#[derive(Default)]
pub(super) struct Merged<'t> {
    pub(super) is_recursive: bool,
    /// In the order of their first definitions.
    pub(super) attrs: Vec<Attr<'t>>,
    /// The `InheritFrom` nodes, which [`Bound::InheritedFrom`] counts.
    pub(super) sources: Vec<FlatNode<'t>>,
    /// Attributes with computed names.
    pub(super) dynamic: Vec<(FlatNode<'t>, Bound<'t>)>,
    places: FxHashMap<Cow<'t, [u8]>, usize>,
}

/// An attribute.
pub(super) struct Attr<'t> {
    pub(super) name: Cow<'t, [u8]>,
    pub(super) bound: Bound<'t>,
    /// Where it was first defined.
    range: TextRange,
}

/// What an attribute is bound to.
pub(super) enum Bound<'t> {
    /// Any expression; a set that nothing was merged into is one, too.
    Expr(FlatNode<'t>),
    /// A set made of paths, or one that was merged into.
    Set(Box<Merged<'t>>),
    /// `inherit x;`
    Inherited,
    /// `inherit (e) x;`, with the index of `e` among the sources.
    InheritedFrom(usize),
}

/// Returns the attributes that are defined twice, the first of each set.
pub(super) fn duplicates(tree: &FlatTree<'_>) -> Vec<SyntaxError> {
    let sets = tree
        .root()
        .descendants()
        .filter(|node| matches!(node.kind(), K::AttrSet | K::LegacyLet | K::LetIn));
    sets.filter_map(|set| Merged::build(set).err()).map(|error| *error).collect()
}

/// What stays the same while one definition is added.
struct Definition<'t> {
    /// The path, for messages.
    shown: Vec<Cow<'t, [u8]>>,
    /// The place that is named.
    range: TextRange,
    /// Where the binding ends.
    end: u32,
}

type Outcome = Result<(), Box<SyntaxError>>;

impl<'t> Merged<'t> {
    /// Returns the set that an `AttrSet`, `LegacyLet` or `LetIn` without duplicates stands for.
    pub(super) fn of_set(node: FlatNode<'t>) -> Merged<'t> {
        // `duplicates` has looked before.
        Merged::build(node).unwrap_or_default()
    }

    fn build(node: FlatNode<'t>) -> Result<Merged<'t>, Box<SyntaxError>> {
        let is_recursive = match node.kind() {
            K::LegacyLet => true,
            K::AttrSet => node.first_token().is_some_and(|token| token.kind() == K::Rec),
            _ => false,
        };
        let mut merged = Merged { is_recursive, ..Merged::default() };
        for entry in node.children() {
            match entry.kind() {
                K::Binding => merged.binding(entry)?,
                K::InheritClause => merged.inherit(entry)?,
                _ => {}
            }
        }
        Ok(merged)
    }

    fn inherit(&mut self, clause: FlatNode<'t>) -> Outcome {
        let from = clause.child(K::InheritFrom);
        self.sources.extend(from);
        let source = self.sources.len().saturating_sub(1);
        for attr in clause.children().filter(|it| it.kind().is_attr()) {
            let Some(name) = attr.static_attr() else { continue };
            let bound =
                if from.is_some() { Bound::InheritedFrom(source) } else { Bound::Inherited };
            if let Some(first) = self.find(&name) {
                let end = clause.end();
                return Err(error(&[name], attr.range(), first.range, end));
            }
            self.insert(Attr { name, bound, range: attr.range() });
        }
        Ok(())
    }

    fn binding(&mut self, binding: FlatNode<'t>) -> Outcome {
        let Some(path) = binding.child(K::Attrpath) else { return Ok(()) };
        let Some(value) = binding.nth_child(1) else { return Ok(()) };
        let attrs: Vec<FlatNode<'t>> = path.children().collect();
        let mut definition =
            Definition { shown: Vec::new(), range: path.range(), end: binding.end() };
        self.add(&attrs, &mut definition, value)
    }

    /// Adds what a path and a value define.
    fn add(
        &mut self,
        path: &[FlatNode<'t>],
        definition: &mut Definition<'t>,
        value: FlatNode<'t>,
    ) -> Outcome {
        let Some((attr, rest)) = path.split_first() else { return Ok(()) };
        let Some(name) = attr.static_attr() else {
            let bound = if rest.is_empty() {
                Bound::Expr(value)
            } else {
                definition.shown.push(Cow::Borrowed(attr.text()));
                let mut nested = Merged::default();
                nested.add(rest, definition, value)?;
                Bound::Set(Box::new(nested))
            };
            self.dynamic.push((*attr, bound));
            return Ok(());
        };
        definition.shown.push(name.clone());
        if rest.is_empty() {
            let bound = Bound::Expr(value);
            return self.attr(Attr { name, bound, range: definition.range }, definition);
        }
        let Some(first) = self.find_mut(&name) else {
            let mut nested = Merged::default();
            nested.add(rest, definition, value)?;
            let bound = Bound::Set(Box::new(nested));
            self.insert(Attr { name, bound, range: definition.range });
            return Ok(());
        };
        match first.bound.set()? {
            Some(set) => set.add(rest, definition, value),
            None => Err(error(&definition.shown, definition.range, first.range, definition.end)),
        }
    }

    /// Adds one attribute; if there is one of this name and both are sets, they become one.
    fn attr(&mut self, attr: Attr<'t>, definition: &mut Definition<'t>) -> Outcome {
        let Some(first) = self.find_mut(&attr.name) else {
            self.insert(attr);
            return Ok(());
        };
        let mut bound = attr.bound;
        if let (Some(set), Some(second)) = (first.bound.set()?, bound.set()?) {
            return set.merge(std::mem::take(second), definition);
        }
        Err(error(&definition.shown, attr.range, first.range, definition.end))
    }

    fn merge(&mut self, other: Merged<'t>, definition: &mut Definition<'t>) -> Outcome {
        let sources = self.sources.len();
        for mut attr in other.attrs {
            if let Bound::InheritedFrom(source) = &mut attr.bound {
                *source += sources;
            }
            definition.shown.push(attr.name.clone());
            self.attr(attr, definition)?;
            definition.shown.pop();
        }
        self.sources.extend(other.sources);
        self.dynamic.extend(other.dynamic);
        Ok(())
    }

    fn find(&self, name: &[u8]) -> Option<&Attr<'t>> {
        self.places.get(name).and_then(|&place| self.attrs.get(place))
    }

    fn find_mut(&mut self, name: &[u8]) -> Option<&mut Attr<'t>> {
        self.places.get(name).and_then(|&place| self.attrs.get_mut(place))
    }

    fn insert(&mut self, attr: Attr<'t>) {
        self.places.insert(attr.name.clone(), self.attrs.len());
        self.attrs.push(attr);
    }
}

impl<'t> Bound<'t> {
    /// Returns the set that this is, if it is one.
    fn set(&mut self) -> Result<Option<&mut Merged<'t>>, Box<SyntaxError>> {
        if let Bound::Expr(expr) = self {
            let inner = expr.without_parens();
            if inner.kind() == K::AttrSet {
                *self = Bound::Set(Box::new(Merged::build(inner)?));
            }
        }
        match self {
            Bound::Set(set) => Ok(Some(set)),
            Bound::Expr(_) | Bound::Inherited | Bound::InheritedFrom(_) => Ok(None),
        }
    }
}

fn error(
    path: &[Cow<'_, [u8]>],
    second: TextRange,
    first: TextRange,
    noticed_at: u32,
) -> Box<SyntaxError> {
    let mut shown = Vec::new();
    for (index, name) in path.iter().enumerate() {
        if index > 0 {
            shown.push(b'.');
        }
        crate::print::push_name(&mut shown, name);
    }
    let shown = String::from_utf8_lossy(&shown);
    Box::new(syntax::duplicate_attr(&shown, second, first, noticed_at))
}
