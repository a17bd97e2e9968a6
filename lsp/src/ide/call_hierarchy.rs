//! Call hierarchy: who calls a function, and which functions it calls.

use eval::db::{Db, File};
use eval::source::SourcePath;
use syntax::{FlatNode, SyntaxKind, TextRange, TextSize};

use super::project::{Files, Project, ProjectFile};
use super::scene::{Meaning, static_name};
use super::symbol::{self, Site, Symbol};
use super::{Knowledge, flow};

/// How many calls one answer holds.
const CALLS_MAX: usize = 500;

/// A function, or what else calls one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The name that it is bound to.
    pub name: String,
    /// The file.
    pub path: SourcePath,
    /// The whole binding.
    pub range: TextRange,
    /// The name's bytes.
    pub name_range: TextRange,
    /// Whether it is a function.
    pub is_function: bool,
}

/// An item with the places of its calls.
pub type Calls = Vec<(Item, Vec<TextRange>)>;

/// Returns the function whose name is at `offset`.
pub fn prepare(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Option<Item> {
    let project = Project::new(db, knowledge, file);
    let files = project.files();
    let at = files.index_of(file.path(db))?;
    let site = site_at(&files, at, offset)?;
    function(&files, &site).map(|(item, _)| item)
}

/// Returns who calls the function at a place; the ranges are in the callers' files.
pub fn incoming(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    path: &SourcePath,
    offset: TextSize,
) -> Calls {
    let project = Project::new(db, knowledge, file);
    let files = project.files();
    let site = files.index_of(path).and_then(|at| site_at(&files, at, offset));
    let Some((_, (at, value))) = site.and_then(|site| function(&files, &site)) else {
        return Vec::new();
    };
    let Some(node) = files.all.get(at).and_then(|it| it.tree().node(value)) else {
        return Vec::new();
    };
    let mut found: Calls = Vec::new();
    for call in flow::follow(&files, at, node, &[]).calls.into_iter().take(CALLS_MAX) {
        let Some(file) = files.all.get(call.file) else { continue };
        let caller = caller(&files, file, call.function.start());
        add(&mut found, caller, call.function);
    }
    found
}

/// Returns the functions of the project that the function at a place calls; the ranges are in its
/// own file.
pub fn outgoing(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    path: &SourcePath,
    offset: TextSize,
) -> Calls {
    let project = Project::new(db, knowledge, file);
    let files = project.files();
    let site = files.index_of(path).and_then(|at| site_at(&files, at, offset));
    let Some((_, (at, value))) = site.and_then(|site| function(&files, &site)) else {
        return Vec::new();
    };
    let Some(file) = files.all.get(at) else { return Vec::new() };
    let Some(node) = file.tree().node(value) else { return Vec::new() };
    let mut found: Calls = Vec::new();
    for call in node.descendants().filter(|it| it.kind() == SyntaxKind::Apply).take(CALLS_MAX) {
        let Some(name) = call.first_child().and_then(callee_name) else { continue };
        let Some(site) = site_at(&files, at, name.range().start()) else { continue };
        if let Some((item, _)) = function(&files, &site) {
            add(&mut found, item, name.range());
        }
    }
    found
}

fn add(calls: &mut Calls, item: Item, range: TextRange) {
    match calls.iter_mut().find(|(known, _)| *known == item) {
        Some((_, ranges)) => ranges.push(range),
        None => calls.push((item, vec![range])),
    }
}

/// Returns the name that a function is called by.
fn callee_name(function: FlatNode<'_>) -> Option<FlatNode<'_>> {
    let function = function.without_parens();
    match function.kind() {
        SyntaxKind::Variable => Some(function),
        SyntaxKind::Select => function.child(SyntaxKind::Attrpath)?.children().last(),
        _ => None,
    }
}

fn site_at(files: &Files<'_>, at: usize, offset: TextSize) -> Option<Site> {
    let (_, found) = symbol::at_offset(files, at, offset)?;
    found.into_iter().find_map(|it| match it.symbol {
        Symbol::Written(sites) => sites.into_iter().next(),
        _ => None,
    })
}

/// Returns the function that a name is bound to, with the file and the node of its value.
fn function(files: &Files<'_>, site: &Site) -> Option<(Item, (usize, u32))> {
    let at = files.index_of(&site.path)?;
    let file = files.all.get(at)?;
    let scene = file.scene(files.knowledge);
    let around = scene.around(site.range.start().into());
    let binding = around.iter().rev().find(|it| it.kind() == SyntaxKind::Binding)?;
    let path = binding.child(SyntaxKind::Attrpath)?;
    let is_last = path.children().last().is_some_and(|it| it.range() == site.range);
    let value = binding.expressions().next().filter(|_| is_last)?;
    let is_function = match scene.meaning(value)? {
        Meaning::Written(node) => node.kind() == SyntaxKind::Lambda,
        Meaning::File(..) => true,
        _ => false,
    };
    let item = Item {
        name: path.children().last().and_then(static_name)?,
        path: site.path.clone(),
        range: binding.range(),
        name_range: site.range,
        is_function,
    };
    is_function.then_some((item, (at, value.index())))
}

/// Returns the function around a call: else the binding, else the file.
fn caller(files: &Files<'_>, file: &ProjectFile<'_>, offset: TextSize) -> Item {
    let scene = file.scene(files.knowledge);
    let around = scene.around(offset.into());
    let bindings = || around.iter().rev().filter(|it| it.kind() == SyntaxKind::Binding);
    let is_function = |binding: &FlatNode<'_>| {
        let value = binding.expressions().next().map(FlatNode::without_parens);
        value.is_some_and(|it| it.kind() == SyntaxKind::Lambda)
    };
    let inner = bindings().find(|it| is_function(it));
    let found = inner.or_else(|| bindings().next());
    let named = found.and_then(|binding| {
        let path = binding.child(SyntaxKind::Attrpath)?;
        Some((String::from_utf8_lossy(path.text()).into_owned(), path.range(), binding.range()))
    });
    let whole = file.tree().root().range();
    let (name, name_range, range) = named.unwrap_or_else(|| {
        let name = file.path.bytes.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let start = TextRange::empty(whole.start());
        (String::from_utf8_lossy(name).into_owned(), start, whole)
    });
    Item { name, path: file.path.clone(), range, name_range, is_function: inner.is_some() }
}
