//! The edits of a rename: a name that is inherited is two names, and only one of them changes.

use eval::print;
use syntax::{FlatNode, SyntaxKind, TextRange, TextSize};

use super::super::scene::static_name;
use super::super::symbol::Role;
use super::{Change, Edit, Renamed};

/// Returns the edits that make the changes, sorted.
pub(super) fn edits(renamed: &Renamed<'_, '_>, changes: &[Change]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for change in changes {
        let Some(file) = renamed.files.all.get(change.file) else { continue };
        let path = || file.path.clone();
        let scene = file.scene(renamed.files.knowledge);
        let around = scene.around(change.range.start().into());
        let clause = around.iter().rev().find(|it| it.kind() == SyntaxKind::InheritClause);
        let pairs = match (change.role, clause) {
            (
                Role::InheritedVariable | Role::InheritedFrom | Role::BoundByInherit,
                Some(clause),
            ) => inherited(renamed, change, *clause),
            (Role::Selected | Role::Bound, _) => vec![(change.range, attribute(renamed.new))],
            _ => vec![(change.range, renamed.new.to_owned())],
        };
        edits.extend(pairs.into_iter().map(|(range, text)| Edit { path: path(), range, text }));
    }
    let place = |it: &Edit| (it.path.bytes.to_vec(), it.range.start(), it.range.end());
    edits.sort_by_key(place);
    edits.dedup();
    edits
}

/// Returns a name as an attribute is written.
fn attribute(name: &str) -> String {
    let mut shown = Vec::new();
    print::push_name(&mut shown, name.as_bytes());
    String::from_utf8_lossy(&shown).into_owned()
}

/// An inherited name leaves the clause and becomes a binding of its own.
fn inherited(
    renamed: &Renamed<'_, '_>,
    change: &Change,
    clause: FlatNode<'_>,
) -> Vec<(TextRange, String)> {
    let (old, new) = (attribute(renamed.old), attribute(renamed.new));
    let from = clause.child(SyntaxKind::InheritFrom);
    let from = from.and_then(|it| it.expressions().next()).map(|from| {
        let text = String::from_utf8_lossy(from.text());
        let is_simple = matches!(from.kind(), SyntaxKind::Variable | SyntaxKind::Select);
        if is_simple { text.into_owned() } else { format!("({text})") }
    });
    let binding = match (from, change.role) {
        (Some(from), Role::BoundByInherit) => format!("{new} = {from}.{old};"),
        (Some(from), _) => format!("{old} = {from}.{new};"),
        (None, Role::BoundByInherit) => format!("{new} = {old};"),
        (None, _) => format!("{old} = {new};"),
    };
    let names = clause.children().filter(|it| it.kind().is_attr()).filter_map(static_name).count();
    if names == 1 {
        return vec![(clause.range(), binding)];
    }
    // The space before the name goes with it.
    let before = TextRange::new(change.range.start() - TextSize::from(1), change.range.end());
    let after = TextRange::empty(clause.range().end());
    vec![(before, String::new()), (after, format!(" {binding}"))]
}
