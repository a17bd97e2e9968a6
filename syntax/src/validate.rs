//! Rules that the grammar cannot say: formals named twice, dynamic names, numbers that do not fit.
//!
//! Works on the flat tree, for both sinks. Attributes defined twice are found by lowering, which
//! has to merge them anyway; see [`crate::duplicate_attr`].

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::error::{self, SyntaxError};
use crate::flat::{FlatNode, FlatTree};
use crate::kind::SyntaxKind as K;
use crate::literal;

/// Appends what is wrong in `tree` to `errors`, in source order.
pub(crate) fn validate(tree: &FlatTree<'_>, errors: &mut Vec<SyntaxError>) {
    for (index, node) in tree.nodes.iter().enumerate() {
        match node.kind {
            K::Literal | K::Formals | K::LetIn | K::InheritClause => {}
            _ => continue,
        }
        let Some(node) = tree.node(index as u32) else { continue };
        match node.kind() {
            K::Literal => number(node, errors),
            K::LetIn => let_in(node, errors),
            K::InheritClause => inherit(node, errors),
            _ => {}
        }
        if node.kind() == K::Formals {
            formals(node, errors);
        }
    }
}

fn number(node: FlatNode<'_>, errors: &mut Vec<SyntaxError>) {
    let text = node.text();
    match node.first_token().map(|token| token.kind()) {
        // Eighteen digits always fit.
        Some(K::Integer) if text.len() > 18 && literal::parse_integer(text).is_none() => {
            errors.push(error::invalid_integer(node.range(), &String::from_utf8_lossy(text)));
        }
        Some(K::Float) if literal::parse_float(text).is_none() => {
            errors.push(error::invalid_float(node.range(), &String::from_utf8_lossy(text)));
        }
        _ => {}
    }
}

/// Only the first name of a path counts: `let a.${b} = 1; in a` is allowed.
fn let_in(node: FlatNode<'_>, errors: &mut Vec<SyntaxError>) {
    let body = node.children().last().filter(|child| child.kind().is_expression());
    let noticed_at = body.map_or(error::NEVER, FlatNode::end);
    for binding in node.children().take_while(|child| !child.kind().is_expression()) {
        let first = binding.child(K::Attrpath).and_then(FlatNode::first_child);
        if let Some(attr) = first.filter(|attr| is_dynamic(*attr)) {
            errors.push(error::dynamic_in_let(attr.range(), node.start(), noticed_at));
        }
    }
}

fn inherit(node: FlatNode<'_>, errors: &mut Vec<SyntaxError>) {
    for attr in node.children().filter(|child| is_dynamic(*child)) {
        errors.push(error::dynamic_in_inherit(attr.range()));
    }
}

fn is_dynamic(attr: FlatNode<'_>) -> bool {
    matches!(attr.kind(), K::Dynamic | K::String) && attr.static_attr().is_none()
}

/// Above this many formals a map finds duplicates, below it looking through them does.
const FEW: usize = 16;

fn formals(node: FlatNode<'_>, errors: &mut Vec<SyntaxError>) {
    let names: Vec<FlatNode<'_>> = node
        .children()
        .filter(|child| child.kind() == K::Formal)
        .filter_map(|formal| formal.child(K::Name))
        .collect();
    // The function goes on after its formals; its end is what follows them in the parent.
    let noticed_at = lambda_end(node);
    let mut seen: FxHashMap<&[u8], FlatNode<'_>> = FxHashMap::default();
    for (index, name) in names.iter().enumerate() {
        let first = if names.len() <= FEW {
            names.iter().take(index).find(|other| other.text() == name.text()).copied()
        } else {
            let first = seen.get(name.text()).copied();
            seen.entry(name.text()).or_insert(*name);
            first
        };
        if let Some(first) = first {
            duplicate(*name, first, name.start(), noticed_at, errors);
        }
    }
    let Some(bound) = node.child(K::Name) else { return };
    if let Some(formal) = names.iter().find(|name| name.text() == bound.text()) {
        let (first, second) =
            if bound.start() < formal.start() { (bound, *formal) } else { (*formal, bound) };
        duplicate(second, first, node.start(), noticed_at, errors);
    }
}

fn duplicate(
    name: FlatNode<'_>,
    first: FlatNode<'_>,
    printed_at: u32,
    noticed_at: u32,
    errors: &mut Vec<SyntaxError>,
) {
    let text: Cow<'_, str> = String::from_utf8_lossy(name.text());
    errors.push(error::duplicate_formal(
        &text,
        name.range(),
        first.range(),
        printed_at,
        noticed_at,
    ));
}

/// Returns where the function ends whose parameter `formals` is, if it has a body.
fn lambda_end(formals: FlatNode<'_>) -> u32 {
    // In preorder a function stands directly before its parameter.
    let parent = formals.index().checked_sub(1).and_then(|index| formals.tree().node(index));
    let body = parent.filter(|node| node.kind() == K::Lambda).and_then(|node| node.nth_child(1));
    body.map_or(error::NEVER, FlatNode::end)
}
