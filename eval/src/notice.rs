//! What reading a file has to tell: literals that a setting warns of, and `or` used as a name.
//!
//! Source: CppNix, the grammar and `diagnose`.

use syntax::literal::PathKind;
use syntax::{FlatNode, FlatTree, SyntaxKind as K};

use crate::error::{ErrorKind, EvalError, Result};
use crate::interpret::Eval;
use crate::report::{Place, Report};
use crate::settings::{LintLevel, LiteralLints};
use crate::source::{FileId, Origin, Position};

/// One thing to tell about a literal.
#[derive(Debug, PartialEq, Eq)]
struct Notice {
    /// Where the literal begins.
    offset: u32,
    /// What is to be said.
    message: String,
    /// How serious the settings take it.
    level: LintLevel,
}

impl Eval<'_> {
    /// Tells what there is to tell about the literals of a file, in the order written.
    ///
    /// # Errors
    ///
    /// The first literal that the settings do not allow.
    pub fn tell_of_literals(
        &self,
        tree: &FlatTree<'_>,
        origin: &Origin,
        file: FileId,
    ) -> Result<()> {
        let lints = self.settings().literal_lints;
        if lints == LiteralLints::default() {
            return Ok(());
        }
        for node in tree.root().descendants() {
            let Some(notice) = of_literal(node, lints) else { continue };
            let Notice { offset, message, level } = notice;
            if level == LintLevel::Fatal {
                return Err(
                    EvalError::new(ErrorKind::Syntax, message).at(Position { file, offset })
                );
            }
            let report = Report {
                kind: ErrorKind::Syntax,
                message,
                place: Some(Place::in_text(origin, tree.source(), offset)),
                ..Report::default()
            };
            self.system().message(report.to_oracle_warning().as_bytes());
        }
        Ok(())
    }

    /// Tells where `or` is a name and may one day no longer be one.
    pub fn tell_of_or(&self, tree: &FlatTree<'_>, origin: &Origin) {
        for node in tree.root().descendants().filter(|node| node.kind() == K::ApplyOr) {
            if !is_ambiguous(tree, node) {
                continue;
            }
            let place = Place::in_text(origin, tree.source(), node.start());
            let Place { file, line, column, .. } = place;
            let code = String::from_utf8_lossy(node.text());
            let message = format!(
                "warning: at {file}:{line}:{column}: This expression uses `or` as an identifier \
                 in a way that will change in a future Nix release.\nWrap this entire expression \
                 in parentheses to preserve its current meaning:\n    ({code})\nGive feedback at \
                 https://github.com/NixOS/nix/pull/11121"
            );
            self.system().message(message.as_bytes());
        }
    }
}

/// Returns what there is to tell about a node, if it is a literal that a lint is about.
fn of_literal(node: FlatNode<'_>, lints: LiteralLints) -> Option<Notice> {
    let token = match node.kind() {
        K::Literal | K::Path => node.first_token()?,
        _ => return None,
    };
    let text = String::from_utf8_lossy(token.text());
    let (level, lint, words) = match (node.kind(), token.kind()) {
        (K::Literal, K::Uri) => {
            let is = if lints.urls == LintLevel::Fatal { "disallowed" } else { "discouraged" };
            let words = format!(
                "URL literals are {is}. Consider using a string literal \"{text}\" instead"
            );
            (lints.urls, "lint-url-literals", words)
        }
        (K::Literal, _) => return None,
        _ => match PathKind::of(token.text()) {
            kind @ (PathKind::Absolute | PathKind::Home) => {
                let kind = if kind == PathKind::Home { "home" } else { "absolute" };
                let words = format!(
                    "{kind} path literals are not portable. Consider replacing path literal \
                     '{text}' by a string, relative path, or parameter"
                );
                (lints.absolute_paths, "lint-absolute-path-literals", words)
            }
            PathKind::Relative if !text.starts_with('.') => {
                let words = format!(
                    "relative path literal '{text}' should be prefixed with '.' for clarity: \
                     './{text}'"
                );
                (lints.short_paths, "lint-short-path-literals", words)
            }
            PathKind::Relative | PathKind::Lookup => return None,
        },
    };
    let message = format!("{words} ({lint})");
    (level != LintLevel::Ignore).then_some(Notice { offset: token.start(), message, level })
}

/// Whether `f or` is an argument, a default or an element, which two expressions could be, too.
fn is_ambiguous<'t>(tree: &'t FlatTree<'t>, node: FlatNode<'t>) -> bool {
    let holds = |parent: &FlatNode<'t>, from: usize| {
        parent.children().skip(from).any(|child| child.index() == node.index())
    };
    tree.root().descendants().any(|parent| match parent.kind() {
        K::List => holds(&parent, 0),
        K::Apply => holds(&parent, 1),
        K::Select => holds(&parent, 2),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::{is_ambiguous, of_literal};
    use crate::settings::{LintLevel, LiteralLints};
    use syntax::{Options, SyntaxKind as K, parse_flat};

    fn notices(text: &str, level: LintLevel) -> Vec<(u32, String)> {
        let lints = LiteralLints { absolute_paths: level, short_paths: level, urls: level };
        let (tree, errors) = parse_flat(text.as_bytes(), Options::DEFAULT);
        assert!(errors.is_empty(), "{text}");
        let found = tree.root().descendants().filter_map(|node| of_literal(node, lints));
        found.map(|notice| (notice.offset, notice.message)).collect()
    }

    #[test]
    fn literals_are_told_of_in_the_order_written() {
        let found = notices("[ /a/${x} a/b ./c ../d <e> ~/f \"/g\" http://h ]", LintLevel::Warn);
        let offsets: Vec<u32> = found.iter().map(|notice| notice.0).collect();
        assert_eq!(offsets, [2, 10, 27, 36]);
        assert_eq!(
            found.get(1).map(|notice| notice.1.as_str()),
            Some(
                "relative path literal 'a/b' should be prefixed with '.' for clarity: './a/b' \
                 (lint-short-path-literals)"
            )
        );
        assert!(notices("[ /a a/b ~/f http://h ]", LintLevel::Ignore).is_empty());
    }

    #[test]
    fn a_url_is_discouraged_or_disallowed() {
        for (level, word) in [(LintLevel::Warn, "discouraged"), (LintLevel::Fatal, "disallowed")] {
            let found = notices("http://h", level);
            assert!(found.iter().all(|notice| notice.1.contains(word)), "{found:?}");
            assert_eq!(found.len(), 1);
        }
    }

    #[test]
    fn or_is_told_of_where_it_could_be_an_expression_of_its_own() {
        let count = |text: &str| {
            let (tree, errors) = parse_flat(text.as_bytes(), Options::DEFAULT);
            assert!(errors.is_empty(), "{text}");
            let nodes = tree.root().descendants().filter(|node| node.kind() == K::ApplyOr);
            nodes.filter(|node| is_ambiguous(&tree, *node)).count()
        };
        assert_eq!(count("[ (x: x) or ]"), 1);
        assert_eq!(count("f (x: x) or"), 1);
        assert_eq!(count("{ }.a or (x: x) or"), 1);
        assert_eq!(count("f or [ ]"), 0);
        assert_eq!(count("f (f or)"), 0);
    }
}
