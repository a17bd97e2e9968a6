//! Cases written as Markdown: a heading is a claim, a block is a question or its answer.
//!
//! ````text
//! ## `or` applies to the whole path
//!
//! A missing attribute anywhere along the path yields the default.
//!
//! ```nix
//! { a = { }; }.a.b.c or 1        # => 1
//! { a = throw "x"; }.a.b or 1    # error: x
//! ```
//! ````
//!
//! Two kinds of answer are known. *Lines*: in a `nix` block, text up to `# => VALUE` or
//! `# error: MESSAGE` is an expression, possibly over several lines, and what it gives.
//! *Blocks*: any other block may be the answer to what stands before it in its case; the check
//! says what it should hold. With `UPDATE_EXPECT=1` in the environment answers are rewritten
//! instead of compared.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A claim with the blocks that show it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The text of the heading, joined with those above it by ` / `.
    pub heading: String,
    /// The line of the heading, from 1.
    pub line: usize,
    /// The blocks, in order.
    pub blocks: Vec<Block>,
}

impl Case {
    /// Returns the first block in `language`.
    pub fn block(&self, language: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.language == language)
    }

    /// Returns the files of the case: its `nix` blocks and those with a name, in order.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.blocks.iter().filter_map(|block| match (&block.file, block.language.as_str()) {
            (Some(file), _) => Some((file.as_str(), block.text.as_str())),
            (None, "nix") => Some(("main.nix", block.text.as_str())),
            (None, _) => None,
        })
    }
}

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first word after the fence.
    pub language: String,
    /// What follows the language on the fence's line.
    pub arguments: String,
    /// The name that a line like `` `lib.nix`: `` before the block gives it.
    pub file: Option<String>,
    /// The text between the fences, each line with its end.
    pub text: String,
    /// The line of the opening fence, from 1.
    pub line: usize,
    /// Where `text` stands in the document, in bytes.
    range: Range<usize>,
}

/// One `# =>` or `# error:` line of a `nix` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// The expression before the mark.
    pub expression: String,
    /// `Ok` with the value's text, or `Err` with what the message must contain.
    pub expected: Result<String, String>,
    /// The line of the mark inside the text, from 0.
    pub line: usize,
    /// Where the answer stands in the text, from the `=>` or `error:` on, in bytes.
    range: Range<usize>,
}

/// Reads the cases of a Markdown text.
pub fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut headings: Vec<(usize, String)> = Vec::new();
    let mut file = None;
    let mut open: Option<(String, Block)> = None;
    let mut offset = 0;
    for (idx, line) in text.split_inclusive('\n').enumerate() {
        let start = offset;
        offset += line.len();
        let bare = line.trim_end();
        if let Some((fence, mut block)) = open.take() {
            if bare == fence {
                block.range.end = start;
                text[block.range.clone()].clone_into(&mut block.text);
                if let Some(case) = cases.last_mut() {
                    case.blocks.push(block);
                }
            } else {
                open = Some((fence, block));
            }
        } else if bare.starts_with("```") {
            let fence: String = bare.chars().take_while(|&c| c == '`').collect();
            let info = bare[fence.len()..].trim();
            let (language, arguments) = info.split_once(' ').unwrap_or((info, ""));
            let block = Block {
                language: language.to_owned(),
                arguments: arguments.trim().to_owned(),
                file: file.take(),
                text: String::new(),
                line: idx + 1,
                range: offset..offset,
            };
            open = Some((fence, block));
        } else if let Some((level, title)) = heading(bare) {
            headings.retain(|&(above, _)| above < level);
            headings.push((level, title.to_owned()));
            let titles: Vec<&str> = headings.iter().map(|(_, title)| title.as_str()).collect();
            let heading = titles.join(" / ");
            cases.push(Case { heading, line: idx + 1, blocks: Vec::new() });
        } else if !bare.is_empty() {
            file = file_name(bare);
        }
    }
    assert!(open.is_none(), "a fenced block is not closed");
    cases
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.len() - line.trim_start_matches('#').len();
    let title = line.trim_start_matches('#').strip_prefix(' ')?;
    (level > 0).then_some((level, title.trim()))
}

