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
        let root = self.load(origin, text.to_vec(), names)?;
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
        let root = self.load_parsed(origin, text.to_vec(), names, |text, options, _| {
            syntax::parse_bindings(text, options)
        })?;
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

#[cfg(test)]
mod tests {
    use super::Variables;
    use crate::error::ErrorKind;
    use crate::heap::{Heap, Value};
    use crate::interpret::Eval;
    use crate::settings::Settings;
    use crate::source::{HOST, Origin, SourcePath};
    use crate::system::MemorySystem;
    use std::sync::atomic::Ordering;
    use store::{MemoryStore, StoreDirectory};

    fn origin() -> Origin {
        Origin::String(SourcePath::new(HOST, b"/"))
    }

    fn with_session(check: impl for<'h> FnOnce(&mut Eval<'h>, &mut Variables<'h>)) {
        let heap = Heap::new();
        let (system, settings) = (MemorySystem::default(), Settings::default());
        let store = MemoryStore::new(StoreDirectory::default());
        check(&mut Eval::new(&heap, &system, &store, &settings), &mut Variables::default());
    }

    fn bind<'h>(eval: &mut Eval<'h>, variables: &mut Variables<'h>, text: &str) {
        let attrs = eval.bindings_with(origin(), text.as_bytes(), variables);
        variables.add(eval, attrs.expect("good bindings"));
    }

    #[test]
    fn a_binding_sees_what_was_bound_before_it() {
        with_session(|eval, variables| {
            bind(eval, variables, "x = 1; y.z = 2;");
            bind(eval, variables, "x = x + 10; inherit (y) z;");
            let sum = eval.evaluate_with(origin(), b"x + z", variables).expect("a value");
            assert_eq!(sum.as_int(), Some(13));
        });
    }

    #[test]
    fn what_was_cancelled_may_be_asked_again() {
        with_session(|eval, variables| {
            bind(eval, variables, "f = n: n + 1;");
            bind(eval, variables, "x = f 1; list = map f [ 1 ];");
            eval.settings().cancel.store(true, Ordering::Relaxed);
            for text in ["x", "builtins.head list"] {
                let error = eval.evaluate_with(origin(), text.as_bytes(), variables);
                let error = error.err().expect("it is cancelled");
                assert_eq!(error.kind, ErrorKind::Cancelled);
            }
            eval.settings().cancel.store(false, Ordering::Relaxed);
            for text in ["x", "builtins.head list"] {
                let value = eval.evaluate_with(origin(), text.as_bytes(), variables);
                assert_eq!(value.ok().and_then(Value::as_int), Some(2));
            }
        });
    }
}
