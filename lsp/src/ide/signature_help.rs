//! Signature help: the parameters of the function whose argument the cursor is at.

use eval::builtins;
use eval::db::{self, Db, File};
use eval::inspect::ValueKind;
use eval::scope::Target;
use syntax::{FlatNode, SyntaxKind, TextSize};

use super::scene::{Meaning, Scene, text};
use super::{Knowledge, evaluated, markdown, surroundings};

/// A function and its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// How it is called.
    pub label: String,
    /// The bytes of each parameter in the label.
    pub parameters: Vec<(u32, u32)>,
    /// The parameter that the cursor is at.
    pub active: u32,
    /// What the function does, in Markdown.
    pub documentation: Option<String>,
}

/// Returns the function whose argument is at `offset`.
pub fn signature_help(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Option<Signature> {
    let tree = db::tree(db, file);
    let scene = Scene::new(knowledge, tree, db::scopes(db, file), file.path(db));
    if scene.is_comment_or_string(offset.into()) {
        return None;
    }
    let offset = u32::from(offset);
    let around = scene.around(scene.last_token_end(offset));
    let mut inner: Option<FlatNode<'_>> = None;
    for (at, node) in around.iter().enumerate().rev() {
        match node.kind() {
            SyntaxKind::Apply => {
                let function = node.expressions().next()?;
                let is_argument = Some(function) != inner || function.end() < offset;
                if is_argument && let Some(found) = call(&scene, *node, offset) {
                    return Some(found);
                }
            }
            SyntaxKind::Variable | SyntaxKind::Select if node.end() < offset => {
                let parent = at.checked_sub(1).and_then(|at| around.get(at));
                let stands_alone = parent.is_none_or(|it| {
                    !matches!(it.kind(), SyntaxKind::Apply | SyntaxKind::List | SyntaxKind::Select)
                });
                if stands_alone && let Some(found) = signature(&scene, *node, 0) {
                    return Some(found);
                }
            }
            SyntaxKind::Binding
            | SyntaxKind::AttrSet
            | SyntaxKind::List
            | SyntaxKind::LetIn
            | SyntaxKind::Lambda => return None,
            _ => {}
        }
        inner = Some(*node);
    }
    None
}

fn call(scene: &Scene<'_>, apply: FlatNode<'_>, offset: u32) -> Option<Signature> {
    let mut function = apply;
    let mut given = 0;
    while function.kind() == SyntaxKind::Apply {
        let mut parts = function.expressions();
        let next = parts.next()?;
        given += parts.filter(|it| it.end() < offset).count();
        function = next.without_parens();
    }
    if function.end() >= offset {
        return None;
    }
    signature(scene, function, given)
}

fn signature(scene: &Scene<'_>, function: FlatNode<'_>, active: usize) -> Option<Signature> {
    let name = text(function);
    let (parameters, documentation) = described(scene, function)?;
    if active >= parameters.len() {
        return None;
    }
    let mut label = name;
    let mut ranges = Vec::new();
    for parameter in &parameters {
        label.push(' ');
        let start = label.len() as u32;
        label.push_str(parameter);
        ranges.push((start, label.len() as u32));
    }
    Some(Signature { label, parameters: ranges, active: active as u32, documentation })
}

/// Returns the parameters of a function and what it does.
fn described(scene: &Scene<'_>, function: FlatNode<'_>) -> Option<(Vec<String>, Option<String>)> {
    if let Some(builtin) = builtin(scene, function) {
        let names = builtin.parameters.iter().map(|it| it.name.to_owned()).collect();
        return Some((names, Some(markdown::builtin(builtin.doc))));
    }
    match scene.meaning(function) {
        Some(Meaning::Value(lookup)) => {
            let found = scene.inspected(&lookup).filter(|it| it.kind == ValueKind::Function)?;
            let names = found.parameters.iter().map(markdown::parameter_text).collect();
            Some((names, found.documentation.clone()))
        }
        Some(Meaning::Written(lambda)) if lambda.kind() == SyntaxKind::Lambda => {
            let parameters = eval::inspect::parameters(lambda);
            let names = parameters.iter().map(markdown::parameter_text).collect();
            let comment = scene.comment_of(lambda);
            Some((names, comment))
        }
        _ => {
            scene.rest();
            let evaluable = surroundings::evaluable(scene, function, Some(function.end()))?;
            let found = evaluated::look(scene, &evaluable)?;
            let names: Vec<String> =
                found.parameters.iter().map(markdown::parameter_text).collect();
            Some((names, found.documentation.clone()))
        }
    }
}

fn builtin(scene: &Scene<'_>, function: FlatNode<'_>) -> Option<&'static builtins::Builtin> {
    match function.kind() {
        SyntaxKind::Variable => {
            let reference = scene.scopes.reference_at(function.range().start())?;
            let is_builtin = reference.target == Target::Builtin;
            builtins::get(reference.name.to_text().trim_start_matches("__")).filter(|_| is_builtin)
        }
        SyntaxKind::Select => {
            let base = scene.meaning(function.first_child()?)?;
            let mut names = function.child(SyntaxKind::Attrpath)?.children();
            let name = names.next()?;
            let is_member = base == Meaning::Builtins && names.next().is_none();
            builtins::get(&text(name)).filter(|_| is_member)
        }
        _ => None,
    }
}
