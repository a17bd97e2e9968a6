//! `legacy-let`: the old form of `let`.

use syntax::{FlatNode, SyntaxKind};

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::Scopes;

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "legacy-let",
    severity: Severity::Warning,
    doc: "`let { … body = …; }` is an old form, which may go:\n\
          write `let … in`.\n\
          \n\
          ```nix\n\
          let { a = 1; body = a; }\n\
          ```\n",
    check: Check::Node(check),
};

fn check(node: FlatNode<'_>, scopes: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    let _ = scopes;
    if let (SyntaxKind::LegacyLet, Some(keyword)) = (node.kind(), node.first_token()) {
        let message = "this form of `let` is old: write `let … in`".to_owned();
        diagnostics.push(LINT.finding(keyword.range(), message));
    }
}
