//! Names that only an evaluation knows: those of what a function returns, of inputs of flakes.

use std::collections::BTreeSet;

use eval::inspect::{Inspected, ValueKind};
use syntax::TextRange;

use super::super::cursor::Part;
use super::super::scene::{Meaning, Scene};
use super::super::surroundings::evaluable;
use super::{Completion, CompletionItem, CompletionKind, Subject, is_plain};

/// Adds the names in the value of an expression, some names further in, that its text alone does
/// not tell.
pub(super) fn members(
    scene: &Scene<'_>,
    set: Option<&Meaning<'_>>,
    (of, path): (TextRange, &[Part]),
    range: TextRange,
    completion: &mut Completion,
) {
    if matches!(set, Some(Meaning::Config(_) | Meaning::Value(_) | Meaning::Builtins)) {
        return;
    }
    scene.rest();
    let names = path.iter().map(|part| match part {
        Part::Name(name) => Some(name.clone()),
        Part::Element => None,
    });
    let Some(names) = names.collect::<Option<Vec<String>>>() else { return };
    let hole = Some(range.start().into());
    let Some(found) = scene.node_at(of).and_then(|it| evaluable(scene, it, hole)) else { return };
    let found = found.select(names);
    let lookup = found.lookup.clone();
    let Some(values) = scene.knowledge.values else { return };
    for item in completion.items.iter_mut().filter(|it| it.subject.is_none()) {
        item.subject = Some(Subject::Value(lookup.select(item.label.trim_matches('"'))));
    }
    if set.is_some_and(is_known) {
        return;
    }
    let wanted = found.for_names().lookup;
    // What the text tells is given at once.
    let looked =
        if completion.items.is_empty() { values.get(&wanted) } else { values.wish(&wanted) };
    let Some(looked) = looked else {
        completion.is_incomplete = true;
        return;
    };
    let mut known: BTreeSet<String> = completion.items.iter().map(|it| it.label.clone()).collect();
    for name in &looked.names {
        let label = if is_plain(name) { name.clone() } else { format!("{name:?}") };
        if known.insert(label.clone()) {
            completion.items.push(CompletionItem {
                label,
                kind: kind(&looked),
                detail: None,
                subject: Some(Subject::Value(lookup.select(name))),
                range,
            });
        }
    }
}

fn kind(set: &Inspected) -> CompletionKind {
    match set.kind {
        ValueKind::Package => CompletionKind::Package,
        _ => CompletionKind::Attribute,
    }
}

/// Whether the text or another evaluation tells all names of a set.
fn is_known(set: &Meaning<'_>) -> bool {
    match set {
        Meaning::Config(_) | Meaning::Value(_) | Meaning::Builtins | Meaning::Partial(..) => true,
        Meaning::Written(node) => node.kind() == syntax::SyntaxKind::AttrSet,
        Meaning::File(..) | Meaning::Update(..) => false,
    }
}
