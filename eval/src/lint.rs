//! The lints: one file per lint, one row here, and the check that runs them all.

mod duplicate_attr;
mod empty_inherit;
mod empty_let;
mod legacy_let;
mod redundant_parens;
mod undefined_variable;
mod unknown_builtin;
mod unused_binding;
mod unused_formal;
mod unused_rec;
mod unused_with;
mod url_literal;

use syntax::{FlatNode, FlatTree, TextRange};

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
    check: Check,
}

/// How a lint looks at a file.
enum Check {
    /// It reports every finding among the names.
    Scopes(fn(&Scopes, &mut Vec<Diagnostic>)),
    /// It is shown every node.
    Node(fn(FlatNode<'_>, &Scopes, &mut Vec<Diagnostic>)),
}

impl Lint {
    /// Returns a finding.
    fn finding(&self, range: TextRange, message: String) -> Diagnostic {
        Diagnostic {
            code: self.code,
            severity: self.severity,
            range,
            message,
            hint: None,
            is_unnecessary: false,
            related: Vec::new(),
        }
    }

    /// Returns a finding of what could be deleted.
    fn unnecessary(&self, range: TextRange, message: String) -> Diagnostic {
        Diagnostic { is_unnecessary: true, ..self.finding(range, message) }
    }
}

/// All lints, in the order of the manual.
pub const LINTS: &[Lint] = &[
    undefined_variable::LINT,
    duplicate_attr::LINT,
    unknown_builtin::LINT,
    unused_binding::LINT,
    unused_formal::LINT,
    unused_with::LINT,
    unused_rec::LINT,
    empty_let::LINT,
    empty_inherit::LINT,
    legacy_let::LINT,
    url_literal::LINT,
    redundant_parens::LINT,
];

/// The largest text whose nodes are looked at one by one: beyond that it is a list of packages,
/// of which an editor wants the answer at once. Unit: bytes.
const NODES_BYTES_MAX: usize = 256 << 10;

/// Returns what all lints find, in source order.
pub fn check(tree: &FlatTree<'_>, scopes: &Scopes) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for lint in LINTS {
        if let Check::Scopes(check) = lint.check {
            check(scopes, &mut diagnostics);
        }
    }
    if tree.source().len() <= NODES_BYTES_MAX {
        for node in tree.root().descendants() {
            for lint in LINTS {
                if let Check::Node(check) = lint.check {
                    check(node, scopes, &mut diagnostics);
                }
            }
        }
    }
    diagnostics.sort_by_key(|diagnostic| (diagnostic.range.start(), diagnostic.code));
    diagnostics
}

#[cfg(test)]
mod tests;
