//! Options: those that the open folders declare.

use eval::option_tree::OptionNode;
use eval::source::SourcePath;

use super::super::cursor::Part;
use super::super::option_sites;
use super::super::symbol::{Role, Symbol};
use super::{Change, Renamed, check_unknown, same, submodule};

/// Returns what changes with an option.
pub(super) fn changes(renamed: &Renamed<'_, '_>, path: &[Part]) -> Result<Vec<Change>, String> {
    let files = renamed.files;
    let shown = shown(path);
    let bindings = option_sites::bindings_of_option(files, path);
    if !bindings.iter().any(|it| it.is_declared) {
        if let Some(found) = submodule::changes(renamed, path) {
            return found;
        }
        return Err(format!("`{shown}` is not declared in the open folders"));
    }
    let components: Vec<_> = path.iter().map(Part::component).collect();
    let known = files.knowledge.options.and_then(|tree| tree.lookup(&components));
    if known.is_some_and(|node| !is_own(renamed, node)) {
        return Err(format!("the library declares `{shown}`, too"));
    }
    let mut new_path = path.to_vec();
    new_path.pop();
    new_path.push(Part::Name(renamed.new.to_owned()));
    if files.is_option(&new_path) {
        return Err(format!("there is an option `{}` already", self::shown(&new_path)));
    }
    let symbol = Symbol::Option(path.to_vec());
    let (uses, unknown) = same(renamed, &symbol, &files.with_word(renamed.old));
    check_unknown(renamed, &unknown)?;
    let bound = bindings.iter().filter_map(|it| {
        let file = files.index_of(&it.path)?;
        Some(Change { file, range: it.name_of(path)?, role: Role::Bound })
    });
    let mut changes: Vec<Change> = bound.collect();
    let is_new =
        |it: &Change| changes.iter().all(|known| (known.file, known.range) != (it.file, it.range));
    let uses: Vec<Change> = uses.into_iter().filter(is_new).collect();
    // A definition that is inherited is written down by the clause.
    for it in &mut changes {
        let Some(file) = files.all.get(it.file) else { continue };
        let scene = file.scene(files.knowledge);
        let around = scene.around(it.range.start().into());
        if around.iter().any(|node| node.kind() == syntax::SyntaxKind::InheritClause) {
            it.role = Role::BoundByInherit;
        }
    }
    changes.extend(uses);
    Ok(changes)
}

/// Whether all that is declared at a node and below it is declared in the open folders.
fn is_own(renamed: &Renamed<'_, '_>, node: &OptionNode) -> bool {
    let is_inside = |file: &str| {
        let path = SourcePath::parse_display(file);
        path.is_some_and(|path| renamed.files.index_of(&path).is_some())
    };
    let own = node
        .option
        .as_ref()
        .is_none_or(|option| option.declarations.iter().all(|place| is_inside(&place.file)));
    own && node.children.values().all(|child| is_own(renamed, child))
}

fn shown(path: &[Part]) -> String {
    let names = path.iter().map(|part| match part {
        Part::Name(name) => name.as_str(),
        Part::Element => "*",
    });
    names.collect::<Vec<_>>().join(".")
}
