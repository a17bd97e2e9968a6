//! Events: what a store tells about its work while it works.
//!
//! They are CppNix's: activities that start and stop, results and progress within them, and
//! messages; the numbers are those of `--log-format internal-json`, which other programs read.

use std::sync::atomic::{AtomicU64, Ordering};

/// How much it matters, from errors to the chattiest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Errors.
    Error = 0,
    /// Warnings.
    Warn = 1,
    /// What a user must see.
    Notice = 2,
    /// What a user sees unless told otherwise.
    Info = 3,
    /// `-v`.
    Talkative = 4,
    /// `-vv`.
    Chatty = 5,
    /// `-vvv`.
    Debug = 6,
    /// `-vvvv`.
    Vomit = 7,
}

/// What an activity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum ActivityKind {
    /// Anything else.
    Unknown = 0,
    /// Copying one path between stores.
    CopyPath = 100,
    /// Transferring a file.
    FileTransfer = 101,
    /// Realising: the whole of what was asked for.
    Realise = 102,
    /// Copying several paths.
    CopyPaths = 103,
    /// All builds; its progress counts them.
    Builds = 104,
    /// One build. Fields: derivation path, machine (empty: here), round, rounds.
    Build = 105,
    /// Optimising the store.
    OptimiseStore = 106,
    /// Verifying paths.
    VerifyPaths = 107,
    /// Fetching a path from a cache. Fields: path, cache.
    Substitute = 108,
    /// Asking a cache about a path. Fields: path, cache.
    QueryPathInfo = 109,
    /// Running the hook after a build. Fields: derivation path.
    PostBuildHook = 110,
    /// Waiting for a lock or a slot.
    BuildWaiting = 111,
}

/// What a result within an activity tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum ResultKind {
    /// A file was linked to an equal one. Fields: bytes saved, blocks saved.
    FileLinked = 100,
    /// A line of a builder's output. Fields: the line.
    BuildLogLine = 101,
    /// A path without a trusted signature. Fields: path.
    UntrustedPath = 102,
    /// A path whose contents are not those registered. Fields: path.
    CorruptedPath = 103,
    /// A build began a phase. Fields: its name.
    SetPhase = 104,
    /// Progress. Fields: done, expected, running, failed.
    Progress = 105,
    /// How much there will be. Fields: kind of activity, amount.
    SetExpected = 106,
    /// A line of the post-build hook's output. Fields: the line.
    PostBuildLogLine = 107,
}

/// Names an activity for as long as any process may speak of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActivityId(u64);

static NEXT_ACTIVITY: AtomicU64 = AtomicU64::new(1);

impl ActivityId {
    /// No activity: the parent of those that have none.
    pub const NONE: ActivityId = ActivityId(0);

    /// Returns an id that neither this process nor another running one has given before.
    pub fn fresh() -> ActivityId {
        let count = NEXT_ACTIVITY.fetch_add(1, Ordering::Relaxed);
        ActivityId(u64::from(std::process::id()) << 32 | count & 0xffff_ffff)
    }

    /// Returns the id as a number.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// A detail of an activity or of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'e> {
    /// A number.
    Number(u64),
    /// A text.
    Text(&'e str),
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'e> {
    /// An activity began.
    Start {
        /// Its id.
        id: ActivityId,
        /// The activity that it is part of, or [`ActivityId::NONE`].
        parent: ActivityId,
        /// What it is.
        kind: ActivityKind,
        /// How much it matters.
        level: Level,
        /// What to say of it, in words; may be empty.
        text: &'e str,
        /// Its details.
        fields: &'e [Field<'e>],
    },
    /// An activity ended.
    Stop {
        /// Its id.
        id: ActivityId,
    },
    /// Something came of an activity.
    Result {
        /// The activity.
        id: ActivityId,
        /// What it is.
        kind: ResultKind,
        /// Its details.
        fields: &'e [Field<'e>],
    },
    /// Something to say.
    Message {
        /// How much it matters.
        level: Level,
        /// What to say.
        text: &'e str,
    },
}

/// Listens to events, from whichever thread they come.
pub trait Events: Send + Sync {
    /// Takes note of `event`; must not block for long, since the work waits.
    fn emit(&self, event: Event<'_>);
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Events for Silent {
    fn emit(&self, _: Event<'_>) {}
}

/// An activity that stops when it is dropped.
pub struct Activity<'e> {
    events: &'e dyn Events,
    id: ActivityId,
}

impl<'e> Activity<'e> {
    /// Starts an activity and tells `events`.
    pub fn start(
        events: &'e dyn Events,
        parent: ActivityId,
        kind: ActivityKind,
        level: Level,
        text: &str,
        fields: &[Field<'_>],
    ) -> Activity<'e> {
        let id = ActivityId::fresh();
        events.emit(Event::Start { id, parent, kind, level, text, fields });
        Activity { events, id }
    }

    /// Returns its id.
    pub fn id(&self) -> ActivityId {
        self.id
    }

    /// Tells that something came of it.
    pub fn result(&self, kind: ResultKind, fields: &[Field<'_>]) {
        self.events.emit(Event::Result { id: self.id, kind, fields });
    }

    /// Tells how far it is.
    pub fn progress(&self, done: u64, expected: u64, running: u64, failed: u64) {
        let fields = [done, expected, running, failed].map(Field::Number);
        self.result(ResultKind::Progress, &fields);
    }
}

impl Drop for Activity<'_> {
    fn drop(&mut self) {
        self.events.emit(Event::Stop { id: self.id });
    }
}
