//! Options that a submodule declares: one name in every value of the option that holds them.

use eval::option_tree::{Component, OptionNode, OptionTree, Place, Step};
use eval::source::SourcePath;
use syntax::{FlatNode, LineIndex, SyntaxKind, TextRange};

use super::super::cursor::{Part, attr_name};
use super::super::symbol::{self, Role, Symbol};
use super::{Change, Renamed, check_unknown};

/// Returns what changes with an option of a submodule; `None` if it is not one of the open folders.
pub(super) fn changes(
    renamed: &Renamed<'_, '_>,
    path: &[Part],
) -> Option<Result<Vec<Change>, String>> {
    let files = renamed.files;
    let tree = files.knowledge.options?;
    let components: Vec<Component<'_>> = path.iter().map(Part::component).collect();
    let option = tree.lookup(&components)?.option.as_deref()?;
    let mut changes = Vec::new();
    for place in &option.declarations {
        let found = SourcePath::parse_display(&place.file).and_then(|it| files.index_of(&it));
        let Some(file) = found else {
            return (!changes.is_empty()).then(|| Err(declared_elsewhere(renamed)));
        };
        let Some(range) = declaration(renamed, file, place.line?, place.column?) else {
            return Some(Err(format!("the declaration of `{}` is not found", renamed.old)));
        };
        changes.push(Change { file, range, role: Role::Bound });
    }
    if changes.is_empty() {
        return None;
    }
    Some(with_uses(renamed, tree, path, changes))
}

/// Returns the option of a submodule whose declaration has its name at a range.
pub(super) fn declared_at(renamed: &Renamed<'_, '_>, range: TextRange) -> Option<Vec<Part>> {
    let tree = renamed.files.knowledge.options?;
    let file = renamed.files.all.get(renamed.at)?;
    let mut todo: Vec<(Vec<Part>, &OptionNode, bool)> = vec![(Vec::new(), &tree.root, false)];
    while let Some((path, node, is_inside)) = todo.pop() {
        let is_named = path.last().is_some_and(|it| *it == Part::Name(renamed.old.to_owned()));
        if let Some(option) = node.option.as_deref() {
            let is_it = |place: &Place| {
                let is_here = SourcePath::parse_display(&place.file).as_ref() == Some(file.path);
                let (line, column) = (place.line.unwrap_or(0), place.column.unwrap_or(0));
                is_here && declaration(renamed, renamed.at, line, column) == Some(range)
            };
            if is_named && is_inside && option.declarations.iter().any(is_it) {
                return Some(path);
            }
            if let Some(sub) = &option.sub {
                let mut path = path.clone();
                match sub.step {
                    Step::Direct => {}
                    Step::Named => path.push(Part::Name("*".to_owned())),
                    Step::Element => path.push(Part::Element),
                }
                todo.push((path, &sub.node, true));
            }
        }
        for (name, child) in &node.children {
            let path = [path.as_slice(), &[Part::Name(name.clone())]].concat();
            todo.push((path, child, is_inside));
        }
    }
    None
}

fn declared_elsewhere(renamed: &Renamed<'_, '_>) -> String {
    format!("the library declares `{}`, too", renamed.old)
}

/// Returns the name of a declaration that begins at a place.
fn declaration(
    renamed: &Renamed<'_, '_>,
    file: usize,
    line: u32,
    column: u32,
) -> Option<TextRange> {
    let file = renamed.files.all.get(file)?;
    let lines = LineIndex::new(file.text());
    let start =
        u32::from(lines.line_range(line.checked_sub(1)?).start()) + column.checked_sub(1)?;
    let scene = file.scene(renamed.files.knowledge);
    let around = scene.around(start);
    let attrpath = around.iter().rev().find(|it| it.kind() == SyntaxKind::Attrpath)?;
    let attr = attrpath.children().filter(|it| attr_name(*it) == renamed.old).last()?;
    let set = around
        .iter()
        .rev()
        .find(|it| it.kind() == SyntaxKind::AttrSet && it.children().any(is_options))?;
    // What else has the name in that module may be a definition of it.
    let others = set.descendants().filter(|it| it.kind().is_attr() && it.index() != attr.index());
    let mut others = others.filter(|it| attr_name(*it) == renamed.old);
    others.next().is_none().then(|| attr.range())
}

fn is_options(entry: FlatNode<'_>) -> bool {
    let first = entry.child(SyntaxKind::Attrpath).and_then(FlatNode::first_child);
    first.is_some_and(|it| it.text() == b"options")
}

fn with_uses(
    renamed: &Renamed<'_, '_>,
    tree: &OptionTree,
    path: &[Part],
    mut changes: Vec<Change>,
) -> Result<Vec<Change>, String> {
    let files = renamed.files;
    let mut new_path = path.to_vec();
    new_path.pop();
    new_path.push(Part::Name(renamed.new.to_owned()));
    let components: Vec<Component<'_>> = new_path.iter().map(Part::component).collect();
    if tree.lookup(&components).is_some() {
        return Err(format!("the submodule has an option `{}` already", renamed.new));
    }
    let wanted = canonical(tree, path);
    let mut unknown = Vec::new();
    for at in files.with_word(renamed.old) {
        let Some(file) = files.all.get(at) else { continue };
        for binding in files.bindings_of(file) {
            for end in 1..=binding.names.len() {
                let names = binding.names.get(..end).unwrap_or_default();
                let range = (canonical(tree, names) == wanted).then(|| binding.name_of(names));
                let file = files.index_of(&binding.path);
                if let (Some(Some(range)), Some(file)) = (range, file) {
                    changes.push(Change { file, range, role: Role::Bound });
                }
            }
        }
        for it in symbol::occurrences(files, at, renamed.old) {
            let change = Change { file: at, range: it.range, role: it.role };
            match &it.symbol {
                Symbol::Option(path) if canonical(tree, path) == wanted => changes.push(change),
                Symbol::Option(path) if !files.is_option(path) => unknown.push(change),
                Symbol::Unknown => unknown.push(change),
                _ => {}
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    changes.retain(|it| seen.insert((it.file, it.range.start())));
    unknown.retain(|it| !seen.contains(&(it.file, it.range.start())));
    check_unknown(renamed, &unknown)?;
    Ok(changes)
}

/// Returns a path with the names that users choose left out.
fn canonical(tree: &OptionTree, path: &[Part]) -> Vec<Part> {
    let mut node = Some(&tree.root);
    let mut found = Vec::new();
    for part in path {
        let mut sub = node.and_then(|it| it.option.as_deref()?.sub.as_ref());
        while let Some(inner) = sub.filter(|it| it.step == Step::Direct) {
            node = Some(&inner.node);
            sub = inner.node.option.as_deref().and_then(|it| it.sub.as_ref());
        }
        match (sub, part) {
            (Some(inner), _) => {
                node = Some(&inner.node);
                found.push(Part::Element);
            }
            (None, Part::Name(name)) => {
                node = node.and_then(|it| it.children.get(name));
                found.push(part.clone());
            }
            (None, Part::Element) => {
                node = None;
                found.push(Part::Element);
            }
        }
    }
    found
}
