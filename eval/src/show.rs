//! Expressions as text, as `nix-instantiate --parse` prints them: what the language made of a file.
//!
//! Parentheses are explicit, sugar is undone (`-x` is `(__sub 0 x)`), attribute sets are merged and
//! sorted, paths are absolute. Reads the flat tree alone.
//!
//! ```text
//! { b.c = 1; a = -x; b.d = ./f; }    { a = (__sub 0 x); b = { c = 1; d = /dir/f; }; }
//! ```
//!
//! Source: CppNix 2.34.8, `Expr::show` and the actions of its grammar.

use std::borrow::Cow;

use syntax::literal::{self, PathKind, StringPart};
use syntax::{FlatElement, FlatNode, Options, SyntaxKind as K};

use crate::error::{self, Result};
use crate::heap::Symbol;
use crate::lower::attrset::{self, MergedSet, MergedValue};
use crate::lower::scope;
use crate::number;
use crate::print::{push_name, push_string};
use crate::source::{self, FileId, Origin, Position};
use crate::syntax_error;

mod call;
mod names;

use call::{Argument, Call};
use names::Names;

/// The file that the positions of [`parse_to_text`]'s errors are in.
pub const FILE: FileId = FileId(1);

/// Parses `source` and prints what it means, without a newline at the end.
///
/// `home` is the folder that `~/…` starts from. Positions of errors are in [`FILE`].
///
/// # Errors
///
/// Whatever makes the language refuse the file before it evaluates anything: a syntax error, an
/// attribute or a formal defined twice, an undefined variable, `~` without a home.
pub fn parse_to_text(
    source: &[u8],
    origin: &Origin,
    home: Option<&[u8]>,
    options: Options,
) -> Result<Vec<u8>> {
    let (tree, mut errors) = syntax::parse_flat(source, options);
    errors.extend(attrset::duplicate(&tree, &mut scope::Names::default()).map(|it| it.to_error()));
    if !errors.is_empty() {
        return Err(syntax_error::convert(&errors, source, origin, FILE));
    }
    let names = Names::default();
    let mut printer = Printer { out: Vec::new(), names, directory: directory(origin), home };
    if let Some(expr) = tree.root().first_child() {
        printer.expr(expr)?;
    }
    match printer.names.undefined {
        None => Ok(printer.out),
        Some((offset, name)) => {
            let position = Position { file: FILE, offset };
            Err(error::undefined_variable(&name.to_text()).at(position))
        }
    }
}

/// Prints the condition of the `assert` that begins at `offset` of a source without errors.
pub fn condition_at(source: &[u8], offset: u32, origin: &Origin) -> Option<Vec<u8>> {
    let options = Options { pipe_operators: true, ..Options::DEFAULT };
    let (tree, _) = syntax::parse_flat(source, options);
    let is_meant = |node: &FlatNode<'_>| node.kind() == K::AssertExpr && node.start() == offset;
    let condition = tree.root().descendants().find(is_meant)?.first_child()?;
    let names = Names::default();
    let directory = directory(origin);
    let mut printer = Printer { out: Vec::new(), names, directory, home: None };
    printer.expr(condition).ok()?;
    Some(printer.out)
}

/// Prints what computes the attribute name number `index` of the selection that begins at
/// `offset` of a source without errors.
pub fn computed_name_at(
    source: &[u8],
    offset: u32,
    index: usize,
    origin: &Origin,
) -> Option<Vec<u8>> {
    let options = Options { pipe_operators: true, ..Options::DEFAULT };
    let (tree, _) = syntax::parse_flat(source, options);
    let is_meant = |node: &FlatNode<'_>| node.kind() == K::Select && node.start() == offset;
    let select = tree.root().descendants().find(is_meant)?;
    let name = select.nth_child(1)?.nth_child(index)?;
    let name = if name.kind() == K::String { name } else { name.first_child()? };
    let mut printer = Printer {
        out: Vec::new(),
        names: Names::default(),
        directory: directory(origin),
        home: None,
    };
    printer.expr(name).ok()?;
    Some(printer.out)
}

/// Returns the folder that relative paths of a source start from.
fn directory(origin: &Origin) -> Cow<'_, [u8]> {
    match origin {
        Origin::String(path) | Origin::Stdin(path) => Cow::Borrowed(&path.bytes),
        Origin::File(path) => {
            let mut parent = path.bytes.to_vec();
            parent.extend_from_slice(b"/..");
            Cow::Owned(source::canonical(&parent))
        }
    }
}

