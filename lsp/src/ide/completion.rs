//! Completion: what may stand at the cursor.

mod flake;
mod names;
mod paths;
mod values;

use std::fmt::Write as _;

use eval::builtins::{self, constants};
use eval::db::{self, Db, File};
use eval::inspect::{Base, Lookup};
use eval::option_tree::{Component, OptionNode, OptionTree};
use eval::print;
use eval::scope::DefinitionKind;
use rustc_hash::FxHashSet;
use syntax::{TextRange, TextSize};

use super::Knowledge;
use super::cursor::{Cursor, Part, cursor, definition_path};
use super::markdown;
use super::scene::{Meaning, Scene};

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
    /// A name in the package set or the library.
    Value(Lookup),
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
    /// A name in the library of functions.
    Function,
    /// A name in the package set.
    Package,
    /// An attribute of a set, or an argument by name.
    Attribute,
    /// A file.
    File,
    /// A directory.
    Folder,
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
    let tree = db::tree(db, file);
    let scene = Scene::new(knowledge, tree, db::scopes(db, file), file.path(db));
    let mut completion = Completion::default();
    let found = cursor(tree, offset);
    if flake::complete(&scene, offset, &mut completion) {
        return completion;
    }
    if !is_in_text(&found) && paths::complete(&scene, offset, &mut completion) {
        return completion;
    }
    if names::formals(db, &scene, offset, &mut completion) {
        return completion;
    }
    at_cursor(db, &scene, &found, offset, &mut completion);
    completion
}

fn at_cursor(
    db: &dyn Db,
    scene: &Scene<'_>,
    found: &Cursor,
    offset: TextSize,
    completion: &mut Completion,
) {
    let options = scene.knowledge.options;
    let is_module = !is_no_module(scene);
    match found {
        Cursor::OptionName { path, range, .. } => {
            if let Some(path) = definition_path(path).filter(|_| is_module) {
                option_names(options, path, *range, completion);
                names::declared(db, scene, path, *range, completion);
                names::used(db, scene, path, *range, completion);
            }
            if path.is_empty() && is_module {
                keywords(&["config", "imports", "options"], *range, completion);
            }
            call_formals(scene, offset, *range, completion);
        }
        Cursor::OptionValue { path, range, is_string, .. } => {
            if let Some(path) = definition_path(path).filter(|_| is_module) {
                option_values(options, path, *range, completion);
            }
            if !is_string {
                variables(scene, offset, *range, completion);
            }
        }
        Cursor::Selection { of: Some(of), path, range, .. } => {
            let set = scene.node_at(*of).and_then(|it| scene.meaning(it));
            let set = set.and_then(|set| scene.select_parts(set, path));
            if let Some(set) = &set {
                members(scene, set, *range, completion);
            }
            values::members(scene, set.as_ref(), (*of, path), *range, completion);
        }
        Cursor::Inherit { from: Some(from), range, .. } => {
            let set = scene.node_at(*from).and_then(|it| scene.meaning(it));
            if let Some(set) = &set {
                members(scene, set, *range, completion);
            }
            values::members(scene, set.as_ref(), (*from, &[]), *range, completion);
        }
        Cursor::Variable { range, .. } | Cursor::Inherit { from: None, range, .. } => {
            variables(scene, offset, *range, completion);
        }
        Cursor::Other => call_formals(scene, offset, TextRange::empty(offset), completion),
        Cursor::Selection { .. } | Cursor::Path { .. } => {}
    }
}

fn is_in_text(found: &Cursor) -> bool {
    matches!(found, Cursor::OptionValue { is_string: true, .. })
}

/// Whether the file defines no options of any module system.
fn is_no_module(scene: &Scene<'_>) -> bool {
    scene.knowledge.options.is_none() && scene.knowledge.role.is_none()
}

/// The names in a set.
fn members(scene: &Scene<'_>, set: &Meaning<'_>, range: TextRange, completion: &mut Completion) {
    match set {
        Meaning::Config(_) if is_no_module(scene) => {}
        Meaning::Config(path) => option_names(scene.knowledge.options, path, range, completion),
        Meaning::Builtins => all_builtins(range, completion),
        _ => set_names(scene, set, range, completion),
    }
}

