//! Go to definition: from a name to the binding, option declaration or file that gives it meaning.

use eval::db::{self, Db, File};
use eval::option_tree::{Component, Place};
use eval::scope::Target;
use eval::source::{HOST, SourcePath, canonical};
use eval::system::FileType;
use syntax::TextSize;

use super::config_path::config_path;
use super::cursor::{Cursor, Part, cursor, definition_path};
use super::{Knowledge, NavigationTarget};

/// Returns where the thing at `offset` is defined; nothing if that is not known.
///
/// A name that comes from `with` answers with every `with` that may provide it, innermost first;
/// an option with its declarations; a path with the file.
pub fn goto_definition(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Vec<NavigationTarget> {
    let (tree, _) = syntax::parse_flat(file.text(db), db::PARSE_OPTIONS);
    match cursor(&tree, offset) {
        Cursor::OptionName { path, name, .. } => match definition_path(&path) {
            Some(path) => declarations(knowledge, path, &name),
            None => Vec::new(),
        },
        Cursor::Selection { base: Some(base), path, name, .. } => {
            match config_path(&tree, db::scopes(db, file), offset, &base) {
                Some(mut whole) => {
                    whole.extend(path);
                    declarations(knowledge, &whole, &name)
                }
                None => Vec::new(),
            }
        }
        Cursor::Path { text, .. } => {
            let target = path_target(&file.path(db).bytes, &text);
            target.map(|path| file_target(knowledge, path, None, None)).into_iter().collect()
        }
        Cursor::Variable { .. } | Cursor::OptionValue { .. } => variable(db, file, offset),
        Cursor::Selection { base: None, .. } | Cursor::Other => Vec::new(),
    }
}

fn variable(db: &dyn Db, file: File, offset: TextSize) -> Vec<NavigationTarget> {
    let scopes = db::scopes(db, file);
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
        Target::With(withs) => withs
            .iter()
            .filter_map(|index| scopes.withs.get(*index as usize))
            .map(|with| NavigationTarget::Here(with.set.unwrap_or(with.keyword)))
            .collect(),
        Target::Builtin | Target::Undefined => Vec::new(),
    }
}

fn declarations(knowledge: Knowledge<'_>, path: &[Part], name: &str) -> Vec<NavigationTarget> {
    let mut components: Vec<Component<'_>> = path.iter().map(Part::component).collect();
    components.push(Component::Name(name));
    let node = knowledge.options.and_then(|tree| tree.lookup(&components));
    let Some(option) = node.and_then(|node| node.option.as_deref()) else { return Vec::new() };
    let known = |place: &Place| {
        let path = SourcePath::parse_display(&place.file)?;
        Some(file_target(knowledge, path, place.line, place.column))
    };
    option.declarations.iter().filter_map(known).collect()
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
fn path_target(from: &[u8], text: &str) -> Option<SourcePath> {
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
