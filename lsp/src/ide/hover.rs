//! Hover: what is known of the thing under the cursor.

use eval::builtins;
use eval::db::{self, Db, File};
use eval::option_tree::{Component, OptionTree};
use eval::scope::{Scopes, Target};
use syntax::{TextRange, TextSize};

use super::config_path::config_path;
use super::cursor::{Cursor, Part, cursor, definition_path};
use super::{Knowledge, completion, markdown};

/// What is known of the thing under the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoverResult {
    /// Markdown.
    pub markdown: String,
    /// The bytes it is about.
    pub range: TextRange,
}

/// Returns what is known of the thing at `offset`.
pub fn hover(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Option<HoverResult> {
    let (tree, _) = syntax::parse_flat(file.text(db), db::PARSE_OPTIONS);
    match cursor(&tree, offset) {
        Cursor::OptionName { path, name, range } => {
            let path = definition_path(&path)?;
            option(knowledge.options?, path, &name, range)
        }
        Cursor::Selection { base: Some(base), path, name, range } => {
            if base == "builtins" && path.is_empty() {
                return builtin(&name, range);
            }
            let mut whole = config_path(&tree, db::scopes(db, file), offset, &base)?;
            whole.extend(path);
            option(knowledge.options?, &whole, &name, range)
        }
        Cursor::Variable { name, range } | Cursor::OptionValue { name, range, .. } => {
            variable(db::scopes(db, file), &name, range, offset)
        }
        Cursor::Selection { base: None, .. } | Cursor::Path { .. } | Cursor::Other => None,
    }
}

fn option(tree: &OptionTree, path: &[Part], name: &str, range: TextRange) -> Option<HoverResult> {
    let mut components: Vec<Component<'_>> = path.iter().map(Part::component).collect();
    components.push(Component::Name(name));
    let node = tree.lookup(&components)?;
    let title: Vec<&str> = components
        .iter()
        .map(|component| match component {
            Component::Name(name) => *name,
            Component::Element => "*",
        })
        .collect();
    let body = match &node.option {
        Some(option) => markdown::option(option),
        None if node.children.is_empty() => return None,
        None => markdown::option_set(node),
    };
    Some(HoverResult { markdown: format!("**`{}`**\n\n{body}", title.join(".")), range })
}

fn builtin(name: &str, range: TextRange) -> Option<HoverResult> {
    let builtin = builtins::get(name)?;
    let signature = completion::signature(builtin);
    let markdown = format!("```nix\n{signature}\n```\n\n{}", builtin.doc.trim());
    Some(HoverResult { markdown, range })
}

fn variable(
    scopes: &Scopes,
    name: &str,
    range: TextRange,
    offset: TextSize,
) -> Option<HoverResult> {
    let reference = scopes.reference_at(offset)?;
    let text = match &reference.target {
        Target::Definition(index) => {
            let definition = scopes.definitions.get(*index as usize)?;
            format!("`{name}`: {}", completion::describe(definition.kind))
        }
        Target::Builtin => return builtin(name.trim_start_matches("__"), range),
        Target::With(_) => format!("`{name}`: from `with`"),
        Target::Undefined => return None,
    };
    Some(HoverResult { markdown: text, range })
}