struct Printer<'o> {
    out: Vec<u8>,
    names: Names,
    directory: Cow<'o, [u8]>,
    home: Option<&'o [u8]>,
}

impl Printer<'_> {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn name(&mut self, name: &[u8]) {
        push_name(&mut self.out, name);
    }

    /// Prints `before`, an expression and `after`.
    fn around(&mut self, before: &str, node: Option<FlatNode<'_>>, after: &str) -> Result<()> {
        self.text(before);
        if let Some(node) = node {
            self.expr(node)?;
        }
        self.text(after);
        Ok(())
    }

    fn expr(&mut self, node: FlatNode<'_>) -> Result<()> {
        let node = node.without_parens();
        match node.kind() {
            K::Variable => {
                self.names.see(node.text(), node.start());
                self.name(node.text());
            }
            K::CurPos => self.text("__curPos"),
            K::Literal => self.literal(node),
            K::Path => return self.path(node),
            K::String => return self.string(node),
            K::IndentedString => return self.indented_string(node),
            K::List => return self.list(node),
            K::AttrSet => return self.attrs(merged(node)),
            K::LegacyLet => {
                self.text("(");
                self.attrs(merged(node))?;
                self.text(").body");
            }
            K::LetIn => {
                self.text("(let ");
                let mut set = merged(node);
                set.is_recursive = true;
                let defined = self.bindings(set)?;
                self.around("in ", node.expressions().last(), ")")?;
                self.names.leave(&defined);
            }
            K::WithExpr => {
                self.around("(with ", node.nth_child(0), "; ")?;
                self.names.with_count += 1;
                self.around("", node.nth_child(1), ")")?;
                self.names.with_count -= 1;
            }
            K::AssertExpr => {
                self.around("assert ", node.nth_child(0), "; ")?;
                return self.around("", node.nth_child(1), "");
            }
            K::IfElse => {
                self.around("(if ", node.nth_child(0), " then ")?;
                self.around("", node.nth_child(1), " else ")?;
                return self.around("", node.nth_child(2), ")");
            }
            K::Lambda => return self.lambda(node),
            K::Select => return self.select(node),
            K::HasAttr => {
                self.around("((", node.first_child(), ") ? ")?;
                self.attrpath(node.child(K::Attrpath))?;
                self.text(")");
            }
            K::UnaryOp if node.operator().is_some_and(|it| it.kind() == K::Bang) => {
                return self.around("(! ", node.first_child(), ")");
            }
            K::LookupPathExpr | K::Apply | K::ApplyOr | K::UnaryOp => return self.call(node),
            K::BinaryOp => return self.binary(node),
            // A tree without errors has only expressions here.
            _ => {}
        }
        Ok(())
    }

    fn literal(&mut self, node: FlatNode<'_>) {
        let Some(token) = node.first_token() else { return };
        match token.kind() {
            K::Uri => push_string(&mut self.out, token.text()),
            K::Float => {
                let value = literal::parse_float(token.text()).unwrap_or_default();
                self.text(&number::general(value));
            }
            _ => {
                let value = literal::parse_integer(token.text()).unwrap_or_default();
                self.text(&value.to_string());
            }
        }
    }

    fn list(&mut self, node: FlatNode<'_>) -> Result<()> {
        self.text("[ ");
        for element in node.children() {
            self.around("(", Some(element), ") ")?;
        }
        self.text("]");
        Ok(())
    }

    fn select(&mut self, node: FlatNode<'_>) -> Result<()> {
        self.around("(", node.first_child(), ").")?;
        self.attrpath(node.child(K::Attrpath))?;
        match node.nth_child(2) {
            Some(default) => self.around(" or (", Some(default), ")"),
            None => Ok(()),
        }
    }

    fn attrpath(&mut self, path: Option<FlatNode<'_>>) -> Result<()> {
        let attrs = path.into_iter().flat_map(FlatNode::children);
        for (index, attr) in attrs.enumerate() {
            if index > 0 {
                self.text(".");
            }
            match attr.static_attr() {
                Some(name) => self.name(&name),
                None => self.dynamic(attr)?,
            }
        }
        Ok(())
    }

    /// Prints a name that is computed: `"${x}"`.
    fn dynamic(&mut self, attr: FlatNode<'_>) -> Result<()> {
        // `"a${b}"` is an expression itself, `${b}` holds one.
        let name = if attr.kind() == K::Dynamic { attr.first_child() } else { Some(attr) };
        self.around("\"${", name, "}\"")
    }

    fn lambda(&mut self, node: FlatNode<'_>) -> Result<()> {
        let Some(parameter) = node.first_child() else { return Ok(()) };
        let formals = parameter.children().filter_map(|formal| match formal.kind() {
            K::Formal => formal.child(K::Name),
            _ => Some(formal),
        });
        let own = Some(parameter).filter(|it| it.kind() == K::Name);
        let defined: Vec<Symbol> =
            own.into_iter().chain(formals).map(|name| Symbol::intern(name.text())).collect();
        self.names.enter(&defined);
        self.text("(");
        match own {
            Some(name) => self.name(name.text()),
            None => self.formals(parameter)?,
        }
        self.around(": ", node.nth_child(1), ")")?;
        self.names.leave(&defined);
        Ok(())
    }

    fn formals(&mut self, node: FlatNode<'_>) -> Result<()> {
        let formals = node.children().filter(|it| it.kind() == K::Formal);
        let mut formals: Vec<_> =
            formals.filter_map(|formal| Some((formal.child(K::Name)?.text(), formal))).collect();
        formals.sort_by_key(|(name, _)| *name);
        self.text("{ ");
        for (index, (name, formal)) in formals.iter().enumerate() {
            if index > 0 {
                self.text(", ");
            }
            self.name(name);
            if let Some(default) = formal.nth_child(1) {
                self.around(" ? ", Some(default), "")?;
            }
        }
        if node.token(K::Ellipsis).is_some() {
            self.text(if formals.is_empty() { "..." } else { ", ..." });
        }
        self.text(" }");
        if let Some(name) = node.child(K::Name) {
            self.text(" @ ");
            self.name(name.text());
        }
        Ok(())
    }

    fn binary(&mut self, node: FlatNode<'_>) -> Result<()> {
        let Some(operator) = node.operator() else { return Ok(()) };
        let (lhs, rhs) = (node.nth_child(0), node.nth_child(1));
        match operator.kind() {
            K::LessEquals | K::GreaterEquals => {
                self.text("(! ");
                self.call(node)?;
                self.text(")");
                Ok(())
            }
            operator if call::is_call_operator(operator) => self.call(node),
            _ => {
                self.around("(", lhs, " ")?;
                self.out.extend_from_slice(operator.text());
                self.around(" ", rhs, ")")
            }
        }
    }

    /// Prints a call, or an operator that is one.
    fn call(&mut self, node: FlatNode<'_>) -> Result<()> {
        let mut arguments = Vec::new();
        self.text("(");
        match call::flatten(node, &mut arguments) {
            Call::Builtin(name) => self.text(name),
            Call::Expr(function) => self.expr(function)?,
        }
        for argument in arguments {
            self.text(" ");
            match argument {
                Argument::Expr(argument) => self.expr(argument)?,
                Argument::Text(text) => self.text(text),
                Argument::Or(offset) => {
                    self.names.see(b"or", offset);
                    self.text("or");
                }
                Argument::String(text) => push_string(&mut self.out, text),
            }
        }
        self.text(")");
        Ok(())
    }

    fn string(&mut self, node: FlatNode<'_>) -> Result<()> {
        if let Some(value) = node.constant_string() {
            push_string(&mut self.out, &value);
            return Ok(());
        }
        self.text("(");
        let mut separator = "";
        for element in node.elements() {
            match element {
                FlatElement::Node(part) => self.around(separator, part.first_child(), "")?,
                FlatElement::Token(token) if token.kind() == K::StringContent => {
                    self.text(separator);
                    push_string(&mut self.out, &literal::unescape_string(token.text()));
                }
                FlatElement::Token(_) => continue,
            }
            separator = " + ";
        }
        self.text(")");
        Ok(())
    }

    fn indented_string(&mut self, node: FlatNode<'_>) -> Result<()> {
        if let Some(value) = node.constant_string() {
            push_string(&mut self.out, &value);
            return Ok(());
        }
        self.text("(");
        let parts = literal::strip_indentation(&node.indented_parts());
        for (index, (_, part)) in parts.iter().enumerate() {
            self.text(if index > 0 { " + " } else { "" });
            match part {
                StringPart::Text(text) => push_string(&mut self.out, text),
                StringPart::Interpolation(part) => self.around("", part.first_child(), "")?,
            }
        }
        self.text(")");
        Ok(())
    }

    fn path(&mut self, node: FlatNode<'_>) -> Result<()> {
        let is_joined = node.first_child().is_some();
        self.text(if is_joined { "(" } else { "" });
        for element in node.elements() {
            match element {
                FlatElement::Node(part) => self.around(" + ", part.first_child(), "")?,
                FlatElement::Token(token) if token.kind() == K::PathStart => {
                    self.path_start(token.text())?;
                }
                FlatElement::Token(token) => {
                    self.text(" + ");
                    push_string(&mut self.out, token.text());
                }
            }
        }
        self.text(if is_joined { ")" } else { "" });
        Ok(())
    }

    fn path_start(&mut self, text: &[u8]) -> Result<()> {
        let path = match PathKind::of(text) {
            PathKind::Home => {
                let home = self.home.ok_or_else(|| error::no_home(text))?;
                [home, text.strip_prefix(b"~").unwrap_or(text)].concat()
            }
            PathKind::Absolute | PathKind::Lookup => canonical_start(text, text),
            PathKind::Relative => {
                canonical_start(&[&self.directory, b"/".as_slice(), text].concat(), text)
            }
        };
        self.out.extend_from_slice(&path);
        Ok(())
    }

    fn attrs(&mut self, set: MergedSet<'_>) -> Result<()> {
        self.text(if set.is_recursive { "rec { " } else { "{ " });
        let defined = self.bindings(set)?;
        self.names.leave(&defined);
        self.text("}");
        Ok(())
    }

    /// Prints what is between the braces; returns the names that this defines, to be left.
    fn bindings(&mut self, set: MergedSet<'_>) -> Result<Vec<Symbol>> {
        let MergedSet { is_recursive, mut attrs, sources, dynamic, .. } = set;
        attrs.sort_by_key(|attr| attr.symbol.as_bytes());
        for attr in attrs.iter().filter(|it| matches!(it.value, MergedValue::Inherit)) {
            self.names.see(attr.symbol.as_bytes(), attr.range.0);
        }
        let mut defined = Vec::new();
        if is_recursive {
            defined.extend(attrs.iter().map(|it| it.symbol));
        }
        self.names.enter(&defined);
        let inherited = attrs.iter().filter(|it| matches!(it.value, MergedValue::Inherit));
        self.inherit("inherit", inherited.map(|it| it.symbol.as_bytes()));
        for (index, source) in (0_u32..).zip(&sources) {
            let from_here = |value: &MergedValue<'_>| match value {
                MergedValue::InheritFrom(source) => *source == index,
                _ => false,
            };
            let found = attrs.iter().filter(|it| from_here(&it.value));
            let names: Vec<&[u8]> = found.map(|it| it.symbol.as_bytes()).collect();
            if !names.is_empty() {
                self.around("inherit (", Some(*source), ")")?;
                self.inherit("", names.into_iter());
            }
        }
        for attr in attrs {
            if matches!(attr.value, MergedValue::Inherit | MergedValue::InheritFrom(_)) {
                continue;
            }
            self.name(attr.symbol.as_bytes());
            self.text(" = ");
            self.value(attr.value)?;
        }
        for attr in dynamic {
            self.dynamic(attr.name)?;
            self.text(" = ");
            self.value(attr.value)?;
        }
        Ok(defined)
    }

    fn inherit<'n>(&mut self, keyword: &str, names: impl Iterator<Item = &'n [u8]>) {
        let mut names = names.peekable();
        if names.peek().is_none() {
            return;
        }
        self.text(keyword);
        for name in names {
            self.text(" ");
            self.name(name);
        }
        self.text("; ");
    }

    fn value(&mut self, value: MergedValue<'_>) -> Result<()> {
        match value {
            MergedValue::Expr(expr) => self.expr(expr)?,
            MergedValue::Set(set) => self.attrs(*set)?,
            MergedValue::Inherit | MergedValue::InheritFrom(_) => {}
        }
        self.text("; ");
        Ok(())
    }
}

/// Returns what a set or a `let` without duplicates means.
fn merged(node: FlatNode<'_>) -> MergedSet<'_> {
    attrset::merge(node, &mut scope::Names::default()).unwrap_or_default()
}

/// Returns `path` canonical, with the slash at its end where the literal `text` has one: an
/// interpolation follows.
fn canonical_start(path: &[u8], text: &[u8]) -> Vec<u8> {
    let mut path = source::canonical(path);
    if text.len() > 1 && text.ends_with(b"/") {
        path.push(b'/');
    }
    path
}

#[cfg(test)]
mod tests;
