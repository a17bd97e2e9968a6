//! References: every use of the variable under the cursor, in its file.

use eval::db::{self, Db, File};
use eval::scope::{Scopes, Target};
use syntax::{TextRange, TextSize};

/// One occurrence of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The name's bytes.
    pub range: TextRange,
    /// Whether this is where the variable is defined.
    pub is_definition: bool,
}

/// Returns every occurrence of the variable at `offset`, its definition first.
pub fn references(db: &dyn Db, file: File, offset: TextSize) -> Vec<Occurrence> {
    let scopes = db::scopes(db, file);
    let Some(index) = definition_of(scopes, offset) else { return Vec::new() };
    let definition = scopes.definitions.get(index as usize);
    let mut found: Vec<Occurrence> = definition
        .map(|it| Occurrence { range: it.range, is_definition: true })
        .into_iter()
        .collect();
    found.extend(
        scopes
            .references
            .iter()
            .filter(|reference| reference.target == Target::Definition(index))
            .map(|reference| Occurrence { range: reference.range, is_definition: false }),
    );
    found
}

fn definition_of(scopes: &Scopes, offset: TextSize) -> Option<u32> {
    match scopes.reference_at(offset) {
        Some(reference) => match reference.target {
            Target::Definition(index) => Some(index),
            Target::Builtin | Target::With(_) | Target::Undefined => None,
        },
        None => scopes.definition_at(offset),
    }
}
