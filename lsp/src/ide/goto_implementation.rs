//! Go to implementation: from an option to everyone who sets it in the open folders.

use eval::db::{self, Db, File};
use syntax::TextSize;

use super::cursor::{Cursor, Part, cursor, definition_path};
use super::scene::{Meaning, Scene};
use super::{Knowledge, NavigationTarget, workspace};

/// Returns every definition of the option at `offset`.
pub fn goto_implementation(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Vec<NavigationTarget> {
    let Some(path) = option_path(db, knowledge, file, offset) else { return Vec::new() };
    workspace::option_definitions(db, knowledge, &path)
        .into_iter()
        .map(|(path, range, lines)| workspace::place(&path, &lines, range))
        .collect()
}

/// Returns the path of the option under the cursor, defined or used.
pub(super) fn option_path(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Option<Vec<Part>> {
    let tree = db::tree(db, file);
    match cursor(tree, offset) {
        Cursor::OptionName { path, name, .. } => {
            let mut path = definition_path(&path)?.to_vec();
            path.push(Part::Name(name));
            Some(path)
        }
        Cursor::Selection { of: Some(of), path, name, .. } => {
            let scene = Scene::new(knowledge, tree, db::scopes(db, file), file.path(db));
            let set = scene.meaning(scene.node_at(of)?)?;
            match scene.select_parts(set, &path)? {
                Meaning::Config(mut path) => {
                    path.push(Part::Name(name));
                    Some(path)
                }
                _ => None,
            }
        }
        _ => None,
    }
}
