//! The workspace's own files, as the checks read them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A tracked text file.
pub(crate) struct Source {
    /// The path from the top of the workspace, with `/`.
    pub(crate) path: String,
    /// The content.
    pub(crate) text: String,
}

/// Returns the top of the workspace.
pub(crate) fn top() -> PathBuf {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR"));
    cli.parent().expect("cli lies in the workspace").to_owned()
}

/// Returns every file that git tracks or would track, except those that are not UTF-8.
pub(crate) fn all() -> Vec<Source> {
    // A checkout that belongs to another user is read all the same.
    let list = ["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git")
        .args(list)
        .current_dir(top())
        .output()
        .expect("git lists the workspace's files");
    assert!(output.status.success(), "git ls-files failed");
    let listed = String::from_utf8(output.stdout).expect("our file names are UTF-8");
    let mut paths: Vec<&str> = listed.lines().collect();
    paths.sort_unstable();
    paths.dedup();
    paths
        .into_iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(top().join(path)).ok()?;
            Some(Source { path: path.to_owned(), text })
        })
        .collect()
}

/// Replaces the contents of comments, strings and character literals by spaces.
///
/// What is left is code of the same length and with the same lines, so that braces can be
/// counted and words be found.
pub(crate) fn code_only(text: &str) -> String {
    let mut masked = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = literal_length(rest, masked.last().copied());
        let (token, after) = rest.split_at(length.unwrap_or(first.len_utf8()));
        if length.is_some() {
            masked.extend(token.bytes().map(|byte| if byte == b'\n' { b'\n' } else { b' ' }));
        } else {
            masked.extend(token.bytes());
        }
        rest = after;
    }
    String::from_utf8(masked).expect("only whole characters were replaced")
}

/// Returns the length of the comment or literal that `rest` starts with, in bytes.
fn literal_length(rest: &str, previous: Option<u8>) -> Option<usize> {
    let in_word = previous.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    if rest.starts_with('"') {
        return Some(string_length(rest));
    }
    if !in_word && (rest.starts_with("r#") || rest.starts_with("r\"") || rest.starts_with("br")) {
        let open = rest.trim_start_matches('b').strip_prefix('r')?;
        let hashes = open.len() - open.trim_start_matches('#').len();
        if !open[hashes..].starts_with('"') {
            return None;
        }
        let prefix = rest.len() - open.len() + hashes + 1;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = rest[prefix..].find(&close).map_or(rest.len(), |end| prefix + end + close.len());
        return Some(end);
    }
    if let Some(after) = rest.strip_prefix('\'') {
        // A lifetime has no closing quote where a character would have one.
        let mut chars = after.char_indices();
        let (_, first) = chars.next()?;
        if first == '\\' {
            let skip = 1 + after[1..].chars().next().map_or(0, char::len_utf8);
            return after[skip..].find('\'').map(|end| 1 + skip + end + 1);
        }
        let (end, second) = chars.next()?;
        return (second == '\'').then_some(1 + end + 1);
    }
    None
}

fn string_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut idx = 1;
    while idx < bytes.len() {
        match bytes[idx] {
            b'\\' => idx += 2,
            b'"' => return idx + 1,
            _ => idx += 1,
        }
    }
    rest.len()
}

/// Tells whether a file holds tests only, and so may do what the crate itself may not.
pub(crate) fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
        || path.ends_with("/tests.rs")
        || path.contains("/tests/")
        || path.contains("/examples/")
        || path.contains("/benches/")
}

/// Returns the text before a module of tests that stands at a file's end.
pub(crate) fn without_tests(text: &str) -> &str {
    match text.find("\n#[cfg(test)]\nmod ") {
        Some(end) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

#[test]
fn literals_and_comments_are_masked() {
    let text = "let a = \"{\"; // }\nlet b = '{'; let c: &'a str = r#\"{\"\"#; x\n";
    let masked = code_only(text);
    assert_eq!(masked.len(), text.len());
    assert!(!masked.contains(['{', '}']), "{masked}");
    assert!(masked.contains("&'a str"), "{masked}");
    assert!(masked.ends_with("; x\n"), "{masked}");
    assert_eq!(code_only("'\\'' '\\u{1}' b'{'").trim(), "b");
}
