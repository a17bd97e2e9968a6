//! Where the files of a project name an option: declarations, definitions, uses.
//!
//! Definitions are found through every shape that a module has: dotted names, nested sets,
//! `config`, `mkIf` and the like, `//`, lists of modules, and variables and imported files that a
//! definition is given by.
//!
//! ```nix
//! { lib, config, ... }: let common = { enable = true; }; in {
//!   imports = [ { services.nginx = common; } ];
//!   config = lib.mkIf config.services.nginx.enable { };
//! }
//! ```

use eval::module_bindings::{is_transparent_call, merges_list};
use eval::scope::Target;
use eval::source::SourcePath;
use syntax::{FlatNode, SyntaxKind, TextRange};

use super::Knowledge;
use super::cursor::{Part, attr_name};
use super::project::{Files, ProjectFile};
use super::scene::{Meaning, Scene, file, static_name};
use super::symbol::Site;

/// How many bindings of one file are looked at.
const BINDINGS_MAX: usize = 20_000;
/// How many variables and files a definition is followed through.
const DEPTH_MAX: usize = 8;

/// A binding of a module.
#[derive(Clone, Debug)]
pub(super) struct OptionBinding {
    /// The file.
    pub(super) path: SourcePath,
    /// The option's path, `config` and `options` left out.
    pub(super) names: Vec<Part>,
    /// Whether it stands below `options`.
    pub(super) is_declared: bool,
    /// The bytes of the names of the path that are left of this `=`, the last ones of `names`.
    pub(super) own: Vec<TextRange>,
    /// All names left of the `=`.
    pub(super) range: TextRange,
}

impl OptionBinding {
    /// Returns the bytes of the last name of an option, if this binding writes it.
    pub(super) fn name_of(&self, option: &[Part]) -> Option<TextRange> {
        if !self.names.starts_with(option) {
            return None;
        }
        let before = self.names.len() - self.own.len();
        self.own.get(option.len().checked_sub(before + 1)?).copied()
    }
}

/// Returns the bindings of all modules in a file.
pub(super) fn bindings(knowledge: Knowledge<'_>, file: &ProjectFile<'_>) -> Vec<OptionBinding> {
    let scene = file.scene(knowledge);
    let mut found = Vec::new();
    let mut walk = Walk { scene: &scene, depth: 0, found: &mut found };
    let Some(top) = file.tree().root().expressions().next() else { return found };
    // A flake is a set whose names are no options.
    if file.is_module() && !file.path.bytes.ends_with(b"/flake.nix") {
        walk.expression(top, &Here { names: Vec::new(), is_declared: false });
    } else if may_list_modules(file.text()) {
        walk.lists_of_modules(top);
    }
    found
}

/// Returns the option whose name is at a range, if the place is one where options are named.
///
/// A file that is a set may be any set: it is a module if the option is known.
pub(super) fn option_at(
    files: &Files<'_>,
    file: &ProjectFile<'_>,
    range: TextRange,
) -> Option<Vec<Part>> {
    let all = files.bindings_of(file);
    let found = all.iter().find_map(|binding| {
        let own = binding.own.iter().position(|it| *it == range)?;
        (binding.path == *file.path)
            .then(|| binding.names[..=binding.names.len() - binding.own.len() + own].to_vec())
    })?;
    files.is_option(&found).then_some(found)
}

/// Returns every binding in the project that defines an option or something in it, or declares it.
pub(super) fn bindings_of_option(files: &Files<'_>, option: &[Part]) -> Vec<OptionBinding> {
    let mut found: Vec<OptionBinding> = Vec::new();
    for file in files.binding_option(option) {
        for binding in files.bindings_of(file) {
            let is_known =
                || found.iter().any(|it| it.path == binding.path && it.range == binding.range);
            if binding.name_of(option).is_some() && !is_known() {
                found.push(binding.clone());
            }
        }
    }
    found
}

