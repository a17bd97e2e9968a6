//! From bytes to nodes: at once as far as a file's value needs them, the rest when it is asked for.

use std::cell::Cell;

use super::bytes::{Reader as Bytes, checksum};
use super::write::relative;
use super::{Key, tag};
use crate::builtins;
use crate::heap::{Heap, Shape, Str, Symbol, Value};
use crate::ir::{
    Code, DynamicAttr, FormalCode, Formals, Id, LambdaCode, LetCode, NO_ID, Node, PathEntry,
    SetCode, SetValue,
};
use crate::source::{FileId, HOST, Position, SourcePath, canonical};

/// Nodes nest at most so deep; what is deeper is lowered from its text each time.
const DEPTH_MAX: u32 = 4_000;

/// A file whose bytes are being read, and those of its surroundings that the bytes leave open.
pub(crate) struct CompiledFile<'h> {
    bytes: &'h [u8],
    symbols: Vec<Symbol>,
    file: FileId,
    directory: SourcePath,
}

/// Where values are that are read later: a file, and the frames around them.
#[derive(Clone, Copy)]
pub(crate) struct Unit<'h> {
    file: &'h CompiledFile<'h>,
    frames: Option<&'h FrameCx<'h>>,
}

impl Unit<'_> {
    /// Returns the size of the file's bytes.
    pub(crate) fn size(self) -> usize {
        self.file.bytes.len()
    }
}

/// A frame around what is being read.
pub(crate) struct FrameCx<'h> {
    up: Option<&'h FrameCx<'h>>,
    /// How many slots it has.
    len: u32,
    /// The first slot whose place follows from the order of symbols.
    first: u32,
    /// By the place where the file was compiled: the place here, counted from `first`.
    places: &'h [u32],
    is_with: bool,
}

/// A value that has not been read; see [`Node::Deferred`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deferred {
    /// Which unit it is in.
    pub(crate) unit: u32,
    /// Where it begins in the bytes of the file.
    pub(crate) start: u32,
    /// Where the node is noted once it has been read.
    pub(crate) place: u32,
}

/// What is known of a deferred value.
pub(crate) struct ReadLater {
    /// Its node, or [`NO_ID`] while it has not been read.
    id: Cell<Id>,
    /// The lambda whose body it is, or [`NO_ID`].
    lambda: Cell<u32>,
}

impl ReadLater {
    /// Returns the node, or [`NO_ID`] while there is none.
    #[inline(always)]
    pub(crate) fn id(&self) -> Id {
        self.id.get()
    }
}

/// Returns the root of a file from what [`super::write()`] made of one with the same key, or `None`
/// if the bytes are not in order; `file` has begun in `code`.
pub(crate) fn load<'h>(
    heap: &'h Heap,
    code: &Code<'h>,
    bytes: &'h [u8],
    key: &Key,
    file: FileId,
    directory: &SourcePath,
) -> Option<Id> {
    let (sum, payload) = bytes.split_at_checked(8)?;
    if u64::from_le_bytes(sum.try_into().ok()?) != checksum(key, payload) {
        return None;
    }
    let mut input = Bytes::new(payload, 0);
    let count = input.count()? as usize;
    let mut symbols = Vec::with_capacity(count);
    for _ in 0..count {
        symbols.push(Symbol::intern(input.bytes()?));
    }
    let start = input.pos();
    let file = CompiledFile { bytes: payload, symbols, file, directory: directory.clone() };
    let mut reader = Reader::new(heap, code, Unit { file: heap.keep(file), frames: None }, start);
    reader.node()
}

/// Reads a value that was left for later.
pub(crate) fn read_deferred<'h>(
    heap: &'h Heap,
    code: &Code<'h>,
    unit: Unit<'h>,
    deferred: Deferred,
    offset: u32,
) -> Option<Id> {
    code.begin_run(unit.file.file);
    let mut reader = Reader::new(heap, code, unit, deferred.start as usize);
    reader.last = offset;
    let id = reader.node()?;
    let known = code.read.get(deferred.place);
    known.id.set(id);
    // From now on the lambda is called without this detour.
    if known.lambda.get() != NO_ID {
        code.lambdas.get(known.lambda.get()).body.set(id);
    }
    Some(id)
}

struct Reader<'a, 'h> {
    heap: &'h Heap,
    code: &'a Code<'h>,
    file: &'h CompiledFile<'h>,
    frames: Option<&'h FrameCx<'h>>,
    input: Bytes<'h>,
    last: u32,
    depth: u32,
    /// Numbers for a run that has begun; each user takes off what it has put on.
    scratch: Vec<u32>,
    /// Values of sets that have begun.
    values: Vec<SetValue>,
    /// The unit of the current frames, once something in them is left for later.
    unit: Option<u32>,
}

