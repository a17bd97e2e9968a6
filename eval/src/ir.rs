//! The lowered expression: flat tables of nodes, variables resolved to slots, positions aside.
//!
//! All files of one evaluation share one [`Code`]; a node is named by its index in it, which is
//! what thunks and lambdas carry. Nodes are 16 bytes; whatever is longer lies in `extra` (runs of
//! numbers), `constants`, `lambdas` or `sets`. Nothing in a node is needed only for errors: where
//! a node was written is looked up in `offsets`, by its index, when an error asks.
//!
//! # Frames
//!
//! A variable is `Local { level, index }`: go up `level` frames, take slot `index`. Frames are made
//! by calls, `let`, `rec` sets, `with` and some `inherit (x)`:
//!
//! | frame of | slots |
//! |---|---|
//! | a lambda | parameters (`a: b:` is one lambda of two), formals by symbol, tail `let`s |
//! | `let` elsewhere | its variables in the order of the list, then the sources as below |
//! | `rec { }` | its static attributes sorted by symbol, then the sources of its `inherit (x)` |
//! | `{ inherit (x) a; }` | the sources; only the values of such attributes see this frame |
//! | `with` | one: the set |
//!
//! A `let` in tail position of a lambda (through `if`, `assert` and other such `let`s, not `with`)
//! puts its variables into the lambda's frame: the body runs once per frame.

use std::cell::{Cell, RefCell};

use crate::compiled::{Deferred, ReadLater, Unit};
use crate::heap::{Heap, Shape, Symbol, Table, Value};
use crate::source::{FileId, Origin, Position};
use crate::watch::Tally;

/// The index of a node in [`Code`].
pub type Id = u32;

/// No node: an absent default.
pub const NO_ID: Id = u32::MAX;