/// Returns where the files of the project select an option.
pub(super) fn uses(files: &Files<'_>, option: &[Part]) -> Vec<Site> {
    let Some(Part::Name(last)) = option.last() else { return Vec::new() };
    let mut found = Vec::new();
    for at in files.with_word(last) {
        let Some(file) = files.all.get(at) else { continue };
        for it in super::symbol::occurrences(files, at, last) {
            let is_use = !matches!(
                it.role,
                super::symbol::Role::Bound | super::symbol::Role::BoundByInherit
            );
            if is_use && it.symbol == super::symbol::Symbol::Option(option.to_vec()) {
                found.push(Site { path: file.path.clone(), range: it.range });
            }
        }
    }
    found
}

/// Whether a text may bind a list of modules: most large files do not, and need no closer look.
fn may_list_modules(text: &[u8]) -> bool {
    [b"modules", b"imports"].into_iter().any(|word| {
        memchr::memmem::find_iter(text, word).any(|at| {
            let rest = text.get(at + word.len()..).unwrap_or_default().iter();
            let next = rest.copied().find(|byte| !byte.is_ascii_whitespace() && *byte != b'"');
            matches!(next, Some(b'=' | b'#' | b'/'))
        })
    })
}

/// Where in a module's options an expression is.
#[derive(Clone)]
struct Here {
    names: Vec<Part>,
    is_declared: bool,
}

impl Here {
    fn inside(&self, part: Part) -> Here {
        let mut inside = self.clone();
        inside.names.push(part);
        inside
    }
}

struct Walk<'w, 'a> {
    scene: &'w Scene<'a>,
    depth: usize,
    found: &'w mut Vec<OptionBinding>,
}

