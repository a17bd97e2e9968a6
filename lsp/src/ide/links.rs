//! Links: every path literal whose file exists.

use eval::db::{self, Db, File};
use eval::source::{HOST, SourcePath};
use eval::system::FileType;
use syntax::{SyntaxKind, TextRange};

use super::Knowledge;
use super::goto_definition::path_target;

/// A path literal and its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The literal's bytes.
    pub range: TextRange,
    /// The file; of a directory the `default.nix` in it.
    pub target: SourcePath,
}

/// Returns the links of a file.
pub fn links(db: &dyn Db, knowledge: Knowledge<'_>, file: File) -> Vec<Link> {
    let tree = db::tree(db, file);
    let Some(system) = knowledge.system.filter(|_| file.path(db).root == HOST) else {
        return Vec::new();
    };
    let literals = tree.root().descendants().filter(|it| it.kind() == SyntaxKind::Path);
    let links = literals.filter_map(|literal| {
        if literal.first_child().is_some() {
            return None;
        }
        let text = String::from_utf8_lossy(literal.text());
        let target = path_target(&file.path(db).bytes, &text)?;
        let target = match system.file_type(&target.bytes).ok()? {
            FileType::Directory => {
                let inside = [&target.bytes, &b"/default.nix"[..]].concat();
                system.file_type(&inside).ok()?;
                SourcePath::new(HOST, &inside)
            }
            _ => target,
        };
        Some(Link { range: literal.range(), target })
    });
    links.collect()
}
