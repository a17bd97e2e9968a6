//! Closures: everything that a set of nodes reaches, and an order in which needs come first.

use std::collections::{BTreeMap, BTreeSet};

use crate::path::StorePath;

/// Returns `roots` and everything they reach through `next`.
///
/// # Errors
///
/// The first error of `next`.
pub fn closure<E>(
    roots: impl IntoIterator<Item = StorePath>,
    mut next: impl FnMut(&StorePath) -> Result<Vec<StorePath>, E>,
) -> Result<BTreeSet<StorePath>, E> {
    let mut pending: Vec<StorePath> = roots.into_iter().collect();
    let mut reached = BTreeSet::new();
    while let Some(path) = pending.pop() {
        if reached.contains(&path) {
            continue;
        }
        pending.extend(next(&path)?);
        reached.insert(path);
    }
    Ok(reached)
}

/// Paths that reach each other in a circle, which no registration may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cycle detected in the references of '{from}' from '{to}'")]
pub struct Cycle {
    /// A path on the circle.
    pub from: StorePath,
    /// One that refers to it.
    pub to: StorePath,
}

/// Returns `paths` so that each comes after those it refers to, by name where that leaves a choice.
///
/// `references` gives the references of each; those outside `paths` and to oneself do not count.
///
/// # Errors
///
/// References in a circle.
pub fn sorted_by_reference(
    references: &BTreeMap<StorePath, BTreeSet<StorePath>>,
) -> Result<Vec<StorePath>, Cycle> {
    let mut sorted = Vec::with_capacity(references.len());
    let mut done = BTreeSet::new();
    let mut on_path = BTreeSet::new();
    for root in references.keys() {
        // Each entry is a path and its references still to visit.
        let mut stack = vec![(root, references.get(root).into_iter().flatten())];
        if done.contains(root) {
            continue;
        }
        on_path.insert(root);
        while let Some((path, rest)) = stack.last_mut() {
            let path = *path;
            match rest.next() {
                Some(next) if next == path || done.contains(next) => {}
                Some(next) if on_path.contains(next) => {
                    return Err(Cycle { from: next.clone(), to: path.clone() });
                }
                Some(next) => {
                    let Some((next, onward)) = references.get_key_value(next) else { continue };
                    on_path.insert(next);
                    let onward: std::iter::Flatten<std::option::IntoIter<_>> =
                        Some(onward).into_iter().flatten();
                    stack.push((next, onward));
                }
                None => {
                    stack.pop();
                    on_path.remove(path);
                    done.insert(path);
                    sorted.push(path.clone());
                }
            }
        }
    }
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{closure, sorted_by_reference};
    use crate::path::StorePath;

    fn path(byte: u8) -> StorePath {
        StorePath::new(&[byte; 20], "x").unwrap()
    }

    #[test]
    fn each_path_follows_its_references() {
        let references: BTreeMap<_, _> = [
            (path(1), [path(3), path(1)].into()),
            (path(2), [].into()),
            (path(3), [path(2), path(9)].into()),
        ]
        .into();
        assert_eq!(sorted_by_reference(&references), Ok(vec![path(2), path(3), path(1)]));
        let next = |path: &StorePath| -> Result<Vec<StorePath>, ()> {
            Ok(references.get(path).into_iter().flatten().cloned().collect())
        };
        assert_eq!(closure([path(3)], next), Ok([path(2), path(3), path(9)].into()));
    }

    #[test]
    fn a_circle_is_an_error() {
        let references: BTreeMap<_, _> =
            [(path(1), [path(2)].into()), (path(2), [path(1)].into())].into();
        assert!(sorted_by_reference(&references).is_err());
    }
}
