//! Semantic tokens: what the names are, which their spelling does not tell.
//!
//! Keywords, strings and the names of attributes look like what they are; an editor colours them
//! by itself. Only variables and what defines them are told here.

use eval::db::{self, Db, File};
use eval::scope::{DefinitionKind, Target};
use syntax::TextRange;

/// A name and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SemanticToken {
    /// Its bytes.
    pub range: TextRange,
    /// What sort of variable it is.
    pub kind: TokenKind,
    /// Whether the variable is defined here.
    pub is_definition: bool,
    /// Whether the language provides it.
    pub is_builtin: bool,
}

/// The sorts of variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// An argument of a function.
    Parameter = 0,
    /// What `let` binds.
    Variable = 1,
    /// An attribute: of a recursive set, or of the set of a `with`.
    Property = 2,
    /// A builtin function.
    Function = 3,
}

impl TokenKind {
    /// All sorts by their numbers, as the protocol's standard names.
    pub const NAMES: [&str; 4] = ["parameter", "variable", "property", "function"];
}

/// Returns the names in a file, or those that begin in `range`, in source order.
pub fn semantic_tokens(db: &dyn Db, file: File, range: Option<TextRange>) -> Vec<SemanticToken> {
    let scopes = db::scopes(db, file);
    let is_wanted = |it: TextRange| range.is_none_or(|range| range.contains(it.start()));
    let definitions = scopes.definitions.iter().filter(|it| is_wanted(it.range));
    let mut tokens: Vec<SemanticToken> = definitions
        .map(|it| SemanticToken {
            range: it.range,
            kind: kind_of(it.kind),
            is_definition: true,
            is_builtin: false,
        })
        .collect();
    for reference in scopes.references.iter().filter(|it| is_wanted(it.range)) {
        let (kind, is_builtin) = match &reference.target {
            Target::Definition(index) => match scopes.definitions.get(*index as usize) {
                Some(definition) => (kind_of(definition.kind), false),
                None => continue,
            },
            Target::Builtin => (TokenKind::Function, true),
            Target::With(_) => (TokenKind::Property, false),
            Target::Undefined => continue,
        };
        let range = reference.range;
        tokens.push(SemanticToken { range, kind, is_definition: false, is_builtin });
    }
    tokens.sort_by_key(|it| (it.range.start(), !it.is_definition));
    // In `inherit x;` one name is both: it defines.
    tokens.dedup_by_key(|it| it.range.start());
    tokens
}

fn kind_of(kind: DefinitionKind) -> TokenKind {
    match kind {
        DefinitionKind::Let | DefinitionKind::LetInherit => TokenKind::Variable,
        DefinitionKind::RecAttr => TokenKind::Property,
        DefinitionKind::Parameter | DefinitionKind::Formal { .. } | DefinitionKind::AtName => {
            TokenKind::Parameter
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eval::db::Database;
    use eval::source::{HOST, SourcePath};

    #[test]
    fn names_are_told_apart() {
        let text = "{ a, ... }: let b = a; inherit (a) c; in with b; [ map c d rec { e = e; } ]";
        let db = Database::default();
        let file = File::new(&db, SourcePath::new(HOST, b"/a.nix"), text.as_bytes().into());
        let shown: Vec<String> = semantic_tokens(&db, file, None)
            .iter()
            .map(|it| {
                let name = &text[usize::from(it.range.start())..usize::from(it.range.end())];
                let definition = if it.is_definition { "=" } else { "" };
                format!("{name}{definition} {}", TokenKind::NAMES[it.kind as usize])
            })
            .collect();
        assert_eq!(
            shown,
            [
                "a= parameter",
                "b= variable",
                "a parameter",
                "a parameter",
                "c= variable",
                "b variable",
                "map function",
                "c variable",
                "d property",
                "e= property",
                "e property"
            ]
        );
        let range = TextRange::new(12.into(), 24.into());
        assert_eq!(semantic_tokens(&db, file, Some(range)).len(), 2);
    }
}
