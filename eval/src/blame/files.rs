//! Texts of modules, read again to find where a definition is written.

use std::collections::BTreeMap;

use syntax::{FlatNode, FlatTree, SyntaxKind, TextRange};

use crate::interpret::Eval;
use crate::module_bindings::{self, ModuleBinding};
use crate::module_error::Element;
use crate::report::{Code, Place};
use crate::source::SourcePath;
use crate::syntax_error::line_column;
use crate::system::FileType;

/// Options under which any text of ours parses.
const ANY: syntax::Options = syntax::Options { pipe_operators: true, ..syntax::Options::DEFAULT };

/// The files that were read, each once; `None` where one cannot be.
#[derive(Default)]
pub(crate) struct Files {
    by_name: BTreeMap<String, Option<(SourcePath, Vec<u8>)>>,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The bytes.
    pub(crate) range: TextRange,
    /// Whether that is the definition itself, rather than something around it.
    pub(crate) is_exact: bool,
}

impl Files {
    /// Returns a file as the module system names it.
    pub(crate) fn get(
        &mut self,
        eval: &mut Eval<'_>,
        name: &str,
    ) -> Option<&(SourcePath, Vec<u8>)> {
        if !self.by_name.contains_key(name) {
            let file = read(eval, name);
            self.by_name.insert(name.to_owned(), file);
        }
        self.by_name.get(name)?.as_ref()
    }

    /// Returns a part of a file as a place.
    pub(crate) fn place(
        &mut self,
        eval: &mut Eval<'_>,
        name: &str,
        range: TextRange,
    ) -> Option<Place> {
        let (path, text) = self.get(eval, name)?.clone();
        let (line, column) = line_column(&text, range.start().into());
        Some(Place {
            file: super::shown_file(eval, &path),
            line,
            column,
            code: Code::around(&text, line),
            is_library: super::is_library(eval, &path),
            extent: u32::from(range.len()),
        })
    }

    /// Returns where a file writes the name at the end of the option path, once for each binding.
    pub(crate) fn names(&mut self, eval: &mut Eval<'_>, name: &str, path: &[String]) -> Vec<Found> {
        self.search(eval, name, path, |tree, binding, prefix| {
            let attr = attr_of(tree, binding, path.len() - 1 + prefix);
            vec![attr.unwrap_or(binding.name_range)]
        })
    }

    /// Returns where a file writes the values of an option, or an element of them.
    pub(crate) fn values(
        &mut self,
        eval: &mut Eval<'_>,
        name: &str,
        path: &[String],
        element: Option<Element>,
    ) -> Vec<Found> {
        self.search(eval, name, path, |tree, binding, prefix| {
            let range = binding.value_range.unwrap_or(binding.name_range);
            if binding.path.len() != path.len() + prefix {
                return vec![binding.name_range];
            }
            let Some(value) = tree.root().descendants().find(|node| node.range() == range) else {
                return vec![range];
            };
            let mut definitions = Vec::new();
            split(value, &mut definitions);
            let Some(element) = element else {
                return definitions.into_iter().map(FlatNode::range).collect();
            };
            let entries = definitions.iter().filter_map(|value| entry(*value, element.entry));
            let entries: Vec<TextRange> = entries.collect();
            if entries.is_empty() { vec![range] } else { entries }
        })
    }

