//! Where things are, for errors: what the IR does not keep is looked for in the text again.

use syntax::{FlatNode, FlatTree, SyntaxKind as K};

use super::Eval;
use crate::heap::{Kind, Slot, SlotState};
use crate::ir::{CodeFile, Id, Node};
use crate::source::{FileId, Position};

/// Stands for a position that is looked for only once there is an error to show it in.
pub(super) const PENDING: Position = Position { file: FileId(u32::MAX), offset: 0 };

impl<'h> Eval<'h> {
    /// Returns where the reference implementation has an expression: literals are nowhere, a list
    /// is where its first element is.
    ///
    /// Source: CppNix, `Expr::getPos`.
    #[cold]
    pub(super) fn own_place(&self, id: Id) -> Position {
        match self.node(id) {
            Node::Constant(index) => match self.code.constants.get(index).kind() {
                Kind::Int(_) | Kind::Float(_) | Kind::String(_) | Kind::Path(_) | Kind::List(_) => {
                    Position::NONE
                }
                _ => self.code.position(id),
            },
            Node::List { elements, count } => match self.code.extra.slice(elements, count) {
                [first, ..] => self.own_place(*first),
                [] => Position::NONE,
            },
            Node::Not(operand) => self.own_place(operand),
            Node::HasAttr { subject, .. } => self.own_place(subject),
            Node::LetHere { .. } | Node::Let { .. } | Node::HomePath(_) => Position::NONE,
            _ => self.code.position(id),
        }
    }

    /// Returns where the part number `index` of a node that joins parts is written.
    #[cold]
    pub(super) fn part_place(&self, id: Id, index: usize) -> Position {
        let position = self.code.position(id);
        let offset = match self.node(id) {
            Node::Interpolate { parts, count } | Node::InterpolatePath { parts, count } => {
                self.code.extra.slice(parts + count, count).get(index).copied()
            }
            _ => self.find_in_text(position, |tree| {
                let is_meant = |node: &FlatNode<'_>| {
                    let operator = node.operator().map(|it| it.start());
                    node.kind() == K::BinaryOp && operator == Some(position.offset)
                };
                let operator = tree.root().descendants().find(is_meant)?;
                operator.nth_child(index).map(FlatNode::start)
            }),
        };
        offset.map_or(position, |offset| Position { offset, ..position })
    }

    /// Returns where the `with` is that a variable was looked up in: of those in `levels`, the
    /// enclosing ones from the inside out, the one with this level.
    #[cold]
    pub(super) fn with_place(&self, variable: Id, level: u32, levels: &[u32]) -> Position {
        let position = self.code.position(variable);
        let index = levels.iter().position(|&it| it == level).unwrap_or_default();
        let offset = self.find_in_text(position, |tree| {
            let has_in_body = |node: &FlatNode<'_>| {
                node.kind() == K::WithExpr
                    && node
                        .nth_child(1)
                        .is_some_and(|body| (body.start()..body.end()).contains(&position.offset))
            };
            let around: Vec<_> = tree.root().descendants().filter(has_in_body).collect();
            around.iter().rev().nth(index).map(|node| node.start())
        });
        offset.map_or(position, |offset| Position { offset, ..position })
    }

    /// Prints what computes the name number `index` in the path of a selection.
    #[cold]
    pub(super) fn show_path_name(&self, id: Id, index: usize) -> String {
        let position = self.code.position(id);
        let shown = self.code.file(position.file).and_then(|CodeFile { text, origin, .. }| {
            crate::show::computed_name_at(text, position.offset, index, &origin)
        });
        shown.map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }

    /// Returns where a value that is a function, or is to be the result of one, has that function.
    #[inline]
    pub(crate) fn slot_place(&self, slot: &Slot<'h>) -> Position {
        match slot.state() {
            SlotState::Apply(apply) => self.function_place(apply.function),
            SlotState::Mapped(mapped) => self.function_place(mapped.function()),
            SlotState::Reference(slot) => self.slot_place(slot),
            _ => Position::NONE,
        }
    }

    /// Returns where the function in a slot is written, as far as that is known unforced.
    ///
    /// Source: CppNix, `Value::determinePos`.
    #[cold]
    pub(super) fn function_place(&self, slot: &Slot<'h>) -> Position {
        match slot.state() {
            SlotState::Forced(value) => match value.kind() {
                Kind::Lambda(lambda) => self.lambda_info(lambda).position,
                _ => Position::NONE,
            },
            SlotState::Apply(apply) => self.function_place(apply.function),
            SlotState::Mapped(mapped) => self.function_place(mapped.function()),
            _ => Position::NONE,
        }
    }

    /// Returns what `find` finds in the file of `position`, parsed anew.
    fn find_in_text(
        &self,
        position: Position,
        find: impl FnOnce(&FlatTree<'_>) -> Option<u32>,
    ) -> Option<u32> {
        let file = self.code.file(position.file)?;
        let options = syntax::Options { pipe_operators: true, ..syntax::Options::DEFAULT };
        let (tree, _) = syntax::parse_flat(file.text, options);
        find(&tree)
    }
}
