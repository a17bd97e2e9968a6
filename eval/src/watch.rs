//! Watching an evaluation: figures of what it did, calls told as they happen, profiles.
//!
//! Nobody pays for this who does not ask: calls are watched where a limit would stop them, and
//! figures are taken where one flag says so.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use rustc_hash::FxHashMap;

use crate::builtins::Builtin;
use crate::interpret::Eval;
use crate::print;
use crate::source::Position;

/// What is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Whether figures are taken.
    pub counts: bool,
    /// Whether calls of each function and selections of each attribute are counted, too.
    pub counts_each: bool,
    /// Whether each call is told as it begins and as it ends.
    pub traces_calls: bool,
    /// How far apart samples of the calls under way are taken, in nanoseconds; 0: at each call.
    pub profile_period_ns: Option<u64>,
}

impl Watch {
    /// Whether anything is watched.
    pub fn is_any(self) -> bool {
        self.watches_calls() || self.profile_period_ns.is_some()
    }

    fn watches_calls(self) -> bool {
        self.counts || self.counts_each || self.traces_calls
    }
}

/// Figures of an evaluation that its innermost parts take; they are taken if `is_on`.
#[derive(Default, Debug)]
pub struct Tally {
    /// Whether they are taken.
    pub(crate) is_on: Cell<bool>,
    /// Suspended expressions.
    pub thunks: Cell<u64>,
    /// Attributes that were selected.
    pub lookups: Cell<u64>,
    /// Operations `//`.
    pub updates: Cell<u64>,
    /// Attributes that they put into new sets.
    pub update_values: Cell<u64>,
    /// Operations `++`.
    pub concats: Cell<u64>,
    /// Sets that were written down.
    pub sets: Cell<u64>,
    /// The attributes in them.
    pub set_elements: Cell<u64>,
    /// Elements of lists that were written down or joined.
    pub list_elements: Cell<u64>,
    /// Calls of functions, one per parameter.
    pub function_calls: Cell<u64>,
    /// Calls of builtins.
    pub builtin_calls: Cell<u64>,
    /// Frames of calls.
    pub frames: Cell<u64>,
    /// The variables in them.
    pub frame_elements: Cell<u64>,
}

/// Adds to a figure.
#[inline]
pub(crate) fn add(figure: &Cell<u64>, count: usize) {
    figure.set(figure.get() + count as u64);
}

/// A function, and how often it was called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FunctionCalls {
    /// The name of the binding that it is the value of.
    pub name: Option<String>,
    /// Where it is written.
    pub position: Position,
    /// How often it was called.
    pub count: u64,
}

/// What a call is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Called {
    /// A lambda, called at a place, written at another.
    Lambda(Position, Position, Option<crate::heap::Symbol>),
    /// A builtin.
    Builtin(Position, &'static str),
    /// The function of a set, called at a place.
    Functor(Position),
    /// The builtin that makes a derivation of this name.
    Derivation(Position, String),
    /// What cannot be called.
    Other(Position),
}

/// The calls under way that samples are taken of: a tree whose inner nodes callers share.
#[derive(Default)]
struct Profile {
    /// By caller (0: none) and call: the number of the node.
    nodes: FxHashMap<(u32, Called), u32>,
    /// By number: how often the call was the innermost one of a sample.
    samples: BTreeMap<u32, u64>,
    /// The nodes of the calls under way.
    stack: Vec<u32>,
    last_ns: u64,
}

/// What is remembered while an evaluation is watched.
#[derive(Default)]
pub(crate) struct Watcher {
    pub(crate) watch: Watch,
    profile: Profile,
    builtins: BTreeMap<&'static str, u64>,
    functions: FxHashMap<Position, (Option<crate::heap::Symbol>, u64)>,
    selections: FxHashMap<Position, u64>,
}

impl Watcher {
    pub(crate) fn new(watch: Watch) -> Watcher {
        Watcher { watch, ..Watcher::default() }
    }

    /// Takes note of a call of a builtin.
    pub(crate) fn builtin(&mut self, builtin: &'static Builtin) {
        if self.watch.counts_each {
            *self.builtins.entry(builtin.name).or_default() += 1;
        }
    }

    /// Takes note of a call of the function at `position`.
    pub(crate) fn function(&mut self, position: Position, name: Option<crate::heap::Symbol>) {
        if self.watch.counts_each {
            self.functions.entry(position).or_insert((name, 0)).1 += 1;
        }
    }

