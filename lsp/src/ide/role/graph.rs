//! Who imports whom in a project, and where module systems are evaluated.

use std::collections::BTreeMap;

use eval::db::PARSE_OPTIONS;
use eval::module_bindings::{self, is_module, is_transparent_call, merges_list};
use eval::source::HOST;
use eval::system::{FileType, System};
use syntax::{FlatNode, SyntaxKind};

use super::Sort;
use crate::ide::cursor::{Part, attr_name};
use crate::ide::file_index::FileIndex;
use crate::ide::goto_definition::path_target;

/// How many files of a project are read; a larger one is no configuration.
const FILES_MAX: usize = 600;
/// How many directories are listed.
const DIRECTORIES_MAX: usize = 800;

/// The functions that evaluate a module system, with the sort of it.
const SYSTEMS: [(&str, Sort); 6] = [
    ("nixosSystem", Sort::Nixos),
    ("homeManagerConfiguration", Sort::HomeManager),
    ("darwinSystem", Sort::Darwin),
    ("evalModules", Sort::Other),
    ("mkFlake", Sort::Other),
    ("submoduleWith", Sort::Other),
];

/// A place where a module system is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// The file.
    pub(super) file: Vec<u8>,
    /// The function.
    pub(super) function: String,
    /// The sort of system.
    pub(super) sort: Sort,
    /// The names of the attribute that it is the value of, as far as they are known.
    pub(super) attribute: Vec<String>,
    /// The text of the call.
    pub(super) text: String,
    /// What has to stand around the text: `let … in`, the arguments of functions around it.
    pub(super) around: Vec<Around>,
    /// The modules that are files.
    pub(super) files: Vec<Vec<u8>>,
    /// The texts of the modules that are written down there.
    pub(super) inline: Vec<String>,
    /// The names of special arguments.
    pub(super) arguments: Vec<String>,
}

/// What stands around a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Around {
    /// `let … in` or `with …;`, as written.
    Text(String),
    /// A function: its parameter as written, the names that it takes.
    Function(String, Vec<(String, bool)>),
}

/// Where an import stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// In a module.
    File(Vec<u8>),
    /// In the modules of the call with this index.
    Call(usize),
}

/// One import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    /// Where it stands.
    pub(super) source: Source,
    /// The option under which it stands.
    pub(super) prefix: Vec<Part>,
}

/// What one file imports, with paths as its text leads to them.
#[derive(Debug, Default)]
pub(in crate::ide) struct Imports {
    edges: Vec<(Vec<u8>, Edge)>,
    calls: Vec<Call>,
}

/// All imports of a project.
pub(super) struct Graph<'a> {
    system: &'a dyn System,
    edges: BTreeMap<Vec<u8>, Vec<Edge>>,
    /// The module systems.
    pub(super) calls: Vec<Call>,
}

impl<'a> Graph<'a> {
    /// Reads the files of a project; of `path` the text is given.
    pub(super) fn read(
        system: &'a dyn System,
        index: &FileIndex,
        project: &[u8],
        path: &[u8],
        text: &[u8],
    ) -> Graph<'a> {
        let mut graph = Graph { system, edges: BTreeMap::new(), calls: Vec::new() };
        let mut files = nix_files(system, index, project);
        files.push(path.to_vec());
        files.sort_unstable();
        files.dedup();
        for file in files {
            if file == path {
                graph.add(&Reader::imports(path, text));
                continue;
            }
            let Some(facts) = index.facts(system, &file) else { continue };
            let read = || system.read_file(&file).unwrap_or_default();
            graph.add(facts.imports(|| Reader::imports(&file, &read())));
        }
        graph
    }

    fn add(&mut self, imports: &Imports) {
        let before = self.calls.len();
        for (target, edge) in &imports.edges {
            let source = match &edge.source {
                Source::Call(index) => Source::Call(before + index),
                source @ Source::File(_) => source.clone(),
            };
            let edge = Edge { source, prefix: edge.prefix.clone() };
            self.edges.entry(self.module_at(target)).or_default().push(edge);
        }
        for call in &imports.calls {
            let files = call.files.iter().map(|it| self.module_at(it)).collect();
            self.calls.push(Call { files, ..call.clone() });
        }
    }

    /// Returns the file at a path; of a directory the `default.nix` in it.
    fn module_at(&self, path: &[u8]) -> Vec<u8> {
        match self.system.file_type(path) {
            Ok(FileType::Directory) => [path, b"/default.nix"].concat(),
            _ => path.to_vec(),
        }
    }

    /// Returns the imports of a file.
    pub(super) fn edges_to(&self, path: &[u8]) -> &[Edge] {
        self.edges.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the text of a file.
    pub(super) fn text(&self, path: &[u8]) -> Option<Vec<u8>> {
        self.system.read_file(path).ok()
    }
}

