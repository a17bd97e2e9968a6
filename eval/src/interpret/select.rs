//! Selection: `a.b`, `a.b or c`, `a ? b`, and variables that a `with` provides.

use std::fmt::Write as _;

use super::call::missing_attribute;
use super::{Eval, value};
use crate::builtins::table::wrong_type;
use crate::error::{ErrorKind, EvalError, FrameKind, Result};
use crate::heap::{Answer, Attrs, Env, Symbol, Value};
use crate::ir::{Id, NO_ID, PathEntry};
use crate::print::shown_name;
use crate::source::Position;

/// The step to the set that an attribute is selected from.
const SELECTING: &str = "while selecting an attribute";

impl<'h> Eval<'h> {
    #[inline(never)]
    pub(super) fn select_node(
        &mut self,
        id: Id,
        subject: Id,
        name: Symbol,
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        let subject = self.operand(subject, env).into_result();
        if let Ok(subject) = subject
            && let Some(attrs) = subject.as_attrs()
            && let Some(slot) = attrs.get(name)
        {
            if self.code.tally.is_on.get() {
                self.note_selection(attrs, name);
            }
            return match slot.resolve(self.heap) {
                Some(value) => value.into(),
                None => match self.force_thunk(slot).into_result() {
                    Ok(value) => value.into(),
                    Err(error) => self.failed_attribute(error, id, attrs, name),
                },
            };
        }
        self.cannot_select(id, subject, name)
    }

    /// `subject.name or default`
    #[inline(never)]
    pub(super) fn select_or(
        &mut self,
        id: Id,
        subject: Id,
        name: Symbol,
        default: Id,
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        let subject = value!(self.operand(subject, env));
        let Some(attrs) = subject.as_attrs() else { return self.eval(default, env) };
        let Some(slot) = attrs.get(name) else { return self.eval(default, env) };
        if self.code.tally.is_on.get() {
            self.note_selection(attrs, name);
        }
        match self.force_slot(slot).into_result() {
            Ok(value) => value.into(),
            Err(error) => self.failed_attribute(error, id, attrs, name),
        }
    }

    /// Returns the attribute at the end of a path, or `None` where the default is to be taken.
    pub(super) fn select_path(
        &mut self,
        id: Id,
        subject: Id,
        path: u32,
        default: Id,
        env: &'h Env<'h>,
    ) -> Option<Answer<'h>> {
        let mut current = match self.operand(subject, env).into_result() {
            Ok(subject) => subject,
            Err(error) => return Some(Answer::error(error)),
        };
        let mut last: Option<(Attrs<'h>, Symbol)> = None;
        let entries = self.path(path);
        let count = entries.len();
        for (entry, index) in entries.zip(1..) {
            let name = match self.path_name(entry, env) {
                Ok(name) => name,
                Err(error) => return Some(self.failed_path(error, last, id, path, env)),
            };
            let attrs = current.as_attrs();
            let Some((attrs, slot)) = attrs.and_then(|attrs| Some((attrs, attrs.get(name)?)))
            else {
                if default != NO_ID {
                    return None;
                }
                let error = match attrs {
                    Some(attrs) => {
                        missing_attribute(self.heap, attrs, name).at(self.code.position(id))
                    }
                    None => {
                        let error = wrong_type(self, "a set", current);
                        self.step(error, id, SELECTING)
                    }
                };
                return Some(self.failed_path(error, last, id, path, env));
            };
            if self.code.tally.is_on.get() {
                self.note_selection(attrs, name);
            }
            current = match self.force_slot(slot).into_result() {
                Ok(value) => value,
                Err(error) => {
                    // What lies on the way is needed where the whole selection is.
                    let error = if index < count {
                        error.needed_at(self.code.position(id))
                    } else {
                        self.recursion_in_attribute(error, attrs, name, id)
                    };
                    return Some(self.failed_path(error, Some((attrs, name)), id, path, env));
                }
            };
            last = Some((attrs, name));
        }
        Some(current.into())
    }

