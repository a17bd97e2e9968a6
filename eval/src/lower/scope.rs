//! The names of one file, and which slot each means at the current place.
//!
//! A name is hashed once per use and becomes a [`NameId`]; what it is bound to is a field of its
//! entry. A binding remembers the one it hides, so that entering and leaving a scope costs as much
//! as it has names, and a look-up costs nothing however many there are.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::heap::Symbol;

/// A name of this file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct NameId(u32);

/// The names of a file.
#[derive(Default)]
pub(crate) struct Names<'t> {
    ids: FxHashMap<&'t [u8], NameId>,
    symbols: Vec<Symbol>,
}

impl<'t> Names<'t> {
    /// Returns the name with this text.
    #[inline]
    pub(crate) fn id(&mut self, text: &'t [u8]) -> NameId {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = NameId(self.symbols.len() as u32);
        self.symbols.push(Symbol::intern(text));
        self.ids.insert(text, id);
        id
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