fn nix_files(system: &dyn System, index: &FileIndex, project: &[u8]) -> Vec<Vec<u8>> {
    let (mut files, mut directories) = (Vec::new(), vec![project.to_vec()]);
    let mut listed = 0;
    while let Some(directory) = directories.pop() {
        listed += 1;
        if listed > DIRECTORIES_MAX {
            return Vec::new();
        }
        let listing = index.directory(system, &directory);
        files.extend(listing.files.iter().cloned());
        directories.extend(listing.directories.iter().cloned());
        // A tree of packages is not one project's modules.
        if files.len() > FILES_MAX {
            return Vec::new();
        }
    }
    files
}

struct Reader {
    path: Vec<u8>,
    source: Source,
    imports: Imports,
}

impl Reader {
    fn imports(path: &[u8], text: &[u8]) -> Imports {
        let (path, source) = (path.to_vec(), Source::Call(0));
        let mut reader = Reader { path, source, imports: Imports::default() };
        reader.file(text);
        reader.imports
    }

    fn file(&mut self, text: &[u8]) {
        let (tree, _) = syntax::parse_flat(text, PARSE_OPTIONS);
        let Some(top) = tree.root().expressions().next() else { return };
        if is_module(text) && !self.path.ends_with(b"/flake.nix") {
            self.source = Source::File(self.path.clone());
            self.module(top, &[]);
        }
        if mentions_systems(text) {
            self.calls(top, &mut Vec::new(), &mut Vec::new());
        }
    }

    /// Finds the calls that evaluate module systems.
    fn calls(&mut self, node: FlatNode<'_>, around: &mut Vec<Around>, attribute: &mut Vec<String>) {
        let (depth, names) = (around.len(), attribute.len());
        match node.kind() {
            SyntaxKind::Apply => self.call(node, around, attribute),
            SyntaxKind::Binding => {
                if let Some(path) = node.child(SyntaxKind::Attrpath) {
                    attribute.extend(path.children().map(attr_name));
                }
            }
            SyntaxKind::LetIn => {
                let body = node.expressions().last().map_or(node.end(), FlatNode::start);
                around.push(Around::Text(slice(node, node.start(), body)));
            }
            SyntaxKind::WithExpr => {
                let body = node.expressions().last().map_or(node.end(), FlatNode::start);
                around.push(Around::Text(slice(node, node.start(), body)));
            }
            SyntaxKind::Lambda => around.push(function(node)),
            _ => {}
        }
        for child in node.children() {
            // Bindings of a `let` see each other, but not its body.
            let is_body = node.kind() != SyntaxKind::LetIn || !is_entry(child);
            let is_inside = is_body || !matches!(node.kind(), SyntaxKind::WithExpr);
            if is_inside {
                self.calls(child, around, attribute);
            }
        }
        around.truncate(depth);
        attribute.truncate(names);
    }

