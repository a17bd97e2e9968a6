//! Document symbols: the outline of a file, its bindings as a tree.

use eval::db::{self, Db, File};
use syntax::{FlatNode, FlatTree, SyntaxKind, TextRange};

/// One binding in the outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentSymbol {
    /// The attribute path or name as written.
    pub name: String,
    /// What sort of value it has.
    pub kind: SymbolKind,
    /// The whole binding.
    pub range: TextRange,
    /// The name's bytes.
    pub name_range: TextRange,
    /// The bindings inside its value.
    pub children: Vec<DocumentSymbol>,
}

/// The sorts of values that an outline tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// A function.
    Function,
    /// A set with bindings of its own.
    Set,
    /// A list.
    List,
    /// A string or path.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Anything else.
    Other,
}

/// Returns the outline of a file.
pub fn document_symbols(db: &dyn Db, file: File) -> Vec<DocumentSymbol> {
    of_tree(db::tree(db, file))
}

/// Returns the outline of a text.
pub(super) fn of_text(text: &[u8]) -> Vec<DocumentSymbol> {
    of_tree(&syntax::parse_flat(text, db::PARSE_OPTIONS).0)
}

fn of_tree(tree: &FlatTree<'_>) -> Vec<DocumentSymbol> {
    let mut symbols = Vec::new();
    collect(tree.root(), &mut symbols);
    symbols
}

fn collect(node: FlatNode<'_>, symbols: &mut Vec<DocumentSymbol>) {
    for child in node.children() {
        match child.kind() {
            SyntaxKind::Binding => symbols.extend(binding(child)),
            SyntaxKind::Apply => collect_argument(child, symbols),
            SyntaxKind::InheritClause => {
                let inherited = child.children().filter(|it| it.kind().is_attr());
                symbols.extend(inherited.map(|name| leaf(name, name.range())));
            }
            _ => collect(child, symbols),
        }
    }
}

/// What a call is given: its bindings are of interest, what it hands on by `inherit` is not.
fn collect_argument(call: FlatNode<'_>, symbols: &mut Vec<DocumentSymbol>) {
    for child in call.children() {
        match child.kind() {
            SyntaxKind::AttrSet => {
                let bindings = child.children().filter(|it| it.kind() == SyntaxKind::Binding);
                symbols.extend(bindings.filter_map(binding));
            }
            SyntaxKind::Apply => collect_argument(child, symbols),
            _ => collect(child, symbols),
        }
    }
}

fn binding(node: FlatNode<'_>) -> Option<DocumentSymbol> {
    let path = node.child(SyntaxKind::Attrpath)?;
    let mut symbol = leaf(path, node.range());
    if let Some(value) = node.expressions().next() {
        symbol.kind = kind_of(value);
        match value.kind() {
            SyntaxKind::Apply => collect_argument(value, &mut symbol.children),
            _ => collect(value, &mut symbol.children),
        }
        if symbol.kind == SymbolKind::Other && !symbol.children.is_empty() {
            symbol.kind = SymbolKind::Set;
        }
    }
    Some(symbol)
}

fn leaf(name: FlatNode<'_>, range: TextRange) -> DocumentSymbol {
    // Clients refuse empty names; broken code has them.
    let text = String::from_utf8_lossy(name.text()).into_owned();
    let text = if text.is_empty() { "…".to_owned() } else { text };
    let (kind, name_range) = (SymbolKind::Other, name.range());
    DocumentSymbol { name: text, kind, range, name_range, children: Vec::new() }
}

fn kind_of(value: FlatNode<'_>) -> SymbolKind {
    let value = value.without_parens();
    match value.kind() {
        SyntaxKind::Lambda => SymbolKind::Function,
        SyntaxKind::AttrSet => SymbolKind::Set,
        SyntaxKind::List => SymbolKind::List,
        SyntaxKind::String | SyntaxKind::IndentedString | SyntaxKind::Path => SymbolKind::String,
        SyntaxKind::Literal => SymbolKind::Number,
        SyntaxKind::Variable if matches!(value.text(), b"true" | b"false") => SymbolKind::Boolean,
        _ => SymbolKind::Other,
    }
}
