//! Where the definitions of an error are written, as an observed evaluation tells.
//!
//! What a text search takes for a definition may be another one that says the same. Here the
//! definitions are those that the library itself looks at, and their values lead back to the
//! expressions that they came from.

use syntax::{FlatNode, SyntaxKind, TextRange};

use super::Files;
use crate::heap::{Attrs, Kind, Slot, Value};
use crate::interpret::{Eval, Group, Subject, is_definition};
use crate::module_error::{Definition, ModuleError};
use crate::report::Place;
use crate::source::{Origin, Position, SourcePath};

/// Options under which any text of ours parses.
const ANY: syntax::Options = syntax::Options { pipe_operators: true, ..syntax::Options::DEFAULT };

/// Returns the definitions that an error is about, with their places where they are known.
pub(super) fn places(
    eval: &mut Eval<'_>,
    files: &mut Files,
    module: &ModuleError,
) -> Vec<(Definition, Option<Place>)> {
    let Some(subject) = eval.subject(&module.message) else {
        return module.definitions.iter().map(|it| (it.clone(), None)).collect();
    };
    let is_name = matches!(module.code, "M0201" | "M0402");
    let mut groups: Vec<_> = subject.groups.iter().map(|group| members(eval, group)).collect();
    // Those that are merged come first, then those whose conditions were not looked at yet.
    groups.sort_by_key(|group| !group.iter().all(|(_, slot)| is_plain(eval, slot)));
    let mut definitions = module.definitions.clone();
    // Older releases say of some errors only that there are several definitions.
    if definitions.is_empty()
        && module.code == "M0203"
        && let Some(group) = groups.iter().find(|group| group.len() > 1)
    {
        let definition = |file: &String| Definition { file: file.clone(), value: String::new() };
        definitions = group.iter().map(|(file, _)| definition(file)).collect();
    }
    let is_whole = |group: &&Vec<(String, &Slot<'_>)>| {
        group.len() == definitions.len()
            && group.iter().zip(&definitions).all(|((file, _), it)| *file == it.file)
    };
    let all: Vec<_> = match groups.iter().find(is_whole) {
        Some(group) => group.clone(),
        None => groups.concat(),
    };
    let mut search = Search { file: None, library: library(eval, subject.thrown_at) };
    let mut used: Vec<Place> = Vec::new();
    let mut found = Vec::new();
    for definition in definitions {
        search.file = files.get(eval, &definition.file).map(|(path, _)| path.clone());
        let mut place = None;
        if let Some(name) = subject.name.filter(|_| is_name) {
            let origins = eval.places_from(name);
            place = search
                .choose(eval, &origins)
                .and_then(|position| name_place(eval, position, module.option.last()));
        }
        for (_, slot) in all.iter().filter(|(file, _)| *file == definition.file) {
            if place.is_some() {
                break;
            }
            let origins = eval.origins_within(slot);
            let Some(position) = search.choose(eval, &origins) else { continue };
            let here = if is_name {
                name_place(eval, position, module.option.last())
            } else {
                value_place(eval, position)
            };
            place = here.filter(|place| !used.contains(place));
        }
        used.extend(place.clone());
        found.push((definition, place));
    }
    found
}

/// Returns an error for each definition of what no module declares, where a library has found
/// several and tells of the first.
pub(crate) fn unmatched(eval: &mut Eval<'_>, first: &ModuleError) -> Vec<ModuleError> {
    let mut errors = vec![first.clone()];
    let Some(subject) = eval.subject(&first.message) else { return errors };
    for group in &subject.groups {
        let Group::List(list) = group else { continue };
        let mut around: Option<Vec<String>> = None;
        for slot in *list {
            let Some(set) = eval.force(slot).ok().and_then(Value::as_attrs) else { break };
            let Some(path) = prefix(eval, set) else { break };
            let Some((file, _)) = definition(eval, set) else { break };
            // Paths count from the system, the first error's option from the outermost one.
            let around = around.get_or_insert_with(|| {
                let outer = first.option.len().saturating_sub(path.len());
                first.option.get(..outer).unwrap_or_default().to_vec()
            });
            let option = [around.clone(), path].concat();
            let name = crate::select::show_path(&option);
            let message = format!("The option `{name}' defined in `{file}' does not exist.");
            let subject = Subject {
                groups: vec![Group::Frame(vec![set])],
                name: None,
                thrown_at: subject.thrown_at,
            };
            eval.note(&message, subject);
            errors.extend(crate::module_error::read(&message));
        }
        if around.is_some() {
            break;
        }
    }
    errors
}

/// Returns the path that a definition without an option is for.
fn prefix<'h>(eval: &mut Eval<'h>, set: Attrs<'h>) -> Option<Vec<String>> {
    let list = eval.force(set.named(b"prefix")?).ok()?.as_list()?;
    let name = |slot: &'h Slot<'h>| {
        let name = eval.force(slot).ok()?.as_string()?;
        Some(name.to_text().into_owned())
    };
    list.iter().map(name).collect()
}

/// Returns the files of the definitions or declarations of a group, and the slots of what they say.
fn members<'h>(eval: &mut Eval<'h>, group: &Group<'h>) -> Vec<(String, &'h Slot<'h>)> {
    match group {
        Group::Frame(sets) => sets.iter().filter_map(|it| definition(eval, *it)).collect(),
        Group::List(list) => {
            let mut found = Vec::new();
            for slot in *list {
                let set = eval.force(slot).ok().and_then(Value::as_attrs);
                let Some(member) = set.and_then(|set| definition(eval, set)) else { break };
                found.push(member);
            }
            found
        }
    }
}

