//! An expression of a file with all that is around it, as text that can be evaluated by itself.
//!
//! ```nix
//! { lib, ... }:
//! let tea = lib.toUpper "green"; in { cups = [ te█a ]; }
//! # ({ lib, ... }: let tea = lib.toUpper "green"; in (tea)) (__surroundings.module { … })
//! ```
//!
//! The `let`s, `with`s and recursive sets around it are kept as they are written; functions around
//! it are called with what is known of their arguments. What does not parse is left out.

use std::fmt::Write as _;
use std::sync::Arc;

use eval::db::PARSE_OPTIONS;
use eval::inspect::{ARGUMENT, Base, Expression, Lookup};
use eval::module_bindings;
use eval::source::{HOST, SourcePath};
use syntax::{FlatNode, SyntaxKind, TextRange};

use super::cursor::Part;
use super::flake;
use super::role::Role;
use super::scene::{Scene, static_name, text as text_of};

/// How much text is evaluated for one expression. Unit: bytes.
const TEXT_BYTES_MAX: usize = 128 << 10;

/// An expression that can be evaluated, and where its parts stand in the file.
pub(super) struct Evaluable {
    /// What to look up.
    pub(super) lookup: Lookup,
    /// Where parts of the text come from: there, here, and how long they are.
    parts: Vec<(u32, u32, u32)>,
}

impl Evaluable {
    /// Returns where a place in the text stands in the file.
    pub(super) fn in_file(&self, offset: u32) -> Option<u32> {
        let (there, here, _) = *self
            .parts
            .iter()
            .find(|(there, _, length)| *there <= offset && offset < there + length)?;
        Some(here + (offset - there))
    }

    /// Returns it some names further in.
    #[must_use]
    pub(super) fn select(mut self, names: impl IntoIterator<Item = String>) -> Evaluable {
        self.lookup.path.extend(names);
        self
    }

    /// Returns it as something of which only the names are wanted.
    #[must_use]
    pub(super) fn for_names(mut self) -> Evaluable {
        if let Base::Expression(expression) = &mut self.lookup.base {
            Arc::make_mut(expression).is_for_names = true;
        }
        self
    }

    /// Returns it as something that may take as long as it takes.
    #[must_use]
    pub(super) fn patient(mut self) -> Evaluable {
        if let Base::Expression(expression) = &mut self.lookup.base {
            Arc::make_mut(expression).is_patient = true;
        }
        self
    }
}

/// Returns what evaluates an expression where it stands.
///
/// `hole` is where somebody is typing: the binding around it is not yet what it will be.
pub(super) fn evaluable(
    scene: &Scene<'_>,
    node: FlatNode<'_>,
    hole: Option<u32>,
) -> Option<Evaluable> {
    let mut around = Vec::new();
    let mut next = scene.tree.root();
    while next.index() != node.index() {
        let inner = next.children().take_while(|it| it.index() <= node.index()).last()?;
        around.push((next, inner));
        next = inner;
    }
    let mut writer = Writer {
        scene,
        hole,
        text: String::new(),
        parts: Vec::new(),
        closing: Vec::new(),
        module: None,
        functions: 0,
        is_sound: scene.knowledge.is_sound(scene.tree.source()),
    };
    // Names that nothing defines fail only where they are needed.
    writer.text.push_str("with { }; ");
    for (node, inner) in around {
        writer.surround(node, inner)?;
    }
    writer.text.push('(');
    writer.copy(node.range())?;
    writer.text.push(')');
    while let Some(closing) = writer.closing.pop() {
        writer.text.push_str(&closing);
    }
    writer.finish()
}

/// What calls a function.
enum Caller {
    Module,
    Package,
    Flake,
    Anybody,
}

struct Writer<'s, 'a> {
    scene: &'s Scene<'a>,
    hole: Option<u32>,
    text: String,
    parts: Vec<(u32, u32, u32)>,
    closing: Vec<String>,
    module: Option<Vec<String>>,
    functions: usize,
    /// Whether the whole file parses, and so each part of it.
    is_sound: bool,
}

impl Writer<'_, '_> {
    fn finish(self) -> Option<Evaluable> {
        let path = &self.scene.path;
        if self.text.len() > TEXT_BYTES_MAX || path.root != HOST {
            return None;
        }
        let at = path.bytes.iter().rposition(|&byte| byte == b'/')?;
        let directory = path.bytes.get(..at.max(1)).unwrap_or(b"/");
        let mut texts = vec![self.text];
        // The inputs of a flake come from its lock file; without one, from what is near.
        let locked = format!("{ARGUMENT}.inputs");
        if let Some(text) = texts.first().filter(|it| it.contains(&locked)) {
            texts.push(text.replace(&locked, &near_inputs(self.scene)));
        }
        let expression = Expression {
            directory: SourcePath::new(HOST, directory),
            texts,
            module: self.module,
            is_patient: false,
            is_for_names: false,
        };
        let lookup = Lookup { base: Base::Expression(Arc::new(expression)), path: Vec::new() };
        Some(Evaluable { lookup, parts: self.parts })
    }