/// One node. Runs in `extra` are given by their first index and their length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Node {
    /// `constants[0]`: a literal, a builtin, an absolute path.
    Constant(u32),
    /// A variable of a frame.
    Local {
        /// How many frames up.
        level: u32,
        /// Which slot there.
        index: u32,
    },
    /// A variable that only a `with` may provide.
    ///
    /// The run holds the level of each enclosing `with`'s frame, innermost first.
    WithVariable {
        /// Its name.
        name: Symbol,
        /// Where the run begins.
        levels: u32,
        /// How many `with`s there are.
        count: u32,
    },
    /// The set `builtins`.
    Builtins,
    /// The function `derivation`.
    Derivation,
    /// A lambda: `lambdas[0]`.
    Lambda(u32),
    /// A call; the run holds the arguments, at least one.
    Apply {
        /// The function.
        function: Id,
        /// Where the run begins.
        arguments: u32,
        /// How many there are.
        count: u32,
    },
    /// `subject.name`
    Select {
        /// The set.
        subject: Id,
        /// The attribute.
        name: Symbol,
    },
    /// `subject.name or default`
    SelectOr {
        /// The set.
        subject: Id,
        /// The attribute.
        name: Symbol,
        /// What to take instead.
        default: Id,
    },
    /// `subject.a.${b} or default`, for what the two above do not fit.
    ///
    /// The run begins with its number of entries; each entry is two numbers, see [`PathEntry`].
    SelectPath {
        /// The set.
        subject: Id,
        /// Where the run begins.
        path: u32,
        /// What to take instead, or [`NO_ID`].
        default: Id,
    },
    /// `subject ? a.${b}`; the run as in `SelectPath`.
    HasAttr {
        /// The set.
        subject: Id,
        /// Where the run begins.
        path: u32,
    },
    /// A set: `sets[0]`, not recursive.
    Set(u32),
    /// A recursive set: `sets[0]`.
    RecursiveSet(u32),
    /// A `let` with a frame of its own: `lets[0]`.
    Let {
        /// Which.
        index: u32,
        /// What it evaluates to.
        body: Id,
    },
    /// A `let` whose variables lie in the current frame.
    LetHere {
        /// Which of `lets`.
        index: u32,
        /// What it evaluates to.
        body: Id,
    },
    /// A list; the run holds the elements.
    List {
        /// Where the run begins.
        elements: u32,
        /// How many there are.
        count: u32,
    },
    /// `with set; body`
    With {
        /// The set.
        set: Id,
        /// The body, in the new frame.
        body: Id,
    },
    /// `assert condition; body`
    Assert {
        /// What must be true.
        condition: Id,
        /// The body.
        body: Id,
    },
    /// `if condition then yes else no`
    If {
        /// The condition.
        condition: Id,
        /// The first branch.
        yes: Id,
        /// The second branch.
        no: Id,
    },
    /// `!operand`
    Not(Id),
    /// `lhs && rhs`
    And(Id, Id),
    /// `lhs || rhs`
    Or(Id, Id),
    /// `lhs -> rhs`
    Implies(Id, Id),
    /// `lhs == rhs`
    Equal(Id, Id),
    /// `lhs != rhs`
    NotEqual(Id, Id),
    /// `__lessThan lhs rhs`: of `a < b`, and of `b > a` with the operands as `a > b` has them.
    Less(Id, Id),
    /// `!(__lessThan lhs rhs)`: of `a >= b`, and of `b <= a`.
    NotLess(Id, Id),
    /// `lhs + rhs`: numbers, strings, paths.
    Add(Id, Id),
    /// `__sub lhs rhs`; `-x` is `__sub 0 x`.
    Subtract(Id, Id),
    /// `__mul lhs rhs`
    Multiply(Id, Id),
    /// `__div lhs rhs`
    Divide(Id, Id),
    /// `lhs // rhs`
    Update(Id, Id),
    /// `lhs ++ rhs`
    Concat(Id, Id),
    /// A string with interpolations; the run holds the parts, and behind them as many byte
    /// offsets: where each part is written (`${`, or the text).
    Interpolate {
        /// Where the run begins.
        parts: u32,
        /// How many there are.
        count: u32,
    },
    /// A path with interpolations; the run is like that of `Interpolate`, and the first part is a
    /// path (without the `/` before an interpolation: that is a part of its own).
    InterpolatePath {
        /// Where the run begins.
        parts: u32,
        /// How many there are.
        count: u32,
    },
    /// `__curPos`
    CurrentPosition,
    /// `~/path` where the home directory is not known or not allowed; `constants[0]` is the text.
    HomePath(u32),
    /// The value of an attribute, of a variable or of a lambda that is in a compiled file and has
    /// not been read.
    Deferred(Deferred),
    /// A constant or a variable, where it is noted what values came from: so it is a thunk like
    /// other expressions, and the place that it is written at is known.
    Observe(Id),
}

const _: () = assert!(size_of::<Node>() == 16);

/// One step of an attribute path, as two numbers of `extra`: a tag and a symbol or node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathEntry {
    /// A name known from the text.
    Static(Symbol),
    /// An expression that gives the name.
    Dynamic(Id),
}

impl PathEntry {
    /// Returns the two numbers.
    pub fn encode(self) -> [u32; 2] {
        match self {
            PathEntry::Static(name) => [0, name.index()],
            PathEntry::Dynamic(id) => [1, id],
        }
    }

    /// Returns the entry of two numbers that [`PathEntry::encode`] made.
    #[inline(always)]
    pub fn decode(tag: u32, number: u32) -> PathEntry {
        if tag == 0 {
            PathEntry::Static(Symbol::from_index(number))
        } else {
            PathEntry::Dynamic(number)
        }
    }
}

/// What is static of a lambda.
#[derive(Clone)]
pub struct LambdaCode<'h> {
    /// How many arguments it takes before its body runs; at least one.
    pub arity: u32,
    /// How many slots its frame has.
    pub frame_len: u32,
    /// The body, in the lambda's frame; it changes once, when one that is deferred is read.
    pub body: Cell<Id>,
    /// The name it is bound to.
    pub name: Option<Symbol>,
    /// One per argument: the parameter or the name after `@`; `None` for formals without one.
    pub parameters: &'h [Option<Symbol>],
    /// Where each of the nested lambdas is written: byte offsets, one per argument.
    pub offsets: &'h [u32],
    /// The formals of the last parameter, if it has some.
    pub formals: Option<Formals<'h>>,
}

