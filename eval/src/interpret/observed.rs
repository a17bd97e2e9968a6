//! Evaluation that takes note of where values come from.
//!
//! Once an error of a module system is known, what led to it is evaluated again, observed: every
//! expression that is handed on becomes a thunk, constants and variables too; a value stays in
//! the slot that it was made for, and is referred to rather than copied. So whatever the library
//! makes of a definition, its value leads back to the expressions that it came from: where it was
//! selected, passed and at last written. An evaluation that is not observed pays nothing for this.
//!
//! When the library throws an error, the definitions that it looks at are in the variables around:
//! sets of `file` and `value`, in every release.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Eval, value};
use crate::builtins;
use crate::error::{ErrorKind, EvalError};
use crate::heap::{Answer, Attrs, Env, Heap, Kind, Lazy, Slot, SlotState, Value};
use crate::ir::{Code, Id, Node};
use crate::module_error;
use crate::settings::Settings;
use crate::source::Position;
use crate::system::System;
use crate::watch::add;
use store::Store;

/// How many frames around an error are looked at.
const FRAMES_MAX: usize = 16;
/// How many expressions a value may have come through.
const STEPS_MAX: usize = 64;
/// No origin.
const NOTHING: u32 = u32::MAX;

/// What made a value, or handed it on.
#[derive(Clone, Copy)]
enum Maker<'h> {
    /// An expression.
    Node(Id),
    /// An attribute whose name the value is: its place, and what it holds, which tells the place
    /// where a function has made the set.
    Name(Position, &'h Slot<'h>),
}

#[derive(Clone, Copy)]
struct Origin<'h> {
    maker: Maker<'h>,
    /// The origin of what the expression took the value from.
    next: u32,
}

/// Where values come from, and what errors are about.
#[derive(Default)]
pub(super) struct Observer<'h> {
    origins: Vec<Origin<'h>>,
    /// The value that was evaluated last, and its origin.
    last: Option<(Value<'h>, Origin<'h>)>,
    /// The expressions of slots that failed, by their addresses.
    failed: FxHashMap<usize, Id>,
    /// Module systems that something was selected from, in this order.
    systems: Vec<Attrs<'h>>,
    /// By the message of an error of a module system: what it is about.
    subjects: BTreeMap<String, Subject<'h>>,
    /// Whether names that no module declares are noted, but stop nothing.
    is_lenient: bool,
    /// The error that is looked into.
    first: Option<EvalError>,
}

/// Definitions or declarations that are together.
#[derive(Clone)]
pub(crate) enum Group<'h> {
    /// A list that may be of something else.
    List(&'h [Slot<'h>]),
    /// The variables of a frame.
    Frame(Vec<Attrs<'h>>),
}

/// What an error of a module system is about, as the variables around it tell.
#[derive(Clone)]
pub(crate) struct Subject<'h> {
    /// Lists that may be of definitions or declarations, and single ones of a frame; the innermost
    /// first.
    pub(crate) groups: Vec<Group<'h>>,
    /// The origin of the name that the error is about.
    pub(crate) name: Option<u32>,
    /// Where the error is thrown, which is in the module library.
    pub(crate) thrown_at: Position,
}

impl<'h> Observer<'h> {
    fn keep(&mut self, origin: Origin<'h>) -> u32 {
        // A variable that was kept already is its own origin.
        if let (Maker::Node(id), Some(Origin { maker: Maker::Node(last), .. })) =
            (origin.maker, self.origins.last())
            && id == *last
            && origin.next as usize == self.origins.len() - 1
        {
            return origin.next;
        }
        let number = self.origins.len() as u32;
        self.origins.push(origin);
        number
    }

    /// Returns the origin of `value` if it was evaluated last.
    fn origin_of(&mut self, value: Value<'h>) -> u32 {
        match self.last {
            Some((last, origin)) if last.has_words_of(value) => self.keep(origin),
            _ => NOTHING,
        }
    }
}

