//! What expressions come to: the thing at the cursor, evaluated where it stands.

use std::sync::Arc;

use eval::db::{self, Db, File};
use eval::inspect::{Inspected, ValueKind};
use eval::scope::Target;
use syntax::{FlatNode, SyntaxKind, TextRange, TextSize};

use super::cursor::{Cursor, Part, cursor};
use super::scene::{Meaning, Scene, static_name};
use super::surroundings::{Evaluable, evaluable};
use super::{Knowledge, effective, markdown};

/// Returns what the expression at `offset` comes to, or why it has no value, however long that
/// takes; `None` where no expression is.
pub fn evaluate(
    db: &dyn Db,
    knowledge: Knowledge<'_>,
    file: File,
    offset: TextSize,
) -> Option<Result<String, String>> {
    let tree = db::tree(db, file);
    let scene = Scene::new(knowledge, tree, db::scopes(db, file), file.path(db));
    let subject = subject(&scene, &cursor(tree, offset), offset)?;
    let found = knowledge.values?.get(&subject.evaluable.patient().lookup)?;
    match (&found.text, &found.error) {
        (Some(text), _) => Some(Ok(text.clone())),
        (None, Some(error)) => Some(Err(error.clone())),
        (None, None) if found.kind == ValueKind::Set => {
            Some(Ok(format!("a set of {} names", found.names.len())))
        }
        (None, None) => None,
    }
}

/// Something at the cursor that has a value.
pub(super) struct Subject<'a> {
    /// What evaluates it.
    pub(super) evaluable: Evaluable,
    /// What it is called.
    pub(super) name: String,
    /// The bytes of the name.
    pub(super) range: TextRange,
    /// The expression as it is written, where that is known.
    pub(super) written: Option<&'a [u8]>,
}

/// Returns what at the cursor can be evaluated.
pub(super) fn subject<'a>(
    scene: &Scene<'a>,
    found: &Cursor,
    offset: TextSize,
) -> Option<Subject<'a>> {
    match found {
        Cursor::Selection { of: Some(of), path, name, range, .. } => {
            let base = scene.node_at(*of)?;
            let names = names_of(path)?.into_iter().chain([name.clone()]);
            let evaluable = evaluable(scene, base, None)?.select(names);
            Some(Subject { evaluable, name: name.clone(), range: *range, written: None })
        }
        Cursor::Inherit { from: Some(from), name, range } => {
            let evaluable = evaluable(scene, scene.node_at(*from)?, None)?.select([name.clone()]);
            Some(Subject { evaluable, name: name.clone(), range: *range, written: None })
        }
        Cursor::OptionName { name, range, .. } => attribute(scene, name, *range),
        Cursor::OptionValue { is_string: true, .. } | Cursor::Path { .. } => None,
        Cursor::Variable { name, .. } | Cursor::OptionValue { name, .. } if name.is_empty() => {
            operation(scene, offset)
        }
        Cursor::Variable { .. } | Cursor::OptionValue { .. } | Cursor::Inherit { .. } => {
            variable(scene, offset)
        }
        Cursor::Selection { of: None, .. } | Cursor::Other => {
            variable(scene, offset).or_else(|| operation(scene, offset))
        }
    }
}

fn names_of(path: &[Part]) -> Option<Vec<String>> {
    let names = path.iter().map(|part| match part {
        Part::Name(name) => Some(name.clone()),
        Part::Element => None,
    });
    names.collect()
}

/// A variable where it is used, or where a `let` or a recursive set binds it.
fn variable<'a>(scene: &Scene<'a>, offset: TextSize) -> Option<Subject<'a>> {
    if let Some(reference) = scene.scopes.reference_at(offset) {
        if reference.target == Target::Builtin {
            return None;
        }
        let name = reference.name.to_text().into_owned();
        let node = scene.node_at(reference.range);
        let node = node.filter(|it| it.kind() == SyntaxKind::Variable)?;
        let written = match scene.meaning(node) {
            Some(Meaning::Written(value)) => Some(value.text()),
            _ => None,
        };
        scene.rest();
        let evaluable = evaluable(scene, node, None)?;
        return Some(Subject { evaluable, name, range: reference.range, written });
    }
    let around = scene.around(offset.into());
    let range = around.iter().rev().find(|it| it.kind().is_attr()).map(|it| it.range())?;
    let at = around.iter().rposition(|it| it.kind() == SyntaxKind::Attrpath)?;
    let attr = around.get(at + 1)?;
    attribute(scene, &static_name(*attr)?, range)
}

