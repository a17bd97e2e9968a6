//! Completion: what may stand at the cursor.

use std::fmt::Write as _;

use eval::builtins;
use eval::db::{self, Db, File};
use eval::option_tree::{Component, OptionNode, OptionTree};
use eval::scope::{DefinitionKind, Scopes};
use syntax::{SyntaxKind, TextRange, TextSize};

use super::Knowledge;
use super::config_path::config_path;
use super::cursor::{Cursor, Part, cursor, definition_path};
use super::markdown;

/// One thing that may stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletionItem {
    /// What is shown and inserted.
    pub label: String,
    /// What sort of thing it is.
    pub kind: CompletionKind,
    /// A few words: the type of an option.
    pub detail: Option<String>,
    /// What [`documentation`] can tell more about.
    pub subject: Option<Subject>,
    /// The bytes that it replaces.
    pub range: TextRange,
}

/// What an item stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An option, or a name on the way to options.
    Option(Vec<Part>),
    /// A builtin.
    Builtin(String),
}

/// The sorts of things that complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    /// An option.
    Option,
    /// A name on the way to options.
    OptionSet,
    /// A value of an enumeration or a boolean.
    Value,
    /// A variable.
    Variable,
    /// A builtin function.
    Builtin,
    /// A keyword.
    Keyword,
}

/// What may stand at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The items; never cut.
    pub items: Vec<CompletionItem>,
    /// Whether more will be known later: the options are still being evaluated.
    pub is_incomplete: bool,
}

