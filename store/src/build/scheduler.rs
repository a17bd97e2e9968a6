//! Reaching the goals of a graph, as many at once as are allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Realisation;
use super::goal::Graph;
use super::job::{self, JobError};
use crate::error::{BuildError, BuildFailure, BuildFailureKind};
use crate::path::StorePath;

/// How far the goals are.
#[derive(Default)]
struct Progress {
    /// The goals that wait for others, with those they wait for.
    waiting: BTreeMap<StorePath, BTreeSet<StorePath>>,
    /// The goals that could be begun, by their place in the order of the graph.
    ready: BTreeMap<usize, StorePath>,
    running: u64,
    done: u64,
    failures: Vec<BuildFailure>,
    /// What ended everything, if something did.
    fatal: Option<BuildError>,
}

/// The goals, and those who work on them.
struct Work<'w> {
    realisation: &'w Realisation<'w>,
    graph: &'w Graph,
    /// Which goals need a goal.
    dependents: BTreeMap<&'w StorePath, Vec<&'w StorePath>>,
    /// Each goal's place in the order of the graph.
    places: BTreeMap<&'w StorePath, usize>,
    progress: Mutex<Progress>,
    changed: Condvar,
    /// Nothing new is begun, and what runs is to stop.
    is_stopped: AtomicBool,
}

/// Reaches all goals of `graph`, or tells which failed.
pub(super) fn run(realisation: &Realisation<'_>, graph: &Graph) -> Result<(), BuildError> {
    let mut dependents: BTreeMap<&StorePath, Vec<&StorePath>> = BTreeMap::new();
    let places: BTreeMap<_, _> = graph.order.iter().rev().zip(0..).collect();
    let mut progress = Progress::default();
    for (path, goal) in &graph.goals {
        for need in &goal.needs {
            dependents.entry(need).or_default().push(path);
        }
        match places.get(path) {
            Some(place) if goal.needs.is_empty() => {
                progress.ready.insert(*place, path.clone());
            }
            _ => {
                progress.waiting.insert(path.clone(), goal.needs.clone());
            }
        }
    }
    let work = Work {
        realisation,
        graph,
        dependents,
        places,
        progress: Mutex::new(progress),
        changed: Condvar::new(),
        is_stopped: AtomicBool::new(false),
    };
    let workers = realisation.options.max_jobs.clamp(1, graph.goals.len().max(1));
    std::thread::scope(|scope| {
        // The builder's life hangs on the thread that started it, so each job stays on one.
        for _ in 0..workers {
            scope.spawn(|| work.work());
        }
    });
    let progress = work.progress.into_inner().unwrap_or_else(PoisonError::into_inner);
    if (realisation.is_cancelled)() {
        return Err(BuildError::Interrupted);
    }
    if let Some(error) = progress.fatal {
        return Err(error);
    }
    if progress.failures.is_empty() {
        return Ok(());
    }
    Err(BuildError::Failed { failures: progress.failures })
}

impl Work<'_> {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        // A panic elsewhere leaves nothing half done that matters here.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is running is to stop.
    fn is_cancelled(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed) || (self.realisation.is_cancelled)()
    }

    /// Reaches goals until there are none left.
    fn work(&self) {
        while let Some(path) = self.next() {
            let start = Instant::now();
            let result = self.reach(&path);
            let mut progress = self.lock();
            progress.running -= 1;
            match result {
                Ok(()) => self.reached(&mut progress, &path),
                Err(error) => self.failed(&mut progress, &path, error, start),
            }
            self.tell(&progress);
            drop(progress);
            self.changed.notify_all();
        }
    }

    /// Waits for a goal that can be begun; `None` when there will be none.
    fn next(&self) -> Option<StorePath> {
        let mut progress = self.lock();
        loop {
            if self.is_cancelled() || progress.fatal.is_some() {
                return None;
            }
            if let Some((_, path)) = progress.ready.pop_first() {
                progress.running += 1;
                self.tell(&progress);
                return Some(path);
            }
            if progress.running == 0 {
                return None;
            }
            progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn reach(&self, path: &StorePath) -> Result<(), JobError> {
        let Some(goal) = self.graph.goals.get(path) else { return Ok(()) };
        match &goal.derivation {
            Err(problem) => Err(JobError::failed(problem.kind, problem.message.clone())),
            Ok(derivation) => {
                let is_cancelled = || self.is_cancelled();
                job::build(self.realisation, path, derivation, goal, &is_cancelled)
            }
        }
    }

    fn reached(&self, progress: &mut Progress, path: &StorePath) {
        progress.done += 1;
        for dependent in self.dependents.get(path).into_iter().flatten() {
            let Some(needs) = progress.waiting.get_mut(*dependent) else { continue };
            needs.remove(path);
            if needs.is_empty() {
                progress.waiting.remove(*dependent);
                if let Some(place) = self.places.get(*dependent) {
                    progress.ready.insert(*place, (*dependent).clone());
                }
            }
        }
    }

    fn failed(&self, progress: &mut Progress, path: &StorePath, error: JobError, start: Instant) {
        let duration = start.elapsed();
        match error {
            JobError::Store(error) => progress.fatal = Some(error.into()),
            JobError::Add(error) => progress.fatal = Some(error.into()),
            JobError::Cancelled => {}
            JobError::Failed { kind, message, log_tail } => {
                let failure =
                    BuildFailure { path: path.clone(), kind, message, log_tail, duration };
                progress.failures.push(failure);
                self.fail_dependents(progress, path);
            }
        }
        if !self.realisation.options.keep_going || progress.fatal.is_some() {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Whatever needs a failed goal fails with it.
    fn fail_dependents(&self, progress: &mut Progress, path: &StorePath) {
        let directory = self.realisation.site.store.directory();
        let mut pending = vec![path];
        while let Some(failed) = pending.pop() {
            for dependent in self.dependents.get(failed).into_iter().flatten() {
                if progress.waiting.remove(*dependent).is_none() {
                    continue;
                }
                let printed = directory.display(dependent);
                progress.failures.push(BuildFailure {
                    path: (*dependent).clone(),
                    kind: BuildFailureKind::Dependency,
                    message: format!("a dependency of derivation '{printed}' failed to build"),
                    log_tail: Vec::new(),
                    duration: std::time::Duration::ZERO,
                });
                pending.push(dependent);
            }
        }
    }

    fn tell(&self, progress: &Progress) {
        let expected = self.graph.goals.len() as u64;
        let failed = progress.failures.len() as u64;
        self.realisation.activity.progress(progress.done, expected, progress.running, failed);
    }
}
