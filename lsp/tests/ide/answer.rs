//! The questions that a block can ask, each with the way its answer is written.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tests::literate::Block;

use super::draw::{self, Mark};
use super::host::Library;
use super::session::Session;
use super::structure;

/// How many names a completion shows.
const NAMES_MAX: usize = 40;
/// How often a completion that is not complete is asked again.
const ATTEMPTS_MAX: usize = 40;

/// The blocks that are answers.
const ANSWERS: [&str; 26] = [
    "code-actions",
    "code-lenses",
    "completion",
    "declaration",
    "definition",
    "diagnostics",
    "documentation",
    "file-rename",
    "folds",
    "highlights",
    "hover",
    "implementation",
    "incoming-calls",
    "inlay-hints",
    "links",
    "outgoing-calls",
    "prepare-rename",
    "references",
    "rename",
    "request",
    "selection",
    "signature",
    "symbols",
    "tokens",
    "type-definition",
    "workspace-symbols",
];

/// Whether a block is the answer to a question.
pub(crate) fn is_answer(block: &Block) -> bool {
    block.file.is_none() && ANSWERS.contains(&block.language.as_str())
}

/// Whether a block tells of a library.
pub(crate) fn is_about(block: &Block, library: &Library) -> bool {
    let mut words = block.arguments.split_whitespace();
    let other = match library {
        Library::Embedded => "nixpkgs",
        Library::Nixpkgs(_) => "embedded",
    };
    words.all(|word| word != other)
}

/// What is written behind the name of a block.
struct Arguments<'a> {
    /// The number of the cursor.
    cursor: char,
    /// The other words.
    words: Vec<&'a str>,
}

