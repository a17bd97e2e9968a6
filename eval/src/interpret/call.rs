//! Calls: arguments go straight into the callee's frame.
//!
//! A lambda of several parameters (`a: b: c:`) runs when it has all of them; with fewer it is a
//! partial application, with more the rest goes to its result. Strict arguments of builtins are
//! never stored.

use super::{Eval, value};
use crate::builtins;
use crate::error::{self, ErrorKind, EvalError, FrameKind, Result};
use crate::heap::{Answer, Apply, Attrs, Env, Kind, Lambda, Lazy, Mapped, Partial, Slot, Value};
use crate::ir::{Formals, Id, LambdaCode, NO_ID};
use crate::names::names;
use crate::print;
use crate::source::Position;
use crate::suggestion;

/// The most arguments of a builtin.
const ARITY_MAX: usize = 4;
/// Calls with up to so many arguments need no list of them in memory.
const ARGUMENTS_INLINE: usize = 8;

/// Where a call is written; most of the time nobody asks.
#[derive(Clone, Copy)]
pub(super) enum Site {
    /// At a node.
    Node(Id),
    /// At a position.
    Position(Position),
}

impl<'h> Eval<'h> {
    /// Applies `function` (anything callable, functors included) to at least one argument.
    ///
    /// Arguments beyond the function's arity are applied to its result.
    ///
    /// # Errors
    ///
    /// When `function` cannot be called, and whatever the call meets.
    pub fn call(&mut self, function: Value<'h>, arguments: &[Lazy<'h>]) -> Result<Value<'h>> {
        self.call_from(function, arguments, Position::NONE)
    }

    /// As [`Eval::call`], with the place that an error names as that of the call.
    ///
    /// # Errors
    ///
    /// As [`Eval::call`].
    pub fn call_from(
        &mut self,
        function: Value<'h>,
        arguments: &[Lazy<'h>],
        place: Position,
    ) -> Result<Value<'h>> {
        let region = self.heap.begin_region();
        let answer = self.call_at(function, arguments, Site::Position(place));
        self.heap.end_region(region, answer).into_result()
    }

    /// `function argument…`, in a region of its own.
    #[inline(never)]
    pub(super) fn eval_apply(
        &mut self,
        id: Id,
        env: &'h Env<'h>,
        function: Id,
        arguments: u32,
        count: u32,
    ) -> Answer<'h> {
        let code = self.code;
        let region = self.heap.begin_region();
        let arguments = code.extra.slice(arguments, count);
        let function = match self.operand(function, env).into_result() {
            Ok(function) => function,
            Err(error) => return self.heap.end_region(region, Answer::error(error)),
        };
        let answer = match function.kind() {
            Kind::Lambda(lambda) => {
                let callee = code.lambdas.get(lambda.expression);
                if callee.arity == count && callee.formals.is_none() {
                    let frame = Env::call(
                        self.heap,
                        lambda.env,
                        callee.frame_len,
                        arguments,
                        |&argument| Self::delay_argument(code, argument, env),
                    );
                    self.run::<true>(callee, frame, Site::Node(id))
                } else {
                    self.apply_delayed(id, function, arguments, env)
                }
            }
            Kind::Builtin(index) => {
                let builtin = builtins::at(index);
                if builtin.parameters.len() == arguments.len() && !self.is_watched() {
                    self.apply_builtin(id, builtin, arguments, env)
                } else {
                    self.apply_observed(id, function, arguments, env)
                }
            }
            _ => self.apply_delayed(id, function, arguments, env),
        };
        self.heap.end_region(region, answer)
    }

    /// Calls a builtin with as many arguments as it takes.
    #[inline(always)]
    fn apply_builtin(
        &mut self,
        id: Id,
        builtin: &'static builtins::Builtin,
        arguments: &'h [Id],
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        let mut passed = [Lazy::from(Value::NULL); ARITY_MAX];
        let all = passed.iter_mut().zip(arguments).zip(builtin.parameters);
        for ((slot, &argument), parameter) in all {
            let argument = Self::delay(self.code, argument, env);
            *slot = if parameter.is_strict { argument } else { self.share(argument) };
        }
        let passed = passed.get(..arguments.len()).unwrap_or_default();
        self.run_builtin(builtin, passed, Site::Node(id))
    }

    /// Calls anything, with the arguments collected first.
    #[inline(never)]
    pub(super) fn apply_delayed(
        &mut self,
        id: Id,
        function: Value<'h>,
        arguments: &'h [Id],
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        let code = self.code;
        let mut inline = [Lazy::from(Value::NULL); ARGUMENTS_INLINE];
        if let Some(room) = inline.get_mut(..arguments.len()) {
            for (slot, &argument) in room.iter_mut().zip(arguments) {
                *slot = Self::delay(code, argument, env);
            }
            return self.call_at(function, room, Site::Node(id));
        }
        let all: Vec<_> = arguments.iter().map(|&it| Self::delay(code, it, env)).collect();
        self.call_at(function, &all, Site::Node(id))
    }

    pub(super) fn force_apply(&mut self, apply: Apply<'h>, position: Position) -> Answer<'h> {
        let function = value!(self.force_slot(apply.function));
        let mut inline = [Lazy::from(Value::NULL); ARGUMENTS_INLINE];
        let site = Site::Position(position);
        if let Some(room) = inline.get_mut(..apply.arguments.len()) {
            for (slot, argument) in room.iter_mut().zip(apply.arguments) {
                *slot = Lazy::from_slot(argument);
            }
            return self.call_at(function, room, site);
        }
        let all: Vec<_> = apply.arguments.iter().map(Lazy::from_slot).collect();
        self.call_at(function, &all, site)
    }

    pub(super) fn force_mapped(&mut self, mapped: Mapped<'h>, position: Position) -> Answer<'h> {
        let function = value!(self.force_slot(mapped.function()));
        let (arguments, are_two) = mapped.arguments(self.heap);
        let [first, _] = &arguments;
        let given = if are_two { &arguments[..] } else { std::slice::from_ref(first) };
        self.call_at(function, given, Site::Position(position))
    }

    /// Applies a function to arguments, each of which is used once.
    #[inline(always)]
    pub(super) fn call_at(
        &mut self,
        function: Value<'h>,
        arguments: &[Lazy<'h>],
        site: Site,
    ) -> Answer<'h> {
        if self.is_watched() {
            return self.call_watched(function, arguments, site);
        }
        self.call_unwatched(function, arguments, site)
    }

    /// As [`Eval::call_at`], without a look at who watches.
    pub(super) fn call_unwatched(
        &mut self,
        function: Value<'h>,
        arguments: &[Lazy<'h>],
        site: Site,
    ) -> Answer<'h> {
        let (mut function, mut arguments) = (function, arguments);
        loop {
            let Some(first) = arguments.first() else { return function.into() };
            let used;
            let answer = match function.kind() {
                Kind::Lambda(lambda) => {
                    let arity = self.code.lambdas.get(lambda.expression).arity as usize;
                    let Some((own, _)) = arguments.split_at_checked(arity) else {
                        return self.partial(function, arguments).into();
                    };
                    used = arity;
                    self.call_lambda(lambda, own, site)
                }
                Kind::Builtin(index) => {
                    let builtin = builtins::at(index);
                    let arity = builtin.parameters.len();
                    let Some((own, _)) = arguments.split_at_checked(arity) else {
                        return self.partial(function, arguments).into();
                    };
                    used = arity;
                    self.call_builtin(builtin, own, site)
                }
                Kind::Partial(partial) => {
                    let given = partial.arguments.iter().map(Lazy::from_slot);
                    let given = given.chain(arguments.iter().copied());
                    let mut inline = [Lazy::from(Value::NULL); ARGUMENTS_INLINE];
                    let count = partial.arguments.len() + arguments.len();
                    if let Some(room) = inline.get_mut(..count) {
                        room.iter_mut().zip(given).for_each(|(slot, argument)| *slot = argument);
                        return self.call_unwatched(partial.function, room, site);
                    }
                    let all: Vec<_> = given.collect();
                    return self.call_unwatched(partial.function, &all, site);
                }
                Kind::Attrs(attrs) => {
                    let Some(functor) = attrs.get(names().functor) else {
                        return self.not_a_function(function, site);
                    };
                    used = 1;
                    self.call_functor(functor, attrs, *first, site)
                }
                _ => return self.not_a_function(function, site),
            };
            function = value!(answer);
            arguments = arguments.get(used..).unwrap_or_default();
        }
    }

    /// Runs the body of a lambda in its frame; `IS_WHOLE` if no one has seen the call yet.
    #[inline(always)]
    fn run<const IS_WHOLE: bool>(
        &mut self,
        callee: &LambdaCode<'h>,
        frame: &'h Env<'h>,
        site: Site,
    ) -> Answer<'h> {
        if !self.may_enter() {
            return self.run_watched(callee, frame, site, IS_WHOLE);
        }
        self.descend();
        let answer = self.eval(callee.body.get(), frame);
        self.leave();
        match answer.into_result() {
            Ok(value) => value.into(),
            Err(error) => self.failed_call(error, callee, site),
        }
    }

    fn call_lambda(
        &mut self,
        lambda: Lambda<'h>,
        arguments: &[Lazy<'h>],
        site: Site,
    ) -> Answer<'h> {
        let callee = self.code.lambdas.get(lambda.expression);
        let (Some(formals), Some((&last, first))) = (callee.formals, arguments.split_last()) else {
            let frame = Env::call(self.heap, lambda.env, callee.frame_len, arguments, |it| *it);
            return self.run::<false>(callee, frame, site);
        };
        let attrs = match self.formals_set(last, callee, site) {
            Ok(attrs) => attrs,
            Err(error) => return Answer::error(error),
        };
        let given = first.iter().copied().chain([Value::attrs(attrs).into()]);
        let frame = Env::call(self.heap, lambda.env, callee.frame_len, given, |it| it);
        if let Err(error) = self.match_formals(callee, formals, attrs, frame) {
            return Answer::error(self.at_call_site(error, site));
        }
        self.run::<false>(callee, frame, site)
    }

    /// Returns the set that a lambda with formals is given.
    fn formals_set(
        &mut self,
        argument: Lazy<'h>,
        callee: &LambdaCode<'h>,
        site: Site,
    ) -> Result<Attrs<'h>> {
        let step = "while evaluating the value passed for the lambda argument";
        let result = self.force_lazy(argument).and_then(|value| match value.kind() {
            Kind::Attrs(attrs) => Ok(attrs),
            _ => Err(builtins::table::wrong_type(self, "a set", value).frame(
                self.lambda_position(callee),
                FrameKind::Evaluator,
                step,
            )),
        });
        result.map_err(|error| self.at_call_site(error, site))
    }

    /// Fills the slots of the formals from the attributes of the argument.
    fn match_formals(
        &mut self,
        callee: &LambdaCode<'h>,
        formals: Formals<'h>,
        attrs: Attrs<'h>,
        frame: &'h Env<'h>,
    ) -> Result<()> {
        let slots = frame.slots().get(callee.arity as usize..).unwrap_or_default();
        let mut found = 0;
        let mut given = attrs.in_order();
        for ((formal, slot), filled) in
            formals.formals.iter().zip(slots).zip(callee.arity as usize..)
        {
            match given.next(formal.name) {
                Some(given) => {
                    found += 1;
                    slot.fill(self.heap, Lazy::from_slot(given));
                }
                None if formal.default == NO_ID => {
                    return Err(self.missing_argument(callee, formals, attrs));
                }
                None => {
                    let default = Self::delay_inside(self.code, formal.default, frame, filled);
                    slot.fill(self.heap, default);
                }
            }
        }
        if formals.has_ellipsis || found == attrs.len() {
            return Ok(());
        }
        Err(self.unexpected_argument(callee, formals, attrs))
    }

    #[inline]
    fn call_builtin(
        &mut self,
        builtin: &'static builtins::Builtin,
        arguments: &[Lazy<'h>],
        site: Site,
    ) -> Answer<'h> {
        let mut passed = [Lazy::from(Value::NULL); ARITY_MAX];
        let all = passed.iter_mut().zip(arguments).zip(builtin.parameters);
        for ((slot, &argument), parameter) in all {
            *slot = if parameter.is_strict { argument } else { self.share(argument) };
        }
        let passed = passed.get(..arguments.len()).unwrap_or_default();
        self.run_builtin(builtin, passed, site)
    }

    /// Runs a builtin with as many arguments as it takes, the lazy ones of which are shared.
    #[inline(always)]
    fn run_builtin(
        &mut self,
        builtin: &'static builtins::Builtin,
        arguments: &[Lazy<'h>],
        site: Site,
    ) -> Answer<'h> {
        if !self.may_enter()
            && let Err(error) = self.enter_builtin(builtin)
        {
            return Answer::error(error.at(self.site(site)));
        }
        self.descend();
        let result = (builtin.function)(self, arguments);
        self.leave();
        match result {
            Ok(value) => value.into(),
            Err(error) => self.failed_builtin(error, builtin, site),
        }
    }

    /// Returns `lazy` as something that may be stored more than once.
    #[inline(always)]
    fn share(&self, lazy: Lazy<'h>) -> Lazy<'h> {
        if lazy.is_unshared() {
            Lazy::reference(self.heap.arena().alloc(Slot::new(lazy)))
        } else {
            lazy
        }
    }

    fn call_functor(
        &mut self,
        functor: &'h Slot<'h>,
        this: Attrs<'h>,
        argument: Lazy<'h>,
        site: Site,
    ) -> Answer<'h> {
        if let Err(error) = self.enter() {
            return Answer::error(error.at(self.site(site)));
        }
        let position = this.attr(names().functor).map_or(Position::NONE, |attr| attr.position);
        let result = match self.force_from(functor, position) {
            Ok(function) => {
                let arguments = [Value::attrs(this).into(), argument];
                self.call_at(function, &arguments, Site::Position(position)).into_result()
            }
            Err(error) => Err(error),
        };
        self.leave();
        let step = "while calling a functor (an attribute set with a '__functor' attribute)";
        result.map_err(|error| error.frame(self.site(site), FrameKind::Evaluator, step)).into()
    }

    fn partial(&self, function: Value<'h>, arguments: &[Lazy<'h>]) -> Value<'h> {
        let arena = self.heap.arena();
        let arguments =
            arena.alloc_slice_with(arguments.len(), |index| Slot::new(arguments[index]));
        Value::partial(self.heap, Partial { function, arguments })
    }

    #[cold]
    pub(super) fn site(&self, site: Site) -> Position {
        match site {
            Site::Node(id) => self.code.position(id),
            Site::Position(position) => position,
        }
    }

    #[cold]
    pub(super) fn lambda_position(&self, callee: &LambdaCode<'h>) -> Position {
        let offset = callee.offsets.last().copied().unwrap_or_default();
        Position { file: self.code.position(callee.body.get()).file, offset }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn failed_call(
        &self,
        error: Box<EvalError>,
        callee: &LambdaCode<'h>,
        site: Site,
    ) -> Answer<'h> {
        let name = match callee.name {
            Some(name) => format!("while calling '{}'", name.to_text()),
            None => "while calling anonymous lambda".to_owned(),
        };
        let error = error.frame(self.lambda_position(callee), FrameKind::Call, name);
        let position = self.site(site);
        Answer::error(error.called_at(position))
    }

    #[cold]
    #[inline(never)]
    fn failed_builtin(
        &self,
        error: Box<EvalError>,
        builtin: &builtins::Builtin,
        site: Site,
    ) -> Answer<'h> {
        // Builtins that only hand on what happens inside are no step of their own.
        if matches!(builtin.name, "addErrorContext" | "break") {
            return Answer::error(error);
        }
        let position = self.site(site);
        let step = format!("while calling the '{}' builtin", builtin.name);
        Answer::error(error.frame(position, FrameKind::Evaluator, step))
    }

    #[cold]
    fn at_call_site(&self, error: Box<EvalError>, site: Site) -> Box<EvalError> {
        let position = self.site(site);
        if position.is_some() {
            error.frame(position, FrameKind::Evaluator, error::CALL_SITE)
        } else {
            error
        }
    }

    #[cold]
    #[inline(never)]
    fn not_a_function(&mut self, value: Value<'h>, site: Site) -> Answer<'h> {
        let (kind, shown) = (print::show_type(value), print::show(self, value));
        let message =
            format!("attempt to call something which is not a function but {kind}: {shown}");
        Answer::error(EvalError::new(ErrorKind::Type, message).at(self.site(site)))
    }

    #[cold]
    fn missing_argument(
        &self,
        callee: &LambdaCode<'h>,
        formals: Formals<'h>,
        attrs: Attrs<'h>,
    ) -> Box<EvalError> {
        // Of several the oracle names the first in the order of symbols, too.
        let missing = formals
            .formals
            .iter()
            .find(|formal| formal.default == NO_ID && attrs.get(formal.name).is_none());
        let message = format!(
            "function '{}' called without required argument '{}'",
            callee.name.map_or("anonymous lambda".into(), |name| name.to_text()),
            missing.map_or("?".into(), |formal| formal.name.to_text()),
        );
        EvalError::new(ErrorKind::Type, message).at(self.lambda_position(callee))
    }

    #[cold]
    fn unexpected_argument(
        &self,
        callee: &LambdaCode<'h>,
        formals: Formals<'h>,
        attrs: Attrs<'h>,
    ) -> Box<EvalError> {
        let is_formal = |name| formals.formals.iter().any(|formal| formal.name == name);
        let unexpected = attrs.iter(self.heap).find(|attr| !is_formal(attr.name));
        let unexpected = unexpected.map_or("?".into(), |attr| attr.name.to_text());
        let message = format!(
            "function '{}' called with unexpected argument '{}'",
            callee.name.map_or("anonymous lambda".into(), |name| name.to_text()),
            print::shown_name(unexpected.as_bytes()),
        );
        let mut error = EvalError::new(ErrorKind::Type, message).at(self.lambda_position(callee));
        let names: Vec<_> = formals.formals.iter().map(|formal| formal.name.to_text()).collect();
        error.suggestions = suggestion::best_matches(&unexpected, names.iter().map(|name| &**name));
        error
    }
}

/// Returns the error of an attribute that `attrs` lacks, with near misses.
#[cold]
pub(crate) fn missing_attribute<'h>(
    heap: &'h crate::heap::Heap,
    attrs: Attrs<'h>,
    name: crate::heap::Symbol,
) -> Box<EvalError> {
    let name = name.to_text();
    let names: Vec<_> = attrs.iter_by_name(heap).map(|attr| attr.name.to_text()).collect();
    let near = suggestion::best_matches(&name, names.iter().map(|name| &**name));
    error::missing_attribute(&name, near)
}
