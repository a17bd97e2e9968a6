//! Variables: slots of frames first, then what is built in, then every `with`.

use std::borrow::Cow;

use super::Lowering;
use super::scope::NameId;
use crate::builtins;
use crate::error::{self, Result};
use crate::heap::{Symbol, Value};
use crate::ir::{Id, Node};

/// What a name means everywhere.
#[derive(Clone, Copy)]
enum Global {
    Builtin(u32),
    Value(Value<'static>),
    Builtins,
    Derivation,
    /// A member of `builtins` that is computed.
    Member(Symbol),
}

impl<'t> Lowering<'t, '_> {
    /// Lowers the variable called `text`.
    pub(super) fn variable(&mut self, text: &'t [u8], offset: u32) -> Result<Id> {
        let name = self.names.id(text);
        self.named_variable(name, offset)
    }

    /// Lowers the variable `name`.
    pub(super) fn named_variable(&mut self, name: NameId, offset: u32) -> Result<Id> {
        if let Some((level, index)) = self.scope.find(name) {
            return Ok(self.plain(Node::Local { level, index }, offset));
        }
        let symbol = self.names.symbol(name);
        if let Some(id) = self.global(name, symbol, offset) {
            return Ok(id);
        }
        let levels = self.scope.with_levels();
        if levels.len() == 0 {
            return Err(self.undefined(symbol, offset));
        }
        let count = levels.len() as u32;
        // Runs of many nested `with`s are the only ones that the size of the file does not bound.
        let reserved = 8 * self.tree.source().len() + 64;
        if self.code.extra.room() < reserved + levels.len() {
            return Err(error::limit("too many variables in nested 'with' expressions"));
        }
        self.run.clear();
        self.run.extend(levels);
        let levels = self.code.extra.extend(&self.run);
        Ok(self.code.push(Node::WithVariable { name: symbol, levels, count }, offset))
    }

    #[cold]
    fn undefined(&self, name: Symbol, offset: u32) -> Box<error::EvalError> {
        error::undefined_variable(&name.to_text()).at(self.position(offset))
    }

    fn global(&mut self, name: NameId, symbol: Symbol, offset: u32) -> Option<Id> {
        let place = name.index();
        let known = match self.globals.get(place) {
            None | Some(GlobalNode::NotAsked) => {
                let known = self.make_global(symbol).unwrap_or(GlobalNode::Nothing);
                if place >= self.globals.len() {
                    self.globals.resize(place + 1, GlobalNode::NotAsked);
                }
                self.globals[place] = known;
                known
            }
            Some(known) => *known,
        };
        match known {
            GlobalNode::NotAsked | GlobalNode::Nothing => None,
            GlobalNode::Node(node) => Some(self.plain(node, offset)),
            GlobalNode::Member(name) => {
                let subject = self.code.push(Node::Builtins, offset);
                Some(self.code.push(Node::Select { subject, name }, offset))
            }
        }
    }

    fn make_global(&mut self, name: Symbol) -> Option<GlobalNode> {
        let text = std::str::from_utf8(name.as_bytes()).ok()?;
        Some(GlobalNode::Node(match self.find_global(text)? {
            Global::Builtin(index) => {
                Node::Constant(self.code.constants.push(Value::builtin(index)))
            }
            Global::Value(value) => Node::Constant(self.code.constants.push(value)),
            Global::Builtins => Node::Builtins,
            Global::Derivation => Node::Derivation,
            Global::Member(name) => return Some(GlobalNode::Member(name)),
        }))
    }

    fn find_global(&mut self, text: &str) -> Option<Global> {
        if !builtins::is_global(text) {
            return None;
        }
        match text {
            "true" => return Some(Global::Value(Value::bool(true))),
            "false" => return Some(Global::Value(Value::bool(false))),
            "null" => return Some(Global::Value(Value::NULL)),
            "builtins" => return Some(Global::Builtins),
            "derivation" => return Some(Global::Derivation),
            _ => {}
        }
        let member = text.strip_prefix("__").unwrap_or(text);
        if let Some(index) = self.enabled_builtin(member) {
            return Some(Global::Builtin(index));
        }
        let constant = builtins::constants::get(member)?;
        let is_there = !(self.surroundings.settings.pure && constant.is_impure);
        if !is_there {
            return None;
        }
        let member = self.names.id_of(Cow::Owned(member.as_bytes().to_vec()));
        Some(Global::Member(self.names.symbol(member)))
    }

    /// Returns the index of a builtin whose feature is on.
    fn enabled_builtin(&self, name: &str) -> Option<u32> {
        let index = builtins::index(name)?;
        let builtin = builtins::all().get(index as usize)?;
        let settings = self.surroundings.settings;
        builtin.feature.is_none_or(|feature| settings.has_feature(feature)).then_some(index)
    }

    /// Lowers `subject.name`; a function of `builtins` itself becomes a constant.
    pub(super) fn select_name(&mut self, subject: Id, name: Symbol, offset: u32) -> Id {
        if matches!(self.code.nodes.get(subject), Node::Builtins)
            && let Some(constant) = self.member(name)
        {
            return self.code.push(Node::Constant(constant), offset);
        }
        self.code.push(Node::Select { subject, name }, offset)
    }

    /// Returns the constant of a function of `builtins`.
    fn member(&mut self, name: Symbol) -> Option<u32> {
        if let Some(known) = self.members.get(&name) {
            return *known;
        }
        let text = std::str::from_utf8(name.as_bytes()).ok();
        let index = text.and_then(|text| self.enabled_builtin(text));
        let constant = index.map(|index| self.code.constants.push(Value::builtin(index)));
        self.members.insert(name, constant);
        constant
    }
}

/// What a name means outside of all frames, and how that is lowered.
#[derive(Clone, Copy)]
pub(super) enum GlobalNode {
    NotAsked,
    Nothing,
    Node(Node),
    /// A member of `builtins` that is no function.
    Member(Symbol),
}
