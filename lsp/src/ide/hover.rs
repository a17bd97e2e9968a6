//! Hover: what is known of the thing under the cursor.

use eval::builtins::{self, constants};
use eval::db::{self, Db, File};
use eval::inspect::{Inspected, ValueKind};
use eval::option_tree::{Component, OptionTree};
use eval::scope::{Reference, Target};
use syntax::{FlatNode, SyntaxKind, TextRange, TextSize};

use super::cursor::{Cursor, Part, cursor, definition_path};
use super::scene::{Meaning, Scene};
use super::{Knowledge, completion, effective, evaluated, flake, markdown, surroundings};

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
    let at = cursor(tree, offset);
    let said = match flake::hover(&scene, offset) {
        Some((result, is_final)) => Some(Said { result, is_final }),
        None => said(db, &scene, file, &at, offset),
    };
    scene.rest();
    let said = match said {
        Some(Said { mut result, is_final: true }) => {
            let call = self::result(&scene, result.range);
            result.markdown.extend(call.map(|it| format!("\n\n{it}")));
            return Some(result);
        }
        said => said.map(|it| it.result),
    };
    let Some(subject) = evaluated::subject(&scene, &at, offset) else { return said };
    let found = evaluated::look(&scene, &subject.evaluable);
    let mut parts: Vec<String> = said.iter().map(|it| it.markdown.clone()).collect();
    // What a function is called with is told by its text as well.
    let is_told = |it: &Inspected| it.kind == ValueKind::Function && said.is_some();
    let shown = found.as_ref().filter(|it| !is_told(it));
    parts.extend(shown.and_then(|it| evaluated::shown(&subject, it)));
    if found.is_none_or(|it| it.kind == ValueKind::Function) {
        parts.extend(result(&scene, subject.range));
    }
    let range = said.map_or(subject.range, |it| it.range);
    (!parts.is_empty()).then(|| HoverResult { markdown: parts.join("\n\n"), range })
}

/// Says what the call comes to whose function is at the cursor.
fn result(scene: &Scene<'_>, range: TextRange) -> Option<String> {
    let call = evaluated::call_at(scene, range)?;
    let evaluable = surroundings::evaluable(scene, call, None)?;
    let found = evaluated::look(scene, &evaluable)?;
    if let Some(error) = &found.error {
        return Some(format!("*Result:* cannot be evaluated: {error}"));
    }
    let text = found.text.as_deref().filter(|it| *it != "{ … }" && !it.starts_with('«'))?;
    Some(markdown::evaluated(text).replacen("Value", "Result", 1))
}

/// What is said without evaluating the expression itself.
struct Said {
    result: HoverResult,
    /// Whether its value is part of that, or of no use.
    is_final: bool,
}

fn said(db: &dyn Db, scene: &Scene<'_>, file: File, at: &Cursor, offset: TextSize) -> Option<Said> {
    let knowledge = scene.knowledge;
    let whole = |result| Said { result, is_final: true };
    match at {
        Cursor::OptionName { path, name, range } => {
            let path = definition_path(path)?;
            let found = option(knowledge.options?, path, name, *range)?;
            Some(whole(with_value(db, knowledge, file, path, name, found)))
        }
        Cursor::Selection { of, path, name, range, .. } => {
            let set = scene.meaning(scene.node_at((*of)?)?)?;
            let set = scene.select_parts(set, path)?;
            let option = match &set {
                Meaning::Config(path) => Some(path.clone()),
                _ => None,
            };
            let is_final = matches!(set, Meaning::Builtins | Meaning::Value(_)) || option.is_some();
            let found = selected(scene, set, name, *range)?;
            let result = match option {
                Some(path) => with_value(db, knowledge, file, &path, name, found),
                None => found,
            };
            Some(Said { result, is_final })
        }
        Cursor::Inherit { from: Some(from), name, range } => {
            let set = scene.meaning(scene.node_at(*from)?)?;
            let is_final = matches!(set, Meaning::Builtins | Meaning::Value(_));
            let result = selected(scene, set, name, *range)?;
            Some(Said { result, is_final })
        }
        Cursor::Variable { name, range }
        | Cursor::OptionValue { name, range, .. }
        | Cursor::Inherit { from: None, name, range } => variable(scene, name, *range, offset),
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
        Meaning::Written(node) => {
            let mut text = markdown::written(name, *node);
            text.extend(scene.comment_of(*node).map(|it| format!("\n\n{}", it.trim())));
            Some(text)
        }
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
    let markdown = format!("```nix\n{signature}\n```\n\n{}", markdown::builtin(doc));
    Some(HoverResult { markdown, range })
}

fn variable(scene: &Scene<'_>, name: &str, range: TextRange, offset: TextSize) -> Option<Said> {
    let reference = scene.scopes.reference_at(offset)?;
    let meaning = scene.reference(reference);
    // A value that an evaluation knows has been shown whole.
    let is_final = matches!(meaning, Some(Meaning::Value(_) | Meaning::Config(_)));
    let shown = own_binding(scene, reference, meaning.as_ref())
        .map(|it| markdown::written(name, it))
        .or_else(|| of_meaning(scene, meaning.as_ref()?, name));
    let text = match &reference.target {
        Target::Definition(index) => {
            let definition = scene.scopes.definitions.get(*index as usize)?;
            let sort = format!("`{name}`: {}", completion::describe(definition.kind));
            match shown {
                Some(shown) => format!("{sort}\n\n{shown}"),
                None => sort,
            }
        }
        Target::Builtin => {
            let result = builtin(name.trim_start_matches("__"), range)?;
            return Some(Said { result, is_final: true });
        }
        Target::With(_) => shown.unwrap_or_else(|| format!("`{name}`: from `with`")),
        Target::Undefined => return None,
    };
    Some(Said { result: HoverResult { markdown: text, range }, is_final })
}

/// Returns the value that a variable is bound to, where that is not already what it means.
fn own_binding<'a>(
    scene: &Scene<'a>,
    reference: &Reference,
    meaning: Option<&Meaning<'a>>,
) -> Option<FlatNode<'a>> {
    if matches!(meaning, Some(Meaning::Value(_) | Meaning::Config(_) | Meaning::Partial(..))) {
        return None;
    }
    let Target::Definition(index) = &reference.target else { return None };
    let definition = scene.scopes.definitions.get(*index as usize)?;
    let entry = scene.node_at(definition.full_range)?;
    let is_whole = entry.kind() == SyntaxKind::Binding
        && entry.child(SyntaxKind::Attrpath).is_some_and(|it| it.children().count() == 1);
    let value = entry.expressions().next().filter(|_| is_whole)?;
    (!matches!(meaning, Some(Meaning::Written(node)) if *node == value.without_parens()))
        .then_some(value)
}
