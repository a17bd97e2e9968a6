//! Texts evaluated one after another, each seeing the variables that came of those before it.
//!
//! The variables are one more frame between a text and the global names. A text keeps the frame
//! that it was read with, so binding a name anew changes nothing for what was read before.

use std::collections::BTreeMap;

use super::Eval;
use crate::error::Result;
use crate::heap::{Attrs, Env, Lazy, Slot, Symbol, Value};
use crate::known::Known;
use crate::source::Origin;

/// Variables beside the global ones.
#[derive(Default)]
pub struct Variables<'h> {
    slots: BTreeMap<Symbol, &'h Slot<'h>>,
    /// The names and their frame, once a text needed them.
    frame: Option<(Vec<Symbol>, &'h Env<'h>)>,
}

impl<'h> Variables<'h> {
    /// Binds each attribute of `attrs`; a name that was bound before now means the new one.
    pub fn add(&mut self, eval: &Eval<'h>, attrs: Attrs<'h>) {
        self.slots.extend(attrs.iter(eval.heap()).map(|attr| (attr.name, attr.slot)));
        self.frame = None;
    }

    /// Returns the names, in no order that means anything.
    pub fn names(&self) -> impl Iterator<Item = Symbol> {
        self.slots.keys().copied()
    }

    fn frame(&mut self, eval: &Eval<'h>) -> (&[Symbol], &'h Env<'h>) {
        let (names, env) = self.frame.get_or_insert_with(|| {
            let slots: Vec<&'h Slot<'h>> = self.slots.values().copied().collect();
            let env = Env::with(eval.heap, Some(eval.outermost), slots.len() as u32, |index| {
                slots.get(index as usize).map_or(Value::NULL.into(), |slot| Lazy::from_slot(slot))
            });
            (self.slots.keys().copied().collect(), env)
        });
        (names, *env)
    }
}

impl<'h> Eval<'h> {
    /// Parses `text` and evaluates it to weak head normal form, with more variables.
    ///
    /// # Errors
    ///
    /// As [`Eval::evaluate`].
    pub fn evaluate_with(
        &mut self,
        origin: Origin,
        text: &[u8],
        variables: &mut Variables<'h>,
    ) -> Result<Value<'h>> {
        let (names, env) = variables.frame(self);
        let root = self.load(origin, text, names)?;
        self.eval(root, env).into_result()
    }

    /// Parses `text` as bindings, such as `a = 1; b.c = 2;`, and returns them as a set. Their
    /// values see the variables as they are, not each other, and are not evaluated yet.
    ///
    /// # Errors
    ///
    /// A syntax error, an undefined variable, or a computed name that does not evaluate.
    pub fn bindings_with(
        &mut self,
        origin: Origin,
        text: &[u8],
        variables: &mut Variables<'h>,
    ) -> Result<Attrs<'h>> {
        let (names, env) = variables.frame(self);
        let root = self.load_parsed(origin, text, names, syntax::parse_bindings)?;
        let set = self.eval(root, env).into_result()?;
        Ok(set.as_attrs().unwrap_or_else(|| Attrs::empty(self.heap)))
    }

    /// Forgets what files and directories were read, so that the next who asks reads them anew.
    /// Values that came of them stay what they are.
    pub fn forget_files(&mut self) {
        self.files.clear();
        self.imported.clear();
        self.known = Known::default();
    }
}
