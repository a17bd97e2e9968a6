//! Inlay hints and code lenses as the protocol's messages, and what lenses do.

use lsp_types::{
    CodeLens, Command, InlayHint, InlayHintLabel, InlayHintTooltip, Position, Range, Uri,
};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::to_proto::{location, markdown};
use super::worker::View;
use crate::ide::code_lens::{self, LensAction};
use crate::ide::{evaluated, goto_implementation, inlay_hints};

/// Chooses what a file is part of. Arguments: its URI, and the title of a role.
pub(super) const CHOOSE_ROLE: &str = "nivis.chooseRole";
/// Evaluates the expression at a place, however long that takes. Arguments: a URI, a position.
pub(super) const EVALUATE: &str = "nivis.evaluate";
/// Shows places; clients know it by this name.
const SHOW_REFERENCES: &str = "editor.action.showReferences";

/// Returns what is shown between the characters of a range.
///
/// `None` to ask again once the options are known.
pub(super) fn inlay_hints(view: &View, range: Range) -> Option<Vec<InlayHint>> {
    if view.options.is_none() && !view.roles.is_empty() && view.may_wait {
        return None;
    }
    let text = view.text();
    let range = text.text_range(range);
    let found = inlay_hints::inlay_hints(&view.db, view.knowledge(), view.file, range);
    let hints = found.into_iter().map(|hint| InlayHint {
        position: text.position(hint.offset),
        label: InlayHintLabel::String(hint.label),
        kind: None,
        text_edits: None,
        tooltip: hint.tooltip.map(|it| InlayHintTooltip::MarkupContent(markdown(it))),
        padding_left: Some(true),
        padding_right: None,
        data: None,
    });
    Some(hints.collect())
}

/// Returns the lenses of the document.
pub(super) fn code_lenses(view: &View) -> Vec<CodeLens> {
    let found = code_lens::code_lenses(&view.db, view.knowledge(), view.file, &view.roles);
    found.into_iter().map(|lens| code_lens(view, lens)).collect()
}

fn code_lens(view: &View, lens: code_lens::CodeLens) -> CodeLens {
    let range = view.text().range(lens.range);
    let uri = view.uri.as_str();
    let (command, arguments) = match lens.action {
        LensAction::ChooseRole(titles) => {
            // Chosen again and again, a lens goes round all roles.
            let next = titles.get(1).or(titles.first()).cloned().unwrap_or_default();
            (CHOOSE_ROLE, vec![json!(uri), json!(next), json!(titles)])
        }
        LensAction::ShowDefinitions => {
            let (db, knowledge) = (&view.db, view.knowledge());
            let offset = lens.range.end();
            let found = goto_implementation::goto_implementation(db, knowledge, view.file, offset);
            let places: Vec<_> = found.iter().filter_map(|it| location(view, it)).collect();
            (SHOW_REFERENCES, vec![json!(uri), json!(range.start), json!(places)])
        }
    };
    let command =
        Command { title: lens.title, command: command.to_owned(), arguments: Some(arguments) };
    CodeLens { range, command: Some(command), data: None }
}

/// Reads the arguments of [`CHOOSE_ROLE`].
pub(super) fn chosen_role(arguments: &[Value]) -> Option<(String, String)> {
    let [uri, title, ..] = arguments else { return None };
    Some((uri.as_str()?.to_owned(), title.as_str()?.to_owned()))
}

/// Reads the arguments of [`EVALUATE`].
pub(super) fn place_to_evaluate(arguments: &[Value]) -> Option<(Uri, Position)> {
    let [uri, position, ..] = arguments else { return None };
    Some((uri.as_str()?.parse().ok()?, Position::deserialize(position).ok()?))
}

/// Returns what the expression at a position comes to, or why it does not.
pub(super) fn value_at(view: &View, position: Position) -> Value {
    let offset = view.text().offset(position);
    let found = evaluated::evaluate(&view.db, view.knowledge(), view.file, offset);
    match found {
        None => Value::Null,
        Some(Ok(value)) => json!({ "value": value }),
        Some(Err(error)) => json!({ "error": error }),
    }
}