    /// Whether the path leads somewhere; anything that is no set has no attributes.
    #[inline(never)]
    pub(super) fn has_attr(&mut self, subject: Id, path: u32, env: &'h Env<'h>) -> Answer<'h> {
        let mut current = value!(self.operand(subject, env));
        let entries = self.path(path);
        let count = entries.len();
        for (entry, index) in entries.zip(1..) {
            let name = match self.path_name(entry, env) {
                Ok(name) => name,
                Err(error) => return Answer::error(error),
            };
            let slot = current.as_attrs().and_then(|attrs| attrs.get(name));
            let Some(slot) = slot else { return Value::bool(false).into() };
            if index < count {
                current = value!(
                    self.force_slot(slot),
                    error => error.needed_at(self.own_place(subject))
                );
            }
        }
        Value::bool(true).into()
    }

    /// Returns the variable `name` of the innermost `with` that has it.
    #[inline(never)]
    pub(super) fn with_variable(
        &mut self,
        id: Id,
        name: Symbol,
        levels: &'h [u32],
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        for &level in levels {
            let set = value!(
                self.force_slot(Self::local(env, level, 0)),
                error => error.needed_at(self.with_place(id, level, levels))
            );
            let Some(attrs) = set.as_attrs() else {
                return self.no_with_set(set, id, level, levels);
            };
            if let Some(slot) = attrs.get(name) {
                return self.force_for(slot, id);
            }
        }
        let message = format!("undefined variable '{}'", name.to_text());
        let error = EvalError::new(ErrorKind::UndefinedVariable, message);
        Answer::error(error.at(self.code.position(id)))
    }

    fn path(&self, path: u32) -> impl ExactSizeIterator<Item = PathEntry> + use<'h> {
        let code = self.code;
        let numbers = code.extra.slice(path + 1, *code.extra.get(path) * 2);
        numbers.chunks_exact(2).map(|pair| match pair {
            [tag, number] => PathEntry::decode(*tag, *number),
            _ => unreachable!("chunks of two have two"),
        })
    }

    fn path_name(&mut self, entry: PathEntry, env: &'h Env<'h>) -> Result<Symbol> {
        let id = match entry {
            PathEntry::Static(name) => return Ok(name),
            PathEntry::Dynamic(id) => id,
        };
        let step = "while evaluating an attribute name";
        let name = self.operand(id, env).into_result()?;
        let name = crate::coerce::plain_string(self, name).map_err(|error| {
            let position = self.own_place(id);
            error.at(position).frame(position, FrameKind::Evaluator, step)
        })?;
        Ok(Symbol::intern(name.bytes()))
    }

    #[cold]
    #[inline(never)]
    fn cannot_select(&mut self, id: Id, subject: Result<Value<'h>>, name: Symbol) -> Answer<'h> {
        let subject = match subject {
            Err(error) => return Answer::error(error),
            Ok(subject) => subject,
        };
        Answer::error(match subject.as_attrs() {
            Some(attrs) => missing_attribute(self.heap, attrs, name).at(self.code.position(id)),
            None => {
                let error = wrong_type(self, "a set", subject);
                self.step(error, id, SELECTING)
            }
        })
    }

    #[cold]
    #[inline(never)]
    fn no_with_set(&mut self, set: Value<'h>, id: Id, level: u32, levels: &'h [u32]) -> Answer<'h> {
        let step = "while evaluating the first subexpression of a with expression";
        let position = self.with_place(id, level, levels);
        let error = wrong_type(self, "a set", set);
        Answer::error(error.frame(position, FrameKind::Evaluator, step))
    }

    #[cold]
    #[inline(never)]
    fn failed_attribute(
        &mut self,
        error: Box<EvalError>,
        id: Id,
        attrs: Attrs<'h>,
        name: Symbol,
    ) -> Answer<'h> {
        let error = self.recursion_in_attribute(error, attrs, name, id);
        let position = attribute_place(attrs, name);
        if !position.is_some() || self.is_in_derivation_wrapper(position) {
            return Answer::error(error);
        }
        let step = format!("while evaluating the attribute '{}'", shown_name(name.as_bytes()));
        Answer::error(error.frame(position, FrameKind::Evaluator, step))
    }

    /// Adds the path to an error behind its attribute `last`, unless that has no place.
    #[cold]
    #[inline(never)]
    fn failed_path(
        &mut self,
        error: Box<EvalError>,
        last: Option<(Attrs<'h>, Symbol)>,
        id: Id,
        path: u32,
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        let last = last.map_or(Position::NONE, |(attrs, name)| attribute_place(attrs, name));
        if !last.is_some() || self.is_in_derivation_wrapper(last) {
            return Answer::error(error);
        }
        let mut shown = String::new();
        for (entry, index) in self.path(path).zip(0..) {
            if index > 0 {
                shown.push('.');
            }
            match self.path_name(entry, env) {
                Ok(name) => shown.push_str(&shown_name(name.as_bytes())),
                Err(_) => {
                    let _ = write!(shown, "\"${{{}}}\"", self.show_path_name(id, index));
                }
            }
        }
        let step = format!("while evaluating the attribute '{shown}'");
        Answer::error(error.frame(last, FrameKind::Evaluator, step))
    }

    /// An attribute that needs itself is where infinite recursion is that nobody placed yet, and
    /// where a function is called that it is the result of.
    #[cold]
    fn recursion_in_attribute(
        &self,
        error: Box<EvalError>,
        attrs: Attrs<'h>,
        name: Symbol,
        id: Id,
    ) -> Box<EvalError> {
        let position = match attribute_place(attrs, name) {
            position if position.is_some() => position,
            _ => self.code.position(id),
        };
        error.needed_at(position)
    }
}

/// Returns where an attribute is written, if it is.
#[cold]
fn attribute_place(attrs: Attrs<'_>, name: Symbol) -> Position {
    attrs.attr(name).map_or(Position::NONE, |attr| attr.position)
}
