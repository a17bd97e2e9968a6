//! Rename: a variable gets another name everywhere in its file, or a reason why it cannot.

use eval::db::{self, Db, File};
use eval::print;
use eval::scope::{Definition, DefinitionKind, Scopes, Target};
use syntax::{FlatNode, SyntaxKind, TextRange, TextSize};

use super::references::{definition_of, occurrences};
use super::scene::{Scene, static_name};
use super::{Knowledge, completion};

/// One replacement in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that are replaced.
    pub range: TextRange,
    /// What comes there.
    pub text: String,
}

/// Returns the name at `offset` if it can be renamed, else why not.
///
/// # Errors
///
/// One sentence for a person.
pub fn prepare(db: &dyn Db, file: File, offset: TextSize) -> Result<TextRange, String> {
    let scopes = db::scopes(db, file);
    let definition = renamed(scopes, offset)?;
    let own = definition.range.contains_inclusive(offset).then_some(definition.range);
    let used = scopes.reference_at(offset).map(|it| it.range);
    used.or(own).ok_or_else(nothing)
}

fn nothing() -> String {
    "there is no variable here".to_owned()
}

fn renamed(scopes: &Scopes, offset: TextSize) -> Result<&Definition, String> {
    let index = definition_of(scopes, offset);
    let definition = index.and_then(|index| scopes.definitions.get(index as usize));
    let Some(definition) = definition else {
        return Err(match scopes.reference_at(offset).map(|it| &it.target) {
            Some(Target::Builtin) => "a builtin cannot be renamed".to_owned(),
            Some(Target::With(_)) => "the name comes from a `with`, not from this file".to_owned(),
            _ => nothing(),
        });
    };
    match definition.kind {
        DefinitionKind::Let | DefinitionKind::LetInherit => Ok(definition),
        DefinitionKind::Parameter | DefinitionKind::AtName => Ok(definition),
        DefinitionKind::Formal { .. } => {
            Err(format!("callers give `{}` by this name", definition.name.to_text()))
        }
        DefinitionKind::RecAttr => {
            Err(format!("`{}` is an attribute that others may select", definition.name.to_text()))
        }
    }
}

/// Returns the edits that rename the variable at `offset`.
///
/// # Errors
///
/// One sentence for a person: why the name cannot be changed, or not to this one.
pub fn rename(
    db: &dyn Db,
    file: File,
    offset: TextSize,
    new_name: &str,
) -> Result<Vec<Edit>, String> {
    let scopes = db::scopes(db, file);
    let definition = renamed(scopes, offset)?;
    let mut shown = Vec::new();
    print::push_name(&mut shown, new_name.as_bytes());
    if shown != new_name.as_bytes() || new_name == "or" {
        return Err(format!("`{new_name}` is no name of a variable"));
    }
    if definition.name.to_text() == new_name {
        return Ok(Vec::new());
    }
    let occurrences = occurrences(db, file, offset);
    check(scopes, definition, new_name, occurrences.iter().map(|it| it.range))?;
    let tree = db::tree(db, file);
    let scene = Scene::new(Knowledge::default(), tree, scopes, file.path(db));
    let mut edits = Vec::new();
    for occurrence in &occurrences {
        let around = scene.around(occurrence.range.start().into());
        let clause = around.iter().rev().find(|it| it.kind() == SyntaxKind::InheritClause);
        match clause.filter(|clause| is_inherited(**clause, occurrence.range)) {
            Some(clause) => {
                let old = definition.name.to_text();
                let is_definition = occurrence.is_definition;
                edits.extend(inherit_edits(
                    *clause,
                    occurrence.range,
                    &old,
                    new_name,
                    is_definition,
                ));
            }
            None => edits.push(Edit { range: occurrence.range, text: new_name.to_owned() }),
        }
    }
    edits.sort_by_key(|edit| (edit.range.start(), edit.range.end()));
    edits.dedup();
    Ok(edits)
}

/// A new name must not mean something else where the old one is used, nor take over what means
/// something else now.
fn check(
    scopes: &Scopes,
    definition: &Definition,
    new_name: &str,
    uses: impl Iterator<Item = TextRange>,
) -> Result<(), String> {
    for range in uses {
        let visible = scopes.visible_at(range.start());
        let other = visible.iter().find(|it| it.name.to_text() == new_name);
        if let Some(other) = other
            && definition.scope.contains_range(other.scope)
        {
            let sort = completion::describe(other.kind);
            return Err(format!("`{new_name}` is taken where the name is used: {sort}"));
        }
    }
    for reference in &scopes.references {
        if reference.name.to_text() != new_name || !definition.scope.contains_range(reference.range)
        {
            continue;
        }
        let is_inner = match &reference.target {
            Target::Definition(index) => {
                let target = scopes.definitions.get(*index as usize);
                target.is_some_and(|target| {
                    definition.scope.contains_range(target.scope)
                        && target.scope != definition.scope
                })
            }
            _ => false,
        };
        if !is_inner {
            return Err(format!("`{new_name}` is already used there and means something else"));
        }
    }
    Ok(())
}

fn is_inherited(clause: FlatNode<'_>, range: TextRange) -> bool {
    clause.children().any(|it| it.kind().is_attr() && it.range() == range)
}

/// An inherited name is two names: it leaves the clause and becomes a binding of its own.
fn inherit_edits(
    clause: FlatNode<'_>,
    range: TextRange,
    old: &str,
    new: &str,
    is_definition: bool,
) -> Vec<Edit> {
    let from = clause.child(SyntaxKind::InheritFrom);
    let from = from.and_then(|it| it.expressions().next());
    let binding = match (from, is_definition) {
        (Some(from), true) => {
            let text = String::from_utf8_lossy(from.text());
            let is_simple = matches!(from.kind(), SyntaxKind::Variable | SyntaxKind::Select);
            if is_simple {
                format!("{new} = {text}.{old};")
            } else {
                format!("{new} = ({text}).{old};")
            }
        }
        (None, true) => format!("{new} = {old};"),
        (_, false) => format!("{old} = {new};"),
    };
    let names = clause.children().filter(|it| it.kind().is_attr()).filter_map(static_name).count();
    if names == 1 {
        return vec![Edit { range: clause.range(), text: binding }];
    }
    // The space before the name goes with it.
    let before = TextRange::new(range.start() - TextSize::from(1), range.end());
    let after = TextRange::empty(clause.range().end());
    vec![
        Edit { range: before, text: String::new() },
        Edit { range: after, text: format!(" {binding}") },
    ]
}
