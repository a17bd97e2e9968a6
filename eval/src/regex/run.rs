//! Walks a program over a text, depth first, with its own stack.

use std::sync::atomic::{AtomicBool, Ordering};

use rustc_hash::FxHashMap;

use super::program::{NO_COUNTER, Pc, Program, Step};
use super::{Match, Span, Stopped};

/// A group that has not matched.
const UNSET: u32 = u32::MAX;
/// The most entries on the stack, about a gibibyte.
const STACK_MAX: usize = 1 << 25;
/// The most results that are remembered.
const MEMO_MAX: usize = 1 << 22;
/// How many steps pass between two looks at the cancel flag.
const POLL_STEPS: u64 = 1 << 18;
/// The most counters that fit a key of the memo, two bits each.
const COUNTERS_MAX: usize = 32;

/// Something to do when the walk comes back.
#[derive(Clone, Copy)]
enum Frame {
    /// Go on at `pc`, unless a match was found since there were `found` of them.
    Retry { pc: Pc, at: u32, found: u32 },
    /// Go on at `pc` in any case.
    Also { pc: Pc, at: u32 },
    /// Go on at `pc` with one byte less, down to `min`, under the condition of `Retry`.
    Shrink { pc: Pc, min: u32, at: u32, found: u32 },
    /// Put back where a group started.
    Open { group: u32, start: u32 },
    /// Put back where a group ended.
    Close { group: u32, end: u32 },
    /// Put back a counter.
    Counter { counter: u32, at: u32, rounds: u32 },
    /// Remember whether a match was found since.
    Memo { key: u32, found: u32 },
}

/// How often a repetition has been entered at one place.
#[derive(Clone, Copy)]
struct Counter {
    at: u32,
    rounds: u32,
}

/// What a choice point depends on: instruction, place, counters at that place.
type Key = (Pc, u32, u64);

/// Memory that searches reuse.
#[derive(Default)]
pub struct Scratch {
    stack: Vec<Frame>,
    starts: Vec<u32>,
    ends: Vec<u32>,
    best: Vec<u32>,
    counters: Vec<Counter>,
    memo: FxHashMap<Key, bool>,
    keys: Vec<Key>,
}

/// How a match must lie.
#[derive(Clone, Copy)]
struct Mode {
    /// It must end with the text.
    is_whole: bool,
    /// It must not be empty.
    is_not_empty: bool,
    /// There is text before the start of the search.
    has_before: bool,
}

