//! The options of a module system as plain data: what completion, hover and `nivis option` show.
//!
//! An [`OptionTree`] is collected from the evaluated `options` of any `evalModules` (NixOS, the
//! embedded library, one's own) and holds no values of the language, so that it leaves the
//! evaluation and can be kept. Whatever cannot be evaluated (a default that throws, a package that
//! is missing) is left out where it stands, never more.
//!
//! An option whose type holds further options (a submodule, a set or list of them) carries those
//! as a [`SubTree`]; how one gets there is its [`Step`].

mod check;
mod collect;
mod configuration;
mod failure;
mod place;
mod sample;
mod text;
mod value_type;

use std::collections::BTreeMap;

pub use check::{MODULE_KEYS, check, check_definitions};
pub use configuration::{Configuration, attribute, evaluated, of_system};
pub use failure::{Failure, check_modules, check_system};
pub(crate) use text::brief;
pub use value_type::{Mismatch, MismatchKind, ValueKind, ValueKinds, ValueType};

use serde::{Deserialize, Serialize};

use crate::error::{EvalError, Result};
use crate::heap::Value;
use crate::interpret::Eval;
use crate::print;

/// How much is collected of each option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What the modules declare. The values of options are left alone.
    Declarations,
    /// Where options are defined as well, which evaluates the conditions of all definitions.
    Definitions,
}

fn one_line(eval: &Eval<'_>, error: &EvalError) -> String {
    let message = error.message.lines().next().unwrap_or_default();
    if error.position.is_some() {
        format!("{}: {message}", print::show_position(eval, error.position))
    } else {
        message.to_owned()
    }
}

/// All options of one root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionTree {
    /// The top level.
    pub root: OptionNode,
}

/// One name on the way to options: an option, or a set of further names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionNode {
    /// The option, if this is one.
    pub option: Option<Box<OptionInfo>>,
    /// The names below.
    pub children: BTreeMap<String, OptionNode>,
    /// Whether names may be defined below that nobody declares.
    pub is_open: bool,
}

/// What is known of one option.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionInfo {
    /// The type, as its author describes it: `list of string`.
    pub type_description: String,
    /// The type's own name: `listOf`.
    pub type_name: String,
    /// What the option does: Markdown, or `DocBook` in older trees.
    pub description: Option<String>,
    /// The default as Nix text.
    pub default: Option<String>,
    /// The example as Nix text.
    pub example: Option<String>,
    /// The values of an enumeration, as Nix text.
    pub values: Vec<String>,
    /// Where the option is declared.
    pub declarations: Vec<Place>,
    /// Where it is defined.
    pub definitions: Vec<Place>,
    /// Whether only its author may define it.
    pub is_read_only: bool,
    /// Whether documentation leaves it out.
    pub is_hidden: bool,
    /// The options inside the type.
    pub sub: Option<SubTree>,
    /// The values that it takes.
    pub takes: ValueType,
    /// The option that it has become.
    pub renamed_to: Option<String>,
    /// Why it is gone.
    pub removed: Option<String>,
    /// Why its type should not be used any longer.
    pub deprecation: Option<String>,
}

/// A place in a file, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file as the module system names it.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1, in bytes.
    pub column: Option<u32>,
}

/// Options inside the type of an option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubTree {
    /// How the value of the option leads there.
    pub step: Step,
    /// The options.
    pub node: OptionNode,
}

/// How the value of an option leads to the options inside its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// The value is the submodule itself.
    Direct,
    /// The value is a set of submodules by any name.
    Named,
    /// The value is a list of submodules.
    Element,
}

/// One component of a path into an [`OptionTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component<'a> {
    /// A name.
    Name(&'a str),
    /// Any element of a list.
    Element,
}

impl OptionTree {
    /// Collects the tree from evaluated `options`.
    ///
    /// # Errors
    ///
    /// If the evaluation is cancelled or out of memory.
    pub fn collect<'h>(
        eval: &mut Eval<'h>,
        options: Value<'h>,
        detail: Detail,
    ) -> Result<OptionTree> {
        let root = collect::node(eval, options, detail)?;
        let mut tree = OptionTree { root };
        place::complete(eval, &mut tree.root, &[])?;
        Ok(tree)
    }

    /// Returns the node at a path, through submodules.
    pub fn lookup(&self, path: &[Component<'_>]) -> Option<&OptionNode> {
        let mut node = &self.root;
        for component in path {
            // Submodules that are values themselves take no component.
            while node.children.is_empty() {
                match node.option.as_ref().and_then(|option| option.sub.as_ref()) {
                    Some(sub) if sub.step == Step::Direct => node = &sub.node,
                    _ => break,
                }
            }
            let sub = node.option.as_ref().and_then(|option| option.sub.as_ref());
            node = match (component, sub) {
                (Component::Name(_), Some(SubTree { step: Step::Named, node }))
                | (Component::Element, Some(SubTree { step: Step::Element, node })) => node,
                (Component::Name(name), _) => node.children.get(*name)?,
                (Component::Element, _) => return None,
            };
        }
        Some(node)
    }

    /// Returns how many options there are, those in submodules included.
    pub fn len(&self) -> usize {
        fn count(node: &OptionNode) -> usize {
            let own = node
                .option
                .as_ref()
                .map_or(0, |option| 1 + option.sub.as_ref().map_or(0, |sub| count(&sub.node)));
            own + node.children.values().map(count).sum::<usize>()
        }
        count(&self.root)
    }

    /// Whether there are no options.
    pub fn is_empty(&self) -> bool {
        self.root.children.is_empty()
    }
}

impl OptionNode {
    /// Returns the names that may stand below this node's value, with their nodes.
    ///
    /// For a set of submodules by any name there are none: the user chooses them.
    pub fn names(&self) -> Vec<(&str, &OptionNode)> {
        let mut node = self;
        while let Some(SubTree { step: Step::Direct, node: inner }) =
            node.option.as_ref().and_then(|option| option.sub.as_ref())
        {
            node = inner;
        }
        node.children.iter().map(|(name, child)| (name.as_str(), child)).collect()
    }
}

#[cfg(test)]
mod tests;
