//! `unused-rec`: a `rec` set whose names do not refer to each other.

use syntax::{FlatNode, SyntaxKind};

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::{DefinitionKind, Scopes};

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "unused-rec",
    severity: Severity::Hint,
    doc: "A `rec` set none of whose values uses one of its names: `rec` can go.\n\
          \n\
          ```nix\n\
          rec { a = 1; b = 2; }\n\
          ```\n",
    check: Check::Node(check),
};

fn check(node: FlatNode<'_>, scopes: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    let Some(keyword) = node.token(SyntaxKind::Rec) else { return };
    let is_used = scopes.definitions.iter().any(|it| {
        it.kind == DefinitionKind::RecAttr && it.scope == node.range() && it.use_count > 0
    });
    if node.kind() == SyntaxKind::AttrSet && !is_used {
        let message = "no value of this set uses its names: `rec` is not needed".to_owned();
        diagnostics.push(LINT.unnecessary(keyword.range(), message));
    }
}
