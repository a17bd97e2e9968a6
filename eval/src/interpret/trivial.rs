//! What can be known of a value without computing anything: all that `flake.nix` may say.

use super::Eval;
use crate::error::Result;
use crate::heap::{Slot, SlotState, Value};
use crate::ir::{Id, Node};
use crate::source::SourcePath;

impl<'h> Eval<'h> {
    /// Returns the value of `slot` if it is known, or is a set, list or function as it is written;
    /// `None` if it would have to be computed.
    ///
    /// Source: CppNix, `Value::isTrivial`.
    ///
    /// # Errors
    ///
    /// What a computation met that somebody else asked for.
    pub(crate) fn trivial(&mut self, slot: &'h Slot<'h>) -> Result<Option<Value<'h>>> {
        match slot.state() {
            SlotState::Reference(target) => self.trivial(target),
            SlotState::Suspended(id, _) | SlotState::Observed(id, _) if !self.is_literal(id) => {
                Ok(None)
            }
            SlotState::Apply(_) | SlotState::Mapped(_) | SlotState::Blackhole => Ok(None),
            SlotState::Forced(_)
            | SlotState::Suspended(..)
            | SlotState::Observed(..)
            | SlotState::Failed(_) => self.force(slot).map(Some),
        }
    }

    /// Whether the text of the file at `path` is a set, rather than something that gives one.
    ///
    /// # Errors
    ///
    /// When it cannot be read or parsed.
    pub(crate) fn is_set_literal(&mut self, path: &SourcePath) -> Result<bool> {
        let text = self.read_file(path)?;
        let root = self.load_file(path, text)?;
        Ok(matches!(self.node(root), Node::Set(_) | Node::RecursiveSet(_)))
    }

    fn is_literal(&self, id: Id) -> bool {
        match self.node(id) {
            Node::Constant(_) | Node::Lambda(_) | Node::List { .. } => true,
            Node::Set(index) | Node::RecursiveSet(index) => {
                self.code.sets.get(index).dynamic.is_empty()
            }
            _ => false,
        }
    }
}
