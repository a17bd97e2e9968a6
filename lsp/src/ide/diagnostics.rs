//! What there is to say about a file: its text alone, and what it defines.
//!
//! A comment `# nivis: allow CODE …` keeps the findings of its line, or of the next one where it
//! stands alone, from being told; `# nivis: allow-file CODE …` those of the whole file.

use std::collections::BTreeSet;

use eval::db::{self, Db, File};
use eval::diagnostic::{Diagnostic, Severity};
use eval::module_bindings;
use eval::option_tree::{self, Component, OptionTree};
use eval::source::{HOST, SourcePath};
use eval::system::FileType;
use syntax::{FlatNode, FlatTree, LineIndex, SyntaxKind, TextRange, TextSize};

use super::goto_definition::path_target;
use super::scene::{Scene, file};
use super::{Knowledge, flake, git_index};

/// The largest text whose imports are looked for on the disk. Unit: bytes.
const IMPORTS_BYTES_MAX: usize = 256 << 10;

/// How many files are looked at for options that were declared of late.
const IMPORTS_MAX: usize = 64;

/// Returns what there is to say about a file, in source order.
pub fn diagnostics(db: &dyn Db, knowledge: Knowledge<'_>, file: File) -> Vec<Diagnostic> {
    told_and_kept(db, knowledge, file).0
}

/// Returns what there is to say about a file, and what comments keep from being told, each in
/// source order.
pub fn told_and_kept(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let mut found = db::diagnostics(db, file).clone();
    let is_sound = found.iter().all(|it| it.code != "syntax-error");
    if is_sound {
        let tree = db::tree(db, file);
        found.extend(missing_files(db, knowledge, file, tree));
        found.extend(untracked(db, knowledge, file, tree));
        let scene = Scene::new(knowledge, tree, db::scopes(db, file), file.path(db));
        found.extend(flake::lints(knowledge, &scene));
        let is_certain = knowledge.role.is_some_and(|role| role.is_certain);
        if let (Some(options), true) = (knowledge.options, is_certain) {
            found.extend(of_options(db, knowledge, file, options));
        }
    }
    let text = file.text(db);
    let lines = db::line_index(db, file);
    let allowed = allowed(text, lines);
    found.sort_by_key(|it| (it.range.start(), it.code));
    found
        .into_iter()
        .partition(|it| !allowed.iter().any(|allowed| allowed.covers(it.code, it.range.start())))
}

/// Returns what is wrong with the definitions in a module.
fn of_options(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    options: &OptionTree,
) -> Vec<Diagnostic> {
    let tree = db::tree(db, file);
    // What was declared since the options were evaluated is known from the texts.
    let mut declared = Vec::new();
    for file in knowledge.files {
        declared.extend(declarations(db::tree(db, *file)));
    }
    let found = option_tree::check(tree, options, &[], &declared);
    if found.iter().all(|it| it.code != "unknown-option") {
        return found;
    }
    // So is what has been imported since. Of the others the tree knows more than their texts.
    let imported = imported_declarations(knowledge, file.path(db), tree).into_iter();
    declared.extend(imported.filter(|path| {
        let names: Vec<_> = path.iter().map(|it| Component::Name(it)).collect();
        options.lookup(&names).is_none()
    }));
    option_tree::check(tree, options, &[], &declared)
}

/// Returns the paths of the options that the modules declare to which the imports of a file lead.
fn imported_declarations(
    knowledge: Knowledge<'_>,
    path: &SourcePath,
    tree: &FlatTree<'_>,
) -> Vec<Vec<String>> {
    let mut declared = Vec::new();
    let mut known = BTreeSet::from([path.clone()]);
    let mut todo = imports(path, tree);
    while let Some(next) = todo.pop() {
        if known.len() >= IMPORTS_MAX || !known.insert(next.clone()) {
            continue;
        }
        let Some((path, parsed)) = file::parsed(knowledge, &next) else { continue };
        declared.extend(declarations(parsed.tree()));
        todo.extend(imports(&path, parsed.tree()));
    }
    declared
}

/// Returns the files in the lists of imports of a file.
fn imports(path: &SourcePath, tree: &FlatTree<'_>) -> Vec<SourcePath> {
    let lists = tree.root().descendants().filter(|it| it.kind() == SyntaxKind::Binding);
    let target = |it: FlatNode<'_>| path_target(&path.bytes, &String::from_utf8_lossy(it.text()));
    lists.flat_map(imported).filter_map(target).collect()
}

/// Returns the paths of the options that a module's text declares.
pub(super) fn declarations(tree: &FlatTree<'_>) -> Vec<Vec<String>> {
    let bindings = module_bindings::module_bindings(tree);
    let declared = bindings.into_iter().filter_map(|binding| {
        let (first, rest) = binding.path.split_first()?;
        (first == "options" && !rest.is_empty()).then(|| rest.to_vec())
    });
    declared.collect()
}