/// Reads the name out of a line like `` `lib.nix`: ``.
fn file_name(line: &str) -> Option<String> {
    let name = line.strip_prefix('`')?.strip_suffix("`:")?;
    Some(name.to_owned())
}

/// Reads the line assertions of a `nix` text; none when it has no marks.
///
/// A mark is `# =>` or `# error:` outside of any string, which this function does not parse: a
/// string that holds a mark cannot be asked this way.
pub fn assertions(text: &str) -> Vec<Assertion> {
    let mut found = Vec::new();
    let mut expression = String::new();
    let mut offset = 0;
    for (idx, line) in text.split_inclusive('\n').enumerate() {
        let start = offset;
        offset += line.len();
        let mark = line.find("# => ").or_else(|| line.find("# error:"));
        let Some(mark) = mark else {
            expression.push_str(line);
            continue;
        };
        expression.push_str(&line[..mark]);
        let answer = line[mark + 2..].trim_end();
        let expected = match answer.strip_prefix("=> ") {
            Some(value) => Ok(value.trim().to_owned()),
            None => Err(answer.trim_start_matches("error:").trim().to_owned()),
        };
        let from = start + mark + 2;
        let range = from..from + answer.len();
        let expression = std::mem::take(&mut expression).trim().to_owned();
        found.push(Assertion { expression, expected, line: idx, range });
    }
    found
}

/// Compares the line assertions of one text, for examples that stand in documentation.
///
/// # Errors
///
/// One sentence for each assertion that does not hold.
pub fn check_text(
    text: &str,
    mut evaluate: impl FnMut(&str) -> Result<String, String>,
) -> Result<usize, Vec<String>> {
    let assertions = assertions(text);
    let wrong: Vec<String> = assertions
        .iter()
        .filter_map(|assertion| disagreement(assertion, &evaluate(&assertion.expression)))
        .collect();
    if wrong.is_empty() { Ok(assertions.len()) } else { Err(wrong) }
}

fn disagreement(assertion: &Assertion, actual: &Result<String, String>) -> Option<String> {
    let holds = match (&assertion.expected, actual) {
        (Ok(expected), Ok(actual)) => expected == actual.trim(),
        (Err(expected), Err(actual)) => actual.contains(expected.as_str()),
        _ => false,
    };
    let show = |result: &Result<String, String>| match result {
        Ok(value) => format!("=> {value}"),
        Err(message) => format!("error: {message}"),
    };
    (!holds).then(|| {
        format!(
            "`{}`\n    expected {}\n    found    {}",
            assertion.expression,
            show(&assertion.expected),
            show(actual)
        )
    })
}

/// Runs the line assertions of every Markdown file in `directory` and below.
///
/// `evaluate` is given the expression and what stands after the block's language: the features
/// that the expression needs.
///
/// # Panics
///
/// With all disagreements, when there is one; when nothing at all was asked.
pub fn run_lines(directory: &Path, mut evaluate: impl FnMut(&str, &str) -> Result<String, String>) {
    run(directory, |case, report| {
        for block in case.blocks.iter().filter(|block| block.language == "nix") {
            for assertion in assertions(&block.text) {
                let actual = evaluate(&assertion.expression, &block.arguments);
                let line = block.line + 1 + assertion.line;
                let start = block.range.start;
                let range = start + assertion.range.start..start + assertion.range.end;
                let answer = match &actual {
                    Ok(value) => format!("=> {}", value.trim()),
                    Err(message) => {
                        format!("error: {}", message.lines().next().unwrap_or_default())
                    }
                };
                report.compare(line, range, answer, disagreement(&assertion, &actual));
            }
        }
    });
}

/// Runs the answer blocks of every Markdown file in `directory` and below.
///
/// `answer` is asked for every block: it returns what the block should hold, or `None` when the
/// block is no answer.
///
/// # Panics
///
/// With all disagreements, when there is one; when nothing at all was asked.
pub fn run_blocks(directory: &Path, mut answer: impl FnMut(&Case, &Block) -> Option<String>) {
    run(directory, |case, report| {
        for block in &case.blocks {
            let Some(mut actual) = answer(case, block) else { continue };
            if !actual.is_empty() && !actual.ends_with('\n') {
                actual.push('\n');
            }
            let wrong = (actual != block.text).then(|| difference(&block.text, &actual));
            report.compare(block.line, block.range.clone(), actual, wrong);
        }
    });
}

