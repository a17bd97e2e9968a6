//! Strings and paths: constants, or the parts that evaluation joins.

use syntax::literal::{self, PathKind, StringPart};
use syntax::{FlatElement, FlatNode, SyntaxKind as K};

use super::Lowering;
use crate::error::{self, Result};
use crate::heap::Value;
use crate::ir::{Id, Node};
use crate::source::{self, HOST};

impl<'t, 'h> Lowering<'t, 'h> {
    /// Adds a constant.
    pub(super) fn constant(&mut self, value: Value<'h>, offset: u32) -> Id {
        let constant = self.code.constants.push(value);
        self.plain(Node::Constant(constant), offset)
    }

    /// Adds a constant or a variable.
    pub(super) fn plain(&mut self, node: Node, offset: u32) -> Id {
        let id = self.code.push(node, offset);
        if self.code.is_observed.get() && matches!(node, Node::Constant(_) | Node::Local { .. }) {
            return self.code.push(Node::Observe(id), offset);
        }
        id
    }

    fn text(&mut self, text: &[u8], offset: u32) -> Id {
        let value = Value::string_from(self.surroundings.heap, text);
        self.constant(value, offset)
    }

    /// Adds a constant string.
    pub(super) fn string_constant(&mut self, text: &[u8], offset: u32) -> Id {
        if text.is_empty() {
            let empty = match self.empty_string {
                Some(empty) => empty,
                None => {
                    let value = Value::string_from(self.surroundings.heap, b"");
                    *self.empty_string.insert(self.code.constants.push(value))
                }
            };
            return self.plain(Node::Constant(empty), offset);
        }
        self.text(text, offset)
    }

    /// Lowers a `String`.
    pub(super) fn string(&mut self, node: FlatNode<'t>) -> Result<Id> {
        if node.first_child().is_none() {
            let text = node.constant_string().unwrap_or_default();
            return Ok(self.string_constant(&text, node.start()));
        }
        let start = self.scratch.len();
        for element in node.elements() {
            match element {
                FlatElement::Node(part) => self.interpolation(part)?,
                FlatElement::Token(token) if token.kind() == K::StringContent => {
                    let text = literal::unescape_string(token.text());
                    let id = self.text(&text, token.start());
                    self.part(id, token.start());
                }
                FlatElement::Token(_) => {}
            }
        }
        let (parts, count) = self.parts(start);
        // The reference implementation points at the first part, behind the quote.
        Ok(self.code.push(Node::Interpolate { parts, count }, node.start() + 1))
    }

    /// Lowers an `IndentedString`.
    pub(super) fn indented_string(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let written = node.indented_parts();
        let mut stripped = literal::strip_indentation(&written);
        let offset = node.start();
        match stripped.as_slice() {
            [] => return Ok(self.string_constant(b"", offset)),
            [(_, StringPart::Text(text))] => return Ok(self.string_constant(text, offset)),
            _ => {}
        }
        let start = self.scratch.len();
        for (_, part) in stripped.drain(..) {
            match part {
                StringPart::Interpolation(part) => self.interpolation(part)?,
                StringPart::Text(text) => {
                    let id = self.text(&text, offset);
                    self.part(id, offset);
                }
            }
        }
        let (parts, count) = self.parts(start);
        Ok(self.code.push(Node::Interpolate { parts, count }, offset))
    }

    fn interpolation(&mut self, part: FlatNode<'t>) -> Result<()> {
        if let Some(expr) = part.first_child() {
            let id = self.expr(expr)?;
            self.part(id, part.start());
        }
        Ok(())
    }

    fn part(&mut self, id: Id, offset: u32) {
        self.scratch.push(id);
        self.scratch.push(offset);
    }

    /// Moves the parts above `start` to a run: the nodes, then the offsets.
    fn parts(&mut self, start: usize) -> (u32, u32) {
        let parts = self.scratch.get(start..).unwrap_or_default();
        self.run.clear();
        self.run.extend(parts.iter().step_by(2));
        self.run.extend(parts.iter().skip(1).step_by(2));
        self.scratch.truncate(start);
        (self.code.extra.extend(&self.run), self.run.len() as u32 / 2)
    }

    /// Lowers a `Path`.
    pub(super) fn path(&mut self, node: FlatNode<'t>) -> Result<Id> {
        let Some(first) = node.first_token() else { return self.nothing(node) };
        let path = self.path_start(first.text(), first.start())?;
        if node.first_child().is_none() {
            return Ok(path);
        }
        let start = self.scratch.len();
        self.part(path, first.start());
        // `./a/${x}` joins `./a`, `/` and `x`.
        if first.text().len() > 1 && first.text().ends_with(b"/") {
            let slash = self.text(b"/", first.start());
            self.part(slash, first.start());
        }
        for element in node.elements() {
            match element {
                FlatElement::Node(part) => self.interpolation(part)?,
                FlatElement::Token(token) if token.kind() == K::PathContent => {
                    let id = self.text(token.text(), token.start());
                    self.part(id, token.start());
                }
                FlatElement::Token(_) => {}
            }
        }
        let (parts, count) = self.parts(start);
        Ok(self.code.push(Node::InterpolatePath { parts, count }, node.start()))
    }

    fn path_start(&mut self, text: &[u8], offset: u32) -> Result<Id> {
        let surroundings = self.surroundings;
        let (root, path) = match PathKind::of(text) {
            PathKind::Absolute | PathKind::Lookup => (HOST, source::canonical(text)),
            PathKind::Relative => {
                let directory = surroundings.directory;
                (directory.root, source::canonical_in(&directory.bytes, text))
            }
            PathKind::Home => match surroundings.home {
                Some(home) => {
                    let rest = text.strip_prefix(b"~").unwrap_or(text);
                    (HOST, source::canonical(&[home, rest].concat()))
                }
                // Source: CppNix, whose parser refuses it.
                None if surroundings.settings.pure => return Err(error::no_home(text)),
                None => {
                    let value = Value::string_from(surroundings.heap, text);
                    let constant = self.code.constants.push(value);
                    return Ok(self.code.push(Node::HomePath(constant), offset));
                }
            },
        };
        let value = Value::path(surroundings.heap, root, &path);
        Ok(self.constant(value, offset))
    }
}