    fn call(&mut self, node: FlatNode<'_>, around: &[Around], attribute: &[String]) {
        let Some((function, sort)) = system_of(node) else { return };
        let Some(argument) = node.children().last().map(FlatNode::without_parens) else { return };
        let is_flake = function == "mkFlake";
        if argument.kind() != SyntaxKind::AttrSet && !(is_flake && is_module_form(argument)) {
            return;
        }
        let index = self.imports.calls.len();
        self.imports.calls.push(Call {
            file: self.path.clone(),
            function: function.to_owned(),
            sort,
            attribute: attribute.to_vec(),
            text: slice(node, node.start(), node.end()),
            around: around.to_vec(),
            files: Vec::new(),
            inline: Vec::new(),
            arguments: special_arguments(argument),
        });
        let before = std::mem::replace(&mut self.source, Source::Call(index));
        if is_flake {
            // The argument is a module itself; so is the file, for whoever edits it there.
            self.module(argument, &[]);
            self.edge(self.path.clone(), &[]);
        } else {
            for name in ["modules", "configuration", "imports"] {
                if let Some(value) = bound(argument, name) {
                    self.modules(value, &[]);
                }
            }
            self.collect_files(index, argument);
            let has_inline = self.imports.calls.get(index).is_some_and(|it| !it.inline.is_empty());
            if has_inline {
                self.edge(self.path.clone(), &[]);
            }
        }
        self.source = before;
    }

    fn collect_files(&mut self, index: usize, argument: FlatNode<'_>) {
        let (mut files, mut inline) = (Vec::new(), Vec::new());
        for name in ["modules", "configuration"] {
            let Some(value) = bound(argument, name) else { continue };
            for node in listed(value) {
                match node.kind() {
                    SyntaxKind::Path => files.extend(self.target(node)),
                    SyntaxKind::AttrSet | SyntaxKind::Lambda => {
                        inline.push(slice(node, node.start(), node.end()));
                    }
                    _ => {}
                }
            }
        }
        if let Some(call) = self.imports.calls.get_mut(index) {
            (call.files, call.inline) = (files, inline);
        }
    }

    /// A list of modules: every path in it is one, whatever chooses among them.
    fn modules(&mut self, node: FlatNode<'_>, prefix: &[Part]) {
        match node.kind() {
            SyntaxKind::AttrSet | SyntaxKind::Lambda => return self.module(node, prefix),
            SyntaxKind::Path => {
                if let Some(target) = self.target(node) {
                    self.edge(target, prefix);
                }
                return;
            }
            _ => {}
        }
        for child in node.children() {
            self.modules(child, prefix);
        }
    }

    fn module(&mut self, node: FlatNode<'_>, prefix: &[Part]) {
        match node.kind() {
            SyntaxKind::AttrSet => {
                for entry in node.children().filter(|it| it.kind() == SyntaxKind::Binding) {
                    self.binding(entry, prefix);
                }
            }
            SyntaxKind::Paren => node.expressions().for_each(|it| self.module(it, prefix)),
            SyntaxKind::BinaryOp => node.expressions().for_each(|it| self.module(it, prefix)),
            SyntaxKind::Lambda | SyntaxKind::LetIn => {
                node.expressions().last().into_iter().for_each(|it| self.module(it, prefix));
            }
            SyntaxKind::WithExpr | SyntaxKind::AssertExpr | SyntaxKind::IfElse => {
                node.expressions().skip(1).for_each(|it| self.module(it, prefix));
            }
            SyntaxKind::Apply if is_transparent_call(node) => {
                let Some(last) = node.children().last() else { return };
                if merges_list(node) && last.kind() == SyntaxKind::List {
                    last.expressions().for_each(|it| self.module(it, prefix));
                } else {
                    self.module(last, prefix);
                }
            }
            SyntaxKind::List => {
                let mut inside = prefix.to_vec();
                inside.push(Part::Element);
                node.expressions().for_each(|it| self.module(it, &inside));
            }
            SyntaxKind::Path if !prefix.is_empty() => {
                if let Some(target) = self.target(node) {
                    self.edge(target, prefix);
                }
            }
            SyntaxKind::Apply if !prefix.is_empty() => self.imported(node, prefix),
            _ => {}
        }
    }

