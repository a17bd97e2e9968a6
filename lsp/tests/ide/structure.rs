//! Questions about whole files: outlines, calls, links, ranges, hints.

use serde_json::{Value, json};

use super::answer::lines;
use super::draw::{self, Mark};
use super::session::Session;

fn array(found: &Value) -> &[Value] {
    found.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(found: &'a Value, name: &str) -> &'a str {
    found[name].as_str().unwrap_or_default()
}

fn uri_of(params: &Value) -> String {
    text(&params["textDocument"], "uri").to_owned()
}

/// Everything in a document, as a range.
fn whole() -> Value {
    json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 1_000_000, "character": 0 } })
}

/// The names of the protocol's kinds of symbols that we give.
fn kind_name(kind: &Value) -> &'static str {
    match kind.as_u64() {
        Some(2) => "set",
        Some(7) => "option",
        Some(12) => "function",
        Some(13) => "variable",
        Some(15) => "string",
        Some(16) => "number",
        Some(17) => "boolean",
        Some(18) => "list",
        _ => "?",
    }
}

/// The outline of a file, indented.
pub(crate) fn symbols(session: &mut Session, cursor: char) -> Result<String, String> {
    let found = session.ask("textDocument/documentSymbol", session.document(cursor))?;
    let mut shown = Vec::new();
    let mut stack: Vec<(usize, &Value)> = array(&found).iter().rev().map(|it| (0, it)).collect();
    while let Some((depth, symbol)) = stack.pop() {
        let name = text(symbol, "name");
        shown.push(format!("{:1$}{name}  {2}", "", depth * 2, kind_name(&symbol["kind"])));
        stack.extend(array(&symbol["children"]).iter().rev().map(|it| (depth + 1, it)));
    }
    Ok(lines(shown.into_iter()))
}

/// The symbols of all files that fit a query.
pub(crate) fn workspace_symbols(session: &mut Session, query: &str) -> Result<String, String> {
    let found = session.ask("workspace/symbol", json!({ "query": query }))?;
    let mark = |symbol: &Value| {
        let container = symbol["containerName"].as_str().map(|it| format!(" in {it}"));
        let kind = kind_name(&symbol["kind"]);
        let note = format!("{kind}{}", container.unwrap_or_default());
        let place = &symbol["location"];
        Mark::new(text(place, "uri"), &place["range"]).with_note(&note)
    };
    let marks: Vec<Mark> = array(&found).iter().map(mark).collect();
    Ok(draw::marks(session, &marks))
}

fn call_items(session: &mut Session, cursor: char) -> Result<Vec<Value>, String> {
    let found = session.ask("textDocument/prepareCallHierarchy", session.at(cursor))?;
    Ok(array(&found).to_vec())
}

/// Who calls the function, at the places of the calls.
pub(crate) fn incoming_calls(session: &mut Session, cursor: char) -> Result<String, String> {
    let mut marks = Vec::new();
    for item in call_items(session, cursor)? {
        let found = session.ask("callHierarchy/incomingCalls", json!({ "item": item }))?;
        for call in array(&found) {
            let from = &call["from"];
            let note = format!("in {}", text(from, "name"));
            let ranges = array(&call["fromRanges"]).iter();
            marks.extend(ranges.map(|it| Mark::new(text(from, "uri"), it).with_note(&note)));
        }
    }
    Ok(draw::marks(session, &marks))
}

/// What the function calls, at the places of the calls.
pub(crate) fn outgoing_calls(session: &mut Session, cursor: char) -> Result<String, String> {
    let mut marks = Vec::new();
    for item in call_items(session, cursor)? {
        let uri = text(&item, "uri").to_owned();
        let found = session.ask("callHierarchy/outgoingCalls", json!({ "item": item }))?;
        for call in array(&found) {
            let to = &call["to"];
            let (place, _) = session.shown(text(to, "uri"));
            let note = format!("to {} in {place}", text(to, "name"));
            let ranges = array(&call["fromRanges"]).iter();
            marks.extend(ranges.map(|it| Mark::new(&uri, it).with_note(&note)));
        }
    }
    Ok(draw::marks(session, &marks))
}

/// The links of a file and where they lead.
pub(crate) fn links(session: &mut Session, cursor: char) -> Result<String, String> {
    let params = session.document(cursor);
    let uri = uri_of(&params);
    let found = session.ask("textDocument/documentLink", params)?;
    let mark = |link: &Value| {
        let target = text(link, "target");
        let shown =
            if target.starts_with("file:") { session.shown(target).0 } else { target.to_owned() };
        Mark::new(&uri, &link["range"]).with_note(&format!("→ {shown}"))
    };
    let marks: Vec<Mark> = array(&found).iter().map(mark).collect();
    Ok(draw::marks(session, &marks))
}

