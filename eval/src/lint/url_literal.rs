//! `url-literal`: a URL without quotes.

use syntax::{FlatNode, SyntaxKind};

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::Scopes;

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "url-literal",
    severity: Severity::Hint,
    doc: "A URL without quotes is a string; RFC 45 deprecates it: put it in quotes.\n\
          \n\
          ```nix\n\
          https://example.org/tea\n\
          ```\n",
    check: Check::Node(check),
};

fn check(node: FlatNode<'_>, scopes: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    let _ = scopes;
    let is_url = node.kind() == SyntaxKind::Literal
        && node.first_token().is_some_and(|it| it.kind() == SyntaxKind::Uri);
    if is_url {
        let message = "a URL without quotes is deprecated: put it in quotes".to_owned();
        diagnostics.push(LINT.finding(node.range(), message));
    }
}
