//! Operators, and strings and paths put together from parts.

use super::{Eval, place, value};
use crate::builtins::arithmetic;
use crate::builtins::table::wrong_type;
use crate::coerce::{self, Mode, Purpose, Text};
use crate::error::{self, ErrorKind, EvalError, FrameKind, Result};
use crate::heap::{Answer, Env, Kind, PathValue, Str, Value};
use crate::ir::{Id, Node};
use crate::source::{Position, canonical};
use crate::watch::add;
use crate::{equal, order, print};

/// An arithmetic operator, which the language has as a builtin.
pub(super) struct Arithmetic {
    builtin: &'static str,
    /// The common case: `None` if the result is no integer, or there is none.
    integers: fn(i64, i64) -> Option<i64>,
    others: for<'h> fn(&mut Eval<'h>, Value<'h>, Value<'h>) -> Result<Value<'h>>,
}

/// The step to what `!` negates.
const IN_NOT: &str = "in the argument of the not operator";

pub(super) const SUBTRACT: &Arithmetic =
    &Arithmetic { builtin: "sub", integers: i64::checked_sub, others: arithmetic::sub };
pub(super) const MULTIPLY: &Arithmetic =
    &Arithmetic { builtin: "mul", integers: i64::checked_mul, others: arithmetic::mul };
pub(super) const DIVIDE: &Arithmetic =
    &Arithmetic { builtin: "div", integers: i64::checked_div, others: arithmetic::div };

