//! References: every use of the variable, option or attribute under the cursor.

use eval::db::{self, Db, File};
use eval::scope::{Scopes, Target};
use syntax::{LineIndex, SyntaxKind, TextRange, TextSize};

use super::cursor::Part;
use super::goto_implementation::option_path;
use super::scene::{Meaning, Scene, static_name};
use super::{Knowledge, NavigationTarget, workspace};

/// One occurrence of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The name's bytes.
    pub range: TextRange,
    /// Whether this is where the variable is defined.
    pub is_definition: bool,
}

/// Returns every occurrence of the variable at `offset` in its file, its definition first.
pub fn occurrences(db: &dyn Db, file: File, offset: TextSize) -> Vec<Occurrence> {
    let scopes = db::scopes(db, file);
    let Some(index) = definition_of(scopes, offset) else { return Vec::new() };
    let definition = scopes.definitions.get(index as usize);
    let mut found: Vec<Occurrence> = definition
        .map(|it| Occurrence { range: it.range, is_definition: true })
        .into_iter()
        .collect();
    found.extend(
        scopes
            .references
            .iter()
            .filter(|reference| reference.target == Target::Definition(index))
            .map(|reference| Occurrence { range: reference.range, is_definition: false }),
    );
    found
}

/// Returns the index of the definition whose name or use is at an offset.
pub(super) fn definition_of(scopes: &Scopes, offset: TextSize) -> Option<u32> {
    match scopes.reference_at(offset) {
        Some(reference) => match reference.target {
            Target::Definition(index) => Some(index),
            Target::Builtin | Target::With(_) | Target::Undefined => None,
        },
        None => scopes.definition_at(offset),
    }
}

/// Returns every use of the thing at `offset`: of a variable in its file, of an option in all
/// files of the open folders. Definitions come first, if they are wanted.
pub fn references(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
    with_definitions: bool,
) -> Vec<NavigationTarget> {
    let found = occurrences(db, file, offset);
    if !found.is_empty() {
        let wanted = found.iter().filter(|it| with_definitions || !it.is_definition);
        return wanted.map(|it| NavigationTarget::Here(it.range)).collect();
    }
    let Some(path) = option_path(db, knowledge, file, offset) else { return Vec::new() };
    let mut found = Vec::new();
    if with_definitions {
        for (path, range, lines) in workspace::option_definitions(db, knowledge, &path) {
            found.push(workspace::place(&path, &lines, range));
        }
    }
    found.extend(option_uses(db, knowledge, &path));
    found
}

/// Returns where files select an option, or something in it, from `config`.
fn option_uses(db: &dyn Db, knowledge: Knowledge<'_>, path: &[Part]) -> Vec<NavigationTarget> {
    let Some(Part::Name(last)) = path.last() else { return Vec::new() };
    let mut found = Vec::new();
    for (place, text) in workspace::texts(db, knowledge) {
        let (tree, _) = syntax::parse_flat(&text, db::PARSE_OPTIONS);
        let scopes = eval::scope::scopes(&tree);
        let lines = LineIndex::new(&text);
        for node in tree.root().descendants().filter(|it| it.kind() == SyntaxKind::Select) {
            let Some(attrpath) = node.child(SyntaxKind::Attrpath) else { continue };
            let names = attrpath.children().map(static_name);
            let positions: Vec<usize> = names
                .enumerate()
                .filter(|(_, name)| name.as_ref() == Some(last))
                .map(|(at, _)| at)
                .collect();
            if positions.is_empty() {
                continue;
            }
            // A scene of its own: each selection may take all its steps.
            let scene = Scene::new(knowledge, tree, &scopes, &place);
            let Some(Meaning::Config(base)) = node.first_child().and_then(|it| scene.meaning(it))
            else {
                continue;
            };
            for at in positions {
                let mut whole = base.clone();
                let names = attrpath.children().take(at + 1).filter_map(static_name);
                whole.extend(names.map(Part::Name));
                let attr = attrpath.children().nth(at);
                if let Some(attr) = attr.filter(|_| whole == path) {
                    found.push(workspace::place(&place, &lines, attr.range()));
                }
            }
        }
    }
    found
}
