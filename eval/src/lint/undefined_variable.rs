//! `undefined-variable`: a name that nothing defines.

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::{Scopes, Target};
use crate::suggestion;

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "undefined-variable",
    severity: Severity::Error,
    doc: "A name that no binding, parameter or builtin around it defines, outside every `with`.\n\
          \n\
          Nix refuses the whole file before it evaluates anything.\n\
          \n\
          ```nix\n\
          let value = 1; in vlaue\n\
          ```\n",
    check: Check::Scopes(check),
};

fn check(scopes: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    for reference in &scopes.references {
        if reference.target != Target::Undefined {
            continue;
        }
        let name = reference.name.to_text();
        let visible = scopes.visible_at(reference.range.start());
        let names: Vec<String> = visible
            .iter()
            .map(|definition| definition.name.to_text().into_owned())
            .chain(crate::builtins::global_names().map(str::to_owned))
            .collect();
        let hint = suggestion::nearest(&name, names.iter().map(String::as_str))
            .map(|near| format!("did you mean `{near}`?"));
        diagnostics.push(Diagnostic {
            code: LINT.code,
            severity: LINT.severity,
            range: reference.range,
            message: format!("undefined variable `{name}`"),
            hint,
            is_unnecessary: false,
            related: Vec::new(),
        });
    }
}