    /// Copies a piece of the file.
    fn copy(&mut self, range: TextRange) -> Option<()> {
        let piece = std::str::from_utf8(self.scene.tree.text(range)).ok()?;
        self.parts.push((
            u32::try_from(self.text.len()).ok()?,
            range.start().into(),
            range.len().into(),
        ));
        self.text.push_str(piece);
        Some(())
    }

    /// Writes what `node` adds to the scope of `inner`.
    fn surround(&mut self, node: FlatNode<'_>, inner: FlatNode<'_>) -> Option<()> {
        match node.kind() {
            SyntaxKind::Lambda => self.function(node),
            SyntaxKind::LetIn | SyntaxKind::LegacyLet => self.bindings(node),
            SyntaxKind::AttrSet if node.token(SyntaxKind::Rec).is_some() => self.bindings(node),
            SyntaxKind::WithExpr => {
                let set = node.expressions().next()?;
                if set.index() == inner.index() {
                    return Some(());
                }
                self.text.push_str("with (");
                self.copy(set.range())?;
                self.text.push_str("); ");
                Some(())
            }
            _ => Some(()),
        }
    }

    fn bindings(&mut self, node: FlatNode<'_>) -> Option<()> {
        self.text.push_str("let ");
        let entries: Vec<FlatNode<'_>> = node
            .children()
            .filter(|it| matches!(it.kind(), SyntaxKind::Binding | SyntaxKind::InheritClause))
            .collect();
        for entry in &entries {
            let first = first_name(*entry);
            if entry.kind() == SyntaxKind::Binding && first.is_none() {
                continue;
            }
            let is_open = self.hole.is_some_and(|it| entry.start() <= it && it <= entry.end());
            if !is_open && (self.is_sound || is_sound(*entry)) {
                self.copy(entry.range())?;
                let has_end = entry.token(SyntaxKind::Semicolon).is_some();
                self.text.push_str(if has_end { " " } else { "; " });
                continue;
            }
            let has_others = || entries.iter().filter(|it| first_name(**it) == first).count() > 1;
            if let Some(first) = first.as_ref().filter(|_| !has_others()) {
                let _ = write!(self.text, "{0} = {ARGUMENT}.unknown {0}; ", quoted(first));
            }
        }
        self.text.push_str("in ");
        Some(())
    }

    fn function(&mut self, lambda: FlatNode<'_>) -> Option<()> {
        let caller = self.caller(lambda);
        self.functions += 1;
        let parameter = lambda.first_child()?;
        self.text.push('(');
        if parameter.kind() != SyntaxKind::Formals {
            let name = text_of(parameter);
            let _ = write!(self.text, "{name}: ");
            self.closing.push(format!(") ({})", argument(&caller, &name)));
            return Some(());
        }
        let mut names = String::from("{ ");
        self.text.push_str("{ ");
        for formal in parameter.children().filter(|it| it.kind() == SyntaxKind::Formal) {
            let Some(name) = formal.child(SyntaxKind::Name).map(text_of) else { continue };
            let default = formal.expressions().next();
            let default = default.filter(|it| self.is_sound || is_sound_text(it.text()));
            self.text.push_str(&name);
            if let Some(default) = default {
                self.text.push_str(" ? ");
                self.copy(default.range())?;
            }
            self.text.push_str(", ");
            let _ = write!(names, "{name} = {}; ", default.is_some());
        }
        self.text.push_str("... }");
        names.push('}');
        let whole = parameter.child(SyntaxKind::Name).map(text_of);
        if let Some(whole) = &whole {
            let _ = write!(self.text, " @ {whole}");
        }
        self.text.push_str(": ");
        let argument = match caller {
            Caller::Module if whole.is_some() => {
                format!("{ARGUMENT}.modules // {ARGUMENT}.module {names}")
            }
            Caller::Module => format!("{ARGUMENT}.module {names}"),
            Caller::Package => format!("{ARGUMENT}.package {names}"),
            Caller::Flake => format!("{ARGUMENT}.inputs"),
            Caller::Anybody => format!("{ARGUMENT}.usual {names}"),
        };
        self.closing.push(format!(") ({argument})"));
        Some(())
    }

