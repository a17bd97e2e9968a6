//! Attribute sets as the language makes them of what is written: paths nested, sets merged.
//!
//! `a.b = 1; a.c = 2;` is one set `a`, and so is `a.b = 1; a = { c = 2; };`. Of two sets that
//! merge, the first one's `rec` counts for both and the second one's is lost.
//!
//! Source: CppNix, `ParserState::addAttr`.

use rustc_hash::FxHashMap;
use syntax::{FlatNode, FlatTree, SyntaxError, SyntaxKind as K, TextRange};

use super::scope::{NameId, Names};
use crate::heap::Symbol;

/// A set in which everything that belongs together has been merged.
#[derive(Default)]
pub(crate) struct MergedSet<'t> {
    pub(crate) is_recursive: bool,
    /// In the order of their first definitions.
    pub(crate) attrs: Vec<MergedAttr<'t>>,
    /// The expressions of `inherit (e)`, which [`MergedValue::InheritFrom`] counts.
    pub(crate) sources: Vec<FlatNode<'t>>,
    /// Attributes with computed names, in source order.
    pub(crate) dynamic: Vec<DynamicAttr<'t>>,
    /// Where each name stands in `attrs`, once there are many.
    pub(crate) places: Option<Box<FxHashMap<Symbol, u32>>>,
}

/// An attribute whose name the text tells.
pub(crate) struct MergedAttr<'t> {
    pub(crate) name: NameId,
    pub(crate) symbol: Symbol,
    pub(crate) value: MergedValue<'t>,
    /// Where it was first defined: the path of the binding, or the name in the `inherit`.
    pub(crate) range: (u32, u32),
}

/// An attribute whose name is computed.
pub(crate) struct DynamicAttr<'t> {
    /// `${e}` or a string with interpolations.
    pub(crate) name: FlatNode<'t>,
    pub(crate) value: MergedValue<'t>,
    /// Where the path of the binding begins.
    pub(crate) offset: u32,
}

/// What an attribute is bound to.
pub(crate) enum MergedValue<'t> {
    /// Any expression; a set that nothing was merged into is one, too.
    Expr(FlatNode<'t>),
    /// A set made of paths, or one that was merged into.
    Set(Box<MergedSet<'t>>),
    /// `inherit x;`
    Inherit,
    /// `inherit (e) x;`, with the index of `e` among the sources.
    InheritFrom(u32),
}

/// The failure to merge two definitions of one attribute.
pub(crate) struct Duplicate {
    /// The path as messages show it.
    path: String,
    second: (u32, u32),
    first: (u32, u32),
    noticed_at: u32,
}

impl Duplicate {
    /// Returns the error to show.
    pub(crate) fn to_error(&self) -> SyntaxError {
        syntax::duplicate_attr(
            &self.path,
            text_range(self.second),
            text_range(self.first),
            self.noticed_at,
        )
    }
}

/// The outcome of merging.
pub(crate) type Outcome<T = ()> = Result<T, Box<Duplicate>>;

/// Returns the duplicate of the whole file that is complete first.
pub(crate) fn duplicate<'t>(tree: &'t FlatTree<'t>, names: &mut Names<'t>) -> Option<Duplicate> {
    tree.root()
        .descendants()
        .filter(|node| matches!(node.kind(), K::AttrSet | K::LegacyLet | K::LetIn))
        .filter_map(|set| merge(set, names).err())
        .min_by_key(|duplicate| duplicate.noticed_at)
        .map(|duplicate| *duplicate)
}

/// Returns what an `AttrSet`, `LegacyLet` or `LetIn` means.
pub(crate) fn merge<'t>(node: FlatNode<'t>, names: &mut Names<'t>) -> Outcome<MergedSet<'t>> {
    let is_recursive = match node.kind() {
        K::LegacyLet => true,
        K::AttrSet => node.first_token().is_some_and(|token| token.kind() == K::Rec),
        _ => false,
    };
    let mut merge = Merge { names, shown: Vec::new(), range: (0, 0), end: 0 };
    if let Some(set) = merge.distinct(node) {
        return Ok(MergedSet { is_recursive, ..set });
    }
    let mut set = MergedSet { is_recursive, ..MergedSet::default() };
    merge.entries(node, &mut set)?;
    Ok(set)
}

/// Above this many attributes a map finds one, below it looking through them does.
const FEW: usize = 16;