    fn search(
        &mut self,
        eval: &mut Eval<'_>,
        name: &str,
        path: &[String],
        parts: impl Fn(&FlatTree<'_>, &ModuleBinding, usize) -> Vec<TextRange>,
    ) -> Vec<Found> {
        let Some((_, text)) = self.get(eval, name) else { return Vec::new() };
        let (tree, _) = syntax::parse_flat(text, ANY);
        let bindings = module_bindings::module_bindings(&tree);
        let is_config = |binding: &ModuleBinding| {
            usize::from(binding.path.first().is_some_and(|first| first == "config"))
        };
        let fits = |binding: &ModuleBinding, length: usize, is_inside: bool| {
            let found = binding.path.get(is_config(binding)..).unwrap_or_default();
            (found.len() == length || is_inside && found.len() > length)
                && found.iter().zip(path.iter().take(length)).all(|(a, b)| a == b)
        };
        let pick = |length: usize, is_inside: bool, is_exact: bool| -> Vec<Found> {
            let fitting = bindings.iter().filter(|binding| fits(binding, length, is_inside));
            let parts = fitting.flat_map(|it| parts(&tree, it, is_config(it)));
            parts.map(|range| Found { range, is_exact }).collect()
        };
        let mut found = pick(path.len(), false, true);
        if found.is_empty() {
            found = pick(path.len(), true, true);
        }
        for length in (1..path.len()).rev() {
            if found.is_empty() {
                found = pick(length, false, false);
            }
        }
        if found.is_empty() && !path.is_empty() {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            let indirect = module_bindings::find_indirect(&tree, &names);
            found.extend(indirect.map(|range| Found { range, is_exact: false }));
        }
        found
    }

    /// Returns the text of a part of a file.
    pub(crate) fn text(&mut self, eval: &mut Eval<'_>, name: &str, range: TextRange) -> String {
        let Some((_, text)) = self.get(eval, name) else { return String::new() };
        let part = text.get(range.start().into()..range.end().into()).unwrap_or_default();
        String::from_utf8_lossy(part).into_owned()
    }

    /// Returns the paths that a module's text defines, with the bytes of each name: dynamic names
    /// end a path. In an observed evaluation, which tells what of it counts, that is all that some
    /// set in the text may define.
    pub(crate) fn defined(
        &mut self,
        eval: &mut Eval<'_>,
        name: &str,
    ) -> Vec<Vec<(String, TextRange)>> {
        let is_observing = eval.is_observing();
        let Some((_, text)) = self.get(eval, name) else { return Vec::new() };
        let (tree, _) = syntax::parse_flat(text, ANY);
        let bindings = if is_observing {
            module_bindings::all_bindings(&tree)
        } else {
            module_bindings::module_bindings(&tree)
        };
        let has_parts = bindings
            .iter()
            .any(|it| matches!(it.path.first().map(String::as_str), Some("config" | "options")));
        let path = |binding: &ModuleBinding| -> Option<Vec<(String, TextRange)>> {
            let skipped = match binding.path.first().map(String::as_str) {
                Some("config") => 1,
                _ if has_parts && !is_observing => return None,
                Some("imports" | "_module" | "disabledModules" | "meta" | "_file" | "key") => {
                    return None;
                }
                _ => 0,
            };
            let names = binding.path.iter().enumerate().skip(skipped);
            let names = names.map_while(|(index, name)| {
                let range = attr_of(&tree, binding, index).unwrap_or(binding.name_range);
                let is_dynamic = name.contains("${") || name.starts_with('"') && name.contains('$');
                (!is_dynamic).then(|| (name.clone(), range))
            });
            Some(names.collect())
        };
        bindings.iter().filter_map(path).collect()
    }

    /// Returns the files that a module's text imports by their paths.
    pub(crate) fn imports(&mut self, eval: &mut Eval<'_>, name: &str) -> Vec<String> {
        let Some((path, text)) = self.get(eval, name).cloned() else { return Vec::new() };
        let (tree, _) = syntax::parse_flat(&text, ANY);
        let bindings = module_bindings::module_bindings(&tree);
        let imports = bindings.iter().filter(|binding| binding.path == ["imports"]);
        let ranges: Vec<TextRange> = imports.filter_map(|binding| binding.value_range).collect();
        let lists = tree.root().descendants().filter(|node| ranges.contains(&node.range()));
        let paths = lists.flat_map(|list| {
            list.descendants().filter(|node| node.kind() == SyntaxKind::Path).collect::<Vec<_>>()
        });
        let directory = path.bytes.rsplitn(2, |byte| *byte == b'/').nth(1).unwrap_or_default();
        let absolute = |node: FlatNode<'_>| {
            let text = node.text();
            let whole = if text.starts_with(b"/") {
                text.to_vec()
            } else {
                [directory, b"/", text].concat()
            };
            SourcePath::new(path.root, &crate::source::canonical(&whole)).display()
        };
        paths.filter(|node| node.text().first() != Some(&b'~')).map(absolute).collect()
    }
}

/// Returns the bytes of the name number `index` of a binding's path, if it is written there.
fn attr_of(tree: &FlatTree<'_>, binding: &ModuleBinding, index: usize) -> Option<TextRange> {
    let around = binding.path.len() - binding.own_names;
    let own = index.checked_sub(around)?;
    let mut attrpaths =
        tree.root().descendants().filter(|node| node.kind() == SyntaxKind::Attrpath);
    let attrpath = attrpaths.find(|node| node.range() == binding.name_range)?;
    attrpath.children().nth(own).map(FlatNode::range)
}

/// Adds the values that a definition is made of: what `mkForce`, `mkMerge` and the like hold.
fn split<'t>(value: FlatNode<'t>, definitions: &mut Vec<FlatNode<'t>>) {
    let bare = value.without_parens();
    let call = Some(bare)
        .filter(|it| it.kind() == SyntaxKind::Apply && module_bindings::is_transparent_call(*it));
    match call.and_then(|call| Some((call, call.children().last()?))) {
        Some((call, last)) if module_bindings::merges_list(call) => {
            let last = last.without_parens();
            match last.kind() {
                SyntaxKind::List => last.expressions().for_each(|it| split(it, definitions)),
                _ => definitions.push(last),
            }
        }
        Some((_, last)) => split(last, definitions),
        None => definitions.push(value),
    }
}

/// Returns where the element number `entry` (from 1) of a list is written.
fn entry(value: FlatNode<'_>, entry: usize) -> Option<TextRange> {
    let mut elements = Vec::new();
    collect(value, &mut elements);
    elements.get(entry.checked_sub(1)?).copied().flatten()
}

/// Adds the elements of a list as it is written; what cannot be counted ends them.
fn collect(value: FlatNode<'_>, elements: &mut Vec<Option<TextRange>>) -> bool {
    let value = value.without_parens();
    match value.kind() {
        SyntaxKind::List => {
            elements.extend(value.expressions().map(|element| Some(element.range())));
            true
        }
        SyntaxKind::BinaryOp
            if value.operator().is_some_and(|it| it.kind() == SyntaxKind::PlusPlus) =>
        {
            value.expressions().all(|operand| collect(operand, elements))
        }
        SyntaxKind::WithExpr | SyntaxKind::LetIn | SyntaxKind::AssertExpr => {
            value.expressions().last().is_some_and(|body| collect(body, elements))
        }
        SyntaxKind::Apply if module_bindings::is_transparent_call(value) => {
            value.children().last().is_some_and(|last| collect(last, elements))
        }
        _ => false,
    }
}

/// Reads a file as the module system names it.
fn read(eval: &mut Eval<'_>, name: &str) -> Option<(SourcePath, Vec<u8>)> {
    let mut path = SourcePath::parse_display(name)?;
    if matches!(eval.file_type(&path), Ok(Some(FileType::Directory))) {
        let bytes = [&path.bytes, b"/default.nix".as_slice()].concat();
        path = SourcePath::new(path.root, &bytes);
    }
    let text = eval.read_file(&path).ok()?;
    Some((path, text))
}
