//! Rename: a name gets another one everywhere in the open folders, or a reason why it cannot.
//!
//! What is renamed must be known to the last place. A variable lives in its file; a formal is
//! renamed with the calls of its function; an attribute with all selections of it; an option with
//! its declarations, definitions and uses. Where a function or a set is handed on to what is not
//! known, or a selection may mean the name or not, nothing is changed.

mod attribute;
mod edits;
mod formal;
mod option;
mod submodule;

use eval::db::{self, Db, File};
use eval::print;
use eval::scope::{Definition, DefinitionKind, Scopes, Target};
use eval::source::SourcePath;
use syntax::{LineIndex, TextRange, TextSize};

use super::project::{Files, Project};
use super::symbol::{self, Occurrence, Role, Site, Symbol};
use super::{Knowledge, completion};

/// One replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file.
    pub path: SourcePath,
    /// The bytes that are replaced.
    pub range: TextRange,
    /// What comes there.
    pub text: String,
}

/// What is renamed.
struct Renamed<'f, 'p> {
    files: &'f Files<'p>,
    /// The index of the file with the cursor.
    at: usize,
    old: &'f str,
    new: &'f str,
}

/// An occurrence that gets the new name.
#[derive(Clone, Debug)]
struct Change {
    /// The index of the file.
    file: usize,
    range: TextRange,
    role: Role,
}

