//! `duplicate-attr`: an attribute that is defined a second time.

use std::collections::BTreeMap;

use syntax::{FlatNode, SyntaxKind, TextRange};

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::Scopes;

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "duplicate-attr",
    severity: Severity::Error,
    doc: "A name that a set or a `let` defines twice, which evaluation refuses. Sets that are\n\
          written as such are merged; anything else can be defined only once.\n\
          \n\
          ```nix\n\
          { tea.sort = 1; tea.sort = 2; }\n\
          ```\n",
    check: Check::Node(check),
};

/// A path that is defined.
struct Defined {
    /// Whether nothing can be added to it.
    is_whole: bool,
    /// Which entry of the set defines it.
    entry: usize,
    range: TextRange,
}

type Paths = BTreeMap<Vec<Vec<u8>>, Defined>;

fn check(node: FlatNode<'_>, _: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    if !matches!(node.kind(), SyntaxKind::AttrSet | SyntaxKind::LetIn | SyntaxKind::LegacyLet) {
        return;
    }
    let mut paths = Paths::new();
    for (index, entry) in node.children().enumerate() {
        add(entry, &[], index, &mut paths, diagnostics);
    }
}

fn add(
    entry: FlatNode<'_>,
    prefix: &[Vec<u8>],
    index: usize,
    paths: &mut Paths,
    diagnostics: &mut Vec<Diagnostic>,
) {
    match entry.kind() {
        SyntaxKind::Binding => {
            let Some(attrpath) = entry.child(SyntaxKind::Attrpath) else { return };
            let mut path = prefix.to_vec();
            for attr in attrpath.children() {
                // What is computed is known only to an evaluation.
                let Some(name) = attr.static_attr() else { return };
                path.push(name.into_owned());
            }
            let Some(value) = entry.expressions().next() else { return };
            let is_set = value.kind() == SyntaxKind::AttrSet;
            define(path.clone(), !is_set, index, attrpath.range(), paths, diagnostics);
            if is_set {
                for inner in value.children() {
                    add(inner, &path, index, paths, diagnostics);
                }
            }
        }
        SyntaxKind::InheritClause => {
            for attr in entry.children().filter(|it| it.kind().is_attr()) {
                let Some(name) = attr.static_attr() else { continue };
                let path = [prefix, &[name.into_owned()]].concat();
                define(path, true, index, attr.range(), paths, diagnostics);
            }
        }
        _ => {}
    }
}

fn define(
    path: Vec<Vec<u8>>,
    is_whole: bool,
    entry: usize,
    range: TextRange,
    paths: &mut Paths,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let above = (1..path.len()).filter_map(|end| paths.get(path.get(..end)?));
    let mut above = above.filter(|it| it.is_whole);
    let inside = paths.range(path.clone()..).next();
    let inside = inside.filter(|(known, it)| {
        **known == path && (is_whole || it.is_whole) || is_whole && known.starts_with(&path)
    });
    let first = above.next().or(inside.map(|it| it.1)).filter(|it| it.entry != entry);
    if let Some(first) = first {
        let shown: Vec<_> = path.iter().map(|it| String::from_utf8_lossy(it)).collect();
        let message = format!("attribute `{}` is already defined", shown.join("."));
        let mut found = LINT.finding(range, message);
        found.related.push((first.range, "the first definition".to_owned()));
        diagnostics.push(found);
        return;
    }
    paths.entry(path).or_insert(Defined { is_whole, entry, range });
}
