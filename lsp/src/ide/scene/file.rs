//! The names in the value of another file.

use std::sync::Arc;

use eval::source::{HOST, SourcePath};
use eval::system::FileType;
use syntax::{LineIndex, SyntaxKind};

use super::super::parsed::ParsedFile;
use super::{Knowledge, Meaning, Member, Scene, Step, Written};

/// Returns the names in what a file means, after some steps from its value.
pub(super) fn names(
    knowledge: Knowledge<'_>,
    path: &SourcePath,
    steps: &[Step],
    budget: u32,
) -> Vec<Member> {
    let Some((path, file)) = parsed(knowledge, path) else { return Vec::new() };
    let scene = Scene::new(knowledge, file.tree(), &file.scopes, &path);
    scene.steps.set(budget);
    let Some(meaning) = meaning(&scene, steps) else { return Vec::new() };
    let lines = LineIndex::new(&file.text);
    let mut names = scene.names(&meaning);
    for name in &mut names {
        if let Written::Here(range) = &name.place {
            let line = lines.line(range.start());
            let column = u32::from(range.start() - lines.line_range(line).start());
            name.place = Written::There(path.clone(), line + 1, column + 1);
        }
    }
    names
}

/// Looks at what a file means after some steps from its value, with the steps that `from` has left.
pub(in crate::ide) fn visit<T>(
    from: &Scene<'_>,
    path: &SourcePath,
    steps: &[Step],
    look: impl FnOnce(&Scene<'_>, &Meaning<'_>) -> T,
) -> Option<T> {
    let (path, file) = parsed(from.knowledge, path)?;
    let scene = Scene::new(from.knowledge, file.tree(), &file.scopes, &path);
    scene.steps.set(from.steps.get().saturating_sub(1));
    let meaning = meaning(&scene, steps)?;
    Some(look(&scene, &meaning))
}

fn meaning<'a>(scene: &Scene<'a>, steps: &[Step]) -> Option<Meaning<'a>> {
    let mut meaning = scene.meaning(scene.tree.root().expressions().next()?)?;
    for step in steps {
        meaning = match step {
            Step::Select(name) => scene.select(meaning, name)?,
            Step::Call => scene.called(meaning)?,
        };
    }
    Some(meaning)
}

/// Returns a file, of a directory the `default.nix` in it, with its path.
pub(in crate::ide) fn parsed(
    knowledge: Knowledge<'_>,
    path: &SourcePath,
) -> Option<(SourcePath, Arc<ParsedFile>)> {
    let system = knowledge.system.filter(|_| path.root == HOST)?;
    let mut bytes = path.bytes.to_vec();
    if system.file_type(&bytes).ok()? == FileType::Directory {
        bytes.extend_from_slice(b"/default.nix");
    }
    let file = knowledge.parsed(&bytes)?;
    Some((SourcePath::new(HOST, &bytes), file))
}

/// Returns the names that a function in a file takes, if its value is a function.
pub(super) fn formals(knowledge: Knowledge<'_>, path: &SourcePath) -> Vec<Member> {
    let Some((path, file)) = parsed(knowledge, path) else { return Vec::new() };
    let scene = Scene::new(knowledge, file.tree(), &file.scopes, &path);
    let top = file.tree().root().expressions().next();
    let Some(Meaning::Written(top)) = top.and_then(|it| scene.meaning(it)) else {
        return Vec::new();
    };
    let lines = LineIndex::new(&file.text);
    let Some(formals) = top.child(SyntaxKind::Formals) else { return Vec::new() };
    let names = formals.children().filter_map(|it| it.child(SyntaxKind::Name));
    let named = names.map(|name| {
        let line = lines.line(name.range().start());
        let column = u32::from(name.range().start() - lines.line_range(line).start());
        let place = Written::There(path.clone(), line + 1, column + 1);
        Member { name: super::text(name), place, lookup: None }
    });
    named.collect()
}
