//! The lints: one file per lint, one row here, and the check that runs them all.

mod undefined_variable;
mod unused_binding;
mod unused_formal;
mod unused_with;

use crate::diagnostic::{Diagnostic, Severity};
use crate::scope::Scopes;

/// One lint.
pub struct Lint {
    /// Its code: kebab-case, names the smell, reads well after “allow”.
    pub code: &'static str,
    /// How bad a finding is.
    pub severity: Severity,
    /// What it finds, why that matters, what to do instead; Markdown with an example.
    pub doc: &'static str,
    /// Reports every finding in a file.
    check: fn(&Scopes, &mut Vec<Diagnostic>),
}

/// All lints, in the order of the manual.
pub const LINTS: &[Lint] =
    &[undefined_variable::LINT, unused_binding::LINT, unused_formal::LINT, unused_with::LINT];

/// Returns what all lints find, in source order.
pub fn check(scopes: &Scopes) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for lint in LINTS {
        (lint.check)(scopes, &mut diagnostics);
    }
    diagnostics.sort_by_key(|diagnostic| (diagnostic.range.start(), diagnostic.code));
    diagnostics
}

#[cfg(test)]
mod tests;
