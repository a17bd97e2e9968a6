//! A pattern as instructions.

use super::parse::{Node, Tree};
use super::set::ByteSet;

/// The index of an instruction.
pub(super) type Pc = u32;

/// One instruction; unless said otherwise the next one follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This byte.
    Byte(u8),
    /// A byte of the set with this index.
    Set(u32),
    /// As many bytes of the set as there are, at least `min`; fewer if that leads nowhere.
    Run {
        /// The index of the set.
        set: u32,
        /// The least number of bytes: 0 or 1.
        min: u32,
        /// Whether taking fewer can never help.
        is_final: bool,
    },
    /// The start of the text.
    Start,
    /// The end of the text.
    End,
    /// A group opens.
    Open(u32),
    /// A group closes.
    Close(u32),
    /// Both, the next instruction first.
    Either(Pc),
    /// The next instruction, and `exit` only if that leads nowhere.
    Repeat {
        /// Where to go on without another round.
        exit: Pc,
        /// The number of the counter of rounds at one place; [`NO_COUNTER`] if each round takes
        /// at least one byte.
        counter: u32,
    },
    /// Go there.
    Jump(Pc),
    /// A match.
    Accept,
}

/// See [`Step::Repeat`].
pub(super) const NO_COUNTER: u32 = u32::MAX;

/// A compiled pattern.
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    pub(super) sets: Vec<ByteSet>,
    pub(super) group_count: usize,
    pub(super) counter_count: usize,
    /// The bytes that a match starts with; `None` if it may be empty.
    pub(super) first: Option<ByteSet>,
    /// The one byte that a match starts with.
    pub(super) first_byte: Option<u8>,
}

impl Program {
    /// Compiles a tree.
    pub(super) fn new(tree: &Tree) -> Program {
        let mut first = ByteSet::default();
        let first = tree.root.first(&mut first).then_some(first);
        let mut program = Program {
            steps: Vec::new(),
            sets: Vec::new(),
            group_count: tree.group_count as usize,
            counter_count: 0,
            first,
            first_byte: first.and_then(|set| set.single()),
        };
        program.emit(&tree.root);
        program.push(Step::Accept);
        program.finish_runs();
        program
    }

    /// Returns the set with this index.
    #[inline(always)]
    pub(super) fn set(&self, index: u32) -> &ByteSet {
        &self.sets[index as usize]
    }

    fn here(&self) -> Pc {
        // At most 100 000 states make at most a few instructions each.
        self.steps.len() as Pc
    }

    fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    fn add_set(&mut self, set: ByteSet) -> u32 {
        let index = self.sets.iter().rposition(|known| *known == set).unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        index as u32
    }

    fn counter(&mut self, body: &Node) -> u32 {
        if !body.is_nullable() {
            return NO_COUNTER;
        }
        self.counter_count += 1;
        (self.counter_count - 1) as u32
    }

    fn emit(&mut self, node: &Node) {
        match node {
            Node::Empty => {}
            Node::Set(set) => {
                let step = match set.single() {
                    Some(byte) => Step::Byte(byte),
                    None => Step::Set(self.add_set(*set)),
                };
                self.push(step);
            }
            Node::Start => {
                self.push(Step::Start);
            }
            Node::End => {
                self.push(Step::End);
            }
            Node::Group(index, node) => {
                self.push(Step::Open(*index));
                self.emit(node);
                self.push(Step::Close(*index));
            }
            Node::Concat(nodes) => nodes.iter().for_each(|node| self.emit(node)),
            Node::Either(branches) => self.either(branches),
            Node::Star(_) | Node::Plus(_) | Node::Optional(_) => self.repetition(node),
            Node::Counted(body, min, max) => {
                (0..*min).for_each(|_| self.emit(body));
                match max {
                    None => self.star(body),
                    Some(max) => self.optional(body, max - min),
                }
            }
        }
    }

    fn either(&mut self, branches: &[Node]) {
        let Some((last, branches)) = branches.split_last() else { return };
        let mut jumps = Vec::new();
        for branch in branches {
            let either = self.push(Step::Accept);
            self.emit(branch);
            jumps.push(self.push(Step::Accept));
            self.steps[either] = Step::Either(self.here());
        }
        self.emit(last);
        let end = self.here();
        for jump in jumps {
            self.steps[jump] = Step::Jump(end);
        }
    }

    /// Repetitions of repetitions are one: `x+?` is `x*`. Each would have a counter of its own,
    /// and all that these can be would be tried.
    fn repetition(&mut self, node: &Node) {
        let (mut may_be_none, mut may_be_many, mut body) = (false, false, node);
        loop {
            body = match body {
                Node::Star(inner) => {
                    (may_be_none, may_be_many) = (true, true);
                    inner
                }
                Node::Plus(inner) => {
                    may_be_many = true;
                    inner
                }
                Node::Optional(inner) => {
                    may_be_none = true;
                    inner
                }
                _ => break,
            };
        }
        match (may_be_none, may_be_many) {
            (true, true) => self.star(body),
            (false, _) => self.plus(body),
            (true, false) => self.optional(body, 1),
        }
    }

    fn plus(&mut self, body: &Node) {
        if let Node::Set(set) = *body {
            let set = self.add_set(set);
            self.push(Step::Run { set, min: 1, is_final: false });
            return;
        }
        let start = self.here();
        self.emit(body);
        let counter = self.counter(body);
        self.push(Step::Repeat { exit: self.here() + 2, counter });
        self.push(Step::Jump(start));
    }

    fn star(&mut self, body: &Node) {
        if let Node::Set(set) = *body {
            let set = self.add_set(set);
            self.push(Step::Run { set, min: 0, is_final: false });
            return;
        }
        let counter = self.counter(body);
        let repeat = self.push(Step::Accept);
        self.emit(body);
        self.push(Step::Jump(repeat as Pc));
        self.steps[repeat] = Step::Repeat { exit: self.here(), counter };
    }

    /// `(body(body(...)?)?)?`, `count` times; all leave to the same place.
    fn optional(&mut self, body: &Node, count: u32) {
        let mut repeats = Vec::new();
        for _ in 0..count {
            let counter = self.counter(body);
            repeats.push((self.push(Step::Accept), counter));
            self.emit(body);
        }
        let exit = self.here();
        for (at, counter) in repeats {
            self.steps[at] = Step::Repeat { exit, counter };
        }
    }

    /// Finds the runs that need not be reconsidered: what follows cannot start with a byte of
    /// the run, or nothing follows.
    fn finish_runs(&mut self) {
        for index in 0..self.steps.len() {
            let Step::Run { set, min, .. } = self.steps[index] else { continue };
            let mut next = index + 1;
            let is_final = loop {
                match self.steps[next] {
                    Step::Open(_) | Step::Close(_) => next += 1,
                    Step::Jump(pc) => next = pc as usize,
                    Step::Byte(byte) => break !self.set(set).contains(byte),
                    Step::Set(other) | Step::Run { set: other, min: 1, .. } => {
                        break self.set(set).is_disjoint(self.set(other));
                    }
                    Step::Accept => break true,
                    Step::Start
                    | Step::End
                    | Step::Run { .. }
                    | Step::Either(_)
                    | Step::Repeat { .. } => break false,
                }
            };
            self.steps[index] = Step::Run { set, min, is_final };
        }
    }
}