/// What the cases of one document came to.
struct Report {
    path: PathBuf,
    heading: String,
    asked: usize,
    failures: Vec<String>,
    edits: Vec<(Range<usize>, String)>,
}

impl Report {
    fn compare(&mut self, line: usize, range: Range<usize>, actual: String, wrong: Option<String>) {
        self.asked += 1;
        if let Some(wrong) = wrong {
            let path = self.path.display();
            self.failures.push(format!("{path}:{line}: {}\n    {wrong}", self.heading));
            self.edits.push((range, actual));
        }
    }
}

fn run(directory: &Path, mut check: impl FnMut(&Case, &mut Report)) {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut failures = Vec::new();
    let mut asked = 0;
    for path in documents(directory) {
        let text = std::fs::read_to_string(&path).expect("a Markdown file that was just listed");
        let mut report = Report {
            path: path.clone(),
            heading: String::new(),
            asked: 0,
            failures: Vec::new(),
            edits: Vec::new(),
        };
        for case in parse(&text) {
            report.heading.clone_from(&case.heading);
            check(&case, &mut report);
        }
        asked += report.asked;
        if update {
            std::fs::write(&path, rewrite(text, report.edits)).expect("tests can be rewritten");
        } else {
            failures.extend(report.failures);
        }
    }
    let count = failures.len();
    assert!(asked > 0, "no case asks anything in {}", directory.display());
    assert!(count == 0, "{count} of {asked} answers differ\n\n{}", failures.join("\n\n"));
}

fn rewrite(mut text: String, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    for (range, replacement) in edits.into_iter().rev() {
        text.replace_range(range, &replacement);
    }
    text
}

/// Returns the Markdown files at `path` (a file or a directory), sorted.
fn documents(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            found.extend(documents(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "md") {
            found.push(entry);
        }
    }
    found
}

/// Shows two texts line by line, marking what only one of them has.
fn difference(expected: &str, actual: &str) -> String {
    let mut shown = String::from("expected:\n");
    for line in expected.lines() {
        let _ = writeln!(shown, "      {line}");
    }
    shown.push_str("    found:\n");
    for line in actual.lines() {
        let _ = writeln!(shown, "      {line}");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{assertions, check_text, parse, rewrite};

    const DOCUMENT: &str = "\
# Selection
## a claim
`lib.nix`:

```nix
{ a = 1; }
```
```value strict
1
```
";

    #[test]
    fn a_document_is_headings_and_blocks() {
        let cases = parse(DOCUMENT);
        assert_eq!(cases.len(), 2);
        let case = &cases[1];
        assert_eq!(case.heading, "Selection / a claim");
        assert_eq!(case.files().collect::<Vec<_>>(), [("lib.nix", "{ a = 1; }\n")]);
        let value = case.block("value").expect("the document has one");
        assert_eq!((value.text.as_str(), value.arguments.as_str()), ("1\n", "strict"));
        assert_eq!(value.line, 8);
    }

    #[test]
    fn marks_end_expressions() {
        let found = assertions("1 +\n 1 # => 2\nthrow \"x\" # error: x\n");
        assert_eq!(found[0].expression, "1 +\n 1");
        assert_eq!(found[0].expected, Ok("2".to_owned()));
        assert_eq!(found[1].expected, Err("x".to_owned()));
    }

    #[test]
    fn a_wrong_answer_is_told() {
        let wrong = check_text("1 # => 2\n", |_| Ok("1".to_owned())).unwrap_err();
        assert!(wrong[0].contains("expected => 2"), "{wrong:?}");
        assert!(wrong[0].contains("found    => 1"), "{wrong:?}");
        assert_eq!(check_text("1 # => 1\n", |_| Ok("1".to_owned())), Ok(1));
        assert!(check_text("1 # error: no\n", |_| Ok("1".to_owned())).is_err());
    }

    #[test]
    fn updates_replace_from_the_end() {
        let edits = vec![(0..1, "xx".to_owned()), (2..3, "yy".to_owned())];
        assert_eq!(rewrite("a b c".to_owned(), edits), "xx yy c");
    }
}