/// The formals of a lambda's last parameter; their slots follow the parameters' in this order.
#[derive(Clone, Copy)]
pub struct Formals<'h> {
    /// Sorted by symbol.
    pub formals: &'h [FormalCode],
    /// The indices into `formals` in the order written.
    pub written: &'h [u32],
    /// Whether they end in `...`.
    pub has_ellipsis: bool,
}

/// One formal.
#[derive(Clone, Copy, Debug)]
pub struct FormalCode {
    /// Its name.
    pub name: Symbol,
    /// Its default, in the lambda's frame, or [`NO_ID`].
    pub default: Id,
    /// Where it is written.
    pub position: Position,
}

/// A set literal.
#[derive(Clone, Copy)]
pub struct SetCode<'h> {
    /// The static names.
    pub shape: &'h Shape<'h>,
    /// Where each static attribute is written.
    pub positions: &'h [Position],
    /// The value of each static attribute.
    pub values: &'h [SetValue],
    /// Sources of `inherit (x)` that have a slot; of a recursive set they lie behind its
    /// attributes and are in its frame, of another one they are the frame of
    /// [`SetValue::Inherited`] and are evaluated outside.
    pub sources: &'h [Id],
    /// Attributes whose names are computed, in source order; of a recursive set they are in its
    /// frame.
    pub dynamic: &'h [DynamicAttr],
    /// Whether a recursive set has the attribute `__overrides`.
    pub has_overrides: bool,
}

/// The value of a static attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetValue {
    /// An expression in the set's own surroundings (of a recursive set: in its frame).
    Own(Id),
    /// An expression in the surroundings of the set: `inherit x`, of a recursive set evaluated
    /// *outside* its frame.
    Outer(Id),
    /// `inherit (x) a` of a set that is not recursive: in the frame of the sources.
    Inherited(Id),
}

/// An attribute whose name is computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DynamicAttr {
    /// Gives the name, or null to leave the attribute out.
    pub name: Id,
    /// The value.
    pub value: Id,
    /// Where it is written.
    pub position: Position,
}

/// The variables of a `let`.
#[derive(Clone, Copy)]
pub struct LetCode<'h> {
    /// The slot of the first variable in the current frame (`LetHere`), or 0.
    pub base: u32,
    /// The variables; the values are `Own` (in the frame) or `Outer` (`inherit x`).
    ///
    /// For `LetHere` both mean the current frame; an `Outer` one refers to a variable that is not
    /// of this `let`.
    pub values: &'h [SetValue],
    /// Sources of `inherit (x)`, in the slots behind the variables, evaluated in the frame.
    pub sources: &'h [Id],
}

/// A file that has been lowered.
#[derive(Clone, Debug)]
pub struct CodeFile<'h> {
    /// What it is called.
    pub origin: Origin,
    /// Its text.
    pub text: &'h [u8],
    /// Its whole expression.
    pub root: Id,
}

/// All code of one evaluation.
pub struct Code<'h> {
    /// The nodes.
    pub nodes: Table<Node>,
    /// Parallel to `nodes`: the byte offset in its file at which errors point.
    pub offsets: Table<u32>,
    /// Runs of numbers.
    pub extra: Table<u32>,
    /// Literals.
    pub constants: Table<Value<'h>>,
    /// Lambdas.
    pub lambdas: Table<LambdaCode<'h>>,
    /// Set literals.
    pub sets: Table<SetCode<'h>>,
    /// `let`s.
    pub lets: Table<LetCode<'h>>,
    /// Where deferred values are.
    pub(crate) units: Table<Unit<'h>>,
    /// By the place of a deferred value: what is known of it.
    pub(crate) read: Table<ReadLater>,
    /// Files; `FileId(n)` is number n - 1.
    files: RefCell<Vec<CodeFile<'h>>>,
    /// Runs of nodes of one file: the first node, and the file.
    runs: RefCell<Vec<(Id, FileId)>>,
    /// Figures of its evaluation.
    pub tally: Tally,
    /// Whether its evaluation takes note of where values come from.
    pub(crate) is_observed: Cell<bool>,
}