impl<'a> Arguments<'a> {
    fn of(block: &'a Block) -> Arguments<'a> {
        let mut cursor = '0';
        let mut words = Vec::new();
        for word in block.arguments.split_whitespace() {
            match word.strip_prefix('$').and_then(|it| it.chars().next()) {
                Some(number) => cursor = number,
                None if word == "embedded" || word == "nixpkgs" => {}
                None => words.push(word),
            }
        }
        Arguments { cursor, words }
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    /// Returns the words, joined again.
    fn text(&self) -> String {
        self.words.join(" ")
    }
}

/// Asks what a block asks, and returns what it should hold.
pub(crate) fn answer(session: &mut Session, block: &Block) -> String {
    let given = Arguments::of(block);
    let found = match block.language.as_str() {
        "completion" => completion(session, &given, block),
        "documentation" => documentation(session, &given),
        "hover" => hover(session, &given),
        "diagnostics" => Ok(diagnostics(session, block)),
        "references" | "declaration" | "definition" | "implementation" | "type-definition" => {
            places(session, &given, &block.language)
        }
        "highlights" => highlights(session, &given),
        "prepare-rename" => prepare_rename(session, &given),
        "rename" => rename(session, &given),
        "file-rename" => file_rename(session, &given),
        "signature" => signature(session, &given),
        "incoming-calls" => structure::incoming_calls(session, given.cursor),
        "outgoing-calls" => structure::outgoing_calls(session, given.cursor),
        "symbols" => structure::symbols(session, given.cursor),
        "workspace-symbols" => structure::workspace_symbols(session, &given.text()),
        "links" => structure::links(session, given.cursor),
        "selection" => structure::selection(session, given.cursor),
        "folds" => structure::folds(session, given.cursor),
        "inlay-hints" => structure::inlay_hints(session, given.cursor),
        "code-lenses" => structure::code_lenses(session, given.cursor),
        "code-actions" => structure::code_actions(session, given.cursor),
        "tokens" => structure::tokens(session, given.cursor),
        _ => request(session, &given),
    };
    found.unwrap_or_else(|reason| format!("refused: {reason}"))
}

fn completion_items(session: &mut Session, given: &Arguments<'_>) -> Result<Vec<Value>, String> {
    let mut found = Value::Null;
    for _ in 0..ATTEMPTS_MAX {
        found = session.ask("textDocument/completion", session.at(given.cursor))?;
        if found["isIncomplete"] != true {
            break;
        }
    }
    let items = found.get("items").unwrap_or(&found).as_array().cloned();
    let mut items = items.unwrap_or_default();
    items.sort_by_key(|item| {
        let key = item["sortText"].as_str().or(item["label"].as_str());
        key.unwrap_or_default().to_owned()
    });
    Ok(items)
}

/// Names that begin with the word before the cursor, as a client shows them.
fn completion(
    session: &mut Session,
    given: &Arguments<'_>,
    block: &Block,
) -> Result<String, String> {
    let items = completion_items(session, given)?;
    let label = |item: &Value| item["label"].as_str().unwrap_or_default().to_owned();
    if given.has("includes") || given.has("excludes") {
        let all: Vec<String> = items.iter().map(label).collect();
        let holds = |name: &str| all.iter().any(|it| it == name) == given.has("includes");
        return Ok(lines(block.text.lines().filter(|name| holds(name)).map(str::to_owned)));
    }
    let typed = session.cursor(given.cursor).word().to_lowercase();
    let fits = |item: &&Value| {
        let text = item["filterText"].as_str().map_or_else(|| label(item), str::to_owned);
        text.trim_start_matches('"').to_lowercase().starts_with(&typed)
    };
    let fitting: Vec<&Value> = items.iter().filter(fits).collect();
    let show = |item: &&Value| match item["detail"].as_str() {
        Some(detail) if given.has("detailed") => format!("{}  {detail}", label(item)),
        _ => label(item),
    };
    let mut shown = lines(fitting.iter().take(NAMES_MAX).map(show));
    if fitting.len() > NAMES_MAX {
        let _ = writeln!(shown, "… {} in all", fitting.len());
    }
    Ok(shown)
}

fn documentation(session: &mut Session, given: &Arguments<'_>) -> Result<String, String> {
    let items = completion_items(session, given)?;
    let label = given.text();
    let item = items.into_iter().find(|item| item["label"] == label.as_str());
    let item = item.ok_or_else(|| format!("`{label}` is not offered"))?;
    let resolved = session.ask("completionItem/resolve", item)?;
    Ok(session.told(&markdown(&resolved["documentation"])))
}

fn markdown(found: &Value) -> String {
    let text = found["value"].as_str().or(found.as_str()).unwrap_or_default();
    if text.is_empty() { "nothing".to_owned() } else { text.trim_end().to_owned() }
}

fn hover(session: &mut Session, given: &Arguments<'_>) -> Result<String, String> {
    let found = session.ask("textDocument/hover", session.at(given.cursor))?;
    Ok(session.told(&markdown(&found["contents"])))
}

fn diagnostics(session: &mut Session, block: &Block) -> String {
    let mut marks = Vec::new();
    let expected = block.text.trim_end();
    for uri in session.open_documents() {
        let is_expected = |session: &Session, found: &Value| {
            let shown = draw::marks(session, &diagnostic_marks(&uri, found));
            expected.contains(shown.trim_end())
        };
        let found = session.diagnostics(&uri, !matches!(expected, "" | "nothing"), is_expected);
        marks.extend(diagnostic_marks(&uri, &found));
    }
    draw::marks(session, &marks)
}

fn diagnostic_marks(uri: &str, found: &Value) -> Vec<Mark> {
    let diagnostics = found.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut marks = Vec::new();
    for it in diagnostics {
        let severity = match it["severity"].as_i64() {
            Some(1) => "error",
            Some(2) => "warning",
            Some(3) => "information",
            _ => "hint",
        };
        let code = it["code"].as_str().unwrap_or_default();
        let message = it["message"].as_str().unwrap_or_default();
        let note = format!("{severity} {code}: {message}");
        marks.push(Mark::new(uri, &it["range"]).with_note(&note));
        for related in it["relatedInformation"].as_array().into_iter().flatten() {
            let place = &related["location"];
            let note = format!("note: {}", related["message"].as_str().unwrap_or_default());
            let uri = place["uri"].as_str().unwrap_or_default();
            marks.push(Mark::new(uri, &place["range"]).with_note(&note));
        }
    }
    marks
}

fn places(session: &mut Session, given: &Arguments<'_>, question: &str) -> Result<String, String> {
    let mut params = session.at(given.cursor);
    let method = match question {
        "references" => {
            params["context"] = json!({ "includeDeclaration": !given.has("uses") });
            "textDocument/references"
        }
        "declaration" => "textDocument/declaration",
        "implementation" => "textDocument/implementation",
        "type-definition" => "textDocument/typeDefinition",
        _ => "textDocument/definition",
    };
    let found = session.ask(method, params)?;
    let found = if found.is_object() { json!([found]) } else { found };
    let mark = |place: &Value| {
        let uri = place["uri"].as_str().or(place["targetUri"].as_str()).unwrap_or_default();
        let range = place.get("range").unwrap_or(&place["targetSelectionRange"]);
        Mark::new(uri, range)
    };
    let marks: Vec<Mark> = found.as_array().into_iter().flatten().map(mark).collect();
    Ok(draw::marks(session, &marks))
}

fn highlights(session: &mut Session, given: &Arguments<'_>) -> Result<String, String> {
    let params = session.at(given.cursor);
    let uri = params["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
    let found = session.ask("textDocument/documentHighlight", params)?;
    let mark = |it: &Value| {
        let mark = Mark::new(&uri, &it["range"]);
        match it["kind"].as_i64() {
            Some(3) => mark.with_note("write"),
            Some(2) => mark.with_note("read"),
            _ => mark,
        }
    };
    let marks: Vec<Mark> = found.as_array().into_iter().flatten().map(mark).collect();
    Ok(draw::marks(session, &marks))
}

fn prepare_rename(session: &mut Session, given: &Arguments<'_>) -> Result<String, String> {
    let params = session.at(given.cursor);
    let uri = params["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
    let found = session.ask("textDocument/prepareRename", params)?;
    let range = found.get("range").unwrap_or(&found);
    let marks: Vec<Mark> = range.is_object().then(|| Mark::new(&uri, range)).into_iter().collect();
    Ok(draw::marks(session, &marks))
}

fn rename(session: &mut Session, given: &Arguments<'_>) -> Result<String, String> {
    let mut params = session.at(given.cursor);
    params["newName"] = given.text().into();
    let edit = session.ask("textDocument/rename", params)?;
    Ok(draw::edit(session, &edit))
}

fn file_rename(session: &mut Session, given: &Arguments<'_>) -> Result<String, String> {
    let uris: Vec<String> =
        given.words.iter().map(|it| super::session::uri(&format!("/w/{it}"))).collect();
    let [old, new] = uris.as_slice() else { return Err("say the old and the new name".to_owned()) };
    let params = json!({ "files": [{ "oldUri": old, "newUri": new }] });
    let edit = session.ask("workspace/willRenameFiles", params)?;
    Ok(draw::edit(session, &edit))
}

fn signature(session: &mut Session, given: &Arguments<'_>) -> Result<String, String> {
    let found = session.ask("textDocument/signatureHelp", session.at(given.cursor))?;
    let signature = &found["signatures"][0];
    let label = signature["label"].as_str().unwrap_or_default().to_owned();
    let active = found["activeParameter"].as_u64().unwrap_or_default() as usize;
    let range = &signature["parameters"][active]["label"];
    let at = |index: usize| range[index].as_u64().unwrap_or_default() as usize;
    let mark = format!("{:1$}{2:^<3$}", "", at(0), "", at(1).saturating_sub(at(0)));
    let documentation = signature.get("documentation").map(markdown).unwrap_or_default();
    let parts = [label, mark, documentation];
    Ok(lines(parts.into_iter().map(|it| it.trim_end().to_owned()).filter(|it| !it.is_empty())))
}

/// Any other method: the document and the position, and the result as it is.
fn request(session: &mut Session, given: &Arguments<'_>) -> Result<String, String> {
    let Some((method, words)) = given.words.split_first() else {
        return Err("say the method".to_owned());
    };
    let mut params = session.at(given.cursor);
    if let Ok(Value::Object(more)) = serde_json::from_str(&words.join(" ")) {
        for (name, value) in more {
            params[name] = value;
        }
    }
    let found = session.ask(method, params)?;
    Ok(serde_json::to_string_pretty(&found).expect("JSON can be written"))
}

/// Joins lines; `nothing` stands for none.
pub(crate) fn lines(all: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for line in all {
        text.push_str(&line);
        text.push('\n');
    }
    if text.is_empty() { "nothing\n".to_owned() } else { text }
}
