//! From the nodes of a lowered file to bytes.

use rustc_hash::FxHashMap;
use syntax::literal::PathKind;

use super::bytes::{Writer as Bytes, checksum};
use super::{Key, tag};
use crate::heap::{Kind, Symbol, Value};
use crate::ir::{
    Code, Formals, Id, LambdaCode, LetCode, NO_ID, Node, PathEntry, SetCode, SetValue,
};
use crate::source::{HOST, SourcePath, canonical};

/// Values that take fewer bytes are not worth being read later.
const DEFERRED_SIZE_MIN: usize = 12;

/// Returns a lowered file as bytes, or `None` if what it holds depends on where it is.
///
/// `names` are the names that lowering has met, in that order.
pub(crate) fn write(
    code: &Code<'_>,
    root: Id,
    names: &[Symbol],
    text: &[u8],
    directory: &SourcePath,
    key: &Key,
) -> Option<Vec<u8>> {
    let symbols = names.iter().copied().zip(0..).collect();
    let mut writer = Writer { code, text, directory, symbols, out: Bytes::default(), last: 0 };
    writer.out.number(names.len() as u64);
    for name in names {
        writer.out.bytes(name.as_bytes());
    }
    writer.node(root)?;
    let payload = writer.out.out;
    let mut bytes = Vec::with_capacity(payload.len() + 8);
    bytes.extend_from_slice(&checksum(key, &payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    Some(bytes)
}

struct Writer<'a, 'h> {
    code: &'a Code<'h>,
    text: &'a [u8],
    directory: &'a SourcePath,
    symbols: FxHashMap<Symbol, u32>,
    out: Bytes,
    /// The offset written last; the next one is told by its difference.
    last: u32,
}

impl Writer<'_, '_> {
    fn offset(&mut self, offset: u32) {
        self.out.signed(i64::from(offset) - i64::from(self.last));
        self.last = offset;
    }

    fn symbol(&mut self, symbol: Symbol) -> Option<()> {
        let index = *self.symbols.get(&symbol)?;
        self.out.number(u64::from(index));
        Some(())
    }

    /// Writes a symbol or that there is none.
    fn optional_symbol(&mut self, symbol: Option<Symbol>) -> Option<()> {
        let number = match symbol {
            Some(symbol) => u64::from(*self.symbols.get(&symbol)?) + 1,
            None => 0,
        };
        self.out.number(number);
        Some(())
    }

    fn nodes(&mut self, ids: &[Id]) -> Option<()> {
        self.out.number(ids.len() as u64);
        ids.iter().try_for_each(|id| self.node(*id))
    }

    /// Writes a node: its tag, its offset, what is in it.
    fn node(&mut self, id: Id) -> Option<()> {
        let node = *self.code.nodes.get(id);
        let offset = *self.code.offsets.get(id);
        match node {
            Node::Constant(constant) => {
                return self.constant(*self.code.constants.get(constant), offset);
            }
            Node::Lambda(index) => {
                self.head(tag::LAMBDA, offset);
                return self.lambda(self.code.lambdas.get(index));
            }
            Node::Set(index) => {
                self.head(tag::SET, offset);
                return self.set(self.code.sets.get(index));
            }
            Node::RecursiveSet(index) => {
                self.head(tag::RECURSIVE_SET, offset);
                return self.set(self.code.sets.get(index));
            }
            Node::Let { index, body } => {
                self.head(tag::LET, offset);
                self.bindings(self.code.lets.get(index))?;
                return self.node(body);
            }
            Node::LetHere { index, body } => {
                self.head(tag::LET_HERE, offset);
                self.bindings(self.code.lets.get(index))?;
                return self.node(body);
            }
            _ => {}
        }
        self.simple(node, offset)
    }

    fn simple(&mut self, node: Node, offset: u32) -> Option<()> {
        match node {
            Node::Local { level, index } => {
                self.head(tag::LOCAL, offset);
                self.out.number(u64::from(level));
                self.out.number(u64::from(index));
                Some(())
            }
            Node::WithVariable { name, levels, count } => {
                self.head(tag::WITH_VARIABLE, offset);
                self.symbol(name)?;
                let levels = self.code.extra.slice(levels, count);
                self.out.number(levels.len() as u64);
                for level in levels {
                    self.out.number(u64::from(*level));
                }
                Some(())
            }
            Node::Builtins => self.all(tag::BUILTINS, offset, &[]),
            Node::Derivation => self.all(tag::DERIVATION, offset, &[]),
            Node::Apply { function, arguments, count } => {
                self.all(tag::APPLY, offset, &[function])?;
                self.nodes(self.code.extra.slice(arguments, count))
            }
            Node::Select { subject, name } => {
                self.head(tag::SELECT, offset);
                self.symbol(name)?;
                self.node(subject)
            }
            Node::SelectOr { subject, name, default } => {
                self.head(tag::SELECT_OR, offset);
                self.symbol(name)?;
                self.node(subject)?;
                self.node(default)
            }
            Node::SelectPath { subject, path, default } => {
                self.head(tag::SELECT_PATH, offset);
                self.node(subject)?;
                self.path(path)?;
                self.optional(default)
            }
            Node::HasAttr { subject, path } => {
                self.head(tag::HAS_ATTR, offset);
                self.node(subject)?;
                self.path(path)
            }
            Node::List { elements, count } => {
                self.head(tag::LIST, offset);
                self.nodes(self.code.extra.slice(elements, count))
            }
            Node::With { set, body } => self.all(tag::WITH, offset, &[set, body]),
            Node::Assert { condition, body } => self.all(tag::ASSERT, offset, &[condition, body]),
            Node::If { condition, yes, no } => self.all(tag::IF, offset, &[condition, yes, no]),
            Node::Not(operand) => self.all(tag::NOT, offset, &[operand]),
            Node::Interpolate { parts, count } => {
                self.head(tag::INTERPOLATE, offset);
                self.parts(parts, count)
            }
            Node::InterpolatePath { parts, count } => {
                self.head(tag::INTERPOLATE_PATH, offset);
                self.parts(parts, count)
            }
            Node::CurrentPosition => self.all(tag::CURRENT_POSITION, offset, &[]),
            // The home directory is not a part of the text.
            Node::HomePath(_) => None,
            // A file that was itself read from bytes is not written again.
            Node::Deferred(_) => None,
            other => self.operator(other, offset),
        }
    }

    fn operator(&mut self, node: Node, offset: u32) -> Option<()> {
        let (tag, lhs, rhs) = match node {
            Node::And(lhs, rhs) => (tag::AND, lhs, rhs),
            Node::Or(lhs, rhs) => (tag::OR, lhs, rhs),
            Node::Implies(lhs, rhs) => (tag::IMPLIES, lhs, rhs),
            Node::Equal(lhs, rhs) => (tag::EQUAL, lhs, rhs),
            Node::NotEqual(lhs, rhs) => (tag::NOT_EQUAL, lhs, rhs),
            Node::Less(lhs, rhs) => (tag::LESS, lhs, rhs),
            Node::NotLess(lhs, rhs) => (tag::NOT_LESS, lhs, rhs),
            Node::Add(lhs, rhs) => (tag::ADD, lhs, rhs),
            Node::Subtract(lhs, rhs) => (tag::SUBTRACT, lhs, rhs),
            Node::Multiply(lhs, rhs) => (tag::MULTIPLY, lhs, rhs),
            Node::Divide(lhs, rhs) => (tag::DIVIDE, lhs, rhs),
            Node::Update(lhs, rhs) => (tag::UPDATE, lhs, rhs),
            Node::Concat(lhs, rhs) => (tag::CONCAT, lhs, rhs),
            // `node` and `simple` write these; a new kind of node must say what it wants here.
            Node::Constant(_)
            | Node::Local { .. }
            | Node::WithVariable { .. }
            | Node::Builtins
            | Node::Derivation
            | Node::Lambda(_)
            | Node::Apply { .. }
            | Node::Select { .. }
            | Node::SelectOr { .. }
            | Node::SelectPath { .. }
            | Node::HasAttr { .. }
            | Node::Set(_)
            | Node::RecursiveSet(_)
            | Node::Let { .. }
            | Node::LetHere { .. }
            | Node::List { .. }
            | Node::With { .. }
            | Node::Assert { .. }
            | Node::If { .. }
            | Node::Not(_)
            | Node::Interpolate { .. }
            | Node::InterpolatePath { .. }
            | Node::CurrentPosition
            | Node::HomePath(_)
            | Node::Deferred(_)
            | Node::Observe(_) => return None,
        };
        self.all(tag, offset, &[lhs, rhs])
    }

    fn head(&mut self, tag: u8, offset: u32) {
        self.out.byte(tag);
        self.offset(offset);
    }

    fn all(&mut self, tag: u8, offset: u32, children: &[Id]) -> Option<()> {
        self.head(tag, offset);
        children.iter().try_for_each(|child| self.node(*child))
    }

    fn optional(&mut self, id: Id) -> Option<()> {
        self.out.byte(u8::from(id != NO_ID));
        if id == NO_ID { Some(()) } else { self.node(id) }
    }

    fn constant(&mut self, value: Value<'_>, offset: u32) -> Option<()> {
        match value.kind() {
            Kind::Int(number) => {
                self.head(tag::INT, offset);
                self.out.signed(number);
            }
            Kind::Float(number) => {
                self.head(tag::FLOAT, offset);
                self.out.out.extend_from_slice(&number.to_bits().to_le_bytes());
            }
            Kind::String(string) if string.context().is_none() => {
                self.head(tag::STRING, offset);
                self.out.bytes(string.bytes());
            }
            Kind::Path(path) => return self.path_literal(path.root, path.bytes, offset),
            Kind::Builtin(index) => {
                self.head(tag::BUILTIN, offset);
                self.out.number(u64::from(index));
            }
            Kind::Bool(true) => self.head(tag::TRUE, offset),
            Kind::Bool(false) => self.head(tag::FALSE, offset),
            Kind::Null => self.head(tag::NULL, offset),
            Kind::List([]) => self.head(tag::EMPTY_LIST, offset),
            // No literal is any of these.
            Kind::String(_) | Kind::Attrs(_) | Kind::List(_) => return None,
            Kind::Lambda(_) | Kind::Partial(_) => return None,
        }
        Some(())
    }

    /// Writes the path literal at `offset`, which is `root` and `bytes` where this file lies.
    fn path_literal(&mut self, root: u32, bytes: &[u8], offset: u32) -> Option<()> {
        let rest = self.text.get(offset as usize..)?;
        let is_path = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'/')
        };
        let length = rest.iter().take_while(|byte| is_path(byte)).count();
        let (literal, _) = rest.split_at(length);
        let (tag, expected) = match PathKind::of(literal) {
            PathKind::Absolute => (tag::ABSOLUTE_PATH, (HOST, canonical(literal))),
            PathKind::Relative => (tag::RELATIVE_PATH, relative(self.directory, literal)),
            PathKind::Home | PathKind::Lookup => return None,
        };
        if length == 0 || expected != (root, bytes.to_vec()) {
            return None;
        }
        self.head(tag, offset);
        self.out.bytes(literal);
        Some(())
    }

    /// Writes an attribute path.
    fn path(&mut self, path: u32) -> Option<()> {
        let count = *self.code.extra.get(path);
        self.out.number(u64::from(count));
        for entry in self.code.extra.slice(path + 1, 2 * count).chunks_exact(2) {
            let [kind, number] = entry else { return None };
            match PathEntry::decode(*kind, *number) {
                PathEntry::Static(name) => {
                    self.out.byte(0);
                    self.symbol(name)?;
                }
                PathEntry::Dynamic(id) => {
                    self.out.byte(1);
                    self.node(id)?;
                }
            }
        }
        Some(())
    }

    /// Writes the parts of a string or path, each with its offset.
    fn parts(&mut self, parts: u32, count: u32) -> Option<()> {
        let ids = self.code.extra.slice(parts, count);
        let offsets = self.code.extra.slice(parts + count, count);
        self.out.number(u64::from(count));
        for (id, offset) in ids.iter().zip(offsets) {
            self.offset(*offset);
            self.node(*id)?;
        }
        Some(())
    }

    fn lambda(&mut self, lambda: &LambdaCode<'_>) -> Option<()> {
        self.out.number(u64::from(lambda.arity));
        self.out.number(u64::from(lambda.frame_len));
        self.optional_symbol(lambda.name)?;
        for (parameter, offset) in lambda.parameters.iter().zip(lambda.offsets) {
            self.optional_symbol(*parameter)?;
            self.offset(*offset);
        }
        match &lambda.formals {
            Some(formals) => self.formals(formals)?,
            None => self.out.byte(0),
        }
        self.value(lambda.body.get())
    }

    fn formals(&mut self, formals: &Formals<'_>) -> Option<()> {
        self.out.byte(if formals.has_ellipsis { 2 } else { 1 });
        self.out.number(formals.formals.len() as u64);
        for formal in formals.formals {
            self.symbol(formal.name)?;
            self.offset(formal.position.offset);
        }
        formals.written.iter().for_each(|index| self.out.number(u64::from(*index)));
        formals.formals.iter().try_for_each(|formal| self.optional(formal.default))
    }

    fn set(&mut self, set: &SetCode<'_>) -> Option<()> {
        let names = set.shape.names();
        self.out.number(names.len() as u64);
        self.out.number(set.sources.len() as u64);
        for (name, position) in names.iter().zip(set.positions) {
            self.symbol(*name)?;
            self.offset(position.offset);
        }
        self.values(set.values, set.sources)?;
        self.out.number(set.dynamic.len() as u64);
        for attr in set.dynamic {
            self.offset(attr.position.offset);
            self.node(attr.name)?;
            self.value(attr.value)?;
        }
        Some(())
    }

    fn bindings(&mut self, bindings: &LetCode<'_>) -> Option<()> {
        self.out.number(u64::from(bindings.base));
        self.out.number(bindings.values.len() as u64);
        self.out.number(bindings.sources.len() as u64);
        self.values(bindings.values, bindings.sources)
    }

    fn values(&mut self, values: &[SetValue], sources: &[Id]) -> Option<()> {
        for value in values {
            let (scope, id) = match *value {
                SetValue::Own(id) => (tag::OWN, id),
                SetValue::Outer(id) => (tag::OUTER, id),
                SetValue::Inherited(id) => (tag::INHERITED, id),
            };
            self.out.byte(scope);
            self.value(id)?;
        }
        sources.iter().try_for_each(|id| self.node(*id))
    }

    /// Writes a node that is not needed before somebody asks for its value.
    fn value(&mut self, id: Id) -> Option<()> {
        match self.code.nodes.get(id) {
            // These go into a slot as they are.
            Node::Constant(_) | Node::Local { .. } | Node::Lambda(_) => return self.node(id),
            _ => {}
        }
        let offset = *self.code.offsets.get(id);
        let outside = std::mem::take(&mut self.out);
        let last = std::mem::replace(&mut self.last, offset);
        let written = self.node(id);
        let inside = std::mem::replace(&mut self.out, outside).out;
        self.last = last;
        written?;
        if inside.len() < DEFERRED_SIZE_MIN {
            return self.node(id);
        }
        self.head(tag::DEFERRED, offset);
        self.out.bytes(&inside);
        Some(())
    }
}

/// Returns the root and the canonical bytes of a relative path literal.
pub(super) fn relative(directory: &SourcePath, literal: &[u8]) -> (u32, Vec<u8>) {
    (directory.root, canonical(&[&*directory.bytes, b"/", literal].concat()))
}