/// Returns the name at `offset` if it can be renamed, else why not.
///
/// # Errors
///
/// One sentence for a person.
pub fn prepare(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Result<TextRange, String> {
    let project = Project::new(db, knowledge, file);
    let files = project.files();
    let at = files.index_of(file.path(db)).ok_or_else(nothing)?;
    let (old, occurrence) = subject(&files, at, db::scopes(db, file), offset)?;
    // A name that nobody has: what is wrong then is wrong with the thing itself.
    let new = "name'that'nobody'has";
    changes(&Renamed { files: &files, at, old: &old, new }, &occurrence)?;
    Ok(occurrence.range)
}

/// Returns the edits that rename the thing at `offset`, sorted by file and place.
///
/// # Errors
///
/// One sentence for a person: why the name cannot be changed, or not to this one.
pub fn rename(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
    new_name: &str,
) -> Result<Vec<Edit>, String> {
    let project = Project::new(db, knowledge, file);
    let files = project.files();
    let at = files.index_of(file.path(db)).ok_or_else(nothing)?;
    let (old, occurrence) = subject(&files, at, db::scopes(db, file), offset)?;
    if old == new_name {
        return Ok(Vec::new());
    }
    let renamed = Renamed { files: &files, at, old: &old, new: new_name };
    let changes = changes(&renamed, &occurrence)?;
    let is_variable =
        |it: &Change| matches!(it.role, Role::Variable | Role::InheritedVariable | Role::Parameter);
    if changes.iter().any(is_variable) || is_defined_variable(&files, &occurrence.symbol) {
        check_identifier(new_name)?;
    }
    if new_name.is_empty() {
        return Err("a name cannot be empty".to_owned());
    }
    Ok(edits::edits(&renamed, &changes))
}

/// Whether a symbol is that of a variable, used or not.
fn is_defined_variable(files: &Files<'_>, symbol: &Symbol) -> bool {
    let Symbol::Written(sites) = symbol else { return false };
    sites.iter().any(|site| {
        let file = files.index_of(&site.path).and_then(|at| files.all.get(at));
        file.is_some_and(|file| {
            let scene = file.scene(files.knowledge);
            scene.scopes.definitions.iter().any(|it| it.range == site.range)
        })
    })
}

fn check_identifier(name: &str) -> Result<(), String> {
    let mut shown = Vec::new();
    print::push_name(&mut shown, name.as_bytes());
    if shown != name.as_bytes() || name == "or" {
        return Err(format!("`{name}` is no name of a variable"));
    }
    Ok(())
}

fn nothing() -> String {
    "there is no name here that can be renamed".to_owned()
}

/// Returns the name at an offset with the meaning that renaming it is about.
fn subject(
    files: &Files<'_>,
    at: usize,
    scopes: &Scopes,
    offset: TextSize,
) -> Result<(String, Occurrence), String> {
    let (name, found) = symbol::at_offset(files, at, offset).ok_or_else(nothing)?;
    // In a `let`, an inherited name is a variable of this file first.
    let is_variable =
        |it: &Occurrence| scopes.definitions.iter().any(|known| known.range == it.range);
    let own = found.iter().find(|it| it.role == Role::BoundByInherit && is_variable(it));
    let first = found.iter().find(|it| matches!(it.symbol, Symbol::Written(_) | Symbol::Option(_)));
    match own.or(first).or(found.first()) {
        Some(found) => Ok((name, found.clone())),
        None => Err(nothing()),
    }
}

fn changes(renamed: &Renamed<'_, '_>, occurrence: &Occurrence) -> Result<Vec<Change>, String> {
    if let Some(path) = submodule::declared_at(renamed, occurrence.range) {
        return option::changes(renamed, &path);
    }
    match &occurrence.symbol {
        Symbol::Option(path) => option::changes(renamed, path),
        Symbol::Written(sites) => written(renamed, &occurrence.symbol, sites),
        Symbol::Outside => Err(outside(renamed, occurrence)),
        Symbol::Absent => Err(format!("nothing defines `{}`", renamed.old)),
        Symbol::Unknown if is_from_with(renamed, occurrence) => {
            Err("the name comes from a `with`, not from this file".to_owned())
        }
        Symbol::Unknown => Err(format!("what `{}` is selected from is not known", renamed.old)),
    }
}

fn outside(renamed: &Renamed<'_, '_>, occurrence: &Occurrence) -> String {
    let file = renamed.files.all.get(renamed.at);
    let scene = file.map(|file| file.scene(renamed.files.knowledge));
    let reference = scene.as_ref().and_then(|it| it.scopes.reference_at(occurrence.range.start()));
    match reference.filter(|it| it.range == occurrence.range).map(|it| &it.target) {
        Some(Target::Builtin) => "a builtin cannot be renamed".to_owned(),
        Some(Target::With(_)) => "the name comes from a `with`, not from this file".to_owned(),
        _ => format!("`{}` belongs to the library or the package set", renamed.old),
    }
}

fn is_from_with(renamed: &Renamed<'_, '_>, occurrence: &Occurrence) -> bool {
    let file = renamed.files.all.get(renamed.at);
    let scene = file.map(|file| file.scene(renamed.files.knowledge));
    scene.is_some_and(|scene| {
        let reference = scene.scopes.reference_at(occurrence.range.start());
        reference.is_some_and(|it| matches!(it.target, Target::With(_)))
    })
}

/// What is written in the files: a variable, a formal, an attribute.
fn written(
    renamed: &Renamed<'_, '_>,
    symbol: &Symbol,
    sites: &[Site],
) -> Result<Vec<Change>, String> {
    let first = sites.first().ok_or_else(nothing)?;
    let at = renamed
        .files
        .index_of(&first.path)
        .ok_or_else(|| format!("`{}` is defined outside of the open folders", renamed.old))?;
    let file = renamed.files.all.get(at).ok_or_else(nothing)?;
    let scene = file.scene(renamed.files.knowledge);
    let definition = scene.scopes.definitions.iter().find(|it| it.range == first.range);
    match definition.map(|it| (it, it.kind)) {
        Some((definition, DefinitionKind::Formal { .. })) => {
            formal::changes(renamed, symbol, at, definition)
        }
        Some((definition, DefinitionKind::RecAttr)) => {
            check_variable(renamed, scene.scopes, definition)?;
            attribute::changes(renamed, symbol, sites)
        }
        Some((definition, _)) => {
            check_variable(renamed, scene.scopes, definition)?;
            Ok(same(renamed, symbol, &[at]).0)
        }
        None => attribute::changes(renamed, symbol, sites),
    }
}

/// Returns the occurrences of a symbol in some files, and those that may be some.
fn same(renamed: &Renamed<'_, '_>, symbol: &Symbol, files: &[usize]) -> (Vec<Change>, Vec<Change>) {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for &file in files {
        for it in symbol::occurrences(renamed.files, file, renamed.old) {
            let change = Change { file, range: it.range, role: it.role };
            if it.symbol.is_same(symbol) {
                found.push(change);
            } else if it.symbol == Symbol::Unknown {
                unknown.push(change);
            }
        }
    }
    (found, unknown)
}

/// Returns the line of a place, as one tells it to a person.
fn place(files: &Files<'_>, path: &SourcePath, range: TextRange) -> String {
    let name = path.bytes.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    match files.index_of(path).and_then(|at| files.all.get(at)) {
        Some(file) => format!("{name}:{}", LineIndex::new(file.text()).line(range.start()) + 1),
        None => name.into_owned(),
    }
}

/// A selection that may mean what is renamed stands in the way.
fn check_unknown(renamed: &Renamed<'_, '_>, unknown: &[Change]) -> Result<(), String> {
    let Some(first) = unknown.first() else { return Ok(()) };
    let Some(file) = renamed.files.all.get(first.file) else { return Ok(()) };
    let place = place(renamed.files, file.path, first.range);
    Err(format!(
        "`{}` in {place} may mean this one: what it is taken from is not known",
        renamed.old
    ))
}

/// A new name must not mean something else where the old one is used, nor take over what means
/// something else now.
fn check_variable(
    renamed: &Renamed<'_, '_>,
    scopes: &Scopes,
    definition: &Definition,
) -> Result<(), String> {
    let new_name = renamed.new;
    let index = scopes.definitions.iter().position(|it| it == definition);
    let own = index.map(|index| Target::Definition(index as u32));
    let uses = scopes.references.iter().filter(|it| Some(&it.target) == own.as_ref());
    let places = uses.map(|it| it.range).chain([definition.range]);
    for range in places {
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
