//! What is under the cursor: every feature starts here.
//!
//! The answer is found by walking down from the root of the flat tree, so that the way (which sets
//! and bindings enclose the cursor) is at hand: it tells which option a name in a module means.
//!
//! ```nix
//! { config, lib, ... }: {
//!   config = lib.mkIf true {
//!     services.nginx.virtualHosts."x" = { root█ };
//! #   └ OptionName { path: services nginx virtualHosts x, name: root }
//!   };
//! }
//! ```

use std::borrow::Cow;

use eval::module_bindings::{is_transparent_call, merges_list};
use eval::option_tree::Component;
use syntax::{FlatNode, FlatToken, FlatTree, SyntaxKind, TextRange, TextSize};

/// One component of the path that leads to the cursor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A name, unquoted; an interpolated one as it is written.
    Name(String),
    /// An element of a list.
    Element,
}

impl Part {
    /// Returns the name, if it is one.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Part::Name(name) => Some(name),
            Part::Element => None,
        }
    }

    /// Returns the component as the option tree takes it.
    pub fn component(&self) -> Component<'_> {
        match self {
            Part::Name(name) => Component::Name(name),
            Part::Element => Component::Element,
        }
    }
}

/// What is under the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// A name in a set of a module: the name of an option, or on the way to one.
    OptionName {
        /// The path of the set, without what is under the cursor.
        path: Vec<Part>,
        /// The name under the cursor, whole; empty where none is written yet.
        name: String,
        /// The bytes of that name, empty where there is none.
        range: TextRange,
    },
    /// The value of an option, where it begins.
    OptionValue {
        /// The path of the option.
        path: Vec<Part>,
        /// The bare word or string under the cursor; empty where none is written yet.
        name: String,
        /// The bytes of that word.
        range: TextRange,
        /// Whether the cursor is inside a string.
        is_string: bool,
    },
    /// A name behind a dot: `config.services.█`, `builtins.█`, `x.y█`.
    Selection {
        /// The variable at the left end, if it is one.
        base: Option<String>,
        /// The bytes of the expression at the left end.
        of: Option<TextRange>,
        /// The names between it and the cursor.
        path: Vec<Part>,
        /// The name under the cursor; empty where none is written yet.
        name: String,
        /// The bytes of that name.
        range: TextRange,
    },
    /// A name in an `inherit`.
    Inherit {
        /// The bytes of the expression in parentheses, if there are any.
        from: Option<TextRange>,
        /// The name under the cursor; empty where none is written yet.
        name: String,
        /// The bytes of that name.
        range: TextRange,
    },
    /// A variable, or a place where one may stand.
    Variable {
        /// The name under the cursor; empty where none is written yet.
        name: String,
        /// The bytes of that name.
        range: TextRange,
    },
    /// A path literal without interpolation.
    Path {
        /// The text as written.
        text: String,
        /// Its bytes.
        range: TextRange,
    },
    /// A comment, the inside of a string, or anything else that nothing is known of.
    Other,
}

/// Returns what is under the cursor.
///
/// `offset` counts bytes from the start of the file; the cursor belongs to the name that it
/// touches at either end.
pub fn cursor(tree: &FlatTree<'_>, offset: TextSize) -> Cursor {
    let walk = Walk { tree, offset: offset.into() };
    // A flake is a set, but defines no options.
    let top = (!is_flake(tree)).then(Vec::new);
    match walk.surroundings() {
        Surroundings::Code => walk.descend(tree.root(), top),
        Surroundings::Comment => Cursor::Other,
        Surroundings::String => match walk.descend(tree.root(), top) {
            value @ Cursor::OptionValue { is_string: true, .. } => value,
            _ => Cursor::Other,
        },
    }
}

