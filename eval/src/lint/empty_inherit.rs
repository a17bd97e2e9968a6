//! `empty-inherit`: an `inherit` of nothing.

use syntax::{FlatNode, SyntaxKind};

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::Scopes;

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "empty-inherit",
    severity: Severity::Hint,
    doc: "An `inherit` without names does nothing.\n\
          \n\
          ```nix\n\
          { inherit; }\n\
          ```\n",
    check: Check::Node(check),
};

fn check(node: FlatNode<'_>, scopes: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    let _ = scopes;
    let is_empty =
        node.kind() == SyntaxKind::InheritClause && !node.children().any(|it| it.kind().is_attr());
    if is_empty {
        let message = "this `inherit` names nothing".to_owned();
        diagnostics.push(LINT.unnecessary(node.range(), message));
    }
}
