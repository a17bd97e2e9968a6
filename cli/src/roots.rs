//! Many roots: evaluated one by one, here or by workers, and told in the order of one thread.
//!
//! The heap belongs to one thread, so several threads are several processes: once a few roots,
//! taken from all over the list, have been evaluated and with them most of what many roots share,
//! copies of this process take the rest in small ranges, whoever is free the next one. A worker
//! whose values outgrow a limit ends after its range and is replaced by a fresh copy; so what
//! finished roots leave behind is given back. With one thread the first roots are evaluated here,
//! and workers, one at a time, only take over at that limit.

use crate::context::Context;
use crate::evaluation::{self, Stop};
use crate::report::Failure;
use crate::stores::LazyStore;
use eval::interpret::Eval;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::Duration;
use store::StorePath;
use store::worker::{self, Worker};

/// How roots are divided among processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Division {
    /// How many work at once.
    pub(crate) threads: usize,
    /// How many bytes of values a process may add before it is replaced.
    pub(crate) growth_max: usize,
}

/// The bytes of values that a process may add if nobody says otherwise.
pub(crate) const GROWTH_MAX: usize = 1 << 30;

/// Reads how many threads are wanted; `auto` is one for each core.
///
/// # Errors
///
/// When it is no number.
pub(crate) fn threads(text: &str) -> Result<usize, Failure> {
    let count = match text {
        "auto" => std::thread::available_parallelism().ok().map(usize::from),
        text => text.parse().ok().filter(|count| *count > 0),
    };
    count.ok_or_else(|| Failure::new(format!("'{text}' is not a number of threads")))
}

/// What a root comes to; what the bytes mean is between those who evaluate and those who tell.
pub(crate) type Fields = Vec<Vec<u8>>;

/// Evaluates a root.
pub(crate) type Work<'w, 'h> = &'w mut dyn FnMut(&mut Eval<'h>, usize) -> Result<Fields, Stop>;
/// Tells what a root came to.
pub(crate) type Tell<'t> = &'t mut dyn FnMut(usize, Fields) -> Result<(), Stop>;

/// One root in so many is evaluated before there are workers.
const SAMPLE_STEP: usize = 15;
/// Ranges that each worker should have, so that all end at about the same time.
const RANGES_PER_WORKER: usize = 16;
/// The largest range that is given out.
const RANGE_MAX: usize = 64;
/// How often somebody looks whether all this is still wanted.
const PATIENCE: Duration = Duration::from_millis(200);

/// Evaluates `count` roots with `work` and gives what they come to to `tell`, in order.
///
/// `store` is what the evaluation writes to.
///
/// # Errors
///
/// The first failure of `work` or `tell`, in the order of the roots; what comes after it is not
/// told.
pub(crate) fn each<'h>(
    cx: &Context,
    store: &LazyStore,
    eval: &mut Eval<'h>,
    (count, division): (usize, Division),
    work: Work<'_, 'h>,
    tell: Tell<'_>,
) -> Result<(), Stop> {
    let mut roots = Roots {
        cx,
        store,
        growth_max: division.growth_max,
        answers: BTreeMap::new(),
        next: 0,
        told: BTreeMap::new(),
    };
    if division.threads <= 1 || count <= 1 {
        let start = roots.here(eval, count, work, tell)?;
        return roots.elsewhere(eval, (start..count, 1), work, tell);
    }
    for index in (0..count).step_by(SAMPLE_STEP) {
        let answer = roots.answer(eval, index, work);
        roots.answers.insert(index, (0, answer));
    }
    roots.elsewhere(eval, (0..count, division.threads), work, tell)
}

/// A root's fields, or why there are none, and what was said meanwhile.
#[derive(Debug)]
struct Answer {
    messages: Fields,
    result: Result<Fields, Failure>,
}

/// Roots that are being evaluated.
struct Roots<'c> {
    cx: &'c Context,
    store: &'c LazyStore,
    growth_max: usize,
    /// What was answered and not told yet, with the number of the process that did.
    answers: BTreeMap<usize, (usize, Answer)>,
    /// The first root that was not told.
    next: usize,
    /// What was said, and by which process: a value that several processes evaluate speaks once.
    told: BTreeMap<Vec<u8>, usize>,
}

