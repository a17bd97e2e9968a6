//! Go to definition: from a name to the binding, option declaration or file that gives it meaning.

use eval::db::{self, Db, File};
use eval::option_tree::{Component, OptionTree};
use eval::scope::Target;
use eval::source::canonical;
use syntax::TextSize;

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
            Some(path) => declarations(knowledge.options, path, &name),
            None => Vec::new(),
        },
        Cursor::Selection { base, path, name, .. } if base.as_deref() == Some("config") => {
            declarations(knowledge.options, &path, &name)
        }
        Cursor::Path { text, .. } => path_target(&file.path(db).bytes, &text).into_iter().collect(),
        Cursor::Variable { .. } | Cursor::OptionValue { .. } => variable(db, file, offset),
        Cursor::Selection { .. } | Cursor::Other => Vec::new(),
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

fn declarations(tree: Option<&OptionTree>, path: &[Part], name: &str) -> Vec<NavigationTarget> {
    let mut components: Vec<Component<'_>> = path.iter().map(Part::component).collect();
    components.push(Component::Name(name));
    let option =
        tree.and_then(|tree| tree.lookup(&components)).and_then(|node| node.option.as_deref());
    let Some(option) = option else { return Vec::new() };
    option
        .declarations
        .iter()
        .map(|place| NavigationTarget::File {
            path: place.file.clone(),
            line: place.line,
            column: place.column,
        })
        .collect()
}

/// Returns the file that a path literal in the file at `from` names.
fn path_target(from: &[u8], text: &str) -> Option<NavigationTarget> {
    let absolute = if text.starts_with('/') {
        text.as_bytes().to_vec()
    } else if text.starts_with('~') {
        return None;
    } else {
        let directory = from.iter().rposition(|&byte| byte == b'/')?;
        let mut joined = from.get(..=directory)?.to_vec();
        joined.extend_from_slice(text.as_bytes());
        joined
    };
    let path = String::from_utf8(canonical(&absolute)).ok()?;
    Some(NavigationTarget::File { path, line: None, column: None })
}