impl<'h> Eval<'h> {
    #[inline(never)]
    pub(super) fn and(&mut self, id: Id, lhs: Id, rhs: Id, env: &'h Env<'h>) -> Answer<'h> {
        const LEFT: &str = "in the left operand of the AND (&&) operator";
        const RIGHT: &str = "in the right operand of the AND (&&) operator";
        let value = value!(self.condition(lhs, env, id, LEFT));
        if value.as_bool() != Some(true) {
            return value.into();
        }
        self.condition(rhs, env, id, RIGHT)
    }

    #[inline(never)]
    pub(super) fn or(&mut self, id: Id, lhs: Id, rhs: Id, env: &'h Env<'h>) -> Answer<'h> {
        const LEFT: &str = "in the left operand of the OR (||) operator";
        const RIGHT: &str = "in the right operand of the OR (||) operator";
        let value = value!(self.condition(lhs, env, id, LEFT));
        if value.as_bool() == Some(true) {
            return value.into();
        }
        self.condition(rhs, env, id, RIGHT)
    }

    #[inline(never)]
    pub(super) fn implies(&mut self, id: Id, lhs: Id, rhs: Id, env: &'h Env<'h>) -> Answer<'h> {
        const LEFT: &str = "in the left operand of the IMPL (->) operator";
        const RIGHT: &str = "in the right operand of the IMPL (->) operator";
        let value = value!(self.condition(lhs, env, id, LEFT));
        if value.as_bool() != Some(true) {
            return Value::bool(true).into();
        }
        self.condition(rhs, env, id, RIGHT)
    }

    #[inline(never)]
    pub(super) fn not(&mut self, operand: Id, env: &'h Env<'h>) -> Answer<'h> {
        let value = value!(self.condition(operand, env, operand, IN_NOT));
        Value::bool(value.as_bool() != Some(true)).into()
    }

    /// `lhs - rhs`.
    #[inline(never)]
    pub(super) fn subtract(&mut self, id: Id, lhs: Id, rhs: Id, env: &'h Env<'h>) -> Answer<'h> {
        self.arithmetic(id, SUBTRACT, lhs, rhs, env)
    }

    #[inline(always)]
    pub(super) fn arithmetic(
        &mut self,
        id: Id,
        operator: &'static Arithmetic,
        lhs: Id,
        rhs: Id,
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        if !self.may_nest() {
            return self.cannot_nest(id);
        }
        let a = value!(self.operand_of_call(lhs, env),
            error => self.in_builtin(error, id, operator.builtin));
        let b = value!(self.operand_of_call(rhs, env),
            error => self.in_builtin(error, id, operator.builtin));
        if let (Some(a), Some(b)) = (a.as_int(), b.as_int())
            && let Some(result) = (operator.integers)(a, b)
        {
            return Value::int(result).into();
        }
        self.other_arithmetic(id, operator, a, b)
    }

    /// Evaluates an operand of an operator that is a call of a builtin in the reference
    /// implementation: one level deeper than the operator, which has asked [`Eval::may_nest`].
    #[inline(always)]
    fn operand_of_call(&mut self, id: Id, env: &'h Env<'h>) -> Answer<'h> {
        match *self.code.nodes.get(id) {
            Node::Constant(index) => (*self.code.constants.get(index)).into(),
            Node::Local { level, index } => match Self::local(env, level, index).value_through() {
                Some(value) => value.into(),
                None => self.nested(id, env),
            },
            _ => self.nested(id, env),
        }
    }

    #[inline(always)]
    fn nested(&mut self, id: Id, env: &'h Env<'h>) -> Answer<'h> {
        self.descend();
        let answer = self.eval(id, env);
        self.leave();
        answer
    }

    #[cold]
    #[inline(never)]
    fn cannot_nest(&self, id: Id) -> Answer<'h> {
        self.check_depth(self.code.position(id)).map(|()| Value::NULL).into()
    }

    #[inline(never)]
    fn other_arithmetic(
        &mut self,
        id: Id,
        operator: &'static Arithmetic,
        a: Value<'h>,
        b: Value<'h>,
    ) -> Answer<'h> {
        (operator.others)(self, a, b)
            .map_err(|error| self.in_builtin(error, id, operator.builtin))
            .into()
    }

    #[cold]
    #[inline(never)]
    fn in_builtin(&self, error: Box<EvalError>, id: Id, builtin: &str) -> Box<EvalError> {
        self.step(error, id, format!("while calling the '{builtin}' builtin"))
    }

    #[inline(never)]
    pub(super) fn equal_nodes(
        &mut self,
        lhs: Id,
        rhs: Id,
        env: &'h Env<'h>,
        wanted: bool,
    ) -> Answer<'h> {
        let a = value!(self.operand(lhs, env));
        let b = value!(self.operand(rhs, env));
        match a.is_plainly_equal(b) {
            Some(is_equal) => Value::bool(is_equal == wanted).into(),
            None => self.equal_values(a, b, wanted),
        }
    }

    /// No place is named in what fails within: the reference implementation has none for `==`.
    #[inline(never)]
    fn equal_values(&mut self, a: Value<'h>, b: Value<'h>, wanted: bool) -> Answer<'h> {
        equal::equal(self, a, b).map(|is_equal| Value::bool(is_equal == wanted)).into()
    }

    #[inline(never)]
    pub(super) fn less(
        &mut self,
        id: Id,
        lhs: Id,
        rhs: Id,
        env: &'h Env<'h>,
        wanted: bool,
    ) -> Answer<'h> {
        if !self.may_nest() {
            return self.cannot_nest(id);
        }
        let a = value!(self.operand_of_call(lhs, env), error => self.in_less(error, id, wanted));
        let b = value!(self.operand_of_call(rhs, env), error => self.in_less(error, id, wanted));
        if let (Some(a), Some(b)) = (a.as_int(), b.as_int()) {
            return Value::bool((a < b) == wanted).into();
        }
        self.less_values(id, a, b, wanted)
    }

    /// Adds the steps to a comparison; one that asks for the contrary is a negation.
    #[cold]
    #[inline(never)]
    fn in_less(&self, error: Box<EvalError>, id: Id, wanted: bool) -> Box<EvalError> {
        let error = self.in_builtin(error, id, "lessThan");
        if wanted { error } else { self.step(error, id, IN_NOT) }
    }

    #[inline(never)]
    fn less_values(&mut self, id: Id, a: Value<'h>, b: Value<'h>, wanted: bool) -> Answer<'h> {
        self.descend();
        let is_less = order::less_than(self, a, b);
        self.leave();
        match is_less {
            Ok(is_less) => Value::bool(is_less == wanted).into(),
            Err(error) => Answer::error(self.in_less(error, id, wanted)),
        }
    }

    #[inline(never)]
    pub(super) fn update(&mut self, lhs: Id, rhs: Id, env: &'h Env<'h>) -> Answer<'h> {
        const LEFT: &str = "in the left operand of the update (//) operator";
        const RIGHT: &str = "in the right operand of the update (//) operator";
        let b = value!(self.operand(rhs, env), error => self.in_operand(error, rhs, RIGHT));
        let Some(upper) = b.as_attrs() else {
            return self.no_operand(b, "a set", self.own_place(rhs), RIGHT);
        };
        let a = value!(self.operand(lhs, env), error => self.in_operand(error, lhs, LEFT));
        let Some(lower) = a.as_attrs() else {
            return self.no_operand(a, "a set", self.own_place(lhs), LEFT);
        };
        let result = lower.update(self.heap, upper);
        let tally = &self.code.tally;
        if tally.is_on.get() {
            add(&tally.updates, 1);
            add(&tally.update_values, result.own_len());
        }
        Value::attrs(result).into()
    }

    pub(super) fn concat(&mut self, id: Id, lhs: Id, rhs: Id, env: &'h Env<'h>) -> Answer<'h> {
        const STEP: &str = "while evaluating one of the elements to concatenate";
        let a = value!(self.operand(lhs, env));
        let b = value!(self.operand(rhs, env));
        let Some(first) = a.as_list() else {
            return self.no_operand(a, "a list", self.code.position(id), STEP);
        };
        let Some(second) = b.as_list() else {
            return self.no_operand(b, "a list", self.code.position(id), STEP);
        };
        if second.is_empty() {
            return a.into();
        }
        if first.is_empty() {
            return b.into();
        }
        let tally = &self.code.tally;
        if tally.is_on.get() {
            add(&tally.concats, 1);
            add(&tally.list_elements, first.len() + second.len());
        }
        Value::list(self.heap.concat(first, second)).into()
    }

    #[cold]
    #[inline(never)]
    fn no_operand(
        &mut self,
        value: Value<'h>,
        expected: &str,
        position: Position,
        step: &'static str,
    ) -> Answer<'h> {
        let error = wrong_type(self, expected, value);
        Answer::error(error.frame(position, FrameKind::Evaluator, step))
    }

    /// Adds the step to an operand of `//`; operands that are such an operation belong to it.
    #[cold]
    #[inline(never)]
    fn in_operand(&self, error: Box<EvalError>, id: Id, step: &'static str) -> Box<EvalError> {
        if matches!(self.node(id), Node::Update(..)) {
            return error;
        }
        error.frame(self.own_place(id), FrameKind::Evaluator, step)
    }

    #[inline(never)]
    pub(super) fn add(&mut self, id: Id, lhs: Id, rhs: Id, env: &'h Env<'h>) -> Answer<'h> {
        let a = value!(self.operand(lhs, env));
        if a.as_int().is_none() && is_text_first(a) {
            return self.add_to_coerced(id, a, rhs, env);
        }
        let b = value!(self.operand(rhs, env));
        if let (Some(x), Some(y)) = (a.as_int(), b.as_int())
            && let Some(sum) = x.checked_add(y)
        {
            return Value::int(sum).into();
        }
        self.add_values(id, a, b)
    }

    /// Adds to what becomes a string first, before the other operand is evaluated.
    #[cold]
    #[inline(never)]
    fn add_to_coerced(&mut self, id: Id, a: Value<'h>, rhs: Id, env: &'h Env<'h>) -> Answer<'h> {
        let a = value!(self.join(id, &[a], Mode::Plain));
        let b = value!(self.operand(rhs, env));
        self.join(id, &[a, b], Mode::Plain)
    }

    #[inline(never)]
    fn add_values(&mut self, id: Id, a: Value<'h>, b: Value<'h>) -> Answer<'h> {
        match (a.kind(), b.kind()) {
            (Kind::Int(x), Kind::Int(y)) => match x.checked_add(y) {
                Some(sum) => Value::int(sum).into(),
                None => {
                    let message = format!("integer overflow in adding {x} + {y}");
                    self.cannot_add(message, id)
                }
            },
            (Kind::Int(x), Kind::Float(y)) => Value::float(x as f64 + y).into(),
            (Kind::Float(x), Kind::Int(y)) => Value::float(x + y as f64).into(),
            (Kind::Float(x), Kind::Float(y)) => Value::float(x + y).into(),
            (Kind::String(x), Kind::String(y)) => self.add_strings(x, y).into(),
            (Kind::Int(_), _) => {
                let message = format!("cannot add {} to an integer", print::show_type(b));
                self.cannot_add(message, id)
            }
            (Kind::Float(_), _) => {
                let message = format!("cannot add {} to a float", print::show_type(b));
                self.cannot_add(message, id)
            }
            (Kind::Path(path), _) => self.add_to_path(id, path, &[b], 1),
            (Kind::String(_), _) => self.join(id, &[a, b], Mode::Interpolate),
            _ => self.join(id, &[a, b], Mode::Plain),
        }
    }

    fn add_strings(&mut self, x: Str<'h>, y: Str<'h>) -> Value<'h> {
        if y.bytes().is_empty() && y.context().is_none() {
            return Value::string(self.heap, x);
        }
        let bytes = self.heap.arena().append(x.bytes(), y.bytes());
        let context = crate::heap::Context::union(self.heap, x.context(), y.context());
        Value::string(self.heap, Str::with_context(bytes, context))
    }

    #[cold]
    #[inline(never)]
    fn cannot_add(&self, message: String, id: Id) -> Answer<'h> {
        Answer::error(EvalError::new(ErrorKind::Type, message).at(self.part_place(id, 1)))
    }

    /// Returns the parts of the node `id` as one string.
    fn join(&mut self, id: Id, parts: &[Value<'h>], mode: Mode) -> Answer<'h> {
        let mut text = Text::with_buffer(std::mem::take(&mut self.scratch));
        for (&part, index) in parts.iter().zip(0..) {
            if let Err(error) = self.push_part(&mut text, part, mode) {
                return self.failed_part(error, id, index);
            }
        }
        self.finish_text(text).into()
    }

    fn finish_text(&mut self, text: Text<'h>) -> Value<'h> {
        let (string, buffer) = text.finish_keeping_buffer(self.heap);
        self.scratch = buffer;
        Value::string(self.heap, string)
    }

    #[inline]
    fn push_part(&mut self, text: &mut Text<'h>, part: Value<'h>, mode: Mode) -> Result<()> {
        if let Kind::String(string) = part.kind() {
            self.check_depth(place::PENDING)?;
            text.push(string);
            return Ok(());
        }
        let text_of_step = "while evaluating a path segment";
        let purpose = Purpose { position: place::PENDING, text: text_of_step };
        coerce::append(self, part, mode, purpose, text)
    }

    /// Says of an error of [`Eval::push_part`] where that part of the node `id` is.
    #[cold]
    #[inline(never)]
    fn failed_part(&self, error: Box<EvalError>, id: Id, index: usize) -> Answer<'h> {
        Answer::error(error.placed(place::PENDING, || self.part_place(id, index)))
    }

    #[inline(never)]
    pub(super) fn interpolate(&mut self, id: Id, parts: &'h [Id], env: &'h Env<'h>) -> Answer<'h> {
        let mut text = Text::with_buffer(std::mem::take(&mut self.scratch));
        for (&part, index) in parts.iter().zip(0..) {
            let value = match self.operand(part, env).into_result() {
                Ok(value) => value,
                Err(error) => return Answer::error(error),
            };
            if let Err(error) = self.push_part(&mut text, value, Mode::Interpolate) {
                return self.failed_part(error, id, index);
            }
        }
        if u32::try_from(text.bytes.len()).is_err() {
            return Answer::error(error::limit("a string of 4 GiB or more"));
        }
        self.finish_text(text).into()
    }

    pub(super) fn interpolate_path(
        &mut self,
        id: Id,
        parts: &'h [Id],
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        let Some((&first, rest)) = parts.split_first() else { return Value::NULL.into() };
        let first = value!(self.operand(first, env));
        let mut values = Vec::with_capacity(rest.len());
        for &part in rest {
            values.push(value!(self.operand(part, env)));
        }
        match first.kind() {
            Kind::Path(path) => self.add_to_path(id, path, &values, 1),
            _ => self.join(id, &values, Mode::Plain),
        }
    }

    /// Returns the path that is `path` with the parts of the node `id` from `first` on behind it.
    fn add_to_path(
        &mut self,
        id: Id,
        path: PathValue<'h>,
        parts: &[Value<'h>],
        first: usize,
    ) -> Answer<'h> {
        let mut text = Text::with_capacity(path.bytes.len() + 32);
        text.bytes.extend_from_slice(path.bytes);
        for (&value, index) in parts.iter().zip(first..) {
            if let Err(error) = self.push_part(&mut text, value, Mode::Plain) {
                return self.failed_part(error, id, index);
            }
        }
        if text.context(self.heap).is_some() {
            let message = "a string that refers to a store path cannot be appended to a path";
            let error = EvalError::new(ErrorKind::Other, message);
            return Answer::error(error.at(self.code.position(id)));
        }
        Value::path(self.heap, path.root, &canonical(&text.bytes)).into()
    }

    /// Returns the error of a path below a home directory that is not known.
    #[cold]
    pub(super) fn home_path(&self, id: Id, constant: u32) -> Answer<'h> {
        let text = match self.code.constants.get(constant).kind() {
            Kind::String(text) => text.to_text(),
            _ => "~".into(),
        };
        let message = format!("cannot determine the home directory for the path '{text}'");
        let error = EvalError::new(ErrorKind::Other, message).at(self.code.position(id));
        Answer::error(error.frame(
            crate::source::Position::NONE,
            FrameKind::Call,
            "while resolving a path",
        ))
    }
}

/// Whether `+` makes a string of this operand: it is none of what `+` has a meaning for.
fn is_text_first(value: Value<'_>) -> bool {
    !matches!(value.kind(), Kind::Int(_) | Kind::Float(_) | Kind::String(_) | Kind::Path(_))
}
