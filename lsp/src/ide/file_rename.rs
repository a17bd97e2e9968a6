//! File rename: when files or folders move, the paths that lead to them and from them are mended.

use eval::db::{Db, File};
use eval::source::{HOST, canonical};
use syntax::SyntaxKind;

use super::Knowledge;
use super::goto_definition::path_target;
use super::project::{Files, Project, ProjectFile};
use super::rename::Edit;
use super::scene::text;

/// A file or folder that moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its absolute path.
    pub from: Vec<u8>,
    /// Its new one.
    pub to: Vec<u8>,
}

/// Returns the edits, in the files as they are called now.
pub fn file_rename(db: &dyn Db, knowledge: Knowledge<'_>, file: File, moves: &[Move]) -> Vec<Edit> {
    let project = Project::new(db, knowledge, file);
    let files = project.files();
    files.all.iter().flat_map(|file| edits_in(&files, file, moves)).collect()
}

fn edits_in(files: &Files<'_>, file: &ProjectFile<'_>, moves: &[Move]) -> Vec<Edit> {
    let Some(system) = files.knowledge.system.filter(|_| file.path.root == HOST) else {
        return Vec::new();
    };
    let own = moved(&file.path.bytes, moves);
    let mut edits = Vec::new();
    for literal in file.tree().root().descendants() {
        if literal.kind() != SyntaxKind::Path || literal.first_child().is_some() {
            continue;
        }
        let written = text(literal);
        let Some(target) = path_target(&file.path.bytes, &written) else { continue };
        if system.file_type(&target.bytes).is_err() {
            continue;
        }
        let new_target = target_after(&target.bytes, moves);
        let is_absolute = written.starts_with('/');
        let stays = new_target[..] == target.bytes[..];
        if stays && (is_absolute || directory(&own) == directory(&file.path.bytes)) {
            continue;
        }
        let new = if is_absolute {
            literal_of("", &new_target)
        } else {
            relative(directory(&own), &new_target)
        };
        if new != written {
            edits.push(Edit { path: file.path.clone(), range: literal.range(), text: new });
        }
    }
    edits
}

/// Returns where a path is after the moves.
fn moved(path: &[u8], moves: &[Move]) -> Vec<u8> {
    for Move { from, to } in moves {
        match path.strip_prefix(from.as_slice()) {
            Some([]) => return canonical(to),
            Some(rest) if rest.starts_with(b"/") => {
                return canonical(&[to.as_slice(), rest].concat());
            }
            _ => {}
        }
    }
    path.to_vec()
}

/// Returns where the target of a literal is after the moves: a folder stands for its `default.nix`.
fn target_after(target: &[u8], moves: &[Move]) -> Vec<u8> {
    let found = moved(target, moves);
    let default = [target, b"/default.nix"].concat();
    if found[..] != *target || moves.iter().all(|it| it.from != default) {
        return found;
    }
    let found = moved(&default, moves);
    match found.strip_suffix(b"/default.nix") {
        Some(folder) => folder.to_vec(),
        None => found,
    }
}

fn directory(path: &[u8]) -> &[u8] {
    let at = path.iter().rposition(|&byte| byte == b'/').unwrap_or_default();
    path.get(..at).unwrap_or_default()
}

/// Returns the literal that leads from a directory to a path.
fn relative(from: &[u8], to: &[u8]) -> String {
    let names = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|&byte| byte == b'/').filter(|it| !it.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let (from, to) = (names(from), names(to));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from.len() - shared;
    let rest = to.get(shared..).unwrap_or_default().join(&b"/"[..]);
    let start = if up == 0 { ".".to_owned() } else { vec![".."; up].join("/") };
    match (rest.is_empty(), up) {
        (true, 0) => "./.".to_owned(),
        (true, _) => format!("{start}/."),
        (false, _) => literal_of(&start, &[b"/", rest.as_slice()].concat()),
    }
}

/// Returns an expression for a path: a literal where its letters may stand in one.
fn literal_of(start: &str, rest: &[u8]) -> String {
    let rest = String::from_utf8_lossy(rest);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+/".contains(c);
    if rest.chars().all(is_plain) {
        return format!("{start}{rest}");
    }
    let quoted = rest.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${");
    let base = match start {
        "" => "/.".to_owned(),
        start => format!("{start}/."),
    };
    format!("({base} + \"{quoted}\")")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_short_as_they_can_be() {
        let check = |from: &str, to: &str, expected: &str| {
            assert_eq!(relative(from.as_bytes(), to.as_bytes()), expected);
        };
        check("/w", "/w/a.nix", "./a.nix");
        check("/w/a/b", "/w/c.nix", "../../c.nix");
        check("/w/a", "/w/a", "./.");
        check("/w/a", "/w", "../.");
        check("/w", "/w/a b.nix", "(./. + \"/a b.nix\")");
    }
}