impl Roots<'_> {
    /// Evaluates roots in this process until it is large enough; returns how many.
    fn here<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        count: usize,
        work: Work<'_, 'h>,
        tell: Tell<'_>,
    ) -> Result<usize, Stop> {
        let limit = eval.heap().size_bytes().saturating_add(self.growth_max);
        for index in 0..count {
            if eval.heap().size_bytes() > limit {
                return Ok(index);
            }
            let fields = work(eval, index)?;
            tell(index, fields)?;
            self.next = index + 1;
        }
        Ok(count)
    }

    /// Evaluates one root and keeps what is said meanwhile.
    fn answer<'h>(&self, eval: &mut Eval<'h>, index: usize, work: Work<'_, 'h>) -> Answer {
        self.cx.ui.collect();
        let result = work(eval, index).map_err(|stop| match stop {
            Stop::Evaluation(error) => evaluation::failure(self.cx, eval, &error),
            Stop::Failure(failure) => failure,
        });
        Answer { messages: self.cx.ui.collected(), result }
    }

    /// Has workers evaluate roots.
    fn elsewhere<'h>(
        &mut self,
        eval: &mut Eval<'h>,
        (roots, threads): (Range<usize>, usize),
        work: Work<'_, 'h>,
        tell: Tell<'_>,
    ) -> Result<(), Stop> {
        let mut ranges = ranges(&roots, threads);
        if !ranges.is_empty() {
            settle(eval)?;
        }
        let mut workers: Vec<Worker> = Vec::new();
        let mut numbers: Vec<usize> = Vec::new();
        let mut started = 0;
        while self.next < roots.end {
            // Cancelled, or too late?
            eval.deeper(|_| Ok(()))?;
            while workers.len() < threads && !ranges.is_empty() {
                started += 1;
                workers.push(self.start(eval, work)?);
                numbers.push(started);
            }
            for worker in workers.iter_mut().filter(|worker| worker.is_idle()) {
                if let Some(range) = ranges.pop_front() {
                    worker.give(range)?;
                }
            }
            for index in worker::wait(&workers, PATIENCE)? {
                let (Some(worker), Some(number)) = (workers.get_mut(index), numbers.get(index))
                else {
                    continue;
                };
                let read = match worker.read() {
                    Ok(read) => read,
                    Err(error) => {
                        // What ended it may be meant for all of us, and reach us later.
                        worker::wait(&[], PATIENCE)?;
                        eval.deeper(|_| Ok(()))?;
                        return Err(error.into());
                    }
                };
                for (root, bytes) in read {
                    if root >= self.next
                        && let Entry::Vacant(place) = self.answers.entry(root)
                    {
                        place.insert((*number, Answer::from_bytes(&bytes)?));
                    }
                }
                if worker.is_ended() && !worker.pending().is_empty() {
                    ranges.push_front(worker.pending());
                }
            }
            let mut is_ended = workers.iter().map(Worker::is_ended);
            numbers.retain(|_| !is_ended.next().unwrap_or_default());
            workers.retain(|worker| !worker.is_ended());
            self.tell_ready(tell)?;
        }
        Ok(())
    }

    /// Starts a worker.
    fn start<'h>(&self, eval: &mut Eval<'h>, work: Work<'_, 'h>) -> Result<Worker, Stop> {
        let heap = eval.heap();
        let limit = heap.size_bytes().saturating_add(self.growth_max);
        let mut answer = |index: usize| {
            self.store.in_copy();
            // The sample was told already, or will be.
            if self.answers.contains_key(&index) {
                return Vec::new();
            }
            self.answer(eval, index, work).to_bytes()
        };
        let worker = Worker::start(&mut answer, &mut || heap.size_bytes() <= limit);
        worker.map_err(|error| Failure::during("starting a worker")(error).into())
    }

    /// Tells what can be told in order.
    fn tell_ready(&mut self, tell: Tell<'_>) -> Result<(), Stop> {
        while let Some((number, answer)) = self.answers.remove(&self.next) {
            for message in answer.messages {
                let by = *self.told.entry(message.clone()).or_insert(number);
                if by == number {
                    self.cx.ui.pass(&message);
                }
            }
            tell(self.next, answer.result?)?;
            self.next += 1;
        }
        Ok(())
    }
}

