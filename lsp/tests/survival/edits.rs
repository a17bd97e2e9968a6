//! Edited = fresh: after any edit every request is answered as for a text just opened.

use eval::db::{self, Database, File};
use eval::source::{HOST, SourcePath};
use lsp::ide::{
    Knowledge, completion, document_symbols, folding, goto_definition, hover, links, references,
    selection, semantic_tokens, signature_help,
};
use serde_json::{Value, json};
use syntax::TextSize;

use super::client::{Client, URI};
use super::{Random, size};

/// What edits are made of: pieces that open, close and break things, and pieces of every day.
const PIECES: [&str; 24] = [
    "let x = 1; in ",
    "{ a, b ? 2, ... }: ",
    "with x; ",
    "rec { y = z; z = 1; }",
    "\"${",
    "}\"",
    "''\n  text\n''",
    " + ",
    "(",
    ")",
    "]",
    "# comment\n",
    "/* ",
    "*/",
    "inherit (x) y;",
    "inherit a b;",
    "services.nginx.enable = true;\n",
    "é😀",
    "\r\n",
    "  ",
    ".",
    ";",
    "a",
    "./file.nix",
];

const START: &str = r#"{ config, lib, pkgs, ... }:
let
  cfg = config.services.tea;
  names = [ "a" "b" ];
in
{
  options.services.tea.enable = lib.mkEnableOption "tea";
  config = lib.mkIf cfg.enable {
    environment.systemPackages = with pkgs; [ hello cups ];
    users.users.brewer = { isNormalUser = true; inherit (cfg) extraGroups; };
    systemd.services.tea = rec {
      script = "${name} start";
      name = ''
        tea ${lib.head names}
      '';
    };
  };
}
"#;

/// Makes an edit and returns its range.
fn edit(text: &mut String, random: &mut Random) -> (usize, usize, &'static str) {
    let boundary = |text: &str, at: usize| {
        (0..=at.min(text.len())).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(0)
    };
    // A text that has grown is cut down: most edits shall meet something whole.
    let removed = if text.len() > 4000 { 2000 } else { random.below(6) };
    let start = boundary(text, random.below(text.len() + 1));
    let end = boundary(text, start + removed).max(start);
    let piece = PIECES[random.below(PIECES.len())];
    text.replace_range(start..end, piece);
    (start, end, piece)
}

/// Returns every answer about a file as text.
fn answers(db: &Database, file: File, offset: TextSize) -> String {
    let knowledge = Knowledge::default();
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}",
        db::diagnostics(db, file),
        db::line_index(db, file),
        document_symbols::document_symbols(db, file),
        folding::folds(db, file),
        semantic_tokens::semantic_tokens(db, file, None),
        links::links(db, knowledge, file),
        selection::selections(db, file, offset),
        completion::completion(db, knowledge, file, offset),
        hover::hover(db, knowledge, file, offset),
        goto_definition::goto_definition(db, knowledge, file, offset),
        references::highlights(db, knowledge, file, offset),
        signature_help::signature_help(db, knowledge, file, offset),
    )
}

#[test]
fn edited_is_fresh_for_every_request() {
    let path = SourcePath::new(HOST, b"/w/configuration.nix");
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut text = START.to_owned();
    let mut db = Database::default();
    let file = File::new(&db, path.clone(), text.as_bytes().into());
    for number in 0..size(600, 10_000) {
        if number % 40 == 39 {
            START.clone_into(&mut text);
        }
        let made = edit(&mut text, &mut random);
        db::set_text(&mut db, file, text.as_bytes().into());
        let offset = TextSize::from(random.below(text.len() + 1) as u32);
        let fresh = Database::default();
        let new = File::new(&fresh, path.clone(), text.as_bytes().into());
        let (found, expected) = (answers(&db, file, offset), answers(&fresh, new, offset));
        assert!(found == expected, "edit {number}: {made:?} at {offset:?} in\n{text}");
    }
}

/// Returns the protocol's position of an offset.
fn position(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let character = before[start..].encode_utf16().count();
    json!({ "line": before.matches('\n').count(), "character": character })
}

/// The requests that are asked of a document alone, and those about a place in it.
const DOCUMENT: [&str; 5] = [
    "textDocument/documentSymbol",
    "textDocument/semanticTokens/full",
    "textDocument/foldingRange",
    "textDocument/documentLink",
    "textDocument/diagnostic",
];
const PLACE: [&str; 7] = [
    "textDocument/hover",
    "textDocument/completion",
    "textDocument/definition",
    "textDocument/references",
    "textDocument/documentHighlight",
    "textDocument/signatureHelp",
    "textDocument/prepareRename",
];

#[test]
fn every_request_is_answered_between_edits() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut text = START.replace("\r\n", "\n");
    let mut client = Client::start(json!({ "evaluation": { "enable": false } }));
    client.open(&text);
    let mut seen = 0;
    for number in 0..size(150, 10_000) {
        let before = text.clone();
        let (start, end, piece) = edit(&mut text, &mut random);
        // The columns of a line that ends in a carriage return alone are the server's to choose.
        if text.contains('\r') {
            text = START.replace("\r\n", "\n");
            client.change(json!([{ "text": text }]));
        } else {
            let range = json!({ "start": position(&before, start), "end": position(&before, end) });
            client.change(json!([{ "range": range, "text": piece }]));
        }
        let place = {
            let at = random.below(text.len() + 1);
            let at = (0..=at).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(0);
            position(&text, at)
        };
        let document = json!({ "uri": URI });
        for method in DOCUMENT {
            let answer = client.ask(method, json!({ "textDocument": document }));
            assert!(answer.get("error").is_none(), "{method} after edit {number}: {answer}");
        }
        for method in PLACE {
            let mut params = json!({ "textDocument": document, "position": place });
            if method == "textDocument/references" {
                params["context"] = json!({ "includeDeclaration": true });
            }
            let answer = client.ask(method, params);
            // A name that cannot be renamed is told so; all else is answered.
            let may_refuse = method == "textDocument/prepareRename";
            assert!(
                may_refuse || answer.get("error").is_none(),
                "{method} after edit {number}: {answer}"
            );
            seen += 1;
        }
        if number % 50 == 0 {
            let tokens = |client: &mut Client| {
                let params = json!({ "textDocument": { "uri": URI } });
                let names = ["textDocument/semanticTokens/full", "textDocument/documentSymbol"];
                names.map(|it| {
                    let answer = client.ask(it, params.clone());
                    answer["result"].get("data").unwrap_or(&answer["result"]).clone()
                })
            };
            let mut fresh = Client::start(json!({ "evaluation": { "enable": false } }));
            fresh.open(&text);
            assert_eq!(tokens(&mut client), tokens(&mut fresh), "edit {number} in\n{text}");
            fresh.finish();
        }
    }
    assert!(seen > 0);
    client.finish();
}
