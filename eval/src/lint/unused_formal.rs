//! `unused-formal`: an argument that the function names but never uses.

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::{DefinitionKind, Scopes};

use super::{Check, Lint};

/// See the module.
pub(super) const LINT: Lint = Lint {
    code: "unused-formal",
    severity: Severity::Hint,
    doc: "An argument in `{ … }:` that the function never uses.\n\
          \n\
          Reported only where the set is closed (no `...`) and has no name of its own: the header\n\
          `{ config, lib, pkgs, ... }:` of a module may name more than it uses.\n\
          \n\
          ```nix\n\
          { lib, unused }: lib\n\
          ```\n",
    check: Check::Scopes(check),
};

fn check(scopes: &Scopes, diagnostics: &mut Vec<Diagnostic>) {
    for definition in &scopes.definitions {
        let is_closed =
            definition.kind == DefinitionKind::Formal { has_ellipsis: false, has_name: false };
        if is_closed && definition.use_count == 0 && !definition.name.as_bytes().starts_with(b"_") {
            diagnostics.push(Diagnostic {
                code: LINT.code,
                severity: LINT.severity,
                range: definition.range,
                message: format!("argument `{}` is never used", definition.name.to_text()),
                hint: None,
                is_unnecessary: true,
                related: Vec::new(),
            });
        }
    }
}