/// Writes what was kept back, once for all copies.
fn settle(eval: &Eval<'_>) -> Result<(), Stop> {
    if !eval.settings().read_only {
        let any = StorePath::new(&[0; 20], "x").map_err(Failure::new)?;
        eval.store().is_valid(&any).map_err(Failure::new)?;
    }
    Ok(())
}

/// Parts a range into small ones.
fn ranges(roots: &Range<usize>, threads: usize) -> VecDeque<Range<usize>> {
    let step = (roots.len() / (threads * RANGES_PER_WORKER)).clamp(1, RANGE_MAX);
    let start = |start: usize| start..(start + step).min(roots.end);
    roots.clone().step_by(step).map(start).collect()
}

impl Answer {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match &self.result {
            Ok(fields) => {
                bytes.push(0);
                put(&mut bytes, fields);
            }
            Err(Failure { message, hint, exit }) => {
                bytes.push(1);
                let mut fields = vec![vec![*exit], message.clone().into_bytes()];
                fields.extend(hint.clone().map(String::into_bytes));
                put(&mut bytes, &fields);
            }
        }
        put(&mut bytes, &self.messages);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let read = || {
            let (kind, rest) = bytes.split_first()?;
            let (fields, rest) = take(rest)?;
            let (messages, _) = take(rest)?;
            let text = |index: usize| {
                fields.get(index).map(|text| String::from_utf8_lossy(text).into_owned())
            };
            let result = match kind {
                0 => Ok(fields),
                _ => Err(Failure {
                    exit: fields.first()?.first().copied()?,
                    message: text(1)?,
                    hint: text(2),
                }),
            };
            Some(Answer { messages, result })
        };
        read().ok_or_else(|| Failure::new("a worker gave no answer"))
    }
}

/// Adds fields: how many there are, then the length and the bytes of each.
fn put(bytes: &mut Vec<u8>, fields: &[Vec<u8>]) {
    bytes.extend_from_slice(&fields.len().to_ne_bytes());
    for field in fields {
        bytes.extend_from_slice(&field.len().to_ne_bytes());
        bytes.extend_from_slice(field);
    }
}

/// Takes fields off the start.
fn take(bytes: &[u8]) -> Option<(Fields, &[u8])> {
    let (count, mut rest) = bytes.split_first_chunk::<8>()?;
    let mut fields = Vec::new();
    for _ in 0..usize::from_ne_bytes(*count) {
        let (len, tail) = rest.split_first_chunk::<8>()?;
        let (field, tail) = tail.split_at_checked(usize::from_ne_bytes(*len))?;
        fields.push(field.to_vec());
        rest = tail;
    }
    Some((fields, rest))
}

#[cfg(test)]
mod tests {
    use super::{Answer, ranges};
    use crate::report::Failure;

    #[test]
    fn ranges_cover_all_roots_once() {
        for (start, end, threads) in [(0, 0, 2), (0, 1, 4), (3, 100, 2), (5, 12_000, 3)] {
            let all: Vec<usize> = ranges(&(start..end), threads).into_iter().flatten().collect();
            assert_eq!(all, (start..end).collect::<Vec<_>>());
        }
    }

    #[test]
    fn answers_arrive_as_they_were() {
        let fields = vec![b"a".to_vec(), Vec::new(), vec![0xff]];
        let answer = Answer { messages: vec![b"m\n".to_vec()], result: Ok(fields.clone()) };
        let read = Answer::from_bytes(&answer.to_bytes()).expect("it is whole");
        assert_eq!(read.messages, [b"m\n"]);
        assert_eq!(read.result.ok(), Some(fields));
        let failure = Failure { message: "no".into(), hint: None, exit: 102 };
        let answer = Answer { messages: Vec::new(), result: Err(failure) };
        let read = Answer::from_bytes(&answer.to_bytes()).expect("it is whole");
        let failure = read.result.expect_err("it is one");
        assert_eq!((failure.message.as_str(), failure.exit), ("no", 102));
        assert!(Answer::from_bytes(b"\0").is_err());
    }
}
