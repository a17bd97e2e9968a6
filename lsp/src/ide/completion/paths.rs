//! Completion of paths: what lies on disk after `./`.

use eval::source::HOST;
use eval::system::FileType;
use syntax::{TextRange, TextSize};

use super::super::goto_definition::path_target;
use super::super::scene::Scene;
use super::{Completion, CompletionItem, CompletionKind};

/// Completes the path that is being written at `offset`; `false` where none is.
pub(super) fn complete(scene: &Scene<'_>, offset: TextSize, completion: &mut Completion) -> bool {
    let before = scene.tree.text(TextRange::new(0.into(), offset));
    let Some((directory, last)) = written(before) else { return false };
    if scene.is_comment_or_string(offset.into()) {
        return false;
    }
    let Some(system) = scene.knowledge.system.filter(|_| scene.path.root == HOST) else {
        return true;
    };
    let Some(target) = path_target(&scene.path.bytes, directory) else { return true };
    let start = TextSize::from(u32::from(offset) - last.len() as u32);
    let mut entries = system.read_dir(&target.bytes).unwrap_or_default();
    entries.sort();
    for (name, kind) in entries {
        let Ok(name) = String::from_utf8(name) else { continue };
        let is_writable = name.bytes().all(is_path_byte) && !name.starts_with('.');
        if !is_writable {
            continue;
        }
        let kind = match kind {
            FileType::Directory => CompletionKind::Folder,
            _ => CompletionKind::File,
        };
        let range = TextRange::new(start, offset);
        completion.items.push(CompletionItem {
            label: name,
            kind,
            detail: None,
            subject: None,
            range,
        });
    }
    true
}

/// Splits the path that `before` ends in: its directory with a slash, and the name begun.
fn written(before: &[u8]) -> Option<(&str, &str)> {
    let start = before.iter().rposition(|&byte| byte != b'/' && !is_path_byte(byte));
    let text = before.get(start.map_or(0, |at| at + 1)..)?;
    let text = std::str::from_utf8(text).ok()?;
    let slash = text.rfind('/')?;
    let (directory, last) = text.split_at(slash + 1);
    let is_path = ["./", "../", "/"].iter().any(|start| directory.starts_with(start));
    (is_path && !directory.contains("//")).then_some((directory, last))
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-+".contains(&byte)
}
