//! The house rules that a machine can check, each a function of text.
//!
//! A file that cannot keep a rule yet stands in [`OFFENDERS`]; the list may shrink, never grow,
//! and an entry that no longer offends must go.
#![expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "the names of the workspace's files are compared as git has them"
)]

use crate::sources::{self, Source};
use std::collections::BTreeSet;

const FILE_LINES_MAX: usize = 1000;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 100;
const BLOB_BYTES_MAX: usize = 256 * 1024;

/// What a rule says about a file: one sentence for each offence.
type Rule = fn(&Source) -> Vec<String>;

const RULES: [(&str, Rule); 11] = [
    ("file-size", file_size),
    ("function-size", function_size),
    ("line-width", line_width),
    ("first-line", first_line),
    ("module-file", module_file),
    ("name", names),
    ("mark", marks),
    ("machine", machine_traces),
    ("heading", headings),
    ("test", weak_tests),
    ("glob", globs),
];

/// Rules and the files that may break them.
const OFFENDERS: [(&str, &str); 0] = [];

fn is_rust(source: &Source) -> bool {
    source.path.ends_with(".rs")
}

fn file_size(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let counted = is_rust(source) || source.path.ends_with(".nix");
    let mut wrong = Vec::new();
    if counted && lines > FILE_LINES_MAX {
        wrong.push(format!("{lines} lines; at most {FILE_LINES_MAX}"));
    }
    if source.text.len() > BLOB_BYTES_MAX {
        wrong.push(format!("{} bytes; at most {BLOB_BYTES_MAX}", source.text.len()));
    }
    wrong
}

fn function_size(source: &Source) -> Vec<String> {
    if !is_rust(source) {
        return Vec::new();
    }
    let code = sources::code_only(&source.text);
    let mut wrong = Vec::new();
    for (start, name) in functions(&code) {
        let Some(lines) = body_lines(&code[start..]) else { continue };
        if lines > FUNCTION_LINES_MAX {
            let line = code[..start].lines().count() + 1;
            wrong.push(format!("line {line}: `{name}` has {lines} lines"));
        }
    }
    wrong
}

/// Returns each function's name and where its `fn` stands.
fn functions(code: &str) -> Vec<(usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices("fn ")
        .filter(|&(start, _)| !code[..start].ends_with(is_word))
        .filter_map(|(start, _)| {
            let name = code[start + 3..].split(|c| !is_word(c)).next()?;
            (!name.is_empty()).then_some((start, name))
        })
        .collect()
}

/// Counts the lines from a `fn` to the end of its body; none when it has no body.
fn body_lines(code: &str) -> Option<usize> {
    let mut brackets = 0usize;
    let mut braces = 0usize;
    let mut lines = 1;
    for c in code.chars() {
        match c {
            '\n' => lines += 1,
            '(' | '[' if braces == 0 => brackets += 1,
            ')' | ']' if braces == 0 => brackets = brackets.saturating_sub(1),
            ';' if braces == 0 && brackets == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces = braces.checked_sub(1)?;
                if braces == 0 {
                    return Some(lines);
                }
            }
            _ => {}
        }
    }
    None
}

fn line_width(source: &Source) -> Vec<String> {
    if !is_rust(source) {
        return Vec::new();
    }
    let too_wide = |line: &str| line.chars().count() > LINE_COLUMNS_MAX;
    let lines = source.text.lines().enumerate().filter(|(_, line)| too_wide(line));
    lines.map(|(idx, _)| format!("line {} is too wide", idx + 1)).collect()
}

fn first_line(source: &Source) -> Vec<String> {
    let first = source.text.lines().next().unwrap_or_default();
    let good = first.strip_prefix("//! ").is_some_and(|doc| doc.ends_with(['.', '!', '?']));
    if is_rust(source) && !good {
        vec!["the first line is not one `//!` sentence with its full stop".to_owned()]
    } else {
        Vec::new()
    }
}

fn module_file(source: &Source) -> Vec<String> {
    let wrong = source.path.ends_with("/mod.rs");
    if wrong { vec!["`foo.rs` beside `foo/`, never `mod.rs`".to_owned()] } else { Vec::new() }
}

/// Builtins of the language that start with `get`: their functions carry their names.
const BUILTINS_WITH_GET: [&str; 4] = ["get_attr", "get_env", "get_context", "get_flake"];

