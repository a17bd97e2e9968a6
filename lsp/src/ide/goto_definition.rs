//! Go to definition: from a name to the binding, option declaration or file that gives it meaning.

use eval::db::{self, Db, File};
use eval::option_tree::{Component, Place};
use eval::scope::{Reference, Target};
use eval::source::{HOST, SourcePath, canonical};
use eval::system::FileType;
use syntax::{SyntaxKind, TextSize};

use super::cursor::{Cursor, Part, cursor, definition_path};
use super::project::Project;
use super::scene::{Meaning, Scene, Written};
use super::symbol::{self, Site, Symbol};
use super::{Knowledge, NavigationTarget, evaluated, flake, option_sites, references};

/// Returns where the thing at `offset` is defined; nothing if that is not known.
///
/// A name that comes from `with` answers with where the set has it, else with every `with` that
/// may provide it, innermost first; an option with its declarations; a path with the file.
pub fn goto_definition(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Vec<NavigationTarget> {
    let found = evaluated_or_near(db, knowledge, file, offset);
    if found.is_empty() { in_project(db, knowledge, file, offset) } else { found }
}

/// Returns what the files of the project tell: the formal that an argument gives, the declaration
/// of an option that does not evaluate yet.
fn in_project(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Vec<NavigationTarget> {
    let project = Project::new(db, knowledge, file);
    let files = project.files();
    let at = files.index_of(file.path(db));
    let Some((_, found)) = at.and_then(|at| symbol::at_offset(&files, at, offset)) else {
        return Vec::new();
    };
    let sites = found.into_iter().find_map(|it| match it.symbol {
        Symbol::Written(sites) => Some(sites),
        Symbol::Option(path) => {
            let all = option_sites::bindings_of_option(&files, &path).into_iter();
            let declared = all.filter(|it| it.is_declared && it.names == path);
            Some(declared.map(|it| Site { path: it.path, range: it.range }).collect())
        }
        Symbol::Outside | Symbol::Absent | Symbol::Unknown => None,
    });
    let sites = sites.into_iter().flatten();
    sites.map(|site| references::target(file.path(db), site)).collect()
}

/// Returns where the value of the thing at `offset` is written: the set, the function, the file.
pub fn goto_value(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Vec<NavigationTarget> {
    let tree = db::tree(db, file);
    let scene = Scene::new(knowledge, tree, db::scopes(db, file), file.path(db));
    let around = scene.around(offset.into());
    let is_value =
        |it: &&syntax::FlatNode<'_>| matches!(it.kind(), SyntaxKind::Variable | SyntaxKind::Select);
    let found = around.iter().rev().find(is_value).and_then(|it| scene.meaning(*it));
    match found {
        Some(Meaning::Written(node)) => vec![NavigationTarget::Here(node.range())],
        Some(Meaning::File(path, _)) => vec![file_target(knowledge, path, None, None)],
        Some(meaning @ Meaning::Value(_)) => value(&scene, &meaning),
        _ => Vec::new(),
    }
}

/// Returns where the thing at `offset` is defined by what this file says and evaluations know.
pub fn evaluated_or_near(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Vec<NavigationTarget> {
    let tree = db::tree(db, file);
    let scene = Scene::new(knowledge, tree, db::scopes(db, file), file.path(db));
    let at = cursor(tree, offset);
    let declared = flake::definition(db, file, &scene, offset);
    if !declared.is_empty() {
        return declared;
    }
    let found = near(&scene, file, db, &at, offset);
    let is_selected =
        matches!(at, Cursor::Selection { .. } | Cursor::Inherit { from: Some(_), .. });
    if !found.is_empty() || !is_selected {
        return found;
    }
    scene.rest();
    evaluated(&scene, &at, offset).into_iter().collect()
}

/// Returns where evaluating what is selected from finds the name.
fn evaluated(scene: &Scene<'_>, at: &Cursor, offset: TextSize) -> Option<NavigationTarget> {
    let subject = evaluated::subject(scene, at, offset)?;
    let found = evaluated::look(scene, &subject.evaluable)?;
    if let Some(offset) = found.offset.and_then(|it| subject.evaluable.in_file(it)) {
        let node = scene.around(offset).into_iter().rev().find(|it| it.start() == offset)?;
        return Some(NavigationTarget::Here(node.range()));
    }
    place_target(scene.knowledge, found.place.as_ref()?)
}

fn near(
    scene: &Scene<'_>,
    file: File,
    db: &dyn Db,
    at: &Cursor,
    offset: TextSize,
) -> Vec<NavigationTarget> {
    let knowledge = scene.knowledge;
    match at.clone() {
        Cursor::OptionName { path, name, .. } => match definition_path(&path) {
            Some(path) => declarations(knowledge, path, &name),
            None => Vec::new(),
        },
        Cursor::Selection { of: Some(of), path, name, .. } => {
            let set = scene.node_at(of).and_then(|it| scene.meaning(it));
            let set = set.and_then(|set| scene.select_parts(set, &path));
            set.map(|set| member(scene, &set, &name)).unwrap_or_default()
        }
        Cursor::Inherit { from: Some(from), name, .. } => {
            let set = scene.node_at(from).and_then(|it| scene.meaning(it));
            set.map(|set| member(scene, &set, &name)).unwrap_or_default()
        }
        Cursor::Path { text, .. } => {
            let target = path_target(&file.path(db).bytes, &text);
            target.map(|path| file_target(knowledge, path, None, None)).into_iter().collect()
        }
        Cursor::Variable { .. } | Cursor::OptionValue { .. } | Cursor::Inherit { .. } => {
            variable(scene, offset)
        }
        Cursor::Selection { of: None, .. } | Cursor::Other => Vec::new(),
    }
}

/// Returns where a set has a name.
fn member(scene: &Scene<'_>, set: &Meaning<'_>, name: &str) -> Vec<NavigationTarget> {
    if let Meaning::Config(path) = set {
        return declarations(scene.knowledge, path, name);
    }
    let names = match set {
        // The names of a package set are many, and one is enough to ask for.
        Meaning::Value(lookup) => {
            return value(scene, &Meaning::Value(lookup.select(name)));
        }
        _ => scene.names(set),
    };
    let Some(found) = names.into_iter().find(|it| it.name == name) else { return Vec::new() };
    match found.place {
        Written::Here(range) => vec![NavigationTarget::Here(range)],
        Written::There(path, line, column) => {
            vec![file_target(scene.knowledge, path, Some(line), Some(column))]
        }
        Written::Elsewhere => {
            let meaning = found.lookup.map(Meaning::Value);
            meaning.map(|it| value(scene, &it)).unwrap_or_default()
        }
    }
}

/// Returns where an evaluated value is defined.
fn value(scene: &Scene<'_>, meaning: &Meaning<'_>) -> Vec<NavigationTarget> {
    let Meaning::Value(lookup) = meaning else { return Vec::new() };
    let found = scene.inspected(lookup);
    let place = found.as_ref().and_then(|it| it.place.as_ref());
    place.and_then(|place| place_target(scene.knowledge, place)).into_iter().collect()
}

fn variable(scene: &Scene<'_>, offset: TextSize) -> Vec<NavigationTarget> {
    let scopes = scene.scopes;
    let Some(reference) = scopes.reference_at(offset) else {
        let own = scopes.definition_at(offset).and_then(|at| scopes.definitions.get(at as usize));
        return own.map(|it| NavigationTarget::Here(it.range)).into_iter().collect();
    };
    match &reference.target {
        Target::Definition(index) => scopes
            .definitions
            .get(*index as usize)
            .map(|definition| NavigationTarget::Here(definition.range))
            .into_iter()
            .collect(),
        Target::With(withs) => {
            let exact = provided(scene, reference, withs);
            if !exact.is_empty() {
                return exact;
            }
            withs
                .iter()
                .filter_map(|index| scopes.withs.get(*index as usize))
                .map(|with| NavigationTarget::Here(with.set.unwrap_or(with.keyword)))
                .collect()
        }
        Target::Builtin | Target::Undefined => Vec::new(),
    }
}

/// Returns where the sets of `with`s have a name: the first that is known to have it.
fn provided(scene: &Scene<'_>, reference: &Reference, withs: &[u32]) -> Vec<NavigationTarget> {
    let name = reference.name.to_text();
    for index in withs {
        let set = scene.scopes.withs.get(*index as usize).and_then(|with| with.set);
        let set = set.and_then(|set| scene.node_at(set)).and_then(|set| scene.meaning(set));
        let Some(set) = set else { return Vec::new() };
        let found = member(scene, &set, &name);
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn declarations(knowledge: Knowledge<'_>, path: &[Part], name: &str) -> Vec<NavigationTarget> {
    let mut components: Vec<Component<'_>> = path.iter().map(Part::component).collect();
    components.push(Component::Name(name));
    let node = knowledge.options.and_then(|tree| tree.lookup(&components));
    let Some(option) = node.and_then(|node| node.option.as_deref()) else { return Vec::new() };
    option.declarations.iter().filter_map(|place| place_target(knowledge, place)).collect()
}

fn place_target(knowledge: Knowledge<'_>, place: &Place) -> Option<NavigationTarget> {
    let path = SourcePath::parse_display(&place.file)?;
    Some(file_target(knowledge, path, place.line, place.column))
}

/// A directory means the `default.nix` in it.
fn file_target(
    knowledge: Knowledge<'_>,
    path: SourcePath,
    line: Option<u32>,
    column: Option<u32>,
) -> NavigationTarget {
    let is_directory = match path.root {
        HOST => {
            let found = knowledge.system.and_then(|it| it.file_type(&path.bytes).ok());
            found == Some(FileType::Directory)
        }
        _ => eval::embedded::file_type(&path.bytes) == Some(FileType::Directory),
    };
    let path = if is_directory {
        SourcePath::new(path.root, &[&path.bytes, &b"/default.nix"[..]].concat())
    } else {
        path
    };
    NavigationTarget::File { path, line, column }
}

/// Returns the path that a path literal in the file at `from` names.
pub(super) fn path_target(from: &[u8], text: &str) -> Option<SourcePath> {
    if text.starts_with('~') {
        return None;
    }
    let absolute = if text.starts_with('/') {
        text.as_bytes().to_vec()
    } else {
        let directory = from.iter().rposition(|&byte| byte == b'/')?;
        let mut joined = from.get(..=directory)?.to_vec();
        joined.extend_from_slice(text.as_bytes());
        joined
    };
    Some(SourcePath::new(HOST, &canonical(&absolute)))
}
