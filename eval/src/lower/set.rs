//! Attribute sets and `let`: shapes, values in order of the names, frames of `rec` and `inherit`.

use syntax::{FlatNode, SyntaxKind as K};

use super::Lowering;
use super::attrset::{self, DynamicAttr as Dynamic, MergedAttr, MergedSet, MergedValue};
use crate::error::Result;
use crate::heap::{Shape, Symbol};
use crate::ir::{DynamicAttr, Id, LetCode, NO_ID, Node, SetCode, SetValue};

/// A source of `inherit (e)`.
#[derive(Clone, Copy)]
struct Source {
    /// What its attributes are selected from.
    subject: Id,
    /// Whether that is a slot.
    has_slot: bool,
}

/// What has been lowered of the sources of a set.
#[derive(Default)]
struct Sources {
    all: Vec<Source>,
    /// The expressions of those with a slot.
    slots: Vec<Id>,
}

impl<'t> Lowering<'t, '_> {
    /// Merges what is written in an `AttrSet`, `LegacyLet` or `LetIn`.
    fn merged(&mut self, node: FlatNode<'t>) -> Result<MergedSet<'t>> {
        attrset::merge(node, &mut self.names).map_err(|duplicate| self.duplicate(&duplicate))
    }

    /// Lowers an `AttrSet`.
    pub(super) fn attr_set(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let set = self.merged(node)?;
        self.set(set, node.start())
    }

    /// Lowers `let { … }`.
    pub(super) fn legacy_let(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let set = self.merged(node)?;
        let subject = self.set(set, node.start())?;
        let name = self.names.id(b"body");
        let name = self.names.symbol(name);
        Ok(self.code.push(Node::Select { subject, name }, node.start()))
    }

    fn set(&mut self, mut set: MergedSet<'t>, offset: u32) -> Result<Id> {
        let is_empty = set.attrs.is_empty() && set.dynamic.is_empty() && set.sources.is_empty();
        if is_empty && let Some(index) = self.empty_set {
            return Ok(self.code.push(Node::Set(index), offset));
        }
        set.attrs.sort_unstable_by_key(|attr| attr.symbol);
        let first = self.values.len();
        self.outer_values(&set.attrs)?;
        let mark = self.scope.mark();
        if set.is_recursive {
            self.scope.enter_frame();
            self.bind(&set.attrs, 0);
        }
        let base = if set.is_recursive { set.attrs.len() as u32 } else { 0 };
        let sources = self.sources(&set.sources, base)?;
        self.own_values(&mut set.attrs, first, &sources, set.is_recursive)?;
        let dynamic = self.dynamic(std::mem::take(&mut set.dynamic))?;
        self.scope.leave(mark);
        let heap = self.surroundings.heap;
        let attrs = &set.attrs;
        let position = |index: usize| self.position(attrs[index].range.0);
        let code = SetCode {
            shape: Shape::of_names(heap, attrs.len(), |index| attrs[index].symbol),
            positions: heap.arena().alloc_slice_with(attrs.len(), position),
            values: heap.arena().alloc_slice(self.values.get(first..).unwrap_or_default()),
            sources: heap.arena().alloc_slice(&sources.slots),
            dynamic: heap.arena().alloc_slice(&dynamic),
            has_overrides: set.is_recursive
                && attrs.iter().any(|attr| attr.symbol == self.overrides),
        };
        self.values.truncate(first);
        let index = self.code.sets.push(code);
        if is_empty {
            self.empty_set = Some(index);
            return Ok(self.code.push(Node::Set(index), offset));
        }
        let node = if set.is_recursive { Node::RecursiveSet(index) } else { Node::Set(index) };
        Ok(self.code.push(node, offset))
    }

    /// Lowers a `let`; `is_tail` says that its variables lie in the current frame.
    pub(super) fn let_in(&mut self, node: FlatNode<'t>, is_tail: bool) -> Result<Id> {
        let mut set = self.merged(node)?;
        let first = self.values.len();
        self.outer_values(&set.attrs)?;
        let mark = self.scope.mark();
        let len = set.attrs.len() as u32;
        let base = if is_tail {
            self.frame.take(len)
        } else {
            self.scope.enter_frame();
            0
        };
        self.bind(&set.attrs, base);
        let sources = self.sources(&set.sources, base + len)?;
        if is_tail {
            self.frame.take(sources.slots.len() as u32);
        }
        self.own_values(&mut set.attrs, first, &sources, true)?;
        let arena = self.surroundings.heap.arena();
        let code = LetCode {
            base,
            values: arena.alloc_slice(self.values.get(first..).unwrap_or_default()),
            sources: arena.alloc_slice(&sources.slots),
        };
        self.values.truncate(first);
        let index = self.code.lets.push(code);
        let body = match node.children().last().filter(|body| body.kind().is_expression()) {
            Some(body) if is_tail => self.tail(body)?,
            Some(body) => self.expr(body)?,
            None => self.nothing(node)?,
        };
        self.scope.leave(mark);
        let node_of =
            if is_tail { Node::LetHere { index, body } } else { Node::Let { index, body } };
        Ok(self.code.push(node_of, node.start()))
    }

    fn bind(&mut self, attrs: &[MergedAttr<'t>], base: u32) {
        for (attr, index) in attrs.iter().zip(base..) {
            self.scope.bind(attr.name, index);
        }
    }

    /// Puts one value per attribute on `values`: those of `inherit x`, and room for the others.
    fn outer_values(&mut self, attrs: &[MergedAttr<'t>]) -> Result<()> {
        for attr in attrs {
            let id = match attr.value {
                MergedValue::Inherit => self.named_variable(attr.name, attr.range.0)?,
                _ => NO_ID,
            };
            self.values.push(SetValue::Outer(id));
        }
        Ok(())
    }

    /// Lowers the sources of `inherit (e)`; slots for them begin at `base`.
    ///
    /// A variable needs no slot: it is one, or a constant, or as cheap to find again.
    fn sources(&mut self, written: &[FlatNode<'t>], base: u32) -> Result<Sources> {
        let mut sources = Sources::default();
        for source in written {
            let source = source.without_parens();
            let id = self.expr(source)?;
            let has_slot = source.kind() != K::Variable;
            let subject = if has_slot {
                let index = base + sources.slots.len() as u32;
                sources.slots.push(id);
                self.code.push(Node::Local { level: 0, index }, source.start())
            } else {
                id
            };
            sources.all.push(Source { subject, has_slot });
        }
        Ok(sources)
    }

    /// Fills the room that [`Lowering::outer_values`] has left.
    fn own_values(
        &mut self,
        attrs: &mut [MergedAttr<'t>],
        first: usize,
        sources: &Sources,
        has_frame: bool,
    ) -> Result<()> {
        for (attr, place) in attrs.iter_mut().zip(first..) {
            let offset = attr.range.0;
            let value = match std::mem::replace(&mut attr.value, MergedValue::Inherit) {
                MergedValue::Inherit if has_frame => continue,
                MergedValue::Inherit => match self.values.get(place) {
                    Some(SetValue::Outer(id)) => SetValue::Own(*id),
                    _ => continue,
                },
                MergedValue::InheritFrom(source) => {
                    let Some(source) = sources.all.get(source as usize) else { continue };
                    let id = self.select_name(source.subject, attr.symbol, offset);
                    if source.has_slot && !has_frame {
                        SetValue::Inherited(id)
                    } else {
                        SetValue::Own(id)
                    }
                }
                value => SetValue::Own(self.value(value, Some(attr.symbol), offset)?),
            };
            if let Some(place) = self.values.get_mut(place) {
                *place = value;
            }
        }
        Ok(())
    }

    /// Lowers the value of an attribute that is not inherited.
    fn value(&mut self, value: MergedValue<'t>, name: Option<Symbol>, offset: u32) -> Result<Id> {
        match value {
            MergedValue::Expr(expr) => {
                let expr = expr.without_parens();
                if expr.kind() == K::Lambda { self.lambda(expr, name) } else { self.expr(expr) }
            }
            MergedValue::Set(set) => self.set(*set, offset),
            // Only attributes with static names are inherited; the caller has those.
            MergedValue::Inherit | MergedValue::InheritFrom(_) => Ok(NO_ID),
        }
    }

    fn dynamic(&mut self, attrs: Vec<Dynamic<'t>>) -> Result<Vec<DynamicAttr>> {
        let mut lowered = Vec::with_capacity(attrs.len());
        for attr in attrs {
            let name = self.computed_name(attr.name)?;
            let value = self.value(attr.value, None, attr.offset)?;
            lowered.push(DynamicAttr { name, value, position: self.position(attr.offset) });
        }
        Ok(lowered)
    }
}
