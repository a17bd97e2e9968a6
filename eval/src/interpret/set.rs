//! Set literals and `let`: frames and slots filled with what is not needed yet.

use super::call::Site;
use super::{Eval, lambda, value};
use crate::builtins::table::wrong_type;
use crate::coerce;
use crate::error::{ErrorKind, EvalError, FrameKind, Result};
use crate::heap::{Answer, Attrs, AttrsBuilder, Env, Lazy, Slot, Symbol, Value};
use crate::ir::{DynamicAttr, LetCode, Node, SetCode, SetValue};
use crate::print;
use crate::source::Position;
use crate::watch::add;

impl<'h> Eval<'h> {
    /// Fills the slots of a `let` that lie in the current frame.
    #[inline(always)]
    pub(super) fn fill_let(&mut self, let_code: &'h LetCode<'h>, env: &'h Env<'h>) {
        let code = self.code;
        let base = let_code.base as usize;
        let slots = env.slots().get(base..).unwrap_or_default();
        let values = let_code.values.iter().map(|value| {
            let (SetValue::Own(id) | SetValue::Outer(id) | SetValue::Inherited(id)) = *value;
            id
        });
        let ids = values.chain(let_code.sources.iter().copied());
        for ((slot, id), filled) in slots.iter().zip(ids).zip(base..) {
            let content = match *code.nodes.get(id) {
                Node::Lambda(index) => lambda(index, env).into(),
                _ => Self::delay_inside(code, id, env, filled),
            };
            slot.fill(self.heap, content);
        }
    }

    /// Returns the frame of a `let` of its own.
    pub(super) fn new_let(&mut self, code: &'h LetCode<'h>, env: &'h Env<'h>) -> &'h Env<'h> {
        self.recursive_frame(code.values, code.sources, env, false)
    }

    /// Returns a frame whose slots see each other.
    ///
    /// If they `may_change` afterwards, none takes over what another holds already.
    fn recursive_frame(
        &mut self,
        values: &'h [SetValue],
        sources: &'h [u32],
        outside: &'h Env<'h>,
        may_change: bool,
    ) -> &'h Env<'h> {
        let code = self.code;
        let len = values.len() + sources.len();
        let frame = Env::new(self.heap, Some(outside), len as u32);
        let own = values.iter().copied().chain(sources.iter().map(|&id| SetValue::Own(id)));
        for ((slot, value), filled) in frame.slots().iter().zip(own).zip(0..) {
            let content = match value {
                SetValue::Own(id) | SetValue::Inherited(id) => {
                    Self::delay_inside(code, id, frame, if may_change { 0 } else { filled })
                }
                SetValue::Outer(id) => Self::delay(code, id, outside),
            };
            slot.fill(self.heap, content);
        }
        frame
    }

    #[inline(never)]
    pub(super) fn new_set(&mut self, set: &'h SetCode<'h>, env: &'h Env<'h>) -> Answer<'h> {
        let code = self.code;
        let sources = if set.sources.is_empty() {
            env
        } else {
            Env::with(self.heap, Some(env), set.sources.len() as u32, |index| {
                Self::delay(code, set.sources[index as usize], env)
            })
        };
        let slots = self.heap.arena().alloc_slice_with(set.values.len(), |index| {
            Slot::new(match set.values[index] {
                SetValue::Own(id) | SetValue::Outer(id) => Self::delay(code, id, env),
                SetValue::Inherited(id) => Self::delay(code, id, sources),
            })
        });
        self.note_set(slots.len());
        let attrs = Attrs::new(self.heap, set.shape, slots, set.positions);
        if set.dynamic.is_empty() {
            return Value::attrs(attrs).into();
        }
        self.add_dynamic(attrs, set.dynamic, env)
    }

    #[inline(never)]
    pub(super) fn new_recursive_set(
        &mut self,
        set: &'h SetCode<'h>,
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        let frame = self.recursive_frame(set.values, set.sources, env, set.has_overrides);
        let (slots, _) = frame.slots().split_at(set.values.len());
        self.note_set(slots.len());
        let mut attrs = Attrs::new(self.heap, set.shape, slots, set.positions);
        if set.has_overrides {
            attrs = match self.apply_overrides(attrs, set, slots) {
                Ok(attrs) => attrs,
                Err(error) => return Answer::error(error),
            };
        }
        if set.dynamic.is_empty() {
            return Value::attrs(attrs).into();
        }
        self.add_dynamic(attrs, set.dynamic, frame)
    }

    /// Takes note of a set that was written down.
    #[inline(always)]
    fn note_set(&self, len: usize) {
        let tally = &self.code.tally;
        if tally.is_on.get() {
            add(&tally.sets, 1);
            add(&tally.set_elements, len);
        }
    }

    /// Replaces what `__overrides` names, also for the other attributes of the set.
    fn apply_overrides(
        &mut self,
        attrs: Attrs<'h>,
        set: &SetCode<'h>,
        slots: &'h [Slot<'h>],
    ) -> Result<Attrs<'h>> {
        let name = Symbol::intern(b"__overrides");
        let Some(slot) = attrs.get(name) else { return Ok(attrs) };
        let value = self.force(slot)?;
        let Some(overrides) = value.as_attrs() else {
            let step = "while evaluating the `__overrides` attribute";
            let position = match self.function_info(value) {
                Some(lambda) => lambda.position,
                None => Position::NONE,
            };
            return Err(wrong_type(self, "a set", value).frame(
                position,
                FrameKind::Evaluator,
                step,
            ));
        };
        let result = attrs.update(self.heap, overrides);
        for attr in overrides.iter(self.heap) {
            if let Some(slot) = set.shape.index(attr.name).and_then(|index| slots.get(index)) {
                slot.fill(self.heap, Lazy::from_slot(attr.slot));
            }
        }
        Ok(result)
    }

    /// Adds the attributes whose names are computed, evaluated in `env`.
    fn add_dynamic(
        &mut self,
        attrs: Attrs<'h>,
        dynamic: &'h [DynamicAttr],
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        let mut added: Vec<(Symbol, DynamicAttr)> = Vec::new();
        for attr in dynamic {
            let name = value!(self.eval(attr.name, env));
            if matches!(name.kind(), crate::heap::Kind::Null) {
                continue;
            }
            let step = "while evaluating the name of a dynamic attribute";
            let name = match coerce::plain_string(self, name) {
                Ok(name) => Symbol::intern(name.bytes()),
                Err(error) => {
                    let error = error.at(attr.position);
                    return Answer::error(error.frame(attr.position, FrameKind::Evaluator, step));
                }
            };
            let before = added.iter().find(|it| it.0 == name).map(|it| it.1.position);
            let before = before.or_else(|| attrs.attr(name).map(|attr| attr.position));
            if let Some(before) = before {
                let place = print::show_position(self, before);
                let name = print::shown_name(name.as_bytes());
                let message = format!("dynamic attribute '{name}' already defined at {place}");
                let error = EvalError::new(ErrorKind::Other, message);
                return Answer::error(error.at(self.site(Site::Position(attr.position))));
            }
            added.push((name, *attr));
        }
        let mut builder = AttrsBuilder::with_capacity(added.len());
        for (name, attr) in added {
            builder.push_at(name, Self::delay(self.code, attr.value, env), attr.position);
        }
        let result = attrs.update(self.heap, builder.finish(self.heap));
        Value::attrs(result).into()
    }
}
