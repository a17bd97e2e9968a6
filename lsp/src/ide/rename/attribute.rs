//! Attributes: renamed where it is known who has the set.

use eval::scope::Target;
use syntax::{FlatNode, SyntaxKind};

use super::super::flow::{self, Flow};
use super::super::project::ProjectFile;
use super::super::scene::{Meaning, Step, static_name};
use super::super::symbol::{self, Site, Symbol};
use super::{Change, Renamed, check_unknown, nothing, place, same};

/// Returns what changes with an attribute.
pub(super) fn changes(
    renamed: &Renamed<'_, '_>,
    symbol: &Symbol,
    sites: &[Site],
) -> Result<Vec<Change>, String> {
    for site in sites {
        let at = renamed
            .files
            .index_of(&site.path)
            .ok_or_else(|| format!("`{}` is defined outside of the open folders", renamed.old))?;
        let file = renamed.files.all.get(at).ok_or_else(nothing)?;
        check_owner(renamed, at, file, site)?;
    }
    let files = renamed.files.with_word(renamed.old);
    let (found, unknown) = same(renamed, symbol, &files);
    check_unknown(renamed, &unknown)?;
    for change in &found {
        check_with(renamed, change)?;
    }
    Ok(found)
}

/// The set is followed to all that have it, and must not have the new name yet.
fn check_owner(
    renamed: &Renamed<'_, '_>,
    at: usize,
    file: &ProjectFile<'_>,
    site: &Site,
) -> Result<(), String> {
    let scene = file.scene(renamed.files.knowledge);
    let around = scene.around(site.range.start().into());
    let is_entry =
        |it: &&FlatNode<'_>| matches!(it.kind(), SyntaxKind::Binding | SyntaxKind::InheritClause);
    let name = around.iter().rev().find(|it| it.range() == site.range).copied();
    let entry = around.iter().rev().find(is_entry).copied();
    let (Some(entry), Some(name)) = (entry, name) else { return Err(nothing()) };
    let set = file.parent(entry).and_then(|it| file.tree().node(it.index()));
    let Some(set) = set else { return Err(nothing()) };
    let before: Vec<FlatNode<'_>> = match entry.child(SyntaxKind::Attrpath) {
        Some(path) => path.children().take_while(|it| *it != name).collect(),
        None => Vec::new(),
    };
    let names: Option<Vec<String>> = before.iter().map(|it| static_name(*it)).collect();
    let Some(names) = names else { return Err(nothing()) };
    let steps: Vec<Step> = names.iter().cloned().map(Step::Select).collect();
    let flow = if set.kind() == SyntaxKind::AttrSet {
        let mut inner = Some(Meaning::Written(set));
        for name in &names {
            inner = inner.and_then(|set| scene.select(set, name));
        }
        if inner.is_some_and(|set| symbol::member(&scene, &set, renamed.new) != Symbol::Absent) {
            return Err(format!("the set has a `{}` already", renamed.new));
        }
        flow::follow(renamed.files, at, set, &steps)
    } else {
        let first = names.first().ok_or_else(nothing)?;
        let variable = scene
            .scopes
            .definitions
            .iter()
            .position(|it| it.scope == set.range() && it.name.to_text() == first.as_str());
        let variable = variable.ok_or_else(nothing)?;
        let definition = scene.scopes.definitions.get(variable);
        let mut inner = definition.and_then(|it| scene.definition(it));
        for name in names.iter().skip(1) {
            inner = inner.and_then(|set| scene.select(set, name));
        }
        if inner.is_some_and(|set| symbol::member(&scene, &set, renamed.new) != Symbol::Absent) {
            return Err(format!("the set has a `{}` already", renamed.new));
        }
        flow::follow_variable(
            renamed.files,
            at,
            variable as u32,
            steps.get(1..).unwrap_or_default(),
        )
    };
    check_flow(renamed, &flow)
}

fn check_flow(renamed: &Renamed<'_, '_>, flow: &Flow) -> Result<(), String> {
    if let Some(escape) = flow.escapes.first() {
        let place = place(renamed.files, &escape.path, escape.range);
        let old = renamed.old;
        return Err(format!(
            "the set with `{old}` is handed on whole in {place}: who reads it is not known"
        ));
    }
    if flow.is_public {
        let old = renamed.old;
        return Err(format!(
            "no file in the open folders imports this one: who reads `{old}` is not known"
        ));
    }
    Ok(())
}

/// Under a `with`, the new name must not be a variable, nor be provided by another `with`.
fn check_with(renamed: &Renamed<'_, '_>, change: &Change) -> Result<(), String> {
    let Some(file) = renamed.files.all.get(change.file) else { return Ok(()) };
    let scene = file.scene(renamed.files.knowledge);
    let reference = scene.scopes.reference_at(change.range.start());
    let Some(Target::With(withs)) =
        reference.filter(|it| it.range == change.range).map(|it| &it.target)
    else {
        return Ok(());
    };
    let taken = format!("`{}` means something else", renamed.new);
    let here = place(renamed.files, file.path, change.range);
    let visible = scene.scopes.visible_at(change.range.start());
    let is_builtin = eval::builtins::is_global(renamed.new);
    if is_builtin || visible.iter().any(|it| it.name.to_text() == renamed.new) {
        return Err(format!("{taken} in {here}"));
    }
    for index in withs.iter() {
        let set = scene.scopes.withs.get(*index as usize).and_then(|with| with.set);
        let set = set.and_then(|set| scene.node_at(set)).and_then(|set| scene.meaning(set));
        let Some(set) = set else { continue };
        if matches!(symbol::member(&scene, &set, renamed.new), Symbol::Written(_)) {
            return Err(format!("{taken} in {here}"));
        }
    }
    Ok(())
}