impl<'t> MergedSet<'t> {
    fn find(&self, name: Symbol) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(&name).map(|&place| place as usize),
            None => self.attrs.iter().position(|attr| attr.symbol == name),
        }
    }

    fn push(&mut self, attr: MergedAttr<'t>) {
        if let Some(places) = &mut self.places {
            places.insert(attr.symbol, self.attrs.len() as u32);
        } else if self.attrs.len() >= FEW {
            let mut places: FxHashMap<Symbol, u32> =
                self.attrs.iter().map(|attr| attr.symbol).zip(0..).collect();
            places.insert(attr.symbol, self.attrs.len() as u32);
            self.places = Some(Box::new(places));
        }
        self.attrs.push(attr);
    }
}

/// What stays the same while one definition is added.
struct Merge<'n, 't> {
    names: &'n mut Names<'t>,
    /// The way to the current attribute, for messages.
    shown: Vec<Step<'t>>,
    /// Where the current definition stands.
    range: (u32, u32),
    /// Where the binding ends.
    end: u32,
}

#[derive(Clone, Copy)]
enum Step<'t> {
    Name(Symbol),
    Computed(FlatNode<'t>),
}

impl<'t> Merge<'_, 't> {
    /// Returns the set if no two of its entries begin with the same name, which most do not: then
    /// there is nothing to merge and nothing to look for.
    fn distinct(&mut self, node: FlatNode<'t>) -> Option<MergedSet<'t>> {
        let number = self.names.begin_set();
        let mut set = MergedSet::default();
        set.attrs.reserve(node.children().count());
        for entry in node.children() {
            match entry.kind() {
                K::Binding => self.distinct_binding(entry, number, &mut set)?,
                K::InheritClause => self.distinct_inherit(entry, number, &mut set)?,
                _ => {}
            }
        }
        Some(set)
    }

    fn distinct_binding(
        &mut self,
        binding: FlatNode<'t>,
        number: u32,
        set: &mut MergedSet<'t>,
    ) -> Option<()> {
        let mut children = binding.children();
        let (Some(path), Some(value)) = (children.next(), children.next()) else {
            return Some(());
        };
        let mut attrs = path.children();
        let Some(name) = attrs.next().and_then(|attr| self.names.of_attr(attr)) else {
            return self.binding(binding, set).ok();
        };
        if self.names.define(number, name) {
            return None;
        }
        let range = (path.start(), path.end());
        let value = if attrs.clone().next().is_none() {
            MergedValue::Expr(value)
        } else {
            self.range = range;
            self.nested(attrs, value).ok()?
        };
        set.attrs.push(MergedAttr { name, symbol: self.names.symbol(name), value, range });
        Some(())
    }

    fn distinct_inherit(
        &mut self,
        clause: FlatNode<'t>,
        number: u32,
        set: &mut MergedSet<'t>,
    ) -> Option<()> {
        let mut source = None;
        for attr in clause.children() {
            if attr.kind() == K::InheritFrom {
                source = Some(set.sources.len() as u32);
                set.sources.extend(attr.first_child());
                continue;
            }
            let Some(name) = self.names.of_attr(attr) else { continue };
            if self.names.define(number, name) {
                return None;
            }
            let value = source.map_or(MergedValue::Inherit, MergedValue::InheritFrom);
            let range = (attr.start(), attr.end());
            set.attrs.push(MergedAttr { name, symbol: self.names.symbol(name), value, range });
        }
        Some(())
    }

    fn entries(&mut self, node: FlatNode<'t>, set: &mut MergedSet<'t>) -> Outcome {
        for entry in node.children() {
            match entry.kind() {
                K::Binding => self.binding(entry, set)?,
                K::InheritClause => self.inherit(entry, set)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn inherit(&mut self, clause: FlatNode<'t>, set: &mut MergedSet<'t>) -> Outcome {
        let mut source = None;
        for attr in clause.children() {
            if attr.kind() == K::InheritFrom {
                source = Some(set.sources.len() as u32);
                set.sources.extend(attr.first_child());
                continue;
            }
            let Some(name) = self.names.of_attr(attr) else { continue };
            let symbol = self.names.symbol(name);
            let range = (attr.start(), attr.end());
            if let Some(first) = set.find(symbol).and_then(|place| set.attrs.get(place)) {
                self.shown.clear();
                self.shown.push(Step::Name(symbol));
                self.end = clause.end();
                return Err(self.error(range, first.range));
            }
            let value = source.map_or(MergedValue::Inherit, MergedValue::InheritFrom);
            set.push(MergedAttr { name, symbol, value, range });
        }
        Ok(())
    }

    fn binding(&mut self, binding: FlatNode<'t>, set: &mut MergedSet<'t>) -> Outcome {
        let mut children = binding.children();
        let (Some(path), Some(value)) = (children.next(), children.next()) else { return Ok(()) };
        self.range = (path.start(), path.end());
        self.end = binding.end();
        self.shown.clear();
        self.add(set, path.children(), value)
    }

    /// Adds what a path and a value define.
    fn add(
        &mut self,
        set: &mut MergedSet<'t>,
        mut path: syntax::flat::Children<'t>,
        value: FlatNode<'t>,
    ) -> Outcome {
        let Some(attr) = path.next() else { return Ok(()) };
        let is_last = path.clone().next().is_none();
        let Some(name) = self.names.of_attr(attr) else {
            let value = if is_last {
                MergedValue::Expr(value)
            } else {
                self.shown.push(Step::Computed(attr));
                self.nested(path, value)?
            };
            set.dynamic.push(DynamicAttr { name: attr, value, offset: self.range.0 });
            return Ok(());
        };
        let symbol = self.names.symbol(name);
        self.shown.push(Step::Name(symbol));
        if is_last {
            let value = MergedValue::Expr(value);
            return self.attr(set, MergedAttr { name, symbol, value, range: self.range });
        }
        let Some(first) = set.find(symbol).and_then(|place| set.attrs.get_mut(place)) else {
            let value = self.nested(path, value)?;
            set.push(MergedAttr { name, symbol, value, range: self.range });
            return Ok(());
        };
        let range = first.range;
        match self.set_of(&mut first.value)? {
            Some(nested) => self.add(nested, path, value),
            None => Err(self.error(self.range, range)),
        }
    }

    /// Returns the set that the rest of a path makes.
    fn nested(
        &mut self,
        path: syntax::flat::Children<'t>,
        value: FlatNode<'t>,
    ) -> Outcome<MergedValue<'t>> {
        let mut nested = MergedSet::default();
        self.add(&mut nested, path, value)?;
        Ok(MergedValue::Set(Box::new(nested)))
    }

    /// Adds one attribute; if there is one of this name and both are sets, they become one.
    fn attr(&mut self, set: &mut MergedSet<'t>, attr: MergedAttr<'t>) -> Outcome {
        let place = set.find(attr.symbol);
        let Some(first) = place.and_then(|place| set.attrs.get_mut(place)) else {
            set.push(attr);
            return Ok(());
        };
        let mut second = attr.value;
        let range = first.range;
        if let Some(first) = self.set_of(&mut first.value)?
            && let Some(second) = self.set_of(&mut second)?
        {
            return self.join(first, std::mem::take(second));
        }
        Err(self.error(attr.range, range))
    }

    fn join(&mut self, first: &mut MergedSet<'t>, second: MergedSet<'t>) -> Outcome {
        let sources = first.sources.len() as u32;
        for mut attr in second.attrs {
            if let MergedValue::InheritFrom(source) = &mut attr.value {
                *source += sources;
            }
            self.shown.push(Step::Name(attr.symbol));
            self.attr(first, attr)?;
            self.shown.pop();
        }
        first.sources.extend(second.sources);
        first.dynamic.extend(second.dynamic);
        Ok(())
    }

    /// Returns the set that a value is, if it is one.
    fn set_of<'v>(
        &mut self,
        value: &'v mut MergedValue<'t>,
    ) -> Outcome<Option<&'v mut MergedSet<'t>>> {
        if let MergedValue::Expr(expr) = value {
            let inner = expr.without_parens();
            if inner.kind() == K::AttrSet {
                *value = MergedValue::Set(Box::new(merge(inner, self.names)?));
            }
        }
        match value {
            MergedValue::Set(set) => Ok(Some(set)),
            MergedValue::Expr(_) | MergedValue::Inherit | MergedValue::InheritFrom(_) => Ok(None),
        }
    }

    #[cold]
    fn error(&self, second: (u32, u32), first: (u32, u32)) -> Box<Duplicate> {
        let mut path = Vec::new();
        for (index, step) in self.shown.iter().enumerate() {
            if index > 0 {
                path.push(b'.');
            }
            match step {
                Step::Name(name) => crate::print::push_name(&mut path, name.as_bytes()),
                Step::Computed(node) => path.extend_from_slice(node.text()),
            }
        }
        let path = String::from_utf8_lossy(&path).into_owned();
        Box::new(Duplicate { path, second, first, noticed_at: self.end })
    }
}

fn text_range((start, end): (u32, u32)) -> TextRange {
    TextRange::new(start.into(), end.into())
}