/// A name in a set or a `let`.
fn attribute<'a>(scene: &Scene<'a>, name: &str, range: TextRange) -> Option<Subject<'a>> {
    let around = scene.around(range.start().into());
    let at = around.iter().rposition(|it| it.kind() == SyntaxKind::Binding)?;
    let (binding, holder) = (*around.get(at)?, *around.get(at.checked_sub(1)?)?);
    let attrpath = binding.child(SyntaxKind::Attrpath)?;
    let attrs: Vec<FlatNode<'a>> = attrpath.children().collect();
    let depth = attrs.iter().position(|it| it.range().contains_range(range))?;
    let (name, is_last) = (name.to_owned(), depth + 1 == attrs.len());
    let value = binding.expressions().next().filter(|_| is_last);
    let written = value.map(FlatNode::text);
    if let Some(value) = value {
        let evaluable = evaluable(scene, value, None)?;
        return Some(Subject { evaluable, name, range, written });
    }
    if holder.kind() != SyntaxKind::AttrSet {
        return None;
    }
    let names: Option<Vec<String>> =
        attrs.get(..=depth)?.iter().map(|it| static_name(*it)).collect();
    let evaluable = evaluable(scene, holder, None)?.select(names?);
    Some(Subject { evaluable, name, range, written })
}

/// What an operator, a keyword or a bracket at the cursor belongs to.
fn operation<'a>(scene: &Scene<'a>, offset: TextSize) -> Option<Subject<'a>> {
    let around = scene.around(offset.into());
    let node = around.iter().rev().copied().find(|it| it.kind() != SyntaxKind::Interpolation)?;
    let is_shown = match node.kind() {
        SyntaxKind::BinaryOp
        | SyntaxKind::UnaryOp
        | SyntaxKind::HasAttr
        | SyntaxKind::IfElse
        | SyntaxKind::LetIn
        | SyntaxKind::Apply
        | SyntaxKind::List => true,
        SyntaxKind::String => node.first_child().is_some(),
        _ => false,
    };
    // Between its parts nothing is meant in particular.
    let is_on_token =
        node.tokens().any(|it| it.start() <= offset.into() && u32::from(offset) <= it.end());
    if !is_shown || !is_on_token {
        return None;
    }
    let evaluable = evaluable(scene, node, None)?;
    let (range, written) = (node.range(), Some(node.text()));
    Some(Subject { evaluable, name: String::new(), range, written })
}

/// Returns the call whose function is at the cursor, with all of its arguments.
pub(super) fn call_at<'a>(scene: &Scene<'a>, range: TextRange) -> Option<FlatNode<'a>> {
    let around = scene.around(range.start().into());
    let mut call = None;
    for pair in around.windows(2).rev() {
        let [outer, inner] = pair else { continue };
        let is_function = inner.range().end() == range.end() || call == Some(*inner);
        match outer.kind() {
            SyntaxKind::Apply if is_function && outer.first_child() == Some(*inner) => {
                call = Some(*outer);
            }
            SyntaxKind::Select | SyntaxKind::Attrpath => {}
            _ if inner.range().contains_range(range) && inner.range().end() == range.end() => {}
            _ => break,
        }
    }
    call
}

/// Returns what is known of a value by now.
pub(super) fn look(scene: &Scene<'_>, evaluable: &Evaluable) -> Option<Arc<Inspected>> {
    scene.knowledge.values?.get(&evaluable.lookup)
}

/// Says what an expression comes to, where that is more than what is written; in Markdown.
pub(super) fn shown(subject: &Subject<'_>, found: &Inspected) -> Option<String> {
    match found.kind {
        ValueKind::Missing => {
            let error = found.error.as_deref()?;
            Some(format!("*Value:* cannot be evaluated: {error}"))
        }
        ValueKind::Package => Some(markdown::value(&subject.name, found)),
        ValueKind::Function => {
            let is_shown = subject.written.is_none() && !found.parameters.is_empty();
            is_shown.then(|| markdown::value(&subject.name, found))
        }
        ValueKind::Set | ValueKind::Other => {
            let Some(text) = found.text.as_deref() else {
                return Some(format!("*Value:* a set of {} names", found.names.len()));
            };
            let is_more = subject.written.is_none_or(|it| effective::differs(it, text));
            is_more.then(|| markdown::evaluated(text))
        }
    }
}
