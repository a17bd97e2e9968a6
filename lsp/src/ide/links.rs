//! Links: every path literal whose file exists.

use eval::db::{self, Db, File};
use eval::source::{HOST, SourcePath};
use eval::system::{FileType, System};
use syntax::{FlatNode, SyntaxKind, TextRange};

use super::Knowledge;
use super::goto_definition::path_target;

/// A path literal and its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The literal's bytes.
    pub range: TextRange,
    /// The file; of a directory the `default.nix` in it.
    pub target: SourcePath,
    /// Whether the file is there; if not, [`check`] tells.
    pub is_checked: bool,
}

/// Of how many literals it is looked whether their files are there.
const CHECKED_MAX: usize = 256;

/// Returns the links of a file.
pub fn links(db: &dyn Db, knowledge: Knowledge<'_>, file: File) -> Vec<Link> {
    let tree = db::tree(db, file);
    let Some(system) = knowledge.system.filter(|_| file.path(db).root == HOST) else {
        return Vec::new();
    };
    let is_literal =
        |it: &FlatNode<'_>| it.kind() == SyntaxKind::Path && it.first_child().is_none();
    let literals: Vec<FlatNode<'_>> = tree.root().descendants().filter(is_literal).collect();
    let is_checked = literals.len() <= CHECKED_MAX;
    let links = literals.into_iter().filter_map(|literal| {
        let text = String::from_utf8_lossy(literal.text());
        let target = path_target(&file.path(db).bytes, &text)?;
        let target = if is_checked { check(system, target)? } else { target };
        Some(Link { range: literal.range(), target, is_checked })
    });
    links.collect()
}

/// Returns the file that a path leads to, if there is one.
pub fn check(system: &dyn System, target: SourcePath) -> Option<SourcePath> {
    match system.file_type(&target.bytes).ok()? {
        FileType::Directory => {
            let inside = [&target.bytes, &b"/default.nix"[..]].concat();
            system.file_type(&inside).ok()?;
            Some(SourcePath::new(HOST, &inside))
        }
        _ => Some(target),
    }
}
