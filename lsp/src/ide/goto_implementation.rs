//! Go to implementation: from an option to everyone who sets it, in all files of the open folders.

use eval::db::{self, Db, File};
use syntax::TextSize;

use super::cursor::{Cursor, Part, cursor, definition_path};
use super::project::Project;
use super::scene::{Meaning, Scene};
use super::symbol::{self, Site, Symbol};
use super::{Knowledge, NavigationTarget, option_sites, references};

/// Returns every definition of the option at `offset`, and of what is in it.
pub fn goto_implementation(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Vec<NavigationTarget> {
    let project = Project::new(db, knowledge, file);
    let files = project.files();
    let named = || {
        let at = files.index_of(file.path(db))?;
        let (_, symbols) = symbol::at_offset(&files, at, offset)?;
        symbols.into_iter().find_map(|it| match it.symbol {
            Symbol::Option(path) => Some(path),
            _ => None,
        })
    };
    let Some(path) = named().or_else(|| option_path(db, knowledge, file, offset)) else {
        return Vec::new();
    };
    let all = option_sites::bindings_of_option(&files, &path);
    let definitions = all.into_iter().filter(|it| !it.is_declared);
    let site = |it: option_sites::OptionBinding| Site { path: it.path, range: it.range };
    definitions.map(|it| references::target(file.path(db), site(it))).collect()
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
            let path = match path.first() {
                Some(Part::Name(first)) if first == "options" => path.get(1..)?,
                _ => definition_path(&path)?,
            };
            let mut path = path.to_vec();
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
