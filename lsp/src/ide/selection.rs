//! Selection: the ranges around a place, each in the next.

use eval::db::{self, Db, File};
use syntax::{SyntaxKind, TextRange, TextSize};

use super::Knowledge;
use super::scene::Scene;

/// Returns the ranges around `offset`, the innermost first; each lies in the next.
pub fn selections(db: &dyn Db, file: File, offset: TextSize) -> Vec<TextRange> {
    let tree = db::tree(db, file);
    let scene = Scene::new(Knowledge::default(), tree, db::scopes(db, file), file.path(db));
    let mut ranges: Vec<TextRange> = Vec::new();
    let around = scene.around(offset.into());
    if let Some(innermost) = around.last() {
        let mut tokens = innermost.tokens();
        let token = tokens.find(|it| it.range().contains_inclusive(offset));
        ranges.extend(token.map(|it| it.range()));
    }
    for node in around.into_iter().rev() {
        if matches!(node.kind(), SyntaxKind::AttrSet | SyntaxKind::List | SyntaxKind::Paren) {
            ranges.extend(inside(node));
        }
        ranges.push(node.range());
    }
    ranges.push(TextRange::new(0.into(), (tree.source().len() as u32).into()));
    let mut chain: Vec<TextRange> = Vec::new();
    for range in ranges {
        let is_larger =
            chain.last().is_none_or(|last| range.contains_range(*last) && range != *last);
        if is_larger && range.contains_inclusive(offset) {
            chain.push(range);
        }
    }
    chain
}

/// Returns what is between the brackets.
fn inside(node: syntax::FlatNode<'_>) -> Option<TextRange> {
    let first = node.children().next()?;
    let last = node.children().last()?;
    Some(TextRange::new(first.start().into(), last.end().into()))
}