/// A program on a text.
pub(super) struct Search<'a> {
    program: &'a Program,
    text: &'a [u8],
    scratch: &'a mut Scratch,
    cancel: &'a AtomicBool,
    /// How many steps were looked at since the last look at the cancel flag.
    looked_at: u64,
    has_choices: bool,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        program: &'a Program,
        text: &'a [u8],
        scratch: &'a mut Scratch,
        cancel: &'a AtomicBool,
    ) -> Self {
        let has_choices = program.steps.iter().any(|step| matches!(step, Step::Either(_)));
        Search { program, text, scratch, cancel, looked_at: 0, has_choices }
    }

    pub(super) fn whole(&mut self) -> Result<Option<Match>, Stopped> {
        if !self.may_start(0) {
            return Ok(None);
        }
        let mode = Mode { is_whole: true, is_not_empty: false, has_before: false };
        Ok(self.walk(0, mode)?.map(|end| self.found((0, end))))
    }

    /// Source: C++ standard, `regex_iterator::operator++`.
    pub(super) fn all(&mut self) -> Result<Vec<Match>, Stopped> {
        let mut matches = Vec::new();
        let mode = Mode { is_whole: false, is_not_empty: false, has_before: false };
        let mut next = self.search(0, mode)?;
        while let Some(found) = next {
            let (start, end) = found.whole;
            matches.push(found);
            let mut from = end;
            let mode = Mode { has_before: matches.len() > 1, ..mode };
            if start == end {
                if end == self.text.len() {
                    break;
                }
                // Only here a match may start where the last one ended without being empty.
                let again = Mode { is_not_empty: true, ..mode };
                if self.may_start(end)
                    && let Some(to) = self.walk(end, again)?
                {
                    next = Some(self.found((end, to)));
                    continue;
                }
                from += 1;
            }
            next = self.search(from, Mode { has_before: true, ..mode })?;
        }
        Ok(matches)
    }

    /// Finds the first match that starts at `from` or later.
    fn search(&mut self, from: usize, mode: Mode) -> Result<Option<Match>, Stopped> {
        let mut at = from;
        loop {
            if let Some(byte) = self.program.first_byte {
                let rest = self.text.get(at..).unwrap_or_default();
                let Some(skip) = memchr::memchr(byte, rest) else { return Ok(None) };
                at += skip;
            } else if self.program.first.is_some() {
                while at < self.text.len() && !self.may_start(at) {
                    at += 1;
                }
            }
            let mode = Mode { has_before: mode.has_before || at > from, ..mode };
            if let Some(end) = self.walk(at, mode)? {
                return Ok(Some(self.found((at, end))));
            }
            at += 1;
            if at > self.text.len() {
                return Ok(None);
            }
        }
    }

    fn may_start(&self, at: usize) -> bool {
        match (&self.program.first, self.text.get(at)) {
            (Some(first), Some(&byte)) => first.contains(byte),
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    fn found(&self, whole: Span) -> Match {
        let (starts, ends) = self.scratch.best.split_at(self.program.group_count);
        let groups = starts
            .iter()
            .zip(ends)
            .map(|(&start, &end)| (end != UNSET).then_some((start as usize, end as usize)))
            .collect();
        Match { whole, groups }
    }

    /// Looks for a match that starts at `start`; returns its end, and leaves its groups in
    /// `scratch.best`.
    fn walk(&mut self, start: usize, mode: Mode) -> Result<Option<usize>, Stopped> {
        let program = self.program;
        let scratch = &mut *self.scratch;
        scratch.stack.clear();
        scratch.memo.clear();
        scratch.keys.clear();
        scratch.starts.clear();
        scratch.starts.resize(program.group_count, UNSET);
        scratch.ends.clear();
        scratch.ends.resize(program.group_count, UNSET);
        scratch.counters.clear();
        scratch.counters.resize(program.counter_count, Counter { at: UNSET, rounds: 0 });
        let mut walk = Walk {
            program,
            text: self.text,
            scratch,
            start: start as u32,
            mode,
            found: 0,
            best: None,
            steps: 0,
            memo_from: 512 + 4 * (self.text.len() - start) as u64,
        };
        walk.run(self.has_choices, self.cancel, &mut self.looked_at)?;
        Ok(walk.best.map(|end| end as usize))
    }
}

/// One walk: a start in the text, and the best match so far.
struct Walk<'a> {
    program: &'a Program,
    text: &'a [u8],
    scratch: &'a mut Scratch,
    start: u32,
    mode: Mode,
    /// How many times a match was reached.
    found: u32,
    /// The end of the longest match.
    best: Option<u32>,
    steps: u64,
    /// After how many steps results are remembered.
    memo_from: u64,
}

/// Where to go next.
type Place = (Pc, u32);