impl<'h> Eval<'h> {
    /// Returns an evaluation that takes note of where values come from.
    pub fn observing(
        heap: &'h Heap,
        system: &'h dyn System,
        store: &'h dyn Store,
        settings: &'h Settings,
    ) -> Eval<'h> {
        let mut eval = Eval::new(heap, system, store, settings);
        // Slots are told by their addresses, so that none is given back.
        heap.keep_all();
        eval.code.is_observed.set(true);
        eval.code.tally.is_on.set(true);
        eval.watch_calls();
        eval.observer = Some(Box::default());
        eval
    }

    /// Whether it is noted where values come from.
    pub fn is_observing(&self) -> bool {
        self.observer.is_some()
    }

    /// Has the evaluation look into an error: it ends where the module system is selected from, as
    /// what is wrong with it can be asked for then.
    pub fn look_into(&mut self, error: &EvalError) {
        if let Some(observer) = &mut self.observer {
            observer.first = Some(error.clone());
        }
    }

    /// Returns the error that is looked into.
    pub fn looked_into(&self) -> Option<&EvalError> {
        self.observer.as_ref()?.first.as_ref()
    }

    /// Whether it was noted what an error is about.
    pub(crate) fn has_noted(&self, error: &EvalError) -> bool {
        self.observer.as_ref().is_some_and(|it| it.subjects.contains_key(&error.message))
    }

    /// From now on definitions of what no module declares stop nothing; they are noted as ever.
    pub(crate) fn be_lenient(&mut self) {
        if let Some(observer) = &mut self.observer {
            observer.is_lenient = true;
        }
    }

    /// Whether a failure is not remembered, because what stopped the evaluation will not any more.
    pub(super) fn may_be_asked_again(&self, error: &EvalError) -> bool {
        self.observer.is_some() && is_of_unknown_name(error)
    }

    /// Takes note of a set that something is selected from, if it is a module system.
    pub(super) fn note_system(&mut self, attrs: Attrs<'h>) {
        const SYSTEMS_MAX: usize = 64;
        let Some(observer) = &mut self.observer else { return };
        let is_system = attrs.named(b"options").is_some() && attrs.named(b"config").is_some();
        if !is_system || observer.systems.len() >= SYSTEMS_MAX {
            return;
        }
        let is_same = |it: &Attrs<'h>| Value::attrs(*it).has_words_of(Value::attrs(attrs));
        if !observer.systems.iter().any(is_same) {
            observer.systems.push(attrs);
        }
    }

    /// Returns the module systems that something was selected from, in this order.
    pub(crate) fn systems(&self) -> Vec<Attrs<'h>> {
        self.observer.as_ref().map(|it| it.systems.clone()).unwrap_or_default()
    }

    /// Returns the messages of errors that were noted.
    pub(crate) fn noted(&self) -> Vec<String> {
        let observer = self.observer.as_ref();
        observer.map(|it| it.subjects.keys().cloned().collect()).unwrap_or_default()
    }

    /// Takes note of what an error with this message is about.
    pub(crate) fn note(&mut self, message: &str, subject: Subject<'h>) {
        if let Some(observer) = &mut self.observer {
            observer.subjects.entry(message.to_owned()).or_insert(subject);
        }
    }

    /// Returns what the error of a module system with this message is about.
    pub(crate) fn subject(&self, message: &str) -> Option<Subject<'h>> {
        self.observer.as_ref()?.subjects.get(message).cloned()
    }

    /// Returns the places that the value of a slot came through, the outermost first.
    pub(crate) fn origins(&mut self, slot: &'h Slot<'h>) -> Vec<Position> {
        let mut places = self.waiting(slot);
        if let Some(observer) = &mut self.observer {
            observer.last = None;
        }
        if let Ok(value) = self.force(slot)
            && let Some(observer) = &mut self.observer
        {
            let origin = observer.origin_of(value);
            let made = self.places_from(origin);
            if !made.is_empty() {
                places = made;
            }
        }
        places
    }

    /// Returns the place of the expression that a slot holds or held, if it has no value.
    fn waiting(&self, slot: &'h Slot<'h>) -> Vec<Position> {
        let mut slot = slot;
        loop {
            let id = match slot.state() {
                SlotState::Reference(target) => {
                    slot = target;
                    continue;
                }
                SlotState::Observed(id, _) | SlotState::Suspended(id, _) => Some(id),
                SlotState::Failed(_) => {
                    let failed = self.observer.as_ref().map(|observer| &observer.failed);
                    failed.and_then(|failed| failed.get(&super::knot(slot))).copied()
                }
                _ => None,
            };
            return id.map(|id| self.code.position(id)).into_iter().collect();
        }
    }

    /// Returns the places that a value with this origin came through, the outermost first.
    pub(crate) fn places_from(&mut self, origin: u32) -> Vec<Position> {
        let mut places = Vec::new();
        let mut next = origin;
        while places.len() < STEPS_MAX {
            let observer = self.observer.as_ref();
            let Some(origin) = observer.and_then(|it| it.origins.get(next as usize)) else { break };
            let Origin { maker, next: inner } = *origin;
            match maker {
                Maker::Node(id) => places.push(self.code.position(id)),
                Maker::Name(position, slot) => {
                    places.extend(position.is_some().then_some(position));
                    places.extend(self.origins_within(slot));
                }
            }
            next = inner;
        }
        places
    }

    /// Returns the places of what `mkIf`, `mkOverride` and their like hold, level by level.
    pub(crate) fn origins_within(&mut self, slot: &'h Slot<'h>) -> Vec<Position> {
        const LEVELS_MAX: usize = 8;
        let (mut slot, mut places) = (slot, Vec::new());
        for _ in 0..LEVELS_MAX {
            places.extend(self.origins(slot));
            let Ok(value) = self.force(slot) else { break };
            let Some(attrs) = value.as_attrs().filter(|it| it.named(b"_type").is_some()) else {
                break;
            };
            let Some(content) = attrs.named(b"content") else { break };
            slot = content;
        }
        places
    }

    /// Returns the names of attributes as strings that lead back to the attributes.
    pub(crate) fn observed_names(&mut self, attrs: Attrs<'h>, slots: &'h [Slot<'h>]) {
        let Some(observer) = &mut self.observer else { return };
        for (attr, slot) in attrs.iter_by_name(self.heap).zip(slots) {
            let Some(value) = slot.value() else { continue };
            let maker = Maker::Name(attr.position, attr.slot);
            let number = observer.keep(Origin { maker, next: NOTHING });
            slot.hold(self.heap, value, number);
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn noted_thunk(code: &'h Code<'h>, id: Id, env: &'h Env<'h>) -> Lazy<'h> {
        add(&code.tally.thunks, 1);
        if code.is_observed.get() { Lazy::observed(id, env) } else { Lazy::thunk(id, env) }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn force_held(&mut self, slot: &'h Slot<'h>, value: Value<'h>) -> Answer<'h> {
        if let (Some(observer), Some(number)) = (&mut self.observer, slot.origin())
            && let Some(origin) = observer.origins.get(number as usize)
        {
            observer.last = Some((value, *origin));
        }
        value.into()
    }

    #[cold]
    #[inline(never)]
    pub(super) fn force_observed(
        &mut self,
        slot: &'h Slot<'h>,
        id: Id,
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        if let Err(error) = self.limits.check_stack() {
            return Answer::error(error);
        }
        slot.claim();
        match self.eval_observed(id, env).into_result() {
            Ok(value) => {
                if let Some(observer) = &mut self.observer {
                    let number = observer.origin_of(value);
                    slot.hold(self.heap, value, number);
                }
                value.into()
            }
            Err(error) => {
                if let Some(observer) = &mut self.observer {
                    observer.failed.insert(super::knot(slot), id);
                }
                self.fail(slot, Some(id), error)
            }
        }
    }

    /// Evaluates an expression and notes that its value came through it.
    #[cold]
    #[inline(never)]
    pub(super) fn eval_observed(&mut self, id: Id, env: &'h Env<'h>) -> Answer<'h> {
        if let Err(error) = self.limits.check_stack() {
            return Answer::error(error);
        }
        let value = value!(self.eval(id, env));
        let node = *self.code.nodes.get(id);
        // Such an expression has taken note itself.
        if matches!(node, Node::Observe(_)) {
            return value.into();
        }
        let leads_on = leads_on(node);
        if let Some(observer) = &mut self.observer {
            let next = if leads_on { observer.origin_of(value) } else { NOTHING };
            observer.last = Some((value, Origin { maker: Maker::Node(id), next }));
        }
        value.into()
    }

    /// Evaluates a constant or a variable and notes that its value came through it.
    #[cold]
    #[inline(never)]
    pub(super) fn observe(&mut self, plain: Id, env: &'h Env<'h>) -> Answer<'h> {
        let value = value!(self.eval(plain, env));
        let leads_on = leads_on(*self.code.nodes.get(plain));
        if let Some(observer) = &mut self.observer {
            let next = if leads_on { observer.origin_of(value) } else { NOTHING };
            observer.last = Some((value, Origin { maker: Maker::Node(plain), next }));
        }
        value.into()
    }

    /// Fills a slot that was an application: its value came from what was evaluated last.
    #[cold]
    #[inline(never)]
    pub(super) fn fill_observed(&mut self, slot: &'h Slot<'h>, value: Value<'h>) {
        let Some(observer) = &mut self.observer else { return };
        let number = observer.origin_of(value);
        slot.hold(self.heap, value, number);
    }

    /// Calls a builtin that is watched or is not given just what it takes.
    #[inline(never)]
    pub(super) fn apply_observed(
        &mut self,
        id: Id,
        function: Value<'h>,
        arguments: &'h [Id],
        env: &'h Env<'h>,
    ) -> Answer<'h> {
        if self.observer.is_none() {
            return self.apply_delayed(id, function, arguments, env);
        }
        let error = match self.apply_delayed(id, function, arguments, env).into_result() {
            Ok(value) => return value.into(),
            Err(error) => error,
        };
        if let Kind::Builtin(index) = function.kind()
            && matches!(builtins::at(index).name, "throw" | "abort")
        {
            self.note_subject(&error, id, env);
            if is_of_unknown_name(&error) && self.observer.as_ref().is_some_and(|it| it.is_lenient)
            {
                return self.go_on(&error, env);
            }
        }
        Answer::error(error)
    }

    /// Returns what the check for names that nobody declares would have come to without this one.
    fn go_on(&mut self, error: &EvalError, env: &'h Env<'h>) -> Answer<'h> {
        let module = module_error::read(&error.message).unwrap_or_default();
        let name = module.option.last().map(String::as_bytes);
        // Older releases go over all names and hand on the result so far.
        match env.slots() {
            [result, second, ..]
                if known(second).is_some_and(|(value, _)| {
                    value.as_string().map(|text| text.bytes()) == name
                }) =>
            {
                self.force_slot(result)
            }
            _ => Value::NULL.into(),
        }
    }

    /// Notes what an error is about that an expression throws in a frame.
    fn note_subject(&mut self, error: &EvalError, id: Id, env: &'h Env<'h>) {
        let is_known = self
            .observer
            .as_ref()
            .is_some_and(|observer| observer.subjects.contains_key(&error.message));
        let is_thrown = matches!(error.kind, ErrorKind::Thrown | ErrorKind::Other);
        let Some(module) = module_error::read(&error.message).filter(|_| is_thrown && !is_known)
        else {
            return;
        };
        let thrown_at = self.code.position(id);
        let mut subject = Subject { groups: Vec::new(), name: None, thrown_at };
        let mut frame = Some(env);
        for _ in 0..FRAMES_MAX {
            let Some(env) = frame else { break };
            let mut single = Vec::new();
            for slot in env.slots() {
                let Some((value, origin)) = known(slot) else { continue };
                match value.kind() {
                    Kind::Attrs(attrs) if is_definition(attrs) => single.push(attrs),
                    Kind::Attrs(attrs) => {
                        let unmatched = attrs.named(b"unmatchedDefns").and_then(known);
                        if let Some(list) = unmatched.and_then(|(value, _)| value.as_list()) {
                            subject.groups.push(Group::List(list));
                        }
                    }
                    Kind::List(list) => subject.groups.push(Group::List(list)),
                    Kind::String(text) if subject.name.is_none() => {
                        let name = module.option.last().map(String::as_bytes);
                        subject.name = origin.filter(|_| name == Some(text.bytes()));
                    }
                    _ => {}
                }
            }
            if !single.is_empty() {
                subject.groups.push(Group::Frame(single));
            }
            frame = env.up();
        }
        if let Some(observer) = &mut self.observer {
            observer.subjects.insert(error.message.clone(), subject);
        }
    }
}

