//! The evaluator: expressions to values.
//!
//! [`Eval`] is what every part that evaluates is given: it forces slots, calls functions, imports
//! files, and knows the heap, the host, the store and the settings. Its inner loop walks the IR;
//! results travel as an [`Answer`] in two registers, and whatever only errors need is looked up
//! when there is one.

mod call;
mod file;
mod host;
mod lambda_info;
mod load;
mod observed;
mod operator;
mod place;
mod select;
mod set;
mod stack;
mod trivial;
mod variables;
mod watched;

use rustc_hash::FxHashMap;
use store::Store;

use crate::embedded;
use crate::error::{self, ErrorKind, EvalError, FrameKind, Result};
use crate::heap::{Answer, Attrs, Env, Heap, Lazy, Slot, SlotState, Value};
use crate::ir::{Code, Id, NO_ID, Node};
use crate::known::Known;
use crate::names::names;
use crate::settings::Settings;
use crate::source::{Origin, Position, SourcePath};
use crate::system::System;
use crate::watch::{Watcher, add};

pub(crate) use file::Links;
pub use lambda_info::{Formal, LambdaInfo};
use observed::Observer;
pub(crate) use observed::{Group, Subject, is_definition};
pub use stack::on_large_stack;
pub use variables::Variables;
use watched::watched_code;

/// One evaluation in progress.
pub struct Eval<'h> {
    heap: &'h Heap,
    code: &'h Code<'h>,
    system: &'h dyn System,
    store: &'h dyn Store,
    settings: &'h Settings,
    /// What was found out about the store so far.
    pub(crate) known: Known<'h>,
    /// The memory of trees.
    buffers: syntax::Buffers,
    /// The frame outside all files.
    outermost: &'h Env<'h>,
    /// The set `builtins`, once somebody needed it.
    builtins: Option<Value<'h>>,
    /// The function `derivation`, once somebody needed it.
    derivation: Option<Value<'h>>,
    /// What `functionArgs` says of a lambda, by its index.
    pub(crate) function_args: FxHashMap<u32, Attrs<'h>>,
    /// The value of each file imported so far, by the file's path after links.
    files: FxHashMap<SourcePath, &'h Slot<'h>>,
    /// The file that each imported path leads to.
    imported: FxHashMap<SourcePath, SourcePath>,
    lines: file::Lines,
    limits: stack::Limits,
    /// Room for strings under construction.
    scratch: Vec<u8>,
    /// Who watches the evaluation, if anybody does.
    watcher: Option<Box<Watcher>>,
    /// What is noted of where values come from, if it is.
    observer: Option<Box<Observer<'h>>>,
}

/// Returns the value of an [`Answer`], or returns the error from the function around.
macro_rules! value {
    ($answer:expr) => {
        match $answer.into_result() {
            Ok(value) => value,
            Err(error) => return Answer::error(error),
        }
    };
    ($answer:expr, $error:ident => $with:expr) => {
        match $answer.into_result() {
            Ok(value) => value,
            Err($error) => return Answer::error($with),
        }
    };
}
use value;

/// Tells a slot from all others.
fn knot(slot: &Slot<'_>) -> usize {
    std::ptr::from_ref(slot).addr()
}