impl<'a, 'h> Reader<'a, 'h> {
    fn new(heap: &'h Heap, code: &'a Code<'h>, unit: Unit<'h>, start: usize) -> Self {
        Reader {
            heap,
            code,
            file: unit.file,
            frames: unit.frames,
            input: Bytes::new(unit.file.bytes, start),
            last: 0,
            depth: 0,
            scratch: Vec::new(),
            values: Vec::new(),
            unit: None,
        }
    }

    #[inline(always)]
    fn offset(&mut self) -> Option<u32> {
        let offset = i64::from(self.last) + self.input.signed()?;
        self.last = u32::try_from(offset).ok()?;
        Some(self.last)
    }

    fn position(&mut self) -> Option<Position> {
        Some(Position { file: self.file.file, offset: self.offset()? })
    }

    #[inline(always)]
    fn symbol(&mut self) -> Option<Symbol> {
        self.file.symbols.get(self.input.number()? as usize).copied()
    }

    #[expect(clippy::option_option, reason = "the outer one is for a damaged file")]
    fn optional_symbol(&mut self) -> Option<Option<Symbol>> {
        match (self.input.number()? as usize).checked_sub(1) {
            Some(index) => self.file.symbols.get(index).copied().map(Some),
            None => Some(None),
        }
    }

    /// Enters a frame; `places` are as in [`FrameCx`].
    fn enter(&mut self, len: u32, first: u32, places: &[u32], is_with: bool) -> Option<()> {
        // Each slot comes from something that takes a byte at least.
        if len as usize > self.file.bytes.len() {
            return None;
        }
        let arena = self.heap.arena();
        let places = arena.alloc_slice(places);
        let frame = FrameCx { up: self.frames, len, first, places, is_with };
        self.frames = Some(arena.alloc(frame));
        self.unit = None;
        Some(())
    }

