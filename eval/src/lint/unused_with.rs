//! `unused-with`: a `with` that provides no name.

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::Scopes;

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "unused-with",
    severity: Severity::Hint,
    doc: "A `with` whose body uses no name that could come from it.\n\
          \n\
          ```nix\n\
          with { a = 1; }; 2\n\
          ```\n",
    check: Check::Scopes(check),
};

fn check(scopes: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    for with in scopes.withs.iter().filter(|with| with.use_count == 0) {
        diagnostics.push(Diagnostic {
            code: LINT.code,
            severity: LINT.severity,
            range: with.keyword,
            message: "no name comes from this `with`".to_owned(),
            hint: None,
            is_unnecessary: true,
            related: Vec::new(),
        });
    }
}
