//! Variables that stand for a part of `config`: `cfg` after `let cfg = config.services.nginx; in`.

use eval::scope::{DefinitionKind, Scopes};
use syntax::{FlatNode, FlatTree, SyntaxKind, TextSize};

use super::cursor::Part;

/// How many `let` bindings in a row are followed: `a = b; b = c; c = config.x;`.
const STEPS_MAX: usize = 8;

/// Returns the option path that the variable `name` at `offset` means; `config` itself is empty.
pub(super) fn config_path(
    tree: &FlatTree<'_>,
    scopes: &Scopes,
    offset: TextSize,
    name: &str,
) -> Option<Vec<Part>> {
    let (mut name, mut offset) = (name.to_owned(), offset);
    // The names from each step, the last step's first in the path.
    let mut steps: Vec<Vec<Part>> = Vec::new();
    for _ in 0..STEPS_MAX {
        if name == "config" {
            return Some(steps.into_iter().rev().flatten().collect());
        }
        let visible = scopes.visible_at(offset);
        let definition = visible.iter().find(|it| it.name.to_text() == name)?;
        if definition.kind != DefinitionKind::Let {
            return None;
        }
        let mut nodes = tree.root().descendants();
        let binding = nodes
            .find(|it| it.kind() == SyntaxKind::Binding && it.range() == definition.full_range)?;
        let value = binding.expressions().next()?.without_parens();
        offset = value.range().start();
        (name, steps) = match value.kind() {
            SyntaxKind::Variable => (text(value), steps),
            SyntaxKind::Select if value.token(SyntaxKind::Or).is_none() => {
                let base = value.first_child()?;
                if base.kind() != SyntaxKind::Variable {
                    return None;
                }
                let names = value.child(SyntaxKind::Attrpath)?.children();
                steps.push(names.map(part).collect::<Option<_>>()?);
                (text(base), steps)
            }
            _ => return None,
        };
    }
    None
}

fn part(attr: FlatNode<'_>) -> Option<Part> {
    attr.static_attr().map(|name| Part::Name(String::from_utf8_lossy(&name).into_owned()))
}

fn text(node: FlatNode<'_>) -> String {
    String::from_utf8_lossy(node.text()).into_owned()
}