/// Returns what may stand at `offset`, all of it: the editor filters by what is typed.
pub fn completion(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Completion {
    let (tree, _) = syntax::parse_flat(file.text(db), db::PARSE_OPTIONS);
    let found = cursor(&tree, offset);
    let mut completion = Completion::default();
    match &found {
        Cursor::OptionName { path, range, .. } => {
            if let Some(path) = definition_path(path) {
                option_names(knowledge.options, path, *range, &mut completion);
            }
            if path.is_empty() {
                keywords(&["config", "imports", "options"], *range, &mut completion);
            }
        }
        Cursor::OptionValue { path, range, is_string, .. } => {
            if let Some(path) = definition_path(path) {
                option_values(knowledge.options, path, *range, &mut completion);
            }
            if !is_string {
                variables(db::scopes(db, file), offset, *range, &mut completion);
            }
        }
        Cursor::Selection { base: Some(base), path, range, .. }
            if base == "builtins" && path.is_empty() =>
        {
            for builtin in builtins::all() {
                completion.items.push(CompletionItem {
                    label: builtin.name.to_owned(),
                    kind: CompletionKind::Builtin,
                    detail: Some(signature(builtin)),
                    subject: Some(Subject::Builtin(builtin.name.to_owned())),
                    range: *range,
                });
            }
        }
        Cursor::Selection { base: Some(base), path, range, .. } => {
            let scopes = db::scopes(db, file);
            if let Some(mut whole) = config_path(&tree, scopes, offset, base) {
                whole.extend_from_slice(path);
                option_names(knowledge.options, &whole, *range, &mut completion);
            }
        }
        Cursor::Variable { range, .. } => {
            variables(db::scopes(db, file), offset, *range, &mut completion);
        }
        Cursor::Selection { .. } | Cursor::Path { .. } | Cursor::Other => {}
    }
    completion
}

/// Returns what an item does, in Markdown.
///
/// Apart from the items, because there may be hundreds of which the editor shows one.
pub fn documentation(knowledge: Knowledge<'_>, subject: &Subject) -> Option<String> {
    match subject {
        Subject::Option(path) => {
            let components: Vec<Component<'_>> = path.iter().map(Part::component).collect();
            let node = knowledge.options?.lookup(&components)?;
            Some(match &node.option {
                Some(option) => markdown::option(option),
                None => markdown::option_set(node),
            })
        }
        Subject::Builtin(name) => builtins::get(name).map(|it| it.doc.trim().to_owned()),
    }
}

/// Returns how a builtin is called: `builtins.map f list`.
pub(super) fn signature(builtin: &builtins::Builtin) -> String {
    let mut text = format!("builtins.{}", builtin.name);
    for parameter in builtin.parameters {
        let _ = write!(text, " {}", parameter.name);
    }
    text
}

fn option_names(
    tree: Option<&OptionTree>,
    path: &[Part],
    range: TextRange,
    completion: &mut Completion,
) {
    let Some(tree) = tree else {
        completion.is_incomplete = true;
        return;
    };
    let components: Vec<Component<'_>> = path.iter().map(Part::component).collect();
    let Some(node) = tree.lookup(&components) else { return };
    for (name, child) in node.names() {
        if child.option.as_ref().is_some_and(|option| option.is_hidden) {
            continue;
        }
        completion.items.push(option_item(path, name, child, range));
    }
}

fn option_item(path: &[Part], name: &str, node: &OptionNode, range: TextRange) -> CompletionItem {
    let label = if is_plain(name) { name.to_owned() } else { format!("{name:?}") };
    let mut path = path.to_vec();
    path.push(Part::Name(name.to_owned()));
    let (kind, detail) = match &node.option {
        Some(option) => (CompletionKind::Option, Some(option.type_description.clone())),
        None => (CompletionKind::OptionSet, None),
    };
    CompletionItem { label, kind, detail, subject: Some(Subject::Option(path)), range }
}

/// Whether a name may stand in an attribute path without quotes.
fn is_plain(name: &str) -> bool {
    let (tree, errors) = syntax::parse_flat(name.as_bytes(), db::PARSE_OPTIONS);
    let is_variable = tree.root().first_child().is_some_and(|it| it.kind() == SyntaxKind::Variable);
    errors.is_empty() && is_variable && tree.token_count() == 1
}

fn option_values(
    tree: Option<&OptionTree>,
    path: &[Part],
    range: TextRange,
    completion: &mut Completion,
) {
    let Some(tree) = tree else {
        completion.is_incomplete = true;
        return;
    };
    let components: Vec<Component<'_>> = path.iter().map(Part::component).collect();
    let Some(option) = tree.lookup(&components).and_then(|node| node.option.as_deref()) else {
        return;
    };
    for value in &option.values {
        completion.items.push(CompletionItem {
            label: value.clone(),
            kind: CompletionKind::Value,
            detail: Some(option.type_description.clone()),
            subject: None,
            range,
        });
    }
}

fn variables(scopes: &Scopes, offset: TextSize, range: TextRange, completion: &mut Completion) {
    for definition in scopes.visible_at(offset) {
        completion.items.push(CompletionItem {
            label: definition.name.to_text().into_owned(),
            kind: CompletionKind::Variable,
            detail: Some(describe(definition.kind).to_owned()),
            subject: None,
            range,
        });
    }
    for name in builtins::global_names() {
        completion.items.push(CompletionItem {
            label: name.to_owned(),
            kind: CompletionKind::Builtin,
            detail: None,
            subject: Some(Subject::Builtin(name.to_owned())),
            range,
        });
    }
    let words = ["if", "then", "else", "assert", "with", "let", "in", "rec", "inherit"];
    keywords(&words, range, completion);
}

fn keywords(words: &[&str], range: TextRange, completion: &mut Completion) {
    completion.items.extend(words.iter().map(|word| CompletionItem {
        label: (*word).to_owned(),
        kind: CompletionKind::Keyword,
        detail: None,
        subject: None,
        range,
    }));
}

/// Says in a few words what sort of definition a variable has.
pub(super) fn describe(kind: DefinitionKind) -> &'static str {
    match kind {
        DefinitionKind::Let => "let binding",
        DefinitionKind::LetInherit => "inherited by let",
        DefinitionKind::RecAttr => "attribute of a recursive set",
        DefinitionKind::Parameter | DefinitionKind::Formal { .. } => "argument",
        DefinitionKind::AtName => "all arguments",
    }
}