/// Whether a text is that of a `flake.nix`: a set with `outputs` that is a function.
fn is_flake(tree: &FlatTree<'_>) -> bool {
    let top = tree.root().expressions().next().filter(|it| it.kind() == SyntaxKind::AttrSet);
    top.is_some_and(|set| {
        set.children().any(|entry| {
            let path = entry.child(SyntaxKind::Attrpath);
            path.is_some_and(|it| it.text() == b"outputs")
                && entry.expressions().next().is_some_and(|it| it.kind() == SyntaxKind::Lambda)
        })
    })
}

/// Removes the `config` that a module may put around its definitions.
///
/// `None` if the path leads to something else than definitions: declarations, imports.
pub fn definition_path(path: &[Part]) -> Option<&[Part]> {
    match path.first() {
        Some(Part::Name(name)) if name == "config" => path.get(1..),
        Some(Part::Name(name)) if name == "options" || name == "imports" || name == "meta" => None,
        _ => Some(path),
    }
}

/// What sort of text the cursor is in.
enum Surroundings {
    Code,
    Comment,
    String,
}

struct Walk<'a> {
    tree: &'a FlatTree<'a>,
    offset: u32,
}

impl<'a> Walk<'a> {
    fn surroundings(&self) -> Surroundings {
        let from = match self.token_before() {
            Some(token) if is_string_text(token.kind()) && token.end() >= self.offset => {
                return Surroundings::String;
            }
            Some(token) if is_string_text(token.kind()) || token.end() > self.offset => {
                return Surroundings::Code;
            }
            Some(token) if self.goes_on_as_string(token) => return Surroundings::String,
            Some(token) => token.end(),
            None => 0,
        };
        let trivia = self.tree.text(TextRange::new(from.into(), self.offset.into()));
        if is_in_comment(trivia) { Surroundings::Comment } else { Surroundings::Code }
    }

    /// Whether the text of a string follows an interpolation that ends at the cursor.
    fn goes_on_as_string(&self, end: FlatToken<'a>) -> bool {
        let next = self.tree.token(end.index() + 1);
        end.end() == self.offset
            && end.kind() == SyntaxKind::BraceClose
            && next.is_some_and(|next| {
                next.start() == self.offset
                    && (is_string_text(next.kind())
                        || matches!(next.kind(), SyntaxKind::StringEnd | SyntaxKind::IndentedEnd))
            })
    }