impl Walk<'_> {
    /// Counts what is looked at, not only the ways back: a way may be as long as the program.
    fn run(
        &mut self,
        has_choices: bool,
        cancel: &AtomicBool,
        looked_at: &mut u64,
    ) -> Result<(), Stopped> {
        let mut next = Some((0, self.start));
        while let Some((pc, at)) = next {
            if self.advance(pc, at, looked_at) {
                // A shorter match, or another one as long, is of no interest.
                let is_last = self.mode.is_whole || self.best == Some(self.text.len() as u32);
                if is_last || !has_choices {
                    return Ok(());
                }
            }
            next = self.back();
            self.steps += 1;
            if *looked_at >= POLL_STEPS {
                *looked_at = 0;
                if cancel.load(Ordering::Relaxed) {
                    return Err(Stopped::Cancelled);
                }
            }
            if self.scratch.stack.len() > STACK_MAX {
                return Err(Stopped::TooLarge);
            }
        }
        Ok(())
    }

    /// Goes on until a match or a dead end; `true` for a match.
    #[inline]
    fn advance(&mut self, mut pc: Pc, mut at: u32, looked_at: &mut u64) -> bool {
        loop {
            *looked_at += 1;
            let byte = self.text.get(at as usize).copied();
            match self.program.steps[pc as usize] {
                Step::Byte(wanted) => {
                    if byte != Some(wanted) {
                        return false;
                    }
                    at += 1;
                }
                Step::Set(set) => {
                    if !byte.is_some_and(|byte| self.program.set(set).contains(byte)) {
                        return false;
                    }
                    at += 1;
                }
                Step::Run { set, min, is_final } => {
                    let taken = self.run_length(set, at);
                    if taken < min {
                        return false;
                    }
                    let (least, most) = (at + min, at + taken);
                    if least < most && !is_final {
                        if let Some(known) = self.remember(pc, at) {
                            return known;
                        }
                        let found = self.found;
                        let frame = Frame::Shrink { pc: pc + 1, min: least, at: most, found };
                        self.scratch.stack.push(frame);
                    }
                    at = most;
                }
                Step::Start if at != self.start || self.mode.has_before => return false,
                Step::End if byte.is_some() => return false,
                Step::Start | Step::End => {}
                Step::Open(group) => self.open(group, at),
                Step::Close(group) => self.close(group, at),
                Step::Either(other) => {
                    if let Some(known) = self.remember(pc, at) {
                        return known;
                    }
                    self.scratch.stack.push(Frame::Also { pc: other, at });
                }
                Step::Repeat { exit, counter } => {
                    if let Some(known) = self.remember(pc, at) {
                        return known;
                    }
                    if !self.enter(counter, at) {
                        pc = exit;
                        continue;
                    }
                    // Beneath the counter's frame lies the retry, which sees it put back.
                    let frame = Frame::Retry { pc: exit, at, found: self.found };
                    let top = self.scratch.stack.len() - usize::from(counter != NO_COUNTER);
                    self.scratch.stack.insert(top, frame);
                }
                Step::Jump(target) => {
                    pc = target;
                    continue;
                }
                Step::Accept => return self.accept(at),
            }
            pc += 1;
        }
    }

    /// Counts the bytes of a set from `at` on.
    #[inline]
    fn run_length(&self, set: u32, at: u32) -> u32 {
        let set = self.program.set(set);
        let rest = self.text.get(at as usize..).unwrap_or_default();
        rest.iter().take_while(|&&byte| set.contains(byte)).count() as u32
    }

    /// Notes where a group begins.
    #[inline]
    fn open(&mut self, group: u32, at: u32) {
        let slot = &mut self.scratch.starts[group as usize];
        let frame = Frame::Open { group, start: *slot };
        *slot = at;
        self.put_back_later(frame);
    }

    /// Notes where a group ends.
    #[inline]
    fn close(&mut self, group: u32, at: u32) {
        let slot = &mut self.scratch.ends[group as usize];
        let frame = Frame::Close { group, end: *slot };
        *slot = at;
        self.put_back_later(frame);
    }

    /// Remembers what a way back has to put back; without a choice beneath there is none.
    #[inline]
    fn put_back_later(&mut self, frame: Frame) {
        if !self.scratch.stack.is_empty() {
            self.scratch.stack.push(frame);
        }
    }

    /// Counts a round of a repetition; `false` if it may not be entered once more here.
    fn enter(&mut self, counter: u32, at: u32) -> bool {
        if counter == NO_COUNTER {
            return true;
        }
        let slot = &mut self.scratch.counters[counter as usize];
        let old = *slot;
        *slot = match old {
            Counter { at: place, rounds } if place == at => {
                if rounds >= 2 {
                    return false;
                }
                Counter { at, rounds: rounds + 1 }
            }
            _ => Counter { at, rounds: 1 },
        };
        self.scratch.stack.push(Frame::Counter { counter, at: old.at, rounds: old.rounds });
        true
    }

    fn accept(&mut self, at: u32) -> bool {
        if (self.mode.is_whole && at as usize != self.text.len())
            || (self.mode.is_not_empty && at == self.start)
        {
            return false;
        }
        self.found += 1;
        if self.best.is_none_or(|best| best < at) {
            self.best = Some(at);
            let scratch = &mut *self.scratch;
            scratch.best.clear();
            scratch.best.extend_from_slice(&scratch.starts);
            scratch.best.extend_from_slice(&scratch.ends);
        }
        true
    }

    /// Undoes steps up to the last choice; returns where that goes on.
    #[inline]
    fn back(&mut self) -> Option<Place> {
        while let Some(frame) = self.scratch.stack.pop() {
            match frame {
                Frame::Retry { pc, at, found } => {
                    if found == self.found {
                        return Some((pc, at));
                    }
                }
                Frame::Also { pc, at } => return Some((pc, at)),
                Frame::Shrink { pc, min, at, found } => {
                    if found != self.found {
                        continue;
                    }
                    if let Some(shorter) = self.shrink(pc, min, at) {
                        if shorter > min {
                            self.scratch.stack.push(Frame::Shrink { pc, min, at: shorter, found });
                        }
                        return Some((pc, shorter));
                    }
                }
                Frame::Open { group, start } => self.scratch.starts[group as usize] = start,
                Frame::Close { group, end } => self.scratch.ends[group as usize] = end,
                Frame::Counter { counter, at, rounds } => {
                    self.scratch.counters[counter as usize] = Counter { at, rounds };
                }
                Frame::Memo { key, found } => {
                    if let Some(key) = self.scratch.keys.get(key as usize) {
                        self.scratch.memo.insert(*key, found != self.found);
                    }
                }
            }
        }
        None
    }

    /// Returns the next shorter end of a run from which `pc` may go on.
    fn shrink(&self, pc: Pc, min: u32, at: u32) -> Option<u32> {
        let mut next = pc as usize;
        while let Step::Open(_) | Step::Close(_) = self.program.steps[next] {
            next += 1;
        }
        let Step::Byte(byte) = self.program.steps[next] else { return Some(at - 1) };
        let candidates = self.text.get(min as usize..at as usize)?;
        memchr::memrchr(byte, candidates).map(|offset| min + offset as u32)
    }

    /// Returns what came of being here before; otherwise, in a long search, sees to it that it
    /// is remembered.
    ///
    /// A known success counts as found again: what it found cannot be longer than the best.
    #[inline(always)]
    fn remember(&mut self, pc: Pc, at: u32) -> Option<bool> {
        if self.steps < self.memo_from {
            return None;
        }
        self.remember_slowly(pc, at)
    }

    #[inline(never)]
    fn remember_slowly(&mut self, pc: Pc, at: u32) -> Option<bool> {
        let scratch = &mut *self.scratch;
        if scratch.counters.len() > COUNTERS_MAX {
            return None;
        }
        let counters = scratch.counters.iter().fold(0, |bits, counter| {
            (bits << 2) | if counter.at == at { u64::from(counter.rounds) } else { 0 }
        });
        let key = (pc, at, counters);
        match scratch.memo.get(&key) {
            Some(&known) => {
                self.found += u32::from(known);
                return Some(known);
            }
            None if scratch.keys.len() < MEMO_MAX => {
                let index = scratch.keys.len() as u32;
                scratch.keys.push(key);
                scratch.stack.push(Frame::Memo { key: index, found: self.found });
            }
            None => {}
        }
        None
    }
}