impl<'h> Eval<'h> {
    /// Returns an evaluation that has seen nothing yet.
    pub fn new(
        heap: &'h Heap,
        system: &'h dyn System,
        store: &'h dyn Store,
        settings: &'h Settings,
    ) -> Eval<'h> {
        // The language's own names come before any that a file brings.
        names();
        let mut eval = Eval {
            heap,
            code: heap.keep(watched_code(settings)),
            system,
            store,
            settings,
            known: Known::default(),
            buffers: syntax::Buffers::default(),
            outermost: Env::new(heap, None, 0),
            builtins: None,
            derivation: None,
            function_args: FxHashMap::default(),
            files: FxHashMap::default(),
            imported: FxHashMap::default(),
            lines: file::Lines::default(),
            limits: stack::Limits::new(settings),
            scratch: Vec::new(),
            watcher: settings.watch.is_any().then(|| Box::new(Watcher::new(settings.watch))),
            observer: None,
        };
        eval.allow_search_path();
        eval
    }

    /// Parses `text` and evaluates it to weak head normal form.
    ///
    /// # Errors
    ///
    /// A syntax error, an undefined variable, or whatever evaluation meets.
    pub fn evaluate(&mut self, origin: Origin, text: &[u8]) -> Result<Value<'h>> {
        let root = self.load(origin, text.to_vec(), &[])?;
        self.eval(root, self.outermost).into_result()
    }

    /// Parses `text` and returns what evaluates it once it is forced.
    ///
    /// # Errors
    ///
    /// A syntax error, or an undefined variable.
    pub fn suspend(&mut self, origin: Origin, text: &[u8]) -> Result<Lazy<'h>> {
        let root = self.load(origin, text.to_vec(), &[])?;
        Ok(Lazy::thunk(root, self.outermost))
    }

    /// Returns the heap that values live in.
    #[inline(always)]
    pub fn heap(&self) -> &'h Heap {
        self.heap
    }

    /// Returns the host.
    pub fn system(&self) -> &'h dyn System {
        self.system
    }

    /// Returns the store.
    pub fn store(&self) -> &'h dyn Store {
        self.store
    }

    /// Returns the settings.
    pub fn settings(&self) -> &'h Settings {
        self.settings
    }

    /// Returns the value of `slot` in weak head normal form, and remembers it there.
    ///
    /// # Errors
    ///
    /// Whatever evaluation meets; the slot remembers that, too.
    #[inline]
    pub fn force(&mut self, slot: &'h Slot<'h>) -> Result<Value<'h>> {
        self.force_slot(slot).into_result()
    }

    /// As [`Eval::force`], from a place that errors name where a call that the slot holds is made,
    /// or where the value needs itself.
    ///
    /// # Errors
    ///
    /// As [`Eval::force`].
    pub(crate) fn force_from(&mut self, slot: &'h Slot<'h>, place: Position) -> Result<Value<'h>> {
        let apply = match slot.state() {
            SlotState::Apply(apply) => Ok(apply),
            SlotState::Mapped(mapped) => Err(mapped),
            SlotState::Reference(slot) => return self.force_from(slot, place),
            _ => return self.force(slot).map_err(|error| error.needed_at(place)),
        };
        self.limits.check_stack()?;
        slot.claim();
        let region = self.heap.begin_region();
        let answer = match apply {
            Ok(apply) => self.force_apply(apply, place),
            Err(mapped) => self.force_mapped(mapped, place),
        };
        match self.heap.end_region(region, answer).into_result() {
            Ok(value) => {
                self.fill(slot, value);
                Ok(value)
            }
            Err(error) => self.fail(slot, None, error).into_result(),
        }
    }

    /// Returns the value of `lazy`; forces the slot it refers to, or evaluates it.
    #[inline]
    pub fn force_lazy(&mut self, lazy: Lazy<'h>) -> Result<Value<'h>> {
        match lazy.value() {
            Some(value) => Ok(value),
            None => self.force_state(lazy).into_result(),
        }
    }

    /// As [`Eval::force_lazy`], one level deeper: for native code that recurses over values.
    ///
    /// # Errors
    ///
    /// As [`Eval::force_lazy`], and when calls are nested too deeply.
    #[inline]
    pub(crate) fn force_inner(&mut self, lazy: Lazy<'h>) -> Result<Value<'h>> {
        match lazy.value() {
            Some(value) => self.check_depth(Position::NONE).map(|()| value),
            None => self.deeper(|eval| eval.force_state(lazy).into_result()),
        }
    }

    /// Returns the set `builtins`.
    pub fn builtins(&mut self) -> Result<Value<'h>> {
        if let Some(builtins) = self.builtins {
            return Ok(builtins);
        }
        let stays = self.heap.permanently();
        let builtins = crate::builtins::constants::builtins_set(self)?;
        drop(stays);
        self.builtins = Some(builtins);
        Ok(builtins)
    }

    /// Returns the function `derivation`.
    pub fn derivation(&mut self) -> Result<Value<'h>> {
        if let Some(derivation) = self.derivation {
            return Ok(derivation);
        }
        let derivation = self.import(&embedded::derivation_wrapper())?;
        self.derivation = Some(derivation);
        Ok(derivation)
    }

    #[inline(always)]
    fn force_slot(&mut self, slot: &'h Slot<'h>) -> Answer<'h> {
        match slot.resolve(self.heap) {
            Some(value) => value.into(),
            None => self.force_thunk(slot),
        }
    }

    #[inline(never)]
    fn force_thunk(&mut self, slot: &'h Slot<'h>) -> Answer<'h> {
        let SlotState::Suspended(expression, env) = slot.state() else {
            return self.force_other(slot);
        };
        if let Node::Lambda(index) = *self.code.nodes.get(expression) {
            let function = lambda(index, env);
            slot.fill(self.heap, function.into());
            return function.into();
        }
        if let Err(error) = self.limits.check_stack() {
            return Answer::error(error);
        }
        slot.claim();
        let region = self.heap.begin_region();
        let answer = self.eval(expression, env);
        match self.heap.end_region(region, answer).into_result() {
            Ok(value) => {
                slot.fill(self.heap, value.into());
                value.into()
            }
            Err(error) => self.fail(slot, Some(expression), error),
        }
    }

    /// Forces a slot that holds no expression.
    #[inline(never)]
    fn force_other(&mut self, slot: &'h Slot<'h>) -> Answer<'h> {
        let call = match slot.state() {
            SlotState::Forced(value) => return self.force_held(slot, value),
            SlotState::Suspended(..) => return self.force_thunk(slot),
            SlotState::Observed(id, env) => return self.force_observed(slot, id, env),
            SlotState::Reference(target) => {
                let value = value!(self.force_slot(target));
                if !value.has_identity() && self.observer.is_none() {
                    slot.fill(self.heap, value.into());
                }
                return value.into();
            }
            SlotState::Apply(apply) => Ok(apply),
            SlotState::Mapped(mapped) => Err(mapped),
            SlotState::Blackhole => return Answer::error(error::infinite_recursion(knot(slot))),
            SlotState::Failed(error) => return Answer::error(Box::new(error.clone())),
        };
        if let Err(error) = self.limits.check_stack() {
            return Answer::error(error);
        }
        slot.claim();
        let region = self.heap.begin_region();
        let answer = match call {
            Ok(apply) => self.force_apply(apply, Position::NONE),
            Err(mapped) => self.force_mapped(mapped, Position::NONE),
        };
        match self.heap.end_region(region, answer).into_result() {
            Ok(value) => {
                self.fill(slot, value);
                value.into()
            }
            Err(error) => self.fail(slot, None, error),
        }
    }

    /// Fills a slot that was an application.
    #[inline(always)]
    fn fill(&mut self, slot: &'h Slot<'h>, value: Value<'h>) {
        if self.observer.is_none() {
            slot.fill(self.heap, value.into());
        } else {
            self.fill_observed(slot, value);
        }
    }

    /// Remembers `error` in `slot`, which held the expression `place`, if any.
    #[cold]
    #[inline(never)]
    fn fail(
        &mut self,
        slot: &'h Slot<'h>,
        place: Option<Id>,
        mut error: Box<EvalError>,
    ) -> Answer<'h> {
        if error.kind == ErrorKind::InfiniteRecursion {
            let place = place.map_or(Position::NONE, |id| self.code.position(id));
            error.add_to_cycle(knot(slot), place);
        }
        if error.kind == ErrorKind::Cancelled || self.may_be_asked_again(&error) {
            // It did not fail: who goes on afterwards may ask again.
            slot.release();
            return Answer::error(error);
        }
        slot.fill(self.heap, Lazy::failed(self.heap.keep((*error).clone())));
        Answer::error(error)
    }

    /// Evaluates what no slot holds.
    #[inline(never)]
    fn force_state(&mut self, lazy: Lazy<'h>) -> Answer<'h> {
        match lazy.state() {
            SlotState::Forced(value) => value.into(),
            SlotState::Reference(slot) => self.force_slot(slot),
            SlotState::Suspended(expression, env) => {
                if let Err(error) = self.limits.check_stack() {
                    return Answer::error(error);
                }
                self.eval(expression, env)
            }
            SlotState::Observed(id, env) => self.eval_observed(id, env),
            SlotState::Apply(apply) => self.force_apply(apply, Position::NONE),
            SlotState::Mapped(mapped) => self.force_mapped(mapped, Position::NONE),
            SlotState::Blackhole => Answer::error(error::infinite_recursion(0)),
            SlotState::Failed(error) => Answer::error(Box::new(error.clone())),
        }
    }

    /// Forces the slot of a variable or attribute for the node `id`, which infinite recursion is
    /// reported at.
    #[inline(always)]
    fn force_for(&mut self, slot: &'h Slot<'h>, id: Id) -> Answer<'h> {
        match slot.resolve(self.heap) {
            Some(value) => value.into(),
            None => self.force_thunk_for(slot, id),
        }
    }

    #[inline(never)]
    fn force_thunk_for(&mut self, slot: &'h Slot<'h>, id: Id) -> Answer<'h> {
        match self.force_thunk(slot).into_result() {
            Ok(value) => value.into(),
            Err(error) => self.at_recursion(error, id),
        }
    }

    #[cold]
    #[inline(never)]
    fn at_recursion(&self, error: Box<EvalError>, id: Id) -> Answer<'h> {
        Answer::error(error.needed_at(self.code.position(id)))
    }

    /// Returns the slot of a variable.
    #[inline(always)]
    fn local(env: &'h Env<'h>, level: u32, index: u32) -> &'h Slot<'h> {
        let mut env = env;
        for _ in 0..level {
            env = env.up().expect("lowering counts the frames that there are");
        }
        env.slots().get(index as usize).expect("lowering counts the slots that there are")
    }

    #[inline(always)]
    fn thunk(code: &'h Code<'h>, id: Id, env: &'h Env<'h>) -> Lazy<'h> {
        if code.tally.is_on.get() {
            return Self::noted_thunk(code, id, env);
        }
        Lazy::thunk(id, env)
    }

    /// Returns what goes into a slot for an expression that is not needed yet.
    #[inline(always)]
    fn delay(code: &'h Code<'h>, id: Id, env: &'h Env<'h>) -> Lazy<'h> {
        match *code.nodes.get(id) {
            Node::Constant(index) => (*code.constants.get(index)).into(),
            Node::Local { level, index } => Lazy::from_slot(Self::local(env, level, index)),
            _ => Self::thunk(code, id, env),
        }
    }

    /// As [`Eval::delay`], where only the slots of the innermost frame below `filled` are filled.
    #[inline(always)]
    fn delay_inside(code: &'h Code<'h>, id: Id, env: &'h Env<'h>, filled: usize) -> Lazy<'h> {
        match *code.nodes.get(id) {
            Node::Constant(index) => (*code.constants.get(index)).into(),
            Node::Local { level, index } if level > 0 || (index as usize) < filled => {
                Lazy::from_slot(Self::local(env, level, index))
            }
            _ => Self::thunk(code, id, env),
        }
    }

    /// Returns what goes into the slot of an argument: as [`Eval::delay`], but adding to or
    /// subtracting from a known integer is done at once, which is cheaper than to remember it and
    /// cannot fail.
    #[inline(always)]
    fn delay_argument(code: &'h Code<'h>, id: Id, env: &'h Env<'h>) -> Lazy<'h> {
        let (lhs, rhs, sign) = match *code.nodes.get(id) {
            Node::Add(lhs, rhs) => (lhs, rhs, 1),
            Node::Subtract(lhs, rhs) => (lhs, rhs, -1),
            _ => return Self::delay(code, id, env),
        };
        if let Node::Local { level, index } = *code.nodes.get(lhs)
            && let Node::Constant(constant) = *code.nodes.get(rhs)
            && let Some(a) = Self::local(env, level, index).value_through().and_then(Value::as_int)
            && let Some(b) = code.constants.get(constant).as_int()
            && let Some(result) = b.checked_mul(sign).and_then(|b| a.checked_add(b))
        {
            return Value::int(result).into();
        }
        Self::thunk(code, id, env)
    }

    /// Evaluates an operand: the common cases without another turn of the loop.
    #[inline(always)]
    fn operand(&mut self, id: Id, env: &'h Env<'h>) -> Answer<'h> {
        match *self.code.nodes.get(id) {
            Node::Constant(index) => (*self.code.constants.get(index)).into(),
            Node::Local { level, index } => self.force_for(Self::local(env, level, index), id),
            _ => self.eval(id, env),
        }
    }

    /// Evaluates a node in a frame.
    ///
    /// What takes more than a look is a function of its own for each kind of node, called last:
    /// so none pays for the registers and the stack that another needs, and this none at all.
    pub(crate) fn eval(&mut self, id: Id, env: &'h Env<'h>) -> Answer<'h> {
        match *self.code.nodes.get(id) {
            Node::Constant(index) => (*self.code.constants.get(index)).into(),
            Node::Local { level, index } => self.force_for(Self::local(env, level, index), id),
            Node::Lambda(index) => lambda(index, env).into(),
            Node::Apply { function, arguments, count } => {
                self.eval_apply(id, env, function, arguments, count)
            }
            Node::If { condition, yes, no } => self.eval_if(id, env, condition, yes, no),
            Node::Select { subject, name } => self.select_node(id, subject, name, env),
            Node::SelectOr { subject, name, default } => {
                self.select_or(id, subject, name, default, env)
            }
            Node::SelectPath { subject, path, default } => {
                self.eval_select_path(id, env, subject, path, default)
            }
            Node::LetHere { index, body } => self.eval_let_here(index, body, env),
            Node::Let { index, body } => self.eval_let(index, body, env),
            Node::With { set, body } => self.eval_with(set, body, env),
            Node::Assert { condition, body } => self.eval_assert(id, env, condition, body),
            Node::And(lhs, rhs) => self.and(id, lhs, rhs, env),
            Node::Or(lhs, rhs) => self.or(id, lhs, rhs, env),
            Node::Implies(lhs, rhs) => self.implies(id, lhs, rhs, env),
            Node::Not(operand) => self.not(operand, env),
            Node::Less(lhs, rhs) => self.less(id, lhs, rhs, env, true),
            Node::NotLess(lhs, rhs) => self.less(id, lhs, rhs, env, false),
            Node::Equal(lhs, rhs) => self.equal_nodes(lhs, rhs, env, true),
            Node::NotEqual(lhs, rhs) => self.equal_nodes(lhs, rhs, env, false),
            Node::Add(lhs, rhs) => self.add(id, lhs, rhs, env),
            Node::Subtract(lhs, rhs) => self.subtract(id, lhs, rhs, env),
            Node::Set(index) => self.new_set(self.code.sets.get(index), env),
            Node::RecursiveSet(index) => self.new_recursive_set(self.code.sets.get(index), env),
            Node::List { elements, count } => self.new_list(elements, count, env),
            Node::WithVariable { name, levels, count } => {
                self.with_variable(id, name, self.code.extra.slice(levels, count), env)
            }
            Node::HasAttr { subject, path } => self.has_attr(subject, path, env),
            Node::Update(lhs, rhs) => self.update(lhs, rhs, env),
            Node::Interpolate { parts, count } => {
                self.interpolate(id, self.code.extra.slice(parts, count), env)
            }
            Node::Deferred(deferred) => match self.code.read.get(deferred.place).id() {
                NO_ID => self.eval_rest(id, env),
                id => self.eval(id, env),
            },
            _ => self.eval_rest(id, env),
        }
    }

    #[inline(never)]
    fn eval_if(&mut self, id: Id, env: &'h Env<'h>, condition: Id, yes: Id, no: Id) -> Answer<'h> {
        const STEP: &str = "while evaluating a branch condition";
        let condition = value!(self.condition(condition, env, id, STEP));
        self.eval(if condition.as_bool() == Some(true) { yes } else { no }, env)
    }

    #[inline(never)]
    fn eval_select_path(
        &mut self,
        id: Id,
        env: &'h Env<'h>,
        subject: Id,
        path: u32,
        default: Id,
    ) -> Answer<'h> {
        match self.select_path(id, subject, path, default, env) {
            Some(answer) => answer,
            None => self.eval(default, env),
        }
    }

    #[inline(never)]
    fn eval_let_here(&mut self, index: u32, body: Id, env: &'h Env<'h>) -> Answer<'h> {
        self.fill_let(self.code.lets.get(index), env);
        self.eval(body, env)
    }

    #[inline(never)]
    fn eval_let(&mut self, index: u32, body: Id, env: &'h Env<'h>) -> Answer<'h> {
        let env = self.new_let(self.code.lets.get(index), env);
        self.eval(body, env)
    }

    #[inline(never)]
    fn eval_with(&mut self, set: Id, body: Id, env: &'h Env<'h>) -> Answer<'h> {
        let content = Self::delay(self.code, set, env);
        let env = Env::with(self.heap, Some(env), 1, |_| content);
        self.eval(body, env)
    }

    #[inline(never)]
    fn eval_assert(&mut self, id: Id, env: &'h Env<'h>, condition: Id, body: Id) -> Answer<'h> {
        const STEP: &str = "in the condition of the assert statement";
        if value!(self.condition(condition, env, id, STEP)).as_bool() != Some(true) {
            return self.assertion_failed(id, condition, env);
        }
        self.eval(body, env)
    }

    #[inline(never)]
    fn new_list(&mut self, elements: u32, count: u32, env: &'h Env<'h>) -> Answer<'h> {
        let code = self.code;
        let ids = code.extra.slice(elements, count);
        if code.tally.is_on.get() {
            add(&code.tally.list_elements, ids.len());
        }
        Value::list(
            self.heap
                .arena()
                .alloc_slice_with(ids.len(), |index| Slot::new(Self::delay(code, ids[index], env))),
        )
        .into()
    }

    /// Evaluates the nodes that are rare.
    #[inline(never)]
    fn eval_rest(&mut self, id: Id, env: &'h Env<'h>) -> Answer<'h> {
        let code = self.code;
        match *code.nodes.get(id) {
            Node::Builtins => self.builtins().into(),
            Node::Derivation => self.derivation().into(),
            Node::Multiply(lhs, rhs) => self.arithmetic(id, operator::MULTIPLY, lhs, rhs, env),
            Node::Divide(lhs, rhs) => self.arithmetic(id, operator::DIVIDE, lhs, rhs, env),
            Node::Concat(lhs, rhs) => self.concat(id, lhs, rhs, env),
            Node::InterpolatePath { parts, count } => {
                self.interpolate_path(id, code.extra.slice(parts, count), env)
            }
            Node::CurrentPosition => {
                let position = code.position(id);
                self.position_value(position).into()
            }
            Node::HomePath(index) => self.home_path(id, index),
            Node::Observe(plain) => self.observe(plain, env),
            Node::Deferred(deferred) => match self.deferred(id, deferred) {
                Ok(id) => self.eval(id, env),
                Err(error) => Answer::error(error),
            },
            _ => unreachable!("`eval` handles the other nodes"),
        }
    }

    /// Evaluates a condition of the node `at`; the answer is a boolean or an error.
    #[inline(always)]
    fn condition(&mut self, id: Id, env: &'h Env<'h>, at: Id, step: &str) -> Answer<'h> {
        let answer = match *self.code.nodes.get(id) {
            Node::Constant(index) => (*self.code.constants.get(index)).into(),
            Node::Local { level, index } => self.force_for(Self::local(env, level, index), id),
            Node::Apply { .. } => self.eval(id, env),
            _ => {
                let region = self.heap.begin_region();
                let answer = self.eval(id, env);
                self.heap.end_region(region, answer)
            }
        };
        match answer.into_result() {
            Ok(value) if value.as_bool().is_some() => value.into(),
            other => self.no_condition(other, at, step),
        }
    }

    #[cold]
    #[inline(never)]
    fn no_condition(&mut self, result: Result<Value<'h>>, at: Id, step: &str) -> Answer<'h> {
        let position = self.own_place(at);
        let error = match result {
            Ok(value) => crate::builtins::table::wrong_type(self, "a Boolean", value).at(position),
            Err(error) => error,
        };
        Answer::error(error.frame(position, FrameKind::Evaluator, step))
    }

    /// Adds a step of the evaluator, at a node, to an error.
    #[cold]
    #[inline(never)]
    fn step(&self, error: Box<EvalError>, id: Id, text: impl Into<String>) -> Box<EvalError> {
        error.frame(self.code.position(id), FrameKind::Evaluator, text)
    }

    #[cold]
    #[inline(never)]
    fn assertion_failed(&mut self, id: Id, condition: Id, env: &'h Env<'h>) -> Answer<'h> {
        let position = self.code.position(id);
        let shown = self.show_condition(position);
        if let Node::Equal(lhs, rhs) = *self.code.nodes.get(condition) {
            let lhs = value!(self.eval(lhs, env));
            let rhs = value!(self.eval(rhs, env));
            if let Err(error) = crate::equal::assert_equal(self, lhs, rhs) {
                if !error.is_catchable() {
                    return Answer::error(error);
                }
                let step = format!("while evaluating the condition of the assertion '{shown}'");
                return Answer::error(error.frame(position, FrameKind::Evaluator, step));
            }
        }
        Answer::error(error::assertion_failed(format!("assertion '{shown}' failed")).at(position))
    }
}

#[inline(always)]
fn lambda<'h>(index: u32, env: &'h Env<'h>) -> Value<'h> {
    Value::lambda(crate::heap::Lambda { expression: index, env })
}
