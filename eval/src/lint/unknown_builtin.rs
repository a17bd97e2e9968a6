//! `unknown-builtin`: a builtin that does not exist.

use syntax::{FlatNode, SyntaxKind};

use crate::builtins::{self, constants};
use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::{Scopes, Target};
use crate::suggestion;

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "unknown-builtin",
    severity: Severity::Warning,
    doc: "A name behind `builtins.` that no builtin has. A selection with `or` is not judged.\n\
          \n\
          ```nix\n\
          builtins.mapp\n\
          ```\n",
    check: Check::Node(check),
};

fn check(node: FlatNode<'_>, scopes: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    if node.kind() != SyntaxKind::Select || node.token(SyntaxKind::Or).is_some() {
        return;
    }
    let Some(base) = node.first_child().filter(|it| it.text() == b"builtins") else { return };
    let is_builtin = scopes
        .reference_at(base.range().start())
        .is_some_and(|it| it.range == base.range() && it.target == Target::Builtin);
    let name = node.child(SyntaxKind::Attrpath).and_then(FlatNode::first_child);
    let (true, Some(name)) = (is_builtin, name) else { return };
    let Some(text) = name.static_attr() else { return };
    let text = String::from_utf8_lossy(&text);
    if builtins::get(&text).is_some() || constants::get(&text).is_some() {
        return;
    }
    let names = builtins::all().iter().map(|it| it.name);
    let near = suggestion::nearest(&text, names);
    let mut found = LINT.finding(name.range(), format!("there is no builtin `{text}`"));
    found.hint = near.map(|near| format!("did you mean `{near}`?"));
    diagnostics.push(found);
}