    /// Returns who calls a function, as far as it can be seen.
    fn caller(&mut self, lambda: FlatNode<'_>) -> Caller {
        if is_outputs(self.scene, lambda) {
            return Caller::Flake;
        }
        let role = self.scene.knowledge.role;
        let names: Vec<String> = lambda
            .child(SyntaxKind::Formals)
            .into_iter()
            .flat_map(|it| it.children())
            .filter_map(|it| it.child(SyntaxKind::Name).map(text_of))
            .collect();
        let is_first = self.functions == 0;
        let reads_as_module = is_first && module_bindings::reads_as_module(self.scene.tree);
        let asks = names.iter().any(|it| matches!(it.as_str(), "config" | "options" | "osConfig"));
        if reads_as_module || role.is_some() && (is_first || asks) {
            self.module = role.filter(|it| it.is_certain).and_then(prefix);
            return Caller::Module;
        }
        if is_first && self.scene.is_package() { Caller::Package } else { Caller::Anybody }
    }
}

/// Returns what a function with one parameter is called with.
fn argument(caller: &Caller, name: &str) -> String {
    match (caller, name) {
        (Caller::Module, _) => format!("{ARGUMENT}.modules"),
        (Caller::Flake, _) => format!("{ARGUMENT}.inputs"),
        (_, "final" | "prev" | "self" | "super" | "pkgs") => format!("{ARGUMENT}.pkgs"),
        (_, "lib") => format!("{ARGUMENT}.lib"),
        (_, "system") => format!("{ARGUMENT}.system"),
        _ => format!("{ARGUMENT}.unknown {}", quoted(name)),
    }
}

/// Returns the names that lead to the part of the system that a role is about.
fn prefix(role: &Role) -> Option<Vec<String>> {
    let names = role.prefix.iter().map(|part| match part {
        Part::Name(name) => Some(name.clone()),
        Part::Element => None,
    });
    names.collect()
}

/// Returns what gives the inputs of a flake that lie near.
fn near_inputs(scene: &Scene<'_>) -> String {
    let mut text = format!("({ARGUMENT}.nearInputs {{ ");
    let declared = flake::inputs(scene.tree);
    for input in &declared {
        let url = input.url.as_ref().map(|it| it.0.as_str()).unwrap_or_default();
        let _ = write!(text, "{} = {}; ", quoted(&input.name), quoted(url));
    }
    let taken = flake::taken(scene.tree).names.into_iter().map(|it| it.0);
    for name in taken.filter(|name| declared.iter().all(|it| it.name != *name)) {
        let _ = write!(text, "{} = \"\"; ", quoted(&name));
    }
    text.push_str("})");
    text
}

/// Whether a function is the `outputs` of a flake.
fn is_outputs(scene: &Scene<'_>, lambda: FlatNode<'_>) -> bool {
    flake::is_flake(scene) && flake::outputs(scene.tree) == Some(lambda)
}

/// Returns what lists the arguments that the modules of a file's system are given.
pub(super) fn arguments(scene: &Scene<'_>) -> Option<Lookup> {
    let role = scene.knowledge.role.filter(|it| it.is_certain)?;
    let at = scene.path.bytes.iter().rposition(|&byte| byte == b'/')?;
    let directory = SourcePath::new(HOST, scene.path.bytes.get(..at.max(1))?);
    let texts = vec![format!("{ARGUMENT}.modules")];
    let module = Some(prefix(role)?);
    let (is_patient, is_for_names) = (false, true);
    let expression = Expression { directory, texts, module, is_patient, is_for_names };
    Some(Lookup { base: Base::Expression(Arc::new(expression)), path: Vec::new() })
}

/// Returns what finds out where an input of a flake lies.
pub(super) fn input(scene: &Scene<'_>, name: &str) -> Option<Lookup> {
    let at = scene.path.bytes.iter().rposition(|&byte| byte == b'/')?;
    let directory = SourcePath::new(HOST, scene.path.bytes.get(..at.max(1))?);
    let texts = vec![format!("toString {ARGUMENT}.inputs.{}.outPath", quoted(name))];
    let expression =
        Expression { directory, texts, module: None, is_patient: false, is_for_names: false };
    Some(Lookup { base: Base::Expression(Arc::new(expression)), path: Vec::new() })
}

/// Whether formals are those of the `outputs` of a flake.
pub(super) fn is_outputs_formals(scene: &Scene<'_>, formals: FlatNode<'_>) -> bool {
    flake::is_flake(scene)
        && flake::outputs(scene.tree).and_then(FlatNode::first_child) == Some(formals)
}

fn first_name(entry: FlatNode<'_>) -> Option<String> {
    entry.child(SyntaxKind::Attrpath)?.first_child().and_then(static_name)
}

fn is_sound(entry: FlatNode<'_>) -> bool {
    let ending = if entry.token(SyntaxKind::Semicolon).is_some() { "" } else { ";" };
    let text = [&b"{ "[..], entry.text(), ending.as_bytes(), b" }"].concat();
    is_sound_text(&text)
}

fn is_sound_text(text: &[u8]) -> bool {
    syntax::parse_flat(text, PARSE_OPTIONS).1.is_empty()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
}
