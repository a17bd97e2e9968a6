//! `unused-binding`: a `let` binding that nothing uses.

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::{DefinitionKind, Scopes};

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "unused-binding",
    severity: Severity::Hint,
    doc: "A name bound by `let` that nothing in its scope uses.\n\
          \n\
          It is never evaluated and can be deleted. A name that begins with `_` is left alone.\n\
          \n\
          ```nix\n\
          let unused = 1; in 2\n\
          ```\n",
    check: Check::Scopes(check),
};

fn check(scopes: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    for definition in &scopes.definitions {
        let is_let = match definition.kind {
            DefinitionKind::Let | DefinitionKind::LetInherit => true,
            DefinitionKind::RecAttr
            | DefinitionKind::Parameter
            | DefinitionKind::Formal { .. }
            | DefinitionKind::AtName => false,
        };
        if is_let && definition.use_count == 0 && !definition.name.as_bytes().starts_with(b"_") {
            diagnostics.push(Diagnostic {
                code: LINT.code,
                severity: LINT.severity,
                range: definition.range,
                message: format!("`{}` is never used", definition.name.to_text()),
                hint: None,
                is_unnecessary: true,
                related: Vec::new(),
            });
        }
    }
}
