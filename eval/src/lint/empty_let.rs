//! `empty-let`: a `let` that binds nothing.

use syntax::{FlatNode, SyntaxKind};

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::Scopes;

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "empty-let",
    severity: Severity::Hint,
    doc: "A `let` without bindings: the expression behind `in` is the same.\n\
          \n\
          ```nix\n\
          let in 1\n\
          ```\n",
    check: Check::Node(check),
};

fn check(node: FlatNode<'_>, scopes: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    let _ = scopes;
    let is_empty = node.kind() == SyntaxKind::LetIn
        && !node
            .children()
            .any(|it| matches!(it.kind(), SyntaxKind::Binding | SyntaxKind::InheritClause));
    if let (true, Some(keyword)) = (is_empty, node.first_token()) {
        diagnostics.push(LINT.unnecessary(keyword.range(), "this `let` binds nothing".to_owned()));
    }
}