    /// Reads something outside the current frame.
    fn outside<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let inside = self.frames;
        self.leave(inside?.up);
        let result = read(self);
        self.leave(inside);
        result
    }

    fn leave(&mut self, frames: Option<&'h FrameCx<'h>>) {
        self.frames = frames;
        self.unit = None;
    }

    fn frame(&self, level: u32) -> Option<&'h FrameCx<'h>> {
        let mut frame = self.frames?;
        for _ in 0..level {
            frame = frame.up?;
        }
        Some(frame)
    }

    /// Reads a node and what is in it.
    fn node(&mut self) -> Option<Id> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let tag = self.input.byte()?;
        let offset = self.offset()?;
        let node = match tag {
            tag::LOCAL => self.local()?,
            tag::SELECT => Node::Select { name: self.symbol()?, subject: self.node()? },
            tag::APPLY => {
                let function = self.node()?;
                let (arguments, count) = self.nodes()?;
                Node::Apply { function, arguments, count }
            }
            tag::INT..=tag::NULL | tag::EMPTY_LIST => self.constant(tag)?,
            tag::DEFERRED => self.deferred()?,
            tag::LAMBDA => self.lambda()?,
            tag::SET => self.set(false)?,
            tag::RECURSIVE_SET => self.set(true)?,
            tag::LET => self.let_in()?,
            tag::LET_HERE => self.let_here()?,
            tag::LIST => {
                let (elements, count) = self.nodes()?;
                Node::List { elements, count }
            }
            tag::WITH => {
                let set = self.node()?;
                let outside = self.frames;
                self.enter(1, 0, &[], true)?;
                let body = self.node()?;
                self.leave(outside);
                Node::With { set, body }
            }
            tag::NOT..=tag::CONCAT => self.operator(tag)?,
            _ => self.rare(tag)?,
        };
        self.depth -= 1;
        Some(self.code.push(node, offset))
    }

    fn rare(&mut self, tag: u8) -> Option<Node> {
        Some(match tag {
            tag::WITH_VARIABLE => self.with_variable()?,
            tag::BUILTINS => Node::Builtins,
            tag::DERIVATION => Node::Derivation,
            tag::SELECT_OR => Node::SelectOr {
                name: self.symbol()?,
                subject: self.node()?,
                default: self.node()?,
            },
            tag::SELECT_PATH => Node::SelectPath {
                subject: self.node()?,
                path: self.path()?,
                default: self.optional()?,
            },
            tag::HAS_ATTR => Node::HasAttr { subject: self.node()?, path: self.path()? },
            tag::ASSERT => Node::Assert { condition: self.node()?, body: self.node()? },
            tag::IF => Node::If { condition: self.node()?, yes: self.node()?, no: self.node()? },
            tag::INTERPOLATE => {
                let (parts, count) = self.parts()?;
                Node::Interpolate { parts, count }
            }
            tag::INTERPOLATE_PATH => {
                let (parts, count) = self.parts()?;
                Node::InterpolatePath { parts, count }
            }
            tag::CURRENT_POSITION => Node::CurrentPosition,
            _ => return None,
        })
    }

    fn operator(&mut self, tag: u8) -> Option<Node> {
        let lhs = self.node()?;
        if tag == tag::NOT {
            return Some(Node::Not(lhs));
        }
        let rhs = self.node()?;
        Some(match tag {
            tag::AND => Node::And(lhs, rhs),
            tag::OR => Node::Or(lhs, rhs),
            tag::IMPLIES => Node::Implies(lhs, rhs),
            tag::EQUAL => Node::Equal(lhs, rhs),
            tag::NOT_EQUAL => Node::NotEqual(lhs, rhs),
            tag::LESS => Node::Less(lhs, rhs),
            tag::NOT_LESS => Node::NotLess(lhs, rhs),
            tag::ADD => Node::Add(lhs, rhs),
            tag::SUBTRACT => Node::Subtract(lhs, rhs),
            tag::MULTIPLY => Node::Multiply(lhs, rhs),
            tag::DIVIDE => Node::Divide(lhs, rhs),
            tag::UPDATE => Node::Update(lhs, rhs),
            tag::CONCAT => Node::Concat(lhs, rhs),
            _ => return None,
        })
    }

    fn local(&mut self) -> Option<Node> {
        let level = self.input.small()?;
        let index = self.input.small()?;
        let frame = self.frame(level)?;
        if index >= frame.len {
            return None;
        }
        let place = index.checked_sub(frame.first).and_then(|at| frame.places.get(at as usize));
        let index = place.map_or(index, |place| frame.first + place);
        Some(Node::Local { level, index })
    }

    fn with_variable(&mut self) -> Option<Node> {
        let name = self.symbol()?;
        let count = self.input.count()?;
        let start = self.scratch.len();
        for _ in 0..count {
            let level = self.input.small()?;
            if !self.frame(level)?.is_with {
                return None;
            }
            self.scratch.push(level);
        }
        let (levels, count) = self.run_from(start);
        Some(Node::WithVariable { name, levels, count })
    }

    fn constant(&mut self, tag: u8) -> Option<Node> {
        let value = match tag {
            tag::INT => Value::int(self.input.signed()?),
            tag::FLOAT => {
                let bits = u64::from_le_bytes(self.input.take(8)?.try_into().ok()?);
                Value::float(f64::from_bits(bits))
            }
            tag::STRING => Value::string(self.heap, Str::new(self.input.bytes()?)),
            tag::RELATIVE_PATH => {
                let (root, bytes) = relative(&self.file.directory, self.input.bytes()?);
                Value::path(self.heap, root, &bytes)
            }
            tag::ABSOLUTE_PATH => Value::path(self.heap, HOST, &canonical(self.input.bytes()?)),
            tag::BUILTIN => {
                let index = self.input.small()?;
                builtins::all().get(index as usize)?;
                Value::builtin(index)
            }
            tag::TRUE => Value::bool(true),
            tag::FALSE => Value::bool(false),
            tag::EMPTY_LIST => Value::list(&[]),
            _ => Value::NULL,
        };
        Some(Node::Constant(self.code.constants.push(value)))
    }

    /// Makes a run of the numbers of `scratch` above `start`.
    fn run_from(&mut self, start: usize) -> (u32, u32) {
        let numbers = self.scratch.get(start..).unwrap_or_default();
        let run = (self.code.extra.extend(numbers), numbers.len() as u32);
        self.scratch.truncate(start);
        run
    }

    fn nodes(&mut self) -> Option<(u32, u32)> {
        let count = self.input.count()?;
        let start = self.scratch.len();
        for _ in 0..count {
            let id = self.node()?;
            self.scratch.push(id);
        }
        Some(self.run_from(start))
    }

    fn optional(&mut self) -> Option<Id> {
        if self.input.byte()? == 0 { Some(NO_ID) } else { self.node() }
    }

    fn path(&mut self) -> Option<u32> {
        let count = self.input.count()?;
        let start = self.scratch.len();
        self.scratch.push(count);
        for _ in 0..count {
            let entry = match self.input.byte()? {
                0 => PathEntry::Static(self.symbol()?),
                _ => PathEntry::Dynamic(self.node()?),
            };
            self.scratch.extend(entry.encode());
        }
        Some(self.run_from(start).0)
    }

    fn parts(&mut self) -> Option<(u32, u32)> {
        let count = self.input.count()?;
        let mut offsets = Vec::with_capacity(count as usize);
        let start = self.scratch.len();
        for _ in 0..count {
            offsets.push(self.offset()?);
            let id = self.node()?;
            self.scratch.push(id);
        }
        self.scratch.extend(offsets);
        Some((self.run_from(start).0, count))
    }

    /// Leaves a value for later.
    fn deferred(&mut self) -> Option<Node> {
        let len = self.input.count()? as usize;
        let start = self.input.pos() as u32;
        self.input.take(len)?;
        let unit = match self.unit {
            Some(unit) => unit,
            None => {
                let unit = Unit { file: self.file, frames: self.frames };
                *self.unit.insert(self.code.units.push(unit))
            }
        };
        let place =
            self.code.read.push(ReadLater { id: Cell::new(NO_ID), lambda: Cell::new(NO_ID) });
        Some(Node::Deferred(Deferred { unit, start, place }))
    }

    fn lambda(&mut self) -> Option<Node> {
        let arity = self.input.count()?;
        let frame_len = self.input.small()?;
        let name = self.optional_symbol()?;
        let mut parameters = Vec::with_capacity(arity as usize);
        let mut offsets = Vec::with_capacity(arity as usize);
        for _ in 0..arity {
            parameters.push(self.optional_symbol()?);
            offsets.push(self.offset()?);
        }
        let outside = self.frames;
        let formals = match self.input.byte()? {
            0 => {
                self.enter(frame_len, 0, &[], false)?;
                None
            }
            kind => Some(self.formals(arity, frame_len, kind == 2)?),
        };
        let own = arity as usize + formals.map_or(0, |formals| formals.formals.len());
        if arity == 0 || own > frame_len as usize {
            return None;
        }
        let body = self.node()?;
        self.leave(outside);
        let arena = self.heap.arena();
        let lambda = LambdaCode {
            arity,
            frame_len,
            body: Cell::new(body),
            name,
            parameters: arena.alloc_slice(&parameters),
            offsets: arena.alloc_slice(&offsets),
            formals,
        };
        let index = self.code.lambdas.push(lambda);
        if let Node::Deferred(deferred) = self.code.nodes.get(body) {
            self.code.read.get(deferred.place).lambda.set(index);
        }
        Some(Node::Lambda(index))
    }

    /// Reads formals and enters the frame of their lambda.
    fn formals(&mut self, arity: u32, frame_len: u32, has_ellipsis: bool) -> Option<Formals<'h>> {
        let count = self.input.count()? as usize;
        let mut formals = Vec::with_capacity(count);
        for _ in 0..count {
            let (name, position) = (self.symbol()?, self.position()?);
            formals.push(FormalCode { name, default: NO_ID, position });
        }
        let order = Order::of(formals.iter().map(|formal| formal.name))?;
        let mut written = Vec::with_capacity(count);
        for _ in 0..count {
            let index = self.input.small()?;
            written.push(order.place(index, count)?);
        }
        self.enter(frame_len, arity, &order.places, false)?;
        for formal in &mut formals {
            formal.default = self.optional()?;
        }
        if !order.places.is_empty() {
            formals.sort_unstable_by_key(|formal| formal.name);
        }
        let arena = self.heap.arena();
        let formals = arena.alloc_slice(&formals);
        Some(Formals { formals, written: arena.alloc_slice(&written), has_ellipsis })
    }

    fn set(&mut self, is_recursive: bool) -> Option<Node> {
        let count = self.input.count()? as usize;
        let source_count = self.input.count()?;
        let mut names = Vec::with_capacity(count);
        let mut positions = Vec::with_capacity(count);
        for _ in 0..count {
            names.push(self.symbol()?);
            positions.push(self.position()?);
        }
        let order = Order::of(names.iter().copied())?;
        let outside = self.frames;
        if is_recursive {
            self.enter(count as u32 + source_count, 0, &order.places, false)?;
        }
        let first = self.values.len();
        let sources = self.set_values(count, source_count, is_recursive, false)?;
        let dynamic = self.dynamic()?;
        self.leave(outside);
        let values = self.values.get(first..).unwrap_or_default();
        let arena = self.heap.arena();
        let (positions, values): (&[Position], &[SetValue]) = if order.places.is_empty() {
            (arena.alloc_slice(&positions), arena.alloc_slice(values))
        } else {
            names.sort_unstable();
            let from = order.inverse();
            let from = |index: usize| from.get(index).copied().unwrap_or_default() as usize;
            (
                arena.alloc_slice_with(count, |index| positions[from(index)]),
                arena.alloc_slice_with(count, |index| values[from(index)]),
            )
        };
        let overrides = Symbol::intern(b"__overrides");
        let code = SetCode {
            shape: Shape::new(self.heap, &names),
            positions,
            values,
            sources: arena.alloc_slice(&sources),
            dynamic: arena.alloc_slice(&dynamic),
            has_overrides: is_recursive && names.binary_search(&overrides).is_ok(),
        };
        self.values.truncate(first);
        let index = self.code.sets.push(code);
        Some(if is_recursive { Node::RecursiveSet(index) } else { Node::Set(index) })
    }

    /// Puts `count` values on `values` and returns the sources.
    ///
    /// Of a recursive set both are read in its frame, which is the current one.
    fn set_values(
        &mut self,
        count: usize,
        sources: u32,
        has_frame: bool,
        is_let: bool,
    ) -> Option<Vec<Id>> {
        for _ in 0..count {
            let value = match self.input.byte()? {
                tag::OWN => SetValue::Own(self.node()?),
                tag::OUTER if has_frame => SetValue::Outer(self.outside(Self::node)?),
                tag::OUTER => SetValue::Outer(self.node()?),
                tag::INHERITED if sources > 0 && !has_frame && !is_let => {
                    let outside = self.frames;
                    self.enter(sources, 0, &[], false)?;
                    let id = self.node()?;
                    self.leave(outside);
                    SetValue::Inherited(id)
                }
                _ => return None,
            };
            self.values.push(value);
        }
        (0..sources).map(|_| self.node()).collect()
    }

    fn dynamic(&mut self) -> Option<Vec<DynamicAttr>> {
        let count = self.input.count()?;
        let mut dynamic = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let position = self.position()?;
            let (name, value) = (self.node()?, self.node()?);
            dynamic.push(DynamicAttr { name, value, position });
        }
        Some(dynamic)
    }

    fn let_in(&mut self) -> Option<Node> {
        let (_, count, sources) = (self.input.small()?, self.input.count()?, self.input.count()?);
        let outside = self.frames;
        self.enter(count + sources, 0, &[], false)?;
        let index = self.bindings(0, count, sources, true)?;
        let body = self.node()?;
        self.leave(outside);
        Some(Node::Let { index, body })
    }

    fn let_here(&mut self) -> Option<Node> {
        let (base, count, sources) =
            (self.input.small()?, self.input.count()?, self.input.count()?);
        let end = base.checked_add(count)?.checked_add(sources)?;
        if end > self.frames?.len {
            return None;
        }
        let index = self.bindings(base, count, sources, false)?;
        let body = self.node()?;
        Some(Node::LetHere { index, body })
    }

    fn bindings(&mut self, base: u32, count: u32, sources: u32, has_frame: bool) -> Option<u32> {
        let first = self.values.len();
        let sources = self.set_values(count as usize, sources, has_frame, true)?;
        let arena = self.heap.arena();
        let values = arena.alloc_slice(self.values.get(first..).unwrap_or_default());
        self.values.truncate(first);
        Some(self.code.lets.push(LetCode { base, values, sources: arena.alloc_slice(&sources) }))
    }
}

