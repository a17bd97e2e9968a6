//! References: every use of the variable, attribute, formal or option under the cursor.

use eval::db::{self, Db, File};
use eval::scope::{DefinitionKind, Scopes, Target};
use syntax::{TextRange, TextSize};

use super::goto_implementation::option_path;
use super::project::{Files, Project};
use super::scene::Scene;
use super::symbol::{self, Role, Site, Symbol};
use super::{Knowledge, NavigationTarget, option_sites};

/// One occurrence in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The name's bytes.
    pub range: TextRange,
    /// Whether this is where it is defined.
    pub is_definition: bool,
}

/// Returns every occurrence of the variable at `offset` in its file, its definition first.
pub fn occurrences(db: &dyn Db, file: File, offset: TextSize) -> Vec<Occurrence> {
    let scopes = db::scopes(db, file);
    let Some(index) = definition_of(scopes, offset) else { return Vec::new() };
    let Some(definition) = scopes.definitions.get(index as usize) else { return Vec::new() };
    let scene = Scene::new(Knowledge::default(), db::tree(db, file), scopes, file.path(db));
    let sites = match symbol::defined(&scene, definition) {
        Symbol::Written(sites) => sites,
        _ => Vec::new(),
    };
    let definitions = sites.into_iter().map(|it| (it.range, true));
    let uses = scopes.references.iter().filter(|it| it.target == Target::Definition(index));
    let all = definitions.chain(uses.map(|it| (it.range, false)));
    all.map(|(range, is_definition)| Occurrence { range, is_definition }).collect()
}

/// Whether the options, which are not there yet, may tell what the name at `offset` means.
pub fn needs_options(db: &dyn Db, knowledge: Knowledge<'_>, file: File, offset: TextSize) -> bool {
    knowledge.options.is_none() && definition_of(db::scopes(db, file), offset).is_none()
}

/// Whether the name at `offset` is a variable that nothing outside its file can name.
fn is_local(scopes: &Scopes, offset: TextSize) -> bool {
    let definition = definition_of(scopes, offset);
    let definition = definition.and_then(|index| scopes.definitions.get(index as usize));
    definition.is_some_and(|it| matches!(it.kind, DefinitionKind::Let | DefinitionKind::Parameter))
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

/// Returns every occurrence in the file of the thing at `offset`: reads, and where it is written.
pub fn highlights(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Vec<Occurrence> {
    let found = occurrences(db, file, offset);
    if !found.is_empty() {
        return found;
    }
    // The names of one file: only that is looked through, others are read where it leads to them.
    let alone = [file];
    let here = Knowledge { files: &alone, folders: &[], ..knowledge };
    let project = Project::new(db, here, file);
    let files = project.files();
    let Some(at) = files.index_of(file.path(db)) else { return Vec::new() };
    let Some((name, symbols)) = symbol::at_offset(&files, at, offset) else { return Vec::new() };
    let Some(wanted) = symbols.iter().map(|it| &it.symbol).find(|it| is_findable(it)) else {
        return Vec::new();
    };
    let all = symbol::occurrences(&files, at, &name).into_iter();
    let same = all.filter(|it| it.symbol.is_same(wanted));
    same.map(|it| Occurrence { range: it.range, is_definition: is_definition(&it) }).collect()
}

fn is_findable(symbol: &Symbol) -> bool {
    matches!(symbol, Symbol::Written(_) | Symbol::Option(_))
}

fn is_definition(occurrence: &symbol::Occurrence) -> bool {
    match &occurrence.symbol {
        Symbol::Written(sites) => sites.iter().any(|it| it.range == occurrence.range),
        _ => matches!(occurrence.role, Role::Bound | Role::BoundByInherit),
    }
}

/// Returns every use of the thing at `offset`, in all files of the open folders. Definitions come
/// first, if they are wanted.
pub fn references(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
    with_definitions: bool,
) -> Vec<NavigationTarget> {
    if is_local(db::scopes(db, file), offset) {
        let all = occurrences(db, file, offset).into_iter();
        let wanted = all.filter(|it| with_definitions || !it.is_definition);
        return wanted.map(|it| NavigationTarget::Here(it.range)).collect();
    }
    let project = Project::new(db, knowledge, file);
    let files = project.files();
    let Some(at) = files.index_of(file.path(db)) else { return Vec::new() };
    let found = symbol::at_offset(&files, at, offset);
    let wanted = found.as_ref().and_then(|(name, symbols)| {
        let symbol = symbols.iter().map(|it| &it.symbol).find(|it| is_findable(it));
        Some((name.as_str(), symbol?.clone()))
    });
    let (definitions, uses) = match wanted {
        Some((name, symbol @ Symbol::Written(_))) => written(&files, name, &symbol),
        Some((_, Symbol::Option(path))) => of_option(&files, &path),
        _ => match option_path(db, knowledge, file, offset) {
            Some(path) => of_option(&files, &path),
            None => return Vec::new(),
        },
    };
    let wanted = definitions.into_iter().filter(|_| with_definitions).chain(uses);
    wanted.map(|site| target(file.path(db), site)).collect()
}

/// Returns a site as seen from a file.
pub(super) fn target(here: &eval::source::SourcePath, site: Site) -> NavigationTarget {
    if site.path == *here {
        NavigationTarget::Here(site.range)
    } else {
        NavigationTarget::There(site.path, site.range)
    }
}

/// Returns where a name of the project is written down, and where it is used.
pub(super) fn written(files: &Files<'_>, name: &str, wanted: &Symbol) -> (Vec<Site>, Vec<Site>) {
    let Symbol::Written(definitions) = wanted else { return (Vec::new(), Vec::new()) };
    let mut uses = Vec::new();
    for at in files.with_word(name) {
        let Some(file) = files.all.get(at) else { continue };
        for it in symbol::occurrences(files, at, name) {
            let site = Site { path: file.path.clone(), range: it.range };
            let is_known = definitions.contains(&site) || uses.contains(&site);
            if it.symbol.is_same(wanted) && !is_known {
                uses.push(site);
            }
        }
    }
    (definitions.clone(), uses)
}

/// Returns where an option is declared and defined, and where it is used.
fn of_option(files: &Files<'_>, path: &[super::cursor::Part]) -> (Vec<Site>, Vec<Site>) {
    let bindings = option_sites::bindings_of_option(files, path);
    let site = |it: option_sites::OptionBinding| {
        let range = it.name_of(path).unwrap_or(it.range);
        Site { path: it.path, range }
    };
    (bindings.into_iter().map(site).collect(), option_sites::uses(files, path))
}