/// Whether a value is not one that only says when or how it counts.
fn is_plain<'h>(eval: &mut Eval<'h>, slot: &'h Slot<'h>) -> bool {
    let Some(set) = eval.force(slot).ok().and_then(Value::as_attrs) else { return true };
    let Some(kind) = set.named(b"_type") else { return true };
    let kind = eval.force(kind).ok().and_then(Value::as_string);
    !kind.is_some_and(|it| matches!(it.bytes(), b"if" | b"merge" | b"override" | b"order"))
}

/// Returns the file of a definition or declaration, and the slot of what it says.
fn definition<'h>(eval: &mut Eval<'h>, attrs: Attrs<'h>) -> Option<(String, &'h Slot<'h>)> {
    if !is_definition(attrs) {
        return None;
    }
    let file = attrs.named(b"file").or_else(|| attrs.named(b"_file"))?;
    let file = path_text(eval.force(file).ok()?)?;
    Some((file, attrs.named(b"value").or_else(|| attrs.named(b"options"))?))
}

/// Returns a string or a path as text.
fn path_text(value: Value<'_>) -> Option<String> {
    match value.kind() {
        Kind::String(text) => Some(text.to_text().into_owned()),
        Kind::Path(path) => Some(SourcePath::new(path.root, path.bytes).display()),
        _ => None,
    }
}

/// Where the expressions of definitions are looked for.
struct Search {
    /// The file that the module system names.
    file: Option<SourcePath>,
    /// The directory of the module library, whose expressions only hand values on.
    library: Option<SourcePath>,
}

impl Search {
    /// Returns the one of the places that a value came through that its author wrote: the
    /// outermost one in the file of the definition, else the outermost one that is not in the
    /// module library.
    fn choose(&self, eval: &Eval<'_>, places: &[Position]) -> Option<Position> {
        let path = |position: &Position| match eval.locate(*position)?.0 {
            Origin::File(path) => Some(path),
            Origin::String(_) | Origin::Stdin(_) => None,
        };
        let is_in_file = |position: &&Position| self.file.is_some() && path(position) == self.file;
        let is_outside = |position: &&Position| {
            position.is_some() && path(position).is_none_or(|path| !self.is_library(&path))
        };
        places.iter().find(is_in_file).or_else(|| places.iter().find(is_outside)).copied()
    }

    fn is_library(&self, path: &SourcePath) -> bool {
        self.library.as_ref().is_some_and(|library| {
            path.root == library.root && path.bytes.starts_with(&library.bytes)
        })
    }
}

/// Returns the directory of the module library, one file of which is at a position.
fn library(eval: &Eval<'_>, position: Position) -> Option<SourcePath> {
    const NAME: &[u8] = b"/lib/";
    let (Origin::File(path), ..) = eval.locate(position)? else { return None };
    let named = path.bytes.windows(NAME.len()).rposition(|part| part == NAME);
    let end = match named {
        Some(start) => start + NAME.len(),
        None => path.bytes.iter().rposition(|byte| *byte == b'/')? + 1,
    };
    Some(SourcePath { root: path.root, bytes: path.bytes.get(..end)?.into() })
}

/// Returns the whole expression that is at a position, as its binding, list or call has it.
fn value_place(eval: &Eval<'_>, position: Position) -> Option<Place> {
    with_tree(eval, position, |offset, root| {
        let around: Vec<_> = root.descendants().filter(|node| holds(*node, offset)).collect();
        let mut pairs = around.iter().zip(around.iter().skip(1)).rev();
        pairs.find(|(parent, node)| is_whole(**parent, **node)).map(|(_, node)| node.range())
    })
}

/// Returns the name `name` in the path of the binding around a position.
fn name_place(eval: &Eval<'_>, position: Position, name: Option<&String>) -> Option<Place> {
    let name = name?;
    with_tree(eval, position, |offset, root| {
        let around: Vec<_> = root.descendants().filter(|node| holds(*node, offset)).collect();
        around.iter().rev().find_map(|node| {
            let names = match node.kind() {
                SyntaxKind::Binding => node.child(SyntaxKind::Attrpath)?,
                SyntaxKind::InheritClause => *node,
                _ => return None,
            };
            let mut named = names.children().filter(|it| {
                it.kind().is_attr() && it.static_attr().as_deref() == Some(name.as_bytes())
            });
            named.next().map(FlatNode::range)
        })
    })
}

fn holds(node: FlatNode<'_>, offset: u32) -> bool {
    (node.start()..node.end()).contains(&offset)
}

/// Whether an expression is the whole of what the binding, list, call or the like around it has in
/// its place.
fn is_whole(parent: FlatNode<'_>, node: FlatNode<'_>) -> bool {
    let is = |other: Option<FlatNode<'_>>| other.map(FlatNode::range) == Some(node.range());
    match parent.kind() {
        SyntaxKind::Binding => is(parent.expressions().next()),
        SyntaxKind::List | SyntaxKind::InheritClause | SyntaxKind::Formal => true,
        SyntaxKind::Apply | SyntaxKind::IfElse => !is(parent.first_child()),
        SyntaxKind::WithExpr | SyntaxKind::AssertExpr | SyntaxKind::LetIn | SyntaxKind::Lambda => {
            is(parent.expressions().last())
        }
        _ => false,
    }
}

fn with_tree(
    eval: &Eval<'_>,
    position: Position,
    find: impl FnOnce(u32, FlatNode<'_>) -> Option<TextRange>,
) -> Option<Place> {
    let text = eval.source_text(position.file)?;
    let (tree, _) = syntax::parse_flat(text, ANY);
    let range = find(position.offset, tree.root())?;
    let start = Position { offset: range.start().into(), ..position };
    let mut place = super::place(eval, start)?;
    place.extent = range.len().into();
    Some(place)
}