    /// `home-manager.users.alice = import ./alice.nix;`
    fn imported(&mut self, node: FlatNode<'_>, prefix: &[Part]) {
        let mut function = node;
        let mut argument = None;
        while function.kind() == SyntaxKind::Apply {
            argument = function.expressions().nth(1).map(FlatNode::without_parens);
            let Some(inner) = function.first_child() else { return };
            function = inner.without_parens();
        }
        let is_import = function.text() == b"import";
        if let Some(path) = argument.filter(|it| is_import && it.kind() == SyntaxKind::Path)
            && let Some(target) = self.target(path)
        {
            self.edge(target, prefix);
        }
    }

    fn binding(&mut self, entry: FlatNode<'_>, prefix: &[Part]) {
        let Some(attrpath) = entry.child(SyntaxKind::Attrpath) else { return };
        let Some(value) = entry.expressions().next() else { return };
        let mut names: Vec<Part> =
            attrpath.children().map(|attr| Part::Name(attr_name(attr))).collect();
        let is =
            |part: Option<&Part>, name: &str| matches!(part, Some(Part::Name(it)) if it == name);
        if is(names.first(), "options") && prefix.is_empty() {
            return;
        }
        if is(names.first(), "config") {
            names.remove(0);
        }
        let mut inside = prefix.to_vec();
        if is(names.last(), "imports") {
            names.pop();
            inside.append(&mut names);
            return self.modules(value, &inside);
        }
        inside.append(&mut names);
        self.module(value, &inside);
    }

    fn edge(&mut self, target: Vec<u8>, prefix: &[Part]) {
        let edge = Edge { source: self.source.clone(), prefix: prefix.to_vec() };
        self.imports.edges.push((target, edge));
    }

    fn target(&self, path: FlatNode<'_>) -> Option<Vec<u8>> {
        if path.first_child().is_some() {
            return None;
        }
        let text = String::from_utf8_lossy(path.text()).into_owned();
        let target = path_target(&self.path, &text).filter(|it| it.root == HOST)?;
        Some(target.bytes.to_vec())
    }
}

fn is_entry(node: FlatNode<'_>) -> bool {
    matches!(node.kind(), SyntaxKind::Binding | SyntaxKind::InheritClause)
}

fn is_module_form(node: FlatNode<'_>) -> bool {
    matches!(node.kind(), SyntaxKind::Lambda | SyntaxKind::LetIn | SyntaxKind::WithExpr)
}

/// Returns the function that evaluates a module system, if a call is one of it.
pub(in crate::ide) fn system_of(apply: FlatNode<'_>) -> Option<(&'static str, Sort)> {
    let mut function = apply;
    while function.kind() == SyntaxKind::Apply {
        function = function.first_child()?.without_parens();
    }
    let name = match function.kind() {
        SyntaxKind::Variable => function.text(),
        SyntaxKind::Select => function.child(SyntaxKind::Attrpath)?.children().last()?.text(),
        _ => return None,
    };
    SYSTEMS.into_iter().find(|(known, _)| known.as_bytes() == name)
}

/// Returns the value of a name in a set.
fn bound<'a>(set: FlatNode<'a>, name: &str) -> Option<FlatNode<'a>> {
    let entry = set.children().find(|entry| {
        let path = entry.child(SyntaxKind::Attrpath);
        path.is_some_and(|it| it.text() == name.as_bytes())
    })?;
    entry.expressions().next()
}

