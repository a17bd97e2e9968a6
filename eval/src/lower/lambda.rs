//! Lambdas: curried ones are one, with one frame for all that they bind.

use std::cell::Cell;

use syntax::{FlatNode, SyntaxKind as K};

use super::Lowering;
use super::scope::NameId;
use crate::error::Result;
use crate::heap::Symbol;
use crate::ir::{FormalCode, Formals, Id, LambdaCode, NO_ID, Node};

/// The frame of the innermost lambda around, while its body is lowered.
#[derive(Clone, Copy, Default)]
pub(super) struct Frame {
    /// The next free slot.
    pub(super) next: u32,
    /// How many slots it needs.
    pub(super) len: u32,
}

impl Frame {
    /// Takes `count` slots and returns the first.
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let first = self.next;
        self.next += count;
        self.len = self.len.max(self.next);
        first
    }
}

/// A formal that is being lowered.
struct Named<'t> {
    symbol: Symbol,
    name: NameId,
    node: FlatNode<'t>,
    /// Its place as written.
    written: u32,
}

impl<'t, 'h> Lowering<'t, 'h> {
    /// Lowers a `Lambda` that is bound to `name`.
    pub(super) fn lambda(&mut self, node: FlatNode<'t>, name: Option<Symbol>) -> Result<Id> {
        let mark = self.scope.mark();
        self.scope.enter_frame();
        let saved = std::mem::take(&mut self.frame);
        let mut parameters = Vec::new();
        let mut offsets = Vec::new();
        let mut formals = None;
        let mut current = node;
        let body = loop {
            let mut children = current.children();
            let (Some(parameter), Some(body)) = (children.next(), children.next()) else {
                break current;
            };
            let is_set = parameter.kind() == K::Formals;
            let bound = if is_set { parameter.child(K::Name) } else { Some(parameter) };
            parameters.push(bound.map(|bound| self.parameter(bound)));
            offsets.push(current.start());
            self.frame.take(u32::from(bound.is_none()));
            let body = body.without_parens();
            if is_set {
                formals = Some(parameter);
                break body;
            }
            if body.kind() != K::Lambda {
                break body;
            }
            current = body;
        };
        let formals = match formals {
            Some(formals) => Some(self.formals(formals)?),
            None => None,
        };
        let body = if body.kind() == K::Lambda && formals.is_some() {
            self.lambda(body, name)?
        } else {
            self.tail(body)?
        };
        let frame = std::mem::replace(&mut self.frame, saved);
        self.scope.leave(mark);
        let arena = self.surroundings.heap.arena();
        let lambda = LambdaCode {
            arity: offsets.len() as u32,
            frame_len: frame.len,
            body: Cell::new(body),
            name,
            parameters: arena.alloc_slice(&parameters),
            offsets: arena.alloc_slice(&offsets),
            formals,
        };
        let lambda = self.code.lambdas.push(lambda);
        Ok(self.code.push(Node::Lambda(lambda), node.start()))
    }

    /// Binds a parameter to the next slot.
    fn parameter(&mut self, node: FlatNode<'t>) -> Symbol {
        let name = self.names.of(node);
        let index = self.frame.take(1);
        self.scope.bind(name, index);
        self.names.symbol(name)
    }

    fn formals(&mut self, node: FlatNode<'t>) -> Result<Formals<'h>> {
        let mut named: Vec<Named<'t>> = Vec::new();
        for formal in node.children().filter(|child| child.kind() == K::Formal) {
            let Some(name) = formal.first_child() else { continue };
            let name = self.names.of(name);
            let written = named.len() as u32;
            named.push(Named { symbol: self.names.symbol(name), name, node: formal, written });
        }
        named.sort_unstable_by_key(|formal| formal.symbol);
        let first = self.frame.take(named.len() as u32);
        let mut written = vec![0; named.len()];
        for (formal, index) in named.iter().zip(0..) {
            self.scope.bind(formal.name, first + index);
            if let Some(place) = written.get_mut(formal.written as usize) {
                *place = index;
            }
        }
        let mut formals = Vec::with_capacity(named.len());
        for formal in &named {
            let default = match formal.node.nth_child(1) {
                Some(default) => self.expr(default)?,
                None => NO_ID,
            };
            let position = self.position(formal.node.start());
            formals.push(FormalCode { name: formal.symbol, default, position });
        }
        let arena = self.surroundings.heap.arena();
        Ok(Formals {
            formals: arena.alloc_slice(&formals),
            written: arena.alloc_slice(&written),
            has_ellipsis: node.token(K::Ellipsis).is_some(),
        })
    }
}