/// The ranges around the cursor, the innermost first.
pub(crate) fn selection(session: &mut Session, cursor: char) -> Result<String, String> {
    let mut params = session.at(cursor);
    let uri = uri_of(&params);
    params["positions"] = json!([params["position"]]);
    let found = session.ask("textDocument/selectionRange", params)?;
    let content = session.text(&uri).unwrap_or_default();
    let mut shown = Vec::new();
    let mut range = &found[0];
    while range.is_object() {
        shown.push(excerpt(session, &content, &range["range"]));
        range = &range["parent"];
    }
    Ok(lines(shown.into_iter()))
}

/// Returns the text of a range; of several lines the first and the last.
fn excerpt(session: &Session, content: &str, range: &Value) -> String {
    let at = |end: &str| {
        let number = |name: &str| range[end][name].as_u64().unwrap_or_default() as usize;
        let line = content.split('\n').nth(number("line")).unwrap_or_default();
        (number("line"), line, session.column_bytes(line, number("character")))
    };
    let ((first, line, from), (last, last_line, to)) = (at("start"), at("end"));
    if first == last {
        return line.get(from..to).unwrap_or_default().to_owned();
    }
    let start = line.get(from..).unwrap_or_default();
    let end = last_line.get(..to).unwrap_or_default();
    format!("{} … {}", start.trim_end(), end.trim_start()).trim_end().to_owned()
}

/// What can be folded: the first and the last line of each range.
pub(crate) fn folds(session: &mut Session, cursor: char) -> Result<String, String> {
    let found = session.ask("textDocument/foldingRange", session.document(cursor))?;
    let show = |fold: &Value| {
        let line = |name: &str| fold[name].as_u64().unwrap_or_default() + 1;
        let kind = fold["kind"].as_str().map(|it| format!(" {it}")).unwrap_or_default();
        format!("{}-{}{kind}", line("startLine"), line("endLine"))
    };
    Ok(lines(array(&found).iter().map(show)))
}

/// The hints, each at the end of a line or where it stands.
pub(crate) fn inlay_hints(session: &mut Session, cursor: char) -> Result<String, String> {
    let mut params = session.document(cursor);
    let uri = uri_of(&params);
    params["range"] = whole();
    let found = session.ask("textDocument/inlayHint", params)?;
    let mark = |hint: &Value| {
        let parts = array(&hint["label"]).iter().map(|part| text(part, "value"));
        let label = hint["label"].as_str().map_or_else(|| parts.collect(), str::to_owned);
        let place = &hint["position"];
        Mark::new(&uri, &json!({ "start": place, "end": place })).with_note(&label)
    };
    let marks: Vec<Mark> = array(&found).iter().map(mark).collect();
    Ok(draw::marks(session, &marks))
}

/// The lenses, resolved.
pub(crate) fn code_lenses(session: &mut Session, cursor: char) -> Result<String, String> {
    let params = session.document(cursor);
    let uri = uri_of(&params);
    let found = session.ask("textDocument/codeLens", params)?;
    let mut marks = Vec::new();
    for lens in array(&found) {
        let lens = if lens["command"].is_object() {
            lens.clone()
        } else {
            session.ask("codeLens/resolve", lens.clone())?
        };
        let title = text(&lens["command"], "title");
        marks.push(Mark::new(&uri, &lens["range"]).with_note(title));
    }
    Ok(draw::marks(session, &marks))
}

/// The titles of what can be done at the cursor.
pub(crate) fn code_actions(session: &mut Session, cursor: char) -> Result<String, String> {
    let mut params = session.at(cursor);
    params["range"] = json!({ "start": params["position"], "end": params["position"] });
    params["context"] = json!({ "diagnostics": [] });
    let found = session.ask("textDocument/codeAction", params)?;
    Ok(lines(array(&found).iter().map(|it| text(it, "title").to_owned())))
}

/// The semantic tokens with the names of their types.
pub(crate) fn tokens(session: &mut Session, cursor: char) -> Result<String, String> {
    let params = session.document(cursor);
    let uri = uri_of(&params);
    let found = session.ask("textDocument/semanticTokens/full", params)?;
    let (types, modifiers) = session.token_names();
    let numbers: Vec<u64> = array(&found["data"]).iter().filter_map(Value::as_u64).collect();
    let (mut line, mut start) = (0, 0);
    let mut marks = Vec::new();
    for token in numbers.chunks_exact(5) {
        let &[lines_on, on, length, kind, set] = token else { continue };
        start = if lines_on > 0 { on } else { start + on };
        line += lines_on;
        let mut note = types.get(kind as usize).cloned().unwrap_or_default();
        for (bit, name) in modifiers.iter().enumerate() {
            if set >> bit & 1 == 1 {
                note = format!("{note} {name}");
            }
        }
        let range = json!({ "start": { "line": line, "character": start },
            "end": { "line": line, "character": start + length } });
        marks.push(Mark::new(&uri, &range).with_note(&note));
    }
    Ok(draw::marks(session, &marks))
}