/// Returns the elements of lists, through what joins and chooses them.
fn listed(node: FlatNode<'_>) -> Vec<FlatNode<'_>> {
    match node.kind() {
        SyntaxKind::List => node.expressions().map(FlatNode::without_parens).collect(),
        SyntaxKind::BinaryOp | SyntaxKind::Paren => node.expressions().flat_map(listed).collect(),
        _ => vec![node],
    }
}

fn special_arguments(argument: FlatNode<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for name in ["specialArgs", "extraSpecialArgs"] {
        let Some(set) = bound(argument, name).map(FlatNode::without_parens) else { continue };
        for entry in set.children() {
            match entry.kind() {
                SyntaxKind::Binding => {
                    let path = entry.child(SyntaxKind::Attrpath).and_then(FlatNode::first_child);
                    names.extend(path.map(attr_name));
                }
                SyntaxKind::InheritClause => {
                    let attrs = entry.children().filter(|it| it.kind().is_attr());
                    names.extend(attrs.map(attr_name));
                }
                _ => {}
            }
        }
    }
    names
}

fn function(lambda: FlatNode<'_>) -> Around {
    let body = lambda.expressions().last().map_or(lambda.end(), FlatNode::start);
    let text = slice(lambda, lambda.start(), body);
    let Some(formals) = lambda.child(SyntaxKind::Formals) else {
        return Around::Function(text, Vec::new());
    };
    let formals = formals.children().filter(|it| it.kind() == SyntaxKind::Formal);
    let names = formals.filter_map(|formal| {
        let name = formal.child(SyntaxKind::Name)?;
        let has_default = formal.expressions().next().is_some();
        Some((String::from_utf8_lossy(name.text()).into_owned(), has_default))
    });
    Around::Function(text, names.collect())
}

fn slice(node: FlatNode<'_>, from: u32, to: u32) -> String {
    let (from, to) = ((from - node.start()) as usize, (to - node.start()) as usize);
    String::from_utf8_lossy(node.text().get(from..to).unwrap_or_default()).into_owned()
}

fn mentions_systems(text: &[u8]) -> bool {
    SYSTEMS.iter().any(|(name, _)| super::find(text, name.as_bytes()).is_some())
}

/// Whether a file evaluates a module system of modules that are written there.
pub(super) fn evaluates_modules(text: &[u8]) -> bool {
    mentions_systems(text)
}

/// Whether a file is a function of named arguments to a set, which may be a module.
pub(super) fn takes_arguments(text: &[u8]) -> bool {
    let (tree, _) = syntax::parse_flat(text, PARSE_OPTIONS);
    let top = tree.root().expressions().next();
    top.filter(|it| it.kind() == SyntaxKind::Lambda).is_some_and(|lambda| {
        let body = lambda.expressions().last();
        lambda.child(SyntaxKind::Formals).is_some()
            && body.is_none_or(|it| it.kind() == SyntaxKind::AttrSet)
    })
}

/// Returns the first names of the options that a module defines.
pub(super) fn first_names(text: &[u8]) -> Vec<String> {
    let (tree, _) = syntax::parse_flat(text, PARSE_OPTIONS);
    let mut names: Vec<String> = Vec::new();
    for binding in module_bindings::module_bindings(&tree) {
        let path = match binding.path.split_first() {
            Some((first, rest)) if first == "config" => rest,
            Some((first, _)) if first == "options" => continue,
            _ => binding.path.as_slice(),
        };
        if let Some(first) = path.first()
            && !names.contains(first)
        {
            names.push(first.clone());
        }
    }
    names
}

/// Whether a module defines one of the names in a set.
pub(super) fn defines(text: &[u8], set: &str, names: &[&str]) -> bool {
    let (tree, _) = syntax::parse_flat(text, PARSE_OPTIONS);
    module_bindings::module_bindings(&tree).iter().any(|binding| {
        let path = match binding.path.split_first() {
            Some((first, rest)) if first == "config" => rest,
            _ => binding.path.as_slice(),
        };
        matches!(path, [first, second, ..] if first == set && names.contains(&second.as_str()))
    })
}