    /// Returns the last token that begins before the cursor.
    fn token_before(&self) -> Option<FlatToken<'a>> {
        let (mut low, mut high) = (0, self.tree.token_count());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.tree.token(middle).is_some_and(|token| token.start() < self.offset) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.tree.token(low.checked_sub(1)?)
    }

    /// `path` is the option path of `node` as a definition, `None` where it is none.
    fn descend(&self, node: FlatNode<'a>, path: Option<Vec<Part>>) -> Cursor {
        match node.kind() {
            SyntaxKind::AttrSet => self.attr_set(node, path),
            SyntaxKind::LetIn | SyntaxKind::LegacyLet => self.let_in(node, path),
            SyntaxKind::Lambda => self.lambda(node, path),
            SyntaxKind::WithExpr | SyntaxKind::AssertExpr | SyntaxKind::IfElse => {
                self.last_expressions(node, path)
            }
            SyntaxKind::SourceFile | SyntaxKind::Paren => self.child_or_nothing(node, path),
            SyntaxKind::BinaryOp => {
                let keeps = node.operator().is_some_and(|it| it.kind() == SyntaxKind::SlashSlash);
                self.child_or_nothing(node, path.filter(|_| keeps))
            }
            SyntaxKind::Apply => self.apply(node, path),
            SyntaxKind::List => self.child_or_nothing(node, element_of(path)),
            SyntaxKind::Select => self.select(node),
            SyntaxKind::Variable => match path {
                Some(path) if !path.is_empty() => {
                    let (name, range) = (text(node), node.range());
                    Cursor::OptionValue { path, name, range, is_string: false }
                }
                _ => named(node),
            },
            SyntaxKind::String => self.string(node, path),
            SyntaxKind::Path => Cursor::Path { text: text(node), range: node.range() },
            SyntaxKind::Literal | SyntaxKind::LookupPathExpr | SyntaxKind::Name => Cursor::Other,
            _ => self.child_or_nothing(node, None),
        }
    }

    fn child_or_nothing(&self, node: FlatNode<'a>, path: Option<Vec<Part>>) -> Cursor {
        match self.child_at(node) {
            Some(child) => self.descend(child, path),
            None => self.nothing_here(path),
        }
    }

    fn attr_set(&self, set: FlatNode<'a>, path: Option<Vec<Part>>) -> Cursor {
        match self.child_at(set) {
            Some(entry) if entry.kind() == SyntaxKind::Binding => self.binding(entry, path),
            Some(entry) if entry.kind() == SyntaxKind::InheritClause => self.inherit(entry),
            Some(entry) => self.descend(entry, None),
            None if self.is_outside_braces(set) => self.nothing_here(None),
            None => match path {
                Some(path) => Cursor::OptionName { path, name: String::new(), range: self.here() },
                None => Cursor::Other,
            },
        }
    }

    fn binding(&self, binding: FlatNode<'a>, path: Option<Vec<Part>>) -> Cursor {
        let Some(attrpath) = binding.child(SyntaxKind::Attrpath) else {
            return self.nothing_here(None);
        };
        let equals = binding.token(SyntaxKind::Equals);
        if equals.is_none_or(|equals| self.offset <= equals.start()) {
            if self.offset > attrpath.end() && equals.is_none() && !ends_in_dot(attrpath) {
                // A finished name, then white space: the next name is not known to belong here.
                return Cursor::Other;
            }
            let Some(mut path) = path else { return self.child_or_nothing(attrpath, None) };
            let (parts, name, range) = self.split(attrpath);
            path.extend(parts);
            return Cursor::OptionName { path, name, range };
        }
        if let (Some(path), Some(name)) = (&path, self.behind_forgotten_end(binding)) {
            return self.name_of_binding(path.clone(), name);
        }
        let names: Vec<String> = attrpath.children().map(attr_name).collect();
        let value = binding.expressions().find(|value| self.contains(*value));
        if let (Some(value), [.., last]) = (value, names.as_slice())
            && last == "imports"
            && let Some(mut path) = path.clone()
        {
            let around = names.len() - 1;
            path.extend(names.into_iter().take(around).map(Part::Name));
            return self.modules(value, path);
        }
        let path = path.map(|mut path| {
            path.extend(names.into_iter().map(Part::Name));
            path
        });
        match value {
            Some(value) => self.descend(value, path),
            None => self.nothing_here(path),
        }
    }

    /// Returns the name at the cursor that begins a line behind a binding whose semicolon is
    /// missing, so that the parser has taken it for the argument of a call.
    fn behind_forgotten_end(&self, binding: FlatNode<'a>) -> Option<FlatNode<'a>> {
        let mut value = binding.expressions().next()?;
        while matches!(value.kind(), SyntaxKind::WithExpr | SyntaxKind::LetIn) {
            value = value.expressions().last()?;
        }
        if value.kind() != SyntaxKind::Apply {
            return None;
        }
        let function = value.first_child()?;
        let is_no_function = match function.kind() {
            SyntaxKind::String | SyntaxKind::Literal | SyntaxKind::List | SyntaxKind::AttrSet => {
                true
            }
            SyntaxKind::Variable => matches!(function.text(), b"true" | b"false" | b"null"),
            _ => false,
        };
        let name = value.children().skip(1).find(|it| self.contains(*it))?;
        let before = self.tree.token(name.first_token()?.index().checked_sub(1)?)?;
        let between = self.tree.text(TextRange::new(before.end().into(), name.start().into()));
        let is_name = match name.kind() {
            SyntaxKind::Variable => true,
            SyntaxKind::Select => name.first_child()?.kind() == SyntaxKind::Variable,
            _ => false,
        };
        (is_no_function && is_name && between.contains(&b'\n')).then_some(name)
    }

    /// A variable or a selection that was meant as the name of a binding.
    fn name_of_binding(&self, mut path: Vec<Part>, node: FlatNode<'a>) -> Cursor {
        let base = match node.kind() {
            SyntaxKind::Select => node.first_child().unwrap_or(node),
            _ => node,
        };
        if self.offset <= base.end() {
            return Cursor::OptionName { path, name: text(base), range: base.range() };
        }
        path.push(Part::Name(text(base)));
        let (parts, name, range) = match node.child(SyntaxKind::Attrpath) {
            Some(attrpath) => self.split(attrpath),
            None => (Vec::new(), String::new(), self.here()),
        };
        path.extend(parts);
        Cursor::OptionName { path, name, range }
    }

    /// A list of modules whose options lie at `path`.
    fn modules(&self, node: FlatNode<'a>, path: Vec<Part>) -> Cursor {
        match node.kind() {
            SyntaxKind::AttrSet | SyntaxKind::Lambda => self.descend(node, Some(path)),
            SyntaxKind::List | SyntaxKind::Paren | SyntaxKind::BinaryOp | SyntaxKind::LetIn => {
                match self.child_at(node) {
                    Some(child) if child.kind() == SyntaxKind::Binding => self.binding(child, None),
                    Some(child) => self.modules(child, path),
                    None => self.nothing_here(None),
                }
            }
            _ => self.descend(node, None),
        }
    }

    fn inherit(&self, clause: FlatNode<'a>) -> Cursor {
        let from = clause.child(SyntaxKind::InheritFrom);
        if let Some(from) = from
            && self.offset > from.start()
            && (self.offset < from.end() || from.token(SyntaxKind::ParenClose).is_none())
        {
            return self.child_or_nothing(from, None);
        }
        let keyword_end = clause.first_token().map_or(clause.start(), FlatToken::end);
        if self.offset <= keyword_end {
            return Cursor::Other;
        }
        let mut attrs = clause.children().filter(|it| it.kind().is_attr());
        let (name, range) = match attrs.find(|it| self.contains(*it)) {
            Some(attr) if attr.kind() == SyntaxKind::Dynamic => {
                return self.child_or_nothing(attr, None);
            }
            Some(attr) => (attr_name(attr), attr.range()),
            None => (String::new(), self.here()),
        };
        let from = from.and_then(|it| it.expressions().next()).map(FlatNode::range);
        Cursor::Inherit { from, name, range }
    }

    fn let_in(&self, node: FlatNode<'a>, path: Option<Vec<Part>>) -> Cursor {
        match self.child_at(node) {
            Some(child) if child.kind() == SyntaxKind::Binding => self.let_binding(child),
            Some(child) if child.kind() == SyntaxKind::InheritClause => self.inherit(child),
            Some(body) => self.descend(body, path),
            None => self.nothing_here(None),
        }
    }

    /// What a variable is bound to may be the value of an option further down.
    fn let_binding(&self, binding: FlatNode<'a>) -> Cursor {
        let attrpath = binding.child(SyntaxKind::Attrpath);
        let mut names = attrpath.into_iter().flat_map(FlatNode::children).map(attr_name);
        let (Some(name), None) = (names.next(), names.next()) else {
            return self.binding(binding, None);
        };
        let value = binding.expressions().find(|value| self.contains(*value));
        let top = self.tree.root().expressions().next();
        match (value, top.and_then(|top| flows_to(top, name.as_bytes(), &mut Vec::new()))) {
            (Some(value), Some(path)) => self.descend(value, Some(path)),
            _ => self.binding(binding, None),
        }
    }

    fn lambda(&self, node: FlatNode<'a>, path: Option<Vec<Part>>) -> Cursor {
        match self.child_at(node) {
            Some(child) if child.kind() == SyntaxKind::Formals => {
                match child.children().find(|formal| self.contains(*formal)) {
                    Some(formal) => match formal.expressions().find(|it| self.contains(*it)) {
                        Some(default) => self.descend(default, None),
                        None => named(formal.child(SyntaxKind::Name).unwrap_or(formal)),
                    },
                    None => Cursor::Other,
                }
            }
            Some(child) if child.kind() == SyntaxKind::Name => named(child),
            Some(body) => self.descend(body, path),
            None => self.nothing_here(None),
        }
    }

    /// `with`, `assert` and `if`: the first expression is a condition, the others are the value.
    fn last_expressions(&self, node: FlatNode<'a>, path: Option<Vec<Part>>) -> Cursor {
        let first = node.expressions().next();
        match self.child_at(node) {
            Some(child) if Some(child) == first => self.descend(child, None),
            Some(child) => self.descend(child, path),
            None => self.nothing_here(None),
        }
    }

    fn apply(&self, node: FlatNode<'a>, path: Option<Vec<Part>>) -> Cursor {
        let Some(child) = self.child_at(node) else { return self.nothing_here(None) };
        let last = node.children().last();
        if Some(child) == last && super::role::evaluates_modules(node) {
            return self.system(child.without_parens());
        }
        if Some(child) != last || !is_transparent_call(node) {
            return self.descend(child, None);
        }
        if merges_list(node) && child.kind() == SyntaxKind::List {
            return self.child_or_nothing(child, path);
        }
        self.descend(child, path)
    }

    /// The argument of a function that evaluates modules.
    fn system(&self, argument: FlatNode<'a>) -> Cursor {
        let entry = match argument.kind() {
            SyntaxKind::AttrSet => self.child_at(argument),
            _ => return self.descend(argument, Some(Vec::new())),
        };
        let holds_modules = entry.filter(|it| it.kind() == SyntaxKind::Binding).filter(|it| {
            let path = it.child(SyntaxKind::Attrpath).map(FlatNode::text);
            matches!(path, Some(b"modules" | b"imports" | b"configuration"))
        });
        match holds_modules.and_then(|it| it.expressions().find(|value| self.contains(*value))) {
            Some(value) => self.modules(value, Vec::new()),
            None => self.descend(argument, None),
        }
    }

    fn select(&self, node: FlatNode<'a>) -> Cursor {
        let base = node.first_child();
        if let Some(base) = base
            && self.offset <= base.end()
        {
            return self.descend(base, None);
        }
        if node.token(SyntaxKind::Or).is_some_and(|or| self.offset >= or.end()) {
            return match node.expressions().skip(1).find(|it| self.contains(*it)) {
                Some(default) => self.descend(default, None),
                None => self.nothing_here(None),
            };
        }
        let (path, name, range) = match node.child(SyntaxKind::Attrpath) {
            Some(attrpath) => self.split(attrpath),
            None => (Vec::new(), String::new(), self.here()),
        };
        let of = base.map(FlatNode::range);
        Cursor::Selection { base: base.and_then(variable_name), of, path, name, range }
    }

    /// Splits an attribute path at the cursor: what is before it, and the name it touches.
    fn split(&self, attrpath: FlatNode<'a>) -> (Vec<Part>, String, TextRange) {
        let mut parts = Vec::new();
        for attr in attrpath.children() {
            if attr.start() > self.offset {
                break;
            }
            if self.offset <= attr.end() {
                return (parts, attr_name(attr), attr.range());
            }
            parts.push(Part::Name(attr_name(attr)));
        }
        (parts, String::new(), self.here())
    }

    /// A string without interpolation may be the whole value of an option; an unfinished one
    /// reaches to the cursor.
    fn string(&self, node: FlatNode<'a>, path: Option<Vec<Part>>) -> Cursor {
        let path = match path {
            Some(path) if !path.is_empty() && node.first_child().is_none() => path,
            _ => return self.child_or_nothing(node, None),
        };
        let before = self.tree.text(TextRange::new(node.start().into(), self.offset.into()));
        if before.contains(&b'\n') {
            return Cursor::Other;
        }
        let is_one_line = !node.text().contains(&b'\n');
        let end = if is_one_line { node.end() } else { self.offset };
        let range = TextRange::new(node.start().into(), end.into());
        let name = String::from_utf8_lossy(self.tree.text(range)).into_owned();
        Cursor::OptionValue { path, name, range, is_string: true }
    }

    /// Where nothing is written yet: a value of an option, or any expression.
    fn nothing_here(&self, path: Option<Vec<Part>>) -> Cursor {
        let (name, range) = (String::new(), self.here());
        match path {
            Some(path) if !path.is_empty() => {
                Cursor::OptionValue { path, name, range, is_string: false }
            }
            _ => Cursor::Variable { name, range },
        }
    }

    fn here(&self) -> TextRange {
        TextRange::empty(self.offset.into())
    }

    fn child_at(&self, node: FlatNode<'a>) -> Option<FlatNode<'a>> {
        let mut found = None;
        for child in node.children() {
            if child.start() > self.offset {
                break;
            }
            // Of two that touch the cursor the later one begins there.
            if self.contains(child) {
                found = Some(child);
            }
        }
        found
    }

    /// Whether the cursor touches `node`, which reaches up to the next token where it is open.
    fn contains(&self, node: FlatNode<'a>) -> bool {
        if self.offset < node.start() {
            return false;
        }
        if self.offset < node.end() {
            return true;
        }
        if is_open(node) {
            let next = node.last_token().and_then(|last| self.tree.token(last.index() + 1));
            return next.is_none_or(|next| self.offset <= next.start());
        }
        self.offset == node.end() && !ends_closed(node)
    }

    fn is_outside_braces(&self, set: FlatNode<'a>) -> bool {
        set.token(SyntaxKind::BraceClose).is_some_and(|brace| self.offset >= brace.end())
            || set.token(SyntaxKind::BraceOpen).is_none_or(|brace| self.offset < brace.end())
    }
}

/// Returns the option whose value, or part of whose value, a variable is in a module.
fn flows_to(node: FlatNode<'_>, name: &[u8], path: &mut Vec<Part>) -> Option<Vec<Part>> {
    match node.kind() {
        SyntaxKind::Variable => (node.text() == name).then(|| path.clone()),
        SyntaxKind::AttrSet => node.children().find_map(|entry| {
            let depth = path.len();
            let found = match entry.kind() {
                SyntaxKind::Binding => {
                    let attrpath = entry.child(SyntaxKind::Attrpath)?;
                    path.extend(attrpath.children().map(|attr| Part::Name(attr_name(attr))));
                    entry.expressions().next().and_then(|value| flows_to(value, name, path))
                }
                SyntaxKind::InheritClause if entry.child(SyntaxKind::InheritFrom).is_none() => {
                    let mut attrs = entry.children().filter(|it| it.kind().is_attr());
                    attrs.find(|it| it.text() == name).map(|attr| {
                        path.push(Part::Name(attr_name(attr)));
                        path.clone()
                    })
                }
                _ => None,
            };
            path.truncate(depth);
            found
        }),
        SyntaxKind::List => {
            path.push(Part::Element);
            let found = node.expressions().find_map(|it| flows_to(it, name, path));
            path.pop();
            found
        }
        SyntaxKind::Paren => node.expressions().find_map(|it| flows_to(it, name, path)),
        SyntaxKind::BinaryOp => node.expressions().find_map(|it| flows_to(it, name, path)),
        SyntaxKind::Lambda | SyntaxKind::LetIn | SyntaxKind::WithExpr | SyntaxKind::AssertExpr => {
            flows_to(node.expressions().last()?, name, path)
        }
        SyntaxKind::IfElse => node.expressions().skip(1).find_map(|it| flows_to(it, name, path)),
        SyntaxKind::Apply if is_transparent_call(node) => {
            let last = node.children().last()?;
            if merges_list(node) && last.kind() == SyntaxKind::List {
                return last.expressions().find_map(|it| flows_to(it, name, path));
            }
            flows_to(last, name, path)
        }
        _ => None,
    }
}

/// Whether something that ends `node` is still missing, so that what follows may belong to it.
fn is_open(node: FlatNode<'_>) -> bool {
    let lacks = |kind| node.token(kind).is_none();
    match node.kind() {
        SyntaxKind::AttrSet | SyntaxKind::LegacyLet => lacks(SyntaxKind::BraceClose),
        SyntaxKind::List => lacks(SyntaxKind::BracketClose),
        SyntaxKind::Paren => lacks(SyntaxKind::ParenClose),
        SyntaxKind::Binding | SyntaxKind::InheritClause => lacks(SyntaxKind::Semicolon),
        SyntaxKind::LetIn
        | SyntaxKind::Lambda
        | SyntaxKind::WithExpr
        | SyntaxKind::AssertExpr
        | SyntaxKind::IfElse
        | SyntaxKind::BinaryOp => {
            node.children().last().is_none_or(|last| is_open(last) || !ends_closed(last))
        }
        SyntaxKind::SourceFile => true,
        SyntaxKind::Apply => node.children().last().is_some_and(is_open),
        SyntaxKind::Select | SyntaxKind::Attrpath => ends_in_dot(node),
        _ => false,
    }
}

fn ends_in_dot(node: FlatNode<'_>) -> bool {
    node.last_token().is_some_and(|token| token.kind() == SyntaxKind::Dot)
}

/// Whether the last token of `node` ends it for good: a cursor behind it is outside.
fn ends_closed(node: FlatNode<'_>) -> bool {
    node.last_token().is_some_and(|token| {
        matches!(
            token.kind(),
            SyntaxKind::BraceClose
                | SyntaxKind::BracketClose
                | SyntaxKind::ParenClose
                | SyntaxKind::Semicolon
                | SyntaxKind::StringEnd
                | SyntaxKind::IndentedEnd
        )
    })
}

/// Whether the inside of a string begins or continues with a token of this kind.
fn is_string_text(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::StringStart
            | SyntaxKind::StringContent
            | SyntaxKind::IndentedStart
            | SyntaxKind::IndentedContent
            | SyntaxKind::IndentedEscape
    )
}