/// Whether an error says that there are definitions of what no module declares.
fn is_of_unknown_name(error: &EvalError) -> bool {
    matches!(error.kind, ErrorKind::Thrown | ErrorKind::Other)
        && module_error::read(&error.message).is_some_and(|module| module.code == "M0201")
}

/// Whether a set is a definition or a declaration, as module systems hand them around.
pub(crate) fn is_definition(attrs: Attrs<'_>) -> bool {
    let has = |name: &[u8]| attrs.named(name).is_some();
    has(b"file") && has(b"value") || has(b"_file") && has(b"options")
}

/// Returns what a slot holds, if it is a value, and the number of its origin.
fn known<'h>(slot: &'h Slot<'h>) -> Option<(Value<'h>, Option<u32>)> {
    let mut slot = slot;
    loop {
        match slot.state() {
            SlotState::Reference(target) => slot = target,
            SlotState::Forced(value) => return Some((value, slot.origin())),
            _ => return None,
        }
    }
}

/// Whether an expression may hand on a value that it did not make.
fn leads_on(node: Node) -> bool {
    matches!(
        node,
        Node::Local { .. }
            | Node::WithVariable { .. }
            | Node::Apply { .. }
            | Node::Select { .. }
            | Node::SelectOr { .. }
            | Node::SelectPath { .. }
            | Node::Let { .. }
            | Node::LetHere { .. }
            | Node::With { .. }
            | Node::Assert { .. }
            | Node::If { .. }
            | Node::Deferred(_)
            | Node::Observe(_)
    )
}
