//! Hover: what is known of the thing under the cursor.

use eval::builtins::{self, constants};
use eval::db::{self, Db, File};
use eval::option_tree::{Component, OptionTree};
use eval::scope::Target;
use syntax::{TextRange, TextSize};

use super::cursor::{Cursor, Part, cursor, definition_path};
use super::scene::{Meaning, Scene};
use super::{Knowledge, completion, effective, markdown};

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
    let tree = db::tree(db, file);
    let scene = Scene::new(knowledge, tree, db::scopes(db, file), file.path(db));
    match cursor(tree, offset) {
        Cursor::OptionName { path, name, range } => {
            let path = definition_path(&path)?;
            let found = option(knowledge.options?, path, &name, range)?;
            Some(with_value(db, knowledge, file, path, &name, found))
        }
        Cursor::Selection { of, path, name, range, .. } => {
            let set = scene.meaning(scene.node_at(of?)?)?;
            let set = scene.select_parts(set, &path)?;
            let option = match &set {
                Meaning::Config(path) => Some(path.clone()),
                _ => None,
            };
            let found = selected(&scene, set, &name, range)?;
            Some(match option {
                Some(path) => with_value(db, knowledge, file, &path, &name, found),
                None => found,
            })
        }
        Cursor::Inherit { from: Some(from), name, range } => {
            let set = scene.meaning(scene.node_at(from)?)?;
            selected(&scene, set, &name, range)
        }
        Cursor::Variable { name, range }
        | Cursor::OptionValue { name, range, .. }
        | Cursor::Inherit { from: None, name, range } => variable(&scene, &name, range, offset),
        Cursor::Path { .. } | Cursor::Other => None,
    }
}

/// Adds what an option comes to: its value and every definition.
fn with_value(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    path: &[Part],
    name: &str,
    mut found: HoverResult,
) -> HoverResult {
    let mut whole = path.to_vec();
    whole.push(Part::Name(name.to_owned()));
    let components: Vec<Component<'_>> = whole.iter().map(Part::component).collect();
    let node = knowledge.options.and_then(|it| it.lookup(&components));
    if node.is_none_or(|it| it.option.is_none()) {
        return found;
    }
    let effective = effective::of_option(knowledge, &whole);
    let definitions = match knowledge.role {
        Some(role) if role.prefix.is_empty() => effective::definitions(db, knowledge, file, &whole),
        _ => Vec::new(),
    };
    found.markdown.push_str(&effective::markdown(effective.as_ref(), &definitions));
    found
}

fn selected(
    scene: &Scene<'_>,
    set: Meaning<'_>,
    name: &str,
    range: TextRange,
) -> Option<HoverResult> {
    match &set {
        Meaning::Builtins => return builtin(name, range),
        Meaning::Config(path) => return option(scene.knowledge.options?, path, name, range),
        _ => {}
    }
    let meaning = scene.select(set, name)?;
    let markdown = of_meaning(scene, &meaning, name)?;
    Some(HoverResult { markdown, range })
}

/// Says what a name means: a package, a function, a set, a constant.
fn of_meaning(scene: &Scene<'_>, meaning: &Meaning<'_>, name: &str) -> Option<String> {
    match meaning {
        Meaning::Value(lookup) => {
            let found = scene.inspected(lookup)?;
            Some(markdown::value(name, &found))
        }
        Meaning::Written(node) => Some(markdown::written(name, *node)),
        Meaning::Config(path) => {
            let (last, path) = path.split_last()?;
            let Part::Name(last) = last else { return None };
            let found = option(scene.knowledge.options?, path, last, TextRange::default())?;
            Some(found.markdown)
        }
        Meaning::Builtins | Meaning::Partial(..) | Meaning::File(..) | Meaning::Update(..) => None,
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
    let (signature, doc) = match builtins::get(name) {
        Some(builtin) => (completion::signature(builtin), builtin.doc),
        None => {
            let constant = constants::get(name)?;
            (format!("builtins.{name}  # {}", constant.type_name), constant.doc)
        }
    };
    let markdown = format!("```nix\n{signature}\n```\n\n{}", doc.trim());
    Some(HoverResult { markdown, range })
}

fn variable(
    scene: &Scene<'_>,
    name: &str,
    range: TextRange,
    offset: TextSize,
) -> Option<HoverResult> {
    let reference = scene.scopes.reference_at(offset)?;
    let meaning = scene.reference(reference);
    let shown = meaning.and_then(|it| of_meaning(scene, &it, name));
    let text = match &reference.target {
        Target::Definition(index) => {
            let definition = scene.scopes.definitions.get(*index as usize)?;
            let sort = format!("`{name}`: {}", completion::describe(definition.kind));
            match shown {
                Some(shown) => format!("{sort}\n\n{shown}"),
                None => sort,
            }
        }
        Target::Builtin => return builtin(name.trim_start_matches("__"), range),
        Target::With(_) => shown.unwrap_or_else(|| format!("`{name}`: from `with`")),
        Target::Undefined => return None,
    };
    Some(HoverResult { markdown: text, range })
}