/// The most nodes of one evaluation; an address space of a gigabyte.
const NODES_MAX: usize = 1 << 26;

impl<'h> Code<'h> {
    /// Returns the code of no file.
    pub fn new() -> Code<'h> {
        Code {
            nodes: Table::new(NODES_MAX),
            offsets: Table::new(NODES_MAX),
            extra: Table::new(NODES_MAX),
            constants: Table::new(NODES_MAX / 4),
            lambdas: Table::new(NODES_MAX / 16),
            sets: Table::new(NODES_MAX / 8),
            lets: Table::new(NODES_MAX / 16),
            units: Table::new(NODES_MAX / 8),
            read: Table::new(NODES_MAX / 4),
            runs: RefCell::default(),
            files: RefCell::default(),
            tally: Tally::default(),
            is_observed: Cell::new(false),
        }
    }

    /// Whether a file of `size` bytes surely fits.
    ///
    /// No byte makes more than two nodes or constants, or four entries of a run; the shortest
    /// lambda is `a:b`, the shortest set `{}`, the shortest `let` longer than both.
    pub fn has_room(&self, size: usize) -> bool {
        let tables = [
            (self.nodes.room(), 2 * size),
            (self.offsets.room(), 2 * size),
            (self.extra.room(), 4 * size),
            (self.constants.room(), 2 * size),
            (self.lambdas.room(), size / 3),
            (self.sets.room(), size / 2),
            (self.lets.room(), size / 3),
            (self.units.room(), size / 2),
            (self.read.room(), size / 2),
        ];
        tables.iter().all(|&(room, need)| room > need + 64)
    }

    /// Begins a file and returns its number; lowering gives its root by [`Code::finish_file`].
    pub fn begin_file(&self, heap: &'h Heap, origin: Origin, text: Vec<u8>) -> (FileId, &'h [u8]) {
        let text: &'h [u8] = heap.keep(text);
        let mut files = self.files.borrow_mut();
        files.push(CodeFile { origin, text, root: NO_ID });
        let file = FileId(files.len() as u32);
        self.begin_run(file);
        (file, text)
    }

    /// Says that the nodes that follow are of this file.
    pub(crate) fn begin_run(&self, file: FileId) {
        let mut runs = self.runs.borrow_mut();
        if runs.last().is_none_or(|(_, last)| *last != file) {
            runs.push((self.nodes.len() as u32, file));
        }
    }

    /// Ends the file begun last.
    pub fn finish_file(&self, root: Id) {
        if let Some(file) = self.files.borrow_mut().last_mut() {
            file.root = root;
        }
    }

    /// Returns a file.
    pub fn file(&self, file: FileId) -> Option<CodeFile<'h>> {
        let index = (file.0 as usize).checked_sub(1)?;
        self.files.borrow().get(index).cloned()
    }

    /// Adds a node that was written at `offset`.
    pub fn push(&self, node: Node, offset: u32) -> Id {
        self.offsets.push(offset);
        self.nodes.push(node)
    }

    /// Returns where a node was written.
    #[cold]
    pub fn position(&self, id: Id) -> Position {
        let runs = self.runs.borrow();
        let after = runs.partition_point(|(first, _)| *first <= id);
        match after.checked_sub(1).and_then(|at| runs.get(at)) {
            Some(&(_, file)) if (id as usize) < self.offsets.len() => {
                Position { file, offset: *self.offsets.get(id) }
            }
            _ => Position::NONE,
        }
    }
}

impl Default for Code<'_> {
    fn default() -> Self {
        Code::new()
    }
}
