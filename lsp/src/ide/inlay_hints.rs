//! Inlay hints: what an option comes to beyond what is written, and the versions of packages.

use eval::db::{self, Db, File};
use eval::inspect::Base;
use eval::module_bindings;
use syntax::{FlatNode, SyntaxKind, TextRange, TextSize};

use super::cursor::{Part, definition_path};
use super::scene::{Meaning, Scene};
use super::{Knowledge, effective};

/// How many options and packages of one range are looked up.
const HINTS_MAX: usize = 60;
/// How many characters of a value are shown.
const VALUE_CHARS_MAX: usize = 60;

/// Something shown between the characters of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlayHint {
    /// Where.
    pub offset: TextSize,
    /// What.
    pub label: String,
    /// More about it, in Markdown.
    pub tooltip: Option<String>,
}

/// Returns what is to be shown in a range of a file, in source order.
pub fn inlay_hints(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    range: TextRange,
) -> Vec<InlayHint> {
    let tree = db::tree(db, file);
    let scene = Scene::new(knowledge, tree, db::scopes(db, file), file.path(db));
    let mut hints = Vec::new();
    merged_values(&scene, range, &mut hints);
    versions(&scene, range, &mut hints);
    hints.sort_by_key(|hint| hint.offset);
    hints
}

/// Options whose value is not what this definition alone says.
fn merged_values(scene: &Scene<'_>, range: TextRange, hints: &mut Vec<InlayHint>) {
    let mut looked_up = 0;
    for binding in module_bindings::module_bindings(scene.tree) {
        let Some(value) = binding.value_range.filter(|it| range.contains_range(*it)) else {
            continue;
        };
        let path: Vec<Part> = binding.path.iter().cloned().map(Part::Name).collect();
        let Some(path) = definition_path(&path) else { continue };
        let components: Vec<_> = path.iter().map(Part::component).collect();
        let node = scene.knowledge.options.and_then(|it| it.lookup(&components));
        let Some(option) = node.and_then(|it| it.option.as_deref()) else { continue };
        if option.sub.is_some() || looked_up >= HINTS_MAX {
            continue;
        }
        looked_up += 1;
        let Some(found) = effective::of_option(scene.knowledge, path) else { continue };
        let Some(text) = found.value.filter(|it| !it.contains('\n')) else { continue };
        if effective::differs(scene.tree.text(value), &text) {
            let offset = value.end();
            let label = format!("= {}", shortened(&text));
            hints.push(InlayHint { offset, label, tooltip: Some(format!("```nix\n{text}\n```")) });
        }
    }
}

/// The versions of packages in lists: `with pkgs; [ hello ]`, `[ pkgs.hello ]`.
fn versions(scene: &Scene<'_>, range: TextRange, hints: &mut Vec<InlayHint>) {
    let mut looked_up = 0;
    for list in scene.tree.root().descendants().filter(|it| it.kind() == SyntaxKind::List) {
        if list.range().intersect(range).is_none() {
            continue;
        }
        for element in list.expressions().filter(|it| range.contains_range(it.range())) {
            if looked_up >= HINTS_MAX {
                return;
            }
            let Some(lookup) = package(scene, element) else { continue };
            looked_up += 1;
            let found = scene.knowledge.values.and_then(|it| it.get(&lookup));
            let Some(version) = found.as_ref().and_then(|it| it.version.clone()) else { continue };
            let tooltip = found.and_then(|it| it.description.clone());
            hints.push(InlayHint { offset: element.range().end(), label: version, tooltip });
        }
    }
}

fn package(scene: &Scene<'_>, element: FlatNode<'_>) -> Option<eval::inspect::Lookup> {
    let is_name = matches!(element.kind(), SyntaxKind::Variable | SyntaxKind::Select);
    let node = scene.node_at(element.range()).filter(|_| is_name)?;
    scene.rest();
    match scene.meaning(node)? {
        Meaning::Value(lookup) if lookup.base == Base::Packages && !lookup.path.is_empty() => {
            Some(lookup)
        }
        _ => None,
    }
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(VALUE_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
