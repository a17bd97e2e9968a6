//! Finished nodes in postorder into the flat tree, in preorder.

use crate::flat::{FlatTree, Node, Source, Token};

/// Builds the flat tree from the parser's records; the last of them must be the root.
pub(crate) fn flat_tree<'t>(
    source: &'t [u8],
    tokens: Vec<Token>,
    postorder: &[Node],
) -> FlatTree<'t> {
    let mut nodes = postorder.to_vec();
    // The first descendants of the ancestors, innermost last.
    let mut ancestors: Vec<u32> = Vec::with_capacity(64);
    let mut depth = 0;
    for (index, node) in postorder.iter().enumerate().rev() {
        let index = index as u32;
        while ancestors.last().is_some_and(|first| *first > index) {
            ancestors.pop();
        }
        // Before a node stand its ancestors and all that is finished when it begins.
        let first = node.subtree_end;
        let place = first + ancestors.len() as u32;
        if let Some(slot) = nodes.get_mut(place as usize) {
            *slot = Node { subtree_end: place + (index - first) + 1, ..*node };
        }
        ancestors.push(first);
        depth = depth.max(ancestors.len());
    }
    FlatTree { source: Source::Borrowed(source), nodes, tokens, depth: depth as u32 }
}
