//! `redundant-parens`: parentheses around what needs none.

use syntax::{FlatNode, SyntaxKind};

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::Scopes;

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "redundant-parens",
    severity: Severity::Hint,
    doc: "Parentheses around a name, a string, a list or a set change nothing.\n\
          \n\
          ```nix\n\
          [ (a) ]\n\
          ```\n",
    check: Check::Node(check),
};

fn check(node: FlatNode<'_>, scopes: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    let _ = scopes;
    let inner = node.expressions().next().filter(|_| node.kind() == SyntaxKind::Paren);
    let is_atom = inner.is_some_and(|it| {
        matches!(
            it.kind(),
            SyntaxKind::Variable
                | SyntaxKind::String
                | SyntaxKind::List
                | SyntaxKind::AttrSet
                | SyntaxKind::Paren
        )
    });
    if is_atom {
        let message = "these parentheses are not needed".to_owned();
        diagnostics.push(LINT.unnecessary(node.range(), message));
    }
}