/// Returns the imports of files that are not there.
fn missing_files(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    tree: &FlatTree<'_>,
) -> Vec<Diagnostic> {
    let place = file.path(db);
    let Some(system) = knowledge.system.filter(|_| place.root == HOST) else { return Vec::new() };
    // A file that was never saved lies nowhere yet; a large one is a list of packages.
    if place.bytes.first() != Some(&b'/') || file.text(db).len() > IMPORTS_BYTES_MAX {
        return Vec::new();
    }
    let mut found = Vec::new();
    for node in tree.root().descendants().flat_map(imported) {
        let text = String::from_utf8_lossy(node.text()).into_owned();
        let Some(target) = path_target(&place.bytes, &text) else { continue };
        let what = match system.file_type(&target.bytes) {
            Ok(FileType::Directory) => {
                let inner = [&target.bytes, &b"/default.nix"[..]].concat();
                if system.file_type(&inner).is_ok() {
                    continue;
                }
                format!("`{text}` has no `default.nix`")
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                format!("`{text}` does not exist")
            }
            Ok(_) | Err(_) => continue,
        };
        found.push(Diagnostic {
            code: "missing-file",
            severity: Severity::Error,
            range: node.range(),
            message: what,
            hint: None,
            is_unnecessary: false,
            related: Vec::new(),
        });
    }
    found
}

/// Returns the paths of files that are there, but that git does not track: a flake in the
/// repository does not see them.
fn untracked(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    tree: &FlatTree<'_>,
) -> Vec<Diagnostic> {
    let place = file.path(db);
    let Some(system) = knowledge.system.filter(|_| place.root == HOST) else { return Vec::new() };
    if file.text(db).len() > IMPORTS_BYTES_MAX {
        return Vec::new();
    }
    let mut index = None;
    let mut found = Vec::new();
    for node in tree.root().descendants() {
        if node.kind() != SyntaxKind::Path || node.first_child().is_some() {
            continue;
        }
        let text = String::from_utf8_lossy(node.text()).into_owned();
        let Some(target) = path_target(&place.bytes, &text) else { continue };
        let index = index.get_or_insert_with(|| git_index::of_flake(system, &place.bytes));
        let Some(index) = index else { return Vec::new() };
        let Ok(kind) = system.file_type(&target.bytes) else { continue };
        if index.holds(&target.bytes, kind == FileType::Directory) != Some(false) {
            continue;
        }
        found.push(Diagnostic {
            code: "untracked-file",
            severity: Severity::Warning,
            range: node.range(),
            message: format!("git does not track `{text}`: the flake does not see it"),
            hint: Some(format!("`git add {text}`")),
            is_unnecessary: false,
            related: Vec::new(),
        });
    }
    found
}

/// Returns the path literals that a node imports: an `import` of one, or a list of imports.
fn imported(node: FlatNode<'_>) -> Vec<FlatNode<'_>> {
    let is_constant =
        |it: &FlatNode<'_>| it.kind() == SyntaxKind::Path && it.first_child().is_none();
    match node.kind() {
        SyntaxKind::Apply => {
            let function = node.first_child().map(FlatNode::without_parens);
            let is_import =
                function.is_some_and(|it| matches!(it.text(), b"import" | b"builtins.import"));
            let argument = node.children().nth(1).map(FlatNode::without_parens);
            argument.filter(|it| is_import && is_constant(it)).into_iter().collect()
        }
        SyntaxKind::Binding => {
            let path = node.child(SyntaxKind::Attrpath);
            let list = node.expressions().next().filter(|it| {
                it.kind() == SyntaxKind::List && path.is_some_and(|it| it.text() == b"imports")
            });
            list.into_iter().flat_map(|it| it.expressions().filter(is_constant)).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a comment in a text keeps a finding that begins at `start` from being told.
pub fn is_allowed(text: &[u8], lines: &LineIndex, code: &str, start: TextSize) -> bool {
    allowed(text, lines).iter().any(|allowed| allowed.covers(code, start))
}

/// A comment that keeps findings from being told.
struct Allowed {
    codes: Vec<String>,
    /// Where; everywhere without.
    lines: Option<TextRange>,
}

impl Allowed {
    fn covers(&self, code: &str, start: TextSize) -> bool {
        let is_there = self.lines.is_none_or(|lines| lines.contains_inclusive(start));
        is_there && self.codes.iter().any(|it| it == code || it == "all")
    }
}

fn allowed(text: &[u8], lines: &LineIndex) -> Vec<Allowed> {
    let mut found = Vec::new();
    let mark = b"# nivis: allow";
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| find(rest, mark)) {
        let start = from + at;
        let rest = text.get(start + mark.len()..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let words = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
        from = start + mark.len() + end;
        let line = lines.line((start as u32).into());
        let whole = lines.line_range(line);
        let before = text.get(usize::from(whole.start())..start).unwrap_or_default();
        let (is_file, words) = match words.strip_prefix("-file") {
            Some(rest) => (true, rest.to_owned()),
            None => (false, words),
        };
        if !words.starts_with([' ', '\t']) {
            continue;
        }
        let codes = words.split_whitespace().map(|it| it.trim_matches(',').to_owned()).collect();
        let stands_alone = before.iter().all(u8::is_ascii_whitespace);
        let covered = if stands_alone { lines.line_range(line + 1) } else { whole };
        found.push(Allowed { codes, lines: (!is_file).then_some(covered) });
    }
    found
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
