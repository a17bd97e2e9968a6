//! Formals: renamed together with what the calls of the function give.

use eval::scope::{Definition, DefinitionKind, Target};
use syntax::{FlatNode, SyntaxKind};

use super::super::flow::{self, Call};
use super::super::project::ProjectFile;
use super::super::scene::static_name;
use super::super::symbol::Symbol;
use super::{Change, Renamed, check_variable, nothing, place, same};

/// Returns what changes with a formal.
pub(super) fn changes(
    renamed: &Renamed<'_, '_>,
    symbol: &Symbol,
    at: usize,
    definition: &Definition,
) -> Result<Vec<Change>, String> {
    let old = renamed.old;
    let file = renamed.files.all.get(at).ok_or_else(nothing)?;
    let scene = file.scene(renamed.files.knowledge);
    let around = scene.around(definition.range.start().into());
    let lambda = around.iter().rev().find(|it| it.kind() == SyntaxKind::Lambda).copied();
    let lambda = lambda.and_then(|it| file.tree().node(it.index())).ok_or_else(nothing)?;
    let flow = flow::follow(renamed.files, at, lambda, &[]);
    if file.is_module() && file.tree().root().expressions().next() == Some(lambda) {
        return Err(format!("the module system gives `{old}` by this name"));
    }
    check_variable(renamed, scene.scopes, definition)?;
    check_whole_set(renamed, file, definition)?;
    if let Some(escape) = flow.escapes.first() {
        let place = place(renamed.files, &escape.path, escape.range);
        return Err(format!("the function is handed on in {place}: its callers are not known"));
    }
    if flow.is_public {
        return Err(format!(
            "no file in the open folders calls this function: who gives `{old}` is not known"
        ));
    }
    for call in &flow.calls {
        check_call(renamed, call)?;
    }
    let files = renamed.files.with_word(old);
    Ok(same(renamed, symbol, &files).0)
}

/// The set of all arguments, if it has a name, must only be selected from.
fn check_whole_set(
    renamed: &Renamed<'_, '_>,
    file: &ProjectFile<'_>,
    definition: &Definition,
) -> Result<(), String> {
    let scene = file.scene(renamed.files.knowledge);
    let scopes = scene.scopes;
    let whole = scopes
        .definitions
        .iter()
        .position(|it| it.kind == DefinitionKind::AtName && it.scope == definition.scope);
    let Some(whole) = whole else { return Ok(()) };
    for reference in &scopes.references {
        if reference.target != Target::Definition(whole as u32) {
            continue;
        }
        let node = scene.around(reference.range.start().into());
        let node = node.into_iter().rev().find(|it| it.range() == reference.range);
        let node = node.and_then(|it| file.tree().node(it.index()));
        let parent = node.and_then(|it| file.parent(it));
        let is_selected = parent.is_some_and(|parent| {
            let path = parent.child(SyntaxKind::Attrpath);
            let name = path.and_then(FlatNode::first_child).and_then(static_name);
            matches!(parent.kind(), SyntaxKind::Select | SyntaxKind::HasAttr) && name.is_some()
        });
        if !is_selected {
            let name = reference.name.to_text();
            return Err(format!("all arguments are handed on as `{name}`"));
        }
    }
    Ok(())
}

/// What a call gives must be written there, and must leave room for the new name.
fn check_call(renamed: &Renamed<'_, '_>, call: &Call) -> Result<(), String> {
    let Some(file) = renamed.files.all.get(call.file) else { return Ok(()) };
    let scene = file.scene(renamed.files.knowledge);
    let here = place(renamed.files, file.path, call.function);
    let argument = scene.node_at(call.argument).map(FlatNode::without_parens);
    let Some(set) = argument.filter(|it| it.kind() == SyntaxKind::AttrSet) else {
        return Err(format!("what the function is called with in {here} is not written there"));
    };
    let mut names = Vec::new();
    for entry in set.children() {
        let attrs: Vec<FlatNode<'_>> = match entry.child(SyntaxKind::Attrpath) {
            Some(path) => path.first_child().into_iter().collect(),
            None => entry.children().filter(|it| it.kind().is_attr()).collect(),
        };
        for attr in attrs {
            match static_name(attr) {
                Some(name) => names.push(name),
                None => return Err(format!("the names given in {here} are computed")),
            }
        }
    }
    if names.iter().any(|name| name == renamed.new) {
        return Err(format!("the call in {here} gives a `{}` already", renamed.new));
    }
    if call.fills_in && names.iter().all(|name| name != renamed.old) {
        return Err(format!("`callPackage` gives `{}` by this name in {here}", renamed.old));
    }
    Ok(())
}