fn names(source: &Source) -> Vec<String> {
    if !is_rust(source) {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    let code = sources::code_only(&source.text);
    for (_, name) in functions(&code) {
        let banned = ["get_", "handle_", "process_", "do_"];
        let exempt = BUILTINS_WITH_GET.contains(&name);
        if let Some(prefix) = banned.iter().find(|prefix| name.starts_with(**prefix) && !exempt) {
            wrong.push(format!("`{name}` starts with `{prefix}`"));
        }
    }
    let banned = ["manager", "helper", "util", "utils", "misc", "common", "base"];
    let words = |path: &str| path.split(['/', '_', '.']).any(|word| banned.contains(&word));
    if words(&source.path) {
        wrong.push("the file's name says nothing".to_owned());
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    for keyword in ["struct ", "enum ", "trait "] {
        for (start, _) in code.match_indices(keyword) {
            let name = code[start + keyword.len()..].split(|c| !is_word(c)).next();
            let name = name.unwrap_or_default();
            if ["Manager", "Helper", "Util", "Utils", "Misc"].iter().any(|end| name.ends_with(end))
            {
                wrong.push(format!("`{name}` says nothing"));
            }
        }
    }
    wrong
}

/// Words that promise work: spelled in two parts, so that this file does not hold them.
const PROMISES: [&str; 5] =
    [concat!("FIX", "ME"), concat!("XX", "X"), concat!("TO", "DO"), concat!("HA", "CK"), "todo!("];

fn marks(source: &Source) -> Vec<String> {
    if !is_rust(source) && !source.path.ends_with(".nix") {
        return Vec::new();
    }
    let word = |text: &str, mark: &str| {
        text.match_indices(mark).any(|(start, _)| {
            !text[..start].ends_with(char::is_alphanumeric)
                && !text[start + mark.len()..].starts_with(char::is_alphanumeric)
        })
    };
    let found = PROMISES.iter().filter(|mark| word(&source.text, mark));
    found
        .filter(|_| !source.path.ends_with("tidy.rs"))
        .map(|mark| format!("holds `{mark}`"))
        .collect()
}

/// Traces of one machine or of where packages came from, in parts for the same reason.
const MACHINE_TRACES: [&str; 9] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/."),
    concat!("deb", "ian.org"),
    concat!("crat", "es.io"),
    concat!("python", "hosted.org"),
    concat!("npm", "js.org"),
    concat!("npm", "js.com"),
    concat!("proxy.go", "lang.org"),
    concat!("pe", "ers/nix"),
];

fn machine_traces(source: &Source) -> Vec<String> {
    let found = MACHINE_TRACES.iter().filter(|trace| source.text.contains(**trace));
    // The lock file names the registry that every Rust project has.
    found.filter(|_| source.path != "Cargo.lock").map(|trace| format!("holds `{trace}`")).collect()
}

fn headings(source: &Source) -> Vec<String> {
    if !source.path.ends_with(".md") || !source.path.starts_with("tests/") {
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let cases = tests::literate::parse(&source.text);
    let twice = cases.into_iter().filter(|case| !seen.insert(case.heading.clone()));
    twice.map(|case| format!("the heading `{}` stands twice", case.heading)).collect()
}

fn weak_tests(source: &Source) -> Vec<String> {
    if !is_rust(source) {
        return Vec::new();
    }
    let code = sources::code_only(&source.text);
    let banned = ["#[ignore", "should_panic", "thread::sleep", "assert!(true"];
    let found = banned.iter().filter(|mark| code.contains(**mark));
    let tests = sources::is_test(&source.path) || code.contains("#[test]");
    found.filter(|_| tests).map(|mark| format!("a test uses `{mark}`")).collect()
}

fn globs(source: &Source) -> Vec<String> {
    let code = if is_rust(source) { sources::code_only(&source.text) } else { String::new() };
    let is_glob = |line: &&str| line.trim_start().starts_with("pub use") && line.contains("::*");
    code.lines().filter(is_glob).map(|line| format!("`{}`", line.trim())).collect()
}

/// The file whose rows say what each error code means.
const CODES: &str = "eval/src/error/code.rs";

/// Returns the error codes that are written in a text: `"M0201"`.
fn error_codes(text: &str) -> BTreeSet<&str> {
    let is_code = |word: &&str| {
        let digits = word.strip_prefix(['E', 'M', 'F', 'S', 'L']).unwrap_or_default();
        digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    text.split('"').filter(is_code).collect()
}

/// Returns the codes that programs print and no row explains.
fn unexplained(files: &[Source]) -> BTreeSet<&str> {
    let row = |text: &str| text.trim_end().ends_with("row(");
    let rows = files.iter().filter(|source| source.path == CODES).flat_map(|source| {
        let parts: Vec<&str> = source.text.split('"').collect();
        let named: Vec<&str> =
            parts.windows(2).filter(|pair| row(pair[0])).map(|pair| pair[1]).collect();
        named
    });
    let rows: BTreeSet<&str> = rows.collect();
    let programs = files.iter().filter(|source| is_rust(source) && !sources::is_test(&source.path));
    let printed = programs.flat_map(|source| error_codes(sources::without_tests(&source.text)));
    printed.filter(|code| !rows.contains(code)).collect()
}

#[test]
fn every_error_code_is_explained() {
    let files = sources::all();
    assert!(files.iter().any(|source| source.path == CODES), "{CODES} holds the rows");
    assert_eq!(unexplained(&files), BTreeSet::new());
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let files = [
        source(CODES, "const TABLE: &[ErrorCode] = &[row(\n \"M0201\", \"a title\", \"M0301\")];"),
        source("eval/src/a.rs", "let (a, b) = (\"M0201\", \"M0999\");"),
    ];
    assert_eq!(unexplained(&files), BTreeSet::from(["M0301", "M0999"]));
}

#[test]
fn every_file_keeps_the_rules() {
    let files = sources::all();
    let mut wrong = Vec::new();
    for (name, rule) in RULES {
        for source in &files {
            let offences = rule(source);
            let listed = OFFENDERS.contains(&(name, source.path.as_str()));
            if listed && offences.is_empty() {
                wrong.push(format!("{}: take it off the list for `{name}`", source.path));
            }
            let kept = offences.iter().filter(|_| !listed);
            wrong.extend(kept.map(|offence| format!("{}: {name}: {offence}", source.path)));
        }
    }
    assert!(wrong.is_empty(), "{} offences\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_rule_fails_on_bad_input() {
    let long_function = format!("//! A.\nfn f() {{\n{}}}\n", "    g();\n".repeat(70));
    let bad: [(&str, &str, String); 16] = [
        ("file-size", "eval/src/a.rs", "//! A.\n".repeat(1001)),
        ("file-size", "tests/a.txt", "x".repeat(BLOB_BYTES_MAX + 1)),
        ("function-size", "eval/src/a.rs", long_function),
        ("line-width", "eval/src/a.rs", "x".repeat(101)),
        ("first-line", "eval/src/a.rs", "use std::fmt;\n".to_owned()),
        ("first-line", "eval/src/a.rs", "//! No stop\n".to_owned()),
        ("module-file", "eval/src/a/mod.rs", String::new()),
        ("name", "eval/src/a.rs", "fn get_value() {}".to_owned()),
        ("name", "eval/src/util.rs", String::new()),
        ("name", "eval/src/a.rs", "struct StoreManager;".to_owned()),
        ("mark", "eval/src/a.rs", format!("// {} later", PROMISES[0])),
        ("machine", "README.md", format!("see {}main", MACHINE_TRACES[0])),
        ("heading", "tests/cli/a.md", "# A\n# A\n".to_owned()),
        ("test", "eval/src/a.rs", "#[test]\n#[ignore]\nfn f() {}".to_owned()),
        ("test", "tests/src/a.rs", "fn f() { std::thread::sleep(x) }".to_owned()),
        ("glob", "eval/src/lib.rs", "pub use value::*;".to_owned()),
    ];
    let mut untested: BTreeSet<&str> = RULES.iter().map(|(name, _)| *name).collect();
    assert_eq!(untested.len(), RULES.len(), "each rule has its own name");
    for (name, path, text) in bad {
        untested.remove(name);
        let (_, rule) = RULES.iter().find(|(known, _)| *known == name).expect("a known rule");
        let source = Source { path: path.to_owned(), text };
        assert!(!rule(&source).is_empty(), "{name} does not see {path}");
    }
    assert!(untested.is_empty(), "no bad input for {untested:?}");
}

#[test]
fn a_function_at_the_limit_passes() {
    let text = format!("//! A.\nfn f() {{\n{}}}\n", "    g();\n".repeat(68));
    let source = Source { path: "eval/src/a.rs".to_owned(), text };
    assert_eq!(function_size(&source), Vec::<String>::new());
    assert_eq!(
        names(&Source { path: "a.rs".to_owned(), text: "fn get_attr() {}".to_owned() }).len(),
        0
    );
}
