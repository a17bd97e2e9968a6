//! Operators and calls; those operators that are variables of the language can be overridden.

use syntax::{FlatNode, SyntaxKind as K, literal};

use super::Lowering;
use super::scope::NameId;
use crate::error::Result;
use crate::heap::Value;
use crate::ir::{Id, Node};

impl<'t> Lowering<'t, '_> {
    /// Lowers a `BinaryOp`.
    pub(super) fn binary(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let Some(operator) = node.operator() else { return self.nothing(node) };
        let at = operator.start();
        let lhs = self.child(node, 0)?;
        let rhs = self.child(node, 1)?;
        let names = &self.operators;
        let node = match operator.kind() {
            K::Arrow => Node::Implies(lhs, rhs),
            K::OrOr => Node::Or(lhs, rhs),
            K::AndAnd => Node::And(lhs, rhs),
            K::EqualsEquals => Node::Equal(lhs, rhs),
            K::BangEquals => Node::NotEqual(lhs, rhs),
            K::SlashSlash => Node::Update(lhs, rhs),
            K::PlusPlus => Node::Concat(lhs, rhs),
            K::Plus => Node::Add(lhs, rhs),
            K::PipeInto => return Ok(self.call(rhs, &[lhs], at)),
            K::PipeFrom => return Ok(self.call(lhs, &[rhs], at)),
            K::Minus => return self.variable_operator(names.sub, [lhs, rhs], at, Node::Subtract),
            K::Star => return self.variable_operator(names.mul, [lhs, rhs], at, Node::Multiply),
            K::Slash => return self.variable_operator(names.div, [lhs, rhs], at, Node::Divide),
            K::Less => return self.variable_operator(names.less_than, [lhs, rhs], at, Node::Less),
            K::Greater => {
                return self.variable_operator(names.less_than, [rhs, lhs], at, Node::Less);
            }
            K::LessEquals => return self.not_less(rhs, lhs, at),
            K::GreaterEquals => return self.not_less(lhs, rhs, at),
            _ => return self.nothing(node),
        };
        Ok(self.code.push(node, at))
    }

    /// Lowers an operator that is the variable `name`: `fused`, unless the file binds that name.
    fn variable_operator(
        &mut self,
        name: NameId,
        operands: [Id; 2],
        offset: u32,
        fused: fn(Id, Id) -> Node,
    ) -> Result<Id> {
        if self.scope.find(name).is_none() {
            let [lhs, rhs] = operands;
            return Ok(self.code.push(fused(lhs, rhs), offset));
        }
        let function = self.named_variable(name, offset)?;
        Ok(self.call(function, &operands, offset))
    }

    fn not_less(&mut self, lhs: Id, rhs: Id, offset: u32) -> Result<Id> {
        let name = self.operators.less_than;
        if self.scope.find(name).is_none() {
            return Ok(self.code.push(Node::NotLess(lhs, rhs), offset));
        }
        let call = self.variable_operator(name, [lhs, rhs], offset, Node::Less)?;
        Ok(self.code.push(Node::Not(call), offset))
    }

    /// Lowers a `UnaryOp`.
    pub(super) fn unary(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let operand = self.child(node, 0)?;
        if node.operator().is_some_and(|operator| operator.kind() == K::Bang) {
            // The reference implementation has no place of its own for it.
            let offset = *self.code.offsets.get(operand);
            return Ok(self.code.push(Node::Not(operand), offset));
        }
        let offset = node.start();
        let name = self.operators.sub;
        let zero = self.constant(Value::int(0), offset);
        self.variable_operator(name, [zero, operand], offset, Node::Subtract)
    }

    /// Adds a call.
    fn call(&mut self, function: Id, arguments: &[Id], offset: u32) -> Id {
        let count = arguments.len() as u32;
        let arguments = self.code.extra.extend(arguments);
        self.code.push(Node::Apply { function, arguments, count }, offset)
    }

    /// Lowers an `Apply`; what is applied to more arguments in parentheses is one call.
    pub(super) fn apply(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let start = self.scratch.len();
        let (function, offset) = self.callee(node)?;
        let (arguments, count) = self.run_from(start);
        Ok(self.code.push(Node::Apply { function, arguments, count }, offset))
    }

    /// Lowers function and arguments of an `Apply`, puts the latter on `scratch` and returns the
    /// former with its place.
    fn callee(&mut self, node: FlatNode<'t>) -> Result<(Id, u32)> {
        let mut children = node.children();
        let Some(function) = children.next() else { return Ok((self.nothing(node)?, 0)) };
        let inner = function.without_parens();
        let callee = if inner.kind() == K::Apply {
            self.callee(inner)?
        } else {
            (self.expr(inner)?, node.start())
        };
        for argument in children {
            let id = self.expr(argument)?;
            self.scratch.push(id);
        }
        Ok(callee)
    }

    /// Lowers `f or`: `f` applied to the variable `or`.
    pub(super) fn apply_or(&mut self, node: FlatNode<'t>) -> Result<Id> {
        self.surroundings.has_or.set(true);
        let function = self.child(node, 0)?;
        let or = self.variable(b"or", node.start())?;
        Ok(self.call(function, &[or], node.start()))
    }

    /// Lowers `<name>`: `__findFile __nixPath "name"`.
    pub(super) fn lookup_path(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let offset = node.start();
        let function = self.named_variable(self.operators.find_file, offset)?;
        let path = self.named_variable(self.operators.nix_path, offset)?;
        let name = self.string_constant(literal::lookup_path_name(node.text()), offset);
        Ok(self.call(function, &[path, name], offset))
    }
}