impl<'a> Walk<'_, 'a> {
    fn expression(&mut self, node: FlatNode<'a>, here: &Here) {
        match node.kind() {
            SyntaxKind::AttrSet => {
                for entry in node.children() {
                    self.entry(entry, here, 0);
                }
            }
            SyntaxKind::Paren => node.expressions().for_each(|inner| self.expression(inner, here)),
            SyntaxKind::BinaryOp
                if node.operator().is_some_and(|it| {
                    matches!(it.kind(), SyntaxKind::SlashSlash | SyntaxKind::PlusPlus)
                }) =>
            {
                node.expressions().for_each(|inner| self.expression(inner, here));
            }
            SyntaxKind::Lambda | SyntaxKind::LetIn => {
                if let Some(body) = node.expressions().last() {
                    self.expression(body, here);
                }
            }
            SyntaxKind::WithExpr | SyntaxKind::AssertExpr | SyntaxKind::IfElse => {
                node.expressions().skip(1).for_each(|inner| self.expression(inner, here));
            }
            SyntaxKind::Apply if is_transparent_call(node) => {
                let Some(last) = node.children().last() else { return };
                if merges_list(node) && last.kind() == SyntaxKind::List {
                    last.expressions().for_each(|inner| self.expression(inner, here));
                } else {
                    self.expression(last, here);
                }
            }
            SyntaxKind::List if !here.names.is_empty() => {
                let inside = here.inside(Part::Element);
                node.expressions().for_each(|element| self.expression(element, &inside));
            }
            SyntaxKind::Variable | SyntaxKind::Select | SyntaxKind::Apply => {
                self.flowing(node, here);
            }
            _ => {}
        }
    }

    /// What comes from a variable or another file is written there.
    fn flowing(&mut self, node: FlatNode<'a>, here: &Here) {
        if self.depth >= DEPTH_MAX || here.names.is_empty() && !self.is_local(node) {
            return;
        }
        if self.found.len() >= BINDINGS_MAX {
            return;
        }
        self.depth += 1;
        self.scene.rest();
        if let Some(meaning) = self.scene.meaning(node) {
            self.meaning(&meaning, here);
        }
        self.depth -= 1;
    }

    /// Whether a variable is bound in this file: at the top of a module nothing else is followed.
    fn is_local(&self, node: FlatNode<'a>) -> bool {
        let reference = self.scene.scopes.reference_at(node.range().start());
        reference.is_some_and(|it| matches!(it.target, Target::Definition(_)))
    }

    fn meaning(&mut self, meaning: &Meaning<'a>, here: &Here) {
        match meaning {
            Meaning::Written(node) => self.expression(*node, here),
            Meaning::Partial(entries, depth) => {
                for entry in entries {
                    self.entry(*entry, here, *depth);
                }
            }
            Meaning::Update(left, right) => {
                self.meaning(left, here);
                self.meaning(right, here);
            }
            Meaning::File(path, steps) => {
                let (depth, found) = (self.depth + 1, &mut *self.found);
                file::visit(self.scene, path, steps, |scene, meaning| {
                    let mut walk = Walk { scene, depth, found };
                    if let Meaning::Written(node) = meaning
                        && node.kind() != SyntaxKind::Lambda
                    {
                        walk.expression(*node, here);
                    }
                });
            }
            Meaning::Config(_) | Meaning::Value(_) | Meaning::Builtins => {}
        }
    }

    /// A binding or an `inherit`; the first `skip` names of its path lead here already.
    fn entry(&mut self, entry: FlatNode<'a>, here: &Here, skip: usize) {
        match entry.kind() {
            SyntaxKind::Binding => self.binding(entry, here, skip),
            SyntaxKind::InheritClause => {
                for attr in entry.children().filter(|it| it.kind().is_attr()) {
                    let Some(name) = static_name(attr) else { continue };
                    self.found.push(OptionBinding {
                        path: self.scene.path.clone(),
                        names: here.inside(Part::Name(name)).names,
                        is_declared: here.is_declared,
                        own: vec![attr.range()],
                        range: attr.range(),
                    });
                }
            }
            _ => {}
        }
    }

    fn binding(&mut self, entry: FlatNode<'a>, here: &Here, skip: usize) {
        let Some(path) = entry.child(SyntaxKind::Attrpath) else { return };
        let mut attrs: Vec<FlatNode<'a>> = path.children().skip(skip).collect();
        let mut inside = here.clone();
        let value = entry.expressions().next();
        if here.names.is_empty() && !here.is_declared {
            match attrs.first().map(|it| it.text()) {
                Some(b"imports") if attrs.len() == 1 => {
                    return value.into_iter().for_each(|list| self.modules(list));
                }
                Some(b"config") => {
                    attrs.remove(0);
                }
                Some(b"options") => {
                    attrs.remove(0);
                    inside.is_declared = true;
                }
                Some(b"meta" | b"_file" | b"key" | b"disabledModules") => return,
                _ => {}
            }
        }
        inside.names.extend(attrs.iter().map(|attr| Part::Name(attr_name(*attr))));
        if !attrs.is_empty() {
            self.found.push(OptionBinding {
                path: self.scene.path.clone(),
                names: inside.names.clone(),
                is_declared: inside.is_declared,
                own: attrs.iter().map(|attr| attr.range()).collect(),
                range: path.range(),
            });
        }
        if let Some(value) = value {
            self.expression(value, &inside);
        }
    }

    /// The modules in a list that are written there.
    fn modules(&mut self, list: FlatNode<'a>) {
        let here = Here { names: Vec::new(), is_declared: false };
        match list.kind() {
            SyntaxKind::List => {
                for element in list.expressions() {
                    let inner = element.without_parens();
                    if matches!(inner.kind(), SyntaxKind::AttrSet | SyntaxKind::Lambda) {
                        self.expression(inner, &here);
                    }
                }
            }
            _ => list.expressions().for_each(|inner| self.modules(inner)),
        }
    }

    /// The lists called `modules` or `imports` anywhere, in a file that is no module itself.
    fn lists_of_modules(&mut self, top: FlatNode<'a>) {
        for entry in top.descendants().filter(|it| it.kind() == SyntaxKind::Binding) {
            let path = entry.child(SyntaxKind::Attrpath);
            let last = path.and_then(|it| it.children().last()).map(FlatNode::text);
            if matches!(last, Some(b"modules" | b"imports"))
                && let Some(list) = entry.expressions().next()
            {
                self.modules(list);
            }
        }
    }
}
