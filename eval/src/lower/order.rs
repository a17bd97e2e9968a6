//! The names of a file in the order in which the reference implementation meets them.
//!
//! Its parser makes a symbol when it has read the construct that the name belongs to: a variable
//! or attribute at once, but a parameter only behind the function's body, and a formal behind its
//! default. Sets are gone through in the order of symbols, so this decides which of several
//! errors is the first.

use syntax::{FlatNode, FlatTree, SyntaxKind as K};

use super::scope::Names;

/// Makes the symbols of the names in `tree`.
///
/// One pass in the order of the text; what has to wait lies on a stack with the place up to which
/// it waits, innermost last.
pub(super) fn meet<'t>(names: &mut Names<'t>, tree: &'t FlatTree<'t>) {
    let mut waiting: Vec<(u32, FlatNode<'t>)> = Vec::new();
    // The names behind `@` that the pass has yet to come by.
    let mut bound_later: Vec<u32> = Vec::new();
    let mut index = 0;
    while let Some(node) = tree.node(index) {
        while let Some((_, name)) = waiting.pop_if(|(end, _)| *end <= index) {
            names.meet(name);
        }
        index += 1;
        match node.kind() {
            K::Variable => names.meet(node),
            K::Name if bound_later.pop_if(|later| *later == node.index()).is_none() => {
                names.meet(node);
            }
            K::Lambda => {
                let Some(parameter) = node.first_child() else { continue };
                let end = node.subtree_end();
                if parameter.kind() != K::Formals {
                    waiting.push((end, parameter));
                    index += 1;
                } else if let Some(bound) = parameter.child(K::Name) {
                    waiting.push((end, bound));
                    bound_later.push(bound.index());
                }
            }
            K::Formal => {
                if let Some(name) = node.first_child() {
                    waiting.push((node.subtree_end(), name));
                    index += 1;
                }
            }
            _ => {}
        }
    }
    while let Some((_, name)) = waiting.pop() {
        names.meet(name);
    }
}