fn set_names(scene: &Scene<'_>, set: &Meaning<'_>, range: TextRange, completion: &mut Completion) {
    completion.is_incomplete |= scene.is_waiting(set);
    for name in scene.names(set) {
        let label = if is_plain(&name.name) { name.name } else { format!("{:?}", name.name) };
        let kind = match &name.lookup {
            Some(Lookup { base: Base::Library, .. }) => CompletionKind::Function,
            Some(_) => CompletionKind::Package,
            None => CompletionKind::Attribute,
        };
        let subject = name.lookup.map(Subject::Value);
        completion.items.push(CompletionItem { label, kind, detail: None, subject, range });
    }
}

fn all_builtins(range: TextRange, completion: &mut Completion) {
    let functions = builtins::all().iter().map(|it| (it.name, signature(it)));
    let constants = constants::CONSTANTS.iter().map(|it| (it.name, it.type_name.to_owned()));
    for (name, detail) in functions.chain(constants) {
        completion.items.push(CompletionItem {
            label: name.to_owned(),
            kind: CompletionKind::Builtin,
            detail: Some(detail),
            subject: Some(Subject::Builtin(name.to_owned())),
            range,
        });
    }
}

/// The names that an imported function takes, in the set that it is called with.
fn call_formals(
    scene: &Scene<'_>,
    offset: TextSize,
    range: TextRange,
    completion: &mut Completion,
) {
    for name in scene.formals_wanted_at(offset.into()) {
        completion.items.push(CompletionItem {
            label: name.name,
            kind: CompletionKind::Attribute,
            detail: Some("argument".to_owned()),
            subject: None,
            range,
        });
    }
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
        Subject::Builtin(name) => {
            let doc = builtins::get(name).map(|it| it.doc);
            doc.or_else(|| constants::get(name).map(|it| it.doc)).map(markdown::builtin)
        }
        Subject::Value(lookup) => {
            let found = knowledge.values?.get(lookup)?;
            Some(markdown::value(lookup.path.last()?, &found))
        }
    }
}

/// Returns a few words about an item that has none yet: the version of a package.
pub fn detail(knowledge: Knowledge<'_>, subject: &Subject) -> Option<String> {
    match subject {
        Subject::Value(lookup) => knowledge.values?.get(lookup)?.version.clone(),
        Subject::Option(_) | Subject::Builtin(_) => None,
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
    let mut shown = Vec::new();
    print::push_name(&mut shown, name.as_bytes());
    shown == name.as_bytes()
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

fn variables(scene: &Scene<'_>, offset: TextSize, range: TextRange, completion: &mut Completion) {
    let mut seen: FxHashSet<String> = FxHashSet::default();
    for definition in scene.scopes.visible_at(offset) {
        let label = definition.name.to_text().into_owned();
        seen.insert(label.clone());
        completion.items.push(CompletionItem {
            label,
            kind: CompletionKind::Variable,
            detail: Some(describe(definition.kind).to_owned()),
            subject: None,
            range,
        });
    }
    for name in builtins::global_names() {
        seen.insert(name.to_owned());
        completion.items.push(CompletionItem {
            label: name.to_owned(),
            kind: CompletionKind::Builtin,
            detail: builtins::get(name).map(signature),
            subject: Some(Subject::Builtin(name.to_owned())),
            range,
        });
    }
    for with in scene.withs_at(offset.into()) {
        let mut provided = Completion::default();
        scene.rest();
        let set = scene.meaning(with);
        if let Some(set) = &set {
            members(scene, set, range, &mut provided);
        }
        values::members(scene, set.as_ref(), (with.range(), &[]), range, &mut provided);
        completion.is_incomplete |= provided.is_incomplete;
        // A name that is defined around the `with` never comes from it.
        provided.items.retain(|item| seen.insert(item.label.clone()));
        completion.items.append(&mut provided.items);
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
