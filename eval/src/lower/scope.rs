//! The names of one file, and which slot each means at the current place.
//!
//! A name is hashed when its place in the file is first met and becomes a [`NameId`]; what it is
//! bound to is a field of its entry. A binding remembers the one it hides, so that entering and
//! leaving a scope costs as much as it has names, and a look-up costs nothing however many there
//! are.

use std::borrow::Cow;

use syntax::FlatNode;

use crate::heap::{Hashed, NameTable, Symbol};

/// A name of this file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct NameId(u32);

impl NameId {
    /// No name.
    const NONE: NameId = NameId(u32::MAX);

    /// Returns the number itself.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The names of a file.
#[derive(Default)]
pub(crate) struct Names<'t> {
    table: NameTable<'t>,
    symbols: Vec<Symbol>,
    /// By token: the name that was met there.
    met: Vec<NameId>,
    /// By name: the number of the set that defined it last; see [`Names::begin_set`].
    sets: Vec<u32>,
    set_count: u32,
}

impl<'t> Names<'t> {
    /// Makes room to remember where names are, in a file of so many tokens.
    pub(super) fn expect_tokens(&mut self, count: u32) {
        self.met.resize(count as usize, NameId::NONE);
    }

    /// Returns the name with this text.
    #[inline]
    pub(crate) fn id(&mut self, text: &'t [u8]) -> NameId {
        let hashed = Hashed::of(text);
        let (index, is_new) = self.table.find_or_add(hashed);
        if is_new {
            self.symbols.push(Symbol::intern_hashed(hashed));
        }
        NameId(index)
    }

    /// Returns the name that is the first token of `node`, and remembers it.
    #[inline]
    pub(super) fn meet(&mut self, node: FlatNode<'t>) {
        let id = self.id(node.text());
        let place = node.first_token().and_then(|token| self.met.get_mut(token.index() as usize));
        if let Some(place) = place {
            *place = id;
        }
    }

    /// Returns the name that is the only token of a `Name` or a `Variable`.
    #[inline]
    pub(crate) fn of(&mut self, node: FlatNode<'t>) -> NameId {
        let met = node.first_token().and_then(|token| self.met.get(token.index() as usize));
        match met {
            Some(&id) if id != NameId::NONE => id,
            _ => self.id(node.text()),
        }
    }

    /// Returns the name of an attribute if the text alone tells it.
    #[inline]
    pub(crate) fn of_attr(&mut self, attr: FlatNode<'t>) -> Option<NameId> {
        if attr.kind() == syntax::SyntaxKind::Name {
            return Some(self.of(attr));
        }
        attr.static_attr().map(|text| self.id_of(text))
    }

    /// Returns the name with this text, which may be the value of a string with escapes.
    pub(crate) fn id_of(&mut self, text: Cow<'t, [u8]>) -> NameId {
        match text {
            Cow::Borrowed(text) => self.id(text),
            Cow::Owned(text) => self.id(Symbol::intern(&text).as_bytes()),
        }
    }

    /// Returns all names, in the order in which they were met.
    pub(crate) fn into_symbols(self) -> Vec<Symbol> {
        self.symbols
    }

    /// Returns the symbol of a name.
    #[inline]
    pub(crate) fn symbol(&self, name: NameId) -> Symbol {
        self.symbols[name.0 as usize]
    }

    /// Begins a set and returns its number, for [`Names::define`].
    pub(super) fn begin_set(&mut self) -> u32 {
        self.set_count += 1;
        self.set_count
    }

    /// Says that the set begun last defines a name; returns whether it did so before.
    #[inline]
    pub(super) fn define(&mut self, set: u32, name: NameId) -> bool {
        let place = name.0 as usize;
        if place >= self.sets.len() {
            self.sets.resize(place + 1, 0);
        }
        std::mem::replace(&mut self.sets[place], set) == set
    }
}

/// No binding.
const UNBOUND: u32 = u32::MAX;

struct Binding {
    name: NameId,
    /// The frame, counted from the outermost.
    depth: u32,
    index: u32,
    /// The binding that this one hides, or [`UNBOUND`].
    hidden: u32,
}

/// What is bound at the current place.
#[derive(Default)]
pub(crate) struct Scope {
    /// By name: the innermost binding. Names beyond its end are not bound.
    innermost: Vec<u32>,
    bindings: Vec<Binding>,
    /// How many frames are around the current one.
    depth: u32,
    /// The depth of the frame of each `with`, innermost last.
    withs: Vec<u32>,
}

/// The scope as it was; see [`Scope::mark`].
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    bindings: usize,
    depth: u32,
    withs: usize,
}

impl Scope {
    /// Returns what [`Scope::leave`] returns to.
    pub(crate) fn mark(&self) -> Mark {
        Mark { bindings: self.bindings.len(), depth: self.depth, withs: self.withs.len() }
    }

    /// Enters a new frame.
    pub(crate) fn enter_frame(&mut self) {
        self.depth += 1;
    }

    /// Enters the frame of a `with`.
    pub(crate) fn enter_with(&mut self) {
        self.depth += 1;
        self.withs.push(self.depth);
    }

    /// Binds a name to a slot of the current frame.
    pub(crate) fn bind(&mut self, name: NameId, index: u32) {
        let place = name.0 as usize;
        if place >= self.innermost.len() {
            self.innermost.resize(place + 1, UNBOUND);
        }
        let hidden = std::mem::replace(&mut self.innermost[place], self.bindings.len() as u32);
        self.bindings.push(Binding { name, depth: self.depth, index, hidden });
    }

    /// Leaves everything entered and bound since `mark`.
    pub(crate) fn leave(&mut self, mark: Mark) {
        while self.bindings.len() > mark.bindings {
            let Some(binding) = self.bindings.pop() else { break };
            self.innermost[binding.name.0 as usize] = binding.hidden;
        }
        self.depth = mark.depth;
        self.withs.truncate(mark.withs);
    }

    /// Returns the level and the index of the variable `name`.
    #[inline]
    pub(crate) fn find(&self, name: NameId) -> Option<(u32, u32)> {
        let place = *self.innermost.get(name.0 as usize)?;
        let binding = self.bindings.get(place as usize)?;
        Some((self.depth - binding.depth, binding.index))
    }

    /// Returns the levels of the frames of the `with`s around, innermost first.
    pub(crate) fn with_levels(&self) -> impl ExactSizeIterator<Item = u32> {
        self.withs.iter().rev().map(|depth| self.depth - depth)
    }
}