/// The order of names by symbol, beside the one in which they were written.
struct Order {
    /// By the place where they are written: the place by symbol. Empty if they are the same.
    places: Vec<u32>,
}

impl Order {
    /// Returns the order of `names`, `None` if one is there twice.
    fn of(names: impl Iterator<Item = Symbol> + Clone) -> Option<Order> {
        if names.clone().is_sorted_by(|a, b| a < b) {
            return Some(Order { places: Vec::new() });
        }
        let mut sorted: Vec<(Symbol, u32)> = names.zip(0..).collect();
        sorted.sort_unstable();
        if !sorted.is_sorted_by(|a, b| a.0 < b.0) {
            return None;
        }
        let mut places = vec![0; sorted.len()];
        for ((_, written), place) in sorted.into_iter().zip(0..) {
            *places.get_mut(written as usize)? = place;
        }
        Some(Order { places })
    }

    /// Returns the place by symbol of the name written at `index`, of `count`.
    fn place(&self, index: u32, count: usize) -> Option<u32> {
        if self.places.is_empty() {
            return ((index as usize) < count).then_some(index);
        }
        self.places.get(index as usize).copied()
    }

    /// Returns by the place by symbol: where it is written.
    fn inverse(&self) -> Vec<u32> {
        let mut from = vec![0; self.places.len()];
        for (place, written) in self.places.iter().zip(0..) {
            if let Some(from) = from.get_mut(*place as usize) {
                *from = written;
            }
        }
        from
    }
}