/// Whether the end of `trivia` (white space and comments only) is inside a comment.
pub(super) fn is_in_comment(trivia: &[u8]) -> bool {
    let mut rest = trivia;
    loop {
        let Some(start) = rest.iter().position(|byte| matches!(byte, b'#' | b'/')) else {
            return false;
        };
        let is_block = rest.get(start..start + 2) == Some(b"/*");
        rest = rest.get(start + 1 + usize::from(is_block)..).unwrap_or_default();
        let end = if is_block {
            rest.windows(2).position(|pair| pair == b"*/").map(|at| at + 2)
        } else {
            rest.iter().position(|&byte| byte == b'\n').map(|at| at + 1)
        };
        let Some(end) = end else { return true };
        rest = rest.get(end..).unwrap_or_default();
    }
}

fn element_of(path: Option<Vec<Part>>) -> Option<Vec<Part>> {
    path.filter(|path| !path.is_empty()).map(|mut path| {
        path.push(Part::Element);
        path
    })
}

fn named(name: FlatNode<'_>) -> Cursor {
    Cursor::Variable { name: text(name), range: name.range() }
}

fn variable_name(node: FlatNode<'_>) -> Option<String> {
    (node.kind() == SyntaxKind::Variable).then(|| text(node))
}

pub(super) fn attr_name(attr: FlatNode<'_>) -> String {
    let name = attr.static_attr().unwrap_or(Cow::Borrowed(attr.text()));
    String::from_utf8_lossy(&name).into_owned()
}

fn text(node: FlatNode<'_>) -> String {
    String::from_utf8_lossy(node.text()).into_owned()
}
