//! The names of a file in the order in which the reference implementation meets them.
//!
//! Its parser makes a symbol when it has read the construct that the name belongs to: a variable
//! or attribute at once, but a parameter only behind the function's body, and a formal behind its
//! default. Sets are gone through in the order of symbols, so this decides which of several
//! errors is the first.

use syntax::{FlatNode, SyntaxKind as K};

use super::scope::Names;

/// Makes the symbols of the names below `node`.
pub(super) fn meet<'t>(names: &mut Names<'t>, node: FlatNode<'t>) {
    let mut children = node.children();
    match node.kind() {
        K::Name | K::Variable => {
            names.id(node.text());
        }
        K::Lambda => {
            let (Some(parameter), Some(body)) = (children.next(), children.next()) else { return };
            let mut bound = Some(parameter);
            if parameter.kind() == K::Formals {
                bound = parameter.child(K::Name);
                for formal in parameter.children().filter(|child| child.kind() == K::Formal) {
                    meet(names, formal);
                }
            }
            meet(names, body);
            if let Some(bound) = bound {
                names.id(bound.text());
            }
        }
        K::Formal => {
            let name = children.next();
            for default in children {
                meet(names, default);
            }
            if let Some(name) = name {
                names.id(name.text());
            }
        }
        _ => {
            for child in children {
                meet(names, child);
            }
        }
    }
}
