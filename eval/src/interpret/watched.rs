//! Calls that somebody watches: told, counted, or sampled on their way.

use super::Eval;
use super::call::Site;
use crate::builtins::{self, Builtin};
use crate::error::Result;
use crate::heap::{Answer, Attrs, Env, Kind, Lazy, Symbol, Value};
use crate::ir::{Code, LambdaCode};
use crate::names::names;
use crate::settings::Settings;
use crate::source::Position;
use crate::watch::{Called, Tally, Watcher, add};

/// Returns the code of no file, which takes figures if the settings say so.
pub(super) fn watched_code<'h>(settings: &Settings) -> Code<'h> {
    let code = Code::new();
    code.tally.is_on.set(settings.watch.counts || settings.watch.counts_each);
    code
}

impl<'h> Eval<'h> {
    /// Returns the figures that were taken.
    pub fn tally(&self) -> &'h Tally {
        &self.code.tally
    }

    /// Returns how many expressions and parts of them were lowered.
    pub fn expression_count(&self) -> usize {
        self.code.nodes.len()
    }

    /// Returns who watches.
    pub(crate) fn watcher(&self) -> Option<&Watcher> {
        self.watcher.as_deref()
    }

    /// As [`Eval::call_unwatched`], for those who watch whole calls.
    #[cold]
    #[inline(never)]
    pub(super) fn call_watched(
        &mut self,
        function: Value<'h>,
        arguments: &[Lazy<'h>],
        site: Site,
    ) -> Answer<'h> {
        if self.watcher.is_none() {
            return self.call_unwatched(function, arguments, site);
        }
        let place = self.site(site);
        let called = match function.kind() {
            Kind::Lambda(lambda) => {
                let callee = self.code.lambdas.get(lambda.expression);
                self.called_lambda(callee, place)
            }
            Kind::Builtin(index) => self.called_builtin(builtins::at(index), arguments, place),
            Kind::Partial(partial) => self.called_partial(partial.function, place),
            Kind::Attrs(attrs) => match attrs.attr(names().functor) {
                Some(functor) if !place.is_some() => Called::Functor(functor.position),
                Some(_) => Called::Functor(place),
                None => Called::Other(place),
            },
            _ => Called::Other(place),
        };
        self.begin_call(called, place);
        if let Kind::Partial(partial) = function.kind()
            && let Kind::Lambda(_) = partial.function.kind()
        {
            // They were counted when they were given, and are again with those that are.
            let calls = &self.code.tally.function_calls;
            calls.set(calls.get().wrapping_sub(partial.arguments.len() as u64));
        }
        if let Kind::Lambda(lambda) = function.kind()
            && arguments.len() < self.code.lambdas.get(lambda.expression).arity as usize
        {
            add(&self.code.tally.function_calls, arguments.len());
        }
        let answer = self.call_unwatched(function, arguments, site);
        self.end_call(place);
        answer
    }

    /// Runs the body of a lambda where a limit is reached, or where somebody watches.
    #[cold]
    #[inline(never)]
    pub(super) fn run_watched(
        &mut self,
        callee: &LambdaCode<'h>,
        frame: &'h Env<'h>,
        site: Site,
        is_whole: bool,
    ) -> Answer<'h> {
        if let Err(error) = self.check_limits() {
            return Answer::error(error.at(self.site(site)));
        }
        let tally = &self.code.tally;
        add(&tally.function_calls, callee.arity as usize);
        add(&tally.frames, callee.arity as usize);
        add(&tally.frame_elements, callee.frame_len as usize);
        if let Some(watcher) = &mut self.watcher {
            let file = self.code.position(callee.body.get()).file;
            for &offset in callee.offsets {
                watcher.function(Position { file, offset }, callee.name);
            }
        }
        let place = if is_whole { self.site(site) } else { Position::NONE };
        if is_whole {
            let called = self.called_lambda(callee, place);
            self.begin_call(called, place);
        }
        self.descend();
        let answer = self.eval(callee.body.get(), frame);
        self.leave();
        if is_whole {
            self.end_call(place);
        }
        match answer.into_result() {
            Ok(value) => value.into(),
            Err(error) => self.failed_call(error, callee, site),
        }
    }

    /// Checks a call of a builtin where a limit is reached, or counts it where somebody watches.
    ///
    /// # Errors
    ///
    /// Which limit it is.
    #[cold]
    #[inline(never)]
    pub(super) fn enter_builtin(&mut self, builtin: &'static Builtin) -> Result<()> {
        self.check_limits()?;
        add(&self.code.tally.builtin_calls, 1);
        if let Some(watcher) = &mut self.watcher {
            watcher.builtin(builtin);
        }
        Ok(())
    }

    /// Takes note that an attribute is selected.
    #[cold]
    #[inline(never)]
    pub(super) fn note_selection(&mut self, attrs: Attrs<'h>, name: Symbol) {
        add(&self.code.tally.lookups, 1);
        if self.observer.is_some() && matches!(name.as_bytes(), b"config" | b"options") {
            self.note_system(attrs);
        }
        if let (Some(watcher), Some(attr)) = (&mut self.watcher, attrs.attr(name))
            && attr.position.is_some()
        {
            watcher.selection(attr.position);
        }
    }

    fn called_lambda(&self, callee: &LambdaCode<'h>, place: Position) -> Called {
        let offset = callee.offsets.first().copied().unwrap_or_default();
        let file = self.code.position(callee.body.get()).file;
        Called::Lambda(place, Position { file, offset }, callee.name)
    }

    fn called_partial(&self, function: Value<'h>, place: Position) -> Called {
        match function.kind() {
            Kind::Lambda(lambda) => {
                self.called_lambda(self.code.lambdas.get(lambda.expression), place)
            }
            Kind::Builtin(index) => Called::Builtin(place, plain_name(builtins::at(index))),
            _ => Called::Other(place),
        }
    }

    fn called_builtin(
        &mut self,
        builtin: &'static Builtin,
        arguments: &[Lazy<'h>],
        place: Position,
    ) -> Called {
        let is_sampled = self.watcher().is_some_and(Watcher::samples);
        if builtin.name == "derivationStrict"
            && is_sampled
            && let Some(name) = arguments.first().and_then(|it| self.derivation_name(*it))
        {
            return Called::Derivation(place, name);
        }
        Called::Builtin(place, plain_name(builtin))
    }

    /// Returns the name that a derivation will have, if it has one.
    fn derivation_name(&mut self, argument: Lazy<'h>) -> Option<String> {
        if argument.is_unshared() {
            return None;
        }
        let attrs = self.force_lazy(argument).ok()?.as_attrs()?;
        let name = self.force(attrs.get(names().name)?).ok()?;
        Some(name.as_string()?.to_text().into_owned())
    }

    fn begin_call(&mut self, called: Called, place: Position) {
        let now = self.system().clock_ns();
        self.tell_call("entered", place, now);
        if let Some(watcher) = &mut self.watcher {
            watcher.begin(called, now);
        }
    }

    fn end_call(&mut self, place: Position) {
        if self.watcher().is_some_and(|it| it.watch.traces_calls) {
            let now = self.system().clock_ns();
            self.tell_call("exited", place, now);
        }
        if let Some(watcher) = &mut self.watcher {
            watcher.end();
        }
    }

    fn tell_call(&self, what: &str, place: Position, now: u64) {
        if self.watcher().is_some_and(|it| it.watch.traces_calls) {
            let place = self.show_call_position(place);
            self.system().message(format!("function-trace {what} {place} at {now}").as_bytes());
        }
    }
}

/// Returns the name of a builtin without the underscores in front.
fn plain_name(builtin: &'static Builtin) -> &'static str {
    builtin.name.trim_start_matches("__")
}