    /// Takes note of a selection of the attribute at `position`.
    pub(crate) fn selection(&mut self, position: Position) {
        if self.watch.counts_each {
            *self.selections.entry(position).or_default() += 1;
        }
    }

    /// Whether samples are taken.
    pub(crate) fn samples(&self) -> bool {
        self.watch.profile_period_ns.is_some()
    }

    /// Takes note that a call begins, at a time.
    pub(crate) fn begin(&mut self, called: Called, now_ns: u64) {
        let Some(period) = self.watch.profile_period_ns else { return };
        let profile = &mut self.profile;
        let caller = profile.stack.last().copied().unwrap_or_default();
        let next = u32::try_from(profile.nodes.len() + 1).unwrap_or(u32::MAX);
        let node = *profile.nodes.entry((caller, called)).or_insert(next);
        profile.stack.push(node);
        if now_ns.saturating_sub(profile.last_ns) > period || period == 0 {
            profile.last_ns = now_ns;
            *profile.samples.entry(node).or_default() += 1;
        }
    }

    /// Takes note that the innermost call ends.
    pub(crate) fn end(&mut self) {
        self.profile.stack.pop();
    }
}

impl Eval<'_> {
    /// Returns how often each builtin was called, by name.
    pub fn builtin_calls(&self) -> Vec<(&'static str, u64)> {
        let watcher = self.watcher();
        watcher.map_or_else(Vec::new, |it| it.builtins.iter().map(|(&a, &b)| (a, b)).collect())
    }

    /// Returns how often each function was called, in the order of files and places.
    pub fn function_calls(&self) -> Vec<FunctionCalls> {
        let Some(watcher) = self.watcher() else { return Vec::new() };
        let sorted: BTreeMap<_, _> = watcher.functions.iter().collect();
        let calls = sorted.into_iter().map(|(&position, &(name, count))| FunctionCalls {
            name: name.map(|name| name.to_text().into_owned()),
            position,
            count,
        });
        calls.collect()
    }

    /// Returns how often each attribute was selected, in the order of files and places.
    pub fn selections(&self) -> Vec<(Position, u64)> {
        let Some(watcher) = self.watcher() else { return Vec::new() };
        let sorted: BTreeMap<_, _> = watcher.selections.iter().collect();
        sorted.into_iter().map(|(&position, &count)| (position, count)).collect()
    }

    /// Returns the samples that were taken: a line for each way to a call, its callers first and
    /// parted by semicolons, and how often it was met, as programs that draw flame graphs read it.
    pub fn profile(&self) -> String {
        let Some(profile) = self.watcher().map(|it| &it.profile) else { return String::new() };
        let nodes: BTreeMap<u32, (u32, &Called)> = profile
            .nodes
            .iter()
            .map(|((caller, called), &node)| (node, (*caller, called)))
            .collect();
        let mut names: BTreeMap<u32, String> = BTreeMap::new();
        for (&node, &(caller, called)) in &nodes {
            let name = self.name_of_call(called);
            let name = match names.get(&caller) {
                Some(callers) => format!("{callers};{name}"),
                None => name,
            };
            names.insert(node, name);
        }
        let mut lines: BTreeMap<&str, u64> = BTreeMap::new();
        for (node, count) in &profile.samples {
            if let Some(name) = names.get(node) {
                *lines.entry(name).or_default() += count;
            }
        }
        let mut text = String::new();
        for (name, count) in lines {
            let _ = writeln!(text, "{name} {count}");
        }
        text
    }

    fn name_of_call(&self, called: &Called) -> String {
        let at = |position: Position| self.show_call_position(position);
        let before = |position: Position| {
            if position.is_some() { at(position) + ":" } else { String::new() }
        };
        match called {
            Called::Lambda(place, own, name) => {
                let mut text = at(if place.is_some() { *place } else { *own });
                if let Some(name) = name {
                    let _ = write!(text, ":{}", name.to_text());
                }
                text
            }
            Called::Builtin(place, name) => format!("{}primop {name}", before(*place)),
            Called::Derivation(place, name) => {
                format!("{}primop derivationStrict:{name}", before(*place))
            }
            Called::Functor(place) => format!("{}:functor", at(*place)),
            Called::Other(place) => at(*place),
        }
    }

    /// Returns a place as calls are told.
    pub(crate) fn show_call_position(&self, position: Position) -> String {
        if position.is_some() { print::show_position(self, position) } else { "«none»:0".into() }
    }
}

#[cfg(test)]
mod tests;
